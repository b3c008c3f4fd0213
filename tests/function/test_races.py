"""Two things at once: every race of the design, produced on purpose between the very calls where it would hurt."""

from dataclasses import replace
from typing import Any

import boto3
import pytest

from firstcard.agreement import Site
from firstcard.card.issue import issue_chunk
from firstcard.card.patron import Stamp
from firstcard.card.view import NoticeMark
from firstcard.card.window import Window, end_windows
from firstcard.run.admission import sweep
from firstcard.run.ledger import DistrictState, Status
from tests.function.builders import (
    CARDS,
    EVENING,
    LEDGER,
    Breaking,
    KilledError,
    Yard,
    a_roster,
    barcode_content,
    dies,
    drop_bucket,
    everything,
    household,
    later,
    site_content,
    token,
)

A_NO = Stamp("oak.pine", "dsa-pine-oak-2026", "oak", "pine", "f" * 24, EVENING.isoformat())


def over(yard: Yard, *numbers: int) -> list[str]:
    """The days of these children's families are over; who was issued a card."""
    notices = [NoticeMark(household(n), "announcement", token(n), "sent", "m1", A_NO, window_of="oak.pine") for n in numbers]
    yard.cards.mark(notices)
    windows = [Window(f"household#{household(n)}", f"notice#announcement#{token(n)}", token(n)) for n in numbers]
    return end_windows(windows, store=yard.cards, at=later(days=15).isoformat())


def begun(yard: Yard, body: bytes, **where: Any) -> Any:
    """A run that issues: arrival, plan, fence."""
    arrival = yard.admitted(body, **where)
    planned = yard.plan(arrival)
    assert planned.outcome == "ready"
    return arrival, planned, yard.begin(arrival).fence


class TestANoDuringIssue:
    """A family says no while its child's card is being issued."""

    def says_no(self, yard: Yard, number: int = 2) -> None:
        yard.cards.refuse([token(number)], by="family", stamp=A_NO)

    @pytest.mark.parametrize(
        ("operation", "nth"),
        [("BatchGetItem", 1), ("PutItem", 1), ("BatchWriteItem", 1), ("BatchGetItem", 2), ("BatchWriteItem", 2)],
        ids=[
            "before the read",
            "between read and write",
            "just before the write",
            "between write and second read",
            "after the second read",
        ],
    )
    def test_of_a_new_child_leaves_no_card_and_no_data(self, yard: Yard, breaking: Breaking, operation: str, nth: int) -> None:
        _, planned, _ = begun(yard, a_roster(1, 2, 3))
        breaking.before(operation, lambda: self.says_no(yard), nth=nth)
        yard.issue(planned)
        assert breaking.plans == [], "the no must have come"
        assert yard.states(1, 3) == ["waiting", "waiting"]
        assert yard.states(2) in ([None], ["refused"])
        assert yard.states(2) == [None] or yard.sealed(2) == {}

    @pytest.mark.parametrize(("operation", "nth"), [("BatchGetItem", 1), ("PutItem", 1), ("PutItem", 2), ("PutItem", 3)])
    def test_of_a_known_child_beats_the_update(self, yard: Yard, breaking: Breaking, operation: str, nth: int) -> None:
        yard.run(a_roster(1, 2))
        _, planned, _ = begun(yard, a_roster(1, 2, grade="05"), at=later(days=1))
        breaking.before(operation, lambda: self.says_no(yard), nth=nth)
        yard.issue(planned)
        assert breaking.plans == []
        assert yard.states(1, 2) == ["waiting", "refused"]
        assert yard.sealed(2) == {}

    @pytest.mark.parametrize(("operation", "nth"), [("PutItem", 1), ("PutItem", 2), ("PutItem", 3), ("BatchGetItem", 1)])
    def test_is_kept_when_the_issuing_changes_the_patron_in_the_middle_of_it(
        self, yard: Yard, breaking: Breaking, operation: str, nth: int
    ) -> None:
        yard.run(a_roster(1, 2))
        _, planned, _ = begun(yard, a_roster(1, 2, grade="05"), at=later(days=1))
        breaking.before(operation, lambda: yard.issue(planned), nth=nth)
        self.says_no(yard)
        yard.issue(planned)
        assert yard.states(1, 2) == ["waiting", "refused"]
        assert yard.sealed(2) == {}

    def test_between_a_killed_issue_and_its_next_try_is_kept(self, yard: Yard, breaking: Breaking) -> None:
        _, planned, _ = begun(yard, a_roster(1, 2))
        breaking.before("BatchWriteItem", lambda: self.says_no(yard))
        breaking.before("BatchGetItem", dies, nth=2)
        with pytest.raises(KilledError):
            yard.issue(planned)
        yard.issue(planned)
        assert yard.states(2) == ["refused"]
        assert yard.sealed(2) == {}

    def test_while_the_window_ends_is_kept(self, yard: Yard, breaking: Breaking) -> None:
        yard.run(a_roster(1, 2))
        breaking.before("TransactWriteItems", lambda: self.says_no(yard))
        released = over(yard, 1, 2)
        assert released == [token(1)]
        assert yard.states(1, 2) == ["active", "refused"]

    def test_that_comes_while_the_window_releases_the_child_takes_the_card_back(self, yard: Yard, breaking: Breaking) -> None:
        yard.run(a_roster(2))
        breaking.before("PutItem", lambda: over(yard, 2), nth=2)
        self.says_no(yard)
        assert breaking.plans == []
        assert yard.states(2) == ["refused"]
        assert yard.sealed(2) == {}

    def test_said_twice_at_once_is_one_no(self, yard: Yard, breaking: Breaking) -> None:
        yard.run(a_roster(2))
        breaking.before("PutItem", lambda: self.says_no(yard))
        self.says_no(yard)
        assert yard.states(2) == ["refused"]
        assert yard.cards.standing([token(2)]).patrons[token(2)].version == 2


