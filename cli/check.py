"""``firstcard check``: read a roster as the cloud would, on this machine and without sending it anywhere."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from firstcard.agreement import Agreement
from firstcard.agreement.lines import AgreementError
from firstcard.agreement.load import load_agreement
from firstcard.receipt.receipt import ROWS_ONLY
from firstcard.roster import REASONS, Problem, Reading, Reason, Refusal, safe_file_name
from firstcard.roster.reading import words_of
from firstcard.run.checking import MEGABYTE, Checked, Verdict, check_roster, limit_of
from firstcard.sender import OpeningError, open_delivery
from firstcard.sender.protection import Wrapping, unwrapped

SLOW_BYTES = 8 * MEGABYTE
"""From this size on, reading takes long enough for somebody to wonder."""
SHOWN_LINES = 5
"""Lines named for each reason on the screen; ``--json`` has all of them."""

_COLOURS = {Verdict.ACCEPTABLE: "green", Verdict.HELD: "yellow", Verdict.REFUSED: "red"}


def exit_code_of(checked: Checked) -> int:
    """0 acceptable; 1 readable, but it would be held or refused; 2 not usable at all."""
    return 2 if isinstance(checked.result, Refusal) else 0 if checked.verdict is Verdict.ACCEPTABLE else 1


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="The export: a zip, a CSV, a folder, or its files one by one.")],
    agreement: Annotated[Path | None, typer.Option(metavar="YAML", help="The agreement to read it under.")] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The OpenPGP secret key or age identity that opens a protected file, in memory only."),
    ] = None,
    today: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="The day that ages are counted to; the present one if left out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Say what the cloud would say of a roster: its form, each rejected row by line, code and advice, and the verdict. Nothing is sent or kept.

    What only the files before show is not looked at: how many are new, missing or changed, ids that lost their zeros, changed altogether or were given to another person.

    Exits with 0 if the file is acceptable, 1 if it can be read but would be held or refused, 2 if it cannot be used at all or the command was used wrongly.
    """
    terms_of_agreement = _agreement(agreement) if agreement else None
    limit = limit_of(terms_of_agreement)
    paths = _files(files)
    day = (today or datetime.now(UTC)).date()
    with _progress(sum(_size(path) for path in paths)):
        data, name = _content(paths, limit)
        opened = _opened(data, terms_of_agreement, key, limit)
        checked = Checked(opened) if isinstance(opened, Refusal) else check_roster(opened, name, terms_of_agreement, day)
    if as_json:
        typer.echo(json.dumps(as_plain(checked, terms_of_agreement), indent=2, ensure_ascii=False))
    else:
        _show(checked, name, terms_of_agreement, day, protected=opened is not data)
    raise typer.Exit(exit_code_of(checked))


def as_plain(checked: Checked, agreement: Agreement | None) -> dict[str, Any]:
    """The check as JSON. ``reasons`` counts rejected rows by their first reason, and names what is against the whole file with 1."""
    result = checked.result
    whole = [Problem("", 0, "", reason) for reason in checked.reasons]
    if isinstance(result, Refusal):
        whole.append(Problem(result.file, result.line or 0, result.column, result.reason))
    told: dict[str, Any] = {"format": "", "verdict": str(checked.verdict), "rows": 0, "accepted": 0, "rejected": 0, "warnings": 0}
    problems: tuple[Problem, ...] = ()
    rejected: dict[Reason, int] = {}
    dropped: list[dict[str, Any]] = []
    if isinstance(result, Reading):
        problems, rejected = result.problems, result.rejected
        count = sum(rejected.values())
        told |= {"format": result.format, "rows": result.rows, "accepted": result.rows - count, "rejected": count}
        told["warnings"] = sum(REASONS[problem.reason].severity == "warning" for problem in problems)
        dropped = [{"file": one.file, "column": one.column, "forbidden": one.forbidden} for one in result.dropped]
    told["rows_only"] = isinstance(result, Reading) and result.rows_only
    return told | {
        "reasons": {str(reason): n for reason, n in sorted({**rejected, **{one.reason: 1 for one in whole}}.items())},
        "agreement": agreement.id if agreement else None,
        "dropped": dropped,
        "errors": [
            {
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "code": str(problem.reason),
                "severity": REASONS[problem.reason].severity,
                "advice": REASONS[problem.reason].advice,
            }
            for problem in (*whole, *problems)
        ],
    }


