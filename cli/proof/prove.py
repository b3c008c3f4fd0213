"""The comparison: everything that anybody could ask for, decided by the deployed policies and by the agreements, and each difference as a sentence.

Who asks: every role of the templates, a session of each person's role with and without a source identity, an administrator of the account, its root user, AWS services in their own
name, another account, and anybody. What is asked: every use of every key at every moment that matters, every object, item, secret, queue and function. "Allows more" and "refuses a need" are both differences.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from itertools import product

from cli.proof import rights
from cli.proof.agreed import (
    ACCESS_LOGS,
    ACTIONS,
    ADMINISTRATOR,
    ADMINISTRATORS,
    ANONYMOUS,
    LOGS,
    OBJECTS,
    ROOT_USER,
    S3_ARN,
    SECRETS,
    TABLES,
    TRAIL,
    VAULT,
    Law,
    Test,
    Use,
    drop_bucket,
    laws_of,
    role_of,
)
from cli.proof.decision import EVERYTHING, Caller, Facts, Guarded, Space, allowed
from cli.proof.deployment import ACCOUNT, REGION, Deployment, Locked
from cli.proof.policy import Statement, like
from firstcard.agreement import Site

OUTSIDE = "999988887777"
ANYBODY_ALLOWS = Statement("everything to everybody", True, ("*",), ("*",), ("*",), ())
"""What somebody might add to a key's policy one day: what it refuses even then, it refuses by its own word."""

VAULT_NAMES = (
    *(
        "runs/r1/plan.json",
        "runs/r1/receipt.json",
        "runs/r1/manifest.json.gz",
        "runs/r1/people.json.gz",
        "runs/r1/chunks/0001",
        "runs/r1/else",
    ),
    *(f"{folder}/x" for folder in ("manifests", "snapshots", "students", "patrons", "usage", "census", "progress", "else")),
)
DROP_NAMES = (
    *(f"{folder}/a{ending}" for folder in ("incoming", "try", "preview") for ending in (".csv", *(f".{one}" for one in rights.UNFINISHED))),
    *("outbox/r1.json", "outbox/try-r1.json", "else/x"),
)
LOG_NAMES = (f"AWSLogs/{ACCOUNT}/CloudTrail/x", f"AWSLogs/{OUTSIDE}/CloudTrail/x", "else/x")

