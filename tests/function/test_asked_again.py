"""Under the next term's agreement families are asked again (``renew: yearly``): silence changes nothing, a no stays, and a card that is there goes on."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto.ses.models import ses_backends
from moto.sesv2.responses import SESV2Response

from firstcard.adapters.aws import wrapper
from firstcard.card.patron import release
from firstcard.event import Event, new_event
from firstcard.run.facts import facts
from functions.notify import handler as notify
from functions.refuse import handler as refuse
from tests.function.builders import ACCOUNT, CARDS, EVENING, REGION, Yard, a_roster, csv_content, everything, household, later, token
from tests.function.bulk_mail import send_bulk_email
from tests.function.calling import a_batch, a_context, on_the_bus
from tests.function.test_refuse import a_link
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

AUGUST = datetime(2027, 8, 9, 6, 0, tzinfo=UTC)


def years(renew: str) -> list[dict[str, Any]]:
    this, following = csv_content("pine", "dsa-pine-oak-2026", "904"), csv_content("pine", "dsa-pine-oak-2027", "904")
    following["term"] = {"effective": "2027-08-01", "expires": "2028-07-31"}
    for content in (this, following):
        content["basis"]["choice"]["renew"] = renew
    return [this, following, csv_content("fir", "dsa-fir-oak-2026", "906")]


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return years("yearly")


@pytest.fixture
def desk(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> Yard:
    """Last year: children 1 and 2 at one address and 3 at another have cards, 4 said no."""
    keys = boto3.client("kms")
    keys.create_alias(AliasName="alias/firstcard-purpose-oak-pine", TargetKeyId=keys.create_key()["KeyMetadata"]["KeyId"])
    monkeypatch.setattr(SESV2Response, "send_bulk_email", send_bulk_email, raising=False)
    boto3.client("ses").verify_email_identity(EmailAddress="cards@oak.example.org")
    yard.wrapper = wrapper
    arrival, _ = yard.run(roster())
    heard(yard, arrival.run_id, EVENING, 1, 3, 4)
    patrons = yard.cards.standing([token(n) for n in (1, 2, 3, 4)]).patrons
    for number in (1, 2, 3):
        assert yard.cards.change(release(patrons[token(number)], at=later(days=14).isoformat()))
    yard.cards.refuse([token(4)], by="family", stamp=patrons[token(4)].stamp)
    return yard


def roster(**changes: str) -> bytes:
    homes = {1: 1, 2: 1, 3: 3, 4: 4}
    return a_firstcard_csv(*(a_student_row(n, guardian_email=f"family{home}@example.org", **changes) for n, home in homes.items()))


def heard(yard: Yard, run_id: str, at: datetime, *numbers: int) -> None:
    """The households as the table has them, told to notify as the stream would."""
    agreement = yard.site.of_sharing("oak.pine", at.date())
    assert agreement is not None
    families = yard.cards.households([household(n) for n in numbers])
    told: list[Event] = [
        new_event(
            "HouseholdRecorded",
            key=family.token + family.envelope,
            **facts(agreement, run_id, at),
            household=family.token,
            kind="family",
            announce=family.announce,
        )
        for family in families.values()
    ]
    answer = notify.handler(a_batch(*on_the_bus(told, time=at.isoformat().replace("+00:00", "Z"))), a_context())
    assert answer == {"batchItemFailures": []}


def mailed() -> Counter[str]:
    """How many e-mails each address has got."""
    return Counter(address for message in ses_backends[ACCOUNT][REGION].sent_messages for address in message.destinations["ToAddresses"])


def august(yard: Yard, body: bytes, at: datetime = AUGUST) -> str:
    arrival = yard.admitted(body, at=at, key="incoming/august.csv")
    planned = yard.plan(arrival)
    if planned.outcome == "ready":
        yard.begin(arrival, at=at)
        yard.issue(planned)
        yard.finish(arrival, at=at)
        heard(yard, arrival.run_id, at, 1, 3, 4)
    return planned.outcome


def test_each_family_with_a_card_is_asked_once_more_and_who_said_no_is_not(desk: Yard) -> None:
    before = mailed()
    assert august(desk, roster()) == "ready"
    assert mailed() - before == Counter({"family1@example.org": 1, "family3@example.org": 1})
    assert desk.states(1, 2, 3, 4) == ["active", "active", "active", "refused"]


def test_nobody_is_asked_twice_in_a_year_whatever_comes(desk: Yard) -> None:
    august(desk, roster())
    before = mailed()
    heard(desk, "1" * 24, AUGUST, 1, 3, 4)
    assert august(desk, roster(), AUGUST.replace(day=10)) == "unchanged"
    assert august(desk, roster(grade="05"), AUGUST.replace(day=11)) == "ready"
    assert mailed() == before


def test_last_years_message_that_is_delivered_again_asks_nobody(desk: Yard) -> None:
    before = mailed()
    heard(desk, "1" * 24, later(days=20), 1, 3, 4)
    assert mailed() == before


def test_the_no_of_a_new_year_takes_effect_and_silence_changes_nothing(desk: Yard) -> None:
    august(desk, roster())
    event = {
        "pathParameters": {"link": a_link(1)},
        "requestContext": {"http": {"method": "POST"}, "timeEpoch": int(AUGUST.timestamp() * 1000)},
        "body": "answer=no",
    }
    assert refuse.handler(event, a_context())["statusCode"] == 200
    before = everything(CARDS)
    assert august(desk, roster(), AUGUST.replace(day=20)) == "unchanged"
    assert everything(CARDS) == before
    assert desk.states(1, 2, 3) == ["refused", "refused", "active"]


def test_a_plan_that_nobody_applied_has_asked_nobody_and_the_next_one_asks(desk: Yard) -> None:
    arrival = desk.admitted(roster(), at=AUGUST, key="incoming/first.csv")
    assert desk.plan(arrival).outcome == "ready"
    before = mailed()
    assert august(desk, roster(grade="05"), AUGUST.replace(day=10)) == "ready"
    assert (mailed() - before)["family3@example.org"] == 1


class TestWhereTheAgreementDoesNotAsk:
    @pytest.fixture
    def agreements(self) -> list[dict[str, Any]]:
        return years("never")

    def test_nobody_is(self, desk: Yard) -> None:
        before = mailed()
        assert august(desk, roster()) == "ready"
        assert mailed() == before


def test_the_first_roster_of_all_asks_nobody_again(yard: Yard) -> None:
    yard.run(a_roster(1))
    assert yard.cards.households([household(1)])[household(1)].announce == (token(1),)
