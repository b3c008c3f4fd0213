"""Makes a log bucket as CloudTrail leaves it: records, log files, and a chain of signed digests with the key that signed them."""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firstcard.evidence import Hours, Keys, Stored, Watched, read_keys, verify_digests

ACCOUNT, REGION, NAME, BUCKET = "111122223333", "us-west-2", "firstcard", "logs"
TRAIL = Watched(ACCOUNT, NAME, REGION)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/firstcard-sync"


def a_record(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A KMS Decrypt under a role; a change to None takes the field away."""
    record = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/firstcard-sync/run-7",
            "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE}, "sourceIdentity": "ada"},
            "invokedBy": "lambda.amazonaws.com",
        },
        "eventTime": "2026-11-20T12:00:01Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "Decrypt",
        "awsRegion": REGION,
        "sourceIPAddress": "lambda.amazonaws.com",
        "requestParameters": {
            "encryptionContext": {"agreement": "lib.duval", "purpose": "sync_ils"},
            "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
        },
        "responseElements": None,
        "eventID": f"00000000-0000-4000-8000-{number:012}",
        "readOnly": True,
        "resources": [{"ARN": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/vault", "accountId": ACCOUNT, "type": "AWS::KMS::Key"}],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3"},
    } | changes
    return {name: value for name, value in record.items() if value is not None or name == "responseElements"}


def a_file(*records: Any) -> bytes:
    return gzip.compress(json.dumps({"Records": list(records)}).encode(), mtime=0)


@cache
def a_key(number: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key, made once a run."""
    return rsa.generate_private_key(65537, 2048)


def the_answer(*keys: rsa.RSAPrivateKey, form: PublicFormat = PublicFormat.PKCS1, until: datetime = NOON + 30 * 24 * HOUR) -> bytes:
    """What ListPublicKeys would answer."""
    listed = []
    for key in keys:
        der = key.public_key().public_bytes(Encoding.DER, form)
        listed.append(
            {
                "Value": base64.b64encode(der).decode(),
                "ValidityStartTime": (NOON - 30 * 24 * HOUR).isoformat(),
                "ValidityEndTime": until.isoformat(),
                "Fingerprint": fingerprint(key),
            }
        )
    return json.dumps({"PublicKeyList": listed}).encode()


def fingerprint(key: rsa.RSAPrivateKey) -> str:
    return hashlib.md5(key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1), usedforsecurity=False).hexdigest()


@dataclass
class LogBucket:
    """A bucket in memory, with the trail that writes into it."""

    objects: dict[tuple[str, str], Stored] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = field(default_factory=a_key)
    region: str = REGION
    last: tuple[str, Mapping[str, Any], bytes, str] | None = None
    last_backfill: tuple[str, Mapping[str, Any], bytes, str] | None = None

    def names(self) -> Iterator[tuple[str, str]]:
        return iter(list(self.objects))

    def read(self, bucket: str, key: str) -> Stored | None:
        return self.objects.get((bucket, key))

    def put(self, key: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        self.objects[BUCKET, key] = Stored(data, metadata or {})
        return key

    def change(self, key: str, data: bytes) -> None:
        self.objects[BUCKET, key] = Stored(data, self.objects[BUCKET, key].metadata)

    def log(self, at: datetime, *records: Any, unique: str = "AAAABBBBCCCCDDDD") -> str:
        """Deliver a log file."""
        name = f"AWSLogs/{ACCOUNT}/CloudTrail/{self.region}/{at:%Y/%m/%d}/{ACCOUNT}_CloudTrail_{self.region}_{at:%Y%m%dT%H%M}Z_{unique}.json.gz"
        return self.put(name, a_file(*records))

    def digest(
        self,
        end: datetime,
        logs: Sequence[str] = (),
        *,
        start: datetime | None = None,
        backfill: bool = False,
        key: rsa.RSAPrivateKey | None = None,
        trail: str = NAME,
        chained: bool = True,
        **changes: Any,
    ) -> str:
        """Deliver a digest of the hour before end, chained to the one before."""
        signer = key or self.key
        before = (self.last_backfill if backfill else self.last) if chained else None
        place = (
            f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{self.region}/{end:%Y/%m/%d}/"
            f"{ACCOUNT}_CloudTrail-Digest_{self.region}_{trail}_{REGION}_{end:%Y%m%dT%H%M%SZ}{'_backfill' if backfill else ''}.json.gz"
        )
        said: dict[str, Any] = {
            "awsAccountId": ACCOUNT,
            "digestStartTime": f"{start or end - HOUR:%Y-%m-%dT%H:%M:%SZ}",
            "digestEndTime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "digestS3Bucket": BUCKET,
            "digestS3Object": place,
            "digestPublicKeyFingerprint": fingerprint(signer),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": None,
            "oldestEventTime": None,
            "previousDigestS3Bucket": BUCKET if before else None,
            "previousDigestS3Object": before[0] if before else None,
            "previousDigestHashValue": hashlib.sha256(before[2]).hexdigest() if before else None,
            "previousDigestHashAlgorithm": "SHA-256" if before else None,
            "previousDigestSignature": before[3] if before else None,
            "logFiles": [
                {
                    "s3Bucket": BUCKET,
                    "s3Object": name,
                    "hashValue": hashlib.sha256(gzip.decompress(self.objects[BUCKET, name].data)).hexdigest(),
                    "hashAlgorithm": "SHA-256",
                }
                for name in logs
            ],
        } | changes
        raw = json.dumps(said).encode()
        text = "\n".join(
            (said["digestEndTime"], f"{BUCKET}/{place}", hashlib.sha256(raw).hexdigest(), said["previousDigestSignature"] or "null")
        )
        signature = signer.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()
        metadata = {"signature": signature, "signature-algorithm": "SHA256withRSA"}
        if backfill:
            metadata["backfill-generation-timestamp"] = f"{end + HOUR:%Y-%m-%dT%H:%M:%SZ}"
            self.last_backfill = (place, said, raw, signature)
        else:
            self.last = (place, said, raw, signature)
        return self.put(place, gzip.compress(raw, mtime=0), metadata)

    def keys(self) -> Keys:
        return read_keys({self.region: the_answer(self.key)})

    def verified(self, *, hours: int = 4, keys: Keys | None = None, **more: Any) -> Hours:
        """The hours from noon on."""
        return verify_digests(self, self.keys() if keys is None else keys, NOON, NOON + hours * HOUR, trail=TRAIL, **more)


def a_log_bucket(hours: int = 7, **more: Any) -> LogBucket:
    """An untouched bucket: digests from eleven o'clock on, a log file every hour but the third."""
    bucket = LogBucket(**more)
    for number in range(hours):
        end = NOON + number * HOUR
        logs = [bucket.log(end - 20 * timedelta(minutes=1), a_record(number))] if number != 3 else []
        bucket.digest(end, logs)
    return bucket


def digests_of(bucket: LogBucket) -> list[str]:
    return sorted(key for _, key in bucket.objects if "CloudTrail-Digest" in key)


def logs_of(bucket: LogBucket) -> list[str]:
    return sorted(key for _, key in bucket.objects if "/CloudTrail/" in key)
