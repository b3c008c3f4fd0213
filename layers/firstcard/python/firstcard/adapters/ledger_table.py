"""The run ledger, with pynamodb."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pynamodb.attributes import Attribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, PutError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from firstcard.adapters.dynamo import open_table
from firstcard.run.ledger import (
    Arrival,
    Attestation,
    Because,
    Destruction,
    DistrictState,
    Extract,
    PrintRecord,
    Run,
    SnapshotState,
    Status,
    Undoing,
)
from firstcard.vault import Intent

PRINT_FIELDS = (
    *("at", "print_id", "by", "agreement", "purpose", "school", "homeroom", "parts"),
    *("reprint", "restricted_included", "opened", "handed", "renewed"),
)
RUNS_OF_A_PAGE = 20
"""A district's last applied roster is seldom further back."""

_REFUSED_BY_CONDITION = "ConditionalCheckFailedException"


class JsonAttribute(Attribute[Any]):
    """A small JSON value as a string."""

    attr_type = "S"

    def serialize(self, value: Any) -> str:  # noqa: ANN401  JSON
        """As a string."""
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    def deserialize(self, value: str) -> Any:  # noqa: ANN401  JSON
        """From a string."""
        return json.loads(value)


class RunsByDistrict(GlobalSecondaryIndex["RunItem"]):  # type: ignore[no-untyped-call]  # pynamodb's metaclass is untyped
    """A district's runs by time."""

    class Meta:
        """Index as the template makes it."""

        index_name = "by_district"
        projection = AllProjection()

    district = UnicodeAttribute(hash_key=True)
    started_at = UnicodeAttribute(range_key=True)


class LedgerItem(Model):
    """Any item of the ledger."""

    class Meta:
        """The table's name is set by ``LedgerTable``."""

        table_name = ""
        max_retry_attempts = 8

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class RunItem(LedgerItem):
    """A run."""

    district = UnicodeAttribute()
    started_at = UnicodeAttribute()
    run_id = UnicodeAttribute()
    sharing = UnicodeAttribute()
    status = UnicodeAttribute()
    attempt = NumberAttribute(default=1)
    bucket = UnicodeAttribute()
    object_key = UnicodeAttribute()
    version_id = UnicodeAttribute()
    size = NumberAttribute()
    reason = UnicodeAttribute(null=True)
    plan_hash = UnicodeAttribute(null=True)
    chunks_prefix = UnicodeAttribute(null=True)
    base_version = NumberAttribute(default=0)
    content = UnicodeAttribute(null=True)
    counts = JsonAttribute(null=True)
    fell_out = JsonAttribute(null=True)
    holds = JsonAttribute(null=True)
    task_token = UnicodeAttribute(null=True)
    fence = NumberAttribute(default=0)
    decided_by = UnicodeAttribute(null=True)
    receipt_claim = UnicodeAttribute(null=True)
    receipt_sent = UnicodeAttribute(null=True)
    held_claim = UnicodeAttribute(null=True)
    held_sent = UnicodeAttribute(null=True)
    by_district = RunsByDistrict()


class DistrictItem(LedgerItem):
    """A data-sharing agreement's state."""

    manifest_version = NumberAttribute(default=0)
    content = UnicodeAttribute(null=True)
    applied_received_at = UnicodeAttribute(null=True)
    lock_holder = UnicodeAttribute(null=True)
    fence = NumberAttribute(default=0)


class SnapshotItem(LedgerItem):
    """Which snapshot of a district's files counts; plan alone writes it."""

    name = UnicodeAttribute()
    latest = UnicodeAttribute()
    content = UnicodeAttribute()
    merged = JsonAttribute(null=True)


class ExtractItem(LedgerItem):
    """Which extract of a library's own patrons counts."""

    name = UnicodeAttribute(null=True)
    version = NumberAttribute()
    imported_at = UnicodeAttribute()
    until = UnicodeAttribute()
    patrons = NumberAttribute(attr_name="count")
    by = UnicodeAttribute()
    source = UnicodeAttribute()
    destroyed_at = UnicodeAttribute(null=True)


