"""Other people's logs: real CloudTrail records, S3 access lines with another team's parse, and the vectors of AWS's own validator."""

import hashlib
import json
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firstcard.evidence import Concern, Served, Setting, calls_to_record, changes_of, in_folder, read_access_logs, read_trail
from firstcard.evidence.access_log import read_line
from firstcard.evidence.digest import string_to_sign
from firstcard.evidence.trail import access_of


@pytest.fixture(scope="module")
def logs() -> Path:
    place = os.environ.get("FIRSTCARD_CONFORMANCE")
    if not place:
        pytest.skip("FIRSTCARD_CONFORMANCE is not set: it names the folder of others' samples")
    return Path(place) / "logs"


# CloudTrail


def test_every_record_of_an_attacked_account_is_an_access(logs: Path) -> None:
    records = [record for path in (logs / "cloudtrail/invictus").glob("*.json") for record in json.loads(path.read_bytes())["Records"]]
    reading = read_trail(in_folder(logs / "cloudtrail/invictus"))
    accesses = list(reading.accesses)
    assert (len(accesses), reading.unreadable, reading.duplicates) == (len(records), [], [])
    assert {access.event_id for access in accesses} == {record["eventID"] for record in records}
    assert Counter(access.name for access in accesses) == Counter(record["eventName"] for record in records)
    assert sum(access.who.type == "" for access in accesses) == sum("type" not in record["userIdentity"] for record in records) > 0


def test_each_use_of_a_key_tells_which_key_for_what_and_through_whom(logs: Path) -> None:
    decrypted = [
        a for a in read_trail(in_folder(logs / "cloudtrail/invictus")).accesses if (a.source, a.name) == ("kms.amazonaws.com", "Decrypt")
    ]
    assert decrypted
    assert all(":key/" in access.key and access.context for access in decrypted if not access.error)
    assert {access.who.invoked_by for access in decrypted} >= {"secretsmanager.amazonaws.com"}


def test_each_attack_on_a_trail_is_a_change(logs: Path) -> None:
    accesses = list(read_trail(in_folder(logs / "cloudtrail/invictus")).accesses)
    on_trails = {
        str(access.request.get("name") or access.request.get("trailName")).rpartition("/")[2]
        for access in accesses
        if access.source == "cloudtrail.amazonaws.com"
    }
    found = set()
    for trail in on_trails:
        setting = Setting(trail=trail, log_bucket="none", log_keys=frozenset({"none"}), calls=calls_to_record(buckets=(), tables=()))
        found |= {(change.concern, change.refused) for access in accesses for change in changes_of(access, setting)}
    assert found >= {(Concern.TRAIL_DELETED, False), (Concern.LOGGING_STOPPED, True), (Concern.KMS_NOT_RECORDED, False)}


def test_labelled_changes_to_a_trail_are_found(logs: Path) -> None:
    """Panther writes times and booleans in another way than CloudTrail: both are put back first."""
    wanted = 0
    for line in (logs / "cloudtrail/panther_labelled.jsonl").read_text().splitlines():
        labelled = json.loads(line)
        record = labelled["log"]
        if record.get("eventSource") != "cloudtrail.amazonaws.com" or record.get("eventName") not in (
            "StopLogging",
            "DeleteTrail",
            "UpdateTrail",
        ):
            continue
        access = access_of(_as_delivered(record), "panther", 1)
        trail = str(access.request.get("name", "")).rpartition("/")[2]
        setting = Setting(trail=trail, log_bucket="logs", log_keys=frozenset({"none"}), calls=())
        changes = changes_of(access, setting)
        assert changes, labelled["display_name"]
        wanted += 1
    assert wanted


