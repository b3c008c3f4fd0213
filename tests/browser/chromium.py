"""A real browser without a window, driven over the W3C WebDriver protocol; it reaches nothing but this machine."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The name under which an element travels (W3C WebDriver, 12.2)."""

PAGE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Browser:
    """One window."""

    session: httpx.Client

    def open(self, url: str) -> None:
        """Go to an address and wait until the page is there."""
        self._post("url", {"url": url})

    def press(self, selector: str) -> None:
        """Press what the CSS selector finds, as a person would, and wait for the page that follows."""
        found = self._post("element", {"using": "css selector", "value": selector})
        pressed = f"element/{found[_ELEMENT]}"
        self._post(f"{pressed}/click", {})
        deadline = time.monotonic() + PAGE_SECONDS
        while self.session.get(f"{pressed}/name").is_success:  # the click answers before a slow page takes the place of the one pressed
            assert time.monotonic() < deadline, f"no page followed within {PAGE_SECONDS} s"

    def type(self, selector: str, text: str) -> None:
        """Type into what the CSS selector finds."""
        found = self._post("element", {"using": "css selector", "value": selector})
        self._post(f"element/{found[_ELEMENT]}/value", {"text": text})

    def look(self, expression: str) -> object:
        """The value of a JavaScript expression in the page."""
        return self._post("execute/sync", {"script": f"return {expression}", "args": []})

    def emulate_width(self, width: int) -> None:
        """Make the window as narrow as a telephone."""
        self._post("window/rect", {"width": width, "height": 900})

    def _post(self, command: str, body: dict[str, object]) -> dict[str, str]:
        answer = self.session.post(command, json=body).json()["value"]
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer  # type: ignore[no-any-return]


def missing() -> str:
    """Which of the browser's two programs this machine lacks; empty if none."""
    lacking = [name for name, path in (("chromium", _chromium()), ("chromedriver", shutil.which("chromedriver"))) if path is None]
    return " and ".join(lacking)


@contextmanager
def a_browser(profile: Path) -> Iterator[Browser]:
    """A new browser with an empty profile; skips where Chromium is missing, fails there where ``CI=true``."""
    if lacking := missing():
        reason = f"{lacking} not installed (Debian: apt-get install chromium chromium-driver)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert driver.stdout is not None
        port = next(found.group(1) for line in driver.stdout if (found := re.search(r"started successfully on port (\d+)", line)))
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile / 'profile'}"]
        options += [
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
        wanted = {"alwaysMatch": {"goog:chromeOptions": {"args": options, "binary": _chromium()}}}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as http:
            begun = http.post("/session", json={"capabilities": wanted}).json()["value"]
            assert "sessionId" in begun, begun
            session = f"/session/{begun['sessionId']}"
            with httpx.Client(base_url=f"http://127.0.0.1:{port}{session}/", timeout=60, trust_env=False) as window:
                try:
                    yield Browser(window)
                finally:
                    http.delete(session)
    finally:
        driver.terminate()
        driver.communicate(timeout=30)


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
