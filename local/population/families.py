"""The true people of a synthetic region: households, parents, siblings, twins, cousins, and fathers whose sons have their name."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

from local.population.names import (
    CITIES,
    JUST_ANN,
    NICKNAMES,
    ORIGINS,
    SECOND_GIVEN,
    SIMILAR_BOYS,
    SIMILAR_GIRLS,
    STREET_KINDS,
    STREETS,
    Names,
    Origin,
)
from local.population.spelling import ascii_letters

AREA_CODES = ("290", "391", "492", "593", "694")
"""Kept free by the numbering plan (the middle digit 9), so that no number is anybody's."""

_BIRTHS = ((1, 2, 3, 4, 5), (38, 76, 92, 98, 100))


@dataclass(slots=True)
class Address:
    """A place to live: ``kind`` is a pair of the street's word, long and short, ``unit`` a flat or empty."""

    number: int
    street: str
    kind: tuple[str, str]
    unit: str
    city: str
    postal_code: str


@dataclass(slots=True, eq=False)
class Person:
    """A person as they are, before anybody wrote them down.

    ``family`` is one surname or two, ``given`` one word or two. ``birth`` numbers the birth, so that twins share it; 0 for adults. ``former`` is the
    surname before the family took another, or empty. ``districts`` are the places (0 to 11) of the districts that have the child on their rosters,
    the earlier one last; ``written_twice`` that the first of them has the child under two local ids.
    """

    number: int
    household: int
    adult: bool
    girl: bool
    origin: Origin
    given: tuple[str, ...]
    middle: str
    family: tuple[str, ...]
    hyphenated: bool
    suffix: str
    known_as: str
    born: date
    birth: int = 0
    former: tuple[str, ...] = ()
    phone: str = ""
    email: str = ""
    state_id: str = ""
    districts: tuple[int, ...] = ()
    written_twice: bool = False

    def __repr__(self) -> str:
        """Which person, never who."""
        return f"Person({self.number})"


@dataclass(slots=True, eq=False)
class Household:
    """Parents and children at one address. ``kin`` numbers the wider family: households with the same number are cousins."""

    number: int
    kin: int
    district: int
    address: Address
    former_address: Address | None
    phone: str
    former_phone: str
    origin: Origin
    parents: list[Person] = field(default_factory=list)
    children: list[Person] = field(default_factory=list)

    @property
    def mother(self) -> Person | None:
        """The first woman among the parents."""
        return next((person for person in self.parents if person.girl), None)

    @property
    def father(self) -> Person | None:
        """The first man among the parents."""
        return next((person for person in self.parents if not person.girl), None)