def _as_delivered(record: dict[str, Any]) -> dict[str, Any]:
    changed = {
        name: {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value for name, value in record.items()
    }
    return changed | {
        "eventTime": record["eventTime"][:10] + "T" + record["eventTime"][11:19] + "Z",
        "eventID": record.get("eventID") or "none",
    }


# S3 server access logs

NCBI = {
    "owner": "owner",
    "bucket": "bucket",
    "ip": "address",
    "requester": "requester",
    "request_id": "request_id",
    "operation": "operation",
    "key": "key",
    "res_code": "status",
    "error": "error",
    "res_len": "bytes_sent",
    "obj_size": "size",
    "total_time": "total_ms",
    "turnaround_time": "turn_around_ms",
    "agent": "agent",
    "referer": "referer",
}


def test_access_lines_are_read_as_the_ncbi_reads_them(logs: Path) -> None:
    folder = logs / "s3access/ncbi_scrubbed"
    lines = (folder / "data_aws_testlines.log").read_bytes().splitlines()
    expected = [json.loads(line) for line in (folder / "expected_aws_testlines_out.good.jsonl").read_text().splitlines()]
    assert len(lines) == len(expected) == 9
    for raw, want in zip(lines, expected, strict=True):
        one = read_line(raw)
        assert isinstance(one, Served)
        for theirs, ours in NCBI.items():
            assert str("" if getattr(one, ours) is None else getattr(one, ours)) == want[theirs], (theirs, want)
        assert one.time == datetime.strptime(want["time"], "[%d/%b/%Y:%H:%M:%S %z]")
        assert one.uri == " ".join(part for part in (want["method"], want["path"], want["vers"]) if part)
        version, *host, signature, cipher, auth, header, tls = one.tail
        theirs = (
            want["version_id"],
            want["host_id"],
            want["sig_ver"],
            want["cipher_suite"],
            want["auth_type"],
            want["host_header"],
            want["tls_version"],
        )
        assert tuple("" if part == "-" else part for part in (version, " ".join(host), signature, cipher, auth, header, tls)) == theirs


def test_a_line_that_was_delivered_twice_counts_once(logs: Path) -> None:
    path = logs / "s3access/ncbi_scrubbed/data_aws_testlines.log"
    reading = read_access_logs([(path.name, path.read_bytes())])
    assert (len(list(reading.served)), reading.duplicates, reading.lines, reading.unreadable) == (8, 1, 9, [])


LOGSTASH = {
    "owner": "owner",
    "bucket_owner": "owner",
    "bucket": "bucket",
    "clientip": "address",
    "request_id": "request_id",
    "operation": "operation",
    "key": "key",
    "response": "status",
    "bytes": "bytes_sent",
    "bytes_sent": "bytes_sent",
    "object_size": "size",
    "request_time_ms": "total_ms",
    "total_time": "total_ms",
    "turnaround_time_ms": "turn_around_ms",
    "turn_around_time": "turn_around_ms",
    "error_code": "error",
    "request_uri": "uri",
    "user_agent": "agent",
}


def test_access_lines_are_read_as_logstash_asserts(logs: Path) -> None:
    for case in json.loads((logs / "s3access/logstash/aws_spec_cases.json").read_text()):
        one = read_line(case["line"].encode())
        assert isinstance(one, Served)
        for theirs, ours in LOGSTASH.items():
            if theirs in case["expect"]:
                assert getattr(one, ours) == ("" if case["expect"][theirs] == "-" else case["expect"][theirs]), theirs
        for theirs in case["expect"].get("absent", ()):
            if theirs in LOGSTASH:
                assert getattr(one, LOGSTASH[theirs]) in (None, "")
        assert one.time.tzinfo is UTC


# Digests


def test_what_a_signature_is_over_is_what_aws_says(logs: Path) -> None:
    vectors = json.loads((logs / "digest/awscli_vectors.json").read_text())
    for vector in vectors["string_to_sign"]:
        assert string_to_sign(vector, vector["inflated"].encode()) == vector["expect"].encode()
    for vector in vectors["log_hashes"]:
        assert hashlib.sha256(vector["raw"].encode()).hexdigest() == vector["sha256"]
