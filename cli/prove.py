"""``firstcard agreement prove``: what is deployed allows nothing that the agreements do not, and refuses nothing that they need."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.proof.deployment import deployment_of, read_templates
from cli.proof.policy import UnknownPolicyError
from cli.proof.prove import Difference, prove
from firstcard.agreement import AgreementError, load_site

DIFFERENT = 1
"""Exit code when templates and agreements differ; 2 if the command was used wrongly, or a policy cannot be judged."""


def prove_templates(
    site: Annotated[
        Path, typer.Argument(metavar="SITE", exists=True, file_okay=False, help="The directory that has agreements/ and libraries/.")
    ] = Path(),
    templates: Annotated[Path, typer.Option(exists=True, file_okay=False, help="The templates, as make synth writes them.")] = Path(
        "cdk.out"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of sentences.")] = False,
) -> None:
    """Prove that the templates allow nothing that the agreements do not, and refuse nothing that they need. Needs no account and no network.

    Exits with 0 if both say the same, 1 with a sentence for each difference, 2 if the command was used wrongly or a policy says something that this proof cannot judge.
    """
    try:
        outcome = prove(deployment_of(read_templates(templates)), load_site(site))
    except AgreementError as error:
        for mistake in error.mistakes:
            typer.echo(str(mistake), err=True)
        raise typer.Exit(2) from None
    except UnknownPolicyError as error:
        typer.echo(f"Nothing is proved: {error}.", err=True)
        raise typer.Exit(2) from None
    more = [one for one in outcome.differences if one.more]
    less = [one for one in outcome.differences if not one.more]
    if as_json:
        counted = {"requests": outcome.requests, "callers": outcome.callers, "keys": outcome.keys}
        typer.echo(json.dumps({**counted, "more": [_plain(one) for one in more], "refused": [_plain(one) for one in less]}, indent=2))
    else:
        for title, differences in (("Allowed, and not agreed:", more), ("Needed, and refused:", less)):
            if differences:
                typer.echo(title)
            for one in differences:
                typer.echo(f"  {one.sentence}")
        said = "Templates and agreements say the same." if not outcome.differences else f"{len(outcome.differences)} differences."
        typer.echo(f"{said} {outcome.requests:,} requests of {outcome.callers} callers were decided; {outcome.keys} keys.")
    if outcome.differences:
        raise typer.Exit(DIFFERENT)


def _plain(one: Difference) -> dict[str, str]:
    """A difference for programs: what a sentence is made of, without what it does not have."""
    told = {
        "who": one.who,
        "action": one.action,
        "what": one.what,
        "purpose": one.purpose,
        "group": one.group,
        "time": one.moment,
        "sentence": one.sentence,
    }
    return {key: value for key, value in told.items() if value}
