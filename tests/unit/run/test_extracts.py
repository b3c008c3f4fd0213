"""Claims about keeping a library's extract: which one counts, who may open it, and that it goes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from firstcard.agreement import PATRON_FIELDS, Library
from firstcard.extract.parquet import to_parquet
from firstcard.run.extracts import Extracts, MovedError, NotAgreedError, current
from firstcard.run.ledger import Extract
from firstcard.run.patron_rows import patron_rows
from firstcard.run.sealed_extract import keep_extract, open_extract
from firstcard.vault import VaultClosedError
from tests.unit.agreement.builders import PATRONS, a_library
from tests.unit.extract.builders import NOON, a_patron_row, a_patrons_csv, read
from tests.unit.vault.builders import KeyService

PARQUET = b"PAR1 Quispe PAR1"


@dataclass
class Shelf:
    """The vault; ``before_get`` happens just before an object is read."""

    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    now: datetime = NOON
    before_get: Any = None

    def put(self, key: str, body: bytes) -> None:
        self.objects[key] = (body, self.now)

    def get(self, key: str) -> bytes | None:
        if self.before_get:
            self.before_get()
        return self.objects.get(key, (None, None))[0]

    def destroy(self, key: str) -> None:
        self.objects.pop(key, None)

    def lying(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        yield from [(key, written) for key, (_, written) in self.objects.items() if key.startswith(prefix)]


@dataclass
class Ledger:
    """The ledger; ``before_advance`` happens just before an extract is to count."""

    state: dict[str, Extract] = field(default_factory=dict)
    before_advance: Any = None

    def extract(self, library: str) -> Extract:
        return self.state.get(library, Extract())

    def advance_extract(self, library: str, to: Extract, *, was: Extract) -> bool:
        if meanwhile := self.before_advance:
            self.before_advance = None
            meanwhile()
        if self.extract(library) != was:
            return False
        self.state[library] = to
        return True


@dataclass
class Desk:
    """A library with its extracts, and the keys."""

    library: Library = field(default_factory=lambda: a_library(patrons=PATRONS | {"fields": list(PATRON_FIELDS)}))
    ledger: Ledger = field(default_factory=Ledger)
    shelf: Shelf = field(default_factory=Shelf)
    keys: KeyService = field(default_factory=KeyService)
    draws: Random = field(default_factory=lambda: Random(1))

    @property
    def extracts(self) -> Extracts:
        return Extracts(self.library, self.ledger, self.shelf)

    def keep(self, body: bytes = PARQUET, *, now: datetime = NOON, count: int = 3) -> Extract:
        self.shelf.now = now
        return keep_extract(
            self.extracts,
            body,
            count=count,
            source="csv",
            by="firstcard-systems-librarian/ann",
            now=now,
            wrap=self.keys.wrap,
            random=self.draws.randbytes,
        )

    def open(self, now: datetime = NOON) -> bytes | None:
        return open_extract(self.extracts, now, unwrap=self.keys.unwrap, declare=self.keys.declare)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def days(count: float) -> timedelta:
    return timedelta(days=count)


def test_what_was_imported_is_opened_for_one_purpose_after_it_was_declared(desk: Desk) -> None:
    kept = desk.keep()
    assert desk.open() == PARQUET
    assert desk.keys.story == [("declare", "patrons", "deduplicate"), ("unwrap", "patrons", "deduplicate")]
    assert (kept.count, kept.by, kept.until) == (3, "firstcard-systems-librarian/ann", (NOON + days(7)).isoformat())


def test_nothing_of_it_lies_in_clear(desk: Desk) -> None:
    desk.keep()
    [(key, (body, _))] = desk.shelf.objects.items()
    assert key.startswith("patrons/oak/00000001-")
    assert b"Quispe" not in body
    assert "Quispe" not in repr(desk.ledger.state)


def test_a_newer_import_counts_and_the_one_before_is_gone_at_once(desk: Desk) -> None:
    desk.keep()
    desk.keep(b"PAR1 newer PAR1", now=NOON + days(1))
    assert desk.open(NOON + days(1)) == b"PAR1 newer PAR1"
    assert [key.partition("-")[0] for key in desk.shelf.objects] == ["patrons/oak/00000002"]


def test_a_library_without_a_clause_or_outside_its_days_imports_and_opens_nobody(desk: Desk) -> None:
    desk.keep()
    for library in (
        a_library(),
        a_library(patrons=PATRONS | {"expires": "2026-11-21"}),
        a_library(patrons=PATRONS | {"effective": "2026-11-23"}),
    ):
        other = Desk(library, desk.ledger, desk.shelf, desk.keys)
        assert other.open() is None
        with pytest.raises(NotAgreedError):
            other.keep()
    assert len(desk.shelf.objects) == 1


def test_it_may_be_opened_for_the_agreed_days_and_not_a_moment_longer(desk: Desk) -> None:
    desk.keep()
    assert desk.open(NOON + days(7) - timedelta(seconds=1)) == PARQUET
    assert desk.open(NOON + days(7)) is None


def test_fewer_days_that_are_agreed_later_count_for_what_is_held(desk: Desk) -> None:
    held = desk.keep()
    shorter = a_library(patrons=PATRONS | {"keep_days": 2}).patrons
    assert current(held, shorter, NOON + days(1))
    assert not current(held, shorter, NOON + days(2))


def test_where_nothing_is_held_nothing_is_opened_and_nothing_is_declared(desk: Desk) -> None:
    assert desk.open() is None
    assert desk.keys.story == []


def test_of_two_imports_at_once_one_counts_and_the_other_leaves_nothing_behind(desk: Desk) -> None:
    desk.ledger.before_advance = lambda: desk.keep(b"PAR1 quicker PAR1")
    with pytest.raises(MovedError):
        desk.keep()
    assert desk.open() == b"PAR1 quicker PAR1"
    assert len(desk.shelf.objects) == 1


def test_one_that_is_replaced_while_it_is_opened_is_looked_for_again(desk: Desk) -> None:
    desk.keep()

    def replaced() -> None:
        desk.shelf.before_get = None
        desk.keep(b"PAR1 newer PAR1")

    desk.shelf.before_get = replaced
    with pytest.raises(MovedError):
        desk.open()
    assert desk.open() == b"PAR1 newer PAR1"


@pytest.mark.parametrize("place", [0, 40, -1])
def test_an_object_that_was_altered_or_put_under_anothers_name_does_not_open(desk: Desk, place: int) -> None:
    kept = desk.keep()
    [(key, (body, written))] = desk.shelf.objects.items()
    head, _, sealed = body.partition(b"\n")
    altered = bytearray(sealed)
    altered[place % len(sealed)] ^= 1
    desk.shelf.objects[key] = (head + b"\n" + bytes(altered), written)
    with pytest.raises(VaultClosedError):
        desk.open()
    other = f"{kept.version:08d}-00000000"
    desk.shelf.objects = {f"patrons/oak/{other}.sealed": (body, written)}
    desk.ledger.state["oak"] = Extract(other, 1, kept.imported_at, kept.until)
    with pytest.raises(VaultClosedError):
        desk.open()


def test_an_extract_of_one_library_does_not_open_as_anothers(desk: Desk) -> None:
    kept = desk.keep()
    elm = Desk(a_library(id="elm", patrons=PATRONS), desk.ledger, desk.shelf, desk.keys)
    desk.shelf.objects = {key.replace("/oak/", "/elm/"): one for key, one in desk.shelf.objects.items()}
    desk.ledger.state["elm"] = kept
    with pytest.raises(VaultClosedError):
        elm.open()


def test_deleting_leaves_a_record_without_anybody_in_it(desk: Desk) -> None:
    desk.keep()
    gone = desk.extracts.destroy(NOON + days(1))
    assert gone is not None
    assert gone.count == 3
    assert desk.shelf.objects == {}
    held = desk.extracts.held()
    assert (held.name, held.version, held.destroyed_at) == ("", 1, (NOON + days(1)).isoformat())
    assert desk.extracts.destroy(NOON + days(1)) is None
    assert desk.keep(now=NOON + days(2)).version == 2


def test_the_sweep_leaves_what_may_still_be_opened(desk: Desk) -> None:
    desk.keep()
    assert desk.extracts.sweep(NOON + days(6.9)) == 0
    assert desk.open(NOON + days(6.9)) == PARQUET


def test_the_sweep_destroys_what_is_over_and_is_quiet_afterwards(desk: Desk) -> None:
    desk.keep()
    assert [desk.extracts.sweep(NOON + days(7)), desk.extracts.sweep(NOON + days(7))] == [1, 0]
    assert desk.shelf.objects == {}
    assert desk.extracts.held().destroyed_at == (NOON + days(7)).isoformat()


def test_the_sweep_destroys_what_a_library_does_not_agree_to_any_more(desk: Desk) -> None:
    desk.keep()
    assert Extracts(a_library(), desk.ledger, desk.shelf).sweep(NOON) == 1
    assert desk.shelf.objects == {}


def test_the_sweep_finds_what_an_import_left_that_broke_off_and_no_other_librarys(desk: Desk) -> None:
    desk.keep()
    desk.shelf.objects |= {f"patrons/{key}.sealed": (b"", NOON) for key in ("oak/00000002-aa", "oakwood/00000001-bb")}
    assert desk.extracts.sweep(NOON + timedelta(minutes=59)) == 0
    assert desk.extracts.sweep(NOON + timedelta(minutes=61)) == 1
    assert sorted(key.partition("-")[0] for key in desk.shelf.objects) == ["patrons/oak/00000001", "patrons/oakwood/00000001"]


def test_an_import_between_two_steps_of_the_sweep_stays(desk: Desk) -> None:
    desk.keep()
    late = NOON + days(7)
    desk.ledger.before_advance = lambda: desk.keep(b"PAR1 newer PAR1", now=late)
    assert desk.extracts.sweep(late) == 1
    assert desk.open(late) == b"PAR1 newer PAR1"


def test_matching_gets_the_patrons_of_the_extract_that_counts_under_the_ilss_id(desk: Desk) -> None:
    assert patron_rows(desk.extracts, NOON, unwrap=desk.keys.unwrap, declare=desk.keys.declare) is None
    desk.keep(to_parquet(read(a_patrons_csv(a_patron_row(1))).columns))

    def replaced() -> None:
        desk.shelf.before_get = None
        desk.keep(to_parquet(read(a_patrons_csv(a_patron_row(2), a_patron_row(3, blocked="yes"))).columns))

    desk.shelf.before_get = replaced
    rows = patron_rows(desk.extracts, NOON, unwrap=desk.keys.unwrap, declare=desk.keys.declare)
    assert rows is not None
    assert [(row["id"], row["last_name"], row["birth_date"]) for row in rows] == [
        ("5002", "Quispe-2", "1984-02-29"),
        ("5003", "Quispe-3", "1984-02-29"),
    ]
