"""``firstcard usage import``."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.function.builders import Yard
from tests.unit.agreement.builders import agreement_content, library_content, write_site

GOOD = "school,grade,month,checkouts,sessions\n0101,3,2026-09,123,8\n0101,3,2026-10,140,55\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write_site(tmp_path, {"pine": agreement_content()}, {"oak": library_content()})
    return tmp_path


def run(site: Path, content: str, *words: str) -> tuple[int, str]:
    (site / "use.csv").write_text(content, encoding="utf-8")
    result = CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["usage", "import", str(site / "use.csv"), "--district", "pine", "--site", str(site), *words]
    )
    return result.exit_code, result.output


def test_counts_lie_in_the_vault_by_month_rounded(yard: Yard, site: Path) -> None:
    code, said = run(site, GOOD, "--json")
    assert (code, json.loads(said)["months"]) == (0, ["2026-09", "2026-10"])
    assert list(yard.places.keys("usage/")) == ["usage/oak.pine/2026-09.json", "usage/oak.pine/2026-10.json"]
    body = yard.places.get("usage/oak.pine/2026-09.json")
    assert body is not None
    assert json.loads(body)["rows"] == [{"school": "0101", "grade": "03", "month": "2026-09", "checkouts": 120, "sessions": 0}]
    assert run(site, GOOD.replace("123", "131"))[0] == 0
    assert len(list(yard.places.keys("usage/"))) == 2


def test_only_looking_keeps_nothing(yard: Yard, site: Path) -> None:
    assert run(site, GOOD, "--check")[0] == 0
    assert list(yard.places.keys("usage/")) == []


def test_a_file_about_patrons_is_refused_by_code_and_no_value_is_shown(yard: Yard, site: Path) -> None:
    code, said = run(site, "school,grade,month,checkouts,barcode\n0101,3,2026-09,1,29040001234567\n")
    assert code == 1
    assert "USAGE_PATRON_COLUMN line 1 column barcode" in said
    assert "29040001234567" not in said
    assert list(yard.places.keys("usage/")) == []


def test_a_district_without_an_agreement_is_wrong_use(site: Path) -> None:
    assert run(site, GOOD, "--district", "elm")[0] == 2
