"""The fingerprint of a person: the same as long as nothing that a card depends on changes."""

import hashlib
from dataclasses import fields
from operator import attrgetter

from firstcard.roster.person import Person

_VERSION = b"person.1"
"""Stands in every fingerprint: a change of what counts is a new version, and then everybody is compared anew."""

_NAMES = tuple(field.name for field in fields(Person) if field.name not in ("file", "line"))
_VALUES = attrgetter(*_NAMES)


def fingerprint(person: Person, key: bytes) -> str:
    """A keyed BLAKE2b over the normalised fields, 32 hexadecimal characters; keyed, because an unkeyed one of a child's data can be guessed.

    File and line do not count. A field that is empty does not count either, so that a field added later changes nobody. ``key`` is 1 to 64 bytes.
    """
    parts = []
    for name, value in zip(_NAMES, _VALUES(person), strict=True):
        if value:
            text = str(value)
            # With its length in front no value can pass itself off as the next field.
            parts.append(f"{name} {len(text)} {text}\n")
    return hashlib.blake2b("".join(parts).encode(), digest_size=16, key=key, person=_VERSION).hexdigest()
