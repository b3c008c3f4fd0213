"""What the roles are granted against what they used."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.machine import Machine
from tests.flow.product.conftest import FirstNight

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]

QUEUE = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage")
FUNCTIONS = (
    "admit",
    "plan",
    "hold",
    "begin",
    "issue",
    "finish",
    "publish",
    "sync",
    "notify",
    "refuse",
    "window",
    "rehearse",
    "explain",
    "settle",
    "honour",
    "gather",
    "reveal",
    "reset",
    "attest",
    "bounce",
    "consent",
    "print",
    "tally",
    "preview",
    "destroy",
)
SEEN_BY_NOBODY = "what the one-machine cloud does with its own permission and AWS does with the function's"


def _of(role: str, reason: str, *actions: str) -> dict[tuple[str, str], str]:
    return {(f"firstcard-{role}", action): reason for action in actions}


MAY_STAY_UNUSED: dict[tuple[str, str], str] = {
    key: reason
    for granted in (
        *(_of(function, SEEN_BY_NOBODY, "logs:CreateLogStream", "logs:PutLogEvents") for function in FUNCTIONS),
        *(_of(function, SEEN_BY_NOBODY, *QUEUE) for function in ("admit", "rehearse", "sync", "notify", "bounce")),
        _of("publish", SEEN_BY_NOBODY, "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
        _of("publish", "a change that could not be told goes to the dead letters", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"),
        _of("roster-run", "Step Functions sets its own log up", "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups"),
        _of("roster-run", "Step Functions sets its own log up", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries"),
        _of("roster-run", "Step Functions sets its own log up", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"),
        _of("roster-run", "a Distributed Map watches and stops its children", "states:DescribeExecution", "states:StopExecution"),
        *(
            _of(role, "who may list is told 404, and not 403, of an object that is not there", "s3:ListBucket")
            for role in ("plan", "hold", "finish", "notify", "operator")
        ),
        _of("admit", "a run that stopped half-way is started again by the sweep", "dynamodb:UpdateItem", "states:DescribeExecution"),
        _of("admit", "on a school day, a roster that did not come is looked for and told of", "dynamodb:Query", "events:PutEvents"),
        _of("admit", "S3 takes either right for a listing of versions", "s3:ListBucket"),
        _of("plan", "the roster that is kept where files of changes are agreed", "s3:DeleteObject"),
        _of("plan", "where the agreement lets students be compared", "dynamodb:BatchGetItem"),
        _of("settle", "when a person asks", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
        _of("settle", "when a person asks", "s3:GetObject", "s3:ListBucket"),
        _of("print", "when a person asks", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"),
        _of("print", "when a person asks", "s3:GetObject", "s3:ListBucket", "secretsmanager:GetSecretValue"),
        _of("handout", "a person, when needed", "lambda:InvokeFunction"),
        _of("librarian", "a person, when needed", "lambda:InvokeFunction"),
        _of("plan", "a newer file wakes the run that it supersedes", "states:SendTaskSuccess"),
        _of("hold", "a decision that came before the waiting began", "states:SendTaskSuccess"),
        _of("operator", "a person, when needed", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query", "lambda:InvokeFunction"),
        _of("explain", "when a person asks", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"),
        _of("explain", "when a person asks", "s3:GetObject", "s3:ListBucket", "secretsmanager:GetSecretValue"),
        _of("window", "an announcement that never arrived is taken out of those that run", "dynamodb:UpdateItem"),
        _of("consent", "where a yes is needed", "dynamodb:BatchGetItem", "dynamodb:PutItem", "secretsmanager:GetSecretValue"),
        _of("honour", "when a person asks for the noes", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem"),
        _of("issue", "a no that was taken back", "dynamodb:UpdateItem"),
        _of("attest", "when letters went home", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem"),
        _of("attest", "when letters went home", "dynamodb:Query", "dynamodb:UpdateItem", "s3:GetObject", "s3:ListBucket", "secretsmanager:GetSecretValue"),
        _of("bounce", "when an e-mail comes back, which here none does", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"),
        _of("officer", "a person, when needed", "dynamodb:Query", "s3:GetObject", "s3:ListBucket"),
        _of("officer", "for a review", "cloudtrail:GetEventSelectors", "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus", "cloudtrail:ListPublicKeys"),
        _of("tally", "when a person asks", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "s3:GetObject", "s3:ListBucket"),
        _of("preview", "when a person asks", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "s3:DeleteObjectVersion"),
        _of("preview", "when a person asks", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions", "secretsmanager:GetSecretValue"),
        _of("tally", "once a month", "s3:PutObject"),
        _of("destroy", "when somebody left long ago", "dynamodb:PutItem", "dynamodb:UpdateItem", "events:PutEvents"),
        _of("destroy", "once a day", "dynamodb:BatchGetItem", "dynamodb:GetItem", "s3:GetObject", "s3:ListBucket"),
        _of("destroy", "after a term", "s3:DeleteObjectVersion", "s3:ListBucketVersions", "s3:PutObject"),
        *(
            _of(f"upload-{district}", "the district's own choice of way in", "s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject")
            for district in ("duval", "cms")
        ),
        *(_of(f"sftp-{district}", "a district that looks into its outbox", "s3:GetObject", "s3:ListBucket") for district in ("duval", "cms")),
        *(
            _of(f"library-{library}", "the library's own way of taking its events", *QUEUE)
            for library in ("jaxpl", "cmlibrary")
        ),
    )
    for key, reason in granted.items()
}  # fmt: skip
"""Grants that a night of this suite may leave unused, each with its reason."""


def _statements(machine: Machine) -> Iterator[tuple[str, str]]:
    """(role, action) of every Allow in the policies of the synthesised templates."""
    for path in sorted((machine.state / "cdk.out").glob("FirstCard*.template.json")):
        resources: dict[str, Any] = json.loads(path.read_text())["Resources"]
        for policy in (thing["Properties"] for thing in resources.values() if thing["Type"] == "AWS::IAM::Policy"):
            roles = [resources[role["Ref"]]["Properties"]["RoleName"] for role in policy["Roles"]]
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                yield from ((role, action) for role in roles for action in actions)


def test_nothing_was_refused_on_the_whole_way(first_night: FirstNight) -> None:
    refused = [(a["role"], a["action"], a["resource"]) for a in first_night.calls["actions"] if a["refused"]]
    assert refused == []


def test_no_grant_is_wider_than_an_action(machine: Machine) -> None:
    assert not {action for _, action in _statements(machine) if "*" in action}


@pytest.mark.usefixtures("refused_files", "trials", "key_change", "answers", "swept", "patron_week", "pin_story")
def test_every_grant_is_used_or_has_its_reason(machine: Machine) -> None:
    used = {(a["role"], a["action"]) for a in machine.cloud.calls()["actions"] if not a["refused"]}
    assert set(_statements(machine)) - used - MAY_STAY_UNUSED.keys() == set()


def test_no_reason_is_kept_for_a_grant_that_is_gone(machine: Machine) -> None:
    assert MAY_STAY_UNUSED.keys() - set(_statements(machine)) == set()
