"""The stack of a family's pages behind links: those for a no and a yes, open to anyone who holds the link, and the one that shows a PIN to who also answers."""

from pathlib import Path

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.consent import Consent
from infra.layers import Layers
from infra.permission import on_cards, on_ledger, read_secrets
from infra.refuse import Refuse
from infra.reveal import Reveal

ACCESS_LOG = '{"requestId":"$context.requestId","time":"$context.requestTime","route":"$context.routeKey","status":"$context.status"}'
"""One line a request, without its path: the link is in it. Without the address: it is a family's."""


class Family(Stack):
    """GET shows a page and changes nothing; POST is its button."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Path, built_layers: Path) -> None:
        super().__init__(scope, construct_id, description="FirstCard: where a family says no or yes, and sees a PIN once")
        layers = Layers(self, "Layers", site=site, built=built_layers)
        refuse = Refuse(self, layers=layers)
        refuse.may(on_cards("BatchGetItem", keys=["patron#*", "household#*"]))
        refuse.may(on_cards("PutItem", keys=["patron#*"]))
        refuse.may(read_secrets("links"))

        consent = Consent(self, layers=layers)
        consent.may(on_cards("BatchGetItem", keys=["patron#*", "household#*"]))
        consent.may(on_cards("PutItem", keys=["patron#*"]))
        consent.may(read_secrets("links"))

        reveal = Reveal(self, layers=layers)
        reveal.may(on_cards("BatchGetItem", keys=["patron#*", "household#*", "envelope#*", "pin#*"]))
        reveal.may(on_cards("PutItem", "UpdateItem", keys=["pin#*"]))
        reveal.may(on_ledger("GetItem", keys=["agreement#*"]))
        reveal.may(on_ledger("PutItem", keys=["intent#*"]))
        reveal.may(read_secrets("links"))

        api = apigateway.HttpApi(self, "Api", api_name="firstcard-family", create_default_stage=False)
        for path, page in (("/no/{link}", refuse), ("/yes/{link}", consent), ("/pin/{link}", reveal)):
            api.add_routes(
                path=path,
                methods=[apigateway.HttpMethod.GET, apigateway.HttpMethod.POST],
                integration=HttpLambdaIntegration(page.verb.capitalize(), page.function),
            )
        log = logs.LogGroup(
            self,
            "Log",
            log_group_name="/aws/vendedlogs/firstcard-family",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=50, burst_limit=100),
        )
        written = stage.node.default_child
        assert isinstance(written, apigateway.CfnStage)
        written.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(destination_arn=log.log_group_arn, format=ACCESS_LOG)
        CfnOutput(self, "RefuseUrl", value=api.api_endpoint, description="The parameter RefuseUrl of the pipeline stack")
