"""A batch of the queue: what can be read is read, what cannot is given back by itself."""

import json
from typing import Any

import pytest

from firstcard.event.inbox import failures, read_inbox

EVENT = {
    "id": "0" * 32,
    "at": "2026-11-22T06:00:00+00:00",
    "sharing": "oak.pine",
    "agreement": "dsa-pine-oak-2026",
    "library": "oak",
    "district": "pine",
    "run_id": "1" * 24,
    "token": "a" * 32,
    "by": "family",
}


def a_record(
    number: int = 1, *, kind: str = "RefusalRecorded", receives: int = 1, time: Any = "2026-11-22T06:00:01Z", **changes: Any
) -> dict[str, Any]:
    body = {"detail-type": kind, "time": time, "detail": EVENT | changes}
    return {"messageId": f"m{number}", "attributes": {"ApproximateReceiveCount": str(receives)}, "body": json.dumps(body)}


def test_a_message_is_its_event_and_how_often_it_came() -> None:
    inbox = read_inbox([a_record(receives=4)])
    (message,) = inbox.messages
    assert (message.message, message.receives, message.time) == ("m1", 4, "2026-11-22T06:00:01+00:00")
    assert message.event.name == "RefusalRecorded"


def test_unreadable_messages_do_not_keep_the_others_from_being_read() -> None:
    records = [
        a_record(1),
        a_record(2, kind="SomethingElse"),
        a_record(3, first_name="Rosalind"),
        a_record(4, token="not a token"),
        {**a_record(5), "body": "not json"},
        {**a_record(6), "body": "[]"},
        {**a_record(7), "body": "{}"},
        a_record(8),
    ]
    inbox = read_inbox(records)
    assert [m.message for m in inbox.messages] == ["m1", "m8"]
    assert inbox.unreadable == ("m2", "m3", "m4", "m5", "m6", "m7")


@pytest.mark.parametrize(
    "time", ["", "soon", "2026-13-01T00:00:00Z", "2026-11-22T06:00:01", "2026-11-22", None, 1, "0001-01-01T00:00:00+01:00"]
)
def test_a_message_without_a_moment_on_the_bus_is_unreadable_and_keeps_no_other_back(time: object) -> None:
    inbox = read_inbox([a_record(1, time=time), a_record(2)])
    assert [m.message for m in inbox.messages] == ["m2"]
    assert inbox.unreadable == ("m1",)


def test_a_moment_is_told_in_utc() -> None:
    (message,) = read_inbox([a_record(time="2026-11-22T01:00:01-05:00")]).messages
    assert message.time == "2026-11-22T06:00:01+00:00"


def test_an_event_that_the_consumer_does_not_take_is_unreadable() -> None:
    inbox = read_inbox([a_record(1), a_record(2, by="roster"), a_record(3)], accepts=lambda e: getattr(e, "by", "") == "roster")
    assert [m.message for m in inbox.messages] == ["m2"]
    assert inbox.unreadable == ("m1", "m3")


def test_a_message_is_given_back_once() -> None:
    assert failures(["m2", "m1", "m2"]) == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]}
