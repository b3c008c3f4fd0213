"""The officer's review on a machine of its own: green where all was agreed, and red or amber within one review of each misuse, with the right sentence. What could be refused, was."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from local.cloud.server import ACCOUNT, REGION
from local.district.people import make_district
from local.machine import DESK, Machine
from local.reviewing import Reviewed, next_second, review
from tests.flow.product.hearing import Hearing
from tests.flow.product.sharing import Sharing
from tests.flow.product.test_one_child_one_card import NEIGHBOURS
from tests.flow.product.waiting import until_quiet

pytestmark = [pytest.mark.flow, pytest.mark.timeout(900)]

OF_DUVAL, LOGS = "alias/firstcard-purpose-jaxpl-duval", f"firstcard-logs-{ACCOUNT}-{REGION}"
ADMIN = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}], "Version": "2012-10-17"}
ANYBODY = {
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}],
    "Version": "2012-10-17",
}


@dataclass
class Night:
    """A machine on which a district's cards were made, and an administrator who is no part of the deployment."""

    machine: Machine
    sharing: Sharing
    first: Reviewed
    folder: Path
    turns: int = 0

    def after(self, misuse: Callable[[], object]) -> Reviewed:
        """The review of the seconds in which something was done."""
        begins = next_second()
        misuse()
        self.turns += 1
        return review(self.machine, begins, self.folder / f"turn-{self.turns}")

    def as_(self, role: str, service: str) -> Any:
        return self.machine.cloud.session(role).client(service)

    def a_key(self) -> tuple[bytes, dict[str, str]]:
        """A data key of identity, wrapped for sync, and its context."""
        item = next(item for (pk, _), item in self.sharing.state().items.items() if pk.startswith("envelope#"))
        wrapped = bytes(item["wrapped"]["identity"]["sync_ils"].value)
        return wrapped, {"agreement": "jaxpl.duval", "object": item["object"], "group": "identity", "purpose": "sync_ils"}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("review")
    machine = Machine(folder / "machine", ["jacksonville"], datetime.now(UTC).date(), report=lambda line: None, neighbours=NEIGHBOURS)
    with machine as running:
        iam = running.cloud.session().client("iam")
        iam.create_role(RoleName="admin", AssumeRolePolicyDocument=json.dumps(ANYBODY))
        iam.put_role_policy(RoleName="admin", PolicyName="all", PolicyDocument=json.dumps(ADMIN))
        hearing = Hearing(running).begin()
        made = make_district(district="duval", seed=3, today=running.today, students=30, staff=3, schools=2)
        sharing = Sharing(running, running.deployed[0], made, hearing)
        begins = next_second()
        sharing.drop(sharing.protected(sharing.export), "first.zip.gpg")
        run = sharing.until_run("first.zip.gpg", "held")
        sharing.decide(str(run["run_id"]), "approve")
        sharing.until_run("first.zip.gpg", "applied")
        until_quiet(running)
        running.invoke_window(datetime.now(UTC) + timedelta(days=15))
        until_quiet(running)
        yield Night(running, sharing, review(running, begins, folder / "first"), folder)


def told(found: Reviewed) -> dict[str, str]:
    """The findings' sentences by code."""
    return {finding["code"]: finding["sentence"] for finding in found.report["findings"]}


def refused(act: Callable[[], object]) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        act()


def test_a_night_in_which_all_was_agreed_is_green_and_says_on_what_it_rests(night: Night) -> None:
    report = night.first.report
    assert (report["light"], night.first.code, report["findings"]) == ("green", 0, [])
    assert report["rests_on"]["verdict"] == "whole"
    assert report["intents"]["matched"] == report["intents"]["all"] > 0
    assert report["events"]["allowed"] > 100
    assert night.first.page.read_text().count("<h2>") == 18


