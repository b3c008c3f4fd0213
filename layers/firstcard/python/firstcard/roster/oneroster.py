"""OneRoster 1.1 CSV in a zip: users joined with demographics, schools and guardians.

Headers are those of the 1EdTech OneRoster 1.1 CSV tables. The agreement's mapping may take a student's field from another column of users.csv or
demographics.csv (``student_id: identifier``, ``home_language: metadata.homeLanguage``), and ``school_id`` and ``school_name`` from another one of orgs.csv.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from firstcard.roster import values
from firstcard.roster.archive import Archive
from firstcard.roster.headers import Columns, choose
from firstcard.roster.person import Role
from firstcard.roster.reading import DroppedColumn, Exclusion, Reading, RefusedError
from firstcard.roster.reasons import Problem, Reason
from firstcard.roster.terms import Terms
from firstcard.roster.text import Table, open_table
from firstcard.roster.validate import Draft, Validator, fields_of

FORMAT = "oneroster_1_1"

USERS = (
    *("sourcedId", "status", "dateLastModified", "enabledUser", "orgSourcedIds", "role", "username", "userIds", "givenName", "familyName"),
    *("middleName", "identifier", "email", "sms", "phone", "agentSourcedIds", "grades", "password"),
)
DEMOGRAPHICS = (
    *("sourcedId", "status", "dateLastModified", "birthDate", "sex", "americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican"),
    *("nativeHawaiianOrOtherPacificIslander", "white", "demographicRaceTwoOrMoreRaces", "hispanicOrLatinoEthnicity", "countryOfBirthCode"),
    *("stateOfBirthAbbreviation", "cityOfBirth", "publicSchoolResidenceStatus"),
)
ORGS = ("sourcedId", "status", "dateLastModified", "name", "type", "identifier", "parentSourcedId")
MANIFEST = ("propertyName", "value")

_OF_USERS = {
    "student_id": "sourcedId",
    "last_name": "familyName",
    "first_name": "givenName",
    "middle_name": "middleName",
    "grade": "grades",
    "student_email": "email",
    "staff_email": "email",
    "phone": "phone",
}
_OF_DEMOGRAPHICS = {"birth_date": "birthDate"}
_OF_ORGS = {"school_id": "sourcedId", "school_name": "name"}
_OF_GUARDIANS = frozenset({"guardian_name", "guardian_email"})

_STAFF_ROLES = frozenset({"teacher", "administrator", "aide"})
_FAMILY_ROLES = frozenset({"guardian", "parent", "relative"})
_CONTACT_ROLES = frozenset({"guardian", "parent"})
"""Whose address is the household's: a relative need not be a guardian."""
_STATUSES = {"": None, "active": None, "tobedeleted": Exclusion.TO_BE_DELETED, "inactive": Exclusion.NOT_ENROLLED}


@dataclass(frozen=True, slots=True)
class School:
    """An organisation of orgs.csv, under the id and name that the agreement takes from it."""

    id: str
    name: str
    is_school: bool


@dataclass(slots=True)
class Guardian:
    """A guardian or parent whose contact may be the household's."""

    name: str
    email: str


@dataclass(slots=True)
class _Users:
    """users.csv with the columns that are read: a cell of a row is found by its header."""

    table: Table
    columns: Columns
    at: Mapping[str, int]
    rows: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    full: set[int] = field(default_factory=set)
    """Lines of rows with a no that hold more than id and flag."""

    def cell(self, cells: tuple[str, ...], header: str) -> str:
        """The text under a header, empty where the file has no such column."""
        place = self.at.get(header)
        return "" if place is None else cells[place]


class _Bundle:
    """One archive being read: its tables, what was dropped of them, and what was seen on the way."""

    def __init__(self, archive: Archive, terms: Terms) -> None:
        self.archive = archive
        self.terms = terms
        self.problems: list[Problem] = list(archive.problems)
        self.dropped: list[DroppedColumn] = []

    def table(self, file: str, known: Iterable[str]) -> Table:
        """Open one of the CSV files."""
        table = open_table(self.archive.read(file), file, known=frozenset(known), encoding=self.terms.encoding)
        self.problems += table.problems
        return table

    def finish(self, columns: Columns) -> None:
        """After the rows of a table: what was dropped, and what must be said about it."""
        columns.findings(self.terms, self.problems)
        self.dropped += columns.report()


