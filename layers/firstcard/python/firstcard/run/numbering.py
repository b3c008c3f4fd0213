"""Whose card numbers are: what a plan knows of it before it gives any, and what a run learnt while it was issued.

Numbers that are made of what people send may be somebody's already: another district's student's, somebody's who left long ago, or a patron's whom the
library had before. Issue decides, by claims (firstcard.card.claim); planning looks first, so that a row without a free number is told by its line.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from firstcard.agreement import Agreement, Library
from firstcard.card.issue import Standing
from firstcard.card.manifest import Manifest
from firstcard.card.number import in_block, may_be_claimed, may_be_ours
from firstcard.card.patron import Patron, State
from firstcard.card.plan import Decisions, Step, clause_of, made_number
from firstcard.identity import Tokens
from firstcard.roster import Person, Reading, Reason, Role

Row = Mapping[str, str]
AT_ONCE = 1000
"""Barcodes of the library's list whose claims are looked up together."""


class NumbersOnRecord(Protocol):
    """The cards table, as far as numbers go."""

    def holders(self, numbers: Sequence[str]) -> Mapping[str, str]:
        """Whose each claimed number is: the patron's token by the number's."""
        ...

    def standing(self, tokens: Sequence[str]) -> Standing:
        """Patrons and refusals of ``tokens``."""
        ...


