"""Deliberate faults: what each does to one row, and the reason code that the row must get."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from cli.samples.sheets import Place, Sample
from firstcard.roster import Reason


@dataclass(frozen=True, slots=True)
class Planted:
    """One spoilt row: where, and the code that it must be rejected with."""

    file: str
    line: int
    column: str
    code: Reason


@dataclass(frozen=True, slots=True)
class _Fault:
    """A fault of one field: from the value and the day of the sample to what stands there instead."""

    code: Reason
    field: str
    spoil: Callable[[str, date], str]


_FAULTS = (
    _Fault(Reason.MISSING_REQUIRED, "last_name", lambda value, today: ""),
    _Fault(Reason.BIRTH_DATE_IN_FUTURE, "birth_date", lambda value, today: (today + timedelta(days=400)).isoformat()),
    _Fault(Reason.DUPLICATE_ID, "student_id", lambda value, today: value),
    _Fault(Reason.CONTROL_CHAR, "first_name", lambda value, today: f"{value[:1]}\x07{value[1:]}"),
    _Fault(Reason.EXCEL_DAMAGE, "student_id", lambda value, today: "1.23E+09"),
    _Fault(Reason.DANGLING_SCHOOL, "school_id", lambda value, today: "no-such-school"),
    _Fault(Reason.BAD_GRADE, "grade", lambda value, today: "Z9"),
    _Fault(Reason.NON_ASCII_ID, "student_id", lambda value, today: f"{value[:-1]}а"),  # a Cyrillic letter that looks like ours
    _Fault(Reason.TWO_DIGIT_YEAR, "birth_date", lambda value, today: "8/1/15"),
    _Fault(Reason.ROW_WIDTH, "student_id", lambda value, today: value),
    _Fault(Reason.BAD_DATE, "birth_date", lambda value, today: "2015-02-30"),
    _Fault(Reason.INVISIBLE_CHAR, "student_id", lambda value, today: f"{value[:3]}\u200b{value[3:]}"),
    _Fault(Reason.AGE_OUT_OF_RANGE, "birth_date", lambda value, today: "1900-01-01"),
    _Fault(Reason.VALUE_TOO_LONG, "last_name", lambda value, today: "Long" * 60),
)


def plant(sample: Sample, rows: int, *, seed: int, today: date) -> tuple[Planted, ...]:
    """Spoil exactly ``rows`` students' rows, the kinds of fault in turn, and say where; two rows share an id for ``DUPLICATE_ID``.

    Raises ValueError if there are fewer rows than that.
    """
    draw = random.Random(f"{seed}\0faults")  # noqa: S311  synthetic faults need a draw that can be repeated
    if rows > len(sample.records):
        raise ValueError(f"only {len(sample.records):,} rows can be spoilt")
    chosen = draw.sample(range(len(sample.records)), rows)
    kinds = [fault for fault in _FAULTS if _suits(fault, sample)]
    planted: list[Planted] = []
    turn = 0
    while chosen:
        fault = kinds[turn % len(kinds)]
        turn += 1
        if fault.code is Reason.DUPLICATE_ID and len(chosen) < 2:
            continue
        record = sample.records[chosen.pop()]
        places = record[fault.field]
        if fault.code is Reason.ROW_WIDTH:
            del sample.sheets[places[0].file].rows[places[0].row][-1]
            planted.append(Planted(places[0].file, places[0].line, "", fault.code))
            continue
        if fault.code is Reason.DUPLICATE_ID:
            twin = sample.records[chosen.pop()][fault.field]
            for own, other in zip(places, twin, strict=True):
                _put(sample, other, _get(sample, own))
            planted.append(_planted(sample, twin[0], fault.code))
        value = fault.spoil(_get(sample, places[0]), today)
        if value != _get(sample, places[0]):
            for place in places:
                _put(sample, place, value)
        planted.append(_planted(sample, places[0], fault.code))
    return tuple(sorted(planted, key=lambda one: (one.file, one.line)))


def _suits(fault: _Fault, sample: Sample) -> bool:
    if fault.code is Reason.DANGLING_SCHOOL and not sample.lists_schools:
        return False
    if fault.code is Reason.ROW_WIDTH and sample.packed == "xlsx":  # a workbook's rows are all as wide as the sheet
        return False
    return all(fault.field in record for record in sample.records)


def _get(sample: Sample, place: Place) -> str:
    return sample.sheets[place.file].rows[place.row][place.column]


def _put(sample: Sample, place: Place, value: str) -> None:
    sample.sheets[place.file].rows[place.row][place.column] = value


def _planted(sample: Sample, place: Place, code: Reason) -> Planted:
    return Planted(place.file, place.line, sample.sheets[place.file].header[place.column], code)
