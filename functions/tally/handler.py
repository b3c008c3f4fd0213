"""Tally: the figures of a district's report, for a person whose role may ask, and once a month to be kept. It opens nothing, and gives out rounded numbers alone."""

from datetime import datetime
from functools import cache
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from firstcard.adapters.aws import DropAndVault
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.report.figures import Edition
from firstcard.run.tallying import keep_month, tally

logger = Logger()


class Question(BaseModel):
    """Whose report (a data-sharing id), for whom, and the asker's now; without one: which there are."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    edition: Edition
    sharing: Annotated[str, Field(max_length=63)] = ""
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
    """The report of one district with one library, or each district with each of its libraries."""
    if not question.sharing:
        return {"sharings": sorted({(one.district, one.library) for one in site().agreements})}
    agreement = site().of_sharing(question.sharing, question.at.date())
    if agreement is None:
        return {"error": "unknown_sharing"}
    logger.info("tallied", sharing=agreement.sharing, edition=str(question.edition))
    library = site().library(agreement.library)
    return {"report": tally(agreement, library, cards=cards(), ledger=ledger(), vault=vault(), edition=question.edition, at=question.at)}


def on_schedule(now: datetime) -> dict[str, Any]:
    """Keep this month's figures of one district that has none yet: one a call, for a large one takes minutes."""
    for agreement in site().agreements:
        if agreement.in_force(now.date()):
            library = site().library(agreement.library)
            if keep_month(agreement, library, cards=cards(), ledger=ledger(), vault=vault(), at=now):
                logger.info("month_kept", sharing=agreement.sharing)
                return {"kept": agreement.sharing}
    return {}


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for a person's call and for the schedule."""
    if event.get("detail-type") == "Scheduled Event":
        return on_schedule(datetime.fromisoformat(event["time"].replace("Z", "+00:00")))
    try:
        question = Question.model_validate(event)
    except ValidationError:
        return {"error": "not_a_question"}
    return on_question(question)
