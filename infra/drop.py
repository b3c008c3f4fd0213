"""Where a district leaves its rosters and fetches its receipts: the bucket, its key, and the two ways in."""

from collections.abc import Sequence

from aws_cdk import Aws, CfnTag, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_transfer as transfer
from constructs import Construct

from firstcard.agreement import Agreement
from infra import names
from infra.bucket import Bucket
from infra.key import Key, through_service
from infra.permission import in_bucket, on_bucket

FOLDERS = ("incoming", "try", "preview")
"""Where a district may write; what it has written it cannot read back."""
ENDINGS = ("part", "filepart", "tmp", "partial", "crdownload", "swp")
UNFINISHED = tuple(f"{folder}/*.{ending}" for folder in FOLDERS for ending in ENDINGS)
"""Names that SFTP programs write under and rename from; a rename is a copy and a removal, so these may be read and removed."""


class Drop(Construct):
    """A versioned bucket under a key of its own: ``incoming/``, read by the function ``plan`` only, ``try/``, read by ``rehearse`` only, ``preview/``, read by ``preview`` only, and ``outbox/``."""

    def __init__(self, scope: Construct, construct_id: str, *, agreement: Agreement) -> None:
        super().__init__(scope, construct_id)
        district = agreement.district
        self.name = names.drop_bucket(district)
        self.key = Key(
            self,
            "Key",
            alias=names.drop_key(district),
            description=f"Rosters and receipts of {district} at rest",
            statements=_key_use(self.name, district),
        )
        self.bucket = Bucket(
            self,
            "Bucket",
            name=self.name,
            key=self.key.key,
            lifecycle=[_raw_uploads_go(agreement.retention.raw_upload_days), _TRIALS_GO, _PREVIEWS_GO],
        )
        # The L2 switch would add a hidden function to set the same property.
        self.bucket.written.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
        for sid, header, value in (
            ("OnlyUnderTheKeyOfTheAgreement", "s3:x-amz-server-side-encryption-aws-kms-key-id", self.key.key.key_arn),
            ("OnlyEncryptedByKms", "s3:x-amz-server-side-encryption", "aws:kms"),
        ):
            # Who says nothing about encryption gets the bucket's own key: only a header that says otherwise is refused.
            self.bucket.deny(sid, "PutObject", on=["*"], conditions={"Null": {header: "false"}, "StringNotEquals": {header: value}})
        for sid, folder, reader in (
            ("RostersAreReadByPlanOnly", "incoming", "plan"),
            ("TrialsAreReadByRehearseOnly", "try", "rehearse"),
            ("PreviewsAreReadByPreviewOnly", "preview", "preview"),
        ):
            self.bucket.deny(
                sid,
                "GetObject",
                "GetObjectVersion",
                on=[f"{folder}/*"],
                conditions={"ArnNotLike": {"aws:PrincipalArn": [*names.session_arns(reader), *names.session_arns(f"sftp-{district}")]}},
            )
        secretsmanager.CfnSecret(
            self,
            "Openpgp",
            name=names.secret("openpgp", district),
            description="OpenPGP and age secret keys that open this district's rosters; put in by a person",
            kms_key_id=self.key.key.key_arn,
        ).apply_removal_policy(RemovalPolicy.RETAIN)


class S3Upload(Construct):
    """The role by which a district uploads with its own AWS principal: put into ``incoming/``, ``try/`` and ``preview/``, read ``outbox/``, nothing else."""

    def __init__(self, scope: Construct, construct_id: str, *, agreement: Agreement) -> None:
        super().__init__(scope, construct_id)
        exchange = agreement.exchange
        bucket = names.drop_bucket(agreement.district)
        trusted = iam.ArnPrincipal(exchange.s3_principal) if exchange.s3_principal else iam.AccountRootPrincipal()
        self.role = iam.Role(
            self,
            "Role",
            role_name=names.role(f"upload-{agreement.district}"),
            assumed_by=trusted,
        )
        put = in_bucket("PutObject", "AbortMultipartUpload", bucket=bucket, prefixes=[f"{folder}/*" for folder in FOLDERS])
        if exchange.source_cidrs:
            put.add_condition("IpAddress", {"aws:SourceIp": list(exchange.source_cidrs)})
        self.role.add_to_policy(put)
        self.role.add_to_policy(in_bucket("GetObject", bucket=bucket, prefixes=["outbox/*"]))
        self.role.add_to_policy(_list(bucket, "outbox", "outbox/*"))


