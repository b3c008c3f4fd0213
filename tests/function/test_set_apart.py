"""A person sets a child apart from a patron of the library, whatever became of the link by then: the stranger's card is free, and the child has its own."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.run import app as run_commands
from firstcard.agreement.vocabulary import Purpose
from firstcard.card.pair import MACHINE, Answer, decided, pair_id
from firstcard.card.patron import Ownership, Patron, State, release, wait_again
from firstcard.identity import Tokens
from firstcard.ils.sync import sync_patrons
from firstcard.run.planning import Planned
from firstcard.run.writing import told_to_district
from firstcard.vault.seal import Opener
from local.ils.stand_in import StandIn
from tests.function.builders import CARDS, EVENING, TOKEN_KEY, Breaking, KilledError, Yard, dies, everything, later, token
from tests.function.test_matching import EVERYBODY, child, matching_content, patron, plan_of, site_with
from tests.unit.ils.builders import ATTRIBUTE, a_stranger, koha, ours, plant, that_day, the_rules, whole
from tests.unit.roster.builders import Row, a_firstcard_csv

TOKEN = token(2)


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    return [matching_content()]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[StandIn]:
    rules = the_rules(branches=frozenset({"MAIN", "WEST", "OAK"}), patron_types=frozenset({"STUDENT", "STAFF", "ADULT", "JUV", "EDUCATOR"}))
    with StandIn(rules, tmp_path / "patrons", now=that_day) as library:
        yield library


@dataclass
class Town:
    """A yard with the library's ILS, in which a stranger stands whom the matcher takes for the second child."""

    yard: Yard
    library: StandIn
    terms: dict[str, Any] = field(default_factory=dict)
    nights: int = -1

    def __post_init__(self) -> None:
        row = child(2)
        like = {"surname": row["last_name"], "firstname": row["first_name"], "date_of_birth": row["birth_date"]}
        self.stranger = plant(self.library, a_stranger(**like))
        self.wrong = str(self.stranger["patron_id"])
        self.yard.patrons = [patron(2, id=self.wrong)]

    def planned(self, *rows: Row, outcome: str = "ready") -> Planned:
        self.nights += 1
        self.arrival = self.yard.admitted(a_firstcard_csv(*(rows or EVERYBODY)), at=later(days=self.nights))
        planned = self.yard.plan(self.arrival, site=site_with(self.yard, **self.terms))
        assert planned.outcome == outcome
        return planned

    def applied(self, planned: Planned, *, times: int = 2) -> dict[str, Any]:
        at = later(days=self.nights)
        assert self.yard.begin(self.arrival, at=at).outcome in ("go", "nothing")
        for _ in range(times):
            self.yard.issue(planned)
        assert self.yard.finish(self.arrival, at=at) == "applied"
        return plan_of(self.yard, planned)

    def night(self, *rows: Row) -> dict[str, Any]:
        return self.applied(self.planned(*rows))

    def days_are_over(self) -> None:
        waits = self.patron()
        if waits and waits.state is State.WAITING and not self.yard.cards.refusals([TOKEN]):
            assert self.yard.cards.change(release(waits, at=later(days=self.nights, hours=2).isoformat()))

    def set_apart(self, ils_id: str = "") -> None:
        """What a person says at the desk."""
        one = pair_id(TOKEN, Tokens(TOKEN_KEY.encode(), library="oak", district="pine").existing(ils_id or self.wrong))
        found = self.yard.cards.pairs([one])[one]
        after = decided(found, Answer.APART, by="ann", at=later(days=self.nights, hours=3).isoformat())
        assert self.yard.cards.decide_pair(after, was_by=MACHINE)

    def refused(self) -> None:
        (one,) = self.yard.cards.standing([token(1)]).patrons.values()
        self.yard.cards.refuse([TOKEN], by="family", stamp=one.stamp)

    def synced(self) -> frozenset[str]:
        keys = self.yard.keys
        return sync_patrons(
            [TOKEN],
            store=self.yard.cards,
            opener=Opener(purpose=Purpose.SYNC_ILS, unwrap=keys.unwrap, declare=keys.declare, clock=lambda: 0.0),
            ils=koha(self.library),
            agreement=site_with(self.yard, **self.terms).agreements[0],
            allowed=lambda: True,
            today=date(2026, 11, 22),
            at=EVENING.isoformat(),
            seconds_left=lambda: 120.0,
        )

    def patron(self) -> Patron | None:
        return self.yard.cards.standing([TOKEN]).patrons.get(TOKEN)

    def is_linked(self) -> bool:
        """Whether the stranger's card carries the token; everything else of it is as it was."""
        now = whole(self.library, int(self.wrong))
        assert now | {"extended_attributes": []} == self.stranger
        return [(mark["type"], mark["value"]) for mark in now["extended_attributes"]] == [(ATTRIBUTE, TOKEN)]

    def own(self) -> list[dict[str, Any]]:
        """The cards of the child's own in the ILS."""
        return [one for one in ours(self.library, TOKEN) if str(one["patron_id"]) != self.wrong]

    def has_its_own(self) -> bool:
        found = self.patron()
        assert found is not None
        (own,) = self.own()
        assert not self.is_linked()
        assert (found.state, found.ownership, found.existing, found.mistaken) == (
            State.ACTIVE,
            Ownership.CREATED_BY_US,
            "",
            found.mistaken,
        )
        assert found.mistaken in ((), (self.wrong,))
        state = self.yard.cards.view([TOKEN]).ils[TOKEN]
        return (state.state, state.ils_id, state.version) == ("in_ils", str(own["patron_id"]), found.version) and own[
            "cardnumber"
        ] == "904000100002"


