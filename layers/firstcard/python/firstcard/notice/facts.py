"""What the school gave to the library, in a family's words, straight from the agreement's fields, purposes and prohibited uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from firstcard.notice.language import Language

if TYPE_CHECKING:
    from firstcard.agreement import Agreement

FAMILY_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("name", ("last_name", "first_name", "middle_name", "suffix")),
    ("preferred_name", ("preferred_name",)),
    ("student_id", ("student_id",)),
    ("state_id", ("state_id",)),
    ("card_number", ("card_number",)),
    ("birth_date", ("birth_date",)),
    ("grade", ("grade",)),
    ("school", ("school_id", "school_name")),
    ("homeroom", ("homeroom",)),
    ("enrolled", ("role", "enrollment_status")),
    ("area", ("in_service_area",)),
    ("contact_limits", ("contact_restricted",)),
    ("refused", ("opt_out",)),
    ("consented", ("consent_date",)),
    ("guardian_name", ("guardian_name", "guardian2_name")),
    ("guardian_email", ("guardian_email", "guardian2_email")),
    ("guardian_phone", ("guardian_phone",)),
    ("student_email", ("student_email",)),
    ("language", ("home_language",)),
    ("address", ("street",)),
    ("zip", ("city", "region", "postal_code")),
    ("phone", ("phone",)),
)
"""Which of the agreement's fields a family reads as one fact, and the key of its words. A street makes city and ZIP code part of the home address."""

STAFF_WORDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("staff.field", "name", ("last_name", "first_name", "middle_name", "suffix")),
    ("staff.field", "preferred_name", ("preferred_name",)),
    ("staff.field", "student_id", ("student_id",)),
    ("facts.field", "birth_date", ("birth_date",)),
    ("facts.field", "school", ("school_id", "school_name")),
    ("facts.field", "area", ("in_service_area",)),
    ("staff.field", "staff_email", ("staff_email",)),
    ("facts.field", "language", ("home_language",)),
    ("facts.field", "address", ("street",)),
    ("facts.field", "zip", ("city", "region", "postal_code")),
    ("facts.field", "phone", ("phone",)),
    ("facts.field", "card_number", ("card_number",)),
)
"""The same for staff; what only students have is left out."""


def family_facts(language: Language, agreement: Agreement) -> tuple[str, ...]:
    """The agreed facts about a student; those that are agreed for some students only say so."""
    spoken = []
    for word, fields in FAMILY_WORDS:
        shares = [_share(agreement, field, "student") for field in fields]
        if "all" in shares:
            spoken.append(language.say(f"facts.field.{word}"))
        elif "some" in shares:
            spoken.append(language.say("facts.some", field=language.say(f"facts.field.{word}")))
    return _without_zip_beside_address(language, spoken)


def staff_facts(language: Language, agreement: Agreement) -> tuple[str, ...]:
    """The agreed facts about a member of staff."""
    spoken = [
        language.say(f"{section}.{word}")
        for section, word, fields in STAFF_WORDS
        if any(_share(agreement, field, "staff") != "none" for field in fields)
    ]
    return _without_zip_beside_address(language, spoken)


def purposes(language: Language, agreement: Agreement) -> tuple[str, ...]:
    """What the agreement lets the library use the facts for."""
    return tuple(language.say(f"facts.purpose.{purpose}") for purpose in agreement.purposes)


def prohibited_uses(language: Language, agreement: Agreement) -> tuple[str, ...]:
    """What the agreement forbids by name."""
    return tuple(language.say(f"facts.prohibited.{use}") for use in agreement.prohibited_uses)


def _share(agreement: Agreement, field: str, role: Literal["student", "staff"]) -> Literal["all", "some", "none"]:
    """Of how many people in this role the field may be sent."""
    clause = agreement.fields.get(field)
    if clause is None:
        return "none"
    condition = clause.condition
    if condition is None:
        return "all"
    if condition.subject == "role":
        return "all" if condition.bound == role else "none"
    return "some"


def _without_zip_beside_address(language: Language, spoken: list[str]) -> tuple[str, ...]:
    whole, part = language.say("facts.field.address"), language.say("facts.field.zip")
    return tuple(each for each in spoken if not (each == part and whole in spoken))
