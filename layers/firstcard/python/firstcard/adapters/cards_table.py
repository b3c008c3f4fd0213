"""The cards table, with pynamodb.

Every kind of item has one writer (docs/architecture.md), so that bulk writes need no conditions; what two writers may touch is written conditionally.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from pynamodb.attributes import (
    Attribute,
    BinaryAttribute,
    BooleanAttribute,
    DiscriminatorAttribute,
    JSONAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.connection import Connection
from pynamodb.constants import MAP
from pynamodb.exceptions import PutError, TransactWriteError, UpdateError
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from firstcard.adapters.dynamo import open_table
from firstcard.card.chunk import Chunk, HouseholdLine
from firstcard.card.claim import Claim, Unnumbered, handed_over
from firstcard.card.effect import Effect, effect_of
from firstcard.card.fallout import Became, together
from firstcard.card.issue import CrowdedError, Standing
from firstcard.card.pair import MACHINE, Answer, Kind, Pair
from firstcard.card.patron import Ownership, Patron, Stamp, State, refuse
from firstcard.card.view import (
    ASKED,
    Holding,
    Household,
    IlsState,
    Letter,
    No,
    NoticeMark,
    OnFile,
    PinMark,
    RecordedNo,
    Stand,
    TakenBack,
    View,
    Yes,
)
from firstcard.card.window import YES, Window, never_arrived
from firstcard.vault import Envelope

TRANSACTION_OPERATIONS = 100
"""DynamoDB's limit of operations in one transaction."""
RELEASED_AT_ONCE = TRANSACTION_OPERATIONS // 2
"""A release is two operations: the patron, and the notice whose window ends with it."""

TRIES_KEPT = timedelta(days=3)
"""After how long the count of a day's tries goes; by any clock that day is over then."""

_REFUSED_BY_CONDITION = "ConditionalCheckFailedException"


_WAITS, _DECIDED, _TOGETHER = "waits", "decided", "together"
_AT_ONCE = 100
_STANDS_AT_ONCE = 3000
"""Patrons whose items are held at a time while they are counted."""
_OF_A_HOLDING = ["item", "pk", "sk", "token", "state", "version", "at", "household", "envelopes", "taken_back"]
_OF_A_STAND = ["item", "pk", "sk", "state", "version", "household", "ownership", "mistaken", "ils_id", "taken_back"]


class SealedAttribute(Attribute[Mapping[str, bytes]]):
    """A map of field group to sealed bytes."""

    attr_type = MAP

    def serialize(self, value: Mapping[str, bytes]) -> dict[str, Any]:
        """As DynamoDB's wire form."""
        return {group: {"B": sealed} for group, sealed in value.items()}

    def deserialize(self, value: Mapping[str, Any]) -> Mapping[str, bytes]:
        """From DynamoDB's wire form."""
        return {group: sealed["B"] for group, sealed in value.items()}


class NamesAttribute(Attribute[Mapping[str, str]]):
    """A map of field group to the name of an object."""

    attr_type = MAP

    def serialize(self, value: Mapping[str, str]) -> dict[str, Any]:
        """As DynamoDB's wire form."""
        return {group: {"S": name} for group, name in value.items()}

    def deserialize(self, value: Mapping[str, Any]) -> Mapping[str, str]:
        """From DynamoDB's wire form."""
        return {group: name["S"] for group, name in value.items()}


class WrappedKeysAttribute(Attribute[Mapping[str, Mapping[str, bytes]]]):
    """Wrapped data keys, by field group and purpose."""

    attr_type = MAP

    def serialize(self, value: Mapping[str, Mapping[str, bytes]]) -> dict[str, Any]:
        """As DynamoDB's wire form."""
        return {group: {"M": {purpose: {"B": key} for purpose, key in keys.items()}} for group, keys in value.items()}

    def deserialize(self, value: Mapping[str, Any]) -> Mapping[str, Mapping[str, bytes]]:
        """From DynamoDB's wire form."""
        return {group: {purpose: key["B"] for purpose, key in keys["M"].items()} for group, keys in value.items()}


class CardItem(Model):
    """Any item of the table."""

    class Meta:
        """The table's name is set by ``CardsTable``: nothing is fixed when this module is imported."""

        table_name = ""
        max_retry_attempts = 8

    item = DiscriminatorAttribute(attr_name="item")
    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    sharing = UnicodeAttribute()
    agreement = UnicodeAttribute()
    library = UnicodeAttribute()
    district = UnicodeAttribute()
    run_id = UnicodeAttribute()
    at = UnicodeAttribute()


class PatronItem(CardItem, discriminator="patron"):
    """A patron."""

    token = UnicodeAttribute()
    role = UnicodeAttribute()
    state = UnicodeAttribute()
    version = NumberAttribute()
    household = UnicodeAttribute(null=True)
    card_token = UnicodeAttribute(null=True)
    ownership = UnicodeAttribute()
    existing = UnicodeAttribute(null=True)
    mistaken: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, null=True)
    separate = BooleanAttribute(null=True)
    moved_from = UnicodeAttribute(null=True)
    moved_to = UnicodeAttribute(null=True)
    fingerprint = UnicodeAttribute()
    issued_at = UnicodeAttribute(null=True)
    sealed = SealedAttribute()
    envelopes = NamesAttribute()


class IlsItem(CardItem, discriminator="ils"):
    """What the ILS accepted of a patron."""

    token = UnicodeAttribute()
    role = UnicodeAttribute()
    household = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    version = NumberAttribute()
    ils_id = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    pin = UnicodeAttribute(null=True)


class RefusalItem(CardItem, discriminator="refusal"):
    """A no. With ``taken_back`` it holds no more; ``ended_at`` and ``ended_by`` say that a person ended the card by hand.

    In the index of windows it stands under its library's noes, by when it was said; taken back, under those whom the next roster takes up again.
    """

    token = UnicodeAttribute()
    by = UnicodeAttribute()
    told_at = UnicodeAttribute(null=True)
    window_of = UnicodeAttribute(null=True)
    ended_at = UnicodeAttribute(null=True)
    ended_by = UnicodeAttribute(null=True)
    taken_back = UnicodeAttribute(null=True)
    said_by = UnicodeAttribute(null=True)
    yes_from = UnicodeAttribute(null=True)
    entry = UnicodeAttribute(null=True)


class PastNoItem(CardItem, discriminator="past_no"):
    """A no that was taken back, kept for good; ``ended_at`` is when the card was ended for it, if it was, ``left_open`` says that it was still to be. Written once, with the taking back."""

    token = UnicodeAttribute()
    by = UnicodeAttribute()
    told_at = UnicodeAttribute()
    window_of = UnicodeAttribute()
    ended_at = UnicodeAttribute(null=True)
    ended_by = UnicodeAttribute(null=True)
    left_open = BooleanAttribute(null=True)
    taken_back = UnicodeAttribute()
    said_by = UnicodeAttribute()
    entry = UnicodeAttribute()


