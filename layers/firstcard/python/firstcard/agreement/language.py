"""The sentences of the memorandum: one TOML file a language in ``texts/``.

Every file has the same keys with the same ``{placeholders}`` (a test compares them).
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files


class Tongue(StrEnum):
    """A language that a memorandum is written in; English is the one that is signed."""

    EN = "en"
    ES = "es"


_LEAP_YEAR = 2000
_SAME_SOUND = {"and": re.compile(r"\W*h?i(?!e)", re.IGNORECASE), "or": re.compile(r"\W*h?o", re.IGNORECASE)}


@dataclass(frozen=True, slots=True)
class Language:
    """One language's sentences by section and name."""

    texts: Mapping[str, Mapping[str, str]]

    def say(self, key: str, **values: object) -> str:
        """The sentence under ``section.name`` with its placeholders filled; raises KeyError for an unknown key or a missing value."""
        section, _, name = key.partition(".")
        return self.texts[section][name].format_map(values)

    def count(self, section: str, number: int) -> str:
        """The section's sentence for one or for many."""
        return self.say(f"{section}.{'one' if number == 1 else 'many'}", count=number)

    def columns(self, key: str) -> tuple[str, ...]:
        """The head of a table."""
        return tuple(self.say(key).split("|"))

    def day(self, when: date) -> str:
        """A date in words."""
        return self.say("date.day", day=when.day, month=self._month(when), year=when.year)

    def month_day(self, text: str) -> str:
        """A yearly date, written ``MM-DD``, in words."""
        when = date.fromisoformat(f"{_LEAP_YEAR}-{text}")
        return self.say("date.month_day", day=when.day, month=self._month(when))

    def listed(self, words: Sequence[str]) -> str:
        """One, two and three, or that there is nothing."""
        if len(words) < 2:
            return words[0] if words else self.say("list.nothing")
        return f"{', '.join(words[:-1])} {self._joint('and', words[-1])}"

    def either(self, words: Sequence[str]) -> str:
        """One or two or three; empty where there is none."""
        return " ".join((*words[:1], *(self._joint("or", word) for word in words[1:])))

    def _joint(self, kind: str, word: str) -> str:
        """The word with its conjunction: Spanish has another one before the conjunction's own sound, as in ``español e inglés``."""
        return f"{self.say(f'list.{kind}_again' if _SAME_SOUND[kind].match(word) else f'list.{kind}')} {word}"

    def _month(self, when: date) -> str:
        return self.say("date.months").split()[when.month - 1]


@cache
def sentences(language: Tongue) -> Language:
    """The sentences of one language."""
    return Language(tomllib.loads((files(__package__) / "texts" / f"{language}.toml").read_text("utf-8")))
