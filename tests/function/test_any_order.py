"""Files, approvals, noes, crashes and retries in any order: what must hold always holds, and when all is quiet the table is what the last file says.

The invariants are those of a person's one card, of numbers, of noes, and of plans: nobody's card ends but by a file that a person let through, or that needed nobody.
"""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from firstcard.agreement import agreement_from, library_from
from firstcard.run.ledger import Arrival, Status
from tests.function.builders import csv_content
from tests.function.conftest import ENVIRONMENT, forget, standing
from tests.function.school_year import Year
from tests.unit.agreement.builders import library_content
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

CHILDREN = range(1, 8)
SAFETY = {
    "first_run_needs_approval": True,
    "max_missing_percent": 20,
    "max_new_percent": 50,
    "max_changed_percent": 60,
    "max_rejected_percent": 20,
}
children = st.frozensets(st.sampled_from(CHILDREN), min_size=3)


@dataclass
class File:
    """One upload: who is in it, who says no in it, and how far it got."""

    arrival: Arrival
    there: frozenset[int]
    refuses: frozenset[int]
    outcome: str = ""
    plan_hash: str = ""
    approved: bool = False
    over: bool = False
    body: bytes = field(default=b"", repr=False)


class AnyOrder(RuleBasedStateMachine):
    """One district and one library."""

    def __init__(self) -> None:
        super().__init__()
        forget()
        self.stack = ExitStack()
        self.stack.enter_context(standing(["pine"]))
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        content = csv_content("pine", "dsa-pine-ash-2026", "904", library="ash", safety=SAFETY)
        self.year = Year([agreement_from(content)], [library_from(library_content(id="ash"))], folder, self.stack, seed=1)
        self.files: list[File] = []
        self.noes: set[int] = set()
        self.numbers: dict[str, str] = {}
        self.last: frozenset[int] = frozenset()

    def teardown(self) -> None:
        self._quiet()
        self._at_rest()
        self.stack.close()

    # -- what happens -----------------------------------------------------------------------------------------------------------------------

    @rule(
        there=children,
        refuses=st.frozensets(st.sampled_from(CHILDREN), max_size=1),
        grade=st.sampled_from(["03", "04"]),
        goes=st.sampled_from(["ends", "ends", "ends", "dies", "is decided", "is planned", "comes"]),
    )
    def a_file_comes(self, there: frozenset[int], refuses: frozenset[int], grade: str, goes: str) -> None:
        """And goes so far at once."""
        rows = [a_student_row(n, grade=grade, opt_out="yes" if n in refuses else "no") for n in sorted(there)]
        for file in self._dropped(a_firstcard_csv(*rows), there, there & refuses):
            if goes != "comes":
                self._plan(file)
            if goes in ("ends", "dies", "is decided") and file.outcome == "held":
                file.approved |= self.year.yard.approve(file.arrival, file.plan_hash) is not None
            if goes in ("ends", "dies") and file.outcome in ("held", "ready"):
                self._issue(file, goes)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def a_file_comes_again(self, data: st.DataObject) -> None:
        before = data.draw(st.sampled_from(self.files))
        self._dropped(before.body, before.there, before.refuses)

    def _dropped(self, body: bytes, there: frozenset[int], refuses: frozenset[int]) -> list[File]:
        self.year.clock += timedelta(hours=1)
        arrivals = self.year.yard.admit(self.year.yard.drop(body, at=self.year.clock, district="pine"))
        files = [File(arrival, there, refuses, body=body) for arrival in arrivals]
        self.files += files
        return files

    @precondition(lambda self: any(not f.over for f in self.files))
    @rule(data=st.data())
    def a_run_is_planned(self, data: st.DataObject) -> None:
        """In whatever order, and perhaps once more."""
        self._plan(data.draw(st.sampled_from([f for f in self.files if not f.over])))

    def _plan(self, file: File) -> None:
        planned = self.year.yard.plan(file.arrival)
        if planned.outcome != "busy":
            file.outcome, file.plan_hash = planned.outcome, planned.plan_hash
        if planned.outcome in ("unchanged", "rejected"):
            self._finish(file)
        if planned.outcome == "ready" and not file.approved:
            missing = self.last - file.there
            assert self.last, "a first load waits for a person"
            assert 100 * len(missing) <= SAFETY["max_missing_percent"] * len(self.last), "so does a file that was cut short"

    @precondition(lambda self: any(f.outcome == "held" and not f.over for f in self.files))
    @rule(data=st.data(), approve=st.booleans())
    def a_person_decides(self, data: st.DataObject, approve: bool) -> None:
        """On the plan that was shown, which may be the current one no longer."""
        file = data.draw(st.sampled_from([f for f in self.files if f.outcome == "held" and not f.over]))
        decided = self.year.yard.approve(file.arrival, file.plan_hash, approve=approve)
        file.approved |= approve and decided is not None
        if decided is not None and not approve:
            self._finish(file)

    @precondition(lambda self: any(f.outcome in ("ready", "held") and not f.over for f in self.files))
    @rule(data=st.data(), ends=st.sampled_from(["well", "well", "dies", "twice"]))
    def a_run_issues(self, data: st.DataObject, ends: str) -> None:
        self._issue(data.draw(st.sampled_from([f for f in self.files if f.outcome in ("ready", "held") and not f.over])), ends)

    def _issue(self, file: File, ends: str) -> None:
        begun = self.year.yard.begin(file.arrival, at=self.year.clock)
        if begun.outcome not in ("go", "nothing"):
            if self.year.yard.known(file.arrival).status in (Status.SUPERSEDED, Status.REJECTED):
                self._finish(file)
            return
        run = self.year.yard.known(file.arrival)
        for _ in range(2 if ends == "twice" else 1):
            self.year.yard.issue_under(run.chunks_prefix)
        if ends != "dies":
            self._finish(file)

    def _finish(self, file: File) -> None:
        status = self.year.yard.finish(file.arrival, at=self.year.clock)
        if status == "applied" and not file.over:
            self.last = file.there
        file.over = status not in ("admitted", "ready", "held", "approved", "issuing", "failed")

    @rule(number=st.sampled_from(CHILDREN))
    def a_family_says_no(self, number: int) -> None:
        token = self._token(number)
        self.year.settle()
        if token in self.year.yard.cards.standing([token]).patrons:
            self.year.family_says_no(token)
            self.noes.add(number)

    @rule()
    def days_pass(self) -> None:
        self.year.until(self.year.clock + timedelta(days=15))

    # -- what always holds ------------------------------------------------------------------------------------------------------------------

    def _token(self, number: int) -> str:
        return self.year.token("ash", "pine", f"{100000 + number}")

    @invariant()
    def who_said_no_has_neither_card_nor_data(self) -> None:
        standing = self.year.yard.cards.standing([self._token(n) for n in self.noes])
        assert {(str(p.state), len(p.sealed)) for p in standing.patrons.values()} <= {("refused", 0)}

    @invariant()
    def nothing_is_done_by_a_plan_that_nobody_let_through(self) -> None:
        runs = {f.arrival.run_id: f for f in self.files}
        for number in CHILDREN:
            patron = self.year.yard.cards.standing([self._token(number)]).patrons.get(self._token(number))
            if patron is None:
                continue
            by = runs[patron.run_id]
            assert by.outcome == "ready" or by.approved
            if patron.state == "expired":
                assert number not in by.there
            elif patron.state in ("active", "waiting"):
                assert number in by.there
            assert self.numbers.setdefault(patron.token, patron.card_token) == patron.card_token
        assert len(set(self.numbers.values())) == len(self.numbers)

    @invariant()
    def the_library_system_has_one_patron_a_child_and_none_before_the_days_were_over(self) -> None:
        patrons = self.year.patrons("ash")
        standing = self.year.yard.cards.standing([self._token(n) for n in CHILDREN]).patrons
        assert len({number for number, _ in patrons.values()}) == len(patrons)
        assert all(standing[token].issued_at for token in patrons)

    # -- and at rest ------------------------------------------------------------------------------------------------------------------------

    def _quiet(self) -> None:
        """Every run comes to its end; what waits for a person is rejected."""
        for _ in range(4):
            for file in [f for f in self.files if not f.over]:
                if self.year.yard.known(file.arrival).status is Status.HELD:
                    self.year.yard.approve(file.arrival, self.year.yard.known(file.arrival).plan_hash, approve=False)
                    self._finish(file)
                elif file.outcome in ("ready", "held"):
                    self._issue(file, "well")
                else:
                    self._plan(file)
        self.year.settle()

    def _at_rest(self) -> None:
        """The next whole file is applied, and says who has a card; once more it changes nothing."""
        there = frozenset(CHILDREN) - {1}
        body = a_firstcard_csv(*(a_student_row(n, grade="07") for n in sorted(there)))
        for outcome in ("applied", "unchanged"):
            self.year.clock += timedelta(hours=1)
            (arrival,) = self.year.yard.admit(self.year.yard.drop(body, at=self.year.clock, district="pine"))
            assert str(self.year.run_of(arrival)) == outcome
            self.year.settle()
        self.year.until(self.year.clock + timedelta(days=15))
        standing = self.year.yard.cards.standing([self._token(n) for n in CHILDREN])
        refused = {n for n in CHILDREN if self._token(n) in standing.refused}
        assert refused >= self.noes
        for number in CHILDREN:
            patron = standing.patrons.get(self._token(number))
            if number in refused:
                assert patron is None or patron.state == "refused"
            elif number in there:
                assert patron is not None
                assert patron.state == "active"
                assert self.year.yard.cards.view([patron.token]).ils[patron.token].state == "in_ils"
            else:
                assert patron is None or patron.state == "expired"
        assert set(self.year.patrons("ash")) >= {self._token(n) for n in there - refused}


def test_any_order_of_files_approvals_noes_crashes_and_retries_keeps_the_invariants(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    # Making a failure smaller takes longer than a test may: add Phase.shrink to look at one.
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    steps = settings(max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=slow, phases=phases)
    run_state_machine_as_test(AnyOrder, settings=steps)
