"""Counting a roster by school and grade when it is planned. Nothing sealed is needed for it, and nothing of one child is kept."""

from collections import Counter
from collections.abc import Collection, Iterator

from firstcard.card.manifest import Manifest
from firstcard.card.plan import Decisions
from firstcard.identity import Tokens
from firstcard.report.census import Census, Group
from firstcard.roster import Reading, Role

_Row = tuple[str, str, bool, bool, bool, bool]
"""School and grade of a student, and whether there is a no, a card of the family's own that serves, a doubt, another district's card."""


def census_of(reading: Reading, decisions: Decisions, known: Manifest, mistaken: Collection[str], tokens: Tokens) -> Census:
    """The census of a plan. ``mistaken`` are those whose link to a family's card was found to be wrong: theirs is not the child's."""
    schools: dict[str, str] = {}
    sums: dict[tuple[str, str], list[int]] = {}
    for (school, grade, *marks), count in Counter(_rows(reading, decisions, known, mistaken, tokens, schools)).items():
        group = sums.setdefault((school, grade), [0] * (1 + len(marks)))
        for place, mark in enumerate((True, *marks)):
            group[place] += count * bool(mark)
    return Census(
        tuple(Group(school, grade, *group) for (school, grade), group in sorted(sums.items())),
        schools,
        sum(1 for step in decisions.steps if step.person and step.person.role is Role.STAFF and not step.refused),
        {str(word): count for word, count in reading.excluded.items()},
    )


def _rows(
    reading: Reading, decisions: Decisions, known: Manifest, mistaken: Collection[str], tokens: Tokens, schools: dict[str, str]
) -> Iterator[_Row]:
    """Each student's row; ``schools`` gets their names."""
    linked = known.compared.linked
    for step in decisions.steps:
        person = step.person
        if person is not None and person.role is Role.STUDENT:
            schools.setdefault(person.school_id, person.school_name)
            theirs = bool(step.ils_id) or (step.token in linked and step.token not in mistaken)
            yield person.school_id, person.grade, step.refused, theirs and not step.refused, False, False
    if decisions.in_doubt or decisions.served:
        for person in reading.people:
            token = tokens.patron(person.role, person.local_id)
            if token in decisions.in_doubt or token in decisions.served:
                schools.setdefault(person.school_id, person.school_name)
                yield person.school_id, person.grade, False, False, token in decisions.in_doubt, token in decisions.served
