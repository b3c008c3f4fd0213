"""``firstcard why`` on the deployed machine, under the role of library staff."""

import json
from collections.abc import Mapping

import pytest
from botocore.exceptions import ClientError

from local.machine import Machine
from tests.flow.product.sharing import Sharing

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]


def test_library_staff_learn_where_a_child_stands(answers: Mapping[str, str]) -> None:
    assert dict(answers) == {"card": "has_card", "rejected": "row_rejected", "unknown": "not_in_roster"}


@pytest.mark.parametrize("role", ["firstcard-officer", "firstcard-keyholder", "firstcard-upload-cms", "firstcard-library-cmlibrary"])
def test_nobody_else_may_ask(machine: Machine, cms: Sharing, role: str) -> None:
    ask = machine.cloud.session(role).client("lambda")
    with pytest.raises(ClientError, match="AccessDenied"):
        ask.invoke(FunctionName="firstcard-explain", Payload=json.dumps({"district": cms.slug, "student": "1"}).encode())
