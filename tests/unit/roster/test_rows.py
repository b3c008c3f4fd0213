"""What rejects a row, what is only said about it, and what a good one comes to."""

from datetime import date
from itertools import permutations

import pytest

from firstcard.roster import Reason, Role
from tests.unit.agreement.builders import a_directory_agreement, an_agreement

from .builders import (
    ORG_ROWS,
    a_birth,
    a_csv,
    a_firstcard_csv,
    a_guardian_user,
    a_oneroster_zip,
    a_student_row,
    a_student_user,
    a_teacher_user,
    at,
    csv_agreement,
    csv_directory_agreement,
    csv_reading,
    reading,
    reasons_of,
)

REJECTIONS = [
    (Reason.MISSING_REQUIRED, {"student_id": ""}),
    (Reason.MISSING_REQUIRED, {"last_name": "   "}),
    (Reason.BAD_ID, {"student_id": "100 001"}),
    (Reason.BAD_ID, {"student_id": "-1"}),
    (Reason.NON_ASCII_ID, {"student_id": "1000\u0430"}),
    (Reason.NON_ASCII_ID, {"school_id": "sch\u043eol-1"}),
    (Reason.NON_ASCII_EMAIL, {"guardian_email": "f\u0430mily@example.org"}),
    (Reason.INVISIBLE_CHAR, {"student_id": "100\u200b001"}),
    (Reason.INVISIBLE_CHAR, {"guardian_email": "family\u202e@example.org"}),
    (Reason.CONTROL_CHAR, {"last_name": "Pi\x07ne"}),
    (Reason.CONTROL_CHAR, {"first_name": "A\x85da"}),
    (Reason.CONTROL_CHAR, {"student_id": "100\x1f001"}),
    (Reason.CONTROL_CHAR, {"student_id": "100\n001"}),
    (Reason.VALUE_TOO_LONG, {"last_name": "x" * 201}),
    (Reason.VALUE_TOO_LONG, {"student_id": "1" * 65}),
    (Reason.EXCEL_DAMAGE, {"student_id": "1.00E+08"}),
    (Reason.EXCEL_DAMAGE, {"student_id": "3-May"}),
    (Reason.EXCEL_DAMAGE, {"grade": "4-Mar"}),
    (Reason.EXCEL_DAMAGE, {"last_name": "#REF!"}),
    (Reason.EXCEL_DAMAGE, {"birth_date": "42494"}),
    (Reason.EXCEL_DAMAGE, {"birth_date": "########"}),
    (Reason.BAD_DATE, {"birth_date": "2016-02-30"}),
    (Reason.BAD_DATE, {"birth_date": "13/13/2016"}),
    (Reason.BAD_DATE, {"birth_date": "in May"}),
    (Reason.TWO_DIGIT_YEAR, {"birth_date": "8/1/15"}),
    (Reason.BIRTH_DATE_IN_FUTURE, {"birth_date": "2026-11-23"}),
    (Reason.AGE_OUT_OF_RANGE, {"birth_date": "1900-01-01"}),
    (Reason.AGE_OUT_OF_RANGE, {"birth_date": "2025-05-04"}),
    (Reason.BAD_GRADE, {"grade": "fourth-ish"}),
    (Reason.BAD_GRADE, {"grade": "0"}),
    (Reason.BAD_ROLE, {"role": "wizard"}),
    (Reason.BAD_FLAG, {"opt_out": "ask mother"}),
]


@pytest.mark.parametrize(("reason", "changes"), REJECTIONS)
def test_a_bad_value_rejects_its_row_and_no_other(reason: Reason, changes: dict[str, str]) -> None:
    result = csv_reading(a_student_row(1, **changes), a_student_row(2))
    assert result.rejected == {reason: 1}
    assert [person.local_id for person in result.people] == ["100002"]
    assert [(problem.line, problem.column) for problem in at(result, reason)] == [(2, next(iter(changes)))]


