"""What sealing and opening speak of: the wrapped keys of an object, and the intent to open one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Wrap = Callable[[bytes, Mapping[str, str]], bytes]
"""Wraps or unwraps a data key under an encryption context."""


class VaultClosedError(Exception):
    """KMS or the envelope refuses: wrong purpose, other agreement, key disabled, term over, or tampered data."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The wrapped data keys of one object: ``keys[group][purpose]`` is a KMS ciphertext; ``at`` is when it was sealed (ISO 8601, UTC; empty before it is kept)."""

    object: str
    sharing: str
    keys: Mapping[str, Mapping[str, bytes]]
    at: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be opened and why; written down before the opening (counter-check of compliance reviews)."""

    sharing: str
    object: str
    group: str
    purpose: str
