"""The function that counts for a report."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Tally(Function):
    """It reads three items of each of a district's students: 150,000 take minutes."""

    verb: ClassVar[str] = "tally"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=1769, timeout=Duration.minutes(15)))
