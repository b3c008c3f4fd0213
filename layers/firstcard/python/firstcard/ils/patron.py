"""One patron as the library's ILS is to know it: what the agreement lets us say, and nothing more."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class CardKind(StrEnum):
    """What the card is good for, as the agreement's ``card.kind`` says."""

    VIRTUAL = "virtual"
    E_RESOURCES = "e_resources"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class IlsPatron:
    """The patron behind one card, ready for any ILS adapter.

    ``token`` is the patron token (32 hex characters) that the ILS keeps with the patron and by which we know our own again.
    ``number`` is the card number; ``pin`` is set when the patron is created, and again only where the library had another one drawn: it belongs to the patron from then on.
    ``patron_type`` and ``branch`` are codes of this library. ``expires_on`` is the last day that the card works.
    ``language`` is a BCP 47 primary subtag or empty; it and ``preferred_name`` are set once and are the patron's from then on. Empty strings and a ``birth_date`` of None mean "not agreed or not known", never "erase it".
    The address fields are filled only where the agreement lists them. There is no e-mail address: a library's own notices would tell whoever reads
    that mailbox what a child borrows. ``separate`` says that a person found it to be somebody else than the patron who is like it: no duplicate rule keeps it from
    a card of its own. ``moved_from`` are the tokens by which the ILS may know this very card still, the latest first.
    """

    token: str
    number: str
    pin: str
    last_name: str
    first_name: str
    patron_type: str
    branch: str
    expires_on: date
    kind: CardKind = CardKind.VIRTUAL
    middle_name: str = ""
    preferred_name: str = ""
    birth_date: date | None = None
    language: str = ""
    street: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    phone: str = ""
    separate: bool = False
    moved_from: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """The token alone: a repr ends up in logs and tracebacks."""
        return f"IlsPatron({self.token})"
