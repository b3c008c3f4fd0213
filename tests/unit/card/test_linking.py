"""Students whose card is one that their family had: nothing is drawn for them, whose card it is never changes, and a no comes before everything."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group
from firstcard.card.chunk import Chunk, Decision, PatronLine
from firstcard.card.issue import issue_chunk
from firstcard.card.patron import DRAWN_ONCE, Ownership, Patron, State, after_line, refuse, release
from firstcard.card.plan import decide
from firstcard.roster import Person, Role
from firstcard.run.ledger import Arrival, Run, Status
from firstcard.run.writing import told_to_district, write_receipt
from tests.unit.agreement.builders import a_directory_agreement, a_library, an_agreement
from tests.unit.card.builders import NOW, TOKENS, MemoryCards, Plans, a_person, rosters, token_of
from tests.unit.card.test_after_line import CHUNK, LINE, a_patron

CHILD = a_person(1)
TOKEN = token_of(CHILD)
LINKING = PatronLine(Decision.LINK, "a" * 32, "student", "b" * 32, "", "f" * 32, {"identity": b"new name"}, "4711")


A_RUN = Run(Arrival("1" * 24, "pine", "bucket", "incoming/a.csv", "v1", 1, NOW.isoformat()), Status.APPLIED, "oak.pine")


def agreement_of(route: str) -> Agreement:
    """Numbers come from the library's block, so that a drawn one shows as a serial."""
    agreement = an_agreement() if route == "window" else a_directory_agreement()
    number = agreement.card.number.model_copy(update={"scheme": "library_barcode", "prefix": "", "length": 14})
    return agreement.model_copy(update={"card": agreement.card.model_copy(update={"number": number, "staff_number": number})})


def a_linked_patron(state: State = State.ACTIVE, **changes: object) -> Patron:
    sealed = {"identity": b"old name"}
    linked = {
        "ownership": Ownership.LINKED,
        "existing": "4711",
        "card_token": "",
        "sealed": sealed,
        "envelopes": {"identity": "run1-00000"},
    }
    return a_patron(state, **linked | changes)


def lines(chunks: list[Chunk]) -> dict[str, PatronLine]:
    return {line.token: line for chunk in chunks for line in chunk.patrons}


@given(people=rosters(), data=st.data(), route=st.sampled_from(["window", "before_upload"]))
def test_no_number_no_pin_and_no_serial_is_drawn_for_a_linked_one_and_a_refused_child_is_never_linked(
    people: tuple[Person, ...], data: st.DataObject, route: str
) -> None:
    tokens = [token_of(p) for p in people]
    linked = {t: f"{n}" for n, t in enumerate(tokens, 1) if data.draw(st.booleans())}
    plans = Plans(agreement=agreement_of(route), linked=linked)
    found = lines([Chunk.from_bytes(chunk.body) for chunk in plans.chunks(people)])
    drawn = 0
    for person in people:
        line = found[token_of(person)]
        becomes_linked = person.role is Role.STUDENT and not person.opt_out and line.token in linked
        assert line.ils_id == (linked[line.token] if becomes_linked else "")
        if becomes_linked:
            assert line.card_token == ""
            assert not set(DRAWN_ONCE) & set(line.sealed or {})
            assert line.decision is (Decision.WAIT if route == "window" else Decision.LINK)
        elif not person.opt_out:
            drawn += 1
            assert line.card_token
            assert set(DRAWN_ONCE) <= set(line.sealed or {})
    assert plans.serials == drawn


@given(people=rosters(), data=st.data(), route=st.sampled_from(["window", "before_upload"]))
def test_whoever_is_linked_the_district_counts_the_same(people: tuple[Person, ...], data: st.DataObject, route: str) -> None:
    linked = {token_of(p): p.local_id for p in people if data.draw(st.booleans())}
    agreement = agreement_of(route)
    some, none = Plans(agreement=agreement, linked=linked).decide(people), Plans(agreement=agreement).decide(people)
    assert told_to_district(some.counts, agreement) == told_to_district(none.counts, agreement)
    assert "link" not in told_to_district(some.counts, agreement)
    assert some.holds == none.holds


