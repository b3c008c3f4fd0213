"""What the agreements allow of each key, worked out from the agreements alone: matrix, purposes of roles, term.

Nothing of ``infra`` is imported: two ways to the same answer are what makes the comparison a proof.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from cli.proof.decision import Caller, Facts
from cli.proof.deployment import ACCOUNT, REGION
from cli.proof.policy import Value, like
from firstcard.agreement import Agreement, Group, PatronsClause, Purpose, Site, Status
from firstcard.agreement.model import COMPARE, FUNCTION_PURPOSES

OPENING = ("Decrypt", "ReEncryptFrom")
CRYPTOGRAPHY = (
    *OPENING,
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptTo",
)
ADMINISTRATION = (
    "CancelKeyDeletion",
    "CreateAlias",
    "DeleteAlias",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListResourceTags",
    "PutKeyPolicy",
    "RevokeGrant",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateKeyDescription",
)
"""What administrators of the account keep, so that no key is ever locked. They may change its policy; the trail shows it, and this proof is then about another policy."""
HANDING_ON = "CreateGrant"
NOBODYS = (
    "DeleteImportedKeyMaterial",
    "ImportKeyMaterial",
    "ReplicateKey",
    "RetireGrant",
    "RotateKeyOnDemand",
    "Sign",
    "UpdatePrimaryRegion",
)
ACTIONS = (*CRYPTOGRAPHY, HANDING_ON, *ADMINISTRATION, *NOBODYS)

ADMINISTRATOR, ROOT_USER = "an administrator of the account", "the account's root user"
"""Whoever has every action on every resource, such as the role by which CloudFormation deploys; and the root user."""
ADMINISTRATORS = (ADMINISTRATOR, ROOT_USER)

ANONYMOUS = ", not saying who"
"""How the name of a session of a person's role ends that has no source identity."""

VAULT, LOGS, ACCESS_LOGS = (f"firstcard-{what}-{ACCOUNT}-{REGION}" for what in ("vault", "logs", "access"))
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/firstcard"
TABLES, SECRETS, OBJECTS = (f"{service}.{REGION}.amazonaws.com" for service in ("dynamodb", "secretsmanager", "s3"))
OBJECTS_ELSEWHERE = "s3.eu-central-1.amazonaws.com"
S3_ARN = "aws:s3:arn"

TABLE_USES = (
    *("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"),
    HANDING_ON,
)
SECRET_USES = ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey")


def drop_bucket(district: str) -> str:
    """Where a district leaves its files."""
    return f"firstcard-drop-{district}-{ACCOUNT}-{REGION}"


def role_of(caller: Caller) -> str:
    """The name of a role of ours as agreements have it; empty for anybody else."""
    ours = caller.arn.startswith(f"arn:aws:iam::{ACCOUNT}:role/firstcard-")
    return caller.name.removeprefix("firstcard-").removesuffix(ANONYMOUS) if ours else ""


@dataclass(frozen=True, slots=True)
class Use:
    """One way of asking for a key: encryption context, the service on whose way it is asked (empty: none), when, and what a sentence calls the moment and the context's fault."""

    context: tuple[tuple[str, str], ...]
    via: str
    at: datetime
    moment: str = ""
    fault: str = ""

    def facts(self) -> Facts:
        """The condition keys of the request. IAM does not tell capitals from small letters in a condition key, so neither does it in a context's."""
        facts: dict[str, Value] = {"aws:currenttime": self.at.isoformat()}
        for key, value in self.context:
            facts[f"kms:encryptioncontext:{key.lower()}"] = value
        if self.context:
            facts["kms:encryptioncontextkeys"] = tuple(sorted(key for key, _ in self.context))
        if self.via:
            facts["kms:viaservice"] = self.via
        return facts

    def says(self, key: str) -> str:
        """The context's value, whatever the capitals of its name; empty if it has none."""
        return next((value for name, value in self.context if name.lower() == key), "")


Test = Callable[[Use], bool]


class Law(Protocol):
    """What is agreed of one key."""

    alias: str
    uses: list[Use]

    def may(self, caller: Caller, action: str) -> Test | None:
        """Which uses are agreed; None where none is."""

    def never(self, caller: Caller, action: str) -> Test | None:
        """Which uses the key's policy itself must refuse, whatever else is ever allowed beside it; None where none is."""


