"""One child, one card: who stands twice in a roster, who has a card of the library already, and what people decided about it."""

import json
from dataclasses import replace
from typing import Any, ClassVar

import boto3
import pytest

from firstcard.adapters.cards_table import CardsTable
from firstcard.agreement import Site, agreement_from
from firstcard.card.pair import Answer, Kind, Pair, decided, pair_id
from firstcard.identity import Tokens
from firstcard.match import Matched, within
from firstcard.match.model import Model
from firstcard.run.asking import gather
from firstcard.run.planning import Planned
from firstcard.run.why import why
from tests.unit.agreement.builders import MATCHING
from tests.unit.roster.builders import Row, a_firstcard_csv, a_student_row

from .builders import CARDS, TOKEN_KEY, VAULT, Yard, csv_content, later, token

FIELDS = {
    name: {"required": False, "exhibit_b": "x", "fideslang": "user.name.first"}
    for name in ("state_id", "middle_name", "street", "postal_code")
}


def matching_content(**changes: Any) -> dict[str, Any]:
    """An agreement whose students may be compared with others, and are linked to the card that they have."""
    changes = {"existing": "link", "existing_blocked": "ask"} | changes
    changes = changes if changes["existing"] != "separate" else {key: value for key, value in changes.items() if key != "existing_blocked"}
    matrix = {**MATCHING["matrix"], "sync_ils": ["identity", "age", "enrolment", "address", "card", "pin"]}
    card = {"kind": "full", "number": {"prefix": "904"}, "staff_number": {"prefix": "905"}}
    return csv_content("pine", "dsa-pine-oak-2026", "904", fields=FIELDS, card=card, **(MATCHING | {"matrix": matrix} | changes))


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return [matching_content()]


def child(number: int, **changes: str) -> Row:
    """A student whose name, birth date and home are nobody else's."""
    first = ("Ada", "Bruno", "Clara", "Dmitri", "Elena", "Felix", "Greta", "Hassan", "Ines", "Jonas", "Karim", "Lucia")[number % 12]
    last = ("Abbott", "Berger", "Castillo", "Dawson", "Eriksen", "Fontaine", "Goldberg", "Hidalgo", "Ivanov", "Jensen", "Keller")[
        number % 11
    ]
    home = {
        "street": f"{100 + number} Oak Street",
        "postal_code": f"{32000 + number}",
        "guardian_email": f"{last.lower()}{number}@example.org",
    }
    named = {"first_name": first, "last_name": last, "state_id": f"{900000 + number}", "middle_name": ""}
    born = f"{2010 + number % 5}-{number % 9 + 1:02d}-{number % 27 + 1:02d}"
    return a_student_row(number, birth_date=born, **named, **home) | changes


def patron(number: int, **changes: str) -> dict[str, str]:
    """The same child as the library knew it before; it has no state id there."""
    row = child(number)
    names = ("first_name", "last_name", "middle_name", "birth_date", "street", "postal_code")
    return {"id": f"ils-{number}", "email": row["guardian_email"], **{name: row[name] for name in names}} | changes


SAFETY = {"first_run_needs_approval": False} | {f"max_{what}_percent": 100 for what in ("missing", "new", "changed", "rejected")}
TWENTY = range(1, 21)
EVERYBODY = [child(number) for number in TWENTY]


def existing(number: int) -> str:
    return Tokens(TOKEN_KEY.encode(), library="oak", district="pine").existing(f"ils-{number}")


def pair(yard: Yard, left: str, right: str) -> Pair | None:
    one = pair_id(left, right)
    return yard.cards.pairs([one]).get(one)


def plan_of(yard: Yard, planned: Planned) -> dict[str, Any]:
    body = yard.places.get(planned.chunks_prefix.removesuffix("chunks/") + "plan.json")
    assert body is not None
    found: dict[str, Any] = json.loads(body)
    return found


def site_with(yard: Yard, **changes: Any) -> Site:
    """The site with another clause."""
    return replace(yard.site, agreements=(agreement_from(matching_content(**changes)),))


