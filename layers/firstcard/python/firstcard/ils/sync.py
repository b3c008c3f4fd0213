"""Keeping the ILS in step: what is wanted of a patron is put there, and marked done only after the ILS accepted it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Protocol

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group
from firstcard.card.expiry import last_day
from firstcard.card.patron import Ownership, Patron, State
from firstcard.card.view import IlsState, View
from firstcard.ils.answer import Accepted, Refused, Unreachable
from firstcard.ils.patron import CardKind, IlsPatron
from firstcard.ils.port import Ils
from firstcard.ils.reasons import SyncReason
from firstcard.vault import Envelope, VaultClosedError
from firstcard.vault.seal import Opener

ROUNDS = 3
"""How often a patron that changed while it was being written is written again in the same call."""
RECORDED_TOGETHER = 10
"""After how many patrons the ILS's answers are put on record: what a call that is killed may lose, and ask for again."""
SPARE_SECONDS = 40.0
"""What must be left of the call for another patron: time for a slow answer, for the record of it, and for giving the rest back."""


class SyncStore(Protocol):
    """The cards table as sync needs it."""

    def view(self, tokens: Sequence[str]) -> View:
        """Patrons, refusals and ILS states, consistently read."""
        ...

    def envelopes(self, objects: Sequence[str]) -> Mapping[str, Envelope]:
        """Wrapped data keys by object."""
        ...

    def record_ils(self, states: Sequence[IlsState]) -> None:
        """Store what the ILS said."""
        ...


def sync_patrons(
    tokens: Sequence[str],
    *,
    store: SyncStore,
    opener: Opener,
    ils: Ils,
    agreement: Agreement,
    allowed: Callable[[], bool],
    today: date,
    at: str,
    seconds_left: Callable[[], float],
    given_up: frozenset[str] = frozenset(),
) -> frozenset[str]:
    """Bring the patrons of one agreement in step and give the tokens that must be tried again.

    ``allowed`` says whether the agreement still lets data out, asked once a round; ending a card needs no data and is always allowed. ``seconds_left`` is the time
    that the call still has: with less than ``SPARE_SECONDS`` nobody else is asked for, and who was not comes again. ``given_up`` are tokens on their last try,
    asked for first: an ILS that still cannot be reached is then a failure with a reason, and the token is given back all the same, so that its message becomes a
    dead letter. After writing, the patrons are read again: what changed meanwhile is written again, so that the last state wins whatever the order of events.
    A patron that failed before is tried again whenever an event asks for it (a redriven dead letter, a replay of the archive).
    """
    again: set[str] = set()
    settled: dict[str, tuple[int, bool]] = {}
    wanted = list(dict.fromkeys(tokens))
    for _ in range(ROUNDS):
        view = store.view(wanted)
        left = (p for p in view.patrons.values() if settled.get(p.token) != (p.version, p.token in view.refused))
        left = (p for p in left if p.token not in view.ended_by_hand)
        due = [p for p in left if _is_due(p, view.ils.get(p.token), refused=p.token in view.refused)]
        if not due:
            break
        due.sort(key=lambda p: p.token not in given_up)
        open_ = allowed()
        made_by_us = (p for p in due if p.ownership is not Ownership.LINKED)
        envelopes = store.envelopes(sorted({o for p in made_by_us for o in p.envelopes.values()}))
        wanted = []
        for first in range(0, len(due), RECORDED_TOGETHER):
            states = []
            for patron in due[first : first + RECORDED_TOGETHER]:
                open_to_it = open_ or _is_ending(patron, view)
                may = seconds_left() >= SPARE_SECONDS and (open_to_it or _still_carried(patron, view.ils.get(patron.token)))
                answer = _ask(patron, view, store, ils, opener, envelopes, agreement, today, allowed=open_to_it) if may else None
                last = patron.token in given_up
                later = isinstance(answer, Unreachable) or _is_for_now(answer)
                if answer is None or isinstance(answer, Unreachable) or (later and not last):
                    again.add(patron.token)
                else:
                    again.discard(patron.token)
                if answer and (last or not later):
                    states.append(_state(patron, view.ils.get(patron.token), answer, ending=_is_ending(patron, view), at=at))
            if states:
                store.record_ils(states)
            settled |= {s.token: (s.version, s.token in view.refused) for s in states}
            wanted += [s.token for s in states]
        if not wanted:
            break
    return frozenset(again)


