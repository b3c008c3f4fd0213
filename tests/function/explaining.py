"""Asking why, as the command does: the call of the function goes to its handler, for moto runs no functions."""

import io
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.client import BaseClient

from functions.explain import handler as explain
from tests.function.builders import EVENING
from tests.function.calling import a_context


def asked(student: str | int = 1, *, district: str = "pine", at: str = EVENING.isoformat()) -> dict[str, Any]:
    """The answer about a student of ``a_student_row`` by its number, or about a whole id."""
    local_id = f"{100000 + student}" if isinstance(student, int) else student
    said: dict[str, Any] = explain.handler({"district": district, "student": local_id, "at": at}, a_context())
    return json.loads(json.dumps(said))["answer"] if "answer" in said else said  # type: ignore[no-any-return]


def calls_go_to_the_handler(monkeypatch: pytest.MonkeyPatch, function: ModuleType = explain) -> list[dict[str, Any]]:
    """Lets ``Invoke`` of the function reach its handler; gives the calls."""
    calling: Callable[..., Any] = getattr(BaseClient, "_make_api_call")  # noqa: B009  botocore's stubs leave it out
    calls: list[dict[str, Any]] = []

    def called(self: BaseClient, operation_name: str, api_params: dict[str, Any]) -> Any:
        if operation_name != "Invoke":
            return calling(self, operation_name, api_params)
        calls.append(api_params)
        assert api_params["FunctionName"] == f"firstcard-{function.__name__.split('.')[1]}"
        said = function.handler(json.loads(api_params["Payload"]), a_context())
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(said).encode())}

    monkeypatch.setattr(BaseClient, "_make_api_call", called)
    return calls
