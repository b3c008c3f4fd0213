"""People who are alike and are not one person: none of them may be put together by the machine, and who is one person still is."""

import pytest

from firstcard.match import link, within
from tests.unit.match.people import a_patron, a_student, doubled, linked

ELSEWHERE = {"street": "9 Oak St", "phone": "317-555-0199", "email": "", "postal_code": "46299"}
NO_CONTACT = {"street": "", "phone": "", "email": ""}
ONE_PHONE = {"street": "9 Oak St", "email": ""}

BETWEEN = {
    "a middle initial is no end of a first name": ({"first_name": "Daniel", "middle_name": "A"}, {"first_name": "Daniela"}),
    "two names parted at two places": ({"first_name": "Rosa", "middle_name": "Linda"}, {"first_name": "Rosalin", "middle_name": "Da"}),
    "no name is no name": ({"first_name": "FNU"}, {"first_name": "FNU"}),
    "a baby without a name": ({"first_name": "Baby Boy A"}, {"first_name": "Baby Boy"}),
    "no middle name confirms nothing": ({"first_name": "Jayden", "middle_name": "NMN"}, {"first_name": "Jaylen", "middle_name": "NMN"}),
    "a family's middle name": ({"first_name": "Amina", "middle_name": "Hassan"}, {"first_name": "Amira", "middle_name": "Hassan"}),
    "a father's name": ({"first_name": "Hussein", "middle_name": "Hassan"}, {"first_name": "Hassan", "middle_name": "Hassan"}),
    "middle names alike": ({"first_name": "Muhammad", "middle_name": "Amin"}, {"first_name": "Muhammad", "middle_name": "Amir"}),
    "a middle name that begins the other": (
        {"first_name": "Maria", "middle_name": "Jose"},
        {"first_name": "Maria", "middle_name": "Josefina"},
    ),
    "a preferred name that is half the name": ({"first_name": "Maria Jose", "preferred_name": "Maria"}, {"first_name": "Maria"}),
    "a preferred name that is a name": ({"first_name": "Elizabeth", "preferred_name": "Eliza"}, {"first_name": "Eliza"}),
    "names that rhyme": ({"first_name": "Kenneth"}, {"first_name": "Benneth"}),
    "a year apart in one digit": ({"first_name": "Maria", "middle_name": "Guadalupe"}, {"first_name": "Maria", "birth_date": "2004-05-23"}),
    "a day apart with one phone": ({}, {"birth_date": "2014-05-24"} | ONE_PHONE),
    "a day apart with a phone and an address": ({}, {"birth_date": "2014-05-24", "email": ""}),
    "another last name in a shelter": ({}, {"last_name": "Fisher", "email": ""}),
    "another last name with one phone": ({}, {"last_name": "Fisher"} | ONE_PHONE),
    "one name and birthday in two places": ({"middle_name": "Grace"}, {"middle_name": "Grace"} | ELSEWHERE),
    "an avenue is no street": ({"street": "500 5th Ave"} | {"phone": "", "email": ""}, {"street": "500 5th St", "phone": "", "email": ""}),
    "the other end of a street": (
        {"street": "40 N Main St", "phone": "", "email": ""},
        {"street": "40 S Main St", "phone": "", "email": ""},
    ),
    "another highway": ({"street": "100 Highway 61", "phone": "", "email": ""}, {"street": "100 Highway 95", "phone": "", "email": ""}),
    "a made-up phone": ({"phone": "1234567890"} | {"street": "", "email": ""}, {"phone": "1234567890", "street": "", "email": ""}),
    "a made-up e-mail": ({"email": "none@none.com"} | {"street": "", "phone": ""}, {"email": "none@none.com", "street": "", "phone": ""}),
    "fourth and fifth": ({"suffix": "V"}, {"suffix": "IV"}),
    "the end of a long name cut off": ({"first_name": "Maria Guadalupe"}, {"first_name": "MARIA GUAD"}),
}


@pytest.mark.parametrize("case", BETWEEN)
def test_a_student_and_a_card_that_are_alike_are_not_put_together(case):
    student, patron = BETWEEN[case]
    assert {found.answer for found in linked([a_student(**student)], [a_patron(**patron)]).values()} <= {"review"}


SOUTH = {"district": "south"}
AMONG = {
    "a state id that is none": ({"state_id": "PENDING", "birth_date": ""}, {"state_id": "PENDING", "birth_date": ""} | SOUTH | ELSEWHERE),
    "a state id of zeros": ({"state_id": "0000000000"}, {"state_id": "0000000000"} | SOUTH | ELSEWHERE),
    "a state id without a birth date or a contact": (
        {"state_id": "100200300", "birth_date": ""},
        {"state_id": "100200300"} | SOUTH | ELSEWHERE,
    ),
    "a state id copied to a twin": ({"state_id": "100200300", "middle_name": "Jose"}, {"state_id": "100200300", "middle_name": "Juan"}),
    "an initial and a household in one district": ({"middle_name": "Jose"}, {"middle_name": "J"}),
    "a preferred name that two share": (
        {"first_name": "Alexander", "preferred_name": "Alex"},
        {"first_name": "Alexandra", "preferred_name": "Alex"} | SOUTH,
    ),
    "one district written in two ways": ({}, {"district": " NORTH"}),
    "one full name in one district, not in one household": ({"middle_name": "Grace"}, {"middle_name": "Grace"} | ELSEWHERE),
}