class TestAChunkIssuedTwice:
    """The state machine gives a chunk out again."""

    def test_changes_nothing_byte_for_byte(self, yard: Yard) -> None:
        _, planned, _ = begun(yard, a_roster(*range(60)))
        yard.issue(planned)
        before = everything(CARDS)
        yard.issue(planned)
        assert everything(CARDS) == before

    @pytest.mark.parametrize("nth", range(1, 8))
    def test_after_being_killed_at_any_call_ends_the_same_byte_for_byte(self, yard: Yard, breaking: Breaking, nth: int) -> None:
        yard.run(a_roster(1, 2))
        _, planned, _ = begun(yard, a_roster(1, 3, 4, grade="05"), at=later(days=1))
        breaking.before("*", dies, nth=nth + 2)  # after the list and the read of the chunk
        with pytest.raises(KilledError):
            yard.issue(planned)
        yard.issue(planned)
        killed = everything(CARDS)
        yard.issue(planned)
        assert everything(CARDS) == killed
        assert yard.states(1, 2, 3, 4) == ["waiting", "expired", "waiting", "waiting"]
        assert {p.version for p in yard.cards.standing([token(1), token(2)]).patrons.values()} == {2}

    def test_by_two_workers_at_once_ends_the_same(self, yard: Yard, breaking: Breaking) -> None:
        yard.run(a_roster(1, 2))
        _, planned, _ = begun(yard, a_roster(1, 2, 3, grade="05"), at=later(days=1))
        for operation in ("PutItem", "BatchWriteItem"):
            breaking.before(operation, lambda: yard.issue(planned))
        yard.issue(planned)
        assert {p.version for p in yard.cards.standing([token(1), token(2)]).patrons.values()} == {2}
        assert yard.states(1, 2, 3) == ["waiting"] * 3


