"""Claims about reading a library's file of patrons."""

import string
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.agreement import PATRON_FIELDS
from firstcard.extract import PatronReading, read_patrons, text_of
from firstcard.roster import REASONS, Reason, Refusal

from .builders import TODAY, a_clause, a_patron_row, a_patrons_csv, read, rows_of


def told(problems: object) -> list[tuple[int, str, str]]:
    assert isinstance(problems, tuple)
    return [(one.line, one.column, str(one.reason)) for one in problems]


def test_a_good_file_is_read_as_it_is() -> None:
    reading = read(a_patrons_csv(a_patron_row(1), a_patron_row(2, blocked="Y", suffix="")))
    assert rows_of(reading) == [a_patron_row(1), a_patron_row(2, blocked="yes", suffix="")]
    assert (reading.count, reading.rows, reading.rejected, reading.warnings, reading.dropped) == (2, 2, (), (), ())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_columns_may_stand_in_any_order_and_optional_ones_may_be_missing(end: str) -> None:
    header = ("last_name", "birth_date", "first_name", "patron_id")
    reading = read(a_patrons_csv(a_patron_row(), header=header, end=end))
    assert rows_of(reading) == [dict.fromkeys(PATRON_FIELDS, "") | {name: a_patron_row()[name] for name in header}]


def test_adults_of_any_age_are_patrons() -> None:
    born = {"1": "1906-11-23", "2": "2026-11-22", "3": "1950-01-31"}
    reading = read(a_patrons_csv(*(a_patron_row(int(n), birth_date=day) for n, day in born.items())))
    assert [row["birth_date"] for row in rows_of(reading)] == list(born.values())
    assert reading.warnings == ()


@pytest.mark.parametrize(
    ("written", "kept", "reason"),
    [
        ("1905-11-21", "", "AGE_OUT_OF_RANGE"),
        ("1900-01-01", "", "AGE_OUT_OF_RANGE"),
        ("2026-11-23", "", "BIRTH_DATE_IN_FUTURE"),
        ("1984-02-30", "", "BAD_DATE"),
        ("02/29/84", "", "TWO_DIGIT_YEAR"),
        ("30742", "", "EXCEL_DAMAGE"),
        ("unknown", "", "BAD_DATE"),
        ("2/29/1984", "1984-02-29", "DATE_NOT_ISO"),
    ],
)
def test_a_birth_date_that_cannot_be_trusted_is_left_empty_and_told_by_line(written: str, kept: str, reason: str) -> None:
    reading = read(a_patrons_csv(a_patron_row(1), a_patron_row(2, birth_date=written)))
    assert (reading.count, rows_of(reading)[1]["birth_date"]) == (2, kept)
    assert told(reading.warnings) == [(3, "birth_date", reason)]


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"patron_id": ""}, "patron_id", "MISSING_REQUIRED"),
        ({"first_name": " "}, "first_name", "MISSING_REQUIRED"),
        ({"last_name": ""}, "last_name", "MISSING_REQUIRED"),
        ({"patron_id": "12 34"}, "patron_id", "BAD_ID"),
        ({"patron_id": "2.3E+13"}, "patron_id", "EXCEL_DAMAGE"),
        ({"patron_id": "１２"}, "patron_id", "NON_ASCII_ID"),
        ({"last_name": "Qui\x00spe"}, "last_name", "CONTROL_CHAR"),
        ({"first_name": "x" * 201}, "first_name", "VALUE_TOO_LONG"),
    ],
)
def test_a_row_without_who_it_is_is_left_out_by_its_true_line(changes: dict[str, str], column: str, reason: str) -> None:
    rows = (a_patron_row(1, street="12 Elm St\nUpstairs"), a_patron_row(2, **changes), a_patron_row(3))
    reading = read(a_patrons_csv(*rows))
    assert (reading.rows, reading.count) == (3, 2)
    assert told(reading.rejected) == [(4, column, reason)]
    assert reading.rejected_rows == {Reason(reason): 1}


@pytest.mark.parametrize(
    ("column", "written", "reason"),
    [
        ("barcode", "2.38E+13", "EXCEL_DAMAGE"),
        ("barcode", "23 80", "BAD_ID"),
        ("email", "nobody", "BAD_EMAIL"),
        ("street", "#REF!", "EXCEL_DAMAGE"),
        ("blocked", "perhaps", "BAD_FLAG"),
        ("middle_name", "x" * 201, "VALUE_TOO_LONG"),
    ],
)
def test_any_other_value_that_cannot_be_trusted_is_left_empty(column: str, written: str, reason: str) -> None:
    reading = read(a_patrons_csv(a_patron_row(1, **{column: written})))
    assert rows_of(reading)[0][column] == ""
    assert told(reading.warnings) == [(2, column, reason)]


def test_a_row_of_another_width_is_left_out() -> None:
    reading = read(a_patrons_csv(a_patron_row(1), a_patron_row(2)) + b"5003,x\r\n")
    assert (reading.rows, reading.count, told(reading.rejected)) == (3, 2, [(4, "", "ROW_WIDTH")])


def test_the_same_row_twice_is_one_patron_and_two_that_differ_are_none() -> None:
    reading = read(a_patrons_csv(a_patron_row(1), a_patron_row(2), a_patron_row(1), a_patron_row(2, last_name="Other"), a_patron_row(2)))
    assert [row["patron_id"] for row in rows_of(reading)] == ["5001"]
    assert told(reading.warnings) == [(4, "", "DUPLICATE_ROW")]
    assert told(reading.rejected) == [(line, "patron_id", "DUPLICATE_ID") for line in (3, 5, 6)]
    assert reading.rows == 5


