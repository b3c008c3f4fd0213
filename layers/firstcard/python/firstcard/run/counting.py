"""Counting a roster by school and grade when it is planned. Nothing sealed is needed for it, and nothing of one child is kept."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from firstcard.card.manifest import Manifest
from firstcard.card.plan import Decisions
from firstcard.identity import Tokens
from firstcard.report.census import Census, Group
from firstcard.roster import Person, Reading, Role


@dataclass(frozen=True, slots=True)
class _Row:
    person: Person
    no: bool = False
    had_card: bool = False
    in_doubt: bool = False
    served: bool = False


def census_of(reading: Reading, decisions: Decisions, known: Manifest, mistaken: Collection[str], tokens: Tokens) -> Census:
    """The census of a plan. ``mistaken`` are those whose link to a family's card was found to be wrong: theirs is not the child's."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    schools: dict[str, str] = {}
    for row in _rows(reading, decisions, known, mistaken, tokens):
        person = row.person
        schools.setdefault(person.school_id, person.school_name)
        group = counts.setdefault((person.school_id, person.grade), Counter())
        group["students"] += 1
        for word in ("no", "had_card", "in_doubt", "served"):
            group[word] += getattr(row, word)
    return Census(
        tuple(Group(school, grade, **group) for (school, grade), group in sorted(counts.items())),
        schools,
        sum(1 for step in decisions.steps if step.person and step.person.role is Role.STAFF and not step.refused),
        {str(word): count for word, count in reading.excluded.items()},
    )


def _rows(reading: Reading, decisions: Decisions, known: Manifest, mistaken: Collection[str], tokens: Tokens) -> Iterator[_Row]:
    linked = known.compared.linked
    for step in decisions.steps:
        if step.person is not None and step.person.role is Role.STUDENT:
            theirs = bool(step.ils_id) or (step.token in linked and step.token not in mistaken)
            yield _Row(step.person, no=step.refused, had_card=theirs and not step.refused)
    if decisions.in_doubt or decisions.served:
        for person in reading.people:
            token = tokens.patron(person.role, person.local_id)
            if token in decisions.in_doubt or token in decisions.served:
                yield _Row(person, in_doubt=token in decisions.in_doubt, served=token in decisions.served)
