"""The words that agreements, sealing and key policies share: purposes, field groups, fields."""

from enum import StrEnum


class Purpose(StrEnum):
    """Why personal data may be opened; stated in every encryption context."""

    ISSUE_CARD = "issue_card"
    SYNC_ILS = "sync_ils"
    SEND_NOTICE = "send_notice"
    EVALUATE = "evaluate"
    MERGE_DELTA = "merge_delta"
    DEDUPLICATE = "deduplicate"
    SHOW_PIN = "show_pin"
    HAND_OUT = "hand_out"


class Group(StrEnum):
    """Fields that are sealed together under one data key.

    ``roster`` is what a district sent last, kept only where files of changes are agreed. ``patrons`` is a library's own extract of its patrons, under the
    library's own clause and never under an agreement with a district. ``students`` is what the students of one district are compared by with those of
    another one of the same library.
    """

    IDENTITY = "identity"
    AGE = "age"
    ENROLMENT = "enrolment"
    CARD = "card"
    PIN = "pin"
    CONTACT = "contact"
    ADDRESS = "address"
    ROSTER = "roster"
    STUDENTS = "students"
    PATRONS = "patrons"


FIELDS: dict[str, Group] = {
    "student_id": Group.IDENTITY,
    "state_id": Group.IDENTITY,
    "card_number": Group.IDENTITY,
    "last_name": Group.IDENTITY,
    "first_name": Group.IDENTITY,
    "middle_name": Group.IDENTITY,
    "suffix": Group.IDENTITY,
    "preferred_name": Group.IDENTITY,
    "birth_date": Group.AGE,
    "role": Group.ENROLMENT,
    "grade": Group.ENROLMENT,
    "school_id": Group.ENROLMENT,
    "school_name": Group.ENROLMENT,
    "homeroom": Group.ENROLMENT,
    "enrollment_status": Group.ENROLMENT,
    "in_service_area": Group.ENROLMENT,
    "contact_restricted": Group.ENROLMENT,
    "opt_out": Group.ENROLMENT,
    "consent_date": Group.ENROLMENT,
    "guardian_name": Group.CONTACT,
    "guardian_email": Group.CONTACT,
    "guardian_phone": Group.CONTACT,
    "guardian2_name": Group.CONTACT,
    "guardian2_email": Group.CONTACT,
    "student_email": Group.CONTACT,
    "staff_email": Group.CONTACT,
    "home_language": Group.CONTACT,
    "street": Group.ADDRESS,
    "city": Group.ADDRESS,
    "region": Group.ADDRESS,
    "postal_code": Group.ADDRESS,
    "phone": Group.ADDRESS,
}
"""Every field that a roster may bring, and the group it is sealed in."""

FORBIDDEN_FIELDS: tuple[str, ...] = (
    "ssn",
    "iep",
    "lunch_status",
    "race",
    "ethnicity",
    "medical",
    "immigration",
    "birth_country",
    "pronouns",
    "gender",
    "password",
)
"""Fields that no agreement can list: dropped unread, with a finding (NDPA special indicators; 34 CFR 99.3)."""

DIGITS = frozenset("0123456789")
LETTERS_AND_DIGITS = DIGITS | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
ID_CHARACTERS = LETTERS_AND_DIGITS | frozenset("abcdefghijklmnopqrstuvwxyz._:@/+={}-")
"""What a card number made of a district's own id may hold: an id is one word of these."""

NUMBER_FIELDS = {
    "prefix_student_id": "student_id",
    "student_id": "student_id",
    "state_id": "state_id",
    "supplied": "card_number",
    "library_barcode": "",
}
"""The field of the roster that each scheme makes a number of."""
