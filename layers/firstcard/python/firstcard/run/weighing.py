"""What a roster means against what is known: opened, read, matched and decided; nothing is drawn, sealed, claimed or written.

A run's plan and a preview of one are weighed by the same lines here, so that they cannot differ; what a plan then makes of it stands in firstcard.run.planning.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Protocol

from firstcard.agreement import Agreement, Library, Site
from firstcard.card.chunk import Decision
from firstcard.card.expiry import last_day
from firstcard.card.manifest import Manifest
from firstcard.card.manifest import without as as_if_gone
from firstcard.card.pair import Kind, Pair
from firstcard.card.patron import Ownership, Patron
from firstcard.card.plan import OF_AGE, Decisions, age_on, by_school_and_grade, decide, made_number, pilot_of
from firstcard.card.traits import UNKNOWN, traits_of
from firstcard.card.view import TakenBack
from firstcard.identity import Tokens
from firstcard.roster import Person, Reading, Reason, Refusal, Role, date_in_name, read_roster
from firstcard.roster.reading import BY_THE_AGREEMENT, Exclusion
from firstcard.roster.snapshot import Told, mark
from firstcard.run.checking import as_planned, closed, limit_of, without
from firstcard.run.counting import census_of
from firstcard.run.delivering import Reader, load_manifest
from firstcard.run.keeping import Kept, Snapshots
from firstcard.run.ledger import Arrival, DistrictState
from firstcard.run.matching import Found, Matcher, PairsOnRecord, agreed, served_still, waits_until
from firstcard.run.numbering import ListedNumbers, Looked, NumbersOnRecord, SameChild, families_own, not_free, numbered, places_of
from firstcard.run.peers import Peer, Row, open_students
from firstcard.sender import open_delivery
from firstcard.vault import Intent, VaultClosedError, Wrap


class Books(Snapshots, Protocol):
    """The run ledger, as far as weighing reads it."""

    def district(self, sharing: str) -> DistrictState:
        """The district's state, consistently read."""
        ...

    def suspended(self, sharing: str) -> bool:
        """Whether somebody suspended the agreement, consistently read."""
        ...


class Sources(Reader, Protocol):
    """The uploads and the vault, as far as weighing reads them."""

    def read_drop(self, arrival: Arrival) -> bytes:
        """The uploaded object, in exactly the version that arrived."""
        ...


class Secrets(Protocol):
    """Keys that live in the secrets store."""

    def token_key(self, library: str) -> bytes:
        """The library's token key."""
        ...

    def opening_keys(self, district: str) -> Sequence[str]:
        """Secret keys that open this district's files, OpenPGP and age; several while a key is being changed."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A delivery that was opened: its plaintext, how it was protected, and the hash of what it says."""

    plaintext: bytes = field(repr=False)
    protection: str
    content: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a roster means. ``reading`` is without all who get nothing of it; ``narrowed`` counts cards that end because the agreement leaves people out now; ``complete`` and ``dated``: see ``decide``.

    ``known`` is what was known, without those whose no was taken back.
    """

    library: Library
    tokens: Tokens
    reading: Reading
    known: Manifest
    decisions: Decisions
    found: Found
    numbers: Looked
    narrowed: int
    pilot: bool
    complete: bool
    dated: str
    summary: Mapping[str, object]
    """What a person is shown of it: counts and reasons, and nobody's data."""


