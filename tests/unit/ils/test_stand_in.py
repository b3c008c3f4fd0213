"""The stand-in as people and the demo use it: a process of its own with TLS, a page to look at, patrons that survive."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from urllib3 import PoolManager

from firstcard.adapters.koha import KohaIls
from firstcard.ils import Accepted
from local.ils.stand_in import StandIn
from tests.unit.ils.builders import ATTRIBUTE, CLIENT, SECRET, a_patron, a_stranger, koha, plant, the_rules

ROOT = Path(__file__).parents[3]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "library.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    return cert, private


@contextmanager
def a_process(*arguments: str) -> Iterator[dict[str, Any]]:
    """The stand-in as its own process, and what it printed."""
    command = [sys.executable, "-m", "local.ils.stand_in", *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def test_a_process_with_tls_keeps_its_patrons_over_a_restart_and_no_secret_in_its_exchanges(tmp_path, certificate):
    rules, exchanges = tmp_path / "rules.json", tmp_path / "exchanges.jsonl"
    rules.write_text(the_rules().model_dump_json())
    arguments = ["--db", str(tmp_path / "db"), "--rules", str(rules), "--cert", str(certificate[0]), "--key", str(certificate[1])]
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    with a_process(*arguments, "--exchanges", str(exchanges)) as said:
        assert said["endpoint"] == f"https://127.0.0.1:{said['port']}/api/v1"
        ils = KohaIls(
            said["endpoint"], CLIENT, SECRET, token_attribute=ATTRIBUTE, http=PoolManager(ssl_context=trust), confirm_separate=True
        )
        assert isinstance(ils.put(a_patron(), ils_id=None), Accepted)
    with a_process(*arguments) as said, httpx.Client(verify=trust, trust_env=False) as http:
        page = http.get(said["page"], params={"format": "json"}).json()
    (held,) = page["patrons"]
    assert page["total"] == 1
    assert held["cardnumber"] == a_patron().number
    assert held["attributes"] == {ATTRIBUTE: a_patron().token}
    assert held["pin_set"]
    written = exchanges.read_text()
    assert [json.loads(line)["status"] for line in written.splitlines()] == [200, 201, 200]
    assert SECRET not in written
    assert "4711" not in written
    assert "Bearer " not in written


def test_the_page_shows_patrons_to_a_person_and_runs_nothing_that_they_are_called(library, http):
    plant(library, a_stranger(firstname="<script>alert(1)</script>"))
    page = http.get(f"{library.origin}/stand-in/patrons")
    assert page.headers["content-type"].startswith("text/html")
    assert "1 patrons" in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script>" not in page.text
    assert http.get(library.origin, follow_redirects=True).text == page.text


def test_the_page_comes_in_pages_and_the_json_whole_where_asked(library, http):
    for serial in range(5):
        plant(library, a_stranger(cardnumber=str(serial), surname=f"Okafor-{serial}"))
    url = f"{library.origin}/stand-in/patrons"
    assert [len(http.get(url, params={"format": "json", "per_page": 2, "page": page}).json()["patrons"]) for page in (1, 2, 3)] == [2, 2, 1]
    assert len(http.get(url, params={"format": "json", "per_page": -1}).json()["patrons"]) == 5
    assert http.get(f"{library.origin}/stand-in/count").json()["patrons"] == 5


def test_a_search_finds_by_column_by_query_and_by_page(library, http):
    for serial in range(3):
        koha(library).put(a_patron(serial), ils_id=None)
    headers = {"authorization": "Bearer " + token(library, http)}

    def found(**query: Any) -> list[str]:
        return [patron["cardnumber"] for patron in http.get(f"{library.endpoint}/patrons", params=query, headers=headers).json()]

    assert found(surname="quispe-1") == ["90400000001"]
    assert found(surname="quispe", _per_page=2, _page=2) == ["90400000002"]
    assert found(surname="Quispe", _match="exact") == []
    assert found(q=json.dumps({"cardnumber": {"-like": "%0002"}, "category_id": "STUDENT"})) == ["90400000002"]
    assert found(q=json.dumps({"extended_attributes.code": ATTRIBUTE, "extended_attributes.attribute": a_patron(1).token})) == [
        "90400000001"
    ]
    assert http.get(f"{library.endpoint}/patrons", params={"shoe_size": "4"}, headers=headers).status_code == 400
    assert http.get(f"{library.endpoint}/patrons", params={"q": "not json"}, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("circumstances", "code"), [({"checkouts": 2}, "has_checkouts"), ({"debt": 4.5}, "has_debt"), ({"guarantees": 1}, "has_guarantees")]
)
def test_a_patron_with_something_open_cannot_be_deleted(library, http, circumstances, code):
    stranger = plant(library, a_stranger())
    headers = {"authorization": "Bearer " + token(library, http)}
    http.post(f"{library.origin}/stand-in/lend", json={"patron_id": stranger["patron_id"]} | circumstances)
    refused = http.delete(f"{library.endpoint}/patrons/{stranger['patron_id']}", headers=headers)
    assert (refused.status_code, refused.json()["error_code"]) == (409, code)
    assert library.patrons.count() == 1


@pytest.mark.parametrize("pin", ["12", " 4711", "4711 "])
def test_a_password_that_breaks_the_rule_is_refused(library, http, pin):
    stranger = plant(library, a_stranger())
    headers = {"authorization": "Bearer " + token(library, http)}
    path = f"{library.endpoint}/patrons/{stranger['patron_id']}/password"
    assert http.post(path, json={"password": pin, "password_2": pin}, headers=headers).status_code == 400
    assert http.post(path, json={"password": "4711", "password_2": "4712"}, headers=headers).status_code == 400
    assert not library.patrons.pin_opens("21111000012345", pin)


def test_misfortunes_can_be_asked_for_over_http(library, http):
    assert http.post(f"{library.origin}/stand-in/faults", json={"status": 503, "times": 1, "retry_after": 3}).status_code == 204
    assert token_reply(library, http).status_code == 503
    assert token_reply(library, http).status_code == 200
    assert http.post(f"{library.origin}/stand-in/faults", json={"colour": "red"}).status_code == 400


def test_a_request_that_cannot_be_read_ends_the_connection_and_nothing_else(library, http):
    assert http.post(f"{library.endpoint}/patrons", content=iter([b"{}"])).status_code == 400  # chunked
    assert http.post(f"{library.endpoint}/patrons", content=b"x" * 1_000_001).status_code == 400
    assert token_reply(library, http).status_code == 200


def token_reply(library: StandIn, http: httpx.Client) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
    return http.post(library.endpoint + "/oauth/token", data=form)


def token(library: StandIn, http: httpx.Client) -> str:
    return str(token_reply(library, http).json()["access_token"])
