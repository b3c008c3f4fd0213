"""What each level of protection takes, with no program but our own."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.roster.reasons import Reason, Refusal
from firstcard.sender import Delivered, open_delivery
from firstcard.sender.protection import Wrapped, Wrapping, unwrapped
from local.district.delivery import OpenPgpKey, new_openpgp_key, protect
from tests.unit.sender.builders import A_ROSTER, MIB, an_agreement

MADE = datetime(2026, 11, 1, tzinfo=UTC)
DISTRICT, OURS = new_openpgp_key("district", created=MADE), new_openpgp_key("firstcard", created=MADE)


def opened(data: bytes, protection: str, limit: int = MIB) -> Delivered | Refusal:
    return open_delivery(data, agreement=an_agreement(protection, (DISTRICT.public,)), secret_keys=[OURS.secret], limit=limit)


def sealed(signer: OpenPgpKey | None) -> bytes:
    return protect(A_ROSTER, recipients=[OURS.public], signer=signer, gpg=None).data


@pytest.mark.parametrize("protection", ["signed", "encrypted", "plain"])
def test_the_best_protection_suits_every_agreement(protection: str) -> None:
    assert opened(sealed(DISTRICT), protection) == Delivered(plaintext=A_ROSTER, protection="signed", signer=DISTRICT.fingerprint)


def test_encryption_alone_suits_the_two_lower_levels_only() -> None:
    for protection in ("encrypted", "plain"):
        assert opened(sealed(None), protection) == Delivered(plaintext=A_ROSTER, protection="encrypted", signer="")
    assert opened(sealed(None), "signed") == Refusal(Reason.PGP_UNSIGNED)


def test_a_plain_file_suits_only_an_agreement_that_says_plain() -> None:
    assert opened(A_ROSTER, "plain") == Delivered(plaintext=A_ROSTER, protection="plain", signer="")
    for protection in ("signed", "encrypted"):
        assert opened(A_ROSTER, protection) == Refusal(Reason.PROTECTION_TOO_WEAK)


def test_a_plain_file_over_the_limit_is_too_large() -> None:
    assert opened(A_ROSTER, "plain", limit=len(A_ROSTER)) == Delivered(plaintext=A_ROSTER, protection="plain", signer="")
    assert opened(A_ROSTER, "plain", limit=len(A_ROSTER) - 1) == Refusal(Reason.TOO_LARGE)


@given(st.binary(max_size=4096))
def test_any_bytes_are_recognised_or_refused_and_never_break_anything(data: bytes) -> None:
    assert isinstance(unwrapped(data), Wrapped | Reason)


@given(st.binary(max_size=400), st.integers(0, 1_000_000), st.booleans())
def test_a_damaged_message_is_still_recognised_or_refused(noise: bytes, place: int, armoured: bool) -> None:
    whole = ARMOURED if armoured else SEALED
    at = place % len(whole)
    assert isinstance(unwrapped(whole[:at] + noise + whole[at + len(noise) :]), Wrapped | Reason)


@given(st.text(max_size=2000), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
def test_text_is_never_taken_for_a_message(text: str, encoding: str) -> None:
    lines = "".join(each for each in text if each >= " " or each in "\r\n\t")
    found = unwrapped(lines.encode(encoding, errors="ignore"))
    assert found == Wrapped(Wrapping.NONE, b"")


@given(st.integers(0, 1_000_000))
def test_every_cut_of_a_message_is_noticed_before_anything_is_decrypted(place: int) -> None:
    at = 16 + place % (len(SEALED) - 16)
    assert unwrapped(SEALED[:at]) is Reason.PGP_TRUNCATED


def test_parts_too_small_to_be_honest_are_refused_at_once() -> None:
    assert isinstance(unwrapped(SEALED[: SEALED.index(b"\xd2")] + b"\xd2\xe0\x01" + b"\xe0\x00" * 100_000), Reason)


SEALED = sealed(DISTRICT)
ARMOURED = protect(A_ROSTER, recipients=[OURS.public], signer=DISTRICT, gpg=None, armoured=True).data
