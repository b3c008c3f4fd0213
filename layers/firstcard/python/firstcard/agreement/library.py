"""What a library is: one ILS instance, its branches, patron types, number block and look."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from firstcard.agreement.words import AttributeCode, Clause, Code, Colour, Email, Phone, Slug, SomeDigits, Text, Url


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What an ILS adapter can do that an agreement depends on."""

    can_set_pin: bool
    can_link: bool
    can_renew: bool = False


ADAPTERS: dict[str, AdapterFacts] = {"koha": AdapterFacts(can_set_pin=True, can_link=True)}
"""Koha sets a password with POST /patrons/{id}/password and links with POST /patrons/{id}/extended_attributes; nothing here renews a family's card."""


class IlsClause(Clause):
    """The ILS and how to reach it; its secret is ``firstcard/ils/<library>``."""

    adapter: Literal["koha"]
    endpoint: Url
    requests_per_second: Annotated[float, Field(gt=0, le=100)]
    token_attribute: AttributeCode


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
