"""Files that age's Rust implementation makes: each that is good opens, each that is bad says why."""

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrage import encrypt, passphrase, x25519

from firstcard.roster.reasons import Reason, Refusal
from firstcard.sender import Delivered, OpeningError, open_delivery
from firstcard.sender.protection import Wrapped, Wrapping, unwrapped
from firstcard.sender.unseal import Unfit, unseal_age
from tests.unit.sender.builders import A_ROSTER, MIB, an_agreement

OURS, OLDER, STRANGER = (x25519.Identity.generate() for _ in range(3))
CHUNK = (64 << 10) + 16


def sealed(data: bytes = A_ROSTER, *to: Any, armoured: bool = False) -> bytes:
    found: bytes = encrypt(data, [key.to_public() for key in to or (OURS,)], armored=armoured)
    return found


SEALED, ARMOURED = sealed(), sealed(armoured=True)
PAYLOAD = SEALED.index(b"\n--- ") + len("\n--- \n") + 43


def opened(data: bytes, protection: str = "encrypted", *, limit: int = MIB, keys: tuple[str, ...] = (str(OURS), str(OLDER))) -> Any:
    return open_delivery(data, agreement=an_agreement(protection), secret_keys=keys, limit=limit)


def refusal(data: bytes, protection: str = "encrypted", **more: Any) -> Reason:
    refused = opened(data, protection, **more)
    assert isinstance(refused, Refusal)
    return refused.reason


