"""A family's own card in Koha: the token comes and goes, and not a thing else of the card ever changes."""

from collections.abc import Iterator
from datetime import date
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstcard.ils import Accepted, Refused, SyncReason, Unreachable
from local.ils.rules import AttributeType
from local.ils.stand_in import Fault, StandIn
from tests.unit.ils.builders import ATTRIBUTE, a_patron, a_stranger, koha, ours, plant, that_day, the_rules, whole

TODAY = date(2026, 11, 22)
TOKEN, OTHER = a_patron(1).token, a_patron(2).token
Answer = Accepted | Refused | Unreachable


def link(library: StandIn, ils_id: object, token: str = TOKEN, *, held_before: bool = False, blocked_too: bool = False) -> Answer:
    return koha(library).link(str(ils_id), token=token, held_before=held_before, blocked_too=blocked_too, on=TODAY)


def tokens_of(patron: dict[str, Any]) -> list[str]:
    return [mark["value"] for mark in patron["extended_attributes"] if mark["type"] == ATTRIBUTE]


def without_token(patron: dict[str, Any]) -> dict[str, Any]:
    kept = [(mark["type"], mark["value"]) for mark in patron["extended_attributes"] if mark["type"] != ATTRIBUTE]
    return patron | {"extended_attributes": kept}


@pytest.fixture
def own(library: StandIn) -> dict[str, Any]:
    """A card that the family got by itself, with an attribute that is the library's."""
    return plant(library, a_stranger(extended_attributes=[{"type": "SHELF", "value": "7"}]))


def test_linking_adds_the_token_and_nothing_else(library, own):
    ils_id = str(own["patron_id"])
    assert link(library, ils_id) == Accepted(ils_id)
    now = whole(library, own["patron_id"])
    assert tokens_of(now) == [TOKEN]
    assert without_token(now) == without_token(own)


def test_unlinking_takes_that_attribute_and_nothing_else(library, own):
    ils_id = str(own["patron_id"])
    link(library, ils_id)
    for _ in range(2):
        assert koha(library).unlink(ils_id, token=TOKEN) == Accepted(ils_id)
        assert whole(library, own["patron_id"]) == own


def test_linking_what_is_linked_already_is_done(library, own):
    for held_before in (False, False, True):
        assert link(library, own["patron_id"], held_before=held_before) == Accepted(str(own["patron_id"]))
    assert tokens_of(whole(library, own["patron_id"])) == [TOKEN]


def test_another_childs_link_is_never_overwritten_nor_taken_away(library, own):
    link(library, own["patron_id"], OTHER)
    assert link(library, own["patron_id"]) == Refused(SyncReason.LINKED_TO_ANOTHER)
    assert koha(library).unlink(str(own["patron_id"]), token=TOKEN) == Accepted(str(own["patron_id"]))
    assert tokens_of(whole(library, own["patron_id"])) == [OTHER]


@pytest.mark.parametrize("repeatable", [False, True])
def test_a_card_is_shared_by_no_two_even_where_the_library_lets_the_attribute_repeat(tmp_path, repeatable):
    types = {ATTRIBUTE: AttributeType(unique=True, repeatable=repeatable)}
    with StandIn(the_rules(attribute_types=types), tmp_path / "p", now=that_day) as library:
        own = plant(library, a_stranger())
        link(library, own["patron_id"], OTHER)
        assert link(library, own["patron_id"]) == Refused(SyncReason.LINKED_TO_ANOTHER)
        assert tokens_of(whole(library, own["patron_id"])) == [OTHER]


class Meanwhile(StandIn):
    """A library at which somebody does something just before a token is added."""

    act: Any = None

    def respond(self, request, *, near):
        if request.method == "POST" and request.path.endswith("/extended_attributes") and self.act:
            act, self.act = self.act, None
            act()
        return super().respond(request, near=near)


@pytest.mark.parametrize(
    ("meanwhile", "answer"),
    [(TOKEN, None), (OTHER, Refused(SyncReason.LINKED_TO_ANOTHER))],
    ids=["this link, by another call", "another child's link"],
)
def test_what_happens_between_the_look_and_the_write_is_found_out_by_looking_again(tmp_path, meanwhile, answer):
    with Meanwhile(the_rules(), tmp_path / "p", now=that_day) as library:
        own = plant(library, a_stranger())
        library.act = lambda: library.patrons.add_attribute(own["patron_id"], {"type": ATTRIBUTE, "value": meanwhile})
        assert link(library, own["patron_id"]) == (answer or Accepted(str(own["patron_id"])))
        assert tokens_of(whole(library, own["patron_id"])) == [meanwhile]


def test_a_token_that_another_patron_carries_is_refused(library, own):
    koha(library).put(a_patron(1), ils_id=None)
    assert link(library, own["patron_id"]) == Refused(SyncReason.ATTRIBUTE_NOT_UNIQUE)
    assert whole(library, own["patron_id"]) == own


def test_a_link_that_somebody_took_away_is_not_put_back(library, own):
    link(library, own["patron_id"])
    koha(library).unlink(str(own["patron_id"]), token=TOKEN)
    assert link(library, own["patron_id"], held_before=True) == Refused(SyncReason.NOT_OURS, str(own["patron_id"]))
    assert whole(library, own["patron_id"]) == own


