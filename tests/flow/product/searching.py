"""A search for people in everything that is not meant to hold them."""

import base64
import binascii
import gzip
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from local.machine import DESK, Machine

_WORD = re.compile(r"\w+")
_ESCAPED = re.compile(r"\\+u([0-9a-fA-F]{4})")
_PACKED = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


def _readings(text: str) -> Iterator[str]:
    """A text as it stands, as JSON and URLs would have it unescaped, and what its base64 parts hold."""
    yield text
    unescaped = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    unescaped = re.sub(r"(?:%[0-9A-Fa-f]{2})+", lambda found: bytes.fromhex(found[0].replace("%", "")).decode(errors="replace"), unescaped)
    yield unescaped.replace("\\/", "/").replace("\\n", " ").replace("\\t", " ")
    for part in set(_PACKED.findall(text)):
        for alphabet in (part, part.replace("-", "+").replace("_", "/")):
            try:
                yield base64.b64decode(alphabet + "=" * (-len(alphabet) % 4), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError, ValueError):
                continue


def found_in(text: str, needles: Iterable[str]) -> set[str]:
    """The needles that stand in a text as whole words, whatever their case, escaped or packed."""
    whole = "\n".join(_readings(text)).casefold()
    words = set(_WORD.findall(whole))
    likely = (needle for needle in needles if words.issuperset(_WORD.findall(needle.casefold())))
    return {needle for needle in likely if re.search(rf"(?<!\w){re.escape(needle.casefold())}(?!\w)", whole)}


def places(machine: Machine) -> dict[str, str]:
    """Everything on the machine that must name nobody, by where it is."""
    return {
        **dict(_logs(machine)),
        **dict(_metrics(machine)),
        **dict(_objects(machine)),
        **dict(_tables(machine)),
        **dict(_executions(machine)),
        **dict(_queues(machine)),
        **dict(_trail(machine)),
        "the emulator's own log": machine.cloud.log.read_text(errors="replace"),
        "counted calls": json.dumps(machine.cloud.calls()),
    }


def _client(machine: Machine, service: str, role: str | None = DESK) -> Any:
    return machine.cloud.session(role).client(service)


ROOT = None
"""The one machine's root passes by every policy: it searches where no role may look."""


def _logs(machine: Machine) -> Iterator[tuple[str, str]]:
    logs = _client(machine, "logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            events = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            yield f"log group {group['logGroupName']}", "\n".join(event["message"] for found in events for event in found["events"])


def _metrics(machine: Machine) -> Iterator[tuple[str, str]]:
    metrics = _client(machine, "cloudwatch")
    yield "metrics", json.dumps([metric for page in metrics.get_paginator("list_metrics").paginate() for metric in page["Metrics"]])
    yield "alarms", json.dumps(metrics.describe_alarms(), default=str)


def _objects(machine: Machine) -> Iterator[tuple[str, str]]:
    """Every object's key and headers, and the bodies of all but the raw uploads: those are the roster."""
    root = _client(machine, "s3", ROOT)
    for bucket in (there["Name"] for there in root.list_buckets()["Buckets"]):
        keys = []
        for page in root.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for version in page.get("Versions", []):
                keys.append(json.dumps(version, default=str))
                if bucket.startswith("firstcard-") and not version["Key"].startswith("incoming/"):
                    answer = root.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
                    body = answer["Body"].read()
                    keys.append(json.dumps([answer.get("Metadata"), answer.get("ContentDisposition"), answer.get("ContentType")]))
                    plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
                    yield f"s3://{bucket}/{version['Key']}", plain.decode(errors="replace")
        yield f"keys of {bucket}", "\n".join(keys)


def _tables(machine: Machine) -> Iterator[tuple[str, str]]:
    """Every key and every attribute that is not sealed; sealed ones are searched too, as the bytes that they are."""
    dynamodb = _client(machine, "dynamodb")
    for table in ("firstcard-cards", "firstcard-ledger"):
        pages = dynamodb.get_paginator("scan").paginate(TableName=table)
        yield (
            f"table {table}",
            "\n".join(json.dumps(item, default=lambda data: bytes(data).decode("latin-1")) for page in pages for item in page["Items"]),
        )


def _executions(machine: Machine) -> Iterator[tuple[str, str]]:
    states = _client(machine, "stepfunctions")
    for machines in states.list_state_machines()["stateMachines"]:
        for page in states.get_paginator("list_executions").paginate(stateMachineArn=machines["stateMachineArn"]):
            for execution in page["executions"]:
                arn = execution["executionArn"]
                history = states.get_paginator("get_execution_history").paginate(executionArn=arn, includeExecutionData=True)
                told = [states.describe_execution(executionArn=arn), *(event for found in history for event in found["events"])]
                yield f"execution {execution['name']}", json.dumps(told, default=str)


def _queues(machine: Machine) -> Iterator[tuple[str, str]]:
    """What waits in any queue, dead letters above all."""
    sqs = _client(machine, "sqs", ROOT)
    for url in sqs.list_queues().get("QueueUrls", []):
        waiting = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        yield f"queue {url.rpartition('/')[2]}", "\n".join(message["Body"] for message in waiting)


def _trail(machine: Machine) -> Iterator[tuple[str, str]]:
    yield "the trail's records", json.dumps(machine.cloud.trail())
    yield "the trail's file", machine.cloud.trail_file.read_text()
