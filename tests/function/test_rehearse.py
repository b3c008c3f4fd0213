"""The trial folder as AWS calls it: what a file is worth, told in a receipt, and nothing of the file left anywhere."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pyrage
import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from typer.testing import CliRunner

from cli.main import app
from firstcard.receipt.receipt import NOT_COMPARED, NOTHING_DONE
from functions.admit import handler as admit
from functions.rehearse import handler as rehearse
from tests.function.builders import (
    ACCOUNT,
    CARDS,
    EVENING,
    LEDGER,
    REGION,
    Breaking,
    Yard,
    a_roster,
    csv_content,
    drop_bucket,
    everything,
    site_content,
)
from tests.function.calling import a_batch, a_context
from tests.unit.roster.builders import a_firstcard_csv, a_student_row

OURS, STRANGER = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
EXCHANGE = {"mapping": {}, "formats": ["csv"], "organisation_ids": ["school-1"], "signers": []}
SAFETY = {"first_run_needs_approval": True} | {f"max_{what}_percent": 5 for what in ("missing", "new", "changed", "rejected")}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PutEvents", "SendEmail", "StartExecution", "SendMessage"}


@pytest.fixture
def agreements() -> list[dict[str, Any]]:
    """Pine takes files encrypted or better, of a megabyte; fir takes any."""
    exchange = EXCHANGE | {"protection": "encrypted", "max_megabytes": 1}
    pine = csv_content("pine", "dsa-pine-oak-2026", "904", exchange=exchange, safety=SAFETY)
    return [pine, *(content | {"safety": SAFETY} for content in site_content() if content["district"] == "fir")]


@pytest.fixture(autouse=True)
def our_key(cloud: None) -> None:
    value = json.dumps({"keys": [], "age": [str(OURS)]})
    boto3.client("secretsmanager").put_secret_value(SecretId="firstcard/openpgp/pine", SecretString=value)


def sealed(data: bytes, identity: pyrage.x25519.Identity = OURS) -> bytes:
    sealed_data: bytes = pyrage.encrypt(data, [identity.to_public()])
    return sealed_data


def put(body: bytes, key: str = "try/roster.csv", *, district: str = "fir", time: str = "2026-11-22T06:00:00Z") -> dict[str, Any]:
    """Upload, and give the event that S3 sends of it."""
    written = boto3.client("s3").put_object(Bucket=drop_bucket(district), Key=key, Body=body)
    thing = {"key": key, "version-id": written["VersionId"], "size": len(body)}
    return {"time": time, "detail": {"bucket": {"name": drop_bucket(district)}, "object": thing}}


def call(*events: dict[str, Any]) -> None:
    assert rehearse.handler(a_batch(*events), a_context()) == {"batchItemFailures": []}


def lying() -> dict[str, bytes]:
    """Every version of every object in every bucket, by bucket, key and version."""
    s3 = boto3.client("s3")

    def versions() -> Iterator[tuple[str, bytes]]:
        for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
            for each in s3.list_object_versions(Bucket=bucket).get("Versions", []):
                body = s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])["Body"].read()
                yield f"{bucket}/{each['Key']}?{each['VersionId']}", body

    return dict(versions())


def outbox(district: str = "fir") -> dict[str, str]:
    """The newest of each receipt, by its name."""
    s3 = boto3.client("s3")
    listed = s3.list_objects_v2(Bucket=drop_bucket(district), Prefix="outbox/").get("Contents", [])
    return {each["Key"]: s3.get_object(Bucket=drop_bucket(district), Key=each["Key"])["Body"].read().decode() for each in listed}


def receipt(district: str = "fir") -> dict[str, Any]:
    (body,) = (body for key, body in outbox(district).items() if key.endswith(".json"))
    told: dict[str, Any] = json.loads(body)
    return told


def reasons(told: dict[str, Any]) -> list[str]:
    return [place["reason"] for place in told["reasons"]]


def in_trials(district: str = "fir") -> list[str]:
    found = boto3.client("s3").list_object_versions(Bucket=drop_bucket(district), Prefix="try/")
    return [each["Key"] for each in found.get("Versions", [])]


class TestAVerdict:
    def test_of_a_good_file_is_acceptable_with_its_counts_and_what_was_not_looked_at(self, yard: Yard) -> None:
        call(put(a_firstcard_csv(*(a_student_row(n) for n in range(40)), a_student_row(41, last_name=""))))
        told = receipt()
        assert (told["outcome"], told["rows"], told["accepted"], told["rejected"]) == ("trial_acceptable", 41, 40, {"MISSING_REQUIRED": 1})
        assert told["remarks"] == [NOTHING_DONE, NOT_COMPARED]
        assert [(p["line"], p["column"], p["reason"]) for p in told["problems"]] == [(42, "last_name", "MISSING_REQUIRED")]
        assert told["decisions"] == {}

    def test_of_too_many_rejected_rows_would_be_held(self, yard: Yard) -> None:
        call(put(a_firstcard_csv(*(a_student_row(n) for n in range(9)), a_student_row(10, last_name=""))))
        assert (receipt()["outcome"], reasons(receipt()), receipt()["rows"]) == ("trial_held", ["TOO_MANY_REJECTED"], 10)

    @pytest.mark.parametrize(
        ("body", "reason"), [(b"%PDF-1.7", "UNKNOWN_FORMAT"), (b"", "EMPTY_BULK"), (b"PK\x03\x04 broken", "ZIP_DAMAGED")]
    )
    def test_of_what_is_no_roster_is_not_usable(self, yard: Yard, body: bytes, reason: str) -> None:
        call(put(body))
        told = receipt()
        assert (told["outcome"], reasons(told), told["remarks"]) == ("trial_refused", [reason], [NOTHING_DONE])

    @pytest.mark.parametrize(
        ("protected", "outcome", "why"),
        [
            (lambda: sealed(a_roster(1, 2)), "trial_acceptable", []),
            (lambda: sealed(a_roster(1, 2), STRANGER), "trial_refused", ["AGE_NO_KEY"]),
            (lambda: a_roster(1, 2), "trial_refused", ["PROTECTION_TOO_WEAK"]),
            (lambda: sealed(a_roster(1, 2))[:-3], "trial_refused", ["AGE_TAMPERED"]),
        ],
    )
    def test_is_given_under_the_agreements_protection(
        self, yard: Yard, protected: Callable[[], bytes], outcome: str, why: list[str]
    ) -> None:
        call(put(protected(), "try/roster.csv.age", district="pine"))
        assert (receipt("pine")["outcome"], reasons(receipt("pine"))) == (outcome, why)

    @pytest.mark.parametrize("bad", [0, 2, 3])
    def test_is_the_one_of_firstcard_check(self, yard: Yard, tmp_path: Path, bad: int) -> None:
        body = a_firstcard_csv(*(a_student_row(n) for n in range(40)), *(a_student_row(50 + n, birth_date="no day") for n in range(bad)))
        call(put(body))
        (tmp_path / "roster.csv").write_bytes(body)
        (tmp_path / "fir.yaml").write_text(json.dumps(next(a for a in self.deployed() if a["district"] == "fir")))
        words = ["check", str(tmp_path / "roster.csv"), "--agreement", str(tmp_path / "fir.yaml"), "--today", "2026-11-22", "--json"]
        said = json.loads(CliRunner().invoke(app, words).stdout)
        told = receipt()
        assert told["outcome"] == f"trial_{said['verdict']}"
        counted = {**told["rejected"], **dict.fromkeys(reasons(told), 1)}
        assert (told["rows"], told["accepted"], counted) == (said["rows"], said["accepted"], said["reasons"])

    @staticmethod
    def deployed() -> list[dict[str, Any]]:
        return [content | {"safety": SAFETY} for content in site_content()]


class TestAFileThatMayNotBeOpened:
    """It is not even read."""

    def refused(self, event: dict[str, Any], breaking: Breaking, reason: str) -> None:
        breaking.seen.clear()
        call(event)
        assert "GetObject" not in breaking.seen
        assert "GetSecretValue" not in breaking.seen
        assert in_trials("pine") == []
        assert (receipt("pine")["outcome"], reasons(receipt("pine"))) == ("trial_refused", [reason])

    def test_under_a_suspended_agreement(self, yard: Yard, breaking: Breaking) -> None:
        yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
        self.refused(put(sealed(a_roster(1)), district="pine"), breaking, "AGREEMENT_SUSPENDED")

    def test_after_the_term(self, yard: Yard, breaking: Breaking) -> None:
        event = put(sealed(a_roster(1)), district="pine", time="2027-08-01T00:00:00Z")
        self.refused(event, breaking, "AGREEMENT_NOT_IN_FORCE")

    def test_above_the_agreements_size(self, yard: Yard, breaking: Breaking) -> None:
        self.refused(put(b"x" * 1_000_001, district="pine"), breaking, "TOO_LARGE")


BODIES = {
    "acceptable": a_roster(1, 2),
    "held": a_firstcard_csv(a_student_row(1), a_student_row(2, last_name="")),
    "not usable": b"%PDF-1.7",
}


class TestNothingIsLeft:
    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
    def test_but_three_forms_of_a_receipt_that_say_so(self, yard: Yard, breaking: Breaking, body: bytes) -> None:
        yard.run(a_roster(5, 6), district="fir")
        tables, before = (everything(CARDS), everything(LEDGER)), lying()
        breaking.seen.clear()
        call(put(body))
        assert not WRITES & set(breaking.seen)
        assert (everything(CARDS), everything(LEDGER)) == tables
        new = {where.partition("?")[0]: told for where, told in lying().items() if where not in before}
        assert before.items() <= lying().items()
        assert {where.rpartition(".")[2] for where in new} == {"json", "csv", "html"}
        assert all(where.startswith(f"{drop_bucket('fir')}/outbox/try-2026-11-22-060000-") for where in new)
        assert len({where.rpartition(".")[0] for where in new}) == 1
        assert all(NOTHING_DONE.encode() in told for told in new.values())

    def test_of_what_a_rename_left_under_the_temporary_name(self, yard: Yard) -> None:
        s3, bucket = boto3.client("s3"), drop_bucket("fir")
        put(a_roster(1, 2), "try/roster.csv.part")
        s3.delete_object(Bucket=bucket, Key="try/roster.csv.part")
        put(a_roster(3), "try/still-uploading.csv.part")
        call(put(a_roster(1, 2)))
        assert in_trials() == ["try/still-uploading.csv.part"]

    def test_however_often_and_late_the_event_comes(self, yard: Yard, breaking: Breaking) -> None:
        event = put(BODIES["held"])
        call(event)
        before = lying()
        breaking.seen.clear()
        call(event)
        call(event | {"time": "2026-12-24T06:00:00Z"})
        assert set(breaking.seen) == {"ListObjectVersions"}
        assert lying() == before

    def test_of_a_file_of_a_district_without_an_agreement(self, yard: Yard) -> None:
        boto3.client("s3").create_bucket(Bucket=drop_bucket("elm"))
        boto3.client("s3").put_bucket_versioning(Bucket=drop_bucket("elm"), VersioningConfiguration={"Status": "Enabled"})
        before = lying()
        call(put(a_roster(1), district="elm"))
        assert lying() == before

    def test_of_either_of_two_versions_of_one_name_told_in_the_wrong_order(self, yard: Yard) -> None:
        older, newer = put(a_roster(1, 2, 3)), put(BODIES["not usable"])
        call(newer)
        call(older)
        assert in_trials() == []
        outcomes = sorted(json.loads(body)["outcome"] for key, body in outbox().items() if key.endswith(".json"))
        assert outcomes == ["trial_acceptable", "trial_refused"]


class TestAFailure:
    def test_of_the_deletion_is_tried_again_and_gives_the_same_receipt(self, yard: Yard, breaking: Breaking) -> None:
        event = put(BODIES["held"])

        def fails() -> None:
            raise ConnectionError

        breaking.before("DeleteObject", fails)
        with pytest.raises(BatchProcessingError):
            rehearse.handler(a_batch(event), a_context())
        told = outbox()
        assert (in_trials(), len(told)) == (["try/roster.csv"], 3)
        call(event)
        assert in_trials() == []
        assert outbox() == told

    def test_of_the_receipt_keeps_the_file_for_the_next_try(self, yard: Yard, breaking: Breaking) -> None:
        event = put(BODIES["held"])

        def fails() -> None:
            raise ConnectionError

        breaking.before("PutObject", fails, nth=2)
        with pytest.raises(BatchProcessingError):
            rehearse.handler(a_batch(event), a_context())
        assert in_trials() == ["try/roster.csv"]
        call(event)
        assert in_trials() == []
        assert len(outbox()) == 3


class TestWhoTakesWhat:
    @pytest.mark.parametrize("name", ["roster.csv.part", "roster.csv.filepart", "~$roster.xlsx", ".roster.csv", "folder/"])
    def test_a_temporary_name_is_left_alone(self, yard: Yard, breaking: Breaking, name: str) -> None:
        event = put(a_roster(1), f"try/{name}")
        breaking.seen.clear()
        call(event)
        assert breaking.seen == []

    @pytest.mark.parametrize("key", ["incoming/roster.csv", "outbox/try-roster.csv", "incoming/try/roster.csv", "try.csv"])
    def test_rehearse_takes_nothing_from_another_folder(self, yard: Yard, breaking: Breaking, key: str) -> None:
        event = put(a_roster(1), key)
        breaking.seen.clear()
        call(event)
        assert breaking.seen == []

    def test_admit_and_its_sweep_take_nothing_from_try(self, yard: Yard, breaking: Breaking) -> None:
        event = put(a_roster(1))
        assert admit.handler(a_batch(event), a_context()) == {"batchItemFailures": []}
        admit.handler({"account": ACCOUNT, "region": REGION, "time": "2027-01-01T00:00:00Z"}, a_context())
        assert "StartExecution" not in breaking.seen
        assert everything(LEDGER) == []


SECRET = "Zq7planted"


def test_no_value_of_the_file_is_in_the_receipt_or_the_log(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    names = [name for name in a_student_row() if name not in ("school_id", "role")]
    call(put(a_firstcard_csv(*(a_student_row(n, **{name: f"{SECRET}\x00{n}"}) for n, name in enumerate(names)), a_student_row(99))))
    logged = "\n".join(repr(vars(record)) for record in caplog.records)
    assert len(receipt()["problems"]) >= len(names) // 2
    assert "rehearsed" in logged
    for told in (*outbox().values(), logged):
        assert SECRET not in told


def test_the_first_line_of_each_form_says_that_it_was_a_trial(yard: Yard) -> None:
    call(put(BODIES["held"]))
    forms = {key.rpartition(".")[2]: body for key, body in outbox().items()}
    assert list(json.loads(forms["json"]))[:2] == ["trial", "remarks"]
    rows = list(csv.DictReader(io.StringIO(forms["csv"])))
    assert [(row["severity"], row["message"]) for row in rows[:2]] == [("trial", NOTHING_DONE), ("trial", NOT_COMPARED)]
    assert forms["html"].partition("<header>")[2].lstrip().startswith(f'<p class="remark"><strong>{NOTHING_DONE}')
