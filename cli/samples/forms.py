"""Each form that can be read, and the sample of it: the same synthetic people, written as that form's own system writes them.

The headers are those of the systems' own descriptions, not taken from the code that reads them.
"""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Literal

from cli.samples.sheets import Place, Record, Sample, Sheet, records_of
from local.district import District, School, Student
from local.district.canonical import canonical_csv
from local.district.oneroster import oneroster_zip

_CLEVER_GRADES = {"PK": "PreKindergarten", "KG": "Kindergarten"} | {f"{number:02d}": str(number) for number in range(1, 13)}
_POWERSCHOOL_GRADES = {"PK": "-1", "KG": "0"} | {f"{number:02d}": str(number) for number in range(1, 13)}
_ROLES_1_2 = {"administrator": "siteAdministrator"}
_USERS_1_2 = (
    *(
        "sourcedId",
        "status",
        "dateLastModified",
        "enabledUser",
        "username",
        "userIds",
        "givenName",
        "familyName",
        "middleName",
        "identifier",
    ),
    *(
        "email",
        "sms",
        "phone",
        "agentSourcedIds",
        "grades",
        "password",
        "userMasterIdentifier",
        "preferredGivenName",
        "preferredMiddleName",
    ),
    *("preferredFamilyName", "primaryOrgSourcedId", "pronouns", "metadata.homeLanguage", "metadata.optOut", "metadata.contactRestricted"),
)
_CLEVER_STUDENTS = (
    *(
        "School_id",
        "Student_id",
        "Student_number",
        "State_id",
        "Last_name",
        "Middle_name",
        "First_name",
        "Grade",
        "Gender",
        "Graduation_year",
    ),
    *("DOB", "Race", "Hispanic_Latino", "Home_language", "Ell_status", "Frl_status", "IEP_status", "Student_street", "Student_city"),
    *("Student_state", "Student_zip", "Student_email", "Contact_relationship", "Contact_type", "Contact_name", "Contact_phone"),
    *("Contact_phone_type", "Contact_email", "Contact_sis_id", "Username", "Password", "Unweighted_gpa", "Weighted_gpa"),
)


# OneRoster


def _oneroster_1_1(district: District) -> Sample:
    """The bulk zip of OneRoster 1.1; ids are ``sourcedId`` and ``identifier``, so that a fault shows whichever an agreement takes."""
    with zipfile.ZipFile(io.BytesIO(oneroster_zip(district))) as archive:
        sheets = {name: Sheet.read(archive.read(name)) for name in archive.namelist()}
    fields = {"student_id": ("sourcedId", "identifier"), "school_id": ("orgSourcedIds",), **_NAMES}
    students = records_of(sheets, "users.csv", fields, lambda row: row["role"] == "student" and not row["metadata.optOut"])
    _find(sheets, students, "birth_date", "demographics.csv", "sourcedId", "birthDate")
    return Sample("oneroster_1_1.zip", sheets, students, len(district.students) + len(district.staff))


def _oneroster_1_2(district: District) -> Sample:
    """The bulk zip of OneRoster 1.2, where roles and schools of a user stand in roles.csv."""
    sheets = dict(_oneroster_1_1(district).sheets)
    sheets["manifest.csv"] = Sheet.of(
        ("propertyName", "value"),
        [
            row | {"value": "1.2"} if row["propertyName"] == "oneroster.version" else row
            for row in (*sheets["manifest.csv"].dicts(), {"propertyName": "file.roles", "value": "bulk"})
        ],
    )
    users = list(sheets["users.csv"].dicts())
    sheets["users.csv"] = Sheet.of(_USERS_1_2, [row | {"primaryOrgSourcedId": row["orgSourcedIds"].partition(",")[0]} for row in users])
    sheets["roles.csv"] = Sheet.of(
        (
            *("sourcedId", "status", "dateLastModified", "userSourcedId", "roleType", "role", "beginDate", "endDate", "orgSourcedId"),
            "userProfileSourcedId",
        ),
        [
            {
                "sourcedId": f"{row['sourcedId']}-{n}",
                "userSourcedId": row["sourcedId"],
                "roleType": "secondary" if n else "primary",
                "role": _ROLES_1_2.get(row["role"], row["role"]),
                "orgSourcedId": school,
            }
            for row in users
            for n, school in enumerate(row["orgSourcedIds"].split(","))
        ],
    )
    eligible = {row["sourcedId"] for row in users if row["role"] == "student" and not row["metadata.optOut"]}
    fields = {"student_id": ("sourcedId", "identifier"), **_NAMES}
    students = records_of(sheets, "users.csv", fields, lambda row: row["sourcedId"] in eligible)
    _find(sheets, students, "birth_date", "demographics.csv", "sourcedId", "birthDate")
    _find(sheets, students, "school_id", "roles.csv", "userSourcedId", "orgSourcedId")
    _find(sheets, students, "student_id", "roles.csv", "userSourcedId", "userSourcedId")
    return Sample("oneroster_1_2.zip", sheets, students, len(district.students) + len(district.staff))


