"""The district's word that letters went home: it starts the days of children whose families no e-mail reaches.

Nothing is opened: who has no address stands in the manifest, whose e-mail came back in the index of stopped windows, and a school is told from the others by a digest.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from typing import Annotated, Protocol
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Group
from firstcard.card.issue import Standing
from firstcard.card.manifest import Manifest
from firstcard.card.patron import Patron, Stamp, State
from firstcard.card.view import Letter
from firstcard.card.window import Window
from firstcard.identity import Tokens
from firstcard.run.ledger import Attestation
from firstcard.vault import Envelope

AT_ONCE = 100
"""Children that are looked at together."""
Words = r"^[^\s/\x00-\x1f\x7f][^/\x00-\x1f\x7f]{0,79}/[^\s/\x00-\x1f\x7f][^/\x00-\x1f\x7f]{0,79}$"


class LettersSent(BaseModel):
    """What somebody attests: the district's slug, a school's id or none for all, the day, who says so (name and role), and the asker's now.

    ``library`` is empty where the district has one: each library's letter is its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    district: Annotated[str, Field(max_length=31)]
    school: Annotated[str, Field(max_length=100)] = ""
    day: date
    by: Annotated[str, Field(pattern=Words, repr=False)]
    at: AwareDatetime
    library: Annotated[str, Field(max_length=31)] = ""


