"""What a roster means against what is known: only what changed, and nothing drastic without a person."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.card.chunk import Chunk, Decision
from firstcard.card.manifest import Manifest
from firstcard.roster import Person, Reason, Role
from tests.unit.agreement.builders import a_directory_agreement, an_agreement
from tests.unit.card.builders import Plans, a_person, rosters, token_of


def a_district(count: int) -> list[Person]:
    return [a_person(n) for n in range(count)]


@given(rosters(most=20), st.randoms(use_true_random=False))
def test_the_same_roster_twice_changes_nothing_in_whatever_order(roster: tuple[Person, ...], order: object) -> None:
    plans = Plans()
    plans.run(roster)
    again = [replace(person, line=person.line + 100, file="other.csv") for person in roster]
    order.shuffle(again)  # type: ignore[attr-defined]
    decisions = plans.decide(again)
    assert {s.decision for s in decisions.steps} <= {Decision.NOTHING}
    assert decisions.households == {}
    assert plans.chunks(again) == []


@given(st.data())
def test_k_changed_rows_are_exactly_k_updates(data: st.DataObject) -> None:
    plans = Plans()
    district = a_district(20)
    plans.run(district)
    changed = data.draw(st.sets(st.integers(0, 19)))
    grades = [replace(p, grade="05") if n in changed else p for n, p in enumerate(district)]
    decided = {s.token: s.decision for s in plans.decide(grades).steps}
    assert {t for t, d in decided.items() if d is not Decision.NOTHING} == {token_of(district[n]) for n in changed}
    assert {d for d in decided.values() if d is not Decision.NOTHING} <= {Decision.UPDATE}


@given(rosters(most=15), rosters(most=15), st.data())
def test_a_rejected_row_ends_no_card(known: tuple[Person, ...], roster: tuple[Person, ...], data: st.DataObject) -> None:
    plans = Plans()
    plans.run(known)
    rejected = data.draw(st.lists(st.sampled_from(known), unique=True)) if known else []
    left = [p for p in roster if token_of(p) not in {token_of(r) for r in rejected}]
    decided = {s.token for s in plans.decide(left, rejected=rejected).steps if s.decision is not Decision.NOTHING}
    assert not decided & {token_of(p) for p in rejected}


@given(rosters(most=15), rosters(most=15), st.data())
def test_the_next_manifest_knows_the_roster_and_those_whose_rows_were_rejected(
    known: tuple[Person, ...], roster: tuple[Person, ...], data: st.DataObject
) -> None:
    plans = Plans()
    plans.run(known)
    before = plans.manifest
    rejected = data.draw(st.lists(st.sampled_from(known), unique=True)) if known else []
    left = [p for p in roster if token_of(p) not in {token_of(r) for r in rejected}]
    plans.applied(left, rejected=rejected)
    assert plans.manifest.version == before.version + 1
    assert set(plans.manifest.patrons) == {token_of(p) for p in (*left, *rejected)}
    assert all(plans.manifest.patrons[token_of(p)] == before.patrons[token_of(p)] for p in rejected)


@given(rosters(most=15), rosters(most=15))
def test_everybody_gets_one_decision_and_the_counts_say_so(known: tuple[Person, ...], roster: tuple[Person, ...]) -> None:
    plans = Plans()
    plans.run(known)
    decisions = plans.decide(roster)
    tokens = [s.token for s in decisions.steps]
    assert len(tokens) == len(set(tokens))
    assert set(tokens) == {token_of(p) for p in (*known, *roster)}
    assert sum(decisions.counts.values()) == len(tokens)
    assert {s.token for s in decisions.steps if s.decision is Decision.EXPIRE} == {token_of(p) for p in known} - {
        token_of(p) for p in roster
    }
    assert sum(n for by in decisions.by_school.values() for n in by.values()) == len(roster)


@given(rosters(most=20))
def test_every_household_has_all_its_members_but_the_refused(roster: tuple[Person, ...]) -> None:
    decisions = Plans().decide(roster)
    members = {s.token for steps in decisions.households.values() for s in steps}
    assert members == {token_of(p) for p in roster if p.email and not p.opt_out}


def test_the_first_roster_waits_for_a_person() -> None:
    assert Plans().decide(a_district(3)).holds == (Reason.FIRST_RUN,)


def test_a_library_may_do_without_a_look_at_the_first_roster() -> None:
    assert Plans(agreement=an_agreement(safety={"first_run_needs_approval": False})).decide(a_district(3)).holds == ()


@pytest.mark.parametrize(("needed", "holds"), [(True, (Reason.FIRST_RUN,)), (False, ())])
def test_after_a_roll_over_a_person_looks_as_at_a_first_roster(needed: bool, holds: tuple[Reason, ...]) -> None:
    plans = Plans(agreement=an_agreement(safety={"first_run_needs_approval": needed}))
    plans.run(a_district(100))
    assert plans.decide(a_district(100), rolled_over=True).holds == holds
    assert plans.decide(a_district(100)).holds == ()


def test_after_a_roll_over_the_limits_hold_as_on_any_other_day() -> None:
    plans = Plans()
    plans.run(a_district(100))
    assert plans.decide(a_district(50), rolled_over=True).holds == (Reason.FIRST_RUN, Reason.TOO_MANY_MISSING)


@pytest.mark.parametrize(
    ("roster", "hold"),
    [
        (a_district(95), ()),
        (a_district(94), (Reason.TOO_MANY_MISSING,)),
        (a_district(110), ()),
        (a_district(111), (Reason.TOO_MANY_NEW,)),
        ([replace(p, grade="05") for p in a_district(25)] + a_district(100)[25:], ()),
        ([replace(p, grade="05") for p in a_district(26)] + a_district(100)[26:], (Reason.TOO_MANY_CHANGED,)),
        ([replace(p, opt_out=True) for p in a_district(26)] + a_district(100)[26:], (Reason.TOO_MANY_CHANGED,)),
        ([], (Reason.TOO_MANY_MISSING,)),
    ],
)
def test_more_change_than_agreed_is_held(roster: list[Person], hold: tuple[Reason, ...]) -> None:
    plans = Plans()
    plans.run(a_district(100))
    assert plans.decide(roster).holds == hold


@pytest.mark.parametrize(("teachers", "hold"), [(0, (Reason.TOO_MANY_MISSING,)), (1, ())])
def test_an_export_without_its_file_of_staff_is_held_however_few_they_are(teachers: int, hold: tuple[Reason, ...]) -> None:
    plans = Plans()
    staff = [a_person(number, role=Role.STAFF) for number in (901, 902)]
    plans.run([*a_district(100), *staff])
    assert plans.decide([*a_district(100), *staff[:teachers]]).holds == hold


@pytest.mark.parametrize(("rejected", "hold"), [(5, ()), (6, (Reason.TOO_MANY_REJECTED,))])
def test_more_rejected_rows_than_agreed_are_held(rejected: int, hold: tuple[Reason, ...]) -> None:
    plans = Plans()
    district = a_district(100)
    plans.run(district)
    assert plans.decide(district[rejected:], rejected=district[:rejected]).holds == hold


def test_a_no_in_the_roster_is_a_change_once() -> None:
    plans = Plans()
    plans.run([a_person(1)])
    assert [s.decision for s in plans.decide([a_person(1, opt_out=True)]).steps] == [Decision.REFUSE]
    plans.run([a_person(1, opt_out=True)])
    assert [s.decision for s in plans.decide([a_person(1, opt_out=True)]).steps] == [Decision.NOTHING]


def test_where_families_refuse_before_the_upload_children_do_not_wait() -> None:
    plans = Plans(agreement=a_directory_agreement())
    assert [s.decision for s in plans.decide([a_person(1)]).steps] == [Decision.ISSUE]


def test_a_child_with_the_id_of_a_teacher_is_somebody_else() -> None:
    decisions = Plans().decide([a_person(1), a_person(1, role=Role.STAFF)])
    assert len({s.token for s in decisions.steps}) == 2


def test_a_sibling_whose_row_was_rejected_stays_in_the_household() -> None:
    plans = Plans()
    family = [a_person(1, email="a@example.org"), a_person(2, email="a@example.org")]
    plans.run(family)
    changed = plans.decide([replace(family[0], first_name="Ida")], rejected=family[1:]).households
    assert [{s.token for s in members} for members in changed.values()] == [{token_of(p) for p in family}]


def test_a_new_sibling_is_announced_even_when_a_brothers_row_was_rejected() -> None:
    plans = Plans()
    brother, sister = a_person(1, email="a@example.org"), a_person(2, email="a@example.org")
    plans.run([brother])
    (chunk,) = plans.chunks([sister], rejected=[brother])
    (household,) = Chunk.from_bytes(chunk.body).households
    assert household.announce == (token_of(sister),)
    assert set(household.children) == {token_of(brother), token_of(sister)}


def test_an_empty_district_stays_empty() -> None:
    plans = Plans(manifest=Manifest(version=1))
    assert plans.decide([]).steps == ()
