"""Two districts of one library: a child who is in both has one card, and neither district learns of the other."""

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