@pytest.fixture
def town(yard: Yard, library: StandIn) -> Town:
    return Town(yard, library)


def linked(town: Town) -> Town:
    town.night()
    town.days_are_over()
    assert town.synced() == frozenset()
    assert town.is_linked()
    return town


def without_it() -> list[Row]:
    return [row for row in EVERYBODY if row["student_id"] != "100002"]


def in_doubt(town: Town) -> None:
    """The pair comes on record by a night in which nobody is linked; the child waits, and has no patron."""
    town.terms = {"existing": "ask", "in_doubt": {"meanwhile": "wait", "decide_within_days": 14}}
    town.night()
    assert town.patron() is None
    town.terms = {}


def link_of(town: Town, planned: Planned) -> str:
    """The link that a plan has for the child."""
    (line,) = [line for chunk in town.yard.chunks(planned) for line in chunk.patrons if line.token == TOKEN]
    return line.ils_id


def test_a_wrong_link_is_undone_with_the_same_roster_again_and_the_child_has_its_own_card(town: Town) -> None:
    linked(town)
    town.set_apart()
    plan = town.night()
    assert (plan["set_apart"], plan["linked"], plan["decisions"]) == (1, 0, {"nothing": 20})
    assert told_to_district(plan["decisions"], town.yard.site.agreements[0]) == {"nothing": 20}
    for _ in range(2):
        assert town.synced() == frozenset()
        assert town.has_its_own()
    shown = CliRunner(env={"COLUMNS": "220"}).invoke(run_commands, ["show", town.arrival.run_id])
    assert "1 linked to a card that is not theirs" in shown.output
    assert town.planned(outcome="unchanged")


