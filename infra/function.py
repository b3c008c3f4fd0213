"""A function: one verb, one role that starts with nothing, one log group."""

from dataclasses import dataclass
from typing import ClassVar

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import names
from infra.layers import ARCHITECTURE, BYTE_CODE, PROJECT, RUNTIME, Layers


@dataclass(frozen=True, kw_only=True)
class Size:
    """Memory in MB (Lambda gives a whole virtual CPU at 1,769 MB) and the longest run of one call."""

    memory_mb: int
    timeout: Duration


class Function(Construct):
    """What ``functions/<verb>/handler.py`` runs as; a subclass says its verb, its bundles and its size."""

    verb: ClassVar[str]
    bundles: ClassVar[tuple[str, ...]]

    def __init__(self, scope: Construct, *, layers: Layers, size: Size, environment: dict[str, str] | None = None) -> None:
        super().__init__(scope, self.verb.capitalize())
        name = names.role(self.verb)
        self.role = iam.Role(self, "Role", role_name=name, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            code=lambda_.Code.from_asset(str(PROJECT / "functions" / self.verb), exclude=BYTE_CODE),
            handler="handler.handler",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            role=self.role,
            log_group=self.log,
            layers=layers.of(self.bundles),
            memory_size=size.memory_mb,
            timeout=size.timeout,
            tracing=lambda_.Tracing.DISABLED,
            environment={
                "CARDS_TABLE": names.CARDS_TABLE,
                "LEDGER_TABLE": names.LEDGER_TABLE,
                "VAULT_BUCKET": names.vault_bucket(),
                "CARD_BUS": names.CARD_BUS,
                "POWERTOOLS_SERVICE_NAME": self.verb,
                "POWERTOOLS_METRICS_NAMESPACE": "FirstCard",
                "LOG_LEVEL": "INFO",
                **(environment or {}),
            },
        )
        self.may(iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[self.log.log_group_arn]))

    def may(self, *statements: iam.PolicyStatement) -> None:
        """Add to what the role is allowed."""
        for statement in statements:
            self.role.add_to_policy(statement)
