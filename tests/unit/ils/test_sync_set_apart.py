"""A link that a person found to be wrong, in the ILS: the stranger's card loses the token first, and nothing else of it is ever asked for."""

import pytest

from firstcard.card.issue import issue_chunk
from firstcard.card.patron import Ownership, State
from firstcard.ils import Refused, SyncReason, Unreachable
from tests.unit.card.builders import CrashError, Plans, a_person, token_of
from tests.unit.ils.test_sync import CHILD, TODAY, TOKEN, Library
from tests.unit.ils.test_sync_linked import linking

WRONG, RIGHT = "4711", "4712"


def set_apart(library: Library, *, now: str = "") -> None:
    """The next roster after a person's word: a card of its own, or another link."""
    library.plans.linked = {TOKEN: now} if now else {}
    library.plans.mistaken = {TOKEN: library.store.patrons[TOKEN].existing}
    library.issued(CHILD)
    library.plans.mistaken = {}


def wrongly_linked(*, synced: bool = True) -> Library:
    library = Library(Plans(agreement=linking(), linked={TOKEN: WRONG}))
    library.issued(CHILD)
    if synced:
        library.sync(CHILD)
    return library


def in_step(library: Library) -> bool:
    """The token is on the child's own card alone, which is on record under the ILS's number of it."""
    state = library.store.ils[TOKEN]
    stranger = library.shelf.carried.get(WRONG, set())
    return (state.state, state.ils_id, state.version, stranger) == ("in_ils", "17", library.store.patrons[TOKEN].version, set())


@pytest.mark.parametrize("synced", [True, False], ids=["after sync", "between issue and sync"])
def test_the_token_leaves_the_strangers_card_and_the_child_gets_its_own(synced: bool) -> None:
    library = wrongly_linked(synced=synced)
    set_apart(library)
    for _ in range(3):
        assert library.sync(CHILD) == frozenset()
        assert in_step(library)
    assert (library.shelf.puts, library.shelf.ends) == (1, {})
    assert library.shelf.patrons[TOKEN].separate


def test_the_token_goes_to_another_card_of_the_family() -> None:
    library = wrongly_linked()
    set_apart(library, now=RIGHT)
    library.sync(CHILD)
    assert library.shelf.carried == {WRONG: set(), RIGHT: {TOKEN}}
    assert (library.store.ils[TOKEN].ils_id, library.state(CHILD)[0]) == (RIGHT, "in_ils")
    assert [held for _, held, _ in library.shelf.link_calls] == [False, False]


@pytest.mark.parametrize("given_up", [False, True])
def test_nothing_is_made_before_the_strangers_card_is_free(given_up: bool) -> None:
    library = wrongly_linked()
    set_apart(library)
    library.shelf.answers = [Unreachable(SyncReason.NO_ANSWER)]
    assert library.sync(CHILD, given_up=frozenset({TOKEN} if given_up else ())) == {TOKEN}
    assert (library.shelf.puts, library.shelf.carried) == (0, {WRONG: {TOKEN}})
    assert library.sync(CHILD) == frozenset()
    assert in_step(library)


def test_a_refused_unlinking_is_a_failure_that_knows_no_number_of_the_childs_own() -> None:
    library = wrongly_linked()
    set_apart(library)
    library.shelf.answers = [Refused(SyncReason.FIELD_REFUSED, WRONG)]
    assert library.sync(CHILD) == frozenset()
    assert (library.state(CHILD)[::2], library.store.ils[TOKEN].ils_id, library.shelf.puts) == (("failed", "field_refused"), "", 0)
    assert library.sync(CHILD) == frozenset()
    assert in_step(library)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_call_that_dies_anywhere_is_made_good_by_the_next(nth: int) -> None:
    library = wrongly_linked()
    set_apart(library)
    written = library.store.writes

    def dies() -> None:
        raise CrashError

    def dies_at_the_record(write: int) -> None:
        if write == written + 1:
            raise CrashError

    if nth == 1:  # between the unlinking and the new card
        library.shelf.before_put = dies
    else:
        library.store.before_write = dies_at_the_record
    for _ in range(nth):
        with pytest.raises(CrashError):
            library.sync(CHILD)
        written = library.store.writes
        assert library.shelf.carried == {WRONG: set()}
    library.shelf.before_put, library.store.before_write = lambda: None, lambda n: None
    for _ in range(2):
        assert library.sync(CHILD) == frozenset()
        assert in_step(library)


