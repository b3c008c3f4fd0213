"""The typeface of everything that is printed: DejaVu Sans Condensed (fonts/LICENSE.txt), which has the letters of every language written in Latin, Greek or Cyrillic script, Vietnamese among them."""

import unicodedata
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

_FONTS = Path(__file__).parent / "fonts"
PLAIN, BOLD = _FONTS / "DejaVuSansCondensed.ttf", _FONTS / "DejaVuSansCondensed-Bold.ttf"
MISSING = "\u25a1"
"""A small square in place of a sign that the typeface lacks."""


def printable(text: str) -> str:
    """The text with a small square for each sign that the typeface lacks."""
    return "".join(sign if sign == "\n" or ord(sign) in _signs() else MISSING for sign in unicodedata.normalize("NFC", text))


@cache
def _signs() -> frozenset[int]:
    with TTFont(PLAIN) as plain, TTFont(BOLD) as bold:
        return frozenset(plain.getBestCmap()) & frozenset(bold.getBestCmap())
