"""KMS keys whose policies say everything: the account administers a key and never decrypts by it."""

from collections.abc import Sequence

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra import names

ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListAliases",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
"""What the account keeps, so that a key is never locked: no Encrypt, Decrypt, GenerateDataKey, ReEncrypt or CreateGrant among it."""


class Key(Construct):
    """A rotating key, kept when its stack goes, with an alias and exactly these statements beside administration."""

    def __init__(
        self, scope: Construct, construct_id: str, *, alias: str, description: str, statements: Sequence[iam.PolicyStatement]
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            alias=alias,
            description=description,
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
            policy=iam.PolicyDocument(statements=[administration(), *statements]),
        )


def administration() -> iam.PolicyStatement:
    """The account may look after the key and may not use it."""
    return iam.PolicyStatement(
        sid="AccountAdministersButNeverDecrypts",
        principals=[iam.AccountRootPrincipal()],
        actions=list(ADMINISTRATION),
        resources=["*"],
    )


def through_service(
    sid: str, *actions: str, service: str, functions: Sequence[str] = (), context: dict[str, list[str]] | None = None
) -> iam.PolicyStatement:
    """Use of a key by a service of this region on behalf of some roles (all of the account's if none is named), in some encryption contexts."""
    statement = iam.PolicyStatement(
        sid=sid,
        principals=[iam.AnyPrincipal()],
        actions=[f"kms:{action}" for action in actions],
        resources=["*"],
    )
    statement.add_condition(
        "StringEquals",
        {"kms:CallerAccount": Aws.ACCOUNT_ID, "kms:ViaService": f"{service}.{Aws.REGION}.amazonaws.com"},
    )
    if functions:
        statement.add_condition("ArnLike", {"aws:PrincipalArn": [arn for function in functions for arn in names.session_arns(function)]})
    for key, values in (context or {}).items():
        statement.add_condition("StringLike", {f"kms:EncryptionContext:{key}": values})
    return statement
