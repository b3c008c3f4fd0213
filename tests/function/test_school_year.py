"""A school year of each programme, and a model of it: a plain dictionary of what should be true, made from what befell each child and from nothing else."""

import random
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firstcard.agreement import Agreement
from firstcard.run.ledger import Status
from tests.function.conftest import ENVIRONMENT, forget, standing
from tests.function.school_year import GRADES, Child, Enrolment, Year, programme

FILES = [
    date(2026, 8, 10),
    *(date(2026, month, 12) for month in (9, 10, 11, 12)),
    *(date(2027, month, 12) for month in range(1, 7)),
    date(2027, 8, 10),
    date(2027, 9, 13),
]
"""The days of the files that count; families' days are over before the next one comes."""
IN_ROLLOVER = date(2027, 7, 1)
JUNE, AUGUST = date(2027, 6, 12), date(2027, 8, 10)
FOREVER = date(2030, 1, 1)
SIX_PM = timedelta(hours=18)

WHERE = {
    "jacksonville": [("duval", ["duval-school-001", "duval-school-002"])],
    "one-access": [("cms", ["cms-school-001", "cms-school-002"])],
    "kindercard": [("rcsd", ["rcsd-school-001"])],
    "indianapolis": [("ips", ["ips-school-001"]), ("wayne", ["wayne-school-001"])],
    "student-success": [
        ("baylands", ["baylands-school-001", "baylands-school-008"]),
        ("hillside", ["hillside-school-002", "hillside-school-009"]),
    ],
}  # fmt: skip
"""Each programme's districts, with the schools of its children here."""


def lives(name: str, *, count: int, seed: int) -> list[Child]:
    """Children and what befalls them: some come late, leave, come back, change school or district, say no by the one way or the other, or change their name."""
    draw = random.Random(seed)
    places = [(district, school) for district, schools in WHERE[name] for school in schools]
    children = []
    for number in range(count):
        only_kindergarten = name == "kindercard"
        late = draw.random() < (0.5 if only_kindergarten else 0.25)
        grade = 0 if only_kindergarten else draw.randrange(len(GRADES))
        born = date(2021 - grade, 10 + number % 3, 1 + number % 28)  # younger than 18 to the end
        first = draw.choice(FILES[1:] if not only_kindergarten else FILES[-6:]) if late else FILES[0]
        if only_kindergarten and first >= AUGUST:
            grade = -1
        child = Child(number, born, grade, "" if draw.random() < 0.1 else f"family{number}@example.org")
        end = AUGUST if (only_kindergarten and first < AUGUST) or (grade == len(GRADES) - 1) else FOREVER
        spans = [(first, end)]
        fate = draw.choice(["stays", "stays", "leaves", "returns", "moves", "moves", "refuses", "refuses", "renamed"])
        after = [day for day in FILES if first < day < min(end, AUGUST)]
        if fate == "leaves" and after:
            spans = [(first, draw.choice(after))]
        elif fate == "returns" and len(after) > 2:
            gone = draw.choice(after[:-1])
            back = draw.choice([day for day in after if day > gone])
            spans = [(first, gone), (back, end)]
        elif fate == "moves" and len(after) > 1:
            spans = [(first, moved := draw.choice(after)), (moved, end)]
        elif fate == "refuses" and after:
            child.no, child.by = draw.choice(after), draw.choice(["roster", "link"])
        elif fate == "renamed" and after:
            child.renamed = draw.choice(after)
        district, school = draw.choice(places)
        for place, (begin, over) in enumerate(spans):
            if place and fate == "moves":
                others = [one for one in places if one != (district, school)]
                district, school = draw.choice(others) if others else (district, school)
            child.enrolments.append(Enrolment(district, f"{100000 + number}", school, begin, over))
        children.append(child)
    return children


@dataclass
class Card:
    """What should be true of a child under one agreement."""

    state: str = ""
    number: str = ""
    last_day: str = ""
    issued: int = 0
    renewed: int = 0
    expired: int = 0
    revoked: int = 0
    moved_to: str = ""


Model = dict[tuple[str, str], Card]
"""By data-sharing id and child's id in the district."""