def test_opening_for_another_purpose_is_refused_and_told(night: Night) -> None:
    wrapped, context = night.a_key()
    notify = night.as_("firstcard-notify", "kms")
    found = night.after(lambda: refused(lambda: notify.decrypt(CiphertextBlob=wrapped, EncryptionContext=context, KeyId=OF_DUVAL)))
    assert (found.report["light"], found.code) == ("amber", 1)
    assert told(found) == {"tried_and_refused": "firstcard-notify tried to open identity of jaxpl.duval for sync_ils and was refused."}


def test_a_policy_loosened_by_hand_and_what_it_lets_through_are_both_told(night: Night) -> None:
    wrapped, context = night.a_key()
    kms = night.as_("admin", "kms")
    key = kms.describe_key(KeyId=OF_DUVAL)["KeyMetadata"]["KeyId"]
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    loose = json.loads(before)
    loose["Statement"].append(
        {
            "Sid": "Loose",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/firstcard-notify"},
            "Action": "kms:Decrypt",
            "Resource": "*",
        }
    )

    def misuse() -> None:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(loose))
        night.as_("firstcard-notify", "kms").decrypt(CiphertextBlob=wrapped, EncryptionContext=context, KeyId=OF_DUVAL)
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)

    found = night.after(misuse)
    assert found.report["light"] == "red"
    assert (
        told(found)["other_purpose"]
        == "firstcard-notify opened identity of jaxpl.duval for sync_ils: the agreement does not give this role that purpose."
    )
    assert "changed who may use a key, outside a deployment" in told(found)["key_changed"]


def test_an_opening_after_the_term_is_told(night: Night, tmp_path: Path) -> None:
    """The agreement as it was in force: one that ended yesterday makes of last night's openings what they were."""
    logs = night.first.page.parent.parent / "evidence"
    site = tmp_path / "site"
    for folder in ("agreements", "libraries"):
        (site / folder).mkdir(parents=True)
        for file in (night.machine.state / "site" / folder).glob("*.yaml"):
            (site / folder / file.name).write_bytes(file.read_bytes())
    file = next(one for one in (site / "agreements").glob("*.yaml") if "district: duval" in one.read_text())
    content = yaml.safe_load(file.read_text())
    yesterday = night.machine.today - timedelta(days=1)
    content["term"]["expires"] = yesterday
    content["goals"] = []
    file.write_text(yaml.safe_dump(content))
    report = night.first.report
    words = ("review", "--logs", str(logs), "--from", report["from"][:19], "--to", report["to"][:19], "--out", str(tmp_path / "out"))
    more = ("--agreements", str(site), "--templates", str(night.machine.state / "cdk.out"), "--json")
    said = json.loads(night.sharing.firstcard(*words, *more, exits=(1,)))
    assert said["light"] == "red"
    assert {"outside_term"} <= {finding["code"] for finding in said["findings"]}


def test_stopped_logging_makes_everything_doubtful(night: Night) -> None:
    trail = night.as_("admin", "cloudtrail")

    def misuse() -> None:
        trail.stop_logging(Name="firstcard")
        trail.start_logging(Name="firstcard")

    found = night.after(misuse)
    assert (found.report["light"], found.report["rests_on"]["verdict"]) == ("red", "not_whole")
    assert "hours_missing" in {reason["code"] for reason in found.report["rests_on"]["reasons"]}
    assert not [answer for answer in found.report["answers"] if answer["light"] == "green"]


def again(night: Night, found: Reviewed, out: Path) -> dict[str, Any]:
    """The review of a folder of evidence once more."""
    folder, report = found.page.parent.parent, found.report
    words = ("review", "--logs", str(folder / "evidence"), "--from", report["from"][:19], "--to", report["to"][:19], "--out", str(out))
    more = ("--agreements", str(night.machine.state / "site"), "--templates", str(night.machine.state / "cdk.out"), "--json")
    more = (*more, "--acknowledged", str(folder / "acknowledged.yaml"))
    said: dict[str, Any] = json.loads(night.sharing.firstcard(*words, *more, exits=(0, 1)))
    return said


