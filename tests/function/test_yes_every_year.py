"""Where a yes is needed every year (``opt_in``, ``renew: yearly``): without a new one the card ends on the stated day, which is no no; a yes brings the same card back."""

import html
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.ses.models import ses_backends
from moto.sesv2.responses import SESV2Response

from firstcard.adapters.aws import wrapper
from firstcard.agreement.vocabulary import Group
from firstcard.card.patron import Stamp
from firstcard.card.view import IlsState, NoticeMark
from firstcard.event.transition import event_of
from firstcard.ils.answer import Accepted
from firstcard.ils.sync import sync_patrons
from functions.window import handler as window
from tests.function.builders import ACCOUNT, EVENING, REGION, Yard, csv_content, household, later, token
from tests.function.bulk_mail import send_bulk_email
from tests.function.calling import a_context
from tests.function.explaining import asked
from tests.function.test_asked_again import heard
from tests.function.test_opt_in import next_year, opt_in_content, say_yes
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

STAMP = Stamp("oak.pine", "dsa-pine-oak-2027", "oak", "pine", "1" * 24, EVENING.isoformat())
AUGUST = datetime(2027, 8, 9, 6, 0, tzinfo=UTC)
LAST_DAY = date(2027, 9, 30)
"""Sixty days from the first of August."""
NO_DAY = {"consent_date": ""}


