"""AWS's own rules of evaluation, one by one."""

from typing import Any

import pytest

from cli.proof.decision import EVERYTHING, Caller, Facts, Guarded, Space, allowed
from cli.proof.policy import Statement, UnknownPolicyError, statements_of

ACCOUNT, OTHER = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k"
BUCKET = "arn:aws:s3:::b/x"


def said(of: str = "resource", **parts: Any) -> tuple[Statement, ...]:
    one = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", **({"Principal": "*"} if of == "resource" else {}), **parts}
    return statements_of({"Version": "2012-10-17", "Statement": [one]}, "the policy", of=of)


def a_role(name: str = "sync", account: str = ACCOUNT, own: tuple[Statement, ...] = (), **facts: Any) -> Caller:
    arn = f"arn:aws:iam::{account}:role/{name}"
    return Caller(name, account, arn, own=own, facts={"aws:principalarn": arn, "kms:calleraccount": account, **facts})


def may_use(caller: Caller, *policy: Statement, action: str = "kms:Decrypt", **facts: Any) -> bool:
    return bool(allowed(caller, action, KEY, Guarded(ACCOUNT, policy, alone=True), Space([facts])))


def may_read(caller: Caller, *policy: Statement, **facts: Any) -> bool:
    return bool(allowed(caller, "s3:GetObject", BUCKET, Guarded(ACCOUNT, policy), Space([facts])))


def holds(operator: str, values: Any, asked: Any = None, key: str = "s3:prefix") -> bool:
    facts: Facts = {} if asked is None else {key: asked}
    return may_read(a_role(), *said(Action="s3:GetObject", Condition={operator: {key: values}}), **facts)


def test_nothing_is_allowed_that_nobody_allows():
    assert not may_use(a_role())
    assert not may_read(a_role())


def test_a_deny_beats_every_allow():
    assert may_use(a_role(own=EVERYTHING), *said())
    assert not may_use(a_role(own=EVERYTHING), *said(), *said(Effect="Deny"))
    assert not may_read(a_role(own=EVERYTHING), *said(Effect="Deny", Action="s3:*"))


