"""Is the evidence itself whole? Digests, the trail's configuration over the window, and what could not be read, in one verdict with its reasons.

The configuration over a window is what it is at its end, undone by what the records say was changed in it: a change is itself recorded before it can take effect.
Unknown is never a pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from firstcard.evidence.digest import Flaw, Hours, State
from firstcard.evidence.selectors import Call, UnknownSelectorError, not_recorded
from firstcard.evidence.trail import Access, TrailReading, by_reason


class Verdict(StrEnum):
    """What can be said of the evidence."""

    WHOLE = "whole"
    NOT_WHOLE = "not_whole"
    NOT_KNOWN = "not_known"


class Concern(StrEnum):
    """A change that bears upon the evidence."""

    LOGGING_STOPPED = "logging_stopped"
    TRAIL_DELETED = "trail_deleted"
    VALIDATION_OFF = "validation_off"
    LOG_BUCKET_OF_THE_TRAIL = "log_bucket_of_the_trail"
    LOG_KEY_OF_THE_TRAIL = "log_key_of_the_trail"
    REGIONS_DROPPED = "regions_dropped"
    TRAIL_UPDATED = "trail_updated"
    KMS_NOT_RECORDED = "kms_not_recorded"
    MANAGEMENT_NOT_RECORDED = "management_not_recorded"
    DATA_NOT_RECORDED = "data_not_recorded"
    SELECTORS_NOT_KNOWN = "selectors_not_known"
    SELECTORS_CHANGED = "selectors_changed"
    LOG_BUCKET_POLICY = "log_bucket_policy"
    LOG_BUCKET_DELETED = "log_bucket_deleted"
    LOG_BUCKET_LIFECYCLE = "log_bucket_lifecycle"
    LOG_BUCKET_LOCK = "log_bucket_lock"
    LOG_BUCKET_LOGGING = "log_bucket_logging"
    LOG_BUCKET_CHANGED = "log_bucket_changed"
    LOG_OBJECT_CHANGED = "log_object_changed"
    LOG_KEY_DELETION = "log_key_deletion"
    LOG_KEY_DISABLED = "log_key_disabled"
    LOG_KEY_POLICY = "log_key_policy"


class Weight(StrEnum):
    """What a concern makes of the verdict: not whole, not known, or nothing."""

    BREAKS = "breaks"
    DOUBTS = "doubts"
    TOLD = "told"


WEIGHTS: Mapping[Concern, Weight] = {
    Concern.LOGGING_STOPPED: Weight.BREAKS,
    Concern.TRAIL_DELETED: Weight.BREAKS,
    Concern.VALIDATION_OFF: Weight.BREAKS,
    Concern.LOG_BUCKET_OF_THE_TRAIL: Weight.BREAKS,
    Concern.REGIONS_DROPPED: Weight.BREAKS,
    Concern.KMS_NOT_RECORDED: Weight.BREAKS,
    Concern.MANAGEMENT_NOT_RECORDED: Weight.BREAKS,
    Concern.DATA_NOT_RECORDED: Weight.BREAKS,
    Concern.LOG_BUCKET_DELETED: Weight.BREAKS,
    Concern.LOG_OBJECT_CHANGED: Weight.BREAKS,
    Concern.LOG_KEY_DELETION: Weight.BREAKS,
    Concern.LOG_KEY_DISABLED: Weight.BREAKS,
    Concern.SELECTORS_CHANGED: Weight.TOLD,
}
"""Every other concern leaves a doubt, until a person has looked at it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One concern: when, by whom, and what of it. A refused change is told, and changes nothing."""

    concern: Concern
    time: datetime
    who: str
    name: str
    detail: str
    refused: bool
    event_id: str

    @property
    def weight(self) -> Weight:
        """What it makes of the verdict."""
        return Weight.TOLD if self.refused else WEIGHTS.get(self.concern, Weight.DOUBTS)


@dataclass(frozen=True, slots=True)
class Setting:
    """What the trail should be: its name, where it delivers, the ids or arns of the key that seals it, and the calls that it must record."""

    trail: str
    log_bucket: str
    log_keys: frozenset[str]
    calls: tuple[Call, ...]


def calls_to_record(*, buckets: Iterable[str], tables: Iterable[str]) -> tuple[Call, ...]:
    """The calls that a review stands on: use of keys and changes by management, and each bucket and table (arns) read and written."""
    s3, dynamodb = "s3.amazonaws.com", "dynamodb.amazonaws.com"
    return (
        Call("kms.amazonaws.com", "Decrypt", True),
        Call("kms.amazonaws.com", "ScheduleKeyDeletion", False),
        Call("cloudtrail.amazonaws.com", "StopLogging", False),
        Call("sts.amazonaws.com", "AssumeRole", True),
        *(
            Call(s3, name, read_only, "AWS::S3::Object", f"{arn.removesuffix('/')}/any")
            for arn in buckets
            for name, read_only in (("GetObject", True), ("PutObject", False), ("DeleteObject", False))
        ),
        *(
            Call(dynamodb, name, read_only, "AWS::DynamoDB::Table", arn)
            for arn in tables
            for name, read_only in (("GetItem", True), ("PutItem", False))
        ),
    )


# ---- the changes in a window ---------------------------------------------------------


def changes_of(access: Access, setting: Setting) -> list[Change]:
    """What a call changes of what the evidence stands on; nothing for nearly every call."""
    if access.source == "cloudtrail.amazonaws.com":
        found = _trail(access, setting)
    elif access.source == "s3.amazonaws.com":
        found = _bucket(access, setting)
    elif access.source == "kms.amazonaws.com":
        found = _key(access, setting)
    else:
        return []
    return [
        Change(concern, access.time, who_of(access), access.name, detail, bool(access.error), access.event_id) for concern, detail in found
    ]


def who_of(access: Access) -> str:
    """Everybody that a record names, since one name alone may hide another."""
    who = access.who
    named = [who.arn or who.issuer or who.account]
    named += [f"for {who.source_identity}"] if who.source_identity else []
    named += [f"through {who.invoked_by}"] if who.invoked_by else []
    return " ".join(part for part in named if part) or "not told"


Found = list[tuple[Concern, str]]


def _trail(access: Access, setting: Setting) -> Found:
    request = {str(name).lower(): value for name, value in access.request.items()}
    named = request.get("name") or request.get("trailname") or request.get("trailarn") or ""
    # A call that names no trail that can be read may be about ours.
    if isinstance(named, str) and named and named.rpartition("/")[2] != setting.trail:
        return []
    if access.name == "StopLogging":
        return [(Concern.LOGGING_STOPPED, "")]
    if access.name == "DeleteTrail":
        return [(Concern.TRAIL_DELETED, "")]
    if access.name == "UpdateTrail":
        return _updated(request, setting) or [(Concern.TRAIL_UPDATED, "")]
    if access.name == "PutEventSelectors":
        return [(Concern.SELECTORS_NOT_KNOWN, "")] if access.omitted else _selected(request, setting.calls)
    return []


def _updated(request: Mapping[str, Any], setting: Setting) -> Found:
    found: Found = []
    if request.get("enablelogfilevalidation") in (False, "false"):
        found.append((Concern.VALIDATION_OFF, ""))
    if "s3bucketname" in request and request["s3bucketname"] != setting.log_bucket:
        found.append((Concern.LOG_BUCKET_OF_THE_TRAIL, str(request["s3bucketname"])))
    if "s3keyprefix" in request:
        found.append((Concern.LOG_BUCKET_OF_THE_TRAIL, "prefix"))
    if "kmskeyid" in request and not _is_log_key(str(request["kmskeyid"]), setting):
        found.append((Concern.LOG_KEY_OF_THE_TRAIL, str(request["kmskeyid"])))
    if any(request.get(name) in (False, "false") for name in ("ismultiregiontrail", "includeglobalserviceevents")):
        found.append((Concern.REGIONS_DROPPED, ""))
    return found


def _selected(selectors: Mapping[str, Any], calls: Sequence[Call]) -> Found:
    try:
        left_out = not_recorded(dict(selectors), calls)
    except UnknownSelectorError:
        return [(Concern.SELECTORS_NOT_KNOWN, "")]
    found: Found = []
    for call in left_out:
        if call.data:
            found.append((Concern.DATA_NOT_RECORDED, f"{call.name} {call.arn}"))
        elif call.source == "kms.amazonaws.com":
            found.append((Concern.KMS_NOT_RECORDED, call.name))
        else:
            found.append((Concern.MANAGEMENT_NOT_RECORDED, call.name))
    return found or [(Concern.SELECTORS_CHANGED, "")]


_BUCKET_CHANGES = (
    ("DeleteBucketPolicy", Concern.LOG_BUCKET_POLICY),
    ("PutBucketPolicy", Concern.LOG_BUCKET_POLICY),
    ("PutBucketAcl", Concern.LOG_BUCKET_POLICY),
    ("PutBucketLifecycle", Concern.LOG_BUCKET_LIFECYCLE),
    ("DeleteBucketLifecycle", Concern.LOG_BUCKET_LIFECYCLE),
    ("PutBucketLogging", Concern.LOG_BUCKET_LOGGING),
)
_LOCK = ("ObjectLock", "PutBucketVersioning")
_OBJECT_CHANGES = ("DeleteObject", "PutObjectRetention", "PutObjectLegalHold", "PutObjectLockRetention", "PutObjectLockLegalHold")
_WRITES = ("PutObject", "CopyObject", "CompleteMultipartUpload", "RestoreObject")


def _bucket(access: Access, setting: Setting) -> Found:
    in_it = access.bucket == setting.log_bucket or any(
        resource.arn.removeprefix("arn:aws:s3:::").partition("/")[0] == setting.log_bucket for resource in access.resources
    )
    if not in_it or access.read_only:
        return []
    if access.data:
        own = access.who.invoked_by == "cloudtrail.amazonaws.com"
        if access.name.startswith(_OBJECT_CHANGES) or (access.name.startswith(_WRITES) and not own):
            return [(Concern.LOG_OBJECT_CHANGED, access.name)]
        return []
    if access.name == "DeleteBucket":
        return [(Concern.LOG_BUCKET_DELETED, "")]
    if any(part in access.name for part in _LOCK):
        return [(Concern.LOG_BUCKET_LOCK, access.name)]
    for name, concern in _BUCKET_CHANGES:
        if access.name.startswith(name):
            return [(concern, access.name)]
    return [(Concern.LOG_BUCKET_CHANGED, access.name)]


_KEY_CHANGES = {
    "ScheduleKeyDeletion": Concern.LOG_KEY_DELETION,
    "DeleteImportedKeyMaterial": Concern.LOG_KEY_DELETION,
    "DisableKey": Concern.LOG_KEY_DISABLED,
    "PutKeyPolicy": Concern.LOG_KEY_POLICY,
    "CreateGrant": Concern.LOG_KEY_POLICY,
}


def _key(access: Access, setting: Setting) -> Found:
    concern = _KEY_CHANGES.get(access.name)
    if concern is None or (access.key and setting.log_keys and not _is_log_key(access.key, setting)):
        return []
    return [(concern, access.key)]


def _is_log_key(key: str, setting: Setting) -> bool:
    """Whether arn or id are of the log's key; an alias is, if it is among the setting's own."""
    plain = {one.rpartition(":key/")[2] for one in setting.log_keys}
    return key.rpartition(":key/")[2] in plain or key.rpartition(":")[2] in setting.log_keys


# ---- the verdict --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Configuration:
    """The trail at the end of the window, as GetTrail, GetTrailStatus and GetEventSelectors answer; None where nobody asked."""

    trail: Mapping[str, Any] | None = None
    status: Mapping[str, Any] | None = None
    selectors: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the verdict is not a pass: a code that stays, and a sentence."""

    code: str
    sentence: str
    weight: Weight


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict with its reasons; whole means that nothing is missing, nothing was changed, and nothing is unknown."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    changes: tuple[Change, ...] = field(default=())


