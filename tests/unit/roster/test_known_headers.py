"""Exports of other systems, read by their own column names without a mapping in the agreement."""

from datetime import date

import pytest

from firstcard.roster import DroppedColumn, Person, Reading, Reason, Refusal
from tests.unit.agreement.builders import an_agreement

from .builders import a_csv, a_zip, at, csv_agreement, read, reading, reasons_of, refusal

AGREED = {
    name: {"required": False, "exhibit_b": "x", "fideslang": "user.name.first"} for name in ("state_id", "middle_name", "enrollment_status")
}
ROLELESS = {"role": {"required": False}}
AGREEMENT = csv_agreement(fields=AGREED | ROLELESS)

POWERSCHOOL = {
    "Student_Number": "100001",
    "State_StudentNumber": "900000001",
    "Last_Name": "Pine",
    "First_Name": "Ada",
    "Middle_Name": "May",
    "Grade_Level": "4",
    "DOB": "05/04/2016",
    "SchoolID": "school-1",
    "Enroll_Status": "0",
}
INFINITE_CAMPUS = {
    "student.studentNumber": "100001",
    "student.stateID": "900000001",
    "student.lastName": "Pine",
    "student.firstName": "Ada",
    "student.middleName": "May",
    "student.birthdate": "05/04/2016",
    "student.grade": "04",
    "sch.number": "school-1",
}
DOE_STN = {
    "School Number": "school-1",
    "STN": "100001",
    "Last": "Pine",
    "First": "Ada",
    "Middle": "May",
    "Suffix": "",
    "Language Code": "",
    "Gender": "F",
    "Birth Date": "05/04/2016",
    "Ethnicity/Race": "x",
}
SDS_1 = {
    "SIS ID": "100001",
    "School SIS ID": "school-1",
    "First Name": "Ada",
    "Last Name": "Pine",
    "Password": "",
    "Middle Name": "May",
    "Grade": "4",
    "Status": "Active",
    "Birthdate": "5/4/2016",
}


def only_person(result: Reading) -> Person:
    assert len(result.people) == 1, result
    return result.people[0]


def known(row: dict[str, str], **form: str) -> Reading:
    return reading(a_csv([row], **form).encode(), AGREEMENT)


def prefixed(row: dict[str, str], prefix: str) -> dict[str, str]:
    return {prefix + name: value for name, value in row.items()}


@pytest.mark.parametrize(
    ("form", "row"), [("powerschool", POWERSCHOOL), ("infinite_campus", INFINITE_CAMPUS), ("doe_stn", DOE_STN), ("sds_1", SDS_1)]
)
def test_an_export_is_known_by_its_own_column_names(form: str, row: dict[str, str]) -> None:
    result = known(row)
    person = only_person(result)
    assert result.format == form
    assert (person.local_id, person.last_name, person.first_name, person.middle_name) == ("100001", "Pine", "Ada", "May")
    assert (person.birth_date, person.school_id) == (date(2016, 5, 4), "school-1")
    assert reasons_of(result) == {Reason.DATE_NOT_ISO}


@pytest.mark.parametrize("prefix", ["", "[01]", "[1]", "STUDENTS.", "Students.", "[STUDENTS]"])
@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize("eol", ["\r", "\n", "\r\n"])
def test_powerschool_is_read_under_every_delimiter_line_end_and_prefix(prefix: str, delimiter: str, eol: str) -> None:
    result = known(prefixed(POWERSCHOOL, prefix), delimiter=delimiter, eol=eol)
    assert (result.format, only_person(result).grade, only_person(result).state_id) == ("powerschool", "04", "900000001")


@pytest.mark.parametrize(
    ("said", "meant"), [("0", "KG"), ("-1", "PK"), ("-3", "PK"), ("1", "01"), ("12", "12"), ("04", "04"), ("PK", "PK")]
)
def test_powerschool_counts_kindergarten_as_0_and_what_is_before_it_below(said: str, meant: str) -> None:
    assert only_person(known(POWERSCHOOL | {"Grade_Level": said})).grade == meant


@pytest.mark.parametrize("status", ["-2", "-1", "1", "2", "3", "4"])
def test_powerschool_students_of_any_status_but_0_are_not_enrolled(status: str) -> None:
    assert known(POWERSCHOOL | {"Enroll_Status": status}).excluded == {"not_enrolled": 1}


def test_a_powerschool_status_that_is_no_number_is_not_guessed() -> None:
    assert known(POWERSCHOOL | {"Enroll_Status": "gone"}).rejected == {Reason.BAD_STATUS: 1}


def test_a_zero_means_kindergarten_in_powerschool_alone() -> None:
    assert known(INFINITE_CAMPUS | {"student.grade": "0"}).rejected == {Reason.BAD_GRADE: 1}


def test_a_name_of_another_powerschool_table_is_not_the_students() -> None:
    result = known(POWERSCHOOL | {"[05]First_Name": "Teacher"})
    assert only_person(result).first_name == "Ada"
    assert any(not column.forbidden and column.column == "column 10" for column in result.dropped)