class SftpUpload(Construct):
    """The district's SFTP account: ``/incoming``, ``/try``, ``/preview`` and ``/outbox`` and no other path, signed in by the agreement's keys."""

    def __init__(self, scope: Construct, construct_id: str, *, agreement: Agreement, sharings: Sequence[str], server_id: str) -> None:
        super().__init__(scope, construct_id)
        bucket = names.drop_bucket(agreement.district)
        role = iam.Role(
            self,
            "Role",
            role_name=names.role(f"sftp-{agreement.district}"),
            assumed_by=iam.ServicePrincipal("transfer.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}),
        )
        role.add_to_policy(in_bucket("PutObject", bucket=bucket, prefixes=[f"{folder}/*" for folder in FOLDERS]))
        role.add_to_policy(in_bucket("GetObject", "DeleteObject", bucket=bucket, prefixes=list(UNFINISHED)))
        role.add_to_policy(in_bucket("GetObject", bucket=bucket, prefixes=["outbox/*"]))
        role.add_to_policy(_list(bucket, *(prefix for folder in (*FOLDERS, "outbox") for prefix in (folder, f"{folder}/*"))))
        transfer.CfnUser(
            self,
            "Account",
            server_id=server_id,
            user_name=agreement.district,
            role=role.role_arn,
            home_directory_type="LOGICAL",
            home_directory_mappings=[
                transfer.CfnUser.HomeDirectoryMapEntryProperty(entry=f"/{folder}", target=f"/{bucket}/{folder}")
                for folder in (*FOLDERS, "outbox")
            ],
            ssh_public_keys=list(agreement.exchange.sftp_keys),
            tags=[CfnTag(key="sharing", value=" ".join(sharings))],
        )


def _key_use(bucket: str, district: str) -> list[iam.PolicyStatement]:
    every, incoming, outbox, trials, told, previews = (
        {"aws:s3:arn": [f"{names.bucket_arn(bucket)}/{prefix}"]}
        for prefix in ("*", "incoming/*", "outbox/*", "try/*", "outbox/try-*", "preview/*")
    )
    ways_in = (f"upload-{district}", f"sftp-{district}")
    return [
        # Decrypt beside GenerateDataKey: S3 asks for it to complete an upload in parts. The bucket's policy says what may be read.
        through_service("DistrictUploadsAndFetchesReceipts", "Decrypt", "GenerateDataKey", service="s3", functions=ways_in, context=every),
        through_service("PlanReadsRosters", "Decrypt", service="s3", functions=("plan",), context=incoming),
        through_service("FinishLeavesReceipts", "Decrypt", "GenerateDataKey", service="s3", functions=("hold", "finish"), context=outbox),
        through_service("RehearseReadsTrials", "Decrypt", service="s3", functions=("rehearse",), context=trials),
        through_service("PreviewReadsPreviews", "Decrypt", service="s3", functions=("preview",), context=previews),
        through_service("RehearseLeavesTrialReceipts", "GenerateDataKey", service="s3", functions=("rehearse",), context=told),
        through_service(
            "SecretForWhoeverSecretsManagerLetsIn", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", service="secretsmanager"
        ),
    ]


def _raw_uploads_go(days: int) -> s3.LifecycleRule:
    """A raw upload ends after the agreement's days at the latest: hidden a day earlier, then removed with every older version (shortest: two days, as S3 counts in days)."""
    return s3.LifecycleRule(
        prefix="incoming/",
        expiration=Duration.days(max(1, days - 1)),
        noncurrent_version_expiration=Duration.days(1),
    )


_TRIALS_GO = s3.LifecycleRule(prefix="try/", expiration=Duration.days(1), noncurrent_version_expiration=Duration.days(1))
"""``rehearse`` deletes what it has tried; this is for what it could not, and for uploads that nobody finished."""

_PREVIEWS_GO = s3.LifecycleRule(prefix="preview/", expiration=Duration.days(1), noncurrent_version_expiration=Duration.days(1))
"""``preview`` deletes what the library has looked at; this is for what nobody looked at, and what was to lie there for another look."""


def _list(bucket: str, *prefixes: str) -> iam.PolicyStatement:
    statement = on_bucket("ListBucket", bucket=bucket)
    statement.add_condition("StringLike", {"s3:prefix": list(prefixes)})
    return statement
