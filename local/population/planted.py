"""Lists of people who must never be taken for each other, planted among ordinary families: what each veto of the matcher is tested with.

Every pair can be told apart, or be seen to be in doubt, from what its two rows and the other rows say; none asks for what no record shows.
"""

import random
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import partial
from itertools import cycle

from local.population.families import Household, Person, make_namesake, same_first_name
from local.population.names import ORIGINS, SIMILAR_BOYS, SIMILAR_GIRLS
from local.population.population import TODAY, Library, Population, Trap, fill, open_library, stranger_like
from local.population.rows import ROSTER, Clerk, PatronRow, StudentRow


class Kind(StrEnum):
    """What the planted people are to each other."""

    TWINS = "twins"
    SIMILAR_NAME_TWINS = "similar_name_twins"
    SAME_FIRST_NAME_TWINS = "same_first_name_twins"
    SIBLINGS = "siblings"
    STEP_SIBLINGS = "step_siblings"
    COUSINS = "cousins"
    PARENT_CHILD_NAMESAKES = "parent_child_namesakes"
    JUNIOR_SENIOR = "junior_senior"
    SAME_NAME_SAME_BIRTHDAY_STRANGERS = "same_name_same_birthday_strangers"


FAITHFUL = replace(ROSTER, **(dict.fromkeys((each.name for each in fields(ROSTER)), 0.0) | {"middle_full": 1.0}))
"""A clerk without mistakes; what a pair needs is put in afterwards."""

_HISPANIC = next(origin for origin in ORIGINS if origin.name == "hispanic")
_SHORT = (("Samuel", "Sam"), ("Benjamin", "Ben"), ("Joshua", "Josh"), ("Timothy", "Tim"), ("Zachary", "Zach"), ("Matthew", "Matt"))
_FORMAL = {
    True: (("Emma", "Emily"), ("Jennifer", "Jenny"), ("Katherine", "Kate"), ("Elizabeth", "Eliza"), ("Isabella", "Isabel"), ("Samantha", "Sammie")),
    False: (("Ricardo", "Ricky"), ("Alexander", "Alex"), ("John", "Jack"), ("William", "Liam"), ("Henry", "Harry"), ("Jackson", "Jack")),
}  # fmt: skip


def planted(kind: Kind | str, count: int = 500, seed: int = 1, *, students: int = 3000, patrons: int = 1500) -> Population:
    """``students`` and ``patrons`` of ordinary families, and among them ``count`` planted pairs of a student and somebody else's card.

    The pairs are ``link_traps``, the ways of the kind in turn; where both are students, their rows are ``within_traps`` too. Every third family has
    cards that do belong to its students, so that there are true links near the false ones.
    """
    kind = Kind(kind)
    library = open_library(f"planted/{kind}/{seed}")
    fill(library, students=students, patrons=patrons)
    garden = Garden(library, random.Random(f"planted/{kind}/{seed}/garden"))  # noqa: S311  synthetic people need a draw that can be repeated
    if kind in (Kind.SIMILAR_NAME_TWINS, Kind.SIBLINGS):
        garden.neighbours()
    for way, plant in cycle(_WAYS[kind].items()):
        if len(garden.link_traps) >= count:
            break
        garden.way = way
        plant(garden)
    population = library.population()
    return replace(population, link_traps=garden.link_traps[:count], within_traps=garden.within_traps)


