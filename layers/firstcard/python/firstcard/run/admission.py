"""Which new objects of the drop buckets are finished uploads, and which runs never got under way."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from firstcard.agreement import Agreement, Site
from firstcard.run.ledger import Arrival, Ledger, Run, Status

INCOMING = "incoming/"
TRY = "try/"
TEMPORARY = (".part", ".filepart", ".tmp", ".partial", ".crdownload", ".swp")
BUCKET = re.compile(r"^firstcard-drop-(?P<district>[a-z][a-z0-9-]{1,30})-\d{12}-[a-z0-9-]+$")
QUIET = timedelta(seconds=60)
"""A plain file shows by nothing that it is whole: its run rests for so long, in which a newer version can take its place."""
ATTEMPTS = 3
"""How often the sweep starts a run that failed; after that a person looks at it."""

UNDER_WAY = (Status.ADMITTED, Status.READY, Status.HELD, Status.APPROVED, Status.ISSUING, Status.FAILED)


def is_temporary(key: str) -> bool:
    """Whether the object's name says that it is not finished: a temporary suffix, a lock file, a hidden file, or a folder."""
    name = key.rsplit("/", 1)[-1]
    return not name or name.lower().endswith(TEMPORARY) or name.startswith((".", "~$"))


def arrival_of(*, bucket: str, key: str, version_id: str, size: int, received_at: str, folder: str = INCOMING) -> Arrival | None:
    """The arrival in ``folder`` that a version of an object is, or None if it is none: another place, or a temporary name."""
    match = BUCKET.match(bucket)
    if match is None or not key.startswith(folder) or is_temporary(key):
        return None
    return Arrival(
        _digest(bucket, key, version_id), match["district"], bucket, key, version_id, size, datetime.fromisoformat(received_at).isoformat()
    )


def arrival_of_event(event: Mapping[str, Any], *, folder: str = INCOMING) -> Arrival | None:
    """The arrival in ``folder`` of an S3 "Object Created" event of EventBridge."""
    thing = event["detail"]["object"]
    return arrival_of(
        bucket=event["detail"]["bucket"]["name"],
        key=thing["key"],
        version_id=thing.get("version-id", "null"),
        size=int(thing.get("size", 0)),
        received_at=event["time"].replace("Z", "+00:00"),
        folder=folder,
    )


Start = Callable[[Arrival, str], None]
"""Starts the run of an arrival, which rests until the moment given (ISO 8601)."""


def ready_at(arrival: Arrival, agreement: Agreement) -> str:
    """When a run may begin to read its file: at once where a file proves itself whole by its encryption."""
    received = datetime.fromisoformat(arrival.received_at)
    return (received + QUIET if agreement.exchange.protection == "plain" else received).isoformat()


def under(arrival: Arrival, sharing: str) -> Arrival:
    """The arrival under an id that is one library's alone."""
    return replace(arrival, run_id=_digest(arrival.bucket, arrival.key, arrival.version_id, sharing))


def run_under(arrival: Arrival, sharing: str, ledger: Ledger, *, alone: bool = False) -> tuple[Arrival, Run | None]:
    """The arrival under the id of its run for one library, and that run as the ledger has it.

    The id of the object itself (``arrival_of``) is that of the only library that a district's files go to, and stays so in the ledger when the district gets a second one.
    ``alone`` says that there was only one when the file came.
    """
    known = ledger.run(arrival.run_id)
    if known and known.sharing == sharing:
        return arrival, known
    own = under(arrival, sharing)
    run = ledger.run(own.run_id)
    return (arrival, None) if alone and known is None and run is None else (own, run)


def admit(arrival: Arrival, *, site: Site, ledger: Ledger, start: Start) -> tuple[Arrival, ...]:
    """Enter an arrival in the ledger and start its runs, one for each library that the district's files of that day go to; gives those that were new.

    Safe to repeat: an execution's name is its run's. A file in the bucket of a district without an agreement is left where it is; its bucket should not be there.
    """
    agreements = site.agreements_of(arrival.district, _day_of(arrival))
    found = [(agreement, *run_under(arrival, agreement.sharing, ledger, alone=len(agreements) == 1)) for agreement in agreements]
    return tuple(own for agreement, own, run in found if _admit(own, run, agreement, ledger, start))


def _admit(arrival: Arrival, known: Run | None, agreement: Agreement, ledger: Ledger, start: Start) -> bool:
    fresh = known is None and ledger.admit(arrival, sharing=agreement.sharing)
    run = ledger.run(arrival.run_id)
    waits = (
        run is not None and run.status is Status.ADMITTED and run.arrival.attempt == arrival.attempt and run.sharing == agreement.sharing
    )
    if fresh or waits:
        start(arrival, ready_at(arrival, agreement))
    return fresh


def sweep(
    objects: Iterable[tuple[str, str, int, str]],
    *,
    bucket: str,
    site: Site,
    ledger: Ledger,
    start: Start,
    is_running: Callable[[str, int], bool],
    before: str = "9999",
) -> int:
    """Start what was dropped and never ran, for events can be lost, and what stopped half-way; gives how many runs.

    ``objects`` are (key, version id, size, time) of one drop bucket; only those received before ``before`` (ISO 8601), for younger ones may be starting.
    A file is for the libraries of the day on which it came: one that is added later gets none of those that lie there from before its term.
    """
    started = 0
    for key, version_id, size, received_at in objects:
        arrival = arrival_of(bucket=bucket, key=key, version_id=version_id, size=size, received_at=received_at)
        if arrival is None or arrival.received_at > before:
            continue
        of_that_day = {agreement.sharing for agreement in site.agreements_of(arrival.district, _day_of(arrival))}
        forgotten = False
        for sharing in site.sharings(arrival.district):
            _, run = run_under(arrival, sharing, ledger)
            if run is None:
                forgotten = forgotten or sharing in of_that_day
            elif run.status in UNDER_WAY and run.arrival.attempt < ATTEMPTS and not is_running(run.arrival.run_id, run.arrival.attempt):
                again = replace(run.arrival, attempt=run.arrival.attempt + 1)
                if ledger.move(run.arrival.run_id, run.status, when=(run.status,), attempt=again.attempt):
                    start(again, again.received_at)
                    started += 1
        if forgotten:
            started += len(admit(arrival, site=site, ledger=ledger, start=start))
    return started


def _day_of(arrival: Arrival) -> date:
    return datetime.fromisoformat(arrival.received_at).date()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
