"""A preview: what the plan of a roster would be if it were dropped now, for the library alone. Nothing of it is kept, and no later plan is another one because of it.

It is weighed by the lines that weigh a run's plan. What they have no port for cannot happen: no run, no claim, no serial, no PIN, no event, no e-mail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Purpose
from firstcard.roster import Reason, Refusal
from firstcard.run.admission import arrival_of
from firstcard.run.checking import limit_of
from firstcard.run.keeping import MovedError
from firstcard.run.ledger import Arrival, Run
from firstcard.run.weighing import Books, Weigher

PREVIEW = "preview/"
"""The folder of a drop bucket in which a district leaves a file for its library to look at."""


class AboutFile(BaseModel):
    """A data-sharing id, the name of a file in the district's folder ``preview/``, and whether it may lie there for another look."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sharing: Annotated[str, Field(max_length=63, pattern=r"^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$")]
    file: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/\x00-\x1f]+$")]
    keep: bool = False


class Ledger(Books, Protocol):
    """The run ledger, as far as a preview reads it."""

    def waiting_runs(self, sharing: str) -> Sequence[Run]:
        """The runs under a data-sharing id that wait for a person, oldest first."""
        ...

    def content_held_by(self, sharing: str, content: str) -> str:
        """The run that works on a content; empty if none does."""
        ...


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of a file: ``ready`` (it would be applied), ``held``, ``unchanged``, ``rejected``, or ``busy`` while another run is being applied.

    ``reason`` says why it would be rejected or is nothing new, ``place`` (file, line, column) where. ``waits_already`` is the run that waits with just this content, ``supersedes`` are
    runs that wait now and would not any more. ``plan`` has what a run's ``plan.json`` has, but for the hash of a plan, for there is none.
    """

    outcome: str
    reason: str = ""
    place: tuple[str, int, str] = ("", 0, "")
    waits_already: str = ""
    holds: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    plan: Mapping[str, object] = field(default_factory=dict)

    def as_plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def newest(versions: Sequence[tuple[str, str, int, str]], *, bucket: str, file: str, now: datetime) -> Arrival | None:
    """The arrival that the newest version of a file in ``preview/`` would be, dropped at this moment; None where no such file lies there whole.

    ``versions`` are (key, version id, size, time) of what lies in the folder.
    """
    found = [one for one in versions if one[0] == f"{PREVIEW}{file}"]
    if not found:
        return None
    key, version_id, size, _ = max(found, key=lambda one: one[3])
    return arrival_of(bucket=bucket, key=key, version_id=version_id, size=size, received_at=now.isoformat(), folder=PREVIEW)


def may_not_open(agreement: Agreement, weigher: Weigher, now: datetime) -> tuple[str, ...]:
    """The data-sharing ids under which planning opens something that a preview may not: its numbers would be other ones than the plan's."""
    needed: list[tuple[Agreement, Purpose]] = []
    if agreement.exchange.deltas:
        needed.append((agreement, Purpose.MERGE_DELTA))
    if agreement.compared_across:
        needed.append((agreement, Purpose.DEDUPLICATE))
        needed += [(peer, Purpose.DEDUPLICATE) for peer in weigher.compared_with(agreement, now)]
    return tuple(dict.fromkeys(one.sharing for one, purpose in needed if not one.may_preview(purpose)))


def preview(arrival: Arrival, agreement: Agreement, *, weigher: Weigher, ledger: Ledger) -> Preview:
    """Weigh an arrival as planning would at its moment, in planning's order, and leave nothing."""
    now = datetime.fromisoformat(arrival.received_at)
    if reason := weigher.shut(agreement, now):
        return _rejected(reason)
    state = ledger.district(agreement.sharing)
    if state.lock_holder:
        return Preview("busy")
    if arrival.size > limit_of(agreement):
        return _rejected(Reason.TOO_LARGE)
    opened = weigher.open(arrival, agreement)
    if isinstance(opened, Refusal):
        return _refused(opened)
    known, kept = weigher.known(agreement, state), weigher.kept(agreement)
    if weigher.is_known(opened.content, arrival, agreement, known, state, kept):
        return Preview("unchanged", str(Reason.DUPLICATE_FILE))
    if holder := ledger.content_held_by(agreement.sharing, opened.content):
        return Preview("unchanged", str(Reason.DUPLICATE_FILE), waits_already=holder)
    try:
        reading = weigher.read(opened, arrival, agreement, state, kept)
    except MovedError:
        return Preview("busy")
    del opened
    if isinstance(reading, Refusal):
        return _refused(reading)
    weighed = weigher.weigh(arrival, agreement, reading, known, state)
    if ledger.district(agreement.sharing).manifest_version != state.manifest_version:
        return Preview("busy")  # applied meanwhile: what was said would be of yesterday
    holds = tuple(str(reason) for reason in weighed.decisions.holds)
    return Preview(
        "held" if holds else "ready",
        holds=holds,
        supersedes=tuple(run.arrival.run_id for run in ledger.waiting_runs(agreement.sharing)),
        plan={name: said for name, said in weighed.summary.items() if name != "run_id"},
    )


def _rejected(reason: Reason) -> Preview:
    return Preview("rejected", str(reason))


def _refused(refusal: Refusal) -> Preview:
    return Preview("rejected", str(refusal.reason), (refusal.file, refusal.line or 0, refusal.column))
