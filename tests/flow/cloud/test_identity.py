"""What policies know of the caller, each compared with the emulator as it comes."""

import json

import pytest

from local.cloud.server import Cloud
from tests.flow.cloud.building import a_bucket, a_key, a_role, allow, for_role, may, refusal, role_arn

pytestmark = pytest.mark.flow


def principal_arn_is_the_role(cloud: Cloud) -> bool:
    bucket, role = a_bucket(cloud), a_role(cloud)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"aws:PrincipalArn": role_arn(role)}},
    }
    s3 = cloud.session().client("s3")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return may(lambda: cloud.session(role).client("s3").put_object(Bucket=bucket, Key="k", Body=b"x"))


def test_principal_arn_of_a_session_is_its_role(cloud: Cloud, unmended: Cloud) -> None:
    assert principal_arn_is_the_role(cloud)
    assert not principal_arn_is_the_role(unmended)


def opens_for_a_named_person_only(cloud: Cloud) -> bool:
    person = a_role(cloud, trust=["sts:AssumeRole", "sts:SetSourceIdentity"])
    key = a_key(cloud, for_role(person, "kms:Encrypt", StringEquals={"aws:SourceIdentity": "officer-one"}))
    tokens = cloud.session().client("sts")

    def as_whom(identity: str) -> bool:
        asked = {"SourceIdentity": identity} if identity else {}
        given = tokens.assume_role(RoleArn=role_arn(person), RoleSessionName="desk", **asked)["Credentials"]
        keys = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }
        return may(lambda: cloud.session().client("kms", **keys).encrypt(KeyId=key, Plaintext=b"x"))

    return [as_whom(identity) for identity in ("officer-one", "officer-two", "")] == [True, False, False]


def test_key_policy_can_ask_who_is_behind_a_session(cloud: Cloud, unmended: Cloud) -> None:
    assert opens_for_a_named_person_only(cloud)
    assert not opens_for_a_named_person_only(unmended)


def test_identity_needs_the_trust_policys_leave(cloud: Cloud) -> None:
    role = a_role(cloud, trust="sts:AssumeRole")
    tokens = cloud.session().client("sts")
    assert not refusal(lambda: tokens.assume_role(RoleArn=role_arn(role), RoleSessionName="desk"))
    assert refusal(lambda: tokens.assume_role(RoleArn=role_arn(role), RoleSessionName="desk", SourceIdentity="me")) == "AccessDenied"


def test_trail_names_who_is_behind_a_session(cloud: Cloud) -> None:
    role = a_role(cloud, allow("kms:ListKeys"), trust=["sts:AssumeRole", "sts:SetSourceIdentity"])
    given = cloud.session().client("sts").assume_role(RoleArn=role_arn(role), RoleSessionName="desk", SourceIdentity="officer-one")
    keys = given["Credentials"]
    cloud.session().client(
        "kms",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    ).list_keys()
    [record] = [r for r in cloud.trail() if r["eventName"] == "ListKeys" and r["userIdentity"].get("arn", "").endswith(f"{role}/desk")]
    assert record["userIdentity"]["sessionContext"]["sourceIdentity"] == "officer-one"