class DestructionItem(LedgerItem):
    """One act of destruction."""

    at = UnicodeAttribute()
    agreement = UnicodeAttribute()
    because = UnicodeAttribute()
    clause = UnicodeAttribute()
    patrons = NumberAttribute()
    households = NumberAttribute()
    objects = NumberAttribute()
    remaining = NumberAttribute()
    digest = UnicodeAttribute(null=True)
    done = BooleanAttribute()


class ContentItem(LedgerItem):
    """Which run works on which content."""

    run_id = UnicodeAttribute()


class SerialItem(LedgerItem):
    """The next serial of a library's number block: it only grows, whatever becomes of the block's first one. ``given`` is how many were, as it was counted before."""

    given = NumberAttribute(default=0)
    next = NumberAttribute(null=True)


class SuspensionItem(LedgerItem):
    """An agreement that somebody suspended."""

    at = UnicodeAttribute()
    by = UnicodeAttribute()


class LateItem(LedgerItem):
    """A roster that did not come: ``told_at`` by the sweep, the others by the e-mail about it."""

    told_at = UnicodeAttribute(null=True)
    mail_claim = UnicodeAttribute(null=True)
    mail_sent = UnicodeAttribute(null=True)


class AttestationItem(LedgerItem):
    """The district's word that letters went home; ``by`` is who said so."""

    day = UnicodeAttribute()
    school = UnicodeAttribute(null=True)
    by = UnicodeAttribute()
    at = UnicodeAttribute()
    started = NumberAttribute()


class UndoingItem(LedgerItem):
    """That a no was taken back; ``by`` is who said so."""

    token = UnicodeAttribute()
    said_by = UnicodeAttribute()
    by = UnicodeAttribute()
    day = UnicodeAttribute()
    at = UnicodeAttribute()
    no_at = UnicodeAttribute()
    no_by = UnicodeAttribute()


class IntentItem(LedgerItem):
    """What was about to be opened, why, and by which function."""

    object = UnicodeAttribute()
    group = UnicodeAttribute()
    purpose = UnicodeAttribute()
    role = UnicodeAttribute()


class PrintItem(LedgerItem):
    """One call of a print that was handed out; the function print is its only writer."""

    at = UnicodeAttribute()
    print_id = UnicodeAttribute()
    by = UnicodeAttribute()
    agreement = UnicodeAttribute()
    purpose = UnicodeAttribute()
    school = UnicodeAttribute(null=True)
    homeroom = UnicodeAttribute(null=True)
    parts = JsonAttribute()
    reprint = BooleanAttribute()
    restricted_included = BooleanAttribute()
    opened = JsonAttribute()
    handed = JsonAttribute()
    renewed = JsonAttribute()


ITEMS: tuple[type[LedgerItem], ...] = (
    LedgerItem,
    RunItem,
    DistrictItem,
    SnapshotItem,
    ExtractItem,
    ContentItem,
    SerialItem,
    SuspensionItem,
    LateItem,
    AttestationItem,
    UndoingItem,
    IntentItem,
    PrintItem,
)


def _updated(item: LedgerItem, action: Action, condition: Condition) -> bool:
    """Change an item if the condition holds; whether it was."""
    try:
        item.update(actions=[action], condition=condition)
    except UpdateError as error:
        if _refused(error):
            return False
        raise
    return True


def _refused(error: PutError | UpdateError | DeleteError) -> bool:
    return error.cause_response_code == _REFUSED_BY_CONDITION