def _sds_2_1(district: District) -> Sample:
    """Microsoft School Data Sync 2.1 in a zip: no manifest, grades in roles.csv, guardians by relationships.csv."""
    of = _oneroster_1_1(district).sheets
    users = list(of["users.csv"].dicts())
    people = [row for row in users if row["role"] != "guardian"]
    births = of["demographics.csv"].dicts()
    sheets = {
        "orgs.csv": Sheet.of(("sourcedId", "name", "type", "parentSourcedId"), of["orgs.csv"].dicts()),
        "users.csv": Sheet.of(
            ("sourcedId", "username", "givenName", "familyName", "password", "activeDirectoryMatchId", "email", "phone", "sms"), users
        ),
        "roles.csv": Sheet.of(
            ("userSourcedId", "orgSourcedId", "role", "sessionSourcedId", "grade", "isPrimary", "roleStartDate", "roleEndDate"),
            [
                {
                    "userSourcedId": row["sourcedId"],
                    "orgSourcedId": row["orgSourcedIds"],
                    "role": row["role"],
                    "grade": row["grades"],
                    "isPrimary": "true",
                }
                for row in people
            ],
        ),
        "demographics.csv": Sheet.of(
            ("userSourcedId", "sex", "birthDate", "birthCity", "birthState", "birthCountry", "ethnicityCodes", "raceCodes"),
            [row | {"userSourcedId": row["sourcedId"]} for row in births],
        ),
        "relationships.csv": Sheet.of(
            ("userSourcedId", "relationshipUserSourcedId", "relationshipRole"),
            [
                {"userSourcedId": row["sourcedId"], "relationshipUserSourcedId": guardian, "relationshipRole": "guardian"}
                for row in people
                for guardian in filter(None, row["agentSourcedIds"].split(","))
            ],
        ),
    }
    eligible = {row["sourcedId"] for row in people if row["role"] == "student"}
    fields = {"student_id": ("sourcedId",), "last_name": ("familyName",), "first_name": ("givenName",)}
    students = records_of(sheets, "users.csv", fields, lambda row: row["sourcedId"] in eligible)
    _find(sheets, students, "birth_date", "demographics.csv", "userSourcedId", "birthDate")
    for name, header in (("school_id", "orgSourcedId"), ("grade", "grade"), ("student_id", "userSourcedId")):
        _find(sheets, students, name, "roles.csv", "userSourcedId", header)
    return Sample("sds_2_1.zip", sheets, students, len(people))


_NAMES = {"last_name": ("familyName",), "first_name": ("givenName",), "grade": ("grades",)}


def _find(sheets: Mapping[str, Sheet], records: Sequence[Record], name: str, file: str, key: str, header: str) -> None:
    """Give each record the place of a field that stands in another file, in the row that has the record's first id under ``key``."""
    sheet = sheets[file]
    key_at, column = sheet.header.index(key), sheet.header.index(header)
    rows = {row[key_at]: number for number, row in enumerate(sheet.rows)}
    for record in records:
        first = record["student_id"][0]
        number = rows[sheets[first.file].rows[first.row][first.column]]
        record[name] = (*record.get(name, ()), Place(file, number, column))


# Clever


