"""``firstcard cards`` and the function behind it: what is on paper, what is on record, and what is in no log."""

import importlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pypdfium2
import pytest
import typer
from typer.testing import CliRunner

from cli.asking import NO_ANSWER
from cli.cards import AT_ONCE, ERRORS, LEFT_OUT, collect
from cli.main import app
from firstcard.card.view import IlsState
from firstcard.run import printing
from firstcard.run.printing import SAME_PRINT
from functions.print import handler as function
from tests.function.builders import CARDS, LEDGER, Breaking, Yard, everything, later, token
from tests.function.calling import a_context
from tests.function.explaining import calls_go_to_the_handler
from tests.function.revealing import a_family, agreements_with_a_page, intents, pin
from tests.unit.agreement.builders import HANDOUT

AT = later(hours=2)
PARTS = ("cards", "class_list", "letters")


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    pine, next_year, fir = agreements_with_a_page()
    for clause, content in HANDOUT.items():
        pine[clause] |= content
    return [pine, next_year, fir]


@pytest.fixture
def family(yard: Yard) -> Yard:
    return a_family(yard)


def ask(**changes: Any) -> dict[str, Any]:
    wish = {
        "district": "pine",
        "school": "school-1",
        "at": AT.isoformat(),
        "by": "firstcard-handout/ann",
        "print_id": "a" * 24,
        "parts": PARTS,
    }
    said: dict[str, Any] = function.handler(json.loads(json.dumps(wish | changes)), a_context())
    return said


def prints() -> list[dict[str, Any]]:
    items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    return [item for item in items if item["pk"]["S"].startswith("print#")]


def test_a_school_is_printed_with_the_numbers_and_pins_that_the_ils_has(family: Yard) -> None:
    said = ask()
    assert sorted((card["number"], card["pin"]) for card in said["cards"]) == [(f"90400010000{n}", pin(family, n)) for n in (1, 2, 3)]
    assert (said["left_out"], said["under_way"], said["next"]) == ({}, [], "")
    assert said["paper"]["library"] == "Oak Public Library"


def test_the_record_and_the_marks_are_all_that_is_written(family: Yard, breaking: Breaking) -> None:
    before = set(everything(CARDS))
    ask()
    new = [item for item in everything(CARDS) if item not in before]
    assert len(new) == 3
    assert all("shown#" in item for item in new)
    [record] = prints()
    recorded_at, print_id, nonce = record["sk"]["S"].split("#")
    assert (record["at"]["S"], print_id, len(nonce)) == (AT.isoformat(), "a" * 24, 12)
    assert datetime.fromisoformat(recorded_at) >= AT.astimezone(UTC)  # by the function's clock: who asks cannot date it back
    assert json.loads(record["handed"]["S"]) == json.loads(record["opened"]["S"]) == sorted(token(n) for n in (1, 2, 3))
    assert (record["by"]["S"], record["school"]["S"], record["purpose"]["S"]) == ("firstcard-handout/ann", "school-1", "hand_out")
    assert record["agreement"]["S"] == "dsa-pine-oak-2026"
    assert intents() == [(group, "hand_out") for group in ("card", "enrolment", "identity", "pin")]
    first_opening = breaking.seen.index("Decrypt")
    assert breaking.seen[:first_opening].count("PutItem") == 2  # the record, and the first intent


def test_who_dies_before_the_record_opened_nothing(family: Yard, breaking: Breaking) -> None:
    def dies() -> None:
        raise RuntimeError

    breaking.before("PutItem", dies, about="print#")
    with pytest.raises(RuntimeError):
        ask()
    assert "Decrypt" not in breaking.seen


def test_the_same_call_twice_is_the_same_papers_and_each_is_on_record(family: Yard) -> None:
    assert ask() == ask()
    assert [json.loads(one["handed"]["S"]) for one in prints()] == [sorted(token(n) for n in (1, 2, 3))] * 2


def test_no_later_call_takes_from_the_record_whose_data_went_out(family: Yard) -> None:
    ask()
    patrons = family.cards.standing([token(1)]).patrons
    family.cards.refuse([token(1)], by="district", stamp=patrons[token(1)].stamp)
    ask()
    ask(student="s-9", school="")
    assert sum(token(1) in json.loads(one["handed"]["S"]) for one in prints()) == 1


