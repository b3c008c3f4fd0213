"""The records to be matched, read into DuckDB and brought to their normal forms there.

Only distinct values are normalised. Values stay inside the database and are never written to a disk: it has no temporary folder.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from firstcard.match import names

COLUMNS = (
    "id",
    "district",
    "state_id",
    "first_name",
    "middle_name",
    "last_name",
    "suffix",
    "preferred_name",
    "birth_date",
    "street",
    "postal_code",
    "phone",
    "email",
)
"""What is known of a record. ``district`` is empty for a library's patrons; a student's ``phone`` and ``email`` are the guardian's: the household's."""

CROWD = 20
"""A phone, an e-mail or an address that more records of one side have is no household's: a school's, a shelter's, a made-up one."""
SEVERAL = 4
"""A state id that more records of one side have is no child's."""
CROWDED_DAY = (30, 8)
"""A birth date that at least so many records of a side have, and so many times the median of dates, is what a system writes for none."""
CHUNK = 20_000
BETWEEN = "\x1f"
"""Stands between values that are handed to the database as one text; where a value has it, they are handed over one by one."""

Row = Mapping[str, str]


class SourceError(ValueError):
    """Records cannot be read. The message names no value."""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file in UTF-8 with a header of ``width`` columns. ``places``: where each of ``COLUMNS`` stands, of several the first that is not empty."""

    path: Path
    width: int
    places: Mapping[str, tuple[int, ...]]


Source = CsvFile | Iterable[Row]
"""A CSV file, or rows with some of ``COLUMNS``; what a row lacks is empty."""


def read(db: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> None:
    """Make the tables ``record``, ``given`` and ``contact`` from the left source and, where there is one, the right.

    Raises ``SourceError`` where a file is no CSV file in UTF-8.
    """
    db.execute("create table raw (side utinyint, " + ", ".join(f"{name} varchar" for name in COLUMNS) + ")")
    for side, source in enumerate(sources):
        if isinstance(source, CsvFile):
            _read_file(db, side, source)
            _refuse_swallowed(db, side, source.path)
            if len(sources) > 1:
                _refuse_repeated(db, side, source.path)
        else:
            _read_rows(db, side, source)
    _forms(db)
    db.execute(_PLACE.format(columns=", ".join(name for name in COLUMNS if name != "id")))
    db.execute(_RECORD.format(state=_STATE, no_phone=_NO_PHONE, no_email=_NO_EMAIL))
    for name in ("raw", "placed", "first_form", "family_form", "suffix_form", "day_form", "street_form"):
        db.execute(f"drop table {name}")
    least, times = CROWDED_DAY
    for statement in _FOLLOWING:
        db.execute(statement.format(crowd=CROWD, least=least, times=times))


def distrust(db: duckdb.DuckDBPyConnection) -> None:
    """Take away state ids that were copied or made up: those of two children of one district, and of many records. To be asked only where brothers and sisters
    are among the records: else all that bear one id are one person, however often and with whatever slips it stands there.
    """
    for statement in _VAIN:
        db.execute(statement.format(several=SEVERAL))


def _read_file(db: duckdb.DuckDBPyConnection, side: int, file: CsvFile) -> None:
    taken = ", ".join("coalesce(" + "".join(f"nullif(c{place}, ''), " for place in file.places.get(name, ())) + "'')" for name in COLUMNS)
    types = "{" + ", ".join(f"c{place}: 'VARCHAR'" for place in range(file.width)) + "}"
    if _quotes(file.path) % 2:
        # The database would drop the rest of the file without a word.
        raise SourceError(f"{file.path.name} cannot be read to its end: a quotation mark is opened and never closed")
    # The database takes a path for a pattern.
    path = re.sub(r"([*?\[])", r"[\1]", str(file.path.resolve()))
    try:
        db.execute(
            f"insert into raw select {side}, {taken} from read_csv(?, auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
            f"columns = {types}, null_padding = true, parallel = false, compression = 'none', max_line_size = 1000000)",
            [path],
        )
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        # DuckDB's message shows the line that it could not read: only its number is told.
        line = re.search(r"CSV Error on Line: (\d+)", str(error))
        where = f" (line {line[1]})" if line else ""
        raise SourceError(f"{file.path.name} is not a CSV file in UTF-8 that can be read to its end{where}") from None


def _refuse_repeated(db: duckdb.DuckDBPyConnection, side: int, path: Path) -> None:
    """Between students and cards every record needs an id of its own: a decision says nothing else of whose card it is."""
    repeated = db.execute(
        "select coalesce(sum(n), 0) from (select count(*) as n from raw where side = ? group by trim(id) having n > 1 or trim(id) = '')",
        [side],
    ).fetchall()[0][0]
    if repeated:
        kind = "patron" if side else "student"
        raise SourceError(
            f"{path.name} has {repeated:,} rows of which the {kind}'s id is empty or stands in another row too: a decision could not say whose card it is"
        )


def _refuse_swallowed(db: duckdb.DuckDBPyConnection, side: int, path: Path) -> None:
    """A quotation mark in the wrong place makes many rows one value."""
    broken = " or ".join(f"regexp_matches({name}, '[\\r\\n]')" for name in COLUMNS if name != "street")
    found = db.execute(
        f"select count(*) from raw where side = ? and ({broken} or regexp_matches(street, '[\\r\\n][^\\r\\n]*,[^\\r\\n]*,[^\\r\\n]*,[^\\r\\n]*,'))",
        [side],
    ).fetchall()[0][0]
    if found:
        raise SourceError(f"{path.name} has {found:,} rows with a line break inside a value: is a quotation mark in the wrong place?")


def _quotes(path: Path) -> int:
    """How many quotation marks the file has: those of a whole CSV file come in pairs."""
    try:
        with path.open("rb") as file:
            return sum(part.count(b'"') for part in iter(lambda: file.read(1 << 20), b""))
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror or type(error).__name__}") from None


def _read_rows(db: duckdb.DuckDBPyConnection, side: int, rows: Iterable[Row]) -> None:
    left = iter(rows)
    while chunk := list(islice(left, CHUNK)):
        cells = [_cells([row.get(name) or "" for row in chunk]) for name in COLUMNS]
        db.execute(f"insert into raw select {side}, {', '.join(sql for sql, _ in cells)}", [values for _, values in cells])


def _cells(values: list[str]) -> tuple[str, list[str] | str]:
    """SQL that makes rows of the values, and its parameter: one text, which is handed over in a fraction of the time that a list takes."""
    text = BETWEEN.join(values)
    if text.count(BETWEEN) == len(values) - 1:
        return f"unnest(string_split(?, chr({ord(BETWEEN)})))", text
    return "unnest(?::varchar[])", values


def _forms(db: duckdb.DuckDBPyConnection) -> None:
    """One table a kind of value, from each distinct value to its normal form."""
    _form(db, "first_form", ("first_name", "middle_name", "preferred_name"), ("words varchar", "suffix varchar"), names.given_name)
    _form(db, "family_form", ("last_name",), ("words varchar", "suffix varchar"), names.family_name)
    _form(db, "suffix_form", ("suffix",), ("suffix varchar",), lambda raw: (names.suffix(raw),))
    _form(db, "day_form", ("birth_date",), ("day integer",), lambda raw: (names.birth_date(raw),))
    db.execute(_STREET)


def _form(
    db: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], made: Sequence[str], form: Callable[[str], Sequence[object]]
) -> None:
    db.execute(f"create table {table} (raw varchar, {', '.join(made)})")
    distinct = " union ".join(f"select distinct {column} as raw from raw where {column} <> ''" for column in columns)
    for chunk in _chunks(db, distinct):
        made_of = [form(raw) for raw in chunk]
        values = [chunk, *([one[at] for one in made_of] for at in range(len(made)))]
        cells = ", ".join(f"unnest(?::{kind}[])" for kind in ("varchar", *(one.split()[1] for one in made)))
        db.execute(f"insert into {table} select {cells}", values)


def _chunks(db: duckdb.DuckDBPyConnection, query: str) -> Iterator[list[str]]:
    cursor = db.cursor()
    cursor.execute(query)
    while rows := cursor.fetchmany(CHUNK):
        yield [row[0] for row in rows]


_COMMON = ", ".join(f"'{word}'" for word in names.COMMON)

_NUMBERED = ", ".join(f"'{word}'" for word in names.NUMBERED)
_KIND = " ".join(f"when '{word}' then '{kind}'" for kind, words in names.ROADS.items() for word in words.split())
_KINDS = "|".join(word for words in names.ROADS.values() for word in words.split())

_STREET = f"""
create table street_form as
select
  raw,
  case kind {_KIND} else '' end as kind,
  translate(replace(replace(replace(replace(before || after, 'north', 'n'), 'south', 's'), 'east', 'e'), 'west', 'w'), ' ', '') as facing,
  if(house = '' or street = '', '', house || ' ' || street || ' ' || regexp_replace(regexp_extract(text, '{names.UNIT}', 1), '[^a-z0-9]', '', 'g')) as key
