import shutil

import pytest

from tests.infra.templates import PROJECT, Templates, synthesise


@pytest.fixture(scope="session")
def outdir(tmp_path_factory):
    return tmp_path_factory.mktemp("synth") / "cdk.out"


@pytest.fixture(scope="session")
def templates(outdir, tmp_path_factory) -> Templates:
    if not (shutil.which("node") or (PROJECT / ".venv" / "bin" / "node").exists()):
        pytest.skip("the CDK needs Node")
    return synthesise(outdir, tmp_path_factory.mktemp("bundles"), {})
