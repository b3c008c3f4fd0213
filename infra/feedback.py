"""How the mail service tells what became of an e-mail: SES publishes to the account's default event bus, which is the only one that it can."""

from aws_cdk import aws_ses as ses
from constructs import Construct

from infra import names

TOLD = {"bounce": "Email Bounced", "complaint": "Email Complaint Received"}
"""What is asked for, and the events that come of it."""


class Feedback(Construct):
    """Every e-mail is sent under this configuration set; opens and clicks are not asked for, so that nobody sees them."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        written = ses.CfnConfigurationSet(self, "Set", name=names.CONFIGURATION_SET)
        destination = ses.CfnConfigurationSetEventDestination(
            self,
            "ToTheBus",
            configuration_set_name=names.CONFIGURATION_SET,
            event_destination=ses.CfnConfigurationSetEventDestination.EventDestinationProperty(
                name="bus",
                enabled=True,
                matching_event_types=list(TOLD),
                event_bridge_destination=ses.CfnConfigurationSetEventDestination.EventBridgeDestinationProperty(
                    event_bus_arn=names.default_bus_arn()
                ),
            ),
        )
        destination.add_dependency(written)