@given(first=rosters(), second=rosters(), data=st.data(), route=st.sampled_from(["window", "before_upload"]))
def test_whoever_waits_or_is_served_elsewhere_the_district_counts_the_same(
    first: tuple[Person, ...], second: tuple[Person, ...], data: st.DataObject, route: str
) -> None:
    agreement = agreement_of(route)
    plans = Plans(agreement=agreement)
    plans.run(first)
    aside = {token_of(p): data.draw(st.sampled_from(["", "in_doubt", "served"])) for p in second if p.role is Role.STUDENT}

    def told(aside: Mapping[str, str]) -> tuple[Any, ...]:
        decisions = decide(
            second,
            plans.manifest,
            agreement=agreement,
            tokens=TOKENS,
            in_doubt={token for token, word in aside.items() if word == "in_doubt"},
            served={token for token, word in aside.items() if word == "served"},
        )
        summary = {
            "decisions": decisions.counts,
            "waiting_without_address": sum(1 for s in decisions.steps if s.decision is Decision.WAIT and not s.household),
            "aside_without_address": decisions.aside_without_address,
        }
        receipt = write_receipt(A_RUN, agreement, a_library(), summary, (), at=NOW)
        return receipt.decisions, receipt.waiting, decisions.holds, told_to_district(decisions.counts, agreement)

    assert told(aside) == told({})


@given(first=rosters(), second=rosters(), data=st.data())
def test_who_has_a_card_of_ours_keeps_it_whatever_is_matched_later(
    first: tuple[Person, ...], second: tuple[Person, ...], data: st.DataObject
) -> None:
    plans, cards = Plans(), MemoryCards()
    for chunk in plans.run(first):
        issue_chunk(chunk, cards)
    numbers = {t: p.card_token for t, p in cards.patrons.items()}
    plans.linked = {token_of(p): p.local_id for p in second if data.draw(st.booleans())}
    for people in ((), second):
        for chunk in plans.run(people):
            issue_chunk(chunk, cards)
    for token, number in numbers.items():
        assert (cards.patrons[token].card_token, cards.patrons[token].ownership) == (number, Ownership.CREATED_BY_US)
    for token, patron in cards.patrons.items():
        if token not in numbers:
            assert (patron.ownership is Ownership.LINKED) == bool(patron.existing) == (not patron.card_token)


def test_a_patron_that_two_students_are_said_to_be_is_linked_to_neither() -> None:
    twins = [CHILD, a_person(2), a_person(3)]
    plans = Plans(linked=dict(zip(map(token_of, twins), ("4711", "4711", "4712"), strict=True)))
    assert [step.ils_id for step in plans.decide(twins).steps] == ["", "", "4712"]


def test_staff_are_never_linked() -> None:
    teacher = a_person(2, role=Role.STAFF)
    (step,) = Plans(linked={token_of(teacher): "1"}).decide([teacher]).steps
    assert (step.decision, step.ils_id) == (Decision.ISSUE, "")


def test_a_line_without_a_link_is_written_as_it_always_was() -> None:
    (chunk,) = Plans().chunks([CHILD])
    assert b'"x"' not in chunk.body
    (linked,) = Plans(linked={TOKEN: "4711"}).chunks([CHILD])
    assert Chunk.from_bytes(linked.body).to_bytes() == linked.body
    assert lines([Chunk.from_bytes(linked.body)])[TOKEN].ils_id == "4711"


def test_under_the_window_a_child_waits_as_any_other_and_is_linked_when_it_is_over() -> None:
    plans, cards = Plans(linked={TOKEN: "4711"}), MemoryCards()
    (chunk,) = plans.run([CHILD])
    assert chunk.households[0].announce == (TOKEN,)
    issue_chunk(chunk, cards)
    waits = cards.patrons[TOKEN]
    assert (waits.state, waits.ownership, waits.existing, waits.issued_at) == (State.WAITING, Ownership.LINKED, "4711", "")
    cards.release()
    assert cards.patrons[TOKEN].state is State.ACTIVE
    assert cards.patrons[TOKEN].existing == "4711"


