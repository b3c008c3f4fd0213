"""The census of one applied roster: how many students of each school and grade there were. Counts of rows, small ones too: it stays in the vault, and only ``figures`` reads it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Group:
    """The students of one school and grade whom the roll-out is for, when the roster was planned.

    ``no``: those whom the district's flag left out, now or earlier. ``had_card``: those whose family's own card serves; ``in_doubt``: those of whom it is not certain whether they have one; ``served``:
    those who have one as another district's students. These three are the library's to know.
    """

    school: str
    grade: str
    students: int
    no: int = 0
    had_card: int = 0
    in_doubt: int = 0
    served: int = 0


@dataclass(frozen=True, slots=True)
class Census:
    """All groups of one roster, with the schools' names by id, the educators, and how many rows the roll-out left out, by the words of the receipt."""

    groups: tuple[Group, ...] = ()
    schools: Mapping[str, str] = field(default_factory=dict)
    educators: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def students(self) -> int:
        """All students whom the roll-out is for."""
        return sum(group.students for group in self.groups)

    def as_plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "groups": [[g.school, g.grade, g.students, g.no, g.had_card, g.in_doubt, g.served] for g in self.groups],
            "schools": dict(sorted(self.schools.items())),
            "educators": self.educators,
            "left_out": dict(sorted(self.left_out.items())),
        }

    @classmethod
    def from_plain(cls, written: Mapping[str, Any]) -> "Census":
        """The census as it was written."""
        return cls(tuple(Group(*row) for row in written["groups"]), written["schools"], written["educators"], written["left_out"])


def census_folder(sharing: str) -> str:
    """Where a district's censuses lie in the vault."""
    return f"census/{sharing}/"


def census_key(sharing: str, received_at: str, version: int) -> str:
    """Where the census of one applied roster lies: by the day it came, and the manifest's version."""
    return f"{census_folder(sharing)}{received_at[:10]}-{version:08d}.json"


def census_body(census: object) -> bytes:
    """A census as it is stored: equal ones are equal bytes."""
    return json.dumps(census, sort_keys=True, separators=(",", ":")).encode()