class HouseholdItem(CardItem, discriminator="household"):
    """A household."""

    household = UnicodeAttribute()
    kind = UnicodeAttribute()
    children: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    announce: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    sealed = BinaryAttribute(legacy_encoding=False, null=True)
    envelope = UnicodeAttribute()


class NoticeItem(CardItem, discriminator="notice"):
    """A notice about one patron to one household: claimed, then sent."""

    household = UnicodeAttribute()
    kind = UnicodeAttribute()
    token = UnicodeAttribute()
    state = UnicodeAttribute()
    claimed_by = UnicodeAttribute()
    told_at = UnicodeAttribute(null=True)
    window_of = UnicodeAttribute(null=True)
    issued_at = UnicodeAttribute(null=True)


class LetterItem(CardItem, discriminator="letter"):
    """A letter about one patron that went home."""

    token = UnicodeAttribute()
    attestation = UnicodeAttribute()
    told_at = UnicodeAttribute()
    window_of = UnicodeAttribute(null=True)


class YesItem(CardItem, discriminator="yes"):
    """A family's yes for one patron; ``told_at`` is when it came on record."""

    token = UnicodeAttribute()
    by = UnicodeAttribute()
    given = UnicodeAttribute()
    told_at = UnicodeAttribute()
    window_of = UnicodeAttribute(null=True)
    household = UnicodeAttribute(null=True)


class BounceItem(CardItem, discriminator="bounce"):
    """That e-mails to a household came back for good, or that somebody there complained of one; ``at`` is when it last happened."""

    household = UnicodeAttribute()


STOPPED = "#stopped"
"""What follows the data-sharing id in ``window_of`` of an announcement that never arrived."""

SAID, TAKEN_BACK, NOES = "#said", "#taken-back", "#noes"
"""What follows the data-sharing id (of noes the library) in ``window_of`` of a yes that was heard, of a no that was taken back, and of a no."""


class PinMarkItem(CardItem, discriminator="pin"):
    """A PIN that was shown. Written once."""

    token = UnicodeAttribute()
    object = UnicodeAttribute()


class TriesItem(CardItem, discriminator="tries"):
    """How many answers of one household and day found no PIN. Goes by itself after ``gone_at`` (seconds since 1970)."""

    counted = NumberAttribute()
    gone_at = NumberAttribute()


class PairItem(CardItem, discriminator="pair"):
    """A student and somebody who is the same person, or may be."""

    left = UnicodeAttribute()
    right = UnicodeAttribute()
    kind = UnicodeAttribute()
    answer = UnicodeAttribute()
    by = UnicodeAttribute()
    since = UnicodeAttribute()
    weight = NumberAttribute()
    evidence = UnicodeAttribute()
    vetoes: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    stirred: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    rules = UnicodeAttribute()
    ils_id = UnicodeAttribute(null=True)
    decided_at = UnicodeAttribute(null=True)
    shown_in = UnicodeAttribute(null=True)
    recorded_at = UnicodeAttribute(null=True)
    pair_of = UnicodeAttribute(null=True)


class NumberItem(CardItem, discriminator="number"):
    """A card number that is somebody's for good."""

    number = UnicodeAttribute()
    token = UnicodeAttribute()


class UnnumberedItem(CardItem, discriminator="unnumbered"):
    """Somebody who got no card in a run because of the number."""

    token = UnicodeAttribute()


class BecameItem(CardItem, discriminator="became"):
    """What became of the lines of one chunk, in counts."""

    applied: JSONAttribute = JSONAttribute()
    fell_out: JSONAttribute = JSONAttribute()


class EnvelopeItem(CardItem, discriminator="envelope"):
    """The wrapped data keys of one chunk."""

    object = UnicodeAttribute()
    wrapped = WrappedKeysAttribute()


class WindowIndex(GlobalSecondaryIndex["Entry"]):  # type: ignore[no-untyped-call]  # pynamodb's metaclass is untyped
    """Announcements whose window runs, by data-sharing id and the time the family was told."""

    class Meta:
        """Index as the template makes it."""

        index_name = "windows"
        projection = IncludeProjection(["token"])

    window_of = UnicodeAttribute(hash_key=True)
    told_at = UnicodeAttribute(range_key=True)


class PairIndex(GlobalSecondaryIndex["Entry"]):  # type: ignore[no-untyped-call]  # pynamodb's metaclass is untyped
    """Pairs that wait for a person, and pairs that a person decided on, by library and the time they were first told of."""

    class Meta:
        """Index as the template makes it."""

        index_name = "pairs"
        projection = KeysOnlyProjection()

    pair_of = UnicodeAttribute(hash_key=True)
    since = UnicodeAttribute(range_key=True)


class Entry(Model):
    """An item as an index shows it: keys, and of a window the token."""

    class Meta:
        """As for ``CardItem``."""

        table_name = ""
        max_retry_attempts = 8

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    token = UnicodeAttribute(null=True)
    told_at = UnicodeAttribute(null=True)
    windows = WindowIndex()
    pairs = PairIndex()


ITEMS: tuple[type[Model], ...] = (
    *(
        CardItem,
        PatronItem,
        IlsItem,
        RefusalItem,
        PastNoItem,
        HouseholdItem,
        NoticeItem,
        PairItem,
        EnvelopeItem,
        NumberItem,
        UnnumberedItem,
        BecameItem,
        PinMarkItem,
        TriesItem,
        LetterItem,
        YesItem,
        BounceItem,
    ),
    Entry,
)