def test_all_problems_of_a_row_are_listed_and_the_first_is_its_reason() -> None:
    result = csv_reading(
        a_student_row(1, student_id="a b", birth_date="8/1/15", grade="x", last_name="\x01", guardian_email="none", home_language="Klingon")
    )
    assert {problem.reason for problem in result.problems} == {
        Reason.BAD_GRADE,
        Reason.BAD_ID,
        Reason.TWO_DIGIT_YEAR,
        Reason.CONTROL_CHAR,
        Reason.BAD_EMAIL,
        Reason.UNKNOWN_LANGUAGE,
    }
    assert result.rejected == {result.problems[0].reason: 1}


WARNINGS = [
    (Reason.FORMULA_LIKE, {"last_name": "=HYPERLINK(1)"}),
    (Reason.FORMULA_LIKE, {"last_name": "-Smith"}),
    (Reason.FORMULA_LIKE, {"first_name": "+Ann"}),
    (Reason.FORMULA_LIKE, {"first_name": "@da"}),
    (Reason.INVISIBLE_REMOVED, {"first_name": "A\u200bda"}),
    (Reason.INVISIBLE_REMOVED, {"last_name": "\u202ePine\u202c"}),
    (Reason.MOJIBAKE, {"last_name": "Nu\u00c3\u00b1ez"}),
    (Reason.BAD_EMAIL, {"guardian_email": "none"}),
    (Reason.BAD_EMAIL, {"guardian_email": "a..b@example.org"}),
    (Reason.DATE_NOT_ISO, {"birth_date": "5/4/2016"}),
    (Reason.SEVERAL_GRADES, {"grade": "04,05"}),
    (Reason.UNKNOWN_LANGUAGE, {"home_language": "Klingon"}),
]


@pytest.mark.parametrize(("reason", "changes"), WARNINGS)
def test_an_odd_value_is_pointed_out_and_the_row_is_used(reason: Reason, changes: dict[str, str]) -> None:
    result = csv_reading(a_student_row(1, **changes))
    assert not result.rejected
    assert [(problem.line, problem.column, problem.reason) for problem in result.problems] == [(2, next(iter(changes)), reason)]
    assert len(result.people) == 1


@pytest.mark.parametrize(
    ("name", "raw", "normal"),
    [
        ("last_name", "  Pine  Oak ", "Pine Oak"),
        ("last_name", "Nu\u006e\u0303ez", "Nu\u00f1ez"),
        ("last_name", "=1+1", "=1+1"),
        ("last_name", "-Smith", "-Smith"),
        ("first_name", "A\u200bda", "Ada"),
        ("first_name", "Ka\u02bbiulani", "Ka\u02bbiulani"),
        ("first_name", "\u0645\u0631\u064a\u0645", "\u0645\u0631\u064a\u0645"),
        ("first_name", "Nguy\u1ec5n", "Nguy\u1ec5n"),
        ("first_name", "\u674e\u96f7", "\u674e\u96f7"),
        ("first_name", "MAT\u00da\u0160", "MAT\u00da\u0160"),
    ],
)
def test_names_keep_every_script_in_one_normal_form(name: str, raw: str, normal: str) -> None:
    result = csv_reading(a_student_row(1, **{name: raw}))
    assert getattr(result.people[0], name) == normal
    assert Reason.MOJIBAKE not in reasons_of(result)


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("4", "04"),
        ("04", "04"),
        ("K", "KG"),
        ("Kindergarten", "KG"),
        ("kg", "KG"),
        ("PreKindergarten", "PK"),
        ("12", "12"),
        ("pk", "PK"),
        ("", ""),
    ],
)
def test_grades_become_ceds_codes(raw: str, normal: str) -> None:
    assert csv_reading(a_student_row(1, grade=raw)).people[0].grade == normal


@pytest.mark.parametrize(
    ("raw", "normal"),
    [("es", "es"), ("Spanish", "es"), ("spa", "es"), ("es-MX", "es"), ("Haitian Creole", "ht"), ("EN_us", "en"), ("", "")],
)
def test_home_languages_become_subtags(raw: str, normal: str) -> None:
    assert csv_reading(a_student_row(1, home_language=raw)).people[0].language == normal


