"""Use as a library's system counts it: checkouts and e-resource sessions by school, grade and month, from a CSV file. Files about single patrons are refused, and small numbers are rounded away before anything is kept."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from firstcard.report.shown import shown
from firstcard.roster.recognise import safe_file_name
from firstcard.roster.values import code, grade

MEASURES = ("checkouts", "sessions")
GROUPED_BY = ("school", "grade", "month")
MOST_BYTES = 20_000_000
MOST_ROWS = 200_000
LONG_NUMBER = 6
"""A number of so many digits is an id or a barcode, and no count of a school's."""
DISTINCT = 5
"""So many different long numbers in one column are people's."""
ROWS_OF_A_GROUP = 40
"""A school's grade has one row a month, or one for each branch and kind of item: more of them are one a loan or a patron."""
ENOUGH_ROWS = 20
"""Of so many rows it can be said that nearly all of them count to one."""


class UsageReason(StrEnum):
    """Why a file of use is refused; a code keeps its meaning for good."""

    TOO_LARGE = "USAGE_TOO_LARGE"
    NOT_CSV = "USAGE_NOT_CSV"
    MISSING_COLUMN = "USAGE_MISSING_COLUMN"
    PATRON_COLUMN = "USAGE_PATRON_COLUMN"
    PATRON_NUMBERS = "USAGE_PATRON_NUMBERS"
    PATRON_ROWS = "USAGE_PATRON_ROWS"
    BAD_SCHOOL = "USAGE_BAD_SCHOOL"
    BAD_GRADE = "USAGE_BAD_GRADE"
    BAD_MONTH = "USAGE_BAD_MONTH"
    MONTH_NOT_OVER = "USAGE_MONTH_NOT_OVER"
    BAD_COUNT = "USAGE_BAD_COUNT"
    NO_ROWS = "USAGE_NO_ROWS"


USAGE_REASONS: Mapping[UsageReason, tuple[str, str]] = {
    UsageReason.TOO_LARGE: (
        "The file is larger than counts by school, grade and month can be.",
        "Let the library's system add up before it exports: one row for each school, grade and month.",
    ),
    UsageReason.NOT_CSV: (
        "The file is not a table of comma-separated values in UTF-8.",
        "Save it as CSV, UTF-8, with the column names in the first line.",
    ),
    UsageReason.MISSING_COLUMN: (
        "A column is missing: school, grade and month are needed, and checkouts or sessions.",
        "Name the columns school, grade, month, checkouts, sessions. The school is the district's id of it, as in the roster.",
    ),
    UsageReason.PATRON_COLUMN: (
        "A column is about single patrons: a barcode, an id, a name, an address, an e-mail, a telephone number, a birth date or a title.",
        "Nothing of the file was kept. Export counts only, without that column, and delete this file.",
    ),
    UsageReason.PATRON_NUMBERS: (
        "A column holds what only single patrons have: many long numbers, e-mail addresses or days.",
        "Nothing of the file was kept. Export counts only, without that column, and delete this file.",
    ),
    UsageReason.PATRON_ROWS: (
        "The rows are single loans or patrons, not sums: nearly all count to one, or a school's grade has dozens of them in one month.",
        "Nothing of the file was kept. Let the library's system add up: one row for each school, grade and month.",
    ),
    UsageReason.BAD_SCHOOL: (
        "The school is empty, or no id as rosters have it.",
        "Write the district's id of the school, as in the roster.",
    ),
    UsageReason.BAD_GRADE: ("The grade is none that is known.", "Write PK, KG, 01 to 12, or another CEDS grade."),
    UsageReason.BAD_MONTH: ("The month is not written as YYYY-MM.", "Write the month as 2026-11."),
    UsageReason.MONTH_NOT_OVER: (
        "The month is not over yet: its counts would grow, and the growth of a few days can be one child's.",
        "Import a month after its last day.",
    ),
    UsageReason.BAD_COUNT: (
        "A count is not a whole number of 0 or more.",
        "Write whole numbers without signs or separators; 0 where there was no use.",
    ),
    UsageReason.NO_ROWS: ("The file has no rows.", "Export it again; a month without any use needs no import."),
}
"""Of each code the sentence, and what to do."""

_OF_PATRONS = frozenset(
    [
        "barcode",
        "borrower",
        "borrowernumber",
        "cardnumber",
        "card",
        "patron",
        "patronid",
        "patron_id",
        "student",
        "studentid",
        "id",
        "uid",
        "userid",
        "username",
        "user",
        "name",
        "firstname",
        "lastname",
        "surname",
        "email",
        "mail",
        "e-mail",
        "phone",
        "telephone",
        "mobile",
        "address",
        "street",
        "zip",
        "postal",
        "birth",
        "birthdate",
        "dob",
        "birthday",
        "age",
        "gender",
        "sex",
        "race",
        "title",
        "author",
        "isbn",
        "item",
        "itemnumber",
        "biblio",
        "guardian",
        "parent",
        "household",
        "token",
        "ssn",
    ]
)
_KINDS_OF_COLUMN = {
    "eresource_sessions": "sessions",
    "e_resource_sessions": "sessions",
    "loans": "checkouts",
    "circulation": "checkouts",
    "school_id": "school",
}
_MAY_BE_NAMED = frozenset({"school_name", "patron_count", "item_type"})