def sent(yard: Yard, *rows: Row, night: int = 0, **changes: Any) -> dict[str, Any]:
    """The roster's whole way, under other clauses if so; gives its plan."""
    arrival = yard.admitted(a_firstcard_csv(*rows), at=later(days=night))
    planned = yard.plan(arrival, site=site_with(yard, **changes))
    assert planned.outcome == "ready"
    plan = plan_of(yard, planned)
    assert yard.begin(arrival, at=later(days=night)).outcome in ("go", "nothing")
    yard.issue(planned)
    assert yard.finish(arrival, at=later(days=night)) == "applied"
    return plan


class TestAChildThatStandsTwice:
    def test_gets_one_card_and_the_district_is_told_of_the_row(self, yard: Yard) -> None:
        again = child(3, student_id="100099")
        plan = sent(yard, *EVERYBODY, again)
        assert yard.states(3, 99) == ["waiting", None]
        assert plan["rejected"] == {"SAME_CHILD": 1}
        assert plan["matching"] == {"compared_with_patrons": False, "student_same": 1}
        on_record = pair(yard, token(3), token(99))
        assert on_record is not None
        assert (on_record.answer, on_record.kind, on_record.waits, on_record.vetoes) == (Answer.SAME, Kind.STUDENT, False, ())

    def test_keeps_the_card_that_it_has_whichever_row_stands_first(self, yard: Yard) -> None:
        sent(yard, *EVERYBODY)
        plan = sent(yard, child(3, student_id="100099"), *EVERYBODY, night=1)
        assert yard.states(3, 99) == ["waiting", None]
        assert plan["rejected"] == {"SAME_CHILD": 1}
        assert plan["decisions"] == {"nothing": 20}

    def test_gets_a_card_by_the_other_row_when_the_first_is_gone(self, yard: Yard) -> None:
        again = child(3, student_id="100099")
        sent(yard, *EVERYBODY, again)
        sent(yard, *(row for row in EVERYBODY if row["student_id"] != "100003"), again, night=1)
        assert yard.states(3, 99) == ["expired", "waiting"]

    def test_gets_no_second_card_in_a_night_in_which_the_first_row_cannot_be_read(self, yard: Yard) -> None:
        again = child(3, student_id="100099")
        sent(yard, *EVERYBODY, again)
        sent(yard, *(row | ({"grade": "99"} if row["student_id"] == "100003" else {}) for row in EVERYBODY), again, night=1)
        assert yard.states(3, 99) == ["waiting", None]
        sent(yard, *EVERYBODY, again | {"grade": "05"}, night=2)
        assert yard.states(3, 99) == ["waiting", None]

    def test_has_said_no_for_good_if_its_family_said_so_by_link(self, yard: Yard) -> None:
        again = child(3, student_id="100099")
        sent(yard, *EVERYBODY, again)
        (first,) = yard.cards.standing([token(3)]).patrons.values()
        yard.cards.refuse([token(3)], by="family", stamp=first.stamp)
        sent(yard, *(row for row in EVERYBODY if row["student_id"] != "100003"), again, night=1)
        assert yard.states(99) == [None]
        assert set(yard.cards.refusals([token(99)])) == {token(99)}

    def test_gets_its_card_by_the_row_that_has_an_address(self, yard: Yard) -> None:
        rows = [row | ({"guardian_email": ""} if row["student_id"] == "100003" else {}) for row in EVERYBODY]
        sent(yard, *rows, child(3, student_id="100099"))
        assert yard.states(3, 99) == [None, "waiting"]

    def test_gets_a_card_by_both_rows_once_they_are_two_though_one_cannot_be_read(self, yard: Yard) -> None:
        again = child(3, student_id="100099")
        sent(yard, *EVERYBODY, again)
        before = pair(yard, token(3), token(99))
        assert before is not None
        assert yard.cards.decide_pair(decided(before, Answer.APART, by="ann", at=later(hours=1).isoformat()), was_by=before.by)
        sent(yard, *(row | ({"grade": "99"} if row["student_id"] == "100003" else {}) for row in EVERYBODY), again, night=1)
        assert yard.states(99) == ["waiting"]

    def test_is_no_reason_to_hold_the_roster(self, yard: Yard) -> None:
        again = [child(n, student_id=f"1000{90 + n}") for n in range(3)]
        sent(yard, *EVERYBODY, *again, safety=SAFETY | {"max_rejected_percent": 1})

    def test_has_said_no_in_all_rows_if_it_said_so_in_one(self, yard: Yard) -> None:
        sent(yard, *EVERYBODY, child(3, student_id="100099", opt_out="yes"))
        assert yard.states(3, 99) == [None, None]
        assert set(yard.cards.refusals([token(3), token(99)])) == {token(3), token(99)}

    def test_loses_its_card_if_a_row_that_comes_later_says_no(self, yard: Yard) -> None:
        sent(yard, *EVERYBODY)
        sent(yard, *EVERYBODY, child(3, student_id="100099", opt_out="yes"), night=1)
        assert yard.states(3, 99) == ["refused", None]

    def decided_apart(self, yard: Yard) -> None:
        before = pair(yard, token(3), token(99))
        assert before is not None
        assert yard.cards.decide_pair(decided(before, Answer.APART, by="ann", at=later(hours=1).isoformat()), was_by=before.by)

    def family_says_no(self, yard: Yard, number: int) -> None:
        (patron_,) = yard.cards.standing([token(number)]).patrons.values()
        yard.cards.refuse([token(number)], by="family", stamp=patron_.stamp)

    def test_another_childs_no_is_not_its_own_once_a_person_set_the_two_apart(self, yard: Yard) -> None:
        again = child(3, student_id="100099")
        sent(yard, *EVERYBODY, again)
        self.decided_apart(yard)
        self.family_says_no(yard, 3)
        sent(yard, *EVERYBODY, again, night=1)
        assert yard.states(3, 99) == ["refused", "waiting"]
        assert not yard.cards.refusals([token(99)])

    @pytest.mark.parametrize("by_a_person", [False, True])
    def test_a_no_does_not_reach_another_child_to_whom_the_id_was_given(self, yard: Yard, by_a_person: bool) -> None:
        again = child(3, student_id="100099")
        sent(yard, *EVERYBODY, again)
        if by_a_person:
            before = pair(yard, token(3), token(99))
            assert before is not None
            assert yard.cards.decide_pair(decided(before, Answer.SAME, by="ann", at=later(hours=1).isoformat()), was_by=before.by)
        self.family_says_no(yard, 3)
        for night in (1, 2):
            sent(yard, *EVERYBODY, child(45, student_id="100099"), child(60 + night), night=night)
            assert yard.states(3, 99) == ["refused", "waiting"]
        assert not yard.cards.refusals([token(99)])

    def test_stays_refused_when_no_row_says_so_any_more(self, yard: Yard) -> None:
        sent(yard, *EVERYBODY, child(3, student_id="100099", opt_out="yes"))
        for night in (1, 2):
            plan = sent(yard, *EVERYBODY, child(3, student_id="100099", grade="05"), child(40 + night), night=night)
            assert plan["decisions"].get("wait") == 1
            assert yard.states(3, 99) == [None, None]

    def test_whose_rows_both_have_cards_waits_for_a_person_and_loses_neither(self, yard: Yard) -> None:
        stranger = child(30, student_id="100099")
        sent(yard, *EVERYBODY, stranger)
        sent(yard, *EVERYBODY, child(3, student_id="100099", state_id="900003"), night=1)
        found = pair(yard, token(3), token(99))
        assert found is None or (found.waits and found.answer is Answer.DOUBT)
        assert yard.states(3, 99) == ["waiting", "waiting"]

    def test_twins_are_two_children(self, yard: Yard) -> None:
        twin = child(3, student_id="100099", first_name="Clarissa", state_id="900099")
        sent(yard, *EVERYBODY, twin)
        assert yard.states(3, 99) == ["waiting", "waiting"]
        found = pair(yard, token(3), token(99))
        assert found is None or found.answer is Answer.DOUBT


