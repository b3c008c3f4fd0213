"""``firstcard noes``: whose card must end because of a no, what a person ended by hand, and a no that is taken back."""

import getpass
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.asking import asked
from cli.why import WRONG_USE, LibraryOption, StudentOption, student_id

HONOUR, ATTEST = "firstcard-honour", "firstcard-attest"
LATE = 1
"""Exit code where a no is late, or nothing was changed; a command used wrongly exits with 2."""
TICKED = {
    "done": "Recorded: you ended this card by hand.",
    "done_before": "Nothing was changed: somebody has recorded that before.",
    "ended_before": "Nothing was changed: the library's system has ended this card by itself.",
    "no_card": "Nothing was changed: this child had no card.",
    "no_such_no": "Nothing was changed: no no with this token holds at this library. `firstcard noes list` shows those that are open.",
}
UNDONE = {
    "undone": "Recorded: the no is taken back. The next roster takes the child up again, as if it were new; a roster that still says no is another no.",
    "undone_before": "Nothing was changed: this no was taken back before.",
    "no_no": "Nothing was changed: no no is on record for this child. A roster that says no counts when it is applied.",
    "not_entitled": "Nothing was changed: the agreement (basis.choice.yes_again) does not let this person take back a no.",
    "not_in_force": "Nothing was changed: the agreement is not in force, or is suspended.",
    "in_the_future": "Nothing was changed: that day has not come yet.",
    "before_the_no": "Nothing was changed: the no was said after that day.",
}
ENDED = {"no_card": "no card", "open": "not yet", "by_system": "by the system", "by_hand": "by hand", "taken_back": "taken back"}
DO = {"end_card": "end the card", "take_token_away": "take the token away; it is the family's own card"}
ERRORS = {
    **WRONG_USE,
    "unknown_library": "no agreement is with this library; it is the short name in its agreements, such as jaxpl",
    "not_a_request": "a token is 32 letters and digits as `firstcard noes list` shows it, and who did it is one word of at most 64 characters",
    "not_a_question": "the day is written as 2026-09-01, and who says so as NAME/ROLE, each of at most 80 characters",
}


class SaidBy(StrEnum):
    """Who takes a no back."""

    DISTRICT = "district"
    STUDENT = "student"
    GUARDIAN = "guardian"


app = typer.Typer(no_args_is_help=True, help="Noes: cards that must end, proof that they did, and a no that is taken back.")
app.callback()(lambda: None)

LibraryOf = Annotated[str, typer.Option("--library", help="The library's short name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.command(name="list", epilog="Example: firstcard noes list --library jaxpl --late")
def list_noes(
    library: LibraryOf,
    late: Annotated[bool, typer.Option("--late", help="Only those whose hours are over.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Every no, from the click to its effect, not only those that are open.")] = False,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="With --all: from this day on (UTC).")] = None,
    as_json: AsJson = False,
) -> None:
    """List every no whose card is not ended in the library's system yet, oldest first: the urgent list, also while the system is down.

    A card is found by the system's own number of the patron, or by the token, which the patron carries there. Nobody is named. Exits with 0, with 1 if a no is late,
    2 if the command was used wrongly, 3 if nobody could answer. For whoever settles matches, and systems librarians.
    """
    if every != (since is not None) or (every and late):
        raise typer.BadParameter("--all and --since DAY go together, and --late goes without them")
    question: dict[str, Any] = {"do": "every" if every else "open", "library": library, "late": late}
    said = _answer(HONOUR, question | ({"since": since.date().isoformat()} if since else {}), role="firstcard-librarian")
    noes = said["noes"]
    if as_json:
        typer.echo(json.dumps(said, indent=2))
    else:
        _show(_table_of_all(said) if every else _table_of_open(said), left=said["left"], empty=not noes, every=every)
    if any(row["within"] is False if every else row["late"] for row in noes):
        raise typer.Exit(LATE)


