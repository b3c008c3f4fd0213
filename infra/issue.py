"""The function that replays one chunk of a plan into the cards table."""

from typing import ClassVar

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, Size
from infra.layers import Layers


class Issue(Function):
    """A chunk is some hundred patrons, mostly written in batches of 25; no data key is ever opened here."""

    verb: ClassVar[str] = "issue"
    bundles: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, scope: Construct, *, layers: Layers) -> None:
        super().__init__(scope, layers=layers, size=Size(memory_mb=512, timeout=Duration.seconds(120)))
