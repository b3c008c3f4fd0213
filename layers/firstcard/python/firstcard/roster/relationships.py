"""relationships.csv of Microsoft School Data Sync 2.1: who is a guardian of whom. The guardians themselves are users without a role.

Source: Microsoft, "SDS V2.1 CSV file format" and "Default list of values".
"""

from dataclasses import dataclass

from firstcard.roster.bundle import Bundle
from firstcard.roster.headers import choose
from firstcard.roster.reasons import Problem, Reason
from firstcard.roster.roles import CONTACT_ROLES

FILE = "relationships.csv"
COLUMNS = ("userSourcedId", "relationshipUserSourcedId", "relationshipRole")


@dataclass(frozen=True, slots=True)
class Relationships:
    """``people`` are all who stand in a relationship to a student; ``contacts`` are line, student and guardian where the contact is agreed."""

    people: frozenset[str]
    contacts: tuple[tuple[int, str, str], ...]


def read_relationships(bundle: Bundle, *, agreed: bool) -> Relationships:
    """Read relationships.csv, empty where it is absent. Where no guardian's contact is ``agreed``, only who they are is read, to tell them from students."""
    if FILE not in bundle.archive:
        return Relationships(frozenset(), ())
    table = bundle.table(FILE, COLUMNS)
    wanted = COLUMNS if agreed else ("relationshipUserSourcedId",)
    columns = choose(table, wanted, required=frozenset(wanted), known=frozenset(COLUMNS), terms=bundle.terms)
    at = {name: place for place, name in enumerate(columns.places)}
    people: set[str] = set()
    contacts: list[tuple[int, str, str]] = []
    wrong_width: list[int] = []
    for line, cells, _ in columns.rows(bundle.problems, wrong_width):
        person = cells[at["relationshipUserSourcedId"]].strip()
        people.add(person)
        if agreed and cells[at["relationshipRole"]].strip().lower() in CONTACT_ROLES:
            contacts.append((line, cells[at["userSourcedId"]].strip(), person))
    bundle.problems += [Problem(FILE, line, "", Reason.ROW_WIDTH) for line in wrong_width]
    bundle.finish(columns)
    return Relationships(frozenset(people), tuple(contacts))
