"""roles.csv, where OneRoster 1.2 and Microsoft School Data Sync 2.1 keep who is a student, who is staff, and at which school.

A user may have several roles. The one that counts is the primary one of today; where none is primary, the first to have begun.
Sources: 1EdTech OneRoster 1.2 CSV binding, roles.csv; Microsoft, "SDS V2.1 CSV file format" and "Default list of values".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from firstcard.roster.bundle import Bundle
from firstcard.roster.reading import RefusedError
from firstcard.roster.reasons import Problem, Reason

FILE = "roles.csv"

FAMILY_ROLES = frozenset({"guardian", "parent", "relative"})
CONTACT_ROLES = frozenset({"guardian", "parent"})
"""Whose address is the household's: a relative need not be a guardian."""

_DAY = re.compile(r"(?:(\d{4})-(\d{2})-(\d{2})(?:T[\d:.]{1,15}Z?)?|(\d{1,2})/(\d{1,2})/(\d{4}))", re.ASCII)
_GONE = frozenset({"tobedeleted", "inactive"})


@dataclass(frozen=True, slots=True)
class RolesForm:
    """roles.csv in one form: its columns, and the words of its roles in small letters.

    ``primary`` is the column that holds one of ``primary_words``, with their meaning; ``grade`` is empty where the form has no such column.
    ``staff`` are the roles that get educator cards, ``cardless`` those of people who are neither students nor staff nor family.
    """

    columns: tuple[str, ...]
    required: frozenset[str]
    staff: frozenset[str]
    cardless: frozenset[str]
    primary: str
    primary_words: Mapping[str, bool]
    begin: str
    end: str
    grade: str


ROLES_1_2 = RolesForm(
    columns=(
        *("sourcedId", "status", "dateLastModified", "userSourcedId", "roleType", "role", "beginDate", "endDate", "orgSourcedId"),
        "userProfileSourcedId",
    ),
    required=frozenset({"userSourcedId", "roleType", "role"}),
    staff=frozenset(
        {
            *("teacher", "administrator", "aide", "counselor", "districtadministrator", "principal", "siteadministrator"),
            "systemadministrator",
        }
    ),
    cardless=frozenset({"proctor"}),
    primary="roleType",
    primary_words={"primary": True, "secondary": False, "": False},
    begin="beginDate",
    end="endDate",
    grade="",
)
ROLES_SDS = RolesForm(
    columns=("userSourcedId", "orgSourcedId", "role", "sessionSourcedId", "grade", "isPrimary", "roleStartDate", "roleEndDate"),
    required=frozenset({"userSourcedId", "role"}),
    staff=frozenset(
        {
            *("principal", "chair", "professor", "researcher", "adjunct", "affiliate", "occupationaltherapist", "physicaltherapist"),
            *("speechtherapist", "visiontherapist", "paraprofessional", "specialservices", "advisor", "nurse", "officestaff", "lecturer"),
            *("itadmin", "administrator", "teacher", "faculty", "staff", "teacherassistant", "assistant", "instructor", "substitute"),
            "coach",
        }
    ),
    cardless=frozenset({"proctor", "alumni", "other"}),
    primary="isPrimary",
    primary_words={"true": True, "false": False, "": False},
    begin="roleStartDate",
    end="roleEndDate",
    grade="grade",
)


@dataclass(frozen=True, slots=True)
class Assignment:
    """The role of a user that counts: its word in small letters, its organisations as a comma list, where it stands, and what is wrong with it.

    ``current`` is False where it has ended or not begun; ``fault`` is the column and the reason why the row cannot be used.
    """

    line: int
    word: str
    organisations: str
    grade: str
    primary: bool
    begin: date
    current: bool
    fault: tuple[str, Reason] | None

    @property
    def rank(self) -> tuple[object, ...]:
        """Its place among the roles of one user, the smallest first; of two in the same place the one that is read first.

        Where nothing else decides, a student is a student rather than staff, so that the order of an export changes nobody's card.
        """
        return (
            not self.current,
            not self.primary,
            self.fault is not None,
            self.word in FAMILY_ROLES,
            self.begin,
            self.word != "student",
        )


@dataclass(frozen=True, slots=True)
class Roles:
    """What roles.csv says of each user, by the user's sourcedId.

    ``family`` is the word of the family role that a user has today, whatever else the user is. ``broken_at`` is the line of the first row whose user cannot
    be told, or 0: then a user without a role may still have one.
    """

    counting: Mapping[str, Assignment]
    family: Mapping[str, str]
    broken_at: int


