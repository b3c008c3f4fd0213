"""The export that the district's student system writes: a OneRoster 1.1 bulk zip (1EdTech OneRoster 1.1 CSV binding).

The district's own id of a student or an employee, the one on its id cards, is ``identifier``; ``sourcedId`` is the student system's row key.
What OneRoster 1.1 has no column for is in ``metadata.homeLanguage`` (BCP 47), ``metadata.optOut`` and ``metadata.contactRestricted`` (``true`` or blank), ``metadata.stateId``.
As real exports do, this one also carries columns no library may have: ``demographics.csv`` with sex, race and country of birth, and a ``password`` column.
"""

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Literal

from local.district.people import District, School, Staff, Student

HEADERS: dict[str, tuple[str, ...]] = {
    "manifest.csv": ("propertyName", "value"),
    "academicSessions.csv": (
        "sourcedId", "status", "dateLastModified", "title", "type", "startDate", "endDate", "parentSourcedId", "schoolYear",
    ),
    "orgs.csv": ("sourcedId", "status", "dateLastModified", "name", "type", "identifier", "parentSourcedId"),
    "courses.csv": (
        "sourcedId", "status", "dateLastModified", "schoolYearSourcedId", "title", "courseCode", "grades", "orgSourcedId", "subjects", "subjectCodes",
    ),
    "classes.csv": (
        "sourcedId", "status", "dateLastModified", "title", "grades", "courseSourcedId", "classCode", "classType", "location", "schoolSourcedId",
        "termSourcedIds", "subjects", "subjectCodes", "periods",
    ),
    "users.csv": (
        "sourcedId", "status", "dateLastModified", "enabledUser", "orgSourcedIds", "role", "username", "userIds", "givenName", "familyName", "middleName",
        "identifier", "email", "sms", "phone", "agentSourcedIds", "grades", "password",
        "metadata.homeLanguage", "metadata.optOut", "metadata.contactRestricted", "metadata.stateId",
    ),
    "enrollments.csv": (
        "sourcedId", "status", "dateLastModified", "classSourcedId", "schoolSourcedId", "userSourcedId", "role", "primary", "beginDate", "endDate",
    ),
    "demographics.csv": (
        "sourcedId", "status", "dateLastModified", "birthDate", "sex", "americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican",
        "nativeHawaiianOrOtherPacificIslander", "white", "demographicRaceTwoOrMoreRaces", "hispanicOrLatinoEthnicity", "countryOfBirthCode",
        "stateOfBirthAbbreviation", "cityOfBirth", "publicSchoolResidenceStatus",
    ),
}  # fmt: skip
"""The header of each file of the zip, in the order of the specification."""

_RACES = HEADERS["demographics.csv"][5:11]
Row = dict[str, str]


