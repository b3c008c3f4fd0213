"""Messages of a queue that carry events of the card bus."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from firstcard.event.model import EVENTS, Event


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message: its id, how often it was received (1 the first time), the event's time on the bus (ISO 8601, UTC), and the event.

    ``queue`` (an ARN) and ``receipt`` are what it takes to put the message off.
    """

    message: str
    receives: int
    time: str
    event: Event
    queue: str = ""
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class Inbox:
    """A batch of messages; ``unreadable`` are ids of messages that hold no event that we know, or none that the consumer takes: they go to the dead-letter queue."""

    messages: tuple[Inbound, ...]
    unreadable: tuple[str, ...]


def read_inbox(records: Iterable[Mapping[str, Any]], *, accepts: Callable[[Event], bool] | None = None) -> Inbox:
    """The events of an SQS batch as Lambda hands it over; ``accepts`` says which of them this consumer takes, all of them without it."""
    messages, unreadable = [], []
    for record in records:
        try:
            body = json.loads(record["body"])
            event = EVENTS[body["detail-type"]].model_validate(body["detail"])
            if accepts and not accepts(event):
                raise ValueError("an event for another consumer")
            time = _in_utc(body["time"])
            receives = int(record["attributes"]["ApproximateReceiveCount"])
            messages.append(
                Inbound(record["messageId"], receives, time, event, record.get("eventSourceARN", ""), record.get("receiptHandle", ""))
            )
        except (KeyError, ValueError, TypeError, OverflowError, ValidationError):
            unreadable.append(record["messageId"])
    return Inbox(tuple(messages), tuple(unreadable))


def _in_utc(moment: str) -> str:
    """A moment in UTC, as ISO 8601; ValueError if it is no moment or says no offset, OverflowError if UTC has no such year."""
    parsed = datetime.fromisoformat(moment)
    if parsed.tzinfo is None:
        raise ValueError("a moment without an offset")
    return parsed.astimezone(UTC).isoformat()


def failures(ids: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """The answer of a partial batch: which messages are to be delivered again."""
    return {"batchItemFailures": [{"itemIdentifier": i} for i in sorted(set(ids))]}
