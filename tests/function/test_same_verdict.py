"""`firstcard check` and the cloud say the same of the same file: the verdict, how many rows for which reason, and every problem's place."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app
from cli.samples import FORMS, plant
from local.district import make_district
from tests.function.builders import EVENING, VAULT, Yard, csv_content

MAPPING = {"home_language": "metadata.homeLanguage", "opt_out": "metadata.optOut"}
VERDICTS = {"ready": "acceptable", "held": "held", "rejected": "refused"}
SCHOOLS = 2
BARCODE = {"scheme": "library_barcode", "prefix": "", "length": 14}
DISTRICT = make_district(
    district="sample", org_id="sample-district", students=60, staff=5, schools=SCHOOLS, seed=9, today=EVENING.date(), damaged_share=0
)


def content(form: str) -> dict[str, Any]:
    """The agreement that pine sends this form under, on the cloud's side and on the district's."""
    given = csv_content("pine", "dsa-pine-oak-2026", "904")
    given["safety"]["max_rejected_percent"] = 5
    schools = [name for school in DISTRICT.schools for name in (school.sourced_id, school.number)]
    given["exchange"]["organisation_ids"] = ["sample-district", "10001", "110003", *schools]
    given["exchange"]["mapping"] = dict(MAPPING) if form.startswith("oneroster") else {}
    given["card"] |= {"number": dict(BARCODE), "staff_number": dict(BARCODE)}
    return given


@dataclass(frozen=True)
class Said:
    """What one side says of a file. ``reasons`` are those against the whole file and, with their number, those of rejected rows."""

    verdict: str
    reasons: dict[str, int]
    problems: list[tuple[str, int, str, str]]
    rows: int


def by_check(file: Path, agreement: dict[str, Any]) -> Said:
    written = file.parent / "agreement.yaml"
    written.write_text(yaml.safe_dump(agreement, sort_keys=False))
    ran = CliRunner().invoke(app, ["check", str(file), "--agreement", str(written), "--today", str(EVENING.date()), "--json"])
    told = json.loads(ran.stdout)
    problems = [(one["file"], one["line"], one["column"], one["code"]) for one in told["errors"]]
    # What is against a readable file as a whole is a hold, which the cloud keeps apart from the problems.
    return Said(
        told["verdict"], told["reasons"], [one for one in problems if told["verdict"] == "refused" or one[1] or one[0]], told["rows"]
    )


def by_cloud(yard: Yard, name: str, data: bytes) -> Said:
    arrival = yard.admitted(data, key=f"incoming/{name}")
    outcome = yard.plan(arrival).outcome
    run = yard.known(arrival)
    if outcome == "rejected":
        (problem,) = stored(f"runs/{arrival.run_id}/rejected/problems.json")
        return Said("refused", {str(run.reason): 1}, [tuple(problem)], 0)
    folder = run.chunks_prefix.removesuffix("chunks/") if run.chunks_prefix else next(iter(folders(arrival.run_id)))
    plan = stored(f"{folder}plan.json")
    reasons = dict(sorted({**plan["rejected"], **dict.fromkeys(plan["holds"], 1)}.items()))
    return Said(VERDICTS[outcome], reasons, [tuple(problem) for problem in stored(f"{folder}problems.json")], plan["rows"])


def stored(key: str) -> Any:
    return json.loads(boto3.client("s3").get_object(Bucket=VAULT, Key=key)["Body"].read())


def folders(run_id: str) -> list[str]:
    listed = boto3.client("s3").list_objects_v2(Bucket=VAULT, Prefix=f"runs/{run_id}/").get("Contents", [])
    return [item["Key"].removesuffix("plan.json") for item in listed if item["Key"].endswith("plan.json")]


class TestSamples:
    @pytest.fixture
    def agreements(self, form: str) -> list[dict[str, Any]]:
        return [content(form)]

    @pytest.mark.parametrize(("faults", "verdict"), [(0, "acceptable"), (2, "acceptable"), (12, "held")])
    @pytest.mark.parametrize("form", FORMS)
    def test_a_sample_of_any_form_is_judged_alike(self, form: str, faults: int, verdict: str, yard: Yard, tmp_path: Path) -> None:
        sample = FORMS[form](DISTRICT)
        plant(sample, faults, seed=4, today=EVENING.date())
        file = tmp_path / sample.file_name
        file.write_bytes(sample.data())
        checked = by_check(file, content(form))
        assert checked.verdict == verdict
        assert sum(n for code, n in checked.reasons.items() if code != "TOO_MANY_REJECTED") == faults
        assert by_cloud(yard, sample.file_name, sample.data()) == checked

    @pytest.mark.parametrize("form", ["firstcard_csv"])
    @pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"student_id,last_name,first_name\r\n", b"PK\x03\x04", bytes(range(256))])
    def test_what_is_refused_is_refused_alike(self, form: str, data: bytes, yard: Yard, tmp_path: Path) -> None:
        file = tmp_path / "roster.csv"
        file.write_bytes(data)
        checked = by_check(file, content(form))
        assert checked.verdict == "refused"
        assert by_cloud(yard, file.name, data) == checked


class TestOthersSamples:
    @pytest.fixture
    def agreements(self) -> list[dict[str, Any]]:
        return [content("firstcard_csv")]

    def test_other_peoples_samples_are_judged_alike(self, yard: Yard, tmp_path: Path) -> None:
        place = os.environ.get("FIRSTCARD_CONFORMANCE")
        if not place:
            pytest.skip("FIRSTCARD_CONFORMANCE is not set: it names the folder of others' samples")
        rosters = Path(place) / "rosters"
        files = [path for path in sorted(rosters.rglob("*")) if path.is_file()]
        assert files
        for number, path in enumerate(files):
            data = path.read_bytes()
            file = tmp_path / f"{number}-{path.name}"
            file.write_bytes(data)
            assert by_cloud(yard, file.name, data) == by_check(file, content("firstcard_csv")), path.name
