"""The pages behind a notice's links, and the one for a no: asking for it changes nothing, its button says no.

No script, no picture, no font, nothing from elsewhere: the policy that :func:`page_headers` gives allows only the page's own style and form.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from markupsafe import Markup

from firstcard.notice.family import contacts, notes
from firstcard.notice.language import Language, choose, languages
from firstcard.notice.letter import Block, Button, Note, Paragraph, ink_on, render, safe_colour, web_address

if TYPE_CHECKING:
    from firstcard.agreement import Agreement, Library


class PageState(StrEnum):
    """Where a family stands: asked, heard, lost, or late for a programme that no longer runs."""

    ASK = "ask"
    DONE = "done"
    INVALID = "invalid"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Alert:
    """What a reader must hear first: that an answer did not do."""

    text: str
    kind: str = "alert"


@dataclass(frozen=True, slots=True)
class AskedBox:
    """One box of a question: its name in the form, the words above it, how much it takes, and whether a telephone offers digits."""

    name: str
    label: str
    longest: int
    numeric: bool


@dataclass(frozen=True, slots=True)
class Question:
    """Something to be typed into boxes, and the button that sends it to the page's own address."""

    text: str
    hint: str
    boxes: tuple[AskedBox, ...]
    button: str
    kind: str = "question"


_STYLE = """
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{margin:0;background:#eef1f4;color:#1b1f23;font:1.125rem/1.55 system-ui,Arial,Helvetica,sans-serif}
main{max-width:38rem;margin:0 auto;padding:1.5rem 1.25rem 3rem;background:#fff;border-top:.5rem solid BAND;overflow-wrap:anywhere}
h1{margin:.25rem 0 1rem;font-size:1.75rem;line-height:1.25}
h2{margin:2rem 0 .5rem;font-size:1.25rem}
p{margin:0 0 1rem}
.from{margin:0;color:#4a525a}
.note{padding:.6rem .9rem;background:#fff5d6;border:1px solid #e2c96b;color:#1b1f23}
a{color:#0b4f9c}
form{margin:1.5rem 0}
fieldset{margin:0;padding:0;border:0}
legend{padding:0;font-size:1.25rem;font-weight:700}
.hint{margin:.25rem 0 .75rem;color:#4a525a}
.boxes{display:flex;flex-wrap:wrap;gap:.75rem;margin:0 0 1rem}
label{display:block;font-weight:700}
input{display:block;box-sizing:border-box;width:6rem;max-width:100%;min-height:3rem;padding:.5rem .75rem;border:2px solid #4a525a;border-radius:.375rem;background:#fff;color:#1b1f23;font:inherit}
.wide input{width:16rem}
.label{margin:1rem 0 .25rem}
.number{margin:0 0 1rem;padding:.5rem 1rem;border:2px solid BAND;border-radius:.5rem;background:#fff;color:#000;font:700 1.75rem/1.4 "Courier New",Courier,monospace}
.number span{display:inline-block;margin-right:.5em}
button{width:100%;min-height:3.25rem;padding:.75rem 1.5rem;border:2px solid BAND;border-radius:.5rem;background:BAND;color:INK;font:inherit;font-weight:700;cursor:pointer}
button:focus-visible,a:focus-visible,input:focus-visible{outline:3px solid #1b1f23;outline-offset:3px}
@media (min-width:42rem){main{margin:2rem auto;padding:2rem 2.5rem 3rem}button{width:auto}}
@media (prefers-color-scheme:dark){body{background:#121518;color:#e8ebee}main{background:#1b1f23}.from,.hint{color:#b4bcc4}a{color:#8fc1ff}button:focus-visible,a:focus-visible,input:focus-visible{outline-color:#fff}button{border-color:INK}}
"""


