"""The receipt of a roster: what became of the file, for the people of the district who sent it. Never a value from the file."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from firstcard.roster.reading import EXCLUSIONS, DroppedColumn, Reading
from firstcard.roster.reasons import REASONS, Problem, Reason, Refusal
from firstcard.roster.recognise import safe_file_name


class Outcome(StrEnum):
    """What became of the file."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    HELD = "held"
    NOT_APPROVED = "not_approved"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    STOPPED = "stopped"
    FAILED = "failed"


OUTCOMES: dict[Outcome, tuple[str, str]] = {
    Outcome.APPLIED: ("Applied", "The file was read and what it asks for is done, or waits for the days that families have."),
    Outcome.UNCHANGED: ("Nothing new", "The file says what the last one said. Nothing was changed."),
    Outcome.HELD: ("Waits for a person", "The file was read, but nothing is applied until somebody at the library has looked."),
    Outcome.NOT_APPROVED: ("Not approved", "Somebody looked at what the file would do and did not approve it. Nothing was changed."),
    Outcome.SUPERSEDED: (
        "Overtaken",
        "A newer file came before this one was approved and took its place. Nothing of this one was applied.",
    ),
    Outcome.REJECTED: ("Refused", "Nothing of the file was used. What was known before stays as it is; no card ends because of this file."),
    Outcome.STOPPED: (
        "Stopped",
        "The agreement was suspended or ended while the file was being worked on. What was not done yet will not be done.",
    ),
    Outcome.FAILED: (
        "Failed on our side",
        "Something went wrong on our side while the file was being worked on. It is safe to send it again.",
    ),
}
"""A heading and a sentence for each outcome."""

_NEXT: dict[Outcome, str] = {
    Outcome.APPLIED: "Nothing needs to be done for the file as a whole.",
    Outcome.UNCHANGED: "If you expected news, check that the export ran before the upload.",
    Outcome.HELD: "The library decides. You may also correct the export and send it again: the newer file takes the place of this one.",
    Outcome.NOT_APPROVED: "Ring the contact below, correct the export and send it again.",
    Outcome.SUPERSEDED: "Look at the receipt of the newer file.",
    Outcome.REJECTED: "Correct what is named above and send the file again.",
    Outcome.STOPPED: "Ring the contact below before you send another file.",
    Outcome.FAILED: "We have been told by the system. Send the file again tomorrow, or ring the contact below.",
}

Text = Annotated[str, Field(max_length=400)]
Count = Annotated[int, Field(ge=0)]
FileName = Annotated[str, AfterValidator(lambda name: safe_file_name(name) if name else "")]


class Part(BaseModel):
    """A block of the receipt: frozen, unknown keys refused, and no input in its errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Ring(Part):
    """Whom to ring, and who answers when that person is away."""

    name: Text
    email: Text
    phone: Text
    deputy: Text = ""


class Place(Part):
    """One problem: where, and which."""

    file: FileName
    line: int
    column: Text
    reason: Reason

    @property
    def severity(self) -> str:
        """How grave it is."""
        return REASONS[self.reason].severity


class Dropped(Part):
    """A column that was not read; ``forbidden`` where it may never be sent and held values."""

    file: FileName
    column: Text
    forbidden: bool


class Receipt(Part):
    """Everything that the three forms of a receipt are made of.

    ``rows`` = ``accepted`` + the sum of ``rejected``; ``excluded`` are those of the accepted that get no card now. ``decisions`` counts people by what
    is done for them, ``waiting`` the cards that wait, by cause. ``reasons`` say why the file was refused or is held.
    """

    run_id: Text
    district: Text
    library: Text
    file_name: FileName
    file_bytes: Count
    received_at: datetime
    finished_at: datetime
    outcome: Outcome
    reasons: tuple[Place, ...] = ()
    format: Text = ""
    rows: Count = 0
    accepted: Count = 0
    rejected: dict[Reason, Count] = Field(default_factory=dict)
    excluded: dict[Text, Count] = Field(default_factory=dict)
    of_age: Count = 0
    decisions: dict[Text, Count] = Field(default_factory=dict)
    waiting: dict[Text, Count] = Field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    problems: tuple[Place, ...] = ()
    contact: Ring

    @field_validator("received_at", "finished_at")
    @classmethod
    def _in_utc(cls, at: datetime) -> datetime:
        if at.tzinfo is None:
            raise ValueError("a receipt's times need their time zone")
        return at.astimezone(UTC)

    def headline(self) -> tuple[str, str]:
        """The outcome in a word or two, and in a sentence."""
        return OUTCOMES[self.outcome]

    def next_steps(self) -> tuple[str, ...]:
        """What the sender can do now, the most urgent first."""
        steps = [REASONS[place.reason].advice for place in self.reasons] or [_NEXT[self.outcome]]
        if self.reasons and self.outcome not in (Outcome.REJECTED, Outcome.HELD):
            steps.append(_NEXT[self.outcome])
        if any(drop.forbidden for drop in self.dropped):
            steps.append(
                "Take the columns that may never be sent out of the export; they are listed below. Their values were not read, and both officers get this receipt by e-mail."
            )
        if self.rejected:
            steps.append("Correct the rejected rows in the student information system. The next export brings them by itself.")
        return tuple(dict.fromkeys(steps))


def receipt_of(
    result: Reading | Refusal,
    *,
    run_id: str,
    district: str,
    library: str,
    file_name: str,
    file_bytes: int,
    received_at: datetime,
    finished_at: datetime,
    contact: Ring,
    outcome: Outcome = Outcome.APPLIED,
    holds: Iterable[Reason] = (),
    decisions: Mapping[str, int] | None = None,
    waiting: Mapping[str, int] | None = None,
    more_problems: Iterable[Problem] = (),
) -> Receipt:
    """The receipt of a reading, or of a refusal, whose outcome is always ``rejected``. ``more_problems`` are those that showed only while planning."""
    given = {
        "run_id": run_id,
        "district": district,
        "library": library,
        "file_name": file_name,
        "file_bytes": file_bytes,
        "received_at": received_at,
        "finished_at": finished_at,
        "contact": contact,
    }
    if isinstance(result, Refusal):
        return Receipt(**given, outcome=Outcome.REJECTED, reasons=(_refused(result, file_name),))
    rejected = sum(result.rejected.values())
    return Receipt(
        **given,
        outcome=outcome,
        reasons=tuple(Place(file="", line=0, column="", reason=reason) for reason in holds),
        format=result.format,
        rows=result.rows,
        accepted=result.rows - rejected,
        rejected=result.rejected,
        excluded=result.excluded,
        of_age=result.of_age,
        decisions=dict(decisions or {}),
        waiting=dict(waiting or {}),
        dropped=tuple(_dropped(column) for column in result.dropped),
        problems=tuple(_place(problem) for problem in (*result.problems, *more_problems)),
    )


def words_of(exclusion: str) -> str:
    """The words of an exclusion, for people; the word itself where it is not one of ours."""
    return next((words for known, words in EXCLUSIONS.items() if known == exclusion), exclusion)


def _refused(refusal: Refusal, file_name: str) -> Place:
    return Place(file=refusal.file or file_name, line=refusal.line or 0, column=refusal.column, reason=refusal.reason)


def _place(problem: Problem) -> Place:
    return Place(file=problem.file, line=problem.line, column=problem.column, reason=problem.reason)


def _dropped(column: DroppedColumn) -> Dropped:
    return Dropped(file=column.file, column=column.column, forbidden=column.forbidden)
