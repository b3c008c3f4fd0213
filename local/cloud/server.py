"""Start and stop the one-machine cloud as a process of its own, and talk to it under roles."""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import botocore.loaders
import botocore.session
import httpx
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "000000000000"
REGION = "us-east-1"
START_SECONDS = 60.0
STOP_SECONDS = 40.0
CALL_SECONDS = 60


class CloudError(Exception):
    """The one-machine cloud did not start, or did not answer."""


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate for this machine and of the authority that signed it."""

    authority: Path
    chain: Path
    key: Path


def _usable(path: Path, now: dt.datetime) -> bool:
    if not path.exists():
        return False
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc > now + dt.timedelta(days=2)
    except ValueError:
        return False


def make_certificate(folder: Path, *, now: dt.datetime) -> Certificate:
    """An own authority and a certificate of it for 127.0.0.1 and localhost, kept in `folder` until two days before they expire."""
    made = Certificate(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    if _usable(made.authority, now) and _usable(made.chain, now) and made.key.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "FirstCard one-machine cloud")])
    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start, end = now - dt.timedelta(hours=1), now + dt.timedelta(days=90)

    def usage(*, signs: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=signs,
            crl_sign=signs,
            encipher_only=False,
            decipher_only=False,
        )

    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        x509.CertificateBuilder()
        .subject_name(authority_name)
        .issuer_name(authority_name)
        .public_key(authority_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(signs=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        x509.CertificateBuilder()
        .subject_name(server_name)
        .issuer_name(authority_name)
        .public_key(server_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(server_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    made.authority.write_bytes(authority.public_bytes(pem))
    made.chain.write_bytes(server.public_bytes(pem) + authority.public_bytes(pem))
    made.key.touch(mode=0o600)
    made.key.write_bytes(server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return made


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port(preferred: int, taken: int = 0) -> int:
    if preferred and preferred != taken and _is_free(preferred):
        return preferred
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port != taken:
            return port


@functools.cache
def _service_models() -> botocore.loaders.Loader:
    """The services' descriptions, read once for all sessions: they are most of what making a client costs."""
    return botocore.loaders.create_loader()


