"""Who called what, and what was decided: the one place that watches the emulator's policy evaluator."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import contextvars
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ministack.core import iam_evaluator


@dataclass(frozen=True)
class Check:
    """One decision of the evaluator: an IAM action on a resource; `refusal` is None where it was allowed."""

    action: str
    resource: str
    refusal: Any


@dataclass
class Call:
    """One API call on its way through the emulator, filled while it is served."""

    source: str = "127.0.0.1"
    agent: str = ""
    invoked_by: str = ""
    service: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    principal: Any = None
    checks: list[Check] = field(default_factory=list)

    @property
    def refusal(self) -> Any:
        """The first refusal among the checks, or None."""
        return next((check.refusal for check in self.checks if check.refusal is not None), None)

    @property
    def role(self) -> str:
        """The role's name, `root`, a service principal, or empty for a caller that could not be told."""
        arn = getattr(self.principal, "arn", "")
        if ":assumed-role/" in arn:
            return str(arn.split(":assumed-role/", 1)[1].split("/", 1)[0])
        if arn.endswith(":root"):
            return "root"
        return str(arn.rpartition("/")[2] or self.invoked_by)


_current: contextvars.ContextVar[Call | None] = contextvars.ContextVar("firstcard_call", default=None)


def current() -> Call | None:
    """The call being served in this context."""
    return _current.get()


@contextmanager
def watching(call: Call) -> Iterator[Call]:
    """Attribute the decisions taken inside the block to `call`."""
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)


class Counts:
    """Calls per service, operation and role, and IAM actions per role, since the start or the last reset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget everything counted so far."""
        with self._lock:
            self._operations: Counter[tuple[str, str, str, bool]] = Counter()
            self._items: Counter[tuple[str, str, str, bool]] = Counter()
            self._actions: Counter[tuple[str, str, str, bool]] = Counter()
            self._functions: dict[str, list[int]] = {}
            self._transitions: Counter[str] = Counter()

    def add(self, service: str, operation: str, call: Call, items: int = 1) -> None:
        """Count one call and the decisions that were taken for it; `items` is the number of items it names."""
        with self._lock:
            key = (service, operation, call.role, call.refusal is not None)
            self._operations[key] += 1
            self._items[key] += items
            for check in call.checks:
                self._actions[(check.action, check.resource, call.role, check.refusal is not None)] += 1

    def add_invocation(self, function: str, milliseconds: int, memory: int) -> None:
        """Count one run of a function, whoever started it."""
        with self._lock:
            entry = self._functions.setdefault(function, [0, 0, memory])
            entry[0] += 1
            entry[1] += milliseconds
            entry[2] = memory

    def add_transition(self, state_machine: str) -> None:
        """Count one state entered."""
        with self._lock:
            self._transitions[state_machine] += 1

    def report(self) -> dict[str, Any]:
        """The counts as plain data, sorted."""
        with self._lock:
            return {
                "operations": [
                    {"service": s, "operation": o, "role": r, "refused": refused, "count": n, "items": self._items[(s, o, r, refused)]}
                    for (s, o, r, refused), n in sorted(self._operations.items())
                ],
                "actions": [
                    {"action": a, "resource": res, "role": r, "refused": refused, "count": n}
                    for (a, res, r, refused), n in sorted(self._actions.items())
                ],
                "functions": {
                    name: {"count": count, "milliseconds": milliseconds, "memory": memory}
                    for name, (count, milliseconds, memory) in sorted(self._functions.items())
                },
                "transitions": dict(sorted(self._transitions.items())),
            }


counts = Counts()


def watch_decisions() -> None:
    """The emulator decides and forgets; the trail and the least-privilege tests need each decision with its principal."""
    enforce, resolve_principal = iam_evaluator.enforce, iam_evaluator.resolve_principal

    def resolve_and_note(*args: Any, **options: Any) -> Any:
        principal = resolve_principal(*args, **options)
        if (call := current()) is not None and hasattr(principal, "arn"):
            call.principal = principal
        return principal

    def enforce_and_note(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        refusal = enforce(access_key_id, iam_action, service, region, resource_arn=resource_arn, service_context=service_context)
        if (call := current()) is not None:
            call.service = call.service or service
            call.region = region
            call.access_key = access_key_id
            call.checks.append(Check(iam_action, resource_arn, refusal))
        return refusal

    iam_evaluator.resolve_principal = resolve_and_note
    iam_evaluator.enforce = enforce_and_note


def install() -> None:
    """Put this file's patches in place."""
    watch_decisions()