def test_before_the_upload_a_child_is_linked_and_announced_at_once() -> None:
    plans = Plans(agreement=a_directory_agreement(notices={"announce": True}), linked={TOKEN: "4711"})
    (chunk,) = plans.run([CHILD])
    assert chunk.patrons[0].decision is Decision.LINK
    assert chunk.households[0].announce == (TOKEN,)
    after = after_line(None, chunk.patrons[0], chunk, refused=False)
    assert after is not None
    assert (after.state, after.ownership, after.existing, after.issued_at) == (State.ACTIVE, Ownership.LINKED, "4711", chunk.at)


def test_a_no_on_record_beats_a_link() -> None:
    assert after_line(None, LINKING, CHUNK, refused=True) is None
    after = after_line(a_linked_patron(), LINKING, CHUNK, refused=True)
    assert after is not None
    assert (after.state, after.sealed, after.existing) == (State.REFUSED, {}, "4711")


def test_a_child_refused_in_an_earlier_roster_is_not_planned_to_be_linked() -> None:
    plans = Plans(agreement=a_directory_agreement(), linked={TOKEN: "4711"})
    plans.run([replace(CHILD, opt_out=True)])
    for grade in ("05", "06"):
        plans.run([replace(CHILD, grade=grade)])
    (step,) = plans.decide([replace(CHILD, grade="07")]).steps
    assert (step.decision, step.ils_id) == (Decision.REFUSE, "")


@pytest.mark.parametrize("line", [LINE, LINKING, replace(LINKING, ils_id="9999")], ids=["a card of ours", "the link again", "another link"])
@pytest.mark.parametrize("state", [State.WAITING, State.ACTIVE, State.EXPIRED])
def test_whose_card_it_is_never_changes_by_a_line(state: State, line: PatronLine) -> None:
    linked = after_line(a_linked_patron(state), line, CHUNK, refused=False)
    assert linked is not None
    assert (linked.ownership, linked.existing, linked.card_token) == (Ownership.LINKED, "4711", "")
    assert not {Group.CARD, Group.PIN} & set(linked.sealed)
    ours = after_line(a_patron(state), line, CHUNK, refused=False)
    assert ours is not None
    assert (ours.ownership, ours.existing, ours.card_token) == (Ownership.CREATED_BY_US, "", "c" * 32)
    assert (ours.sealed["card"], ours.sealed["pin"]) == (b"old number", b"old pin")


def test_who_leaves_and_returns_is_linked_to_the_same_card_again() -> None:
    plans, cards = Plans(agreement=a_directory_agreement(), linked={TOKEN: "4711"}), MemoryCards()
    states = []
    for people in ([CHILD], [], [CHILD]):
        for chunk in plans.run(people):
            issue_chunk(chunk, cards)
        patron = cards.patrons[TOKEN]
        states.append((patron.state, patron.ownership, patron.existing))
    assert states == [(state, Ownership.LINKED, "4711") for state in (State.ACTIVE, State.EXPIRED, State.ACTIVE)]


def test_release_and_refusal_keep_which_card_it_is_about() -> None:
    waits = a_linked_patron(State.WAITING, issued_at="")
    for after in (release(waits, at=CHUNK.at), refuse(waits, run_id="1" * 24, at=CHUNK.at)):
        assert (after.ownership, after.existing) == (Ownership.LINKED, "4711")


@pytest.mark.parametrize("nth", range(1, 6))
def test_a_chunk_with_links_killed_at_any_write_and_replayed_ends_the_same(nth: int) -> None:
    plans = Plans(agreement=a_directory_agreement(), linked={TOKEN: "4711"})
    (chunk,) = plans.run([CHILD, a_person(2)])
    straight, killed = MemoryCards(), MemoryCards()
    issue_chunk(chunk, straight)

    def dies(write: int) -> None:
        if write == nth:
            raise InterruptedError

    killed.before_write = dies
    with pytest.raises(InterruptedError):
        issue_chunk(chunk, killed)
    killed.before_write = lambda n: None
    issue_chunk(chunk, killed)
    issue_chunk(chunk, killed)
    assert killed.everything() == straight.everything()
