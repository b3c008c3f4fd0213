"""PINs made of birth dates, where the agreement names the risk: students with a birth date alone, sealed like any PIN, and never a second time."""

from random import Random
from typing import Any

import pytest

from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.run.renewing import Renewal, Renewer
from firstcard.vault.seal import Opener
from tests.function.builders import Yard, csv_content, later, token
from tests.unit.agreement.builders import BIRTH_DATE_PIN
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

from .test_explain import ils_said, issued

BORN = "05042016"


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    pine = csv_content("pine", "dsa-pine-oak-2026", "904")
    pine["card"]["pin"] = BIRTH_DATE_PIN["card"]["pin"]
    pine["fields"]["birth_date"] |= {"required": False}
    return [pine, csv_content("fir", "dsa-fir-oak-2026", "906")]


def pin(yard: Yard, whose: str) -> str:
    patron = yard.cards.standing([whose]).patrons[whose]
    name = patron.envelopes[Group.PIN]
    opener = Opener(purpose=Purpose.SYNC_ILS, unwrap=yard.keys.unwrap, declare=lambda intent: None, clock=lambda: 0.0)
    fields: dict[str, str] = opener.open(yard.cards.envelopes([name])[name], whose, Group.PIN, patron.sealed[Group.PIN])
    return fields["pin"]


def test_a_student_has_the_birth_date_and_one_without_random_digits_of_the_same_length(yard: Yard) -> None:
    yard.run(a_firstcard_csv(a_student_row(1), a_student_row(2, birth_date=""), a_student_row(3, birth_date="2015-12-31")))
    assert (pin(yard, token(1)), pin(yard, token(3))) == (BORN, "12312015")
    drawn = pin(yard, token(2))
    assert (len(drawn), drawn.isdigit(), drawn == BORN) == (8, True, False)


def test_a_district_that_did_not_agree_to_it_has_random_ones(yard: Yard) -> None:
    yard.run(a_firstcard_csv(*(a_student_row(n) for n in range(1, 6))), district="fir")
    drawn = {pin(yard, token(n, "fir")) for n in range(1, 6)}
    assert len(drawn) == 5
    assert all(len(one) == 6 for one in drawn)


def test_a_birth_date_that_is_corrected_later_leaves_the_pin_as_it_is(yard: Yard) -> None:
    yard.run(a_firstcard_csv(a_student_row(1)))
    yard.run(a_firstcard_csv(a_student_row(1, birth_date="2016-05-05")), at=later(days=1))
    assert pin(yard, token(1)) == BORN


def test_no_object_of_the_vault_and_no_item_shows_it_in_clear(yard: Yard) -> None:
    arrival, _ = yard.run(a_firstcard_csv(a_student_row(1)))
    run = yard.known(arrival)
    for key in yard.places.keys(f"runs/{run.arrival.run_id}/"):
        assert BORN.encode() not in (yard.places.get(key) or b"")
    assert BORN not in repr(yard.cards.standing([token(1)]))


def test_another_pin_is_random(yard: Yard) -> None:
    yard.run(a_firstcard_csv(a_student_row(1)))
    agreement = yard.site.of_sharing("oak.pine", None)
    assert agreement is not None
    random = Random(7)
    renewer = Renewer(yard.cards, agreement, yard.keys.wrap, random.randbytes, random.randrange)
    ils_said(yard, "in_ils", issued(yard))
    assert renewer.renew_for_paper(token(1), at=later(days=20)) is Renewal.RENEWED
    assert (len(pin(yard, token(1))), pin(yard, token(1)) == BORN) == (8, False)
