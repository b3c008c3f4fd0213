"""Nobody can work out a small group: attackers who know the rule try every list of people that gives the same numbers."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firstcard.report.shown import highest, least, most, shown, shown_part, shown_total, span_of

MANY = 260
SEVERAL = 5


def safe(values: Iterable[int]) -> bool:
    """Whether somebody who knows only that the number is one of these cannot say that it is a group of 1 to 9, and is left with several."""
    found = set(values)
    return len(found) >= SEVERAL and not found <= set(range(1, 10))


def same(publish: Callable[..., Any], *truth: int, among: Iterable[Sequence[int]]) -> list[Sequence[int]]:
    """All lists of people that give the very same report."""
    told = publish(*truth)
    return [one for one in among if publish(*one) == told]


def test_a_small_group_is_never_a_number_of_its_own() -> None:
    assert {shown(count) for count in range(10)} == {0}
    assert all(abs(shown(count) - count) <= 5 for count in range(10, MANY))


def test_the_spans_are_what_they_say() -> None:
    for count in range(MANY):
        assert least(shown(count)) <= count <= most(shown(count))
    for level in range(0, MANY, 10):
        assert {shown(count) for count in range(least(level), most(level) + 1)} == {level}


def test_of_one_group_nobody_learns_a_part_its_rest_or_a_change() -> None:
    """Once without the exact size of the group, and once by somebody who knows it from elsewhere."""

    def publish(whole: int, part: int) -> tuple[int, int | None]:
        return shown(whole), shown_part(part, shown(whole))

    candidates = [(whole, part) for whole in range(90) for part in range(whole + 1)]
    behind: dict[Any, list[tuple[int, int]]] = {}
    for one in candidates:
        behind.setdefault(publish(*one), []).append(one)
    for told, those in behind.items():
        if told[0] > 80:
            continue  # its span runs out of what is tried
        assert safe(whole for whole, _ in those)
        assert safe(part for _, part in those)
        assert safe(whole - part for whole, part in those)
        for exactly in {whole for whole, _ in those if whole >= 10}:
            assert safe(part for whole, part in those if whole == exactly), (told, exactly)
            assert safe(whole - part for whole, part in those if whole == exactly), (told, exactly)
    whole_spans = {told: (min(w for w, _ in those), max(w for w, _ in those)) for told, those in behind.items()}
    part_spans = {told: (min(p for _, p in those), max(p for _, p in those)) for told, those in behind.items()}
    rest_spans = {told: (min(w - p for w, p in those), max(w - p for w, p in those)) for told, those in behind.items()}
    for spans in (whole_spans, part_spans, rest_spans):
        for (low, high), (later_low, later_high) in product(set(spans.values()), repeat=2):
            assert not (later_low - high >= 1 and later_high - low <= 9), "a change between two reports is a small group"


def test_a_part_is_shown_of_groups_that_have_room_for_it() -> None:
    assert shown_part(12, 20) is None
    assert highest(30) == 20
    assert shown_part(30, 30) == 20
    assert shown_part(3, 30) == 0
    assert shown_part(57, 500) == 60


GROUPS = st.lists(st.tuples(st.integers(25, 34), st.integers(0, 34)).map(lambda g: (g[0], min(g))), min_size=1, max_size=3)


@settings(max_examples=25, deadline=None)
@given(GROUPS, st.integers(0, 9))
@example([(34, 9), (34, 9), (34, 9)], 0)
@example([(30, 9), (31, 9)], 9)
@example([(34, 34), (34, 0)], 0)
@example([(34, 4), (34, 4)], 0)
def test_who_knows_the_rule_and_every_size_learns_no_part_from_all_parts_and_their_sum(
    groups: list[tuple[int, int]], elsewhere: int
) -> None:
    """The sum is told beside the parts, and some who count in it belong to groups that are not listed."""
    sizes = [shown(size) for size, _ in groups]

    def publish(*parts: int) -> tuple[Any, ...]:
        told = [shown_part(part, size) for part, size in zip(parts, sizes, strict=False)]
        return (*told, shown_total(sum(parts), [span_of(part, size) for part, size in zip(told, sizes, strict=True)]))

    truth = [part for _, part in groups]
    told = publish(*truth, elsewhere)
    near = [
        range(max(0, low), min(size, high) + 1)
        for (size, _), (low, high) in zip(groups, (_reach(part, whole) for part, whole in zip(told[:-1], sizes, strict=True)), strict=True)
    ]
    assert all(part in span for part, span in zip(truth, near, strict=True))
    # Those elsewhere may be nobody, or as many as they are: the attacker knows how many groups are not listed, and not who is in them.
    behind = [one for one in product(*near, range(0, 10, 3)) if publish(*one) == told]
    behind += [one for one in product(*near, [elsewhere]) if publish(*one) == told]
    for place, (size, _) in enumerate(groups):
        assert safe(one[place] for one in behind), (told, place)
        assert safe(size - one[place] for one in behind), (told, place)


def _reach(part: int | None, whole: int) -> tuple[int, int]:
    """Where the attacker must look: everything that rounds to this."""
    if part is None:
        return 0, whole + 4
    return least(part), whole + 4 if part == highest(whole) else most(part)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=3), st.integers(0, 40))
@example([9, 0], 0)
@example([24, 1], 0)
@example([15, 9, 0], 0)
def test_parts_of_a_whole_beside_a_rest_that_is_not_shown(parts: list[int], rest: int) -> None:
    """As the states of a district's cards: each is shown, all together are shown, and the rest is not."""

    def publish(*numbers: int) -> tuple[int, ...]:
        return (*(shown(number) for number in numbers[:-1]), shown(sum(numbers)))

    told = publish(*parts, rest)
    spans = [range(least(number), most(number) + 1) for number in told[:-1]]
    low, high = least(told[-1]), most(told[-1])
    behind = [(*one, left) for one in product(*spans) for left in range(max(0, low - sum(one)), max(-1, high - sum(one)) + 1)]
    assert (*parts, rest) in behind
    for place in range(len(told)):
        assert safe(one[place] for one in behind), (told, place)


@pytest.mark.parametrize("parts", [[9] * 10, [9] * 11])
def test_a_sum_that_would_give_its_parts_away_is_told_lower(parts: list[int]) -> None:
    spans = [span_of(shown_part(part, 100), 100) for part in parts]
    told = shown_total(sum(parts), spans)
    assert told is not None
    assert told < shown(sum(parts))
    assert all(least(told) <= sum(span.most for span in spans) - span.most + span.least for span in spans)


def test_a_sum_is_told_where_its_parts_leave_room_for_it() -> None:
    many = [span_of(0, 100)] * 20
    assert shown_total(37, many) == 40
    assert shown_total(3, many) == 0
    assert shown_total(11, many[:1]) is None
    assert shown_total(11, []) == 10
