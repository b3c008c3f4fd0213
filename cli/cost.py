"""``firstcard cost``: what the calls of a real run would have cost on AWS, at list price."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

MILLION = 1_000_000

PRICES: Mapping[str, float] = {
    "lambda request": 0.20 / MILLION,
    "lambda GB-second (arm64)": 0.0000133334,
    "step functions transition": 0.025 / 1000,
    "dynamodb write request unit": 0.625 / MILLION,
    "dynamodb read request unit": 0.125 / MILLION,
    "eventbridge event": 1.00 / MILLION,
    "sqs request": 0.40 / MILLION,
    "s3 write request": 0.005 / 1000,
    "s3 read request": 0.0004 / 1000,
    "kms request": 0.03 / 10_000,
    "secrets manager request": 0.05 / 10_000,
    "ses e-mail": 0.10 / 1000,
}
"""US East (N. Virginia) list prices in US dollars, as of 2026; free tiers are left out. Check them before you plan a budget."""

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
ITEM_UNITS = 2
"""Write units an item: sealed groups make a patron's item 1 to 2 KB, and the table has one index that few items are in."""


@dataclass(frozen=True)
class Estimate:
    """Dollars by what was used."""

    lines: Mapping[str, tuple[float, float]]
    """Unit to (amount, dollars)."""

    @property
    def total(self) -> float:
        """All lines together, in US dollars."""
        return sum(dollars for _, dollars in self.lines.values())


def estimate(calls: Mapping[str, Any]) -> Estimate:
    """The list price of counted calls.

    ``calls`` is what the one-machine cloud counts: ``operations`` (service, operation, role, count, items), ``functions`` (name to invocations,
    milliseconds, MB) and ``transitions``. A transaction's items count twice; a consistent read is one unit per 4 KB.
    """
    used: dict[str, float] = defaultdict(float)
    for call in calls["operations"]:
        if not call["role"].startswith("firstcard"):
            continue
        service, operation, count, items = call["service"], call["operation"], call["count"], call["items"]
        match service:
            case "dynamodb" if operation == "TransactWriteItems":
                used["dynamodb write request unit"] += 2 * ITEM_UNITS * items
            case "dynamodb" if operation in WRITES:
                used["dynamodb write request unit"] += ITEM_UNITS * items
            case "dynamodb":
                used["dynamodb read request unit"] += items
            case "events":
                used["eventbridge event"] += items
            case "s3":
                used["s3 write request" if operation.startswith(("Put", "Copy", "List")) else "s3 read request"] += count
            case "kms":
                used["kms request"] += count
            case "secretsmanager":
                used["secrets manager request"] += count
            case "ses" | "sesv2" | "email":
                used["ses e-mail"] += items
    messages = 0.0
    gigabyte_seconds = 0.0
    for name, ran in calls["functions"].items():
        used["lambda request"] += ran["count"]
        gigabyte_seconds += ran["milliseconds"] / 1000 * ran["memory"] / 1024
        if name.endswith(("sync", "notify", "admit", "rehearse")):
            messages += ran["count"]
    used["lambda GB-second (arm64)"] = gigabyte_seconds
    used["sqs request"] += int(3 * messages + used["eventbridge event"] / 5)
    used["step functions transition"] += sum(calls["transitions"].values())
    return Estimate({unit: (used[unit], used[unit] * price) for unit, price in PRICES.items() if used[unit]})


def cost(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", exists=True, dir_okay=False, help="Counted calls, as `make demo` leaves them in .local/demo/calls.json."
        ),
    ],
    cards: Annotated[int, typer.Option(help="How many cards that was, for the price of a thousand.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """What a run's calls cost at list price, by unit, together, and per thousand cards."""
    found = estimate(json.loads(file.read_text("utf-8")))
    per_thousand = found.total / cards * 1000 if cards else None
    if as_json:
        lines = {unit: {"amount": round(amount, 3), "usd": round(usd, 6)} for unit, (amount, usd) in found.lines.items()}
        typer.echo(
            json.dumps(
                {"lines": lines, "usd": round(found.total, 4), "usd_per_thousand_cards": per_thousand and round(per_thousand, 4)}, indent=2
            )
        )
        return
    table = Table("used", "amount", "US dollars")
    for unit, (amount, usd) in found.lines.items():
        table.add_row(unit, f"{amount:,.0f}", f"{usd:.4f}")
    table.add_section()
    table.add_row("together", "", f"{found.total:.4f}")
    if per_thousand is not None:
        table.add_row("per thousand cards", "", f"{per_thousand:.4f}")
    Console().print(table)
