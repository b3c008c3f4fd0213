"""A receipt on its way: into the vault, and into the district's outbox in its three forms."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from firstcard.agreement import Agreement, Library
from firstcard.card.manifest import Manifest
from firstcard.receipt import Receipt, to_csv, to_html, to_json
from firstcard.run.ledger import Run, receipt_key
from firstcard.run.writing import write_receipt


class Reader(Protocol):
    """The vault, as far as it is read."""

    def get(self, key: str) -> bytes | None:
        """Read an object of the vault; None if there is none."""
        ...


class Outboxes(Protocol):
    """The districts' outboxes."""

    def put_outbox(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Write into a district's outbox."""
        ...


class Places(Outboxes, Protocol):
    """The vault, and the districts' outboxes."""

    def put(self, key: str, body: bytes) -> None:
        """Write an object of the vault."""
        ...

    def get(self, key: str) -> bytes | None:
        """Read an object of the vault; None if there is none."""
        ...


def deliver_receipt(run: Run, agreement: Agreement, library: Library, places: Places, *, at: datetime) -> None:
    """Write the run's receipt; a later one of the same run takes its place under the same name."""
    receipt = write_receipt(run, agreement, library, summary_of(run, places), _problems(run, places), at=at)
    places.put(receipt_key(run.arrival.run_id), receipt.model_dump_json().encode())
    put_forms(receipt, places, bucket=run.arrival.bucket, name=f"{run.arrival.received_at[:10]}-{run.arrival.run_id}")


def put_forms(receipt: Receipt, outboxes: Outboxes, *, bucket: str, name: str) -> None:
    """Write a receipt's three forms into a district's outbox, under one name."""
    for suffix, written, kind in (
        ("json", to_json(receipt), "application/json"),
        ("csv", to_csv(receipt), "text/csv; charset=utf-8"),
        ("html", to_html(receipt), "text/html; charset=utf-8"),
    ):
        outboxes.put_outbox(bucket, f"outbox/{name}.{suffix}", written.encode(), kind)


def manifest_key(sharing: str, version: int) -> str:
    """Where a manifest lies in the vault."""
    return f"manifests/{sharing}/{version:08d}.json.gz"


def load_manifest(objects: Reader, sharing: str, version: int) -> Manifest:
    """The manifest of the last applied roster; an empty one before the first."""
    data = objects.get(manifest_key(sharing, version)) if version else None
    if version and data is None:
        raise LookupError(f"the manifest {version} of {sharing} is missing from the vault")
    return Manifest.from_bytes(data) if data else Manifest()


def summary_of(run: Run, places: Reader) -> Mapping[str, Any]:
    """The run's plan.json; empty if it never had a plan."""
    body = places.get(f"{folder_of(run)}/plan.json") if run.plan_hash else None
    return json.loads(body) if body else {}


def folder_of(run: Run) -> str:
    """Where the run's plan lies in the vault."""
    return f"runs/{run.arrival.run_id}/{run.plan_hash[:16]}"


def _problems(run: Run, places: Places) -> Sequence[Sequence[Any]]:
    folder = folder_of(run) if run.plan_hash else f"runs/{run.arrival.run_id}/rejected"
    body = places.get(f"{folder}/problems.json")
    return json.loads(body) if body else []
