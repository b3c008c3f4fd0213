"""The rules that keep two records apart whatever the weight says, each with a stable code.

A score alone cannot do this: brothers, sisters, twins and parents share last name, address and phone, and weights add these up. A veto takes nothing
away from what speaks for a pair; it sends the pair to a person. Conditions are SQL over the columns of one compared pair.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

VERSION = "2026-11-c"
"""Changes whenever a rule, a level or a form changes; a changed version runs beside the decisions and may only add to the queue."""

SAME_BITS = 6.6
"""At least this weight for an automatic link: 0.99."""
REVIEW_BITS = 0.0
"""At least this weight for the queue: more likely one person than not."""
NO_FAMILY_BITS = -3.0
"""At least this weight where the data show no families: with nobody about who could be taken for another one, a pair of two slips is worth a look."""
MARGIN_BITS = 6.0
"""By so much a link must be better than the next best person on either side."""

FAR_BITS = 10.0
"""So far behind somebody else's pair, a pair with patrons is not shown: a card is one person's."""


class Rule(NamedTuple):
    """A rule: its code, why it is there, and the SQL condition under which it speaks against a pair."""

    code: str
    why: str
    when: str


REJECTS = (
    Rule(
        "H1",
        "The first names have nothing to do with each other.",
        "first in (8, 9) and not (first = 8 and dob = 0 and contact <= 1) and state in (1, 2)",
    ),
    Rule("H2", "The birth dates have at most one part in common, and it is no slip of the hand.", "dob = 6 and state in (1, 2)"),
    Rule(
        "H3",
        "The first names are alike, but each is a name of its own, and state ids, middle names or local ids of one district differ: twins.",
        "(first in (2, 4, 6) or (first = 3 and two)) and (state = 2 or middle = 4) "
        "or two and first in (3, 6) and within and same_district and state = 1",
    ),
    Rule("H4", "Two students with two state ids, and nothing of the household agrees.", "within and state = 2 and contact = 4"),
)
"""Such pairs are different people: they are not shown to anybody. An equal state id, or one that is a slip away, keeps them for a person to look at.
All rests on brothers, sisters and parents: where the data show no families at all, rejects are not applied, and the weight alone says who is different.
"""

VETOES = (
    Rule("V0", "The weight is too low.", f"weight < {SAME_BITS}"),
    Rule("V1", "The first name is neither equal, nor the preferred name, nor a nickname, nor one letter off.", "first > 4"),
    Rule(
        "V2",
        "The birth dates differ, by more than one digit or day and month swapped between two records of one name and one household, of which the full middle "
        "name, the state id, or the year and two of address, phone and e-mail (for a digit, all three) agree: cousins are called alike.",
        "dob in (1, 2, 3, 6) and not (dob in (1, 2) and first = 0 and last = 0 and contact <= 1 "
        "and (middle = 0 or state = 0 or contact = 0 and left_born // 10000 = right_born // 10000 and (dob = 1 or same_address and same_phone and same_email)))",
    ),
    Rule(
        "V3",
        "A birth date is missing, or is one that systems write for none: a parent of the same name looks just so.",
        "dob in (4, 5) and not (state = 0 and first = 0 and last <= 1 and contact <= 1)",
    ),
    Rule("V4", "The state ids differ.", "state >= 2"),
    Rule("V5", "The middle names differ, or are only alike: Amin and Amir.", "middle = 4 or middle = 2 and state <> 0"),
    Rule(
        "V6",
        "The generations differ (Jr., Sr., II, III), or only one has one and the birth dates are not equal.",
        "suffix = 3 or (suffix = 2 and dob <> 0)",
    ),
    Rule(
        "V7",
        "A twin, or somebody else with the other one's name, stands in the data: then the first names must be equal.",
        "twin and first <> 0",
    ),
    Rule(
        "V8",
        "The first names are one letter apart, and both, or neither, are known as names, or it is a letter changed or at an end: "
        "twins' names rhyme.",
        "first = 3 and (not slip or rhyme)",
    ),
    Rule(
        "V9",
        "Nothing of the household agrees, and no state id does: a stranger of the same name and birthday looks just so.",
        "contact > 1 and state <> 0",
    ),
    Rule(
        "V10",
        "The last names differ, without equal first names and birth dates in one household; where they have no part in common, with the e-mail and more, "
        "or the middle name and two of address, phone and e-mail.",
        "last in (3, 4, 5) and not (first = 0 and dob = 0 and (contact = 0 and (last = 3 or same_email or middle <= 1) or last = 3 and contact = 1))",
    ),
    Rule(
        "V11",
        "Two local ids of one district, without everything equal: the name, the birth date, and the state id, or the middle name and a contact; where no district "
        "is named, its initial and two of address, phone and e-mail.",
        "within and same_district and not (first = 0 and dob = 0 and (state = 0 or last = 0 and (middle = 0 and contact <= 1 or unplaced and middle = 1 and contact = 0)))",
    ),
    Rule("V12", "Somebody else fits nearly as well.", "rival"),
    Rule("V13", "A compound first name is cut: brothers and sisters may share the rest.", "first = 4"),
    Rule("V14", "Two people with this first name, birth date and household stand in the data.", "double"),
    Rule(
        "V15",
        "A nickname that is a name of its own (Emma, Emily) or one letter off (Christina, Christine).",
        "first = 2 and formal",
    ),
)
"""Such pairs are never put together by the machine. ``V16`` is added where a chain of links would put people together who are apart."""
CHAIN = "V16"

_CODES = frozenset(rule.code for rule in (*REJECTS, *VETOES)) | {CHAIN}


class RuleError(ValueError):
    """A rule was named that does not exist."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a run. ``without`` names codes that are left out, for tests that show what each is worth; a product run leaves none out."""

    without: frozenset[str] = frozenset()

    def __init__(self, without: Iterable[str] = ()) -> None:
        object.__setattr__(self, "without", frozenset(without))
        if not self.without <= _CODES:
            raise RuleError(f"no such rule: {', '.join(sorted(self.without - _CODES))}")

    @property
    def version(self) -> str:
        """The version, with what was left out."""
        return VERSION + "".join(f"-{code}" for code in sorted(self.without))

    @property
    def rejects(self) -> tuple[Rule, ...]:
        """The hard rejects in force."""
        return tuple(rule for rule in REJECTS if rule.code not in self.without)

    @property
    def vetoes(self) -> tuple[Rule, ...]:
        """The vetoes in force."""
        return tuple(rule for rule in VETOES if rule.code not in self.without)
