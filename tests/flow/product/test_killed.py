"""Issue was killed in the middle of the first night and tried again: the table is what it would have been."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.cloud.server import ROOT
from local.machine import DESK, Machine
from tests.flow.product.conftest import FirstNight
from tests.flow.product.sharing import Sharing, digest_of

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]

TABLE = "one-machine-replay"
WRITTEN_BY_ISSUE = ("patron", "refusal", "profile", "envelope", "number")


def _replayed(machine: Machine, chunks: list[Path]) -> dict[tuple[str, str], str]:
    dynamodb = machine.cloud.session().client("dynamodb")
    keys = (("pk", "HASH"), ("sk", "RANGE"))
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    try:
        environment = machine.as_role(DESK) | machine.cloud.environment()
        environment.pop("AWS_SESSION_TOKEN", None)
        command = [sys.executable, "-m", "tests.flow.product.replay", TABLE, *map(str, chunks)]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)
        pages = dynamodb.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
        return {(item["pk"]["S"], item["sk"]["S"]): digest_of(item) for page in pages for item in page["Items"]}
    finally:
        dynamodb.delete_table(TableName=TABLE)


def _issued(machine: Machine) -> list[Mapping[str, Any]]:
    """What issue wrote into its log of each chunk that it finished."""
    logs = machine.cloud.session(DESK).client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/firstcard-issue")
    lines = [event["message"] for page in pages for event in page["events"]]
    return [json.loads(line) for line in lines if line.startswith("{") and '"message":"issued"' in line]


def test_issue_was_killed_when_it_had_written_some_cards(machine: Machine, cms: Sharing, first_night: FirstNight) -> None:
    assert first_night.killed
    finished = [line for line in _issued(machine) if line["chunk"].startswith(first_night.cms_run)]
    assert len(finished) > 1, "more than one chunk"
    found = sum(line["counts"].get("unchanged", 0) for line in finished)
    assert found > cms.district.expected.opted_out, "beside the children without a card, those that the killed try had written"
    assert sum(line["counts"].get("new", 0) for line in finished) > 0
    assert first_night.calls["functions"]["firstcard-issue"]["count"] > len(_issued(machine))


def test_the_table_is_byte_for_byte_what_an_undisturbed_issue_writes(
    machine: Machine, cms: Sharing, first_night: FirstNight, tmp_path: Path
) -> None:
    s3 = machine.cloud.session("firstcard-issue").client("s3")
    desk = machine.cloud.session(DESK).client("s3")
    found = desk.list_objects_v2(Bucket=machine.vault_bucket, Prefix=f"runs/{first_night.cms_run}/")["Contents"]
    chunks = []
    for key in sorted(thing["Key"] for thing in found if "/chunks/" in thing["Key"]):
        chunks.append(tmp_path / Path(key).name)
        chunks[-1].write_bytes(s3.get_object(Bucket=machine.vault_bucket, Key=key)["Body"].read())
    undisturbed = _replayed(machine, chunks)
    left = {key: digest for key, digest in first_night.cms.digests.items() if key[1] in WRITTEN_BY_ISSUE}
    assert len(left) > 400
    assert left == {key: digest for key, digest in undisturbed.items() if key[1] in WRITTEN_BY_ISSUE}


def test_a_killed_function_makes_no_family_hear_twice_and_no_card_twice(first_night: FirstNight) -> None:
    left = first_night.cms
    for kind in ("announcement", "card", "staff"):
        told = [address for mail in left.mails_of(kind) for address in mail["To"]]
        assert len(told) == len(set(told))
    issued = [event["detail"]["id"] for event in left.library_queue if event["detail-type"] == "CardIssued"]
    assert len(left.patrons("active")) == len(set(issued)) == len(left.ils)