def test_an_address_is_kept_in_small_letters() -> None:
    assert csv_reading(a_student_row(1, guardian_email=" Family.One+Cards@Example.ORG ")).people[0].email == "family.one+cards@example.org"


def test_an_address_that_is_required_and_bad_rejects_the_row() -> None:
    strict = csv_agreement(fields={"guardian_email": {"required": True}})
    result = csv_reading(a_student_row(1, guardian_email="none"), agreement=strict)
    assert result.rejected == {Reason.MISSING_REQUIRED: 1}
    assert reasons_of(result) == {Reason.BAD_EMAIL, Reason.MISSING_REQUIRED}


# Staff


def test_staff_need_no_birth_date_and_bring_none() -> None:
    strict = csv_agreement(fields={"birth_date": {"required": True, "only_if": None}, "grade": {"required": True}})
    result = csv_reading(a_student_row(1, role="staff", birth_date="1970-01-01", grade="04", staff_email="T@Example.org"), agreement=strict)
    person = result.people[0]
    assert (person.role, person.birth_date, person.grade, person.email) == (Role.STAFF, None, "", "t@example.org")


def test_a_guardians_address_is_not_read_for_staff_nor_a_staff_address_for_students() -> None:
    row = {"guardian_email": "family@example.org", "staff_email": "staff@example.org"}
    student, staff = csv_reading(a_student_row(1, **row), a_student_row(2, role="teacher", **row)).people
    assert (student.email, staff.email) == ("family@example.org", "staff@example.org")


def test_a_student_and_a_member_of_staff_may_have_the_same_id() -> None:
    assert len(csv_reading(a_student_row(1), a_student_row(1, role="staff")).people) == 2


# Of age


def test_from_18_on_the_guardians_contact_is_set_aside_and_the_students_own_is_used() -> None:
    agreement = csv_agreement(fields={"student_email": {"required": False, "exhibit_b": "x", "fideslang": "user.contact.email"}})
    eve = a_student_row(1, birth_date="2008-11-23") | {"student_email": "ada@students.example.org"}
    birthday = a_student_row(2, birth_date="2008-11-22") | {"student_email": "bob@students.example.org"}
    result = csv_reading(eve, birthday, agreement=agreement)
    assert [person.email for person in result.people] == ["family1@example.org", "bob@students.example.org"]
    assert result.of_age == 1


def test_a_guardian_required_is_not_required_from_18_on() -> None:
    strict = csv_agreement(fields={"guardian_email": {"required": True}})
    result = csv_reading(a_student_row(1, birth_date="2008-01-01", guardian_email=""), agreement=strict)
    assert result.people[0].email == ""


# Conditions of the agreement


def test_a_field_whose_condition_does_not_hold_is_not_read() -> None:
    young = csv_agreement(fields={"guardian_email": {"only_if": "age < 14"}})
    result = csv_reading(a_student_row(1), a_student_row(2, birth_date="2010-01-01"), a_student_row(3, birth_date=""), agreement=young)
    assert [person.email for person in result.people] == ["family1@example.org", "", ""]


def test_a_bad_value_of_a_field_that_is_not_read_does_not_reject_the_row() -> None:
    young = csv_agreement(fields={"guardian_email": {"only_if": "age < 14"}})
    assert len(csv_reading(a_student_row(2, birth_date="2010-01-01", guardian_email="\u0430@b.org"), agreement=young).people) == 1


# Duplicates


def test_the_same_row_twice_is_used_once() -> None:
    result = csv_reading(a_student_row(1), a_student_row(1, last_name=" Pineb "), a_student_row(2))
    assert [person.local_id for person in result.people] == ["100001", "100002"]
    assert result.excluded == {"duplicate": 1}
    assert at(result, Reason.DUPLICATE_ROW)[0].line == 3


