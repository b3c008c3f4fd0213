"""``firstcard check``: the cloud's verdict on a roster, before it is sent."""

import json
import zipfile
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app
from cli.samples import FORMS, plant
from firstcard.card.manifest import Manifest
from firstcard.card.plan import decide
from firstcard.identity import Tokens
from firstcard.roster import Reading, Reason, read_roster
from firstcard.run.checking import check_roster
from local.district import make_district
from local.district.delivery import new_openpgp_key, protect
from tests.unit.agreement.builders import DELTAS, agreement_content, an_agreement
from tests.unit.roster.builders import (
    a_firstcard_csv,
    a_guardian_user,
    a_oneroster_zip,
    a_student_row,
    a_student_user,
    a_zip,
    oneroster_files,
)
from tests.unit.roster.test_delta import a_delta, dated

TODAY = date(2026, 11, 22)
MADE = datetime(2026, 11, 1, tzinfo=UTC)


def run(*arguments: object, today: date = TODAY) -> Any:
    environment = {"COLUMNS": "200", "TERM": "dumb"}
    return CliRunner(env=environment).invoke(app, ["check", *(str(one) for one in arguments), "--today", str(today)])


def told(*arguments: object, today: date = TODAY) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json", today=today).stdout)
    return found


def put(folder: Path, name: str, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return folder / name


def an_agreement_file(folder: Path, content: dict[str, Any] | None = None, **changes: Any) -> Path:
    return put(folder, "agreement.yaml", yaml.safe_dump(content or agreement_content(**changes), sort_keys=False).encode())


def students(good: int, bad: int) -> bytes:
    rows = [a_student_row(number) for number in range(good)]
    return a_firstcard_csv(*rows, *(a_student_row(1000 + number, last_name="") for number in range(bad)))


# The verdict


@pytest.mark.parametrize(("good", "bad", "verdict", "code"), [(100, 0, "acceptable", 0), (95, 5, "acceptable", 0), (94, 6, "held", 1)])
def test_more_than_five_percent_of_rejected_rows_hold_a_file_where_no_agreement_says_otherwise(
    good: int, bad: int, verdict: str, code: int, tmp_path: Path
) -> None:
    file = put(tmp_path, "roster.csv", students(good, bad))
    assert (told(file)["verdict"], run(file).exit_code) == (verdict, code)


@pytest.mark.parametrize("bad", [9, 10, 11, 12])
def test_under_an_agreement_a_file_is_held_for_its_rejected_rows_exactly_where_planning_holds_it(bad: int) -> None:
    agreement = an_agreement(safety={"max_rejected_percent": 11, "first_run_needs_approval": False})
    users = [*(a_student_user(number) for number in range(89)), *(a_student_user(1000 + number, grades="Z9") for number in range(bad))]
    data = a_oneroster_zip([*users, a_guardian_user()])
    reading = read_roster(data, file_name="roster.zip", agreement=agreement, today=TODAY)
    assert isinstance(reading, Reading)
    tokens = Tokens(bytes(32), library="oak", district="pine")
    planned = decide(reading.people, Manifest(), agreement=agreement, tokens=tokens, rejected=sum(reading.rejected.values()))
    assert sum(reading.rejected.values()) == bad
    assert check_roster(data, "roster.zip", agreement, TODAY).reasons == planned.holds


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"PK\x03\x04 broken", b"a,b,c\r\n1,2,3\r\n", bytes(range(256))])
def test_what_is_no_roster_cannot_be_used_at_all(data: bytes, tmp_path: Path) -> None:
    file = put(tmp_path, "roster.csv", data)
    found, result = told(file), run(file)
    assert found["verdict"] == "refused"
    assert result.exit_code == 2
    assert "REFUSED" in result.stdout
    (only,) = found["errors"]
    assert (only["severity"], found["reasons"]) == ("fatal", {only["code"]: 1})
    assert only["advice"] in " ".join(result.stdout.split())


