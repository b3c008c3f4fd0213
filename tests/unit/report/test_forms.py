"""The page, the CSV and the JSON say the same, need nothing else, and hold nothing that may not be shown."""

import csv
import io
import json
import re

import pytest

from firstcard.report.figures import Edition
from firstcard.report.forms import CSV_COLUMNS, to_csv, to_html, to_json
from tests.unit.report.builders import a_document

EDITIONS = pytest.mark.parametrize("edition", list(Edition))


def rows(edition: Edition = Edition.DISTRICT) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(a_document(edition)))))


@EDITIONS
def test_the_page_has_no_script_and_asks_nobody_for_anything(edition: Edition) -> None:
    page = to_html(a_document(edition))
    assert "<script" not in page
    assert re.findall(r"(?:src|href|url)\s*[=(]", page) == []
    assert "default-src 'none'" in page
    assert page.count("<svg") >= 5


def test_names_from_a_roster_are_text_on_the_page_and_no_formula_in_the_table() -> None:
    assert "&lt;Birch&gt;" in to_html(a_document())
    assert "<Birch>" not in to_html(a_document())
    assert {row["school_name"] for row in rows()} >= {"'=Cedar & <Birch> Middle"}


def test_every_number_of_people_on_the_page_is_a_figure_of_the_json() -> None:
    whole = a_document(Edition.LIBRARY)
    page = re.sub(r"<svg.*?</svg>", "", to_html(whole), flags=re.DOTALL)
    cells = re.findall(r'<td class="n">([\d,]+)(?: or more)?</td>', page)
    assert len(cells) > 50
    assert all(int(cell.replace(",", "")) % 10 == 0 for cell in cells)


def test_goals_stand_beside_what_is() -> None:
    page = to_html(a_document())
    assert "by 2027-06-30" in page
    assert "90 %" in page
    assert "166 days left" in page


def test_what_is_not_checked_is_said_to_be_so() -> None:
    assert "not checked" in to_html(a_document())


def test_coverage_over_time_is_on_the_page_and_in_the_table() -> None:
    assert "Coverage over time" in to_html(a_document())
    assert [(row["month"], row["value"]) for row in rows() if (row["what"], row["figure"]) == ("progress", "in_ils")] == [
        ("2026-10-01", "1900"),
        ("2026-11-01", "2240"),
        ("2026-12-01", "2300"),
    ]


def test_months_before_the_first_roster_are_marked() -> None:
    page = to_html(a_document())
    assert "2026-07 (before)" in page
    assert "2026-09 (before)" not in page


@EDITIONS
def test_who_had_a_card_is_in_the_librarys_edition_alone(edition: Edition) -> None:
    whole = a_document(edition)
    told = to_html(whole) + to_csv(whole) + to_json(whole)
    has = edition is Edition.LIBRARY
    assert ("had_card" in told) is ("ad a card before" in told) is ("must not reach a district" in told) is has


def test_the_table_has_a_row_a_figure() -> None:
    assert tuple(rows()[0]) == CSV_COLUMNS
    assert {row["what"] for row in rows()} == {"now", "educators", "by school and grade", "over time", "progress", "use", "goal"}
    assert [row["value"] for row in rows() if (row["what"], row["figure"]) == ("now", "in_ils")] == ["2310"]


def test_a_roll_up_adds_up_and_says_how_many_it_adds() -> None:
    whole = a_document(Edition.DISTRICT, "pine", "fir")
    assert whole["together"]["students"] == 2 * whole["districts"][0]["students"]
    assert "2 districts, 1 library" in to_html(whole)
    assert json.loads(to_json(whole)) == json.loads(json.dumps(whole))
