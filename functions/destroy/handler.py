"""Destroy: once a day, what the agreements say must be gone is removed and written down. It opens nothing."""

import os
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
from firstcard.run.destroying import Destroyer

logger = Logger()


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Entry point for the schedule; its time is the time that counts. Gives of each data-sharing agreement how many patrons' data went."""
    now = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    destroyer = Destroyer(
        site=site(),
        cards=cards(),
        ledger=ledger(),
        vault=DropAndVault(setting(Setting.VAULT_BUCKET)),
        emit=CardBus(setting(Setting.CARD_BUS)).emit,
        nonce=lambda: os.urandom(6).hex(),
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    destroyed: dict[str, int] = {}
    failed: list[str] = []
    for sharing in sorted({agreement.sharing for agreement in site().agreements}):
        try:
            act = destroyer.destroy(sharing, now)
        except Exception as error:  # noqa: BLE001  whatever it is, the others have their turn, and the function fails in the end
            logger.error("not_destroyed", sharing=sharing, reason=type(error).__name__)
            failed.append(sharing)
            continue
        if act:
            logger.info(
                "destroyed", sharing=sharing, because=act.because, patrons=act.patrons, households=act.households, left=act.remaining
            )
            destroyed[sharing] = act.patrons
    if failed:
        raise RuntimeError(f"not looked at: {', '.join(failed)}")
    return destroyed