class TestAPatronOfTheLibrary:
    def test_is_found_and_only_the_library_sees_how_many(self, yard: Yard) -> None:
        yard.patrons = [patron(n) for n in range(1, 6)] + [patron(50)]
        plan = sent(yard, *EVERYBODY)
        assert plan["matching"] == {"compared_with_patrons": True, "patron_same": 5}
        on_record = pair(yard, token(2), existing(2))
        assert on_record is not None
        assert (on_record.answer, on_record.kind, on_record.ils_id, on_record.waits) == (Answer.SAME, Kind.PATRON, "ils-2", False)
        told = boto3.client("s3").list_objects_v2(Bucket=VAULT)["Contents"]
        receipts = [yard.places.get(item["Key"]) for item in told if item["Key"].endswith("receipt.json")]
        assert receipts
        assert all(b"matching" not in body and b"patron" not in body for body in receipts if body)
        assert not any("matching" in event.model_dump_json() for event in yard.emitted)

    def test_whose_card_is_one_of_ours_is_nobody_to_be_linked_to(self, yard: Yard) -> None:
        yard.patrons = [patron(1, barcode="904000100001"), patron(2, barcode="29999000100001")]
        assert sent(yard, *EVERYBODY)["matching"]["patron_same"] == 1

    def test_without_a_list_nobody_is_compared_and_the_plan_says_so(self, yard: Yard) -> None:
        plan = sent(yard, *EVERYBODY)
        assert plan["matching"] == {"compared_with_patrons": False}

    def test_in_doubt_waits_for_a_person(self, yard: Yard) -> None:
        yard.patrons = [patron(n) for n in range(1, 6)] + [patron(7, birth_date="")]
        plan = sent(yard, *EVERYBODY)
        assert plan["matching"]["patron_doubt"] == 1
        (waiting,) = yard.cards.waiting_pairs("oak")
        assert (waiting.left, waiting.right, waiting.ils_id) == (token(7), existing(7), "ils-7")
        assert waiting.evidence_class.startswith("patron:V3")
        assert "dob=missing" in waiting.evidence

    @pytest.mark.parametrize("policy", ["link", "renew"])
    def test_is_linked_and_the_district_counts_a_card_like_any_other(self, yard: Yard, policy: str) -> None:
        yard.patrons = [patron(n) for n in range(1, 6)]
        sent(yard, *EVERYBODY, existing=policy)
        patrons = yard.cards.standing([token(n) for n in TWENTY]).patrons
        assert {n for n in TWENTY if patrons[token(n)].existing} == {1, 2, 3, 4, 5}
        assert patrons[token(2)].existing == "ils-2"
        assert patrons[token(2)].card_token == ""
        (processed,) = [event for event in yard.emitted if event.name == "RosterProcessed"]
        assert "link" not in processed.model_dump_json()

    def test_of_an_agreement_with_separate_cards_is_counted_and_not_kept(self, yard: Yard) -> None:
        yard.patrons = [patron(n) for n in range(1, 6)] + [patron(7, birth_date="")]
        plan = sent(yard, *EVERYBODY, existing="separate")
        assert (plan["matching"]["patron_same"], plan["matching"]["patron_doubt"]) == (5, 1)
        assert list(yard.cards.waiting_pairs("oak")) == []
        assert pair(yard, token(2), existing(2)) is None
        assert plan["decisions"] == {"wait": 20}


