"""CloudTrail's records: written as calls are served, delivered into the bucket of each trail as AWS lays them out.

Management events are always recorded. Data events (S3 objects, DynamoDB items, function runs) are recorded only where a trail's selectors
cover them, as AWS bills and writes them. Not recorded: calls that AWS services make with their own permission (a rule that sends to a
queue), and the KMS calls that S3, SQS or DynamoDB make for their caller.
"""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import gzip
import json
import logging
import os
import secrets
import string
import threading
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TextIO

import orjson
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, set_request_account_id, set_request_region
from ministack.services import cloudtrail, dynamodb, kms, s3, sts

from local.cloud.emulator import digests
from local.cloud.emulator.calls import Call, counts

logger = logging.getLogger("trail")

KEPT = 20_000
"""How many records stay in memory."""

READING = ("Get", "List", "Head", "Describe", "Decrypt", "Query", "Scan", "BatchGet", "Lookup", "Assume", "Select", "Verify")

DATA_TYPES = {"s3": "AWS::S3::Object", "dynamodb": "AWS::DynamoDB::Table", "lambda": "AWS::Lambda::Function"}

_OBJECT_OPERATIONS = frozenset(
    {"GetObject", "PutObject", "DeleteObject", "DeleteObjects", "HeadObject", "CopyObject", "ListObjects", "ListObjectVersions"}
    | {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload", "GetObjectTagging", "PutObjectTagging"}
    | {"GetObjectRetention", "PutObjectRetention", "GetObjectAcl", "PutObjectAcl", "GetObjectAttributes", "HeadBucket"}
)
_ITEM_OPERATIONS = frozenset(
    {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem"}
    | {"TransactGetItems", "TransactWriteItems", "GetRecords", "GetShardIterator", "ExecuteStatement"}
)

_recent: deque[dict[str, Any]] = deque(maxlen=KEPT)
_waiting: dict[str, list[dict[str, Any]]] = {}
_lock = threading.Lock()


def is_data_event(service: str, operation: str) -> bool:
    """Whether CloudTrail counts the call among the data events."""
    if service == "s3":
        return operation in _OBJECT_OPERATIONS
    if service == "dynamodb":
        return operation in _ITEM_OPERATIONS
    return service == "lambda" and operation == "Invoke"


# ---- which trails want a record -----------------------------------------------


def _trails() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Every trail that is logging, with its selectors."""
    found = []
    for (account, region, name), trail in cloudtrail._trails.all_items():
        if trail.get("IsLogging"):
            found.append((trail, cloudtrail._event_selectors.get_scoped(account, region, name) or cloudtrail._DEFAULT_EVENT_SELECTORS))
    return found


def _basic(selector: dict[str, Any], source: str, data: bool, reading: bool, kind: str, arn: str) -> bool:
    if selector.get("ReadWriteType", "All") not in ("All", "ReadOnly" if reading else "WriteOnly"):
        return False
    if not data:
        return bool(selector.get("IncludeManagementEvents", True)) and source not in (selector.get("ExcludeManagementEventSources") or ())
    for resource in selector.get("DataResources") or ():
        if resource.get("Type") == kind:
            for value in resource.get("Values") or ():
                if arn.startswith(value) and (len(value) == len(arn) or value.count(":") < 5 or kind == "AWS::S3::Object"):
                    return True
    return False


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "Equals": lambda value, wanted: value == wanted,
    "StartsWith": lambda value, wanted: value.startswith(wanted),
    "EndsWith": lambda value, wanted: value.endswith(wanted),
    "NotEquals": lambda value, wanted: value != wanted,
    "NotStartsWith": lambda value, wanted: not value.startswith(wanted),
    "NotEndsWith": lambda value, wanted: not value.endswith(wanted),
}


def _advanced(selector: dict[str, Any], facts: dict[str, str]) -> bool:
    for test in selector.get("FieldSelectors") or ():
        value = facts.get(test.get("Field"), "")
        for comparison, holds in _COMPARISONS.items():
            wanted = test.get(comparison)
            if not wanted:
                continue
            combine = all if comparison.startswith("Not") else any
            if not combine(holds(value, str(one)) for one in wanted):
                return False
    return True


def wanted_by(service: str, operation: str, arn: str, principal: str, reading: bool) -> list[str]:
    """The ARNs of the trails whose selectors cover the call."""
    data = is_data_event(service, operation)
    kind = DATA_TYPES.get(service, "") if data else ""
    source = source_of(service)
    facts = {
        "eventCategory": "Data" if data else "Management",
        "readOnly": str(reading).lower(),
        "eventName": operation,
        "eventSource": source,
        "resources.type": kind,
        "resources.ARN": arn,
        "userIdentity.arn": principal,
        "eventType": "AwsApiCall",
    }
    wanting = []
    for trail, selectors in _trails():
        if any(_advanced(s, facts) if "FieldSelectors" in s else _basic(s, source, data, reading, kind, arn) for s in selectors):
            wanting.append(str(trail["TrailARN"]))
    return wanting


# ---- records --------------------------------------------------------------------


def source_of(service: str) -> str:
    """The event source of a service, as CloudTrail names it."""
    names = {"sesv2": "ses", "ses_v2": "ses", "cloudwatch": "monitoring", "streams.dynamodb": "dynamodb", "apigatewayv2": "apigateway"}
    return f"{names.get(service, service)}.amazonaws.com"


def identity(call: Call) -> dict[str, Any]:
    """The userIdentity element of a call."""
    principal = call.principal
    if principal is None:
        return (
            {"type": "AWSService", "invokedBy": call.invoked_by} if call.invoked_by else {"type": "Unknown", "accessKeyId": call.access_key}
        )
    said: dict[str, Any] = {"type": principal.type, "arn": principal.arn, "accountId": principal.account, "accessKeyId": call.access_key}
    tail = principal.arn.rpartition(":")[2].split("/")
    if principal.type == "AssumedRole" and len(tail) >= 3:
        said["principalId"] = f"AROA{tail[1].upper()[:17]}:{tail[2]}"
        said["sessionContext"] = {
            "sessionIssuer": {
                "type": "Role",
                "principalId": f"AROA{tail[1].upper()[:17]}",
                "arn": f"arn:aws:iam::{principal.account}:role/{tail[1]}",
                "accountId": principal.account,
                "userName": tail[1],
            },
            "attributes": {"mfaAuthenticated": "false"},
        }
        if behind := (sts._sessions.get(call.access_key) or {}).get("SourceIdentity"):
            said["sessionContext"]["sourceIdentity"] = behind
    elif principal.type in ("User", "IAMUser"):
        said["type"], said["userName"] = "IAMUser", tail[-1]
    if call.invoked_by:
        said["invokedBy"] = call.invoked_by
    return said


def _key_of(table: str, item: dict[str, Any]) -> dict[str, Any]:
    schema = dynamodb._tables.get(table.rpartition("/")[2]) or {}
    return {name: item[name] for name in (schema.get("pk_name"), schema.get("sk_name")) if name and name in item}


def _batch(table: str, requests: Any) -> Any:
    if isinstance(requests, dict):
        return {"keys": requests.get("Keys", [])}
    shown = []
    for request in requests:
        if "PutRequest" in request:
            shown.append({"putRequest": {"key": _key_of(table, request["PutRequest"].get("Item", {}))}})
        elif "DeleteRequest" in request:
            shown.append({"deleteRequest": {"key": request["DeleteRequest"].get("Key", {})}})
    return shown


def item_parameters(request: dict[str, Any]) -> dict[str, Any]:
    """What CloudTrail writes of a DynamoDB request: the tables and the keys, never another attribute's value."""
    shown: dict[str, Any] = {}
    if table := request.get("TableName"):
        shown["tableName"] = table
        if "Key" in request:
            shown["key"] = request["Key"]
        elif "Item" in request:
            shown["key"] = _key_of(table, request["Item"])
            shown["items"] = sorted(request["Item"])
        if "IndexName" in request:
            shown["indexName"] = request["IndexName"]
    if isinstance(batches := request.get("RequestItems"), dict):
        shown["requestItems"] = {table: _batch(table, requests) for table, requests in batches.items()}
    if isinstance(steps := request.get("TransactItems"), list):
        shown["transactItems"] = [
            {name[0].lower() + name[1:]: item_parameters(step) for name, step in one.items() if isinstance(step, dict)} for one in steps
        ]
    return shown


_SHOWN = {
    "kms": ("KeyId", "EncryptionContext", "EncryptionAlgorithm", "KeySpec", "NumberOfBytes", "GranteePrincipal", "PendingWindowInDays"),
    "states": ("stateMachineArn", "executionArn", "name"),
    "secretsmanager": ("SecretId", "Name", "VersionStage"),
    "sqs": ("QueueUrl", "QueueName", "MaxNumberOfMessages", "VisibilityTimeout"),
    "sts": ("RoleArn", "RoleSessionName", "DurationSeconds"),
    "events": ("EventBusName", "Name", "Rule", "ArchiveName", "ReplayName"),
    "logs": ("logGroupName", "logStreamName"),
    "cloudtrail": ("Name", "TrailName", "EventSelectors", "AdvancedEventSelectors", "S3BucketName"),
    "transfer": ("ServerId", "UserName", "Role", "HomeDirectoryMappings"),
}


def shown_parameters(service: str, request: dict[str, Any]) -> dict[str, Any]:
    """What CloudTrail writes of a request's parameters: names and identifiers, never content."""
    if service == "dynamodb":
        return item_parameters(request)
    return {name[0].lower() + name[1:]: request[name] for name in _SHOWN.get(service, ()) if name in request}


def resources(service: str, operation: str, call: Call) -> list[dict[str, str]]:
    """The resources element: every resource a decision was taken on; of a listing also the prefix of what it lists, as CloudTrail has it."""
    listed: list[dict[str, str]] = []
    seen: set[str] = set()
    for check in call.checks:
        if check.resource in seen or check.resource == "*":
            continue
        seen.add(check.resource)
        entry = {"ARN": check.resource, "accountId": get_account_id()}
        if check.resource.startswith("arn:aws:s3:::"):
            entry["type"] = "AWS::S3::Object" if "/" in check.resource else "AWS::S3::Bucket"
            if entry["type"] == "AWS::S3::Bucket" and operation.startswith("List"):
                listed.append({"ARNPrefix": f"{check.resource}/", "type": "AWS::S3::Object"})
        elif ":kms:" in check.resource:
            entry["type"] = "AWS::KMS::Key"
        elif service in DATA_TYPES:
            entry["type"] = DATA_TYPES[service]
        listed.append(entry)
    return listed


def note(
    call: Call,
    service: str,
    operation: str,
    parameters: dict[str, Any] | None,
    *,
    failure: str = "",
    items: int = 1,
    request_id: str = "",
) -> None:
    """Count a served call, and write its record where a trail (or, for management events, anybody) wants one."""
    counts.add(service, operation, call, items)
    if not call.checks:
        return
    data = is_data_event(service, operation)
    reading = operation.startswith(READING)
    arn = call.checks[0].resource
    if data and service == "s3" and "/" not in arn:
        arn += "/"
    wanting = wanted_by(service, operation, arn, getattr(call.principal, "arn", ""), reading)
    if data and not wanting:
        return
    now = datetime.now(UTC)
    record: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": identity(call),
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": source_of(service),
        "eventName": operation,
        "awsRegion": call.region,
        "sourceIPAddress": call.source,
        "userAgent": call.agent[:1024],
        "requestParameters": parameters or None,
        "responseElements": None,
        "requestID": request_id or str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": reading,
        "resources": resources(service, operation, call),
        "eventType": "AwsApiCall",
        "managementEvent": not data,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Data" if data else "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "clientProvidedHostHeader": "127.0.0.1"},
    }
    if call.refusal is not None:
        refused = next(check for check in call.checks if check.refusal is not None)
        record["errorCode"] = str(getattr(call.refusal, "code", "") or ("AccessDenied" if service == "s3" else "AccessDeniedException"))
        who = getattr(call.principal, "arn", "") or "the caller"
        record["errorMessage"] = f"User: {who} is not authorized to perform: {refused.action} on resource: {refused.resource}"
    elif failure:
        record["errorCode"] = failure
    _keep(record, wanting)


