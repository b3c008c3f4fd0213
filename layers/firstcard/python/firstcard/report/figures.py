"""The figures of a district's report: counts go in, numbers that may be shown come out, as plain data.

What is shown is rounded by ``shown`` and nothing else is; percentages and goals are worked out from what is shown. The district's edition has nothing of who had a card
before, is in doubt or is served as another district's student (users.md, ruling 11), nor anything that holds these back as a difference: they count among the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from firstcard.agreement import Agreement, Library
from firstcard.agreement.model import CEDS_GRADES
from firstcard.report.census import Census, Group
from firstcard.report.shown import SMALLEST_WHOLE, Span, highest_total, shown, shown_part, shown_total, span_of

VERSION = 1


class Edition(StrEnum):
    """Whose report it is. The library's must not reach the district."""

    DISTRICT = "district"
    LIBRARY = "library"


class Where(StrEnum):
    """Where a student or an educator of the last applied roster stands now. ``rest`` is all others, mostly on the way to the ILS, and is never a number of its own."""

    OPTED_OUT = "opted_out"
    IN_ILS = "in_ils"
    NO_ADDRESS = "no_address"
    WINDOW = "window"
    FAILED = "failed"
    REST = "rest"


FOR_BOTH = (Where.OPTED_OUT, Where.IN_ILS, Where.NO_ADDRESS)
FOR_LIBRARY = (*FOR_BOTH, Where.WINDOW, Where.FAILED)
PARTS = (str(Where.OPTED_OUT), "had_card")
"""What is told of each school and grade, and of all of them together."""
OTHER_GRADES = "other"
"""The grades of a school that are too small to stand by themselves, together."""


@dataclass(frozen=True, slots=True)
class Now:
    """How many students and educators stand where, by the cards table. ``had_card`` counts those of ``in_ils`` whose card is the family's own."""

    students: Mapping[Where, int] = field(default_factory=dict)
    educators: Mapping[Where, int] = field(default_factory=dict)
    had_card: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A file that waits for a person: when it came (ISO 8601, UTC), and how many new cards it would bring."""

    received_at: str
    new_cards: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Everything that a district's report is made of. ``censuses`` are those of applied rosters with the day each came, oldest first; the last one is of the roster that counts now."""

    now: Now
    censuses: Sequence[tuple[str, Census]] = ()
    held: Sequence[Held] = ()
    use: Sequence[Mapping[str, Any]] = ()
    progress: Sequence[Mapping[str, Any]] = ()


def figures_of(agreement: Agreement, library: Library, counted: Counted, *, edition: Edition, at: datetime) -> dict[str, Any]:
    """The report of one district, as JSON: numbers that may be shown, and words that are known anyway."""
    received, census = counted.censuses[-1] if counted.censuses else ("", Census())
    cells = cells_of(census, edition)
    students = shown(census.students or sum(counted.now.students.values()))
    where: dict[str, int | None] = {
        str(word): shown(counted.now.students.get(word, 0)) for word in (FOR_LIBRARY if edition is Edition.LIBRARY else FOR_BOTH)
    }
    where[Where.OPTED_OUT] = shown_total(counted.now.students.get(Where.OPTED_OUT, 0), spans(cells, Where.OPTED_OUT))
    in_ils = shown(counted.now.students.get(Where.IN_ILS, 0))
    all_educators = shown(sum(counted.now.educators.values()))
    with_card = shown(counted.now.educators.get(Where.IN_ILS, 0)) if all_educators >= SMALLEST_WHOLE else None
    educators = {"all": all_educators, "in_ils": with_card}
    if edition is Edition.LIBRARY:
        where["had_card"] = shown_total(counted.now.had_card, spans(cells, "had_card"))
        where["first_ever"] = None if where["had_card"] is None else max(0, in_ils - where["had_card"])
        where |= {word: shown(sum(getattr(group, word) for group in census.groups)) for word in ("in_doubt", "served")}
    if students < SMALLEST_WHOLE:  # of whoever knows exactly how many there are, the rest beside a part would be told, too
        where = dict.fromkeys(where)
    return {
        "v": VERSION,
        "edition": str(edition),
        "district": agreement.district,
        "district_name": agreement.parties.lea.name,
        "library": library.id,
        "library_name": library.name,
        "agreement": agreement.id,
        "at": at.isoformat(timespec="seconds"),
        "students": students,
        "students_by_state": where,
        "at_least": at_least(cells, where),
        "coverage_percent": percent(in_ils, students),
        "educators": educators,
        "usable": None,
        "held": [{"received_on": held.received_at[:10], "new_cards": shown(held.new_cards)} for held in counted.held],
        "left_out": {word: shown(count) for word, count in sorted(census.left_out.items())},
        "goals": [_goal(goal.measure, goal.target_percent, goal.by, at.date(), in_ils, students, educators) for goal in agreement.goals],
        "roster_of": received,
        "cells": cells,
        "baseline": _baseline(counted, edition),
        "over_time": [_point(on, one, edition) for on, one in counted.censuses],
        "progress": [dict(point) for point in counted.progress],
        "use": _use(counted.use, cells),
    }