@pytest.mark.parametrize("sync_between", [True, False], ids=["synced in between", "synced at the end"])
@pytest.mark.parametrize("no", ["never", "before the next plan", "before the next issue", "after the next issue"])
@pytest.mark.parametrize("apart", ["before issue", "between issue and sync", "after sync"])
def test_in_whatever_order_it_comes_it_ends_the_same(town: Town, apart: str, no: str, sync_between: bool) -> None:
    if apart == "before issue":
        in_doubt(town)
        planned = town.planned(*EVERYBODY, child(40))
        assert link_of(town, planned) == town.wrong
        town.set_apart()
        town.applied(planned)
        assert town.patron() is None
    else:
        town.night()
        town.days_are_over()
        if apart == "after sync":
            town.synced()
        town.set_apart()
    if sync_between:
        town.synced()
    if no == "before the next plan":
        town.refused()
        if sync_between:
            town.synced()
    second = town.planned()
    if no == "before the next issue":
        town.refused()
        if sync_between:
            town.synced()
    town.applied(second)
    if no == "after the next issue":
        if sync_between:
            town.synced()
        town.refused()
    town.days_are_over()
    for _ in range(2):
        assert town.synced() == frozenset()
    assert not town.is_linked()
    if no == "never":
        assert town.has_its_own()
    else:
        found = town.patron()
        assert found is None or (found.state, found.sealed) == (State.REFUSED, {})
        assert all(one["expiry_date"] <= "2026-11-22" for one in town.own())


@pytest.mark.parametrize("nth", range(1, 12))
def test_an_issue_killed_at_any_call_and_replayed_draws_one_card(town: Town, breaking: Breaking, nth: int) -> None:
    linked(town)
    town.set_apart()
    planned = town.planned()
    breaking.before("*", dies, nth=nth)
    try:
        town.yard.issue(planned)
    except KilledError:
        town.yard.issue(planned)
    breaking.plans.clear()
    once = everything(CARDS)
    town.yard.issue(planned)
    assert everything(CARDS) == once
    town.synced()
    assert town.has_its_own()


@pytest.mark.parametrize("nth", range(1, 6))
def test_a_sync_killed_at_any_call_is_made_good_by_the_next(town: Town, breaking: Breaking, nth: int) -> None:
    linked(town)
    town.set_apart()
    town.night()
    breaking.before("*", dies, nth=nth)
    with suppress(KilledError):
        town.synced()
    breaking.plans.clear()
    for _ in range(2):
        assert town.synced() == frozenset()
        assert town.has_its_own()


def approved(town: Town, held: Planned) -> None:
    town.yard.hold(town.arrival)
    assert town.yard.approve(town.arrival, held.plan_hash) is not None
    town.applied(held)


def test_a_held_plan_makes_no_link_that_a_person_spoke_against_meanwhile(town: Town) -> None:
    in_doubt(town)
    town.terms = {"safety": {"max_new_percent": 1}}
    held = town.planned(*EVERYBODY, child(40), outcome="held")
    assert link_of(town, held) == town.wrong
    town.set_apart()
    approved(town, held)
    assert town.patron() is None
    town.terms = {}
    planned = town.planned(*EVERYBODY, child(40))
    plan = town.applied(planned)
    assert (plan["set_apart"], plan["decisions"]) == (1, {"nothing": 21})
    found = town.patron()
    assert found is not None
    assert (found.state, found.existing, bool(found.card_token), found.version) == (State.WAITING, "", True, 1)
    assert [line.announce for chunk in town.yard.chunks(planned) for line in chunk.households] == [(TOKEN,)]
    town.days_are_over()
    town.synced()
    assert town.has_its_own()


def test_a_held_plan_renews_no_link_that_a_person_spoke_against_meanwhile(town: Town) -> None:
    linked(town)
    town.night(*without_it())
    town.synced()
    town.terms = {"safety": {"max_new_percent": 1}}
    held = town.planned(*EVERYBODY, outcome="held")
    assert link_of(town, held) == town.wrong
    town.set_apart()
    approved(town, held)
    town.synced()
    assert not town.is_linked()
    town.terms = {}
    town.night()
    town.synced()
    assert town.has_its_own()