@app.command(name="done", epilog="Example: firstcard noes done 0123456789abcdef0123456789abcdef --library jaxpl --by a.example")
def done(
    token: Annotated[str, typer.Argument(help="The token, as the list shows it.")],
    library: LibraryOf,
    by: Annotated[str, typer.Option(help="Who ended the card. Left out, your name on this machine.")] = "",
    as_json: AsJson = False,
) -> None:
    """Record that you ended this card in the library's system by hand. FirstCard then asks the system for nothing more, so look twice.

    Exits with 0 if it is recorded, 1 if nothing was changed, 2 if the command was used wrongly, 3 if nobody could answer.
    """
    said = _answer(HONOUR, {"do": "done", "library": library, "token": token, "by": by or getpass.getuser()}, role="firstcard-librarian")
    _outcome(said, TICKED, good="done", as_json=as_json)


@app.command(
    name="undo",
    epilog='Example: firstcard noes undo --district duval --said-by district --by "Ann Example/registrar" --on 2026-11-02 (it then asks for the student\'s id)',
)
def undo(
    district: Annotated[str, typer.Option(help="The district's short name in its agreement.")],
    said_by: Annotated[
        SaidBy,
        typer.Option(
            help="Who takes the no back: the district, the student (from 18 on), or a parent or guardian. The agreement says who may."
        ),
    ],
    by: Annotated[str, typer.Option(metavar="NAME/ROLE", help="Name and role of the person who said so. It is kept, for the officers.")],
    on: Annotated[str, typer.Option("--on", metavar="DAY", help="The day on which it was said, such as 2026-11-02.")],
    student: StudentOption = None,
    library: LibraryOption = "",
    as_json: AsJson = False,
) -> None:
    """Record that a no is taken back by somebody whom the agreement lets do so. The no stays on record as taken back.

    Nothing comes back at once: the next roster takes the child up as if it were new, with days of its own to say no, or only with a new yes. If a parent's
    word is not what the agreement asks for, or the student is 18, the roster leaves the child out. Exits with 0 if it is recorded, 1 if nothing was changed,
    2 if the command was used wrongly, 3 if nobody could answer.
    """
    question = {"district": district, "student": student_id(student), "said_by": str(said_by), "by": by, "day": on, "library": library}
    said = _answer(ATTEST, question | {"at": datetime.now(UTC).isoformat()}, role="firstcard-operator")
    _outcome(said, UNDONE, good="undone", as_json=as_json)


def _answer(function: str, question: Mapping[str, Any], *, role: str) -> Mapping[str, Any]:
    said = asked(function, question, role=role)
    if error := said.get("error"):
        raise typer.BadParameter(ERRORS.get(error, "the function did not understand the question"))
    return said


def _outcome(said: Mapping[str, Any], sentences: Mapping[str, str], *, good: str, as_json: bool) -> None:
    typer.echo(json.dumps(said, indent=2) if as_json else sentences[said["outcome"]])
    if said["outcome"] != good:
        raise typer.Exit(LATE)


def _table_of_open(said: Mapping[str, Any]) -> Table:
    table = Table("said (UTC)", "by", "due (UTC)", "late", "patron in the system", "token", "what to do", "said by the system", box=None)
    for row in said["noes"]:
        also = f" (earlier: {row['earlier_token']})" if row["earlier_token"] else ""
        late = "LATE" if row["late"] else ""
        table.add_row(
            _minute(row["said_at"]), row["way"], _minute(row["due"]), late, row["ils_id"], row["token"] + also, DO[row["do"]], row["reason"]
        )
    return table


def _table_of_all(said: Mapping[str, Any]) -> Table:
    table = Table("said (UTC)", "by", "due (UTC)", "ended (UTC)", "how", "hours", "in time", "token", "taken back", box=None)
    for row in said["noes"]:
        hours = "" if row["hours"] is None else f"{row['hours']:.2f}"
        in_time = {True: "yes", False: "NO", None: ""}[row["within"]]
        ended = (_minute(row["ended_at"]), ENDED[row["ended"]] + (f" ({row['ended_by']})" if row["ended_by"] else ""))
        table.add_row(
            _minute(row["said_at"]), row["way"], _minute(row["due"]), *ended, hours, in_time, row["token"], _minute(row["taken_back"])
        )
    return table


def _show(table: Table, *, left: int, empty: bool, every: bool) -> None:
    if empty:
        typer.echo("No no is on record since then." if every else "No card is left to be ended.")
        return
    Console(width=220, highlight=False).print(table)
    if left:
        typer.echo(f"{left:,} more.")


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")
