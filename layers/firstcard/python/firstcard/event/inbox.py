"""Messages of a queue that carry events of the card bus."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    """A batch of messages; ``unreadable`` are ids of messages that hold no event that we know: they go to the dead-letter queue."""

    messages: tuple[Inbound, ...]
    unreadable: tuple[str, ...]


def read_inbox(records: Iterable[Mapping[str, Any]]) -> Inbox:
    """The events of an SQS batch as Lambda hands it over."""
    messages, unreadable = [], []
    for record in records:
        try:
            body = json.loads(record["body"])
            event = EVENTS[body["detail-type"]].model_validate(body["detail"])
            time = str(body["time"]).replace("Z", "+00:00")
            receives = int(record["attributes"]["ApproximateReceiveCount"])
            messages.append(
                Inbound(record["messageId"], receives, time, event, record.get("eventSourceARN", ""), record.get("receiptHandle", ""))
            )
        except (KeyError, ValueError, TypeError, ValidationError):
            unreadable.append(record["messageId"])
    return Inbox(tuple(messages), tuple(unreadable))


def failures(ids: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """The answer of a partial batch: which messages are to be delivered again."""
    return {"batchItemFailures": [{"itemIdentifier": i} for i in sorted(set(ids))]}
