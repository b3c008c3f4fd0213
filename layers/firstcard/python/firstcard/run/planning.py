"""Planning a run: open, read, compare, draw, seal; every way out is an outcome with a reason code, never an exception."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Protocol

from firstcard.agreement import Agreement, Library, Site
from firstcard.card.chunk import Decision
from firstcard.card.manifest import Compared, Manifest
from firstcard.card.number import SerialBlock
from firstcard.card.plan import (
    Builder,
    Decisions,
    Draw,
    ages_that_count,
    comes_of_age,
    next_manifest,
    plan_hash,
)
from firstcard.event import Event, new_event
from firstcard.identity import Tokens
from firstcard.roster import Reading, Reason, Refusal
from firstcard.roster.snapshot import mark
from firstcard.run.checking import limit_of
from firstcard.run.facts import facts
from firstcard.run.keeping import Keeper, Kept, MovedError
from firstcard.run.ledger import PLANNED, Arrival, DistrictState, Ledger, Run, Status
from firstcard.run.matching import Found, PairsOnRecord, agreed, comparable
from firstcard.run.numbering import NumbersOnRecord
from firstcard.run.peers import Row, seal_students, students_folder
from firstcard.run.people import people_key, people_of
from firstcard.run.weighing import Secrets, Weighed, Weigher, digest_of, rollout_of
from firstcard.vault import Intent, Wrap

NOT_ISSUING = (Status.ADMITTED, Status.READY, Status.HELD, Status.APPROVED, Status.FAILED)
"""A run that issues is ended by finish alone."""


class Objects(Protocol):
    """The drop buckets, as far as planning may read them, and the vault."""

    def read_drop(self, arrival: Arrival) -> bytes:
        """The uploaded object, in exactly the version that arrived."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Write an object of the vault."""
        ...

    def get(self, key: str) -> bytes | None:
        """Read an object of the vault; None if there is none."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object of the vault."""
        ...

    def keys(self, prefix: str) -> Iterable[str]:
        """The objects of the vault under a prefix."""
        ...