class TestAChildInDoubt:
    """Where the agreement lets it wait."""

    WAIT: ClassVar[dict[str, Any]] = {"in_doubt": {"meanwhile": "wait", "decide_within_days": 14}}

    def settled(self, yard: Yard, answer: Answer, *, night: int) -> None:
        for waiting in list(yard.cards.waiting_pairs("oak")):
            after = decided(waiting, answer, by="ann", at=later(days=night, hours=1).isoformat())
            assert yard.cards.decide_pair(after, was_by=waiting.by)

    def test_has_no_card_until_staff_decide_and_the_others_have_theirs(self, yard: Yard) -> None:
        yard.patrons = [patron(1), patron(7, birth_date="")]
        plan = sent(yard, *EVERYBODY, **self.WAIT)
        assert yard.states(1, 2, 7) == ["waiting", "waiting", None]
        assert (plan["decisions"]["in_doubt"], plan["decisions"]["wait"]) == (1, 19)
        (processed,) = [event for event in yard.emitted if event.name == "RosterProcessed"]
        assert '"wait":20' in processed.model_dump_json()
        assert "doubt" not in processed.model_dump_json()

    def test_is_linked_by_a_yes_even_if_the_roster_is_the_same(self, yard: Yard) -> None:
        yard.patrons = [patron(7, birth_date="")]
        sent(yard, *EVERYBODY, **self.WAIT)
        self.settled(yard, Answer.SAME, night=0)
        sent(yard, *EVERYBODY, night=1, **self.WAIT)
        assert yard.states(7) == ["waiting"]
        assert yard.cards.standing([token(7)]).patrons[token(7)].existing == "ils-7"

    def test_gets_a_card_of_its_own_by_a_no(self, yard: Yard) -> None:
        yard.patrons = [patron(7, birth_date="")]
        sent(yard, *EVERYBODY, **self.WAIT)
        self.settled(yard, Answer.APART, night=0)
        sent(yard, *EVERYBODY, night=1, **self.WAIT)
        found = yard.cards.standing([token(7)]).patrons[token(7)]
        assert (str(found.state), found.existing, bool(found.card_token)) == ("waiting", "", True)

    def test_gets_a_card_of_its_own_when_the_days_are_over(self, yard: Yard) -> None:
        yard.patrons = [patron(7, birth_date="")]
        sent(yard, *EVERYBODY, **self.WAIT)
        arrival = yard.admitted(a_firstcard_csv(*EVERYBODY), at=later(days=13))
        assert yard.plan(arrival, site=site_with(yard, **self.WAIT)).outcome == "unchanged"
        sent(yard, *EVERYBODY, night=15, **self.WAIT)
        assert yard.states(7) == ["waiting"]
        assert len(list(yard.cards.waiting_pairs("oak"))) == 1

    def test_still_says_no(self, yard: Yard) -> None:
        yard.patrons = [patron(7, birth_date="")]
        sent(yard, *(row | ({"opt_out": "yes"} if row["student_id"] == "100007" else {}) for row in EVERYBODY), **self.WAIT)
        assert set(yard.cards.refusals([token(7)])) == {token(7)}
        assert list(yard.cards.waiting_pairs("oak")) == []

    def test_of_an_agreement_that_asks_waits_even_if_the_machine_is_certain(self, yard: Yard) -> None:
        yard.patrons = [patron(7)]
        plan = sent(yard, *EVERYBODY, existing="ask", **self.WAIT)
        assert plan["matching"]["patron_doubt"] == 1
        assert yard.states(7) == [None]
        self.settled(yard, Answer.SAME, night=0)
        sent(yard, *EVERYBODY, night=1, existing="ask", **self.WAIT)
        assert yard.cards.standing([token(7)]).patrons[token(7)].existing == "ils-7"

    def test_goes_on_waiting_and_is_linked_without_a_list_of_patrons(self, yard: Yard) -> None:
        yard.patrons = [patron(7, birth_date="")]
        sent(yard, *EVERYBODY, **self.WAIT)
        yard.patrons = None
        sent(yard, *EVERYBODY, child(40), night=8, **self.WAIT)
        assert yard.states(7) == [None]
        self.settled(yard, Answer.SAME, night=8)
        sent(yard, *EVERYBODY, child(40), night=9, **self.WAIT)
        assert yard.cards.standing([token(7)]).patrons[token(7)].existing == "ils-7"

    def test_is_linked_by_nobody_but_a_person_once_it_waits(self, yard: Yard) -> None:
        yard.patrons = [patron(7, birth_date="")]
        sent(yard, *EVERYBODY, **self.WAIT)
        yard.patrons = [patron(7)]
        sent(yard, *EVERYBODY, child(40), night=1, **self.WAIT)
        assert yard.states(7) == [None]

    def test_is_linked_as_a_person_said_whatever_the_machine_finds_later(self, yard: Yard) -> None:
        yard.patrons = [patron(7, birth_date="")]
        sent(yard, *EVERYBODY, **self.WAIT)
        self.settled(yard, Answer.SAME, night=0)
        yard.patrons = [patron(7, birth_date=""), patron(7, id="ils-x26")]
        sent(yard, *EVERYBODY, night=1, **self.WAIT)
        assert yard.cards.standing([token(7)]).patrons[token(7)].existing == "ils-7"

    def test_of_two_rows_the_one_that_stands_first_has_its_card(self, yard: Yard) -> None:
        sent(yard, *EVERYBODY, child(3, student_id="100099", state_id="", birth_date=""), **self.WAIT)
        assert yard.states(3, 99) == ["waiting", None]
        asked = gather(
            token(99),
            agreement=site_with(yard, **self.WAIT).agreements[0],
            now=later(hours=1),
            cards=yard.cards,
            ledger=yard.ledger,
            vault=yard.places,
        )
        assert str(why(asked).code) == "in_doubt"


