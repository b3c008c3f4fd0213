"""The stack of what must not be lost: keys, vault, logs, cards, ledger, bus, and what each library owns."""

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ses as ses
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from firstcard.agreement import Site
from firstcard.agreement.library import MOST_PATRON_DAYS
from infra import names
from infra.alarms import Alarms
from infra.bucket import AccessLogBucket, Bucket
from infra.card_bus import CardBus
from infra.cards import Cards, Ledger
from infra.key import Key, through_service
from infra.library_desk import LibraryDesk

VAULT_READERS = (
    "plan",
    "preview",
    "hold",
    "issue",
    "finish",
    "notify",
    "explain",
    "settle",
    "tally",
    "attest",
    "print",
    "destroy",
    "operator",
    "officer",
)
VAULT_WRITERS = ("plan", "hold", "finish")
MANIFEST_WRITERS = ("destroy",)
PROGRESS_WRITERS = ("tally",)
USE_WRITERS = ("systems-librarian",)
EXTRACT_WRITERS = ("systems-librarian", "gather")
LOG_DAYS_WITHOUT_AGREEMENTS = 365
STUDENT_DAYS = 400
"""What students of two districts are compared by stands until the next roster; after a term nothing replaces it, nobody can open it, and it goes after so many days."""


class State(Stack):
    """Everything with a memory; the other stacks find it by name."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site) -> None:
        super().__init__(scope, construct_id, description="FirstCard: keys, vault, logs, cards, ledger and card bus")
        log_days = max((agreement.retention.access_log_days for agreement in site.agreements), default=LOG_DAYS_WITHOUT_AGREEMENTS)
        vault_key = Key(
            self, "VaultKey", alias=names.VAULT_KEY, description="Vault, tables and secrets at rest", statements=_vault_key_use()
        )
        logs_key = Key(self, "LogsKey", alias=names.LOGS_KEY, description="The trail at rest", statements=_logs_key_use())
        AccessLogBucket(self, "AccessLogs", kept_days=log_days)
        Bucket(self, "Vault", name=names.vault_bucket(), key=vault_key.key, lifecycle=_plans_go_with_the_rosters(site))
        trail = Bucket(self, "Logs", name=names.log_bucket(), key=logs_key.key, locked_days=log_days)
        _let_the_trail_write(trail)
        cards = Cards(self, "Cards", key=vault_key.key)
        Ledger(self, "Ledger", key=vault_key.key)
        ssm.StringParameter(
            self, "CardsStream", parameter_name=names.CARDS_STREAM_PARAMETER, string_value=cards.table.table_stream_arn or ""
        )
        bus = CardBus(self, "CardBus")
        Alarms(self, "Alarms")
        for library in site.libraries:
            LibraryDesk(self, f"Library-{library.id}", library=library.id, key=vault_key.key, bus=bus.bus)
        for sender in _senders(site):
            ses.EmailIdentity(self, f"Sender-{sender}", identity=ses.Identity.email(sender))


def _vault_key_use() -> list[iam.PolicyStatement]:
    vault = names.bucket_arn(names.vault_bucket())
    objects = {"aws:s3:arn": [f"{vault}/*"]}
    extracts = {"aws:s3:arn": [f"{vault}/patrons/*"]}
    use = {"aws:s3:arn": [f"{vault}/usage/*"]}
    progress = {"aws:s3:arn": [f"{vault}/progress/*"]}
    manifests = {"aws:s3:arn": [f"{vault}/manifests/*"]}
    return [
        through_service("ReadTheVault", "Decrypt", service="s3", functions=VAULT_READERS, context=objects),
        through_service("WriteTheVault", "GenerateDataKey", service="s3", functions=VAULT_WRITERS, context=objects),
        through_service("WriteManifests", "GenerateDataKey", service="s3", functions=MANIFEST_WRITERS, context=manifests),
        through_service("WriteProgress", "GenerateDataKey", service="s3", functions=PROGRESS_WRITERS, context=progress),
        through_service("WriteUse", "GenerateDataKey", service="s3", functions=USE_WRITERS, context=use),
        through_service("WriteExtracts", "GenerateDataKey", service="s3", functions=EXTRACT_WRITERS, context=extracts),
        through_service(
            "TablesForWhoeverDynamoDbLetsIn",
            "Decrypt",
            "DescribeKey",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "ReEncryptFrom",
            "ReEncryptTo",
            "CreateGrant",
            service="dynamodb",
        ),
        through_service(
            "SecretsForWhoeverSecretsManagerLetsIn", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", service="secretsmanager"
        ),
    ]


def _logs_key_use() -> list[iam.PolicyStatement]:
    trail = names.regional_arn("cloudtrail", f"trail/{names.TRAIL}")
    return [
        iam.PolicyStatement(
            sid="TrailEncrypts",
            principals=[iam.ServicePrincipal("cloudtrail.amazonaws.com")],
            actions=["kms:GenerateDataKey", "kms:DescribeKey"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceArn": trail}},
        ),
        through_service("OfficerReads", "Decrypt", service="s3", functions=("officer",)),
    ]


def _let_the_trail_write(logs: Bucket) -> None:
    trail = names.regional_arn("cloudtrail", f"trail/{names.TRAIL}")
    for sid, action, resource in (
        ("TrailChecksTheBucket", "s3:GetBucketAcl", logs.bucket.bucket_arn),
        ("TrailWrites", "s3:PutObject", f"{logs.bucket.bucket_arn}/AWSLogs/{Aws.ACCOUNT_ID}/*"),
    ):
        logs.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                principals=[iam.ServicePrincipal("cloudtrail.amazonaws.com")],
                actions=[action],
                resources=[resource],
                conditions={"StringEquals": {"aws:SourceArn": trail}},
            )
        )


def _plans_go_with_the_rosters(site: Site) -> list[s3.LifecycleRule]:
    """Plans hold sealed rosters: they go, and so does whatever was overwritten, when the last roster must (clause retention.roster_days).

    So does a snapshot that nothing has replaced, and what a newer one has replaced goes after a day. A library's own patrons are destroyed by the sweep; what
    it could not destroy is hidden a day later and gone after another.
    """
    days = Duration.days(max([1, *(agreement.retention.roster_days for agreement in site.agreements)]))
    return [
        s3.LifecycleRule(prefix="runs/", expiration=days),
        s3.LifecycleRule(prefix="students/", expiration=Duration.days(STUDENT_DAYS), noncurrent_version_expiration=Duration.days(1)),
        s3.LifecycleRule(prefix="snapshots/", expiration=days, noncurrent_version_expiration=Duration.days(1)),
        s3.LifecycleRule(
            prefix="patrons/", expiration=Duration.days(_patron_days(site) + 1), noncurrent_version_expiration=Duration.days(1)
        ),
        s3.LifecycleRule(noncurrent_version_expiration=days),
    ]


def _patron_days(site: Site) -> int:
    """The longest that any library keeps an extract; where none does any more, what may be left of one."""
    return max((library.patrons.keep_days for library in site.libraries if library.patrons), default=MOST_PATRON_DAYS)


def _senders(site: Site) -> list[str]:
    return sorted({library.notices_sender for library in site.libraries} | {agreement.notices.sender for agreement in site.agreements})