class TestAFailedRunTriedAgain:
    """A run breaks down, and the sweep starts it again."""

    def fail(self, yard: Yard, body: bytes) -> Any:
        arrival, planned, _ = begun(yard, body)
        issue_chunk(yard.chunks(planned)[0], yard.cards)
        assert yard.finish(arrival, error=True) == "failed"
        return arrival, planned

    def swept(self, yard: Yard, arrival: Any, *, running: bool = False) -> int:
        objects = [(arrival.key, arrival.version_id, arrival.size, arrival.received_at)]
        return sweep(
            objects, bucket=drop_bucket(), site=yard.site, ledger=yard.ledger, start=yard.start, is_running=lambda run, attempt: running
        )

    def test_goes_on_with_the_very_same_plan_and_ends_as_if_nothing_had_been(self, yard: Yard) -> None:
        arrival, planned = self.fail(yard, a_roster(*range(20)))
        stored = everything(CARDS)
        assert self.swept(yard, arrival) == 1
        assert yard.started[-1] == (arrival.run_id, 2)
        again = yard.plan(replace(arrival, attempt=2))
        assert again == planned
        assert yard.begin(arrival).outcome == "go"
        yard.issue(again)
        assert everything(CARDS) == stored
        assert yard.finish(arrival) == "applied"

    def test_keeps_the_lock_until_it_was_tried_three_times(self, yard: Yard) -> None:
        arrival, _ = self.fail(yard, a_roster(1))
        assert yard.known(arrival).status is Status.FAILED
        assert yard.ledger.district("oak.pine").lock_holder == arrival.run_id
        other = yard.admitted(a_roster(1, 2), at=later(hours=1), key="incoming/other.csv")
        assert yard.plan(other).outcome == "busy"
        for attempt in (2, 3):
            assert self.swept(yard, arrival) == 1
            again = replace(arrival, attempt=attempt)
            assert yard.plan(again).outcome == "ready"
            assert yard.begin(again).outcome == "go"
            assert yard.finish(again, error=True) == "failed"
        assert yard.ledger.district("oak.pine").lock_holder == ""
        assert yard.plan(other).outcome == "ready"

    def test_given_up_half_way_leaves_nobody_behind(self, yard: Yard) -> None:
        """Child 1 was written, and no manifest knows; the next roster has only children 2 and 3: 1 is ended, they wait."""
        arrival, planned = self.fail(yard, a_roster(1, 3))
        yard.issue(planned)
        for attempt in (2, 3):
            self.swept(yard, arrival)
            again = replace(arrival, attempt=attempt)
            yard.plan(again)
            yard.begin(again)
            yard.finish(again, error=True)
        assert yard.run(a_roster(2, 3), at=later(days=1), key="incoming/next.csv")[1] == "applied"
        assert yard.states(1, 2, 3) == ["expired", "waiting", "waiting"]

    def test_is_not_started_again_while_it_runs_nor_more_than_three_times(self, yard: Yard) -> None:
        arrival, _ = self.fail(yard, a_roster(1))
        assert self.swept(yard, arrival, running=True) == 0
        assert [self.swept(yard, arrival) for _ in range(4)] == [1, 1, 0, 0]
        assert yard.started[1:] == [(arrival.run_id, 2), (arrival.run_id, 3)]

    def test_needs_no_second_approval(self, yard: Yard, breaking: Breaking) -> None:
        arrival = yard.admitted(a_roster(1))
        planned = yard.plan(arrival, site=cautious(yard))
        assert planned.outcome == "held"
        assert yard.approve(arrival, planned.plan_hash) is not None
        assert yard.approve(arrival, planned.plan_hash) is None
        assert yard.begin(arrival).outcome == "go"
        yard.finish(arrival, error=True)
        assert yard.approve(arrival, planned.plan_hash) is None
        self.swept(yard, arrival)
        assert yard.plan(replace(arrival, attempt=2), site=cautious(yard)).outcome == "ready"
        assert yard.begin(arrival).outcome == "go"


def cautious(yard: Yard) -> Site:
    """The same site, but every first file waits for a person."""
    changed = [
        a.model_copy(update={"safety": a.safety.model_copy(update={"first_run_needs_approval": True, "max_new_percent": 0.0})})
        for a in yard.site.agreements
    ]
    return Site(tuple(changed), yard.site.libraries)


