"""Delimited text as exports really write it: any byte order mark, any line end, any of four delimiters; strict quotes, true line numbers, bounded everything.

Cells are handed out one row at a time, so that a column that is not agreed is never kept.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from firstcard.roster.reading import RefusedError
from firstcard.roster.reasons import Problem, Reason

DELIMITERS = (",", "\t", ";", "|")
MAX_COLUMNS = 512
MAX_LINES = 2_500_000
MAX_RECORD = 1_000_000
"""Characters of one record with all its lines: far above any roster's row, far below what would fill the memory."""
PIECE = 1 << 17
"""Characters that are read at once, up to the end of a line; so few that they stay near the processor while they are looked at."""
BLANKS = " \t\r\n\u00a0"
_TAIL = 4096
_TAIL_BLANKS = b"\r\n \t"
_LIMIT_MESSAGE = "field larger than field limit"


@dataclass(frozen=True, slots=True)
class Tidy:
    """Lines of which each holds one row, as wide as the header and not blank: what nearly all of a roster is. It can be read by the column.

    ``first`` is the line of the first row. ``_cells`` holds the rows one behind the other, each ``_stride`` long, or ``_columns`` the columns.
    """

    first: int
    count: int
    _cells: list[str]
    _width: int
    _columns: Sequence[Sequence[str]] = ()

    @property
    def lines(self) -> range:
        """The line of each row."""
        return range(self.first, self.first + self.count)

    def column(self, place: int) -> Sequence[str]:
        """The cells of one column, from 0."""
        return self._columns[place] if self._columns else self._cells[place :: self._width + 1]

    def row(self, number: int) -> Sequence[str]:
        """The cells of one row, from 0."""
        if self._columns:
            return [column[number] for column in self._columns]
        start = number * (self._width + 1)
        return self._cells[start : start + self._width]

    def rows(self) -> Iterator[Sequence[str]]:
        """The cells of each row."""
        if self._columns:
            return zip(*self._columns, strict=True)
        return (self._cells[at : at + self._width] for at in range(0, len(self._cells), self._width + 1))


Loose = list[tuple[int, Sequence[str]]]
"""Rows of any width that take any number of lines, each with the line that it begins on."""


