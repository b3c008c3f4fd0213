"""Handing out: what is printed for a school, a homeroom or one student, and the record that it was.

The record of a print is written before anything is opened, with the tokens of everybody who is about to be, and again before anything goes out, with those
whose data did (34 CFR 99.32). A PIN is printed only while the ILS has it and nobody was shown it: printing shows it, and it is marked as the page's
are. Who is printed again gets another PIN, which is printed when the ILS has it (docs/decisions/0016-handing-out.md).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.issue import CrowdedError
from firstcard.card.manifest import Manifest
from firstcard.card.patron import Ownership, Patron, State
from firstcard.card.view import PinMark, View
from firstcard.identity import Tokens
from firstcard.roster import Role
from firstcard.roster.values import code, text
from firstcard.run.ledger import PrintRecord
from firstcard.run.renewing import Renewal, Renewer
from firstcard.vault import Envelope
from firstcard.vault.seal import Opener

AT_ONCE = 100
"""Students of one call: within a minute, even if each of them gets another PIN."""
SAME_PRINT = timedelta(minutes=30)
"""How long after it showed a PIN the same print is given it again: an answer may be lost on its way."""

Token = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Part = Literal["cards", "class_list", "letters"]


class PrintWish(BaseModel):
    """What a person wants printed: a school (and a homeroom in it) or one student, and which papers.

    ``print_id`` is drawn once for a print, of which this is one call: ``after`` is where the last one ended, ``only`` are those of whom it said that
    their PIN is under way. ``at`` is the asker's now, for a person's call has no time of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    district: Annotated[str, Field(max_length=31)]
    library: Annotated[str, Field(max_length=31)] = ""
    at: AwareDatetime
    by: Annotated[str, Field(pattern=r"^[\w+=,.@/:-]{1,200}$")]
    print_id: Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
    parts: Annotated[tuple[Part, ...], Field(min_length=1, max_length=3)]
    school: Annotated[str, Field(max_length=200, repr=False)] = ""
    homeroom: Annotated[str, Field(max_length=200, repr=False)] = ""
    student: Annotated[str, Field(max_length=200, repr=False)] = ""
    reprint: bool = False
    include_restricted: bool = False
    after: Token | Literal[""] = ""
    only: Annotated[tuple[Token, ...], Field(max_length=AT_ONCE)] = ()

    @model_validator(mode="after")
    def _about_one_place(self) -> "PrintWish":
        if bool(self.school) == bool(self.student) or (self.homeroom and not self.school):
            raise ValueError("a school, or a student")
        return self


class LeftOut(StrEnum):
    """Why a student's card is not in a print."""

    NO_CARD = "no_card"
    REFUSED = "refused"
    WAITING = "waiting"
    ENDED = "ended"
    OWN_CARD = "own_card"
    NOT_IN_ILS = "not_in_ils"
    BEFORE_THE_CLAUSE = "before_the_clause"
    RESTRICTED = "restricted"
    PIN_SHOWN = "pin_shown"
    PIN_UNDER_WAY = "pin_under_way"
    CHANGED = "changed"


class PrintStore(Protocol):
    """The cards table as printing needs it."""

    def view(self, tokens: Sequence[str]) -> View:
        """Patrons, refusals and ILS states, consistently read."""
        ...

    def envelopes(self, objects: Sequence[str]) -> Mapping[str, Envelope]:
        """Wrapped data keys by object."""
        ...

    def pin_marks(self, pins: Sequence[tuple[str, str]]) -> Mapping[str, PinMark]:
        """By token the marks of PINs (token, sealed object) that were shown."""
        ...

    def mark_pin(self, mark: PinMark) -> PinMark:
        """Write the mark unless there is one; gives the one that stands."""
        ...


def students_of(wish: PrintWish, manifest: Manifest, tokens: Tokens) -> list[str] | str:
    """The tokens of whom a wish may be about, by the digests of the last applied roster, or the word for a wish that means nothing.

    Two places may have one digest: who is found must be looked at again.
    """
    if wish.student:
        local_id, faults = code(wish.student)
        return "not_an_id" if faults or not local_id else [tokens.patron(Role.STUDENT, local_id)]
    if not any("." in known.place if wish.homeroom else known.place for known in manifest.patrons.values()):
        return "no_roster_since"
    school, homeroom = code(wish.school)[0], text(wish.homeroom)[0]
    if not school or bool(homeroom) != bool(wish.homeroom):
        return "nobody_there"
    place = tokens.place(school) + (f".{tokens.place(school, homeroom)}" if homeroom else "")
    # A digest has a fixed length, so that the beginning of a place is its school.
    return sorted(token for token, known in manifest.patrons.items() if known.place.startswith(place)) or "nobody_there"


