"""One row of a roster that passed validation, in the field's own words."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Role(StrEnum):
    """Who the row is about; staff get educator cards."""

    STUDENT = "student"
    STAFF = "staff"


@dataclass(slots=True, unsafe_hash=True)
class Person:
    """A student or a member of staff, normalised: NFC, trimmed, ISO dates, lower-cased e-mails, CEDS grades.

    ``local_id`` is the district's student or employee id. ``birth_date`` is None when absent. ``grade`` is a CEDS code (``PK``, ``KG``, ``01`` … ``12``).
    ``language`` is a BCP 47 primary subtag (``en``, ``es``) or empty. ``email`` is the household's address: for students the guardian's (from 18 on
    the student's own, 34 CFR 99.5), for staff their own; empty if none. Where families refuse before the upload, a row with ``opt_out`` is an id and nothing else:
    its names are empty. A no is carried on from a faulty row too, with the faulty values empty.
    ``consent_date`` is the day on which the family said yes (ISO 8601), empty if the district has none on record.
    ``in_service_area`` is ``yes``, ``no``, or empty where nobody says. Fields that the agreement does not list are empty. A person is never changed, only replaced; it is not frozen, because making a frozen one takes seven
    times as long, and a roster holds a million.
    """

    file: str
    line: int
    role: Role
    local_id: str
    last_name: str
    first_name: str
    state_id: str = ""
    middle_name: str = ""
    suffix: str = ""
    preferred_name: str = ""
    birth_date: date | None = None
    grade: str = ""
    school_id: str = ""
    school_name: str = ""
    homeroom: str = ""
    email: str = ""
    language: str = ""
    guardian_name: str = ""
    opt_out: bool = False
    contact_restricted: bool = False
    street: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    phone: str = ""
    card_number: str = ""
    in_service_area: str = ""
    consent_date: str = ""

    def __repr__(self) -> str:
        """Where the row stood, never what it said: a repr ends up in logs and tracebacks."""
        return f"Person({self.file}:{self.line})"
