"""The function that shows a family its page and takes its yes."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Consent(Function):
    """A family waits for it."""

    verb: ClassVar[str] = "consent"
    bundles: ClassVar[tuple[str, ...]] = ("base", "mail")

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=256, timeout=Duration.seconds(20)))
