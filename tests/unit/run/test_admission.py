"""Which objects are finished uploads, that each is started once, and that nothing dropped is forgotten."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from firstcard.agreement import Site
from firstcard.run.admission import ATTEMPTS, admit, arrival_of, arrival_of_event, is_temporary, sweep
from firstcard.run.ledger import Arrival, Status
from tests.unit.agreement.builders import a_site, an_agreement
from tests.unit.run.builders import AT, BUCKET, MemoryLedger

ENDED = (Status.APPLIED, Status.REJECTED, Status.UNCHANGED, Status.SUPERSEDED, Status.STOPPED)


def an_object(key: str = "incoming/roster.zip", *, bucket: str = BUCKET, version: str = "v1") -> Arrival | None:
    return arrival_of(bucket=bucket, key=key, version_id=version, size=10, received_at=AT)


def an_arrival(**where: str) -> Arrival:
    arrival = an_object(**where)
    assert arrival is not None
    return arrival


def an_event(key: str, **thing: Any) -> dict[str, Any]:
    content = {"key": key, "version-id": "v1", "size": 10} | thing
    return {"time": "2026-11-22T06:00:00Z", "detail": {"bucket": {"name": BUCKET}, "object": content}}


class Starts:
    """Executions that were started, and those that run."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.running = False

    def __call__(self, arrival: Arrival, ready_at: str) -> None:
        self.ready_at = ready_at
        self.started.append((arrival.run_id, arrival.attempt))

    def is_running(self, run_id: str, attempt: int) -> bool:
        return self.running


@pytest.mark.parametrize(
    "name",
    [
        "roster.zip.part",
        "roster.zip.PART",
        "roster.filepart",
        "roster.tmp",
        ".roster.zip",
        "~$roster.xlsx",
        "roster.partial",
        "x.crdownload",
    ],
)
def test_an_unfinished_upload_starts_nothing(name: str) -> None:
    assert is_temporary(f"incoming/{name}")
    assert an_object(f"incoming/{name}") is None


@pytest.mark.parametrize("key", ["incoming/", "outbox/receipt.json", "roster.zip", "incoming/.hidden/", "incomingroster.zip"])
def test_a_folder_or_another_place_is_no_arrival(key: str) -> None:
    assert an_object(key) is None


@pytest.mark.parametrize("name", ["roster.zip", "roster.part.zip", "departments.csv", "tmp.csv", "Schüler 2026.csv", "a+b.csv"])
def test_a_final_name_is_an_arrival(name: str) -> None:
    assert an_arrival(key=f"incoming/{name}").key == f"incoming/{name}"


@pytest.mark.parametrize(
    "bucket",
    [
        "firstcard-vault-123456789012-us-east-1",
        "firstcard-drop-pine",
        "firstcard-drop-Pine-123456789012-us-east-1",
        "xfirstcard-drop-pine-123456789012-us-east-1",
        "firstcard-drop-p-123456789012-us-east-1",
    ],
)
def test_an_object_of_another_bucket_is_no_arrival(bucket: str) -> None:
    assert an_object(bucket=bucket) is None


@pytest.mark.parametrize(
    ("bucket", "district"),
    [(BUCKET, "pine"), ("firstcard-drop-st-johns-123456789012-us-east-1", "st-johns"), ("firstcard-drop-d2-123456789012-eu-west-3", "d2")],
)
def test_the_bucket_says_which_district_it_is(bucket: str, district: str) -> None:
    assert an_arrival(bucket=bucket).district == district


def test_each_version_of_each_object_is_a_run_of_its_own() -> None:
    arrivals = [an_arrival(), an_arrival(version="v2"), an_arrival(key="incoming/b.zip"), an_arrival(bucket=BUCKET.replace("pine", "fir"))]
    assert len({a.run_id for a in arrivals}) == 4
    assert an_arrival().run_id == an_arrival().run_id
    assert all(len(a.run_id) == 24 for a in arrivals)


@pytest.mark.parametrize("key", ["incoming/Schüler 2026.csv", "incoming/a+b.csv", "incoming/50%+new.csv", "incoming/a%2Bb.csv"])
def test_an_events_key_is_the_objects_key_as_it_is(key: str) -> None:
    assert arrival_of_event(an_event(key)) == an_arrival(key=key)


def test_an_event_of_a_temporary_name_is_no_arrival() -> None:
    assert arrival_of_event(an_event("incoming/roster.zip.part")) is None


def test_the_same_event_twice_starts_one_run() -> None:
    ledger, start = MemoryLedger(), Starts()
    arrival = an_arrival()
    assert admit(arrival, site=a_site(), ledger=ledger, start=start)
    ledger.move(arrival.run_id, Status.READY, when=(Status.ADMITTED,))
    assert not admit(arrival, site=a_site(), ledger=ledger, start=start)
    assert start.started == [(arrival.run_id, 1)]


