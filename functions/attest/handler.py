"""Attest: somebody's word comes on record. The district's, that letters went home, starts the days of children whom no e-mail reaches; that a no is taken back lets it hold no more. It opens nothing."""

from dataclasses import asdict
from datetime import UTC, datetime
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
from firstcard.identity import Tokens
from firstcard.run.about_child import agreement_asked, child_of
from firstcard.run.attesting import Attester, LettersSent
from firstcard.run.delivering import load_manifest
from firstcard.run.undoing import TakenBackBy, Undoer

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


def on_word(said: LettersSent) -> dict[str, Any]:
    """What became of it, with counts, or the word for one that means nothing."""
    at = min(said.at, datetime.now(UTC))  # no letter went home tomorrow, whatever the asker's clock says
    agreement = agreement_asked(site(), district=said.district, library=said.library, day=at.date())
    if isinstance(agreement, str):
        return {"error": agreement}
    sharing = agreement.sharing
    tokens = Tokens(SecretsStore().token_key(agreement.library), library=agreement.library, district=agreement.district)
    manifest = load_manifest(vault(), sharing, ledger().district(sharing).manifest_version)
    attester = Attester(cards(), ledger(), agreement, tokens, manifest)
    outcome, counted = attester.attest(said, at=at, allowed=not ledger().suspended(sharing))
    logger.info("attested", sharing=sharing, outcome=outcome, **asdict(counted))
    return {"outcome": outcome, "counts": asdict(counted)}


def on_taken_back(said: TakenBackBy) -> dict[str, Any]:
    """What became of a no that somebody takes back, or the word for a call that means nothing."""
    found = child_of(said, site(), SecretsStore().token_key)
    if isinstance(found, str):
        return {"error": found}
    agreement, token = found
    at = min(said.at, datetime.now(UTC))
    undoer = Undoer(cards(), ledger(), agreement)
    outcome = undoer.undo(token, said, at=at, allowed=not ledger().suspended(agreement.sharing))
    logger.info("undone", sharing=agreement.sharing, token=token, outcome=outcome)
    return {"outcome": outcome}


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for a person's call; the event holds a name, and perhaps a student's id, and is never logged, whatever the environment says."""
    try:
        if "student" in event:
            return on_taken_back(TakenBackBy.model_validate(event))
        return on_word(LettersSent.model_validate(event))
    except ValidationError:
        return {"error": "not_a_question"}
