"""Who gets a card under clauses that change: the service area, a few cards first, and a roll-out that is edited."""

from dataclasses import replace
from io import StringIO
from typing import Any

from rich.console import Console

from cli.run import plan_tables
from firstcard.agreement import Site, agreement_from
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.run.ledger import Arrival
from firstcard.run.planning import Planned
from firstcard.vault.seal import Opener
from tests.unit.roster.builders import Row, a_firstcard_csv, a_student_row

from .builders import Yard, csv_content, later, token
from .explaining import asked
from .test_matching import plan_of

FLAG = {"required": False, "exhibit_b": "x", "fideslang": "user"}
AREA = {"flag": True, "unknown": "inside", "outside": "skip"}
FOR_E_RESOURCES = {"outside": "e_resources", "patron_type": "EDUCATOR"}


def site_with(yard: Yard, **changes: Any) -> Site:
    """The site whose agreement of pine has other clauses."""
    return replace(yard.site, agreements=(agreement_from(csv_content("pine", "dsa-pine-oak-2026", "904", **changes)),))


def clauses(area: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Changes that leave card numbers as they are."""
    card: dict[str, Any] = {"number": {"prefix": "904"}, "staff_number": {"prefix": "905"}}
    if area:
        card["service_area"] = area
        changes["fields"] = {"postal_code" if "postal_codes" in area else "in_service_area": FLAG}
    return {"card": card | changes.pop("card", {}), **changes}


def planned(yard: Yard, *rows: Row, night: int = 0, **changes: Any) -> tuple[Arrival, Planned]:
    arrival = yard.admitted(a_firstcard_csv(*rows), at=later(days=night))
    return arrival, yard.plan(arrival, site=site_with(yard, **clauses(**changes)))


def applied(yard: Yard, arrival: Arrival, plan: Planned, *, night: int = 0) -> dict[str, Any]:
    if plan.outcome == "held":
        yard.hold(arrival, at=later(days=night))
        assert yard.approve(arrival, plan.plan_hash)
    assert yard.begin(arrival, at=later(days=night)).outcome in ("go", "nothing")
    yard.issue(plan)
    assert yard.finish(arrival, at=later(days=night)) == "applied"
    return plan_of(yard, plan)


def sent(yard: Yard, *rows: Row, night: int = 0, **changes: Any) -> dict[str, Any]:
    """The roster's whole way under other clauses, approved where it waits; gives its plan."""
    return applied(yard, *planned(yard, *rows, night=night, **changes), night=night)


def row(number: int, inside: str = "", **changes: str) -> Row:
    return a_student_row(number, in_service_area=inside, **changes)


def card_of(yard: Yard, number: int) -> dict[str, str]:
    patron = yard.cards.standing([token(number)]).patrons[token(number)]
    envelope = yard.cards.envelopes([patron.envelopes[Group.ENROLMENT]])[patron.envelopes[Group.ENROLMENT]]
    opener = Opener(purpose=Purpose.SYNC_ILS, unwrap=yard.keys.unwrap, declare=yard.keys.declare, clock=lambda: 0.0)
    return dict(opener.open(envelope, patron.token, Group.ENROLMENT, patron.sealed[Group.ENROLMENT]))


THREE = (row(1, "yes"), row(2, "no"), row(3))


class TestOutsideTheServiceArea:
    def test_who_is_skipped_gets_no_card_and_is_counted(self, yard: Yard) -> None:
        plan = sent(yard, *THREE, area=AREA)
        assert yard.states(1, 2, 3) == ["waiting", None, "waiting"]
        assert (plan["excluded"], plan["accepted"]) == ({"outside_area": 1}, 3)

    def test_who_is_not_told_of_counts_as_the_agreement_says(self, yard: Yard) -> None:
        sent(yard, *THREE, area=AREA | {"unknown": "outside"})
        assert yard.states(1, 2, 3) == ["waiting", None, None]

    def test_a_card_for_e_resources_has_its_own_type(self, yard: Yard) -> None:
        sent(yard, *THREE, area=AREA | FOR_E_RESOURCES)
        assert yard.states(1, 2, 3) == ["waiting"] * 3
        assert [(card_of(yard, n)["kind"], card_of(yard, n)["patron_type"]) for n in (1, 2)] == [
            ("virtual", "STUDENT"),
            ("e_resources", "EDUCATOR"),
        ]

    def test_a_full_card_is_that_of_everybody(self, yard: Yard) -> None:
        sent(yard, *THREE, area=AREA | {"outside": "full"})
        assert card_of(yard, 2)["patron_type"] == "STUDENT"

    def test_of_a_postal_code_the_first_five_digits_count_and_it_is_kept_nowhere(self, yard: Yard) -> None:
        area = {"postal_codes": ["28202"], "unknown": "outside", "outside": "skip"}
        sent(yard, row(1, postal_code="28202-1234"), row(2, postal_code="28203"), row(3), area=area)
        assert yard.states(1, 2, 3) == ["waiting", None, None]
        assert "address" not in yard.sealed(1)

    def test_a_school_may_be_outside(self, yard: Yard) -> None:
        area = {"outside_schools": ["school-9"], "unknown": "inside", "outside": "skip"}
        exchange = {"organisation_ids": ["school-1", "school-9"], "mapping": {}, "formats": ["csv"], "protection": "plain", "signers": []}
        sent(yard, row(1), row(2, school_id="school-9"), area=area, exchange=exchange)
        assert yard.states(1, 2) == ["waiting", None]

    def test_a_no_counts_wherever_the_child_lives(self, yard: Yard) -> None:
        plan = sent(yard, row(1, "yes"), row(2, "no", opt_out="yes"), area=AREA)
        assert plan["decisions"] == {"refuse": 1, "wait": 1}
        assert yard.cards.refusals([token(2)]) == {token(2)}

    def test_a_flag_that_cannot_be_read_is_told_and_nobody_is_guessed_inside(self, yard: Yard) -> None:
        plan = sent(yard, row(1, "yes"), row(2, "perhaps"), area=AREA)
        assert plan["rejected"] == {"BAD_FLAG": 1}
        assert yard.states(2) == [None]

    def test_a_file_without_the_column_is_refused(self, yard: Yard) -> None:
        arrival, plan = planned(yard, a_student_row(1), area=AREA)
        assert (plan.outcome, yard.known(arrival).reason) == ("rejected", "MISSING_COLUMN")

    def test_staff_get_their_card_wherever_they_live(self, yard: Yard) -> None:
        teacher = row(2, "no", role="teacher", staff_email="t@pine.example.org", grade="", guardian_email="", birth_date="")
        plan = sent(yard, row(1, "yes"), teacher, area=AREA)
        assert (plan["decisions"], plan["excluded"]) == ({"issue": 1, "wait": 1}, {})

    def test_who_moves_out_ends_like_a_leaver_and_who_moves_in_gets_a_card_by_the_next_roster(self, yard: Yard) -> None:
        sent(yard, *THREE, area=AREA)
        plan = sent(yard, row(1, "no"), row(2, "yes"), row(3), night=1, area=AREA)
        assert (yard.states(1, 2, 3), plan["holds"]) == (["expired", "waiting", "waiting"], [])


ASK = AREA | {"outside": "ask"}


class TestTheLibraryIsAsked:
    def test_nobody_gets_a_card_before_the_library_said_so_and_the_same_file_brings_its_answer(self, yard: Yard) -> None:
        plan = sent(yard, *THREE, area=ASK)
        assert (yard.states(1, 2, 3), plan["excluded"]) == (["waiting", None, "waiting"], {"area_asked": 1})
        answered = ASK | {"by_school": {"school-1": "e_resources"}, "patron_type": "EDUCATOR"}
        sent(yard, *THREE, night=1, area=answered)
        assert (yard.states(2), card_of(yard, 2)["patron_type"]) == (["waiting"], "EDUCATOR")

    def test_a_card_that_is_there_stays_meanwhile(self, yard: Yard) -> None:
        sent(yard, *THREE, area=ASK)
        sent(yard, row(1, "no"), *THREE[1:], night=1, area=ASK)
        assert yard.states(1) == ["waiting"]

    def test_why_says_whom_to_ask(self, yard: Yard) -> None:
        sent(yard, *THREE, area=ASK)
        said = asked(2, at=later(hours=1).isoformat())
        assert (said["code"], said["ask"]["who"]) == ("not_in_rollout", "library")
        assert "card.service_area" in said["advice"]


PILOT = {"safety": {"first_run_needs_approval": True, "pilot_cards": 2}}


class TestAFewCardsFirst:
    ROWS = tuple(a_student_row(n) for n in range(1, 7))

    def test_a_first_load_makes_the_few_and_the_same_file_again_brings_the_others_when_a_person_says_so(self, yard: Yard) -> None:
        first, plan = planned(yard, *self.ROWS, a_student_row(7, opt_out="yes"), **PILOT)
        assert plan.outcome == "held"
        told = applied(yard, first, plan)
        assert (told["decisions"], told["excluded"]) == ({"refuse": 1, "wait": 2}, {"after_pilot": 4})
        assert yard.cards.refusals([token(7)]) == {token(7)}

        second, plan = planned(yard, *self.ROWS, a_student_row(7, opt_out="yes"), night=1, **PILOT)
        assert (plan.outcome, yard.known(second).holds) == ("held", ("FIRST_RUN",))
        told = applied(yard, second, plan, night=1)
        assert (told["decisions"], told["excluded"]) == ({"nothing": 3, "wait": 4}, {})
        assert yard.states(*range(1, 7)) == ["waiting"] * 6

        assert planned(yard, *self.ROWS, a_student_row(7, opt_out="yes"), night=2, **PILOT)[1].outcome == "unchanged"

    def test_they_are_of_as_many_types_and_branches_as_there_are(self, yard: Yard) -> None:
        types = {"patron_type": {"student": "STUDENT", "staff": "EDUCATOR", "by_grade": {"09": "EDUCATOR"}}}
        rows = (*self.ROWS, a_student_row(8, grade="09"))
        sent(yard, *rows, card=types, **PILOT)
        assert yard.states(8) == ["waiting"]
        assert [state for state in yard.states(*range(1, 7)) if state] == ["waiting"]

    def test_they_are_children_whose_families_can_be_told(self, yard: Yard) -> None:
        rows = [a_student_row(n, guardian_email=f"home{n}@example.org" if n in (3, 6) else "") for n in range(1, 9)]
        sent(yard, *rows, **PILOT)
        assert [n for n in range(1, 9) if yard.states(n)[0]] == [3, 6]

    def test_rejected_rows_are_counted_against_the_whole_file(self, yard: Yard) -> None:
        rows = [a_student_row(n, last_name="" if n == 1 else f"Marigold{n}") for n in range(1, 31)]
        arrival, plan = planned(yard, *rows, **PILOT)
        assert (plan_of(yard, plan)["rejected"], yard.known(arrival).holds) == ({"MISSING_REQUIRED": 1}, ("FIRST_RUN",))

    def test_why_says_that_the_library_tries_first(self, yard: Yard) -> None:
        sent(yard, *self.ROWS, **PILOT)
        (left_out,) = [n for n in range(1, 7) if not yard.states(n)[0]][:1]
        said = asked(left_out, at=later(hours=1).isoformat())
        assert "tries" in said["sentence"]


class TestTheRollOutChanges:
    GRADES = tuple(a_student_row(n, grade=grade) for n, grade in enumerate(("03", "04", "05"), 1))

    def rollout(self, *grades: str) -> dict[str, Any]:
        return {"rollout": {"schools": "all", "grades": list(grades), "staff": True}}

    def test_a_grade_more_gets_its_cards_by_the_same_file(self, yard: Yard) -> None:
        sent(yard, *self.GRADES, **self.rollout("03"))
        plan = sent(yard, *self.GRADES, night=1, **self.rollout("03", "04"))
        assert (yard.states(1, 2, 3), plan["holds"]) == (["waiting", "waiting", None], [])

    def test_a_grade_less_ends_no_card_before_a_person_said_so(self, yard: Yard) -> None:
        sent(yard, *self.GRADES, **self.rollout("03", "04", "05"))
        arrival, plan = planned(yard, *self.GRADES, night=1, **self.rollout("03", "04"))
        assert (plan.outcome, yard.known(arrival).holds) == ("held", ("ROLLOUT_NARROWED",))
        assert plan_of(yard, plan)["left_out_now"] == 1
        assert yard.states(1, 2, 3) == ["waiting"] * 3
        applied(yard, arrival, plan, night=1)
        assert yard.states(1, 2, 3) == ["waiting", "waiting", "expired"]
        assert planned(yard, *self.GRADES, night=2, **self.rollout("03", "04"))[1].outcome == "unchanged"

    def test_it_is_asked_again_each_night_until_somebody_says(self, yard: Yard) -> None:
        sent(yard, *self.GRADES, **self.rollout("03", "04", "05"))
        arrival, plan = planned(yard, *self.GRADES, night=1, **self.rollout("03", "04"))
        yard.hold(arrival, at=later(days=1))
        assert yard.approve(arrival, plan.plan_hash, approve=False)
        yard.finish(arrival, at=later(days=1))
        moved = (*self.GRADES[:2], a_student_row(3, grade="05", first_name="Eve"))
        arrival, plan = planned(yard, *moved, night=2, **self.rollout("03", "04"))
        assert yard.known(arrival).holds == ("ROLLOUT_NARROWED",)

    def test_a_child_that_goes_to_another_grade_by_itself_is_a_leaver(self, yard: Yard) -> None:
        sent(yard, *self.GRADES, **self.rollout("03", "04"))
        plan = sent(yard, self.GRADES[0], a_student_row(2, grade="05"), self.GRADES[2], night=1, **self.rollout("03", "04"))
        assert (plan["holds"], yard.states(1, 2)) == ([], ["waiting", "expired"])

    def test_who_said_no_asks_nobody(self, yard: Yard) -> None:
        rows = (*self.GRADES[:2], a_student_row(3, grade="05", opt_out="yes"))
        sent(yard, *rows, **self.rollout("03", "04", "05"))
        assert planned(yard, *self.GRADES, night=1, **self.rollout("03", "04"))[1].outcome == "ready"

    def test_a_night_in_which_nobody_can_be_missing_does_not_use_the_question_up(self, yard: Yard) -> None:
        """Where a row has no id nobody who is not there is taken for gone: the narrower roll-out ends cards with the next whole file, and that one is asked about."""
        sent(yard, *self.GRADES, **self.rollout("03", "04", "05"))
        sent(yard, *self.GRADES, a_student_row(9, student_id=""), night=1, **self.rollout("03", "04"))
        assert yard.states(1, 2, 3) == ["waiting"] * 3
        arrival, _ = planned(yard, *self.GRADES, night=2, **self.rollout("03", "04"))
        assert "ROLLOUT_NARROWED" in yard.known(arrival).holds


def test_run_show_says_who_is_left_out_and_which_schools_have_no_branch_of_their_own(yard: Yard) -> None:
    branches = {"home_branch": {"default": "MAIN", "by_school": {"school-1": "WEST"}}}
    exchange = {"organisation_ids": ["school-1", "school-2"], "mapping": {}, "formats": ["csv"], "protection": "plain", "signers": []}
    rows = (*THREE, row(4, "yes", school_id="school-2"))
    arrival, plan = planned(yard, *rows, area=AREA, card=branches, exchange=exchange, **PILOT)
    shown = Console(record=True, width=300, file=StringIO())
    shown.print(*plan_tables(yard.known(arrival), plan_of(yard, plan)))
    text = shown.export_text()
    assert "1 rows: outside the library's service area" in text
    assert "the default one: school-2" in text
    assert "only these few are made" in text
