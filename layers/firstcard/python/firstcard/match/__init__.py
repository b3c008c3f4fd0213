"""Matching: whether two records are one person. A score ranks, rules decide, and what is in doubt is left to a person."""

from firstcard.match.matcher import Answer, Decision, Matched, MatchingError, Terms, link, within
from firstcard.match.model import Model
from firstcard.match.records import COLUMNS, CsvFile, Source, SourceError
from firstcard.match.rules import RuleError, Rules

__all__ = [
    "COLUMNS",
    "Answer",
    "CsvFile",
    "Decision",
    "Matched",
    "MatchingError",
    "Model",
    "RuleError",
    "Rules",
    "Source",
    "SourceError",
    "Terms",
    "link",
    "within",
]
