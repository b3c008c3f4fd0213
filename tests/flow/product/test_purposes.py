"""A role opens what its purpose allows, and the trail shows every attempt at anything else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud.server import ACCOUNT
from local.machine import DESK, Machine
from tests.flow.product.conftest import FirstNight

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Wrapped:
    """A data key of one object, wrapped for each purpose that may open its group."""

    object: str
    sharing: str
    keys: Mapping[str, Mapping[str, bytes]]

    def context(self, group: str, purpose: str) -> dict[str, str]:
        """The encryption context that the key was wrapped under."""
        return {"agreement": self.sharing, "object": self.object, "group": group, "purpose": purpose}


def _wrapped(left: Any) -> Wrapped:
    item = next(item for (pk, _), item in left.items.items() if pk.startswith("envelope#"))
    keys = {group: {purpose: bytes(key.value) for purpose, key in purposes.items()} for group, purposes in item["wrapped"].items()}
    return Wrapped(item["object"], item["sharing"], keys)


@pytest.fixture
def of_duval(first_night: FirstNight) -> Wrapped:
    return _wrapped(first_night.duval)


@pytest.fixture
def of_cms(first_night: FirstNight) -> Wrapped:
    return _wrapped(first_night.cms)


def _decrypt(
    machine: Machine, role: str, key: bytes, context: Mapping[str, str], alias: str = "alias/firstcard-purpose-jaxpl-duval"
) -> str:
    kms = machine.cloud.session(role).client("kms")
    try:
        answer = kms.decrypt(CiphertextBlob=key, EncryptionContext=dict(context), KeyId=alias)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "opened" if len(answer["Plaintext"]) == 32 else "?"


def _refusals(machine: Machine, role: str) -> list[dict[str, Any]]:
    return [
        record
        for record in machine.cloud.trail()
        if record["eventName"] in ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncrypt", "CreateGrant")
        and record.get("errorCode", "").startswith("AccessDenied")
        and record["userIdentity"].get("sessionContext", {}).get("sessionIssuer", {}).get("userName") == role
    ]


def _is_recorded(machine: Machine, role: str, context: Mapping[str, str]) -> bool:
    arn = machine.cloud.session().client("kms").describe_key(KeyId="alias/firstcard-purpose-jaxpl-duval")["KeyMetadata"]["Arn"]
    return any(
        record["requestParameters"].get("encryptionContext") == dict(context) and arn in {there.get("ARN") for there in record["resources"]}
        for record in _refusals(machine, role)
    )


def test_each_function_opens_what_its_purpose_gives_it(machine: Machine, of_duval: Wrapped) -> None:
    for role, purpose, groups in (
        ("firstcard-sync", "sync_ils", ("identity", "age", "enrolment", "card", "pin")),
        ("firstcard-notify", "send_notice", ("contact", "card")),
        ("firstcard-reveal", "show_pin", ("pin", "card", "age")),
        ("firstcard-print", "hand_out", ("identity", "card", "pin", "enrolment")),
    ):
        for group in groups:
            assert _decrypt(machine, role, of_duval.keys[group][purpose], of_duval.context(group, purpose)) == "opened", (role, group)


@pytest.mark.parametrize("group", ["identity", "age", "enrolment", "card", "pin"])
def test_notify_may_not_open_what_is_wrapped_for_the_library_system(machine: Machine, of_duval: Wrapped, group: str) -> None:
    context = of_duval.context(group, "sync_ils")
    assert _decrypt(machine, "firstcard-notify", of_duval.keys[group]["sync_ils"], context) == "AccessDeniedException"
    assert _is_recorded(machine, "firstcard-notify", context)


FORGED = {
    "its own purpose over another's key": {"purpose": "send_notice"},
    "another agreement": {"agreement": "cmlibrary.cms"},
    "a purpose that nobody has": {"purpose": "marketing"},
    "a further name": {"because": "urgent"},
    "an empty object": {"object": ""},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=list(FORGED))
def test_a_forged_context_opens_nothing(machine: Machine, of_duval: Wrapped, forged: dict[str, str]) -> None:
    context = of_duval.context("identity", "sync_ils") | forged
    assert _decrypt(machine, "firstcard-notify", of_duval.keys["identity"]["sync_ils"], context) == "AccessDeniedException"
    assert _is_recorded(machine, "firstcard-notify", context)


def test_a_context_of_another_group_that_is_allowed_does_not_open_this_one(machine: Machine, of_duval: Wrapped) -> None:
    context = of_duval.context("card", "send_notice")
    assert _decrypt(machine, "firstcard-notify", of_duval.keys["identity"]["sync_ils"], context) == "InvalidCiphertextException"


def test_without_a_context_nothing_opens(machine: Machine, of_duval: Wrapped) -> None:
    assert _decrypt(machine, "firstcard-sync", of_duval.keys["identity"]["sync_ils"], {}) == "AccessDeniedException"


def test_one_districts_key_opens_nothing_of_another_district(machine: Machine, of_cms: Wrapped) -> None:
    for context in (of_cms.context("identity", "sync_ils"), of_cms.context("identity", "sync_ils") | {"agreement": "jaxpl.duval"}):
        assert _decrypt(machine, "firstcard-sync", of_cms.keys["identity"]["sync_ils"], context) != "opened"


@pytest.mark.parametrize(
    "role",
    [
        "firstcard-issue", "firstcard-plan", "firstcard-finish", "firstcard-admit", "firstcard-window", "firstcard-refuse", "firstcard-publish",
        "firstcard-hold", "firstcard-begin", "firstcard-reset", "firstcard-tally", "firstcard-destroy", "firstcard-attest", "firstcard-honour", "firstcard-bounce", "firstcard-consent", "firstcard-operator", "firstcard-handout", "firstcard-officer", "firstcard-upload-duval",
        "firstcard-library-jaxpl", "firstcard-roster-run",
    ],
)  # fmt: skip
def test_no_other_role_opens_anything(machine: Machine, of_duval: Wrapped, role: str) -> None:
    for group, purposes in of_duval.keys.items():
        for purpose, key in purposes.items():
            context = of_duval.context(group, purpose)
            assert _decrypt(machine, role, key, context) == "AccessDeniedException", (role, group, purpose)
            assert _is_recorded(machine, role, context)


def test_nobody_hands_a_key_on_or_wraps_it_anew(machine: Machine, of_duval: Wrapped) -> None:
    arn = machine.cloud.session().client("kms").describe_key(KeyId="alias/firstcard-purpose-jaxpl-duval")["KeyMetadata"]["Arn"]
    context = of_duval.context("identity", "sync_ils")
    for role in ("firstcard-sync", "firstcard-plan", "firstcard-notify"):
        kms = machine.cloud.session(role).client("kms")
        with pytest.raises(ClientError, match="AccessDenied"):
            kms.create_grant(KeyId=arn, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:role/firstcard-notify", Operations=["Decrypt"])
        with pytest.raises(ClientError, match="AccessDenied"):
            kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context)
    assert {record["eventName"] for record in _refusals(machine, "firstcard-sync")} >= {"CreateGrant", "GenerateDataKey"}


def test_every_opening_of_the_first_night_was_declared_before(machine: Machine, first_night: FirstNight, of_duval: Wrapped) -> None:
    ledger = machine.cloud.session(DESK).client("dynamodb")
    intents = {
        (item["role"]["S"], item["object"]["S"], item["group"]["S"], item["purpose"]["S"])
        for page in ledger.get_paginator("scan").paginate(TableName="firstcard-ledger")
        for item in page["Items"]
        if item["pk"]["S"].startswith("intent#")
    }
    opened = {
        (role, context["object"], context["group"], context["purpose"])
        for record in machine.cloud.trail()
        for role in ("firstcard-sync", "firstcard-notify")
        if record["userIdentity"].get("arn", "").endswith(f"/{role}/{role}")  # the function itself, not a test that took on its role
        and record["eventName"] == "Decrypt"
        and "purpose" in (context := record["requestParameters"].get("encryptionContext", {}))
    }
    assert {role for role, *_ in opened} == {"firstcard-sync", "firstcard-notify"}
    assert opened <= intents
