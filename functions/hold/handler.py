"""Hold: a plan waits for a person at the library."""

from datetime import datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.aws import CardBus, DropAndVault, wake
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.run.steps import Holder

logger = Logger()


@cache
def holder() -> Holder:
    """The holder, wired."""
    return Holder(
        site=site(),
        ledger=LedgerTable(setting(Setting.LEDGER_TABLE)),
        places=DropAndVault(setting(Setting.VAULT_BUCKET)),
        emit=CardBus(setting(Setting.CARD_BUS)).emit,
        wake=wake,
    )


@logger.inject_lambda_context(correlation_id_path="input.run_id")
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Entry point for the state machine; ``event`` is the task token and its state."""
    state = event["input"]
    holder().hold(state["run_id"], token=event["token"], at=datetime.fromisoformat(event["at"].replace("Z", "+00:00")))
    logger.info("held", district=state["district"])
