"""Issue: the pure replay of one chunk of a plan; nothing is drawn, nothing is opened."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.aws import DropAndVault
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.card.chunk import Chunk
from firstcard.card.issue import issue_chunk
from firstcard.run.steps import may_issue

logger = Logger()
metrics = Metrics()


class StoppedError(Exception):
    """The agreement is suspended or over, or another run has taken the lock: this run must not write another card."""


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


@metrics.log_metrics
@logger.inject_lambda_context(correlation_id_path="run_id")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Entry point for one child of the Distributed Map."""
    body = DropAndVault(setting(Setting.VAULT_BUCKET)).get(event["chunk"])
    if body is None:
        raise LookupError("the chunk is not in the vault")
    chunk = Chunk.from_bytes(body)
    at = datetime.fromisoformat(event["at"].replace("Z", "+00:00"))
    if not may_issue(chunk.run_id, sharing=chunk.sharing, fence=int(event["fence"]), site=site(), ledger=ledger(), at=at):
        raise StoppedError
    counts = issue_chunk(chunk, cards(), now=lambda: datetime.now(UTC).isoformat())
    for name, count in counts.items():
        metrics.add_metric(name=f"Patrons{name.capitalize()}", unit=MetricUnit.Count, value=count)
    logger.info("issued", chunk=chunk.object, counts=dict(counts))
    return {"outcome": "issued"}
