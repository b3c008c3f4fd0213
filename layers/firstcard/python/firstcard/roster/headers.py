"""Column names: which are read, which are dropped, and which were probably meant."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Protocol

from firstcard.roster.reading import DroppedColumn, RefusedError
from firstcard.roster.reasons import Problem, Reason
from firstcard.roster.terms import Terms
from firstcard.roster.text import Loose, Table, Tidy

Row = tuple[int, tuple[str, ...], Sequence[str]]
"""A row's line, the cells that are read, and all its cells."""

_NEAR = 0.85
"""Likeness of two names above which one is taken for a misspelling of the other (difflib's ratio)."""

_FORBIDDEN_WORDS: dict[str, frozenset[str]] = {
    "ssn": frozenset({"ssn"}),
    "iep": frozenset({"iep", "sped"}),
    "lunch_status": frozenset({"lunch", "frl", "frpl", "frm"}),
    "race": frozenset({"race", "races", "asian", "white"}),
    "ethnicity": frozenset({"ethnicity", "ethnic", "hispanic", "latino"}),
    "medical": frozenset({"medical", "medication", "medications", "allergy", "allergies", "diagnosis", "disability", "health"}),
    "immigration": frozenset({"immigration", "immigrant", "refugee", "citizenship", "visa"}),
    "birth_country": frozenset(),
    "pronouns": frozenset({"pronoun", "pronouns"}),
    "gender": frozenset({"gender", "sex"}),
    "password": frozenset({"password", "passwd", "pwd"}),
}
_FORBIDDEN_PHRASES: dict[str, tuple[str, ...]] = {
    "ssn": ("socialsecurity",),
    "lunch_status": ("freereduced", "freeorreduced"),
    "iep": ("specialeducation", "specialed"),
    "race": ("americanindian", "blackorafrican", "africanamerican", "alaskanative", "pacificislander"),
    "birth_country": (
        "countryofbirth",
        "birthcountry",
        "stateofbirth",
        "cityofbirth",
        "birthstate",
        "birthcity",
        "birthplace",
        "placeofbirth",
    ),
}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_VALUE = re.compile(r"\d{3,}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|[^@ ]+@[^@ ]+\.[A-Za-z]+")
"""What is no column's name: a number, a date, an e-mail address."""
_COLUMN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _.:()/#-]{0,63}")


def squeezed(name: str) -> str:
    """A name without case, signs and blanks, as people compare them."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def forbidden_field(header: str, forbidden: frozenset[str]) -> str:
    """Which forbidden field this column would bring; empty if none."""
    words = {word.lower() for word in _WORDS.findall(header)}
    tight = squeezed(header)
    for name in sorted(forbidden):
        if tight == squeezed(name) or words & _FORBIDDEN_WORDS.get(name, frozenset()):
            return name
        if any(phrase in tight for phrase in _FORBIDDEN_PHRASES.get(name, ())):
            return name
    return ""


def printable_name(header: str, place: int) -> str:
    """A header as it may be shown: itself where it looks like a column's name, else its place (from 1), since data may stand there."""
    return header if _COLUMN_NAME.fullmatch(header) else f"column {place}"


class Forbidding(Protocol):
    """What says which fields may never be read."""

    @property
    def forbidden(self) -> frozenset[str]:
        """Names of fields."""
        ...


