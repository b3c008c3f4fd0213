"""A family's own card on its whole way through real tables: linked once however often a function dies, told to nobody whom it does not concern."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import boto3
import pytest

from firstcard.agreement import Agreement
from firstcard.card.chunk import Chunk
from firstcard.card.issue import issue_chunk
from firstcard.card.patron import Ownership, Stamp, State
from firstcard.card.view import NoticeMark
from firstcard.card.window import Window, end_windows
from firstcard.ils.sync import sync_patrons
from firstcard.run.ledger import Status
from local.ils.stand_in import StandIn
from tests.function.builders import CARDS, EVENING, Breaking, KilledError, Yard, a_roster, dies, drop_bucket, everything, later
from tests.unit.agreement.builders import MATCHING, a_directory_agreement, an_agreement
from tests.unit.card.builders import TOKENS, Plans, a_person, token_of
from tests.unit.ils.builders import ATTRIBUTE, a_stranger, koha, plant, that_day, the_rules, whole

CHILD, OTHER = a_person(1), a_person(2)
TOKEN = token_of(CHILD)
A_NO = Stamp("oak.pine", "dsa-pine-oak-2026", "oak", "pine", "f" * 24, EVENING.isoformat())
AT_ONCE = a_directory_agreement(existing="link", existing_blocked="separate", **MATCHING)
RENEWED = a_directory_agreement(existing="renew", existing_blocked="separate", **MATCHING)
AFTER_THE_WINDOW = an_agreement(existing="link", existing_blocked="separate", **MATCHING)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[StandIn]:
    rules = the_rules(branches=frozenset({"MAIN", "WEST", "OAK"}), patron_types=frozenset({"STUDENT", "STAFF", "ADULT", "JUV", "EDU"}))
    with StandIn(rules, tmp_path / "patrons", now=that_day) as library:
        yield library


@pytest.fixture
def own(library: StandIn) -> dict[str, object]:
    """The card that the family has."""
    return plant(library, a_stranger())


def plans_for(own: dict[str, object], agreement: Agreement = AT_ONCE) -> Plans:
    return Plans(agreement=agreement, linked={TOKEN: str(own["patron_id"])})


def issued(yard: Yard, chunks: list[Chunk]) -> None:
    for chunk in chunks:
        issue_chunk(chunk, yard.cards)


def synced(yard: Yard, library: StandIn, plans: Plans) -> frozenset[str]:
    return sync_patrons(
        [TOKEN],
        store=yard.cards,
        opener=plans.opener(),
        ils=koha(library),
        agreement=plans.agreement,
        allowed=lambda: True,
        today=date(2026, 11, 22),
        at=EVENING.isoformat(),
        seconds_left=lambda: 120.0,
    )


def carried(library: StandIn, own: dict[str, object], *, ends: str = "") -> list[str]:
    """The tokens on the family's card, after a look that everything else is as it was, but for a last day that is told."""
    now = whole(library, int(str(own["patron_id"])))
    same = {"extended_attributes": [], "expiry_date": ends or own["expiry_date"]}
    assert now | {"extended_attributes": []} == own | same
    assert library.patrons.count() == 1, "no card is made beside it"
    return [mark["value"] for mark in now["extended_attributes"] if mark["type"] == ATTRIBUTE]


def the_patron(yard: Yard) -> tuple[State, Ownership, str, str]:
    patron = yard.cards.standing([TOKEN]).patrons[TOKEN]
    return patron.state, patron.ownership, patron.existing, patron.card_token


def test_what_the_table_keeps_of_a_linked_one_comes_back_and_holds_no_number(yard: Yard, own: dict[str, object]) -> None:
    issued(yard, plans_for(own).run([CHILD, OTHER]))
    assert the_patron(yard) == (State.ACTIVE, Ownership.LINKED, str(own["patron_id"]), "")
    patrons = yard.cards.standing([TOKEN, token_of(OTHER)]).patrons
    assert not {"card", "pin"} & set(patrons[TOKEN].sealed)
    assert {"card", "pin"} <= set(patrons[token_of(OTHER)].sealed)
    assert patrons[token_of(OTHER)].existing == ""


@pytest.mark.parametrize("nth", range(1, 6))
def test_an_issue_killed_at_any_call_and_replayed_twice_ends_the_same_byte_for_byte(
    yard: Yard, breaking: Breaking, own: dict[str, object], nth: int
) -> None:
    chunks = plans_for(own).run([CHILD, OTHER])
    breaking.before("*", dies, nth=nth)
    with pytest.raises(KilledError):
        issued(yard, chunks)
    issued(yard, chunks)
    once = everything(CARDS)
    issued(yard, chunks)
    assert everything(CARDS) == once
    assert the_patron(yard) == (State.ACTIVE, Ownership.LINKED, str(own["patron_id"]), "")


