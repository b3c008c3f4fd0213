"""The function that lists the noes whose cards are not ended yet, and takes a person's word that one was."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Honour(Function):
    """A person waits for it; it reads every no of a library."""

    verb: ClassVar[str] = "honour"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=1024, timeout=Duration.minutes(2)))
