"""OneRoster 1.1 and 1.2 CSV and Microsoft School Data Sync 2.1 CSV in a zip: users joined with roles, demographics, schools and guardians.

Headers are those of the 1EdTech OneRoster CSV tables and of Microsoft's "SDS V2.1 CSV file format". The agreement's mapping may take a student's field from another column of users.csv or
demographics.csv (``student_id: identifier``, ``home_language: metadata.homeLanguage``), and ``school_id`` and ``school_name`` from another one of orgs.csv.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date

from firstcard.roster import values
from firstcard.roster.archive import Archive
from firstcard.roster.bundle import Bundle, Spare
from firstcard.roster.headers import Columns, choose
from firstcard.roster.homerooms import ENROLLMENTS, read_homerooms
from firstcard.roster.merging import Merging
from firstcard.roster.person import Role
from firstcard.roster.reading import DroppedColumn, Exclusion, Reading, RefusedError
from firstcard.roster.reasons import Problem, Reason
from firstcard.roster.relationships import Relationships, read_relationships
from firstcard.roster.roles import CONTACT_ROLES, FAMILY_ROLES, ROLES_1_2, ROLES_SDS, Roles, RolesForm, read_roles
from firstcard.roster.roll import Roll
from firstcard.roster.snapshot import GONE, KEYS, Kept, Snapshot, Told, emptied, forgotten, reduced
from firstcard.roster.terms import Terms
from firstcard.roster.text import Table
from firstcard.roster.validate import Draft, Validator, fields_of

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
USERS_1_2 = (
    *(name for name in USERS if name not in ("orgSourcedIds", "role")),
    *("userMasterIdentifier", "preferredGivenName", "preferredMiddleName", "preferredFamilyName", "primaryOrgSourcedId", "pronouns"),
)
USERS_SDS = ("sourcedId", "username", "givenName", "familyName", "password", "activeDirectoryMatchId", "email", "phone", "sms")
DEMOGRAPHICS_SDS = ("userSourcedId", "sex", "birthDate", "birthCity", "birthState", "birthCountry", "ethnicityCodes", "raceCodes")
USER_FLAGS_SDS = ("userSourcedId", "flag")
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

_FLAGGED = ("iep", "lunch_status", "medical")
"""What userFlags.csv of School Data Sync is about, as forbidden fields."""
_STATUSES = {"": None, "active": None, "tobedeleted": Exclusion.TO_BE_DELETED, "inactive": Exclusion.NOT_ENROLLED}


@dataclass(frozen=True, slots=True)
class Layout:
    """What the forms have differently: the name of the form, its headers, which column of users.csv brings which field, and where its roles are.

    ``roles`` is None where users.csv holds them; ``staff`` and ``cardless`` are then the words of its column in small letters.
    ``needs_enabled`` says whether users.csv must have enabledUser, ``manifest`` whether a manifest belongs to the form.
    """

    format: str
    versions: tuple[str, ...]
    users: tuple[str, ...]
    demographics: tuple[str, ...]
    of_users: Mapping[str, str]
    roles: RolesForm | None
    staff: frozenset[str]
    cardless: frozenset[str]
    needs_enabled: bool = True
    manifest: bool = True


_1_1 = Layout(
    format="oneroster_1_1",
    versions=("1.1", "v1.1", "1.1.0"),
    users=USERS,
    demographics=DEMOGRAPHICS,
    of_users=_OF_USERS,
    roles=None,
    staff=frozenset({"teacher", "administrator", "aide"}),
    cardless=frozenset({"proctor"}),
)
_1_2 = Layout(
    format="oneroster_1_2",
    versions=("1.2", "v1.2", "1.2.0", "1.2.1"),
    users=USERS_1_2,
    demographics=DEMOGRAPHICS,
    of_users=_OF_USERS | {"preferred_name": "preferredGivenName"},
    roles=ROLES_1_2,
    staff=ROLES_1_2.staff,
    cardless=ROLES_1_2.cardless,
)
_SDS = Layout(
    format="sds_2_1",
    versions=("",),
    users=USERS_SDS,
    demographics=DEMOGRAPHICS_SDS,
    of_users={name: header for name, header in _OF_USERS.items() if header in USERS_SDS},
    roles=ROLES_SDS,
    staff=ROLES_SDS.staff,
    cardless=ROLES_SDS.cardless,
    needs_enabled=False,
    manifest=False,
)


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


def read(archive: Archive, terms: Terms, today: date, told: Told | None = None) -> Reading:
    """Read the archive, with what ``told`` has of earlier ones where it holds changes; raises RefusedError where nothing of it can be used."""
    bundle = Bundle(archive, terms)
    manifest = _read_manifest(bundle)
    modes = _modes(manifest, terms)
    layout = _layout_of(bundle)
    if "delta" in modes.values():
        file = next(file for file, mode in modes.items() if mode == "delta")
        if not terms.deltas or layout is _SDS:
            raise RefusedError(Reason.DELTA_NOT_AGREED, file)
        bundle.merging = Merging(archive, modes, told)
        form = bundle.merging.earlier.form if bundle.merging.earlier else ""
        layout = _1_2 if form == _1_2.format or (not form and manifest and manifest.version in _1_2.versions) else _1_1
    elif terms.deltas and told and layout is not _SDS:
        bundle.merging = Merging(archive, modes, told)
    sources = _Sources.of(terms, layout)
    if bundle.merging:
        bundle.merging.says_no = sources.says_no
    _check_manifest(bundle, layout, manifest, homerooms=sources.homerooms)
    if bundle.merging and bundle.merging.delta and bundle.merging.rows_only:
        return _rows_only(bundle, sources, today)
    for needed in ("users.csv", "orgs.csv"):
        if needed not in bundle:
            raise RefusedError(Reason.MISSING_FILE, needed)
    schools = _read_orgs(bundle, sources)
    births, demographics = _read_demographics(bundle, sources)
    users, wrong_width = _read_users(bundle, sources, demographics)
    roles = (
        read_roles(bundle, layout.roles, today, organisations=sources.asks_school, grades="grade" in sources.roles)
        if layout.roles
        else None
    )
    relationships = Relationships(frozenset(), ())
    if layout is _SDS:
        relationships = read_relationships(bundle, agreed=bool(sources.from_guardians))
        _look_at_flags(bundle)
    homerooms = read_homerooms(bundle, today) if sources.homerooms else {}
    joined = _Joined(schools, births, roles, relationships, homerooms)
    reading = _people(bundle, sources, users, wrong_width, joined, today)
    reading = replace(reading, dropped=(*bundle.dropped, *bundle.unread()))
    return _kept(bundle, sources, reading) if bundle.merging else reading


# The form and the manifest


def _layout_of(bundle: Bundle) -> Layout:
    """The form by its content: roles in users.csv, or in a roles.csv of OneRoster 1.2 or of School Data Sync."""
    if "roles.csv" not in bundle.archive or "users.csv" not in bundle.archive or "role" in bundle.header("users.csv", USERS):
        return _1_1
    header = bundle.header("roles.csv", (*ROLES_1_2.columns, *ROLES_SDS.columns))
    return _1_2 if {"sourcedId", "roleType"} & set(header) else _SDS


@dataclass(frozen=True, slots=True)
class _Manifest:
    """manifest.csv: what it says under each name in small letters, and where."""

    said: Mapping[str, tuple[str, int]]

    @property
    def version(self) -> str:
        """The OneRoster version, or empty."""
        return self.said.get("oneroster.version", ("", 1))[0]

    def mode(self, file: str) -> tuple[str, int]:
        """What it says of a file (absent, bulk or delta, or empty), and where."""
        return self.said.get("file." + file.removesuffix(".csv"), ("", 1))


def _read_manifest(bundle: Bundle) -> _Manifest | None:
    if "manifest.csv" not in bundle.archive:
        return None
    table = bundle.table("manifest.csv", MANIFEST)
    columns = choose(table, MANIFEST, required=frozenset(MANIFEST), known=frozenset(MANIFEST), terms=bundle.terms)
    return _Manifest({name.strip().lower(): (value.strip().lower(), line) for line, (name, value), _ in columns.rows(bundle.problems, [])})


def _modes(manifest: _Manifest | None, terms: Terms) -> dict[str, str]:
    """What the manifest says of each file that may be read."""
    files = ["users.csv", "orgs.csv", "demographics.csv", "roles.csv"]
    files += ["classes.csv", "enrollments.csv"] if "homeroom" in fields_of(Role.STUDENT, terms) and "homeroom" not in terms.mapping else []
    return {file: manifest.mode(file)[0] for file in files} if manifest else {}


def _check_manifest(bundle: Bundle, layout: Layout, manifest: _Manifest | None, *, homerooms: bool) -> None:
    """Obey manifest.csv: version, and for each file absent, bulk or delta (OneRoster CSV 1.1 §4.1)."""
    if manifest is None:
        if layout.manifest:
            bundle.problems.append(Problem("manifest.csv", 0, "", Reason.MANIFEST_MISSING))
        return
    said = manifest.said
    version, line = said.get("oneroster.version", ("", 1))
    delta = bundle.merging is not None and bundle.merging.delta
    if (
        layout is _1_1
        and not delta
        and version in _1_2.versions
        and "roles.csv" not in bundle.archive
        and "role" not in bundle.header("users.csv", USERS)
    ):
        raise RefusedError(Reason.MISSING_FILE, "roles.csv", line)
    if version not in layout.versions:
        bundle.problems.append(Problem("manifest.csv", line, "value", Reason.MANIFEST_VERSION))
    used = ["users.csv", "orgs.csv", "demographics.csv"]
    used += ["roles.csv"] if layout.roles else []
    used += ["classes.csv", "enrollments.csv"] if homerooms else []
    for name, (mode, line) in said.items():
        file = name.removeprefix("file.") + ".csv"
        if not name.startswith("file.") or file == "manifest.csv":
            continue
        if (mode == "bulk" or (mode == "delta" and file in used)) and file not in bundle.archive:
            # The name comes out of the file: only one that the specification has is shown.
            raise RefusedError(Reason.MISSING_FILE, file if file in _SPECIFIED_FILES else "manifest.csv", line)
    for file in used:
        mode, line = manifest.mode(file)
        if file in bundle.archive and mode not in ("bulk", "delta") and layout.manifest:
            bundle.problems.append(Problem("manifest.csv", line, "value", Reason.MANIFEST_DISAGREES))


_SPECIFIED_FILES = frozenset(
    f"{name}.csv"
    for name in (
        *("academicsessions", "categories", "classes", "classresources", "courses", "courseresources", "demographics", "enrollments"),
        *("lineitems", "orgs", "users", "resources", "results", "roles", "userprofiles", "userresources", "scorescales"),
        *("lineitemscorescales", "resultscorescales", "lineitemlearningobjectiveids", "resultlearningobjectiveids"),
    )
)
"""The files of OneRoster 1.1 and 1.2, in small letters as an archive's names are."""


