"""Linked cards in step: linked once, looked at when something changes, and only ever unlinked."""

from dataclasses import replace
from datetime import date

import pytest

from firstcard.agreement import Agreement
from firstcard.card.expiry import school_year_end
from firstcard.card.issue import issue_chunk
from firstcard.ils import SyncReason, Unreachable
from tests.unit.agreement.builders import MATCHING, an_agreement
from tests.unit.card.builders import Plans, a_person
from tests.unit.ils.test_sync import CHILD, TOKEN, Library

CARD = "4711"


def linking(policy: str = "separate", existing: str = "link") -> Agreement:
    return an_agreement(existing=existing, existing_blocked=policy, **MATCHING)


def a_library(policy: str = "separate", existing: str = "link") -> Library:
    library = Library(Plans(agreement=linking(policy, existing), linked={TOKEN: CARD}))
    library.issued(CHILD)
    return library


def untouched(library: Library) -> bool:
    return (library.shelf.puts, library.shelf.patrons, library.shelf.ends) == (0, {}, {})


def test_a_linked_one_gets_the_token_on_the_card_that_is_there_and_nothing_is_put() -> None:
    library = a_library()
    assert library.sync(CHILD) == frozenset()
    assert library.shelf.carried == {CARD: {TOKEN}}
    assert library.state(CHILD) == ("in_ils", 2, "")
    assert library.store.ils[TOKEN].ils_id == CARD
    assert untouched(library)


def test_linking_opens_nothing_that_is_sealed() -> None:
    library = a_library()
    library.sync(CHILD)
    assert library.plans.keys.story == []


def test_a_waiting_child_is_not_linked() -> None:
    library = Library(Plans(agreement=linking(), linked={TOKEN: CARD}))
    for chunk in library.plans.run([CHILD]):
        issue_chunk(chunk, library.store)
    library.sync(CHILD)
    assert (library.shelf.link_calls, library.store.ils) == ([], {})


def test_who_leaves_is_unlinked_at_once_and_who_returns_is_linked_again() -> None:
    library = a_library()
    library.sync(CHILD)
    library.issued()
    library.sync(CHILD)
    assert library.shelf.carried == {CARD: set()}
    assert library.state(CHILD)[0] == "ended"
    library.issued(CHILD)
    library.sync(CHILD)
    assert library.shelf.carried == {CARD: {TOKEN}}
    assert library.state(CHILD)[0] == "in_ils"
    assert untouched(library)


@pytest.mark.parametrize("told", [True, False], ids=["by the patron", "by the record alone"])
def test_a_no_unlinks_and_only_that(told: bool) -> None:
    library = a_library()
    library.sync(CHILD)
    if told:
        library.store.refuse([TOKEN])
    else:
        library.store.refused[TOKEN] = "family"
    library.sync(CHILD)
    assert library.shelf.carried == {CARD: set()}
    assert library.state(CHILD)[0] == "ended"
    assert untouched(library)


def test_a_no_that_comes_while_it_is_linked_unlinks_it_in_the_same_call() -> None:
    library = a_library()
    library.shelf.before_put = lambda: library.store.refused.setdefault(TOKEN, "family")
    library.sync(CHILD)
    assert library.shelf.carried == {CARD: set()}
    assert library.state(CHILD)[0] == "ended"


def test_a_change_at_school_only_looks_whether_the_link_is_there() -> None:
    library = a_library()
    library.sync(CHILD)
    library.issued(replace(CHILD, grade="05"))
    library.sync(CHILD)
    assert [held for _, held, _ in library.shelf.link_calls] == [False, True]
    assert library.state(CHILD) == ("in_ils", 3, "")
    assert untouched(library)


def test_a_link_that_the_library_took_away_stays_away_until_the_child_returns() -> None:
    library = a_library()
    library.sync(CHILD)
    library.shelf.carried[CARD].clear()
    for grade in ("05", "06"):
        library.issued(replace(CHILD, grade=grade))
        library.sync(CHILD)
        assert library.state(CHILD)[::2] == ("failed", "not_ours")
    assert library.shelf.carried == {CARD: set()}


@pytest.mark.parametrize(
    ("policy", "state", "carried"),
    [
        ("separate", ("failed", "existing_card_blocked"), set()),
        ("ask", ("failed", "existing_card_blocked"), set()),
        ("link_and_list", ("in_ils", "existing_card_blocked"), {TOKEN}),
    ],
)
def test_a_blocked_card_follows_the_agreement(policy: str, state: tuple[str, str], carried: set[str]) -> None:
    library = a_library(policy)
    library.shelf.blocked.add(CARD)
    assert library.sync(CHILD) == frozenset()
    assert library.state(CHILD)[::2] == state
    assert library.shelf.carried.get(CARD, set()) == carried