class TestAPlainFileThatIsOverwritten:
    """Half a file shows by nothing that it is half: it rests, and a newer version of the same object takes its place."""

    def test_gives_way_to_the_newer_version(self, yard: Yard) -> None:
        half = yard.admitted(a_roster(1))
        whole = yard.admitted(a_roster(1, 2), at=later(minutes=0.5))
        assert yard.plan(half).outcome == "rejected"
        assert yard.known(half).reason == "SUPERSEDED"
        assert yard.plan(whole).outcome == "ready"

    def test_does_not_give_way_to_another_object_or_an_older_version(self, yard: Yard) -> None:
        older = yard.admitted(a_roster(1))
        another = yard.admitted(a_roster(1, 2), at=later(minutes=0.5), key="incoming/other.csv")
        assert yard.plan(older).outcome == "ready"
        assert yard.plan(another).outcome == "ready"

    def test_that_proves_itself_whole_is_not_rejected_for_a_newer_one(self, yard: Yard) -> None:
        """A file of an agreement that asks for encryption: refused for its protection, which shows that it was opened."""
        older = yard.admitted(a_roster(1))
        yard.admitted(a_roster(1, 2), at=later(minutes=0.5))
        signed = [
            a.model_copy(update={"exchange": a.exchange.model_copy(update={"protection": "encrypted"})}) for a in yard.site.agreements
        ]
        assert yard.plan(older, site=Site(tuple(signed), yard.site.libraries)).outcome == "rejected"
        assert yard.known(older).reason == "PROTECTION_TOO_WEAK"


class TestAHeldPlanAndTheNextNightsFile:
    """A plan waits for a person when the next file comes."""

    def held(self, yard: Yard) -> Any:
        arrival = yard.admitted(a_roster(1, 2))
        planned = yard.plan(arrival, site=cautious(yard))
        assert planned.outcome == "held"
        yard.hold(arrival, token="first night")
        return arrival, planned

    def test_the_newer_file_supersedes_the_plan_and_wakes_its_execution(self, yard: Yard) -> None:
        old, _ = self.held(yard)
        new = yard.admitted(a_roster(1, 2, 3), at=later(days=1), key="incoming/next.csv")
        assert yard.plan(new, site=cautious(yard)).outcome == "held"
        assert yard.known(old).status is Status.SUPERSEDED
        assert (old.run_id, "superseded") in yard.woken
        assert yard.finish(old) == "superseded"
        assert yard.names()[-1] == "RosterProcessed"

    def test_an_approval_of_the_old_plan_is_refused(self, yard: Yard) -> None:
        old, planned = self.held(yard)
        new = yard.admitted(a_roster(1, 2, 3), at=later(days=1), key="incoming/next.csv")
        newer = yard.plan(new, site=cautious(yard))
        assert yard.approve(old, planned.plan_hash) is None
        assert yard.approve(new, planned.plan_hash) is None
        assert yard.known(new).status is Status.HELD
        approved = yard.approve(new, newer.plan_hash)
        assert approved is not None
        assert approved.status is Status.APPROVED

    def test_an_approval_that_comes_as_the_plan_is_replaced_does_not_count_for_the_new_one(self, yard: Yard, breaking: Breaking) -> None:
        arrival, planned = self.held(yard)

        def planned_anew() -> None:
            yard.ledger.move(arrival.run_id, Status.HELD, when=(Status.HELD,), plan_hash="9" * 64)

        breaking.before("UpdateItem", planned_anew)
        assert yard.approve(arrival, planned.plan_hash) is None
        assert yard.known(arrival).status is Status.HELD

    def test_an_approval_a_moment_too_late_finds_the_plan_superseded(self, yard: Yard, breaking: Breaking) -> None:
        old, planned = self.held(yard)
        new = yard.admitted(a_roster(1, 2, 3), at=later(days=1), key="incoming/next.csv")
        breaking.before("UpdateItem", lambda: yard.plan(new, site=cautious(yard)), about="approved")
        assert yard.approve(old, planned.plan_hash) is None
        assert yard.begin(old).outcome == "stopped"

    def test_an_approved_plan_that_has_not_begun_is_superseded_too(self, yard: Yard) -> None:
        old, planned = self.held(yard)
        yard.approve(old, planned.plan_hash)
        new = yard.admitted(a_roster(1, 2, 3), at=later(days=1), key="incoming/next.csv")
        yard.plan(new, site=cautious(yard))
        assert yard.begin(old).outcome == "stopped"
        assert yard.ledger.district("oak.pine").lock_holder == ""

    def test_a_file_that_comes_as_the_approved_one_begins_waits_for_its_end(self, yard: Yard, breaking: Breaking) -> None:
        old, planned = self.held(yard)
        yard.approve(old, planned.plan_hash)
        new = yard.admitted(a_roster(1, 2, 3), at=later(days=1), key="incoming/next.csv")
        outcomes = []
        breaking.before("UpdateItem", lambda: outcomes.append(yard.plan(new).outcome), about="issuing")
        begun_ = yard.begin(old)
        assert outcomes == ["busy"]
        assert begun_.outcome == "go"

    def test_an_older_file_supersedes_nothing(self, yard: Yard) -> None:
        old, _ = self.held(yard)
        older = yard.admitted(a_roster(1), at=later(days=-1), key="incoming/older.csv")
        yard.plan(older, site=cautious(yard))
        assert yard.known(old).status is Status.HELD

    def test_a_decision_quicker_than_the_wait_wakes_it_at_once(self, yard: Yard) -> None:
        arrival = yard.admitted(a_roster(1))
        planned = yard.plan(arrival, site=cautious(yard))
        yard.approve(arrival, planned.plan_hash)
        yard.hold(arrival, token="late")
        assert yard.woken == [("late", "approved")]

    def test_a_plan_that_nobody_decided_on_ends_without_a_card(self, yard: Yard) -> None:
        arrival, planned = self.held(yard)
        assert yard.finish(arrival, at=later(days=14)) == "rejected"
        assert yard.approve(arrival, planned.plan_hash) is None
        assert yard.states(1, 2) == [None, None]

    def test_a_rejected_plan_issues_nothing_and_a_corrected_file_may_come(self, yard: Yard) -> None:
        arrival, planned = self.held(yard)
        assert yard.approve(arrival, planned.plan_hash, approve=False) is not None
        assert yard.finish(arrival) == "rejected"
        assert yard.run(a_roster(1, 2), at=later(hours=2), key="incoming/again.csv")[1] == "applied"


