"""The people of a synthetic district: the same seed and day give the same children, to the letter."""

import random
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import cycle, islice

from local.district.names import ORIGINS, SCHOOL_NAMES, STREETS, SUFFIXES, Origin

GRADES = ("PK", "KG", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12")
"""CEDS grade codes of a district's schools, youngest first; a child's age in years on 1 September is the place in this row plus four."""

_ELEMENTARY, _MIDDLE, _HIGH = GRADES[:7], GRADES[7:10], GRADES[10:]
_HOMEROOM_SIZE = 24


class Damage(StrEnum):
    """What is wrong with a planted row; each must cost exactly that row."""

    MISSING_LAST_NAME = "missing_last_name"
    FUTURE_BIRTH_DATE = "future_birth_date"
    CONTROL_CHARACTER = "control_character"
    SAME_ID_OTHER_CONTENT = "same_id_other_content"
    UNKNOWN_SCHOOL = "unknown_school"
    CYRILLIC_IN_ID = "cyrillic_in_id"

    @property
    def reason_code(self) -> str:
        """The reason code (docs/reason-codes.md) that a receipt must show for such a row."""
        return {
            Damage.MISSING_LAST_NAME: "MISSING_REQUIRED",
            Damage.FUTURE_BIRTH_DATE: "BIRTH_DATE_IN_FUTURE",
            Damage.CONTROL_CHARACTER: "CONTROL_CHAR",
            Damage.SAME_ID_OTHER_CONTENT: "DUPLICATE_ID",
            Damage.UNKNOWN_SCHOOL: "DANGLING_SCHOOL",
            Damage.CYRILLIC_IN_ID: "NON_ASCII_ID",
        }[self]


class ChangeKind(StrEnum):
    """What may happen to a child between two nightly exports."""

    MOVED_SCHOOL = "moved_school"
    NEW_EMAIL = "new_email"
    NEW_NAME = "new_name"
    LEFT = "left"
    ARRIVED = "arrived"


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """A school and the grades it teaches; ``sourced_id`` is its id in the export, ``number`` the one people say."""

    sourced_id: str
    number: str
    name: str
    grades: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardian:
    """A parent or guardian; ``email`` as the school typed it, empty where the family gave none."""

    sourced_id: str
    given_name: str
    family_name: str
    email: str
    phone: str

    def __repr__(self) -> str:
        """Which row it is, never who."""
        return f"Guardian({self.sourced_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """A child as the student system holds it, damage included; the first guardian is the one to write to."""

    sourced_id: str
    local_id: str
    state_id: str
    last_name: str
    first_name: str
    middle_name: str
    suffix: str
    birth_date: date
    grade: str
    school: str
    homeroom: str
    language: str
    guardians: tuple[Guardian, ...]
    household: int
    street: str
    postal_code: str
    opt_out: bool = False
    contact_restricted: bool = False
    damage: Damage | None = None

    @property
    def email(self) -> str:
        """The household's address in lower case; empty if no guardian gave one."""
        return next((guardian.email.lower() for guardian in self.guardians if guardian.email), "")

    def __repr__(self) -> str:
        """Which row it is, never who."""
        return f"Student({self.sourced_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """A teacher or administrator with an employee id."""

    sourced_id: str
    local_id: str
    last_name: str
    first_name: str
    email: str
    school: str
    role: str

    def __repr__(self) -> str:
        """Which row it is, never who."""
        return f"Staff({self.sourced_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a check from outside must find after the export was taken in, counted from the people and from nothing else.

    ``rows`` are students and staff (guardians are no rows of their own). ``carded_students`` are good rows without a refusal, ``adults`` those of
    18 or more among them, whose guardians are not written to (34 CFR 99.5). ``addresses`` are the different e-mail addresses of the others'
    households (one announcement each), ``unreachable`` the carded students whom no such address reaches, adults among them.
    """

    rows: int
    student_rows: int
    staff_rows: int
    good_students: int
    good_staff: int
    damaged: dict[Damage, int]
    opted_out: int
    contact_restricted: int
    carded_students: int
    addresses: int
    unreachable: int
    adults: int
    guardians: int

    @property
    def rejected(self) -> dict[str, int]:
        """How many rows a receipt must show as rejected, by reason code."""
        return {damage.reason_code: rows for damage, rows in self.damaged.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One child that differs between two exports."""

    kind: ChangeKind
    sourced_id: str
    local_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class District:
    """A school district on one day: schools, students with their guardians, staff. ``org_id`` is its own organisation id in its exports."""

    slug: str
    name: str
    org_id: str
    region: str
    city: str
    seed: int
    today: date
    schools: tuple[School, ...]
    students: tuple[Student, ...] = field(repr=False)
    staff: tuple[Staff, ...] = field(repr=False)

    @property
    def guardians(self) -> tuple[Guardian, ...]:
        """Every guardian once, in the order of their children."""
        return tuple({guardian.sourced_id: guardian for student in self.students for guardian in student.guardians}.values())

    @property
    def expected(self) -> Expected:
        """The counts that hold for this district's OneRoster export."""
        good = [student for student in self.students if student.damage is None]
        carded = [student for student in good if not student.opt_out]
        minors = [student for student in carded if _age(student.birth_date, self.today) < 18]
        reached = [student for student in minors if student.email]
        return Expected(
            rows=len(self.students) + len(self.staff),
            student_rows=len(self.students),
            staff_rows=len(self.staff),
            good_students=len(good),
            good_staff=len(self.staff),
            damaged=dict(Counter(student.damage for student in self.students if student.damage is not None)),
            opted_out=len(good) - len(carded),
            contact_restricted=sum(student.contact_restricted for student in good),
            carded_students=len(carded),
            addresses=len({student.email for student in reached}),
            unreachable=len(carded) - len(reached),
            adults=len(carded) - len(minors),
            guardians=len(self.guardians),
        )

    def needles(self) -> frozenset[str]:
        """What a search through logs, keys and events must never find: ids, e-mail addresses, full names, long last names, birth dates.

        Look for them as whole words, and in escaped text also as JSON would write them. A name that is too short to tell anything on
        its own (``O``, ``Rose``) is here only together with its other half; a birth date only if it cannot be a date of the run.
        """
        found: set[str] = set()
        for student in self.students:
            found |= {student.local_id, student.state_id, student.email, *(guardian.email for guardian in student.guardians)}
            if student.birth_date.year < self.today.year - 2:
                found.add(student.birth_date.isoformat())
        names = {(student.first_name, student.last_name) for student in self.students} | {
            (person.first_name, person.last_name) for person in self.staff
        }
        for first, last in names:
            found |= {f"{first} {last}", f"{last}, {first}"} if last else set()
            found |= {last} if len(last) > 8 else set()
        found |= {value for person in self.staff for value in (person.local_id, person.email)}
        return frozenset(value for value in found if len(value) >= 6)

    def next_day(self, changed: int = 10, *, kinds: Sequence[ChangeKind] = tuple(ChangeKind)) -> tuple["District", tuple[Change, ...]]:
        """The district a day later with exactly ``changed`` children changed, the kinds taken in turn, and the list of what changed.

        Only good rows without a refusal change, and a new e-mail address goes to an only child, so that one change is one changed row.
        Raises ValueError if the district is too small for that.
        """
        tomorrow = self.today + timedelta(days=1)
        draw = _draw(self.slug, self.seed, "next day", tomorrow.isoformat())
        siblings = Counter(student.household for student in self.students)
        candidates = [student for student in self.students if student.damage is None and not student.opt_out]
        draw.shuffle(candidates)
        waiting = {
            ChangeKind.NEW_EMAIL: [student for student in candidates if siblings[student.household] == 1 and student.email],
            ChangeKind.MOVED_SCHOOL: [student for student in candidates if len(_teaching(self.schools, student.grade)) > 1],
        }
        touched: set[str] = set()
        replaced: dict[str, Student | None] = {}
        arrivals: list[Student] = []
        changes: list[Change] = []
        newcomers = _newcomers(self, sum(kinds[n % len(kinds)] is ChangeKind.ARRIVED for n in range(changed)), tomorrow)
        for n in range(changed):
            kind = kinds[n % len(kinds)]
            if kind is ChangeKind.ARRIVED:
                student = newcomers[len(arrivals)]
                arrivals.append(student)
            else:
                student = next((each for each in waiting.get(kind, candidates) if each.sourced_id not in touched), None) or _too_small(
                    changed
                )
                replaced[student.sourced_id] = _changed(student, kind, self.schools, draw, tomorrow)
            touched.add(student.sourced_id)
            changes.append(Change(kind=kind, sourced_id=student.sourced_id, local_id=student.local_id))
        stayed = [replaced.get(student.sourced_id, student) for student in self.students]
        students = (*(student for student in stayed if student is not None), *arrivals)
        return replace(self, today=tomorrow, students=students), tuple(changes)


def make_district(
    *,
    district: str,
    students: int,
    staff: int,
    schools: int = 12,
    seed: int,
    today: date,
    name: str = "",
    org_id: str = "",
    region: str = "FL",
    grades: Collection[str] = GRADES,
    damaged_share: float = 0.006,
    opted_out_share: float = 0.01,
    no_address_share: float = 0.03,
) -> District:
    """A district of exactly ``students`` student rows and ``staff`` staff rows in ``schools`` schools, the same for the same arguments.

    ``damaged_share`` of the student rows are damaged, the kinds of damage in turn (of the pair with one id both rows count). ``grades`` are those that the
    export has; a family has no more children in it than there are such grades.
    """
    if students < 1 or staff < 0 or not 1 <= schools <= len(SCHOOL_NAMES):
        raise ValueError(f"a district has students, and from 1 to {len(SCHOOL_NAMES)} schools")
    draw = _draw(district, seed, "people")
    founded = _schools(district, schools, grades)
    town = _Town(district=district, schools=founded, today=today, draw=draw, no_address_share=no_address_share, grades=grades)
    planted = _planned_damage(round(students * damaged_share))
    pairs = sum(kind is Damage.SAME_ID_OTHER_CONTENT for kind in planted)
    children: list[Student] = []
    while len(children) < students - pairs:
        children.extend(town.family(students - pairs - len(children)))
    children = _in_homerooms(children)
    draw.shuffle(children)
    refused = set(draw.sample(range(len(children)), round(len(children) * opted_out_share)))
    restricted = set(draw.sample(range(len(children)), round(len(children) * 0.004)))
    children = [
        replace(child, opt_out=n in refused, contact_restricted=n in restricted) if n in refused or n in restricted else child
        for n, child in enumerate(children)
    ]
    sound = [n for n, child in enumerate(children) if not child.opt_out and not child.contact_restricted]
    copies: list[Student] = []
    for n, kind in zip(draw.sample(sound, len(planted)), planted, strict=True):
        children[n], copy = _spoil(children[n], kind, today, draw)
        copies.extend(copy)
    return District(
        slug=district,
        name=name or f"{district.replace('-', ' ').title()} School District",
        org_id=org_id or f"{district}-district",
        region=region,
        city="Heron Landing",
        seed=seed,
        today=today,
        schools=founded,
        students=(*children, *copies),
        staff=tuple(town.staff(staff)),
    )


def _draw(*parts: object) -> random.Random:
    return random.Random("\0".join(map(str, parts)))  # noqa: S311  synthetic people need a draw that can be repeated


def _too_small(changed: int) -> Student:
    raise ValueError(f"the district is too small for {changed} changes of these kinds")


def _age(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _school_year(today: date) -> int:
    """The calendar year in which the school year of ``today`` began (July)."""
    return today.year if today.month >= 7 else today.year - 1


def _schools(district: str, count: int, grades: Collection[str]) -> tuple[School, ...]:
    """Six of ten teach PK to 05, two 06 to 08, two 09 to 12, but no school teaches none of ``grades``; fewer than three schools teach everything."""
    kinds: list[tuple[str, tuple[str, ...]]]
    if count < 3:
        kinds = [("School", GRADES)] * count
    else:
        upper = max(1, round(count * 0.2))
        kinds = (
            [("Elementary School", _ELEMENTARY)] * (count - 2 * upper)
            + [("Middle School", _MIDDLE)] * upper
            + [("High School", _HIGH)] * upper
        )
    fitting = [kind for kind in kinds if not set(grades).isdisjoint(kind[1])]
    if len(fitting) < len(kinds):
        kinds = list(islice(cycle(dict.fromkeys(fitting)), count))
    return tuple(
        School(sourced_id=f"{district}-school-{n:03d}", number=str(100 + n), name=f"{SCHOOL_NAMES[n - 1]} {kind}", grades=grades)
        for n, (kind, grades) in enumerate(kinds, start=1)
    )


def _teaching(schools: Iterable[School], grade: str) -> list[School]:
    return [school for school in schools if grade in school.grades]


_PLAIN = str.maketrans({"đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ø": "o", "ß": "ss", "ı": "i", "ʻ": "", "ʿ": "", "'": "", " ": "", "-": ""})


def _ascii(name: str, spelled: dict[str, str]) -> str:
    text = unicodedata.normalize("NFKD", spelled.get(name, name).translate(_PLAIN))
    return "".join(letter for letter in text if letter.isascii() and letter.isalnum()).lower()


class _Town:
    """Draws families and staff, and remembers which ids and addresses are taken."""

    def __init__(
        self,
        *,
        district: str,
        schools: tuple[School, ...],
        today: date,
        draw: random.Random,
        no_address_share: float,
        grades: Collection[str] = GRADES,
    ) -> None:
        self._district = district
        self._today = today
        self._year = _school_year(today)
        self._draw = draw
        self._no_address_share = no_address_share
        self._grades = frozenset(grades)
        self._weights = [origin.weight for origin in ORIGINS]
        self._spelled = {name: plain for origin in ORIGINS for name, plain in origin.ascii}
        self._teaching = {grade: _teaching(schools, grade) for grade in GRADES}
        self._schools = schools
        self._ids: set[str] = set()
        self._mailboxes: Counter[str] = Counter()
        self._households = 0
        self._guardians = 0

    def start_after(self, households: int, guardians: int, ids: Iterable[str], mailboxes: Counter[str]) -> None:
        """Take as given what an earlier day has used, so that newcomers meet nobody's id or address."""
        self._households, self._guardians = households, guardians
        self._ids.update(ids)
        self._mailboxes.update(mailboxes)

    def family(self, at_most: int) -> list[Student]:
        """One household's children, from one to ``at_most`` (and seldom more than three)."""
        draw = self._draw
        self._households += 1
        origin, other = self._origin(), self._origin()
        children = min(at_most, len(self._grades), draw.choices((1, 2, 3, 4), (52, 34, 11, 3))[0])
        surname, second_surname = self._family_name(origin), self._family_name(other if draw.random() < 0.2 else origin)
        child_surname = self._child_surname(origin, surname, second_surname)
        kind = draw.choices(("two", "one", "step"), (62, 25, 13))[0]
        language = draw.choices(*zip(*origin.languages, strict=True))[0]
        reachable = draw.random() >= self._no_address_share
        first = self._guardian(origin, second_surname if kind == "one" else surname, reachable)
        guardians = [first] if kind == "one" else [first, self._guardian(other, second_surname, reachable and draw.random() < 0.8)]
        apart = children > 1 and len(guardians) == 2 and bool(guardians[1].email) and draw.random() < 0.03
        street = f"{draw.randint(1, 9899)} {draw.choice(STREETS)}"
        postal_code = f"320{draw.randint(0, 99):02d}"
        zone = draw.randrange(10_000)
        born: list[tuple[str, date]] = []
        found: list[Student] = []
        for n in range(children):
            twin = n > 0 and draw.random() < 0.05
            grade, birth_date = born[-1] if twin else self._grade_and_birth_date([each for each, _ in born])
            born.append((grade, birth_date))
            stepchild = kind == "step" and n % 2 == 1
            schools = self._teaching[grade]
            found.append(
                Student(
                    sourced_id=self._sourced_id("s"),
                    local_id=self._number(1_000_000, 99_999_999, 8),
                    state_id=self._number(7_000_000_000, 7_999_999_999, 10),
                    last_name=self._family_name(other) if stepchild else child_surname,
                    first_name=self._given_name(origin, {student.first_name for student in found}),
                    middle_name=draw.choice(origin.middle) if origin.middle and draw.random() < 0.55 else "",
                    suffix=draw.choice(SUFFIXES) if draw.random() < 0.012 else "",
                    birth_date=birth_date,
                    grade=grade,
                    school=schools[zone % len(schools)].sourced_id,
                    homeroom="",
                    language=language,
                    guardians=tuple(reversed(guardians)) if apart and n % 2 == 1 else tuple(guardians),
                    household=self._households,
                    street=street,
                    postal_code=postal_code,
                )
            )
        return found

    def staff(self, count: int) -> Iterable[Staff]:
        """Teachers, and one administrator among nine of them."""
        for n in range(count):
            origin = self._origin()
            first_name, last_name = self._draw.choice(origin.given), self._family_name(origin)
            yield Staff(
                sourced_id=self._sourced_id("e"),
                local_id=self._number(2_000_000, 9_999_999, 7),
                last_name=last_name,
                first_name=first_name,
                email=self._mailbox(first_name, last_name, f"{self._district}.example.org"),
                school=self._schools[n % len(self._schools)].sourced_id,
                role="administrator" if n % 9 == 8 else "teacher",
            )

    def _origin(self) -> Origin:
        return self._draw.choices(ORIGINS, self._weights)[0]

    def _family_name(self, origin: Origin) -> str:
        return self._draw.choice(origin.family)

    def _given_name(self, origin: Origin, taken: set[str]) -> str:
        free = [name for name in self._draw.sample(origin.given, 6) if name not in taken]
        return free[0]

    def _child_surname(self, origin: Origin, surname: str, second: str) -> str:
        chance = self._draw.random()
        if surname != second and chance < origin.double_surname:
            return f"{surname} {second}"
        if surname != second and chance < origin.double_surname + origin.hyphenated:
            return f"{surname}-{second}"
        return surname

    def _guardian(self, origin: Origin, surname: str, reachable: bool) -> Guardian:
        self._guardians += 1
        given = self._draw.choice(origin.given)
        mailbox = self._mailbox(given, surname, self._draw.choice(("example.org", "example.com"))) if reachable else ""
        return Guardian(
            sourced_id=f"{self._district}-g-{self._guardians:06d}",
            given_name=given,
            family_name=surname,
            email=mailbox.title() if self._draw.random() < 0.04 else mailbox,
            phone=f"904-555-01{self._draw.randint(0, 99):02d}",
        )

    def _mailbox(self, given: str, family: str, host: str) -> str:
        local = f"{_ascii(given, self._spelled)}.{_ascii(family, self._spelled)}"
        self._mailboxes[local] += 1
        serial = self._mailboxes[local]
        return f"{local}@{host}" if serial == 1 else f"{local}{serial}@{host}"

    def _number(self, low: int, high: int, digits: int) -> str:
        """An id nobody has, not even with its leading zeros lost."""
        while (number := str(self._draw.randint(low, high))) in self._ids:
            pass
        self._ids.add(number)
        return number.zfill(digits)

    def _sourced_id(self, kind: str) -> str:
        while (sourced_id := f"{self._district}-{kind}-{self._draw.getrandbits(40):010x}") in self._ids:
            pass
        self._ids.add(sourced_id)
        return sourced_id

    def _grade_and_birth_date(self, siblings: list[str]) -> tuple[str, date]:
        """A grade no sibling is in, and a birthday that suits it: one of thirty has repeated a year, one of a hundred skipped one."""
        weights = [0.0 if grade in siblings or grade not in self._grades else 0.5 if grade == "PK" else 1.0 for grade in GRADES]
        place = self._draw.choices(range(len(GRADES)), weights)[0]
        shift = self._draw.choices((0, 1, -1), (957, 33, 10))[0] if place > 1 else 0
        oldest = date(self._year - place - 5 - shift, 9, 2)
        return GRADES[place], oldest + timedelta(days=self._draw.randrange(364))


def _in_homerooms(children: list[Student]) -> list[Student]:
    """Give each child a homeroom of its school and grade, in the order they came, about two dozen to a room."""
    seen: Counter[tuple[str, str]] = Counter()
    placed = []
    for child in children:
        place = (child.school, child.grade)
        placed.append(replace(child, homeroom=f"{child.grade}-{1 + seen[place] // _HOMEROOM_SIZE:02d}"))
        seen[place] += 1
    return placed


def _planned_damage(rows: int) -> list[Damage]:
    """Kinds in turn until ``rows`` rows are damaged; a pair with one id takes two rows, and is left out where only one is left."""
    kinds, used = list(Damage), 0
    planned: list[Damage] = []
    while used < rows:
        kind = kinds[len(planned) % len(kinds)]
        cost = 2 if kind is Damage.SAME_ID_OTHER_CONTENT else 1
        if used + cost > rows:
            kind, cost = Damage.MISSING_LAST_NAME, 1
        planned.append(kind)
        used += cost
    return planned


def _spoil(student: Student, kind: Damage, today: date, draw: random.Random) -> tuple[Student, list[Student]]:
    """The damaged row, and the second row with the same id where the damage is a pair."""
    student = replace(student, damage=kind)
    match kind:
        case Damage.MISSING_LAST_NAME:
            return replace(student, last_name=""), []
        case Damage.FUTURE_BIRTH_DATE:
            return replace(student, birth_date=today + timedelta(days=draw.randint(40, 900))), []
        case Damage.CONTROL_CHARACTER:
            return replace(student, first_name=student.first_name[:1] + "\x07" + student.first_name[1:]), []
        case Damage.SAME_ID_OTHER_CONTENT:
            return student, [replace(student, first_name=f"{student.first_name} Ray", birth_date=student.birth_date + timedelta(days=31))]
        case Damage.UNKNOWN_SCHOOL:
            return replace(student, school=f"{student.school}-closed"), []
        case Damage.CYRILLIC_IN_ID:
            return replace(student, local_id=student.local_id[:-1] + "а"), []


def _changed(student: Student, kind: ChangeKind, schools: tuple[School, ...], draw: random.Random, on: date) -> Student | None:
    """The child a day later; None if it has left."""
    match kind:
        case ChangeKind.MOVED_SCHOOL:
            others = [school for school in _teaching(schools, student.grade) if school.sourced_id != student.school]
            return replace(student, school=draw.choice(others).sourced_id)
        case ChangeKind.NEW_EMAIL:
            first = replace(student.guardians[0], email=f"moved.{student.household}.{on:%m%d}@example.com")
            return replace(student, guardians=(first, *student.guardians[1:]))
        case ChangeKind.NEW_NAME:
            return replace(student, last_name=f"{student.last_name}-{draw.choice(ORIGINS[0].family)}")
        case _:
            return None


def _newcomers(district: District, count: int, today: date) -> list[Student]:
    """Only children who enrolled since yesterday."""
    town = _Town(
        district=district.slug,
        schools=district.schools,
        today=today,
        draw=_draw(district.slug, district.seed, "newcomers", today.isoformat()),
        no_address_share=0.0,
    )
    guardians = district.guardians
    mailboxes: Counter[str] = Counter()
    for guardian in guardians:
        local = guardian.email.partition("@")[0].lower()
        name = local.rstrip("0123456789")
        mailboxes[name] = max(mailboxes[name], int(local[len(name) :] or 1))
    town.start_after(
        max(student.household for student in district.students),
        max(int(guardian.sourced_id.rpartition("-")[2]) for guardian in guardians),
        {value.lstrip("0") for student in district.students for value in (student.local_id, student.state_id, student.sourced_id)}
        | {value for person in district.staff for value in (person.local_id, person.sourced_id)},
        mailboxes,
    )
    return [replace(town.family(1)[0], homeroom="01") for _ in range(count)]
