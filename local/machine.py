"""Everything on one machine: the emulator, the library's stand-in, the templates deployed to it unchanged."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import yaml
from botocore.config import Config

from local.cloud.deploy import bootstrap, deploy
from local.cloud.server import ACCOUNT, REGION, ROOT, Cloud
from local.district.delivery import SftpServer, host_key
from local.layers import build_layers, target_named
from local.programme import Programme, agreements_of, lay_out

Report = Callable[[str], None]
DESK = "one-machine-desk"
"""A role of this machine only: reads everything for cross-checks, fills secrets, sends a later schedule event."""


class MachineError(Exception):
    """The one machine could not be set up; the message says which part."""


@dataclass
class LibrarySystem:
    """A library's stand-in ILS in a process of its own."""

    library: str
    folder: Path
    branches: Sequence[str]
    patron_types: Sequence[str]
    token_attribute: str
    port: int = 0
    endpoint: str = ""
    page: str = ""
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def database(self) -> Path:
        """Its patrons, in SQLite."""
        return self.folder / f"{self.library}.sqlite"

    @property
    def exchanges(self) -> Path:
        """Every request and answer, one JSON object a line."""
        return self.folder / f"{self.library}.exchanges.jsonl"

    @property
    def access(self) -> dict[str, str]:
        """What FirstCard signs in with: worth something on this machine only."""
        return {"client_id": "firstcard", "client_secret": f"on-one-machine-{self.library}"}

    def start(self, cloud: Cloud) -> Self:
        """Start it and wait for its first line."""
        self.folder.mkdir(parents=True, exist_ok=True)
        rules = self.folder / f"{self.library}.rules.json"
        rules.write_text(
            json.dumps(
                {
                    "name": f"{self.library} (stand-in)",
                    "branches": sorted(self.branches),
                    "patron_types": sorted(self.patron_types),
                    "attribute_types": {self.token_attribute: {"unique": True, "repeatable": False}},
                    "clients": {self.access["client_id"]: self.access["client_secret"]},
                }
            )
        )
        made = cloud.certificate
        command = [sys.executable, "-m", "local.ils.stand_in", "--db", str(self.database), "--rules", str(rules), "--port", str(self.port)]
        command += ["--cert", str(made.chain), "--key", str(made.key), "--exchanges", str(self.exchanges)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise MachineError(f"the stand-in of {self.library} did not start")
        said = json.loads(line)
        self.port, self.endpoint, self.page = said["port"], said["endpoint"], said["page"]
        return self

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


@dataclass
class Machine:
    """One machine with one or more programmes; a ``with`` block, or ``start()`` and ``stop()``.

    ``state`` keeps everything that must survive a restart. ``change`` overrides clauses of the example agreements, ``neighbours`` are more districts or
    libraries of the first one with clauses of their own, for tests.
    """

    state: Path
    programmes: Sequence[str]
    today: date
    report: Report = print
    change: Mapping[str, Any] = field(default_factory=dict)
    neighbours: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    deployed: list[Programme] = field(default_factory=list, init=False)
    libraries: dict[str, LibrarySystem] = field(default_factory=dict, init=False)
    seconds: dict[str, float] = field(default_factory=dict, init=False)
    _stack: ExitStack = field(default_factory=ExitStack, init=False, repr=False)

    def __post_init__(self) -> None:
        """The cloud is made, not started."""
        self.cloud = Cloud(state=self.state / "cloud")

    def start(self) -> Self:
        """Start the emulator and the libraries, synthesise, deploy, fill the secrets."""
        self.report("starting the one-machine cloud (TLS and IAM enforcement on)")
        self._stack.callback(self.cloud.stop)
        try:
            self.cloud.start()
            self._start_libraries()
            self.deployed = lay_out(
                self.programmes[0],
                only=tuple(self.programmes[1:]),
                folder=self.state,
                endpoints={name: system.endpoint for name, system in self.libraries.items()},
                today=self.today,
                change=self.change,
                neighbours=self.neighbours,
            )
            self._deploy()
            self._fill_secrets()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, *, keep: bool = True) -> None:
        """End what was started. The state stays, unless nobody will come back to it (``keep`` is false): then what the cloud holds is not written."""
        if not keep:
            self.cloud.end_at_once()
        self._stack.close()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self.stop()

    def _start_libraries(self) -> None:
        ports = self.state / "ils" / "ports.json"
        known: dict[str, int] = json.loads(ports.read_text()) if ports.exists() else {}
        agreements = [agreements_of(name, self.neighbours if name == self.programmes[0] else {}) for name in self.programmes]
        for library in dict.fromkeys(clauses["library"] for named in agreements for clauses in named.values()):
            clauses = yaml.safe_load((ROOT / "libraries" / f"{library}.yaml").read_text("utf-8"))
            system = LibrarySystem(
                library,
                self.state / "ils",
                list(clauses["branches"]),
                list(clauses["patron_types"]),
                clauses["ils"]["token_attribute"],
                port=known.get(library, 0),
            )
            self._stack.callback(system.stop)
            self.libraries[library] = system.start(self.cloud)
        ports.write_text(json.dumps({name: system.port for name, system in self.libraries.items()}))

    def synthesise(self) -> Path:
        """The templates, from the site of this machine, into ``state``/cdk.out."""
        build_layers(target_named("this"))
        out = self.state / "cdk.out"
        site = self.state / "site"
        command = [sys.executable, "app.py"]
        context = json.loads((ROOT / "cdk.json").read_text())["context"] | {"site": str(site)}
        environment = {**_paths(), "CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(out)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise MachineError(f"the templates could not be synthesised:\n{done.stderr[-4000:]}")
        return out

    def _deploy(self) -> None:
        self.report("synthesising the templates")
        assembly = self.synthesise()
        self.report("deploying them with the CDK, unchanged")
        bootstrap(self.cloud, report=self.report)
        deploy(self.cloud, assembly, ["FirstCardState", "FirstCardFamily"], report=self.report)
        deploy(self.cloud, assembly, (), {"FirstCardPipeline:RefuseUrl": self.refuse_url()}, report=self.report)

    def refuse_url(self) -> str:
        """Where the HTTP API of ``refuse`` answers on this machine."""
        apis = self.cloud.session().client("apigatewayv2").get_apis()["Items"]
        api = next(a for a in apis if a["Name"].startswith("firstcard"))
        return f"{self.cloud.endpoint}/_aws/execute-api/{api['ApiId']}/$default"

    def _fill_secrets(self) -> None:
        self._make_desk()
        secrets = self.cloud.session(DESK).client("secretsmanager")
        for programme in self.deployed:
            keys = json.dumps({"keys": [programme.keys.ours.secret]})
            secrets.put_secret_value(SecretId=f"firstcard/openpgp/{programme.agreement.district}", SecretString=keys)
        for name, system in self.libraries.items():
            secrets.put_secret_value(SecretId=f"firstcard/ils/{name}", SecretString=json.dumps(system.access))

    def _make_desk(self) -> None:
        iam = self.cloud.session().client("iam")
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}],
        }
        actions = [
            "dynamodb:Scan", "dynamodb:GetItem", "dynamodb:Query", "s3:ListBucket", "s3:ListBucketVersions", "s3:GetObject", "s3:GetObjectVersion",
            "secretsmanager:PutSecretValue", "lambda:InvokeFunction", "logs:*", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:PurgeQueue",
            "sqs:SendMessage", "states:List*", "states:Describe*", "states:GetExecutionHistory", "cloudformation:Describe*", "cloudformation:GetTemplate", "events:*", "cloudwatch:*", "kms:Decrypt", "kms:GenerateDataKey",
        ]  # fmt: skip
        existing = {r["RoleName"] for page in iam.get_paginator("list_roles").paginate() for r in page["Roles"]}
        if DESK not in existing:
            iam.create_role(RoleName=DESK, AssumeRolePolicyDocument=json.dumps(trust))
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        iam.put_role_policy(RoleName=DESK, PolicyName="desk", PolicyDocument=json.dumps(policy))

    def sftp(self, district: str) -> SftpServer:
        """Where a district drops its files."""
        port = self.cloud.sftp_port
        return SftpServer(host="127.0.0.1", port=port, account=district, host_key=host_key("127.0.0.1", port))

    def as_role(self, role: str) -> dict[str, str]:
        """The environment in which a command works under a role of this machine."""
        return {**_paths(), **self.cloud.environment(role)}

    def invoke_window(self, at: datetime) -> None:
        """Send ``window`` its schedule event of a later time, as the scheduler would on that day."""
        event = later_event(at)
        functions = self.cloud.session(DESK).client("lambda", config=Config(read_timeout=900))
        answer = functions.invoke(FunctionName="firstcard-window", Payload=json.dumps(event).encode())
        if "FunctionError" in answer:
            raise MachineError(f"window failed: {answer['Payload'].read()[:500]!r}")

    def drop_bucket(self, district: str) -> str:
        """The district's drop bucket."""
        return f"firstcard-drop-{district}-{ACCOUNT}-{REGION}"

    @property
    def vault_bucket(self) -> str:
        """The vault bucket."""
        return f"firstcard-vault-{ACCOUNT}-{REGION}"


def alone(path: Path) -> TextIO:
    """Hold a lock file for as long as this process lives. Raises MachineError if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = path.open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        raise MachineError(f"another one is running here already ({path.stem}); end it first") from None
    return held


def later_event(at: datetime) -> dict[str, Any]:
    """The schedule event as the scheduler would send it at ``at``."""
    time = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"source": "aws.events", "detail-type": "Scheduled Event", "account": ACCOUNT, "region": REGION, "time": time, "detail": {}}


def _paths() -> dict[str, str]:
    bin_ = str(Path(sys.executable).parent)
    path = os.pathsep.join([bin_, os.environ.get("PATH", "")])
    here = os.pathsep.join([str(ROOT / "layers" / "firstcard" / "python"), str(ROOT)])
    return {**os.environ, "PATH": path, "PYTHONPATH": here}
