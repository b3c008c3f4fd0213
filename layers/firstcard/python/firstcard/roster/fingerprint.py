"""The fingerprint of a person: the same as long as nothing that a card depends on changes."""

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter, itemgetter

from firstcard.roster.abundance import uncollected
from firstcard.roster.person import Person

_VERSION = b"person.1"
"""Stands in every fingerprint: a change of what counts is a new version, and then everybody is compared anew."""

_NAMES = tuple(field.name for field in fields(Person) if field.name not in ("file", "line"))
_VALUES = attrgetter(*_NAMES)
_OWN = frozenset({"local_id", "state_id", "email", "street", "phone"})
"""Fields whose values hardly ever repeat; what the others add to a text is remembered."""
_AT_ONCE = 1024
_REMEMBERED = 50_000


def fingerprint(person: Person, key: bytes) -> str:
    """A keyed BLAKE2b over the normalised fields, 32 hexadecimal characters; keyed, because an unkeyed one of a child's data can be guessed.

    File and line do not count, and of somebody with a no nothing but who it is: what else the row says is not kept. A field that is empty does not count either, so that a field added later changes nobody. ``key`` is 1 to 64 bytes.
    """
    return fingerprints((person,), key)[0]


def fingerprints(people: Sequence[Person], key: bytes) -> list[str]:
    """The fingerprint of each person; many at once take a fourth of the time."""
    keyed = hashlib.blake2b(digest_size=16, key=key, person=_VERSION)
    parts = [_Parts(name) for name in _NAMES]
    prints: list[str] = []
    with uncollected():
        for start in range(0, len(people), _AT_ONCE):
            some = [_who(person) if person.opt_out else person for person in people[start : start + _AT_ONCE]]
            columns = zip(*map(_VALUES, some), strict=True)
            texts = [part.of(column) for part, column in zip(parts, columns, strict=True) if any(column)]
            for text in map("".join, zip(*texts, strict=True)):
                # A copy has taken the key in already.
                one = keyed.copy()
                one.update(text.encode())
                prints.append(one.hexdigest())
    return prints


def _who(person: Person) -> Person:
    return Person(file="", line=0, role=person.role, local_id=person.local_id, last_name="", first_name="", opt_out=True)


class _Parts(dict[object, str]):
    """What the values of a field add to a person's text: name, length and value. With the length in front no value can pass itself off as the next field."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __missing__(self, value: object) -> str:
        if len(self) > _REMEMBERED:
            self.clear()
        text = str(value)
        part = self[value] = f"{self._name} {len(text)} {text}\n" if value else ""
        return part

    def of(self, column: Sequence[object]) -> Sequence[str]:
        """The column as parts."""
        if self._name in _OWN:
            name = self._name
            return [f"{name} {len(value)} {value}\n" if value else "" for value in column]  # type: ignore[arg-type]  # these fields are text
        return itemgetter(*column)(self) if len(column) > 1 else [self[value] for value in column]