@dataclass(slots=True)
class Columns:
    """The columns of one table that are read, in the order they were asked for, and the forbidden ones that are only looked at for emptiness."""

    table: Table
    places: Mapping[str, int]
    dropped: tuple[str, ...]
    forbidden: Mapping[int, tuple[str, str]]
    populated: set[int] = field(default_factory=set)

    def rows(self, problems: list[Problem], wrong_width: list[int]) -> Iterator[Row]:
        """Each row: its line, the cells that are read, and all its cells, which the caller lets go of at once.

        Rows of another width than the header's are noted in ``wrong_width`` by their line; the first blank row is noted as a problem.
        """
        for piece in self.pieces(problems, wrong_width):
            yield from self.rows_of(piece) if isinstance(piece, Tidy) else piece

    def rows_of(self, piece: Tidy) -> Iterator[Row]:
        """Each row of a tidy piece, as ``rows`` gives it."""
        columns = [piece.column(place) for place in self.places.values()]
        cells: Iterable[tuple[str, ...]] = zip(*columns, strict=True) if columns else repeat((), piece.count)
        return zip(piece.lines, cells, piece.rows(), strict=True)

    def row_of(self, piece: Tidy, number: int) -> Row:
        """One row of a tidy piece, from 0."""
        row = piece.row(number)
        return piece.first + number, tuple(row[place] for place in self.places.values()), row

    def pieces(self, problems: list[Problem], wrong_width: list[int]) -> Iterator[Tidy | Iterator[Row]]:
        """The same in pieces: tidy ones, which can be read by the column, and the rows of the others."""
        blank_seen = False

        def loose(piece: Loose) -> Iterator[Row]:
            nonlocal blank_seen
            for line, row in piece:
                if len(row) != len(self.table.header) or not any(row):
                    if any(cell.strip() for cell in row):
                        wrong_width.append(line)
                    elif not blank_seen and len(row) > 1:
                        blank_seen = True
                        problems.append(Problem(self.table.file, line, "", Reason.BLANK_ROW))
                    continue
                for place in self.forbidden:
                    if row[place] and not row[place].isspace():
                        self.populated.add(place)
                yield line, tuple(row[place] for place in self.places.values()), row

        for piece in self.table.pieces():
            if isinstance(piece, Tidy):
                for place in self.forbidden.keys() - self.populated:
                    if "".join(piece.column(place)).strip():
                        self.populated.add(place)
                yield piece
            else:
                yield loose(piece)

    def report(self) -> Iterator[DroppedColumn]:
        """The columns that were not read. Call it after the rows: only then is it known which forbidden ones held values."""
        for name in self.dropped:
            yield DroppedColumn(self.table.file, name, False)
        for place, (name, _) in self.forbidden.items():
            yield DroppedColumn(self.table.file, name, place in self.populated)

    def findings(self, terms: Terms, problems: list[Problem]) -> None:
        """After the rows: refuse the file for a populated forbidden column where the agreement says so; warn of passwords always."""
        for place in sorted(self.populated):
            name, kind = self.forbidden[place]
            if terms.reject_forbidden:
                raise RefusedError(Reason.FORBIDDEN_COLUMN, self.table.file, 1, name)
            if kind == "password":
                problems.append(Problem(self.table.file, 1, name, Reason.PASSWORDS_SENT))


def choose(table: Table, wanted: Iterable[str], *, required: frozenset[str], known: frozenset[str], terms: Forbidding) -> Columns:
    """Find the wanted columns in the header.

    Raises RefusedError for a misspelt or doubled one, and for a required one that is missing; the refusal names the column that we know, not what the
    file says. A forbidden column is not there for anybody, not even for the agreement's mapping.
    """
    header = table.header
    places: dict[str, int] = {}
    missing: list[str] = []
    for name in dict.fromkeys(wanted):
        if forbidden_field(name, terms.forbidden):
            missing.append(name)
        elif name in header:
            if header.count(name) > 1:
                raise RefusedError(Reason.DUPLICATE_HEADER, table.file, 1, name)
            places[name] = header.index(name)
        else:
            missing.append(name)
    strangers = {squeezed(name): name for name in header if name not in known and name not in places}
    for name in missing:
        if name in header:
            continue
        near = difflib.get_close_matches(squeezed(name), strangers, n=1, cutoff=_NEAR)
        if near:
            raise RefusedError(Reason.HEADER_TYPO, table.file, 1, name)
    for name in missing:
        if name in required:
            raise RefusedError(Reason.MISSING_COLUMN, table.file, 1, name)
    read = set(places.values())
    # Where none of the names is one that we know, or a name is a value, a row of data may stand in the header or run on from it.
    is_header = (bool(places) or not known.isdisjoint(header)) and not any(_VALUE.fullmatch(name) for name in header)
    dropped, forbidden = [], {}
    for place, name in enumerate(header):
        if place in read or not name:
            continue
        shown = printable_name(name, place + 1) if is_header or name in known else f"column {place + 1}"
        if kind := forbidden_field(name, terms.forbidden):
            forbidden[place] = (shown, kind)
        else:
            dropped.append(shown)
    return Columns(table, places, tuple(dropped), forbidden)
