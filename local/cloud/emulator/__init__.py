"""What makes the emulator behave as AWS does where the product would notice: one file per concern, one test per difference.

These modules run inside the emulator's process, in its own environment; nothing outside local/cloud/launcher.py imports them.
"""

from __future__ import annotations


def mend() -> None:
    """Put every patch in place, before the emulator serves its first request."""
    from local.cloud.emulator import calls, front, keys, network, objects, resources, sftp, sign_in, state_machine, workers

    for concern in (network, calls, keys, objects, workers, state_machine, sign_in, resources, sftp, front):
        concern.install()
