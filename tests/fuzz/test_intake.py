"""The fuzzing target on a bounded number of examples; ``python -m tests.fuzz.intake`` runs it guided by coverage for as long as one likes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstcard.roster import Reading
from firstcard.roster.recognise import read_under
from tests.fuzz.rosters import TODAY, Choices, a_roster, seeds, terms
from tests.fuzz.target import examine


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(st.binary(max_size=160))
def test_whatever_is_in_a_file_it_is_read_or_refused_and_no_value_is_told(data: bytes) -> None:
    examine(data)


@pytest.mark.parametrize("seed", range(27))
def test_every_seed_is_a_roster_that_is_read(seed: int) -> None:
    file, under = a_roster(Choices(bytes([0, seed])))
    assert len(seeds()) == 27
    assert under is terms()[0]
    result = read_under(file, file_name="roster.zip", terms=under, today=TODAY)
    assert isinstance(result, Reading)
    assert result.people
