"""Pairs compared: the levels of every field, the weight, and what the neighbours of the two say, as SQL over the tables of ``records`` and ``blocking``."""

import math
from collections.abc import Iterable

import duckdb

from firstcard.match.levels import FIELDS, MACROS
from firstcard.match.model import FEWEST_PAIRS, POPULATION, Model, estimate
from firstcard.match.names import nickname_pairs
from firstcard.match.rules import FAR_BITS, MARGIN_BITS, NO_FAMILY_BITS, REVIEW_BITS, Rule, Rules

RAREST = 12.0
"""Bits that the rarity of a name is worth at most: what stands once may be a slip."""
SAMPLE = 1_000
"""Records of each side that stand for all."""
TIMES = 20
"""Others with whom each of them is paired: pairs picked at random."""
KNOWN = 3
"""A given name that so many families use is a name; of more than 150,000 records, one in 50,000."""
FORMAL = 0.1
"""A nickname that stands so often beside its given name is a name of its own."""
FEW = 20
"""With fewer families for both, the data do not tell: then it is one if it has nicknames itself."""

ENOUGH = 1_000
LEAST_SIBLINGS = 0.02
"""Of at least so many contacts of left records, the share that must be of households with several first names and years of birth under one last name."""

_LEVELS = ", ".join(FIELDS)

_FIRST_LEVEL = """
create table first_level as
with named as (
  select distinct l.given as a, r.given as b
  from {pairs} p
  join (select row, given from record where {left}) l on l.row = p.left_row
  join (select row, given from record where {right}) r on r.row = p.right_row
  where l.given <> r.given
)
select a, b, fc_first(a, b, nickname.given is not null) as level, coalesce(formal, false) or fc_edit(a, b) as formal, (known_a.name is null) <> (known_b.name is null) as slip,
  known_a.name is not null and known_b.name is not null as two
from named
left join nickname on nickname.given = a and nickname.short = b
left join known known_a on known_a.name = a
left join known known_b on known_b.name = b
"""

_COMPARED = """
create table {table} as
select
  p.left_row, p.right_row, coalesce(f.formal, false) as formal, coalesce(f.slip, false) as slip,
  coalesce(f.two, false) as two, coalesce(f.level, if(l.given = '', 8, 0)) as named,
  l.middle <> r.middle and fc_joined(l.given, l.middle, r.given, r.middle) as joined,
  (case
    when named = 0 or joined then 0
    when named >= 5 and ((l.preferred <> '' and l.preferred = r.given) or (r.preferred <> '' and r.preferred = l.given)) then 1
    when named in (5, 8) and l.preferred <> '' and l.preferred = r.preferred then 1
    when named >= 5 and l.given[1] = r.family[1] and fc_swapped(l.given, l.family, r.given, r.family) then 7
    when named >= 6 and length(l.given) > 1 and length(r.given) > 1 and l.middle <> r.middle and (l.given = r.middle or l.middle = r.given) then 4
    else named end)::utinyint as first,
  (if(first = 7, 4, if(l.family = r.family and l.family <> '', 0, fc_last(l.family, r.family))))::utinyint as last,
  fc_born(l.born, r.born, l.vague or r.vague)::utinyint as dob,
  (if(joined, 3, fc_middle(l.middle, r.middle)))::utinyint as middle,
  l.phone = r.phone and l.phone <> 0 as same_phone,
  l.email = r.email and l.email <> 0 as same_email,
  case when l.address = r.address and l.address <> 0 then fc_zip(l.zip, r.zip) and fc_both(l.road, r.road) and fc_both(l.facing, r.facing) else false end as same_address,
  (case same_phone::int + same_email::int + same_address::int
    when 0 then case
      when l.zip <> '' and l.zip = r.zip then 2
      when least(l.phone, r.phone) = 0 and least(l.email, r.email) = 0 and least(l.address, r.address) = 0 then 3
      else 4 end
    when 1 then 1
    else 0 end)::utinyint as contact,
  l.middle = '' and r.middle = '' as nameless, named = 3 and fc_rhyme(fc_compact(l.given), fc_compact(r.given)) as rhyme,
  fc_state(l.state, r.state)::utinyint as state,
  fc_suffix(l.suffix, r.suffix)::utinyint as suffix,
  l.given as given_name, l.family as family_name, l.born as left_born, r.born as right_born,
  l.side = r.side and l.district = r.district as same_district, l.district = '' and r.district = '' as unplaced
from {pairs} p
join (select * from record where {left}) l on l.row = p.left_row
join (select * from record where {right}) r on r.row = p.right_row
left join first_level f on f.a = l.given and f.b = r.given
"""

