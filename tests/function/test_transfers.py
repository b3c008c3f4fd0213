"""A child that goes from one district of a library to another takes its card along, where the card is numbered by the state id."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from firstcard.adapters.cards_table import CardsTable
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.patron import Patron, State, release
from firstcard.ils.sync import sync_patrons
from firstcard.run.admission import ATTEMPTS
from firstcard.run.ledger import Arrival, Status
from firstcard.run.planning import Planned
from firstcard.vault.seal import Opener
from local.ils.stand_in import StandIn
from tests.function.builders import Yard, csv_content, later, token
from tests.function.test_matching import plan_of
from tests.unit.ils.builders import koha, that_day, the_rules
from tests.unit.roster.builders import Row, a_firstcard_csv, a_student_row

FIELD = {"required": False, "exhibit_b": "x", "fideslang": "user.unique_id"}
STATE_ID = "4711000042"


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    made = []
    for district, prefix in (("pine", "904"), ("fir", "906")):
        content = csv_content(district, f"dsa-{district}-oak-2026", prefix)
        content["card"]["number"] = {"scheme": "state_id", "length": 10}
        content["fields"]["state_id"] = FIELD
        made.append(content)
    return made


@pytest.fixture
def library(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(the_rules(patron_types=frozenset({"STUDENT", "EDUCATOR"})), tmp_path / "patrons", now=that_day) as library:
        yield library


def child(number: int = 1, **changes: str) -> Row:
    """The child of these tests; another number is its id in another district."""
    known = {"state_id": STATE_ID, "last_name": "Marigold", "guardian_email": "home@example.org"}
    return a_student_row(number, **known | changes)


def other(number: int) -> Row:
    return a_student_row(number, state_id=f"{8000000000 + number}")


def planned(yard: Yard, district: str, *rows: Row, night: int) -> tuple[Arrival, Planned]:
    arrival = yard.admitted(a_firstcard_csv(*rows), at=later(days=night), district=district)
    return arrival, yard.plan(arrival)


def applied(yard: Yard, arrival: Arrival, plan: Planned, *, night: int) -> dict[str, Any]:
    assert plan.outcome == "ready", yard.known(arrival).reason
    assert yard.begin(arrival, at=later(days=night)).outcome in ("go", "nothing")
    yard.issue(plan)
    assert yard.finish(arrival, at=later(days=night)) == "applied"
    return plan_of(yard, plan)


def sent(yard: Yard, district: str, *rows: Row, night: int) -> dict[str, Any]:
    return applied(yard, *planned(yard, district, *rows, night=night), night=night)


def patron(yard: Yard, number: int, district: str) -> Patron | None:
    who = token(number, district)
    return yard.cards.standing([who]).patrons.get(who)


def states(yard: Yard) -> list[State | None]:
    """Of the child in pine and in fir."""
    both = (patron(yard, 1, "pine"), patron(yard, 2, "fir"))
    return [one.state if one else None for one in both]


def released(yard: Yard, number: int, district: str, *, at: datetime) -> None:
    """The family's days are over."""
    waiting = patron(yard, number, district)
    assert waiting is not None
    assert yard.cards.change(release(waiting, at=at.isoformat()))


def opened(yard: Yard, one: Patron, group: Group) -> dict[str, str]:
    envelope = yard.cards.envelopes([one.envelopes[group]])[one.envelopes[group]]
    return dict(opener(yard).open(envelope, one.token, group, one.sealed[group]))


def opener(yard: Yard) -> Opener:
    return Opener(purpose=Purpose.SYNC_ILS, unwrap=yard.keys.unwrap, declare=yard.keys.declare, clock=lambda: 0.0)


def synced(yard: Yard, library: StandIn, number: int, district: str, *, at: datetime) -> None:
    agreement = yard.site.of_sharing(f"oak.{district}", at.date())
    assert agreement is not None
    again = sync_patrons(
        [token(number, district)],
        store=yard.cards,
        opener=opener(yard),
        ils=koha(library, confirm_separate=True),
        agreement=agreement,
        allowed=lambda: True,
        today=at.date(),
        at=at.isoformat(),
        seconds_left=lambda: 120.0,
    )
    assert again == frozenset()


