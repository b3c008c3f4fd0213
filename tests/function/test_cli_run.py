"""``firstcard run``: what a file did or would do, and the library's decision on a plan that waits."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.run import app
from firstcard.run.ledger import Status
from tests.function.builders import Yard, a_roster, csv_content, later
from tests.unit.roster.builders import a_firstcard_csv, a_student_row


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return [csv_content("pine", "dsa-pine-oak-2026", "904", safety={"first_run_needs_approval": True})]


def run(*words: object) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words])
    return result.exit_code, result.output


def held(yard: Yard, body: bytes = b"", **where: Any) -> tuple[str, str]:
    arrival = yard.admitted(body or a_roster(1, 2, 3), **where)
    planned = yard.plan(arrival)
    assert planned.outcome == "held"
    return arrival.run_id, planned.plan_hash


def test_list_shows_a_districts_files_newest_first(yard: Yard) -> None:
    old, _ = held(yard)
    new, _ = held(yard, a_roster(1, 2), at=later(days=1), key="incoming/next.csv")
    code, said = run("list", "--district", "pine", "--json")
    assert code == 0
    assert [(r["run"], r["status"]) for r in json.loads(said)] == [(new, "held"), (old, "superseded")]
    assert new in run("list", "--district", "pine")[1]


def test_show_says_what_the_plan_would_do_by_school_and_why_it_waits(yard: Yard) -> None:
    run_id, plan_hash = held(yard, a_firstcard_csv(a_student_row(1), a_student_row(2), a_student_row(3, grade="99")))
    code, said = run("show", run_id, "--json")
    told = json.loads(said)
    assert code == 0
    assert (told["status"], told["plan_hash"], told["plan"]["rows"], told["plan"]["accepted"]) == ("held", plan_hash, 3, 2)
    assert told["plan"]["by_school"] == {"school-1": {"wait": 2}}
    _, shown = run("show", run_id)
    assert "FIRST_RUN" in shown
    assert plan_hash in shown


def test_what_is_shown_names_nobody(yard: Yard) -> None:
    run_id, _ = held(yard)
    for said in (run("show", run_id)[1], run("show", run_id, "--json")[1], run("list", "--district", "pine", "--json")[1]):
        for value in ("Ada", "Pineb", "100001", "2016-05-04", "family1@example.org"):
            assert value not in said


def test_approve_lets_the_very_plan_that_was_shown_go_on(yard: Yard) -> None:
    run_id, plan_hash = held(yard)
    code, said = run("approve", run_id, "--plan", plan_hash)
    assert (code, "approved" in said) == (0, True)
    known = yard.ledger.run(run_id)
    assert known is not None
    assert known.status is Status.APPROVED


@pytest.mark.parametrize("plan", ["0" * 64, "", "first half"])
def test_another_plan_is_not_approved(yard: Yard, plan: str) -> None:
    run_id, plan_hash = held(yard)
    code, said = run("approve", run_id, "--plan", plan_hash[:32] if plan == "first half" else plan)
    assert code == 1
    assert f"firstcard run show {run_id}" in said
    known = yard.ledger.run(run_id)
    assert known is not None
    assert known.status is Status.HELD


def test_a_plan_is_decided_once(yard: Yard) -> None:
    run_id, plan_hash = held(yard)
    assert run("reject", run_id, "--plan", plan_hash)[0] == 0
    assert run("approve", run_id, "--plan", plan_hash)[0] == 1
    code, said = run("show", run_id, "--json")
    assert (code, json.loads(said)["status"], json.loads(said)["reason"]) == (0, "rejected", "REJECTED_BY_LIBRARY")


def test_a_run_that_does_not_exist_is_a_wrong_use(yard: Yard) -> None:
    code, said = run("show", "0" * 24)
    assert code == 2
    assert "there is no run" in said
