"""The people of a roster, kept as packed text: a million of them take little more room than their words, and each becomes a person when it is asked for."""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import compress, groupby, repeat
from operator import attrgetter, itemgetter
from typing import Any, overload

from firstcard.roster.person import Person, Role

FIELDS = tuple(field.name for field in fields(Person))[2:]
"""What a row says, in the order in which it is packed; where it stood is kept beside. A new field goes to the end: the fingerprint of who has it empty stays."""
_PLACE = {name: place for place, name in enumerate(FIELDS)}
_BIRTH, _REFUSED, _RESTRICTED = _PLACE["birth_date"], _PLACE["opt_out"], _PLACE["contact_restricted"]
_VALUES = attrgetter(*FIELDS)
_WHO = (_PLACE["role"], _PLACE["local_id"], _REFUSED)
_ROLES = {str(role): role for role in Role}
YES = "1"
_UNIT, _RECORD = "\x1f", "\x1e"
"""ASCII's own separators: a control character is in no value that passed validation."""
_AT_ONCE = 1024

Key = str | tuple[Role, str]


def key_of(role: Role, local_id: str) -> Key:
    """What stands for a person within one roster: for the students, who are many, the id alone."""
    return local_id if role is Role.STUDENT else (role, local_id)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Rows of one file one behind the other, with the line of each, the hash of each one's key, and whether somebody among them may have said no."""

    file: str
    lines: Sequence[int]
    keys: Sequence[int]
    text: bytes
    refused: bool

    def rows(self) -> list[str]:
        return self.text.decode().split(_RECORD)

    def people(self) -> Iterator[Person]:
        columns: list[Sequence[Any]] = list(zip(*(row.split(_UNIT) for row in self.rows()), strict=True))
        born: dict[str, date | None] = {text: date.fromisoformat(text) if text else None for text in set(columns[_BIRTH])}
        columns[0] = _mapped(_ROLES, columns[0])
        columns[_BIRTH] = _mapped(born, columns[_BIRTH])
        columns[_REFUSED], columns[_RESTRICTED] = list(map(bool, columns[_REFUSED])), list(map(bool, columns[_RESTRICTED]))
        return map(Person, repeat(self.file), self.lines, *columns)


def _mapped(to: Mapping[str, Any], column: Sequence[str]) -> Sequence[Any]:
    return itemgetter(*column)(to) if len(column) > 1 else [to[text] for text in column]


