"""Who the caller is, in the words of AWS's policies."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import contextvars
import dataclasses
import json
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_evaluator
from ministack.core.router import extract_access_key_id
from ministack.services import iam, sts

_source_identity: contextvars.ContextVar[str] = contextvars.ContextVar("firstcard_source_identity", default="")


def role_arn_of(session_arn: str, account: str) -> str:
    """The ARN of the role, with its path, behind the ARN of one of its sessions; any other ARN unchanged."""
    if ":assumed-role/" not in session_arn:
        return session_arn
    name = session_arn.split(":assumed-role/", 1)[1].partition("/")[0]
    role = iam._roles.get_scoped(account, None, name) or {}
    return str(role.get("Arn") or f"arn:aws:iam::{account}:role/{name}")


def principal_arn_is_the_role() -> None:
    """`aws:PrincipalArn` of a role's session is the role's ARN on AWS; the emulator gives the session's."""
    resolve = iam_evaluator._resolve_condition_key

    def resolve_as_aws(key: str, request: Any) -> Any:
        if key.lower() == "aws:principalarn":
            return role_arn_of(request.principal_arn, request.principal_account)
        return resolve(key, request)

    iam_evaluator._resolve_condition_key = resolve_as_aws


def _asked_identity(headers: dict[str, str], body: bytes, query: dict[str, Any]) -> str:
    caller = extract_access_key_id(headers, query)
    handed_on = str((sts._sessions.get(caller) or {}).get("SourceIdentity") or "")
    asked: Any = ""
    if body[:1] == b"{":
        asked = json.loads(body).get("SourceIdentity")
    elif body:
        asked = parse_qs(body.decode("utf-8", "replace")).get("SourceIdentity", [""])[0]
    return str(asked or handed_on)


def sessions_keep_their_source_identity() -> None:
    """AssumeRole may say who is behind a session (`aws:SourceIdentity`); the emulator forgets it.

    As on AWS the trust policy must allow `sts:SetSourceIdentity`, and a session made from another one inherits it.
    """
    handle, register = sts.handle_request, sts.register_session
    keys, trusts = iam_evaluator._principal_keys, iam_evaluator.evaluate_trust_policy

    async def handle_with_identity(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        token = _source_identity.set(_asked_identity(headers, body, query))
        try:
            return await handle(method, path, headers, body, query)
        finally:
            _source_identity.reset(token)

    def register_with_identity(access_key: str, session: dict[str, Any]) -> None:
        if identity := _source_identity.get():
            session["SourceIdentity"] = identity
        register(access_key, session)

    def keys_with_identity(credential: Any) -> dict[str, Any]:
        known: dict[str, Any] = keys(credential)
        if identity := (sts._sessions.get(credential.access_key_id) or {}).get("SourceIdentity"):
            known["aws:sourceidentity"] = identity
        return known

    def trusts_the_identity(trust: Any, caller: str, request: Any = None) -> bool:
        if not trusts(trust, caller, request):
            return False
        identity = _source_identity.get()
        if request is None or not identity or request.action != "sts:AssumeRole":
            return True
        context = {**request.service_context, "sts:sourceidentity": identity}
        return bool(trusts(trust, caller, dataclasses.replace(request, action="sts:SetSourceIdentity", service_context=context)))

    sts.handle_request, sts.register_session = handle_with_identity, register_with_identity
    iam_evaluator._principal_keys, sts._principal_keys = keys_with_identity, keys_with_identity
    iam_evaluator.evaluate_trust_policy = trusts_the_identity


def install() -> None:
    """Put this file's patches in place."""
    principal_arn_is_the_role()
    sessions_keep_their_source_identity()