@pytest.mark.parametrize("case", AMONG)
def test_two_students_who_are_alike_are_not_put_together(case):
    one, other = AMONG[case]
    assert {found.answer for found in doubled([a_student("s1", **one), a_student("s2", **other)]).values()} <= {"review"}


def test_one_state_id_in_one_district_is_one_child_if_name_and_birth_date_are_too():
    rows = [a_student("s1", state_id="100200300", middle_name="Jose"), a_student("s2", state_id="100200300")]
    assert {found.answer for found in doubled(rows).values()} == {"same"}


def test_a_state_id_without_its_zeros_is_the_same():
    (found,) = doubled([a_student("s1", state_id="0013572468"), a_student("s2", state_id="13572468", district="south")]).values()
    assert (found.answer, "state=equal" in found.evidence) == ("same", True)


def test_a_state_id_that_two_children_of_a_district_have_says_nothing_of_anybody():
    other = a_student("s2", state_id="100200300", first_name="Tim", birth_date="2010-10-10")
    found = doubled([a_student("s1", state_id="100200300"), other, a_student("s3", state_id="100200300", district="south")])
    assert all("state" not in one.evidence for one in found.values())


def test_a_first_name_in_two_words_is_one_with_its_middle_name_and_the_middle_name_counts_no_second_time():
    (found,) = linked([a_student(first_name="Mary", middle_name="Ann")], [a_patron(first_name="Maryann")]).values()
    assert (found.answer, found.evidence) == ("same", "first=exact;last=exact;dob=exact;contact=address+phone+email")


def test_of_cousins_each_gets_the_own_card():
    students = [a_student("s1"), a_student("s2", district="south", birth_date="2014-05-24")]
    found = linked(students, [a_patron("p1"), a_patron("p2", birth_date="2014-05-24")])
    assert {pair for pair, one in found.items() if one.answer == "same"} == {("s1", "p1"), ("s2", "p2")}
    assert found["s1", "p2"].vetoes == ("V12",)


def test_nobody_gets_two_cards_and_no_card_two_children():
    same = {"middle_name": "Grace"}
    found = linked([a_student(**same)], [a_patron("p1", **same), a_patron("p2", **same, email="")])
    assert {pair: one.vetoes for pair, one in found.items()} == {("s1", "p1"): (), ("s1", "p2"): ("V12",)}
    found = linked([a_student("s1", **same), a_student("s2", district="south", **same)], [a_patron(**same)])
    assert sorted(one.vetoes for one in found.values()) == [(), ("V12",)]


def test_two_cards_of_which_one_has_no_middle_name_are_not_known_to_be_one_persons():
    found = linked(
        [a_student(first_name="Muhammad", middle_name="Ahmed")],
        [a_patron("p1", first_name="Muhammad"), a_patron("p2", first_name="Muhammad", email="")],
    )
    assert {one.vetoes for one in found.values()} == {("V12",)}


def test_a_twin_is_seen_by_a_birth_date_a_slip_away():
    twin = a_student("s2", district="south", first_name="Maria", middle_name="Josefina", birth_date="2014-05-13")
    found = linked([a_student(first_name="Maria", middle_name="Ximena"), twin], [a_patron(first_name="Maria")])
    assert "V14" in found["s1", "p1"].vetoes


def test_a_twin_of_a_name_one_letter_off_may_be_whom_a_card_is_meant_for():
    found = linked(
        [a_student(first_name="Shaliah"), a_student("s2", first_name="Sheliah", middle_name="Emery")], [a_patron(first_name="Shaliah")]
    )
    assert "V14" in found["s1", "p1"].vetoes


def test_a_twin_is_seen_in_another_household():
    twin = a_student("s2", first_name="Maria", middle_name="Fernanda", **NO_CONTACT)
    found = linked([a_student(first_name="Maria", middle_name="Jose"), twin], [a_patron(first_name="Maria")])
    assert "V14" in found["s1", "p1"].vetoes


def test_who_has_the_very_name_keeps_a_nickname_from_being_taken():
    twin = a_student("s2", first_name="Tim", **ELSEWHERE)
    found = linked([a_student(first_name="Timothy"), twin], [a_patron(first_name="Tim")])
    assert "V7" in found["s1", "p1"].vetoes


def test_a_card_without_a_birth_date_shows_that_two_names_are_two_people():
    cards = [a_patron("p1", first_name="Tim"), a_patron("p2", first_name="Timothy", birth_date="")]
    assert "V7" in linked([a_student(first_name="Timothy")], cards)["s1", "p1"].vetoes


def test_students_with_two_state_ids_in_two_places_are_not_shown():
    other = a_student("s2", state_id="904030201", **SOUTH, **ELSEWHERE)
    assert within([a_student("s1", state_id="100200300"), other]).decisions == ()


def test_a_card_that_lacks_everything_is_nobodys():
    assert (
        link([a_student(first_name="Unknown", last_name="LNU", **NO_CONTACT)], [a_patron(first_name="Unknown", last_name="LNU")]).decisions
        == ()
    )


def test_the_end_of_a_long_name_cut_off_is_shown():
    assert linked([a_student(first_name="Maria Guadalupe")], [a_patron(first_name="MARIA GUAD")])["s1", "p1"].vetoes == ("V1",)
