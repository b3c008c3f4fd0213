"""Cards end with the school year."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.card.expiry import school_year_end


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