def health(
    *, hours: Hours | None, reading: TrailReading, changes: Iterable[Change], setting: Setting, configuration: Configuration
) -> Health:
    """Judge the evidence of a window.

    hours are verify_digests' for the window and some hours more; reading is drawn to its end, with file names as ``bucket/key``; changes are changes_of each of its accesses.
    """
    changes = tuple(changes)
    reasons = [*_of_hours(hours), *_of_reading(reading, hours), *_of_changes(changes), *_of_configuration(configuration, setting)]
    weights = {reason.weight for reason in reasons}
    if Weight.BREAKS in weights:
        return Health(Verdict.NOT_WHOLE, tuple(reasons), changes)
    return Health(Verdict.NOT_KNOWN if Weight.DOUBTS in weights else Verdict.WHOLE, tuple(reasons), changes)


def _of_hours(hours: Hours | None) -> Iterable[Reason]:
    if hours is None or not hours.hours:
        yield Reason("digests_not_checked", "Nobody verified the digests of this time.", Weight.DOUBTS)
        return
    broken, gaps = hours.of(State.BROKEN), hours.of(State.GAP)
    if broken:
        yield Reason(
            "hours_broken", f"{len(broken)} of {len(hours.hours)} hours are broken: something was changed or taken away.", Weight.BREAKS
        )
    waiting = [hour for hour in gaps if hour.defects and all(defect.flaw is Flaw.LOG_NOT_YET_LISTED for defect in hour.defects)]
    if waiting:
        yield Reason("hours_waiting", f"{len(waiting)} hours wait for their next digest.", Weight.DOUBTS)
    if len(gaps) > len(waiting):
        yield Reason("hours_missing", f"{len(gaps) - len(waiting)} of {len(hours.hours)} hours have no digest.", Weight.BREAKS)


