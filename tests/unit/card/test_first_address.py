from dataclasses import replace

from tests.unit.card.builders import Plans, a_person, token_of


def test_a_waiting_child_is_announced_when_an_address_arrives() -> None:
    plans, child = Plans(), a_person(email="")
    (first,) = plans.run([child])
    (second,) = plans.run([replace(child, email="family@example.org")])
    assert first.households == ()
    assert [line.announce for line in second.households] == [(token_of(child),)]


def test_a_child_whose_address_changes_is_announced_to_the_new_household() -> None:
    plans, child = Plans(), a_person()
    plans.run([child])
    (second,) = plans.run([replace(child, email="other@example.org")])
    assert [line.announce for line in second.households] == [(token_of(child),)]


def test_a_sibling_who_gets_the_same_address_is_announced_alone() -> None:
    plans, child, sibling = Plans(), a_person(1), a_person(2, email="")
    plans.run([child, sibling])
    (second,) = plans.run([child, replace(sibling, email=child.email)])
    assert [line.announce for line in second.households] == [(token_of(sibling),)]
