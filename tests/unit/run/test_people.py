"""What a plan leaves behind of those whose row was not used."""

import gzip
from typing import Any

import pytest

from firstcard.agreement import Agreement
from firstcard.identity import Tokens
from firstcard.roster import Role
from firstcard.roster.reading import PLACES_OF_A_PERSON, Exclusion, Reading
from firstcard.run.checking import as_planned
from firstcard.run.people import People, people_of
from tests.unit.agreement.builders import an_agreement
from tests.unit.roster.builders import (
    a_birth,
    a_firstcard_csv,
    a_student_row,
    a_student_user,
    a_zip,
    oneroster_files,
    reading,
)

TOKENS = Tokens(b"a token key of the tests, long enough", library="oak", district="pine")


def token(number: int, role: Role = Role.STUDENT) -> str:
    return TOKENS.patron(role, f"{100000 + number}")


def csv_agreement(**changes: Any) -> Agreement:
    exchange = {"mapping": {}, "organisation_ids": ["school-1"]}
    return an_agreement(exchange=exchange, without=("exchange.mapping",), **changes)


def csv_reading(*rows: dict[str, str], agreement: Agreement | None = None) -> Reading:
    terms = agreement or csv_agreement()
    return as_planned(reading(a_firstcard_csv(*rows), terms), terms)


def places(people: People, number: int, role: Role = Role.STUDENT) -> list[tuple[int, str, str]]:
    return [(p.line, p.column, str(p.reason)) for p in people.problems.get(token(number, role), ())]


def people(*rows: dict[str, str], agreement: Agreement | None = None) -> People:
    return people_of(csv_reading(*rows, agreement=agreement), TOKENS)


def test_a_rejected_row_is_there_with_its_faults_and_a_good_one_is_not() -> None:
    found = people(a_student_row(1), a_student_row(2, grade="99"), a_student_row(3, birth_date="11/12/2015"))
    assert places(found, 2) == [(3, "grade", "BAD_GRADE")]
    assert set(found.problems) == {token(2)}


def test_both_rows_of_one_id_are_there() -> None:
    found = people(a_student_row(1), a_student_row(1, first_name="Grace"))
    assert sorted(places(found, 1)) == [(2, "student_id", "DUPLICATE_ID"), (3, "student_id", "DUPLICATE_ID")]


def test_a_row_whose_role_cannot_be_told_is_there_under_both() -> None:
    found = people(a_student_row(1, role="wizard"))
    assert places(found, 1) == places(found, 1, Role.STAFF) == [(2, "role", "BAD_ROLE")]


def test_an_id_that_gives_no_number_is_there_too() -> None:
    found = people(a_student_row(1) | {"student_id": "12345678901234"})
    assert [(p.line, str(p.reason)) for p in found.problems[TOKENS.patron(Role.STUDENT, "12345678901234")]] == [(2, "NUMBER_TOO_LONG")]


def test_a_row_without_a_readable_id_is_nobodys() -> None:
    found = people(a_student_row(1) | {"student_id": "not an id"}, a_student_row(2) | {"student_id": ""})
    assert (dict(found.problems), dict(found.excluded)) == ({}, {})


def test_who_is_left_out_is_there_with_the_group_unless_another_row_stands() -> None:
    grades = csv_agreement(rollout={"grades": ["04"]})
    found = people(a_student_row(1, grade="09"), a_student_row(2, grade="09"), a_student_row(2), agreement=grades)
    assert dict(found.excluded) == {token(1): Exclusion.OTHER_GRADE}


def test_the_exports_own_marks_are_groups_too_and_lines_are_those_of_the_file_that_is_wrong() -> None:
    users = [a_student_user(1, enabledUser="false"), a_student_user(2, agentSourcedIds="")]
    data = a_zip(oneroster_files(users, births=[a_birth(1), a_birth(9), a_birth(2, birthDate="2016-13-40")]))
    found = people_of(reading(data), TOKENS)
    assert dict(found.excluded) == {token(1): Exclusion.NOT_ENABLED}
    assert [(p.file, p.line) for p in found.problems[token(2)]] == [("demographics.csv", 4)]


def test_one_id_for_a_whole_file_stays_small() -> None:
    found = people(*(a_student_row(1, grade="99") for _ in range(500)))
    assert len(found.problems[token(1)]) == PLACES_OF_A_PERSON


def test_what_is_written_is_read_again_and_equal_people_are_equal_bytes() -> None:
    rows = [a_student_row(1, grade="99"), a_student_row(2, grade="98"), a_student_row(3)]
    found, again = people(*rows), people(*rows)
    assert found.to_bytes() == again.to_bytes()
    assert People.from_bytes(found.to_bytes()) == found
    turned = People(dict(reversed(found.problems.items())), dict(reversed(found.excluded.items())))
    assert turned.to_bytes() == found.to_bytes()
    assert found.to_bytes()[4:8] == bytes(4), "gzip's time stamp"


@pytest.mark.parametrize("value", ["100001", "Pineb", "Ada", "2016-13-40", "family1@example.org"])
def test_what_is_written_holds_tokens_and_no_value(value: str) -> None:
    found = csv_reading(a_student_row(1, grade="99", birth_date="2016-13-40"))
    assert value not in gzip.decompress(people_of(found, TOKENS).to_bytes()).decode()
    assert value not in repr(found)