def _of_reading(reading: TrailReading, hours: Hours | None) -> Iterable[Reason]:
    counts = reading.counts
    if not reading.finished:
        yield Reason("not_read_to_the_end", "The records were not read to their end.", Weight.DOUBTS)
    if counts.unreadable or counts.faults:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(by_reason(reading.unreadable).items()))
        yield Reason(
            "unreadable", f"{counts.unreadable} records and {counts.faults} files could not be read as they should: {told}.", Weight.BREAKS
        )
    if counts.records != counts.accesses + counts.duplicates + counts.unreadable:
        yield Reason("counts", "The counts of records do not sum.", Weight.BREAKS)
    if hours is None:
        return
    if unproven := reading.files - hours.proven:
        yield Reason("files_not_proven", f"{len(unproven)} files were read that no digest proves.", Weight.BREAKS)
    if unread := hours.proven - reading.files:
        yield Reason("files_not_read", f"{len(unread)} files that the digests list were not read.", Weight.DOUBTS)


def _of_changes(changes: Sequence[Change]) -> Iterable[Reason]:
    for concern in Concern:
        for weight in (Weight.BREAKS, Weight.DOUBTS):
            of_it = [change for change in changes if change.concern is concern and change.weight is weight]
            if of_it:
                first = min(of_it, key=lambda change: change.time)
                text = f"{first.name} at {first.time:%Y-%m-%d %H:%M:%S} UTC by {first.who}" + (
                    f", and {len(of_it) - 1} more" if of_it[1:] else ""
                )
                yield Reason(str(concern), f"{text}.", weight)


