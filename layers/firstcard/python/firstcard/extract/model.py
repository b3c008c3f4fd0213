"""What comes of reading a library's patrons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from firstcard.roster import DroppedColumn, Problem, Reason


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
