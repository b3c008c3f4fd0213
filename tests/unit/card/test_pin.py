"""A PIN is random and not one that is guessed first, or a birth date where that was agreed."""

from datetime import date
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.agreement.model import PinFormat
from firstcard.card.pin import birth_date_pin, is_trivial, random_pin


@given(st.integers(4, 10), st.integers(0, 2**32))
def test_a_drawn_pin_has_its_length_and_is_never_trivial(length: int, seed: int) -> None:
    pin = random_pin(length, Random(seed).randrange)
    assert len(pin) == length
    assert pin.isdigit()
    assert not is_trivial(pin)


@pytest.mark.parametrize(
    "pin", ["0000", "7777", "1234", "9876", "7890", "1212", "6868", "2015", "1999", "111111", "123456", "543210", "123123"]
)
def test_these_are_trivial(pin: str) -> None:
    assert is_trivial(pin)


@pytest.mark.parametrize("pin", ["2816", "4711", "9071", "201500", "482913"])
def test_these_are_not(pin: str) -> None:
    assert not is_trivial(pin)


def test_a_trivial_draw_is_drawn_again() -> None:
    drawn = iter([1234, 0, 42])
    assert random_pin(4, lambda _: next(drawn)) == "0042"


@pytest.mark.parametrize(
    ("form", "pin"),
    [
        ("MMDDYYYY", "05042016"),
        ("DDMMYYYY", "04052016"),
        ("YYYYMMDD", "20160504"),
        ("MMDDYY", "050416"),
        ("DDMMYY", "040516"),
        ("YYMMDD", "160504"),
        ("MMDD", "0504"),
        ("DDMM", "0405"),
    ],
)
def test_a_birth_date_is_written_as_the_agreement_says(form: str, pin: str) -> None:
    assert birth_date_pin(date(2016, 5, 4), form) == pin


@given(st.dates(), st.sampled_from(get_args(PinFormat)))
def test_a_birth_date_in_any_form_has_its_length_in_digits(born: date, form: str) -> None:
    pin = birth_date_pin(born, form)
    assert (len(pin), pin.isdigit()) == (len(form), True)
