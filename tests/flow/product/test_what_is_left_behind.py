"""Nobody's name, id, birth date or address is in anything that does not need it. Runs last, when all the others have left their traces."""

import base64
import json
from collections.abc import Iterator

import pytest

from local.cloud.server import ACCOUNT
from local.machine import DESK, Machine
from tests.flow.product.conftest import FirstNight, RefusedFiles, Tomorrow, Trials
from tests.flow.product.hearing import Hearing
from tests.flow.product.searching import found_in, places
from tests.flow.product.sharing import Sharing

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def needles(duval: Sharing, cms: Sharing, tomorrow: Tomorrow) -> frozenset[str]:
    return duval.district.needles() | cms.district.needles() | tomorrow.district.needles()


@pytest.fixture(scope="module")
def left_behind(machine: Machine, first_night: FirstNight, refused_files: RefusedFiles, trials: Trials) -> dict[str, str]:
    return places(machine)


def test_the_search_looks_where_something_is(left_behind: dict[str, str]) -> None:
    assert sum(map(len, left_behind.values())) > 2_000_000
    for where in (
        "log group /aws/lambda/firstcard-plan", "log group /aws/lambda/firstcard-notify", "log group /aws/lambda/firstcard-refuse",
        "table firstcard-cards", "table firstcard-ledger", "metrics", "the emulator's own log", "the trail's file",
        f"keys of firstcard-vault-{ACCOUNT}-us-east-1", f"keys of firstcard-drop-duval-{ACCOUNT}-us-east-1",
    ):  # fmt: skip
        assert left_behind[where], where
    assert sum(where.startswith("execution ") for where in left_behind) >= 8
    assert any("/outbox/" in where and where.endswith(".html") for where in left_behind)
    assert any("/outbox/try-" in where for where in left_behind)
    assert any("/manifests/" in where for where in left_behind)


def test_nobody_is_named_anywhere(left_behind: dict[str, str], needles: frozenset[str]) -> None:
    assert len(needles) > 1000
    found = {where: named for where, text in left_behind.items() if (named := found_in(text, needles))}
    assert found == {}


def test_no_event_names_anybody(hearing: Hearing, first_night: FirstNight, refused_files: RefusedFiles, needles: frozenset[str]) -> None:
    told = "\n".join(hearing.bodies)
    queued = json.dumps([*first_night.duval.library_queue, *first_night.cms.library_queue, *first_night.duval_told.library_queue])
    assert len(hearing.bodies) > 500
    assert found_in(told, needles) == set()
    assert found_in(queued, needles) == set()


def test_receipts_by_mail_name_nobody(duval: Sharing, cms: Sharing, refused_files: RefusedFiles, needles: frozenset[str]) -> None:
    mails = [json.dumps(mail) for side in (duval, cms) for mail in side.mails() if mail["Kind"] == "receipt"]
    assert len(mails) > 2
    assert found_in("\n".join(mails), needles) == set()


def test_subjects_and_links_name_nobody(duval: Sharing, cms: Sharing, first_night: FirstNight, needles: frozenset[str]) -> None:
    subjects = "\n".join(mail["Subject"] for side in (duval, cms) for mail in side.mails())
    assert found_in(subjects, needles) == set()


@pytest.fixture
def planted(machine: Machine, first_night: FirstNight) -> Iterator[str]:
    group = "/one-machine/planted"
    logs = machine.cloud.session(DESK).client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="planted")
    yield group
    logs.delete_log_group(logGroupName=group)


def test_the_search_finds_what_is_planted(machine: Machine, planted: str, needles: frozenset[str], duval: Sharing) -> None:
    foreign = next(needle for needle in sorted(needles) if not needle.isascii() and " " in needle)
    email = next(student.email for student in duval.district.students if student.email)
    number = duval.district.students[0].local_id
    born = duval.district.students[0].birth_date.isoformat()
    lines = (
        json.dumps({"message": f"could not read {foreign}"}),
        base64.b64encode(f'{{"guardian":"{email.upper()}"}}'.encode()).decode(),
        f"GET /students/{number}?born={born}",
    )
    logs = machine.cloud.session(DESK).client("logs")
    for n, line in enumerate(lines):
        logs.put_log_events(
            logGroupName=planted, logStreamName="planted", logEvents=[{"timestamp": 1_800_000_000_000 + n, "message": line}]
        )
    found = found_in(places(machine)[f"log group {planted}"], needles)
    assert found >= {foreign, email, number, born}
