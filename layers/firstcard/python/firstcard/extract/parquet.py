"""A library's patrons as Parquet, written and read in memory: no value touches a disk, and none stays behind in a file system that others see."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import duckdb
from fsspec.implementations.memory import MemoryFileSystem

FILE = "patrons.parquet"
CHUNK = 20_000
AS_RECORD = {
    "id": "patron_id",
    "barcode": "barcode",
    "first_name": "first_name",
    "middle_name": "middle_name",
    "last_name": "last_name",
    "suffix": "suffix",
    "birth_date": "birth_date",
    "street": "street",
    "postal_code": "postal_code",
    "phone": "phone",
    "email": "email",
    "blocked": "blocked",
}
"""What matching calls a field, and what the extract does; whether the card is blocked is no field to match by."""


class ParquetError(Exception):
    """The extract cannot be written or read. The message names no value."""


def to_parquet(columns: Mapping[str, Sequence[str]]) -> bytes:
    """Columns of text, all of one length, as one Parquet file."""
    with _database() as (db, files):
        db.execute(f"create table patrons ({', '.join(f'{_quoted(name)} varchar' for name in columns)})")
        cells = ", ".join("unnest(?::varchar[])" for _ in columns)
        piece = {name: iter(column) for name, column in columns.items()}
        while rows := [list(islice(column, CHUNK)) for column in piece.values()]:
            if not rows[0]:
                break
            db.execute(f"insert into patrons select {cells}", rows)  # question marks
        db.execute(f"copy patrons to 'memory://{FILE}' (format parquet, compression zstd)")
        written: bytes = files.cat_file(f"/{FILE}")
        return written


def from_parquet(body: bytes) -> Iterator[dict[str, str]]:
    """The patrons one by one, each with all fields of the extract."""
    with _database() as (db, files):
        files.pipe_file(f"/{FILE}", body)
        found = db.execute(f"select * from read_parquet('memory://{FILE}')")  # noqa: S608  # a fixed name
        names = [column[0] for column in found.description or ()]
        while rows := found.fetchmany(CHUNK):
            for row in rows:
                yield dict(zip(names, row, strict=True))


def records(patrons: Iterable[Mapping[str, str]]) -> Iterator[dict[str, str]]:
    """The patrons as matching takes them: a source of ``firstcard.match``."""
    return ({name: patron.get(own, "") for name, own in AS_RECORD.items()} for patron in patrons)


@contextmanager
def _database() -> Iterator[tuple[duckdb.DuckDBPyConnection, Any]]:
    """A database that has no folder for temporary files and loads nothing from anywhere, and the only file system it writes to."""
    files = _OwnMemory()
    db = duckdb.connect(
        ":memory:", config={"temp_directory": "", "autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
    try:
        db.register_filesystem(files)
        yield db, files
    except duckdb.Error as error:
        # DuckDB's own message may show a value.
        raise ParquetError(f"the database gave up: {type(error).__name__}") from None
    finally:
        db.close()
        files.store.clear()


class _OwnMemory(MemoryFileSystem):  # type: ignore[misc]  # fsspec comes without types
    """A file system in memory that is this object's alone; fsspec's own is one for the whole process."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}
        self.pseudo_dirs = [""]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