def in_ils(library: StandIn) -> list[tuple[str, str, str]]:
    """Number, token and last day of each patron."""
    return [
        (str(one["cardnumber"]), "".join(one["attributes"].values()), str(one["expiry_date"]))
        for one in library.patrons.listing(page=1, per_page=-1)
    ]


def test_the_card_goes_along_with_its_number_and_the_library_has_one_patron(yard: Yard, library: StandIn) -> None:
    sent(yard, "pine", child(1), other(3), night=0)
    released(yard, 1, "pine", at=later(hours=1))
    synced(yard, library, 1, "pine", at=later(hours=2))
    assert in_ils(library) == [(STATE_ID, token(1), "2027-09-15")]

    sent(yard, "pine", other(3), night=10)
    synced(yard, library, 1, "pine", at=later(days=10))
    assert in_ils(library) == [(STATE_ID, token(1), "2027-01-01")]

    plan = sent(yard, "fir", child(2), other(4), night=12)
    assert (plan["decisions"], plan["rejected"], states(yard)) == ({"wait": 2}, {}, ["expired", "waiting"])
    released(yard, 2, "fir", at=later(days=26))
    synced(yard, library, 2, "fir", at=later(days=26))
    assert in_ils(library) == [(STATE_ID, token(2, "fir"), "2027-09-15")]
    here = patron(yard, 2, "fir")
    assert here is not None
    assert library.patrons.pin_opens(STATE_ID, opened(yard, here, Group.PIN)["pin"])

    synced(yard, library, 1, "pine", at=later(days=27))
    synced(yard, library, 2, "fir", at=later(days=28))
    assert yard.cards.view([token(1)]).ils[token(1)].state == "ended"
    assert in_ils(library) == [(STATE_ID, token(2, "fir"), "2027-09-15")]


def test_whoever_comes_back_has_the_card_again_with_another_pin(yard: Yard, library: StandIn) -> None:
    test_the_card_goes_along_with_its_number_and_the_library_has_one_patron(yard, library)
    plan = sent(yard, "pine", child(1), other(3), night=30)
    assert (plan["rejected"], states(yard)) == ({"NUMBER_TAKEN": 1}, ["expired", "active"])

    sent(yard, "fir", other(4), night=31)
    synced(yard, library, 2, "fir", at=later(days=31))
    sent(yard, "pine", child(1), other(3) | {"grade": "05"}, night=32)
    assert states(yard) == ["active", "expired"]
    synced(yard, library, 1, "pine", at=later(days=32))
    synced(yard, library, 2, "fir", at=later(days=33))
    assert in_ils(library) == [(STATE_ID, token(1), "2027-09-15")]
    back = patron(yard, 1, "pine")
    assert back is not None
    assert library.patrons.pin_opens(STATE_ID, opened(yard, back, Group.PIN)["pin"])


@pytest.mark.parametrize("changes", [{"first_name": "Eve"}, {"birth_date": "2016-05-05"}, {"birth_date": ""}])
def test_nobody_else_gets_the_number_by_the_same_state_id(yard: Yard, changes: dict[str, str]) -> None:
    sent(yard, "pine", child(1), other(3), night=0)
    sent(yard, "pine", other(3), night=1)
    plan = sent(yard, "fir", child(2, **changes), other(4), night=2)
    assert (plan["rejected"], states(yard)) == ({"NUMBER_TAKEN": 1}, ["expired", None])
    assert planned(yard, "fir", child(2, **changes), other(4), night=3)[1].outcome == "unchanged"