def takes(agreement: Agreement, school: str, grade: str) -> bool:
    """Whether the agreement's roll-out has the school and the grade."""
    rollout = agreement.rollout
    return (rollout.schools == "all" or school in rollout.schools) and (rollout.grades == "all" or grade in rollout.grades)


def end_of(agreement: Agreement, child: Child, on: date) -> str:
    """The last day of a card that is made or renewed on a day: 15 September of the coming year, or the thirteenth birthday."""
    if agreement.card.expiry.rule == "age":
        return date(child.born.year + 13, child.born.month, child.born.day).isoformat()
    return date(on.year + (on > date(on.year, 6, 30)), 9, 15).isoformat()


class Book:
    """Keeps the model, a day at a time."""

    def __init__(self, agreements: list[Agreement], children: list[Child]) -> None:
        self.agreements, self.children = agreements, children
        self.model: Model = {}

    def file(self, district: str, on: date) -> None:
        """A district's file was applied."""
        for agreement in (a for a in self.agreements if a.district == district and a.in_force(on)):
            for child in self.children:
                for local_id in dict.fromkeys(e.local_id for e in child.enrolments if e.district == district):
                    self._row(agreement, child, local_id, child.enrolment(district, on), on)

    def _row(self, agreement: Agreement, child: Child, local_id: str, there: Enrolment | None, on: date) -> None:
        card = self.model.setdefault((agreement.sharing, local_id), Card())
        refuses = there is not None and child.by == "roster" and child.no == on
        if card.state in ("refused", "no"):
            return
        if refuses:
            # A no counts whatever the school: who has no card yet will get none.
            card.revoked += bool(card.issued)
            card.last_day = min(card.last_day, on.isoformat()) if card.issued else ""
            card.state = "refused" if card.state else "no"
            return
        if there is None or not takes(agreement, there.school, child.grade_on(on)):
            if card.state in ("active", "waiting"):
                card.expired += card.state == "active"
                if card.state == "active" and not agreement.leavers.runs_out:
                    card.last_day = min(card.last_day, (on + timedelta(days=agreement.leavers.grace_days)).isoformat())
                card.state = "expired"
            return
        if card.state in ("active", "waiting"):
            if card.last_day:
                card.last_day = end_of(agreement, child, on)
            return
        if card.state == "expired" and not card.moved_to:
            card.state = "active" if card.issued else "waiting"
            card.renewed += bool(card.issued)
        else:
            self._new(agreement, child, local_id, card, on)
        if card.state == "active":
            card.last_day = end_of(agreement, child, on)

    def _new(self, agreement: Agreement, child: Child, local_id: str, card: Card, on: date) -> None:
        """A child that is new here; where the state's id is the number it brings its card along from where it left."""
        if agreement.card.number.scheme == "state_id":
            for (sharing, other), before in self.model.items():
                same = sharing.split(".")[0] == agreement.library and (sharing, other) != (agreement.sharing, local_id)
                if same and before.number == child.state_id and before.state and not before.moved_to:
                    if before.state != "expired":
                        return
                    before.moved_to = agreement.sharing
        card.moved_to = ""
        back = bool(card.issued)
        card.state = "waiting" if agreement.route == "window" and not back else "active"
        card.issued += card.state == "active" and not back
        card.renewed += back
        card.number = {
            "state_id": child.state_id,
            "student_id": local_id.rjust(agreement.card.number.length, "0"),
            "prefix_student_id": agreement.card.number.prefix
            + local_id.rjust(agreement.card.number.length - len(agreement.card.number.prefix), "0"),
        }.get(agreement.card.number.scheme, "")

    def days_are_over(self, on: date) -> None:
        """The families' days since the last file are over."""
        for (sharing, local_id), card in self.model.items():
            agreement = next(a for a in self.agreements if a.sharing == sharing and a.in_force(on))
            child = next(c for c in self.children if any(e.local_id == local_id for e in c.enrolments))
            if card.state == "waiting" and child.email:
                card.state = "active"
                card.issued += 1
                card.last_day = end_of(agreement, child, self.today)

    def says_no(self, sharing: str, local_id: str, on: date) -> None:
        """A family's no by its link."""
        card = self.model[sharing, local_id]
        card.revoked += bool(card.issued)
        card.last_day = min(card.last_day, on.isoformat()) if card.issued else ""
        card.state = "refused"

    today = FILES[0]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def at(day: date, hour: int = 6) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def lived(year: Year, book: Book, name: str, *, bare: bool) -> None:
    """Every file, no and schedule of the year, for the system and for the book."""
    for day in FILES:
        book.today = day
        for district, _ in WHERE[name]:
            rows = [c.row(day, e, bare=bare) for c in book.children if (e := c.enrolment(district, day)) and c.grade_on(day)]
            year.clock = at(day)
            ended = year.roster(district, rows)
            assert set(ended) <= {Status.APPLIED, Status.UNCHANGED}, (day, district)
            if day == FILES[0] and name == "kindercard":
                year.clock = at(day, 9)
                assert year.roster(district, rows) == [Status.APPLIED]
            book.file(district, day)
        no = day + timedelta(days=3)
        for child in book.children:
            if child.by == "link" and child.no == day:
                for agreement in (a for a in book.agreements if a.in_force(day)):
                    for e in (e for e in child.enrolments if e.district == agreement.district and e.first <= day < e.last):
                        if book.model[agreement.sharing, e.local_id].state in ("active", "waiting"):
                            year.clock = at(no)
                            year.family_says_no(year.token(agreement.library, agreement.district, e.local_id))
                            book.says_no(agreement.sharing, e.local_id, no)
        year.until(at(day + timedelta(days=20)))
        book.days_are_over(day + timedelta(days=20))
        if day == JUNE:
            year.clock = at(IN_ROLLOVER)
            assert set(year.roster(WHERE[name][0][0], rows[:1])) == {Status.REJECTED}


