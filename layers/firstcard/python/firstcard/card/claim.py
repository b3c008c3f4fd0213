"""Claims on card numbers: a number that was given once belongs to that patron for good, also when the card and the patron are gone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from firstcard.card.patron import Patron, Stamp, State


@dataclass(frozen=True, slots=True)
class Claim:
    """One number (``number`` is its card token) and whose it is (``token``, the patron's); nothing ever removes it.

    With ``moved_from`` it goes over from that patron, who left and is the same child, unless that one is back by then, or said no; ``moved`` is then the
    patron as it is with the number, and is written in the same step: a number never belongs to somebody whom nobody knows.
    """

    number: str
    token: str
    stamp: Stamp
    moved_from: str = ""
    moved: Patron | None = None


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
    return tuple(
        Claim(number, patron.token, patron.stamp, patron.moved_from, patron if patron.moved_from else None)
        for number, patron in first.items()
    )


def handed_over(before: Patron | None, claim: Claim) -> Patron | None:
    """The patron whose number goes over to another one; None where that may not be, because it has a card again, or nobody knows it."""
    if before is None or before.state is not State.EXPIRED or before.card_token != claim.number:
        return None
    return replace(before, moved_to=claim.token, version=before.version + 1)
