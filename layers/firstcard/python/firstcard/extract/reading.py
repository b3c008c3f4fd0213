"""A library's file of patrons, or the answers of its ILS, read for the agreed fields alone: strict about who it is, forgiving about everything else."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from firstcard.agreement import FORBIDDEN_FIELDS, NEEDED_PATRON_FIELDS, PATRON_FIELDS, PatronsClause
from firstcard.extract.model import PatronReading
from firstcard.roster import DroppedColumn, Problem, Reason, Refusal, values
from firstcard.roster.headers import choose
from firstcard.roster.reading import RefusedError
from firstcard.roster.text import open_table

MOST_BYTES = 1_000_000_000
AGES = range(121)
"""Adults are patrons too."""

Checked = tuple[str, tuple[Reason, ...]]

_HARMLESS = frozenset({Reason.INVISIBLE_REMOVED, Reason.FORMULA_LIKE, Reason.MOJIBAKE, Reason.DATE_NOT_ISO})
"""With these a value is used; with any other it is not."""
_WHO = ("patron_id", "first_name", "last_name")
"""Without these, or with one that cannot be trusted, a row is left out; every other value is left empty."""


@dataclass(frozen=True, slots=True)
class _Forbidding:
    """What may never be read, whatever is agreed."""

    forbidden: frozenset[str] = frozenset(FORBIDDEN_FIELDS)


def read_patrons(data: bytes, file: str, clause: PatronsClause, today: date) -> PatronReading | Refusal:
    """The usable patrons of a CSV file, or why nothing of it is used.

    Columns may stand in any order. One that is not agreed is dropped unread and named; a forbidden one is looked at for emptiness only.
    """
    if len(data) > MOST_BYTES:
        return Refusal(Reason.TOO_LARGE, file)
    try:
        return _read(data, file, clause, today)
    except RefusedError as error:
        return error.refusal


def _read(data: bytes, file: str, clause: PatronsClause, today: date) -> PatronReading | Refusal:
    known = frozenset[str](PATRON_FIELDS)
    table = open_table(data, file, known=known)
    if known.isdisjoint(table.header) and any(name.isdecimal() for name in table.header):
        return Refusal(Reason.NO_HEADER, file, 1)
    columns = choose(table, clause.fields, required=frozenset(NEEDED_PATRON_FIELDS), known=known, terms=_Forbidding())
    checker = PatronChecker(clause, today, file=file)
    checker.warnings += table.problems
    order = tuple(columns.places)
    wrong_width: list[int] = []
    for line, cells, _ in columns.rows(checker.warnings, wrong_width):
        checker.look_at(line, dict(zip(order, cells, strict=True)))
    for line in wrong_width:
        checker.reject(line, "", Reason.ROW_WIDTH)
    if any(columns.forbidden[place][1] == "password" for place in columns.populated):
        checker.warnings.append(Problem(file, 1, "", Reason.PASSWORDS_SENT))
    reading = checker.reading(tuple(columns.report()))
    return reading if reading.count else Refusal(Reason.EMPTY_BULK, file)


class PatronChecker:
    """Looks at patrons one by one and keeps the agreed fields of those that can be used."""

    def __init__(self, clause: PatronsClause, today: date, *, file: str = "") -> None:
        self.warnings: list[Problem] = []
        self._fields = clause.fields
        self._today = today
        self._file = file
        self._rejected: list[Problem] = []
        self._rejected_rows: Counter[Reason] = Counter()
        self._rows = 0
        self._kept: dict[str, tuple[int, tuple[str, ...]]] = {}
        self._torn: set[str] = set()

    def look_at(self, line: int, cells: Mapping[str, str]) -> None:
        """One patron; of ``cells`` nothing but the agreed fields is read. ``line`` is 0 where there is none."""
        self._rows += 1
        values_of: dict[str, str] = {}
        wrong: list[tuple[str, Reason]] = []
        told: list[tuple[str, Reason]] = []
        for name in self._fields:
            value, reasons = self._checked(name, cells.get(name, ""))
            for reason in reasons:
                (wrong if name in _WHO and reason not in _HARMLESS else told).append((name, reason))
            values_of[name] = value
        wrong += [(name, Reason.MISSING_REQUIRED) for name in _WHO if not values_of[name] and name not in {one for one, _ in wrong}]
        if wrong:
            self._leave_out(line, wrong)
            return
        self._keep(line, values_of["patron_id"], tuple(values_of[name] for name in self._fields))
        self.warnings += [Problem(self._file, line, name, reason) for name, reason in told]

    def reject(self, line: int, column: str, reason: Reason) -> None:
        """A row that could not be read at all."""
        self._rows += 1
        self._leave_out(line, [(column, reason)])

    def reading(self, dropped: tuple[DroppedColumn, ...] = ()) -> PatronReading:
        """What came of it."""
        rows = [row for _, row in self._kept.values()]
        columns: dict[str, list[str]] = {name: [row[place] for row in rows] for place, name in enumerate(self._fields)}
        return PatronReading(
            columns, self._rows, tuple(self._rejected), dict(sorted(self._rejected_rows.items())), tuple(self.warnings), dropped
        )

    def _keep(self, line: int, patron_id: str, row: tuple[str, ...]) -> None:
        if patron_id in self._torn:
            self._leave_out(line, [("patron_id", Reason.DUPLICATE_ID)])
            return
        first = self._kept.setdefault(patron_id, (line, row))
        if first[1] != row:
            self._torn.add(patron_id)
            del self._kept[patron_id]
            for one in (first[0], line):
                self._leave_out(one, [("patron_id", Reason.DUPLICATE_ID)])
        elif first[1] is not row:
            self.warnings.append(Problem(self._file, line, "", Reason.DUPLICATE_ROW))

    def _leave_out(self, line: int, wrong: Sequence[tuple[str, Reason]]) -> None:
        self._rejected_rows[wrong[0][1]] += 1
        self._rejected += [Problem(self._file, line, name, reason) for name, reason in wrong]

    def _checked(self, name: str, raw: str) -> Checked:
        """The normal form, empty where the value cannot be trusted, with the reasons."""
        if not raw:
            return "", ()
        if name == "birth_date":
            return self._born(raw)
        value, reasons = _CHECKS.get(name, values.text)(raw)
        return ("" if any(reason not in _HARMLESS for reason in reasons) else value), reasons

    def _born(self, raw: str) -> Checked:
        born, _, reasons = values.birth_date(raw, self._today, ages=AGES)
        return born.isoformat() if born else "", reasons


def _phone(raw: str) -> Checked:
    value, reasons = values.text(raw)
    return value, tuple(reason for reason in reasons if reason is not Reason.FORMULA_LIKE)  # +1 904 … begins every second one


def _blocked(raw: str) -> Checked:
    blocked, reasons = values.flag(raw)
    return "yes" if blocked else "no", reasons


_CHECKS: Mapping[str, Callable[[str], Checked]] = {
    "patron_id": values.code,
    "barcode": values.code,
    "email": values.email,
    "phone": _phone,
    "blocked": _blocked,
}
