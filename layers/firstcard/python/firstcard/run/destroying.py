"""Destruction by the clock: what an agreement says must be gone is removed from the cards table and the vault, and written down without a name.

Two causes. *withdrawal*: who left ``after_withdrawal_days`` ago keeps a token and nothing that is sealed, and a household's contact goes with the last child
there who has a card, waits for one, or left within these days. *term*: an agreement ended and no other took its place; then all that is sealed goes, in the last
week of ``disposition.within_days``, so that a renewal that is signed late loses nothing (NDPA article IV.6). A legal hold stops both.

What stays: tokens, noes, claims of numbers, and the keyed digests by which an id is not passed on to another child. Nothing is opened here, and nothing could be.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol

from firstcard.agreement import Agreement, Site, Status
from firstcard.card.manifest import Manifest
from firstcard.card.patron import State
from firstcard.card.view import Holding, Household
from firstcard.event import Event, new_event
from firstcard.run.delivering import load_manifest, manifest_key
from firstcard.run.facts import facts
from firstcard.run.ledger import Because, Destruction, DistrictState

LAST_WEEK = timedelta(days=7)
"""How long before the agreed days after a term are over everything is destroyed."""
PAGE = 500
SPARE_SECONDS = 90.0
"""What must be left of the call for another page."""
SEALED_FOLDERS = ("students", "snapshots")
"""Folders of the vault that hold sealed objects of one data-sharing agreement under its id; the rest goes by lifecycle."""


class Cards(Protocol):
    """The cards table, as far as destruction goes."""

    def holdings(self, tokens: Iterable[str]) -> Iterator[Holding]:
        """Which of these patrons hold sealed data, consistently read, without what is sealed."""
        ...

    def households(self, households: Sequence[str]) -> Mapping[str, Household]:
        """Households by their tokens, consistently read."""
        ...

    def strip(self, holding: Holding) -> bool:
        """Remove all that is sealed of a patron that still is as it was seen; whether it was."""
        ...

    def empty_household(self, household: Household) -> bool:
        """Remove a household's contact unless a roster wrote another one since, and leave whose home it is, so that its link still bears a no; whether it was removed."""
        ...


class Ledger(Protocol):
    """The run ledger, as far as destruction goes."""

    def district(self, sharing: str) -> DistrictState:
        """The district's state, consistently read."""
        ...

    def take_lock(self, sharing: str, run_id: str, *, base_version: int) -> int | None:
        """Take the lock if the manifest still is ``base_version``."""
        ...

    def release_lock(self, sharing: str, run_id: str, *, fence: int = 0, applied: DistrictState | None = None) -> None:
        """Give the lock back, and with ``applied`` advance the manifest."""
        ...

    def record_destruction(self, act: Destruction, *, nonce: str) -> None:
        """Write what is about to be destroyed, or was: the same act under the same nonce takes its own place."""
        ...


