"""``firstcard agreement``: check, explain, compare and renew data-sharing agreements, and prove that a deployment keeps to them."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.prove import prove_templates
from firstcard.agreement.diff import Section, changes_between, to_plain
from firstcard.agreement.explain import to_markdown
from firstcard.agreement.language import Tongue
from firstcard.agreement.lines import AgreementError, Mistake
from firstcard.agreement.load import check_files, files_of_site, load_agreement
from firstcard.agreement.model import Agreement
from firstcard.agreement.renew import RenewalError, renewed

MISTAKES = 1
"""Exit code when a file has mistakes; a command used wrongly exits with 2."""

app = typer.Typer(
    no_args_is_help=True, help="Check, explain, compare and renew data-sharing agreements, and prove that a deployment keeps to them."
)

AgreementFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="An agreement (YAML).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of sentences.")]

SECTION_TITLES = {
    Section.ACCESS: "Access",
    Section.FIELDS: "Fields",
    Section.RETENTION: "Retention",
    Section.THRESHOLDS: "Thresholds",
    Section.OTHER: "Everything else",
}


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _told(mistakes: tuple[Mistake, ...]) -> list[dict[str, str | int]]:
    return [{"file": mistake.file, "line": mistake.line, "sentence": mistake.sentence} for mistake in mistakes]


@app.command(epilog="Example: firstcard agreement check agreements/jacksonville.yaml libraries/jaxpl.yaml")
def check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", exists=True, readable=True, help="Agreements, libraries, or a directory that has agreements/ and libraries/."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Say every mistake with its file, line and what to write instead, and warn of what may be so and is unwise.

    Exits with 0 if there is none, 1 if there are mistakes, 2 if the command was used wrongly.
    """
    chosen: list[Path] = []
    for file in files:
        if file.is_dir():
            of_site = files_of_site(file)
            if not of_site:
                raise typer.BadParameter(f"{file} has no agreements/*.yaml and no libraries/*.yaml.")
            chosen += of_site
        else:
            chosen += [*_library_beside(file), file]
    checked = check_files(list({file.resolve(): file for file in chosen}.values()))
    if as_json:
        _print_json(
            {
                "agreements": [agreement.sharing for agreement in checked.agreements],
                "libraries": [library.id for library in checked.libraries],
                "mistakes": _told(checked.mistakes),
                "warnings": _told(checked.warnings),
                "without_library": list(checked.without_library),
            }
        )
    else:
        for mistake in checked.mistakes:
            typer.echo(str(mistake))
        for warning in checked.warnings:
            typer.echo(f"Warning: {warning}")
        for lone in checked.without_library:
            typer.echo(f"{lone}: its library is in none of these files; what depends on it was not checked.")
        count = len(checked.mistakes)
        typer.echo(
            f"{len(checked.agreements)} agreements and {len(checked.libraries)} libraries can be read; {count} mistake{'' if count == 1 else 's'}."
        )
    if checked.mistakes:
        raise typer.Exit(MISTAKES)


def _library_beside(file: Path) -> list[Path]:
    """The library that an agreement names, where it lies in ``../libraries`` as in a site."""
    try:
        library = load_agreement(file).library
    except AgreementError:
        return []
    beside = file.parent.parent / "libraries" / f"{library}.yaml"
    return [beside] if beside.is_file() else []


def _loaded(file: Path) -> Agreement:
    try:
        return load_agreement(file)
    except AgreementError as error:
        for mistake in error.mistakes:
            typer.echo(str(mistake), err=True)
        raise typer.Exit(MISTAKES) from None


@app.command(epilog="Example: firstcard agreement explain agreements/jacksonville.yaml --language es > memorando.md")
def explain(
    file: AgreementFile,
    language: Annotated[
        Tongue, typer.Option(help="The language: en, the text that is signed, or es, a translation to read beside it.")
    ] = Tongue.EN,
) -> None:
    """Print the agreement as a memorandum in Markdown, to be read and signed."""
    typer.echo(to_markdown(_loaded(file), language), nl=False)


@app.command(epilog="Example: firstcard agreement diff agreements/jacksonville.yaml jacksonville-2027.yaml")
def diff(old: AgreementFile, new: AgreementFile, as_json: AsJson = False) -> None:
    """Say what a change of an agreement changes: access, fields, retention, thresholds, everything else."""
    changes = changes_between(_loaded(old), _loaded(new))
    if as_json:
        _print_json(to_plain(changes))
        return
    if not changes:
        typer.echo("The two say the same.")
    for section in Section:
        of_section = [change for change in changes if change.section is section]
        if of_section:
            typer.echo(f"{SECTION_TITLES[section]}:")
            for change in of_section:
                typer.echo(f"  {change.sentence}{'' if change.effect == 'other' else f' ({change.effect})'}")


Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day (both are included).")]


@app.command(
    epilog="Example: firstcard agreement renew agreements/jacksonville.yaml --id dsa-duval-jaxpl-2027 --effective 2027-08-01 --expires 2028-07-31 --out agreements/jacksonville-2027.yaml"
)
def renew(
    file: AgreementFile,
    new_id: Annotated[str, typer.Option("--id", help="The new agreement's id.")],
    effective: Day,
    expires: Day,
    out: Annotated[Path, typer.Option(dir_okay=False, help="Where to write it; a file that is there is not overwritten.")],
) -> None:
    """Write next year's agreement from this one, as a draft: the same text with a new term. Who has a card keeps it, and a no stays a no.

    Lay it beside this one; when both have signed, write status: executed. Exits with 2 if it cannot be written.
    """
    if out.exists():
        raise typer.BadParameter(f"{out} is there already: choose another name.", param_hint="--out")
    load = load_agreement(file)
    if effective.date() <= load.term.expires:
        raise typer.BadParameter(f"this one runs until {load.term.expires}: begin the day after, or later.", param_hint="--effective")
    try:
        text, moved = renewed(file.read_text("utf-8"), new_id=new_id, effective=effective.date(), expires=expires.date())
    except RenewalError as error:
        raise typer.BadParameter(str(error)) from None
    out.write_text(text, "utf-8")
    typer.echo(f"{out} is a draft. Read it whole; check it with: firstcard agreement check {out}")
    for clause in moved:
        typer.echo(f"The dates of {clause} are a year later now: set them as they will be.")


app.command(name="prove", epilog="Example: firstcard agreement prove . --templates cdk.out")(prove_templates)
