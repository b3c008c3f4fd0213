"""What fell out of a plan: lines that were planned and had stopped being true when they were issued, counted by reason and by what they were planned as.

Each chunk says what became of its lines, under its own number: issued again, it says so again in the same place, so that nothing counts twice.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from firstcard.card.chunk import Chunk, Decision, PatronLine
from firstcard.card.patron import Ownership, Patron, State, after_line


class FellOut(StrEnum):
    """Why a planned line was not applied."""

    REFUSED = "refused"
    NUMBER_TAKEN = "number_taken"
    SET_APART = "set_apart"
    MOVED = "moved"
    ENDED = "ended"
    UNKNOWN = "unknown"
    NOT_REACHED = "not_reached"


SENTENCES: Mapping[FellOut, str] = {
    FellOut.REFUSED: "somebody said no since: no card, or the card ended",
    FellOut.NUMBER_TAKEN: "the card number became somebody else's since: no card, and the next roster looks again",
    FellOut.SET_APART: "a person said since that the card to be linked is somebody else's; the next roster brings a card",
    FellOut.MOVED: "the card went along to another district since",
    FellOut.ENDED: "the card had ended already",
    FellOut.UNKNOWN: "there was no card that could be changed",
    FellOut.NOT_REACHED: "the run was stopped before it came to them",
}
"""A sentence for each, for people at the library."""

FOR_THE_DISTRICT = (FellOut.REFUSED, FellOut.NUMBER_TAKEN, FellOut.ENDED, FellOut.NOT_REACHED)
"""What a district may know: the others tell of cards that families had, or of another district. Whoever falls out for one of those counts for it as planned."""

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Became:
    """What became of planned lines: counts by the decision they are counted as, of those ``applied``, and by reason of those that fell out."""

    applied: Counts = field(default_factory=dict)
    fell_out: Mapping[str, Counts] = field(default_factory=dict)


def why_not(before: Patron | None, line: PatronLine, chunk: Chunk, *, refused: bool, apart: bool, taken_back: str = "") -> FellOut | None:
    """Why ``after_line`` does not do what the line says; None where it does, or where this very chunk did before."""
    if line.decision is Decision.REFUSE:
        return None
    if line.decision is Decision.EXPIRE:
        if before is None or (before.state is State.EXPIRED and before.run_id != chunk.run_id):
            return FellOut.ENDED
        return FellOut.REFUSED if refused or before.state is State.REFUSED else None
    if refused:
        return FellOut.REFUSED
    if before and before.state is State.REFUSED:
        return _why_not_again(before, line, chunk, apart=apart, taken_back=taken_back)
    if before is None and taken_back and line.taken_back != taken_back:
        return FellOut.REFUSED
    if before and chunk.object in before.envelopes.values():
        return None
    if apart and (before is None or line.decision is Decision.REPLACE or before.existing == line.ils_id):
        return FellOut.SET_APART
    if before is None:
        return FellOut.UNKNOWN if line.decision is Decision.REPLACE or not (line.card_token or line.ils_id) else None
    if line.decision is Decision.REPLACE and before.ownership is Ownership.LINKED and before.existing == line.mistaken:
        return None
    if before.moved_to and not line.moved_from:
        return FellOut.MOVED
    # Of whom nothing sealed was left a line that brings no number makes nothing.
    return None if after_line(before, line, chunk, refused=False, apart=apart, taken_back=taken_back) else FellOut.UNKNOWN


def _why_not_again(before: Patron, line: PatronLine, chunk: Chunk, *, apart: bool, taken_back: str) -> FellOut | None:
    """Why somebody who said no, and whose no does not hold, is not taken up: because this line does not know of that, or for another reason."""
    if after_line(before, line, chunk, refused=False, apart=apart, taken_back=taken_back):
        return None
    if line.taken_back and line.taken_back == taken_back:
        if apart and line.ils_id:
            return FellOut.SET_APART
        return FellOut.MOVED if before.moved_to and not line.moved_from else FellOut.UNKNOWN
    return FellOut.REFUSED


def became(lines: Iterable[PatronLine], fallen: Mapping[str, FellOut]) -> Became:
    """What became of a chunk's lines, where those of ``fallen`` (by token) fell out."""
    applied: Counter[str] = Counter()
    out: dict[str, Counter[str]] = {}
    for line in lines:
        reason = fallen.get(line.token)
        (out.setdefault(reason, Counter()) if reason else applied)[line.counted] += 1
    return Became(dict(applied), {reason: dict(counts) for reason, counts in sorted(out.items())})


def together(parts: Iterable[Became]) -> Became:
    """The sum of what chunks say."""
    applied: Counter[str] = Counter()
    out: dict[str, Counter[str]] = {}
    for part in parts:
        applied.update(part.applied)
        for reason, counts in part.fell_out.items():
            out.setdefault(reason, Counter()).update(counts)
    return Became(dict(sorted(applied.items())), {reason: dict(sorted(counts.items())) for reason, counts in sorted(out.items())})


def with_the_rest(done: Became, planned: Counts) -> Became:
    """The same of a run that ended before its last chunk: of ``planned`` (lines by the decision they are counted as), those that no chunk tells of were not reached."""
    told = Counter(done.applied)
    for counts in done.fell_out.values():
        told.update(counts)
    rest = {decision: count - told[decision] for decision, count in sorted(planned.items()) if count > told[decision]}
    return Became(done.applied, {**done.fell_out, str(FellOut.NOT_REACHED): rest}) if rest else done