class TestTwoRunsReservingNumbers:
    """Two districts of one library draw barcodes from its block."""

    @pytest.fixture
    def agreements(self) -> list[dict[str, Any]]:
        return [barcode_content("pine", "dsa-pine-oak-2026"), barcode_content("fir", "dsa-fir-oak-2026")]

    def numbers(self, yard: Yard, planned: Any) -> list[str]:
        return [line.card_token for chunk in yard.chunks(planned) for line in chunk.patrons]

    def test_at_once_never_share_a_number(self, yard: Yard, breaking: Breaking) -> None:
        pine = yard.admitted(a_roster(*range(30)))
        fir = yard.admitted(a_roster(*range(40)), district="fir")
        second = []
        breaking.before("UpdateItem", lambda: second.append(yard.plan(fir)), about="numbers#oak")
        first = yard.plan(pine)
        drawn = [*self.numbers(yard, first), *self.numbers(yard, second[0])]
        assert len(set(drawn)) == len(drawn) == 70

    def test_blocks_never_overlap_whatever_comes_between_two_calls(self, yard: Yard, breaking: Breaking) -> None:
        taken: list[range] = []

        def reserve(count: int) -> None:
            first = yard.ledger.reserve_serials("oak", count, first=1000)
            taken.append(range(first, first + count))

        for count in (5, 1, 7):
            breaking.before("*", lambda: reserve(3))
            reserve(count)
        serials = [serial for block in taken for serial in block]
        assert sorted(serials) == list(range(1000, 1000 + 5 + 1 + 7 + 3 * 3))

    @pytest.mark.parametrize("firsts", [(1000, 900, 1000), (1000, 1002, 1001), (0, 1000, 0), (5, 5, 5)])
    def test_blocks_never_overlap_whatever_becomes_of_the_first_serial(self, yard: Yard, firsts: tuple[int, ...]) -> None:
        taken = [yard.ledger.reserve_serials("oak", 5, first=first) + more for first in firsts for more in range(5)]
        assert len(set(taken)) == 15
        assert taken == sorted(taken)
        assert all(serial >= first for serial, first in zip(taken[::5], firsts, strict=True))

    @pytest.mark.parametrize("known", [True, False])
    @pytest.mark.parametrize("nth", [1, 2, 3, 4])
    def test_a_raised_first_serial_is_raised_once_by_two_runs_at_once(self, yard: Yard, breaking: Breaking, nth: int, known: bool) -> None:
        taken = [yard.ledger.reserve_serials("oak", 5, first=1000) + more for more in range(5)] if known else []
        breaking.before(
            "UpdateItem", lambda: taken.extend(yard.ledger.reserve_serials("oak", 3, first=2000) + more for more in range(3)), nth=nth
        )
        first = yard.ledger.reserve_serials("oak", 4, first=2000)
        taken += range(first, first + 4)
        assert len(set(taken)) == len(taken)
        assert min(taken[5 * known :]) == 2000

    def test_a_count_from_before_goes_on_where_it_was(self, yard: Yard) -> None:
        boto3.client("dynamodb").put_item(
            TableName=LEDGER,
            Item={"pk": {"S": "numbers#oak"}, "sk": {"S": "serial"}, "item": {"S": "serial"}, "given": {"N": "7"}},
        )
        assert [yard.ledger.reserve_serials("oak", 2, first=1000) for _ in range(2)] == [1007, 1009]

    def test_a_number_once_planned_is_never_given_again(self, yard: Yard) -> None:
        first = yard.plan(yard.admitted(a_roster(1, 2)))
        second = yard.plan(yard.admitted(a_roster(1, 2, 3), at=later(days=1), key="incoming/next.csv"))
        assert not set(self.numbers(yard, first)) & set(self.numbers(yard, second))


