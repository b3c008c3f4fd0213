"""CloudTrail's digests: what was delivered since the last one, chained and signed with this machine's own key.

As AWS does where a trail has log file validation on: for each region a chain of its own, an object under CloudTrail-Digest whose metadata hold the signature, and a
digest for a time in which nothing was delivered. They come every hour, when asked for, and when the machine stops. The key and the chains outlive a restart; the public key
lies in ``keys/<region>.json`` as ListPublicKeys answers it.
"""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import threading
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key
from ministack.services import cloudtrail, s3

HOUR = timedelta(hours=1)
KEY_YEARS = timedelta(days=3650)
ALGORITHM = "SHA256withRSA"

_lock = threading.RLock()


@dataclass
class _Chain:
    """One region of a trail: where the last digest ended, what it was, and the log files delivered since."""

    end: str = ""
    bucket: str = ""
    key: str = ""
    sha256: str = ""
    signature: str = ""
    files: list[dict[str, Any]] = field(default_factory=list)


def _place() -> Path:
    """Where key and chains are kept."""
    place = Path(os.environ.get("FIRSTCARD_DIGESTS") or Path(os.environ.get("STATE_DIR") or ".") / "digests")
    place.mkdir(parents=True, exist_ok=True)
    return place


@cache
def _chains() -> dict[str, _Chain]:
    kept = _place() / "chains.json"
    return {name: _Chain(**said) for name, said in json.loads(kept.read_text()).items()} if kept.exists() else {}


def _keep() -> None:
    new = _place() / "chains.json.new"
    new.write_text(json.dumps({name: asdict(chain) for name, chain in _chains().items()}))
    new.replace(_place() / "chains.json")


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


# ---- the key ----------------------------------------------------------------------


@cache
def _key() -> rsa.RSAPrivateKey:
    kept = _place() / "key.pem"
    if kept.exists():
        loaded = load_pem_private_key(kept.read_bytes(), None)
        if isinstance(loaded, rsa.RSAPrivateKey):
            return loaded
    made = rsa.generate_private_key(65537, 2048)
    kept.touch(0o600)
    kept.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


@cache
def _public() -> tuple[str, str]:
    """The public key in base64 (DER, PKCS #1), and its fingerprint."""
    der = _key().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return base64.b64encode(der).decode(), hashlib.md5(der, usedforsecurity=False).hexdigest()


def public_keys() -> dict[str, Any]:
    """What ListPublicKeys answers."""
    since = datetime.fromtimestamp((_place() / "key.pem").stat().st_mtime, UTC) if _key() else datetime.now(UTC)
    value, fingerprint = _public()
    validity = {"ValidityStartTime": int((since - HOUR).timestamp()), "ValidityEndTime": int((since + KEY_YEARS).timestamp())}
    return {"PublicKeyList": [{"Value": value, **validity, "Fingerprint": fingerprint}]}


def _archive(region: str) -> None:
    archive = _place() / "keys"
    archive.mkdir(exist_ok=True)
    (archive / f"{region}.json").write_text(json.dumps(public_keys(), indent=1) + "\n")


# ---- the chains -------------------------------------------------------------------


def validates(trail: dict[str, Any]) -> bool:
    """Whether the trail has log file validation on."""
    return str(trail.get("LogFileValidationEnabled")).lower() == "true"


def delivered(trail: dict[str, Any], region: str, key: str, content: bytes, times: list[str]) -> None:
    """A log file was delivered: the next digest lists it. content is the file unpacked, times are of its events."""
    if not validates(trail):
        return
    with _lock:
        chain = _chains().setdefault(f"{trail['TrailARN']} {region}", _Chain())
        chain.files.append(
            {
                "s3Bucket": trail["S3BucketName"],
                "s3Object": key,
                "hashValue": hashlib.sha256(content).hexdigest(),
                "hashAlgorithm": "SHA-256",
                "newestEventTime": max(times),
                "oldestEventTime": min(times),
            }
        )
        _keep()


