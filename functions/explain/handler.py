"""Explain: why a child has no card, for a person whose role may ask. It opens nothing, and keeps nothing of the question but the child's token."""

from functools import cache
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from firstcard.adapters.aws import DropAndVault, SecretsStore
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.identity import Tokens
from firstcard.roster import Role
from firstcard.roster.values import code
from firstcard.run.asking import gather
from firstcard.run.why import as_plain, why

logger = Logger()


class Question(BaseModel):
    """What is asked: a district's slug, a student's id, and the asker's now, for a person's call has no time of its own."""

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
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


@cache
def vault() -> DropAndVault:
    """The vault."""
    return DropAndVault(setting(Setting.VAULT_BUCKET))


def on_question(question: Question) -> dict[str, Any]:
    """The answer as plain data, or the word for a question that has none."""
    agreement = site().of_district(question.district, question.at.date())
    if agreement is None:
        return {"error": "unknown_district"}
    local_id, faults = code(question.student)
    if faults or not local_id:
        return {"error": "not_an_id"}
    tokens = Tokens(SecretsStore().token_key(agreement.library), library=agreement.library, district=agreement.district)
    token = tokens.patron(Role.STUDENT, local_id)
    logger.info("asked", sharing=agreement.sharing, token=token)
    facts = gather(token, agreement=agreement, now=question.at, cards=cards(), ledger=ledger(), vault=vault())
    return {"answer": as_plain(why(facts), agreement)}


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for a person's call; the event holds a student's id and is never logged, whatever the environment says."""
    try:
        question = Question.model_validate(event)
    except ValidationError:
        return {"error": "not_a_question"}
    return on_question(question)
