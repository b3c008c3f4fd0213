"""A library's patrons, all synthetic, and the clause that lets it use them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from firstcard.agreement import PATRON_FIELDS, PatronsClause
from firstcard.extract import PatronReading, read_patrons
from tests.unit.agreement.builders import PATRONS, a_library

TODAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def a_clause(**changes: Any) -> PatronsClause:
    """The clause of the usual library, with every field unless told otherwise."""
    clause = a_library(patrons=PATRONS | {"fields": list(PATRON_FIELDS)} | changes).patrons
    assert clause is not None
    return clause


def a_patron_row(number: int = 1, **changes: str) -> dict[str, str]:
    """One patron with everything; ``number`` tells patrons apart."""
    return {
        "patron_id": f"{5000 + number}",
        "barcode": f"2380000000{number:04d}",
        "first_name": "Anaïs",
        "middle_name": "del Carmen",
        "last_name": f"Quispe-{number}",
        "suffix": "Jr",
        "birth_date": "1984-02-29",
        "street": "12 Elm St",
        "postal_code": "32202",
        "phone": "+1 904 555 0100",
        "email": f"patron{number}@example.org",
        "blocked": "no",
    } | changes


def a_patrons_csv(*rows: Mapping[str, str], header: Sequence[str] = (), end: str = "\r\n") -> bytes:
    """Rows as a file, quoted where needed."""
    names = tuple(header) or tuple(dict.fromkeys(name for row in rows for name in row)) or PATRON_FIELDS

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text

    lines = [",".join(names), *(",".join(cell(row.get(name, "")) for name in names) for row in rows)]
    return (end.join(lines) + end).encode()


def read(data: bytes, clause: PatronsClause | None = None) -> PatronReading:
    """The reading of a file that can be used."""
    reading = read_patrons(data, "patrons.csv", clause or a_clause(), TODAY)
    assert isinstance(reading, PatronReading), reading
    return reading


def rows_of(reading: PatronReading) -> list[dict[str, str]]:
    """The patrons of a reading."""
    return [dict(zip(reading.columns, row, strict=True)) for row in zip(*reading.columns.values(), strict=True)]
