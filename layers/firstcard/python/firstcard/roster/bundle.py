"""One zip of CSV files being read: its tables, what was dropped of them, and what was seen on the way."""

from collections.abc import Iterable

from firstcard.roster.archive import Archive
from firstcard.roster.headers import Columns
from firstcard.roster.reading import DroppedColumn
from firstcard.roster.reasons import Problem
from firstcard.roster.terms import Terms
from firstcard.roster.text import Table, open_table


class Bundle:
    """An archive under the agreement's terms; ``read_files`` are the files that were opened for their rows."""

    def __init__(self, archive: Archive, terms: Terms) -> None:
        self.archive = archive
        self.terms = terms
        self.problems: list[Problem] = list(archive.problems)
        self.dropped: list[DroppedColumn] = []
        self.read_files: set[str] = set()

    def header(self, file: str, known: Iterable[str]) -> tuple[str, ...]:
        """The column names of one of the CSV files; empty where it is not there."""
        if file not in self.archive:
            return ()
        return open_table(self.archive.read(file), file, known=frozenset(known), encoding=self.terms.encoding).header

    def table(self, file: str, known: Iterable[str]) -> Table:
        """Open one of the CSV files."""
        self.read_files.add(file)
        table = open_table(self.archive.read(file), file, known=frozenset(known), encoding=self.terms.encoding)
        self.problems += table.problems
        return table

    def finish(self, columns: Columns) -> None:
        """After the rows of a table: what was dropped, and what must be said about it."""
        columns.findings(self.terms, self.problems)
        self.dropped += columns.report()

    def unread(self) -> tuple[DroppedColumn, ...]:
        """The files that were not opened, each as a whole."""
        return tuple(DroppedColumn(name, "*", False) for name in sorted(self.archive.entries.keys() - self.read_files))