@pytest.mark.parametrize(("protection", "seconds"), [("plain", 60), ("encrypted", 0), ("signed", 0)])
def test_a_plain_file_rests_a_minute_and_one_that_proves_itself_whole_does_not(protection: str, seconds: int) -> None:
    agreement = an_agreement()
    agreement = agreement.model_copy(update={"exchange": agreement.exchange.model_copy(update={"protection": protection})})
    start = Starts()
    assert admit(an_arrival(), site=Site((agreement,), a_site().libraries), ledger=MemoryLedger(), start=start)
    assert datetime.fromisoformat(start.ready_at) - datetime.fromisoformat(AT) == timedelta(seconds=seconds)


def test_an_admission_that_died_before_the_start_is_made_good_by_the_repeated_event() -> None:
    ledger, start = MemoryLedger(), Starts()
    arrival = an_arrival()
    ledger.admit(arrival, sharing="oak.pine")
    assert not admit(arrival, site=a_site(), ledger=ledger, start=start)
    assert start.started == [(arrival.run_id, 1)]


def test_a_late_event_does_not_start_an_attempt_that_the_sweep_has_replaced() -> None:
    ledger, start = MemoryLedger(), Starts()
    arrival = an_arrival()
    ledger.admit(arrival, sharing="oak.pine")
    ledger.move(arrival.run_id, Status.ADMITTED, when=(Status.ADMITTED,), attempt=2)
    admit(arrival, site=a_site(), ledger=ledger, start=start)
    assert start.started == []


def test_a_district_without_an_agreement_starts_nothing() -> None:
    ledger, start = MemoryLedger(), Starts()
    assert not admit(an_arrival(bucket=BUCKET.replace("pine", "elm")), site=a_site(), ledger=ledger, start=start)
    assert (ledger.runs, start.started) == ({}, [])


def swept(ledger: MemoryLedger, start: Starts, *keys: str) -> int:
    return sweep(
        [(key, "v1", 10, AT) for key in keys or ("incoming/roster.zip",)],
        bucket=BUCKET,
        site=a_site(),
        ledger=ledger,
        start=start,
        is_running=start.is_running,
    )


def test_the_sweep_starts_what_no_event_told_of_and_leaves_the_unfinished() -> None:
    ledger, start = MemoryLedger(), Starts()
    assert swept(ledger, start, "incoming/a.zip", "incoming/b.zip.part", "incoming/c.zip") == 2
    assert len(start.started) == 2


@pytest.mark.parametrize("status", [Status.ADMITTED, Status.READY, Status.APPROVED, Status.ISSUING, Status.FAILED])
def test_the_sweep_starts_again_what_stopped_half_way(status: Status) -> None:
    ledger, start = MemoryLedger(), Starts()
    arrival = an_arrival()
    ledger.admit(arrival, sharing="oak.pine")
    ledger.move(arrival.run_id, status, when=(Status.ADMITTED,))
    assert swept(ledger, start) == 1
    assert start.started == [(arrival.run_id, 2)]
    assert ledger.runs[arrival.run_id].status is status


@pytest.mark.parametrize("status", ENDED)
def test_the_sweep_leaves_what_has_ended(status: Status) -> None:
    ledger, start = MemoryLedger(), Starts()
    arrival = an_arrival()
    ledger.admit(arrival, sharing="oak.pine")
    ledger.move(arrival.run_id, status, when=(Status.ADMITTED,))
    assert swept(ledger, start) == 0
    assert start.started == []


def test_a_held_run_whose_execution_died_waits_again() -> None:
    ledger, start = MemoryLedger(), Starts()
    arrival = an_arrival()
    ledger.admit(arrival, sharing="oak.pine")
    ledger.move(arrival.run_id, Status.HELD, when=(Status.ADMITTED,))
    assert swept(ledger, start) == 1
    assert start.started == [(arrival.run_id, 2)]


def test_the_sweep_leaves_what_runs() -> None:
    ledger, start = MemoryLedger(), Starts()
    start.running = True
    ledger.admit(an_arrival(), sharing="oak.pine")
    assert swept(ledger, start) == 0


def test_after_three_attempts_a_person_looks_at_it() -> None:
    ledger, start = MemoryLedger(), Starts()
    ledger.admit(an_arrival(), sharing="oak.pine")
    assert sum(swept(ledger, start) for _ in range(6)) == ATTEMPTS - 1
    assert [attempt for _, attempt in start.started] == [2, 3]


def test_two_sweeps_at_once_ask_for_the_very_same_execution() -> None:
    ledger, start = MemoryLedger(), Starts()
    arrival = an_arrival()
    ledger.admit(arrival, sharing="oak.pine")
    ledger.move(arrival.run_id, Status.FAILED, when=(Status.ADMITTED,))
    other = Starts()

    def while_looking(run_id: str, attempt: int) -> bool:
        if not other.started:
            other.started.append(("", 0))
            swept(ledger, other)
        return False

    start.is_running = while_looking  # type: ignore[method-assign]
    swept(ledger, start)
    assert {*start.started, *other.started[1:]} == {(arrival.run_id, 2)}