def read(archive: Archive, terms: Terms, today: date) -> Reading:
    """Read the archive; raises RefusedError where nothing of it can be used."""
    bundle = _Bundle(archive, terms)
    _check_form(bundle)
    _check_manifest(bundle)
    for needed in ("users.csv", "orgs.csv"):
        if needed not in archive:
            raise RefusedError(Reason.MISSING_FILE, needed)
    sources = _Sources.of(terms)
    schools = _read_orgs(bundle, sources)
    births, demographics = _read_demographics(bundle, sources)
    users, wrong_width = _read_users(bundle, sources, demographics)
    reading = _people(bundle, sources, users, wrong_width, schools, births, today)
    read_files = {"users.csv", "orgs.csv", "manifest.csv", "demographics.csv"}
    rest = tuple(DroppedColumn(name, "*", False) for name in sorted(archive.entries.keys() - read_files))
    return replace(reading, dropped=(*bundle.dropped, *rest))


# The form and the manifest


def _check_form(bundle: _Bundle) -> None:
    """Refuse OneRoster 1.2 and Microsoft SDS 2.1, which keep the roles in a file of their own."""
    if "roles.csv" in bundle.archive and "users.csv" in bundle.archive:
        table = open_table(bundle.archive.read("users.csv"), "users.csv", known=frozenset(USERS), encoding=bundle.terms.encoding)
        if "role" not in table.header:
            raise RefusedError(Reason.UNKNOWN_FORMAT, "users.csv", 1)


def _check_manifest(bundle: _Bundle) -> None:
    """Obey manifest.csv: version, and for each file absent, bulk or delta (OneRoster 1.1 CSV §4.1)."""
    if "manifest.csv" not in bundle.archive:
        bundle.problems.append(Problem("manifest.csv", 0, "", Reason.MANIFEST_MISSING))
        return
    table = bundle.table("manifest.csv", MANIFEST)
    columns = choose(table, MANIFEST, required=frozenset(MANIFEST), known=frozenset(MANIFEST), terms=bundle.terms)
    said: dict[str, tuple[str, int]] = {}
    for line, (name, value), _ in columns.rows(bundle.problems, []):
        said[name.strip().lower()] = (value.strip().lower(), line)
    version, line = said.get("oneroster.version", ("", 1))
    if version not in ("1.1", "v1.1", "1.1.0"):
        bundle.problems.append(Problem("manifest.csv", line, "value", Reason.MANIFEST_VERSION))
    for name, (mode, line) in said.items():
        file = name.removeprefix("file.") + ".csv"
        if not name.startswith("file.") or file == "manifest.csv":
            continue
        if mode == "delta" and file in ("users.csv", "orgs.csv", "demographics.csv"):
            raise RefusedError(Reason.DELTA_UNSUPPORTED, file)
        if mode == "bulk" and file not in bundle.archive:
            # The name comes out of the file: only one that the specification has is shown.
            raise RefusedError(Reason.MISSING_FILE, file if file in _SPECIFIED_FILES else "manifest.csv", line)
    for file in ("users.csv", "orgs.csv", "demographics.csv"):
        mode = said.get("file." + file.removesuffix(".csv"), ("", 1))[0]
        if file in bundle.archive and mode != "bulk":
            bundle.problems.append(
                Problem("manifest.csv", said.get("file." + file.removesuffix(".csv"), ("", 1))[1], "value", Reason.MANIFEST_DISAGREES)
            )