def _is_for_now(answer: Accepted | Refused | Unreachable | None) -> bool:
    """Whether a refusal may soon be none: another student's link to that very card may be wrong, and on its way out."""
    return isinstance(answer, Refused) and answer.reason is SyncReason.LINKED_TO_ANOTHER


def _is_ending(patron: Patron, view: View) -> bool:
    return patron.state is not State.ACTIVE or patron.token in view.refused


def _is_due(patron: Patron, state: IlsState | None, *, refused: bool) -> bool:
    """Whether the ILS must be asked: what it last said is not what is wanted of this version of the patron.

    A refusal may be on record before the patron says so, or without its ever saying so if the writer died between the two. Whoever left may then have
    been ended with days of grace, which the ILS state does not tell: such a patron is ended once more. Who waits for a new yes, or for days that began anew,
    had a card before: it ends if it has not.
    """
    if patron.state is State.WAITING:
        return state is not None and state.state != "ended"
    if state is None:
        carried_on = patron.state is State.REFUSED and bool(patron.moved_from)
        return patron.state is State.ACTIVE or bool(patron.issued_at) or carried_on
    if refused and patron.state is State.EXPIRED:
        return True
    wanted = "ended" if refused or patron.state is not State.ACTIVE else "in_ils"
    return state.state != wanted or state.version < patron.version


def _still_carried(patron: Patron, before: IlsState | None) -> tuple[str, ...]:
    """The cards of others that may carry the token still, by a link that was found to be wrong; none once the ILS named another card of this patron's."""
    return () if before and before.ils_id and before.ils_id not in patron.mistaken else patron.mistaken


def _known(patron: Patron, before: IlsState | None) -> str:
    """The ILS's own number of this patron as far as it is known, and never that of a card that was linked by mistake."""
    return before.ils_id if before and before.ils_id not in patron.mistaken else ""


def _ask(
    patron: Patron,
    view: View,
    store: SyncStore,
    ils: Ils,
    opener: Opener,
    envelopes: Mapping[str, Envelope],
    agreement: Agreement,
    today: date,
    *,
    allowed: bool,
) -> Accepted | Refused | Unreachable | None:
    """What the ILS says to what is wanted of a patron, or None if the patron's data cannot be opened, or may not be told.

    A card that was linked by mistake is freed of the token first, and nothing is made in its place before that is done: whatever is found by the token
    afterwards is this patron's own. Repeated, it finds nothing more to take away.
    """
    before = view.ils.get(patron.token)
    for ils_id in _still_carried(patron, before):
        answer = ils.unlink(ils_id, token=patron.token)
        if not isinstance(answer, Accepted):
            return answer
    if not allowed:
        return None
    if patron.ownership is Ownership.LINKED:
        return _link(patron, before, ils, agreement, today, ending=_is_ending(patron, view))
    if _is_ending(patron, view):
        refused = patron.token in view.refused or patron.state is State.REFUSED
        return _end(patron, before, ils, agreement, today, refused=refused, earlier=_earlier(patron, store) if refused else ())
    try:
        again = patron.token in view.taken_back
        return _put(patron, before, ils, opener, envelopes, agreement, _earlier(patron, store), again=again)
    except VaultClosedError:
        return None


def _link(
    patron: Patron, before: IlsState | None, ils: Ils, agreement: Agreement, today: date, *, ending: bool
) -> Accepted | Refused | Unreachable:
    """A linked card is its family's own: the token comes and goes, and nothing else of it is ever ours to change, days of grace included.

    But for a later last day, where the agreement renews such cards: that of a student card touched on the same day, which needs nothing that is sealed.
    """
    if ending:
        return ils.unlink(patron.existing, token=patron.token)
    held = _known(patron, before) == patron.existing
    blocked_too = agreement.existing_blocked == "link_and_list"
    renew_to = last_day(agreement.card.expiry, date.fromisoformat(patron.at[:10])) if agreement.renews_existing else None
    return ils.link(patron.existing, token=patron.token, held_before=held, blocked_too=blocked_too, on=today, renew_to=renew_to)


def _earlier(patron: Patron, store: SyncStore) -> tuple[str, ...]:
    """Whose card this was, the latest first: who moved on before the ILS heard of it left the card there under the token from before."""
    tokens: list[str] = []
    one: Patron | None = patron
    while one and one.moved_from and one.moved_from not in (patron.token, *tokens):
        tokens.append(one.moved_from)
        one = store.view([one.moved_from]).patrons.get(one.moved_from)
    return tuple(tokens)


