"""What makes the emulator behave as AWS does where the product would notice: one file per concern, one test per difference.

These modules run inside the emulator's process, in its own environment; nothing outside local/cloud/launcher.py imports them.
"""

from __future__ import annotations


def mend(*, all_of_it: bool = True) -> None:
    """Put every patch in place, before the emulator serves its first request; else only those that keep it on this machine.

    The tests compare the two: a patch whose difference is gone has to go as well.
    """
    from local.cloud.emulator import (
        batches,
        calls,
        digests,
        front,
        identity,
        keys,
        mail,
        network,
        objects,
        pace,
        resources,
        sftp,
        sign_in,
        state_machine,
        streams,
        workers,
    )

    network.install()
    if not all_of_it:
        return
    for concern in (
        identity,
        calls,
        keys,
        objects,
        batches,
        mail,
        workers,
        state_machine,
        sign_in,
        resources,
        sftp,
        digests,
        front,
        streams,
        pace,
    ):
        concern.install()