def test_linked_unlinked_and_linked_again(yard: Yard, library: StandIn, own: dict[str, object]) -> None:
    plans = plans_for(own)
    for people, tokens in (([CHILD], [TOKEN]), ([], []), ([CHILD], [TOKEN])):
        issued(yard, plans.run(people))
        for _ in range(2):
            assert synced(yard, library, plans) == frozenset()
            assert carried(library, own) == tokens


@pytest.mark.parametrize("leaves", [False, True], ids=["while it is linked", "while it is unlinked"])
@pytest.mark.parametrize("nth", range(1, 4))
def test_a_sync_killed_at_any_call_is_made_good_by_the_next(
    yard: Yard, breaking: Breaking, library: StandIn, own: dict[str, object], nth: int, leaves: bool
) -> None:
    plans = plans_for(own)
    issued(yard, plans.run([CHILD]))
    if leaves:
        synced(yard, library, plans)
        issued(yard, plans.run([]))
    breaking.before("*", dies, nth=nth)
    with pytest.raises(KilledError):
        synced(yard, library, plans)
    for _ in range(2):
        assert synced(yard, library, plans) == frozenset()
        assert carried(library, own) == ([] if leaves else [TOKEN])
    state = yard.cards.view([TOKEN]).ils[TOKEN]
    assert (state.state, state.ils_id) == (("ended", "") if leaves else ("in_ils", str(own["patron_id"])))


@pytest.mark.parametrize("operation", ["BatchGetItem", "BatchWriteItem"])
def test_a_no_that_comes_while_it_is_linked_takes_the_link_away(
    yard: Yard, breaking: Breaking, library: StandIn, own: dict[str, object], operation: str
) -> None:
    plans = plans_for(own)
    issued(yard, plans.run([CHILD]))
    breaking.before(operation, lambda: yard.cards.refuse([TOKEN], by="family", stamp=A_NO))
    synced(yard, library, plans)
    assert breaking.plans == []
    synced(yard, library, plans)
    assert carried(library, own) == []
    assert the_patron(yard) == (State.REFUSED, Ownership.LINKED, str(own["patron_id"]), "")


@pytest.mark.parametrize("nth", range(1, 4))
def test_a_no_that_is_killed_at_any_write_still_unlinks(
    yard: Yard, breaking: Breaking, library: StandIn, own: dict[str, object], nth: int
) -> None:
    plans = plans_for(own)
    issued(yard, plans.run([CHILD]))
    synced(yard, library, plans)
    breaking.before("*", dies, nth=nth)
    with pytest.raises(KilledError):
        yard.cards.refuse([TOKEN], by="family", stamp=A_NO)
    yard.cards.refuse([TOKEN], by="family", stamp=A_NO)
    synced(yard, library, plans)
    assert carried(library, own) == []


def test_under_the_window_it_is_linked_when_the_days_are_over_and_never_after_a_no(
    yard: Yard, library: StandIn, own: dict[str, object]
) -> None:
    plans = plans_for(own, AFTER_THE_WINDOW)
    issued(yard, plans.run([CHILD]))
    synced(yard, library, plans)
    assert carried(library, own) == []
    house = TOKENS.household(CHILD.email)
    yard.cards.mark([NoticeMark(house, "announcement", TOKEN, "sent", "m1", A_NO, window_of="oak.pine")])
    window = Window(f"household#{house}", f"notice#announcement#{TOKEN}", TOKEN)
    assert end_windows([window], store=yard.cards, at=later(days=15).isoformat()) == [TOKEN]
    synced(yard, library, plans)
    assert carried(library, own) == [TOKEN]


def test_under_the_window_a_no_in_its_days_links_nothing(yard: Yard, library: StandIn, own: dict[str, object]) -> None:
    plans = plans_for(own, AFTER_THE_WINDOW)
    issued(yard, plans.run([CHILD]))
    yard.cards.refuse([TOKEN], by="family", stamp=A_NO)
    house = TOKENS.household(CHILD.email)
    yard.cards.mark([NoticeMark(house, "announcement", TOKEN, "sent", "m1", A_NO, window_of="oak.pine")])
    window = Window(f"household#{house}", f"notice#announcement#{TOKEN}", TOKEN)
    assert end_windows([window], store=yard.cards, at=later(days=15).isoformat()) == []
    before = library.requests
    synced(yard, library, plans)
    assert (carried(library, own), library.requests) == ([], before)