@cache
def _file(path: str) -> TextIO:
    return Path(path).open("a", encoding="utf-8")


def _keep(record: dict[str, Any], wanting: list[str]) -> None:
    path = os.environ.get("FIRSTCARD_TRAIL_FILE")
    with _lock:
        _recent.append(record)
        for trail in wanting:
            _waiting.setdefault(trail, []).append(record)
        if path:
            file = _file(path)
            file.write(orjson.dumps(record, default=str, option=orjson.OPT_APPEND_NEWLINE).decode())
            file.flush()


def recent() -> list[dict[str, Any]]:
    """The records in memory, oldest first."""
    with _lock:
        return list(_recent)


# ---- delivery -------------------------------------------------------------------


def _key_prefix(trail: dict[str, Any], account: str) -> str:
    prefix = str(trail.get("S3KeyPrefix") or "").strip("/")
    return f"{prefix}/AWSLogs/{account}" if prefix else f"AWSLogs/{account}"


def _service_may(policy: Any, action: str, resource: str, trail: dict[str, Any], more: dict[str, Any]) -> bool:
    account = str(trail["TrailARN"]).split(":")[4]
    request = iam_evaluator.EvalContext(
        principal_arn="cloudtrail.amazonaws.com",
        principal_type="AWSService",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=str(trail.get("HomeRegion") or "us-east-1"),
        secure_transport=True,
        service_context={"aws:sourcearn": trail["TrailARN"], "aws:sourceaccount": account, "aws:principalisawsservice": "true", **more},
    )
    return bool(iam_evaluator.evaluate_resource_policy(policy, request, service="cloudtrail.amazonaws.com").decision == "Allow")


