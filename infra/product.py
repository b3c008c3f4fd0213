"""All stacks of one deployment, from the agreements and libraries of a site."""

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import App

from firstcard.agreement import Site
from infra.acknowledgement import (
    FAMILY,
    NIST_FUNCTIONS,
    NIST_STATE,
    NIST_TRAIL,
    PIPELINE,
    STATE,
    acknowledge,
    acknowledge_nist,
    agreement_findings,
    nist_agreement_findings,
)
from infra.agreement import AgreementOf
from infra.family import Family
from infra.library import LibraryOf
from infra.pipeline import Pipeline
from infra.sftp import Sftp
from infra.state import State
from infra.trail import Trail


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Where the site and the built layers lie, and whether there is an SFTP server (it has a price by the hour)."""

    site: Path
    built_layers: Path
    sftp: bool


def add_stacks(app: App, *, site: Site, choices: Choices) -> None:
    """Add the stacks in the order in which they deploy; they know each other by name only."""
    state = State(app, "FirstCardState", site=site)
    family = Family(app, "FirstCardFamily", site=choices.site, built_layers=choices.built_layers)
    pipeline = Pipeline(app, "FirstCardPipeline", site=choices.site, built_layers=choices.built_layers)
    trail = Trail(app, "FirstCardTrail")
    sftp = (
        Sftp(app, "FirstCardSftp", kept_days=max((one.retention.access_log_days for one in site.agreements), default=365))
        if choices.sftp
        else None
    )
    acknowledge(state, STATE)
    acknowledge(family, FAMILY)
    acknowledge(pipeline, PIPELINE)
    acknowledge_nist(state, NIST_STATE)
    acknowledge_nist(family, NIST_FUNCTIONS)
    acknowledge_nist(pipeline, NIST_FUNCTIONS)
    acknowledge_nist(trail, NIST_TRAIL)
    family.add_stack_dependency(state, "reads its tables and secrets")
    pipeline.add_stack_dependency(state, "reads its tables, buckets and stream")
    pipeline.add_stack_dependency(family, "takes its address as a parameter")
    trail.add_stack_dependency(state, "writes into its log bucket")
    if sftp is not None:
        acknowledge_nist(sftp, {"CloudWatchLogGroupEncrypted": NIST_FUNCTIONS["CloudWatchLogGroupEncrypted"]})
    for library in site.libraries:
        if library.patrons is not None:
            own = LibraryOf(app, f"FirstCardLibrary-{library.id}", library=library, clause=library.patrons)
            own.add_stack_dependency(pipeline, "a key policy cannot name roles that do not exist yet")
    for district in sorted({agreement.district for agreement in site.agreements}):
        stack = add_district(app, site=site, district=district, sftp=choices.sftp)
        stack.add_stack_dependency(pipeline, "a key policy cannot name roles that do not exist yet")
        if sftp is not None:
            stack.add_stack_dependency(sftp, "adds an account to its server")


def add_district(app: App, *, site: Site, district: str, sftp: bool) -> AgreementOf:
    """Add the stack of one district, with as many libraries as it shares with."""
    leading = site.leading(district)
    assert leading is not None, "a district has an agreement"
    sharings = [[agreement for agreement in site.agreements if agreement.sharing == sharing] for sharing in site.sharings(district)]
    stack = AgreementOf(app, f"FirstCardAgreement-{district}", agreement=leading, sharings=sharings, sftp=sftp)
    acknowledge(stack, agreement_findings(district))
    acknowledge_nist(stack, nist_agreement_findings())
    return stack
