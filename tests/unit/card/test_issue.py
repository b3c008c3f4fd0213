"""Issue is a replay: whatever is tried again, dies half-way or is refused in the middle, the table ends as it should."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firstcard.agreement.vocabulary import Group
from firstcard.card.chunk import Chunk
from firstcard.card.issue import CrowdedError, issue_chunk
from firstcard.card.patron import State
from firstcard.roster import Person, Role
from tests.unit.card.builders import CrashError, MemoryCards, Plans, a_person, rosters, token_of

NUMBERS = range(1, 7)


@dataclass
class Expected:
    """What the table should say of one patron, kept by rules much simpler than the product's."""

    state: State
    issued: bool
    grade: str


class District(RuleBasedStateMachine):
    """One district's runs with crashes, replays, noes and windows in any order, beside a plain dict that says what should come out."""

    def __init__(self) -> None:
        super().__init__()
        self.plans = Plans()
        self.cards = MemoryCards()
        self.last: list[Chunk] = []
        self.model: dict[str, Expected] = {}
        self.noes: set[str] = set()
        self.drawn: dict[str, tuple[str, str]] = {}

    @rule(
        roster=rosters(most=6, numbers=NUMBERS),
        crashes=st.lists(st.integers(1, 12), max_size=2),
        no=st.one_of(st.none(), st.tuples(st.integers(1, 14), st.sampled_from(NUMBERS))),
        replays=st.integers(0, 2),
    )
    def a_run(self, roster: tuple[Person, ...], crashes: list[int], no: tuple[int, int] | None, replays: int) -> None:
        before = set(self.plans.manifest.patrons)
        self.last = self.plans.run(roster)
        writes = 0

        def breaks_in(n: int) -> None:
            nonlocal writes
            writes += 1
            if no and writes == no[0]:
                self._say_no(no[1])
            if crashes and n == crashes[0]:
                crashes.pop(0)
                raise CrashError

        for chunk in self.last:
            self._issued(chunk, breaks_in)
            for _ in range(replays):
                self._changes_nothing(chunk)
        self._expect(roster, before)

    def _issued(self, chunk: Chunk, breaks_in: Callable[[int], None]) -> None:
        self.cards.before_write = breaks_in
        for _ in range(4):
            self.cards.writes = 0
            try:
                issue_chunk(chunk, self.cards)
                break
            except CrashError:
                continue
        self.cards.before_write = lambda n: None

    def _changes_nothing(self, chunk: Chunk) -> None:
        before = self.cards.everything()
        issue_chunk(chunk, self.cards)
        assert self.cards.everything() == before

    def _expect(self, roster: tuple[Person, ...], known: set[str]) -> None:
        for person in roster:
            token = token_of(person)
            if person.opt_out:
                self.noes.add(token)
            issued_at_once = person.role is Role.STAFF
            old = self.model.setdefault(token, Expected(State.ACTIVE if issued_at_once else State.WAITING, issued_at_once, person.grade))
            old.grade = person.grade
            if old.state is State.EXPIRED:
                old.state = State.ACTIVE if old.issued else State.WAITING
        for token in known - {token_of(p) for p in roster}:
            self.model[token].state = State.EXPIRED

    @rule(number=st.sampled_from(NUMBERS))
    def a_family_says_no(self, number: int) -> None:
        self._say_no(number)

    def _say_no(self, number: int) -> None:
        token = token_of(a_person(number))
        self.cards.refuse([token])
        self.noes.add(token)

    @rule()
    def all_windows_are_over(self) -> None:
        self.cards.release()
        for token, expected in self.model.items():
            if expected.state is State.WAITING and token not in self.noes:
                expected.state, expected.issued = State.ACTIVE, True

    @rule()
    def the_last_run_is_replayed(self) -> None:
        for chunk in self.last:
            self._changes_nothing(chunk)

    @invariant()
    def nobody_who_said_no_has_data_or_a_card(self) -> None:
        for token in self.noes:
            patron = self.cards.patrons.get(token)
            assert token in self.cards.refused
            assert patron is None or (patron.state, patron.sealed, patron.envelopes) == (State.REFUSED, {}, {})

    @invariant()
    def everybody_else_stands_where_the_rosters_put_them(self) -> None:
        found = {t: p.state for t, p in self.cards.patrons.items() if t not in self.noes}
        assert found == {t: e.state for t, e in self.model.items() if t not in self.noes}

    @invariant()
    def number_and_pin_are_drawn_once_and_everything_sealed_opens(self) -> None:
        opener = self.plans.opener()
        numbers = {}
        for token, patron in self.cards.patrons.items():
            if patron.state is State.REFUSED:
                continue
            opened = {group: self.cards.opened(opener, token, Group(group)) for group in patron.sealed}
            numbers[token] = opened[Group.CARD]["number"]
            pair = (opened[Group.CARD]["number"], opened[Group.PIN]["pin"])
            assert self.drawn.setdefault(token, pair) == pair
            assert opened[Group.ENROLMENT]["grade"] == self.model[token].grade or patron.state is State.EXPIRED
        assert len(set(numbers.values())) == len(numbers)

    @invariant()
    def no_refused_child_is_announced(self) -> None:
        for line in self.cards.families.values():
            assert all(t in self.cards.patrons or t in self.noes for t in line.announce)


