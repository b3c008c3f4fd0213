"""The cards table and the run ledger."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra import names


class Table(Construct):
    """A table with the keys ``pk`` and ``sk``, billed by use, restorable to any second of the last 35 days, kept when its stack goes."""

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, key: kms.IKey, stream: bool = False, gone_at: str | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            table_name=name,
            partition_key=_text("pk"),
            sort_key=_text("sk"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            time_to_live_attribute=gone_at,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if stream else None,
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )


class Cards(Table):
    """Patrons, ILS states, refusals, households, notices, pairs, envelopes, and of PINs that they were shown and how often one was asked for.

    ``windows`` finds those whose days to say no are running, ``pairs`` what waits for a person at a library, and what one decided.
    """

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey) -> None:
        super().__init__(scope, construct_id, name=names.CARDS_TABLE, key=key, stream=True, gone_at="gone_at")
        self.table.add_global_secondary_index(
            index_name="windows",
            partition_key=_text("window_of"),
            sort_key=_text("told_at"),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=["token"],
        )
        self.table.add_global_secondary_index(
            index_name="pairs",
            partition_key=_text("pair_of"),
            sort_key=_text("since"),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )


class Ledger(Table):
    """Runs, locks, number blocks, suspensions and intents; ``by_district`` lists a district's runs by time."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey) -> None:
        super().__init__(scope, construct_id, name=names.LEDGER_TABLE, key=key)
        self.table.add_global_secondary_index(
            index_name="by_district",
            partition_key=_text("district"),
            sort_key=_text("started_at"),
            projection_type=dynamodb.ProjectionType.ALL,
        )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
