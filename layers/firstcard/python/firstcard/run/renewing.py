"""Another PIN for a child, at the library's word: drawn and sealed here, set in the ILS by sync, shown by the page behind the link of a new e-mail, or printed.

Whoever asks learns that it is under way and nothing else: neither the old PIN nor the new one is ever opened here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.issue import CrowdedError
from firstcard.card.patron import PRINTED_PIN, Ownership, Patron, Stamp, State, renew_pin
from firstcard.card.pin import random_pin
from firstcard.card.view import OnFile
from firstcard.vault import Envelope, Wrap
from firstcard.vault.seal import Sealer

TRIES = 5
"""How often a patron that changed meanwhile is read again."""
PIN_OBJECT = "pin-"
"""What the name of an object begins with that holds one renewed PIN."""


class Renewal(StrEnum):
    """What became of the wish for another PIN; all but the first change nothing."""

    RENEWED = "renewed"
    NO_PAGE = "no_page"
    NOT_IN_FORCE = "not_in_force"
    NO_CARD = "no_card"
    OWN_CARD = "own_card"
    NOT_IN_ILS = "not_in_ils"
    NO_ADDRESS = "no_address"
    BEFORE_THE_PAGE = "before_the_page"


class RenewStore(Protocol):
    """The cards table as renewing a PIN needs it."""

    def on_file(self, token: str) -> OnFile:
        """What the table has of one patron, consistently read."""
        ...

    def envelopes(self, objects: list[str]) -> dict[str, Envelope]:
        """Wrapped data keys by object."""
        ...

    def add_envelope(self, envelope: Envelope, stamp: Stamp) -> None:
        """Write the envelope of an object that no plan made."""
        ...

    def change(self, patron: Patron) -> bool:
        """Write the patron if its earlier version is still there."""
        ...


@dataclass(frozen=True, slots=True)
class Renewer:
    """Renews PINs under one agreement; ``random(n)`` gives n random bytes, ``below(n)`` a random whole number under n."""

    store: RenewStore
    agreement: Agreement
    wrap: Wrap
    random: Callable[[int], bytes]
    below: Callable[[int], int]

    def renew(self, token: str, *, at: datetime, allowed: bool) -> Renewal:
        """Give the child another PIN, or say why not; ``allowed`` is False for an agreement that is suspended.

        Raises CrowdedError if the patron changed each time it was read.
        """
        page = self.agreement.card.pin.page
        if page is None:
            return Renewal.NO_PAGE
        if not allowed or not self.agreement.in_force(at.date()):
            return Renewal.NOT_IN_FORCE
        groups = [group for group in page.opens if group is not Group.PIN]

        def hindered(patron: Patron) -> Renewal | None:
            if not patron.household:
                return Renewal.NO_ADDRESS
            return None if self._can_be_shown(patron, groups) else Renewal.BEFORE_THE_PAGE

        return self._renewed(token, hindered, at, named=PIN_OBJECT)

    def renew_for_paper(self, token: str, *, at: datetime) -> Renewal:
        """Give the child another PIN that is to be printed; the caller has looked whether that may be, and whether it could be opened.

        Raises CrowdedError as ``renew`` does.
        """
        return self._renewed(token, lambda patron: None, at, named=PRINTED_PIN)

    def _renewed(self, token: str, hindered: Callable[[Patron], Renewal | None], at: datetime, *, named: str) -> Renewal:
        sealed: tuple[str, bytes] | None = None
        for _ in range(TRIES):
            on_file = self.store.on_file(token)
            patron = on_file.patron
            if patron is None or on_file.no or patron.state is not State.ACTIVE:
                return Renewal.NO_CARD
            if patron.ownership is not Ownership.CREATED_BY_US:
                return Renewal.OWN_CARD
            if on_file.ils is None or on_file.ils.state != "in_ils":
                return Renewal.NOT_IN_ILS
            if (said := hindered(patron)) is not None:
                return said
            sealed = sealed or self._sealed(patron, at, named)
            if self.store.change(renew_pin(patron, envelope=sealed[0], sealed=sealed[1], at=at.isoformat())):
                return Renewal.RENEWED
        raise CrowdedError

    def _can_be_shown(self, patron: Patron, groups: Sequence[Group]) -> bool:
        """Whether the page could open what it asks for, and the number: a card from before the clause was not sealed for it."""
        if any(group not in patron.sealed for group in groups):
            return False
        envelopes = self.store.envelopes(sorted({patron.envelopes[group] for group in groups}))
        keys = [envelopes[name].keys.get(group, {}) if (name := patron.envelopes[group]) in envelopes else {} for group in groups]
        return all(Purpose.SHOW_PIN in purposes for purposes in keys)

    def _sealed(self, patron: Patron, at: datetime, named: str) -> tuple[str, bytes]:
        """A new PIN in an object of its own, whose keys are kept before anything names it: (object, sealed PIN)."""
        name = named + self.random(12).hex()
        sealer = Sealer(
            sharing=self.agreement.sharing, object_id=name, purposes_of=self.agreement.purposes_of, wrap=self.wrap, random=self.random
        )
        sealed = sealer.seal(patron.token, Group.PIN, {"pin": random_pin(self.agreement.card.pin.length, self.below)})
        self.store.add_envelope(sealer.envelope(), replace(patron.stamp, at=at.isoformat()))
        return name, sealed
