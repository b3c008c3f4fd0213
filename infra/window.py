"""The function that issues the cards of those whose days to say no are over."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Window(Function):
    """Thousands of windows can end in the same hour; what is not done in one call is done in the next."""

    verb: ClassVar[str] = "window"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=512, timeout=Duration.minutes(5)))
