"""One patron's stored state, and the rule by which a plan's line changes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from firstcard.agreement.vocabulary import Group
from firstcard.card.chunk import Chunk, Decision, PatronLine


class State(StrEnum):
    """Where a patron stands. ``refused`` is final for rosters until a person undoes the no; ``waiting`` is also who had a card that ended for want of a new yes."""

    WAITING = "waiting"
    ACTIVE = "active"
    EXPIRED = "expired"
    REFUSED = "refused"


class Ownership(StrEnum):
    """Whose card it is; a linked card is the family's own and never changed by us, but for a later last day where the agreement says so."""

    CREATED_BY_US = "created_by_us"
    LINKED = "linked"


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where a stored fact belongs: agreement, library, district, run, and the moment (ISO 8601, UTC)."""

    sharing: str
    agreement: str
    library: str
    district: str
    run_id: str
    at: str


DRAWN_ONCE = (Group.CARD, Group.PIN)
"""Groups that a later roster never replaces: a patron keeps number and PIN."""


PRINTED_PIN = "print-"
"""What the name of an object begins with that holds one PIN made for paper: its family is sent no link to it."""


@dataclass(frozen=True, slots=True)
class Patron:
    """What the cards table holds of one patron. Times are ISO 8601 in UTC; ``sealed`` and ``envelopes`` have one entry a field group."""

    token: str
    sharing: str
    agreement: str
    library: str
    district: str
    role: str
    state: State
    version: int
    household: str
    card_token: str
    fingerprint: str
    run_id: str
    at: str
    issued_at: str = ""
    ownership: Ownership = Ownership.CREATED_BY_US
    existing: str = ""
    """The ILS's own id of the family's card, for a linked one."""
    mistaken: tuple[str, ...] = ()
    """The ILS's own ids of cards that were linked to this patron, and that a person found to be somebody else's: they carry its token no longer."""
    separate: bool = False
    """Whether a person set the student apart from a patron of the library who is like it: no duplicate rule of the ILS keeps it from a card of its own."""
    moved_from: str = ""
    """The patron whose card this was: the same child, as a student of another district or under another id; the ILS may know the card by that token still."""
    moved_to: str = ""
    """The patron whose card this is now."""
    sealed: Mapping[str, bytes] = field(default_factory=dict)
    envelopes: Mapping[str, str] = field(default_factory=dict)

    @property
    def pin_renewed(self) -> bool:
        """Whether its PIN is not the one that was drawn with the number."""
        return self.envelopes.get(Group.PIN) != self.envelopes.get(Group.CARD)

    @property
    def pin_for_paper(self) -> bool:
        """Whether its PIN was made to be printed."""
        return self.envelopes.get(Group.PIN, "").startswith(PRINTED_PIN)

    @property
    def stamp(self) -> Stamp:
        """Where this state belongs."""
        return Stamp(self.sharing, self.agreement, self.library, self.district, self.run_id, self.at)


def after_line(
    before: Patron | None, line: PatronLine, chunk: Chunk, *, refused: bool, apart: bool = False, taken_back: str = ""
) -> Patron | None:
    """The patron after a plan's line, or None if nothing changes.

    A refusal on record beats every line, a replayed one too: the no may have come while the first try died. Otherwise a line replayed from
    the same chunk changes nothing. Whose card moved to another patron gets nothing but by a line that brings it back. Whoever returns gets the same number and PIN back, or the same card of the family linked again; of whom nothing sealed was left gets those of the line. Whose card it is changes by a
    ``replace`` alone, and only from the very link that was found to be wrong. ``apart`` says that a person set the student and the line's ``ils_id`` apart
    since: then no such link is made, renewed or put in place of another. ``taken_back`` is when the patron's last no was taken back: a line that was planned
    knowing of that very moment takes the patron up again, as if new.
    """
    if before and before.state is State.REFUSED:
        new = line.decision in (Decision.ISSUE, Decision.WAIT, Decision.LINK) and bool(line.card_token or line.ils_id)
        there = not refused and not (apart and line.ils_id) and (not before.moved_to or bool(line.moved_from))
        known = bool(line.taken_back) and line.taken_back == taken_back
        return _taken_up_again(before, line, chunk) if new and there and known else None
    if refused or line.decision is Decision.REFUSE:
        return refuse(before, run_id=chunk.run_id, at=chunk.at) if before else None
    if before is None and taken_back and line.taken_back != taken_back:
        return None
    if before and chunk.object in before.envelopes.values():
        return None
    if line.decision is Decision.EXPIRE:
        if before is None or before.state is State.EXPIRED:
            return None
        return replace(before, state=State.EXPIRED, version=before.version + 1, run_id=chunk.run_id, at=chunk.at)
    if apart and (before is None or line.decision is Decision.REPLACE or before.existing == line.ils_id):
        return None
    sealed = dict(line.sealed or {})
    if before and line.decision is Decision.REPLACE and before.ownership is Ownership.LINKED and before.existing == line.mistaken:
        return _in_place_of_a_link(before, line, chunk)
    if before is None:
        if line.decision is Decision.REPLACE or not (line.card_token or line.ils_id):
            return None
        state = State.WAITING if line.decision is Decision.WAIT else State.ACTIVE
        return Patron(
            token=line.token,
            sharing=chunk.sharing,
            agreement=chunk.agreement,
            library=chunk.library,
            district=chunk.district,
            role=line.role,
            state=state,
            version=1,
            household=line.household,
            card_token=line.card_token,
            fingerprint=line.fingerprint,
            run_id=chunk.run_id,
            at=chunk.at,
            issued_at=chunk.at if state is State.ACTIVE else "",
            ownership=Ownership.LINKED if line.ils_id else Ownership.CREATED_BY_US,
            existing=line.ils_id,
            separate=line.separate,
            moved_from=line.moved_from,
            sealed=sealed,
            envelopes=dict.fromkeys(sealed, chunk.object),
        )
    if before.moved_to and not line.moved_from:
        return None
    if line.moved_from and before.ownership is not Ownership.LINKED:
        return _back_with_its_card(before, line, chunk)
    emptied = before.ownership is Ownership.CREATED_BY_US and Group.CARD not in before.sealed
    if emptied and Group.CARD not in sealed:
        return None
    kept = sealed if emptied else {g: b for g, b in sealed.items() if g not in DRAWN_ONCE}
    back = State.ACTIVE if before.issued_at else State.WAITING
    return replace(
        before,
        agreement=chunk.agreement,
        state=back if before.state is State.EXPIRED else before.state,
        version=before.version + 1,
        household=line.household,
        card_token=line.card_token if emptied else before.card_token,
        fingerprint=line.fingerprint,
        run_id=chunk.run_id,
        at=chunk.at,
        separate=before.separate or line.separate,
        sealed={**before.sealed, **kept},
        envelopes={**before.envelopes, **dict.fromkeys(kept, chunk.object)},
    )


def _back_with_its_card(before: Patron, line: PatronLine, chunk: Chunk) -> Patron:
    """A patron that was here before, and whose card comes with it from where it was meanwhile: with another PIN, for the one from before is the ILS's no longer."""
    sealed = dict(line.sealed or {})
    return replace(
        before,
        agreement=chunk.agreement,
        state=State.ACTIVE if before.issued_at else State.WAITING,
        version=before.version + 1,
        household=line.household,
        card_token=line.card_token,
        fingerprint=line.fingerprint,
        run_id=chunk.run_id,
        at=chunk.at,
        separate=before.separate or line.separate,
        moved_from=line.moved_from,
        moved_to="",
        sealed={**before.sealed, **sealed},
        envelopes={**before.envelopes, **dict.fromkeys(sealed, chunk.object)},
    )