def _clever(district: District) -> Sample:
    """Clever's SFTP files in a zip: one row for each contact of a student, and the columns beside them that nobody may read."""
    schools = {school.sourced_id: school for school in district.schools}
    rows = [row for n, student in enumerate(district.students) for row in _clever_rows(n, student, schools[student.school], district)]
    teachers = [
        {
            "School_id": schools[person.school].number,
            "Teacher_id": person.local_id,
            "Teacher_number": person.local_id,
            "Last_name": person.last_name,
            "First_name": person.first_name,
            "Teacher_email": person.email,
            "Title": "Teacher",
        }
        for person in district.staff
        if person.role == "teacher"
    ]
    staff = [
        {
            "School_id": schools[person.school].number,
            "Staff_id": person.local_id,
            "Staff_email": person.email,
            "First_name": person.first_name,
            "Last_name": person.last_name,
            "Title": "Administrator",
        }
        for person in district.staff
        if person.role != "teacher"
    ]
    sheets = {
        "schools.csv": Sheet.of(
            (
                *("School_id", "School_name", "School_number", "State_id", "Low_grade", "High_grade", "Principal", "Principal_email"),
                *("School_address", "School_city", "School_state", "School_zip", "School_phone"),
            ),
            [{"School_id": one.number, "School_name": one.name, "School_number": one.number} for one in district.schools],
        ),
        "students.csv": Sheet.of((*_CLEVER_STUDENTS, "opt_out"), rows),
        "teachers.csv": Sheet.of(
            (
                *("School_id", "Teacher_id", "Teacher_number", "State_teacher_id", "Last_name", "Middle_name", "First_name"),
                *("Teacher_email", "Title", "Username", "Password"),
            ),
            teachers,
        ),
        "staff.csv": Sheet.of(("School_id", "Staff_id", "Staff_email", "First_name", "Last_name", "Department", "Title", "Role"), staff),
    }
    fields = {
        "student_id": ("Student_id",),
        "last_name": ("Last_name",),
        "first_name": ("First_name",),
        "birth_date": ("DOB",),
        "grade": ("Grade",),
        "school_id": ("School_id",),
    }
    single = {student.local_id for student in district.students if len(student.guardians) == 1 and not student.opt_out}
    students = records_of(sheets, "students.csv", fields, lambda row: row["Student_id"] in single)
    return Sample("clever.zip", {name: sheet for name, sheet in sheets.items() if sheet.rows}, students, len(rows) + len(district.staff))


def _clever_rows(n: int, student: Student, school: School, district: District) -> list[dict[str, str]]:
    row = {
        "School_id": school.number,
        "Student_id": student.local_id,
        "Student_number": student.local_id,
        "State_id": student.state_id,
        "Last_name": student.last_name,
        "Middle_name": student.middle_name,
        "First_name": student.first_name,
        "Grade": _CLEVER_GRADES[student.grade],
        "Gender": "FM"[n % 2],
        "DOB": _us_date(student.birth_date),
        "Race": "ABIMW"[n * 7 % 5],
        "Home_language": student.language,
        "Frl_status": "YN"[n % 3 > 0],
        "IEP_status": "YN"[n % 8 > 0],
        "Student_street": student.street,
        "Student_city": district.city,
        "Student_state": district.region,
        "Student_zip": student.postal_code,
        "opt_out": "Y" if student.opt_out else "",
    }
    return [
        row
        | {
            "Contact_relationship": "Guardian",
            "Contact_type": "Secondary" if at else "Primary",
            "Contact_name": f"{guardian.given_name} {guardian.family_name}",
            "Contact_phone": guardian.phone,
            "Contact_email": guardian.email,
            "Contact_sis_id": guardian.sourced_id,
        }
        for at, guardian in enumerate(student.guardians)
    ]


# One table


def _firstcard_csv(district: District) -> Sample:
    """The FirstCard CSV."""
    file = "firstcard_csv.csv"
    sheets = {file: Sheet.read(canonical_csv(district))}
    fields = {name: (name,) for name in ("student_id", "last_name", "first_name", "birth_date", "grade", "school_id")}
    students = records_of(sheets, file, fields, lambda row: row["role"] == "student" and not row["opt_out"])
    return Sample(file, sheets, students, len(district.students) + len(district.staff), packed=",", lists_schools=False)


