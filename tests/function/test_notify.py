"""Notify as the queue calls it: everything once, people's mail stops with the agreement, and receipts go on."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.core.exceptions import JsonRESTError
from moto.ses.models import ses_backends
from moto.sesv2.responses import SESV2Response

from firstcard.adapters.aws import wrapper
from firstcard.card.window import end_windows
from firstcard.event import Event, new_event
from firstcard.run.facts import facts
from functions.notify.handler import handler
from tests.function.builders import ACCOUNT, EVENING, REGION, Breaking, Yard, a_roster, household, later, token
from tests.function.bulk_mail import send_bulk_email
from tests.function.calling import a_context, on_the_bus

QUEUE = "firstcard-tested"


class ServiceUnavailableError(JsonRESTError):
    """What SES says when it may or may not have taken a call."""

    code = 503

    def __init__(self) -> None:
        super().__init__("ServiceUnavailable", "Try again.")


@pytest.fixture
def desk(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> Yard:
    """A district with its own purpose key, a mail service that knows the sender, and a queue."""
    keys = boto3.client("kms")
    keys.create_alias(AliasName="alias/firstcard-purpose-oak-pine", TargetKeyId=keys.create_key()["KeyMetadata"]["KeyId"])
    monkeypatch.setattr(SESV2Response, "send_bulk_email", send_bulk_email, raising=False)
    boto3.client("ses").verify_email_identity(EmailAddress="cards@oak.example.org")
    boto3.client("sqs").create_queue(QueueName=QUEUE, Attributes={"VisibilityTimeout": "120"})
    yard.wrapper = wrapper
    return yard


def delivered(events: Sequence[Event]) -> dict[str, Any]:
    """The events as messages that were really received from a queue."""
    queue = boto3.client("sqs")
    url = queue.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    for body in on_the_bus(events):
        queue.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    messages = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    return {
        "Records": [
            {
                "messageId": m["MessageId"],
                "receiptHandle": m["ReceiptHandle"],
                "body": m["Body"],
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}",
            }
            for m in messages
        ]
    }


def told() -> list[str]:
    """Addresses that mail was accepted for, in order."""
    sent = ses_backends[ACCOUNT][REGION].sent_messages
    return [address for message in sent for address in message.destinations["ToAddresses"]]


def common(yard: Yard, run_id: str) -> dict[str, str]:
    agreement = yard.site.of_sharing("oak.pine", None)
    assert agreement is not None
    return facts(agreement, run_id, EVENING)


def a_household(yard: Yard, run_id: str, *numbers: int) -> Event:
    announce = tuple(token(n) for n in numbers)
    return new_event(
        "HouseholdRecorded", key=run_id, **common(yard, run_id), household=household(numbers[0]), kind="family", announce=announce
    )


def ended(yard: Yard) -> Event:
    return next(e for e in yard.emitted if e.name == "RosterProcessed")


def test_a_household_is_announced_once_and_its_window_starts(desk: Yard) -> None:
    arrival, _ = desk.run(a_roster(1))
    batch = delivered([a_household(desk, arrival.run_id, 1)])
    for _ in range(3):
        assert handler(batch, a_context()) == {"batchItemFailures": []}
    assert told() == ["family1@example.org"]
    assert [w.token for w in desk.cards.windows_over("oak.pine", told_before="9999")] == [token(1)]


def test_of_e_mails_sent_in_one_call_the_one_that_ses_refuses_comes_again(desk: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses_one(self: SESV2Response) -> str:
        answer = json.loads(send_bulk_email(self))
        if len(answer["BulkEmailEntryResults"]) > 1:
            answer["BulkEmailEntryResults"][1]["Status"] = "ACCOUNT_THROTTLED"
        return json.dumps(answer)

    monkeypatch.setattr(SESV2Response, "send_bulk_email", refuses_one)
    arrival, _ = desk.run(a_roster(1, 3, 5))
    batch = delivered([a_household(desk, arrival.run_id, n) for n in (1, 3, 5)])
    assert handler(batch, a_context()) == {"batchItemFailures": [{"itemIdentifier": batch["Records"][1]["messageId"]}]}
    assert handler(batch, a_context()) == {"batchItemFailures": []}
    assert told()[3:] == told()[1:2]


def test_a_call_whose_answer_is_lost_is_not_made_again_by_itself(desk: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def answers_nothing_useful(self: SESV2Response) -> str:
        calls.append(1)
        raise ServiceUnavailableError

    monkeypatch.setattr(SESV2Response, "send_bulk_email", answers_nothing_useful)
    arrival, _ = desk.run(a_roster(1))
    assert len(handler(delivered([a_household(desk, arrival.run_id, 1)]), a_context())["batchItemFailures"]) == 1
    assert len(calls) == 1


def test_the_receipt_goes_out_once(desk: Yard) -> None:
    desk.run(a_roster(1))
    batch = delivered([ended(desk)])
    for _ in range(3):
        assert handler(batch, a_context()) == {"batchItemFailures": []}
    assert told() == ["rosters@pine.example.org"]


def test_while_the_agreement_is_suspended_families_wait_and_the_district_is_told(desk: Yard) -> None:
    arrival, _ = desk.run(a_roster(1))
    desk.ledger.suspend("oak.pine", by="officer", at=datetime.now(UTC).isoformat())
    batch = delivered([a_household(desk, arrival.run_id, 1), ended(desk)])
    failed = handler(batch, a_context())["batchItemFailures"]
    waiting = next(r["messageId"] for r in batch["Records"] if "HouseholdRecorded" in r["body"])
    assert failed == [{"itemIdentifier": waiting}]
    assert told() == ["rosters@pine.example.org"]
    desk.ledger.resume("oak.pine")
    assert handler(batch, a_context()) == {"batchItemFailures": []}
    assert told() == ["rosters@pine.example.org", "family1@example.org"]


def test_a_key_that_kms_refuses_puts_the_message_off_and_sends_nothing(desk: Yard, breaking: Breaking) -> None:
    def refuses() -> None:
        raise ClientError({"Error": {"Code": "DisabledException", "Message": "disabled"}}, "Decrypt")

    arrival, _ = desk.run(a_roster(1))
    batch = delivered([a_household(desk, arrival.run_id, 1)])
    breaking.before("Decrypt", refuses)
    assert len(handler(batch, a_context())["batchItemFailures"]) == 1
    assert told() == []
    assert handler(batch, a_context()) == {"batchItemFailures": []}
    assert told() == ["family1@example.org"]


def test_every_opening_was_declared_with_its_purpose(desk: Yard) -> None:
    arrival, _ = desk.run(a_roster(1))
    handler(delivered([a_household(desk, arrival.run_id, 1)]), a_context())
    items = boto3.client("dynamodb").scan(TableName="firstcard-ledger")["Items"]
    intents = [(i["group"]["S"], i["purpose"]["S"], i["role"]["S"]) for i in items if i["pk"]["S"].startswith("intent#")]
    assert intents == [("contact", "send_notice", "firstcard-tested")]


def test_the_log_names_nobody(desk: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    arrival, _ = desk.run(a_roster(1))
    handler(delivered([a_household(desk, arrival.run_id, 1)]), a_context())
    said = capsys.readouterr()
    assert not [v for v in ("family1@example.org", "Ada", "Pineb", "100001") if v in said.out + said.err]


def test_a_household_to_which_a_child_comes_back_is_told_again_and_its_days_begin_anew(desk: Yard) -> None:
    arrival, _ = desk.run(a_roster(1, 2))
    handler(delivered([a_household(desk, arrival.run_id, 1)]), a_context())
    desk.run(a_roster(2) + a_roster(1, guardian_email="family9@example.org").split(b"\n", 1)[1], at=later(days=1), key="incoming/next.csv")
    end_windows(list(desk.cards.windows_over("oak.pine", told_before="9999")), store=desk.cards, at=later(days=1).isoformat())
    assert desk.states(1) == ["waiting"]

    back, _ = desk.run(a_roster(1, 2), at=later(days=2), key="incoming/back.csv")
    assert handler(delivered([a_household(desk, back.run_id, 1)]), a_context()) == {"batchItemFailures": []}
    assert told() == ["family1@example.org"] * 2
    assert [w.token for w in desk.cards.windows_over("oak.pine", told_before="9999")] == [token(1)]
