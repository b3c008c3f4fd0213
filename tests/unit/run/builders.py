"""A run ledger in memory, and a sweep's surroundings."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from firstcard.run.ledger import Arrival, DistrictState, Run, SnapshotState, Status

BUCKET = "firstcard-drop-pine-123456789012-us-east-1"
AT = "2026-11-22T06:00:00+00:00"


@dataclass
class MemoryLedger:
    """The run ledger as admission needs it; every change conditional on what was read."""

    runs: dict[str, Run] = field(default_factory=dict)

    def admit(self, arrival: Arrival, *, sharing: str) -> bool:
        if arrival.run_id in self.runs:
            return False
        self.runs[arrival.run_id] = Run(arrival, Status.ADMITTED, sharing)
        return True

    def run(self, run_id: str) -> Run | None:
        return self.runs.get(run_id)

    def move(self, run_id: str, to: Status, *, when: Sequence[Status], of_plan: str = "", **fields: object) -> bool:
        run = self.runs[run_id]
        if run.status not in when or (of_plan and run.plan_hash != of_plan):
            return False
        attempt = fields.pop("attempt", run.arrival.attempt)
        self.runs[run_id] = replace(run, status=to, arrival=replace(run.arrival, attempt=attempt), **fields)  # type: ignore[arg-type]
        return True

    def district(self, sharing: str) -> DistrictState:
        return DistrictState()

    def claim_content(self, sharing: str, content: str, run_id: str) -> bool:
        return True

    def note_content(self, run_id: str, content: str) -> None:
        pass

    def release_content(self, sharing: str, content: str, run_id: str) -> None:
        pass

    def waiting_runs(self, sharing: str) -> Sequence[Run]:
        return ()

    def overwritten(self, arrival: Arrival, *, sharing: str) -> bool:
        return False

    def take_lock(self, sharing: str, run_id: str, *, base_version: int) -> int | None:
        return 1

    def holds_lock(self, sharing: str, run_id: str, fence: int) -> bool:
        return True

    def release_lock(self, sharing: str, run_id: str, *, fence: int = 0, applied: DistrictState | None = None) -> None:
        pass

    def snapshot(self, sharing: str) -> SnapshotState:
        return SnapshotState()

    def advance_snapshot(self, sharing: str, to: SnapshotState, *, was: SnapshotState) -> bool:
        return True

    def suspended(self, sharing: str) -> bool:
        return False

    def reserve_serials(self, library: str, count: int, *, first: int) -> int:
        return first
