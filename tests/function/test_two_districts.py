"""Two districts of one library: a child who is in both has one card, and neither district learns of the other."""

import gzip
import json
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from firstcard.agreement import Site, agreement_from
from firstcard.card.manifest import Manifest
from firstcard.card.pair import Answer, Pair, decided, pair_id
from firstcard.run.asking import gather
from firstcard.run.planning import Planned
from firstcard.run.why import why
from tests.unit.agreement.builders import MATCHING
from tests.unit.roster.builders import Row, a_firstcard_csv

from .builders import Yard, later, token
from .test_matching import EVERYBODY, child, matching_content, patron

ACROSS: dict[str, Any] = {
    "matrix": {"sync_ils": ["identity", "age", "enrolment", "address", "card", "pin"], "deduplicate": ["identity", "age", "students"]},
    "roles": MATCHING["roles"] | {"plan": {"purposes": ["issue_card", "deduplicate"], "opens": ["deduplicate"]}},
}
HERE, THERE = "pine", "fir"


def across(district: str, **changes: Any) -> dict[str, Any]:
    prefix = {HERE: "904", THERE: "906"}[district]
    content = matching_content(**ACROSS | {"existing": "separate"} | changes)
    card = content["card"] | {"number": content["card"]["number"] | {"prefix": prefix}}
    card["staff_number"] = content["card"]["staff_number"] | {"prefix": f"{int(prefix) + 1}"}
    return content | {"id": f"dsa-{district}-oak-2026", "district": district, "card": card}


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return [across(HERE), across(THERE)]


def site(yard: Yard, **changes: Any) -> Site:
    return replace(yard.site, agreements=(agreement_from(across(HERE)), agreement_from(across(THERE, **changes))))


def planned(yard: Yard, district: str, *rows: Row, night: int = 0, **changes: Any) -> tuple[Any, Planned]:
    arrival = yard.admitted(a_firstcard_csv(*rows), at=later(days=night), district=district)
    return arrival, yard.plan(arrival, site=site(yard, **changes))


def applied(yard: Yard, arrival: Any, plan: Planned, night: int) -> dict[str, Any]:
    assert plan.outcome == "ready"
    assert yard.begin(arrival, at=later(days=night)).outcome in ("go", "nothing")
    yard.issue(plan)
    assert yard.finish(arrival, at=later(days=night)) == "applied"
    return json.loads(yard.places.get(plan.chunks_prefix.removesuffix("chunks/") + "plan.json") or b"{}")


def sent(yard: Yard, district: str, *rows: Row, night: int = 0, **changes: Any) -> dict[str, Any]:
    """The roster's whole way; gives its plan."""
    return applied(yard, *planned(yard, district, *rows, night=night, **changes), night)


def states(yard: Yard, number: int) -> list[str | None]:
    """What a child of that student id is in the one district and in the other."""
    found = [yard.cards.standing([one := token(number, district)]).patrons.get(one) for district in (HERE, THERE)]
    return [str(patron.state) if patron else None for patron in found]


def pair(yard: Yard, here: int, there: int) -> Pair | None:
    one = pair_id(token(here), token(there, THERE))
    return yard.cards.pairs([one]).get(one)


def manifest(yard: Yard, district: str) -> Manifest:
    version = yard.ledger.district(f"oak.{district}").manifest_version
    return Manifest.from_bytes(yard.places.get(f"manifests/oak.{district}/{version:08d}.json.gz") or b"")


OTHERS = [child(number) for number in range(51, 71)]
UNSURE = {"street": "", "postal_code": "", "guardian_email": "", "state_id": ""}
"""Names and birth date alone: nobody can tell from a namesake."""