class CardsTable:
    """The cards table under one name: what issue, sync, notify, refuse and window need of it."""

    def __init__(self, table_name: str) -> None:
        open_table(table_name, ITEMS, indexed=Entry)

    # -- reading ----------------------------------------------------------------------------------------------------------------------------

    def _get(self, keys: Iterable[tuple[str, str]]) -> Iterator[CardItem]:
        unique = list(dict.fromkeys(keys))
        if unique:
            yield from CardItem.batch_get(unique, consistent_read=True)

    def standing(self, tokens: Sequence[str]) -> Standing:
        """Patrons and refusals, consistently read, 100 items a call."""
        view = self.view(tokens, ils=False)
        return Standing(view.patrons, view.refused, view.taken_back)

    def refusals(self, tokens: Sequence[str]) -> set[str]:
        """Those that a suppression stands for, consistently read."""
        return {item.token for item in self._refusal_items(tokens) if not item.taken_back}

    def _refusal_items(self, tokens: Iterable[str]) -> list[RefusalItem]:
        """The last no of each, be it that it was taken back."""
        return [item for item in self._get((f"patron#{t}", "refusal") for t in tokens) if isinstance(item, RefusalItem)]

    def view(self, tokens: Sequence[str], *, ils: bool = True, notices: Sequence[tuple[str, str, str]] = ()) -> View:
        """Patrons, refusals, ILS states and notices (household, kind, token) in as few calls as 100 items each allow."""
        kinds = ("patron", "refusal", "ils") if ils else ("patron", "refusal")
        keys = [(f"patron#{t}", kind) for t in tokens for kind in kinds]
        keys += [(f"household#{h}", f"notice#{kind}#{t}") for h, kind, t in notices]
        patrons: dict[str, Patron] = {}
        refused: set[str] = set()
        by_hand: set[str] = set()
        back: dict[str, TakenBack] = {}
        states: dict[str, IlsState] = {}
        marks: dict[tuple[str, str], NoticeMark] = {}
        for item in self._get(keys):
            match item:
                case PatronItem():
                    patrons[item.token] = _patron(item)
                case RefusalItem(taken_back=str()):
                    back[item.token] = _taken_back(item)
                case RefusalItem():
                    refused.add(item.token)
                    by_hand.update([item.token] if item.ended_at else ())
                case IlsItem():
                    states[item.token] = _ils_state(item)
                case NoticeItem():
                    marks[item.kind, item.token] = _mark(item)
        return View(patrons, refused, states, marks, by_hand, back)

    def on_file(self, token: str) -> OnFile:
        """What the table has of one patron, consistently read."""
        items = {item.sk: item for item in self._get((f"patron#{token}", kind) for kind in ("patron", "refusal", "ils", "letter", YES))}
        patron, no, ils, letter, yes = (items.get(kind) for kind in ("patron", "refusal", "ils", "letter", YES))
        mark, bounce = None, None
        if isinstance(patron, PatronItem) and patron.household and patron.state == str(State.WAITING):
            home = f"household#{patron.household}"
            told = {item.sk: item for item in self._get([(home, f"notice#announcement#{token}"), (home, "bounce")])}
            mark, bounce = told.get(f"notice#announcement#{token}"), told.get("bounce")
        last = no if isinstance(no, RefusalItem) else None
        back = _taken_back(last) if last and last.taken_back else None
        until = back.at if back else ""
        announced = _mark(mark) if isinstance(mark, NoticeItem) else None
        sent = _letter(letter) if isinstance(letter, LetterItem) else None
        said = _yes(yes) if isinstance(yes, YesItem) else None
        return OnFile(
            patron=_patron(patron) if isinstance(patron, PatronItem) else None,
            no=_recorded(last) if last and not last.taken_back else None,
            ils=_ils_state(ils) if isinstance(ils, IlsItem) else None,
            announcement=announced if announced and announced.since > until else None,
            bounced_at=bounce.at if isinstance(bounce, BounceItem) else "",
            letter=sent if sent and sent.stamp.at > until else None,
            yes=said if said and said.counts(back) else None,
            taken_back=back,
        )

    def stands(self, tokens: Iterable[str]) -> Iterator[tuple[str, Stand]]:
        """Where each of these patrons stands, as of a moment ago. What is sealed is not even asked for."""
        waiting = iter(tokens)
        while some := list(islice(waiting, _STANDS_AT_ONCE)):
            keys = [(f"patron#{token}", kind) for token in some for kind in ("patron", "refusal", "ils")]
            found: dict[str, dict[str, CardItem]] = {}
            for item in CardItem.batch_get(keys, attributes_to_get=_OF_A_STAND):
                found.setdefault(item.pk.removeprefix("patron#"), {})[item.sk] = item
            yield from ((token, _stand(found.get(token, {}))) for token in some)

    def holdings(self, tokens: Iterable[str]) -> Iterator[Holding]:
        """Which of these patrons hold sealed data, consistently read. What is sealed is not even asked for."""
        waiting = iter(tokens)
        while some := list(islice(waiting, _STANDS_AT_ONCE)):
            keys = [(f"patron#{token}", kind) for token in some for kind in ("patron", "refusal")]
            items = list(CardItem.batch_get(keys, consistent_read=True, attributes_to_get=_OF_A_HOLDING))
            noes = {item.pk for item in items if isinstance(item, RefusalItem) and not item.taken_back}
            for item in items:
                if isinstance(item, PatronItem):
                    state, holds = State(item.state), bool(item.envelopes)
                    yield Holding(item.token, state, int(item.version), item.at, item.household or "", holds, item.pk in noes)

    def households(self, households: Sequence[str]) -> dict[str, Household]:
        """Households by their tokens, consistently read."""
        return {
            item.household: _household(item)
            for item in self._get((f"household#{h}", "profile") for h in households)
            if isinstance(item, HouseholdItem)
        }

    def envelopes(self, objects: Sequence[str]) -> dict[str, Envelope]:
        """Envelopes by the names of their objects."""
        found = self._get((f"envelope#{o}", "envelope") for o in objects)
        return {item.object: Envelope(item.object, item.sharing, item.wrapped, item.at) for item in found if isinstance(item, EnvelopeItem)}

    # -- issue ------------------------------------------------------------------------------------------------------------------------------

    def claim_numbers(self, claims: Sequence[Claim]) -> set[str]:
        """Claim numbers, each unless it is somebody else's, as many at once as a transaction takes; gives those that are."""
        taken = {claim.number for claim in claims if claim.moved_from and not self._moved(claim)}
        free = [claim for claim in claims if not claim.moved_from]
        for start in range(0, len(free), TRANSACTION_OPERATIONS):
            taken |= self._claim_numbers(free[start : start + TRANSACTION_OPERATIONS])
        return taken

    def _moved(self, claim: Claim) -> bool:
        """Let a number go over from one patron to another in one step with both items, so that whoever is back at this moment keeps it, and so does who said no."""
        holder = self.holders([claim.number]).get(claim.number)
        if holder == claim.token:
            return True
        there = self.standing([claim.moved_from])
        after = handed_over(there.patrons.get(claim.moved_from), claim)
        if holder != claim.moved_from or claim.moved_from in there.refused or after is None or claim.moved is None:
            return False
        new = PatronItem.pk.does_not_exist() if claim.moved.version == 1 else PatronItem.version == claim.moved.version - 1
        try:
            with TransactWrite(connection=self._connection()) as transaction:
                transaction.save(_number_item(claim), condition=NumberItem.token == claim.moved_from)
                transaction.save(_patron_item(after), condition=PatronItem.version == after.version - 1)
                transaction.save(_patron_item(claim.moved), condition=new)
        except TransactWriteError as error:
            if not any(_was_lost([reason]) for reason in error.cancellation_reasons):
                raise
            return False
        return True

    def _claim_numbers(self, claims: Sequence[Claim]) -> set[str]:
        if not claims:
            return set()
        try:
            with TransactWrite(connection=self._connection()) as transaction:
                for claim in claims:
                    free = NumberItem.pk.does_not_exist() | (NumberItem.token == claim.token)
                    transaction.save(_number_item(claim), condition=free)
        except TransactWriteError as error:
            lost = [_was_lost([reason]) for reason in error.cancellation_reasons]
            if not any(lost):
                raise
            left = [claim for claim, gone in zip(claims, lost, strict=True) if not gone]
            return {claim.number for claim, gone in zip(claims, lost, strict=True) if gone} | self._claim_numbers(left)
        return set()

    def holders(self, numbers: Sequence[str]) -> dict[str, str]:
        """Whose each claimed number is: the patron's token by the number's, consistently read."""
        found = self._get((f"number#{n}", "number") for n in numbers)
        return {item.number: item.token for item in found if isinstance(item, NumberItem)}

    def leave_without_number(self, people: Sequence[Unnumbered]) -> None:
        """Write in bulk who got no card because of the number: issue is their only writer."""
        with CardItem.batch_write() as batch:
            for one in people:
                batch.save(UnnumberedItem(f"unnumbered#{one.stamp.run_id}", one.token, token=one.token, **_stamp(one.stamp)))

    def unnumbered(self, run_id: str) -> set[str]:
        """Everybody who got no card in the run because of the number."""
        return {item.token for item in UnnumberedItem.query(f"unnumbered#{run_id}", consistent_read=True)}

    def is_unnumbered(self, run_id: str, token: str) -> bool:
        """Whether this one got no card in the run because of the number."""
        return any(True for _ in self._get([(f"unnumbered#{run_id}", token)]))

    def note(self, chunk: Chunk, said: Became) -> None:
        """Write what became of a chunk's lines: issue is the only writer, and the same chunk has one item."""
        stamp = Stamp(chunk.sharing, chunk.agreement, chunk.library, chunk.district, chunk.run_id, chunk.at)
        with CardItem.batch_write() as batch:
            batch.save(
                BecameItem(
                    f"became#{chunk.run_id}", chunk.object, applied=dict(said.applied), fell_out=dict(said.fell_out), **_stamp(stamp)
                )
            )

    def became(self, run_id: str) -> Became:
        """What became of the lines of a run's chunks."""
        return together(Became(item.applied, item.fell_out) for item in BecameItem.query(f"became#{run_id}", consistent_read=True))

    def add(self, chunk: Chunk, patrons: Sequence[Patron]) -> None:
        """Write a chunk's envelope, then new patrons in bulk."""
        _envelope_item(chunk).save()
        with CardItem.batch_write() as batch:
            for patron in patrons:
                batch.save(_patron_item(patron))

    def tell(self, chunk: Chunk) -> None:
        """Write a chunk's households in bulk."""
        with CardItem.batch_write() as batch:
            for line in chunk.households:
                batch.save(_household_item(line, chunk))

    def change(self, patron: Patron) -> bool:
        """Write the patron if its earlier version is still there."""
        return _saved(_patron_item(patron), PatronItem.version == patron.version - 1)

    def record_refusals(self, tokens: Sequence[str], *, by: str, stamp: Stamp) -> None:
        """Write suppressions; one that holds stays. After one that was taken back comes another; a roster's counts by when the file came."""
        known = self.refusals(tokens)
        afresh = RefusalItem.taken_back < stamp.at if by == "roster" else RefusalItem.taken_back.exists()
        for token in tokens:
            if token not in known:
                item = RefusalItem(f"patron#{token}", "refusal", token=token, by=by, **_stamp(stamp))
                item.told_at, item.window_of = stamp.at, f"{stamp.library}{NOES}"
                _saved(item, RefusalItem.pk.does_not_exist() | afresh)

    # -- noes that are taken back, and cards that are ended by hand --------------------------------------------------------------------------

    def take_back(self, back: TakenBack, stamp: Stamp) -> bool:
        """Let a no hold no more, and keep it as it was, in one step; False, with nothing written, if it is not the one that holds. ``stamp`` is the no's own."""
        last = {
            "told_at": back.at, "window_of": f"{stamp.sharing}{TAKEN_BACK}",
            "taken_back": back.at, "said_by": back.said_by, "yes_from": back.yes_from, "entry": back.entry,
        }  # fmt: skip
        past = PastNoItem(
            f"patron#{back.token}",
            f"no#{back.no.at}",
            token=back.token,
            by=back.no.by,
            told_at=back.no.at,
            window_of=f"{stamp.library}{NOES}",
            ended_at=back.no.ended_at or None,
            ended_by=back.no.ended_by or None,
            left_open=back.no.left_open or None,
            taken_back=back.at,
            said_by=back.said_by,
            entry=back.entry,
            **_stamp(stamp),
        )
        same = (RefusalItem.at == back.no.at) & RefusalItem.taken_back.does_not_exist()
        try:
            with TransactWrite(connection=self._connection()) as transaction:
                transaction.save(past)
                transaction.update(
                    RefusalItem(f"patron#{back.token}", "refusal"),
                    actions=[getattr(RefusalItem, name).set(value) for name, value in last.items()],
                    condition=same,
                )
        except TransactWriteError as error:
            if not any(_was_lost([reason]) for reason in error.cancellation_reasons):
                raise
            return False
        return True

    def no_of(self, token: str) -> No | None:
        """The last no of a patron, be it that it was taken back; consistently read."""
        return next((_no(item) for item in self._refusal_items([token])), None)

    def effect(self, no: No) -> Effect:
        """What became of a no in the library's system so far."""
        view = self.view([no.token])
        return effect_of(no, view.patrons.get(no.token), view.ils.get(no.token))

    def taken_back(self, sharing: str) -> dict[str, TakenBack]:
        """Those whose no was taken back, by token, and whom no roster has taken up since."""
        tokens = [entry.token or "" for entry in Entry.windows.query(f"{sharing}{TAKEN_BACK}")]
        found = (item for item in self._refusal_items(tokens) if item.taken_back and item.window_of)
        return {item.token: _taken_back(item) for item in found}

    def take_up(self, moments: Mapping[str, str]) -> None:
        """Write that these are there again: no roster need look for them."""
        for token, moment in moments.items():
            _updated(RefusalItem(f"patron#{token}", "refusal"), [RefusalItem.window_of.remove()], RefusalItem.taken_back == moment)

    def close_letters(self, tokens: Sequence[str]) -> None:
        """Take letters out of the index of running windows."""
        for token in tokens:
            _updated(LetterItem(f"patron#{token}", "letter"), [LetterItem.window_of.remove()], LetterItem.pk.exists())

    def noes(self, library: str, *, since: str = "") -> Iterator[No]:
        """The noes of a library from a moment on (ISO 8601), oldest first, those too that were taken back."""
        after = WindowIndex.told_at >= since if since else None
        entries = Entry.windows.query(f"{library}{NOES}", after)
        while page := list(islice(entries, _AT_ONCE)):
            found = {(item.pk, item.sk): item for item in self._get((entry.pk, entry.sk) for entry in page)}
            for entry in page:
                item = found.get((entry.pk, entry.sk))
                # The index may be behind: what was taken back meanwhile stands in it a second time.
                if isinstance(item, PastNoItem) or (isinstance(item, RefusalItem) and not item.taken_back):
                    yield _no(item)

    def end_by_hand(self, no: No, *, by: str, at: str) -> bool:
        """Write that a person ended the card of a no, unless somebody did before or it does not hold; whether it was written."""
        holds = (RefusalItem.at == no.no.at) & RefusalItem.taken_back.does_not_exist() & RefusalItem.ended_at.does_not_exist()
        item = RefusalItem(f"patron#{no.token}", "refusal")
        return _updated(item, [RefusalItem.ended_at.set(at), RefusalItem.ended_by.set(by)], holds)

    # -- pairs ------------------------------------------------------------------------------------------------------------------------------

    def pairs(self, ids: Sequence[str]) -> dict[str, Pair]:
        """Pairs by their ids, consistently read."""
        found = self._get((f"pair#{one}", "pair") for one in ids)
        return {pair.id: pair for item in found if isinstance(item, PairItem) for pair in [_pair(item)]}

    def add_pairs(self, pairs: Sequence[Pair]) -> None:
        """Write new pairs in bulk."""
        with CardItem.batch_write() as batch:
            for pair in pairs:
                batch.save(_pair_item(pair))

    def change_pair(self, pair: Pair) -> bool:
        """Write the pair unless a person has decided on it; a person's decision is written over the machine's only."""
        return _saved(_pair_item(pair), PairItem.by == MACHINE)

    def decide_pair(self, pair: Pair, *, was_by: str) -> bool:
        """Write a person's decision if nobody has decided since it was read."""
        return _saved(_pair_item(pair), PairItem.by == was_by)

    def waiting_pairs(self, library: str) -> Iterator[Pair]:
        """The pairs of a library that wait for a person, oldest first."""
        return self._indexed_pairs(f"{library}#{_WAITS}")

    def decided_pairs(self, library: str) -> Iterator[Pair]:
        """The pairs of a library that a person decided on."""
        return self._indexed_pairs(f"{library}#{_DECIDED}")

    def together_pairs(self, library: str) -> Iterator[Pair]:
        """The pairs of a library that the machine put together, oldest first."""
        return self._indexed_pairs(f"{library}#{_TOGETHER}")

    def _indexed_pairs(self, pair_of: str) -> Iterator[Pair]:
        # The index may be behind: what it names is read, and what is not so any more is left out.
        entries = Entry.pairs.query(pair_of)
        while page := list(islice(entries, _AT_ONCE)):
            found = {item.pk: item for item in self._get((entry.pk, entry.sk) for entry in page) if isinstance(item, PairItem)}
            items = (found.get(entry.pk) for entry in page)
            yield from (_pair(item) for item in items if item is not None and item.pair_of == pair_of)

    # -- a family's no ----------------------------------------------------------------------------------------------------------------------

    def refuse(self, tokens: Sequence[str], *, by: str, stamp: Stamp) -> None:
        """Write the suppressions first, then end the patrons that exist; issue does it the other way round."""
        self.record_refusals(tokens, by=by, stamp=stamp)
        for _ in range(5):
            standing = [p for p in self.standing(tokens).patrons.values() if p.state is not State.REFUSED]
            if sum(self.change(refuse(p, run_id=p.run_id, at=stamp.at)) for p in standing) == len(standing):
                return
        raise CrowdedError

    # -- window over ------------------------------------------------------------------------------------------------------------------------

    def windows_over(self, sharing: str, *, told_before: str) -> Iterator[Window]:
        """Announcements told before a time (ISO 8601), oldest first."""
        for entry in Entry.windows.query(sharing, WindowIndex.told_at <= told_before):
            yield Window(entry.pk, entry.sk, entry.token or "", entry.told_at or "", sharing)

    def heard_yeses(self, sharing: str, *, told_before: str) -> Iterator[Window]:
        """Yeses on record before a time, oldest first, of children that had their cards for them."""
        for entry in Entry.windows.query(f"{sharing}{SAID}", WindowIndex.told_at <= told_before):
            yield Window(entry.pk, entry.sk, entry.token or "", entry.told_at or "")

    def asked_for_yes(self, sharing: str, *, told_before: str) -> Iterator[Window]:
        """E-mails sent before a time that ask for a new yes, oldest first."""
        for entry in Entry.windows.query(f"{sharing}{ASKED}", WindowIndex.told_at <= told_before):
            yield Window(entry.pk, entry.sk, entry.token or "", entry.told_at or "")

    def told(self, kind: str, homes: Mapping[str, str]) -> dict[str, NoticeMark]:
        """Notices of one kind by token, each to the household that is told, consistently read."""
        found = self._get((f"household#{home}", f"notice#{kind}#{token}") for token, home in homes.items())
        return {item.token: _mark(item) for item in found if isinstance(item, NoticeItem)}

    def stopped_windows(self, sharing: str) -> Iterator[Window]:
        """Announcements that never arrived, oldest first."""
        for entry in Entry.windows.query(f"{sharing}{STOPPED}"):
            yield Window(entry.pk, entry.sk, entry.token or "", entry.told_at or "")

    def release(self, due: Sequence[tuple[Patron, Window]]) -> list[str]:
        """Write patrons whose earlier version still waits, each with the end of its window; gives the tokens of those that were written."""
        released: list[str] = []
        for start in range(0, len(due), RELEASED_AT_ONCE):
            released += self._release(due[start : start + RELEASED_AT_ONCE])
        return released

    def _release(self, due: Sequence[tuple[Patron, Window]]) -> list[str]:
        try:
            with TransactWrite(connection=self._connection()) as transaction:
                for patron, window in due:
                    transaction.save(_patron_item(patron), condition=_still_waits(patron))
                    transaction.update(_started_by(window), actions=[_closing(window)], condition=NoticeItem.pk.exists())
        except TransactWriteError as error:
            if error.cause_response_code != "TransactionCanceledException":
                raise
            if len(due) == 1:
                return []
            return [token for one in due for token in self._release([one])]
        return [patron.token for patron, _ in due]

    def close_windows(self, windows: Sequence[Window]) -> None:
        """Take announcements out of the index of running windows."""
        for window in windows:
            # What began again since stands under the same keys.
            same = NoticeItem.told_at == window.told_at if window.told_at else NoticeItem.pk.exists()
            _updated(_started_by(window), [_closing(window)], same)

    def forget_windows(self, windows: Sequence[Window]) -> None:
        """Take announcements out of the index of running windows, and let them be made again."""
        for window in windows:
            item = NoticeItem(window.owner_key, window.notice_key)
            item.update(actions=[NoticeItem.window_of.remove(), NoticeItem.state.set("open")], condition=NoticeItem.pk.exists())

    def stop_windows(self, windows: Sequence[Window], *, sharing: str) -> None:
        """Move announcements from the running windows to the stopped ones; one that does not run stays as it is."""
        for window in windows:
            item = NoticeItem(window.owner_key, window.notice_key)
            try:
                item.update(actions=[NoticeItem.window_of.set(f"{sharing}{STOPPED}")], condition=NoticeItem.window_of == sharing)
            except UpdateError as error:
                if error.cause_response_code != _REFUSED_BY_CONDITION:
                    raise

    # -- letters and bounces ----------------------------------------------------------------------------------------------------------------

    def letters(self, tokens: Sequence[str]) -> dict[str, Letter]:
        """The letters that went home about some patrons, by token, consistently read."""
        return {item.token: _letter(item) for item in self._get((f"patron#{t}", "letter") for t in tokens) if isinstance(item, LetterItem)}

    def record_letters(self, letters: Sequence[Letter]) -> None:
        """Write letters in bulk: attest is their only writer."""
        with CardItem.batch_write() as batch:
            for letter in letters:
                batch.save(_letter_item(letter))

    def yeses(self, tokens: Sequence[str]) -> dict[str, Yes]:
        """What families said yes to, by token, consistently read."""
        return {item.token: _yes(item) for item in self._get((f"patron#{t}", YES) for t in tokens) if isinstance(item, YesItem)}

    def record_yeses(self, yeses: Sequence[Yes]) -> None:
        """Write what families said yes to, each unless one of the same family under the same agreement is there already, and is looked at where this one is to be."""
        known = self.yeses([yes.token for yes in yeses])
        for yes in yeses:
            before = known.get(yes.token)
            moved = before is not None and bool(before.household and yes.household) and before.household != yes.household
            void = before is not None and before.stamp.at <= yes.void_until
            if before is None or before.stamp.agreement != yes.stamp.agreement or not before.window_of or moved or void:
                unlooked = YesItem.window_of.does_not_exist() | (
                    YesItem.at <= yes.void_until if yes.void_until else YesItem.pk.does_not_exist()
                )
                allowed = YesItem.pk.does_not_exist() | (YesItem.agreement != yes.stamp.agreement) | unlooked
                _saved(_yes_item(yes), allowed | (YesItem.household != yes.household) if moved else allowed)

    def bounces(self, households: Collection[str]) -> dict[str, str]:
        """When an e-mail to each of these households last bounced, of those whose did, consistently read."""
        found = self._get((f"household#{h}", "bounce") for h in sorted(households))
        return {item.household: item.at for item in found if isinstance(item, BounceItem)}

    def record_feedback(self, household: str, *, kind: str, stamp: Stamp) -> bool:
        """Write that an e-mail bounced (``bounce``) or was complained of (``complaint``) at the stamp's time, unless something later is known; whether it was written."""
        item = BounceItem(f"household#{household}", kind, household=household, **_stamp(stamp))
        return _saved(item, BounceItem.pk.does_not_exist() | (BounceItem.at < stamp.at))

    def stop_announcements(self, household: str, *, sharing: str, bounced_at: str) -> int:
        """Stop the running windows of a household's announcements that never arrived; how many."""
        found = NoticeItem.query(f"household#{household}", NoticeItem.sk.startswith("notice#announcement#"), consistent_read=True)
        stopped = [
            Window(item.pk, item.sk, item.token, item.told_at or "")
            for item in found
            if item.window_of == sharing and never_arrived(item.told_at or "", bounced_at)
        ]
        self.stop_windows(stopped, sharing=sharing)
        return len(stopped)

    # -- destruction ------------------------------------------------------------------------------------------------------------------------

    def strip(self, holding: Holding) -> bool:
        """Remove all that is sealed of a patron that still is as it was seen. Its version stays: nothing that anybody else must hear of has changed."""
        item = PatronItem(f"patron#{holding.token}", "patron")
        as_seen = (PatronItem.version == holding.version) & (PatronItem.state == str(holding.state))
        return _updated(item, [PatronItem.sealed.set({}), PatronItem.envelopes.set({})], as_seen)

    def empty_household(self, household: Household) -> bool:
        """Remove a household's contact unless a roster wrote another one since. Whose home it is stays: its link must still bear a no."""
        item = HouseholdItem(f"household#{household.token}", "profile")
        return _updated(item, [HouseholdItem.sealed.remove()], HouseholdItem.envelope == household.envelope)

    # -- sync -------------------------------------------------------------------------------------------------------------------------------

    def record_ils(self, states: Sequence[IlsState]) -> None:
        """Write what the ILS accepted or refused, in bulk: sync is the only writer of these items."""
        with CardItem.batch_write() as batch:
            for state in states:
                item = IlsItem(f"patron#{state.token}", "ils", **_stamp(state.stamp))
                item.token, item.role, item.household = state.token, state.role, state.household or None
                item.state, item.version, item.ils_id, item.reason = state.state, state.version, state.ils_id or None, state.reason or None
                item.pin = state.pin or None
                batch.save(item)

    # -- notices ----------------------------------------------------------------------------------------------------------------------------

    def claim(self, groups: Sequence[Sequence[NoticeMark]]) -> list[bool]:
        """Claim notices, each group (one e-mail) whole or not at all; a claim of the same event may be taken again."""
        results: list[bool] = []
        batch: list[Sequence[NoticeMark]] = []
        for group in groups:
            if sum(map(len, batch)) + len(group) > TRANSACTION_OPERATIONS:
                results += self._claim(batch)
                batch = []
            batch.append(group)
        return results + self._claim(batch)

    def _claim(self, groups: Sequence[Sequence[NoticeMark]]) -> list[bool]:
        if not groups:
            return []
        try:
            with TransactWrite(connection=self._connection()) as transaction:
                for mark in (m for group in groups for m in group):
                    mine = (NoticeItem.claimed_by == mark.claimed_by) & (NoticeItem.state == "claimed")
                    unclaimed = NoticeItem.pk.does_not_exist() | mine | (NoticeItem.state == "open")
                    if mark.void_until:
                        untold = NoticeItem.told_at.does_not_exist() & (NoticeItem.at < mark.void_until)
                        unclaimed = unclaimed | (NoticeItem.told_at < mark.void_until) | untold
                    if mark.issued_at:
                        unclaimed = unclaimed | (NoticeItem.issued_at.exists() & (NoticeItem.issued_at != mark.issued_at))
                    transaction.save(_notice_item(mark), condition=unclaimed)
        except TransactWriteError as error:
            if error.cause_response_code == "ValidationException" and len(groups) > 1:
                return [won for group in groups for won in self._claim([group])]  # one notice stands in two groups
            reasons = iter(error.cancellation_reasons)
            lost = [_was_lost(list(islice(reasons, len(group)))) for group in groups]
            if not any(lost):
                raise
            won = iter(self._claim([group for group, gone in zip(groups, lost, strict=True) if not gone]))
            return [False if gone else next(won) for gone in lost]
        return [True] * len(groups)

    def mark(self, marks: Sequence[NoticeMark]) -> None:
        """Write sent notices in bulk: whoever claimed them is their only writer."""
        with CardItem.batch_write() as batch:
            for mark in marks:
                batch.save(_notice_item(mark))

    # -- another PIN ------------------------------------------------------------------------------------------------------------------------

    def add_envelope(self, envelope: Envelope, stamp: Stamp) -> None:
        """Write the envelope of an object that no plan made."""
        EnvelopeItem(f"envelope#{envelope.object}", "envelope", object=envelope.object, wrapped=envelope.keys, **_stamp(stamp)).save()

    # -- showing a PIN ----------------------------------------------------------------------------------------------------------------------

    def take_try(self, household: str, day: date, *, most: int) -> bool:
        """Count one try of a household's day in one conditional write; False, uncounted, if there were ``most`` already."""
        gone = datetime.combine(day + TRIES_KEPT, time(), UTC)
        try:
            _tries(household, day).update(
                actions=[TriesItem.counted.add(1), TriesItem.gone_at.set(int(gone.timestamp()))],
                condition=TriesItem.counted.does_not_exist() | (TriesItem.counted < most),
            )
        except UpdateError as error:
            if error.cause_response_code == _REFUSED_BY_CONDITION:
                return False
            raise
        return True

    def give_try_back(self, household: str, day: date) -> None:
        """Count one try less."""
        _tries(household, day).update(actions=[TriesItem.counted.add(-1)])

    def pin_marks(self, pins: Sequence[tuple[str, str]]) -> dict[str, PinMark]:
        """By token the marks of PINs (token, sealed object) that were shown, consistently read."""
        found = self._get((f"pin#{token}", f"shown#{sealed_in}") for token, sealed_in in pins)
        return {item.token: PinMark(item.token, item.object, _read_stamp(item)) for item in found if isinstance(item, PinMarkItem)}

    def mark_pin(self, mark: PinMark) -> PinMark:
        """Write the mark unless there is one; gives the one that stands."""
        key = (f"pin#{mark.token}", f"shown#{mark.object}")
        item = PinMarkItem(*key, token=mark.token, object=mark.object, **_stamp(mark.stamp))
        if _saved(item, PinMarkItem.pk.does_not_exist()):
            return mark
        return self.pin_marks([(mark.token, mark.object)])[mark.token]

    def _connection(self) -> Connection:
        return CardItem._get_connection().connection


