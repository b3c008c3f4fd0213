"""Why a child has no card: the function, after real runs."""

import importlib
import json
from typing import Any

import boto3
import pytest

from firstcard.card.patron import Stamp
from firstcard.card.view import IlsState, NoticeMark
from functions.explain import handler as explain
from tests.function.builders import EVENING, VAULT, Breaking, Yard, a_roster, csv_content, household, later, token
from tests.function.calling import a_context
from tests.function.explaining import asked
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

STAMP = Stamp("oak.pine", "dsa-pine-oak-2026", "oak", "pine", "1" * 24, EVENING.isoformat())


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return [
        csv_content("pine", "dsa-pine-oak-2026", "904", rollout={"grades": ["04", "05"]}),
        csv_content("fir", "dsa-fir-oak-2026", "906"),
    ]


def tell(yard: Yard, number: int = 1, state: str = "sent", at: str = EVENING.isoformat()) -> None:
    mark = NoticeMark(household(number), "announcement", token(number), state, "m1", STAMP)
    sent = {"told_at": at, "window_of": "oak.pine"} if state == "sent" else {}
    yard.cards.mark([NoticeMark(**{name: getattr(mark, name) for name in NoticeMark.__slots__} | sent)])


def issued(yard: Yard, number: int = 1) -> int:
    """The family's days went by; gives the patron's version."""
    from firstcard.card.patron import release

    patron = yard.cards.standing([token(number)]).patrons[token(number)]
    assert yard.cards.change(release(patron, at=later(days=14).isoformat()))
    return patron.version + 1


def ils_said(yard: Yard, state: str, version: int, reason: str = "", number: int = 1) -> None:
    yard.cards.record_ils([IlsState(token(number), "student", household(number), state, version, "77", reason, STAMP)])


def held(yard: Yard, body: bytes, **where: Any) -> str:
    """A file that a person must look at; the agreement lets pass what the first one was."""
    arrival = yard.admitted(body, **where)
    planned = yard.plan(arrival)
    assert planned.outcome == "held"
    return arrival.run_id


def test_a_child_whose_card_is_in_the_ils_has_one(yard: Yard) -> None:
    yard.run(a_roster(1))
    ils_said(yard, "in_ils", issued(yard))
    said = asked()
    assert (said["code"], said["has_card"]) == ("has_card", True)


