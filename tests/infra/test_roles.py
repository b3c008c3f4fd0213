"""What each role may do: a new permission is a change of this list, seen by whoever reviews it."""

import pytest

from tests.infra.templates import listed

LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]
QUEUE = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
ALLOWED = {
    "admit": [
        *("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "s3:ListBucket", "s3:ListBucketVersions"),
        *("states:DescribeExecution", "states:StartExecution", *LOGS, *QUEUE),
    ],
    "plan": [
        *("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem", "events:PutEvents"),
        *("s3:DeleteObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject", "secretsmanager:GetSecretValue"),
        *("states:SendTaskSuccess", *LOGS),
    ],
    "hold": [
        *("dynamodb:GetItem", "dynamodb:UpdateItem", "events:PutEvents"),
        *("s3:GetObject", "s3:ListBucket", "s3:PutObject", "states:SendTaskSuccess", *LOGS),
    ],
    "begin": ["dynamodb:GetItem", "dynamodb:UpdateItem", *LOGS],
    "issue": ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "s3:GetObject", *LOGS],
    "finish": [
        *("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem", "events:PutEvents"),
        *("s3:GetObject", "s3:ListBucket", "s3:PutObject", *LOGS),
    ],
    "publish": [
        *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams", "events:PutEvents"),
        *("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage", *LOGS),
    ],
    "sync": [
        *(
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "secretsmanager:GetSecretValue",
            *LOGS,
            *QUEUE,
        ),
    ],
    "notify": [
        *("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
        *("s3:GetObject", "s3:ListBucket", "secretsmanager:GetSecretValue", "ses:SendEmail", *LOGS, *QUEUE),
    ],
    "window": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem", *LOGS],
    "refuse": ["dynamodb:BatchGetItem", "dynamodb:PutItem", "secretsmanager:GetSecretValue", *LOGS],
    "roster-run": [
        *(
            "lambda:InvokeFunction",
            "s3:ListBucket",
            "states:DescribeExecution",
            "states:StartExecution",
            "states:StopExecution",
        ),
        *(
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
        ),
        *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"),
    ],
    "operator": [
        *(
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            "s3:GetObject",
            "s3:ListBucket",
        ),
        "states:SendTaskSuccess",
    ],
    "officer": ["s3:GetObject", "s3:ListBucket"],
    "upload-duval": ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
    "upload-cms": ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
    "sftp-duval": ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
    "sftp-cms": ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
    "library-jaxpl": QUEUE,
    "library-cmlibrary": QUEUE,
}


def test_every_role_is_on_the_list(templates):
    assert sorted(p["RoleName"] for _, _, p in templates.every("AWS::IAM::Role")) == sorted(f"firstcard-{name}" for name in ALLOWED)


@pytest.mark.parametrize("role", ALLOWED)
def test_a_role_may_do_what_is_listed_and_nothing_else(templates, role):
    assert templates.actions(f"firstcard-{role}") == sorted(ALLOWED[role])


def test_no_role_has_a_wildcard_action_or_a_managed_policy(templates):
    assert [a for role in ALLOWED for a in templates.actions(f"firstcard-{role}") if "*" in a] == []
    assert [i for _, i, p in templates.every("AWS::IAM::Role") if p.get("ManagedPolicyArns")] == []


def test_no_role_policy_reaches_a_key_so_that_only_key_policies_decide(templates):
    assert [role for role in ALLOWED if any(a.startswith("kms:") for a in templates.actions(f"firstcard-{role}"))] == []


def test_only_issue_window_and_refuse_write_patrons_and_only_sync_their_ils_state(templates):
    writers = set()
    for role in ALLOWED:
        for statement in templates.role_statements(f"firstcard-{role}"):
            writes = {"dynamodb:PutItem", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(
                listed(statement["Action"])
            )
            cards = any(str(r).endswith("table/firstcard-cards") for r in listed(statement["Resource"]))
            keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ["*"])
            if writes and cards and {"patron#*", "*"} & set(listed(keys)):
                writers.add(role)
    assert writers == {"issue", "window", "refuse", "sync"}


def test_only_plan_reads_rosters(templates):
    readers = {
        role
        for role in ALLOWED
        for s in templates.role_statements(f"firstcard-{role}")
        if any(a.startswith("s3:GetObject") for a in listed(s["Action"]))
        for resource in listed(s["Resource"])
        if "firstcard-drop-" in resource and resource.endswith("/incoming/*")
    }
    assert readers == {"plan"}


@pytest.mark.parametrize("district", ["duval", "cms"])
def test_a_districts_ways_in_name_its_own_bucket_only(templates, district):
    for way in ("upload", "sftp"):
        for statement in templates.role_statements(f"firstcard-{way}-{district}"):
            for resource in listed(statement["Resource"]):
                assert resource.startswith(f"arn:aws:s3:::firstcard-drop-{district}-111122223333-us-east-1"), (way, resource)


def test_an_sftp_account_reads_back_only_what_it_has_not_finished(templates):
    readable = {
        resource.partition("/")[2]
        for s in templates.role_statements("firstcard-sftp-duval")
        if "s3:GetObject" in listed(s["Action"])
        for resource in listed(s["Resource"])
    }
    assert readable == {"incoming/*.part", "incoming/*.filepart", "incoming/*.tmp", "outbox/*"}


def test_plan_removes_snapshots_and_nothing_else_and_nobody_else_touches_them(templates):
    touching = {
        (role, action)
        for role in ALLOWED
        for s in templates.role_statements(f"firstcard-{role}")
        for action in listed(s["Action"])
        for resource in listed(s["Resource"])
        if "/snapshots/" in resource or (action == "s3:DeleteObject" and "firstcard-vault-" in resource)
    }
    assert touching == {("plan", f"s3:{action}") for action in ("GetObject", "PutObject", "DeleteObject")}
    (removing,) = [s for s in templates.role_statements("firstcard-plan") if "s3:DeleteObject" in listed(s["Action"])]
    assert [resource.rpartition("us-east-1/")[2] for resource in listed(removing["Resource"])] == ["snapshots/*"]


def test_only_plan_says_which_snapshot_counts(templates):
    writers = {
        role
        for role in ALLOWED
        for s in templates.role_statements(f"firstcard-{role}")
        if {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(listed(s["Action"]))
        and "snapshot#*" in listed(s.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", []))
    }
    assert writers == {"plan"}
