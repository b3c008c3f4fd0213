"""``firstcard report`` and the function behind it: counts of what is on file, rounded before they leave."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from firstcard.card.patron import refuse
from functions.tally import handler as function
from tests.function.builders import CARDS, EVENING, LEDGER, Breaking, Yard, everything, later, token
from tests.function.calling import a_context
from tests.function.explaining import calls_go_to_the_handler
from tests.function.test_explain import ils_said, issued
from tests.unit.roster.builders import a_firstcard_csv, a_student_row


def a_class(first: int, count: int, **changes: str) -> list[dict[str, str]]:
    return [a_student_row(number, **changes) for number in range(first, first + count)]


ROWS = [
    *a_class(1, 40),
    *a_class(100, 30, grade="05"),
    *a_class(200, 12, guardian_email=""),
    *a_class(300, 11, opt_out="yes"),
    *a_class(400, 4, grade="PK"),
    *a_class(500, 3, school_id="school-2", school_name="Second School"),
]


def tally(edition: str = "district", sharing: str = "oak.pine") -> dict[str, Any]:
    said = function.handler({"edition": edition, "sharing": sharing, "at": EVENING.isoformat()}, a_context())
    return json.loads(json.dumps(said))["report"]  # type: ignore[no-any-return]


@pytest.fixture
def night(yard: Yard) -> Yard:
    yard.run(a_firstcard_csv(*ROWS))
    return yard


def test_it_counts_students_by_where_their_card_is(night: Yard) -> None:
    ids = [row["student_id"] for row in ROWS]
    assert len(set(ids)) == 100
    told = tally("library")
    assert told["students"] == 100
    assert told["students_by_state"] == {
        "opted_out": 10,
        "in_ils": 0,
        "no_address": 10,
        "window": 80,
        "failed": 0,
        "had_card": None,
        "first_ever": None,
        "in_doubt": 0,
        "served": 0,
    }
    assert [(cell["school"], cell["grade"], cell["students"], cell["opted_out"]) for cell in told["cells"]] == [
        ("school-1", "04", 60, 10),
        ("school-1", "05", 30, 0),
    ]
    assert told["cells"][0]["school_name"] == "First School"
    assert told["over_time"][0]["roster_of"] == told["baseline"]["roster_of"] == "2026-11-22"


def test_a_card_in_the_ils_counts_and_so_does_a_familys_no_by_its_link(night: Yard) -> None:
    for number in range(100, 130):
        ils_said(night, "in_ils", issued(night, number), number=number)
    assert tally()["students_by_state"]["in_ils"] == 30
    assert tally()["coverage_percent"] == 30
    for number in range(100, 110):
        known = night.cards.standing([token(number)]).patrons[token(number)]
        assert night.cards.change(refuse(known, run_id="", at=later(days=20).isoformat()))
    # More noes than the roster's groups leave room for beside them: so many or more.
    assert tally()["students_by_state"] == {"opted_out": 10, "in_ils": 20, "no_address": 10}
    assert tally()["at_least"] == ["opted_out"]


def test_counting_reads_nothing_sealed_and_writes_nothing(night: Yard, breaking: Breaking) -> None:
    before = everything(CARDS), everything(LEDGER), list(night.places.keys(""))
    seen: list[str] = []
    breaking.before("BatchGetItem", lambda: seen.append("asked"), about="ProjectionExpression")
    tally()
    assert (everything(CARDS), everything(LEDGER), list(night.places.keys(""))) == before
    assert seen == ["asked"]
    assert not {"Decrypt", "GetSecretValue", "PutItem", "PutObject"} & set(breaking.seen)


def test_a_file_that_waits_is_told(yard: Yard) -> None:
    arrival = yard.admitted(a_firstcard_csv(*ROWS))
    planned = yard.plan(arrival)
    assert planned.outcome == "ready"
    assert yard.ledger.move(arrival.run_id, "held", when=("ready",))  # type: ignore[arg-type]
    told = tally()
    assert told["held"] == [{"received_on": "2026-11-22", "new_cards": 90}]
    assert told["students"] == 0


def test_each_month_has_its_last_roster_and_the_first_of_all_stays(night: Yard) -> None:
    for days in (1, 12):
        _, ended = night.run(
            a_firstcard_csv(*ROWS, *a_class(600, 10 + 2 * days, grade="06")), key=f"incoming/{days}.csv", at=later(days=days)
        )
        assert ended == "applied"
    assert [(point["roster_of"], point["students"]) for point in tally()["over_time"]] == [
        ("2026-11-22", 100),
        ("2026-11-23", 110),
        ("2026-12-04", 130),
    ]


def test_a_census_of_the_vault_holds_counts_and_no_token(night: Yard) -> None:
    (key,) = night.places.keys("census/oak.pine/")
    body = night.places.get(key)
    assert key == "census/oak.pine/2026-11-22-00000001.json"
    assert body is not None
    assert token(1) not in body.decode()
    assert json.loads(body)["schools"] == {"school-1": "First School", "school-2": "Second School"}


def the_hour(days: int) -> dict[str, Any]:
    return function.handler({"detail-type": "Scheduled Event", "time": later(days=days).isoformat()}, a_context())


def test_the_schedule_keeps_a_months_coverage_once_as_a_report_would_tell_it(night: Yard) -> None:
    assert the_hour(0) == {"kept": "oak.pine"}
    for number in range(100, 130):
        ils_said(night, "in_ils", issued(night, number), number=number)
    assert the_hour(1) == {}  # the month has its figures, and the other district has no roster yet
    assert the_hour(10) == {"kept": "oak.pine"}
    assert tally()["progress"] == [
        {"counted_on": day, "students": 100, "in_ils": cards, "coverage_percent": cards, "educators": 0, "educators_in_ils": None}
        for day, cards in (("2026-11-22", 0), ("2026-12-02", 30))
    ]


def test_what_is_kept_of_a_month_has_rounded_numbers_alone(night: Yard) -> None:
    the_hour(0)
    (key,) = night.places.keys("progress/")
    numbers = [value for value in json.loads(night.places.get(key) or b"").values() if isinstance(value, int)]
    assert key == "progress/oak.pine/2026-11.json"
    assert numbers
    assert all(number % 10 == 0 for number in numbers)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"sharing": "oak.elm"}, {"error": "unknown_sharing"}),
        ({"sharing": ""}, {"sharings": [("fir", "oak"), ("pine", "oak")]}),
        ({"edition": "press"}, {"error": "not_a_question"}),
        ({"at": "2026-11-22"}, {"error": "not_a_question"}),
    ],
)
def test_a_question_that_means_nothing(yard: Yard, question: dict[str, str], said: dict[str, str]) -> None:
    whole = {"edition": "district", "sharing": "oak.pine", "at": EVENING.isoformat()} | question
    assert function.handler(whole, a_context()) == said


# The command


@pytest.fixture
def calls(night: Yard, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    return calls_go_to_the_handler(monkeypatch, function)


def run(*words: str) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["report", *words])
    return result.exit_code, result.stdout


@pytest.mark.usefixtures("calls")
def test_the_whole_deployment_is_rolled_up() -> None:
    code, said = run("--json")
    whole = json.loads(said)
    assert code == 0
    assert [one["district"] for one in whole["districts"]] == ["fir", "pine"]
    assert whole["together"]["students"] == 100
    assert whole["edition"] == "district"


@pytest.mark.usefixtures("calls")
def test_one_district_is_written_in_all_forms(tmp_path: Path) -> None:
    code, said = run("--district", "pine", "--edition", "library", "--out", str(tmp_path / "report"))
    assert (code, "of 100 students" in said) == (0, True)
    assert sorted(file.name for file in (tmp_path / "report").iterdir()) == ["report.csv", "report.html", "report.json"]
    page = (tmp_path / "report" / "report.html").read_text()
    assert "must not reach a district" in page
    assert "First School" in page


@pytest.mark.usefixtures("calls")
def test_of_a_library_without_districts_there_is_nothing_to_report() -> None:
    assert run("--library", "elm")[0] == 1
    assert run("--district", "elm")[0] == 1


def test_a_log_line_of_counting_names_the_sharing_and_nobody(night: Yard, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tally()
    assert not any(token(number) in caplog.text for number in (1, 100, 200))
