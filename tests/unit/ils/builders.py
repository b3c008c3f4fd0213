"""Valid things for tests of the ILS, and a library to put them into."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from urllib3 import PoolManager

from firstcard.adapters.koha import KohaIls
from firstcard.ils import CardKind, IlsPatron
from local.ils.rules import AttributeType, Rules
from local.ils.stand_in import StandIn

ATTRIBUTE = "FCTOKEN"
CLIENT, SECRET = "firstcard", "a secret of the test"


def a_patron(serial: int = 1, **changes: Any) -> IlsPatron:
    """A student with everything that the ILS may know; ``serial`` tells students apart."""
    patron = IlsPatron(
        token=f"{serial:032x}",
        number=f"904{serial:08d}",
        pin="4711",
        last_name=f"Quispe-{serial}",
        first_name="Anaïs",
        middle_name="del Carmen",
        patron_type="STUDENT",
        branch="MAIN",
        expires_on=date(2027, 9, 15),
        kind=CardKind.VIRTUAL,
        birth_date=date(2015, 3, 4),
        language="es",
    )
    return replace(patron, **changes)


def the_rules(**changes: Any) -> Rules:
    """A library with two branches, two patron types and a rule about duplicates."""
    settings: dict[str, Any] = {
        "branches": frozenset({"MAIN", "WEST"}),
        "patron_types": frozenset({"STUDENT", "STAFF", "ADULT"}),
        "attribute_types": {ATTRIBUTE: AttributeType(unique=True), "SHELF": AttributeType()},
        "clients": {CLIENT: SECRET},
        "duplicate_rule": ("surname", "firstname", "date_of_birth"),
    }
    return Rules(**settings | changes)


def that_day() -> datetime:
    return datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def koha(library: StandIn, *, confirm_separate: bool = False, secret: str = SECRET, **more: Any) -> KohaIls:
    return KohaIls(
        library.endpoint,
        CLIENT,
        secret,
        token_attribute=ATTRIBUTE,
        http=PoolManager(timeout=5.0),
        confirm_separate=confirm_separate,
        **more,
    )


def a_stranger(**changes: Any) -> dict[str, Any]:
    """A card that a family got by itself, with things that are none of our business."""
    return {
        "cardnumber": "21111000012345",
        "surname": "Okafor",
        "firstname": "Ngozi",
        "date_of_birth": "2015-03-04",
        "library_id": "WEST",
        "category_id": "ADULT",
        "expiry_date": "2030-01-01",
        "email": "family@example.org",
        "staff_notes": "has a library bag",
    } | changes


def plant(library: StandIn, stranger: dict[str, Any]) -> dict[str, Any]:
    """The stranger as the library now has it."""
    answer = library.patrons.create(stranger, confirmed=True, location="")
    assert answer.status == 201, answer
    return whole(library, answer.body["patron_id"])


def whole(library: StandIn, patron_id: int) -> dict[str, Any]:
    body = library.patrons.get(patron_id, frozenset({"extended_attributes"})).body
    assert isinstance(body, dict)
    return body


def ours(library: StandIn, token: str) -> list[dict[str, Any]]:
    """Every patron of the library that carries this token."""
    return [
        whole(library, listed["patron_id"])
        for listed in library.patrons.listing(page=1, per_page=-1)
        if listed["attributes"].get(ATTRIBUTE) == token
    ]
