"""Starting, stopping, and what survives in between."""

import datetime as dt
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from local.cloud.server import ACCOUNT, Cloud, CloudError, make_certificate
from tests.flow.cloud.building import a_bucket, a_function, a_name, a_queue, a_role, allow, invoke, messages, until
from tests.flow.cloud.test_sftp import Account, an_account

pytestmark = pytest.mark.flow

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)

FORWARDS = """
import boto3, os
def handle(event, context):
    for record in event["Records"]:
        boto3.client("sqs").send_message(QueueUrl=os.environ["NEXT"], MessageBody=record["body"])
    return {"batchItemFailures": []}
"""
NOTES_CHANGES = """
import boto3, json, os
def handle(event, context):
    for record in event["Records"]:
        key = json.dumps(record["dynamodb"]["Keys"]["pk"]["S"])
        boto3.client("sqs").send_message(QueueUrl=os.environ["NEXT"], MessageBody=key)
"""


def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    first = Cloud(state=tmp_path)
    with first:
        bucket, table, function = a_bucket(first), a_name("table"), a_function(first, "def handle(event, context):\n    return 'here'\n")
        first.session().client("s3").put_object(Bucket=bucket, Key="k", Body=b"one")
        first.session().client("s3").put_object(Bucket=bucket, Key="k", Body=b"two")
        dynamodb = first.session().client("dynamodb")
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "patron#1"}, "sealed": {"B": b"\x00\xff"}})
        source, source_arn = a_queue(first)
        target, _ = a_queue(first)
        role = a_role(
            first, allow(["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "dynamodb:*"]), service="lambda.amazonaws.com"
        )
        forwards = a_function(first, FORWARDS, role=role, environment={"NEXT": target})
        first.session().client("lambda").create_event_source_mapping(EventSourceArn=source_arn, FunctionName=forwards)
        notes_changes = a_function(first, NOTES_CHANGES, role=role, environment={"NEXT": target})
        stream = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        first.session().client("lambda").create_event_source_mapping(
            EventSourceArn=stream, FunctionName=notes_changes, StartingPosition="TRIM_HORIZON"
        )
        assert until(lambda: messages(first, target)) == ["patron#1"]
        mail = first.session().client("sesv2")
        mail.create_email_identity(EmailIdentity="library@example.org")
        said = {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}}
        mail.send_email(FromEmailAddress="library@example.org", Destination={"ToAddresses": ["family@example.org"]}, Content=said)
        account = an_account(first)
    second = Cloud(state=tmp_path)
    with second:
        assert (second.port, second.sftp_port) == (first.port, first.sftp_port)
        versions = second.session().client("s3").list_object_versions(Bucket=bucket)["Versions"]
        assert len(versions) == 2
        assert second.session().client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"two"
        item = second.session().client("dynamodb").get_item(TableName=table, Key={"pk": {"S": "patron#1"}})["Item"]
        assert item["sealed"]["B"] == b"\x00\xff"
        assert invoke(second, function) == "here"
        second.session().client("sqs").send_message(QueueUrl=source, MessageBody='"through"')
        assert until(lambda: messages(second, target)) == ["through"]
        second.session().client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "patron#2"}})
        assert until(lambda: messages(second, target)) == ["patron#2"]
        assert [message["To"] for message in second.outbox()] == [["family@example.org"]]
        again = Account(second, account.user, account.bucket, account.role, account.key)
        again.put("/incoming/after.part")
        assert "incoming/after.part" in again.stored()


def test_stopping_leaves_no_process_and_no_temporary_folder(tmp_path: Path) -> None:
    cloud = Cloud(state=tmp_path).start()
    process, scratch = cloud.process_id, cloud._scratch
    invoke(cloud, a_function(cloud, "def handle(event, context):\n    return 1\n"))
    assert scratch is not None
    assert any(scratch.iterdir())
    cloud.stop()
    assert not scratch.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_cloud_that_can_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="make setup"):
        Cloud(state=tmp_path, python=tmp_path / "none").start()
    with pytest.raises(CloudError, match="GATEWAY_PORT"):
        Cloud(state=tmp_path, settings={"GATEWAY_PORT": "GATEWAY_PORT is no number"}).start()


def test_session_is_under_the_role_and_never_root(cloud: Cloud) -> None:
    role = a_role(cloud)
    assert cloud.session(role).client("sts").get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/local"
    assert cloud.session().client("sts").get_caller_identity()["Arn"].endswith(":root")


def test_environment_is_all_that_a_program_needs(cloud: Cloud) -> None:
    role = a_role(cloud)
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**clean, **cloud.environment(role)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/local"


def test_role_that_is_not_there_can_not_be_taken_on(cloud: Cloud) -> None:
    with pytest.raises(cloud.session().client("sts").exceptions.ClientError, match="AccessDenied"):
        cloud.session("no-such-role")


def test_certificate_is_kept_until_it_ends_and_its_keys_are_private(tmp_path: Path) -> None:
    made = make_certificate(tmp_path / "tls", now=NOW)
    content = made.chain.read_bytes()
    assert make_certificate(tmp_path / "tls", now=NOW + dt.timedelta(days=80)).chain.read_bytes() == content
    assert make_certificate(tmp_path / "tls", now=NOW + dt.timedelta(days=89)).chain.read_bytes() != content
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    names = x509.load_pem_x509_certificate(made.chain.read_bytes()).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
