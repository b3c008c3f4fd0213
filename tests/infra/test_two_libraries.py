"""What a district with two libraries compiles to: one bucket and one way in, and a key for each library that opens nothing of the other's."""

from datetime import date
from typing import Any

import pytest
import yaml
from aws_cdk import App

from firstcard.agreement import load_site
from infra.product import add_district
from local.programme import agreements_of, lay_out
from tests.infra.templates import Templates, listed, written

EXAMPLE = agreements_of("jacksonville", {})["jacksonville"]
SECOND: dict[str, Any] = {
    "district": "duval",
    "library": "cmlibrary",
    "rollout": EXAMPLE["rollout"] | {"schools": ["school-2"]},
    "card": EXAMPLE["card"] | {"patron_type": {"student": "ONEACCESS", "staff": "EDUCATOR"}},
}
FIRST = {"rollout": EXAMPLE["rollout"] | {"schools": ["school-1"]}}
STACK = "FirstCardAgreement-duval"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    folder = tmp_path_factory.mktemp("two")
    endpoints = {name: f"https://{name}.example.org/api/v1" for name in ("jaxpl", "cmlibrary")}
    laid = lay_out(
        "jacksonville", folder=folder, endpoints=endpoints, today=date(2026, 11, 22), change=FIRST, neighbours={"duval-second": SECOND}
    )
    assert [programme.agreement.sharing for programme in laid] == ["jaxpl.duval", "cmlibrary.duval"]
    assert laid[0].keys == laid[1].keys, "a district signs in and signs its files in one way"
    for name in ("jaxpl", "cmlibrary"):
        assert yaml.safe_load((folder / "site" / "libraries" / f"{name}.yaml").read_text())["ils"]["endpoint"] == endpoints[name]
    app = App(outdir=str(folder / "cdk.out"))
    add_district(app, site=load_site(folder / "site"), district="duval", sftp=True)
    return written(app, folder / "cdk.out")


def test_has_one_stack_that_no_rule_complains_of(two: Templates) -> None:
    assert two.findings == ""
    assert [stack for stack in two.stacks if stack.startswith("FirstCardAgreement-")] == [STACK]
    buckets = [p["BucketName"] for stack, _, p in two.every("AWS::S3::Bucket") if stack == STACK]
    assert len(buckets) == 1
    assert buckets[0].startswith("firstcard-drop-duval-")
    (account,) = [p for _, _, p in two.every("AWS::Transfer::User")]
    assert account["Tags"] == [{"Key": "sharing", "Value": "cmlibrary.duval jaxpl.duval"}]


def test_each_librarys_key_serves_its_own_agreement_alone(two: Templates) -> None:
    aliases = {p["AliasName"]: p["TargetKeyId"] for stack, _, p in two.every("AWS::KMS::Alias") if stack == STACK}
    policies = {f"<{i}.Arn>": p["KeyPolicy"]["Statement"] for stack, i, p in two.every("AWS::KMS::Key") if stack == STACK}
    keys = {library: policies[aliases[f"alias/firstcard-purpose-{library}-duval"]] for library in ("jaxpl", "cmlibrary")}
    for library, statements in keys.items():
        sharing = f"{library}.duval"
        never = next(s for s in statements if s.get("Sid") == "NeverForAnotherAgreement")
        assert never["Condition"] == {"StringNotEquals": {"kms:EncryptionContext:agreement": sharing}}
        used = [s for s in statements if {"kms:Encrypt", "kms:Decrypt"} & set(listed(s["Action"])) and s["Effect"] == "Allow"]
        assert used
        assert {s["Condition"]["StringEquals"]["kms:EncryptionContext:agreement"] for s in used} == {sharing}
