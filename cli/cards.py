"""``firstcard cards``: cards, class lists and letters home on paper, for a school to hand out."""

import json
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.asking import NO_ANSWER, asked
from cli.why import WRONG_USE as WRONG_WORDS
from cli.why import LibraryOption, student_id

if TYPE_CHECKING:
    from firstcard.notice.handout import HandedCard, Paper

FUNCTION = "firstcard-print"
ROLE = "firstcard-handout"
NOTHING = 1
"""Exit code where there was nothing to print; a command used wrongly exits with 2."""
WRONG_USE = 2
AT_ONCE = 100
"""As many students as the function takes in one call."""
PAUSE = 15.0
"""Seconds between two looks whether new PINs have reached the library's system."""

LEFT_OUT = {
    "no_card": "have no card",
    "refused": "said no, or their family did",
    "waiting": "wait: their families' days to say no still run, or they could not be told",
    "ended": "have a card that has ended",
    "own_card": "use a card of their family's own, of which nothing is printed",
    "not_in_ils": "have a card that is not in the library's system yet, or failed there",
    "before_the_clause": "have a card from before the agreement allowed handing out: it cannot be opened for that",
    "restricted": "have restricted contacts (--include-restricted, if the school says so)",
    "pin_shown": "have a PIN that was printed or shown before (--reprint gives each of them a new one, and the old one stops working)",
    "pin_under_way": "have a new PIN that is not in the library's system yet: print again in some minutes, without --reprint",
    "changed": "were changed by somebody else just now: print again",
}
"""Why somebody is not in a print, in words that follow a number of students."""
ERRORS = {
    **{word: (WRONG_USE, sentence) for word, sentence in WRONG_WORDS.items()},
    "not_agreed": (NOTHING, "Nothing was printed: the agreement does not allow handing out (the purpose hand_out)."),
    "not_in_force": (NOTHING, "Nothing was printed: the agreement is not in force, or is suspended."),
    "no_roster_since": (
        NOTHING,
        "Nothing was printed: no roster was applied yet since the agreement allows handing out. Ask again after the next one.",
    ),
    "nobody_there": (
        NOTHING,
        "Nothing was printed: the last roster has no student there. The school is its id in the roster, the homeroom as it is written there.",
    ),
    "closed": (NO_ANSWER, "The data cannot be opened: the key refuses. Look at the agreement's term and at its key."),
    "not_a_wish": (WRONG_USE, "the function did not understand this; are the command and the deployment of one version?"),
}

app = typer.Typer(
    no_args_is_help=True, help="Cards on paper: print what a school hands out, and see what was handed out. Every print is recorded."
)
app.callback()(lambda: None)


@dataclass(slots=True)
class Pile:
    """What all calls of one print brought; ``broken`` if one of them found no answer."""

    cards: list["HandedCard"] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    paper: "Paper | None" = None
    broken: bool = False


def collect(ask: Callable[[Mapping[str, Any]], Mapping[str, Any]], *, patience: float, pause: Callable[[float], None]) -> Pile:
    """Ask call by call until everybody was looked at, and again for those whose new PIN is under way, for about ``patience`` seconds.

    ``ask`` takes what differs from call to call, and raises typer.Exit where there is no answer: it is asked once more, for a print is given the same again.
    After that the pile has what came before, so that a PIN that was spent is on paper.
    """
    pile = Pile()
    under_way: list[str] = []
    after = ""
    try:
        while True:
            said = _twice(ask, {"after": after} if after else {})
            _take(pile, said)
            under_way += said["under_way"]
            after = said["next"]
            if not after:
                break
        waited = 0.0
        while under_way and waited < patience:
            pause(PAUSE)
            waited += PAUSE
            still: list[str] = []
            for start in range(0, len(under_way), AT_ONCE):
                part = under_way[start : start + AT_ONCE]
                said = _twice(ask, {"only": part, "reprint": False})
                pile.left_out["pin_under_way"] -= len(part)
                _take(pile, said)
                still += said["under_way"]
            under_way = still
    except typer.Exit:
        if not pile.cards:
            raise
        pile.broken = True
    pile.left_out = +pile.left_out
    return pile


