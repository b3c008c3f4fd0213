"""A card number is one person's for good: on the real tables, with two districts at once, after everything is gone, and when functions die."""

import json
from typing import Any, ClassVar

import boto3
import pytest

from firstcard.card.issue import issue_chunk
from firstcard.card.number import library_barcode
from firstcard.identity import Tokens
from tests.function.builders import (
    CARDS,
    EVENING,
    TOKEN_KEY,
    VAULT,
    Breaking,
    KilledError,
    Yard,
    a_roster,
    csv_content,
    dies,
    everything,
    later,
    libraries,
    site_content,
    token,
)
from tests.function.explaining import asked
from tests.unit.agreement.builders import MATCHING
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

FIELD = {"required": False, "exhibit_b": "As listed.", "fideslang": "user.unique_id"}
OURS = Tokens(TOKEN_KEY.encode(), library="oak", district="pine")
STATE_ID = {"scheme": "state_id", "prefix": "", "length": 10}
SUPPLIED = {"scheme": "supplied", "prefix": "", "length": 14}
SOMEBODY = "7000000001"


def content(number: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    """Two districts that both number their students so."""
    field = {"state_id": "state_id", "supplied": "card_number"}[number["scheme"]]
    made = site_content(**changes)
    for one in made:
        one["card"]["number"] = number
        one["fields"][field] = FIELD
    return made


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return content(STATE_ID)


def a_file(**ids: str) -> bytes:
    """Students by their places, each with a state id: ``a_file(s1="7000000001")``."""
    return a_firstcard_csv(*(a_student_row(int(name[1:]), state_id=value) for name, value in ids.items()))


def states(yard: Yard, *numbers: int, district: str = "pine") -> list[str | None]:
    patrons = yard.cards.standing([token(n, district) for n in numbers]).patrons
    return [str(patrons[token(n, district)].state) if token(n, district) in patrons else None for n in numbers]


def problems(yard: Yard, run_id: str) -> list[tuple[int, str, str]]:
    body = yard.places.get(f"runs/{run_id}/receipt.json")
    assert body is not None
    return [(p["line"], p["column"], p["reason"]) for p in json.loads(body)["problems"]]


def owners(*numbers: str, yard: Yard) -> list[str | None]:
    claims = [OURS.card(number) for number in numbers]
    return [yard.cards.holders(claims).get(claim) for claim in claims]


class TestAStateIdThatIsAnotherChilds:
    def test_gives_no_card_in_the_other_district_and_says_so_by_line_and_to_the_desk(self, yard: Yard) -> None:
        yard.run(a_file(s1=SOMEBODY))
        arrival, ended = yard.run(a_file(s1=SOMEBODY, s2="7000000002"), district="fir")
        assert (ended, states(yard, 1, 2, district="fir"), states(yard, 1)) == ("applied", [None, "waiting"], ["waiting"])
        assert problems(yard, arrival.run_id) == [(2, "state_id", "NUMBER_TAKEN")]
        answer = asked(1, district="fir")
        assert (answer["code"], answer["details"]["places"][0]["reason"]) == ("row_rejected", "NUMBER_TAKEN")
        assert "not free" in answer["sentence"]

    def test_gives_a_card_as_soon_as_it_is_corrected(self, yard: Yard) -> None:
        yard.run(a_file(s1=SOMEBODY))
        yard.run(a_file(s1=SOMEBODY, s2="7000000002"), district="fir")
        yard.run(a_file(s1="7000000003", s2="7000000002"), district="fir", at=later(days=1), key="incoming/next.csv")
        assert states(yard, 1, 2, district="fir") == ["waiting", "waiting"]

    @pytest.mark.parametrize("gone", ["left", "refused", "removed"])
    def test_is_not_given_again_when_the_first_one_is_gone(self, yard: Yard, gone: str) -> None:
        yard.run(a_file(s1=SOMEBODY, s2="7000000002"))
        if gone == "left":
            yard.run(a_file(s2="7000000002"), at=later(days=1), key="incoming/left.csv")
        elif gone == "refused":
            yard.run(
                a_firstcard_csv(a_student_row(1, state_id=SOMEBODY, opt_out="yes"), a_student_row(2, state_id="7000000002")),
                at=later(days=1),
                key="incoming/no.csv",
            )
        else:
            boto3.client("dynamodb").delete_item(TableName=CARDS, Key={"pk": {"S": f"patron#{token(1)}"}, "sk": {"S": "patron"}})
        for night, district in ((2, "pine"), (2, "fir")):
            numbers = {"s2": "7000000002"} if district == "pine" else {"s4": "7000000004"}
            yard.run(a_file(s3=SOMEBODY, **numbers), at=later(days=night), key="incoming/again.csv", district=district)
            assert states(yard, 3, district=district) == [None]
        assert owners(SOMEBODY, yard=yard) == [token(1)]

    def test_comes_back_with_the_same_number_after_the_child_had_left(self, yard: Yard) -> None:
        yard.run(a_file(s1=SOMEBODY, s2="7000000002"))
        sealed = yard.sealed(1)["card"]
        yard.run(a_file(s2="7000000002"), at=later(days=1), key="incoming/left.csv")
        yard.run(a_file(s1=SOMEBODY, s2="7000000002"), at=later(days=2), key="incoming/back.csv")
        assert (states(yard, 1), yard.sealed(1)["card"]) == (["waiting"], sealed)

    def test_is_no_matter_any_more_once_there_is_a_card(self, yard: Yard) -> None:
        """Another state id, a placeholder or none: the number was drawn once, and the other columns still come."""
        yard.run(a_file(s1=SOMEBODY, s2="7000000002", s3="7000000003"))
        sealed = [yard.sealed(n)["card"] for n in (1, 2, 3)]
        arrival, _ = yard.run(
            a_firstcard_csv(
                *(a_student_row(n, state_id=value, grade="05") for n, value in ((1, "7000000002"), (2, ""), (3, "7000000002")))
            ),
            at=later(days=1),
            key="incoming/next.csv",
        )
        assert problems(yard, arrival.run_id) == []
        assert [yard.sealed(n)["card"] for n in (1, 2, 3)] == sealed
        assert {p.version for p in yard.cards.standing([token(n) for n in (1, 2, 3)]).patrons.values()} == {2}

    def test_of_two_children_of_one_file_is_neithers(self, yard: Yard) -> None:
        arrival, _ = yard.run(a_file(s1=SOMEBODY, s2=SOMEBODY, s3="0000000000", s4="", s5="12345678901", s6="7-1", s7="7"))
        assert states(yard, *range(1, 8)) == [None] * 7
        assert [(line, reason) for line, _, reason in problems(yard, arrival.run_id)] == [
            *((2, "NUMBER_TWICE"), (3, "NUMBER_TWICE"), (4, "NUMBER_MISSING"), (5, "NUMBER_MISSING")),
            *((6, "NUMBER_TOO_LONG"), (7, "BAD_NUMBER"), (8, "NUMBER_MISSING")),
        ]


class TestOneNumberAtOneMoment:
    """Two districts' runs give the same number: both were planned when it was free."""

    def both_planned(self, yard: Yard) -> Any:
        pine, fir = yard.admitted(a_file(s1=SOMEBODY, s2="7000000002")), yard.admitted(a_file(s1=SOMEBODY, s3="7000000003"), district="fir")
        plans = [(arrival, yard.plan(arrival)) for arrival in (pine, fir)]
        assert [planned.outcome for _, planned in plans] == ["ready", "ready"]
        assert all(yard.begin(arrival).outcome == "go" for arrival, _ in plans)
        return plans

    @pytest.mark.parametrize(("operation", "nth"), [("BatchGetItem", 1), ("TransactWriteItems", 1), ("PutItem", 1), ("BatchWriteItem", 1)])
    def test_is_given_to_one_whenever_the_other_comes_in_between(self, yard: Yard, breaking: Breaking, operation: str, nth: int) -> None:
        (pine, first), (fir, second) = self.both_planned(yard)
        breaking.before(operation, lambda: yard.issue(second), nth=nth)
        yard.issue(first)
        assert breaking.plans == []
        assert [yard.finish(arrival) for arrival in (pine, fir)] == ["applied", "applied"]
        there = [states(yard, 1), states(yard, 1, district="fir")]
        assert sorted(there, key=str) == [["waiting"], [None]]
        assert (states(yard, 2), states(yard, 3, district="fir")) == (["waiting"], ["waiting"])
        winner = token(1, "fir") if operation in ("BatchGetItem", "TransactWriteItems") else token(1)
        assert owners(SOMEBODY, yard=yard) == [winner]

    def lost(self, yard: Yard) -> Any:
        """The child of fir lost its number while it was issued."""
        (pine, first), (fir, second) = self.both_planned(yard)
        for planned in (first, second):
            yard.issue(planned)
        for arrival in (pine, fir):
            assert yard.finish(arrival) == "applied"
        return fir, second

    def test_is_explained_to_the_desk(self, yard: Yard) -> None:
        fir, _ = self.lost(yard)
        answer = asked(1, district="fir")
        assert (answer["code"], answer["details"]) == (
            "number_taken",
            {"reason": "NUMBER_TAKEN", "run": fir.run_id, "received_at": fir.received_at},
        )
        assert asked(3, district="fir")["code"] != "number_taken"
        assert asked(1)["code"] != "number_taken"

    def test_is_tried_again_by_the_very_same_file_which_then_tells_the_line(self, yard: Yard) -> None:
        self.lost(yard)
        again, ended = yard.run(a_file(s1=SOMEBODY, s3="7000000003"), district="fir", at=later(days=1), key="incoming/again.csv")
        assert (ended, problems(yard, again.run_id)) == ("applied", [(2, "state_id", "NUMBER_TAKEN")])
        assert asked(1, district="fir")["code"] == "row_rejected"
        _, ended = yard.run(a_file(s1=SOMEBODY, s3="7000000003"), district="fir", at=later(days=2), key="incoming/third.csv")
        assert ended == "applied", "it is the same child, whose card comes along as soon as the other district lets it go"
        assert states(yard, 1, 3, district="fir") == [None, "waiting"]
        yard.run(a_file(s1="7000000009", s3="7000000003"), district="fir", at=later(days=3), key="incoming/corrected.csv")
        assert states(yard, 1, 3, district="fir") == ["waiting", "waiting"]

    def test_leaves_the_same_bytes_when_the_loser_is_issued_again(self, yard: Yard) -> None:
        _, second = self.lost(yard)
        before = everything(CARDS)
        yard.issue(second)
        assert everything(CARDS) == before

    @pytest.mark.parametrize("nth", range(1, 9))
    def test_ends_the_same_when_the_function_dies_at_any_call(self, yard: Yard, breaking: Breaking, nth: int) -> None:
        (_, first), (_, second) = self.both_planned(yard)
        yard.issue(first)
        breaking.before("*", dies, nth=nth + 2)
        try:
            yard.issue(second)
        except KilledError:
            yard.issue(second)
        killed = everything(CARDS)
        yard.issue(second)
        assert everything(CARDS) == killed
        assert (states(yard, 1), states(yard, 1, 3, district="fir")) == (["waiting"], [None, "waiting"])

    def test_is_given_to_nobody_else_by_a_run_that_is_given_up(self, yard: Yard) -> None:
        (pine, first), (_, second) = self.both_planned(yard)
        issue_chunk(yard.chunks(first)[0], yard.cards)
        yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
        assert yard.finish(pine, error=True) == "stopped"
        yard.issue(second)
        assert states(yard, 1, district="fir") == [None]
        yard.ledger.resume("oak.pine")
        assert yard.run(a_file(s1=SOMEBODY, s2="7000000002"), at=later(days=1), key="incoming/next.csv")[1] == "applied"
        assert states(yard, 1, 2) == ["waiting", "waiting"]


class TestIdsWithAndWithoutZeros:
    """Two ids of one district may make one number: claims hold there too."""

    @pytest.fixture
    def agreements(self) -> list[dict[str, Any]]:
        return site_content()

    def test_the_number_stays_with_the_first_even_if_a_person_lets_the_file_through(self, yard: Yard) -> None:
        rows = [a_student_row(1, student_id="001234"), a_student_row(2)]
        yard.run(a_firstcard_csv(*rows))
        first = OURS.patron("student", "001234")
        arrival = yard.admitted(a_firstcard_csv(a_student_row(1, student_id="1234"), rows[1]), at=later(days=1), key="incoming/excel.csv")
        planned = yard.plan(arrival)
        assert (planned.outcome, yard.known(arrival).holds[0]) == ("held", "LOST_ZEROS")
        assert yard.approve(arrival, planned.plan_hash)
        assert yard.begin(arrival).outcome == "go"
        yard.issue(planned)
        assert yard.finish(arrival) == "applied"
        assert owners("904000001234", yard=yard) == [first]
        assert OURS.patron("student", "1234") not in yard.cards.standing([OURS.patron("student", "1234")]).patrons


class TestSuppliedNumbers:
    @pytest.fixture
    def agreements(self) -> list[dict[str, Any]]:
        return content(SUPPLIED)

    def sent(self, yard: Yard, *numbers: str, **where: Any) -> Any:
        rows = (a_student_row(n, card_number=number) for n, number in enumerate(numbers, 1))
        return yard.run(a_firstcard_csv(*rows), **where)[0]

    def test_are_taken_as_they_come_but_trimmed_and_in_capitals(self, yard: Yard) -> None:
        self.sent(yard, " 23900000000123\t", "abcdefghijklm1")
        assert states(yard, 1, 2) == ["waiting", "waiting"]
        assert owners("23900000000123", "ABCDEFGHIJKLM1", yard=yard) == [token(1), token(2)]

    def test_that_cannot_be_are_told_by_line_and_column(self, yard: Yard) -> None:
        arrival = self.sent(yard, "2390000000012", "239000000001234", "2390000000-012", "", "11111111111111", "23900000000123")
        assert problems(yard, arrival.run_id) == [
            *((line, "card_number", "BAD_NUMBER") for line in (2, 3, 4)),
            *((line, "card_number", "NUMBER_MISSING") for line in (5, 6)),
        ]
        assert states(yard, 6) == ["waiting"]

    def test_of_one_sort_in_another_case_are_one_number(self, yard: Yard) -> None:
        self.sent(yard, "abcdefghijklm1")
        self.sent(yard, "ABCDEFGHIJKLM1", district="fir")
        assert states(yard, 1, district="fir") == [None]

    def test_from_the_librarys_own_block_are_given_to_nobody(self, yard: Yard) -> None:
        block = libraries()[0]["numbers"]
        above, below = (
            library_barcode(prefix=block["prefix"], institution=block["institution"], serial=block["first_serial"] + more)
            for more in (5, -1)
        )
        arrival = self.sent(yard, above, below)
        assert (states(yard, 1, 2), problems(yard, arrival.run_id)) == ([None, "waiting"], [(2, "card_number", "NUMBER_TAKEN")])


class TestANumberThatAPatronHas:
    @pytest.fixture
    def agreements(self) -> list[dict[str, Any]]:
        return content(SUPPLIED, **MATCHING)

    PATRON: ClassVar[dict[str, str]] = {"id": "77", "first_name": "Elsa", "last_name": "Quite-Another", "birth_date": "1950-01-01"}

    def roster(self, *numbers: int) -> bytes:
        return a_firstcard_csv(*(a_student_row(n, card_number=f"2390000000{n:04d}") for n in numbers))

    def test_is_not_given_to_a_child(self, yard: Yard) -> None:
        yard.patrons = [self.PATRON | {"barcode": "23900000000001"}]
        arrival, _ = yard.run(self.roster(1, 2))
        assert (states(yard, 1, 2), problems(yard, arrival.run_id)) == ([None, "waiting"], [(2, "card_number", "NUMBER_TAKEN")])

    def test_is_no_obstacle_where_it_is_the_childs_own_card(self, yard: Yard) -> None:
        """The card was made by us and stands in the library's list now; the child left and is back."""
        yard.run(self.roster(1, 2))
        yard.patrons = [self.PATRON | {"barcode": "23900000000001"}]
        yard.run(self.roster(2), at=later(days=1), key="incoming/left.csv")
        arrival, _ = yard.run(self.roster(1, 2), at=later(days=2), key="incoming/back.csv")
        assert (states(yard, 1), problems(yard, arrival.run_id)) == (["waiting"], [])

    @pytest.mark.parametrize("gone", ["patron", "number"])
    def test_is_the_childs_own_by_its_claim_or_by_its_card(self, yard: Yard, gone: str) -> None:
        """A patron's item may be gone, and cards of earlier times have no claim."""
        yard.run(self.roster(1, 2))
        yard.run(self.roster(2), at=later(days=1), key="incoming/left.csv")
        key = f"patron#{token(1)}" if gone == "patron" else f"number#{OURS.card('23900000000001')}"
        boto3.client("dynamodb").delete_item(TableName=CARDS, Key={"pk": {"S": key}, "sk": {"S": gone}})
        yard.patrons = [self.PATRON | {"barcode": "23900000000001"}]
        arrival, _ = yard.run(self.roster(1, 2), at=later(days=2), key="incoming/back.csv")
        assert (states(yard, 1), problems(yard, arrival.run_id)) == (["waiting"], [])

    def test_no_card_of_ours_is_taken_for_a_familys_own_and_no_familys_for_ours(self, yard: Yard) -> None:
        yard.run(self.roster(1), district="fir")
        same = {"first_name": "Ada", "birth_date": "2016-05-04", "email": "family1@example.org"}
        yard.patrons = [
            {"id": "1", "barcode": "23900000000001", "last_name": "Pineb", **same},
            {"id": "5", "barcode": "23900000009999", "last_name": "Pinef", **same | {"email": "family5@example.org"}},
        ]
        linking = [a.model_copy(update={"existing": "link", "existing_blocked": "separate"}) for a in yard.site.agreements]
        arrival = yard.admitted(a_firstcard_csv(*(a_student_row(n, card_number=f"2390000001{n:04d}") for n in (1, 5))), at=later(days=1))
        yard.plan(arrival, site=type(yard.site)(tuple(linking), yard.site.libraries))
        body = yard.places.get(f"{yard.known(arrival).chunks_prefix.removesuffix('chunks/')}plan.json")
        assert body is not None
        assert json.loads(body)["linked"] == 1


class TestWhatItCosts:
    """Calls of AWS for the claims of a first load of 400 children."""

    def calls(self, yard: Yard, breaking: Breaking, body: bytes, *, district: str = "pine") -> tuple[int, dict[str, int]]:
        arrival = yard.admitted(body, district=district)
        breaking.seen.clear()
        planned = yard.plan(arrival)
        looked = breaking.seen.count("BatchGetItem")
        assert yard.begin(arrival).outcome == "go"
        chunks = yard.chunks(planned)
        breaking.seen.clear()
        for chunk in chunks:
            issue_chunk(chunk, yard.cards)
        return looked, {name: breaking.seen.count(name) for name in sorted(set(breaking.seen))}

    def test_where_numbers_come_from_outside(self, yard: Yard, breaking: Breaking) -> None:
        looked, issued = self.calls(yard, breaking, a_file(**{f"s{n}": f"{7000000000 + n}" for n in range(400)}))
        assert (looked, issued["TransactWriteItems"]) == (4, 4)

    class TestWithAPrefix:
        @pytest.fixture
        def agreements(self) -> list[dict[str, Any]]:
            fir = csv_content("fir", "dsa-fir-oak-2026", "906")
            fir["card"]["number"] = {"scheme": "library_barcode", "length": 14}
            return [site_content()[0], fir]

        def test_nothing_is_looked_up_and_claims_are_a_hundredth_of_a_call_a_card(self, yard: Yard, breaking: Breaking) -> None:
            looked, issued = TestWhatItCosts().calls(yard, breaking, a_roster(*range(400)))
            assert (looked, issued["TransactWriteItems"]) == (0, 4)

        def test_the_librarys_block_costs_nothing(self, yard: Yard, breaking: Breaking) -> None:
            looked, issued = TestWhatItCosts().calls(yard, breaking, a_roster(*range(400)), district="fir")
            assert (looked, "TransactWriteItems" in issued) == (0, False)


class TestTheLibrarysBlock:
    @pytest.fixture
    def agreements(self) -> list[dict[str, Any]]:
        made = site_content()
        for one in made:
            one["card"]["number"] = {"scheme": "library_barcode", "length": 14}
        return made

    @pytest.mark.parametrize("operation", ["PutObject", "UpdateItem", "*"])
    def test_loses_the_serials_of_a_plan_that_died_and_gives_none_twice(self, yard: Yard, breaking: Breaking, operation: str) -> None:
        arrival = yard.admitted(a_roster(1, 2, 3))
        breaking.before("UpdateItem", lambda: breaking.before(operation, dies), about="numbers#oak")
        with pytest.raises(KilledError):
            yard.plan(arrival)
        planned = yard.plan(arrival)
        other = yard.admitted(a_roster(1, 2), district="fir")
        given = [line.card_token for plan in (planned, yard.plan(other)) for chunk in yard.chunks(plan) for line in chunk.patrons]
        assert len(set(given)) == 5
        block = libraries()[0]["numbers"]
        made = {
            OURS.card(library_barcode(prefix=block["prefix"], institution=block["institution"], serial=block["first_serial"] + n))
            for n in range(20)
        }
        assert set(given) <= made


def test_no_number_is_kept_in_clear(yard: Yard) -> None:
    yard.run(a_file(s1=SOMEBODY))
    assert not any(SOMEBODY in item for item in everything(CARDS))
    listed = boto3.client("s3").list_objects_v2(Bucket=VAULT)["Contents"]
    assert not any(SOMEBODY.encode() in (yard.places.get(item["Key"]) or b"") for item in listed)
