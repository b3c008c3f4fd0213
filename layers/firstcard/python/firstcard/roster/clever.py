"""Clever's SFTP files: students.csv with schools.csv in a zip, or one loose students.csv; teachers.csv and staff.csv where staff get cards.

Headers are those of Clever's SFTP specification 2.1.1 and of its sandbox of 2015. They are matched without regard to case, in any order, and stand in the
problems as the specification writes them. The agreement's mapping may name another header of students.csv for a field (``student_id: Student_number``);
in a zip, ``school_id`` and ``school_name`` name one of schools.csv. In teachers.csv and staff.csv a mapped header counts where it is there, but never for
the id. A field that Clever has no column for (``opt_out``, ``homeroom``) is read from a column of that very name.

**Rows.** students.csv repeats a student's row once for each contact and each school. Rows that differ only there are one student; every row of students.csv,
teachers.csv and staff.csv is counted, and each but one of such a person as an excluded duplicate, without a warning, since the form asks for them. Rows of one
id that differ in anything else that is read are rejected (DUPLICATE_ID). Rows of schools.csv are not counted.

**Contact.** Of a student's contacts the one whose ``Contact_type`` has the word primary, guardian or parent; then one with an e-mail address; then the first. Who is there for emergencies only is nobody's guardian, and is told nothing.
One whose e-mail address, name or phone cannot be trusted is not used.

**School.** Of several the first that the agreement rolls out to, else the first that schools.csv holds; only where it holds none is the row rejected.

**Staff.** A person of staff.csv is one of teachers.csv under the same id and name, or under an e-mail address that one person of each file has. The row of
teachers.csv counts; a no in either is kept. The same id under two names is rejected (DUPLICATE_ID). Where the agreement has no staff, their rows are
excluded unread.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from firstcard.roster import canonical, values
from firstcard.roster.archive import Archive
from firstcard.roster.bundle import Bundle
from firstcard.roster.headers import Columns, choose
from firstcard.roster.person import Person, Role
from firstcard.roster.reading import DroppedColumn, Exclusion, Reading, RefusedError
from firstcard.roster.reasons import REASONS, Problem, Reason
from firstcard.roster.terms import Terms
from firstcard.roster.text import Table
from firstcard.roster.validate import Draft, Validator, fields_of

FORMAT = "clever"

STUDENTS = (
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
TEACHERS = (
    *("School_id", "Teacher_id", "Teacher_number", "State_teacher_id", "Last_name", "Middle_name", "First_name", "Teacher_email", "Title"),
    *("Username", "Password"),
)
STAFF = ("School_id", "Staff_id", "Staff_email", "First_name", "Last_name", "Department", "Title", "Role", "Username", "Password")
SCHOOLS = (
    *("School_id", "School_name", "School_number", "State_id", "Nces_id", "Low_grade", "High_grade", "Principal", "Principal_email"),
    *("School_address", "School_city", "School_state", "School_zip", "School_phone"),
)

_NAMES = {"last_name": "Last_name", "first_name": "First_name", "middle_name": "Middle_name"}
_OF_SCHOOLS = {"school_id": "School_id", "school_name": "School_name"}
_OF_STUDENTS = _NAMES | {
    "student_id": "Student_id",
    "state_id": "State_id",
    "grade": "Grade",
    "birth_date": "DOB",
    "home_language": "Home_language",
    "student_email": "Student_email",
    "street": "Student_street",
    "city": "Student_city",
    "region": "Student_state",
    "postal_code": "Student_zip",
    "guardian_name": "Contact_name",
    "guardian_email": "Contact_email",
    "phone": "Contact_phone",
}
_OF_TEACHERS = _NAMES | {"student_id": "Teacher_id", "staff_email": "Teacher_email"}
_OF_STAFF = _NAMES | {"student_id": "Staff_id", "staff_email": "Staff_email"}

_TELLING = frozenset(name.casefold() for name in STUDENTS if "_" in name)
"""The names that tell students.csv from other forms; Grade, Username and the like stand in many."""
_FIRST_CONTACTS = frozenset({"primary", "guardian", "parent"})
_US_DATE = re.compile(r"\s*(\d{1,2})/(\d{1,2})/(\d{4})\s*")


@dataclass(frozen=True, slots=True)
class School:
    """A school under the id and the name that the agreement takes from the files."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class _Contact:
    """One contact of a student that can be used; ``draft`` is that of its row."""

    line: int
    first: bool
    cells: Mapping[str, str]
    draft: Draft


