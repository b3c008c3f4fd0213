"""Rows into people: every value checked, all problems of a row listed, the first of them its reason.

Grades, schools, birth dates and names repeat from row to row: each text is judged once and remembered for this file.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import compress, repeat
from operator import itemgetter
from typing import Any, Final

from firstcard.agreement.model import ServiceArea
from firstcard.roster import values
from firstcard.roster.person import Person, Role
from firstcard.roster.reading import NO_ADDRESS, PLACES_OF_A_PERSON, DroppedColumn, Exclusion, Reading, RefusedError
from firstcard.roster.reasons import REASONS, Problem, Reason
from firstcard.roster.roll import FIELDS, YES, Key, Roll, key_of, packed, packed_rows
from firstcard.roster.terms import STAFF_FIELDS, STUDENT_FIELDS, Terms

_REMEMBERED = 50_000
"""Texts whose normal form is remembered at once: names repeat, streets do not."""
_AT_ONCE = 1024
_OF_AGE = 18
"""From this age the rights of 20 USC 1232g are the student's own (34 CFR 99.5)."""

_GUARDIAN_FIELDS = frozenset({"guardian_name", "guardian_email"})
_TEXT_FIELDS = frozenset(
    {
        "last_name",
        "first_name",
        "middle_name",
        "suffix",
        "preferred_name",
        "school_name",
        "homeroom",
        "guardian_name",
        "street",
        "city",
        "region",
        "postal_code",
        "phone",
    }
)
_EMAIL_FIELDS = frozenset({"guardian_email", "student_email", "staff_email"})
_Who = tuple[Role, str]
_HARDLY_REPEATED: Mapping[str, tuple[Callable[[Sequence[str]], Sequence[str] | None], Callable[[str], values.Checked]]] = {
    **dict.fromkeys(_EMAIL_FIELDS, (values.plain_emails, values.email)),
    **dict.fromkeys(("student_id", "state_id", "card_number"), (values.plain_codes, values.code)),
    **dict.fromkeys(("street", "phone"), (values.plain_texts, values.text)),
}
"""Columns that are looked at as one text first, and what judges each cell where that does not do."""


@dataclass(slots=True)
class Draft:
    """One row before it is checked: its role and the raw text of its fields; ``school`` says that the row's school is not in the file.

    ``born_at`` is the line of the birth date where that stands in another file. ``word`` is the role as the file says it, in small letters.
    """

    line: int
    role: Role
    values: dict[str, str]
    dangling: bool = False
    born_at: int = 0
    word: str = ""
    problems: list[tuple[str, Reason]] = field(default_factory=list)


_SAME = {name: name for name in FIELDS if name not in ("role", "local_id", "email", "language", "opt_out")}
_FIELDS: Mapping[Role, Mapping[str, str]] = {
    Role.STUDENT: _SAME | {"local_id": "student_id", "email": "guardian_email", "language": "home_language"},
    Role.STAFF: {name: name for name in _SAME if name not in ("birth_date", "grade")}
    | {"local_id": "student_id", "email": "staff_email", "language": "home_language"},
}
"""The column that each field of a person comes from."""

ODD: Final = "\0"
"""Stands for a value that is not as it should be: its row is checked by itself. No normal form holds a control character."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Rows of one role by the column: their lines and ids, each as packed text, and the places of those that must be looked at by themselves."""

    lines: Sequence[int]
    keys: Sequence[int]
    rows: Sequence[str]
    odd: Sequence[int]


class _Judged(dict[str, Any]):
    """What each text of a column comes to, judged once; ``ODD`` where there is anything to say about it."""

    def __init__(self, judge: Callable[[str], Any]) -> None:
        self._judge = judge
        self._odd: set[str] = set()

    def __missing__(self, cell: str) -> Any:  # noqa: ANN401  a column's values are of its own kind
        found = self[cell] = self._judge(cell)
        if found is ODD:
            self._odd.add(cell)
        return found

    def column(self, cells: Sequence[str]) -> tuple[Sequence[Any], Iterable[int]]:
        """The column with each text replaced by what it comes to, and the places of the odd ones."""
        if len(self) > _REMEMBERED:
            self.clear()
            self._odd.clear()
        found = itemgetter(*cells)(self) if len(cells) > 1 else [self[cell] for cell in cells]
        return found, () if not self._odd or self._odd.isdisjoint(cells) else _odd_places(found)


