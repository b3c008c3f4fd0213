"""Gathering what is on record of one child, for the question why it has no card. Tokens only; nothing is opened."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Protocol

from firstcard.agreement import Agreement
from firstcard.card.manifest import Manifest
from firstcard.card.patron import State
from firstcard.card.view import OnFile
from firstcard.roster import Reason
from firstcard.run.delivering import Reader, folder_of
from firstcard.run.ledger import Run, Status
from firstcard.run.people import People, people_key
from firstcard.run.why import SETTLED, Facts, InFile

RUNS_LOOKED_AT = 500
"""More than a school year of nights."""


class CardsOnFile(Protocol):
    """The cards table, as far as it is asked about one child."""

    def on_file(self, token: str) -> OnFile:
        """What the table has of one patron, consistently read."""
        ...

    def is_unnumbered(self, run_id: str, token: str) -> bool:
        """Whether this one got no card in the run because of the number."""
        ...


class Runs(Protocol):
    """The run ledger, as far as it is asked."""

    def newest_runs(self, district: str) -> Iterator[Run]:
        """The district's runs, newest first."""
        ...

    def suspended(self, sharing: str) -> bool:
        """Whether somebody suspended the agreement."""
        ...


def gather(token: str, *, agreement: Agreement, now: datetime, cards: CardsOnFile, ledger: Runs, vault: Reader) -> Facts:
    """The facts about the child behind a token. Files are looked at where the cards table alone does not tell, else the newest for a reused id."""
    on_file = cards.on_file(token)
    patron = on_file.patron
    untold = patron is None or patron.state is State.EXPIRED or (patron.state is State.WAITING and not patron.household)
    if on_file.no is not None:
        files: tuple[InFile, ...] = ()
    else:
        files = tuple(_files(token, agreement, ledger, vault) if untold else _reused(token, agreement, ledger, vault))
        if patron is None:
            files = tuple(replace(file, number_taken=_lost(file, token, cards)) for file in files)
    return Facts(agreement, now, suspended=ledger.suspended(agreement.sharing), on_file=on_file, files=files)


def _lost(file: InFile, token: str, cards: CardsOnFile) -> bool:
    """Whether the file would have given a card, and did not because of its number."""
    return file.planned and file.run.status in (Status.ISSUING, Status.APPLIED) and cards.is_unnumbered(file.run.arrival.run_id, token)


def _reused(token: str, agreement: Agreement, ledger: Runs, vault: Reader) -> Iterator[InFile]:
    """What the newest applied file says, where it says that the id stands there for somebody else."""
    runs = (run for run in ledger.newest_runs(agreement.district) if run.sharing == agreement.sharing)
    run = next((run for run in islice(runs, RUNS_LOOKED_AT) if run.status in SETTLED and run.plan_hash), None)
    people = vault.get(people_key(folder_of(run))) if run else None
    if run and people:
        problems = People.from_bytes(people).problems.get(token, ())
        if any(problem.reason is Reason.ID_REUSED for problem in problems):
            yield InFile(run, planned=True, problems=problems)


def _files(token: str, agreement: Agreement, ledger: Runs, vault: Reader) -> Iterator[InFile]:
    """What each file says, newest first, up to the first that says something or leaves nothing more to be said."""
    runs = (run for run in ledger.newest_runs(agreement.district) if run.sharing == agreement.sharing)
    for looked_at, run in enumerate(runs):
        if looked_at == RUNS_LOOKED_AT:
            yield InFile(run, kept=False)
            return
        if run.status in (Status.UNCHANGED, Status.SUPERSEDED):
            continue
        file = _in_file(token, run, vault)
        yield file
        if file.planned or file.problems or file.excluded or file.in_doubt or file.served or run.status in SETTLED or not file.kept:
            return


def _in_file(token: str, run: Run, vault: Reader) -> InFile:
    if run.status is Status.ADMITTED or not run.plan_hash:
        return InFile(run)
    folder = folder_of(run)
    manifest, people = vault.get(f"{folder}/manifest.json.gz"), vault.get(people_key(folder))
    if manifest is None or people is None:
        return InFile(run, kept=False)
    known = Manifest.from_bytes(manifest).patrons.get(token)
    told = People.from_bytes(people)
    return InFile(
        run,
        planned=known is not None,
        refused=known is not None and known.refused,
        problems=told.problems.get(token, ()),
        excluded=told.excluded.get(token),
        in_doubt=token in told.in_doubt,
        served=token in told.served,
    )
