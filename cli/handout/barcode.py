"""Codabar and Code 39 as bars and spaces: what a library's scanners read off a card.

Codabar: ANSI/AIM BC3-1995; Code 39: ANSI/AIM BC1-1995. Both are drawn without a check character, so that the scanner gives the number as it stands, and
Codabar with its start and stop letters, which a scanner passes on or drops as the library set it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

CODABAR: Mapping[str, str] = {
    "0": "0000011", "1": "0000110", "2": "0001001", "3": "1100000", "4": "0010010", "5": "1000010", "6": "0100001", "7": "0100100",
    "8": "0110000", "9": "1001000", "-": "0001100", "$": "0011000", ":": "1000101", "/": "1010001", ".": "1010100", "+": "0010101",
    "A": "0011010", "B": "0101001", "C": "0001011", "D": "0001110",
}  # fmt: skip
"""Of each sign four bars and the three spaces between them, in turn; 1 is wide."""
CODE39: Mapping[str, str] = {
    "0": "000110100", "1": "100100001", "2": "001100001", "3": "101100000", "4": "000110001", "5": "100110000", "6": "001110000",
    "7": "000100101", "8": "100100100", "9": "001100100", "A": "100001001", "B": "001001001", "C": "101001000", "D": "000011001",
    "E": "100011000", "F": "001011000", "G": "000001101", "H": "100001100", "I": "001001100", "J": "000011100", "K": "100000011",
    "L": "001000011", "M": "101000010", "N": "000010011", "O": "100010010", "P": "001010010", "Q": "000000111", "R": "100000110",
    "S": "001000110", "T": "000010110", "U": "110000001", "V": "011000001", "W": "111000000", "X": "010010001", "Y": "110010000",
    "Z": "011010000", "-": "010000101", ".": "110000100", " ": "011000100", "$": "010101000", "/": "010100010", "+": "010001010",
    "%": "000101010", "*": "010010100",
}  # fmt: skip
"""Of each sign five bars and the four spaces between them, in turn; 1 is wide."""
QUIET = 10
"""Narrow widths of white that a scanner needs on either side."""
RATIOS = (3.0, 2.5)
"""How much wider a wide bar or space is than a narrow one: both standards want 2 to 3, and the more the better it is told apart in a copy. The second is for numbers that need the room."""
NARROWEST_MM = 0.24
"""Two dots of an old office printer at 203 dpi; a narrower bar is lost in a copy. Twenty signs of Code 39 on a card are as narrow as that."""
WIDEST_MM = 0.381
"""Three dots at 203 dpi."""


class BarcodeError(ValueError):
    """The number cannot be drawn so that a scanner gives just this number."""


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars as (distance from the left, width) in millimetres, without the white on either side, and how wide they are together."""

    bars: tuple[tuple[float, float], ...]
    width: float
    narrow: float


def framed(number: str, *, symbology: str, start: str = "A", stop: str = "B") -> str:
    """What is drawn, which in Codabar is also what a scanner reads: the number between start and stop. Raises BarcodeError for a sign that the symbology lacks."""
    table = CODABAR if symbology == "codabar" else CODE39
    frames = frozenset("ABCD") if symbology == "codabar" else frozenset("*")
    if not number or any(sign not in table or sign in frames for sign in number):
        raise BarcodeError(symbology)
    return f"{start}{number}{stop}" if symbology == "codabar" else f"*{number}*"


def bars_of(number: str, *, symbology: str, room_mm: float, start: str = "A", stop: str = "B") -> Bars:
    """The bars of a number in so much room, the white on either side included. Raises BarcodeError where it has a sign too many, or does not fit."""
    table = CODABAR if symbology == "codabar" else CODE39
    signs = framed(number, symbology=symbology, start=start, stop=stop)
    for ratio in RATIOS:
        widths = list(_widths(signs, table, ratio))
        narrow = min(WIDEST_MM, room_mm / (sum(width for _, width in widths) + 2 * QUIET))
        if narrow == WIDEST_MM:
            break
    if narrow < NARROWEST_MM:
        raise BarcodeError(symbology)
    at, bars = 0.0, []
    for black, width in widths:
        if black:
            bars.append((at * narrow, width * narrow))
        at += width
    return Bars(tuple(bars), at * narrow, narrow)


def _widths(signs: str, table: Mapping[str, str], ratio: float) -> Iterator[tuple[bool, float]]:
    """(whether it is black, how many narrow widths), from left to right; a narrow space stands between two signs."""
    for place, sign in enumerate(signs):
        if place:
            yield False, 1.0
        for number, wide in enumerate(table[sign]):
            yield number % 2 == 0, ratio if wide == "1" else 1.0