def _taken_up_again(before: Patron, line: PatronLine, chunk: Chunk) -> Patron:
    """A patron whose no was taken back: with what the line brings, and with days of its own. A link that was there before is not taken for its card."""
    sealed = dict(line.sealed or {})
    state = State.WAITING if line.decision is Decision.WAIT else State.ACTIVE
    unlinked = (before.existing,) if before.ownership is Ownership.LINKED and before.existing != line.ils_id else ()
    return replace(
        before,
        agreement=chunk.agreement,
        role=line.role,
        state=state,
        version=before.version + 1,
        household=line.household,
        card_token=line.card_token,
        fingerprint=line.fingerprint,
        run_id=chunk.run_id,
        at=chunk.at,
        issued_at=chunk.at if state is State.ACTIVE else "",
        ownership=Ownership.LINKED if line.ils_id else Ownership.CREATED_BY_US,
        existing=line.ils_id,
        mistaken=tuple(dict.fromkeys((*(one for one in before.mistaken if one != line.ils_id), *unlinked))),
        separate=before.separate or line.separate,
        moved_from=line.moved_from or before.moved_from,
        moved_to="",
        sealed=sealed,
        envelopes=dict.fromkeys(sealed, chunk.object),
    )


def _in_place_of_a_link(before: Patron, line: PatronLine, chunk: Chunk) -> Patron:
    """The patron with what the line brings instead of a wrong link; who had that one has had its days, and who waits goes on waiting.

    Who waits may have had the link, too, until it ended for want of a new yes, and the ILS may not have heard of that end.
    """
    issued = bool(before.issued_at)
    sealed = dict(line.sealed or {})
    return replace(
        before,
        agreement=chunk.agreement,
        state=State.ACTIVE if issued else State.WAITING,
        version=before.version + 1,
        household=line.household,
        card_token=line.card_token,
        fingerprint=line.fingerprint,
        run_id=chunk.run_id,
        at=chunk.at,
        issued_at=chunk.at if issued else "",
        ownership=Ownership.LINKED if line.ils_id else Ownership.CREATED_BY_US,
        existing=line.ils_id,
        mistaken=tuple(dict.fromkeys((*before.mistaken, before.existing))),
        separate=True,
        moved_from=line.moved_from,
        sealed={**before.sealed, **sealed},
        envelopes={**before.envelopes, **dict.fromkeys(sealed, chunk.object)},
    )


def refuse(before: Patron, *, run_id: str, at: str) -> Patron:
    """The patron after a no: the sealed data go, tokens and state stay so that the no is remembered."""
    return replace(before, state=State.REFUSED, version=before.version + 1, run_id=run_id, at=at, sealed={}, envelopes={})


def wait_again(before: Patron, *, at: str) -> Patron:
    """The patron whose card ends for want of a new yes: number, PIN and data stay, and a yes brings the same card back. No no is on record for it."""
    return replace(before, state=State.WAITING, version=before.version + 1, at=at, issued_at="")


def renew_pin(before: Patron, *, sealed: bytes, envelope: str, at: str) -> Patron:
    """The patron with another PIN, sealed in an object of its own; everything else stays, and the new version goes to the ILS."""
    return replace(
        before,
        version=before.version + 1,
        at=at,
        sealed={**before.sealed, Group.PIN: sealed},
        envelopes={**before.envelopes, Group.PIN: envelope},
    )


def release(before: Patron, *, at: str) -> Patron:
    """The patron whose opt-out window is over: the card is issued now, with the number drawn in the plan, or the family's own is linked."""
    return replace(before, state=State.ACTIVE, version=before.version + 1, at=at, issued_at=at)
