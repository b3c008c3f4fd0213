"""csv-spectrum's edge cases parse as its JSON says; line ends inside a value are ours to normalise."""

import json
import os
from pathlib import Path

import pytest

from firstcard.roster.text import open_table

CASES = (
    *("comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json", "newlines", "newlines_crlf", "quotes_and_newlines"),
    *("simple", "simple_crlf", "utf8", "location_coordinates"),
)
SAMPLE_DISAGREES = {"location_coordinates": "Contact Phone Number"}
"""Columns where the sample's own JSON and CSV hold different values."""


@pytest.fixture(scope="module")
def spectrum() -> Path:
    place = os.environ.get("FIRSTCARD_CONFORMANCE")
    if not place:
        pytest.skip("FIRSTCARD_CONFORMANCE is not set: it names the folder of others' samples")
    return Path(place) / "rosters/csv-spectrum"


def test_every_case_is_tried(spectrum: Path) -> None:
    assert sorted(CASES) == sorted(path.stem for path in spectrum.glob("csvs/*")) == sorted(path.stem for path in spectrum.glob("json/*"))


@pytest.mark.parametrize("case", CASES)
def test_it_parses_as_the_sample_says(spectrum: Path, case: str) -> None:
    raw = (spectrum / f"json/{case}.json").read_bytes()
    expected = json.loads(raw.decode().replace("\\r\\n", "\\n"))
    expected = expected if isinstance(expected, list) else [expected]
    table = open_table((spectrum / f"csvs/{case}.csv").read_bytes(), f"{case}.csv", known=frozenset())
    parsed = [dict(zip(table.header, row, strict=True)) for _, row in table.rows()]
    for row in (*parsed, *expected):
        row.pop(SAMPLE_DISAGREES.get(case), None)
    assert parsed == expected
