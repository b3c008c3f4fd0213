"""What must be true of one library after a district's file, worked out from the synthetic people alone."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

from firstcard.agreement import Agreement
from local.district.people import District, Staff, Student


def rolled_out(agreement: Agreement, student: Student) -> bool:
    """Whether the agreement gives this student's school and grade cards now."""
    rollout = agreement.rollout
    return (rollout.schools == "all" or student.school in rollout.schools) and (rollout.grades == "all" or student.grade in rollout.grades)


def staff_rolled_out(agreement: Agreement, person: Staff) -> bool:
    """Whether the agreement gives this member of staff a card now."""
    rollout = agreement.rollout
    here = rollout.schools == "all" or person.school in rollout.schools
    return here and (rollout.staff if isinstance(rollout.staff, bool) else person.role in rollout.staff)


def reached(student: Student, on: date) -> bool:
    """Whether an e-mail reaches the student's family: there is an address, and the student is under 18 (34 CFR 99.5)."""
    born = student.birth_date
    return bool(student.email) and on.year - born.year - ((on.month, on.day) < (born.month, born.day)) < 18


@dataclass(frozen=True)
class Wanted:
    """Counts for one library. ``left_out`` are good rows that its agreement does not roll out to.

    A family's no is noted by each library that had the file, whichever school the child goes to. Damaged rows are counted as if the agreement rolled out to
    everybody: the demo plants none where it does not.
    """

    rows: int
    rejected: dict[str, int]
    left_out: int
    cards: int
    refused: int
    waiting: int
    windows: int
    announcements: int
    card_mails: int
    staff_mails: int
    receipts: int = 1

    @classmethod
    def of(cls, district: District, agreement: Agreement) -> Self:
        """Counted over the generated people, not over what the system read."""
        good = [s for s in district.students if s.damage is None]
        may = [s for s in good if not s.opt_out]
        carded = [s for s in may if rolled_out(agreement, s)]
        staff = sum(staff_rolled_out(agreement, person) for person in district.staff)
        reachable = [s for s in carded if reached(s, district.today)]
        window = agreement.route == "window"
        families = len({s.email for s in reachable})
        students = len(reachable) if window else len(carded)
        return cls(
            rows=len(district.students) + len(district.staff),
            rejected=dict(Counter(s.damage.reason_code for s in district.students if s.damage is not None)),
            left_out=len(may) - len(carded) + len(district.staff) - staff,
            cards=students + staff,
            refused=len(good) - len(may),
            waiting=len(carded) - students,
            windows=len(reachable),
            announcements=families if agreement.notices.announce or window else 0,
            card_mails=families,
            staff_mails=staff,
        )

    def pilot(self, cards: int) -> "Wanted":
        """After a first load that made a few cards only, each of another family, and no card of staff."""
        few = min(cards, self.windows)
        told = few if self.announcements else 0
        return replace(self, cards=few, waiting=0, windows=few, announcements=told, card_mails=few, staff_mails=0)

    @property
    def mails(self) -> int:
        """All e-mails, but those about plans that wait for a person."""
        return self.announcements + self.card_mails + self.staff_mails + self.receipts


def together(wanted: Iterable[Wanted]) -> Wanted:
    """The sum over the libraries of one file: its rows count once, whatever a library does with them."""
    first, *others = wanted
    for one in others:
        first = replace(
            first,
            left_out=first.left_out + one.left_out,
            cards=first.cards + one.cards,
            refused=first.refused + one.refused,
            waiting=first.waiting + one.waiting,
            windows=first.windows + one.windows,
            announcements=first.announcements + one.announcements,
            card_mails=first.card_mails + one.card_mails,
            staff_mails=first.staff_mails + one.staff_mails,
            receipts=first.receipts + one.receipts,
        )
    return first
