"""What refuses a whole file, or is said about it."""

import pytest

from firstcard.roster import DroppedColumn, Reason, Refusal
from tests.unit.agreement.builders import an_agreement

from .builders import (
    MANIFEST,
    ORG_ROWS,
    USER_COLUMNS,
    a_birth,
    a_csv,
    a_firstcard_csv,
    a_oneroster_zip,
    a_student_row,
    a_student_user,
    a_zip,
    an_org,
    at,
    csv_agreement,
    oneroster_files,
    read,
    reading,
    reasons_of,
    refusal,
)

CSV = csv_agreement()


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7 ...",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old excel",
        b"<?xml version='1.0'?><InterchangeStudent/>",
        b'{"users": []}',
        b"\x89PNG\r\n\x1a\n",
        b"hello, world\n1,2\n",
        b"\x80\x81\x82\x83",
        b"ID        LAST      FIRST\n000000001 PINE      ADA\n",
    ],
)
def test_what_is_no_roster_is_refused_with_advice(data: bytes) -> None:
    assert refusal(data, CSV).reason is Reason.UNKNOWN_FORMAT


def test_the_form_is_known_by_content_and_not_by_name() -> None:
    assert read(a_oneroster_zip(), file_name="export.csv") == read(a_oneroster_zip(), file_name="x.dat")


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\xef\xbb\xbf\n"])
def test_an_empty_file_can_never_end_a_card(data: bytes) -> None:
    assert refusal(data, CSV).reason is Reason.EMPTY_BULK


def test_a_header_alone_can_never_end_a_card() -> None:
    header_only = a_firstcard_csv().split(b"\r\n")[0] + b"\r\n"
    assert refusal(header_only, CSV).reason is Reason.EMPTY_BULK
    files = oneroster_files() | {"users.csv": ",".join(USER_COLUMNS) + "\r\n"}
    assert refusal(a_zip(files)) == Refusal(Reason.EMPTY_BULK, "users.csv")


def test_a_file_above_the_agreements_limit_is_refused_unread() -> None:
    small = an_agreement(exchange={"max_megabytes": 1})
    assert refusal(a_firstcard_csv() + b" " * 1_000_000, small).reason is Reason.TOO_LARGE


def test_another_districts_file_is_refused() -> None:
    foreign = (an_org("elm-district", "district"), an_org("school-1"))
    assert refusal(a_oneroster_zip(orgs=foreign)) == Refusal(Reason.WRONG_DISTRICT, "orgs.csv")
    assert refusal(a_firstcard_csv(a_student_row(school_id="elm-1")), CSV).reason is Reason.WRONG_DISTRICT


def test_a_district_is_known_by_an_orgs_identifier_too() -> None:
    orgs = (an_org("guid-1", "district", identifier="pine-district"), an_org("school-1"))
    assert len(reading(a_oneroster_zip(orgs=orgs)).people) == 2


def test_a_school_that_the_agreement_names_makes_a_plain_file_the_districts() -> None:
    agreement = csv_agreement(exchange={"organisation_ids": ["pine-district"]}, card={"home_branch": {"by_school": {"school-1": "WEST"}}})
    assert len(reading(a_firstcard_csv(), agreement).people) == 1


# Manifest


def test_a_missing_manifest_is_a_warning() -> None:
    assert reasons_of(reading(a_oneroster_zip(manifest=None))) == {Reason.MANIFEST_MISSING}


def test_a_manifest_that_disagrees_is_a_warning() -> None:
    manifest = [(name, "absent" if name == "file.demographics" else value) for name, value in MANIFEST]
    result = reading(a_oneroster_zip(manifest=manifest))
    assert [(p.line, p.reason) for p in result.problems] == [(6, Reason.MANIFEST_DISAGREES)]


def test_an_unknown_version_with_known_headers_is_a_warning() -> None:
    manifest = [(name, "1.0" if name == "oneroster.version" else value) for name, value in MANIFEST]
    assert reasons_of(reading(a_oneroster_zip(manifest=manifest))) == {Reason.MANIFEST_VERSION}


def test_a_delta_is_refused() -> None:
    manifest = [(name, "delta" if name == "file.users" else value) for name, value in MANIFEST]
    assert refusal(a_oneroster_zip(manifest=manifest)) == Refusal(Reason.DELTA_NOT_AGREED, "users.csv")


def test_a_promised_file_that_is_absent_refuses_the_archive() -> None:
    assert refusal(a_oneroster_zip(without=["demographics.csv"])).reason is Reason.MISSING_FILE
    assert refusal(a_oneroster_zip(without=["orgs.csv"], manifest=None)) == Refusal(Reason.MISSING_FILE, "orgs.csv")
    assert refusal(a_oneroster_zip(without=["users.csv"], manifest=None)) == Refusal(Reason.MISSING_FILE, "users.csv")


def test_demographics_may_be_absent_unless_the_birth_date_is_required() -> None:
    manifest = [pair for pair in MANIFEST if pair[0] != "file.demographics"]
    data = a_oneroster_zip(without=["demographics.csv"], manifest=manifest)
    assert reading(data).people[0].birth_date is None
    assert refusal(data, an_agreement(fields={"birth_date": {"required": True}})) == Refusal(Reason.MISSING_FILE, "demographics.csv")


# Headers


def renamed(old: str, new: str) -> bytes:
    files = oneroster_files()
    files["users.csv"] = str(files["users.csv"]).replace(old, new, 1)
    return a_zip(files)


@pytest.mark.parametrize("typo", ["givenname", "givenNmae", "given Name", "givenName\u200b", "GivenName", "giveName", "\u202egivenName"])
def test_a_misspelt_column_refuses_the_file_and_names_the_right_one(typo: str) -> None:
    assert refusal(renamed("givenName", typo)) == Refusal(Reason.HEADER_TYPO, "users.csv", 1, "givenName")


