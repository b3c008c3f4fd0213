"""``firstcard notices``: what the district tells of notices that are not e-mails."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.asking import asked
from cli.why import WRONG_USE, LibraryOption

FUNCTION = "firstcard-attest"
NOT_DONE = 1
"""Exit code where nothing was changed; a command used wrongly exits with 2."""
OUTCOMES = {
    "recorded": "Recorded.",
    "no_window": "Nothing was changed: under this agreement no days run from a notice. Families refuse before the upload there, or say yes themselves.",
    "not_in_force": "Nothing was changed: the agreement is not in force, or is suspended.",
    "before_the_term": "Nothing was changed: that day lies before the agreement's first one, when no data of these children could have come.",
    "in_the_future": "Nothing was changed: that day has not come yet. Say so when the letters have gone home.",
    "unknown_school": "Nothing was changed: no student of the last roster is at this school. It is the school's id as the roster has it.",
}
"""What the function may answer, in sentences."""
COUNTS = {
    "started": "children whose days to say no begin with that day's end",
    "told_before": "had a letter before; their days run already",
    "newer": "came into the roster after that day: nobody wrote home about them then, so they wait for letters of their own",
    "refused": "said no and stay without a card",
    "not_waiting": "do not wait: they have a card, or left, or an e-mail reaches them now",
}
NOT_READ = {
    **WRONG_USE,
    "not_a_question": "the day is written as 2026-09-01, and who says so as NAME/ROLE, each of at most 80 characters",
}

app = typer.Typer(no_args_is_help=True, help="Notices: the district's word that letters went home where no e-mail arrives.")
app.callback()(lambda: None)


@app.command(
    name="letters-sent",
    epilog='Example: firstcard notices letters-sent --district duval --school 0123 --date 2026-09-01 --by "Ann Example/registrar"',
)
def letters_sent(
    district: Annotated[str, typer.Option(help="The district's short name in its agreement.")],
    date: Annotated[str, typer.Option(metavar="DAY", help="The day on which the letters went home, such as 2026-09-01.")],
    by: Annotated[str, typer.Option(metavar="NAME/ROLE", help="Who at the district says so. It is kept with the day, for the officers.")],
    school: Annotated[str, typer.Option(help="The school's id, as the roster has it. Left out, the letters went to all schools.")] = "",
    library: LibraryOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Record that letters went home on a day: it starts the days of children who wait and whom no e-mail reaches (no address, or it came back).

    Said twice it counts once. Nobody who said no is touched. The answer is counts alone. Exits with 0 if it is recorded, 1 if nothing was changed,
    2 if the command was used wrongly, 3 if nobody could answer.
    """
    question = {"district": district, "school": school, "day": date, "by": by, "library": library, "at": datetime.now(UTC).isoformat()}
    said = asked(FUNCTION, question, role="firstcard-operator")
    if error := said.get("error"):
        raise typer.BadParameter(NOT_READ.get(error, "the function did not understand the question"))
    if as_json:
        typer.echo(json.dumps(said, indent=2))
    else:
        typer.echo(OUTCOMES[said["outcome"]])
        if said["outcome"] == "recorded":
            typer.echo("\n".join(f"{said['counts'][name]:>7,}  {words}" for name, words in COUNTS.items()))
    if said["outcome"] != "recorded":
        raise typer.Exit(NOT_DONE)
