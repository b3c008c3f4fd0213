"""Files of evidence opened with care: what cannot be read is named, with its place, and never left out.

Sources: RFC 1952 (gzip), RFC 8259 (JSON; names within an object should be unique, and a duplicate means two readers may see two things).
"""

import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MOST_BYTES = 128 * 1024 * 1024
"""A log file of CloudTrail holds a few megabytes; what inflates to more than this is not opened further."""

AT_ONCE_BYTES = 32 * 1024 * 1024
"""Larger contents are read a record at a time, so that memory stays small."""

_STEP = 4096


class Fault(StrEnum):
    """Why a file or a record of it could not be read."""

    NOT_GZIP = "not_gzip"
    CUT_OFF = "cut_off"
    CHECKSUM = "checksum"
    MORE_AFTER_THE_END = "more_after_the_end"
    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TWICE_THE_SAME_NAME = "twice_the_same_name"
    TOO_DEEP = "too_deep"
    NUMBER = "number"
    HALF_A_CHARACTER = "half_a_character"
    NO_RECORDS = "no_records"
    MORE_THAN_RECORDS = "more_than_records"
    NOT_A_RECORD = "not_a_record"
    FIELD_MISSING = "field_missing"
    WRONG_TYPE = "wrong_type"
    BAD_TIME = "bad_time"
    SAME_ID_OTHER_CONTENT = "same_id_other_content"
    NOT_A_LINE = "not_a_line"
    TOO_FEW_FIELDS = "too_few_fields"
    BAD_NUMBER = "bad_number"
    UNKNOWN_ACTIVITY = "unknown_activity"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One file, or one record or line of it, that is evidence of nothing: position counts from 1, and 0 is the file itself.

    A position of 0 stands beside whatever could still be read of the file; any other position stands in the place of a record.
    """

    reason: Fault
    file: str
    position: int = 0


class FaultError(Exception):
    """What is wrong with the record at hand; its text is a field's name and never a value."""

    def __init__(self, reason: Fault, field: str = "") -> None:
        super().__init__(f"{reason}: {field}" if field else str(reason))
        self.reason = reason


def inflate(data: bytes, most: int = MOST_BYTES) -> tuple[bytes, Fault | None]:
    """The content of a gzip file, and what is wrong with it; of a damaged one as much as comes out of it.

    Several members after each other are one content (RFC 1952, 2.2). Anything else behind the end is a fault, zeros too.
    """
    parts: list[bytes] = []
    left = most
    while True:
        unpacking = zlib.decompressobj(31)
        try:
            parts.append(unpacking.decompress(data, left + 1))
        except zlib.error:
            return b"".join([*parts, *_what_comes_out(data, left)]), Fault.CHECKSUM if data[:2] == b"\x1f\x8b" else Fault.NOT_GZIP
        left -= len(parts[-1])
        if left < 0:
            return b"".join(parts), Fault.TOO_LARGE
        if not unpacking.eof:
            return b"".join(parts), Fault.CUT_OFF
        data = unpacking.unused_data
        if not data:
            return b"".join(parts), None
        if data[:2] != b"\x1f\x8b":
            return b"".join(parts), Fault.MORE_AFTER_THE_END


def _what_comes_out(data: bytes, most: int) -> Iterator[bytes]:
    """The content before the damage: in steps towards it, and byte by byte where a step fails."""
    unpacking = zlib.decompressobj(31)
    for start in range(0, len(data), _STEP):
        before = unpacking.copy()
        try:
            piece = unpacking.decompress(data[start : start + _STEP], most)
        except zlib.error:
            for place in range(start, min(start + _STEP, len(data))):
                try:
                    yield before.decompress(data[place : place + 1])
                except zlib.error:
                    return
            return
        most -= len(piece)
        yield piece
        if most <= 0 or unpacking.eof:
            return


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FaultError(Fault.TWICE_THE_SAME_NAME)
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise FaultError(Fault.NUMBER)
    return number


def _constant(name: str) -> float:
    raise FaultError(Fault.NUMBER, name)


_decode = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_constant).decode
_HALVES = re.compile(r"\\u[dD][89a-fA-F]")


def parse(text: str) -> object:
    """The value of a JSON text in which each name stands once, each number is finite and each character whole. Raises FaultError."""
    try:
        value = _decode(text)
    except RecursionError:
        raise FaultError(Fault.TOO_DEEP) from None
    except ValueError:
        raise FaultError(Fault.NOT_JSON) from None
    if _HALVES.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise FaultError(Fault.HALF_A_CHARACTER) from None
        except RecursionError:
            raise FaultError(Fault.TOO_DEEP) from None
    return value


_START = re.compile(r'\s*\{\s*"Records"\s*:\s*\[')
_END = re.compile(r"\s*\}\s*\Z")
_MARKS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\],"]', re.DOTALL)


def split_records(text: str) -> Iterator[str | Fault]:
    """Each element of ``{"Records": [...]}`` as its own text, found by brackets and quotes alone, so that one bad element spoils no other.

    What is wrong with the file around them comes as a fault, at its end.
    """
    begin = _START.match(text)
    if not begin:
        yield Fault.NO_RECORDS
        return
    depth, start, any_yet = 0, begin.end(), False
    for mark in _MARKS.finditer(text, start):
        sign = mark.group()
        if sign == '"':
            break
        if sign in ("{", "["):
            depth += 1
        elif depth and sign in ("}", "]"):
            depth -= 1
        elif depth:
            continue
        elif sign == ",":
            yield text[start : mark.start()]
            start, any_yet = mark.end(), True
        elif sign == "]":
            last = text[start : mark.start()]
            if any_yet or last.strip():
                yield last
            if not _END.match(text, mark.end()):
                yield Fault.MORE_THAN_RECORDS
            return
    if text[start:].strip():
        yield text[start:]
    yield Fault.CUT_OFF


def records_of(data: bytes, file: str) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
    """Each record of a CloudTrail file with its place in it, from 1; at place 0, what is wrong with the file itself."""
    fault = None
    if data[:2] == b"\x1f\x8b" or file.endswith(".gz"):
        data, fault = inflate(data)
    elif len(data) > MOST_BYTES:
        data, fault = data[:MOST_BYTES], Fault.TOO_LARGE
    if fault:
        yield 0, Unreadable(fault, file)
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError:
        yield 0, Unreadable(Fault.NOT_UTF8, file)
        text = str(data, "utf-8", "surrogateescape")
    else:
        if not fault and len(text) <= AT_ONCE_BYTES and (records := _at_once(text)) is not None:
            yield from enumerate(records, 1)
            return
    position = 0
    for element in split_records(text):
        if isinstance(element, Fault):
            if element is not fault:
                yield 0, Unreadable(element, file)
            continue
        position += 1
        try:
            element.encode()
            record = parse(element)
        except UnicodeEncodeError:
            yield position, Unreadable(Fault.NOT_UTF8, file, position)
        except FaultError as wrong:
            yield position, Unreadable(wrong.reason, file, position)
        else:
            yield position, record if isinstance(record, dict) else Unreadable(Fault.NOT_A_RECORD, file, position)


def _at_once(text: str) -> list[dict[str, Any]] | None:
    """The records of a file in which nothing is wrong, which is nearly every one."""
    try:
        document = parse(text)
    except FaultError:
        return None
    if not isinstance(document, dict) or document.keys() != {"Records"} or not isinstance(document["Records"], list):
        return None
    records: list[dict[str, Any]] = document["Records"]
    return records if all(isinstance(record, dict) for record in records) else None
