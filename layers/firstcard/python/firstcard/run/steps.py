"""The steps of a run around the issuing: hold, begin, finish."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firstcard.agreement import Site
from firstcard.event import Event, new_event
from firstcard.run.delivering import Places, deliver_receipt
from firstcard.run.facts import facts
from firstcard.run.ledger import Ledger, Run, Status
from firstcard.run.writing import told_to_district


@dataclass(frozen=True, slots=True)
class Holder:
    """Lets a held run wait for a person. The ledger decides; the task token only wakes the state machine."""

    site: Site
    ledger: Ledger
    places: Places
    emit: Callable[[Sequence[Event]], None]
    wake: Callable[[Run, str], None]

    def hold(self, run_id: str, *, token: str, at: datetime) -> None:
        """Remember how to wake the run and tell the district that it waits, or wake it at once if the decision was quicker. Raises LookupError for an unknown run."""
        self.ledger.move(run_id, Status.HELD, when=(Status.HELD,), task_token=token)
        run = _known(self.ledger, run_id)
        if run.status is Status.HELD:
            agreement = self.site.of_sharing(run.sharing, at.date())
            assert agreement is not None, "a held run belongs to an agreement"
            deliver_receipt(run, agreement, self.site.library(agreement.library), self.places, at=at)
            held = new_event(
                "RosterHeld",
                key=f"{run_id}\0{run.plan_hash}",
                **facts(agreement, run_id, at),
                reasons=tuple(run.holds),
                plan_hash=run.plan_hash,
                decisions=told_to_district(run.counts, agreement),
            )
            self.emit([held])
            return
        decision = {Status.APPROVED: "approved", Status.SUPERSEDED: "superseded"}.get(run.status, "rejected")
        self.wake(replace(run, task_token=token), decision)


def decide_held(ledger: Ledger, run_id: str, *, approve: bool, plan_hash: str, by: str) -> Run | None:
    """Record a person's decision on the plan that the person saw; None if the plan is no longer that one or no longer waits."""
    run = ledger.run(run_id)
    if run is None or not plan_hash or run.plan_hash != plan_hash:
        return None
    to = Status.APPROVED if approve else Status.REJECTED
    reason = {} if approve else {"reason": "REJECTED_BY_LIBRARY"}
    if not ledger.move(run_id, to, when=(Status.HELD,), of_plan=plan_hash, decided_by=by, **reason):
        return None
    return ledger.run(run_id)


@dataclass(frozen=True, slots=True)
class Begun:
    """Whether issuing may start, under which fencing number, on which chunks."""

    outcome: str
    fence: int = 0
    chunks_prefix: str = ""

    def as_state(self) -> dict[str, str | int]:
        """As JSON for the state machine."""
        return {"outcome": self.outcome, "fence": self.fence, "chunks_prefix": self.chunks_prefix}


def begin(run_id: str, *, site: Site, ledger: Ledger, at: datetime) -> Begun:
    """Take the district's lock for this run.

    ``go`` with a fencing number, or ``nothing`` if the plan has no chunk; ``stale`` if another roster was applied since the plan was made (plan again); ``busy`` while another run issues;
    ``stopped`` if the agreement is not in force any more, the run was superseded, or the roll-over has begun before the run's first chunk.
    """
    run = _known(ledger, run_id)
    agreement = site.of_sharing(run.sharing, at.date())
    if agreement is None or not agreement.in_force(at.date()) or ledger.suspended(run.sharing):
        ledger.move(run_id, Status.STOPPED, when=(Status.READY, Status.APPROVED, Status.ISSUING), reason="AGREEMENT_SUSPENDED")
        return Begun("stopped")
    if run.status not in (Status.READY, Status.APPROVED, Status.ISSUING):
        return Begun("stopped")
    calendar = agreement.exchange.calendar
    if not run.fence and calendar.is_rollover(calendar.date_of(at)):
        ledger.move(run_id, Status.REJECTED, when=(Status.READY, Status.APPROVED), reason="ROLLOVER")
        return Begun("stopped")
    fence = ledger.take_lock(run.sharing, run_id, base_version=run.base_version)
    if fence is None:
        state = ledger.district(run.sharing)
        return Begun("stale" if state.manifest_version != run.base_version else "busy")
    if not ledger.move(run_id, Status.ISSUING, when=(Status.READY, Status.APPROVED, Status.ISSUING), fence=fence):
        ledger.release_lock(run.sharing, run_id, fence=fence)
        return Begun("stopped")
    return Begun("go" if run.chunks_prefix else "nothing", fence, run.chunks_prefix)


def may_issue(run_id: str, *, sharing: str, fence: int, site: Site, ledger: Ledger, at: datetime) -> bool:
    """Whether a chunk may be issued now: agreement in force, not suspended, and the lock still ours."""
    agreement = site.of_sharing(sharing, at.date())
    return (
        agreement is not None
        and agreement.in_force(at.date())
        and not ledger.suspended(sharing)
        and ledger.holds_lock(sharing, run_id, fence)
    )


def _known(ledger: Ledger, run_id: str) -> Run:
    run = ledger.run(run_id)
    if run is None:
        raise LookupError(f"run {run_id} is not in the ledger")
    return run
