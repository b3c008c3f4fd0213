"""Clever's files: one student for all rows of contacts and schools, the household's contact, staff once, and nothing read that is not agreed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.agreement import Agreement
from firstcard.roster import Person, Reading, Reason, Role
from firstcard.roster.clever import SCHOOLS, STAFF, STUDENTS, TEACHERS
from firstcard.roster.reading import DroppedColumn
from tests.unit.agreement.builders import a_directory_agreement

from .builders import Row, a_csv, a_firstcard_csv, a_student_row, a_zip, at, csv_agreement, reading, reasons_of, refusal

STUDENTS_2015 = (
    *("School_id", "Student_id", "Student_number", "State_id", "Last_name", "Middle_name", "First_name", "Gender", "Dob", "Grade", "Race"),
    *("Hispanic_Latino", "Ell_status", "Student_zip", "Student_email", "Contact_name", "Contact_type", "Contact_phone", "Contact_email"),
    *("Username", "Password"),
)
NOT_READ = {
    "Gender": "F",
    "Race": "W",
    "Hispanic_Latino": "N",
    "Frl_status": "R",
    "IEP_status": "Y",
    "Ell_status": "Y",
    "Unweighted_gpa": "3.1",
    "Password": "synthetic",
}
FORBIDDEN = {"Gender", "Race", "Hispanic_Latino", "Frl_status", "IEP_status", "Password"}


def a_student(number: int = 1, **changes: str) -> Row:
    row = dict.fromkeys(STUDENTS, "") | {
        "School_id": "school-1",
        "Student_id": f"{100000 + number}",
        "Student_number": f"{700000 + number}",
        "State_id": f"FL{number}",
        "Last_name": f"Pine{'abcdefghij'[number % 10]}",
        "First_name": "Ada",
        "Grade": "4",
        "DOB": "05/04/2016",
        "Home_language": "English",
        "Contact_type": "Guardian",
        "Contact_name": "Grace Pine",
        "Contact_phone": "555-010-0100",
        "Contact_email": f"family{number}@example.org",
    }
    return row | changes


def a_teacher(number: int = 1, **changes: str) -> Row:
    row = dict.fromkeys(TEACHERS, "") | {
        "School_id": "school-1",
        "Teacher_id": f"t{number}",
        "Last_name": f"Oak{'abcdefghij'[number % 10]}",
        "First_name": "Tom",
        "Teacher_email": f"teacher{number}@example.org",
    }
    return row | changes


def a_staff(number: int = 1, **changes: str) -> Row:
    row = dict.fromkeys(STAFF, "") | {
        "School_id": "school-1",
        "Staff_id": f"s{number}",
        "Last_name": f"Elm{'abcdefghij'[number % 10]}",
        "First_name": "Sue",
        "Staff_email": f"staff{number}@example.org",
    }
    return row | changes


def a_school(school_id: str = "school-1", **changes: str) -> Row:
    return dict.fromkeys(SCHOOLS, "") | {"School_id": school_id, "School_name": f"Name of {school_id}"} | changes


def clever_zip(
    *students: Row,
    teachers: Iterable[Row] = (),
    staff: Iterable[Row] = (),
    schools: Iterable[Row] = (a_school(), a_school("school-2")),
    more: Mapping[str, str] | None = None,
) -> bytes:
    files: dict[str, str | bytes] = {"students.csv": a_csv(students or (a_student(),)), "schools.csv": a_csv(schools, SCHOOLS)}
    if teachers := list(teachers):
        files["teachers.csv"] = a_csv(teachers)
    if staff := list(staff):
        files["staff.csv"] = a_csv(staff)
    return a_zip(files | dict(more or {}))


def loose(*students: Row, columns: tuple[str, ...] = ()) -> bytes:
    return a_csv(students or (a_student(),), columns).encode()


def agreeing(*fields: str, **changes: Any) -> Agreement:
    """An agreement that reads these fields beside the usual ones, whatever card they would be for."""
    agreement = csv_agreement(**changes)
    return agreement.model_copy(update={"fields": agreement.fields | dict.fromkeys(fields, agreement.fields["grade"])})


def without_staff() -> Agreement:
    return csv_agreement(rollout={"schools": "all", "grades": "all", "staff": False})


EVERY_FIELD = agreeing(*("state_id", "middle_name", "student_email", "guardian_name", "phone", "street", "city", "region", "postal_code"))


def clever(data: bytes, agreement: Agreement | None = None) -> Reading:
    result = reading(data, agreement or csv_agreement())
    assert result.format == "clever"
    return result


def only(result: Reading) -> Person:
    assert len(result.people) == 1, result.rejected
    return result.people[0]


# The form


def test_every_agreed_field_of_a_student_comes_from_its_column() -> None:
    student = a_student(
        Middle_name="Bo",
        Grade="Kindergarten",
        Home_language="Spanish",
        Student_street="1 Pine Street",
        Student_city="Pine",
        Student_state="FL",
        Student_zip="32000",
    )
    assert asdict(only(clever(clever_zip(student), EVERY_FIELD))) == asdict(
        Person(
            file="students.csv",
            line=2,
            role=Role.STUDENT,
            local_id="100001",
            last_name="Pineb",
            first_name="Ada",
            state_id="FL1",
            middle_name="Bo",
            birth_date=date(2016, 5, 4),
            grade="KG",
            school_id="school-1",
            school_name="Name of school-1",
            email="family1@example.org",
            language="es",
            guardian_name="Grace Pine",
            street="1 Pine Street",
            city="Pine",
            region="FL",
            postal_code="32000",
            phone="555-010-0100",
        )
    )


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_headers_count_without_regard_to_case_and_order(spelling: Any) -> None:
    row = {spelling(name): value for name, value in reversed(a_student().items())}
    assert only(clever(loose(row))) == only(clever(loose(a_student())))


def test_the_headers_of_2015_are_read_too() -> None:
    row = a_student() | {"Dob": "05/04/2016"}
    person = only(clever(loose(row, columns=STUDENTS_2015)))
    assert (person.birth_date, person.grade, person.email) == (date(2016, 5, 4), "04", "family1@example.org")


def test_line_ends_of_an_old_mac_make_no_difference() -> None:
    data = a_csv([a_student(1), a_student(2)], eol="\r").encode()
    assert [person.line for person in clever(data).people] == [2, 3]


def test_the_columns_that_only_a_mapping_tells_apart_stay_with_our_own_form() -> None:
    row = {"student_id": "100001", "last_name": "Pine", "first_name": "Ada", "DOB": "2016-05-04", "school_id": "school-1", "opt_out": ""}
    mapped = csv_agreement(exchange={"mapping": {"birth_date": "DOB"}})
    assert reading(a_csv([row]).encode(), mapped).format == "firstcard_csv"
    assert reading(a_firstcard_csv(a_student_row()), csv_agreement()).format == "firstcard_csv"


def test_a_mapping_to_clevers_columns_leaves_the_form_clevers() -> None:
    mapping = {"student_id": "student_number", "last_name": "Last_name", "home_language": "Home_language"}
    agreement = csv_agreement(exchange={"mapping": mapping})
    assert only(clever(loose(), agreement)).local_id == "700001"


def test_a_mapped_id_that_is_not_there_refuses_the_file_and_never_falls_back_to_another_id() -> None:
    row = {name: value for name, value in a_student().items() if name != "Student_number"}
    refused = refusal(loose(row), csv_agreement(exchange={"mapping": {"student_id": "Student_number"}}))
    assert (refused.reason, refused.column) == (Reason.MISSING_COLUMN, "Student_number")


def test_a_misspelt_column_is_named() -> None:
    row = {("Studnet_id" if name == "Student_id" else name): value for name, value in a_student().items()}
    refused = refusal(loose(row), csv_agreement())
    assert (refused.reason, refused.column) == (Reason.HEADER_TYPO, "Student_id")


def test_two_spellings_of_one_column_are_that_column_twice() -> None:
    assert refusal(loose(a_student() | {"Dob": ""}), csv_agreement()).reason is Reason.DUPLICATE_HEADER


@pytest.mark.parametrize("missing", ["students.csv", "schools.csv"])
def test_a_zip_needs_students_and_schools(missing: str) -> None:
    files: dict[str, str | bytes] = {
        "students.csv": a_csv([a_student()]),
        "schools.csv": a_csv([a_school()]),
        "teachers.csv": a_csv([a_teacher()]),
    }
    del files[missing]
    refused = refusal(a_zip(files), csv_agreement())
    assert (refused.reason, refused.file) == (Reason.MISSING_FILE, missing)


def test_another_forms_students_in_the_zip_are_not_clevers() -> None:
    files: dict[str, str | bytes] = {"students.csv": "name,age\r\nx,1\r\n", "schools.csv": a_csv([a_school()])}
    assert refusal(a_zip(files), csv_agreement()).reason is Reason.UNKNOWN_FORMAT


def test_an_empty_students_file_is_refused_even_where_staff_are_there() -> None:
    files: dict[str, str | bytes] = {
        "students.csv": a_csv([], STUDENTS),
        "schools.csv": a_csv([a_school()]),
        "teachers.csv": a_csv([a_teacher()]),
    }
    refused = refusal(a_zip(files), csv_agreement())
    assert (refused.reason, refused.file) == (Reason.EMPTY_BULK, "students.csv")


def test_the_form_s_own_dates_are_taken_without_a_warning() -> None:
    result = clever(loose(a_student(DOB="5/4/2016")))
    assert only(result).birth_date == date(2016, 5, 4)
    assert not result.problems
    assert clever(loose(a_student(DOB="02/30/2016"))).rejected == {Reason.BAD_DATE: 1}


def test_a_comma_that_nobody_quoted_rejects_the_row_alone_by_its_line() -> None:
    text = a_csv([a_student(1), a_student(2, Last_name="Pine| Jr"), a_student(3)]).replace("|", ",")
    result = clever(text.encode())
    assert result.rejected == {Reason.ROW_WIDTH: 1}
    assert [problem.line for problem in at(result, Reason.ROW_WIDTH)] == [3]
    assert result.rows_without_id == 1


# Contacts


def test_rows_that_differ_in_the_contact_only_are_one_student_and_no_fault() -> None:
    rows = [a_student(Contact_name=f"Contact {number}", Contact_email=f"c{number}@example.org") for number in range(5)]
    result = clever(clever_zip(*rows, a_student(2)))
    assert [person.local_id for person in result.people] == ["100001", "100002"]
    assert (result.rows, result.excluded, result.problems) == (6, {"duplicate": 4}, ())


@pytest.mark.parametrize("type_", ["Guardian", "primary", "Parent", "Parent/Guardian"])
def test_a_guardian_comes_before_other_contacts_even_without_an_address(type_: str) -> None:
    agreement = agreeing("guardian_name")
    rows = [
        a_student(Contact_type="Emergency", Contact_name="Nora Next", Contact_email="next@example.org"),
        a_student(Contact_type=type_, Contact_name="Grace Pine", Contact_email=""),
    ]
    for order in (rows, rows[::-1]):
        person = only(clever(loose(*order), agreement))
        assert (person.guardian_name, person.email) == ("Grace Pine", "")


def test_of_guardians_the_first_with_an_address_is_taken_whole() -> None:
    agreement = agreeing("guardian_name", "phone")
    rows = [
        a_student(Contact_name="No Mail", Contact_email="", Contact_phone="1"),
        a_student(Contact_name="Grace Pine", Contact_email="grace@example.org", Contact_phone=""),
        a_student(Contact_name="Later Pine", Contact_email="later@example.org", Contact_phone="3"),
    ]
    person = only(clever(loose(*rows), agreement))
    assert (person.guardian_name, person.email, person.phone) == ("Grace Pine", "grace@example.org", "")


def test_other_contacts_are_taken_where_no_guardian_is_named_and_empty_ones_never() -> None:
    rows = [
        a_student(Contact_type="Guardian", Contact_name="", Contact_email="", Contact_phone=""),
        a_student(Contact_type="Family", Contact_email="family@example.org"),
    ]
    assert only(clever(loose(*rows))).email == "family@example.org"


def test_who_is_there_for_emergencies_only_is_told_nothing() -> None:
    assert only(clever(loose(a_student(Contact_type="Emergency Contact", Contact_email="next@example.org")))).email == ""
    assert (
        only(clever(loose(a_student(Contact_type="Guardian, Emergency", Contact_email="grace@example.org")))).email == "grace@example.org"
    )


def test_a_contact_that_cannot_be_used_is_named_by_its_row_and_the_student_is_not_rejected() -> None:
    rows = [
        a_student(Contact_email="not an address"),
        a_student(Contact_email="fam\u0456ly@example.org"),
        a_student(Contact_email="good@example.org"),
    ]
    result = clever(loose(*rows))
    assert only(result).email == "good@example.org"
    found = {(problem.line, problem.column, problem.reason) for problem in result.problems}
    assert found == {(2, "Contact_email", Reason.BAD_EMAIL), (3, "Contact_email", Reason.GUARDIAN_UNUSABLE)}


def test_a_contact_whose_name_cannot_be_trusted_is_not_used_at_all() -> None:
    agreement = agreeing("guardian_name")
    result = clever(loose(a_student(Contact_name="Gr\x07ce Pine")), agreement)
    assert (only(result).guardian_name, only(result).email) == ("", "")
    assert [(problem.line, problem.column) for problem in at(result, Reason.GUARDIAN_UNUSABLE)] == [(2, "Contact_name")]


def test_what_is_odd_about_the_contact_is_told_by_the_line_it_stands_on() -> None:
    agreement = agreeing("guardian_name")
    result = clever(loose(a_student(Contact_email=""), a_student(Contact_name="=Pine")), agreement)
    assert [(problem.line, problem.column) for problem in at(result, Reason.FORMULA_LIKE)] == [(3, "Contact_name")]


@pytest.mark.parametrize(("column", "value"), [("First_name", "Eve"), ("Grade", "5"), ("DOB", "05/05/2016"), ("Home_language", "Spanish")])
def test_rows_of_one_id_that_differ_in_anything_else_that_is_read_are_all_rejected(column: str, value: str) -> None:
    result = clever(clever_zip(a_student(), a_student() | {column: value}))
    assert (result.people, result.rejected) == ((), {Reason.DUPLICATE_ID: 2})
    assert result.rejected_people == {(Role.STUDENT, "100001")}


def test_rows_of_one_id_that_differ_in_what_is_not_read_are_one_student() -> None:
    assert len(clever(clever_zip(a_student(), a_student(Username="ada2", Student_number="9"))).people) == 1


def test_blanks_around_an_id_make_nobody_another_student() -> None:
    assert only(clever(loose(a_student(), a_student(Student_id=" 100001 ", Contact_email="b@example.org")))).email == "family1@example.org"


def test_rows_without_an_id_are_nobodys_repeats() -> None:
    result = clever(clever_zip(a_student(Student_id=""), a_student(Student_id="")))
    assert (result.rejected, result.rows_without_id) == ({Reason.MISSING_REQUIRED: 2}, 2)


def test_a_no_in_any_row_of_a_student_wins() -> None:
    rows = [a_student(), a_student(Contact_name="Other Pine")]
    text = a_csv([rows[0] | {"Ext.no": ""}, rows[1] | {"Ext.no": "Y"}])
    result = clever(text.encode(), csv_agreement(exchange={"mapping": {"opt_out": "ext.NO"}}))
    assert only(result).opt_out


def test_a_flag_that_is_no_flag_takes_the_whole_student_out() -> None:
    text = a_csv([a_student() | {"opt_out": ""}, a_student() | {"opt_out": "maybe"}])
    result = clever(text.encode())
    assert (result.people, result.rejected) == ((), {Reason.BAD_FLAG: 1, Reason.DUPLICATE_ID: 1})


def test_where_families_refuse_before_the_upload_the_row_of_a_no_is_left_unread() -> None:
    agreement = a_directory_agreement(exchange={"formats": ["csv"], "organisation_ids": ["school-1"]})
    agreement = agreement.model_copy(update={"exchange": agreement.exchange.model_copy(update={"mapping": {}})})
    result = clever(a_csv([a_student() | {"opt_out": "yes"}, a_student(2) | {"opt_out": ""}]).encode(), agreement)
    refused = next(person for person in result.people if person.opt_out)
    assert (refused.local_id, refused.last_name, refused.email) == ("100001", "", "")
    assert reasons_of(result) == {Reason.FULL_ROW_OF_REFUSED}


# Schools


def test_a_student_in_two_schools_is_one_with_the_first_school() -> None:
    result = clever(clever_zip(a_student(School_id="school-2"), a_student(School_id="school-1")))
    assert (only(result).school_id, only(result).school_name) == ("school-2", "Name of school-2")
    assert (result.excluded, result.problems) == ({"duplicate": 1}, ())


def test_of_two_schools_the_one_that_is_rolled_out_to_counts() -> None:
    agreement = csv_agreement(rollout={"schools": ["school-2"], "grades": "all", "staff": True})
    both = (a_student(School_id="school-1"), a_student(School_id="school-2"))
    assert only(clever(clever_zip(*both), agreement)).school_id == "school-2"
    assert only(clever(loose(*both), agreement)).school_id == "school-2"
    assert clever(clever_zip(both[0]), agreement).excluded == {"other_school": 1}


def test_a_school_that_is_not_in_schools_csv_rejects_the_row_unless_another_school_of_the_student_is() -> None:
    result = clever(clever_zip(a_student(School_id="school-9"), a_student(2, School_id="school-9"), a_student(2, School_id="school-1")))
    assert only(result).local_id == "100002"
    assert [(problem.line, problem.column) for problem in at(result, Reason.DANGLING_SCHOOL)] == [(2, "School_id")]
    assert result.rejected == {Reason.DANGLING_SCHOOL: 1}


def test_a_shifted_row_of_schools_csv_is_named_and_its_students_wait_for_it() -> None:
    schools = a_csv([a_school(), a_school("school-2")]).removesuffix("\r\n") + ",\r\n"
    result = clever(clever_zip(a_student(), a_student(2, School_id="school-2"), more={"schools.csv": schools}))
    assert [(problem.file, problem.line) for problem in at(result, Reason.ROW_WIDTH)] == [("schools.csv", 3)]
    assert (result.rows, result.rejected) == (2, {Reason.DANGLING_SCHOOL: 1})


def test_the_schools_number_may_be_the_agreed_id() -> None:
    agreement = csv_agreement(exchange={"mapping": {"school_id": "School_number"}, "organisation_ids": ["0101"]})
    data = clever_zip(a_student(), schools=[a_school(School_number="0101")])
    assert only(clever(data, agreement)).school_id == "0101"


def test_another_districts_files_are_refused() -> None:
    elsewhere = a_student(School_id="elsewhere")
    assert refusal(clever_zip(elsewhere, schools=[a_school("elsewhere")]), csv_agreement()).reason is Reason.WRONG_DISTRICT
    assert refusal(loose(elsewhere), csv_agreement()).reason is Reason.WRONG_DISTRICT


# Staff


def test_teachers_and_staff_are_staff_with_their_own_address_and_school() -> None:
    result = clever(clever_zip(teachers=[a_teacher()], staff=[a_staff(School_id="school-2")]))
    found = {
        (person.file, person.role, person.local_id, person.last_name, person.email, person.school_name) for person in result.people[1:]
    }
    assert found == {
        ("teachers.csv", Role.STAFF, "t1", "Oakb", "teacher1@example.org", "Name of school-1"),
        ("staff.csv", Role.STAFF, "s1", "Elmb", "staff1@example.org", "Name of school-2"),
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"Staff_email": "Teacher1@Example.org"},
        {"Staff_id": "t1", "Staff_email": "", "Last_name": "OAKB", "First_name": "Tom"},
    ],
    ids=["e-mail", "id"],
)
def test_a_person_of_both_files_is_there_once(changes: dict[str, str]) -> None:
    result = clever(clever_zip(teachers=[a_teacher()], staff=[a_staff() | changes, a_staff(2)]))
    assert [(person.file, person.local_id) for person in result.people[1:]] == [("teachers.csv", "t1"), ("staff.csv", "s2")]
    assert (result.rows, result.excluded, result.problems) == (4, {"duplicate": 1}, ())


def test_an_address_that_several_share_makes_nobody_the_same() -> None:
    staff = [a_staff(1, Staff_email="teacher1@example.org"), a_staff(2, Staff_email="teacher1@example.org")]
    assert len(clever(clever_zip(teachers=[a_teacher()], staff=staff)).people) == 4


def test_one_id_under_two_names_is_rejected_in_both_files() -> None:
    result = clever(clever_zip(teachers=[a_teacher()], staff=[a_staff(Staff_id="t1")]))
    assert result.rejected == {Reason.DUPLICATE_ID: 2}
    found = {(problem.file, problem.line, problem.column) for problem in at(result, Reason.DUPLICATE_ID)}
    assert found == {("teachers.csv", 2, "Teacher_id"), ("staff.csv", 2, "Staff_id")}


def test_a_teacher_at_two_schools_is_one() -> None:
    result = clever(clever_zip(teachers=[a_teacher(), a_teacher(School_id="school-2")]))
    assert [person.school_id for person in result.people[1:]] == ["school-1"]
    assert result.excluded == {"duplicate": 1}


def test_of_the_schools_of_both_files_the_one_that_is_rolled_out_to_counts() -> None:
    agreement = csv_agreement(rollout={"schools": ["school-2"], "grades": "all", "staff": True})
    staff = [a_staff(Staff_email="teacher1@example.org", School_id="school-2")]
    result = clever(clever_zip(teachers=[a_teacher()], staff=staff), agreement)
    assert [(person.local_id, person.school_id) for person in result.people] == [("t1", "school-2")]


def test_a_no_in_staff_csv_is_kept_when_the_row_of_teachers_csv_counts() -> None:
    staff = [a_staff(Staff_email="teacher1@example.org") | {"opt_out": "yes"}]
    result = clever(clever_zip(teachers=[a_teacher()], staff=staff))
    assert [(person.local_id, person.opt_out) for person in result.people[1:]] == [("t1", True)]


def test_the_students_id_column_is_not_looked_for_among_staff() -> None:
    agreement = csv_agreement(exchange={"mapping": {"student_id": "Student_number"}})
    result = clever(clever_zip(teachers=[a_teacher() | {"Student_number": "9"}]), agreement)
    assert [person.local_id for person in result.people] == ["700001", "t1"]


def test_without_staff_in_the_agreement_their_rows_are_counted_and_nothing_of_them_is_read() -> None:
    teachers = [a_teacher(), a_teacher(2, Last_name="\x00", Password="synthetic")]
    staff = a_csv([a_staff(), a_staff(2)]).removesuffix("\r\n") + ",\r\n"
    result = clever(clever_zip(teachers=teachers, more={"staff.csv": staff}), without_staff())
    assert (len(result.people), result.excluded, result.rejected) == (1, {"staff": 4}, {})
    assert DroppedColumn("teachers.csv", "Last_name", False) in result.dropped
    assert DroppedColumn("teachers.csv", "Password", True) in result.dropped


# What is not read


def test_forbidden_columns_are_dropped_unread_and_count_as_such_where_they_hold_values() -> None:
    result = clever(clever_zip(a_student() | NOT_READ, a_student(2)))
    told = {column.column: column.forbidden for column in result.dropped if column.file == "students.csv"}
    assert {name: told[name] for name in NOT_READ} == {name: name in FORBIDDEN for name in NOT_READ}
    assert [(problem.file, problem.column) for problem in at(result, Reason.PASSWORDS_SENT)] == [("students.csv", "Password")]
    assert not any(column.forbidden for column in clever(clever_zip(a_student(Password=" "))).dropped)


def test_a_populated_forbidden_column_refuses_the_file_where_the_agreement_says_so() -> None:
    agreement = csv_agreement(forbidden_columns="reject")
    assert refusal(clever_zip(a_student(IEP_status="Y")), agreement).reason is Reason.FORBIDDEN_COLUMN
    assert refusal(clever_zip(teachers=[a_teacher(Password="synthetic")]), agreement).reason is Reason.FORBIDDEN_COLUMN
    assert clever(clever_zip(), agreement)


def test_fields_that_are_not_agreed_stay_empty_and_files_that_nobody_needs_unopened() -> None:
    result = clever(clever_zip(a_student(), more={"sections.csv": "\x00", "enrollments.csv": "School_id,Section_id,Student_id\r\n"}))
    person = only(result)
    assert (person.state_id, person.guardian_name, person.phone) == ("", "", "")
    assert {column.file for column in result.dropped if column.column == "*"} == {"sections.csv", "enrollments.csv"}
    assert {"State_id", "Contact_name", "Contact_phone"} <= {column.column for column in result.dropped}


# Whatever comes in

CELLS = st.sampled_from(
    ["", " ", "1", "100001", "100002", "school-1", "school-9", "Guardian", "a@example.org", "t1", "4", "05/04/2016", "yes", "\x00", '"']
)
READ = ("Student_id", "School_id", "Last_name", "Grade", "DOB", "Contact_type", "Contact_email", "opt_out")
READ_OF_STAFF = ("School_id", "Last_name", "opt_out")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(*[CELLS] * len(READ)), min_size=1, max_size=6),
    st.lists(st.tuples(CELLS, CELLS, *[CELLS] * len(READ_OF_STAFF)), min_size=1, max_size=3),
    st.lists(st.tuples(CELLS, CELLS, *[CELLS] * len(READ_OF_STAFF)), min_size=1, max_size=3),
)
def test_every_row_is_counted_once_and_every_person_is_there_once(students: list[Any], teachers: list[Any], staff: list[Any]) -> None:
    data = clever_zip(
        *(a_student() | dict(zip(READ, row, strict=True)) for row in students),
        teachers=[a_teacher() | dict(zip(("Teacher_id", "Teacher_email", *READ_OF_STAFF), row, strict=True)) for row in teachers],
        staff=[a_staff() | dict(zip(("Staff_id", "Staff_email", *READ_OF_STAFF), row, strict=True)) for row in staff],
    )
    result = clever(data)
    assert result.rows == len(students) + len(teachers) + len(staff)
    assert len({(person.role, person.local_id) for person in result.people}) == len(result.people)
    assert not result.rejected_people & {(person.role, person.local_id) for person in result.people}
