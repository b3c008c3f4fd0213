"""``firstcard report``: what the partnership reached, as figures that may be shown."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.asking import asked
from firstcard.report.figures import Edition
from firstcard.report.forms import document, to_csv, to_html, to_json

FUNCTION = "firstcard-tally"
ROLE = "firstcard-operator"
NOTHING = 1
"""Exit code when there is nothing to report on; a command used wrongly exits with 2."""


def report(
    district: Annotated[
        str, typer.Option(help="One district, by its short name in the agreement; with all its libraries, if --library names none.")
    ] = "",
    library: Annotated[str, typer.Option(help="All districts of one library. Without this and --district: all of the deployment.")] = "",
    edition: Annotated[
        Edition, typer.Option(help="For whom: library also tells how many had a card before, and must not reach a district.")
    ] = Edition.DISTRICT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one figure a row, instead of text.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page with charts here.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write report.html, report.csv and report.json into this folder.")
    ] = None,
) -> None:
    """Report coverage, opt-outs, who waits and why, by school and grade and over time, beside what was agreed. No group of fewer than ten can be read or worked out.

    Exits with 0 if there is a report, 1 if no district fits, 2 if the command was used wrongly, 3 if nobody could answer.
    """
    if as_json and as_csv:
        raise typer.BadParameter("say --json or --csv, not both")
    whole = _whole(district, library, edition)
    if html:
        _write(html, to_html(whole))
    if out:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in (("report.html", to_html(whole)), ("report.csv", to_csv(whole)), ("report.json", to_json(whole))):
            _write(out / name, text)
    if as_json or as_csv:
        typer.echo(to_json(whole) if as_json else to_csv(whole), nl=False)
    else:
        typer.echo(as_text(whole))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}") from None


def _whole(district: str, library: str, edition: Edition) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    said = asked(FUNCTION, {"edition": str(edition), "at": now}, role=ROLE)
    wanted = [(one, of) for one, of in said["sharings"] if district in ("", one) and library in ("", of)]
    if not wanted:
        typer.echo(
            "No agreement of this deployment is of that district and library; their short names are those in the agreement.", err=True
        )
        raise typer.Exit(NOTHING)
    return document([_one(f"{of}.{one}", edition, now) for one, of in wanted])


def _one(sharing: str, edition: Edition, now: str) -> dict[str, Any]:
    said = asked(FUNCTION, {"edition": str(edition), "sharing": sharing, "at": now}, role=ROLE, patient=True)
    one: dict[str, Any] = said["report"]
    return one


def as_text(whole: Mapping[str, Any]) -> str:
    """The figures that matter most, a line each."""
    lines = []
    for one in whole["districts"]:
        percent = "–" if one["coverage_percent"] is None else f"{one['coverage_percent']} %"
        lines.append(
            f"{one['district_name']}, {one['library_name']}: {percent} of {one['students']:,} students have a card that is in the library's system."
        )
        for goal in one["goals"]:
            now = "–" if goal["now_percent"] is None else f"{goal['now_percent']} %"
            lines.append(f"  agreed: {goal['measure']} {goal['target_percent']} % by {goal['by']}; now {now}")
    if len(whole["districts"]) > 1:
        summed = whole["together"]
        percent = "–" if summed["coverage_percent"] is None else f"{summed['coverage_percent']} %"
        lines.append(f"Together: {percent} of {summed['students']:,} students.")
    lines.append("Figures are rounded to tens. The whole report: --html FILE, --csv or --json.")
    return "\n".join(lines)