@pytest.mark.parametrize("protection", ["encrypted", "plain"])
@pytest.mark.parametrize("data", [SEALED, ARMOURED, ARMOURED.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf\r\n" + ARMOURED + b"\r\n\r\n"])
def test_an_age_file_for_our_key_opens_and_proves_no_sender(data: bytes, protection: str) -> None:
    assert opened(data, protection) == Delivered(plaintext=A_ROSTER, protection="encrypted", signer="")


@pytest.mark.parametrize("data", [SEALED, ARMOURED])
def test_an_age_file_does_not_do_where_a_signature_is_demanded(data: bytes) -> None:
    assert refusal(data, "signed") is Reason.PROTECTION_TOO_WEAK


@pytest.mark.parametrize("size", [0, 1, 64 << 10, (128 << 10) + 1])
def test_files_of_every_number_of_chunks_open_whole(size: int) -> None:
    assert opened(sealed(bytes(size))).plaintext == bytes(size)


def test_a_file_for_several_people_opens_and_so_does_one_for_our_older_key() -> None:
    assert opened(sealed(A_ROSTER, STRANGER, OURS)).plaintext == A_ROSTER
    assert opened(sealed(A_ROSTER, OLDER)).plaintext == A_ROSTER


def test_an_identity_counts_with_the_comments_that_age_keygen_writes() -> None:
    assert opened(SEALED, keys=(f"# created: 2026-11-22T00:00:00Z\n# public key: {OURS.to_public()}\n{OURS}\n",)).plaintext == A_ROSTER


@pytest.mark.parametrize("keys", [(str(STRANGER),), ()])
def test_a_file_for_somebody_else_is_refused(keys: tuple[str, ...]) -> None:
    assert refusal(SEALED, keys=keys) is Reason.AGE_NO_KEY


def test_a_file_under_a_passphrase_is_refused_before_any_work_is_done() -> None:
    data = passphrase.encrypt(A_ROSTER, "open sesame")
    assert unwrapped(data) is Reason.AGE_SCRYPT
    assert refusal(data) is Reason.AGE_SCRYPT


@pytest.mark.parametrize(
    "place",
    [PAYLOAD - 10, PAYLOAD + 3, PAYLOAD + 100, PAYLOAD + 16 + CHUNK + 7, len(SEALED) - 1],
    ids=["header", "nonce", "first chunk", "second chunk", "end"],
)
def test_a_changed_byte_is_noticed(place: int) -> None:
    other = ord("A") if SEALED[place] != ord("A") else ord("B")  # still base64, where it is in the header
    assert refusal(SEALED[:place] + bytes([other]) + SEALED[place + 1 :]) is Reason.AGE_TAMPERED


@pytest.mark.parametrize("appended", [SEALED, b"x", A_ROSTER])
def test_anything_after_a_file_is_noticed(appended: bytes) -> None:
    assert refusal(SEALED + appended) is Reason.AGE_TAMPERED
    assert refusal(ARMOURED + appended) is Reason.AGE_TAMPERED


def test_text_mode_and_broken_armour_are_noticed() -> None:
    assert refusal(SEALED.replace(b"\n", b"\r\n")) is Reason.AGE_TAMPERED
    lines = ARMOURED.splitlines(keepends=True)
    assert refusal(b"".join([*lines[:5], b"not%base64!\n", *lines[5:]])) is Reason.AGE_TAMPERED
    assert refusal(b"age-encryption.org/v2\n-> X25519 abc\n") is Reason.AGE_TAMPERED


@given(st.integers(0, PAYLOAD + 31))
def test_a_cut_in_the_header_is_noticed_before_anything_is_decrypted(at: int) -> None:
    assert unwrapped(SEALED[: max(at, len("age-encryption.org/"))]) is Reason.AGE_TRUNCATED


@given(st.integers(40, len(ARMOURED) - 3))
def test_a_cut_in_the_armour_is_noticed_before_anything_is_decrypted(at: int) -> None:
    assert unwrapped(ARMOURED[:at]) is Reason.AGE_TRUNCATED


def test_a_cut_between_chunks_is_noticed_and_one_within_a_chunk_cannot_be_told_from_a_change() -> None:
    assert refusal(SEALED[: PAYLOAD + 16 + CHUNK]) is Reason.AGE_TRUNCATED
    assert refusal(SEALED[: PAYLOAD + 16 + CHUNK + 100]) is Reason.AGE_TAMPERED
    assert refusal(SEALED[:-1]) is Reason.AGE_TAMPERED


@given(st.binary(max_size=400), st.integers(0, 1_000_000), st.booleans())
def test_a_damaged_file_is_still_recognised_or_refused(noise: bytes, place: int, armoured: bool) -> None:
    whole = ARMOURED if armoured else SEALED
    at = place % len(whole)
    assert isinstance(unwrapped(whole[:at] + noise + whole[at + len(noise) :]), Wrapped | Reason)


def test_a_header_of_very_many_recipients_is_refused_unread() -> None:
    stanza = b"-> X25519 " + b"A" * 43 + b"\n" + b"A" * 43 + b"\n"
    header = b"age-encryption.org/v1\n" + stanza * 200
    assert unwrapped(header + b"--- " + b"A" * 43 + b"\n" + bytes(100)) is Reason.AGE_TAMPERED
    few = b"age-encryption.org/v1\n" + stanza * 150
    assert isinstance(unwrapped(few + b"--- " + b"A" * 43 + b"\n" + bytes(100)), Wrapped)


def test_the_limit_is_met_to_the_byte() -> None:
    assert opened(SEALED, limit=len(A_ROSTER)).plaintext == A_ROSTER
    assert refusal(SEALED, limit=len(A_ROSTER) - 1) is Reason.TOO_LARGE


def test_the_other_process_gives_nothing_out_over_the_limit() -> None:
    assert unseal_age(SEALED, identities=[str(OURS)], limit=len(A_ROSTER)) == A_ROSTER
    with pytest.raises(Unfit, match="TOO_LARGE"):
        unseal_age(SEALED, identities=[str(OURS)], limit=len(A_ROSTER) - 1)


def test_memory_that_runs_out_ends_in_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstcard.sender.opening._memory", lambda limit, size: 1 << 20)
    assert refusal(sealed(bytes(8 * MIB)), limit=8 * MIB) is Reason.TOO_LARGE


def test_armour_hides_nothing_from_the_header_check() -> None:
    body = base64.encodebytes(passphrase.encrypt(b"x", "open sesame"))
    assert unwrapped(b"-----BEGIN AGE ENCRYPTED FILE-----\n" + body + b"-----END AGE ENCRYPTED FILE-----\n") is Reason.AGE_SCRYPT
    assert unwrapped(b"-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----\n") is Reason.AGE_TRUNCATED
    assert unwrapped(ARMOURED) == Wrapped(Wrapping.AGE, SEALED_IN_ARMOUR)


def test_identities_are_in_no_argument_and_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    start = subprocess.Popen

    def watch(command: list[str], **how: Any) -> subprocess.Popen[bytes]:
        seen.append(repr((command, how["env"])))
        return start(command, **how)

    monkeypatch.setattr(subprocess, "Popen", watch)
    assert isinstance(opened(SEALED), Delivered)
    assert len(seen) == 1
    assert sys.executable in seen[0]
    assert "AGE-SECRET-KEY" not in seen[0]


def test_neither_an_opened_nor_a_refused_file_leaves_one_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert isinstance(opened(SEALED), Delivered)
    assert isinstance(opened(SEALED[:-1]), Refusal)
    assert list(tmp_path.iterdir()) == []


def test_an_identity_of_ours_that_cannot_be_read_is_our_fault_and_not_the_files() -> None:
    with pytest.raises(OpeningError):
        opened(SEALED, keys=("AGE-SECRET-KEY-1NOKEY",))


SEALED_IN_ARMOUR = base64.b64decode(b"".join(ARMOURED.splitlines()[1:-1]))
