"""S3 events and encryption headers, each compared with the emulator as it comes."""

import json

import pytest

from local.cloud.server import Cloud
from tests.flow.cloud.building import a_bucket, a_key, a_role, allow, encrypt_by, may, messages, object_events_of, refusal, until

pytestmark = pytest.mark.flow


def version_is_in_the_event(cloud: Cloud) -> bool:
    bucket = a_bucket(cloud, events=True)
    url = object_events_of(cloud, bucket)
    version = cloud.session().client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    [event] = until(lambda: messages(cloud, url))
    return bool(event["detail"]["object"].get("version-id") == version)


def test_object_created_names_the_version(cloud: Cloud, unmended: Cloud) -> None:
    assert version_is_in_the_event(cloud)
    assert not version_is_in_the_event(unmended)


def kms_needs_no_key_id(cloud: Cloud) -> bool:
    bucket = a_bucket(cloud)
    s3 = cloud.session().client("s3")
    return not refusal(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms"))


def test_write_that_asks_for_kms_without_a_key_takes_the_accounts(cloud: Cloud, unmended: Cloud) -> None:
    assert kms_needs_no_key_id(cloud)
    assert not kms_needs_no_key_id(unmended)


def test_write_that_asks_for_kms_without_a_key_takes_the_buckets(cloud: Cloud) -> None:
    bucket, key = a_bucket(cloud), a_key(cloud)
    encrypt_by(cloud, bucket, key)
    s3 = cloud.session().client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms")
    assert s3.head_object(Bucket=bucket, Key="k")["SSEKMSKeyId"] == key


def bucket_policy_sees_the_key_id(cloud: Cloud) -> bool:
    bucket, role, right = a_bucket(cloud), a_role(cloud, allow(["s3:*", "kms:*"])), a_key(cloud)
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    right, wrong = a_key(cloud, everybody), a_key(cloud, everybody)
    header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringNotEquals": {header: right}, "Null": {header: "false"}},
    }
    cloud.session().client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    s3 = cloud.session(role).client("s3")
    return [
        may(lambda key=key: s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key))
        for key in (right, wrong)
    ] == [True, False]


def test_bucket_policy_can_name_the_key(cloud: Cloud, unmended: Cloud) -> None:
    assert bucket_policy_sees_the_key_id(cloud)
    assert not bucket_policy_sees_the_key_id(unmended)
