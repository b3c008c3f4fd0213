"""Showing a PIN, once, to whoever answers for a child of the household what its e-mail does not say.

A try is taken before anything is opened, and given back unless no PIN was found for the answer: so there are never more wrong answers than tries, however
many requests come at once. What is shown is marked just before it goes out, and the mark is never written over: a second request finds it. Within a minute
of the mark the right answer shows the same again, for a thumb presses twice and a telephone loads a page again
(docs/decisions/0013-pins-shown-once.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from firstcard.agreement import Agreement
from firstcard.agreement.model import TRIES_A_DAY, PinPage
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.patron import Ownership, Patron, Stamp, State
from firstcard.card.view import Household, PinMark, View
from firstcard.notice import PinLink, PinPageState, ShownPin
from firstcard.notice.answer import fits
from firstcard.vault import Envelope, VaultClosedError
from firstcard.vault.seal import Opener

SAME_SHOWING = timedelta(minutes=1)
"""How long after it was first shown a PIN is shown again to the same answer."""


class PinStore(Protocol):
    """The cards table as the page that shows a PIN needs it."""

    def view(self, tokens: Sequence[str]) -> View:
        """Patrons, refusals and ILS states, consistently read."""
        ...

    def households(self, households: Sequence[str]) -> Mapping[str, Household]:
        """Households by token."""
        ...

    def envelopes(self, objects: Sequence[str]) -> Mapping[str, Envelope]:
        """Wrapped data keys by object."""
        ...

    def take_try(self, household: str, day: date, *, most: int) -> bool:
        """Count one try of a household's day; False, uncounted, if there were ``most`` already."""
        ...

    def give_try_back(self, household: str, day: date) -> None:
        """Count one try less."""
        ...

    def pin_marks(self, pins: Sequence[tuple[str, str]]) -> Mapping[str, PinMark]:
        """By token the marks of PINs (token, sealed object) that were shown."""
        ...

    def mark_pin(self, mark: PinMark) -> PinMark:
        """Write the mark unless there is one; gives the one that stands."""
        ...


@dataclass(frozen=True, slots=True)
class Revealed:
    """What the page is to say; ``shown`` only in the state ``shown``, ``shown_on`` (the district's date) only in ``used``."""

    state: PinPageState
    shown: tuple[ShownPin, ...] = ()
    shown_on: date | None = None


