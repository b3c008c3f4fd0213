"""``firstcard sample``: what it plants in a form is what ``firstcard check`` finds there, to the row."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app
from cli.samples import FORMS
from tests.unit.agreement.builders import agreement_content

TODAY = "2026-11-22"
STUDENTS = 600
BARCODES = {name: {"scheme": "library_barcode", "prefix": "", "length": 14} for name in ("number", "staff_number")}


def run(*arguments: object) -> Any:
    return CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, [str(one) for one in arguments])


def a_sample(out: Path, form: str, errors: str = "5%", *more: str, students: int = STUDENTS, seed: int = 7) -> dict[str, Any]:
    result = run(
        *("sample", "--format", form, "--students", students, "--errors", errors, "--seed", seed),
        *("--out", out, "--today", TODAY, "--json", *more),
    )
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def checked(file: object, *more: object) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run("check", file, "--today", TODAY, "--json", *more).stdout)
    return told


@pytest.mark.parametrize("form", FORMS)
def test_check_rejects_exactly_the_rows_that_were_announced(form: str, tmp_path: Path) -> None:
    told = a_sample(tmp_path, form)
    found = checked(told["file"])
    row_reasons = {code: n for code, n in found["reasons"].items() if code != "TOO_MANY_REJECTED"}
    places = {(error["file"], error["line"], error["column"], error["code"]) for error in found["errors"]}
    assert row_reasons == told["rejected"]
    assert {(row["file"], row["line"], row["column"], row["code"]) for row in told["planted"]} <= places
    assert found["rejected"] == len(told["planted"]) == STUDENTS // 20
    assert found["rows"] == told["rows"] >= STUDENTS
    assert found["format"] == form


@pytest.mark.parametrize("form", FORMS)
def test_a_sample_without_faults_is_acceptable_to_the_last_row(form: str, tmp_path: Path) -> None:
    found = checked(a_sample(tmp_path, form, "0")["file"])
    assert (found["verdict"], found["rejected"]) == ("acceptable", 0)


@pytest.mark.parametrize("form", ["firstcard_csv", "powerschool", "infinite_campus", "doe_stn"])
def test_a_workbook_is_read_like_the_text(form: str, tmp_path: Path) -> None:
    told = a_sample(tmp_path, form, "5%", "--workbook")
    assert told["file"].endswith(".xlsx")
    found = checked(told["file"])
    assert found["format"] == form
    assert {code: n for code, n in found["reasons"].items() if code != "TOO_MANY_REJECTED"} == told["rejected"]
    lines = {(error["file"], error["line"], error["code"]) for error in found["errors"]}
    assert {(row["file"], row["line"], row["code"]) for row in told["planted"]} <= lines


def test_a_form_of_several_files_is_no_workbook(tmp_path: Path) -> None:
    result = run("sample", "--format", "clever", "--out", tmp_path, "--workbook")
    assert result.exit_code == 2
    assert "several files" in result.output


@pytest.mark.parametrize("mapping", [{}, {"student_id": "identifier"}])
@pytest.mark.parametrize("form", ["oneroster_1_1", "oneroster_1_2"])
def test_what_is_announced_holds_under_an_agreement_too_whichever_id_it_takes(form: str, mapping: dict[str, str], tmp_path: Path) -> None:
    agreement = tmp_path / "agreement.yaml"
    agreement.write_text(yaml.safe_dump(agreement_content(exchange={"mapping": {"opt_out": "metadata.optOut"} | mapping}, card=BARCODES)))
    told = a_sample(tmp_path, form, "4%", "--organisation-id", "pine-district")
    found = checked(told["file"], "--agreement", agreement)
    assert (found["reasons"], found["verdict"]) == (told["rejected"], "acceptable")


@pytest.mark.parametrize("form", FORMS)
def test_the_same_seed_and_day_give_the_same_file_and_another_seed_another(form: str, tmp_path: Path) -> None:
    first, again, other = (
        Path(a_sample(tmp_path / str(n), form, students=60, seed=seed)["file"]).read_bytes() for n, seed in enumerate((1, 1, 2))
    )
    assert first == again != other


@pytest.mark.parametrize("form", FORMS)
def test_faults_are_of_many_kinds(form: str, tmp_path: Path) -> None:
    assert len(a_sample(tmp_path, form)["rejected"]) >= 8


@pytest.mark.parametrize(("errors", "rows"), [("0", 0), ("0.5%", 1), ("1 %", 2), ("3", 3), ("0.51%", 2), ("10%", 20)])
def test_errors_are_a_share_of_the_students_or_a_number_of_rows(errors: str, rows: int, tmp_path: Path) -> None:
    assert len(a_sample(tmp_path, "firstcard_csv", errors, students=200)["planted"]) == rows


@pytest.mark.parametrize("students", [1, 2, 7, 130])
def test_small_districts_have_samples_too(students: int, tmp_path: Path) -> None:
    found = checked(a_sample(tmp_path, "oneroster_1_1", "0", students=students)["file"])
    assert found["accepted"] == found["rows"] == students + 1 + (students == 130) * 9


@pytest.mark.parametrize(("option", "value"), [("--format", "nonsense"), ("--errors", "many"), ("--errors", "500%"), ("--errors", "-1")])
def test_what_cannot_be_made_is_a_wrong_use(option: str, value: str, tmp_path: Path) -> None:
    usual = {"--format": "firstcard_csv", "--errors": "0", "--out": str(tmp_path), "--students": "50"} | {option: value}
    result = run("sample", *(part for pair in usual.items() for part in pair))
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("sample", "--format", "firstcard_csv", "--students", 5, "--out", tmp_path / "file" / "inside")
    assert result.exit_code == 2
    assert "cannot be written" in result.output


def test_the_screen_says_each_spoilt_row_and_its_code(tmp_path: Path) -> None:
    told = a_sample(tmp_path, "firstcard_csv", "10", students=200)
    shown = run(
        *("sample", "--format", "firstcard_csv", "--students", 200, "--errors", 10, "--seed", 7),
        *("--out", tmp_path, "--today", date.fromisoformat(TODAY)),
    ).stdout
    codes = Counter(word for line in shown.splitlines() for word in line.split() if word in told["rejected"])
    assert codes == {code: n + 1 for code, n in told["rejected"].items()}
    assert all(f" {row['line']} " in shown for row in told["planted"])
