"""Only this machine, and only two ports."""

import socket
from pathlib import Path

import pytest

from local.cloud.server import Cloud
from tests.flow.cloud.test_sftp import a_server

pytestmark = pytest.mark.flow

LISTENING = "0A"


def listening(process_id: int) -> set[tuple[str, int]]:
    """Addresses and ports on which a process listens (proc(5): /proc/net/tcp)."""
    descriptors = Path(f"/proc/{process_id}/fd")
    own = {str(entry.readlink()) for entry in descriptors.iterdir() if entry.is_symlink()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process_id}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == LISTENING and f"socket:[{fields[9]}]" in own:
                shown = socket.inet_ntoa(bytes.fromhex(address)[::-1]) if table == "tcp" else address
                found.add((shown, int(port, 16)))
    return found


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="this system does not show a process's sockets in /proc")
def test_only_the_two_chosen_ports_of_loopback_are_open(cloud: Cloud) -> None:
    a_server(cloud)
    assert listening(cloud.process_id) == {("127.0.0.1", cloud.port), ("127.0.0.1", cloud.sftp_port)}
