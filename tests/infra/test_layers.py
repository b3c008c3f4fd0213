"""Each function's layers hold what it imports; the builder builds what the lock files say."""

import importlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.layers import write_site_layer
from local.layers import BUNDLES, build_layers, target_named
from tests.infra.templates import PROJECT

FUNCTIONS = sorted(handler.parent.name for handler in (PROJECT / "functions").glob("*/handler.py"))
LAMBDAS_OWN = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""What Lambda's Python 3.13 brings: the AWS client and what it needs."""

ALONE = """
import runpy, sys
sys.path[:0] = {folders!r}
module = runpy.run_path({handler!r})
assert callable(module["handler"])
"""


def _bundles(verb: str) -> tuple[str, ...]:
    module = importlib.import_module(f"infra.{verb}")
    return getattr(module, verb.capitalize()).bundles


@pytest.fixture(scope="module")
def built() -> Path:
    target = target_named("this")
    if not all((target.folder / bundle / "python").is_dir() for bundle in BUNDLES):
        if os.environ.get("CI") != "true":
            pytest.skip("layers are not built: run `python -m local.layers`")
        build_layers(target)
    return target.folder


@pytest.fixture(scope="module")
def lambdas_own(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runtime")
    for name in LAMBDAS_OWN:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


@pytest.mark.parametrize("verb", FUNCTIONS)
def test_a_function_imports_with_its_own_layers_alone(verb, built, lambdas_own, tmp_path):
    layers = [PROJECT / "layers" / "firstcard", write_site_layer(PROJECT, tmp_path), *(built / bundle for bundle in _bundles(verb))]
    folders = [str(layer / "python") for layer in layers] + [str(lambdas_own)]
    code = ALONE.format(folders=folders, handler=str(PROJECT / "functions" / verb / "handler.py"))
    settings = {"POWERTOOLS_METRICS_NAMESPACE": "FirstCard", "POWERTOOLS_SERVICE_NAME": verb, "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code], env=settings, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_no_layer_ships_the_aws_client_that_lambda_brings(built):
    for bundle in BUNDLES:
        assert not {"boto3", "botocore"} & {path.name for path in (built / bundle / "python").iterdir()}


def test_no_function_unpacks_to_more_than_lambda_takes(built):
    for verb in FUNCTIONS:
        size = sum(path.stat().st_size for bundle in _bundles(verb) for path in (built / bundle).rglob("*") if path.is_file())
        assert size < 200_000_000, verb


def test_an_unchanged_lock_file_is_not_built_again(tmp_path, monkeypatch):
    target = target_named("this", tmp_path)
    lock = PROJECT / "layers" / "mail" / "requirements.txt"
    (target.folder / "mail" / "python").mkdir(parents=True)
    stamp = target.folder / "mail.stamp.json"
    import hashlib

    stamp.write_text(json.dumps({"lock": hashlib.sha256(lock.read_bytes()).hexdigest(), "target": target.identity}))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert build_layers(target, ["mail"]) == {"mail": 0}


def test_lock_files_carry_hashes_and_no_index_address():
    for bundle in BUNDLES:
        lock = (PROJECT / "layers" / bundle / "requirements.txt").read_text()
        assert "--hash=sha256:" in lock
        assert "://" not in lock


def test_locked_versions_of_the_layers_are_those_that_the_tests_run_with():
    def pins(lock: Path) -> dict[str, str]:
        return dict(
            line.split(" ")[0].split("==") for line in lock.read_text().splitlines() if "==" in line and not line.startswith((" ", "#"))
        )

    tested = pins(PROJECT / "requirements" / "dev.txt")
    for bundle in BUNDLES:
        for name, version in pins(PROJECT / "layers" / bundle / "requirements.txt").items():
            assert tested[name] == version, (bundle, name)


def test_the_site_layer_is_named_by_what_is_in_it(tmp_path):
    site = tmp_path / "site"
    (site / "agreements").mkdir(parents=True)
    (site / "libraries").mkdir()
    paper = site / "agreements" / "here.yaml"
    paper.write_text("id: one\n")
    first = write_site_layer(site, tmp_path / "built")
    assert write_site_layer(site, tmp_path / "built") == first
    assert (first / "python" / "firstcard_site" / "agreements" / "here.yaml").read_text() == "id: one\n"
    paper.write_text("id: two\n")
    assert write_site_layer(site, tmp_path / "built") != first
