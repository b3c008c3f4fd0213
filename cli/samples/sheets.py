"""A roster as sheets of text that can still be changed, and the file that they become."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Literal, Self

import xlsxwriter

_ZIP_TIME = (2026, 1, 1, 2, 0, 0)
"""The only thing that would differ between two samples of the same people."""


@dataclass(slots=True)
class Sheet:
    """One table of text: ``rows`` are as wide as ``header`` until a fault makes one narrower."""

    header: list[str]
    rows: list[list[str]] = field(repr=False)

    @classmethod
    def of(cls, header: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Self:
        """From rows by header; a header that a row does not have stays empty."""
        return cls(list(header), [[row.get(name, "") for name in header] for row in rows])

    @classmethod
    def read(cls, data: bytes) -> Self:
        """From a CSV in UTF-8 that this project wrote."""
        header, *rows = csv.reader(io.StringIO(data.decode(), newline=""))
        return cls(header, rows)

    def dicts(self) -> Iterable[dict[str, str]]:
        """Each row by header."""
        return (dict(zip(self.header, row, strict=True)) for row in self.rows)

    def text(self, delimiter: str) -> bytes:
        """The sheet as delimited text in UTF-8 with CRLF; values are quoted where they must be."""
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=delimiter).writerows([self.header, *self.rows])
        return out.getvalue().encode()


@dataclass(frozen=True, slots=True)
class Place:
    """A cell: file, row and column, both from 0 below the header."""

    file: str
    row: int
    column: int

    @property
    def line(self) -> int:
        """The line that a text editor shows; no value of a sample holds a line end."""
        return self.row + 2


Record = dict[str, tuple[Place, ...]]
"""Where the fields of one student stand. A field in several cells is the same value in each, as an id that joins two files."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A synthetic roster: its sheets by file name, the students whose rows may be spoilt, how many rows a reading counts, and how it is packed.

    ``packed`` is ``zip`` or, for the one sheet of a form that is a single file, its delimiter, or ``xlsx``. ``lists_schools`` says whether an unknown school shows.
    """

    file_name: str
    sheets: Mapping[str, Sheet] = field(repr=False)
    records: Sequence[Record] = field(repr=False)
    rows: int
    packed: Literal["zip", "xlsx", ",", "\t"] = "zip"
    lists_schools: bool = True

    def as_workbook(self) -> Self:
        """The same as an Excel workbook. Raises ValueError for a form of several files."""
        if len(self.sheets) != 1:
            raise ValueError("this form has several files, and a workbook is read as one")
        name = f"{PurePath(self.file_name).stem}.xlsx"
        moved = [{field: tuple(replace(place, file=name) for place in places) for field, places in one.items()} for one in self.records]
        return replace(self, file_name=name, sheets={name: next(iter(self.sheets.values()))}, records=moved, packed="xlsx")

    def data(self) -> bytes:
        """The file to send; the same sheets give the same bytes."""
        if self.packed == "xlsx":
            return _workbook(*self.sheets.values())
        if self.packed != "zip":
            (sheet,) = self.sheets.values()
            return sheet.text(self.packed)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, sheet in self.sheets.items():
                archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), sheet.text(","), zipfile.ZIP_DEFLATED)
        return out.getvalue()


def _workbook(sheet: Sheet) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(*_ZIP_TIME, tzinfo=UTC)})
        page = book.add_worksheet()
        for number, row in enumerate((sheet.header, *sheet.rows)):
            for column, text in enumerate(row):
                page.write_string(number, column, text)
    return out.getvalue()


def records_of(
    sheets: Mapping[str, Sheet], file: str, fields: Mapping[str, Sequence[str]], keep: Callable[[Mapping[str, str]], bool]
) -> list[Record]:
    """A record for each row of ``file`` that is kept; ``fields`` names the headers of each field."""
    at = {name: [sheets[file].header.index(header) for header in headers] for name, headers in fields.items()}
    return [
        {name: tuple(Place(file, number, column) for column in columns) for name, columns in at.items()}
        for number, row in enumerate(sheets[file].dicts())
        if keep(row)
    ]
