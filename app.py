"""The cloud: agreements in, CloudFormation templates out.

Context: ``site`` (folder with ``agreements/`` and ``libraries/``, default here), ``layers`` (folder of built bundles, default ``.build/layers``),
``sftp`` (``false`` leaves the SFTP server out).
"""

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks

from firstcard.agreement import load_site
from infra.layers import PROJECT
from infra.product import Choices, add_stacks


def _said(app: App, name: str, otherwise: str) -> str:
    value = app.node.try_get_context(name)
    return otherwise if value is None else str(value)


def main() -> None:
    """Synthesise into the folder that the CDK names, with the rules of AWS Solutions and of NIST 800-53 applied."""
    app = App()
    site = PROJECT / _said(app, "site", ".")
    choices = Choices(
        site=site,
        built_layers=PROJECT / _said(app, "layers", ".build/layers"),
        sftp=_said(app, "sftp", "true").lower() != "false",
    )
    add_stacks(app, site=load_site(site), choices=choices)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), NIST80053R5Checks(app))
    app.synth()


if __name__ == "__main__":
    main()
