"""``firstcard review``: what was done with the data in a window, held against the agreements, from a folder of evidence."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.proof.deployment import deployment_of, read_templates
from cli.proof.policy import UnknownPolicyError
from cli.reviewing.acknowledged import AcknowledgedError, read_acknowledged
from cli.reviewing.folder import TRAIL, Evidence, FolderError, log_files, read_folder
from cli.reviewing.rights import Compiled
from firstcard.agreement import AgreementError, Site, load_site
from firstcard.evidence import Setting, State, Watched, calls_to_record, changes_of, health, read_keys, read_trail, verify_digests
from firstcard.review.agreed import Agreed
from firstcard.review.check import Acknowledged, CounterCheck, utc
from firstcard.review.forms import to_csv, to_html, to_json
from firstcard.review.report import Found, Light, report_of

DELIVERED_WITHIN = timedelta(hours=3)
"""CloudTrail delivers within a quarter of an hour mostly, and says so of nothing (CloudTrail user guide)."""
_SIGNED = re.compile(r"/CloudTrail-Digest/.*_(\d{8}T\d{6}Z)(?:_backfill)?\.json\.gz$")
NOT_GREEN = 1
"""Exit code of a review that is amber, red or grey; a command used wrongly exits with 2."""


def review(
    logs: Annotated[
        Path,
        typer.Option(metavar="DIR", exists=True, file_okay=False, help="The folder of evidence, as firstcard evidence fetch writes it."),
    ],
    begins: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="The window's first moment (UTC).")],
    ends: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="The window's end (UTC), not in it.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where review.html, review.csv and review.json are written.")],
    agreements: Annotated[
        Path,
        typer.Option(
            metavar="SITE", exists=True, file_okay=False, help="The directory that has agreements/ and libraries/, as they were in force."
        ),
    ] = Path(),
    templates: Annotated[
        Path, typer.Option(metavar="DIR", exists=True, file_okay=False, help="The templates that were deployed, as make synth writes them.")
    ] = Path("cdk.out"),
    acknowledged: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Exceptions that a person answers for: YAML with who, actions, reason, by, until.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of a summary.")] = False,
) -> None:
    """Review who did what with the data, offline: is the evidence whole, and was anything done that the agreements do not allow?

    Exits with 0 if the review is green, 1 if it is amber, red or cannot tell, 2 if the command was used wrongly.
    """
    try:
        evidence = read_folder(logs)
        site = load_site(agreements)
        rights = Compiled(deployment_of(read_templates(templates)), account=evidence.account, region=evidence.region)
        exceptions = read_acknowledged(acknowledged) if acknowledged else ()
    except AgreementError as error:
        for mistake in error.mistakes:
            typer.echo(str(mistake), err=True)
        raise typer.Exit(2) from None
    except (FolderError, AcknowledgedError, UnknownPolicyError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    window = (begins.replace(tzinfo=UTC), ends.replace(tzinfo=UTC))
    if window[0] >= window[1]:
        raise typer.BadParameter("--to must be after --from")
    found = reviewed(evidence, site, rights, window, exceptions)
    report = report_of(found, written=datetime.now(UTC))
    out.mkdir(parents=True, exist_ok=True)
    forms = {"review.html": to_html(report), "review.csv": to_csv(report), "review.json": to_json(report)}
    for name, text in forms.items():
        (out / name).write_text(text, encoding="utf-8", newline="")
    light = Light(report["light"])
    if as_json:
        typer.echo(forms["review.json"], nl=False)
    else:
        typer.echo(
            f"{light.upper()}: {report['events']['all']:,} events from {report['from'][:16]} to {report['to'][:16]} UTC; {len(report['findings'])} findings. Evidence: {report['rests_on']['verdict'].replace('_', ' ')}."
        )
        for reason in report["rests_on"]["reasons"]:
            typer.echo(f"  evidence: {reason['sentence']}")
        for finding in report["findings"]:
            typer.echo(f"  {finding['severity']}: {finding['sentence']} ({finding['count']:,})")
        typer.echo(f"The page: {out / 'review.html'}")
    if light is not Light.GREEN:
        raise typer.Exit(NOT_GREEN)


def reviewed(
    evidence: Evidence, site: Site, rights: Compiled, window: tuple[datetime, datetime], acknowledged: tuple[Acknowledged, ...]
) -> Found:
    """Everything that a report is made of."""
    watched = Watched(evidence.account, TRAIL, evidence.region)
    hours = verify_digests(evidence.store, read_keys(evidence.store.keys()), window[0], delivered(evidence, window[1]), trail=watched)
    setting = _setting(evidence, site)
    reading = read_trail(log_files(evidence))
    check = CounterCheck(Agreed(site), rights, *window, acknowledged=acknowledged)
    changes = []
    for access in reading.accesses:
        check.take(access)
        changes += changes_of(access, setting)
    covered = [hour.end for hour in hours.hours if hour.state is State.COVERED]
    checked = check.finish(evidence.intents or (), delivered_until=max(covered, default=window[0]))
    return Found(
        checked=checked,
        health=health(hours=hours, reading=reading, changes=changes, setting=setting, configuration=evidence.configuration),
        reading=reading,
        hours=hours,
        site=site,
        destroyed=evidence.destroyed,
        noes=evidence.noes,
        acknowledged=acknowledged,
        sources=evidence.sources,
    )


def delivered(evidence: Evidence, ends: datetime) -> datetime:
    """Until when deliveries count: what was done in a window is delivered in it and in the hours after, as far as there are digests of them already."""
    found = (_SIGNED.search(key) for bucket, key in evidence.store.names() if bucket == evidence.log_bucket)
    signed = [utc(one.group(1)) for one in found if one]
    return max(ends, min(ends + DELIVERED_WITHIN, max(signed, default=ends)))


def _setting(evidence: Evidence, site: Site) -> Setting:
    place = f"{evidence.account}-{evidence.region}"
    drops = [f"arn:aws:s3:::firstcard-drop-{district}-{place}" for district in sorted({one.district for one in site.agreements})]
    tables = [f"arn:aws:dynamodb:{evidence.region}:{evidence.account}:table/{name}" for name in ("firstcard-cards", "firstcard-ledger")]
    calls = calls_to_record(buckets=[*drops, f"arn:aws:s3:::firstcard-vault-{place}"], tables=tables)
    return Setting(TRAIL, evidence.log_bucket, frozenset({"alias/firstcard-logs"}), calls)
