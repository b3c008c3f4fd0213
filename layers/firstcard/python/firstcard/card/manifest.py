"""What is known of a district's last roster: tokens, fingerprints and households, and nothing that names anybody."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Known:
    """One patron of the last applied roster: row fingerprint, household token (empty without an address), whether the row said no, whether it is staff."""

    fingerprint: str
    household: str = ""
    refused: bool = False
    staff: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last applied roster of one data-sharing agreement.

    ``version`` counts applied rosters; 0 means none yet. ``content`` is the SHA-256 of the roster's plaintext. ``households`` maps a household's token
    to the fingerprint of its contact data. ``unplaced`` is how many rows of nobody knows whom the roster had: more of them another night may be people
    who are known here.
    """

    version: int = 0
    content: str = ""
    patrons: Mapping[str, Known] = field(default_factory=dict)
    households: Mapping[str, str] = field(default_factory=dict)
    unplaced: int = 0

    def to_bytes(self) -> bytes:
        """Gzipped JSON with a fixed time stamp: equal manifests are equal bytes."""
        body = {
            "v": 1,
            "version": self.version,
            "content": self.content,
            "patrons": {t: [k.fingerprint, k.household, int(k.refused), int(k.staff)] for t, k in sorted(self.patrons.items())},
            "households": dict(sorted(self.households.items())),
            "unplaced": self.unplaced,
        }
        return gzip.compress(json.dumps(body, separators=(",", ":")).encode(), compresslevel=3, mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """The manifest as it was written."""
        body = json.loads(gzip.decompress(data))
        return cls(
            version=body["version"],
            content=body["content"],
            patrons={t: Known(f, h, *map(bool, flags)) for t, (f, h, *flags) in body["patrons"].items()},
            households=body["households"],
            unplaced=body["unplaced"],
        )


def half_applied(known: Manifest, planned: Manifest) -> Manifest:
    """The manifest after a plan that was begun and never ended: of everybody whom it touched it is not known what was done.

    Their fingerprints are empty, so that the next roster compares them anew: whoever is in it is written again, whoever is not in it is ended.
    """
    patrons = {}
    for token in known.patrons.keys() | planned.patrons.keys():
        before, after = known.patrons.get(token), planned.patrons.get(token)
        either = after or before
        assert either is not None, "the token is in one of the two"
        patrons[token] = either if before == after else Known("", either.household, either.refused, either.staff)
    households = {h: contact for h, contact in known.households.items() if planned.households.get(h) == contact}
    return Manifest(known.version + 1, "", patrons, households, known.unplaced)
