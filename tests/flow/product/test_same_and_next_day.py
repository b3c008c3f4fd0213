"""The same file again, the next day's file, and the next day's file several times at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from firstcard.event.model import HouseholdRecorded, RosterProcessed
from local.district.people import ChangeKind, Student
from local.machine import Machine
from tests.flow.product.conftest import FirstNight, Tomorrow
from tests.flow.product.sharing import Difference, Left, Sharing, difference
from tests.flow.product.waiting import until, until_quiet

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]


@pytest.mark.usefixtures("first_night")
def test_the_same_file_again_writes_nothing_tells_nothing_and_mails_nothing(machine: Machine, cms: Sharing) -> None:
    before = cms.state()
    cms.drop(cms.protected(cms.export), "first-again.zip.gpg")
    run = cms.until_run("first-again.zip.gpg", "unchanged")
    until_quiet(machine)
    found = difference(before, cms.state())
    assert found.nothing, found
    assert cms.receipt_of(run["run_id"])["outcome"] == "unchanged"


@dataclass(frozen=True)
class NextDay:
    """Duval's next day, dropped three times at once: over SFTP, and twice under one name over S3."""

    before: Left
    after: Left
    changed: Difference
    statuses: Counter[str]


@pytest.fixture(scope="module")
def next_day(machine: Machine, duval: Sharing, first_night: FirstNight, tomorrow: Tomorrow) -> NextDay:
    before = duval.state()
    known = {run["run_id"] for run in duval.runs()}
    data = duval.protected(duval.exported(tomorrow.district))
    s3 = machine.cloud.session(f"firstcard-upload-{duval.slug}").client("s3")

    def put() -> object:
        return s3.put_object(Bucket=duval.bucket, Key="incoming/tomorrow.zip.gpg", Body=data)

    with ThreadPoolExecutor(3) as at_once:
        for done in [at_once.submit(work) for work in (put, put, lambda: duval.drop(data, "tomorrow-too.zip.gpg"))]:
            done.result()

    def ended() -> list[str]:
        statuses = [str(run["status"]) for run in duval.runs() if run["run_id"] not in known]
        return statuses if len(statuses) == 3 and set(statuses) <= {"applied", "unchanged"} else []

    statuses = until(ended, "three runs to end")
    until_quiet(machine)
    after = duval.state()
    return NextDay(before, after, difference(before, after), Counter(statuses))


def _by_kind(tomorrow: Tomorrow, duval: Sharing) -> dict[ChangeKind, set[str]]:
    found: dict[ChangeKind, set[str]] = {kind: set() for kind in ChangeKind}
    for change in tomorrow.changes:
        found[change.kind].add(duval.token(change.local_id))
    return found


def _children(tomorrow: Tomorrow, duval: Sharing) -> dict[str, Student]:
    return {duval.token(s.local_id): s for s in (*duval.district.students, *tomorrow.district.students)}


def test_of_three_equal_files_at_once_one_is_applied(next_day: NextDay) -> None:
    assert next_day.statuses == {"applied": 1, "unchanged": 2}


def test_ten_changed_students_change_exactly_their_own_items(next_day: NextDay, tomorrow: Tomorrow, duval: Sharing) -> None:
    written = {key[0].removeprefix("patron#") for key in next_day.changed.written if key[1] == "patron"}
    assert written == set().union(*_by_kind(tomorrow, duval).values())
    for token in written - _by_kind(tomorrow, duval)[ChangeKind.ARRIVED]:
        was, now = (left.items[f"patron#{token}", "patron"] for left in (next_day.before, next_day.after))
        assert now["version"] == was["version"] + 1


