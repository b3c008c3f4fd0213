"""What each role works with: what the product's own flows use of tables, objects, secrets, queues and functions, and nothing beside it.

A new right of a function is a line here and a grant in ``infra``: the proof says where the two differ, in either direction.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cli.proof.agreed import ANONYMOUS
from cli.proof.decision import Caller
from cli.proof.deployment import ACCOUNT, REGION
from cli.proof.policy import like
from firstcard.agreement import Site

UNFINISHED = ("part", "filepart", "tmp", "partial", "crdownload", "swp")
"""Endings of names under which SFTP programs write, and from which they rename."""
QUEUE = "ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage"

# service | actions | resources without account and region | partition keys, prefixes of a listing, or "identified"
_ROWS: dict[str, str] = {
    "upload-{district}": """
        s3 | AbortMultipartUpload PutObject | drop-{district}/incoming/* drop-{district}/try/* drop-{district}/preview/*
        s3 | GetObject | drop-{district}/outbox/*
        s3 | ListBucket | drop-{district} | outbox outbox/*
    """,
    "sftp-{district}": """
        s3 | PutObject | drop-{district}/incoming/* drop-{district}/try/* drop-{district}/preview/*
        s3 | DeleteObject GetObject | drop-{district}/incoming/UNFINISHED drop-{district}/try/UNFINISHED drop-{district}/preview/UNFINISHED
        s3 | GetObject | drop-{district}/outbox/*
        s3 | ListBucket | drop-{district} | incoming incoming/* try try/* preview preview/* outbox outbox/*
    """,
    "refuse": """
        dynamodb | BatchGetItem | table/firstcard-cards | patron#* household#*
        dynamodb | PutItem | table/firstcard-cards | patron#*
        secretsmanager | GetSecretValue | secret:firstcard/links/*
    """,
    "consent": """
        dynamodb | BatchGetItem | table/firstcard-cards | patron#* household#*
        dynamodb | PutItem | table/firstcard-cards | patron#*
        secretsmanager | GetSecretValue | secret:firstcard/links/*
    """,
    "reveal": """
        dynamodb | BatchGetItem | table/firstcard-cards | patron#* household#* envelope#* pin#*
        dynamodb | PutItem UpdateItem | table/firstcard-cards | pin#*
        dynamodb | GetItem | table/firstcard-ledger | agreement#*
        dynamodb | PutItem | table/firstcard-ledger | intent#*
        secretsmanager | GetSecretValue | secret:firstcard/links/*
    """,
    "admit": """
        dynamodb | GetItem PutItem UpdateItem | table/firstcard-ledger | run#*
        dynamodb | GetItem | table/firstcard-ledger | district#* agreement#*
        dynamodb | GetItem PutItem | table/firstcard-ledger | late#*
        dynamodb | GetItem PutItem | table/firstcard-ledger | patrons#*
        s3 | ListBucketVersions | vault | patrons/*
        s3 | DeleteObjectVersion | vault/patrons/*
        dynamodb | Query | table/firstcard-ledger/index/by_district
        events | PutEvents | event-bus/firstcard-cards
        s3 | ListBucket ListBucketVersions | drop-* | incoming/*
        states | DescribeExecution StartExecution | execution:firstcard-roster-run:* stateMachine:firstcard-roster-run
        sqs | QUEUE | firstcard-admit
    """,
    "plan": """
        s3 | GetObjectVersion | drop-*/incoming/*
        secretsmanager | GetSecretValue | secret:firstcard/openpgp/* secret:firstcard/tokens/*
        dynamodb | GetItem | table/firstcard-ledger | run#* district#* agreement#* snapshot#* patrons#*
        dynamodb | UpdateItem | table/firstcard-ledger | run#* numbers#*
        dynamodb | DeleteItem PutItem | table/firstcard-ledger | content#*
        dynamodb | PutItem | table/firstcard-ledger | snapshot#* intent#*
        dynamodb | Query | table/firstcard-cards/index/pairs table/firstcard-cards/index/windows table/firstcard-ledger/index/by_district
        dynamodb | BatchGetItem | table/firstcard-cards | pair#* patron#* number#*
        s3 | ListBucket | vault
        s3 | GetObject | vault/manifests/* vault/patrons/* vault/snapshots/* vault/students/*
        s3 | PutObject | vault/runs/* vault/snapshots/* vault/students/*
        s3 | DeleteObject | vault/snapshots/* vault/students/*
        events | PutEvents | event-bus/firstcard-cards
        states | SendTaskSuccess | *
    """,
    "hold": """
        dynamodb | GetItem UpdateItem | table/firstcard-ledger | run#*
        s3 | ListBucket | vault
        s3 | GetObject | vault/runs/*
        s3 | PutObject | drop-*/outbox/* vault/runs/*/receipt.json
        events | PutEvents | event-bus/firstcard-cards
        states | SendTaskSuccess | *
    """,
    "begin": """
        dynamodb | GetItem | table/firstcard-ledger | run#* district#* agreement#*
        dynamodb | UpdateItem | table/firstcard-ledger | run#* district#*
    """,
    "issue": """
        s3 | GetObject | vault/runs/*
        dynamodb | GetItem | table/firstcard-ledger | district#* agreement#*
        dynamodb | BatchGetItem | table/firstcard-cards | patron#* pair#*
        dynamodb | PutItem | table/firstcard-cards | patron#* pair#* number#*
        dynamodb | UpdateItem | table/firstcard-cards | patron#*
        dynamodb | BatchWriteItem | table/firstcard-cards | patron#* household#* envelope#* pair#* unnumbered#* became#*
    """,
    "finish": """
        dynamodb | Query | table/firstcard-cards | unnumbered#* became#*
        dynamodb | GetItem | table/firstcard-ledger | run#* district#* agreement#*
        dynamodb | UpdateItem | table/firstcard-ledger | run#* district#*
        dynamodb | DeleteItem | table/firstcard-ledger | content#*
        s3 | ListBucket | vault
        s3 | GetObject | vault/manifests/* vault/runs/*
        s3 | PutObject | drop-*/outbox/* vault/census/* vault/manifests/* vault/runs/*/receipt.json
        events | PutEvents | event-bus/firstcard-cards
    """,
    "publish": """
        events | PutEvents | event-bus/firstcard-cards
        sqs | GetQueueAttributes GetQueueUrl SendMessage | firstcard-publish-dead
        dynamodb | DescribeStream GetRecords GetShardIterator ListStreams | table/firstcard-cards/stream/*
    """,
    "sync": """
        dynamodb | BatchGetItem | table/firstcard-cards | patron#* envelope#*
        dynamodb | BatchWriteItem | table/firstcard-cards | patron#*
        dynamodb | GetItem | table/firstcard-ledger | agreement#*
        dynamodb | PutItem | table/firstcard-ledger | intent#*
        secretsmanager | GetSecretValue | secret:firstcard/ils/*
        sqs | QUEUE | firstcard-sync
    """,
    "notify": """
        dynamodb | BatchGetItem | table/firstcard-cards | patron#* household#* envelope#*
        dynamodb | BatchWriteItem PutItem | table/firstcard-cards | household#*
        dynamodb | GetItem | table/firstcard-ledger | agreement#*
        dynamodb | UpdateItem | table/firstcard-ledger | run#* late#*
        dynamodb | PutItem | table/firstcard-ledger | intent#*
        s3 | ListBucket | vault
        s3 | GetObject | vault/runs/*/receipt.json
        secretsmanager | GetSecretValue | secret:firstcard/links/*
        ses | SendBulkEmail | configuration-set/firstcard identity/*
        sqs | QUEUE | firstcard-notify
    """,
    "window": """
        dynamodb | Query | table/firstcard-cards/index/windows
        dynamodb | BatchGetItem UpdateItem | table/firstcard-cards | patron#* household#*
        dynamodb | PutItem | table/firstcard-cards | patron#*
        dynamodb | GetItem | table/firstcard-ledger | agreement#*
    """,
    "bounce": """
        dynamodb | BatchGetItem PutItem Query UpdateItem | table/firstcard-cards | household#*
        sqs | QUEUE | firstcard-bounce
    """,
    "attest": """
        secretsmanager | GetSecretValue | secret:firstcard/tokens/*
        dynamodb | Query | table/firstcard-cards/index/windows
        dynamodb | BatchGetItem | table/firstcard-cards | patron#* envelope#*
        dynamodb | BatchWriteItem | table/firstcard-cards | patron#*
        dynamodb | UpdateItem | table/firstcard-cards | household#* patron#*
        dynamodb | PutItem | table/firstcard-cards | patron#*
        dynamodb | GetItem | table/firstcard-ledger | district#* agreement#*
        dynamodb | PutItem | table/firstcard-ledger | letters#* undone#*
        s3 | ListBucket | vault
        s3 | GetObject | vault/manifests/*
    """,
    "rehearse": """
        s3 | ListBucketVersions | drop-* | try/*
        s3 | DeleteObjectVersion GetObjectVersion | drop-*/try/*
        s3 | PutObject | drop-*/outbox/try-*
        secretsmanager | GetSecretValue | secret:firstcard/openpgp/*
        dynamodb | GetItem | table/firstcard-ledger | agreement#*
        sqs | QUEUE | firstcard-rehearse
    """,
    "explain": """
        secretsmanager | GetSecretValue | secret:firstcard/tokens/*
        dynamodb | BatchGetItem | table/firstcard-cards | patron#* household#* unnumbered#*
        dynamodb | GetItem | table/firstcard-ledger | agreement#*
        dynamodb | Query | table/firstcard-ledger/index/by_district
        s3 | ListBucket | vault
        s3 | GetObject | vault/runs/*/manifest.json.gz vault/runs/*/people.json.gz
    """,
    "tally": """
        dynamodb | BatchGetItem | table/firstcard-cards | patron#*
        dynamodb | GetItem | table/firstcard-ledger | district#*
        dynamodb | Query | table/firstcard-ledger/index/by_district
        s3 | ListBucket | vault
        s3 | GetObject | vault/census/* vault/manifests/* vault/progress/* vault/runs/*/plan.json vault/usage/*
        s3 | PutObject | vault/progress/*
    """,
    "preview": """
        s3 | ListBucketVersions | drop-* | preview/*
        s3 | GetObjectVersion DeleteObjectVersion | drop-*/preview/*
        secretsmanager | GetSecretValue | secret:firstcard/openpgp/* secret:firstcard/tokens/*
        dynamodb | GetItem | table/firstcard-ledger | district#* agreement#* snapshot#* patrons#* content#*
        dynamodb | PutItem | table/firstcard-ledger | intent#*
        dynamodb | Query | table/firstcard-ledger/index/by_district table/firstcard-cards/index/pairs table/firstcard-cards/index/windows
        dynamodb | BatchGetItem | table/firstcard-cards | pair#* patron#* number#*
        s3 | ListBucket | vault
        s3 | GetObject | vault/manifests/* vault/snapshots/* vault/patrons/* vault/students/*
    """,
    "honour": """
        dynamodb | Query | table/firstcard-cards/index/windows
        dynamodb | BatchGetItem UpdateItem | table/firstcard-cards | patron#*
    """,
    "destroy": """
        dynamodb | BatchGetItem | table/firstcard-cards | patron#* household#*
        dynamodb | UpdateItem | table/firstcard-cards | patron#* household#*
        dynamodb | GetItem UpdateItem | table/firstcard-ledger | district#*
        dynamodb | PutItem | table/firstcard-ledger | destroyed#*
        s3 | ListBucket | vault
        s3 | ListBucketVersions | vault | students/* snapshots/*
        s3 | GetObject PutObject | vault/manifests/*
        s3 | DeleteObjectVersion | vault/students/* vault/snapshots/*
        events | PutEvents | event-bus/firstcard-cards
    """,
    "reset": """
        secretsmanager | GetSecretValue | secret:firstcard/tokens/*
        dynamodb | BatchGetItem | table/firstcard-cards | patron#* household#* envelope#*
        dynamodb | PutItem | table/firstcard-cards | patron#* envelope#*
        dynamodb | GetItem | table/firstcard-ledger | agreement#*
    """,
    "print": """
        secretsmanager | GetSecretValue | secret:firstcard/tokens/*
        s3 | ListBucket | vault
        s3 | GetObject | vault/manifests/*
        dynamodb | BatchGetItem PutItem | table/firstcard-cards | patron#* envelope#* pin#*
        dynamodb | GetItem | table/firstcard-ledger | agreement#* district#*
        dynamodb | PutItem | table/firstcard-ledger | intent#* print#*
    """,
    "settle": """
        dynamodb | Query | table/firstcard-cards/index/pairs
        dynamodb | BatchGetItem | table/firstcard-cards | pair#* patron#* envelope#*
        dynamodb | PutItem | table/firstcard-cards | pair#*
        dynamodb | PutItem | table/firstcard-ledger | intent#*
        dynamodb | GetItem | table/firstcard-ledger | run#*
        s3 | ListBucket | vault
        s3 | GetObject | vault/runs/*/chunks/*
    """,
    "gather": """
        secretsmanager | GetSecretValue | secret:firstcard/ils/*
        dynamodb | GetItem PutItem | table/firstcard-ledger | patrons#*
        s3 | ListBucketVersions | vault | patrons/*
        s3 | DeleteObjectVersion PutObject | vault/patrons/*
    """,
    "roster-run": """
        lambda | InvokeFunction | function:firstcard-begin function:firstcard-finish function:firstcard-hold function:firstcard-issue function:firstcard-plan
        s3 | ListBucket | vault
        states | StartExecution | stateMachine:firstcard-roster-run
        states | DescribeExecution StopExecution | execution:firstcard-roster-run/*
        logs | CreateLogDelivery DeleteLogDelivery DescribeLogGroups DescribeResourcePolicies GetLogDelivery ListLogDeliveries PutResourcePolicy UpdateLogDelivery | *
    """,
    "operator": """
        dynamodb | GetItem | table/firstcard-ledger | run#* district#* agreement#*
        dynamodb | Query | table/firstcard-ledger/index/by_district
        dynamodb | UpdateItem | table/firstcard-ledger | run#*
        dynamodb | DeleteItem PutItem | table/firstcard-ledger | agreement#*
        s3 | ListBucket | vault
        s3 | GetObject | vault/runs/*/plan.json vault/runs/*/receipt.json
        states | SendTaskSuccess | *
        lambda | InvokeFunction | function:firstcard-attest function:firstcard-explain function:firstcard-reset function:firstcard-tally function:firstcard-preview
    """,
    "librarian": """
        lambda | InvokeFunction | function:firstcard-settle function:firstcard-honour
    """,
    "handout": """
        lambda | InvokeFunction | function:firstcard-print | identified
    """,
    "keyholder": """
        secretsmanager | GetSecretValue PutSecretValue UpdateSecretVersionStage | secret:firstcard/openpgp/*
    """,
    "systems-librarian": """
        dynamodb | GetItem PutItem | table/firstcard-ledger | patrons#*
        s3 | ListBucketVersions | vault | patrons/*
        s3 | PutObject | vault/patrons/* vault/usage/*
        s3 | DeleteObjectVersion | vault/patrons/*
        lambda | InvokeFunction | function:firstcard-gather function:firstcard-honour
    """,
    "officer": """
        s3 | ListBucket | access logs
        s3 | GetObject | access/* logs/AWSLogs/* vault/runs/*/receipt.json
        dynamodb | Query | table/firstcard-ledger | print#* destroyed#* intent#*
        cloudtrail | GetTrail GetTrailStatus GetEventSelectors ListPublicKeys | *
    """,
    "library-{library}": """
        sqs | QUEUE | firstcard-library-{library}
    """,
}
_WITHOUT_LOG = (
    "upload-{district}",
    "sftp-{district}",
    "library-{library}",
    "roster-run",
    "operator",
    "librarian",
    "handout",
    "keyholder",
    "systems-librarian",
    "officer",
)

PEOPLE = ("operator", "librarian", "handout", "keyholder", "systems-librarian", "officer")
"""Roles that people take on; who may is decided by the account, outside the templates."""

CALLED_BY = {
    ("firstcard-refuse", "apigateway.amazonaws.com"),
    ("firstcard-consent", "apigateway.amazonaws.com"),
    ("firstcard-reveal", "apigateway.amazonaws.com"),
    ("firstcard-admit", "events.amazonaws.com"),
    ("firstcard-window", "events.amazonaws.com"),
    ("firstcard-tally", "events.amazonaws.com"),
    ("firstcard-destroy", "events.amazonaws.com"),
}
"""Functions that a service calls by itself, each for one source."""

FILLED_BY = {
    "firstcard-admit": "firstcard-dropped",
    "firstcard-rehearse": "firstcard-tried",
    "firstcard-sync": "firstcard-sync",
    "firstcard-notify": "firstcard-notify",
    "firstcard-bounce": "firstcard-feedback",
}
"""The rule that fills a queue; a library's queue and rule have one name."""