@dataclass(slots=True)
class _One:
    """All rows of one person: a draft for each different content, the schools, and the contacts."""

    drafts: dict[tuple[str, ...], Draft] = field(default_factory=dict)
    schools: list[tuple[str, str]] = field(default_factory=list)
    contacts: list[_Contact] = field(default_factory=list)

    def names(self) -> set[tuple[str, ...]]:
        """Last and first names, as people compare them."""
        return {
            tuple(" ".join(draft.values.get(name, "").split()).casefold() for name in ("last_name", "first_name"))
            for draft in self.drafts.values()
        }


_People = dict[str | int, _One]
"""The persons of one file by id; by line where the id cannot be read."""


@dataclass(slots=True)
class _Source:
    """One file of people and where each agreed field stands in it."""

    role: Role
    columns: Columns
    headers: Mapping[str, str]
    at: Mapping[str, int]
    people: _People = field(default_factory=dict)
    wrong_width: list[int] = field(default_factory=list)

    @property
    def file(self) -> str:
        """The file's name."""
        return self.columns.table.file


class _Validator(Validator):
    """A validator that goes from file to file: what it says of a person names that person's file."""

    def __init__(self, terms: Terms, sources: Iterable[_Source], today: date) -> None:
        self._headers = {source.file: {name: (source.file, header) for name, header in source.headers.items()} for source in sources}
        file, columns = next(iter(self._headers.items()))
        super().__init__(terms, file=file, columns=columns, today=today)

    def turn_to(self, file: str) -> None:
        """The rows that follow are of this file."""
        self.file, self._columns = file, self._headers[file]

    def _add(self, person: Person) -> None:
        self.turn_to(person.file)
        super()._add(person)

    def _reject_duplicate(self, person: Person) -> None:
        here = self.file
        self.turn_to(person.file)
        super()._reject_duplicate(person)
        self.turn_to(here)


# What is Clever's


def looks_like(table: Table, terms: Terms) -> bool:
    """Whether a loose CSV is a students.csv: Clever's form knows more of its columns than our own does under the agreement's mapping.

    Where both know the same columns, the one counts that spells more of them as the file does.
    """
    return _tells(table) and _score(table, STUDENTS) > _score(table, canonical.known_names(terms))


def is_bundle(archive: Archive) -> bool:
    """Whether an archive has the names of Clever's files."""
    return "students.csv" in archive or "schools.csv" in archive


def _tells(table: Table) -> bool:
    names = {name.casefold() for name in table.header}
    return len(names & _TELLING) >= canonical.RECOGNISED_BY and not names.isdisjoint(("school_id", "student_id"))


def _score(table: Table, names: Iterable[str]) -> tuple[int, int]:
    """How many of the header's names are known without regard to case, and with it."""
    known = frozenset(names)
    return len({name.casefold() for name in table.header} & {name.casefold() for name in known}), len(known.intersection(table.header))


# Reading


def read(table: Table, terms: Terms, today: date) -> Reading:
    """Read a loose students.csv; raises RefusedError where nothing of it can be used."""
    source = _open(table, Role.STUDENT, _OF_STUDENTS | _OF_SCHOOLS, STUDENTS, terms)
    return _read([source], None, list(table.problems), [], terms, today)


def read_archive(archive: Archive, terms: Terms, today: date) -> Reading:
    """Read the zip; raises RefusedError where nothing of it can be used."""
    bundle = Bundle(archive, terms)
    if "students.csv" not in archive:
        raise RefusedError(Reason.MISSING_FILE, "students.csv")
    table = bundle.table("students.csv", STUDENTS)
    if not _tells(table):
        raise RefusedError(Reason.UNKNOWN_FORMAT, "students.csv", 1)
    if "schools.csv" not in archive:
        raise RefusedError(Reason.MISSING_FILE, "schools.csv")
    schools = _read_schools(bundle)
    sources = [_open(table, Role.STUDENT, _OF_STUDENTS, STUDENTS, terms, joined=True)]
    for file, names, known in (("teachers.csv", _OF_TEACHERS, TEACHERS), ("staff.csv", _OF_STAFF, STAFF)):
        if file in archive:
            sources.append(_open(bundle.table(file, known), Role.STAFF, names, known, terms, joined=True))
    reading = _read(sources, schools, bundle.problems, bundle.dropped, terms, today)
    return replace(reading, dropped=(*reading.dropped, *bundle.unread()))


