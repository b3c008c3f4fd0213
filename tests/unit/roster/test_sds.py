"""Microsoft School Data Sync 2.1: roles and grades in roles.csv, guardians by relationships.csv, no manifest."""

import pytest

from firstcard.agreement import Agreement
from firstcard.roster import DroppedColumn, Problem, Reading, Reason, Refusal, Role
from firstcard.roster.oneroster import DEMOGRAPHICS_SDS, USERS_SDS
from firstcard.roster.relationships import COLUMNS
from firstcard.roster.roles import ROLES_SDS
from tests.unit.agreement.builders import an_agreement

from .builders import Row, a_csv, a_zip, at, reading, reasons_of, refusal

AGREED = an_agreement(without=("exchange.mapping",))


def a_user(sourced_id: str = "100001", **changes: str) -> Row:
    return dict.fromkeys(USERS_SDS, "") | {"sourcedId": sourced_id, "givenName": "Ada", "familyName": "Pine"} | changes


def a_role(user: str = "100001", role: str = "student", **changes: str) -> Row:
    row = {"userSourcedId": user, "orgSourcedId": "school-1", "role": role, "grade": "04", "isPrimary": "TRUE"}
    return dict.fromkeys(ROLES_SDS.columns, "") | row | changes


def a_relationship(student: str = "100001", guardian: str = "g1", role: str = "guardian") -> Row:
    return dict(zip(COLUMNS, (student, guardian, role), strict=True))


USERS = (a_user(), a_user("g1", givenName="Grace", email="grace@example.org"), a_user("t1", email="oak@example.org"))
ORGS = (
    {"sourcedId": "pine-district", "name": "Pine", "type": "district", "parentSourcedId": ""},
    {"sourcedId": "school-1", "name": "First School", "type": "school", "parentSourcedId": "pine-district"},
)
BORN = dict.fromkeys(DEMOGRAPHICS_SDS, "") | {"userSourcedId": "100001", "birthDate": "2016-05-04"}


def bundle(
    *roles: Row, users: tuple[Row, ...] = USERS, relationships: tuple[Row, ...] = (a_relationship(),), **more: str
) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {
        "orgs.csv": a_csv(ORGS),
        "users.csv": a_csv(users),
        "roles.csv": a_csv(roles or (a_role(), a_role("t1", "teacher"))),
        "demographics.csv": a_csv([BORN]),
        "relationships.csv": a_csv(relationships, COLUMNS),
    }
    return files | {f"{name}.csv": content for name, content in more.items()}


def read_sds(*roles: Row, agreement: Agreement = AGREED, **changes: object) -> Reading:
    return reading(a_zip(bundle(*roles, **changes)), agreement)  # type: ignore[arg-type]


def test_a_bundle_is_read_without_a_manifest_and_without_a_warning() -> None:
    result = read_sds()
    assert (result.format, result.problems, result.guardians) == ("sds_2_1", (), 1)
    student, teacher = result.people
    assert (student.local_id, student.grade, student.school_name, student.email) == ("100001", "04", "First School", "grace@example.org")
    assert str(student.birth_date) == "2016-05-04"
    assert (teacher.role, teacher.local_id, teacher.email) == (Role.STAFF, "t1", "oak@example.org")


def test_a_minimal_bundle_of_three_files_is_known_by_the_headers_of_roles_csv() -> None:
    files = bundle(users=(a_user(),)) | {"roles.csv": "userSourcedId,orgSourcedId,role\r\n100001,school-1,student\r\n"}
    files = {name: files[name] for name in ("orgs.csv", "users.csv", "roles.csv")}
    assert reading(a_zip(files), AGREED).format == "sds_2_1"


def test_the_primary_role_of_today_counts() -> None:
    other = a_role(role="teacher", isPrimary="FALSE", roleStartDate="2020-01-01")
    ended = a_role(role="coach", roleEndDate="2026-06-30")
    assert [p.role for p in read_sds(other, ended, a_role(), users=(a_user(),)).people] == [Role.STUDENT]


def test_a_relative_who_is_no_guardian_is_no_contact_and_no_leaver() -> None:
    result = read_sds(relationships=(a_relationship(role="relative"),))
    assert (next(p.email for p in result.people), result.excluded, result.guardians) == ("", {}, 1)


def test_a_guardian_who_is_not_in_users_names_the_line_of_the_relationship() -> None:
    result = read_sds(relationships=(a_relationship(), a_relationship(guardian="g9")))
    assert at(result, Reason.DANGLING_GUARDIAN) == [Problem("relationships.csv", 3, "relationshipUserSourcedId", Reason.DANGLING_GUARDIAN)]


def test_where_no_guardian_is_agreed_only_who_they_are_is_read() -> None:
    agreement = an_agreement(without=("exchange.mapping", "fields.guardian_email"))
    result = read_sds(agreement=agreement)
    assert (result.people[0].email, result.excluded) == ("", {})
    assert DroppedColumn("relationships.csv", "relationshipRole", False) in result.dropped


def test_a_grade_that_is_none_names_roles_csv_and_its_line() -> None:
    result = read_sds(a_role("t1", "teacher"), a_role(grade="PS1"))
    assert at(result, Reason.BAD_GRADE) == [Problem("roles.csv", 3, "grade", Reason.BAD_GRADE)]


@pytest.mark.parametrize(("word", "excluded"), [("alumni", "not_enrolled"), ("other", "not_enrolled"), ("proctor", "proctor")])
def test_who_is_neither_student_nor_staff_gets_no_card(word: str, excluded: str) -> None:
    assert read_sds(a_role(), a_role("t1", word)).excluded == {excluded: 1}


def test_the_flags_of_special_education_are_a_forbidden_column() -> None:
    result = read_sds(userFlags="userSourcedId,flag\r\n100001,iep\r\n")
    assert DroppedColumn("userflags.csv", "flag", True) in result.dropped
    assert DroppedColumn("userflags.csv", "flag", False) in read_sds(userFlags="userSourcedId,flag\r\n").dropped
    strict = an_agreement(without=("exchange.mapping",), forbidden_columns="reject")
    refused = refusal(a_zip(bundle(userFlags="userSourcedId,flag\r\n100001,iep\r\n")), strict)
    assert refused == Refusal(Reason.FORBIDDEN_COLUMN, "userflags.csv", 1, "flag")


def test_flags_without_their_header_are_forbidden_as_a_whole_and_nothing_of_the_first_row_is_told() -> None:
    first_row = "S100001,iep\r\nS100002,frl\r\n"
    result = read_sds(userFlags=first_row)
    assert [column for column in result.dropped if column.file == "userflags.csv"] == [DroppedColumn("userflags.csv", "*", True)]
    strict = an_agreement(without=("exchange.mapping",), forbidden_columns="reject")
    assert refusal(a_zip(bundle(userFlags=first_row)), strict) == Refusal(Reason.FORBIDDEN_COLUMN, "userflags.csv", 1)


def test_passwords_are_dropped_and_told() -> None:
    assert Reason.PASSWORDS_SENT in reasons_of(read_sds(users=(a_user(password="x"), *USERS[1:])))