def _tries(household: str, day: date) -> TriesItem:
    return TriesItem(f"pin#{household}", f"tries#{day.isoformat()}")


def _still_waits(patron: Patron) -> Any:  # noqa: ANN401  pynamodb's conditions are untyped
    return (PatronItem.version == patron.version - 1) & (PatronItem.state == str(State.WAITING))


def _was_lost(reasons: Sequence[Any]) -> bool:
    """Whether one of a group's notices has another claimant."""
    return any(reason is not None and reason.code == "ConditionalCheckFailed" for reason in reasons)


def _saved(item: CardItem, condition: Any) -> bool:  # noqa: ANN401  pynamodb's conditions are untyped
    try:
        item.save(condition=condition)
    except PutError as error:
        if error.cause_response_code == _REFUSED_BY_CONDITION:
            return False
        raise
    return True


def _updated(item: CardItem, actions: list[Action], condition: Any) -> bool:  # noqa: ANN401  pynamodb's conditions are untyped
    try:
        item.update(actions=actions, condition=condition)
    except UpdateError as error:
        if error.cause_response_code == _REFUSED_BY_CONDITION:
            return False
        raise
    return True


def _closing(window: Window) -> Any:  # noqa: ANN401  pynamodb's actions are untyped
    """What takes an item out of the index of running windows; a yes that was heard goes on to those of last year, when the next begins."""
    heard = window.notice_key == YES and window.sharing
    return YesItem.window_of.set(f"{window.sharing}{SAID}") if heard else NoticeItem.window_of.remove()


