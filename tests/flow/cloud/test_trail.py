"""CloudTrail's records: who, what, with which key and context, refused or not; delivered as AWS delivers them."""

import gzip
import json
import re
from typing import Any

import pytest

from local.cloud.server import ACCOUNT, REGION, Cloud
from tests.flow.cloud.building import Stack, a_bucket, a_function, a_key, a_machine, a_name, a_role, allow, for_role, function_arn, may, run
from tests.flow.cloud.test_sftp import an_account

pytestmark = pytest.mark.flow

LAYOUT = re.compile(
    rf"^(?:[\w-]+/)?AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/\d{{4}}/\d\d/\d\d/{ACCOUNT}_CloudTrail_{REGION}_\d{{8}}T\d{{4}}Z_[A-Za-z0-9]{{16}}\.json\.gz$"
)


def trail_policy(bucket: str, name: str, *, prefix: str = "") -> dict[str, Any]:
    source = {"StringEquals": {"aws:SourceArn": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{name}"}}
    folder = f"{prefix}/AWSLogs" if prefix else "AWSLogs"
    writes = {"StringEquals": {**source["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"}}
    service = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    insecure = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {**service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}", "Condition": source},
            {**service, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/{folder}/{ACCOUNT}/*", "Condition": writes},
            {**insecure, "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]},
        ],
    }


class Trail:
    """A trail of a template, and what it delivered."""

    def __init__(self, cloud: Cloud, *, prefix: str = "", **properties: Any) -> None:
        self._cloud, self.bucket, self.name = cloud, a_bucket(cloud), a_name("trail")
        policy = trail_policy(self.bucket, self.name, prefix=prefix)
        self.stack = Stack(cloud)
        said = {"TrailName": self.name, "S3BucketName": self.bucket, "IsLogging": True, **properties}
        if prefix:
            said["S3KeyPrefix"] = prefix
        self.status = self.stack.deploy(
            Policy={"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": self.bucket, "PolicyDocument": policy}},
            Trail={"Type": "AWS::CloudTrail::Trail", "DependsOn": "Policy", "Properties": said},
        )

    def keys(self) -> list[str]:
        self._cloud.flush_trail()
        listed = self._cloud.session().client("s3").list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [entry["Key"] for entry in listed]

    def delivered(self) -> list[dict[str, Any]]:
        s3 = self._cloud.session().client("s3")
        bodies = [s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in self.keys()]
        return [record for body in bodies for record in json.loads(gzip.decompress(body))["Records"]]

    def of(self, name: str, role: str) -> list[dict[str, Any]]:
        """The delivered records of one operation under one role."""
        issuer = ("userIdentity", "sessionContext", "sessionIssuer", "userName")

        def at(record: Any, *path: str) -> Any:
            for step in path:
                record = (record or {}).get(step)
            return record

        return [record for record in self.delivered() if record["eventName"] == name and at(record, *issuer) == role]


def objects_of(bucket: str) -> dict[str, Any]:
    return {"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::{bucket}/"]}]}]}


def test_decrypt_is_recorded_with_role_key_and_context_and_never_with_content(cloud: Cloud) -> None:
    trail, role = Trail(cloud), a_role(cloud)
    key = a_key(cloud, for_role(role, ["kms:Encrypt", "kms:Decrypt"]))
    context, kms = {"agreement": "jaxpl.duval", "purpose": "issue_card"}, cloud.session(role).client("kms")
    blob = kms.encrypt(KeyId=key, Plaintext=b"data key", EncryptionContext=context)["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    [record] = trail.of("Decrypt", role)
    assert record["eventSource"] == "kms.amazonaws.com"
    assert record["requestParameters"] == {"encryptionContext": context}
    assert record["resources"] == [{"ARN": key, "accountId": ACCOUNT, "type": "AWS::KMS::Key"}]
    assert record["userIdentity"]["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/local"
    assert (record["managementEvent"], record["eventCategory"], record["readOnly"]) == (True, "Management", True)
    assert set(trail.of("Encrypt", role)[0]["requestParameters"]) == {"keyId", "encryptionContext"}


def test_refused_call_is_recorded_with_its_error(cloud: Cloud) -> None:
    trail, role = Trail(cloud), a_role(cloud)
    key = a_key(cloud)
    assert not may(lambda: cloud.session(role).client("kms").encrypt(KeyId=key, Plaintext=b"x"))
    [record] = trail.of("Encrypt", role)
    assert record["errorCode"] == "AccessDeniedException"
    assert f"assumed-role/{role}/local is not authorized to perform: kms:Encrypt on resource: {key}" in record["errorMessage"]


def test_object_calls_are_recorded_only_where_a_selector_covers_them(cloud: Cloud) -> None:
    covered, other = a_bucket(cloud), a_bucket(cloud)
    trail, role = Trail(cloud, **objects_of(covered)), a_role(cloud, allow("s3:*"))
    s3 = cloud.session(role).client("s3")
    for bucket in (covered, other):
        s3.put_object(Bucket=bucket, Key="incoming/x", Body=b"x")
    [record] = trail.of("PutObject", role)
    assert record["requestParameters"] == {"bucketName": covered, "key": "incoming/x"}
    assert record["resources"][0] == {"ARN": f"arn:aws:s3:::{covered}/incoming/x", "accountId": ACCOUNT, "type": "AWS::S3::Object"}
    assert (record["managementEvent"], record["eventCategory"], record["readOnly"]) == (False, "Data", False)


def test_s3_operations_have_cloudtrails_names(cloud: Cloud) -> None:
    bucket, role = a_bucket(cloud), a_role(cloud, allow("s3:*"))
    trail, s3 = Trail(cloud, **objects_of(bucket)), cloud.session(role).client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    s3.head_object(Bucket=bucket, Key="a")
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    s3.list_objects_v2(Bucket=bucket)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}]})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key="m", UploadId=upload)
    recorded = [r["eventName"] for r in trail.delivered() if role in r["userIdentity"].get("arn", "")]
    names = ["PutObject", "HeadObject", "CopyObject", "ListObjects", "DeleteObjects", "CreateMultipartUpload", "AbortMultipartUpload"]
    assert recorded == names


def test_advanced_selectors_choose_by_prefix_and_by_reading(cloud: Cloud) -> None:
    bucket, role = a_bucket(cloud), a_role(cloud, allow("s3:*"))

    def field(name: str, **test: list[str]) -> dict[str, Any]:
        return {"Field": name, **test}

    reads = [
        field("eventCategory", Equals=["Data"]),
        field("resources.type", Equals=["AWS::S3::Object"]),
        field("resources.ARN", StartsWith=[f"arn:aws:s3:::{bucket}/vault/"]),
        field("readOnly", Equals=["true"]),
    ]
    trail, s3 = Trail(cloud, AdvancedEventSelectors=[{"Name": "reads", "FieldSelectors": reads}]), cloud.session(role).client("s3")
    for key in ("vault/x", "else/x"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        s3.get_object(Bucket=bucket, Key=key)
    assert [(r["eventName"], r["requestParameters"]["key"]) for r in trail.delivered()] == [("GetObject", "vault/x")]


def test_sftp_upload_is_recorded_as_the_accounts_role_through_transfer(cloud: Cloud) -> None:
    account = an_account(cloud)
    trail = Trail(cloud, **objects_of(account.bucket))
    account.put("/incoming/roster.zip")
    [record] = trail.of("PutObject", account.role)
    assert record["requestParameters"] == {"bucketName": account.bucket, "key": "incoming/roster.zip"}
    assert record["userIdentity"]["invokedBy"] == record["sourceIPAddress"] == "transfer.amazonaws.com"
    assert f"/{account.user}." in record["userIdentity"]["arn"]


def test_table_calls_are_recorded_with_keys_and_without_values(cloud: Cloud) -> None:
    table, role = a_name("table"), a_role(cloud, allow("dynamodb:*"))
    dynamodb = cloud.session(role).client("dynamodb")
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    trail = Trail(cloud, EventSelectors=[{"DataResources": [{"Type": "AWS::DynamoDB::Table", "Values": [arn]}]}])
    items = [{"pk": {"S": f"patron#{number}"}, "sealed": {"S": "never in a log"}} for number in range(3)]
    dynamodb.put_item(TableName=table, Item=items[0])
    dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}} for item in items[1:]]})
    dynamodb.get_item(TableName=table, Key={"pk": {"S": "patron#0"}})
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": {**items[0], "pk": {"S": "patron#9"}}}}])
    assert [r["requestParameters"]["key"] for name in ("PutItem", "GetItem") for r in trail.of(name, role)] == [
        {"pk": {"S": "patron#0"}}
    ] * 2
    [batch] = trail.of("BatchWriteItem", role)
    assert batch["requestParameters"]["requestItems"][table] == [{"putRequest": {"key": {"pk": item["pk"]}}} for item in items[1:]]
    [together] = trail.of("TransactWriteItems", role)
    assert together["requestParameters"]["transactItems"][0]["put"]["key"] == {"pk": {"S": "patron#9"}}
    assert "never in a log" not in json.dumps(trail.delivered())


def test_function_started_by_a_machine_is_recorded_under_the_machines_role(cloud: Cloud) -> None:
    function = a_function(cloud, "def handle(event, context):\n    return 1\n")
    role = a_role(cloud, allow("lambda:InvokeFunction"), service="states.amazonaws.com")
    trail = Trail(cloud, EventSelectors=[{"DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}]}])
    run(cloud, a_machine(cloud, {"One": {"Type": "Task", "Resource": function_arn(function), "End": True}}, role=role))
    [record] = trail.of("Invoke", role)
    assert record["resources"][0]["ARN"] == function_arn(function)
    assert record["userIdentity"]["invokedBy"] == "states.amazonaws.com"


def test_files_lie_where_aws_lays_them_and_are_gzip(cloud: Cloud) -> None:
    trail = Trail(cloud, prefix="evidence")
    cloud.session().client("kms").list_keys()
    keys = trail.keys()
    assert keys
    assert all(LAYOUT.match(key) and key.startswith("evidence/") for key in keys)


def test_nothing_is_delivered_twice(cloud: Cloud) -> None:
    trail, role = Trail(cloud), a_role(cloud, allow("kms:ListKeys"))
    cloud.session(role).client("kms").list_keys()
    assert len(trail.of("ListKeys", role)) == 1
    assert len(trail.of("ListKeys", role)) == 1


def test_stopped_trail_records_nothing(cloud: Cloud) -> None:
    trail, role = Trail(cloud), a_role(cloud, allow("kms:ListKeys"))
    cloud.session().client("cloudtrail").stop_logging(Name=trail.name)
    cloud.session(role).client("kms").list_keys()
    cloud.session().client("cloudtrail").start_logging(Name=trail.name)
    assert not trail.of("ListKeys", role)


def test_trail_of_a_template_can_be_changed_and_removed(cloud: Cloud) -> None:
    trail, control = Trail(cloud), cloud.session().client("cloudtrail")
    policy = trail_policy(trail.bucket, trail.name, prefix="other")
    changed = {"TrailName": trail.name, "S3BucketName": trail.bucket, "S3KeyPrefix": "other", "IsLogging": False}
    status = trail.stack.deploy(
        Policy={"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": trail.bucket, "PolicyDocument": policy}},
        Trail={"Type": "AWS::CloudTrail::Trail", "DependsOn": "Policy", "Properties": changed},
    )
    assert status == "UPDATE_COMPLETE"
    assert control.get_trail(Name=trail.name)["Trail"]["S3KeyPrefix"] == "other"
    assert control.get_trail_status(Name=trail.name)["IsLogging"] is False
    trail.stack.delete()
    assert trail.name not in [one["Name"] for one in control.list_trails()["Trails"]]


@pytest.mark.parametrize("missing", ["s3:GetBucketAcl", "s3:PutObject"])
def test_trail_whose_bucket_does_not_let_it_write_is_refused(cloud: Cloud, missing: str) -> None:
    bucket, name, stack = a_bucket(cloud), a_name("trail"), Stack(cloud)
    policy = trail_policy(bucket, name)
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Action"] != missing]
    status = stack.deploy(
        Policy={"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": bucket, "PolicyDocument": policy}},
        Trail={
            "Type": "AWS::CloudTrail::Trail",
            "DependsOn": "Policy",
            "Properties": {"TrailName": name, "S3BucketName": bucket, "IsLogging": True},
        },
    )
    assert status == "ROLLBACK_COMPLETE"
    assert "InsufficientS3BucketPolicyException" in stack.reasons()


def test_trail_whose_key_does_not_let_it_encrypt_is_refused(cloud: Cloud) -> None:
    allowed = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "kms:GenerateDataKey*", "Resource": "*"}
    assert Trail(cloud, KMSKeyId=a_key(cloud, allowed)).status == "CREATE_COMPLETE"
    refused = Trail(cloud, KMSKeyId=a_key(cloud))
    assert refused.status == "ROLLBACK_COMPLETE"
    assert "InsufficientEncryptionPolicyException" in refused.stack.reasons()


def has_role_and_key(cloud: Cloud) -> bool:
    """Whether LookupEvents, the emulator's own record, would do."""
    role = a_role(cloud, allow("kms:ListKeys"))
    cloud.session(role).client("kms").list_keys()
    found = cloud.session().client("cloudtrail").lookup_events()["Events"]
    return any(role in event.get("CloudTrailEvent", "") for event in found)


def test_emulators_own_record_still_does_not_name_the_role(unmended: Cloud) -> None:
    assert not has_role_and_key(unmended)


def test_counts_start_anew_after_a_reset(cloud: Cloud) -> None:
    role = a_role(cloud, allow("kms:ListKeys"))
    cloud.session(role).client("kms").list_keys()
    assert any(one["role"] == role for one in cloud.calls()["operations"])
    cloud.reset_calls()
    assert not any(one["role"] == role for one in cloud.calls()["operations"])


def test_items_of_a_batch_are_counted(cloud: Cloud) -> None:
    role = a_role(cloud, allow("events:PutEvents"))
    entry = {"Source": "firstcard", "DetailType": "CardIssued", "Detail": "{}"}
    cloud.session(role).client("events").put_events(Entries=[entry] * 3)
    [counted] = [one for one in cloud.calls()["operations"] if one["role"] == role]
    assert (counted["operation"], counted["count"], counted["items"]) == ("PutEvents", 1, 3)
