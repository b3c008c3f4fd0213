"""The day that a file's name carries."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.roster import date_in_name

this_century = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(
    this_century, st.sampled_from(["%Y-%m-%d", "%Y%m%d"]), st.sampled_from(["", "incoming/", "a-", "roster_", "v2."]), st.text(max_size=5)
)
def test_is_read_in_both_forms_wherever_it_stands(day: date, form: str, before: str, after: str) -> None:
    if not after[:1].isdecimal():
        assert date_in_name(f"{before}{day.strftime(form)}{after.replace('/', '')}") == day


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),
    st.sampled_from(["%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y-%m-%dT%H%M", "%Y%m%d-%H%M"]),
)
def test_may_have_a_time_of_day_behind_it(at: datetime, form: str) -> None:
    assert date_in_name(f"export_{at.strftime(form)}.zip.gpg") == at.date()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "roster.csv",
        "2026-02-30.csv",
        "20261322.csv",
        "120261122.csv",
        "202611221.csv",
        "2026-1122.csv",
        "19991231.csv",
        "20261122/roster.csv",
    ],
)
def test_is_nothing_else_that_looks_like_it(name: str) -> None:
    assert date_in_name(name) is None


def test_is_the_newest_of_several() -> None:
    assert date_in_name("2026-08-01_to_2027-06-30.csv") == date(2027, 6, 30)


@given(st.text(max_size=80))
def test_of_any_name_is_a_day_or_none(name: str) -> None:
    assert date_in_name(name) is None or isinstance(date_in_name(name), date)