READING = ("s3:GetObject", "s3:GetObjectVersion")
ON_OBJECTS = (
    *READING,
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:AbortMultipartUpload",
    "s3:GetObjectAcl",
    "s3:PutObjectAcl",
    "s3:PutObjectRetention",
)
LISTING = ("s3:ListBucket", "s3:ListBucketVersions")
ON_BUCKETS = (*LISTING, "s3:GetBucketAcl", "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", "s3:DeleteBucket")
OTHER_ACTIONS = {
    "dynamodb": "BatchGetItem BatchWriteItem DeleteItem DeleteTable DescribeStream ExportTableToPointInTime GetItem GetRecords GetShardIterator ListStreams "
    "PartiQLSelect PutItem Query RestoreTableToPointInTime Scan UpdateItem UpdateTable",
    "secretsmanager": "DeleteSecret GetSecretValue PutResourcePolicy PutSecretValue UpdateSecretVersionStage",
    "sqs": "AddPermission ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl PurgeQueue ReceiveMessage SendMessage SetQueueAttributes",
    "sns": "Publish Subscribe",
    "lambda": "GetFunction InvokeFunction UpdateFunctionCode UpdateFunctionConfiguration",
    "events": "PutEvents PutRule DisableRule",
    "states": "DescribeExecution GetExecutionHistory SendTaskSuccess StartExecution StopExecution UpdateStateMachine",
    "ses": "SendBulkEmail SendEmail",
    "logs": "CreateLogDelivery CreateLogStream DeleteLogDelivery DeleteLogGroup DescribeLogGroups DescribeResourcePolicies FilterLogEvents GetLogDelivery "
    "GetLogEvents ListLogDeliveries PutLogEvents PutResourcePolicy PutRetentionPolicy UpdateLogDelivery",
    "kms": "Decrypt CreateGrant PutKeyPolicy",
    "iam": "AttachRolePolicy PassRole PutRolePolicy UpdateAssumeRolePolicy",
    "sts": "AssumeRole",
    "cloudtrail": "GetEventSelectors GetTrail GetTrailStatus ListPublicKeys PutEventSelectors StopLogging",
    "ssm": "GetParameter PutParameter",
}
READS_TABLE = frozenset(
    f"dynamodb:{name}"
    for name in ("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "GetRecords", "PutItem", "Query", "UpdateItem")
)
ITEMS = (
    "became",
    *(
        "agreement",
        "bounce",
        "content",
        "district",
        "else",
        "envelope",
        "household",
        "intent",
        "late",
        "letters",
        "number",
        "numbers",
        "pair",
    ),
    *("patron", "patrons", "pin", "print", "run", "snapshot", "unnumbered"),
)
FOLDERS = (
    "incoming",
    "try",
    "preview",
    "outbox",
    "runs",
    "manifests",
    "snapshots",
    "students",
    "patrons",
    "usage",
    "census",
    "progress",
    "else",
)
TRUSTING = ("sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which what is deployed is not what is agreed. ``more`` is true where somebody may do more, false where a need is refused."""

    more: bool
    who: str
    action: str
    what: str
    sentence: str
    purpose: str = ""
    group: str = ""
    moment: str = ""


@dataclass(frozen=True, slots=True)
class Proved:
    """The outcome: all differences, and how many requests were decided."""

    differences: tuple[Difference, ...]
    requests: int
    callers: int
    keys: int


def prove(deployment: Deployment, site: Site) -> Proved:
    """Compare everything. Raises UnknownPolicyError where a policy cannot be judged."""
    proof = Proof(deployment, site)
    differences = [*proof.missing(), *proof.services()]
    for alias in deployment.keys:
        differences += proof.of_key(alias)
    for bucket in deployment.buckets:
        differences += proof.of_bucket(bucket, list(proof.strangers()))
    for role in deployment.roles:
        differences += [*proof.of_trust(role), *proof.of_role(role)]
    for queue in deployment.queues:
        differences += proof.of_queue(queue)
    for topic in deployment.topics:
        differences += proof.of_topic(topic)
    return Proved(tuple(dict.fromkeys(differences)), proof.requests, len(proof.callers), len(deployment.keys))


@dataclass
class Proof:
    """The parts of a comparison; each takes the deployment as it is at that moment, so that a test may change it in between."""

    deployment: Deployment
    site: Site
    requests: int = 0
    _spaces: dict[str, Space] = field(default_factory=dict)
    _agreed: dict[Hashable, int] = field(default_factory=dict)
    _strangers: list[Caller] = field(default_factory=list)
    _items: tuple[str, ...] = ()
    _prefixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.rights = rights.rights_of(self.site)
        samples: dict[str, Sequence[str]] = {VAULT: VAULT_NAMES, LOGS: LOG_NAMES, ACCESS_LOGS: ("bucket/x",)}
        samples.update({drop_bucket(one.district): DROP_NAMES for one in self.site.agreements})
        self.samples = {bucket: tuple(dict.fromkeys((*names, *self._named_in(bucket)))) for bucket, names in samples.items()}
        self._items = tuple(dict.fromkeys((*(f"{item}#x" for item in ITEMS), *self._said_of("dynamodb:leadingkeys"))))
        prefixes = [one for folder in FOLDERS for one in (folder, f"{folder}/x")]
        self._prefixes = tuple(dict.fromkeys((*prefixes, *self._said_of("s3:prefix"))))
        self.laws: dict[str, Law] = {law.alias: law for law in laws_of(self.site, self.samples)}

    def _said_of(self, key: str) -> list[str]:
        """A value for each pattern that any role's policy has for a condition key: nothing that is allowed goes unasked because nobody thought of it."""
        statements = (statement for role in self.deployment.roles.values() for statement in role.own)
        conditions = (condition for statement in statements for condition in statement.conditions if condition.key == key)
        return sorted({value.replace("*", "x") for condition in conditions for value in condition.values})

    def _named_in(self, bucket: str) -> list[str]:
        """An object for each pattern that any role's policy has for a bucket."""
        named = (
            resource.partition("/") for role in self.deployment.roles.values() for statement in role.own for resource in statement.resources
        )
        return sorted({path.replace("*", "x") for arn, _, path in named if path and like(f"arn:aws:s3:::{bucket}", arn)})

    # Who asks

    @property
    def callers(self) -> list[Caller]:
        """Everybody who may ask."""
        if not self._strangers:
            self._strangers = list(self.strangers())
        return [*self.roles(), *self._strangers]

    def roles(self) -> Iterator[Caller]:
        """A session of every role of the templates, and of each person's role that an agreement names."""
        for name in {
            **self.deployment.roles,
            **{f"firstcard-{role}": None for one in self.site.agreements for role, clause in one.roles.items() if clause.human},
        }:
            yield from self.sessions(name)

    def sessions(self, role: str) -> Iterator[Caller]:
        """A session of a role; of a person's, one that says who it is and one that does not."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        facts: Facts = {"aws:principalarn": arn, "kms:calleraccount": ACCOUNT}
        own = self.deployment.roles[role].own if role in self.deployment.roles else ()
        if rights.is_of_person(role) or any(
            clause.human and f"firstcard-{name}" == role for one in self.site.agreements for name, clause in one.roles.items()
        ):
            yield Caller(role, ACCOUNT, arn, own=own, facts={**facts, "aws:sourceidentity": "pat@example.org"})
            yield Caller(f"{role}{ANONYMOUS}", ACCOUNT, arn, own=own, facts=facts)
        else:
            yield Caller(role, ACCOUNT, arn, own=own, facts=facts)

    def strangers(self) -> Iterator[Caller]:
        """Those who are no role of the templates."""
        for name, arn in (
            (ADMINISTRATOR, f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-cfn-exec-role"),
            (ROOT_USER, f"arn:aws:iam::{ACCOUNT}:root"),
        ):
            facts: Facts = {"aws:principalarn": arn, "kms:calleraccount": ACCOUNT}
            yield Caller(name, ACCOUNT, arn, root=name == ROOT_USER, own=EVERYTHING, facts=facts)
        foreign = {one.exchange.s3_principal for one in self.site.agreements if one.exchange.s3_principal}
        for arn in (f"arn:aws:iam::{OUTSIDE}:role/firstcard-plan", f"arn:aws:iam::{OUTSIDE}:root", *sorted(foreign)):
            account = arn.split(":")[4]
            facts = {"aws:principalarn": arn, "kms:calleraccount": account}
            yield Caller(f"{arn} of another account", account, arn, own=EVERYTHING, facts=facts)
        yield Caller("anybody without an account", "")
        yield from self._services()

    def _services(self) -> Iterator[Caller]:
        rules = [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}" for name in sorted(self.deployment.rules)]
        sources = {
            "cloudtrail.amazonaws.com": [TRAIL, f"arn:aws:cloudtrail:{REGION}:{OUTSIDE}:trail/firstcard"],
            "events.amazonaws.com": [*rules, f"arn:aws:events:{REGION}:{OUTSIDE}:rule/firstcard-dropped"],
            "cloudwatch.amazonaws.com": [
                f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:x",
                f"arn:aws:cloudwatch:{REGION}:{OUTSIDE}:alarm:x",
            ],
            # A service that does what it should not on behalf of a source that others trust.
            "ec2.amazonaws.com": [TRAIL, *rules, f"arn:aws:ec2:{REGION}:{ACCOUNT}:x"],
            **{
                f"{name}.amazonaws.com": [f"arn:aws:{name}:{REGION}:{ACCOUNT}:x", f"arn:aws:{name}:{REGION}:{OUTSIDE}:x"]
                for name in ("lambda", "states", "transfer", "s3", "dynamodb", "secretsmanager", "delivery.logs", "ses", "apigateway")
            },
        }
        asked = [(service, arn, arn.split(":")[4]) for service, arns in sources.items() for arn in arns]
        buckets = (f"arn:aws:s3:::{VAULT}", "arn:aws:s3:::elsewhere")
        asked += [("logging.s3.amazonaws.com", arn, account) for arn in buckets for account in (ACCOUNT, OUTSIDE)]
        asked.append(("ec2.amazonaws.com", buckets[0], ACCOUNT))
        for service, arn, account in asked:
            facts = {"aws:sourcearn": arn, "aws:sourceaccount": account}
            yield Caller(
                f"{service} for {arn} of {'another account' if account == OUTSIDE else 'ours'}", account, service=service, facts=facts
            )

    # What is there

    def missing(self) -> Iterator[Difference]:
        """Roles and keys that are agreed and not there, and those that are there and nobody agreed to."""
        for alias in self.laws.keys() - self.deployment.keys.keys():
            yield Difference(False, "", "", alias, f"{alias} is agreed and is not deployed.")
        for alias in self.deployment.keys.keys() - self.laws.keys():
            yield Difference(True, "", "", alias, f"{alias} is deployed, and nothing that is agreed needs it.")
        for role in self.rights.keys() - self.deployment.roles.keys():
            if not role.startswith("firstcard-sftp-"):  # a district may have no SFTP account
                yield Difference(False, role, "", "", f"The role {role} is needed and is not deployed.")
        for role in self.deployment.roles.keys() - self.rights.keys():
            yield Difference(True, role, "", "", f"The role {role} is deployed, and nothing that is agreed needs it.")
        for bucket in self.samples.keys() - self.deployment.buckets.keys():
            yield Difference(False, "", "", bucket, f"The bucket {bucket} is needed and is not deployed.")
        for bucket in self.deployment.buckets.keys() - self.samples.keys():
            yield Difference(True, "", "", bucket, f"The bucket {bucket} is deployed, and nothing that is agreed needs it.")

    def services(self) -> Iterator[Difference]:
        """Functions that a service may call without being asked to, and those that it may not call though it must."""
        for function, service, named in sorted(self.deployment.called_by):
            if (function, service) not in rights.CALLED_BY or not named:
                yield Difference(
                    True, service, "lambda:InvokeFunction", function, f"{service} may call {function}{'' if named else ' for anybody'}."
                )
        for function, service in sorted(rights.CALLED_BY - {(function, service) for function, service, _ in self.deployment.called_by}):
            yield Difference(False, service, "lambda:InvokeFunction", function, f"{service} must call {function} and may not.")

    # Keys

    def of_key(self, alias: str, callers: Iterable[Caller] | None = None) -> Iterator[Difference]:
        """What differs for one key: as it is, and with everything else allowed beside its own refusals."""
        law, key = self.laws.get(alias), self.deployment.keys[alias]
        if law is None:
            return
        space = self._space(alias, lambda: [use.facts() for use in law.uses])
        everybody = self.callers if callers is None else list(callers)
        for action in ACTIONS:
            about = tuple(statement for statement in key.statements if statement.covers(f"kms:{action}", key.arn))
            for caller in everybody:
                self.requests += 3 * len(law.uses)
                given = allowed(caller, f"kms:{action}", key.arn, Guarded(ACCOUNT, about, alone=True), space) if about else 0
                agreed = self._uses(law, caller, action, space, never=False)
                if given != agreed:
                    yield from _key_differences(law, caller, action, given, agreed)
                if caller.account == ACCOUNT and not caller.service:
                    yield from self._of_each_lock(law, Locked(key.arn, key.arn, about), caller, action, space, agreed)

    def _of_each_lock(self, law: Law, key: Locked, caller: Caller, action: str, space: Space, agreed: int) -> Iterator[Difference]:
        """What a key's allowances come to without its refusals, and its refusals beside any allowance: each must hold without the other."""
        allowances = tuple(statement for statement in key.statements if statement.allows)
        if len(allowances) < len(key.statements):
            given = allowed(caller, f"kms:{action}", key.arn, Guarded(ACCOUNT, allowances, alone=True), space)
            for one in _key_differences(law, caller, action, given & ~agreed, 0):
                yield replace(one, sentence=f"Only a Deny stands against it: {one.sentence}")
        beside_any = Guarded(ACCOUNT, (*key.statements, ANYBODY_ALLOWS), alone=True)
        given = allowed(caller, f"kms:{action}", key.arn, beside_any, space)
        refused = self._uses(law, caller, action, space, never=True)
        if refused & given:
            fault = _first(law, refused & given).fault
            sentence = f"Were it allowed beside, no Deny of {law.alias} would keep {caller.name} from {action}{fault}."
            yield Difference(True, caller.name, f"kms:{action}", law.alias, sentence)
        if space.all & ~given & ~refused:
            fault = _first(law, space.all & ~given & ~refused).fault
            sentence = f"A Deny of {law.alias} keeps {caller.name} from {action}{fault}, which it need not."
            yield Difference(False, caller.name, f"kms:{action}", law.alias, sentence)

    def _uses(self, law: Law, caller: Caller, action: str, space: Space, *, never: bool) -> int:
        by_caller = (law.alias, caller.name, action, never)
        if by_caller not in self._agreed:
            test: Test | None = law.never(caller, action) if never else law.may(caller, action)
            if test is None:
                return 0
            by_test = (law.alias, test)
            if by_test not in self._agreed:
                self._agreed[by_test] = _bits(map(test, law.uses))
            self._agreed[by_caller] = self._agreed[by_test]
        return self._agreed[by_caller]

    def _space(self, name: str, requests: Callable[[], Sequence[Facts]]) -> Space:
        if name not in self._spaces:
            self._spaces[name] = Space(requests())
        return self._spaces[name]

    def _key_allows(self, key_arn: str, caller: Caller, action: str, context: tuple[str, str], via: str) -> bool:
        if not key_arn:
            return True
        key = next(key for key in self.deployment.keys.values() if key.arn == key_arn)
        use = Use((context,), via, datetime(2026, 10, 1, tzinfo=UTC))
        space = self._space(f"{context}{via}", lambda: [use.facts()])
        return bool(allowed(caller, f"kms:{action}", key_arn, Guarded(ACCOUNT, key.statements, alone=True), space))

    # Objects

    def of_bucket(self, name: str, callers: Iterable[Caller] | None = None) -> Iterator[Difference]:
        """What differs for one bucket: S3's policies together with the bucket's key."""
        bucket = self.deployment.buckets[name]
        guarded = Guarded(ACCOUNT, bucket.statements)
        for caller in self.callers if callers is None else callers:
            for action in (*ON_BUCKETS, *ON_OBJECTS):
                asked = self._asked_of_s3(action, bucket)
                for path in [""] if action in ON_BUCKETS else self.samples.get(name, ("x",)):
                    arn = f"{bucket.arn}/{path}" if path else bucket.arn
                    self.requests += len(asked.requests)
                    given = allowed(caller, action, arn, guarded, asked) if caller.own or bucket.statements else 0
                    if given:
                        if action in READING and caller.name in ADMINISTRATORS and path.startswith(("incoming/", "try/", "preview/")):
                            sentence = f"Only the key keeps {caller.name} from {action} {name}/{path}: the bucket's policy does not."
                            yield Difference(True, caller.name, action, f"{name}/{path}", sentence)
                        given = self._with_the_key(caller, action, arn, bucket, asked, given)
                    agreed = self._s3_agreed(caller, action, arn, bucket, asked)
                    if given != agreed:
                        yield from _differences(caller, action, arn.removeprefix("arn:aws:s3:::"), given, agreed, asked)

    def _asked_of_s3(self, action: str, bucket: Locked) -> Space:
        ways: list[Facts] = [
            {"aws:securetransport": "true", "s3:tlsversion": "1.3"},
            {"aws:securetransport": "true", "s3:tlsversion": "1.2"},
            {"aws:securetransport": "true", "s3:tlsversion": "1.1"},
            {"aws:securetransport": "false"},
        ]
        more: list[Facts] = [{}]
        if action in LISTING:
            more += [{"s3:prefix": prefix} for prefix in self._prefixes]
        if action == "s3:PutObject":
            algorithm, key_id = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
            more += [{algorithm: "AES256"}, {algorithm: "aws:kms"}, {algorithm: "aws:kms:dsse"}]
            more.append({algorithm: "aws:kms:dsse", key_id: bucket.key or "none"})
            more += [
                {algorithm: "aws:kms", key_id: key} for key in (bucket.key or "none", "arn:aws:kms:us-east-1:999988887777:key/another")
            ]
            more += [{key_id: key} for key in (bucket.key or "none", "another")]
        cidrs = sorted({cidr for one in self.site.agreements for cidr in one.exchange.source_cidrs})
        addresses = ["192.0.2.10", *(str(ip_network(cidr)[0]) for cidr in cidrs)]
        return self._space(
            f"{action} {bucket.key}",
            lambda: [{**way, **further, "aws:sourceip": address} for way, further, address in product(ways, more, addresses)],
        )

    def _with_the_key(self, caller: Caller, action: str, arn: str, bucket: Locked, asked: Space, given: int) -> int:
        if not bucket.key or caller.service:
            return given
        if action in READING:
            return given if self._key_allows(bucket.key, caller, "Decrypt", (S3_ARN, arn), OBJECTS) else 0
        if action == "s3:PutObject":
            own = self._space_bits(asked, f"{bucket.key} own", lambda facts: _under(facts) in ("", bucket.key))
            return given if self._key_allows(bucket.key, caller, "GenerateDataKey", (S3_ARN, arn), OBJECTS) else given & ~own
        return given

    def _space_bits(self, space: Space, name: str, test: Callable[[Facts], bool]) -> int:
        known = (id(space), name)
        if known not in self._agreed:
            self._agreed[known] = _bits(test(facts) for facts in space.requests)
        return self._agreed[known]

    def _s3_agreed(self, caller: Caller, action: str, arn: str, bucket: Locked, asked: Space) -> int:
        over_tls = self._space_bits(asked, "tls", lambda facts: facts.get("s3:tlsversion") in ("1.2", "1.3"))
        locked = arn.partition("/")[0]
        drop, vault = locked.startswith("arn:aws:s3:::firstcard-drop-"), locked.endswith(f":{VAULT}")
        properly = (
            self._space_bits(asked, f"{bucket.key} properly", lambda facts: _properly(facts, bucket.key)) if drop or vault else asked.all
        )
        if caller.service:
            return self._s3_service(caller, action, arn, over_tls, asked)
        if caller.name in ADMINISTRATORS:
            if action in READING and bucket.key:
                return 0
            if action == "s3:PutObject" and bucket.key:
                foreign = self._space_bits(asked, f"{bucket.key} foreign", lambda facts: _under(facts) not in ("", bucket.key))
                return 0 if drop or vault else over_tls & foreign
            return over_tls
        if not role_of(caller):
            return 0
        agreed = 0
        for right in self.rights.get(rights.without_suffix(caller.name), ()):
            if right.service == "s3" and right.reaches(action, arn):
                said = over_tls & properly
                if right.only:
                    said &= self._space_bits(asked, f"prefix {right.only}", lambda facts, only=right.only: _fits(facts, only))  # type: ignore[misc]
                agreed |= said
        if agreed and action in ("s3:PutObject", "s3:AbortMultipartUpload") and role_of(caller).startswith("upload-"):
            leading = self.site.leading(role_of(caller).removeprefix("upload-"))
            cidrs = leading.exchange.source_cidrs if leading else ()
            if cidrs:
                agreed &= self._space_bits(asked, f"from {cidrs}", lambda facts: any(_within(facts, cidr) for cidr in cidrs))
        return agreed

    @staticmethod
    def _s3_service(caller: Caller, action: str, arn: str, over_tls: int, asked: Space) -> int:
        ours = caller.account == ACCOUNT
        source = str(caller.facts.get("aws:sourcearn"))
        trail = (caller.service, source) == ("cloudtrail.amazonaws.com", TRAIL) and (
            (action == "s3:GetBucketAcl" and arn == f"arn:aws:s3:::{LOGS}")
            or (action == "s3:PutObject" and arn.startswith(f"arn:aws:s3:::{LOGS}/AWSLogs/{ACCOUNT}/"))
        )
        to_logs = action == "s3:PutObject" and arn.startswith(f"arn:aws:s3:::{ACCESS_LOGS}/")
        log = caller.service == "logging.s3.amazonaws.com" and source.startswith("arn:aws:s3:::firstcard-") and to_logs
        return over_tls if ours and (trail or log) else 0

    # Everything else that a role's own policy says

    def of_role(self, name: str) -> Iterator[Difference]:
        """What differs for one role, in everything that its own policies are about."""
        for caller in self.sessions(name):
            for bucket in self.deployment.buckets:
                yield from self.of_bucket(bucket, [caller])
            yield from self._elsewhere(caller)
            for service, actions in OTHER_ACTIONS.items():
                for action in (f"{service}:{one}" for one in actions.split()):
                    yield from self._of_service(caller, service, action)
            yield from self._unheard_of(caller)

    def _elsewhere(self, caller: Caller) -> Iterator[Difference]:
        for action in (*ON_BUCKETS, *ON_OBJECTS):
            arn = "arn:aws:s3:::elsewhere" + ("" if action in ON_BUCKETS else "/runs/r1/plan.json")
            asked = self._asked_of_s3(action, Locked(arn))
            if given := allowed(caller, action, arn, Guarded(ACCOUNT), asked):
                yield from _differences(caller, action, arn, given, 0, asked)

    def _unheard_of(self, caller: Caller) -> Iterator[Difference]:
        known = {f"{service}:{one}".lower() for service, actions in OTHER_ACTIONS.items() for one in actions.split()}
        known |= {one.lower() for one in (*ON_BUCKETS, *ON_OBJECTS)}
        for statement in caller.own:
            for action in statement.actions:
                if statement.allows and "*" not in action and action.lower() not in known:
                    yield Difference(
                        True,
                        caller.name,
                        action,
                        "",
                        f"{caller.name} may {action}, which nothing that is agreed needs ({statement.where}).",
                    )

    def _of_service(self, caller: Caller, service: str, action: str) -> Iterator[Difference]:
        for arn, guarded, key in self._resources(service):
            asked = self._asked_of(service)
            self.requests += len(asked.requests)
            given = allowed(caller, action, arn, guarded, asked)
            if given and key and not self._through_service(caller, service, action, arn, key):
                given = 0
            agreed = 0
            for right in self.rights.get(rights.without_suffix(caller.name), ()):
                if right.service == service and right.reaches(action, arn):
                    agreed |= self._agreed_of(right, caller, asked)
            if service == "sqs":
                agreed &= self._space_bits(asked, "tls", lambda facts: facts.get("aws:securetransport") == "true")
            if given != agreed:
                yield from _differences(caller, action, arn, given, agreed, asked)

    def _agreed_of(self, right: rights.Right, caller: Caller, asked: Space) -> int:
        if right.only == ("identified",):
            return asked.all if "aws:sourceidentity" in caller.facts else 0
        if not right.only:
            return asked.all
        return self._space_bits(asked, f"keys {right.only}", lambda facts: _leads(facts, right.only))

    def _through_service(self, caller: Caller, service: str, action: str, arn: str, key: str) -> bool:
        if service == "dynamodb":
            return action not in READS_TABLE or self._key_allows(
                key, caller, "Decrypt", ("aws:dynamodb:tableName", arn.partition("/")[2]), TABLES
            )
        uses = {"secretsmanager:GetSecretValue": ("Decrypt",), "secretsmanager:PutSecretValue": ("GenerateDataKey", "Decrypt")}.get(
            action, ()
        )
        return all(self._key_allows(key, caller, use, ("SecretARN", arn), SECRETS) for use in uses)

    def _asked_of(self, service: str) -> Space:
        if service == "dynamodb":
            leading = [(item,) for item in self._items] + [(f"{one}#x", "else#x") for one in ("patron", "run")]
            return self._space(service, lambda: [{"dynamodb:leadingkeys": keys} for keys in leading])
        if service in ("sqs", "sns"):
            return self._space("queues", lambda: [{"aws:securetransport": "true"}, {"aws:securetransport": "false"}])
        return self._space("one", lambda: [{}])

    def _resources(self, service: str) -> list[tuple[str, Guarded, str]]:
        """(ARN, its policy, its key) of everything of a service, and of something that is not ours."""
        deployment = self.deployment
        here = f"arn:aws:{service}:{REGION}:{ACCOUNT}:"
        free = Guarded(ACCOUNT)
        plain: list[str] = []
        match service:
            case "dynamodb":
                tables = {**deployment.tables, "firstcard-else": ""}
                ends = ("", "/index/windows", "/index/pairs", "/index/by_district", "/stream/2026-01-01T00:00:00.000")
                return [(f"{here}table/{table}{end}", free, key) for table, key in tables.items() for end in ends]
            case "secretsmanager":
                secrets = {**deployment.secrets, "firstcard/else/x": "", "else": ""}
                return [(f"{here}secret:{name}-a1B2c3", free, key) for name, key in secrets.items()]
            case "sqs":
                return [(queue.arn, Guarded(ACCOUNT, queue.statements), "") for queue in deployment.queues.values()] + [
                    (f"{here}else", free, "")
                ]
            case "sns":
                return [(topic.arn, Guarded(ACCOUNT, topic.statements), "") for topic in deployment.topics.values()]
            case "kms":
                return [(f"{here}key/else", Guarded(ACCOUNT, alone=False), "")]
            case "lambda":
                plain = [f"function:{name}" for name in sorted(deployment.functions)] + ["function:else"]
            case "events":
                plain = ["event-bus/firstcard-cards", "event-bus/default"]
            case "states":
                plain = [
                    "stateMachine:firstcard-roster-run",
                    "execution:firstcard-roster-run:r1",
                    "execution:firstcard-roster-run/Issue:r1",
                    "stateMachine:else",
                ]
                plain += ["execution:else:r1"]
            case "ses":
                plain = ["configuration-set/firstcard", "configuration-set/else", "identity/library@example.org"]
            case "logs":
                plain = [f"log-group:{name}:*" for name in sorted(deployment.log_groups)] + ["log-group:else:*"]
            case _:
                plain = ["else"]
        return [(f"{here}{name}", free, "") for name in plain]

    # Trust, queues, topics

    def of_trust(self, role: str) -> Iterator[Difference]:
        """Who may take a role on, against who should."""
        trust = Guarded(ACCOUNT, self.deployment.roles[role].trust, alone=True)
        asked = self._space("one", lambda: [{}])
        for caller in self.callers:
            for action in TRUSTING:
                self.requests += 1
                given = allowed(caller, action, f"arn:aws:iam::{ACCOUNT}:role/{role}", trust, asked)
                agreed = asked.all if role in self.rights and rights.trusted(role, caller, action, self.site) else 0
                if given != agreed:
                    yield from _differences(caller, action, f"the role {role}", given, agreed, asked)

    def of_queue(self, name: str) -> Iterator[Difference]:
        """Who fills and empties a queue, beside the roles whose own policies say so."""
        queue = self.deployment.queues[name]
        rule = rights.FILLED_BY.get(name, name if name.startswith("firstcard-library-") and not name.endswith("-dead") else "")
        source = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}"

        def agreed(caller: Caller, action: str) -> bool:
            by_rule = caller.service == "events.amazonaws.com" and bool(rule) and caller.facts.get("aws:sourcearn") == source
            return by_rule and action in ("sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl")

        yield from self._of_box("sqs", queue, name, agreed)

    def of_topic(self, name: str) -> Iterator[Difference]:
        """Who publishes alarms."""

        def agreed(caller: Caller, action: str) -> bool:
            return caller.service == "cloudwatch.amazonaws.com" and caller.account == ACCOUNT and action == "sns:Publish"

        yield from self._of_box("sns", self.deployment.topics[name], name, agreed)

    def _of_box(self, service: str, box: Locked, name: str, agreed: Callable[[Caller, str], bool]) -> Iterator[Difference]:
        asked = self._asked_of(service)
        safely = self._space_bits(asked, "tls", lambda facts: facts.get("aws:securetransport") == "true")
        for caller in self.callers:
            for action in (f"{service}:{one}" for one in OTHER_ACTIONS[service].split()):
                self.requests += len(asked.requests)
                given = allowed(caller, action, box.arn, Guarded(ACCOUNT, box.statements), asked)
                if caller.name in ADMINISTRATORS:
                    said = asked.all if service == "sns" and action != "sns:Publish" else safely
                elif role_of(caller):
                    reached = (right.reaches(action, box.arn) for right in self.rights.get(rights.without_suffix(caller.name), ()))
                    said = safely if any(reached) else 0
                else:
                    said = safely if agreed(caller, action) else 0
                if given != said:
                    yield from _differences(caller, action, name, given, said, asked)


def _bits(answers: Iterable[bool]) -> int:
    packed = bytearray()
    byte = count = 0
    for answer in answers:
        byte |= answer << count
        count += 1
        if count == 8:
            packed.append(byte)
            byte = count = 0
    packed.append(byte)
    return int.from_bytes(packed, "little")


def _under(facts: Facts) -> str:
    """The key under which an object would be put: empty for the bucket's own."""
    algorithm = facts.get("s3:x-amz-server-side-encryption", "")
    key = facts.get("s3:x-amz-server-side-encryption-aws-kms-key-id", "")
    return str(key or algorithm)


def _properly(facts: Facts, key: str) -> bool:
    algorithm = facts.get("s3:x-amz-server-side-encryption")
    named = facts.get("s3:x-amz-server-side-encryption-aws-kms-key-id")
    return (algorithm, named) == (None, None) or (algorithm in ("aws:kms", None) and named == key)


def _fits(facts: Facts, patterns: Sequence[str]) -> bool:
    prefix = facts.get("s3:prefix")
    return isinstance(prefix, str) and any(prefix == one or (one.endswith("*") and prefix.startswith(one[:-1])) for one in patterns)


def _leads(facts: Facts, patterns: Sequence[str]) -> bool:
    return all(any(key.startswith(one.rstrip("*")) for one in patterns) for key in facts["dynamodb:leadingkeys"])


def _within(facts: Facts, cidr: str) -> bool:
    return ip_address(str(facts["aws:sourceip"])) in ip_network(cidr)


def _first(law: Law, bits: int) -> Use:
    return law.uses[(bits & -bits).bit_length() - 1]


def _key_differences(law: Law, caller: Caller, action: str, given: int, agreed: int) -> Iterator[Difference]:
    """One sentence a purpose, group and fault: of many moments the first one is named."""
    for more, bits in ((True, given & ~agreed), (False, agreed & ~given)):
        told: set[tuple[str, str, str]] = set()
        while bits:
            use = _first(law, bits)
            bits &= bits - 1
            purpose, group = use.says("purpose"), use.says("group")
            if (purpose, group, use.fault) in told:
                continue
            told.add((purpose, group, use.fault))
            what = f"{action} {group} for {purpose}" if purpose and group else action
            sentence = f"{caller.name} may {what}{use.fault}" if more else f"{caller.name} needs to {what}{use.fault} and may not"
            when = f", {use.moment}" if use.moment else ""
            by = f" by {law.alias}{when}"
            yield Difference(more, caller.name, f"kms:{action}", law.alias, f"{sentence}{by}.", purpose, group, use.moment)
            if len(told) == _MOST:
                return


_MOST = 100
"""Sentences about one role and action at most: beyond that, one thing is wrong, not a hundred."""


def _differences(caller: Caller, action: str, what: str, given: int, agreed: int, asked: Space) -> Iterator[Difference]:
    for more, bits in ((True, given & ~agreed), (False, agreed & ~given)):
        if bits:
            facts = asked.requests[(bits & -bits).bit_length() - 1]
            said = ", ".join(
                f"{key.rpartition(':')[2]} {value if isinstance(value, str) else ' and '.join(value)}"
                for key, value in sorted(facts.items())
                if key != "aws:sourceip"
            )
            sentence = f"{caller.name} may {action} {what}" if more else f"{caller.name} needs to {action} {what} and may not"
            yield Difference(more, caller.name, action, what, f"{sentence}{f' ({said})' if said else ''}.")
