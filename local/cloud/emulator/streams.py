"""Streams of DynamoDB: polled beside the queues, and still there after a restart."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import copy
import threading
import time
from typing import Any

from ministack.services import dynamodb, lambda_svc

_IDLE_SECONDS = 0.05


def streams_do_not_hold_up_queues() -> None:
    """AWS polls every source by itself; the emulator's one poller waits for a stream's function before it looks at any queue."""
    poll_streams = lambda_svc._poll_dynamodb_streams

    def poll_for_ever() -> None:
        while True:
            if not poll_streams():
                time.sleep(_IDLE_SECONDS)

    lambda_svc._poll_dynamodb_streams = bool  # the poller of the queues finds nothing here
    threading.Thread(target=poll_for_ever, daemon=True).start()


def streams_survive_a_restart() -> None:
    """The emulator saves how far each function has read and not what there is to read: after a restart that many changes were told to nobody."""
    save, load = dynamodb.get_state, dynamodb.load_persisted_state
    kept = {"stream_records": dynamodb._stream_records, "stream_trimmed": dynamodb._stream_trimmed}

    def save_with_streams() -> dict[str, Any]:
        return {**save(), **{name: copy.deepcopy(store) for name, store in kept.items()}, "stream_sequence": dynamodb._stream_seq_counter}

    def load_with_streams(data: Any) -> Any:
        for name, store in kept.items():
            store.update((data or {}).get(name, {}))
        dynamodb._stream_seq_counter = (data or {}).get("stream_sequence", 0)
        return load(data)

    dynamodb.get_state = save_with_streams
    dynamodb.load_persisted_state = load_with_streams


def install() -> None:
    """Put this file's patches in place."""
    streams_do_not_hold_up_queues()
    streams_survive_a_restart()
