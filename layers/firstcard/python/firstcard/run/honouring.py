"""The list of noes: whose card is not ended in the library's system yet, by when it must be, and what a person needs to end it by hand.

Nobody is named on it: what finds a card is the ILS's own number of the patron, and the token that every adapter writes to the patron it makes or links.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, Protocol

from firstcard.agreement import Agreement
from firstcard.card.effect import Effect, Ended, effect_of
from firstcard.card.patron import Patron
from firstcard.card.view import IlsState, No, View

AT_ONCE = 100
"""Noes whose patrons are read together."""
MOST = 2000
"""Lines of one answer; a function's answer has a largest size."""


class Noes(Protocol):
    """The cards table as the list needs it."""

    def noes(self, library: str, *, since: str = "") -> Iterator[No]:
        """The noes of a library from a moment on (ISO 8601), oldest first, those too that were taken back."""
        ...

    def no_of(self, token: str) -> No | None:
        """The last no of a patron, be it that it was taken back; consistently read."""
        ...

    def view(self, tokens: Sequence[str]) -> View:
        """Patrons, refusals and ILS states, consistently read."""
        ...

    def end_by_hand(self, no: No, *, by: str, at: str) -> bool:
        """Write that a person ended the card of a no, unless somebody did before or it does not hold; whether it was written."""
        ...


class Ticked(StrEnum):
    """What became of a tick; only the first writes something."""

    DONE = "done"
    DONE_BEFORE = "done_before"
    ENDED_BEFORE = "ended_before"
    NO_CARD = "no_card"
    NO_SUCH_NO = "no_such_no"


@dataclass(frozen=True, slots=True)
class Honouring:
    """Lists one library's noes, and takes a person's word that a card was ended by hand. ``agreement_of`` gives the agreement of a data-sharing id on a day."""

    store: Noes
    library: str
    agreement_of: Callable[[str, date], Agreement | None]

    def open(self, now: datetime, *, late: bool = False) -> dict[str, Any]:
        """The noes whose card is not ended yet, oldest first; only those whose hours are over with ``late``. ``left`` says how many more there are."""
        rows = (
            row
            for no, patron, ils, effect in self._all("")
            if effect.ended is Ended.OPEN
            for row in [self._open_row(no, patron, ils, effect, now)]
        )
        wanted = [row for row in rows if row["late"] or not late]
        return {"library": self.library, "as_of": now.isoformat(), "noes": wanted[:MOST], "left": max(0, len(wanted) - MOST)}

    def every(self, now: datetime, *, since: date) -> dict[str, Any]:
        """Every no said since a day (UTC), oldest first, from the click to its effect: when said, when ended, the hours between, within the agreement's or not."""
        rows = [self._row(no, effect, now) for no, _, _, effect in self._all(since.isoformat())]
        counted = {how: sum(row["ended"] == how for row in rows) for how in map(str, Ended)}
        late = sum(row["within"] is False for row in rows)
        return {
            "library": self.library,
            "as_of": now.isoformat(),
            "counts": counted | {"late": late},
            "noes": rows[:MOST],
            "left": max(0, len(rows) - MOST),
        }

    def done(self, token: str, *, by: str, now: datetime) -> Ticked:
        """Put on record that a person ended the card of the no that holds for a token."""
        no = self.store.no_of(token)
        if no is None or no.taken_back or no.stamp.library != self.library:
            return Ticked.NO_SUCH_NO
        view = self.store.view([token])
        effect = effect_of(no, view.patrons.get(token), view.ils.get(token))
        match effect.ended:
            case Ended.NO_CARD:
                return Ticked.NO_CARD
            case Ended.BY_SYSTEM:
                return Ticked.ENDED_BEFORE
            case Ended.BY_HAND:
                return Ticked.DONE_BEFORE
        return Ticked.DONE if self.store.end_by_hand(no, by=by, at=now.isoformat()) else Ticked.DONE_BEFORE

    def _all(self, since: str) -> Iterator[tuple[No, Patron | None, IlsState | None, Effect]]:
        noes = self.store.noes(self.library, since=since)
        while page := list(islice(noes, AT_ONCE)):
            view = self.store.view([no.token for no in page])
            for no in page:
                patron, ils = view.patrons.get(no.token), view.ils.get(no.token)
                yield no, patron, ils, effect_of(no, patron, ils)

    def _due(self, no: No) -> datetime | None:
        said = datetime.fromisoformat(no.no.at)
        agreement = self.agreement_of(no.stamp.sharing, said.date())
        return said + timedelta(hours=agreement.basis.choice.honour_within_hours) if agreement else None

    def _open_row(self, no: No, patron: Patron | None, ils: IlsState | None, effect: Effect, now: datetime) -> Mapping[str, Any]:
        due = self._due(no)
        known = ils.ils_id if ils else ""
        return {
            "token": no.token,
            "ils_id": (patron.existing if patron and effect.linked else known) or known,
            "earlier_token": patron.moved_from if patron else "",
            "do": "take_token_away" if effect.linked else "end_card",
            "sharing": no.stamp.sharing,
            "said_at": no.no.at,
            "way": no.no.by,
            "due": due.isoformat() if due else "",
            "late": due is not None and now > due,
            "reason": ils.reason if ils and ils.state == "failed" else "",
        }

    def _row(self, no: No, effect: Effect, now: datetime) -> Mapping[str, Any]:
        """``within`` is None where there was nothing to end, or its hours are not over yet, or were not when it was taken back."""
        due, said = self._due(no), datetime.fromisoformat(no.no.at)
        ended = datetime.fromisoformat(effect.ended_at) if effect.ended_at else None
        within = None
        if due is not None and ended is not None:
            within = ended <= due
        elif due is not None and _open_until(no, effect, now) > due:
            within = False
        return {
            "token": no.token,
            "sharing": no.stamp.sharing,
            "said_at": no.no.at,
            "way": no.no.by,
            "due": due.isoformat() if due else "",
            "ended": str(effect.ended),
            "ended_at": effect.ended_at,
            "ended_by": no.no.ended_by,
            "hours": round((ended - said).total_seconds() / 3600, 2) if ended else None,
            "within": within,
            "taken_back": no.taken_back,
        }


def _open_until(no: No, effect: Effect, now: datetime) -> datetime:
    """Until when the card of a no was not ended: until now, or until the no was taken back; since the no itself where there was nothing to end."""
    if effect.ended is Ended.OPEN:
        return now
    return datetime.fromisoformat(no.taken_back if effect.ended is Ended.TAKEN_BACK and no.no.left_open else no.no.at)
