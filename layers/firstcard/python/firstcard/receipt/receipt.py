"""The receipt of a roster: what became of the file, for the people of the district who sent it. Never a value from the file."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from firstcard.roster.reading import DroppedColumn, Reading
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
    TRIAL_ACCEPTABLE = "trial_acceptable"
    TRIAL_HELD = "trial_held"
    TRIAL_REFUSED = "trial_refused"


TRIALS = (Outcome.TRIAL_ACCEPTABLE, Outcome.TRIAL_HELD, Outcome.TRIAL_REFUSED)
"""What can become of a file in the trial folder."""

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
    Outcome.TRIAL_ACCEPTABLE: (
        "Trial: acceptable",
        "Sent for good, the file would be taken. Rejected rows would be left out until they are corrected.",
    ),
    Outcome.TRIAL_HELD: (
        "Trial: would be held",
        "Sent for good, the file would be read, and then wait until somebody at the library has looked.",
    ),
    Outcome.TRIAL_REFUSED: ("Trial: not usable", "Sent for good, the file would be refused: nothing of it would be used."),
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
    Outcome.TRIAL_ACCEPTABLE: "When you are ready, put the file into incoming/.",
    Outcome.TRIAL_HELD: "Put the corrected file into try/ as often as you like.",
    Outcome.TRIAL_REFUSED: "Put the corrected file into try/ as often as you like.",
}

NOTHING_DONE = "This was a trial: nothing was kept, nothing was issued, no card was made."
ROWS_ONLY = (
    "The file holds changes only (delta). Their columns, dates and status words were looked at; what comes of them together with the files before was not, "
    "and shows only when it is sent for good."
)
NOT_COMPARED = (
    "The file was not compared with the last roster: how many students are missing, new or changed, and whether a first file waits for a person, "
    "shows only when it is sent for good."
)

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
    is done for them, ``fell_out`` those for whom it was planned and had stopped being true, by reason, ``waiting`` the cards that wait, by cause. ``reasons`` say why the file was refused or is held. ``rows_only`` says that the file holds
    changes, which were looked at without what they change.
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
    rows_only: bool = False
    rows: Count = 0
    accepted: Count = 0
    rejected: dict[Reason, Count] = Field(default_factory=dict)
    excluded: dict[Text, Count] = Field(default_factory=dict)
    of_age: Count = 0
    decisions: dict[Text, Count] = Field(default_factory=dict)
    fell_out: dict[Text, Count] = Field(default_factory=dict)
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

    @property
    def trial(self) -> bool:
        """Whether the file was only tried."""
        return self.outcome in TRIALS

    def remarks(self) -> tuple[str, ...]:
        """What stands above everything else: that a trial was none but a trial, and what it could not show."""
        if not self.trial:
            return ()
        remarks = (NOTHING_DONE, ROWS_ONLY) if self.rows_only else (NOTHING_DONE,)
        return remarks if self.outcome is Outcome.TRIAL_REFUSED else (*remarks, NOT_COMPARED)

    def headline(self) -> tuple[str, str]:
        """The outcome in a word or two, and in a sentence."""
        return OUTCOMES[self.outcome]

    def next_steps(self) -> tuple[str, ...]:
        """What the sender can do now, the most urgent first."""
        steps = [REASONS[place.reason].advice for place in self.reasons] or [_NEXT[self.outcome]]
        if self.reasons and self.outcome not in (Outcome.REJECTED, Outcome.HELD):
            steps.append(_NEXT[self.outcome])
        if any(drop.forbidden for drop in self.dropped):
            told = "" if self.trial else ", and both officers get this receipt by e-mail"
            steps.append(
                f"Take the columns that may never be sent out of the export; they are listed below. Their values were not read{told}."
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
    """The receipt of a reading, or of a refusal, whose outcome is ``rejected`` unless it was a trial. ``more_problems`` are those that showed only while planning."""
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
        refused = outcome if outcome in TRIALS else Outcome.REJECTED
        return Receipt(**given, outcome=refused, reasons=(_refused(result, file_name),))
    rejected = sum(result.rejected.values())
    return Receipt(
        **given,
        outcome=outcome,
        reasons=tuple(Place(file="", line=0, column="", reason=reason) for reason in holds),
        format=result.format,
        rows_only=result.rows_only,
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


def _refused(refusal: Refusal, file_name: str) -> Place:
    return Place(file=refusal.file or file_name, line=refusal.line or 0, column=refusal.column, reason=refusal.reason)


def _place(problem: Problem) -> Place:
    return Place(file=problem.file, line=problem.line, column=problem.column, reason=problem.reason)


def _dropped(column: DroppedColumn) -> Dropped:
    return Dropped(file=column.file, column=column.column, forbidden=column.forbidden)
