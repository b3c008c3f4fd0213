"""Messages that GnuPG makes: each that is good opens, each that is bad says why."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from firstcard.roster.reasons import Reason, Refusal
from firstcard.sender import Delivered, OpeningError, open_delivery
from tests.unit.sender.builders import A_ROSTER, MIB, an_agreement
from tests.unit.sender.conftest import Parties

WAYS = {
    "compressed as by default": [],
    "not compressed": ["--compress-algo", "none"],
    "zlib": ["--compress-algo", "zlib"],
    "bzip2": ["--compress-algo", "bzip2"],
    "armoured": ["--armor"],
    "armoured with a comment": ["--armor", "--comment", "nightly export"],
    "AES-128": ["--cipher-algo", "AES128"],
    "SHA-256": ["--digest-algo", "SHA256"],
    "SHA-384": ["--digest-algo", "SHA384"],
    "RFC 4880": ["--rfc4880", "--digest-algo", "SHA256"],
}


@pytest.mark.parametrize("recipient", ["ours", "ours_rsa"])
@pytest.mark.parametrize("way", WAYS)
def test_what_gnupg_signs_and_encrypts_opens_with_the_signers_fingerprint(parties: Parties, way: str, recipient: str) -> None:
    signer = parties.district_rsa if recipient == "ours_rsa" else parties.district
    sealed = parties.seal(*WAYS[way], to=getattr(parties, recipient), by=signer)
    assert parties.open(sealed) == Delivered(plaintext=A_ROSTER, protection="signed", signer=signer)


def test_a_message_for_several_people_opens(parties: Parties) -> None:
    opened = parties.open(parties.seal("-r", parties.stranger, "-r", parties.ours_rsa))
    assert isinstance(opened, Delivered)
    assert opened.plaintext == A_ROSTER


@pytest.mark.parametrize("recipient", ["ours", "ours_rsa"])
def test_a_message_that_hides_its_recipient_opens(parties: Parties, recipient: str) -> None:
    sealed = parties.gnupg.run("--sign", "--encrypt", "-u", parties.district, "-R", getattr(parties, recipient), given=A_ROSTER)
    assert parties.open(sealed) == Delivered(plaintext=A_ROSTER, protection="signed", signer=parties.district)


def test_one_good_signature_is_enough_whoever_else_signed(parties: Parties) -> None:
    for others in (["-u", parties.stranger, "-u", parties.district], ["-u", parties.district, "-u", parties.stranger]):
        sealed = parties.gnupg.run("--sign", "--encrypt", *others, "-r", parties.ours, given=A_ROSTER)
        assert parties.open(sealed) == Delivered(plaintext=A_ROSTER, protection="signed", signer=parties.district)


def test_a_text_mode_signature_counts(parties: Parties) -> None:
    assert parties.open(parties.seal("--textmode")) == Delivered(plaintext=A_ROSTER, protection="signed", signer=parties.district)


def test_an_empty_file_opens_as_empty(parties: Parties) -> None:
    assert parties.open(parties.seal(data=b"")) == Delivered(plaintext=b"", protection="signed", signer=parties.district)


@pytest.mark.parametrize("newer_first", [True, False])
def test_both_keys_open_while_keys_change(parties: Parties, newer_first: bool) -> None:
    keys = (parties.ours_rsa, parties.ours) if newer_first else (parties.ours, parties.ours_rsa)
    for recipient in keys:
        assert isinstance(parties.open(parties.seal(to=recipient), keys=keys), Delivered)


def test_an_armoured_message_opens_behind_a_byte_order_mark_and_blank_lines(parties: Parties) -> None:
    assert isinstance(parties.open(b"\xef\xbb\xbf\r\n\r\n" + parties.seal("--armor").replace(b"\n", b"\r\n") + b"\r\n\r\n"), Delivered)


def refusal(parties: Parties, data: bytes, protection: str = "signed", **more: Any) -> Reason:
    refused = parties.open(data, protection, **more)
    assert isinstance(refused, Refusal)
    return refused.reason


def test_a_message_for_somebody_else_is_refused(parties: Parties) -> None:
    assert refusal(parties, parties.seal(to=parties.stranger)) is Reason.PGP_NO_KEY
    assert (
        refusal(parties, parties.gnupg.run("--sign", "--encrypt", "-u", parties.district, "-R", parties.stranger, given=A_ROSTER))
        is Reason.PGP_NO_KEY
    )


def test_a_message_under_a_password_is_refused(parties: Parties) -> None:
    assert refusal(parties, parties.gnupg.run("--symmetric", "--passphrase", "open sesame", given=A_ROSTER)) is Reason.PGP_NO_KEY


def test_an_unsigned_message_is_refused_where_it_must_be_signed(parties: Parties) -> None:
    unsigned = parties.gnupg.run("--encrypt", "-r", parties.ours, given=A_ROSTER)
    assert refusal(parties, unsigned) is Reason.PGP_UNSIGNED
    assert parties.open(unsigned, "encrypted") == Delivered(plaintext=A_ROSTER, protection="encrypted", signer="")


def test_a_strangers_signature_is_refused_where_it_must_be_the_districts(parties: Parties) -> None:
    sealed = parties.seal(by=parties.stranger)
    assert refusal(parties, sealed) is Reason.PGP_SIGNER
    assert parties.open(sealed, "encrypted") == Delivered(plaintext=A_ROSTER, protection="encrypted", signer="")


@pytest.mark.parametrize("signer", ["district", "district_rsa"])
def test_a_sha1_signature_is_refused_whichever_key_made_it(parties: Parties, signer: str) -> None:
    sealed = parties.seal("--digest-algo", "SHA1", by=getattr(parties, signer))
    assert refusal(parties, sealed) is Reason.PGP_WEAK_SIGNATURE


def test_a_strangers_sha1_signature_is_a_strangers_signature(parties: Parties) -> None:
    assert refusal(parties, parties.seal("--digest-algo", "SHA1", by=parties.stranger)) is Reason.PGP_SIGNER


@pytest.mark.parametrize("options", [[], ["--armor"], ["--compress-algo", "none"]])
@pytest.mark.parametrize("protection", ["signed", "encrypted"])
def test_a_message_that_is_signed_but_not_encrypted_is_refused(parties: Parties, protection: str, options: list[str]) -> None:
    signed = parties.gnupg.run("--sign", "-u", parties.district, *options, given=A_ROSTER)
    assert refusal(parties, signed, protection) is Reason.PGP_NOT_ENCRYPTED


def test_a_clear_signed_text_is_refused(parties: Parties) -> None:
    clear = parties.gnupg.run("--clear-sign", "-u", parties.district, given=A_ROSTER)
    assert refusal(parties, clear) is Reason.PGP_NOT_ENCRYPTED


def test_a_message_without_integrity_protection_is_refused(parties: Parties) -> None:
    old = parties.seal("--rfc2440", "--cipher-algo", "3DES", "--disable-mdc", to=parties.ours_rsa, by=parties.district_rsa)
    assert refusal(parties, old) is Reason.PROTECTION_TOO_WEAK


@pytest.mark.parametrize("options", [[], ["--armor"], ["--compress-algo", "none"]])
@pytest.mark.parametrize("share", [0.6, 0.999])
def test_a_cut_off_message_is_refused(parties: Parties, options: list[str], share: float) -> None:
    sealed = parties.seal(*options)
    assert refusal(parties, sealed[: int(len(sealed) * share)]) is Reason.PGP_TRUNCATED


def test_a_message_without_its_last_byte_is_refused(parties: Parties) -> None:
    assert refusal(parties, parties.seal()[:-1]) is Reason.PGP_TRUNCATED


def test_a_byte_changed_anywhere_in_the_ciphertext_is_noticed(parties: Parties) -> None:
    sealed = parties.seal("--compress-algo", "none")
    # From a third on, all is ciphertext of one packet; its part lengths are the only other bytes, and those may look cut off instead.
    for place in range(len(sealed) // 3, len(sealed), len(sealed) // 9):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        assert refusal(parties, changed) in (Reason.PGP_TAMPERED, Reason.PGP_TRUNCATED, Reason.PGP_SEVERAL_MESSAGES)
    last = sealed[:-1] + bytes([sealed[-1] ^ 0x80])
    assert refusal(parties, last) is Reason.PGP_TAMPERED


def test_a_byte_changed_in_the_session_key_is_noticed(parties: Parties) -> None:
    sealed = bytearray(parties.seal())
    sealed[40] ^= 1
    assert refusal(parties, bytes(sealed)) is Reason.PGP_TAMPERED


def test_broken_armour_is_refused(parties: Parties) -> None:
    lines = parties.seal("--armor").splitlines(keepends=True)
    assert refusal(parties, b"".join([*lines[:5], b"not%base64!\n", *lines[5:]])) is Reason.PGP_TAMPERED


@pytest.mark.parametrize("options", [[], ["--armor"]])
def test_two_messages_or_anything_after_one_are_refused(parties: Parties, options: list[str]) -> None:
    sealed = parties.seal(*options)
    for appended in (sealed, b"student_id,last_name\r\n"):
        assert refusal(parties, sealed + appended) is Reason.PGP_SEVERAL_MESSAGES


@pytest.mark.parametrize("protection", ["signed", "encrypted"])
def test_plain_and_unknown_content_is_refused_where_it_must_be_encrypted(parties: Parties, protection: str) -> None:
    for content in (A_ROSTER, b"", b"PK\x03\x04 a zip", b"\xff\xfes\x00t\x00", "Élève,Ël".encode("cp1252"), bytes(range(256)) * 9):
        assert refusal(parties, content, protection) is Reason.PROTECTION_TOO_WEAK


def test_a_revoked_key_signs_nothing_any_more(parties: Parties) -> None:
    fingerprint = parties.gnupg.make("leaver")
    sealed = parties.seal(by=fingerprint)
    certificate = (parties.gnupg.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_bytes()
    ours = [parties.gnupg.secret(parties.ours)]
    before = an_agreement("signed", (parties.gnupg.public(fingerprint),))
    parties.gnupg.run("--import", given=certificate.replace(b":-----BEGIN", b"-----BEGIN"))
    after = an_agreement("signed", (parties.gnupg.public(fingerprint),))
    assert isinstance(open_delivery(sealed, agreement=before, secret_keys=ours, limit=MIB), Delivered)
    assert open_delivery(sealed, agreement=after, secret_keys=ours, limit=MIB) == Refusal(Reason.PGP_SIGNER)


@pytest.mark.parametrize("algorithm", ["zip", "zlib", "bzip2"])
def test_a_message_that_unpacks_to_more_than_the_limit_is_stopped(parties: Parties, algorithm: str) -> None:
    bomb = parties.seal("--compress-algo", algorithm, data=bytes(80 * MIB))
    assert refusal(parties, bomb, limit=MIB) is Reason.PGP_LIMIT


def test_a_message_that_unpacks_a_hundredfold_is_stopped_below_the_limit_too(parties: Parties) -> None:
    assert refusal(parties, parties.seal(data=bytes(40 * MIB)), limit=64 * MIB) is Reason.PGP_LIMIT


def test_the_limit_is_met_to_the_byte(parties: Parties) -> None:
    sealed = parties.seal()
    assert isinstance(parties.open(sealed, limit=len(A_ROSTER)), Delivered)
    assert refusal(parties, sealed, limit=len(A_ROSTER) - 1) is Reason.PGP_LIMIT


def test_an_upload_that_cannot_fit_the_limit_is_not_even_looked_at(parties: Parties) -> None:
    assert refusal(parties, bytes(3 * MIB), "plain", limit=MIB) is Reason.TOO_LARGE


def test_secret_keys_are_in_no_argument_and_no_environment(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    start = subprocess.Popen

    def watch(command: list[str], **how: Any) -> subprocess.Popen[bytes]:
        seen.append(repr((command, how["env"])))
        return start(command, **how)

    sealed = parties.seal()
    agreement = an_agreement("signed", (parties.gnupg.public(parties.district),))
    secret = parties.gnupg.secret(parties.ours)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-hand-on")
    monkeypatch.setattr(subprocess, "Popen", watch)
    assert isinstance(open_delivery(sealed, agreement=agreement, secret_keys=[secret], limit=MIB), Delivered)
    assert len(seen) == 1
    assert "do-not-hand-on" not in seen[0]
    assert not any(line in seen[0] for line in secret.splitlines() if line)


def test_neither_an_opened_nor_a_refused_delivery_leaves_a_file(parties: Parties, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = parties.seal(), parties.seal(by=parties.stranger)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert isinstance(parties.open(good), Delivered)
    assert isinstance(parties.open(bad), Refusal)
    assert list(tmp_path.iterdir()) == []


def test_a_key_of_ours_that_cannot_be_read_is_our_fault_and_not_the_files(parties: Parties) -> None:
    agreement = an_agreement("signed", (parties.gnupg.public(parties.district),))
    with pytest.raises(OpeningError):
        open_delivery(parties.seal(), agreement=agreement, secret_keys=["no key"], limit=MIB)


def test_nothing_that_was_opened_shows_in_a_repr(parties: Parties) -> None:
    assert "Kealoha" not in repr(parties.open(parties.seal()))
