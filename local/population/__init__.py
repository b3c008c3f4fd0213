"""Synthetic rosters and library patrons of a whole region, with the truth about who is who: what the matcher is measured and tested with."""

from local.population.families import Household, Person
from local.population.planted import Kind, planted
from local.population.population import DISTRICTS, TODAY, Population, Relation, Trap, make_population
from local.population.rows import CARD, ROSTER, Errors, PatronRow, StudentRow

__all__ = [
    "CARD",
    "DISTRICTS",
    "ROSTER",
    "TODAY",
    "Errors",
    "Household",
    "Kind",
    "PatronRow",
    "Person",
    "Population",
    "Relation",
    "StudentRow",
    "Trap",
    "make_population",
    "planted",
]
