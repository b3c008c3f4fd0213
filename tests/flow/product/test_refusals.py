"""Files that may not come in: each is refused or held with a reason, a receipt and an event, and nothing else is touched."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncssh
import pytest

from local.district.people import District
from local.machine import DESK, Machine, later_event
from tests.flow.product.conftest import FirstNight, RefusedFiles
from tests.flow.product.sharing import Sharing, difference
from tests.flow.product.waiting import until_quiet

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]

FILES = (
    "unsigned.zip.gpg", "signed-by-a-stranger.zip.gpg", "for-somebody-else.zip.gpg", "not-protected.zip", "of-another-district.zip.gpg",
    "cut-in-half.zip.gpg", "half-an-export.zip.gpg",
)  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_may_not_come_in_is_refused_with_its_reason(refused_files: RefusedFiles, duval: Sharing, name: str) -> None:
    run, reason = refused_files.runs[name], refused_files.reasons[name]
    assert (run["status"], run["reason"]) == ("rejected", reason)
    receipt = duval.receipt_of(run["run_id"])
    assert (receipt["outcome"], [place["reason"] for place in receipt["reasons"]]) == ("rejected", [reason])
    assert receipt["rows"] == 0
    told = [event for event in refused_files.left.events if event.run_id == run["run_id"] and event.name == "RosterRejected"]
    assert [event.model_dump()["reason"] for event in told] == [reason]


def test_refused_files_touch_nothing_else(refused_files: RefusedFiles) -> None:
    assert refused_files.reasons.keys() == set(FILES)
    assert not refused_files.left.written
    assert not refused_files.left.in_ils
    assert {event.name for event in refused_files.left.events} <= {"RosterRejected", "RosterReceived"}
    assert [mail["Kind"] for mail in refused_files.left.mails] == ["receipt"] * len(FILES)


def test_nothing_of_a_refused_file_goes_into_the_vault(machine: Machine, refused_files: RefusedFiles) -> None:
    s3 = machine.cloud.session(DESK).client("s3")
    for run in refused_files.runs.values():
        prefix = f"runs/{run['run_id']}/"
        kept = {thing["Key"].removeprefix(prefix) for thing in s3.list_objects_v2(Bucket=machine.vault_bucket, Prefix=prefix)["Contents"]}
        assert kept <= {"receipt.json", "rejected/problems.json"}


def _without_some(duval: Sharing) -> District:
    """Today's district with more students gone than the agreement's five in a hundred."""
    good = [student for student in duval.district.students if student.damage is None and not student.opt_out]
    gone = {student.sourced_id for student in good[:9]}
    return replace(duval.district, students=tuple(s for s in duval.district.students if s.sourced_id not in gone))


def test_more_students_gone_than_agreed_wait_for_a_person_who_may_say_no(machine: Machine, duval: Sharing, first_night: FirstNight) -> None:
    before = duval.state()
    duval.drop(duval.protected(duval.exported(_without_some(duval))), "many-missing.zip.gpg")
    run = duval.until_run("many-missing.zip.gpg", "held")
    until_quiet(machine)
    held = difference(before, duval.state())
    assert "TOO_MANY_MISSING" in json.loads(run["holds"])
    assert [event.model_dump()["reasons"] for event in held.events if event.name == "RosterHeld"] == [tuple(json.loads(run["holds"]))]
    assert not held.written
    assert not held.in_ils
    assert "TOO_MANY_MISSING" in duval.firstcard("run", "show", run["run_id"])

    duval.decide(run["run_id"], "reject")
    duval.until_run("many-missing.zip.gpg", "rejected")
    until_quiet(machine)
    ended = difference(before, duval.state())
    assert not ended.written
    assert not ended.in_ils
    assert duval.receipt_of(run["run_id"])["outcome"] == "not_approved"
    assert [event.model_dump()["outcome"] for event in ended.events if event.name == "RosterProcessed"] == ["rejected"]


@contextmanager
def _suspended(side: Sharing) -> Iterator[None]:
    sharing = side.programme.agreement.sharing
    side.firstcard("suspend", sharing)
    try:
        yield
    finally:
        side.firstcard("resume", sharing)


def test_a_suspended_agreement_lets_no_file_in(machine: Machine, duval: Sharing, first_night: FirstNight) -> None:
    before = duval.state()
    with _suspended(duval):
        duval.drop(duval.protected(duval.exported(_without_some(duval))), "while-suspended.zip.gpg")
        run = duval.until_run("while-suspended.zip.gpg", "rejected")
        until_quiet(machine)
        left = difference(before, duval.state())
    assert run["reason"] == "AGREEMENT_SUSPENDED"
    assert duval.receipt_of(run["run_id"])["outcome"] == "rejected"
    assert not left.written
    assert not left.in_ils
    assert [event.model_dump().get("reason") for event in left.events] == ["AGREEMENT_SUSPENDED"]
    assert [mail["Kind"] for mail in left.mails] == ["receipt"], "the district hears why, whatever is suspended"


def test_a_suspension_in_the_middle_of_a_held_plan_stops_it_though_it_is_approved(
    machine: Machine, duval: Sharing, first_night: FirstNight
) -> None:
    before = duval.state()
    duval.drop(duval.protected(duval.exported(_without_some(duval))), "held-then-suspended.zip.gpg")
    run = duval.until_run("held-then-suspended.zip.gpg", "held")
    with _suspended(duval):
        duval.decide(run["run_id"], "approve")
        duval.until_run("held-then-suspended.zip.gpg", "stopped")
        until_quiet(machine)
        left = difference(before, duval.state())
    assert duval.receipt_of(run["run_id"])["outcome"] == "stopped"
    assert not left.written
    assert not left.in_ils
    assert [event.model_dump()["outcome"] for event in left.events if event.name == "RosterProcessed"] == ["stopped"]


def test_an_unfinished_upload_never_starts_a_run_not_even_by_the_sweep(machine: Machine, duval: Sharing, first_night: FirstNight) -> None:
    before, known = duval.state(), len(duval.runs())
    data = duval.protected(duval.exported(_without_some(duval)))

    async def half(client: asyncssh.SFTPClient) -> None:
        for name in ("unfinished.zip.gpg.part", "unfinished.zip.gpg.filepart", ".unfinished.zip.gpg"):
            async with client.open(f"/incoming/{name}", "wb") as file:
                await file.write(data)

    duval.over_sftp(half)
    sweep = later_event(datetime.now(UTC) + timedelta(minutes=10))
    machine.cloud.session(DESK).client("lambda").invoke(FunctionName="firstcard-admit", Payload=json.dumps(sweep).encode())
    until_quiet(machine)
    assert len(duval.runs()) == known
    assert difference(before, duval.state()).nothing


def test_what_an_event_forgot_is_started_by_the_sweep_once(machine: Machine, duval: Sharing, first_night: FirstNight) -> None:
    events = machine.cloud.session(DESK).client("events")
    events.disable_rule(Name="firstcard-dropped")
    try:
        duval.drop(duval.protected(duval.export)[:2000], "forgotten.zip.gpg")
        until_quiet(machine)
        assert duval.run_of("forgotten.zip.gpg") is None
    finally:
        events.enable_rule(Name="firstcard-dropped")
    for _ in range(2):
        sweep = json.dumps(later_event(datetime.now(UTC) + timedelta(minutes=10))).encode()
        machine.cloud.session(DESK).client("lambda").invoke(FunctionName="firstcard-admit", Payload=sweep)
    duval.until_run("forgotten.zip.gpg", "rejected")
    until_quiet(machine)
    assert sum(run["object_key"] == "incoming/forgotten.zip.gpg" for run in duval.runs()) == 1