class TestAnAgreementSuspendedInTheMiddle:
    """Somebody stops the agreement while a run issues."""

    def test_the_next_chunk_may_not_be_issued(self, yard: Yard) -> None:
        arrival, _, fence = begun(yard, a_roster(1))
        assert yard.may_issue(arrival, fence)
        yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
        assert not yard.may_issue(arrival, fence)

    def test_the_run_ends_as_stopped_and_the_lock_is_free(self, yard: Yard) -> None:
        arrival, _, _ = begun(yard, a_roster(1))
        yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
        assert yard.finish(arrival, error=True) == "stopped"
        assert yard.known(arrival).reason == "AGREEMENT_SUSPENDED"
        assert yard.ledger.district("oak.pine").lock_holder == ""
        assert yard.ledger.district("oak.pine").manifest_version == 1, (
            "nobody knows what was done: the next roster looks at all of them again"
        )

    def test_the_next_run_completes_what_was_begun(self, yard: Yard) -> None:
        arrival, planned, _ = begun(yard, a_roster(1, 2, 3))
        yard.issue(planned)
        yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
        yard.finish(arrival, error=True)
        numbers = {t: p.card_token for t, p in yard.cards.standing([token(n) for n in (1, 2, 3)]).patrons.items()}
        yard.ledger.resume("oak.pine")
        assert yard.run(a_roster(1, 2, 3, 4), at=later(days=1), key="incoming/next.csv")[1] == "applied"
        assert yard.states(1, 2, 3, 4) == ["waiting"] * 4
        patrons = yard.cards.standing([token(n) for n in (1, 2, 3)]).patrons
        assert {t: p.card_token for t, p in patrons.items()} == numbers

    def test_the_very_same_file_may_be_sent_again_after_it(self, yard: Yard) -> None:
        arrival, _, _ = begun(yard, a_roster(1))
        yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
        yard.finish(arrival, error=True)
        yard.ledger.resume("oak.pine")
        assert yard.run(a_roster(1), at=later(days=1), key="incoming/again.csv")[1] == "applied"

    def test_nothing_is_planned_or_begun_under_it(self, yard: Yard) -> None:
        arrival = yard.admitted(a_roster(1))
        planned = yard.plan(arrival)
        yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
        assert yard.begin(arrival).outcome == "stopped"
        assert yard.finish(arrival) == "stopped"
        late = yard.admitted(a_roster(1, 2), at=later(days=1), key="incoming/next.csv")
        assert yard.plan(late).outcome == "rejected"
        assert yard.known(late).reason == "AGREEMENT_SUSPENDED"
        assert planned.outcome == "ready"

    def test_an_agreement_that_ends_in_the_middle_stops_the_run_too(self, yard: Yard) -> None:
        arrival, _, fence = begun(yard, a_roster(1))
        assert not yard.may_issue(arrival, fence, at=later(days=300))
        assert yard.finish(arrival, at=later(days=300), error=True) == "stopped"