def read_roles(bundle: Bundle, form: RolesForm, today: date, *, organisations: bool, grades: bool) -> Roles:
    """Read roles.csv; ``organisations`` and ``grades`` say whether these columns are agreed.

    Raises RefusedError(EMPTY_BULK) where it has no row at all: nobody would have a role, and every card would end.
    """
    wanted = ["userSourcedId", "status", form.primary, "role", form.begin, form.end]
    required = set(form.required)
    if organisations:
        wanted.append("orgSourcedId")
        required.add("orgSourcedId")
    if grades and form.grade:
        wanted.append(form.grade)
    columns = bundle.columns(FILE, wanted, required=frozenset(required), known=form.columns)
    at = {name: place for place, name in enumerate(columns.places)}
    days: dict[str, tuple[date | None, Reason | None]] = {"": (None, None)}
    rows: dict[str, list[Assignment]] = {}
    wrong_width: list[int] = []
    nameless: list[int] = []
    for line, cells, _ in bundle.rows(columns, wrong_width):
        user = cells[at["userSourcedId"]].strip()
        if not user:
            nameless.append(line)
            continue
        given = {name: cells[place].strip() for name, place in at.items()}
        row = _assignment(line, given, form, today, days)
        for name in (form.begin, form.end):
            if days[given.get(name, "")][1] is Reason.DATE_NOT_ISO:
                bundle.problems.append(Problem(FILE, line, name, Reason.DATE_NOT_ISO))
        rows.setdefault(user, []).append(row)
    bundle.problems += [Problem(FILE, line, "", Reason.ROW_WIDTH) for line in wrong_width]
    bundle.problems += [Problem(FILE, line, "userSourcedId", Reason.MISSING_REQUIRED) for line in nameless]
    bundle.finish(columns)
    if not rows and not wrong_width and not nameless and not (bundle.merging and bundle.merging.rows_only):
        raise RefusedError(Reason.EMPTY_BULK, FILE)
    counting = {user: _counting(of_user) for user, of_user in rows.items()}
    for user, of_user in rows.items():
        # The fault of the row that counts is told with the person; that of another one would else be told nowhere.
        told = counting[user].line if counting[user].current else 0
        bundle.problems += [Problem(FILE, row.line, *row.fault) for row in of_user if row.fault and row.line != told]
    return Roles(counting, _families(rows), min([*wrong_width, *nameless], default=0))


def _assignment(
    line: int, given: Mapping[str, str], form: RolesForm, today: date, days: dict[str, tuple[date | None, Reason | None]]
) -> Assignment:
    fault: tuple[str, Reason] | None = None
    limits = []
    for name in (form.begin, form.end):
        cell = given.get(name, "")
        if cell not in days:
            days[cell] = day_of(cell)
        day, reason = days[cell]
        limits.append(day)
        if day is None and reason:
            fault = fault or (name, reason)
    begin, end = limits
    status = given.get("status", "").lower()
    if status not in _GONE and status not in ("", "active"):
        fault = fault or ("status", Reason.BAD_STATUS)
    primary = form.primary_words.get(given.get(form.primary, "").lower())
    if primary is None:
        fault = fault or (form.primary, Reason.BAD_ROLE)
    word = given["role"].lower()
    if word != "student" and word not in form.staff | form.cardless | FAMILY_ROLES:
        fault = fault or ("role", Reason.BAD_ROLE)
    current = status not in _GONE and (begin is None or begin <= today) and (end is None or today <= end)
    return Assignment(
        line=line,
        word=word,
        organisations=given.get("orgSourcedId", ""),
        grade=given.get(form.grade, "") if form.grade else "",
        primary=primary is not False,
        begin=begin or date.min,
        current=current,
        fault=fault,
    )


def _counting(of_user: list[Assignment]) -> Assignment:
    """The role that counts. Where it stands at several schools, as 1.2 has a primary role for each, all of them are its organisations."""
    if len(of_user) == 1:
        return of_user[0]
    ranked = sorted(of_user, key=lambda row: row.rank)
    first = ranked[0]
    alike = [
        row for row in ranked if (row.word, row.primary, row.current, row.fault) == (first.word, first.primary, first.current, first.fault)
    ]
    organisations = ",".join(dict.fromkeys(row.organisations for row in alike if row.organisations))
    return Assignment(first.line, first.word, organisations, first.grade, first.primary, first.begin, first.current, first.fault)


def _families(rows: Mapping[str, list[Assignment]]) -> dict[str, str]:
    families: dict[str, str] = {}
    for user, of_user in rows.items():
        words = [row.word for row in of_user if row.word in FAMILY_ROLES and row.current and not row.fault]
        if words:
            families[user] = next((word for word in words if word in CONTACT_ROLES), words[0])
    return families


def day_of(cell: str) -> tuple[date | None, Reason | None]:
    """The day of a cell with what must be said about it; None where it is none."""
    found = _DAY.fullmatch(cell)
    if not found:
        return None, Reason.BAD_DATE
    year, month, day, us_month, us_day, us_year = found.groups()
    try:
        if year:
            return date(int(year), int(month), int(day)), None
        return date(int(us_year), int(us_month), int(us_day)), Reason.DATE_NOT_ISO
    except ValueError:
        return None, Reason.BAD_DATE
