"""Claims about the Parquet that is sealed: in memory alone, with the agreed columns alone."""

import tempfile
from pathlib import Path

import duckdb
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.extract.parquet import AS_RECORD, ParquetError, from_parquet, records, to_parquet
from firstcard.match import COLUMNS, link

from .builders import a_clause, a_patron_row, a_patrons_csv, read, rows_of

MARK = "zq7-not-agreed"


def test_what_is_written_is_read_again() -> None:
    reading = read(a_patrons_csv(*(a_patron_row(n) for n in range(1, 50))))
    assert list(from_parquet(to_parquet(reading.columns))) == rows_of(reading)


@pytest.mark.parametrize("count", [0, 1, 19_999, 20_000, 20_001, 45_000])
def test_no_patron_is_lost_between_two_pieces(count: int) -> None:
    ids = [str(n) for n in range(count)]
    assert [row["patron_id"] for row in from_parquet(to_parquet({"patron_id": ids, "last_name": ids}))] == ids


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20), max_size=6))
def test_any_text_comes_back_as_it_was(names: list[str]) -> None:
    assert [row["last_name"] for row in from_parquet(to_parquet({"last_name": names}))] == names


@settings(max_examples=20, deadline=None)
@given(agreed=st.sets(st.sampled_from(["barcode", "middle_name", "suffix", "street", "postal_code", "phone", "email", "blocked"])))
def test_no_value_of_a_column_that_is_not_agreed_is_in_what_will_be_sealed(agreed: set[str]) -> None:
    clause = a_clause(fields=["patron_id", "first_name", "last_name", "birth_date", *sorted(agreed)])
    row = a_patron_row(1)
    marked = {name: value if name in clause.fields else MARK for name, value in row.items()} | {"notes": MARK, "gender": MARK, "pin": MARK}
    body = to_parquet(read(a_patrons_csv(marked), clause).columns)
    [kept] = from_parquet(body)
    assert set(kept) == set(clause.fields)
    assert MARK not in repr(kept)


def test_nothing_is_written_to_a_disk_and_nothing_stays_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    body = to_parquet(read(a_patrons_csv(*(a_patron_row(n) for n in range(1, 200)))).columns)
    assert len(list(from_parquet(body))) == 199
    assert list(tmp_path.rglob("*")) == []
    assert MemoryFileSystem.store == {}


def test_what_is_no_parquet_is_told_without_a_word_of_it() -> None:
    with pytest.raises(ParquetError, match="the database gave up") as caught:
        list(from_parquet(b"Anais Quispe, born 1984"))
    assert "Quispe" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_database_reads_what_was_written_without_an_extension_from_elsewhere() -> None:
    body = to_parquet({"patron_id": ["1"]})
    assert body[:4] == body[-4:] == b"PAR1"
    assert duckdb.execute(
        "select count(*) from duckdb_extensions() where loaded and install_mode not in ('STATICALLY_LINKED')"
    ).fetchone() == (0,)


def test_the_extract_is_a_source_of_matching() -> None:
    assert set(AS_RECORD) - {"barcode", "blocked"} <= set(COLUMNS)
    people = [("Ben", "Oak", "1984-02-29"), ("Ana", "Quispe", "2015-06-07"), ("Zoltan", "Elm", "1950-01-31")]
    rows = [
        a_patron_row(n, first_name=first, middle_name="", suffix="", last_name=last, birth_date=born, street=f"{n} Elm St")
        for n, (first, last, born) in enumerate(people, 1)
    ]
    body = to_parquet(read(a_patrons_csv(*rows)).columns)
    child = {
        "id": "s1",
        "first_name": "Ana",
        "last_name": "Quispe",
        "birth_date": "2015-06-07",
        "street": "2 Elm St",
        "postal_code": "32202",
    }
    matched = link([child], records(from_parquet(body)))
    assert [(one.left_id, one.right_id) for one in matched.decisions] == [("s1", "5002")]
