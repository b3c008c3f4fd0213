"""The counter-check of three sources: what was meant to be opened (the ledger's intents), what was done (CloudTrail), and what was permitted (the agreement in force at that moment).

Each event gets exactly one outcome, and so does each intent that no event answers; the counts sum. Where the sources disagree, or cannot tell, a person is told.
"""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Protocol

from firstcard.evidence import Access
from firstcard.evidence.health import who_of
from firstcard.review.actions import actions_of, resources_of
from firstcard.review.agreed import Agreed, Judgement, Use
from firstcard.review.outcome import Code, Finding, Outcome, Seen, Severity

PREFIX = "firstcard-"
"""What the names of this deployment's roles, buckets, tables and functions begin with."""
INTENT_LEADS = timedelta(seconds=120)
"""So long before the use of a key an intent may have been written."""
CLOCKS_DIFFER = timedelta(seconds=9)
"""CloudTrail's times are whole seconds by another clock: 8 seconds of skew is what others allow for this, and one for the rounding."""
LATE = timedelta(hours=6)
"""An intent of the window's last hours may have its event in a file that is not delivered yet."""

DENIED = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Client.UnauthorizedOperation", "403", "Forbidden"),
        *("InvalidCiphertextException", "IncorrectKeyException", "DisabledException", "KMSInvalidStateException", "AuthFailure"),
        *("AllAccessDisabled", "SignatureDoesNotMatch", "InvalidClientTokenId", "ExpiredToken", "UnrecognizedClientException"),
    }
)
"""Error codes that mean: refused. Any other error is of a call that was let in and failed."""

FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken", "signin:ConsoleLogin"})
"""What needs nobody's permission and shows nothing."""
DATA_SOURCES = frozenset(
    {"s3", "dynamodb", "kms", "secretsmanager", "lambda", "states", "sqs", "events", "ses", "transfer", "backup", "athena", "glue", "rds"}
)
OPENING_KEYS = {"Decrypt": "open", "Encrypt": "seal"}
OTHER_KEY_USE = ("GenerateDataKey", "ReEncrypt", "Sign", "Verify", "GenerateMac")
KEY_ENDS = frozenset({"ScheduleKeyDeletion", "DisableKey", "DeleteImportedKeyMaterial", "DeleteKey"})
KEY_RIGHTS = frozenset(
    {"PutKeyPolicy", "CreateGrant", "RetireGrant", "RevokeGrant", "UpdateAlias", "DeleteAlias", "ReplicateKey", "UpdatePrimaryRegion"}
)
EXPORTS: Mapping[str, frozenset[str]] = {
    "dynamodb": frozenset(
        {
            *("ExportTableToPointInTime", "CreateBackup", "RestoreTableFromBackup", "RestoreTableToPointInTime", "CreateGlobalTable"),
            *(
                "UpdateGlobalTable",
                "EnableKinesisStreamingDestination",
                "Scan",
                "ExecuteStatement",
                "BatchExecuteStatement",
                "CreateTableReplica",
            ),
        }
    ),
    "s3": frozenset({"PutBucketReplication", "PutBucketInventoryConfiguration", "PutBucketWebsite", "CreateJob", "SelectObjectContent"}),
    "backup": frozenset({"StartBackupJob", "StartCopyJob", "StartRestoreJob", "CreateBackupPlan", "CreateBackupSelection"}),
    "rds": frozenset({"StartExportTask"}),
}
RIGHTS = (
    "Policy",
    "Permission",
    "Acl",
    "PublicAccessBlock",
    "AssumeRole",
    "AccessKey",
    "LoginProfile",
    "User",
    "Group",
    "SAMLProvider",
    "OpenIDConnectProvider",
    "MFADevice",
)
"""What is in the name of a call that changes who may do what."""


_SEVERITIES = tuple(Severity)


class Rights(Protocol):
    """What the deployment gives its roles, as it was compiled from the agreements."""

    def roles(self) -> frozenset[str]:
        """The names of the deployment's roles."""
        ...

    def may(self, role: str, action: str, resource: str) -> bool:
        """Whether a statement of the role's own is about this action on this resource."""
        ...