_WEIGHED = """
create table {table} as
select * from (
  select
    c.* exclude (given_name, family_name), {within} as within,
    round({prior} + if(c.first = 0, {first_exact} + least(g.bits, {rarest}), {first}) + if(c.last = 0, {last_exact} + least(f.bits, {rarest}), {last})
      + {others}, 1) as weight
  from {compared} c
  left join given g on g.name = given_name
  left join family f on f.name = family_name
  where not ({rejected})
)
where weight >= {least}
"""

_HOME = """
create table home as
select left_row, right_row, first, left_born, right_born, c.row, c.key, c.word, c.born
from weighed join contact c on c.row = left_row
union all
select left_row, right_row, first, left_born, right_born, c.row, c.key, c.word, c.born
from weighed join contact c on c.row = right_row
"""

_NEAR = """
create table near as
select
  left_row, right_row, h.row, z.row as other,
  bool_or(first <> 0 and ((z.born = h.born and h.born <> 0) or z.loose)) as twin,
  bool_or(first <> 0) as namesake,
  bool_or(z.word = h.word or fc_edit(z.word, h.word)) as double
from home h
join contact z on z.key = h.key and z.row <> left_row and z.row <> right_row
where first <> 0 and ((z.born = h.born and h.born <> 0) or z.loose)
  or z.born = h.born and h.born <> 0 and fc_edit(z.word, h.word)
  or (first <> 0 or z.word = h.word) and (z.unsure or z.born in (left_born, right_born) or fc_close(z.born, h.born))
group by all
"""
"""By birth date and first name alone, who of the two households could be a twin or a double."""

_NAMED = """
create table named as
select hash(born, word, unnest(string_split(family, ' '))) as key, row
from (select row, born, family, string_split(given, ' ')[1] as word from record where born <> 0 and not vague and given <> '' and family <> '')
"""
"""A birth date, the first word of a first name, and one of the last names: who has these may be a double in another household."""

_ALIKE = """
insert into near
select distinct left_row, right_row, h.row, z.row, false, first <> 0, true
from (select left_row, right_row, first, left_row as row from weighed union all select left_row, right_row, first, right_row from weighed) w
join named h on h.row = w.row
join named z on z.key = h.key and z.row <> left_row and z.row <> right_row
"""

_SEEN = """
create table seen as
select row, side, district, state, given, middle from record
where row in (select left_row from near union all select right_row from near union all select other from near)
"""

_NEIGHBOUR = """
create table neighbour as
select
  left_row, right_row,
  bool_or(twin and z.given <> if(n.row = left_row, l.given, r.given) or namesake and l.given <> r.given and (z.side = l.side and z.given = r.given or z.side = r.side and z.given = l.given)) as twin,
  bool_or(double and ({two_left} or {two_right})) as double
from near n
join seen l on l.row = left_row
join seen r on r.row = right_row
join seen z on z.row = other
group by all
"""

_JUDGED = """
create table judged as
select * exclude (twin, double, left_born, right_born), list_filter([{vetoes}], lambda veto: veto is not null) as vetoes
from (
  select w.*, coalesce(n.twin, false) as twin, coalesce(n.double, false) as double, false as rival
  from weighed w left join neighbour n using (left_row, right_row)
)
"""

