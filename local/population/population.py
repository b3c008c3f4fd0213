"""A region's rosters and its library's patrons with the truth about them: the same seed gives the same rows, to the letter, in every process."""

import csv
import io
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from local.population.families import Household, Person, Town
from local.population.rows import CARD, ROSTER, Clerk, Errors, PatronRow, StudentRow
from local.population.spelling import ascii_letters

TODAY = date(2026, 11, 1)
DISTRICTS = 12


class Relation(StrEnum):
    """What two people are to each other; of several, the first."""

    SAME = "same"
    TWIN = "twin"
    PARENT = "parent"
    SIBLING = "sibling"
    COUSIN = "cousin"
    NAMESAKE = "namesake"
    OTHER = "other"


class Trap(NamedTuple):
    """Two rows, in the order of the output, that are not one person's and that no run may take for it; ``way`` names what makes them alike."""

    left_id: str
    right_id: str
    way: str


@dataclass(frozen=True, kw_only=True)
class Population:
    """Roster rows, library cards, and who each of them is.

    ``districts[n]`` (0 to 11) and ``student_people[n]`` belong to ``students[n]``, ``patron_people[n]`` to ``patrons[n]``: a person's place in ``people``.
    ``link_traps`` are pairs of a student's and a patron's id, ``within_traps`` pairs of two students' ids.
    """

    students: list[StudentRow] = field(repr=False)
    districts: list[int] = field(repr=False)
    student_people: list[int] = field(repr=False)
    patrons: list[PatronRow] = field(repr=False)
    patron_people: list[int] = field(repr=False)
    people: list[Person] = field(repr=False)
    households: list[Household] = field(repr=False)
    link_traps: list[Trap] = field(default_factory=list, repr=False)
    within_traps: list[Trap] = field(default_factory=list, repr=False)

    @cached_property
    def person_of(self) -> dict[str, int]:
        """The person behind each student's and each patron's id."""
        found = {row.student_id: person for row, person in zip(self.students, self.student_people, strict=True)}
        found.update((row.patron_id, person) for row, person in zip(self.patrons, self.patron_people, strict=True))
        return found

    @cached_property
    def true_links(self) -> set[tuple[str, str]]:
        """Every pair of a student's id and a patron's id that are one person's. Ask it, do not iterate it where order counts."""
        cards: dict[int, list[str]] = {}
        for card, person in zip(self.patrons, self.patron_people, strict=True):
            cards.setdefault(person, []).append(card.patron_id)
        return {
            (row.student_id, card) for row, person in zip(self.students, self.student_people, strict=True) for card in cards.get(person, ())
        }

    @cached_property
    def true_duplicates(self) -> set[tuple[str, str]]:
        """Every pair of two students' ids that are one child's, the smaller id first. Ask it, do not iterate it where order counts."""
        rows: dict[int, list[str]] = {}
        for row, person in zip(self.students, self.student_people, strict=True):
            rows.setdefault(person, []).append(row.student_id)
        return {(one, other) for ids in rows.values() for one in ids for other in ids if one < other}

    def relation(self, left_id: str, right_id: str) -> Relation:
        """What the people of two rows are to each other."""
        one, other = self.people[self.person_of[left_id]], self.people[self.person_of[right_id]]
        if one is other:
            return Relation.SAME
        if one.household == other.household and not (one.adult and other.adult):
            if one.adult != other.adult:
                return Relation.PARENT
            return Relation.TWIN if one.birth == other.birth else Relation.SIBLING
        if self.households[one.household].kin == self.households[other.household].kin and one.household != other.household:
            return Relation.COUSIN
        if one.household != other.household and _called(one) == _called(other):
            return Relation.NAMESAKE
        return Relation.OTHER

    def students_csv(self) -> bytes:
        """All rosters as one canonical CSV, UTF-8 with CRLF."""
        return _csv(StudentRow._fields, self.students)

    def patrons_csv(self) -> bytes:
        """The library's patrons as a CSV, UTF-8 with CRLF."""
        return _csv(PatronRow._fields, self.patrons)

    def district_csv(self, district: int) -> bytes:
        """One district's roster as a canonical CSV."""
        return _csv(StudentRow._fields, (row for row, place in zip(self.students, self.districts, strict=True) if place == district))

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write both files into the folder; returns students.csv and patrons.csv."""
        students, patrons = folder / "students.csv", folder / "patrons.csv"
        for path, header, rows in ((students, StudentRow._fields, self.students), (patrons, PatronRow._fields, self.patrons)):
            with path.open("w", encoding="utf-8", newline="") as out:
                writer = csv.writer(out)
                writer.writerow(header)
                writer.writerows(rows)
        return students, patrons


@dataclass(slots=True)
class Library:
    """Gathers rows and the truth about them while a population is made."""

    town: Town
    registrar: Clerk
    desk: Clerk
    draw: random.Random
    students: list[StudentRow] = field(default_factory=list)
    districts: list[int] = field(default_factory=list)
    student_people: list[int] = field(default_factory=list)
    patrons: list[PatronRow] = field(default_factory=list)
    patron_people: list[int] = field(default_factory=list)

    def roster_rows(self, child: Person) -> None:
        """The child's row on each of its districts' rosters, twice on the first where a school wrote it down again."""
        home, age = self.town.households[child.household], self.town.age_at_school(child)
        places = (0, 0, *range(1, len(child.districts))) if child.written_twice else range(len(child.districts))
        for place in places:
            student_id = f"{child.districts[place] + 1:02d}{1_000_000 + len(self.students):07d}"
            moved = place > 0 and self.draw.random() < 0.6
            self.students.append(self.registrar.student(child, home, student_id=student_id, place=place, age=age, moved=moved))
            self.districts.append(child.districts[place])
            self.student_people.append(child.number)

    def card(self, person: Person) -> None:
        """One library card."""
        number = len(self.patrons)
        home = self.town.households[person.household]
        self.patrons.append(self.desk.patron(person, home, patron_id=f"p{2_000_000 + number}", barcode=f"21223{number * 13 % 10**9:09d}"))
        self.patron_people.append(person.number)

    def population(self) -> Population:
        """What was gathered, in an order that tells nothing."""
        roster, cards = list(range(len(self.students))), list(range(len(self.patrons)))
        self.draw.shuffle(roster)
        self.draw.shuffle(cards)
        return Population(
            students=[self.students[n] for n in roster],
            districts=[self.districts[n] for n in roster],
            student_people=[self.student_people[n] for n in roster],
            patrons=[self.patrons[n] for n in cards],
            patron_people=[self.patron_people[n] for n in cards],
            people=self.town.people,
            households=self.town.households,
        )


def make_population(
    seed: int,
    *,
    students: int = 147_000,
    patrons: int = 60_000,
    twin_share: float = 0.031,
    roster: Errors = ROSTER,
    card: Errors = CARD,
    today: date = TODAY,
) -> Population:
    """Exactly so many roster rows of twelve districts and so many library cards; four cards in ten are students'.

    ``twin_share`` of the children are twins. One child in 70 stands on two districts' rosters, one in 200 twice on one; one family in fourteen has
    cousins of the same name at the same address or phone; one card in 1,500 is a stranger's with a student's name and birth date.
    """
    library = open_library(f"{seed}/{students}/{patrons}/{twin_share}", twin_share=twin_share, roster=roster, card=card, today=today)
    fill(library, students=students, patrons=patrons)
    return library.population()


def fill(library: Library, *, students: int, patrons: int) -> None:
    """Families, their rows on the rosters, and cards, exactly so many, into a library without anybody."""
    _strangers(library, _families(library, students), cards=patrons // 1500, rows=students // 3000)
    for child in library.town.people:
        if child.districts:
            library.roster_rows(child)
    del library.students[students:], library.districts[students:], library.student_people[students:]
    _cards(library, patrons)
    _state_ids_of_siblings(library, students // 4900)


def open_library(seed: str, *, twin_share: float = 0.031, roster: Errors = ROSTER, card: Errors = CARD, today: date = TODAY) -> Library:
    """A town and its clerks without anybody yet, each with a draw of its own made from the seed."""
    people, rows, cards, order = (random.Random(f"{seed}/{part}") for part in ("people", "roster", "cards", "order"))  # noqa: S311  repeatable
    return Library(
        town=Town(people, today=today, twin_share=twin_share, districts=DISTRICTS),
        registrar=Clerk(rows, roster, today=today),
        desk=Clerk(cards, card, today=today),
        draw=order,
    )


def _families(library: Library, students: int) -> list[Person]:
    """Families until their children fill the rosters, with cousins' among them."""
    rows = 0
    enrolled: list[Person] = []
    room = students - students // 3000
    while rows < room:
        home = library.town.family()
        homes = [home, library.town.family(relative=home)] if library.draw.random() < 0.07 else [home]
        for each in homes:
            for child in each.children:
                if child.districts:
                    enrolled.append(child)
                    rows += len(child.districts) + child.written_twice
    return enrolled


