"""Lets days pass on a machine that `make up` runs: sends `window` the schedule event of a later day, and nothing else."""

import argparse
import json
from datetime import UTC, datetime, timedelta

import boto3

from local.machine import later_event


def main(arguments: list[str] | None = None) -> int:
    """Send the event under the desk's role (`source .local/up/desk.env` first)."""
    parser = argparse.ArgumentParser(prog="python -m local.later", description=__doc__)
    parser.add_argument("days", type=int, help="how many days from now the schedule event says it is")
    chosen = parser.parse_args(arguments)
    event = later_event(datetime.now(UTC) + timedelta(days=chosen.days))
    answer = boto3.client("lambda").invoke(FunctionName="firstcard-window", Payload=json.dumps(event).encode())
    print(answer["Payload"].read().decode())
    return 1 if "FunctionError" in answer else 0


if __name__ == "__main__":
    raise SystemExit(main())
