"""Builds the third-party layers of the functions from their hashed lock files, for this machine or for AWS.

``python -m local.layers`` builds ``.build/layers/<bundle>/python`` for this machine's Python; ``--target aws`` builds ``.build/layers-aws/<bundle>/python``
for Lambda's Python 3.13 on arm64, from wheels only: no Docker, no compiler. A bundle whose lock file has not changed is not touched, so a second run
needs no network.
"""

import argparse
import hashlib
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUNDLES = ("base", "crypto", "openpgp", "mail", "match")
LAMBDA_WHEELS = (
    "--platform=manylinux2014_aarch64",
    "--platform=manylinux_2_28_aarch64",
    "--python-version=3.13",
    "--implementation=cp",
)
RIDES_ALONG = ("tests", "__pycache__", "botocore", "boto3", "bin")
"""What a layer does not need: tests, byte code of another Python, and the AWS client that Lambda brings itself."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A machine that layers are built for."""

    name: str
    folder: Path
    pip_options: tuple[str, ...]

    @property
    def identity(self) -> str:
        """What a built bundle depends on beside its lock file: the interpreter and the platform."""
        if self.pip_options:
            return " ".join(self.pip_options)
        return f"{sys.implementation.cache_tag} {platform.system()} {platform.machine()}"


def target_named(name: str, build: Path = ROOT / ".build") -> Target:
    """The target ``this`` (this machine) or ``aws`` (Lambda, Python 3.13, arm64)."""
    if name == "aws":
        return Target(name=name, folder=build / "layers-aws", pip_options=LAMBDA_WHEELS)
    return Target(name=name, folder=build / "layers", pip_options=())


def build_layers(target: Target, bundles: Iterable[str] = BUNDLES) -> dict[str, int]:
    """Make each bundle as it should be and tell its size in bytes.

    Raises ``subprocess.CalledProcessError`` where pip cannot find a wheel or a hash differs.
    """
    return {bundle: _build(target, bundle) for bundle in bundles}


def _build(target: Target, bundle: str) -> int:
    lock = ROOT / "layers" / bundle / "requirements.txt"
    stamp = target.folder / f"{bundle}.stamp.json"
    folder = target.folder / bundle
    wanted = {"lock": hashlib.sha256(lock.read_bytes()).hexdigest(), "target": target.identity}
    if not (folder.is_dir() and stamp.is_file() and json.loads(stamp.read_text()) == wanted):
        stamp.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        _install(lock, folder / "python", target.pip_options)
        _strip(folder / "python")
        stamp.write_text(json.dumps(wanted))
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _install(lock: Path, folder: Path, options: tuple[str, ...]) -> None:
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile"]
    subprocess.run([*command, "--disable-pip-version-check", *options, "--target", str(folder), "-r", str(lock)], check=True)


def _strip(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), key=lambda found: len(found.parts)):
        if path.is_dir() and path.name in RIDES_ALONG:
            shutil.rmtree(path)


def main() -> None:
    """Build what the command line asks for and print the sizes."""
    parser = argparse.ArgumentParser(prog="python -m local.layers", description="Build the functions' layers from their lock files.")
    parser.add_argument("--target", choices=("this", "aws"), default="this")
    target = target_named(parser.parse_args().target)
    for bundle, size in build_layers(target).items():
        print(f"{target.folder.relative_to(ROOT)}/{bundle}: {size / 1_000_000:.1f} MB")


if __name__ == "__main__":
    main()
