"""From the bytes of an upload to a reading or a refusal: the form is known by its content, never by its name."""

import unicodedata
from datetime import date

from firstcard.agreement import Agreement
from firstcard.roster import canonical, oneroster
from firstcard.roster.archive import is_archive, open_archive
from firstcard.roster.reading import Reading, RefusedError
from firstcard.roster.reasons import Reason, Refusal
from firstcard.roster.terms import Terms
from firstcard.roster.text import open_table

MAX_FILE_NAME = 80

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


def read_roster(data: bytes, *, file_name: str, agreement: Agreement, today: date) -> Reading | Refusal:
    """Read a decrypted roster under an agreement; ``today`` is the day that ages are counted to. Never raises for what is in the file."""
    return read_under(data, file_name=file_name, terms=Terms.of(agreement), today=today)


def read_under(data: bytes, *, file_name: str, terms: Terms, today: date) -> Reading | Refusal:
    """As ``read_roster``, with the agreement's terms already compiled."""
    try:
        return _read(data, safe_file_name(file_name), terms, today)
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


def _read(data: bytes, file: str, terms: Terms, today: date) -> Reading:
    if len(data) > terms.max_bytes:
        raise RefusedError(Reason.TOO_LARGE, file)
    if not data.strip(b"\r\n\t \x00\x1a\xef\xbb\xbf"):
        raise RefusedError(Reason.EMPTY_BULK, file)
    if is_archive(data):
        archive = open_archive(data, limit=terms.max_bytes)
        if "users.csv" not in archive and not any(oneroster.files_of(archive)):
            raise RefusedError(Reason.UNKNOWN_FORMAT, file)
        return oneroster.read(archive, terms, today)
    if data.startswith(_NOT_ROSTERS):
        raise RefusedError(Reason.UNKNOWN_FORMAT, file)
    try:
        table = open_table(data, file, known=canonical.known_names(terms), encoding=terms.encoding)
    except RefusedError as refused:
        # Bytes that are no text in the first line are no roster at all; further down they are a roster in another encoding.
        if refused.refusal.reason is Reason.BAD_ENCODING and refused.refusal.line == 1:
            raise RefusedError(Reason.UNKNOWN_FORMAT, file) from None
        raise
    if canonical.looks_like(table, terms):
        return canonical.read(table, terms, today)
    raise RefusedError(Reason.NO_HEADER if canonical.looks_like_data(table, today) else Reason.UNKNOWN_FORMAT, file, 1)
