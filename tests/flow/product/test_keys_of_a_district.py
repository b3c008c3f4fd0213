"""The keys that open a district's files, changed under the role that exists for it while files keep coming."""

import pytest
from botocore.exceptions import ClientError

from local.machine import Machine
from tests.flow.product.conftest import KEYHOLDER, KeyChange

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]


def test_a_new_key_opens_files_beside_the_old_one_until_it_is_taken_out(key_change: KeyChange) -> None:
    assert key_change.for_the_new == key_change.for_the_old
    assert key_change.for_the_new[0]
    assert key_change.after_taking_out == (False, ("PGP_NO_KEY",))


@pytest.mark.parametrize("name", ["tokens/jaxpl", "links/jaxpl", "ils/jaxpl"])
def test_whoever_keeps_these_keys_reaches_no_other_secret(machine: Machine, name: str) -> None:
    secrets = machine.cloud.session(KEYHOLDER).client("secretsmanager")
    with pytest.raises(ClientError, match="AccessDenied"):
        secrets.get_secret_value(SecretId=f"firstcard/{name}")
    with pytest.raises(ClientError, match="AccessDenied"):
        secrets.put_secret_value(SecretId=f"firstcard/{name}", SecretString="x")
