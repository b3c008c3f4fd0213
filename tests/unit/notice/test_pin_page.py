"""Claims about the page that shows a PIN, as text: what it asks, what it shows, and what it never says."""

import re
from datetime import date
from typing import Any

import pytest

from firstcard.agreement import Group, Purpose
from firstcard.notice import PinPageState, ShownPin, languages, page_headers, pin_page

from .builders import a_library, an_agreement, seen

LANGUAGES = sorted(languages())
BY_BIRTH_DATE = an_agreement(card__pin={"scheme": "random", "length": 6, "page": {"asks": "birth_date", "days": 30}})
BY_ID = an_agreement(card__pin={"scheme": "random", "length": 6, "page": {"asks": "student_id", "days": 1}})
ONE = ShownPin("Ana", "90400000123456", "471103")


def a_page(state: str = "ask", language: str = "en", **changes: Any) -> str:
    given: dict[str, Any] = {"agreement": BY_BIRTH_DATE, "library": a_library(), "shown": (ONE,) if state == "shown" else (), **changes}
    return pin_page(language, state=PinPageState(state), **given)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", list(PinPageState))
def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing(state: PinPageState, language: str) -> None:
    page = a_page(state, language)
    assert not re.search(r"<(?:script|img|link|iframe|object|video|svg)\b|@import|url\(|\son\w+=|\sstyle=", page)
    assert f'<html lang="{language}" dir="ltr">' in page
    assert page.count("<h1>") == 1
    assert page_headers(page)["Cache-Control"] == "no-store"
    assert "default-src 'none'" in page_headers(page)["Content-Security-Policy"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_question_has_a_form_and_it_posts_to_the_page_itself(language: str) -> None:
    for state in PinPageState:
        asks = state in ("ask", "unreadable", "nothing")
        assert ('<form method="post" autocomplete="off">' in a_page(state, language)) == asks, state
        assert bool(re.search(r"<input|<button", a_page(state, language))) == asks, state


@pytest.mark.parametrize(("language", "order"), [("en", ["month", "day", "year"]), ("es", ["day", "month", "year"])])
def test_the_boxes_of_a_date_stand_in_the_order_of_the_language_each_with_its_label(language: str, order: list[str]) -> None:
    page = a_page(language=language)
    assert re.findall(r'<label>[^<]+<input name="(\w+)"', page) == order
    assert page.count('aria-describedby="hint"') == 3
    assert '<p class="hint" id="hint">' in page
    assert "<fieldset>" in page
    assert "<legend>" in page


def test_a_question_for_the_id_has_one_box() -> None:
    page = a_page(agreement=BY_ID)
    assert re.findall(r'<label>[^<]+<input name="(\w+)"', page) == ["student_id"]
    assert "student ID" in seen(page)


@pytest.mark.parametrize("state", ["unreadable", "nothing"])
def test_what_did_not_do_is_said_first_and_aloud_and_nothing_that_was_typed_comes_back(state: str) -> None:
    page = a_page(state)
    assert page.index('role="alert"') < page.index("<form")
    assert "value=" not in page


def test_the_number_and_the_pin_are_shown_and_can_be_copied_whole() -> None:
    page = a_page("shown")
    assert "<span>9040</span><span>0000</span>" in page
    assert ">471103<" in page
    assert "Card number of Ana" in seen(page)
    assert "PIN of Ana" in seen(page)
    assert "Card number of" not in seen(a_page("shown", shown=(ShownPin("", ONE.number, ONE.pin),)))


def test_a_name_is_shown_as_in_a_letter() -> None:
    page = a_page("shown", shown=(ShownPin("<b>Ana</b>", ONE.number, ONE.pin), ShownPin("see www.evil.example", ONE.number, ONE.pin)))
    assert "&lt;b&gt;" not in page  # a slash is part of an address, and what looks like one is no name
    assert "evil" not in page


def test_only_the_page_that_shows_has_number_and_pin() -> None:
    for state in PinPageState:
        if state is not PinPageState.SHOWN:
            page = pin_page("en", state=state, agreement=BY_BIRTH_DATE, library=a_library(), shown=(ONE,))
            assert ONE.pin not in page
            assert ONE.number not in page


def test_a_pin_that_was_shown_is_told_with_its_day_and_the_way_to_a_new_one() -> None:
    said = seen(a_page("used", shown_on=date(2026, 11, 3)))
    assert "It was shown on November 3, 2026." in said
    assert "the library can make a new PIN" in said
    assert "Se mostró el 3 de noviembre de 2026." in seen(a_page("used", "es", shown_on=date(2026, 11, 3)))


def test_a_link_that_ended_says_how_long_it_worked() -> None:
    assert "works for 30 days only" in seen(a_page("ended"))
    assert "works for 1 day only" in seen(a_page("ended", agreement=BY_ID))


def test_every_state_but_a_foreign_link_says_whom_to_call() -> None:
    for state in PinPageState:
        if state is not PinPageState.INVALID:
            assert "+1 904 555 0111" in seen(a_page(state)), state


def test_a_foreign_link_is_answered_without_an_agreement_and_says_nothing_about_anybody() -> None:
    said = seen(pin_page("es", state=PinPageState.INVALID))
    assert "Este enlace no funciona" in said
    assert "Duval" not in said
    assert "Jacksonville" not in said


def test_a_page_without_what_it_needs_is_not_written() -> None:
    with pytest.raises(ValueError, match="needs an agreement"):
        pin_page("en", state=PinPageState.ASK)
    with pytest.raises(ValueError, match="needs a card"):
        a_page("shown", shown=())
    with pytest.raises(ValueError, match="no page that shows"):
        a_page(agreement=an_agreement())


def test_an_unknown_language_is_answered_in_english_with_a_line_in_each_agreed_language() -> None:
    page = a_page(language="vi")
    assert '<html lang="en"' in page
    assert "Todavía no tenemos este mensaje" in page


def test_a_card_that_is_shown_stands_in_no_repr() -> None:
    assert repr(ONE) == "ShownPin()"


def test_where_pins_are_printed_a_family_is_told_that_it_may_have_the_pin_on_paper() -> None:
    matrix = {**BY_BIRTH_DATE.matrix, Purpose.HAND_OUT: (Group.IDENTITY, Group.CARD, Group.PIN, Group.ENROLMENT)}
    for agreement, told in ((BY_BIRTH_DATE.model_copy(update={"matrix": matrix}), True), (BY_BIRTH_DATE, False)):
        said = seen(a_page("used", agreement=agreement, shown_on=date(2026, 11, 3)))
        assert ("on a card or a letter that your child was given at school" in said) is told
