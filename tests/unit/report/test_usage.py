"""Counts of use come in; what is about single patrons does not."""

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.report.usage import USAGE_REASONS, UsageReason, UsageRefusal, Use, read_usage

TODAY = date(2027, 1, 15)
HEAD = "school,grade,month,checkouts,sessions"


def read(*lines: str, head: str = HEAD) -> Use | UsageRefusal:
    return read_usage("\r\n".join((head, *lines)).encode(), TODAY)


def reason(*lines: str, head: str = HEAD) -> UsageReason:
    refusal = read(*lines, head=head)
    assert isinstance(refusal, UsageRefusal)
    return refusal.reason


def test_counts_are_added_up_and_rounded() -> None:
    use = read("0101,3,2026-11,123,47", "0101,03,2026-11-01,10,4", "0101,KG,2026-12,4,9")
    assert isinstance(use, Use)
    assert list(use.rows) == [{"school": "0101", "grade": "03", "month": "2026-11", "checkouts": 130, "sessions": 50}]
    assert use.months == ("2026-11",)


def test_one_measure_is_enough_and_other_columns_are_not_read() -> None:
    use = read("0101,03,2026-11,123,Branch", head="School ID,Grade,Month,Loans,Branch")
    assert use == Use(({"school": "0101", "grade": "03", "month": "2026-11", "checkouts": 120},), 1)


@pytest.mark.parametrize(
    "column",
    [
        "barcode",
        "Patron ID",
        "patron_id",
        "borrowernumber",
        "Card Number",
        "last_name",
        "Student Name",
        "E-Mail",
        "birth date",
        "DOB",
        "title",
        "phone",
        "home_address",
    ],
)
def test_a_column_of_a_patrons_refuses_the_file_though_it_is_empty(column: str) -> None:
    refusal = read("0101,03,2026-11,123,5,", head=f"{HEAD},{column}")
    assert isinstance(refusal, UsageRefusal)
    assert refusal.reason is UsageReason.PATRON_COLUMN


@pytest.mark.parametrize("name", ["value", "x", "notes"])
@pytest.mark.parametrize("values", [[f"2904{n:010}" for n in range(6)], ["a@example.org"] * 6, [f"201{n}-03-04" for n in range(6)]])
def test_numbers_of_patrons_refuse_it_under_any_name(name: str, values: list[str]) -> None:
    assert reason(*(f"0101,03,2026-11,12,5,{value}" for value in values), head=f"{HEAD},{name}") is UsageReason.PATRON_NUMBERS


def test_barcodes_in_the_column_of_the_school_refuse_it() -> None:
    assert reason(*(f"2904{n:010},03,2026-11,12,5" for n in range(6))) is UsageReason.PATRON_NUMBERS


def test_long_ids_of_schools_are_none_of_patrons() -> None:
    lines = [f"12007100{school},{grade:02},2026-11,120,50" for school in range(6) for grade in range(1, 6)]
    assert isinstance(read(*lines), Use)


def test_rows_that_count_to_one_are_loans() -> None:
    assert reason(*(f"0101,{1 + n % 9},2026-11,1,0" for n in range(25))) is UsageReason.PATRON_ROWS
    assert reason(*("0101,03,2026-11,7,0" for _ in range(41))) is UsageReason.PATRON_ROWS


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (",03,2026-11,12,5", UsageReason.BAD_SCHOOL),
        ("0101,third,2026-11,12,5", UsageReason.BAD_GRADE),
        ("0101,03,11/2026,12,5", UsageReason.BAD_MONTH),
        ("0101,03,2027-01,12,5", UsageReason.MONTH_NOT_OVER),
        ("0101,03,2026-11,twelve,5", UsageReason.BAD_COUNT),
        ("0101,03,2026-11,-12,5", UsageReason.BAD_COUNT),
        ("0101,03,2026-11,12", UsageReason.NOT_CSV),
    ],
)
def test_a_row_that_is_wrong_refuses_the_file_by_its_line(line: str, expected: UsageReason) -> None:
    refusal = read("0101,03,2026-10,12,5", line)
    assert isinstance(refusal, UsageRefusal)
    assert (refusal.reason, refusal.line) == (expected, 3)


def test_what_is_no_table_is_refused() -> None:
    assert read_usage(b"\xff\xfe\x00", TODAY) == UsageRefusal(UsageReason.NOT_CSV)
    assert reason() is UsageReason.NO_ROWS
    assert reason("0101,03,12", head="school,grade,checkouts") is UsageReason.MISSING_COLUMN
    assert reason("0101,03,2026-11", head="school,grade,month") is UsageReason.MISSING_COLUMN


def test_every_code_has_a_sentence_and_advice() -> None:
    assert set(USAGE_REASONS) == set(UsageReason)
    assert all(sentence.endswith(".") and advice.endswith(".") for sentence, advice in USAGE_REASONS.values())


def test_the_page_for_leaders_has_every_code_as_it_is() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "leaders.md").read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("| `USAGE_")] == [
        f"| `{reason}` | {sentence} | {advice} |" for reason, (sentence, advice) in USAGE_REASONS.items()
    ]


@given(st.binary(max_size=400))
def test_no_bytes_break_it(body: bytes) -> None:
    read_usage(body, TODAY)
    read_usage(HEAD.encode() + b"\n" + body, TODAY)


@given(st.lists(st.tuples(st.sampled_from(["01", "02"]), st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=8))
def test_what_is_kept_holds_no_small_number(rows: list[tuple[str, int, int]]) -> None:
    use = read(*(f"0101,{grade},2026-11,{loans},{sessions}" for grade, loans, sessions in rows))
    assert isinstance(use, Use)
    kept = json.loads(use.of_month("2026-11"))["rows"]
    assert all(row[name] % 10 == 0 for row in kept for name in ("checkouts", "sessions"))
