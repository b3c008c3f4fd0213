"""The events on the card bus, version 1 of each.

``detail-type`` is the event's name; ``detail`` is one of these models. A consumer that needs a name asks the vault for it, with a purpose.
"""

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
Token = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="HMAC token; names nobody")]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", description="ISO 8601, UTC")]
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
Code = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{2,60}$", description="a stable reason code")]
Count = Annotated[int, Field(ge=0)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", description="the district's date")]


class Event(BaseModel):
    """What every event says: its own id (equal for the same fact told twice), when, under which agreement, and the run it belongs to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="equal for the same fact told twice")]
    version: Literal[1] = 1
    at: Moment
    sharing: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}\.[a-z][a-z0-9-]{1,30}$", description="data-sharing id: library.district")]
    agreement: str
    library: Slug
    district: Slug
    run_id: Annotated[RunId, Field(description="correlation id from drop to e-mail")]

    @property
    def name(self) -> str:
        """The event's detail-type."""
        return type(self).__name__


class _RosterEvent(Event):
    pass


class RosterReceived(_RosterEvent):
    """A roster was opened: sender and encryption are as agreed."""

    size: Annotated[int, Field(ge=0, description="bytes as uploaded")]
    protection: Literal["signed", "encrypted", "plain"]


class RosterRejected(_RosterEvent):
    """A file was refused whole; nothing was changed."""

    reason: Code


class RosterHeld(_RosterEvent):
    """A plan waits for a person at the library."""

    reasons: tuple[Code, ...]
    plan_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    decisions: dict[str, Count]


class RosterProcessed(_RosterEvent):
    """A roster was applied, or ended without being applied; the receipt is in the outbox."""

    outcome: Literal["applied", "rejected", "superseded", "stopped", "failed"]
    rows: Count
    accepted: Count
    rejected: Count
    decisions: dict[str, Count]


class RosterLate(_RosterEvent):
    """No roster came where the agreement's cadence and calendar ask for one; ``run_id`` is the run of the last that came."""

    due: Annotated[Day, Field(description="the district's date by whose noon it should have come")]
    cadence: Literal["nightly", "weekly", "monthly"]
    last_received_at: Moment


class _CardEvent(Event):
    token: Token
    role: Literal["student", "staff"]
    household: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$", description="household token, empty without an address")]
    patron_version: Annotated[int, Field(ge=1)]


class CardIssued(_CardEvent):
    """A card exists for this patron; the ILS is next."""


class CardUpdated(_CardEvent):
    """What the school knows of the patron changed."""


class CardRenewed(_CardEvent):
    """A patron who had left is back, with the same card."""


class CardExpired(_CardEvent):
    """The patron left the roster; the card ends after the agreement's grace days."""


class CardRevoked(_CardEvent):
    """A no: the card ends at once, the sealed data are gone."""


class CardLinked(_CardEvent):
    """The card that the family already has is to serve as the student card; the ILS is next. It stays the family's own."""


class CardUnlinked(_CardEvent):
    """A family's own card serves no longer as the student card; it works on as it did before."""

    because: Annotated[
        Literal["left", "refused", "mistaken", "no_yes"],
        Field(
            description="refused: a no, the sealed data are gone; mistaken: a person found the card to be somebody else's, and the student gets another; no_yes: no new yes came for the year"
        ),
    ]


class CardSynced(_CardEvent):
    """The ILS accepted this version of the patron."""

    state: Literal["in_ils", "ended"]
    remark: Annotated[
        str,
        Field(
            pattern=r"^([a-z][a-z0-9_]{2,60})?$",
            description="a code of docs/ils-koha.md for somebody at the library to look at; mostly empty",
        ),
    ] = ""


class CardSyncFailed(_CardEvent):
    """The ILS refused this version of the patron for good."""

    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,60}$", description="a code of docs/ils-koha.md")]


class RefusalRecorded(Event):
    """Somebody said no for this child; it holds until a person undoes it."""

    token: Token
    by: Literal["family", "roster", "district", "staff"]


class MatchInDoubt(Event):
    """A student may be somebody whom the library knows, or another student: a person at the library decides (``firstcard matches``)."""

    match: Annotated[str, Field(pattern=r"^[0-9a-f]{24}$", description="the pair's id")]
    token: Token
    kind: Annotated[Literal["patron", "student"], Field(description="whom the student is compared with")]
    evidence_class: Annotated[
        str, Field(pattern=r"^(patron|student):(clear|[A-Z]\d+(\+[A-Z]\d+)*)$", description="pairs of one class are decided alike")
    ]


class HouseholdRecorded(Event):
    """A household is new or changed; ``announce`` are those of its members that it has not heard about yet, often none."""

    household: Token
    kind: Literal["family", "staff"]
    announce: tuple[Token, ...]


class NoticeSent(Event):
    """The mail service accepted an e-mail to a household."""

    household: Token
    kind: Literal["announcement", "card", "staff", "pin"]
    token: Token


class NoticeBounced(Event):
    """An e-mail to a household did not reach it, or was complained of."""

    household: Token
    because: Annotated[
        Literal["bounced", "complained"],
        Field(
            description="bounced: the address takes no mail, and children who wait go on waiting; complained: it arrived, and nothing changes"
        ),
    ]


class DataDestroyed(Event):
    """Sealed data were destroyed, as a clause of the agreement says; ``run_id`` names the act. Counts alone: of patrons, of households' contacts, and of the vault's objects."""

    because: Annotated[Literal["withdrawal", "term"], Field(description="withdrawal: they left so long ago; term: the agreement ended")]
    patrons: Count
    households: Count
    objects: Count


EVENTS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        RosterReceived, RosterRejected, RosterHeld, RosterProcessed, RosterLate, CardIssued, CardUpdated, CardRenewed, CardExpired, CardRevoked,
        CardLinked, CardUnlinked, CardSynced, CardSyncFailed, RefusalRecorded, MatchInDoubt, HouseholdRecorded, NoticeSent, NoticeBounced, DataDestroyed,
    )
}  # fmt: skip


def new_event(name: str, *, key: str, **fields: Any) -> Event:  # noqa: ANN401  the model checks every field
    """The event ``name`` with its id made from ``key``: what makes this fact the same fact when it is told again."""
    return EVENTS[name](id=hashlib.sha256(f"{name}\0{key}".encode()).hexdigest()[:32], **fields)
