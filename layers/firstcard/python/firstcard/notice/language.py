"""The languages that notices are written in: one TOML file each in ``texts/``, and nothing else to add.

Every file has the same keys with the same ``{placeholders}``; ``english`` is the measure (a test compares them).
A key with ``.one`` and ``.many`` is asked for with a number.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

FALLBACK = "en"
"""The language of a notice whose family's own language has no file."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language's sentences by dotted key, and the direction in which it is written (``ltr`` or ``rtl``)."""

    code: str
    direction: str
    texts: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """The sentence under this key with its placeholders filled; raises KeyError for an unknown key or a missing value."""
        return self.texts[key].format_map(values)

    def count(self, key: str, number: int, **values: object) -> str:
        """The sentence for one or for many; ``{count}`` is the number."""
        return self.say(f"{key}.{'one' if number == 1 else 'many'}", count=number, **values)


@cache
def languages() -> Mapping[str, Language]:
    """Every language that has a file, by its code, which is the file's name."""
    folder = files(__package__) / "texts"
    found = (
        read_language(entry.name.removesuffix(".toml"), entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )
    return MappingProxyType({language.code: language for language in sorted(found, key=lambda each: each.code)})


def read_language(code: str, toml: str) -> Language:
    """A language from the text of its file; raises ValueError where a value is not a sentence or the direction is unknown."""
    texts = dict(_flat(tomllib.loads(toml)))
    direction = texts.pop("direction", "")
    if direction not in ("ltr", "rtl"):
        raise ValueError(f"{code}: direction must be ltr or rtl")
    return Language(code=code, direction=direction, texts=MappingProxyType(texts))


def choose(wanted: str, allowed: tuple[str, ...]) -> tuple[Language, bool]:
    """The language to write in, and whether it is the one that was wanted.

    ``wanted`` is a BCP 47 tag, of which the first part counts; ``allowed`` are the agreement's languages. Nothing wanted is no wish:
    the agreement's first language answers it. What is wanted but has no file, or is not agreed, is answered in English.
    """
    known = languages()
    primary = wanted.replace("_", "-").split("-")[0].lower()
    if not primary:
        first = next((code for code in allowed if code in known), FALLBACK)
        return known[first], True
    if primary in known and (primary in allowed or primary == FALLBACK):
        return known[primary], True
    return known[FALLBACK], False


def _flat(table: Mapping[str, object], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        elif isinstance(value, str):
            yield f"{path}{key}", value
        else:
            raise ValueError(f"{path}{key} is not a sentence")
