"""Excel workbooks: the values of the first visible sheet, read as the same table as a CSV, within bounds."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstcard.roster import Reason, Refusal, sheet

from .builders import a_student_row, a_zip, at, csv_agreement, read, reading, reasons_of, refusal

CSV = csv_agreement()
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
PACKAGE = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
DATE_STYLE = 1
STYLES = (
    f'<styleSheet {MAIN}><fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders>'
    '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>'
)

Cell = str | int | float | date
"""As a test writes it: text (``#REF!`` is an error, what begins with ``<c`` is raw XML, empty is no cell), a number, or a date."""


def column_name(place: int) -> str:
    return (chr(64 + place // 26) if place // 26 else "") + chr(65 + place % 26)


def a_cell(row: int, place: int, value: Cell) -> str:
    at_ = f'r="{column_name(place)}{row}"'
    if value == "":
        return ""
    if isinstance(value, str) and value.startswith("<c"):
        return value.replace("<c", f"<c {at_}", 1)
    if isinstance(value, date):
        return f'<c {at_} s="{DATE_STYLE}"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, int | float):
        return f"<c {at_}><v>{value}</v></c>"
    if value.startswith("#"):
        return f'<c {at_} t="e"><v>{value}</v></c>'
    return f'<c {at_} t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def a_sheet(rows: Iterable[Sequence[Cell]], *, first_row: int = 1, first_column: int = 0) -> str:
    lines = (
        f'<row r="{number}">{"".join(a_cell(number, first_column + place, value) for place, value in enumerate(row))}</row>'
        for number, row in enumerate(rows, first_row)
    )
    return of_rows("".join(lines))


def of_rows(rows: str) -> str:
    return f"<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>"


def a_workbook(*sheets: str, hidden: Iterable[int] = (), more: Mapping[str, str | bytes] | None = None) -> bytes:
    listed = "".join(
        f'<sheet name="S{n}" sheetId="{n}" r:id="rId{n}"{" state=" + chr(34) + "hidden" + chr(34) if n in hidden else ""}/>'
        for n in range(1, len(sheets) + 1)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{KIND}worksheet" Target="worksheets/sheet{n}.xml"/>' for n in range(1, len(sheets) + 1)
    )
    links += f'<Relationship Id="rId98" Type="{KIND}styles" Target="styles.xml"/>'
    links += f'<Relationship Id="rId99" Type="{KIND}sharedStrings" Target="sharedStrings.xml"/>'
    root = f'<Relationship Id="rId1" Type="{KIND}officeDocument" Target="xl/workbook.xml"/>'
    return a_zip(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": f"<Relationships {PACKAGE}>{root}</Relationships>",
            "xl/workbook.xml": f"<workbook {MAIN} {RELATIONS}><sheets>{listed}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": f"<Relationships {PACKAGE}>{links}</Relationships>",
            "xl/styles.xml": STYLES,
            **{f"xl/worksheets/sheet{n}.xml": content for n, content in enumerate(sheets, 1)},
            **(more or {}),
        }
    )


def shared(*texts: str) -> dict[str, str | bytes]:
    return {"xl/sharedStrings.xml": f"<sst {MAIN}>{''.join(f'<si><t>{text}</t></si>' for text in texts)}</sst>"}


HEADER = tuple(a_student_row())
PERSON: dict[str, Cell] = {**a_student_row()}


def row_of(number: int = 1, **changes: Cell) -> list[Cell]:
    return list((PERSON | {"student_id": f"{100000 + number}"} | changes).values())


def test_a_workbook_is_read_as_the_csv_of_the_same_rows_would_be() -> None:
    result = reading(a_workbook(a_sheet([HEADER, row_of(1), row_of(2)])), CSV)
    assert (result.format, result.problems) == ("firstcard_csv", ())
    assert [(p.line, p.local_id, p.birth_date) for p in result.people] == [(2, "100001", date(2016, 5, 4)), (3, "100002", date(2016, 5, 4))]


def test_dates_numbers_and_booleans_become_the_text_that_a_csv_would_hold() -> None:
    values = row_of(birth_date=date(2016, 5, 4), grade=4, opt_out='<c t="b"><v>1</v></c>')
    person = reading(a_workbook(a_sheet([HEADER, values])), CSV).people[0]
    assert (person.birth_date, person.grade, person.opt_out) == (date(2016, 5, 4), "04", True)


def test_shared_texts_are_found_and_line_breaks_in_a_cell_do_not_move_the_rows() -> None:
    rows = [HEADER, row_of(1, last_name='<c t="s"><v>1</v></c>'), row_of(2, birth_date="soon")]
    result = reading(a_workbook(a_sheet(rows), more=shared("no", "Pine\nOak")), CSV)
    assert result.people[0].last_name == "Pine Oak"
    assert [p.line for p in at(result, Reason.BAD_DATE)] == [3]


def test_lines_are_the_rows_that_excel_shows_wherever_the_table_stands() -> None:
    result = reading(a_workbook(a_sheet([HEADER, row_of(1), [], row_of(2)], first_row=5, first_column=2)), CSV)
    assert [p.line for p in result.people] == [6, 8]


def test_ids_that_are_numbers_are_read_with_one_warning_a_column() -> None:
    rows = [HEADER, row_of(1), row_of(2, student_id=100002), row_of(3, student_id=100003.0)]
    result = reading(a_workbook(a_sheet(rows)), CSV)
    assert [p.local_id for p in result.people] == ["100001", "100002", "100003"]
    assert [(p.line, p.column, p.reason) for p in result.problems] == [(3, "student_id", Reason.ID_AS_NUMBER)]


def test_a_number_in_another_column_is_no_warning() -> None:
    assert reading(a_workbook(a_sheet([HEADER, row_of(grade=4)])), CSV).problems == ()


def test_an_id_of_more_digits_than_excel_keeps_is_damaged() -> None:
    result = reading(a_workbook(a_sheet([HEADER, row_of(student_id=12345678901234567890)])), CSV)
    assert result.rejected == {Reason.EXCEL_DAMAGE: 1}


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999", "1e300"])
def test_a_number_that_is_none_is_never_an_id(number: str) -> None:
    data = a_workbook(a_sheet([HEADER, row_of(student_id=f"<c><v>{number}</v></c>")]))
    assert reading(data, CSV).people == ()


def test_an_error_in_a_cell_is_damage_and_not_an_empty_value() -> None:
    result = reading(a_workbook(a_sheet([HEADER, row_of(1, last_name="#REF!"), row_of(2)])), CSV)
    assert result.rejected == {Reason.EXCEL_DAMAGE: 1}


def test_an_error_where_a_no_may_stand_is_not_taken_for_a_yes() -> None:
    result = reading(a_workbook(a_sheet([HEADER, row_of(1, opt_out="#N/A")])), CSV)
    assert (result.people, result.rejected) == ((), {Reason.BAD_FLAG: 1})


def test_an_error_on_another_sheet_touches_no_row() -> None:
    result = reading(a_workbook(a_sheet([HEADER, row_of()]), a_sheet([["x"], ["#REF!"]]), hidden=[2]), CSV)
    assert (len(result.people), result.problems) == (1, ())


def test_hidden_and_empty_sheets_are_passed_over() -> None:
    decoy = a_sheet([HEADER, row_of(9)])
    result = reading(a_workbook(decoy, of_rows(""), a_sheet([HEADER, row_of(1)]), hidden=[1]), CSV)
    assert ([p.local_id for p in result.people], result.problems) == (["100001"], ())


def test_a_second_visible_sheet_with_rows_is_a_warning() -> None:
    result = reading(a_workbook(a_sheet([HEADER, row_of(1)]), a_sheet([["note"]])), CSV)
    assert reasons_of(result) == {Reason.SEVERAL_SHEETS}
    assert len(result.people) == 1


def test_another_systems_export_is_known_in_a_workbook_too() -> None:
    header = ["Student_Number", "Last_Name", "First_Name", "DOB", "Grade_Level", "SchoolID"]
    agreement = csv_agreement(fields={"role": {"required": False}})
    result = reading(a_workbook(a_sheet([header, ["7", "Pine", "Ada", date(2016, 5, 4), 0, "school-1"]])), agreement)
    assert (result.format, result.people[0].grade, result.problems) == ("powerschool", "KG", ())


def test_macros_and_links_are_not_looked_at() -> None:
    more: dict[str, str | bytes] = {
        "xl/vbaProject.bin": b"\x00macro",
        "xl/externalLinks/externalLink1.xml": "not even XML",
        "xl/calcChain.xml": "nor this",
    }
    assert len(reading(a_workbook(a_sheet([HEADER, row_of()]), more=more), CSV).people) == 1


def test_a_workbook_without_rows_can_never_end_a_card() -> None:
    assert refusal(a_workbook(of_rows("")), CSV).reason is Reason.EMPTY_BULK
    assert refusal(a_workbook(a_sheet([HEADER])), CSV).reason is Reason.EMPTY_BULK


def test_a_workbook_of_something_else_is_an_unknown_format() -> None:
    assert refusal(a_workbook(a_sheet([["Menu", "Monday"], ["Soup", 3]])), CSV) == Refusal(Reason.UNKNOWN_FORMAT, "roster.zip", 1)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="CV1048576"><v>1</v></c></row>', Reason.TOO_LARGE),
        ('<row r="1"><c r="XFD1"><v>1</v></c></row>', Reason.TOO_MANY_COLUMNS),
        (f'<row r="1">{"<c><v>1</v></c>" * 513}</row>', Reason.TOO_MANY_COLUMNS),
        ('<row r="1048577"><c><v>1</v></c></row>', Reason.ZIP_DAMAGED),
        ('<row r="2"><c><v>1</v></c></row><row r="1"><c><v>1</v></c></row>', Reason.ZIP_DAMAGED),
        ('<row r="2"><c r="A3"><v>1</v></c></row>', Reason.ZIP_DAMAGED),
        ('<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>1</v></c></row>', Reason.ZIP_DAMAGED),
        ('<row r="1"><c r="1A"><v>1</v></c></row>', Reason.ZIP_DAMAGED),
        ('<c r="A1"><v>1</v></c>', Reason.ZIP_DAMAGED),
        ("<row>", Reason.ZIP_DAMAGED),
    ],
)
def test_a_sheet_that_would_fill_the_memory_or_that_excel_would_not_open_is_refused_unread(rows: str, reason: Reason) -> None:
    assert refusal(a_workbook(of_rows(rows)), CSV).reason is reason


