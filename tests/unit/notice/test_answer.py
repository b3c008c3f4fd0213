"""Claims about how a family's answer is read and compared."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.notice import languages
from firstcard.notice.answer import boxes_of, fits, read_answer

TODAY = date(2026, 11, 22)
EN, ES = languages()["en"], languages()["es"]


def a_date(month: str, day: str, year: str, *, language: str = "en") -> str | None:
    form = {"month": [month], "day": [day], "year": [year]}
    return read_answer(form, asks="birth_date", language=languages()[language], today=TODAY)


@pytest.mark.parametrize(
    ("month", "day", "year"),
    [("4", "7", "2014"), ("04", "07", "2014"), (" 4 ", "7", "14"), ("April", "7", "2014"), ("apr", "07", "2014"), ("Apr.", "7", "14"), ("٤", "٧", "٢٠١٤"), ("４", "7", "2014")],
)  # fmt: skip
def test_a_date_is_read_however_it_is_written(month: str, day: str, year: str) -> None:
    assert a_date(month, day, year) == "2014-04-07"


def test_a_month_may_be_named_in_the_pages_language() -> None:
    assert a_date("abril", "7", "2014", language="es") == "2014-04-07"
    assert a_date("Dic", "7", "2014", language="es") == "2014-12-07"
    assert a_date("abril", "7", "2014") is None


def test_the_boxes_stand_as_the_language_writes_a_date() -> None:
    assert boxes_of("birth_date", EN) == ("month", "day", "year")
    assert boxes_of("birth_date", ES) == ("day", "month", "year")
    assert boxes_of("student_id", ES) == ("student_id",)


@pytest.mark.parametrize(
    ("month", "day", "year"),
    [("", "", ""), ("4", "31", "2014"), ("13", "1", "2014"), ("0", "1", "2014"), ("ma", "1", "2014"), ("4", "7", "214"), ("4", "7", "0"), ("4", "7", "2027"), ("4", "x", "2014"), ("4", "7", "9" * 5000)],
)  # fmt: skip
def test_what_is_no_date_in_the_past_is_not_read(month: str, day: str, year: str) -> None:
    assert a_date(month, day, year) is None


def test_a_form_that_is_not_the_pages_is_no_answer() -> None:
    assert read_answer({"List-Unsubscribe": ["One-Click"]}, asks="birth_date", language=EN, today=TODAY) == ""
    assert read_answer({"month": ["4"]}, asks="student_id", language=EN, today=TODAY) == ""
    assert read_answer({"month": ["4"]}, asks="birth_date", language=EN, today=TODAY) is None


@pytest.mark.parametrize("typed", ["S-00123", "s00123", " s 00123 ", "S‑00123"])
def test_an_id_is_read_without_what_people_write_otherwise(typed: str) -> None:
    answer = read_answer({"student_id": [typed]}, asks="student_id", language=EN, today=TODAY)
    assert answer
    assert fits(answer, asks="student_id", fields={"student_id": "S00123"})
    assert not fits(answer, asks="student_id", fields={"student_id": "S00124"})


def test_zeros_at_its_head_do_not_count_and_zeros_alone_are_no_id() -> None:
    assert fits("1234", asks="student_id", fields={"student_id": "001234"})
    assert read_answer({"student_id": ["000"]}, asks="student_id", language=EN, today=TODAY) is None
    assert not fits("", asks="student_id", fields={"student_id": "000"})


def test_whoever_has_no_such_fact_is_fitted_by_nothing() -> None:
    for answer in ("", "2014-04-07", "None"):
        assert not fits(answer, asks="birth_date", fields={})
        assert not fits(answer, asks="student_id", fields={"last_name": answer})


@given(st.dates(date(1900, 1, 1), TODAY), st.dates(date(1900, 1, 1), TODAY), st.sampled_from(["en", "es"]))
def test_a_date_fits_itself_and_no_other(typed: date, true: date, language: str) -> None:
    answer = a_date(f"{typed.month:02d}", str(typed.day), f"{typed.year}", language=language)
    assert answer == typed.isoformat()
    assert fits(answer, asks="birth_date", fields={"birth_date": true.isoformat()}) == (typed == true)


@given(st.dictionaries(st.sampled_from(["month", "day", "year", "student_id", "answer"]), st.lists(st.text(), min_size=1, max_size=2)))
def test_whatever_is_posted_is_read_without_an_error(form: dict[str, list[str]]) -> None:
    answer = read_answer(form, asks="birth_date", language=EN, today=TODAY)
    assert (answer == "") == {"month", "day", "year"}.isdisjoint(form)
    assert (read_answer(form, asks="student_id", language=ES, today=TODAY) == "") == ("student_id" not in form)
