"""A PIN made of the birth date: only in words that name the risk, and never without a warning."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.agreement import app
from firstcard.agreement.diff import changes_between
from firstcard.agreement.explain import to_markdown
from firstcard.agreement.model import BIRTH_DATE_PIN as WARNING

from .builders import BIRTH_DATE_PIN, PIN_PAGE, RISK, agreement_content, an_agreement, directory_content
from .test_lint import mistakes_of

PIN: dict[str, Any] = BIRTH_DATE_PIN["card"]["pin"]


def content(*without: str, **pin: Any) -> dict[str, Any]:
    """An agreement with such a PIN, changed so; ``without`` names keys of the clause that are left out."""
    made = agreement_content()
    made["card"]["pin"] = {key: value for key, value in (PIN | pin).items() if key not in without}
    return made


MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("no risk", content("risk"), "names its risk"),
    ("a risk in two words", content(risk="Known risk."), "at least 60 characters"),
    ("a risk of blanks", content(risk="It   is" + " " * 90 + "low."), "at least 60 characters"),
    ("no format", content("format"), "Say how the birth date is written"),
    ("another length", content(length=6), "write length: 8"),
    ("a format for random digits", content("risk", scheme="random"), "Random digits have no format"),
    ("a risk for random digits", content("format", scheme="random"), "Random digits have no risk"),
]


@pytest.mark.parametrize(("made", "sentence"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_what_is_missing_or_wrong_is_told(tmp_path: Path, made: dict[str, Any], sentence: str) -> None:
    said = [told for _, told in mistakes_of(tmp_path, made)]
    assert len(said) == 1
    assert sentence in said[0]


def test_without_an_agreed_birth_date_there_is_none(tmp_path: Path) -> None:
    made = content()
    del made["fields"]["birth_date"]
    assert any("add birth_date to the fields" in said for _, said in mistakes_of(tmp_path, made))


def test_what_issuing_may_not_use_is_no_pin(tmp_path: Path) -> None:
    made = content()
    made["matrix"]["issue_card"] = ["identity", "enrolment"]
    assert ["add age to it in the matrix" in said for _, said in mistakes_of(tmp_path, made)] == [True]


def test_a_page_does_not_ask_for_what_it_shows(tmp_path: Path) -> None:
    made = agreement_content(**PIN_PAGE)
    made["card"]["pin"] |= PIN
    assert ["knows the PIN already" in said for _, said in mistakes_of(tmp_path, made)] == [True]


def test_a_student_id_that_is_directory_information_is_not_opened_by_a_birth_date(tmp_path: Path) -> None:
    made = directory_content()
    made["card"]["pin"] = PIN
    assert any("34 CFR 99.3" in said and "others know a birth date" in said for _, said in mistakes_of(tmp_path, made))


def test_a_form_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    assert mistakes_of(tmp_path, content(format="MDYY", length=4))


def test_the_memorandum_has_our_warning_and_the_risk_in_the_words_of_those_who_sign() -> None:
    said = to_markdown(an_agreement(**BIRTH_DATE_PIN))
    assert "written as MMDDYYYY" in said
    assert WARNING in said
    assert RISK.replace("'", "’") in said or RISK in said
    assert WARNING not in to_markdown(an_agreement())


def test_check_warns_and_finds_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(yaml.safe_dump(agreement_content(**BIRTH_DATE_PIN), sort_keys=False), encoding="utf-8")
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["check", str(file)])
    assert (result.exit_code, "Warning: " in result.output, WARNING in result.output) == (0, True, True)
    (warning,) = json.loads(CliRunner().invoke(app, ["check", str(file), "--json"]).output)["warnings"]
    assert file.read_text().splitlines()[warning["line"] - 1].strip() == "scheme: birth_date"
    file.write_text(yaml.safe_dump(agreement_content(), sort_keys=False), encoding="utf-8")
    assert json.loads(CliRunner().invoke(app, ["check", str(file), "--json"]).output)["warnings"] == []


@pytest.mark.parametrize(("there", "effect"), [(True, "wider"), (False, "narrower")])
def test_such_a_pin_is_shown_as_access_that_becomes_wider(there: bool, effect: str) -> None:
    pair = [an_agreement(), an_agreement(**BIRTH_DATE_PIN)]
    before, after = pair if there else reversed(pair)
    (change,) = [one for one in changes_between(before, after) if one.path == "card.pin.scheme"]
    assert (str(change.section), change.effect) == ("access", effect)
