"""What an unmodified standard export brings and nobody agreed to is in no object that lives after reading, in nothing written and in no log.

What is proved is what a program can hold on to: everything that the interpreter can reach from its objects and frames, at the moment when the plan is made
of what was read and again at its end. Memory that was freed is not wiped: Python cannot promise that, and no test here pretends it.
"""

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.samples import FORMS
from cli.samples.sheets import Sheet
from local.district import make_district
from tests.function.builders import EVENING, csv_content

ROOT = Path(__file__).parents[2]
MAPPING = {"home_language": "metadata.homeLanguage", "opt_out": "metadata.optOut"}
UNAGREED: dict[str, dict[str, tuple[str, ...]]] = {
    "oneroster_1_2": {
        "users.csv": ("password", "pronouns", "sms", "phone", "userMasterIdentifier"),
        "demographics.csv": ("sex", "white", "asian", "hispanicOrLatinoEthnicity", "countryOfBirthCode", "cityOfBirth"),
    },
    "clever": {
        "students.csv": ("Race", "Hispanic_Latino", "Frl_status", "IEP_status", "Ell_status", "Password", "Student_street", "Weighted_gpa", "SSN"),
        "teachers.csv": ("Password",),
    },
    "sds_2_1": {
        "users.csv": ("password", "phone"),
        "demographics.csv": ("sex", "raceCodes", "ethnicityCodes", "birthCountry"),
        "userFlags.csv": ("flag",),
    },
}  # fmt: skip
"""Columns that the agreement does not list, most of them forbidden ones, in which every cell holds a value that must not be found."""


def a_roster(form: str, folder: Path) -> Path:
    """The form's sample with a value of its own in each of those cells; a zip, whose bytes tell nothing of what is in it."""
    people = make_district(
        district="sample", org_id="sample-district", students=300, staff=20, schools=2, seed=11, today=EVENING.date(), damaged_share=0
    )
    sample = FORMS[form](people)
    sheets: Mapping[str, Sheet] = sample.sheets
    if form == "sds_2_1":
        users = [row[0] for row in sheets["users.csv"].rows]
        sheets = {**sheets, "userFlags.csv": Sheet(["userSourcedId", "flag"], [[user, ""] for user in users])}
        sample.sheets["userFlags.csv"] = sheets["userFlags.csv"]  # type: ignore[index]  # the sample is made for this test alone
    for file, headers in UNAGREED[form].items():
        sheet = sheets[file]
        for header in headers:
            if header not in sheet.header:
                sheet.header.append(header)
                for row in sheet.rows:
                    row.append("")
            place = sheet.header.index(header)
            for row in sheet.rows:
                row[place] = f"nz{secrets.token_hex(8)}"
    (folder / sample.file_name).write_bytes(sample.data())
    return folder / sample.file_name


def an_agreement(form: str, folder: Path) -> Path:
    content: dict[str, Any] = csv_content("pine", "dsa-pine-oak-2026", "904")
    content["exchange"]["mapping"] = dict(MAPPING) if form.startswith("oneroster") else {}
    content["exchange"]["organisation_ids"] = ["sample-district", "101", "102"]
    content["card"] |= {name: {"scheme": "library_barcode", "prefix": "", "length": 14} for name in ("number", "staff_number")}
    (folder / "agreement.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "agreement.yaml"


@pytest.mark.parametrize("form", UNAGREED)
def test_what_nobody_agreed_to_is_in_no_object_no_store_and_no_log(form: str, tmp_path: Path) -> None:
    roster, agreement = a_roster(form, tmp_path), an_agreement(form, tmp_path)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "layers/firstcard/python")))}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.function.remembering", str(roster), str(agreement)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    ) as program:
        said, logged = program.communicate("\n\n", timeout=240)
    assert program.returncode == 0, logged[-2000:]
    control, reading, end = map(json.loads, said.splitlines())
    assert control["control"] == 1, "the search must find what is there"
    assert (reading["at"], reading["found"]) == ("reading", [])
    assert end == {"at": "end", "found": [], "written": 0, "emitted": 0, "outcome": "ready"}
    assert not re.search("nz[0-9a-f]{16}", logged)