_SPECIFIED_FILES = frozenset(
    f"{name}.csv"
    for name in (
        *("academicSessions", "categories", "classes", "classResources", "courses", "courseResources", "demographics", "enrollments"),
        *("lineItems", "orgs", "users", "resources", "results"),
    )
) | frozenset({"academicsessions.csv", "classresources.csv", "courseresources.csv", "lineitems.csv"})


# Which column brings which field


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where each agreed field comes from."""

    users: Mapping[Role, Mapping[str, str]]
    demographics: Mapping[str, str]
    orgs: Mapping[str, str]
    from_guardians: frozenset[str]
    flag: str

    @classmethod
    def of(cls, terms: Terms) -> "_Sources":
        """Field by field from the specification's columns, or from the agreement's mapping."""
        users: dict[Role, dict[str, str]] = {}
        demographics: dict[str, str] = {}
        orgs: dict[str, str] = {}
        for role in Role:
            users[role] = {}
            for name in sorted(fields_of(role, terms) - {"opt_out"}):
                mapped = terms.mapping.get(name)
                if name in _OF_ORGS:
                    orgs[name] = mapped or _OF_ORGS[name]
                elif (mapped or _OF_DEMOGRAPHICS.get(name)) in DEMOGRAPHICS[3:]:
                    demographics[name] = mapped or _OF_DEMOGRAPHICS[name]
                elif mapped or name in _OF_USERS:
                    users[role][name] = mapped or _OF_USERS[name]
        guardians = frozenset(name for name in _OF_GUARDIANS & fields_of(Role.STUDENT, terms) if name not in terms.mapping)
        return cls(users, demographics, orgs, guardians, terms.mapping.get("opt_out", ""))

    def column_of(self, name: str) -> tuple[str, str]:
        """File and header of a field, for the problems."""
        if name in self.orgs or name == "school_id":
            return "users.csv", "orgSourcedIds"
        if name in self.demographics:
            return "demographics.csv", self.demographics[name]
        if name in self.from_guardians:
            return "users.csv", "agentSourcedIds"
        if name == "opt_out":
            return "users.csv", self.flag
        return "users.csv", self.users[Role.STUDENT].get(name) or self.users[Role.STAFF].get(name) or name


# The tables


def _read_orgs(bundle: _Bundle, sources: _Sources) -> dict[str, School]:
    """orgs.csv by sourcedId; raises RefusedError(WRONG_DISTRICT) where none of its ids is one of the agreement's."""
    terms = bundle.terms
    table = bundle.table("orgs.csv", ORGS)
    asked = [*sources.orgs.values(), "identifier"]
    columns = choose(
        table,
        ["sourcedId", "status", "type", *asked],
        required=frozenset({"sourcedId", "type", *sources.orgs.values()}),
        known=frozenset(ORGS),
        terms=terms,
    )
    order = {name: place for place, name in enumerate(columns.places)}
    schools: dict[str, School] = {}
    home = not terms.organisations
    id_at, name_at = order.get(sources.orgs.get("school_id", "sourcedId"), 0), order.get(sources.orgs.get("school_name", ""))
    wrong: list[int] = []
    for line, cells, _ in columns.rows(bundle.problems, wrong):
        source_id, type_ = cells[order["sourcedId"]].strip(), cells[order["type"]].strip().lower()
        if "status" in order and _STATUSES.get(cells[order["status"]].strip().lower()):
            continue
        identifier = cells[order["identifier"]].strip() if "identifier" in order else ""
        home = home or source_id in terms.organisations or identifier in terms.organisations
        name, reasons = values.text(cells[name_at]) if name_at is not None else ("", ())
        bundle.problems += [Problem("orgs.csv", line, "name", reason) for reason in reasons]
        schools[source_id] = School(cells[id_at].strip(), name, type_ == "school")
    bundle.problems += [Problem("orgs.csv", line, "", Reason.ROW_WIDTH) for line in wrong]
    bundle.finish(columns)
    if schools and not home:
        raise RefusedError(Reason.WRONG_DISTRICT, "orgs.csv")
    return schools


