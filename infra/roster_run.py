"""The state machine of one roster, from a dropped file to its receipt (docs/architecture.md)."""

import json
from typing import Any

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import names
from infra.permission import call_functions, on_bucket

STEPS = ("plan", "hold", "begin", "issue", "finish")
APPROVAL_DAYS = 14
WAIT_SECONDS = 15
CHUNKS_AT_ONCE = 4


class RosterRun(Construct):
    """Plan, hold, begin, issue, finish: each a function that may be called again with the same effect."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(self, "Role", role_name=names.ROSTER_RUN, assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        role.add_to_policy(call_functions(*STEPS))
        role.add_to_policy(on_bucket("ListBucket", bucket=names.vault_bucket()))
        role.add_to_policy(iam.PolicyStatement(actions=["states:StartExecution"], resources=[names.roster_run_arn()]))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["states:DescribeExecution", "states:StopExecution"],
                resources=[names.regional_arn("states", f"execution:{names.ROSTER_RUN}/*")],
            )
        )
        log = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/vendedlogs/states/{names.ROSTER_RUN}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=names.ROSTER_RUN,
            role=role,
            # Not the CDK's own JSON, which leaves out null: a null ResultPath is how a result is thrown away.
            definition_body=sfn.DefinitionBody.from_string(json.dumps(definition())),
            # A file's name is the district's own and might say anything: executions are logged without their data.
            logs=sfn.LogOptions(destination=log, level=sfn.LogLevel.ALL, include_execution_data=False),
        )
        cloudwatch.CfnAlarm(
            self,
            "Failed",
            alarm_name=f"{names.ROSTER_RUN}-failed",
            alarm_description="A roster's run failed: look at its execution, then let the sweep try again",
            namespace="AWS/States",
            metric_name="ExecutionsFailed",
            dimensions=[{"name": "StateMachineArn", "value": names.roster_run_arn()}],
            statistic="Sum",
            period=300,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[names.alarm_topic_arn()],
        )


TIMED = {"at.$": "$$.State.EnteredTime", "input.$": "$"}
"""A step's input with its own time: a function's now is the time of what woke it."""


def definition() -> dict[str, Any]:
    """The machine in Amazon States Language."""
    return {
        "Comment": "One roster: plan, hold, begin, issue, finish",
        "StartAt": "Rest",
        "States": {
            "Rest": {"Type": "Wait", "TimestampPath": "$.ready_at", "Next": "Plan"},
            "Plan": _step("plan", seconds=930, result="$.plan", then="Planned"),
            "Planned": _by_outcome("$.plan.outcome", {"busy": "WaitToPlan", "held": "Hold", "ready": "Begin"}),
            "WaitToPlan": {"Type": "Wait", "Seconds": WAIT_SECONDS, "Next": "Plan"},
            "Hold": {
                "Type": "Task",
                "Resource": f"arn:{Aws.PARTITION}:states:::lambda:invoke.waitForTaskToken",
                "Parameters": {
                    "FunctionName": names.function_arn("hold"),
                    "Payload": {"token.$": "$$.Task.Token", "at.$": "$$.State.EnteredTime", "input.$": "$"},
                },
                "TimeoutSeconds": APPROVAL_DAYS * 24 * 3600,
                "ResultPath": "$.hold",
                "Retry": [_service_trouble(), {**_function_trouble(), "ErrorEquals": ["States.TaskFailed"]}],
                "Catch": [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.timeout", "Next": "NobodyDecided"}, *_otherwise_finish()],
                "Next": "Decided",
            },
            "NobodyDecided": {"Type": "Pass", "Result": {"decision": "expired"}, "ResultPath": "$.hold", "Next": "Finish"},
            "Decided": _by_outcome("$.hold.decision", {"approved": "Begin"}),
            "Begin": {**_step("begin", seconds=90, result="$.begin", then="Begun"), "Parameters": TIMED},
            "Begun": _by_outcome("$.begin.outcome", {"go": "Issue", "stale": "Plan", "busy": "WaitToBegin"}),
            "WaitToBegin": {"Type": "Wait", "Seconds": WAIT_SECONDS, "Next": "Begin"},
            "Issue": {
                "Type": "Map",
                "Label": "Issue",
                "ItemReader": {
                    "Resource": f"arn:{Aws.PARTITION}:states:::s3:listObjectsV2",
                    "Parameters": {"Bucket": names.vault_bucket(), "Prefix.$": "$.begin.chunks_prefix"},
                },
                "ItemSelector": {
                    "chunk.$": "$$.Map.Item.Value.Key",
                    "run_id.$": "$.run_id",
                    "fence.$": "$.begin.fence",
                },
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "IssueChunk",
                    "States": {
                        "IssueChunk": {
                            "Type": "Task",
                            "Resource": names.function_arn("issue"),
                            "Parameters": {
                                "at.$": "$$.State.EnteredTime",
                                "chunk.$": "$.chunk",
                                "run_id.$": "$.run_id",
                                "fence.$": "$.fence",
                            },
                            "TimeoutSeconds": 150,
                            # Nothing is handed back: all chunks' results together must stay under 256 KB.
                            "OutputPath": None,
                            "Retry": [{"ErrorEquals": ["StoppedError"], "MaxAttempts": 0}, _service_trouble(), _function_trouble()],
                            "End": True,
                        }
                    },
                },
                "MaxConcurrency": CHUNKS_AT_ONCE,
                "ResultPath": None,
                "Catch": _otherwise_finish(),
                "Next": "Finish",
            },
            "Finish": {
                **_step("finish", seconds=150, result=None, then="Finished"),
                "Parameters": TIMED,
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
            },
            "Finished": {"Type": "Choice", "Choices": [{"Variable": "$.error", "IsPresent": True, "Next": "Failed"}], "Default": "Done"},
            "Failed": {"Type": "Fail", "Error": "RunFailed", "Cause": "See the function that failed; the receipt says what was done"},
            "Done": {"Type": "Succeed"},
        },
    }


def _step(verb: str, *, seconds: int, result: str | None, then: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": names.function_arn(verb),
        "TimeoutSeconds": seconds,
        "ResultPath": result,
        "Retry": [_service_trouble(), _function_trouble()],
        "Catch": _otherwise_finish(),
        "Next": then,
    }


def _by_outcome(variable: str, ways: dict[str, str]) -> dict[str, Any]:
    """A Choice; an outcome that is not listed has nothing left to do and goes to Finish."""
    return {
        "Type": "Choice",
        "Choices": [{"Variable": variable, "StringEquals": outcome, "Next": state} for outcome, state in ways.items()],
        "Default": "Finish",
    }


def _service_trouble() -> dict[str, Any]:
    return {
        "ErrorEquals": [
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException",
        ],
        "IntervalSeconds": 1,
        "BackoffRate": 2,
        "MaxAttempts": 8,
        "MaxDelaySeconds": 60,
        "JitterStrategy": "FULL",
    }


def _function_trouble() -> dict[str, Any]:
    """A throttled table or key, or a function that was killed: every step may be repeated."""
    return {
        "ErrorEquals": ["States.TaskFailed", "States.Timeout"],
        "IntervalSeconds": 2,
        "BackoffRate": 3,
        "MaxAttempts": 3,
        "MaxDelaySeconds": 60,
        "JitterStrategy": "FULL",
    }


def _otherwise_finish() -> list[dict[str, Any]]:
    return [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Finish"}]
