"""What comes out of reading a roster: the people, and everything that was not taken as it came."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from firstcard.roster.person import Role
from firstcard.roster.reasons import Problem, Reason, Refusal
from firstcard.roster.roll import Roll
from firstcard.roster.snapshot import Snapshot


class Exclusion(StrEnum):
    """Why a good row gets no card now; its value is the word that receipts count under."""

    OTHER_SCHOOL = "other_school"
    OTHER_GRADE = "other_grade"
    GROUP = "group"
    STAFF = "staff"
    OUTSIDE_AREA = "outside_area"
    AREA_ASKED = "area_asked"
    AFTER_PILOT = "after_pilot"
    NOT_ENABLED = "not_enabled"
    TO_BE_DELETED = "to_be_deleted"
    NOT_ENROLLED = "not_enrolled"
    PROCTOR = "proctor"
    DUPLICATE = "duplicate"


EXCLUSIONS: dict[Exclusion, str] = {
    Exclusion.OTHER_SCHOOL: "at a school that the agreement does not roll out to",
    Exclusion.OTHER_GRADE: "in a grade that the agreement does not roll out to",
    Exclusion.GROUP: "in a group that the agreement leaves out",
    Exclusion.STAFF: "staff, whom the agreement does not roll out to",
    Exclusion.OUTSIDE_AREA: "outside the library's service area",
    Exclusion.AREA_ASKED: "outside the library's service area, and the library has not decided yet what they get",
    Exclusion.AFTER_PILOT: "not among the first few cards, which the library tries before the others come with the next file",
    Exclusion.NOT_ENABLED: "marked as not enabled by the export",
    Exclusion.TO_BE_DELETED: "marked to be deleted by the export",
    Exclusion.NOT_ENROLLED: "not enrolled now",
    Exclusion.PROCTOR: "proctors, who get no card",
    Exclusion.DUPLICATE: "repeats of a row that was used",
}
"""The words of ``Exclusion`` in a sentence's end: "12 rows are …"."""


def words_of(exclusion: str) -> str:
    """The words of an exclusion, for people; the word itself where it is not one of ours."""
    known, _, group = exclusion.partition(" ")
    words = next((words for one, words in EXCLUSIONS.items() if one == known), exclusion)
    return f"{words}: {group}" if group else words


BY_THE_AGREEMENT = frozenset(
    {Exclusion.OTHER_SCHOOL, Exclusion.OTHER_GRADE, Exclusion.GROUP, Exclusion.STAFF, Exclusion.OUTSIDE_AREA, Exclusion.AREA_ASKED}
)
"""Those whom an edit of the agreement leaves out or takes in."""


@dataclass(frozen=True, slots=True)
class DroppedColumn:
    """A column that was not read. ``column`` is its header, made safe to print, or ``*`` for a whole file; ``forbidden`` only where it held values."""

    file: str
    column: str
    forbidden: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A roster that was read: ``rows`` (students and staff) = people + rejected + excluded.

    ``rejected`` counts each rejected row under its first reason, ``excluded`` the good rows that get no card now, by the words of ``Exclusion``.
    ``people`` holds everybody with a readable id and a no, whatever else is wrong with the row; its faults are among ``problems`` only.
    ``rejected_people`` are those who stood in a rejected row with a readable id (under both roles where the role cannot be told) and in no good one:
    their cards must not end for it. ``rows_without_id`` counts the rejected rows that may be anybody's.
    Lines of people are negative where a row came with an earlier file, those of problems 0. ``delta`` says that the upload held changes: then everything here is
    about the roster as it stands with them. ``snapshot`` is what has to be kept for the next changes, where such are agreed. ``rows_only`` says that changes
    were read without what they change.
    ``guardians`` counts the guardians' rows, ``of_age`` the students of 18 or more, whose guardians' contact was set aside (34 CFR 99.5).
    ``problems_of`` has, by role and id, why somebody's row was rejected or has no usable address, ``PLACES_OF_A_PERSON`` at most; ``excluded_people``
    why somebody who stands in no other row was left out. Both are for the one question why this person has no card.
    """

    format: str
    people: Roll = field(repr=False)
    problems: tuple[Problem, ...] = field(repr=False)
    rows: int
    rejected: dict[Reason, int]
    excluded: dict[str, int]
    dropped: tuple[DroppedColumn, ...]
    guardians: int = 0
    of_age: int = 0
    rejected_people: frozenset[tuple[Role, str]] = field(default=frozenset(), repr=False)
    rows_without_id: int = 0
    delta: bool = False
    rows_only: bool = False
    snapshot: Snapshot | None = field(default=None, repr=False)
    problems_of: Mapping[tuple[Role, str], tuple[Problem, ...]] = field(default_factory=dict, repr=False)
    excluded_people: Mapping[tuple[Role, str], Exclusion] = field(default_factory=dict, repr=False)


PLACES_OF_A_PERSON = 10
"""Problems that are remembered of one person: a hostile file may give one id to all of its rows."""

NO_ADDRESS = frozenset({Reason.BAD_EMAIL, Reason.GUARDIAN_UNUSABLE, Reason.DANGLING_GUARDIAN, Reason.SHARED_ADDRESS})
"""Why somebody whose row was used may have no e-mail address all the same."""


class RefusedError(Exception):
    """Inside this package: the file cannot be used. ``read_roster`` turns it into its ``Refusal``."""

    def __init__(self, reason: Reason, file: str = "", line: int | None = None, column: str = "") -> None:
        super().__init__(reason)
        self.refusal = Refusal(reason, file, line, column)