@pytest.mark.parametrize("name", WHERE)
def test_at_the_end_of_a_year_table_library_system_and_history_are_as_the_book_says(name: str, tmp_path: Path, environment: None) -> None:
    schools = [school for _, schools in WHERE[name] for school in schools]
    agreements, libraries = programme(name, schools)
    children = lives(name, count=36, seed=7)
    forget()
    with standing(dict.fromkeys(a.district for a in agreements)), ExitStack() as stack:
        year = Year(agreements, libraries, tmp_path, stack, seed=7)
        book = Book(agreements, children)
        lived(year, book, name, bare=agreements[0].route == "before_upload")
        found, said = seen(year, agreements), expected(year, book)
        assert found == said
        assert len(said["states"]) > len(children) / 2
        assert set(said["states"].values()) == {"active", "expired", "refused"} | (
            {"waiting"} if agreements[0].route == "window" else set()
        )
    forget()


def expected(year: Year, book: Book) -> dict[str, Any]:
    """What the book says, by token."""
    states, told, patrons = {}, {}, {}
    for (sharing, local_id), card in book.model.items():
        library, district = sharing.split(".")
        token = year.token(library, district, local_id)
        if card.state and card.state != "no":
            states[token] = card.state
        counts = {"CardIssued": card.issued, "CardRenewed": card.renewed, "CardExpired": card.expired, "CardRevoked": card.revoked}
        if any(counts.values()):
            told[token] = {name: count for name, count in counts.items() if count}
        if card.issued and not card.moved_to:
            patrons[token] = (card.number, card.last_day)
    return {"states": states, "told": told, "patrons": patrons}


def seen(year: Year, agreements: list[Agreement]) -> dict[str, Any]:
    """The same from the cards table, the history of events and the libraries' systems; of numbers of a library's own block only that there is one each."""
    patrons: dict[str, tuple[str, str]] = {}
    drawn = {a.library for a in agreements if a.card.number.scheme == "library_barcode"}
    for library in year.systems:
        listed = year.patrons(library)
        assert len({number for number, _ in listed.values()}) == len(listed)
        patrons |= {token: ("" if library in drawn else number, last) for token, (number, last) in listed.items()}
    return {"states": year.states(), "told": {token: dict(counts) for token, counts in year.told().items()}, "patrons": patrons}
