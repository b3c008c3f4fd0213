"""Print: what goes on the cards, lists and letters that a school hands out, for a person whose role may ask; the record comes first."""

import os
import secrets
import time
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from firstcard.adapters.aws import DropAndVault, SecretsStore, unwrap, wrapper
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.agreement.vocabulary import Purpose
from firstcard.card.manifest import Manifest
from firstcard.identity import Tokens
from firstcard.notice.handout import paper_of
from firstcard.run.about_child import agreement_asked
from firstcard.run.delivering import load_manifest
from firstcard.run.printing import Printer, PrintWish, students_of
from firstcard.run.renewing import Renewer
from firstcard.vault import Intent, VaultClosedError
from firstcard.vault.seal import Opener

logger = Logger()


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger, for suspensions, intents and the record of prints."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


@lru_cache(maxsize=1)
def manifest(sharing: str, version: int) -> Manifest:
    """The manifest of the last applied roster; one of a version never changes."""
    return load_manifest(DropAndVault(setting(Setting.VAULT_BUCKET)), sharing, version)


def declare(intent: Intent) -> None:
    """Write down what is about to be opened, and why."""
    ledger().declare(intent, role=setting(Setting.AWS_LAMBDA_FUNCTION_NAME), at=datetime.now(UTC), nonce=os.urandom(6).hex())


def on_wish(wish: PrintWish) -> dict[str, Any]:
    """What goes on the papers, or the word for a wish that has no answer."""
    wish = wish.model_copy(update={"at": min(wish.at, datetime.now(UTC))})  # no PIN is made, and nothing recorded, after today
    agreement = agreement_asked(site(), district=wish.district, library=wish.library, day=wish.at.date())
    if isinstance(agreement, str):
        return {"error": agreement}
    if not agreement.hands_out:
        return {"error": "not_agreed"}
    if not agreement.in_force(wish.at.date()) or ledger().suspended(agreement.sharing):
        return {"error": "not_in_force"}
    tokens = Tokens(SecretsStore().token_key(agreement.library), library=agreement.library, district=agreement.district)
    found = students_of(wish, manifest(agreement.sharing, ledger().district(agreement.sharing).manifest_version), tokens)
    if isinstance(found, str):
        return {"error": found}
    opener = Opener(purpose=Purpose.HAND_OUT, unwrap=unwrap, declare=declare, clock=time.monotonic)
    now = datetime.now(UTC)
    record = partial(ledger().record_print, at=now, nonce=os.urandom(6).hex())
    renewer = Renewer(cards(), agreement, wrapper(agreement.sharing), os.urandom, secrets.randbelow)
    try:
        said = Printer(cards(), opener, renewer, agreement, record, now).hand_out(wish, found)
    except VaultClosedError:
        return {"error": "closed"}
    logger.info("handed out", sharing=agreement.sharing, print_id=wish.print_id, cards=len(said["cards"]), left_out=said["left_out"])
    return said | {"paper": asdict(paper_of(agreement, site().library(agreement.library)))}


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for a person's call; the event may hold a student's id and is never logged, whatever the environment says."""
    try:
        wish = PrintWish.model_validate(event)
    except ValidationError:
        return {"error": "not_a_wish"}
    return on_wish(wish)
