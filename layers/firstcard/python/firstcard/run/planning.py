"""Planning a run: open, read, compare, draw, seal; every way out is an outcome with a reason code, never an exception."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from itertools import chain
from typing import Protocol

from firstcard.agreement import Agreement, Library, Site
from firstcard.card.chunk import Decision
from firstcard.card.expiry import last_day
from firstcard.card.manifest import Compared, Manifest
from firstcard.card.manifest import without as as_if_gone
from firstcard.card.number import SerialBlock
from firstcard.card.pair import Kind, Pair
from firstcard.card.patron import Ownership, Patron
from firstcard.card.plan import (
    OF_AGE,
    Builder,
    Decisions,
    Draw,
    age_on,
    ages_that_count,
    comes_of_age,
    decide,
    made_number,
    next_manifest,
    pilot_of,
    plan_hash,
)
from firstcard.card.traits import UNKNOWN, traits_of
from firstcard.card.view import TakenBack
from firstcard.event import Event, new_event
from firstcard.identity import Tokens
from firstcard.roster import Person, Reading, Reason, Refusal, Role, date_in_name, read_roster
from firstcard.roster.reading import BY_THE_AGREEMENT, Exclusion
from firstcard.roster.snapshot import Told, mark
from firstcard.run.checking import as_planned, closed, limit_of, without
from firstcard.run.counting import census_of
from firstcard.run.delivering import load_manifest
from firstcard.run.facts import facts
from firstcard.run.keeping import Keeper, MovedError
from firstcard.run.ledger import PLANNED, Arrival, DistrictState, Ledger, Run, Status
from firstcard.run.matching import Found, Matcher, PairsOnRecord, agreed, comparable, served_still, waits_until
from firstcard.run.numbering import ListedNumbers, NumbersOnRecord, SameChild, families_own, not_free, numbered, places_of
from firstcard.run.peers import Peer, Row, open_students, seal_students, students_folder
from firstcard.run.people import people_key, people_of
from firstcard.sender import open_delivery
from firstcard.vault import Intent, VaultClosedError, Wrap

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


class Secrets(Protocol):
    """Keys that live in the secrets store."""

    def token_key(self, library: str) -> bytes:
        """The library's token key."""
        ...

    def opening_keys(self, district: str) -> Sequence[str]:
        """Secret keys that open this district's files, OpenPGP and age; several while a key is being changed."""
        ...


