"""The function that takes a district's lock before a plan is applied."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Begin(Function):
    """Reads and writes single items."""

    verb: ClassVar[str] = "begin"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=256, timeout=Duration.seconds(60)))
