"""Normal forms: the same person written by two clerks looks the same; a form of a form is the form."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.match import names
from firstcard.match.names import Name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José-Luis", "JOSE LUIS"),
        ("O’Brien", "obrien"),
        ("Nguyễn", "nguyen"),
        ("Łukasz", "Lukasz"),
        ("Anne  Marie", "anne-marie"),
        ("D'Andre", "DANDRE"),
    ],
)
def test_two_ways_to_write_a_first_name_are_one(one, other):
    assert names.given_name(one) == names.given_name(other)


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("de la Cruz", Name("delacruz", "")),
        ("García y Vega", Name("garcia vega", "")),
        ("Smith-Jones", Name("smith jones", "")),
        ("Van der Berg III", Name("vanderberg", "iii")),
        ("King Jr.", Name("king", "jr")),
        ("Van", Name("van", "")),
        ("Jr", Name("jr", "")),
        ("LNU", Name("", "")),
    ],
)
def test_particles_and_generations_of_last_names(written, form):
    assert names.family_name(written) == form


@pytest.mark.parametrize("written", ["NMN", "N/A", "None", "FNU", "Unknown", "Baby Boy", "BABY GIRL B", "Infant", "Student", "Test", "X"])
def test_what_stands_for_no_name_is_no_name(written):
    assert names.given_name(written) == Name("", "")


@pytest.mark.parametrize("written", ["Na", "Noname", "Babette", "Unk Lee", "Xavier", "Tess"])
def test_what_looks_like_it_is_a_name(written):
    assert names.given_name(written).words


@pytest.mark.parametrize(
    ("written", "day"), [("2014-05-23", 20140523), ("5/23/2014", 20140523), ("20140523", 20140523), ("2014-02-30", 0), ("May", 0), ("", 0)]
)
def test_birth_dates(written, day):
    assert names.birth_date(written) == day


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=30))
def test_a_form_of_a_form_is_the_form(written):
    for form in (names.given_name, names.family_name):
        words = form(written).words
        again = form(words)
        assert form(again.words) == again or again.suffix
    assert names.fold(names.fold(written)) == names.fold(written)


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="abc ABC-é'", max_size=20))
def test_case_and_signs_between_words_do_not_count(written):
    assert names.given_name(written.upper()) == names.given_name(written.lower())
    assert names.given_name(written.replace("-", " ")) == names.given_name(written)


def test_nicknames_are_pairs_of_different_folded_names():
    assert ("guadalupe", "lupe") in names.nickname_pairs()
    assert ("william", "bill") in names.nickname_pairs()
    assert all(one != other and one == names.fold(one) and other == names.fold(other) for one, other in names.nickname_pairs())
