"""A family with cards in the ILS and an agreement whose page shows PINs: how it asks, and what is sealed of it."""

import base64
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import boto3

from firstcard.adapters.aws import unwrap, wrapper
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.patron import release
from firstcard.card.view import IlsState
from firstcard.notice import make_pin_link
from firstcard.vault.seal import Opener
from functions.reveal import handler as function
from tests.function.builders import LEDGER, Yard, csv_content, household, later, token, with_pin_page
from tests.function.calling import a_context
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

LINK_KEY = b"a link key of the tests, long enough"
BASE = "https://no.example.org/pin"
RIGHT, WRONG = ("5", "4", "2016"), ("5", "5", "2016")
NOON = later(hours=12)
MADE = later(hours=1)


def agreements_with_a_page(*, names: bool = False) -> list[dict[str, Any]]:
    """Pine has a page that shows PINs this year and none by the agreement that already lies there for the next; fir has none."""
    next_year = csv_content("pine", "dsa-pine-oak-2027", "904") | {"term": {"effective": "2027-08-01", "expires": "2028-07-31"}}
    return [
        with_pin_page(csv_content("pine", "dsa-pine-oak-2026", "904"), names=names),
        next_year,
        csv_content("fir", "dsa-fir-oak-2026", "906"),
    ]


def a_family(yard: Yard) -> Yard:
    """Two children of one household and one of another, all with cards in the ILS, sealed by a key of the cloud's."""
    keys = boto3.client("kms")
    keys.create_alias(AliasName="alias/firstcard-purpose-oak-pine", TargetKeyId=keys.create_key()["KeyMetadata"]["KeyId"])
    yard.wrapper = wrapper
    home = {"guardian_email": "family1@example.org"}
    yard.run(
        a_firstcard_csv(a_student_row(1), a_student_row(2, birth_date="2014-01-31", **home), a_student_row(3, birth_date="2013-02-28"))
    )
    for number in (1, 2, 3):
        works(yard, number)
    return yard


def works(yard: Yard, number: int, state: str = "in_ils") -> None:
    """The child's days are over, and the ILS has the card."""
    patron = release(yard.cards.standing([token(number)]).patrons[token(number)], at=later(minutes=1).isoformat())
    assert yard.cards.change(patron)
    yard.cards.record_ils([IlsState(patron.token, "student", patron.household, state, patron.version, "77", "", patron.stamp)])


def a_link(number: int = 1, *, key: bytes = LINK_KEY, sharing: str = "oak.pine", made: datetime = MADE, language: str = "en") -> str:
    address = make_pin_link(key, sharing=sharing, household=household(number), language=language, base_url=BASE, made=made.timestamp())
    return address.rsplit("/", 1)[1]


def ask(
    answer: tuple[str, str, str] | None = None,
    *,
    link: str | None = None,
    at: datetime = NOON,
    method: str = "POST",
    body: str | None = None,
    encoded: bool = False,
) -> tuple[int, str]:
    if answer:
        body = urlencode(dict(zip(("month", "day", "year"), answer, strict=True)))
    event: dict[str, Any] = {
        "version": "2.0",
        "pathParameters": {"link": a_link() if link is None else link},
        "requestContext": {"http": {"method": method}, "timeEpoch": int(at.timestamp() * 1000)},
        "isBase64Encoded": encoded,
    }
    if body is not None:
        event["body"] = base64.b64encode(body.encode()).decode() if encoded else body
    said = function.handler(event, a_context())
    assert said["headers"]["Cache-Control"] == "no-store"
    assert "default-src 'none'" in said["headers"]["Content-Security-Policy"]
    return said["statusCode"], said["body"]


def pin(yard: Yard, number: int = 1) -> str:
    return opened(yard, number, Group.PIN)["pin"]


def opened(yard: Yard, number: int, group: Group) -> dict[str, str]:
    """What is sealed, opened as sync would."""
    patron = yard.cards.standing([token(number)]).patrons[token(number)]
    envelope = yard.cards.envelopes([patron.envelopes[group]])[patron.envelopes[group]]
    opener = Opener(purpose=Purpose.SYNC_ILS, unwrap=unwrap, declare=lambda intent: None, clock=lambda: 0.0)
    fields: dict[str, str] = opener.open(envelope, patron.token, group, patron.sealed[group])
    return fields


def heading(page: str) -> str:
    return page.partition("<h1>")[2].partition("</h1>")[0]


def intents() -> list[tuple[str, str]]:
    items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    found = [item for item in items if item["pk"]["S"].startswith("intent#")]
    return sorted((item["group"]["S"], item["purpose"]["S"]) for item in found)
