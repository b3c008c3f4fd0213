"""Plan: open one roster, compare it with what is known, draw and seal everything that issue will store."""

import os
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.aws import CardBus, DropAndVault, SecretsStore, unwrap, wake, wrapper
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.agreement import Library
from firstcard.run.extracts import Extracts, MovedError
from firstcard.run.ledger import Arrival
from firstcard.run.patron_rows import patron_rows
from firstcard.run.planning import Planner
from firstcard.vault import Intent, VaultClosedError

logger = Logger()


@cache
def ledger() -> LedgerTable:
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


def declare(intent: Intent) -> None:
    """Write down what is about to be opened, and why."""
    ledger().declare(intent, role=setting(Setting.AWS_LAMBDA_FUNCTION_NAME), at=datetime.now(UTC), nonce=os.urandom(6).hex())


def patrons_of(library: Library, now: datetime) -> Iterable[Mapping[str, str]] | None:
    """The library's own list of its patrons, where it has one that may be opened."""
    extracts = Extracts(library, ledger(), DropAndVault(setting(Setting.VAULT_BUCKET)))
    try:
        return patron_rows(extracts, now, unwrap=unwrap, declare=declare)
    except (VaultClosedError, MovedError):
        # The plan says that nobody was compared; a district's roster does not wait for a library's list.
        logger.warning("the library's own patrons cannot be opened", library=library.id)
        return None


@cache
def planner() -> Planner:
    """The planner, wired."""
    cards = CardsTable(setting(Setting.CARDS_TABLE))
    return Planner(
        site=site(),
        ledger=ledger(),
        objects=DropAndVault(setting(Setting.VAULT_BUCKET)),
        secrets=SecretsStore(),
        wrapper=wrapper,
        unwrap=unwrap,
        declare=declare,
        emit=CardBus(setting(Setting.CARD_BUS)).emit,
        wake=wake,
        random=os.urandom,
        below=secrets.randbelow,
        pairs=cards,
        numbers=cards,
        patrons=patrons_of,
    )


@logger.inject_lambda_context(correlation_id_path="run_id")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Entry point for the state machine; ``event`` is its state."""
    names = ("run_id", "district", "bucket", "key", "version_id", "size", "received_at", "attempt")
    planned = planner().plan(Arrival(**{name: event[name] for name in names}))
    logger.info("planned", outcome=planned.outcome, district=event["district"])
    return planned.as_state()
