"""The function that opens what is printed and handed out at school."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Print(Function):
    """A person waits for it; it looks through the district's manifest, opens a hundred students at a time, and may seal another PIN for each."""

    verb: ClassVar[str] = "print"
    bundles: ClassVar[tuple[str, ...]] = ("base", "mail", "crypto")

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=1769, timeout=Duration.minutes(3)))
