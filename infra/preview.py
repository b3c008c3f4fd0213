"""The function that says what a roster would do, and does nothing."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Preview(Function):
    """Opens, reads, matches and decides as plan does, in plan's memory and time; it draws, seals and stores nothing."""

    verb: ClassVar[str] = "preview"
    bundles: ClassVar[tuple[str, ...]] = ("base", "openpgp", "match")

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=3008, timeout=Duration.minutes(15)))