@pytest.fixture
def agreements(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    renew = getattr(request, "param", "yearly")
    years = {"yes_from": "2026-04-01"}, {"yes_from": "2027-04-01"}
    this, following = years if renew == "yearly" else ({}, {})
    return [
        opt_in_content(renew=renew, **this),
        next_year(opt_in_content("dsa-pine-oak-2027", renew=renew, **following)),
        csv_content("fir", "dsa-fir-oak-2026", "906"),
    ]


def roster(*numbers: int, **changes: str) -> bytes:
    return a_firstcard_csv(*(a_student_row(n, **NO_DAY | changes) for n in numbers))


def days_until(moment: datetime) -> float:
    return (moment - EVENING) / timedelta(days=1)


def over(moment: datetime) -> None:
    window.handler({"time": moment.isoformat().replace("+00:00", "Z")}, a_context())


def on(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def told(yard: Yard, *numbers: int, at: datetime = AUGUST, state: str = "sent") -> None:
    """The e-mail that asks for a new yes went out."""
    sent = {"told_at": at.isoformat(), "window_of": "oak.pine#asked"} if state == "sent" else {}
    marks = [
        NoticeMark(household(n), "again-dsa-pine-oak-2027", token(n), state, "m1", replace(STAMP, at=at.isoformat()), **sent)
        for n in numbers
    ]
    yard.cards.mark(marks)


@pytest.fixture
def cards(yard: Yard) -> Yard:
    """Children 1 and 2 have cards, by yeses of the first year; it is August of the second, and its first roster was applied."""
    yard.run(roster(1, 2))
    say_yes(1)
    say_yes(2)
    over(later(days=1))
    assert yard.states(1, 2) == ["active", "active"]
    send(yard, roster(1, 2), AUGUST)
    return yard


def send(yard: Yard, body: bytes, at: datetime) -> None:
    arrival = yard.admitted(body, at=at, key=f"incoming/{at:%m-%d}.csv")
    planned = yard.plan(arrival)
    if planned.outcome == "ready":
        yard.begin(arrival, at=at)
        yard.issue(planned)
    yard.finish(arrival, at=at)


class TestWithoutANewYes:
    def test_the_card_ends_after_the_stated_day_and_not_on_it(self, cards: Yard) -> None:
        told(cards, 1, 2)
        say_yes(2, days=days_until(AUGUST + timedelta(days=10)))
        number = cards.cards.standing([token(1)]).patrons[token(1)]
        over(on(LAST_DAY))
        assert cards.states(1, 2) == ["active", "active"]
        over(on(LAST_DAY + timedelta(days=1)))
        assert cards.states(1, 2) == ["waiting", "active"]
        after = cards.cards.standing([token(1)]).patrons[token(1)]
        assert (after.card_token, after.sealed[Group.CARD], after.sealed[Group.PIN]) == (
            number.card_token,
            number.sealed[Group.CARD],
            number.sealed[Group.PIN],
        )

    def test_no_no_is_on_record_and_why_says_what_is_missing(self, cards: Yard) -> None:
        told(cards, 1)
        over(on(LAST_DAY + timedelta(days=1)))
        assert cards.cards.refusals([token(1)]) == set()
        assert asked(1, at=on(LAST_DAY + timedelta(days=2)).isoformat())["code"] == "no_yes"
        assert list(cards.cards.noes("oak")) == []

    def test_a_later_yes_brings_the_same_card_back(self, cards: Yard) -> None:
        told(cards, 1)
        over(on(LAST_DAY + timedelta(days=1)))
        before = cards.cards.standing([token(1)]).patrons[token(1)]
        say_yes(1, days=days_until(on(LAST_DAY + timedelta(days=20))))
        over(on(LAST_DAY + timedelta(days=20), 13))
        after = cards.cards.standing([token(1)]).patrons[token(1)]
        assert (str(after.state), after.card_token, after.sealed) == ("active", before.card_token, before.sealed)
        over(on(LAST_DAY + timedelta(days=40)))
        assert cards.states(1) == ["active"]

    def test_so_does_the_districts_yes_in_a_later_roster(self, cards: Yard) -> None:
        told(cards, 1, 2)
        over(on(LAST_DAY + timedelta(days=1)))
        send(cards, roster(1, 2, consent_date="2027-10-02"), on(date(2027, 10, 5)))
        over(on(date(2027, 10, 5), 13))
        assert cards.states(1, 2) == ["active", "active"]

    def test_a_yes_in_spring_for_the_next_year_counts_though_the_row_has_not_changed_since(self, yard: Yard) -> None:
        yard.run(roster(1))
        say_yes(1)
        over(later(days=1))
        send(yard, roster(1, consent_date="2027-05-02"), on(date(2027, 5, 3)))
        send(yard, roster(1, consent_date="2027-05-02"), AUGUST)
        told(yard, 1)
        over(on(LAST_DAY + timedelta(days=1)))
        assert yard.states(1) == ["active"]

    def test_a_family_that_was_asked_late_has_two_weeks(self, cards: Yard) -> None:
        told(cards, 1, at=on(date(2027, 9, 28)))
        over(on(date(2027, 10, 12)))
        assert cards.states(1) == ["active"]
        over(on(date(2027, 10, 13)))
        assert cards.states(1) == ["waiting"]

    @pytest.mark.parametrize("state", ["claimed", "open"])
    def test_a_family_that_was_not_asked_keeps_the_card(self, cards: Yard, state: str) -> None:
        told(cards, 1, state=state)
        over(on(LAST_DAY + timedelta(days=30)))
        assert cards.states(1, 2) == ["active", "active"]

    def test_a_child_without_an_address_has_until_the_stated_day(self, yard: Yard) -> None:
        yard.run(roster(1, guardian_email="", consent_date="2026-09-01"))
        over(later(days=1))
        send(yard, roster(1, guardian_email="", consent_date="2026-09-01"), AUGUST)
        over(on(LAST_DAY))
        assert yard.states(1) == ["active"]
        over(on(LAST_DAY + timedelta(days=1)))
        assert yard.states(1) == ["waiting"]

    def test_a_child_that_left_and_comes_back_needs_one_too(self, cards: Yard) -> None:
        told(cards, 1, 2)
        send(cards, roster(2), on(date(2027, 9, 1)))
        over(on(LAST_DAY + timedelta(days=1)))
        assert cards.states(1, 2) == ["expired", "waiting"]
        send(cards, roster(1, 2), on(date(2027, 10, 10)))
        over(on(date(2027, 10, 10), 13))
        assert cards.states(1, 2) == ["waiting", "waiting"]

    def test_a_no_stays_a_no(self, cards: Yard) -> None:
        told(cards, 1)
        cards.cards.refuse([token(1)], by="family", stamp=replace(STAMP, at=AUGUST.isoformat()))
        over(on(LAST_DAY + timedelta(days=1)))
        assert cards.states(1) == ["refused"]

    def test_twice_over_is_once(self, cards: Yard) -> None:
        told(cards, 1, 2)
        over(on(LAST_DAY + timedelta(days=1)))
        versions = {t: p.version for t, p in cards.cards.standing([token(1), token(2)]).patrons.items()}
        over(on(LAST_DAY + timedelta(days=1), 13))
        assert {t: p.version for t, p in cards.cards.standing([token(1), token(2)]).patrons.items()} == versions

    def test_a_suspended_agreement_ends_nothing(self, cards: Yard) -> None:
        told(cards, 1)
        cards.ledger.suspend("oak.pine", by="ann", at=AUGUST.isoformat())
        over(on(LAST_DAY + timedelta(days=1)))
        assert cards.states(1) == ["active"]

    @pytest.mark.parametrize("agreements", ["never"], indirect=True)
    def test_is_no_matter_where_one_yes_is_for_good(self, cards: Yard, agreements: list[dict[str, Any]]) -> None:
        over(on(LAST_DAY + timedelta(days=60)))
        assert cards.states(1, 2) == ["active", "active"]


class Ends:
    """A library's system that ends cards."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def end(self, ils_id: str | None, *, token: str, on: date) -> Accepted:
        self.asked.append(token)
        return Accepted(ils_id or "")


def test_the_end_goes_to_the_librarys_system_once_and_is_told_as_an_expiry(cards: Yard) -> None:
    told(cards, 1)
    before = cards.cards.standing([token(1)]).patrons[token(1)]
    cards.cards.record_ils([IlsState(token(1), "student", household(1), "in_ils", before.version, "7", "", before.stamp)])
    over(on(LAST_DAY + timedelta(days=1)))
    agreement = cards.site.of_sharing("oak.pine", LAST_DAY)
    assert agreement is not None
    system = Ends()
    for _ in range(2):
        sync_patrons(
            [token(1)], store=cards.cards, opener=None, ils=system, agreement=agreement, allowed=lambda: True,  # type: ignore[arg-type]
            today=LAST_DAY, at=on(LAST_DAY).isoformat(), seconds_left=lambda: 300.0,
        )  # fmt: skip
    assert system.asked == [token(1)]
    common = {"sharing": "oak.pine", "agreement": "a", "library": "oak", "district": "pine", "run_id": "1" * 24, "at": AUGUST.isoformat()}
    image = {"sk": "patron", "pk": f"patron#{token(1)}", "token": token(1), "role": "student", "ownership": "created_by_us", **common}
    event = event_of({**image, "state": "active", "version": 1}, {**image, "state": "waiting", "version": 2})
    assert event is not None
    assert event.name == "CardExpired"


def test_the_e_mail_of_the_new_year_asks_says_until_when_and_what_happens_else(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = boto3.client("kms")
    keys.create_alias(AliasName="alias/firstcard-purpose-oak-pine", TargetKeyId=keys.create_key()["KeyMetadata"]["KeyId"])
    monkeypatch.setattr(SESV2Response, "send_bulk_email", send_bulk_email, raising=False)
    boto3.client("ses").verify_email_identity(EmailAddress="cards@oak.example.org")
    yard.wrapper = wrapper
    arrival, _ = yard.run(a_firstcard_csv(a_student_row(1) | NO_DAY, a_student_row(2) | NO_DAY | {"home_language": "es"}))
    say_yes(1)
    say_yes(2)
    over(later(days=1))
    send(yard, a_firstcard_csv(a_student_row(1) | NO_DAY, a_student_row(2) | NO_DAY | {"home_language": "es"}), AUGUST)
    heard(yard, arrival.run_id, AUGUST, 1, 2)
    texts = [html.unescape(json.dumps(vars(one), default=str, ensure_ascii=False)) for one in ses_backends[ACCOUNT][REGION].sent_messages]
    sent = "\n".join(texts)
    assert "Say yes by " in sent
    assert "https://no.example.org/yes/" in sent
    assert "Diga que sí a más tardar el " in sent or "Say yes by " in sent
    before = len(texts)
    heard(yard, arrival.run_id, AUGUST, 1, 2)
    assert len(ses_backends[ACCOUNT][REGION].sent_messages) == before
    assert {w.token for w in yard.cards.asked_for_yes("oak.pine", told_before="9999")} == {token(1), token(2)}
