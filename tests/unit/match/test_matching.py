"""What holds for every run: order, unrelated rows, threads and the night before change no decision; people's decisions stand."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.match import CsvFile, Decision, MatchingError, Model, SourceError, Terms, link, within
from tests.unit.match.people import a_patron, a_student, by_pair, doubled, linked

Rows = list[dict[str, str]]
FIRST = ("Rosalind", "Rosa", "Ros", "Tim", "Timothy", "Maria Jose", "Maria", "José", "Jonathan", "Jonathxn")
LAST = ("Okonkwo", "García López", "Garcia", "Okonkow", "Smith-Jones")
BORN = ("2014-05-23", "2014-05-11", "2014-01-01", "", "2011-03-02", "2014-05-24")
PHONE = ("", "3175550142", "(317) 555-0199")


def rows(side: str) -> st.SearchStrategy[Rows]:
    one = st.fixed_dictionaries(
        {
            "first_name": st.sampled_from(FIRST),
            "last_name": st.sampled_from(LAST),
            "middle_name": st.sampled_from(("", "", "Grace", "G", "Ann")),
            "birth_date": st.sampled_from(BORN),
            "phone": st.sampled_from(PHONE),
            "street": st.sampled_from(("", "12 Lake Shore Dr", "7 Elm St")),
            "email": st.just(""),
            "state_id": st.sampled_from(("", "", "100200300", "100200301", "555000111") if side == "s" else ("",)),
            "district": st.sampled_from(("north", "south") if side == "s" else ("",)),
        }
    )
    return st.lists(one, min_size=2, max_size=8).map(
        lambda made: [row | {"id": f"{side}{n}", "local_id": f"{n}"} for n, row in enumerate(made)]
    )


FIXED = Model()
few = settings(deadline=None, max_examples=6)


@few
@given(rows("s"), rows("p"), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_no_decision(students, patrons, draw):
    before = link(students, patrons).decisions, within(students).decisions
    draw.shuffle(students)
    draw.shuffle(patrons)
    assert (link(students, patrons).decisions, within(students).decisions) == before


@few
@given(rows("s"))
def test_a_night_with_a_few_changes_tells_what_a_whole_run_tells_of_them(students):
    changed = frozenset(row["id"] for row in students[::3])
    whole = within(students, Terms(model=FIXED))
    night = within(students, Terms(model=FIXED, changed=changed))
    closed = {one for one in whole.decisions if "V16" in one.vetoes}
    wanted = {one for one in whole.decisions if one.left_id in changed or one.right_id in changed}
    if not closed:
        assert set(night.decisions) == wanted
    assert all(one.left_id in changed or one.right_id in changed for one in night.decisions)


@few
@given(rows("s"), rows("p"))
def test_a_night_for_cards_tells_what_a_whole_run_tells_of_them(students, patrons):
    changed = frozenset({students[0]["id"], patrons[-1]["id"]})
    whole = link(students, patrons, Terms(model=FIXED)).decisions
    night = link(students, patrons, Terms(model=FIXED, changed=changed)).decisions
    assert set(night) == {one for one in whole if one.left_id in changed or one.right_id in changed}


@few
@given(rows("s"), st.data())
def test_who_is_apart_is_never_mentioned_and_never_in_one_group(students, data):
    ids = [row["id"] for row in students]
    apart = frozenset(
        data.draw(st.sets(st.tuples(st.sampled_from(ids), st.sampled_from(ids)).filter(lambda pair: pair[0] != pair[1]), max_size=4))
    )
    matched = within(students, Terms(apart=apart))
    for left, right in apart:
        assert not {(left, right), (right, left)} & set(by_pair(matched))
        assert not any(left in group and right in group for group in matched.groups)


@few
@given(rows("s"), rows("p"))
def test_unrelated_rows_change_no_decision(students, patrons):
    strangers = [
        a_student(
            f"x{n}",
            first_name=f"Qx{n}zu",
            last_name=f"Vw{n}qa",
            birth_date=f"19{60 + n}-07-0{n + 1}",
            street=f"{n}9 Far Way",
            phone="",
            email="",
        )
        for n in range(5)
    ]
    assert link(students + strangers, patrons, Terms(model=FIXED)).decisions == link(students, patrons, Terms(model=FIXED)).decisions


def test_threads_change_no_decision():
    draw = random.Random(5)
    students = [
        a_student(
            f"s{n}", first_name=draw.choice(FIRST), last_name=draw.choice(LAST), birth_date=draw.choice(BORN), phone=draw.choice(PHONE)
        )
        for n in range(300)
    ]
    assert len({within(students, Terms(threads=threads)).decisions for threads in (1, 2, 4)}) == 1


def test_a_persons_yes_is_told_as_it_was_and_no_machine_undoes_it():
    students = [a_student("s1", state_id="100200300"), a_student("s2", first_name="Tim", birth_date="2010-10-10", state_id="904030201")]
    matched = within(students, Terms(together=frozenset({("s1", "s2")})))
    assert [(one.answer, one.evidence_class) for one in matched.decisions] == [("same", "human")]
    assert matched.groups == (("s1", "s2"),)


def test_a_chain_that_would_put_together_who_is_apart_goes_to_a_person():
    students = [a_student(f"s{n}", district=f"d{n}", middle_name="Grace") for n in range(3)]
    matched = within(students, Terms(apart=frozenset({("s0", "s2")})))
    answers = sorted((one.answer, one.vetoes) for one in matched.decisions)
    assert answers == [("review", ("V16",)), ("same", ())]


def test_two_state_ids_are_never_one_group():
    one, between, other = (
        a_student("s0", district="a", state_id="100200300"),
        a_student("s1", district="b"),
        a_student("s2", district="c", state_id="904030201"),
    )
    matched = within([one, between, other])
    assert not any("s0" in group and "s2" in group for group in matched.groups)


def test_links_of_an_earlier_night_count_when_chains_are_closed():
    students = [a_student(f"s{n}", district=f"d{n}") for n in range(3)]
    terms: dict[str, Any] = {
        "apart": frozenset({("s0", "s2")}),
        "standing": frozenset({("s0", "s1")}),
        "changed": frozenset({"s2"}),
        "model": FIXED,
    }
    assert [(pair, one.vetoes) for pair, one in doubled(students, **terms).items()] == [(("s1", "s2"), ("V16",))]


def test_what_is_shown_of_a_decision_is_no_value():
    (found,) = linked([a_student()], [a_patron()]).values()
    assert found.evidence == "first=exact;last=exact;dob=exact;contact=address+phone+email"
    assert "s1" not in repr(found)
    assert repr(Decision("s1", "p1", found.answer, 30.0, found.evidence)).startswith("Decision(same, 30.0")


def test_a_file_that_is_not_utf8_is_refused_without_a_word_of_it(tmp_path):
    file = tmp_path / "students.csv"
    file.write_bytes(b"id,first_name\n1,Secret\xff\xfe\n")
    with pytest.raises(SourceError) as refused:
        within(CsvFile(file, 2, {"id": (0,), "first_name": (1,)}))
    assert "Secret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_too_little_memory_is_said_so():
    many = [a_student(f"s{n}", first_name=f"Name{n}", street=f"{n} Long Street") for n in range(30_000)]
    with pytest.raises(MatchingError, match="memory"):
        within(many, Terms(memory="5MB"))


def test_the_sign_that_stands_between_values_may_stand_in_one():
    odd = {"street": "12\x1fLake Shore Dr", "first_name": "Rosa\x1flind"}
    (found,) = linked([a_student(**odd), a_student("s2", first_name="Tim", birth_date="1990-01-02")], [a_patron(**odd)]).values()
    assert found.answer == "same"


def test_nobody_matches_nobody():
    assert link([], []).decisions == ()
    assert within([]).groups == ()