def block(library: StandIn, how: str) -> dict[str, Any]:
    changes = {"expired": {"expiry_date": "2026-11-21"}, "lost": {"patron_card_lost": True}, "no address": {"incorrect_address": True}}
    patron = plant(library, a_stranger(**changes.get(how, {})))
    if how == "restricted":
        library.patrons.restrict(patron["patron_id"])
    return whole(library, patron["patron_id"])


@pytest.mark.parametrize("how", ["restricted", "expired", "lost", "no address"])
def test_a_blocked_card_is_linked_only_where_the_agreement_says_so_and_stays_blocked(library, how):
    own = block(library, how)
    assert link(library, own["patron_id"]) == Refused(SyncReason.EXISTING_CARD_BLOCKED)
    assert whole(library, own["patron_id"]) == own
    assert link(library, own["patron_id"], blocked_too=True) == Accepted(str(own["patron_id"]), SyncReason.EXISTING_CARD_BLOCKED)
    assert without_token(whole(library, own["patron_id"])) == without_token(own)


def test_a_card_that_is_blocked_later_stays_linked_and_says_so(library, own):
    link(library, own["patron_id"])
    library.patrons.restrict(own["patron_id"])
    assert link(library, own["patron_id"], held_before=True) == Accepted(str(own["patron_id"]), SyncReason.EXISTING_CARD_BLOCKED)


@pytest.mark.parametrize("last_day", ["2026-11-22", None])
def test_a_card_that_works_today_is_not_blocked(library, last_day):
    own = plant(library, a_stranger(expiry_date=last_day))
    assert link(library, own["patron_id"]) == Accepted(str(own["patron_id"]))


def test_a_patron_that_is_gone_cannot_be_linked_and_needs_no_unlinking(library):
    assert link(library, 4711) == Refused(SyncReason.PATRON_GONE)
    assert koha(library).unlink("4711", token=TOKEN) == Accepted("4711")
    assert library.patrons.count() == 0


@pytest.mark.parametrize("ils_id", ["", "x", "1/password", "../patrons/1"])
def test_an_id_that_is_none_is_never_asked_for(library, ils_id):
    before = library.requests
    assert link(library, ils_id) == Refused(SyncReason.NOT_OURS)
    assert koha(library).unlink(ils_id, token=TOKEN) == Refused(SyncReason.NOT_OURS)
    assert library.requests == before


def test_a_library_without_the_attribute_type_is_told_so(tmp_path):
    with StandIn(the_rules(attribute_types={}), tmp_path / "p", now=that_day) as library:
        own = plant(library, a_stranger())
        assert link(library, own["patron_id"]) == Refused(SyncReason.UNKNOWN_ATTRIBUTE_TYPE)


def test_the_token_is_found_among_many_attributes(tmp_path):
    types = {ATTRIBUTE: AttributeType(unique=True), "SHELF": AttributeType(repeatable=True)}
    with StandIn(the_rules(attribute_types=types), tmp_path / "p", now=that_day) as library:
        own = plant(library, a_stranger(extended_attributes=[{"type": "SHELF", "value": f"{n}"} for n in range(60)]))
        link(library, own["patron_id"])
        koha(library).unlink(str(own["patron_id"]), token=TOKEN)
        assert whole(library, own["patron_id"]) == own


@pytest.mark.parametrize("fault", [Fault(0, method="GET"), Fault(503, method="POST", path="/patrons/")])
def test_a_link_that_does_not_get_through_is_tried_again(library, own, fault):
    library.suffer(fault)
    assert isinstance(link(library, own["patron_id"]), Unreachable)
    assert link(library, own["patron_id"]) == Accepted(str(own["patron_id"]))


faults = st.sampled_from(
    [
        None,
        None,
        Fault(0, method="POST", path="/patrons/", after=True),
        Fault(0, method="DELETE", path="/patrons/", after=True),
        Fault(503, method="DELETE"),
        Fault(500, method="POST", path="/patrons/"),
        Fault(0, method="GET"),
        Fault(401, method="POST"),
    ]
)
steps = st.lists(st.tuples(st.sampled_from(["link", "link", "unlink"]), st.integers(0, 1), st.integers(0, 1), faults), max_size=12)
serials = count(50_000)


@pytest.fixture(scope="module")
def one_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(the_rules(), tmp_path_factory.mktemp("ils") / "patrons", now=that_day) as library:
        yield library


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps)
def test_whatever_happens_in_whatever_order_no_card_of_a_family_changes_but_by_its_own_token(one_library, steps):
    library = one_library
    serial = [next(serials) for _ in range(2)]
    cards = [plant(library, a_stranger(cardnumber=f"L{n}", surname=f"Okafor-{n}")) for n in serial]
    students = [a_patron(n).token for n in serial]
    ils = koha(library)
    for what, student, card, fault in steps:
        if fault is not None:
            library.suffer(Fault(fault.status, 1, fault.method, fault.path, fault.after, fault.retry_after))
        ils_id = str(cards[card]["patron_id"])
        if what == "unlink":
            ils.unlink(ils_id, token=students[student])
        else:
            link(library, ils_id, students[student])
        for before in cards:
            now = whole(library, before["patron_id"])
            assert without_token(now) == without_token(before)
            assert len(tokens_of(now)) <= 1
        assert all(len(ours(library, token)) <= 1 for token in students)
    library._faults.clear()
    for student in students:
        for before in cards:
            assert isinstance(ils.unlink(str(before["patron_id"]), token=student), Accepted)
    assert [whole(library, before["patron_id"]) for before in cards] == cards
