"""Preview: what a roster that lies in the district's ``preview/`` would do if it were dropped now. It draws, seals, claims and tells nothing, and has no right to."""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from firstcard.adapters.aws import DropAndVault, SecretsStore, unwrap
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.agreement import Library
from firstcard.run.extracts import Extracts, MovedError
from firstcard.run.patron_rows import patron_rows
from firstcard.run.previewing import PREVIEW, AboutFile, may_not_open, newest, preview
from firstcard.run.weighing import Weigher
from firstcard.vault import Intent, VaultClosedError

logger = Logger()


@cache
def ledger() -> LedgerTable:
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


@cache
def objects() -> DropAndVault:
    """The drop buckets and the vault."""
    return DropAndVault(setting(Setting.VAULT_BUCKET))


def declare(intent: Intent) -> None:
    """Write down what is about to be opened, and why."""
    ledger().declare(intent, role=setting(Setting.AWS_LAMBDA_FUNCTION_NAME), at=datetime.now(UTC), nonce=os.urandom(6).hex())


def patrons_of(library: Library, now: datetime) -> Iterable[Mapping[str, str]] | None:
    """The library's own list of its patrons, where it has one that may be opened."""
    try:
        return patron_rows(Extracts(library, ledger(), objects()), now, unwrap=unwrap, declare=declare)
    except (VaultClosedError, MovedError):
        return None


def on_question(question: AboutFile) -> dict[str, Any]:
    """What would become of the file, as plain data, or the word for a question that has no answer."""
    now = datetime.now(UTC)
    agreement = site().of_sharing(question.sharing, now.date())
    if agreement is None:
        return {"error": "unknown_sharing"}
    cards = CardsTable(setting(Setting.CARDS_TABLE))
    weigher = Weigher(site(), ledger(), objects(), SecretsStore(), unwrap, declare, cards, cards, patrons_of)
    if closed := may_not_open(agreement, weigher, now):
        return {"error": "not_agreed", "sharings": list(closed)}
    bucket = setting(Setting.VAULT_BUCKET).replace("firstcard-vault-", f"firstcard-drop-{agreement.district}-", 1)
    lying = list(objects().versions(bucket, PREVIEW))
    arrival = newest(lying, bucket=bucket, file=question.file, now=now)
    if arrival is None:
        return {"error": "no_such_file"}
    found = preview(arrival, agreement, weigher=weigher, ledger=ledger())
    logger.info("previewed", sharing=agreement.sharing, outcome=found.outcome)
    if not question.keep and found.outcome != "busy":
        for key, version_id, _, _ in lying:
            if key == arrival.key:
                objects().delete_trial(bucket, key, version_id)
    return {"answer": found.as_plain()}


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for a person's call; a file's name may hold anything, and is never logged."""
    try:
        question = AboutFile.model_validate(event)
    except ValidationError:
        return {"error": "not_a_question"}
    return on_question(question)