class NoesTakenBack(Protocol):
    """The noes on record, as far as they were taken back."""

    def taken_back(self, sharing: str) -> Mapping[str, TakenBack]:
        """Those whose no was taken back, by token, and whom no roster has taken up since."""
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
    noes: NoesTakenBack
    patrons: Callable[[Library, datetime], Iterable[Row] | None]
    """The library's own list of its patrons at a moment, each row under the ILS's id as ``id``; None where there is none that may be used."""

    def plan(self, arrival: Arrival) -> Planned:
        """Plan the run of one arrival under the agreement that it was admitted for; asked again for the same run against the same state, gives the same plan again."""
        now = datetime.fromisoformat(arrival.received_at)
        run = self.ledger.run(arrival.run_id)
        agreement = self.site.of_sharing(run.sharing, now.date()) if run else None
        if run is None or agreement is None:
            return self._reject(arrival, Reason.UNKNOWN_SENDER)
        if reason := closed(agreement, on=now.date(), suspended=self.ledger.suspended(agreement.sharing)):
            return self._reject(arrival, reason)
        calendar = agreement.exchange.calendar
        if calendar.is_rollover(calendar.date_of(now)):
            return self._reject(arrival, Reason.ROLLOVER)
        state = self.ledger.district(agreement.sharing)
        if run.status in PLANNED and run.plan_hash and run.base_version == state.manifest_version:
            return self._again(run)
        if state.lock_holder and state.lock_holder != arrival.run_id:
            return Planned("busy")
        if state.applied_received_at > arrival.received_at and not agreement.exchange.deltas:
            return self._reject(arrival, Reason.STALE_FILE)
        if (
            agreement.exchange.protection == "plain"
            and not agreement.exchange.deltas
            and self.ledger.overwritten(arrival, sharing=run.sharing)
        ):
            return self._reject(arrival, Reason.SUPERSEDED)
        limit = limit_of(agreement)
        if arrival.size > limit:
            return self._reject(arrival, Reason.TOO_LARGE)
        return self._open(arrival, agreement, now, limit, state)

    def _again(self, run: Run) -> Planned:
        held = run.status is Status.HELD
        if run.status is Status.FAILED:
            self.ledger.move(run.arrival.run_id, Status.APPROVED, when=(Status.FAILED,), reason=None)
        return Planned("held" if held else "ready", run.plan_hash, run.chunks_prefix)

    def _open(self, arrival: Arrival, agreement: Agreement, now: datetime, limit: int, state: DistrictState) -> Planned:
        delivered = open_delivery(
            self.objects.read_drop(arrival), agreement=agreement, secret_keys=self.secrets.opening_keys(agreement.district), limit=limit
        )
        if isinstance(delivered, Refusal):
            return self._refuse(arrival, delivered)
        content = hashlib.sha256(delivered.plaintext).hexdigest()
        self.ledger.note_content(arrival.run_id, content)
        known = load_manifest(self.objects, agreement.sharing, state.manifest_version)
        keeper = self._keeper(agreement) if agreement.exchange.deltas else None
        # The content that was applied last is news where something else was told since, and rejected: it takes that back.
        same = content == known.content and (keeper is None or keeper.state.content == content)
        same = same and not self._decided_since(agreement, known, state.applied_received_at, now) and not self._set_free(known)
        same = same and not (known.comes_of_age and known.comes_of_age <= now.date().isoformat())
        same = same and _last_day(agreement, state.applied_received_at) == _last_day(agreement, arrival.received_at)
        same = same and known.under in ("", _digest(agreement)) and not known.pilot
        again = self._taken_back(agreement.sharing, now)
        same = same and again.keys().isdisjoint(known.patrons)
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
            protection=delivered.protection,
        )
        self.emit([received])
        arrived = mark(arrival.received_at, arrival.run_id)
        told = Told(arrived, keeper.earlier, keeper.first_arrived(content)) if keeper else None
        try:
            reading = read_roster(
                delivered.plaintext, file_name=arrival.key.rsplit("/", 1)[-1], agreement=agreement, today=now.date(), told=told
            )
        except MovedError:
            return Planned("busy")
        late = state.applied_received_at > arrival.received_at or (keeper is not None and keeper.state.latest > arrived)
        if late and isinstance(reading, Reading) and not reading.delta:
            reading = Refusal(Reason.STALE_FILE)
        del delivered  # what was not agreed is gone before anything is made of the rest
        if isinstance(reading, Refusal):
            self.ledger.release_content(agreement.sharing, content, arrival.run_id)
            return self._refuse(arrival, reading)
        if keeper and not keeper.replace(reading.snapshot, latest=arrived, content=content, delta=reading.delta):
            return Planned("busy")  # another file was planned meanwhile: its changes come before this plan, or with it
        applied = state.applied_received_at
        rolled_over = bool(applied) and agreement.exchange.calendar.rolled_over_between(datetime.fromisoformat(applied), now)
        return self._build(arrival, agreement, reading, known, now, content, again, rolled_over=rolled_over)

    def _taken_back(self, sharing: str, now: datetime) -> dict[str, TakenBack]:
        """Whose no was taken back before this file came: what is taken back counts for the files after it."""
        found = self.noes.taken_back(sharing)
        return {token: back for token, back in found.items() if datetime.fromisoformat(back.at) < now}

    def _keeper(self, agreement: Agreement) -> Keeper:
        sharing = agreement.sharing
        return Keeper(
            agreement=agreement,
            ledger=self.ledger,
            shelf=self.objects,
            state=self.ledger.snapshot(sharing),
            wrap=self.wrapper(sharing),
            unwrap=self.unwrap,
            declare=self.declare,
            random=self.random,
        )

    def _build(
        self,
        arrival: Arrival,
        agreement: Agreement,
        reading: Reading,
        known: Manifest,
        now: datetime,
        content: str,
        again: Mapping[str, TakenBack],
        *,
        rolled_over: bool,
    ) -> Planned:
        library = self.site.library(agreement.library)
        tokens = Tokens(self.secrets.token_key(library.id), library=library.id, district=agreement.district)
        again = _entitled(again, reading, tokens) if again else again
        known = as_if_gone(known, again.keys()) if again else known
        had_ours = self._had_ours(again)
        reading = as_planned(reading, agreement, numbered(reading, known, agreement, tokens))
        listed = ListedNumbers.under(agreement)
        found = self._matched(agreement, library, reading, known, tokens, now, listed)
        reading = without(_with_noes(reading, found.refused), found.twice)
        complete = not known.patrons or reading.rows_without_id <= known.unplaced
        named = date_in_name(arrival.key)
        dated = named.isoformat() if named else ""

        asked = frozenset(_left_out(reading, tokens, (Exclusion.AREA_ASKED,)))

        def judged(reading: Reading) -> Decisions:
            return decide(
                reading.people,
                known,
                agreement=agreement,
                tokens=tokens,
                rejected=sum(count for reason, count in reading.rejected.items() if reason is not Reason.SAME_CHILD),
                rejected_tokens=frozenset(tokens.patron(role, local_id) for role, local_id in reading.rejected_people) | asked,
                complete=complete,
                dated=dated,
                rolled_over=rolled_over,
                linked={token: ils_id for token, ils_id in found.linked.items() if token not in had_ours},
                in_doubt=found.doubtful.keys(),
                served=found.served.keys(),
                mistaken=found.mistaken,
                taken_back={token: back.at for token, back in again.items()},
                on=now.date(),
            )

        decisions = judged(reading)
        numbers = not_free(
            decisions,
            known,
            agreement=agreement,
            library=library,
            tokens=tokens,
            on_record=self.numbers,
            listed=self._listed(agreement, library, decisions, listed, now),
            same_child=self._same_child(library),
        )
        if numbers.taken:
            # Ids in another form look like new people whose numbers are taken: a person must see that, whoever is left out.
            ids = tuple(hold for hold in decisions.holds if hold in (Reason.LOST_ZEROS, Reason.ID_BASIS_CHANGED))
            reading = without(reading, places_of(reading, numbers.taken, tokens), agreement)
            decisions = judged(reading)
            decisions = replace(decisions, holds=tuple(dict.fromkeys((*ids, *decisions.holds))))
        pilot = bool(agreement.safety.pilot_cards) and not known.version
        if pilot:
            chosen = pilot_of(decisions, agreement, now.date())
            reading = _alone(reading, chosen, tokens)
            # What the whole file makes a person look at: against a few cards, one rejected row would be too many.
            decisions = replace(judged(reading), holds=decisions.holds)
        narrowed = _narrowed(reading, known, decisions, agreement, tokens)
        if narrowed:
            decisions = replace(decisions, holds=(*decisions.holds, Reason.ROLLOUT_NARROWED))
        if found.failed:
            decisions = replace(decisions, holds=(Reason.NOT_COMPARED, *decisions.holds))
        reading = without(reading, dict.fromkeys(decisions.reused, Reason.ID_REUSED))
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
        if pilot:  # of whom nobody decides yet nothing waits for a person either
            stepped = {step.token for step in decisions.steps}
            lines = tuple(line for line in lines if not stepped.isdisjoint((line.left, line.right)))
        chunks = list(builder.chunks(decisions, lines, found.shown))
        summary = {**_summary(arrival, agreement, reading, decisions), "left_out_now": narrowed, "pilot": pilot}
        if agreed(agreement):
            apart = sum(1 for step in decisions.steps if step.told and step.token in found.mistaken)
            late = sum(1 for step in decisions.steps if step.told and step.token in known.compared.aside)
            summary = {**summary, "matching": found.as_summary(), "set_apart": apart, "after_aside": late}
        summary = {**summary, "census": census_of(reading, decisions, known, found.mistaken, tokens).as_plain()}
        digest = plan_hash(chunks, summary)
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
                unplaced=reading.rows_without_id if complete else known.unplaced,
                dated=dated,
                twice=found.instead,
                compared=compared,
                under=_digest(agreement),
                rollout=_rollout(agreement) if complete else known.rollout,
                pilot=pilot,
                comes_of_age=comes_of_age(reading.people, now.date(), ages_that_count(agreement)),
                agreement=agreement.id,
            ).to_bytes(),
        )
        self.objects.put(f"{folder}/plan.json", _json({**summary, "plan_hash": digest}))
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

    def _had_ours(self, again: Mapping[str, TakenBack]) -> Collection[str]:
        """Those of them who had a card of ours, which is theirs again: the ILS has it under their token, so none of the family's own can be linked."""
        patrons = self.pairs.standing(sorted(again)).patrons if again else {}
        return {token for token, patron in patrons.items() if patron.ownership is Ownership.CREATED_BY_US}

    def _decided_since(self, agreement: Agreement, known: Manifest, applied: str, now: datetime) -> bool:
        """Whether a person decided on a match of this district's since a roster was applied, or the days for it ended: then the same roster may mean something else."""
        if not agreed(agreement):
            return False
        aside = known.compared.aside.keys() | known.twice.keys()

        def concerned(pair: Pair) -> bool:
            return pair.left in aside or pair.right in aside or (pair.kind is Kind.PATRON and pair.left in known.patrons)

        library = agreement.library
        if any(pair.decided_at > applied and concerned(pair) for pair in self.pairs.decided_pairs(library)):
            return True
        return any(
            applied < waits_until(pair, agreement) <= now.isoformat() and concerned(pair) for pair in self.pairs.waiting_pairs(library)
        )

    def _matched(
        self,
        agreement: Agreement,
        library: Library,
        reading: Reading,
        known: Manifest,
        tokens: Tokens,
        now: datetime,
        listed: ListedNumbers,
    ) -> Found:
        if not agreed(agreement):
            return Found()
        sharings = [one for one in self.site.agreements if one.library == library.id]

        def patrons() -> Iterable[Row] | None:
            rows = self.patrons(library, now)
            listed.whole = rows is None
            return rows and families_own(listed.noting(rows), sharings, library, tokens, self.numbers)

        return Matcher(agreement, tokens, self.pairs, patrons, now, self._peers(agreement, now)).match(reading, known)

    def _same_child(self, library: Library) -> SameChild:
        """By the traits that the patron's own district kept of it: the same name and the same birth date, both known."""
        key = self.secrets.token_key(library.id)
        manifests: dict[str, Manifest] = {}

        def same(patron: Patron, person: Person) -> bool:
            sharing = patron.sharing
            if sharing not in manifests:
                manifests[sharing] = load_manifest(self.objects, sharing, self.ledger.district(sharing).manifest_version)
            manifest = manifests[sharing]
            was = manifest.left.get(patron.token) or (
                manifest.patrons[patron.token].traits if patron.token in manifest.patrons else UNKNOWN
            )
            return was.is_same(traits_of(person, Tokens(key, library=library.id, district=patron.district), patron.token))

        return same

    def _listed(
        self, agreement: Agreement, library: Library, decisions: Decisions, listed: ListedNumbers, now: datetime
    ) -> Collection[str]:
        """Numbers of the library's own patrons, where students may be compared with them and somebody gets a number."""
        if agreed(agreement) and not listed.whole and any(made_number(step, agreement) for step in decisions.steps):
            for _ in listed.noting(self.patrons(library, now) or ()):
                pass
        return listed.numbers

    def _peers(self, agreement: Agreement, now: datetime) -> list[Peer]:
        """The library's other districts whose students may be compared with these, as their last rosters left them."""
        if not agreement.compared_across:
            return []
        sharings = {one.sharing for one in self.site.agreements if one.library == agreement.library and one.sharing != agreement.sharing}
        peers = []
        for sharing in sorted(sharings):
            other = self.site.of_sharing(sharing, now.date())
            if other is None or not other.compared_across or closed(other, on=now.date(), suspended=self.ledger.suspended(sharing)):
                continue
            manifest = load_manifest(self.objects, sharing, self.ledger.district(sharing).manifest_version)
            if manifest.compared.students:
                peers.append(Peer(sharing, manifest, partial(self._students_of, sharing, manifest.compared.students)))
        return peers

    def _students_of(self, sharing: str, key: str) -> Iterable[Row] | None:
        body = self.objects.get(key)
        if body is None:
            return ()
        try:
            return open_students(body, sharing, unwrap=self.unwrap, declare=self.declare)
        except (VaultClosedError, ValueError, KeyError, TypeError):
            return None  # the plan says with how many districts it compared; a roster does not wait for another one's

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
        old = (self._students_of(sharing, before) or ()) if unread and before else ()
        rows = chain(comparable(reading.people, tokens, agreement.district), (row for row in old if row["id"] in unread))
        name = f"students-{self.random(8).hex()}"
        key = f"{students_folder(sharing)}{run_id}-{name}.sealed"
        self.objects.put(key, seal_students(rows, agreement, name=name, wrap=self.wrapper(sharing), random=self.random))
        for other in list(self.objects.keys(students_folder(sharing))):
            if other not in (key, before):
                self.objects.delete(other)
        return key

    def _set_free(self, known: Manifest) -> bool:
        """Whether somebody who got no card because of another district's student, or waits for it, can get one now: that one left."""
        others = {*known.compared.served.values(), *known.compared.awaits.values()}
        if not others:
            return False
        standing = self.pairs.standing(sorted(others))
        return any(not served_still(standing, other) for other in others)

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