class Garden:
    """Plants families of one kind into a library's rows."""

    def __init__(self, library: Library, draw: random.Random) -> None:
        self.library = library
        self.draw = draw
        self.way = ""
        self.link_traps: list[Trap] = []
        self.within_traps: list[Trap] = []
        self._registrar = Clerk(draw, FAITHFUL, today=TODAY)
        self._desk = Clerk(draw, FAITHFUL, today=TODAY)

    # People

    def home(self, *, hispanic: bool = False) -> Household:
        """A mother and a father of other names, each with an address to write to, and no children yet."""
        town = self.library.town
        while True:
            home = town.family(children=False)
            if len(home.parents) == 2 and (not hispanic or home.origin is _HISPANIC):
                break
        for parent in home.parents:
            parent.email = parent.email or town.mailbox(parent)
        return home

    def child(
        self, home: Household, *, girl: bool | None = None, given: tuple[str, ...] = (), born: date | None = None, family: str = ""
    ) -> Person:
        """A child of school age; the only one of its birth."""
        town, father = self.library.town, home.father
        girl = self.draw.random() < 0.5 if girl is None else girl
        surname = (family,) if family else father.family if father else home.parents[0].family
        born = born or TODAY - timedelta(days=self.draw.randint(6 * 365, 16 * 365))
        child = town.person(home, adult=False, girl=girl, family=surname, born=born, given=given)
        child.birth = town.new_birth()
        child.known_as = ""
        return child

    def twins(self, home: Household, names: tuple[str, str] | None = None, *, girl: bool | None = None) -> tuple[Person, Person]:
        """Two children of one birth and mostly of one sex, with other first letters where no names are given."""
        one = self.child(home, girl=girl, given=(names[0],) if names else ())
        while True:
            other = self.child(home, girl=one.girl, given=(names[1],) if names else (), born=one.born)
            if names or other.given[0][0] != one.given[0][0]:
                break
        one.middle, other.middle = one.middle and "Ann", other.middle and "Lee"
        other.birth = one.birth
        return one, other

    def other_day(self, born: date) -> date:
        """Another day of which year, month and day all differ."""
        return date(born.year + self.draw.choice((-2, 2)), born.month % 12 + 1, born.day % 27 + 1)

    def near_day(self, born: date) -> date:
        """The day that one digit makes of it: the same month and day of the year before or after."""
        return date(born.year + (1 if born.year % 10 < 9 else -1), born.month, min(born.day, 28))

    def neighbours(self) -> None:
        """Three children elsewhere with each of the names that are alike, so that every one is seen to be a name and no slip of the hand."""
        for girl, pairs in ((True, SIMILAR_GIRLS), (False, SIMILAR_BOYS)):
            for name in dict.fromkeys(name for pair in pairs for name in pair):
                for _ in range(3):
                    self.row(self.child(self.home(), girl=girl, given=(name,)))

    # Rows

    def row(self, child: Person, *, district: int | None = None, **changes: str) -> StudentRow:
        """The child on a roster, with the household's phone and the mother's e-mail address."""
        library = self.library
        home = library.town.households[child.household]
        if not child.districts:
            library.town.enrol(child, home.district if district is None else district)
        student_id = f"{child.districts[0] + 1:02d}{1_000_000 + len(library.students):07d}"
        row = self._registrar.student(child, home, student_id=student_id, place=0, age=library.town.age_at_school(child), moved=False)
        row = row._replace(phone=row.phone or home.phone, guardian_email=row.guardian_email or home.parents[0].email)
        row = StudentRow(**(row._asdict() | changes))
        library.students.append(row)
        library.districts.append(child.districts[0])
        library.student_people.append(child.number)
        return row

    def card(self, person: Person, like: StudentRow | None = None, **changes: str) -> PatronRow:
        """A card, with the contact of a roster row: street, phone and e-mail, or two of them; one in five in capitals."""
        library, draw = self.library, self.draw
        home = library.town.households[person.household]
        number = len(library.patrons)
        card = self._desk.patron(person, home, patron_id=f"p{2_000_000 + number}", barcode=f"21223{number * 13 % 10**9:09d}")
        card = card._replace(birth_date=person.born.isoformat())
        if like:
            known = {"street": like.street, "phone": like.phone, "email": like.guardian_email}
            if draw.random() < 0.5:
                known[draw.choice(("phone", "email"))] = ""
            card = PatronRow(**(card._asdict() | known | {"postal_code": like.postal_code}))
        card = PatronRow(**(card._asdict() | changes))
        if draw.random() < 0.2:
            card = card._replace(first_name=card.first_name.upper(), last_name=card.last_name.upper(), street=card.street.upper())
        library.patrons.append(card)
        library.patron_people.append(person.number)
        return card

    def trap(self, student: StudentRow, card: PatronRow) -> None:
        """Student and card are not one person's."""
        self.link_traps.append(Trap(student.student_id, card.patron_id, self.way))

    def trap_within(self, one: StudentRow, other: StudentRow) -> None:
        """The two students are not one child."""
        left, right = sorted((one.student_id, other.student_id))
        self.within_traps.append(Trap(left, right, self.way))

    def both(self, one: Person, other: Person) -> tuple[StudentRow, StudentRow]:
        """Both on the roster of one district, at one address, phone and e-mail."""
        first = self.row(one)
        second = self.row(other, street=first.street, phone=first.phone, guardian_email=first.guardian_email)
        self.trap_within(first, second)
        return first, second


