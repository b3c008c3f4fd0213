"""The page that shows a PIN in a real browser: the product's own page and rules behind a small server."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from firstcard.notice import PinPageState, make_pin_link, pin_page, read_pin_link
from firstcard.notice.answer import read_answer
from firstcard.notice.language import languages
from firstcard.run.revealing import Revealed
from tests.browser.chromium import Browser, a_browser
from tests.browser.serving import serving
from tests.unit.agreement.builders import a_library
from tests.unit.card.builders import NOW
from tests.unit.run.test_revealing import ADA, AT, HOUSEHOLD, Page

pytestmark = pytest.mark.browser
KEY = bytes(range(32))


@dataclass
class Place:
    """Where the page is served, and by how much later each request is than the one before."""

    base_url: str = ""
    home: Page = field(default_factory=Page)
    later: timedelta = timedelta()
    asked: int = 0

    def link(self, language: str = "en") -> str:
        return make_pin_link(KEY, sharing="oak.pine", household=HOUSEHOLD, language=language, base_url=self.base_url, made=NOW.timestamp())

    def answered(self, token: str, body: bytes) -> str:
        link = read_pin_link(KEY, token)
        if link is None:
            return pin_page("en", state=PinPageState.INVALID)
        form = parse_qs(body.decode(), keep_blank_values=True)
        answer = read_answer(form, asks="birth_date", language=languages()[link.language], today=AT.date())
        if answer:
            self.asked += 1
            said = self.home.ask(answer, at=AT + self.asked * self.later)
        else:
            said = Revealed(PinPageState.UNREADABLE if answer is None else PinPageState.ASK)
        return pin_page(
            link.language, state=said.state, agreement=self.home.agreement, library=a_library(), shown=said.shown, shown_on=said.shown_on
        )


@pytest.fixture
def place() -> Iterator[Place]:
    served = Place()

    with serving("pin", lambda link, body: (200, served.answered(link, body))) as served.base_url:
        yield served


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with a_browser(tmp_path) as window:
        yield window


def answer(browser: Browser, month: str, day: str, year: str) -> None:
    for box, text in (("month", month), ("day", day), ("year", year)):
        browser.type(f"input[name={box}]", text)
    browser.press("button")


def said(browser: Browser) -> str:
    return str(browser.look("document.querySelector('main').innerText"))


def test_looking_however_often_shows_nothing_and_changes_nothing(place: Place, browser: Browser) -> None:
    for _ in range(3):
        browser.open(place.link())
    assert browser.look("document.querySelector('h1').innerText") == "See the PIN of the library card"
    assert place.home.plans.keys.story == []
    assert not place.home.store.tries
    assert place.home.pin() not in said(browser)


def test_a_wrong_answer_is_asked_again_with_empty_boxes_and_the_right_one_shows_the_pin(place: Place, browser: Browser) -> None:
    browser.open(place.link())
    answer(browser, "5", "5", "2016")
    assert browser.look("document.querySelector('[role=alert]').innerText") == "We found no PIN for this answer. Please look at it again."
    assert browser.look("[...document.querySelectorAll('input')].map(each => each.value).join('')") == ""
    answer(browser, "May", "4", "16")
    assert browser.look("document.querySelector('h1').innerText") == "The PIN of the library card"
    assert browser.look("[...document.querySelectorAll('.number')].map(each => each.textContent).join(' ')") == (
        f"{place.home.number(ADA)} {place.home.pin(ADA)}"
    )
    assert browser.look("document.querySelectorAll('form, button, input').length") == 0


def test_an_hour_later_it_was_shown_before(place: Place, browser: Browser) -> None:
    place.later = timedelta(hours=1)
    for heading in ("El PIN de la tarjeta de la biblioteca", "Este PIN ya se mostró"):
        browser.open(place.link("es"))
        answer(browser, "mayo", "4", "2016")
        assert browser.look("document.querySelector('h1').innerText") == heading
    assert place.home.pin() not in said(browser)


def test_the_sixth_answer_that_does_not_fit_waits_until_tomorrow(place: Place, browser: Browser) -> None:
    browser.open(place.link())
    for _ in range(6):
        if browser.look("document.querySelectorAll('form').length"):
            answer(browser, "1", "2", "2015")
    browser.open(place.link())
    answer(browser, "5", "4", "2016")
    assert browser.look("document.querySelector('h1').innerText") == "Please come back tomorrow"


def test_each_box_has_its_label_in_the_order_of_the_language_and_the_keyboard_reaches_them_first(place: Place, browser: Browser) -> None:
    labels = "[...document.querySelectorAll('input')].map(each => each.labels[0].innerText.trim()).join(' ')"
    browser.open(place.link())
    assert browser.look(labels) == "Month Day Year"
    assert browser.look("document.querySelector('a, button, input, [tabindex]').name") == "month"
    browser.open(place.link("es"))
    assert browser.look(labels) == "Día Mes Año"


def test_the_page_keeps_its_look_under_its_own_policy_and_loads_nothing_else(place: Place, browser: Browser) -> None:
    browser.open(place.link())
    assert browser.look("getComputedStyle(document.querySelector('fieldset')).borderTopWidth") == "0px"
    assert browser.look("getComputedStyle(document.querySelector('.boxes')).display") == "flex"
    assert browser.look("performance.getEntriesByType('resource').filter(each => !each.name.endsWith('/favicon.ico')).length") == 0


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_page_fits_a_telephone_and_its_boxes_and_button_a_thumb(place: Place, browser: Browser, language: str) -> None:
    browser.emulate_width(360)
    browser.open(place.link(language))
    assert browser.look("document.documentElement.scrollWidth <= window.innerWidth") is True
    heights = "Math.min(...[...document.querySelectorAll('button, input')].map(each => each.getBoundingClientRect().height))"
    assert float(str(browser.look(heights))) >= 44
    answer(browser, "5", "4", "2016")
    assert browser.look("document.documentElement.scrollWidth <= window.innerWidth") is True


def test_a_changed_link_says_that_it_does_not_work(place: Place, browser: Browser) -> None:
    browser.open(place.link()[:-2] + "xx")
    assert browser.look("document.querySelector('h1').innerText") == "This link does not work"
