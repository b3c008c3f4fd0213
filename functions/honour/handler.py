"""Honour: lists the noes whose cards are not ended in the library's system yet, and takes a person's word that one was ended by hand. It opens nothing."""

from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.site import site
from firstcard.run.honouring import Honouring

logger = Logger()


class Request(BaseModel):
    """What a person asks for: a library's slug, and ``open`` noes (only ``late`` ones), ``every`` one since a day, or that one (its token) is ``done`` and by whom."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    do: Literal["open", "every", "done"]
    library: Annotated[str, Field(max_length=31)]
    late: bool = False
    since: date | None = None
    token: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""
    by: Annotated[str, Field(max_length=64, pattern=r"^[\w+=,.@-]*$")] = ""


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


def on_request(request: Request) -> dict[str, Any]:
    """What was asked for as plain data, or the word for a request that has no answer."""
    if all(agreement.library != request.library for agreement in site().agreements):
        return {"error": "unknown_library"}
    now = datetime.now(UTC)
    honouring = Honouring(cards(), request.library, site().of_sharing)
    match request.do:
        case "open":
            return honouring.open(now, late=request.late)
        case "every" if request.since:
            return honouring.every(now, since=request.since)
        case "done" if request.token and request.by:
            outcome = honouring.done(request.token, by=request.by, now=now)
            logger.info("ended by hand", library=request.library, token=request.token, by=request.by, outcome=outcome)
            return {"outcome": outcome}
    return {"error": "not_a_request"}


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for a person's call."""
    try:
        request = Request.model_validate(event)
    except ValidationError:
        return {"error": "not_a_request"}
    return on_request(request)
