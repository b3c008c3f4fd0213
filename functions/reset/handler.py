"""Reset: another PIN for a child's card, at the word of a person whose role may ask. It seals a PIN and opens none, and says nothing but that it is done."""

import os
import secrets
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from firstcard.adapters.aws import SecretsStore, wrapper
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.card.issue import CrowdedError
from firstcard.run.about_child import AboutChild, child_of
from firstcard.run.renewing import Renewer

logger = Logger()


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger, for suspensions."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


def on_wish(wish: AboutChild) -> dict[str, Any]:
    """What became of it, or the word for a wish that means nothing."""
    found = child_of(wish, site(), SecretsStore().token_key)
    if isinstance(found, str):
        return {"error": found}
    agreement, token = found
    renewer = Renewer(cards(), agreement, wrapper(agreement.sharing), os.urandom, secrets.randbelow)
    at = min(wish.at, datetime.now(UTC))  # no link can be made before the PIN that it leads to, whatever the asker's clock says
    try:
        said = renewer.renew(token, at=at, allowed=not ledger().suspended(agreement.sharing))
    except CrowdedError:
        return {"error": "busy"}
    logger.info("reset", sharing=agreement.sharing, token=token, outcome=said)
    return {"outcome": said}


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for a person's call; the event holds a student's id and is never logged, whatever the environment says."""
    try:
        wish = AboutChild.model_validate(event)
    except ValidationError:
        return {"error": "not_a_question"}
    return on_wish(wish)
