"""Undoing a no: whoever the agreement names says yes again for one child, and somebody at the library records it.

Nothing is opened, and nothing comes back by it: the no holds no more, and the next roster takes the child up as if it were new.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Protocol

from pydantic import Field

from firstcard.agreement import Agreement
from firstcard.card.effect import Effect, Ended
from firstcard.card.patron import Stamp
from firstcard.card.view import No, TakenBack
from firstcard.run.about_child import AboutChild
from firstcard.run.attesting import Words
from firstcard.run.ledger import Undoing

ENTITLED = {"district": ("district",), "district_or_eligible_student": ("district", "student"), "family": ("guardian", "student")}
"""Who may undo a no, by the agreement's ``yes_again``. A student may from the age of 18 on, and from then on no guardian (34 CFR 99.5): the next roster, which has the birth date, looks whether that is so."""


class TakenBackBy(AboutChild):
    """What somebody at the library records: the child, who takes the no back, on which day, and the name and role of the person who said so."""

    said_by: Literal["district", "student", "guardian"]
    by: Annotated[str, Field(pattern=Words, repr=False)]
    day: date


class Undone(StrEnum):
    """What became of it; all but the first change nothing."""

    UNDONE = "undone"
    UNDONE_BEFORE = "undone_before"
    NO_NO = "no_no"
    NOT_ENTITLED = "not_entitled"
    NOT_IN_FORCE = "not_in_force"
    IN_THE_FUTURE = "in_the_future"
    BEFORE_THE_NO = "before_the_no"


class NoStore(Protocol):
    """The cards table as the undoing of a no needs it."""

    def no_of(self, token: str) -> No | None:
        """The last no of a patron, be it that it was taken back; consistently read."""
        ...

    def effect(self, no: No) -> Effect:
        """What became of the no in the library's system so far."""
        ...

    def take_back(self, back: TakenBack, stamp: Stamp) -> bool:
        """Let a no hold no more, and keep it as it was; False if it is not the one that holds."""
        ...


class Undoings(Protocol):
    """The ledger, as far as it keeps who undid a no."""

    def record_undoing(self, undoing: Undoing) -> None:
        """Write down that a no is taken back."""
        ...


@dataclass(frozen=True, slots=True)
class Undoer:
    """Undoes noes under one agreement."""

    store: NoStore
    ledger: Undoings
    agreement: Agreement

    def undo(self, token: str, said: TakenBackBy, *, at: datetime, allowed: bool) -> Undone:
        """Undo the no of one child; ``at`` is now, ``allowed`` is False for an agreement that is suspended.

        What is said of a no is said of the one that holds at this moment: one that is given later, or by somebody else meanwhile, is another no. Of the days of
        a yes in a roster those count again that lie after the no, and not before the day on which it was taken back.
        """
        agreement, calendar = self.agreement, self.agreement.exchange.calendar
        if said.said_by not in ENTITLED[agreement.basis.choice.yes_again]:
            return Undone.NOT_ENTITLED
        if not allowed or not agreement.in_force(at.date()):
            return Undone.NOT_IN_FORCE
        if said.day > calendar.date_of(at):
            return Undone.IN_THE_FUTURE
        found = self.store.no_of(token)
        if found is None:
            return Undone.NO_NO
        if found.taken_back:
            return Undone.UNDONE_BEFORE
        day_of_no = calendar.date_of(datetime.fromisoformat(found.no.at))
        if said.day < day_of_no:
            return Undone.BEFORE_THE_NO
        moment = (
            max(at, datetime.fromisoformat(found.no.at)).astimezone(UTC).isoformat()
        )  # never before it, whatever the asker's clock says
        word = Undoing(agreement.sharing, token, said.said_by, said.by, said.day, moment, found.no.at, found.no.by)
        self.ledger.record_undoing(word)  # no no is undone by a word that is not on record
        yes_from = max(said.day, day_of_no + timedelta(days=1)).isoformat()
        effect = self.store.effect(found)
        no = replace(found.no, ended_at=effect.ended_at, left_open=effect.ended is Ended.OPEN)
        back = TakenBack(token, moment, said.said_by, yes_from, word.key, no)
        return Undone.UNDONE if self.store.take_back(back, found.stamp) else Undone.NO_NO
