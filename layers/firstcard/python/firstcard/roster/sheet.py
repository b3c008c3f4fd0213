"""An Excel workbook (.xlsx) as a table: the values of its first visible sheet that holds rows. Macros, formulas, links and pictures are never opened.

The reader of the workbook lays a sheet out as a full rectangle and copies a shared text into every cell that names it, so that two far cells or one long
text could fill the memory. Therefore every part is measured before: the reader gets a new archive of none but measured parts.
"""

import csv
import io
import math
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from xml.parsers import expat

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from firstcard.roster.archive import CONTENT_TYPES, Archive
from firstcard.roster.reading import RefusedError
from firstcard.roster.reasons import Problem, Reason
from firstcard.roster.text import BLANKS, MAX_COLUMNS, Table

MAX_CELLS = 20_000_000
"""Rows times columns of all sheets: a million rows of twenty columns. The reader needs about 32 bytes for each, empty or not."""
MAX_TEXTS = 5_000_000
MAX_COPIED_BYTES = 500_000_000
"""Shared texts, counted once for every cell that names them."""
MAX_ROWS = 1_048_576
MAX_SHEETS = 64
MAX_ERRORS = 1_000_000
MAX_WHOLE = 1e15
"""Up to here Excel keeps every digit of a whole number; a longer id has lost some."""

_SHARED_TEXTS = "xl/sharedstrings.xml"
_PARTS = frozenset({"_rels/.rels", "xl/_rels/workbook.xml.rels", "xl/workbook.xml", "xl/styles.xml", _SHARED_TEXTS})
_ERROR_KIND = re.compile(rb"""\st\s*=\s*(["'])e\1""")

Cell = int | float | str | bool | time | date | datetime | timedelta


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as a table, and its columns (from 0) that hold numbers, each with the row of the first one."""

    table: Table
    numbers: Mapping[int, int]

    def with_warnings(self, ids: Iterable[str]) -> Table:
        """The table, with a warning for each of these headers whose column holds numbers: an id's leading zeros are lost in a number. Case does not matter."""
        wanted = {name.lower() for name in ids}
        found = [(row, name) for place, row in self.numbers.items() if (name := self.table.header[place]).lower() in wanted]
        problems = tuple(Problem(self.table.file, row, header, Reason.ID_AS_NUMBER) for row, header in found)
        return replace(self.table, problems=self.table.problems + problems)


def open_sheet(workbook: Archive, file: str) -> Sheet:
    """The first visible sheet with rows; its first row that holds anything is the header. Rows have the numbers that Excel shows.

    Raises RefusedError where the workbook is damaged, out of bounds, or empty.
    """
    names = [name for name in workbook.entries if name.lower() in _PARTS or (name.startswith("xl/worksheets/") and name.endswith(".xml"))]
    measure = _Measure(file)
    # The shared texts come first, so that their copies can be counted on the way.
    parts = {name: measure.part(name, workbook.read(name)) for name in sorted(names, key=lambda name: name.lower() != _SHARED_TEXTS)}
    sheet, more = _first_visible(parts, file)
    return _table(sheet, file, (Problem(file, 0, "", Reason.SEVERAL_SHEETS),) if more else ())