class TestARunThatWasGivenUpHalfWay:
    def test_leaves_nobody_unlinked(self, yard: Yard) -> None:
        yard.patrons = [patron(n) for n in range(1, 6)]
        arrival = yard.admitted(a_firstcard_csv(*EVERYBODY))
        assert yard.plan(arrival).outcome == "ready"
        assert yard.begin(arrival).outcome == "go"
        yard.ledger.suspend("oak.pine", at=later().isoformat(), by="ann")
        yard.finish(arrival, error=True)
        yard.ledger.resume("oak.pine")
        sent(yard, *EVERYBODY, child(40), night=1)
        patrons = yard.cards.standing([token(n) for n in TWENTY]).patrons
        assert {n for n in TWENTY if patrons[token(n)].existing} == {1, 2, 3, 4, 5}


class TestWhatWasDecided:
    def test_apart_is_for_good(self, yard: Yard) -> None:
        again = child(3, student_id="100099")
        sent(yard, *EVERYBODY, again)
        before = pair(yard, token(3), token(99))
        assert before is not None
        assert yard.cards.decide_pair(decided(before, Answer.APART, by="ann", at=later(hours=1).isoformat()), was_by=before.by)
        sent(yard, *EVERYBODY, again, night=1)
        assert yard.states(3, 99) == ["waiting", "waiting"]
        sent(yard, *EVERYBODY, again | {"grade": "05"}, night=2)
        after = pair(yard, token(3), token(99))
        assert after is not None
        assert (after.answer, after.by) == (Answer.APART, "ann")

    def test_changes_of_others_change_no_pair(self, yard: Yard) -> None:
        yard.patrons = [patron(n) for n in range(1, 6)] + [patron(7, birth_date="")]
        sent(yard, *EVERYBODY)
        before = yard.cards.pairs([pair_id(token(n), existing(n)) for n in TWENTY])
        sent(yard, *(row | ({"grade": "05"} if row["student_id"] == "100012" else {}) for row in EVERYBODY), child(40), night=1)
        assert yard.cards.pairs([pair_id(token(n), existing(n)) for n in TWENTY]) == before

    def test_issued_twice_is_on_record_once_and_a_persons_word_stays(self, yard: Yard) -> None:
        yard.patrons = [patron(7, birth_date="")]
        arrival = yard.admitted(a_firstcard_csv(*EVERYBODY))
        planned = yard.plan(arrival)
        assert yard.begin(arrival).outcome == "go"
        yard.issue(planned)
        (waiting,) = yard.cards.waiting_pairs("oak")
        assert yard.cards.decide_pair(decided(waiting, Answer.SAME, by="ann", at=later().isoformat()), was_by=waiting.by)
        yard.issue(planned)
        assert list(yard.cards.waiting_pairs("oak")) == []
        (settled,) = yard.cards.decided_pairs("oak")
        assert (settled.answer, settled.by) == (Answer.SAME, "ann")

    def test_by_two_people_at_once_is_decided_by_the_first(self, yard: Yard) -> None:
        yard.patrons = [patron(7, birth_date="")]
        sent(yard, *EVERYBODY)
        (waiting,) = CardsTable(CARDS).waiting_pairs("oak")
        at = later().isoformat()
        assert yard.cards.decide_pair(decided(waiting, Answer.SAME, by="ann", at=at), was_by=waiting.by)
        assert not yard.cards.decide_pair(decided(waiting, Answer.APART, by="ben", at=at), was_by=waiting.by)