def test_columns_that_are_not_agreed_are_named_and_not_read() -> None:
    clause = a_clause(fields=["patron_id", "first_name", "last_name", "birth_date"])
    row = a_patron_row(1) | {"categorycode": "ADULT", "sex": "F", "password": "secret", "notes": "", "race": ""}
    reading = read(a_patrons_csv(row), clause)
    assert rows_of(reading) == [{name: a_patron_row(1)[name] for name in clause.fields}]
    dropped = {one.column: one.forbidden for one in reading.dropped}
    assert dropped == dict.fromkeys(("barcode", "middle_name", "suffix", "street", "postal_code", "phone", "email", "blocked"), False) | {
        "categorycode": False,
        "notes": False,
        "sex": True,
        "password": True,
        "race": False,
    }
    assert told(reading.warnings) == [(1, "", "PASSWORDS_SENT")]


@pytest.mark.parametrize(
    ("data", "reason", "column"),
    [
        (b"", "MISSING_COLUMN", "patron_id"),
        (a_patrons_csv(header=("patron_id", "first_name", "last_name", "birth_date")), "EMPTY_BULK", ""),
        (a_patrons_csv(a_patron_row(1, last_name="")), "EMPTY_BULK", ""),
        (a_patrons_csv(a_patron_row(), header=("patron_id", "first_name", "last_name")), "MISSING_COLUMN", "birth_date"),
        (a_patrons_csv(a_patron_row(), header=("Patron ID", "first_name", "last_name", "birth_date")), "HEADER_TYPO", "patron_id"),
        (
            a_patrons_csv(a_patron_row(), header=("patron_id", "patron_id", "first_name", "last_name", "birth_date")),
            "DUPLICATE_HEADER",
            "patron_id",
        ),
        (b"5001,Ana,Quispe,1984-02-29\r\n5002,Ben,Oak,1984-02-29\r\n", "NO_HEADER", ""),
        (a_patrons_csv(a_patron_row()) + b"\xff\xfe\r\n", "BAD_ENCODING", ""),
        (a_patrons_csv(a_patron_row()) + b'"5002,x\r\n', "UNCLOSED_QUOTE", ""),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_whole(data: bytes, reason: str, column: str) -> None:
    refusal = read_patrons(data, "patrons.csv", a_clause(), TODAY)
    assert isinstance(refusal, Refusal)
    assert (str(refusal.reason), refusal.column) == (reason, column)


def test_what_is_said_about_a_reason_speaks_of_no_roster() -> None:
    possible = [
        *(Reason.TOO_LARGE, Reason.EMPTY_BULK, Reason.BAD_ENCODING, Reason.NO_HEADER, Reason.HEADER_TYPO, Reason.DUPLICATE_HEADER),
        *(Reason.MISSING_COLUMN, Reason.UNCLOSED_QUOTE, Reason.STRAY_QUOTE, Reason.FIELD_TOO_LONG, Reason.TOO_MANY_COLUMNS),
        *(Reason.END_OF_FILE_MARK, Reason.ROW_WIDTH, Reason.MISSING_REQUIRED, Reason.BAD_ID, Reason.NON_ASCII_ID, Reason.NON_ASCII_EMAIL),
        *(Reason.INVISIBLE_CHAR, Reason.CONTROL_CHAR, Reason.VALUE_TOO_LONG, Reason.EXCEL_DAMAGE, Reason.BAD_DATE, Reason.TWO_DIGIT_YEAR),
        *(Reason.BIRTH_DATE_IN_FUTURE, Reason.AGE_OUT_OF_RANGE, Reason.BAD_FLAG, Reason.DUPLICATE_ID, Reason.DUPLICATE_ROW, Reason.BLANK_ROW),
        *(Reason.INVISIBLE_REMOVED, Reason.FORMULA_LIKE, Reason.MOJIBAKE, Reason.BAD_EMAIL, Reason.DATE_NOT_ISO, Reason.PASSWORDS_SENT),
    ]  # fmt: skip
    for reason in possible:
        assert reason in REASONS
        for word in ("roster", "student", "district", "school", "agreement", "famil"):
            assert word not in " ".join(text_of(reason)).lower(), (reason, word)


def test_a_reading_shows_nobody() -> None:
    reading = read(a_patrons_csv(a_patron_row(1), a_patron_row(2, last_name="", street="=1+1")))
    for value in ("Anaïs", "Quispe", "5001", "1984", "Elm", "patron1@"):
        assert value not in repr(reading)


CELL = st.text(alphabet=string.ascii_letters + string.digits + " -.@/,\"'é\n=", max_size=12)


@settings(deadline=None)
@given(
    agreed=st.sets(st.sampled_from(PATRON_FIELDS)),
    rows=st.lists(st.dictionaries(st.sampled_from(PATRON_FIELDS), CELL), min_size=1, max_size=5),
)
def test_whatever_a_file_holds_every_row_is_used_or_told_and_only_agreed_fields_are_kept(
    agreed: set[str], rows: list[Mapping[str, str]]
) -> None:
    clause = a_clause(fields=sorted({*agreed, "patron_id", "first_name", "last_name", "birth_date"}))
    result = read_patrons(a_patrons_csv(*rows, header=PATRON_FIELDS), "patrons.csv", clause, TODAY)
    if isinstance(result, PatronReading):
        assert tuple(result.columns) == clause.fields
        repeats = sum(problem.reason is Reason.DUPLICATE_ROW for problem in result.warnings)
        assert result.rows == result.count + sum(result.rejected_rows.values()) + repeats
        assert {problem.column for problem in (*result.rejected, *result.warnings)} <= {*clause.fields, ""}