def test_a_readable_file_is_looked_through_even_if_the_agreement_is_not_in_force(tmp_path: Path) -> None:
    agreement = an_agreement_file(tmp_path)
    file = put(tmp_path, "roster.zip", a_oneroster_zip())
    result = run(file, "--agreement", agreement, today=date(2028, 1, 1))
    found = told(file, "--agreement", agreement, today=date(2028, 1, 1))
    assert (found["verdict"], found["reasons"], result.exit_code) == ("refused", {"AGREEMENT_NOT_IN_FORCE": 1}, 1)
    assert found["rows"] == 2
    assert told(file, "--agreement", agreement)["verdict"] == "acceptable"


@pytest.mark.parametrize(("day", "verdict"), [("2026-12-06", "acceptable"), ("2026-12-07", "refused"), ("2026-12-19", "acceptable")])
def test_in_the_roll_over_a_file_would_be_refused(tmp_path: Path, day: str, verdict: str) -> None:
    agreement = an_agreement_file(tmp_path, exchange={"calendar": {"rollover": {"first": "2026-12-07", "last": "2026-12-18"}}})
    found = told(put(tmp_path, "roster.zip", a_oneroster_zip()), "--agreement", agreement, today=date.fromisoformat(day))
    assert (found["verdict"], found["reasons"]) == (verdict, {"ROLLOVER": 1} if verdict == "refused" else {})


def test_rows_that_can_get_no_number_under_the_agreement_count_as_rejected(tmp_path: Path) -> None:
    agreement = an_agreement_file(tmp_path)
    users = [a_student_user(n) for n in range(30)]
    data = a_oneroster_zip([*users, a_student_user(31, sourcedId="1234567890"), a_guardian_user()])
    file = put(tmp_path, "roster.zip", data)
    found = told(file, "--agreement", agreement)
    assert (found["rejected"], found["reasons"], found["accepted"]) == (1, {"NUMBER_TOO_LONG": 1}, 30)
    assert told(file)["rejected"] == 0


def test_an_address_that_nobody_owns_is_a_warning(tmp_path: Path) -> None:
    rows = [a_student_row(number, guardian_email="none@example.org") for number in range(13)]
    found = told(put(tmp_path, "roster.csv", a_firstcard_csv(*rows)))
    assert (found["verdict"], found["warnings"]) == ("acceptable", 13)
    assert {error["code"] for error in found["errors"]} == {"SHARED_ADDRESS"}


def test_the_agreement_decides_what_is_required(tmp_path: Path) -> None:
    agreement = an_agreement_file(tmp_path)
    file = put(tmp_path, "roster.zip", a_oneroster_zip([a_student_user(1, orgSourcedIds=""), *(a_student_user(n) for n in range(2, 60))]))
    assert told(file)["rejected"] == 0
    assert told(file, "--agreement", agreement)["reasons"] == {"MISSING_REQUIRED": 1}


# The files


def test_a_folder_or_its_files_one_by_one_are_read_as_the_zip_of_them(tmp_path: Path) -> None:
    files = oneroster_files()
    folder = tmp_path / "export"
    for name, content in files.items():
        put(folder, name, content.encode() if isinstance(content, str) else content)
    put(folder, ".hidden.csv", b"not a roster")
    packed = told(put(tmp_path, "roster.zip", a_zip(files)))
    assert packed["format"] == "oneroster_1_1"
    assert told(folder) == told(*(folder / name for name in files)) == packed


def test_a_folder_with_one_file_is_that_file(tmp_path: Path) -> None:
    file = put(tmp_path / "export", "roster.csv", students(20, 1))
    assert told(tmp_path / "export") == told(file)


