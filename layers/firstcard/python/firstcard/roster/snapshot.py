"""What a district has told us so far of its OneRoster files: the rows of the last complete file, and the changes that came since.

A row is known by its sourcedId. Of two rows the one with the newer dateLastModified counts; of two with the same date, the one from the file that
arrived later, since many systems write no more than the day. A row with a family's no counts whatever its date until a newer row arrives after it. So a set of
files of changes gives the same whatever order they are merged in, and the same file twice gives the same as once. Source: 1EdTech OneRoster CSV binding 1.1 and 1.2, "bulk" and "delta".
"""

import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from firstcard.roster.reasons import Reason

GONE = "tobedeleted"
CHANGE_STATUSES = frozenset({"active", GONE, "inactive"})
"""The status words of a row of changes; ``inactive`` is OneRoster 1.0's and still met."""
KEYS = ("sourcedId", "status", "dateLastModified")
MAX_DATE = 40
TOLERANCE = timedelta(days=2)
"""How much older than a complete file's arrival a change may be dated and yet be newer than what the file says: dates may be days, of any zone."""
ROW_BYTES = 40
"""What a row takes beside its cells, roughly."""

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """What stands under one sourcedId: when it changed, with which file that came, and the row; none where it was deleted.

    ``modified`` is empty for a row of a complete file, which has no dates. A complete file may have several rows under one id, or under none; changes have
    several where rows of one file contradict each other. ``no`` marks the latest file of changes with a family's no, and ``refusing`` are its rows with that:
    they stand here until a newer row arrives after them.
    """

    modified: str
    arrived: str
    versions: tuple[Cells, ...]
    no: str = ""
    refusing: tuple[Cells, ...] = ()

    @property
    def refuses(self) -> bool:
        """Whether a no came with changes and nothing newer after it."""
        return bool(self.no) and self.no >= self.arrived

    @property
    def shown(self) -> tuple[Cells, ...]:
        """The rows that count."""
        return self.refusing if self.refuses else self.versions

    def joined(self, before: "Entry | None") -> "Entry":
        """What comes of this one, which came now, and what stood there; the same whichever came first. Beside a no that counts no other row is kept."""
        if before is None:
            before = self
        newer = self if (self.modified, self.arrived) >= (before.modified, before.arrived) else before
        later = self if self.no >= before.no else before
        entry = Entry(newer.modified, newer.arrived, newer.versions, later.no, later.refusing)
        return replace(entry, versions=()) if entry.refuses else entry


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows of one file under the columns that were agreed when its complete file came.

    ``asked`` are the columns that were looked for, ``columns`` those that there were, in the order of the cells. ``arrived`` marks the complete file.
    ``rows`` begins with the ``of_bulk`` ids of that file in its order. ``broken`` counts its rows that may be anybody's.
    """

    asked: tuple[str, ...]
    columns: tuple[str, ...]
    arrived: str
    rows: Mapping[str, Entry] = field(repr=False)
    of_bulk: int
    broken: int = 0

    def order(self) -> Iterator[str]:
        """The ids as the complete file had them, then the others sorted: never as the changes happened to come."""
        ids = list(self.rows)
        yield from ids[: self.of_bulk]
        yield from sorted(ids[self.of_bulk :])

    def under(self, columns: tuple[str, ...]) -> "Kept":
        """The same with the cells of other columns; one that was not there is empty."""
        if columns == self.columns:
            return self
        at = [self.columns.index(name) if name in self.columns else None for name in columns]

        def moved(cells: Cells) -> Cells:
            return tuple("" if place is None else cells[place] for place in at)

        rows = {
            key: replace(entry, versions=tuple(map(moved, entry.versions)), refusing=tuple(map(moved, entry.refusing)))
            for key, entry in self.rows.items()
        }
        return replace(self, columns=columns, rows=rows)

    def size(self) -> int:
        """About how many characters it takes."""
        return sum(
            ROW_BYTES + len(key) + sum(sum(map(len, cells)) for cells in (*entry.versions, *entry.refusing))
            for key, entry in self.rows.items()
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All files of one district. ``form`` is the OneRoster form they have, ``latest`` marks the newest upload in it."""

    form: str
    latest: str
    files: Mapping[str, Kept]

    def to_bytes(self) -> bytes:
        """Compressed JSON, to be sealed; the same for the same content, whichever way it came about."""
        files = {
            file: {
                "asked": kept.asked,
                "columns": kept.columns,
                "arrived": kept.arrived,
                "of_bulk": kept.of_bulk,
                "broken": kept.broken,
                "rows": [
                    (key, entry.modified, entry.arrived, entry.versions, *((entry.no, entry.refusing) if entry.no else ()))
                    for key, entry in ((key, kept.rows[key]) for key in kept.order())
                ],
            }
            for file, kept in sorted(self.files.items())
        }
        body = {"form": self.form, "latest": self.latest, "files": files}
        return zlib.compress(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Snapshot":
        """Read back what ``to_bytes`` made and the seal has proven to be that."""
        body = json.loads(zlib.decompress(data).decode("utf-8", "surrogatepass"))
        files = {
            file: Kept(
                asked=tuple(kept["asked"]),
                columns=tuple(kept["columns"]),
                arrived=kept["arrived"],
                rows={
                    key: Entry(
                        sys.intern(modified),
                        sys.intern(arrived),
                        tuple(map(tuple, versions)),
                        *((sys.intern(no[0]), tuple(map(tuple, no[1]))) if no else ()),
                    )
                    for key, modified, arrived, versions, *no in kept["rows"]
                },
                of_bulk=kept["of_bulk"],
                broken=kept["broken"],
            )
            for file, kept in body["files"].items()
        }
        return cls(body["form"], body["latest"], files)


@dataclass(frozen=True, slots=True)
class Told:
    """How an upload stands to those before it: its own mark, and a way to open what is kept of them, or None where nothing is.

    ``first_arrived`` marks the first upload whose changes were these very bytes; empty where there was none.
    """

    arrived: str
    earlier: Callable[[], Snapshot | None]
    first_arrived: str = ""


def mark(received_at: str, run_id: str) -> str:
    """The mark of an upload: marks compare as the uploads arrived, and no two are the same."""
    return f"{_instant(datetime.fromisoformat(received_at))} {run_id}"


def change_of(cells: Mapping[str, str], arrived: str) -> tuple[str, bool] | tuple[str, Reason]:
    """When a row of changes was changed, and whether it is gone; or the column and the reason why it cannot be merged.

    A date after the arrival is taken for the arrival: no clock that is wrong may keep later changes out.
    """
    if not cells["sourcedId"].strip():
        return "sourcedId", Reason.MISSING_REQUIRED
    status = cells["status"].strip().lower()
    if status not in CHANGE_STATUSES:
        return "status", Reason.BAD_STATUS
    cell = cells["dateLastModified"].strip()
    if not cell:
        return "dateLastModified", Reason.MISSING_REQUIRED
    try:
        if len(cell) > MAX_DATE or not cell.isascii():
            return "dateLastModified", Reason.BAD_DATE
        modified = _instant(datetime.fromisoformat(cell))
    except (ValueError, OverflowError):
        return "dateLastModified", Reason.BAD_DATE
    return min(modified, arrived.partition(" ")[0]), status == GONE


def too_old(modified: str, bulk_arrived: str) -> bool:
    """Whether a change is so much older than the complete file with this mark that the file must have had it."""
    if not bulk_arrived:
        return False
    return modified < _instant(datetime.fromisoformat(bulk_arrived.partition(" ")[0]) - TOLERANCE)


def reduced(kept: Kept, entries: Mapping[str, frozenset[str]]) -> Kept:
    """The file with these ids keeping only these of their columns."""
    rows = dict(kept.rows)
    for key in entries.keys() & rows.keys():
        keeps = [name in entries[key] for name in kept.columns]
        versions, refusing = _only(rows[key].versions, keeps), _only(rows[key].refusing, keeps)
        rows[key] = replace(rows[key], versions=versions, refusing=refusing)
    return replace(kept, rows=rows)


def forgotten(kept: Kept, columns: frozenset[str]) -> Kept:
    """The file with only these columns of rows with a no that was taken back."""
    keeps = [name in columns for name in kept.columns]
    over = {key: entry for key, entry in kept.rows.items() if entry.no and not entry.refuses}
    return replace(kept, rows={**kept.rows, **{key: replace(e, refusing=_only(e.refusing, keeps)) for key, e in over.items()}})


def emptied(kept: Kept, ids: Iterable[str]) -> Kept:
    """The file with nothing but id and date left of these rows, as if they had been deleted."""
    gone = {key: replace(kept.rows[key], versions=(), refusing=()) for key in ids if key in kept.rows}
    return replace(kept, rows={**kept.rows, **gone})


def _only(rows: Iterable[Cells], keeps: Sequence[bool]) -> tuple[Cells, ...]:
    return tuple(tuple(cell if keep else "" for cell, keep in zip(cells, keeps, strict=True)) for cells in rows)


def _instant(at: datetime) -> str:
    """A time in UTC as text that compares as times do; without a zone it is taken for UTC."""
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC).isoformat(timespec="microseconds")