def test_a_misspelt_column_that_nobody_reads_is_dropped() -> None:
    assert len(reading(renamed("dateLastModified", "dataLastModified")).people) == 2


def test_blanks_around_a_column_name_do_not_matter() -> None:
    assert len(reading(renamed("givenName", "  givenName ")).people) == 2


def test_a_missing_column_refuses_the_file() -> None:
    assert refusal(renamed("enabledUser", "x")) == Refusal(Reason.MISSING_COLUMN, "users.csv", 1, "enabledUser")
    rows = ({name: value for name, value in a_student_row().items() if name != "last_name"},)
    assert refusal(a_firstcard_csv(*rows), CSV) == Refusal(Reason.MISSING_COLUMN, "roster.zip", 1, "last_name")


def test_a_mapped_refusal_column_that_is_missing_refuses_the_file() -> None:
    assert refusal(renamed("metadata.optOut", "metadata.other")).reason is Reason.MISSING_COLUMN


def test_a_column_that_stands_twice_refuses_the_file() -> None:
    assert refusal(renamed("username", "givenName")) == Refusal(Reason.DUPLICATE_HEADER, "users.csv", 1, "givenName")


def test_a_first_line_with_data_is_no_header() -> None:
    body = a_firstcard_csv(a_student_row(1), a_student_row(2)).split(b"\r\n", 1)[1]
    assert refusal(body, CSV).reason is Reason.NO_HEADER
    found = refusal(body, CSV)
    assert found.column == ""


def test_columns_are_found_by_name_in_any_order() -> None:
    turned = [{name: row[name] for name in reversed(row)} for row in (a_student_user(1), a_student_user(2))]
    assert [p.first_name for p in reading(a_oneroster_zip(turned)).people] == ["Ada", "Ada"]


# What is not agreed


def test_a_column_that_is_not_agreed_is_dropped_and_named() -> None:
    result = reading(a_firstcard_csv(a_student_row() | {"street": "1 Oak St", "shoe_size": "3"}), CSV)
    assert DroppedColumn("roster.zip", "street", False) in result.dropped
    assert DroppedColumn("roster.zip", "shoe_size", False) in result.dropped
    assert result.people[0].street == ""


def test_a_file_of_the_bundle_that_is_not_needed_is_named_as_a_whole() -> None:
    assert DroppedColumn("results.csv", "*", False) in reading(a_oneroster_zip(more={"results.csv": "sourcedId,score\r\n"})).dropped


@pytest.mark.parametrize("header", ["", "Library OptOut", "declined"])
def test_a_table_that_does_not_say_who_refused_is_refused_itself(header: str) -> None:
    rows = [
        {(header if name == "opt_out" else name): value for name, value in a_student_row(n).items() if name != "opt_out" or header}
        for n in (1, 2)
    ]
    refused = refusal(a_csv(rows).encode(), csv_agreement())
    assert refused.reason in (Reason.MISSING_COLUMN, Reason.HEADER_TYPO)
    assert refused.column == "opt_out"


def test_a_forbidden_column_is_a_finding_only_where_it_held_values() -> None:
    births = [a_birth(1, sex="female"), a_birth(2)]
    result = reading(a_oneroster_zip([a_student_user(1, password="hunter2"), a_student_user(2, agentSourcedIds="")], births=births))
    forbidden = {(column.file, column.column) for column in result.dropped if column.forbidden}
    assert forbidden == {("demographics.csv", "sex"), ("users.csv", "password")}
    assert DroppedColumn("demographics.csv", "white", False) in result.dropped
    assert at(result, Reason.PASSWORDS_SENT)


@pytest.mark.parametrize(
    "header",
    [
        "SSN",
        "Student_SSN",
        "IEP_status",
        "Frl_status",
        "Race",
        "Hispanic_Latino",
        "countryOfBirthCode",
        "Gender",
        "pronouns",
        "Password",
        "Lunch Status",
        "cityOfBirth",
        "birthCity",
        "birthState",
    ],
)
def test_forbidden_columns_of_standard_exports_are_known(header: str) -> None:
    result = reading(a_firstcard_csv(a_student_row() | {header: "x"}), CSV)
    assert DroppedColumn("roster.zip", header, True) in result.dropped


def test_an_agreement_may_refuse_the_file_for_a_forbidden_column() -> None:
    strict = csv_agreement(forbidden_columns="reject")
    assert refusal(a_firstcard_csv(a_student_row() | {"ssn": "x"}), strict) == Refusal(Reason.FORBIDDEN_COLUMN, "roster.zip", 1, "ssn")
    assert len(reading(a_firstcard_csv(a_student_row() | {"ssn": ""}), strict).people) == 1


def test_a_header_that_may_be_data_is_named_by_its_place() -> None:
    result = reading(a_firstcard_csv(a_student_row() | {"99 Secret Street": "x", "=cmd()": "y"}), CSV)
    assert {"column 13", "column 14"} <= {column.column for column in result.dropped}


def test_a_header_that_the_first_row_runs_on_from_tells_nothing_of_the_row() -> None:
    header, row, more = a_firstcard_csv(a_student_row(1), a_student_row(2)).split(b"\r\n")[:3]
    result = reading(header + b"," + row + b"\r\n" + more + b"," * len(a_student_row()) + b"\r\n", CSV)
    assert [column.column for column in result.dropped] == [f"column {place}" for place in range(13, 24)]


def test_every_org_of_the_usual_bundle_is_the_districts() -> None:
    assert {row["sourcedId"] for row in ORG_ROWS} == {"pine-district", "school-1", "school-2"}
