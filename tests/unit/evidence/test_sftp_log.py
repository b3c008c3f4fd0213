"""Session logs of the SFTP service: what was opened for reading, how much went out, and what failed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.evidence import Activity, Fault, Session, SessionReading, read_session_logs


def a_line(activity: str = "OPEN", **more: Any) -> bytes:
    said = {
        "role": "arn:aws:iam::1:role/r",
        "activity-type": activity,
        "user": "duval",
        "session-id": "9ca9a0e1cec6ad9d",
        "path": "/drop/outbox/r.html",
    }
    return json.dumps(said | {name.replace("_", "-"): value for name, value in more.items()}).encode()


def read(*lines: bytes) -> tuple[list[Session], SessionReading]:
    reading = read_session_logs([("one", b"\n".join(lines))])
    return list(reading.events), reading


def the_event(**more: Any) -> Session:
    [event], _ = read(a_line(**more))
    return event


@pytest.mark.parametrize(
    ("mode", "reads"), [("READ", True), ("CREATE|TRUNCATE|WRITE", False), ("READ|WRITE", True), ("", True), ("APPEND", True)]
)
def test_an_opening_that_does_not_only_write_reads(mode: str, reads: bool) -> None:
    assert the_event(mode=mode).reading is reads


def test_a_closing_tells_who_took_how_much_of_what() -> None:
    event = the_event(activity="CLOSE", bytes_out="2048", bytes_in=0)
    assert (event.activity, event.user, event.session, event.path) == (Activity.CLOSE, "duval", "9ca9a0e1cec6ad9d", "/drop/outbox/r.html")
    assert (event.bytes_out, event.bytes_in, event.reading) == (2048, 0, False)


@pytest.mark.parametrize(
    ("activity", "failed"), [("AUTH_FAILURE", True), ("CONNECTION_REJECTED", True), ("ERROR", True), ("CONNECTED", False)]
)
def test_a_failure_is_told(activity: str, failed: bool) -> None:
    assert the_event(activity=activity, message="denied").failed is failed


def test_cloudwatch_gives_the_time_of_what_it_wraps() -> None:
    [event], _ = read(json.dumps({"timestamp": 1795521600000, "message": a_line().decode()}).encode())
    assert (event.time, event.user) == (datetime(2026, 11, 24, 12, 0, tzinfo=UTC), "duval")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", Fault.NOT_JSON),
        (b"duval.9ca9 OPEN Path=/drop/a", Fault.NOT_JSON),
        (b"[]", Fault.NOT_A_RECORD),
        (b"{}", Fault.FIELD_MISSING),
        (a_line(activity="TELEPORT"), Fault.UNKNOWN_ACTIVITY),
        (a_line(bytes_out=-1), Fault.BAD_NUMBER),
        (a_line(bytes_out="\u0663"), Fault.BAD_NUMBER),
        (a_line(bytes_out=True), Fault.BAD_NUMBER),
        (a_line(user=7), Fault.WRONG_TYPE),
        (b'{"message":"{}","timestamp":1e99}', Fault.BAD_TIME),
        (b'{"activity-type":"OPEN","user":"a","user":"b"}', Fault.TWICE_THE_SAME_NAME),
        (b"\xff", Fault.NOT_UTF8),
    ],
)
def test_a_line_that_does_not_fit_is_named(line: bytes, reason: Fault) -> None:
    events, reading = read(a_line(), line, a_line())
    assert [event.position for event in events] == [1, 3]
    assert [(one.reason, one.position) for one in reading.unreadable] == [(reason, 2)]


@given(st.lists(st.binary(max_size=80).filter(lambda line: b"\n" not in line) | st.just(a_line()), min_size=1, max_size=5))
def test_each_line_is_an_event_or_named(lines: list[bytes]) -> None:
    events, reading = read(*lines, a_line())
    assert reading.lines == len(lines) + 1 == len(events) + len(reading.unreadable)
