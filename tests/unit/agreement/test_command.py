"""Claims about ``firstcard agreement``."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.agreement import app

from .builders import agreement_content, library_content, write_site


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.output


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path, {"pine": agreement_content()}, {"oak": library_content()})


def put(directory: Path, name: str, content: dict[str, Any]) -> Path:
    file = directory / name
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def test_a_site_without_mistakes_passes(site: Path) -> None:
    assert run("check", site) == (0, "1 agreements and 1 libraries can be read; 0 mistakes.\n")


def test_each_mistake_is_a_line_with_file_line_and_sentence(site: Path) -> None:
    file = put(site / "agreements", "fir.yaml", agreement_content(existing="seperate", district="fir", id="fir"))
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if text.startswith("existing:"))
    code, said = run("check", site)
    assert code == 1
    assert f"{file}:{line}: 'existing' does not know this word. Did you mean 'separate'?" in said
    assert "1 mistake." in said


def test_check_prints_json(site: Path) -> None:
    put(site / "agreements", "fir.yaml", agreement_content(id="fir"))
    code, said = run("check", "--json", site)
    told = json.loads(said)
    assert code == 1
    assert told["libraries"] == ["oak"]
    assert [Path(mistake["file"]).name for mistake in told["mistakes"]] == ["pine.yaml"]
    assert "overlaps that of fir" in told["mistakes"][0]["sentence"]
    assert set(told["mistakes"][0]) == {"file", "line", "sentence"}


def test_one_agreement_is_checked_with_the_library_that_lies_beside_it(site: Path) -> None:
    file = put(site / "agreements", "pine.yaml", agreement_content(card={"home_branch": {"default": "EAST"}}))
    code, said = run("check", file)
    assert code == 1
    assert "'EAST' is no branch of oak" in said


def test_one_agreement_without_its_library_says_what_was_not_checked(tmp_path: Path) -> None:
    code, said = run("check", put(tmp_path, "pine.yaml", agreement_content()))
    assert code == 0
    assert "what depends on it was not checked" in said


def test_agreement_and_library_files_are_checked_together(tmp_path: Path) -> None:
    library = put(tmp_path, "oak.yaml", library_content(patron_types={"STUDENT": "s"}, without=("patron_types.EDUCATOR",)))
    code, said = run("check", put(tmp_path, "pine.yaml", agreement_content()), library)
    assert code == 1
    assert "no patron type of oak" in said


@pytest.mark.parametrize(
    "words", [(), ("check",), ("check", "nowhere.yaml"), ("explain", "nowhere.yaml"), ("diff", "nowhere.yaml"), ("check", "--jsn", ".")]
)
def test_a_command_used_wrongly_exits_with_2(words: tuple[str, ...]) -> None:
    assert run(*words)[0] == 2


def test_a_directory_without_files_is_used_wrongly(tmp_path: Path) -> None:
    assert run("check", tmp_path)[0] == 2


def test_explain_prints_the_memorandum(site: Path) -> None:
    code, said = run("explain", site / "agreements" / "pine.yaml")
    assert code == 0
    assert said.startswith("# Library cards for the students of Pine\n")
    assert "confirm with counsel" in said


def test_explain_prints_it_in_spanish_and_in_no_language_that_it_does_not_know(site: Path) -> None:
    file = site / "agreements" / "pine.yaml"
    code, said = run("explain", file, "--language", "es")
    assert code == 0
    assert "El texto que se firma es el que está en inglés" in said
    assert "confirm with counsel" not in said
    assert run("explain", file, "--language", "en") == run("explain", file)
    assert run("explain", file, "--language", "fr")[0] == 2


def test_explain_and_diff_refuse_a_file_with_mistakes(tmp_path: Path, site: Path) -> None:
    broken = put(tmp_path, "broken.yaml", agreement_content(existing="x"))
    assert run("explain", broken)[0] == 1
    assert run("diff", site / "agreements" / "pine.yaml", broken)[0] == 1


def test_diff_tells_access_first_and_its_direction(tmp_path: Path, site: Path) -> None:
    new = put(tmp_path, "new.yaml", agreement_content(title="T", matrix={"send_notice": ["contact", "card", "identity"]}))
    code, said = run("diff", site / "agreements" / "pine.yaml", new)
    assert code == 0
    assert said.splitlines() == [
        "Access:",
        "  notify may now open identity for send_notice. (wider)",
        "Everything else:",
        "  `title` changes from Library cards for the students of Pine to T.",
    ]


def test_diff_of_the_same_file_says_so(site: Path) -> None:
    file = site / "agreements" / "pine.yaml"
    assert run("diff", file, file) == (0, "The two say the same.\n")
    assert json.loads(run("diff", "--json", file, file)[1]) == []


def test_diff_prints_json(tmp_path: Path, site: Path) -> None:
    new = put(tmp_path, "new.yaml", agreement_content(leavers={"grace_days": 1}))
    (change,) = json.loads(run("diff", "--json", site / "agreements" / "pine.yaml", new)[1])
    assert (change["path"], change["before"], change["after"]) == ("leavers.grace_days", 30, 1)


@pytest.mark.parametrize("command", ["check", "explain", "diff"])
def test_help_has_an_example(command: str) -> None:
    code, said = run(command, "--help")
    assert code == 0
    assert f"Example: firstcard agreement {command}" in " ".join(said.split())
