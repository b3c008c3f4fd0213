"""A library's extract of its own patrons, sealed when it is imported and opened to deduplicate."""

import base64
import json
from collections.abc import Callable
from datetime import datetime

from firstcard.agreement import Group, PatronsClause, Purpose
from firstcard.run.extracts import Extracts, MovedError, current, ends_at, extract_key
from firstcard.run.ledger import Extract
from firstcard.vault import Envelope, Intent, Wrap
from firstcard.vault.seal import Opener, Sealer

OWNER = "extract"


def keep_extract(
    extracts: Extracts, parquet: bytes, *, count: int, source: str, by: str, now: datetime, wrap: Wrap, random: Callable[[int], bytes]
) -> Extract:
    """Seal an extract, let it count from now on, and destroy the one before.

    Raises NotAgreedError where the library has no clause in force, MovedError where another import was quicker: then nothing of this one is left.
    """
    clause, library, shelf = extracts.agreed(now), extracts.library.id, extracts.shelf
    was = extracts.held()
    version = was.version + 1
    name = f"{version:08d}-{random(4).hex()}"
    shelf.put(extract_key(library, name), _sealed(library, parquet, name, clause, wrap, random))
    kept = Extract(name, version, now.isoformat(), ends_at(now, clause).isoformat(), count, by, source)
    if not extracts.ledger.advance_extract(library, kept, was=was):
        shelf.destroy(extract_key(library, name))
        raise MovedError
    if was.name:
        shelf.destroy(extract_key(library, was.name))
    return kept


def open_extract(extracts: Extracts, now: datetime, *, unwrap: Wrap, declare: Callable[[Intent], None]) -> bytes | None:
    """The Parquet of the extract that counts, or None where there is none or it may not be opened any more.

    ``declare`` writes the intent and must have succeeded before KMS is asked. Raises VaultClosedError where KMS refuses or the object was altered,
    MovedError where it has just been replaced.
    """
    held, library = extracts.held(), extracts.library.id
    if not current(held, extracts.library.patrons, now):
        return None
    body = extracts.shelf.get(extract_key(library, held.name))
    if body is None:
        if extracts.held() != held:
            raise MovedError
        return None
    head, _, sealed = body.partition(b"\n")
    keys = {str(Group.PATRONS): {str(purpose): base64.b64decode(key) for purpose, key in json.loads(head).items()}}
    opener = Opener(purpose=Purpose.DEDUPLICATE, unwrap=unwrap, declare=declare, clock=lambda: 0.0)
    return opener.open_bytes(Envelope(_object(held.name), library, keys), OWNER, Group.PATRONS, sealed)


def _sealed(library: str, parquet: bytes, name: str, clause: PatronsClause, wrap: Wrap, random: Callable[[int], bytes]) -> bytes:
    """One line with the wrapped data key by purpose, then nonce and ciphertext."""
    sealer = Sealer(sharing=library, object_id=_object(name), purposes_of=clause.purposes_of, wrap=wrap, random=random)
    sealed = sealer.seal_bytes(OWNER, Group.PATRONS, parquet)
    keys = sealer.envelope().keys[Group.PATRONS]
    return json.dumps({purpose: base64.b64encode(key).decode() for purpose, key in keys.items()}).encode() + b"\n" + sealed


def _object(name: str) -> str:
    return f"extract-{name}"
