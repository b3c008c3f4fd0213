"""Refuse: a family's no. Fetching the page changes nothing; its button does."""

from base64 import b64decode
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.aws import SecretsStore
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.site import site
from firstcard.card.patron import Stamp
from firstcard.notice import Link, link_of_one, page_headers, read_link, refusal_page

logger = Logger()


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def secrets_store() -> SecretsStore:
    """Where the keys of the links lie."""
    return SecretsStore()


def link_of(token: str) -> Link | None:
    """The link that one of our libraries signed."""
    return link_of_one((library.id for library in site().libraries), token, key_of=secrets_store().link_key, read=read_link)


def says_no(event: dict[str, Any]) -> bool:
    """Whether the page's own button was pressed: a POST with ``answer=no``. A mail program's one-click POST (RFC 8058) is not that."""
    body = event.get("body") or ""
    text = b64decode(body).decode("utf-8", "replace") if event.get("isBase64Encoded") else body
    return event["requestContext"]["http"]["method"] == "POST" and parse_qs(text).get("answer") == ["no"]


def on_request(token: str, at: datetime, *, no: bool) -> tuple[int, str]:
    """Status and page for one request; ``no`` if the button was pressed."""
    link = link_of(token)
    agreement = site().of_sharing(link.sharing, at.date()) if link else None
    if link is None or agreement is None:
        return 404, refusal_page("en", state="invalid")
    library = site().library(agreement.library)
    if not no:
        return 200, refusal_page(link.language, state="ask", agreement=agreement, library=library)
    family = cards().households([link.household]).get(link.household)
    if family is None:
        return 404, refusal_page(link.language, state="invalid")
    known = family.stamp
    stamp = Stamp(known.sharing, known.agreement, known.library, known.district, known.run_id, at.isoformat())
    own = [t for t, patron in cards().standing(family.children).patrons.items() if patron.household == link.household]
    if not own:  # all of them belong to another household now, or to themselves (34 CFR 99.5): nothing was said for anybody
        return 404, refusal_page(link.language, state="invalid")
    cards().refuse(own, by="family", stamp=stamp)
    logger.info("refused", sharing=link.sharing, children=len(own), correlation_id=known.run_id)
    return 200, refusal_page(link.language, state="done", agreement=agreement, library=library)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for the HTTP API (payload format 2.0)."""
    request = event["requestContext"]
    at = datetime.fromtimestamp(request["timeEpoch"] / 1000, UTC)
    status, html = on_request((event.get("pathParameters") or {}).get("link", ""), at, no=says_no(event))
    return {"statusCode": status, "headers": page_headers(html), "body": html}
