"""What is known of a district's last roster: tokens, fingerprints and households, and nothing that names anybody."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Known:
    """One patron of the last applied roster: row fingerprint, household token (empty without an address), whether the row said no."""

    fingerprint: str
    household: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last applied roster of one data-sharing agreement.

    ``version`` counts applied rosters; 0 means none yet. ``content`` is the SHA-256 of the roster's plaintext. ``households`` maps a household's token
    to the fingerprint of its contact data.
    """

    version: int = 0
    content: str = ""
    patrons: Mapping[str, Known] = field(default_factory=dict)
    households: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Gzipped JSON with a fixed time stamp: equal manifests are equal bytes."""
        body = {
            "v": 1,
            "version": self.version,
            "content": self.content,
            "patrons": {t: [k.fingerprint, k.household, int(k.refused)] for t, k in sorted(self.patrons.items())},
            "households": dict(sorted(self.households.items())),
        }
        return gzip.compress(json.dumps(body, separators=(",", ":")).encode(), compresslevel=3, mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """The manifest as it was written."""
        body = json.loads(gzip.decompress(data))
        return cls(
            version=body["version"],
            content=body["content"],
            patrons={t: Known(f, h, bool(r)) for t, (f, h, r) in body["patrons"].items()},
            households=body["households"],
        )
