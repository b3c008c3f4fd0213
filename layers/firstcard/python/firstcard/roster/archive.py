"""A zip archive opened in memory, with limits on everything that a hostile one could make grow.

The sizes in a zip's directory are claims: the bytes that really come out are counted while they are inflated.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from firstcard.roster.reading import RefusedError
from firstcard.roster.reasons import Problem, Reason

MAX_ENTRIES = 64
MAX_DIRECTORY_BYTES = 64 * 1024
"""Enough for 64 entries with their extra fields; read before anything else, so that a million entries are never listed."""
MAX_RATIO = 100
RATIO_FREE_BYTES = 1024 * 1024
"""Up to here an entry may inflate at any ratio: an empty column of a small file compresses very well."""
STEP = 64 * 1024

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
NESTED = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ\x00")
"""How archives begin that have no place inside a roster: zip, gzip, 7z, RAR, bzip2, xz."""
NOT_OURS = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What desktop computers add to an archive by themselves."""

CONTENT_TYPES = "[Content_Types].xml"
"""The part that every document of an office program has."""

_END = struct.Struct("<4s4H2LH")
_LOCAL_HEADER = 30
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, IndexError, OverflowError, UnicodeDecodeError, OSError)


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of an archive by their names in small letters, without the folder they may lie in."""

    entries: Mapping[str, zipfile.ZipInfo]
    problems: tuple[Problem, ...]
    _zip: zipfile.ZipFile
    _limit: int

    def __contains__(self, name: str) -> bool:
        """Whether a file of this name is there."""
        return name in self.entries

    def read(self, name: str) -> bytes:
        """The file's bytes. Raises RefusedError where it is damaged, or larger than the limit or the ratio allows."""
        return _inflate(self._zip, self.entries[name], name, self._limit)


def is_archive(data: bytes) -> bool:
    """Whether the content begins as a zip archive does."""
    return data.startswith(SIGNATURES)


def open_archive(data: bytes, *, limit: int) -> Archive:
    """Open an archive whose files may inflate to ``limit`` bytes together; raises RefusedError with the reason it cannot be trusted."""
    archive, entries = _listed(data)
    if any(info.filename == CONTENT_TYPES for info in entries):
        # A document of an office program, which is a zip too.
        raise RefusedError(Reason.UNKNOWN_FORMAT)
    named, folders = _names([info for info in entries if not _not_ours(info)])
    files = {name: info for name, info in named.items() if not info.is_dir()}
    _check_sizes(data, [info for info in entries if not info.is_dir()], limit)
    for name, info in files.items():
        if name.endswith((".zip", ".gz", ".7z", ".rar")) or _first_bytes(archive, info, name).startswith(NESTED):
            raise RefusedError(Reason.ZIP_LIMITS)
    problems = (Problem("", 0, "", Reason.ZIP_FOLDER),) if folders else ()
    return Archive(files, problems, archive, limit)


def open_workbook(data: bytes, *, limit: int) -> Archive | None:
    """The parts of an Excel workbook (.xlsx) by their whole names, under the limits of any archive; None where the archive is none."""
    archive, entries = _listed(data)
    files = [info for info in entries if not info.filename.endswith("/")]
    parts = {info.filename: info for info in files}
    if not {CONTENT_TYPES, "xl/workbook.xml"} <= parts.keys():
        return None
    for info in entries:
        _check_kind(info)
    if len({name.lower() for name in parts}) < len(files):
        raise RefusedError(Reason.ZIP_PATH)
    _check_sizes(data, files, limit)
    return Archive(parts, (), archive, limit)


def _listed(data: bytes) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """The archive and its entries, not too many of them."""
    _check_directory(data)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except NotImplementedError:
        raise RefusedError(Reason.ZIP_UNSUPPORTED) from None
    except _DAMAGE:
        raise RefusedError(Reason.ZIP_DAMAGED) from None
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise RefusedError(Reason.ZIP_LIMITS)
    return archive, entries