def _respelt(table: Table, known: Iterable[str], terms: Terms) -> tuple[Table, dict[str, str]]:
    """The table with its headers as the specification spells them, else the mapping or our own form; and the spellings by small letters."""
    spelt = {name.casefold(): name for name in (*canonical.COLUMNS, *terms.mapping.values(), *known)}
    return replace(table, header=tuple(spelt.get(name.casefold(), name) for name in table.header)), spelt


def _read_schools(bundle: Bundle) -> dict[str, School]:
    """schools.csv by School_id, the first of each; raises RefusedError(WRONG_DISTRICT) where none of its ids is one of the agreement's."""
    terms = bundle.terms
    table, spelt = _respelt(bundle.table("schools.csv", SCHOOLS), SCHOOLS, terms)
    agreed = {name: spelt[terms.mapping.get(name, header).casefold()] for name, header in _OF_SCHOOLS.items() if terms.reads(name)}
    columns = choose(
        table,
        ["School_id", "School_number", "State_id", *agreed.values()],
        required=frozenset({"School_id", *agreed.values()}),
        known=frozenset(spelt.values()),
        terms=terms,
    )
    at = {header: place for place, header in enumerate(columns.places)}
    id_at, name_at = at[agreed.get("school_id", "School_id")], at.get(agreed.get("school_name", ""))
    ids = [at[header] for header in ("School_id", "School_number", "State_id") if header in at]
    schools: dict[str, School] = {}
    home = not terms.organisations
    wrong: list[int] = []
    for line, cells, _ in columns.rows(bundle.problems, wrong):
        home = home or any(cells[place].strip() in terms.organisations for place in ids)
        name, reasons = values.text(cells[name_at]) if name_at is not None else ("", ())
        bundle.problems += [Problem("schools.csv", line, agreed["school_name"], reason) for reason in reasons]
        schools.setdefault(cells[at["School_id"]].strip(), School(cells[id_at].strip(), name))
    bundle.problems += [Problem("schools.csv", line, "", Reason.ROW_WIDTH) for line in wrong]
    bundle.finish(columns)
    if schools and not home:
        raise RefusedError(Reason.WRONG_DISTRICT, "schools.csv")
    return schools


def _open(table: Table, role: Role, brings: Mapping[str, str], known: Iterable[str], terms: Terms, *, joined: bool = False) -> _Source:
    """Choose the columns of a file of people. ``brings`` are its fields.

    ``joined`` says that the schools come from schools.csv: then the mapping of ``school_id`` and ``school_name`` is about that file, and School_id joins.
    """
    table, spelt = _respelt(table, known, terms)
    staff = role is Role.STAFF
    if staff and not terms.staff:
        return _Source(role, choose(table, (), required=frozenset(), known=frozenset(spelt.values()), terms=terms), {}, {})
    headers: dict[str, str] = {}
    required: set[str] = set()
    needed = {"student_id", *terms.required(role)} | ({"opt_out"} if terms.fields.get("opt_out") or "opt_out" in terms.mapping else set())
    for name in sorted(fields_of(role, terms) - (_OF_SCHOOLS.keys() if joined else set())):
        mapped = spelt.get(terms.mapping.get(name, "").casefold(), "")
        if staff and (name == "student_id" or mapped not in table.header):
            mapped = ""
        header = mapped or brings.get(name) or spelt[name]
        if name in brings or mapped or header in table.header or name == "opt_out" or (name in needed and not staff):
            headers[name] = header
            if name in needed and (not staff or name in brings):
                required.add(header)
    if terms.schools is not None or (joined and any(terms.reads(name) for name in _OF_SCHOOLS)):
        headers.setdefault("school_id", "School_id")
        required.add(headers["school_id"])
    wanted = list(headers.values())
    contacts = _contacts_of(headers)
    if contacts:
        wanted.append("Contact_type")
    columns = choose(table, wanted, required=frozenset(required), known=frozenset(spelt.values()), terms=terms)
    order = {header: place for place, header in enumerate(columns.places)}
    at = {name: order[header] for name, header in headers.items() if header in order}
    if contacts and "Contact_type" in order:
        at["contact_type"] = order["Contact_type"]
    return _Source(role, columns, headers, at)


