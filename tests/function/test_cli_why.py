"""``firstcard why``."""

import io
import json
import logging
import sys
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli.main import app
from tests.function.builders import Yard, a_roster
from tests.function.explaining import calls_go_to_the_handler
from tests.function.test_explain import ils_said, issued
from tests.unit.roster.builders import a_firstcard_csv, a_student_row


@pytest.fixture(autouse=True)
def calls(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    return calls_go_to_the_handler(monkeypatch)


def run(*words: str, typed: str | None = None) -> tuple[int, str, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["why", *words], input=typed)
    return result.exit_code, result.stdout, result.stderr


def test_a_child_with_a_card_exits_with_0(yard: Yard) -> None:
    yard.run(a_roster(1))
    ils_said(yard, "in_ils", issued(yard))
    code, said, _ = run("--district", "pine", "--student", "100001")
    assert (code, "has a card" in said) == (0, True)


def test_a_child_without_one_exits_with_1_and_says_what_to_do_and_whom_to_ask(yard: Yard) -> None:
    yard.run(a_firstcard_csv(a_student_row(2), a_student_row(1, grade="99")))
    code, said, _ = run("--district", "pine", "--student", "100001")
    assert code == 1
    assert "roster.csv line 3 grade BAD_GRADE" in said
    assert "What to do: " in said
    assert "Whom to ask: Pine Public Schools" in said
    assert "row_rejected" in said


def test_json_is_the_functions_answer(yard: Yard) -> None:
    yard.run(a_roster(1))
    code, said, _ = run("--district", "pine", "--student", "100001", "--json")
    assert (code, json.loads(said)["code"]) == (1, "not_told")


def test_the_id_can_come_from_standard_input_so_that_no_history_keeps_it(yard: Yard) -> None:
    yard.run(a_roster(1))
    code, said, _ = run("--district", "pine", "--student", "-", "--json", typed="100001\n")
    assert (code, json.loads(said)["code"]) == (1, "not_told")


def test_without_a_terminal_nobody_is_asked(calls: list[dict[str, Any]]) -> None:
    code, _, said = run("--district", "pine")
    assert (code, calls) == (2, [])
    assert "--student -" in said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_asks_and_the_output_is_the_answer_alone(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    yard.run(a_roster(1))
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdin", Terminal("100001\n"))
    logging.disable(logging.INFO)
    try:
        assert app(["why", "--district", "pine", "--json"], standalone_mode=False) == 1
    finally:
        logging.disable(logging.NOTSET)
    said = capsys.readouterr()
    assert json.loads(said.out)["code"] == "not_told"
    assert "Student id" in said.err


@pytest.mark.parametrize("words", [("--district", "elm", "--student", "100001"), ("--district", "pine", "--student", "Ada 100001")])
def test_a_wrong_use_exits_with_2_and_repeats_nothing_of_the_id(words: tuple[str, ...]) -> None:
    code, said, error = run(*words)
    assert code == 2
    assert "100001" not in said + error


def test_only_the_calls_body_holds_the_id(yard: Yard, calls: list[dict[str, Any]]) -> None:
    yard.run(a_roster(1))
    run("--district", "pine", "--student", "100001")
    (call,) = calls
    assert "100001" not in repr({name: value for name, value in call.items() if name != "Payload"})
    assert sorted(json.loads(call["Payload"])) == ["at", "district", "student"]


def test_whoever_may_not_ask_is_told_so_and_exits_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: BaseClient, operation_name: str, api_params: object) -> object:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation_name)

    monkeypatch.setattr(BaseClient, "_make_api_call", refused)
    code, said, error = run("--district", "pine", "--student", "100001")
    assert code == 3
    assert "firstcard-operator" in error
    assert "100001" not in said + error


def test_a_function_that_broke_off_is_no_answer_and_its_text_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: BaseClient, operation_name: str, api_params: object) -> object:
        body = json.dumps({"errorType": "LookupError", "errorMessage": "of 100001"}).encode()
        return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(body)}

    monkeypatch.setattr(BaseClient, "_make_api_call", broken)
    code, said, error = run("--district", "pine", "--student", "100001")
    assert code == 3
    assert "LookupError" in error
    assert "100001" not in said + error