def _read_demographics(bundle: _Bundle, sources: _Sources) -> tuple[dict[str, tuple[int, tuple[str, ...]]], tuple[str, ...]]:
    """The agreed cells of demographics.csv by sourcedId, with their line; and the fields they are, in their order.

    The file is looked at even where nothing of it is agreed, since it is the one that brings forbidden columns.
    """
    terms = bundle.terms
    required = {name for name in sources.demographics if terms.fields.get(name)}
    if "demographics.csv" not in bundle.archive:
        if required:
            raise RefusedError(Reason.MISSING_FILE, "demographics.csv")
        return {}, ()
    table = bundle.table("demographics.csv", DEMOGRAPHICS)
    names = tuple(sources.demographics)
    columns = choose(
        table,
        ["sourcedId", "status", *sources.demographics.values()],
        required=frozenset({"sourcedId", *(sources.demographics[name] for name in required)}),
        known=frozenset(DEMOGRAPHICS),
        terms=terms,
    )
    order = {name: place for place, name in enumerate(columns.places)}
    at = [order.get(sources.demographics[name]) for name in names]
    id_at = order["sourcedId"]
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    wrong: list[int] = []
    for line, cells, _ in columns.rows(bundle.problems, wrong):
        found[cells[id_at].strip()] = (line, tuple("" if place is None else cells[place] for place in at))
    bundle.problems += [Problem("demographics.csv", line, "", Reason.ROW_WIDTH) for line in wrong]
    bundle.finish(columns)
    return found, names


def _read_users(bundle: _Bundle, sources: _Sources, demographics: tuple[str, ...]) -> tuple[_Users, list[int]]:
    """The agreed cells of users.csv, row by row."""
    terms = bundle.terms
    table = bundle.table("users.csv", USERS)
    agreed = {name: header for role in Role for name, header in sources.users[role].items()}
    wanted = ["sourcedId", "status", "enabledUser", "role", *agreed.values()]
    required = {
        "sourcedId",
        "enabledUser",
        "role",
        *(header for name, header in agreed.items() if terms.fields.get(name) or name in ("student_id",)),
    }
    if sources.orgs or terms.schools is not None:
        wanted.append("orgSourcedIds")
        required.add("orgSourcedIds")
    if sources.from_guardians:
        wanted += ["agentSourcedIds"]
        wanted += ["givenName", "familyName"] if "guardian_name" in sources.from_guardians else []
        wanted += ["email"] if "guardian_email" in sources.from_guardians else []
    if sources.flag:
        wanted.append(sources.flag)
        required.add(sources.flag)
    columns = choose(table, wanted, required=frozenset(required), known=frozenset(USERS) | frozenset(terms.mapping.values()), terms=terms)
    users = _Users(table, columns, {name: place for place, name in enumerate(columns.places)})
    wrong_width: list[int] = []
    flag_at = users.at.get(sources.flag) if sources.flag else None
    bare_names = ("sourcedId", "identifier", "status", "dateLastModified", "enabledUser", "role", sources.flag)
    bare = {place for place, name in enumerate(table.header) if name in bare_names}
    watched = flag_at is not None and terms.route == "before_upload"
    for line, cells, row in columns.rows(bundle.problems, wrong_width):
        users.rows.append((line, cells))
        if watched and flag_at is not None and cells[flag_at] and any(cell.strip() for place, cell in enumerate(row) if place not in bare):
            users.full.add(line)
    bundle.finish(columns)
    return users, wrong_width


# The people