class Vault(Protocol):
    """The vault, as far as destruction goes."""

    def get(self, key: str) -> bytes | None:
        """Read an object; None if there is none."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Write an object."""
        ...

    def lying(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """(key, time of writing) of every version that lies under a prefix."""
        ...

    def destroy(self, key: str) -> None:
        """Remove an object with every version of it."""
        ...


@dataclass(frozen=True, slots=True)
class Due:
    """What must be gone under one data-sharing agreement, as it was found. Of ``households`` nobody is in the roster any more where they are ``vacated``."""

    patrons: tuple[Holding, ...]
    households: tuple[str, ...]
    objects: tuple[str, ...]
    vacated: frozenset[str]


@dataclass(frozen=True, slots=True)
class Destroyer:
    """Destroys what is due; ``seconds_left`` says how much of the call is left, ``nonce`` makes the record's name."""

    site: Site
    cards: Cards
    ledger: Ledger
    vault: Vault
    emit: Callable[[Sequence[Event]], None]
    nonce: Callable[[], str]
    seconds_left: Callable[[], float]

    def destroy(self, sharing: str, now: datetime) -> Destruction | None:
        """Destroy what is due under one data-sharing agreement, and say what was; None where nothing is due or a legal hold forbids it."""
        agreement = self.site.of_sharing(sharing, now.date())
        if agreement is None or agreement.status is Status.DRAFT or is_held(self.site, sharing):
            return None
        because = Because.TERM if term_is_due(self.site, sharing, now.date()) else Because.WITHDRAWAL
        manifest = load_manifest(self.vault, sharing, self.ledger.district(sharing).manifest_version)
        limit = now - timedelta(days=agreement.retention.after_withdrawal_days)
        due = self._due(sharing, manifest, because, limit)
        if not (due.patrons or due.households or due.objects or (because is Because.TERM and manifest.patrons)):
            return None
        act = Destruction(sharing, agreement.id, now.isoformat(), because, clause_of(agreement, because))
        nonce = self.nonce()
        self.ledger.record_destruction(act, nonce=nonce)
        act = self._carry_out(act, due, limit)
        if because is Because.TERM and not act.remaining:
            self._forget_roster(sharing, manifest, nonce, whole=act.households == len(due.households))
        self.ledger.record_destruction(act, nonce=nonce)
        self.emit([_told(agreement, act, nonce, now)])
        return act

    def _due(self, sharing: str, manifest: Manifest, because: Because, limit: datetime) -> Due:
        patrons: list[Holding] = []
        homes: set[str] = set()
        lived_in: set[str] = set()
        gone: set[str] = set()
        for one in self.cards.holdings(sorted({*manifest.patrons, *manifest.left})):
            over = because is Because.TERM or is_over(one, limit)
            (homes if over else lived_in).add(one.household)
            if over:
                gone.add(one.token)
                if one.holds:
                    patrons.append(one)
        vacated = {*manifest.vacated} - manifest.households.keys()
        homes = homes - lived_in | vacated | ({*manifest.households} if because is Because.TERM else set())
        households = self._without_children(sorted(homes - {""}), gone, because, limit, vacated)
        folders = (f"{folder}/{sharing}/" for folder in SEALED_FOLDERS) if because is Because.TERM else ()
        objects = sorted({key for folder in folders for key, _ in self.vault.lying(folder)})
        return Due(tuple(patrons), tuple(households), tuple(objects), frozenset(vacated))

    def _without_children(
        self, households: Sequence[str], gone: set[str], because: Because, limit: datetime, vacated: Collection[str]
    ) -> Iterator[str]:
        for start in range(0, len(households), PAGE):
            for one in self._empty(households[start : start + PAGE], because, limit, vacated):
                if because is Because.TERM or one.token in vacated or set(one.children) <= gone:
                    yield one.token

    def _carry_out(self, act: Destruction, due: Due, limit: datetime) -> Destruction:
        stripped: list[str] = []
        for start in range(0, len(due.patrons), PAGE):
            if self.seconds_left() < SPARE_SECONDS:
                break
            stripped += [one.token for one in due.patrons[start : start + PAGE] if self.cards.strip(one)]
        dropped: list[str] = []
        for start in range(0, len(due.households), PAGE):
            if self.seconds_left() < SPARE_SECONDS:
                break
            empty = self._empty(due.households[start : start + PAGE], act.because, limit, due.vacated)
            dropped += [one.token for one in empty if self.cards.empty_household(one)]
        for key in due.objects:
            self.vault.destroy(key)
        left = {one.token: one for one in self.cards.holdings(one.token for one in due.patrons)}
        remaining = sum(left[one.token].holds and left[one.token].same_as(one) for one in due.patrons)
        digest = hashlib.sha256("".join(f"{token}\n" for token in sorted({*stripped, *dropped})).encode()).hexdigest()
        return replace(
            act, patrons=len(stripped), households=len(dropped), objects=len(due.objects), remaining=remaining, digest=digest, done=True
        )

    def _empty(self, households: Sequence[str], because: Because, limit: datetime, vacated: Collection[str]) -> list[Household]:
        """Those where nobody is, each as it was read before its children were: issue writes patrons first and their household last, so whoever comes back in between is seen, or has written another contact.

        A child that has another address now keeps none that is vacated.
        """
        page = {token: one for token, one in self.cards.households(households).items() if one.sealed}
        children = self.cards.holdings(sorted({child for household in page.values() for child in household.children}))
        home_of = {one.token: one.household for one in children if because is not Because.TERM and not is_over(one, limit)}

        def keeps(child: str, home: str) -> bool:
            return child in home_of and (home not in vacated or home_of[child] == home)

        return [household for token, household in page.items() if not any(keeps(child, token) for child in household.children)]

    def _forget_roster(self, sharing: str, manifest: Manifest, nonce: str, *, whole: bool) -> None:
        """After the end nobody is known any more, but that the ids are somebody's: whatever roster comes later is a first one. Unless the contacts' destruction was ``whole``, they are looked for again."""
        if not manifest.patrons:
            return
        fence = self.ledger.take_lock(sharing, nonce, base_version=manifest.version)
        if fence is None:
            return
        version = manifest.version + 1
        left = {**manifest.left, **{token: known.traits for token, known in manifest.patrons.items()}}
        vacated = () if whole else (*manifest.vacated, *manifest.households)
        self.vault.put(manifest_key(sharing, version), Manifest(version=version, left=left, vacated=vacated).to_bytes())
        self.ledger.release_lock(sharing, nonce, fence=fence, applied=DistrictState(manifest_version=version))


def is_over(one: Holding, limit: datetime) -> bool:
    """Whether nothing sealed may be kept of a patron: it said no, or it left before ``limit``."""
    if one.no or one.state is State.REFUSED:
        return True
    return one.state is State.EXPIRED and datetime.fromisoformat(one.at) <= limit


def is_held(site: Site, sharing: str) -> bool:
    """Whether an agreement of this data-sharing id says that nothing may be destroyed."""
    return any(one.retention.legal_hold for one in site.agreements if one.sharing == sharing and one.status is not Status.DRAFT)


def term_is_due(site: Site, sharing: str, today: date) -> bool:
    """Whether the last agreement ended so long ago that all that is sealed must go now."""
    signed = [one for one in site.agreements if one.sharing == sharing and one.status is not Status.DRAFT]
    if not signed or any(one.status is not Status.TERMINATED and one.term.expires >= today for one in signed):
        return False
    last = max(signed, key=lambda one: one.term.expires)
    return today > max(last.term.expires, last.term.expires + timedelta(days=last.disposition.within_days) - LAST_WEEK)


def clause_of(agreement: Agreement, because: Because) -> str:
    """The clause that the destruction carries out, as its key in the agreement."""
    if because is Because.TERM:
        return f"disposition.within_days: {agreement.disposition.within_days}"
    return f"retention.after_withdrawal_days: {agreement.retention.after_withdrawal_days}"


def _told(agreement: Agreement, act: Destruction, nonce: str, now: datetime) -> Event:
    run_id = hashlib.sha256(f"{act.sharing}\0{nonce}".encode()).hexdigest()[:24]
    return new_event(
        "DataDestroyed",
        key=f"{act.sharing}\0{act.at}\0{nonce}",
        because=str(act.because),
        patrons=act.patrons,
        households=act.households,
        objects=act.objects,
        **facts(agreement, run_id, now),
    )
