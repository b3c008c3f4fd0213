"""The program that decrypts one OpenPGP message or age file in a process of its own, where memory and time have bounds.

The library has no limit for what a compressed message may unpack to, so the operating system sets one. It is started with nothing but
this file: standard input brings the order (a length of four bytes, JSON, then the message to the end), standard output takes one line of
JSON and the plaintext back. Neither the order nor the plaintext is ever in an argument, in the environment, in a file or in a core dump.
"""

import json
import resource
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openpgp.composed import DecryptedMessage, Message, SignedPublicKey, SignedSecretKey

STRONG_DIGESTS = frozenset(("sha256", "sha384", "sha512", "sha3-256", "sha3-512"))
"""Digests that a signature may use; SHA-1 can be forged, and the library takes it from RSA keys without a word."""


class Unfit(Exception):
    """The message is refused; the argument is the name of a reason code."""


def unseal(message: bytes, *, secret_keys: list[str], signers: list[str], must_be_signed: bool, limit: int) -> tuple[bytes, str]:
    """The plaintext and the fingerprint (capital hex) of the pinned key that signed it, or "" if none did and none had to.

    ``message`` may be one that is signed only; whoever calls has decided that this is enough. ``secret_keys`` and ``signers`` are ASCII-armoured.
    Raises Unfit with the name of a reason code.
    """
    from openpgp.composed import Message, SignedPublicKey, SignedSecretKey
    from openpgp.errors import Error

    keys = [SignedSecretKey.from_armor(armoured)[0] for armoured in secret_keys]
    pinned = [SignedPublicKey.from_armor(armoured)[0] for armoured in signers]
    opened = _decrypted(Message, message, keys)
    if opened.kind == "encrypted":
        raise Unfit("PGP_SEVERAL_MESSAGES")
    try:
        plaintext = opened.as_data_vec()
    except Error as error:
        raise _unfit(error) from None
    if len(plaintext) > limit:
        raise Unfit("PGP_LIMIT")
    signer, weak = _signer(opened, pinned)
    if must_be_signed and not signer:
        raise Unfit("PGP_UNSIGNED" if opened.signature_count() == 0 else "PGP_WEAK_SIGNATURE" if weak else "PGP_SIGNER")
    return plaintext, signer


def unseal_age(message: bytes, *, identities: list[str], limit: int) -> bytes:
    """The plaintext of an age file without armour, all of it verified; ``identities`` are texts as ``age-keygen`` writes them.

    Raises Unfit with the name of a reason code.
    """
    from pyrage import DecryptError, decrypt, x25519

    keys = [x25519.Identity.from_str(line) for text in identities for line in text.split() if line.startswith("AGE-SECRET-KEY-")]
    try:
        plaintext: bytes = decrypt(message, keys)
    except DecryptError as error:
        raise Unfit(_AGE_COMPLAINTS.get(str(error), "AGE_TAMPERED")) from None
    if len(plaintext) > limit:
        raise Unfit("TOO_LARGE")
    return plaintext


_AGE_COMPLAINTS = {"No matching keys found": "AGE_NO_KEY", "age file is truncated": "AGE_TRUNCATED"}
"""What the library says; it has one type of error for everything."""


def _decrypted(reader: "type[Message]", data: bytes, keys: "list[SignedSecretKey]") -> "DecryptedMessage | Message":
    """The message opened with a key that it names, or with any of them for a hidden recipient; as it is if it was never encrypted."""
    from openpgp.errors import Error

    try:
        message = reader.from_bytes(data)
        if message.kind != "encrypted":
            return message
        recipients = message.public_key_encrypted_session_key_packets()
    except Error:
        raise Unfit("PGP_TAMPERED") from None
    named = {name for packet in recipients for name in (packet.recipient_key_id, packet.recipient_fingerprint) if name}
    hidden = any(packet.recipient_is_anonymous for packet in recipients)
    ours = [key for key in keys if named & _names(key)]
    failure = Unfit("PGP_TAMPERED" if ours else "PGP_NO_KEY")
    for key in ours or (keys if hidden else []):
        try:
            return message.decrypt(None, key)
        except Error as error:
            if error.code != "CRYPTO":
                failure = _unfit(error)
    raise failure


