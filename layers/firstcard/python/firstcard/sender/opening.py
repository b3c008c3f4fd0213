"""Opening a delivery: what the agreement demands of its protection and sender is checked before a byte of it is used."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from firstcard.agreement import Agreement
from firstcard.roster.reasons import Reason, Refusal
from firstcard.sender.protection import Wrapped, Wrapping, unwrapped

_MIB = 1 << 20
_UNPACKS_TO = 100
_UNPACKS_FREELY = 16 * _MIB
_AGE_IDENTITY = "AGE-SECRET-KEY-"
_UNSEAL = Path(__file__).with_name("unseal.py")


class OpeningError(RuntimeError):
    """Decryption could not be tried: our own keys or our own installation are at fault, never the file, which may be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """An opened delivery.

    ``protection`` is what it really had (``signed``, ``encrypted`` or ``plain``); ``signer`` the fingerprint of the district's key that
    signed it, in capital hex, or empty.
    """

    plaintext: bytes = field(repr=False)
    protection: str
    signer: str


def open_delivery(data: bytes, *, agreement: Agreement, secret_keys: Sequence[str], limit: int) -> Delivered | Refusal:
    """Open a delivered file of any wrapping, or say why it is refused.

    A file must be at least as well protected as ``agreement.exchange.protection`` says: ``signed`` is OpenPGP, encrypted, with a signature by one of
    ``exchange.signers`` over SHA-256 or better; ``encrypted`` is OpenPGP or age; ``plain`` takes anything. ``secret_keys`` are ours for this
    district (several while keys change): armoured OpenPGP keys, and age identities as ``age-keygen`` writes them. ``limit`` bounds the opened file, in
    bytes. A refusal leaves no plaintext anywhere.
    Raises OpeningError if decryption could not be tried.
    """
    protection = agreement.exchange.protection
    if len(data) > _largest_upload(limit):
        return Refusal(Reason.TOO_LARGE)
    wrapped = unwrapped(data)
    if isinstance(wrapped, Reason):
        return Refusal(wrapped)
    match wrapped.wrapping:
        case Wrapping.NONE:
            if protection != "plain":
                return Refusal(Reason.PROTECTION_TOO_WEAK)
            return Refusal(Reason.TOO_LARGE) if len(data) > limit else Delivered(plaintext=data, protection="plain", signer="")
        case Wrapping.AGE:
            if protection == "signed":
                return Refusal(Reason.PROTECTION_TOO_WEAK)
        case Wrapping.SIGNED_ONLY:
            if protection != "plain" or not wrapped.message:
                return Refusal(Reason.PGP_NOT_ENCRYPTED)
        case Wrapping.ENCRYPTED:
            pass
    opened = _unsealed(
        wrapped,
        secret_keys=secret_keys,
        signers=agreement.exchange.signers,
        must_be_signed=protection == "signed",
        limit=min(limit, max(_UNPACKS_FREELY, _UNPACKS_TO * len(wrapped.message))),
    )
    if isinstance(opened, Reason):
        return Refusal(opened)
    plaintext, signer = opened
    found = "plain" if wrapped.wrapping is Wrapping.SIGNED_ONLY else "signed" if signer else "encrypted"
    return Delivered(plaintext=plaintext, protection=found, signer=signer)


def _largest_upload(limit: int) -> int:
    """The most that ``limit`` bytes can become: armour makes four of three and adds line ends."""
    return limit + limit // 2 + _MIB


def _memory(limit: int, size: int) -> int:
    """Address space for the other process, in bytes: Python and the library, and the copies of message and plaintext that the library makes."""
    return 64 * _MIB + 4 * size + 5 * limit


def _unsealed(
    wrapped: Wrapped, *, secret_keys: Sequence[str], signers: Sequence[str], must_be_signed: bool, limit: int
) -> tuple[bytes, str] | Reason:
    """The plaintext and its signer, or a reason: ``unseal.py`` opens the message in a process of its own, and no more is read than ``limit``."""
    message, age = wrapped.message, wrapped.wrapping is Wrapping.AGE
    order = json.dumps(
        {
            "path": [str(Path(entry).resolve()) for entry in sys.path],
            "age": age,
            "secret_keys": [key for key in secret_keys if (_AGE_IDENTITY in key) is age],
            "signers": list(signers),
            "must_be_signed": must_be_signed,
            "size": len(message),
            "limit": limit,
            "memory": _memory(limit, len(message)),
            "seconds": 20 + limit // (4 * _MIB),
        }
    ).encode()
    # -I: no environment, no user's packages; -S: the order brings the search path.
    with subprocess.Popen(  # noqa: S603  our own interpreter and our own file
        [sys.executable, "-I", "-S", str(_UNSEAL)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _MIB)
        with suppress(BrokenPipeError):
            process.stdin.write(len(order).to_bytes(4) + order)
            process.stdin.write(message)
        with suppress(BrokenPipeError):
            process.stdin.close()
        head = process.stdout.readline(4096)
        answer = json.loads(head) if head.endswith(b"\n") else {}
        size = min(answer.get("size", 0), limit)
        plaintext = process.stdout.read(size + 1)
        if len(plaintext) > size:
            process.kill()
        said = process.stderr.read(65536)
        status = process.wait()
    if status < 0:
        return _died(-status, said, age=age)
    if "reason" in answer:
        return Reason(answer["reason"])
    if status or "signer" not in answer or len(plaintext) != answer["size"]:
        raise OpeningError("the program that decrypts deliveries could not run with these keys in this installation")
    return plaintext, answer["signer"]


def _environment() -> dict[str, str]:
    """Where the interpreter finds its libraries, and nothing else: credentials stay here."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


def _died(by: int, said: bytes, *, age: bool) -> Reason:
    """Why the other process ended by a signal: out of memory or time, or a message that breaks the library."""
    if by in (signal.SIGKILL, signal.SIGXCPU) or b"memory allocation" in said:
        return Reason.TOO_LARGE if age else Reason.PGP_LIMIT
    return Reason.AGE_TAMPERED if age else Reason.PGP_TAMPERED
