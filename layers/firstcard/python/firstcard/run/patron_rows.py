"""A library's own patrons as matching takes them. The database that reads them is loaded when they are asked for."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from firstcard.run.extracts import Extracts, MovedError
from firstcard.run.sealed_extract import open_extract
from firstcard.vault import Intent, Wrap


def patron_rows(
    extracts: Extracts, now: datetime, *, unwrap: Wrap, declare: Callable[[Intent], None]
) -> Iterator[Mapping[str, str]] | None:
    """Each patron of the extract that counts, under the ILS's id as ``id``, or None where there is none that may be opened now.

    Raises VaultClosedError as ``open_extract`` does; one that was replaced just now is looked for again, once.
    """
    try:
        body = open_extract(extracts, now, unwrap=unwrap, declare=declare)
    except MovedError:
        body = open_extract(extracts, now, unwrap=unwrap, declare=declare)
    if body is None:
        return None
    from firstcard.extract.parquet import from_parquet, records

    return records(from_parquet(body))