def _put(
    patron: Patron,
    before: IlsState | None,
    ils: Ils,
    opener: Opener,
    envelopes: Mapping[str, Envelope],
    agreement: Agreement,
    earlier: tuple[str, ...],
    *,
    again: bool,
) -> Accepted | Refused | Unreachable:
    def opened(group: Group) -> dict[str, str]:
        if group not in patron.sealed:
            return {}
        envelope = envelopes.get(patron.envelopes[group])
        if envelope is None:
            raise VaultClosedError(f"the data keys of object {patron.envelopes[group]} are missing")
        return opener.open(envelope, patron.token, group, patron.sealed[group])

    identity, enrolment = opened(Group.IDENTITY), opened(Group.ENROLMENT)
    age, address = opened(Group.AGE), opened(Group.ADDRESS)
    card, pin = opened(Group.CARD), opened(Group.PIN)
    ended = before is not None and before.state == "ended"
    called = identity.get("preferred_name", "")
    known = CardKind if enrolment["kind"] in set(CardKind) else None
    wanted = IlsPatron(
        token=patron.token,
        number=card["number"],
        pin=pin.get("pin", ""),
        last_name=identity["last_name"],
        first_name=(called if agreement.name_on.ils == "preferred" else "") or identity["first_name"],
        middle_name=identity.get("middle_name", ""),
        birth_date=date.fromisoformat(age["birth_date"]) if age.get("birth_date") else None,
        patron_type=enrolment["patron_type"],
        branch=enrolment["home_branch"],
        expires_on=date.fromisoformat(enrolment["expires_on"]),
        language=enrolment.get("language", ""),
        kind=known(enrolment["kind"]) if known else CardKind.FULL,
        street=address.get("street", ""),
        city=address.get("city", ""),
        region=address.get("region", ""),
        postal_code=address.get("postal_code", ""),
        phone=address.get("phone", ""),
        separate=patron.separate,
        moved_from=earlier,
    )
    known_there = _known(patron, before) or None
    answer = ils.put(wanted, ils_id=known_there, new_pin=before is not None and before.lacks_pin_of(patron))
    gone = isinstance(answer, Refused) and answer.reason is SyncReason.PATRON_GONE
    # A library may delete an account that has ended; who comes back after a no gets another.
    return ils.put(wanted, ils_id=None) if gone and ended and again else answer


def _end(
    patron: Patron, before: IlsState | None, ils: Ils, agreement: Agreement, today: date, *, refused: bool, earlier: tuple[str, ...]
) -> Accepted | Refused | Unreachable:
    """After a no the card ends too that would have gone along, whatever its days where the child was before."""
    left = patron.state is State.EXPIRED and not refused
    if left and agreement.leavers.runs_out:
        return Accepted(_known(patron, before))
    grace = agreement.leavers.grace_days if left else 0
    known = "" if patron.moved_to else _known(patron, before)  # who has the card now is not ended by an old number
    answer = ils.end(known or None, token=patron.token, on=today + timedelta(days=grace))
    for token in () if patron.moved_to else earlier:
        other = ils.end(None, token=token, on=today)
        if not isinstance(other, Accepted):
            return other
    return answer


def _state(patron: Patron, before: IlsState | None, answer: Accepted | Refused | Unreachable, *, ending: bool, at: str) -> IlsState:
    said = answer.ils_id if isinstance(answer, Accepted | Refused) else ""
    known = _known(patron, before)
    ils_id = known if said in patron.mistaken else said or known
    if patron.ownership is Ownership.LINKED:  # then it says that the ILS's patron carries the token, as far as is known
        if ending:
            ils_id = "" if isinstance(answer, Accepted) else known
        elif isinstance(answer, Refused) and said not in patron.mistaken:
            ils_id = said
    done = isinstance(answer, Accepted)
    given = patron.envelopes.get(Group.PIN, "") if done and not ending else before.pin if before else ""
    return IlsState(
        token=patron.token,
        role=patron.role,
        household=patron.household,
        state=("ended" if ending else "in_ils") if done else "failed",
        version=patron.version,
        ils_id=ils_id,
        reason=str(answer.remark or "") if isinstance(answer, Accepted) else str(answer.reason),
        stamp=replace(patron.stamp, at=at),
        pin=given,
    )
