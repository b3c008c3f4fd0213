import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from firstcard.roster.reasons import Refusal
from firstcard.sender import Delivered, open_delivery
from tests.unit.sender.builders import A_ROSTER, MIB, Gnupg, an_agreement


@dataclass(frozen=True)
class Parties:
    """The district that sends, FirstCard that opens, and a stranger; each with a key pair of a kind, and the ring they share."""

    gnupg: Gnupg
    district: str
    district_rsa: str
    ours: str
    ours_rsa: str
    stranger: str

    def seal(self, *options: str, to: str | None = None, by: str | None = None, data: bytes = A_ROSTER) -> bytes:
        """Signed and encrypted as GnuPG does it by default, plus ``options``."""
        return self.gnupg.run("--sign", "--encrypt", "-u", by or self.district, "-r", to or self.ours, *options, given=data)

    def open(self, data: bytes, protection: str = "signed", *, limit: int = 16 * MIB, keys: tuple[str, ...] = ()) -> Delivered | Refusal:
        """Opened with our keys under an agreement that pins the district's two."""
        agreement = an_agreement(protection, tuple(self.gnupg.public(key) for key in (self.district, self.district_rsa)))
        return open_delivery(
            data, agreement=agreement, secret_keys=[self.gnupg.secret(key) for key in keys or (self.ours, self.ours_rsa)], limit=limit
        )


@pytest.fixture(scope="session")
def parties() -> Iterator[Parties]:
    # GnuPG's agent listens on a socket in this folder, whose path may have 107 characters: pytest's own folders are deeper.
    with tempfile.TemporaryDirectory(prefix="gpg-", ignore_cleanup_errors=True) as home:
        gnupg = Gnupg(Path(home))
        try:
            yield Parties(
                gnupg,
                gnupg.make("district"),
                gnupg.make("districtrsa", "rsa2048", "rsa2048"),
                gnupg.make("firstcard"),
                gnupg.make("firstcardrsa", "rsa2048", "rsa2048"),
                gnupg.make("stranger"),
            )
        finally:
            gnupg.close()
