"""The front door: watches each request on its way in, answers `/_firstcard/…`, and delivers the trail in time."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import ministack.app

from local.cloud.emulator import trail
from local.cloud.emulator.calls import Call, counts, watching

logger = logging.getLogger("front")

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

_S3_BUCKET_PARTS = {
    "acl": "BucketAcl",
    "cors": "BucketCors",
    "encryption": "BucketEncryption",
    "lifecycle": "BucketLifecycle",
    "logging": "BucketLogging",
    "notification": "BucketNotification",
    "object-lock": "ObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "publicAccessBlock": "PublicAccessBlock",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
_S3_OBJECT_PARTS = {
    "acl": "ObjectAcl",
    "attributes": "ObjectAttributes",
    "legal-hold": "ObjectLegalHold",
    "retention": "ObjectRetention",
    "tagging": "ObjectTagging",
}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete", "POST": "Put", "HEAD": "Head"}


def s3_operation(method: str, path: str, query: dict[str, Any], headers: dict[str, str]) -> str:
    """The name CloudTrail gives an S3 request."""
    bucket, _, key = path.lstrip("/").partition("/")
    if not bucket:
        return "ListBuckets"
    if not key:
        if method == "POST" and "delete" in query:
            return "DeleteObjects"
        for part, name in _S3_BUCKET_PARTS.items():
            if part in query:
                return _VERBS[method] + name
        if method == "GET":
            return "ListObjectVersions" if "versions" in query else "GetBucketLocation" if "location" in query else "ListObjects"
        return {"PUT": "CreateBucket", "DELETE": "DeleteBucket", "HEAD": "HeadBucket"}.get(method, "PostObject")
    if "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}.get(method, "ListParts")
    for part, name in _S3_OBJECT_PARTS.items():
        if part in query:
            return _VERBS[method] + name
    if method == "PUT" and "x-amz-copy-source" in headers:
        return "CopyObject"
    return f"{_VERBS.get(method, method.title())}Object"


def _parameters(
    call: Call, path: str, query: dict[str, Any], headers: dict[str, str], body: bytes
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What CloudTrail may write of the request, and the request itself where it is JSON or a form."""
    if call.service == "s3":
        bucket, _, key = path.lstrip("/").partition("/")
        shown: dict[str, Any] = {"bucketName": bucket, **({"key": key} if key else {})}
        for name in ("prefix", "versionId", "delimiter"):
            if name in query:
                shown[name] = query[name][0]
        return shown, {}
    request: Any = {}
    with contextlib.suppress(ValueError):
        if body[:1] == b"{":
            request = json.loads(body)
        elif "x-www-form-urlencoded" in headers.get("content-type", ""):
            request = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    if not isinstance(request, dict):
        return {}, {}
    return trail.shown_parameters(call.service, request), request


def _operation(call: Call, method: str, path: str, query: dict[str, Any], headers: dict[str, str], request: dict[str, Any]) -> str:
    if call.service == "s3":
        return s3_operation(method, path, query, headers)
    if target := headers.get("x-amz-target", ""):
        return target.rpartition(".")[2]
    if action := request.get("Action") or query.get("Action", [""])[0]:
        return str(action)
    name = call.checks[0].action.partition(":")[2]
    return "Invoke" if name == "InvokeFunction" else name


def _items(operation: str, request: dict[str, Any]) -> int:
    """How many items a request names: DynamoDB, SQS and SES bill and limit by item, not by request."""
    if isinstance(batches := request.get("RequestItems"), dict):
        return sum(len(entry.get("Keys", ())) if isinstance(entry, dict) else len(entry) for entry in batches.values())
    for name in ("TransactItems", "Entries", "BulkEmailEntries"):
        if isinstance(listed := request.get(name), list):
            return len(listed)
    return 1


