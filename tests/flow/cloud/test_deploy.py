"""The real CDK command line against the emulator."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.cloud.deploy import DeployError, bootstrap, deploy, install_cdk, is_bootstrapped, progress
from local.cloud.server import ACCOUNT, REGION, Cloud
from tests.flow.cloud.building import a_name

pytestmark = pytest.mark.flow


def an_assembly(folder: Path, **stacks: dict[str, Any]) -> Path:
    """A cloud assembly as `cdk synth` writes it, of templates without assets."""
    artifacts = {}
    folder.mkdir()
    for name, template in stacks.items():
        (folder / f"{name}.template.json").write_text(json.dumps(template))
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "environment": f"aws://{ACCOUNT}/{REGION}",
            "properties": {"templateFile": f"{name}.template.json"},
            "displayName": name,
        }
    (folder / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": artifacts}))
    return folder


def a_template(bucket: str, **more: Any) -> dict[str, Any]:
    return {
        "Parameters": {"Word": {"Type": "String", "Default": "none"}},
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket, **more}}},
        "Outputs": {"Said": {"Value": {"Ref": "Word"}}},
    }


def test_bootstrap_is_done_once(cloud: Cloud) -> None:
    said: list[str] = []
    bootstrap(cloud, report=said.append)
    assert is_bootstrapped(cloud)
    assert not bootstrap(cloud, report=said.append)
    assert (cloud.state / "cdk").is_dir()


def test_assembly_is_deployed_with_parameters_and_a_line_for_each_resource(cloud: Cloud, tmp_path: Path) -> None:
    one, two, said = a_name("one"), a_name("two"), list[str]()
    bootstrap(cloud)
    assembly = an_assembly(tmp_path / "cdk.out", **{one: a_template(f"{one}-b"), two: a_template(f"{two}-b")})
    outputs = deploy(cloud, assembly, parameters={f"{one}:Word": "hello"}, report=said.append)
    assert outputs == {one: {"Said": "hello"}, two: {"Said": "none"}}
    assert [line for line in said if f"{one} " in line and "CREATE_COMPLETE AWS::S3::Bucket" in line]
    buckets = [bucket["Name"] for bucket in cloud.session().client("s3").list_buckets()["Buckets"]]
    assert {f"{one}-b", f"{two}-b"} <= set(buckets)


def test_only_the_named_stacks_are_deployed(cloud: Cloud, tmp_path: Path) -> None:
    one, two = a_name("one"), a_name("two")
    bootstrap(cloud)
    assembly = an_assembly(tmp_path / "cdk.out", **{one: a_template(f"{one}-b"), two: a_template(f"{two}-b")})
    assert set(deploy(cloud, assembly, [two])) == {two}


def test_failed_deployment_says_what_failed(cloud: Cloud, tmp_path: Path) -> None:
    bad = a_name("bad")
    bootstrap(cloud)
    template = {"Resources": {"Table": {"Type": "AWS::No::Such", "Properties": {}}}}
    with pytest.raises(DeployError, match="AWS::No::Such"):
        deploy(cloud, an_assembly(tmp_path / "cdk.out", **{bad: template}))


def test_installed_cdk_is_the_pinned_one() -> None:
    tool = install_cdk()
    installed = json.loads((tool.script.parents[1] / "package.json").read_text())["version"]
    lock = json.loads((Path(__file__).parents[3] / "local/cloud/node/package-lock.json").read_text())
    assert installed == lock["packages"]["node_modules/aws-cdk"]["version"]
    assert "resolved" not in lock["packages"]["node_modules/aws-cdk"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "State |  3/12 | 6:19:04 AM | CREATE_COMPLETE      | AWS::KMS::Key     | VaultKey (VaultKey6B75F33E)",
            "State 3/12 CREATE_COMPLETE AWS::KMS::Key VaultKey (VaultKey6B75F33E)",
        ),
        ("State |  3/12 | 6:19:04 AM | CREATE_IN_PROGRESS   | AWS::KMS::Key     | VaultKey", None),
        ("State |  4 | 6:19:04 AM | CREATE_FAILED   | AWS::KMS::Key     | VaultKey no", "State 4 CREATE_FAILED AWS::KMS::Key VaultKey no"),
        ("State: success: Published", None),
        ("", None),
    ],
)
def test_progress_line_is_short_and_only_for_finished_resources(line: str, said: str | None) -> None:
    assert progress(line) == said