def _people(
    bundle: _Bundle,
    sources: _Sources,
    users: _Users,
    wrong_width: list[int],
    schools: Mapping[str, School],
    births: Mapping[str, tuple[int, tuple[str, ...]]],
    today: date,
) -> Reading:
    terms = bundle.terms
    names = {*(name for role in Role for name in fields_of(role, terms)), "student_id", "school_id", "opt_out"}
    validator = Validator(terms, file="users.csv", columns={name: sources.column_of(name) for name in names}, today=today)
    demographics = tuple(sources.demographics)
    guardians = _Guardians(sources, users)
    place = _Placing(schools, terms, asked="orgSourcedIds" in users.at)
    at = users.at
    id_at, role_at, enabled_at = at["sourcedId"], at["role"], at["enabledUser"]
    status_at, orgs_at, agents_at = at.get("status"), at.get("orgSourcedIds"), at.get("agentSourcedIds")
    flag_at = at.get(sources.flag) if sources.flag else None
    standings: dict[tuple[str, str], tuple[Exclusion | None, Reason | None]] = {}
    picks = {role: [(name, at[header]) for name, header in sources.users[role].items() if header in at] for role in Role}
    for line, cells in users.rows:
        said = cells[role_at].strip().lower()
        if said in _FAMILY_ROLES:
            continue
        if said == "proctor":
            validator.exclude(Exclusion.PROCTOR)
            continue
        role = Role.STUDENT if said == "student" else Role.STAFF if said in _STAFF_ROLES else None
        own_id = next((cells[place_] for name, place_ in picks[role or Role.STUDENT] if name == "student_id"), "")
        refused, reasons = values.flag(cells[flag_at]) if flag_at is not None and cells[flag_at] else (False, ())
        marks = (cells[enabled_at], cells[status_at] if status_at is not None else "")
        left_out, bad = standings.get(marks) or standings.setdefault(marks, _standing(*marks))
        mark = "enabledUser" if bad is Reason.BAD_FLAG else "status"
        if refused and (role is None or bad or left_out or terms.route == "before_upload"):
            found = [("role", Reason.BAD_ROLE)] if role is None else []
            if bad:
                found.append((mark, bad))
            if terms.route == "before_upload" and (line in users.full or cells[id_at].strip() in births):
                found.append(("opt_out", Reason.FULL_ROW_OF_REFUSED))
            validator.refused(line, role, own_id, found)
            continue
        if role is None:
            validator.reject(line, "role", Reason.BAD_ROLE, raw_id=own_id)
            continue
        if bad:
            validator.reject(line, mark, bad, role=role, raw_id=own_id)
            continue
        if reasons:
            validator.reject(line, "opt_out", Reason.BAD_FLAG, role=role, raw_id=own_id)
            continue
        if not refused and (left_out or (role is Role.STAFF and not terms.staff)):
            validator.exclude(left_out or Exclusion.STAFF)
            continue
        raw = {name: cells[place_] for name, place_ in picks[role]}
        draft = Draft(line, role, raw)
        if refused:
            raw["opt_out"] = "yes"
        if orgs_at is not None:
            school = place.of(cells[orgs_at])
            if school is None:
                draft.dangling = True
            else:
                if "school_id" in sources.orgs or terms.schools is not None:
                    raw["school_id"] = school.id
                if "school_name" in sources.orgs:
                    raw["school_name"] = school.name
        if role is Role.STUDENT:
            if born := births.get(cells[id_at].strip()):
                draft.born_at = born[0]
                raw.update(zip(demographics, born[1], strict=True))
            if agents_at is not None:
                guardians.fill(draft, cells[id_at].strip(), cells[agents_at])
        validator.check(draft)
    validator.wrong_width(wrong_width)
    validator.problems += bundle.problems
    validator.problems += guardians.problems
    if not validator.rows:
        raise RefusedError(Reason.EMPTY_BULK, "users.csv")
    return validator.reading(FORMAT, (), guardians.count)


def _standing(enabled: str, status: str) -> tuple[Exclusion | None, Reason | None]:
    """Whether the export itself leaves the row out; or the reason why that cannot be told. An empty enabledUser is taken for true."""
    word = status.strip().lower()
    if word not in _STATUSES:
        return None, Reason.BAD_STATUS
    if left_out := _STATUSES[word]:
        return left_out, None
    if not enabled or enabled.isspace():
        return None, None
    on, reasons = values.flag(enabled)
    if reasons:
        return None, Reason.BAD_FLAG
    return (None if on else Exclusion.NOT_ENABLED), None


