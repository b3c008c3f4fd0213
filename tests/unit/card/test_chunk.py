"""A chunk is read as it was written, and no household is cut by two."""

from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.chunk import Chunk, Decision
from firstcard.card.plan import CHUNK_PATRONS
from firstcard.roster import Person, Role
from tests.unit.agreement.builders import an_agreement
from tests.unit.card.builders import TOKENS, Plans, a_person, rosters, token_of


@given(rosters(), rosters())
@settings(max_examples=40)
def test_a_chunk_reads_as_it_was_written(first: tuple[Person, ...], second: tuple[Person, ...]) -> None:
    plans = Plans()
    for roster in (first, second):
        for planned in plans.chunks(roster):
            assert Chunk.from_bytes(planned.body).to_bytes() == planned.body
        plans.applied(roster)


def test_the_same_draws_give_the_same_bytes() -> None:
    people = [a_person(n) for n in range(5)]
    assert [c.sha256 for c in Plans().chunks(people)] == [c.sha256 for c in Plans().chunks(people)]


@given(st.lists(st.integers(1, 7), min_size=120, max_size=200))
@settings(max_examples=5, deadline=None)
def test_no_household_is_cut_and_everybody_is_in_one_chunk(sizes: list[int]) -> None:
    people, number = [], 0
    for home, size in enumerate(sizes):
        for _ in range(size):
            number += 1
            people.append(a_person(number, email=f"family{home}@example.org"))
    chunks = [Chunk.from_bytes(c.body) for c in Plans().chunks(people)]
    place = {line.token: chunk.object for chunk in chunks for line in chunk.patrons}
    assert sum(len(chunk.patrons) for chunk in chunks) == len(place) == len(people)
    for chunk in chunks:
        assert len(chunk.patrons) <= CHUNK_PATRONS + max(sizes)
        for household in chunk.households:
            assert {place[child] for child in household.children} == {chunk.object}
    assert sum(len(chunk.households) for chunk in chunks) == len(sizes)


def test_a_household_larger_than_a_chunk_stays_in_one() -> None:
    people = [a_person(n, email="boarding@example.org") for n in range(CHUNK_PATRONS + 60)]
    assert [len(Chunk.from_bytes(c.body).patrons) for c in Plans().chunks(people)] == [CHUNK_PATRONS + 60]


def test_a_household_that_changed_without_a_change_of_its_members_is_written_again() -> None:
    plans = Plans()
    family = [a_person(1, email="a@example.org"), a_person(2, email="a@example.org")]
    plans.run(family)
    rejected_sibling = plans.chunks(family[:1], rejected=family[1:])
    (chunk,) = [Chunk.from_bytes(c.body) for c in rejected_sibling]
    assert chunk.patrons == ()
    assert [set(line.children) for line in chunk.households] == [{token_of(p) for p in family}]


def test_nothing_of_a_person_is_readable_in_a_chunk() -> None:
    person = a_person(1, last_name="Zwetschgenbaum", first_name="Rosalind", email="rosalind@example.org")
    (planned,) = Plans().chunks([person])
    for value in (person.last_name, person.first_name, person.email, person.local_id, "2016-05-04"):
        assert value.encode() not in planned.body


def test_a_refused_child_comes_as_a_token_and_nothing_else() -> None:
    child = a_person(1, opt_out=True)
    (planned,) = Plans().chunks([child])
    chunk = Chunk.from_bytes(planned.body)
    (line,) = chunk.patrons
    assert (line.decision, line.token, line.card_token, line.sealed) == (Decision.REFUSE, token_of(child), "", {})
    assert chunk.households == ()


def test_children_wait_for_their_window_and_staff_do_not() -> None:
    people = [a_person(1), a_person(2, role=Role.STAFF, email="staff@example.org")]
    lines = {line.token: line.decision for c in Plans().chunks(people) for line in Chunk.from_bytes(c.body).patrons}
    assert [lines[token_of(p)] for p in people] == [Decision.WAIT, Decision.ISSUE]


def test_a_waiting_childs_household_hears_of_it_and_staff_hear_nothing_before_their_card() -> None:
    people = [a_person(1), a_person(2, role=Role.STAFF, email="staff@example.org")]
    told = {h.kind: h.announce for c in Plans().chunks(people) for h in Chunk.from_bytes(c.body).households}
    assert told == {"family": (token_of(people[0]),), "staff": ()}


def test_only_agreed_fields_are_sealed_and_only_for_agreed_purposes() -> None:
    plans = Plans()
    chunk = Chunk.from_bytes(plans.chunks([a_person(1, homeroom="12B", street="1 Elm", phone="5550100")])[0].body)
    (line,) = chunk.patrons
    assert line.sealed is not None
    assert Group.ADDRESS not in line.sealed
    opened = plans.opener().open(chunk.envelope, line.token, Group.ENROLMENT, line.sealed[Group.ENROLMENT])
    assert "homeroom" not in opened
    assert {g: set(p) for g, p in chunk.envelope.keys.items()} == {
        g: set(plans.agreement.purposes_of(Group(g))) for g in (*line.sealed, Group.CONTACT)
    }
    assert all(Purpose.EVALUATE not in p for p in chunk.envelope.keys.values())


def test_the_card_token_is_that_of_the_sealed_number() -> None:
    plans = Plans()
    chunk = Chunk.from_bytes(plans.chunks([a_person(1)])[0].body)
    (line,) = chunk.patrons
    assert line.sealed is not None
    number = plans.opener().open(chunk.envelope, line.token, Group.CARD, line.sealed[Group.CARD])["number"]
    assert number == "904000100001"
    assert line.card_token == TOKENS.card(number)


def test_barcodes_of_one_run_are_all_different() -> None:
    agreement = an_agreement(card={"number": {"scheme": "library_barcode", "length": 14}}, without=("card.number.prefix",))
    plans = Plans(agreement=agreement)
    people = [a_person(n) for n in range(30)]
    (chunk,) = [Chunk.from_bytes(c.body) for c in plans.chunks(people)]
    assert len({line.card_token for line in chunk.patrons}) == 30
    assert plans.serials == 30
