"""Reset: another PIN for a child's card, at the word of a person whose role may ask. It seals a PIN and opens none, and says nothing but that it is done."""

import os
import secrets
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from firstcard.adapters.aws import SecretsStore, wrapper
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.card.issue import CrowdedError
from firstcard.identity import Tokens
from firstcard.roster import Role
from firstcard.roster.values import code
from firstcard.run.renewing import Renewer

logger = Logger()


class Wish(BaseModel):
    """What is asked for: a district's slug, a student's id, and the asker's now, for a person's call has no time of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    district: Annotated[str, Field(max_length=31)]
    student: Annotated[str, Field(max_length=200, repr=False)]
    at: AwareDatetime


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger, for suspensions."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


def on_wish(wish: Wish) -> dict[str, Any]:
    """What became of it, or the word for a wish that means nothing."""
    agreement = site().of_district(wish.district)
    if agreement is None:
        return {"error": "unknown_district"}
    local_id, faults = code(wish.student)
    if faults or not local_id:
        return {"error": "not_an_id"}
    tokens = Tokens(SecretsStore().token_key(agreement.library), library=agreement.library, district=agreement.district)
    token = tokens.patron(Role.STUDENT, local_id)
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
        wish = Wish.model_validate(event)
    except ValidationError:
        return {"error": "not_a_question"}
    return on_wish(wish)