@dataclass(frozen=True, slots=True)
class Planned:
    """What the state machine goes on with."""

    outcome: str
    plan_hash: str = ""
    chunks_prefix: str = ""

    def as_state(self) -> dict[str, str]:
        """As JSON for the state machine."""
        return {"outcome": self.outcome, "plan_hash": self.plan_hash, "chunks_prefix": self.chunks_prefix}


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans runs.

    ``wrapper`` gives the wrapping function of an agreement's purpose key; ``unwrap`` opens the last roster for files of changes, after ``declare`` has
    written down that it will. ``random`` and ``below`` are the sources of all drawing.
    """

    site: Site
    ledger: Ledger
    objects: Objects
    secrets: Secrets
    wrapper: Callable[[str], Wrap]
    unwrap: Wrap
    declare: Callable[[Intent], None]
    emit: Callable[[Sequence[Event]], None]
    wake: Callable[[Run, str], None]
    """Tells the execution of a waiting run what was decided: (run, decision)."""
    random: Callable[[int], bytes]
    below: Callable[[int], int]
    pairs: PairsOnRecord
    numbers: NumbersOnRecord
    patrons: Callable[[Library, datetime], Iterable[Row] | None]
    """The library's own list of its patrons at a moment, each row under the ILS's id as ``id``; None where there is none that may be used."""

    def plan(self, arrival: Arrival) -> Planned:
        """Plan the run of one arrival under the agreement that it was admitted for; asked again for the same run against the same state, gives the same plan again."""
        now = datetime.fromisoformat(arrival.received_at)
        run = self.ledger.run(arrival.run_id)
        agreement = self.site.of_sharing(run.sharing, now.date()) if run else None
        if run is None or agreement is None:
            return self._reject(arrival, Reason.UNKNOWN_SENDER)
        if reason := self.weigher().shut(agreement, now):
            return self._reject(arrival, reason)
        state = self.ledger.district(agreement.sharing)
        if run.status in PLANNED and run.plan_hash and run.base_version == state.manifest_version:
            return self._again(run)
        if state.lock_holder and state.lock_holder != arrival.run_id:
            return Planned("busy")
        stale = state.applied_received_at > arrival.received_at and not agreement.exchange.deltas
        if not stale and (
            agreement.exchange.protection == "plain"
            and not agreement.exchange.deltas
            and self.ledger.overwritten(arrival, sharing=run.sharing)
        ):
            return self._reject(arrival, Reason.SUPERSEDED)
        if arrival.size > limit_of(agreement):
            return self._reject(arrival, Reason.STALE_FILE if stale else Reason.TOO_LARGE)
        return self._open(arrival, agreement, now, state, stale=stale)

    def _again(self, run: Run) -> Planned:
        held = run.status is Status.HELD
        if run.status is Status.FAILED:
            self.ledger.move(run.arrival.run_id, Status.APPROVED, when=(Status.FAILED,), reason=None)
        return Planned("held" if held else "ready", run.plan_hash, run.chunks_prefix)

    def _open(self, arrival: Arrival, agreement: Agreement, now: datetime, state: DistrictState, *, stale: bool) -> Planned:
        """``stale`` says that a file which came later was applied: if it said the very same, this one is no news; else it is too late."""
        weigher = self.weigher()
        opened = weigher.open(arrival, agreement)
        if stale and (isinstance(opened, Refusal) or opened.content != weigher.known(agreement, state).content):
            return self._reject(arrival, Reason.STALE_FILE)
        if isinstance(opened, Refusal):
            return self._refuse(arrival, opened)
        content, protection = opened.content, opened.protection
        self.ledger.note_content(arrival.run_id, content)
        known = weigher.known(agreement, state)
        kept = weigher.kept(agreement)
        same = stale or weigher.is_known(content, arrival, agreement, known, state, kept)
        if same or not self.ledger.claim_content(agreement.sharing, content, arrival.run_id):
            self.ledger.release_content(agreement.sharing, content, arrival.run_id)
            self.ledger.move(arrival.run_id, Status.UNCHANGED, when=NOT_ISSUING, reason=str(Reason.DUPLICATE_FILE))
            return Planned("unchanged")
        if self.ledger.district(agreement.sharing).manifest_version != state.manifest_version:
            return Planned("busy")  # applied meanwhile, perhaps this very content: compare again
        received = new_event(
            "RosterReceived",
            key=arrival.run_id,
            **facts(agreement, arrival.run_id, now),
            size=arrival.size,
            protection=protection,
        )
        self.emit([received])
        try:
            reading = weigher.read(opened, arrival, agreement, state, kept)
        except MovedError:
            return Planned("busy")
        del opened  # what was not agreed is gone before anything is made of the rest
        if isinstance(reading, Refusal):
            self.ledger.release_content(agreement.sharing, content, arrival.run_id)
            return self._refuse(arrival, reading)
        if kept:
            arrived = mark(arrival.received_at, arrival.run_id)
            if not self._keeper(kept).replace(reading.snapshot, latest=arrived, content=content, delta=reading.delta):
                return Planned("busy")  # another file was planned meanwhile: its changes come before this plan, or with it
        weighed = weigher.weigh(arrival, agreement, reading, known, state)
        return self._build(arrival, agreement, weighed, weighed.known, now, content)

    def weigher(self) -> Weigher:
        """What weighs rosters for this planner."""
        return Weigher(
            self.site,
            self.ledger,
            self.objects,
            self.secrets,
            self.unwrap,
            self.declare,
            self.pairs,
            self.numbers,
            self.patrons,
        )

    def _keeper(self, kept: Kept) -> Keeper:
        return Keeper(kept, self.ledger, self.objects, self.wrapper(kept.agreement.sharing), self.random)

    def _build(self, arrival: Arrival, agreement: Agreement, weighed: Weighed, known: Manifest, now: datetime, content: str) -> Planned:
        library, tokens, reading, decisions = weighed.library, weighed.tokens, weighed.reading, weighed.decisions
        found, numbers = weighed.found, weighed.numbers
        serials = SerialBlock(
            lambda n: self.ledger.reserve_serials(library.id, n, first=library.numbers.first_serial if library.numbers else 0)
        )
        builder = Builder(
            agreement,
            library,
            tokens,
            self.wrapper(agreement.sharing),
            Draw(self.random, self.below, serials),
            arrival.run_id,
            now,
            found.set_apart,
            numbers.moved,
        )
        lines = found.lines
        if weighed.pilot:  # of whom nobody decides yet nothing waits for a person either
            stepped = {step.token for step in decisions.steps}
            lines = tuple(line for line in lines if not stepped.isdisjoint((line.left, line.right)))
        chunks = list(builder.chunks(decisions, lines, found.shown))
        digest = plan_hash(chunks, weighed.summary)
        folder = f"runs/{arrival.run_id}/{digest[:16]}"
        for chunk in chunks:
            self.objects.put(f"{folder}/chunks/{chunk.number:05d}.jsonl", chunk.body)
        compared = self._kept(agreement, reading, known, decisions, found, tokens, arrival.run_id)
        self.objects.put(
            f"{folder}/manifest.json.gz",
            next_manifest(
                known,
                decisions,
                content="" if numbers.may_come else content,
                unplaced=reading.rows_without_id if weighed.complete else known.unplaced,
                dated=weighed.dated,
                twice=found.instead,
                compared=compared,
                under=digest_of(agreement),
                rollout=rollout_of(agreement) if weighed.complete else known.rollout,
                pilot=weighed.pilot,
                comes_of_age=comes_of_age(reading.people, now.date(), ages_that_count(agreement)),
                agreement=agreement.id,
            ).to_bytes(),
        )
        self.objects.put(f"{folder}/plan.json", _json({**weighed.summary, "plan_hash": digest}))
        self.objects.put(f"{folder}/problems.json", _json([[p.file, p.line, p.column, p.reason] for p in reading.problems]))
        self.objects.put(people_key(folder), people_of(reading, tokens, decisions.in_doubt, decisions.served).to_bytes())
        held = bool(decisions.holds)
        self._supersede_older(arrival, agreement.sharing)
        moved = self.ledger.move(
            arrival.run_id,
            Status.HELD if held else Status.READY,
            when=NOT_ISSUING,
            plan_hash=digest,
            chunks_prefix=f"{folder}/chunks/" if chunks else None,
            base_version=known.version,
            content=content,
            counts=dict(decisions.counts),
            holds=[str(r) for r in decisions.holds],
        )
        if not moved:
            return Planned("busy")  # another execution of this very run is issuing
        return Planned("held" if held else "ready", digest, f"{folder}/chunks/")

    def _kept(
        self, agreement: Agreement, reading: Reading, known: Manifest, decisions: Decisions, found: Found, tokens: Tokens, run_id: str
    ) -> Compared:
        """What the manifest keeps of the comparison; the students themselves, sealed, where other districts' may be compared with them."""
        if not agreed(agreement):
            return Compared()
        before = known.compared
        gone = {step.token for step in decisions.steps if step.decision is Decision.EXPIRE} | found.mistaken.keys()
        linked = {token: patron for token, patron in before.linked.items() if token in known.patrons and token not in gone}
        linked |= {step.token: tokens.existing(step.ils_id) for step in decisions.steps if step.ils_id}
        served = {token: found.served[token] for token in decisions.served}
        awaits = {token: found.awaits[token] for token in decisions.in_doubt if token in found.awaits}
        stepped = {step.token for step in decisions.steps}
        aside = {token: told for token, told in before.aside.items() if token not in stepped and token not in known.patrons}
        aside |= {
            token: found.aside[token] for token in decisions.served | decisions.in_doubt | found.instead.keys() if token in found.aside
        }
        key = self._keep_students(agreement, reading, known, stepped, tokens, run_id) if agreement.compared_across else ""
        return Compared(found.rules, found.others, key, served, awaits, aside, {**before.void, **found.void}, linked, found.weights)

    def _keep_students(
        self, agreement: Agreement, reading: Reading, known: Manifest, stepped: set[str], tokens: Tokens, run_id: str
    ) -> str:
        """Seal what the students are compared by, those too who have a card and no usable row tonight; what no manifest names any more is removed."""
        sharing, before = agreement.sharing, known.compared.students
        unread = {token for token, was in known.patrons.items() if token not in stepped and not was.refused and not was.staff}
        old = (self.weigher().students_of(sharing, before) or ()) if unread and before else ()
        rows = chain(comparable(reading.people, tokens, agreement.district), (row for row in old if row["id"] in unread))
        name = f"students-{self.random(8).hex()}"
        key = f"{students_folder(sharing)}{run_id}-{name}.sealed"
        self.objects.put(key, seal_students(rows, agreement, name=name, wrap=self.wrapper(sharing), random=self.random))
        for other in list(self.objects.keys(students_folder(sharing))):
            if other not in (key, before):
                self.objects.delete(other)
        return key

    def _supersede_older(self, arrival: Arrival, sharing: str) -> None:
        over = (Status.HELD, Status.APPROVED)
        for older in self.ledger.waiting_runs(sharing):
            is_older = older.arrival.run_id != arrival.run_id and older.arrival.received_at <= arrival.received_at
            if is_older and self.ledger.move(older.arrival.run_id, Status.SUPERSEDED, when=over, reason=str(Reason.SUPERSEDED)):
                self.wake(older, "superseded")

    def _refuse(self, arrival: Arrival, refusal: Refusal) -> Planned:
        problem = [[refusal.file, refusal.line or 0, refusal.column, refusal.reason]]
        self.objects.put(f"runs/{arrival.run_id}/rejected/problems.json", _json(problem))
        return self._reject(arrival, refusal.reason)

    def _reject(self, arrival: Arrival, reason: Reason) -> Planned:
        self.ledger.move(arrival.run_id, Status.REJECTED, when=NOT_ISSUING, reason=str(reason))
        return Planned("rejected")


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()