@pytest.mark.parametrize("how", ["deleted", "altered"])
def test_a_log_file_that_was_deleted_or_altered_is_told(night: Night, tmp_path: Path, how: str) -> None:
    found = night.after(lambda: night.as_("firstcard-officer", "cloudtrail").get_trail(Name="firstcard"))
    files = (found.page.parent.parent / "evidence").rglob("*_CloudTrail_*.json.gz")
    begins = found.report["from"][:19]
    file = next(
        one for one in files if any(begins <= record["eventTime"] for record in json.loads(gzip.decompress(one.read_bytes()))["Records"])
    )
    if how == "deleted":
        file.unlink()
    else:
        records = json.loads(gzip.decompress(file.read_bytes()))
        file.write_bytes(gzip.compress(json.dumps({"Records": records["Records"][:-1]}).encode()))
    said = again(night, found, tmp_path)
    assert (said["light"], said["rests_on"]["verdict"]) == ("red", "not_whole")
    assert "hours_broken" in {reason["code"] for reason in said["rests_on"]["reasons"]}


def test_nobody_deletes_a_log_file(night: Night) -> None:
    s3 = night.as_("firstcard-officer", "s3")
    key = s3.list_objects_v2(Bucket=LOGS, Prefix="AWSLogs/")["Contents"][0]["Key"]
    refused(lambda: s3.delete_object(Bucket=LOGS, Key=key))


def test_a_district_that_reaches_for_anothers_files_is_refused_and_told(night: Night) -> None:
    upload, others = night.as_("firstcard-upload-duval", "s3"), night.machine.drop_bucket("stjohns")
    found = night.after(lambda: refused(lambda: upload.get_object(Bucket=others, Key="incoming/roster.zip")))
    assert found.report["light"] == "amber"
    assert "firstcard-upload-duval tried s3:GetObject" in told(found)["tried_and_refused"]


def test_a_bulk_export_is_told(night: Night) -> None:
    found = night.after(lambda: night.as_("admin", "dynamodb").scan(TableName="firstcard-cards", Limit=1))
    assert found.report["light"] == "red"
    assert "took data out as a whole: dynamodb:Scan" in told(found)["bulk_export"]


def test_a_key_scheduled_for_deletion_is_told(night: Night) -> None:
    kms = night.as_("admin", "kms")
    key = kms.describe_key(KeyId="alias/firstcard-purpose-jaxpl-stjohns")["KeyMetadata"]["KeyId"]

    def misuse() -> None:
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        kms.cancel_key_deletion(KeyId=key)

    found = night.after(misuse)
    assert found.report["light"] == "red"
    assert "set out to make a key unusable: kms:ScheduleKeyDeletion" in told(found)["key_deletion"]


def test_somebody_whom_nobody_names_is_told_whatever_they_read(night: Night) -> None:
    run = night.sharing.runs()[0]["run_id"]
    key = f"runs/{run}/receipt.json"
    found = night.after(lambda: refused(lambda: night.as_(DESK, "s3").get_object(Bucket=night.machine.vault_bucket, Key=key)))
    assert found.report["light"] == "amber"
    assert DESK in told(found)["tried_and_refused"]


def test_a_refusal_that_was_ignored_is_told(night: Night, tmp_path: Path) -> None:
    """The list as library staff put it into the folder: one no whose hours went by without its card's end."""
    said = json.loads(
        night.sharing.firstcard(
            "noes", "list", "--library", "jaxpl", "--all", "--since", "2026-01-01", "--json", role="firstcard-librarian"
        )
    )
    ignored = {"said_at": night.first.report["from"], "ended_at": "", "hours": None, "within": False, "sharing": "jaxpl.duval"}
    file = night.first.page.parent.parent / "evidence" / "noes-jaxpl.json"
    try:
        file.write_text(json.dumps(said))
        assert again(night, night.first, tmp_path)["light"] == "green"
        file.write_text(json.dumps({**said, "noes": [*said["noes"], ignored]}))
        found = again(night, night.first, tmp_path)
    finally:
        file.unlink()
    assert found["light"] == "red"
    assert "1 of" in next(answer["text"] for answer in found["answers"] if answer["number"] == 9)
