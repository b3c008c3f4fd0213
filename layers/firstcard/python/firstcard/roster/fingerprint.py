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

    File and line do not count, and of somebody with a no nothing but who it is: what else the row says is not kept. A field that is empty does not count either, so that a field added later changes nobody. ``key`` is 1 to 64 bytes.
    """
    if person.opt_out:
        person = Person(file="", line=0, role=person.role, local_id=person.local_id, last_name="", first_name="", opt_out=True)
    parts = []
    for name, value in zip(_NAMES, _VALUES(person), strict=True):
        if value:
            text = str(value)
            # With its length in front no value can pass itself off as the next field.
            parts.append(f"{name} {len(text)} {text}\n")
    return hashlib.blake2b("".join(parts).encode(), digest_size=16, key=key, person=_VERSION).hexdigest()
