"""An ear on the card bus, made for these tests: hears every event, whoever it is for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from firstcard.event.model import EVENTS, Event
from local.machine import Machine

NAME = "one-machine-hearing"


@dataclass
class Hearing:
    """Every event since the beginning, in the order in which it was taken, each once (told twice, it has the same id)."""

    machine: Machine
    heard: dict[str, Event] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)

    def begin(self) -> "Hearing":
        """Make the queue and the rule."""
        root = self.machine.cloud.session()
        self._sqs = root.client("sqs")
        self._url = self._sqs.create_queue(QueueName=NAME)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        self._sqs.set_queue_attributes(
            QueueUrl=self._url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})}
        )
        events = root.client("events")
        events.put_rule(Name=NAME, EventBusName="firstcard-cards", EventPattern=json.dumps({"source": ["firstcard"]}))
        events.put_targets(Rule=NAME, EventBusName="firstcard-cards", Targets=[{"Id": "hearing", "Arn": arn}])
        return self

    def events(self, district: str) -> list[Event]:
        """A district's events so far. Each was checked against its model when it was taken."""
        self._take()
        return [event for event in self.heard.values() if event.district == district]

    def _take(self) -> None:
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                body: Mapping[str, Any] = json.loads(message["Body"])
                event = EVENTS[body["detail-type"]].model_validate(body["detail"])
                self.heard.setdefault(event.id, event)
                self.bodies.append(message["Body"])
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
