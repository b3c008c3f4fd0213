"""Two records that are one person or may be: a student and somebody whom the library knows, or two students of one roster."""

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum

from firstcard.card.chunk import Chunk, PairLine
from firstcard.card.patron import Stamp

MACHINE = "machine"


class Answer(StrEnum):
    """What is said of a pair; ``doubt`` waits for a person."""

    SAME = "same"
    DOUBT = "doubt"
    APART = "apart"


class Kind(StrEnum):
    """Whom the student is compared with: a patron of the library's own extract, or another student of the roster."""

    PATRON = "patron"
    STUDENT = "student"


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair as it is stored. ``left`` is a student's token; ``right`` another's, or that of a patron of the library.

    ``by`` is who said so: ``machine``, or the person. ``since`` is when it was first said (ISO 8601, UTC), ``decided_at`` when a person did. ``weight`` is in
    bits; ``evidence`` and ``vetoes`` are levels and codes of the matching rules ``rules``, never values. ``ils_id`` is the ILS's own id of a patron.
    ``stirred`` are vetoes that later evidence brought against a pair that was the same: it stays, and a person looks.
    """

    left: str
    right: str
    kind: Kind
    answer: Answer
    by: str
    since: str
    weight: float
    evidence: str
    vetoes: tuple[str, ...]
    rules: str
    stamp: Stamp
    ils_id: str = ""
    decided_at: str = ""
    stirred: tuple[str, ...] = field(default=())
    shown_in: str = ""
    """The chunk that has, sealed, what a person is shown of a student who waits; it goes with the run's other files."""
    recorded_at: str = ""
    """When it came on record as it stands (ISO 8601, UTC): a plan may have waited long since ``since``. Empty on what an earlier release wrote."""

    @property
    def id(self) -> str:
        """The pair's own id, 24 hexadecimal characters; the same from whichever side it is seen."""
        return pair_id(self.left, self.right)

    @property
    def shown_since(self) -> str:
        """Since when a person who looks sees it as it stands."""
        return self.recorded_at or self.stamp.at

    @property
    def waits(self) -> bool:
        """Whether a person has to look."""
        return self.by == MACHINE and (self.answer is Answer.DOUBT or bool(self.stirred))

    @property
    def evidence_class(self) -> str:
        """What pairs of one kind have in common, to be decided together: whom it is about and the vetoes, ``clear`` without any."""
        return f"{self.kind}:{'+'.join(self.stirred or self.vetoes) or 'clear'}"


def pair_id(left: str, right: str) -> str:
    """The id of the pair of two tokens, in whichever order."""
    return hashlib.sha256("\0".join(sorted((left, right))).encode()).hexdigest()[:24]


def after_said(before: Pair | None, said: Pair) -> Pair | None:
    """The pair after the machine said something of it, or None if nothing changes.

    What a person decided stays. What the machine said stays as well: an answer that became weaker is shown to a person, one that became stronger waits as it did.
    """
    if before is None:
        return said
    if before.by != MACHINE or before.stamp.run_id == said.stamp.run_id:
        return None
    # Of students of two districts either's roster may speak: the one that spoke first is whose child waits.
    first = said.stamp.sharing == before.stamp.sharing
    stirred = said.vetoes if before.answer is Answer.SAME and said.answer is not Answer.SAME else ()
    after = replace(
        before,
        since=said.since if stirred and not before.stirred else before.since,
        weight=said.weight,
        evidence=said.evidence,
        vetoes=said.vetoes,
        rules=said.rules,
        stirred=stirred,
        ils_id=said.ils_id,
        shown_in=said.shown_in if first else before.shown_in,
        stamp=said.stamp if first else before.stamp,
        recorded_at=said.recorded_at,
    )
    return None if replace(after, stamp=before.stamp, recorded_at=before.recorded_at) == before else after


def decided(before: Pair, answer: Answer, *, by: str, at: str) -> Pair:
    """The pair after a person decided: final for every machine."""
    return replace(before, answer=answer, by=by, decided_at=at, stirred=(), shown_in="")


def of_line(line: PairLine, chunk: Chunk, *, recorded_at: str = "") -> Pair:
    """The pair that a plan's line says, put on record at a moment."""
    stamp = Stamp(chunk.sharing, chunk.agreement, chunk.library, chunk.district, chunk.run_id, chunk.at)
    return Pair(
        left=line.left,
        right=line.right,
        kind=Kind(line.kind),
        answer=Answer(line.answer),
        by=MACHINE,
        since=chunk.at,
        weight=line.weight,
        evidence=line.evidence,
        vetoes=line.vetoes,
        rules=line.rules,
        stamp=stamp,
        ils_id=line.ils_id,
        shown_in=chunk.object if line.sealed else "",
        recorded_at=recorded_at,
    )
