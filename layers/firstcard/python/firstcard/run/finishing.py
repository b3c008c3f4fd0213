"""The end of a run, whichever way it ended: manifest, lock, receipt, event. Safe to repeat at every point."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from firstcard.agreement import Agreement, Site
from firstcard.card.fallout import Became, with_the_rest
from firstcard.card.manifest import Manifest, half_applied
from firstcard.event import Event, new_event
from firstcard.report.census import census_body, census_key
from firstcard.roster import Reason
from firstcard.run.admission import ATTEMPTS
from firstcard.run.delivering import Places, deliver_receipt, folder_of, load_manifest, manifest_key, summary_of
from firstcard.run.facts import facts
from firstcard.run.ledger import DistrictState, Ledger, Run, Status
from firstcard.run.writing import done_for_district

ENDED = {
    Status.APPLIED: "applied",
    Status.REJECTED: "rejected",
    Status.SUPERSEDED: "superseded",
    Status.STOPPED: "stopped",
    Status.FAILED: "failed",
}


OVER = (Status.REJECTED, Status.UNCHANGED, Status.SUPERSEDED, Status.STOPPED)


@dataclass(frozen=True, slots=True)
class Finisher:
    """Ends runs."""

    site: Site
    ledger: Ledger
    places: Places
    emit: Callable[[Sequence[Event]], None]
    unnumbered: Callable[[str], Collection[str]]
    """Those who got no card in a run (its id) because of the number."""
    became: Callable[[str], Became]
    """What became of the lines of a run (its id) that were issued."""

    def finish(self, state: Mapping[str, Any], *, at: datetime) -> str:
        """End the run that the state machine's ``state`` tells of; gives the status it ended with."""
        run = self.ledger.run(state["run_id"])
        if run is None:
            raise LookupError("the run is not in the ledger")
        agreement = self.site.of_sharing(run.sharing, at.date())
        if agreement is None:
            return str(run.status)
        run = self._with_fallout(self._settle(run, state, agreement, at))
        if run.content:
            self.ledger.release_content(run.sharing, run.content, run.arrival.run_id)
        deliver_receipt(run, agreement, self.site.library(agreement.library), self.places, at=at)
        self._tell(run, agreement, at)
        return str(run.status)

    def _settle(self, run: Run, state: Mapping[str, Any], agreement: Agreement, at: datetime) -> Run:
        run_id = run.arrival.run_id
        if "error" in state:
            stopped = not agreement.in_force(at.date()) or self.ledger.suspended(run.sharing)
            to, reason = (Status.STOPPED, Reason.AGREEMENT_SUSPENDED) if stopped else (Status.FAILED, Reason.RUN_FAILED)
            self.ledger.move(run_id, to, when=(Status.ADMITTED, Status.READY, Status.APPROVED, Status.ISSUING), reason=str(reason))
        elif run.status is Status.ISSUING:
            self._apply(run, agreement)
        elif run.status is Status.HELD:
            self.ledger.move(run_id, Status.REJECTED, when=(Status.HELD,), reason=str(Reason.HELD_TOO_LONG))
        after = self.ledger.run(run_id)
        assert after is not None, "runs are never removed"
        if after.status in OVER or (after.status is Status.FAILED and after.arrival.attempt >= ATTEMPTS):
            self._give_up(after)
        return after

    def _with_fallout(self, run: Run) -> Run:
        """The run with what fell out of its plan on record: of a repeated chunk once, and if it did not come to its end with what was not reached."""
        if run.status not in (Status.APPLIED, Status.STOPPED, Status.FAILED) or not run.chunks_prefix:
            return run
        done = self.became(run.arrival.run_id)
        if run.status is not Status.APPLIED:
            lines = summary_of(run, self.places).get("lines")
            done = done if lines is None else with_the_rest(done, lines)
        if done.fell_out == run.fell_out:
            return run
        self.ledger.move(run.arrival.run_id, run.status, when=(run.status,), fell_out=done.fell_out)
        return replace(run, fell_out=done.fell_out)

    def _give_up(self, run: Run) -> None:
        """Give the lock back for good. A run that had begun may have written some chunks: the next roster must look at all that it touched.

        A failed run that will be tried again keeps the lock: its plan is replayed before any other file is looked at.
        """
        run_id = run.arrival.run_id
        body = self.places.get(f"{folder_of(run)}/manifest.json.gz") if run.fence else None
        if body is None:
            self.ledger.release_lock(run.sharing, run_id)
            return
        half = half_applied(load_manifest(self.places, run.sharing, run.base_version), Manifest.from_bytes(body))
        self.places.put(manifest_key(run.sharing, half.version), half.to_bytes())
        before = self.ledger.district(run.sharing)
        applied = DistrictState(manifest_version=half.version, applied_received_at=before.applied_received_at)
        self.ledger.release_lock(run.sharing, run_id, applied=applied)

    def _apply(self, run: Run, agreement: Agreement) -> None:
        """Advance the manifest and give the lock back in one write; a repeat finds the lock gone and only moves the run's status."""
        body = self.places.get(f"{folder_of(run)}/manifest.json.gz")
        if body is None:
            raise LookupError("the run's manifest is not in the vault")
        claims = any(clause.field for clause in (agreement.card.number, agreement.card.staff_number))
        without = self.unnumbered(run.arrival.run_id) if claims and run.chunks_prefix else ()
        if without:
            body = without_numbers(Manifest.from_bytes(body), without).to_bytes()
        self.places.put(manifest_key(run.sharing, run.base_version + 1), body)
        if census := summary_of(run, self.places).get("census"):
            self.places.put(census_key(run.sharing, run.arrival.received_at, run.base_version + 1), census_body(census))
        # A file of changes may be applied after one that came later.
        newest = max(self.ledger.district(run.sharing).applied_received_at, run.arrival.received_at)
        content = "" if without else run.content
        applied = DistrictState(manifest_version=run.base_version + 1, content=content, applied_received_at=newest)
        self.ledger.release_lock(run.sharing, run.arrival.run_id, applied=applied)
        self.ledger.move(run.arrival.run_id, Status.APPLIED, when=(Status.ISSUING,))

    def _tell(self, run: Run, agreement: Agreement, at: datetime) -> None:
        outcome = ENDED.get(run.status)
        if outcome is None:
            return
        common = facts(agreement, run.arrival.run_id, at)
        key = f"{run.arrival.run_id}\0{run.arrival.attempt}\0{outcome}"
        if run.status is Status.REJECTED and not run.plan_hash:
            self.emit([new_event("RosterRejected", key=key, **common, reason=run.reason)])
            return
        said = summary_of(run, self.places)
        counts = {
            "rows": said.get("rows", 0),
            "accepted": said.get("accepted", 0),
            "rejected": sum(said.get("rejected", {}).values()),
            "decisions": done_for_district(run, said.get("decisions", {}), agreement),
        }
        self.emit([new_event("RosterProcessed", key=key, **common, outcome=outcome, **counts)])


def without_numbers(manifest: Manifest, tokens: Collection[str]) -> Manifest:
    """The manifest after a run in which these got no card: to the next roster they are new, and the same roster says something new."""
    return replace(manifest, content="", patrons={token: known for token, known in manifest.patrons.items() if token not in tokens})
