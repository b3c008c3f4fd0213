"""Which agreement a person means who names a district, and a library where it has several."""

from datetime import UTC, datetime
from pathlib import Path

import typer

from firstcard.agreement import Agreement, AgreementError, Library, load_site


def agreement_of(site: Path, district: str, library: str) -> tuple[Agreement, Library]:
    """The agreement of today and its library, from the folder that was deployed; whoever names none or several is told so, and the command ends."""
    today = datetime.now(UTC).date()
    try:
        whole = load_site(site)
    except AgreementError as error:
        raise typer.BadParameter(f"{error}", param_hint="--site") from None
    named = whole.of_sharing(f"{library}.{district}", today) if library else None
    found = tuple(filter(None, [named])) if library else whole.agreements_of(district, today)
    if not found:
        raise typer.BadParameter(
            "no agreement is of this district and library; their short names are those in the agreement, such as duval and jaxpl"
        )
    if len(found) > 1:
        raise typer.BadParameter("this district shares with several libraries: say which one with --library")
    return found[0], whole.library(found[0].library)
