"""KMS decisions, each compared with the emulator as it comes."""

import boto3
import pytest

from local.cloud.server import ACCOUNT, REGION, Cloud
from tests.flow.cloud.building import (
    a_bucket,
    a_key,
    a_name,
    a_queue,
    a_role,
    allow,
    encrypt_by,
    for_role,
    may,
    refusal,
)

pytestmark = pytest.mark.flow

PURPOSE = {"purpose": "issue_card"}


def wrapped(cloud: Cloud, key: str, role: str, context: dict[str, str]) -> bytes:
    return cloud.session(role).client("kms").encrypt(KeyId=key, Plaintext=b"data key", EncryptionContext=context)["CiphertextBlob"]


def opens_for_the_right_purpose_only(cloud: Cloud) -> bool:
    role = a_role(cloud)
    key = a_key(
        cloud,
        for_role(role, "kms:Encrypt"),
        for_role(
            role,
            "kms:Decrypt",
            StringEquals={"kms:EncryptionContext:purpose": "issue_card"},
            **{"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["purpose"]}},
        ),
    )
    kms = cloud.session(role).client("kms")
    other, extra = {"purpose": "evaluate"}, {**PURPOSE, "extra": "x"}
    decisions = [
        may(lambda context=context: kms.decrypt(CiphertextBlob=wrapped(cloud, key, role, context), EncryptionContext=context))
        for context in (PURPOSE, other, extra, {})
    ]
    return decisions == [True, False, False, False]


def test_key_policy_decides_by_encryption_context(cloud: Cloud, unmended: Cloud) -> None:
    assert opens_for_the_right_purpose_only(cloud)
    assert not opens_for_the_right_purpose_only(unmended)


def alias_is_decided_on_the_key(cloud: Cloud) -> bool:
    key = a_key(cloud, {**allow("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}})
    alias = f"alias/{a_name('alias')}"
    cloud.session().client("kms").create_alias(AliasName=alias, TargetKeyId=key)
    by_key, by_alias = (
        a_role(cloud, allow("kms:Encrypt", key)),
        a_role(cloud, allow("kms:Encrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias}")),
    )
    return [may(lambda role=role: wrapped(cloud, alias, role, {})) for role in (by_key, by_alias)] == [True, False]


def test_permission_on_a_key_holds_for_its_alias(cloud: Cloud, unmended: Cloud) -> None:
    assert alias_is_decided_on_the_key(cloud)
    assert not alias_is_decided_on_the_key(unmended)


def test_key_policy_can_ask_for_the_alias(cloud: Cloud) -> None:
    role, alias = a_role(cloud), f"alias/{a_name('alias')}"
    key = a_key(cloud, for_role(role, "kms:Encrypt", StringEquals={"kms:RequestAlias": alias}))
    cloud.session().client("kms").create_alias(AliasName=alias, TargetKeyId=key)
    assert may(lambda: wrapped(cloud, alias, role, {}))
    assert not may(lambda: wrapped(cloud, key, role, {}))


def test_role_named_in_the_key_policy_needs_no_policy_of_its_own(cloud: Cloud) -> None:
    named, other = a_role(cloud), a_role(cloud, allow("kms:*"))
    key = a_key(cloud, for_role(named, ["kms:Encrypt", "kms:Decrypt"]))
    assert may(lambda: wrapped(cloud, key, named, PURPOSE))
    assert not may(lambda: wrapped(cloud, key, other, PURPOSE))


def test_key_policy_statement_ends_by_date(cloud: Cloud) -> None:
    before, after = a_role(cloud), a_role(cloud)
    key = a_key(
        cloud,
        for_role(before, "kms:Encrypt", DateLessThan={"aws:CurrentTime": "2001-01-01T00:00:00Z"}),
        for_role(after, "kms:Encrypt", DateGreaterThanEquals={"aws:CurrentTime": "2001-01-01T00:00:00Z"}),
    )
    assert not may(lambda: wrapped(cloud, key, before, {}))
    assert may(lambda: wrapped(cloud, key, after, {}))


def object_needs_its_key(cloud: Cloud) -> bool:
    bucket = a_bucket(cloud)
    both, bucket_only = (a_role(cloud, allow("s3:*", f"arn:aws:s3:::{bucket}/*")) for _ in range(2))
    through_s3 = {
        "StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com", "kms:CallerAccount": ACCOUNT},
        "StringLike": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}/*"},
    }
    key = a_key(cloud, for_role(both, ["kms:GenerateDataKey", "kms:Decrypt"], **through_s3))
    encrypt_by(cloud, bucket, key)

    def put(role: str) -> bool:
        return may(lambda: cloud.session(role).client("s3").put_object(Bucket=bucket, Key="k", Body=b"x"))

    def get(role: str) -> bool:
        return may(lambda: cloud.session(role).client("s3").get_object(Bucket=bucket, Key="k"))

    return (put(bucket_only), put(both), get(bucket_only), get(both)) == (False, True, False, True)


def test_s3_asks_the_key_for_its_caller(cloud: Cloud, unmended: Cloud) -> None:
    assert object_needs_its_key(cloud)
    assert not object_needs_its_key(unmended)


def test_disabled_key_closes_what_it_encrypts(cloud: Cloud) -> None:
    bucket, role = a_bucket(cloud), a_role(cloud, allow("s3:*"))
    key = a_key(cloud, for_role(role, ["kms:GenerateDataKey", "kms:Decrypt"]))
    encrypt_by(cloud, bucket, key)
    s3 = cloud.session(role).client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    cloud.session().client("kms").disable_key(KeyId=key)
    assert refusal(lambda: s3.get_object(Bucket=bucket, Key="k"))


def queue_needs_its_key(cloud: Cloud) -> bool:
    sender, other = (a_role(cloud, allow(["sqs:SendMessage", "sqs:ReceiveMessage"])) for _ in range(2))
    url, _ = a_queue(cloud, KmsMasterKeyId=a_key(cloud, for_role(sender, ["kms:GenerateDataKey", "kms:Decrypt"])))
    return [
        may(lambda role=role: cloud.session(role).client("sqs").send_message(QueueUrl=url, MessageBody="x")) for role in (sender, other)
    ] == [
        True,
        False,
    ]


def test_sqs_asks_the_key_for_its_caller(cloud: Cloud, unmended: Cloud) -> None:
    assert queue_needs_its_key(cloud)
    assert not queue_needs_its_key(unmended)


def secret_needs_its_key(cloud: Cloud) -> bool:
    reader, other = (a_role(cloud, allow("secretsmanager:GetSecretValue")) for _ in range(2))
    key = a_key(cloud, for_role(reader, "kms:Decrypt"), {**allow("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}})
    name = a_name("secret")
    cloud.session().client("secretsmanager").create_secret(Name=name, SecretString="s", KmsKeyId=key)
    return [
        may(lambda role=role: cloud.session(role).client("secretsmanager").get_secret_value(SecretId=name)) for role in (reader, other)
    ] == [
        True,
        False,
    ]


def test_secrets_manager_asks_the_key_for_its_caller(cloud: Cloud, unmended: Cloud) -> None:
    assert secret_needs_its_key(cloud)
    assert not secret_needs_its_key(unmended)


def table_needs_its_key(cloud: Cloud) -> bool:
    reader, other = (a_role(cloud, allow("dynamodb:GetItem")) for _ in range(2))
    key, name = a_key(cloud, for_role(reader, "kms:Decrypt")), a_name("table")
    cloud.session().client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )

    def get(session: boto3.Session) -> bool:
        return may(lambda: session.client("dynamodb").get_item(TableName=name, Key={"pk": {"S": "x"}}))

    return [get(cloud.session(role)) for role in (reader, other)] == [True, False]


def test_dynamodb_asks_the_key_for_its_caller(cloud: Cloud, unmended: Cloud) -> None:
    assert table_needs_its_key(cloud)
    assert not table_needs_its_key(unmended)
