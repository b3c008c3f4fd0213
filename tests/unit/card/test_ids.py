"""What the ids of a roster show against the last one: an id that passed to another person, lost zeros, another kind of id."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firstcard.card.chunk import Decision
from firstcard.card.manifest import Manifest, half_applied
from firstcard.card.plan import decide, next_manifest
from firstcard.card.traits import UNKNOWN
from firstcard.roster import Person, Reason, Role
from tests.unit.card.builders import AGREEMENT, TOKENS, Plans, a_person, rosters, token_of

ADA = a_person(1)
BEN = replace(ADA, last_name="Oak", first_name="Ben", birth_date=date(2015, 1, 2), email="oak@example.org")
"""Another child under Ada's id."""
unhurried = settings(deadline=None)


def with_ids(*ids: str, role: Role = Role.STUDENT) -> list[Person]:
    """People with these ids, each with a name of their own."""
    return [
        a_person(n, local_id=local_id, last_name=f"Pine {'abcdefghij'[n % 10] * (1 + n // 10)}", role=role)
        for n, local_id in enumerate(ids)
    ]


def held(before: Sequence[Person], after: Sequence[Person], *, known: Manifest | None = None) -> tuple[Reason, ...]:
    """What the ids of ``after`` hold it for, where ``before`` was applied."""
    plans = Plans()
    plans.run(before)
    if known:
        plans.manifest = known
    return tuple(reason for reason in plans.decide(after).holds if reason in (Reason.LOST_ZEROS, Reason.ID_BASIS_CHANGED))


