"""Counting for a report: the censuses of applied rosters, and where everybody of the last one stands by the cards table. Nothing sealed is opened, no token leaves."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from firstcard.agreement import Agreement, Library
from firstcard.card.chunk import Decision
from firstcard.card.manifest import Known
from firstcard.card.patron import State
from firstcard.card.view import Stand
from firstcard.report.census import Census, census_folder
from firstcard.report.figures import Counted, Edition, Held, Now, Where, figures_of
from firstcard.report.progress import point_of, progress_folder, progress_key
from firstcard.report.usage import usage_folder
from firstcard.run.delivering import load_manifest, summary_of
from firstcard.run.ledger import DistrictState, Run, Status
from firstcard.run.writing import told_to_district

MONTHS = 36
"""How far back a report looks: three school years."""


class Cards(Protocol):
    """The cards table, as far as it is counted."""

    def stands(self, tokens: Iterable[str]) -> Iterator[tuple[str, Stand]]:
        """Where each of these patrons stands."""
        ...


class Runs(Protocol):
    """The run ledger, as far as it is counted."""

    def district(self, sharing: str) -> DistrictState:
        """The district's state, consistently read."""
        ...

    def waiting_runs(self, sharing: str) -> Sequence[Run]:
        """The runs of a district with a library that wait for a person, oldest first."""
        ...


class Vault(Protocol):
    """The vault, as far as it is counted."""

    def get(self, key: str) -> bytes | None:
        """Read an object of the vault; None if there is none."""
        ...

    def keys(self, prefix: str) -> Iterable[str]:
        """The objects of the vault under a prefix."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Write an object of the vault."""
        ...


def tally(
    agreement: Agreement, library: Library, *, cards: Cards, ledger: Runs, vault: Vault, edition: Edition, at: datetime
) -> dict[str, Any]:
    """The report of one district: counts are made and rounded here, so that no small group leaves."""
    sharing = agreement.sharing
    manifest = load_manifest(vault, sharing, ledger.district(sharing).manifest_version)
    counted = Counted(
        now=_now(manifest.patrons, cards),
        censuses=tuple(_censuses(sharing, vault)),
        held=tuple(_held(agreement, ledger, vault)),
        use=tuple(_use(sharing, vault)),
        progress=tuple(_progress(sharing, vault)),
    )
    return figures_of(agreement, library, counted, edition=edition, at=at)


def keep_month(agreement: Agreement, library: Library, *, cards: Cards, ledger: Runs, vault: Vault, at: datetime) -> bool:
    """Count for the month that ``at`` is in and keep what may be shown of it; False if that was done. A district without a roster has no month."""
    key = progress_key(agreement.sharing, f"{at:%Y-%m}")
    if vault.get(key) is not None or not ledger.district(agreement.sharing).manifest_version:
        return False
    report = tally(agreement, library, cards=cards, ledger=ledger, vault=vault, edition=Edition.DISTRICT, at=at)
    vault.put(key, json.dumps(point_of(report), sort_keys=True).encode())
    return True


def _now(patrons: Mapping[str, Known], cards: Cards) -> Now:
    students: Counter[Where] = Counter()
    educators: Counter[Where] = Counter()
    had_card = 0
    for token, stand in cards.stands(patrons):
        known = patrons[token]
        where = where_of(stand, refused=known.refused)
        (educators if known.staff else students)[where] += 1
        had_card += not known.staff and where is Where.IN_ILS and stand.linked
    return Now(students, educators, had_card)


def where_of(stand: Stand, *, refused: bool) -> Where:
    """Where somebody stands; ``refused`` says that the roster has a no."""
    if refused or stand.no or stand.state == State.REFUSED:
        return Where.OPTED_OUT
    if stand.state == State.ACTIVE:
        return {"in_ils": Where.IN_ILS, "failed": Where.FAILED}.get(stand.ils, Where.REST)
    if stand.state == State.WAITING:
        return Where.WINDOW if stand.household else Where.NO_ADDRESS
    return Where.REST


def _censuses(sharing: str, vault: Vault) -> Iterator[tuple[str, Census]]:
    """Of each month the last census, and the very first one of all; the newest is that of the roster that counts."""
    keys = sorted(vault.keys(census_folder(sharing)))
    last_of_month = {key.rsplit("/", 1)[-1][:7]: key for key in keys}
    for key in sorted({*keys[:1], *sorted(last_of_month.values())[-MONTHS:]}):
        if body := vault.get(key):
            yield key.rsplit("/", 1)[-1][:10], Census.from_plain(json.loads(body))


def _held(agreement: Agreement, ledger: Runs, vault: Vault) -> Iterator[Held]:
    for run in ledger.waiting_runs(agreement.sharing):
        if run.status is Status.HELD:
            told = told_to_district(summary_of(run, vault).get("decisions", {}), agreement)
            yield Held(run.arrival.received_at, told.get(Decision.ISSUE, 0) + told.get(Decision.WAIT, 0))


def _progress(sharing: str, vault: Vault) -> Iterator[dict[str, Any]]:
    for key in sorted(vault.keys(progress_folder(sharing)))[-MONTHS:]:
        if body := vault.get(key):
            yield json.loads(body)


def _use(sharing: str, vault: Vault) -> Iterator[dict[str, Any]]:
    for key in sorted(vault.keys(usage_folder(sharing))):
        if body := vault.get(key):
            yield from json.loads(body)["rows"]
