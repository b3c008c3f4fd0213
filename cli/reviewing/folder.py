"""The folder that a review is made from, and that a stranger can be given: copies of the logs, and what was asked of AWS at the same time.

<bucket>/<key>          each copied object                objects.jsonl       metadata of those that need them
keys/<region>.json      CloudTrail's public keys          configuration.json  the trail as GetTrail, GetTrailStatus and GetEventSelectors answer
intents.jsonl           the ledger's intents              destroyed.jsonl     its acts of destruction
noes*.json              what firstcard noes list --all --json said, of each library; put there by whoever may list them
sources.json            what was asked, and when
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from firstcard.evidence import Configuration, Folder
from firstcard.review.check import Intent, utc

T = TypeVar("T")
TRAIL = "firstcard"
"""The name of the deployment's trail."""
CONFIGURATION, INTENTS, DESTROYED, NOES, SOURCES = "configuration.json", "intents.jsonl", "destroyed.jsonl", "noes*.json", "sources.json"


class FolderError(Exception):
    """A file of the folder is not what it should be; the sentence names it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What lies in a folder of evidence, beside the logs."""

    path: Path
    store: Folder
    log_bucket: str
    account: str
    region: str
    configuration: Configuration
    intents: tuple[Intent, ...] | None
    destroyed: tuple[Mapping[str, Any], ...] | None
    noes: tuple[Mapping[str, Any], ...] | None
    sources: Mapping[str, str]


def read_folder(path: Path) -> Evidence:
    """The folder as it lies there. Raises FolderError."""
    store = Folder(path)
    buckets = sorted({bucket for bucket, _ in store.names() if bucket.startswith("firstcard-logs-")})
    if len(buckets) != 1:
        raise FolderError(f"{path} must hold copies of one log bucket (firstcard-logs-<account>-<region>/), and holds {len(buckets)}")
    account, _, region = buckets[0].removeprefix("firstcard-logs-").partition("-")
    asked = _json(path / CONFIGURATION) or {}
    return Evidence(
        path=path,
        store=store,
        log_bucket=buckets[0],
        account=account,
        region=region,
        configuration=Configuration(asked.get("trail"), asked.get("status"), asked.get("selectors")),
        intents=_lines(path / INTENTS, _intent),
        destroyed=_lines(path / DESTROYED, dict),
        noes=_noes(path),
        sources=_json(path / SOURCES) or {},
    )


def log_files(evidence: Evidence) -> Iterator[tuple[str, bytes]]:
    """Each copied CloudTrail file as ``bucket/key``, in the order of their names; digests are no log files."""
    for bucket, key in sorted(evidence.store.names()):
        if bucket == evidence.log_bucket and "/CloudTrail/" in key and (stored := evidence.store.read(bucket, key)):
            yield f"{bucket}/{key}", stored.data


def write_lines(path: Path, rows: Iterator[Mapping[str, Any]]) -> int:
    """Write one JSON object a line; how many."""
    count = 0
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, sort_keys=True, default=str) + "\n")
            count += 1
    return count


def _intent(said: Mapping[str, Any]) -> Intent:
    return Intent(said["sharing"], utc(said["at"]), said["role"], said["object"], said["group"], said["purpose"])


def _noes(path: Path) -> tuple[Mapping[str, Any], ...] | None:
    files = sorted(path.glob(NOES))
    said = [(_json(file) or {}).get("noes") for file in files]
    if not all(isinstance(one, list) and all(isinstance(no, dict) for no in one) for one in said):
        raise FolderError("a file of noes is not what firstcard noes list --all --json writes")
    return tuple(no for one in said for no in one or ()) if files else None


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        said = json.loads(path.read_text("utf-8"))
    except ValueError:
        raise FolderError(f"{path.name} is no JSON") from None
    if not isinstance(said, dict):
        raise FolderError(f"{path.name} holds no object")
    return said


def _lines(path: Path, made: Callable[[Mapping[str, Any]], T]) -> tuple[T, ...] | None:
    if not path.is_file():
        return None
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            found.append(made(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise FolderError(f"line {number} of {path.name} cannot be read") from None
    return tuple(found)
