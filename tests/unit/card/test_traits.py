"""By their traits two people under one id are told apart, and nobody is taken for somebody else over a spelling or an empty cell."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.card.traits import UNKNOWN, Traits, letters, traits_of
from firstcard.roster import Person
from tests.unit.card.builders import TOKENS, a_person, token_of

digests = st.lists(st.text("0123456789abcdef", min_size=6, max_size=6), unique=True, max_size=3).map(tuple)
traits = st.builds(Traits, digests, digests)
names = st.text(st.characters(categories=["L", "M", "Zs", "Pd"], codec="utf-8"), max_size=12)


def of(**changes: object) -> Traits:
    person = a_person(1, **changes)
    return traits_of(person, TOKENS, token_of(person))


ADA = of(last_name="Núñez-Pine", first_name="Ada Đỗ", preferred_name="Addie", birth_date=date(2016, 5, 4))
BEN_BORN = date(2015, 1, 2)


@pytest.mark.parametrize(
    "name",
    [
        {"last_name": "NUNEZ PINE", "first_name": "ADA DO"},
        {"last_name": "nunezpine", "first_name": "Ada-Do"},
        {"last_name": unicodedata.normalize("NFD", "Núñez-Pine"), "first_name": unicodedata.normalize("NFD", "Ada Đỗ")},
        {"last_name": "Ada Do", "first_name": "Núñez-Pine"},
        {"last_name": "Pine-Núñez", "first_name": "Đỗ Ada"},
        {"last_name": "Nu\u02bbnez Pine", "first_name": "Ada D'o"},
        {"last_name": "Nunez Pine", "first_name": "Addie"},
        {"last_name": "Nunez Pine", "first_name": "Adelheid", "preferred_name": "Ada Do"},
    ],
)
def test_another_spelling_another_order_and_a_preferred_name_are_no_other_name(name: dict[str, str]) -> None:
    assert not of(**name, birth_date=BEN_BORN).somebody_else(ADA)


@pytest.mark.parametrize("name", [{"last_name": "Oak"}, {"first_name": "Ben"}, {"last_name": "Oak", "first_name": "Ben"}])
def test_another_name_and_another_birth_date_are_somebody_else(name: dict[str, str]) -> None:
    assert of(**name, birth_date=BEN_BORN).somebody_else(ADA)
    assert ADA.somebody_else(of(**name, birth_date=BEN_BORN))


@given(names, names, st.dates(), st.dates())
def test_who_keeps_the_name_or_the_birth_date_is_the_same_however_the_rest_changed(one: str, other: str, born: date, later: date) -> None:
    before = of(last_name=one, first_name="Ada", birth_date=born)
    assert not of(last_name=other, first_name="Ada", birth_date=born).somebody_else(before)
    assert not of(last_name=one, first_name="Ada", birth_date=later).somebody_else(before)


@given(traits, traits)
def test_nobody_is_somebody_else_where_a_name_or_a_birth_date_is_unknown(one: Traits, other: Traits) -> None:
    for less in (Traits(one.names), Traits(births=one.births), UNKNOWN):
        assert not less.somebody_else(other)
        assert not other.somebody_else(less)


@given(traits, traits, traits)
def test_whoever_may_be_either_of_two_is_neither_for_somebody_else(one: Traits, other: Traits, new: Traits) -> None:
    if new.somebody_else(one | other) and one.names and one.births:
        assert new.somebody_else(one)
    assert not one.somebody_else(one | other)
    assert one | other == other | one


@given(names)
def test_composed_and_decomposed_large_and_small_letters_are_the_same_name(name: str) -> None:
    assert letters(unicodedata.normalize("NFD", name)) == letters(unicodedata.normalize("NFC", name)) == letters(name)
    assert letters(name.lower()) == letters(name)


@given(names, names)
def test_the_parts_of_a_name_may_change_places(one: str, other: str) -> None:
    assert letters(one, other) == letters(other, one) == letters(f"{one}-{other}") == letters(f"{one} {other}")


def test_scripts_that_write_vowels_as_signs_keep_them() -> None:
    assert letters("\u0915\u093f") != letters("\u0915\u0940")


@pytest.mark.parametrize("empty", [{"last_name": "", "first_name": ""}, {"last_name": "-", "first_name": "'"}])
def test_a_name_without_letters_and_a_row_without_a_birth_date_are_unknown(empty: dict[str, str]) -> None:
    assert of(**empty, birth_date=None) == UNKNOWN


def test_two_people_of_one_name_and_birth_date_have_nothing_in_common() -> None:
    people: list[Person] = [a_person(1), a_person(2)]
    one, other = (traits_of(p, TOKENS, token_of(p)) for p in people)
    assert one.somebody_else(other)
