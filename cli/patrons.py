"""``firstcard patrons``: the library's own patrons, sealed on this machine and kept for a few days, to see which students have a card already."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.status import Status
from rich.table import Table

from firstcard.adapters.aws import DropAndVault, FunctionFailedError, account_and_region, ask_function, caller, wrapper
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.agreement import AgreementError, Library, load_site
from firstcard.extract import PatronReading, read_patrons, text_of
from firstcard.extract.reading import MOST_BYTES
from firstcard.ils import SYNC_REASONS, SyncReason
from firstcard.roster import Problem, Reason, Refusal, safe_file_name
from firstcard.run.extracts import Extracts, MovedError, NotAgreedError, current
from firstcard.run.ledger import Extract

NOTHING_DONE = 1
"""Exit code when nothing was imported or destroyed; a command used wrongly exits with 2."""
NO_ANSWER = 3
"""Exit code when AWS or the function could not be asked."""
FUNCTION = "firstcard-gather"
SHOWN_LINES = 5

app = typer.Typer(
    no_args_is_help=True,
    help="The library's own patrons, kept sealed for a few days to see which students have a card already: import, show, delete.",
)

OfLibrary = Annotated[str, typer.Option("--library", help="The library's short name, as in libraries/.")]
Site = Annotated[Path, typer.Option(help="The folder with agreements/ and libraries/ that was deployed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.command(name="import", epilog="Example: firstcard patrons import patrons.csv --library jaxpl")
def import_patrons(
    library: OfLibrary,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", exists=True, dir_okay=False, readable=True, help="A CSV file of the library's patrons."),
    ] = None,
    from_ils: Annotated[bool, typer.Option("--from-ils", help="Ask the library's ILS instead of reading a file.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only look at the file; nothing leaves this machine.")] = False,
    site: Site = Path(),
    as_json: AsJson = False,
) -> None:
    """Seal the library's own patrons on this machine and let them take the place of those that are held.

    Columns, in any order: patron_id, barcode, first_name, middle_name, last_name, suffix, birth_date, street, postal_code, phone, email, blocked. What the
    library's clause `patrons` does not list is dropped unread. No value is ever shown.

    Exits with 0 when patrons were imported, 1 when none were, 2 if the command was used wrongly, 3 if AWS could not be asked.
    """
    ours = _library(site, library)
    if (file is None) is not from_ils:
        raise typer.BadParameter("name a file, or say --from-ils")
    if from_ils and check:
        raise typer.BadParameter("--check looks at a file; there is none with --from-ils")
    if from_ils:
        _gather(ours, as_json=as_json)
    else:
        assert file is not None
        _import_file(ours, file, check=check, as_json=as_json)


@app.command(epilog="Example: firstcard patrons show --library jaxpl")
def show(library: OfLibrary, site: Site = Path(), as_json: AsJson = False) -> None:
    """Say what is held of the library's patrons: how many, since when, until when, who brought them in."""
    ours = _library(site, library)
    with _said():
        held = LedgerTable("firstcard-ledger").extract(library)
    open_now = current(held, ours.patrons, datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps(_as_json(library, held) | {"can_be_opened": open_now}, indent=2))
    elif not held.version:
        typer.echo(f"No patron of {library} was ever imported.")
    elif not held.name:
        typer.echo(f"No patron of {library} is held; the last {held.count:,} were destroyed at {held.destroyed_at}.")
    else:
        until = f"until {held.until}" if open_now else "and may not be opened any more: the next sweep destroys them"
        typer.echo(f"{held.count:,} patrons of {library} are held, {until}. Imported at {held.imported_at} by {held.by} ({held.source}).")


@app.command(epilog="Example: firstcard patrons delete --library jaxpl")
def delete(library: OfLibrary, site: Site = Path(), as_json: AsJson = False) -> None:
    """Destroy what is held of the library's patrons now, with every version of it.

    Exits with 0 when nothing is held any more, 1 when somebody imported at the same time, 2 if the command was used wrongly, 3 if AWS could not be asked.
    """
    ours = _library(site, library)
    with _said():
        gone = _extracts(ours).destroy(datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps({"library": library, "destroyed": gone.count if gone else 0}, indent=2))
    else:
        typer.echo(f"{gone.count:,} patrons of {library} are destroyed." if gone else f"No patron of {library} is held.")


