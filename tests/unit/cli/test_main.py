"""The ``firstcard`` command as a whole."""

import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli.main import app


def commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []

    def walk(command: object, way: tuple[str, ...]) -> None:
        children = getattr(command, "commands", {})
        for name, child in children.items():
            walk(child, (*way, name))
        if not children:
            found.append(way)

    walk(get_command(app), ())
    return found


def test_every_task_of_the_handbook_has_its_command() -> None:
    assert {
        ("agreement", "check"),
        ("agreement", "explain"),
        ("agreement", "diff"),
        ("run", "list"),
        ("run", "show"),
        ("run", "approve"),
        ("run", "reject"),
        ("check",),
        ("sample",),
        ("drop",),
        ("why",),
        ("pin", "reset"),
        ("notices", "letters-sent"),
        ("cards", "print"),
        ("cards", "printed"),
        ("key", "list"),
        ("key", "new"),
        ("key", "rotate"),
        ("key", "revoke"),
        ("suspend",),
        ("resume",),
        ("cost",),
    } <= set(commands())


@pytest.mark.parametrize("way", commands(), ids=" ".join)
def test_every_command_explains_itself_with_an_example(way: tuple[str, ...]) -> None:
    result = CliRunner(env={"COLUMNS": "300", "TERM": "dumb"}).invoke(app, [*way, "--help"])
    assert result.exit_code == 0
    assert f"firstcard {' '.join(way)}" in result.output


def test_without_a_command_it_says_what_there_is() -> None:
    result = CliRunner().invoke(app, [])
    assert "agreement" in result.output
    assert "Traceback" not in result.output


def test_a_word_it_does_not_know_is_a_wrong_use() -> None:
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_one_command_is_called_without_what_the_others_need() -> None:
    code = "import sys; sys.argv = ['firstcard', 'match', '--help']; from cli.main import main\ntry: main()\nfinally: assert 'boto3' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, "--patrons" in done.stdout) == (0, True), done.stderr


def test_an_error_shows_no_local_values() -> None:
    assert app.pretty_exceptions_show_locals is False
