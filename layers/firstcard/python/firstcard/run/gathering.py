"""A library's own patrons, asked of its ILS page by page, at its pace, and the agreed fields of them kept."""

from collections.abc import Callable
from datetime import date

from firstcard.agreement import PatronsClause
from firstcard.extract import PatronChecker, PatronReading
from firstcard.ils import PatronList, PatronPage, Refused, SyncReason, Unreachable

PATIENCE = (1.0, 5.0, 15.0)
"""Seconds before each further try for a page, unless the ILS says how long; after the last the import is given up."""
LONGEST_REST = 60.0
_PASSES = frozenset({SyncReason.NO_ANSWER, SyncReason.TOO_MANY_REQUESTS, SyncReason.UNDER_MAINTENANCE, SyncReason.ILS_FAILED})


def gather_patrons(
    ils: PatronList, clause: PatronsClause, today: date, *, requests_per_second: float, rest: Callable[[float], None]
) -> PatronReading | Refused | Unreachable:
    """Every patron of the ILS that can be used, or why it could not be asked: half a library is none. ``rest`` lets some seconds pass."""
    checker = PatronChecker(clause, today)
    after = 0
    while True:
        page = _asked(ils, after, clause, rest)
        if isinstance(page, Refused | Unreachable):
            return page
        for patron in page.patrons:
            checker.look_at(0, patron)
        if page.last <= after:
            return checker.reading()
        after = page.last
        rest(1 / requests_per_second)


def _asked(ils: PatronList, after: int, clause: PatronsClause, rest: Callable[[float], None]) -> PatronPage | Refused | Unreachable:
    for seconds in PATIENCE:
        page = ils.patrons_after(after, clause.fields)
        if not isinstance(page, Unreachable) or page.reason not in _PASSES:
            return page
        rest(min(page.retry_after or seconds, LONGEST_REST))
    return ils.patrons_after(after, clause.fields)
