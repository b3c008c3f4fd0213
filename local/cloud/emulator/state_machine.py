"""State machines act under their own role."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import contextvars
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions

from local.cloud.emulator import roles, trail
from local.cloud.emulator.calls import Call, counts, watching

_machine: contextvars.ContextVar[str] = contextvars.ContextVar("firstcard_state_machine", default="")


def tasks_run_under_the_role() -> None:
    """AWS runs a task, reads a map's items and starts its children with the machine's role, and fails where the role may not.

    The emulator asks nobody.
    """
    execute, call_lambda = stepfunctions._execute_task, stepfunctions._call_lambda
    read_items, run_map = stepfunctions._read_map_items, stepfunctions._run_distributed_map

    def as_machine(context: Any) -> contextvars.Token[str]:
        return _machine.set(str((context.get("StateMachine") or {}).get("Id") or ""))

    def execute_as_machine(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
        if execution and execution.get("mapRunArn"):
            counts.add_transition(_name(str(execution.get("stateMachineArn", ""))))
        token = as_machine(context)
        try:
            return execute(state, raw_input, execution, context)
        finally:
            _machine.reset(token)

    def call_if_allowed(function: str, event: Any) -> Any:
        arn = function if function.startswith("arn:") else f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{function}"
        try:
            ask("lambda:InvokeFunction", "lambda", "Invoke", arn, {"functionName": arn}, error="Lambda.AWSLambdaException")
            return call_lambda(function, event)
        except stepfunctions._ExecutionError as failure:
            _tell_waiting(failure)
            raise

    def read_if_allowed(reader: Any, effective: Any, context: Any) -> Any:
        given = reader.get("Parameters") or reader.get("Arguments") or {}
        place = stepfunctions._resolve_params_obj(given, effective, context)
        bucket = f"arn:aws:s3:::{place.get('Bucket', '')}"
        if str(reader.get("Resource", "")).endswith("listObjectsV2"):
            listing = {"s3:prefix": place.get("Prefix", "")}
            ask("s3:ListBucket", "s3", "ListObjects", bucket, {"bucketName": place.get("Bucket")}, listing, "States.ItemReaderFailed")
        else:
            parameters = {"bucketName": place.get("Bucket"), "key": place.get("Key")}
            ask("s3:GetObject", "s3", "GetObject", f"{bucket}/{place.get('Key', '')}", parameters, error="States.ItemReaderFailed")
        return read_items(reader, effective, context)

    def map_if_allowed(state: Any, raw_input: Any, effective: Any, iterator: Any, execution: Any, context: Any) -> Any:
        token = as_machine(context)
        try:
            machine = _machine.get()
            ask("states:StartExecution", "states", "StartExecution", machine, {"stateMachineArn": machine}, error="States.Permissions")
            return run_map(state, raw_input, effective, iterator, execution, context)
        finally:
            _machine.reset(token)

    stepfunctions._execute_task, stepfunctions._call_lambda = execute_as_machine, call_if_allowed
    stepfunctions._read_map_items, stepfunctions._run_distributed_map = read_if_allowed, map_if_allowed


def _name(arn: str) -> str:
    return arn.split(":")[6].partition("/")[0] if arn.count(":") >= 6 else arn


def ask(
    action: str,
    service: str,
    operation: str,
    resource: str,
    parameters: dict[str, Any],
    context: dict[str, Any] | None = None,
    error: str = "States.TaskFailed",
) -> None:
    """Ask the role of the machine that runs in this context; fails the task with `error` where it may not. Written into the trail."""
    machine = stepfunctions._state_machines.get(_machine.get())
    if not machine:
        return
    states = "states.amazonaws.com"
    call = Call(source=states, agent=states, invoked_by=states, service=service, region=get_region())
    role = str(machine.get("roleArn", ""))
    with watching(call):
        key = roles.assume(role, str(machine.get("name", ""))[:64], states, str(machine.get("stateMachineArn", "")))
        refused = key is None or roles.refusal(key, action, service, resource, context) is not None
    trail.note(call, service, operation, parameters)
    if refused:
        raise stepfunctions._ExecutionError(error, f"{role} is not authorized to perform: {action} on resource: {resource}")


_waiting_token: contextvars.ContextVar[str] = contextvars.ContextVar("firstcard_waiting_token", default="")


def _tell_waiting(failure: Any) -> None:
    """Wake the task that waits for a token whose function just failed."""
    waiting = stepfunctions._task_tokens.get(_waiting_token.get())
    if waiting:
        waiting["error"] = {"Error": failure.error, "Cause": failure.cause}
        waiting["event"].set()


def failed_callbacks_fail_the_task() -> None:
    """Where the function of a `.waitForTaskToken` task fails, the task fails; the emulator goes on waiting until the time-out."""
    wait = stepfunctions._invoke_with_callback

    def wait_unless_failed(resource: Any, given: Any, token: str, state: Any) -> Any:
        mark = _waiting_token.set(token)
        try:
            return wait(resource, given, token, state)
        finally:
            _waiting_token.reset(mark)

    stepfunctions._invoke_with_callback = wait_unless_failed


def count_transitions() -> None:
    """Step Functions bills by state transition, and the emulator counts none: one is counted for each state entered."""
    add_event = stepfunctions._add_event

    def add_and_count(execution: Any, event_type: str, details: Any = None) -> Any:
        if event_type.endswith("StateEntered"):
            counts.add_transition(_name(str(execution.get("stateMachineArn", ""))))
        return add_event(execution, event_type, details)

    stepfunctions._add_event = add_and_count


def install() -> None:
    """Put this file's patches in place."""
    tasks_run_under_the_role()
    failed_callbacks_fail_the_task()
    count_transitions()