def _recorded(item: RefusalItem | PastNoItem) -> RecordedNo:
    left_open = isinstance(item, PastNoItem) and bool(item.left_open)
    return RecordedNo(item.by, item.at, item.ended_at or "", item.ended_by or "", left_open)


def _no(item: RefusalItem | PastNoItem) -> No:
    return No(item.token, _recorded(item), _read_stamp(item), item.taken_back or "")


def _taken_back(item: RefusalItem) -> TakenBack:
    return TakenBack(item.token, item.taken_back or "", item.said_by or "", item.yes_from or "", item.entry or "", _recorded(item))


def _stamp(stamp: Stamp) -> dict[str, Any]:
    return {
        "sharing": stamp.sharing,
        "agreement": stamp.agreement,
        "library": stamp.library,
        "district": stamp.district,
        "run_id": stamp.run_id,
        "at": stamp.at,
    }


def _read_stamp(item: CardItem) -> Stamp:
    return Stamp(item.sharing, item.agreement, item.library, item.district, item.run_id, item.at)


def _patron_item(patron: Patron) -> PatronItem:
    return PatronItem(
        f"patron#{patron.token}",
        "patron",
        token=patron.token,
        role=patron.role,
        state=str(patron.state),
        version=patron.version,
        household=patron.household or None,
        card_token=patron.card_token or None,
        ownership=str(patron.ownership),
        existing=patron.existing or None,
        mistaken=list(patron.mistaken) or None,
        separate=patron.separate or None,
        moved_from=patron.moved_from or None,
        moved_to=patron.moved_to or None,
        fingerprint=patron.fingerprint,
        issued_at=patron.issued_at or None,
        sealed=patron.sealed,
        envelopes=patron.envelopes,
        **_stamp(patron.stamp),
    )


