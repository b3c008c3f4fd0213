"""A library's extract of its own patrons, kept in the vault for a few days: which one counts, how long, and how it is destroyed.

``firstcard.run.sealed_extract`` seals and opens; it is imported by those who do, and by no other, for it loads a cryptographic library.

The ledger says which object counts. A new one gets a name of its own and counts from a conditional write on; the one before is destroyed at once, with every
version of it. What nobody could destroy in time (an import that broke off) is found by the sweep, and at last by the bucket's lifecycle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from firstcard.agreement import Library, PatronsClause
from firstcard.run.ledger import Extract

FOLDER = "patrons"
UNDER_WAY = timedelta(hours=1)
"""So long an object may lie in the vault that no ledger names: an import writes the object first."""


class NotAgreedError(Exception):
    """The library has no clause on its own patrons that is in force today."""


class MovedError(Exception):
    """Another import, or a person who deletes, was quicker: look again."""


class ExtractLedger(Protocol):
    """The ledger, as far as extracts need it."""

    def extract(self, library: str) -> Extract:
        """Which extract counts, consistently read."""
        ...

    def advance_extract(self, library: str, to: Extract, *, was: Extract) -> bool:
        """Let another extract (or none) count if ``was`` still does."""
        ...


class ExtractShelf(Protocol):
    """The vault, as far as extracts need it."""

    def put(self, key: str, body: bytes) -> None:
        """Write an object."""
        ...

    def get(self, key: str) -> bytes | None:
        """Read an object; None if there is none."""
        ...

    def destroy(self, key: str) -> None:
        """Remove an object with every version of it, for good; nothing happens where there is none."""
        ...

    def lying(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """(key, time of writing) of every version that lies under a prefix."""
        ...


def folder_of(library: str) -> str:
    """Where a library's extracts lie in the vault."""
    return f"{FOLDER}/{library}/"


def extract_key(library: str, name: str) -> str:
    """Where one extract lies in the vault."""
    return f"{folder_of(library)}{name}.sealed"


def ends_at(imported_at: datetime, clause: PatronsClause) -> datetime:
    """When an extract that was imported then must be gone."""
    return imported_at + timedelta(days=clause.keep_days)


def current(extract: Extract, clause: PatronsClause | None, now: datetime) -> bool:
    """Whether an extract may be opened now: there is one, its days are not over (by the clause as it was and as it is), and the clause is in force."""
    if not extract.name or clause is None or not clause.in_force(now.date()):
        return False
    return now < min(datetime.fromisoformat(extract.until), ends_at(datetime.fromisoformat(extract.imported_at), clause))


@dataclass(frozen=True, slots=True)
class Extracts:
    """The extracts of one library."""

    library: Library
    ledger: ExtractLedger
    shelf: ExtractShelf

    def held(self) -> Extract:
        """What the ledger says of the library's extract."""
        return self.ledger.extract(self.library.id)

    def destroy(self, now: datetime) -> Extract | None:
        """Destroy the extract that is held and say which it was; None where none is held. Raises MovedError where it has just been replaced."""
        held = self.held()
        if not held.name:
            return None
        self.shelf.destroy(extract_key(self.library.id, held.name))
        if not self.ledger.advance_extract(self.library.id, _gone(held, now), was=held):
            raise MovedError
        return held

    def sweep(self, now: datetime) -> int:
        """Destroy an extract whose days are over, and what lies there without being named by the ledger; how many objects that were."""
        destroyed = 0
        held = self.held()
        if held.name and not current(held, self.library.patrons, now):
            self.shelf.destroy(extract_key(self.library.id, held.name))
            self.ledger.advance_extract(self.library.id, _gone(held, now), was=held)
            destroyed += 1
            held = self.held()
        named = extract_key(self.library.id, held.name) if held.name else ""
        strays = {key for key, written in self.shelf.lying(folder_of(self.library.id)) if key != named and now - written > UNDER_WAY}
        for key in sorted(strays):
            self.shelf.destroy(key)
        return destroyed + len(strays)

    def agreed(self, now: datetime) -> PatronsClause:
        """The library's clause; raises NotAgreedError where none is in force."""
        clause = self.library.patrons
        if clause is None or not clause.in_force(now.date()):
            raise NotAgreedError
        return clause


def _gone(held: Extract, now: datetime) -> Extract:
    """The record of an extract that was destroyed."""
    return Extract("", held.version, held.imported_at, held.until, held.count, held.by, held.source, now.isoformat())
