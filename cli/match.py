"""``firstcard match``: which students already have a card at the library, and which stand twice on a roster, on this machine alone."""

import csv
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table

from firstcard.match import CsvFile, Decision, Matched, MatchingError, SourceError, Terms, link, within
from firstcard.match.rules import CHAIN, REJECTS, VETOES

HEADER = ("left_id", "right_id", "decision", "weight", "evidence", "vetoes")

_STUDENT: Mapping[str, tuple[str, ...]] = {
    "id": ("student_id",),
    "district": ("district",),
    "state_id": ("state_id",),
    "local_id": ("student_id",),
    "phone": ("guardian_phone", "phone"),
    "email": ("guardian_email", "email"),
}
_PATRON: Mapping[str, tuple[str, ...]] = {"id": ("patron_id",), "phone": ("phone",), "email": ("email",)}
_BOTH = ("first_name", "middle_name", "last_name", "suffix", "preferred_name", "birth_date", "street", "postal_code")
_NEEDED = ("first_name", "last_name", "birth_date")
_FIRST_LINE = 65_536


def match(
    students: Annotated[Path, typer.Option(metavar="CSV", help="Students in the FirstCard form.")],
    out: Annotated[Path, typer.Option(metavar="CSV", help="Where the decisions are written, one pair a row.")],
    patrons: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="The library's patrons; without them, students are matched against each other."),
    ] = None,
    memory: Annotated[int, typer.Option(min=100, metavar="MB", help="Memory that the matching may take.")] = 2000,
    threads: Annotated[int, typer.Option(min=1, help="Threads that it may take.")] = os.cpu_count() or 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Say which records are one person: `same`, or `review` for a person to decide. Whoever is not named is somebody else.

    Patrons: patron_id, barcode, first_name, middle_name, last_name, suffix, birth_date, street, postal_code, phone, email; all but ids, names and birth_date
    may be left out. Students may have a column `district`; without one, all are taken for one district's, which is the more careful.

    Exits with 0 when the decisions are written, 2 if a file cannot be used or the command was used wrongly.
    """
    left = _file(students, {**_STUDENT, **{name: (name,) for name in _BOTH}}, ("student_id", *_NEEDED), "--students")
    right = _file(patrons, {**_PATRON, **{name: (name,) for name in _BOTH}}, ("patron_id", *_NEEDED), "--patrons") if patrons else None
    if (out.exists() and not out.is_file()) or not out.parent.is_dir() or any(_one_file(out, path) for path in (students, patrons) if path):
        raise typer.BadParameter("the decisions need a file of their own, in a folder that is there", param_hint="--out")
    with _progress() as status:
        terms = Terms(memory=f"{memory}MB", threads=threads, progress=lambda step: status.update(f"{step} …") if status else None)
        try:
            matched = link(left, right, terms) if right else within(left, terms)
        except (SourceError, MatchingError) as error:
            typer.echo(f"{str(error)[:1].upper()}{str(error)[1:]}.", err=True)
            raise typer.Exit(2) from None
    _write(out, matched.decisions)
    told = _summary(matched)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        _show(told, out)


def _file(path: Path, columns: Mapping[str, tuple[str, ...]], needed: Iterable[str], option: str) -> CsvFile:
    """The file with its header looked at. Nothing of a file without a proper header is shown: its first line may be a child's."""
    try:
        if path.exists() and not path.is_file():
            raise typer.BadParameter(f"{path} is not a file", param_hint=option)
        with path.open("rb") as file:
            begin = file.read(_FIRST_LINE)
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror or type(error).__name__}", param_hint=option) from None
    if not begin.strip():
        raise typer.BadParameter(f"{path} is empty", param_hint=option)
    line = begin.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").partition(b"\n")[0]
    try:
        header = tuple(name.strip().lower() for name in next(csv.reader([line.decode("utf-8")]), []))
    except (UnicodeDecodeError, csv.Error):
        raise typer.BadParameter(f"{path} is no CSV file in UTF-8", param_hint=option) from None
    if missing := [name for name in needed if name not in header]:
        raise typer.BadParameter(f"{path} has no column {', '.join(missing)} in its first line", param_hint=option)
    known = {name for names in columns.values() for name in names}
    if twice := [name for name, count in Counter(header).items() if count > 1 and name in known]:
        raise typer.BadParameter(f"{path} has the column {', '.join(twice)} more than once", param_hint=option)
    places = {field: tuple(header.index(name) for name in names if name in header) for field, names in columns.items()}
    return CsvFile(path, len(header), {field: place for field, place in places.items() if place})


def _one_file(out: Path, path: Path) -> bool:
    return out.resolve() == path.resolve() or (out.exists() and path.exists() and out.samefile(path))


def _write(out: Path, decisions: Iterable[Decision]) -> None:
    """The decisions, readable by their owner alone. An id that a spreadsheet would take for a formula gets an apostrophe before it."""
    written: Path | None = None
    try:
        # What is written is made for its owner alone, whoever could read a file of that name before, and takes its place when it is whole.
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
        written = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow(HEADER)
            for one in decisions:
                writer.writerow(
                    (
                        _harmless(one.left_id),
                        _harmless(one.right_id),
                        str(one.answer),
                        f"{one.weight:.1f}",
                        one.evidence,
                        "+".join(one.vetoes),
                    )
                )
        written.replace(out)
    except OSError as error:
        if written:
            written.unlink(missing_ok=True)
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror or type(error).__name__}", param_hint="--out") from None


def _harmless(value: str) -> str:
    return "'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value


def _summary(matched: Matched) -> dict[str, object]:
    answers = Counter(str(one.answer) for one in matched.decisions)
    classes = Counter(one.evidence_class for one in matched.decisions if one.vetoes)
    return {
        "same": answers["same"],
        "review": answers["review"],
        "groups": len(matched.groups),
        "repeated_ids": matched.repeated,
        "rules": matched.version,
        "weights": "estimated from the files" if matched.model.estimated else "defaults: the files are too small to estimate them",
        "review_classes": dict(sorted(classes.items(), key=lambda item: (-item[1], item[0]))),
    }


def _show(told: Mapping[str, object], out: Path) -> None:
    console = Console(highlight=False, markup=False)
    facts = Table(show_header=False, box=None)
    facts.add_row("same person", f"{told['same']:,}")
    facts.add_row("for a person to look at", f"{told['review']:,}")
    if told["repeated_ids"]:
        facts.add_row("ids in several rows", f"{told['repeated_ids']:,}: a decision does not say which of the rows is meant")
    facts.add_row("weights", str(told["weights"]))
    facts.add_row("decisions", str(out))
    console.print(facts)
    classes = told["review_classes"]
    if isinstance(classes, dict) and classes:
        why = {rule.code: rule.why for rule in (*REJECTS, *VETOES)} | {CHAIN: "A chain of links would put together who is apart."}
        table = Table(title="Why they are not put together", title_justify="left", show_lines=True)
        table.add_column("rules", no_wrap=True)
        table.add_column("pairs", justify="right")
        table.add_column("why", ratio=1)
        for name, count in list(classes.items())[:12]:
            table.add_row(name, f"{count:,}", " ".join(why[code] for code in name.split("+")))
        console.print(table)


def _progress() -> AbstractContextManager[Status | None]:
    """A line that says what is being done, where somebody is looking."""
    console = Console(stderr=True)
    return console.status("Reading …") if console.is_terminal else nullcontext()