def test_a_blocked_card_is_linked_when_it_works_again_and_somebody_asks() -> None:
    library = a_library()
    library.shelf.blocked.add(CARD)
    library.sync(CHILD)
    library.shelf.blocked.clear()
    library.sync(CHILD)
    assert library.state(CHILD) == ("in_ils", 2, "")


def test_one_that_was_refused_after_a_return_is_linked_and_not_only_looked_for() -> None:
    library = a_library()
    library.sync(CHILD)
    library.issued()
    library.sync(CHILD)
    library.issued(CHILD)
    library.shelf.blocked.add(CARD)
    library.sync(CHILD)
    library.shelf.blocked.clear()
    library.sync(CHILD)
    assert [held for _, held, _ in library.shelf.link_calls] == [False, False, False]
    assert library.shelf.carried == {CARD: {TOKEN}}


def test_nothing_is_linked_under_a_suspended_agreement_and_an_unlinking_goes_on() -> None:
    library = a_library()
    assert library.sync(CHILD, allowed=False) == {TOKEN}
    assert library.shelf.link_calls == []
    library.sync(CHILD)
    library.issued()
    assert library.sync(CHILD, allowed=False) == frozenset()
    assert library.shelf.carried == {CARD: set()}


def test_a_card_of_ours_beside_it_is_put_as_ever() -> None:
    other = a_person(2)
    library = a_library()
    library.issued(CHILD, other)
    library.sync(CHILD, other)
    assert library.shelf.puts == 1
    assert library.state(other)[0] == "in_ils"


def test_an_ils_that_cannot_be_reached_keeps_what_is_known_of_the_link() -> None:
    library = a_library()
    library.sync(CHILD)
    library.issued(replace(CHILD, grade="05"))
    library.shelf.answers = [Unreachable(SyncReason.NO_ANSWER)]
    assert library.sync(CHILD, given_up=frozenset({TOKEN})) == {TOKEN}
    assert library.state(CHILD)[::2] == ("failed", "no_answer")
    library.sync(CHILD)
    assert [held for _, held, _ in library.shelf.link_calls] == [False, True, True]


@pytest.mark.parametrize("ends", [False, True])
def test_a_call_that_dies_between_the_ils_and_the_record_is_made_good_by_the_next(ends: bool) -> None:
    library = a_library()
    if ends:
        library.sync(CHILD)
        library.issued()
    written = library.store.writes

    def dies(write: int) -> None:
        if write == written + 1:
            raise InterruptedError

    library.store.before_write = dies
    with pytest.raises(InterruptedError):
        library.sync(CHILD)
    library.store.before_write = lambda n: None
    for _ in range(2):
        assert library.sync(CHILD) == frozenset()
    assert library.shelf.carried == {CARD: set() if ends else {TOKEN}}
    assert library.state(CHILD)[0] == ("ended" if ends else "in_ils")


def test_only_the_policy_renew_says_until_when_a_card_is_to_run() -> None:
    library = a_library()
    library.sync(CHILD)
    library.issued(replace(CHILD, grade="05"))
    library.sync(CHILD)
    assert library.shelf.renewed_to == [None, None]


def test_a_renewed_card_runs_as_long_as_a_student_card_touched_on_the_same_day_and_nothing_is_opened() -> None:
    library = a_library(existing="renew")
    library.sync(CHILD)
    expiry = library.plans.agreement.card.expiry
    touched = date.fromisoformat(library.store.patrons[TOKEN].at[:10])
    student_cards = school_year_end(touched, month_day=expiry.month_day, rolls_after=expiry.rolls_after)
    assert library.shelf.renewed_to == [student_cards]
    assert library.plans.keys.story == []
    assert untouched(library)


@pytest.mark.parametrize(
    ("touched", "until"),
    [("2027-06-30", date(2027, 9, 15)), ("2027-07-01", date(2028, 9, 15)), ("2027-12-31", date(2028, 9, 15))],
)
def test_a_row_that_changes_after_the_roll_over_renews_the_card_for_another_year(touched: str, until: date) -> None:
    library = a_library(existing="renew")
    library.sync(CHILD)
    library.issued(replace(CHILD, grade="05"))
    library.store.patrons[TOKEN] = replace(library.store.patrons[TOKEN], at=f"{touched}T05:00:00+00:00")
    library.sync(CHILD)
    assert library.shelf.renewed_to[-1] == until


@pytest.mark.parametrize("how", ["a no", "leaving"])
def test_neither_a_no_nor_leaving_asks_for_another_end(how: str) -> None:
    library = a_library(existing="renew")
    library.sync(CHILD)
    if how == "a no":
        library.store.refuse([TOKEN])
    else:
        library.issued()
    library.sync(CHILD)
    assert library.shelf.carried == {CARD: set()}
    assert len(library.shelf.renewed_to) == 1
    assert untouched(library)