def _check_kind(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RefusedError(Reason.ZIP_UNSUPPORTED)


def _not_ours(info: zipfile.ZipInfo) -> bool:
    return info.filename.startswith(NOT_OURS[0]) or PurePosixPath(info.filename).name in NOT_OURS[1:]


def _check_directory(data: bytes) -> None:
    """Judge the directory's size and kind from the end record, before any entry is listed."""
    at = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    if at < 0 or at + _END.size > len(data):
        raise RefusedError(Reason.ZIP_DAMAGED)
    _, disk, _, _, entries, directory_bytes, offset, _ = _END.unpack_from(data, at)
    if data[max(0, at - 20) : at].startswith(b"PK\x06\x07") or entries == 0xFFFF or 0xFFFFFFFF in (directory_bytes, offset) or disk:
        raise RefusedError(Reason.ZIP_UNSUPPORTED)
    if entries > MAX_ENTRIES or directory_bytes > MAX_DIRECTORY_BYTES:
        raise RefusedError(Reason.ZIP_LIMITS)


def _names(entries: list[zipfile.ZipInfo]) -> tuple[dict[str, zipfile.ZipInfo], bool]:
    """Entries by safe name; whether they lay in one folder. Raises RefusedError for a name that leads elsewhere or stands there twice."""
    for info in entries:
        _check_kind(info)
        name = info.orig_filename
        parts = name.rstrip("/").split("/")
        unsafe = "\\" in name or ":" in name or not name.isprintable() or any(part in ("", ".", "..") for part in parts)
        if unsafe or stat.S_ISLNK(info.external_attr >> 16):
            raise RefusedError(Reason.ZIP_PATH)
    folders = {str(PurePosixPath(info.filename).parent) for info in entries if not info.is_dir()} - {"."}
    at_root = any("/" not in info.filename for info in entries if not info.is_dir())
    if len(folders) > 1 or (folders and at_root):
        raise RefusedError(Reason.ZIP_PATH)
    named: dict[str, zipfile.ZipInfo] = {}
    for info in entries:
        name = info.filename.casefold() if info.is_dir() else PurePosixPath(info.filename).name.casefold()
        if name in named:
            raise RefusedError(Reason.ZIP_PATH)
        named[name] = info
    return named, bool(folders)


def _check_sizes(data: bytes, files: list[zipfile.ZipInfo], limit: int) -> None:
    """Refuse what the directory itself admits to, and entries that share the same compressed bytes."""
    if sum(info.file_size for info in files) > limit or any(_exceeds_ratio(info.file_size, info.compress_size) for info in files):
        raise RefusedError(Reason.ZIP_LIMITS)
    end = 0
    for info in sorted(files, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise RefusedError(Reason.ZIP_LIMITS)
        header = data[info.header_offset : info.header_offset + _LOCAL_HEADER]
        if len(header) < _LOCAL_HEADER:
            raise RefusedError(Reason.ZIP_DAMAGED)
        name_length, extra_length = struct.unpack_from("<HH", header, 26)
        end = info.header_offset + _LOCAL_HEADER + name_length + extra_length + info.compress_size
    if end > len(data):
        raise RefusedError(Reason.ZIP_DAMAGED)


def _exceeds_ratio(plain: int, packed: int) -> bool:
    return plain > RATIO_FREE_BYTES and plain > MAX_RATIO * max(packed, 1)


def _first_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> bytes:
    try:
        with archive.open(info) as opened:
            return opened.read(8)
    except (NotImplementedError, RuntimeError):
        raise RefusedError(Reason.ZIP_UNSUPPORTED, name) from None
    except _DAMAGE:
        raise RefusedError(Reason.ZIP_DAMAGED, name) from None


def _inflate(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, limit: int) -> bytes:
    pieces, size = [], 0
    try:
        with archive.open(info) as opened:
            while piece := opened.read(STEP):
                size += len(piece)
                if size > limit or _exceeds_ratio(size, info.compress_size):
                    raise RefusedError(Reason.ZIP_LIMITS, name)
                pieces.append(piece)
    except (NotImplementedError, RuntimeError):
        raise RefusedError(Reason.ZIP_UNSUPPORTED, name) from None
    except _DAMAGE:
        raise RefusedError(Reason.ZIP_DAMAGED, name) from None
    if size != info.file_size:
        raise RefusedError(Reason.ZIP_DAMAGED, name)
    return b"".join(pieces)