def laws_of(site: Site, samples: Mapping[str, Sequence[str]]) -> list[Law]:
    """What is agreed of every key that a site has; ``samples`` are names of objects by bucket."""
    laws: list[Law] = [VaultLaw(samples), LogsLaw(samples)]
    for district in sorted({agreement.district for agreement in site.agreements}):
        laws.append(DropLaw(district, samples))
        laws += [PurposeLaw([one for one in site.agreements if one.sharing == sharing], site) for sharing in site.sharings(district)]
    return laws + [PatronsLaw(library.id, library.patrons, site) for library in site.libraries if library.patrons]


@dataclass(frozen=True, slots=True)
class Term:
    """From the first moment to the moment after the last one, UTC; every agreement has its own name in sentences."""

    name: str
    begins: datetime
    ends: datetime

    @classmethod
    def of(cls, name: str, first: date, last: date) -> "Term":
        """From days, both included."""
        midnight = time(tzinfo=UTC)
        return cls(name, datetime.combine(first, midnight), datetime.combine(last + timedelta(days=1), midnight))

    def moments(self) -> Iterator[tuple[datetime, str]]:
        """The moments at which something changes, and one between."""
        tick = timedelta(seconds=1)
        yield self.begins - timedelta(days=1), f"a day before the term of {self.name}"
        yield self.begins - tick, f"a second before the term of {self.name}"
        yield self.begins, f"at the first moment of {self.name}"
        yield self.begins + timedelta(days=1), f"on the second day of {self.name}"
        yield self.begins + (self.ends - self.begins) / 2, f"within the term of {self.name}"
        yield self.ends - timedelta(days=1), f"on the last day of {self.name}"
        yield self.ends - tick, f"at the last moment of {self.name}"
        yield self.ends, f"a moment after the term of {self.name}"
        yield self.ends + timedelta(days=1), f"a day after the term of {self.name}"


_LONG_AGO = (datetime(2001, 1, 1, tzinfo=UTC), "in 2001")
_SOME_DAY = (datetime(2101, 1, 1, tzinfo=UTC), "in 2101")


def _sealed_uses(sharing: str, others: Sequence[str], terms: Sequence[Term]) -> list[Use]:
    """Contexts of sealing and opening: the right ones, and each way in which they can be wrong, at every moment that matters."""
    rightly: list[tuple[dict[str, str], str, str]] = []
    asked: list[tuple[dict[str, str], str, str]] = [({}, "", " with an empty context")]
    for purpose in (*Purpose, "marketing"):
        for group in (*Group, "everything"):
            right = {"agreement": sharing, "group": str(group), "object": "0c2f", "purpose": str(purpose)}
            rightly.append((right, "", ""))
            asked += [({**right, "agreement": other}, "", f" in the name of {other}") for other in others]
            asked += [
                ({key: value for key, value in right.items() if key != left_out}, "", f" without naming the {left_out}")
                for left_out in right
            ]
            asked.append(({**right, "object": ""}, "", " with an empty object"))
            asked.append(({**right, "because": "urgent"}, "", " with one name too many in the context"))
            asked.append(
                (
                    {"Agreement": sharing, **{key: value for key, value in right.items() if key != "agreement"}},
                    "",
                    " with 'Agreement' for 'agreement'",
                )
            )
            asked.append(({**right, S3_ARN: f"arn:aws:s3:::{VAULT}/runs/r1/plan.json"}, OBJECTS, " through S3"))
    asked.append(({S3_ARN: f"arn:aws:s3:::{VAULT}/runs/r1/plan.json"}, OBJECTS, " through S3"))
    asked.append(({"aws:dynamodb:tableName": "firstcard-cards"}, TABLES, " through DynamoDB"))
    asked.append(({"SecretARN": "firstcard/tokens/x"}, SECRETS, " through Secrets Manager"))
    moments = {at: said for said_of in terms for at, said in said_of.moments()}
    moments.update([_LONG_AGO, _SOME_DAY])
    return [
        Use(tuple(sorted(context.items())), via, at, said, fault)
        for at, said in sorted(moments.items())
        for context, via, fault in rightly + asked
    ]


def _is_whole(use: Use, sharing: str) -> bool:
    context = dict(use.context)
    return set(context) == {"agreement", "group", "object", "purpose"} and context["agreement"] == sharing and bool(context["object"])


def _administers(caller: Caller, action: str) -> bool:
    return caller.name in ADMINISTRATORS and action in ADMINISTRATION


def _always(_: Use) -> bool:
    return True