def _contacts_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The fields that stand in the columns of a contact."""
    return tuple(name for name in ("guardian_name", "guardian_email", "phone") if headers.get(name, "").startswith("Contact_"))


def _read(
    sources: list[_Source],
    schools: Mapping[str, School] | None,
    problems: list[Problem],
    dropped: list[DroppedColumn],
    terms: Terms,
    today: date,
) -> Reading:
    """Read the rows of all files, find the persons among them, and check each."""
    validator = _Validator(terms, sources, today)
    validator.problems += problems
    students = sources[0]
    for source in sources:
        validator.turn_to(source.file)
        if source.role is Role.STAFF and not terms.staff:
            _pass_over(source, validator)
        else:
            _collect(source, validator)
        source.columns.findings(terms, validator.problems)
        dropped += source.columns.report()
        if source is students and not (validator.rows or source.people or source.wrong_width):
            raise RefusedError(Reason.EMPTY_BULK, source.file)
    if schools is None and terms.organisations:
        ids = {school for one in students.people.values() for school, _ in one.schools if school}
        if ids and not ids & terms.organisations:
            raise RefusedError(Reason.WRONG_DISTRICT, students.file, column=students.headers["school_id"])
    if len(sources) == 3 and terms.staff:
        _join(sources[1], sources[2], validator)
    for source in sources:
        validator.turn_to(source.file)
        for one in source.people.values():
            _check(one, schools, validator)
        validator.wrong_width(source.wrong_width)
    return validator.reading(FORMAT, tuple(dropped))


def _pass_over(source: _Source, validator: Validator) -> None:
    """Count the rows of staff whom nobody asked for; of their cells only the forbidden ones are looked at, for emptiness."""
    wrong: list[int] = []
    for _ in source.columns.rows(validator.problems, wrong):
        validator.exclude(Exclusion.STAFF)
    for _ in wrong:
        validator.exclude(Exclusion.STAFF)


def _collect(source: _Source, validator: Validator) -> None:
    """Put the rows of a file together by person; rows whose flag decides alone are done with at once."""
    at, role, terms = source.at, source.role, validator.terms
    contact_fields = _contacts_of(source.headers)
    apart = {*contact_fields, *_OF_SCHOOLS, "contact_type", "opt_out"}
    content = [(name, place) for name, place in at.items() if name not in apart]
    id_at, flag_at, school_at, name_at = at["student_id"], at.get("opt_out"), at.get("school_id"), at.get("school_name")
    bare = {source.columns.places[source.headers[name]] for name in ("student_id", "opt_out") if name in at}
    for line, cells, row in source.columns.rows(validator.problems, source.wrong_width):
        refused, reasons = values.flag(cells[flag_at]) if flag_at is not None else (False, ())
        if refused and terms.route == "before_upload":
            full = any(cell.strip() for place, cell in enumerate(row) if place not in bare)
            validator.refused(line, role, cells[id_at], [("opt_out", Reason.FULL_ROW_OF_REFUSED)] if full else [])
            continue
        if reasons:
            validator.reject(line, "opt_out", Reason.BAD_FLAG, role=role, raw_id=cells[id_at])
            continue
        raw = {name: cells[place] for name, place in content}
        if "birth_date" in raw:
            raw["birth_date"] = _iso(raw["birth_date"])
        if refused:
            raw["opt_out"] = "yes"
        local_id, faults = values.code(cells[id_at])
        one = source.people.setdefault(line if faults or not local_id else local_id, _One())
        told = tuple(raw.values())
        if told in one.drafts:
            validator.exclude(Exclusion.DUPLICATE)
        else:
            one.drafts[told] = Draft(line, role, raw, word="teacher" if source.file == "teachers.csv" else str(role))
        school = (cells[school_at].strip() if school_at is not None else "", cells[name_at] if name_at is not None else "")
        if any(school):
            one.schools.append(school)
        if contact_fields:
            kind = cells[at["contact_type"]] if "contact_type" in at else ""
            contact = _contact(line, {name: cells[at[name]] for name in contact_fields if name in at}, source, validator)
            if contact:
                words = re.findall(r"[a-z]+", kind.lower())
                first = not _FIRST_CONTACTS.isdisjoint(words)
                if first or "emergency" not in words:
                    one.contacts.append(_Contact(line, first, contact, one.drafts[told]))


def _contact(line: int, cells: dict[str, str], source: _Source, validator: Validator) -> dict[str, str]:
    """The cells of a row's contact, without an e-mail address that cannot be one; nothing where they are empty or one cannot be trusted."""
    for name, cell in cells.items():
        value, reasons = values.email(cell) if name == "guardian_email" else values.text(cell)
        bad = any(REASONS[reason].severity == "row" for reason in reasons)
        if bad or Reason.BAD_EMAIL in reasons:
            reason = Reason.GUARDIAN_UNUSABLE if bad else Reason.BAD_EMAIL
            validator.problems.append(Problem(source.file, line, source.headers[name], reason))
        if bad:
            return {}
        if name == "guardian_email":
            cells[name] = value
    return cells if any(cell.strip() for cell in cells.values()) else {}