class Attested(StrEnum):
    """What became of an attestation; all but the first change nothing."""

    RECORDED = "recorded"
    NO_WINDOW = "no_window"
    NOT_IN_FORCE = "not_in_force"
    BEFORE_THE_TERM = "before_the_term"
    IN_THE_FUTURE = "in_the_future"
    UNKNOWN_SCHOOL = "unknown_school"


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of the children whom no e-mail reaches: whose days begin now; who had a letter before; who said no; who waits no more (a card, or gone); who came into the roster after that day."""

    started: int = 0
    told_before: int = 0
    refused: int = 0
    not_waiting: int = 0
    newer: int = 0


class LetterStore(Protocol):
    """The cards table as an attestation needs it."""

    def stopped_windows(self, sharing: str) -> Iterator[Window]:
        """Announcements that never arrived."""
        ...

    def standing(self, tokens: Sequence[str]) -> Standing:
        """Patrons and refusals, consistently read."""
        ...

    def letters(self, tokens: Sequence[str]) -> Mapping[str, Letter]:
        """Letters by token."""
        ...

    def envelopes(self, objects: Sequence[str]) -> Mapping[str, Envelope]:
        """Envelopes by object."""
        ...

    def record_letters(self, letters: Sequence[Letter]) -> None:
        """Write letters in bulk."""
        ...

    def close_windows(self, windows: Sequence[Window]) -> None:
        """Take announcements out of the index."""
        ...


class Attestations(Protocol):
    """The ledger, as far as attestations go."""

    def record_attestation(self, attestation: Attestation) -> None:
        """Write one; the same again is one, and keeps who said so and the most children that it counted."""
        ...


@dataclass(frozen=True, slots=True)
class Attester:
    """Takes attestations under one agreement."""

    store: LetterStore
    ledger: Attestations
    agreement: Agreement
    tokens: Tokens
    manifest: Manifest

    def attest(self, said: LettersSent, *, at: datetime, allowed: bool) -> tuple[Attested, Counted]:
        """Start the days of those whom no e-mail reaches; ``at`` is now, ``allowed`` is False for an agreement that is suspended.

        The days begin when the attested day is over by the district's clock. Children who came into the roster after that day are left out: nobody wrote home about them.
        """
        agreement, nothing = self.agreement, Counted()
        if agreement.route != "window":
            return Attested.NO_WINDOW, nothing
        if not allowed or not agreement.in_force(at.date()):
            return Attested.NOT_IN_FORCE, nothing
        if said.day < agreement.term.effective:
            return Attested.BEFORE_THE_TERM, nothing
        if said.day > agreement.exchange.calendar.date_of(at):
            return Attested.IN_THE_FUTURE, nothing
        school = self.tokens.place(said.school) if said.school else ""
        if school and all(known.school != school for known in self.manifest.patrons.values()):
            return Attested.UNKNOWN_SCHOOL, nothing
        told_at = self._end_of(said.day)
        key = f"{said.day.isoformat()}#{school or 'all'}#{at.astimezone(UTC).isoformat()}"
        counted = nothing
        word = Attestation(agreement.sharing, key, said.day, said.school, said.by, at.astimezone(UTC).isoformat(), 0)
        self.ledger.record_attestation(word)  # nobody's days begin by a word that is not on record
        for page in _pages(self._unreached(school).items()):
            counted = self._page(dict(page), told_at, key, at, counted, of_a_school=bool(school))
        self.ledger.record_attestation(replace(word, started=counted.started))
        return Attested.RECORDED, counted

    def _end_of(self, day: date) -> str:
        midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(self.agreement.exchange.calendar.timezone))
        return midnight.astimezone(UTC).isoformat()

    def _unreached(self, school: str) -> dict[str, Window | None]:
        """Students, by token, without an address, or with the announcement that never arrived."""
        patrons = self.manifest.patrons
        unreached: dict[str, Window | None] = {
            token: None for token, known in patrons.items() if not (known.household or known.staff) and school in ("", known.school)
        }
        for window in self.store.stopped_windows(self.agreement.sharing):
            known = patrons.get(window.token)
            # An announcement to an address that the roster has no longer says nothing of the child.
            if known and known.household == window.household and school in ("", known.school):
                unreached[window.token] = window
        return unreached

    def _page(
        self, unreached: Mapping[str, Window | None], told_at: str, key: str, at: datetime, counted: Counted, *, of_a_school: bool
    ) -> Counted:
        """Who was written since the day may have come to the school since, or had its e-mail since: nobody wrote home about that child on the day."""
        over = datetime.fromisoformat(told_at)
        standing = self.store.standing(list(unreached))
        had = self.store.letters(list(unreached))
        void = {token: back.at for token, back in standing.taken_back.items()}
        waiting = {t: p for t, p in standing.patrons.items() if p.state is State.WAITING and t not in standing.refused}
        known_since = self._known_since(waiting.values())
        letters: list[Letter] = []
        stopped: list[Window] = []
        for token, window in unreached.items():
            patron = waiting.get(token)
            at_home = not window or (patron is not None and window.household == patron.household)
            if token in standing.refused:
                counted = replace(counted, refused=counted.refused + 1)
            elif patron is None or (patron.household and not window) or not at_home:
                counted = replace(counted, not_waiting=counted.not_waiting + 1)
            elif token in had and had[token].stamp.agreement == self.agreement.id and had[token].stamp.at > void.get(token, ""):
                counted = replace(counted, told_before=counted.told_before + 1)
            elif (
                known_since[token] >= over
                or (of_a_school and datetime.fromisoformat(patron.at) >= over)
                or (window and window.told_at and datetime.fromisoformat(window.told_at) >= over)
            ):
                counted = replace(counted, newer=counted.newer + 1)
            else:
                letters.append(self._letter(patron, told_at, key, at))
                stopped += [window] if window else []
                counted = replace(counted, started=counted.started + 1)
        self.store.record_letters(letters)
        self.store.close_windows(stopped)
        return counted

    def _letter(self, patron: Patron, told_at: str, key: str, at: datetime) -> Letter:
        stamp: Stamp = replace(patron.stamp, agreement=self.agreement.id, at=at.astimezone(UTC).isoformat())
        return Letter(patron.token, told_at, key, stamp, window_of=self.agreement.sharing)

    def _known_since(self, patrons: Iterable[Patron]) -> dict[str, datetime]:
        """Since when each is on record: when its number was sealed, which is once; of a linked one when it was last written."""
        sealed_in = {p.token: p.envelopes.get(Group.CARD, "") for p in patrons}
        envelopes = self.store.envelopes(sorted({name for name in sealed_in.values() if name}))
        return {p.token: datetime.fromisoformat(envelopes[name].at if (name := sealed_in[p.token]) in envelopes else p.at) for p in patrons}


def _pages(items: Iterable[tuple[str, Window | None]]) -> Iterator[list[tuple[str, Window | None]]]:
    left = iter(items)
    while page := list(islice(left, AT_ONCE)):
        yield page
