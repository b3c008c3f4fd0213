"""What this library allows, and what a patron may look like: the stand-in's settings and the fields of Koha's patron."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["text", "date", "moment", "whole", "number", "yes-no", "object", "attributes"]

_TEXT_OR_NOTHING = """
    cardnumber surname firstname preferred_name middle_name title other_name initials pronouns street_number street_type address address2 city state
    postal_code country email phone mobile fax secondary_email secondary_phone altaddress_street_number altaddress_street_type altaddress_address
    altaddress_address2 altaddress_city altaddress_state altaddress_postal_code altaddress_country altaddress_email altaddress_phone staff_notes
    relationship_type gender userid opac_notes altaddress_notes statistics_1 statistics_2 altcontact_firstname altcontact_surname altcontact_address
    altcontact_address2 altcontact_city altcontact_state altcontact_postal_code altcontact_country altcontact_phone sms_number overdrive_auth_token
"""

FIELDS: Mapping[str, tuple[Kind, bool]] = {
    **dict.fromkeys(_TEXT_OR_NOTHING.split(), ("text", True)),
    **dict.fromkeys(("library_id", "category_id", "check_previous_checkout", "lang"), ("text", False)),
    **dict.fromkeys(("date_of_birth", "date_enrolled", "expiry_date", "date_renewed"), ("date", True)),
    **dict.fromkeys(("incorrect_address", "patron_card_lost"), ("yes-no", True)),
    **dict.fromkeys(("restricted", "anonymized", "autorenew_checkouts", "privacy_guarantor_fines", "protected"), ("yes-no", False)),
    **dict.fromkeys(("sms_provider_id", "login_attempts", "checkouts_count", "overdues_count"), ("whole", True)),
    **dict.fromkeys(("patron_id", "privacy", "privacy_guarantor_checkouts"), ("whole", False)),
    "account_balance": ("number", True),
    "updated_on": ("moment", False),
    "last_seen": ("moment", True),
    "library": ("object", True),
    "_strings": ("object", True),
    "extended_attributes": ("attributes", False),
}
"""Every key of a patron, with its kind and whether it may be null; any other key is refused."""

REQUIRED = ("surname", "library_id", "category_id")
READ_ONLY = frozenset({"restricted", "anonymized"})
COMPUTED = frozenset(
    {
        "patron_id",
        "updated_on",
        "last_seen",
        "login_attempts",
        "checkouts_count",
        "overdues_count",
        "account_balance",
        "library",
        "_strings",
    }
)
"""Keys that may be sent, and are then ignored: the library system keeps them itself."""

ON_REQUEST = frozenset({"extended_attributes", "checkouts_count", "overdues_count", "account_balance", "library", "_strings"})
"""Keys that an answer has only where they were asked for."""

EMPTY_PATRON: Mapping[str, Any] = {name: None for name, (_, nullable) in FIELDS.items() if nullable and name not in ON_REQUEST} | {
    "check_previous_checkout": "inherit",
    "lang": "default",
    "restricted": False,
    "anonymized": False,
    "autorenew_checkouts": True,
    "privacy": 1,
    "privacy_guarantor_checkouts": 0,
    "privacy_guarantor_fines": False,
    "protected": False,
    "login_attempts": 0,
}

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class AttributeType(BaseModel):
    """One kind of extended attribute that the library has set up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unique: bool = False
    repeatable: bool = False
    mandatory: bool = False


class Rules(BaseModel):
    """The library's own settings.

    ``clients`` maps OAuth2 client ids to their secrets. ``duplicate_rule`` names the fields that together mean "perhaps the same person"; empty for none.
    ``token_seconds`` is how long an access token lasts; ``pin_length`` the fewest characters of a password.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "Stand-in library"
    branches: frozenset[str]
    patron_types: frozenset[str]
    attribute_types: dict[str, AttributeType]
    clients: dict[str, str]
    duplicate_rule: tuple[str, ...] = ()
    pin_length: int = Field(default=4, ge=1)
    pin_strong: bool = False
    token_seconds: int = Field(default=3600, ge=0)
    expiry_months: int = Field(default=36, ge=1)


def mistakes(body: object) -> list[dict[str, str]]:
    """What is wrong with a patron that was sent, as a list of path and message; empty if nothing is."""
    if not isinstance(body, dict):
        return [{"path": "/body", "message": "Expected object."}]
    found = [{"path": f"/body/{name}", "message": "Missing property."} for name in REQUIRED if name not in body]
    for name, value in body.items():
        if name not in FIELDS:
            found.append({"path": "/body", "message": f"Properties not allowed: {name}."})
        elif name in READ_ONLY:
            found.append({"path": f"/body/{name}", "message": "Read-only."})
        else:
            kind, nullable = FIELDS[name]
            if value is None:
                if not nullable:
                    found.append({"path": f"/body/{name}", "message": "Expected something - got null."})
            elif not _fits(kind, value):
                found.append({"path": f"/body/{name}", "message": f"Expected {kind}."})
    return found


def _fits(kind: Kind, value: object) -> bool:
    if kind == "text":
        return isinstance(value, str)
    if kind == "yes-no":
        return isinstance(value, bool)
    if kind == "whole":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "object":
        return isinstance(value, dict)
    if kind == "date":
        return isinstance(value, str) and _is_date(value)
    if kind == "moment":
        return isinstance(value, str) and _is_date(value[:10]) and "T" in value
    return isinstance(value, list) and all(attribute_mistake(one) is None for one in value)


def attribute_mistake(one: object) -> str | None:
    """What is wrong with one extended attribute, or None."""
    if not isinstance(one, dict):
        return "Expected object."
    if not {"type", "value"} <= one.keys():
        return "Missing property."
    if not one.keys() <= {"extended_attribute_id", "type", "value"}:
        return "Properties not allowed."
    texts = isinstance(one["type"], str) and isinstance(one["value"], str)
    number = one.get("extended_attribute_id", 0)
    return None if texts and _fits("whole", number) else "Expected string."


def _is_date(value: str) -> bool:
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
