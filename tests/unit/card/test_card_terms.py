"""What the agreement makes of a card: its type by grade and age, and that a change of it renews whoever is known."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.card.chunk import Decision
from firstcard.card.plan import age_on, card_terms, decide, next_manifest
from firstcard.roster import Role
from tests.unit.agreement.builders import an_agreement
from tests.unit.card.builders import TOKENS, Plans, a_person

TYPES = {"student": "STUDENT", "staff": "EDUCATOR", "by_grade": {"09": "EDUCATOR"}, "by_age": {13: "STUDENT", 18: "EDUCATOR"}}
AGREEMENT = an_agreement()
BY_AGE = AGREEMENT.model_copy(update={"card": AGREEMENT.card.model_copy(update={"patron_type": type(AGREEMENT.card.patron_type)(**TYPES)})})
DAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("grade", "born", "expected"),
    [
        ("05", date(2016, 1, 1), "STUDENT"),
        ("09", date(2016, 1, 1), "EDUCATOR"),
        ("09", None, "EDUCATOR"),
        ("09", date(2013, 11, 22), "STUDENT"),
        ("09", date(2013, 11, 23), "EDUCATOR"),
        ("12", date(2008, 11, 22), "EDUCATOR"),
        ("12", date(2008, 11, 23), "STUDENT"),
    ],
)
def test_the_oldest_age_reached_counts_then_the_grade(grade: str, born: date | None, expected: str) -> None:
    assert card_terms(BY_AGE, replace(a_person(1), grade=grade, birth_date=born), on=DAY)["patron_type"] == expected


def test_staff_have_one_type() -> None:
    assert card_terms(BY_AGE, replace(a_person(1), role=Role.STAFF, birth_date=date(1980, 1, 1)), on=DAY)["patron_type"] == "EDUCATOR"


@given(st.dates(date(1990, 1, 1), date(2026, 1, 1)), st.integers(0, 12_000))
def test_an_age_is_the_number_of_birthdays_that_have_been(born: date, days: int) -> None:
    on = born + timedelta(days=days)
    birthdays = sum((year, born.month, born.day) <= (on.year, on.month, on.day) for year in range(born.year + 1, on.year + 1))
    assert age_on(born, on) == birthdays


def test_who_is_known_is_renewed_when_something_else_is_made_of_the_row_and_not_before() -> None:
    people = [replace(a_person(n), birth_date=date(2013, 11, 20 + n)) for n in (1, 2, 3)]
    plans = Plans(agreement=BY_AGE)
    first = decide(people, plans.manifest, agreement=BY_AGE, tokens=TOKENS, on=DAY)
    known = next_manifest(plans.manifest, first, content="1")
    same = decide(people, known, agreement=BY_AGE, tokens=TOKENS, on=DAY)
    assert [step.decision for step in same.steps] == [Decision.NOTHING] * 3
    later = decide(people, known, agreement=BY_AGE, tokens=TOKENS, on=date(2026, 11, 23))
    assert [step.decision for step in later.steps] == [Decision.NOTHING, Decision.NOTHING, Decision.NOTHING]
    teens = decide([replace(p, grade="09") for p in people], known, agreement=BY_AGE, tokens=TOKENS, on=DAY)
    assert {step.decision for step in teens.steps} == {Decision.UPDATE}
    rolled = decide(people, known, agreement=BY_AGE, tokens=TOKENS, on=date(2027, 7, 1))
    assert [step.decision for step in rolled.steps] == [Decision.RENEW] * 3
    assert not rolled.holds
    again = next_manifest(known, rolled, content="2")
    assert type(again).from_bytes(again.to_bytes()) == again


def test_a_birthday_renews() -> None:
    child = replace(a_person(1), grade="09", birth_date=date(2013, 11, 23))
    first = decide([child], Plans().manifest, agreement=BY_AGE, tokens=TOKENS, on=DAY)
    known = next_manifest(Plans().manifest, first, content="1")
    (step,) = decide([child], known, agreement=BY_AGE, tokens=TOKENS, on=date(2026, 11, 23)).steps
    assert step.decision is Decision.RENEW


def test_whoever_said_no_is_not_renewed() -> None:
    child = replace(a_person(1), opt_out=True)
    first = decide([child], Plans().manifest, agreement=AGREEMENT, tokens=TOKENS, on=DAY)
    known = next_manifest(Plans().manifest, first, content="1")
    (step,) = decide([child], known, agreement=AGREEMENT, tokens=TOKENS, on=date(2027, 7, 1)).steps
    assert step.decision is Decision.NOTHING
