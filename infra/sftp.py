"""The stack of the SFTP server: one for all districts, at a fixed price an hour."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_transfer as transfer
from constructs import Construct

from infra import names


class Sftp(Stack):
    """AWS Transfer: keys only, SFTP only, every session written down."""

    def __init__(self, scope: Construct, construct_id: str, *, kept_days: int) -> None:
        super().__init__(scope, construct_id, description="FirstCard: SFTP server")
        sessions = logs.CfnLogGroup(self, "Sessions", log_group_name="/aws/transfer/firstcard", retention_in_days=_kept_at_least(kept_days))
        sessions.apply_removal_policy(RemovalPolicy.RETAIN)
        server = transfer.CfnServer(
            self,
            "Server",
            protocols=["SFTP"],
            endpoint_type="PUBLIC",
            identity_provider_type="SERVICE_MANAGED",
            security_policy_name="TransferSecurityPolicy-2025-03",
            structured_log_destinations=[sessions.attr_arn],
            # Exporters set a file's time after sending it; S3 has no such thing, and an error would make them send it again.
            protocol_details=transfer.CfnServer.ProtocolDetailsProperty(set_stat_option="ENABLE_NO_OP"),
        )
        ssm.StringParameter(self, "ServerId", parameter_name=names.SFTP_SERVER_PARAMETER, string_value=server.attr_server_id)


def _kept_at_least(days: int) -> int:
    """The shortest retention of CloudWatch Logs that is not shorter than ``days`` (the longest is ten years)."""
    offered = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
    return next((kept for kept in offered if kept >= days), offered[-1])
