"""A queue in front of a consumer, its dead-letter queue, and the alarm that somebody looks into it."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import names


class DeadLetters(Construct):
    """What could not be handled, kept 14 days (the longest that SQS keeps), with an alarm on the first message."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=f"{name}-dead",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        cloudwatch.CfnAlarm(
            self,
            "Alarm",
            alarm_name=f"{name}-dead",
            alarm_description=f"Something could not be handled: look into {name}-dead",
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions=[{"name": "QueueName", "value": f"{name}-dead"}],
            statistic="Maximum",
            period=300,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[names.alarm_topic_arn()],
        )


class Inbox(Construct):
    """A queue of events for one consumer; a message that fails ``tries`` times goes to the dead letters.

    ``handling`` is the longest run of the consumer; a message stays invisible six times as long, as Lambda asks for its queues.
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: str, handling: Duration, tries: int = 5) -> None:
        super().__init__(scope, construct_id)
        self.dead = DeadLetters(self, "Dead", name=name)
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            visibility_timeout=Duration.seconds(int(handling.to_seconds()) * 6),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead.queue, max_receive_count=tries),
        )