def test_one_id_with_two_contents_rejects_every_row_of_it() -> None:
    result = csv_reading(a_student_row(1), a_student_row(2), a_student_row(1, first_name="Bob"), a_student_row(1))
    assert [person.local_id for person in result.people] == ["100002"]
    assert result.rejected == {Reason.DUPLICATE_ID: 3}
    assert [problem.line for problem in at(result, Reason.DUPLICATE_ID)] == [2, 4, 5]


def test_a_good_row_beside_a_bad_one_of_the_same_id_is_not_trusted() -> None:
    result = csv_reading(a_student_row(1), a_student_row(1, birth_date="2016-02-30"))
    assert result.people == ()
    assert result.rejected == {Reason.DUPLICATE_ID: 1, Reason.BAD_DATE: 1}


def test_of_two_rows_with_one_id_a_no_wins() -> None:
    for rows in ((a_student_row(1), a_student_row(1, opt_out="yes")), (a_student_row(1, opt_out="yes"), a_student_row(1))):
        result = csv_reading(*rows)
        assert [person.opt_out for person in result.people] == [True]
        assert result.rejected == {Reason.DUPLICATE_ID: 1}


def test_who_stood_in_a_rejected_row_is_told_apart_from_who_was_not_there() -> None:
    result = csv_reading(a_student_row(1, grade="x"), a_student_row(2, role="staff", last_name=""), a_student_row(3, student_id="no id"))
    assert result.rejected_people == {(Role.STUDENT, "100001"), (Role.STAFF, "100002")}
    assert result.rows_without_id == 1


def test_a_row_of_an_unknown_role_may_be_a_childs_or_a_teachers() -> None:
    either = {(Role.STUDENT, "100002"), (Role.STAFF, "100002")}
    result = csv_reading(a_student_row(1), a_student_row(2, role="wizard"))
    assert result.rejected_people == either
    assert result.rows_without_id == 0
    bundle = reading(a_oneroster_zip([a_student_user(1, agentSourcedIds=""), a_student_user(2, role="wizard")]))
    assert bundle.rejected_people == either
    assert bundle.rows_without_id == 0


def test_who_has_a_good_row_is_not_among_the_rejected_people() -> None:
    result = csv_reading(a_student_row(1), a_student_row(1, role="wizard"), a_student_row(2, opt_out="yes"), a_student_row(2))
    assert [person.local_id for person in result.people] == ["100001", "100002"]
    assert result.rejected_people == {(Role.STAFF, "100001")}


@pytest.mark.parametrize("raw_id", ["", "no id", "1000\u0430", "1.2E+05", "4-Jan"])
@pytest.mark.parametrize("fault", [{}, {"role": "wizard"}, {"opt_out": "perhaps"}, {"opt_out": "yes"}, {"grade": "x"}])
def test_a_rejected_row_whose_id_cannot_be_read_may_be_anybodys(raw_id: str, fault: dict[str, str]) -> None:
    result = csv_reading(a_student_row(1), a_student_row(2, student_id=raw_id, **fault))
    assert (len(result.people), result.rows_without_id, result.rejected_people) == (1, 1, frozenset())


def test_a_row_of_another_width_may_be_anybodys() -> None:
    data = a_firstcard_csv(a_student_row(1), a_student_row(2)) + b"100003,Pine,opt_out,yes\r\n"
    result = reading(data, csv_agreement())
    assert (result.rejected, result.rows_without_id, result.rejected_people) == ({Reason.ROW_WIDTH: 1}, 1, frozenset())
    users = a_csv([a_student_user(1, agentSourcedIds="")]) + "100003,,true\r\n"
    assert reading(a_oneroster_zip(more={"users.csv": users})).rows_without_id == 1


# A family's no


def test_under_a_window_a_no_is_carried_on_with_its_row() -> None:
    person = csv_reading(a_student_row(1, opt_out="Y")).people[0]
    assert (person.opt_out, person.last_name) == (True, "Pineb")


