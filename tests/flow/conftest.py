"""One emulator for all flow tests of a session; it keeps nothing between two sessions."""

from collections.abc import Iterator

import pytest

from local.cloud.server import Cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(state=tmp_path_factory.mktemp("cloud"), trail_seconds=3600) as running:
        yield running