class PurposeLaw:
    """Of the key of one library and district: who opens and seals what for which purpose, under this year's agreement and under the next one."""

    def __init__(self, agreements: Sequence[Agreement], site: Site) -> None:
        self.alias = f"alias/firstcard-purpose-{agreements[0].library}-{agreements[0].district}"
        self._sharing = agreements[0].sharing
        self._agreements = agreements
        self._terms = {one.id: Term.of(one.id, one.term.effective, one.term.expires) for one in agreements}
        others = sorted({one.sharing for one in site.agreements} - {self._sharing})[:2] or ["another.district"]
        self.uses = _sealed_uses(self._sharing, [*others, f"{self._sharing}.2"], list(self._terms.values()))

    def may(self, caller: Caller, action: str) -> Test | None:
        """Open by the matrix and the purposes of a role; seal as ``plan``, or a new PIN where one may be shown or printed."""
        if _administers(caller, action):
            return _always
        role = role_of(caller)
        if not role:
            return None
        agreed = [
            (self._terms[agreement.id], str(purpose), {str(group) for group in groups})
            for agreement in self._agreements
            if agreement.status is Status.EXECUTED
            for purpose, groups in self._of(agreement, role, action, identified="aws:sourceidentity" in caller.facts)
        ]
        if not agreed:
            return None
        return lambda use: (
            _is_whole(use, self._sharing)
            and any(
                term.begins <= use.at < term.ends and use.says("purpose") == purpose and use.says("group") in groups
                for term, purpose, groups in agreed
            )
        )

    @staticmethod
    def _of(agreement: Agreement, role: str, action: str, *, identified: bool) -> Iterator[tuple[Purpose, set[Group]]]:
        clause = agreement.roles.get(role)
        if action == "Decrypt" and clause is not None and (identified or not clause.human):
            for purpose in clause.purposes:
                opens = clause.opens is True or (clause.opens is not False and purpose in clause.opens)
                if opens and (clause.human or purpose in FUNCTION_PURPOSES.get(role, ())):
                    groups = set(agreement.matrix.get(purpose, ()))
                    if purpose is Purpose.DEDUPLICATE:
                        groups = groups & {Group.STUDENTS} if role in COMPARE else groups - {Group.STUDENTS}
                    yield purpose, groups
        if action == "Encrypt":
            for purpose, every in agreement.matrix.items():
                if role == "plan":
                    yield purpose, set(every)
                elif Group.PIN in every and (
                    (role == "reset" and agreement.card.pin.page is not None)
                    or (role == "print" and Group.PIN in agreement.matrix.get(Purpose.HAND_OUT, ()))
                ):
                    yield purpose, {Group.PIN}

    def never(self, caller: Caller, action: str) -> Test | None:
        """Nothing in the name of another agreement; and the key is never handed on."""
        if action == HANDING_ON:
            return _always
        return self._in_anothers_name if action in CRYPTOGRAPHY else None

    def _in_anothers_name(self, use: Use) -> bool:
        return use.says("agreement") != self._sharing


class PatronsLaw:
    """Of the key of a library's own patrons: two seal an extract, ``plan`` and ``preview`` open it, while the library's clause holds."""

    def __init__(self, library: str, clause: PatronsClause, site: Site) -> None:
        self.alias = f"alias/firstcard-patrons-{library}"
        self._library = library
        self._term = Term.of(f"the clause on patrons of {library}", clause.effective, clause.expires)
        others = sorted({one.sharing for one in site.agreements})[:2]
        self.uses = _sealed_uses(library, others, [self._term])

    def may(self, caller: Caller, action: str) -> Test | None:
        """Seal or open the group ``patrons`` to deduplicate."""
        if _administers(caller, action):
            return _always
        if (role_of(caller), action) not in {
            ("systems-librarian", "Encrypt"),
            ("gather", "Encrypt"),
            ("plan", "Decrypt"),
            ("preview", "Decrypt"),
        }:
            return None
        return lambda use: (
            _is_whole(use, self._library)
            and (use.says("purpose"), use.says("group")) == (Purpose.DEDUPLICATE, Group.PATRONS)
            and self._term.begins <= use.at < self._term.ends
        )

    def never(self, caller: Caller, action: str) -> Test | None:
        """Nobody but ``plan`` and ``preview`` ever opens one, nothing in another's name, and the key is never handed on."""
        if action == HANDING_ON or (action in (*OPENING, "ReEncryptTo") and role_of(caller) not in ("plan", "preview")):
            return _always
        return self._in_anothers_name if action in CRYPTOGRAPHY else None

    def _in_anothers_name(self, use: Use) -> bool:
        return use.says("agreement") != self._library


