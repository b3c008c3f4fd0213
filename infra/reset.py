"""The function that has another PIN made for a child's card."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Reset(Function):
    """A person waits for it; it seals one PIN and can open none."""

    verb: ClassVar[str] = "reset"
    bundles: ClassVar[tuple[str, ...]] = ("base", "crypto")

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=512, timeout=Duration.seconds(30)))