def test_the_agreements_mapping_wins_over_the_systems_own_column() -> None:
    mapped = csv_agreement(fields=AGREED | ROLELESS, exchange={"mapping": {"student_id": "State_StudentNumber"}})
    result = reading(a_csv([POWERSCHOOL]).encode(), mapped)
    assert (result.format, only_person(result).local_id) == ("powerschool", "900000001")


def test_a_mapped_column_that_is_missing_is_not_replaced_by_the_systems_own() -> None:
    mapped = csv_agreement(fields=AGREED | ROLELESS, exchange={"mapping": {"student_id": "Library_Number"}})
    assert refusal(a_csv([POWERSCHOOL]).encode(), mapped) == Refusal(Reason.MISSING_COLUMN, "roster.zip", 1, "Library_Number")


def test_a_mapped_grade_is_not_taken_for_the_systems_numbers() -> None:
    mapped = csv_agreement(fields=AGREED | ROLELESS, exchange={"mapping": {"grade": "Class_Of"}})
    result = reading(a_csv([POWERSCHOOL | {"Class_Of": "0"}]).encode(), mapped)
    assert result.rejected == {Reason.BAD_GRADE: 1}


def test_a_no_may_stand_in_a_column_of_our_own_beside_the_systems() -> None:
    assert only_person(known(POWERSCHOOL | {"opt_out": "yes"})).opt_out


def test_a_required_column_that_is_missing_is_named_as_the_system_calls_it() -> None:
    row = {name: value for name, value in POWERSCHOOL.items() if name != "SchoolID"}
    assert refusal(a_csv([row]).encode(), AGREEMENT) == Refusal(Reason.MISSING_COLUMN, "roster.zip", 1, "SchoolID")


def test_a_misspelt_column_is_named_as_the_system_calls_it() -> None:
    row = {name.replace("Last_Name", "Last_Nmae"): value for name, value in POWERSCHOOL.items()}
    assert refusal(a_csv([row]).encode(), AGREEMENT) == Refusal(Reason.HEADER_TYPO, "roster.zip", 1, "Last_Name")


def test_a_column_that_stands_twice_under_two_spellings_refuses_the_file() -> None:
    row = POWERSCHOOL | {"[01]Student_Number": "2"}
    assert refusal(a_csv([row]).encode(), AGREEMENT) == Refusal(Reason.DUPLICATE_HEADER, "roster.zip", 1, "Student_Number")


def test_what_the_agreement_does_not_list_stays_unread_and_what_is_forbidden_is_named() -> None:
    result = known(DOE_STN)
    assert DroppedColumn("roster.zip", "Gender", True) in result.dropped
    assert DroppedColumn("roster.zip", "Suffix", False) in result.dropped


def test_a_lookalike_letter_makes_no_known_name() -> None:
    row = {name.replace("Student_", "\u017ftudent_"): value for name, value in POWERSCHOOL.items()}
    assert isinstance(read(a_csv([row]).encode(), AGREEMENT), Refusal)


def test_a_table_of_common_names_only_is_nobodys() -> None:
    row = {"Last_Name": "Pine", "First_Name": "Ada", "City": "Pine", "State": "FL"}
    assert refusal(a_csv([row]).encode(), an_agreement()).reason is Reason.UNKNOWN_FORMAT


def test_a_systems_rows_without_their_header_are_refused_as_such() -> None:
    body = a_csv([POWERSCHOOL]).encode().split(b"\r\n", 1)[1]
    assert refusal(body, AGREEMENT).reason is Reason.NO_HEADER


def test_school_data_sync_1_comes_as_a_zip_of_which_the_students_are_read() -> None:
    result = reading(a_zip({"Student.csv": a_csv([SDS_1]), "School.csv": "SIS ID,Name\r\nschool-1,x\r\n"}), AGREEMENT)
    assert (result.format, only_person(result).grade) == ("sds_1", "04")
    assert DroppedColumn("school.csv", "*", False) in result.dropped


def test_a_problem_names_the_column_as_the_file_does() -> None:
    result = known(prefixed(POWERSCHOOL, "[01]") | {"[01]DOB": "soon"})
    assert [(p.line, p.column) for p in at(result, Reason.BAD_DATE)] == [(2, "[01]DOB")]


def test_a_table_of_school_data_sync_1_without_a_students_column_may_be_the_teachers_and_is_refused() -> None:
    teacher = {name: SDS_1[name] for name in ("SIS ID", "School SIS ID", "First Name", "Last Name", "Status")} | {"Teacher Number": "7"}
    assert refusal(a_csv([teacher]).encode(), AGREEMENT).reason is Reason.UNKNOWN_FORMAT
    assert only_person(reading(a_zip({"student.csv": a_csv([teacher])}), AGREEMENT)).local_id == "100001"


def test_school_data_sync_1_has_a_state_id() -> None:
    assert only_person(known(SDS_1 | {"State ID": "900000001"})).state_id == "900000001"
