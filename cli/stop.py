"""``firstcard suspend`` and ``firstcard resume``: stop an agreement at once, and let it go on."""

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from firstcard.adapters.ledger_table import LedgerTable

Sharing = Annotated[str, typer.Argument(metavar="LIBRARY.DISTRICT", help="The data-sharing id, such as jaxpl.duval.")]


def suspend(sharing: Sharing) -> None:
    """Stop an agreement at once: no file is opened, no card issued, nobody's data leave; ending a card still works.

    Every function looks before each batch and keeps an opened data key for less than a minute. A suspended agreement stays so until `firstcard resume`.
    """
    _checked(sharing).suspend(sharing, by=getpass.getuser(), at=datetime.now(UTC).isoformat())
    typer.echo(
        f"{sharing} is suspended. Messages are tried for about half an hour, then rest in the dead-letter queues; redrive them after `firstcard resume {sharing}`."
    )


def resume(sharing: Sharing) -> None:
    """Let a suspended agreement go on."""
    _checked(sharing).resume(sharing)
    typer.echo(f"{sharing} goes on.")


def _checked(sharing: str) -> LedgerTable:
    library, _, district = sharing.partition(".")
    if not library or not district:
        raise typer.BadParameter("write it as LIBRARY.DISTRICT, such as jaxpl.duval")
    return LedgerTable("firstcard-ledger")
