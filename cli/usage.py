"""``firstcard usage``: how much was used, as the library's system counts it, by school, grade and month."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.sharing import agreement_of
from firstcard.adapters.aws import DropAndVault, account_and_region
from firstcard.report.usage import MOST_BYTES, USAGE_REASONS, UsageReason, UsageRefusal, read_usage, usage_key

REFUSED = 1
"""Exit code when the file was refused; a command used wrongly exits with 2."""
NO_ANSWER = 3
"""Exit code when AWS could not be reached, or refused."""

app = typer.Typer(
    no_args_is_help=True, help="Use by school, grade and month, as the library's system counts it: bring it in for the report."
)
app.callback()(lambda: None)


@app.command(name="import", epilog="Example: firstcard usage import use.csv --district duval")
def import_usage(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file of counts.")],
    district: Annotated[str, typer.Option(help="The district's short name in its agreement.")],
    library: Annotated[str, typer.Option(help="The library's short name, where the district shares with several.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Only look at the file; nothing leaves this machine.")] = False,
    site: Annotated[Path, typer.Option(help="The folder with agreements/ and libraries/ that was deployed.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Bring in counts of checkouts and e-resource sessions. A file about single patrons is refused; small counts are rounded away before anything leaves this machine.

    Columns, in any order: school (the district's id), grade, month (2026-11), and checkouts, sessions or both. A month that was imported before is replaced.

    Exits with 0 when the counts were imported, 1 when the file was refused, 2 if the command was used wrongly, 3 if AWS could not be asked.
    """
    now = datetime.now(UTC)
    agreement, _ = agreement_of(site, district, library)
    too_large = file.stat().st_size > MOST_BYTES
    use = UsageRefusal(UsageReason.TOO_LARGE) if too_large else read_usage(file.read_bytes(), now.date())
    if isinstance(use, UsageRefusal):
        _refuse(use, as_json=as_json)
    if not check:
        _put({usage_key(agreement.sharing, month): use.of_month(month) for month in use.months})
    if as_json:
        typer.echo(
            json.dumps(
                {"imported": not check, "months": list(use.months), "groups": len(use.rows), "dropped_columns": use.dropped}, indent=2
            )
        )
    else:
        done = "can be imported" if check else "imported"
        dropped = f" {use.dropped} columns were not read." if use.dropped else ""
        typer.echo(f"{len(use.rows)} counts of {len(use.months)} months {done}: {', '.join(use.months) or 'none of ten or more'}.{dropped}")


def _refuse(refusal: UsageRefusal, *, as_json: bool) -> NoReturn:
    sentence, advice = USAGE_REASONS[refusal.reason]
    place = {"line": refusal.line, "column": refusal.column}
    if as_json:
        typer.echo(json.dumps({"imported": False, "reason": refusal.reason, "sentence": sentence, "advice": advice, **place}, indent=2))
    else:
        where = "".join((f" line {refusal.line}" if refusal.line else "", f" column {refusal.column}" if refusal.column else ""))
        typer.echo(f"{refusal.reason}{where}: {sentence}\nWhat to do: {advice}", err=True)
    raise typer.Exit(REFUSED)


def _put(objects: dict[str, bytes]) -> None:
    try:
        account, region = account_and_region()
        vault = DropAndVault(f"firstcard-vault-{account}-{region}")
        for key, body in objects.items():
            vault.put(key, body)
    except ClientError as error:
        typer.echo(f"{error.response['Error']['Code']}: AWS refused the call; the role firstcard-systems-librarian may import.", err=True)
        raise typer.Exit(NO_ANSWER) from None
    except BotoCoreError as error:
        typer.echo(f"AWS cannot be reached with these settings: {type(error).__name__}.", err=True)
        raise typer.Exit(NO_ANSWER) from None
