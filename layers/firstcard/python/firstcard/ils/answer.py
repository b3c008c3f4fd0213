"""What an ILS can answer: it took the patron, it will not take it, or it could not be asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from firstcard.ils.reasons import SyncReason


@dataclass(frozen=True, slots=True)
class Accepted:
    """The ILS holds exactly what was asked for; ``ils_id`` is its own number of the patron.

    ``ils_id`` is empty only when ending a patron that the ILS does not have: then there is nothing to end. ``remark`` is what somebody at the library should
    see all the same: that a family's card, linked as it is, is blocked, or that it could not be renewed as agreed.
    """

    ils_id: str
    remark: SyncReason | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The ILS, or our own care for other people's cards, says no; asking again unchanged brings the same answer.

    ``ils_id`` is the number of a patron that the ILS holds complete but would not change, else empty. A patron whose PIN was refused is not complete:
    repeated without an id, ``put`` finds it by its token and sets the PIN.
    """

    reason: SyncReason
    ils_id: str = ""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nothing is known to be wrong with this patron: ask again later, whatever may have been written meanwhile.

    ``retry_after`` is in seconds, as the ILS asked for it, or None.
    """

    reason: SyncReason
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class PatronPage:
    """Some of the library's own patrons, each with the fields that were asked for and no other; ``last`` is the highest number among them, 0 at the end."""

    patrons: Sequence[Mapping[str, str]] = field(repr=False)
    last: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of a library check: what was tried, and what stood against it (None: nothing).

    ``left_behind`` is the ILS's number of a trial patron that could not be deleted again, else empty.
    """

    subject: str
    reason: SyncReason | None = None
    left_behind: str = ""

    @property
    def passed(self) -> bool:
        """True if nothing stood against it and nothing was left behind."""
        return self.reason is None and not self.left_behind
