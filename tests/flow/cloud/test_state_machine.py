"""State machines under their role, each compared with the emulator as it comes."""

import pytest

from local.cloud.server import Cloud
from tests.flow.cloud.building import a_bucket, a_function, a_machine, a_role, allow, function_arn, run

pytestmark = pytest.mark.flow

GREETS = "def handle(event, context):\n    return 'hello'\n"
FAILS = "class RosterTooShort(Exception): pass\ndef handle(event, context):\n    raise RosterTooShort('three rows')\n"
STATES = "states.amazonaws.com"


def task(function: str, **more: object) -> dict[str, object]:
    return {"Type": "Task", "Resource": function_arn(function), "End": True, **more}


def role_is_asked(cloud: Cloud) -> bool:
    function = a_function(cloud, GREETS)
    allowed, other = a_role(cloud, allow("lambda:InvokeFunction", function_arn(function)), service=STATES), a_role(cloud, service=STATES)
    statuses = [run(cloud, a_machine(cloud, {"Greet": task(function)}, role=role))["status"] for role in (allowed, other)]
    return statuses == ["SUCCEEDED", "FAILED"]


def test_machine_needs_leave_to_invoke(cloud: Cloud, unmended: Cloud) -> None:
    assert role_is_asked(cloud)
    assert not role_is_asked(unmended)


def test_refused_task_can_be_caught(cloud: Cloud) -> None:
    function = a_function(cloud, GREETS)
    states = {
        "Greet": task(function, Catch=[{"ErrorEquals": ["Lambda.AWSLambdaException"], "Next": "Caught"}]),
        "Caught": {"Type": "Pass", "Result": "caught", "End": True},
    }
    assert run(cloud, a_machine(cloud, states, role=a_role(cloud, service=STATES)))["output"] == '"caught"'


def caught_by_class(cloud: Cloud) -> bool:
    function = a_function(cloud, FAILS)
    states = {
        "Read": task(function, Catch=[{"ErrorEquals": ["RosterTooShort"], "Next": "Caught"}]),
        "Caught": {"Type": "Pass", "Result": "caught", "End": True},
    }
    role = a_role(cloud, allow("lambda:InvokeFunction"), service=STATES)
    return run(cloud, a_machine(cloud, states, role=role)).get("output") == '"caught"'


def test_catch_matches_the_exceptions_class(cloud: Cloud, unmended: Cloud) -> None:
    assert caught_by_class(cloud)
    assert not caught_by_class(unmended)


def waiting_error(cloud: Cloud) -> str:
    states = {
        "Hold": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": a_function(cloud, FAILS), "Payload": {"token.$": "$$.Task.Token"}},
            "TimeoutSeconds": 3,
            "End": True,
        }
    }
    role = a_role(cloud, allow("lambda:InvokeFunction"), service=STATES)
    return str(run(cloud, a_machine(cloud, states, role=role)).get("error"))


def test_waiting_task_fails_with_its_function(cloud: Cloud, unmended: Cloud) -> None:
    assert waiting_error(cloud) == "RosterTooShort"
    assert waiting_error(unmended) == "States.Timeout"


def chunks_machine(cloud: Cloud, bucket: str, *, may_list: bool, may_start: bool) -> str:
    function = a_function(cloud, GREETS)
    allowed = [allow("lambda:InvokeFunction")]
    if may_list:
        allowed.append(allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", StringLike={"s3:prefix": "runs/*"}))
    if may_start:
        allowed.append(allow("states:StartExecution"))
    states = {
        "Issue": {
            "Type": "Map",
            "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": bucket, "Prefix": "runs/1/"}},
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Chunk",
                "States": {"Chunk": task(function)},
            },
            "End": True,
        }
    }
    return a_machine(cloud, states, role=a_role(cloud, *allowed, service=STATES))


def map_statuses(cloud: Cloud) -> list[str]:
    bucket = a_bucket(cloud)
    cloud.session().client("s3").put_object(Bucket=bucket, Key="runs/1/a", Body=b"x")
    choices = ((True, True), (False, True), (True, False))
    return [run(cloud, chunks_machine(cloud, bucket, may_list=may_list, may_start=may_start))["status"] for may_list, may_start in choices]


def test_map_needs_leave_to_list_and_to_start_children(cloud: Cloud, unmended: Cloud) -> None:
    assert map_statuses(cloud) == ["SUCCEEDED", "FAILED", "FAILED"]
    assert map_statuses(unmended) == ["SUCCEEDED"] * 3


def test_transitions_are_counted(cloud: Cloud) -> None:
    states = {"One": {"Type": "Pass", "Next": "Two"}, "Two": {"Type": "Succeed"}}
    machine = a_machine(cloud, states, role=a_role(cloud, service=STATES))
    run(cloud, machine)
    assert cloud.calls()["transitions"][machine.rpartition(":")[2]] == 2