def test_a_no_is_read_even_where_the_agreement_does_not_list_the_column() -> None:
    quiet = csv_agreement()
    quiet = quiet.model_copy(update={"fields": {name: clause for name, clause in quiet.fields.items() if name != "opt_out"}})
    assert csv_reading(a_student_row(1, opt_out="yes"), agreement=quiet).people[0].opt_out


def test_before_upload_a_no_may_bring_id_and_flag_only() -> None:
    directory = csv_directory_agreement()
    bare = dict.fromkeys(a_student_row(), "") | {"student_id": "100009", "opt_out": "yes", "role": "student"}
    result = csv_reading(a_student_row(1), a_student_row(2, opt_out="yes"), bare, agreement=directory)
    assert [problem.line for problem in at(result, Reason.FULL_ROW_OF_REFUSED)] == [3]
    assert result.rejected == {}
    assert [(person.local_id, person.opt_out, person.last_name, person.email) for person in result.people] == [
        ("100001", False, "Pineb", "family1@example.org"),
        ("100002", True, "", ""),
        ("100009", True, "", ""),
    ]


def test_before_upload_a_bare_no_without_an_id_is_rejected() -> None:
    bare = dict.fromkeys(a_student_row(), "") | {"opt_out": "yes"}
    assert csv_reading(a_student_row(1), bare, agreement=csv_directory_agreement()).rejected == {Reason.MISSING_REQUIRED: 1}


FAULTS = [(reason, changes) for reason, changes in REJECTIONS if "student_id" not in changes and "opt_out" not in changes]


@pytest.mark.parametrize(("reason", "changes"), FAULTS)
def test_a_no_counts_whatever_else_is_wrong_with_its_row(reason: Reason, changes: dict[str, str]) -> None:
    result = csv_reading(a_student_row(1), a_student_row(2, opt_out="yes", **changes))
    assert [(person.local_id, person.role, person.opt_out) for person in result.people if person.opt_out] == [
        ("100002", (changes.get("role") == "staff" and Role.STAFF) or Role.STUDENT, True)
    ]
    assert reason in reasons_of(result)
    assert result.rejected == {}


def test_the_faulty_values_of_a_row_with_a_no_are_left_empty_and_the_others_kept() -> None:
    faulty = a_student_row(1, opt_out="yes", birth_date="2016-02-30", grade="x", first_name="A\x07da", school_id="4-Jan")
    person = csv_reading(faulty, a_student_row(2)).people[0]
    assert (person.birth_date, person.grade, person.first_name, person.school_id) == (None, "", "", "")
    assert (person.last_name, person.email) == ("Pineb", "family1@example.org")


def test_a_no_without_a_readable_id_is_nobodys_and_rejected() -> None:
    for raw_id, reason in (("", Reason.MISSING_REQUIRED), ("no id", Reason.BAD_ID), ("1.2E+05", Reason.EXCEL_DAMAGE)):
        for agreement in (csv_agreement(), csv_directory_agreement()):
            result = csv_reading(a_student_row(1), a_student_row(2, student_id=raw_id, opt_out="yes"), agreement=agreement)
            assert (len(result.people), result.rejected, result.rows_without_id) == (1, {reason: 1}, 1)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("other", [{"first_name": "Bob"}, {"birth_date": "bad"}, {}])
def test_a_no_wins_wherever_it_stands_among_the_rows_of_its_id(order: tuple[int, ...], other: dict[str, str]) -> None:
    rows = (a_student_row(1), a_student_row(1, **other), a_student_row(1, opt_out="yes", grade="x"))
    result = csv_reading(*(rows[n] for n in order))
    assert [(person.local_id, person.opt_out) for person in result.people] == [("100001", True)]
    assert sum(result.rejected.values()) + sum(result.excluded.values()) == 2
    assert result.rejected_people == frozenset()


def test_two_different_rows_with_a_no_are_one_no() -> None:
    result = csv_reading(a_student_row(1, opt_out="yes"), a_student_row(1, opt_out="yes", first_name="Bob"))
    assert [person.opt_out for person in result.people] == [True]
    assert result.rejected == {Reason.DUPLICATE_ID: 1}