class TestAnIdThatPassedToAnotherPerson:
    def test_leaves_the_first_one_as_it_is_and_is_told_every_night(self) -> None:
        plans = Plans()
        plans.run([ADA, a_person(2)])
        before = plans.manifest
        for _ in range(3):
            decisions = plans.decide([BEN, a_person(2)])
            assert tuple(decisions.reused.values()) == (BEN,)
            assert [(s.token, s.decision) for s in decisions.steps] == [(token_of(a_person(2)), Decision.NOTHING)]
            assert decisions.households == {}
            plans.applied([BEN, a_person(2)])
            assert plans.manifest.patrons == before.patrons

    def test_counts_as_a_rejected_row_and_not_as_a_missing_or_a_changed_one(self) -> None:
        plans = Plans()
        district = [a_person(n) for n in range(100)]
        plans.run(district)
        others = [replace(p, first_name="Ben", birth_date=date(2015, 1, 2)) for p in district[:6]]
        assert plans.decide(others[:5] + district[5:]).holds == ()
        assert plans.decide(others + district[6:]).holds == (Reason.TOO_MANY_REJECTED,)

    def test_does_not_get_the_card_of_one_who_left_either(self) -> None:
        plans = Plans()
        plans.run([ADA, a_person(2)])
        plans.run([a_person(2)])
        plans.run([a_person(2), a_person(3)])
        assert tuple(plans.decide([BEN, a_person(2)]).reused.values()) == (BEN,)
        assert [s.decision for s in plans.decide([ADA]).steps if s.token == token_of(ADA)] == [Decision.WAIT]

    def test_is_free_for_the_first_one_who_comes_back(self) -> None:
        plans = Plans()
        plans.run([ADA, a_person(2)])
        plans.run([a_person(2)])
        plans.run([replace(ADA, grade="05"), a_person(2)])
        assert plans.manifest.left == {}
        assert tuple(plans.decide([BEN]).reused.values()) == (BEN,)

    @pytest.mark.parametrize("stays", ["name", "birth_date"])
    def test_is_no_such_thing_where_one_of_the_two_was_corrected_first_and_the_other_the_next_night(self, stays: str) -> None:
        plans = Plans()
        plans.run([ADA])
        between = replace(BEN, birth_date=ADA.birth_date) if stays == "birth_date" else replace(ADA, birth_date=BEN.birth_date)
        assert tuple(plans.decide([between]).reused.values()) == ()
        plans.run([between])
        assert [s.decision for s in plans.decide([BEN]).steps] == [Decision.UPDATE]

    def test_says_no_for_whoever_has_it_because_a_no_always_counts(self) -> None:
        plans = Plans()
        plans.run([ADA])
        decisions = plans.decide([replace(BEN, opt_out=True)])
        assert [s.decision for s in decisions.steps] == [Decision.REFUSE]
        assert tuple(decisions.reused.values()) == (replace(BEN, opt_out=True),)

    def test_is_not_seen_after_a_no_of_which_nothing_is_kept(self) -> None:
        plans = Plans()
        plans.run([replace(ADA, opt_out=True)])
        assert [k.traits for k in plans.manifest.patrons.values()] == [UNKNOWN]
        assert tuple(plans.decide([BEN]).reused.values()) == ()

    def test_is_seen_after_a_night_on_which_the_first_ones_row_was_rejected(self) -> None:
        plans = Plans()
        plans.run([ADA])
        plans.applied([], rejected=[ADA])
        assert tuple(plans.decide([BEN]).reused.values()) == (BEN,)

    @pytest.mark.parametrize("unknown", ["before", "now"])
    def test_is_not_seen_without_birth_dates(self, unknown: str) -> None:
        plans = Plans()
        plans.run([replace(ADA, birth_date=None) if unknown == "before" else ADA])
        assert tuple(plans.decide([replace(BEN, birth_date=None) if unknown == "now" else BEN]).reused.values()) == ()

    def test_is_not_seen_against_a_manifest_without_traits_and_is_from_the_next_roster_on(self) -> None:
        plans = Plans()
        plans.run([ADA])
        (token, known), *_ = plans.manifest.patrons.items()
        plans.manifest = replace(plans.manifest, patrons={token: replace(known, traits=UNKNOWN)}, id_lengths={})
        assert tuple(plans.decide([BEN]).reused.values()) == ()
        plans.run([ADA])
        assert tuple(plans.decide([BEN]).reused.values()) == (BEN,)

    def test_is_seen_after_a_plan_that_was_given_up_half_way_and_the_two_who_may_be_there_are_not(self) -> None:
        plans = Plans()
        plans.run([ADA])
        married = replace(ADA, last_name="Elm")
        plans.manifest = half_applied(plans.manifest, next_manifest(plans.manifest, plans.decide([married]), content=""))
        corrected = date(2016, 4, 5)
        for person in (ADA, married, replace(ADA, birth_date=corrected), replace(married, birth_date=corrected)):
            assert tuple(plans.decide([person]).reused.values()) == ()
        assert tuple(plans.decide([BEN]).reused.values()) == (BEN,)

    def test_of_a_child_and_of_a_teacher_are_two_ids(self) -> None:
        plans = Plans()
        plans.run([ADA])
        assert tuple(plans.decide([ADA, replace(BEN, role=Role.STAFF)]).reused.values()) == ()

    def test_leaves_the_first_one_in_the_household(self) -> None:
        plans = Plans()
        brother, sister = a_person(1, email="a@example.org"), a_person(2, email="a@example.org")
        plans.run([brother, sister])
        changed = plans.decide([BEN, replace(sister, first_name="Ida")]).households
        assert [{s.token for s in members} for members in changed.values()] == [{token_of(brother), token_of(sister)}]

    @unhurried
    @given(rosters(most=15), rosters(most=15), st.data())
    def test_is_said_if_and_only_if_neither_a_name_nor_the_birth_date_stayed_and_all_are_known(
        self, first: tuple[Person, ...], second: tuple[Person, ...], data: st.DataObject
    ) -> None:
        names = st.sampled_from(["Ada", "Ben", "Cleo", ""])
        births = st.sampled_from([None, date(2016, 5, 4), date(2015, 1, 2), date(2014, 3, 3)])

        def drawn(people: Sequence[Person]) -> list[Person]:
            return [replace(p, first_name=data.draw(names), preferred_name=data.draw(names), birth_date=data.draw(births)) for p in people]

        def names_of(person: Person) -> set[str]:
            return {person.first_name, person.preferred_name} - {""}

        plans = Plans()
        before, after = drawn(first), drawn(second)
        plans.run(before)
        known = {token_of(p): p for p in before if not p.opt_out and p.birth_date and names_of(p)}
        reused = [
            p
            for p in after
            if (was := known.get(token_of(p)))
            and p.birth_date
            and p.birth_date != was.birth_date
            and names_of(p)
            and not names_of(p) & names_of(was)
        ]
        assert list(plans.decide(after).reused.values()) == reused

    @unhurried
    @given(st.lists(rosters(most=15), min_size=3, max_size=3))
    def test_is_never_written_for_the_other_person(self, nights: list[tuple[Person, ...]]) -> None:
        plans = Plans()
        for number, roster in enumerate(nights):
            people = [replace(p, first_name="Abc"[number], birth_date=date(2014 + number, 5, 4)) for p in roster]
            known = {**plans.manifest.left, **{t: k.traits for t, k in plans.manifest.patrons.items()}}
            decisions = plans.decide(people)
            stepped = {s.token: s for s in decisions.steps if s.person}
            plans.run(people)
            for token, step in stepped.items():
                if token in known and step.decision is not Decision.REFUSE:
                    assert not step.traits.somebody_else(known[token])