def test_whoever_dates_a_call_back_is_given_no_pin_again(family: Yard) -> None:
    ask()
    [mark] = [item for item in boto3.client("dynamodb").scan(TableName=CARDS)["Items"] if item["pk"]["S"] == f"pin#{token(1)}"]
    assert datetime.fromisoformat(mark["at"]["S"]) > AT  # by the function's clock
    long_ago = datetime.fromisoformat(mark["at"]["S"]) - SAME_PRINT - timedelta(minutes=1)
    boto3.client("dynamodb").put_item(TableName=CARDS, Item=mark | {"at": {"S": long_ago.isoformat()}})
    assert ask(at=AT.isoformat())["left_out"] == {"pin_shown": 1}


def test_a_reprint_waits_for_the_ils_and_the_family_is_sent_no_link(family: Yard) -> None:
    ask()
    old = pin(family)
    said = ask(print_id="b" * 24, reprint=True)
    assert (said["cards"], said["left_out"]) == ([], {"pin_under_way": 3})
    patron = family.cards.standing([token(1)]).patrons[token(1)]
    assert patron.pin_for_paper
    family.cards.record_ils(
        [IlsState(token(1), "student", patron.household, "in_ils", patron.version, "77", "", patron.stamp, patron.envelopes["pin"])]
    )
    [card] = ask(print_id="b" * 24, only=said["under_way"])["cards"]
    assert card["pin"] == pin(family) != old


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"district": "elm"}, "unknown_district"),
        ({"district": "fir"}, "not_agreed"),
        ({"school": "school-9"}, "nobody_there"),
        ({"homeroom": "Room 4"}, "nobody_there"),
        ({"school": "", "student": "Ada 1"}, "not_an_id"),
        ({"school": ""}, "not_a_wish"),
        ({"by": ""}, "not_a_wish"),
    ],
)
def test_a_wish_without_an_answer_leaves_nothing_behind(family: Yard, changes: dict[str, str], error: str) -> None:
    before = everything(CARDS), everything(LEDGER)
    assert ask(**changes) == {"error": error}
    assert (everything(CARDS), everything(LEDGER)) == before
    assert error in ERRORS


def test_a_suspended_agreement_prints_nothing(family: Yard) -> None:
    family.ledger.suspend("oak.pine", by="ann", at=AT.isoformat())
    assert ask() == {"error": "not_in_force"}
    assert prints() == []


def test_every_cause_has_its_words_and_both_sides_count_the_same_at_once() -> None:
    assert set(LEFT_OUT) == set(printing.LeftOut)
    assert AT_ONCE == printing.AT_ONCE


