"""The keys that open a district's files, changed under the role that exists for it while files keep coming."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.machine import Machine
from tests.flow.product.sharing import Sharing

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600), pytest.mark.usefixtures("first_night")]

ENDED = ("unchanged", "applied", "rejected", "held", "failed")
KEYHOLDER = "firstcard-keyholder"


def test_a_new_key_opens_files_beside_the_old_one_until_it_is_taken_out(duval: Sharing, tmp_path: Path) -> None:
    before = json.loads(duval.firstcard("key", "list", "--district", duval.slug, "--json", role=KEYHOLDER))["keys"]
    duval.firstcard("key", "rotate", "--district", duval.slug, "--out", str(tmp_path), role=KEYHOLDER)
    after = json.loads(duval.firstcard("key", "list", "--district", duval.slug, "--json", role=KEYHOLDER))["keys"]
    [new] = [key["fingerprint"] for key in after if key not in before]
    public = (tmp_path / f"firstcard-{duval.slug}.asc").read_text()

    duval.drop(duval.protected(duval.export, recipient=public), "for-the-new-key.zip.gpg")
    assert duval.until_run("for-the-new-key.zip.gpg", *ENDED)["status"] == "unchanged"
    duval.drop(duval.protected(duval.export), "for-the-old-key.zip.gpg")
    assert duval.until_run("for-the-old-key.zip.gpg", *ENDED)["status"] == "unchanged"

    duval.firstcard("key", "revoke", new, "--district", duval.slug, role=KEYHOLDER)
    duval.drop(duval.protected(duval.export, recipient=public), "for-no-key.zip.gpg")
    refused = duval.until_run("for-no-key.zip.gpg", *ENDED)
    assert (refused["status"], refused["reason"]) == ("rejected", "PGP_NO_KEY")


@pytest.mark.parametrize("name", ["tokens/jaxpl", "links/jaxpl", "ils/jaxpl"])
def test_whoever_keeps_these_keys_reaches_no_other_secret(machine: Machine, name: str) -> None:
    secrets = machine.cloud.session(KEYHOLDER).client("secretsmanager")
    with pytest.raises(ClientError, match="AccessDenied"):
        secrets.get_secret_value(SecretId=f"firstcard/{name}")
    with pytest.raises(ClientError, match="AccessDenied"):
        secrets.put_secret_value(SecretId=f"firstcard/{name}", SecretString="x")