def _last_day(agreement: Agreement, at: str) -> date | None:
    """The last day of a card that is made or touched at a moment; None where there was none."""
    return last_day(agreement.card.expiry, datetime.fromisoformat(at).date()) if at else None


def _digest(agreement: Agreement) -> str:
    """Another one where anything of the agreement is: then the same roster may mean something else."""
    return hashlib.sha256(agreement.model_dump_json(by_alias=True, warnings=False).encode()).hexdigest()[:16]


def _rollout(agreement: Agreement) -> str:
    """Another one where the agreement says something else about who gets a card."""
    area = agreement.card.service_area
    said = [agreement.rollout.model_dump_json(exclude={"also_elsewhere"}, warnings=False), area.model_dump_json() if area else ""]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _left_out(reading: Reading, tokens: Tokens, why: Collection[Exclusion]) -> Iterator[str]:
    return (tokens.patron(role, local_id) for (role, local_id), word in reading.excluded_people.items() if word in why)


def _narrowed(reading: Reading, known: Manifest, decisions: Decisions, agreement: Agreement, tokens: Tokens) -> int:
    """How many cards would end because the agreement says something else than before about who gets one: these people are in the file all the same."""
    if known.rollout in ("", _rollout(agreement)):
        return 0
    ending = {step.token for step in decisions.steps if step.decision is Decision.EXPIRE and not known.patrons[step.token].refused}
    return len(ending.intersection(_left_out(reading, tokens, BY_THE_AGREEMENT)))


