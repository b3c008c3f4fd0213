"""CloudTrail's public keys, as ListPublicKeys answers them and as an archive keeps them.

Each region has its own keys. A fingerprint is the MD5 of the key's DER, undocumented but so for every published key: an archive can be checked against itself. That proves
that nobody swapped a key by accident, not who made it: an archive is as good as the person who fetched it from AWS, and a second holder's copy is better.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from firstcard.evidence.opening import FaultError, parse

VALIDITY_GRACE = timedelta(hours=2)
"""Digests are written up to so long after the hour that they close (aws-cli asks for the keys of the end and two hours more)."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One public key: since and until bound its use, damaged tells that its fingerprint is not its own."""

    fingerprint: str
    key: rsa.RSAPublicKey | None
    since: datetime
    until: datetime
    damaged: bool

    def good_at(self, moment: datetime) -> bool:
        """Whether the key was in use then."""
        return self.since - VALIDITY_GRACE <= moment <= self.until + VALIDITY_GRACE

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Whether the signature over the text is this key's: RSASSA-PKCS1-v1_5 with SHA-256."""
        if self.key is None:
            return False
        try:
            self.key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


Keys = Mapping[tuple[str, str], SigningKey]
"""Keys by region and fingerprint."""


def read_keys(answers: Mapping[str, bytes]) -> Keys:
    """Keys out of ListPublicKeys' answers, one a region. An answer that cannot be read gives none: its digests then miss their key."""
    found: dict[tuple[str, str], SigningKey] = {}
    for region, answer in answers.items():
        try:
            said = parse(str(answer, "utf-8"))
            for one in said["PublicKeyList"] if isinstance(said, dict) else ():
                key = _key(one)
                found[region, key.fingerprint] = key
        except (FaultError, UnicodeDecodeError, KeyError, TypeError, ValueError, OverflowError):
            continue
    return found


def _key(said: Mapping[str, Any]) -> SigningKey:
    der = base64.b64decode(said["Value"], validate=True)
    fingerprint = str(said["Fingerprint"]).lower()
    try:
        loaded = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm, binascii.Error):
        loaded = None
    key = loaded if isinstance(loaded, rsa.RSAPublicKey) else None
    damaged = key is None or fingerprint not in _fingerprints(der, key)
    return SigningKey(fingerprint, key, _moment(said["ValidityStartTime"]), _moment(said["ValidityEndTime"]), damaged)


def _fingerprints(der: bytes, key: rsa.RSAPublicKey) -> set[str]:
    """Of the key as it came, and in PKCS #1, which is what AWS publishes."""
    return {_md5(der), fingerprint_of(key)}


def fingerprint_of(key: rsa.RSAPublicKey) -> str:
    """The fingerprint that CloudTrail would give a key."""
    return _md5(key.public_bytes(Encoding.DER, PublicFormat.PKCS1))


def _md5(der: bytes) -> str:
    return hashlib.md5(der, usedforsecurity=False).hexdigest()


def _moment(value: object) -> datetime:
    """A time as the API (seconds) or the CLI (ISO 8601) writes it."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
