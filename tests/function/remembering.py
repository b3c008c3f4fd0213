"""Run by test_forgetting.py as a program of its own: plans one roster and looks for values that it should not know, in every object that it can reach.

Arguments: the roster, the agreement. A value that may not be known is ``nz`` and sixteen hexadecimal digits, so that this program needs none of them to
know them. It prints a line of JSON at the moment when the plan is made of what was read, waits for a line so that somebody can look at its memory from
outside, and prints another line with everything that was written when it is done.
"""

import gc
import gzip
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3

from tests.function.conftest import ENVIRONMENT

NEEDLE = re.compile("nz[0-9a-f]{16}")
NEEDLE_BYTES = re.compile(b"nz[0-9a-f]{16}")


def reachable() -> list[str]:
    """The kinds of object that hold a value, of all that the collector, the frames and what they refer to lead to."""
    found: list[str] = []
    seen: set[int] = set()
    waiting: list[Any] = [*gc.get_objects(), *sys._current_frames().values()]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or one is waiting or one is seen or one is found:
            continue
        seen.add(id(one))
        if isinstance(one, str):
            if NEEDLE.search(one):
                found.append("str")
        elif isinstance(one, bytes | bytearray):
            if NEEDLE_BYTES.search(one):
                found.append(type(one).__name__)
        elif isinstance(one, io.BytesIO):
            if not one.closed and NEEDLE_BYTES.search(one.getvalue()):
                found.append("BytesIO")
        else:
            waiting += gc.get_referents(one)
    return found


def written() -> Iterator[str]:
    """Every object of the vault and every item of the tables."""
    s3 = boto3.client("s3")
    for item in s3.list_objects_v2(Bucket=ENVIRONMENT["VAULT_BUCKET"]).get("Contents", []):
        body = s3.get_object(Bucket=ENVIRONMENT["VAULT_BUCKET"], Key=item["Key"])["Body"].read()
        yield item["Key"]
        yield (gzip.decompress(body) if item["Key"].endswith(".gz") else body).decode(errors="replace")
    for table in (ENVIRONMENT["CARDS_TABLE"], ENVIRONMENT["LEDGER_TABLE"]):
        for one in boto3.client("dynamodb").scan(TableName=table)["Items"]:
            yield repr(one)


def named(texts: Iterable[str]) -> int:
    return sum(len(NEEDLE.findall(text)) for text in texts)


def main() -> None:
    """Plan, look, tell."""
    roster, agreement = (Path(argument) for argument in sys.argv[1:])
    os.environ |= ENVIRONMENT
    from firstcard.agreement import Site, library_from
    from firstcard.agreement.load import load_agreement
    from tests.function.builders import Yard, libraries
    from tests.function.conftest import standing
    from tests.unit.vault.builders import KeyService

    with standing(["pine"]):
        keys, looked = KeyService(), False

        def wrap(key: bytes, context: Any) -> bytes:
            nonlocal looked
            if not looked:
                looked = True
                control = ["".join(("nz", "0" * 16))]
                print(json.dumps({"control": len(reachable()), "at": "reading"}), flush=True)
                del control
                gc.collect()
                print(json.dumps({"found": reachable(), "at": "reading"}), flush=True)
                sys.stdin.readline()
            return keys.wrap(key, context)

        yard = Yard(Site((load_agreement(agreement),), tuple(map(library_from, libraries()))), keys=keys, wrapper=lambda sharing: wrap)
        arrival = yard.admitted(roster.read_bytes(), key=f"incoming/{roster.name}")
        planned = yard.plan(arrival)
        gc.collect()
        told = {"found": reachable(), "written": named(written()), "emitted": named(map(repr, yard.emitted)), "outcome": planned.outcome}
        print(json.dumps(told | {"at": "end"}), flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