def _look_at_flags(bundle: Bundle) -> None:
    """userFlags.csv of School Data Sync (special education, free lunch …) is a forbidden column under a harmless name: only looked at for emptiness."""
    kind = next((name for name in _FLAGGED if name in bundle.terms.forbidden), "")
    if "userflags.csv" not in bundle.archive or not kind:
        return
    table = bundle.table("userflags.csv", USER_FLAGS_SDS)
    if "flag" not in table.header:
        # Under no name that we know the flags are still flags.
        if bundle.terms.reject_forbidden:
            raise RefusedError(Reason.FORBIDDEN_COLUMN, table.file, 1)
        bundle.dropped.append(DroppedColumn(table.file, "*", True))
        return
    columns = choose(table, (), required=frozenset(), known=frozenset(USER_FLAGS_SDS), terms=bundle.terms)
    flags = {place: (name, kind) for place, name in enumerate(table.header) if name == "flag"}
    columns = replace(columns, dropped=tuple(name for name in columns.dropped if name != "flag"), forbidden={**columns.forbidden, **flags})
    for _ in columns.rows(bundle.problems, []):
        pass
    bundle.finish(columns)


# Which column brings which field


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where each agreed field comes from: a column of users.csv, demographics.csv, orgs.csv or roles.csv, a guardian, a homeroom class.

    ``asks_school`` says whether the school of a row is needed at all.
    """

    layout: Layout
    users: Mapping[Role, Mapping[str, str]]
    demographics: Mapping[str, str]
    orgs: Mapping[str, str]
    roles: Mapping[str, str]
    from_guardians: frozenset[str]
    homerooms: bool
    asks_school: bool
    flag: str

    @classmethod
    def of(cls, terms: Terms, layout: Layout) -> "_Sources":
        """Field by field from the specification's columns, or from the agreement's mapping."""
        users: dict[Role, dict[str, str]] = {}
        demographics: dict[str, str] = {}
        orgs: dict[str, str] = {}
        others = set(layout.demographics[1:]) - set(layout.users)
        in_roles = {"grade": layout.roles.grade} if layout.roles and layout.roles.grade else {}
        for role in Role:
            users[role] = {}
            for name in sorted(fields_of(role, terms) - {"opt_out"}):
                mapped = terms.mapping.get(name)
                if name in _OF_ORGS:
                    orgs[name] = mapped or _OF_ORGS[name]
                elif (mapped or _OF_DEMOGRAPHICS.get(name)) in others:
                    demographics[name] = mapped or _OF_DEMOGRAPHICS[name]
                elif mapped or name in layout.of_users:
                    users[role][name] = mapped or layout.of_users[name]
        guardians = frozenset(name for name in _OF_GUARDIANS & fields_of(Role.STUDENT, terms) if name not in terms.mapping)
        return cls(
            layout=layout,
            users=users,
            demographics=demographics,
            orgs=orgs,
            roles={
                name: header for name, header in in_roles.items() if name in fields_of(Role.STUDENT, terms) and name not in terms.mapping
            },
            from_guardians=guardians,
            homerooms=layout is not _SDS and "homeroom" in fields_of(Role.STUDENT, terms) and "homeroom" not in terms.mapping,
            asks_school=bool(orgs) or terms.schools is not None,
            flag=terms.mapping.get("opt_out", ""),
        )

    def says_no(self, row: Mapping[str, str]) -> bool:
        """Whether a row of users.csv holds a family's no, as far as the row itself says whose it is; a contact has none to say."""
        return values.flag(row.get(self.flag, ""))[0] and row.get("role", "").strip().lower() not in FAMILY_ROLES

    def column_of(self, name: str) -> tuple[str, str]:
        """File and header of a field, for the problems."""
        if name in self.orgs or name == "school_id":
            return ("roles.csv", "orgSourcedId") if self.layout.roles else ("users.csv", "orgSourcedIds")
        if name in self.roles:
            return "roles.csv", self.roles[name]
        if name == "homeroom" and self.homerooms:
            return "classes.csv", "title"
        if name in self.demographics:
            return "demographics.csv", self.demographics[name]
        if name in self.from_guardians:
            return "users.csv", name if self.layout is _SDS else "agentSourcedIds"
        if name == "opt_out":
            return "users.csv", self.flag
        return "users.csv", self.users[Role.STUDENT].get(name) or self.users[Role.STAFF].get(name) or name