def _odd_places(found: Iterable[Any]) -> list[int]:
    return [at for at, value in enumerate(found) if value is ODD]


def _sound(check: Callable[[str], values.Checked]) -> Callable[[str], Any]:
    """The check as a judgement: the normal form, or ``ODD``."""

    def judge(cell: str) -> Any:  # noqa: ANN401
        value, reasons = check(cell)
        return ODD if reasons else value

    return judge


class Validator:
    """Checks the rows of one file under one agreement and keeps the count of them.

    ``columns`` says where a field stands, as file and header; a problem names that, never the value. ``placed`` puts a problem of the row
    at a line on its line of the file that the value came from, where that is another one.
    """

    def __init__(
        self,
        terms: Terms,
        *,
        file: str,
        columns: Mapping[str, tuple[str, str]],
        today: date,
        placed: Callable[[Problem, int], Problem] | None = None,
    ) -> None:
        self.terms = terms
        self.file = file
        self.problems: list[Problem] = []
        self.rejected: Counter[Reason] = Counter()
        self.excluded: Counter[str] = Counter()
        self.rows = 0
        self._columns = columns
        self._placed = placed
        self._roll = Roll()
        self._looked_at: list[Person] = []
        """Who comes after the last of the roll."""
        self._came_of_age = _years_before(today, _OF_AGE)
        self._of_age = 0
        self._people: dict[Key, Person | None] = {}
        """Of whom there may be several rows, once all are through; None for whom they contradict each other."""
        self._spoilt: set[tuple[Role, str]] = set()
        self._rejected_people: set[tuple[Role, str]] = set()
        self._perhaps: set[tuple[Role, str]] = set()
        self._without_id = 0
        self._problems_of: dict[_Who, list[Problem]] = {}
        self._excluded_people: dict[_Who, Exclusion] = {}
        self._required = {role: terms.required(role) for role in Role}
        self._group_fields = terms.group_fields()
        self._consents: dict[str, values.Checked] = {}
        self._births: dict[str, tuple[date | None, int | None, tuple[Reason, ...]]] = {}
        self._today = today
        self._seen: dict[str, values.Checked] = {}
        self._off: dict[tuple[Role, int | None, str], frozenset[str]] = {}
        self._codes: dict[str, values.Checked] = {}
        self._grades: dict[str, values.Checked] = {}
        self._languages: dict[str, values.Checked] = {}
        self._judged: dict[str, _Judged] = {}
        self._waiting: list[Draft] = []
        self._ages = _Judged(lambda cell: values.birth_date(cell, today)[1])

    # What happens to a row

    def wrong_width(self, lines: list[int]) -> None:
        """Reject the rows whose width is not the header's."""
        for line in lines:
            self.rows += 1
            self._reject(line, None, "", [("", Reason.ROW_WIDTH)])

    def unapplied(self, line: int, column: str, reason: Reason, *, raw_id: str = "") -> None:
        """Count a row of changes that could not be merged; whoever it is about stands as before."""
        self.rows += 1
        self.rejected[reason] += 1
        local_id, faults = values.code(raw_id)
        self._note(line, [(column, reason)], [(role, local_id) for role in Role] if local_id and not faults else ())

    def exclude(self, why: Exclusion, *, role: Role | None = None, raw_id: str = "") -> None:
        """Count a row that is left out without being looked at further."""
        self.rows += 1
        self._exclude(why, role, raw_id)

    def reject(self, line: int, column: str, reason: Reason, *, role: Role | None = None, raw_id: str = "") -> None:
        """Reject a row for one thing that was seen before its values were."""
        self.rows += 1
        local_id, faults = values.code(raw_id)
        self._reject(line, role, "" if faults else local_id, [(column, reason)])

    def refused(self, line: int, role: Role | None, raw_id: str, found: Sequence[tuple[str, Reason]] = ()) -> None:
        """Take a family's no from a row of which nothing else is read, whatever else is wrong with it (``found``).

        Without a readable id it is nobody's, and the row is rejected. Where the role cannot be told, the no is taken for a child's.
        """
        self.settle()
        self.rows += 1
        local_id, faults = values.code(raw_id)
        if not local_id and not faults:
            faults = (Reason.MISSING_REQUIRED,)
        problems = [*(("student_id", fault) for fault in faults), *found]
        if faults:
            self._reject(line, role, "", problems)
            return
        if role is None:
            self._perhaps.add((Role.STAFF, local_id))
        self._note(line, problems)
        self._looked_at.append(
            Person(file=self.file, line=line, role=role or Role.STUDENT, local_id=local_id, last_name="", first_name="", opt_out=True)
        )

    def add(self, draft: Draft) -> None:
        """As ``check``, but later, with many others at once: call ``settle`` after the last one."""
        self._waiting.append(draft)
        if len(self._waiting) >= _AT_ONCE:
            self.settle()

    def settle(self) -> None:
        """Check the rows that were added, in their order."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        alike: dict[tuple[str, ...], list[int]] = {}
        for place, draft in enumerate(waiting):
            if not draft.problems and not draft.dangling and draft.values.get("opt_out") != "yes":
                alike.setdefault((draft.role, *draft.values), []).append(place)
        sound: list[Sound] = []
        alone = set(range(len(waiting))).difference(*alike.values())
        for places in alike.values():
            some = [waiting[place] for place in places]
            cells = zip(*(draft.values.values() for draft in some), strict=True)
            sound.append(self.sound(some[0].role, [draft.line for draft in some], dict(zip(some[0].values, cells, strict=True))))
            alone.update(places[odd] for odd in sound[-1].odd)
        self.begin_piece()
        for place in sorted(alone):
            self.check(waiting[place])
        self.take(sound)

    def check(self, draft: Draft) -> None:
        """Check one row: a person, an exclusion, or a rejection with all its problems.

        A row with a no and a readable id is never rejected: its faults are listed, the faulty values are left empty.
        """
        self.rows += 1
        raw, role, found = draft.values, draft.role, draft.problems
        student = role is Role.STUDENT
        if student:
            self._remembered("grade", raw, found, self._grades, values.grade)
        self._remembered("school_id", raw, found, self._codes, values.code)
        if student and (group := self._group(draft)):
            self._exclude(Exclusion.GROUP, role, raw.get("student_id", ""), group)
            return
        if why := self._left_out(draft, found):
            self._exclude(why, role, raw.get("student_id", ""))
            return
        if draft.dangling:
            found.append(("school_id", Reason.DANGLING_SCHOOL))
        self._code("student_id", raw, found)
        born, age = self._born(raw, found) if student else (None, None)
        adult = age is not None and age >= _OF_AGE
        off = self._not_agreed(role, age, raw.get("grade", "")) if self.terms.conditions else frozenset()
        for name in off:
            if name in raw:
                raw[name] = ""
        for name in ("state_id", "card_number"):
            if name in raw:
                self._code(name, raw, found)
        self._remembered("home_language", raw, found, self._languages, values.language)
        if raw.get("consent_date"):
            self._remembered("consent_date", raw, found, self._consents, self._consented)
        restricted = self._flag("contact_restricted", raw, found) if "contact_restricted" in raw else False
        area = self._in_area(raw, found) if raw.get("in_service_area", "").strip(" \t") else ""
        self._texts(raw, found)
        get = raw.get
        for name in self._required[role]:
            if not get(name) and name not in off and not (adult and name in _GUARDIAN_FIELDS):
                self._missing(name, found)
        if found:
            if bad := {name for name, reason in found if REASONS[reason].severity == "row"}:
                raw.update(dict.fromkeys(bad, ""))
                if get("opt_out") != "yes" or not get("student_id"):
                    self._reject(draft.line, role, get("student_id", ""), found, born_at=draft.born_at)
                    return
            self._note(draft.line, found, [(role, raw["student_id"])], born_at=draft.born_at)
        mail = get("student_email" if adult else "guardian_email", "") if student else get("staff_email", "")
        self._looked_at.append(
            Person(
                file=self.file,
                line=draft.line,
                role=role,
                local_id=raw["student_id"],
                last_name=get("last_name", ""),
                first_name=get("first_name", ""),
                state_id=get("state_id", ""),
                middle_name=get("middle_name", ""),
                suffix=get("suffix", ""),
                preferred_name=get("preferred_name", ""),
                birth_date=born if get("birth_date") else None,
                grade=get("grade", "") if student else "",
                school_id=get("school_id", ""),
                school_name=get("school_name", ""),
                homeroom=get("homeroom", ""),
                email=mail,
                language=get("home_language", ""),
                guardian_name="" if adult else get("guardian_name", ""),
                opt_out=get("opt_out") == "yes",
                contact_restricted=restricted,
                street=get("street", ""),
                city=get("city", ""),
                region=get("region", ""),
                postal_code=get("postal_code", ""),
                phone=get("phone", ""),
                card_number=get("card_number", ""),
                in_service_area=area,
                consent_date=get("consent_date", ""),
            )
        )

    def sound(self, role: Role, lines: Sequence[int], columns: Mapping[str, Sequence[str]]) -> Sound:
        """The rows by the column, and which of them ``check`` must look at; nobody is taken or counted yet.

        ``columns`` are the cells of the fields, row by row; none of the rows holds a no. What comes out is what ``check`` would make of the rows.
        """
        terms, count = self.terms, len(lines)
        student = role is Role.STUDENT
        none = Sound(lines, (), (), range(count))
        if (terms.schools is not None and "school_id" not in columns) or (student and terms.grades is not None and "grade" not in columns):
            return none
        if any(name not in columns for name in self._required[role]) or (
            (terms.left_out or terms.area) if student else terms.staff_roles is not None
        ):
            return none
        made: dict[str, Sequence[Any]] = {}
        odd: set[int] = set()
        for name, cells in columns.items():
            made[name], places = self._judged_column(name, cells)
            odd.update(places)
            if name in self._required[role] and not all(made[name]):
                odd.update(at for at, value in enumerate(made[name]) if not value)
        if terms.conditions:
            odd.update(self._conditional(role, columns, made))
        ids = made["student_id"]
        keys = list(map(hash, ids if student else (key_of(role, local_id) for local_id in ids)))
        return Sound(
            lines, keys, packed_rows(role, count, {field: made[name] for field, name in _FIELDS[role].items() if name in made}), sorted(odd)
        )

    def begin_piece(self) -> None:
        """What is checked row by row from now on stands among the rows of the next ``take``."""
        self._of_age += sum(map(self._is_of_age, self._looked_at))
        self._roll.add(self._looked_at)
        self._looked_at = []

    def take(self, sound: Sequence[Sound]) -> None:
        """Count and keep the rows but the odd ones; those have been checked since ``begin_piece``."""
        if len(sound) == 1 and not sound[0].odd and not self._looked_at:
            (one,) = sound
            self.rows += len(one.rows)
            self._roll.add_rows(self.file, one.lines, one.keys, one.rows)
            return
        found = [(person.line, hash(key_of(person.role, person.local_id)), packed(person)) for person in self._looked_at]
        for one in sound:
            is_sound = [True] * len(one.rows)
            for place in one.odd if one.rows else ():
                is_sound[place] = False
            self.rows += sum(is_sound)
            found += compress(zip(one.lines, one.keys, one.rows, strict=False), is_sound)
        self._of_age += sum(map(self._is_of_age, self._looked_at))
        refused = any(person.opt_out for person in self._looked_at)
        self._looked_at = []
        if found:
            found.sort(key=lambda one: abs(one[0]))
            lines, keys, rows = zip(*found, strict=True)
            self._roll.add_rows(self.file, lines, keys, rows, refused=refused)

    def reading(self, form: str, dropped: tuple[DroppedColumn, ...], guardians: int = 0) -> Reading:
        """What was read, when all rows are through."""
        self.begin_piece()
        roll = self._roll.without(self._settled())
        self.problems.sort(key=lambda problem: (problem.file, problem.line))
        return Reading(
            format=form,
            people=roll,
            problems=tuple(self.problems),
            rows=self.rows,
            rejected=dict(self.rejected),
            excluded=dict(self.excluded),
            dropped=dropped,
            guardians=guardians,
            of_age=self._of_age,
            rejected_people=frozenset(one for one in self._rejected_people | self._perhaps if not self._people.get(key_of(*one))),
            rows_without_id=self._without_id,
            problems_of={key: tuple(problems) for key, problems in self._problems_of.items()},
            excluded_people={key: why for key, why in self._excluded_people.items() if not self._people.get(key_of(*key))},
        )

    def _settled(self) -> Mapping[int, Person]:
        """Those of the roll, by their places, who have to go: repeats, rows that contradict each other, rows whose id was rejected elsewhere."""
        about = {hash(key_of(*who)) for who in (*self._rejected_people, *self._perhaps, *self._excluded_people)}
        about |= self._roll.repeated()
        there = self._roll.some([place for place, key in enumerate(self._roll.keys()) if key in about] if about else [])
        for person in there.values():
            self._add(person)
        for role, local_id in self._rejected_people:
            if key_of(role, local_id) in self._people:
                self._spoil(role, local_id)
        left = {id(person) for person in self._people.values()}
        gone = {place: person for place, person in there.items() if id(person) not in left}
        self._of_age -= sum(map(self._is_of_age, gone.values()))
        return gone

    def _is_of_age(self, person: Person) -> bool:
        return person.birth_date is not None and person.birth_date <= self._came_of_age

    # Steps of a check

    def _exclude(self, why: Exclusion, role: Role | None, raw_id: str, group: str = "") -> None:
        self.excluded[f"{why} {group}".rstrip()] += 1
        if role is not None and (local_id := values.code(raw_id)[0]):
            self._excluded_people.setdefault((role, local_id), why)

    def _group(self, draft: Draft) -> str:
        """The group without cards that the student is in; a family's no is carried on whatever the group."""
        get = draft.values.get
        if not self._group_fields or get("opt_out") == "yes":
            return ""
        for name in self._group_fields - draft.values.keys():
            file, header = self._columns.get(name, (self.file, name))
            raise RefusedError(Reason.MISSING_COLUMN, file, column=header)
        return self.terms.group_of(school=get("school_id", ""), grade=get("grade", ""), status=get("enrollment_status", ""))

    def _left_out(self, draft: Draft, found: list[tuple[str, Reason]]) -> Exclusion | None:
        """Whether the roll-out leaves the row out. A family's no is carried on whether or not the school has its turn or the child is enrolled."""
        terms, raw = self.terms, draft.values
        if raw.get("opt_out") == "yes":
            said = raw.get("enrollment_status", "")
            found.extend(("enrollment_status", reason) for reason in (() if terms.knows_status(said) else values.enrolled(said)[1]))
            return None
        if draft.role is Role.STAFF and not (terms.staff and (terms.staff_roles is None or draft.word in terms.staff_roles)):
            return Exclusion.STAFF
        bad = {name for name, reason in found if REASONS[reason].severity == "row"} if found else ()
        if terms.schools is not None and raw.get("school_id") not in terms.schools and not draft.dangling and "school_id" not in bad:
            return Exclusion.OTHER_SCHOOL
        if terms.grades is not None and draft.role is Role.STUDENT and raw.get("grade") not in terms.grades and "grade" not in bad:
            return Exclusion.OTHER_GRADE
        if (status := raw.get("enrollment_status")) and not terms.knows_status(status):
            there, reasons = values.enrolled(status)
            found.extend(("enrollment_status", reason) for reason in reasons)
            if not there and not reasons:
                return Exclusion.NOT_ENROLLED
        if terms.area and draft.role is Role.STUDENT and "school_id" not in bad:
            return self._outside(terms.area, raw)
        return None

    def _outside(self, area: ServiceArea, raw: Mapping[str, str]) -> Exclusion | None:
        """Whether a student who does not live where the library serves gets no card, or none before the library said so. A flag that cannot be read is told later."""
        inside, faults = values.flag(raw.get("in_service_area", ""))
        said = "" if faults or not raw.get("in_service_area", "").strip(" \t") else "yes" if inside else "no"
        word = area.of_student(school=raw.get("school_id", ""), postal_code=raw.get("postal_code", "").strip(" \t"), flag=said)
        return {"skip": Exclusion.OUTSIDE_AREA, "ask": Exclusion.AREA_ASKED}.get(word)

    def _code(self, name: str, raw: dict[str, str], found: list[tuple[str, Reason]]) -> None:
        raw[name], reasons = values.code(raw.get(name, ""))
        for reason in reasons:
            found.append((name, reason))

    def _remembered(
        self,
        name: str,
        raw: dict[str, str],
        found: list[tuple[str, Reason]],
        seen: dict[str, values.Checked],
        check: Callable[[str], values.Checked],
    ) -> None:
        """Bring a value that repeats from row to row into its normal form, in place."""
        cell = raw.get(name)
        if not cell:
            return
        known = seen.get(cell)
        if known is None:
            if len(seen) > _REMEMBERED:
                seen.clear()
            known = seen[cell] = check(cell)
        raw[name], reasons = known
        for reason in reasons:
            found.append((name, reason))

    def _born(self, raw: dict[str, str], found: list[tuple[str, Reason]]) -> tuple[date | None, int | None]:
        cell = raw.get("birth_date")
        if not cell:
            return None, None
        known = self._births.get(cell)
        if known is None:
            if len(self._births) > _REMEMBERED:
                self._births.clear()
            known = self._births[cell] = values.birth_date(cell, self._today)
        born, age, reasons = known
        if born is None:
            raw["birth_date"] = ""
        for reason in reasons:
            found.append(("birth_date", reason))
        return born, age

    def _flag(self, name: str, raw: Mapping[str, str], found: list[tuple[str, Reason]]) -> bool:
        value, reasons = values.flag(raw[name])
        for reason in reasons:
            found.append((name, reason))
        return value

    def _in_area(self, raw: dict[str, str], found: list[tuple[str, Reason]]) -> str:
        inside, reasons = values.flag(raw["in_service_area"])
        found.extend(("in_service_area", reason) for reason in reasons)
        raw["in_service_area"] = "" if reasons else "yes" if inside else "no"
        return raw["in_service_area"]

    def _texts(self, raw: dict[str, str], found: list[tuple[str, Reason]]) -> None:
        """Bring names, addresses and e-mails into their normal form, in place. Names repeat, so what a text came to is remembered."""
        seen = self._seen
        for name, cell in raw.items():
            if not cell:
                continue
            if name in _TEXT_FIELDS:
                known = seen.get(cell)
                if known is None:
                    if len(seen) > _REMEMBERED:
                        seen.clear()
                    known = seen[cell] = values.text(cell)
            elif name in _EMAIL_FIELDS:
                known = values.email(cell)
            else:
                continue
            raw[name] = known[0]
            for reason in known[1]:
                found.append((name, reason))

    def _not_agreed(self, role: Role, age: int | None, grade: str) -> frozenset[str]:
        """The fields whose condition in the agreement does not hold for this person; they are not read."""
        key = (role, age, grade)
        off = self._off.get(key)
        if off is None:
            conditions = self.terms.conditions.items()
            off = self._off[key] = frozenset(
                name for name, condition in conditions if not condition.holds(role=str(role), age=age, grade=grade)
            )
        return off

    # By the column

    def _judged_column(self, name: str, cells: Sequence[str]) -> tuple[Sequence[Any], Iterable[int]]:
        """The column in its normal form, and the places of the cells about which there is anything to say."""
        if name not in _HARDLY_REPEATED:
            judged = self._judged.get(name) or self._judged.setdefault(name, self._judge_of(name))
            if not any(cells) and judged[""] is not ODD:
                return [judged[""]] * len(cells), ()
            return judged.column(cells)
        plain, check = _HARDLY_REPEATED[name]
        if (found := plain(cells)) is not None:
            return found, ()
        found = list(map(_sound(check), cells))
        return found, _odd_places(found)

    def _judge_of(self, name: str) -> _Judged:
        terms = self.terms
        if name == "birth_date":
            return _Judged(self._judge_birth)
        if name == "grade":
            return _Judged(_among(terms.grades, _sound(values.grade)))
        if name == "school_id":
            return _Judged(_among(terms.schools, _sound(values.code)))
        if name == "enrollment_status":
            return _Judged(lambda cell: "" if not cell or values.enrolled(cell) == (True, ()) else ODD)
        if name == "home_language":
            return _Judged(_sound(values.language))
        if name == "in_service_area":
            return _Judged(
                lambda cell: "" if not cell.strip(" \t") else ODD if values.flag(cell)[1] else "yes" if values.flag(cell)[0] else "no"
            )
        if name == "consent_date":
            return _Judged(_sound(self._consented))
        if name == "contact_restricted":
            return _Judged(lambda cell: ODD if values.flag(cell)[1] else YES * values.flag(cell)[0])
        return _Judged(_sound(values.text))

    def _consented(self, cell: str) -> values.Checked:
        return values.past_day(cell, self._today)

    def _judge_birth(self, cell: str) -> str:
        """The date in ISO 8601, empty for an empty cell; who is of age is odd, since other rules hold then."""
        born, age, reasons = values.birth_date(cell, self._today)
        return ODD if reasons or (age is not None and age >= _OF_AGE) else born.isoformat() if born else ""

    def _conditional(self, role: Role, columns: Mapping[str, Sequence[str]], made: Mapping[str, Sequence[Any]]) -> Iterable[int]:
        """The rows in which a condition of the agreement leaves a field out that is there or required."""
        asked = {self.terms.conditions[name] for name in (*columns, *self._required[role]) if name in self.terms.conditions}
        count = len(made["student_id"])
        if any(one.subject == "role" and not one.holds(role=str(role), age=None, grade="") for one in asked):
            return range(count)
        asked = {one for one in asked if one.subject != "role"}
        if not asked:
            return ()
        student = role is Role.STUDENT
        ages = self._ages.column(columns["birth_date"])[0] if student and "birth_date" in columns else [None] * count
        kinds = list(zip(ages, made["grade"] if student and "grade" in made else repeat("", count), strict=True))
        left_out = {
            (age, grade)
            for age, grade in set(kinds)
            if grade is not ODD and not all(one.holds(role=str(role), age=age, grade=grade) for one in asked)
        }
        return [at for at, kind in enumerate(kinds) if kind in left_out] if left_out else ()

    def _missing(self, name: str, found: list[tuple[str, Reason]]) -> None:
        """Note a required value that is empty, unless it is empty because it was bad and has its reason already."""
        if not any(at == name and REASONS[reason].severity == "row" for at, reason in found):
            found.append((name, Reason.MISSING_REQUIRED))

    def _add(self, person: Person) -> None:
        """Take the person, unless the id is there already: the same again is left out, anything else spoils both, but any one no wins."""
        key = key_of(person.role, person.local_id)
        if (person.role, person.local_id) in self._spoilt:
            if person.opt_out:
                self._spoilt.discard((person.role, person.local_id))
                self._people[key] = person
            else:
                self._reject_duplicate(person)
            return
        before = self._people.setdefault(key, person)
        assert before is not None
        if before is person:
            return
        if replace(before, line=person.line) == person:
            self.excluded[str(Exclusion.DUPLICATE)] += 1
            self._note(person.line, [("student_id", Reason.DUPLICATE_ROW)])
        elif before.opt_out:
            self._reject_duplicate(person)
        elif person.opt_out:
            self._people[key] = person
            self._reject_duplicate(before)
        else:
            self._spoil(person.role, person.local_id)
            self._reject_duplicate(person)

    def _reject_duplicate(self, person: Person) -> None:
        self._reject(person.line, person.role, person.local_id, [("student_id", Reason.DUPLICATE_ID)])

    def _spoil(self, role: Role, local_id: str) -> None:
        """Take back a person whose id turned out to stand for several rows; a no stays."""
        before = self._people[key_of(role, local_id)]
        if before is not None and before.opt_out:
            return
        self._spoilt.add((role, local_id))
        if before is not None:
            self._people[key_of(role, local_id)] = None
            self._reject_duplicate(before)

    def _reject(self, line: int, role: Role | None, local_id: str, found: list[tuple[str, Reason]], *, born_at: int = 0) -> None:
        first = next(reason for _, reason in found if REASONS[reason].severity == "row")
        self.rejected[first] += 1
        whose = [(either, local_id) for either in Role if role in (either, None)] if local_id else []
        if not local_id:
            self._without_id += 1
        elif role is None:
            self._perhaps.update(whose)
        else:
            self._rejected_people.update(whose)
        self._note(line, found, whose, born_at=born_at)

    def _note(self, line: int, found: list[tuple[str, Reason]], whose: Iterable[_Who] = (), *, born_at: int = 0) -> None:
        for name, reason in found:
            file, column = self._columns.get(name, (self.file, name))
            problem = Problem(file, born_at if name == "birth_date" and born_at else line, column, reason)
            if self._placed:
                problem = self._placed(problem, line)
            self.problems.append(problem)
            if REASONS[reason].severity != "row" and reason not in NO_ADDRESS:
                continue
            for key in whose:
                known = self._problems_of.setdefault(key, [])
                if len(known) < PLACES_OF_A_PERSON:
                    known.append(problem)


def _among(allowed: frozenset[str] | None, judge: Callable[[str], Any]) -> Callable[[str], Any]:
    """The judgement, ``ODD`` too for what the roll-out leaves out."""
    if allowed is None:
        return judge

    def judged(cell: str) -> Any:  # noqa: ANN401
        value = judge(cell)
        return value if value in allowed else ODD

    return judged


def _years_before(day: date, years: int) -> date:
    """The birth date of somebody who comes of that age on ``day``; on 28 February those of the 29th wait one day more."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return date(day.year - years, 3, 1) if day.month == 2 else day


def fields_of(role: Role, terms: Terms) -> frozenset[str]:
    """The agreed fields that a person of this role brings."""
    return frozenset(name for name in (STUDENT_FIELDS if role is Role.STUDENT else STAFF_FIELDS) if terms.reads(name))
