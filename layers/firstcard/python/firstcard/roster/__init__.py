"""Rosters: from the bytes of an upload to people, problems and refusals."""

from firstcard.roster.fingerprint import fingerprint, fingerprints
from firstcard.roster.person import Person, Role
from firstcard.roster.reading import EXCLUSIONS, DroppedColumn, Exclusion, Reading
from firstcard.roster.reasons import REASONS, Problem, Reason, ReasonText, Refusal, Severity
from firstcard.roster.recognise import date_in_name, read_roster, safe_file_name
from firstcard.roster.roll import Roll

__all__ = [
    "EXCLUSIONS",
    "REASONS",
    "DroppedColumn",
    "Exclusion",
    "Person",
    "Problem",
    "Reading",
    "Reason",
    "ReasonText",
    "Refusal",
    "Role",
    "Roll",
    "Severity",
    "date_in_name",
    "fingerprint",
    "fingerprints",
    "read_roster",
    "safe_file_name",
]
