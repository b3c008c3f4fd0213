"""The synthetic region: the same again in every process, with the families and the mistakes that it promises."""

import csv
import hashlib
import io
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

from local.population import Person, Population, Relation, make_population
from local.population.rows import PatronRow, StudentRow
from local.population.spelling import ascii_letters

ROOT = Path(__file__).resolve().parents[3]


@cache
def a_population(seed: int = 5, twin_share: float = 0.031) -> Population:
    return make_population(seed, students=9000, patrons=4000, twin_share=twin_share)


def digest(population: Population) -> str:
    return hashlib.sha256(population.students_csv() + population.patrons_csv()).hexdigest()


def children(population: Population) -> list[Person]:
    return [population.people[number] for number in sorted(set(population.student_people))]


def twins(population: Population) -> list[Person]:
    births = Counter(child.birth for child in children(population))
    return [child for child in children(population) if births[child.birth] > 1]


def linked_rows(population: Population) -> list[tuple[StudentRow, PatronRow]]:
    students = {row.student_id: row for row in population.students}
    patrons = {row.patron_id: row for row in population.patrons}
    return [(students[left], patrons[right]) for left, right in sorted(population.true_links)]


def share(rows: list[bool]) -> float:
    return sum(rows) / len(rows)


def test_another_process_with_another_hash_seed_makes_the_same_bytes() -> None:
    code = (
        "import hashlib; from local.population import make_population; p = make_population(3, students=1500, patrons=600);"
        "print(hashlib.sha256(p.students_csv() + p.patrons_csv()).hexdigest())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert said == {digest(make_population(3, students=1500, patrons=600))}
    assert said != {digest(make_population(4, students=1500, patrons=600))}


def test_there_are_as_many_rows_as_asked_for_and_each_id_is_one_rows() -> None:
    for students, patrons in ((20, 10), (1500, 600)):
        population = make_population(1, students=students, patrons=patrons)
        assert (len(population.students), len(population.patrons)) == (students, patrons)
        assert len(population.person_of) == students + patrons
        assert len(population.districts) == len(population.student_people) == students


def test_the_files_are_what_the_matcher_reads(tmp_path: Path) -> None:
    population = make_population(1, students=200, patrons=100)
    students, patrons = population.write(tmp_path)
    assert students.read_bytes() == population.students_csv()
    assert patrons.read_bytes() == population.patrons_csv()
    read = list(csv.DictReader(io.StringIO(students.read_text("utf-8"), newline="")))
    assert [tuple(row.values()) for row in read] == [tuple(row) for row in population.students]
    lines = [line for district in range(12) for line in population.district_csv(district).splitlines()[1:]]
    assert sorted(lines) == sorted(population.students_csv().splitlines()[1:])


def test_three_of_a_hundred_students_are_twins_and_in_a_flood_a_third() -> None:
    natural, flood = a_population(), a_population(twin_share=1 / 3)
    assert 0.02 < len(twins(natural)) / len(children(natural)) < 0.042
    assert 0.3 < len(twins(flood)) / len(children(flood)) < 0.37


def test_twins_share_a_birth_date_and_never_a_whole_name() -> None:
    pairs: dict[int, list[Person]] = {}
    for child in twins(a_population(twin_share=1 / 3)):
        pairs.setdefault(child.birth, []).append(child)
    for one, other in pairs.values():
        assert one.born == other.born
        assert one.household == other.household
        assert (one.given, one.middle) != (other.given, other.middle)
    same_first = [pair for pair in pairs.values() if pair[0].given[0] == pair[1].given[0]]
    hispanic = [pair for pair in pairs.values() if pair[0].origin.double and pair[0].girl == pair[1].girl]
    assert 0.01 < len(same_first) / len(hispanic) < 0.08


def test_a_few_children_stand_on_two_rosters_or_twice_on_one() -> None:
    population = a_population()
    rows: dict[int, list[int]] = {}
    for person, district in zip(population.student_people, population.districts, strict=True):
        rows.setdefault(person, []).append(district)
    assert 0.01 < share([len(set(places)) > 1 for places in rows.values()]) < 0.02
    assert 0.002 < share([len(set(places)) < len(places) for places in rows.values()]) < 0.009
    assert len(set(population.districts)) == 12


def test_four_cards_in_ten_are_students_and_others_are_their_parents_and_siblings() -> None:
    population = a_population()
    holders = [population.people[number] for number in population.patron_people]
    assert 0.36 < share([bool(person.districts) for person in holders]) < 0.44
    assert share([not person.adult and not person.districts for person in holders]) > 0.08
    parents = [
        person for person in holders if person.adult and any(child.districts for child in population.households[person.household].children)
    ]
    assert 0.1 < len(parents) / len(holders) < 0.2


def test_cards_are_as_wrong_as_promised_and_rosters_less() -> None:
    population = a_population()
    pairs = linked_rows(population)
    assert 0.045 < share([not card.birth_date for card in population.patrons]) < 0.075
    assert share([not row.birth_date for row in population.students]) < 0.006
    assert 0.82 < share([bool(row.state_id) for row in population.students]) < 0.88
    assert 0.15 < share([card.last_name.isupper() and card.street.isupper() for card in population.patrons]) < 0.25
    assert 0.08 < share([row.postal_code != card.postal_code and card.postal_code != "" for row, card in pairs]) < 0.17
    written = [(row, card) for row, card in pairs if row.birth_date and card.birth_date]
    assert 0.01 < share([row.birth_date != card.birth_date for row, card in written]) < 0.045
    first = [ascii_letters(row.first_name.split()[0]) == ascii_letters(card.first_name.split()[0]) for row, card in pairs]
    assert 0.85 < share(first) < 0.95
    assert share([ascii_letters(row.last_name) == ascii_letters(card.last_name) for row, card in pairs]) > 0.85


def test_two_rows_of_one_child_are_never_strangers_to_each_other() -> None:
    for row, card in linked_rows(a_population()):
        names = {ascii_letters(part) for part in (card.first_name, card.last_name)}
        same_year = row.birth_date[:4] == card.birth_date[:4]
        same_name = ascii_letters(row.first_name) in names or ascii_letters(row.last_name) in names
        assert same_year or same_name or not card.birth_date or not row.birth_date


def test_state_ids_are_one_childs_but_for_the_few_taken_from_siblings() -> None:
    population = a_population()
    holders: dict[str, set[int]] = {}
    for row, person in zip(population.students, population.student_people, strict=True):
        if row.state_id:
            holders.setdefault(row.state_id, set()).add(person)
    wrong = sum(
        row.state_id not in ("", population.people[person].state_id)
        for row, person in zip(population.students, population.student_people, strict=True)
    )
    assert wrong == 9000 // 4900
    assert sum(len(people) > 1 for people in holders.values()) <= wrong


def test_families_have_fathers_and_sons_of_one_name_cousins_and_strangers_with_the_same_birthday() -> None:
    population = a_population()
    found = Counter(child.suffix for child in children(population))
    assert found["Jr"] > 50
    assert found["III"] > 2
    exact: dict[tuple[str, str, str], list[str]] = {}
    for card in population.patrons:
        exact.setdefault((ascii_letters(card.first_name), ascii_letters(card.last_name), card.birth_date), []).append(card.patron_id)
    relations = Counter(
        population.relation(row.student_id, patron)
        for row in population.students
        if row.birth_date
        for patron in exact.get((ascii_letters(row.first_name), ascii_letters(row.last_name), row.birth_date), ())
    )
    assert relations[Relation.SAME] > 900
    assert 1 <= relations[Relation.NAMESAKE] <= 8


def test_relations_say_what_people_are_to_each_other() -> None:
    population = a_population()
    first_id: dict[int, str] = {}
    for row_id, person in population.person_of.items():
        first_id.setdefault(person, row_id)
    seen: Counter[Relation] = Counter()
    for home in population.households:
        known = [first_id[person.number] for person in (*home.parents, *home.children) if person.number in first_id]
        for one in known:
            for other in known:
                relation = population.relation(one, other)
                assert relation is population.relation(other, one)
                seen[relation] += 1
    assert min(seen[kind] for kind in (Relation.SAME, Relation.TWIN, Relation.PARENT, Relation.SIBLING)) > 10