TestDistrict = District.TestCase
TestDistrict.settings = settings(max_examples=150, stateful_step_count=15, deadline=None)


def chunk_of(people: list[Person], plans: Plans | None = None) -> Chunk:
    (chunk,) = (plans or Plans()).run(people)
    return chunk


@pytest.mark.parametrize("write", range(1, 9))
def test_a_function_killed_at_any_write_and_tried_again_ends_the_same_byte_for_byte(write: int) -> None:
    chunk = chunk_of([a_person(n) for n in range(3)])
    undisturbed, killed = MemoryCards(), MemoryCards()
    issue_chunk(chunk, undisturbed)

    def dies(n: int) -> None:
        if n == write:
            raise CrashError

    killed.before_write = dies
    try:
        issue_chunk(chunk, killed)
    except CrashError:
        killed.before_write = lambda n: None
        issue_chunk(chunk, killed)
    assert killed.everything() == undisturbed.everything()


@pytest.mark.parametrize("write", range(1, 8))
def test_a_no_at_any_moment_of_issue_leaves_no_card_and_no_data(write: int) -> None:
    child = a_person(1)
    chunk, cards = chunk_of([a_person(n) for n in range(3)]), MemoryCards()
    cards.before_write = lambda n: cards.refuse([token_of(child)]) if n == write else None
    issue_chunk(chunk, cards)
    patron = cards.patrons.get(token_of(child))
    assert patron is None or (patron.state, patron.sealed) == (State.REFUSED, {})
    assert {cards.patrons[token_of(a_person(n))].state for n in (0, 2)} == {State.WAITING}


def test_a_no_between_a_crash_and_the_next_try_is_kept() -> None:
    child = a_person(1)
    chunk, cards = chunk_of([child]), MemoryCards()

    def says_no_and_dies(n: int) -> None:
        if n == 3:
            cards.refuse([token_of(child)])
        if n == 4:
            raise CrashError

    cards.before_write = says_no_and_dies
    with pytest.raises(CrashError):
        issue_chunk(chunk, cards)
    cards.before_write = lambda n: None
    issue_chunk(chunk, cards)
    assert (cards.patrons[token_of(child)].state, cards.patrons[token_of(child)].sealed) == (State.REFUSED, {})


def test_the_data_keys_are_there_before_anything_that_they_open() -> None:
    plans, cards = Plans(), MemoryCards()
    people = [a_person(n) for n in range(3)]
    issue_chunk(chunk_of(people, plans), cards)
    again = chunk_of([replace(p, grade="05") for p in people], plans)

    def all_open(_: int) -> None:
        assert all(name in cards.wrapped for p in cards.patrons.values() for name in p.envelopes.values())

    cards.before_write = all_open
    issue_chunk(again, cards)
    all_open(0)


def test_a_household_is_heard_of_after_its_members_stand_as_they_are_to_be() -> None:
    plans, cards = Plans(), MemoryCards()
    child = a_person(1)
    for roster in ([child], []):
        for chunk in plans.run(roster):
            issue_chunk(chunk, cards)
    back = chunk_of([child], plans)
    seen = []
    tell = cards.tell

    def watched(chunk: Chunk) -> None:
        seen.append(cards.patrons[token_of(child)].state)
        tell(chunk)

    cards.tell = watched  # type: ignore[method-assign]
    issue_chunk(back, cards)
    assert seen == [State.WAITING]


def test_the_counts_say_what_was_written() -> None:
    plans, cards = Plans(), MemoryCards()
    people = [a_person(n) for n in range(4)]
    cards.refuse([token_of(people[3])])
    assert issue_chunk(chunk_of(people, plans), cards) == {"new": 3, "unchanged": 1}
    assert issue_chunk(chunk_of([replace(people[0], grade="05"), *people[1:2]], plans), cards) == {"changed": 2, "unchanged": 1}


def test_who_is_changed_by_others_again_and_again_is_left_to_the_next_try() -> None:
    plans, cards = Plans(), MemoryCards()
    issue_chunk(chunk_of([a_person(1)], plans), cards)
    token = token_of(a_person(1))

    def changes_it(_: int) -> None:
        cards.patrons[token] = replace(cards.patrons[token], version=cards.patrons[token].version + 1)

    cards.before_write = changes_it
    with pytest.raises(CrowdedError):
        issue_chunk(chunk_of([a_person(1, grade="05")], plans), cards)
