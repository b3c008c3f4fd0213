"""Sealed data open for the agreed purpose, for the right owner, after the intent was written, and for less than a minute."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.vault import Envelope, Intent, VaultClosedError
from firstcard.vault.seal import DATA_KEY_SECONDS
from tests.unit.vault.builders import MATRIX, Clock, KeyService, a_sealer, an_opener

OWNER, OTHER = "a" * 32, "b" * 32
groups = st.sampled_from(sorted(MATRIX))
purposes = st.sampled_from(sorted(Purpose))
fields = st.dictionaries(st.text(max_size=10), st.text(max_size=30), max_size=5)


def sealed_for(keys: KeyService, group: Group, content: dict[str, str], *, owner: str = OWNER) -> tuple[Envelope, bytes]:
    sealer = a_sealer(keys)
    sealed = sealer.seal(owner, group, content)
    return sealer.envelope(), sealed


@given(groups, purposes, fields)
def test_a_group_opens_for_exactly_the_purposes_that_the_agreement_gives_it(
    group: Group, purpose: Purpose, content: dict[str, str]
) -> None:
    keys = KeyService()
    envelope, sealed = sealed_for(keys, group, content)
    if purpose in MATRIX[group]:
        assert an_opener(keys, purpose).open(envelope, OWNER, group, sealed) == content
    else:
        with pytest.raises(VaultClosedError):
            an_opener(keys, purpose).open(envelope, OWNER, group, sealed)
        assert keys.story == []


@given(st.lists(groups, min_size=1))
def test_the_envelope_holds_a_key_for_each_agreed_purpose_of_each_used_group_and_no_other(used: list[Group]) -> None:
    keys = KeyService()
    sealer = a_sealer(keys)
    for group in used:
        sealer.seal(OWNER, group, {})
    assert {group: tuple(wrapped) for group, wrapped in sealer.envelope().keys.items()} == {group: MATRIX[group] for group in used}


@given(st.data())
def test_not_one_altered_bit_opens(data: st.DataObject) -> None:
    keys = KeyService()
    envelope, sealed = sealed_for(keys, Group.CARD, {"number": "904000000001"})
    place, bit = data.draw(st.integers(0, len(sealed) - 1)), data.draw(st.integers(0, 7))
    altered = sealed[:place] + bytes([sealed[place] ^ (1 << bit)]) + sealed[place + 1 :]
    with pytest.raises(VaultClosedError, match="altered"):
        an_opener(keys).open(envelope, OWNER, Group.CARD, altered)


@given(st.integers(0, 40))
def test_a_cut_ciphertext_does_not_open(length: int) -> None:
    keys = KeyService()
    envelope, sealed = sealed_for(keys, Group.CARD, {"number": "904000000001"})
    with pytest.raises(VaultClosedError):
        an_opener(keys).open(envelope, OWNER, Group.CARD, sealed[: min(length, len(sealed) - 1)])


def test_the_data_of_one_owner_do_not_open_as_another_owners() -> None:
    keys = KeyService()
    envelope, sealed = sealed_for(keys, Group.CARD, {"number": "904000000001"})
    with pytest.raises(VaultClosedError):
        an_opener(keys).open(envelope, OTHER, Group.CARD, sealed)


def test_a_group_does_not_open_as_another_group() -> None:
    keys = KeyService()
    envelope, sealed = sealed_for(keys, Group.CARD, {"number": "904000000001"})
    renamed = Envelope(envelope.object, envelope.sharing, {Group.IDENTITY: envelope.keys[Group.CARD]})
    with pytest.raises(VaultClosedError):
        an_opener(keys).open(renamed, OWNER, Group.IDENTITY, sealed)


@pytest.mark.parametrize("change", [{"object": "run-00001"}, {"sharing": "oak.fir"}])
def test_a_key_does_not_open_under_another_object_or_agreement(change: dict[str, str]) -> None:
    keys = KeyService()
    envelope, sealed = sealed_for(keys, Group.CARD, {"number": "904000000001"})
    with pytest.raises(VaultClosedError):
        an_opener(keys).open(replace(envelope, **change), OWNER, Group.CARD, sealed)  # type: ignore[arg-type]


def test_a_group_that_no_purpose_may_open_is_not_sealed_at_all() -> None:
    with pytest.raises(ValueError, match="do not store it"):
        a_sealer(KeyService()).seal(OWNER, Group.ADDRESS, {"street": "1 Elm"})


def test_the_intent_is_written_before_the_key_is_asked_for() -> None:
    keys = KeyService()
    envelope, sealed = sealed_for(keys, Group.CARD, {})
    an_opener(keys).open(envelope, OWNER, Group.CARD, sealed)
    assert keys.story == [("declare", Group.CARD, Purpose.SYNC_ILS), ("unwrap", Group.CARD, Purpose.SYNC_ILS)]


def test_what_could_not_be_declared_is_not_opened() -> None:
    keys = KeyService()
    envelope, sealed = sealed_for(keys, Group.CARD, {})

    def fails(_: Intent) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        an_opener(keys, declare=fails).open(envelope, OWNER, Group.CARD, sealed)
    assert keys.story == []


def test_an_opened_key_serves_a_whole_object_for_under_a_minute() -> None:
    keys, clock = KeyService(), Clock()
    sealer = a_sealer(keys)
    one, two = sealer.seal(OWNER, Group.CARD, {"number": "1"}), sealer.seal(OTHER, Group.CARD, {"number": "2"})
    opener = an_opener(keys, clock=clock)
    opener.open(sealer.envelope(), OWNER, Group.CARD, one)
    clock.now = DATA_KEY_SECONDS - 0.1
    opener.open(sealer.envelope(), OTHER, Group.CARD, two)
    assert [what for what, _, _ in keys.story] == ["declare", "unwrap"]
    assert DATA_KEY_SECONDS < 60


def test_a_disabled_key_stops_a_warm_worker_when_its_data_keys_run_out() -> None:
    keys, clock = KeyService(), Clock()
    envelope, sealed = sealed_for(keys, Group.CARD, {})
    opener = an_opener(keys, clock=clock)
    opener.open(envelope, OWNER, Group.CARD, sealed)
    keys.closed = True
    clock.now = DATA_KEY_SECONDS
    with pytest.raises(VaultClosedError):
        opener.open(envelope, OWNER, Group.CARD, sealed)


def test_no_error_says_what_was_sealed() -> None:
    keys = KeyService()
    envelope, sealed = sealed_for(keys, Group.CARD, {"number": "904000000001"})
    with pytest.raises(VaultClosedError) as closed:
        an_opener(keys).open(envelope, OTHER, Group.CARD, sealed)
    assert "904000000001" not in str(closed.value)
