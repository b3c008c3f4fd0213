"""``firstcard evidence``: copy what a review stands on into a folder, so that it can be read again, and by others, without AWS."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.reviewing.folder import CONFIGURATION, DESTROYED, INTENTS, SOURCES, TRAIL, write_lines
from firstcard.agreement import AgreementError, Site, load_site
from firstcard.evidence import copy_into

app = typer.Typer(
    no_args_is_help=True, help="The evidence of a window: logs with their digests and keys, intents, and acts of destruction."
)
app.callback()(lambda: None)


@app.command(epilog="Example: firstcard evidence fetch --from 2026-11-16 --to 2026-11-23 --out evidence")
def fetch(
    begins: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="The window's first moment (UTC).")],
    ends: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="The window's end (UTC).")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder.")],
    site: Annotated[
        Path, typer.Option(metavar="SITE", exists=True, file_okay=False, help="The directory that has agreements/ and libraries/.")
    ] = Path(),
) -> None:
    """Copy the logs of a window, with what they are checked by, into a folder. It holds no name of a child; keep it as carefully as the logs.

    Exits with 0 when it is copied, 2 if the command was used wrongly.
    """
    if out.exists() and any(out.iterdir()):
        raise typer.BadParameter(f"{out} is not empty: evidence of two times must not be mixed", param_hint="--out")
    try:
        agreed = load_site(site)
    except AgreementError as error:
        for mistake in error.mistakes:
            typer.echo(str(mistake), err=True)
        raise typer.Exit(2) from None
    # Loaded here: AWS's library takes longer to load than the other commands take to run.
    from firstcard.adapters.aws import account_and_region
    from firstcard.adapters.ledger_table import LedgerTable
    from firstcard.adapters.logs import LogBucket

    first, last = begins.replace(tzinfo=UTC), ends.replace(tzinfo=UTC)
    account, region = account_and_region()
    bucket, ledger = LogBucket(account, region), LedgerTable("firstcard-ledger")
    console = Console(stderr=True)
    with console.status("Copying logs and digests…"):
        keys = bucket.keys(first - timedelta(days=1), last + timedelta(days=2))
        answers = {place: json.dumps(answer, default=_written).encode() for place, answer in keys.items()}
        copy_into(out, bucket.objects(first.date(), last.date()), answers)
        (out / CONFIGURATION).write_text(json.dumps(bucket.configuration(TRAIL), indent=2, default=_written), encoding="utf-8")
        intents = write_lines(out / INTENTS, _intents(agreed, ledger, first, last))
        destroyed = write_lines(out / DESTROYED, _destroyed(agreed, ledger, first, last))
    sources = {
        "account": account,
        "region": region,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "copied_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (out / SOURCES).write_text(json.dumps(sources, indent=2), encoding="utf-8")
    copied = sum(1 for found in out.rglob("*.json.gz"))
    typer.echo(f"{copied} files of the log, {intents} intents and {destroyed} acts of destruction are in {out}.")


def _intents(site: Site, ledger: Any, first: datetime, last: datetime) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401  the table is loaded late
    for owner in _owners(site):
        yield from ledger.intents(owner, first - timedelta(minutes=5), last)


def _destroyed(site: Site, ledger: Any, first: datetime, last: datetime) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401  the table is loaded late
    for sharing in sorted({one.sharing for one in site.agreements}):
        yield from (asdict(act) for act in ledger.destructions(sharing, since=first.isoformat()) if act.at < last.isoformat())


def _owners(site: Site) -> list[str]:
    """Whose intents there may be: data-sharing ids, and libraries for their own patrons."""
    return sorted({one.sharing for one in site.agreements} | {one.id for one in site.libraries if one.patrons})


def _written(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(type(value).__name__)