def _entitled(again: Mapping[str, TakenBack], reading: Reading, tokens: Tokens) -> dict[str, TakenBack]:
    """Those whose no was taken back by somebody who may: from 18 on the student alone speaks for itself (34 CFR 99.5), before that it does not."""
    wrong: set[str] = set()
    said_by = {token: back for token, back in again.items() if back.said_by in ("guardian", "student")}
    for role, local_id, born in reading.people.select("role", "local_id", "birth_date") if said_by else ():
        back = said_by.get(tokens.patron(Role(role), local_id))
        age = age_on(date.fromisoformat(born), date.fromisoformat(back.at[:10])) if back and born else None
        if back and age is not None and (age >= OF_AGE) != (back.said_by == "student"):
            wrong.add(back.token)
    return {token: back for token, back in again.items() if token not in wrong}


def _alone(reading: Reading, chosen: Collection[str], tokens: Tokens) -> Reading:
    """The reading with these people, and with everybody who said no; the others come with the next one."""
    rows = enumerate(reading.people.select("role", "local_id", "opt_out"))
    later = {
        place: (Role(role), local_id) for place, (role, local_id, no) in rows if not no and tokens.patron(role, local_id) not in chosen
    }
    people = reading.people.some(sorted(later))
    return replace(
        reading,
        people=reading.people.without(people),
        excluded=dict(Counter(reading.excluded) + Counter({str(Exclusion.AFTER_PILOT): len(later)})),
        excluded_people={**reading.excluded_people, **dict.fromkeys(later.values(), Exclusion.AFTER_PILOT)},
    )


