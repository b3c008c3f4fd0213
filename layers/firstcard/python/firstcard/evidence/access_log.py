"""S3 server access logs: what decides is read from the left, where no caller can write, and a line that does not fit is named.

Source: Amazon S3's server access log format (27 fields by 2026; new ones are appended without notice). The URI, the referer and the user agent are the caller's own
words and come unescaped, quotation marks included. Fields 1 to 8 stand before all of them, fields 10 to 15 between the URI and the other two. These logs are
delivered at best effort: they corroborate, and they alone tell of what lifecycle rules deleted and of the keys of a batch delete.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b

from firstcard.evidence.opening import Fault, Unreadable, inflate

_LEFT = re.compile(
    r"(?P<owner>\S+) (?P<bucket>\S+) \[(?P<time>\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]"
    r" (?P<address>\S+) (?P<requester>\S+) (?P<request_id>\S+) (?P<operation>[A-Z0-9]+(?:\.[A-Z0-9_]+)+) (?P<key>\S+)"
    # A request's target holds no white space (RFC 9112, 3.2), so that its end is known whatever quotation marks it holds.
    r" (?P<uri>-|\"-\"|\"\S+ \S+(?: HTTP/[\d.]+)?\")"
    r"(?P<numbers> (?P<status>\d{3}|-) (?P<error>[A-Za-z0-9.]+|-) (?P<bytes_sent>\d{1,18}|-) (?P<size>\d{1,18}|-)"
    r" (?P<total_ms>\d{1,18}|-) (?P<turn_around_ms>\d{1,18}|-))(?= |\Z)"
)
_LOOK_ALIKE = re.compile(r"(?:-|\")(?= (?:\d{3}|-) (?:[A-Za-z0-9.]+|-)(?: (?:\d{1,18}|-)){4}(?: |\Z))")
_REST = re.compile(r" (?P<referer>-|\".*?\") (?P<agent>-|\".*\")(?P<tail>[^\"]*)\Z")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Served:
    """One request that S3 served, or one thing that it did by itself; empty or None where the log has a dash.

    key is as the log writes it, URL-encoded. uri, referer, agent and tail are the caller's words or stand behind them: information, never a reason to decide. look_alike tells that they hold what looks like
    a status and its numbers: somebody may have wanted this line to be read otherwise.
    """

    owner: str
    bucket: str
    time: datetime
    address: str
    requester: str
    request_id: str
    operation: str
    key: str
    status: int | None
    error: str
    bytes_sent: int | None
    size: int | None
    total_ms: int | None
    turn_around_ms: int | None
    uri: str
    referer: str
    agent: str
    tail: tuple[str, ...]
    look_alike: bool
    file: str
    position: int


@dataclass(slots=True)
class LogReading:
    """Access logs as they are read: go once through served, then the rest is complete; lines is served and duplicates and unreadable lines together."""

    served: Iterator[Served]
    lines: int = 0
    duplicates: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)


def read_access_logs(files: Iterable[tuple[str, bytes]]) -> LogReading:
    """Read access logs, one file at a time. The same line twice (S3 may deliver it so) counts once."""
    reading = LogReading(iter(()))
    reading.served = _read(files, reading)
    return reading


def _read(files: Iterable[tuple[str, bytes]], reading: LogReading) -> Iterator[Served]:
    seen: set[bytes] = set()
    for file, data in files:
        fault = None
        if file.endswith(".gz"):
            data, fault = inflate(data)
        if fault:
            reading.unreadable.append(Unreadable(fault, file))
        # Only a line feed ends a line: a carriage return, a form feed or U+2028 is somebody's user agent.
        for position, line in enumerate(data.removesuffix(b"\n").split(b"\n") if data else (), 1):
            reading.lines += 1
            mark = blake2b(line, digest_size=16).digest()
            found = read_line(line, file, position)
            if isinstance(found, Unreadable):
                reading.unreadable.append(found)
            elif mark in seen:
                reading.duplicates += 1
            else:
                seen.add(mark)
                yield found


def read_line(raw: bytes, file: str = "", position: int = 1) -> Served | Unreadable:
    """One line. A line whose deciding fields cannot be told from the caller's words is unreadable, and never guessed."""
    try:
        line = raw.decode()
    except UnicodeDecodeError:
        # A user agent may be of any bytes; what decides is ASCII, and is tested to be.
        line = raw.decode("latin-1")
    left = _LEFT.match(line)
    if not left or not left.group().replace(left["uri"], "", 1).isascii():
        return Unreadable(Fault.NOT_A_LINE, file, position)
    time = _time(left["time"])
    if time is None:
        return Unreadable(Fault.BAD_TIME, file, position)
    rest = _REST.match(line, left.end())
    return Served(
        left["owner"],
        _said(left["bucket"]),
        time,
        _said(left["address"]),
        _said(left["requester"]),
        _said(left["request_id"]),
        left["operation"],
        _said(left["key"]),
        _number(left["status"]),
        _said(left["error"]),
        _number(left["bytes_sent"]),
        _number(left["size"]),
        _number(left["total_ms"]),
        _number(left["turn_around_ms"]),
        _said(left["uri"]).strip('"'),
        _said(rest["referer"]).strip('"') if rest else "",
        _said(rest["agent"]).strip('"') if rest else "",
        tuple(rest["tail"].split()) if rest else (),
        _LOOK_ALIKE.search(line, left.end()) is not None,
        file,
        position,
    )


def _said(value: str) -> str:
    return "" if value in ("-", '"-"') else value


def _number(value: str) -> int | None:
    return int(value) if value.isdigit() else None


def _time(value: str) -> datetime | None:
    day, month, year, hour, minute, second = value[:2], value[3:6], value[7:11], value[12:14], value[15:17], value[18:20]
    sign, off_hours, off_minutes = value[21], value[22:24], value[24:26]
    if month not in _MONTHS or int(off_minutes) > 59:
        return None
    try:
        zone = f"{sign}{off_hours}:{off_minutes}"
        return datetime.fromisoformat(f"{year}-{_MONTHS.index(month) + 1:02}-{day}T{hour}:{minute}:{second}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