_EDGE = """
create table edge as
select left_row as row, right_row as other, weight, first, dob, middle, state, vetoes from judged
union all select right_row, left_row, weight, first, dob, middle, state, vetoes from judged
"""

_NEXT = """
create table next_best as
select
  b.row, b.other, e.other as third, b.weight - e.weight as behind, len(b.vetoes) = 0 as best,
  b.dob <> 0 and e.dob = 0 and len(e.vetoes) = 0 as exact,
  len(e.vetoes) > 0 and (best and b.first = 0 and e.first <> 0 and behind >= {margin} or {one_to_one} and behind >= {far}) as loses
from edge b join edge e on e.row = b.row and e.other <> b.other
where best or loses
"""

_INNER = """
create table inner_pair as
select distinct least(other, third) as left_row, greatest(other, third) as right_row from next_best
"""

_RIVAL = """
create table rival as
select distinct row, other from next_best n
where best and (exact or behind < {margin} and not exists (
  from inner_weighed i
  where i.left_row = least(n.other, n.third) and i.right_row = greatest(n.other, n.third)
    and i.dob = 0 and (i.middle = 0 or i.state = 0 or (i.nameless or i.middle = 1) and i.first = 0 and i.last = 0 and i.contact <= 1 and not i.same_district) and not ({apart})
))
"""
"""Two who fit nearly as well are one person twice only with one birth date, and one full middle name or state id, or as students of two districts of whom all
is equal; who fits with the birth date is another."""

_TAKEN = """
create table taken as
select distinct n.row, n.third as other from next_best n
where loses and not exists (
  from inner_weighed i
  where i.left_row = least(n.other, n.third) and i.right_row = greatest(n.other, n.third) and not (i.state = 2 or i.middle = 4 or i.suffix = 3)
)
"""

_DECIDED = """
create table decided as
with clear as (
  select j.*, {rival} and (a.row is not null or z.row is not null) as beside
  from judged j
  left join rival a on a.row = j.left_row and a.other = j.right_row
  left join rival z on z.row = j.right_row and z.other = j.left_row
  left join taken t on t.row = j.left_row and t.other = j.right_row
  left join taken u on u.row = j.right_row and u.other = j.left_row
  where t.row is null and u.row is null
),
one_each as (
  select left_row, right_row,
    row_number() over (partition by left_row order by weight desc, right_row) > 1 or row_number() over (partition by right_row order by weight desc, left_row) > 1 as further
  from clear where {one_card} and not beside and len(vetoes) = 0
)
select c.* exclude (vetoes, rival, beside), if(beside or coalesce(further, false), list_append(c.vetoes, 'V12'), c.vetoes) as vetoes
from clear c left join one_each using (left_row, right_row)
"""
"""Between students and cards, of one person's several only the best stands: nobody gets two cards, and no card two children."""

_RANDOM = f"""
create table random_pair as
with
  lefts as (select row from record where side = 0 and hash(row) % {{left_part}} = 0 order by hash(row), row limit {SAMPLE}),
  rights as (select row from record where side = {{right}} and hash(row, 1) % {{right_part}} = 0 order by hash(row, 1), row limit {SAMPLE}),
  numbered as (select row, row_number() over (order by hash(row, 1), row) - 1 as place, count(*) over () as size from rights),
  paired as (
    select row, (place + unnest(range({TIMES}))) % size as place
    from (select row, row_number() over (order by hash(row), row) as place from lefts) cross join (select any_value(size) as size from numbered)
  )
select l.row as left_row, r.row as right_row
from paired l join numbered r on r.place = l.place
where l.row <> r.row
"""
"""Each left record of the sample with the next of the right ones, in an order that is none."""

_SIBLINGS = """
select coalesce(sum(people), 0), coalesce(sum(if(names > 1 and years > 1, years, 0)), 0)
from (
  select count(*) as people, count(distinct r.given) as names, count(distinct c.born // 10000) as years
  from contact c join record r using (row)
  where c.side = 0 and c.born <> 0 and key % {part} = 0
  group by key, family
)
"""

