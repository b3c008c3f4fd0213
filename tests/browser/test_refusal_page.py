"""The page for a family's no in a real browser, served as the HTTP API would serve it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from firstcard.notice import make_link, page_headers, read_link, refusal_page
from tests.browser.chromium import Browser, a_browser
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

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.fetched += 1
            self.answer(said_no=False)

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(said_no=form == b"answer=no")

        def answer(self, *, said_no: bool) -> None:
            link = read_link(KEY, self.path.removeprefix("/no/"))
            if link is None:
                page = refusal_page("", state="invalid")
            else:
                if said_no:
                    served.refused.append(link.household)
                page = refusal_page(
                    link.language,
                    state="done" if said_no else "ask",
                    agreement=an_agreement(),
                    library=a_library(),
                    action_url=self.path if link.language == "en" else "",
                )
            self.send_response(200 if link else 404)
            for name, value in page_headers(page).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    served.base_url = f"http://127.0.0.1:{server.server_port}/no"
    yield served
    server.shutdown()
    serving.join()
    server.server_close()


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