@pytest.mark.parametrize("missing", ["nothing.csv", "file/inside.csv", "empty"])
def test_what_cannot_be_read_is_said_in_a_sentence(missing: str, tmp_path: Path) -> None:
    put(tmp_path, "file", b"")
    (tmp_path / "empty").mkdir()
    for options in ((), ("--json",)):
        result = run(tmp_path / missing, *options)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert "cannot be read" in result.stderr or "holds no file" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_file_over_the_agreements_limit_is_too_large_however_it_arrives(tmp_path: Path) -> None:
    agreement = an_agreement_file(tmp_path, exchange={"max_megabytes": 1})
    rows = students(20, 0) + b"," * 1_000_000
    parts = [put(tmp_path, f"part-{number}.csv", rows[:600_000]) for number in range(2)]
    for given in ([put(tmp_path, "roster.csv", rows)], parts):
        found = told(*given, "--agreement", agreement)
        assert (found["verdict"], found["reasons"]) == ("refused", {"TOO_LARGE": 1})


def test_mistakes_in_the_agreement_are_named_and_nothing_is_read(tmp_path: Path) -> None:
    agreement = put(tmp_path, "agreement.yaml", b"apiVersion: agreement/v1\n")
    result = run(put(tmp_path, "roster.csv", students(1, 0)), "--agreement", agreement)
    assert result.exit_code == 2
    assert "agreement.yaml" in result.stderr
    assert run(tmp_path / "roster.csv", "--agreement", tmp_path / "none.yaml").exit_code == 2


# Protected files


def a_protected_file(folder: Path, *, signed: bool = True) -> tuple[Path, Path, Path]:
    district, ours = new_openpgp_key("district", created=MADE), new_openpgp_key("firstcard", created=MADE)
    sealed = protect(a_oneroster_zip(), recipients=[ours.public], signer=district if signed else None, gpg=None)
    agreement = an_agreement_file(folder, exchange={"signers": [district.public]})
    return put(folder, "roster.zip.gpg", sealed.data), agreement, put(folder, "key.asc", ours.secret.encode())


def test_a_protected_file_is_opened_with_the_key_and_read_as_the_file_inside(tmp_path: Path) -> None:
    file, agreement, key = a_protected_file(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    found = told(file, "--agreement", agreement, "--key", key)
    assert found == told(put(tmp_path, "roster.zip", a_oneroster_zip()), "--agreement", agreement)
    assert found["verdict"] == "acceptable"
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "roster.zip"])


def test_a_file_whose_protection_breaks_the_agreement_is_refused_as_the_cloud_would(tmp_path: Path) -> None:
    file, agreement, key = a_protected_file(tmp_path, signed=False)
    assert told(file, "--agreement", agreement, "--key", key)["reasons"] == {"PGP_UNSIGNED": 1}


