"""The function that turns changes of the cards table into events."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Publish(Function):
    """At most 500 changes a call, ten events a request."""

    verb: ClassVar[str] = "publish"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=256, timeout=Duration.seconds(60)))
