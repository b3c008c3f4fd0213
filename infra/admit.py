"""The function that lets a dropped file in and starts its run."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra import names
from infra.function import Function, Size
from infra.layers import Layers


class Admit(Function):
    """Reads the agreement and writes one item a file."""

    verb: ClassVar[str] = "admit"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(
            scope,
            layers=layers,
            size=Size(memory_mb=256, timeout=Duration.seconds(60)),
            environment={"STATE_MACHINE_ARN": names.roster_run_arn()},
        )
