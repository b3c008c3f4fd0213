"""A student's homeroom by classes.csv and enrollments.csv of OneRoster: the title of the class of type homeroom.

Source: 1EdTech OneRoster CSV binding 1.1 and 1.2, classes.csv (classType: homeroom or scheduled) and enrollments.csv.
"""

from collections.abc import Iterator, Mapping
from datetime import date

from firstcard.roster.bundle import Bundle
from firstcard.roster.headers import Columns
from firstcard.roster.reasons import Problem, Reason
from firstcard.roster.roles import day_of

CLASSES = "classes.csv"
ENROLLMENTS = "enrollments.csv"

_CLASS_COLUMNS = (
    *(
        "sourcedId",
        "status",
        "dateLastModified",
        "title",
        "grades",
        "courseSourcedId",
        "classCode",
        "classType",
        "location",
        "schoolSourcedId",
    ),
    *("termSourcedIds", "subjects", "subjectCodes", "periods"),
)
_ENROLLMENT_COLUMNS = (
    *("sourcedId", "status", "dateLastModified", "classSourcedId", "schoolSourcedId", "userSourcedId", "role", "primary", "beginDate"),
    "endDate",
)


def read_homerooms(bundle: Bundle, today: date) -> Mapping[str, tuple[int, str]]:
    """The line in classes.csv and the title of each student's homeroom today, by sourcedId; of several the first. Empty where a file is absent."""
    if CLASSES not in bundle or ENROLLMENTS not in bundle:
        return {}
    required = frozenset({"sourcedId", "title", "classType"})
    columns = bundle.columns(CLASSES, (*sorted(required), "status"), required=required, known=_CLASS_COLUMNS)
    titles: dict[str, tuple[int, str]] = {}
    for line, given in _standing_rows(bundle, columns):
        if given["classType"].lower() == "homeroom":
            titles.setdefault(given["sourcedId"], (line, given["title"]))
    required = frozenset({"classSourcedId", "userSourcedId", "role"})
    columns = bundle.columns(
        ENROLLMENTS, (*sorted(required), "status", "beginDate", "endDate"), required=required, known=_ENROLLMENT_COLUMNS
    )
    homerooms: dict[str, tuple[int, str]] = {}
    for _, given in _standing_rows(bundle, columns):
        title = titles.get(given["classSourcedId"])
        begin, end = day_of(given.get("beginDate", ""))[0], day_of(given.get("endDate", ""))[0]
        if title and given["role"].lower() == "student" and (begin or today) <= today <= (end or today):
            homerooms.setdefault(given["userSourcedId"], title)
    return homerooms


def _standing_rows(bundle: Bundle, columns: Columns) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows that the export does not mark as gone, trimmed, by their column names."""
    wrong_width: list[int] = []
    for line, cells, _ in bundle.rows(columns, wrong_width):
        given = {name: cell.strip() for name, cell in zip(columns.places, cells, strict=True)}
        if given.get("status", "").lower() in ("", "active"):
            yield line, given
    bundle.problems += [Problem(columns.table.file, line, "", Reason.ROW_WIDTH) for line in wrong_width]
    bundle.finish(columns)