def test_all_sheets_together_stay_below_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    data = a_workbook(a_sheet([HEADER, row_of(1)]), a_sheet([HEADER, row_of(1)]))
    monkeypatch.setattr(sheet, "MAX_CELLS", 4 * len(HEADER) - 2)
    assert refusal(data, CSV).reason is Reason.TOO_LARGE
    monkeypatch.setattr(sheet, "MAX_CELLS", 4 * len(HEADER))
    assert len(reading(data, CSV).people) == 1


@pytest.mark.parametrize("named", ["1", " 1", "+1", "0000000001", "1<!-- -->0", "1<?x?>0", "<![CDATA[1]]>", "&#49;"])
def test_a_long_text_that_many_cells_name_is_refused_before_it_is_copied(named: str) -> None:
    cells = "".join(f'<row r="{n}"><c t="s"><v>{named}</v></c></row>' for n in range(1, 1001))
    texts = shared("short", "x" * 600_000, *["short"] * 9)
    assert refusal(a_workbook(of_rows(cells), more=texts), CSV).reason is Reason.TOO_LARGE


def test_parts_that_differ_in_case_only_are_refused() -> None:
    more = shared("a") | {"xl/SharedStrings.xml": shared("b")["xl/sharedStrings.xml"]}
    assert refusal(a_workbook(a_sheet([HEADER, row_of()]), more=more), CSV).reason is Reason.ZIP_PATH