class _Measure:
    """What the reader would need for the parts, found by a strict XML parser.

    Raises RefusedError for what is out of bounds, and for XML that Excel would not open either: broken, with a DTD, with cells out of order.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._texts: list[int] = []
        self._longest = 0
        self._copied = 0
        self._cells = 0

    def part(self, name: str, content: bytes) -> bytes:
        """The part, measured; its error values (``#REF!``) turned into text, since the reader would leave such cells empty, and a no with them."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        row = column = top = widest = 0
        text_start = -1
        shared = naming = False
        errors: list[int] = []

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal row, column, top, widest, text_start, shared, naming
            tag = tag.rpartition(":")[2]
            if tag == "v":
                naming = shared
            elif tag == "c":
                before, place, kind = column, attributes.get("r"), attributes.get("t")
                at, column = _place(place) if place is not None else (row, column + 1)
                if not row or at != row or column <= before:
                    raise self._refused(Reason.ZIP_DAMAGED)
                top, widest, shared = top or row, max(widest, column), kind == "s"
                if column > MAX_COLUMNS:
                    raise self._refused(Reason.TOO_MANY_COLUMNS, row)
                if self._cells + (row - top + 1) * widest > MAX_CELLS or len(errors) > MAX_ERRORS:
                    raise self._refused(Reason.TOO_LARGE, row)
                if kind == "e":
                    errors.append(parser.CurrentByteIndex)
            elif tag == "row":
                before, row, column = row, _number(attributes["r"]) if "r" in attributes else row + 1, 0
                if not before < row <= MAX_ROWS:
                    raise self._refused(Reason.ZIP_DAMAGED)
            elif tag == "si":
                if name.lower() != _SHARED_TEXTS or text_start >= 0:
                    raise self._refused(Reason.ZIP_DAMAGED)
                text_start = parser.CurrentByteIndex

        def end(tag: str) -> None:
            nonlocal text_start, naming
            tag = tag.rpartition(":")[2]
            if tag == "v":
                naming = False
            elif tag == "si":
                self._texts.append(parser.CurrentByteIndex - text_start)
                self._longest = max(self._longest, self._texts[-1])
                text_start = -1
                if len(self._texts) > MAX_TEXTS:
                    raise self._refused(Reason.TOO_LARGE)

        def text(value: str) -> None:
            if naming:
                named = _number(value)
                # What is no plain number may be one to the reader: the worst is taken.
                self._copied += self._texts[named] if 0 <= named < len(self._texts) else self._longest
                if self._copied > MAX_COPIED_BYTES:
                    raise self._refused(Reason.TOO_LARGE, row)

        def remark(*_: str) -> None:
            text("")

        def no_dtd(*_: object) -> None:
            raise self._refused(Reason.ZIP_DAMAGED)

        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
        parser.CommentHandler = parser.ProcessingInstructionHandler = remark
        parser.StartDoctypeDeclHandler = no_dtd
        try:
            parser.Parse(content, True)
        except (expat.ExpatError, ValueError):
            raise self._refused(Reason.ZIP_DAMAGED) from None
        if widest:
            self._cells += (row - top + 1) * widest
        return _with_errors_as_text(content, errors)

    def _refused(self, reason: Reason, row: int | None = None) -> RefusedError:
        return RefusedError(reason, self._file, row)


def _with_errors_as_text(content: bytes, errors: list[int]) -> bytes:
    """Give each cell that begins at one of these places the kind of a text."""
    pieces, done = [], 0
    for place in errors:
        kind = _ERROR_KIND.search(content, place)
        if kind:
            pieces += [content[done : kind.start()], b' t="str"']
            done = kind.end()
    return b"".join([*pieces, content[done:]]) if pieces else content


def _number(text: str) -> int:
    """A plain whole number, or -1."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 8 else -1


def _place(reference: str) -> tuple[int, int]:
    """Row and column (from 1) of a reference such as AB12; a row of -1 where it is none."""
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters[:4].upper():
        column = column * 26 + ord(letter) - 64
    good = letters.isascii() and letters.isalpha() and len(letters) <= 3
    return (_number(reference[len(letters) :]), column) if good else (-1, 0)


def _first_visible(parts: Mapping[str, bytes], file: str) -> tuple[CalamineSheet, bool]:
    """The first visible sheet that holds anything, and whether there is another one; the reader's own errors and panics become a refusal."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        # The reader wants the part of types, but not what is in it.
        for name, content in {CONTENT_TYPES: b"<Types/>", **parts}.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    packed.seek(0)
    first: CalamineSheet | None = None
    try:
        with CalamineWorkbook.from_filelike(packed) as workbook:
            for index, known in enumerate(workbook.sheets_metadata[:MAX_SHEETS]):
                if known.visible != SheetVisibleEnum.Visible or known.typ != SheetTypeEnum.WorkSheet:
                    continue
                sheet = workbook.get_sheet_by_index(index)
                if sheet.start is None:
                    continue
                if first is not None:
                    return first, True
                first = sheet
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001  (a panic of the reader is no Exception)
        raise RefusedError(Reason.ZIP_DAMAGED, file) from None
    if first is None:
        raise RefusedError(Reason.EMPTY_BULK, file)
    return first, False


def _table(sheet: CalamineSheet, file: str, problems: tuple[Problem, ...]) -> Sheet:
    """Write the sheet as the text that every other table is read from: one line a row, so that lines are rows."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    header: tuple[str, ...] = ()
    header_row = 0
    numbers: dict[int, int] = {}
    for row, cells in enumerate(sheet.iter_rows(), 1):
        words = [_text(cell) for cell in cells]
        if not any(words):
            out.write("\n")
            continue
        writer.writerow(words)
        if not header_row:
            header_row, header = row, tuple(word.strip(BLANKS) for word in words)
            continue
        for place, cell in enumerate(cells):
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                numbers.setdefault(place, row)
    return Sheet(Table(file, header, ",", problems, out.getvalue().encode(), "utf-8", max(header_row - 1, 0)), numbers)


def _text(cell: Cell) -> str:
    """A value as an export of text would write it: ISO dates, whole numbers without a point, one line."""
    if isinstance(cell, str):
        return cell.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        if not math.isfinite(cell):
            return "#NUM!"
        if abs(cell) >= MAX_WHOLE:
            return f"{cell:.6E}"
        return str(int(cell)) if cell == int(cell) else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat() if cell.time() != time() else cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)
