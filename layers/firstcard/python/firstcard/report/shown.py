"""Which numbers of people may be shown, so that no group of fewer than ten is shown or can be worked out.

Every number that leaves is rounded by itself to a multiple of ten, and whatever else stands in a report (margins, percentages, differences, sums over
districts) is worked out from rounded numbers alone. So two lists of people that differ only inside the spans of these numbers give the same report, letter for
letter, and nobody can tell them apart, however long they calculate. What is left is that a span never lies inside 1 to 9, neither that of a number nor that of a difference of
two (a part and its whole, this month and the last one): docs/decisions/0017-reports-of-tens.md has the proof, tests/unit/report/test_shown.py an attacker.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SMALL = 10
"""A group of fewer people is small (agreement.lint.SMALLEST_CELL)."""
FEWER_THAN_TEN = 0
"""What is shown of a group that is small or empty: which of the two is not told."""
SMALLEST_WHOLE = 30
"""Of a group that is shown as fewer than these no part is shown: either the part or the rest of it would be small."""
ROOM = 15
"""By how much the last span of a part begins below its whole: in it the rest may be nobody, or ten and more."""


def shown(count: int) -> int:
    """A number of people as it is shown: the nearest multiple of ten, and 0 for fewer than ten."""
    return FEWER_THAN_TEN if count < SMALL else (count + SMALL // 2) // SMALL * SMALL


def least(number: int) -> int:
    """The fewest people that a shown number can stand for."""
    return number if number <= SMALL else number - SMALL // 2


def most(number: int) -> int:
    """The most people that a shown number can stand for; that of a part's last span is its whole."""
    return number + (9 if number == FEWER_THAN_TEN else 4)


def _levels() -> Iterator[int]:
    level = 0
    while True:
        yield level
        level += SMALL


def highest(whole: int) -> int | None:
    """The highest number that is shown of a part of a group; None if no part of so few is shown. In the last span the rest is between nobody and more than ten."""
    if whole < SMALLEST_WHOLE:
        return None
    found = 0
    for level in _levels():
        if least(level) > whole - ROOM:
            return found
        found = level
    raise AssertionError("levels never end")


def shown_part(part: int, whole: int) -> int | None:
    """A part of a group as it is shown, the group being shown as ``whole``; None where it is not."""
    top = highest(whole)
    return None if top is None else min(shown(part), top)


@dataclass(frozen=True, slots=True)
class Span:
    """From how many to how many people a shown part may be, as far as the report tells."""

    least: int
    most: int


def span_of(part: int | None, whole: int) -> Span:
    """The span of a part of a group, both as they are shown: what a reader knows of it."""
    if part is None:
        return Span(0, whole)
    return Span(min(least(part), whole), whole if part == highest(whole) else min(most(part), whole))


def highest_total(parts: Sequence[Span]) -> int:
    """The highest number that is shown of a sum beside its parts: a higher one would push a group up from the least that it may be.

    It is reached where nearly all groups are at the top of their spans, and then means "so many or more".
    """
    room = sum(span.most for span in parts) - max(span.most - span.least for span in parts)
    number = 0
    while least(number + SMALL) <= room:
        number += SMALL
    return number


def shown_total(total: int, parts: Sequence[Span]) -> int | None:
    """The sum of a part over all its groups as it is shown beside them; None where they leave no room for one. Without groups it is a number like any other."""
    if not parts:
        return shown(total)
    top = highest_total(parts)
    return min(shown(total), top) if top else None
