"""What a report of the first days of a month said, kept, so that a later one can show how coverage grew. Rounded numbers alone: whatever stands here was told already, or could have been."""

from collections.abc import Mapping
from typing import Any


def progress_folder(sharing: str) -> str:
    """Where a district's months lie in the vault."""
    return f"progress/{sharing}/"


def progress_key(sharing: str, month: str) -> str:
    """Where one month of it lies (``YYYY-MM``); the first point of a month stays."""
    return f"{progress_folder(sharing)}{month}.json"


def point_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a report that are kept of a month, as the report itself shows them."""
    return {
        "counted_on": report["at"][:10],
        "students": report["students"],
        "in_ils": report["students_by_state"]["in_ils"],
        "coverage_percent": report["coverage_percent"],
        "educators": report["educators"]["all"],
        "educators_in_ils": report["educators"]["in_ils"],
    }
