"""Which pairs are compared at all: those that share one of a few keys.

A key is a hash of a birth date (month and day in their order of size, so that swapped ones meet) with the beginning of a name or a household's contact; of a whole
name with the year, the day or the ZIP code; of a contact with the beginning of a first name; or a state id. Measured to find 99 in 100 true pairs.
"""

import duckdb

LARGEST = 400
"""A key that more patrons share (or students, among themselves) tells nothing; other keys find their pairs."""

_KEYS = """
select hash(1, day, letters) as key, row from part where day <> 0 and letters <> '' and {side}
union all select hash(1, day, preferred_letters), row from part where day <> 0 and preferred_letters not in ('', letters) and {side}
union all select hash(1, day, family), row from part where day <> 0 and family not in ('', letters, preferred_letters) and {side}
union all select hash(1, day, last), row from part where day <> 0 and last not in ('', letters, preferred_letters, family) and {side}
union all select hash(2, day, key), row from contact where day <> 0 and {side}
union all select hash(3, name, born // 10000), row from part where day <> 0 and name <> 0 and {side}
union all select hash(4, name, zip), row from part where zip <> '' and name <> 0 and {side}
union all select hash(5, name, day % 10000), row from part where day <> 0 and name <> 0 and {side}
union all select hash(6, key, given), row from contact where given <> '' and {side}
union all select hash(6, key, preferred), row from contact where preferred <> '' and {side}
union all select hash(7, state), row from part where state <> '' and {side}
"""

_MORE_KEYS = """
union all select hash(8, key, family), row from contact join (select row, family from part) using (row) where family <> '' and {side}
union all select hash(9, key, born), row from contact where day <> 0 and {side}
union all select hash(10, zip, given), row from part where zip <> '' and given <> '' and {side}
union all select hash(10, zip, family), row from part where zip <> '' and family <> '' and {side}
union all select hash(11, list_sort(string_split(state, ''))), row from part where length(state) >= 6 and {side}
"""
"""What would bring brothers and sisters together, where there are none."""

_LINKED = """
create table pair as
select l.row as left_row, r.row as right_row
from ({keys}) l join block r on l.key = r.key
group by all
"""

_WITHIN = """
create table pair as
select l.row as left_row, r.row as right_row
from block l join block r on l.key = r.key and l.row < r.row
group by all
"""


def block(db: duckdb.DuckDBPyConnection, *, within: bool, families: bool) -> None:
    """Make the table ``pair`` of rows to be compared, each pair once, the left row first."""
    keys = _KEYS if families else _KEYS + _MORE_KEYS
    side = 0 if within else 1
    db.execute(f"create table all_keys as {keys.format(side=f'side = {side}')}")
    if within:
        db.execute(f"create table fit as select key from all_keys group by key having count(*) between 2 and {LARGEST}")
        db.execute("create table block as select key, row from all_keys where key in (select key from fit)")
        db.execute(_WITHIN)
    else:
        db.execute(f"create table fit as select key from all_keys group by key having count(*) > {LARGEST}")
        db.execute("create table block as select key, row from all_keys where key not in (select key from fit)")
        db.execute(_LINKED.format(keys=keys.format(side="side = 0")))
    for table in ("all_keys", "fit", "block", "part"):
        db.execute(f"drop table {table}")