# The tables


def _read_orgs(bundle: Bundle, sources: _Sources) -> dict[str, School]:
    """orgs.csv by sourcedId; raises RefusedError(WRONG_DISTRICT) where none of its ids is one of the agreement's."""
    terms = bundle.terms
    asked = [*sources.orgs.values(), "identifier"]
    columns = bundle.columns(
        "orgs.csv",
        ["sourcedId", "status", "type", *asked],
        required=frozenset({"sourcedId", "type", *sources.orgs.values()}),
        known=ORGS,
    )
    order = {name: place for place, name in enumerate(columns.places)}
    schools: dict[str, School] = {}
    home = not terms.organisations
    id_at, name_at = order.get(sources.orgs.get("school_id", "sourcedId"), 0), order.get(sources.orgs.get("school_name", ""))
    wrong: list[int] = []
    for line, cells, _ in bundle.rows(columns, wrong):
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
    if schools and not home and not (bundle.merging and bundle.merging.rows_only):
        raise RefusedError(Reason.WRONG_DISTRICT, "orgs.csv")
    return schools


def _read_demographics(bundle: Bundle, sources: _Sources) -> tuple[dict[str, tuple[int, tuple[str, ...]]], tuple[str, ...]]:
    """The agreed cells of demographics.csv by sourcedId, with their line; and the fields they are, in their order.

    The file is looked at even where nothing of it is agreed, since it is the one that brings forbidden columns.
    """
    terms = bundle.terms
    required = {name for name in sources.demographics if terms.fields.get(name)}
    if "demographics.csv" not in bundle:
        if required:
            raise RefusedError(Reason.MISSING_FILE, "demographics.csv")
        return {}, ()
    headers = sources.layout.demographics
    names = tuple(sources.demographics)
    columns = bundle.columns(
        "demographics.csv",
        [headers[0], "status", *sources.demographics.values()],
        required=frozenset({headers[0], *(sources.demographics[name] for name in required)}),
        known=headers,
    )
    order = {name: place for place, name in enumerate(columns.places)}
    at = [order.get(sources.demographics[name]) for name in names]
    id_at = order[headers[0]]
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    wrong: list[int] = []
    for line, cells, _ in bundle.rows(columns, wrong):
        if "status" in order and cells[order["status"]].strip().lower() == GONE:
            continue
        found[cells[id_at].strip()] = (line, tuple("" if place is None else cells[place] for place in at))
    bundle.problems += [Problem("demographics.csv", line, "", Reason.ROW_WIDTH) for line in wrong]
    bundle.finish(columns)
    return found, names