def _unfit(error: BaseException) -> Unfit:
    """What the library's complaint means: it names neither memory nor damage by a type of its own."""
    return Unfit("PGP_LIMIT" if str(error) in ("out of memory", "PyObject pointer is null") else "PGP_TAMPERED")


def _names(key: "SignedSecretKey") -> set[str]:
    subkeys = [subkey.key for subkey in key.secret_subkeys]
    return {key.key_id, key.fingerprint, *(part.key_id for part in subkeys), *(part.fingerprint for part in subkeys)}


def _signer(opened: "DecryptedMessage | Message", pinned: "list[SignedPublicKey]") -> tuple[str, bool]:
    """The pinned key that made one of the signatures with a strong digest, and whether a pinned key's name stands on a weak one."""
    from openpgp.errors import Error

    weak = False
    for place, signature in enumerate(opened.signatures()):
        strong = signature.hash_alg() in STRONG_DIGESTS
        issuers = {name.lower() for name in (*signature.issuer_fingerprint(), *signature.issuer_key_id())}
        for key in pinned:
            if key.details.revocation_signatures:
                continue
            if not strong:
                subkeys = [subkey.key for subkey in key.public_subkeys]
                names = {key.key_id, key.fingerprint, *(part.key_id for part in subkeys), *(part.fingerprint for part in subkeys)}
                weak = weak or not issuers.isdisjoint(names)
                continue
            try:
                opened.verify(key, place)
            except Error:
                continue
            return key.fingerprint.upper(), weak
    return "", weak


def _bound(library: str, memory: int, seconds: int) -> None:
    """Let this process take ``memory`` bytes beyond what Python and the library have, ``seconds`` of processor time, and no place on a disk."""
    import_module(library)  # so that it is counted below

    with open("/proc/self/statm", encoding="ascii") as pages:  # noqa: PTH123  pathlib would cost more than the reading
        has = int(pages.read().split()[0]) * resource.getpagesize()
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, has + memory),
    ):
        allowed = resource.getrlimit(kind)[1]
        bound = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        resource.setrlimit(kind, (bound, bound))


def main() -> None:
    """Read the order, bound this process, answer."""
    source, answer = sys.stdin.buffer, sys.stdout.buffer
    order: dict[str, Any] = json.loads(source.read(int.from_bytes(source.read(4))))
    sys.path[:] = order["path"]
    age: bool = order["age"]
    _bound("pyrage" if age else "openpgp.composed", order["memory"], order["seconds"])
    try:
        message = source.read(order["size"])
        if age:
            plaintext, signer = unseal_age(message, identities=order["secret_keys"], limit=order["limit"]), ""
        else:
            plaintext, signer = unseal(
                message,
                secret_keys=order["secret_keys"],
                signers=order["signers"],
                must_be_signed=order["must_be_signed"],
                limit=order["limit"],
            )
    except Unfit as refused:
        answer.write(json.dumps({"reason": str(refused)}).encode() + b"\n")
    except MemoryError:
        answer.write(b'{"reason": "TOO_LARGE"}\n' if age else b'{"reason": "PGP_LIMIT"}\n')
    except BaseException as error:
        # A panic of the library is no Exception; anything else is our own fault and must end as such.
        if type(error).__name__ != "PanicException":
            raise
        answer.write(json.dumps({"reason": "AGE_TAMPERED" if age else str(_unfit(error))}).encode() + b"\n")
    else:
        answer.write(json.dumps({"signer": signer, "size": len(plaintext)}).encode() + b"\n")
        answer.write(plaintext)
    answer.flush()


if __name__ == "__main__":
    main()
