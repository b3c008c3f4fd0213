"""Rosters whose ids mean other people than before, through all the steps of a run and on the real tables."""

import gzip
import json
from typing import Any

import pytest

from firstcard.run.ledger import Status
from tests.function.builders import CARDS, EVENING, Yard, a_roster, everything, household, later, token
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

BEN = {"last_name": "Oak", "first_name": "Ben", "birth_date": "2015-01-02", "guardian_email": "oak@example.org"}


def another_under_the_first_id(*others: int) -> bytes:
    return a_firstcard_csv(a_student_row(1, **BEN), *(a_student_row(n) for n in others))


def receipt(yard: Yard, run_id: str) -> dict[str, Any]:
    body = yard.places.get(f"runs/{run_id}/receipt.json")
    assert body is not None
    read: dict[str, Any] = json.loads(body)
    return read


def items_of_the_first_child() -> list[str]:
    """All items that name the child or its household."""
    return [item for item in everything(CARDS) if token(1) in item or household(1) in item]


class TestAnIdThatPassedToAnotherChild:
    def test_leaves_the_card_of_the_first_child_as_it_is_however_many_nights_and_lets_the_next_good_file_through(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2))
        before, number = items_of_the_first_child(), yard.sealed(1)
        assert before
        for night in (1, 2):
            arrival, ended = yard.run(
                another_under_the_first_id(2, *range(10, 10 + night)), at=later(days=night), key=f"incoming/night{night}.csv"
            )
            assert ended == "applied"
            told = receipt(yard, arrival.run_id)
            assert told["problems"] == [{"file": f"night{night}.csv", "line": 2, "column": "student_id", "reason": "ID_REUSED"}]
            assert (told["rows"], told["accepted"], told["rejected"]) == (night + 2, night + 1, {"ID_REUSED": 1})
            assert items_of_the_first_child() == before
        settled = a_firstcard_csv(a_student_row(1, grade="05"), a_student_row(2), a_student_row(3, **BEN))
        arrival, ended = yard.run(settled, at=later(days=3), key="incoming/settled.csv")
        assert (ended, receipt(yard, arrival.run_id)["rejected"]) == ("applied", {})
        assert yard.states(1, 2, 3) == ["waiting"] * 3
        assert yard.sealed(1)["card"] == number["card"]
        assert yard.sealed(3)["card"] != number["card"]

    def test_does_not_wake_the_card_of_a_child_who_left(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2))
        yard.run(a_roster(2), at=later(days=1), key="incoming/left.csv")
        before = items_of_the_first_child()
        arrival, ended = yard.run(another_under_the_first_id(2, 4), at=later(days=2), key="incoming/reused.csv")
        assert (ended, receipt(yard, arrival.run_id)["rejected"]) == ("applied", {"ID_REUSED": 1})
        assert items_of_the_first_child() == before
        assert yard.states(1) == ["expired"]
        yard.run(a_roster(1, 2), at=later(days=3), key="incoming/back.csv")
        assert yard.states(1) == ["waiting"]

    @pytest.mark.parametrize("first", ["last_name", "birth_date"])
    def test_is_settled_for_one_child_by_sending_one_correction_after_the_other(self, yard: Yard, first: str) -> None:
        yard.run(a_roster(1, 2))
        number = yard.sealed(1)["card"]
        half = {"last_name": "Oak", "first_name": "Ben"} if first == "last_name" else {"birth_date": BEN["birth_date"]}
        for night, changes in enumerate((half, BEN), 1):
            body = a_firstcard_csv(a_student_row(1, **changes), a_student_row(2))
            arrival, ended = yard.run(body, at=later(days=night), key=f"incoming/night{night}.csv")
            assert (ended, receipt(yard, arrival.run_id)["rejected"]) == ("applied", {})
        assert yard.sealed(1)["card"] == number

    def test_is_seen_after_a_run_that_was_given_up_half_way(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2))
        arrival = yard.admitted(a_roster(1, 2, grade="05"), at=later(days=1), key="incoming/half.csv")
        planned = yard.plan(arrival)
        yard.begin(arrival, at=later(days=1))
        yard.issue(planned)
        yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
        assert yard.finish(arrival, error=True) == "stopped"
        yard.ledger.resume("oak.pine")
        sealed = yard.sealed(1)
        arrival, ended = yard.run(another_under_the_first_id(2), at=later(days=2), key="incoming/reused.csv")
        assert (ended, receipt(yard, arrival.run_id)["rejected"]) == ("applied", {"ID_REUSED": 1})
        assert yard.sealed(1) == sealed

    def test_takes_a_no_for_whoever_it_is_and_says_so(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2))
        body = a_firstcard_csv(a_student_row(1, **BEN, opt_out="yes"), a_student_row(2))
        arrival, _ = yard.run(body, at=later(days=1), key="incoming/no.csv")
        told = receipt(yard, arrival.run_id)
        assert yard.states(1) == ["refused"]
        assert ([p["reason"] for p in told["problems"]], told["rejected"]) == (["ID_REUSED"], {})


class TestLostZeros:
    def rows(self, *ids: str) -> bytes:
        return a_firstcard_csv(*(a_student_row(n, student_id=i) for n, i in enumerate(ids)))

    def test_hold_the_file_though_the_agreement_lets_every_change_pass_and_the_corrected_file_takes_its_place(self, yard: Yard) -> None:
        yard.run(self.rows("001234", "001235", "123456"))
        cards = everything(CARDS)
        opened = yard.admitted(self.rows("1234", "1235", "123456"), at=later(days=1), key="incoming/excel.csv")
        assert yard.plan(opened).outcome == "held"
        yard.hold(opened)
        told = receipt(yard, opened.run_id)
        assert told["reasons"][0]["reason"] == "LOST_ZEROS"
        assert told["outcome"] == "held"
        assert everything(CARDS) == cards
        assert yard.run(self.rows("001234", "001235", "123456", "123457"), at=later(days=2), key="incoming/good.csv")[1] == "applied"
        assert yard.known(opened).status is Status.SUPERSEDED

    def test_another_kind_of_id_holds_the_file_too(self, yard: Yard) -> None:
        yard.run(self.rows("123456", "123457"))
        arrival = yard.admitted(self.rows("990123456", "990123457"), at=later(days=1), key="incoming/state.csv")
        assert yard.plan(arrival).outcome == "held"
        assert yard.known(arrival).holds[0] == "ID_BASIS_CHANGED"


def test_a_file_named_by_an_earlier_day_waits_and_the_newest_export_takes_its_place(yard: Yard) -> None:
    yard.run(a_roster(1, 2), key="incoming/roster-2026-11-22.csv")
    old = yard.admitted(a_roster(1), at=later(days=1), key="incoming/roster-2026-11-20.csv")
    assert yard.plan(old).outcome == "held"
    assert yard.known(old).holds == ("STALE_FILE",)
    assert yard.run(a_roster(1, 2, 3), at=later(days=2), key="incoming/roster-2026-11-23.csv")[1] == "applied"
    assert yard.known(old).status is Status.SUPERSEDED


def test_the_manifest_says_nothing_about_anybody(yard: Yard) -> None:
    yard.run(a_roster(1, 2))
    stored = yard.places.get("manifests/oak.pine/00000001.json.gz")
    assert stored is not None
    text = gzip.decompress(stored).decode()
    assert token(1) in text
    for value in ("Ada", "ada", "Pineb", "2016", "100001", "family1", "school-1"):
        assert value not in text.replace(token(1), "").replace(token(2), "")