def _twins(garden: Garden, *, seen: bool = True, cards: int = 1, initial: bool = False, **changes: str) -> None:
    """Two names that have nothing in common, or one letter; the card is the second's."""
    one, other = garden.twins(garden.home())
    if initial:
        other.given = (one.given[0][0] + other.given[0].lower(),)
        changes["first_name"] = one.given[0][0]
    _of_two(garden, one, other, changes, seen=seen, cards=cards)


def _of_two(
    garden: Garden, one: Person, other: Person, changes: dict[str, str] | None = None, *, seen: bool = True, cards: int = 1
) -> None:
    """The first child's row beside the second child's card; ``seen``: the second is on the roster too; with two cards, the first has one too."""
    student = garden.both(one, other)[0] if seen else garden.row(one)
    garden.trap(student, garden.card(other, student, **(changes or {})))
    if cards > 1:
        garden.card(one, student)


def _similar(garden: Garden, *, near: bool, seen: bool) -> None:
    """Names of which one becomes the other by one letter, or (``near``) that only begin alike."""
    girl = garden.draw.random() < 0.5
    pairs = [pair for pair in (SIMILAR_GIRLS if girl else SIMILAR_BOYS) if _one_letter(*pair) is not near]
    _of_two(garden, *_unmiddled(garden.twins(garden.home(), garden.draw.choice(pairs), girl=girl)), seen=seen)


def _nicknames(garden: Garden, *, seen: bool) -> None:
    """One twin's name is the other's short form."""
    girl = garden.draw.random() < 0.5
    _of_two(garden, *_unmiddled(garden.twins(garden.home(), garden.draw.choice(_FORMAL[girl]), girl=girl)), seen=seen)


def _one_letter(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one.lower(), other.lower()), key=len)
    if len(short) == len(long):
        return sum(a != b for a, b in zip(short, long, strict=True)) == 1
    return any(long[:place] + long[place + 1 :] == short for place in range(len(long)))


def _unmiddled(pair: tuple[Person, Person]) -> tuple[Person, Person]:
    for person in pair:
        person.middle = ""
    return pair


def _compound_twins(garden: Garden) -> tuple[Person, Person]:
    one, other = garden.twins(garden.home(hispanic=True))
    other.girl = one.girl
    same_first_name(one, other, garden.draw)
    return one, other


def _cut(garden: Garden, *, seen: bool, rows_cut: int = 0, apart: bool = False, state_ids: bool = True) -> None:
    """Ana María's row beside the card of Ana José that says Ana; of the rows, the first or both may say Ana too."""
    one, other = _compound_twins(garden)
    first_name = one.given[0]
    blank = {} if state_ids else {"state_id": ""}
    student = garden.row(one, district=None, **({"first_name": first_name} if rows_cut else {}), **blank)
    if seen:
        known = {"street": student.street, "phone": student.phone, "guardian_email": student.guardian_email, **blank}
        if state_ids and apart:
            garden.library.students[-1] = student = student._replace(state_id=one.state_id)
            known["state_id"] = f"{int(one.state_id) + 6151}"
        if rows_cut > 1:
            known["first_name"] = first_name
        district = (one.districts[0] + 5) % 12 if apart else one.districts[0]
        garden.trap_within(student, garden.row(other, district=district, **known))
    card = garden.card(other, student) if rows_cut == 1 else garden.card(other, student, first_name=first_name)
    garden.trap(student, card)


def _second_name_as_middle(garden: Garden, *, initial: bool) -> None:
    """Ana with María or José in the middle name's column, in full or as an initial."""
    one, other = _compound_twins(garden)
    while one.given[1][0] == other.given[1][0]:
        same_first_name(one, other, garden.draw)
    for child in (one, other):
        child.given, child.middle = child.given[:1], child.given[1][0] if initial else child.given[1]
    _of_two(garden, one, other)


def _siblings(garden: Garden, names: str, *, born: str, **changes: str) -> None:
    """Two children of a household: with names unlike or alike, or one first name of two; born far apart, or on days that one digit separates."""
    hispanic = names == "first"
    home = garden.home(hispanic=hispanic)
    one = garden.child(home)
    other_given: tuple[str, ...] = ()
    if names == "alike":
        pair = garden.draw.choice(SIMILAR_GIRLS if one.girl else SIMILAR_BOYS)
        one.given, other_given = (pair[0],), (pair[1],)
    one.middle = ""
    day = garden.near_day(one.born) if born == "near" else garden.other_day(one.born)
    other = garden.child(home, girl=one.girl, given=other_given, born=day)
    while names == "unlike" and other.given[0][0] == one.given[0][0]:
        other = garden.child(home, girl=one.girl, born=day)
    other.middle = ""
    if hispanic:
        same_first_name(one, other, garden.draw)
        changes["first_name"] = one.given[0]
    _of_two(garden, one, other, changes)


