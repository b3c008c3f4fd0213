"""The function that tells the library's ILS."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Sync(Function):
    """A hundred patrons a call, at the pace that the ILS allows."""

    verb: ClassVar[str] = "sync"
    bundles: ClassVar[tuple[str, ...]] = ("base", "crypto")

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=512, timeout=Duration.seconds(120)))