# The two ways in


def _import_file(library: Library, file: Path, *, check: bool, as_json: bool) -> None:
    now, name = datetime.now(UTC), safe_file_name(file.name)
    clause = library.patrons
    if clause is None or not clause.in_force(now.date()):
        _not_agreed(library)
    if file.stat().st_size > MOST_BYTES:
        _refused(Refusal(Reason.TOO_LARGE, name), library, as_json=as_json)
    with _progress() as say:
        say(f"Reading {name}")
        reading = read_patrons(file.read_bytes(), name, clause, now.date())
        if isinstance(reading, Refusal):
            _refused(reading, library, as_json=as_json)
        if check:
            _tell(_of_reading(library, reading, None), reading, as_json=as_json)
            return
        say("Sealing and uploading")
        with _said():
            kept = _sealed(library, reading, now)
    _tell(_of_reading(library, reading, kept), reading, as_json=as_json)


def _sealed(library: Library, reading: PatronReading, now: datetime) -> Extract:
    # Loaded here, for they bring a database and a cryptographic library that the other commands do not need.
    from firstcard.extract.parquet import to_parquet
    from firstcard.run.sealed_extract import keep_extract

    parquet = to_parquet(reading.columns)
    return keep_extract(
        _extracts(library), parquet, count=reading.count, source="csv", by=caller(), now=now, wrap=wrapper(library.id), random=os.urandom
    )


def _gather(library: Library, *, as_json: bool) -> None:
    with _said(), _progress() as say:
        say("Asking the ILS; a large library takes minutes")
        said = ask_function(FUNCTION, {"library": library.id, "by": caller()}, patient=True)
    if error := said.get("error"):
        _not_gathered(library, str(error), str(said.get("reason", "")))
    answer = said["answer"]
    if as_json:
        typer.echo(json.dumps({"library": library.id, **answer}, indent=2))
        return
    typer.echo(f"{answer['imported']:,} of {answer['rows']:,} patrons of {library.id} are held until {answer['until']}.")
    for code, count in answer["rejected"].items():
        sentence, advice = text_of(Reason(code))
        typer.echo(f"Left out: {count:,} {code}: {sentence} {advice}")


def _not_gathered(library: Library, error: str, reason: str) -> NoReturn:
    if error == "not_agreed":
        _not_agreed(library)
    if error == "ils":
        told = SYNC_REASONS[SyncReason(reason)]
        _not_done(f"{reason}: {told.sentence} {told.advice.replace('Then redrive the queue.', '').replace('; then redrive the queue', '')}")
    sentences = {
        "unknown_library": f"The deployed site has no library {library.id}: deploy it first.",
        "nobody": "The ILS has no patron with an id, a first name and a last name: nothing was imported.",
        "moved": "Somebody else imported at the same time. See: firstcard patrons show",
    }
    _not_done(sentences.get(error, f"The function {FUNCTION} did not understand the question: is it of this version?"))


# What is said


def _of_reading(library: Library, reading: PatronReading, kept: Extract | None) -> dict[str, Any]:
    return {
        "library": library.id,
        "rows": reading.rows,
        "usable": reading.count,
        "imported": kept.count if kept else 0,
        "until": kept.until if kept else None,
        "rejected": {str(reason): count for reason, count in reading.rejected_rows.items()},
        "dropped": [{"column": one.column, "forbidden": one.forbidden} for one in reading.dropped],
        "problems": [_place(problem, rejected=True) for problem in reading.rejected]
        + [_place(problem, rejected=False) for problem in reading.warnings],
    }


def _place(problem: Problem, *, rejected: bool) -> dict[str, Any]:
    return {"line": problem.line, "column": problem.column, "code": str(problem.reason), "rejected": rejected}


