"""The emulator as it comes, beside the mended one: what it already does as AWS needs no patch any more."""

from collections.abc import Iterator

import pytest

from local.cloud.server import Cloud


@pytest.fixture(scope="session")
def unmended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(state=tmp_path_factory.mktemp("unmended"), mended=False) as running:
        yield running