class TestTheSameContentTwice:
    """A district drops a file twice."""

    def test_at_once_one_run_works_and_the_other_changes_nothing(self, yard: Yard, breaking: Breaking) -> None:
        first = yard.admitted(a_roster(1, 2))
        second = yard.admitted(a_roster(1, 2), key="incoming/copy.csv")
        other = []
        breaking.before("PutItem", lambda: other.append(yard.plan(second).outcome), about="content#")
        assert sorted([yard.plan(first).outcome, *other]) == ["ready", "unchanged"]

    def test_afterwards_writes_nothing_and_tells_nothing(self, yard: Yard, breaking: Breaking) -> None:
        yard.run(a_roster(1, 2))
        cards, told = everything(CARDS), list(yard.emitted)
        assert yard.run(a_roster(1, 2), at=later(days=1), key="incoming/copy.csv")[1] == "unchanged"
        assert everything(CARDS) == cards
        assert yard.emitted == told

    def test_as_the_first_one_is_applied_is_found_out(self, yard: Yard, breaking: Breaking) -> None:
        first, planned, _ = begun(yard, a_roster(1, 2))
        yard.issue(planned)
        second = yard.admitted(a_roster(1, 2), at=later(hours=1), key="incoming/copy.csv")
        state = yard.ledger.district
        reads: list[str] = []

        def read_before_the_end(sharing: str) -> DistrictState:
            known = state(sharing)
            if not reads:
                reads.append(sharing)
                yard.finish(first)
                return replace(known, lock_holder="")
            return known

        yard.ledger.district = read_before_the_end  # type: ignore[method-assign]
        assert yard.plan(second).outcome == "busy"
        assert yard.plan(second).outcome == "unchanged"
        assert yard.finish(second) == "unchanged"

    def test_with_another_one_between_them_is_a_change_back(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2))
        yard.run(a_roster(1), at=later(days=1), key="incoming/second.csv")
        assert yard.states(1, 2) == ["waiting", "expired"]
        assert yard.run(a_roster(1, 2), at=later(days=2), key="incoming/third.csv")[1] == "applied"
        assert yard.states(1, 2) == ["waiting", "waiting"]

    def test_of_which_the_first_was_refused_is_read_again(self, yard: Yard) -> None:
        body = a_roster(1, school_id="elsewhere")
        assert yard.run(body)[1] == "rejected"
        assert yard.run(body, at=later(days=1), key="incoming/copy.csv")[1] == "rejected"


class TestFilesOutOfOrder:
    """Rosters overtake each other."""

    def test_an_older_file_that_arrives_late_changes_nothing(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2))
        cards = everything(CARDS)
        arrival, ended = yard.run(a_roster(1), at=later(hours=-3), key="incoming/older.csv")
        assert (ended, yard.known(arrival).reason) == ("rejected", "STALE_FILE")
        assert everything(CARDS) == cards

    def test_an_older_plan_that_begins_after_a_newer_one_was_applied_is_stale(self, yard: Yard) -> None:
        older = yard.admitted(a_roster(1), at=later(hours=-3), key="incoming/older.csv")
        yard.plan(older)
        yard.run(a_roster(1, 2))
        assert yard.begin(older).outcome == "stale"
        assert yard.plan(older).outcome == "rejected"
        assert yard.finish(older) == "rejected"
        assert yard.states(1, 2) == ["waiting", "waiting"]

    def test_a_newer_plan_against_an_older_state_is_made_again(self, yard: Yard) -> None:
        newer = yard.admitted(a_roster(1, 2, 3), at=later(hours=1), key="incoming/newer.csv")
        stale = yard.plan(newer)
        yard.run(a_roster(1, 2))
        assert yard.begin(newer).outcome == "stale"
        again = yard.plan(newer)
        assert again.plan_hash != stale.plan_hash
        assert yard.begin(newer).outcome == "go"
        yard.issue(again)
        assert yard.finish(newer) == "applied"
        assert {line.token for chunk in yard.chunks(again) for line in chunk.patrons} == {token(3)}


