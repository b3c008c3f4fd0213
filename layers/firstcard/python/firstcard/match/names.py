"""Normal forms of what people write: names, streets, birth dates. Each is made once for every distinct value, never row by row.

All of them are symmetric and idempotent: a form of a form is the form itself.
"""

import re
import unicodedata
from datetime import date
from functools import cache
from typing import NamedTuple

from nicknames import name_triplets

_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ß": "ss"})
"""Letters that Unicode does not decompose, as library and school systems write them in ASCII."""
_APOSTROPHES = re.compile("['`´ʻʼ’‘ʹ]")
_PLAIN = re.compile(r"[a-z]+")
_SUFFIXES = {
    "jr": "jr",
    "junior": "jr",
    "sr": "sr",
    "senior": "sr",
    "ii": "ii",
    "2nd": "ii",
    "iii": "iii",
    "3rd": "iii",
    "iv": "iv",
    "4th": "iv",
    "2": "ii",
    "3": "iii",
    "4": "iv",
    "v": "v",
    "5": "v",
    "5th": "v",
}
_SPLIT_OFF = frozenset(_SUFFIXES) - {"junior", "senior", "v", "2", "3", "4", "5"}
"""What is a suffix wherever it ends a name; Junior is a first name and Senior a last name too, V an initial."""
_NO_NAME = frozenset(
    [
        "n a",
        "nmn",
        "nmi",
        "nlmn",
        "none",
        "no name",
        "no first name",
        "no middle name",
        "no last name",
        "not applicable",
        "null",
        "unknown",
        "unk",
        "unnamed",
        "fnu",
        "lnu",
        "nfn",
        "nln",
        "tbd",
        "test",
        "student",
        "x",
        "xx",
        "xxx",
    ]
)
_NOT_NAMED_YET = re.compile(r"(?:baby|infant|newborn)(?: (?:boy|girl|male|female|twin))?(?: [a-z0-9])?")
"""What systems write where they know no name: two records that have it have nothing in common."""
_PARTICLES = frozenset(
    [
        "de",
        "del",
        "della",
        "di",
        "da",
        "do",
        "dos",
        "das",
        "du",
        "la",
        "le",
        "las",
        "los",
        "el",
        "al",
        "bin",
        "ben",
        "ibn",
        "abu",
        "van",
        "von",
        "der",
        "den",
        "ter",
        "ten",
        "zu",
        "mac",
        "mc",
        "o",
        "st",
        "saint",
        "san",
        "santa",
    ]
)

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?")
_BARE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_US = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")

STREET = (
    r"^\s*(?:no |po box )?(\d[0-9a-z]*)[^a-z0-9]+(?:(?:n|s|e|w|ne|nw|se|sw|north|south|east|west|northeast|northwest|southeast|southwest)[^a-z0-9]+)?"
    r"([a-z0-9]+)[^a-z0-9]*([a-z0-9]*)"
)
"""In small letters: the house number, then without a direction the first word of the street's name, and the word after it."""
UNIT = r"(?:[^a-z0-9](?:apt|apartment|unit|ste|suite|lot|trlr|trailer|rm|room|no|bldg|building|fl|floor)[^a-z0-9]|#)(.*)$"
"""What follows the word for a flat."""
COMMON = (
    "old",
    "new",
    "big",
    "little",
    "great",
    "upper",
    "lower",
    "mount",
    "mt",
    "lake",
    "saint",
    "st",
    "san",
    "santa",
    "fort",
    "ft",
    "la",
    "las",
    "los",
    "el",
    "del",
    "de",
    "port",
    "red",
    "white",
    "black",
    "blue",
)
"""Beginnings of many streets' names: the next word counts too."""
NUMBERED = ("highway", "hwy", "route", "rte", "county", "co", "cr", "state", "sr", "us", "interstate", "rural", "rr", "avenue", "ave")
"""Beginnings of roads that have a number, or a letter, for a name."""
DIRECTION = "n|s|e|w|ne|nw|se|sw|north|south|east|west|northeast|northwest|southeast|southwest"
ROADS = {
    "st": "st street",
    "ave": "ave avenue av",
    "dr": "dr drive",
    "rd": "rd road",
    "ln": "ln lane",
    "ct": "ct court",
    "blvd": "blvd boulevard",
    "pl": "pl place",
    "cir": "cir circle",
    "ter": "ter terrace",
    "trl": "trl trail",
    "pkwy": "pkwy parkway",
    "way": "way",
}
"""Kinds of streets, each with the ways to write it: Park Avenue and Park Street are two."""
APOSTROPHES = "'''’`.'"
"""As SQL writes them: signs within a word."""


class Name(NamedTuple):
    """A name in words of small unaccented letters, and the generation that was written with it (``jr`` ``sr`` ``ii`` ``iii`` ``iv`` or empty)."""

    words: str
    suffix: str


