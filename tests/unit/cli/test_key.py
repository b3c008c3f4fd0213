"""``firstcard key``: what is made opens files, what is revoked no longer does, and no secret half is ever shown."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws
from pyrage import encrypt, x25519
from typer.testing import CliRunner, Result

from cli.main import app
from firstcard.adapters import aws
from firstcard.adapters.keyring_secret import ChangedMeanwhileError, KeyringSecret
from firstcard.roster.reasons import Reason, Refusal
from firstcard.sender import Delivered, open_delivery
from local.district.delivery import protect
from tests.unit.sender.builders import A_ROSTER, MIB, Gnupg, an_agreement

NAME = "firstcard/openpgp/duval"
SECRET_WORDS = ("PRIVATE KEY", "AGE-SECRET-KEY")


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager with the district's secret as the stack makes it: without a value."""
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    aws.client.cache_clear()  # type: ignore[attr-defined]
    with mock_aws():
        secrets = boto3.client("secretsmanager")
        secrets.create_secret(Name=NAME)
        yield secrets
    aws.client.cache_clear()  # type: ignore[attr-defined]


def key(*words: object, district: str = "duval") -> Result:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["key", *(str(word) for word in words), "--district", district])
    assert not any(secret in result.output for secret in SECRET_WORDS)
    assert "Traceback" not in result.output
    return result


