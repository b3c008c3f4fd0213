"""The same answers in less time: what the emulator does for nobody, or twice."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import asyncio
import gc
import json
import logging
import threading
import time
from functools import lru_cache
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import orjson
import uvloop
from h11 import Response
from hypercorn.events import RawData
from hypercorn.protocol import h11
from ministack.core import iam_actions, iam_evaluator, lambda_runtime, responses
from ministack.services import dynamodb, ses, ses_v2, sqs

from local.cloud.emulator import front, keys, mail
from local.cloud.emulator.calls import current

COUNTING_ROLE = "one-machine-desk"


def mail_is_not_rendered_for_nobody() -> None:
    """Without a relay nobody reads the MIME form that the emulator makes of each e-mail."""
    render = ses_v2._build_mime_message

    def render_for_a_relay(*parts: Any) -> str:
        return str(render(*parts)) if ses._parse_smtp_host() else ""

    ses_v2._build_mime_message = render_for_a_relay


def _dumps(value: Any, **options: Any) -> str:
    try:
        return str(orjson.dumps(value), "utf-8")
    except TypeError:  # what orjson does not know: decimals, integers over 64 bits, lone surrogates
        return json.dumps(value, **options)


class _Read(threading.local):
    body: Any = None
    value: Any = None


def json_is_quick() -> None:
    """The same request body is parsed by half a dozen checks, one after the other, and none of them changes it; and Python's own JSON is slow."""
    last = _Read()

    def loads_once(body: Any) -> Any:
        if not isinstance(body, bytes) or body != last.body:
            last.value = orjson.loads(body)
            last.body = body
        return last.value

    fresh = SimpleNamespace(loads=orjson.loads, load=json.load, dumps=_dumps, JSONDecodeError=json.JSONDecodeError)
    once = SimpleNamespace(loads=loads_once, load=json.load, dumps=_dumps, JSONDecodeError=json.JSONDecodeError)
    for module in (iam_actions, keys, mail, front):
        vars(module)["json"] = once
    for module in (responses, dynamodb):
        vars(module)["json"] = fresh


def conditions_are_checked_once() -> None:
    """The grammar of a condition depends on its text alone, and a batch has the same one a hundred times."""
    dynamodb._condition_syntax_error = lru_cache(maxsize=1024)(dynamodb._condition_syntax_error)


def whoever_counts_reads_large_pages() -> None:
    """Each page of a scan sorts the whole table anew; the role that counts on this machine, and that alone, gets it in one page instead of a hundred."""
    paginate, page = dynamodb._paginate_evaluated_items, dynamodb._DDB_PAGE_SIZE_BYTES

    def in_large_pages(*arguments: Any) -> Any:
        call = current()
        dynamodb._DDB_PAGE_SIZE_BYTES = page * (1000 if call is not None and call.role == COUNTING_ROLE else 1)
        try:
            return paginate(*arguments)
        finally:
            dynamodb._DDB_PAGE_SIZE_BYTES = page

    dynamodb._paginate_evaluated_items = in_large_pages


def answers_are_one_write() -> None:
    """Head and body of an answer in one TLS record; they were two."""
    send = h11.H11Protocol._send_h11_event

    async def together(self: Any, event: Any) -> None:
        if not isinstance(event, Response) or event.status_code < HTTPStatus.OK:
            await send(self, event)
            return
        pass_on, head = self.send, b""

        async def keep(part: Any) -> None:
            nonlocal head
            head += getattr(part, "data", b"")

        async def with_head(part: Any) -> None:
            self.send = pass_on
            await pass_on(RawData(data=head + part.data) if isinstance(part, RawData) else part)

        self.send = keep
        await send(self, event)
        self.send = with_head

    h11.H11Protocol._send_h11_event = together


def deliveries_are_not_logged() -> None:
    """One line of the log for each event that reaches a queue: the trail and the counts say it."""
    logging.getLogger("events").setLevel(logging.WARNING)
    logging.getLogger("eventbridge").setLevel(logging.WARNING)


def workers_end_at_once() -> None:
    """AWS does not tell a function's environment that it ends; the emulator's workers tidy up one heap each."""

    def end(process: Any) -> None:
        if process is not None and process.poll() is None:
            process.kill()

    lambda_runtime._signal = end


def policies_are_parsed_once() -> None:
    """A role's policies are parsed for every call that it makes; the same text gives the same statements, which nobody changes."""
    parse = iam_evaluator.parse_policy_document
    parse_text = lru_cache(maxsize=1024)(parse)

    def parse_once(document: Any) -> Any:
        return parse_text(document) if isinstance(document, str) else parse(document)

    iam_evaluator.parse_policy_document = parse_once


