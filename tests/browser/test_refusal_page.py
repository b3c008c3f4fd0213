"""The page for a family's no in a real browser, served as the HTTP API would serve it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from firstcard.notice import make_link, read_link, refusal_page
from tests.browser.chromium import Browser, a_browser
from tests.browser.serving import serving
from tests.unit.notice.builders import a_library, an_agreement

pytestmark = pytest.mark.browser
KEY = bytes(range(32))
HOUSEHOLD = "0123456789abcdef0123456789abcdef"


@dataclass
class Place:
    """Where the page is served, and the households that said no there."""

    base_url: str
    refused: list[str] = field(default_factory=list)
    fetched: int = 0

    def link(self, language: str = "en") -> str:
        return make_link(KEY, sharing="jaxpl.duval", household=HOUSEHOLD, language=language, base_url=self.base_url)


@pytest.fixture
def place() -> Iterator[Place]:
    served = Place("")

    def answered(token: str, body: bytes) -> tuple[int, str]:
        served.fetched += not body
        link = read_link(KEY, token)
        if link is None:
            return 404, refusal_page("", state="invalid")
        said_no = body == b"answer=no"
        if said_no:
            served.refused.append(link.household)
        return 200, refusal_page(
            link.language,
            state="done" if said_no else "ask",
            agreement=an_agreement(),
            library=a_library(),
            action_url=f"/no/{token}" if link.language == "en" else "",
        )

    with serving("no", answered) as served.base_url:
        yield served


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with a_browser(tmp_path) as window:
        yield window


def test_opening_the_link_changes_nothing_however_often(place: Place, browser: Browser) -> None:
    for _ in range(3):
        browser.open(place.link())
    assert browser.look("document.querySelector('h1').innerText") == "Say no to the library card"
    assert place.fetched >= 3
    assert place.refused == []


@pytest.mark.parametrize(("language", "heading"), [("en", "Your no is saved"), ("es", "Su no quedó guardado")])
def test_the_button_says_no(place: Place, browser: Browser, language: str, heading: str) -> None:
    browser.open(place.link(language))
    browser.press("button")
    assert browser.look("document.querySelector('h1').innerText") == heading
    assert place.refused == [HOUSEHOLD]
    assert browser.look("document.querySelectorAll('form, button').length") == 0


def test_a_changed_link_says_that_it_does_not_work(place: Place, browser: Browser) -> None:
    browser.open(place.link()[:-2] + "xx")
    assert browser.look("document.querySelector('h1').innerText") == "This link does not work"
    assert place.refused == []


def test_the_page_keeps_its_look_under_its_own_policy_and_loads_nothing_else(place: Place, browser: Browser) -> None:
    browser.open(place.link())
    assert browser.look("getComputedStyle(document.querySelector('button')).backgroundColor") == "rgb(0, 90, 156)"
    assert browser.look("performance.getEntriesByType('resource').filter(each => !each.name.endsWith('/favicon.ico')).length") == 0


def test_the_page_fits_a_telephone_and_its_button_a_thumb(place: Place, browser: Browser) -> None:
    browser.emulate_width(360)
    browser.open(place.link("es"))
    assert browser.look("document.documentElement.scrollWidth <= window.innerWidth") is True
    assert float(str(browser.look("document.querySelector('button').getBoundingClientRect().height"))) >= 44


def test_the_button_is_the_first_thing_that_the_keyboard_reaches(place: Place, browser: Browser) -> None:
    browser.open(place.link())
    assert browser.look("document.querySelector('a, button, input, [tabindex]').tagName") == "BUTTON"


def test_a_scanner_that_fetches_or_asks_for_heads_changes_nothing(place: Place) -> None:
    with httpx.Client(trust_env=False) as scanner:
        assert scanner.get(place.link()).status_code == 200
        scanner.head(place.link())
        scanner.post(place.link(), data={"List-Unsubscribe": "One-Click"})
    assert place.refused == []