def _read_users(bundle: Bundle, sources: _Sources, demographics: tuple[str, ...]) -> tuple[_Users, list[int]]:
    """The agreed cells of users.csv, row by row."""
    terms = bundle.terms
    layout = sources.layout
    agreed = {name: header for role in Role for name, header in sources.users[role].items()}
    wanted = ["sourcedId", "status", "enabledUser", *agreed.values()]
    required = {"sourcedId", *(header for name, header in agreed.items() if terms.fields.get(name) or name in ("student_id",))}
    if layout.needs_enabled:
        required.add("enabledUser")
    if not layout.roles:
        wanted.append("role")
        required.add("role")
    if sources.asks_school and layout is not _SDS:
        wanted.append("primaryOrgSourcedId" if layout.roles else "orgSourcedIds")
        required |= set() if layout.roles else {"orgSourcedIds"}
    if sources.from_guardians:
        wanted += ["agentSourcedIds"]
        wanted += ["givenName", "familyName"] if "guardian_name" in sources.from_guardians else []
        wanted += ["email"] if "guardian_email" in sources.from_guardians else []
    if sources.flag:
        wanted.append(sources.flag)
        required.add(sources.flag)
    known = frozenset(layout.users) | frozenset(terms.mapping.values())
    columns = bundle.columns("users.csv", wanted, required=frozenset(required), known=known)
    table = columns.table
    users = _Users(table, columns, {name: place for place, name in enumerate(columns.places)})
    wrong_width: list[int] = []
    flag_at = users.at.get(sources.flag) if sources.flag else None
    bare_names = ("sourcedId", "identifier", "status", "dateLastModified", "enabledUser", "role", sources.flag)
    bare = {place for place, name in enumerate(table.header) if name in bare_names}
    watched = flag_at is not None and terms.route == "before_upload"
    for line, cells, row in bundle.rows(columns, wrong_width):
        users.rows.append((line, cells))
        if watched and flag_at is not None and cells[flag_at] and any(cell.strip() for place, cell in enumerate(row) if place not in bare):
            users.full.add(line)
    bundle.finish(columns)
    return users, wrong_width


