"""``firstcard destruction``: what was destroyed under an agreement, and the certificate that says so."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.sharing import agreement_of
from firstcard.run.ledger import Because, Destruction

if TYPE_CHECKING:
    from firstcard.agreement import Agreement

NOTHING = 1
"""Exit code where nothing was destroyed; a command used wrongly exits with 2."""
BACKUP_DAYS = 35
"""So long any second of the tables can be restored (DynamoDB point-in-time recovery)."""
CAUSES = {
    Because.WITHDRAWAL: "people who left, and families' contacts that nobody needs any more",
    Because.TERM: "everything sealed, after the agreement ended",
}

app = typer.Typer(no_args_is_help=True, help="What was destroyed, when and by which clause; and the certificate for the district.")
app.callback()(lambda: None)

SinceOption = Annotated[datetime, typer.Option(help="From this day on (UTC).", formats=["%Y-%m-%d"])]
SharingArgument = Annotated[str, typer.Argument(help="Library and district, such as jaxpl.duval.")]


@app.command("list", epilog="Example: firstcard destruction list jaxpl.duval --since 2026-08-01")
def list_(
    sharing: SharingArgument,
    since: SinceOption,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Every act of destruction, from the record that each leaves: when, why, by which clause, of how many. No name, id or token is in it.

    Exits with 0 if something was destroyed, 1 if nothing was, 2 if the command was used wrongly.
    """
    acts = _acts(sharing, since)
    if as_json:
        typer.echo(json.dumps([asdict(act) for act in acts], indent=2))
    else:
        for act in acts:
            state = "" if act.done and not act.remaining else "  NOT WHOLE: the next day goes on with the rest"
            typer.echo(
                f"{act.at[:19]}  {CAUSES[act.because]} ({act.clause}): {act.patrons} patrons, {act.households} households' contacts, {act.objects} objects{state}"
            )
        typer.echo(f"{len(acts)} acts of destruction.")
    if not acts:
        raise typer.Exit(NOTHING)


@app.command(epilog="Example: firstcard destruction certificate jaxpl.duval --since 2027-08-01 --out certificate.md")
def certificate(
    sharing: SharingArgument,
    since: SinceOption,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The certificate, as Markdown, for the library to sign.")],
    site: Annotated[Path, typer.Option(help="The folder with agreements/ and libraries/.")] = Path(),
) -> None:
    """Write the certificate of destruction with what NDPA's directive for disposition (Exhibit D) asks for: extent, nature, dates, method, and who verifies it.

    Exits with 0 when it is written, 1 if nothing was destroyed, 2 if the command was used wrongly.
    """
    library, _, district = sharing.partition(".")
    agreement, _ = agreement_of(site, district, library)
    acts = _acts(sharing, since)
    if not acts:
        typer.echo("Nothing was destroyed since then: there is nothing to certify.", err=True)
        raise typer.Exit(NOTHING)
    out.write_text(certificate_of(agreement, acts, written=datetime.now(UTC)), encoding="utf-8")
    typer.echo(f"{out} is written. Read it, verify what it says to verify, and sign it.")


def _acts(sharing: str, since: datetime) -> list[Destruction]:
    from firstcard.adapters.ledger_table import LedgerTable

    return list(LedgerTable("firstcard-ledger").destructions(sharing, since=f"{since:%Y-%m-%d}"))


def certificate_of(agreement: "Agreement", acts: list[Destruction], *, written: datetime) -> str:
    """The certificate in Markdown. What is not whole, and what is not over yet, it says in so many words."""
    last = datetime.fromisoformat(acts[-1].at)
    whole = any(act.because is Because.TERM for act in acts)
    unfinished = [act for act in acts if not act.done or act.remaining]
    backups = (last + timedelta(days=BACKUP_DAYS)).date()
    lines = [
        f"# Certificate of destruction: {agreement.parties.lea.name}",
        "",
        f"Agreement {agreement.id} ({agreement.sharing}) between {agreement.parties.lea.name} and {agreement.parties.provider.name}. Written on {written:%Y-%m-%d}.",
        "",
        f"- **Extent**: {'complete: all sealed student data of this agreement' if whole else 'partial: data of people who left, and of families without a card'}",
        "- **Nature**: destroyed; nothing was transferred",
        f"- **Categories**: {', '.join(str(group) for group in agreement.groups())}",
        f"- **Method**: {', '.join(method.replace('_', ' ') for method in agreement.disposition.method)}",
        f"- **Agreed time**: within {agreement.disposition.within_days} days (disposition), {agreement.retention.after_withdrawal_days} days after a withdrawal",
        "",
        "| when (UTC) | what | clause | patrons | households | objects | SHA-256 over the tokens |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {act.at[:19]} | {CAUSES[act.because]} | {act.clause} | {act.patrons} | {act.households} | {act.objects} | {act.digest[:16] or '-'} |"
            for act in acts
        ),
        "",
        "## What this does not say",
        "",
        *(
            [
                f"- **Not whole**: {len(unfinished)} of these acts were cut short or left something over. Wait for the next day's act before you sign."
            ]
            if unfinished
            else []
        ),
        f"- Backups of the tables can be restored to any second of {BACKUP_DAYS} days: the last copy is gone on {backups}{', which is over' if written.date() > backups else ''}.",
        "- Kept, by intention: tokens, refusals, claims of card numbers, keyed digests by which an id is not passed on, counts, and this record. No name, id, birth date or address can be read from them.",
        "- The patron records in the library's own system are the library's, and are no part of this.",
        *(
            [
                f"- The agreement's key is destroyed by a person, after a wait of {agreement.disposition.key_wait_days} days; CloudTrail's DeleteKey event is its proof."
            ]
            if "key_delete" in agreement.disposition.method
            else []
        ),
        "",
        "## Verified by",
        "",
        "| name | title | signature | date |",
        "|---|---|---|---|",
        "| | | | |",
        "",
    ]
    return "\n".join(lines)
