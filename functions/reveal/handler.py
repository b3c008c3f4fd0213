"""Reveal: the page that shows a family its child's PIN, once. Fetching it changes nothing and shows nothing; the right answer does."""

import os
import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.aws import SecretsStore, unwrap
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.agreement.vocabulary import Purpose
from firstcard.notice import PinLink, PinPageState, link_of_one, page_headers, pin_page, read_pin_link
from firstcard.notice.answer import read_answer
from firstcard.notice.language import choose
from firstcard.run.revealing import Revealed, Revealer
from firstcard.vault import Intent
from firstcard.vault.seal import Opener

logger = Logger()
LONGEST_FORM = 2000
STATUS = {PinPageState.INVALID: 404, PinPageState.LOCKED: 429}
Form = Mapping[str, Sequence[str]]


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger, for suspensions and intents."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


@cache
def secrets_store() -> SecretsStore:
    """Where the keys of the links lie."""
    return SecretsStore()


def declare(intent: Intent) -> None:
    """Write down what is about to be opened, and why."""
    ledger().declare(intent, role=setting(Setting.AWS_LAMBDA_FUNCTION_NAME), at=datetime.now(UTC), nonce=os.urandom(6).hex())


def opener() -> Opener:
    """Opens field groups for one request: a data key is its chunk's, and one that was kept would open another family's PIN without an intent and unseen by the trail."""
    return Opener(purpose=Purpose.SHOW_PIN, unwrap=unwrap, declare=declare, clock=time.monotonic)


def link_of(token: str) -> PinLink | None:
    """The link that one of our libraries signed."""
    return link_of_one((library.id for library in site().libraries), token, key_of=secrets_store().link_key, read=read_pin_link)


def form_of(event: Mapping[str, Any]) -> Form:
    """What was posted; nothing of a GET, nor of what no form of ours would be."""
    body = event.get("body") or ""
    if event["requestContext"]["http"]["method"] != "POST" or len(body) > LONGEST_FORM:
        return {}
    try:
        return parse_qs(b64decode(body).decode() if event.get("isBase64Encoded") else body, keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return {}


def on_request(token: str, at: datetime, form: Form) -> tuple[PinPageState, str]:
    """State and page for one request."""
    link = link_of(token)
    agreement = site().of_sharing(link.sharing, at.date()) if link else None
    if link is None or agreement is None:
        return PinPageState.INVALID, pin_page("en", state=PinPageState.INVALID)
    page = agreement.card.pin.page
    if page is None or not agreement.in_force(at.date()):
        said = Revealed(PinPageState.STOPPED)
    elif link.is_over(at.timestamp(), days=page.days):
        said = Revealed(PinPageState.ENDED)
    else:
        answer = read_answer(form, asks=page.asks, language=choose(link.language, agreement.notices.languages)[0], today=at.date())
        if answer is None:
            said = Revealed(PinPageState.UNREADABLE)
        elif not answer:
            said = Revealed(PinPageState.ASK)
        elif ledger().suspended(link.sharing):
            said = Revealed(PinPageState.STOPPED)
        else:
            said = Revealer(cards(), opener(), agreement, page).reveal(link, answer, at=at)
            logger.info("answered", sharing=link.sharing, state=said.state)
    library = site().library(agreement.library)
    html = pin_page(link.language, state=said.state, agreement=agreement, library=library, shown=said.shown, shown_on=said.shown_on)
    return said.state, html


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for the HTTP API (payload format 2.0); the event holds a link and an answer and is never logged, whatever the environment says."""
    request = event["requestContext"]
    at = datetime.fromtimestamp(request["timeEpoch"] / 1000, UTC)
    state, html = on_request((event.get("pathParameters") or {}).get("link", ""), at, form_of(event))
    return {"statusCode": STATUS.get(state, 200), "headers": page_headers(html), "body": html}
