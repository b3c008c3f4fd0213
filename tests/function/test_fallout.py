"""What fell out of a plan between its holding and its end: the numbers add up, and a chunk that is issued twice counts once."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.run import app
from firstcard.card.patron import Stamp
from firstcard.run.ledger import Run
from tests.function.builders import EVENING, Breaking, Yard, later, token
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

from .test_numbers import STATE_ID, content

CHILDREN = range(1, 7)
A_NO = Stamp("oak.pine", "dsa-pine-oak-2026", "oak", "pine", "f" * 24, EVENING.isoformat())


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    """Numbers are state ids, so that a child of the other district may get one first; the first file of pine waits for a person."""
    pine, fir = content(STATE_ID)
    return [pine | {"safety": pine["safety"] | {"first_run_needs_approval": True}}, fir]


def roster(*numbers: int, **changes: str) -> bytes:
    return a_firstcard_csv(*(a_student_row(n, state_id=f"{7000000000 + n}", **changes) for n in numbers))


def held(yard: Yard, body: bytes, **where: Any) -> tuple[Any, Any]:
    arrival = yard.admitted(body, **where)
    planned = yard.plan(arrival)
    assert planned.outcome == "held"
    yard.hold(arrival)
    return arrival, planned


def let_go(yard: Yard, arrival: Any, planned: Any, *, times: int = 1) -> str:
    assert yard.approve(arrival, planned.plan_hash) is not None
    assert yard.begin(arrival).outcome == "go"
    for _ in range(times):
        yard.issue(planned)
    return yard.finish(arrival)


def says_no(yard: Yard, *numbers: int) -> None:
    yard.cards.refuse([token(n) for n in numbers], by="family", stamp=A_NO)


def told(counts: Mapping[str, Mapping[str, int]]) -> Counter[str]:
    return sum((Counter(one) for one in counts.values()), Counter())


def shown(run: Run) -> dict[str, Any]:
    result = CliRunner(env={"COLUMNS": "220"}).invoke(app, ["show", run.arrival.run_id, "--json"])
    assert result.exit_code == 0
    plain: dict[str, Any] = json.loads(result.output)
    return plain


def receipt(yard: Yard, arrival: Any) -> dict[str, Any]:
    body = yard.places.get(f"runs/{arrival.run_id}/receipt.json")
    assert body is not None
    plain: dict[str, Any] = json.loads(body)
    return plain


@pytest.mark.parametrize("times", [1, 2, 3])
def test_what_stopped_being_true_while_a_plan_waited_is_shown_and_adds_up(yard: Yard, times: int) -> None:
    arrival, planned = held(yard, roster(*CHILDREN))
    waiting = receipt(yard, arrival)["decisions"]
    says_no(yard, 1, 2)
    yard.run(a_firstcard_csv(a_student_row(13, state_id="7000000003")), district="fir", at=later(hours=1))
    assert let_go(yard, arrival, planned, times=times) == "applied"
    run = yard.known(arrival)
    assert run.fell_out == {"number_taken": {"wait": 1}, "refused": {"wait": 2}}
    assert shown(run)["fell_out"] == run.fell_out
    there = [patron for patron in yard.cards.standing([token(n) for n in CHILDREN]).patrons.values() if str(patron.state) == "waiting"]
    assert len(there) == run.counts["wait"] - told(run.fell_out)["wait"] == 3
    assert yard.cards.became(arrival.run_id).applied == {"wait": 3}
    said = receipt(yard, arrival)
    assert (said["decisions"], said["fell_out"]) == ({"wait": 3}, {"refused": 2, "number_taken": 1})
    assert said["decisions"]["wait"] + sum(said["fell_out"].values()) == waiting["wait"]
    (processed,) = [event for event in yard.emitted if event.name == "RosterProcessed" and event.run_id == arrival.run_id]  # type: ignore[attr-defined]
    assert json.loads(processed.model_dump_json())["decisions"] == {"wait": 3}


def test_nothing_fell_out_where_nothing_changed(yard: Yard) -> None:
    arrival, planned = held(yard, roster(*CHILDREN))
    assert let_go(yard, arrival, planned, times=2) == "applied"
    assert yard.known(arrival).fell_out == {}
    assert receipt(yard, arrival)["fell_out"] == {}


def test_changes_renewals_and_ends_of_children_who_said_no_meanwhile_fall_out_under_what_they_were(yard: Yard) -> None:
    first, planned = held(yard, roster(*CHILDREN))
    let_go(yard, first, planned)
    says_no(yard, 1, 6)
    arrival = yard.admitted(roster(*range(1, 6), grade="05"), at=later(days=1))
    again = yard.plan(arrival)
    assert again.outcome == "ready"
    assert yard.begin(arrival).outcome == "go"
    for _ in range(2):
        yard.issue(again)
    assert yard.finish(arrival) == "applied"
    run = yard.known(arrival)
    assert run.fell_out == {"refused": {"expire": 1, "update": 1}}
    assert told(run.fell_out) + Counter(yard.cards.became(arrival.run_id).applied) == Counter(dict(run.counts))


@pytest.mark.parametrize("times", [1, 2])
def test_a_no_while_the_card_is_written_counts_once(yard: Yard, breaking: Breaking, times: int) -> None:
    arrival, planned = held(yard, roster(*CHILDREN))
    yard.approve(arrival, planned.plan_hash)
    yard.begin(arrival)
    breaking.before("BatchWriteItem", lambda: says_no(yard, 2), about=token(2))
    for _ in range(times):
        yard.issue(planned)
    yard.finish(arrival)
    run = yard.known(arrival)
    assert run.fell_out == {"refused": {"wait": 1}}
    assert yard.cards.became(arrival.run_id).applied == {"wait": 5}


def test_of_a_run_that_is_stopped_what_was_not_reached_is_counted(yard: Yard) -> None:
    arrival, planned = held(yard, roster(*CHILDREN))
    yard.approve(arrival, planned.plan_hash)
    yard.begin(arrival)
    yard.ledger.suspend("oak.pine", by="ann", at=EVENING.isoformat())
    assert yard.finish(arrival, error=True) == "stopped"
    assert yard.known(arrival).fell_out == {"not_reached": {"wait": 6}}
    assert receipt(yard, arrival)["fell_out"] == {"not_reached": 6}


def test_a_failed_run_that_ends_well_the_next_time_has_nothing_left_over(yard: Yard) -> None:
    arrival, planned = held(yard, roster(*CHILDREN))
    yard.approve(arrival, planned.plan_hash)
    yard.begin(arrival)
    assert yard.finish(arrival, error=True) == "failed"
    assert yard.known(arrival).fell_out == {"not_reached": {"wait": 6}}
    again = yard.plan(arrival)
    assert yard.begin(arrival).outcome == "go"
    yard.issue(again)
    assert yard.finish(arrival) == "applied"
    assert yard.known(arrival).fell_out == {}


def test_run_show_says_it_in_words(yard: Yard) -> None:
    arrival, planned = held(yard, roster(*CHILDREN))
    says_no(yard, 1)
    let_go(yard, arrival, planned)
    said = CliRunner(env={"COLUMNS": "220"}).invoke(app, ["show", arrival.run_id]).output
    assert "fell out" in said
    assert "1 (wait 1): somebody said no since" in said
