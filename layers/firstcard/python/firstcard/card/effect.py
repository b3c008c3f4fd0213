"""What became of a no in the library's system: proof from the click to the effect, and what is left to be done by hand."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firstcard.card.patron import Ownership, Patron, State
from firstcard.card.view import IlsState, No


class Ended(StrEnum):
    """How far a no got: there was no card to end, its end is still to come, the ILS took it, a person did it by hand, or the no was taken back before."""

    NO_CARD = "no_card"
    OPEN = "open"
    BY_SYSTEM = "by_system"
    BY_HAND = "by_hand"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class Effect:
    """The end of a card because of a no: how, and when (ISO 8601, UTC; empty where there was none). ``linked`` is the family's own card, which goes on without the token."""

    ended: Ended
    ended_at: str = ""
    linked: bool = False


def effect_of(no: No, patron: Patron | None, ils: IlsState | None) -> Effect:
    """What became of a no, from what is on record now. Of one that was taken back only what was kept with it counts.

    An end from before the no, with days of grace for a leaver, is not its effect.
    """
    linked = patron is not None and patron.ownership is Ownership.LINKED
    if no.no.ended_by:
        return Effect(Ended.BY_HAND, no.no.ended_at, linked)
    if no.taken_back:
        return Effect(Ended.BY_SYSTEM, no.no.ended_at, linked) if no.no.ended_at else Effect(Ended.TAKEN_BACK, linked=linked)
    if patron is None or not (patron.issued_at or ils or patron.moved_from):
        return Effect(Ended.NO_CARD)
    if ils is None or ils.state != "ended":
        return Effect(Ended.OPEN, linked=linked)
    after = datetime.fromisoformat(ils.stamp.at) >= datetime.fromisoformat(no.no.at)
    if after or (patron.state is State.REFUSED and ils.version >= patron.version):
        return Effect(Ended.BY_SYSTEM, ils.stamp.at, linked)
    return Effect(Ended.OPEN, linked=linked)