def _twice(ask: Callable[[Mapping[str, Any]], Mapping[str, Any]], what: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return ask(what)
    except typer.Exit as exit_:
        if exit_.exit_code != NO_ANSWER:
            raise
        return ask(what)


def _take(pile: Pile, said: Mapping[str, Any]) -> None:
    from firstcard.notice.handout import HandedCard, Paper

    pile.cards += [HandedCard(**card) for card in said["cards"]]
    pile.left_out.update(said["left_out"])
    pile.paper = Paper(**said["paper"])


@app.command(
    name="print",
    epilog='Example: firstcard cards print --district duval --school 0301 --homeroom "Room 4" --out papers',
)
def print_(
    district: Annotated[str, typer.Option(help="The district's short name in its agreement.")],
    school: Annotated[str, typer.Option(help="The school's id, as it stands in the roster.")] = "",
    homeroom: Annotated[str, typer.Option(help="A homeroom of the school, as it stands in the roster; left out: the whole school.")] = "",
    student: Annotated[
        str, typer.Option(help="One student's id instead of a school; - asks for it, so that it stays out of the shell's history.")
    ] = "",
    library: LibraryOption = "",
    out: Annotated[Path, typer.Option(help="The folder that the papers go into.", file_okay=False)] = Path(),
    cards: Annotated[bool, typer.Option("--cards", help="Cards to cut out, eight to a page.")] = False,
    class_list: Annotated[bool, typer.Option("--class-list", help="A list of each homeroom, without PINs.")] = False,
    letters: Annotated[bool, typer.Option("--letters", help="A letter to each family, in its language.")] = False,
    reprint: Annotated[
        bool,
        typer.Option(
            "--reprint", help="Also students whose PIN was printed or shown before: each gets a new PIN, and the old one stops working."
        ),
    ] = False,
    include_restricted: Annotated[
        bool,
        typer.Option("--include-restricted", help="Also students whose contacts are restricted, if their school says so; it is recorded."),
    ] = False,
    wait: Annotated[float, typer.Option(help="Minutes to wait until new PINs are in the library's system.", min=0, max=25)] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Say what was printed as JSON: files and counts, no names.")] = False,
) -> None:
    """Print cards, class lists and letters home as PDF: all three, or those that you name.

    Only PINs that work, and that nobody was shown yet, are printed. The files hold names, numbers and PINs: print them, and delete them.

    Exits with 0 if something was printed, 1 if not, 2 if the command was used wrongly, 3 if nobody could answer.
    """
    if bool(school) == bool(student) or (homeroom and not school):
        raise typer.BadParameter("name a school, perhaps with a homeroom, or one student")
    chosen = [name for name, wanted in (("cards", cards), ("class_list", class_list), ("letters", letters)) if wanted]
    parts = chosen or ["cards", "class_list", "letters"]
    from firstcard.adapters.aws import caller

    wish: dict[str, Any] = {
        "district": district,
        "library": library,
        "by": caller(),
        "print_id": secrets.token_hex(12),
        "parts": parts,
        "reprint": reprint,
        "include_restricted": include_restricted,
        **({"school": school, "homeroom": homeroom} if school else {"student": student_id(student)}),
    }

    def ask(what: Mapping[str, Any]) -> Mapping[str, Any]:
        said = asked(FUNCTION, wish | {"at": datetime.now(UTC).isoformat(), **what}, role=ROLE)
        if error := said.get("error"):
            code, sentence = ERRORS[error]
            if code == WRONG_USE:
                raise typer.BadParameter(sentence)
            typer.echo(sentence, err=True)
            raise typer.Exit(code)
        return said

    pile = collect(ask, patience=wait * 60, pause=time.sleep)
    files = _written(pile, parts, out, name=wish["print_id"][:8], restricted=include_restricted) if pile.cards else []
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "print_id": wish["print_id"],
                    "printed": len(pile.cards),
                    "left_out": pile.left_out,
                    "files": files,
                    "whole": not pile.broken,
                }
            )
        )
    else:
        _tell(pile, files)
    if pile.broken:
        raise typer.Exit(NO_ANSWER)
    if not pile.cards:
        raise typer.Exit(NOTHING)


@app.command(epilog="Example: firstcard cards printed jaxpl.duval --since 2026-09-01")
def printed(
    sharing: Annotated[str, typer.Argument(help="Library and district, such as jaxpl.duval.")],
    since: Annotated[datetime, typer.Option(help="From this day on (UTC).", formats=["%Y-%m-%d"])],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the tokens of those whose data were opened and went out.")] = False,
) -> None:
    """What was handed out, from the record that each call of a print leaves: when, who printed, for whom, which papers, of how many (34 CFR 99.32)."""
    from firstcard.adapters.ledger_table import LedgerTable

    records = list(LedgerTable("firstcard-ledger").prints(sharing, since=f"{since:%Y-%m-%d}"))
    if as_json:
        typer.echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    for one in records:
        place = f"school {one['school']}" + (f", {one['homeroom']}" if one["homeroom"] else "") if one["school"] else "one student"
        more = [word for word, so in (("with new PINs", one["reprint"]), ("with restricted contacts", one["restricted_included"])) if so]
        typer.echo(
            f"{one['at'][:19]}  {one['by']}  {place}: {', '.join(one['parts'])} of {len(one['handed'])} students"
            f" ({', '.join([str(len(one['opened'])) + ' opened', *more, one['agreement'], one['purpose']])})"
        )
    typer.echo(f"{len(records)} calls of prints.")


def _written(pile: Pile, parts: Sequence[str], out: Path, *, name: str, restricted: bool) -> list[str]:
    """The papers, for their owner's eyes alone; no name of theirs says whose they are."""
    from cli.handout.pages import cards_pdf, class_lists_pdf, letters_pdf

    assert pile.paper is not None
    day = datetime.now().astimezone()
    made = {
        "cards": lambda: cards_pdf(pile.cards, pile.paper),
        "class_list": lambda: class_lists_pdf(pile.cards, pile.paper, date=f"{day:%B} {day.day}, {day.year}", restricted=restricted),
        "letters": lambda: letters_pdf(pile.cards, pile.paper),
    }
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for part in parts:
        path = out / f"{part.replace('_', '-')}-{name}.pdf"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made[part]())
        files.append(str(path))
    return files


def _tell(pile: Pile, files: Sequence[str]) -> None:
    from cli.handout.pages import with_missing_signs, without_barcode

    typer.echo(f"Printed for {len(pile.cards)} students{':' if files else '.'}")
    for file in files:
        typer.echo(f"  {file}")
    for why, count in sorted(pile.left_out.items()):
        typer.echo(f"Left out: {count} {LEFT_OUT[why]}.")
    if pile.cards and pile.paper and (lacking := without_barcode(pile.cards, pile.paper)):
        typer.echo(f"Without a barcode: {lacking}, whose number has a sign that the barcode lacks, or is too long for a card.")
    if lacking := with_missing_signs(pile.cards):
        typer.echo(f"With small squares for signs that the font lacks: the names of {lacking}. Write them by hand.")
    if pile.cards:
        typer.echo("The files hold names and perhaps PINs. Print them, then delete them. Who is left out, and why, is not for the school.")
    if pile.broken:
        typer.echo("Not everybody was looked at, for nobody answered at last. Print again, without --reprint, for the rest.", err=True)
