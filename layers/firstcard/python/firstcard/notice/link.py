"""The links of a family's e-mails: signed tokens that name a household, and nobody in it.

A token is base64url, without padding, of ``version (1 byte) · household (16 bytes) · [time (4 bytes)] · language, 0, sharing · MAC (16 bytes)``.
The MAC is HMAC-SHA-256 cut to 128 bits (RFC 2104 §5 allows half the hash's length), over a label that no other use of the key has: a link of one kind is
none of the other. Opening a link changes nothing: mail scanners open every link before a person does.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

_VERSION = b"\x01"
_REFUSAL = b"firstcard refusal link 1\0"
_YES = b"firstcard yes link 1\0"
_PIN = b"firstcard PIN link 1\0"
_MAC_BYTES = 16
_HOUSEHOLD_BYTES = 16
_TIME_BYTES = 4
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


@dataclass(frozen=True, slots=True)
class PinLink(Link):
    """The same of a link to the page that shows a PIN, and when it was made (seconds since 1970): it works for the agreement's days only."""

    made: int

    def is_over(self, at: float, *, days: int) -> bool:
        """Whether the link no longer works at a time, in seconds since 1970."""
        return at >= self.made + days * 86_400


def make_link(key: bytes, *, sharing: str, household: str, language: str, base_url: str) -> str:
    """The address of the household's page for a no: ``base_url`` followed by a token of about 65 characters.

    ``household`` is 32 hex characters, ``sharing`` is ``<library>.<district>``, ``language`` a BCP 47 tag or empty, ``key`` at least 32 bytes.
    Raises ValueError, without the value, for anything else.
    """
    return _address(key, _REFUSAL, b"", sharing=sharing, household=household, language=language, base_url=base_url)


def make_yes_link(key: bytes, *, sharing: str, household: str, language: str, base_url: str) -> str:
    """The address of the household's page for a yes; as ``make_link``."""
    return _address(key, _YES, b"", sharing=sharing, household=household, language=language, base_url=base_url)


def make_pin_link(key: bytes, *, sharing: str, household: str, language: str, base_url: str, made: float) -> str:
    """The address of the page that shows the household a PIN; as ``make_link``, and ``made`` is the time of the e-mail in seconds since 1970."""
    time = int(made).to_bytes(_TIME_BYTES, "big")
    return _address(key, _PIN, time, sharing=sharing, household=household, language=language, base_url=base_url)


def read_link(key: bytes, token: str) -> Link | None:
    """What the token says, or None unless this very token was made with this very key for a no; never raises for any text."""
    read = _read(key, _REFUSAL, 0, token)
    return Link(read[0], read[1], read[2]) if read else None


def read_yes_link(key: bytes, token: str) -> Link | None:
    """What the token says, or None unless this very token was made with this very key for a yes; never raises for any text."""
    read = _read(key, _YES, 0, token)
    return Link(read[0], read[1], read[2]) if read else None


def read_pin_link(key: bytes, token: str) -> PinLink | None:
    """What the token says, or None unless this very token was made with this very key for a PIN; never raises for any text."""
    read = _read(key, _PIN, _TIME_BYTES, token)
    return PinLink(read[0], read[1], read[2], int.from_bytes(read[3], "big")) if read else None


AnyLink = TypeVar("AnyLink", bound=Link)


def link_of_one(
    libraries: Iterable[str], token: str, *, key_of: Callable[[str], bytes], read: Callable[[bytes, str], AnyLink | None]
) -> AnyLink | None:
    """The link that one of the libraries (their ids) signed for itself, read as links of one kind are; ``key_of`` gives a library's link key."""
    for library in libraries:
        link = read(key_of(library), token)
        if link and link.sharing.partition(".")[0] == library:
            return link
    return None


def _address(key: bytes, label: bytes, time: bytes, *, sharing: str, household: str, language: str, base_url: str) -> str:
    for name, value, pattern in (("household", household, _HOUSEHOLD), ("sharing", sharing, _SHARING), ("language", language, _LANGUAGE)):
        if not pattern.fullmatch(value):
            raise ValueError(f"{name} does not have the form that a link can carry")
    if not base_url.startswith(("https://", "http://")):
        raise ValueError("base_url must begin with https:// (or http:// on one machine)")
    body = _VERSION + bytes.fromhex(household) + time + language.encode() + b"\0" + sharing.encode()
    return f"{base_url.rstrip('/')}/{_encoded(body + _mac(key, label, body))}"


def _read(key: bytes, label: bytes, time_bytes: int, token: str) -> tuple[str, str, str, bytes] | None:
    """(sharing, household, language, time) of a token that was made with this key under this label."""
    if len(token) > _LONGEST_TOKEN or not token.isascii():
        return None
    try:
        signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    head = len(_VERSION) + _HOUSEHOLD_BYTES + time_bytes
    if len(signed) <= head + _MAC_BYTES:
        return None
    body, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
    genuine = hmac.compare_digest(mac, _mac(key, label, body))
    written_as_made = hmac.compare_digest(token, _encoded(signed))  # base64 has several spellings of the same bytes
    if not (genuine and written_as_made) or body[:1] != _VERSION:
        return None
    household, time = body[1 : 1 + _HOUSEHOLD_BYTES], body[1 + _HOUSEHOLD_BYTES : head]
    language, _, sharing = body[head:].partition(b"\0")
    return sharing.decode(), household.hex(), language.decode(), time


def _mac(key: bytes, label: bytes, body: bytes) -> bytes:
    if len(key) < _SHORTEST_KEY_BYTES:
        raise ValueError(f"the key of links must have at least {_SHORTEST_KEY_BYTES} bytes")
    return hmac.digest(key, label + body, hashlib.sha256)[:_MAC_BYTES]


def _encoded(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()
