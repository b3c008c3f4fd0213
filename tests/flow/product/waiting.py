"""Waiting for something to be so, and for nothing more to happen: bounded, and never for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

from local.machine import DESK, Machine

T = TypeVar("T")

QUEUES = ("firstcard-admit", "firstcard-rehearse", "firstcard-sync", "firstcard-notify")
QUIET_SECONDS = 2.0
"""Longer than a stream's or a queue's batching window (1 s): what was written before has been told after it."""


def until(done: Callable[[], T], what: str, *, seconds: float = 90.0) -> T:
    """Look again and again until ``done`` gives something true, and give that. Fails after ``seconds``."""
    end = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)
    return found


def until_quiet(machine: Machine, *, seconds: float = 120.0) -> None:
    """Until no message waits or is worked on and no function was called for a while; runs that wait for a person are quiet."""
    sqs = machine.cloud.session(DESK).client("sqs")
    urls = [sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in QUEUES]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def pulse() -> tuple[int, int, int]:
        waiting = (sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in urls)
        counted = machine.cloud.calls()
        calls = sum(function["count"] for function in counted["functions"].values())
        return sum(int(count) for found in waiting for count in found.values()), calls, sum(counted["transitions"].values())

    last, since = pulse(), time.monotonic()

    def nothing_moved() -> bool:
        nonlocal last, since
        now = pulse()
        if now != last or now[0]:
            last, since = now, time.monotonic()
        return time.monotonic() - since > QUIET_SECONDS

    until(nothing_moved, "everything to be still", seconds=seconds)