def test_shared_texts_outside_their_part_and_a_dtd_are_refused() -> None:
    good = a_sheet([HEADER, row_of()])
    assert refusal(a_workbook(good.replace("<row", "<si/><row", 1)), CSV).reason is Reason.ZIP_DAMAGED
    assert refusal(a_workbook('<!DOCTYPE x [<!ENTITY a "aaa">]>' + good), CSV).reason is Reason.ZIP_DAMAGED


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels", "_rels/.rels"]
)
@pytest.mark.parametrize("content", ["", "<x", "<x/>", "\x00\x01", "plain"])
def test_a_broken_part_is_a_refusal_or_read_without_it(part: str, content: str) -> None:
    result = read(a_workbook(a_sheet([HEADER, row_of()]), more={part: content}), CSV)
    assert not isinstance(result, Refusal) or result.reason in (Reason.ZIP_DAMAGED, Reason.EMPTY_BULK)


def test_a_workbook_is_bound_by_the_limits_of_any_archive() -> None:
    good = a_sheet([HEADER, row_of()])
    assert refusal(a_workbook(good, more={f"xl/media/{n}.png": b"x" for n in range(64)}), CSV).reason is Reason.ZIP_LIMITS
    assert refusal(a_workbook(good, more={"xl/media/zeros.png": bytes(3_000_000)}), CSV).reason is Reason.ZIP_LIMITS


GOOD = {
    "xl/worksheets/sheet1.xml": a_sheet(
        [HEADER, row_of(1, last_name='<c t="s"><v>0</v></c>', grade=4), row_of(2, birth_date=date(2016, 5, 4))]
    ),
    "xl/styles.xml": STYLES,
    "xl/workbook.xml": f'<workbook {MAIN} {RELATIONS}><sheets><sheet name="S1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    **shared("Pine", "Oak"),
}


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    part=st.sampled_from(sorted(GOOD)),
    place=st.floats(0, 1, exclude_max=True),
    length=st.integers(0, 3),
    junk=st.sampled_from(
        ["", "9", "-", "<", ">", '"', "A", "XFD", "s", "e", "99999999", "<c/>", "<row/>", "</row>", "<v>", "&#0;", "\x00"]
    ),
)
def test_a_workbook_with_anything_changed_is_read_or_refused(part: str, place: float, length: int, junk: str) -> None:
    content = str(GOOD[part])
    at_ = int(place * len(content))
    read(a_workbook(str(GOOD["xl/worksheets/sheet1.xml"]), more={**GOOD, part: content[:at_] + junk + content[at_ + length :]}), CSV)
