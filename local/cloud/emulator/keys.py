"""KMS as AWS has it: encryption contexts and aliases in policies, and keys that other services use for their caller."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import dynamodb, kms, s3, secretsmanager, sqs

_ALIAS_OPERATIONS = frozenset({"CreateAlias", "DeleteAlias", "UpdateAlias"})

TABLE_KEY_SECONDS = 300
"""How long DynamoDB keeps a caller's permission to use a table's key (DynamoDB developer guide, encryption at rest)."""


def _request(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def encryption_context_in_policies() -> None:
    """Policies can test `kms:EncryptionContext:<name>` and `kms:EncryptionContextKeys`; the emulator offers neither to the evaluator."""
    tag_context = iam_actions.request_tag_context

    def with_encryption_context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        offered = dict(tag_context(service, iam_action, body, params) or {})
        if service == "kms":
            request = _request(body)
            context = request.get("EncryptionContext") or {}
            offered.update({f"kms:EncryptionContext:{name}": value for name, value in context.items()})
            offered["kms:EncryptionContextKeys"] = sorted(context) or None
            offered["kms:CallerAccount"] = get_account_id()
            key_id = str(request.get("KeyId") or "")
            alias = key_id.rpartition(":")[2]
            if alias.startswith("alias/"):
                offered["kms:RequestAlias"] = alias
        return offered

    iam_actions.request_tag_context = with_encryption_context


def alias_means_its_key() -> None:
    """A request that names a key by its alias is decided on the key's own ARN; the emulator asked for permission on the alias's."""
    resource_arn = iam_actions.extract_resource_arn

    def of_the_key(service: str, method: str, path: str, headers: dict[str, str], *rest: Any) -> Any:
        arn = resource_arn(service, method, path, headers, *rest)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if service == "kms" and isinstance(arn, str) and ":alias/" in arn and operation not in _ALIAS_OPERATIONS:
            key = kms._resolve_key(arn)
            if key:
                return key["Arn"]
        return arn

    iam_actions.extract_resource_arn = of_the_key


@dataclass(frozen=True)
class HeldKey:
    """A key that a service uses on behalf of its caller: which, for what, and with which encryption context."""

    arn: str
    action: str
    service: str
    context: dict[str, str]
    state: str


def _object_key(action: str, arn: str, asked: dict[str, Any]) -> HeldKey | None:
    bucket, _, name = arn.removeprefix("arn:aws:s3:::").partition("/")
    if not name:
        return None
    default = s3._bucket_default_sse_headers(bucket)
    if action == "s3:PutObject":
        given = {key.lower(): value for key, value in asked.items()}
        key_id = given.get("s3:x-amz-server-side-encryption-aws-kms-key-id")
        if not key_id and default.get("x-amz-server-side-encryption") == "aws:kms":
            key_id = default.get("x-amz-server-side-encryption-aws-kms-key-id")
        needed = "kms:GenerateDataKey"
    else:
        stored = ((s3._buckets.get(bucket) or {}).get("objects") or {}).get(name) or {}
        key_id = (stored.get("preserved_headers") or {}).get("x-amz-server-side-encryption-aws-kms-key-id")
        needed = "kms:Decrypt"
    bucket_key = "<BucketKeyEnabled>true" in (s3._bucket_encryption.get(bucket) or "")
    return _held(key_id, needed, "s3", {"aws:s3:arn": f"arn:aws:s3:::{bucket}" if bucket_key else arn})


def _secret_key(action: str, arn: str) -> HeldKey | None:
    _, secret = secretsmanager._resolve(arn)
    needed = "kms:Decrypt" if action.endswith(":GetSecretValue") else "kms:GenerateDataKey"
    return _held((secret or {}).get("KmsKeyId"), needed, "secretsmanager", {"SecretARN": arn})


def _queue_key(action: str, arn: str) -> HeldKey | None:
    queue = next((found for found in sqs._queues.values() if found.get("attributes", {}).get("QueueArn") == arn), None)
    key_id = (queue or {}).get("attributes", {}).get("KmsMasterKeyId")
    needed = "kms:GenerateDataKey" if action.endswith(":SendMessage") else "kms:Decrypt"
    return _held(key_id, needed, "sqs", {"aws:sqs:arn": arn})


def _table_key(arn: str) -> HeldKey | None:
    name = arn.partition(":table/")[2].partition("/")[0]
    sse = (dynamodb._tables.get(name) or {}).get("SSEDescription") or {}
    context = {"aws:dynamodb:tableName": name, "aws:dynamodb:subscriberId": get_account_id()}
    return _held(sse.get("KMSMasterKeyArn"), "kms:Decrypt", "dynamodb", context)


def _held(key_id: Any, action: str, service: str, context: dict[str, str]) -> HeldKey | None:
    key = kms._resolve_key(str(key_id)) if key_id else None
    if not key or key.get("KeyManager") == "AWS":
        return None
    return HeldKey(key["Arn"], action, service, context, str(key.get("KeyState", "")))


_TABLE_ITEM_ACTIONS = frozenset(
    f"dynamodb:{name}"
    for name in (
        "GetItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "Query",
        "Scan",
        "BatchGetItem",
        "BatchWriteItem",
        "ConditionCheckItem",
    )
)


def held_key(action: str, arn: str, asked: dict[str, Any]) -> HeldKey | None:
    """The customer's key that `action` on `arn` makes a service use, or None."""
    if action in ("s3:PutObject", "s3:GetObject", "s3:GetObjectVersion"):
        return _object_key(action, arn, asked)
    if action in ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"):
        return _secret_key(action, arn)
    if action in ("sqs:SendMessage", "sqs:ReceiveMessage"):
        return _queue_key(action, arn)
    if action in _TABLE_ITEM_ACTIONS:
        return _table_key(arn)
    return None


def services_use_keys_for_their_caller() -> None:
    """S3, SQS, DynamoDB and Secrets Manager use a customer's key with their caller's permission; the emulator never asked the key."""
    enforce = iam_evaluator.enforce
    allowed_until: dict[tuple[str, str], float] = {}

    def and_the_key(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        refusal = enforce(access_key_id, iam_action, service, region, resource_arn=resource_arn, service_context=service_context)
        if refusal is not None or service == "kms":
            return refusal
        key = held_key(iam_action, resource_arn, service_context or {})
        if key is None:
            return None
        cached = (access_key_id, key.arn + resource_arn)
        if key.service == "dynamodb" and allowed_until.get(cached, 0.0) > time.monotonic():
            return None
        context: dict[str, Any] = {f"kms:EncryptionContext:{name}": value for name, value in key.context.items()}
        context["kms:EncryptionContextKeys"] = sorted(key.context)
        context["kms:ViaService"] = f"{key.service}.{region}.amazonaws.com"
        context["kms:CallerAccount"] = get_account_id()
        refusal = enforce(access_key_id, key.action, "kms", region, resource_arn=key.arn, service_context=context)
        if refusal is None and key.state != "Enabled":
            refusal = iam_evaluator.EvalResult("Deny", reason=f"{key.arn} is {key.state or 'unusable'}")
        if refusal is None and key.service == "dynamodb":
            allowed_until[cached] = time.monotonic() + TABLE_KEY_SECONDS
        return refusal

    iam_evaluator.enforce = and_the_key


def install() -> None:
    """Put this file's patches in place."""
    encryption_context_in_policies()
    alias_means_its_key()
    services_use_keys_for_their_caller()
