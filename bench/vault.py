"""Sealing a district's field groups, against the bare cipher over the same bytes in the same run.

python bench/vault.py [patrons]
"""

import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / "layers" / "firstcard" / "python"), str(Path(__file__).parent.parent)]

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.vault.seal import Sealer

GROUPS = (Group.IDENTITY, Group.AGE, Group.ENROLMENT, Group.CARD, Group.PIN)
FIELDS = {"student_id": "100200300", "last_name": "Nguyễn", "first_name": "An", "middle_name": "Bình"}
RUNS = 5


def seal(patrons: int) -> float:
    """Seconds for sealing every group of every patron, 400 a chunk as plan does."""
    begun = time.perf_counter()
    for start in range(0, patrons, 400):
        sealer = Sealer(
            sharing="a.b", object_id=str(start), purposes_of=lambda _: (Purpose.SYNC_ILS,), wrap=lambda key, _: key, random=os.urandom
        )
        for patron in range(start, min(start + 400, patrons)):
            for group in GROUPS:
                sealer.seal(f"{patron:032x}", group, FIELDS)
        sealer.envelope()
    return time.perf_counter() - begun


def floor(patrons: int) -> float:
    """Seconds for the cipher alone, over the same plaintexts."""
    plain, cipher, nonce = json.dumps(FIELDS).encode(), AESGCM(os.urandom(32)), os.urandom(12)
    begun = time.perf_counter()
    for _ in range(patrons * len(GROUPS)):
        cipher.encrypt(nonce, plain, b"bound")
    return time.perf_counter() - begun


def main() -> None:
    """Print medians and their ratio."""
    patrons = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    pairs = [(seal(patrons), floor(patrons)) for _ in range(RUNS)]
    sealing, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(s / f for s, f in pairs)
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores; medians of {RUNS} runs")
    print(f"sealing {patrons:,} patrons x {len(GROUPS)} groups: {sealing:.2f} s; the bare cipher: {bare:.2f} s; ratio {ratio:.1f}")


if __name__ == "__main__":
    main()
