"""Rosters, plans and a cards table in memory, to be changed by the one thing that a test is about."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from random import Random

from hypothesis import strategies as st

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.chunk import Chunk
from firstcard.card.claim import Claim, Unnumbered
from firstcard.card.fallout import Became
from firstcard.card.issue import CrowdedError, Standing
from firstcard.card.manifest import Manifest
from firstcard.card.number import SerialBlock
from firstcard.card.pair import MACHINE, Answer, Kind, Pair, decided
from firstcard.card.patron import Patron, Stamp, State, refuse, release
from firstcard.card.plan import Builder, Decisions, Draw, PlannedChunk, decide, next_manifest
from firstcard.card.view import Household, IlsState, NoticeMark, OnFile, PinMark, RecordedNo, View
from firstcard.identity import Tokens
from firstcard.roster import Person, Role
from firstcard.vault import Envelope
from firstcard.vault.seal import Opener
from tests.unit.agreement.builders import a_library, an_agreement
from tests.unit.vault.builders import KeyService

TOKENS = Tokens(bytes(range(32)), library="oak", district="pine")
AGREEMENT = an_agreement()
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def a_person(number: int = 1, **changes: object) -> Person:
    """A student, or with ``role=Role.STAFF`` a member of staff; ``number`` tells people apart."""
    person = Person(
        file="roster.csv",
        line=number + 1,
        role=Role.STUDENT,
        local_id=f"{100000 + number}",
        last_name="Pine",
        first_name="Ada",
        birth_date=date(2016, 5, 4),
        grade="04",
        school_id="school-1",
        email=f"family{number}@example.org",
        language="en",
    )
    return replace(person, **changes)  # type: ignore[arg-type]


def token_of(person: Person) -> str:
    return TOKENS.patron(person.role, person.local_id)


@st.composite
def rosters(draw: st.DrawFn, *, most: int = 12, numbers: Iterable[int] = range(1, 30)) -> tuple[Person, ...]:
    """People with different ids, some of one household, some staff, some without an address, some refused."""
    chosen = draw(st.lists(st.sampled_from(sorted(numbers)), unique=True, max_size=most))
    people = []
    for number in chosen:
        staff = draw(st.integers(0, 5)) == 0
        email = draw(st.sampled_from(["", "a@example.org", "b@example.org", f"family{number}@example.org"]))
        people.append(
            a_person(
                number,
                role=Role.STAFF if staff else Role.STUDENT,
                email=f"staff{number}@example.org" if staff else email,
                grade=draw(st.sampled_from(["03", "04", "05"])),
                opt_out=not staff and draw(st.integers(0, 7)) == 0,
            )
        )
    return tuple(people)


@dataclass
class Plans:
    """Plans rosters one after the other, as a district's runs do; ``keys`` wraps, ``serials`` counts the library's block, ``linked`` are those who are patrons."""

    agreement: Agreement = AGREEMENT
    keys: KeyService = field(default_factory=KeyService)
    manifest: Manifest = field(default_factory=Manifest)
    runs: int = 0
    serials: int = 0
    linked: dict[str, str] = field(default_factory=dict)
    mistaken: dict[str, str] = field(default_factory=dict)
    """Those whose link a person found to be wrong, as planning finds them."""

    def decide(self, people: Sequence[Person], *, rejected: Iterable[Person] = (), rolled_over: bool = False) -> Decisions:
        gone = tuple(rejected)
        return decide(
            people,
            self.manifest,
            agreement=self.agreement,
            tokens=TOKENS,
            rejected=len(gone),
            rejected_tokens=frozenset(map(token_of, gone)),
            rolled_over=rolled_over,
            linked=self.linked,
            mistaken=self.mistaken,
        )

    def chunks(self, people: Sequence[Person], *, rejected: Iterable[Person] = ()) -> list[PlannedChunk]:
        """The planned chunks of the next run; nothing is applied."""
        self.runs += 1
        random = Random(self.runs)
        draw = Draw(random.randbytes, random.randrange, SerialBlock(self._reserve))
        builder = Builder(self.agreement, a_library(), TOKENS, self.keys.wrap, draw, f"{self.runs:024x}", NOW)
        return list(builder.chunks(self.decide(people, rejected=rejected)))

    def applied(self, people: Sequence[Person], *, rejected: Iterable[Person] = ()) -> None:
        """The district's manifest after this roster."""
        gone = tuple(rejected)
        decisions = self.decide(people, rejected=gone)
        self.manifest = next_manifest(self.manifest, decisions, content=f"{self.runs}")

    def run(self, people: Sequence[Person]) -> list[Chunk]:
        """The chunks of a run that is applied."""
        made = [Chunk.from_bytes(chunk.body) for chunk in self.chunks(people)]
        self.applied(people)
        return made

    def opener(self, purpose: Purpose = Purpose.SYNC_ILS) -> Opener:
        return Opener(purpose=purpose, unwrap=self.keys.unwrap, declare=self.keys.declare, clock=lambda: 0.0)

    def _reserve(self, count: int) -> int:
        first, self.serials = self.serials, self.serials + count
        return first