def refusal_page(
    language: str, *, state: PageState | str, agreement: Agreement | None = None, library: Library | None = None, action_url: str = ""
) -> str:
    """The page as HTML, in the link's language.

    ``ask`` shows the button, which posts ``answer=no`` to ``action_url`` (empty: the page's own address); ``done`` follows a no that was saved; ``invalid`` answers a link that is not ours
    (agreement and library may be None); ``stopped`` answers for an agreement that is not in force. Raises ValueError where a state lacks what it needs.
    """
    state = PageState(state)
    written, wanted = choose(language, tuple(languages()) if agreement is None else agreement.notices.languages)
    if (agreement is None or library is None) and state in (PageState.ASK, PageState.DONE):
        raise ValueError(f"the page {state} needs an agreement and a library")
    parties: dict[str, str] = {}
    ways: tuple[Block, ...] = ()
    side_notes: tuple[Note, ...] = ()
    if agreement is not None and library is not None:
        parties = {"district": agreement.parties.lea.name, "library": library.name}
        ways = contacts(written, agreement, library)
        side_notes = notes(written, wanted=wanted, agreement=agreement)
    blocks: list[Block] = [Paragraph(written.say(f"page.{state}.intro", **parties))]
    if state is PageState.ASK:
        if action_url and not re.match(r"/(?!/)", action_url) and not web_address(action_url):
            raise ValueError("action_url is neither a path nor the address of a page")
        blocks += [
            Paragraph(written.say("page.ask.scope", **parties)),
            Paragraph(written.say("page.ask.effect")),
            Paragraph(written.say("page.ask.nothing")),
            Button(written.say("page.ask.button"), action_url),
            Paragraph(written.say("refuse.school")),
            Paragraph(written.say("refuse.adult")),
        ]
    elif state is PageState.DONE:
        assert agreement is not None
        blocks += [
            Paragraph(written.count("page.done.turned_off", agreement.basis.choice.honour_within_hours)),
            Paragraph(written.say("refuse.own_card")),
            Paragraph(written.say("page.done.kept")),
            Paragraph(written.say("page.done.again")),
        ]
    else:
        blocks.append(Paragraph(written.say(f"page.{state}.advice")))
    return write_page(written.say(f"page.{state}.title"), language=written, library=library, blocks=[*blocks, *ways], side_notes=side_notes)


def yes_page(language: str, *, state: PageState | str, agreement: Agreement | None = None, library: Library | None = None) -> str:
    """The page on which a family says yes, where no card is made without one; as ``refusal_page``, and the button posts ``answer=yes`` to the page's own address."""
    state = PageState(state)
    written, wanted = choose(language, tuple(languages()) if agreement is None else agreement.notices.languages)
    parties: dict[str, str] = {}
    ways: tuple[Block, ...] = ()
    side_notes: tuple[Note, ...] = ()
    if agreement is not None and library is not None:
        parties = {"district": agreement.parties.lea.name, "library": library.name}
        ways = contacts(written, agreement, library)
        side_notes = notes(written, wanted=wanted, agreement=agreement)
    elif state is not PageState.INVALID:
        raise ValueError(f"the page {state} needs an agreement and a library")
    blocks: list[Block] = [Paragraph(written.say(f"page.yes.{state}.intro", **parties))]
    if state is PageState.ASK:
        blocks += [
            Paragraph(written.say("page.yes.ask.scope", **parties)),
            Paragraph(written.say("page.yes.ask.nothing")),
            Button(written.say("page.yes.ask.button"), "", answer="yes"),
            Paragraph(written.say("refuse.adult")),
        ]
    elif state is PageState.DONE:
        blocks += [Paragraph(written.say(f"page.yes.done.{word}")) for word in ("next", "again", "no_stays")]
    else:
        blocks.append(Paragraph(written.say(f"page.yes.{state}.advice")))
    return write_page(
        written.say(f"page.yes.{state}.title"), language=written, library=library, blocks=[*blocks, *ways], side_notes=side_notes
    )


def page_headers(html: str) -> dict[str, str]:
    """The HTTP headers to answer with: what the page may load (its own style, by hash), who may frame it (nobody), no copy kept, no address passed on."""
    styles = " ".join(f"'sha256-{_digest(style)}'" for style in re.findall(r"<style>(.*?)</style>", html, re.DOTALL)) or "'none'"
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": f"default-src 'none'; style-src {styles}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
        "Cache-Control": "no-store",
    }


def write_page(
    title: str, *, language: Language, library: Library | None, blocks: Sequence[Block | Alert | Question], side_notes: tuple[Note, ...]
) -> str:
    """A page of a family's, from its blocks, in the library's colour."""
    band = safe_colour(library.look.colour if library else "")
    style = _STYLE.replace("BAND", band).replace("INK", ink_on(band))
    return render(
        "page.html.j2",
        {
            "language": language,
            "title": title,
            "library_name": library.name if library else "",
            "notes": side_notes,
            "blocks": blocks,
            "style": Markup(style),  # noqa: S704  # our own constant and a checked #rrggbb; escaped quotes would break its hash
        },
    )


def _digest(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
