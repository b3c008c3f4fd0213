"""The secret that holds our keys for one district's files, changed by one person at a time."""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from firstcard.adapters.aws import client
from firstcard.sender.keys import Keyring

_NEXT = "FIRSTCARD_NEXT"


class ChangedMeanwhileError(Exception):
    """Somebody else changed the keys after they were read; nothing was written over."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A keyring, and the version of the secret that it was read from: empty where the secret has never had a value."""

    keyring: Keyring
    version: str


@dataclass(frozen=True, slots=True)
class KeyringSecret:
    """``firstcard/openpgp/<district>``; the stack makes it without a value."""

    district: str

    @property
    def name(self) -> str:
        """The secret's name."""
        return f"firstcard/openpgp/{self.district}"

    def read(self) -> Kept:
        """The keys as they are now. Raises KeyringError for a value that holds none, ClientError for what AWS refuses."""
        try:
            answer = client("secretsmanager").get_secret_value(SecretId=self.name, VersionStage="AWSCURRENT")
        except ClientError as error:
            # AWS says the same of a secret without a value and of none at all: writing tells the two apart.
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return Kept(Keyring(), "")
            raise
        return Kept(Keyring.loads(answer["SecretString"]), answer["VersionId"])

    def write(self, keyring: Keyring, *, after: str) -> None:
        """Put the keys in place of version ``after``. Raises ChangedMeanwhileError if that is no longer the current one, ClientError as above."""
        secrets = client("secretsmanager")
        if not after:
            secrets.put_secret_value(SecretId=self.name, SecretString=keyring.dumps())
            return
        version = secrets.put_secret_value(SecretId=self.name, SecretString=keyring.dumps(), VersionStages=[_NEXT])["VersionId"]
        try:
            secrets.update_secret_version_stage(
                SecretId=self.name, VersionStage="AWSCURRENT", MoveToVersionId=version, RemoveFromVersionId=after
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidParameterException":
                raise ChangedMeanwhileError from None
            raise
