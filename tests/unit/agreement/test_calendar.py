"""The district's days: whose clock counts, and what a roll-over lies between."""

from datetime import UTC, date, datetime

import pytest

from firstcard.agreement.model import Days, SchoolCalendar

ROLLOVER = Days(first=date(2027, 6, 21), last=date(2027, 7, 16))
CALENDAR = SchoolCalendar(timezone="America/New_York", rollover=ROLLOVER)


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "rolls_over"),
    [("2027-06-21T03:59", False), ("2027-06-21T04:00", True), ("2027-07-17T03:59", True), ("2027-07-17T04:00", False)],
)
def test_a_roll_over_begins_and_ends_at_the_districts_midnight(moment: str, rolls_over: bool) -> None:
    assert CALENDAR.is_rollover(CALENDAR.date_of(at(moment))) is rolls_over


@pytest.mark.parametrize(
    ("earlier", "later", "between"),
    [
        ("2027-06-18T06:00", "2027-07-19T06:00", True),
        ("2027-06-18T06:00", "2027-07-17T03:59", False),
        ("2027-06-18T06:00", "2027-06-20T06:00", False),
        ("2027-07-17T04:00", "2027-07-19T06:00", False),
        ("2027-07-17T03:59", "2027-07-17T04:00", True),
    ],
)
def test_a_roll_over_lies_between_two_moments_if_its_last_day_ended_between_them(earlier: str, later: str, between: bool) -> None:
    assert CALENDAR.rolled_over_between(at(earlier), at(later)) is between


def test_without_a_roll_over_none_lies_anywhere() -> None:
    calendar = SchoolCalendar(timezone="America/New_York")
    assert not calendar.is_rollover(date(2027, 7, 1))
    assert not calendar.rolled_over_between(at("2026-01-01T00:00"), at("2028-01-01T00:00"))


@pytest.mark.parametrize("name", ["America/New_York", "America/Indiana/Knox", "America/North_Dakota/New_Salem", "Etc/GMT+5"])
def test_every_name_of_the_tz_database_is_a_time_zone(name: str) -> None:
    assert SchoolCalendar(timezone=name).timezone == name


@pytest.mark.parametrize("name", ["", "America", "America/Nowhere", "../../etc/passwd", "/etc/localtime", "Eastern\0Time", "EST EDT"])
def test_what_is_no_name_of_the_tz_database_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="tz database"):
        SchoolCalendar(timezone=name)
