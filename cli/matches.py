"""``firstcard matches``: students of whom it is not certain whether the library knows them already, and the library's decisions."""

import getpass
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.asking import NO_ANSWER, asked

FUNCTION = "firstcard-settle"
AT_ONCE = 200
"""Matches that the function decides on in one call."""
LATE = 1
"""Exit code when somebody else was quicker, or there is no such match; a command used wrongly exits with 2."""
ERRORS = {
    "unknown_library": (2, "no agreement is with this library; it is the short name in libraries/, such as jaxpl"),
    "no_such_match": (LATE, "there is no such match at this library: `firstcard matches list` shows those that wait"),
    "closed": (NO_ANSWER, "the names may not be opened: the agreement is over, suspended, or gives the purpose deduplicate to nobody"),
    "not_a_request": (2, "a match is 24 letters and digits, and a moment one that is over, as `firstcard matches list` shows them"),
}
LEVELS = {
    "exact": "equal",
    "preferred": "equal to the preferred name",
    "nickname": "a nickname of the other",
    "edit": "one letter or digit apart",
    "cut": "a part of the other",
    "part": "equal in part",
    "initial": "the other's initial",
    "similar": "similar",
    "swapped": "swapped",
    "default": "a date that systems write where they know none",
    "missing": "missing on one side",
    "one": "on one side only",
    "different": "different",
    "equal": "equal",
    "conflict": "different",
    "near": "a slip apart",
    "area": "only the ZIP code agrees",
    "none": "nothing agrees",
}
"""The levels of the matching rules in words."""

COMPARED = {
    "first": "first name",
    "last": "last name",
    "dob": "birth date",
    "middle": "middle name",
    "state": "state id",
    "suffix": "generation",
}

app = typer.Typer(
    no_args_is_help=True, help="Matches in doubt: which students may have a card of the library already, why, and your decision."
)

LibraryOf = Annotated[str, typer.Option("--library", help="The library's short name.")]
AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"], help="The moment of an earlier list, as it shows it."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


class Decision(StrEnum):
    """What a person decides."""

    SAME = "same"
    APART = "apart"


