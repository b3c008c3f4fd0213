"""A library's own patrons on the deployed machine: who brings them in, who may open them, and that they go."""

import pytest
from botocore.exceptions import ClientError

from local.machine import DESK, Machine
from tests.flow.product.conftest import PATRONS, SYSTEMS_LIBRARIAN, Kept, PatronWeek

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600)]

KEY = "alias/firstcard-patrons-jaxpl"
DISTRICTS = ("firstcard-upload-duval", "firstcard-upload-cms")
OTHERS = (
    *(
        "firstcard-sync",
        "firstcard-notify",
        "firstcard-issue",
        "firstcard-admit",
        "firstcard-gather",
        "firstcard-explain",
        "firstcard-finish",
    ),
    *("firstcard-operator", "firstcard-keyholder", "firstcard-officer", "firstcard-library-jaxpl", SYSTEMS_LIBRARIAN, DESK),
)


def opened(machine: Machine, role: str, kept: Kept, **forged: str) -> str:
    kms = machine.cloud.session(role).client("kms")
    try:
        answer = kms.decrypt(CiphertextBlob=kept.wrapped, EncryptionContext=kept.context | forged, KeyId=KEY)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "opened" if len(answer["Plaintext"]) == 32 else "?"


def test_a_file_is_imported_by_the_systems_librarian(patron_week: PatronWeek) -> None:
    held = patron_week.of_file.held
    assert (held["held"], held["patrons"], held["source"], held["can_be_opened"]) == (True, len(PATRONS), "csv", True)
    assert held["by"].startswith(f"{SYSTEMS_LIBRARIAN}/")
    assert patron_week.of_file.key.startswith("patrons/jaxpl/00000002-")


def test_the_ils_is_asked_by_the_function_and_takes_the_files_place_at_once(patron_week: PatronWeek) -> None:
    held = patron_week.of_ils.held
    assert (held["patrons"], held["source"]) == (patron_week.patrons_in_ils, "koha")
    assert patron_week.patrons_in_ils > 0
    assert patron_week.lying[1] == (patron_week.of_ils.key,)


def test_the_systems_librarian_destroys_them_at_any_time(patron_week: PatronWeek) -> None:
    assert (patron_week.deleted["destroyed"], patron_week.lying[0]) == (len(PATRONS), ())


def test_nobody_is_named_on_screen_or_in_the_vault_in_clear(patron_week: PatronWeek) -> None:
    for row in PATRONS:
        for value in (row["last_name"], row["birth_date"], row["email"]):
            assert value not in patron_week.said
            assert value.encode() not in patron_week.of_file.body


def test_plan_opens_an_extract_for_its_purpose_and_for_no_other(machine: Machine, patron_week: PatronWeek) -> None:
    assert opened(machine, "firstcard-plan", patron_week.of_file) == "opened"
    for forged in ({"purpose": "sync_ils"}, {"agreement": "jaxpl.duval"}, {"group": "identity"}, {"object": ""}):
        assert opened(machine, "firstcard-plan", patron_week.of_file, **forged) == "AccessDeniedException", forged


@pytest.mark.parametrize("role", [*DISTRICTS, *OTHERS])
def test_nobody_else_opens_it_not_even_who_sealed_it(machine: Machine, patron_week: PatronWeek, role: str) -> None:
    assert opened(machine, role, patron_week.of_file) == "AccessDeniedException"


@pytest.mark.parametrize("role", [*DISTRICTS, SYSTEMS_LIBRARIAN, "firstcard-operator", "firstcard-gather", "firstcard-sync"])
def test_nobody_else_fetches_it(machine: Machine, patron_week: PatronWeek, role: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        machine.cloud.session(role).client("s3").get_object(Bucket=machine.vault_bucket, Key=patron_week.of_ils.key)


@pytest.mark.parametrize("role", [*DISTRICTS, "firstcard-operator", "firstcard-officer", "firstcard-keyholder"])
def test_nobody_else_has_the_ils_asked_or_puts_patrons_into_the_vault(machine: Machine, patron_week: PatronWeek, role: str) -> None:
    session = machine.cloud.session(role)
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("lambda").invoke(FunctionName="firstcard-gather", Payload=b'{"library": "jaxpl", "by": "somebody"}')
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("s3").put_object(Bucket=machine.vault_bucket, Key="patrons/jaxpl/00000099-aa.sealed", Body=b"")
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("kms").encrypt(KeyId=KEY, Plaintext=b"x" * 32, EncryptionContext=patron_week.of_file.context)


def test_the_sweep_leaves_it_for_its_days_and_then_destroys_every_version(patron_week: PatronWeek) -> None:
    assert patron_week.lying[2:] == ((patron_week.of_ils.key,), ())
    swept = patron_week.swept
    assert (swept["held"], swept["patrons"], swept["can_be_opened"]) == (False, 0, False)
    assert swept["destroyed_at"]
