"""What a delivery is wrapped in, told from its first bytes, and whether the wrapping is whole (RFC 9580 §4.2 and §6; the age file format v1).

Nothing is decrypted here. A file's name is never asked.
"""

import binascii
import re
from dataclasses import dataclass
from enum import StrEnum

from firstcard.roster.reasons import Reason


class Wrapping(StrEnum):
    """How a file is wrapped."""

    ENCRYPTED = "openpgp"
    SIGNED_ONLY = "openpgp, not encrypted"
    AGE = "age"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A recognised file: its wrapping and the message without its armour; empty for what is not wrapped, and for clear-signed text."""

    wrapping: Wrapping
    message: bytes


_PKESK, _SIGNATURE, _SKESK, _ONE_PASS, _COMPRESSED, _NO_INTEGRITY, _MARKER, _LITERAL, _SEIPD = 1, 2, 3, 4, 8, 9, 10, 11, 18
_FIRST_BYTES: dict[int, frozenset[int]] = {
    _PKESK: frozenset((2, 3, 6)),
    _SIGNATURE: frozenset((3, 4, 5, 6)),
    _SKESK: frozenset((4, 5, 6)),
    _ONE_PASS: frozenset((3, 6)),
    _COMPRESSED: frozenset((0, 1, 2, 3)),
    _SEIPD: frozenset((1, 2)),
}
"""The packets a message begins with, and the values of the first byte of their body: text in an old code page can look like a packet's tag."""

_SMALLEST_PART = 512
"""The least that a part of a packet may hold (RFC 9580 §4.2.1.4 says so of the first); smaller ones would only make us count."""

_BOM = b"\xef\xbb\xbf"
_ARMOUR = re.compile(rb"-----BEGIN PGP (MESSAGE|SIGNED MESSAGE)-----[ \t]*\r?\n")
_ARMOUR_END = re.compile(rb"-----END PGP MESSAGE-----[ \t]*\r?(?:\n|\Z)")
_HEADERS = re.compile(rb"(?:[^\r\n]+\r?\n)*?[ \t]*\r?\n")
_CHECKSUM = re.compile(rb"\n=[A-Za-z0-9+/]{4}[ \t]*\r?\n?\Z")

_AGE_FORMAT = b"age-encryption.org/"
_AGE_VERSION = b"age-encryption.org/v1\n"
_AGE_ARMOUR = re.compile(rb"-----BEGIN AGE ENCRYPTED FILE-----[ \t]*\r?\n")
_AGE_ARMOUR_END = re.compile(rb"-----END AGE ENCRYPTED FILE-----[ \t]*\r?(?:\n|\Z)")
_AGE_MAC = re.compile(rb"\n--- [A-Za-z0-9+/]{43}\n")
_AGE_LARGEST_HEADER = 1 << 14
"""About 150 recipients; the library reads a header in time that grows with the square of its length."""
_AGE_LEAST_PAYLOAD = 16 + 16
"""The nonce, and the tag of a last chunk that holds nothing."""


def unwrapped(data: bytes) -> Wrapped | Reason:
    """What ``data`` is wrapped in, or the reason why its armour or framing cannot be that of one whole message."""
    if data.startswith(_AGE_FORMAT):
        return _age(data)
    head = data[:4096]
    text = head.removeprefix(_BOM).lstrip()
    if begin := _AGE_ARMOUR.match(text):
        return _armoured_age(data, len(head) - len(text) + begin.end())
    if begin := _ARMOUR.match(text):
        if begin.group(1) == b"SIGNED MESSAGE":
            return Wrapped(Wrapping.SIGNED_ONLY, b"")
        message = _without_armour(data, len(head) - len(text) + begin.end())
        return message if isinstance(message, Reason) else _framed(message)
    if _begins_message(data):
        return _framed(data)
    return Wrapped(Wrapping.NONE, b"")


def _without_armour(data: bytes, start: int) -> bytes | Reason:
    """The bytes inside the armour; its checksum is not looked at, because the encryption's own is the one that counts."""
    headers = _HEADERS.match(data, start, start + 4096)
    if headers is None:
        return Reason.PGP_TRUNCATED
    end = _ARMOUR_END.search(data, headers.end())
    if end is None:
        return Reason.PGP_TRUNCATED
    if data[end.end() :].strip():
        return Reason.PGP_SEVERAL_MESSAGES
    body = data[headers.end() : end.start()]
    checksum = _CHECKSUM.search(body, max(0, len(body) - 16))
    body = body[: checksum.start()] if checksum else body
    try:
        return binascii.a2b_base64(body.translate(None, b"\r\n\t "), strict_mode=True)
    except binascii.Error:
        return Reason.PGP_TAMPERED


