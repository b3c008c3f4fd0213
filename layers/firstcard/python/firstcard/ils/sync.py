"""Keeping the ILS in step: what is wanted of a patron is put there, and marked done only after the ILS accepted it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Protocol

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group
from firstcard.card.patron import Ownership, Patron, State
from firstcard.card.view import IlsState, View
from firstcard.ils.answer import Accepted, Refused, Unreachable
from firstcard.ils.patron import CardKind, IlsPatron
from firstcard.ils.port import Ils
from firstcard.vault import Envelope, VaultClosedError
from firstcard.vault.seal import Opener

ROUNDS = 3
"""How often a patron that changed while it was being written is written again in the same call."""


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
    given_up: frozenset[str] = frozenset(),
) -> frozenset[str]:
    """Bring the patrons of one agreement in step and give the tokens that must be tried again.

    ``allowed`` says whether the agreement still lets data out, asked once a round; ending a card needs no data and is always allowed. ``given_up`` are tokens on their last
    try: an ILS that still cannot be reached is then a failure with a reason. After writing, the patrons are read again: what changed meanwhile is
    written again, so that the last state wins whatever the order of events. A patron that failed before is tried again whenever an event asks for it
    (a redriven dead letter, a replay of the archive).
    """
    again: set[str] = set()
    settled: dict[str, tuple[int, bool]] = {}
    wanted = list(dict.fromkeys(tokens))
    for _ in range(ROUNDS):
        view = store.view(wanted)
        left = (p for p in view.patrons.values() if settled.get(p.token) != (p.version, _is_ending(p, view)))
        due = [p for p in left if _is_due(p, view.ils.get(p.token), refused=p.token in view.refused)]
        if not due:
            return frozenset(again)
        open_ = allowed()
        envelopes = store.envelopes(sorted({o for p in due for o in p.envelopes.values()}))
        states = []
        for patron in due:
            before = view.ils.get(patron.token)
            ending = _is_ending(patron, view)
            if not ending and not open_:
                again.add(patron.token)
                continue
            try:
                answer = _end(patron, before, ils, agreement, today) if ending else _put(patron, before, ils, opener, envelopes, agreement)
            except VaultClosedError:
                again.add(patron.token)
                continue
            if isinstance(answer, Unreachable) and patron.token not in given_up:
                again.add(patron.token)
                continue
            states.append(_state(patron, before, answer, ending=ending, at=at))
        store.record_ils(states)
        settled |= {s.token: (s.version, _is_ending(view.patrons[s.token], view)) for s in states}
        wanted = [s.token for s in states]
        if not wanted:
            break
    return frozenset(again)


def _is_ending(patron: Patron, view: View) -> bool:
    return patron.state is not State.ACTIVE or patron.token in view.refused


def _is_due(patron: Patron, state: IlsState | None, *, refused: bool) -> bool:
    if patron.ownership is Ownership.LINKED or patron.state is State.WAITING:
        return False
    if state is None:
        return patron.state is State.ACTIVE or bool(patron.issued_at)
    if refused and state.state == "in_ils":
        return True
    return state.state == "failed" or state.version < patron.version


def _put(
    patron: Patron, before: IlsState | None, ils: Ils, opener: Opener, envelopes: Mapping[str, Envelope], agreement: Agreement
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
    called = identity.get("preferred_name", "")
    known = CardKind if enrolment["kind"] in set(CardKind) else None
    return ils.put(
        IlsPatron(
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
        ),
        ils_id=(before.ils_id or None) if before else None,
    )


def _end(patron: Patron, before: IlsState | None, ils: Ils, agreement: Agreement, today: date) -> Accepted | Refused | Unreachable:
    grace = agreement.leavers.grace_days if patron.state is State.EXPIRED else 0
    return ils.end((before.ils_id or None) if before else None, token=patron.token, on=today + timedelta(days=grace))


def _state(patron: Patron, before: IlsState | None, answer: Accepted | Refused | Unreachable, *, ending: bool, at: str) -> IlsState:
    ils_id = (answer.ils_id if isinstance(answer, Accepted | Refused) else "") or (before.ils_id if before else "")
    done = isinstance(answer, Accepted)
    return IlsState(
        token=patron.token,
        role=patron.role,
        household=patron.household,
        state=("ended" if ending else "in_ils") if done else "failed",
        version=patron.version,
        ils_id=ils_id,
        reason="" if isinstance(answer, Accepted) else str(answer.reason),
        stamp=replace(patron.stamp, at=at),
    )
