"""Deploy a synthesised assembly, unchanged, with the real CDK command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from local.cloud.server import ACCOUNT, REGION, ROOT, Cloud

TOOLS = ROOT / ".build" / "node"
PINNED = Path(__file__).parent / "node"
BOOTSTRAP_STACK = "CDKToolkit"

_EVENT = re.compile(
    r"^\s*(?P<stack>[\w-]+) \|\s*(?P<done>\d+)(?:/(?P<all>\d+))? \| (?P<time>\S.*?) \| (?P<status>[A-Z_]+)\s+\| (?P<kind>[\w:]+)\s+\| (?P<name>.*)$"
)

Report = Callable[[str], None]


class DeployError(Exception):
    """The CDK ended with an error; the message has its last lines."""


def _silent(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class CdkTool:
    """The CDK command line: Node from the project's environment, the CLI from `.build/node`."""

    node: Path
    script: Path


def install_cdk(tools: Path = TOOLS) -> CdkTool:
    """The pinned CDK CLI, installed with `npm ci` where it is not yet, or not in the pinned version."""
    node = ROOT / ".venv" / "bin" / "node"
    script = tools / "node_modules" / "aws-cdk" / "bin" / "cdk"
    wanted = json.loads((PINNED / "package.json").read_text())["dependencies"]["aws-cdk"]
    installed = tools / "node_modules" / "aws-cdk" / "package.json"
    if not (script.exists() and installed.exists() and json.loads(installed.read_text())["version"] == wanted):
        tools.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(PINNED / name, tools / name)
        command = [str(ROOT / ".venv" / "bin" / "npm"), "ci", "--no-audit", "--no-fund", "--no-update-notifier"]
        done = subprocess.run(
            command, cwd=tools, env={**os.environ, "PATH": _path()}, capture_output=True, text=True, timeout=600, check=False
        )
        if done.returncode:
            raise DeployError(f"npm ci failed:\n{done.stderr[-2000:]}")
    return CdkTool(node, script)


def _path() -> str:
    return os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ.get("PATH", "")])


def _environment(cloud: Cloud) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    quiet = {"CI": "true", "NO_COLOR": "1", "CDK_DISABLE_CLI_TELEMETRY": "true", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"}
    return {**passed_on, **quiet, "PATH": _path(), **cloud.environment()}


def progress(line: str) -> str | None:
    """One short line for a finished resource in the CDK's output, or None for everything else."""
    event = _EVENT.match(line)
    if event is None or not event["status"].endswith(("_COMPLETE", "_FAILED")):
        return None
    part = f"{event['done']}/{event['all']}" if event["all"] else event["done"]
    return f"{event['stack']} {part} {event['status']} {event['kind']} {event['name'].strip()}"


def _lines(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    assert process.stdout is not None
    last: list[str] = []
    try:
        for line in process.stdout:
            last = [*last[-40:], line.rstrip()]
            yield line.rstrip()
        if process.wait(60):
            raise DeployError("the CDK failed:\n" + "\n".join(last))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        process.stdout.close()


def _cdk(cloud: Cloud, arguments: Sequence[str], report: Report, tool: CdkTool | None) -> None:
    found = tool or install_cdk()
    environment = _environment(cloud)
    Path(environment["CDK_HOME"]).mkdir(parents=True, exist_ok=True)
    command = [str(found.node), str(found.script), *arguments, "--no-color", "--no-notices", "--ci"]
    for line in _lines(command, environment, cloud.state):
        if said := progress(line):
            report(said)


def is_bootstrapped(cloud: Cloud) -> bool:
    """Whether the account already has the CDK's own stack."""
    try:
        stacks = cloud.session().client("cloudformation").describe_stacks(StackName=BOOTSTRAP_STACK)["Stacks"]
    except ClientError:
        return False
    return bool(stacks) and stacks[0]["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def bootstrap(cloud: Cloud, *, report: Report = _silent, tool: CdkTool | None = None) -> bool:
    """Prepare the account for the CDK, once; whether there was anything to do. Raises DeployError."""
    if is_bootstrapped(cloud):
        return False
    _cdk(cloud, ["bootstrap", f"aws://{ACCOUNT}/{REGION}"], report, tool)
    return True


def deploy(
    cloud: Cloud,
    assembly: Path,
    stacks: Sequence[str] = (),
    parameters: Mapping[str, str] | None = None,
    *,
    report: Report = _silent,
    concurrency: int = 4,
    tool: CdkTool | None = None,
) -> dict[str, dict[str, str]]:
    """Deploy stacks (all, where none is named) of an assembly directory; the outputs of each stack.

    `parameters` are `Name` or `Stack:Name` to value. `report` gets one line for each finished resource. Raises DeployError.
    """
    outputs = cloud.state / "outputs.json"
    outputs.unlink(missing_ok=True)
    arguments = ["deploy", *(stacks or ["--all"]), "--app", str(assembly.resolve()), "--require-approval", "never", "--progress", "events"]
    arguments += ["--outputs-file", str(outputs), "--concurrency", str(concurrency), "--asset-parallelism"]
    for name, value in (parameters or {}).items():
        arguments += ["--parameters", f"{name}={value}"]
    _cdk(cloud, arguments, report, tool)
    made: dict[str, dict[str, str]] = json.loads(outputs.read_text()) if outputs.exists() else {}
    return made
