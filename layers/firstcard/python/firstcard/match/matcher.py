"""Students matched against a library's patrons, or against each other: same, in doubt, or different people."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter

import duckdb

from firstcard.match import comparing
from firstcard.match.blocking import block
from firstcard.match.cluster import Link, close
from firstcard.match.levels import FIELDS
from firstcard.match.model import Model
from firstcard.match.records import Source, distrust, read
from firstcard.match.rules import CHAIN, Rules

Pair = tuple[str, str]


class Answer(StrEnum):
    """What is said of two records; who is different is not mentioned."""

    SAME = "same"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Decision:
    """Two records, and why they are one person or may be.

    ``weight`` is in bits. ``evidence`` has levels and no values: ``first=exact;last=exact;dob=exact;contact=address+phone``. ``vetoes`` are codes of ``rules``.
    """

    left_id: str
    right_id: str
    answer: Answer
    weight: float
    evidence: str
    vetoes: tuple[str, ...] = ()

    @property
    def evidence_class(self) -> str:
        """What decisions of one kind have in common, to decide several at once: the vetoes, ``same`` without any, ``human`` where a person said so."""
        return "+".join(self.vetoes) or ("human" if self.evidence == HUMAN else str(self.answer))

    def __repr__(self) -> str:
        """The answer without whom it is about."""
        return f"Decision({self.answer}, {self.weight}, {self.evidence_class})"


HUMAN = "human"
"""Evidence of what a person decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a run is told: rules, earlier decisions of people and machine, which records changed, and how much of the machine it may take.

    ``apart``: pairs of ids that a person found to be different people. ``together``: pairs that a person found to be the same; both are permanent, and
    ``apart`` wins. ``standing``: pairs that an earlier run linked within one side; chains are closed over them, they are not told again. ``changed``: only pairs
    of which one is among these ids are compared and told; None for all. ``model``: the weights of an earlier run; without it they are estimated.
    """

    rules: Rules = field(default_factory=Rules)
    model: Model | None = None
    apart: frozenset[Pair] = frozenset()
    together: frozenset[Pair] = frozenset()
    standing: frozenset[Pair] = frozenset()
    changed: frozenset[str] | None = None
    memory: str = "400MB"
    threads: int = 2
    progress: Callable[[str], None] = lambda step: None


@dataclass(frozen=True, slots=True)
class Matched:
    """The decisions, ordered by ids; the model they were made with; and, within one side, the groups of one person each.

    ``repeated``: how many ids several records of the left side have; of these a decision does not say which is meant.
    """

    decisions: tuple[Decision, ...]
    model: Model
    version: str
    groups: tuple[tuple[str, ...], ...] = ()
    repeated: int = 0


class MatchingError(Exception):
    """Matching did not come to its end. The message names no value."""


def link(students: Source, patrons: Source, terms: Terms | None = None) -> Matched:
    """Match students against the patrons of a library.

    Raises ``SourceError`` for a file that cannot be read, ``MatchingError`` where the memory does not suffice.
    """
    return _match([students, patrons], terms or Terms())


def within(students: Source, terms: Terms | None = None) -> Matched:
    """Match students against each other, and close what is the same to groups. Raises as ``link`` does."""
    return _match([students], terms or Terms())


def _match(sources: Sequence[Source], terms: Terms) -> Matched:
    db = duckdb.connect(
        ":memory:", config={"memory_limit": terms.memory, "threads": terms.threads, "temp_directory": "", "preserve_insertion_order": False}
    )
    # Joins run in the order in which they are written: an order that is guessed from wrong counts can take all of the memory.
    db.execute("set disabled_optimizers = 'join_order'")
    try:
        return _run(db, sources, terms)
    except duckdb.OutOfMemoryException:
        raise MatchingError(f"{terms.memory} of memory are too little for so many records") from None
    except duckdb.Error as error:
        # DuckDB's own message may show a value.
        raise MatchingError(f"the database gave up: {type(error).__name__}") from None
    finally:
        db.close()


def _run(db: duckdb.DuckDBPyConnection, sources: Sequence[Source], terms: Terms) -> Matched:
    alone = len(sources) == 1
    terms.progress("Reading")
    read(db, sources)
    terms.progress("Looking for pairs")
    comparing.prepare(db)
    families = comparing.has_families(db)
    if families:
        distrust(db)
    block(db, within=alone, families=families)
    _heed(db, terms, alone=alone)
    terms.progress("Comparing")
    comparing.compare(db, "pair", "compared", sides=(0, 0 if alone else 1))
    model = terms.model
    if model is None:
        model = comparing.learn(db, within=alone, families=families)
    terms.progress("Judging")
    comparing.judge(db, model, terms.rules, within=alone, families=families)
    terms.progress("Closing")
    found = list(_decisions(db))
    groups: tuple[tuple[str, ...], ...] = ()
    if alone:
        found, groups = _closed(db, found, terms)
    told = (decision for _, _, decision in found)
    if terms.changed is not None:
        changed = terms.changed
        told = (one for one in told if one.left_id in changed or one.right_id in changed)
    return Matched(
        tuple(sorted(told, key=attrgetter("left_id", "right_id", "answer", "weight", "evidence", "vetoes"))),
        model,
        terms.rules.version,
        groups,
        db.execute("select count(*) from (select id from record where side = 0 group by id having count(*) > 1)").fetchall()[0][0],
    )


def _heed(db: duckdb.DuckDBPyConnection, terms: Terms, *, alone: bool) -> None:
    """Take out what people decided, and what has nothing to do with a changed record."""
    right = 0 if alone else 1
    for table, pairs in (("apart", terms.apart), ("together", terms.together - terms.apart)):
        db.execute(f"create table {table} (left_row integer, right_row integer)")
        _insert_pairs(db, table, pairs, right)
    db.execute("delete from pair where (left_row, right_row) in (select (left_row, right_row) from apart)")
    db.execute("delete from pair where (left_row, right_row) in (select (left_row, right_row) from together)")
    if terms.changed is not None and terms.model is not None:
        db.execute("create table touched as select row from record where id in (select unnest(?::varchar[]))", [sorted(terms.changed)])
        # Whoever could be somebody changed, with all others whom that one could be: the margin is theirs as well.
        db.execute(
            "create table concerned as select row from touched "
            "union select right_row from pair join touched on row = left_row union select left_row from pair join touched on row = right_row"
        )
        db.execute("delete from pair where left_row not in (select row from concerned) and right_row not in (select row from concerned)")


def _insert_pairs(db: duckdb.DuckDBPyConnection, table: str, pairs: Iterable[Pair], right: int) -> None:
    ordered = sorted(pairs)
    if not ordered:
        return
    db.execute(
        f"insert into {table} select distinct if({right} = 1, l.row, least(l.row, r.row)), if({right} = 1, r.row, greatest(l.row, r.row)) "
        "from (select unnest(?::varchar[]) as a, unnest(?::varchar[]) as b) "
        f"join record l on l.id = a and l.side = 0 join record r on r.id = b and r.side = {right} where l.row <> r.row",
        [[left for left, _ in ordered], [other for _, other in ordered]],
    )


_Found = tuple[int, int, Decision]


def _decisions(db: duckdb.DuckDBPyConnection) -> Iterator[_Found]:
    names = {name: [level.name.lower() for level in levels] for name, levels in FIELDS.items()}
    cursor = db.execute(
        f"select left_row, right_row, l.id, r.id, weight, vetoes, same_address, same_phone, same_email, {', '.join(f'd.{name}' for name in FIELDS)} "
        "from decided d join record l on l.row = left_row join record r on r.row = right_row"
    )
    known: dict[tuple[int | bool, ...], str] = {}
    while rows := cursor.fetchmany(20_000):
        for left, right, left_id, right_id, weight, vetoes, *levels in rows:
            key = tuple(levels)
            if key not in known:
                known[key] = _evidence(levels, names)
            answer = Answer.REVIEW if vetoes else Answer.SAME
            yield left, right, Decision(left_id, right_id, answer, weight, known[key], tuple(vetoes))
    for left, right, left_id, right_id in db.execute(
        "select left_row, right_row, l.id, r.id from together join record l on l.row = left_row join record r on r.row = right_row"
    ).fetchall():
        yield left, right, Decision(left_id, right_id, Answer.SAME, 0.0, HUMAN)


def _evidence(levels: Sequence[int | bool], names: dict[str, list[str]]) -> str:
    agreed = "+".join(name for name, same in zip(("address", "phone", "email"), levels[:3], strict=True) if same)
    told = {name: names[name][level] for name, level in zip(FIELDS, levels[3:], strict=True)}
    if agreed:
        told["contact"] = agreed
    return ";".join(f"{name}={word}" for name, word in told.items() if word != "missing" or name in ("first", "last", "dob"))


def _closed(db: duckdb.DuckDBPyConnection, found: list[_Found], terms: Terms) -> tuple[list[_Found], tuple[tuple[str, ...], ...]]:
    """The decisions with those links in doubt that would close a chain over what is apart, and the groups."""
    db.execute("create table standing (left_row integer, right_row integer)")
    _insert_pairs(db, "standing", terms.standing, 0)
    standing = db.execute("select left_row, right_row from standing except select left_row, right_row from apart").fetchall()
    links = [Link(left, right, one.weight) for left, right, one in found if one.answer is Answer.SAME and one.evidence != HUMAN]
    rows = sorted({row for link in links for row in link[:2]} | {row for pair in standing for row in pair})
    ids = dict(db.execute("select row, state from record where state <> '' and row in (select unnest(?::integer[]))", [rows]).fetchall())
    closed = close(
        [*links, *(Link(left, right, 1_000.0) for left, right in standing)],
        apart=db.execute("select * from apart").fetchall(),
        together=db.execute("select * from together").fetchall(),
        state_ids=ids,
    )
    refused = {link[:2] for link in closed.refused}
    decided = [
        (
            left,
            right,
            Decision(one.left_id, one.right_id, Answer.REVIEW, one.weight, one.evidence, (CHAIN,)) if (left, right) in refused else one,
        )
        for left, right, one in found
    ]
    inside = sorted({row for group in closed.groups for row in group})
    names = dict(db.execute("select row, id from record where row in (select unnest(?::integer[]))", [inside]).fetchall())
    return decided, tuple(sorted(tuple(sorted(names[row] for row in group)) for group in closed.groups))