# The files


def _agreement(file: Path) -> Agreement:
    try:
        return load_agreement(file)
    except AgreementError as error:
        for mistake in error.mistakes:
            typer.echo(str(mistake), err=True)
        raise typer.Exit(2) from None


def _files(given: Sequence[Path]) -> list[Path]:
    """The files, a folder standing for what lies in it (not deeper, and nothing hidden)."""
    found: list[Path] = []
    for path in given:
        try:
            inside = sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith(".")) if path.is_dir() else [path]
        except OSError as error:
            raise _unreadable(path, error) from None
        if not inside:
            raise typer.BadParameter(f"the folder {path} holds no file")
        found += inside
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from None


def _content(paths: Sequence[Path], limit: int) -> tuple[bytes, str]:
    """The bytes as they would be sent, and their name: several files make one zip. What is larger than any upload is read no further than that."""
    most = 2 * limit
    parts: list[tuple[str, bytes]] = []
    for path in paths:
        try:
            with path.open("rb") as file:
                parts.append((safe_file_name(path.name), file.read(most + 1)))
        except OSError as error:
            raise _unreadable(path, error) from None
        most -= min(most, len(parts[-1][1]))
    if len(parts) == 1:
        return parts[0][1], parts[0][0]
    if any(_wrapping(data) is not Wrapping.NONE for _, data in parts):
        raise typer.BadParameter("a protected file is one message: name it alone")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts:
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue(), "roster.zip"


def _wrapping(data: bytes) -> Wrapping | Reason:
    wrapped = unwrapped(data)
    return wrapped if isinstance(wrapped, Reason) else wrapped.wrapping


def _opened(data: bytes, agreement: Agreement | None, key: Path | None, limit: int) -> bytes | Refusal:
    """The roster itself. A file that is not protected is taken as it is, since a check comes before the encryption."""
    wrapping = _wrapping(data)
    if wrapping is Wrapping.NONE:
        return data
    if isinstance(wrapping, Reason):
        return Refusal(wrapping)
    if agreement is None or key is None:
        raise typer.BadParameter("this file is protected: name the agreement with --agreement and the secret key that opens it with --key")
    try:
        secret = key.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        raise typer.BadParameter(f"{key} cannot be read as an armoured OpenPGP key or an age identity", param_hint="--key") from None
    try:
        delivered = open_delivery(data, agreement=agreement, secret_keys=[secret], limit=limit)
    except OpeningError as error:
        typer.echo(f"{error}.".capitalize(), err=True)
        raise typer.Exit(2) from None
    return delivered if isinstance(delivered, Refusal) else delivered.plaintext


def _unreadable(path: Path, error: OSError) -> typer.BadParameter:
    return typer.BadParameter(f"{path} cannot be read: {error.strerror or type(error).__name__}")


def _progress(size: int) -> AbstractContextManager[object]:
    """A line that moves while a large file is read, where somebody is looking."""
    console = Console(stderr=True)
    return console.status(f"Reading {size / MEGABYTE:,.0f} MB …") if size > SLOW_BYTES and console.is_terminal else nullcontext()


# The screen


def _show(checked: Checked, name: str, agreement: Agreement | None, today: date, *, protected: bool) -> None:
    console = Console(highlight=False, markup=False)
    console.print(Text.assemble("Read under ", (agreement.id, "bold")) if agreement else _ASSUMED, Text(f", as of {today}.", "dim"), sep="")
    result = checked.result
    if isinstance(result, Reading):
        _show_reading(console, result)
        if agreement and agreement.exchange.protection != "plain" and not protected:
            console.print(f"Not looked at: how the file will be protected. The agreement says {agreement.exchange.protection}.")
        if agreement and agreement.safety.first_run_needs_approval:
            console.print("The first file under this agreement waits for a person in any case.")
        if result.rows_only:
            console.print(ROWS_ONLY)
    colour = _COLOURS[checked.verdict]
    console.print(Text.assemble((checked.verdict.upper(), f"bold {colour}"), " ", _sentence(checked, name)))


