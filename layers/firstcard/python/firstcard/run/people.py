"""What a plan leaves behind for the question why somebody has no card: tokens of those whose row was not used, and why. Nothing that names anybody."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from firstcard.identity import Tokens
from firstcard.roster import Problem, Reading, Reason
from firstcard.roster.reading import Exclusion


@dataclass(frozen=True, slots=True)
class People:
    """One file's people who need an explanation, by token.

    ``problems`` are why a row with a readable id was rejected, or has no usable e-mail address: ``PLACES_OF_A_PERSON`` at most of each person.
    ``excluded`` are those whom the roll-out or the export left out, ``in_doubt`` those who wait until it is certain whether they have a card already, ``served`` those who have one as
    another district's students. Each row of the file adds one entry at most.
    """

    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    excluded: Mapping[str, Exclusion] = field(default_factory=dict)
    in_doubt: frozenset[str] = frozenset()
    served: frozenset[str] = frozenset()

    def to_bytes(self) -> bytes:
        """Gzipped JSON with a fixed time stamp: equal people are equal bytes."""
        body = {
            "v": 1,
            "problems": {t: [[p.file, p.line, p.column, p.reason] for p in found] for t, found in sorted(self.problems.items())},
            "excluded": dict(sorted(self.excluded.items())),
            "in_doubt": sorted(self.in_doubt),
            "served": sorted(self.served),
        }
        return gzip.compress(json.dumps(body, separators=(",", ":")).encode(), compresslevel=3, mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes) -> "People":
        """The people as they were written."""
        body = json.loads(gzip.decompress(data))
        return cls(
            problems={
                t: tuple(Problem(file, line, column, Reason(code)) for file, line, column, code in found)
                for t, found in body["problems"].items()
            },
            excluded={t: Exclusion(word) for t, word in body["excluded"].items()},
            in_doubt=frozenset(body.get("in_doubt", ())),
            served=frozenset(body.get("served", ())),
        )


def people_of(reading: Reading, tokens: Tokens, in_doubt: frozenset[str] = frozenset(), served: frozenset[str] = frozenset()) -> People:
    """The people of a reading who need an explanation."""
    return People(
        problems={tokens.patron(role, local_id): found for (role, local_id), found in reading.problems_of.items()},
        excluded={tokens.patron(role, local_id): why for (role, local_id), why in reading.excluded_people.items()},
        in_doubt=in_doubt,
        served=served,
    )


def people_key(folder: str) -> str:
    """Where a plan's people lie in the vault, beside its problems."""
    return f"{folder}/people.json.gz"
