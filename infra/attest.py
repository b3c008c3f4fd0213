"""The function that takes the district's word that letters went home."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Attest(Function):
    """A person waits for it; a district's manifest of 150,000 tokens is read at once."""

    verb: ClassVar[str] = "attest"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=1024, timeout=Duration.minutes(5)))