_ASSUMED = Text(
    "No agreement was named: one is assumed that lists every field of the FirstCard form and holds a file from 5 % rejected rows on"
)


def _show_reading(console: Console, reading: Reading) -> None:
    rejected = sum(reading.rejected.values())
    facts = Table(show_header=False, box=None)
    facts.add_row("form", reading.format)
    facts.add_row("rows (students and staff)", f"{reading.rows:,}")
    facts.add_row("accepted", Text(f"{reading.rows - rejected:,}", "green"))
    facts.add_row("rejected", Text(f"{rejected:,}", "red" if rejected else ""))
    for word, count in sorted(reading.excluded.items()):
        facts.add_row("accepted, without a card now", f"{count:,} {words_of(word)}")
    console.print(facts)
    for severity, title, colour in (("row", "Rejected rows", "red"), ("warning", "Used, but please look", "yellow")):
        found = [problem for problem in reading.problems if REASONS[problem.reason].severity == severity]
        if found:
            console.print(_by_reason(title, colour, found, reading.rejected if severity == "row" else {}))
    _show_dropped(console, reading)


def _by_reason(title: str, colour: str, problems: Sequence[Problem], rejected: dict[Reason, int]) -> Table:
    """Each reason once, the most frequent first: how often, the first lines, and what to do."""
    table = Table(title=title, title_style=f"bold {colour}", title_justify="left", show_lines=True)
    table.add_column("code", style=colour, no_wrap=True)
    table.add_column("rows" if rejected else "times", justify="right")
    table.add_column("first lines", ratio=1, overflow="fold")
    table.add_column("what is so, and what to do", ratio=2)
    often = Counter(problem.reason for problem in problems)
    for reason, count in sorted(often.items(), key=lambda item: (-item[1], item[0])):
        # A row with several faults counts once, under its first; the others are shown in brackets.
        first = rejected.get(reason, 0) if rejected else count
        shown = f"{first:,}" if first else f"({count:,})"
        table.add_row(reason, shown, _lines(reason, problems), f"{REASONS[reason].sentence} {REASONS[reason].advice}")
    return table


def _lines(reason: Reason, problems: Iterable[Problem]) -> Text:
    """The first lines, by file and column."""
    lines: dict[str, list[str]] = {}
    places = [problem for problem in problems if problem.reason is reason]
    for one in places[:SHOWN_LINES]:
        lines.setdefault(f"{one.file} {one.column}".strip(), []).append(f"{one.line:,}" if one.line else "")
    told = "; ".join(f"{where}: {', '.join(found)}" if any(found) else where for where, found in lines.items())
    return Text(told + (" …" if len(places) > SHOWN_LINES else ""))


def _show_dropped(console: Console, reading: Reading) -> None:
    forbidden = [f"{one.file}: {'the whole file' if one.column == '*' else one.column}" for one in reading.dropped if one.forbidden]
    if forbidden:
        console.print(Text.assemble(("May never be sent, and held values: ", "bold red"), ", ".join(forbidden), ". They were not read."))
    others: dict[str, list[str]] = {}
    for one in reading.dropped:
        if not one.forbidden:
            others.setdefault(one.file, []).append("the whole file" if one.column == "*" else one.column)
    for file, columns in others.items():
        console.print(Text.assemble("Not in the agreement, and not read: ", (f"{file}: {', '.join(columns)}", "dim")))


def _sentence(checked: Checked, name: str) -> str:
    """The verdict, with why and what to do."""
    result = checked.result
    if isinstance(result, Refusal):
        where = ", ".join(
            part
            for part in (
                result.file or name,
                f"line {result.line:,}" if result.line else "",
                f"column {result.column}" if result.column else "",
            )
            if part
        )
        return f"{result.reason} ({where}): {REASONS[result.reason].sentence} {REASONS[result.reason].advice}"
    if checked.reasons:
        return " ".join(f"{reason}: {REASONS[reason].sentence} {REASONS[reason].advice}" for reason in checked.reasons)
    rejected = sum(result.rejected.values())
    if not rejected:
        return f"All {result.rows:,} rows can be used."
    return f"{result.rows - rejected:,} of {result.rows:,} rows can be used; the others are left out until they are corrected."