def undeliverable(trail: dict[str, Any]) -> str:
    """Why CloudTrail could not write into the trail's bucket, or an empty string: the bucket's and the key's policies decide."""
    bucket, account = str(trail.get("S3BucketName") or ""), str(trail["TrailARN"]).split(":")[4]
    if bucket not in s3._buckets:
        return f"S3BucketDoesNotExistException: bucket {bucket} does not exist"
    policy = s3._bucket_policies.get(bucket)
    target = f"arn:aws:s3:::{bucket}/{_key_prefix(trail, account)}/CloudTrail/x.json.gz"
    owner = {"s3:x-amz-acl": "bucket-owner-full-control"}
    if not _service_may(policy, "s3:GetBucketAcl", f"arn:aws:s3:::{bucket}", trail, {}):
        return f"InsufficientS3BucketPolicyException: cloudtrail.amazonaws.com may not s3:GetBucketAcl on {bucket}"
    if not _service_may(policy, "s3:PutObject", target, trail, owner):
        return f"InsufficientS3BucketPolicyException: cloudtrail.amazonaws.com may not s3:PutObject on {target}"
    key_id = trail.get("KmsKeyId") or s3._bucket_default_sse_headers(bucket).get("x-amz-server-side-encryption-aws-kms-key-id")
    key = kms._resolve_key(str(key_id)) if key_id else None
    if key and key.get("KeyManager") != "AWS":
        context = {
            "kms:encryptioncontext:aws:cloudtrail:arn": trail["TrailARN"],
            "kms:encryptioncontext:aws:s3:arn": f"arn:aws:s3:::{bucket}",
        }
        if not _service_may(key.get("Policy"), "kms:GenerateDataKey", key["Arn"], trail, context):
            return f"InsufficientEncryptionPolicyException: cloudtrail.amazonaws.com may not kms:GenerateDataKey on {key['Arn']}"
    return ""


