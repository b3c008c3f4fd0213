"""Lambda workers: what they may import, what they are told, and how their errors are named."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.cloud.emulator.calls import counts

SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
"""What the Python runtime of AWS Lambda brings along, by the names it has in a site-packages folder."""

_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def runtime_folder() -> Path:
    """A folder that holds links to the SDK and nothing else of the emulator's environment; made once per process."""
    site = Path(sysconfig.get_paths()["purelib"])
    folder = Path(tempfile.mkdtemp(prefix="firstcard-runtime-"))
    for name in SDK:
        if (site / name).exists():
            (folder / name).symlink_to(site / name)
    return folder


def workers_see_only_the_sdk() -> None:
    """A function may import its own code, its layers and the SDK; the emulator's workers could import the emulator's packages too.

    The worker's environment is likewise cut to what Lambda gives: the emulator handed its own variables on.
    """
    folder = runtime_folder()
    binary_and_script = lambda_runtime._detect_runtime_binary

    def with_sdk(runtime: str) -> tuple[str, str]:
        binary, script = binary_and_script(runtime)
        if runtime.startswith("python"):
            script = f"import sys\nsys.path.append({str(folder)!r})\n{script}"
        return binary, script

    def start(command: list[str], **options: Any) -> Any:
        if command[0] == sys.executable:
            command = [sys.executable, "-I", "-S", "-u", *command[1:]]
        given = options.get("env") or {}
        own = {name: value for name, value in given.items() if name in _PASSED_ON or os.environ.get(name) != value}
        own.setdefault("TZ", ":UTC")
        own.setdefault("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13")
        options["env"] = own
        return subprocess.Popen(command, **options)

    lambda_runtime._detect_runtime_binary = with_sdk
    lambda_runtime.subprocess = SimpleNamespace(
        Popen=start, PIPE=subprocess.PIPE, STDOUT=subprocess.STDOUT, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired
    )


class _UnpackedOnce(zipfile.ZipFile):
    """A zip whose content, if it is a layer, is unpacked for the first worker and only linked for the others."""

    folder = Path()
    lock = threading.Lock()

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        """Unpack code as usual; link a layer's entries."""
        target = Path(path)
        if not target.name.startswith("layer_"):
            super().extractall(path, members, pwd)
            return
        assert self.filename is not None
        kept = self.folder / hashlib.sha256(Path(self.filename).read_bytes()).hexdigest()
        with self.lock:
            if not kept.exists():
                fresh = kept.with_suffix(".fresh")
                super().extractall(fresh)
                fresh.rename(kept)
        for entry in kept.iterdir():
            (target / entry.name).symlink_to(entry)


def layers_are_unpacked_once() -> None:
    """Lambda mounts a layer; the emulator unpacks it for each worker anew, and each worker compiles it anew. No difference but time."""
    _UnpackedOnce.folder = Path(tempfile.mkdtemp(prefix="firstcard-layers-"))
    lambda_runtime.zipfile = SimpleNamespace(ZipFile=_UnpackedOnce, BadZipFile=zipfile.BadZipFile, LargeFileError=zipfile.LargeZipFile)


_failure = threading.local()
_PLAIN = '"trace": traceback.format_exc()}'
_NAMED = '"trace": traceback.format_exc(), "error_type": type(e).__name__}'


def errors_carry_their_class() -> None:
    """AWS names a handler's exception class in `errorType`, and Retry and Catch match on it; the emulator always says `Runtime.HandlerError`."""
    if _PLAIN not in lambda_runtime._PYTHON_WORKER_SCRIPT:
        raise RuntimeError("the emulator's worker script no longer reports errors in the way this patch extends")
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(_PLAIN, _NAMED)
    invoke, run = lambda_runtime.Worker.invoke, lambda_svc._execute_function_warm

    def invoke_and_note(self: Any, *args: Any, **options: Any) -> Any:
        answer = invoke(self, *args, **options)
        _failure.name = answer.get("error_type", "")
        return answer

    def run_and_name(func: dict[str, Any], event: Any, request_id: str) -> Any:
        _failure.name = ""
        started = time.monotonic()
        outcome = run(func, event, request_id)
        settings = func.get("config") or func
        elapsed = int((time.monotonic() - started) * 1000)
        counts.add_invocation(str(settings.get("FunctionName", "")), elapsed, int(settings.get("MemorySize", 128)))
        body = outcome.get("body")
        if _failure.name and isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            body["errorType"] = _failure.name
        return outcome

    lambda_runtime.Worker.invoke = invoke_and_note
    lambda_svc._execute_function_warm = run_and_name


def install() -> None:
    """Put this file's patches in place."""
    errors_carry_their_class()
    workers_see_only_the_sdk()
    layers_are_unpacked_once()