@dataclass(frozen=True, slots=True)
class Right:
    """One line: what one role may do with what. Resources are patterns of ARNs."""

    service: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    only: tuple[str, ...]

    def reaches(self, action: str, resource: str) -> bool:
        """Whether the line is about this action on this resource."""
        return action in self.actions and any(like(resource, pattern) for pattern in self.resources)


def rights_of(site: Site) -> dict[str, tuple[Right, ...]]:
    """The rights of every role of a site, by the name of the role."""
    districts = {one.district for one in site.agreements}
    expanded: dict[str, tuple[Right, ...]] = {}
    for name, text in _ROWS.items():
        everyone = (
            [{"district": each} for each in districts]
            if "{district}" in name
            else [{"library": library.id} for library in site.libraries]
            if "{library}" in name
            else [{}]
        )
        for each in everyone:
            rows = list(_rows(_filled(text, each)))
            if name not in _WITHOUT_LOG:
                rows.append(_right("logs", "CreateLogStream PutLogEvents", f"log-group:/aws/lambda/firstcard-{name}:*", ""))
            expanded[f"firstcard-{_filled(name, each)}"] = tuple(rows)
    return expanded


def _filled(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _rows(text: str) -> Iterator[Right]:
    for line in filter(None, map(str.strip, text.splitlines())):
        service, actions, resources, *only = (part.strip() for part in line.split("|"))
        yield _right(service, actions.replace("QUEUE", QUEUE), resources, only[0] if only else "")


def _right(service: str, actions: str, resources: str, only: str) -> Right:
    each = [
        name.replace("UNFINISHED", f"*.{ending}")
        for name in resources.split()
        for ending in (UNFINISHED if "UNFINISHED" in name else ("",))
    ]
    return Right(
        service, tuple(f"{service}:{action}" for action in actions.split()), tuple(_arn(service, one) for one in each), tuple(only.split())
    )


def _arn(service: str, name: str) -> str:
    if name == "*":
        return "*"
    if service == "s3":
        bucket, slash, path = name.partition("/")
        return f"arn:aws:s3:::firstcard-{bucket}-{ACCOUNT}-{REGION}{slash}{path}"
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def trusted(role: str, caller: Caller, action: str, site: Site) -> bool:
    """Whether a role may be taken on by a caller: functions by Lambda, people's and libraries' roles by whom the account lets, a district's by its own principal."""
    name = role.removeprefix("firstcard-")
    administrator = caller.account == ACCOUNT and not caller.service and not caller.name.startswith("firstcard-")
    if name == "handout" and action == "sts:SetSourceIdentity":
        return administrator
    if action != "sts:AssumeRole":
        return False
    way, _, district = name.partition("-")
    leading = site.leading(district) if way in ("upload", "sftp") else None
    if way == "upload" and leading is not None:
        principal = leading.exchange.s3_principal
        return caller.arn == principal if principal else administrator
    if way == "sftp" and leading is not None:
        return caller.service == "transfer.amazonaws.com" and caller.facts.get("aws:sourceaccount") == ACCOUNT
    if name in PEOPLE or way == "library":
        return administrator
    return caller.service == ("states.amazonaws.com" if name == "roster-run" else "lambda.amazonaws.com")


def is_of_person(role: str) -> bool:
    """Whether people take a role on, so that its sessions may say who it is."""
    return role.removeprefix("firstcard-") in PEOPLE


def without_suffix(name: str) -> str:
    """A caller's name without what tells two of its sessions apart."""
    return name.removesuffix(ANONYMOUS)
