"""Settle: shows library staff which matches are in doubt and why, and takes their decisions."""

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from firstcard.adapters.aws import DropAndVault, unwrap
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.agreement.vocabulary import Purpose
from firstcard.card.chunk import Chunk
from firstcard.card.pair import MACHINE, Pair
from firstcard.run.settling import AT_ONCE, Settler
from firstcard.vault import Intent
from firstcard.vault.seal import Opener

logger = Logger()

PairId = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]


class Request(BaseModel):
    """What a person asks for: a library's slug, who asks, and one of list, together, show and decide; ``as_of`` is the moment of the list that a decision is about."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    do: Literal["list", "together", "show", "decide"]
    library: Annotated[str, Field(max_length=31)]
    by: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w+=,.@-]+$")]
    ids: Annotated[tuple[PairId, ...], Field(max_length=AT_ONCE)] = ()
    evidence_class: Annotated[str, Field(max_length=80, pattern=r"^[a-zA-Z0-9:+]*$")] = ""
    answer: Literal["", "same", "apart"] = ""
    most: Annotated[int, Field(ge=1, le=AT_ONCE)] = AT_ONCE
    as_of: AwareDatetime | None = None
    ils_id: Annotated[str, Field(max_length=64, pattern=r"^[\w.-]*$")] = ""


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


def declare(intent: Intent) -> None:
    """Write down what is about to be opened, and why."""
    ledger().declare(intent, role=setting(Setting.AWS_LAMBDA_FUNCTION_NAME), at=datetime.now(UTC), nonce=os.urandom(6).hex())


def chunk_of(pair: Pair) -> Chunk | None:
    """The chunk in which a plan keeps what is shown of a student who waits."""
    run = ledger().run(pair.stamp.run_id)
    number = pair.shown_in.rpartition("-")[2]
    body = DropAndVault(setting(Setting.VAULT_BUCKET)).get(f"{run.chunks_prefix}{number}.jsonl") if run and run.chunks_prefix else None
    chunk = Chunk.from_bytes(body) if body else None
    return chunk if chunk and chunk.object == pair.shown_in else None


def on_request(request: Request) -> dict[str, Any]:
    """What was asked for as plain data, or the word for a request that has no answer."""
    if request.by == MACHINE:
        return {"error": "not_a_request"}
    if all(agreement.library != request.library for agreement in site().agreements):
        return {"error": "unknown_library"}
    now = datetime.now(UTC)
    as_of = request.as_of.astimezone(UTC) if request.as_of else None
    if as_of and as_of > now:
        return {"error": "not_a_request"}
    settler = Settler(cards(), request.library, request.by, now, chunk_of)
    logger.info(
        "settling", do=request.do, library=request.library, by=request.by, matches=list(request.ids), evidence_class=request.evidence_class
    )
    match request.do:
        case "list":
            return settler.waiting(evidence_class=request.evidence_class, most=request.most, as_of=as_of)
        case "together":
            return settler.together(ils_id=request.ils_id, most=request.most)
        case "show":
            opener = Opener(purpose=Purpose.DEDUPLICATE, unwrap=unwrap, declare=declare, clock=time.monotonic)
            return settler.show(request.ids[0], opener) if request.ids else {"error": "no_such_match"}
        case "decide":
            if not request.answer or bool(request.ids) == bool(request.evidence_class) or bool(request.evidence_class) != bool(as_of):
                return {"error": "not_a_request"}
            return settler.decide(request.answer, ids=request.ids, evidence_class=request.evidence_class, as_of=as_of)


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for a person's call."""
    try:
        request = Request.model_validate(event)
    except ValidationError:
        return {"error": "not_a_request"}
    return on_request(request)