class LedgerTable:
    """The ledger under one table name."""

    def __init__(self, table_name: str) -> None:
        open_table(table_name, ITEMS, indexed=RunItem)

    def admit(self, arrival: Arrival, *, sharing: str) -> bool:
        """Write a new run; False if it is known already."""
        item = RunItem(
            f"run#{arrival.run_id}",
            "run",
            run_id=arrival.run_id,
            district=arrival.district,
            started_at=arrival.received_at,
            sharing=sharing,
            status=str(Status.ADMITTED),
            attempt=arrival.attempt,
            bucket=arrival.bucket,
            object_key=arrival.key,
            version_id=arrival.version_id,
            size=arrival.size,
        )
        try:
            item.save(condition=RunItem.pk.does_not_exist())
        except PutError as error:
            if _refused(error):
                return False
            raise
        return True

    def run(self, run_id: str) -> Run | None:
        """The run, consistently read."""
        try:
            return _run(RunItem.get(f"run#{run_id}", "run", consistent_read=True))
        except RunItem.DoesNotExist:
            return None

    def newest_runs(self, district: str) -> Iterator[Run]:
        """The district's runs, newest first, read page by page as far as they are asked for."""
        for item in RunItem.by_district.query(district, scan_index_forward=False, page_size=RUNS_OF_A_PAGE):
            yield _run(item)

    def waiting_runs(self, sharing: str) -> Sequence[Run]:
        """The runs under a data-sharing id that wait for a person, oldest first."""
        held = RunItem.status.is_in(str(Status.HELD), str(Status.APPROVED)) & (RunItem.sharing == sharing)
        return [_run(item) for item in RunItem.by_district.query(sharing.partition(".")[2], filter_condition=held)]

    def overwritten(self, arrival: Arrival, *, sharing: str) -> bool:
        """Whether a newer version of the same object has arrived for the same library."""
        same = (RunItem.object_key == arrival.key) & (RunItem.sharing == sharing)
        newer = RunItem.by_district.query(arrival.district, RunItem.started_at > arrival.received_at, filter_condition=same)
        return next(newer, None) is not None

    def district(self, sharing: str) -> DistrictState:
        """The district's state, consistently read."""
        try:
            item = DistrictItem.get(f"district#{sharing}", "district", consistent_read=True)
        except DistrictItem.DoesNotExist:
            return DistrictState()
        return DistrictState(
            int(item.manifest_version or 0),
            item.content or "",
            item.applied_received_at or "",
            item.lock_holder or "",
            int(item.fence or 0),
        )

    def record_attestation(self, attestation: Attestation) -> None:
        """Write the district's word that letters went home; the same again is one, and keeps who said so and the most children that it counted."""
        item = AttestationItem(
            f"letters#{attestation.sharing}",
            attestation.key,
            day=attestation.day.isoformat(),
            school=attestation.school or None,
            by=attestation.by,
            at=attestation.at,
            started=attestation.started,
        )
        more = (AttestationItem.by == attestation.by) & (AttestationItem.started < attestation.started)
        try:
            item.save(condition=AttestationItem.pk.does_not_exist() | more)
        except PutError as error:
            if not _refused(error):
                raise

    def record_undoing(self, undoing: Undoing) -> None:
        """Write down that a no is taken back, and who said so."""
        UndoingItem(
            f"undone#{undoing.sharing}",
            undoing.key,
            token=undoing.token,
            said_by=undoing.said_by,
            by=undoing.by,
            day=undoing.day.isoformat(),
            at=undoing.at,
            no_at=undoing.no_at,
            no_by=undoing.no_by,
        ).save()

    def claim_content(self, sharing: str, content: str, run_id: str) -> bool:
        """Let one run at a time work on one content."""
        item = ContentItem(f"content#{sharing}", content, run_id=run_id)
        try:
            item.save(condition=ContentItem.pk.does_not_exist() | (ContentItem.run_id == run_id))
        except PutError as error:
            if _refused(error):
                return False
            raise
        return True

    def content_held_by(self, sharing: str, content: str) -> str:
        """The run that works on a content; empty if none does."""
        try:
            return ContentItem.get(f"content#{sharing}", content, consistent_read=True).run_id
        except ContentItem.DoesNotExist:
            return ""

    def note_content(self, run_id: str, content: str) -> None:
        """Remember what a run's file said, before it claims it."""
        RunItem(f"run#{run_id}", "run").update(actions=[RunItem.content.set(content)], condition=RunItem.pk.exists())

    def release_content(self, sharing: str, content: str, run_id: str) -> None:
        """Give the content back, if this run has it."""
        try:
            ContentItem(f"content#{sharing}", content).delete(condition=ContentItem.run_id == run_id)
        except DeleteError as error:
            if not _refused(error):
                raise

    def move(self, run_id: str, to: Status, *, when: Sequence[Status], of_plan: str = "", **fields: object) -> bool:
        """Change a run's status and fields if its status is one of ``when``, and its plan's hash ``of_plan`` if given."""
        item = RunItem(f"run#{run_id}", "run")
        actions: list[Action] = [RunItem.status.set(str(to))]
        for name, value in fields.items():
            attribute = getattr(RunItem, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
        condition = RunItem.status.is_in(*[str(s) for s in when])
        if of_plan:
            condition &= RunItem.plan_hash == of_plan
        try:
            item.update(actions=actions, condition=condition)
        except UpdateError as error:
            if _refused(error):
                return False
            raise
        return True

    def claim_mail(self, run_id: str, event: str, *, held: bool) -> bool:
        """Whether this event (its id) of a run still is to be mailed: each outcome once, and again until the mail service took it."""
        claim, sent = (RunItem.held_claim, RunItem.held_sent) if held else (RunItem.receipt_claim, RunItem.receipt_sent)
        unsent = sent.does_not_exist() | (sent != event)
        return _updated(RunItem(f"run#{run_id}", "run"), claim.set(event), RunItem.pk.exists() & unsent)

    def mail_sent(self, run_id: str, event: str, *, held: bool) -> None:
        """Remember that the mail service accepted it."""
        sent = RunItem.held_sent if held else RunItem.receipt_sent
        RunItem(f"run#{run_id}", "run").update(actions=[sent.set(event)])

    def late_told(self, sharing: str, due: str) -> bool:
        """Whether it was told already that the roster due on this day did not come, consistently read."""
        try:
            LateItem.get(f"late#{sharing}", due, consistent_read=True)
        except LateItem.DoesNotExist:
            return False
        return True

    def mark_late(self, sharing: str, due: str, *, at: str) -> None:
        """Remember that it was told; what the e-mail wrote meanwhile stays."""
        try:
            LateItem(f"late#{sharing}", due, told_at=at).save(condition=LateItem.pk.does_not_exist())
        except PutError as error:
            if not _refused(error):
                raise

    def claim_late_mail(self, sharing: str, due: str, event: str) -> bool:
        """Whether the e-mail about a roster that did not come still is to be sent: once, and again until the mail service took it."""
        return _updated(LateItem(f"late#{sharing}", due), LateItem.mail_claim.set(event), LateItem.mail_sent.does_not_exist())

    def late_mail_sent(self, sharing: str, due: str, event: str) -> None:
        """Remember that the mail service accepted it."""
        LateItem(f"late#{sharing}", due).update(actions=[LateItem.mail_sent.set(event)])

    def take_lock(self, sharing: str, run_id: str, *, base_version: int) -> int | None:
        """Take or keep the lock if the manifest still is ``base_version``."""
        item = DistrictItem(f"district#{sharing}", "district")
        free = DistrictItem.lock_holder.does_not_exist() | (DistrictItem.lock_holder == run_id)
        same = DistrictItem.manifest_version == base_version
        if base_version == 0:
            same = same | DistrictItem.manifest_version.does_not_exist()
        try:
            item.update(actions=[DistrictItem.lock_holder.set(run_id), DistrictItem.fence.add(1)], condition=free & same)
        except UpdateError as error:
            if _refused(error):
                return None
            raise
        return int(item.fence)

    def holds_lock(self, sharing: str, run_id: str, fence: int) -> bool:
        """Whether this run still holds the lock under this fencing number."""
        state = self.district(sharing)
        return state.lock_holder == run_id and state.fence == fence

    def release_lock(self, sharing: str, run_id: str, *, fence: int = 0, applied: DistrictState | None = None) -> None:
        """Give the lock back if it still is this run's (under ``fence``, if known), and with ``applied`` advance the manifest in the same write."""
        held = DistrictItem.lock_holder == run_id
        if fence:
            held = held & (DistrictItem.fence == fence)
        actions: list[Action] = [DistrictItem.lock_holder.remove()]
        if applied:
            actions += [
                DistrictItem.manifest_version.set(applied.manifest_version),
                DistrictItem.content.set(applied.content),
                DistrictItem.applied_received_at.set(applied.applied_received_at),
            ]
        try:
            DistrictItem(f"district#{sharing}", "district").update(actions=actions, condition=held)
        except UpdateError as error:
            if not _refused(error):
                raise

    def snapshot(self, sharing: str) -> SnapshotState:
        """Which snapshot counts, consistently read."""
        try:
            item = SnapshotItem.get(f"snapshot#{sharing}", "snapshot", consistent_read=True)
        except SnapshotItem.DoesNotExist:
            return SnapshotState()
        return SnapshotState(item.name, item.latest, item.content, item.merged or {})

    def advance_snapshot(self, sharing: str, to: SnapshotState, *, was: SnapshotState) -> bool:
        """Let another snapshot count if ``was`` still does."""
        item = SnapshotItem(f"snapshot#{sharing}", "snapshot", name=to.name, latest=to.latest, content=to.content, merged=dict(to.merged))
        same = (SnapshotItem.name == was.name) & (SnapshotItem.latest == was.latest) & (SnapshotItem.content == was.content)
        try:
            item.save(condition=same if was.latest else SnapshotItem.pk.does_not_exist())
        except PutError as error:
            if _refused(error):
                return False
            raise
        return True

    def extract(self, library: str) -> Extract:
        """Which extract of a library's patrons counts, consistently read."""
        try:
            item = ExtractItem.get(f"patrons#{library}", "extract", consistent_read=True)
        except ExtractItem.DoesNotExist:
            return Extract()
        return Extract(
            item.name or "",
            int(item.version),
            item.imported_at,
            item.until,
            int(item.patrons),
            item.by,
            item.source,
            item.destroyed_at or "",
        )

    def advance_extract(self, library: str, to: Extract, *, was: Extract) -> bool:
        """Let another extract (or none) count if ``was`` still does."""
        item = ExtractItem(
            f"patrons#{library}",
            "extract",
            name=to.name or None,
            version=to.version,
            imported_at=to.imported_at,
            until=to.until,
            patrons=to.count,
            by=to.by,
            source=to.source,
            destroyed_at=to.destroyed_at or None,
        )
        named = (ExtractItem.name == was.name) if was.name else ExtractItem.name.does_not_exist()
        same = named & (ExtractItem.version == was.version)
        try:
            item.save(condition=same if was.version else ExtractItem.pk.does_not_exist())
        except PutError as error:
            if _refused(error):
                return False
            raise
        return True

    def suspended(self, sharing: str) -> bool:
        """Whether somebody suspended the agreement."""
        try:
            SuspensionItem.get(f"agreement#{sharing}", "suspension", consistent_read=True)
        except SuspensionItem.DoesNotExist:
            return False
        return True

    def suspend(self, sharing: str, *, by: str, at: str) -> None:
        """Stop an agreement at once; the functions look before every chunk."""
        SuspensionItem(f"agreement#{sharing}", "suspension", at=at, by=by).save()

    def resume(self, sharing: str) -> None:
        """Let a suspended agreement go on."""
        SuspensionItem(f"agreement#{sharing}", "suspension").delete()

    def reserve_serials(self, library: str, count: int, *, first: int) -> int:
        """Reserve serials by one atomic addition. A first serial that was lowered later changes nothing, one that was raised is where the next one is."""
        item = SerialItem(f"numbers#{library}", "serial")
        while not _updated(item, SerialItem.next.add(count), SerialItem.next >= first):
            unknown = SerialItem.next.does_not_exist()
            if not _updated(item, SerialItem.next.set((SerialItem.given | 0) + first), unknown):
                _updated(item, SerialItem.next.set(first), SerialItem.next < first)
        assert item.next is not None, "an addition gives the new state back"
        return int(item.next) - count

    def declare(self, intent: Intent, *, role: str, at: datetime, nonce: str) -> None:
        """Write an intent before the opening that it announces."""
        IntentItem(
            f"intent#{intent.sharing}#{at:%Y-%m-%d}",
            f"{at.isoformat()}#{nonce}",
            object=intent.object,
            group=intent.group,
            purpose=intent.purpose,
            role=role,
        ).save()

    def intents(self, owner: str, first: datetime, last: datetime) -> Iterator[Mapping[str, str]]:
        """What was about to be opened under a data-sharing id, or of a library's own patrons, between two times, oldest first, as plain data."""
        day = first.date()
        while day <= last.date():
            for item in IntentItem.query(f"intent#{owner}#{day:%Y-%m-%d}"):
                at = item.sk.partition("#")[0]
                if first <= datetime.fromisoformat(at) < last:
                    said = {
                        "sharing": owner,
                        "at": at,
                        "role": item.role,
                        "object": item.object,
                        "group": item.group,
                        "purpose": item.purpose,
                    }
                    yield {name: str(value) for name, value in said.items()}
            day += timedelta(days=1)

    def record_print(self, record: PrintRecord, *, at: datetime, nonce: str) -> None:
        """Write what a call of a print is about to do, or did. ``at`` and ``nonce`` are of the call, so that nobody who asks chooses which record is written."""
        PrintItem(
            f"print#{record.sharing}",
            f"{at.astimezone(UTC).isoformat()}#{record.print_id}#{nonce}",
            at=record.at,
            print_id=record.print_id,
            by=record.by,
            agreement=record.agreement,
            purpose=str(record.purpose),
            school=record.school or None,
            homeroom=record.homeroom or None,
            parts=list(record.parts),
            reprint=record.reprint,
            restricted_included=record.restricted_included,
            opened=list(record.opened),
            handed=list(record.handed),
            renewed=list(record.renewed),
        ).save()

    def record_destruction(self, act: Destruction, *, nonce: str) -> None:
        """Write what is about to be destroyed, or was."""
        DestructionItem(
            f"destroyed#{act.sharing}",
            f"{act.at}#{nonce}",
            at=act.at,
            agreement=act.agreement,
            because=str(act.because),
            clause=act.clause,
            patrons=act.patrons,
            households=act.households,
            objects=act.objects,
            remaining=act.remaining,
            digest=act.digest or None,
            done=act.done,
        ).save()

    def destructions(self, sharing: str, *, since: str) -> Iterator[Destruction]:
        """What was destroyed under a data-sharing agreement since a time (ISO 8601), oldest first."""
        for item in DestructionItem.query(f"destroyed#{sharing}", DestructionItem.sk >= since):
            counts = (int(item.patrons), int(item.households), int(item.objects), int(item.remaining))
            yield Destruction(sharing, item.agreement, item.at, Because(item.because), item.clause, *counts, item.digest or "", item.done)

    def prints(self, sharing: str, *, since: str) -> Iterator[Mapping[str, Any]]:
        """What was handed out under a data-sharing agreement since a time (ISO 8601), oldest first, as plain data."""
        for item in PrintItem.query(f"print#{sharing}", PrintItem.sk >= since):
            yield {name: getattr(item, name) for name in PRINT_FIELDS}


def _run(item: RunItem) -> Run:
    return Run(
        arrival=Arrival(
            run_id=item.run_id,
            district=item.district,
            bucket=item.bucket,
            key=item.object_key,
            version_id=item.version_id,
            size=int(item.size),
            received_at=item.started_at,
            attempt=int(item.attempt),
        ),
        status=Status(item.status),
        sharing=item.sharing,
        reason=item.reason or "",
        plan_hash=item.plan_hash or "",
        chunks_prefix=item.chunks_prefix or "",
        base_version=int(item.base_version or 0),
        content=item.content or "",
        counts=item.counts or {},
        fell_out=item.fell_out or {},
        holds=tuple(item.holds or ()),
        task_token=item.task_token or "",
        fence=int(item.fence or 0),
    )