def _patron(item: PatronItem) -> Patron:
    return Patron(
        token=item.token,
        sharing=item.sharing,
        agreement=item.agreement,
        library=item.library,
        district=item.district,
        role=item.role,
        state=State(item.state),
        version=int(item.version),
        household=item.household or "",
        card_token=item.card_token or "",
        fingerprint=item.fingerprint,
        run_id=item.run_id,
        at=item.at,
        issued_at=item.issued_at or "",
        ownership=Ownership(item.ownership),
        existing=item.existing or "",
        mistaken=tuple(item.mistaken or ()),
        separate=bool(item.separate),
        moved_from=item.moved_from or "",
        moved_to=item.moved_to or "",
        sealed=item.sealed,
        envelopes=item.envelopes,
    )


def _ils_state(item: IlsItem) -> IlsState:
    return IlsState(
        token=item.token,
        role=item.role,
        household=item.household or "",
        state=item.state,
        version=int(item.version),
        ils_id=item.ils_id or "",
        reason=item.reason or "",
        stamp=_read_stamp(item),
        pin=item.pin or "",
    )


def _yes(item: YesItem) -> Yes:
    return Yes(item.token, item.by, item.given, _read_stamp(item), item.window_of or "", item.household or "")


def _yes_item(yes: Yes) -> YesItem:
    return YesItem(
        f"patron#{yes.token}",
        YES,
        token=yes.token,
        by=yes.by,
        given=yes.given,
        told_at=yes.stamp.at,
        window_of=yes.window_of or None,
        household=yes.household or None,
        **_stamp(yes.stamp),
    )


