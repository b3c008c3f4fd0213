"""How people come to stand on rosters and library cards: two clerks, each with mistakes of their own."""

import random
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from local.population.families import Address, Household, Person
from local.population.spelling import slip, without_accents

GRADES = ("PK", "KG", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12")
_NOBODYS_PHONES = ("0000000000", "9999999999", "1111111111", "1234567890")
_NOBODYS_MAIL = ("none@example.org", "noemail@example.org", "library@example.org")


class StudentRow(NamedTuple):
    """A row of a roster in FirstCard's canonical CSV; the fields are its header."""

    student_id: str
    state_id: str
    last_name: str
    first_name: str
    middle_name: str
    suffix: str
    preferred_name: str
    birth_date: str
    grade: str
    school_id: str
    school_name: str
    street: str
    city: str
    region: str
    postal_code: str
    phone: str
    home_language: str
    guardian_name: str
    guardian_email: str
    guardian_phone: str
    opt_out: str
    homeroom: str


class PatronRow(NamedTuple):
    """A library's cardholder in the CSV of ``firstcard patrons import``; the fields are its header."""

    patron_id: str
    barcode: str
    first_name: str
    middle_name: str
    last_name: str
    suffix: str
    birth_date: str
    street: str
    postal_code: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """The shares of rows that a clerk gets wrong, or writes in another way; each is of those rows on which it can happen."""

    nickname: float
    slip_first: float
    slip_last: float
    compound_cut: float
    compound_joined: float
    compound_to_middle: float
    middle_full: float
    middle_initial: float
    first_surname_only: float
    second_surname_only: float
    surnames_hyphened: float
    surnames_swapped: float
    former_name: float
    names_swapped: float
    accents_dropped: float
    no_birth_date: float
    first_of_january: float
    day_for_month: float
    wrong_digit: float
    no_suffix: float
    suffix_in_last_name: float
    upper_case: float
    former_address: float
    former_phone: float
    unit_left_out: float
    street_slip: float
    nobodys_contact: float


ROSTER = Errors(
    nickname=0.02, slip_first=0.006, slip_last=0.006, compound_cut=0.06, compound_joined=0.02, compound_to_middle=0.12, middle_full=0.5, middle_initial=0.25,
    first_surname_only=0.12, second_surname_only=0.005, surnames_hyphened=0.12, surnames_swapped=0.015, former_name=0.1, names_swapped=0.001, accents_dropped=0.55,
    no_birth_date=0.003, first_of_january=0.001, day_for_month=0.002, wrong_digit=0.003, no_suffix=0.25, suffix_in_last_name=0.15, upper_case=0.0, former_address=0.02,
    former_phone=0.02, unit_left_out=0.1, street_slip=0.004, nobodys_contact=0.002,
)  # fmt: skip
"""A school's registrar, who saw a birth certificate."""

CARD = Errors(
    nickname=0.16, slip_first=0.0175, slip_last=0.015, compound_cut=0.22, compound_joined=0.04, compound_to_middle=0.14, middle_full=0.25, middle_initial=0.3,
    first_surname_only=0.3, second_surname_only=0.03, surnames_hyphened=0.2, surnames_swapped=0.03, former_name=0.75, names_swapped=0.003, accents_dropped=0.75,
    no_birth_date=0.06, first_of_january=0.005, day_for_month=0.018, wrong_digit=0.008, no_suffix=0.5, suffix_in_last_name=0.3, upper_case=0.2, former_address=0.4,
    former_phone=0.3, unit_left_out=0.25, street_slip=0.012, nobodys_contact=0.004,
)  # fmt: skip
"""A library's desk, where people say who they are. Four in ten who have moved (12 of 100) are there under the address before."""


class Clerk:
    """Writes people down with the errors of one place. Takes its draws from the one it is given, in the order of the rows."""

    def __init__(self, draw: random.Random, errors: Errors, *, today: date) -> None:
        self._draw = draw
        self._errors = errors
        self._today = today

    def student(self, person: Person, home: Household, *, student_id: str, place: int, age: int, moved: bool) -> StudentRow:
        """The row on the roster of the district at ``place`` (0 to 11) among the child's; ``moved``: it has the address before."""
        draw = self._draw
        chance = draw.random
        district = person.districts[place]
        first, middle, last, suffix, preferred = self.names(person)
        mother, father = home.mother, home.father
        guardian = mother if mother and (not father or chance() < 0.68) else father or next(iter(home.parents), None)
        address = home.former_address if moved and home.former_address else home.address
        school = (
            district * 40 + (age * 7 + len(home.address.street)) % (12 if age < 11 else 4) + (0 if age < 11 else 20 if age < 14 else 30)
        )
        phone = self._phone(home, home.phone if chance() < 0.86 else guardian.phone if guardian else "")
        email = guardian.email if guardian else ""
        nobody = chance() < self._errors.nobodys_contact
        return StudentRow(
            student_id=student_id,
            state_id=person.state_id if chance() < 0.85 else "",
            last_name=last,
            first_name=first,
            middle_name=middle,
            suffix=suffix,
            preferred_name=preferred,
            birth_date=self.birth_date(person.born),
            grade=GRADES[min(13, max(0, age - 4 - (chance() < 0.03)))],
            school_id=f"{district + 1:02d}-{school:04d}",
            school_name=f"School {school}",
            street=self.street(address),
            city=address.city,
            region="FL",
            postal_code=address.postal_code,
            phone=draw.choice(_NOBODYS_PHONES) if nobody else "" if chance() < 0.03 else phone,
            home_language=draw.choice(home.origin.languages),
            guardian_name=f"{guardian.given[0]} {' '.join(guardian.family)}" if guardian else "",
            guardian_email=draw.choice(_NOBODYS_MAIL) if nobody else email if chance() < 0.92 else "",
            guardian_phone=self._written_phone(guardian.phone) if guardian and chance() < 0.8 else "",
            opt_out="yes" if chance() < 0.01 else "",
            homeroom=f"{person.birth % 9 + 1:02d}",
        )

    def patron(self, person: Person, home: Household, *, patron_id: str, barcode: str) -> PatronRow:
        """The library card, with a parent's phone and e-mail on a child's, and on few of them (3 of 1,000) a parent's birth date."""
        draw = self._draw
        chance = draw.random
        first, middle, last, suffix, _ = self.names(person)
        mother, father = home.mother, home.father
        parent = mother if mother and (not father or chance() < 0.68) else father or next(iter(home.parents), None)
        moved = home.former_address is not None and chance() < self._errors.former_address
        address = home.former_address if moved and home.former_address else home.address
        if person.adult:
            phone, email = (person.phone if chance() < 0.8 else home.phone), person.email
        else:
            phone = home.phone if parent is None or chance() < 0.6 else parent.phone
            email = parent.email if parent else ""
        if home.former_phone and chance() < (0.5 if moved else self._errors.former_phone):
            phone = home.former_phone
        nobody = chance() < self._errors.nobodys_contact
        born = parent.born if parent and not person.adult and chance() < 0.003 else person.born
        row = PatronRow(
            patron_id=patron_id,
            barcode=barcode,
            first_name=first,
            middle_name=middle,
            last_name=last,
            suffix=suffix,
            birth_date=self.birth_date(born),
            street=self.street(address),
            postal_code=address.postal_code if chance() < 0.98 else "",
            phone=draw.choice(_NOBODYS_PHONES) if nobody else "" if chance() < 0.1 else self._phone(home, phone),
            email=draw.choice(_NOBODYS_MAIL) if nobody else email if chance() < 0.72 else "",
        )
        if chance() < self._errors.upper_case:
            return row._replace(
                first_name=row.first_name.upper(),
                middle_name=row.middle_name.upper(),
                last_name=row.last_name.upper(),
                suffix=row.suffix.upper(),
                street=row.street.upper(),
            )
        return row

    def names(self, person: Person) -> tuple[str, str, str, str, str]:
        """First, middle, last name, suffix, preferred name, as written here."""
        draw, errors = self._draw, self._errors
        chance = draw.random
        given, middle = person.given, person.middle
        preferred = ""
        kind = chance()
        if person.known_as and kind < errors.nickname / 0.6:
            first = person.known_as
        elif len(given) > 1:
            cut, joined, moved = errors.compound_cut, errors.compound_joined, errors.compound_to_middle
            if kind < cut:
                first = given[0]
            elif kind < cut + joined:
                first = given[0] + given[1].lower() if kind < cut + joined / 2 else "-".join(given)
            elif kind < cut + joined + moved:
                first, middle = given[0], given[1]
            else:
                first = " ".join(given)
        else:
            first = given[0]
        if person.known_as and first != person.known_as and chance() < 0.08:
            preferred = person.known_as
        if middle:
            kind = chance()
            middle = middle if kind < errors.middle_full else f"{middle[0]}" if kind < errors.middle_full + errors.middle_initial else ""
        last = self._surname(person)
        if chance() < errors.slip_first:
            first = slip(first, draw)
        if chance() < errors.slip_last:
            last = slip(last, draw)
        suffix = person.suffix
        if suffix:
            kind = chance()
            written = kind >= errors.no_suffix * (3 if suffix == "Sr" else 1)
            suffix = draw.choice((suffix, suffix, f"{suffix}.")) if written and suffix != "III" else suffix if written else ""
            if suffix and chance() < errors.suffix_in_last_name:
                last, suffix = f"{last} {suffix}", ""
        if chance() < errors.accents_dropped:
            first, middle, last, preferred = (
                without_accents(first),
                without_accents(middle),
                without_accents(last),
                without_accents(preferred),
            )
        if chance() < errors.names_swapped:
            first, last = last, first
        return first, middle, last, suffix, preferred

    def birth_date(self, born: date) -> str:
        """ISO, or empty, or the first of January, or day and month in each other's place, or one digit wrong."""
        draw, errors = self._draw, self._errors
        kind = draw.random()
        if kind < (edge := errors.no_birth_date):
            return ""
        if kind < (edge := edge + errors.first_of_january):
            return f"{born.year}-01-01"
        if kind < (edge := edge + errors.day_for_month):
            return f"{born.year}-{born.day:02d}-{born.month:02d}" if born.day <= 12 else born.isoformat()
        if kind < edge + errors.wrong_digit:
            return self._wrong_digit(born)
        return born.isoformat()

    def street(self, address: Address) -> str:
        """Number and street as one writes them: the street's kind long or short, the flat in one of four ways or left out."""
        draw, errors = self._draw, self._errors
        kind = address.kind[draw.randrange(2)]
        name = slip(address.street, draw) if draw.random() < errors.street_slip else address.street
        unit = ""
        if address.unit and draw.random() >= errors.unit_left_out:
            unit = draw.choice((" Apt ", " #", " Unit ", ", Apt. ")) + address.unit
        return f"{address.number} {name} {kind}{unit}"

    def _surname(self, person: Person) -> str:
        draw, errors = self._draw, self._errors
        if person.former and draw.random() < errors.former_name:
            return person.former[0]
        family = person.family
        if len(family) == 1:
            return family[0]
        kind = draw.random()
        if kind < (edge := errors.first_surname_only):
            return family[0]
        if kind < (edge := edge + errors.second_surname_only):
            return family[1]
        if kind < (edge := edge + errors.surnames_swapped):
            return f"{family[1]} {family[0]}"
        mark = "-" if person.hyphenated else " "
        if kind < edge + errors.surnames_hyphened:
            mark = " " if person.hyphenated else "-"
        return mark.join(family)

    def _phone(self, home: Household, phone: str) -> str:
        if home.former_phone and self._draw.random() < self._errors.former_phone / 10:
            phone = home.former_phone
        return self._written_phone(phone)

    def _written_phone(self, phone: str) -> str:
        if not phone:
            return ""
        area, exchange, line = phone[:3], phone[3:6], phone[6:]
        return self._draw.choice((f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}", phone, f"+1 {area} {exchange} {line}"))

    def _wrong_digit(self, born: date) -> str:
        written = born.isoformat()
        for _ in range(20):
            place = self._draw.choice((2, 3, 5, 6, 8, 9))
            wrong = written[:place] + str(self._draw.randrange(10)) + written[place + 1 :]
            try:
                if wrong != written and date(1920, 1, 1) <= date.fromisoformat(wrong) <= self._today:
                    return wrong
            except ValueError:
                continue
        return written
