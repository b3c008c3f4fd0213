"""The planted lists: five hundred pairs of a kind that are never one person's, each with something that shows it, and true links beside them."""

from collections import Counter
from functools import cache

import pytest

from local.population import Kind, PatronRow, Population, Relation, StudentRow, planted
from local.population.spelling import ascii_letters

RELATIONS = {
    Kind.TWINS: Relation.TWIN,
    Kind.SIMILAR_NAME_TWINS: Relation.TWIN,
    Kind.SAME_FIRST_NAME_TWINS: Relation.TWIN,
    Kind.SIBLINGS: Relation.SIBLING,
    Kind.STEP_SIBLINGS: Relation.SIBLING,
    Kind.COUSINS: Relation.COUSIN,
    Kind.PARENT_CHILD_NAMESAKES: Relation.PARENT,
    Kind.JUNIOR_SENIOR: Relation.PARENT,
    Kind.SAME_NAME_SAME_BIRTHDAY_STRANGERS: Relation.NAMESAKE,
}


@cache
def the(kind: Kind) -> Population:
    return planted(kind, students=800, patrons=400)


def pairs(kind: Kind) -> list[tuple[StudentRow, PatronRow, str]]:
    population = the(kind)
    students = {row.student_id: row for row in population.students}
    patrons = {row.patron_id: row for row in population.patrons}
    return [(students[trap.left_id], patrons[trap.right_id], trap.way) for trap in population.link_traps]


def digits(phone: str) -> str:
    return "".join(digit for digit in phone if digit.isdigit())[-10:]


def share_a_contact(row: StudentRow, card: PatronRow) -> bool:
    phones = {digits(row.phone), digits(row.guardian_phone)} - {""}
    return (
        digits(card.phone) in phones or (card.email != "" and card.email == row.guardian_email) or card.street.upper() == row.street.upper()
    )


@pytest.mark.parametrize("kind", Kind)
def test_five_hundred_pairs_are_of_the_kind_and_of_every_way(kind: Kind) -> None:
    population = the(kind)
    assert len({(trap.left_id, trap.right_id) for trap in population.link_traps}) == 500
    for trap in (*population.link_traps, *population.within_traps):
        assert population.relation(trap.left_id, trap.right_id) is RELATIONS[kind]
        assert (trap.left_id, trap.right_id) not in population.true_links | population.true_duplicates
    ways = Counter(trap.way for trap in population.link_traps)
    assert min(ways.values()) >= 500 // len(ways)


@pytest.mark.parametrize("kind", Kind)
def test_true_links_and_ordinary_families_are_among_them(kind: Kind) -> None:
    population = the(kind)
    assert len(population.true_links) > 120
    assert len(population.students) >= 1100
    assert len(population.person_of) == len(population.students) + len(population.patrons)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SAME_NAME_SAME_BIRTHDAY_STRANGERS])
def test_a_family_shares_its_contact(kind: Kind) -> None:
    assert all(share_a_contact(row, card) for row, card, _ in pairs(kind))


@pytest.mark.parametrize("kind", [Kind.PARENT_CHILD_NAMESAKES, Kind.JUNIOR_SENIOR, Kind.SAME_NAME_SAME_BIRTHDAY_STRANGERS])
def test_namesakes_have_one_first_and_last_name(kind: Kind) -> None:
    for row, card, way in pairs(kind):
        assert ascii_letters(row.first_name) == ascii_letters(card.first_name)
        assert ascii_letters(row.last_name) == ascii_letters(card.last_name) or "last name" in way


def test_parents_cards_often_have_no_birth_date_or_the_first_of_january() -> None:
    for kind in (Kind.PARENT_CHILD_NAMESAKES, Kind.JUNIOR_SENIOR):
        days = [card.birth_date for _, card, _ in pairs(kind)]
        assert sum(not day for day in days) >= 100
        assert sum(day.endswith("-01-01") for day in days) >= 60


def test_junior_and_senior_with_one_birth_date_are_told_apart_by_what_is_written() -> None:
    for row, card, _ in pairs(Kind.JUNIOR_SENIOR):
        if row.birth_date == card.birth_date:
            left, right = ((f"{each.last_name} {each.suffix}").split()[-1].strip(".").upper() for each in (row, card))
            assert {left, right} in ({"JR", "SR"}, {"III", "JR"})


def test_strangers_share_name_and_birthday_and_no_familys_contact() -> None:
    for row, card, way in pairs(Kind.SAME_NAME_SAME_BIRTHDAY_STRANGERS):
        assert row.birth_date == card.birth_date
        assert share_a_contact(row, card) is ("nobody" in way)
        assert "nobody" not in way or (card.phone, card.email) == ("9999999999", "none@example.org")


def test_twins_share_birthdays_and_never_all_that_is_written_unless_both_are_seen() -> None:
    for kind in (Kind.TWINS, Kind.SIMILAR_NAME_TWINS, Kind.SAME_FIRST_NAME_TWINS):
        seen = {trap.way for trap in the(kind).within_traps}
        for row, card, way in pairs(kind):
            assert card.birth_date in (row.birth_date, "")
            told = ascii_letters(row.first_name) != ascii_letters(card.first_name) or row.middle_name != card.middle_name
            assert told or way in seen


def test_the_same_seed_plants_the_same_and_another_seed_others() -> None:
    again = planted(Kind.TWINS, students=800, patrons=400)
    assert again.students_csv() == the(Kind.TWINS).students_csv()
    assert again.link_traps == the(Kind.TWINS).link_traps
    assert planted("twins", 20, seed=2, students=50, patrons=20).link_traps != the(Kind.TWINS).link_traps[:20]
