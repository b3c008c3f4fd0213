"""The function that says why a child has no card."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Explain(Function):
    """A person waits for it; a district's manifest of 150,000 tokens is read at once."""

    verb: ClassVar[str] = "explain"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=1024, timeout=Duration.seconds(45)))