def oneroster_zip(district: District, *, refused: Literal["marked", "bare"] = "marked") -> bytes:
    """The district's bulk export; the same district gives the same bytes.

    ``refused`` says how children appear whose families said no: ``marked`` as everybody else with the opt-out flag set, ``bare`` with their ids and
    the flag and nothing more, as directory information demands (34 CFR 99.37).
    """
    if refused == "bare":
        district = replace(
            district, students=tuple(replace(student, guardians=()) if student.opt_out else student for student in district.students)
        )
    year = district.today.year if district.today.month >= 7 else district.today.year - 1
    begins, ends = date(year, 8, 11), date(year + 1, 6, 5)
    classes = _Classes(district, year, refused)
    files: dict[str, Iterable[Row]] = {
        "manifest.csv": _manifest(),
        "academicSessions.csv": _sessions(year, begins, ends),
        "orgs.csv": _orgs(district),
        "courses.csv": classes.courses(),
        "classes.csv": classes.classes(),
        "users.csv": _users(district, refused),
        "enrollments.csv": classes.enrollments(begins, ends),
        "demographics.csv": _demographics(district, refused),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in files.items():
            # A zip entry's time stamp is the only thing that would differ between two exports of the same people.
            archive.writestr(
                zipfile.ZipInfo(name, (district.today.year, district.today.month, district.today.day, 2, 0, 0)),
                _csv(name, rows),
                zipfile.ZIP_DEFLATED,
            )
    return packed.getvalue()


def _csv(name: str, rows: Iterable[Row]) -> bytes:
    header = HEADERS[name]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([row.get(column, "") for column in header] for row in rows)
    return text.getvalue().encode()


def _manifest() -> Iterable[Row]:
    yield {"propertyName": "manifest.version", "value": "1.0"}
    yield {"propertyName": "oneroster.version", "value": "1.1"}
    listed = (
        "academicSessions",
        "categories",
        "classes",
        "classResources",
        "courses",
        "courseResources",
        "demographics",
        "enrollments",
        "lineItems",
    )
    for name in (*listed, "orgs", "users", "resources", "results"):
        yield {"propertyName": f"file.{name}", "value": "bulk" if f"{name}.csv" in HEADERS else "absent"}
    yield {"propertyName": "source.systemName", "value": "Synthetic student system"}


def _sessions(year: int, begins: date, ends: date) -> Iterable[Row]:
    halves = (("fall", begins, date(year, 12, 18)), ("spring", date(year + 1, 1, 5), ends))
    whole = f"year-{year + 1}"
    yield _session(whole, f"{year}-{year + 1} School Year", "schoolYear", begins, ends, "", year)
    for name, start, end in halves:
        yield _session(f"{name}-{year + 1}", f"{name.title()} semester", "semester", start, end, whole, year)


def _session(sourced_id: str, title: str, kind: str, start: date, end: date, parent: str, year: int) -> Row:
    return {
        "sourcedId": sourced_id,
        "title": title,
        "type": kind,
        "startDate": start.isoformat(),
        "endDate": end.isoformat(),
        "parentSourcedId": parent,
        "schoolYear": str(year + 1),
    }


def _orgs(district: District) -> Iterable[Row]:
    yield {"sourcedId": district.org_id, "name": district.name, "type": "district", "identifier": district.slug}
    for school in district.schools:
        yield {
            "sourcedId": school.sourced_id,
            "name": school.name,
            "type": "school",
            "identifier": school.number,
            "parentSourcedId": district.org_id,
        }


def _users(district: District, refused: str) -> Iterable[Row]:
    bare = refused == "bare"
    yield from (_bare(student) if bare and student.opt_out else _student(student, district.slug) for student in district.students)
    yield from (_staff(person) for person in district.staff)
    children: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for student in district.students:
        for guardian in student.guardians:
            children[guardian.sourced_id][student.sourced_id] = student.school
    for guardian in district.guardians:
        yield {
            "sourcedId": guardian.sourced_id,
            "enabledUser": "true",
            "orgSourcedIds": ",".join(dict.fromkeys(children[guardian.sourced_id].values())),
            "role": "guardian",
            "username": guardian.sourced_id,
            "givenName": guardian.given_name,
            "familyName": guardian.family_name,
            "email": guardian.email,
            "phone": guardian.phone,
            "agentSourcedIds": ",".join(children[guardian.sourced_id]),
        }


def _student(student: Student, district: str) -> Row:
    return {
        "sourcedId": student.sourced_id,
        "enabledUser": "true",
        "orgSourcedIds": student.school,
        "role": "student",
        "username": student.local_id,
        "userIds": f"{{SIS:{student.sourced_id}}},{{State:{student.state_id}}}",
        "givenName": student.first_name,
        "familyName": f"{student.last_name} {student.suffix}".strip() if student.last_name else "",
        "middleName": student.middle_name,
        "identifier": student.local_id,
        "email": f"{student.local_id}@students.{district}.example.org" if student.local_id.isascii() else "",
        "agentSourcedIds": ",".join(guardian.sourced_id for guardian in student.guardians),
        "grades": student.grade,
        "metadata.homeLanguage": student.language,
        "metadata.optOut": "true" if student.opt_out else "",
        "metadata.contactRestricted": "true" if student.contact_restricted else "",
        "metadata.stateId": student.state_id,
    }


def _bare(student: Student) -> Row:
    return {
        "sourcedId": student.sourced_id,
        "enabledUser": "true",
        "role": "student",
        "identifier": student.local_id,
        "metadata.optOut": "true",
    }


def _staff(person: Staff) -> Row:
    return {
        "sourcedId": person.sourced_id,
        "enabledUser": "true",
        "orgSourcedIds": person.school,
        "role": person.role,
        "username": person.email,
        "givenName": person.first_name,
        "familyName": person.last_name,
        "identifier": person.local_id,
        "email": person.email,
    }


def _demographics(district: District, refused: str) -> Iterable[Row]:
    """Birth dates, and the columns beside them that every student system fills in and no library may read."""
    seen: set[str] = set()
    for n, student in enumerate(district.students):
        if student.sourced_id in seen or (student.opt_out and refused == "bare"):
            continue
        seen.add(student.sourced_id)
        race = _RACES[n * 7 % len(_RACES)]
        yield {
            "sourcedId": student.sourced_id,
            "birthDate": student.birth_date.isoformat(),
            "sex": ("female", "male")[n * 5 % 7 % 2],
            **dict.fromkeys(_RACES, "false"),
            race: "true",
            "hispanicOrLatinoEthnicity": "true" if student.language == "es" else "false",
            "countryOfBirthCode": "US" if n % 9 else "",
        }


class _Classes:
    """One course a grade, one class a homeroom, and who is in it; damaged rows are in none, so that each costs one row and no more."""

    def __init__(self, district: District, year: int, refused: str) -> None:
        self._district = district
        self._year = f"year-{year + 1}"
        self._terms = f"fall-{year + 1},spring-{year + 1}"
        self._rooms: defaultdict[tuple[str, str, str], list[Student]] = defaultdict(list)
        for student in district.students:
            if student.damage is None and not (student.opt_out and refused == "bare"):
                self._rooms[student.school, student.grade, student.homeroom].append(student)

    def courses(self) -> Iterable[Row]:
        for grade in sorted({grade for _, grade, _ in self._rooms}):
            yield {
                "sourcedId": f"course-{grade}",
                "schoolYearSourcedId": self._year,
                "title": f"Homeroom {grade}",
                "courseCode": f"HR{grade}",
                "grades": grade,
                "orgSourcedId": self._district.org_id,
            }

    def classes(self) -> Iterable[Row]:
        for school, grade, homeroom in sorted(self._rooms):
            yield {
                "sourcedId": _class_id(school, homeroom),
                "title": f"Homeroom {homeroom}",
                "grades": grade,
                "courseSourcedId": f"course-{grade}",
                "classCode": f"HR{homeroom}",
                "classType": "homeroom",
                "schoolSourcedId": school,
                "termSourcedIds": self._terms,
            }

    def enrollments(self, begins: date, ends: date) -> Iterable[Row]:
        teachers = _teachers(self._district.schools, self._district.staff)
        dates = {"beginDate": begins.isoformat(), "endDate": ends.isoformat()}
        for n, ((school, _, homeroom), students) in enumerate(sorted(self._rooms.items(), key=lambda room: room[0])):
            class_id = _class_id(school, homeroom)
            members = [(student.sourced_id, "student", "false") for student in students]
            if teachers[school]:
                members.append((teachers[school][n % len(teachers[school])].sourced_id, "teacher", "true"))
            for person, role, primary in members:
                yield {
                    "sourcedId": f"{class_id}-{person}",
                    "classSourcedId": class_id,
                    "schoolSourcedId": school,
                    "userSourcedId": person,
                    "role": role,
                    "primary": primary,
                    **dates,
                }


def _class_id(school: str, homeroom: str) -> str:
    return f"{school}-{homeroom}"


def _teachers(schools: Sequence[School], staff: Sequence[Staff]) -> dict[str, list[Staff]]:
    return {
        school.sourced_id: [person for person in staff if person.school == school.sourced_id and person.role == "teacher"]
        for school in schools
    }
