"""The run ledger: what became of every file, who holds a district's lock, which agreement is suspended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from firstcard.agreement.vocabulary import Purpose


class Status(StrEnum):
    """Where a run stands. ``ready``, ``held`` and ``approved`` have a plan; the last six are ends."""

    ADMITTED = "admitted"
    READY = "ready"
    HELD = "held"
    APPROVED = "approved"
    ISSUING = "issuing"
    APPLIED = "applied"
    REJECTED = "rejected"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    STOPPED = "stopped"
    FAILED = "failed"


PLANNED = (Status.READY, Status.HELD, Status.APPROVED, Status.ISSUING, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A finished upload: one version of one object in a district's drop bucket. ``size`` in bytes, ``received_at`` ISO 8601 UTC.

    It makes a run for each library that the district shares with, and each of these has the upload under a ``run_id`` of its own.
    """

    run_id: str
    district: str
    bucket: str
    key: str
    version_id: str
    size: int
    received_at: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """A version of an object in ``try/``; ``newest`` if it is what the key stands for now, and not hidden by a removal or a later upload."""

    key: str
    version_id: str
    newest: bool


def receipt_key(run_id: str) -> str:
    """Where a run's receipt lies in the vault."""
    return f"runs/{run_id}/receipt.json"


@dataclass(frozen=True, slots=True)
class Run:
    """One run as the ledger has it. ``base_version`` is the manifest that the plan was made against; ``reason`` a reason code."""

    arrival: Arrival
    status: Status
    sharing: str = ""
    reason: str = ""
    plan_hash: str = ""
    chunks_prefix: str = ""
    base_version: int = 0
    content: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    fell_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By reason, what of ``counts`` was not applied (card/fallout.py); for the library alone."""
    holds: Sequence[str] = ()
    task_token: str = ""
    fence: int = 0


@dataclass(frozen=True, slots=True)
class DistrictState:
    """One data-sharing agreement's state: the applied manifest, when its file had been received, and who holds the lock."""

    manifest_version: int = 0
    content: str = ""
    applied_received_at: str = ""
    lock_holder: str = ""
    fence: int = 0


@dataclass(frozen=True, slots=True)
class SnapshotState:
    """Which snapshot of a district's files counts, by its name (empty for none), the mark of the newest upload in it, and what the last one planned said.

    ``merged`` has the files of changes that were added, by the hash of what they said, with the mark of the first upload that brought each.
    """

    name: str = ""
    latest: str = ""
    content: str = ""
    merged: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attestation:
    """An attestation as the ledger keeps it: who said on which moment that letters went home on a day, for which school (empty: all), and for how many that began the days."""

    sharing: str
    key: str
    day: date
    school: str
    by: str
    at: str
    started: int


@dataclass(frozen=True, slots=True)
class Undoing:
    """That a no was taken back, as the ledger keeps it: of which patron, who said so and in which role (``said_by`` as the agreement names it, ``by`` a name and a role), on which day, when it was recorded, and when and by which way the no was said."""

    sharing: str
    token: str
    said_by: str
    by: str
    day: date
    at: str
    no_at: str
    no_by: str

    @property
    def key(self) -> str:
        """Its key under the data-sharing id."""
        return f"{self.at}#{self.token}"


@dataclass(frozen=True, slots=True)
class PrintRecord:
    """One call of a print as the ledger keeps it: who, when, for whom, which papers, under which agreement and purpose.

    ``opened`` are the tokens of all who were about to be opened, ``handed`` of those whose data went out, ``renewed`` of those who got another PIN.
    """

    sharing: str
    agreement: str
    at: str
    print_id: str
    by: str
    school: str
    homeroom: str
    parts: tuple[str, ...]
    reprint: bool
    restricted_included: bool
    opened: tuple[str, ...]
    handed: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()
    purpose: Purpose = Purpose.HAND_OUT


class Because(StrEnum):
    """Why something had to go."""

    WITHDRAWAL = "withdrawal"
    TERM = "term"


@dataclass(frozen=True, slots=True)
class Destruction:
    """One act of destruction as the ledger keeps it. Counts of patrons whose sealed data went, of households' contacts, and of the vault's objects.

    ``digest`` is the SHA-256 over the tokens of those patrons and households, sorted, one a line. ``remaining`` is how many patrons held sealed data that had to go when all was done: what the next call
    goes on with. ``done`` is False while the act is under way: one that was cut short stays so, and what it did not reach the next one takes.
    """

    sharing: str
    agreement: str
    at: str
    because: Because
    clause: str
    patrons: int = 0
    households: int = 0
    objects: int = 0
    remaining: int = 0
    digest: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Extract:
    """Which extract of a library's patrons is held, as the ledger has it; without a ``name`` none is. Times are ISO 8601 in UTC.

    ``by`` is the role and session that imported it, ``source`` is ``csv`` or the ILS's adapter. Of one that is gone, ``destroyed_at`` says when, and the rest
    stays as a record without personal data. ``version`` counts imports.
    """

    name: str = ""
    version: int = 0
    imported_at: str = ""
    until: str = ""
    count: int = 0
    by: str = ""
    source: str = ""
    destroyed_at: str = ""


class Ledger(Protocol):
    """The run ledger as the functions need it. Every change is conditional on what was read."""

    def admit(self, arrival: Arrival, *, sharing: str) -> bool:
        """Write a new run; False if it is known already."""
        ...

    def run(self, run_id: str) -> Run | None:
        """The run, consistently read."""
        ...

    def district(self, sharing: str) -> DistrictState:
        """The district's state, consistently read."""
        ...

    def claim_content(self, sharing: str, content: str, run_id: str) -> bool:
        """Let one run at a time work on one content; False if another live run has it."""
        ...

    def note_content(self, run_id: str, content: str) -> None:
        """Remember what a run's file said, before it claims it: whoever ends the run gives it back."""
        ...

    def release_content(self, sharing: str, content: str, run_id: str) -> None:
        """Give the content back."""
        ...

    def move(self, run_id: str, to: Status, *, when: Sequence[Status], of_plan: str = "", **fields: object) -> bool:
        """Change a run's status and fields if its status is one of ``when``, and its plan's hash ``of_plan`` if given; whether it was."""
        ...

    def waiting_runs(self, sharing: str) -> Sequence[Run]:
        """The runs under a data-sharing id that wait for a person, oldest first."""
        ...

    def overwritten(self, arrival: Arrival, *, sharing: str) -> bool:
        """Whether a newer version of the same object has arrived for the same library."""
        ...

    def take_lock(self, sharing: str, run_id: str, *, base_version: int) -> int | None:
        """Take or keep the district's lock if the manifest still is ``base_version``; the fencing number, or None."""
        ...

    def holds_lock(self, sharing: str, run_id: str, fence: int) -> bool:
        """Whether this run still holds the lock under this fencing number."""
        ...

    def release_lock(self, sharing: str, run_id: str, *, fence: int = 0, applied: DistrictState | None = None) -> None:
        """Give the lock back, and with ``applied`` advance the manifest in the same write."""
        ...

    def snapshot(self, sharing: str) -> SnapshotState:
        """Which snapshot counts, consistently read."""
        ...

    def advance_snapshot(self, sharing: str, to: SnapshotState, *, was: SnapshotState) -> bool:
        """Let another snapshot count if ``was`` still does; whether it now does."""
        ...

    def suspended(self, sharing: str) -> bool:
        """Whether somebody suspended the agreement, consistently read."""
        ...

    def reserve_serials(self, library: str, count: int, *, first: int) -> int:
        """Reserve serials of the library's number block by one atomic addition; gives the first of them."""
        ...
