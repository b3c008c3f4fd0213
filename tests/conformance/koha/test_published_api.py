"""Every exchange between the adapter and the stand-in, held against Koha's published OpenAPI description."""

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse
from urllib3 import PoolManager

from firstcard.adapters.koha import KohaIls
from firstcard.agreement import PATRON_FIELDS
from firstcard.ils import Accepted
from local.ils.rules import FIELDS, READ_ONLY, REQUIRED
from local.ils.stand_in import StandIn
from tests.unit.ils.builders import CLIENT, SECRET, a_patron, a_stranger, koha, plant, that_day, the_rules

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    folder = os.environ.get("FIRSTCARD_CONFORMANCE")
    if not folder:
        pytest.skip("FIRSTCARD_CONFORMANCE names no folder with the published descriptions")
    loaded: dict[str, Any] = json.loads((Path(folder) / "ils/koha/koha-patrons.openapi3.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def published(description: dict[str, Any]) -> OpenAPI:
    return OpenAPI.from_dict(description)  # type: ignore[arg-type]  # a parsed document is what it takes


@pytest.fixture
def exchanges(tmp_path: Path) -> Path:
    return tmp_path / "exchanges.jsonl"


@pytest.fixture
def library(tmp_path: Path, exchanges: Path) -> Iterator[StandIn]:
    with StandIn(the_rules(), tmp_path / "patrons", exchanges=exchanges, now=that_day) as library:
        yield library


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=5.0, trust_env=False) as client:
        yield client


def the_whole_way(library: StandIn, http: httpx.Client) -> None:
    """Everything that the adapter asks of a library, and every answer that a library has for it."""
    ils = koha(library)
    separate = koha(library, confirm_separate=True)
    ils_id = ils.put(a_patron(1, street="1 School Way", city="Exampleton", postal_code="28000"), ils_id=None).ils_id
    ils.put(a_patron(1), ils_id=None)
    ils.put(a_patron(1, branch="WEST"), ils_id=ils_id)
    ils.put(a_patron(1, number="90400000099"), ils_id=ils_id)
    plant(library, a_stranger(cardnumber=a_patron(2).number))
    plant(library, a_stranger(cardnumber="1", surname=a_patron(3).last_name, firstname=a_patron(3).first_name))
    for serial in (2, 3):
        ils.put(a_patron(serial), ils_id=None)
        separate.put(a_patron(serial), ils_id=None)
    ils.put(a_patron(4, branch="NOWHERE"), ils_id=None)
    ils.put(a_patron(4, patron_type="NOBODY"), ils_id=None)
    ils.put(a_patron(4, pin="1"), ils_id=None)
    ils.put(a_patron(5), ils_id="4711")
    library.expire_tokens()
    ils.put(a_patron(6), ils_id=None)
    assert isinstance(ils.end(ils_id, token=a_patron(1).token, on=TODAY), Accepted)
    ils.end(None, token=a_patron(6).token, on=TODAY)
    ils.patrons_after(0, PATRON_FIELDS)
    ils.patrons_after(99999, ("patron_id",))
    koha(library, secret="an old one").put(a_patron(7), ils_id=None)
    ils.check([("STUDENT", "MAIN"), ("STAFF", "WEST"), ("STAFF", "EAST")], token="ab" * 16, pin="4711", on=TODAY)

    the_way_of_a_familys_own_card(library)

    headers = {"authorization": "Bearer " + bearer(library, http)}
    library.patrons.lend(int(ils_id), checkouts=1)
    http.delete(f"{library.endpoint}/patrons/{ils_id}", headers=headers)
    http.get(f"{library.endpoint}/patrons", params={"cardnumber": "904", "_match": "starts_with", "_per_page": 2}, headers=headers)
    http.get(f"{library.endpoint}/patrons/{ils_id}/extended_attributes", headers=headers)
    http.post(f"{library.endpoint}/patrons/{ils_id}/extended_attributes", headers=headers, json={"type": "SHELF", "value": "7"})
    http.post(f"{library.endpoint}/patrons/{ils_id}/extended_attributes", headers=headers, json={"type": "SHELF", "value": "8"})


def the_way_of_a_familys_own_card(library: StandIn) -> None:
    """Linked, linked again, renewed, another child's, blocked, gone, of a type that is not set up, at the same moment; and unlinked twice."""
    ils = koha(library)
    own, blocked = (str(plant(library, a_stranger(cardnumber=number, surname=number))["patron_id"]) for number in ("31", "32"))
    library.patrons.restrict(int(blocked))
    for ils_id, serial in ((own, 31), (own, 31), (own, 32), (blocked, 33), ("4711", 33), (blocked, 31)):
        ils.link(ils_id, token=a_patron(serial).token, held_before=False, blocked_too=serial == 31, on=TODAY)
    KohaIls(library.endpoint, CLIENT, SECRET, token_attribute="NONE", http=PoolManager(), confirm_separate=False).link(
        own, token=a_patron(34).token, held_before=False, blocked_too=False, on=TODAY
    )
    assert ils.link(own, token=a_patron(31).token, held_before=True, blocked_too=False, on=TODAY, renew_to=date(2031, 9, 15)) == Accepted(
        own
    )
    for ils_id in (own, own, "4711"):
        ils.unlink(ils_id, token=a_patron(31).token)


def bearer(library: StandIn, http: httpx.Client) -> str:
    form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
    return str(http.post(library.endpoint + "/oauth/token", data=form).json()["access_token"])


def replayed(line: dict[str, Any]) -> tuple[MockRequest, MockResponse]:
    headers = dict(line["request_headers"])
    kind = headers.get("content-type", "application/json").partition(";")[0]
    if line["authorization"]:
        headers["authorization"] = line["authorization"] + " withheld"
    sent = None if line["request"] is None else json.dumps(line["request"]).encode()
    if kind == "application/x-www-form-urlencoded":
        sent = str(httpx.QueryParams(line["request"])).encode()
    request = MockRequest(
        "http://127.0.0.1",
        line["method"].lower(),
        line["path"],
        args=line["query"],
        headers=headers,
        data=sent,
        content_type=kind,
    )
    answered = b"" if line["response"] is None else json.dumps(line["response"]).encode()
    return request, MockResponse(answered, line["status"], line["response_headers"])


def test_every_exchange_is_as_published(published, library, http, exchanges):
    the_whole_way(library, http)
    lines = [json.loads(line) for line in exchanges.read_text(encoding="utf-8").splitlines()]
    seen, of_attributes = set(), set()
    for line in lines:
        request, response = replayed(line)
        if line["status"] != 401:  # asking without a valid token is no request as published, however well it is formed
            published.validate_request(request)
        published.validate_response(request, response)
        seen.add((line["method"], line["status"]))
        if "extended_attributes" in line["path"]:
            of_attributes.add((line["method"], line["status"]))
    assert seen >= {
        ("POST", 201),
        ("POST", 200),
        ("POST", 400),
        ("POST", 401),
        ("POST", 403),
        ("POST", 409),
        ("DELETE", 204),
        ("GET", 200),
        ("GET", 404),
        ("PUT", 200),
        ("DELETE", 409),
    }
    assert of_attributes == {("GET", 200), ("GET", 404), ("POST", 201), ("POST", 400), ("POST", 409), ("DELETE", 204)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "4711"},
        {"shoe_size": 4},
        {"category_id": None},
        {"expiry_date": "09/15/2027"},
        {"expiry_date": "2027-02-30"},
        {"restricted": True},
        {"privacy": "1"},
        {"autorenew_checkouts": 1},
        {"surname": 7},
        {"extended_attributes": [{"type": "FCTOKEN"}]},
        {"extended_attributes": [{"type": "FCTOKEN", "value": "1", "code": "x"}]},
    ],
    ids=json.dumps,
)
def test_what_the_published_description_refuses_the_stand_in_refuses_alike(published, library, http, exchanges, wrong):
    body = a_stranger() | wrong
    if wrong == {"category_id": None}:
        del body["category_id"]
    headers = {"authorization": "Bearer " + bearer(library, http)}
    assert http.post(library.endpoint + "/patrons", json=a_stranger(cardnumber="right"), headers=headers).status_code == 201
    assert http.post(library.endpoint + "/patrons", json=body, headers=headers).status_code == 400
    assert library.patrons.count() == 1
    right, refused = (replayed(json.loads(line)) for line in exchanges.read_text(encoding="utf-8").splitlines()[-2:])
    published.validate_request(right[0])
    with pytest.raises(OpenAPIError):
        published.validate_request(refused[0])
    published.validate_response(*refused)


def test_the_stand_ins_patron_has_the_very_keys_that_are_published(description):
    patron = description["components"]["schemas"]["patron"]
    kinds = {
        ("string", None): "text",
        ("string", "date"): "date",
        ("string", "date-time"): "moment",
        ("integer", None): "whole",
        ("number", None): "number",
        ("boolean", None): "yes-no",
        ("object", None): "object",
        ("array", None): "attributes",
    }
    assert {
        name: (kinds[shape["type"], shape.get("format")], shape.get("nullable", False)) for name, shape in patron["properties"].items()
    } == FIELDS
    assert set(REQUIRED) == set(patron["required"])
    assert {name for name, shape in patron["properties"].items() if shape.get("readOnly")} == READ_ONLY