class Roll(Sequence[Person]):
    """People in the order of their rows. It only grows, and nothing changes it once a reading holds it; equal to any sequence of the same people."""

    def __init__(self, chunks: Iterable[_Chunk] = ()) -> None:
        self._chunks = list(chunks)
        self._count = sum(len(chunk.lines) for chunk in self._chunks)

    @classmethod
    def of(cls, people: Iterable[Person]) -> "Roll":
        """These people as a roll. Raises ValueError where a value holds a control character that separates values."""
        if isinstance(people, Roll):
            return people
        roll = cls()
        roll.add(people)
        return roll

    # Building

    def add(self, people: Iterable[Person]) -> None:
        """Add people as they are."""
        for file, some in groupby(people, key=attrgetter("file")):
            mine = list(some)
            for begin in range(0, len(mine), _AT_ONCE):
                part = mine[begin : begin + _AT_ONCE]
                keys = [hash(key_of(one.role, one.local_id)) for one in part]
                self.add_rows(
                    file, [one.line for one in part], keys, [packed(one) for one in part], refused=any(one.opt_out for one in part)
                )

    def add_rows(self, file: str, lines: Sequence[int], keys: Iterable[int], rows: Sequence[str], *, refused: bool = False) -> None:
        """Add packed rows, with the line and the hash of the key of each; ``refused`` where one of them may hold a no."""
        if not rows:
            return
        kept = lines if isinstance(lines, range) else array("q", lines)
        self._chunks.append(_Chunk(file, kept, array("q", keys), _RECORD.join(rows).encode(), refused))
        self._count += len(rows)

    # As a sequence

    def __len__(self) -> int:
        """How many people."""
        return self._count

    def __iter__(self) -> Iterator[Person]:
        """Each person, made anew."""
        for chunk in self._chunks:
            yield from chunk.people()

    @overload
    def __getitem__(self, place: int) -> Person: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Person]: ...

    def __getitem__(self, place: int | slice) -> Person | Sequence[Person]:
        """The person at a place from 0, or those of a slice."""
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(self._count))]
        if not -self._count <= place < self._count:
            raise IndexError(place)
        place %= self._count
        return self.some([place])[place]

    def __eq__(self, other: object) -> bool:
        """Whether the other holds equal people in the same order."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # it can grow

    def __repr__(self) -> str:
        """How many, never who."""
        return f"Roll({self._count} people)"

    # By the column, and by the place

    def some(self, places: Sequence[int]) -> dict[int, Person]:
        """The people at these ascending places."""
        found: dict[int, Person] = {}
        begin = at = 0
        for chunk in self._chunks:
            end = begin + len(chunk.lines)
            upto = bisect_left(places, end, at)
            if upto > at:
                rows = chunk.rows()
                within = [place - begin for place in places[at:upto]]
                part = _RECORD.join(rows[one] for one in within).encode()
                people = _Chunk(chunk.file, [chunk.lines[one] for one in within], (), part, chunk.refused).people()
                found.update(zip(places[at:upto], people, strict=True))
            begin, at = end, upto
        return found

    def select(self, *names: str) -> Iterator[tuple[str, ...]]:
        """These fields of each row as packed text: a date in ISO 8601, ``1`` for yes, everything else as it is."""
        places = [_PLACE[name] for name in names]
        for chunk in self._chunks:
            columns = list(zip(*(row.split(_UNIT) for row in chunk.rows()), strict=True))
            yield from zip(*(columns[place] for place in places), strict=True)

    def keys(self) -> Iterator[int]:
        """The hash of each person's key; equal keys have equal hashes in one process."""
        for chunk in self._chunks:
            yield from chunk.keys

    def repeated(self) -> set[int]:
        """The hashes that stand for several rows."""
        seen: set[int] = set()
        for chunk in self._chunks:
            seen.update(chunk.keys)
        return set() if len(seen) == self._count else {key for key, count in Counter(self.keys()).items() if count > 1}

    def texts(self) -> Iterator[list[bytes]]:
        """What a fingerprint is made of, row by row, in stretches; of somebody with a no nothing but who it is."""
        separator, record = _UNIT.encode(), _RECORD.encode()
        for chunk in self._chunks:
            rows = chunk.text.split(record)
            yield [(_but_who(row, separator) if chunk.refused else row).rstrip(separator) for row in rows]

    def without(self, places: Collection[int]) -> "Roll":
        """Everybody but those at these places."""
        return self._changed(dict.fromkeys(places))

    def replaced(self, people: Mapping[int, Person]) -> "Roll":
        """The same, with other people at these places, whose file, line and id are the same."""
        return self._changed({place: packed(one) for place, one in people.items()})

    def _changed(self, rows: Mapping[int, str | None]) -> "Roll":
        by_place = sorted(rows)
        chunks, begin, at = [], 0, 0
        for chunk in self._chunks:
            end = begin + len(chunk.lines)
            if at == len(by_place) or by_place[at] >= end:
                chunks.append(chunk)
                begin = end
                continue
            now: list[str | None] = list(chunk.rows())
            while at < len(by_place) and by_place[at] < end:
                now[by_place[at] - begin] = rows[by_place[at]]
                at += 1
            stays = [row is not None for row in now]
            if left := [row for row in now if row is not None]:
                lines, keys = (array("q", compress(those, stays)) for those in (chunk.lines, chunk.keys))
                chunks.append(_Chunk(chunk.file, lines, keys, _RECORD.join(left).encode(), refused=True))
            begin = end
        return Roll(chunks)


def packed_rows(role: Role, count: int, columns: Mapping[str, Sequence[str]]) -> list[str]:
    """So many rows of one role as packed text from their columns, by the names of ``FIELDS``; who is not there has it empty."""
    blank = ("",) * count
    return list(map(_UNIT.join, zip(repeat(str(role), count), *(columns.get(name, blank) for name in FIELDS[1:]), strict=True)))


def packed(person: Person) -> str:
    """The person's row as packed text. Raises ValueError where a value holds a control character that separates values."""
    values = list(_VALUES(person))
    values[0], values[_BIRTH] = str(person.role), person.birth_date.isoformat() if person.birth_date else ""
    values[_REFUSED], values[_RESTRICTED] = YES * person.opt_out, YES * person.contact_restricted
    row = _UNIT.join(values)
    if row.count(_UNIT) != len(FIELDS) - 1 or _RECORD in row:
        raise ValueError("a value holds a control character")
    return row


def _but_who(row: bytes, separator: bytes) -> bytes:
    values = row.split(separator)
    if values[_REFUSED]:
        values = [value if place in _WHO else b"" for place, value in enumerate(values)]
    return separator.join(values)