# The people


@dataclass(frozen=True, slots=True)
class _Joined:
    """What the other files say of the users: schools by their sourcedId, births with their line, roles where users.csv has none, homerooms."""

    schools: Mapping[str, School]
    births: Mapping[str, tuple[int, tuple[str, ...]]]
    roles: Roles | None
    relationships: Relationships
    homerooms: Mapping[str, tuple[int, str]]


@dataclass(slots=True)
class _Said:
    """What a user's role comes to: its word, its organisations and grade, and why the row is left out or cannot be used.

    ``nobody`` is True where the user has no role that could be a student's or staff's; ``column`` names the role for the problems.
    """

    word: str
    organisations: str = ""
    grade: str = ""
    nobody: bool = False
    left_out: Exclusion | None = None
    fault: tuple[str, Reason] | None = None


class _UserRoles:
    """The role of each row of users.csv, by its own column or by roles.csv, and where it stands."""

    def __init__(self, users: _Users, joined: _Joined, layout: Layout) -> None:
        self.column = "roles.role" if joined.roles else "role"
        self.lines: dict[int, int] = {}
        """The line in roles.csv by that in users.csv."""
        self.at_home: set[int] = set()
        """Lines of users whose school is the one of users.csv, because roles.csv names none."""
        self._roles = joined.roles
        self._related = joined.relationships.people
        self._layout = layout
        self._role_at = users.at.get("role")
        self._orgs_at = users.at.get("orgSourcedIds")
        self._home_at = users.at.get("primaryOrgSourcedId")

    def of(self, line: int, user: str, cells: tuple[str, ...]) -> _Said:
        """What the role of this row comes to; a family's word for everybody who is neither student nor staff but of a family."""
        if self._roles is None:
            word = cells[self._role_at].strip().lower() if self._role_at is not None else ""
            return _Said(word, cells[self._orgs_at] if self._orgs_at is not None else "")
        counting = self._roles.counting.get(user)
        if counting is None and user in self._related:
            return _Said("relative")
        if self._roles.broken_at and (counting is None or not counting.current):
            self.lines[line] = self._roles.broken_at
            return _Said(counting.word if counting else "", fault=(self.column, Reason.BAD_ROLE))
        if counting is None:
            return _Said("", nobody=True, left_out=Exclusion.NOT_ENROLLED)
        self.lines[line] = counting.line
        organisations = counting.organisations
        if not organisations and self._home_at is not None:
            organisations = cells[self._home_at]
            self.at_home.add(line)
        said = _Said(counting.word, organisations, counting.grade)
        if not counting.current:
            said.left_out = Exclusion.NOT_ENROLLED
            said.nobody = counting.word != "student" and counting.word not in self._layout.staff
        elif counting.fault:
            said.fault = (f"roles.{counting.fault[0]}", counting.fault[1])
        elif counting.word in self._layout.cardless:
            said.left_out, said.nobody = Exclusion.NOT_ENROLLED, True
        return said