@dataclass(frozen=True, slots=True)
class Revealer:
    """Shows the PINs of one agreement that has a page for them; the caller has looked whether the agreement is in force and the link still works."""

    store: PinStore
    opener: Opener
    agreement: Agreement
    page: PinPage

    def reveal(self, link: PinLink, answer: str, *, at: datetime) -> Revealed:
        """What an answer (in its normal form, not empty) is answered with; ``at`` is the request's time."""
        day = self.agreement.exchange.calendar.date_of(at)
        if not self.store.take_try(link.household, day, most=TRIES_A_DAY):
            return Revealed(PinPageState.LOCKED)
        try:
            said = self._answered(link, answer, at)
        except VaultClosedError:
            said = Revealed(PinPageState.STOPPED)
        if said.state is not PinPageState.NOTHING:
            self.store.give_try_back(link.household, day)
        return said

    def _answered(self, link: PinLink, answer: str, at: datetime) -> Revealed:
        found = self.store.households([link.household]).get(link.household)
        view = self.store.view(found.children) if found and found.kind == "family" else View({}, ())
        having = [p for p in view.patrons.values() if self._has_a_pin(p, view, link)]
        envelopes = self.store.envelopes(sorted({p.envelopes[g] for p in having for g in self.page.opens}))
        having = [p for p in having if self._may_be_shown(p, envelopes, link)]
        asked = self.page.opens[-1]
        fitting = [p for p in having if fits(answer, asks=self.page.asks, fields=self._opened(p, asked, envelopes))]
        if not fitting:
            return Revealed(PinPageState.NOTHING)
        marks = self.store.pin_marks([(p.token, p.envelopes[Group.PIN]) for p in fitting])
        shown = [one for p in fitting if _still(marks.get(p.token), at) for one in self._shown(p, envelopes, at)]
        if shown:
            return Revealed(PinPageState.SHOWN, tuple(shown))
        marks = self.store.pin_marks([(p.token, p.envelopes[Group.PIN]) for p in fitting])
        last = max(datetime.fromisoformat(mark.stamp.at) for mark in marks.values())
        return Revealed(PinPageState.USED, shown_on=self.agreement.exchange.calendar.date_of(last))

    def _has_a_pin(self, patron: Patron, view: View, link: PinLink) -> bool:
        """Whether it has a card of ours that works, at home here, and the ILS has this PIN of it."""
        ils = view.ils.get(patron.token)
        works = patron.state is State.ACTIVE and patron.ownership is Ownership.CREATED_BY_US and patron.token not in view.refused
        here = patron.household == link.household and patron.sharing == link.sharing and patron.role == "student"
        return works and here and ils is not None and ils.has_pin_of(patron) and all(group in patron.sealed for group in self.page.opens)

    def _may_be_shown(self, patron: Patron, envelopes: Mapping[str, Envelope], link: PinLink) -> bool:
        """Whether its keys were wrapped for this purpose, and the link was made after the PIN was: who has an older link may be why it was renewed."""
        wrapped = all(Purpose.SHOW_PIN in _keys(envelopes, patron.envelopes[group], group) for group in self.page.opens)
        return wrapped and link.made >= int(datetime.fromisoformat(envelopes[patron.envelopes[Group.PIN]].at).timestamp())

    def _shown(self, patron: Patron, envelopes: Mapping[str, Envelope], at: datetime) -> tuple[ShownPin, ...]:
        """Its number and PIN, if it is this request that may show them."""
        number = self._opened(patron, Group.CARD, envelopes)["number"]
        one = ShownPin(self._name(patron, envelopes), number, self._opened(patron, Group.PIN, envelopes)["pin"])
        stamp = Stamp(patron.sharing, patron.agreement, patron.library, patron.district, patron.run_id, at.isoformat())
        standing = self.store.mark_pin(PinMark(patron.token, patron.envelopes[Group.PIN], stamp))
        return (one,) if _still(standing, at) else ()

    def _name(self, patron: Patron, envelopes: Mapping[str, Envelope]) -> str:
        """The name that a family's letter may show, where the agreement opens names for this page at all."""
        form = self.agreement.name_on.family_notice
        if form == "none" or Group.IDENTITY not in self.agreement.matrix.get(Purpose.SHOW_PIN, ()) or Group.IDENTITY not in patron.sealed:
            return ""
        object_id = patron.envelopes[Group.IDENTITY]
        envelopes = envelopes if object_id in envelopes else self.store.envelopes([object_id])
        if Purpose.SHOW_PIN not in _keys(envelopes, object_id, Group.IDENTITY):
            return ""
        identity = self._opened(patron, Group.IDENTITY, envelopes)
        called = str(identity.get("preferred_name", "")) if form == "preferred" else ""
        return called or str(identity.get("first_name", ""))

    def _opened(self, patron: Patron, group: Group, envelopes: Mapping[str, Envelope]) -> dict[str, Any]:
        return self.opener.open(envelopes[patron.envelopes[group]], patron.token, group, patron.sealed[group])


def _keys(envelopes: Mapping[str, Envelope], object_id: str, group: Group) -> Mapping[str, bytes]:
    envelope = envelopes.get(object_id)
    return envelope.keys.get(group, {}) if envelope else {}


def _still(mark: PinMark | None, at: datetime) -> bool:
    """Whether a PIN with this mark, or none, may be shown at a time."""
    return mark is None or abs(at - datetime.fromisoformat(mark.stamp.at)) <= SAME_SHOWING
