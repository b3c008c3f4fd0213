"""Why a planned line was not applied, against what the rule of lines did with it."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firstcard.card.chunk import Chunk, Decision
from firstcard.card.fallout import FOR_THE_DISTRICT, SENTENCES, Became, FellOut, together, why_not, with_the_rest
from firstcard.card.patron import Ownership, State, after_line

from .test_after_line import CHUNK, LINE, a_patron

befores = st.none() | st.builds(
    a_patron,
    st.sampled_from(list(State)),
    ownership=st.sampled_from(list(Ownership)),
    existing=st.sampled_from(["", "7", "8"]),
    moved_to=st.sampled_from(["", "d" * 32]),
    issued_at=st.sampled_from(["", CHUNK.at]),
    run_id=st.sampled_from(["1" * 24, CHUNK.run_id]),
    sealed=st.sampled_from([{}, a_patron().sealed]),
)
MOMENT = "2026-11-20T06:00:00+00:00"
moments = st.sampled_from(["", MOMENT])
lines = st.builds(
    replace,
    st.just(LINE),
    decision=st.sampled_from([one for one in Decision if one is not Decision.NOTHING]),
    card_token=st.sampled_from(["", LINE.card_token]),
    ils_id=st.sampled_from(["", "7"]),
    mistaken=st.sampled_from(["", "7", "8"]),
    moved_from=st.sampled_from(["", "d" * 32]),
    sealed=st.sampled_from([LINE.sealed, {"identity": b"new name"}]),
    taken_back=moments,
)


@example(
    a_patron(State.EXPIRED, sealed={}, envelopes={}),
    replace(LINE, decision=Decision.LINK, card_token="", ils_id="7", sealed={"identity": b"new name"}),
    False,
    False,
    "",
)
@given(befores, lines, st.booleans(), st.booleans(), moments)
def test_a_line_falls_out_just_where_nothing_comes_of_it_or_a_no_does(
    before: object, line: object, refused: bool, apart: bool, back: str
) -> None:
    back = "" if refused else back
    after = after_line(before, line, CHUNK, refused=refused, apart=apart, taken_back=back)  # type: ignore[arg-type]
    why = why_not(before, line, CHUNK, refused=refused, apart=apart, taken_back=back)  # type: ignore[arg-type]
    decision = line.decision  # type: ignore[attr-defined]
    ended_by_this_run = before is not None and before.state is State.EXPIRED and before.run_id == CHUNK.run_id  # type: ignore[attr-defined]
    if decision is Decision.REFUSE or (decision is Decision.EXPIRE and ended_by_this_run and not refused):
        assert why is None
    else:
        assert (why is None) == (after is not None and after.state is not State.REFUSED)


@given(befores, lines, st.booleans(), st.booleans(), moments)
def test_a_line_that_was_applied_does_not_fall_out_when_it_is_issued_again(
    before: object, line: object, refused: bool, apart: bool, back: str
) -> None:
    back = "" if refused else back
    after = after_line(before, line, CHUNK, refused=refused, apart=apart, taken_back=back)  # type: ignore[arg-type]
    if why_not(before, line, CHUNK, refused=refused, apart=apart, taken_back=back) is None and after is not None:  # type: ignore[arg-type]
        assert why_not(after, line, CHUNK, refused=refused, apart=apart, taken_back=back) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "apart", "reason"),
    [
        ({"decision": Decision.WAIT, "card_token": "", "ils_id": "7"}, True, FellOut.SET_APART),
        ({"decision": Decision.WAIT}, False, FellOut.MOVED),
        ({"decision": Decision.WAIT, "taken_back": ""}, False, FellOut.REFUSED),
    ],
)
def test_whoever_is_not_taken_up_for_another_reason_than_a_no_is_not_told_to_the_district_as_one(
    line: dict[str, object], apart: bool, reason: FellOut
) -> None:
    before = a_patron(State.REFUSED, sealed={}, envelopes={}, moved_to="d" * 32)
    wanted = replace(LINE, **({"taken_back": MOMENT} | line))  # type: ignore[arg-type]
    assert why_not(before, wanted, CHUNK, refused=False, apart=apart, taken_back=MOMENT) is reason


counts = st.dictionaries(st.sampled_from(["issue", "update", "expire"]), st.integers(1, 9))
parts = st.lists(
    st.builds(Became, counts, st.dictionaries(st.sampled_from([str(one) for one in FellOut if one is not FellOut.NOT_REACHED]), counts))
)


@given(parts, counts)
def test_what_no_chunk_tells_of_was_not_reached_and_the_sum_is_what_was_planned(said: list[Became], more: dict[str, int]) -> None:
    done = together(said)
    planned = {d: sum(_of(one, d) for one in said) + more.get(d, 0) for d in ("issue", "update", "expire")}
    whole = with_the_rest(done, planned)
    assert {d: _of(whole, d) for d in planned} == planned


def _of(one: Became, decision: str) -> int:
    return one.applied.get(decision, 0) + sum(counts.get(decision, 0) for counts in one.fell_out.values())


def test_every_reason_has_its_sentence_and_none_for_the_district_tells_of_a_card_that_was_there() -> None:
    assert set(SENTENCES) == set(FellOut)
    assert not {FellOut.SET_APART, FellOut.MOVED, FellOut.UNKNOWN} & set(FOR_THE_DISTRICT)


@pytest.mark.parametrize("told", ["", "nothing"])
def test_a_line_keeps_as_what_it_is_counted(told: str) -> None:
    chunk = replace(CHUNK, patrons=(replace(LINE, told=told),))
    assert Chunk.from_bytes(chunk.to_bytes()) == chunk
    assert chunk.patrons[0].counted == (told or str(LINE.decision))
