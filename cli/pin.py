"""``firstcard pin``: another PIN for a child's card."""

from typing import Annotated

import typer

from cli.asking import NO_ANSWER, asked
from cli.why import WRONG_USE, LibraryOption, StudentOption, question

FUNCTION = "firstcard-reset"
NOT_DONE = 1
"""Exit code where nothing was changed; a command used wrongly exits with 2."""
OUTCOMES = {
    "renewed": "A new PIN is on its way to the library's system. As soon as it is there, the family gets an e-mail with a link to it, and the old PIN does not work any more.",
    "no_page": "Nothing was changed: the agreement has no page on which a family could see a PIN (card.pin.page). Set a PIN in the library's system, at the desk.",
    "not_in_force": "Nothing was changed: the agreement is not in force, or is suspended.",
    "no_card": "Nothing was changed: this child has no card that works. `firstcard why` says why.",
    "own_card": "Nothing was changed: the card is the family's own. Its PIN is the library's and the family's affair.",
    "not_in_ils": "Nothing was changed: the card is not in the library's system yet, or failed there. `firstcard why` says which.",
    "no_address": "Nothing was changed: the family has no e-mail address on file, so a link could not be sent. Set a PIN in the library's system, at the desk.",
    "before_the_page": "Nothing was changed: this card cannot be shown on the page, for it was made before the agreement had one, or lacks what the page asks for. Set a PIN in the library's system, at the desk.",
}
"""What the function may answer, in sentences."""

app = typer.Typer(no_args_is_help=True, help="PINs: have another one made for a child's card. Nobody who asks is ever told one.")
app.callback()(lambda: None)


@app.command(epilog="Example: firstcard pin reset --district duval (it then asks for the student's id)")
def reset(
    district: Annotated[str, typer.Option(help="The district's short name in its agreement.")],
    student: StudentOption = None,
    library: LibraryOption = "",
) -> None:
    """Have another PIN made: it is set in the library's system, and the family gets a new link to it. You are not told the PIN.

    Exits with 0 if it is on its way, 1 if nothing was changed, 2 if the command was used wrongly, 3 if nobody could answer.
    """
    said = asked(FUNCTION, question(district, student, library), role="firstcard-operator")
    if said.get("error") == "busy":
        typer.echo("Nothing was changed: the card was changed again and again meanwhile. Try again in a minute.", err=True)
        raise typer.Exit(NO_ANSWER)
    if error := said.get("error"):
        raise typer.BadParameter(WRONG_USE.get(error, "the function did not understand the question"))
    typer.echo(OUTCOMES[said["outcome"]])
    if said["outcome"] != "renewed":
        raise typer.Exit(NOT_DONE)
