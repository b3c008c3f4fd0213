"""Killing a function in the middle of its work, as a machine that fails would."""

import json
import os
import signal
import threading
import time
from pathlib import Path

from local.machine import Machine


class Killer(threading.Thread):
    """Kills every worker of a function, by its process id, as soon as the trail tells of the function's first call of an operation."""

    def __init__(self, machine: Machine, *, function: str, operation: str) -> None:
        super().__init__(daemon=True)
        self._trail = machine.cloud.trail_file
        self._cloud = machine.cloud.process_id
        self._function = function
        self._operation = operation
        self._over = threading.Event()
        self.killed: list[int] = []

    def run(self) -> None:
        """Follow the trail from its present end."""
        with self._trail.open("rb") as records:
            records.seek(0, os.SEEK_END)
            line = b""  # a read may meet a record that is still being written: its beginning waits for its end
            while not self._over.is_set() and not self.killed:
                line += records.readline()
                if not line.endswith(b"\n"):
                    time.sleep(0.001)
                    continue
                if self._operation.encode() in line and self._is_it(line):
                    self._kill()
                line = b""

    def _is_it(self, line: bytes) -> bool:
        record = json.loads(line)
        by = record["userIdentity"].get("sessionContext", {}).get("sessionIssuer", {}).get("userName")
        return bool(by == self._function and record["eventName"] == self._operation)

    def _kill(self) -> None:
        for process in workers(self._cloud, self._function):
            os.kill(process, signal.SIGKILL)
            self.killed.append(process)

    def give_up(self) -> None:
        """Stop following."""
        self._over.set()
        self.join(10)


def workers(cloud: int, function: str) -> list[int]:
    """The process ids of a function's workers: children of the one-machine cloud that were told this function's name."""
    wanted = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == cloud and wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
