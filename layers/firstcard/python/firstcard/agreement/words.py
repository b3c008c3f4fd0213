"""The kinds of value that people write into agreements and libraries, each with the sentence that says what to write instead."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Clause(BaseModel):
    """A block of an agreement or library: strict types, unknown keys refused, frozen."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


def _matching(pattern: str, advice: str) -> AfterValidator:
    expression = re.compile(pattern)

    def check(text: str) -> str:
        if expression.fullmatch(text) is None:
            raise ValueError(advice)
        return text

    return AfterValidator(check)


def _checked(test: Callable[[str], object], advice: str) -> AfterValidator:
    """A word that ``test`` reads without ValueError."""

    def check(text: str) -> str:
        try:
            test(text)
        except ValueError:
            raise ValueError(advice) from None
        return text

    return AfterValidator(check)


def _month_day(text: str) -> date:
    if re.fullmatch(r"\d\d-\d\d", text) is None or text == "02-29":
        raise ValueError(text)
    return date.fromisoformat(f"2000-{text}")


def _network(text: str) -> object:
    return ipaddress.ip_network(text)


def _time_zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (KeyError, OSError) as error:
        raise ValueError("not in the tz database") from error


PUBLIC_PACKET_OCTETS = (0x98, 0x99, 0x9A, 0xC6)
"""First octets of an OpenPGP public-key packet, tag 6, in both header forms (RFC 9580 §4.2)."""


def _openpgp_public_key(text: str) -> None:
    begin, end = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"
    lines = [line.strip() for line in text.strip().splitlines()]
    if lines[0] != begin or lines[-1] != end or lines.count(begin) != 1:
        raise ValueError("not one armoured public key")
    body = lines[lines.index("") + 1 : -1] if "" in lines else lines[1:-1]
    octets = base64.b64decode("".join(line for line in body if not line.startswith("=")), validate=True)
    if not octets or octets[0] not in PUBLIC_PACKET_OCTETS:
        raise ValueError("not a public-key packet")


SSH_KEY_KINDS = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


def _ssh_public_key(text: str) -> None:
    kind, _, rest = text.partition(" ")
    octets = base64.b64decode(rest.partition(" ")[0], validate=True)
    length = int.from_bytes(octets[:4], "big")
    if kind not in SSH_KEY_KINDS or octets[4 : 4 + length] != kind.encode() or len(octets) <= 4 + length:
        raise ValueError("not one public key line of a known kind")


def _base64_errors_as_values(test: Callable[[str], None]) -> Callable[[str], None]:
    def check(text: str) -> None:
        try:
            test(text)
        except (binascii.Error, IndexError) as error:
            raise ValueError("unreadable") from error

    return check


Text = Annotated[
    str,
    Field(min_length=1, max_length=2000),
    _matching(
        r"(?=.*\S)[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+",
        "write one line of text without control characters",
    ),
]
Slug = Annotated[
    str,
    _matching(r"[a-z][a-z0-9-]{1,30}", "write a short name of small letters, digits and hyphens that begins with a letter, such as duval"),
]
Name = Annotated[str, _matching(r"[a-z][a-z0-9_]{0,40}", "write a name of small letters, digits and underscores, such as home_language")]
Word = Annotated[str, _matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}", "write letters, digits, dots, hyphens and underscores without spaces")]
Code = Annotated[
    str, _matching(r"[A-Za-z0-9_-]{1,10}", "write a code of at most 10 letters, digits, hyphens and underscores, as the ILS has it")
]
Email = Annotated[
    str,
    _matching(
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+",
        "write one e-mail address, such as cards@library.example.org",
    ),
]
Phone = Annotated[str, _matching(r"[+0-9][0-9 ().x-]{5,30}", 'write a telephone number in quotes, such as "+1 904 555 0100"')]
Url = Annotated[str, _matching(r"https://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[!-~]*)?", "write a whole address that begins with https://")]
Digits = Annotated[str, _matching(r"[0-9]{0,12}", 'write at most 12 digits, in quotes, such as "904"')]
SomeDigits = Annotated[str, _matching(r"[0-9]{1,12}", 'write 1 to 12 digits, in quotes, such as "904"')]
State = Annotated[str, _matching(r"[A-Z]{2}", "write the postal code of the state in two capital letters, such as FL")]
StateTerm = Annotated[
    str,
    _matching(
        r"[A-Z]{2}-[A-Za-z0-9.-]+", "write the state's two letters, a hyphen and the section or short name of the law, such as CA-49073.1"
    ),
]
Sha256 = Annotated[str, _matching(r"[0-9a-f]{64}", "write the SHA-256 as 64 characters 0-9 and a-f, as sha256sum prints it")]
Colour = Annotated[str, _matching(r"#[0-9a-fA-F]{6}", 'write the colour as six hexadecimal digits in quotes, such as "#005a9c"')]
FidesUse = Annotated[str, _matching(r"[a-z_]+(?:\.[a-z_]+)*", "write a fideslang word, such as essential.service or user.name.first")]
AttributeCode = Annotated[
    str,
    _matching(
        r"[A-Z][A-Z0-9_]{0,9}", "write at most 10 capital letters, digits and underscores, as Koha's patron attribute types are named"
    ),
]
MonthDay = Annotated[str, _checked(_month_day, 'write month and day in quotes, such as "09-15" (29 February is not a yearly date)')]
TimeZone = Annotated[str, _checked(_time_zone, "write a name of the tz database, such as America/New_York")]
Cidr = Annotated[str, _checked(_network, 'write an address block with its length, such as "198.51.100.0/24"')]
PrincipalArn = Annotated[
    str,
    _matching(
        r"arn:aws[a-z-]*:iam::\d{12}:(?:role|user)/[\w+=,.@/-]+",
        "write the ARN of one IAM role or user, such as arn:aws:iam::111122223333:role/roster-export",
    ),
]
OpenpgpPublicKey = Annotated[
    str,
    _checked(
        _base64_errors_as_values(_openpgp_public_key),
        "paste one armoured OpenPGP public key (gpg --armor --export ADDRESS) under '- |', never a private key",
    ),
]
SshPublicKey = Annotated[
    str,
    _checked(
        _base64_errors_as_values(_ssh_public_key),
        "paste one line of a public SSH key file, such as 'ssh-ed25519 AAAA… comment', never a private key",
    ),
]
