"""Tokens stand for people in keys and events: always the same for the same person, never for two."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firstcard.identity import Tokens

KEY = bytes(range(32))
slugs = st.from_regex(r"[a-z][a-z0-9-]{1,30}", fullmatch=True)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def tokens(key: bytes = KEY, library: str = "oak", district: str = "pine") -> Tokens:
    return Tokens(key, library=library, district=district)


@given(words, words)
def test_a_patron_has_the_same_token_under_every_renewed_agreement(role: str, local_id: str) -> None:
    assert tokens().patron(role, local_id) == tokens().patron(role, local_id)
    assert re.fullmatch(r"[0-9a-f]{32}", tokens().patron(role, local_id))


@given(st.tuples(slugs, slugs, words, words), st.tuples(slugs, slugs, words, words))
def test_two_people_never_share_a_token(one: tuple[str, str, str, str], other: tuple[str, str, str, str]) -> None:
    assume(one != other)
    made = [tokens(library=library, district=district).patron(role, local_id) for library, district, role, local_id in (one, other)]
    assert made[0] != made[1]


@given(words)
def test_patron_household_and_card_tokens_of_the_same_text_differ(text: str) -> None:
    assert len({tokens().patron("student", text), tokens().household(text), tokens().card(text)}) == 3


@given(words)
def test_another_library_key_gives_another_token(text: str) -> None:
    assert tokens().patron("student", text) != tokens(bytes(32)).patron("student", text)


def test_a_household_is_one_address_however_it_is_written() -> None:
    assert tokens().household(" Family@Example.ORG ") == tokens().household("family@example.org")


def test_a_card_number_has_one_token_in_the_library_whatever_district_it_came_from() -> None:
    assert tokens(district="pine").card("904000000001") == tokens(district="fir").card("904000000001")
    assert tokens(library="oak").card("904000000001") != tokens(library="elm").card("904000000001")


def test_two_districts_fingerprint_with_different_keys() -> None:
    assert tokens(district="pine").fingerprint_key != tokens(district="fir").fingerprint_key


@given(words, words, words)
def test_a_trait_is_six_characters_that_differ_by_key_district_patron_and_kind(patron: str, other: str, value: str) -> None:
    assume(patron != other)
    trait = tokens().trait(patron, "name", value)
    assert re.fullmatch(r"[0-9a-f]{6}", trait)
    assert trait == tokens().trait(patron, "name", value)
    others = (
        tokens(bytes(32)).trait(patron, "name", value),
        tokens(district="fir").trait(patron, "name", value),
        tokens().trait(other, "name", value),
        tokens().trait(patron, "birth", value),
    )
    assert trait not in others


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        tokens(b"x" * 31)


def test_a_place_is_the_same_for_everybody_there_and_another_in_each_district_and_under_each_key() -> None:
    here = Tokens(bytes(range(32)), library="oak", district="pine")
    assert here.place("0301", "Room 4") == here.place("0301", "ROOM 4")
    others = [here.place("0301"), here.place("0302", "Room 4"), here.place("0301", "Room 5")]
    others += [Tokens(bytes(range(32)), library="oak", district="fir").place("0301", "Room 4")]
    others += [Tokens(bytes(range(1, 33)), library="oak", district="pine").place("0301", "Room 4")]
    assert len({here.place("0301", "Room 4"), *others}) == 6
    assert len(here.place("0301")) == 8  # letters home begin days by it, and nobody looks again: docs/decisions/0015
