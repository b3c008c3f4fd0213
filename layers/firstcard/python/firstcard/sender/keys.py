"""Our key pairs for one district's files: made, kept in one secret, and told apart without the secret half."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Self

from openpgp.composed import EncryptionCaps, KeyType, SecretKeyParamsBuilder, SignedSecretKey, SubkeyParamsBuilder
from openpgp.errors import Error as OpenPgpError
from pyrage import IdentityError, x25519

Kind = Literal["openpgp", "age"]

_MADE = "# created: "
_IDENTITY = "AGE-SECRET-KEY-"


class KeyringError(ValueError):
    """The district's secret does not hold keys as it should; the text says which entry, and holds nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningKey:
    """One of our key pairs.

    ``fingerprint`` is that of the OpenPGP key in capital hex, or the age recipient itself (``age1…``), which is ``public`` too. ``made`` is a time in
    UTC as ISO 8601, or empty for an age key that nobody wrote a date to. ``secret`` is what the secrets store keeps: an armoured OpenPGP key, or an age
    identity with its comments as ``age-keygen`` writes it.
    """

    kind: Kind
    fingerprint: str
    made: str
    public: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys that open one district's files, the newest of a kind first."""

    keys: tuple[OpeningKey, ...] = ()

    @classmethod
    def loads(cls, text: str) -> Self:
        """From ``{"keys": [armoured, …], "age": [identity, …]}``, where ``age`` may be missing. Raises KeyringError."""
        try:
            kept = json.loads(text)
            entries = {"keys": kept["keys"], "age": kept.get("age", [])}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KeyringError('the secret is not JSON of the form {"keys": [...], "age": [...]}') from None
        return cls((*_read("keys", entries["keys"], _openpgp_key), *_read("age", entries["age"], _age_key)))

    def dumps(self) -> str:
        """As JSON that ``loads`` reads."""
        return json.dumps({"keys": self._secrets("openpgp"), "age": self._secrets("age")})

    def with_new(self, *keys: OpeningKey) -> Self:
        """With these in front; all others stay valid."""
        return type(self)((*keys, *self.keys))

    def without(self, fingerprint: str) -> Self:
        """Without the key of this fingerprint, however its digits are grouped; the same ring if it has none."""
        return type(self)(tuple(key for key in self.keys if key.fingerprint.lower() != _plain(fingerprint)))

    def _secrets(self, kind: Kind) -> list[str]:
        return [key.secret for key in self.keys if key.kind == kind]


def new_openpgp_key(label: str, *, now: datetime) -> OpeningKey:
    """A key that files are encrypted for (Ed25519 with a Curve25519 subkey, as GnuPG 2.2 reads it); ``label`` is its user id. It signs nothing."""
    stamp = int(now.timestamp())
    subkey = SubkeyParamsBuilder().key_type(KeyType.ecdh("curve25519")).can_encrypt(EncryptionCaps.all()).created_at(stamp).build()
    key = (
        SecretKeyParamsBuilder()
        .version(4)
        .key_type(KeyType.ed25519_legacy())
        .can_certify(True)
        .created_at(stamp)
        .primary_user_id(label)
        .feature_seipd_v1(True)
        .preferred_symmetric_algorithms(["aes256", "aes192", "aes128"])
        .preferred_hash_algorithms(["sha512", "sha384", "sha256"])
        .preferred_compression_algorithms(["zlib", "zip"])
        .subkey(subkey)
        .generate()
    )
    return _openpgp_key(key.to_armored())


def new_age_key(*, now: datetime) -> OpeningKey:
    """An age key that files are encrypted for (X25519), with the date of its making beside it."""
    return _age_key(f"{_MADE}{now.astimezone(UTC).isoformat(timespec='seconds')}\n{x25519.Identity.generate()}\n")


def _read(name: str, entries: object, parsed: Callable[[str], OpeningKey]) -> Sequence[OpeningKey]:
    if not isinstance(entries, list):
        raise KeyringError(f"{name!r} of the secret is not a list")
    keys = []
    for place, entry in enumerate(entries, start=1):
        try:
            keys.append(parsed(entry))
        except (OpenPgpError, IdentityError, ValueError, TypeError, AttributeError):
            raise KeyringError(f"entry {place} of {name!r} of the secret is no key that can be read") from None
    return keys


def _openpgp_key(armoured: str) -> OpeningKey:
    key = SignedSecretKey.from_armor(armoured)[0]
    return OpeningKey(
        kind="openpgp",
        fingerprint=key.fingerprint.upper(),
        made=datetime.fromtimestamp(key.created_at, UTC).isoformat(),
        public=key.to_public_key().to_armored(),
        secret=armoured,
    )


def _age_key(text: str) -> OpeningKey:
    lines = text.splitlines()
    (identity,) = (line.strip() for line in lines if line.startswith(_IDENTITY))
    recipient = str(x25519.Identity.from_str(identity).to_public())
    made = next((line.removeprefix(_MADE).strip() for line in lines if line.startswith(_MADE)), "")
    return OpeningKey(kind="age", fingerprint=recipient, made=made, public=recipient, secret=text)


def _plain(fingerprint: str) -> str:
    return "".join(fingerprint.split()).lower()
