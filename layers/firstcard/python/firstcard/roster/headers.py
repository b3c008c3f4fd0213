"""Column names: which are read, which are dropped, and which were probably meant."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from firstcard.roster.reading import DroppedColumn, RefusedError
from firstcard.roster.reasons import Problem, Reason
from firstcard.roster.terms import Terms
from firstcard.roster.text import Table

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
    "birth_country": ("countryofbirth", "birthcountry", "stateofbirth", "cityofbirth", "birthplace", "placeofbirth"),
}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
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


@dataclass(slots=True)
class Columns:
    """The columns of one table that are read, in the order they were asked for, and the forbidden ones that are only looked at for emptiness."""

    table: Table
    places: Mapping[str, int]
    dropped: tuple[str, ...]
    forbidden: Mapping[int, tuple[str, str]]
    populated: set[int] = field(default_factory=set)

    def rows(self, problems: list[Problem], wrong_width: list[int]) -> Iterator[tuple[int, tuple[str, ...], list[str]]]:
        """Each row: its line, the cells that are read, and all its cells, which the caller lets go of at once.

        Rows of another width than the header's are noted in ``wrong_width`` by their line; the first blank row is noted as a problem.
        """
        width = len(self.table.header)
        chosen = list(self.places.values())
        pick = itemgetter(*chosen) if len(chosen) > 1 else None
        unseen = list(self.forbidden)
        blank_seen = False
        for line, row in self.table.rows():
            if len(row) != width or not any(row):
                if any(cell.strip() for cell in row):
                    wrong_width.append(line)
                elif not blank_seen and len(row) > 1:
                    blank_seen = True
                    problems.append(Problem(self.table.file, line, "", Reason.BLANK_ROW))
                continue
            for place in unseen:
                if row[place] and not row[place].isspace():
                    self.populated.add(place)
                    unseen = [other for other in self.forbidden if other not in self.populated]
            yield line, (pick(row) if pick else tuple(row[place] for place in chosen)), row

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


def choose(table: Table, wanted: Iterable[str], *, required: frozenset[str], known: frozenset[str], terms: Terms) -> Columns:
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
    known_header = bool(places) or not known.isdisjoint(header)
    dropped, forbidden = [], {}
    for place, name in enumerate(header):
        if place in read or not name:
            continue
        # Where none of the names is one that we know, the first line may be a row of data.
        shown = printable_name(name, place + 1) if known_header else f"column {place + 1}"
        if kind := forbidden_field(name, terms.forbidden):
            forbidden[place] = (shown, kind)
        else:
            dropped.append(shown)
    return Columns(table, places, tuple(dropped), forbidden)
