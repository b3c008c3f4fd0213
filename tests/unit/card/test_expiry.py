"""Cards end with the school year."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.agreement.model import Expiry
from firstcard.card.expiry import last_day, school_year_end


def end(touched: date) -> date:
    return school_year_end(touched, month_day="09-15", rolls_after="06-30")


@pytest.mark.parametrize(
    ("touched", "ends"),
    [
        (date(2026, 6, 30), date(2026, 9, 15)),
        (date(2026, 7, 1), date(2027, 9, 15)),
        (date(2026, 12, 31), date(2027, 9, 15)),
        (date(2027, 1, 1), date(2027, 9, 15)),
    ],
)
def test_after_the_last_of_june_a_card_runs_to_the_next_years_date(touched: date, ends: date) -> None:
    assert end(touched) == ends


@given(st.dates(date(2020, 1, 1), date(2060, 12, 31)))
def test_a_card_always_has_between_eleven_weeks_and_fifteen_months_ahead(touched: date) -> None:
    assert 77 <= (end(touched) - touched).days <= 442


@given(st.dates(date(2020, 1, 1), date(2060, 12, 31)), st.dates(date(2020, 1, 1), date(2060, 12, 31)))
def test_a_later_touch_never_ends_a_card_earlier(one: date, other: date) -> None:
    assert end(min(one, other)) <= end(max(one, other))


GRADUATION = Expiry(rule="graduation", month_day="09-15", rolls_after="06-30")
AT_18 = Expiry(rule="age", month_day="09-15", rolls_after="06-30", until_age=18)
AUGUST = date(2026, 8, 10)


@pytest.mark.parametrize(
    ("grade", "year"), [("12", 2027), ("11", 2028), ("01", 2038), ("KG", 2039), ("PK", 2040), ("13", 2027), ("UG", 2027), ("", 2027)]
)
def test_a_card_until_graduation_ends_when_the_grade_has_left_the_twelfth(grade: str, year: int) -> None:
    assert last_day(GRADUATION, AUGUST, grade=grade) == date(year, 9, 15)


@given(st.dates(date(2020, 1, 1), date(2060, 6, 30)), st.integers(1, 11))
def test_a_child_that_goes_up_a_grade_each_year_keeps_its_last_day(touched: date, grade: int) -> None:
    a_year_later = touched.replace(year=touched.year + 1, day=min(touched.day, 28))
    before = last_day(GRADUATION, touched.replace(day=a_year_later.day), grade=f"{grade:02}")
    assert last_day(GRADUATION, a_year_later, grade=f"{grade + 1:02}") == before


@pytest.mark.parametrize(
    ("born", "ends"),
    [
        (date(2016, 5, 4), date(2034, 5, 4)),
        (date(2012, 2, 29), date(2030, 3, 1)),
        (date(2008, 8, 11), date(2026, 8, 11)),
        (date(2008, 8, 10), date(2027, 9, 15)),
        (None, date(2027, 9, 15)),
    ],
)
def test_a_card_until_a_birthday_ends_on_it_and_after_it_with_the_school_year(born: date | None, ends: date) -> None:
    assert last_day(AT_18, AUGUST, born=born) == ends


@given(st.sampled_from([GRADUATION, AT_18]), st.dates(date(2020, 1, 1), date(2060, 12, 31)), st.dates(date(1995, 1, 1), date(2060, 1, 1)))
def test_no_rule_ends_a_card_on_the_day_that_it_is_made(rule: Expiry, touched: date, born: date) -> None:
    assert last_day(rule, touched, grade="05", born=born) > touched
