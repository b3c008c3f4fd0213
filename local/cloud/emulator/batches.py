"""Batches of queue messages: as large as the mapping says, and allowed as AWS allows them; and no recipient's address in the emulator's own log."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import logging
from typing import Any

from ministack.core import iam_actions
from ministack.services import sqs

PER_RECEIVE = 10
"""The most that the emulator receives at once, as the API does."""


def queue_batches_are_as_large_as_the_mapping_says() -> None:
    """Lambda takes up to 10,000 messages a batch where the mapping has a batching window; the emulator never takes more than 10."""
    receive_ten = sqs._receive_messages_for_esm

    def receive(queue_url: str, max_number: int) -> list[dict[str, Any]]:
        taken: list[dict[str, Any]] = []
        while len(taken) < max_number:
            part = receive_ten(queue_url, min(PER_RECEIVE, max_number - len(taken)))
            taken += part
            if len(part) < PER_RECEIVE:
                break
        return taken

    sqs._receive_messages_for_esm = receive


def queue_batches_need_the_right_of_the_single_call() -> None:
    """DeleteMessageBatch and its like are allowed by `sqs:DeleteMessage` and its like; the emulator asks for rights that IAM does not know."""
    extract = iam_actions.extract_iam_action

    def of_the_single_call(*args: Any, **options: Any) -> str | None:
        action: str | None = extract(*args, **options)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions.extract_iam_action = of_the_single_call


def mail_stays_out_of_the_log() -> None:
    """The emulator writes each recipient's address into its log; SES does not."""
    for name in ("ses", "ses-v2"):
        logging.getLogger(name).setLevel(logging.WARNING)


def install() -> None:
    """Put this file's patches in place."""
    queue_batches_are_as_large_as_the_mapping_says()
    queue_batches_need_the_right_of_the_single_call()
    mail_stays_out_of_the_log()
