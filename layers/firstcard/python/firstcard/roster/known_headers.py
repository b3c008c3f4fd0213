"""Table exports of other systems, known by their column names without any mapping in the agreement: one table a system, header -> field.

Adding a system is adding a ``System`` to ``SYSTEMS``. Names are compared without regard to case and without the system's own prefix. Where the agreement
maps a field, its mapping is asked instead of the table here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from firstcard.roster.reading import RefusedError
from firstcard.roster.reasons import Reason
from firstcard.roster.text import Table

_DISTINCTIVE = 3
"""So many names that are a system's own, its id among them, make a table one of its exports."""

_WHOLE_NUMBER = re.compile(r"[+-]?\d+")


@dataclass(frozen=True, slots=True)
class System:
    """How one system names its columns.

    ``shared`` are those of its names that other forms use too: they are read but tell nothing. ``prefix`` is what may stand before any name.
    ``students_only`` are names of which a table of students has one at least, where the system names its tables of teachers alike.
    ``values`` brings a field's own code into the words of the FirstCard form.
    """

    format: str
    columns: Mapping[str, str]
    shared: frozenset[str] = frozenset()
    students_only: frozenset[str] = frozenset()
    prefix: re.Pattern[str] | None = None
    values: Mapping[str, Callable[[str], str]] = field(default_factory=dict)

    def headers_in(self, table: Table) -> dict[str, str]:
        """The fields that the table brings, each with the header as it stands in the file. Raises RefusedError for a column that stands there twice."""
        places = {name.lower(): name for name in self.columns}
        found: dict[str, str] = {}
        for header in table.header:
            if name := places.get(self._bare(header)):
                if self.columns[name] in found:
                    raise RefusedError(Reason.DUPLICATE_HEADER, table.file, 1, name)
                found[self.columns[name]] = header
        return found

    def tells(self, table: Table) -> int:
        """How many of the table's headers only this system uses; 0 without its id."""
        own = {name.lower(): name for name in self.columns if name not in self.shared}
        seen = {own[bare] for header in table.header if (bare := self._bare(header)) in own}
        return len(seen) if any(self.columns[name] == "student_id" for name in seen) else 0

    def of_students(self, table: Table) -> bool:
        """Whether the headers say that the table is of students, where they must say so at all."""
        return not self.students_only or not self.students_only.isdisjoint(table.header)

    def names(self, table: Table) -> dict[str, str]:
        """The header of each field: as it stands in the table, else as the system calls it."""
        return {name: header for header, name in self.columns.items()} | self.headers_in(table)

    def _bare(self, header: str) -> str:
        # Not casefold, which takes other letters for ours.
        return (self.prefix.sub("", header) if self.prefix else header).lower()


def _powerschool_grade(cell: str) -> str:
    """Grade_Level is a number: 0 is kindergarten, what is below comes before it."""
    value = cell.strip(" \t")
    if not _WHOLE_NUMBER.fullmatch(value) or len(value) > 3:
        return cell
    number = int(value)
    return "PK" if number < 0 else "KG" if number == 0 else f"{number:02}"


def _powerschool_status(cell: str) -> str:
    """Enroll_Status is a number: 0 is enrolled, every other one (registered ahead, inactive, transferred, graduated, historical) is not."""
    value = cell.strip(" \t")
    if not _WHOLE_NUMBER.fullmatch(value) or len(value) > 3:
        return cell
    return "inactive" if int(value) else "active"


POWERSCHOOL = System(
    "powerschool",
    {
        "Student_Number": "student_id",
        "State_StudentNumber": "state_id",
        "Last_Name": "last_name",
        "First_Name": "first_name",
        "Middle_Name": "middle_name",
        "DOB": "birth_date",
        "Grade_Level": "grade",
        "SchoolID": "school_id",
        "Enroll_Status": "enrollment_status",
        "Home_Room": "homeroom",
        "GuardianEmail": "guardian_email",
        "Street": "street",
        "City": "city",
        "State": "region",
        "Zip": "postal_code",
        "Home_Phone": "phone",
    },
    shared=frozenset({"Last_Name", "First_Name", "Middle_Name", "Street", "City", "State", "Zip"}),
    # Table 01 is Students; another table's First_Name is another person's.
    prefix=re.compile(r"(?:\[0?1\]|\[?students[\].])", re.IGNORECASE),
    values={"grade": _powerschool_grade, "enrollment_status": _powerschool_status},
)
"""PowerSchool AutoComm, Quick Export and Data Export Manager: field names of the Students table."""

INFINITE_CAMPUS = System(
    "infinite_campus",
    {
        "student.studentNumber": "student_id",
        "student.stateID": "state_id",
        "student.lastName": "last_name",
        "student.firstName": "first_name",
        "student.middleName": "middle_name",
        "student.suffix": "suffix",
        "student.birthdate": "birth_date",
        "student.grade": "grade",
        "student.homePrimaryLanguage": "home_language",
        "sch.number": "school_id",
        "sch.name": "school_name",
    },
)
"""Infinite Campus ad hoc exports: the names of the query wizard's fields."""

DOE_STN = System(
    "doe_stn",
    {
        "School Number": "school_id",
        "STN": "student_id",
        "Last": "last_name",
        "First": "first_name",
        "Middle": "middle_name",
        "Suffix": "suffix",
        "Language Code": "home_language",
        "Birth Date": "birth_date",
    },
    shared=frozenset({"Suffix"}),
)
"""The layout in which Indiana's Department of Education gives out student test numbers; its gender and ethnicity are not for us."""

SDS_1 = System(
    "sds_1",
    {
        "SIS ID": "student_id",
        "School SIS ID": "school_id",
        "Last Name": "last_name",
        "First Name": "first_name",
        "Middle Name": "middle_name",
        "Birthdate": "birth_date",
        "Grade": "grade",
        "Status": "enrollment_status",
        "State ID": "state_id",
    },
    shared=frozenset({"Grade", "Status", "State ID"}),
    students_only=frozenset({"Grade", "Birthdate", "Graduation Year", "Student Number"}),
)
"""Student.csv of Microsoft School Data Sync, version 1."""

SYSTEMS = (POWERSCHOOL, INFINITE_CAMPUS, DOE_STN, SDS_1)

NAMES = frozenset(name for system in SYSTEMS for name in system.columns)
"""Every name of every system, as it is usually written."""


def system_of(table: Table, *, of_students: bool = False) -> System | None:
    """The system whose export of students the table is by its headers; None where it is none that is known.

    ``of_students`` says that it is known already that the table is of students.
    """
    best = max(SYSTEMS, key=lambda system: system.tells(table))
    return best if best.tells(table) >= _DISTINCTIVE and (of_students or best.of_students(table)) else None