def _people(
    bundle: Bundle,
    sources: _Sources,
    users: _Users,
    wrong_width: list[int],
    joined: _Joined,
    today: date,
) -> Reading:
    terms, layout, births = bundle.terms, sources.layout, joined.births
    names = {*(name for role in Role for name in fields_of(role, terms)), "student_id", "school_id", "opt_out"}
    places = {name: sources.column_of(name) for name in names}
    if layout.roles:
        places |= {f"roles.{name}": ("roles.csv", name) for name in layout.roles.columns}
    user_roles = _UserRoles(users, joined, layout)
    homeroom_lines: dict[int, int] = {}
    lines = {"roles.csv": user_roles.lines, "classes.csv": homeroom_lines}
    validator = Validator(
        terms,
        file="users.csv",
        columns=places,
        today=today,
        placed=lambda problem, line: _placed(problem, line, lines, user_roles.at_home),
    )
    demographics = tuple(sources.demographics)
    guardians = _Guardians(sources, users, joined)
    placing = _Placing(joined.schools, terms)
    at = users.at
    id_at, enabled_at = at["sourcedId"], at.get("enabledUser")
    status_at, agents_at = at.get("status"), at.get("agentSourcedIds")
    flag_at = at.get(sources.flag) if sources.flag else None
    standings: dict[tuple[str, str], tuple[Exclusion | None, Reason | None]] = {}
    picks = {role: [(name, at[header]) for name, header in sources.users[role].items() if header in at] for role in Role}
    spare = bundle.spare
    own_ids_at = {role: dict(picks[role]).get("student_id") for role in Role}
    for line, cells in users.rows:
        user = cells[id_at].strip()
        said = user_roles.of(line, user, cells)
        if said.word in FAMILY_ROLES:
            spare.contacts[user] = said.word
            continue
        if said.word == "proctor" and not said.fault:
            spare.cardless.add(user)
            validator.exclude(Exclusion.PROCTOR)
            continue
        role = Role.STUDENT if said.word == "student" else Role.STAFF if said.word in layout.staff else None
        own_id_at = own_ids_at[role or Role.STUDENT]
        own_id = "" if own_id_at is None else cells[own_id_at]
        refused, reasons = values.flag(cells[flag_at]) if flag_at is not None and cells[flag_at] else (False, ())
        if refused:
            spare.refused.add(user)
        elif role is Role.STAFF and not terms.staff:
            spare.cardless.add(user)
        marks = (cells[enabled_at] if enabled_at is not None else "", cells[status_at] if status_at is not None else "")
        left_out, bad = standings.get(marks) or standings.setdefault(marks, _standing(*marks))
        mark = "enabledUser" if bad is Reason.BAD_FLAG else "status"
        if said.fault and not bad and not left_out:
            mark, bad = said.fault
        left_out = left_out or said.left_out
        # Of a row that was kept with its no, nothing else was kept.
        if refused and (role is None or bad or left_out or terms.route == "before_upload" or line < 0):
            found = [(user_roles.column, Reason.BAD_ROLE)] if role is None and not said.nobody and bad is not Reason.BAD_ROLE else []
            if bad:
                found.append((mark, bad))
            if terms.route == "before_upload" and (line in users.full or user in births):
                found.append(("opt_out", Reason.FULL_ROW_OF_REFUSED))
            validator.refused(line, role, own_id, found)
            continue
        if role is None and not said.nobody:
            column, reason = said.fault or (user_roles.column, Reason.BAD_ROLE)
            validator.reject(line, column, reason, raw_id=own_id)
            continue
        if bad:
            validator.reject(line, mark, bad, role=role, raw_id=own_id)
            continue
        if reasons:
            validator.reject(line, "opt_out", Reason.BAD_FLAG, role=role, raw_id=own_id)
            continue
        if role is None or (not refused and (left_out or (role is Role.STAFF and not terms.staff))):
            validator.exclude(left_out or Exclusion.STAFF, role=role, raw_id=own_id)
            continue
        raw = {name: cells[place] for name, place in picks[role]}
        draft = Draft(line, role, raw, word=said.word)
        if refused:
            raw["opt_out"] = "yes"
        if sources.asks_school:
            school = placing.of(said.organisations)
            if school is None:
                draft.dangling = True
            else:
                if "school_id" in sources.orgs or terms.schools is not None:
                    raw["school_id"] = school.id
                if "school_name" in sources.orgs:
                    raw["school_name"] = school.name
        if role is Role.STUDENT:
            if "grade" in sources.roles:
                raw["grade"] = said.grade
            if born := births.get(user):
                draft.born_at = born[0]
                raw.update(zip(demographics, born[1], strict=True))
            if homeroom := joined.homerooms.get(user):
                homeroom_lines[line], raw["homeroom"] = homeroom
            guardians.fill(draft, user, cells[agents_at] if agents_at is not None else "")
        validator.add(draft)
    validator.settle()
    validator.wrong_width(wrong_width)
    for row in bundle.merging.unapplied if bundle.merging else ():
        if row.file == "users.csv":
            own_id = next((row.cells[place] for name, place in picks[Role.STUDENT] if name == "student_id" and row.cells), "")
            given = {name: row.cells[place] for name, place in at.items()} if row.cells else {}
            if own_id.strip() and sources.says_no(given):
                validator.refused(row.line, None, own_id, [(row.column, row.reason)])
            else:
                validator.unapplied(row.line, row.column, row.reason, raw_id=own_id)
        else:
            bundle.problems.append(Problem(row.file, row.line, row.column, row.reason))
    validator.problems += bundle.problems
    validator.problems += guardians.problems
    if not validator.rows:
        raise RefusedError(Reason.EMPTY_BULK, "users.csv")
    return validator.reading(layout.format, (), guardians.count)


