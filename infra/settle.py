"""The function that shows matches in doubt to library staff and takes their decisions."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Settle(Function):
    """A person waits for it; it opens the names of one match at a time."""

    verb: ClassVar[str] = "settle"
    bundles: ClassVar[tuple[str, ...]] = ("base", "crypto")

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=512, timeout=Duration.seconds(45)))