def fold(raw: str) -> str:
    """Small letters without accents and apostrophes, everything else that is no letter or digit a single blank."""
    small = raw.casefold()
    if _PLAIN.fullmatch(small):
        return small
    small = _APOSTROPHES.sub("", small).translate(_LETTERS)
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", small) if not unicodedata.combining(sign)).casefold()
    return " ".join("".join(sign if sign.isalnum() else " " for sign in bare).split())


def given_name(raw: str) -> Name:
    """A first, middle or preferred name: ``Anne-Marie`` is two words, ``John Jr.`` is John and a suffix; ``FNU``, ``NMN`` or ``Baby Boy`` is none."""
    name = _without_suffix(fold(raw).split())
    return Name("", name.suffix) if name.words in _NO_NAME or _NOT_NAMED_YET.fullmatch(name.words) else name


def family_name(raw: str) -> Name:
    """A last name: particles stand with the word that they belong to (``de la Cruz`` is one word), ``y`` between two surnames is dropped."""
    words, suffix = _without_suffix(fold(raw).split())
    if words in _NO_NAME:
        return Name("", suffix)
    parts = words.split()
    joined: list[str] = []
    held = ""
    for at, part in enumerate(parts):
        if part == "y" and 0 < at < len(parts) - 1:
            continue
        held += part
        if part not in _PARTICLES or at == len(parts) - 1:
            joined.append(held)
            held = ""
    return Name(" ".join(joined), suffix)


def suffix(raw: str) -> str:
    """A generation: ``jr``, ``sr``, ``ii``, ``iii``, ``iv``, ``v``, or empty for anything else."""
    return _SUFFIXES.get(fold(raw), "")


def birth_date(raw: str) -> int:
    """A birth date as the number yyyymmdd; 0 where there is none or none that a calendar has."""
    text = raw.strip()
    found = _ISO.fullmatch(text) or _BARE.fullmatch(text)
    if found:
        year, month, day = (int(part) for part in found.groups())
    elif found := _US.fullmatch(text):
        month, day, year = (int(part) for part in found.groups())
    else:
        return 0
    try:
        date(year, month, day)
    except ValueError:
        return 0
    return year * 10_000 + month * 100 + day if year >= 1850 else 0


@cache
def nickname_pairs() -> frozenset[tuple[str, str]]:
    """Every (given name, nickname) of the lists, in that order, folded.

    Sources: the ``nicknames`` data set (English, hand-curated, Apache-2.0) and the common Spanish ones below.
    """
    listed = {(fold(one.name1), fold(one.name2)) for one in name_triplets()}
    return frozenset({pair for pair in listed if pair[0] != pair[1]} | _SPANISH)


_SPANISH = {
    (given, short)
    for given, shorts in {
        "alberto": "beto",
        "alejandra": "ale jandra",
        "alejandro": "alex ale jandro",
        "antonio": "tony tono",
        "concepcion": "concha conchita",
        "consuelo": "chelo",
        "dolores": "lola",
        "eduardo": "lalo eddie",
        "enrique": "quique kike",
        "ernesto": "neto",
        "esperanza": "espe",
        "fernando": "nando fer",
        "francisca": "paca pancha",
        "francisco": "paco pancho frank cisco",
        "gabriela": "gaby gabi",
        "graciela": "chela",
        "gregorio": "goyo",
        "guadalupe": "lupe lupita",
        "guillermo": "memo willy",
        "gustavo": "gus tavo",
        "humberto": "beto",
        "ignacio": "nacho",
        "isabel": "chabela isa",
        "jesus": "chuy chucho",
        "jorge": "coque george",
        "jose": "pepe joe",
        "josefina": "pepa fina",
        "juan": "juancho johnny",
        "juana": "juanita",
        "leonardo": "leo",
        "leticia": "lety",
        "luis": "lucho louie",
        "manuel": "manny manolo",
        "margarita": "rita",
        "maria": "mari",
        "mercedes": "meche",
        "miguel": "mike miguelito",
        "pedro": "perico",
        "rafael": "rafa",
        "ramon": "moncho",
        "refugio": "cuca cuco",
        "ricardo": "rick ricky",
        "roberto": "beto bobby",
        "rosario": "chayo",
        "salvador": "chava sal",
        "santiago": "santi",
        "sergio": "checo",
        "socorro": "coco",
        "teresa": "tere",
        "vicente": "chente",
        "victor": "vic",
        "ximena": "xime",
    }.items()
    for short in shorts.split()
}


def _without_suffix(words: list[str]) -> Name:
    if len(words) > 1 and words[-1] in _SPLIT_OFF:
        return Name(" ".join(words[:-1]), _SUFFIXES[words[-1]])
    return Name(" ".join(words), "")