class TestIdsThatLostTheirZeros:
    def test_hold_the_file_and_stand_before_what_follows_from_it(self) -> None:
        plans = Plans()
        plans.run(with_ids(*(f"{n:06}" for n in range(12_340, 12_390))))
        assert plans.decide(with_ids(*(str(n) for n in range(12_340, 12_390)))).holds == (
            Reason.LOST_ZEROS,
            Reason.TOO_MANY_MISSING,
            Reason.TOO_MANY_NEW,
        )

    def test_hold_the_file_even_where_only_one_had_any(self) -> None:
        district = [f"{n:06}" for n in range(99_999, 100_060)]
        assert held(with_ids(*district), with_ids("99999", *district[1:])) == (Reason.LOST_ZEROS,)

    def test_of_staff_hold_it_too(self) -> None:
        staff = with_ids("0071", "8000", role=Role.STAFF)
        students = with_ids("123456", "123457")
        assert held([*students, *staff], [*students, *with_ids("71", "8000", role=Role.STAFF)]) == (Reason.LOST_ZEROS,)

    def test_are_no_cause_where_the_long_id_is_still_in_the_file(self) -> None:
        assert held(with_ids("001234", "123456"), with_ids("001234", "123456", "1234")) == ()

    def test_are_no_cause_where_the_long_id_stands_in_a_rejected_row(self) -> None:
        plans = Plans()
        first, second = with_ids("001234", "123456")
        plans.run([first, second])
        assert Reason.LOST_ZEROS not in plans.decide([second, *with_ids("1234")], rejected=[first]).holds

    def test_are_no_cause_where_the_short_id_is_evidently_another_childs(self) -> None:
        before = with_ids("001234", "123456", "123457")
        new = replace(before[0], local_id="1234", first_name="Ben", birth_date=date(2015, 1, 2))
        assert held(before, [new, *before[1:]]) == ()

    @pytest.mark.parametrize(
        "changes", [{}, {"first_name": "Ben", "birth_date": date(2015, 1, 2)}], ids=["the same child", "another child"]
    )
    def test_hold_the_file_where_the_long_id_was_a_leavers_whose_number_would_be_made_again(self, changes: dict[str, Any]) -> None:
        plans = Plans()
        before = with_ids("001234", "123456", "123457")
        plans.run(before)
        plans.run(before[1:])
        assert Reason.LOST_ZEROS in plans.decide([replace(before[0], local_id="1234", **changes), *before[1:]]).holds

    def test_are_no_cause_for_an_id_with_letters(self) -> None:
        assert held(with_ids("00A123", "123456", "123457"), with_ids("A123", "123456", "123457")) == ()

    def test_are_not_looked_for_in_a_first_roster_or_against_a_manifest_without_lengths(self) -> None:
        before, after = with_ids("001234", "001235"), with_ids("1234", "1235")
        assert held([], after) == ()
        plans = Plans()
        plans.run(before)
        assert held(before, after, known=replace(plans.manifest, id_lengths={})) == ()

    @unhurried
    @given(st.sets(st.integers(0, 9999), min_size=1, max_size=30), st.data())
    def test_are_found_if_and_only_if_there_were_any(self, numbers: set[int], data: st.DataObject) -> None:
        before = [f"{n:04}" for n in sorted(numbers)]
        stripped = data.draw(st.sets(st.sampled_from(before)))
        after = [i.lstrip("0") or "0" if i in stripped else i for i in before]
        holds = held(with_ids(*before), with_ids(*after))
        assert (Reason.LOST_ZEROS in holds) == any(len(i) < 4 for i in after)

    @unhurried
    @given(st.sets(st.integers(0, 999_999), min_size=1, max_size=20), st.sets(st.integers(0, 99_999_999), max_size=20))
    def test_are_never_found_among_ids_as_long_as_before(self, old: set[int], new: set[int]) -> None:
        before = [f"{n:06}" for n in sorted(old)]
        after = [f"{n:08}" for n in sorted(new)]
        assert Reason.LOST_ZEROS not in held(with_ids(*before), with_ids(*after, *before[::2]))