def _of_configuration(found: Configuration, setting: Setting) -> Iterable[Reason]:
    if found.trail is None or found.status is None or found.selectors is None:
        yield Reason("configuration_not_known", "Nobody asked what the trail records at the end of this time.", Weight.DOUBTS)
    if found.trail is not None:
        trail = found.trail.get("Trail", found.trail)
        for name, concern in (("LogFileValidationEnabled", Concern.VALIDATION_OFF), ("IsMultiRegionTrail", Concern.REGIONS_DROPPED)):
            if trail.get(name) is not True:
                yield Reason(f"{concern}_at_the_end", f"{name} is not on.", Weight.BREAKS)
        if trail.get("S3BucketName") != setting.log_bucket:
            yield Reason(f"{Concern.LOG_BUCKET_OF_THE_TRAIL}_at_the_end", "The trail delivers into another bucket.", Weight.BREAKS)
    if found.status is not None and found.status.get("IsLogging") is not True:
        yield Reason(f"{Concern.LOGGING_STOPPED}_at_the_end", "The trail is not logging.", Weight.BREAKS)
    if found.selectors is not None:
        answer = {name: value for name, value in found.selectors.items() if name.lower().endswith("eventselectors")}
        for concern, detail in _selected(answer, setting.calls):
            if concern is not Concern.SELECTORS_CHANGED:
                weight = Weight.DOUBTS if concern is Concern.SELECTORS_NOT_KNOWN else Weight.BREAKS
                yield Reason(f"{concern}_at_the_end", f"The trail does not record {detail or 'what is known here'}.", weight)