@dataclass(frozen=True, slots=True)
class Weigher:
    """Weighs rosters. None of its ports writes; ``declare`` alone puts down what is about to be opened, before ``unwrap`` opens it."""

    site: Site
    ledger: Books
    objects: Sources
    secrets: Secrets
    unwrap: Wrap
    declare: Callable[[Intent], None]
    pairs: PairsOnRecord
    numbers: NumbersOnRecord
    patrons: Callable[[Library, datetime], Iterable[Row] | None]
    """The library's own list of its patrons at a moment, each row under the ILS's id as ``id``; None where there is none that may be used."""

    def shut(self, agreement: Agreement, now: datetime) -> Reason | None:
        """Why no file is opened under the agreement at this moment; None if files may come."""
        if reason := closed(agreement, on=now.date(), suspended=self.ledger.suspended(agreement.sharing)):
            return reason
        calendar = agreement.exchange.calendar
        return Reason.ROLLOVER if calendar.is_rollover(calendar.date_of(now)) else None

    def open(self, arrival: Arrival, agreement: Agreement) -> Opened | Refusal:
        """The delivery, opened by the agreement's protection."""
        keys = self.secrets.opening_keys(agreement.district)
        delivered = open_delivery(self.objects.read_drop(arrival), agreement=agreement, secret_keys=keys, limit=limit_of(agreement))
        if isinstance(delivered, Refusal):
            return delivered
        return Opened(delivered.plaintext, delivered.protection, hashlib.sha256(delivered.plaintext).hexdigest())

    def kept(self, agreement: Agreement) -> Kept | None:
        """What the district has sent so far, where files of changes are agreed."""
        if not agreement.exchange.deltas:
            return None
        return Kept(agreement, self.ledger, self.objects, self.ledger.snapshot(agreement.sharing), self.unwrap, self.declare)

    def known(self, agreement: Agreement, state: DistrictState) -> Manifest:
        """The manifest of the last applied roster."""
        return load_manifest(self.objects, agreement.sharing, state.manifest_version)

    def is_known(
        self, content: str, arrival: Arrival, agreement: Agreement, known: Manifest, state: DistrictState, kept: Kept | None
    ) -> bool:
        """Whether the file says what was applied last, and nothing that it depends on became otherwise since."""
        now = datetime.fromisoformat(arrival.received_at)
        # The content that was applied last is news where something else was told since, and rejected: it takes that back.
        same = content == known.content and (kept is None or kept.state.content == content)
        same = same and not self._decided_since(agreement, known, state.applied_received_at, now) and not self._set_free(known)
        same = same and not (known.comes_of_age and known.comes_of_age <= now.date().isoformat())
        same = same and self._taken_back(agreement.sharing, now).keys().isdisjoint(known.patrons)
        same = same and _last_day(agreement, state.applied_received_at) == _last_day(agreement, arrival.received_at)
        return same and known.under in ("", digest_of(agreement)) and not known.pilot

    def read(self, opened: Opened, arrival: Arrival, agreement: Agreement, state: DistrictState, kept: Kept | None) -> Reading | Refusal:
        """What the file says under the agreement. Raises MovedError where another file of changes was planned meanwhile."""
        arrived = mark(arrival.received_at, arrival.run_id)
        told = Told(arrived, kept.earlier, kept.first_arrived(opened.content)) if kept else None
        today = datetime.fromisoformat(arrival.received_at).date()
        reading = read_roster(opened.plaintext, file_name=arrival.key.rsplit("/", 1)[-1], agreement=agreement, today=today, told=told)
        late = state.applied_received_at > arrival.received_at or (kept is not None and kept.state.latest > arrived)
        return Refusal(Reason.STALE_FILE) if late and isinstance(reading, Reading) and not reading.delta else reading

    def weigh(self, arrival: Arrival, agreement: Agreement, reading: Reading, known: Manifest, state: DistrictState) -> Weighed:
        """Compare what the file says with what is known, and decide."""
        now, applied = datetime.fromisoformat(arrival.received_at), state.applied_received_at
        rolled_over = bool(applied) and agreement.exchange.calendar.rolled_over_between(datetime.fromisoformat(applied), now)
        library = self.site.library(agreement.library)
        tokens = Tokens(self.secrets.token_key(library.id), library=library.id, district=agreement.district)
        again = _entitled(self._taken_back(agreement.sharing, now), reading, tokens)
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
        summary = {**_summary(arrival, agreement, reading, decisions), "left_out_now": narrowed, "pilot": pilot}
        if agreed(agreement):
            apart = sum(1 for step in decisions.steps if step.told and step.token in found.mistaken)
            late = sum(1 for step in decisions.steps if step.told and step.token in known.compared.aside)
            summary = {**summary, "matching": found.as_summary(), "set_apart": apart, "after_aside": late}
        summary = {**summary, "census": census_of(reading, decisions, known, found.mistaken, tokens).as_plain()}
        return Weighed(library, tokens, reading, known, decisions, found, numbers, narrowed, pilot, complete, dated, summary)

    def _taken_back(self, sharing: str, now: datetime) -> dict[str, TakenBack]:
        """Whose no was taken back before this file came: what is taken back counts for the files after it."""
        found = self.pairs.taken_back(sharing)
        return {token: back for token, back in found.items() if datetime.fromisoformat(back.at) < now}

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

    def compared_with(self, agreement: Agreement, now: datetime) -> list[Agreement]:
        """The agreements of the library's other districts whose students may be compared with these."""
        if not agreement.compared_across:
            return []
        sharings = {one.sharing for one in self.site.agreements if one.library == agreement.library and one.sharing != agreement.sharing}
        others = [self.site.of_sharing(sharing, now.date()) for sharing in sorted(sharings)]
        return [
            other
            for other in others
            if other and other.compared_across and not closed(other, on=now.date(), suspended=self.ledger.suspended(other.sharing))
        ]

    def _peers(self, agreement: Agreement, now: datetime) -> list[Peer]:
        """The library's other districts whose students may be compared with these, as their last rosters left them."""
        peers = []
        for other in self.compared_with(agreement, now):
            manifest = load_manifest(self.objects, other.sharing, self.ledger.district(other.sharing).manifest_version)
            if manifest.compared.students:
                peers.append(Peer(other.sharing, manifest, partial(self.students_of, other.sharing, manifest.compared.students)))
        return peers

    def students_of(self, sharing: str, key: str) -> Iterable[Row] | None:
        """What the students of an agreement's last roster are compared by; nobody where it is gone, None where it may not be opened."""
        body = self.objects.get(key)
        if body is None:
            return ()
        try:
            return open_students(body, sharing, unwrap=self.unwrap, declare=self.declare)
        except (VaultClosedError, ValueError, KeyError, TypeError):
            return None  # the plan says with how many districts it compared; a roster does not wait for another one's

    def _set_free(self, known: Manifest) -> bool:
        """Whether somebody who got no card because of another district's student, or waits for it, can get one now: that one left."""
        others = {*known.compared.served.values(), *known.compared.awaits.values()}
        if not others:
            return False
        standing = self.pairs.standing(sorted(others))
        return any(not served_still(standing, other) for other in others)