@pytest.fixture
def short(library: StandIn) -> dict[str, object]:
    """The card that the family has, which ends before the student cards do."""
    return plant(library, a_stranger(expiry_date="2027-01-31"))


def test_renewed_with_the_link_and_no_shorter_when_the_child_leaves_and_returns(
    yard: Yard, library: StandIn, short: dict[str, object]
) -> None:
    plans = plans_for(short, RENEWED)
    for people, tokens in (([CHILD], [TOKEN]), ([], []), ([CHILD], [TOKEN])):
        issued(yard, plans.run(people))
        for _ in range(2):
            assert synced(yard, library, plans) == frozenset()
            assert carried(library, short, ends="2027-09-15") == tokens
    assert yard.cards.view([TOKEN]).ils[TOKEN].reason == ""


def test_a_card_that_ends_later_is_only_linked(yard: Yard, library: StandIn, own: dict[str, object]) -> None:
    plans = plans_for(own, RENEWED)
    issued(yard, plans.run([CHILD]))
    synced(yard, library, plans)
    assert carried(library, own) == [TOKEN]


def test_the_first_roster_of_the_next_school_year_that_changes_something_renews_it_again(
    yard: Yard, library: StandIn, short: dict[str, object]
) -> None:
    plans = plans_for(short, RENEWED)
    for grade, at, ends in (("04", "2026-11-22", "2027-09-15"), ("04", "2027-08-20", "2027-09-15"), ("05", "2027-08-21", "2028-09-15")):
        issued(yard, [replace(chunk, at=f"{at}T06:00:00+00:00") for chunk in plans.run([replace(CHILD, grade=grade)])])
        synced(yard, library, plans)
        assert carried(library, short, ends=ends) == [TOKEN]


@pytest.mark.parametrize("nth", range(1, 4))
def test_a_renewal_killed_at_any_call_is_made_good_by_the_next(
    yard: Yard, breaking: Breaking, library: StandIn, short: dict[str, object], nth: int
) -> None:
    plans = plans_for(short, RENEWED)
    issued(yard, plans.run([CHILD]))
    breaking.before("*", dies, nth=nth)
    with pytest.raises(KilledError):
        synced(yard, library, plans)
    for _ in range(2):
        assert synced(yard, library, plans) == frozenset()
        assert carried(library, short, ends="2027-09-15") == [TOKEN]


@pytest.mark.parametrize("operation", ["BatchGetItem", "BatchWriteItem"])
def test_a_no_that_comes_while_it_is_renewed_takes_the_link_away(
    yard: Yard, breaking: Breaking, library: StandIn, short: dict[str, object], operation: str
) -> None:
    plans = plans_for(short, RENEWED)
    issued(yard, plans.run([CHILD]))
    breaking.before(operation, lambda: yard.cards.refuse([TOKEN], by="family", stamp=A_NO))
    synced(yard, library, plans)
    synced(yard, library, plans)
    now = whole(library, int(str(short["patron_id"])))
    assert carried(library, short, ends=now["expiry_date"]) == []
    assert now["expiry_date"] in {"2027-01-31", "2027-09-15"}


@pytest.mark.parametrize("held", [False, True], ids=["applied", "held"])
def test_what_the_district_gets_does_not_tell_how_many_were_linked(yard: Yard, held: bool) -> None:
    """The same roster with and without links in its plan: nothing in the outbox or in a roster's events differs."""
    arrival = yard.admitted(a_roster(1, 2, 3))
    planned = yard.plan(arrival)
    told = []
    for decisions in ({"issue": 3}, {"issue": 1, "link": 2}):
        key = planned.chunks_prefix.replace("chunks/", "plan.json")
        plan = json.loads(yard.places.get(key) or b"")
        yard.places.put(key, json.dumps(plan | {"decisions": decisions, "linked": decisions.get("link", 0)}).encode())
        was = yard.known(arrival).status
        yard.ledger.move(arrival.run_id, Status.HELD if held else Status.ISSUING, when=(was,), counts=decisions)
        yard.emitted.clear()
        if held:
            yard.hold(arrival)
        else:
            yard.finish(arrival)
        told.append((outbox(), [event.model_dump_json() for event in yard.emitted]))
    assert told[0][0], "a receipt must have been written"
    assert told[0] == told[1]
    assert "link" not in str(told).replace("linking", "")


def outbox() -> dict[str, bytes]:
    s3 = boto3.client("s3")
    found = s3.list_objects_v2(Bucket=drop_bucket(), Prefix="outbox/").get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket=drop_bucket(), Key=one["Key"])["Body"].read() for one in found}