class TestTheLock:
    """One run of a district issues at a time, under a number that only grows."""

    def test_a_second_run_waits_until_the_first_has_ended(self, yard: Yard) -> None:
        first = yard.admitted(a_roster(1))
        second = yard.admitted(a_roster(1, 2), at=later(hours=1), key="incoming/second.csv")
        yard.plan(first), yard.plan(second)
        assert yard.begin(first).outcome == "go"
        assert yard.begin(second).outcome == "busy"
        yard.finish(first)
        assert yard.begin(second).outcome == "stale"

    def test_a_file_that_comes_while_another_issues_is_planned_after_it(self, yard: Yard) -> None:
        begun(yard, a_roster(1))
        second = yard.admitted(a_roster(1, 2), at=later(hours=1), key="incoming/second.csv")
        assert yard.plan(second).outcome == "busy"

    def test_of_two_runs_that_begin_at_once_one_gets_it(self, yard: Yard, breaking: Breaking) -> None:
        first = yard.admitted(a_roster(1))
        second = yard.admitted(a_roster(1, 2), at=later(hours=1), key="incoming/second.csv")
        yard.plan(first), yard.plan(second)
        other = []
        breaking.before("UpdateItem", lambda: other.append(yard.begin(second).outcome), about="district#oak.pine")
        assert sorted([yard.begin(first).outcome, *other]) == ["busy", "go"]

    def test_begun_again_the_earlier_fence_is_worth_nothing(self, yard: Yard) -> None:
        arrival, _, first = begun(yard, a_roster(1))
        second = yard.begin(arrival).fence
        assert second > first
        assert not yard.may_issue(arrival, first)
        assert yard.may_issue(arrival, second)

    def test_a_run_that_lost_the_lock_may_not_issue(self, yard: Yard) -> None:
        arrival, _, fence = begun(yard, a_roster(1))
        yard.ledger.release_lock("oak.pine", arrival.run_id)
        assert not yard.may_issue(arrival, fence)

    def test_nobody_gives_back_the_lock_of_another(self, yard: Yard) -> None:
        arrival, _, fence = begun(yard, a_roster(1))
        yard.ledger.release_lock("oak.pine", "e" * 24)
        assert yard.may_issue(arrival, fence)

    def test_two_districts_do_not_wait_for_each_other(self, yard: Yard) -> None:
        begun(yard, a_roster(1))
        fir, planned, _ = begun(yard, a_roster(1), district="fir")
        assert yard.begin(fir).outcome == "go"
        assert planned.outcome == "ready"

    def test_finishing_twice_is_finishing_once(self, yard: Yard) -> None:
        arrival, planned, _ = begun(yard, a_roster(1))
        yard.issue(planned)
        assert yard.finish(arrival) == "applied"
        ledger, told = everything(LEDGER), {e.id for e in yard.emitted}
        assert yard.finish(arrival) == "applied"
        assert everything(LEDGER) == ledger
        assert {e.id for e in yard.emitted} == told

    @pytest.mark.parametrize("nth", range(1, 10))
    def test_a_finish_killed_at_any_call_and_tried_again_ends_the_same(self, yard: Yard, breaking: Breaking, nth: int) -> None:
        arrival, planned, _ = begun(yard, a_roster(1))
        yard.issue(planned)
        breaking.before("*", dies, nth=nth)
        with pytest.raises(KilledError):
            yard.finish(arrival)
        assert yard.finish(arrival) == "applied"
        state = yard.ledger.district("oak.pine")
        assert (state.manifest_version, state.lock_holder) == (1, "")
        assert yard.run(a_roster(1, 2), at=later(days=1), key="incoming/next.csv")[1] == "applied"


def test_the_site_of_these_tests_is_two_districts_of_one_library() -> None:
    assert {a["library"] for a in site_content()} == {"oak"}


def test_the_same_file_dropped_twice_at_once_is_no_news_whichever_is_applied(yard: Yard) -> None:
    """Two versions of an object, milliseconds apart: the later one may be planned first."""
    earlier, later_one = (yard.admitted(a_roster(1, 2), at=later(seconds=n)) for n in (0, 1))
    planned = yard.plan(later_one)
    assert yard.begin(later_one).outcome == "go"
    assert yard.plan(earlier).outcome == "busy"
    yard.issue(planned)
    assert yard.finish(later_one) == "applied"
    assert yard.plan(earlier).outcome == "unchanged"
    assert yard.finish(earlier) == "unchanged"


def test_another_file_that_came_before_the_applied_one_is_too_late(yard: Yard) -> None:
    earlier = yard.admitted(a_roster(1))
    _, ended = yard.run(a_roster(1, 2), key="incoming/next.csv", at=later(seconds=1))
    assert (ended, yard.plan(earlier).outcome) == ("applied", "rejected")
    assert yard.known(earlier).reason == "STALE_FILE"
