from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.ils.stand_in import StandIn
from tests.unit.ils.builders import that_day, the_rules


@pytest.fixture
def library(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(the_rules(), tmp_path / "patrons.sqlite", now=that_day) as library:
        yield library


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=5.0, trust_env=False) as client:
        yield client
