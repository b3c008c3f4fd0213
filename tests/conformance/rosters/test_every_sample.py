"""Every file of other people's samples is read, or refused for the reason that it cannot be read; a file that the table does not name fails."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from firstcard.roster import Reading, Reason
from firstcard.roster.recognise import read_under
from firstcard.run.checking import assumed_terms

DAY = date(2017, 11, 22)
"""A day on which the samples' students are at school."""

READ = {
    "sds/SDS Format/25 Users/Student.csv": ("sds_1", 22),
    "sds/SDS Format/100 Users/Student.csv": ("sds_1", 86),
}
"""Files that are read: the form, and how many students."""

REFUSED = {
    # Tests of CSV itself: none of them is about people. How they parse is tried in test_csv_spectrum.py.
    "csv-spectrum/csvs/*.csv": Reason.UNKNOWN_FORMAT,
    "csv-spectrum/json/*.json": Reason.UNKNOWN_FORMAT,
    # Ed-Fi's XML interchange: the advice names the export that can be read instead.
    "ed-fi/*.xml": Reason.UNKNOWN_FORMAT,
    # The generator's lists of words, one of which is in another encoding than it should be.
    "oneroster-generator/LICENSE": Reason.UNKNOWN_FORMAT,
    "oneroster-generator/Templates/Planets/courses.csv": Reason.UNKNOWN_FORMAT,
    "oneroster-generator/Templates/Planets/firstnames.csv": Reason.BAD_ENCODING,
    "oneroster-generator/Templates/Planets/grades.csv": Reason.UNKNOWN_FORMAT,
    "oneroster-generator/Templates/Planets/lastnames.csv": Reason.UNKNOWN_FORMAT,
    "oneroster-generator/Templates/Planets/orgs.csv": Reason.UNKNOWN_FORMAT,
    "oneroster-generator/Templates/Planets/teachers.csv": Reason.UNKNOWN_FORMAT,
    "sds/LICENSE.txt": Reason.UNKNOWN_FORMAT,
    # Files of School Data Sync that are not about students. Teachers would be taken for students by their columns alone.
    "sds/SDS Format/*/School.csv": Reason.UNKNOWN_FORMAT,
    "sds/SDS Format/*/Section.csv": Reason.UNKNOWN_FORMAT,
    "sds/SDS Format/*/StudentEnrollment.csv": Reason.UNKNOWN_FORMAT,
    "sds/SDS Format/*/Teacher.csv": Reason.UNKNOWN_FORMAT,
    "sds/SDS Format/*/TeacherRoster.csv": Reason.UNKNOWN_FORMAT,
    # Ids and user names only: nobody can be given a card.
    "sds/SDS Format/Min Required Attributes/Student.csv": Reason.UNKNOWN_FORMAT,
    # Version 2.1 comes as a zip of all its files; test_bundles.py reads it so. One of them alone is no roster.
    "sds/SDS v2.1/*.csv": Reason.UNKNOWN_FORMAT,
}
"""Files, by pattern, that are refused, and for what."""


@pytest.fixture(scope="module")
def rosters() -> Path:
    place = os.environ.get("FIRSTCARD_CONFORMANCE")
    if not place:
        pytest.skip("FIRSTCARD_CONFORMANCE is not set: it names the folder of others' samples")
    return Path(place) / "rosters"


def files(rosters: Path) -> Iterator[str]:
    return (str(path.relative_to(rosters)) for path in sorted(rosters.rglob("*")) if path.is_file())


def test_every_sample_is_named_once(rosters: Path) -> None:
    for name in files(rosters):
        patterns = [pattern for pattern in (*READ, *REFUSED) if Path(name).match(pattern)]
        assert len(patterns) == 1, f"{name} is named by {patterns or 'nothing'}"


def test_no_name_stands_for_nothing(rosters: Path) -> None:
    there = list(files(rosters))
    assert not [pattern for pattern in (*READ, *REFUSED) if not any(Path(name).match(pattern) for name in there)]


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_is_no_roster_is_refused_for_what_it_is(rosters: Path, pattern: str) -> None:
    for path in rosters.glob(pattern):
        result = read_under(path.read_bytes(), file_name=path.name, terms=assumed_terms(), today=DAY)
        assert not isinstance(result, Reading), path.name
        assert (path.name, result.reason) == (path.name, REFUSED[pattern])


@pytest.mark.parametrize("name", READ)
def test_what_is_a_roster_is_read_to_the_last_row(rosters: Path, name: str) -> None:
    result = read_under((rosters / name).read_bytes(), file_name=Path(name).name, terms=assumed_terms(), today=DAY)
    assert isinstance(result, Reading)
    assert (result.format, result.rows) == READ[name]
    assert (len(result.people), result.rejected) == (result.rows, {})
    assert {problem.reason for problem in result.problems} <= {Reason.PASSWORDS_SENT, Reason.DATE_NOT_ISO}
    assert [column.column for column in result.dropped if column.forbidden] == ["Password"]
