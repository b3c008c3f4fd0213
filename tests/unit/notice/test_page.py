import base64
import hashlib
import re

import pytest

from firstcard.notice import PageState, languages, page_headers, refusal_page

from .builders import a_library, an_agreement, seen

LANGUAGES = sorted(languages())


def a_page(state: str = "ask", language: str = "en", action_url: str = "/no/token") -> str:
    return refusal_page(language, state=state, agreement=an_agreement(), library=a_library(), action_url=action_url)


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_question_has_a_button_and_it_posts(language: str) -> None:
    assert '<form method="post" action="/no/token">' in a_page("ask", language)
    for state in ("done", "invalid", "stopped"):
        assert not re.search(r"<form|<button|<input", a_page(state, language))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", list(PageState))
def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing(state: PageState, language: str) -> None:
    page = a_page(state, language)
    assert not re.search(r"<(?:script|img|link|iframe|object|video|svg)\b|@import|url\(|\son\w+=|\sstyle=", page)
    assert f'<html lang="{language}" dir="ltr">' in page
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert page.count("<h1>") == 1
    assert "<main>" in page


@pytest.mark.parametrize("state", list(PageState))
def test_the_policy_allows_the_pages_own_style_and_nothing_else(state: PageState) -> None:
    page = a_page(state)
    headers = page_headers(page)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    policy = headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


def test_the_question_says_what_a_no_does_and_that_nothing_has_happened() -> None:
    said = seen(a_page())
    assert "Nothing has changed so far" in said
    assert "Your no is for all your children at Duval County Schools" in said
    assert "34 CFR 99.5" in said
    assert "+1 904 555 0111" in said


def test_a_saved_no_is_confirmed_with_the_hours_of_the_agreement() -> None:
    said = seen(a_page("done"))
    assert "Your no is saved" in said
    assert "turned off within 24 hours" in said


def test_a_foreign_link_is_answered_without_an_agreement_and_says_nothing_about_anybody() -> None:
    said = seen(refusal_page("es", state="invalid"))
    assert "Este enlace no funciona" in said
    assert "Duval" not in said
    assert "Jacksonville" not in said


def test_a_stopped_programme_says_whom_to_call() -> None:
    assert "+1 904 555 0111" in seen(a_page("stopped"))
    assert "stopped or has ended" in seen(refusal_page("en", state="stopped"))


@pytest.mark.parametrize("state", ["ask", "done"])
def test_a_question_without_an_agreement_is_not_shown(state: str) -> None:
    with pytest.raises(ValueError, match="needs an agreement"):
        refusal_page("en", state=state, action_url="/no/token")


@pytest.mark.parametrize("action_url", ["javascript:alert(1)", "//evil.example/no", 'x" onclick="y'])
def test_the_button_goes_to_a_page_of_ours_only(action_url: str) -> None:
    with pytest.raises(ValueError, match="action_url"):
        a_page(action_url=action_url)


def test_without_an_address_the_button_goes_to_the_page_itself() -> None:
    assert '<form method="post">' in a_page(action_url="")


def test_an_address_with_quotes_stays_inside_its_attribute() -> None:
    assert 'action="/no/&#34;&gt;&lt;script&gt;"' in a_page(action_url='/no/"><script>')


def test_an_unknown_language_is_answered_in_english_with_a_line_in_each_agreed_language() -> None:
    page = a_page(language="vi")
    assert '<html lang="en"' in page
    assert "Todavía no tenemos este mensaje" in page
