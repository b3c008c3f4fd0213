"""The census of a plan: students by school and grade, and what only the library may know of them."""

from datetime import date
from types import SimpleNamespace
from typing import Any

from firstcard.card.chunk import Decision
from firstcard.card.manifest import Compared, Manifest
from firstcard.card.plan import Decisions, Step
from firstcard.identity import Tokens
from firstcard.report.census import Census, Group, census_key
from firstcard.roster import Person, Role
from firstcard.run.counting import census_of

TOKENS = Tokens(b"a token key of the tests, long enough", library="oak", district="pine")


def a_person(number: int, role: Role = Role.STUDENT, **changes: Any) -> Person:
    given = {
        "file": "roster.csv",
        "line": number,
        "role": role,
        "local_id": str(number),
        "first_name": "Ada",
        "last_name": "Pine",
        "birth_date": date(2016, 5, 4),
    }
    return Person(**{**given, "grade": "04", "school_id": "0101", "school_name": "First School", **changes})


def a_step(person: Person, decision: Decision = Decision.NOTHING, **changes: Any) -> Step:
    return Step(decision, TOKENS.patron(person.role, person.local_id), "", "print", person, **changes)


def the_census(*steps: Step, aside: tuple[Person, ...] = (), mistaken: tuple[str, ...] = (), linked: tuple[str, ...] = ()) -> Census:
    tokens = [TOKENS.patron(person.role, person.local_id) for person in aside]
    decisions = Decisions(steps, {}, {}, {}, (), {}, in_doubt=frozenset(tokens[:1]), served=frozenset(tokens[1:]))
    people = [step.person for step in steps if step.person] + list(aside)
    reading: Any = SimpleNamespace(people=people, excluded={"grade": 3})
    return census_of(reading, decisions, Manifest(compared=Compared(linked=dict.fromkeys(linked, "x"))), mistaken, TOKENS)


def test_students_are_counted_by_school_and_grade_and_educators_apart() -> None:
    census = the_census(
        a_step(a_person(1)),
        a_step(a_person(2, grade="05")),
        a_step(a_person(3), Decision.REFUSE, refused=True),
        a_step(a_person(4, Role.STAFF)),
        a_step(a_person(5, Role.STAFF), Decision.REFUSE, refused=True),
        Step(Decision.EXPIRE, "gone", "", "", None),
    )
    assert census.groups == (Group("0101", "04", 2, no=1), Group("0101", "05", 1))
    assert (census.students, census.educators, census.schools, census.left_out) == (3, 1, {"0101": "First School"}, {"grade": 3})


def test_a_familys_own_card_counts_when_it_is_linked_and_as_long_as_it_serves() -> None:
    known = a_step(a_person(2))
    wrong = a_step(a_person(3))
    census = the_census(
        a_step(a_person(1), Decision.LINK, ils_id="77"),
        known,
        wrong,
        a_step(a_person(4), Decision.REFUSE, refused=True, ils_id="78"),
        linked=(known.token, wrong.token),
        mistaken=(wrong.token,),
    )
    assert census.groups == (Group("0101", "04", 4, no=1, had_card=2),)


def test_who_waits_for_a_person_or_is_served_elsewhere_is_a_student_all_the_same() -> None:
    census = the_census(a_step(a_person(1)), aside=(a_person(2), a_person(3)))
    assert census.groups == (Group("0101", "04", 3, in_doubt=1, served=1),)


def test_it_is_read_as_it_was_written_and_lies_under_its_day() -> None:
    census = the_census(a_step(a_person(1)))
    assert Census.from_plain(census.as_plain()) == census
    assert census_key("oak.pine", "2026-11-22T06:00:00+00:00", 7) == "census/oak.pine/2026-11-22-00000007.json"
