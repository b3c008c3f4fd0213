"""The link by which a family says no: a signed token that names a household, and nobody in it.

A token is base64url, without padding, of ``version (1 byte) · household (16 bytes) · language, 0, sharing · MAC (16 bytes)``.
The MAC is HMAC-SHA-256 cut to 128 bits (RFC 2104 §5 allows half the hash's length), over a label that no other use of the key has.
Opening a link changes nothing: mail scanners open every link before a person does.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

_VERSION = b"\x01"
_LABEL = b"firstcard refusal link 1\0"
_MAC_BYTES = 16
_HOUSEHOLD_BYTES = 16
_SHORTEST_KEY_BYTES = 32
_LONGEST_TOKEN = 256

_HOUSEHOLD = re.compile(r"[0-9a-f]{32}")
_SHARING = re.compile(r"[a-z][a-z0-9-]{1,30}\.[a-z][a-z0-9-]{1,30}")
_LANGUAGE = re.compile(r"(?:[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3})?")


@dataclass(frozen=True, slots=True)
class Link:
    """What a genuine token says: whose household, under which data-sharing id, and in which language to answer."""

    sharing: str
    household: str
    language: str


def make_link(key: bytes, *, sharing: str, household: str, language: str, base_url: str) -> str:
    """The address of the household's page: ``base_url`` followed by a token of about 65 characters.

    ``household`` is 32 hex characters, ``sharing`` is ``<library>.<district>``, ``language`` a BCP 47 tag or empty, ``key`` at least 32 bytes.
    Raises ValueError, without the value, for anything else.
    """
    for name, value, pattern in (("household", household, _HOUSEHOLD), ("sharing", sharing, _SHARING), ("language", language, _LANGUAGE)):
        if not pattern.fullmatch(value):
            raise ValueError(f"{name} does not have the form that a link can carry")
    if not base_url.startswith(("https://", "http://")):
        raise ValueError("base_url must begin with https:// (or http:// on one machine)")
    body = _VERSION + bytes.fromhex(household) + language.encode() + b"\0" + sharing.encode()
    return f"{base_url.rstrip('/')}/{_encoded(body + _mac(key, body))}"


def read_link(key: bytes, token: str) -> Link | None:
    """What the token says, or None unless this very token was made with this very key; never raises for any text."""
    if len(token) > _LONGEST_TOKEN or not token.isascii():
        return None
    try:
        signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    if len(signed) <= len(_VERSION) + _HOUSEHOLD_BYTES + _MAC_BYTES:
        return None
    body, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
    genuine = hmac.compare_digest(mac, _mac(key, body))
    written_as_made = hmac.compare_digest(token, _encoded(signed))  # base64 has several spellings of the same bytes
    if not (genuine and written_as_made) or body[:1] != _VERSION:
        return None
    household, rest = body[1 : 1 + _HOUSEHOLD_BYTES], body[1 + _HOUSEHOLD_BYTES :]
    language, _, sharing = rest.partition(b"\0")
    return Link(sharing=sharing.decode(), household=household.hex(), language=language.decode())


def _mac(key: bytes, body: bytes) -> bytes:
    if len(key) < _SHORTEST_KEY_BYTES:
        raise ValueError(f"the key of links must have at least {_SHORTEST_KEY_BYTES} bytes")
    return hmac.digest(key, _LABEL + body, hashlib.sha256)[:_MAC_BYTES]


def _encoded(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()
