"""A link that a person found to be wrong: it alone is undone, once, and the child gets what a new one gets; a no comes before everything."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.card.chunk import Chunk, Decision, PatronLine
from firstcard.card.issue import issue_chunk
from firstcard.card.patron import DRAWN_ONCE, Ownership, Patron, State, after_line
from firstcard.roster import Person
from firstcard.run.writing import told_to_district
from tests.unit.agreement.builders import a_directory_agreement
from tests.unit.card.builders import MemoryCards, Plans, a_person, rosters, token_of
from tests.unit.card.test_after_line import CHUNK, a_patron
from tests.unit.card.test_linking import a_linked_patron, agreement_of, lines

CHILD, SISTER = a_person(1, email="family@example.org"), a_person(2, email="family@example.org")
TOKEN = token_of(CHILD)
WRONG, RIGHT = "4711", "4712"
DRAWN = {"identity": b"new name", "card": b"new number", "pin": b"new pin"}
OWN = PatronLine(Decision.REPLACE, "a" * 32, "student", "b" * 32, "d" * 32, "f" * 32, DRAWN, mistaken=WRONG)
OTHER_LINK = replace(OWN, card_token="", sealed={"identity": b"new name"}, ils_id=RIGHT, pair="1" * 24)


def whose(patron: Patron) -> tuple[Ownership, str, str, tuple[str, ...]]:
    return patron.ownership, patron.existing, patron.card_token, patron.mistaken


@pytest.mark.parametrize("state", [State.ACTIVE, State.EXPIRED])
def test_a_wrong_link_gives_way_to_a_card_of_ones_own(state: State) -> None:
    after = after_line(a_linked_patron(state), OWN, CHUNK, refused=False)
    assert after is not None
    assert whose(after) == (Ownership.CREATED_BY_US, "", "d" * 32, (WRONG,))
    assert (after.state, after.issued_at, after.version) == (State.ACTIVE, CHUNK.at, 4)
    assert {group: after.sealed[group] for group in DRAWN_ONCE} == {"card": b"new number", "pin": b"new pin"}
    assert set(after.envelopes.values()) == {CHUNK.object}


def test_a_wrong_link_gives_way_to_another_link() -> None:
    after = after_line(a_linked_patron(), OTHER_LINK, CHUNK, refused=False)
    assert after is not None
    assert whose(after) == (Ownership.LINKED, RIGHT, "", (WRONG,))
    assert not set(DRAWN_ONCE) & set(after.sealed)


@pytest.mark.parametrize("state", [State.WAITING, State.EXPIRED])
def test_who_waits_goes_on_waiting_and_the_wrong_link_is_remembered_for_there_may_have_been_one(state: State) -> None:
    after = after_line(a_linked_patron(state, issued_at=""), OWN, CHUNK, refused=False)
    assert after is not None
    assert (after.state, after.issued_at) == (State.WAITING, "")
    assert whose(after) == (Ownership.CREATED_BY_US, "", "d" * 32, (WRONG,))


def test_of_two_wrong_links_both_are_remembered() -> None:
    first = after_line(a_linked_patron(), OTHER_LINK, CHUNK, refused=False)
    second = after_line(first, replace(OWN, mistaken=RIGHT), replace(CHUNK, object="run3-00000"), refused=False)
    assert second is not None
    assert whose(second) == (Ownership.CREATED_BY_US, "", "d" * 32, (WRONG, RIGHT))


@pytest.mark.parametrize("line", [OWN, OTHER_LINK])
@pytest.mark.parametrize(
    "before",
    [
        *(a_linked_patron(state, existing="999") for state in (State.WAITING, State.ACTIVE, State.EXPIRED)),
        *(a_patron(state) for state in (State.WAITING, State.ACTIVE, State.EXPIRED)),
    ],
    ids=lambda before: f"{before.ownership}-{before.state}",
)
def test_no_other_patron_changes_whose_card_it_is(before: Patron, line: PatronLine) -> None:
    after = after_line(before, line, CHUNK, refused=False)
    assert after is not None
    assert whose(after) == whose(before)
    assert {g: after.sealed.get(g) for g in DRAWN_ONCE} == {g: before.sealed.get(g) for g in DRAWN_ONCE}


@pytest.mark.parametrize("line", [OWN, OTHER_LINK])
def test_replayed_it_changes_nothing(line: PatronLine) -> None:
    after = after_line(a_linked_patron(), line, CHUNK, refused=False)
    assert after_line(after, line, CHUNK, refused=False) is None


@pytest.mark.parametrize("refused", [True, False], ids=["by the record alone", "by the patron"])
@pytest.mark.parametrize("line", [OWN, OTHER_LINK])
def test_a_person_who_said_no_is_only_unlinked(line: PatronLine, refused: bool) -> None:
    before = a_linked_patron() if refused else a_linked_patron(State.REFUSED)
    after = after_line(before, line, CHUNK, refused=refused)
    assert (after is None) is not refused
    if after:
        assert (after.state, after.sealed, whose(after)) == (State.REFUSED, {}, whose(before))


def test_nobody_becomes_a_patron_by_it() -> None:
    assert after_line(None, OWN, CHUNK, refused=False) is None


@pytest.mark.parametrize("decision", [Decision.LINK, Decision.WAIT])
def test_no_link_is_made_or_renewed_that_a_person_spoke_against(decision: Decision) -> None:
    link = replace(OTHER_LINK, decision=decision, mistaken="")
    assert after_line(None, link, CHUNK, refused=False, apart=True) is None
    assert after_line(a_linked_patron(State.EXPIRED, existing=RIGHT), link, CHUNK, refused=False, apart=True) is None
    assert after_line(a_linked_patron(), OTHER_LINK, CHUNK, refused=False, apart=True) is None
    kept = after_line(a_patron(State.EXPIRED), link, CHUNK, refused=False, apart=True)
    assert kept is not None
    assert (kept.state, kept.ownership) == (State.ACTIVE, Ownership.CREATED_BY_US)


@given(people=rosters(), data=st.data(), route=st.sampled_from(["window", "before_upload"]))
def test_the_district_counts_the_same_whoever_was_set_apart(people: tuple[Person, ...], data: st.DataObject, route: str) -> None:
    plans = Plans(agreement=agreement_of(route))
    plans.run(people)
    tonight = tuple(replace(p, grade="07") if data.draw(st.booleans()) else p for p in people if data.draw(st.integers(0, 5)))
    plans.linked = {token_of(p): f"9{p.local_id}" for p in tonight if data.draw(st.booleans())}
    none = plans.decide(tonight)
    students = [p for p in tonight if p.role == "student"]
    plans.mistaken = {token_of(p): data.draw(st.sampled_from(["", WRONG])) for p in students if data.draw(st.booleans())}
    some = plans.decide(tonight)
    assert told_to_district(some.counts, plans.agreement) == told_to_district(none.counts, plans.agreement)
    assert (some.holds, some.by_school) == (none.holds, none.by_school)
    assert not any(word in some.counts for word in ("replace", "link"))


@given(people=rosters(), data=st.data(), route=st.sampled_from(["window", "before_upload"]))
def test_each_gets_what_a_new_one_gets_and_nobody_else_gets_anything(people: tuple[Person, ...], data: st.DataObject, route: str) -> None:
    plans = Plans(agreement=agreement_of(route))
    plans.run(people)
    serials = plans.serials
    students = [p for p in people if p.role == "student"]
    plans.mistaken = {token_of(p): data.draw(st.sampled_from(["", WRONG])) for p in students if data.draw(st.booleans())}
    plans.linked = {t: f"9{n}" for n, t in enumerate(plans.mistaken) if data.draw(st.booleans())}
    found = lines([Chunk.from_bytes(chunk.body) for chunk in plans.chunks(people)])
    refused = {token_of(p) for p in people if p.opt_out}
    assert set(found) == set(plans.mistaken) - refused
    for token, line in found.items():
        assert (line.mistaken, line.ils_id) == (plans.mistaken[token], plans.linked.get(token, ""))
        new = {"window": Decision.WAIT, "before_upload": Decision.LINK if line.ils_id else Decision.ISSUE}[route]
        assert line.decision is (Decision.REPLACE if line.mistaken else new)
        assert bool(line.card_token) == (set(DRAWN_ONCE) <= set(line.sealed or {})) == (not line.ils_id)
        assert bool(line.pair) == bool(line.ils_id)
    assert plans.serials - serials == sum(not line.ils_id for line in found.values())


def test_a_line_of_a_wrong_link_is_read_as_it_was_written() -> None:
    plans = Plans(agreement=a_directory_agreement(), linked={TOKEN: WRONG})
    plans.run([CHILD])
    plans.linked, plans.mistaken = {TOKEN: RIGHT}, {TOKEN: WRONG}
    (planned,) = plans.chunks([CHILD])
    chunk = Chunk.from_bytes(planned.body)
    assert chunk.to_bytes() == planned.body
    assert (chunk.patrons[0].mistaken, chunk.patrons[0].ils_id, len(chunk.patrons[0].pair)) == (WRONG, RIGHT, 24)


def found_mistaken(cards: MemoryCards, plans: Plans) -> dict[str, str]:
    """As planning finds it; tests/function/test_set_apart.py has the real one."""
    patron = cards.patrons.get(TOKEN)
    apart = [pair.ils_id for pair in cards.on_record.values() if pair.answer == "apart"]
    if TOKEN in cards.refused or not apart:
        return {}
    if patron is None:
        return {TOKEN: ""} if TOKEN in plans.manifest.patrons else {}
    return {TOKEN: patron.existing} if patron.existing in apart else {}


@pytest.mark.parametrize("route", ["window", "before_upload"])
@pytest.mark.parametrize("apart", ["before issue", "after issue"])
@pytest.mark.parametrize("no", ["never", "before issue", "between plan and issue", "after all"])
@pytest.mark.parametrize("nth", [None, *range(1, 6)], ids=lambda nth: f"killed at {nth}" if nth else "straight")
def test_in_whatever_order_it_comes_it_ends_the_same(route: str, apart: str, no: str, nth: int | None) -> None:
    """A plan with a link, a person's word, the next plan, a no in between, a death at any write, and every chunk issued twice."""
    agreement = agreement_of(route)
    plans, cards = Plans(agreement=agreement, linked={TOKEN: WRONG}), MemoryCards()
    (first,) = plans.run([CHILD, SISTER])
    if apart == "before issue":
        cards.set_apart(TOKEN, WRONG)
    if no == "before issue":
        cards.refuse([TOKEN])
    issue_chunk(first, cards)
    issue_chunk(first, cards)
    cards.release()
    assert (TOKEN in cards.patrons) == (apart == "after issue" and no != "before issue")
    cards.set_apart(TOKEN, WRONG)
    plans.linked, plans.mistaken = {}, found_mistaken(cards, plans)
    chunks = plans.run([CHILD, SISTER])
    if no == "between plan and issue":
        cards.refuse([TOKEN])

    def dies(write: int) -> None:
        if nth and write == written + nth:
            raise InterruptedError

    written, cards.before_write = cards.writes, dies
    for chunk in chunks:
        try:
            issue_chunk(chunk, cards)
        except InterruptedError:
            cards.before_write = lambda n: None
            issue_chunk(chunk, cards)
        cards.before_write = lambda n: None
        once = cards.everything()
        issue_chunk(chunk, cards)
        assert cards.everything() == once
    cards.release()
    if no == "after all":
        cards.refuse([TOKEN])
    patron = cards.patrons.get(TOKEN)
    if no == "never":
        assert patron is not None
        assert (patron.state, patron.ownership, patron.existing, bool(patron.card_token)) == (
            State.ACTIVE,
            Ownership.CREATED_BY_US,
            "",
            True,
        )
        assert patron.mistaken == ((WRONG,) if apart == "after issue" else ())
    else:
        assert patron is None or patron.state is State.REFUSED
        assert patron is None or patron.sealed == {}
    assert cards.patrons[token_of(SISTER)].version == (1 if route == "before_upload" else 2)
    plans.mistaken = found_mistaken(cards, plans)
    assert (plans.mistaken, plans.run([CHILD, SISTER])) == ({}, [])


def test_a_household_is_told_of_a_child_whose_link_never_came_to_be() -> None:
    plans, cards = Plans(linked={TOKEN: WRONG}), MemoryCards()
    (first,) = plans.run([CHILD, SISTER])
    cards.set_apart(TOKEN, WRONG)
    issue_chunk(first, cards)
    plans.linked, plans.mistaken = {}, {TOKEN: ""}
    (second,) = plans.run([CHILD, SISTER])
    assert [line.announce for line in second.households] == [(TOKEN,)]
