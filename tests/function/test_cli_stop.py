"""``firstcard suspend`` and ``firstcard resume``."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.function.builders import Yard, site_content
from tests.unit.agreement.builders import library_content, write_site


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(write_site(tmp_path, {a["district"]: a for a in site_content()}, {"oak": library_content()}))


def test_a_suspended_agreement_stays_so_until_it_is_resumed(yard: Yard, folder: str) -> None:
    assert CliRunner().invoke(app, ["suspend", "oak.pine", "--site", folder]).exit_code == 0
    assert yard.ledger.suspended("oak.pine")
    assert not yard.ledger.suspended("oak.fir")
    assert CliRunner().invoke(app, ["resume", "oak.pine", "--site", folder]).exit_code == 0
    assert not yard.ledger.suspended("oak.pine")


@pytest.mark.parametrize("sharing", ["pine", "oak.", ".pine", "", "oak.pien"])
def test_a_name_that_no_agreement_has_suspends_nothing(yard: Yard, folder: str, sharing: str) -> None:
    answer = CliRunner().invoke(app, ["suspend", sharing, "--site", folder])
    assert answer.exit_code == 2
    assert not yard.ledger.suspended(sharing or "oak.pine")
    assert "oak.pine" in answer.output