def cells_of(census: Census, edition: Edition) -> list[dict[str, Any]]:
    """The students of each school and grade, as they may be shown; a school's grades that are too small for a part of them to be shown stand together."""
    by_school: dict[str, list[Group]] = {}
    for group in census.groups:
        by_school.setdefault(group.school, []).append(group)
    cells = []
    for school, groups in sorted(by_school.items()):
        alone = [group for group in groups if shown(group.students) >= SMALLEST_WHOLE]
        small = [group for group in groups if group not in alone]
        together = Group(school, OTHER_GRADES, *(sum(getattr(g, word) for g in small) for word in ("students", "no", "had_card")))
        for group in (*alone, together):
            if whole := shown(group.students):
                cell = {
                    "school": school,
                    "school_name": census.schools.get(school, ""),
                    "grade": group.grade,
                    "students": whole,
                    "opted_out": shown_part(group.no, whole),
                }
                if edition is Edition.LIBRARY:
                    cell["had_card"] = _second_part(group.had_card, whole, cell["opted_out"])
                cells.append(cell)
    return cells


def _second_part(part: int, whole: int, first: object) -> int | None:
    """Another part of a group beside the first: of what is certain to be left of it after that one."""
    if not isinstance(first, int) or whole - first < SMALLEST_WHOLE + 10:
        return None
    return shown_part(part, whole - first - 10)


def spans(cells: Sequence[Mapping[str, Any]], part: str) -> list[Span]:
    """From how many to how many students of each cell are in a part, as far as the cells tell."""
    found = []
    for cell in cells:
        whole = cell["students"]
        if part == "had_card" and cell[part] is not None:
            left = whole - cell["opted_out"] - 10
            known = span_of(cell[part], left)
            found.append(Span(known.least, whole if known.most == left else known.most))
        else:
            found.append(span_of(cell[part], whole))
    return found


