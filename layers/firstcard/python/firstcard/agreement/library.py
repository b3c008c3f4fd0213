"""What a library is: one ILS instance, its branches, patron types, number block and look."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import Field

from firstcard.agreement.vocabulary import ID_CHARACTERS, Group, Purpose
from firstcard.agreement.words import AttributeCode, Clause, Code, Colour, Email, Phone, Slug, SomeDigits, Text, Url


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What an ILS adapter can do that an agreement depends on."""

    can_set_pin: bool
    can_link: bool
    can_renew: bool = False
    longest_number: int = 20
    number_characters: frozenset[str] = ID_CHARACTERS


ADAPTERS: dict[str, AdapterFacts] = {"koha": AdapterFacts(can_set_pin=True, can_link=True, can_renew=True, longest_number=32)}
"""Koha sets a password with POST /patrons/{id}/password links with POST /patrons/{id}/extended_attributes and renews with PUT /patrons/{id}.

Its borrowers.cardnumber is a varchar(32) of any text, in which upper and lower case are one; what a library lets in is its system preference CardnumberLength.
"""


class CardnumberLength(Clause):
    """The shortest and the longest card number that the library's own settings let in, both included."""

    shortest: Annotated[int, Field(ge=1, le=32)]
    longest: Annotated[int, Field(ge=1, le=32)]


class IlsClause(Clause):
    """The ILS and how to reach it; its secret is ``firstcard/ils/<library>``."""

    adapter: Literal["koha"]
    endpoint: Url
    requests_per_second: Annotated[float, Field(gt=0, le=100)]
    token_attribute: AttributeCode
    cardnumber_length: CardnumberLength | None = None
    """Left out: the ILS takes whatever its adapter takes. In Koha the system preference CardnumberLength."""


class BarcodeClause(Clause):
    """How the library's scanners read a card's number. Codabar begins and ends with one of the letters A to D, which a scanner passes on as the library set it; Code 39 has no such choice, and no check character here."""

    symbology: Literal["codabar", "code39"]
    start: Literal["A", "B", "C", "D"] = "A"
    stop: Literal["A", "B", "C", "D"] = "B"


class NumberBlock(Clause):
    """The library's own 14-digit barcodes: type digit(s), institution, serial, check digit."""

    prefix: SomeDigits
    institution: SomeDigits
    first_serial: Annotated[int, Field(ge=0)]


class Look(Clause):
    """How notices look, and whom a family asks."""

    colour: Colour
    website: Url
    how_to_url: Url
    support_phone: Phone
    support_email: Email


PatronField = Literal[
    "patron_id",
    "barcode",
    "first_name",
    "middle_name",
    "last_name",
    "suffix",
    "birth_date",
    "street",
    "postal_code",
    "phone",
    "email",
    "blocked",
]
"""What a library may say about its own patrons; ``blocked`` is yes where the card is blocked or money is owed."""

PATRON_FIELDS: tuple[PatronField, ...] = get_args(PatronField)
NEEDED_PATRON_FIELDS: tuple[PatronField, ...] = ("patron_id", "first_name", "last_name", "birth_date")
"""Without these nobody can be told from anybody."""
MOST_PATRON_DAYS = 7


class PatronsClause(Clause):
    """The library's own use of its own patron records, to see which students have a card already.

    It is no part of an agreement with a district: ``basis`` is the state law or the board's policy on the library's records, ``approved_by`` who approved it.
    """

    basis: Text
    approved_by: Text
    effective: date
    expires: date
    fields: tuple[PatronField, ...]
    keep_days: Annotated[int, Field(ge=1, le=MOST_PATRON_DAYS)]

    def in_force(self, on: date) -> bool:
        """Whether patrons may be imported and opened on this day (UTC, as the key's policy has it)."""
        return self.effective <= on <= self.expires

    @staticmethod
    def purposes_of(group: Group) -> tuple[Purpose, ...]:
        """What a group may be opened for: the extract to deduplicate, everything else for nothing."""
        return (Purpose.DEDUPLICATE,) if group is Group.PATRONS else ()


class Library(Clause):
    """One library: one instance of an ILS, whatever the number of branches."""

    api_version: Annotated[Literal["library/v1"], Field(alias="apiVersion")]
    id: Slug
    name: Text
    kind: Literal["public_library", "library_consortium"]
    ils: IlsClause
    numbers: NumberBlock
    branches: Annotated[dict[Code, Text], Field(min_length=1)]
    patron_types: Annotated[dict[Code, Text], Field(min_length=1)]
    look: Look
    notices_sender: Email
    barcode: BarcodeClause | None = None
    """Left out: cards that are printed have the number in digits alone."""
    patrons: PatronsClause | None = None
    """Left out: no patron of the library is imported, and no student is compared with one."""