def _with_noes(reading: Reading, places: Sequence[int]) -> Reading:
    """The reading with the no of children who said it in another of their rows."""
    people = reading.people.some(sorted(places))
    return (
        replace(reading, people=reading.people.replaced({place: replace(person, opt_out=True) for place, person in people.items()}))
        if people
        else reading
    )


def _without_branch(agreement: Agreement, decisions: Decisions) -> list[str]:
    """Schools of the roster that the agreement gives no branch of their own, where it gives any: their cards have the default one."""
    table = agreement.card.home_branch.by_school
    return sorted(school for school in decisions.by_school if school and school not in table) if table else []


def _summary(arrival: Arrival, agreement: Agreement, reading: Reading, decisions: Decisions) -> Mapping[str, object]:
    without_address = sum(1 for s in decisions.steps if s.counted is Decision.WAIT and not s.household)
    return {
        "run_id": arrival.run_id,
        "received_at": arrival.received_at,
        "size": arrival.size,
        "sharing": agreement.sharing,
        "agreement": agreement.id,
        "format": reading.format,
        "rows": reading.rows,
        "accepted": reading.rows - sum(reading.rejected.values()),
        "rejected": {str(r): n for r, n in sorted(reading.rejected.items())},
        "excluded": dict(sorted(reading.excluded.items())),
        "guardians": reading.guardians,
        "of_age": reading.of_age,
        "dropped": [[d.file, d.column, d.forbidden] for d in reading.dropped],
        "decisions": dict(sorted(decisions.counts.items())),
        "by_school": decisions.by_school,
        "without_branch": _without_branch(agreement, decisions),
        "households": len(decisions.contacts),
        "waiting_without_address": without_address,
        "aside_without_address": decisions.aside_without_address,
        "linked": sum(1 for s in decisions.steps if s.ils_id),
        "holds": [str(r) for r in decisions.holds],
    }


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()