def test_who_is_still_there_keeps_the_card_and_it_goes_along_with_the_first_roster_after_leaving(yard: Yard) -> None:
    sent(yard, "pine", child(1), other(3), night=0)
    assert sent(yard, "fir", child(2), other(4), night=1)["rejected"] == {"NUMBER_TAKEN": 1}
    sent(yard, "pine", other(3), night=2)
    sent(yard, "fir", child(2), other(4), night=3)
    assert states(yard) == ["expired", "waiting"], "the same file again says something else now"


def test_who_said_no_where_it_was_has_no_card_that_could_go_along(yard: Yard) -> None:
    sent(yard, "pine", child(1), other(3), night=0)
    was = patron(yard, 1, "pine")
    assert was is not None
    sent(yard, "pine", other(3), night=1)
    yard.cards.record_refusals([was.token], by="family", stamp=was.stamp)
    assert sent(yard, "fir", child(2), other(4), night=2)["rejected"] == {"NUMBER_TAKEN": 1}


def test_who_is_back_while_the_plan_is_made_keeps_the_card(yard: Yard) -> None:
    sent(yard, "pine", child(1), other(3), night=0)
    sent(yard, "pine", other(3), night=1)
    fir, plan = planned(yard, "fir", child(2), other(4), night=2)
    sent(yard, "pine", child(1), other(3), night=2)
    assert states(yard) == ["waiting", None]
    applied(yard, fir, plan, night=2)
    assert states(yard) == ["waiting", None]
    assert yard.cards.unnumbered(fir.run_id) == {token(2, "fir")}


def test_who_went_while_the_plan_was_made_gets_no_second_one(yard: Yard) -> None:
    sent(yard, "pine", child(1), other(3), night=0)
    sent(yard, "pine", other(3), night=1)
    pine, plan = planned(yard, "pine", child(1), other(3), night=2)
    sent(yard, "fir", child(2), other(4), night=2)
    applied(yard, pine, plan, night=2)
    assert states(yard) == ["expired", "waiting"]
    assert yard.cards.unnumbered(pine.run_id) == {token(1)}


def test_the_same_chunk_again_changes_nothing(yard: Yard) -> None:
    sent(yard, "pine", child(1), other(3), night=0)
    sent(yard, "pine", other(3), night=1)
    fir, plan = planned(yard, "fir", child(2), other(4), night=2)
    applied(yard, fir, plan, night=2)
    before = patron(yard, 1, "pine"), patron(yard, 2, "fir")
    yard.issue(plan)
    assert (patron(yard, 1, "pine"), patron(yard, 2, "fir")) == before
    was, _ = before
    assert was is not None
    assert was.moved_to == token(2, "fir")


def given_up(yard: Yard, arrival: Arrival, plan: Planned, monkeypatch: pytest.MonkeyPatch, *, night: int, dies_in: str) -> None:
    """Issue dies in ``dies_in`` (a method of the cards table, where it has patrons), three times."""
    whole = getattr(CardsTable, dies_in)

    def dying(table: CardsTable, *given: Any) -> Any:
        if given[-1]:
            raise InterruptedError
        return whole(table, *given)

    assert yard.begin(arrival, at=later(days=night)).outcome == "go"
    with monkeypatch.context() as broken:
        broken.setattr(CardsTable, dies_in, dying)
        with pytest.raises(InterruptedError):
            yard.issue(plan)
    assert yard.ledger.move(arrival.run_id, Status.ISSUING, when=(Status.ISSUING,), attempt=ATTEMPTS)
    assert yard.finish(arrival, at=later(days=night), error=True) == "failed"


def left_pine(yard: Yard, library: StandIn) -> None:
    """The library has the card of pine, from where the child is gone."""
    sent(yard, "pine", child(1), other(3), night=0)
    released(yard, 1, "pine", at=later(hours=1))
    synced(yard, library, 1, "pine", at=later(hours=2))
    sent(yard, "pine", other(3), night=1)
    synced(yard, library, 1, "pine", at=later(days=1))