def a_pair(token: str, ils_id: str, **changes: object) -> Pair:
    """A student and a patron of the library whom the machine put together."""
    stamp = Stamp("oak.pine", AGREEMENT.id, "oak", "pine", "1" * 24, NOW.isoformat())
    pair = Pair(
        left=token,
        right=TOKENS.existing(ils_id),
        kind=Kind.PATRON,
        answer=Answer.SAME,
        by=MACHINE,
        since=NOW.isoformat(),
        weight=40.0,
        evidence="first=exact;last=exact;dob=exact",
        vetoes=(),
        rules="2026-11-b",
        stamp=stamp,
        ils_id=ils_id,
    )
    return replace(pair, **changes)  # type: ignore[arg-type]


class CrashError(Exception):
    """The function died here."""


class MemoryCards:
    """The cards table as far as issue, refuse and window need it, one write at a time, with a place to break in before each.

    ``before_write(n)`` is called before the n-th write (from 1) and may raise CrashError, or say no for somebody.
    """

    def __init__(self) -> None:
        self.patrons: dict[str, Patron] = {}
        self.refused: dict[str, str] = {}
        self.wrapped: dict[str, Envelope] = {}
        self.families: dict[str, Household] = {}
        self.on_record: dict[str, Pair] = {}
        self.claims: dict[str, str] = {}
        self.unnumbered: set[tuple[str, str]] = set()
        self.said: dict[str, Became] = {}
        self.writes = 0
        self.before_write: Callable[[int], None] = lambda n: None
        self._broken_into = False

    def _write(self) -> None:
        if self._broken_into:
            return
        self.writes += 1
        self._broken_into = True
        try:
            self.before_write(self.writes)
        finally:
            self._broken_into = False

    def standing(self, tokens: Sequence[str]) -> Standing:
        return Standing({t: self.patrons[t] for t in tokens if t in self.patrons}, {t for t in tokens if t in self.refused})

    def refusals(self, tokens: Sequence[str]) -> set[str]:
        return {t for t in tokens if t in self.refused}

    def record_refusals(self, tokens: Sequence[str], *, by: str, stamp: Stamp) -> None:
        for token in tokens:
            if token not in self.refused:
                self._write()
                self.refused.setdefault(token, by)

    def claim_numbers(self, claims: Sequence[Claim]) -> set[str]:
        for start in range(0, len(claims), 100):
            self._write()
            for claim in claims[start : start + 100]:
                self.claims.setdefault(claim.number, claim.token)
        return {claim.number for claim in claims if self.claims[claim.number] != claim.token}

    def holders(self, numbers: Sequence[str]) -> dict[str, str]:
        return {number: self.claims[number] for number in numbers if number in self.claims}

    def leave_without_number(self, people: Sequence[Unnumbered]) -> None:
        self._write()
        self.unnumbered |= {(one.stamp.run_id, one.token) for one in people}

    def add(self, chunk: Chunk, patrons: Sequence[Patron]) -> None:
        self._write()
        self.wrapped[chunk.object] = replace(chunk.envelope, at=chunk.at)
        for patron in patrons:
            self._write()
            self.patrons[patron.token] = patron

    def note(self, chunk: Chunk, said: Became) -> None:
        self._write()
        self.said[chunk.object] = said

    def tell(self, chunk: Chunk) -> None:
        for line in chunk.households:
            self._write()
            stamp = Stamp(chunk.sharing, chunk.agreement, chunk.library, chunk.district, chunk.run_id, chunk.at)
            self.families[line.household] = Household(
                line.household, line.kind, line.children, line.announce, line.sealed, chunk.object, stamp
            )

    def change(self, patron: Patron) -> bool:
        self._write()
        before = self.patrons.get(patron.token)
        if before is None or before.version != patron.version - 1:
            return False
        self.patrons[patron.token] = patron
        return True

    def pairs(self, ids: Sequence[str]) -> dict[str, Pair]:
        return {one: self.on_record[one] for one in ids if one in self.on_record}

    def add_pairs(self, pairs: Sequence[Pair]) -> None:
        for pair in pairs:
            self._write()
            self.on_record[pair.id] = pair

    def change_pair(self, pair: Pair) -> bool:
        self._write()
        free = self.on_record[pair.id].by == MACHINE
        if free:
            self.on_record[pair.id] = pair
        return free

    def set_apart(self, token: str, ils_id: str) -> None:
        """A person says that a student is not that patron of the library."""
        pair = a_pair(token, ils_id)
        self.on_record[pair.id] = decided(pair, Answer.APART, by="ann", at=NOW.isoformat())

    def refuse(self, tokens: Sequence[str]) -> None:
        """A family's no: the suppression first, then the patrons that are there."""
        stamp = Stamp("oak.pine", AGREEMENT.id, "oak", "pine", "f" * 24, NOW.isoformat())
        self.record_refusals(tokens, by="family", stamp=stamp)
        for patron in self.standing(tokens).patrons.values():
            if patron.state is not State.REFUSED and not self.change(refuse(patron, run_id=patron.run_id, at=stamp.at)):
                raise CrowdedError

    def release(self) -> None:
        """All windows are over."""
        for token, patron in list(self.patrons.items()):
            if patron.state is State.WAITING and token not in self.refused:
                self.change(release(patron, at=NOW.isoformat()))

    def everything(self) -> object:
        """All that the table holds, to be compared."""
        return (
            dict(self.patrons),
            dict(self.refused),
            {name: (e.sharing, {g: dict(p) for g, p in e.keys.items()}) for name, e in self.wrapped.items()},
            dict(self.families),
            dict(self.claims),
            set(self.unnumbered),
        )

    def opened(self, opener: Opener, token: str, group: Group) -> dict[str, str]:
        patron = self.patrons[token]
        return opener.open(self.wrapped[patron.envelopes[group]], token, group, patron.sealed[group])


