"""A report as a whole: what it says, and that an attacker who knows everything but one cell finds others that give the same report."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.report.census import Census, Group
from firstcard.report.figures import OTHER_GRADES, Counted, Edition, Held, Now, Where, cells_of, figures_of, spans
from firstcard.report.shown import shown
from tests.unit.agreement.builders import a_library, an_agreement

AGREEMENT, LIBRARY = an_agreement(), a_library()
AT = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
SEVERAL = 5


def a_group(school: str = "0101", grade: str = "03", students: int = 120, **more: int) -> Group:
    return Group(school, grade, students, **more)


def report(
    *groups: Group, edition: Edition = Edition.LIBRARY, now: Now | None = None, agreement: Any = None, **more: Any
) -> dict[str, Any]:
    census = Census(groups, {g.school: f"School {g.school}" for g in groups}, educators=44, left_out={"school": 7, "grade": 31})
    counted = Counted(now or Now({Where.IN_ILS: 100}), more.pop("censuses", (("2026-11-22", census),)), **more)
    return figures_of(agreement or AGREEMENT, LIBRARY, counted, edition=edition, at=AT)


def numbers(of: Any) -> Iterator[int]:
    if isinstance(of, dict):
        yield from (n for name, value in of.items() if name not in ("v", "target_percent", "days_left") for n in numbers(value))
    elif isinstance(of, list):
        yield from (n for value in of for n in numbers(value))
    elif isinstance(of, int) and not isinstance(of, bool):
        yield of


def test_every_number_but_a_percentage_is_a_multiple_of_ten() -> None:
    told = report(
        a_group(no=3, had_card=17),
        a_group(grade="04", students=23, no=9),
        *(a_group(school) for school in ("0201", "0202", "0203")),
        now=Now({Where.IN_ILS: 123, Where.OPTED_OUT: 11, Where.NO_ADDRESS: 4}, {Where.IN_ILS: 41}, had_card=18),
        held=(Held("2027-01-14T22:00:00+00:00", 17),),
        use=({"school": "0101", "grade": "03", "month": "2026-12", "checkouts": 430},),
    )
    del told["coverage_percent"]
    assert all(number % 10 == 0 for number in numbers(told))
    assert told["students_by_state"]["opted_out"] == 10
    assert told["held"] == [{"received_on": "2027-01-14", "new_cards": 20}]
    assert told["left_out"] == {"grade": 30, "school": 0}
    assert told["use"][0]["checkouts"] == 430


def test_small_grades_of_a_school_stand_together_and_a_small_school_does_not_stand_there() -> None:
    told = report(a_group(students=300), a_group(grade="PK", students=12), a_group(grade="UG", students=9), a_group("0202", students=8))
    assert [(c["school"], c["grade"], c["students"]) for c in told["cells"]] == [("0101", "03", 300), ("0101", OTHER_GRADES, 20)]
    assert told["students"] == 330


def test_use_of_a_group_that_is_not_shown_is_not_shown() -> None:
    told = report(a_group(), a_group("0202", students=8), use=({"school": "0202", "grade": "03", "month": "2026-12", "checkouts": 900},))
    assert told["use"] == []


LIBRARY_ONLY = ("had_card", "first_ever", "in_doubt", "served", "window", "failed")


def test_the_districts_edition_says_the_same_whoever_had_a_card_before_is_in_doubt_or_served() -> None:
    """Not one figure of it moves, whatever these are: so none of them can be worked out from it."""

    def one(had: int, doubt: int, served: int) -> dict[str, Any]:
        groups = (a_group(no=5, had_card=had, in_doubt=doubt, served=served), a_group(grade="04", had_card=had))
        now = Now({Where.IN_ILS: 180, Where.REST: 60 - doubt - served}, had_card=2 * had)
        return report(*groups, edition=Edition.DISTRICT, now=now)

    assert one(0, 0, 0) == one(50, 12, 31)
    written = json.dumps(one(50, 12, 31))
    assert not any(word in written for word in LIBRARY_ONLY)


def test_the_librarys_edition_has_them() -> None:
    others = (a_group(school) for school in ("0201", "0202"))
    told = report(a_group(no=5, had_card=50, in_doubt=12), *others, now=Now({Where.IN_ILS: 100}, had_card=47))
    assert told["students_by_state"]["had_card"] == 50
    assert told["students_by_state"]["first_ever"] == 50
    assert told["students_by_state"]["in_doubt"] == 10
    assert told["cells"][0]["had_card"] == 50


@pytest.mark.parametrize("whole", range(1, 60))
@pytest.mark.parametrize("edition", list(Edition))
def test_who_knows_how_many_there_are_learns_of_no_few_without_a_card(whole: int, edition: Edition) -> None:
    told: dict[tuple[object, object], set[int]] = {}
    for with_card in range(whole + 1):
        now = Now({Where.IN_ILS: with_card, Where.REST: whole - with_card}, {Where.IN_ILS: with_card, Where.REST: whole - with_card})
        said = report(a_group(students=whole), now=now, edition=edition)
        for who, number in (("students", said["students_by_state"]["in_ils"]), ("educators", said["educators"]["in_ils"])):
            told.setdefault((who, number), set()).add(whole - with_card)
    assert [key for key, left in told.items() if not left & {0, *range(10, whole + 1)} and max(left) > 0] == []


def test_goals_are_measured_by_what_is_shown() -> None:
    agreement = an_agreement(
        goals=[
            {"measure": "coverage", "target_percent": 90, "by": "2027-06-30"},
            {"measure": "educators", "target_percent": 50, "by": "2027-01-01"},
        ]
    )
    told = report(a_group(students=1000), now=Now({Where.IN_ILS: 913}, {Where.IN_ILS: 20, Where.REST: 40}), agreement=agreement)
    assert [(g["now_percent"], g["reached"], g["days_left"]) for g in told["goals"]] == [(91, True, 166), (33, False, 0)]


def test_nothing_is_guessed_about_what_is_not_checked() -> None:
    assert report(a_group())["usable"] is None


def test_before_the_first_roster_there_is_nothing() -> None:
    told = report(censuses=(), now=Now())
    assert (told["students"], told["coverage_percent"], told["cells"], told["over_time"]) == (0, None, [], [])


CENSUS = st.lists(
    st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(["KG", "01", "02"]), st.integers(1, 70), st.integers(0, 70), st.integers(0, 70)),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row[:2],
).map(
    lambda rows: tuple(
        Group(school, grade, n, no=min(no, n), had_card=min(had, n - min(no, n))) for school, grade, n, no, had in sorted(rows)
    )
)


def attacked(groups: tuple[Group, ...], part: str, place: int) -> set[int]:
    """All numbers that one group may have in a part, the others being moved as far as need be, so that the whole report stays the same.

    The attacker knows the exact size of every group, and moves the other part from group to group, or thinks it smaller, where there would be no room for both.
    """
    now = states(groups)
    truth = report(*groups, now=now)

    other = "had_card" if part == "no" else "no"

    def with_numbers(changed: list[int], *, kept: bool) -> tuple[Group, ...]:
        there = [getattr(g, other) for g in groups]
        room = [g.students - number for g, number in zip(groups, changed, strict=True)]
        others = [min(number, most) for number, most in zip(there, room, strict=True)]
        for one in range(len(others) if kept else 0):
            others[one] += max(0, min(room[one] - others[one], sum(there) - sum(others)))
        return tuple(
            Group(g.school, g.grade, g.students, **{part: number, other: moved})
            for g, number, moved in zip(groups, changed, others, strict=True)
        )

    found = set()
    for number in range(groups[place].students + 1):
        numbers = [getattr(g, part) for g in groups]
        numbers[place] = number
        total, sizes = sum(numbers) - number + getattr(groups[place], part), [g.students for g in groups]
        left = [g.students - getattr(g, other) for g in groups]
        for candidate in (
            *compensated(numbers, left, place, total, within=True),
            *compensated(numbers, sizes, place, total, within=True),
            *compensated(numbers, left, place, total),
            *compensated(numbers, sizes, place, total),
        ):
            lists = (with_numbers(candidate, kept=True), with_numbers(candidate, kept=False))
            if any(report(*changed, now=states(changed, now.students[Where.IN_ILS])) == truth for changed in lists):
                found.add(number)
                break
    return found


def compensated(numbers: list[int], room: list[int], place: int, total: int, *, within: bool = False) -> Iterator[list[int]]:
    """The same with the other numbers moved, one after the other, by up to nine each, or ``within`` their spans, until the sum is the old one."""
    yield list(numbers)
    moved = list(numbers)
    for other in range(len(moved)):
        if other == place:
            continue
        for step in (1, -1):
            while (total - sum(moved)) * step > 0 and abs(moved[other] - numbers[other]) < 9 and 0 <= moved[other] + step <= room[other]:
                if within and shown(moved[other] + step) != shown(numbers[other]):
                    break
                moved[other] += step
                yield list(moved)


def states(groups: tuple[Group, ...], in_ils: int | None = None) -> Now:
    """As the cards table has it: everybody who said no, and as many cards in the ILS as before if so many are left; the rest is on its way, and nobody is told how many they are."""
    no, students = sum(g.no for g in groups), sum(g.students for g in groups)
    there = students - no if in_ils is None else min(in_ils, students - no)
    return Now({Where.OPTED_OUT: no, Where.IN_ILS: there, Where.REST: students - no - there}, had_card=sum(g.had_card for g in groups))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(CENSUS, st.sampled_from(["no", "had_card"]))
def test_no_small_number_of_any_group_can_be_worked_out_from_the_whole_report(groups: tuple[Group, ...], part: str) -> None:
    for place, group in enumerate(groups):
        true = getattr(group, part)
        if shown(group.students) < 30 or true >= 10:
            continue  # too small to have a part shown, or not a small number
        possible = attacked(groups, part, place)
        assert true in possible
        assert 0 in possible or max(possible) >= 10, (groups, part, place, possible)


@given(CENSUS)
def test_the_cells_hold_what_is_true(groups: tuple[Group, ...]) -> None:
    cells = cells_of(Census(groups), Edition.LIBRARY)
    alone = {(g.school, g.grade): g for g in groups}
    for part, of_group in (("opted_out", "no"), ("had_card", "had_card")):
        for cell, span in zip(cells, spans(cells, part), strict=True):
            if cell["grade"] != OTHER_GRADES and cell[part] is not None:
                true = getattr(alone[cell["school"], cell["grade"]], of_group)
                assert span.least <= true
                assert true <= span.most or span.most == cell["students"]


@pytest.mark.parametrize("edition", list(Edition))
def test_the_same_counts_give_the_same_report(edition: Edition) -> None:
    assert report(a_group(), edition=edition) == report(a_group(), edition=edition)
