"""Two school years under two agreements: who has a card keeps it, with another last day, and a no stays a no."""

from datetime import UTC, datetime
from typing import Any

import pytest

from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.vault.seal import Opener

from .builders import Yard, a_roster, csv_content, token
from .test_matching import plan_of

AUGUST = datetime(2027, 8, 9, 6, 0, tzinfo=UTC)
EVERYBODY = range(1, 6)


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    this = csv_content("pine", "dsa-pine-oak-2026", "904")
    return [this, csv_content("pine", "dsa-pine-oak-2027", "904", term={"effective": "2027-08-01", "expires": "2028-07-31"})]


def sent(yard: Yard, body: bytes, at: datetime) -> dict[str, Any]:
    arrival = yard.admitted(body, at=at)
    planned = yard.plan(arrival)
    assert planned.outcome == "ready", yard.known(arrival).reason
    assert yard.begin(arrival, at=at).outcome == "go"
    yard.issue(planned)
    assert yard.finish(arrival, at=at) == "applied"
    return plan_of(yard, planned)


def last_day(yard: Yard, number: int) -> str:
    patron = yard.cards.standing([token(number)]).patrons[token(number)]
    envelope = yard.cards.envelopes([patron.envelopes[Group.ENROLMENT]])[patron.envelopes[Group.ENROLMENT]]
    opener = Opener(purpose=Purpose.SYNC_ILS, unwrap=yard.keys.unwrap, declare=yard.keys.declare, clock=lambda: 0.0)
    return str(opener.open(envelope, patron.token, Group.ENROLMENT, patron.sealed[Group.ENROLMENT])["expires_on"])


def test_the_next_agreement_issues_no_card_and_loses_no_refusal_and_the_same_roster_gives_everybody_another_year(yard: Yard) -> None:
    november = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    sent(yard, a_roster(*EVERYBODY), november)
    (second,) = yard.cards.standing([token(2)]).patrons.values()
    yard.cards.refuse([token(2)], by="family", stamp=second.stamp)
    before = yard.cards.standing([token(n) for n in EVERYBODY])
    assert last_day(yard, 1) == "2027-09-15"

    plan = sent(yard, a_roster(*EVERYBODY), AUGUST)
    assert (plan["agreement"], plan["decisions"]) == ("dsa-pine-oak-2027", {"renew": 5})
    after = yard.cards.standing([token(n) for n in EVERYBODY])
    assert yard.states(*EVERYBODY) == ["waiting", "refused", "waiting", "waiting", "waiting"]
    for number in EVERYBODY:
        was, now = before.patrons[token(number)], after.patrons[token(number)]
        assert (now.card_token, now.sealed.get(Group.CARD), now.sealed.get(Group.PIN)) == (
            was.card_token,
            was.sealed.get(Group.CARD),
            was.sealed.get(Group.PIN),
        )
        assert now.version - was.version == (0 if number == 2 else 1)
    assert [last_day(yard, n) for n in (1, 3, 4, 5)] == ["2028-09-15"] * 4
    assert after.patrons[token(1)].agreement == "dsa-pine-oak-2027"

    again = yard.admitted(a_roster(*EVERYBODY), at=AUGUST.replace(day=10))
    assert yard.plan(again).outcome == "unchanged"


def test_a_row_that_changes_and_another_year_are_one_change(yard: Yard) -> None:
    sent(yard, a_roster(*EVERYBODY), datetime(2027, 6, 1, 6, 0, tzinfo=UTC))
    plan = sent(yard, a_roster(*EVERYBODY, grade="07"), AUGUST)
    assert plan["decisions"] == {"update": 5}
    assert last_day(yard, 1) == "2028-09-15"


def test_a_file_that_comes_between_two_terms_is_refused_with_a_reason(yard: Yard) -> None:
    arrival = yard.admitted(a_roster(1), at=datetime(2028, 8, 2, 6, 0, tzinfo=UTC))
    assert yard.plan(arrival).outcome == "rejected"
    assert yard.known(arrival).reason == "AGREEMENT_NOT_IN_FORCE"