class _RestLaw:
    """Of a key that encrypts at rest: services use it for whoever they let in. Rows of ``OBJECT_USES``: roles, actions, and the objects of the bucket."""

    object_uses: tuple[tuple[str, str, str], ...] = ()
    tables = False
    secrets = False

    def __init__(self, alias: str, bucket: str, samples: Mapping[str, Sequence[str]]) -> None:
        self.alias, self._bucket = alias, bucket
        self._tests: dict[tuple[tuple[str, ...], tuple[str, ...]], Test] = {}
        arns = [
            f"arn:aws:s3:::{bucket}",
            *(f"arn:aws:s3:::{bucket}/{name}" for name in samples[bucket]),
            "arn:aws:s3:::elsewhere/runs/r1/plan.json",
        ]
        arns += [f"arn:aws:s3:::{other}/{names[0]}" for other, names in samples.items() if other != bucket and names]
        asked = [((S3_ARN, arn), via) for arn in arns for via in ("", OBJECTS, OBJECTS_ELSEWHERE, TABLES)]
        asked += [(("aws:dynamodb:tableName", "firstcard-cards"), via) for via in ("", TABLES)]
        asked += [(("SecretARN", "firstcard/tokens/x"), via) for via in ("", SECRETS)]
        at = datetime(2026, 10, 1, tzinfo=UTC)
        self.uses = [Use((pair,), via, at, "", f" for {pair[1]}{f' through {via}' if via else ' directly'}") for pair, via in asked]
        self.uses += [Use((), via, at, "", f" with an empty context{f' through {via}' if via else ''}") for via in ("", OBJECTS)]

    def may(self, caller: Caller, action: str) -> Test | None:
        """Through S3 as ``object_uses`` says; through the other services for whoever of the account they let in."""
        if _administers(caller, action):
            return _always
        if caller.service or caller.account != ACCOUNT:
            return self._of_service(caller, action)
        role = role_of(caller)
        rows = tuple(objects for roles, actions, objects in self.object_uses if role in roles.split() and action in actions.split())
        services: tuple[str, ...] = (TABLES,) if self.tables and action in TABLE_USES else ()
        services += (SECRETS,) if self.secrets and action in SECRET_USES else ()
        if not rows and not services:
            return None
        return self._tests.setdefault((rows, services), lambda use: self._is_for(use, rows) or use.via in services)

    def _is_for(self, use: Use, rows: tuple[str, ...]) -> bool:
        return use.via == OBJECTS and any(not row or like(use.says(S3_ARN), f"arn:aws:s3:::{self._bucket}/{row}") for row in rows)

    def _of_service(self, caller: Caller, action: str) -> Test | None:
        return None

    def never(self, caller: Caller, action: str) -> Test | None:
        """Nothing that a further statement could not allow."""
        return None


class VaultLaw(_RestLaw):
    """Of the vault's key, which tables and the libraries' secrets share."""

    object_uses = (
        ("plan hold issue finish notify explain settle tally attest print destroy preview operator officer", "Decrypt", "*"),
        ("plan hold finish", "GenerateDataKey", "*"),
        ("tally", "GenerateDataKey", "progress/*"),
        ("destroy", "GenerateDataKey", "manifests/*"),
        ("systems-librarian", "GenerateDataKey", "usage/*"),
        ("systems-librarian gather", "GenerateDataKey", "patrons/*"),
    )
    tables = secrets = True

    def __init__(self, samples: Mapping[str, Sequence[str]]) -> None:
        super().__init__("alias/firstcard-vault", VAULT, samples)


class DropLaw(_RestLaw):
    """Of the key of one district's drop bucket and of the secret keys that open its files."""

    secrets = True

    def __init__(self, district: str, samples: Mapping[str, Sequence[str]]) -> None:
        super().__init__(f"alias/firstcard-drop-{district}", drop_bucket(district), samples)
        self.object_uses = (
            (f"upload-{district} sftp-{district}", "Decrypt GenerateDataKey", "*"),
            ("plan", "Decrypt", "incoming/*"),
            ("hold finish", "Decrypt GenerateDataKey", "outbox/*"),
            ("rehearse", "Decrypt", "try/*"),
            ("preview", "Decrypt", "preview/*"),
            ("rehearse", "GenerateDataKey", "outbox/try-*"),
        )


class LogsLaw(_RestLaw):
    """Of the trail's key: the trail writes, the officer reads."""

    object_uses = (("officer", "Decrypt", ""),)

    def __init__(self, samples: Mapping[str, Sequence[str]]) -> None:
        super().__init__("alias/firstcard-logs", LOGS, samples)

    def _of_service(self, caller: Caller, action: str) -> Test | None:
        trail = (caller.service, caller.facts.get("aws:sourcearn")) == ("cloudtrail.amazonaws.com", TRAIL)
        return _always if trail and action in ("GenerateDataKey", "DescribeKey") else None
