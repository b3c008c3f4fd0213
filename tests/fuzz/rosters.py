"""Rosters out of a few bytes: a sample of any form, changed at every level from the cell to the archive's bytes.

The same bytes give the same roster, so that Hypothesis can shrink it and a coverage-guided fuzzer can grow it.
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import TypeVar

from cli.samples import FORMS, plant
from firstcard.roster.terms import Terms
from firstcard.run.checking import assumed_terms
from local.district import make_district
from tests.unit.agreement.builders import an_agreement
from tests.unit.roster.builders import csv_agreement, csv_directory_agreement
from tests.unit.roster.test_sheet import a_sheet, a_workbook

TODAY = date(2026, 11, 22)
NEEDLE = "qzNeedle7x"
"""Stands in planted values and in nothing else: no output may hold it, in any case."""

Thing = TypeVar("Thing")
Table = list[list[str]]
"""Header and rows."""
Tables = dict[str, Table]

_FORBIDDEN = ("SSN", "Password", "IEP_status", "Race", "pronouns", "countryOfBirthCode", "Lunch Status", "medical")
_HEADERS = ("", " ", "student_id", "last_name", "opt_out", "role", "grade", "sourcedId", "x", "metadata.optOut", "\ufeffrole", "SIS ID")
_VALUES = (
    *("", " ", "yes", "no", "true", "student", "staff", "teacher", "guardian", "proctor", "active", "tobedeleted", "inactive", "primary"),
    *("04", "KG", "0", "-1", "99", "04,05", "en", "Spanish", "2016-05-04", "5/4/2016", "8/1/15", "2016-02-30", "1900-01-01", "2026-11-23"),
    *(
        "42494",
        "1.00E+08",
        "3-May",
        "#REF!",
        "=1+1",
        "-Smith",
        "@da",
        "a@b.org",
        "not an address",
        "1000\u04301",
        "A\x00da",
        "\x1a",
        "\u202e",
    ),
    *(
        "\ufeff",
        "\u200b",
        "n\u0303",
        "\u00c3\u00b1",
        "two\nlines",
        "\r",
        '"',
        '""',
        ",",
        "\t",
        "|",
        "x" * 201,
        "1" * 65,
        "bulk",
        "delta",
        "1.2",
    ),
    *("sample-district", "homeroom", "secondary", "Y", "N", "2026-11-22T00:00:00.000Z", "\u00df", "\u0130", "\ud800"),
)
_DRESSES = (
    "{}",
    "={}",
    "{}@example.org",
    "2016-{}",
    "{}\x00",
    "\u202e{}",
    "{}\u200b",
    '"{}',
    "{},x",
    "{}\n",
    " {} ",
    "{}E+10",
    "#{}",
    "\u00e9{}",
    "9{}",
)


class Choices:
    """Decisions taken from bytes, one after the other; when they are used up every decision is the first one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def below(self, bound: int) -> int:
        """A number from 0, below ``bound``."""
        if bound <= 1:
            return 0
        width = 1 if bound <= 256 else 2
        return int.from_bytes(self.take(width)) % bound

    def one(self, things: Sequence[Thing]) -> Thing:
        return things[self.below(len(things))]

    def chance(self, of: int) -> bool:
        """True once in ``of`` times."""
        return self.below(of) == of - 1

    def take(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        self._at += size
        return piece


_PERSONAL = re.compile(r"name|e?mail|phone|passw|street|city|race|contact(?!_type|_rel)|username|title|home_?room", re.IGNORECASE)
_IDS = re.compile(r"id|number|stn", re.IGNORECASE)
_NUMBERED = re.compile(r"\d{4}")


@cache
def seeds() -> tuple[tuple[str, str, Tables], ...]:
    """Each form's sample three times: the form, how it is packed, and its tables; whole, with planted faults, and with the needle in all that is personal."""
    made = []
    for form, make in FORMS.items():
        for faults, needles in ((0, False), (6, False), (2, True)):
            people = make_district(
                district="sample", org_id="sample-district", students=8, staff=2, schools=2, seed=faults + 1, today=TODAY, damaged_share=0
            )
            sample = make(people)
            plant(sample, min(faults, len(sample.records)), seed=3, today=TODAY)
            tables = {name: [list(sheet.header), *map(list, sheet.rows)] for name, sheet in sample.sheets.items()}
            if form == "sds_2_1":
                users = [row[0] for row in tables["users.csv"][1:6]]
                tables["userFlags.csv"] = [["userSourcedId", "flag"], *([user, "iep"] for user in users)]
            if needles:
                for name in tables.keys() - {"manifest.csv", "orgs.csv", "schools.csv"}:
                    _needle(tables[name])
            made.append((form, sample.packed, tables))
    return tuple(made)


def _needle(table: Table) -> None:
    """Put the needle behind all that is a person's; an id is the same everywhere still."""
    for place, header in enumerate(table[0]):
        for row in table[1:]:
            cell = row[place] if place < len(row) else ""
            if cell and _PERSONAL.search(header) and not _IDS.search(header):
                user, at, host = cell.partition("@")
                row[place] = user + NEEDLE + at + host
            elif _IDS.search(header):
                row[place] = ",".join(part + NEEDLE if _NUMBERED.search(part) else part for part in cell.split(","))


@cache
def terms() -> tuple[Terms, ...]:
    """Agreements of every kind: families told in the days after or before, all fields or few, forbidden columns dropped or refused."""
    few = csv_agreement(exchange={"organisation_ids": ["sample-district"]})
    return (
        assumed_terms(),
        Terms.of(an_agreement(exchange={"organisation_ids": ["sample-district"]})),
        Terms.of(few),
        Terms.of(csv_agreement(forbidden_columns="reject")),
        Terms.of(csv_directory_agreement()),
        Terms.of(csv_agreement(rollout={"schools": ["school-1"], "grades": ["04", "05"], "staff": False})),
        replace(Terms.of(an_agreement(exchange={"organisation_ids": ["sample-district"]})), deltas=True),
    )


def bundle_of(form: str) -> bytes:
    """A form's sample as it is, in a zip."""
    tables = next(tables for name, _, tables in seeds() if name == form)
    return _packed(Choices(b""), "zip", tables)


def a_roster(choices: Choices) -> tuple[bytes, Terms]:
    """A file and the terms that it is read under."""
    under = choices.one(terms())
    _, packed, tables = choices.one(seeds())
    tables = {name: [list(row) for row in table] for name, table in tables.items()}
    for _ in range(choices.below(8)):
        if tables:
            choices.one(_CHANGES)(choices, tables)
    data = _packed(choices, packed, tables)
    if choices.chance(8):
        data = _damaged(choices, data)
    return data, under


# Changes of tables


def _value(choices: Choices) -> str:
    """A value that is odd, or that may never be told."""
    if choices.chance(3):
        return choices.one(_DRESSES).format(NEEDLE)
    if choices.chance(12):
        return choices.take(8).decode("utf-8", "replace")
    return choices.one(_VALUES)


def _table(choices: Choices, tables: Tables) -> Table:
    return tables[choices.one(list(tables))]


def _change_cell(choices: Choices, tables: Tables) -> None:
    table = _table(choices, tables)
    row = table[1 + choices.below(len(table) - 1)] if len(table) > 1 else table[-1] if len(table) > 1 else []
    if row:
        row[choices.below(len(row))] = _value(choices)


def _change_column(choices: Choices, tables: Tables) -> None:
    table = _table(choices, tables)
    if table and table[0]:
        place, value = choices.below(len(table[0])), _value(choices)
        for row in table[1:]:
            if place < len(row):
                row[place] = value


def _plant_everywhere(choices: Choices, tables: Tables) -> None:
    """The needle behind every value of a column, so that the ids that join the files still join them."""
    header = choices.one(_table(choices, tables)[0] or [""])
    for table in tables.values():
        if header in table[0]:
            place = table[0].index(header)
            for row in table[1:]:
                if place < len(row):
                    row[place] += NEEDLE


def _add_forbidden_column(choices: Choices, tables: Tables) -> None:
    table = _table(choices, tables)
    if table:
        table[0].append(choices.one(_FORBIDDEN))
        for row in table[1:]:
            row.append(choices.one(_DRESSES).format(NEEDLE))


def _change_header(choices: Choices, tables: Tables) -> None:
    header = _table(choices, tables)[0]
    if not header:
        return
    place = choices.below(len(header))
    how = choices.below(6)
    if how == 0:
        header[place] = header[place].swapcase()
    elif how == 1:
        header[place] = header[place][1:] + header[place][:1]
    elif how == 2:
        header[place] = header[choices.below(len(header))]
    elif how == 3:
        header[place] = choices.one(_HEADERS)
    elif how == 4:
        header[place] += "\u200b"
    else:
        del header[place]


def _drop_header(choices: Choices, tables: Tables) -> None:
    table = _table(choices, tables)
    if len(table) > 1:
        del table[0]


def _change_rows(choices: Choices, tables: Tables) -> None:
    table = _table(choices, tables)
    if len(table) < 2:
        return
    place, other = 1 + choices.below(len(table) - 1), 1 + choices.below(len(table) - 1)
    how = choices.below(7)
    if how == 0:
        del table[place]
    elif how == 1:
        table.insert(other, list(table[place]))
    elif how == 2:
        table[place], table[other] = table[other], table[place]
    elif how == 3:
        table[place] = table[place][: choices.below(len(table[place]) + 1)]
    elif how == 4:
        table[place] += [_value(choices)]
    elif how == 5:
        table[place] = [""] * len(table[place])
    else:
        del table[1:]


def _turn_columns(choices: Choices, tables: Tables) -> None:
    table = _table(choices, tables)
    by = choices.below(len(table[0]) + 1)
    table[:] = [row[by:] + row[:by] for row in table]


def _change_files(choices: Choices, tables: Tables) -> None:
    name, other = choices.one(list(tables)), choices.one(list(tables))
    how = choices.below(4)
    if how == 0 and len(tables) > 1:
        del tables[name]
    elif how == 1:
        tables[name.upper()] = tables.pop(name)
    elif how == 2:
        tables[name], tables[other] = tables[other], tables[name]
    else:
        borrowed = choices.one(seeds())[2]
        more = choices.one(list(borrowed))
        tables[more] = [list(row) for row in borrowed[more]]


def _as_changes(choices: Choices, tables: Tables) -> None:
    """Call one of a bundle's files a file of changes, with a status and a date in each row."""
    manifest = tables.get("manifest.csv")
    name = choices.one(["users.csv", "orgs.csv", "demographics.csv", "roles.csv", "enrollments.csv"])
    if not manifest or name not in tables:
        return
    for row in manifest[1:]:
        if row[:1] == [f"file.{name.removesuffix('.csv')}"]:
            row[1:] = ["delta"]
    table = tables[name]
    for header, values in (
        ("status", ["active", "active", "tobedeleted"]),
        ("dateLastModified", ["2026-11-21T00:00:00.000Z", "2026-11-22"]),
    ):
        if header in table[0]:
            place = table[0].index(header)
            for row in table[1:]:
                if place < len(row):
                    row[place] = choices.one(values)


_CHANGES: tuple[Callable[[Choices, Tables], None], ...] = (
    _change_cell,
    _change_cell,
    _change_cell,
    _change_column,
    _plant_everywhere,
    _add_forbidden_column,
    _change_header,
    _drop_header,
    _change_rows,
    _turn_columns,
    _change_files,
    _as_changes,
)


# The file


def _packed(choices: Choices, packed: str, tables: Tables) -> bytes:
    """The tables as a zip, as one delimited text, or as a workbook."""
    if packed != "zip" and len(tables) == 1:
        (table,) = tables.values()
        if choices.chance(6):
            return _workbook(choices, table)
        return _text(choices, table, packed)
    out = io.BytesIO()
    folder = choices.one(["", "", "", "export/"])
    method = choices.one([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, table in tables.items():
            archive.writestr(zipfile.ZipInfo(folder + name, (2026, 11, 21, 2, 0, 0)), _text(choices, table, ","), method)
    return out.getvalue()


def _text(choices: Choices, table: Table, delimiter: str) -> bytes:
    odd = choices.chance(3)
    eol = choices.one(["\r\n", "\n", "\r"]) if odd else "\r\n"
    quoting = choices.one([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]) if odd else csv.QUOTE_MINIMAL
    delimiter = choices.one([delimiter, ";", "\t", "|", ","]) if odd else delimiter
    encoding = choices.one(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]) if odd else "utf-8"
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=eol, quoting=quoting).writerows(table)
    text = out.getvalue()
    if odd:
        how = choices.below(6)
        text = [text, "sep=" + delimiter + eol + text, text + "\x1a", text.rstrip(), text + eol * 3, _with(choices, text)][how]
    return text.encode(encoding, "replace")


def _with(choices: Choices, text: str) -> str:
    """The text with a sign put in anywhere, the needle only below the header, whose names may be told."""
    place = choices.below(len(text) + 1)
    sign = choices.one(['"', '""', ",", "\n", "\r", "\x00", "\x1a", "\u2028", NEEDLE, '"' + NEEDLE, "\x0b", "\x85"])
    if NEEDLE in sign:
        place = max(place, len(text.splitlines(keepends=True)[0]) if text else 0)
    return text[:place] + sign + text[place:]


def _workbook(choices: Choices, table: Table) -> bytes:
    clean = [["".join(sign for sign in cell if sign.isprintable() and sign not in "<") for cell in row] for row in table]
    rows = [[float(cell) if cell.isdecimal() and len(cell) < 16 and choices.chance(2) else cell for cell in row] for row in clean]
    return a_workbook(a_sheet(rows), hidden=(1,) if choices.chance(8) else ())


def _damaged(choices: Choices, data: bytes) -> bytes:
    """The file with bytes changed, taken out or put in."""
    body = bytearray(data)
    for _ in range(1 + choices.below(4)):
        place, how = choices.below(min(len(body), 65_535) or 1), choices.below(4)
        if how == 0 and body:
            body[place] = choices.below(256)
        elif how == 1:
            del body[place : place + choices.below(64)]
        elif how == 2:
            body[place:place] = choices.take(4)
        else:
            del body[place:]
    return bytes(body)
