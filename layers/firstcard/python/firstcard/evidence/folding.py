"""A trail read by several processes: each file is folded where it is read, and only the folds come back.

Nothing that read_trail promises is given up: a file in which a record was read before is read again, here, without it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Generic, TypeVar

from firstcard.evidence.trail import ID_BYTES, MARK_BYTES, Access, File, Seen, TrailReading, mark_of, read_file

Part = TypeVar("Part")
AHEAD = 3
"""Files given out for each process beyond what was taken back; so many are in memory."""


@dataclass(slots=True)
class FoldedReading(Generic[Part]):
    """A trail as it is folded: go once through parts, one of each file in the files' order, then the reading is complete."""

    parts: Iterator[Part]
    reading: TrailReading


def fold_trail(files: Iterable[File], fold: Callable[[Iterator[Access]], Part], *, processes: int = 2) -> FoldedReading[Part]:
    """Read files by several processes. ``fold`` makes of a file's accesses what is wanted; it must be importable by its name, and must draw them all."""
    reading = TrailReading(iter(()))
    return FoldedReading(_parts(files, fold, processes, reading), reading)


def _parts(files: Iterable[File], fold: Callable[[Iterator[Access]], Part], processes: int, reading: TrailReading) -> Iterator[Part]:
    seen = Seen()
    waiting: deque[tuple[File, Future[tuple[Part, bytes, TrailReading]]]] = deque()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for file in files:
            waiting.append((file, pool.submit(_fold, file, fold)))
            if len(waiting) > AHEAD * processes:
                yield _taken(*waiting.popleft(), fold, seen, reading)
        while waiting:
            yield _taken(*waiting.popleft(), fold, seen, reading)
    reading.orphans.update(original for original in reading.amended if not seen.has(original))
    reading.finished = True


def _fold(file: File, fold: Callable[[Iterator[Access]], Part]) -> tuple[Part, bytes, TrailReading]:
    """One file in a process of its own, as if no record of it had been read before."""
    marks = bytearray()

    def new(event_id: str, record: dict[str, Any]) -> bool:
        marks.extend(mark_of(event_id, record))
        return False

    reading = TrailReading(iter(()))
    return fold(read_file(*file, reading, new)), bytes(marks), reading


def _taken(
    file: File,
    folded: Future[tuple[Part, bytes, TrailReading]],
    fold: Callable[[Iterator[Access]], Part],
    seen: Seen,
    reading: TrailReading,
) -> Part:
    part, joined, of_file = folded.result()
    marks = [joined[start : start + MARK_BYTES] for start in range(0, len(joined), MARK_BYTES)]
    if len({mark[:ID_BYTES] for mark in marks}) < len(marks) or any(map(seen.knows, marks)):
        return fold(read_file(*file, reading, seen.before))
    for mark in marks:
        seen.note(mark)
    _add(of_file, reading)
    return part


def _add(one: TrailReading, to: TrailReading) -> None:
    for name in ("files", "records", "accesses", "duplicates", "unreadable", "faults"):
        setattr(to.counts, name, getattr(to.counts, name) + getattr(one.counts, name))
    to.files |= one.files
    to.unreadable += one.unreadable
    for original, amending in one.amended.items():
        to.amended.setdefault(original, []).extend(amending)
