"""AWS by moto, with the tables, buckets and secrets of the templates, and a deployed site of two districts."""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.session import Session
from moto import mock_aws

from firstcard.adapters import aws
from firstcard.adapters.site import site as deployed_site
from tests.function.builders import (
    ACCOUNT,
    BUS,
    CARDS,
    LEDGER,
    REGION,
    TOKEN_KEY,
    VAULT,
    Breaking,
    Yard,
    drop_bucket,
    libraries,
    site_content,
)
from tests.unit.agreement.builders import write_site

VERBS = (
    "admit",
    "plan",
    "hold",
    "begin",
    "issue",
    "finish",
    "publish",
    "sync",
    "notify",
    "refuse",
    "window",
    "rehearse",
    "explain",
    "settle",
    "gather",
    "reveal",
    "reset",
    "attest",
    "bounce",
    "consent",
    "print",
    "tally",
    "preview",
    "destroy",
    "honour",
)
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "CARDS_TABLE": CARDS,
    "LEDGER_TABLE": LEDGER,
    "VAULT_BUCKET": VAULT,
    "CARD_BUS": BUS,
    "STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:firstcard-roster-run",
    "REFUSE_URL": "https://no.example.org",
    "AWS_LAMBDA_FUNCTION_NAME": "firstcard-tested",
}

# Powertools reads these when a handler is imported, before any fixture.
os.environ |= {"POWERTOOLS_SERVICE_NAME": "firstcard", "POWERTOOLS_METRICS_NAMESPACE": "FirstCard", "LOG_LEVEL": "INFO"}


def forget() -> None:
    """Empty what warm functions keep."""
    aws.client.cache_clear()  # type: ignore[attr-defined]
    aws.SecretsStore._text.cache_clear()
    for verb in VERBS:
        module = sys.modules.get(f"functions.{verb}.handler")
        for kept in vars(module).values() if module else ():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    """The deployed agreements; a test that needs others overrides this."""
    return site_content()


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[dict[str, Any]]], Path]:
    """Puts a site's package down, once for each content, and gives the folder to import it from."""
    folders: dict[str, Path] = {}

    def deploy(agreements: list[dict[str, Any]]) -> Path:
        content = json.dumps(agreements)
        if content not in folders:
            folder = folders[content] = tmp_path_factory.mktemp("layer")
            shelf = {library["id"]: library for library in libraries()}
            package = write_site(folder / "firstcard_site", {a["id"]: a for a in agreements}, shelf)
            (package / "__init__.py").touch()
        return folders[content]

    return deploy


@pytest.fixture(scope="session")
def one_connection_each() -> Callable[..., Any]:
    """``Session.create_client`` that makes each client once: making one takes longer than most tests."""
    made: dict[tuple[str, str | None, bool], Any] = {}
    making = Session.create_client

    def create_client(self: Session, service_name: str, region_name: str | None = None, *args: Any, **more: Any) -> Any:
        key = (service_name, region_name, self.profile is not None)
        if key not in made:
            made[key] = making(self, service_name, region_name, *args, **more)
        return made[key]

    return create_client


@pytest.fixture
def cloud(
    monkeypatch: pytest.MonkeyPatch,
    agreements: list[dict[str, Any]],
    deployed: Callable[[list[dict[str, Any]]], Path],
    one_connection_each: Callable[..., Any],
) -> Iterator[None]:
    monkeypatch.setattr(Session, "create_client", one_connection_each)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = deployed(agreements)
    monkeypatch.syspath_prepend(folder)
    if not str(getattr(sys.modules.get("firstcard_site"), "__file__", "")).startswith(f"{folder}/"):
        sys.modules.pop("firstcard_site", None)
        importlib.invalidate_caches()
        deployed_site.cache_clear()
    forget()
    with standing(a["district"] for a in agreements):
        yield
    forget()


@contextmanager
def standing(districts: Iterable[str]) -> Iterator[None]:
    """AWS with the tables, buckets, bus and secrets, all empty; the environment must be set."""
    with mock_aws():
        _tables()
        s3 = boto3.client("s3")
        for bucket in (VAULT, *map(drop_bucket, dict.fromkeys(districts))):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        boto3.client("events").create_event_bus(Name=BUS)
        secrets = boto3.client("secretsmanager")
        for name, value in {
            "tokens/oak": TOKEN_KEY,
            "tokens/elm": TOKEN_KEY,
            "links/oak": "a link key of the tests, long enough",
            "links/elm": "another link key of the tests, long enough",
            "openpgp/pine": json.dumps({"keys": []}),
            "openpgp/fir": json.dumps({"keys": []}),
            "ils/oak": json.dumps({"client_id": "firstcard", "client_secret": "tests"}),
        }.items():
            secrets.create_secret(Name=f"firstcard/{name}", SecretString=value)
        yield


def _tables() -> None:
    database: Any = boto3.client("dynamodb")
    windows = ("windows", ("window_of", "told_at"), {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["token"]})
    pairs = ("pairs", ("pair_of", "since"), {"ProjectionType": "KEYS_ONLY"})
    runs = ("by_district", ("district", "started_at"), {"ProjectionType": "ALL"})
    for name, indexes in ((CARDS, (windows, pairs)), (LEDGER, (runs,))):
        database.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk", *(key for _, keys, _ in indexes for key in keys))
            ],
            KeySchema=_schema("pk", "sk"),
            GlobalSecondaryIndexes=[
                {"IndexName": index, "KeySchema": _schema(*keys), "Projection": projection} for index, keys, projection in indexes
            ],
        )


def _schema(hashed: str, sorted_by: str) -> Any:
    return [{"AttributeName": hashed, "KeyType": "HASH"}, {"AttributeName": sorted_by, "KeyType": "RANGE"}]


@pytest.fixture
def yard(cloud: None) -> Yard:
    return Yard(deployed_site())


@pytest.fixture
def breaking(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Breaking:
    """Sees every call of AWS, whichever library makes it, and lets a test do something just before one."""
    breaking = Breaking()
    calling = getattr(BaseClient, "_make_api_call")  # noqa: B009  botocore's stubs leave it out

    def seen(self: BaseClient, operation_name: str, api_params: object) -> object:
        breaking.called(operation_name, api_params)
        return calling(self, operation_name, api_params)

    monkeypatch.setattr(BaseClient, "_make_api_call", seen)
    return breaking