class Town:
    """Draws households and remembers everybody. Made with its own draw, it gives the same people for the same arguments."""

    def __init__(self, draw: random.Random, *, today: date, twin_share: float, districts: int) -> None:
        self.people: list[Person] = []
        self.households: list[Household] = []
        self._draw = draw
        self._today = today
        self._first_day = date(today.year if today.month >= 7 else today.year - 1, 9, 1)
        self._twin_births = twin_share / (2 - twin_share)
        self._districts = districts
        self._kin = 0
        self._births = 0
        self._mailboxes: Counter[str] = Counter()
        self._origin_weights = [sum(origin.weight for origin in ORIGINS[: n + 1]) for n in range(len(ORIGINS))]
        self._district_weights = [sum(1 / (m + 2) for m in range(n + 1)) for n in range(districts)]
        self._complexes = [[self._building(district) for _ in range(40)] for district in range(districts)]

    # Households

    def family(self, *, relative: Household | None = None, children: bool = True) -> Household:
        """A household with its parents and, if wanted, its children; a ``relative``'s has the father's surname and shares address or phone."""
        draw = self._draw
        chance = draw.random
        origin = relative.origin if relative else ORIGINS[self._among(self._origin_weights)]
        if relative:
            district, kin = relative.district, relative.kin
        else:
            self._kin += 1
            district, kin = self._among(self._district_weights), self._kin
        address = self.address(district)
        phone = self.phone()
        if relative:
            shared = chance()
            address = relative.address if shared < 0.65 else address
            phone = relative.phone if shared > 0.35 else phone
        home = Household(
            number=len(self.households),
            kin=kin,
            district=district,
            address=address,
            former_address=self.address(self._among(self._district_weights) if chance() < 0.3 else district) if chance() < 0.3 else None,
            phone=phone,
            former_phone=self.phone() if chance() < 0.3 else "",
            origin=origin,
        )
        self.households.append(home)
        self._parents(home, relative)
        if children:
            self._children(home, relative)
        return home

    def address(self, district: int) -> Address:
        """A house, or for one household in four a flat in a building of the district."""
        draw = self._draw
        if draw.random() < 0.25:
            building = draw.choice(self._complexes[district])
            unit = f"{draw.choice('ABCDEFGH')}{draw.randint(1, 30)}" if draw.random() < 0.3 else str(draw.randint(1, 320))
            return Address(building.number, building.street, building.kind, unit, building.city, building.postal_code)
        return self._building(district)

    def phone(self) -> str:
        """Ten digits; seldom one that another family had before."""
        draw = self._draw
        exchange = 555 if draw.random() < 0.02 else draw.randint(200, 999)
        return f"{draw.choice(AREA_CODES)}{exchange}{draw.randrange(10_000):04d}"

    def person(
        self,
        home: Household,
        *,
        adult: bool,
        girl: bool,
        family: tuple[str, ...],
        born: date,
        given: tuple[str, ...] = (),
        hyphenated: bool = False,
    ) -> Person:
        """One more member of a household, with a given and a middle name of its community."""
        draw, origin = self._draw, home.origin
        names = (origin.women if adult else origin.girls) if girl else (origin.men if adult else origin.boys)
        if not given:
            given = (self._of(names),)
            if draw.random() < origin.compound:
                second = draw.choice(SECOND_GIVEN.get(origin.name, JUST_ANN)[0 if girl else 1])
                given = (*given, second) if second not in given else given
        middle = self._of(origin.girls_middle if girl else origin.boys_middle) if draw.random() < origin.middle and len(given) == 1 else ""
        short = NICKNAMES.get(given[0], ())
        person = Person(
            number=len(self.people),
            household=home.number,
            adult=adult,
            girl=girl,
            origin=origin,
            given=given,
            middle="" if middle in given else middle,
            family=family,
            hyphenated=hyphenated,
            suffix="",
            known_as=draw.choice(short) if short and draw.random() < 0.6 else "",
            born=born,
        )
        self.people.append(person)
        (home.parents if adult else home.children).append(person)
        return person

    def age_at_school(self, person: Person) -> int:
        """Years on the first of September of this school year."""
        first = self._first_day
        return first.year - person.born.year - ((first.month, first.day) < (person.born.month, person.born.day))

    def new_birth(self) -> int:
        """The number of a birth that nobody had yet."""
        self._births += 1
        return self._births

    def mailbox(self, person: Person) -> str:
        """An e-mail address that is nobody else's."""
        draw = self._draw
        given, family = ascii_letters(person.given[0]), ascii_letters(person.family[0])
        style = draw.randrange(4)
        local = (f"{given}.{family}", f"{given}{family}{draw.randint(1, 99)}", f"{given[:1]}{family}", f"{given}_{family}")[style]
        self._mailboxes[local] += 1
        seen = self._mailboxes[local]
        return f"{local}{seen if seen > 1 else ''}@{draw.choice(('mail', 'post', 'home', 'inbox'))}.example.org"

    # Their members

    def _parents(self, home: Household, relative: Household | None) -> None:
        draw = self._draw
        chance = draw.random
        origin = home.origin
        theirs = relative.father or relative.parents[0] if relative else None
        surname = theirs.family[:1] if theirs else (self._of(origin.family),)
        kind = chance()
        born = self._today - timedelta(days=draw.randint(26 * 365, 50 * 365))
        maiden = (self._of(origin.family),)
        if kind < 0.97:
            shared = kind < 0.72 and chance() < (0.25 if origin.double else 0.65)
            self.person(home, adult=True, girl=True, family=surname if shared else maiden, born=born)
        if kind < 0.72 or kind >= 0.97:
            self.person(home, adult=True, girl=False, family=surname, born=born - timedelta(days=draw.randint(-1200, 2600)))
        for parent in home.parents:
            parent.phone = self.phone() if chance() < 0.7 else home.phone
            parent.email = self.mailbox(parent) if chance() < 0.88 else ""
        if len(home.parents) == 2 and chance() < 0.1:
            home.parents[1].email = home.parents[0].email

    def _children(self, home: Household, relative: Household | None) -> None:
        draw = self._draw
        chance = draw.random
        origin, mother, father = home.origin, home.mother, home.father
        head = father or mother or home.parents[0]
        surname, hyphenated = head.family, False
        if mother and father and mother.family != father.family:
            if chance() < origin.double:
                surname = (father.family[0], mother.family[0])
                hyphenated = chance() < 0.1
            elif chance() < origin.hyphenated * 2:
                surname, hyphenated = (mother.family[0], father.family[0]), True
        former = (self._of(origin.family),) if chance() < 0.026 else ()
        private = chance() < 0.06
        taken: list[str] = []
        born = self._today - timedelta(days=draw.randint(60, 18 * 365))
        for order in range(draw.choices(_BIRTHS[0], cum_weights=_BIRTHS[1])[0]):
            if order:
                born -= timedelta(days=draw.randint(320, 2100))
            if (self._today - born).days > 23 * 365:
                break
            family, hyphen = surname, hyphenated
            if mother and mother.family != head.family and chance() < 0.06:
                family, hyphen = mother.family, False  # of another father
            birth = self.new_birth()
            born_now = (
                self._twins(home, family, hyphen, born)
                if chance() < self._twin_births
                else [self._child(home, family, hyphen, born, taken)]
            )
            taken.extend(child.given[0] for child in born_now)
            goes = not private and chance() < 0.97
            second = chance() < 0.015
            for child in born_now:
                child.birth = birth
                child.former = former
                age = self.age_at_school(child)
                if goes and 4 <= age <= 17 and (age > 4 or born.day < 11):
                    self.enrol(child, home.district, moved_from=self._other(home.district) if second else None)
                    child.written_twice = chance() < 0.005
        self._namesakes(home)
        if relative and home.children and relative.children and chance() < 0.06:
            child, cousin = draw.choice(home.children), draw.choice(relative.children)
            if child.girl == cousin.girl and cousin.given[0] not in taken:
                child.given, child.known_as = cousin.given, ""

    def enrol(self, child: Person, district: int, *, moved_from: int | None = None) -> None:
        """Put the child on a district's roster, and on an earlier or second district's."""
        child.districts = (district,) if moved_from is None else (district, moved_from)
        child.state_id = str(1_000_000_007 + child.number * 6151)

    def _child(self, home: Household, family: tuple[str, ...], hyphenated: bool, born: date, taken: list[str]) -> Person:
        girl = self._draw.random() < 0.49
        names = home.origin.girls if girl else home.origin.boys
        child = self.person(home, adult=False, girl=girl, family=family, born=born, hyphenated=hyphenated)
        while child.given[0] in taken:
            child.given, child.known_as = (self._of(names),), ""
        return child

    def _twins(self, home: Household, family: tuple[str, ...], hyphenated: bool, born: date) -> list[Person]:
        """Two children of one birth: two in three of one sex, one in eight with names that are alike."""
        draw = self._draw
        first = self._child(home, family, hyphenated, born, [])
        if draw.random() >= 0.66:
            second = self.person(home, adult=False, girl=not first.girl, family=family, born=born, hyphenated=hyphenated)
        else:
            second = self.person(home, adult=False, girl=first.girl, family=family, born=born, hyphenated=hyphenated)
            while second.given[0] == first.given[0]:
                second.given, second.known_as = (self._of(home.origin.girls if first.girl else home.origin.boys),), ""
            if home.origin.double and draw.random() < 0.04:
                same_first_name(first, second, draw)
            elif draw.random() < 0.18:
                similar_names(first, second, draw)
        return [first, second]

    def _namesakes(self, home: Household) -> None:
        """The first son may have his father's name, the first daughter her mother's; the suffix is written if the family writes such."""
        chance = self._draw.random
        origin, father, mother = home.origin, home.father, home.mother
        son = next((child for child in home.children if not child.girl), None)
        if father and son and son.family[0] == father.family[0] and chance() < origin.namesake:
            taken = [child.given[0] for child in home.children if child is not son]
            if father.given[0] not in taken:
                make_namesake(son, father, suffixes=chance() < origin.juniors, third=chance() < 0.1)
        daughter = next((child for child in home.children if child.girl), None)
        if mother and daughter and daughter.family == mother.family and chance() < 0.015:
            taken = [child.given[0] for child in home.children if child is not daughter]
            if mother.given[0] not in taken:
                daughter.given, daughter.known_as = mother.given, ""

    # Draws

    def _of(self, names: Names) -> str:
        return self._draw.choices(names.names, cum_weights=names.running)[0]

    def _among(self, running: list[float] | list[int]) -> int:
        return self._draw.choices(range(len(running)), cum_weights=running)[0]

    def _other(self, district: int) -> int:
        return (district + self._draw.randrange(1, self._districts)) % self._districts if self._districts > 1 else district

    def _building(self, district: int) -> Address:
        draw = self._draw
        postal_code = f"{29000 + district * 80 + int(draw.random() * draw.random() * 12):05d}"
        return Address(
            draw.randint(1, 9999), draw.choice(STREETS), draw.choice(STREET_KINDS), "", CITIES[district % len(CITIES)], postal_code
        )


