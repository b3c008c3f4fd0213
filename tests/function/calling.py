"""What Lambda hands to a handler."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from firstcard.event import Event


@dataclass
class Context:
    """The context of a call."""

    function_name: str = "firstcard-tested"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:firstcard-tested"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"
    remaining: int = 300_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


def a_context(**changes: Any) -> Any:
    """Typed as anything, for Powertools' own class cannot be made."""
    return Context(**changes)


def a_batch(*bodies: Mapping[str, Any], receives: int = 1, first: int = 1) -> dict[str, Any]:
    """SQS messages as Lambda delivers them."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": f"r{number}",
                "body": json.dumps(body),
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:firstcard-tested",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies, first)
        ]
    }


def on_the_bus(events: Iterable[Event], *, time: str = "2026-11-22T06:00:05Z") -> list[dict[str, Any]]:
    """Events as a rule of the bus hands them to a queue."""
    return [{"detail-type": e.name, "source": "firstcard", "time": time, "detail": json.loads(e.model_dump_json())} for e in events]


def a_stream(*changes: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]) -> dict[str, Any]:
    """Changes of the cards table as its stream delivers them."""

    def image(item: Mapping[str, Any] | None) -> dict[str, Any]:
        return {name: TypeSerializer().serialize(value) for name, value in (item or {}).items()}

    return {
        "Records": [
            {"eventName": "MODIFY", "dynamodb": {name: image(item) for name, item in (("OldImage", old), ("NewImage", new)) if item}}
            for old, new in changes
        ]
    }
