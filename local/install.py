"""`make setup`: everything that FirstCard needs on this machine, from locked lists, with nothing but Python beforehand.

Runs on the bare Python (standard library only). Safe to repeat: a part whose list has not changed is left as it is, and then nothing is fetched.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
OLDEST = (3, 11)
ENVIRONMENTS = (("dev", ".venv", "the project's own packages, with Node"), ("cloud", ".venv-cloud", "the one-machine cloud"))


def say(text: str) -> None:
    """One line, at once."""
    print(text, flush=True)


def install(name: str, folder: str, what: str) -> bool:
    """An environment from its lock file; False if it is current already."""
    lock = ROOT / "requirements" / f"{name}.txt"
    stamp = ROOT / folder / "firstcard.stamp"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    say(
        f"  {what}: {sum(line.startswith('    --hash') is False and '==' in line for line in lock.read_text().splitlines())} packages into {folder}"
    )
    venv.EnvBuilder(with_pip=True, clear=True, symlinks=os.name != "nt").create(ROOT / folder)
    python = ROOT / folder / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--require-hashes", "--disable-pip-version-check", "--no-input", "-r", str(lock)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    last: list[str] = []
    seen = 0
    for line in process.stdout:
        last = [*last[-20:], line]
        seen += line.startswith(("Collecting", "Requirement already"))
        if line.startswith("Collecting") and seen % 25 == 0:
            say(f"    {seen} packages looked up …")
        if line.startswith("Installing collected"):
            say("    installing them …")
    if process.wait():
        sys.exit(f"the packages of {lock.name} could not be installed:\n{''.join(last)}")
    stamp.write_text(wanted)
    return True


def place_command() -> None:
    """The command `firstcard` and the project's own modules, in the project's environment."""
    python = ROOT / ".venv" / "bin" / "python"
    asked = [str(python), "-c", "import site; print(site.getsitepackages()[0])"]
    site = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    (site / "firstcard-project.pth").write_text(f"{ROOT}\n{ROOT / 'layers' / 'firstcard' / 'python'}\n")
    command = ROOT / ".venv" / "bin" / "firstcard"
    command.write_text(f"#!{python}\nfrom cli.main import main\n\nmain()\n")
    command.chmod(0o755)


def in_project(code: str) -> None:
    """Run a line of Python in the project's environment."""
    done = subprocess.run([str(ROOT / ".venv" / "bin" / "python"), "-c", code], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def main() -> None:
    """Install what is missing; the time it took goes to .build/setup.json."""
    if sys.version_info < OLDEST:
        sys.exit(
            f"FirstCard needs Python {'.'.join(map(str, OLDEST))} or later; this is {sys.version.split()[0]}. Say which: make PYTHON=python3.12 setup"
        )
    begun = time.monotonic()
    BUILD.mkdir(exist_ok=True)
    fresh = [install(*environment) for environment in ENVIRONMENTS]
    place_command()
    in_project("from local.cloud.deploy import install_cdk; install_cdk()")
    in_project("from local.layers import build_layers, target_named; build_layers(target_named('this'))")
    seconds = time.monotonic() - begun
    (BUILD / "setup.json").write_text(json.dumps({"seconds": round(seconds, 1)}))
    if any(fresh):
        say(f"  ready after {seconds:.0f} s")


if __name__ == "__main__":
    main()
