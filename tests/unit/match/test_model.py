"""Weights: the defaults where there is little, an estimate where there is much, and never NaN."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.match.levels import FIELDS
from firstcard.match.model import SILENT, Model, estimate

MATCH = (0, 0, 0, 3, 0, 1, 1)
OTHER = (9, 5, 6, 3, 4, 1, 1)
RANDOM = {name: [0] * (len(levels) - 1) + [10_000] for name, levels in FIELDS.items()}


def test_a_small_school_gets_the_defaults():
    assert estimate([(MATCH, 20), (OTHER, 30)], RANDOM, 10_000, 100) == Model()


def test_no_pairs_at_all_give_the_defaults():
    assert estimate([], RANDOM, 0, 0) == Model()


def test_many_pairs_give_an_estimate():
    model = estimate([(MATCH, 5_000), (OTHER, 20_000)], RANDOM, 10**9, 10_000)
    assert model.estimated
    assert model.chance == pytest.approx(5_000 / 10**9, rel=0.1)


levels = st.tuples(*(st.integers(0, len(one) - 1) for one in FIELDS.values()))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(levels, st.integers(1, 50_000)), max_size=12), st.booleans())
def test_whatever_the_pairs_are_no_weight_is_nan(patterns, families):
    model = estimate(patterns, RANDOM, 10**6, 1_000, families=families)
    assert all(math.isfinite(model.bits(name, level)) for name, one in FIELDS.items() for level in one)
    assert math.isfinite(model.prior)
    assert model.prior <= 0


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_value_says_nothing(name):
    silent = SILENT[name]
    assert silent is not None
    assert Model().bits(name, silent) == 0
