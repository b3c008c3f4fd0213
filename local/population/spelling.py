"""How a name is spelled by those who write it down: without accents, in plain letters, with a slip of the finger."""

import random
import unicodedata
from functools import lru_cache

_PLAIN = str.maketrans({"đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ø": "o", "ß": "ss"})
_NEAR = {
    "a": "sqe", "b": "vn", "c": "xvk", "d": "sf", "e": "wrai", "f": "dg", "g": "fh", "h": "gj", "i": "uoey", "j": "hk", "k": "jlc", "l": "k", "m": "n", "n": "mb",
    "o": "ipa", "p": "o", "q": "wa", "r": "et", "s": "adz", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tui", "z": "xs",
}  # fmt: skip


@lru_cache(maxsize=20_000)
def without_accents(name: str) -> str:
    """The name in letters of ASCII where it has such."""
    return name if name.isascii() else "".join(x for x in unicodedata.normalize("NFKD", name.translate(_PLAIN)) if x.isascii())


@lru_cache(maxsize=20_000)
def ascii_letters(name: str) -> str:
    """Lower-case letters only, as in an e-mail address."""
    return "".join(letter for letter in without_accents(name) if letter.isalpha()).lower()


def slip(name: str, draw: random.Random) -> str:
    """The name with one letter left out, doubled, struck beside, or changed with the next; a name of one or two letters stays as it is."""
    places = [place for place in range(1, len(name)) if name[place].isalpha()]
    if len(name) < 3 or not places:
        return name
    place, kind = draw.choice(places), draw.randrange(4)
    before, letter, after = name[:place], name[place], name[place + 1 :]
    if kind == 0:
        return before + after
    if kind == 1:
        return before + letter + letter + after
    if kind == 2 or not after:
        return before + draw.choice(_NEAR.get(without_accents(letter).lower(), "e")) + after
    return before + after[0] + letter + after[1:]
