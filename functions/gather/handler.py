"""Gather: a library's own patrons, asked of its ILS for a person whose role may, and kept sealed for the days of the library's clause."""

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firstcard.adapters.aws import DropAndVault, SecretsStore, wrapper
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ils import open_patron_list
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.extract import PatronReading
from firstcard.extract.parquet import to_parquet
from firstcard.run.extracts import Extracts, MovedError, NotAgreedError
from firstcard.run.gathering import gather_patrons
from firstcard.run.sealed_extract import keep_extract

logger = Logger()


class Question(BaseModel):
    """What is asked: a library's slug, and who says to ask; the trail has who did."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    library: Annotated[str, Field(max_length=31)]
    by: Annotated[str, Field(max_length=200)]


@cache
def ledger() -> LedgerTable:
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


def now() -> datetime:
    """The time of a person's call, which has none of its own."""
    return datetime.now(UTC)


def on_question(question: Question) -> dict[str, Any]:
    """What came of it as plain data, or the word for a question that has no answer. Counts and codes only."""
    library = next((one for one in site().libraries if one.id == question.library), None)
    if library is None:
        return {"error": "unknown_library"}
    extracts = Extracts(library, ledger(), DropAndVault(setting(Setting.VAULT_BUCKET)))
    try:
        clause = extracts.agreed(now())
        ils = open_patron_list(library, SecretsStore())
        reading = gather_patrons(ils, clause, now().date(), requests_per_second=library.ils.requests_per_second, rest=time.sleep)
        if not isinstance(reading, PatronReading):
            logger.warning("not gathered", library=library.id, reason=reading.reason)
            return {"error": "ils", "reason": str(reading.reason)}
        if not reading.count:
            return {"error": "nobody"}
        body = to_parquet(reading.columns)
        kept = keep_extract(
            extracts,
            body,
            count=reading.count,
            source=library.ils.adapter,
            by=question.by,
            now=now(),
            wrap=wrapper(library.id),
            random=os.urandom,
        )
    except NotAgreedError:
        return {"error": "not_agreed"}
    except MovedError:
        return {"error": "moved"}
    logger.info("gathered", library=library.id, patrons=kept.count)
    rejected = {str(reason): count for reason, count in reading.rejected_rows.items()}
    return {"answer": {"rows": reading.rows, "imported": kept.count, "rejected": rejected, "until": kept.until}}


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for a person's call."""
    try:
        question = Question.model_validate(event)
    except ValidationError:
        return {"error": "not_a_question"}
    return on_question(question)
