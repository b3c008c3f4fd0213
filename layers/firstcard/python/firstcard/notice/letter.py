"""A notice as a list of blocks, written once and rendered twice: the HTML part and the text part cannot differ in what they say."""

import re
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from firstcard.notice.language import Language

LINE_WIDTH = 72
"""Characters in a line of the text part; addresses of pages are never broken."""

_DEFAULT_COLOUR = "#1d4f72"
_BLACK, _WHITE = "#000000", "#ffffff"
_LONGEST_NAME = 80


class Kind(StrEnum):
    """What a message is for; travels as the e-mail tag ``kind`` and in the HTML part's ``firstcard-kind``."""

    ANNOUNCEMENT = "announcement"
    AGAIN = "again"
    CARD = "card"
    LINKED = "linked"
    PIN = "pin"
    STAFF = "staff"
    RECEIPT = "receipt"
    HELD = "held"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Message:
    """A finished e-mail: both parts say the same; ``language`` is the one it is written in. Its repr shows none of it."""

    subject: str
    html: str
    text: str
    language: str
    kind: Kind

    def __repr__(self) -> str:
        """The kind and the language only: a message holds names and card numbers."""
        return f"Message({self.kind}, {self.language})"


@dataclass(frozen=True, slots=True)
class Heading:
    """A line that starts a part of the letter."""

    text: str
    kind: str = "heading"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences."""

    text: str
    kind: str = "paragraph"


@dataclass(frozen=True, slots=True)
class Note:
    """A line set apart at the top, in the language it is written in."""

    text: str
    language: str
    kind: str = "note"


@dataclass(frozen=True, slots=True)
class Line:
    """A way to reach somebody or something; ``href`` is empty where there is nothing to open."""

    label: str
    value: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Bullets:
    """Short points, one a line. ``personal``: they say something of one family, and are not kept in memory once written."""

    items: tuple[str | Line, ...]
    personal: bool = False
    kind: str = "bullets"


@dataclass(frozen=True, slots=True, repr=False)
class CardNumber:
    """A card number under the words that say whose it is."""

    label: str
    number: str
    kind: str = "card"

    @property
    def groups(self) -> tuple[str, ...]:
        """The number in groups of four to read by; only looks divided, so that a copy of it has no spaces."""
        return tuple(self.number[start : start + 4] for start in range(0, len(self.number), 4))


@dataclass(frozen=True, slots=True)
class Button:
    """A link that asks for something to be done; on a page, the button that posts ``answer`` there."""

    label: str
    url: str
    kind: str = "button"
    answer: str = "no"


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or a house, and how to reach it."""

    name: str
    lines: tuple[Line, ...]
    kind: str = "contact"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of words and figures."""

    rows: tuple[tuple[str, str], ...]
    kind: str = "table"


Block = Heading | Paragraph | Note | Bullets | CardNumber | Button | Contact | Table


def write_message(
    kind: Kind, *, language: Language, subject: str, title: str, sender: str, colour: str, blocks: Sequence[Block], footer: str
) -> Message:
    """Both parts of an e-mail from the same blocks; ``sender`` is the name above the title, ``colour`` the library's ``#rrggbb``."""
    band = safe_colour(colour)
    values = {
        "kind": str(kind),
        "language": language,
        "subject": subject,
        "title": title,
        "sender": sender,
        "blocks": blocks,
        "footer": footer,
        "band": band,
        "ink": ink_on(band),
    }
    return Message(
        subject=subject,
        html=render("mail.html.j2", values),
        text=render("mail.txt.j2", values),
        language=language.code,
        kind=kind,
    )


def render(template: str, values: dict[str, object]) -> str:
    """A template of this package filled in; raises jinja2.UndefinedError where it asks for something that was not given."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("firstcard.notice", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["wrapped"] = wrapped
    return environment


def wrapped(text: str, first: str = "", later: str | None = None, *, personal: bool = False) -> str:
    """The text in lines of at most 72 characters; a longer word, such as an address, keeps its own line whole.

    Most letters say the same: what was wrapped is kept for the next one, unless it is ``personal``.
    """
    return (_wrap.__wrapped__ if personal else _wrap)(text, first, later)


@lru_cache(maxsize=512)
def _wrap(text: str, first: str, later: str | None) -> str:
    return "\n".join(
        textwrap.wrap(
            text,
            LINE_WIDTH,
            initial_indent=first,
            subsequent_indent=" " * len(first) if later is None else later,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def shown_name(name: str) -> str:
    """A name as it may stand in a letter; empty where it would not look like a name.

    Line ends, control characters and the characters that turn the direction of writing are left out: they can make a letter say something else.
    What a mail program would turn into a link is no name. Joiners stay, because names in Persian and in Indic scripts need them.
    """
    plain = unicodedata.normalize("NFC", "".join(" " if each.isspace() else each for each in name))
    kept = "".join(each for each in plain if unicodedata.category(each) not in {"Cc", "Cf", "Cs", "Co", "Cn"} or each in "\u200c\u200d")
    tidy = " ".join(kept.split())
    if re.search(r"://|www\.|@|/", tidy, re.IGNORECASE):
        return ""
    return tidy[:_LONGEST_NAME].rstrip()


def web_address(url: str) -> str:
    """The address where it is a page of the web, empty otherwise: nothing else may become a link."""
    return url if re.fullmatch(r"https?://[^\s<>\"']+", url) else ""


def safe_colour(colour: str) -> str:
    """The library's colour as ``#rrggbb``, or the house's own where it is none."""
    return colour.lower() if re.fullmatch(r"#[0-9a-fA-F]{6}", colour) else _DEFAULT_COLOUR


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on this colour (WCAG 2.2, contrast ratio)."""
    light = _luminance(colour)
    return _WHITE if 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 else _BLACK


def _luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