def _started_by(window: Window) -> NoticeItem | LetterItem | YesItem:
    """The item that a window stands in, by its keys alone."""
    kind = NoticeItem if window.household else YesItem if window.notice_key == YES else LetterItem
    return kind(window.owner_key, window.notice_key)


def _letter(item: LetterItem) -> Letter:
    return Letter(item.token, item.told_at, item.attestation, _read_stamp(item), item.window_of or "")


def _letter_item(letter: Letter) -> LetterItem:
    return LetterItem(
        f"patron#{letter.token}",
        "letter",
        token=letter.token,
        told_at=letter.told_at,
        attestation=letter.attestation,
        window_of=letter.window_of or None,
        **_stamp(letter.stamp),
    )


def _stand(items: Mapping[str, CardItem]) -> Stand:
    patron, ils, last = items.get("patron"), items.get("ils"), items.get("refusal")
    no = isinstance(last, RefusalItem) and not last.taken_back
    if not isinstance(patron, PatronItem):
        return Stand(no=no)
    said = ""
    if isinstance(ils, IlsItem) and ils.ils_id not in (patron.mistaken or ()):
        said = ils.state if ils.state == "in_ils" or ils.version == patron.version else ""
    return Stand(patron.state, no, bool(patron.household), patron.ownership == str(Ownership.LINKED), said)