@dataclass(frozen=True, slots=True)
class Table:
    """One delimited file: its header, trimmed, and where its rows begin. ``skipped`` is 1 where a spreadsheet's ``sep=`` line came first."""

    file: str
    header: tuple[str, ...]
    delimiter: str
    problems: tuple[Problem, ...]
    _data: bytes
    _encoding: str
    _skipped: int

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        """Each row after the header with the physical line it begins on, blank lines left out. Raises RefusedError as ``pieces`` does."""
        for piece in self.pieces():
            yield from zip(piece.lines, piece.rows(), strict=True) if isinstance(piece, Tidy) else piece

    def pieces(self) -> Iterator[Tidy | Loose]:
        """The rows after the header, blank lines left out, in pieces of about a megabyte: tidy ones, and the others row by row.

        Raises RefusedError at a quote that is not closed, a value out of bounds, or bytes that are not text.
        """
        stream = _stream(self._data, self._encoding)
        lines = _Lines(stream, self.file)
        try:
            for _ in range(self._skipped):
                next(lines, "")
            next(csv.reader(lines, delimiter=self.delimiter, strict=True), None)
            count = lines.count
            while text := stream.read(PIECE):
                text += "" if text.endswith("\n") else stream.readline()
                if tidy := self._tidy(text, count):
                    count += tidy.count
                    if count > MAX_LINES:
                        raise RefusedError(Reason.TOO_LARGE, self.file, MAX_LINES + 1)
                    yield tidy
                else:
                    lines = _Lines(chain(io.StringIO(text), stream), self.file, count)
                    yield self._loose(lines, count + text.count("\n") + (not text.endswith("\n")))
                    count = lines.count
        except csv.Error as error:
            raise self._broken(error, lines) from None
        except UnicodeDecodeError:
            raise RefusedError(Reason.BAD_ENCODING, self.file, _bad_line(self._data, self._encoding)) from None

    def _tidy(self, text: str, count: int) -> Tidy | None:
        """The lines as a tidy piece, or None where they need a closer look. What the csv module would say of them is the same."""
        width, sign = len(self.header), self.delimiter
        text += "" if text.endswith("\n") else "\n"
        lines = text.count("\n")
        blank = sign * (width - 1) + "\n"
        if width < 2 or text.startswith(blank) or "\n" + blank in text or not _within(text, csv.field_size_limit()):
            return None
        if '"' in text:
            return self._tidy_with_quotes(text, count, lines)
        # A cell that is a line end stands between each two rows: so all are as wide as the header if these stand at their places.
        cells = text.replace("\n", f"{sign}\n{sign}").split(sign)
        cells.pop()
        if len(cells) != lines * (width + 1) or cells[width :: width + 1].count("\n") != lines:
            return None
        return Tidy(count + 1, lines, cells, width)

    def _tidy_with_quotes(self, text: str, count: int, lines: int) -> Tidy | None:
        try:
            rows = list(csv.reader(io.StringIO(text), delimiter=self.delimiter, strict=True))
        except csv.Error:
            return None
        if len(rows) != lines or not all(len(row) == len(self.header) for row in rows) or not all(map(any, rows)):
            return None
        return Tidy(count + 1, lines, [], len(self.header), list(zip(*rows, strict=True)))

    def _loose(self, lines: "_Lines", end: int) -> Loose:
        """The rows that begin up to line ``end``, read record by record."""
        rows: Loose = []
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        lines.begin_record()
        for row in reader:
            if row:
                rows.append((lines.first, row))
            if lines.count >= end:
                break
            lines.begin_record()
        return rows

    def _broken(self, error: csv.Error, lines: "_Lines") -> RefusedError:
        if lines.count > lines.first:
            return RefusedError(Reason.UNCLOSED_QUOTE, self.file, _open_quote(lines, self.delimiter))
        if _LIMIT_MESSAGE in str(error):
            return RefusedError(Reason.FIELD_TOO_LONG, self.file, lines.first)
        if "unexpected end of data" in str(error):
            return RefusedError(Reason.UNCLOSED_QUOTE, self.file, lines.first)
        return RefusedError(Reason.STRAY_QUOTE, self.file, lines.first)


class _Lines(Iterator[str]):
    """The physical lines, counted; remembers where the record that is being read began, and refuses one that never ends."""

    def __init__(self, source: Iterable[str], file: str, count: int = 0) -> None:
        self._source = iter(source)
        self._file = file
        self._record: list[str] = []
        self._size = 0
        self.count = count
        self.first = count + 1

    def begin_record(self) -> None:
        """The next line begins a new record."""
        self.first = self.count + 1
        self._record = []
        self._size = 0

    @property
    def record(self) -> list[str]:
        """The lines of the record that is being read."""
        return self._record

    def __next__(self) -> str:
        """The next line; raises RefusedError past the bounds."""
        line = next(self._source)
        self.count += 1
        self._size += len(line)
        if self._size > MAX_RECORD:
            raise RefusedError(Reason.FIELD_TOO_LONG, self._file, self.first)
        if self.count > MAX_LINES:
            raise RefusedError(Reason.TOO_LARGE, self._file, self.count)
        self._record.append(line)
        return line


def open_table(data: bytes, file: str, *, known: frozenset[str], encoding: str = "utf-8") -> Table:
    """Find encoding, delimiter and header. ``known`` are the header names that tell the delimiters apart.

    Raises RefusedError where there is no text or no header, or the header has too many columns.
    """
    encoding, data, problems = _decode_plan(data, encoding, file)
    try:
        lines = _Lines(_stream(data, encoding), file)
        first = next(lines, "")
        skipped = 0
        if first.lower().startswith("sep=") and len(first.strip()) <= 5:
            skipped, first = 1, next(lines, "")
        header, delimiter = _header(first, lines, known, file)
    except UnicodeDecodeError:
        raise RefusedError(Reason.BAD_ENCODING, file, _bad_line(data, encoding)) from None
    if len(header) > MAX_COLUMNS:
        raise RefusedError(Reason.TOO_MANY_COLUMNS, file, 1 + skipped)
    return Table(file, tuple(header), delimiter, problems, data, encoding, skipped)


