"""The function that asks a person before a plan goes on."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Hold(Function):
    """Writes one item, one event and one receipt."""

    verb: ClassVar[str] = "hold"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=256, timeout=Duration.seconds(60)))
