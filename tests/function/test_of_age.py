"""A student of 18 holds the rights alone (34 CFR 99.5): from the birthday on, nothing goes to a guardian, and a guardian's link is none of this student's."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.card.patron import Stamp, State, release
from firstcard.card.plan import age_on, comes_of_age
from firstcard.card.view import NoticeMark
from functions.window import handler as window
from tests.function.builders import EVENING, Yard, csv_content, household, later, token
from tests.function.calling import a_context
from tests.function.test_refuse import a_link, ask
from tests.unit.card.builders import a_person
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

STAMP = Stamp("oak.pine", "dsa-pine-oak-2026", "oak", "pine", "1" * 24, EVENING.isoformat())
OWN = {"student_email": "family8@example.org"}
"""The student's own address: household 8."""


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    own = {"student_email": {"required": False, "exhibit_b": "E-mail", "fideslang": "user.contact.email"}}
    return [csv_content("pine", "dsa-pine-oak-2026", "904", fields=own), csv_content("fir", "dsa-fir-oak-2026", "906")]


def a_senior_and_a_brother(**changes: str) -> bytes:
    """The senior turns 18 on 24 November 2026, two days after the first roster; the brother is at home, too."""
    senior = a_student_row(1, birth_date="2008-11-24", grade="12") | OWN | changes
    return a_firstcard_csv(senior, a_student_row(2, guardian_email="family1@example.org") | {"student_email": ""})


@pytest.fixture
def family(yard: Yard) -> Yard:
    yard.run(a_senior_and_a_brother())
    return yard


def home(yard: Yard, number: int) -> str:
    return yard.cards.standing([token(number)]).patrons[token(number)].household


def test_the_birthday_takes_effect_with_the_next_roster_though_not_a_letter_of_it_changed(family: Yard) -> None:
    assert home(family, 1) == household(1)
    assert family.run(a_senior_and_a_brother(), at=later(days=1), key="incoming/eve.csv")[1] == "unchanged"
    assert family.run(a_senior_and_a_brother(), at=later(days=2), key="incoming/birthday.csv")[1] == "applied"
    assert (home(family, 1), home(family, 2)) == (household(8), household(1))
    assert family.run(a_senior_and_a_brother(), at=later(days=3), key="incoming/after.csv")[1] == "unchanged"


def test_a_guardians_link_says_no_for_the_brother_alone_from_then_on_and_the_students_own_for_itself(family: Yard) -> None:
    family.run(a_senior_and_a_brother(), at=later(days=2), key="incoming/birthday.csv")
    assert ask(a_link(1), "POST", "answer=no")[0] == 200
    assert family.states(1, 2) == ["waiting", "refused"]
    assert ask(a_link(8), "POST", "answer=no")[0] == 200
    assert family.states(1, 2) == ["refused", "refused"]


def test_a_guardian_without_other_children_is_told_that_the_link_works_no_more(yard: Yard) -> None:
    senior = a_student_row(1, birth_date="2008-11-24", grade="12") | OWN
    yard.run(a_firstcard_csv(senior))
    yard.run(a_firstcard_csv(senior), at=later(days=2), key="incoming/birthday.csv")
    assert ask(a_link(1), "POST", "answer=no")[0] == 404
    assert yard.states(1) == ["waiting"]


def test_the_days_begin_anew_for_the_student_who_was_not_told(family: Yard) -> None:
    told = NoticeMark(household(1), "announcement", token(1), "sent", "m1", STAMP, told_at=EVENING.isoformat(), window_of="oak.pine")
    family.cards.mark([told])
    family.run(a_senior_and_a_brother(), at=later(days=2), key="incoming/birthday.csv")
    window.handler({"time": later(days=15).isoformat()}, a_context())
    assert family.states(1) == ["waiting"]
    announced = family.cards.households([household(8)])[household(8)].announce
    assert announced == (token(1),)


def test_a_student_of_18_without_an_own_address_is_reached_by_no_guardian(family: Yard) -> None:
    family.run(a_senior_and_a_brother(student_email=""), at=later(days=2), key="incoming/birthday.csv")
    assert home(family, 1) == ""
    assert token(1) not in family.cards.households([household(1)])[household(1)].children


def test_a_card_that_is_there_stays_the_students(family: Yard) -> None:
    (patron,) = family.cards.standing([token(1)]).patrons.values()
    assert family.cards.change(release(patron, at=later(days=1).isoformat()))
    family.run(a_senior_and_a_brother(), at=later(days=2), key="incoming/birthday.csv")
    (now,) = family.cards.standing([token(1)]).patrons.values()
    assert (now.state, now.card_token, now.household) == (State.ACTIVE, patron.card_token, household(8))


@given(st.dates(date(1996, 1, 1), date(2022, 12, 31)), st.dates(date(2024, 1, 1), date(2030, 12, 31)))
def test_the_day_is_the_first_on_which_a_student_is_18(born: date, on: date) -> None:
    day = comes_of_age([a_person(birth_date=born)], on)
    age = age_on(born, on)
    assert age is not None
    assert (day == "") == (age >= 18)
    if day:
        there = date.fromisoformat(day)
        assert there > on
        assert age_on(born, there) == 18
        assert (age_on(born, date.fromordinal(there.toordinal() - 1)) or 0) == 17


def test_birthdays_that_the_agreement_names_count_too() -> None:
    ann, ben = a_person(1, birth_date=date(2013, 12, 1)), a_person(2, birth_date=date(2010, 11, 30))
    assert comes_of_age([ann, ben], date(2026, 11, 22)) == "2028-11-30"
    assert comes_of_age([ann, ben], date(2026, 11, 22), {13, 16, 18}) == "2026-11-30"
    assert comes_of_age([ann, ben], date(2026, 11, 30), {13, 16, 18}) == "2026-12-01"
