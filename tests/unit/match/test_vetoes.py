"""Each rule by itself: a pair that it alone keeps from being put together, and what happens when it is taken away."""

from collections.abc import Callable

import pytest

from firstcard.match import Decision, Model, RuleError, Rules
from firstcard.match.rules import CHAIN, REJECTS, VETOES
from tests.unit.match.people import a_patron, a_student, doubled, linked

Decisions = dict[tuple[str, str], Decision]
Example = Callable[[str], Decisions]


def against(student: dict[str, str], patron: dict[str, str], *others: dict[str, str]) -> Example:
    return lambda without: linked([student, *others], [patron], without=without)


EXAMPLES: dict[str, Example] = {
    "V0": lambda without: linked([a_student()], [a_patron()], without=without, model=Model(chance=1e-14)),
    "V1": against(a_student(first_name="Marisol"), a_patron(first_name="Maris")),
    "V2": against(a_student(), a_patron(birth_date="2014-05-11")),
    "V3": against(a_student(), a_patron(birth_date="")),
    "V4": against(a_student(state_id="100200300"), a_patron(state_id="904030201")),
    "V5": against(a_student(middle_name="Grace"), a_patron(middle_name="Ifeoma")),
    "V6": against(a_student(suffix="Jr"), a_patron(last_name="Okonkwo Sr.")),
    "V7": against(a_student(first_name="Jonathan"), a_patron(first_name="Jonatthan"), a_student("s2", first_name="Sofia")),
    "V8": against(a_student(first_name="Xandrel"), a_patron(first_name="Xandrol")),
    "V9": against(a_student(), a_patron(street="", phone="", email="")),
    "V10": against(a_student(first_name="Michael"), a_patron(first_name="Mikey", last_name="Fisher")),
    "V11": lambda without: doubled([a_student("s1"), a_student("s2")], without=without),
    "V12": lambda without: linked(
        [a_student()],
        [a_patron("p1", phone="", email="", street="12 Lake Shore Dr"), a_patron("p2", street="", email="", phone="3175550142")],
        without=without,
    ),
    "V13": against(a_student(first_name="Maria Jose"), a_patron(first_name="Maria")),
    "V14": lambda without: linked([a_student("s1"), a_student("s2", first_name="Rosalind May")], [a_patron()], without=without),
    "V15": against(a_student(first_name="Elizabeth"), a_patron(first_name="Eliza")),
}


def the_pair(found: Decisions) -> Decision:
    return min(found.items())[1]


def test_what_the_rules_are_tried_on_is_one_person_when_nothing_speaks_against_it():
    assert the_pair(linked([a_student()], [a_patron()])).answer == "same"


def test_every_veto_has_its_example():
    assert set(EXAMPLES) == {rule.code for rule in VETOES}


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_veto_sends_its_pair_to_a_person(code):
    found = the_pair(EXAMPLES[code](""))
    assert (found.answer, found.vetoes) == ("review", (code,))
    assert found.evidence_class == code


@pytest.mark.parametrize("code", EXAMPLES)
def test_without_the_veto_the_pair_would_be_put_together(code):
    assert the_pair(EXAMPLES[code](code)).answer == "same"


REJECTED: dict[str, Example] = {
    "H1": against(a_student(first_name="Rosalind"), a_patron(first_name="Tim")),
    "H2": against(a_student(), a_patron(birth_date="1979-11-02")),
    "H3": against(a_student(first_name="Joan", state_id="100200300"), a_patron(first_name="Joanna", state_id="904030201")),
    "H4": lambda without: doubled(
        [
            a_student("s1", state_id="100200300"),
            a_student("s2", state_id="904030201", district="south", street="9 Oak St", postal_code="46299", phone="", email=""),
        ],
        without=without,
    ),
}


def test_every_reject_has_its_example():
    assert set(REJECTED) == {rule.code for rule in REJECTS}


@pytest.mark.parametrize("code", REJECTED)
def test_different_people_are_not_mentioned(code):
    assert REJECTED[code]("") == {}


@pytest.mark.parametrize("code", REJECTED)
def test_without_the_reject_they_would_be_in_the_queue(code):
    assert the_pair(REJECTED[code](code)).answer == "review"


def test_an_equal_state_id_alone_puts_nobody_together():
    twins = [a_student("s1", state_id="100200300"), a_student("s2", first_name="Tim", state_id="100200300", district="south")]
    found = the_pair(doubled(twins))
    assert (found.answer, found.vetoes) == ("review", ("V1",))


def test_a_rule_that_does_not_exist_cannot_be_left_out():
    with pytest.raises(RuleError, match="V99"):
        Rules({"V99"})


def test_a_run_that_leaves_a_rule_out_does_not_carry_the_version_of_a_whole_one():
    assert Rules({"V3", CHAIN}).version == f"{Rules().version}-V16-V3"