def test_a_no_of_who_is_not_enrolled_is_a_no() -> None:
    agreement = csv_agreement(fields={"enrollment_status": {"required": False, "exhibit_b": "x", "fideslang": "user.account"}})
    rows = [a_student_row(n, opt_out="yes") | {"enrollment_status": status} for n, status in enumerate(("withdrawn", "on the moon"), 1)]
    result = csv_reading(*rows, agreement=agreement)
    assert [(person.local_id, person.opt_out) for person in result.people] == [("100001", True), ("100002", True)]
    assert (result.excluded, result.rejected, reasons_of(result)) == ({}, {}, {Reason.BAD_STATUS})


@pytest.mark.parametrize(
    "marks", [{"enabledUser": "false"}, {"status": "tobedeleted"}, {"status": "inactive"}, {"status": "gone"}, {"enabledUser": "perhaps"}]
)
@pytest.mark.parametrize("route", ["window", "before_upload"])
def test_a_no_in_a_row_that_the_export_marks_as_gone_is_a_no(marks: dict[str, str], route: str) -> None:
    agreement = an_agreement() if route == "window" else a_directory_agreement()
    users = [a_student_user(1, agentSourcedIds=""), a_student_user(2, agentSourcedIds="", **{"metadata.optOut": "true"}, **marks)]
    result = reading(a_oneroster_zip(users), agreement)
    assert [(person.local_id, person.opt_out) for person in result.people] == [("100001", False), ("100002", True)]
    assert (result.excluded, result.rejected) == ({}, {})


def test_a_no_of_an_unknown_role_is_taken_for_a_childs_and_ends_no_teachers_card() -> None:
    for result in (
        csv_reading(a_student_row(1, role="wizard", opt_out="yes")),
        csv_reading(a_student_row(1, role="wizard", opt_out="yes"), agreement=csv_directory_agreement()),
        reading(a_oneroster_zip([a_student_user(1, role="wizard", **{"metadata.optOut": "true"})])),
    ):
        assert [(person.role, person.local_id, person.opt_out) for person in result.people] == [(Role.STUDENT, "100001", True)]
        assert result.rejected == {}
        assert result.rejected_people == {(Role.STAFF, "100001")}
        assert Reason.BAD_ROLE in reasons_of(result)


def test_a_no_of_staff_whom_the_roll_out_leaves_out_is_a_no() -> None:
    narrow = csv_agreement(rollout={"staff": False})
    assert [person.opt_out for person in csv_reading(a_student_row(1, role="staff", opt_out="yes"), agreement=narrow).people] == [True]


# Roll-out


def test_the_roll_out_leaves_out_schools_grades_and_staff_and_counts_them() -> None:
    narrow = csv_agreement(rollout={"schools": ["school-1"], "grades": ["04", "05"], "staff": False})
    result = csv_reading(
        a_student_row(1),
        a_student_row(2, school_id="school-2"),
        a_student_row(3, grade="06"),
        a_student_row(4, role="staff"),
        a_student_row(5, grade="sixth"),
        a_student_row(6, school_id="school-2", birth_date="bad"),
        agreement=narrow,
    )
    assert [person.local_id for person in result.people] == ["100001"]
    assert result.excluded == {"other_school": 2, "other_grade": 1, "staff": 1}
    assert result.rejected == {Reason.BAD_GRADE: 1}


def test_a_no_from_a_school_that_has_not_its_turn_is_carried_on() -> None:
    narrow = csv_agreement(rollout={"schools": ["school-1"]})
    result = csv_reading(a_student_row(1), a_student_row(2, school_id="school-2", opt_out="yes"), agreement=narrow)
    assert [person.opt_out for person in result.people] == [False, True]


