"""Sealing and opening of field groups.

One AES-256-GCM data key per object (a chunk of a plan) and field group; the data key is wrapped by KMS once per purpose that the agreement gives the
group. The encryption context {agreement, object, group, purpose} is what the key policy checks and what CloudTrail shows; it is not secret.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.vault.model import Envelope, Intent, VaultClosedError, Wrap

NONCE_BYTES = 12
DATA_KEY_SECONDS = 50.0
"""How long an opened data key may be kept: under 60 s, so that a disabled key stops a warm worker within a minute (design: stopping)."""


def _context(sharing: str, object_id: str, group: str, purpose: str) -> dict[str, str]:
    return {"agreement": sharing, "object": object_id, "group": group, "purpose": purpose}


def _bound(sharing: str, object_id: str, group: str, owner: str) -> bytes:
    return "\0".join((sharing, object_id, group, owner)).encode()


class Sealer:
    """Seals the field groups of one object.

    ``random`` gives n random bytes. A group that the agreement opens for no purpose cannot be sealed: it must not have been read at all.
    """

    def __init__(
        self,
        *,
        sharing: str,
        object_id: str,
        purposes_of: Callable[[Group], tuple[Purpose, ...]],
        wrap: Wrap,
        random: Callable[[int], bytes],
    ) -> None:
        self._sharing = sharing
        self._object = object_id
        self._purposes_of = purposes_of
        self._wrap = wrap
        self._random = random
        self._keys: dict[Group, bytes] = {}
        self._ciphers: dict[Group, AESGCM] = {}

    def seal(self, owner: str, group: Group, fields: Mapping[str, Any]) -> bytes:
        """Nonce and ciphertext of ``fields``, bound to object, group and ``owner`` (a token), so that it opens nowhere else."""
        return self.seal_bytes(owner, group, json.dumps(dict(fields), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode())

    def seal_bytes(self, owner: str, group: Group, plain: bytes) -> bytes:
        """As ``seal``, of bytes."""
        cipher = self._ciphers.get(group)
        if cipher is None:
            if not self._purposes_of(group):
                raise ValueError(f"the agreement {self._sharing} opens field group {group} for no purpose: do not store it")
            self._keys[group] = self._random(32)
            cipher = self._ciphers[group] = AESGCM(self._keys[group])
        nonce = self._random(NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, plain, _bound(self._sharing, self._object, group, owner))

    def envelope(self) -> Envelope:
        """The wrapped keys of every group used so far: one KMS call per group and purpose."""
        return Envelope(
            self._object,
            self._sharing,
            {
                group: {p: self._wrap(key, _context(self._sharing, self._object, group, p)) for p in self._purposes_of(group)}
                for group, key in self._keys.items()
            },
        )


class Opener:
    """Opens field groups for one purpose.

    ``unwrap`` asks KMS; ``declare`` writes the intent and must have succeeded before KMS is asked; ``clock`` gives seconds (monotonic).
    Raises VaultClosedError for whatever may not, or can no longer, be opened.
    """

    def __init__(self, *, purpose: Purpose, unwrap: Wrap, declare: Callable[[Intent], None], clock: Callable[[], float]) -> None:
        self._purpose = purpose
        self._unwrap = unwrap
        self._declare = declare
        self._clock = clock
        self._open: dict[tuple[str, str], tuple[float, AESGCM]] = {}

    def open(self, envelope: Envelope, owner: str, group: Group, sealed: bytes) -> dict[str, Any]:
        """The fields of one group of one owner."""
        fields: dict[str, Any] = json.loads(self.open_bytes(envelope, owner, group, sealed))
        return fields

    def open_bytes(self, envelope: Envelope, owner: str, group: Group, sealed: bytes) -> bytes:
        """As ``open``, of bytes."""
        cipher = self._cipher(envelope, group)
        try:
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(envelope.sharing, envelope.object, group, owner))
        except (InvalidTag, ValueError):
            raise VaultClosedError(
                f"field group {group} of object {envelope.object} does not belong to this owner, or was altered"
            ) from None

    def _cipher(self, envelope: Envelope, group: Group) -> AESGCM:
        now = self._clock()
        kept = self._open.get((envelope.object, group))
        if kept and kept[0] > now:
            return kept[1]
        wrapped = envelope.keys.get(group, {}).get(self._purpose)
        if wrapped is None:
            raise VaultClosedError(f"the agreement gives purpose {self._purpose} no access to field group {group}")
        self._declare(Intent(envelope.sharing, envelope.object, group, self._purpose))
        cipher = AESGCM(self._unwrap(wrapped, _context(envelope.sharing, envelope.object, group, self._purpose)))
        self._open = {k: v for k, v in self._open.items() if v[0] > now}
        self._open[(envelope.object, group)] = (now + DATA_KEY_SECONDS, cipher)
        return cipher