def _household(item: HouseholdItem) -> Household:
    return Household(
        token=item.household,
        kind=item.kind,
        children=tuple(item.children),
        announce=tuple(item.announce),
        sealed=item.sealed or b"",
        envelope=item.envelope,
        stamp=_read_stamp(item),
    )


def _household_item(line: HouseholdLine, chunk: Chunk) -> HouseholdItem:
    stamp = Stamp(chunk.sharing, chunk.agreement, chunk.library, chunk.district, chunk.run_id, chunk.at)
    return HouseholdItem(
        f"household#{line.household}",
        "profile",
        household=line.household,
        kind=line.kind,
        children=list(line.children),
        announce=list(line.announce),
        sealed=line.sealed,
        envelope=chunk.object,
        **_stamp(stamp),
    )


def _pair_item(pair: Pair) -> PairItem:
    by_machine = _WAITS if pair.waits else _TOGETHER
    state = by_machine if pair.by == MACHINE else _DECIDED
    return PairItem(
        f"pair#{pair.id}",
        "pair",
        left=pair.left,
        right=pair.right,
        kind=str(pair.kind),
        answer=str(pair.answer),
        by=pair.by,
        since=pair.since,
        weight=pair.weight,
        evidence=pair.evidence,
        vetoes=list(pair.vetoes),
        stirred=list(pair.stirred),
        rules=pair.rules,
        ils_id=pair.ils_id or None,
        decided_at=pair.decided_at or None,
        shown_in=pair.shown_in or None,
        recorded_at=pair.recorded_at or None,
        pair_of=f"{pair.stamp.library}#{state}",
        **_stamp(pair.stamp),
    )


def _pair(item: PairItem) -> Pair:
    return Pair(
        left=item.left,
        right=item.right,
        kind=Kind(item.kind),
        answer=Answer(item.answer),
        by=item.by,
        since=item.since,
        weight=float(item.weight),
        evidence=item.evidence,
        vetoes=tuple(item.vetoes),
        rules=item.rules,
        stamp=_read_stamp(item),
        ils_id=item.ils_id or "",
        decided_at=item.decided_at or "",
        stirred=tuple(item.stirred),
        shown_in=item.shown_in or "",
        recorded_at=item.recorded_at or "",
    )


def _number_item(claim: Claim) -> NumberItem:
    return NumberItem(f"number#{claim.number}", "number", number=claim.number, token=claim.token, **_stamp(claim.stamp))


def _envelope_item(chunk: Chunk) -> EnvelopeItem:
    stamp = Stamp(chunk.sharing, chunk.agreement, chunk.library, chunk.district, chunk.run_id, chunk.at)
    return EnvelopeItem(f"envelope#{chunk.object}", "envelope", object=chunk.object, wrapped=chunk.envelope.keys, **_stamp(stamp))


def _mark(item: NoticeItem) -> NoticeMark:
    return NoticeMark(
        household=item.household,
        kind=item.kind,
        token=item.token,
        state=item.state,
        claimed_by=item.claimed_by,
        told_at=item.told_at or "",
        window_of=item.window_of or "",
        issued_at=item.issued_at or "",
        stamp=_read_stamp(item),
    )


def _notice_item(mark: NoticeMark) -> NoticeItem:
    return NoticeItem(
        f"household#{mark.household}",
        f"notice#{mark.kind}#{mark.token}",
        household=mark.household,
        kind=mark.kind,
        token=mark.token,
        state=mark.state,
        claimed_by=mark.claimed_by,
        told_at=mark.told_at or None,
        window_of=mark.window_of or None,
        issued_at=mark.issued_at or None,
        **_stamp(mark.stamp),
    )
