"""Small files that would unpack to very much are stopped within 512 MiB of memory and ten seconds of processor, which the operating system enforces."""

import io
import json
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest

from firstcard.roster import Reason
from tests.unit.roster.builders import a_zip, oneroster_files
from tests.unit.sender.bounded import MEBIBYTE, MEMORY
from tests.unit.sender.conftest import Parties

ROOT = Path(__file__).parents[3]
ZEROS = bytes(MEBIBYTE)


def stopped(delivery: Path, key: Path) -> Reason:
    """What the delivery is refused for, by a process that may not use more than is said above."""
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/firstcard/python'}", "PATH": os.environ["PATH"]}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.unit.sender.bounded", str(delivery), str(key)],
        capture_output=True,
        env=environment,
        cwd=ROOT,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()[-2000:]
    told: dict[str, Any] = json.loads(ran.stdout)
    assert max(told["own_mib"], told["other_mib"]) * MEBIBYTE < MEMORY + 64 * MEBIBYTE
    return Reason(told["reason"])


@pytest.fixture(scope="module")
def no_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = tmp_path_factory.mktemp("keys") / "key"
    key.write_text("")
    return key


# Zip


def flat() -> bytes:
    """One file of a gigabyte of zeros, as 1 to 5 MB."""
    return zipped({"users.csv": 1024})


def zipped(files: dict[str, int]) -> bytes:
    """A zip of files of so many mebibytes of zeros, each written bit by bit."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in oneroster_files(without=files).items():
            archive.writestr(name, content)
        for name, size in files.items():
            with archive.open(name, "w") as opened:
                for _ in range(size):
                    opened.write(ZEROS)
    return out.getvalue()


def nested() -> bytes:
    """Zips in zips in zips, sixteen each, as in 42.zip, with a gigabyte in each of the innermost: petabytes in all."""
    inner = zipped({"0.csv": 1024})
    for level in range(5):
        inner = a_zip({f"lib {n} {level}.zip": inner for n in range(16)}, method=zipfile.ZIP_DEFLATED)
    return inner


def overlapping(entries: int = 60) -> bytes:
    """Many names in the directory for one and the same compressed data."""
    kernel = io.BytesIO()
    with zipfile.ZipFile(kernel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("users.csv", ZEROS * 64)
    data = kernel.getvalue()
    start = data.index(b"PK\x01\x02")
    one, end = data[start : data.rindex(b"PK\x05\x06")], data.rindex(b"PK\x05\x06")
    names = [b"users.csv", *(b"user%02d.csv"[:8] % n for n in range(1, entries))]
    directory = b"".join(one.replace(b"users.csv", (name + b"xxxxxxxxx")[:9]) for name in names)
    record = bytearray(data[end:])
    struct.pack_into("<HHLL", record, 8, entries, entries, len(directory), start)
    return data[:start] + directory + bytes(record)


def overlapping_and_modest() -> bytes:
    """The same, each entry claiming a modest size, so that only the sharing shows."""
    data = bytearray(overlapping())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        struct.pack_into("<L", data, at + 24, 1_000_000)
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


def many_entries() -> bytes:
    """65,000 empty entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for n in range(65_000):
            archive.writestr(f"{n}.csv", b"")
    return out.getvalue()


def workbook() -> bytes:
    """A workbook whose sheet is a gigabyte of blanks."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as opened:
            for _ in range(1024):
                opened.write(b" " * MEBIBYTE)
    return out.getvalue()


@pytest.mark.parametrize("bomb", [flat, nested, overlapping, overlapping_and_modest, many_entries, workbook])
def test_a_zip_bomb_is_stopped(bomb: Callable[[], bytes], tmp_path: Path, no_key: Path) -> None:
    delivery = tmp_path / "roster.zip"
    delivery.write_bytes(bomb())
    assert stopped(delivery, no_key) is Reason.ZIP_LIMITS


def test_many_entries_at_the_very_ratio_that_is_allowed_are_stopped_by_their_sum(tmp_path: Path, no_key: Path) -> None:
    delivery = tmp_path / "roster.zip"
    # Twelve bytes of noise in a thousand make deflate pack a little worse than a hundredfold.
    noisy = b"".join(os.urandom(12) + bytes(988) for _ in range(9_000))
    delivery.write_bytes(a_zip({**oneroster_files(), **{f"f{n}.csv": noisy for n in range(12)}}))
    assert stopped(delivery, no_key) is Reason.ZIP_LIMITS


# OpenPGP and age


def blocks(mebibytes: int) -> Iterator[bytes]:
    return (ZEROS for _ in range(mebibytes))


@pytest.mark.parametrize(("algorithm", "mebibytes"), [("zip", 1024), ("bzip2", 256)])
def test_an_openpgp_bomb_of_gnupg_is_stopped(algorithm: str, mebibytes: int, parties: Parties, tmp_path: Path) -> None:
    key, delivery = tmp_path / "key", tmp_path / "roster.gpg"
    key.write_text(parties.gnupg.secret(parties.ours))
    options = ["--encrypt", "-r", parties.ours, "--compress-algo", algorithm, "--compress-level", "1"]
    with delivery.open("wb") as out:
        parties.gnupg.stream(*options, given=blocks(mebibytes), out=out)
    assert delivery.stat().st_size < 16 * MEBIBYTE
    assert stopped(delivery, key) is Reason.PGP_LIMIT


def test_an_age_file_of_a_bomb_is_as_large_as_what_is_in_it(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    key, delivery = tmp_path / "key", tmp_path / "roster.age"
    key.write_text(str(identity))
    # age does not compress: what unpacks is the zip inside.
    delivery.write_bytes(pyrage.encrypt(flat(), [identity.to_public()]))
    assert stopped(delivery, key) is Reason.ZIP_LIMITS
    delivery.write_bytes(pyrage.encrypt(bytes(160 * MEBIBYTE), [identity.to_public()]))
    assert stopped(delivery, key) is Reason.TOO_LARGE