def test_who_is_not_enrolled_gets_no_card() -> None:
    agreement = csv_agreement(fields={"enrollment_status": {"required": False, "exhibit_b": "x", "fideslang": "user.account"}})
    rows = [a_student_row(n) | {"enrollment_status": status} for n, status in enumerate(("active", "", "withdrawn", "on the moon"), 1)]
    result = csv_reading(*rows, agreement=agreement)
    assert len(result.people) == 2
    assert result.excluded == {"not_enrolled": 1}
    assert result.rejected == {Reason.BAD_STATUS: 1}


# OneRoster's joins


def test_a_student_of_a_bundle_is_joined_from_three_files() -> None:
    person = reading(a_oneroster_zip([a_student_user(1, **{"metadata.homeLanguage": "Spanish"}), a_guardian_user(1)])).people[0]
    assert (person.file, person.line, person.local_id, person.grade, person.language) == ("users.csv", 2, "100001", "04", "es")
    assert (person.birth_date, person.school_id, person.school_name) == (date(2016, 5, 4), "school-1", "Name of school-1")
    assert person.email == "family1@example.org"


def test_a_problem_of_a_birth_date_is_named_in_the_file_where_it_stands() -> None:
    births = [a_birth(2), a_birth(1, birthDate="8/1/15")]
    result = reading(a_oneroster_zip([a_student_user(1, agentSourcedIds="")], births=births))
    assert [(p.file, p.line, p.column, p.reason) for p in result.problems] == [("demographics.csv", 3, "birthDate", Reason.TWO_DIGIT_YEAR)]


@pytest.mark.parametrize("role", ["teacher", "administrator", "aide", "Teacher"])
def test_who_works_at_a_school_is_staff(role: str) -> None:
    person = reading(a_oneroster_zip([a_teacher_user(1, role=role)])).people[0]
    assert (person.role, person.email) == (Role.STAFF, "teacher1@example.org")


def test_guardians_are_counted_and_are_no_rows() -> None:
    users = [
        a_student_user(1),
        a_guardian_user(1),
        a_guardian_user(2, role="parent"),
        a_guardian_user(3, role="relative"),
        a_teacher_user(1, role="proctor"),
    ]
    result = reading(a_oneroster_zip(users))
    assert (result.rows, result.guardians, result.excluded) == (2, 3, {"proctor": 1})


def test_the_first_guardian_with_an_address_is_the_households() -> None:
    users = [
        a_student_user(1, agentSourcedIds="g3, g1,g2"),
        a_guardian_user(1, email=""),
        a_guardian_user(2, role="parent", email="Second@Example.org"),
        a_guardian_user(3, role="relative"),
    ]
    assert reading(a_oneroster_zip(users)).people[0].email == "second@example.org"


def test_a_guardian_who_names_the_child_is_found_too() -> None:
    users = [a_student_user(1, agentSourcedIds=""), a_guardian_user(1, agentSourcedIds="100001,100002")]
    assert reading(a_oneroster_zip(users)).people[0].email == "family1@example.org"


def test_a_guardian_who_is_not_there_or_not_enabled_gives_no_address() -> None:
    gone = reading(a_oneroster_zip([a_student_user(1, agentSourcedIds="g9")]))
    assert reasons_of(gone) == {Reason.DANGLING_GUARDIAN}
    assert gone.people[0].email == ""
    assert reading(a_oneroster_zip([a_student_user(1), a_guardian_user(1, enabledUser="false")])).people[0].email == ""


@pytest.mark.parametrize("mail", ["f\u0430mily@example.org", "fam\u200bily@example.org", "a@b.org\x00"])
def test_a_guardian_whose_address_cannot_be_trusted_is_not_used(mail: str) -> None:
    result = reading(a_oneroster_zip([a_student_user(1), a_guardian_user(1, email=mail)]))
    assert [(p.line, p.column, p.reason) for p in result.problems] == [(3, "email", Reason.GUARDIAN_UNUSABLE)]
    assert result.people[0].email == ""


