"""The function that shows a family the PIN of its child's card, once."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Reveal(Function):
    """A family waits for it; it opens the PIN and number of one child at a time."""

    verb: ClassVar[str] = "reveal"
    bundles: ClassVar[tuple[str, ...]] = ("base", "mail", "crypto")

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=512, timeout=Duration.seconds(20)))
