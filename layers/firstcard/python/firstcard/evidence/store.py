"""Where evidence lies: a bucket, or a folder of copies that a stranger can check without AWS.

A copied folder holds ``<bucket>/<key>`` for each object, ``objects.jsonl`` with a line ``{"bucket": ..., "key": ..., "metadata": {...}}`` for each object whose metadata
matter (a digest's signature stands there and nowhere else until the next digest repeats it), and ``keys/<region>.json``, the answer of
``aws cloudtrail list-public-keys`` for that region.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from firstcard.evidence.opening import FaultError, parse

MANIFEST = "objects.jsonl"
KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it lies there, still packed, with the metadata that its writer gave it (names in small letters, without ``x-amz-meta-``)."""

    data: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)


class Store(Protocol):
    """Objects to be read, by bucket and key."""

    def names(self) -> Iterable[tuple[str, str]]:
        """Bucket and key of every object, in any order."""

    def read(self, bucket: str, key: str) -> Stored | None:
        """An object, or None where there is none."""


class Folder:
    """A folder of copies. Lines of the manifest that cannot be read count in ``unreadable``; the signatures they held are missing then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._metadata: dict[tuple[str, str], Mapping[str, str]] = {}
        self.unreadable = 0
        self._files = {
            (found.relative_to(path).parts[0], "/".join(found.relative_to(path).parts[1:])): found
            for found in path.rglob("*")
            if found.is_file() and len(found.relative_to(path).parts) > 1 and found.relative_to(path).parts[0] != KEYS
        }
        for line in self._lines():
            try:
                said = parse(line)
                if not isinstance(said, dict):
                    raise TypeError(line)
                name = (str(said["bucket"]), str(said["key"]))
                metadata = {str(key).lower(): str(value) for key, value in said["metadata"].items()}
            except (FaultError, KeyError, TypeError, AttributeError):
                self.unreadable += 1
                continue
            if self._metadata.setdefault(name, metadata) != metadata:
                self.unreadable += 1

    def _lines(self) -> Iterator[str]:
        manifest = self._path / MANIFEST
        if manifest.is_file():
            yield from (line for line in manifest.read_text(encoding="utf-8", errors="replace").split("\n") if line.strip())

    def names(self) -> Iterable[tuple[str, str]]:
        """Bucket and key of every copy."""
        return self._files.keys()

    def read(self, bucket: str, key: str) -> Stored | None:
        """A copy; a name that was not found in the folder is none, whatever path it spells."""
        found = self._files.get((bucket, key))
        return Stored(found.read_bytes(), self._metadata.get((bucket, key), {})) if found else None

    def keys(self) -> dict[str, bytes]:
        """The answers of ListPublicKeys that lie in the folder, by region."""
        return {path.stem: path.read_bytes() for path in sorted((self._path / KEYS).glob("*.json"))}


def copy_into(folder: Path, objects: Iterable[tuple[str, str, Stored]], keys: Mapping[str, bytes]) -> None:
    """Write a folder that Folder reads. Raises ValueError for a name that would lie outside it."""
    root = folder.resolve()
    (folder / KEYS).mkdir(parents=True, exist_ok=True)
    with (folder / MANIFEST).open("a", encoding="utf-8") as manifest:
        for bucket, key, stored in objects:
            path = (folder / bucket / key).resolve()
            if not path.is_relative_to(root / bucket) or bucket in (KEYS, "", ".", ".."):
                raise ValueError("an object's name leads out of its folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(stored.data)
            if stored.metadata:
                manifest.write(json.dumps({"bucket": bucket, "key": key, "metadata": dict(stored.metadata)}) + "\n")
    for region, answer in keys.items():
        (folder / KEYS / f"{region}.json").write_bytes(answer)