def due(trail: dict[str, Any], now: datetime) -> bool:
    """Whether an hour went by since the trail's last digest."""
    ends = [chain.end for name, chain in _chains().items() if name.startswith(f"{trail['TrailARN']} ") and chain.end]
    return validates(trail) and _written(now - HOUR) >= max([_started(trail), *ends])


def waiting(trail: dict[str, Any]) -> bool:
    """Whether files were delivered that no digest lists yet, as before a trail was stopped."""
    return any(chain.files for name, chain in _chains().items() if name.startswith(f"{trail['TrailARN']} "))


def _started(trail: dict[str, Any]) -> str:
    return _written(datetime.fromtimestamp(trail.get("_StartedAt") or 0, UTC))


def write(trail: dict[str, Any], prefix: str, now: datetime) -> list[str]:
    """Sign what was delivered up to now, region by region; the `s3://bucket/key` of each digest written."""
    if not validates(trail):
        return []
    with _lock:
        arn = str(trail["TrailARN"])
        home = str(trail.get("HomeRegion") or arn.split(":")[3])
        regions = {home} | {name.rpartition(" ")[2] for name in _chains() if name.startswith(f"{arn} ")}
        written = [_write_one(trail, prefix, region, home, now) for region in sorted(regions)]
        _keep()
        return [address for address in written if address]


def _write_one(trail: dict[str, Any], prefix: str, region: str, home: str, now: datetime) -> str:
    arn, bucket, end = str(trail["TrailARN"]), str(trail["S3BucketName"]), _written(now)
    account, name = arn.split(":")[4], arn.rpartition("/")[2]
    chain = _chains().setdefault(f"{arn} {region}", _Chain())
    # A trail that was stopped in between starts a new chain, which tells of the gap.
    goes_on = bool(chain.end) and chain.end >= _started(trail)
    start = chain.end if goes_on else _started(trail)
    if end <= start:
        return ""
    key = f"{prefix}/CloudTrail-Digest/{region}/{now:%Y/%m/%d}/{account}_CloudTrail-Digest_{region}_{name}_{home}_{now:%Y%m%dT%H%M%SZ}.json.gz"
    times = [file[which] for file in chain.files for which in ("newestEventTime", "oldestEventTime")]
    raw = json.dumps(
        {
            "awsAccountId": account,
            "digestStartTime": start,
            "digestEndTime": end,
            "digestS3Bucket": bucket,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": _public()[1],
            "digestSignatureAlgorithm": ALGORITHM,
            "newestEventTime": max(times, default=None),
            "oldestEventTime": min(times, default=None),
            "previousDigestS3Bucket": chain.bucket if goes_on else None,
            "previousDigestS3Object": chain.key if goes_on else None,
            "previousDigestHashValue": chain.sha256 if goes_on else None,
            "previousDigestHashAlgorithm": "SHA-256" if goes_on else None,
            "previousDigestSignature": chain.signature if goes_on else None,
            "logFiles": chain.files,
        }
    ).encode()
    checksum = hashlib.sha256(raw).hexdigest()
    text = f"{end}\n{bucket}/{key}\n{checksum}\n{chain.signature if goes_on else 'null'}"
    signature = _key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()
    headers = {
        "content-type": "application/json",
        "content-encoding": "gzip",
        "x-amz-meta-signature": signature,
        "x-amz-meta-signature-algorithm": ALGORITHM,
    }
    s3._put_object(bucket, key, gzip.compress(raw), headers)
    _chains()[f"{arn} {region}"] = _Chain(end, bucket, key, checksum, signature)
    _archive(region)
    return f"s3://{bucket}/{key}"


def install() -> None:
    """Put this file's patches in place: the emulator does not know ListPublicKeys."""
    cloudtrail._DISPATCH["ListPublicKeys"] = lambda request: cloudtrail._ok(public_keys())
