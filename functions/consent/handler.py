"""Consent: a family's yes, where no card is made without one. Fetching the page changes nothing; its button does."""

from base64 import b64decode
from dataclasses import replace
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
from firstcard.card.view import Yes
from firstcard.notice import Link, link_of_one, page_headers, read_yes_link, yes_page

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
    return link_of_one((library.id for library in site().libraries), token, key_of=secrets_store().link_key, read=read_yes_link)


def says_yes(event: dict[str, Any]) -> bool:
    """Whether the page's own button was pressed: a POST with ``answer=yes``."""
    body = event.get("body") or ""
    text = b64decode(body).decode("utf-8", "replace") if event.get("isBase64Encoded") else body
    return event["requestContext"]["http"]["method"] == "POST" and parse_qs(text).get("answer") == ["yes"]


def on_request(token: str, at: datetime, *, yes: bool) -> tuple[int, str]:
    """Status and page for one request; ``yes`` if the button was pressed. Who is not at home in the link's household any more is not spoken for by it, and any one no stays."""
    link = link_of(token)
    agreement = site().of_sharing(link.sharing, at.date()) if link else None
    if link is None or agreement is None:
        return 404, yes_page("en", state="invalid")
    library = site().library(agreement.library)
    if agreement.route != "opt_in" or not agreement.in_force(at.date()):
        return 200, yes_page(link.language, state="stopped", agreement=agreement, library=library)
    if not yes:
        return 200, yes_page(link.language, state="ask", agreement=agreement, library=library)
    family = cards().households([link.household]).get(link.household)
    if family is None:
        return 404, yes_page(link.language, state="invalid")
    standing = cards().standing(family.children)
    at_home = {t: p for t, p in standing.patrons.items() if p.household == link.household}
    if not at_home:  # all of them belong to another household now, or to themselves (34 CFR 99.5): nothing was said for anybody
        return 404, yes_page(link.language, state="invalid")
    own = {t: p for t, p in at_home.items() if t not in standing.refused}
    stamp = replace(family.stamp, agreement=agreement.id, at=at.isoformat())
    until = {t: back.at for t, back in standing.taken_back.items()}
    cards().record_yeses([Yes(t, "family", at.isoformat(), stamp, agreement.sharing, link.household, until.get(t, "")) for t in own])
    logger.info("consented", sharing=link.sharing, children=len(own), correlation_id=stamp.run_id)
    return 200, yes_page(link.language, state="done", agreement=agreement, library=library)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for the HTTP API (payload format 2.0)."""
    request = event["requestContext"]
    at = datetime.fromtimestamp(request["timeEpoch"] / 1000, UTC)
    status, html = on_request((event.get("pathParameters") or {}).get("link", ""), at, yes=says_yes(event))
    return {"statusCode": status, "headers": page_headers(html), "body": html}
