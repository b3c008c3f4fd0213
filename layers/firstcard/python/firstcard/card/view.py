"""What the cards table holds besides patrons: ILS states, households, notices; and one consistent look at them together."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from firstcard.agreement.vocabulary import Group
from firstcard.card.patron import Patron, Stamp, State

ASKED = "#asked"
"""What follows the data-sharing id in ``window_of`` of an e-mail that asks for a new yes."""


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
    """A household: tokens of its children (or of the one member of staff), its sealed contact data (empty once they were destroyed), and whom the last run announced."""

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
    void_until: str = ""
    """Of one that is claimed: an earlier one told before this moment counts no more (ISO 8601); not kept."""
    issued_at: str = ""
    """Of one about a card: when the card that it tells of was issued. Of a card that is issued anew, another one is told."""

    @property
    def since(self) -> str:
        """When it was told, or claimed."""
        return self.told_at or self.stamp.at


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
class RecordedNo:
    """A suppression: by which way the no came (``family`` or ``roster``), and when (ISO 8601, UTC). ``ended_at`` and ``ended_by``: a person ended the card by hand.

    Of one that was taken back, ``ended_at`` is when its card was ended at all, and ``left_open`` says that there was one, and that it was not ended yet.
    """

    by: str
    at: str
    ended_at: str = ""
    ended_by: str = ""
    left_open: bool = False


@dataclass(frozen=True, slots=True)
class TakenBack:
    """That the last no of a patron was taken back: when that came on record (ISO 8601, UTC), who said so (``district``, ``student`` or ``guardian``), and the key of the ledger's entry.

    What was told or said up to then counts no more. ``yes_from`` is the first day (ISO 8601) of a yes in a roster that counts again. ``no`` is what was taken back.
    """

    token: str
    at: str
    said_by: str
    yes_from: str
    entry: str
    no: RecordedNo


@dataclass(frozen=True, slots=True)
class No:
    """One no of a library's, be it that it was taken back since (when, else empty)."""

    token: str
    no: RecordedNo
    stamp: Stamp
    taken_back: str = ""


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
    void_until: str = ""
    """Until when what was said counts no more, because a no came after it and was taken back then (ISO 8601); not kept."""

    def counts(self, back: TakenBack | None) -> bool:
        """Whether it was said after the child's last no was taken back; of the roster's the day tells."""
        return back is None or (self.stamp.at > back.at and (self.by != "roster" or self.given >= back.yes_from))


@dataclass(frozen=True, slots=True)
class OnFile:
    """What the table has of one patron: the patron, the recorded no or that it was taken back, the ILS state, and for one that waits what still counts of the announcement to its household (and when that last bounced), a letter, and a yes."""

    patron: Patron | None = None
    no: RecordedNo | None = None
    ils: IlsState | None = None
    announcement: NoticeMark | None = None
    bounced_at: str = ""
    letter: Letter | None = None
    yes: Yes | None = None
    taken_back: TakenBack | None = None


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
    """Whether the table holds sealed data of a patron, and what decides how long: its state, since when (ISO 8601, UTC), and whether a no holds."""

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
    """One consistent look at some patrons: their items, their refusals, their ILS states, and notices by (kind, token).

    ``ended_by_hand`` are those of the refused whose cards a person ended; ``taken_back`` those whose last no holds no more.
    """

    patrons: Mapping[str, Patron]
    refused: Collection[str]
    ils: Mapping[str, IlsState] = field(default_factory=dict)
    notices: Mapping[tuple[str, str], NoticeMark] = field(default_factory=dict)
    ended_by_hand: Collection[str] = ()
    taken_back: Mapping[str, TakenBack] = field(default_factory=dict)
