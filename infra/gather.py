"""The function that asks a library's ILS for its own patrons."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Gather(Function):
    """A whole library is held in memory at once; the ILS answers a page at a time, at its own pace."""

    verb: ClassVar[str] = "gather"
    bundles: ClassVar[tuple[str, ...]] = ("base", "crypto", "match")

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=2048, timeout=Duration.minutes(15)))
