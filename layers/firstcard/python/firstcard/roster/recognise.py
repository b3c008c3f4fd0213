"""From the bytes of an upload to a reading or a refusal: the form is known by its content, never by its name."""

import re
import unicodedata
from dataclasses import replace
from datetime import date

from firstcard.agreement import Agreement
from firstcard.roster import canonical, clever, oneroster
from firstcard.roster.abundance import uncollected
from firstcard.roster.archive import Archive, is_archive, open_archive, open_workbook
from firstcard.roster.known_headers import NAMES, System, system_of
from firstcard.roster.reading import DroppedColumn, Reading, RefusedError
from firstcard.roster.reasons import Reason, Refusal
from firstcard.roster.sheet import Sheet, open_sheet
from firstcard.roster.snapshot import Told
from firstcard.roster.terms import Terms
from firstcard.roster.text import Table, open_table

MAX_FILE_NAME = 80
_DAY = re.compile(r"(?<![0-9])(20[0-9]{2})(-?)([0-9]{2})\2([0-9]{2})(?=(?:[0-9]{4}(?:[0-9]{2})?)?(?![0-9]))")
"""A day of this century; four or six more digits are its hour, minute and second."""

_NOT_ROSTERS = (
    b"%PDF",
    b"\xd0\xcf\x11\xe0",
    b"<",
    b"\xef\xbb\xbf<",
    b"{",
    b"\x1f\x8b",
    b"Rar!",
    b"7z\xbc\xaf",
    b"SQLite format 3",
    b"\x89PNG",
    b"\xff\xd8\xff",
)
"""How things begin that are uploaded by mistake: PDF, old Excel, XML or HTML, JSON, other archives, databases, pictures."""


def read_roster(data: bytes, *, file_name: str, agreement: Agreement, today: date, told: Told | None = None) -> Reading | Refusal:
    """Read a decrypted roster under an agreement; ``today`` is the day that ages are counted to. Never raises for what is in the file.

    With ``told``, where the agreement has files of changes: those are added to what it opens, and the reading says what to keep.
    """
    return read_under(data, file_name=file_name, terms=Terms.of(agreement), today=today, told=told)


def read_under(data: bytes, *, file_name: str, terms: Terms, today: date, told: Told | None = None) -> Reading | Refusal:
    """As ``read_roster``, with the agreement's terms already compiled."""
    try:
        with uncollected():
            return _read(data, safe_file_name(file_name), terms, today, told)
    except RefusedError as refused:
        return refused.refusal


def safe_file_name(name: str) -> str:
    """A file's name as it may be shown: its last part, printable, without direction or zero-width characters, at most 80 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(sign if sign.isprintable() and unicodedata.category(sign) not in ("Cf", "Co", "Cs") else "_" for sign in last)
    kept = unicodedata.normalize("NFC", kept)
    if len(kept) > MAX_FILE_NAME:
        kept = kept[: MAX_FILE_NAME - 17] + "…" + kept[-16:]
    return kept or "file"


def date_in_name(name: str) -> date | None:
    """The newest day that a file's name carries, as 2026-11-22 or 20261122, with or without a time of day after it; None if there is none."""
    days = []
    for year, _, month, day in _DAY.findall(name.rsplit("/", 1)[-1]):
        try:
            days.append(date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return max(days, default=None)


def _read(data: bytes, file: str, terms: Terms, today: date, told: Told | None) -> Reading:
    if len(data) > terms.max_bytes:
        raise RefusedError(Reason.TOO_LARGE, file)
    if not data.lstrip(b"\r\n\t \x00\x1a\xef\xbb\xbf"):
        raise RefusedError(Reason.EMPTY_BULK, file)
    if is_archive(data):
        if workbook := open_workbook(data, limit=terms.max_bytes):
            return _read_sheet(open_sheet(workbook, file), terms, today)
        archive = open_archive(data, limit=terms.max_bytes)
        if "student.csv" in archive and "users.csv" not in archive:
            return _read_sds_1(archive, terms, today)
        if "users.csv" not in archive and not any(oneroster.files_of(archive)):
            if clever.is_bundle(archive):
                return clever.read_archive(archive, terms, today)
            raise RefusedError(Reason.UNKNOWN_FORMAT, file)
        return oneroster.read(archive, terms, today, told)
    if data.startswith(_NOT_ROSTERS):
        raise RefusedError(Reason.UNKNOWN_FORMAT, file)
    try:
        table = open_table(data, file, known=canonical.known_names(terms) | NAMES, encoding=terms.encoding)
    except RefusedError as refused:
        # Bytes that are no text in the first line are no roster at all; further down they are a roster in another encoding.
        if refused.refusal.reason is Reason.BAD_ENCODING and refused.refusal.line == 1:
            raise RefusedError(Reason.UNKNOWN_FORMAT, file) from None
        raise
    return _read_table(table, terms, today)


def _read_table(table: Table, terms: Terms, today: date) -> Reading:
    if clever.looks_like(table, terms):
        return clever.read(table, terms, today)
    return canonical.read(table, terms, today, _writer_of(table, terms, today))


def _writer_of(table: Table, terms: Terms, today: date, *, of_students: bool = False) -> System | None:
    """The system that wrote the table, None for our own form or the agreement's; raises RefusedError where it is nobody's."""
    system = system_of(table, of_students=of_students)
    if system or canonical.looks_like(table, terms):
        return system
    raise RefusedError(Reason.NO_HEADER if canonical.looks_like_data(table, today) else Reason.UNKNOWN_FORMAT, table.file, 1)


def _read_sheet(sheet: Sheet, terms: Terms, today: date) -> Reading:
    headers = canonical.headers_of(sheet.table, terms, system_of(sheet.table))
    ids = [headers[name] for name in ("student_id", "state_id", "card_number", "school_id") if name in headers]
    return _read_table(sheet.with_warnings(ids), terms, today)


def _read_sds_1(archive: Archive, terms: Terms, today: date) -> Reading:
    """Student.csv of School Data Sync, version 1; the other files of the set are not read."""
    table = open_table(archive.read("student.csv"), "student.csv", known=canonical.known_names(terms) | NAMES, encoding=terms.encoding)
    table = replace(table, problems=(*archive.problems, *table.problems))
    reading = canonical.read(table, terms, today, _writer_of(table, terms, today, of_students=True))
    rest = tuple(DroppedColumn(name, "*", False) for name in sorted(archive.entries.keys() - {"student.csv"}))
    return replace(reading, dropped=(*reading.dropped, *rest))
