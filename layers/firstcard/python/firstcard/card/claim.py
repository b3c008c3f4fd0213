"""Claims on card numbers: a number that was given once belongs to that patron for good, also when the card and the patron are gone."""

from collections.abc import Sequence
from dataclasses import dataclass

from firstcard.card.patron import Patron, Stamp


@dataclass(frozen=True, slots=True)
class Claim:
    """One number (``number`` is its card token) and whose it is (``token``, the patron's); nothing ever removes it."""

    number: str
    token: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Unnumbered:
    """Somebody who got no card in a run, because the number had become another person's since it was planned."""

    token: str
    stamp: Stamp


def claims_of(patrons: Sequence[Patron]) -> tuple[Claim, ...]:
    """What must be claimed for these new patrons; of two who have one number the first claims it."""
    first: dict[str, Patron] = {}
    for patron in patrons:
        first.setdefault(patron.card_token, patron)
    return tuple(Claim(number, patron.token, patron.stamp) for number, patron in first.items())
