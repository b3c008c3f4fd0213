"""Who is in the demo's files, and which child moves from one district to another."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firstcard.agreement import Agreement
from local.counting import Watch
from local.district.people import District, Student
from local.loading import Part, people_of
from local.machine import Machine
from local.programme import agreements_of, lay_out
from local.transfer import child_that_moves, move_of
from local.wanted import Wanted, rolled_out

TODAY = date(2026, 11, 22)


def a_machine(name: str, folder: Path) -> Machine:
    """What a machine knows before it is started: the day, and the programme's agreements."""
    endpoints = {clauses["library"]: "https://127.0.0.1/api" for clauses in agreements_of(name, {}).values()}
    deployed = lay_out(name, folder=folder, endpoints=endpoints, today=TODAY)
    return cast(Machine, SimpleNamespace(deployed=deployed, today=TODAY))


def people(machine: Machine, slug: str, students: int = 300) -> tuple[District, list[Part]]:
    return people_of(machine, slug, students=students, staff=20, seed=1)


def test_a_district_has_a_part_for_each_of_its_libraries_and_nothing_damaged_where_schools_are_shared_out(tmp_path: Path) -> None:
    district, parts = people(a_machine("student-success", tmp_path), "baylands")
    assert [part.agreement.library for part in parts] == ["bayside", "valley"]
    assert district.name == "Baylands Unified School District"
    assert not any(student.damage for student in district.students)
    assert all([rolled_out(part.agreement, one) for part in parts].count(True) == 1 for one in district.students)


def test_a_district_of_one_grade_has_only_that_and_damaged_rows(tmp_path: Path) -> None:
    district, (part,) = people(a_machine("kindercard", tmp_path), "rcsd")
    assert {student.grade for student in district.students} == {"KG"}
    assert all("KG" in school.grades for school in district.schools)
    assert {student.school for student in district.students if not student.damage} == {school.sourced_id for school in district.schools}
    assert part.wanted == Wanted.of(district, part.agreement)
    assert sum(part.wanted.rejected.values()) == 2
    assert part.wanted.left_out == 20
    assert part.wanted.card_mails == part.wanted.cards, "a family has one child in one grade"


@pytest.mark.parametrize(
    ("name", "slug", "to"),
    [
        ("student-success", "baylands", ("valley", "hillside")),
        ("indianapolis", "ips", ("indypl", "wayne")),
        ("jacksonville", "duval", None),
        ("kindercard", "rcsd", None),
    ],
)
def test_a_child_moves_where_two_districts_of_a_library_number_by_the_state_id(
    name: str, slug: str, to: tuple[str, str] | None, tmp_path: Path
) -> None:
    machine = a_machine(name, tmp_path)
    _, parts = people(machine, slug)
    move = move_of(machine, parts)
    assert (move and (move.library, move.district)) == to


def as_known(student: Student) -> tuple[Any, ...]:
    return (student.state_id, student.first_name, student.last_name, student.birth_date, student.grade, student.email)


@pytest.mark.parametrize(("name", "slug"), [("student-success", "baylands"), ("indianapolis", "ips")])
def test_the_child_that_moves_is_the_same_person_under_the_new_districts_ids(name: str, slug: str, tmp_path: Path) -> None:
    machine = a_machine(name, tmp_path)
    district, parts = people(machine, slug)
    move = move_of(machine, parts)
    assert move is not None
    new_home, there = people(machine, move.district, students=30)
    entering = next(part for part in there if part.agreement.library == move.library)
    child, moved = child_that_moves(district, move.leaving, new_home, entering)
    assert child in district.students
    assert as_known(child) == as_known(moved)
    assert rolled_out(move.leaving.agreement, child)
    assert rolled_out(entering.agreement, moved)
    assert moved.school in {school.sourced_id for school in new_home.schools if moved.grade in school.grades}
    ids = {one.sourced_id for one in new_home.students} | {one.local_id for one in new_home.students}
    assert ids.isdisjoint({moved.sourced_id, moved.local_id})
    assert {one.sourced_id for one in new_home.guardians}.isdisjoint(one.sourced_id for one in moved.guardians)


def test_an_e_mail_counts_for_the_library_that_sent_it(tmp_path: Path) -> None:
    machine = a_machine("jacksonville", tmp_path)
    watch = Watch(machine, machine.deployed[0])
    agreement: Agreement = machine.deployed[0].agreement
    mine, others = {"Source": agreement.notices.sender}, {"Source": "cards@other.example.org"}
    tagged = {"EmailTags": [{"Name": "kind", "Value": "card"}]}
    assert watch.emails([mine | tagged, mine | tagged, others | tagged]) == {"card": 2}
