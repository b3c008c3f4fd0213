"""``firstcard kit``: what a partnership needs to begin and to tell of itself, in English and Spanish."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.kit.pieces import LANGUAGES, Kit, Typed
from cli.sharing import agreement_of
from firstcard.agreement import Agreement
from firstcard.agreement.explain import to_markdown
from firstcard.agreement.language import Tongue

FORMS = ("docx", "pdf")


def kit(
    district: Annotated[str, typer.Option(help="The district's short name in its agreement.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder that the kit is written into.")],
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            exists=True,
            dir_okay=False,
            readable=True,
            help="A report (firstcard report --json): every figure comes from it.",
        ),
    ] = None,
    students: Annotated[
        int | None, typer.Option(min=0, help="Without a report: how many students there are, as the partners counted or estimated.")
    ] = None,
    with_card: Annotated[
        int | None, typer.Option("--with-card", min=0, help="Without a report: how many of them have a library card today.")
    ] = None,
    counted_on: Annotated[
        datetime | None,
        typer.Option("--counted-on", formats=["%Y-%m-%d"], help="Without a report: the day of these two figures; left out, today."),
    ] = None,
    library: Annotated[str, typer.Option(help="The library's short name, where the district shares with several.")] = "",
    mayor: Annotated[str, typer.Option(help="The mayor's name for the commitment letter; left out, a line to write it on.")] = "",
    site: Annotated[Path, typer.Option(help="The folder with agreements/ and libraries/.")] = Path(),
) -> None:
    """Write the partnership kit: commitment letter, memorandum, one-page summary, press release, flyer, parents' questions, newsletter text and teacher page.

    Each is written in English and Spanish, as DOCX and as PDF. Nothing is asked of the cloud. Who had a card before, which a library's own report tells, is in none of them.

    Exits with 0 when the kit is written, 2 if the command was used wrongly.
    """
    typed = _typed(report, students, with_card, counted_on)
    agreement, ours = agreement_of(site, district, library)
    figures = _figures(report, agreement) if report else None
    # Loaded here, for what writes documents and pages takes longer to load than the other commands take to run.
    from cli.kit.memorandum import lines_of
    from cli.kit.paper import to_paper
    from cli.kit.word import to_word

    made = Kit(agreement, ours, mayor, figures, typed)
    colour = ours.look.colour
    for language in LANGUAGES:
        memorandum = tuple(lines_of(to_markdown(agreement, Tongue(language))))
        folder = out / language
        folder.mkdir(parents=True, exist_ok=True)
        for piece in made.pieces(language):
            (folder / f"{piece.name}.docx").write_bytes(to_word(piece, memorandum, colour=colour))
            (folder / f"{piece.name}.pdf").write_bytes(to_paper(piece, memorandum, colour=colour))
    count = len(made.pieces(LANGUAGES[0]))
    typer.echo(
        f"{count} pieces in {len(LANGUAGES)} languages, each as DOCX and PDF, are in {out}. Read them before you give them away; counsel reads the memorandum."
    )


def _typed(report: Path | None, students: int | None, with_card: int | None, counted_on: datetime | None) -> Typed | None:
    if report:
        if (students, with_card, counted_on) != (None, None, None):
            raise typer.BadParameter("with --report every figure comes from the report: leave out --students, --with-card and --counted-on")
        return None
    if students is None or with_card is None:
        raise typer.BadParameter("without --report the baseline is typed: say --students and --with-card")
    if with_card > students:
        raise typer.BadParameter("--with-card cannot be more than --students")
    return Typed(students, with_card, counted_on.date() if counted_on else datetime.now(UTC).date())


def _figures(report: Path, agreement: Agreement) -> dict[str, Any]:
    try:
        whole = json.loads(report.read_text(encoding="utf-8"))
        found = [
            one
            for one in whole["districts"]
            if (one["district"], one["library"]) == (agreement.district, agreement.library) and one["v"] == 1
        ]
        if found:
            date.fromisoformat(found[0]["at"][:10])
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        raise typer.BadParameter("this is no report of firstcard report --json", param_hint="--report") from None
    if not found:
        raise typer.BadParameter("the report is not of this district and library", param_hint="--report")
    one: dict[str, Any] = found[0]
    return one