def _powerschool(district: District) -> Sample:
    """PowerSchool AutoComm: tab-delimited, native names of the Students table, grades as numbers."""
    return _table(
        "powerschool.txt",
        district,
        "\t",
        {"student_id": "Student_Number", "birth_date": "DOB", "grade": "Grade_Level", "last_name": "Last_Name", "first_name": "First_Name"},
        lambda n, student, school: {
            "Student_Number": student.local_id,
            "Last_Name": student.last_name,
            "First_Name": student.first_name,
            "Middle_Name": student.middle_name,
            "Grade_Level": _POWERSCHOOL_GRADES[student.grade],
            "DOB": _us_date(student.birth_date),
            "SchoolID": school.number,
            "State_StudentNumber": student.state_id,
            "Enroll_Status": "0",
        },
    )


def _infinite_campus(district: District) -> Sample:
    """An Infinite Campus ad hoc export: names of the query wizard's fields."""
    return _table(
        "infinite_campus.csv",
        district,
        ",",
        {
            "student_id": "student.studentNumber",
            "birth_date": "student.birthdate",
            "grade": "student.grade",
            "last_name": "student.lastName",
            "first_name": "student.firstName",
        },
        lambda n, student, school: {
            "student.studentNumber": student.local_id,
            "student.stateID": student.state_id,
            "student.lastName": student.last_name,
            "student.firstName": student.first_name,
            "student.middleName": student.middle_name,
            "student.suffix": student.suffix,
            "student.gender": "FM"[n % 2],
            "student.birthdate": _us_date(student.birth_date),
            "student.grade": student.grade,
            "student.homePrimaryLanguage": student.language,
            "sch.number": school.number,
            "sch.name": school.name,
        },
    )


def _doe_stn(district: District) -> Sample:
    """The layout of Indiana's student test numbers, which has no grade."""
    return _table(
        "doe_stn.csv",
        district,
        ",",
        {"student_id": "STN", "birth_date": "Birth Date", "last_name": "Last", "first_name": "First"},
        lambda n, student, school: {
            "School Number": school.number,
            "STN": student.local_id.zfill(9),
            "Last": student.last_name,
            "First": student.first_name,
            "Middle": student.middle_name,
            "Suffix": student.suffix,
            "Language Code": student.language,
            "Gender": "FM"[n % 2],
            "Birth Date": _us_date(student.birth_date),
            "Ethnicity/Race": str(1 + n * 3 % 7),
        },
    )


def _sds_1(district: District) -> Sample:
    """Student.csv of Microsoft School Data Sync, version 1, in a zip."""
    table = _table(
        "student.csv",
        district,
        ",",
        {"student_id": "SIS ID", "birth_date": "Birthdate", "grade": "Grade", "last_name": "Last Name", "first_name": "First Name"},
        lambda n, student, school: {
            "SIS ID": student.local_id,
            "School SIS ID": school.number,
            "First Name": student.first_name,
            "Last Name": student.last_name,
            "Middle Name": student.middle_name,
            "Grade": student.grade,
            "Birthdate": f"{student.birth_date.month}/{student.birth_date.day}/{student.birth_date.year}",
            "Status": "Active",
            "Graduation Year": "",
        },
    )
    return replace(table, file_name="sds_1.zip", packed="zip")


def _table(
    file: str,
    district: District,
    packed: Literal[",", "\t"],
    fields: Mapping[str, str],
    row_of: Callable[[int, Student, School], dict[str, str]],
) -> Sample:
    """A form of one file that has students only."""
    schools = {school.sourced_id: school for school in district.schools}
    rows = [row_of(n, student, schools[student.school]) for n, student in enumerate(district.students)]
    sheets = {file: Sheet.of(tuple(rows[0]), rows)}
    students = records_of(sheets, file, {name: (header,) for name, header in fields.items()}, lambda row: True)
    return Sample(file, sheets, students, len(rows), packed=packed, lists_schools=False)


def _us_date(day: date) -> str:
    return f"{day:%m/%d/%Y}"


FORMS: dict[str, Callable[[District], Sample]] = {
    "firstcard_csv": _firstcard_csv,
    "oneroster_1_1": _oneroster_1_1,
    "oneroster_1_2": _oneroster_1_2,
    "sds_1": _sds_1,
    "sds_2_1": _sds_2_1,
    "clever": _clever,
    "powerschool": _powerschool,
    "infinite_campus": _infinite_campus,
    "doe_stn": _doe_stn,
}
"""The forms by the word that a reading calls them by. Faults are planted by ``plant`` in what these give."""
