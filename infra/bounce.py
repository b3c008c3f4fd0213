"""The function that hears which e-mails came back."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Bounce(Function):
    """Few a day; many after a first load."""

    verb: ClassVar[str] = "bounce"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=256, timeout=Duration.minutes(1)))