def test_no_name_number_or_pin_is_in_a_log_or_in_the_ledger(
    family: Yard, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    importlib.reload(function)  # Powertools reads it when the handler is imported
    secret = [pin(family), "904000100001", "Ada", "Pineb", "family1@example.org"]
    ask(school="", student="100001")
    left = repr([vars(record) for record in caplog.records]) + repr(everything(LEDGER)) + repr(everything(CARDS))
    assert not [value for value in [*secret, "100001"] if value in left]


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def calls(self, family: Yard, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        return calls_go_to_the_handler(monkeypatch, function)

    def run(self, *words: str, typed: str | None = None) -> tuple[int, str, str]:
        result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["cards", *words], input=typed)
        return result.exit_code, result.stdout, result.stderr

    def test_it_writes_three_papers_for_their_owner_alone_and_names_nobody(self, family: Yard, tmp_path: Path) -> None:
        secret = pin(family)
        code, said, _ = self.run("print", "--district", "pine", "--school", "school-1", "--out", str(tmp_path / "papers"))
        assert code == 0
        files = sorted((tmp_path / "papers").iterdir())
        assert [file.name.rpartition("-")[0] for file in files] == ["cards", "class-list", "letters"]
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        cards = pypdfium2.PdfDocument(files[0])[0].get_textpage().get_text_bounded()
        assert secret in cards
        assert not [value for value in (secret, "Ada", "904000100001") if value in said]
        assert "Printed for 3 students" in said

    def test_again_there_is_nothing_to_print_and_it_says_why(self, tmp_path: Path) -> None:
        words = ("print", "--district", "pine", "--school", "school-1", "--out", str(tmp_path))
        self.run(*words)
        code, said, _ = self.run(*words)
        assert (code, "Left out: 3 have a PIN that was printed or shown before" in said) == (1, True)
        code, said, _ = self.run(*words, "--reprint", "--wait", "0", "--json")
        assert (code, json.loads(said)["left_out"]) == (1, {"pin_under_way": 3})

    def test_one_student_by_an_id_that_is_typed(self, tmp_path: Path) -> None:
        code, said, _ = self.run(
            "print", "--district", "pine", "--student", "-", "--cards", "--out", str(tmp_path), "--json", typed="100002\n"
        )
        assert (code, json.loads(said)["printed"], len(json.loads(said)["files"])) == (0, 1, 1)

    @pytest.mark.parametrize(
        "words", [[], ["--homeroom", "4"], ["--school", "1", "--student", "2"], ["--school", "1", "--district", "elm"]]
    )
    def test_a_wrong_use_exits_with_2(self, words: list[str]) -> None:
        assert self.run("print", *(["--district", "pine"] if "--district" not in words else []), *words)[0] == 2

    def test_what_was_handed_out_is_told_from_the_record(self, family: Yard, tmp_path: Path) -> None:
        self.run("print", "--district", "pine", "--school", "school-1", "--class-list", "--out", str(tmp_path))
        code, said, _ = self.run("printed", "oak.pine", "--since", "2026-01-01")
        assert code == 0
        assert "school school-1: class_list of 3 students" in said
        [record] = json.loads(self.run("printed", "oak.pine", "--since", "2026-01-01", "--json")[1])
        assert record["handed"] == sorted(token(n) for n in (1, 2, 3))
        assert json.loads(self.run("printed", "oak.pine", "--since", "2100-01-01", "--json")[1]) == []


class Asked:
    """Answers in turn; what was asked is kept."""

    def __init__(self, *answers: Mapping[str, Any] | int) -> None:
        self.answers, self.asked = list(answers), list[Mapping[str, Any]]()

    def __call__(self, what: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(what)
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            raise typer.Exit(answer)
        return answer


def said(*numbers: int, under_way: tuple[str, ...] = (), after: str = "") -> dict[str, Any]:
    card = dict.fromkeys(("first", "last", "at_home", "pin", "language", "kind", "grade", "school_id", "school_name", "homeroom"), "")
    paper = dict.fromkeys(("library", "district", "colour", "how_to_url", "phone", "email", "contact", "languages", "barcode"), "")
    left_out = {"pin_under_way": len(under_way)} if under_way else {}
    return {
        "cards": [card | {"number": f"{n}"} for n in numbers],
        "left_out": left_out,
        "under_way": list(under_way),
        "next": after,
        "paper": paper,
    }


def test_calls_are_joined_and_new_pins_are_waited_for() -> None:
    asked, pauses = Asked(said(1, under_way=("x",), after="m"), said(2), said(under_way=("x",)), said(3)), list[float]()
    pile = collect(asked, patience=600, pause=pauses.append)
    assert [card.number for card in pile.cards] == ["1", "2", "3"]
    assert asked.asked == [{}, {"after": "m"}, *[{"only": ["x"], "reprint": False}] * 2]
    assert (pile.left_out, len(pauses), pile.broken) == ({}, 2, False)


def test_patience_ends_and_what_is_under_way_is_counted_once() -> None:
    pile = collect(Asked(said(1, under_way=("x",)), said(under_way=("x",))), patience=15, pause=lambda seconds: None)
    assert pile.left_out == {"pin_under_way": 1}


def test_an_answer_that_was_lost_is_asked_for_again_and_what_came_before_is_kept() -> None:
    assert [card.number for card in collect(Asked(NO_ANSWER, said(1)), patience=0, pause=print).cards] == ["1"]
    pile = collect(Asked(said(1, after="m"), NO_ANSWER, NO_ANSWER), patience=0, pause=print)
    assert ([card.number for card in pile.cards], pile.broken) == (["1"], True)
    with pytest.raises(typer.Exit):
        collect(Asked(NO_ANSWER, NO_ANSWER), patience=0, pause=print)


def test_the_pin_of_a_print_in_the_future_is_made_today(family: Yard) -> None:
    ask(at=datetime(2027, 7, 1, tzinfo=AT.tzinfo).isoformat())
    [record] = prints()
    assert record["at"]["S"] < "2027-07"