def test_who_changed_keeps_number_and_pin(next_day: NextDay, tomorrow: Tomorrow, duval: Sharing) -> None:
    kinds = _by_kind(tomorrow, duval)
    for token in kinds[ChangeKind.MOVED_SCHOOL] | kinds[ChangeKind.NEW_NAME] | kinds[ChangeKind.NEW_EMAIL]:
        was, now = (left.items[f"patron#{token}", "patron"] for left in (next_day.before, next_day.after))
        assert (was["card_token"], was["sealed"].get("pin"), was["sealed"].get("card")) == (
            now["card_token"], now["sealed"].get("pin"), now["sealed"].get("card"),
        )  # fmt: skip
        assert was["sealed"]["identity"] != now["sealed"]["identity"]


def test_ten_changed_students_are_exactly_the_events(next_day: NextDay, tomorrow: Tomorrow, duval: Sharing) -> None:
    kinds = _by_kind(tomorrow, duval)
    active = set(next_day.before.patrons("active"))
    updated = (kinds[ChangeKind.MOVED_SCHOOL] | kinds[ChangeKind.NEW_NAME] | kinds[ChangeKind.NEW_EMAIL]) & active
    told = {
        name: {getattr(e, "token", "") for e in next_day.changed.events if e.name == name}
        for name in {e.name for e in next_day.changed.events}
    }
    assert told.get("CardUpdated", set()) == updated
    assert told.get("CardExpired", set()) == kinds[ChangeKind.LEFT] & active
    assert told.get("CardSynced", set()) == updated | (kinds[ChangeKind.LEFT] & active)
    assert "CardIssued" not in told, "newcomers wait for their families' days"
    assert {token for event in next_day.changed.events if isinstance(event, HouseholdRecorded) for token in event.announce} == (
        kinds[ChangeKind.ARRIVED] | kinds[ChangeKind.NEW_EMAIL]
    )
    assert {event.outcome for event in next_day.changed.events if isinstance(event, RosterProcessed)} == {"applied"}


def test_ten_changed_students_are_exactly_what_changes_in_the_library_system(next_day: NextDay, tomorrow: Tomorrow, duval: Sharing) -> None:
    kinds = _by_kind(tomorrow, duval)
    in_ils = next_day.before.ils.keys()
    assert next_day.after.ils.keys() == in_ils
    assert next_day.changed.in_ils >= (kinds[ChangeKind.NEW_NAME] | kinds[ChangeKind.LEFT]) & in_ils
    assert next_day.changed.in_ils <= set().union(*kinds.values())
    children = _children(tomorrow, duval)
    for token in kinds[ChangeKind.NEW_NAME] & in_ils:
        assert next_day.after.ils[token]["surname"] == children[token].last_name
        assert next_day.after.ils[token]["cardnumber"] == next_day.before.ils[token]["cardnumber"]
    for token in kinds[ChangeKind.LEFT] & in_ils:
        assert next_day.after.ils[token]["expiry_date"] < next_day.before.ils[token]["expiry_date"]


def test_only_families_with_something_new_are_written_to(next_day: NextDay, tomorrow: Tomorrow, duval: Sharing) -> None:
    children = _children(tomorrow, duval)
    kinds = _by_kind(tomorrow, duval)
    arrived = {children[token].email for token in kinds[ChangeKind.ARRIVED]}
    moved = {children[token].email for token in kinds[ChangeKind.NEW_EMAIL] & set(next_day.before.patrons("active"))}
    written = {(mail["Kind"], address) for mail in next_day.changed.mails for address in mail["To"] if mail["Kind"] != "receipt"}
    assert written == {("announcement", email) for email in arrived} | {("card", email) for email in moved}
    assert sum(mail["Kind"] == "receipt" for mail in next_day.changed.mails) == 1


def test_a_no_outlives_the_next_roster(next_day: NextDay, tomorrow: Tomorrow, duval: Sharing) -> None:
    for student in tomorrow.refusing:
        token = duval.token(student.local_id)
        assert next_day.after.items[f"patron#{token}", "refusal"]["by"] == "family"
        assert next_day.after.items[f"patron#{token}", "patron"]["state"] == "refused"
        assert token not in next_day.after.ils
