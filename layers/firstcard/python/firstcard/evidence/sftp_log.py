"""Session logs of AWS Transfer Family: one JSON object an event, as CloudWatch Logs holds them.

Source: Transfer Family's structured JSON logging. Activity types as of 2026; a new one is unreadable by name, since it may be a way of taking files away. A district may
read its outbox and nothing else: whatever is opened for reading or sent out elsewhere is for the review to judge, from path and bytes_out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from firstcard.evidence.opening import Fault, FaultError, Unreadable, inflate, parse


class Activity(StrEnum):
    """What a session did, or what befell it."""

    AUTH_FAILURE = "AUTH_FAILURE"
    CONNECTED = "CONNECTED"
    CONNECTION_REJECTED = "CONNECTION_REJECTED"
    DISCONNECTED = "DISCONNECTED"
    ERROR = "ERROR"
    EXIT_REASON = "EXIT_REASON"
    OPEN = "OPEN"
    CLOSE = "CLOSE"
    PARTIAL_CLOSE = "PARTIAL_CLOSE"
    DELETE = "DELETE"
    RENAME = "RENAME"
    MKDIR = "MKDIR"
    RMDIR = "RMDIR"
    SETSTAT = "SETSTAT"
    CREATE_SYMLINK = "CREATE_SYMLINK"
    TLS_RESUME_FAILURE = "TLS_RESUME_FAILURE"


FAILURES = frozenset(
    {Activity.AUTH_FAILURE, Activity.CONNECTION_REJECTED, Activity.ERROR, Activity.PARTIAL_CLOSE, Activity.TLS_RESUME_FAILURE}
)


@dataclass(frozen=True, slots=True)
class Session:
    """One event of an SFTP session. bytes_out left the server, bytes_in came to it; None means that the event does not say, time too.

    reading tells that a file was opened for reading. path is as the log has it: below the account's home, or the object behind it.
    """

    activity: Activity
    time: datetime | None
    session: str
    user: str
    role: str
    server: str
    path: str
    target: str
    mode: str
    reading: bool
    bytes_in: int | None
    bytes_out: int | None
    address: str
    key_fingerprint: str
    cipher: str
    message: str
    file: str
    position: int

    @property
    def failed(self) -> bool:
        """Whether something was refused or went wrong."""
        return self.activity in FAILURES


@dataclass(slots=True)
class SessionReading:
    """Session logs as they are read: go once through events, then the rest is complete; lines is events and unreadable lines together."""

    events: Iterator[Session]
    lines: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)


def read_session_logs(files: Iterable[tuple[str, bytes]]) -> SessionReading:
    """Read files with one event a line: the message itself, or CloudWatch's ``{"timestamp": ..., "message": "..."}`` around it, which gives the time."""
    reading = SessionReading(iter(()))
    reading.events = _read(files, reading)
    return reading


def _read(files: Iterable[tuple[str, bytes]], reading: SessionReading) -> Iterator[Session]:
    for file, data in files:
        fault = None
        if file.endswith(".gz"):
            data, fault = inflate(data)
        if fault:
            reading.unreadable.append(Unreadable(fault, file))
        for position, line in enumerate(data.removesuffix(b"\n").split(b"\n") if data else (), 1):
            reading.lines += 1
            try:
                yield read_event(_json(line), file, position)
            except FaultError as wrong:
                reading.unreadable.append(Unreadable(wrong.reason, file, position))


def _json(line: bytes) -> object:
    try:
        return parse(str(line, "utf-8"))
    except UnicodeDecodeError:
        raise FaultError(Fault.NOT_UTF8) from None


def read_event(said: object, file: str = "", position: int = 1) -> Session:
    """One event. Raises FaultError where it is none, or says what nobody here knows."""
    time = None
    if isinstance(said, dict) and "message" in said and "activity-type" not in said:
        time = _milliseconds(said.get("timestamp"))
        said = parse(_text(said, "message"))
    if not isinstance(said, dict):
        raise FaultError(Fault.NOT_A_RECORD)
    name = _text(said, "activity-type")
    if not name:
        raise FaultError(Fault.FIELD_MISSING, "activity-type")
    if name not in Activity.__members__:
        raise FaultError(Fault.UNKNOWN_ACTIVITY)
    activity, mode = Activity(name), _text(said, "mode")
    return Session(
        activity,
        time or _written(said),
        _text(said, "session-id"),
        _text(said, "user"),
        _text(said, "role"),
        _text(said, "resource-arn"),
        _text(said, "path"),
        _text(said, "new-path") or _text(said, "target"),
        mode,
        # An opening that does not say that it only writes may be one for reading.
        activity is Activity.OPEN and ("READ" in mode.upper() or "WRITE" not in mode.upper()),
        _count(said, "bytes-in"),
        _count(said, "bytes-out"),
        _text(said, "source-ip") or _text(said, "client-ip"),
        _text(said, "ssh-public-key-fingerprint"),
        _text(said, "ciphers"),
        _text(said, "message"),
        file,
        position,
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FaultError(Fault.WRONG_TYPE, name)
    return value


def _count(said: Mapping[str, Any], name: str) -> int | None:
    """A number of bytes, which the service writes as a number or as its digits."""
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if type(value) is not int or value < 0:
        raise FaultError(Fault.BAD_NUMBER, name)
    return value


def _milliseconds(value: object) -> datetime | None:
    if value is None:
        return None
    if type(value) is not int:
        raise FaultError(Fault.BAD_TIME)
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
    except OverflowError:
        raise FaultError(Fault.BAD_TIME) from None


def _written(said: Mapping[str, Any]) -> datetime | None:
    """The time that the event itself tells, if it does."""
    text = _text(said, "start-time") or _text(said, "end-time") or _text(said, "timestamp")
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise FaultError(Fault.BAD_TIME) from None
    if time.tzinfo is None:
        raise FaultError(Fault.BAD_TIME)
    return time.astimezone(UTC)