def _note(call: Call, scope: dict[str, Any], body: bytes, status: int, answer: dict[str, str]) -> None:
    if not call.checks:
        return
    method, path = scope["method"], scope["path"]
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = parse_qs(scope.get("query_string", b"").decode(), keep_blank_values=True)
    call.agent = headers.get("user-agent", "")
    shown, request = _parameters(call, path, query, headers, body)
    operation = _operation(call, method, path, query, headers, request)
    failure = (answer.get("x-amzn-errortype", "").partition(":")[0] or str(status)) if status >= 400 else ""
    request_id = answer.get("x-amzn-requestid") or answer.get("x-amz-request-id", "")
    trail.note(call, call.service, operation, shown, failure=failure, items=_items(operation, request), request_id=request_id)


async def _answer(send: Send, status: int, value: Any) -> None:
    body = json.dumps(value, default=str).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def own_paths(scope: dict[str, Any], send: Send) -> None:
    """Answer `/_firstcard/…`: only on loopback, since it tells who did what."""
    if not ipaddress.ip_address((scope.get("client") or ("0.0.0.0",))[0]).is_loopback:  # noqa: S104  # an unknown client is a stranger
        await _answer(send, 403, {"message": "only on this machine"})
        return
    asked = (scope["method"], scope["path"])
    if asked == ("GET", "/_firstcard/calls"):
        await _answer(send, 200, counts.report())
    elif asked == ("POST", "/_firstcard/calls/reset"):
        counts.reset()
        await _answer(send, 200, {})
    elif asked == ("GET", "/_firstcard/trail"):
        await _answer(send, 200, {"Records": trail.recent()})
    elif asked == ("POST", "/_firstcard/trail/flush"):
        await _answer(send, 200, {"written": trail.deliver()})
    elif asked == ("POST", "/_firstcard/trail/digest"):
        await _answer(send, 200, {"written": trail.sign()})
    else:
        await _answer(send, 404, {"message": "no such path"})


async def _deliver_regularly(seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            trail.deliver()
            trail.sign(only_due=True)
        except Exception:
            logger.exception("the trail could not be delivered; its records wait for the next time")


def stand_at_the_door() -> None:
    """CloudTrail sees who asked for what and what became of it; the emulator's own record has no role, key, context or refusal."""
    serve = ministack.app.app
    tasks: set[asyncio.Task[None]] = set()

    def ignore(*args: Any, **options: Any) -> None:
        """The emulator's own recording: replaced by trail.note."""

    ministack.app._maybe_record_cloudtrail = ignore

    async def lifespan(receive: Receive, scope: dict[str, Any], send: Send) -> None:
        async def receive_and_deliver() -> dict[str, Any]:
            message = await receive()
            if message["type"] == "lifespan.startup":
                seconds = float(os.environ.get("FIRSTCARD_TRAIL_SECONDS", "30"))
                tasks.add(asyncio.get_running_loop().create_task(_deliver_regularly(seconds)))
            elif message["type"] == "lifespan.shutdown":
                for task in tasks:
                    task.cancel()
                trail.deliver()
                trail.sign()
            return message

        await serve(scope, receive_and_deliver, send)

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, scope, send)
            return
        if scope["type"] != "http":
            await serve(scope, receive, send)
            return
        if scope["path"].startswith("/_firstcard/"):
            await own_paths(scope, send)
            return
        if scope["path"].startswith("/_"):
            await serve(scope, receive, send)
            return
        kept: list[bytes] = []
        is_object = not any(name.lower() == b"x-amz-target" for name, _ in scope["headers"]) and scope["method"] == "PUT"
        answer: dict[str, Any] = {"status": 0, "headers": {}}

        async def receive_and_keep() -> dict[str, Any]:
            message = await receive()
            if message["type"] == "http.request" and not is_object:
                kept.append(message.get("body", b""))
            return message

        async def send_and_see(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer["status"] = message["status"]
                answer["headers"] = {name.decode().lower(): value.decode("latin-1") for name, value in message.get("headers", [])}
            await send(message)

        with watching(Call(source=(scope.get("client") or ("127.0.0.1",))[0])) as call:
            try:
                await serve(scope, receive_and_keep, send_and_see)
            finally:
                try:
                    _note(call, scope, b"".join(kept), answer["status"], answer["headers"])
                except Exception:
                    logger.exception("a call could not be recorded")

    ministack.app.app = app


def install() -> None:
    """Put this file's patches in place."""
    stand_at_the_door()
