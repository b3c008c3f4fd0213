"""The trail: delivered as AWS delivers it, read by the compliance officer, and telling who opened what for which purpose."""

import gzip
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud.server import ACCOUNT, REGION
from local.machine import Machine
from tests.flow.product.conftest import FirstNight
from tests.flow.product.sharing import Sharing

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]

BUCKET = f"firstcard-logs-{ACCOUNT}-{REGION}"
LAYOUT = re.compile(
    rf"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/\d{{4}}/\d\d/\d\d/{ACCOUNT}_CloudTrail_{REGION}_\d{{8}}T\d{{4}}Z_[A-Za-z0-9]{{16}}\.json\.gz"
)
ALWAYS = {
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "eventID",
    "eventType",
    "recipientAccountId",
}


@pytest.fixture(scope="module")
def records(machine: Machine, first_night: FirstNight, duval: Sharing) -> Sequence[dict[str, Any]]:
    """Every delivered record, read from the log bucket under the officer's role; one refusal is made sure of."""
    s3 = machine.cloud.session(f"firstcard-upload-{duval.slug}").client("s3")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=machine.vault_bucket)
    machine.cloud.flush_trail()
    officer = machine.cloud.session("firstcard-officer").client("s3")
    pages = officer.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"AWSLogs/{ACCOUNT}/CloudTrail/")
    keys = [thing["Key"] for page in pages for thing in page.get("Contents", [])]
    assert keys
    assert all(LAYOUT.fullmatch(key) for key in keys), keys
    bodies = (officer.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys)
    return [record for body in bodies for record in json.loads(gzip.decompress(body))["Records"]]


def _role(record: dict[str, Any]) -> str:
    return str(record["userIdentity"].get("sessionContext", {}).get("sessionIssuer", {}).get("userName", ""))


def test_every_record_has_cloudtrails_form(records: Sequence[dict[str, Any]]) -> None:
    assert len(records) > 500
    for record in records:
        assert record.keys() >= ALWAYS
        datetime.fromisoformat(record["eventTime"].replace("Z", "+00:00"))
    assert len({record["eventID"] for record in records}) == len(records)


def test_each_opening_tells_role_key_and_context(records: Sequence[dict[str, Any]]) -> None:
    opened = [r for r in records if r["eventName"] == "Decrypt" and "purpose" in r["requestParameters"].get("encryptionContext", {})]
    by = {(_role(r), r["requestParameters"]["encryptionContext"]["purpose"]) for r in opened if not r.get("errorCode")}
    # By the tests of a library's own patrons, of the page that shows a PIN, and of prints, where they ran before.
    others = {("firstcard-plan", "deduplicate"), ("firstcard-reveal", "show_pin"), ("firstcard-print", "hand_out")}
    assert by - others == {("firstcard-sync", "sync_ils"), ("firstcard-notify", "send_notice")}
    for record in opened:
        assert record["requestParameters"]["encryptionContext"].keys() >= {"agreement", "object", "group"} or record.get("errorCode")
        assert any(there["ARN"].startswith(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/") for there in record["resources"])


def test_a_refused_call_is_recorded_with_who_and_what(records: Sequence[dict[str, Any]]) -> None:
    refused = [r for r in records if r.get("errorCode", "").startswith("AccessDenied") and _role(r) == "firstcard-upload-duval"]
    assert any(r["eventName"] == "ListObjects" and r["requestParameters"]["bucketName"].startswith("firstcard-vault") for r in refused)
    assert all("is not authorized to perform" in r["errorMessage"] for r in refused)


def test_reads_of_rosters_and_writes_of_cards_are_recorded(records: Sequence[dict[str, Any]]) -> None:
    done = {(_role(r), r["eventName"]) for r in records if not r.get("errorCode")}
    assert done >= {
        ("firstcard-plan", "GetObject"), ("firstcard-issue", "BatchWriteItem"), ("firstcard-sync", "BatchGetItem"), ("firstcard-sftp-duval", "CopyObject"),
        ("firstcard-plan", "Encrypt"), ("firstcard-refuse", "PutItem"), ("firstcard-window", "TransactWriteItems"), ("firstcard-plan", "GetSecretValue"),
    }  # fmt: skip


def test_the_officer_reads_the_trail_and_changes_nothing(machine: Machine, records: Sequence[dict[str, Any]]) -> None:
    s3 = machine.cloud.session("firstcard-officer").client("s3")
    key = s3.list_objects_v2(Bucket=BUCKET, Prefix="AWSLogs/")["Contents"][0]["Key"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket=machine.drop_bucket("duval"), Key="incoming/first.zip.gpg")
    with pytest.raises(ClientError, match="AccessDenied"):
        machine.cloud.session("firstcard-officer").client("dynamodb").scan(TableName="firstcard-cards")
