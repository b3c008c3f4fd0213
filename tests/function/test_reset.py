"""``firstcard pin reset`` and the function behind it: a new PIN that nobody is told, seen once by the family through a new link."""

import importlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.pin import OUTCOMES
from firstcard.adapters.aws import unwrap
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.patron import Patron
from firstcard.ils.sync import sync_patrons
from firstcard.run.renewing import Renewal
from firstcard.vault.seal import Opener
from functions.reset import handler as function
from local.ils.stand_in import StandIn
from tests.function.builders import CARDS, LEDGER, Breaking, Yard, everything, later, token
from tests.function.calling import a_context
from tests.function.explaining import calls_go_to_the_handler
from tests.function.revealing import RIGHT, a_family, a_link, agreements_with_a_page, ask, heading, pin
from tests.unit.ils.builders import koha, that_day, the_rules

AT = later(hours=2)


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return agreements_with_a_page()


@pytest.fixture
def family(yard: Yard) -> Yard:
    return a_family(yard)


def reset(student: str = "100001", *, district: str = "pine", at: datetime = AT, **more: str) -> dict[str, Any]:
    said: dict[str, Any] = function.handler({"district": district, "student": student, "at": at.isoformat(), **more}, a_context())
    return said


def patron(yard: Yard, number: int = 1) -> Patron:
    return yard.cards.standing([token(number)]).patrons[token(number)]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(the_rules(patron_types=frozenset({"STUDENT", "EDUCATOR"})), tmp_path / "patrons", now=that_day) as library:
        yield library


def synced(yard: Yard, library: StandIn, *, at: datetime) -> None:
    """As sync does when the events arrive."""
    agreement = yard.site.of_sharing("oak.pine", None)
    assert agreement is not None
    again = sync_patrons(
        [token(1)],
        store=yard.cards,
        opener=Opener(purpose=Purpose.SYNC_ILS, unwrap=unwrap, declare=lambda intent: None, clock=lambda: 0.0),
        ils=koha(library, confirm_separate=True),
        agreement=agreement,
        allowed=lambda: True,
        today=at.date(),
        at=at.isoformat(),
        seconds_left=lambda: 120.0,
    )
    assert again == frozenset()


def test_the_new_pin_is_set_in_the_ils_and_shown_once_by_a_new_link(family: Yard, library: StandIn) -> None:
    boto3.client("dynamodb").delete_item(TableName=CARDS, Key={"pk": {"S": f"patron#{token(1)}"}, "sk": {"S": "ils"}})
    synced(family, library, at=later(hours=1))
    number, old = "904000100001", pin(family)
    assert library.patrons.pin_opens(number, old)
    assert old in ask(RIGHT, at=later(hours=1, minutes=30))[1]

    assert reset() == {"outcome": "renewed"}
    new = pin(family)
    assert new != old
    link = a_link(made=later(hours=2, minutes=5))
    assert "We found no PIN for this answer" in ask(RIGHT, link=link, at=later(hours=2, minutes=6))[1]

    for minutes in (7, 8):
        synced(family, library, at=later(hours=2, minutes=minutes))
    assert library.patrons.pin_opens(number, new)
    assert not library.patrons.pin_opens(number, old)
    assert "We found no PIN for this answer" in ask(RIGHT, at=later(hours=3))[1]
    assert new in ask(RIGHT, link=link, at=later(hours=3))[1]
    assert heading(ask(RIGHT, link=link, at=later(hours=4))[1]) == "This PIN was shown before"


def test_a_reset_writes_an_envelope_and_the_patron_and_nothing_else(family: Yard, breaking: Breaking) -> None:
    before = set(everything(CARDS)), everything(LEDGER)
    reset()
    new = [item for item in everything(CARDS) if item not in before[0]]
    assert sorted("envelope#pin-" in item and "'patron'" not in item for item in new) == [False, True]
    assert everything(LEDGER) == before[1]
    assert [call for call in breaking.seen if call in ("Encrypt", "Decrypt")] == ["Encrypt", "Encrypt"]
    assert patron(family).version == 3


def test_an_askers_fast_clock_makes_no_pin_that_later_links_do_not_show(family: Yard) -> None:
    reset(at=datetime.now(UTC) + timedelta(days=2))
    name = patron(family).envelopes[Group.PIN]
    assert datetime.fromisoformat(family.cards.envelopes([name])[name].at) <= datetime.now(UTC)


def test_a_suspended_agreement_gives_none(family: Yard) -> None:
    family.ledger.suspend("oak.pine", by="ann", at=later(hours=1).isoformat())
    before = everything(CARDS)
    assert reset() == {"outcome": "not_in_force"}
    assert everything(CARDS) == before


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"district": "elm"}, {"error": "unknown_district"}),
        ({"student": "Ada 100001"}, {"error": "not_an_id"}),
        ({"student": "1" * 300}, {"error": "not_a_question"}),
        ({"by": "ann"}, {"error": "not_a_question"}),
        ({"district": "fir"}, {"outcome": "no_page"}),
        ({"student": "999999"}, {"outcome": "no_card"}),
    ],
)
def test_a_wish_that_means_nothing_changes_nothing(family: Yard, question: dict[str, str], said: dict[str, str]) -> None:
    before = everything(CARDS)
    assert reset(**question) == said
    assert everything(CARDS) == before


def test_one_that_never_holds_still_is_told_so(family: Yard, breaking: Breaking) -> None:
    def changes() -> None:
        known = patron(family)
        assert family.cards.change(replace(known, version=known.version + 1))

    for nth in range(1, 6):
        breaking.before("PutItem", changes, nth=nth, about=f"patron#{token(1)}")
    assert reset() == {"error": "busy"}


def test_neither_the_id_nor_a_pin_is_in_a_log_or_in_the_answer(
    family: Yard,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    importlib.reload(function)  # Powertools reads it when the handler is imported
    old = pin(family)
    said = json.dumps(reset())
    logged = repr([vars(record) for record in caplog.records])
    for value in (old, pin(family), "100001", "Ada", "family1@example.org"):
        assert value not in logged + said, value
    assert token(1) in logged


def test_every_outcome_has_its_sentence() -> None:
    assert set(OUTCOMES) == {str(outcome) for outcome in Renewal}


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def calls(self, family: Yard, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        return calls_go_to_the_handler(monkeypatch, function)

    def run(self, *words: str, typed: str | None = None) -> tuple[int, str, str]:
        result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["pin", "reset", *words], input=typed)
        return result.exit_code, result.stdout, result.stderr

    def test_a_reset_that_is_on_its_way_exits_with_0_and_tells_no_pin(self, family: Yard) -> None:
        code, said, _ = self.run("--district", "pine", "--student", "-", typed="100001\n")
        assert code == 0
        assert "A new PIN is on its way" in said
        assert pin(family) not in said

    def test_nothing_changed_exits_with_1_and_says_why(self) -> None:
        code, said, _ = self.run("--district", "fir", "--student", "-", typed="100001\n")
        assert code == 1
        assert "Set a PIN in the library's system" in said

    def test_a_wrong_use_exits_with_2_and_repeats_nothing_of_the_id(self) -> None:
        code, said, error = self.run("--district", "pine", "--student", "Ada 100001")
        assert code == 2
        assert "Ada" not in said + error