def _object_name(account: str, region: str, now: datetime) -> str:
    unique = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(16))
    return f"{now:%Y/%m/%d}/{account}_CloudTrail_{region}_{now:%Y%m%dT%H%MZ}_{unique}.json.gz"


def deliver() -> list[str]:
    """Write what is waiting into the trails' buckets; the `s3://bucket/key` of each object written. Undeliverable records stay."""
    written = []
    for trail, _ in _trails():
        arn = str(trail["TrailARN"])
        account = arn.split(":")[4]
        set_request_account_id(account)
        set_request_region(str(trail.get("HomeRegion") or "us-east-1"))
        with _lock:
            records = _waiting.pop(arn, [])
        if not records:
            continue
        obstacle = undeliverable(trail)
        if obstacle:
            logger.error("trail %s: %s", trail.get("Name"), obstacle)
            with _lock:
                _waiting[arn] = records + _waiting.get(arn, [])
            continue
        for region in sorted({record["awsRegion"] for record in records}):
            part = [record for record in records if record["awsRegion"] == region]
            key = f"{_key_prefix(trail, account)}/CloudTrail/{region}/{_object_name(account, region, datetime.now(UTC))}"
            content = json.dumps({"Records": part}, default=str).encode()
            headers = {"content-type": "application/json", "content-encoding": "gzip"}
            if trail.get("KmsKeyId"):
                headers |= {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": trail["KmsKeyId"]}
            s3._put_object(trail["S3BucketName"], key, gzip.compress(content), headers)
            digests.delivered(trail, region, key, content, [record["eventTime"] for record in part])
            written.append(f"s3://{trail['S3BucketName']}/{key}")
    return written


def sign(*, only_due: bool = False) -> list[str]:
    """Deliver what is waiting and write the trails' digests up to now, or those for which an hour went by; their `s3://bucket/key`."""
    written = []
    now = datetime.now(UTC)
    for _, trail in cloudtrail._trails.all_items():
        if (only_due and not digests.due(trail, now)) or not (trail.get("IsLogging") or digests.waiting(trail)):
            continue
        deliver()
        account = str(trail["TrailARN"]).split(":")[4]
        set_request_account_id(account)
        set_request_region(str(trail.get("HomeRegion") or "us-east-1"))
        if not undeliverable(trail):
            written += digests.write(trail, _key_prefix(trail, account), datetime.now(UTC))
    return written