@app.command(name="list", epilog="Example: firstcard matches list --library jaxpl --class patron:V3")
def list_waiting(
    library: LibraryOf,
    evidence_class: Annotated[str, typer.Option("--class", help="Only those of one class, as the summary shows it.")] = "",
    limit: Annotated[int, typer.Option(help="How many, oldest first.", min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """The matches that wait for a person, oldest first, and how many there are of each class. Opens no name."""
    said = _asked(library, do="list", evidence_class=evidence_class, most=limit)
    if as_json:
        typer.echo(json.dumps(said, indent=2))
        return
    pairs = _listed(said["pairs"], f"{said['waiting']:,} matches wait as of {said['as_of']}")
    classes = Table("class", "matches", "why", title="By class: those of one class can be decided together")
    for name, count in said["classes"].items():
        classes.add_row(name, f"{count:,}", " ".join(_whys(name.partition(":")[2].split("+"))))
    Console().print(pairs, classes, sep="\n")


@app.command(epilog="Example: firstcard matches together --library jaxpl --patron 4711")
def together(
    library: LibraryOf,
    patron: Annotated[str, typer.Option(help="Only with this one of the library's patrons: the record number in its own system.")] = "",
    limit: Annotated[int, typer.Option(help="How many, oldest first.", min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """The matches that the machine put together, oldest first: to look one up, and to decide otherwise. Opens no name."""
    said = _asked(library, do="together", ils_id=patron, most=limit)
    if as_json:
        typer.echo(json.dumps(said, indent=2))
        return
    Console().print(_listed(said["pairs"], f"{len(said['pairs']):,} matches that the machine put together"))


@app.command(epilog="Example: firstcard matches show 0123456789abcdef01234567 --library jaxpl")
def show(match: Annotated[str, typer.Argument(metavar="MATCH")], library: LibraryOf, as_json: AsJson = False) -> None:
    """Both sides of one match, what agrees, and what speaks against it. Opening the names is written down."""
    said = _asked(library, do="show", ids=[match])
    if as_json:
        typer.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    pair = said["pair"]
    of_student, of_other = (f" ({district})" for district in said.get("districts", ())) if "districts" in said else ("", "")
    table = Table(
        "",
        f"the student{of_student}",
        f"{_other(pair)}{of_other}",
        "how they compare",
        title=f"Match {match} ({pair['district']}, since {pair['since'][:10]})",
    )
    student, other = said["student"] or {}, said["other"] or {}
    compared = {"first_name": "first", "middle_name": "middle", "last_name": "last", "suffix": "suffix", "birth_date": "dob"}
    for name in ("first_name", "preferred_name", "middle_name", "last_name", "suffix", "birth_date"):
        level = pair["evidence"].get(compared.get(name, ""), "")
        if student.get(name) or other.get(name) or level:
            table.add_row(name.replace("_", " "), student.get(name, ""), other.get(name, ""), LEVELS.get(level, level))
    for name, level in pair["evidence"].items():
        if name not in compared.values():
            table.add_row(
                name.replace("_", " "), "", "", LEVELS.get(level, level.replace("+", " and ") + (" agree" if name == "contact" else ""))
            )
    console = Console()
    console.print(table)
    if not said["student"]:
        console.print("Nothing is kept of the student: no card was made, or the family said no.")
    if pair["ils_id"]:
        console.print(f"Look the patron up in the library's system: record {pair['ils_id']}.")
    for why in _whys(pair["vetoes"]):
        console.print(f"Against: {why}")
    if pair["by"] != "machine":
        console.print(f"Decided: {pair['answer']}, by {pair['by']} on {pair['decided_at'][:10]}.")


@app.command(epilog="Example: firstcard matches decide same 0123456789abcdef01234567 --library jaxpl")
def decide(
    decision: Annotated[Decision, typer.Argument(help="same: one person; apart: two people, for good.")],
    library: LibraryOf,
    matches: Annotated[list[str] | None, typer.Argument(metavar="MATCH...", help="One or several matches.")] = None,
    evidence_class: Annotated[str, typer.Option("--class", help="All that wait of this class, instead of naming them.")] = "",
    as_of: AsOf = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether all of the class are meant.")] = False,
    as_json: AsJson = False,
) -> None:
    """Decide on matches. No later roster and no new rules undo it; whoever comes second is told.

    Of a class only those are decided that waited when they were counted, or at the moment --as-of: what comes later waits on.
    """
    if bool(matches) == bool(evidence_class):
        raise typer.BadParameter("name the matches, or a class of them with --class")
    those: dict[str, Any] = {}
    if evidence_class:
        listed = _asked(library, do="list", evidence_class=evidence_class, most=1, **({"as_of": as_of.isoformat()} if as_of else {}))
        those = {"evidence_class": evidence_class, "as_of": listed["as_of"]}
        count = listed["classes"].get(evidence_class, 0)
        if count and not yes:
            typer.confirm(
                f"{count:,} matches of {evidence_class} wait as of {listed['as_of']}. Decide {decision} on all of them?",
                abort=True,
                err=True,
            )
    totals: dict[str, list[str]] = {"decided": [], "late": [], "unknown": []}
    parts = [matches[begin : begin + AT_ONCE] for begin in range(0, len(matches), AT_ONCE)] if matches else []
    while True:
        wanted: dict[str, Any] = {"ids": parts.pop(0)} if parts else those
        said = _asked(library, do="decide", answer=str(decision), **wanted)
        for name, found in totals.items():
            found += said[name]
        if not parts and (matches or not said["left"] or not said["decided"]):
            break
    if as_json:
        typer.echo(json.dumps(totals, indent=2))
    else:
        typer.echo(f"{len(totals['decided']):,} decided: {decision}.")
        for name, sentence in (("late", "was decided by somebody else meanwhile"), ("unknown", "is no match of this library")):
            for one in totals[name]:
                typer.echo(f"{one} {sentence}.", err=True)
    if totals["late"] or totals["unknown"]:
        raise typer.Exit(LATE)


def _listed(pairs: Sequence[Mapping[str, Any]], title: str) -> Table:
    table = Table("match", "since", "district", "with", "what agrees", "what speaks against it", title=title)
    for pair in pairs:
        table.add_row(
            pair["match"], pair["since"][:10], pair["district"], _other(pair), _levels(pair["evidence"]), ", ".join(pair["vetoes"])
        )
    return table


def _other(pair: Mapping[str, Any]) -> str:
    return f"patron {pair['ils_id']}" if pair["kind"] == "patron" else "another student"


def _levels(evidence: Mapping[str, str]) -> str:
    return ", ".join(f"{COMPARED.get(name, name)} {LEVELS.get(level, level.replace('+', ' and '))}" for name, level in evidence.items())


def _whys(codes: Sequence[str]) -> list[str]:
    from firstcard.match.rules import CHAIN, REJECTS, VETOES

    sentences = {rule.code: rule.why for rule in (*REJECTS, *VETOES)} | {
        CHAIN: "A chain of links would put people together who are apart.",
        "clear": "Nothing: the agreement, or a card that both have, asks for a person.",
        "twocards": "They are one child, and both have a card: end one in your system.",
        "serves": "This patron's card serves another student already.",
        "blocked": "The library's list says that the card is stopped, and the agreement lets a person decide.",
    }
    return [sentences.get(code, code) for code in codes if code]


def _asked(library: str, **request: Any) -> Mapping[str, Any]:  # noqa: ANN401  JSON
    said = asked(FUNCTION, {"library": library, "by": getpass.getuser(), **request}, role="firstcard-librarian")
    if error := said.get("error"):
        code, sentence = ERRORS.get(error, ERRORS["not_a_request"])
        typer.echo(sentence, err=True)
        raise typer.Exit(code)
    return said
