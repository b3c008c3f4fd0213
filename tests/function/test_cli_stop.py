"""``firstcard suspend`` and ``firstcard resume``."""

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.function.builders import Yard


def test_a_suspended_agreement_stays_so_until_it_is_resumed(yard: Yard) -> None:
    assert CliRunner().invoke(app, ["suspend", "oak.pine"]).exit_code == 0
    assert yard.ledger.suspended("oak.pine")
    assert not yard.ledger.suspended("oak.fir")
    assert CliRunner().invoke(app, ["resume", "oak.pine"]).exit_code == 0
    assert not yard.ledger.suspended("oak.pine")


@pytest.mark.parametrize("sharing", ["pine", "oak.", ".pine", ""])
def test_half_a_name_suspends_nothing(yard: Yard, sharing: str) -> None:
    assert CliRunner().invoke(app, ["suspend", sharing]).exit_code == 2
