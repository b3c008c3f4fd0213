"""SFTP as AWS Transfer serves it: under the account's role, into S3 with everything S3 does, and nothing half."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import FXP_WRITE
from asyncssh.packet import String, UInt64

from local.cloud.server import Cloud
from tests.flow.cloud.building import (
    Stack,
    a_bucket,
    a_key,
    a_name,
    a_role,
    allow,
    encrypt_by,
    for_role,
    messages,
    object_events_of,
    role_arn,
    until,
)

pytestmark = pytest.mark.flow

UNFINISHED = "incoming/*.part"
READ_ONLY_WRITE = 0x02
CREATE, TRUNCATE, APPEND = 0x08, 0x10, 0x04


@dataclass(frozen=True)
class Account:
    """An SFTP account of one district: `/incoming` to write, `/outbox` to read."""

    cloud: Cloud
    user: str
    bucket: str
    role: str
    key: asyncssh.SSHKey

    def use(self, work: Callable[[asyncssh.SFTPClient], Awaitable[Any]]) -> Any:
        """Do something in one connection."""

        async def connected() -> Any:
            async with await connect(self) as connection, connection.start_sftp_client() as client:
                return await work(client)

        return asyncio.run(asyncio.wait_for(connected(), 30))

    def put(self, path: str, content: bytes = b"roster") -> None:
        async def work(client: asyncssh.SFTPClient) -> None:
            async with client.open(path, "wb") as file:
                await file.write(content)

        self.use(work)

    def stored(self) -> dict[str, bytes]:
        """What is in the bucket."""
        s3 = self.cloud.session().client("s3")
        listed = s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {entry["Key"]: s3.get_object(Bucket=self.bucket, Key=entry["Key"])["Body"].read() for entry in listed}


async def connect(account: Account) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        "127.0.0.1",
        account.cloud.sftp_port,
        username=account.user,
        client_keys=[account.key],
        known_hosts=None,
        config=None,
        agent_path=None,
        connect_timeout=10,
    )


def a_server(cloud: Cloud) -> str:
    transfer = cloud.session().client("transfer")
    servers = transfer.list_servers()["Servers"]
    return servers[0]["ServerId"] if servers else transfer.create_server(Protocols=["SFTP"])["ServerId"]


def an_account(cloud: Cloud, *, service: str = "transfer.amazonaws.com") -> Account:
    bucket, user = a_bucket(cloud, events=True), a_name("district")
    everything = f"arn:aws:s3:::{bucket}"
    role = a_role(
        cloud,
        allow("s3:PutObject", f"{everything}/incoming/*"),
        allow(["s3:GetObject", "s3:DeleteObject"], f"{everything}/{UNFINISHED}"),
        allow("s3:GetObject", f"{everything}/outbox/*"),
        allow("s3:ListBucket", everything, StringLike={"s3:prefix": ["outbox/*"]}),
        service=service,
    )
    key = asyncssh.generate_private_key("ssh-ed25519")
    mappings = [{"Entry": f"/{folder}", "Target": f"/{bucket}/{folder}"} for folder in ("incoming", "outbox")]
    cloud.session().client("transfer").create_user(
        ServerId=a_server(cloud),
        UserName=user,
        Role=role_arn(role),
        HomeDirectoryType="LOGICAL",
        HomeDirectoryMappings=mappings,
        SshPublicKeyBody=key.export_public_key().decode(),
    )
    return Account(cloud, user, bucket, role, key)


@pytest.fixture(scope="module")
def district(cloud: Cloud) -> Account:
    return an_account(cloud)


def refused(account: Account, work: Callable[[asyncssh.SFTPClient], Awaitable[Any]]) -> bool:
    try:
        account.use(work)
    except asyncssh.SFTPPermissionDenied:
        return True
    return False


def test_upload_is_an_object_with_version_and_event(cloud: Cloud) -> None:
    account = an_account(cloud)
    url = object_events_of(cloud, account.bucket)
    account.put("/incoming/roster.zip.part")
    account.use(lambda client: client.rename("/incoming/roster.zip.part", "/incoming/roster.zip"))
    found: list[dict[str, Any]] = []
    until(lambda: found.extend(messages(cloud, url)) or len(found) >= 3)
    created = {e["detail"]["object"]["key"]: e["detail"] for e in found if e["detail-type"] == "Object Created"}
    version = cloud.session().client("s3").head_object(Bucket=account.bucket, Key="incoming/roster.zip")["VersionId"]
    assert set(created) == {"incoming/roster.zip.part", "incoming/roster.zip"}
    assert created["incoming/roster.zip"]["object"]["version-id"] == version
    assert account.stored() == {"incoming/roster.zip": b"roster"}


def is_a_real_write(cloud: Cloud) -> bool:
    account = an_account(cloud)
    account.put("/incoming/roster.zip")
    return "VersionId" in cloud.session().client("s3").head_object(Bucket=account.bucket, Key="incoming/roster.zip")


def test_emulators_own_uploads_have_no_version(cloud: Cloud, unmended: Cloud) -> None:
    assert is_a_real_write(cloud)
    assert not is_a_real_write(unmended)


def test_upload_is_encrypted_as_the_bucket_says_and_needs_the_key(cloud: Cloud) -> None:
    account = an_account(cloud)
    encrypt_by(cloud, account.bucket, key := a_key(cloud, for_role(account.role, ["kms:GenerateDataKey", "kms:Decrypt"])))
    account.put("/incoming/one.zip")
    assert cloud.session().client("s3").head_object(Bucket=account.bucket, Key="incoming/one.zip")["SSEKMSKeyId"] == key
    encrypt_by(cloud, account.bucket, a_key(cloud))
    with pytest.raises(asyncssh.SFTPPermissionDenied):
        account.put("/incoming/two.zip")


@pytest.mark.parametrize(
    "work",
    [
        lambda client: client.open("/incoming/there.zip", "rb"),
        lambda client: client.open("/outbox/new", "wb"),
        lambda client: client.remove("/incoming/there.zip"),
        lambda client: client.remove("/outbox/receipt.json"),
        lambda client: client.rename("/incoming/there.zip", "/incoming/other.zip"),
        lambda client: client.rename("/outbox/receipt.json", "/incoming/receipt.json"),
        lambda client: client.listdir("/incoming"),
        lambda client: client.mkdir("/outbox/folder"),
        lambda client: client.stat("/incoming/there.zip"),
    ],
    ids=["read back", "write outbox", "remove", "remove receipt", "rename final", "rename receipt", "list incoming", "mkdir", "stat"],
)
def test_what_the_role_may_not_is_refused(district: Account, work: Callable[[asyncssh.SFTPClient], Awaitable[Any]]) -> None:
    s3 = district.cloud.session().client("s3")
    for key in ("incoming/there.zip", "outbox/receipt.json"):
        s3.put_object(Bucket=district.bucket, Key=key, Body=b"x")
    before = district.stored()
    assert refused(district, work)
    assert district.stored() == before


def test_what_the_role_may_is_done(district: Account) -> None:
    district.cloud.session().client("s3").put_object(Bucket=district.bucket, Key="outbox/receipt.json", Body=b"receipt")

    async def fetch(client: asyncssh.SFTPClient) -> tuple[list[str], list[str], bytes]:
        async with client.open("/outbox/receipt.json", "rb") as file:
            return sorted(await client.listdir("/")), sorted(await client.listdir("/outbox")), await file.read()

    root, outbox, content = district.use(fetch)
    assert [name for name in root if name not in (".", "..")] == ["incoming", "outbox"]
    assert "receipt.json" in outbox
    assert content == b"receipt"


@pytest.mark.parametrize(
    "path",
    ["/..", "/../..", "/elsewhere/x", "/x", "/incoming/../../x", "/incoming/../x", "/incomings/x", "/\udcff/x", "/outbox/../../incoming/x"],
)
def test_path_outside_the_mappings_is_refused(district: Account, path: str) -> None:
    raw = path.encode("utf-8", "surrogateescape")
    assert refused(district, lambda client: client.open(raw, "wb"))
    assert refused(district, lambda client: client.listdir(raw))
    assert refused(district, lambda client: client.stat(raw))


def test_path_may_go_round_inside_the_mappings(district: Account) -> None:
    district.put("/outbox/../incoming/./round.part")
    assert "incoming/round.part" in district.stored()


def test_account_in_path_mode_stays_in_its_bucket(cloud: Cloud) -> None:
    own, other, user = a_bucket(cloud), a_bucket(cloud), a_name("district")
    key = asyncssh.generate_private_key("ssh-ed25519")
    role = a_role(cloud, allow("s3:*", [f"arn:aws:s3:::{own}", f"arn:aws:s3:::{own}/home/*"]), service="transfer.amazonaws.com")
    cloud.session().client("transfer").create_user(
        ServerId=a_server(cloud),
        UserName=user,
        Role=role_arn(role),
        HomeDirectory=f"/{own}/home",
        SshPublicKeyBody=key.export_public_key().decode(),
    )
    account = Account(cloud, user, own, role, key)
    account.put("relative.zip")
    account.put(f"/{own}/home/absolute.zip")
    assert set(account.stored()) == {"home/relative.zip", "home/absolute.zip"}
    for path in (f"/{other}/x", f"/{own}/x", "../x", f"/{own}/home/../../{other}/x"):
        assert refused(account, lambda client, path=path: client.open(path, "wb")), path


def test_foreign_key_and_foreign_name_are_not_let_in(cloud: Cloud) -> None:
    one, two = an_account(cloud), an_account(cloud)
    for wrong in (Account(cloud, one.user, one.bucket, one.role, two.key), Account(cloud, "nobody", one.bucket, one.role, one.key)):
        with pytest.raises(asyncssh.PermissionDenied):
            wrong.put("/incoming/x")


def test_role_that_does_not_trust_transfer_opens_nothing(cloud: Cloud) -> None:
    account = an_account(cloud, service="lambda.amazonaws.com")
    with pytest.raises(asyncssh.SFTPPermissionDenied):
        account.put("/incoming/x.part")


def test_second_public_key_works_too(cloud: Cloud) -> None:
    account = an_account(cloud)
    other = asyncssh.generate_private_key("ssh-ed25519")
    cloud.session().client("transfer").import_ssh_public_key(
        ServerId=a_server(cloud), UserName=account.user, SshPublicKeyBody=other.export_public_key().decode()
    )
    Account(cloud, account.user, account.bucket, account.role, other).put("/incoming/x.part")
    assert "incoming/x.part" in account.stored()


def break_an_upload(account: Account) -> None:
    """Begin a file and end the connection without closing it."""

    async def break_off() -> None:
        connection = await connect(account)
        client = await connection.start_sftp_client()
        file = await client.open("/incoming/cut.csv", "wb")
        await file.write(b"half a roster")
        client.exit()
        await client.wait_closed()
        connection.close()
        await connection.wait_closed()

    asyncio.run(asyncio.wait_for(break_off(), 30))


def test_upload_whose_connection_breaks_is_not_stored(cloud: Cloud, unmended: Cloud) -> None:
    account, elsewhere = an_account(cloud), an_account(unmended)
    break_an_upload(elsewhere)
    until(lambda: "incoming/cut.csv" in elsewhere.stored())
    break_an_upload(account)
    account.put("/incoming/after.part")
    assert set(account.stored()) == {"incoming/after.part"}


def test_appending_and_resuming_are_refused(district: Account) -> None:
    district.put("/incoming/whole.zip", b"first")
    for flags in (READ_ONLY_WRITE | APPEND, READ_ONLY_WRITE | CREATE, READ_ONLY_WRITE | CREATE | APPEND, READ_ONLY_WRITE | 0x01):
        with pytest.raises(asyncssh.SFTPOpUnsupported):
            district.use(lambda client, flags=flags: client.open("/incoming/whole.zip", flags))
    assert district.stored()["incoming/whole.zip"] == b"first"


def test_upload_with_a_hole_is_refused(district: Account) -> None:
    async def skip(client: asyncssh.SFTPClient) -> None:
        file = await client.open("/incoming/hole.zip", "wb")
        await file.write(b"tail", 100)
        await file.close()

    with pytest.raises(asyncssh.SFTPFailure):
        district.use(skip)
    assert "incoming/hole.zip" not in district.stored()


def test_replaced_upload_keeps_the_older_version(district: Account) -> None:
    district.put("/incoming/twice.zip", b"first")
    district.put("/incoming/twice.zip", b"second")
    versions = district.cloud.session().client("s3").list_object_versions(Bucket=district.bucket, Prefix="incoming/twice.zip")["Versions"]
    assert len(versions) == 2
    assert district.stored()["incoming/twice.zip"] == b"second"


async def padded(client: asyncssh.SFTPClient) -> None:
    """Write as rclone 1.60 does: bytes follow the data inside the packet."""
    file = await client.open("/incoming/padded.part", "wb")
    handler = client._handler
    await handler._make_request(FXP_WRITE, String(file._handle), UInt64(0), String(b"roster"), b"\0" * 4096)
    await file.close()


def test_padding_after_a_write_is_ignored(cloud: Cloud, unmended: Cloud) -> None:
    account = an_account(cloud)
    account.use(padded)
    assert account.stored() == {"incoming/padded.part": b"roster"}
    with pytest.raises((asyncssh.SFTPError, asyncssh.Error)):
        an_account(unmended).use(padded)


def test_setting_times_is_refused_unless_the_server_ignores_it(cloud: Cloud, district: Account) -> None:
    district.put("/incoming/timed.part")
    with pytest.raises(asyncssh.SFTPOpUnsupported):
        district.use(lambda client: client.utime("/incoming/timed.part", (1, 1)))


def test_large_upload_arrives_whole(district: Account) -> None:
    content = os.urandom(3_000_000)
    district.put("/incoming/large.part", content)
    assert district.stored()["incoming/large.part"] == content


def test_every_operation_is_in_the_counts_under_the_accounts_role(cloud: Cloud) -> None:
    account = an_account(cloud)
    account.put("/incoming/a.part")
    account.use(lambda client: client.rename("/incoming/a.part", "/incoming/a"))
    assert refused(account, lambda client: client.open("/incoming/a", "rb"))
    asked = {(one["action"], one["refused"]) for one in cloud.calls()["actions"] if one["role"] == account.role}
    assert asked == {("s3:PutObject", False), ("s3:GetObject", False), ("s3:DeleteObject", False), ("s3:GetObject", True)}


def test_openssh_client_drops_a_roster(cloud: Cloud, tmp_path: Path) -> None:
    if not shutil.which("sftp"):
        if os.environ.get("CI") == "true":
            pytest.fail("the sftp client is missing")
        pytest.skip("the sftp client (OpenSSH) is not on this machine")
    account = an_account(cloud)
    identity, roster = tmp_path / "identity", tmp_path / "roster.zip"
    identity.touch(mode=0o600)
    identity.write_bytes(account.key.export_private_key("openssh"))
    roster.write_bytes(b"roster")
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "BatchMode=yes", "IdentityAgent=none"]
    command = ["sftp", "-q", "-F", "/dev/null", "-b", "-", "-P", str(cloud.sftp_port), "-i", str(identity)]
    command += [part for option in options for part in ("-o", option)]
    batch = (
        f"put {roster} /incoming/roster.zip.part\nrename /incoming/roster.zip.part /incoming/roster.zip\nls /\n-ls /..\n-put {roster} /x\n"
    )
    done = subprocess.run([*command, f"{account.user}@127.0.0.1"], input=batch, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert account.stored() == {"incoming/roster.zip": b"roster"}
    assert "incoming" in done.stdout


def test_accounts_of_a_template_have_all_their_keys_and_follow_updates(cloud: Cloud) -> None:
    account = an_account(cloud)
    stack, user = Stack(cloud), a_name("district")
    first, second, third = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(3))

    def made(*keys: asyncssh.SSHKey, folder: str = "incoming") -> str:
        properties = {
            "ServerId": a_server(cloud),
            "UserName": user,
            "Role": role_arn(account.role),
            "HomeDirectoryType": "LOGICAL",
            "HomeDirectoryMappings": [{"Entry": f"/{folder}", "Target": f"/{account.bucket}/incoming"}],
            "SshPublicKeys": [key.export_public_key().decode() for key in keys],
        }
        return stack.deploy(Account={"Type": "AWS::Transfer::User", "Properties": properties})

    def let_in(key: asyncssh.SSHKey, folder: str = "incoming") -> bool:
        try:
            Account(cloud, user, account.bucket, account.role, key).put(f"/{folder}/x.part")
        except (asyncssh.PermissionDenied, asyncssh.SFTPPermissionDenied):
            return False
        return True

    assert made(first, second) == "CREATE_COMPLETE"
    assert [let_in(key) for key in (first, second, third)] == [True, True, False]
    assert made(second, third, folder="drop") == "UPDATE_COMPLETE"
    assert [let_in(key, "drop") for key in (first, second, third)] == [False, True, True]
    assert not let_in(second, "incoming")
    stack.delete()
    assert not let_in(second, "drop")