def _check(one: _One, schools: Mapping[str, School] | None, validator: Validator) -> None:
    """Check a person under the school and the contact that all the rows together give."""
    terms = validator.terms
    school = _school_of(one, schools, terms)
    contact = min(one.contacts, key=lambda each: (not each.first, not each.cells.get("guardian_email")), default=None)
    for draft in one.drafts.values():
        if contact:
            draft.values.update(contact.cells)
            # What the validator finds in the contact is to be looked for in the contact's row.
            draft.line = contact.line if contact.draft is draft else draft.line
        if school is None:
            draft.dangling = True
        else:
            if terms.reads("school_id") or terms.schools is not None:
                draft.values["school_id"] = school.id
            if terms.reads("school_name"):
                draft.values["school_name"] = school.name
        validator.check(draft)


def _school_of(one: _One, schools: Mapping[str, School] | None, terms: Terms) -> School | None:
    """The school of a person: the first that is rolled out to, else the first that is known; None where there are some and none is known."""
    if not one.schools:
        return School("", "")
    known = [School(*each) if schools is None else schools[each[0]] for each in one.schools if schools is None or each[0] in schools]
    rolled = (school for school in known if terms.schools is not None and school.id in terms.schools)
    return next(rolled, known[0] if known else None)


def _join(teachers: _Source, staff: _Source, validator: _Validator) -> None:
    """Take out of staff.csv whom teachers.csv holds."""
    validator.turn_to(staff.file)
    by_mail = _by_mail(teachers.people)
    for mail, key in _by_mail(staff.people).items():
        if mail in by_mail and key not in teachers.people:
            _take_over(teachers.people[by_mail[mail]], staff.people.pop(key), validator)
    for key in [key for key in staff.people if isinstance(key, str) and key in teachers.people]:
        if teachers.people[key].names() == staff.people[key].names():
            _take_over(teachers.people[key], staff.people.pop(key), validator)


def _take_over(teacher: _One, same: _One, validator: Validator) -> None:
    """Count the rows of staff.csv as repeats; the schools and a no of theirs are the teacher's too."""
    teacher.schools += same.schools
    refused = any(draft.values.get("opt_out") for draft in same.drafts.values())
    for draft in teacher.drafts.values() if refused else ():
        draft.values["opt_out"] = "yes"
    for _ in same.drafts:
        validator.exclude(Exclusion.DUPLICATE)


def _by_mail(people: _People) -> dict[str, str]:
    """The ids of a file by their e-mail address, where it is nobody else's."""
    found: dict[str, set[str]] = {}
    for key, one in people.items():
        if not isinstance(key, str):
            continue
        for draft in one.drafts.values():
            mail, _ = values.email(draft.values.get("staff_email", ""))
            found.setdefault(mail, set()).add(key)
    return {mail: keys.pop() for mail, keys in found.items() if mail and len(keys) == 1}


def _iso(cell: str) -> str:
    """A date of the form's own MM/DD/YYYY as YYYY-MM-DD, anything else as it is."""
    found = _US_DATE.fullmatch(cell)
    return f"{found[3]}-{found[1]:0>2}-{found[2]:0>2}" if found else cell
