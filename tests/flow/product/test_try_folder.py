"""A district that can install nothing tries files in its own SFTP folder: a receipt within a minute, and nothing of them anywhere."""

import json
from typing import Any

import asyncssh
import pytest
from botocore.exceptions import ClientError

from firstcard.receipt.receipt import NOTHING_DONE
from local.machine import Machine
from tests.flow.product.conftest import Trials
from tests.flow.product.searching import found_in
from tests.flow.product.sharing import Sharing
from tests.flow.product.waiting import until_quiet

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    ("name", "outcome", "reasons"),
    [
        ("no-roster.gpg", "trial_refused", ["UNKNOWN_FORMAT"]),
        ("for-somebody-else.zip.gpg", "trial_refused", ["PGP_NO_KEY"]),
        ("not-protected.zip", "trial_refused", ["PROTECTION_TOO_WEAK"]),
    ],
)
def test_a_file_that_would_be_refused_is_told_why(trials: Trials, name: str, outcome: str, reasons: list[str]) -> None:
    receipt = trials.receipts[name]
    assert (receipt["outcome"], [place["reason"] for place in receipt["reasons"]], receipt["rows"]) == (outcome, reasons, 0)


def test_a_file_that_would_be_taken_is_told_so_row_by_row(trials: Trials, duval: Sharing) -> None:
    receipt = trials.receipts["good.zip.gpg"]
    damaged = sum(student.damage is not None for student in duval.district.students)
    share = 100 * damaged / (len(duval.district.students) + len(duval.district.staff))
    held = share > duval.programme.agreement.safety.max_rejected_percent
    assert receipt["outcome"] == ("trial_held" if held else "trial_acceptable")
    assert receipt["rows"] == len(duval.district.students) + len(duval.district.staff)
    assert sum(receipt["rejected"].values()) == damaged > 0
    assert all(place["line"] for place in receipt["problems"] if place["severity"] == "row")


def test_every_form_of_every_receipt_says_that_it_was_a_trial(trials: Trials, duval: Sharing) -> None:
    for kind in ("json", "csv", "html"):
        bodies = duval.trial_receipts(kind).values()
        assert len(bodies) >= len(trials.receipts)
        assert all(NOTHING_DONE in body for body in bodies)


def test_nothing_is_kept_issued_told_or_mailed(trials: Trials, duval: Sharing) -> None:
    assert trials.left.nothing
    assert trials.ledger == frozenset()
    assert {(bucket, key.rpartition("/")[0]) for bucket, key, _ in trials.stored} == {(duval.bucket, "outbox")}
    assert len(trials.stored) == 3 * len(trials.receipts)


def test_not_even_under_the_temporary_name_is_anything_left_in_the_folder(trials: Trials, machine: Machine, duval: Sharing) -> None:
    listed = machine.cloud.session().client("s3").list_object_versions(Bucket=duval.bucket, Prefix="try/")
    assert [version["Key"] for version in listed.get("Versions", [])] == []


def test_receipts_of_trials_name_nobody(trials: Trials, duval: Sharing) -> None:
    needles = duval.district.needles()
    for kind in ("json", "csv", "html"):
        assert found_in("\n".join(duval.trial_receipts(kind).values()), needles) == set()


def test_a_suspended_agreement_lets_no_file_be_tried(trials: Trials, machine: Machine, duval: Sharing) -> None:
    sharing = duval.programme.agreement.sharing
    duval.firstcard("suspend", sharing)
    try:
        duval.drop(duval.protected(duval.export), "while-suspended.zip.gpg", folder="try")
        receipt = duval.until_tried("while-suspended.zip.gpg")
    finally:
        duval.firstcard("resume", sharing)
    assert [place["reason"] for place in receipt["reasons"]] == ["AGREEMENT_SUSPENDED"]


def test_an_unfinished_upload_is_not_tried_and_cannot_be_read_back_under_its_final_name(
    trials: Trials, machine: Machine, duval: Sharing
) -> None:
    known = len(duval.trial_receipts())

    async def half(client: asyncssh.SFTPClient) -> None:
        async with client.open("/try/unfinished.zip.gpg.part", "wb") as file:
            await file.write(b"half of a file")
        with pytest.raises(asyncssh.SFTPError):
            await client.get("/try/unfinished.zip.gpg")
        await client.remove("/try/unfinished.zip.gpg.part")

    duval.over_sftp(half)
    until_quiet(machine)
    assert len(duval.trial_receipts()) == known


def test_a_district_that_uploads_to_s3_tries_there_too(trials: Trials, machine: Machine, duval: Sharing) -> None:
    s3: Any = machine.cloud.session("firstcard-upload-duval").client("s3")
    s3.put_object(Bucket=duval.bucket, Key="try/by-s3.zip.gpg", Body=duval.protected(duval.export))
    for refused in (s3.get_object, s3.delete_object):
        with pytest.raises(ClientError, match=r"AccessDenied|403"):
            refused(Bucket=duval.bucket, Key="try/by-s3.zip.gpg")
    tried, first = duval.until_tried("by-s3.zip.gpg"), trials.receipts["good.zip.gpg"]
    same = ("outcome", "rows", "accepted", "rejected", "problems")
    assert json.dumps([tried[name] for name in same]) == json.dumps([first[name] for name in same])
