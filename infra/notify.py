"""The function that writes to households, staff and the district."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Notify(Function):
    """A hundred letters a call, at the pace that SES allows."""

    verb: ClassVar[str] = "notify"
    bundles: ClassVar[tuple[str, ...]] = ("base", "crypto", "mail")

    def __init__(self, scope: Construct, *, layers: Layers, refuse_url: str) -> None:
        super().__init__(
            scope,
            layers=layers,
            size=Size(memory_mb=512, timeout=Duration.seconds(120)),
            environment={"REFUSE_URL": refuse_url},
        )