def _placed(problem: Problem, line: int, lines: Mapping[str, Mapping[int, int]], at_home: set[int]) -> Problem:
    """The problem of the row at ``line`` of users.csv with a value that came from another file, on its line there; ``lines`` are that file's by those of users.csv."""
    if problem.file not in lines:
        return problem
    if problem.column == "orgSourcedId" and line in at_home:
        return replace(problem, file="users.csv", column="primaryOrgSourcedId")
    own = lines[problem.file].get(line)
    # Only a homeroom that is wanting stands nowhere; it is named as the agreement names it.
    return replace(problem, file="users.csv", column="homeroom") if own is None else replace(problem, line=own)


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


# What is kept for the next changes, and a look at changes alone


def _kept(bundle: Bundle, sources: _Sources, reading: Reading) -> Reading:
    """The reading with what has to be kept of the files. Raises RefusedError(TOO_LARGE) where that is too much."""
    merging = bundle.merging
    assert merging is not None
    earlier = merging.earlier
    files = _spared(merging.kept, bundle.spare, sources)
    if sum(kept.size() for kept in files.values()) > 2 * bundle.terms.max_bytes:
        raise RefusedError(Reason.TOO_LARGE, "users.csv")
    return replace(
        reading,
        format=f"{reading.format}_delta" if merging.delta else reading.format,
        delta=merging.delta,
        snapshot=Snapshot(sources.layout.format, max(merging.arrived, earlier.latest if earlier else ""), files),
    )


def _spared(kept: Mapping[str, Kept], spare: Spare, sources: _Sources) -> dict[str, Kept]:
    """The files without what need not be kept.

    Of a child whose family said no: id, dates, role and the no. Of guardians whom only such children have: nothing. Of other guardians: the contact as
    agreed. Of people who get no card whatever their row says: no name.
    """
    files = dict(kept)
    users = files["users.csv"]
    bare = frozenset({*KEYS, "enabledUser", "role", sources.flag, *(sources.users[role].get("student_id", "") for role in Role)})
    contact = bare | {"agentSourcedIds", *(("email",) if "guardian_email" in sources.from_guardians else ())}
    contact |= {"givenName", "familyName"} if "guardian_name" in sources.from_guardians else set()
    keeps = {user: contact if word in CONTACT_ROLES else bare for user, word in spare.contacts.items()}
    keeps |= dict.fromkeys(spare.cardless | spare.refused, bare)
    lost = _guardians_of_refused_only(users, spare)
    files["users.csv"] = forgotten(emptied(reduced(users, keeps), lost), bare)
    if "demographics.csv" in files:
        files["demographics.csv"] = emptied(files["demographics.csv"], spare.refused)
    for file, column in (("roles.csv", "orgSourcedId"), (ENROLLMENTS, "")):
        if file in files:
            theirs = _rows_of(files[file], "userSourcedId", spare.refused)
            others = frozenset(files[file].columns) - {column}
            files[file] = reduced(files[file], dict.fromkeys(theirs, others)) if column else emptied(files[file], theirs)
    return files


