"""Roster files that are right, to be changed by the one thing that a test is about."""

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from firstcard.agreement import Agreement
from firstcard.roster import Problem, Reading, Reason, Refusal, read_roster
from firstcard.roster.canonical import COLUMNS
from firstcard.roster.oneroster import DEMOGRAPHICS, ORGS, USERS
from tests.unit.agreement.builders import a_directory_agreement, an_agreement

TODAY = date(2026, 11, 22)
USER_COLUMNS = (*USERS, "metadata.homeLanguage", "metadata.optOut")

Row = dict[str, str]


def a_student_user(number: int = 1, **changes: str) -> Row:
    row = dict.fromkeys(USER_COLUMNS, "") | {
        "sourcedId": f"{100000 + number}",
        "enabledUser": "true",
        "orgSourcedIds": "school-1",
        "role": "student",
        "username": f"u{number}",
        "givenName": "Ada",
        "familyName": f"Pine{'abcdefghij'[number % 10]}",
        "grades": "04",
        "agentSourcedIds": f"g{number}",
        "metadata.homeLanguage": "en",
    }
    return row | changes


def a_guardian_user(number: int = 1, **changes: str) -> Row:
    row = dict.fromkeys(USER_COLUMNS, "") | {
        "sourcedId": f"g{number}",
        "enabledUser": "true",
        "orgSourcedIds": "school-1",
        "role": "guardian",
        "username": f"g{number}",
        "givenName": "Grace",
        "familyName": "Pine",
        "email": f"family{number}@example.org",
    }
    return row | changes


def a_teacher_user(number: int = 1, **changes: str) -> Row:
    row = dict.fromkeys(USER_COLUMNS, "") | {
        "sourcedId": f"t{number}",
        "enabledUser": "true",
        "orgSourcedIds": "school-1",
        "role": "teacher",
        "username": f"t{number}",
        "givenName": "Tom",
        "familyName": "Oak",
        "email": f"teacher{number}@example.org",
    }
    return row | changes


def a_birth(number: int = 1, **changes: str) -> Row:
    return dict.fromkeys(DEMOGRAPHICS, "") | {"sourcedId": f"{100000 + number}", "birthDate": "2016-05-04"} | changes


def an_org(sourced_id: str = "school-1", type_: str = "school", **changes: str) -> Row:
    return dict.fromkeys(ORGS, "") | {"sourcedId": sourced_id, "name": f"Name of {sourced_id}", "type": type_} | changes


ORG_ROWS = (
    an_org("pine-district", "district"),
    an_org("school-1", parentSourcedId="pine-district"),
    an_org("school-2", parentSourcedId="pine-district"),
)
MANIFEST = (
    ("manifest.version", "1.0"),
    ("oneroster.version", "1.1"),
    ("file.users", "bulk"),
    ("file.orgs", "bulk"),
    ("file.demographics", "bulk"),
    ("file.classes", "absent"),
)


def a_csv(rows: Iterable[Mapping[str, str]], columns: Sequence[str] = (), *, eol: str = "\r\n", delimiter: str = ",") -> str:
    rows = list(rows)
    columns = columns or tuple(rows[0])
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator=eol, delimiter=delimiter, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def a_zip(files: Mapping[str, str | bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 21, 2, 0, 0)), content, method)
    return out.getvalue()


def oneroster_files(
    users: Iterable[Row] | None = None,
    *,
    births: Iterable[Row] | None = None,
    orgs: Iterable[Row] = ORG_ROWS,
    manifest: Iterable[tuple[str, str]] | None = MANIFEST,
    more: Mapping[str, str | bytes] | None = None,
    without: Iterable[str] = (),
) -> dict[str, str | bytes]:
    users = list(users) if users is not None else [a_student_user(), a_guardian_user(), a_teacher_user()]
    births = list(births) if births is not None else [a_birth()]
    files: dict[str, str | bytes] = {}
    if manifest is not None:
        files["manifest.csv"] = a_csv(({"propertyName": name, "value": value} for name, value in manifest), ("propertyName", "value"))
    files["orgs.csv"] = a_csv(orgs, ORGS)
    files["users.csv"] = a_csv(users, tuple(users[0]) if users else USER_COLUMNS)
    files["demographics.csv"] = a_csv(births, DEMOGRAPHICS)
    files |= more or {}
    return {name: content for name, content in files.items() if name not in set(without)}


def a_oneroster_zip(*args: Iterable[Row], **changes: object) -> bytes:
    return a_zip(oneroster_files(*args, **changes))  # type: ignore[arg-type]


def a_student_row(number: int = 1, **changes: str) -> Row:
    """A row of the FirstCard form."""
    row = {
        "student_id": f"{100000 + number}",
        "last_name": f"Pine{'abcdefghij'[number % 10]}",
        "first_name": "Ada",
        "birth_date": "2016-05-04",
        "grade": "04",
        "school_id": "school-1",
        "school_name": "First School",
        "home_language": "en",
        "guardian_email": f"family{number}@example.org",
        "opt_out": "no",
        "role": "student",
        "staff_email": "",
    }
    return row | changes


def a_firstcard_csv(*rows: Row, **form: str) -> bytes:
    return a_csv(rows or (a_student_row(),), **form).encode()  # type: ignore[arg-type]


def csv_agreement(**changes: object) -> Agreement:
    """An agreement on the FirstCard form: no mapping, schools by their ids."""
    exchange = {"mapping": {}, "formats": ["csv"], "organisation_ids": ["school-1", "school-2"]} | changes.pop("exchange", {})  # type: ignore[operator]
    return an_agreement(without=("exchange.mapping",), exchange=exchange, **changes)


def csv_directory_agreement() -> Agreement:
    agreement = a_directory_agreement(exchange={"formats": ["csv"], "organisation_ids": ["school-1"]})
    return agreement.model_copy(update={"exchange": agreement.exchange.model_copy(update={"mapping": {}})})


def read(data: bytes, agreement: Agreement | None = None, *, file_name: str = "roster.zip") -> Reading | Refusal:
    return read_roster(data, file_name=file_name, agreement=agreement or an_agreement(), today=TODAY)


def reading(data: bytes, agreement: Agreement | None = None) -> Reading:
    """The reading, which must be one and must count every row once."""
    result = read(data, agreement)
    assert isinstance(result, Reading), result
    assert result.rows == len(result.people) + sum(result.rejected.values()) + sum(result.excluded.values())
    return result


def refusal(data: bytes, agreement: Agreement | None = None) -> Refusal:
    result = read(data, agreement)
    assert isinstance(result, Refusal), result
    return result


def csv_reading(*rows: Row, agreement: Agreement | None = None, **form: str) -> Reading:
    return reading(a_firstcard_csv(*rows, **form), agreement or csv_agreement())


def reasons_of(result: Reading) -> set[Reason]:
    return {problem.reason for problem in result.problems}


def at(result: Reading, reason: Reason) -> list[Problem]:
    return [problem for problem in result.problems if problem.reason is reason]


ALL_COLUMNS = COLUMNS
