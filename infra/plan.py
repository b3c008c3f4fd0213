"""The function that opens a delivery and decides, before anything changes."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Plan(Function):
    """A roster of 150,000 rows is held in memory at once, beside its plaintext; all work is on one core."""

    verb: ClassVar[str] = "plan"
    bundles: ClassVar[tuple[str, ...]] = ("base", "openpgp", "match")

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=3008, timeout=Duration.minutes(15)))