def _step_siblings(garden: Garden, *, born: str, names: str) -> None:
    """Children of two marriages in one household, born on one day or on days that one digit separates, with one name long and short, or equal."""
    home = garden.home()
    long, short = garden.draw.choice(_SHORT)
    one = garden.child(home, girl=False, given=(long,))
    mother = home.mother
    other = garden.child(
        home,
        girl=False,
        given=(short if names == "short" else long,),
        born=one.born if born == "same" else garden.near_day(one.born),
        family=(
            mother.family[0] if mother and mother.family != one.family else garden.library.town.family(children=False).parents[0].family[0]
        ),
    )
    while other.family == one.family:
        other.family = garden.library.town.family(children=False).parents[0].family[:1]
    one.middle = other.middle = ""
    _of_two(garden, one, other, seen=False)


def _cousins(garden: Garden, *, born: str, middle: str = "", short: bool = False, **changes: str) -> None:
    """Two children named after a grandfather, at one address."""
    home = garden.home()
    long, nickname = garden.draw.choice(_SHORT)
    one = garden.child(home, girl=False, given=(long,) if short else ())
    uncle = garden.library.town.family(relative=home, children=False)
    uncle.address, uncle.phone = home.address, home.phone
    day = garden.near_day(one.born) if born == "near" else garden.other_day(one.born)
    other = garden.child(uncle, girl=False, given=(nickname,) if short else one.given, born=day, family=one.family[0])
    one.middle, other.middle = ("James", middle) if middle else ("", "")
    _of_two(garden, one, other, changes)


def _namesakes(garden: Garden, *, suffixes: tuple[str, str] = ("", ""), childs_day: bool = False, **changes: str) -> None:
    """A child's row beside the card of the father or mother of the same name; every third child has a card of its own."""
    home = garden.home()
    parent = garden.draw.choice(home.parents) if not any(suffixes) else home.parents[1]
    child = garden.child(home, girl=parent.girl, given=parent.given)
    make_namesake(child, parent, suffixes=False)
    child.suffix, parent.suffix = suffixes
    if garden.draw.random() < 0.6:
        child.middle = parent.middle = ""
    student = garden.row(child)
    if changes.pop("suffixes_in_last_name", ""):
        last = student.last_name
        student = garden.library.students[-1] = student._replace(last_name=f"{last} {student.suffix}", suffix="")
        changes |= {"last_name": f"{last} {parent.suffix}", "suffix": ""}
    if changes.get("birth_date") == "own year":
        changes["birth_date"] = f"{parent.born.year}-01-01"
    if childs_day:
        changes["birth_date"] = child.born.isoformat()
    garden.trap(student, garden.card(parent, student, **changes))
    if len(garden.link_traps) % 3 == 0:
        garden.card(child, student)


def _strangers(garden: Garden, *, place: str = "other", middles: tuple[str, str] = ("", ""), nobody: bool = False) -> None:
    """Two families that have nothing to do with each other, each with a child of one first name, last name and birth date."""
    home = garden.home()
    one = garden.child(home)
    other = stranger_like(garden.library.town, one)
    theirs = garden.library.town.households[other.household]
    if place == "street":
        theirs.address = replace(home.address, number=home.address.number + garden.draw.randint(20, 400))
    elif place == "flat":
        home.address = replace(home.address, unit=str(garden.draw.randint(1, 200)))
        theirs.address = replace(home.address, unit=str(garden.draw.randint(201, 400)))
    elif place == "postal code":
        theirs.address.postal_code = home.address.postal_code
    one.middle, other.middle = middles
    changes = {"phone": "9999999999"} if nobody else {}
    student = garden.row(one, district=None, **changes, **({"guardian_phone": "", "guardian_email": "none@example.org"} if nobody else {}))
    if garden.draw.random() < 0.3:
        known = {"state_id": ""} if garden.draw.random() < 0.5 else {}
        district = (one.districts[0] + garden.draw.randint(1, 11)) % 12
        garden.trap_within(student, garden.row(other, district=district, **known))
    garden.trap(student, garden.card(other, None, **changes, **({"email": "none@example.org"} if nobody else {})))


