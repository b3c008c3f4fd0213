"""How the district sends its export: signed and encrypted by GnuPG, uploaded by the OpenSSH ``sftp`` client.

Where a machine lacks one of the two programs the same is done in Python, and what comes back says which it was.
"""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import asyncssh
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from openpgp.composed import (
    EncryptionCaps,
    KeyType,
    MessageBuilder,
    SecretKeyParamsBuilder,
    SignedPublicKey,
    SignedPublicSubKey,
    SignedSecretKey,
    SubkeyParamsBuilder,
)
from openpgp.errors import Error as OpenPgpError

GPG = shutil.which("gpg")
SFTP = shutil.which("sftp")
_SECONDS = 120
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_FOLDER = re.compile(r"[A-Za-z0-9/_-]{1,120}")


class DeliveryError(Exception):
    """The file could not be protected or uploaded; the text says which step failed, and holds nothing of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPgpKey:
    """An OpenPGP key pair, both halves ASCII-armoured, and the fingerprint in capital hex digits."""

    secret: str = field(repr=False)
    public: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKey:
    """An Ed25519 key pair for SFTP: ``private`` in OpenSSH's form, ``public`` as the one line that a server is given."""

    private: str = field(repr=False)
    public: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """A file ready to be uploaded, and the program that made it so."""

    data: bytes = field(repr=False)
    tool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpServer:
    """Where to upload: ``host_key`` is the server's public key as one line (``ssh-ed25519 AAAA…``), known beforehand."""

    host: str
    port: int
    account: str
    host_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """An upload that was renamed to its final name: where it is, its size in bytes, and the program that did it."""

    path: str
    size: int
    tool: str


def new_openpgp_key(label: str, *, created: datetime, kind: Literal["cv25519", "rsa3072"] = "cv25519") -> OpenPgpKey:
    """A key pair that signs and decrypts, of the kinds that GnuPG 2.2 makes and reads; ``label`` is its user id."""
    stamp = int(created.timestamp())
    signing, decrypting = (
        (KeyType.rsa(3072), KeyType.rsa(3072)) if kind == "rsa3072" else (KeyType.ed25519_legacy(), KeyType.ecdh("curve25519"))
    )
    subkey = SubkeyParamsBuilder().key_type(decrypting).can_encrypt(EncryptionCaps.all()).created_at(stamp).build()
    key = (
        SecretKeyParamsBuilder()
        .version(4)
        .key_type(signing)
        .can_certify(True)
        .can_sign(True)
        .created_at(stamp)
        .primary_user_id(label)
        .feature_seipd_v1(True)
        .preferred_symmetric_algorithms(["aes256", "aes192", "aes128"])
        .preferred_hash_algorithms(["sha512", "sha384", "sha256"])
        .preferred_compression_algorithms(["zlib", "zip"])
        .subkey(subkey)
        .generate()
    )
    public = key.to_public_key().to_armored()
    return OpenPgpKey(secret=key.to_armored(), public=public, fingerprint=public_key_fingerprint(public))


