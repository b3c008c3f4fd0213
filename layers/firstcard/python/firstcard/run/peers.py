"""The students of the library's other districts: kept sealed beside the plan that they stood in, and opened when another district's roster is compared.

Only where both agreements give the group ``students`` to the purpose ``deduplicate``. One object a plan; the manifest of the applied one names it, and the next plan removes all others.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.manifest import Manifest
from firstcard.vault import Envelope, Intent, Wrap
from firstcard.vault.seal import Opener, Sealer

OWNER = "students"

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Peer:
    """Another district of the library: the manifest of its last applied roster, and its students as matching takes them, under their tokens.

    ``rows`` gives nobody where nothing is kept of them any more, and None where it may not be opened now.
    """

    sharing: str
    manifest: Manifest
    rows: Callable[[], Iterable[Row] | None]


def students_folder(sharing: str) -> str:
    """Under what a district's students lie in the vault."""
    return f"students/{sharing}/"


def seal_students(rows: Iterable[Row], agreement: Agreement, *, name: str, wrap: Wrap, random: Callable[[int], bytes]) -> bytes:
    """A line with the object's name and the wrapped data key, then the rows as Parquet, sealed. ``name`` is used once."""
    from firstcard.extract.parquet import to_parquet
    from firstcard.match import COLUMNS

    columns: dict[str, list[str]] = {column: [] for column in COLUMNS}
    for row in rows:
        for column, values in columns.items():
            values.append(row[column])
    sealer = Sealer(sharing=agreement.sharing, object_id=name, purposes_of=agreement.purposes_of, wrap=wrap, random=random)
    sealed = sealer.seal_bytes(OWNER, Group.STUDENTS, to_parquet(columns))
    keys = {str(purpose): base64.b64encode(key).decode() for purpose, key in sealer.envelope().keys[Group.STUDENTS].items()}
    return json.dumps({"object": name, "keys": keys}).encode() + b"\n" + sealed


def open_students(body: bytes, sharing: str, *, unwrap: Wrap, declare: Callable[[Intent], None]) -> Iterator[Row]:
    """The rows again; ``declare`` writes the intent first. Raises VaultClosedError where KMS refuses or the object was altered."""
    from firstcard.extract.parquet import from_parquet

    line, _, sealed = body.partition(b"\n")
    head = json.loads(line)
    keys = {str(Group.STUDENTS): {purpose: base64.b64decode(key) for purpose, key in head["keys"].items()}}
    opener = Opener(purpose=Purpose.DEDUPLICATE, unwrap=unwrap, declare=declare, clock=lambda: 0.0)
    return from_parquet(opener.open_bytes(Envelope(head["object"], sharing, keys), OWNER, Group.STUDENTS, sealed))
