"""A no is taken back by whom the agreement names: what holds then, on every basis, in every order, against a model that knows nothing of how it is done."""

import copy
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from firstcard.agreement import Agreement, agreement_from, library_from
from firstcard.run.undoing import TakenBackBy, Undoer, Undone
from tests.function.builders import csv_content
from tests.function.conftest import ENVIRONMENT, forget, standing
from tests.function.school_year import Year
from tests.unit.agreement.builders import DIRECTORY_BASIS, library_content
from tests.unit.roster.builders import Row, a_firstcard_csv, a_student_row

CHILDREN = (1, 2)
ROUTES = ("before_upload", "window", "opt_in")
NEVER = date(1, 1, 1)


@pytest.fixture
def cloudless(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def content(route: str, **choice: Any) -> dict[str, Any]:
    made = csv_content("pine", "dsa-pine-ash-2026", "904", library="ash")
    if route == "before_upload":
        made["basis"] = copy.deepcopy(DIRECTORY_BASIS)
        made["card"]["pin_or_second_factor"], made["notices"]["announce"] = True, False
    if route == "opt_in":
        made["basis"]["choice"] = {"mode": "opt_in", "renew": "never", "honour_within_hours": 24}
        made["fields"]["consent_date"] = {"required": False, "exhibit_b": "Consent", "fideslang": "user.unique_id"}
    made["basis"]["choice"] |= choice
    return made


@dataclass
class Child:
    """What somebody who only reads the agreement expects of one child: ``card`` is none, waiting, active or out; ``undone`` the hour of the last taking back."""

    card: str = "none"
    no: bool = False
    undone: int = -1
    yes_from: date = NEVER
    yes: bool = False
    told: int = 0
    untold: bool = False
    no_on: date = NEVER


@dataclass
class File:
    """A roster on its way: its hour, who says no in it, the days of the yeses in it, and what had been taken back when it was planned."""

    hour: int
    flags: frozenset[int]
    yeses: dict[int, date]
    seen: dict[int, int] = field(default_factory=dict)


class Book:
    """The model."""

    def __init__(self, route: str) -> None:
        self.route = route
        self.children = {n: Child() for n in CHILDREN}

    def applied(self, file: File, on: date) -> None:
        for number, child in self.children.items():
            if number in file.flags:
                if not child.no and child.undone < file.hour:
                    self._no(child, on)
                continue
            if child.no:
                continue
            if child.card in ("none", "out"):
                if file.seen[number] != child.undone or child.undone >= file.hour:
                    continue
                child.card = "active" if self.route == "before_upload" else "waiting"
                child.untold = self.route != "before_upload"
            given = file.yeses.get(number)
            child.yes |= given is not None and given >= child.yes_from

    def _no(self, child: Child, on: date) -> None:
        child.no, child.card, child.yes, child.no_on = True, "out", False, on

    def says_no(self, number: int, on: date) -> None:
        if not self.children[number].no:
            self._no(self.children[number], on)

    def undone(self, number: int, hour: int, on: date) -> bool:
        child = self.children[number]
        if not child.no:
            return False
        child.no, child.undone, child.yes_from = False, hour, max(on, child.no_on + timedelta(days=1))
        return True

    def heard(self) -> None:
        """Everything that happened is told on; who has said no by then hears nothing."""
        for child in self.children.values():
            child.told += child.untold and child.card == "waiting"
            child.untold = False

    def says_yes(self, number: int) -> None:
        child = self.children[number]
        child.yes |= not child.no and child.card != "none"

    def days_pass(self) -> None:
        for child in self.children.values():
            if child.card == "waiting" and (self.route == "window" or child.yes):
                child.card = "active"


class Undoing(RuleBasedStateMachine):
    """One district, one library system, two children of two families."""

    @initialize(route=st.sampled_from(ROUTES), scheme=st.sampled_from(["prefix_student_id", "library_barcode"]))
    def begins(self, route: str, scheme: str) -> None:
        forget()
        self.stack = ExitStack()
        self.stack.enter_context(standing(["pine"]))
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        made = content(route)
        if scheme == "library_barcode":
            made["card"]["number"] = {"scheme": "library_barcode", "length": 14}
        self.year = Year([agreement_from(made)], [library_from(library_content(id="ash"))], folder, self.stack, seed=1)
        self.book = Book(route)
        self.scheme = scheme
        self.hour = 0
        self.last: bytes = b""
        self.last_file: File | None = None
        self.numbers: dict[str, set[str]] = {}
        self.grades = Counter[int]()

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    # -- what happens -----------------------------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self.hour += 1
        self.year.clock += timedelta(hours=1)

    @rule(
        flags=st.frozensets(st.sampled_from(CHILDREN), max_size=1),
        yeses=st.dictionaries(st.sampled_from(CHILDREN), st.booleans(), max_size=2),
        changed=st.booleans(),
        meanwhile=st.lists(st.sampled_from(["no", "undo", "yes"]), max_size=3),
        about=st.sampled_from(CHILDREN),
        half=st.booleans(),
        again=st.booleans(),
    )
    def a_file_comes(
        self, flags: frozenset[int], yeses: dict[int, bool], changed: bool, meanwhile: list[str], about: int, half: bool, again: bool
    ) -> None:
        """And while it is planned, or half applied, somebody says something. It may be the very file from before."""
        self._tick()
        today = self.year.clock.date()
        if again and self.last_file:
            file = File(self.hour, self.last_file.flags, self.last_file.yeses)
        else:
            days = {n: today if new else date(2026, 8, 1) for n, new in yeses.items()}
            file = File(self.hour, flags, days)
            self.grades.update([1] if changed else [])
            self.last = a_firstcard_csv(*(self._row(n, file) for n in CHILDREN))
        yard = self.year.yard
        [arrival] = yard.admit(yard.drop(self.last, at=self.year.clock, district="pine"))
        file.seen = {n: child.undone for n, child in self.book.children.items()}
        planned = yard.plan(arrival)
        back = [n for n, child in self.book.children.items() if child.card == "out" and not child.no]
        if again and self.last_file:
            assert (planned.outcome == "unchanged") == (not back), "the same file takes up whose no was taken back, once"
        if planned.outcome == "unchanged":
            yard.finish(arrival, at=self.year.clock)
            self.year.settle()
            self._say(meanwhile, about)
            return
        assert planned.outcome == "ready"
        begun = yard.begin(arrival, at=self.year.clock)
        if half and begun.outcome == "go":
            yard.issue(planned)
            self.book.applied(file, today)
        self._say(meanwhile, about)
        if begun.outcome == "go":
            yard.issue(planned)
        assert yard.finish(arrival, at=self.year.clock) == "applied"
        self.book.applied(file, today)
        self.last_file = file
        self.year.settle()
        self.book.heard()

    def _row(self, number: int, file: File) -> Row:
        refuses = number in file.flags
        row = a_student_row(number, grade=f"{1 + self.grades[1] % 9:02}", opt_out="yes" if refuses else "no")
        if refuses and self.book.route == "before_upload":
            row = dict.fromkeys(row, "") | {"student_id": row["student_id"], "opt_out": "yes", "role": "student"}
        return row | (
            {"consent_date": file.yeses[number].isoformat() if number in file.yeses else ""} if self.book.route == "opt_in" else {}
        )

    def _say(self, what: list[str], about: int) -> None:
        for word in what:
            {"no": self.a_family_says_no, "undo": self.a_no_is_taken_back, "yes": self.a_family_says_yes}[word](about)

    @rule(number=st.sampled_from(CHILDREN))
    def a_family_says_no(self, number: int) -> None:
        self._tick()
        if self._token(number) in self.year.yard.cards.standing([self._token(number)]).patrons:
            self.year.family_says_no(self._token(number))
            self.book.says_no(number, self.year.clock.date())
            self.book.heard()

    @rule(number=st.sampled_from(CHILDREN))
    def a_no_is_taken_back(self, number: int) -> None:
        self._tick()
        agreement = self._agreement
        said = TakenBackBy(
            district="pine", student=f"{100000 + number}", at=self.year.clock, said_by="district", by="Ann/registrar",
            day=agreement.exchange.calendar.date_of(self.year.clock),
        )  # fmt: skip
        done = Undoer(self.year.yard.cards, self.year.yard.ledger, agreement).undo(
            self._token(number), said, at=self.year.clock, allowed=True
        )
        assert (done is Undone.UNDONE) == self.book.undone(number, self.hour, said.day)
        self.year.settle()
        self.book.heard()

    @rule(number=st.sampled_from(CHILDREN))
    def a_family_says_yes(self, number: int) -> None:
        self._tick()
        if self.book.route == "opt_in":
            self.year.family_says_yes(self._token(number))
            self.book.says_yes(number)
            self.book.heard()

    @rule()
    def days_pass(self) -> None:
        self.hour += 15 * 24
        self.year.until(self.year.clock + timedelta(days=15))
        self.book.days_pass()

    # -- what always holds ------------------------------------------------------------------------------------------------------------------

    @property
    def _agreement(self) -> Agreement:
        return self.year.site.agreements[0]

    def _token(self, number: int) -> str:
        return self.year.token("ash", "pine", f"{100000 + number}")

    @invariant()
    def every_child_stands_as_the_book_says(self) -> None:
        if not hasattr(self, "book"):
            return
        cards = self.year.yard.cards
        now = cards.standing([self._token(n) for n in CHILDREN])
        for number, child in self.book.children.items():
            patron = now.patrons.get(self._token(number))
            assert (self._token(number) in now.refused) == child.no, number
            wanted = {"none": None, "out": "refused"}.get(child.card, child.card)
            assert (patron and str(patron.state)) == (wanted if patron else None), number
            assert patron is not None or child.card in ("none", "out"), number
            assert patron is None or bool(patron.sealed) == (child.card in ("waiting", "active")), number

    @invariant()
    def the_library_system_has_working_cards_of_those_alone(self) -> None:
        if not hasattr(self, "book"):
            return
        patrons, today = self.year.patrons("ash"), self.year.clock.date().isoformat()
        working = {token for token, (_, last) in patrons.items() if last > today}
        assert working == {self._token(n) for n, child in self.book.children.items() if child.card == "active"}
        for token, (number, _) in patrons.items():
            self.numbers.setdefault(number, set()).add(token)
        assert all(len(owners) == 1 for owners in self.numbers.values())
        if self.scheme == "prefix_student_id":
            assert len(self.numbers) <= len(CHILDREN)

    @invariant()
    def every_family_was_told_anew_for_each_time(self) -> None:
        if hasattr(self, "book"):
            announced = sum(mail.kind == "announcement" for _, mail in self.year.mails)
            assert announced == sum(child.told for child in self.book.children.values())

    @invariant()
    def every_no_stays_on_record(self) -> None:
        if not hasattr(self, "book"):
            return
        noes = list(self.year.yard.cards.noes("ash"))
        assert sum(1 for no in noes if not no.taken_back) == sum(child.no for child in self.book.children.values())


FILE: dict[str, Any] = {"flags": frozenset(), "yeses": {}, "changed": False, "meanwhile": [], "about": 1, "half": False, "again": False}
NEWS, AGAIN, YES_TODAY, YES_OF_OLD = (
    FILE | {"changed": True},
    FILE | {"again": True},
    FILE | {"yeses": {1: True}},
    FILE | {"yeses": {1: False}},
)
FLAG = FILE | {"flags": frozenset({1})}
NO, UNDO, YES, DAYS = "a_family_says_no", "a_no_is_taken_back", "a_family_says_yes", "days_pass"
LIVES: dict[str, list[str | dict[str, Any]]] = {
    "the same file takes it up, with days of its own": [FILE, DAYS, NO, UNDO, AGAIN, DAYS, AGAIN],
    "days that ran before the no run no more": [FILE, NO, UNDO, AGAIN, NO, UNDO, NEWS, DAYS],
    "a flag in the file is another no": [FILE, DAYS, NO, UNDO, FLAG, AGAIN, DAYS, UNDO, AGAIN, FILE, DAYS],
    "an unchanged flag is another no": [FLAG, UNDO, AGAIN, DAYS, UNDO, NEWS, DAYS],
    "a plan from before takes nobody up": [FILE, DAYS, NEWS | {"meanwhile": ["no", "undo"]}, DAYS, AGAIN, DAYS],
    "nor does one that knows of an earlier taking back": [
        FILE,
        NO,
        UNDO,
        NEWS | {"meanwhile": ["undo", "no", "undo"]},
        FILE | {"meanwhile": ["no", "undo"]},
        AGAIN,
        DAYS,
    ],
    "a no while it is taken up holds": [FILE, NO, UNDO, NEWS | {"meanwhile": ["no"]}, AGAIN, DAYS],
    "a no after half of it holds": [FILE, NO, UNDO, NEWS | {"meanwhile": ["no"], "half": True}, DAYS],
    "half of it, a no and its taking back": [FILE, NO, UNDO, NEWS | {"meanwhile": ["no", "undo"], "half": True}, DAYS, AGAIN, DAYS],
    "half a file with a flag that is taken back is no other no": [FILE, DAYS, FLAG | {"meanwhile": ["undo"], "half": True}, NEWS, DAYS],
    "a yes of before counts no more": [FILE, YES, DAYS, NO, UNDO, NEWS, DAYS, DAYS],
    "a yes before the roster comes counts": [FILE, YES, DAYS, NO, UNDO, YES, DAYS, NEWS, DAYS],
    "a yes of the old form counts no more": [
        YES_OF_OLD,
        DAYS,
        NO,
        DAYS,
        UNDO,
        YES_OF_OLD | {"changed": True},
        DAYS,
        YES_OF_OLD | {"changed": True},
        DAYS,
    ],
    "a yes of a new form counts": [YES_OF_OLD, DAYS, NO, DAYS, UNDO, YES_TODAY, DAYS],
    "it is taken up once": [FILE, DAYS, NO, UNDO, AGAIN, DAYS, AGAIN, NEWS, AGAIN],
}


EVERYWHERE = ("the same file takes it up, with days of its own", "a plan from before takes nobody up", "a no while it is taken up holds")
WHERE = [
    (route, name)
    for name in LIVES
    for route in (ROUTES if name in EVERYWHERE else ["opt_in"] if name.startswith("a yes") else ["window"])
]  # fmt: skip


@pytest.mark.parametrize(
    ("route", "name", "scheme"), [(*one, "prefix_student_id") for one in WHERE] + [(r, EVERYWHERE[0], "library_barcode") for r in ROUTES]
)
def test_a_life_is_as_the_book_says(name: str, route: str, scheme: str, cloudless: None) -> None:
    life = Undoing()
    life.begins(route, scheme)
    try:
        for step in LIVES[name]:
            if isinstance(step, dict):
                life.a_file_comes(**step)
            else:
                getattr(life, step)(*([] if step == DAYS else [1]))
            for law in (
                life.every_child_stands_as_the_book_says,
                life.the_library_system_has_working_cards_of_those_alone,
                life.every_family_was_told_anew_for_each_time,
                life.every_no_stays_on_record,
            ):
                law()
    finally:
        life.teardown()


def test_any_order_of_noes_and_takings_back_is_as_the_book_says(cloudless: None) -> None:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    steps = settings(max_examples=6, stateful_step_count=12, deadline=None, suppress_health_check=slow, phases=phases)
    run_state_machine_as_test(Undoing, settings=steps)