_SAME_DAY = """
select coalesce(sum(l.n * r.n), 0) from
  (select born, count(*) as n from record where side = 0 and born <> 0 and not vague group by born) l
  join (select born, count(*) as n from record where side = {right} and born <> 0 and not vague group by born) r using (born)
"""


def _two(z: str, x: str) -> str:
    """The condition under which two records of one first name and birth date are two people."""
    return (
        f"fc_state({z}.state, {x}.state) >= 2 or fc_middle({z}.middle, {x}.middle) in (2, 4) or fc_first({z}.given, {x}.given, false) = 9 "
        f"or ({z}.side = 0 and {x}.side = 0 and {z}.district = {x}.district and fc_state({z}.state, {x}.state) <> 0)"
    )


def prepare(db: duckdb.DuckDBPyConnection) -> None:
    """The functions and the tables of names that comparing needs."""
    db.execute(MACROS)
    pairs = sorted(nickname_pairs())
    db.execute("create table listed (given varchar, short varchar)")
    db.execute(
        "insert into listed select unnest(?::varchar[]), unnest(?::varchar[])", [[one[0] for one in pairs], [one[1] for one in pairs]]
    )
    db.execute("create table known as select given as name from listed union select short from listed")
    db.execute(
        f"insert into known select name from given where families >= greatest({KNOWN}, (select count(*) // 50000 from record)) except from known"
    )
    db.execute(
        "create table paired as select l.given, l.short, "
        f"case when coalesce(g.families, 0) + coalesce(s.families, 0) >= {FEW} then s.families >= {FORMAL} * coalesce(g.families, 0) "
        "else l.short in (select given from listed) end as formal "
        "from listed l left join given g on g.name = l.given left join given s on s.name = l.short"
    )
    db.execute(
        "create table nickname as select given, short, bool_or(coalesce(formal, false)) as formal from "
        "(from paired union all select short, given, formal from paired) group by given, short"
    )
    db.execute("drop table listed")
    db.execute("drop table paired")
    for table in ("given", "family"):
        db.execute(f"alter table {table} add column bits double")
        db.execute(f"update {table} set bits = -log2(n / greatest((select count(*) from record), {POPULATION}))")


def compare(db: duckdb.DuckDBPyConnection, pairs: str, table: str, *, sides: tuple[int, int] | None = None) -> None:
    """Make ``table`` with the levels of every pair of the table ``pairs``; ``sides`` says of which side its left and right rows are, where all are of one."""
    left, right = (f"side = {side}" for side in sides) if sides else ("true", "true")
    db.execute(_FIRST_LEVEL.format(pairs=pairs, left=left, right=right))
    db.execute(_COMPARED.format(pairs=pairs, table=table, left=left, right=right))
    db.execute("drop table first_level")


