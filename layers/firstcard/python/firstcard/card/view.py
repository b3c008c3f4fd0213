"""What the cards table holds besides patrons: ILS states, households, notices; and one consistent look at them together."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from firstcard.agreement.vocabulary import Group
from firstcard.card.patron import Patron, Stamp, State


@dataclass(frozen=True, slots=True)
class IlsState:
    """What the ILS last said of a patron: ``state`` is ``in_ils``, ``ended`` or ``failed`` for the patron's ``version``; ``reason`` is a code."""

    token: str
    role: str
    household: str
    state: str
    version: int
    ils_id: str
    reason: str
    stamp: Stamp
    pin: str = ""
    """The object in which the PIN that the ILS was last given is sealed; empty for the first one, which was drawn with the number."""

    def has_pin_of(self, patron: Patron) -> bool:
        """Whether the ILS holds the patron, and with the PIN that is sealed now."""
        return self.state == "in_ils" and not self.lacks_pin_of(patron)

    def lacks_pin_of(self, patron: Patron) -> bool:
        """Whether the PIN was renewed since the ILS was last given one."""
        return (self.pin or patron.envelopes.get(Group.CARD)) != patron.envelopes.get(Group.PIN)


@dataclass(frozen=True, slots=True)
class Household:
    """A household: tokens of its children (or of the one member of staff), its sealed contact data, and whom the last run announced."""

    token: str
    kind: str
    children: tuple[str, ...]
    announce: tuple[str, ...]
    sealed: bytes
    envelope: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class NoticeMark:
    """One notice about one patron: ``kind`` is what it is about, ``instead<n>`` for the card in place of the n-th wrong link; ``state`` is ``claimed``, ``open`` (it could not be sent; anybody may try again) or ``sent``; ``window_of`` is set while the opt-out window that it started runs."""

    household: str
    kind: str
    token: str
    state: str
    claimed_by: str
    stamp: Stamp
    told_at: str = ""
    window_of: str = ""


@dataclass(frozen=True, slots=True)
class PinMark:
    """That a patron's PIN was shown to its household, at the stamp's time. ``object`` is the one it is sealed in: a renewed PIN has another, and no mark yet."""

    token: str
    object: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Letter:
    """That a letter about one patron went home: the district's attestation of it (its key in the ledger), and when the days began (ISO 8601, UTC).

    ``window_of`` is set while they run, as of an announcement.
    """

    token: str
    told_at: str
    attestation: str
    stamp: Stamp
    window_of: str = ""


@dataclass(frozen=True, slots=True)
class Yes:
    """That a family said yes for one patron: by which way (``family`` or ``roster``), when (ISO 8601; of the roster's the day), under the stamp's agreement.

    ``window_of`` is set while the child waits, as of an announcement. ``household`` is the one that said it by its link: it says nothing for a child that lives elsewhere, or for itself, since.
    """

    token: str
    by: str
    given: str
    stamp: Stamp
    window_of: str = ""
    household: str = ""


@dataclass(frozen=True, slots=True)
class RecordedNo:
    """A suppression: by which way the no came (``family`` or ``roster``), and when (ISO 8601, UTC)."""

    by: str
    at: str


@dataclass(frozen=True, slots=True)
class OnFile:
    """What the table has of one patron: the patron, the recorded no, the ILS state, and for one that waits the announcement to its household, when that last bounced, a letter, and a yes."""

    patron: Patron | None = None
    no: RecordedNo | None = None
    ils: IlsState | None = None
    announcement: NoticeMark | None = None
    bounced_at: str = ""
    letter: Letter | None = None
    yes: Yes | None = None


@dataclass(frozen=True, slots=True)
class Stand:
    """Where one patron stands, without anything that is sealed: its state (empty if there is none), whether a no is on record, a household, whether the card is the family's own, and what the ILS said of this version (or that it has an earlier one)."""

    state: str = ""
    no: bool = False
    household: bool = False
    linked: bool = False
    ils: str = ""


@dataclass(frozen=True, slots=True)
class Holding:
    """Whether the table holds sealed data of a patron, and what decides how long: its state, since when (ISO 8601, UTC), and whether a no is on record."""

    token: str
    state: State
    version: int
    at: str
    household: str
    holds: bool
    no: bool = False

    def same_as(self, other: "Holding") -> bool:
        """Whether the patron is as it was when ``other`` was seen, but for what it holds."""
        return (self.state, self.version) == (other.state, other.version)


@dataclass(frozen=True, slots=True)
class View:
    """One consistent look at some patrons: their items, their refusals, their ILS states, and notices by (kind, token)."""

    patrons: Mapping[str, Patron]
    refused: Collection[str]
    ils: Mapping[str, IlsState] = field(default_factory=dict)
    notices: Mapping[tuple[str, str], NoticeMark] = field(default_factory=dict)