@dataclass(frozen=True, slots=True)
class UsageRefusal:
    """A file of use was refused: why, and where. Never a value from the file; ``column`` is its header where that is one of ours or of a patron's."""

    reason: UsageReason
    line: int = 0
    column: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """Use as it may be shown: a row for each school, grade and month, its numbers rounded like those of people. ``dropped`` counts columns that were not read."""

    rows: tuple[Mapping[str, str | int], ...]
    dropped: int = 0

    def of_month(self, month: str) -> bytes:
        """One month as it is stored: equal ones are equal bytes."""
        return json.dumps({"v": 1, "rows": [row for row in self.rows if row["month"] == month]}, sort_keys=True).encode()

    @property
    def months(self) -> tuple[str, ...]:
        """The months that the rows are of."""
        return tuple(sorted({str(row["month"]) for row in self.rows}))


def usage_folder(sharing: str) -> str:
    """Where a district's use lies in the vault."""
    return f"usage/{sharing}/"


def usage_key(sharing: str, month: str) -> str:
    """Where one month of it lies: imported again, it takes its own place."""
    return f"{usage_folder(sharing)}{month}.json"


def read_usage(body: bytes, today: date) -> Use | UsageRefusal:
    """Read a file of use. Everything that may be about single patrons refuses it whole, before a row is added to another."""
    if len(body) > MOST_BYTES:
        return UsageRefusal(UsageReason.TOO_LARGE)
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return UsageRefusal(UsageReason.NOT_CSV)
    rows = [(number, row) for number, row in enumerate(lines[1:], 2) if any(cell.strip() for cell in row)]
    if not rows:
        return UsageRefusal(UsageReason.NO_ROWS)
    if len(rows) > MOST_ROWS:
        return UsageRefusal(UsageReason.TOO_LARGE)
    if wrong := next((number for number, row in rows if len(row) != len(lines[0])), 0):
        return UsageRefusal(UsageReason.NOT_CSV, wrong)
    names = [_KINDS_OF_COLUMN.get(name, name) for name in map(_plain, lines[0])]
    return _about_patrons(names, [row for _, row in rows]) or _read(names, rows, today)


def _plain(header: str) -> str:
    return re.sub(r"[\s\-]+", "_", header.strip().lower())


def _about_patrons(names: Sequence[str], rows: Sequence[Sequence[str]]) -> UsageRefusal | None:
    for header in names:
        words = {header, header.replace("_", ""), *header.split("_")}
        if header not in (*GROUPED_BY, *MEASURES, *_MAY_BE_NAMED) and words & _OF_PATRONS:
            return UsageRefusal(UsageReason.PATRON_COLUMN, 1, safe_file_name(header))
    for place, header in enumerate(names):
        if header in MEASURES:
            continue
        cells = [row[place].strip() for row in rows]
        digits = {
            cell for cell in cells if len(re.sub(r"\D", "", cell)) >= LONG_NUMBER and not (header == "month" and _MONTH.fullmatch(cell))
        }
        if any("@" in cell for cell in cells) or (len(digits) >= DISTINCT and (header != "school" or len(digits) * 2 > len(rows))):
            return UsageRefusal(UsageReason.PATRON_NUMBERS, 0, header if header in GROUPED_BY else "")
    return None


_MONTH = re.compile(r"(\d{4}-(?:0[1-9]|1[0-2]))(?:-01)?")


def _read(names: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]], today: date) -> Use | UsageRefusal:
    measures = [name for name in MEASURES if name in names]
    for name in (*GROUPED_BY, *(() if measures else MEASURES[:1])):
        if names.count(name) != 1:
            return UsageRefusal(UsageReason.MISSING_COLUMN, 1, name)
    sums: dict[tuple[str, str, str], Counter[str]] = {}
    of_group: Counter[tuple[str, str, str]] = Counter()
    ones = 0
    for line, row in rows:
        cells = dict(zip(names, row, strict=True))
        group = _group(cells, line, today)
        if isinstance(group, UsageRefusal):
            return group
        counts = {}
        for name in measures:
            if not re.fullmatch(r"\d{1,9}", cells[name].strip(), re.ASCII):
                return UsageRefusal(UsageReason.BAD_COUNT, line, name)
            counts[name] = int(cells[name])
        of_group[group] += 1
        ones += sum(counts.values()) <= 1
        sums.setdefault(group, Counter()).update(counts)
    if max(of_group.values()) > ROWS_OF_A_GROUP or (len(rows) >= ENOUGH_ROWS and ones * 10 >= len(rows) * 9):
        return UsageRefusal(UsageReason.PATRON_ROWS)
    return Use(tuple(_rounded(sums, measures)), sum(name not in (*GROUPED_BY, *MEASURES) for name in names))


def _group(cells: Mapping[str, str], line: int, today: date) -> tuple[str, str, str] | UsageRefusal:
    school, faults = code(cells["school"])
    if faults or not school:
        return UsageRefusal(UsageReason.BAD_SCHOOL, line, "school")
    level, faults = grade(cells["grade"])
    if faults or not level:
        return UsageRefusal(UsageReason.BAD_GRADE, line, "grade")
    month = _MONTH.fullmatch(cells["month"].strip())
    if month is None:
        return UsageRefusal(UsageReason.BAD_MONTH, line, "month")
    if month[1] >= f"{today:%Y-%m}":
        return UsageRefusal(UsageReason.MONTH_NOT_OVER, line, "month")
    return school, level, month[1]


def _rounded(sums: Mapping[tuple[str, str, str], Counter[str]], measures: Sequence[str]) -> Iterator[dict[str, str | int]]:
    for (school, level, month), counts in sorted(sums.items()):
        numbers: dict[str, str | int] = {name: shown(counts[name]) for name in measures}
        if any(numbers.values()):
            yield {"school": school, "grade": level, "month": month, **numbers}
