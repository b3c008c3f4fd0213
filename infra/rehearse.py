"""The function that tries a file and keeps nothing of it."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Rehearse(Function):
    """Opens and reads as plan does, so it has plan's memory; it draws, seals and stores nothing, so it needs a third of its time."""

    verb: ClassVar[str] = "rehearse"
    bundles: ClassVar[tuple[str, ...]] = ("base", "openpgp")

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=3008, timeout=Duration.minutes(5)))
