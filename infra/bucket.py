"""Buckets: private, TLS only, versioned, written into the access log; KMS ones without a bucket key, which would take the object out of the evidence."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra import names


class Bucket(Construct):
    """A bucket under a key of ours; ``locked_days`` makes what is in it undeletable for that long (Object Lock, compliance mode)."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        key: kms.IKey,
        lifecycle: Sequence[s3.LifecycleRule] = (),
        locked_days: int | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=False,
            versioned=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[*lifecycle, s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(1))],
            object_lock_enabled=True if locked_days else None,
            object_lock_default_retention=s3.ObjectLockRetention.compliance(Duration.days(locked_days)) if locked_days else None,
        )
        written = self.bucket.node.default_child
        assert isinstance(written, s3.CfnBucket)
        written.logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=names.access_log_bucket(), log_file_prefix=f"{construct_id.lower()}/{name}/"
        )
        self.written = written

    def deny(self, sid: str, *actions: str, on: Sequence[str], conditions: dict[str, dict[str, object]]) -> None:
        """Refuse actions to everybody whose request meets the conditions."""
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=[f"s3:{action}" for action in actions],
                resources=[f"{self.bucket.bucket_arn}/{prefix}" for prefix in on],
                conditions=conditions,
            )
        )

    def only_under(self, key: kms.IKey) -> None:
        """Refuse what would be put under another key than the bucket's. Who says nothing about encryption gets the bucket's; a header that names the algorithm alone would get AWS's own key (S3 API reference, PutObject)."""
        algorithm, key_id = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
        refused: dict[str, dict[str, dict[str, object]]] = {
            "OnlyUnderTheKeyOfTheBucket": {"Null": {key_id: "false"}, "StringNotEquals": {key_id: key.key_arn}},
            "OnlyEncryptedByKms": {"Null": {algorithm: "false"}, "StringNotEquals": {algorithm: "aws:kms"}},
            "NotUnderAKeyOfAws": {"Null": {algorithm: "false", key_id: "true"}},
        }
        for sid, conditions in refused.items():
            self.deny(sid, "PutObject", on=["*"], conditions=conditions)


class AccessLogBucket(Construct):
    """Where S3 writes its access logs: SSE-S3, as log delivery asks, and not locked, as Object Lock buckets cannot receive them."""

    def __init__(self, scope: Construct, construct_id: str, *, kept_days: int) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=names.access_log_bucket(),
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=Duration.days(kept_days), noncurrent_version_expiration=Duration.days(1)),
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(1)),
            ],
        )
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="S3WritesAccessLogs",
                principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[f"{self.bucket.bucket_arn}/*"],
                conditions={
                    "ArnLike": {"aws:SourceArn": names.bucket_arn("firstcard-*")},
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                },
            )
        )
