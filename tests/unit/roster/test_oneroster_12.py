"""OneRoster 1.2: roles.csv says who is a student and at which school."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.agreement import Agreement
from firstcard.roster import DroppedColumn, Problem, Reading, Reason, Refusal, Role
from firstcard.roster.oneroster import USERS_1_2
from firstcard.roster.roles import ROLES_1_2
from tests.unit.agreement.builders import an_agreement

from .builders import (
    Row,
    a_csv,
    a_guardian_user,
    a_student_user,
    a_teacher_user,
    a_zip,
    at,
    oneroster_files,
    read,
    reading,
    reasons_of,
    refusal,
)

COLUMNS = (*USERS_1_2, "metadata.homeLanguage", "metadata.optOut")
MANIFEST_1_2 = (
    ("manifest.version", "1.0"),
    ("oneroster.version", "1.2"),
    ("file.users", "bulk"),
    ("file.orgs", "bulk"),
    ("file.roles", "bulk"),
    ("file.demographics", "bulk"),
)


def a_role(user: str = "100001", role: str = "student", **changes: str) -> Row:
    row = {"userSourcedId": user, "roleType": "primary", "role": role, "orgSourcedId": "school-1"}
    return dict.fromkeys(ROLES_1_2.columns, "") | row | changes


ROLES = (a_role(), a_role("g1", "guardian"), a_role("t1", "teacher"))


def bundle(
    *roles: Row,
    users: Iterable[Row] = (),
    manifest: Iterable[tuple[str, str]] | None = MANIFEST_1_2,
    more: dict[str, str | bytes] | None = None,
) -> dict[str, str | bytes]:
    people = [dict.fromkeys(COLUMNS, "") | row for row in users] or [
        dict.fromkeys(COLUMNS, "") | row for row in (a_student_user(), a_guardian_user(), a_teacher_user())
    ]
    files = {"users.csv": a_csv(people, COLUMNS), "roles.csv": a_csv(roles or ROLES, ROLES_1_2.columns)}
    return oneroster_files(manifest=manifest, more=files | (more or {}))


def read_12(
    *roles: Row, agreement: Agreement | None = None, users: Iterable[Row] = (), more: dict[str, str | bytes] | None = None
) -> Reading:
    return reading(a_zip(bundle(*roles, users=users, more=more)), agreement)


def one(*roles: Row, agreement: Agreement | None = None, user: Row | None = None) -> Reading:
    """A bundle of one student with these roles."""
    return read_12(*roles, users=[a_student_user(agentSourcedIds="") | (user or {})], agreement=agreement)


def test_users_take_role_and_school_from_roles_csv() -> None:
    result = read_12()
    assert (result.format, result.problems, result.guardians) == ("oneroster_1_2", (), 1)
    assert [(p.role, p.local_id, p.school_id) for p in result.people] == [
        (Role.STUDENT, "100001", "school-1"),
        (Role.STAFF, "t1", "school-1"),
    ]
    assert result.people[0].email == "family1@example.org"
    assert DroppedColumn("roles.csv", "*", False) not in result.dropped


@pytest.mark.parametrize(("primary", "secondary", "role"), [("student", "teacher", Role.STUDENT), ("teacher", "student", Role.STAFF)])
def test_the_primary_role_says_what_a_user_with_several_is(primary: str, secondary: str, role: Role) -> None:
    roles = [a_role(role=secondary, roleType="secondary", beginDate="2020-01-01", orgSourcedId="school-2")]
    roles.append(a_role(role=primary, beginDate="2026-08-01"))
    for order in (roles, roles[::-1]):
        assert [(p.role, p.school_id) for p in one(*order).people] == [(role, "school-1")]


def test_without_a_primary_role_the_first_to_have_begun_counts() -> None:
    older = a_role(role="teacher", roleType="secondary", beginDate="2020-08-01")
    newer = a_role(role="student", roleType="secondary", beginDate="2026-08-01")
    assert [p.role for p in one(newer, older).people] == [Role.STAFF]


def test_the_order_of_the_rows_never_makes_staff_of_a_student() -> None:
    roles = [a_role(role="teacher"), a_role(role="student")]
    assert [[p.role for p in one(*order).people] for order in (roles, roles[::-1])] == [[Role.STUDENT], [Role.STUDENT]]


def test_a_parent_who_teaches_is_staff_and_still_a_guardian() -> None:
    roles = (a_role(), a_role("t1", "parent"), a_role("t1", "teacher"))
    result = read_12(*roles, users=[a_student_user(agentSourcedIds="t1"), a_teacher_user()])
    assert [(p.role, p.email) for p in result.people] == [(Role.STUDENT, "teacher1@example.org"), (Role.STAFF, "teacher1@example.org")]
    assert not at(result, Reason.DANGLING_GUARDIAN)


@pytest.mark.parametrize(
    ("begin", "end", "is_there"),
    [
        ("2026-11-22", "2026-11-22", True),
        ("2026-11-23", "", False),
        ("", "2026-11-21", False),
        ("", "", True),
        ("8/1/2026", "6/30/2027", True),
        ("2026-08-01T00:00:00.000Z", "", True),
    ],
)
def test_a_role_counts_only_between_its_dates(begin: str, end: str, is_there: bool) -> None:
    result = one(a_role(beginDate=begin, endDate=end))
    assert bool(result.people) is is_there
    assert result.excluded == ({} if is_there else {"not_enrolled": 1})


def test_a_primary_role_that_ended_gives_way_to_a_secondary_one_of_today() -> None:
    ended = a_role(role="student", endDate="2026-06-30")
    today = a_role(role="teacher", roleType="secondary", orgSourcedId="school-2")
    assert [(p.role, p.school_id) for p in one(ended, today).people] == [(Role.STAFF, "school-2")]


@pytest.mark.parametrize("status", ["tobedeleted", "inactive"])
def test_a_role_that_is_marked_as_gone_is_no_role(status: str) -> None:
    assert one(a_role(status=status)).excluded == {"not_enrolled": 1}


def test_a_user_without_a_role_is_not_enrolled() -> None:
    assert one(a_role("somebody-else")).excluded == {"not_enrolled": 1}


def test_where_a_row_of_roles_cannot_be_read_nobody_is_taken_for_a_leaver() -> None:
    result = one(a_role("somebody-else"), a_role(""))
    assert (result.excluded, result.rejected) == ({}, {Reason.BAD_ROLE: 1})
    assert at(result, Reason.BAD_ROLE) == [Problem("roles.csv", 3, "role", Reason.BAD_ROLE)]
    assert (Role.STUDENT, "100001") in result.rejected_people
    files = bundle(a_role("somebody-else"), users=[a_student_user()])
    files["roles.csv"] = str(files["roles.csv"]) + "1,2,3\r\n"
    result = reading(a_zip(files))
    assert result.rejected == {Reason.BAD_ROLE: 1}
    assert at(result, Reason.ROW_WIDTH) == [Problem("roles.csv", 3, "", Reason.ROW_WIDTH)]


@pytest.mark.parametrize(
    "word",
    ["districtAdministrator", "siteAdministrator", "systemAdministrator", "principal", "counselor", "aide", "TEACHER", "administrator"],
)
def test_the_staff_roles_of_1_2(word: str) -> None:
    assert [p.role for p in one(a_role(role=word)).people] == [Role.STAFF]


@pytest.mark.parametrize("word", ["guardian", "parent", "relative"])
def test_the_family_roles_of_1_2(word: str) -> None:
    result = read_12(a_role(), a_role("g1", word), users=[a_student_user(), a_guardian_user()])
    assert (len(result.people), result.guardians) == (1, 1)
    assert result.people[0].email == ("" if word == "relative" else "family1@example.org")


def test_a_guardian_whose_role_ended_is_nobodys_contact() -> None:
    result = read_12(a_role(), a_role("g1", "guardian", endDate="2026-01-01"), users=[a_student_user(), a_guardian_user()])
    assert ([p.email for p in result.people], result.excluded) == ([""], {})


def test_a_proctor_gets_no_card() -> None:
    result = read_12(a_role(), a_role("t1", "proctor"), users=[a_student_user(agentSourcedIds=""), a_teacher_user()])
    assert result.excluded == {"proctor": 1}


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"role": "wizard"}, "role", Reason.BAD_ROLE),
        ({"roleType": "tertiary"}, "roleType", Reason.BAD_ROLE),
        ({"beginDate": "soon"}, "beginDate", Reason.BAD_DATE),
        ({"endDate": "2026-02-30"}, "endDate", Reason.BAD_DATE),
        ({"status": "maybe"}, "status", Reason.BAD_STATUS),
        ({"orgSourcedId": "elm-1"}, "orgSourcedId", Reason.DANGLING_SCHOOL),
    ],
)
def test_a_fault_of_a_role_names_roles_csv_and_its_line(changes: dict[str, str], column: str, reason: Reason) -> None:
    result = one(a_role("t1", "teacher"), a_role("t1", "teacher"), a_role(**changes))
    assert (result.people, result.rejected) == ((), {reason: 1})
    assert result.problems == (Problem("roles.csv", 4, column, reason),)


@pytest.mark.parametrize("kind", ["primary", "secondary"])
def test_a_faulty_role_beside_a_good_primary_one_rejects_nobody_and_is_told(kind: str) -> None:
    result = one(a_role(beginDate="2026-08-01"), a_role(role="teacher", roleType=kind, beginDate="soon"))
    assert (len(result.people), result.rejected) == (1, {})
    assert result.problems == (Problem("roles.csv", 3, "beginDate", Reason.BAD_DATE),)


def test_the_primary_organisation_is_the_school_where_the_role_names_none() -> None:
    assert [p.school_id for p in one(a_role(orgSourcedId=""), user={"primaryOrgSourcedId": "school-2"}).people] == ["school-2"]
    result = one(a_role(orgSourcedId=""), user={"primaryOrgSourcedId": "elm-1"})
    assert result.problems == (Problem("users.csv", 2, "primaryOrgSourcedId", Reason.DANGLING_SCHOOL),)


def test_primary_at_several_schools_one_of_the_roll_out_is_taken() -> None:
    agreement = an_agreement(rollout={"schools": ["school-2"]})
    result = one(a_role(), a_role(orgSourcedId="school-2"), agreement=agreement)
    assert [p.school_id for p in result.people] == ["school-2"]


def test_the_preferred_name_is_read_where_it_is_agreed_and_pronouns_never() -> None:
    words = {"preferredGivenName": "Addie", "pronouns": "she/her"}
    agreed = an_agreement(fields={"preferred_name": {"required": False, "exhibit_b": "x", "fideslang": "user.name.first"}})
    result = one(a_role(), agreement=agreed, user=words)
    assert [p.preferred_name for p in result.people] == ["Addie"]
    assert DroppedColumn("users.csv", "pronouns", True) in result.dropped
    result = one(a_role(), user=words)
    assert [p.preferred_name for p in result.people] == [""]
    assert DroppedColumn("users.csv", "preferredGivenName", False) in result.dropped


@pytest.mark.parametrize("roles", [(a_role("x"),), (a_role(role="wizard"),), (a_role(endDate="2020-01-01"),), (a_role(""),)])
def test_a_no_is_taken_whatever_the_role_says(roles: tuple[Row, ...]) -> None:
    result = one(*roles, user={"metadata.optOut": "yes"})
    assert [(p.role, p.local_id, p.opt_out) for p in result.people] == [(Role.STUDENT, "100001", True)]


# The form


@pytest.mark.parametrize("version", ["1.2", "1.2.1", "V1.2"])
def test_the_manifest_of_1_2_is_accepted(version: str) -> None:
    manifest = [(name, version if name == "oneroster.version" else value) for name, value in MANIFEST_1_2]
    assert reasons_of(reading(a_zip(bundle(manifest=manifest)))) == set()


def test_a_manifest_of_another_version_is_a_warning() -> None:
    manifest = [(name, "1.1" if name == "oneroster.version" else value) for name, value in MANIFEST_1_2]
    assert reasons_of(reading(a_zip(bundle(manifest=manifest)))) == {Reason.MANIFEST_VERSION}
    assert reasons_of(reading(a_zip(bundle(manifest=None)))) == {Reason.MANIFEST_MISSING}


def test_a_delta_of_roles_is_refused() -> None:
    manifest = [(name, "delta" if name == "file.roles" else value) for name, value in MANIFEST_1_2]
    assert refusal(a_zip(bundle(manifest=manifest))) == Refusal(Reason.DELTA_NOT_AGREED, "roles.csv")


def test_roles_that_are_not_sent_refuse_the_archive() -> None:
    files = {name: content for name, content in bundle().items() if name != "roles.csv"}
    assert refusal(a_zip(files)).reason is Reason.MISSING_FILE
    files = bundle(manifest=[pair for pair in MANIFEST_1_2 if pair[0] != "file.roles"])
    files = {name: content for name, content in files.items() if name != "roles.csv"}
    assert refusal(a_zip(files)) == Refusal(Reason.MISSING_FILE, "roles.csv", 3)


def test_roles_without_a_row_can_never_end_a_card() -> None:
    header = ",".join(ROLES_1_2.columns) + "\r\n"
    assert refusal(a_zip(bundle(more={"roles.csv": header}))) == Refusal(Reason.EMPTY_BULK, "roles.csv")


@pytest.mark.parametrize("name", ["userSourcedId", "roleType", "role", "orgSourcedId", "endDate"])
def test_a_misspelt_column_of_roles_refuses_the_file(name: str) -> None:
    files = bundle()
    files["roles.csv"] = str(files["roles.csv"]).replace(f",{name},", f",{name}s,", 1)
    assert refusal(a_zip(files)) == Refusal(Reason.HEADER_TYPO, "roles.csv", 1, name)


def test_a_users_csv_with_its_own_role_stays_1_1_whatever_roles_csv_says() -> None:
    result = reading(a_zip(oneroster_files(more={"roles.csv": a_csv([a_role(role="teacher")])})))
    assert (result.format, len(result.people)) == ("oneroster_1_1", 2)
    assert DroppedColumn("roles.csv", "*", False) in result.dropped


CELLS = st.sampled_from(
    ["", "100001", "t1", "student", "teacher", "parent", "proctor", "primary", "2026-13-01", "2020-01-01", "1/1/2030", "\x00", "school-1"]
)


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(ROLES_1_2.columns, CELLS)), min_size=1, max_size=6))
def test_whatever_roles_csv_holds_every_user_is_counted_once(rows: list[Row]) -> None:
    data = a_zip(bundle(*rows))
    if isinstance(result := read(data), Refusal):
        assert result.reason is Reason.EMPTY_BULK
        return
    assert reading(data).rows <= 3
    assert len({p.local_id for p in result.people}) == len(result.people)


# The homeroom


CLASSES = [
    {"sourcedId": "c0", "status": "", "title": "Biology", "classType": "scheduled"},
    {"sourcedId": "c1", "status": "", "title": "Room 12", "classType": "Homeroom"},
]
HOMEROOM = an_agreement(fields={"homeroom": {"required": False, "exhibit_b": "x", "fideslang": "user.name.first"}})


def enrolled(*classes: str, **changes: str) -> dict[str, str | bytes]:
    rows = [
        {"classSourcedId": one, "userSourcedId": "100001", "role": "student", "beginDate": "", "endDate": ""} | changes for one in classes
    ]
    return {"classes.csv": a_csv(CLASSES), "enrollments.csv": a_csv(rows)}


def homerooms(more: dict[str, str | bytes], agreement: Agreement = HOMEROOM) -> list[str]:
    newer = read_12(agreement=agreement, more=more)
    older = reading(a_zip(oneroster_files(manifest=None, more=more)), agreement)
    found = {tuple(p.homeroom for p in result.people if p.role is Role.STUDENT) for result in (newer, older)}
    assert len(found) == 1
    return list(found.pop())


def test_the_homeroom_is_the_title_of_the_class_of_that_type() -> None:
    assert homerooms(enrolled("c0", "c1")) == ["Room 12"]
    assert homerooms(enrolled("c0")) == [""]


def test_an_enrolment_that_ended_or_is_a_teachers_gives_no_homeroom() -> None:
    assert homerooms(enrolled("c1", endDate="2026-06-30")) == [""]
    assert homerooms(enrolled("c1", role="teacher")) == [""]


def test_classes_are_not_opened_where_no_homeroom_is_agreed() -> None:
    result = read_12(more=enrolled("c1"))
    assert DroppedColumn("classes.csv", "*", False) in result.dropped
    assert [p.homeroom for p in result.people] == ["", ""]


def test_a_fault_of_a_homeroom_names_classes_csv_and_its_line() -> None:
    more = enrolled("c1")
    more["classes.csv"] = str(more["classes.csv"]).replace("Room 12", "Room\x0112")
    result = read_12(agreement=HOMEROOM, more=more)
    assert at(result, Reason.CONTROL_CHAR) == [Problem("classes.csv", 3, "title", Reason.CONTROL_CHAR)]