class _Placing:
    """The school of a row by its list of organisations: one of the roll-out first, else the first school, else the first organisation that is known."""

    def __init__(self, schools: Mapping[str, School], terms: Terms, *, asked: bool) -> None:
        self._schools = schools
        self._rollout = terms.schools
        self._asked = asked
        self._seen: dict[str, School | None] = {}

    def of(self, cell: str) -> School | None:
        """The school, or None where the row names organisations and none of them is in orgs.csv."""
        if cell in self._seen:
            return self._seen[cell]
        ids = [part.strip() for part in cell.split(",") if part.strip()]
        known = [self._schools[one] for one in ids if one in self._schools]
        chosen: School | None = School("", "", is_school=False) if not ids else None
        if known:
            rolled = [org for org in known if self._rollout is not None and org.id in self._rollout]
            chosen = (rolled or [org for org in known if org.is_school] or known)[0]
        self._seen[cell] = chosen
        return chosen


class _Guardians:
    """Guardians and parents of users.csv, found from the student's row or from their own."""

    def __init__(self, sources: _Sources, users: _Users) -> None:
        self.problems: list[Problem] = []
        self.count = 0
        self._fields = sources.from_guardians
        self._people: dict[str, Guardian | None] = {}
        self._of_child: dict[str, list[str]] = {}
        role_at = users.at["role"]
        for line, cells in users.rows:
            said = cells[role_at].strip().lower()
            if said not in _FAMILY_ROLES:
                continue
            self.count += 1
            key = users.cell(cells, "sourcedId").strip()
            enabled = _standing(users.cell(cells, "enabledUser"), users.cell(cells, "status")) == (None, None)
            if not self._fields or said not in _CONTACT_ROLES or not enabled:
                self._people[key] = None
                continue
            self._people[key] = self._guardian(line, users, cells)
            for child in _listed(users.cell(cells, "agentSourcedIds")):
                self._of_child.setdefault(child, []).append(key)

    def _guardian(self, line: int, users: _Users, cells: tuple[str, ...]) -> Guardian | None:
        mail, name = "", ""
        if "guardian_email" in self._fields:
            mail, reasons = values.email(users.cell(cells, "email"))
            if reasons:
                self.problems.append(
                    Problem("users.csv", line, "email", Reason.BAD_EMAIL if reasons == (Reason.BAD_EMAIL,) else Reason.GUARDIAN_UNUSABLE)
                )
                if reasons != (Reason.BAD_EMAIL,):
                    return None
        if "guardian_name" in self._fields:
            for header in ("givenName", "familyName"):
                part, reasons = values.text(users.cell(cells, header))
                if Reason.CONTROL_CHAR in reasons:
                    self.problems.append(Problem("users.csv", line, header, Reason.GUARDIAN_UNUSABLE))
                    return None
                name = f"{name} {part}".strip()
        return Guardian(name[: values.MAX_TEXT], mail)

    def fill(self, draft: Draft, student: str, agents: str) -> None:
        """Give the student the first guardian with an address, else the first one."""
        listed = _listed(agents)
        if any(key not in self._people for key in listed):
            draft.problems.append(("guardian_email", Reason.DANGLING_GUARDIAN))
        keys = listed or self._of_child.get(student, [])
        found = [guardian for key in keys if (guardian := self._people.get(key))]
        if not found:
            return
        chosen = next((guardian for guardian in found if guardian.email), found[0])
        if "guardian_email" in self._fields:
            draft.values["guardian_email"] = chosen.email
        if "guardian_name" in self._fields:
            draft.values["guardian_name"] = chosen.name


def _listed(cell: str) -> list[str]:
    """The ids of a comma list in one cell."""
    if "," not in cell:
        return [cell.strip()] if cell else []
    return [part for piece in cell.split(",") if (part := piece.strip())]


def files_of(archive: Archive) -> Iterator[str]:
    """The names of the CSV files that make an archive a OneRoster one."""
    yield from (name for name in archive.entries if name in ("users.csv", "orgs.csv", "manifest.csv"))
