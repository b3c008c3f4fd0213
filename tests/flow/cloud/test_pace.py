"""What the emulator now does in less time means the same as before; and what AWS does side by side holds nothing up."""

import json

import pytest

from local.cloud.server import Cloud
from tests.flow.cloud.building import a_bucket, a_function, a_name, a_queue, a_role, allow, may, refusal, until

pytestmark = pytest.mark.flow

WAITS_FOR_THE_OTHER = """
import boto3, os, time
def handle(event, context):
    s3, bucket, end = boto3.client("s3"), os.environ["BUCKET"], time.monotonic() + 6
    s3.put_object(Bucket=bucket, Key="waiting", Body=b"")
    while time.monotonic() < end:
        if s3.list_objects_v2(Bucket=bucket, Prefix="queue").get("KeyCount"):
            s3.put_object(Bucket=bucket, Key="end/together", Body=b"")
            return
    s3.put_object(Bucket=bucket, Key="end/alone", Body=b"")
"""
FROM_THE_QUEUE = """
import boto3, os
def handle(event, context):
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key="queue", Body=b"")
"""


def run_beside_each_other(cloud: Cloud) -> str:
    """How a stream's function ended that waits for a queue's."""
    session = cloud.session()
    bucket, table = a_bucket(cloud), a_name("table")
    made = session.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    url, queue = a_queue(cloud)
    role = a_role(cloud, allow(["s3:*", "dynamodb:*", "sqs:*"]), service="lambda.amazonaws.com")
    stream_function = a_function(cloud, WAITS_FOR_THE_OTHER, role=role, environment={"BUCKET": bucket})
    queue_function = a_function(cloud, FROM_THE_QUEUE, role=role, environment={"BUCKET": bucket})
    functions, s3 = session.client("lambda"), session.client("s3")
    functions.create_event_source_mapping(
        EventSourceArn=made["TableDescription"]["LatestStreamArn"], FunctionName=stream_function, StartingPosition="TRIM_HORIZON"
    )
    functions.create_event_source_mapping(EventSourceArn=queue, FunctionName=queue_function)

    def keys(prefix: str) -> list[str]:
        return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]

    session.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "patron#1"}})
    until(lambda: keys("waiting"))
    session.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    return str(until(lambda: keys("end/"))[0])


def test_a_streams_function_does_not_hold_up_a_queues(cloud: Cloud, unmended: Cloud) -> None:
    assert run_beside_each_other(cloud) == "end/together"
    assert run_beside_each_other(unmended) == "end/alone"


class TestQueues:
    def test_messages_come_in_order_and_once_until_their_time_is_over(self, cloud: Cloud) -> None:
        sqs = cloud.session().client("sqs")
        url, _ = a_queue(cloud)
        for first in range(0, 30, 10):
            sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(first, first + 10)])
        taken = [sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"] for _ in range(3)]
        assert [m["Body"] for batch in taken for m in batch] == [str(n) for n in range(30)]
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=taken[1][4]["ReceiptHandle"], VisibilityTimeout=0)
        assert [m["Body"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]] == ["14"]

    def test_deleting_a_batch_says_which_handles_it_did_not_know(self, cloud: Cloud) -> None:
        sqs = cloud.session().client("sqs")
        url, _ = a_queue(cloud)
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(3)])
        handles = [m["ReceiptHandle"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
        entries = [
            {"Id": "a", "ReceiptHandle": handles[2]},
            {"Id": "b", "ReceiptHandle": "nobody's"},
            {"Id": "c", "ReceiptHandle": handles[0]},
        ]
        answer = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        assert [done["Id"] for done in answer["Successful"]] == ["a", "c"]
        assert [failed["Id"] for failed in answer["Failed"]] == ["b"]
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handles[1], VisibilityTimeout=0)
        assert [m["Body"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]] == ["1"]

    def test_a_message_received_too_often_becomes_a_dead_letter_and_nothing_else_does(self, cloud: Cloud) -> None:
        sqs = cloud.session().client("sqs")
        dead, dead_arn = a_queue(cloud)
        url, _ = a_queue(cloud, VisibilityTimeout="0", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "2"}))
        sqs.send_message(QueueUrl=url, MessageBody="bad")
        for _ in range(2):
            assert [m["Body"] for m in sqs.receive_message(QueueUrl=url)["Messages"]] == ["bad"]
        sqs.send_message(QueueUrl=url, MessageBody="good")
        assert [m["Body"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]] == ["good"]
        assert [m["Body"] for m in sqs.receive_message(QueueUrl=dead)["Messages"]] == ["bad"]


def test_a_policy_that_changes_counts_from_then_on(cloud: Cloud) -> None:
    role = a_role(cloud, allow("s3:ListAllMyBuckets"))
    s3 = cloud.session(role).client("s3")
    assert may(s3.list_buckets)
    policies = cloud.session().client("iam")
    (name,) = policies.list_role_policies(RoleName=role)["PolicyNames"]
    policies.delete_role_policy(RoleName=role, PolicyName=name)
    assert refusal(s3.list_buckets)


def test_answers_carry_every_kind_of_value(cloud: Cloud) -> None:
    dynamodb, table = cloud.session().client("dynamodb"), a_name("table")
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {
        "pk": {"S": "Zoë 林 \U0001f4da"},
        "number": {"N": "12345678901234567890123456789"},
        "sealed": {"B": bytes(range(256))},
        "map": {"M": {"list": {"L": [{"BOOL": True}, {"NULL": True}, {"SS": ["a", "b"]}]}}},
    }
    dynamodb.put_item(TableName=table, Item=item)
    assert dynamodb.get_item(TableName=table, Key={"pk": item["pk"]})["Item"] == item