class MemoryStore(MemoryCards):
    """The cards table as sync, notify and the page that shows PINs need it, too."""

    def __init__(self) -> None:
        super().__init__()
        self.ils: dict[str, IlsState] = {}
        self.notices: dict[tuple[str, str, str], NoticeMark] = {}
        self.tries: dict[tuple[str, date], int] = {}
        self.pins_shown: dict[tuple[str, str], PinMark] = {}

    def view(self, tokens: Sequence[str], *, notices: Sequence[tuple[str, str, str]] = ()) -> View:
        standing = self.standing(tokens)
        states = {t: self.ils[t] for t in tokens if t in self.ils}
        return View(
            standing.patrons, standing.refused, states, {(k, t): self.notices[h, k, t] for h, k, t in notices if (h, k, t) in self.notices}
        )

    def record_ils(self, states: Sequence[IlsState]) -> None:
        for state in states:
            self._write()
            self.ils[state.token] = state

    def households(self, households: Sequence[str]) -> dict[str, Household]:
        return {h: self.families[h] for h in households if h in self.families}

    def envelopes(self, objects: Sequence[str]) -> dict[str, Envelope]:
        return {o: self.wrapped[o] for o in objects if o in self.wrapped}

    def claim(self, groups: Sequence[Sequence[NoticeMark]]) -> list[bool]:
        won = []
        for group in groups:
            known = [self.notices.get((m.household, m.kind, m.token)) for m in group]
            mine = [
                k is None or k.state == "open" or (k.state == "claimed" and k.claimed_by == m.claimed_by)
                for k, m in zip(known, group, strict=True)
            ]
            won.append(all(mine))
            if won[-1]:
                self.mark(group)
        return won

    def mark(self, marks: Sequence[NoticeMark]) -> None:
        for m in marks:
            self._write()
            self.notices[m.household, m.kind, m.token] = m

    def on_file(self, token: str) -> OnFile:
        no = RecordedNo(self.refused[token], NOW.isoformat()) if token in self.refused else None
        return OnFile(self.patrons.get(token), no, self.ils.get(token))

    def add_envelope(self, envelope: Envelope, stamp: Stamp) -> None:
        self._write()
        self.wrapped[envelope.object] = replace(envelope, at=stamp.at)

    def take_try(self, household: str, day: date, *, most: int) -> bool:
        if self.tries.get((household, day), 0) >= most:
            return False
        self._write()
        self.tries[household, day] = self.tries.get((household, day), 0) + 1
        return True

    def give_try_back(self, household: str, day: date) -> None:
        self._write()
        self.tries[household, day] -= 1

    def pin_marks(self, pins: Sequence[tuple[str, str]]) -> dict[str, PinMark]:
        return {pin[0]: self.pins_shown[pin] for pin in pins if pin in self.pins_shown}

    def mark_pin(self, mark: PinMark) -> PinMark:
        self._write()
        return self.pins_shown.setdefault((mark.token, mark.object), mark)

    def settle(self, token: str, state: str = "in_ils", *, version: int | None = None) -> None:
        """The ILS accepted, or failed, the patron as it stands, its PIN with it, or at another ``version``."""
        patron = self.patrons[token]
        self.ils[token] = IlsState(
            token,
            patron.role,
            patron.household,
            state,
            version or patron.version,
            "17",
            "" if state != "failed" else "no_answer",
            patron.stamp,
            patron.envelopes.get(Group.PIN, "") if state == "in_ils" else "",
        )
