"""The fingerprint of a person: the same as long as nothing that a card depends on changes."""

import hashlib
from collections.abc import Sequence

from firstcard.roster.abundance import uncollected
from firstcard.roster.person import Person
from firstcard.roster.roll import Roll

_VERSION = b"person.2"
"""Stands in every fingerprint: a change of what counts is a new version, and then everybody is compared anew."""


def fingerprint(person: Person, key: bytes) -> str:
    """A keyed BLAKE2b over the normalised fields, 32 hexadecimal characters; keyed, because an unkeyed one of a child's data can be guessed.

    File and line do not count, and of somebody with a no nothing but who it is: what else the row says is not kept. Empty fields at the end do not count
    either, so that a field added later changes nobody. ``key`` is 1 to 64 bytes.
    """
    return fingerprints((person,), key)[0]


def fingerprints(people: Sequence[Person], key: bytes) -> list[str]:
    """The fingerprint of each person; those of a roll are made from its text, without making the people."""
    keyed = hashlib.blake2b(digest_size=16, key=key, person=_VERSION)
    prints: list[str] = []
    with uncollected():
        for texts in Roll.of(people).texts():
            for text in texts:
                # A copy has taken the key in already.
                one = keyed.copy()
                one.update(text)
                prints.append(one.hexdigest())
    return prints
