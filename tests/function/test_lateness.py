"""A roster that does not come, and the days in which none is applied, on the real tables."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.ses.models import ses_backends
from moto.sesv2.responses import SESV2Response

from firstcard.adapters.aws import CardBus
from firstcard.event import Event
from firstcard.run.ledger import Arrival, Status
from functions.admit import handler as admit
from functions.notify import handler as notify
from tests.function.builders import ACCOUNT, EVENING, LEDGER, REGION, Breaking, Yard, a_roster, csv_content, drop_bucket, everything, token
from tests.function.bulk_mail import send_bulk_email
from tests.function.calling import a_batch, a_context, on_the_bus

NOON = "2026-11-24T17:00:00Z"
"""Noon of a Tuesday in New York; the last file came in the night to Sunday."""


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    """Two districts that send nightly; the first one's systems roll over in December, and a person looks at first files."""
    pine, fir = csv_content("pine", "dsa-pine-oak-2026", "904"), csv_content("fir", "dsa-fir-oak-2026", "906")
    pine["exchange"]["calendar"]["rollover"] = {"first": "2026-12-07", "last": "2026-12-18"}
    pine["safety"]["first_run_needs_approval"] = True
    return [pine, fir]


@pytest.fixture
def told(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What the functions put on the bus."""
    events: list[Event] = []
    monkeypatch.setattr(CardBus, "emit", lambda self, emitted: events.extend(emitted))
    monkeypatch.setattr(SESV2Response, "send_bulk_email", send_bulk_email, raising=False)
    boto3.client("ses").verify_email_identity(EmailAddress="cards@oak.example.org")
    return events


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def sweep(time: str) -> None:
    admit.handler({"account": ACCOUNT, "region": REGION, "time": time}, a_context())


def applied(yard: Yard, body: bytes, *, at: datetime = EVENING) -> Arrival:
    """A roster that was held, approved and applied; nothing of it lies in the drop bucket any more, as after some days."""
    arrival = yard.admitted(body, at=at)
    planned = yard.plan(arrival)
    if planned.outcome == "held":
        yard.hold(arrival, at=at)
        assert yard.approve(arrival, planned.plan_hash)
    assert yard.begin(arrival, at=at).outcome == "go"
    yard.issue(planned)
    assert yard.finish(arrival, at=at) == "applied"
    forget_drops(arrival)
    return arrival


def forget_drops(arrival: Arrival) -> None:
    boto3.client("s3").delete_object(Bucket=arrival.bucket, Key=arrival.key, VersionId=arrival.version_id)


def mailed() -> list[tuple[str, list[str]]]:
    """(subject, addresses) of what the mail service took."""
    return [(m.subject, sorted(m.destinations["ToAddresses"])) for m in ses_backends[ACCOUNT][REGION].sent_messages]


class TestLate:
    def test_is_told_once_by_the_sweep_for_the_district_that_has_sent_before(self, yard: Yard, told: list[Event]) -> None:
        arrival = applied(yard, a_roster(1))
        sweep("2026-11-24T16:45:00Z")
        assert told == []
        for _ in range(3):
            sweep(NOON)
        (late,) = told
        assert (late.name, late.sharing, late.run_id) == ("RosterLate", "oak.pine", arrival.run_id)
        assert late.model_dump()["due"] == "2026-11-24"

    def test_is_not_told_after_a_file_that_was_refused(self, yard: Yard, told: list[Event]) -> None:
        applied(yard, a_roster(1))
        refused = yard.admitted(b"no roster", key="incoming/second.csv", at=at("2026-11-24T03:00"))
        assert yard.plan(refused).outcome == "rejected"
        forget_drops(refused)
        sweep(NOON)
        assert told == []

    def test_is_not_told_while_the_agreement_is_suspended(self, yard: Yard, told: list[Event]) -> None:
        applied(yard, a_roster(1))
        yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
        sweep(NOON)
        assert told == []

    def test_of_a_sweep_that_died_before_it_remembered_is_told_again_as_the_same_fact(
        self, yard: Yard, told: list[Event], breaking: Breaking
    ) -> None:
        def dies() -> None:
            raise ClientError({"Error": {"Code": "InternalServerError", "Message": "down"}}, "PutItem")

        applied(yard, a_roster(1))
        breaking.before("PutItem", dies, about="late#")
        with pytest.raises(Exception, match=r"not looked at: oak\.pine"):
            sweep(NOON)
        sweep(NOON)
        sweep(NOON)
        assert len(told) == 2
        assert told[0] == told[1]

    def test_is_mailed_to_the_district_and_the_desk_once_however_often_it_is_told(self, yard: Yard, told: list[Event]) -> None:
        applied(yard, a_roster(1))
        sweep(NOON)
        for _ in range(3):
            assert notify.handler(a_batch(*on_the_bus(told)), a_context()) == {"batchItemFailures": []}
        contact = yard.site.agreements[0].notices.contact.email
        assert mailed() == [("No roster came", sorted(["rosters@pine.example.org", contact]))]

    def test_is_mailed_again_after_the_mail_service_refused(self, yard: Yard, told: list[Event]) -> None:
        applied(yard, a_roster(1))
        sweep(NOON)
        boto3.client("ses").delete_identity(Identity="cards@oak.example.org")
        assert len(notify.on_events("oak.pine", list(notify.read_inbox(a_batch(*on_the_bus(told))["Records"]).messages))) == 1
        assert mailed() == []
        boto3.client("ses").verify_email_identity(EmailAddress="cards@oak.example.org")
        notify.handler(a_batch(*on_the_bus(told)), a_context())
        assert len(mailed()) == 1

    def test_that_was_mailed_before_the_sweep_remembered_stays_mailed(self, yard: Yard, told: list[Event]) -> None:
        applied(yard, a_roster(1))
        assert yard.ledger.claim_late_mail("oak.pine", "2026-11-24", "a" * 32)
        yard.ledger.late_mail_sent("oak.pine", "2026-11-24", "a" * 32)
        yard.ledger.mark_late("oak.pine", "2026-11-24", at=EVENING.isoformat())
        assert not yard.ledger.claim_late_mail("oak.pine", "2026-11-24", "b" * 32)


class TestRollOver:
    def test_a_file_that_arrives_in_it_is_refused_and_only_its_receipt_says_so(self, yard: Yard, told: list[Event]) -> None:
        applied(yard, a_roster(1))
        before = [item for item in everything(LEDGER) if "district#" in item]
        arrival = yard.admitted(a_roster(1, 2), key="incoming/in.csv", at=at("2026-12-07T05:00"))
        assert yard.plan(arrival).outcome == "rejected"
        assert yard.finish(arrival) == "rejected"
        assert yard.known(arrival).reason == "ROLLOVER"
        assert yard.states(1, 2) == ["waiting", None]
        assert [item for item in everything(LEDGER) if "district#" in item] == before
        receipts = boto3.client("s3").list_objects_v2(Bucket=drop_bucket(), Prefix="outbox/2026-12-07")["Contents"]
        assert len(receipts) == 3
        last = yard.emitted[-1]
        assert (last.name, last.model_dump()["reason"]) == ("RosterRejected", "ROLLOVER")
        assert notify.handler(a_batch(*on_the_bus([last])), a_context()) == {"batchItemFailures": []}
        assert mailed() == []

    @pytest.mark.parametrize(("moment", "outcome"), [("2026-12-07T04:59", "ready"), ("2026-12-19T05:00", "held")])
    def test_the_districts_midnight_counts(self, yard: Yard, moment: str, outcome: str) -> None:
        applied(yard, a_roster(1))
        assert yard.plan(yard.admitted(a_roster(1, 2), key="incoming/b.csv", at=at(moment))).outcome == outcome

    def test_it_raises_no_alarm(self, yard: Yard, told: list[Event]) -> None:
        applied(yard, a_roster(1))
        for day in range(7, 19):
            sweep(f"2026-12-{day:02d}T18:00:00Z")
        assert told == []

    def test_the_first_file_after_it_is_held_like_a_first_one_and_the_next_is_not(self, yard: Yard) -> None:
        applied(yard, a_roster(1))
        first = yard.admitted(a_roster(1, 2), key="incoming/after.csv", at=at("2026-12-21T06:00"))
        planned = yard.plan(first)
        assert (planned.outcome, yard.known(first).holds) == ("held", ("FIRST_RUN",))
        newer = applied(yard, a_roster(1, 3), at=at("2026-12-22T06:00"))
        assert yard.known(first).status is Status.SUPERSEDED
        assert yard.known(newer).holds == ("FIRST_RUN",)
        assert yard.plan(yard.admitted(a_roster(1, 3, 4), key="incoming/next.csv", at=at("2026-12-23T06:00"))).outcome == "ready"

    def test_a_plan_from_before_is_not_begun_in_it_and_the_lock_stays_free(self, yard: Yard) -> None:
        applied(yard, a_roster(1))
        eve = yard.admitted(a_roster(1, 2), key="incoming/eve.csv", at=at("2026-12-07T04:59"))
        yard.plan(eve)
        assert yard.begin(eve, at=at("2026-12-07T05:01")).outcome == "stopped"
        assert yard.finish(eve, at=at("2026-12-07T05:02")) == "rejected"
        assert yard.known(eve).reason == "ROLLOVER"
        assert yard.states(2) == [None]
        assert yard.ledger.district("oak.pine").lock_holder == ""

    def test_what_was_begun_before_it_is_ended_in_it(self, yard: Yard) -> None:
        applied(yard, a_roster(1))
        eve = yard.admitted(a_roster(1, 2), key="incoming/eve.csv", at=at("2026-12-07T04:50"))
        planned = yard.plan(eve)
        assert yard.begin(eve, at=at("2026-12-07T04:59")).outcome == "go"
        assert yard.finish(eve, at=at("2026-12-07T05:01"), error=True) == "failed"
        assert yard.plan(eve) == planned
        assert yard.begin(eve, at=at("2026-12-07T05:20")).outcome == "go"
        yard.issue(planned)
        assert yard.finish(eve, at=at("2026-12-07T05:30")) == "applied"
        assert token(2) in yard.cards.standing([token(2)]).patrons