@dataclass(frozen=True, slots=True)
class Intent:
    """What a function wrote down before it opened something: the ledger's item, with the role as the function's name."""

    sharing: str
    at: datetime
    role: str
    object: str
    group: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a person answers for that is no part of the deployment: who (a role's name or ARN, with ``*``), which actions, why, and until when."""

    who: str
    actions: tuple[str, ...]
    reason: str
    until: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Opened:
    """How often a role opened a group of whose students for which purpose, and how often it was refused."""

    role: str
    sharing: str
    purpose: str
    group: str


@dataclass(slots=True)
class Checked:
    """What the counter-check found in a window. ``events`` counts every outcome; ``outside`` are records read whose time lies outside it."""

    begins: datetime
    ends: datetime
    events: Counter[Outcome] = field(default_factory=Counter)
    outside: int = 0
    not_evaluable: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    opened: Counter[Opened] = field(default_factory=Counter)
    refused: Counter[Opened] = field(default_factory=Counter)
    acknowledged: Counter[Acknowledged] = field(default_factory=Counter)
    intents: int = 0
    matched: int = 0
    worked: dict[str, set[date]] = field(default_factory=dict)
    """The days on which each role of the deployment did something."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    outcome: Outcome
    code: Code | None = None
    what: str = ""
    reason: str = ""
    acknowledged: Acknowledged | None = None


_ALLOWED, _INFRASTRUCTURE = _Verdict(Outcome.ALLOWED), _Verdict(Outcome.INFRASTRUCTURE)


class CounterCheck:
    """Takes one access after another, then the intents; ``checked`` has the result. Times are UTC; the window's end is not in it."""

    def __init__(
        self, agreed: Agreed, rights: Rights, begins: datetime, ends: datetime, *, acknowledged: Sequence[Acknowledged] = ()
    ) -> None:
        self._agreed = agreed
        self._rights = rights
        self._acknowledged = acknowledged
        self._roles = rights.roles()
        self._said: dict[tuple[object, ...], _Verdict] = {}
        self._findings: dict[tuple[Code, str, str], Finding] = {}
        self._openings: dict[tuple[str, str, str, str, str], list[tuple[datetime, Seen, bool]]] = defaultdict(list)
        self.checked = Checked(begins, ends)

    def take(self, access: Access) -> None:
        """Judge one access. Of an agreed opening the intent decides, when all are taken."""
        if not self.checked.begins <= access.time < self.checked.ends:
            self.checked.outside += 1
            return
        seen = Seen(access.event_id, access.time, access.file, access.position)
        if (role := role_of(access)) in self._roles:
            self.checked.worked.setdefault(role, set()).add(access.time.date())
        if access.source == "kms.amazonaws.com" and access.name == "Decrypt" and "purpose" in access.context:
            self._opening(access, seen)
            return
        self._count(self._verdict(access), named(access), seen)

    def _count(self, verdict: _Verdict, who: str, seen: Seen) -> None:
        self.checked.events[verdict.outcome] += 1
        if verdict.outcome is Outcome.NOT_EVALUABLE:
            self.checked.not_evaluable[verdict.reason] += 1
        if verdict.acknowledged:
            self.checked.acknowledged[verdict.acknowledged] += 1
        if verdict.code:
            self._find(verdict.code, who, verdict.what, seen)

    def _find(self, code: Code, who: str, what: str, seen: Seen) -> None:
        finding = self._findings.get((code, who, what))
        if finding is None:
            finding = self._findings[code, who, what] = Finding(code, who, what)
        finding.add(seen)

    # -- keys ---------------------------------------------------------------------------------------------------------------------------------

    def _opening(self, access: Access, seen: Seen) -> None:
        """A use of a key for a purpose: refused, not agreed, or agreed; the last waits for its intent."""
        role = role_of(access)
        use = _use(access, role, "open")
        opened = Opened(use.role, use.sharing, use.purpose, use.group)
        object_ = access.context.get("object", "")
        if access.error in DENIED:
            self.checked.refused[opened] += 1
            self._openings[role, use.sharing, object_, use.group, use.purpose].append((access.time, seen, False))
            self._count(_Verdict(Outcome.BLOCKED_ATTEMPT, Code.TRIED_AND_REFUSED, f"to open {_described(use)}"), named(access), seen)
            return
        verdict = self._judged(use, access)
        if access.error:
            self._count(_Verdict(Outcome.ALLOWED) if verdict is _ALLOWED else verdict, named(access), seen)
            return
        self.checked.opened[opened] += 1
        if verdict is not _ALLOWED:
            self._count(verdict, named(access), seen)
            return
        self._openings[role, use.sharing, object_, use.group, use.purpose].append((access.time, seen, True))

    def _judged(self, use: Use, access: Access) -> _Verdict:
        judgement = self._agreed.judge(use, access.time)
        if judgement is Judgement.AGREED and set(access.context) == {"agreement", "object", "group", "purpose"}:
            return _ALLOWED
        if judgement is Judgement.AGREED:
            return _Verdict(Outcome.VIOLATION, Code.KEY_WITHOUT_PURPOSE, _described(use))
        return _Verdict(Outcome.VIOLATION, Code(str(judgement)), _described(use))

    def _key(self, access: Access, role: str) -> _Verdict:
        name = access.name
        if name in OPENING_KEYS and "purpose" in access.context:
            if access.error in DENIED:
                return _Verdict(Outcome.BLOCKED_ATTEMPT, Code.TRIED_AND_REFUSED, f"to seal {_described(_use(access, role, 'seal'))}")
            return self._judged(_use(access, role, OPENING_KEYS[name]), access)
        if name in OPENING_KEYS or name.startswith(OTHER_KEY_USE):
            if access.who.invoked_by or _is_service(access):  # S3, DynamoDB or Secrets Manager asks for whoever they serve
                return _INFRASTRUCTURE
            if access.error in DENIED:
                return _Verdict(Outcome.BLOCKED_ATTEMPT, Code.TRIED_AND_REFUSED, f"{name} of a key without a purpose")
            return _Verdict(Outcome.VIOLATION, Code.KEY_WITHOUT_PURPOSE, name)
        return self._changed(access, role)

    # -- everything else --------------------------------------------------------------------------------------------------------------------------

    def _verdict(self, access: Access) -> _Verdict:
        """Judged once for all calls that differ in nothing that counts."""
        resources = resources_of(access)
        role = role_of(access)
        key = (
            *(role, access.who.arn, access.who.type, access.who.invoked_by, bool(access.who.source_identity), access.source, access.name),
            *(access.error in DENIED, bool(access.error), access.read_only, access.category, access.omitted),
            *(tuple(map(_shape_of, resources)), tuple(sorted(access.context.items())) if access.source == "kms.amazonaws.com" else ()),
            access.time.date() if access.context or self._acknowledged else None,
        )
        said = self._said.get(key)
        if said is None:
            said = self._said[key] = self._weighed(access, role, resources)
        return said

    def _weighed(self, access: Access, role: str, resources: tuple[str, ...]) -> _Verdict:
        service = access.source.partition(".")[0]
        if access.omitted and service in DATA_SOURCES:
            return _Verdict(
                Outcome.NOT_EVALUABLE,
                Code.NOT_JUDGED,
                f"{service}:{access.name}, of which CloudTrail left a part out",
                "left_out_by_cloudtrail",
            )
        verdict = self._key(access, role) if service == "kms" else self._call(access, role, service, resources)
        if verdict.outcome is Outcome.VIOLATION and (answered := self._answered(access, role)):
            return _Verdict(Outcome.INFRASTRUCTURE, acknowledged=answered)
        return verdict

    def _answered(self, access: Access, role: str) -> Acknowledged | None:
        actions = actions_of(access)
        for one in self._acknowledged:
            named = any(fnmatchcase(who, one.who) for who in (role, access.who.arn, access.who.issuer) if who)
            if named and access.time < one.until and any(fnmatchcase(action, pattern) for action in actions for pattern in one.actions):
                return one
        return None

    def _call(self, access: Access, role: str, service: str, resources: tuple[str, ...]) -> _Verdict:
        actions = actions_of(access)
        if _is_service(access) and not role:
            return _INFRASTRUCTURE
        if actions[0] in FREE:
            return _ALLOWED if role in self._roles else self._changed(access, role)
        if role in self._roles:
            return self._of_role(access, role, actions, resources)
        if any(map(_is_ours, resources)) and (access.data or service == "secretsmanager") and not _is_deployment(access, role):
            what = f"{service}:{access.name} on {_kind_of(resources[0])}"
            if access.error in DENIED:
                return _Verdict(Outcome.BLOCKED_ATTEMPT, Code.TRIED_AND_REFUSED, what)
            if not (access.who.arn or access.who.issuer or access.who.account):
                return _Verdict(Outcome.NOT_EVALUABLE, Code.NOT_JUDGED, f"{what}, and it is not recorded who it was", "nobody_named")
            if access.name in EXPORTS.get(service, ()):
                return _Verdict(Outcome.VIOLATION, Code.BULK_EXPORT, what)
            return _Verdict(Outcome.VIOLATION, Code.REACHED_BY_OTHERS, what)
        return self._changed(access, role)

    def _of_role(self, access: Access, role: str, actions: tuple[str, ...], resources: tuple[str, ...]) -> _Verdict:
        what = f"{actions[0]} on {_kind_of(resources[0])}"
        if access.error in DENIED:
            return _Verdict(Outcome.BLOCKED_ATTEMPT, Code.TRIED_AND_REFUSED, what)
        if all(any(self._rights.may(role, action, resource) for action in actions) for resource in resources):
            return _ALLOWED
        if access.error:
            return _Verdict(Outcome.BLOCKED_ATTEMPT, Code.TRIED_AND_REFUSED, what)
        if access.name in EXPORTS.get(access.source.partition(".")[0], ()):
            return _Verdict(Outcome.VIOLATION, Code.BULK_EXPORT, what)
        if role.startswith((f"{PREFIX}upload-", f"{PREFIX}sftp-")) and not all(
            role.rpartition("-")[2] in _kind_of(one) for one in resources
        ):
            return _Verdict(Outcome.VIOLATION, Code.ANOTHER_DISTRICTS, what)
        return _Verdict(Outcome.VIOLATION, Code.BEYOND_ITS_RIGHTS, what)

    def _changed(self, access: Access, role: str) -> _Verdict:
        """A call that reaches no data: what it changes counts."""
        service = access.source.partition(".")[0]
        what = f"{service}:{access.name}" + "".join(f" {name}" for name in _named(access))
        if access.name == "ConsoleLogin" and access.who.type != "Root":
            return _INFRASTRUCTURE
        if access.read_only and access.who.type != "Root":
            return _INFRASTRUCTURE
        if _is_deployment(access, role) or (_is_service(access) and not role):
            return _INFRASTRUCTURE
        if access.error in DENIED:
            return _Verdict(Outcome.BLOCKED_ATTEMPT, Code.TRIED_AND_REFUSED, what)
        if access.error:
            return _INFRASTRUCTURE
        if access.who.type == "Root":
            return _Verdict(Outcome.VIOLATION, Code.ROOT_USED, what)
        code = _code_of_change(access, service)
        return _Verdict(Outcome.VIOLATION, code, what) if code else _INFRASTRUCTURE

    # -- intents --------------------------------------------------------------------------------------------------------------------------------

    def finish(self, intents: Iterable[Intent], *, delivered_until: datetime) -> Checked:
        """Match agreed openings with intents, one with one, and judge what is left of both.

        ``delivered_until`` is up to when everything is delivered, by the digests: an intent shortly before it may have its event in a later file.
        """
        waiting: dict[tuple[str, str, str, str, str], list[datetime]] = defaultdict(list)
        for intent in intents:
            if self.checked.begins - INTENT_LEADS <= intent.at < self.checked.ends:
                waiting[intent.role, intent.sharing, intent.object, intent.group, intent.purpose].append(intent.at)
        for key, openings in self._openings.items():
            self._match(key, sorted(openings, key=lambda one: one[0]), sorted(waiting.pop(key, [])), delivered_until)
        for key, left in waiting.items():
            self._unanswered(key, left, delivered_until)
        self.checked.findings = sorted(
            self._findings.values(), key=lambda one: (_SEVERITIES.index(one.severity), one.code, one.who, one.what)
        )
        return self.checked

    def _match(
        self,
        key: tuple[str, str, str, str, str],
        openings: Sequence[tuple[datetime, Seen, bool]],
        intents: list[datetime],
        delivered_until: datetime,
    ) -> None:
        role, sharing, _, group, purpose = key
        for at, seen, agreed in openings:
            last = bisect_right(intents, at + CLOCKS_DIFFER) - 1
            found = last >= 0 and intents[last] >= at - INTENT_LEADS
            if found:
                intents.pop(last)
                self._count_intent()
            if not agreed:
                continue
            if found:
                self.checked.events[Outcome.ALLOWED] += 1
            else:
                use = Use(role.removeprefix(PREFIX), "open", sharing, purpose, group)
                self._count(_Verdict(Outcome.ALLOWED_NO_INTENT, Code.OPENED_WITHOUT_INTENT, _described(use)), role, seen)
        self._unanswered(key, intents, delivered_until)

    def _count_intent(self) -> None:
        self.checked.intents += 1
        self.checked.matched += 1

    def _unanswered(self, key: tuple[str, str, str, str, str], left: Sequence[datetime], delivered_until: datetime) -> None:
        role, sharing, object_, group, purpose = key
        for at in left:
            if at < self.checked.begins:
                continue  # its event lies in the window before
            self.checked.intents += 1
            seen = Seen(f"intent {sharing} {object_}", at, "ledger", 0)
            what = _described(Use(role.removeprefix(PREFIX), "open", sharing, purpose, group))
            if at > delivered_until - LATE:
                self._count(_Verdict(Outcome.NOT_EVALUABLE, reason="its_log_may_still_come"), role, seen)
            else:
                self._count(_Verdict(Outcome.INTENT_NO_EVENT, Code.INTENT_WITHOUT_OPENING, what), role, seen)


# ---- what a record says --------------------------------------------------------------


def role_of(access: Access) -> str:
    """The name of the role that acted, empty where none did."""
    issuer = access.who.issuer or (access.who.arn if ":role/" in access.who.arn else "")
    if issuer:
        return issuer.rpartition("/")[2]
    if ":assumed-role/" in access.who.arn:
        return access.who.arn.partition(":assumed-role/")[2].partition("/")[0]
    return ""


def named(access: Access) -> str:
    """Who acted, as a finding says it: of a role of the deployment its name and the person behind it, of anybody else everything that the record has."""
    role = role_of(access)
    if not role.startswith(PREFIX):
        return who_of(access)
    return f"{role} for {access.who.source_identity}" if access.who.source_identity else role


def _use(access: Access, role: str, verb: str) -> Use:
    context = access.context
    name = role.removeprefix(PREFIX) if role.startswith(PREFIX) else (role or access.who.arn)
    return Use(name, verb, context.get("agreement", ""), context.get("purpose", ""), context.get("group", ""))


def _described(use: Use) -> str:
    return f"{use.group or 'no group'} of {use.sharing or 'no agreement'} for {use.purpose or 'no purpose'}"


def _is_service(access: Access) -> bool:
    return access.who.type == "AWSService" or access.who.invoked_by.endswith(".amazonaws.com")


def _is_deployment(access: Access, role: str) -> bool:
    """CloudFormation and the roles that the CDK made for it: what they change is a deployment, and compared as one."""
    return access.who.invoked_by == "cloudformation.amazonaws.com" or (role.startswith("cdk-") and "-role-" in role)


def _kind_of(resource: str) -> str:
    """A resource without what differs from one object to the next: of an object the bucket and its first folder."""
    if resource.startswith("arn:aws:s3:::"):
        bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
        return f"{bucket}/{key.partition('/')[0]}" if key else bucket
    return resource


_DRAWN = re.compile(r"[0-9a-f]{8,}|\d+")


def _shape_of(resource: str) -> str:
    """A resource without what is drawn or counted in its name: two of one shape fit the same patterns of a policy."""
    return _DRAWN.sub("#", resource)


def _is_ours(resource: str) -> bool:
    return (
        resource.startswith((f"arn:aws:s3:::{PREFIX}", f"{PREFIX}cards", f"{PREFIX}ledger"))
        or f"/{PREFIX}" in resource
        or f":{PREFIX}" in resource
        or ":secret:firstcard/" in resource
    )


_NAMES = (
    "roleName",
    "userName",
    "policyName",
    "policyArn",
    "bucketName",
    "keyId",
    "tableName",
    "functionName",
    "secretId",
    "name",
    "trailName",
)


def _named(access: Access) -> list[str]:
    """What a change was about, by the names that the request has; no other content of it."""
    return [str(access.request[name]) for name in _NAMES if isinstance(access.request.get(name), str)][:2]


def _code_of_change(access: Access, service: str) -> Code | None:
    """What a change of management is, if it is one that somebody must look at; None if it is about nothing of ours."""
    name, about = access.name, " ".join([*_named(access), *resources_of(access)])
    if service == "kms":
        return Code.KEY_DELETION if name in KEY_ENDS else Code.KEY_CHANGED if name in KEY_RIGHTS else Code.CHANGED_BY_HAND
    if service == "iam":
        return Code.RIGHTS_CHANGED
    if service == "cloudtrail":
        return Code.CHANGED_BY_HAND
    ours = PREFIX in about or "firstcard/" in about
    if not ours:
        return None
    if name in EXPORTS.get(service, ()):
        return Code.BULK_EXPORT
    return Code.RIGHTS_CHANGED if any(part in name for part in RIGHTS) else Code.CHANGED_BY_HAND


def utc(text: str) -> datetime:
    """A moment of ISO 8601 in UTC; without an offset it is UTC."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