_WAYS: dict[Kind, dict[str, Callable[[Garden], None]]] = {
    Kind.TWINS: {
        "both on the roster": _twins,
        "both on the roster, both with cards": partial(_twins, cards=2),
        "one on the roster": partial(_twins, seen=False),
        "an initial on the card": partial(_twins, initial=True),
        "no birth date on the card": partial(_twins, birth_date=""),
    },
    Kind.SIMILAR_NAME_TWINS: {
        "one letter": partial(_similar, near=False, seen=True),
        "one letter, one on the roster": partial(_similar, near=False, seen=False),
        "names that begin alike": partial(_similar, near=True, seen=True),
        "names that begin alike, one on the roster": partial(_similar, near=True, seen=False),
        "a nickname": partial(_nicknames, seen=True),
        "a nickname, one on the roster": partial(_nicknames, seen=False),
    },
    Kind.SAME_FIRST_NAME_TWINS: {
        "cut on the card": partial(_cut, seen=True),
        "cut on the card, one on the roster": partial(_cut, seen=False),
        "cut on one row": partial(_cut, seen=True, rows_cut=1),
        "cut on both rows": partial(_cut, seen=True, rows_cut=2),
        "cut on both rows, no state ids": partial(_cut, seen=True, rows_cut=2, state_ids=False),
        "cut on both rows of two districts": partial(_cut, seen=True, rows_cut=2, apart=True),
        "as a middle name": partial(_second_name_as_middle, initial=False),
        "as an initial": partial(_second_name_as_middle, initial=True),
    },
    Kind.SIBLINGS: {
        "names unlike": partial(_siblings, names="unlike", born="far"),
        "names unlike, no birth date": partial(_siblings, names="unlike", born="far", birth_date=""),
        "names alike": partial(_siblings, names="alike", born="far"),
        "names alike, no birth date": partial(_siblings, names="alike", born="far", birth_date=""),
        "names alike, one digit between": partial(_siblings, names="alike", born="near"),
        "one first name, no birth date": partial(_siblings, names="first", born="far", birth_date=""),
    },
    Kind.STEP_SIBLINGS: {
        "long and short name, one birthday": partial(_step_siblings, born="same", names="short"),
        "one name, one digit between": partial(_step_siblings, born="near", names="equal"),
    },
    Kind.COUSINS: {
        "one name": partial(_cousins, born="far"),
        "one name, no birth date": partial(_cousins, born="far", birth_date=""),
        "one name, one digit between, other middle names": partial(_cousins, born="near", middle="Wayne"),
        "long and short name, one digit between": partial(_cousins, born="near", short=True),
    },
    Kind.PARENT_CHILD_NAMESAKES: {
        "no birth date": partial(_namesakes, birth_date=""),
        "the first of January": partial(_namesakes, birth_date="own year"),
        "the parent's birth date": _namesakes,
        "a date that systems write for none": partial(_namesakes, birth_date="1900-01-01"),
    },
    Kind.JUNIOR_SENIOR: {
        "both written": partial(_namesakes, suffixes=("Jr", "Sr")),
        "both written, no birth date": partial(_namesakes, suffixes=("Jr", "Sr"), birth_date=""),
        "both written, the child's birth date": partial(_namesakes, suffixes=("Jr", "Sr"), childs_day=True),
        "third and junior, the child's birth date": partial(_namesakes, suffixes=("III", "Jr"), childs_day=True),
        "in the last name, the child's birth date": partial(
            _namesakes, suffixes=("Jr", "Sr"), childs_day=True, suffixes_in_last_name="yes"
        ),
        "the child's only, no birth date": partial(_namesakes, suffixes=("Jr", ""), birth_date=""),
        "the parent's only, the first of January": partial(_namesakes, suffixes=("", "Sr"), birth_date="own year"),
    },
    Kind.SAME_NAME_SAME_BIRTHDAY_STRANGERS: {
        "elsewhere": _strangers,
        "in one postal code": partial(_strangers, place="postal code"),
        "in one street": partial(_strangers, place="street"),
        "in one building": partial(_strangers, place="flat"),
        "nobody's phone and e-mail address": partial(_strangers, nobody=True),
        "other middle names": partial(_strangers, middles=("Rose", "Lynn")),
        "one middle name unknown": partial(_strangers, middles=("Rose", "")),
    },
}
