"""Reading CloudTrail files into accesses, against DuckDB's scan of the same files in the same run, with the peak memory of each.

python bench/evidence.py [--million N] [--keep FOLDER]

Each side runs in a process of its own; the files are made once. The scan asks the fields that a review asks first, in the fastest of six ways that
were tried (read_json with columns, the obvious one, takes six times as long); it checks no id twice, no name twice, and names no broken record. Both have all cores; memory is
that of the largest process, of which the product has one more than cores.
"""

import argparse
import gzip
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "layers" / "firstcard" / "python"), str(ROOT)]

from firstcard.evidence import Access, fold_trail

RECORDS_A_FILE = 2_000
ACCOUNT, REGION = "111122223333", "us-west-2"
SCAN = """
select count(*), count(distinct (r->>'$.eventSource') || (r->>'$.eventName')), min(r->>'$.eventTime'), max(r->>'$.eventTime'), count(r->>'$.errorCode'),
count(distinct r->>'$.userIdentity.sessionContext.sessionIssuer.arn'), count(distinct r->>'$.requestParameters.encryptionContext.purpose')
from (select unnest(json_extract(json, '$.Records[*]')) as r from read_json_objects(?, format='unstructured', maximum_object_size=16777216))
"""
VERBS = ("plan", "issue", "finish", "sync", "notify", "officer")


def a_record(rng: random.Random, at: datetime) -> dict[str, object]:
    """One of the calls that a running programme makes, in the proportions of a night."""
    verb = rng.choice(VERBS)
    service, name, read_only, data, request, resource_ = rng.choices(
        [
            (
                "kms",
                "Decrypt",
                True,
                False,
                {
                    "encryptionContext": {
                        "agreement": "lib.duval",
                        "object": f"{rng.getrandbits(64):x}",
                        "group": "identity",
                        "purpose": "sync_ils",
                    }
                },
                ("AWS::KMS::Key", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/vault"),
            ),
            (
                "s3",
                "GetObject",
                True,
                True,
                {"bucketName": "vault", "key": f"runs/{rng.getrandbits(64):x}"},
                ("AWS::S3::Object", "arn:aws:s3:::vault/runs/x"),
            ),
            (
                "dynamodb",
                "UpdateItem",
                False,
                True,
                {"tableName": "cards", "key": {"pk": {"S": f"{rng.getrandbits(128):x}"}}},
                ("AWS::DynamoDB::Table", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/cards"),
            ),
            ("sts", "AssumeRole", True, False, {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/firstcard-{verb}"}, ("AWS::IAM::Role", "arn")),
        ],
        weights=(4, 3, 5, 1),
    )[0]
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLE{verb}:run",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/firstcard-{verb}/run",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLE",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/firstcard-{verb}",
                    "accountId": ACCOUNT,
                    "userName": f"firstcard-{verb}",
                },
                "attributes": {"creationDate": "2026-11-22T07:00:00Z", "mfaAuthenticated": "false"},
            },
        },
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "192.0.2.7",
        "userAgent": "Boto3/1.43 md/Botocore#1.43 ua/2.1 os/linux#6.1 md/arch#aarch64 lang/python#3.13 cfg/retry-mode#standard",
        "requestParameters": request,
        "responseElements": None,
        "additionalEventData": {"bytesTransferredIn": 0, "bytesTransferredOut": 4096},
        "requestID": str(uuid.UUID(int=rng.getrandbits(128))),
        "eventID": str(uuid.UUID(int=rng.getrandbits(128))),
        "readOnly": read_only,
        "resources": [{"type": resource_[0], "ARN": resource_[1], "accountId": ACCOUNT}],
        "eventType": "AwsApiCall",
        "managementEvent": not data,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Data" if data else "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{service}.{REGION}.amazonaws.com",
        },
        **({"errorCode": "AccessDenied", "errorMessage": "User is not authorized"} if rng.random() < 0.01 else {}),
    }


def make(folder: Path, records: int) -> int:
    """Write the files; the bytes of their content."""
    rng, at, size = random.Random(7), datetime(2026, 11, 22, 7, tzinfo=UTC), 0
    for start in range(0, records, RECORDS_A_FILE):
        at += timedelta(seconds=20)
        content = json.dumps(
            {"Records": [a_record(rng, at) for _ in range(min(RECORDS_A_FILE, records - start))]}, separators=(",", ":")
        ).encode()
        size += len(content)
        (folder / f"{ACCOUNT}_CloudTrail_{REGION}_{start:010}.json.gz").write_bytes(gzip.compress(content, 6))
    return size


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    return ((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))


def count(accesses: Iterator[Access]) -> Counter[tuple[str, ...]]:
    """Who did what, for which purpose, and whether it was refused."""
    return Counter((access.who.issuer, access.source, access.name, access.context.get("purpose", ""), access.error) for access in accesses)


def read(folder: Path) -> int:
    """The product: every record read, typed and counted, by as many processes as there are cores."""
    folded = fold_trail(files(folder), count, processes=os.cpu_count() or 1)
    total: Counter[tuple[str, ...]] = sum(folded.parts, Counter())
    assert not folded.reading.unreadable, folded.reading.unreadable[:3]
    return total.total()


def scan(folder: Path) -> int:
    """DuckDB over the same files, on all cores."""
    import duckdb

    [row] = duckdb.connect().execute(SCAN, [str(folder / "*.gz")]).fetchall()
    return int(row[0])


def peak() -> float:
    """Gigabytes of the largest process: this one or one that it started."""
    return max(resource.getrusage(whose).ru_maxrss for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1e6


def measured(side: str, folder: Path) -> tuple[float, float, int, float]:
    """Seconds, peak GB, records and seconds of all cores together, of one side in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(
        [sys.executable, __file__, "--side", side, "--keep", str(folder)], check=True, capture_output=True, text=True
    ).stdout
    said = json.loads(out)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return said["seconds"], said["gigabytes"], said["records"], busy


def main() -> None:
    """Print both sides and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", type=float, default=1.0, help="million records")
    parser.add_argument("--keep", type=Path, help="where the files are kept, or lie already")
    parser.add_argument("--side", choices=("read", "scan"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        begun = time.perf_counter()
        records = {"read": read, "scan": scan}[given.side](given.keep)
        seconds = time.perf_counter() - begun
        print(json.dumps({"seconds": seconds, "gigabytes": peak(), "records": records}))
        return
    with tempfile.TemporaryDirectory() as passing:
        folder = given.keep or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            size = make(folder, int(given.million * 1_000_000))
            print(f"{size / 1e9:.2f} GB of records", end="; ")
        packed = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{packed / 1e9:.3f} GB packed in {len(list(folder.iterdir())):,} files")
        pairs = [(measured("read", folder), measured("scan", folder)) for _ in range(3 if given.million <= 1 else 1)]
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores; {len(pairs)} runs")
    for (seconds, memory, records, busy), (scanned, of_scan, also, busy_scan) in pairs:
        assert records == also
        print(
            f"reading {records:,} records: {seconds:.1f} s ({seconds / records * 1e6:.1f} us each), {memory:.2f} GB; "
            f"DuckDB's scan: {scanned:.1f} s, {of_scan:.2f} GB; ratio {seconds / scanned:.2f}; "
            f"of the cores' time {busy:.1f} s and {busy_scan:.1f} s, ratio {busy / busy_scan:.2f}"
        )


if __name__ == "__main__":
    main()
