"""Run by test_bombs.py as a program of its own: opens and reads one delivery with little memory and time, and prints what came of it as JSON.

Arguments: the delivery, the secret key that opens it. The limits are the operating system's, so that nothing can forget to ask; the process that
decrypts inherits them.
"""

import json
import resource
import sys
from datetime import date
from pathlib import Path

from firstcard.roster import Refusal, read_roster
from firstcard.sender import open_delivery
from tests.unit.sender.builders import an_agreement

MEBIBYTE = 1 << 20
MEMORY, SECONDS = 512 * MEBIBYTE, 10


def bound() -> None:
    """512 MiB more than Python and the product have by now, and ten seconds of processor."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    for kind, most in ((resource.RLIMIT_AS, pages * resource.getpagesize() + MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        resource.setrlimit(kind, (most, most))


def main() -> None:
    """Open, read, print."""
    delivery, key = (Path(argument) for argument in sys.argv[1:])
    agreement, secret = an_agreement("plain"), [key.read_text()]
    bound()
    data = delivery.read_bytes()
    result: object = open_delivery(data, agreement=agreement, secret_keys=secret, limit=agreement.exchange.max_megabytes * 1_000_000)
    if not isinstance(result, Refusal):
        result = read_roster(result.plaintext, file_name="roster", agreement=agreement, today=date(2026, 11, 22))  # type: ignore[attr-defined]
    # ru_maxrss would tell the most of the program that started this one, too.
    own = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    other = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps({"reason": getattr(result, "reason", None), "own_mib": own / 1024, "other_mib": other / 1024}))


if __name__ == "__main__":
    main()