def _strangers(library: Library, enrolled: list[Person], *, cards: int, rows: int) -> None:
    """Children elsewhere with the name and birth date of a student: some have a card, some are on another roster."""
    town, draw = library.town, library.draw
    for child in draw.sample(enrolled, min(len(enrolled), cards)):
        stranger_like(town, child).written_twice = True
    for child in draw.sample(enrolled, min(len(enrolled), rows)):
        town.enrol(stranger_like(town, child), (child.districts[0] + draw.randrange(DISTRICTS)) % DISTRICTS)


def stranger_like(town: Town, child: Person) -> Person:
    """Somebody else's child with this one's first name, last name and birth date, and mostly another middle name."""
    home = town.family(children=False)
    home.origin = child.origin
    stranger = town.person(
        home, adult=False, girl=child.girl, family=child.family, born=child.born, given=child.given, hyphenated=child.hyphenated
    )
    stranger.birth = town.new_birth()
    stranger.known_as = child.known_as
    return stranger


def _cards(library: Library, patrons: int) -> None:
    """Cards family by family: of children (students and others), of their parents, then of other adults until the number is full."""
    town, draw = library.town, library.draw
    chance = draw.random
    wanted = round(patrons * 0.4)
    order = [home for home in town.households if home.children]
    draw.shuffle(order)
    students = 0
    with_card: set[int] = set()

    def give(person: Person) -> None:
        with_card.add(person.number)
        library.card(person)

    for home in order:  # the strangers with a student's name come first, whatever happens to the others
        for child in home.children:
            if child.written_twice and not child.districts:
                child.written_twice = False
                give(child)
    for home in order:
        if students >= wanted or len(library.patrons) >= patrons:
            break
        for child in home.children:
            if child.number not in with_card and chance() < 0.62:
                give(child)
                students += bool(child.districts)
                if child.districts and chance() < 0.003:
                    library.card(child)
        for parent in home.parents:
            if chance() < (0.5 if any(child.suffix for child in home.children) else 0.2):
                give(parent)
    while len(library.patrons) < patrons:
        for parent in town.family(children=False).parents:
            if chance() < 0.7:
                give(parent)
    del library.patrons[patrons:], library.patron_people[patrons:]


def _state_ids_of_siblings(library: Library, count: int) -> None:
    """A few children stand on the roster with a brother's or sister's state id."""
    people, homes = library.town.people, library.town.households
    chances = list(range(len(library.students)))
    library.draw.shuffle(chances)
    for place in chances:
        if count == 0:
            return
        row = library.students[place]
        child = people[library.student_people[place]]
        others = [each for each in homes[child.household].children if each is not child and each.state_id]
        if others and row.state_id:
            library.students[place] = row._replace(state_id=others[0].state_id)
            count -= 1


def _called(person: Person) -> tuple[str, str]:
    return ascii_letters(person.given[0]), ascii_letters(person.family[0])


def _csv(header: Iterable[str], rows: Iterable[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
