"""The ``firstcard`` command. Of its parts only that one is loaded which was called: with all of them it would take most of a second to start."""

import sys
from importlib import import_module

import typer

_GROUPS = ("agreement", "run", "key", "matches", "patrons", "pin", "notices", "cards", "usage", "noes", "destruction", "evidence")
_COMMANDS: dict[str, tuple[str, str, str]] = {
    "check": ("check", "check", "firstcard check export.zip --agreement agreements/jacksonville.yaml"),
    "sample": ("sample", "sample", "firstcard sample --format oneroster_1_1 --students 1000 --errors 0.5% --out samples"),
    "why": ("why", "why", "firstcard why --district duval (it then asks for the student's id)"),
    "drop": ("drop", "drop_file", "firstcard drop roster.zip --district duval"),
    "match": ("match", "match", "firstcard match --students roster.csv --patrons patrons.csv --out decisions.csv"),
    "suspend": ("stop", "suspend", "firstcard suspend jaxpl.duval"),
    "resume": ("stop", "resume", "firstcard resume jaxpl.duval"),
    "review": ("review", "review", "firstcard review --logs evidence --from 2026-11-16 --to 2026-11-23 --out review"),
    "report": ("report", "report", "firstcard report --district duval --html report.html"),
    "kit": ("kit", "kit", "firstcard kit --district duval --report report.json --out kit"),
    "cost": ("cost", "cost", "firstcard cost calls.json --cards 2000"),
}
"""Of each command the module, the function in it, and an example."""


def whole(only: str | None = None) -> typer.Typer:
    """The command with all of its parts, or with one of them."""
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
        help="Every student a library card: check agreements and rosters, drop rosters, look at and decide runs, say why a child has no card, have a new PIN made, tell of letters, list, end and undo noes, print what schools hand out, match students and patrons, report what was reached, and see what it costs.",
    )
    # With a callback it stays a command with parts, though it has only one.
    app.callback()(lambda: None)
    for name in _GROUPS:
        if only in (None, name):
            app.add_typer(import_module(f"cli.{name}").app, name=name)
    for name, (module, function, example) in _COMMANDS.items():
        if only in (None, name):
            app.command(name=name, epilog=f"Example: {example}")(getattr(import_module(f"cli.{module}"), function))
    return app


def __getattr__(name: str) -> typer.Typer:
    """``app``, the whole command, made when somebody asks for it."""
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = made = whole()
    return made


def main() -> None:
    """Run the command."""
    called = sys.argv[1] if len(sys.argv) > 1 else ""
    whole(called if called in (*_GROUPS, *_COMMANDS) else None)()


if __name__ == "__main__":
    main()
