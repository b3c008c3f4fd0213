"""A trial: read a file of ``try/`` as planning would, leave a receipt, and keep nothing of it.

No quiet time is waited for, not even for a plain file: the worst that half a file can do here is a receipt on half a file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from firstcard.agreement import Agreement, Library, Site
from firstcard.receipt import Outcome, Receipt, receipt_of
from firstcard.roster import Reason, Refusal
from firstcard.run.admission import is_temporary, under
from firstcard.run.checking import Checked, Verdict, check_roster, closed, limit_of
from firstcard.run.delivering import Outboxes, put_forms
from firstcard.run.ledger import Arrival, Standing
from firstcard.run.writing import ring_of
from firstcard.sender import open_delivery

OUTCOMES = {
    Verdict.ACCEPTABLE: Outcome.TRIAL_ACCEPTABLE,
    Verdict.HELD: Outcome.TRIAL_HELD,
    Verdict.REFUSED: Outcome.TRIAL_REFUSED,
}


class Folders(Outboxes, Protocol):
    """The districts' trial folders and outboxes."""

    def trials(self, bucket: str) -> Iterable[Standing]:
        """Every version that lies in a bucket's trial folder."""
        ...

    def read_drop(self, arrival: Arrival) -> bytes:
        """The uploaded object, in exactly the version that arrived."""
        ...

    def delete_trial(self, bucket: str, key: str, version_id: str) -> None:
        """Delete one version for good; no fault if it is gone."""
        ...


class Suspensions(Protocol):
    """The ledger, as far as a trial asks it."""

    def suspended(self, sharing: str) -> bool:
        """Whether somebody suspended the agreement, consistently read."""
        ...


class OpeningKeys(Protocol):
    """The secret keys that open deliveries."""

    def opening_keys(self, district: str) -> Sequence[str]:
        """Secret keys that open this district's files, OpenPGP and age."""
        ...


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Tries files. It can reach no vault, no table of cards, no run, no bus and no mail."""

    site: Site
    ledger: Suspensions
    folders: Folders
    secrets: OpeningKeys

    def rehearse(self, arrival: Arrival) -> str:
        """Try one file: a receipt for each library that it would go to, then its end, whatever was found. Gives the outcomes, or ``gone`` if the file was tried already.

        Safe to repeat: a receipt's name is made of the arrival, and a version that is gone is left alone. A file in the bucket of a district without
        an agreement is deleted without a receipt, for there is nobody to ring.
        """
        standing = list(self.folders.trials(arrival.bucket))
        outcome = "gone"
        if any((one.key, one.version_id) == (arrival.key, arrival.version_id) for one in standing):
            agreements = self.site.agreements_of(arrival.district, datetime.fromisoformat(arrival.received_at).date())
            alone = len(agreements) == 1
            told = [self._tell(arrival if alone else under(arrival, agreement.sharing), agreement) for agreement in agreements]
            outcome = ", ".join(told) or "unknown"
            self.folders.delete_trial(arrival.bucket, arrival.key, arrival.version_id)
        for one in standing:
            # A rename is a copy and a removal: in a versioned bucket the whole file still stands under its temporary name.
            if is_temporary(one.key) and not one.newest:
                self.folders.delete_trial(arrival.bucket, one.key, one.version_id)
        return outcome

    def _tell(self, arrival: Arrival, agreement: Agreement) -> str:
        checked = self._check(arrival, agreement, datetime.fromisoformat(arrival.received_at))
        receipt = _receipt(checked, arrival, agreement, self.site.library(agreement.library))
        put_forms(receipt, self.folders, bucket=arrival.bucket, name=trial_name(arrival))
        return str(receipt.outcome)

    def _check(self, arrival: Arrival, agreement: Agreement, now: datetime) -> Checked:
        """What planning would find, in planning's order; a file that may not be opened is not read at all."""
        shut = closed(agreement, on=now.date(), suspended=self.ledger.suspended(agreement.sharing))
        limit = limit_of(agreement)
        if shut or arrival.size > limit:
            return Checked(Refusal(shut or Reason.TOO_LARGE))
        keys = self.secrets.opening_keys(agreement.district)
        delivered = open_delivery(self.folders.read_drop(arrival), agreement=agreement, secret_keys=keys, limit=limit)
        if isinstance(delivered, Refusal):
            return Checked(delivered)
        return check_roster(delivered.plaintext, _file_name(arrival), agreement, now.date())


def trial_name(arrival: Arrival) -> str:
    """The name of a trial's receipt in the outbox, without a suffix: it sorts by time and never looks like a run's."""
    return f"try-{datetime.fromisoformat(arrival.received_at):%Y-%m-%d-%H%M%S}-{arrival.run_id}"


def _receipt(checked: Checked, arrival: Arrival, agreement: Agreement, library: Library) -> Receipt:
    received = datetime.fromisoformat(arrival.received_at)
    return receipt_of(
        checked.result,
        run_id=arrival.run_id,
        district=agreement.parties.lea.name,
        library=library.name,
        file_name=_file_name(arrival),
        file_bytes=arrival.size,
        received_at=received,
        finished_at=received,
        contact=ring_of(agreement),
        outcome=OUTCOMES[checked.verdict],
        holds=checked.reasons,
    )


def _file_name(arrival: Arrival) -> str:
    return arrival.key.rsplit("/", 1)[-1]
