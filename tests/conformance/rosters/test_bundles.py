"""Other people's files that make a roster together are read."""

import os
from datetime import date
from pathlib import Path

import pytest

from firstcard.roster import Reading, Reason, read_roster
from tests.unit.agreement.builders import an_agreement
from tests.unit.roster.builders import a_zip

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def rosters() -> Path:
    place = os.environ.get("FIRSTCARD_CONFORMANCE")
    if not place:
        pytest.skip("FIRSTCARD_CONFORMANCE is not set: it names the folder of others' samples")
    return Path(place) / "rosters"


@pytest.mark.parametrize(("day", "people"), [(date(2021, 10, 1), 5), (date(2022, 3, 1), 4), (TODAY, 0)])
def test_a_school_data_sync_bundle_by_the_roles_of_the_day(rosters: Path, day: date, people: int) -> None:
    bundle = a_zip({path.name: path.read_bytes() for path in sorted((rosters / "sds/SDS v2.1").glob("*.csv"))})
    agreement = an_agreement(without=("exchange.mapping",), exchange={"organisation_ids": ["110003"]})
    result = read_roster(bundle, file_name="sds.zip", agreement=agreement, today=day)
    assert isinstance(result, Reading)
    assert (result.format, len(result.people), result.guardians) == ("sds_2_1", people, 2)
    assert sum(result.excluded.values()) + sum(result.rejected.values()) == 6 - people
    assert {problem.reason for problem in result.problems} <= {Reason.PASSWORDS_SENT, Reason.BAD_GRADE}
    assert {column.column for column in result.dropped if column.forbidden} >= {"password", "sex", "raceCodes", "ethnicityCodes", "flag"}
