"""The function that destroys what the agreements say must be gone."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Destroy(Function):
    """It reads an item of each of a district's students and leavers: 150,000 take a minute or two."""

    verb: ClassVar[str] = "destroy"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=1769, timeout=Duration.minutes(15)))
