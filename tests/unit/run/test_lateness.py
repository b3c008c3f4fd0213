"""A roster that did not come is told once, and days off never raise an alarm."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.agreement import Agreement
from firstcard.event import Event
from firstcard.run.lateness import asked_for, tell_late
from firstcard.run.ledger import Arrival, DistrictState, Run, Status
from tests.unit.agreement.builders import an_agreement

NEW_YORK = "America/New_York"
EFFECTIVE, EXPIRES = date(2026, 8, 1), date(2027, 7, 31)
SCHOOL_YEAR = st.dates(EFFECTIVE, EXPIRES)
AN_HOUR = timedelta(hours=1)


@dataclass
class Ledger:
    """What the look for late rosters reads and remembers; ``arrivals`` in order."""

    arrivals: Sequence[datetime] = ()
    applied: bool = True
    stopped: bool = False
    told: set[tuple[str, str]] = field(default_factory=set)
    now: datetime = datetime(9999, 1, 1, tzinfo=UTC)

    def district(self, sharing: str) -> DistrictState:
        return DistrictState(1, "", self.arrivals[0].isoformat()) if self.applied and self.arrivals else DistrictState()

    def suspended(self, sharing: str) -> bool:
        return self.stopped

    def newest_runs(self, district: str) -> Iterator[Run]:
        so_far = [at for at in self.arrivals if at <= self.now]
        return (_run(at) for at in reversed(so_far))

    def late_told(self, sharing: str, due: str) -> bool:
        return (sharing, due) in self.told

    def mark_late(self, sharing: str, due: str, *, at: str) -> None:
        self.told.add((sharing, due))


def _run(at: datetime) -> Run:
    return Run(Arrival("1" * 24, "pine", "bucket", "incoming/a.csv", "v1", 1, at.isoformat()), Status.REJECTED, "oak.pine")


def scheduled(cadence: str = "nightly", timezone: str = NEW_YORK, **calendar: Any) -> Agreement:
    return an_agreement(exchange={"cadence": cadence, "calendar": {"timezone": timezone, **calendar}})


def span(first: date, last: date) -> dict[str, date]:
    return {"first": first, "last": last}


def local(day: str, clock: str = "12:00", zone: str = NEW_YORK) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def told_at(agreement: Agreement, ledger: Ledger, *moments: datetime) -> list[Event]:
    events: list[Event] = []
    for now in moments:
        ledger.now = now
        tell_late(agreement, ledger=ledger, emit=events.extend, now=now)
    return events


def dues(events: Sequence[Event]) -> list[str]:
    return [event.model_dump()["due"] for event in events]


spans = st.builds(lambda first, days: span(first, min(first + timedelta(days=days), EXPIRES)), SCHOOL_YEAR, st.integers(0, 40))
schedules = st.builds(
    lambda cadence, zone, breaks, rollover: scheduled(cadence, zone, breaks=breaks, **({"rollover": rollover} if rollover else {})),
    st.sampled_from(["nightly", "weekly", "monthly", "once"]),
    st.sampled_from([NEW_YORK, "America/Los_Angeles", "Pacific/Honolulu", "Africa/Cairo", "Pacific/Auckland", "UTC"]),
    st.lists(spans, max_size=4),
    st.none() | spans,
)
moments = st.datetimes(datetime(2026, 7, 1), datetime(2027, 9, 1), timezones=st.just(UTC))


def hours(first: datetime, days: int) -> list[datetime]:
    return [first + n * AN_HOUR for n in range(24 * days)]


class TestNoAlarm:
    @settings(deadline=None)
    @given(schedules, moments)
    def test_inside_a_break_a_roll_over_a_weekend_or_outside_the_term(self, agreement: Agreement, now: datetime) -> None:
        calendar = agreement.exchange.calendar
        today = now.astimezone(ZoneInfo(calendar.timezone)).date()
        off = [days for days in (*calendar.breaks, calendar.rollover) if days and days.first <= today <= days.last]
        if off or today.weekday() >= 5 or not EFFECTIVE <= today <= EXPIRES:
            assert told_at(agreement, Ledger([now - timedelta(days=90)]), now) == []

    @settings(deadline=None, max_examples=60)
    @given(schedules, st.times(), st.integers(0, 4), st.integers(1, 28), st.data())
    def test_for_a_district_that_sends_at_its_own_hour_on_the_school_days_that_its_cadence_asks_for(
        self, agreement: Agreement, clock: time, weekday: int, day_of_month: int, data: st.DataObject
    ) -> None:
        calendar = agreement.exchange.calendar
        days = [EFFECTIVE + timedelta(days=n) for n in range((EXPIRES - EFFECTIVE).days)]
        school_days = [day for day in days if calendar.is_school_day(day)]
        sent: dict[str, Callable[[], list[date]]] = {
            "nightly": lambda: school_days,
            "weekly": lambda: [day for day in school_days if day.weekday() == weekday],
            "monthly": lambda: [
                next((day for day in school_days if day >= date(year, month, day_of_month)), EXPIRES)
                for year, month in sorted({(day.year, day.month) for day in days})
            ],
            "once": lambda: school_days[:1],
        }
        zone = ZoneInfo(calendar.timezone)
        arrivals = sorted({datetime.combine(day, clock, zone).astimezone(UTC) for day in sent[agreement.exchange.cadence]()})
        first = data.draw(st.sampled_from(days))
        begins = datetime.combine(first, time(data.draw(st.integers(0, 23))), UTC)
        sweeps = hours(begins, 14)
        assert dues(told_at(agreement, Ledger(arrivals), *(now for now in sweeps if arrivals and now >= arrivals[0]))) == []

    def test_before_the_first_applied_roster(self) -> None:
        ledger = Ledger([local("2026-11-09", "02:00")], applied=False)
        assert told_at(scheduled(), ledger, local("2026-11-18")) == []

    def test_while_the_agreement_is_suspended(self) -> None:
        ledger = Ledger([local("2026-11-09", "02:00")], stopped=True)
        assert told_at(scheduled(), ledger, local("2026-11-18")) == []

    def test_for_an_agreement_that_is_not_executed(self) -> None:
        agreement = scheduled().model_copy(update={"status": "suspended"})
        assert told_at(agreement, Ledger([local("2026-11-09", "02:00")]), local("2026-11-18")) == []

    def test_where_one_file_is_all_that_was_agreed(self) -> None:
        assert told_at(scheduled("once"), Ledger([local("2026-11-09", "02:00")]), local("2026-11-18")) == []

    def test_of_a_night_that_lies_before_the_terms_first_day(self) -> None:
        ledger = Ledger([local("2026-07-20", "02:00")])
        agreement = scheduled().model_copy(update={"term": scheduled().term.model_copy(update={"effective": date(2026, 11, 18)})})
        assert dues(told_at(agreement, ledger, local("2026-11-18"), local("2026-11-19"))) == ["2026-11-19"]


class TestAlarm:
    def test_at_noon_after_the_night_in_which_none_came_and_not_before(self) -> None:
        ledger = Ledger([local("2026-11-17", "02:05")])
        before, noon = local("2026-11-18", "11:59"), local("2026-11-18", "12:00")
        assert told_at(scheduled(), ledger, before) == []
        (late,) = told_at(scheduled(), ledger, noon)
        said = late.model_dump()
        assert (late.name, said["due"], said["cadence"]) == ("RosterLate", "2026-11-18", "nightly")
        assert (said["last_received_at"], said["run_id"]) == (local("2026-11-17", "02:05").isoformat(), "1" * 24)

    @pytest.mark.parametrize("came", [("2026-11-17", "12:00"), ("2026-11-17", "22:30"), ("2026-11-18", "02:00"), ("2026-11-18", "12:01")])
    def test_not_if_a_file_came_since_noon_of_the_day_before_be_it_late(self, came: tuple[str, str]) -> None:
        assert told_at(scheduled(), Ledger([local("2026-11-02", "02:00"), local(*came)]), local("2026-11-18", "12:15")) == []

    def test_each_missed_night_once_and_none_around_weekend_and_break(self) -> None:
        breaks = [span(date(2026, 11, 25), date(2026, 11, 27))]
        events = told_at(scheduled(breaks=breaks), Ledger([local("2026-11-16", "02:00")]), *hours(local("2026-11-16"), 18))
        # Monday 16 to Friday 20; Monday 23 and Tuesday 24 of the short week; after the break Monday 30, Tuesday, Wednesday.
        assert dues(events) == [
            "2026-11-17",
            "2026-11-18",
            "2026-11-19",
            "2026-11-20",
            "2026-11-24",
            "2026-12-01",
            "2026-12-02",
            "2026-12-03",
        ]

    def test_of_a_week_at_noon_of_the_next_monday(self) -> None:
        ledger = Ledger([local("2026-11-05", "02:00")])
        assert dues(told_at(scheduled("weekly"), ledger, *hours(local("2026-11-05", "03:00"), 14))) == ["2026-11-16"]

    def test_of_no_week_that_a_day_off_touches(self) -> None:
        breaks = [span(date(2026, 11, 11), date(2026, 11, 11))]
        ledger = Ledger([local("2026-11-05", "02:00")])
        assert dues(told_at(scheduled("weekly", breaks=breaks), ledger, *hours(local("2026-11-05"), 20))) == ["2026-11-23"]

    def test_of_a_month_on_the_second_school_day_after_it(self) -> None:
        breaks = [span(date(2026, 12, 21), date(2027, 1, 4))]
        ledger = Ledger([local("2026-11-13", "02:00")])
        events = told_at(scheduled("monthly", breaks=breaks), ledger, *hours(local("2026-11-13"), 90))
        assert dues(events) == ["2027-01-06", "2027-02-02"]

    def test_of_no_month_of_which_more_than_half_is_off(self) -> None:
        breaks = [span(date(2026, 12, 10), date(2027, 1, 4))]
        ledger = Ledger([local("2026-11-13", "02:00")])
        assert dues(told_at(scheduled("monthly", breaks=breaks), ledger, *hours(local("2026-11-13"), 70))) == []

    def test_after_a_suspension_is_lifted(self) -> None:
        ledger = Ledger([local("2026-11-09", "02:00")], stopped=True)
        assert told_at(scheduled(), ledger, local("2026-11-18")) == []
        ledger.stopped = False
        assert dues(told_at(scheduled(), ledger, local("2026-11-18", "15:00"))) == ["2026-11-18"]

    def test_is_told_again_under_the_same_id_if_it_could_not_be_remembered(self) -> None:
        events = [*told_at(scheduled(), Ledger([local("2026-11-09")]), local("2026-11-18"))]
        events += told_at(scheduled(), Ledger([local("2026-11-09")]), local("2026-11-18", "14:00"))
        assert len(events) == 2
        assert len({event.id for event in events}) == 1

    @pytest.mark.parametrize(("monday", "in_utc"), [("2026-10-26", 16), ("2026-11-02", 17), ("2027-03-08", 17), ("2027-03-15", 16)])
    def test_follows_the_districts_clocks_when_they_change(self, monday: str, in_utc: int) -> None:
        noon = datetime.fromisoformat(f"{monday}T{in_utc:02d}:00+00:00")
        ledger = Ledger([local("2026-09-01")])
        assert monday not in dues(told_at(scheduled("weekly"), ledger, noon - timedelta(minutes=1)))
        assert dues(told_at(scheduled("weekly"), ledger, noon)) == [monday]

    @settings(deadline=None, max_examples=50)
    @given(schedules, st.lists(moments, max_size=12), SCHOOL_YEAR)
    def test_once_for_each_due_date_a_nightly_one_before_the_next_noon_and_only_if_nothing_came(
        self, agreement: Agreement, arrivals: list[datetime], first: date
    ) -> None:
        begins = datetime.combine(first, time(), UTC)
        came = sorted([begins - timedelta(days=70), *arrivals])
        calendar = agreement.exchange.calendar
        events = told_at(agreement, Ledger(came), *hours(begins, 14))
        assert len(set(dues(events))) == len({event.id for event in events}) == len(events)
        least = {"nightly": 1, "weekly": 7, "monthly": 28}
        for event, due in zip(events, dues(events), strict=True):
            now, noon = datetime.fromisoformat(event.at), calendar.noon_of(date.fromisoformat(due))
            assert noon <= now
            next_noon = calendar.noon_of(date.fromisoformat(due) + timedelta(days=1))
            assert agreement.exchange.cadence != "nightly" or now < next_noon
            assert not [at for at in came if now - timedelta(days=least[agreement.exchange.cadence] - 0.05) <= at <= now]

    @settings(deadline=None)
    @given(schedules, moments)
    def test_what_is_asked_for_was_due_by_then(self, agreement: Agreement, now: datetime) -> None:
        asked = asked_for(agreement, now)
        if asked:
            assert asked.first < asked.due
            assert agreement.exchange.calendar.is_school_day(asked.due)
            assert agreement.exchange.calendar.noon_of(asked.due) <= now
