"""The card bus and its archive."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_events as events
from constructs import Construct

from infra import names


class CardBus(Construct):
    """What happened to cards, in ids only; the archive keeps a school year and a summer, to be replayed by a consumer that lost some."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.bus = events.EventBus(self, "Bus", event_bus_name=names.CARD_BUS)
        self.bus.apply_removal_policy(RemovalPolicy.RETAIN)
        events.CfnArchive(self, "Archive", source_arn=self.bus.event_bus_arn, archive_name=names.CARD_BUS, retention_days=400)