class TestAnotherKindOfId:
    BEFORE = tuple(f"{n}" for n in range(123_400, 123_500))

    def test_holds_the_file_and_stands_before_what_follows_from_it(self) -> None:
        plans = Plans()
        plans.run(with_ids(*self.BEFORE))
        assert plans.decide(with_ids(*(f"990{i}" for i in self.BEFORE))).holds == (
            Reason.ID_BASIS_CHANGED,
            Reason.TOO_MANY_MISSING,
            Reason.TOO_MANY_NEW,
        )

    @pytest.mark.parametrize(("changed", "holds"), [(50, ()), (51, (Reason.ID_BASIS_CHANGED,))])
    def test_is_said_of_more_than_half_the_ids(self, changed: int, holds: tuple[Reason, ...]) -> None:
        after = [f"990{i}" for i in self.BEFORE[:changed]] + [*self.BEFORE[changed:]]
        assert held(with_ids(*self.BEFORE), with_ids(*after)) == holds

    def test_is_not_said_of_new_ids_of_a_known_length(self) -> None:
        assert held(with_ids(*self.BEFORE), with_ids(*(f"9{i[1:]}" for i in self.BEFORE))) == ()

    def test_is_not_said_of_staff_who_come_for_the_first_time(self) -> None:
        students = with_ids(*self.BEFORE[:3])
        assert held(students, [*students, *with_ids("1", "2", "3", "4", role=Role.STAFF)]) == ()

    @unhurried
    @given(rosters(most=20))
    def test_is_never_said_of_a_first_roster_or_of_the_same_again(self, roster: tuple[Person, ...]) -> None:
        assert held([], roster) == ()
        assert held(roster, roster) == ()


@unhurried
@given(rosters(most=20, numbers=range(40)), rosters(most=20, numbers=range(40)), st.booleans())
def test_a_roster_of_which_more_than_half_is_unknown_is_always_held(
    before: tuple[Person, ...], after: tuple[Person, ...], complete: bool
) -> None:
    plans = Plans()
    plans.run(before)
    unknown = [p for p in after if token_of(p) not in plans.manifest.patrons]
    assume(before and 2 * len(unknown) > len(after))
    assert Reason.TOO_MANY_NEW in decide(after, plans.manifest, agreement=AGREEMENT, tokens=TOKENS, complete=complete).holds


def test_a_short_roster_of_mostly_unknown_people_is_held_though_they_are_few_for_the_district() -> None:
    plans = Plans()
    plans.run([a_person(n) for n in range(100)])
    assert Reason.TOO_MANY_NEW in plans.decide([a_person(n) for n in range(97, 106)]).holds


@pytest.mark.parametrize(
    ("before", "now", "holds"),
    [
        ("2026-11-22", "2026-11-21", (Reason.STALE_FILE,)),
        ("2026-11-22", "2026-11-22", ()),
        ("2026-11-22", "2026-11-23", ()),
        ("", "2026-11-21", ()),
        ("2026-11-22", "", ()),
    ],
)
def test_a_roster_named_by_an_earlier_day_than_the_last_one_is_held(before: str, now: str, holds: tuple[Reason, ...]) -> None:
    plans = Plans()
    plans.run([ADA])
    known = next_manifest(Manifest(), plans.decide([ADA]), content="", dated=before)
    assert decide([ADA], known, agreement=AGREEMENT, tokens=TOKENS, dated=now).holds == holds
