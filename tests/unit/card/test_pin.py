"""A PIN is random and not one that is guessed first."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.card.pin import is_trivial, random_pin


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
