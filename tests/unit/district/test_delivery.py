"""The district's way of sending: with the real programs and with their Python equivalents, to the same end."""

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import pytest

from firstcard.sender import Delivered, open_delivery
from local.district.delivery import (
    DeliveryError,
    SftpServer,
    drop,
    host_key,
    new_openpgp_key,
    new_ssh_key,
    protect,
    public_key_fingerprint,
)
from tests.unit.sender.builders import MIB, Gnupg, an_agreement

MADE = datetime(2026, 11, 1, tzinfo=UTC)
DISTRICT, OURS = new_openpgp_key("district", created=MADE), new_openpgp_key("firstcard", created=MADE)
UPLOADER = new_ssh_key("district")


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"{name} is missing, and CI must try against it")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(params=["gpg", None])
def gpg(request: pytest.FixtureRequest) -> str | None:
    return program("gpg") if request.param else None


@pytest.fixture(params=["sftp", None])
def sftp(request: pytest.FixtureRequest) -> str | None:
    return program("sftp") if request.param else None


@dataclass
class Place:
    server: SftpServer
    folder: Path
    seen: list[str]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An SFTP server on this machine that knows one key, serves one folder, and writes down each name it sees."""
    (tmp_path / "incoming").mkdir()
    seen: list[str] = []

    class Door(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return username == "duval" and key == asyncssh.import_public_key(UPLOADER.public)

    class Folder(asyncssh.SFTPServer):
        def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
            super().__init__(channel, chroot=str(tmp_path))

        def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
            seen.append(path.decode())
            return super().open(path, pflags, attrs)

        def rename(self, oldpath: bytes, newpath: bytes) -> None:
            seen.append(f"{oldpath.decode()} -> {newpath.decode()}")
            super().rename(oldpath, newpath)

        posix_rename = rename

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        keys = [asyncssh.generate_private_key("ssh-ed25519")]
        return await asyncssh.listen("127.0.0.1", 0, server_host_keys=keys, server_factory=Door, sftp_factory=Folder)

    async def close(acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        await acceptor.wait_closed()

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    port = acceptor.sockets[0].getsockname()[1]
    try:
        yield Place(
            SftpServer(host="127.0.0.1", port=port, account="duval", host_key=host_key("127.0.0.1", port)), tmp_path / "incoming", seen
        )
    finally:
        asyncio.run_coroutine_threadsafe(close(acceptor), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize("armoured", [False, True])
def test_what_the_district_protects_we_open(gpg: str | None, armoured: bool) -> None:
    sent = protect(b"a roster", recipients=[OURS.public], signer=DISTRICT, armoured=armoured, gpg=gpg)
    assert sent.tool.startswith("GnuPG" if gpg else "rpgp-py")
    assert sent.data.startswith(b"-----BEGIN PGP MESSAGE-----") is armoured
    opened = open_delivery(sent.data, agreement=an_agreement("signed", (DISTRICT.public,)), secret_keys=[OURS.secret], limit=MIB)
    assert opened == Delivered(plaintext=b"a roster", protection="signed", signer=DISTRICT.fingerprint)


def test_gnupg_opens_what_the_python_equivalent_makes_with_keys_of_either_kind(tmp_path: Path) -> None:
    program("gpg")
    ring = Gnupg(tmp_path)
    try:
        ours = new_openpgp_key("firstcard", created=MADE, kind="rsa3072")
        ring.run("--import", given=(ours.secret + OURS.secret + DISTRICT.public).encode())
        for recipient in (ours, OURS):
            sent = protect(b"a roster", recipients=[recipient.public], signer=DISTRICT, gpg=None)
            told = ring.run("--status-fd", "1", "--decrypt", given=sent.data).decode()
            assert "a roster" in told
            assert f"VALIDSIG {DISTRICT.fingerprint}" in told
    finally:
        ring.close()


def test_a_fingerprint_is_the_one_that_gnupg_shows(tmp_path: Path) -> None:
    program("gpg")
    ring = Gnupg(tmp_path)
    try:
        fingerprint = ring.make("district")
        assert public_key_fingerprint(ring.public(fingerprint)) == fingerprint
    finally:
        ring.close()


def test_a_key_that_cannot_be_read_is_said_without_a_word_of_the_file(gpg: str | None) -> None:
    with pytest.raises(DeliveryError) as told:
        protect(b"Kealoha", recipients=["no key"], signer=DISTRICT, gpg=gpg)
    assert "Kealoha" not in str(told.value)


def test_an_upload_has_a_temporary_name_until_it_is_whole(place: Place, sftp: str | None) -> None:
    dropped = drop(b"sealed", name="export.zip.pgp", server=place.server, key=UPLOADER, sftp=sftp)
    assert (dropped.path, dropped.size) == ("incoming/export.zip.pgp", 6)
    assert {each.name: each.read_bytes() for each in place.folder.iterdir()} == {"export.zip.pgp": b"sealed"}
    temporary = "/incoming/export.zip.pgp.part"
    assert [f"/{each.lstrip('/')}" for each in place.seen] in (
        [temporary, f"{temporary} -> /incoming/export.zip.pgp"],
        [temporary, f"{temporary} -> incoming/export.zip.pgp"],
    )


def test_another_districts_key_uploads_nothing(place: Place, sftp: str | None) -> None:
    with pytest.raises(DeliveryError, match="ermission"):
        drop(b"sealed", name="export.zip.pgp", server=place.server, key=new_ssh_key("other"), sftp=sftp)
    assert list(place.folder.iterdir()) == []


def test_a_server_with_another_host_key_gets_nothing(place: Place, sftp: str | None) -> None:
    strange = SftpServer(
        host=place.server.host, port=place.server.port, account="duval", host_key=new_ssh_key("x").public.rpartition(" ")[0]
    )
    with pytest.raises(DeliveryError):
        drop(b"sealed", name="export.zip.pgp", server=strange, key=UPLOADER, sftp=sftp)
    assert place.seen == []


@pytest.mark.parametrize("name", ["a\nrm *", "../x", ".hidden", "a b", 'a"b', "", "x" * 121])
def test_a_name_that_a_batch_could_misread_is_refused(name: str) -> None:
    nowhere = SftpServer(host="127.0.0.1", port=9, account="duval", host_key="ssh-ed25519 AAAA")
    with pytest.raises(DeliveryError, match="file name"):
        drop(b"sealed", name=name, server=nowhere, key=UPLOADER)


def test_secret_halves_show_in_no_repr() -> None:
    assert "PRIVATE" not in repr(DISTRICT) + repr(UPLOADER)
