"""The function that writes receipt and manifest and gives the lock back."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Finish(Function):
    """A manifest of 150,000 patrons is packed in memory."""

    verb: ClassVar[str] = "finish"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=1024, timeout=Duration.seconds(120)))