def test_nobody_is_told_of_anothers_card_where_an_id_passed_on(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    ils_said(yard, "in_ils", issued(yard))
    other = {"last_name": "Oak", "first_name": "Ben", "birth_date": "2015-01-02"}
    yard.run(a_firstcard_csv(a_student_row(1, **other), a_student_row(2)), at=later(days=1), key="incoming/reused.csv")
    said = asked()
    assert (said["code"], said["has_card"], said["ask"]["who"]) == ("id_reused", False, "district")
    assert said["details"]["places"][0]["line"] == 2
    yard.run(a_roster(1, 2), at=later(days=2), key="incoming/right.csv")
    assert asked()["code"] == "has_card"


def test_a_card_that_the_ils_has_not_answered_for_is_on_its_way(yard: Yard) -> None:
    yard.run(a_roster(1))
    issued(yard)
    assert asked()["code"] == "on_the_way"


def test_a_card_that_the_ils_refused_says_why(yard: Yard) -> None:
    yard.run(a_roster(1))
    ils_said(yard, "failed", issued(yard), "card_number_taken")
    said = asked()
    assert (said["code"], said["details"]["reason"], said["ask"]["who"]) == ("refused_by_ils", "card_number_taken", "library")
    assert "already has this card number" in said["sentence"]


def test_a_child_waits_until_its_familys_days_are_over(yard: Yard) -> None:
    yard.run(a_roster(1))
    tell(yard)
    said = asked()
    assert (said["code"], said["details"]["until"]) == ("window", later(days=14).isoformat())
    assert asked(at=later(days=14).isoformat())["code"] == "on_the_way"


@pytest.mark.parametrize("state", ["none", "claimed", "open"])
def test_a_family_that_was_not_told_yet_has_no_days_that_run(yard: Yard, state: str) -> None:
    yard.run(a_roster(1))
    if state != "none":
        tell(yard, state=state)
    assert asked()["code"] == "not_told"


def test_a_child_without_an_address_waits_for_one_and_nothing_else(yard: Yard) -> None:
    yard.run(a_firstcard_csv(a_student_row(1, guardian_email=""), a_student_row(2, guardian_email="none at all")))
    assert (asked(1)["code"], asked(1)["details"]["places"]) == ("no_address", [])
    said = asked(2)
    assert (said["code"], said["ask"]["who"]) == ("no_address", "district")
    assert [(p["line"], p["reason"]) for p in said["details"]["places"]] == [(3, "BAD_EMAIL")]


def test_an_address_that_too_many_share_is_named_as_the_cause(yard: Yard) -> None:
    yard.run(a_firstcard_csv(*(a_student_row(n, guardian_email="none@example.org") for n in range(1, 15))))
    assert [(p["line"], p["reason"]) for p in asked(3)["details"]["places"]] == [(4, "SHARED_ADDRESS")]


def test_a_no_of_the_family_is_told_with_its_way_and_nothing_more(yard: Yard) -> None:
    yard.run(a_roster(1))
    yard.cards.refuse([token(1)], by="family", stamp=STAMP)
    said = asked()
    assert (said["code"], said["details"]) == ("refused", {"way": "family", "since": EVENING.isoformat()})


def test_a_no_in_the_roster_counts_though_the_child_never_had_a_card_record(yard: Yard) -> None:
    yard.run(a_firstcard_csv(a_student_row(1, opt_out="yes"), a_student_row(2)))
    assert (asked()["code"], asked()["details"]["way"]) == ("refused", "roster")


def test_a_rejected_row_is_named_by_line_and_code_and_run(yard: Yard) -> None:
    arrival, _ = yard.run(a_firstcard_csv(a_student_row(1), a_student_row(2, birth_date="2016-13-40", grade="99")))
    said = asked(2)
    assert (said["code"], said["details"]["run"]) == ("row_rejected", arrival.run_id)
    assert [(p["file"], p["line"], p["column"], p["reason"]) for p in said["details"]["places"]] == [
        ("roster.csv", 3, "grade", "BAD_GRADE"),
        ("roster.csv", 3, "birth_date", "BAD_DATE"),
    ]
    assert asked(1)["code"] == "not_told"


def test_a_child_outside_the_rollout_hears_of_its_group(yard: Yard) -> None:
    yard.run(a_firstcard_csv(a_student_row(1), a_student_row(2, grade="09")))
    said = asked(2)
    assert (said["code"], said["details"]["group"]) == ("not_in_rollout", "other_grade")


def test_a_child_that_left_the_rollout_hears_of_it_and_not_that_it_left(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    yard.run(a_firstcard_csv(a_student_row(1), a_student_row(2, grade="09")), at=later(days=1), key="incoming/next.csv")
    assert yard.states(2) == ["expired"]
    assert asked(2)["code"] == "not_in_rollout"


def test_a_child_that_left_hears_since_when(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    yard.run(a_roster(1), at=later(days=1), key="incoming/next.csv")
    said = asked(2)
    assert (said["code"], said["details"]["since"]) == ("left", later(days=1).isoformat())


def test_who_left_and_comes_back_with_a_bad_row_hears_of_the_row(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    yard.run(a_roster(1), at=later(days=1), key="incoming/next.csv")
    yard.run(a_firstcard_csv(a_student_row(1), a_student_row(2, grade="99"), a_student_row(3)), at=later(days=2), key="incoming/third.csv")
    assert yard.states(2) == ["expired"]
    assert asked(2)["code"] == "row_rejected"


def test_the_newest_applied_file_counts_and_nights_without_news_do_not_hide_it(yard: Yard) -> None:
    good = a_firstcard_csv(a_student_row(1), a_student_row(2, grade="99"))
    yard.run(good)
    for night in range(1, 4):
        yard.run(good, at=later(days=night), key=f"incoming/{night}.csv")
    assert asked(2)["code"] == "row_rejected"
    yard.run(a_roster(1, 3), at=later(days=5), key="incoming/later.csv")
    assert asked(2)["code"] == "not_in_roster"


def test_a_file_that_was_refused_whole_changes_no_answer(yard: Yard) -> None:
    yard.run(a_firstcard_csv(a_student_row(1), a_student_row(2, grade="99")))
    assert yard.run(b"nonsense", at=later(days=1), key="incoming/bad.csv")[1] == "rejected"
    assert asked(2)["code"] == "row_rejected"


def test_before_any_roster_was_applied_the_refused_file_says_why(yard: Yard) -> None:
    assert asked()["code"] == "no_roster"
    yard.run(b"nonsense")
    said = asked()
    assert (said["code"], said["details"]["reason"]) == ("no_roster", "UNKNOWN_FORMAT")


def test_a_file_that_is_being_read_is_told(yard: Yard) -> None:
    yard.admitted(a_roster(1))
    assert asked()["code"] == "being_read"


def test_a_child_of_a_plan_that_goes_on_is_on_its_way(yard: Yard) -> None:
    arrival = yard.admitted(a_roster(1))
    yard.plan(arrival)
    yard.begin(arrival)
    assert asked()["code"] == "on_the_way"
    assert asked(2)["code"] == "not_in_roster"


class TestHeld:
    @pytest.fixture
    def agreements(self) -> list[dict[str, Any]]:
        return [csv_content("pine", "dsa-pine-oak-2026", "904", safety={"first_run_needs_approval": True})]

    def test_a_child_of_a_held_file_hears_that_a_person_must_look(self, yard: Yard) -> None:
        run_id = held(yard, a_firstcard_csv(a_student_row(1), a_student_row(2, grade="99"), a_student_row(3, opt_out="yes")))
        said = asked(1)
        assert (said["code"], said["details"]["run"], said["details"]["reasons"]) == ("held", run_id, ["FIRST_RUN", "TOO_MANY_REJECTED"])
        assert f"firstcard run show {run_id}" in said["advice"]
        assert asked(2)["code"] == "row_rejected"
        assert asked(3)["code"] == "refused"
        assert asked(4)["code"] == "no_roster"

    def test_a_newer_held_file_takes_the_place_of_the_older_one(self, yard: Yard) -> None:
        held(yard, a_roster(1))
        held(yard, a_roster(2), at=later(days=1), key="incoming/next.csv")
        assert asked(1)["code"] == "no_roster"
        assert asked(2)["code"] == "held"

    def test_a_file_that_nobody_approved_is_told(self, yard: Yard) -> None:
        arrival = yard.admitted(a_firstcard_csv(a_student_row(1), a_student_row(3, opt_out="yes")))
        assert yard.approve(arrival, yard.plan(arrival).plan_hash, approve=False)
        yard.finish(arrival)
        assert asked()["code"] == "not_approved"
        assert asked(3)["code"] == "not_approved"


def test_a_suspended_agreement_comes_before_what_waits_and_not_before_a_card(yard: Yard) -> None:
    yard.run(a_roster(1, 2, 3))
    ils_said(yard, "in_ils", issued(yard, 1), number=1)
    yard.cards.refuse([token(3)], by="family", stamp=STAMP)
    yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
    assert [asked(n)["code"] for n in (1, 2, 3, 4)] == ["has_card", "agreement_stopped", "refused", "agreement_stopped"]


def test_after_the_term_nothing_is_promised(yard: Yard) -> None:
    yard.run(a_roster(1))
    assert asked(at="2027-08-01T00:00:00+00:00")["code"] == "agreement_stopped"


def test_the_same_id_in_another_district_is_another_child(yard: Yard) -> None:
    yard.run(a_roster(1))
    yard.run(a_roster(2), district="fir", key="incoming/fir.csv")
    assert asked(1)["code"] == "not_told"
    assert asked(1, district="fir")["code"] == "not_in_roster"


def test_a_file_that_came_under_an_agreement_with_another_library_says_nothing(yard: Yard) -> None:
    yard.run(a_roster(1))
    other = yard.drop(a_roster(2), at=later(days=1), key="incoming/other.csv")
    yard.ledger.admit(other, sharing="elm.pine")
    assert asked(2)["code"] == "not_in_roster"


def test_a_plan_whose_objects_are_gone_claims_nothing(yard: Yard) -> None:
    arrival, _ = yard.run(a_firstcard_csv(a_student_row(1), a_student_row(2, grade="99")))
    folder = f"runs/{arrival.run_id}/{yard.known(arrival).plan_hash[:16]}"
    boto3.client("s3").delete_object(Bucket=VAULT, Key=f"{folder}/people.json.gz")
    assert asked(2)["code"] == "not_kept"
    assert asked(1)["code"] == "not_told"


def test_an_id_with_blanks_around_it_is_the_same_id(yard: Yard) -> None:
    yard.run(a_roster(1))
    assert asked(" 100001\t")["code"] == "not_told"


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({"district": "elm", "student": "100001"}, "unknown_district"),
        ({"district": "pine", "student": "Ada Pine"}, "not_an_id"),
        ({"district": "pine", "student": ""}, "not_an_id"),
        ({"district": "pine", "student": "1" * 5000}, "not_a_question"),
        ({"district": "pine", "student": 100001}, "not_a_question"),
        ({"district": "pine"}, "not_a_question"),
        ({"district": "pine", "student": "100001", "at": "yesterday"}, "not_a_question"),
        ({"district": "pine", "student": "100001", "name": "Ada"}, "not_a_question"),
    ],
)
def test_a_question_that_has_no_answer_is_named_without_its_content(yard: Yard, question: dict[str, Any], error: str) -> None:
    assert explain.handler({"at": EVENING.isoformat()} | question, a_context()) == {"error": error}


def test_the_log_has_the_token_and_never_the_id_even_where_events_are_to_be_logged(
    yard: Yard, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    importlib.reload(explain)  # Powertools reads it when the handler is imported
    yard.run(a_firstcard_csv(a_student_row(1), a_student_row(2, grade="99")))
    answers = [asked(n) for n in (1, 2, 9)]
    asked("Ada 100001")
    logged = repr([vars(record) for record in caplog.records])
    assert token(2) in logged
    for said in (logged, json.dumps(answers)):
        for value in ("100001", "100002", "100009", "Ada", "Pineb", "2016-05-04", "family1@"):
            assert value not in said


def test_asking_opens_nothing_and_writes_nothing(yard: Yard, breaking: Breaking) -> None:
    yard.run(a_firstcard_csv(a_student_row(1), a_student_row(2, grade="99")))
    breaking.seen.clear()
    for number in (1, 2, 9):
        asked(number)
    assert breaking.writes() == []
    assert {"Decrypt", "PutObject"} & set(breaking.seen) == set()