def test_a_keys_policy_alone_decides():
    assert not may_use(a_role(own=EVERYTHING))
    assert may_use(a_role(), *said(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/sync"}))
    assert not may_use(a_role("other"), *said(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/sync"}))


@pytest.mark.parametrize("root", [f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT])
def test_a_key_that_names_the_account_is_left_to_the_accounts_own_policies(root):
    left = said(Principal={"AWS": root})
    assert may_use(a_role(own=EVERYTHING), *left)
    assert may_use(a_role(own=said("identity")), *left)
    assert not may_use(a_role(), *left)
    assert may_use(Caller("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", root=True, own=EVERYTHING), *left)


def test_the_root_user_uses_no_key_that_does_not_name_it_and_reads_every_bucket_that_does_not_refuse_it():
    root = Caller("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", root=True, own=EVERYTHING)
    assert not may_use(root, *said(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/sync"}))
    assert may_read(root)
    assert not may_read(root, *said(Effect="Deny", Action="s3:GetObject"))


def test_within_an_account_a_bucket_opens_by_either_policy_and_across_accounts_by_both():
    own = said("identity", Action="s3:GetObject")
    policy = said(Action="s3:GetObject")
    assert may_read(a_role(own=own))
    assert may_read(a_role(), *policy)
    assert not may_read(a_role(account=OTHER, own=own))
    assert not may_read(a_role(account=OTHER), *policy)
    assert may_read(a_role(account=OTHER, own=own), *policy)


def test_anybody_and_a_service_have_what_the_resource_gives_them():
    assert may_read(Caller("anybody", ""), *said(Action="s3:GetObject"))
    service = Caller("trail", ACCOUNT, service="cloudtrail.amazonaws.com", facts={"aws:sourcearn": "arn:aws:x:y:z:a"})
    assert may_read(service, *said(Action="s3:GetObject", Principal={"Service": "cloudtrail.amazonaws.com"}))
    assert not may_read(service, *said(Action="s3:GetObject", Principal={"Service": "logging.s3.amazonaws.com"}))


def test_actions_are_compared_without_capitals_and_resources_with_them():
    assert may_read(a_role(), *said(Action="s3:getobject"))
    assert may_read(a_role(), *said(Action="s3:Get*", Resource="arn:aws:s3:::b/?"))
    assert not may_read(a_role(), *said(Action="s3:GetObject", Resource="arn:aws:s3:::b/X"))
    assert not may_read(a_role(), *said(Action="s3:GetObject", Resource="arn:aws:s3:::b"))


@pytest.mark.parametrize(
    ("operator", "values", "asked", "expected"),
    [
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a", None, False),
        ("StringEquals", "a*", "ab", False),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "?*", "", False),
        ("StringLike", "runs/*/plan.json", "runs/1/2/plan.json", True),
        ("StringLike", "a[b]", "a[b]", True),
        ("StringLike", "a[b]", "ab", False),
        ("StringLike", "a*", None, False),
        ("Null", "false", "", True),
        ("Null", "false", None, False),
        ("Null", "true", None, True),
        ("Bool", "false", "false", True),
        ("Bool", "false", None, False),
        ("NumericLessThan", ["1.2"], "1.1", True),
        ("NumericLessThan", ["1.2"], "1.2", False),
        ("NumericLessThan", ["1.2"], None, False),
        ("IpAddress", "192.0.2.0/24", "192.0.2.9", True),
        ("IpAddress", "192.0.2.0/24", "198.51.100.1", False),
        ("DateLessThan", "2027-08-01T00:00:00Z", "2027-07-31T23:59:59Z", True),
        ("DateLessThan", "2027-08-01T00:00:00Z", "2027-08-01T00:00:00Z", False),
        ("DateLessThan", "2027-08-01T00:00:00Z", "2027-07-31T20:00:00-04:00", False),
        ("DateGreaterThanEquals", "2027-08-01T00:00:00Z", "2027-08-01T00:00:00Z", True),
        ("ArnLike", "arn:aws:iam::1:role/a*", "arn:aws:iam::1:role/ab", True),
        ("ArnLike", "arn:aws:iam::*", "arn:aws:iam::1:role/ab", False),
        ("ArnNotLike", "arn:aws:iam::1:role/a*", "arn:aws:iam::1:role/b", True),
        ("ArnNotLike", "arn:aws:iam::1:role/a*", None, True),
        ("ArnEquals", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a", True),
    ],
)
def test_a_condition_holds_as_the_guide_says(operator, values, asked, expected):
    assert holds(operator, values, asked) is expected


def test_for_all_values_holds_where_nothing_is_said_and_where_every_value_is_listed():
    keys = "dynamodb:leadingkeys"
    assert holds("ForAllValues:StringLike", ["run#*"], None, keys)
    assert holds("ForAllValues:StringLike", ["run#*", "late#*"], ("run#1", "late#2"), keys)
    assert not holds("ForAllValues:StringLike", ["run#*"], ("run#1", "late#2"), keys)


def test_all_conditions_of_a_statement_must_hold():
    both = {"StringEquals": {"s3:prefix": "a"}, "Bool": {"aws:SecureTransport": "true"}}
    statement = said(Action="s3:GetObject", Condition=both)
    assert may_read(a_role(), *statement, **{"s3:prefix": "a", "aws:securetransport": "true"})
    assert not may_read(a_role(), *statement, **{"s3:prefix": "a"})


def test_many_requests_are_decided_as_each_by_itself():
    requests = [{"s3:prefix": text} for text in ("a", "b", "ab", "", "a")] + [{}]
    policy = (*said(Action="s3:GetObject"), *said(Effect="Deny", Action="s3:GetObject", Condition={"StringLike": {"s3:prefix": "a*"}}))
    together = allowed(a_role(), "s3:GetObject", BUCKET, Guarded(ACCOUNT, policy), Space(requests))
    assert [bool(together >> number & 1) for number in range(len(requests))] == [may_read(a_role(), *policy, **one) for one in requests]
    assert together == 0b101010


@pytest.mark.parametrize(
    "part",
    [
        {"Condition": {"StringEqualsIfExists": {"s3:prefix": "a"}}},
        {"Condition": {"ForAnyValue:StringEquals": {"s3:prefix": "a"}}},
        {"Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "perhaps"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Action": "Decrypt"},
        {"Effect": "Maybe"},
        {"NotResource": "*"},
        {"Principal": {"CanonicalUser": "x"}},
        {"Principal": {"AWS": "AROAEXAMPLEID"}},
    ],
)
def test_what_is_not_known_is_an_error_that_names_the_statement(part):
    with pytest.raises(UnknownPolicyError, match="statement 1 of the policy"):
        said(**part)


def test_one_value_where_a_request_may_have_several_is_an_error():
    with pytest.raises(UnknownPolicyError, match="several values"):
        holds("StringEquals", "run#1", ("run#1",), "dynamodb:leadingkeys")
