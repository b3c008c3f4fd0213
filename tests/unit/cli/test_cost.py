"""``firstcard cost``: counted calls at list price."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.cost import PRICES, estimate
from cli.main import app


def calls(*operations: tuple[str, str, int, int], role: str = "firstcard-issue", **more: Any) -> dict[str, Any]:
    counted = [
        {"service": service, "operation": operation, "role": role, "count": count, "items": items}
        for service, operation, count, items in operations
    ]
    return {"operations": counted, "functions": {}, "transitions": {}} | more


def dollars(counted: dict[str, Any]) -> dict[str, float]:
    return {unit: usd for unit, (_, usd) in estimate(counted).lines.items() if usd}


@pytest.mark.parametrize(
    ("call", "unit", "amount"),
    [
        (("dynamodb", "PutItem", 10, 10), "dynamodb write request unit", 20),
        (("dynamodb", "BatchWriteItem", 4, 100), "dynamodb write request unit", 200),
        (("dynamodb", "TransactWriteItems", 1, 100), "dynamodb write request unit", 400),
        (("dynamodb", "BatchGetItem", 1, 100), "dynamodb read request unit", 100),
        (("events", "PutEvents", 10, 95), "eventbridge event", 95),
        (("s3", "PutObject", 7, 7), "s3 write request", 7),
        (("s3", "GetObject", 7, 7), "s3 read request", 7),
        (("kms", "Decrypt", 3, 3), "kms request", 3),
        (("secretsmanager", "GetSecretValue", 3, 3), "secrets manager request", 3),
        (("sesv2", "SendBulkEmail", 100, 1000), "ses e-mail", 1000),
    ],
)
def test_each_call_costs_what_the_list_says(call: tuple[str, str, int, int], unit: str, amount: float) -> None:
    lines = estimate(calls(call)).lines
    assert lines[unit] == pytest.approx((amount, amount * PRICES[unit]))


def test_what_the_emulator_and_the_demo_do_themselves_costs_nothing() -> None:
    assert estimate(calls(("kms", "Decrypt", 3, 3), role="demo")).total == 0


def test_functions_cost_by_call_and_by_gigabyte_second() -> None:
    ran = {"firstcard-plan": {"count": 2, "milliseconds": 10_000, "memory": 2048}}
    used = estimate(calls(functions=ran)).lines
    assert used["lambda request"][0] == 2
    assert used["lambda GB-second (arm64)"][0] == pytest.approx(20)


def test_the_total_is_the_sum_of_its_lines() -> None:
    counted = calls(("kms", "Decrypt", 3, 3), ("sesv2", "SendBulkEmail", 1, 10), transitions={"firstcard-roster-run": 9})
    assert estimate(counted).total == pytest.approx(sum(dollars(counted).values()))


def test_the_command_prices_a_thousand_cards(tmp_path: Path) -> None:
    file = tmp_path / "calls.json"
    file.write_text(json.dumps(calls(("sesv2", "SendBulkEmail", 1_000, 10_000))), "utf-8")
    result = CliRunner().invoke(app, ["cost", str(file), "--cards", "2000", "--json"])
    told = json.loads(result.output)
    assert (told["usd"], told["usd_per_thousand_cards"]) == (1.0, 0.5)
    shown = CliRunner().invoke(app, ["cost", str(file), "--cards", "2000"])
    assert "per thousand cards" in shown.output


def test_without_cards_there_is_no_price_of_a_thousand(tmp_path: Path) -> None:
    file = tmp_path / "calls.json"
    file.write_text(json.dumps(calls()), "utf-8")
    told = json.loads(CliRunner().invoke(app, ["cost", str(file), "--json"]).output)
    assert (told["usd"], told["usd_per_thousand_cards"]) == (0, None)
