"""What would become of a roster by itself, whatever was there before: one verdict for planning, for the trial folder and for ``firstcard check``."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import FORBIDDEN_FIELDS
from firstcard.card.plan import at_shared_addresses, clause_of, too_many_rejected, unfit
from firstcard.roster import REASONS, Person, Problem, Reading, Reason, Refusal, Role
from firstcard.roster.canonical import COLUMNS
from firstcard.roster.recognise import read_under
from firstcard.roster.terms import Terms

MEGABYTE = 1_000_000

ASSUMED_REQUIRED = frozenset({"student_id", "last_name", "first_name"})
ASSUMED_MEGABYTES = 200
ASSUMED_MAX_REJECTED_PERCENT = 5.0


class Verdict(StrEnum):
    """What would become of the file."""

    ACCEPTABLE = "acceptable"
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: the reading or refusal, and the whole-file reasons against it, which are the agreement's where the file could be read."""

    result: Reading | Refusal
    reasons: tuple[Reason, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """What would become of the file if it were sent now."""
        if isinstance(self.result, Refusal) or any(REASONS[reason].severity == "fatal" for reason in self.reasons):
            return Verdict.REFUSED
        return Verdict.HELD if self.reasons else Verdict.ACCEPTABLE


def limit_of(agreement: Agreement | None) -> int:
    """The largest file, opened or not, in bytes."""
    return (agreement.exchange.max_megabytes if agreement else ASSUMED_MEGABYTES) * MEGABYTE


def closed(agreement: Agreement, *, on: date, suspended: bool = False) -> Reason | None:
    """Why no file at all is opened under the agreement on this day; None if files may come."""
    if not agreement.in_force(on):
        return Reason.AGREEMENT_NOT_IN_FORCE
    if suspended:
        return Reason.AGREEMENT_SUSPENDED
    notice = agreement.basis.notice
    if agreement.route == "before_upload" and notice and on <= notice.opt_out_by:
        return Reason.UPLOAD_BEFORE_OPT_OUT_DATE
    return None


def check_roster(data: bytes, name: str, agreement: Agreement | None, today: date) -> Checked:
    """Read an opened roster as planning does, and find what would hold or refuse it. What depends on earlier rosters is not looked at; of changes nothing but the rows."""
    result = read_under(data, file_name=name, terms=Terms.of(agreement) if agreement else assumed_terms(), today=today)
    if isinstance(result, Refusal):
        return Checked(result)
    result = as_planned(result, agreement)
    shut = closed(agreement, on=today) if agreement else None
    reasons = [shut] if shut else []
    if agreement and agreement.exchange.calendar.is_rollover(today):
        reasons.append(Reason.ROLLOVER)
    most = agreement.safety.max_rejected_percent if agreement else ASSUMED_MAX_REJECTED_PERCENT
    if not result.rows_only and too_many_rejected(sum(result.rejected.values()), len(result.people), most):
        reasons.append(Reason.TOO_MANY_REJECTED)
    return Checked(result, tuple(reasons))


def assumed_terms() -> Terms:
    """The terms of an agreement that lists every field of the FirstCard form, for everybody; ids and names are required."""
    return Terms(
        fields={name: name in ASSUMED_REQUIRED for name in COLUMNS},
        conditions={},
        mapping={},
        forbidden=frozenset(FORBIDDEN_FIELDS),
        reject_forbidden=False,
        route="window",
        schools=None,
        grades=None,
        staff=True,
        organisations=frozenset(),
        max_bytes=limit_of(None),
        deltas=True,
    )


def as_planned(reading: Reading, agreement: Agreement | None, numbered: Collection[tuple[str, str]] = ()) -> Reading:
    """The reading with what only the whole of it shows: people who can get no number under the agreement, and addresses that are nobody's letterbox.

    ``numbered`` are those by role and id who have a number that does not hang on their id.
    """
    return _with_letterboxes(without(reading, unfit(reading.people, agreement, numbered), agreement) if agreement else reading)


def without(reading: Reading, faulty: Mapping[int, Reason], numbers: Agreement | None = None) -> Reading:
    """The reading without the people at these places; who said no stays, for a no counts whatever else is wrong with the row.

    The fault is in the id, or in what the number is made of under the agreement ``numbers``.
    """
    if not faulty:
        return reading
    column = {role: (numbers and clause_of(role, numbers).field) or "student_id" for role in Role}
    people = reading.people.some(sorted(faulty))
    gone = {place: person for place, person in people.items() if not person.opt_out}
    return replace(
        _with_problems(reading, [(p, Problem(p.file, p.line, column[p.role], faulty[place])) for place, p in people.items()]),
        people=reading.people.without(gone),
        rejected=dict(Counter(reading.rejected) + Counter(faulty[place] for place in gone)),
        rejected_people=reading.rejected_people | {(p.role, p.local_id) for p in gone.values()},
    )


def _with_letterboxes(reading: Reading) -> Reading:
    """The reading without addresses that are placeholders: whoever has one waits like whoever has none."""
    theirs = reading.people.some(at_shared_addresses(reading.people))
    if not theirs:
        return reading
    return replace(
        _with_problems(reading, [(p, Problem(p.file, p.line, "guardian_email", Reason.SHARED_ADDRESS)) for p in theirs.values()]),
        people=reading.people.replaced({place: replace(p, email="") for place, p in theirs.items()}),
    )


def _with_problems(reading: Reading, found: Sequence[tuple[Person, Problem]]) -> Reading:
    known = {(p.role, p.local_id): (problem, *reading.problems_of.get((p.role, p.local_id), ())) for p, problem in found}
    return replace(reading, problems=(*reading.problems, *(problem for _, problem in found)), problems_of={**reading.problems_of, **known})
