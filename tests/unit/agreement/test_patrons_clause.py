"""Claims about the library's own clause on its own patrons."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from firstcard.agreement import PATRON_FIELDS, AgreementError, Group, Purpose, load_library

from .builders import PATRONS, a_library, an_agreement, library_content


def test_a_library_without_the_clause_may_import_nobody() -> None:
    assert a_library().patrons is None


def test_the_clause_is_read_with_its_fields_and_days() -> None:
    clause = a_library(patrons=PATRONS).patrons
    assert clause is not None
    assert (clause.keep_days, clause.fields, clause.effective) == (7, tuple(PATRONS["fields"]), date(2026, 7, 1))
    assert set(clause.fields) <= set(PATRON_FIELDS)


@pytest.mark.parametrize(("day", "open_then"), [("2026-06-30", False), ("2026-07-01", True), ("2027-06-30", True), ("2027-07-01", False)])
def test_it_is_in_force_from_its_first_day_to_its_last(day: str, open_then: bool) -> None:
    clause = a_library(patrons=PATRONS).patrons
    assert clause is not None
    assert clause.in_force(date.fromisoformat(day)) is open_then


def test_the_extract_may_be_opened_to_deduplicate_and_for_nothing_else() -> None:
    clause = a_library(patrons=PATRONS).patrons
    assert clause is not None
    assert {group: clause.purposes_of(group) for group in Group if clause.purposes_of(group)} == {Group.PATRONS: (Purpose.DEDUPLICATE,)}
    assert an_agreement().purposes_of(Group.PATRONS) == ()


MISTAKES: list[tuple[str, dict[str, Any], str, str]] = [
    ("it ends before it begins", {"expires": "2026-06-01"}, "expires:", "ends before it begins"),
    ("it ends on the day it begins", {"expires": "2026-07-01"}, "expires:", "ends before it begins"),
    ("nobody could be told apart", {"fields": ["patron_id", "last_name"]}, "fields:", "without first_name, birth_date: add them"),
    ("one field is missing", {"fields": ["patron_id", "first_name", "last_name"]}, "fields:", "without birth_date: add it"),
    ("a field twice", {"fields": [*PATRONS["fields"], "barcode"]}, "- barcode", "barcode stands twice"),
    ("a field that nobody knows", {"fields": [*PATRONS["fields"], "birthdate"]}, "- birthdate", "Did you mean 'birth_date'?"),
    ("a forbidden field", {"fields": [*PATRONS["fields"], "gender"]}, "- gender", "does not know this word"),
    ("longer than a week", {"keep_days": 8}, "keep_days:", "write 7 or less"),
    ("for no day", {"keep_days": 0}, "keep_days:", "write 1 or more"),
    ("without a basis", {"basis": " "}, "basis:", "write one line of text"),
    ("a key that nobody knows", {"keep_day": 7}, "keep_day:", "Did you mean 'keep_days'?"),
]


def mistakes_of(file: Path, content: dict[str, Any]) -> list[tuple[str, str]]:
    """The text of the line that each mistake names, and its sentence."""
    file.write_text(yaml.safe_dump(content, sort_keys=False, width=4000), encoding="utf-8")
    with pytest.raises(AgreementError) as caught:
        load_library(file)
    lines = file.read_text(encoding="utf-8").splitlines()
    return [(lines[mistake.line - 1].strip(), mistake.sentence) for mistake in caught.value.mistakes]


@pytest.mark.parametrize(("change", "line", "sentence"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_mistake_in_the_clause_is_told_on_its_line(tmp_path: Path, change: dict[str, Any], line: str, sentence: str) -> None:
    told = mistakes_of(tmp_path / "library.yaml", library_content(patrons=PATRONS | change))
    assert [(where.startswith(line), sentence in said) for where, said in told] == [(True, True)], told


@pytest.mark.parametrize("key", sorted(PATRONS))
def test_every_key_of_the_clause_is_needed(tmp_path: Path, key: str) -> None:
    clause = {name: value for name, value in PATRONS.items() if name != key}
    [(where, said)] = mistakes_of(tmp_path / "library.yaml", library_content(patrons=clause))
    assert where == "patrons:"
    assert f"'patrons.{key}' is missing" in said


def test_no_agreement_with_a_district_can_open_the_librarys_own_patrons() -> None:
    with pytest.raises(AgreementError, match="No agreed field is in the group patrons"):
        an_agreement(matrix={"send_notice": ["contact", "card", "patrons"]})