def _use(rows: Sequence[Mapping[str, Any]], cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Use of groups that are shown themselves: what a few did is theirs, however often they did it. It was rounded when it came in."""
    groups = {(cell["school"], cell["grade"]) for cell in cells}
    return [dict(row) for row in rows if (row["school"], row["grade"]) in groups]


def at_least(cells: Sequence[Mapping[str, Any]], totals: Mapping[str, Any]) -> list[str]:
    """Those of the totals beside the cells that mean "so many or more"."""
    return [part for part in PARTS if cells and part in totals and totals[part] == highest_total(spans(cells, part))]


def percent(part: int, whole: int) -> int | None:
    """Whole percent, rounded down, of two numbers as they are shown; None where the whole is too small."""
    return min(100, 100 * part // whole) if whole >= SMALLEST_WHOLE else None


def _goal(
    measure: str, target: int, by: date, today: date, in_ils: int, students: int, educators: Mapping[str, int | None]
) -> dict[str, Any]:
    now = percent(in_ils, students) if measure == "coverage" else percent(educators["in_ils"] or 0, educators["all"] or 0)
    days = (by - today).days
    return {
        "measure": measure,
        "target_percent": target,
        "by": by.isoformat(),
        "now_percent": now,
        "reached": now is not None and now >= target,
        "days_left": max(0, days),
    }


def _baseline(counted: Counted, edition: Edition) -> dict[str, Any] | None:
    """What the first roster of all said, by school and grade: the figures to compare with."""
    if not counted.censuses:
        return None
    on, census = counted.censuses[0]
    return _point(on, census, edition) | {"cells": cells_of(census, edition)}


def margin(cells: Sequence[Mapping[str, Any]], by: str) -> list[dict[str, Any]]:
    """The cells summed up by ``school`` or ``grade``: students, and from how many to how many percent of them get a card, as far as the cells tell.

    In the library's edition also from how many to how many had one. Sums of what is shown, so that nothing more can be worked out from them.
    """
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for cell in cells:
        rows.setdefault(cell[by], []).append(cell)
    return [
        _summed(name, group, by) for name, group in sorted(rows.items(), key=lambda row: (_place(row[0]) if by == "grade" else 0, row[0]))
    ]


def _place(grade: str) -> int:
    """Where a grade stands among the others: kindergarten before the first, what is none of them last."""
    return CEDS_GRADES.index(grade) if grade in CEDS_GRADES else len(CEDS_GRADES) + (grade == OTHER_GRADES)


def _summed(name: str, group: Sequence[Mapping[str, Any]], by: str) -> dict[str, Any]:
    students = sum(cell["students"] for cell in group)
    without = spans(group, Where.OPTED_OUT)
    row: dict[str, Any] = {by: name, "students": students}
    if by == "school":
        row["school_name"] = group[0]["school_name"]
    row["from_percent"] = 100 * (students - min(students, sum(span.most for span in without))) // students
    row["to_percent"] = 100 * (students - sum(span.least for span in without)) // students
    if "had_card" in group[0]:
        had = spans(group, "had_card")
        row["had_card_from"], row["had_card_to"] = sum(span.least for span in had), min(students, sum(span.most for span in had))
    return row


def together(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several districts' reports summed up: sums of what is shown of each, and what is not shown counts for nothing."""
    students = sum(one["students"] for one in reports)
    states: dict[str, int] = {}
    for one in reports:
        for word, number in one["students_by_state"].items():
            states[word] = states.get(word, 0) + (number or 0)
    educators = {word: sum(one["educators"][word] or 0 for one in reports) for word in ("all", "in_ils")}
    return {
        "districts": len({one["district"] for one in reports}),
        "libraries": len({one["library"] for one in reports}),
        "students": students,
        "students_by_state": states,
        "coverage_percent": percent(states.get(Where.IN_ILS, 0), students),
        "educators": educators,
        "educators_percent": percent(educators["in_ils"], educators["all"]),
        "goals_reached": sum(goal["reached"] for one in reports for goal in one["goals"]),
        "goals": sum(len(one["goals"]) for one in reports),
    }


def _point(on: str, census: Census, edition: Edition) -> dict[str, Any]:
    cells = cells_of(census, edition)
    point: dict[str, Any] = {
        "roster_of": on,
        "students": shown(census.students),
        "opted_out": shown_total(sum(group.no for group in census.groups), spans(cells, "opted_out")),
        "educators": shown(census.educators),
    }
    if edition is Edition.LIBRARY:
        point["had_card"] = shown_total(sum(group.had_card for group in census.groups), spans(cells, "had_card"))
    point["at_least"] = at_least(cells, point)
    return point
