"""What a district has sent so far, kept sealed in the vault for the next file of changes: opened, replaced, taken away.

The ledger says which object counts. A new one gets a name of its own and counts from a conditional write on; so of two files planned at once one is
told to begin again, and nobody reads an object that somebody else writes.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.roster.snapshot import Snapshot
from firstcard.run.ledger import Ledger, SnapshotState
from firstcard.vault import Envelope, Intent, Wrap
from firstcard.vault.seal import Opener, Sealer

OWNER = "snapshot"
MOST_MERGED = 400
"""Files of changes that are remembered: more than a year of nights."""


class Reader(Protocol):
    """The vault, as far as snapshots are read."""

    def get(self, key: str) -> bytes | None:
        """Read an object; None if there is none."""
        ...


class Shelf(Protocol):
    """The vault, as far as snapshots are written and removed."""

    def put(self, key: str, body: bytes) -> None:
        """Write an object."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object."""
        ...


def snapshot_key(sharing: str, name: str) -> str:
    """Where a snapshot lies in the vault."""
    return f"snapshots/{sharing}/{name}.sealed"


class Snapshots(Protocol):
    """The ledger, as far as it says which snapshot counts."""

    def snapshot(self, sharing: str) -> SnapshotState:
        """Which snapshot counts, consistently read."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept under one agreement, to be read. ``state`` is what the ledger said when the plan began."""

    agreement: Agreement
    ledger: Snapshots
    shelf: Reader
    state: SnapshotState
    unwrap: Wrap
    declare: Callable[[Intent], None]

    def earlier(self) -> Snapshot | None:
        """What is kept, or None where nothing is. Raises VaultClosedError where it may not be opened, MovedError where it has just been replaced."""
        if not self.state.name:
            return None
        sharing = self.agreement.sharing
        body = self.shelf.get(snapshot_key(sharing, self.state.name))
        if body is None:
            if self.ledger.snapshot(sharing) != self.state:
                raise MovedError
            return None
        head, _, sealed = body.partition(b"\n")
        keys = {str(Group.ROSTER): {str(purpose): base64.b64decode(key) for purpose, key in json.loads(head).items()}}
        opener = Opener(purpose=Purpose.MERGE_DELTA, unwrap=self.unwrap, declare=self.declare, clock=lambda: 0.0)
        return Snapshot.from_bytes(opener.open_bytes(Envelope(_object(self.state.name), sharing, keys), OWNER, Group.ROSTER, sealed))

    def first_arrived(self, content: str) -> str:
        """The mark of the first upload of changes that said this, empty where there was none."""
        return self.state.merged.get(content, "")


@dataclass(frozen=True, slots=True)
class Keeper:
    """Puts another snapshot in the place of the one that is ``kept``, for one plan."""

    kept: Kept
    ledger: Ledger
    shelf: Shelf
    wrap: Wrap
    random: Callable[[int], bytes]

    def replace(self, snapshot: Snapshot | None, *, latest: str, content: str, delta: bool = False) -> bool:
        """Let this snapshot (or none) of the upload ``latest`` that said ``content`` count from now on and take the one before it away; False if another plan was quicker.

        Of ``delta``, changes, it is remembered outside of the snapshot that they came: a complete file takes its place without opening it.
        """
        sharing, before = self.kept.agreement.sharing, self.kept.state.name
        name = ""
        if snapshot is not None:
            name = f"{int(before.partition('-')[0] or 0) + 1:08d}-{self.random(4).hex()}"
            self.shelf.put(snapshot_key(sharing, name), self._sealed(snapshot, name))
        merged = dict(self.kept.state.merged)
        if delta:
            merged[content] = min(latest, merged.get(content, latest))
        newest = dict(sorted(merged.items(), key=lambda one: (one[1], one[0]))[-MOST_MERGED:])
        to = SnapshotState(name, max(latest, self.kept.state.latest), content, newest)
        counts = self.ledger.advance_snapshot(sharing, to, was=self.kept.state)
        over = before if counts else name
        if over:
            self.shelf.delete(snapshot_key(sharing, over))
        return counts

    def _sealed(self, snapshot: Snapshot, name: str) -> bytes:
        """One line with the wrapped data key by purpose, then nonce and ciphertext."""
        sealer = Sealer(
            sharing=self.kept.agreement.sharing,
            object_id=_object(name),
            purposes_of=self.kept.agreement.purposes_of,
            wrap=self.wrap,
            random=self.random,
        )
        sealed = sealer.seal_bytes(OWNER, Group.ROSTER, snapshot.to_bytes())
        keys = sealer.envelope().keys[Group.ROSTER]
        return json.dumps({purpose: base64.b64encode(key).decode() for purpose, key in keys.items()}).encode() + b"\n" + sealed


def _object(name: str) -> str:
    return f"snapshot-{name}"


class MovedError(Exception):
    """The snapshot was replaced while it was being looked for: plan again."""
