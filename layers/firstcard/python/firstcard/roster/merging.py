"""One upload of OneRoster files being merged with what the district sent before, file by file, while the files are read.

The readers see one table for each file, whether it came complete or is made of an earlier file and changes. Rows of this upload have their lines; the
others have negative ones, each its own, which stand for "came with an earlier file".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from firstcard.roster.archive import Archive
from firstcard.roster.headers import Columns
from firstcard.roster.reading import RefusedError
from firstcard.roster.reasons import Problem, Reason
from firstcard.roster.snapshot import GONE, KEYS, Cells, Entry, Kept, Snapshot, Told, change_of, too_old
from firstcard.roster.text import Table


@dataclass(frozen=True, slots=True)
class Unapplied:
    """A row of changes that could not be merged: where, and why. ``cells`` are those of the merged table's columns; none of a row that is anybody's."""

    file: str
    line: int
    column: str
    reason: Reason
    cells: Cells = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class _Change:
    """A row of changes with a sourcedId. ``modified`` is empty where it says a no and when that was cannot be told."""

    key: str
    modified: str
    gone: bool
    no: bool
    line: int
    cells: Cells
    row: Sequence[str]


class Merging:
    """The files of one upload. ``modes`` are the words of the manifest (bulk, delta) for each file that is read; ``told`` is None where only rows are checked.

    Raises RefusedError(DELTA_WITHOUT_BULK) where there is nothing to merge changes into, STALE_FILE where a later file has been merged already, or these
    very changes before a complete file of theirs. ``says_no`` tells of a row of users.csv, by its columns, whether it holds a family's no; the reader sets it.
    """

    def __init__(self, archive: Archive, modes: Mapping[str, str], told: Told | None) -> None:
        self.archive = archive
        self.modes = modes
        self.kept: dict[str, Kept] = {}
        self.unapplied: list[Unapplied] = []
        self.delta = "delta" in modes.values()
        self.rows_only = told is None
        self.arrived = told.arrived if told else ""
        self.says_no: Callable[[Mapping[str, str]], bool] = lambda _: False
        self._first_arrived = told.first_arrived if told else ""
        self._own: dict[str, Columns] = {}
        self.earlier: Snapshot | None = None
        changed = next((file for file, mode in modes.items() if mode == "delta"), "")
        if changed and told:
            self.earlier = told.earlier()
            if self.earlier is None:
                raise RefusedError(Reason.DELTA_WITHOUT_BULK, changed)
            self._check_age(self.earlier)

    def _check_age(self, earlier: Snapshot) -> None:
        for file, mode in self.modes.items():
            kept = earlier.files.get(file)
            if (mode == "bulk" and earlier.latest > self.arrived) or (mode == "delta" and kept and kept.arrived > self.arrived):
                raise RefusedError(Reason.STALE_FILE, file)
            if mode == "bulk" and kept and self._merged_before(kept):
                raise RefusedError(Reason.STALE_FILE, file)

    def _merged_before(self, kept: Kept) -> bool:
        """Whether this very upload was merged before the complete file came."""
        return bool(self._first_arrived) and kept.arrived > self._first_arrived

    def __contains__(self, file: str) -> bool:
        """Whether there is a table for this file."""
        return self.sends(file) or bool(self.earlier and file in self.earlier.files)

    def required(self, file: str) -> frozenset[str]:
        """The columns that this upload's file must have to be merged: changes bring all that the rows before them have."""
        if self.modes.get(file) != "delta":
            return frozenset({"sourcedId"})
        kept = self.earlier.files.get(file) if self.earlier else None
        return frozenset({*KEYS, *(kept.columns if kept else ())})

    def sends(self, file: str) -> bool:
        """Whether this upload brings the file. In one that says "changes" of any file, what the manifest does not mention is not read."""
        return file in self.archive and (not self.delta or self.modes.get(file) in ("bulk", "delta"))

    def columns(self, file: str, wanted: Iterable[str], own: Columns | None) -> Columns:
        """The columns of the merged table; ``own`` are those of this upload's file, None where it brings none."""
        asked = tuple(dict.fromkeys((*wanted, *KEYS)))
        mode = self.modes.get(file) if self.delta else "bulk"
        kept = self.earlier.files.get(file) if self.earlier and (own is None or mode == "delta") else None
        if own is not None:
            self._own[file] = own
        if mode == "delta" and not kept and not self.rows_only:
            raise RefusedError(Reason.DELTA_WITHOUT_BULK, file)
        if kept and not set(asked) <= set(kept.asked):
            # The agreement has grown since: what the new columns said of the rows before is not known.
            raise RefusedError(Reason.DELTA_WITHOUT_BULK, file)
        there = {*(own.places if own else ()), *(kept.columns if kept else ())}
        names = tuple(name for name in asked if name in there)
        base = kept.under(names) if kept else Kept(asked, names, self.arrived, {}, 0)
        self.kept[file] = replace(base, asked=asked)
        places = {name: place for place, name in enumerate(names)}
        return replace(own, places=places) if own else Columns(_nothing(file, names), places, (), {})

    def rows(self, columns: Columns, problems: list[Problem], wrong_width: list[int]) -> Iterator[tuple[int, Cells, Sequence[str]]]:
        """The rows of the merged table, as ``Columns.rows`` gives those of one file."""
        file = columns.table.file
        own, kept = self._own.get(file), self.kept[file]
        if own is not None and not (self.delta and self.modes.get(file) == "delta"):
            yield from self._complete(file, own, problems, wrong_width)
            return
        changes: dict[str, list[_Change]] = {}
        for change in self._changes(file, own, problems):
            changes.setdefault(change.key, []).append(change)
        state = dict(kept.rows)
        sent: dict[str, list[_Change]] = {}
        for key, here in changes.items():
            if used := self._merge(state, key, here, kept.arrived):
                sent[key] = used
            equal = {change.cells for change in used}
            over = (change.line for change in here if change.cells not in equal)
            problems += [Problem(file, line, "dateLastModified", Reason.OUTDATED_ROW) for line in over]
        merged = self.kept[file] = replace(kept, rows=state)
        number = 0
        for key in merged.order():
            if key in sent:
                yield from ((change.line, change.cells, change.row) for change in sent[key])
                continue
            for cells in state[key].shown:
                number -= 1
                yield number, cells, []
        wrong_width += range(number - 1, number - 1 - kept.broken, -1)

    def _merge(self, state: dict[str, Entry], key: str, here: Sequence[_Change], bulk: str) -> list[_Change]:
        """Add the changes of one id to what stands there; those that count. ``bulk`` marks the complete file.

        Of this upload the newest rows count, all that say different things, and besides them each no.
        """
        dated = [change for change in here if change.modified and not too_old(change.modified, bulk)]
        last = max((change.modified for change in dated), default="")
        newest = list({change.cells: change for change in reversed(dated) if change.modified == last}.values())[::-1]
        noes = list({change.cells: change for change in reversed(here) if change.no}.values())[::-1]
        if not newest and not noes:
            return []
        arrived = self.arrived or "9"
        entry = Entry(
            last,
            arrived if newest else "",
            tuple(change.cells for change in newest if not change.gone and not change.no),
            arrived if noes else "",
            tuple(change.cells for change in noes),
        )
        after = state[key] = entry.joined(state.get(key))
        used = newest if newest and (after.modified, after.arrived) == (last, arrived) and after.no <= arrived else []
        if noes and after.refuses and after.no == arrived:
            used = [*used, *(change for change in noes if change not in used)]
        return sorted(used, key=lambda change: change.line)

    def _complete(
        self, file: str, own: Columns, problems: list[Problem], wrong_width: list[int]
    ) -> Iterator[tuple[int, Cells, Sequence[str]]]:
        kept = self.kept[file]
        moves = self._moves(own, kept.columns)
        id_at = kept.columns.index("sourcedId")
        before = len(wrong_width)
        versions: dict[str, list[Cells]] = {}
        for line, given, row in own.rows(problems, wrong_width):
            cells = tuple(given[place] for place in moves) if moves else given
            versions.setdefault(cells[id_at].strip(), []).append(cells)
            yield line, cells, row
        rows = {key: Entry("", "", tuple(found)) for key, found in versions.items()}
        self.kept[file] = replace(kept, rows=rows, of_bulk=len(rows), broken=len(wrong_width) - before)

    def _changes(self, file: str, own: Columns | None, problems: list[Problem]) -> Iterator[_Change]:
        if own is None:
            return
        names = self.kept[file].columns
        at = {name: place for place, name in enumerate(own.places)}
        broken: list[int] = []
        for line, given, row in own.rows(problems, broken):
            if self._merged_before(self.kept[file]):
                raise RefusedError(Reason.STALE_FILE, file)
            said, what = change_of({name: given[at[name]] for name in KEYS}, self.arrived or "9")
            cells = tuple(given[at[name]] if name in at else "" for name in names)
            key, no = given[at["sourcedId"]].strip(), file == "users.csv" and self.says_no(dict(zip(names, cells, strict=True)))
            if not isinstance(what, Reason):
                yield _Change(key, said, what, no, line, cells, row)
            elif no and key:
                status = given[at["status"]].strip().lower()
                # The reader tells of a word that it does not know itself.
                if said != "status" or not status:
                    problems.append(Problem(file, line, said, what))
                yield _Change(key, "", status == GONE, no, line, cells, row)
            else:
                self.unapplied.append(Unapplied(file, line, said, what, cells))
        self.unapplied += [Unapplied(file, line, "", Reason.ROW_WIDTH) for line in broken]

    @staticmethod
    def _moves(own: Columns, names: tuple[str, ...]) -> list[int]:
        """Where the cells of ``names`` stand among this upload's; empty where they stand as they are."""
        order = list(own.places)
        return [] if tuple(order) == names else [order.index(name) for name in names]


def _nothing(file: str, header: tuple[str, ...]) -> Table:
    """A table of no rows."""
    return Table(file, header, ",", (), b"", "utf-8", 0)