def test_a_guardians_name_is_read_where_it_is_agreed() -> None:
    agreement = an_agreement(fields={"guardian_name": {"required": False, "exhibit_b": "x", "fideslang": "user.name"}})
    assert reading(a_oneroster_zip(), agreement).people[0].guardian_name == "Grace Pine"
    assert reading(a_oneroster_zip()).people[0].guardian_name == ""


def test_a_school_that_is_not_in_the_file_rejects_the_row() -> None:
    result = reading(
        a_oneroster_zip(
            [
                a_student_user(1, orgSourcedIds="school-9", agentSourcedIds=""),
                a_student_user(2, agentSourcedIds="", orgSourcedIds="school-9,school-2"),
            ]
        )
    )
    assert result.rejected == {Reason.DANGLING_SCHOOL: 1}
    assert result.people[0].school_id == "school-2"


def test_a_school_comes_before_the_district_among_a_persons_organisations() -> None:
    assert (
        reading(a_oneroster_zip([a_student_user(1, orgSourcedIds="pine-district,school-2", agentSourcedIds="")])).people[0].school_id
        == "school-2"
    )


def test_the_exports_own_marks_leave_a_row_out() -> None:
    users = [
        a_student_user(1, enabledUser="FALSE", agentSourcedIds=""),
        a_student_user(2, status="tobedeleted", agentSourcedIds=""),
        a_student_user(3, status="inactive", agentSourcedIds=""),
        a_student_user(4, status="active", enabledUser="TRUE", agentSourcedIds=""),
        a_student_user(5, status="gone fishing", agentSourcedIds=""),
        a_student_user(6, enabledUser="perhaps", agentSourcedIds=""),
    ]
    result = reading(a_oneroster_zip(users))
    assert [person.local_id for person in result.people] == ["100004"]
    assert result.excluded == {"not_enabled": 1, "to_be_deleted": 1, "not_enrolled": 1}
    assert result.rejected == {Reason.BAD_STATUS: 1, Reason.BAD_FLAG: 1}


def test_a_mapping_takes_a_field_from_another_column() -> None:
    agreement = an_agreement(exchange={"mapping": {"student_id": "identifier", "school_id": "identifier"}})
    users = [a_student_user(1, identifier="N42", agentSourcedIds="")]
    orgs = [{**org, "identifier": f"code-{n}"} for n, org in enumerate(ORG_ROWS)]
    person = reading(a_oneroster_zip(users, orgs=orgs), agreement).people[0]
    assert (person.local_id, person.school_id) == ("N42", "code-1")


def test_a_no_in_a_mapped_column_is_read() -> None:
    assert reading(a_oneroster_zip([a_student_user(1, **{"metadata.optOut": "true"}, agentSourcedIds="")])).people[0].opt_out
    bad = reading(a_oneroster_zip([a_student_user(1, **{"metadata.optOut": "?"}, agentSourcedIds="")]))
    assert [(p.column, p.reason) for p in bad.problems] == [("metadata.optOut", Reason.BAD_FLAG)]


def test_before_upload_of_a_full_row_of_a_bundle_only_the_no_is_taken() -> None:
    bare = dict.fromkeys(a_student_user(), "") | {
        "sourcedId": "100009",
        "role": "student",
        "enabledUser": "true",
        "metadata.optOut": "true",
    }
    born = bare | {"sourcedId": "100001"}
    users = [bare, born, a_student_user(2, **{"metadata.optOut": "true"})]
    result = reading(a_oneroster_zip(users), a_directory_agreement())
    assert [problem.line for problem in at(result, Reason.FULL_ROW_OF_REFUSED)] == [3, 4]
    assert result.rejected == {}
    assert [(person.local_id, person.opt_out, person.last_name) for person in result.people] == [
        ("100009", True, ""),
        ("100001", True, ""),
        ("100002", True, ""),
    ]


def test_an_unknown_role_of_a_bundle_rejects_the_row() -> None:
    result = reading(a_oneroster_zip([a_student_user(1), a_guardian_user(1), a_teacher_user(1, role="wizard")]))
    assert result.rejected == {Reason.BAD_ROLE: 1}
