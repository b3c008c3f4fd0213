"""What an agreement says about reading a roster, compiled once per file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from firstcard.agreement import Agreement
from firstcard.agreement.model import Condition, LeftOut, ServiceArea
from firstcard.roster.person import Role

STUDENT_FIELDS = frozenset(
    {
        "student_id",
        "state_id",
        "card_number",
        "last_name",
        "first_name",
        "middle_name",
        "suffix",
        "preferred_name",
        "birth_date",
        "grade",
        "school_id",
        "school_name",
        "homeroom",
        "enrollment_status",
        "contact_restricted",
        "opt_out",
        "consent_date",
        "guardian_name",
        "guardian_email",
        "student_email",
        "home_language",
        "street",
        "city",
        "region",
        "postal_code",
        "phone",
        "in_service_area",
    }
)
"""The fields of a student that are carried on; an agreed field that is not among them is dropped like any other."""

STAFF_FIELDS = frozenset(
    {
        "student_id",
        "card_number",
        "last_name",
        "first_name",
        "middle_name",
        "suffix",
        "preferred_name",
        "school_id",
        "school_name",
        "enrollment_status",
        "opt_out",
        "staff_email",
        "home_language",
    }
)
"""The fields of a member of staff: no birth date, no grade, no address."""

STRUCTURAL_FIELDS = frozenset({"student_id", "role", "opt_out"})
"""Read whether listed or not: without the id there is no row, and a family's no is never dropped."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The clauses that decide how a roster is read.

    ``fields`` are the agreed fields with whether each is required; ``schools``, ``grades`` and ``staff_roles`` are None for all; ``left_out`` are
    groups by name; ``area`` is the service area where somebody outside it may get no card. ``encoding`` is that of text without a byte order mark. ``deltas`` says whether a file may hold changes only, ``flagged``
    whether a plain table must say who refused: a column that is missing would lose every no.
    """

    fields: Mapping[str, bool]
    conditions: Mapping[str, Condition]
    mapping: Mapping[str, str]
    forbidden: frozenset[str]
    reject_forbidden: bool
    route: Literal["before_upload", "window", "opt_in"]
    schools: frozenset[str] | None
    grades: frozenset[str] | None
    staff: bool
    organisations: frozenset[str]
    max_bytes: int
    flagged: bool = False
    staff_roles: frozenset[str] | None = None
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    area: ServiceArea | None = None
    encoding: str = field(default="utf-8")
    deltas: bool = False

    @classmethod
    def of(cls, agreement: Agreement) -> "Terms":
        """Compile them from an agreement."""
        rollout, area = agreement.rollout, agreement.card.service_area
        return cls(
            fields={name: clause.required for name, clause in agreement.fields.items()},
            conditions={name: clause.condition for name, clause in agreement.fields.items() if clause.condition},
            mapping=dict(agreement.exchange.mapping),
            forbidden=frozenset(agreement.forbidden_fields),
            reject_forbidden=agreement.forbidden_columns == "reject",
            route=agreement.route,
            schools=None if rollout.schools == "all" else frozenset(rollout.schools),
            grades=None if rollout.grades == "all" else frozenset(rollout.grades),
            staff=bool(rollout.staff),
            staff_roles=None if isinstance(rollout.staff, bool) else frozenset(rollout.staff),
            left_out=rollout.leave_out,
            area=area if area and ({area.outside, *area.by_school.values()} & {"skip", "ask"}) else None,
            # A school that the agreement names by itself is the district's too; a plain CSV brings schools only, never the district's own id.
            organisations=frozenset(
                {
                    *agreement.exchange.organisation_ids,
                    *agreement.card.home_branch.by_school,
                    *(rollout.schools if rollout.schools != "all" else ()),
                }
            ),
            max_bytes=agreement.exchange.max_megabytes * 1_000_000,
            deltas=agreement.exchange.deltas,
            flagged="opt_out" in agreement.fields or "opt_out" in agreement.exchange.mapping,
        )

    def group_of(self, *, school: str, grade: str, status: str) -> str:
        """The first group without cards that a student belongs to; empty if none."""
        for name, group in self.left_out.items():
            if group.schools and school not in group.schools:
                continue
            if group.grades != "all" and grade not in group.grades:
                continue
            if not group.statuses or status.strip(" \t").casefold() in {word.casefold() for word in group.statuses}:
                return name
        return ""

    def group_fields(self) -> frozenset[str]:
        """The fields that tell who is in a group or outside the area: without their columns everybody would get a card."""
        said = {"school_id": "schools", "enrollment_status": "statuses"}
        fields = {self.area.field} if self.area else set()
        fields |= {name for group in self.left_out.values() for name, clause in said.items() if getattr(group, clause)}
        return frozenset(fields | {"grade" for group in self.left_out.values() if group.grades != "all"})

    def knows_status(self, status: str) -> bool:
        """Whether an enrolment status is a word of this agreement's own."""
        return any(status.strip(" \t").casefold() == word.casefold() for group in self.left_out.values() for word in group.statuses)

    def reads(self, name: str) -> bool:
        """Whether the field may be read at all."""
        return name in STRUCTURAL_FIELDS or (name in self.fields and name in STUDENT_FIELDS | STAFF_FIELDS)

    def required(self, role: Role) -> tuple[str, ...]:
        """The fields that a person of this role must have, the id first."""
        carried = STUDENT_FIELDS if role is Role.STUDENT else STAFF_FIELDS
        return (
            "student_id",
            *(name for name, needed in self.fields.items() if needed and name in carried and name != "student_id" and name != "opt_out"),
        )