class TestAChildOfTwoDistricts:
    def test_gets_one_card_and_the_other_district_is_told_nothing(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY)
        plan = sent(yard, THERE, *OTHERS, child(3))
        assert states(yard, 3) == ["waiting", None]
        assert plan["decisions"] == {"wait": 20, "served": 1}
        assert plan["matching"]["compared_with_districts"] == 1
        assert plan["matching"]["elsewhere_same"] == 1
        on_record = pair(yard, 3, 3)
        assert on_record is not None
        assert (on_record.answer, on_record.left, on_record.waits) == (Answer.SAME, token(3, THERE), False)
        told = [event for event in yard.emitted if event.name == "RosterProcessed"][-1]
        assert told.decisions == {"wait": 21}
        assert not any("served" in event.model_dump_json() for event in yard.emitted)

    def test_is_explained_to_the_librarys_people(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY)
        sent(yard, THERE, *OTHERS, child(3))
        facts = gather(
            token(3, THERE), agreement=site(yard).agreements[1], now=later(days=1), cards=yard.cards, ledger=yard.ledger, vault=yard.places
        )
        assert why(facts).code == "served"

    def test_gets_a_card_of_the_other_district_when_it_leaves_the_one_though_that_roster_is_the_same(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY)
        sent(yard, THERE, *OTHERS, child(3))
        _, again = planned(yard, THERE, *OTHERS, child(3), night=1)
        assert again.outcome == "unchanged"
        sent(yard, HERE, *(row for row in EVERYBODY if row["student_id"] != "100003"), night=2)
        sent(yard, THERE, *OTHERS, child(3), night=3)
        assert states(yard, 3) == ["expired", "waiting"]

    def test_is_served_night_after_night(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY)
        for night in range(3):
            sent(yard, THERE, *OTHERS, child(3), child(90 + night), night=night)
            assert states(yard, 3) == ["waiting", None]

    def test_said_no_for_both_if_its_family_said_so(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY)
        (patron,) = yard.cards.standing([token(3)]).patrons.values()
        yard.cards.refuse([token(3)], by="family", stamp=patron.stamp)
        sent(yard, THERE, *OTHERS, child(3))
        assert states(yard, 3) == ["refused", None]
        assert pair(yard, 3, 3) is None

    def test_keeps_both_cards_that_it_has_until_a_person_looked(self, yard: Yard) -> None:
        """Two plans are made at once, so that neither sees the other: the next one looks at everybody."""
        one, other = planned(yard, HERE, *EVERYBODY), planned(yard, THERE, *OTHERS, child(3))
        applied(yard, *one, 0)
        applied(yard, *other, 0)
        assert states(yard, 3) == ["waiting", "waiting"]
        assert pair(yard, 3, 3) is None
        sent(yard, HERE, *EVERYBODY, child(40), night=1)
        assert states(yard, 3) == ["waiting", "waiting"]
        found = pair(yard, 3, 3)
        assert found is not None
        assert (found.answer, found.waits) == (Answer.DOUBT, True)

    def test_nobody_is_looked_at_twice_where_everybody_was_compared(self, yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
        sent(yard, HERE, *EVERYBODY)
        sent(yard, THERE, *OTHERS)
        told: list[frozenset[str] | None] = []
        import firstcard.match

        within = firstcard.match.within

        def noting(rows: Any, terms: Any) -> Any:
            told.append(terms.changed)
            return within(rows, terms)

        monkeypatch.setattr(firstcard.match, "within", noting)
        sent(yard, HERE, *EVERYBODY, child(40), night=1)
        sent(yard, THERE, *OTHERS, child(41), night=1)
        assert told == [frozenset({token(40)}), frozenset({token(41, THERE)})]

    def test_two_rows_of_it_there_get_none_either(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY)
        plan = sent(yard, THERE, *OTHERS, child(3), child(3, student_id="100099"))
        assert (states(yard, 3), states(yard, 99)) == (["waiting", None], [None, None])
        assert plan["rejected"] == {"SAME_CHILD": 1}


class TestAChildThatMayBeOfTwoDistricts:
    WAIT: ClassVar[dict[str, Any]] = {"in_doubt": {"meanwhile": "wait", "decide_within_days": 14}}

    def test_waits_where_the_agreement_says_so(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY)
        plan = sent(yard, THERE, *OTHERS, child(3, **UNSURE), **self.WAIT)
        assert states(yard, 3) == ["waiting", None]
        assert plan["decisions"] == {"wait": 20, "in_doubt": 1}
        assert plan["matching"]["elsewhere_doubt"] == 1

    def test_gets_a_card_where_the_agreement_says_so(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY)
        sent(yard, THERE, *OTHERS, child(3, **UNSURE))
        assert states(yard, 3) == ["waiting", "waiting"]

    def test_waits_for_nobody_who_has_no_card(self, yard: Yard) -> None:
        """The child in the other district is in doubt itself: may be a patron of the library."""
        yard.patrons = [patron(3, birth_date="")]
        linking = site(yard, **self.WAIT | {"existing": "link", "existing_blocked": "ask"})
        arrival = yard.admitted(a_firstcard_csv(*EVERYBODY), district=THERE)
        applied(yard, arrival, yard.plan(arrival, site=linking), 0)
        assert states(yard, 3) == [None, None]
        waiting = replace(yard.site, agreements=(agreement_from(across(HERE, **self.WAIT)), linking.agreements[1]))
        arrival = yard.admitted(a_firstcard_csv(*OTHERS, child(3, **UNSURE)), district=HERE)
        plan = applied(yard, arrival, yard.plan(arrival, site=waiting), 0)
        assert plan["matching"]["elsewhere_doubt"] == 1
        assert states(yard, 3) == ["waiting", None]

    @pytest.mark.parametrize(("answer", "after"), [(Answer.SAME, ["waiting", None]), (Answer.APART, ["waiting", "waiting"])])
    def test_gets_what_a_person_decides(self, yard: Yard, answer: Answer, after: list[str | None]) -> None:
        sent(yard, HERE, *EVERYBODY)
        sent(yard, THERE, *OTHERS, child(3, **UNSURE), **self.WAIT)
        found = pair(yard, 3, 3)
        assert found is not None
        assert yard.cards.decide_pair(decided(found, answer, by="ann", at=later(hours=3).isoformat()), was_by=found.by)
        sent(yard, THERE, *OTHERS, child(3, **UNSURE), night=1, **self.WAIT)
        assert states(yard, 3) == after

    def test_a_decision_about_another_districts_students_plans_no_roster_again(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY)
        sent(yard, THERE, *OTHERS, child(3, **UNSURE))
        found = pair(yard, 3, 3)
        assert found is not None
        assert yard.cards.decide_pair(decided(found, Answer.APART, by="ann", at=later(hours=3).isoformat()), was_by=found.by)
        _, again = planned(yard, HERE, *EVERYBODY, night=1)
        assert again.outcome == "unchanged"


class TestWhatIsKeptOfTheStudents:
    def test_names_nobody_who_said_no_and_is_opened_for_deduplicate_alone(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY[1:], child(1, opt_out="Y"))
        yard.keys.story.clear()
        plan = sent(yard, THERE, *OTHERS, child(1), child(2))
        assert plan["decisions"] == {"wait": 21, "served": 1}
        opened = [step for step in yard.keys.story if "students" in step]
        assert opened == [("declare", "students", "deduplicate"), ("unwrap", "students", "deduplicate")]

    def test_is_nothing_where_the_agreement_does_not_say_so(self, yard: Yard) -> None:
        alone = {"matrix": ACROSS["matrix"] | {"deduplicate": ["identity", "age"]}, "roles": MATCHING["roles"] | {"plan": {"opens": False}}}
        sent(yard, THERE, *OTHERS, child(3), **alone)
        assert not manifest(yard, THERE).compared.students
        plan = sent(yard, HERE, *EVERYBODY)
        assert plan["decisions"] == {"wait": 20}
        assert "compared_with_districts" not in plan["matching"]

    def test_is_asked_for_again_when_it_could_not_be_opened(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY)
        yard.keys.closed = True
        plan = sent(yard, THERE, *OTHERS, child(3))
        assert "compared_with_districts" not in plan["matching"]
        yard.keys.closed = False
        sent(yard, THERE, *OTHERS, child(3), child(41), night=1)
        found = pair(yard, 3, 3)
        assert found is not None
        assert found.waits


def with_row(number: int, **changes: str) -> list[Row]:
    return [row | (changes if row["student_id"] == f"{100000 + number}" else {}) for row in EVERYBODY]


class TestWhoeverIsServed:
    """However the other district's night goes: one child, one card, and a no stays a no."""

    @pytest.fixture(autouse=True)
    def served(self, yard: Yard) -> None:
        sent(yard, HERE, *EVERYBODY)
        sent(yard, THERE, *OTHERS, child(3))
        assert states(yard, 3) == ["waiting", None]

    def next_night(self, yard: Yard, **changes: Any) -> dict[str, Any]:
        return sent(yard, THERE, *OTHERS, child(3), child(90), night=2, **changes)

    @pytest.mark.parametrize("row", [{"grade": "99"}, {"last_name": ""}, {"opt_out": "yes"}], ids=["unreadable", "nameless", "no"])
    def test_stays_so_whatever_becomes_of_the_other_row(self, yard: Yard, row: dict[str, str]) -> None:
        sent(yard, HERE, *with_row(3, **row), child(80), night=1)
        self.next_night(yard)
        assert states(yard, 3)[1] is None

    def test_stays_so_after_a_no_by_link_though_the_child_left_the_other_district(self, yard: Yard) -> None:
        (patron_,) = yard.cards.standing([token(3)]).patrons.values()
        yard.cards.refuse([token(3)], by="family", stamp=patron_.stamp)
        sent(yard, HERE, *(row for row in EVERYBODY if row["student_id"] != "100003"), night=1)
        self.next_night(yard)
        assert states(yard, 3) == ["refused", None]

    def test_stays_so_while_the_other_agreement_stands_still(self, yard: Yard) -> None:
        yard.ledger.suspend("oak.pine", at=later().isoformat(), by="ann")
        self.next_night(yard)
        assert states(yard, 3) == ["waiting", None]

    def test_stays_so_while_nothing_can_be_opened_or_is_there(self, yard: Yard) -> None:
        yard.keys.closed = True
        self.next_night(yard)
        yard.keys.closed = False
        assert states(yard, 3) == ["waiting", None]
        yard.places.delete(manifest(yard, HERE).compared.students)
        sent(yard, THERE, *OTHERS, child(3), child(91), night=3)
        assert states(yard, 3) == ["waiting", None]

    def test_stays_so_though_its_own_row_says_less(self, yard: Yard) -> None:
        sent(yard, THERE, *OTHERS, child(3, **UNSURE), child(90), night=2)
        assert states(yard, 3) == ["waiting", None]

    def test_gets_a_card_when_a_person_sets_the_two_apart(self, yard: Yard) -> None:
        found = pair(yard, 3, 3)
        assert found is not None
        assert yard.cards.decide_pair(decided(found, Answer.APART, by="ann", at=later(hours=3).isoformat()), was_by=found.by)
        sent(yard, THERE, *OTHERS, child(3), night=1)
        assert states(yard, 3) == ["waiting", "waiting"]

    @pytest.mark.parametrize("by_a_person", [False, True])
    def test_serves_no_other_child_to_whom_the_id_was_given(self, yard: Yard, by_a_person: bool) -> None:
        found = pair(yard, 3, 3)
        assert found is not None
        if by_a_person:
            assert yard.cards.decide_pair(decided(found, Answer.SAME, by="ann", at=later(hours=3).isoformat()), was_by=found.by)
        for night in (1, 2):
            sent(yard, THERE, *OTHERS, child(45, student_id="100003"), child(90 + night), night=night)
            assert states(yard, 3) == ["waiting", "waiting"]

    def test_counts_as_new_once_and_as_known_afterwards(self, yard: Yard) -> None:
        plan = self.next_night(yard)
        assert plan["decisions"] == {"nothing": 20, "wait": 1, "still_served": 1}
        told = [event for event in yard.emitted if event.name == "RosterProcessed"][-1]
        assert told.decisions == {"nothing": 21, "wait": 1}
        plan = sent(yard, THERE, *OTHERS, child(3, grade="07"), child(90), night=3)
        assert [event for event in yard.emitted if event.name == "RosterProcessed"][-1].decisions == {"nothing": 21, "update": 1}
        sent(yard, HERE, *(row for row in EVERYBODY if row["student_id"] != "100003"), night=4)
        plan = sent(yard, THERE, *OTHERS, child(3, grade="07"), child(90), night=5)
        assert (plan["decisions"], plan["after_aside"]) == ({"nothing": 22}, 1)
        assert states(yard, 3) == ["expired", "waiting"]

    def test_is_no_reason_to_hold_each_roster(self, yard: Yard) -> None:
        safety = {"first_run_needs_approval": False} | {f"max_{what}_percent": 4.5 for what in ("missing", "new", "changed", "rejected")}
        self.next_night(yard, safety=safety | {"max_new_percent": 5})


def test_a_child_new_in_one_district_while_its_row_in_the_other_cannot_be_read_gets_no_second_card(yard: Yard) -> None:
    sent(yard, HERE, *EVERYBODY)
    sent(yard, HERE, *with_row(3, grade="99"), child(80), night=1)
    sent(yard, THERE, *OTHERS, child(3), night=2)
    assert states(yard, 3) == ["waiting", None]


def test_a_child_that_cannot_be_written_to_in_one_district_gets_its_card_by_the_other(yard: Yard) -> None:
    sent(yard, HERE, *with_row(3, guardian_email=""))
    sent(yard, THERE, *OTHERS, child(3), night=1)
    assert states(yard, 3)[1] == "waiting"


def test_two_cards_of_one_child_are_shown_though_the_two_were_put_together_before(yard: Yard) -> None:
    sent(yard, HERE, *EVERYBODY)
    sent(yard, THERE, *OTHERS, child(3), night=1)
    sent(yard, HERE, *(row for row in EVERYBODY if row["student_id"] != "100003"), night=2)
    sent(yard, THERE, *OTHERS, child(3), child(90), night=3)
    sent(yard, HERE, *EVERYBODY, child(81), night=4)
    sent(yard, THERE, *OTHERS, child(3, grade="07"), child(90), night=5)
    cards = states(yard, 3)
    found = pair(yard, 3, 3)
    assert found is not None
    assert cards == ["expired", "waiting"] or found.waits


def test_old_students_are_removed_with_the_next_plan(yard: Yard) -> None:
    for night in range(4):
        sent(yard, HERE, *EVERYBODY, child(80 + night), night=night)
    kept = list(yard.places.keys("students/oak.pine/"))
    assert manifest(yard, HERE).compared.students in kept
    assert len(kept) == 2, "the one that counts, and the one before it"


def test_a_served_child_is_shown_to_whoever_settles_the_pair(yard: Yard) -> None:
    sent(yard, HERE, *EVERYBODY)
    sent(yard, THERE, *OTHERS, child(3))
    found = pair(yard, 3, 3)
    assert found is not None
    assert found.shown_in


def test_a_manifest_of_a_later_version_is_read() -> None:
    body = json.loads(gzip.decompress(Manifest(version=3).to_bytes()))
    body["compared"]["more"] = 1
    assert Manifest.from_bytes(gzip.compress(json.dumps(body).encode())).version == 3