def _armoured_age(data: bytes, start: int) -> Wrapped | Reason:
    """The age file inside its armour, which has neither headers nor a checksum."""
    end = _AGE_ARMOUR_END.search(data, start)
    if end is None:
        return Reason.AGE_TRUNCATED
    if data[end.end() :].strip():
        return Reason.AGE_TAMPERED
    try:
        return _age(binascii.a2b_base64(data[start : end.start()].translate(None, b"\r\n"), strict_mode=True))
    except binascii.Error:
        return Reason.AGE_TAMPERED


def _age(message: bytes) -> Wrapped | Reason:
    """Look at the header of an age file: its version, its recipients and its end; what follows is for the decryption to judge."""
    if not message.startswith(_AGE_VERSION):
        return Reason.AGE_TRUNCATED if _AGE_VERSION.startswith(message) else Reason.AGE_TAMPERED
    mac = _AGE_MAC.search(message, 0, _AGE_LARGEST_HEADER)
    if mac is None:
        return Reason.AGE_TRUNCATED if len(message) < _AGE_LARGEST_HEADER else Reason.AGE_TAMPERED
    if b"\n-> scrypt " in message[: mac.start()]:
        return Reason.AGE_SCRYPT
    return Wrapped(Wrapping.AGE, message) if len(message) - mac.end() >= _AGE_LEAST_PAYLOAD else Reason.AGE_TRUNCATED


def _begins_message(data: bytes) -> bool:
    packet = _packet(data, 0)
    return packet is not None and packet.first_byte in _FIRST_BYTES.get(packet.tag, ())


def _framed(message: bytes) -> Wrapped | Reason:
    """Walk the outer packets: session keys, then one encrypted packet, then the end."""
    place = 0
    while True:
        packet = _packet(message, place)
        if packet is None:
            return Reason.PGP_TRUNCATED if place >= len(message) else Reason.PGP_TAMPERED
        if packet.tag in (_SIGNATURE, _ONE_PASS, _COMPRESSED, _LITERAL):
            return Wrapped(Wrapping.SIGNED_ONLY, message) if place == 0 else Reason.PGP_TAMPERED
        if packet.end is None:
            return Reason.PGP_TRUNCATED
        if packet.tag == _NO_INTEGRITY:
            return Reason.PROTECTION_TOO_WEAK
        if packet.tag == _SEIPD:
            return Wrapped(Wrapping.ENCRYPTED, message) if packet.end == len(message) else Reason.PGP_SEVERAL_MESSAGES
        if packet.tag not in (_PKESK, _SKESK, _MARKER):
            return Reason.PGP_TAMPERED
        place = packet.end


@dataclass(frozen=True, slots=True)
class _Packet:
    """A packet's tag, the first byte of its body (-1 if there is none), and where it ends (None: after the end of the data)."""

    tag: int
    first_byte: int
    end: int | None


def _packet(data: bytes, start: int) -> _Packet | None:
    """The packet that begins at ``start``, or None if none does (RFC 9580 §4.2.1, §4.2.2)."""
    if start >= len(data) or not data[start] & 0x80:
        return None
    if data[start] & 0x40:
        tag, place = data[start] & 0x3F, start + 1
        first, length, partial = -1, 0, True
        while partial:
            size = _new_length(data, place)
            if size is None:
                return _Packet(tag, first, None)
            width, length, partial = size
            if partial and length < _SMALLEST_PART:
                return None
            place += width
            first = data[place] if first < 0 and place < len(data) else first
            place += length
        return _Packet(tag, first, place if place <= len(data) else None)
    tag, kind = (data[start] >> 2) & 0x0F, data[start] & 0x03
    width = (1, 2, 4, 0)[kind]
    place = start + 1 + width
    first = data[place] if place < len(data) else -1
    if width == 0:
        return _Packet(tag, first, len(data))
    end = place + int.from_bytes(data[start + 1 : place])
    return _Packet(tag, first, end if place <= len(data) and end <= len(data) else None)


def _new_length(data: bytes, place: int) -> tuple[int, int, bool] | None:
    """Width of the length, the length, and whether another part follows."""
    if place >= len(data):
        return None
    first = data[place]
    if first < 192:
        return 1, first, False
    if first < 224:
        return (2, ((first - 192) << 8) + data[place + 1] + 192, False) if place + 1 < len(data) else None
    if first < 255:
        return 1, 1 << (first & 0x1F), True
    return (5, int.from_bytes(data[place + 1 : place + 5]), False) if place + 4 < len(data) else None
