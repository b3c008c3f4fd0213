"""How one line of a plan changes one patron."""

from dataclasses import replace

import pytest

from firstcard.card.chunk import Chunk, Decision, PatronLine
from firstcard.card.patron import DRAWN_ONCE, Ownership, Patron, State, after_line, refuse, release
from firstcard.vault import Envelope

CHUNK = Chunk(
    "run2-00000", "oak.pine", "dsa", "oak", "pine", "2" * 24, "2026-11-22T06:00:00+00:00", Envelope("run2-00000", "oak.pine", {}), (), ()
)
SEALED = {"identity": b"new name", "card": b"new number", "pin": b"new pin"}
LINE = PatronLine(Decision.ISSUE, "a" * 32, "student", "b" * 32, "c" * 32, "f" * 32, SEALED)


def a_patron(state: State = State.ACTIVE, **changes: object) -> Patron:
    patron = Patron(
        token="a" * 32,
        sharing="oak.pine",
        agreement="dsa",
        library="oak",
        district="pine",
        role="student",
        state=state,
        version=3,
        household="b" * 32,
        card_token="c" * 32,
        fingerprint="e" * 32,
        run_id="1" * 24,
        at="2026-11-01T06:00:00+00:00",
        issued_at="2026-11-01T06:00:00+00:00",
        sealed={"identity": b"old name", "card": b"old number", "pin": b"old pin"},
        envelopes=dict.fromkeys(("identity", "card", "pin"), "run1-00000"),
    )
    return replace(patron, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("decision", "state", "issued"), [(Decision.ISSUE, State.ACTIVE, CHUNK.at), (Decision.WAIT, State.WAITING, "")])
def test_a_new_patron_is_issued_or_waits(decision: Decision, state: State, issued: str) -> None:
    after = after_line(None, replace(LINE, decision=decision), CHUNK, refused=False)
    assert after is not None
    assert (after.state, after.version, after.issued_at, after.sealed) == (state, 1, issued, SEALED)
    assert set(after.envelopes.values()) == {CHUNK.object}


@pytest.mark.parametrize("decision", [Decision.UPDATE, Decision.ISSUE, Decision.WAIT])
def test_number_and_pin_outlive_every_later_line(decision: Decision) -> None:
    after = after_line(a_patron(), replace(LINE, decision=decision), CHUNK, refused=False)
    assert after is not None
    assert after.version == 4
    assert {group: after.sealed[group] for group in DRAWN_ONCE} == {"card": b"old number", "pin": b"old pin"}
    assert after.sealed["identity"] == b"new name"
    assert after.envelopes == {"identity": CHUNK.object, "card": "run1-00000", "pin": "run1-00000"}


@pytest.mark.parametrize("before", [None, a_patron(), a_patron(State.WAITING, issued_at=""), a_patron(State.EXPIRED)])
@pytest.mark.parametrize("decision", [Decision.ISSUE, Decision.WAIT, Decision.UPDATE, Decision.EXPIRE])
def test_a_refusal_on_record_beats_every_line(before: Patron | None, decision: Decision) -> None:
    after = after_line(before, replace(LINE, decision=decision), CHUNK, refused=True)
    assert (after is None) == (before is None)
    assert after is None or (after.state, after.sealed, after.envelopes) == (State.REFUSED, {}, {})


def test_a_refusal_that_came_while_the_first_try_died_beats_the_replay() -> None:
    after = after_line(a_patron(run_id=CHUNK.run_id), LINE, CHUNK, refused=True)
    assert after is not None
    assert after.state is State.REFUSED


@pytest.mark.parametrize("decision", [Decision.ISSUE, Decision.WAIT, Decision.UPDATE, Decision.EXPIRE])
def test_a_line_replayed_from_the_same_chunk_changes_nothing(decision: Decision) -> None:
    before = replace(a_patron(), envelopes={"identity": CHUNK.object})
    assert after_line(before, replace(LINE, decision=decision), CHUNK, refused=False) is None


@pytest.mark.parametrize("decision", [Decision.WAIT, Decision.UPDATE])
def test_a_second_plan_of_the_same_run_is_not_taken_for_a_replay(decision: Decision) -> None:
    before = replace(a_patron(run_id=CHUNK.run_id), envelopes={"identity": "an earlier plan"})
    after = after_line(before, replace(LINE, decision=decision), CHUNK, refused=False)
    assert after is not None
    assert {after.envelopes[g] for g in LINE.sealed or {} if g not in ("card", "pin")} == {CHUNK.object}


