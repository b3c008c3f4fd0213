"""A roll holds its people packed, and is to everybody who reads it the sequence of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.roster import Person, Role, Roll, fingerprint, fingerprints

from .builders import a_csv, a_student_row, csv_agreement, reading

KEY = b"a key of a district, 32 bytes...."
words = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=6)
people = st.lists(
    st.builds(
        Person,
        file=st.sampled_from(["a.csv", "b.csv"]),
        line=st.integers(-9, 99),
        role=st.sampled_from(Role),
        local_id=words,
        last_name=words,
        first_name=words,
        birth_date=st.none() | st.dates(date(2000, 1, 1), date(2026, 1, 1)),
        opt_out=st.booleans(),
        contact_restricted=st.booleans(),
        phone=words,
    ),
    max_size=12,
)


@given(people)
def test_it_is_the_sequence_of_its_people(some: list[Person]) -> None:
    roll = Roll.of(some)
    assert list(roll) == some
    assert [roll[place] for place in range(-len(some), len(some))] == some + some
    assert roll[1:4] == some[1:4]
    assert (len(roll), roll == some, roll == [*some, *some[:1]]) == (len(some), True, not some)
    with pytest.raises(IndexError):
        roll[len(some)]


@given(people, st.data())
def test_people_are_taken_out_and_replaced_by_their_places(some: list[Person], data: st.DataObject) -> None:
    roll, places = Roll.of(some), data.draw(st.sets(st.sampled_from(range(len(some))))) if some else set()
    assert list(roll.without(places)) == [one for place, one in enumerate(some) if place not in places]
    now = {place: replace(some[place], email="none") for place in places}
    assert list(roll.replaced(now)) == [now.get(place, one) for place, one in enumerate(some)]
    assert roll.some(sorted(places)) == {place: some[place] for place in places}
    assert list(roll) == some


@given(people)
def test_its_fields_can_be_read_by_the_column(some: list[Person]) -> None:
    expected = [(one.local_id, "1" if one.opt_out else "", one.birth_date.isoformat() if one.birth_date else "") for one in some]
    assert list(Roll.of(some).select("local_id", "opt_out", "birth_date")) == expected


@given(people)
def test_the_fingerprints_of_many_are_those_of_each(some: list[Person]) -> None:
    assert fingerprints(some, KEY) == [fingerprint(one, KEY) for one in some]
    assert fingerprints(Roll.of(some).without(()), KEY) == fingerprints(some, KEY)


@given(people, people)
def test_equal_keys_are_found(some: list[Person], more: list[Person]) -> None:
    keys = [(one.role, one.local_id) for one in (*some, *more)]
    roll = Roll.of([*some, *more])
    repeated = roll.repeated()
    assert [key in repeated for key in roll.keys()] == [keys.count(key) > 1 for key in keys]  # noqa: SIM118  hashes, not entries


@pytest.mark.parametrize("sign", ["\x1e", "\x1f"])
def test_a_value_cannot_pass_itself_off_as_the_next_field(sign: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        Roll.of([Person("a.csv", 1, Role.STUDENT, "1", f"Pine{sign}Oak", "Ada")])


def test_it_shows_how_many_and_never_who() -> None:
    assert repr(Roll.of([Person("a.csv", 1, Role.STUDENT, "1", "Pine", "Ada")])) == "Roll(1 people)"


def test_an_id_that_breaks_over_two_lines_is_no_two_ids() -> None:
    rows = [a_student_row(1, student_id="100001\n100002"), a_student_row(3)]
    result = reading(a_csv(rows).encode(), csv_agreement())
    assert [person.local_id for person in result.people] == ["100003"]


def _ids(roll: Sequence[Person]) -> list[str]:
    return [person.local_id for person in roll]


def test_people_stand_in_the_order_of_their_rows_however_they_were_read() -> None:
    rows = [a_student_row(1), a_student_row(2, grade="04,05"), a_student_row(3, opt_out="yes"), a_student_row(4)]
    assert _ids(reading(a_csv(rows).encode(), csv_agreement()).people) == ["100001", "100002", "100003", "100004"]