def _header(first: str, rest: Iterator[str], known: frozenset[str], file: str) -> tuple[list[str], str]:
    """The header under the delimiter that makes most of its names known."""
    best: tuple[int, list[str], str] | None = None
    candidates = [d for d in DELIMITERS if d in first] or [","]
    for delimiter in candidates:
        # Only the last candidate may read on: a header whose quoted name spans lines is too odd to try twice.
        following = rest if len(candidates) == 1 else iter(())
        reader = csv.reader(_chain(first, following), delimiter=delimiter, strict=True)
        try:
            names = [name.strip(BLANKS) for name in next(reader, [])]
        except csv.Error as error:
            reason = Reason.FIELD_TOO_LONG if _LIMIT_MESSAGE in str(error) else Reason.UNCLOSED_QUOTE
            if len(candidates) == 1:
                raise RefusedError(reason, file, 1) from None
            continue
        score = sum(name in known for name in names)
        if best is None or score > best[0]:
            best = (score, names, delimiter)
    if best is None:
        raise RefusedError(Reason.UNCLOSED_QUOTE, file, 1)
    return best[1], best[2]


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _within(text: str, most: int) -> bool:
    """Whether no line is longer than ``most`` characters; looks at hardly any of them."""
    start = 0
    while start + most < len(text):
        end = text.rfind("\n", start, start + most)
        if end < 0:
            return False
        start = end + 1
    return True


def _stream(data: bytes, encoding: str) -> io.TextIOWrapper:
    # newline=None turns CRLF and lone CR into LF, so that lines are counted as an editor counts them.
    return io.TextIOWrapper(io.BytesIO(data), encoding=encoding, errors="strict", newline=None)


def _decode_plan(data: bytes, declared: str, file: str) -> tuple[str, bytes, tuple[Problem, ...]]:
    """The encoding by byte order mark, by the look of UTF-16 without one, or as declared; a trailing Ctrl-Z taken off."""
    start = data[:64]
    if start.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    elif start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif len(start) >= 4 and not any(start[1::2]) and all(start[::2]):
        encoding = "utf-16-le"
    elif len(start) >= 4 and not any(start[::2]) and all(start[1::2]):
        encoding = "utf-16-be"
    else:
        encoding = declared
    if "16" in encoding:
        return encoding, data, ()
    # Looked for at the end first, for what is taken off is copied.
    if not data[-_TAIL:].strip(_TAIL_BLANKS) or data[-_TAIL:].rstrip(_TAIL_BLANKS).endswith(b"\x1a"):
        trimmed = data.rstrip(_TAIL_BLANKS)
        if not trimmed.endswith(b"\x1a"):
            return encoding, data, ()
        body = trimmed.rstrip(b"\x1a")
        line = 1 + body.count(b"\n") if b"\n" in body else 1 + body.count(b"\r")
        return encoding, body, (Problem(file, line, "", Reason.END_OF_FILE_MARK),)
    return encoding, data, ()


def _bad_line(data: bytes, encoding: str) -> int:
    """The physical line of the first bytes that are no text."""
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, errors="replace")
        return 1 + before.replace("\r\n", "\n").replace("\r", "\n").count("\n")
    return 1


def _open_quote(lines: _Lines, delimiter: str) -> int:
    """The physical line of the quote that was open when the record broke: the last one that a field began with and nothing closed."""
    opened, inside, field_start = lines.first, False, True
    for number, line in enumerate(lines.record, lines.first):
        at = 0
        while at < len(line):
            sign = line[at]
            if inside:
                if sign == '"' and line[at + 1 : at + 2] == '"':
                    at += 1
                elif sign == '"':
                    inside = False
                    # A quote that text follows closes nothing: the one before it was left open.
                    if line[at + 1 : at + 2] not in (delimiter, "\n", ""):
                        return opened
            elif sign == '"' and field_start:
                inside, opened = True, number
            field_start = not inside and sign in (delimiter, "\n")
            at += 1
    return opened
