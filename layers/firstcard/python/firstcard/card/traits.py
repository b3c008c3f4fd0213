"""What tells one person from another under the same id, without saying who: short keyed digests of names and birth dates."""

import unicodedata
from dataclasses import dataclass

from firstcard.identity import Tokens
from firstcard.roster import Person

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
"""Letters with a stroke, and joined ones, which Unicode does not take apart."""


@dataclass(frozen=True, slots=True)
class Traits:
    """Digests of the names that a person goes by, and of the birth dates; empty means unknown.

    Several of one kind are all taken for the person's: a preferred name beside the first name, or two states of which nobody knows which was written.
    """

    names: tuple[str, ...] = ()
    births: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self.names or self.births)

    @classmethod
    def from_texts(cls, names: str, births: str) -> "Traits":
        """The traits that ``as_texts`` wrote."""
        return cls(tuple(names.split()), tuple(births.split()))

    def as_texts(self) -> tuple[str, str]:
        """Names and birth dates, each kind as one text."""
        return " ".join(self.names), " ".join(self.births)

    def somebody_else(self, before: "Traits") -> bool:
        """Whether neither a name nor a birth date stayed. Where either is unknown on either side, nobody is taken for somebody else."""
        known = self.names and before.names and self.births and before.births
        return bool(known) and set(self.names).isdisjoint(before.names) and set(self.births).isdisjoint(before.births)

    def is_same(self, other: "Traits") -> bool:
        """Whether a name and a birth date are the same on both sides; where either is unknown, nobody is taken for anybody."""
        return not (set(self.names).isdisjoint(other.names) or set(self.births).isdisjoint(other.births))

    def __or__(self, other: "Traits") -> "Traits":
        """The traits of both."""
        return Traits(*(tuple(sorted({*mine, *its})) for mine, its in ((self.names, other.names), (self.births, other.births))))


UNKNOWN = Traits()


def traits_of(person: Person, tokens: Tokens, token: str) -> Traits:
    """The traits of a row, as those of the patron ``token``: the same name gives two patrons two digests."""
    names = {letters(person.last_name, first) for first in (person.first_name, person.preferred_name) if first}
    births = {person.birth_date.isoformat()} if person.birth_date else set()
    return Traits(
        tuple(sorted(tokens.trait(token, "name", name) for name in names if name)),
        tuple(tokens.trait(token, "birth", born) for born in births),
    )


def letters(*parts: str) -> str:
    """The letters of a name in the alphabet's order: the same however it is accented, capitalised, hyphenated, spaced, or its parts are ordered."""
    text = "".join(parts)
    if text.isascii():
        return "".join(sorted(sign for sign in text.lower() if sign.isalnum()))
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_LETTERS)
    return "".join(sorted(filter(_counts, text)))


def _counts(sign: str) -> bool:
    """Letters, digits, and vowel signs that stand beside or around a letter; no accents, apostrophes (the okina is a modifier letter) or blanks."""
    category = unicodedata.category(sign)
    return not unicodedata.combining(sign) if category[0] == "M" else category[0] in "LN" and category != "Lm"
