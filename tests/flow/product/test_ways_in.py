"""The programs that districts really upload with, against the deployed machine: OpenSSH, lftp, rclone, the AWS CLI, a presigned address."""

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import asyncssh
import httpx
import pytest

from local.machine import Machine
from tests.flow.product.sharing import Sharing
from tests.flow.product.waiting import until_quiet

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600), pytest.mark.usefixtures("first_night")]

SECONDS = 60


def program(name: str, package: str) -> str:
    """Where a client lies; skips where this machine lacks it, fails there where ``CI=true``."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        reason = f"{name} is not installed (Debian: apt-get install {package})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run(*command: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a client as a nightly job would, and say what it said if it failed."""
    done = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-2000:]


class Desk:
    """A folder with what a nightly job has: the protected export, the account's key, the server's host key."""

    def __init__(self, folder: Path, district: Sharing) -> None:
        self.district = district
        self.server = district.machine.sftp(district.slug)
        self.file = folder / "export.zip.gpg"
        self.key = folder / "key"
        self.hosts = folder / "known_hosts"
        self.file.write_bytes(district.protected(district.export))
        self.key.write_text(district.programme.keys.sftp.private)
        self.key.chmod(0o600)
        self.hosts.write_text(f"[{self.server.host}]:{self.server.port} {self.server.host_key}\n")

    def lftp(self, name: str) -> None:
        ssh = f"ssh -a -x -F /dev/null -i {self.key} -o IdentitiesOnly=yes -o UserKnownHostsFile={self.hosts} -o StrictHostKeyChecking=yes"
        script = [
            f'set sftp:connect-program "{ssh}"',
            "set net:max-retries 1",
            "set xfer:use-temp-file yes",
            "set xfer:temp-file-name *.part",
            f"open -u {self.server.account}, -p {self.server.port} sftp://{self.server.host}",
            f"put {self.file} -o try/{name}",
            "bye",
        ]
        run(program("lftp", "lftp"), "--norc", "-c", "; ".join(script))

    def _rclone(self, *words: str) -> None:
        options = {
            "host": self.server.host,
            "port": str(self.server.port),
            "user": self.server.account,
            "key-file": str(self.key),
            "known-hosts-file": str(self.hosts),
            "set-modtime": "false",
        }
        flags = [f"--sftp-{name}={value}" for name, value in options.items()]
        run(program("rclone", "rclone"), *words, *flags, "--sftp-disable-hashcheck", "--config", os.devnull, "--retries", "1")

    def rclone(self, name: str) -> None:
        self._rclone("copyto", str(self.file), f":sftp:try/{name}.part")
        self._rclone("moveto", f":sftp:try/{name}.part", f":sftp:try/{name}")

    def aws_cli(self, name: str) -> None:
        environment = self.district.machine.as_role(f"firstcard-upload-{self.district.slug}")
        target = f"s3://{self.district.bucket}/try/{name}"
        run(program("aws", "awscli"), "s3", "cp", str(self.file), target, "--no-progress", environment=environment)

    def presigned(self, name: str) -> None:
        cloud = self.district.machine.cloud
        s3 = cloud.session(f"firstcard-upload-{self.district.slug}").client("s3")
        address = s3.generate_presigned_url("put_object", Params={"Bucket": self.district.bucket, "Key": f"try/{name}"}, ExpiresIn=300)
        trust = ssl.create_default_context(cafile=str(cloud.certificate.authority))
        with httpx.Client(verify=trust, trust_env=False, timeout=SECONDS) as http:
            assert http.put(address, content=self.file.read_bytes()).status_code == 200
            elsewhere = address.replace(f"try/{name}", "outbox/planted.html")
            assert http.put(elsewhere, content=b"x").status_code == 403


CLIENTS: Mapping[str, Callable[[Desk, str], None]] = {
    "lftp": Desk.lftp,
    "rclone": Desk.rclone,
    "aws-cli": Desk.aws_cli,
    "presigned": Desk.presigned,
}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_file_arrives_whole_once_and_under_its_final_name(client: str, machine: Machine, duval: Sharing, tmp_path: Path) -> None:
    """Into the trial folder, which changes nothing: its receipt shows that every byte came, for the signature covers them all."""
    desk, name = Desk(tmp_path, duval), f"by-{client}.zip.gpg"
    CLIENTS[client](desk, name)
    assert duval.until_tried(name)["rows"] == len(duval.district.students) + len(duval.district.staff)
    until_quiet(machine)
    tried = [receipt for receipt in map(json.loads, duval.trial_receipts().values()) if receipt["file_name"].startswith(f"by-{client}")]
    assert [receipt["file_name"] for receipt in tried] == [name]


def test_a_connection_that_breaks_leaves_nothing_and_the_same_file_goes_through_afterwards(machine: Machine, duval: Sharing) -> None:
    data, name = duval.protected(duval.export), "broken-off.zip.gpg"

    async def break_off(client: asyncssh.SFTPClient) -> None:
        half = await client.open(f"/incoming/{name}", "wb")
        await half.write(data[: len(data) // 2])
        client.exit()

    before = duval.state()
    duval.over_sftp(break_off)
    until_quiet(machine)
    assert duval.run_of(name) is None
    assert duval.state().digests == before.digests
    duval.drop(data, name, folder="try")
    assert duval.until_tried(name)["rows"]
