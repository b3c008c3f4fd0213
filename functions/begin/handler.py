"""Begin: one run of a district at a time, under a fencing number."""

from datetime import datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.run.steps import begin

logger = Logger()


@cache
def ledger() -> LedgerTable:
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


@logger.inject_lambda_context(correlation_id_path="input.run_id")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str | int]:
    """Entry point for the state machine; ``event`` is the time of the step and the machine's state."""
    begun = begin(event["input"]["run_id"], site=site(), ledger=ledger(), at=datetime.fromisoformat(event["at"].replace("Z", "+00:00")))
    logger.info("begun", outcome=begun.outcome, fence=begun.fence)
    return begun.as_state()
