import pytest

from firstcard.roster import Reason
from firstcard.roster.reading import RefusedError
from firstcard.roster.text import MAX_LINES, open_table

from .builders import a_csv, a_firstcard_csv, a_student_row, at, csv_agreement, csv_reading, reading, refusal

AGREEMENT = csv_agreement()
ROWS = (a_student_row(1, first_name="José"), a_student_row(2), a_student_row(3, grade="13th"))


def lines_and_names(data: bytes) -> list[tuple[int, str]]:
    return [(person.line, person.first_name) for person in reading(data, AGREEMENT).people]


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_line_ends_delimiters_and_encodings_of_unicode_read_the_same(eol: str, delimiter: str, encoding: str) -> None:
    data = a_csv(ROWS, eol=eol, delimiter=delimiter).encode(encoding)
    result = reading(data, AGREEMENT)
    assert [(person.line, person.first_name) for person in result.people] == [(2, "José"), (3, "Ada")]
    assert [(problem.line, problem.reason) for problem in result.problems] == [(4, Reason.BAD_GRADE)]


def test_mixed_line_ends_and_a_missing_last_one_read_the_same() -> None:
    lines = a_csv(ROWS[:2], eol="\n").splitlines()
    assert lines_and_names((lines[0] + "\r\n" + lines[1] + "\r" + lines[2]).encode()) == [(2, "José"), (3, "Ada")]


def test_a_spreadsheets_sep_line_is_passed_over_and_counted() -> None:
    assert lines_and_names(b"sep=;\r\n" + a_csv(ROWS[:2], delimiter=";").encode()) == [(3, "José"), (4, "Ada")]


def test_a_row_is_named_by_the_physical_line_it_begins_on() -> None:
    result = csv_reading(a_student_row(1, school_name="Two\nlines"), a_student_row(2, grade="x"), a_student_row(3))
    assert [person.line for person in result.people] == [2, 5]
    assert [problem.line for problem in result.problems] == [4]
    assert result.people[0].school_name == "Two lines"


def test_windows_1252_is_refused_with_the_line_unless_it_is_declared() -> None:
    data = a_csv((a_student_row(1), a_student_row(2, first_name="José"))).encode("cp1252")
    found = refusal(data, AGREEMENT)
    assert (found.reason, found.line) == (Reason.BAD_ENCODING, 3)
    table = open_table(data, "x.csv", known=frozenset({"student_id"}), encoding="cp1252")
    assert "José" in [row for _, row in table.rows()][1]


def test_a_nul_rejects_the_row_and_no_other() -> None:
    result = csv_reading(a_student_row(1, last_name="Pi\x00ne"), a_student_row(2))
    assert result.rejected == {Reason.CONTROL_CHAR: 1}
    assert len(result.people) == 1


def test_a_trailing_control_z_is_left_out_with_a_warning() -> None:
    result = reading(a_firstcard_csv() + b"\x1a\r\n", AGREEMENT)
    assert [(problem.line, problem.reason) for problem in result.problems] == [(3, Reason.END_OF_FILE_MARK)]
    assert len(result.people) == 1


def quoted(broken_line: str, *, after: int = 0) -> bytes:
    head, good = a_csv((a_student_row(7),), eol="\n").splitlines()
    others = [good.replace("100007", f"{200000 + n}") for n in range(after)]
    return "\n".join([head, good, broken_line, *others]).encode() + b"\n"


@pytest.mark.parametrize("after", [0, 1, 50, 5000])
def test_a_quote_that_is_not_closed_is_named_by_the_line_it_opens_on(after: int) -> None:
    found = refusal(quoted('100008,"Oak,Ada,2016-05-04,04,school-1,First,en,a@b.org,no,student,', after=after), AGREEMENT)
    assert (found.reason, found.line) == (Reason.UNCLOSED_QUOTE, 3)


def test_an_open_quote_that_meets_a_later_one_is_still_named_by_its_own_line() -> None:
    data = quoted('100008,"Oak,Ada,2016-05-04,04,school-1,First,en,a@b.org,no,student,', after=3) + b'100009,"Elm",Ada,,,,,,,,,\n'
    found = refusal(data, AGREEMENT)
    assert (found.reason, found.line) == (Reason.UNCLOSED_QUOTE, 3)


def test_text_after_a_closing_quote_is_named_by_its_line() -> None:
    found = refusal(quoted('100008,"Oak"x,Ada,2016-05-04,04,school-1,First,en,a@b.org,no,student,'), AGREEMENT)
    assert (found.reason, found.line) == (Reason.STRAY_QUOTE, 3)


def test_a_value_past_all_measure_refuses_the_file() -> None:
    found = refusal(a_firstcard_csv(a_student_row(1, last_name="x" * 140_000)), AGREEMENT)
    assert (found.reason, found.line) == (Reason.FIELD_TOO_LONG, 2)


def test_a_line_of_commas_without_end_refuses_the_file() -> None:
    assert refusal(a_firstcard_csv() + b"," * 5_000_000, AGREEMENT).reason is Reason.FIELD_TOO_LONG
    assert refusal(b"," * 5_000_000, AGREEMENT).reason is Reason.FIELD_TOO_LONG


def test_more_than_512_columns_refuse_the_file() -> None:
    row = a_student_row() | {f"x{n}": "" for n in range(512)}
    assert refusal(a_firstcard_csv(row), AGREEMENT).reason is Reason.TOO_MANY_COLUMNS


def test_too_many_lines_refuse_the_file() -> None:
    assert refusal(a_firstcard_csv(*ROWS) + b"\n" * MAX_LINES, AGREEMENT).reason is Reason.TOO_LARGE


def test_a_header_with_an_open_quote_refuses_the_file() -> None:
    with pytest.raises(RefusedError) as refused:
        open_table(b'student_id,"last_name\n1,2\n', "x.csv", known=frozenset({"student_id"}))
    assert refused.value.refusal.reason is Reason.UNCLOSED_QUOTE


def test_rows_of_another_width_are_rejected_by_line() -> None:
    result = reading(a_firstcard_csv() + b"1,2,3\r\n", AGREEMENT)
    assert result.rejected == {Reason.ROW_WIDTH: 1}
    assert at(result, Reason.ROW_WIDTH)[0].line == 3


def test_a_control_z_is_found_before_any_number_of_blank_lines() -> None:
    result = reading(a_firstcard_csv() + b"\x1a" + b"\r\n" * 5000, AGREEMENT)
    assert [(problem.line, problem.reason) for problem in result.problems] == [(3, Reason.END_OF_FILE_MARK)]
