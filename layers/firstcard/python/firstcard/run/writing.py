"""From a run's stored facts to its receipt, and from the receipt to the e-mail about it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firstcard.agreement import Agreement, Library
from firstcard.card.chunk import CHANGED, IN_DOUBT, SERVED, STILL, Decision
from firstcard.card.fallout import FOR_THE_DISTRICT
from firstcard.receipt import Dropped, Outcome, Place, Receipt, Ring
from firstcard.roster import Reason
from firstcard.run.ledger import Run, Status

OUTCOMES = {
    Status.APPLIED: Outcome.APPLIED,
    Status.UNCHANGED: Outcome.UNCHANGED,
    Status.HELD: Outcome.HELD,
    Status.SUPERSEDED: Outcome.SUPERSEDED,
    Status.STOPPED: Outcome.STOPPED,
}


_ASIDE = (IN_DOUBT, SERVED)


def told_to_district(decisions: Mapping[str, int], agreement: Agreement) -> dict[str, int]:
    """A plan's decisions as a district may know them: who was a patron, or is another district's student, is the library's to know.

    A card that the family had already counts like one that is made. Who gets none because of it counts like whoever is new: as waiting, or where nobody waits as issued;
    and in later rosters like whoever is known.
    """
    new = Decision.ISSUE if agreement.route == "before_upload" else Decision.WAIT
    same = {str(Decision.LINK): Decision.ISSUE} | dict.fromkeys(_ASIDE, new)
    same |= dict.fromkeys((STILL + word for word in _ASIDE), Decision.NOTHING) | dict.fromkeys(
        (CHANGED + word for word in _ASIDE), Decision.UPDATE
    )
    told = {decision: count for decision, count in decisions.items() if decision not in same}
    for decision, like in same.items():
        if count := decisions.get(decision, 0):
            told[like] = told.get(like, 0) + count
    return {str(decision): count for decision, count in sorted(told.items())}


def fell_out_for_district(run: Run, agreement: Agreement) -> dict[str, dict[str, int]]:
    """What fell out of a run's plan as a district may know it, by reason."""
    return {str(reason): told_to_district(run.fell_out[reason], agreement) for reason in FOR_THE_DISTRICT if run.fell_out.get(reason)}


def done_for_district(run: Run, decisions: Mapping[str, int], agreement: Agreement) -> dict[str, int]:
    """A plan's decisions without those that fell out of it, as a district may know both."""
    done = Counter(told_to_district(decisions, agreement))
    for counts in fell_out_for_district(run, agreement).values():
        done.subtract(counts)
    return {decision: count for decision, count in sorted(done.items()) if count > 0}


def write_receipt(
    run: Run, agreement: Agreement, library: Library, summary: Mapping[str, Any], problems: Sequence[Sequence[Any]], *, at: datetime
) -> Receipt:
    """The receipt of an ended run. ``summary`` is its plan.json (empty if there was no plan), ``problems`` are (file, line, column, code)."""
    places = tuple(Place(file=f, line=line, column=column, reason=Reason(code)) for f, line, column, code in problems)
    held = tuple(Place(file="", line=0, column="", reason=Reason(code)) for code in run.holds)
    whole = tuple(p for p in places if p.reason == run.reason) or (
        (Place(file="", line=0, column="", reason=Reason(run.reason)),) if run.reason else ()
    )
    decisions = summary.get("decisions", {})
    told = done_for_district(run, decisions, agreement)
    fell_out = {reason: sum(counts.values()) for reason, counts in fell_out_for_district(run, agreement).items()}
    no_address = summary.get("waiting_without_address", 0)
    if agreement.route != "before_upload":
        no_address += summary.get("aside_without_address", 0)
    no_address = min(no_address, told.get("wait", 0))
    waiting = {"window": told.get("wait", 0) - no_address, "no_address": no_address}
    return Receipt(
        run_id=run.arrival.run_id,
        district=agreement.parties.lea.name,
        library=library.name,
        file_name=run.arrival.key.rsplit("/", 1)[-1],
        file_bytes=run.arrival.size,
        received_at=datetime.fromisoformat(run.arrival.received_at),
        finished_at=at,
        outcome=_outcome(run),
        reasons=() if run.status is Status.APPLIED else held if run.status is Status.HELD else whole,
        format=summary.get("format", ""),
        rows=summary.get("rows", 0),
        accepted=summary.get("accepted", 0),
        rejected={Reason(code): count for code, count in summary.get("rejected", {}).items()},
        excluded=summary.get("excluded", {}),
        of_age=summary.get("of_age", 0),
        decisions=told,
        fell_out=fell_out,
        waiting={cause: count for cause, count in waiting.items() if count},
        dropped=tuple(Dropped(file=f, column=c, forbidden=forbidden) for f, c, forbidden in summary.get("dropped", [])),
        problems=() if run.status is Status.REJECTED and not summary else places,
        contact=ring_of(agreement),
    )


def ring_of(agreement: Agreement) -> Ring:
    """Whom the agreement tells the district to ring."""
    contact = agreement.notices.contact
    return Ring(name=contact.name, email=contact.email, phone=contact.phone, deputy=contact.deputy.name if contact.deputy else "")


def _outcome(run: Run) -> Outcome:
    if run.status is Status.REJECTED:
        return Outcome.NOT_APPROVED if run.reason in (Reason.REJECTED_BY_LIBRARY, Reason.HELD_TOO_LONG) else Outcome.REJECTED
    return OUTCOMES.get(run.status, Outcome.FAILED)