def test_a_run_given_up_in_the_middle_loses_nobody_on_the_way(yard: Yard, library: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    left_pine(yard, library)
    sent(yard, "fir", other(4), night=1)
    given_up(yard, *planned(yard, "fir", child(2), other(4), night=2), monkeypatch, night=2, dies_in="add")
    assert states(yard) == ["expired", "waiting"]
    sent(yard, "fir", child(2), other(4), night=3)
    released(yard, 2, "fir", at=later(days=5))
    synced(yard, library, 2, "fir", at=later(days=5))
    assert in_ils(library) == [(STATE_ID, token(2, "fir"), "2027-09-15")]


def test_a_run_given_up_while_a_card_comes_back_loses_it_neither(yard: Yard, library: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    left_pine(yard, library)
    sent(yard, "fir", child(2), other(4), night=2)
    sent(yard, "fir", other(4), night=3)
    given_up(yard, *planned(yard, "pine", child(1), other(3), night=4), monkeypatch, night=4, dies_in="change")
    assert states(yard) == ["active", "expired"]
    assert sent(yard, "pine", child(1), other(3), night=5)["rejected"] == {}
    synced(yard, library, 1, "pine", at=later(days=5))
    assert in_ils(library) == [(STATE_ID, token(1), "2027-09-15")]
    back = patron(yard, 1, "pine")
    assert back is not None
    assert library.patrons.pin_opens(STATE_ID, opened(yard, back, Group.PIN)["pin"])


def test_who_moves_on_before_the_library_heard_of_it_has_the_card_all_the_same(yard: Yard, library: StandIn) -> None:
    left_pine(yard, library)
    sent(yard, "fir", child(2), other(4), night=2)
    sent(yard, "fir", other(4), night=3)
    sent(yard, "fir", child(5), other(4), night=4)
    released(yard, 5, "fir", at=later(days=5))
    synced(yard, library, 5, "fir", at=later(days=5))
    assert in_ils(library) == [(STATE_ID, token(5, "fir"), "2027-09-15")]


def test_a_no_that_came_while_the_plan_was_made_keeps_the_card_from_going(yard: Yard) -> None:
    """The patron itself says it a moment later, or never where the writer died."""
    sent(yard, "pine", child(1), other(3), night=0)
    sent(yard, "pine", other(3), night=1)
    fir, plan = planned(yard, "fir", child(2), other(4), night=2)
    was = patron(yard, 1, "pine")
    assert was is not None
    yard.cards.record_refusals([was.token], by="family", stamp=was.stamp)
    applied(yard, fir, plan, night=2)
    assert states(yard) == ["expired", None]
    assert yard.cards.unnumbered(fir.run_id) == {token(2, "fir")}


@pytest.mark.parametrize("issued", [False, True])
def test_a_no_before_the_library_heard_of_the_move_ends_the_card_that_was_to_go_along(
    yard: Yard, library: StandIn, *, issued: bool
) -> None:
    left_pine(yard, library)
    sent(yard, "fir", child(2), other(4), night=2)
    if issued:
        released(yard, 2, "fir", at=later(days=2))
    sent(yard, "fir", child(2, opt_out="yes"), other(4), night=3)
    assert states(yard) == ["expired", "refused"]
    synced(yard, library, 2, "fir", at=later(days=3))
    assert in_ils(library) == [(STATE_ID, token(1), later(days=3).date().isoformat())]


def test_a_no_where_the_card_went_away_from_ends_nothing_where_it_is(yard: Yard, library: StandIn) -> None:
    left_pine(yard, library)
    sent(yard, "fir", child(2), other(4), night=2)
    sent(yard, "fir", other(4), night=3)
    sent(yard, "pine", child(1), other(3), night=4)
    synced(yard, library, 1, "pine", at=later(days=4))
    sent(yard, "fir", child(2, opt_out="yes"), other(4), night=5)
    assert states(yard) == ["active", "refused"]
    synced(yard, library, 2, "fir", at=later(days=5))
    assert in_ils(library) == [(STATE_ID, token(1), "2027-09-15")]
