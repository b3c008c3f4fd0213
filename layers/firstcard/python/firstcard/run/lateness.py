"""Whether a district's roster is late by the agreement's cadence and calendar. False alarms teach people to look away: in doubt there is none.

A delivery is a span of the district's days, from noon of its first to noon of its last, which is the day it is due. Any file that came in it, whatever
became of the file, makes it good. The hour at which a district sends is not known, so a span counts only where no such hour lies on a day off:

- nightly: from one school day to the next day, if that is a school day too. Not the nights around weekends, breaks and the roll-over.
- weekly: from Monday to Monday, if every Monday to Friday in between, the last Monday included, is a school day.
- monthly: from the first of a month to the second school day after it, if at least half of the month's Mondays to Fridays are school days.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Protocol

from firstcard.agreement import Agreement
from firstcard.agreement.model import SATURDAY, SchoolCalendar
from firstcard.event import Event, new_event
from firstcard.run.facts import facts
from firstcard.run.ledger import DistrictState, Run

A_DAY = timedelta(days=1)


class Ledger(Protocol):
    """The run ledger as the look for late rosters needs it."""

    def district(self, sharing: str) -> DistrictState:
        """The district's state, consistently read."""
        ...

    def suspended(self, sharing: str) -> bool:
        """Whether somebody suspended the agreement, consistently read."""
        ...

    def newest_runs(self, district: str) -> Iterator[Run]:
        """The district's runs, newest first."""
        ...

    def late_told(self, sharing: str, due: str) -> bool:
        """Whether it was told already that the roster due on this day did not come."""
        ...

    def mark_late(self, sharing: str, due: str, *, at: str) -> None:
        """Remember that it was told."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A roster that the agreement asks for: one that comes after noon of ``first`` and by noon of ``due``, days of the district."""

    first: date
    due: date


def asked_for(agreement: Agreement, now: datetime) -> Delivery | None:
    """The last delivery that was due by ``now``, or None where none is asked for: off days, outside the term, a cadence of once."""
    calendar, today = agreement.exchange.calendar, agreement.exchange.calendar.date_of(now)
    if not agreement.in_force(today) or not calendar.is_school_day(today):
        return None
    day = today if now >= calendar.noon_of(today) else today - A_DAY
    match agreement.exchange.cadence:
        case "nightly":
            asked = _of_night(calendar, day)
        case "weekly":
            asked = _of_week(calendar, day)
        case "monthly":
            asked = _of_month(calendar, day)
        case "once":
            asked = None
    return asked if asked and asked.first >= agreement.term.effective else None


def _of_night(calendar: SchoolCalendar, day: date) -> Delivery | None:
    before = day - A_DAY
    return Delivery(before, day) if calendar.is_school_day(before) and calendar.is_school_day(day) else None


def _of_week(calendar: SchoolCalendar, day: date) -> Delivery | None:
    due = day - day.weekday() * A_DAY
    first = due - 7 * A_DAY
    return Delivery(first, due) if all(calendar.is_school_day(d) for d in _weekdays(first, due + A_DAY)) else None


def _of_month(calendar: SchoolCalendar, day: date) -> Delivery | None:
    this_month = day.replace(day=1)
    for end in (this_month, (this_month - A_DAY).replace(day=1)):
        due = next(islice((d for d in _weekdays(end, day + A_DAY) if calendar.is_school_day(d)), 1, None), None)
        if due:
            first = (end - A_DAY).replace(day=1)
            days = [calendar.is_school_day(d) for d in _weekdays(first, end)]
            return Delivery(first, due) if 2 * sum(days) >= len(days) else None
    return None


def _weekdays(first: date, end: date) -> Iterator[date]:
    """Mondays to Fridays from ``first`` to the day before ``end``."""
    days = (first + n * A_DAY for n in range((end - first).days))
    return (day for day in days if day.weekday() < SATURDAY)


def is_late(asked: Delivery, agreement: Agreement, *, last_arrival: datetime) -> bool:
    """Whether nothing has come for a delivery that is over; what came after its end counts too, for then it is there."""
    return last_arrival < agreement.exchange.calendar.noon_of(asked.first)


def tell_late(agreement: Agreement, *, ledger: Ledger, emit: Callable[[Sequence[Event]], None], now: datetime) -> bool:
    """Tell once of a delivery that did not come; whether it was told now.

    Nothing is asked for before the first applied roster and while the agreement is suspended. Told before it is remembered: a call that dies in between
    tells it again, under the same event id.
    """
    asked = asked_for(agreement, now)
    if asked is None or not ledger.district(agreement.sharing).applied_received_at or ledger.suspended(agreement.sharing):
        return False
    last = next((run for run in ledger.newest_runs(agreement.district) if run.sharing == agreement.sharing), None)
    if last is None or not is_late(asked, agreement, last_arrival=datetime.fromisoformat(last.arrival.received_at)):
        return False
    due = asked.due.isoformat()
    if ledger.late_told(agreement.sharing, due):
        return False
    late = new_event(
        "RosterLate",
        key=f"{agreement.sharing}\0{due}",
        **facts(agreement, last.arrival.run_id, now),
        due=due,
        cadence=agreement.exchange.cadence,
        last_received_at=last.arrival.received_at,
    )
    emit([late])
    ledger.mark_late(agreement.sharing, due, at=now.isoformat())
    return True
