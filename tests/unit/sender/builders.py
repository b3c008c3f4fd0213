"""Agreements at each level of protection, and GnuPG as the one whose word counts on what a message is."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import pytest

from firstcard.agreement import Agreement, load_agreement

EXAMPLE = Path(__file__).parents[3] / "agreements" / "jacksonville.yaml"
MIB = 1 << 20
A_ROSTER = b"student_id,last_name\r\n" + b"".join(b"%08d,Kealoha\r\n" % (n * 7919) for n in range(4000))


def an_agreement(protection: str = "signed", signers: tuple[str, ...] = ()) -> Agreement:
    """The example agreement with another clause on protection."""
    agreement = load_agreement(EXAMPLE)
    return agreement.model_copy(update={"exchange": agreement.exchange.model_copy(update={"protection": protection, "signers": signers})})


def gpg_or_skip() -> str:
    """The program, or the end of the test: skipped where a person works, failed where CI=true."""
    found = shutil.which("gpg")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("GnuPG is missing, and CI must try against it")
    if found is None:
        pytest.skip("GnuPG is not installed")
    return found


class Gnupg:
    """A key ring of its own, made for one test session."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._gpg = gpg_or_skip()
        home.chmod(0o700)

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        """What gpg writes; a failure shows what it said."""
        command = [self._gpg, "--homedir", str(self.home), "--batch", "--yes", "--quiet", "--no-tty", "--trust-model", "always"]
        done = subprocess.run(
            [*command, "--pinentry-mode", "loopback", "--passphrase", "", *arguments], input=given, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def stream(self, *arguments: str, given: Iterable[bytes], out: IO[bytes]) -> None:
        """As ``run``, for content that is larger than memory should be."""
        command = [self._gpg, "--homedir", str(self.home), "--batch", "--yes", "--quiet", "--no-tty", "--trust-model", "always"]
        with subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE, stdout=out) as process:
            assert process.stdin is not None
            for piece in given:
                process.stdin.write(piece)
        assert process.returncode == 0

    def make(self, name: str, signing: str = "ed25519", decrypting: str = "cv25519") -> str:
        """The fingerprint of a new key pair."""
        self.run("--quick-generate-key", f"{name} <{name}@example.org>", signing, "sign,cert", "never")
        listed = self.run("--with-colons", "--list-keys", f"{name}@example.org").decode()
        fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        self.run("--quick-add-key", fingerprint, decrypting, "encr", "never")
        return fingerprint

    def public(self, fingerprint: str) -> str:
        """The armoured public half."""
        return self.run("--armor", "--export", fingerprint).decode()

    def secret(self, fingerprint: str) -> str:
        """The armoured secret half."""
        return self.run("--armor", "--export-secret-keys", fingerprint).decode()

    def close(self) -> None:
        """End the agent of this key ring, and of no other."""
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False, capture_output=True)