class RoleSession(boto3.Session):
    """A boto3 session whose clients and resources talk to the one-machine cloud, with time-outs."""

    def __init__(self, *, endpoint: str, authority: Path, credentials: Mapping[str, str]) -> None:
        core = botocore.session.get_session()
        core.register_component("data_loader", _service_models())
        super().__init__(
            botocore_session=core,
            aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=credentials.get("AWS_SESSION_TOKEN"),
            region_name=REGION,
        )
        self._endpoint = endpoint
        self._authority = str(authority)
        self._opened: list[Any] = []

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        limits = Config(connect_timeout=5, read_timeout=CALL_SECONDS, retries={"total_max_attempts": 2, "mode": "standard"})
        given = options.pop("config", None)
        options.setdefault("endpoint_url", self._endpoint)
        options.setdefault("verify", self._authority)
        return {**options, "config": limits.merge(given) if given else limits}

    def client(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # boto3 makes its clients at run time
        """As boto3's, against the one-machine cloud."""
        made = super().client(*args, **self._options(options))
        self._opened.append(made)
        return made

    def close(self) -> None:
        """Close the connections of every client made here; a resource's connections are its client's."""
        for client in self._opened:
            client.close()
        self._opened.clear()

    def resource(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # boto3 makes its resources at run time
        """As boto3's, against the one-machine cloud."""
        return super().resource(*args, **self._options(options))


@dataclass
class Cloud:
    """One emulator: `start()`, use it, `stop()`; or a `with` block. `state` keeps everything between two starts.

    `settings` are further variables for the emulator's process; `mended` is False only in the tests that look whether a patch is still needed.
    """

    state: Path = field(default_factory=lambda: ROOT / ".local" / "cloud")
    port: int = 0
    sftp_port: int = 0
    python: Path = field(default_factory=lambda: ROOT / ".venv-cloud" / "bin" / "python")
    trail_seconds: float = 30.0
    mended: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _scratch: Path | None = field(default=None, init=False, repr=False)
    _certificate: Certificate | None = field(default=None, init=False, repr=False)
    _client: httpx.Client | None = field(default=None, init=False, repr=False)
    _sessions: list[RoleSession] = field(default_factory=list, init=False, repr=False)

    # ---- life ----------------------------------------------------------------

    def start(self) -> Self:
        """Start the emulator and wait until it answers. Raises CloudError with the log's last lines where it does not."""
        if self._process is not None:
            raise CloudError("the one-machine cloud is already running")
        if not self.python.exists():
            raise CloudError(f"{self.python} is missing: run `make setup`")
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._certificate = make_certificate(self.state / "tls", now=dt.datetime.now(dt.UTC))
        self._choose_ports()
        self._scratch = Path(tempfile.mkdtemp(prefix="firstcard-cloud-"))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.python), "-m", "local.cloud.launcher"],
                cwd=ROOT,
                env=self._launcher_environment(self._certificate, self._scratch),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._client = httpx.Client(
            base_url=self.endpoint,
            verify=ssl.create_default_context(cafile=str(self._certificate.authority)),
            timeout=CALL_SECONDS,
            trust_env=False,
        )
        self._wait(self._process)
        return self

    def _choose_ports(self) -> None:
        remembered = self.state / "ports.json"
        last: dict[str, int] = {}
        if remembered.exists():
            last = json.loads(remembered.read_text())
        self.port = _free_port(self.port or last.get("gateway", 0))
        self.sftp_port = _free_port(self.sftp_port or last.get("sftp", 0), self.port)
        remembered.write_text(json.dumps({"gateway": self.port, "sftp": self.sftp_port}))

    def _launcher_environment(self, certificate: Certificate, scratch: Path) -> dict[str, str]:
        passed_on = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT") if name in os.environ}
        return {
            **passed_on,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "GATEWAY_PORT": str(self.port),
            "SFTP_PORT": str(self.sftp_port),
            "BIND_HOST": "127.0.0.1",
            "SFTP_HOST": "127.0.0.1",
            "AUTH": "true",
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(certificate.chain),
            "MINISTACK_SSL_KEY": str(certificate.key),
            "AWS_CA_BUNDLE": str(certificate.authority),
            "SSL_CERT_FILE": str(certificate.authority),
            "REQUESTS_CA_BUNDLE": str(certificate.authority),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "STATE_DIR": str(self.state / "state"),
            "S3_DATA_DIR": str(self.state / "s3"),
            "LAMBDA_EXECUTOR": "local",
            "TMPDIR": str(scratch),
            "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
            "FIRSTCARD_TRAIL_FILE": str(self.state / "trail.jsonl"),
            "FIRSTCARD_DIGESTS": str(self.state / "digests"),
            "FIRSTCARD_TRAIL_SECONDS": str(self.trail_seconds),
            "FIRSTCARD_MENDED": "1" if self.mended else "0",
            "LOG_LEVEL": "INFO",
            **self.settings,
        }

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                self.stop()
                raise CloudError(
                    f"the one-machine cloud ended at once, with {process.returncode}; its log {self.log} ends with:\n{self._log_end()}"
                )
            try:
                if self._get("/_ministack/health").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        self.stop()
        raise CloudError(
            f"the one-machine cloud did not answer within {START_SECONDS:.0f} s; its log {self.log} ends with:\n{self._log_end()}"
        )

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) if self.log.exists() else ""

    def stop(self) -> None:
        """End the emulator, which writes its state; kill it where it does not end by itself. Removes its temporary folder."""
        for session in self._sessions:
            session.close()
        self._sessions.clear()
        if self._client is not None:
            self._client.close()
            self._client = None
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def end_at_once(self) -> None:
        """End the emulator and its functions without letting it write its state: for a state that nobody will come back to."""
        process = self._process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_SECONDS)
        self.stop()

    def __enter__(self) -> Self:
        """Start, as `start()`."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop, as `stop()`."""
        self.stop()

    # ---- where it is -----------------------------------------------------------

    @property
    def endpoint(self) -> str:
        """The address of every AWS service."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the emulator wrote."""
        return self.state / "cloud.log"

    @property
    def trail_file(self) -> Path:
        """The records of the trail, one JSON object a line, before their delivery."""
        return self.state / "trail.jsonl"

    @property
    def certificate(self) -> Certificate:
        """The certificate for this machine, which functions trust: a stand-in beside the cloud may use it."""
        if self._certificate is None:
            raise CloudError("the one-machine cloud is not running")
        return self._certificate

    @property
    def process_id(self) -> int:
        """The id of the emulator's process."""
        if self._process is None:
            raise CloudError("the one-machine cloud is not running")
        return self._process.pid

    def environment(self, role: str | None = None) -> dict[str, str]:
        """The variables that make boto3, the CDK, curl and Node talk to this cloud: as the bootstrap root, or under a role."""
        authority = str(self.certificate.authority)
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_CA_BUNDLE": authority,
            "NODE_EXTRA_CA_CERTS": authority,
            "CURL_CA_BUNDLE": authority,
            "SSL_CERT_FILE": authority,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_HOME": str(self.state / "cdk"),
            **self.credentials(role),
        }

    # ---- talking to it -----------------------------------------------------------

    def credentials(self, role: str | None = None, session: str = "local") -> dict[str, str]:
        """Keys as environment variables: the bootstrap root's, or those of a session under `role`."""
        root = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        if role is None:
            return root
        tokens = self._session(root).client("sts")
        given = tokens.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName=session)["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }

    def session(self, role: str | None = None, session: str = "local") -> RoleSession:
        """A boto3 session under `role`; without a role as the bootstrap root, which passes by every policy and proves nothing."""
        return self._session(self.credentials(role, session))

    def _session(self, credentials: Mapping[str, str]) -> RoleSession:
        made = RoleSession(endpoint=self.endpoint, authority=self.certificate.authority, credentials=credentials)
        self._sessions.append(made)
        return made

    def _get(self, path: str) -> httpx.Response:
        return self._ask("GET", path)

    def _ask(self, method: str, path: str) -> httpx.Response:
        if self._client is None:
            raise CloudError("the one-machine cloud is not running")
        return self._client.request(method, path)

    def outbox(self) -> list[dict[str, Any]]:
        """The e-mails that SES accepted, oldest first: `Source`, `To`, `CC`, `BCC`, `Subject`, `BodyText`, `BodyHtml`, `Timestamp`."""
        answer = self._get("/_ministack/ses/messages").raise_for_status().json()
        return list(answer["messages"].get(ACCOUNT, []))

    def calls(self) -> dict[str, Any]:
        """What was called since the start or the last reset: `operations`, `actions`, `functions`, `transitions`."""
        answer: dict[str, Any] = self._get("/_firstcard/calls").raise_for_status().json()
        return answer

    def reset_calls(self) -> None:
        """Start counting anew."""
        self._ask("POST", "/_firstcard/calls/reset").raise_for_status()

    def trail(self) -> list[dict[str, Any]]:
        """The newest CloudTrail records, oldest first."""
        return list(self._get("/_firstcard/trail").raise_for_status().json()["Records"])

    @property
    def trail_keys(self) -> Path:
        """The folder of the public keys that the trail's digests are signed with: `<region>.json`, as ListPublicKeys answers."""
        return self.state / "digests" / "keys"

    def sign_trail(self) -> list[str]:
        """Deliver the records that wait, and write the digests up to now; their `s3://` addresses."""
        return list(self._ask("POST", "/_firstcard/trail/digest").raise_for_status().json()["written"])

    def flush_trail(self) -> list[str]:
        """Deliver the records that wait; the `s3://` addresses of what was written."""
        return list(self._ask("POST", "/_firstcard/trail/flush").raise_for_status().json()["written"])
