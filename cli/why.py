"""``firstcard why``: why a child has no card."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.asking import asked

NO_CARD = 1
"""Exit code when the child has no card; a command used wrongly exits with 2."""

FUNCTION = "firstcard-explain"
WRONG_USE = {
    "unknown_district": "no agreement is with this district; it is the short name in the agreement, such as duval",
    "unknown_library": "this district has no agreement with this library; it is the short name in the agreement, such as jaxpl",
    "several_libraries": "this district shares with several libraries: say which one with --library, by its short name in the agreement",
    "not_an_id": "this cannot be a student's id as rosters have it: one word of letters and digits",
    "not_a_question": "this cannot be a student's id as rosters have it: it is too long",
}


StudentOption = Annotated[
    str | None,
    typer.Option(
        metavar="ID|-",
        help="The district's student id; - reads it from standard input. Left out, it is asked for, and then it is neither in the shell's history nor in the list of processes.",
    ),
]


LibraryOption = Annotated[
    str, typer.Option(metavar="LIBRARY", help="The library's short name in its agreement, where the district shares with several.")
]


def why(
    district: Annotated[str, typer.Option(help="The district's short name in its agreement.")],
    student: StudentOption = None,
    library: LibraryOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Say why a child has no card, what to do about it, and whom to ask. Never a name, a number or anything else of the card than where it stands.

    Exits with 0 if the child has a card, 1 if it has none, 2 if the command was used wrongly, 3 if nobody could answer.
    """
    said = asked(FUNCTION, question(district, student, library), role="firstcard-operator")
    if error := said.get("error"):
        raise typer.BadParameter(WRONG_USE.get(error, "the function did not understand the question"))
    answer = said["answer"]
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False) if as_json else as_text(answer))
    if not answer["has_card"]:
        raise typer.Exit(NO_CARD)


def question(district: str, student: str | None, library: str) -> dict[str, str]:
    """What the function is asked about a child, now."""
    named = {"library": library} if library else {}
    return {"district": district, "student": student_id(student), "at": datetime.now(UTC).isoformat(), **named}


def as_text(answer: Mapping[str, Any]) -> str:
    """The answer for a person: sentence, further places, advice, whom to ask."""
    details, ask = answer["details"], answer["ask"]
    lines = [answer["sentence"]]
    lines += [f"  {p['file']} line {p['line']} {p['column']} {p['reason']}: {p['sentence']}" for p in details.get("places", ())]
    lines.append(f"What to do: {answer['advice']}")
    if "name" in ask:
        lines.append(f"Whom to ask: {', '.join(ask[name] for name in ('name', 'email', 'phone') if ask.get(name))}")
    lines.append(f"({', '.join([answer['code'], *(f'run {details[name]}' for name in ('run',) if name in details)])})")
    return "\n".join(lines)


def student_id(student: str | None) -> str:
    """The id as it was given, from standard input, or asked for."""
    if student == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if student is not None:
        return student
    if not sys.stdin.isatty():
        raise typer.BadParameter("say --student - to read the student's id from standard input", param_hint="--student")
    return str(typer.prompt("Student id", err=True))
