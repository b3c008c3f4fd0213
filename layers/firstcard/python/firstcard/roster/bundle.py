"""One zip of CSV files being read: its tables, what was dropped of them, and what was seen on the way."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from firstcard.roster.archive import Archive
from firstcard.roster.headers import Columns, choose
from firstcard.roster.merging import Merging
from firstcard.roster.reading import DroppedColumn
from firstcard.roster.reasons import Problem
from firstcard.roster.snapshot import KEYS
from firstcard.roster.terms import Terms
from firstcard.roster.text import Table, open_table


@dataclass(slots=True)
class Spare:
    """Users, by their sourcedId, of whose rows less is kept than was read: with a no, without any card to come, and guardians with their role's word."""

    refused: set[str] = field(default_factory=set)
    cardless: set[str] = field(default_factory=set)
    contacts: dict[str, str] = field(default_factory=dict)


class Bundle:
    """An archive under the agreement's terms; ``read_files`` are the files that were opened for their rows.

    ``merging`` is set where its files are kept, or added to what was kept.
    """

    def __init__(self, archive: Archive, terms: Terms) -> None:
        self.archive = archive
        self.terms = terms
        self.problems: list[Problem] = list(archive.problems)
        self.dropped: list[DroppedColumn] = []
        self.read_files: set[str] = set()
        self.merging: Merging | None = None
        self.spare = Spare()

    def __contains__(self, file: str) -> bool:
        """Whether there is a table for this file, sent or kept."""
        return file in (self.archive if self.merging is None else self.merging)

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

    def columns(self, file: str, wanted: Iterable[str], *, required: frozenset[str], known: Iterable[str]) -> Columns:
        """Open one of the CSV files and find its columns, as ``choose`` does; with those of the rows that were kept of it."""
        wanted, known = tuple(wanted), frozenset(known)
        if self.merging is None:
            return choose(self.table(file, known), wanted, required=required, known=known, terms=self.terms)
        own = None
        if self.merging.sends(file):
            also = self.merging.required(file) & {*wanted, *KEYS}
            own = choose(self.table(file, known), (*wanted, *KEYS), required=required | also, known=known | {*KEYS}, terms=self.terms)
        return self.merging.columns(file, wanted, own)

    def rows(self, columns: Columns, wrong_width: list[int]) -> Iterator[tuple[int, tuple[str, ...], Sequence[str]]]:
        """The rows of a table whose columns were found; a row that came with an earlier file has a negative line."""
        if self.merging is None:
            yield from columns.rows(self.problems, wrong_width)
        else:
            yield from self.merging.rows(columns, self.problems, wrong_width)

    def finish(self, columns: Columns) -> None:
        """After the rows of a table: what was dropped, and what must be said about it."""
        columns.findings(self.terms, self.problems)
        self.dropped += columns.report()

    def unread(self) -> tuple[DroppedColumn, ...]:
        """The files that were not opened, each as a whole."""
        return tuple(DroppedColumn(name, "*", False) for name in sorted(self.archive.entries.keys() - self.read_files))
