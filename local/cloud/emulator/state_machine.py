"""State machines act under their own role."""

from __future__ import annotations

import contextvars
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions

from local.cloud.emulator import roles, trail
from local.cloud.emulator.calls import Call, counts, watching

_machine: contextvars.ContextVar[str] = contextvars.ContextVar("firstcard_state_machine", default="")


def tasks_run_under_the_role() -> None:
    """AWS invokes a task's function with the state machine's role and fails the task where the role may not; the emulator asks nobody."""
    execute, call_lambda = stepfunctions._execute_task, stepfunctions._call_lambda

    def execute_as_machine(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
        token = _machine.set(str((context.get("StateMachine") or {}).get("Id") or ""))
        try:
            return execute(state, raw_input, execution, context)
        finally:
            _machine.reset(token)

    def call_if_allowed(function: str, event: Any) -> Any:
        machine = stepfunctions._state_machines.get(_machine.get())
        if machine:
            _ask(machine, function)
        return call_lambda(function, event)

    stepfunctions._execute_task = execute_as_machine
    stepfunctions._call_lambda = call_if_allowed


def _ask(machine: dict[str, Any], function: str) -> None:
    arn = function if function.startswith("arn:") else f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{function}"
    call = Call(source="states.amazonaws.com", agent="states.amazonaws.com", invoked_by="states.amazonaws.com", service="lambda", region=get_region())
    with watching(call):
        name = str(machine.get("name", ""))
        key = roles.assume(str(machine.get("roleArn", "")), name[:64], "states.amazonaws.com", str(machine.get("stateMachineArn", "")))
        refused = key is None or roles.refusal(key, "lambda:InvokeFunction", "lambda", arn) is not None
    trail.note(call, "lambda", "Invoke", {"functionName": arn})
    if refused:
        cause = f"{machine.get('roleArn')} is not authorized to perform: lambda:InvokeFunction on resource: {arn}"
        raise stepfunctions._ExecutionError("Lambda.AWSLambdaException", cause)


def count_transitions() -> None:
    """Step Functions bills by state transition, and the emulator counts none: one is counted for each state entered."""
    add_event = stepfunctions._add_event

    def add_and_count(execution: Any, event_type: str, details: Any = None) -> Any:
        if event_type.endswith("StateEntered"):
            counts.add_transition(str(execution.get("stateMachineArn", "")).rpartition(":")[2])
        return add_event(execution, event_type, details)

    stepfunctions._add_event = add_and_count


def install() -> None:
    """Put this file's patches in place."""
    tasks_run_under_the_role()
    count_transitions()
