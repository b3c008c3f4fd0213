"""Explain: why a child has no card, for a person whose role may ask. It opens nothing, and keeps nothing of the question but the child's token."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from firstcard.adapters.aws import DropAndVault, SecretsStore
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.run.about_child import AboutChild, child_of
from firstcard.run.asking import gather
from firstcard.run.why import as_plain, why

logger = Logger()


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


@cache
def vault() -> DropAndVault:
    """The vault."""
    return DropAndVault(setting(Setting.VAULT_BUCKET))


def on_question(question: AboutChild) -> dict[str, Any]:
    """The answer as plain data, or the word for a question that has none."""
    found = child_of(question, site(), SecretsStore().token_key)
    if isinstance(found, str):
        return {"error": found}
    agreement, token = found
    logger.info("asked", sharing=agreement.sharing, token=token)
    facts = gather(token, agreement=agreement, now=question.at, cards=cards(), ledger=ledger(), vault=vault())
    return {"answer": as_plain(why(facts), agreement)}


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for a person's call; the event holds a student's id and is never logged, whatever the environment says."""
    try:
        question = AboutChild.model_validate(event)
    except ValidationError:
        return {"error": "not_a_question"}
    return on_question(question)
