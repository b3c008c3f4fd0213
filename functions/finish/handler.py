"""Finish: receipt, manifest of the new state, lock given back, summary event."""

from datetime import datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.aws import CardBus, DropAndVault
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.run.finishing import Finisher

logger = Logger()


@cache
def finisher() -> Finisher:
    """The finisher, wired."""
    cards = CardsTable(setting(Setting.CARDS_TABLE))
    return Finisher(
        site=site(),
        ledger=LedgerTable(setting(Setting.LEDGER_TABLE)),
        places=DropAndVault(setting(Setting.VAULT_BUCKET)),
        emit=CardBus(setting(Setting.CARD_BUS)).emit,
        unnumbered=cards.unnumbered,
        became=cards.became,
    )


@logger.inject_lambda_context(correlation_id_path="input.run_id")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Entry point for the state machine; ``event`` is the time of the step and the machine's state."""
    status = finisher().finish(event["input"], at=datetime.fromisoformat(event["at"].replace("Z", "+00:00")))
    logger.info("finished", status=status)
    return {"status": status}