def _last_day(agreement: Agreement, at: str) -> date | None:
    """The last day of a card that is made or touched at a moment; None where there was none."""
    return last_day(agreement.card.expiry, datetime.fromisoformat(at).date()) if at else None


def digest_of(agreement: Agreement) -> str:
    """Another one where anything of the agreement is: then the same roster may mean something else."""
    return hashlib.sha256(agreement.model_dump_json(by_alias=True, warnings=False).encode()).hexdigest()[:16]


def rollout_of(agreement: Agreement) -> str:
    """Another one where the agreement says something else about who gets a card."""
    area = agreement.card.service_area
    said = [agreement.rollout.model_dump_json(exclude={"also_elsewhere"}, warnings=False), area.model_dump_json() if area else ""]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _left_out(reading: Reading, tokens: Tokens, why: Collection[Exclusion]) -> Iterator[str]:
    return (tokens.patron(role, local_id) for (role, local_id), word in reading.excluded_people.items() if word in why)


def _narrowed(reading: Reading, known: Manifest, decisions: Decisions, agreement: Agreement, tokens: Tokens) -> int:
    """How many cards would end because the agreement says something else than before about who gets one: these people are in the file all the same."""
    if known.rollout in ("", rollout_of(agreement)):
        return 0
    ending = {step.token for step in decisions.steps if step.decision is Decision.EXPIRE and not known.patrons[step.token].refused}
    return len(ending.intersection(_left_out(reading, tokens, BY_THE_AGREEMENT)))


def _entitled(again: dict[str, TakenBack], reading: Reading, tokens: Tokens) -> dict[str, TakenBack]:
    """Those in the file whose no was taken back by somebody who may: from 18 on the student alone speaks for itself (34 CFR 99.5), before that it does not.

    Who is not in it stays known: a leaver, and perhaps one whom a run that was broken off has taken up.
    """
    entitled: dict[str, TakenBack] = {}
    for role, local_id, born in reading.people.select("role", "local_id", "birth_date") if again else ():
        if back := again.get(tokens.patron(Role(role), local_id)):
            age = age_on(date.fromisoformat(born), date.fromisoformat(back.at[:10])) if born else None
            if back.said_by == "district" or age is None or (age >= OF_AGE) == (back.said_by == "student"):
                entitled[back.token] = back
    return entitled


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
        "lines": dict(sorted(Counter(str(s.counted) for s in decisions.steps if s.decision is not Decision.NOTHING).items())),
        "by_grade": by_school_and_grade(decisions.steps),
        "without_branch": _without_branch(agreement, decisions),
        "households": len(decisions.contacts),
        "waiting_without_address": without_address,
        "aside_without_address": decisions.aside_without_address,
        "linked": sum(1 for s in decisions.steps if s.ils_id),
        "holds": [str(r) for r in decisions.holds],
    }
