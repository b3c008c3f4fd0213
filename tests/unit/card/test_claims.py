"""No two people of a library ever have one number, whatever order of rosters, crashes, replays, noes and districts."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.chunk import Chunk
from firstcard.card.issue import issue_chunk
from firstcard.card.manifest import Manifest
from firstcard.card.number import SerialBlock
from firstcard.card.patron import State
from firstcard.card.plan import Builder, Decisions, Draw, decide, next_manifest
from firstcard.identity import Tokens
from firstcard.roster import Person, Reading
from firstcard.roster.roll import Roll
from firstcard.run.checking import as_planned, without
from firstcard.run.finishing import without_numbers
from firstcard.run.numbering import not_free, numbered, places_of
from firstcard.vault.seal import Opener
from tests.unit.agreement.builders import a_library, an_agreement
from tests.unit.card.builders import NOW, CrashError, MemoryCards, a_person
from tests.unit.vault.builders import KeyService

FIELD = {"required": False, "exhibit_b": "As listed.", "fideslang": "user.unique_id"}
FORMS = {"formats": ["csv"], "mapping": {}}
SCHEMES = {
    "state_id": {"scheme": "state_id", "prefix": "", "length": 5},
    "supplied": {"scheme": "supplied", "prefix": "", "length": 5},
    "student_id": {"scheme": "student_id", "prefix": "", "length": 6},
    "prefix_student_id": {"scheme": "prefix_student_id", "prefix": "9", "length": 7},
    "library_barcode": {"scheme": "library_barcode", "prefix": "", "length": 14},
}
IDS = ("7", "07", "007", "12", "012", "a1", "A1")
OUTSIDE = ("", "00000", "10001", "1001A", "1001a", "10002", "1-2", "123456", "20003")


def under(scheme: str, district: str) -> Agreement:
    fields = {"state_id": FIELD} | ({"card_number": FIELD} if scheme == "supplied" else {})
    number = dict(SCHEMES[scheme])
    if district == "fir" and number["prefix"]:
        number["prefix"] = "8"
    return an_agreement(
        district=district, id=f"dsa-{district}", without=("exchange.mapping",), exchange=FORMS, fields=fields, card={"number": number}
    )


class ADistrict:
    """One district's rosters against the library's one table, planned and finished as runs are."""

    def __init__(self, name: str, scheme: str, library: "ALibrary") -> None:
        self.agreement, self.library = under(scheme, name), library
        self.tokens = Tokens(bytes(range(32)), library="oak", district=name)
        self.manifest = Manifest()

    def planned(self, people: tuple[Person, ...], claims: MemoryCards) -> tuple[Decisions, list[Chunk], str]:
        reading = Reading(format="csv", people=Roll.of(people), problems=(), rows=len(people), rejected={}, excluded={}, dropped=())
        reading = as_planned(reading, self.agreement, numbered(reading, self.manifest, self.agreement, self.tokens))
        decisions = self._decided(reading)
        looked = not_free(decisions, self.manifest, agreement=self.agreement, library=a_library(), tokens=self.tokens, on_record=claims)
        decisions = self._decided(without(reading, places_of(reading, looked.taken, self.tokens)))
        self.library.runs += 1
        run_id = f"{self.library.runs:024x}"
        random = Random(self.library.runs)
        draw = Draw(random.randbytes, random.randrange, SerialBlock(self.library.reserve))
        builder = Builder(self.agreement, a_library(), self.tokens, self.library.keys.wrap, draw, run_id, NOW)
        return decisions, [Chunk.from_bytes(chunk.body) for chunk in builder.chunks(decisions)], run_id

    def _decided(self, reading: Reading) -> Decisions:
        gone = frozenset(self.tokens.patron(role, local_id) for role, local_id in reading.rejected_people)
        return decide(reading.people, self.manifest, agreement=self.agreement, tokens=self.tokens, rejected_tokens=gone)

    def finished(self, decisions: Decisions, run_id: str, cards: MemoryCards) -> None:
        lost = {token for run, token in cards.unnumbered if run == run_id}
        self.manifest = without_numbers(next_manifest(self.manifest, decisions, content=run_id), lost)


class ALibrary:
    def __init__(self) -> None:
        self.keys, self.runs, self.serials = KeyService(), 0, 0

    def reserve(self, count: int) -> int:
        first, self.serials = self.serials, self.serials + count
        return first


people = st.lists(
    st.tuples(st.sampled_from(IDS), st.sampled_from(OUTSIDE), st.sampled_from(["04", "05"]), st.integers(0, 9)),
    unique_by=lambda one: one[0],
    max_size=4,
).map(
    lambda rows: tuple(
        a_person(n, local_id=i, state_id=x, card_number=x, grade=grade, opt_out=no == 0) for n, (i, x, grade, no) in enumerate(rows)
    )
)
districts = st.sampled_from(["pine", "fir"])


class Numbers(RuleBasedStateMachine):
    """Two districts of one library. Runs of both may lie between plan and issue at once; items of patrons may be removed; nothing may give a number twice."""

    scheme = ""

    def __init__(self) -> None:
        super().__init__()
        self.library, self.cards = ALibrary(), MemoryCards()
        self.districts = {name: ADistrict(name, self.scheme, self.library) for name in ("pine", "fir")}
        self.opener = Opener(
            purpose=Purpose.SYNC_ILS, unwrap=self.library.keys.unwrap, declare=self.library.keys.declare, clock=lambda: 0.0
        )
        self.ever: dict[str, str] = {}
        self.last: list[Chunk] = []

    @rule(name=districts, roster=people, crashes=st.lists(st.integers(1, 9), max_size=2))
    def a_run(self, name: str, roster: tuple[Person, ...], crashes: list[int]) -> None:
        district = self.districts[name]
        decisions, chunks, run_id = district.planned(roster, self.cards)
        self._issued(chunks, crashes)
        district.finished(decisions, run_id, self.cards)

    @rule(one=people, other=people, crashes=st.lists(st.integers(1, 9), max_size=2), replayed=st.booleans())
    def two_runs_at_once(self, one: tuple[Person, ...], other: tuple[Person, ...], crashes: list[int], replayed: bool) -> None:
        plans = [
            (self.districts[name], self.districts[name].planned(roster, self.cards)) for name, roster in (("pine", one), ("fir", other))
        ]
        for _, (_, chunks, _) in plans:
            self._issued(chunks, crashes)
        if replayed:
            for _, (_, chunks, _) in plans:
                self._issued(chunks, [])
        for district, (decisions, _, run_id) in plans:
            district.finished(decisions, run_id, self.cards)

    @rule(name=districts, roster=people, crash=st.integers(1, 6))
    def a_run_is_given_up(self, name: str, roster: tuple[Person, ...], crash: int) -> None:
        """Its chunks were written in part or not at all, and no manifest knows."""
        _, chunks, _ = self.districts[name].planned(roster, self.cards)
        self.cards.writes = 0
        self.cards.before_write = _dies_at(crash)
        try:
            for chunk in chunks:
                issue_chunk(chunk, self.cards)
        except CrashError:
            pass
        self.cards.before_write = lambda n: None
        self.last = []
        self._look()

    @rule()
    def the_last_chunks_are_replayed(self) -> None:
        before = self.cards.everything()
        for chunk in self.last:
            issue_chunk(chunk, self.cards)
        assert self.cards.everything() == before

    @rule(pick=st.integers(0, 20))
    def a_patron_is_removed(self, pick: int) -> None:
        if self.cards.patrons:
            token = sorted(self.cards.patrons)[pick % len(self.cards.patrons)]
            del self.cards.patrons[token]
            self.last = []

    def _issued(self, chunks: list[Chunk], crashes: list[int]) -> None:
        for chunk in chunks:
            for _ in range(len(crashes) + 1):
                self.cards.writes = 0
                self.cards.before_write = _dies_at(crashes.pop() if crashes else 0)
                try:
                    issue_chunk(chunk, self.cards)
                    break
                except CrashError:
                    self._look()
            else:
                self.cards.before_write = lambda n: None
                issue_chunk(chunk, self.cards)
            self.cards.before_write = lambda n: None
            self._look()
        self.last = chunks

    @invariant()
    def a_number_is_one_persons_for_good(self) -> None:
        self._look()

    def _look(self) -> None:
        """Whose each number is, and was: opened as the ILS gets it, so that nothing rests on the tokens being right."""
        for token, patron in self.cards.patrons.items():
            if patron.state is State.REFUSED or Group.CARD not in patron.sealed:
                continue
            number = self.cards.opened(self.opener, token, Group.CARD)["number"].upper()
            assert self.ever.setdefault(number, token) == token


def _dies_at(nth: int) -> Callable[[int], None]:
    def dies(n: int) -> None:
        if n == nth:
            raise CrashError

    return dies


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_two_people_ever_have_one_number(scheme: str) -> None:
    machine = type(f"Numbers_{scheme}", (Numbers,), {"scheme": scheme})
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=10, deadline=None))