class TestAnotherSetOfRules:
    """Everybody is looked at again, once; it can only add to what a person looks at."""

    @pytest.fixture(autouse=True)
    def older(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("firstcard.match.rules.VERSION", "older")

    def newer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("firstcard.match.rules.VERSION", "newer")

    def test_finds_who_has_two_cards_and_takes_none_away(self, yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as blind:
            blind.setattr("firstcard.match.within", lambda rows, terms: Matched((), Model(), "older"))
            sent(yard, *EVERYBODY, child(3, student_id="100099"))
        self.newer(monkeypatch)
        plan = sent(yard, *EVERYBODY, child(3, student_id="100099"), child(40), night=1)
        assert plan["decisions"] == {"nothing": 21, "wait": 1}
        assert yard.states(3, 99) == ["waiting", "waiting"]
        found = pair(yard, token(3), token(99))
        assert found is not None
        assert (found.answer, found.waits) == (Answer.DOUBT, True)

    def test_finds_who_has_a_card_of_the_library_beside_ours(self, yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
        sent(yard, *EVERYBODY)
        self.newer(monkeypatch)
        yard.patrons = [patron(3)]
        plan = sent(yard, *EVERYBODY, child(40), night=1)
        assert plan["decisions"] == {"nothing": 20, "wait": 1}
        (found,) = yard.cards.waiting_pairs("oak")
        assert (found.left, found.ils_id, found.answer) == (token(3), "ils-3", Answer.DOUBT)

    def test_lets_no_no_reach_a_card_that_a_person_has_not_looked_at(self, yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as blind:
            blind.setattr("firstcard.match.within", lambda rows, terms: Matched((), Model(), "older"))
            sent(yard, *EVERYBODY, child(3, student_id="100099", opt_out="Y"))
        self.newer(monkeypatch)
        sent(yard, *EVERYBODY, child(3, student_id="100099", opt_out="Y"), child(40), night=1)
        assert yard.states(3, 99) == ["waiting", None]

    def test_is_asked_once(self, yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
        sent(yard, *EVERYBODY)
        self.newer(monkeypatch)
        sent(yard, *EVERYBODY, child(40), night=1)
        told: list[frozenset[str] | None] = []

        def noting(rows: Any, terms: Any) -> Matched:
            told.append(terms.changed)
            return within(rows, terms)

        monkeypatch.setattr("firstcard.match.within", noting)
        sent(yard, *EVERYBODY, child(40), child(41), night=2)
        assert told == [frozenset({token(41)})]


class TestWhenTheMatcherFails:
    def test_a_person_looks_and_no_second_row_gets_a_card(self, yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
        again = child(3, student_id="100099")
        sent(yard, *EVERYBODY, again)
        monkeypatch.setattr("firstcard.run.matching.MEMORY", "1MB")
        arrival = yard.admitted(a_firstcard_csv(*EVERYBODY, again, child(40)), at=later(days=1))
        planned = yard.plan(arrival)
        assert planned.outcome == "held"
        plan = plan_of(yard, planned)
        assert plan["holds"] == ["NOT_COMPARED"]
        assert plan["rejected"] == {"SAME_CHILD": 1}
        assert plan["decisions"] == {"nothing": 20, "wait": 1}


class TestAnIdThatWasPassedOn:
    def test_says_nothing_of_the_child_that_had_it_before(self, yard: Yard) -> None:
        sent(yard, *EVERYBODY)
        other = child(5, student_id="100003")
        sent(yard, *(other if row["student_id"] == "100003" else row for row in EVERYBODY), night=1)
        assert pair(yard, token(3), token(5)) is None
        assert yard.states(3, 5) == ["waiting", "waiting"]


class TestACardThatIsStopped:
    """``blocked`` stands in the library's list, where its clause has the field."""

    def test_is_not_linked_and_the_child_gets_one_of_its_own(self, yard: Yard) -> None:
        yard.patrons = [patron(3, blocked="yes"), patron(4, blocked="no")]
        sent(yard, *EVERYBODY, existing_blocked="separate")
        patrons = yard.cards.standing([token(3), token(4)]).patrons
        assert [patrons[token(n)].existing for n in (3, 4)] == ["", "ils-4"]

    def test_is_linked_where_the_agreement_says_so(self, yard: Yard) -> None:
        yard.patrons = [patron(3, blocked="yes")]
        sent(yard, *EVERYBODY, existing_blocked="link_and_list")
        assert yard.cards.standing([token(3)]).patrons[token(3)].existing == "ils-3"

    def test_waits_for_a_person_where_the_agreement_says_so(self, yard: Yard) -> None:
        yard.patrons = [patron(3, blocked="yes")]
        plan = sent(yard, *EVERYBODY, existing_blocked="ask", **TestAChildInDoubt.WAIT)
        assert plan["decisions"] == {"wait": 19, "in_doubt": 1}
        (found,) = yard.cards.waiting_pairs("oak")
        assert (found.vetoes, found.evidence_class) == (("blocked",), "patron:blocked")


class TestOnePatronAndTwoStudents:
    def test_the_second_one_waits_for_a_person(self, yard: Yard) -> None:
        yard.patrons = [patron(3)]
        sent(yard, *EVERYBODY)
        assert yard.cards.standing([token(3)]).patrons[token(3)].existing == "ils-3"
        # The first one's row cannot be read tonight: only what is on record tells that the card serves a student.
        rest = [row | ({"grade": "99"} if row["student_id"] == "100003" else {}) for row in EVERYBODY]
        sent(yard, *rest, child(3, student_id="100099", state_id="777777"), night=1)
        assert yard.cards.standing([token(99)]).patrons[token(99)].existing == ""
        assert [(one.left, one.ils_id, one.vetoes) for one in yard.cards.waiting_pairs("oak")] == [(token(99), "ils-3", ("serves",))]

    def test_a_leaver_keeps_no_patron_from_another_student(self, yard: Yard) -> None:
        yard.patrons = [patron(3)]
        sent(yard, *EVERYBODY)
        rest = [row for row in EVERYBODY if row["student_id"] != "100003"]
        sent(yard, *rest, child(3, student_id="100099", state_id="777777"), night=1)
        assert yard.cards.standing([token(99)]).patrons[token(99)].existing == "ils-3"


def test_the_few_of_a_night_are_weighed_as_the_many_were(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    models: list[Model | None] = []
    estimated = replace(Model(), chance=0.25, estimated=True)

    def noting(rows: Any, terms: Any) -> Matched:
        models.append(terms.model)
        return Matched((), terms.model or estimated, "2026")

    monkeypatch.setattr("firstcard.match.within", noting)
    sent(yard, *EVERYBODY)
    sent(yard, *EVERYBODY, child(40), night=1)
    sent(yard, *EVERYBODY, child(40), child(41), night=2)
    sent(yard, *EVERYBODY, *(child(n) for n in range(40, 60)), night=3)
    assert models == [None, estimated, estimated, None]
