"""``firstcard matches``, down to the function that answers it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from firstcard.card.pair import Answer, pair_id
from firstcard.vault import VaultClosedError
from functions.settle import handler as settle
from tests.function.builders import CARDS, LEDGER, Yard, everything, token
from tests.function.calling import a_context
from tests.function.explaining import calls_go_to_the_handler
from tests.function.test_matching import EVERYBODY, child, existing, matching_content, patron, sent


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return [matching_content()]


@pytest.fixture(autouse=True)
def calls(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.setattr(settle, "unwrap", yard.keys.unwrap)
    return calls_go_to_the_handler(monkeypatch, settle)


@pytest.fixture
def doubts(yard: Yard) -> Yard:
    """Three patrons without a birth date are in doubt, two are certain."""
    yard.patrons = [patron(1), patron(2)] + [patron(n, birth_date="") for n in (7, 8, 9)]
    sent(yard, *EVERYBODY)
    return yard


def intents() -> list[str]:
    return [item for item in everything(LEDGER) if "intent#" in item]


def run(*words: str, answer: str | None = None) -> tuple[int, str, str]:
    result = CliRunner(env={"COLUMNS": "220"}).invoke(app, ["matches", *words, "--library", "oak"], input=answer)
    return result.exit_code, result.stdout, result.stderr


def test_what_waits_is_listed_with_its_classes_and_no_name_is_opened(doubts: Yard) -> None:
    code, said, _ = run("list", "--json")
    told = json.loads(said)
    assert (code, told["waiting"]) == (0, 3)
    assert {pair["ils_id"] for pair in told["pairs"]} == {"ils-7", "ils-8", "ils-9"}
    assert sum(told["classes"].values()) == 3
    assert not intents()
    assert not any(row["last_name"] in said for row in EVERYBODY)
    code, said, _ = run("list")
    assert (code, "3 matches wait" in said, "A birth date is missing" in said) == (0, True, True)


def test_what_the_machine_put_together_can_be_looked_up_by_the_librarys_record(doubts: Yard) -> None:
    both = json.loads(run("together", "--json")[1])["pairs"]
    assert {pair["ils_id"] for pair in both} == {"ils-1", "ils-2"}
    (found,) = json.loads(run("together", "--patron", "ils-2", "--json")[1])["pairs"]
    assert (found["match"], found["answer"]) == (pair_id(token(2), existing(2)), "same")
    code, said, _ = run("together", "--patron", "ils-2")
    assert (code, "1 matches" in said, "patron ils-2" in said) == (0, True, True)
    assert json.loads(run("together", "--patron", "ils-7", "--json")[1])["pairs"] == []
    assert not intents()
    run("decide", "apart", found["match"])
    assert {pair["ils_id"] for pair in json.loads(run("together", "--json")[1])["pairs"]} == {"ils-1"}


def test_of_a_child_that_said_no_it_is_of_no_matter_whether_it_is_a_patron(doubts: Yard) -> None:
    (patron_8,) = doubts.cards.standing([token(8)]).patrons.values()
    doubts.cards.refuse([token(8)], by="family", stamp=patron_8.stamp)
    told = json.loads(run("list", "--json")[1])
    assert (sorted((pair["ils_id"] for pair in told["pairs"]), reverse=True), told["waiting"], sum(told["classes"].values())) == (
        ["ils-9", "ils-7"],
        2,
        2,
    )


def test_one_match_is_shown_with_the_students_name_and_the_librarys_record(doubts: Yard) -> None:
    one = pair_id(token(7), existing(7))
    code, said, _ = run("show", one, "--json")
    told = json.loads(said)
    assert code == 0
    assert told["student"] == {"first_name": "Hassan", "last_name": "Hidalgo", "birth_date": "2012-08-08"}
    assert told["other"] == {"ils_id": "ils-7"}
    assert told["pair"]["evidence"]["last"] == "exact"
    assert not {"street", "postal_code", "email", "grade", "school_id"} & told["student"].keys()
    assert len(intents()) == 2
    assert all("deduplicate" in item and "firstcard-tested" in item for item in intents())
    code, said, _ = run("show", one)
    assert (code, "Hidalgo" in said, "record ils-7" in said, "A birth date is missing" in said) == (0, True, True, True)


def test_a_student_who_waits_is_shown_from_the_plan_until_the_decision(yard: Yard) -> None:
    yard.patrons = [patron(7, birth_date="")]
    sent(yard, *EVERYBODY, in_doubt={"meanwhile": "wait", "decide_within_days": 14})
    one = pair_id(token(7), existing(7))
    told = json.loads(run("show", one, "--json")[1])
    assert told["student"] == {"first_name": "Hassan", "last_name": "Hidalgo", "birth_date": "2012-08-08"}
    assert yard.cards.pairs([one])[one].shown_in
    assert not any("Hidalgo" in item for item in everything(CARDS))
    run("decide", "apart", one)
    assert yard.cards.pairs([one])[one].shown_in == ""


def test_two_students_are_both_shown(yard: Yard) -> None:
    sent(yard, *EVERYBODY, child(3, student_id="100099", state_id="", birth_date=""))
    (waiting,) = yard.cards.waiting_pairs("oak")
    told = json.loads(run("show", waiting.id, "--json")[1])
    assert sorted([told["student"].get("birth_date", ""), told["other"].get("birth_date", "")]) == ["", "2013-04-04"]
    assert told["student"]["last_name"] == told["other"]["last_name"] == "Dawson"
    code, said, _ = run("show", waiting.id)
    assert (code, "another student" in said, "2013-04-04" in said) == (0, True, True)


def test_a_decision_is_for_good_and_the_second_person_is_told(doubts: Yard) -> None:
    one = pair_id(token(7), existing(7))
    code, said, _ = run("decide", "same", one, "--json")
    assert (code, json.loads(said)) == (0, {"decided": [one], "late": [], "unknown": []})
    on_record = doubts.cards.pairs([one])[one]
    assert (on_record.answer, on_record.waits, bool(on_record.decided_at)) == (Answer.SAME, False, True)
    assert json.loads(run("list", "--json")[1])["waiting"] == 2


def test_whoever_decides_second_changes_nothing_and_is_told(doubts: Yard) -> None:
    one = pair_id(token(7), existing(7))
    run("decide", "same", one)
    code, _, said = run("decide", "apart", one)
    assert (code, "was decided by somebody else meanwhile" in said) == (1, True)
    assert doubts.cards.pairs([one])[one].answer is Answer.SAME


def test_more_matches_than_fit_into_a_call_are_decided_in_several(doubts: Yard, calls: list[dict[str, Any]]) -> None:
    one = pair_id(token(7), existing(7))
    code, said, _ = run("decide", "same", one, *(f"{n:024x}" for n in range(450)), "--json")
    assert (code, len(calls), json.loads(said)["decided"], len(json.loads(said)["unknown"])) == (1, 3, [one], 450)


def test_nobody_decides_in_the_machines_name(doubts: Yard) -> None:
    request = {"do": "decide", "library": "oak", "by": "machine", "answer": "apart", "ids": [pair_id(token(7), existing(7))]}
    assert settle.handler(request, a_context()) == {"error": "not_a_request"}


def test_a_whole_class_is_decided_at_once_after_a_question_that_says_how_many(doubts: Yard) -> None:
    (name,) = json.loads(run("list", "--json")[1])["classes"]
    code, said, asked = run("decide", "apart", "--class", name, answer="n")
    assert (code, "decided" in said, f"3 matches of {name} wait as of " in asked) == (1, False, True)
    assert json.loads(run("list", "--json")[1])["waiting"] == 3
    code, said, _ = run("decide", "apart", "--class", name, answer="y")
    assert (code, "3 decided: apart." in said) == (0, True)
    assert json.loads(run("list", "--json")[1])["waiting"] == 0
    assert {pair.answer for pair in doubts.cards.decided_pairs("oak")} == {Answer.APART}


def came(yard: Yard, number: int, **moments: str) -> None:
    """A match like the others came on record, or changed, since."""
    one = pair_id(token(7), existing(7))
    like = yard.cards.pairs([one])[one]
    yard.cards.add_pairs([replace(like, left=token(number), right=existing(number), **moments)])


def test_what_came_after_the_list_is_not_decided_however_old_its_roster_is(doubts: Yard) -> None:
    told = json.loads(run("list", "--json")[1])
    (name,) = told["classes"]
    came(doubts, 10, recorded_at=datetime.now(UTC).isoformat())
    assert json.loads(run("list", "--json")[1])["waiting"] == 3, "what came this very moment is not shown either"
    code, said, _ = run("decide", "apart", "--class", name, "--as-of", told["as_of"], "--yes")
    assert (code, said.strip()) == (0, "3 decided: apart.")
    assert [pair.left for pair in doubts.cards.waiting_pairs("oak")] == [token(10)]


def test_a_match_that_changed_after_the_list_is_not_decided(doubts: Yard) -> None:
    told = json.loads(run("list", "--json")[1])
    (name,) = told["classes"]
    came(doubts, 7, recorded_at=datetime.now(UTC).isoformat())
    run("decide", "apart", "--class", name, "--as-of", told["as_of"], "--yes")
    assert [pair.left for pair in doubts.cards.waiting_pairs("oak")] == [token(7)]


def test_what_an_earlier_release_wrote_counts_by_its_runs_time(doubts: Yard) -> None:
    assert all(pair.recorded_at for pair in doubts.cards.waiting_pairs("oak"))
    came(doubts, 7, recorded_at="")
    came(doubts, 8, recorded_at="")
    (name,) = json.loads(run("list", "--json")[1])["classes"]
    assert run("decide", "apart", "--class", name, "--yes")[1].strip() == "3 decided: apart."


def test_every_call_of_one_decision_is_about_one_moment(doubts: Yard, calls: list[dict[str, Any]]) -> None:
    for number in range(100, 600):
        came(doubts, number)
    (name,) = json.loads(run("list", "--json")[1])["classes"]
    calls.clear()
    code, said, _ = run("decide", "apart", "--class", name, "--yes")
    assert (code, said.strip()) == (0, "503 decided: apart.")
    requests = [json.loads(call["Payload"]) for call in calls]
    assert [request["do"] for request in requests] == ["list", "decide", "decide", "decide"]
    assert len({request["as_of"] for request in requests[1:]}) == 1


@pytest.mark.parametrize("as_of", [None, "2999-01-01T00:00:00+00:00", "2026-11-22T06:00:00", "soon"])
def test_a_class_without_a_moment_that_is_over_is_not_decided(doubts: Yard, as_of: str | None) -> None:
    request = {"do": "decide", "library": "oak", "by": "ann", "answer": "apart", "evidence_class": "patron:V3", "as_of": as_of}
    assert settle.handler(request, a_context()) == {"error": "not_a_request"}
    assert len(list(doubts.cards.waiting_pairs("oak"))) == 3


def test_two_students_of_two_districts_are_shown_with_their_districts(yard: Yard) -> None:
    sent(yard, *EVERYBODY, child(3, student_id="100099", state_id="", birth_date=""))
    (waiting,) = yard.cards.waiting_pairs("oak")
    assert "districts" not in json.loads(run("show", waiting.id, "--json")[1])
    right = yard.cards.standing([waiting.right]).patrons[waiting.right]
    assert yard.cards.change(replace(right, district="fir", version=right.version + 1))
    told = json.loads(run("show", waiting.id, "--json")[1])
    assert told["districts"] == ["pine", "fir"]
    assert told["student"].keys() | told["other"].keys() <= {"first_name", "last_name", "middle_name", "birth_date"}
    code, said, _ = run("show", waiting.id)
    assert (code, "the student (pine)" in said, "another student (fir)" in said) == (0, True, True)


def test_a_match_that_is_not_there_is_said_to_be_so(doubts: Yard) -> None:
    code, _, said = run("decide", "same", "0" * 24)
    assert (code, "is no match of this library" in said) == (1, True)
    code, _, said = run("show", "0" * 24)
    assert (code, "there is no such match" in said) == (1, True)


@pytest.mark.parametrize(
    "words",
    [("show", "not-an-id"), ("decide", "same"), ("decide", "perhaps", "0" * 24), ("decide", "same", "0" * 24, "--class", "patron:V3")],
)
def test_a_command_used_wrongly_exits_with_2(words: tuple[str, ...]) -> None:
    assert run(*words)[0] == 2


def test_another_librarys_match_does_not_exist(doubts: Yard) -> None:
    request = {"do": "show", "library": "elm", "by": "ann", "ids": [pair_id(token(7), existing(7))]}
    assert settle.handler(request, a_context()) == {"error": "unknown_library"}


def test_names_that_may_not_be_opened_are_not_shown(doubts: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(wrapped: bytes, context: object) -> bytes:
        raise VaultClosedError("AccessDeniedException")

    monkeypatch.setattr(settle, "unwrap", closed)
    code, said, error = run("show", pair_id(token(7), existing(7)))
    assert (code, "may not be opened" in error, "Hidalgo" in said) == (3, True, False)


def test_what_is_logged_names_nobody(doubts: Yard, caplog: pytest.LogCaptureFixture) -> None:
    run("show", pair_id(token(7), existing(7)), "--json")
    logged = [repr(vars(record)) for record in caplog.records if record.name == "firstcard"]
    assert logged
    assert not any(word in line for line in logged for word in ("Hassan", "Hidalgo", "2012-08-08"))