@pytest.mark.parametrize("decision", list(Decision))
def test_no_line_brings_a_refused_patron_back(decision: Decision) -> None:
    assert after_line(a_patron(State.REFUSED), replace(LINE, decision=decision), CHUNK, refused=False) is None


def test_who_left_expires_once() -> None:
    line = PatronLine(Decision.EXPIRE, "a" * 32, "", "b" * 32)
    expired = after_line(a_patron(), line, CHUNK, refused=False)
    assert expired is not None
    assert (expired.state, expired.version) == (State.EXPIRED, 4)
    assert after_line(a_patron(State.EXPIRED), line, CHUNK, refused=False) is None
    assert after_line(None, line, CHUNK, refused=False) is None


@pytest.mark.parametrize(("issued", "state"), [("2026-11-01T06:00:00+00:00", State.ACTIVE), ("", State.WAITING)])
def test_who_returns_stands_where_they_stood(issued: str, state: State) -> None:
    after = after_line(a_patron(State.EXPIRED, issued_at=issued), LINE, CHUNK, refused=False)
    assert after is not None
    assert (after.state, after.issued_at) == (state, issued)


def test_an_update_of_somebody_who_was_never_issued_makes_no_patron_without_a_number() -> None:
    assert after_line(None, replace(LINE, decision=Decision.UPDATE, card_token=""), CHUNK, refused=False) is None


def test_a_no_takes_the_sealed_data_and_leaves_the_tokens() -> None:
    after = refuse(a_patron(), run_id="1" * 24, at=CHUNK.at)
    assert (after.state, after.version, after.sealed, after.envelopes) == (State.REFUSED, 4, {}, {})
    assert (after.token, after.card_token) == ("a" * 32, "c" * 32)


def test_a_window_that_is_over_issues_the_card_that_was_drawn() -> None:
    after = release(a_patron(State.WAITING, issued_at=""), at="2026-12-06T06:00:00+00:00")
    assert (after.state, after.version, after.issued_at) == (State.ACTIVE, 4, "2026-12-06T06:00:00+00:00")
    assert after.sealed["card"] == b"old number"


@pytest.mark.parametrize("decision", [Decision.ISSUE, Decision.WAIT, Decision.UPDATE, Decision.RENEW])
def test_a_card_that_went_along_with_its_child_comes_back_by_its_own_line_alone(decision: Decision) -> None:
    gone = a_patron(State.EXPIRED, moved_to="d" * 32)
    assert after_line(gone, replace(LINE, decision=decision), CHUNK, refused=False) is None
    back = after_line(gone, replace(LINE, decision=decision, moved_from="d" * 32), CHUNK, refused=False)
    assert back is not None
    assert (back.state, back.moved_from, back.moved_to, back.sealed["pin"]) == (State.ACTIVE, "d" * 32, "", b"new pin")


def test_whose_family_card_serves_gets_that_one_again_though_a_number_could_come_along() -> None:
    linked = a_patron(State.EXPIRED, ownership=Ownership.LINKED, existing="77", card_token="", sealed={}, envelopes={})
    back = after_line(linked, replace(LINE, decision=Decision.WAIT, claimed=True, moved_from="d" * 32), CHUNK, refused=False)
    assert back is not None
    assert (back.ownership, back.existing, back.card_token, back.moved_from) == (Ownership.LINKED, "77", "", "")
    assert back.sealed.keys().isdisjoint(DRAWN_ONCE)


def test_what_comes_in_place_of_a_wrong_link_may_come_along_too() -> None:
    linked = a_patron(ownership=Ownership.LINKED, existing="77", card_token="", sealed={}, envelopes={})
    line = replace(LINE, decision=Decision.REPLACE, mistaken="77", claimed=True, moved_from="d" * 32)
    after = after_line(linked, line, CHUNK, refused=False)
    assert after is not None
    assert (after.ownership, after.moved_from, after.mistaken) == (Ownership.CREATED_BY_US, "d" * 32, ("77",))