def _rows_of(kept: Kept, column: str, users: Set[str]) -> list[str]:
    at = kept.columns.index(column)
    return [key for key, entry in kept.rows.items() if any(cells[at].strip() in users for cells in entry.shown)]


def _guardians_of_refused_only(users: Kept, spare: Spare) -> set[str]:
    """The guardians who are named by, or name, children with a no and no other child."""
    if "agentSourcedIds" not in users.columns or not spare.refused:
        return set()
    at = users.columns.index("agentSourcedIds")
    of_refused: set[str] = set()
    of_others: set[str] = set()
    for key, entry in users.rows.items():
        for cells in entry.shown:
            for agent in _listed(cells[at]):
                guardian, child = (key, agent) if key in spare.contacts else (agent, key)
                (of_refused if child in spare.refused else of_others).add(guardian)
    return (of_refused - of_others) & spare.contacts.keys()


def _rows_only(bundle: Bundle, sources: _Sources, today: date) -> Reading:
    """What can be said of changes without the files that they change: of their columns, of the form of their rows, not of whom they make."""
    merging, layout = bundle.merging, sources.layout
    assert merging is not None
    rows: list[tuple[int, tuple[str, ...]]] = []
    if "orgs.csv" in bundle:
        _read_orgs(bundle, sources)
    if "demographics.csv" in bundle:
        _read_demographics(bundle, sources)
    if "users.csv" in bundle:
        rows = _read_users(bundle, sources, ())[0].rows
    if layout.roles and "roles.csv" in bundle:
        read_roles(bundle, layout.roles, today, organisations=sources.asks_school, grades=False)
    if sources.homerooms:
        read_homerooms(bundle, today)
    faults = [Problem(row.file, row.line, row.column, row.reason) for row in merging.unapplied]
    rejected = Counter(fault.reason for fault in faults if fault.file == "users.csv")
    return Reading(
        format=f"{layout.format}_delta",
        people=Roll(),
        problems=tuple(sorted((*bundle.problems, *faults), key=lambda problem: (problem.file, problem.line))),
        rows=len(rows) + sum(rejected.values()),
        rejected=dict(rejected),
        excluded={},
        dropped=(*bundle.dropped, *bundle.unread()),
        delta=True,
        rows_only=True,
    )


class _Placing:
    """The school of a row by its list of organisations: one of the roll-out first, else the first school, else the first organisation that is known."""

    def __init__(self, schools: Mapping[str, School], terms: Terms) -> None:
        self._schools = schools
        self._rollout = terms.schools
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
    """Guardians and parents of users.csv, found from the student's row, from their own, or by relationships.csv."""

    def __init__(self, sources: _Sources, users: _Users, joined: _Joined) -> None:
        self.problems: list[Problem] = []
        self.count = 0
        self._fields = sources.from_guardians
        self._people: dict[str, Guardian | None] = {}
        self._of_child: dict[str, list[str]] = {}
        contacts = {guardian for _, _, guardian in joined.relationships.contacts}
        role_at = users.at.get("role")
        for line, cells in users.rows:
            key = users.cell(cells, "sourcedId").strip()
            if role_at is not None:
                said = cells[role_at].strip().lower()
            else:
                said = "guardian" if key in contacts else joined.roles.family.get(key, "") if joined.roles else ""
            if said not in FAMILY_ROLES and key not in joined.relationships.people:
                continue
            self.count += 1
            enabled = _standing(users.cell(cells, "enabledUser"), users.cell(cells, "status")) == (None, None)
            if not self._fields or said not in CONTACT_ROLES or not enabled:
                self._people[key] = None
                continue
            self._people[key] = self._guardian(line, users, cells)
            for child in _listed(users.cell(cells, "agentSourcedIds")):
                self._of_child.setdefault(child, []).append(key)
        for line, child, guardian in joined.relationships.contacts:
            if guardian in self._people:
                self._of_child.setdefault(child, []).append(guardian)
            else:
                self.problems.append(Problem("relationships.csv", line, "relationshipUserSourcedId", Reason.DANGLING_GUARDIAN))

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
        if not self._fields:
            return
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