@pytest.mark.parametrize("ends", ["no", "no by the record alone", "leaves"])
@pytest.mark.parametrize("reached", [True, False], ids=["after sync", "before sync"])
def test_who_says_no_or_leaves_ends_nothing_of_the_stranger(ends: str, reached: bool) -> None:
    library = wrongly_linked()
    set_apart(library)
    if reached:
        library.sync(CHILD)
    if ends == "no":
        library.store.refuse([TOKEN])
    elif ends == "leaves":
        library.issued()
    else:
        library.store.refused[TOKEN] = "family"
    asked: list[str | None] = []
    ending = library.shelf.end

    def end(ils_id: str | None, **terms: object) -> object:
        asked.append(ils_id)
        return ending(ils_id, **terms)  # type: ignore[arg-type]

    library.shelf.end = end  # type: ignore[method-assign,assignment]
    for _ in range(2):
        assert library.sync(CHILD) == frozenset()
    assert set(asked) == ({"17"} if reached else {None})
    assert library.shelf.carried == {WRONG: set()}
    assert library.state(CHILD)[0] == "ended"
    assert library.shelf.puts == int(reached)


def test_a_no_while_the_new_card_is_made_ends_that_one() -> None:
    library = wrongly_linked()
    set_apart(library)
    library.shelf.before_put = lambda: library.store.refused.setdefault(TOKEN, "family")
    library.sync(CHILD)
    assert (library.shelf.ends, library.shelf.carried) == ({TOKEN: TODAY}, {WRONG: set()})


def test_a_word_that_comes_while_the_link_is_made_is_heard_in_the_same_call() -> None:
    library = wrongly_linked(synced=False)

    def heard() -> None:
        library.shelf.before_put = lambda: None
        set_apart(library)

    library.shelf.before_put = heard
    assert library.sync(CHILD) == frozenset()
    assert in_step(library)


def test_under_a_suspended_agreement_the_stranger_is_freed_and_the_card_comes_later() -> None:
    library = wrongly_linked()
    set_apart(library)
    assert library.sync(CHILD, allowed=False) == {TOKEN}
    assert (library.shelf.carried, library.shelf.puts) == ({WRONG: set()}, 0)
    assert library.sync(CHILD) == frozenset()
    assert in_step(library)


def test_of_two_wrong_links_that_the_ils_heard_nothing_of_both_are_undone() -> None:
    library = wrongly_linked()
    set_apart(library, now=RIGHT)
    library.shelf.carried[RIGHT] = {TOKEN}  # linked by a call that died before its record
    set_apart(library)
    assert library.store.patrons[TOKEN].mistaken == (WRONG, RIGHT)
    library.sync(CHILD)
    assert library.shelf.carried == {WRONG: set(), RIGHT: set()}
    assert in_step(library)


def test_once_it_has_its_own_card_the_stranger_is_not_asked_for_again() -> None:
    library = wrongly_linked()
    set_apart(library)
    library.sync(CHILD)
    library.shelf.carried[WRONG] = {TOKEN}  # somebody at the library put it there since
    library.issued(a_person(1, grade="05"))
    library.sync(CHILD)
    assert library.shelf.carried == {WRONG: {TOKEN}}


def test_a_child_in_its_days_asks_the_ils_nothing() -> None:
    library = Library(Plans(agreement=linking(), linked={TOKEN: WRONG}))
    for mistaken in ({}, {TOKEN: WRONG}):
        library.plans.mistaken = mistaken
        for chunk in library.plans.run([CHILD]):
            issue_chunk(chunk, library.store)
        library.plans.linked = {}
        library.sync(CHILD)
    patron = library.store.patrons[TOKEN]
    assert (patron.state, patron.ownership, library.store.ils) == (State.WAITING, Ownership.CREATED_BY_US, {})
    library.store.release()
    library.sync(CHILD)
    assert in_step(library)


def test_the_right_child_is_linked_when_the_wrong_one_is_not_any_more() -> None:
    other = a_person(2)
    library = wrongly_linked()
    library.plans.linked = {token_of(other): WRONG}
    library.plans.mistaken = {TOKEN: WRONG}
    library.issued(CHILD, other)
    library.plans.mistaken = {}
    library.shelf.answers = [Refused(SyncReason.LINKED_TO_ANOTHER)]
    assert library.sync(other) == {token_of(other)}, "the other's link may be on its way out"
    assert token_of(other) not in library.store.ils
    assert library.sync(CHILD, other) == frozenset()
    assert library.shelf.carried == {WRONG: {token_of(other)}}
    assert (library.state(CHILD)[0], library.store.ils[TOKEN].ils_id) == ("in_ils", "17")


def test_a_card_that_stays_another_students_is_a_failure_in_the_end() -> None:
    library = wrongly_linked(synced=False)
    library.shelf.answers = [Refused(SyncReason.LINKED_TO_ANOTHER)]
    assert library.sync(CHILD, given_up=frozenset({TOKEN})) == frozenset()
    assert library.state(CHILD)[::2] == ("failed", "linked_to_another")