def _tell(told: Mapping[str, Any], reading: PatronReading, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    console = Console(highlight=False, markup=False)
    for title, problems in (("Rows left out", reading.rejected), ("Used without the value, or to look at", reading.warnings)):
        if problems:
            console.print(_by_reason(title, problems))
    dropped = [str(one["column"]) for one in told["dropped"]]
    if dropped:
        console.print(f"Not agreed, and not read: {', '.join(dropped)}.")
    if told["until"]:
        console.print(f"{told['imported']:,} of {told['rows']:,} patrons of {told['library']} are held until {told['until']}.")
    else:
        console.print(f"{told['usable']:,} of {told['rows']:,} patrons can be used. Nothing was imported.")


def _by_reason(title: str, problems: Sequence[Problem]) -> Table:
    table = Table(title=title, title_justify="left", show_lines=True)
    for column in ("code", "times", "first lines", "what is so, and what to do"):
        table.add_column(column, no_wrap=column == "code")
    for reason, count in Counter(problem.reason for problem in problems).most_common():
        places = [one for one in problems if one.reason is reason][:SHOWN_LINES]
        lines = ", ".join(f"{one.line:,} {one.column}".strip() for one in places) + (" …" if count > SHOWN_LINES else "")
        table.add_row(str(reason), f"{count:,}", lines, " ".join(text_of(reason)))
    return table


def _refused(refusal: Refusal, library: Library, *, as_json: bool) -> NoReturn:
    sentence, advice = text_of(refusal.reason)
    if as_json:
        told = {"code": str(refusal.reason), "line": refusal.line, "column": refusal.column}
        typer.echo(json.dumps({"library": library.id, "imported": 0, "refused": told}, indent=2))
    where = ", ".join(
        part
        for part in (
            refusal.file,
            f"line {refusal.line:,}" if refusal.line else "",
            f"column {refusal.column}" if refusal.column else "",
        )
        if part
    )
    _not_done(f"{refusal.reason} ({where}): {sentence} {advice}")


def _as_json(library: str, held: Extract) -> dict[str, Any]:
    return {
        "library": library,
        "held": bool(held.name),
        "patrons": held.count if held.name else 0,
        "imported_at": held.imported_at or None,
        "until": held.until if held.name else None,
        "by": held.by or None,
        "source": held.source or None,
        "destroyed_at": held.destroyed_at or None,
    }


# What is needed


def _library(site: Path, slug: str) -> Library:
    try:
        libraries = load_site(site).libraries
    except AgreementError as error:
        for mistake in error.mistakes:
            typer.echo(str(mistake), err=True)
        raise typer.Exit(2) from None
    for one in libraries:
        if one.id == slug:
            return one
    raise typer.BadParameter(
        f"there is no library {slug} in {site / 'libraries'}; there are: {', '.join(one.id for one in libraries) or 'none'}",
        param_hint="--library",
    )


def _extracts(library: Library) -> Extracts:
    account, region = account_and_region()
    return Extracts(library, LedgerTable("firstcard-ledger"), DropAndVault(f"firstcard-vault-{account}-{region}"))


def _not_agreed(library: Library) -> NoReturn:
    if library.patrons is None:
        _not_done(
            f"{library.id} has no clause on its own patrons: add 'patrons' to its file (docs/patrons.md) when the board has approved it, and deploy."
        )
    _not_done(
        f"The clause 'patrons' of {library.id} runs from {library.patrons.effective} to {library.patrons.expires} and not today: renew it, and deploy."
    )


@contextmanager
def _progress() -> Iterator[Any]:
    """What is being done, where somebody is looking."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda step: None
        return
    status = Status("…", console=console)
    with status:
        yield lambda step: status.update(f"{step} …")


@contextmanager
def _said() -> Iterator[None]:
    """Say in a sentence what AWS or somebody else has against it."""
    try:
        yield
    except NotAgreedError:
        _not_done("The library's clause on its own patrons is not in force.")
    except MovedError:
        _not_done("Somebody else imported at the same time. See: firstcard patrons show")
    except FunctionFailedError as error:
        _stop(
            f"The function {FUNCTION} broke off ({error}); its log says why, under this time. See what is held: firstcard patrons show",
            NO_ANSWER,
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        advice = {
            "NotFoundException": "there is no key for the library's patrons: is its stack deployed, with the clause, in this account and region?",
            "ResourceNotFoundException": "something is not deployed in this account and region.",
        }
        refused = "these credentials may not do this; the role firstcard-systems-librarian may, in the clause's days."
        _stop(f"{code}: {refused if 'AccessDenied' in code else advice.get(code, 'AWS refused the call.')}", NO_ANSWER)
    except BotoCoreError as error:
        _stop(f"AWS cannot be reached with these settings: {type(error).__name__}.", NO_ANSWER)


def _not_done(sentence: str) -> NoReturn:
    _stop(sentence, NOTHING_DONE)


def _stop(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
