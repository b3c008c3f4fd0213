"""Groups of students that an agreement leaves out, and staff by their roles."""

from typing import Any

import pytest

from firstcard.roster import Reading, Reason, Refusal, Role
from firstcard.roster.reading import words_of
from tests.unit.agreement.builders import an_agreement

from .builders import Row, a_csv, a_guardian_user, a_oneroster_zip, a_student_row, a_student_user, a_teacher_user, csv_agreement, read

STATUS = {"enrollment_status": {"required": False, "exhibit_b": "x", "fideslang": "user.account"}}


def taken(rows: list[Row], **rollout: Any) -> Reading:
    reading = read(a_csv(rows).encode(), csv_agreement(fields=STATUS, rollout=rollout))
    assert isinstance(reading, Reading)
    return reading


def a_row(number: int, status: str = "", **changes: str) -> Row:
    return a_student_row(number, **changes) | {"enrollment_status": status}


def test_a_group_by_school_gets_no_card_and_is_counted_under_its_name() -> None:
    rows = [a_row(1, school_id="0301"), a_row(2), a_row(3, school_id="0302")]
    reading = taken(rows, leave_out={"charter": {"schools": ["0301", "0302"]}})
    assert [person.local_id for person in reading.people] == ["100002"]
    assert reading.excluded == {"group charter": 2}
    assert reading.rows - sum(reading.rejected.values()) - sum(reading.excluded.values()) == len(reading.people)


@pytest.mark.parametrize(
    ("status", "grade", "out"), [("DE", "11", True), ("de", "12", True), ("DE", "04", False), ("", "11", False), ("active", "11", False)]
)
def test_whoever_is_in_a_group_meets_everything_that_is_said_of_it(status: str, grade: str, out: bool) -> None:
    reading = taken([a_row(1, status, grade=grade)], leave_out={"dual-enrolled": {"statuses": ["DE"], "grades": ["11", "12"]}})
    assert reading.excluded == ({"group dual-enrolled": 1} if out else {})
    assert (len(reading.people), reading.rejected) == (0 if out else 1, {})


def test_a_word_of_the_agreements_own_is_no_fault_and_any_other_is() -> None:
    reading = taken([a_row(1, "V"), a_row(2, "W2")], leave_out={"virtual": {"statuses": ["V"], "schools": ["0301"]}})
    assert [person.local_id for person in reading.people] == ["100001"]
    assert sum(reading.rejected.values()) == 1


@pytest.mark.parametrize("column", ["enrollment_status", "grade"])
def test_a_file_that_cannot_tell_who_is_in_a_group_is_refused(column: str) -> None:
    rows = [{name: value for name, value in a_row(n, "DE", grade="11").items() if name != column} for n in (1, 2)]
    agreement = csv_agreement(fields=STATUS, rollout={"leave_out": {"dual-enrolled": {"statuses": ["DE"], "grades": ["11"]}}})
    refused = read(a_csv(rows).encode(), agreement)
    assert isinstance(refused, Refusal)
    assert (refused.reason, refused.column) == (Reason.MISSING_COLUMN, column)


def test_a_familys_no_counts_in_a_group_too() -> None:
    reading = taken([a_row(1, "V", opt_out="yes")], leave_out={"virtual": {"statuses": ["V"]}})
    assert [(person.local_id, person.opt_out) for person in reading.people] == [("100001", True)]
    assert reading.excluded == {}


def test_a_receipt_says_the_group_in_words() -> None:
    assert words_of("group charter") == "in a group that the agreement leaves out: charter"


def test_staff_are_taken_by_the_roles_that_the_agreement_lists() -> None:
    rows = [a_row(n, role=role, grade="", birth_date="") for n, role in enumerate(("teacher", "Librarian", "contractor", "staff"), 1)]
    reading = taken(rows, staff=["teacher", "librarian"])
    assert [person.local_id for person in reading.people] == ["100001", "100002"]
    assert reading.excluded == {"staff": 2}
    assert len(taken(rows, staff=True).people) == 4


def test_a_role_that_is_not_listed_gets_no_card_from_oneroster_either() -> None:
    users = [a_student_user(1), a_guardian_user(1), a_teacher_user(1), a_teacher_user(2, role="aide")]
    reading = read(a_oneroster_zip(users), an_agreement(rollout={"staff": ["teacher"]}))
    assert isinstance(reading, Reading)
    assert [person.local_id for person in reading.people if person.role is Role.STAFF] == ["t1"]
    assert reading.excluded["staff"] == 1