def same_first_name(first: Person, second: Person, draw: random.Random) -> None:
    """Give two twins one first name and two second ones, as in Ana María and Ana José."""
    one, other = draw.sample(
        [
            name
            for name in SECOND_GIVEN.get(first.origin.name, SECOND_GIVEN["hispanic"])[0 if first.girl else 1]
            if name not in first.given[:1]
        ],
        2,
    )
    first.given, second.given = (first.given[0], one), (first.given[0], other)
    for child in (first, second):
        child.middle = child.known_as = ""


def similar_names(first: Person, second: Person, draw: random.Random) -> None:
    """Give two twins names that are alike."""
    one, other = draw.choice(SIMILAR_GIRLS if first.girl else SIMILAR_BOYS)
    first.given, second.given = (one,), (other,)
    first.known_as = second.known_as = ""


def make_namesake(child: Person, parent: Person, *, suffixes: bool, third: bool = False) -> None:
    """Give the child the parent's name, with Jr. and Sr., or III and Jr., where the family writes such."""
    child.given, child.middle, child.family, child.hyphenated = parent.given, parent.middle, parent.family, parent.hyphenated
    child.former, child.known_as = (), ""
    if suffixes:
        child.suffix, parent.suffix = ("III", "Jr") if third else ("Jr", "Sr")