@dataclass(slots=True)
class ListedNumbers:
    """The card numbers of the library's own list of patrons that an agreement's numbers can be; kept while the list goes by, for it is opened once."""

    lengths: Collection[int]
    numbers: set[str] = field(default_factory=set, repr=False)
    whole: bool = False

    @classmethod
    def under(cls, agreement: Agreement) -> "ListedNumbers":
        """For the numbers that this agreement makes of its rosters."""
        return cls({clause.length for clause in (agreement.card.number, agreement.card.staff_number) if clause.field})

    def noting(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows as they are, each number noted."""
        for row in rows:
            barcode = row.get("barcode", "").strip().upper()
            if len(barcode) in self.lengths:
                self.numbers.add(barcode)
            yield row
        self.whole = True


def numbered(reading: Reading, known: Manifest, agreement: Agreement, tokens: Tokens) -> frozenset[tuple[str, str]]:
    """Those by role and id who were in the last roster, where numbers come from outside: what they have stays, whatever their row says now."""
    shared = {str(role) for role in Role if clause_of(role, agreement).is_shared}
    if not shared or not known.patrons:
        return frozenset()
    people = ((role, local_id) for role, local_id in reading.people.select("role", "local_id") if role in shared)
    return frozenset(one for one in people if (before := known.patrons.get(tokens.patron(*one))) and before.fingerprint)


SameChild = Callable[[Patron, Person], bool]
"""Whether a row is of the child who was this patron: by name and birth date."""


def nobody(patron: Patron, person: Person) -> bool:
    """No two are one."""
    return False


@dataclass(frozen=True, slots=True)
class Looked:
    """What planning finds of numbers: ``taken`` are those, by patron token, whose number is somebody else's; ``moved`` those whose number comes with them from a patron that left.

    ``may_come`` says that the number of one of the taken is the same child's, who has not left yet: then the same roster says something else another night.
    """

    taken: frozenset[str]
    moved: Mapping[str, str]
    may_come: bool = False


def not_free(
    decisions: Decisions,
    known: Manifest,
    *,
    agreement: Agreement,
    library: Library,
    tokens: Tokens,
    on_record: NumbersOnRecord,
    listed: Collection[str] = frozenset(),
    same_child: SameChild = nobody,
) -> Looked:
    """The new ones whose number is somebody else's, or one that the library's block gives by itself; and those whose number was theirs all the time.

    A state id stays with the child, and so does the card that it numbers: a student whose number is that of one who left, and who is the same child, has the
    card moved.

    ``listed`` are numbers of the library's own patrons; a card of ours may be among them. Prefix and id make a number that only an id of the same
    district can make, so that before a district's first roster nobody can have one, and nothing is asked.
    """
    numbers = {step.token: (step, number) for step in decisions.steps if (number := made_number(step, agreement))}
    claims: dict[str, str] = {}
    met: set[str] = set()
    gone: set[str] = set()
    for token, (step, number) in numbers.items():
        assert step.person is not None, "who is not in the roster gets no number"
        clause = clause_of(step.person.role, agreement)
        if clause.is_shared and in_block(number, library):
            gone.add(token)
        elif number.upper() in listed:
            met.add(token)
        elif not known.version and clause.scheme == "prefix_student_id":
            continue
        claims[token] = tokens.card(number)
    holders = on_record.holders(list(claims.values())) if claims else {}
    others = {token: holder for token, claim in claims.items() if (holder := holders.get(claim, token)) != token}
    theirs = _theirs({token: other for token, other in others.items() if token not in gone}, numbers, agreement, on_record, same_child)
    moved = {token: patron.token for token, patron in theirs.items() if patron.state is State.EXPIRED}
    gone.update(others.keys() - moved.keys())
    met -= moved.keys()
    unclaimed = sorted(token for token in met - gone if claims[token] not in holders)
    patrons = on_record.standing(unclaimed).patrons if unclaimed else {}
    gone.update(token for token in unclaimed if token not in patrons or patrons[token].card_token != claims[token])
    return Looked(frozenset(gone), moved, may_come=theirs.keys() != moved.keys())


def _theirs(
    others: Mapping[str, str],
    numbers: Mapping[str, tuple[Step, str]],
    agreement: Agreement,
    on_record: NumbersOnRecord,
    same_child: SameChild,
) -> dict[str, Patron]:
    """Those of ``others`` (the holder of the number by who would get it) who are the holder, with that one: gone from where it was, or there still."""
    students = {token: other for token, other in others.items() if _goes_along(numbers[token][0], agreement)}
    standing = on_record.standing(sorted(students.values())) if students else Standing({}, ())
    theirs = {}
    for token, other in students.items():
        patron, person = standing.patrons.get(other), numbers[token][0].person
        if patron and person and patron.state is not State.REFUSED and other not in standing.refused and same_child(patron, person):
            theirs[token] = patron
    return theirs


def _goes_along(step: Step, agreement: Agreement) -> bool:
    return step.person is not None and step.person.role is Role.STUDENT and clause_of(step.person.role, agreement).scheme == "state_id"


def places_of(reading: Reading, taken: Collection[str], tokens: Tokens) -> dict[int, Reason]:
    """The places of these people in a reading, with the reason."""
    if not taken:
        return {}
    people = enumerate(reading.people.select("role", "local_id"))
    return {place: Reason.NUMBER_TAKEN for place, (role, local_id) in people if tokens.patron(role, local_id) in taken}


def families_own(
    rows: Iterable[Row], agreements: Sequence[Agreement], library: Library, tokens: Tokens, on_record: NumbersOnRecord
) -> Iterator[Row]:
    """The rows of the library's list whose cards are none of ours: by the form of the number, and where that tells nothing by the claims on record."""
    waiting: list[tuple[Row, str]] = []
    for row in rows:
        barcode = row.get("barcode", "").strip()
        if any(may_be_ours(barcode, one, library) for one in agreements):
            continue
        if not any(may_be_claimed(barcode.upper(), one) for one in agreements):
            yield row
            continue
        waiting.append((row, tokens.card(barcode)))
        if len(waiting) == AT_ONCE:
            yield from _unclaimed(waiting, on_record)
            waiting = []
    yield from _unclaimed(waiting, on_record)


def _unclaimed(rows: Sequence[tuple[Row, str]], on_record: NumbersOnRecord) -> Iterator[Row]:
    holders = on_record.holders([number for _, number in rows]) if rows else {}
    yield from (row for row, number in rows if number not in holders)
