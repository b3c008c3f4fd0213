"""The review at the demo's end: the evidence fetched by the officer's role, and read offline."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from local.cloud.server import ROOT
from local.machine import DESK, Machine

OFFICER = "firstcard-officer"


@dataclass(frozen=True)
class Reviewed:
    """What the review said: its report, where the page lies, and the command's exit code."""

    report: Mapping[str, Any]
    page: Path
    code: int


def review(machine: Machine, begins: datetime, folder: Path) -> Reviewed:
    """Sign the trail, fetch its evidence since ``begins`` as the officer, and review it."""
    ends = next_second()
    machine.cloud.sign_trail()
    logs, out = folder / "evidence", folder / "review"
    folder.mkdir(parents=True, exist_ok=True)
    exceptions = folder / "acknowledged.yaml"
    exceptions.write_text(yaml.safe_dump(_answered_for(ends)), encoding="utf-8")
    site = machine.state / "site"
    window = ("--from", f"{begins:%Y-%m-%dT%H:%M:%S}", "--to", f"{ends:%Y-%m-%dT%H:%M:%S}")
    _firstcard(machine, "evidence", "fetch", *window, "--out", str(logs), "--site", str(site))
    words = (
        "review",
        "--logs",
        str(logs),
        *window,
        "--out",
        str(out),
        "--agreements",
        str(site),
        "--templates",
        str(machine.state / "cdk.out"),
    )
    told = _firstcard(machine, *words, "--acknowledged", str(exceptions), "--json", may_fail=True)
    return Reviewed(json.loads(told.stdout), out / "review.html", told.returncode)


def next_second() -> datetime:
    """The beginning of a second in which nothing was done yet: CloudTrail tells whole seconds."""
    now = datetime.now(UTC).replace(microsecond=0)
    while datetime.now(UTC).replace(microsecond=0) == now:
        time.sleep(0.01)
    return now + timedelta(seconds=1)


def _firstcard(machine: Machine, *words: str, may_fail: bool = False) -> "subprocess.CompletedProcess[str]":
    told = subprocess.run(
        [sys.executable, "-m", "cli.main", *words], cwd=ROOT, env=machine.as_role(OFFICER), capture_output=True, text=True, check=False
    )
    if told.returncode > 1 or (told.returncode and not may_fail):
        raise RuntimeError(f"firstcard {words[0]} ended with {told.returncode}: {told.stderr[-2000:]}")
    return told


def _answered_for(now: datetime) -> list[dict[str, Any]]:
    """Who acts on this machine without being part of the deployment: its owner, from whom everybody's session comes, and the desk at which the demo counts."""
    answered = {"by": "whoever runs this machine", "until": now + timedelta(days=1)}
    return [
        {
            "who": "arn:aws:iam::*:root",
            "actions": ["sts:AssumeRole"],
            "reason": "The machine's owner takes on each role of the demo.",
            **answered,
        },
        {
            "who": DESK,
            "actions": ["dynamodb:Scan", "dynamodb:Query", "secretsmanager:PutSecretValue", "sqs:*", "lambda:InvokeFunction"],
            "reason": "The demo's desk sets the secrets once and counts what lies in the table.",
            **answered,
        },
    ]
