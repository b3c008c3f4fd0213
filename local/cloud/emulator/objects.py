"""S3 events and encryption headers."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import contextvars
import json
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, s3

_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("firstcard_object_version", default=None)


def version_in_object_created() -> None:
    """On a versioned bucket AWS names the version in `detail.object.version-id`; the emulator's event leaves it out."""
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_with_version(*args: Any, **options: Any) -> Any:
        token = _version.set(options.get("version_id"))
        try:
            return fire(*args, **options)
        finally:
            _version.reset(token)

    def dispatch_with_version(event: dict[str, Any], *args: Any, **options: Any) -> Any:
        version = _version.get()
        if version and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"].setdefault("version-id", version)
            event = {**event, "Detail": json.dumps(detail)}
        token = _version.set(None)
        try:
            return dispatch(event, *args, **options)
        finally:
            _version.reset(token)

    s3._fire_s3_event = fire_with_version
    eventbridge._dispatch_event = dispatch_with_version


def kms_without_a_key_id() -> None:
    """A write may ask for `aws:kms` and name no key: AWS takes the bucket's, else the account's `aws/s3` key; the emulator refuses it."""
    resolve = s3._resolve_sse_write_headers
    algorithm, key_header = "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"

    def with_a_key(headers: dict[str, str], bucket: str) -> Any:
        if headers.get(algorithm) == "aws:kms" and not headers.get(key_header):
            own = s3._bucket_default_sse_headers(bucket).get(key_header)
            headers = {**headers, key_header: own or f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/s3"}
        return resolve(headers, bucket)

    s3._resolve_sse_write_headers = with_a_key


def key_id_in_policies() -> None:
    """Bucket policies can test the key a write asks for (`s3:x-amz-server-side-encryption-aws-kms-key-id`); the emulator does not offer it."""
    context = iam_actions.s3_service_context
    header = "x-amz-server-side-encryption-aws-kms-key-id"

    def with_key_id(iam_action: str, query: Any, path: str = "", headers: Any = None) -> Any:
        offered = dict(context(iam_action, query, path, headers) or {})
        if iam_action == "s3:PutObject" and (headers or {}).get(header):
            offered[f"s3:{header}"] = headers[header]
        return offered

    iam_actions.s3_service_context = with_key_id


def install() -> None:
    """Put this file's patches in place."""
    version_in_object_created()
    kms_without_a_key_id()
    key_id_in_policies()