from (
  select raw, text, parts['house'] as house,
    regexp_extract(text, '.*[0-9a-z][^a-z0-9]+({_KINDS})(?:[^a-z0-9]|$)', 1) as kind,
    regexp_extract(text, '^[^a-z0-9]*[0-9][0-9a-z]*[^a-z0-9]+({names.DIRECTION})[^a-z0-9]', 1) as before,
    regexp_extract(text, '[a-z][^a-z0-9]+(?:{_KINDS})[^a-z0-9]+({names.DIRECTION})(?:[^a-z0-9]|$)', 1) as after,
    if(parts['first'] in ({_NUMBERED}), left(parts['first'], 5) || parts['next'] || regexp_extract(text, '^[^a-z0-9]*[0-9][0-9a-z]*[^0-9]*[^0-9a-z]([0-9]+)', 1),
    if(parts['first'] in ({_COMMON}), parts['first'] || left(parts['next'], 4), left(parts['first'], 5))) as street
  from (
    select raw, text, regexp_extract(text, '{names.STREET}', ['house', 'first', 'next']) as parts
    from (
      select raw, if(regexp_full_match(raw, '[a-zA-Z0-9 #-]*'), lower(raw), translate(lower(strip_accents(raw)), {names.APOSTROPHES}, '')) as text
      from (select distinct street as raw from raw where street <> '')
    )
  )
)
"""

_PLACE = """
create table placed as
select place, (row_number() over (order by side, id, columns))::integer as row
from (select rowid as place, side, id, hash({columns}) as columns from raw)
"""

_RECORD = """
create table record as
select row, * exclude (row, place)
from (
  select
    r.place, side, id, lower(trim(district)) as district,
    {state} as state,
    coalesce(first_form.words, '') as given,
    if(replace(preferred.words, ' ', '') = replace(first_form.words, ' ', ''), '', coalesce(preferred.words, '')) as preferred,
    coalesce(nullif(middle.words, 'na'), '') as middle,
    coalesce(family.words, '') as family,
    coalesce(nullif(written.suffix, ''), nullif(family.suffix, ''), nullif(middle.suffix, ''), first_form.suffix, '') as suffix,
    coalesce(day, 0) as born,
    if(coalesce(street_form.key, '') = '', 0::ubigint, hash('a', street_form.key)) as address,
    coalesce(street_form.kind, '') as road, coalesce(street_form.facing, '') as facing,
    left(ltrim(postal_code), 5) as zip,
    if({no_phone}, 0::ubigint, hash('p', digits)) as phone,
    if({no_email}, 0::ubigint, hash('e', mail)) as email
  from (
    select *, ltrim(upper(trim(state_id)), '0') as state_sign, lower(trim(email)) as mail, right(if(try_cast(bare as ubigint) is null, regexp_replace(bare, '[^0-9]', '', 'g'), bare), 10) as digits
    from (select rowid as place, *, replace(replace(replace(replace(replace(replace(replace(phone, ' ', ''), '(', ''), ')', ''), '-', ''), '.', ''), '+', ''), '/', '') as bare from raw)
  ) r
  left join first_form on first_form.raw = first_name
  left join first_form preferred on preferred.raw = preferred_name
  left join first_form middle on middle.raw = middle_name
  left join family_form family on family.raw = last_name
  left join suffix_form written on written.raw = r.suffix
  left join day_form on day_form.raw = birth_date
  left join street_form on street_form.raw = street
)
join placed using (place)
"""

_STATE = (
    "if(length(state_sign) >= 6 and length(regexp_replace(state_sign, '[^0-9]', '', 'g')) >= 5 and state_sign <> repeat(state_sign[1], length(state_sign)) "
    "and not contains('1234567890', state_sign) and not contains('9876543210', state_sign), state_sign, '')"
)
"""A state id without the zeros before it, which spreadsheets lose; PENDING, 0000000000 and the like are none."""

_NO_PHONE = (
    "length(digits) < 7 or length(replace(digits, digits[1], '')) < 3 or length(digits) = 10 and digits[1] in ('0', '1') "
    "or right(digits, 7) in ('5555555', '5551212')"
)
_NO_EMAIL = (
    "not contains(mail, '@') or split_part(mail, '@', 1) in ('none', 'no', 'na', 'n', 'x', 'xx', 'xxx', 'test', 'null', 'unknown', 'refused', 'declined', "
    "'noemail', 'no-email', 'no_email', 'no.email', 'nomail', 'noreply', 'no-reply', 'nobody', 'donotreply', 'email', 'parent', 'guardian') "
    "or split_part(mail, '@', 2) in ('none.com', 'none.org', 'none', 'noemail.com', 'no.com', 'na.com', 'na', 'test.com', 'x.com')"
)
"""What is written into a form that demands a phone or an e-mail."""

_VAIN = (
    "create table vain as select distinct side, state from (select side, state from record where state <> '' group by side, district, state "
    "having count(distinct nullif(given, '')) > 1 and (count(distinct nullif(born, 0)) > 1 or count(distinct nullif(family, '')) > 1) "
    "union all select side, state from record where state <> '' group by side, state having count(*) > {several})",
    *(f"update {table} set state = '' where (side, state) in (select (side, state) from vain)" for table in ("record", "part")),
    "drop table vain",
)

_FOLLOWING = (
    # What too many have is nobody's.
    "create table crowd as select address as key from record where address <> 0 group by side, address, zip having count(*) > {crowd} "
    "union select phone from record where phone <> 0 group by side, phone having count(*) > {crowd} "
    "union select email from record where email <> 0 group by side, email having count(*) > {crowd}",
    "update record set address = 0 where address in (select key from crowd)",
    "update record set phone = 0 where phone in (select key from crowd)",
    "update record set email = 0 where email in (select key from crowd)",
    "create table vague_day as with days as (select side, born, count(*) as n from record where born <> 0 group by all) "
    "select distinct born from days join (select side, median(n) as usual from days group by side) using (side) "
    "where born % 10000 = 101 or n > greatest({least}, {times} * usual)",
    "alter table record add column vague boolean",
    "update record set vague = born in (select born from vague_day)",
    # How many families use a given name, and how rare names are.
    "create table given as select given as name, count(*) as n, count(distinct family) as families from record where given <> '' group by given",
    "create table family as select family as name, count(*) as n from record where family <> '' group by family",
    # What keys are made of; ``day`` has month and day in their order of size, so that swapped ones meet.
    "create table part as select row, side, zip, state, born, "
    "born // 10000 * 10000 + least(born // 100 % 100, born % 100) * 100 + greatest(born // 100 % 100, born % 100) as day, "
    "if(given = '' or family = '', 0::ubigint, hash(given, family)) as name, left(given, 3) as given, left(preferred, 3) as preferred, "
    "left(family, 3) as family, left(string_split(family, ' ')[-1], 3) as last, string_split(given, ' ')[1] as word, "
    "left(replace(given, ' ', ''), 3) as letters, left(replace(preferred, ' ', ''), 3) as preferred_letters, phone, email, address, "
    "side = 0 and (born = 0 or vague) as loose, born = 0 or vague as unsure from record",
    "create table contact as "
    "select phone as key, row, side, born, day, given, preferred, word, loose, unsure from part where phone <> 0 "
    "union all select email, row, side, born, day, given, preferred, word, loose, unsure from part where email <> 0 "
    "union all select address, row, side, born, day, given, preferred, word, loose, unsure from part where address <> 0",
)
