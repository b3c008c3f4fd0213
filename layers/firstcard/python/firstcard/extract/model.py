"""An extract of a library's patrons: which one is held, until when, and what came of reading one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firstcard.agreement import PatronsClause
from firstcard.roster import DroppedColumn, Problem, Reason


@dataclass(frozen=True, slots=True)
class Extract:
    """Which extract of a library's patrons is held, as the ledger has it; without a ``name`` none is. Times are ISO 8601 in UTC.

    ``by`` is the role and session that imported it, ``source`` is ``csv`` or the ILS's adapter. Of one that is gone, ``destroyed_at`` says when, and the rest
    stays as a record without personal data. ``version`` counts imports.
    """

    name: str = ""
    version: int = 0
    imported_at: str = ""
    until: str = ""
    count: int = 0
    by: str = ""
    source: str = ""
    destroyed_at: str = ""


def ends_at(imported_at: datetime, clause: PatronsClause) -> datetime:
    """When an extract that was imported then must be gone."""
    return imported_at + timedelta(days=clause.keep_days)


def current(extract: Extract, clause: PatronsClause | None, now: datetime) -> bool:
    """Whether an extract may be opened now: there is one, its days are not over (by the clause as it was and as it is), and the clause is in force."""
    if not extract.name or clause is None or not clause.in_force(now.date()):
        return False
    return now < min(datetime.fromisoformat(extract.until), ends_at(datetime.fromisoformat(extract.imported_at), clause))


@dataclass(frozen=True, slots=True)
class PatronReading:
    """Patrons that were read: ``columns`` has the cells of each agreed field, all of one length; ``rows`` = used + rejected + repeats.

    ``rejected`` are the problems of rows that were left out, several a row perhaps; ``warnings`` those of rows that were used, without the value where it
    could not be trusted. ``rejected_rows`` counts each left-out row under its first reason.
    """

    columns: Mapping[str, Sequence[str]] = field(repr=False)
    rows: int
    rejected: tuple[Problem, ...] = field(repr=False)
    rejected_rows: Mapping[Reason, int]
    warnings: tuple[Problem, ...] = field(repr=False)
    dropped: tuple[DroppedColumn, ...] = ()

    @property
    def count(self) -> int:
        """How many patrons can be used."""
        return len(self.columns["patron_id"])