def learn(db: duckdb.DuckDBPyConnection, *, within: bool, families: bool) -> Model:
    """The model that the compared pairs and a sample of random ones give."""
    rows = db.execute(f"select {_LEVELS}, count(*) from compared group by all order by all").fetchall()
    patterns = [(tuple(row[:-1]), row[-1]) for row in rows]
    if sum(count for _, count in patterns) < FEWEST_PAIRS:
        return Model()
    right = 0 if within else 1
    students, others = db.execute("select count(*) filter (side = 0), count(*) filter (side = 1) from record").fetchall()[0]
    # A part of each side that is surely large enough is put into an order, not all of it.
    left_part, right_part = (max(1, count // (3 * SAMPLE)) for count in (students, students if within else others))
    db.execute(_RANDOM.format(right=right, left_part=left_part, right_part=right_part))
    compare(db, "random_pair", "random_compared", sides=(0, right))
    random = {name: [0] * len(levels) for name, levels in FIELDS.items()}
    for name in FIELDS:
        for level, count in db.execute(f"select {name}, count(*) from random_compared group by all").fetchall():
            random[name][level] = count
    db.execute("drop table random_pair")
    db.execute("drop table random_compared")
    pairs_in_all = students * (students - 1) // 2 if within else students * others
    same_day = db.execute(_SAME_DAY.format(right=right)).fetchall()[0][0]
    random["dob"][0] = round(same_day / max(students * (students if within else others), 1) * sum(random["dob"]))
    return estimate(patterns, random, pairs_in_all, students if within else min(students, others), families=families)


def judge(db: duckdb.DuckDBPyConnection, model: Model, rules: Rules, *, within: bool, families: bool) -> None:
    """Make the table ``decided``: every pair that is not of different people, its weight, and the vetoes against it."""
    rejects = rules.rejects if families else ()
    least = REVIEW_BITS if families else NO_FAMILY_BITS
    weigh(db, model, rejects, "compared", "weighed", within=within, least=least)
    db.execute(_HOME)
    db.execute(_NEAR)
    db.execute(_NAMED)
    db.execute(_ALIKE)
    db.execute(_SEEN)
    db.execute(_NEIGHBOUR.format(two_left=_two("z", "l"), two_right=_two("z", "r")))
    vetoes = [rule for rule in rules.vetoes if rule.code != "V12"]
    db.execute(_JUDGED.format(vetoes=", ".join(f"if({rule.when}, '{rule.code}', null)" for rule in vetoes)))
    db.execute(_EDGE)
    db.execute(_NEXT.format(margin=MARGIN_BITS if families else 1_000, one_to_one=str(not within).lower(), far=FAR_BITS))
    db.execute(_INNER)
    compare(db, "inner_pair", "inner_compared")
    weigh(db, model, rejects, "inner_compared", "inner_weighed", within=True, least=least)
    alone = [rule.when for rule in rules.vetoes if rule.code not in _NEEDS_OTHERS]
    db.execute(_RIVAL.format(margin=MARGIN_BITS, apart=" or ".join(f"({when})" for when in alone) or "false"))
    db.execute(_TAKEN)
    told = "V12" not in rules.without
    db.execute(_DECIDED.format(rival=str(told).lower(), one_card=str(told and not within).lower()))
    for table in (
        "compared",
        "weighed",
        "home",
        "near",
        "named",
        "seen",
        "neighbour",
        "judged",
        "edge",
        "next_best",
        "inner_pair",
        "inner_compared",
        "inner_weighed",
        "rival",
        "taken",
    ):
        db.execute(f"drop table {table}")


def has_families(db: duckdb.DuckDBPyConnection) -> bool:
    """Whether brothers and sisters are among the records: the rejects rest on them. Too few records to tell count as if they were."""
    part = max(1, db.execute("select count(*) from contact").fetchall()[0][0] // 50_000)
    with_contact, siblings = db.execute(_SIBLINGS.format(part=part)).fetchall()[0]
    return bool(with_contact < ENOUGH or siblings >= LEAST_SIBLINGS * with_contact)


_NEEDS_OTHERS = frozenset({"V0", "V7", "V11", "V12", "V14"})
"""Vetoes that say nothing of whether two rivals are one person twice."""


def weigh(
    db: duckdb.DuckDBPyConnection, model: Model, rejects: Iterable[Rule], compared: str, table: str, *, within: bool, least: float
) -> None:
    """Make ``table`` of the compared pairs that are not rejected and weigh at least ``least`` bits."""

    def listed(name: str) -> str:
        return f"[{', '.join(repr(model.bits(name, level)) for level in FIELDS[name])}][{name} + 1]"

    db.execute(
        _WEIGHED.format(
            table=table,
            compared=compared,
            prior=repr(model.prior),
            first_exact=repr(math.log2(model.m["first"][0])),
            last_exact=repr(math.log2(model.m["last"][0])),
            rarest=RAREST,
            first=listed("first"),
            last=listed("last"),
            others=" + ".join(listed(name) for name in FIELDS if name not in ("first", "last")),
            rejected=" or ".join(f"({rule.when})" for rule in rejects) or "false",
            least=least,
            within=str(within).lower(),
        )
    )