def _oldest_is_fresh(queue: dict[str, Any]) -> bool:
    messages = queue["messages"]
    if not messages or queue.get("is_fifo"):
        return not messages
    retention = int(queue["attributes"].get("MessageRetentionPeriod", "345600"))
    return bool(messages[0].get("sent_at", 0.0) > time.time() - retention)


def _most_receives(queue: dict[str, Any]) -> float:
    policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
    return int(policy.get("maxReceiveCount", 0)) or float("inf")


def _remove(queue: dict[str, Any], handles: set[str]) -> set[str]:
    """Take messages out where they stand, and give the handles that were found. Received messages stand in front."""
    messages, found, place = queue["messages"], set[str](), 0
    while len(found) < len(handles) and place < len(messages):
        handle = messages[place].get("receipt_handle")
        if handle in handles:
            del messages[place]
            found.add(handle)
        else:
            place += 1
    return found


def queues_may_be_long() -> None:
    """Receiving and deleting walk over the whole queue, several times, and replace its list while other threads add to it, who then lose a message."""
    expire, sweep, collect = sqs._expire_retained, sqs._dlq_sweep, sqs._collect_msgs
    delete_batch = sqs._act_delete_message_batch

    def expire_old(queue: dict[str, Any]) -> None:
        if not _oldest_is_fresh(queue):
            expire(queue)

    def sweep_when_collecting(queue: dict[str, Any]) -> None:
        if queue.get("is_fifo"):
            sweep(queue)

    def collect_from_the_front(queue: dict[str, Any], most: int, visibility: int) -> list[dict[str, Any]]:
        if queue.get("is_fifo"):
            return list(collect(queue, most, visibility))
        now, receives = time.time(), _most_receives(queue)
        taken: list[dict[str, Any]] = []
        exhausted: list[dict[str, Any]] = []
        for message in queue["messages"]:
            if len(taken) == most:
                break
            sqs._ensure_msg_fields(message)
            if message["visible_at"] <= now:
                (exhausted if message["receive_count"] >= receives else taken).append(message)
        if exhausted:
            sweep({**queue, "messages": exhausted})
            _remove(queue, {message["receipt_handle"] for message in exhausted})
        return list(collect({**queue, "messages": taken}, most, visibility))

    def delete(queue_url: str, handles: set[str]) -> None:
        with sqs._queues_lock:
            _remove(sqs._get_q(queue_url), handles)

    def delete_entries(data: dict[str, Any], queue_url: str) -> Any:
        queue = sqs._get_q(data.get("QueueUrl", queue_url), "sqs:DeleteMessage")
        entries = data.get("Entries", [])
        sqs._validate_batch_entries(entries, "DeleteMessageBatchRequestEntry")
        found = _remove(queue, {entry.get("ReceiptHandle", "") for entry in entries})
        left = [entry for entry in entries if entry.get("ReceiptHandle", "") not in found]
        answer = delete_batch({**data, "Entries": left}, queue_url) if left else {"Successful": [], "Failed": []}
        done = [{"Id": entry.get("Id", "")} for entry in entries if entry.get("ReceiptHandle", "") in found]
        return {"Successful": done + answer["Successful"], "Failed": answer["Failed"]}

    sqs._expire_retained = expire_old
    sqs._dlq_sweep = sweep_when_collecting
    sqs._collect_msgs = collect_from_the_front
    sqs._delete_messages_for_esm = delete
    sqs._HANDLERS["DeleteMessageBatch"] = delete_entries


def the_loop_is_compiled() -> None:
    """The loop of asyncio itself does TLS in Python."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def the_end_does_not_wait_for_silent_peers() -> None:
    """A function's process keeps connections and never answers a goodbye; the loop waits half a minute for it before the state is written."""
    start = asyncio.start_server

    async def start_server(*arguments: Any, **options: Any) -> Any:
        if options.get("ssl"):
            options.setdefault("ssl_shutdown_timeout", 1.0)
        return await start(*arguments, **options)

    asyncio.start_server = start_server


def garbage_is_looked_for_less_often() -> None:
    """The emulator holds everything in memory, and the collector would walk over all of it again and again."""
    gc.set_threshold(50_000, 20, 50)


def install() -> None:
    """Put this file's patches in place."""
    the_loop_is_compiled()
    the_end_does_not_wait_for_silent_peers()
    garbage_is_looked_for_less_often()
    policies_are_parsed_once()
    queues_may_be_long()
    mail_is_not_rendered_for_nobody()
    json_is_quick()
    conditions_are_checked_once()
    whoever_counts_reads_large_pages()
    answers_are_one_write()
    deliveries_are_not_logged()
    workers_end_at_once()
