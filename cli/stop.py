"""``firstcard suspend`` and ``firstcard resume``: stop an agreement at once, and let it go on."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from firstcard.adapters.ledger_table import LedgerTable
from firstcard.agreement import load_site

Site = Annotated[Path, typer.Option(help="The folder with agreements/ and libraries/ that was deployed.")]
Sharing = Annotated[str, typer.Argument(metavar="LIBRARY.DISTRICT", help="The data-sharing id, such as jaxpl.duval.")]


def suspend(sharing: Sharing, site: Site = Path()) -> None:
    """Stop an agreement at once: no file is opened, no card issued, nobody's data leave; ending a card still works.

    Every function looks before each batch and keeps an opened data key for less than a minute. A suspended agreement stays so until `firstcard resume`.
    """
    _checked(sharing, site).suspend(sharing, by=getpass.getuser(), at=datetime.now(UTC).isoformat())
    typer.echo(
        f"{sharing} is suspended. Messages are tried for about half an hour, then rest in the dead-letter queues; redrive them after `firstcard resume {sharing}`."
    )


def resume(sharing: Sharing, site: Site = Path()) -> None:
    """Let a suspended agreement go on."""
    _checked(sharing, site).resume(sharing)
    typer.echo(f"{sharing} goes on.")


def _checked(sharing: str, site: Path) -> LedgerTable:
    known = sorted(agreement.sharing for agreement in load_site(site).agreements)
    if sharing not in known:
        raise typer.BadParameter(f"no agreement has the id {sharing}; there are: {', '.join(known) or 'none'}")
    return LedgerTable("firstcard-ledger")
