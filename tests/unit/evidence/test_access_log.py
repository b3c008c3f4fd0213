"""S3 access logs: nobody who sends a request can change who asked for what, and no line is lost."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.evidence import Fault, Served, Unreadable, read_access_logs
from firstcard.evidence.access_log import read_line

LEFT = "79a5 drop [20/Nov/2026:12:00:38 +0000] 192.0.2.3 arn:aws:iam::1:role/r 3E57427F3 REST.GET.OBJECT incoming/a%2Bb.csv"
TAIL = "- aGk= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader drop.s3.amazonaws.com TLSv1.3 - Yes us-west-2"


def a_line(uri: str = '"GET /a HTTP/1.1"', numbers: str = "200 - 113 900 7 5", referer: str = '"-"', agent: str = '"aws-cli/2"') -> bytes:
    return f"{LEFT} {uri} {numbers} {referer} {agent} {TAIL}".encode("utf-8", "surrogateescape")


def served(line: bytes) -> Served:
    found = read_line(line)
    assert isinstance(found, Served), found
    return found


def decided(line: bytes) -> tuple[object, ...]:
    one = served(line)
    return (
        *(one.owner, one.bucket, one.time, one.address, one.requester, one.request_id, one.operation, one.key),
        *(one.status, one.error, one.bytes_sent, one.size, one.total_ms, one.turn_around_ms),
    )


WHAT_HAPPENED = decided(a_line())


def test_a_line_tells_what_was_served() -> None:
    one = served(a_line())
    assert (
        *("79a5", "drop", datetime(2026, 11, 20, 12, 0, 38, tzinfo=UTC), "192.0.2.3", "arn:aws:iam::1:role/r", "3E57427F3"),
        *("REST.GET.OBJECT", "incoming/a%2Bb.csv", 200, "", 113, 900, 7, 5),
    ) == WHAT_HAPPENED
    assert (one.uri, one.agent, one.tail[-1], one.look_alike) == ("GET /a HTTP/1.1", "aws-cli/2", "us-west-2", False)


def test_a_lifecycle_deletion_has_no_caller() -> None:
    line = '79a5 drop [20/Nov/2026:12:00:38 +0000] - AmazonS3 3E57 S3.EXPIRE.OBJECT a.csv "-" - - - 8 - - "-" "-" - aGk= - - - - -'
    one = served(line.encode())
    assert (one.operation, one.address, one.requester, one.status, one.size) == ("S3.EXPIRE.OBJECT", "", "AmazonS3", None, 8)


@pytest.mark.parametrize(
    "change",
    [
        {"agent": '"evil" 403 AccessDenied - - 1 1 "-" "x"'},
        {"agent": '"" evil ""'},
        {"agent": '"a"b"c"'},
        {"referer": '"" 404 NoSuchKey - - 1 - "-""'},
        {"referer": '"\udcff\udcfe"'},
        {"agent": '"\u2028\x0b\r\x85"'},
        {"uri": '"GET /<?php" HTTP/1.1"'},
        {"uri": '"GET /a"b"" HTTP/1.1"'},
        {"uri": '"GET /a"'},
    ],
)
def test_a_forged_word_changes_nothing_that_decides(change: dict[str, str]) -> None:
    assert decided(a_line(**change)) == WHAT_HAPPENED


def test_words_that_look_like_a_status_are_told() -> None:
    assert served(a_line(agent='"evil" 403 AccessDenied - - 1 1 "-" "x"')).look_alike


# What a header may hold: every byte but a line feed, which would end the request itself.
WORDS = st.binary(max_size=60).filter(lambda text: b"\n" not in text).map(lambda text: text.decode("utf-8", "surrogateescape"))
FORGED = st.lists(
    st.sampled_from(
        ['"', '""', " ", "-", "200", "403 AccessDenied 0 - 1 1", ' "-" ', "HTTP/1.1", "[", "REST.PUT.OBJECT", "\r", "\t", LEFT]
    ),
    max_size=12,
).map("".join)
TARGETS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=40) | st.lists(
    st.sampled_from(['"', "/", "200", "-", "HTTP/1.1", '"403']), min_size=1, max_size=6
).map("".join)


@settings(max_examples=500)
@given(referer=WORDS | FORGED, agent=WORDS | FORGED)
def test_no_referer_and_no_user_agent_changes_what_decides(referer: str, agent: str) -> None:
    assert decided(a_line(referer=f'"{referer}"', agent=f'"{agent}"')) == WHAT_HAPPENED


@settings(max_examples=500)
@given(target=TARGETS, agent=FORGED)
def test_no_target_of_a_request_changes_what_decides(target: str, agent: str) -> None:
    assert decided(a_line(uri=f'"GET {target} HTTP/1.1"', agent=f'"{agent}"')) == WHAT_HAPPENED


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=200).filter(lambda line: b"\n" not in line) | st.just(a_line()), max_size=6))
def test_each_line_is_served_or_a_duplicate_or_named(lines: list[bytes]) -> None:
    reading = read_access_logs([("one", b"".join(line + b"\n" for line in lines))])
    found = list(reading.served)
    assert reading.lines == len(lines) == len(found) + reading.duplicates + len(reading.unreadable)


def test_the_same_line_twice_counts_once() -> None:
    reading = read_access_logs([("one", a_line() + b"\n"), ("two", a_line())])
    assert (len(list(reading.served)), reading.duplicates, reading.lines) == (1, 1, 2)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", Fault.NOT_A_LINE),
        (b"79a5 drop", Fault.NOT_A_LINE),
        (a_line(numbers="200 - 113"), Fault.NOT_A_LINE),
        (a_line(numbers="2000 - 113 900 7 5"), Fault.NOT_A_LINE),
        (a_line().replace(b"20/Nov", b"31/Feb"), Fault.BAD_TIME),
        (a_line().replace(b"20/Nov", b"20/Nox"), Fault.BAD_TIME),
        (a_line().replace(b" incoming", b"  incoming"), Fault.NOT_A_LINE),
        (a_line().replace(b"3E57427F3", "３".encode()), Fault.NOT_A_LINE),
    ],
)
def test_a_line_that_does_not_fit_is_refused_and_not_guessed(line: bytes, reason: Fault) -> None:
    assert read_line(line, "one", 7) == Unreadable(reason, "one", 7)