def test_an_age_file_is_opened_with_its_identity(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    file = put(tmp_path, "roster.zip.age", pyrage.encrypt(a_oneroster_zip(), [identity.to_public()]))
    agreement = an_agreement_file(tmp_path, exchange={"protection": "encrypted", "signers": []})
    found = told(file, "--agreement", agreement, "--key", put(tmp_path, "key.txt", f"# created by us\n{identity}\n".encode()))
    assert (found["verdict"], found["rows"]) == ("acceptable", 2)


def test_another_key_does_not_open_it(tmp_path: Path) -> None:
    file, agreement, _ = a_protected_file(tmp_path)
    other = put(tmp_path, "other.asc", new_openpgp_key("other", created=MADE).secret.encode())
    assert told(file, "--agreement", agreement, "--key", other)["reasons"] == {"PGP_NO_KEY": 1}


@pytest.mark.parametrize("key", [b"no key at all", b"\xff\xfe"])
def test_what_is_no_key_is_said_in_a_sentence(key: bytes, tmp_path: Path) -> None:
    file, agreement, _ = a_protected_file(tmp_path)
    result = run(file, "--agreement", agreement, "--key", put(tmp_path, "bad.asc", key))
    assert result.exit_code == 2
    assert result.stderr
    assert "Traceback" not in result.output


def test_a_protected_file_needs_its_key_and_agreement(tmp_path: Path) -> None:
    file, agreement, key = a_protected_file(tmp_path)
    for options in ((), ("--key", key), ("--agreement", agreement)):
        result = run(file, *options)
        assert result.exit_code == 2
        assert "protected" in result.stderr


def test_a_protected_file_goes_alone(tmp_path: Path) -> None:
    file, agreement, key = a_protected_file(tmp_path)
    result = run(file, put(tmp_path, "roster.csv", students(1, 0)), "--agreement", agreement, "--key", key)
    assert result.exit_code == 2
    assert "alone" in result.stderr


# What is said


def test_no_value_of_a_person_is_in_any_output(tmp_path: Path) -> None:
    district = make_district(district="sample", students=300, staff=20, schools=3, seed=5, today=TODAY, damaged_share=0)
    sample = FORMS["oneroster_1_1"](district)
    plant(sample, 40, seed=5, today=TODAY)
    file = put(tmp_path, "roster.zip", sample.data())
    needles = district.needles()
    inside = b"".join(zipfile.ZipFile(BytesIO(sample.data())).read(name) for name in sample.sheets).decode()
    assert sum(needle in inside for needle in needles) > 1000
    for options in ((), ("--json",)):
        result = run(file, *options)
        assert not [needle for needle in needles if needle in result.output]


def test_the_screen_names_form_counts_reasons_lines_columns_and_verdict(tmp_path: Path) -> None:
    data = a_oneroster_zip([*(a_student_user(number) for number in range(40)), a_student_user(99, grades="Z9", password="secret")])
    shown = " ".join(run(put(tmp_path, "roster.zip", data)).stdout.split())
    for part in (
        "oneroster_1_1",
        "41",
        "40",
        "BAD_GRADE",
        "users.csv grades: 42",
        "users.csv: password",
        "ACCEPTABLE",
        "No agreement was named",
    ):
        assert part in shown
    assert "secret" not in shown


def test_the_screen_says_what_a_check_cannot_see(tmp_path: Path) -> None:
    agreement = an_agreement_file(tmp_path)
    shown = " ".join(run(put(tmp_path, "roster.zip", a_oneroster_zip()), "--agreement", agreement).stdout.split())
    assert "The agreement says signed" in shown
    assert "first file under this agreement waits" in shown
    assert "dsa-pine-oak-2026" in shown


def test_of_a_file_of_changes_only_the_rows_are_checked_and_the_check_says_so(tmp_path: Path) -> None:
    file = put(tmp_path, "delta.zip", a_delta(users=[dated(a_student_user(1)), a_student_user(2)]))
    agreement = an_agreement_file(tmp_path, **DELTAS)
    assert "with the files before" in " ".join(run(file, "--agreement", agreement).stdout.split())
    found = told(file, "--agreement", agreement)
    assert (found["verdict"], found["rows_only"], found["rows"], found["reasons"]) == ("acceptable", True, 2, {"BAD_STATUS": 1})
    assert [(one["file"], one["line"], one["column"]) for one in found["errors"]] == [("users.csv", 3, "status")]
    assert told(file, "--agreement", an_agreement_file(tmp_path))["reasons"] == {"DELTA_NOT_AGREED": 1}


def test_json_names_every_problem_with_its_place_gravity_and_advice(tmp_path: Path) -> None:
    found = told(put(tmp_path, "roster.csv", students(40, 1)))
    assert {"format", "verdict", "rows", "accepted", "rejected", "warnings", "reasons", "errors"} <= set(found)
    (error,) = found["errors"]
    assert error["advice"]
    del error["advice"]
    assert error == {"file": "roster.csv", "line": 42, "column": "last_name", "code": "MISSING_REQUIRED", "severity": "row"}
    assert found["agreement"] is None
    assert Reason(error["code"]) in Reason