def new_ssh_key(comment: str) -> SshKey:
    """A new key pair for an SFTP account."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()).decode()
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    return SshKey(private=private, public=f"{public} {comment}")


def public_key_fingerprint(armoured: str) -> str:
    """The fingerprint of an armoured OpenPGP public key, in capital hex digits as GnuPG shows it; raises DeliveryError if it is none."""
    try:
        return SignedPublicKey.from_armor(armoured)[0].fingerprint.upper()
    except OpenPgpError as error:
        raise DeliveryError("a recipient's OpenPGP key cannot be read") from error


def protect(
    data: bytes, *, recipients: Sequence[str], signer: OpenPgpKey | None, armoured: bool = False, gpg: str | None = GPG
) -> Protected:
    """``data`` as one OpenPGP message, encrypted for the armoured public keys ``recipients`` and signed by ``signer`` (None: unsigned).

    ``armoured`` makes it ASCII text. ``gpg`` is the program to use, None for the Python equivalent. No plaintext is written to a disk. Raises DeliveryError.
    """
    if gpg is None:
        return _protect_in_python(data, recipients, signer, armoured)
    with _gnupg_home(gpg) as home:
        keys = "\n".join([*recipients, *([signer.secret] if signer else [])]).encode()
        _run([gpg, "--homedir", home, "--batch", "--quiet", "--import"], keys, "GnuPG could not import the keys")
        command = [gpg, "--homedir", home, "--batch", "--quiet", "--no-tty", "--trust-model", "always", "--encrypt"]
        command += ["--armor"] if armoured else []
        if signer:
            command += ["--sign", "--local-user", signer.fingerprint]
        for recipient in recipients:
            command += ["--recipient", public_key_fingerprint(recipient)]
        packed = _run(command, data, "GnuPG could not encrypt the file")
        first_line = _run([gpg, "--version"], b"", "GnuPG does not tell its version").decode().splitlines()[0]
    return Protected(data=packed, tool=first_line.removeprefix("gpg (").replace(")", ""))


def drop(data: bytes, *, name: str, server: SftpServer, key: SshKey, folder: str = "incoming", sftp: str | None = SFTP) -> Dropped:
    """Upload as ``<folder>/<name>.part``, then rename to ``<folder>/<name>``, so that nobody takes half a file for a whole one.

    ``sftp`` is the OpenSSH client to use, None for the Python equivalent. Raises DeliveryError, also for a server with another host key.
    """
    if not _FILE_NAME.fullmatch(name) or not _FOLDER.fullmatch(folder):
        raise DeliveryError("a file name may hold letters, digits, dots, dashes and underscores only")
    path = f"{folder}/{name}"
    if sftp is None:
        asyncio.run(_drop_in_python(data, path, server, key))
        return Dropped(path=path, size=len(data), tool=f"asyncssh {version('asyncssh')}")
    with tempfile.TemporaryDirectory(prefix="sftp-") as scratch:
        upload, identity, hosts = (Path(scratch, part) for part in ("upload", "identity", "known_hosts"))
        _write_private(upload, data)
        _write_private(identity, key.private.encode())
        _write_private(hosts, _known_host(server).encode())
        options = {
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "IdentityFile": str(identity),
            "UserKnownHostsFile": str(hosts),
            "GlobalKnownHostsFile": os.devnull,
            "StrictHostKeyChecking": "yes",
            "ConnectTimeout": "20",
        }
        command = [sftp, "-F", os.devnull, "-P", str(server.port), "-b", "-"]
        command += [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        batch = f'put "{upload}" "{path}.part"\nrename "{path}.part" "{path}"\n'
        _run([*command, f"{server.account}@{server.host}"], batch.encode(), "sftp could not upload the file")
    return Dropped(path=path, size=len(data), tool="OpenSSH sftp")


def host_key(host: str, port: int) -> str:
    """The public key that the server at ``host`` shows now, as one line: only for a server one has just started oneself."""

    async def ask() -> asyncssh.SSHKey | None:
        return await asyncssh.get_server_host_key(host, port)

    key = asyncio.run(ask())
    if key is None:
        raise DeliveryError("the server shows no host key")
    return key.export_public_key().decode().strip()


def _protect_in_python(data: bytes, recipients: Sequence[str], signer: OpenPgpKey | None, armoured: bool) -> Protected:
    try:
        message = MessageBuilder.from_bytes("", data).compression("zlib").seipd_v1("aes256")
        if signer:
            message = message.sign(SignedSecretKey.from_armor(signer.secret)[0], None, "sha512")
        for recipient in recipients:
            message = message.encrypt_to_key(_encryption_subkey(recipient))
        return Protected(data=message.to_armored_string().encode() if armoured else message.to_vec(), tool=f"rpgp-py {version('rpgp-py')}")
    except OpenPgpError as error:
        raise DeliveryError("the file could not be encrypted") from error


def _encryption_subkey(armoured: str) -> SignedPublicKey | SignedPublicSubKey:
    key = SignedPublicKey.from_armor(armoured)[0]
    for subkey in key.public_subkeys:
        if any(signature.key_flags().encrypt_communications for signature in subkey.signatures):
            return subkey
    return key


async def _drop_in_python(data: bytes, path: str, server: SftpServer, key: SshKey) -> None:
    try:
        async with (
            asyncssh.connect(
                server.host,
                server.port,
                username=server.account,
                client_keys=[asyncssh.import_private_key(key.private)],
                known_hosts=asyncssh.import_known_hosts(_known_host(server)),
                agent_path=None,
                config=None,
                connect_timeout=20,
            ) as connection,
            connection.start_sftp_client() as client,
        ):
            async with client.open(f"{path}.part", "wb") as remote:
                await remote.write(data)
            await client.rename(f"{path}.part", path)
    except (OSError, asyncssh.Error) as error:
        raise DeliveryError(f"the file could not be uploaded: {type(error).__name__}") from error


def _known_host(server: SftpServer) -> str:
    return f"[{server.host}]:{server.port} {server.host_key}\n"


def _write_private(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


@contextmanager
def _gnupg_home(gpg: str) -> Iterator[str]:
    """A key ring of its own for one message; its agent ends with it."""
    gpgconf = str(Path(gpg).with_name("gpgconf"))
    with tempfile.TemporaryDirectory(prefix="gpg-", ignore_cleanup_errors=True) as home:
        try:
            yield home
        finally:
            subprocess.run([gpgconf, "--homedir", home, "--kill", "all"], check=False, capture_output=True, timeout=_SECONDS)


def _run(command: list[str], given: bytes, failure: str) -> bytes:
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeliveryError(f"{failure}: {type(error).__name__}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise DeliveryError(f"{failure} (exit {done.returncode}){': ' + '; '.join(said[-2:]) if said else ''}")
    return done.stdout
