"""Acting under a role on behalf of an AWS service, decided by the emulator's own policy evaluator."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import hashlib
import json
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, sts


def assume(role_arn: str, session: str, service: str, source_arn: str) -> str | None:
    """The access key of a session in which `service` acts under a role, or None where the role does not trust that service."""
    account, name = get_account_id(), role_arn.rpartition("/")[2]
    role = iam._roles.get_scoped(account, None, name)
    if role is None:
        return None
    request = iam_evaluator.EvalContext(
        principal_arn="",
        principal_type="AWSService",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn="*",
        region=get_region(),
        secure_transport=True,
        service_context={"aws:sourceaccount": account, "aws:sourcearn": source_arn},
    )
    trust = _with_resource(role.get("AssumeRolePolicyDocument") or {})
    if iam_evaluator.evaluate_resource_policy(trust, request, service=service).decision != "Allow":
        return None
    digest = hashlib.sha256(f"{role_arn}|{session}|{service}".encode()).hexdigest()
    access_key = f"ASIA{digest[:16].upper()}"
    sts.register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
            "UserId": f"{name}:{session}",
            "SecretAccessKey": digest,
            "SessionToken": digest[::-1],
        },
    )
    return access_key


def _with_resource(trust: Any) -> Any:
    """A trust policy as a resource policy: its statements name no resource, the evaluator wants one."""
    document = json.loads(trust) if isinstance(trust, str) else trust
    statements = document.get("Statement", [])
    listed = [statements] if isinstance(statements, dict) else statements
    return {"Statement": [{**statement, "Resource": "*"} for statement in listed]}


def forget(access_key: str) -> None:
    """End a session."""
    sts._sessions.pop(access_key, None)


def refusal(access_key: str, action: str, service: str, resource: str, context: dict[str, Any] | None = None) -> Any:
    """What the evaluator has against the session doing `action` on `resource`: None where nothing. AWS services call each other over TLS."""
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    return iam_evaluator.enforce(access_key, action, service, get_region(), resource_arn=resource, service_context=context or {})