def told(*words: object) -> Any:
    result = key(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def listed() -> list[str]:
    return [each["fingerprint"] for each in told("list")["keys"]]


def opened(data: bytes) -> Delivered | Refusal:
    keys = aws.SecretsStore().opening_keys("duval")
    return open_delivery(data, agreement=an_agreement("encrypted"), secret_keys=keys, limit=MIB)


def for_openpgp(public: str) -> bytes:
    return protect(A_ROSTER, recipients=[public], signer=None, gpg=None).data


def for_age(public: str) -> bytes:
    sealed: bytes = encrypt(A_ROSTER, [x25519.Recipient.from_str(public)])
    return sealed


OPEN = Delivered(plaintext=A_ROSTER, protection="encrypted", signer="")


def test_files_for_new_keys_of_either_kind_open(secrets: Any) -> None:
    openpgp, age = told("new", "--age")["new"]
    assert (openpgp["kind"], age["kind"]) == ("openpgp", "age")
    assert opened(for_openpgp(openpgp["public"])) == OPEN
    assert opened(for_age(age["public"])) == OPEN


def test_without_age_only_an_openpgp_key_is_made(secrets: Any) -> None:
    assert [each["kind"] for each in told("new")["new"]] == ["openpgp"]
    assert set(json.loads(secrets.get_secret_value(SecretId=NAME)["SecretString"])) == {"keys", "age"}


def test_a_secret_from_before_age_is_read_and_added_to(secrets: Any) -> None:
    old = told("new")["new"][0]
    before = json.loads(secrets.get_secret_value(SecretId=NAME)["SecretString"])
    secrets.put_secret_value(SecretId=NAME, SecretString=json.dumps({"keys": before["keys"]}))
    assert opened(for_openpgp(old["public"])) == OPEN
    new = told("new", "--age")["new"]
    assert listed() == [new[0]["fingerprint"], old["fingerprint"], new[1]["fingerprint"]]


def test_an_age_key_that_age_keygen_made_is_listed_without_a_date_and_kept_as_it_is(secrets: Any) -> None:
    identity = x25519.Identity.generate()
    secrets.put_secret_value(SecretId=NAME, SecretString=json.dumps({"keys": [], "age": [str(identity)]}))
    (found,) = told("list")["keys"]
    assert found == {"kind": "age", "fingerprint": str(identity.to_public()), "made": "", "public": str(identity.to_public())}
    assert "not known" in key("list").stdout
    told("new")
    assert json.loads(secrets.get_secret_value(SecretId=NAME)["SecretString"])["age"] == [str(identity)]


def test_rotate_renews_every_kind_there_is_in_front_and_keeps_the_old_ones_valid(secrets: Any) -> None:
    old = told("new", "--age")["new"]
    answer = told("rotate")
    assert [each["kind"] for each in answer["new"]] == ["openpgp", "age"]
    assert answer["still_valid"] == [each["fingerprint"] for each in old]
    openpgp, age = answer["new"]
    assert listed() == [openpgp["fingerprint"], old[0]["fingerprint"], age["fingerprint"], old[1]["fingerprint"]]
    for public in (openpgp["public"], old[0]["public"]):
        assert opened(for_openpgp(public)) == OPEN
    for public in (age["public"], old[1]["public"]):
        assert opened(for_age(public)) == OPEN


def test_rotate_makes_no_age_key_for_a_district_that_has_none(secrets: Any) -> None:
    told("new")
    assert [each["kind"] for each in told("rotate")["new"]] == ["openpgp"]


def test_rotate_needs_a_key_to_renew(secrets: Any) -> None:
    result = key("rotate")
    assert result.exit_code == 1
    assert "firstcard key new" in result.output
    assert listed() == []


def test_a_revoked_key_opens_nothing_and_the_others_still_do(secrets: Any) -> None:
    old = told("new", "--age")["new"]
    new = told("rotate")["new"]
    in_groups_of_four = " ".join(old[0]["fingerprint"].lower()[at : at + 4] for at in range(0, 40, 4))
    assert told("revoke", in_groups_of_four)["revoked"] == old[0]["fingerprint"]
    assert key("revoke", old[1]["fingerprint"]).exit_code == 0
    assert listed() == [each["fingerprint"] for each in new]
    assert opened(for_openpgp(old[0]["public"])) == Refusal(Reason.PGP_NO_KEY)
    assert opened(for_age(old[1]["public"])) == Refusal(Reason.AGE_NO_KEY)
    assert opened(for_openpgp(new[0]["public"])) == OPEN


@pytest.mark.parametrize("place", [0, 1])
def test_the_last_key_of_a_kind_goes_only_on_a_plain_yes(secrets: Any, place: int) -> None:
    keys = told("new", "--age")["new"]
    result = key("revoke", keys[place]["fingerprint"])
    assert result.exit_code == 1
    assert "--yes" in result.output
    assert len(listed()) == 2
    assert key("revoke", keys[place]["fingerprint"], "--yes").exit_code == 0
    assert listed() == [keys[1 - place]["fingerprint"]]


@pytest.mark.parametrize("fingerprint", ["", "0" * 40, "age1nobody"])
def test_revoking_a_key_that_is_not_there_is_a_wrong_use(secrets: Any, fingerprint: str) -> None:
    told("new")
    assert key("revoke", fingerprint, "--yes").exit_code == 2
    assert len(listed()) == 1


def test_the_public_half_alone_goes_to_standard_output(secrets: Any) -> None:
    result = key("new", "--age")
    openpgp, age = told("list")["keys"]
    assert result.stdout == f"{openpgp['public'].strip()}\n{age['public']}\n"
    assert openpgp["fingerprint"] in result.stderr


def test_public_halves_are_written_for_the_district_to_use(secrets: Any, tmp_path: Path) -> None:
    result = key("new", "--age", "--out", tmp_path)
    assert result.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["firstcard-duval.age.txt", "firstcard-duval.asc"]
    assert opened(for_openpgp((tmp_path / "firstcard-duval.asc").read_text())) == OPEN
    assert opened(for_age((tmp_path / "firstcard-duval.age.txt").read_text().strip())) == OPEN


def test_a_folder_that_is_missing_stops_the_command_before_a_key_is_made(secrets: Any, tmp_path: Path) -> None:
    assert key("new", "--out", tmp_path / "nowhere").exit_code == 2
    assert listed() == []


def test_list_shows_kinds_fingerprints_and_dates(secrets: Any) -> None:
    assert "firstcard key new --district duval" in key("list").stdout
    made = told("new", "--age")["new"]
    shown = key("list").stdout
    for each in made:
        assert each["fingerprint"] in shown
        assert each["made"] in shown
    assert "OpenPGP" in shown


def test_gnupg_encrypts_for_a_new_key(secrets: Any) -> None:
    new = told("new")["new"][0]
    # GnuPG's agent listens on a socket in this folder, whose path may have 107 characters: pytest's own folders are deeper.
    with tempfile.TemporaryDirectory(prefix="gpg-", ignore_cleanup_errors=True) as home:
        gnupg = Gnupg(Path(home))
        try:
            gnupg.run("--import", given=new["public"].encode())
            assert opened(gnupg.run("--encrypt", "--recipient", new["fingerprint"], given=A_ROSTER)) == OPEN
        finally:
            gnupg.close()


@pytest.mark.parametrize("command", ["new", "rotate", "list"])
@pytest.mark.parametrize(
    "kept", ["no JSON", "[]", '{"keys": "x"}', '{"keys": ["hush hush"]}', '{"keys": [1]}', '{"keys": [], "age": ["hush hush"]}']
)
def test_a_secret_that_holds_no_keys_is_left_as_it_is_and_not_shown(secrets: Any, kept: str, command: str) -> None:
    secrets.put_secret_value(SecretId=NAME, SecretString=kept)
    result = key(command)
    assert result.exit_code == 1
    assert "hush" not in result.output
    assert secrets.get_secret_value(SecretId=NAME)["SecretString"] == kept


def test_a_district_that_was_never_deployed_gets_no_key(secrets: Any) -> None:
    result = key("new", district="nowhere")
    assert result.exit_code == 1
    assert "ResourceNotFoundException" in result.output
    assert "PUBLIC KEY" not in result.output


def test_nobody_writes_over_a_change_that_was_not_seen(secrets: Any) -> None:
    told("new")
    secret = KeyringSecret("duval")
    seen = secret.read()
    theirs = told("new", "--age")["new"]
    with pytest.raises(ChangedMeanwhileError):
        secret.write(seen.keyring, after=seen.version)
    assert {each["fingerprint"] for each in theirs} <= set(listed())


def test_a_change_that_was_not_seen_ends_the_command_without_a_key(secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told("new")
    read = KeyringSecret.read

    def and_then_somebody_else(self: KeyringSecret) -> Any:
        seen = read(self)
        monkeypatch.setattr(KeyringSecret, "read", read)
        told("rotate")
        return seen

    monkeypatch.setattr(KeyringSecret, "read", and_then_somebody_else)
    result = key("rotate")
    assert result.exit_code == 1
    assert "PUBLIC KEY" not in result.output
    assert len(listed()) == 2


def test_whoever_may_not_is_told_so(secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue"), NoCredentialsError()):

        def refuse(self: KeyringSecret, error: Exception = error) -> Any:
            raise error

        monkeypatch.setattr(KeyringSecret, "read", refuse)
        for words in (("list",), ("new",), ("rotate",), ("revoke", "0" * 40)):
            assert key(*words).exit_code == 1
