"""What the agreements permit at a moment: who may seal or open which field group of whose students, for which purpose. Read from the agreements alone.

It is written apart from what compiles the key policies (infra), so that the same mistake would have to be made twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from firstcard.agreement import Agreement, Group, Library, Purpose, Site, Status

SEALS = "plan"
BRING_PATRONS = ("systems-librarian", "gather")
OPENS_PATRONS = "plan"


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a key: ``open`` (KMS Decrypt) or ``seal`` (KMS Encrypt) of a group for a purpose, by a role without the deployment's prefix.

    ``sharing`` is the data-sharing id, or a library's id for its own patrons.
    """

    role: str
    verb: str
    sharing: str
    purpose: str
    group: str


class Judgement(StrEnum):
    """What the agreements say to a use at a moment."""

    AGREED = "agreed"
    OUTSIDE_TERM = "outside_term"
    OTHER_GROUP = "other_group"
    OTHER_PURPOSE = "other_purpose"
    OTHER_ROLE = "other_role"
    NO_AGREEMENT = "no_agreement"


@dataclass(frozen=True, slots=True)
class _Span:
    begins: datetime
    ends: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.begins <= at < self.ends


class Agreed:
    """Everything that a site's agreements and its libraries' own clauses permit, with the days between which they do (UTC, as the key policies count)."""

    def __init__(self, site: Site) -> None:
        self._spans: dict[Use, list[_Span]] = defaultdict(list)
        for agreement in site.agreements:
            if agreement.status is Status.EXECUTED:
                span = _span(agreement.term.effective, agreement.term.expires)
                for use in set(_of_agreement(agreement)):
                    self._spans[use].append(span)
        for library in site.libraries:
            if library.patrons:
                span = _span(library.patrons.effective, library.patrons.expires)
                for use in _of_library(library):
                    self._spans[use].append(span)
        self._sharings = {use.sharing for use in self._spans}
        self._purposes = {(use.role, use.verb, use.sharing, use.purpose) for use in self._spans}
        self._roles = {(use.role, use.verb, use.sharing) for use in self._spans}

    def judge(self, use: Use, at: datetime) -> Judgement:
        """Whether a use was agreed at a moment, and if not, what was not."""
        spans = self._spans.get(use)
        if spans:
            return Judgement.AGREED if any(at in span for span in spans) else Judgement.OUTSIDE_TERM
        if use.sharing not in self._sharings:
            return Judgement.NO_AGREEMENT
        if (use.role, use.verb, use.sharing, use.purpose) in self._purposes:
            return Judgement.OTHER_GROUP
        return Judgement.OTHER_PURPOSE if (use.role, use.verb, use.sharing) in self._roles else Judgement.OTHER_ROLE

    def uses(self) -> Iterable[Use]:
        """Every use that some agreement permits at some time."""
        return self._spans.keys()


def _span(first: date, last: date) -> _Span:
    return _Span(datetime.combine(first, time(), UTC), datetime.combine(last + timedelta(days=1), time(), UTC))


def _of_agreement(agreement: Agreement) -> Iterator[Use]:
    for access in agreement.accesses():
        yield Use(access.role, "open", agreement.sharing, str(access.purpose), str(access.group))
    for purpose in Purpose:
        for group in agreement.matrix.get(purpose, ()):
            yield Use(SEALS, "seal", agreement.sharing, str(purpose), str(group))
    renew = ([role for role in ("reset",) if agreement.card.pin.page]) + (["print"] if agreement.prints_pins else [])
    for role in renew:
        for purpose in agreement.purposes_of(Group.PIN):
            yield Use(role, "seal", agreement.sharing, str(purpose), str(Group.PIN))


def _of_library(library: Library) -> Iterator[Use]:
    for role in BRING_PATRONS:
        yield Use(role, "seal", library.id, str(Purpose.DEDUPLICATE), str(Group.PATRONS))
    yield Use(OPENS_PATRONS, "open", library.id, str(Purpose.DEDUPLICATE), str(Group.PATRONS))
