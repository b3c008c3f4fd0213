"""The same answers in less time: what the emulator does for nobody, or twice, or one after the other where AWS does it side by side."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace
from typing import Any

from ministack.core import iam_actions, lambda_runtime
from ministack.services import lambda_svc, ses, ses_v2

from local.cloud.emulator import front, keys, mail

_STREAM_IDLE_SECONDS = 0.05


def streams_do_not_hold_up_queues() -> None:
    """AWS polls every source by itself; the emulator's one poller waits for a stream's function before it looks at any queue."""
    poll_queues_and_streams, poll_streams = lambda_svc._poll_loop, lambda_svc._poll_dynamodb_streams

    def poll_streams_for_ever() -> None:
        while True:
            if not poll_streams():
                time.sleep(_STREAM_IDLE_SECONDS)

    def poll_both() -> None:
        threading.Thread(target=poll_streams_for_ever, daemon=True).start()
        poll_queues_and_streams()

    lambda_svc._poll_dynamodb_streams = bool  # nothing was polled here
    lambda_svc._poll_loop = poll_both


def mail_is_not_rendered_for_nobody() -> None:
    """Without a relay nobody reads the MIME form that the emulator makes of each e-mail."""
    render = ses_v2._build_mime_message

    def render_for_a_relay(*parts: Any) -> str:
        return str(render(*parts)) if ses._parse_smtp_host() else ""

    ses_v2._build_mime_message = render_for_a_relay


class _Read(threading.local):
    body: Any = None
    value: Any = None


def a_body_is_parsed_once() -> None:
    """The same request body is parsed by half a dozen checks, one after the other, and none of them changes it."""
    last = _Read()

    def loads(body: Any) -> Any:
        if not isinstance(body, bytes) or body != last.body:
            last.value = json.loads(body)
            last.body = body
        return last.value

    once = SimpleNamespace(loads=loads, load=json.load, dumps=json.dumps, JSONDecodeError=json.JSONDecodeError)
    for module in (iam_actions, keys, mail, front):
        setattr(module, "json", once)


def workers_end_at_once() -> None:
    """AWS does not tell a function's environment that it ends; the emulator's workers tidy up one heap each."""

    def end(process: Any) -> None:
        if process is not None and process.poll() is None:
            process.kill()

    lambda_runtime._signal = end


def install() -> None:
    """Put this file's patches in place."""
    streams_do_not_hold_up_queues()
    mail_is_not_rendered_for_nobody()
    a_body_is_parsed_once()
    workers_end_at_once()
