"""Other people's samples of forms that cannot be read are refused for that reason, and for no other."""

import os
from datetime import date
from pathlib import Path

import pytest

from firstcard.roster import Reason, Refusal, read_roster
from tests.unit.agreement.builders import an_agreement
from tests.unit.roster.builders import a_zip

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def rosters() -> Path:
    place = os.environ.get("FIRSTCARD_CONFORMANCE")
    if not place:
        pytest.skip("FIRSTCARD_CONFORMANCE is not set: it names the folder of others' samples")
    return Path(place) / "rosters"


def refused_as(data: bytes, name: str) -> Reason:
    result = read_roster(data, file_name=name, agreement=an_agreement(), today=TODAY)
    assert isinstance(result, Refusal)
    return result.reason


@pytest.mark.parametrize("name", ["Student.xml", "EducationOrganization.xml"])
def test_ed_fi_interchange_files(rosters: Path, name: str) -> None:
    assert refused_as((rosters / "ed-fi" / name).read_bytes(), name) is Reason.UNKNOWN_FORMAT


def test_school_data_sync_files_of_both_versions(rosters: Path) -> None:
    files = sorted((rosters / "sds").rglob("*.csv"))
    assert files
    assert {refused_as(path.read_bytes(), path.name) for path in files} == {Reason.UNKNOWN_FORMAT}


def test_a_school_data_sync_bundle(rosters: Path) -> None:
    bundle = a_zip({path.name: path.read_bytes() for path in sorted((rosters / "sds/SDS v2.1").glob("*.csv"))})
    assert refused_as(bundle, "sds.zip") is Reason.UNKNOWN_FORMAT
