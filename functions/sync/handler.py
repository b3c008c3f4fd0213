"""Sync: brings the library's ILS in step with the cards table."""

import os
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.aws import SecretsStore, put_off, unwrap
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ils import open_ils
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.agreement.vocabulary import Purpose
from firstcard.event import Event
from firstcard.event.inbox import Inbound, failures, read_inbox
from firstcard.ils.sync import sync_patrons
from firstcard.vault import Intent
from firstcard.vault.seal import Opener

logger = Logger()
LAST_TRY = 5
"""The queue's maxReceiveCount: on the last try an ILS that cannot be reached is a failure with a reason, and the message becomes a dead letter."""


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger, for suspensions and intents."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


def declare(intent: Intent) -> None:
    """Write down what is about to be opened, and why."""
    ledger().declare(intent, role=setting(Setting.AWS_LAMBDA_FUNCTION_NAME), at=datetime.now(UTC), nonce=os.urandom(6).hex())


@cache
def secrets_store() -> SecretsStore:
    """Where the ILS's access lies."""
    return SecretsStore()


@cache
def opener() -> Opener:
    """Opens field groups for the ILS."""
    return Opener(purpose=Purpose.SYNC_ILS, unwrap=unwrap, declare=declare, clock=time.monotonic)


def names_a_patron(event: Event) -> bool:
    """Whether the event says which patron to bring in step."""
    return "token" in type(event).model_fields


def on_events(sharing: str, messages: list[Inbound], *, seconds_left: Callable[[], float]) -> list[str]:
    """Bring the patrons of one agreement in step; gives the ids of messages to deliver again."""
    at = max(m.time for m in messages)
    today = datetime.fromisoformat(at).date()
    agreement = site().of_sharing(sharing, today)
    if agreement is None:
        return [m.message for m in messages]
    tokens = {m.message: str(getattr(m.event, "token")) for m in messages}  # noqa: B009  the inbox takes only events that name a patron
    again = sync_patrons(
        list(tokens.values()),
        store=cards(),
        opener=opener(),
        ils=open_ils(site().library(agreement.library), secrets_store(), confirm_separate=agreement.existing == "separate"),
        agreement=agreement,
        allowed=lambda: agreement.in_force(today) and not ledger().suspended(sharing),
        today=today,
        at=at,
        seconds_left=seconds_left,
        given_up=frozenset(tokens[m.message] for m in messages if m.receives >= LAST_TRY),
    )
    logger.info("synced", sharing=sharing, patrons=len(tokens), again=len(again), runs=sorted({m.event.run_id for m in messages}))
    return [message for message, token in tokens.items() if token in again]


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Entry point for the queue."""
    inbox = read_inbox(event["Records"], accepts=names_a_patron)
    groups: dict[str, list[Inbound]] = defaultdict(list)
    for message in inbox.messages:
        groups[message.event.sharing].append(message)

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000

    again = {i for sharing, messages in groups.items() for i in on_events(sharing, messages, seconds_left=seconds_left)}
    for message in inbox.messages:
        if message.message in again and message.receives < LAST_TRY:
            put_off(message)
    return failures([*inbox.unreadable, *again])