@dataclass(slots=True)
class _Pile:
    """What one call has sorted out so far."""

    left_out: Counter[str] = field(default_factory=Counter)
    under_way: list[str] = field(default_factory=list)

    def leave(self, why: LeftOut, token: str) -> None:
        self.left_out[why] += 1
        if why is LeftOut.PIN_UNDER_WAY:
            self.under_way.append(token)


@dataclass(frozen=True, slots=True)
class Printer:
    """Prints under one agreement that is in force and has the purpose; ``record`` writes, or writes again, what a call did.

    ``now`` is the clock by which a PIN was shown not long ago; without one, the asker's time, which the asker chooses.
    """

    store: PrintStore
    opener: Opener
    renewer: Renewer
    agreement: Agreement
    record: Callable[[PrintRecord], None]
    now: datetime | None = None

    def hand_out(self, wish: PrintWish, found: Sequence[str]) -> dict[str, Any]:
        """The next ``AT_ONCE`` of ``found`` (sorted tokens): what goes on the papers, how many are left out and why, whose PIN is under way, and where the next call begins."""
        tokens = [token for token in found if token in wish.only] if wish.only else [token for token in found if token > wish.after]
        tokens, rest = tokens[:AT_ONCE], tokens[AT_ONCE:]
        pile = _Pile()
        view = self.store.view(tokens)
        with_pin = self.agreement.prints_pins and {"cards", "letters"} & set(wish.parts)
        groups = tuple(g for g in self.agreement.matrix[Purpose.HAND_OUT] if g is not Group.PIN or with_pin)
        ready = {token: patron for token in tokens if (patron := self._with_a_card(token, view, pile))}
        envelopes = self.store.envelopes(sorted({p.envelopes[g] for p in ready.values() for g in groups if g in p.envelopes}))
        ready = {t: p for t, p in ready.items() if self._openable(p, groups, envelopes, pile)}
        shown = self._shown(wish, ready) if with_pin else set()
        for token in list(ready):
            if with_pin and token not in shown and not view.ils[token].has_pin_of(ready[token]):
                pile.leave(LeftOut.PIN_UNDER_WAY, token)
                del ready[token]
            elif token in shown and not wish.reprint:
                pile.leave(LeftOut.PIN_SHOWN, token)
                del ready[token]
        cards: list[dict[str, str]] = []
        if ready:
            cards = self._printed(wish, ready, envelopes, shown, pile, with_pin=bool(with_pin))
        return {
            "cards": cards,
            "left_out": dict(sorted(pile.left_out.items())),
            "under_way": pile.under_way,
            "next": tokens[-1] if rest else "",
        }

    def _printed(
        self,
        wish: PrintWish,
        ready: Mapping[str, Patron],
        envelopes: Mapping[str, Envelope],
        shown: set[str],
        pile: _Pile,
        *,
        with_pin: bool,
    ) -> list[dict[str, str]]:
        record = PrintRecord(
            sharing=self.agreement.sharing,
            agreement=self.agreement.id,
            at=wish.at.isoformat(),
            print_id=wish.print_id,
            by=wish.by,
            school=wish.school,
            homeroom=wish.homeroom,
            parts=wish.parts,
            reprint=wish.reprint,
            restricted_included=wish.include_restricted,
            opened=tuple(sorted(ready)),
        )
        self.record(record)
        renewed: list[str] = []
        cards: dict[str, dict[str, str]] = {}
        for token, patron in ready.items():
            enrolment = self._opened(patron, Group.ENROLMENT, envelopes)
            if not _is_there(wish, enrolment):
                continue
            if enrolment.get("contact_restricted") and not wish.include_restricted:
                pile.leave(LeftOut.RESTRICTED, token)
            elif token in shown:
                done = self._renew(token, wish.at)
                pile.leave(LeftOut.PIN_UNDER_WAY if done else LeftOut.CHANGED, token)
                renewed += [token] if done else []
            elif (pin := self._pin(patron, envelopes, wish) if with_pin else "") is None:
                pile.leave(LeftOut.PIN_SHOWN, token)
            else:
                cards[token] = self._card(patron, enrolment, envelopes) | {"pin": pin}
        self.record(replace(record, handed=tuple(sorted(cards)), renewed=tuple(sorted(renewed))))
        return list(cards.values())

    def _with_a_card(self, token: str, view: View, pile: _Pile) -> Patron | None:
        """The patron, if it is a student with a card of ours in the ILS."""
        patron, ils = view.patrons.get(token), view.ils.get(token)
        if patron is None or patron.role != Role.STUDENT or patron.sharing != self.agreement.sharing:
            why = LeftOut.NO_CARD
        elif patron.state is State.REFUSED or token in view.refused:
            why = LeftOut.REFUSED
        elif patron.state is State.WAITING:
            why = LeftOut.WAITING
        elif patron.state is State.EXPIRED:
            why = LeftOut.ENDED
        elif patron.ownership is not Ownership.CREATED_BY_US:
            why = LeftOut.OWN_CARD
        elif ils is None or ils.state != "in_ils":
            why = LeftOut.NOT_IN_ILS
        else:
            return patron
        pile.leave(why, token)
        return None

    def _openable(self, patron: Patron, groups: Sequence[Group], envelopes: Mapping[str, Envelope], pile: _Pile) -> bool:
        """Whether its keys were wrapped for this purpose."""
        for group in groups:
            envelope = envelopes.get(patron.envelopes.get(group, ""))
            if group not in patron.sealed or envelope is None or Purpose.HAND_OUT not in envelope.keys.get(group, {}):
                pile.leave(LeftOut.BEFORE_THE_CLAUSE, patron.token)
                return False
        return True

    def _shown(self, wish: PrintWish, ready: Mapping[str, Patron]) -> set[str]:
        """Of whom the PIN was shown before, and not by this very print."""
        marks = self.store.pin_marks([(token, patron.envelopes[Group.PIN]) for token, patron in ready.items()])
        return {token for token, mark in marks.items() if not self._by_this(wish, mark)}

    def _renew(self, token: str, at: datetime) -> bool:
        try:
            return self.renewer.renew_for_paper(token, at=at) is Renewal.RENEWED
        except CrowdedError:
            return False

    def _pin(self, patron: Patron, envelopes: Mapping[str, Envelope], wish: PrintWish) -> str | None:
        """The PIN, if it is this print that may show it: the mark is written before it goes out."""
        pin = str(self._opened(patron, Group.PIN, envelopes)["pin"])
        stamp = replace(patron.stamp, run_id=wish.print_id, at=(self.now or wish.at).isoformat())
        return pin if self._by_this(wish, self.store.mark_pin(PinMark(patron.token, patron.envelopes[Group.PIN], stamp))) else None

    def _by_this(self, wish: PrintWish, mark: PinMark) -> bool:
        """Whether this very print showed the PIN, not long ago: its answer may have been lost."""
        return mark.stamp.run_id == wish.print_id and (self.now or wish.at) - datetime.fromisoformat(mark.stamp.at) <= SAME_PRINT

    def _card(self, patron: Patron, enrolment: Mapping[str, Any], envelopes: Mapping[str, Envelope]) -> dict[str, str]:
        identity = self._opened(patron, Group.IDENTITY, envelopes)
        names = self.agreement.name_on
        first, last = str(identity.get("first_name", "")), str(identity.get("last_name", ""))
        called = str(identity.get("preferred_name", "")) or first
        at_home = {"none": "", "first": first, "preferred": called}[names.family_notice]
        return {
            "first": called if names.handout == "preferred" else first,
            "last": last,
            "at_home": f"{at_home} {last}".strip() if at_home else "",
            "number": str(self._opened(patron, Group.CARD, envelopes)["number"]),
            **{name: str(enrolment.get(name, "")) for name in ("language", "kind", "grade", "school_id", "school_name", "homeroom")},
        }

    def _opened(self, patron: Patron, group: Group, envelopes: Mapping[str, Envelope]) -> dict[str, Any]:
        return self.opener.open(envelopes[patron.envelopes[group]], patron.token, group, patron.sealed[group])


def _is_there(wish: PrintWish, enrolment: Mapping[str, Any]) -> bool:
    """Whether the student is at the very place that was asked for."""
    if wish.student:
        return True
    school, homeroom = code(wish.school)[0], text(wish.homeroom)[0]
    same_room = not homeroom or str(enrolment.get("homeroom", "")).casefold() == homeroom.casefold()
    return same_room and str(enrolment.get("school_id", "")).casefold() == school.casefold()