def test_who_still_has_its_days_goes_on_waiting_for_its_own_card(town: Town) -> None:
    town.night()
    town.set_apart()
    town.night()
    found = town.patron()
    assert found is not None
    assert (found.state, found.ownership, bool(found.card_token)) == (State.WAITING, Ownership.CREATED_BY_US, True)
    town.days_are_over()
    town.synced()
    assert town.has_its_own()


@pytest.mark.parametrize("heard", [True, False], ids=["the system heard of the end", "the system was down"])
def test_whose_card_ended_for_want_of_a_yes_leaves_the_strangers_card_alone(town: Town, heard: bool) -> None:
    linked(town)
    had = town.patron()
    assert had is not None
    assert town.yard.cards.change(wait_again(had, at=later(days=town.nights, hours=1).isoformat()))
    if heard:
        town.synced()
    town.set_apart()
    town.night()
    town.synced()
    assert not town.is_linked()
    assert not town.own()
    town.days_are_over()
    town.synced()
    assert town.has_its_own()


def test_a_child_that_was_away_comes_back_to_its_own_card(town: Town) -> None:
    linked(town)
    town.night(*without_it())
    town.set_apart()
    town.night(*without_it(), child(40))
    town.synced()
    assert not town.is_linked()
    plan = town.night()
    assert plan["set_apart"] == 1
    town.synced()
    assert town.has_its_own()


def test_a_row_that_cannot_be_read_tonight_is_mended_by_the_next_that_can(town: Town) -> None:
    linked(town)
    town.set_apart()
    town.night(*(row | ({"grade": "99"} if row["student_id"] == "100002" else {}) for row in EVERYBODY))
    town.synced()
    assert town.is_linked()
    town.night(*EVERYBODY, child(40))
    town.synced()
    assert town.has_its_own()


def test_another_patron_that_is_certain_is_linked_instead(town: Town) -> None:
    linked(town)
    right = str(plant(town.library, a_stranger(cardnumber="21111000012346"))["patron_id"])
    town.set_apart()
    town.yard.patrons = [patron(2, id=town.wrong), patron(2, id=right)]
    plan = town.night()
    assert (plan["set_apart"], plan["linked"], plan["decisions"]) == (1, 1, {"nothing": 20})
    town.synced()
    found = town.patron()
    assert found is not None
    assert (found.ownership, found.existing, found.mistaken) == (Ownership.LINKED, right, (town.wrong,))
    assert not town.is_linked()
    assert [str(one["patron_id"]) for one in town.own()] == [right]


def test_another_doubt_keeps_no_wrong_link(town: Town) -> None:
    town.terms = {"in_doubt": {"meanwhile": "wait", "decide_within_days": 14}}
    linked(town)
    town.set_apart()
    town.yard.patrons = [patron(2, id="999", birth_date="")]
    town.night()
    town.synced()
    assert town.has_its_own()


def test_what_a_person_set_apart_before_any_link_is_nobodys_wrong_link(town: Town) -> None:
    town.terms = {"existing": "ask", "in_doubt": {"meanwhile": "wait", "decide_within_days": 14}}
    town.night()
    town.set_apart()
    assert town.night()["set_apart"] == 0
    before = town.patron()
    assert before is not None
    plan = town.night(*EVERYBODY, child(40))
    assert (plan["set_apart"], town.patron()) == (0, before)


def test_the_district_gets_the_same_as_if_nobody_had_been_set_apart(town: Town) -> None:
    linked(town)
    town.set_apart()
    town.yard.emitted.clear()
    town.night(*EVERYBODY, child(40))
    (processed,) = [event for event in town.yard.emitted if event.name == "RosterProcessed"]
    told = json.loads(processed.model_dump_json())
    assert told["decisions"] == {"nothing": 20, "wait": 1}
    receipt = town.yard.places.get(f"runs/{town.arrival.run_id}/receipt.json")
    assert receipt is not None
    assert not any(word in receipt.lower() for word in (b"apart", b"link", b"replace", b"mistaken"))
