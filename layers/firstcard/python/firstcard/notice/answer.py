"""The answer to the question of the page that shows a PIN: read generously in form, compared strictly and in constant time."""

import hmac
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

from firstcard.notice.language import Language

Asks = Literal["birth_date", "student_id"]

DATE_BOXES = ("month", "day", "year")
ID_BOX = "student_id"
_LONGEST = 80
_MONTH_FIRST = ("en",)
"""Languages whose families write the month before the day, in the United States."""


def boxes_of(asks: Asks, language: Language) -> tuple[str, ...]:
    """The boxes of the form, in the order in which the language writes a date."""
    if asks == "student_id":
        return (ID_BOX,)
    return DATE_BOXES if language.code in _MONTH_FIRST else ("day", "month", "year")


def read_answer(form: Mapping[str, Sequence[str]], *, asks: Asks, language: Language, today: date) -> str | None:
    """The answer in its normal form, empty where the form is none of this page's, or None where it cannot be read as what was asked for.

    A date is its three boxes: digits of any script, a month also by its name or the first three letters of it, a year also by two digits.
    """
    boxes = boxes_of(asks, language)
    if not any(box in form for box in boxes):
        return ""
    said = [_plain(form.get(box, ("",))[0]) for box in boxes]
    if asks == "student_id":
        return _id(said[0]) or None
    written = dict(zip(boxes, said, strict=True))
    try:
        month = _number(written["month"]) if written["month"].isdecimal() else _month(written["month"], language)
        return _past(_year(written["year"], today), month, _number(written["day"]), today).isoformat()
    except ValueError:
        return None


def fits(answer: str, *, asks: Asks, fields: Mapping[str, str]) -> bool:
    """Whether an answer in its normal form is what the school sent; whoever has no such fact is fitted by nothing. Takes as long whatever is wrong."""
    true = _id(_plain(fields.get("student_id", ""))) if asks == "student_id" else fields.get("birth_date", "")
    return hmac.compare_digest(answer.encode(), true.encode()) and bool(true)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:_LONGEST]).strip().casefold()


def _id(text: str) -> str:
    """An id without what people write otherwise: spaces, hyphens, zeros at its head."""
    return "".join(sign for sign in text if not sign.isspace() and sign not in "-\u2010\u2011").lstrip("0")


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 4:
        raise ValueError("not a number")
    return int(text)


def _month(text: str, language: Language) -> int:
    names = language.say("page.pin.months").casefold().split()
    name = text.rstrip(".")
    found = [number for number, full in enumerate(names, 1) if len(name) >= 3 and full.startswith(name)]
    if len(found) != 1:
        raise ValueError("not a month")
    return found[0]


def _year(text: str, today: date) -> int:
    year = _number(text)
    if len(text) == 2:
        return year + (2000 if year <= today.year % 100 else 1900)
    if len(text) != 4:
        raise ValueError("not a year")
    return year


def _past(year: int, month: int, day: int, today: date) -> date:
    born = date(year, month, day)
    if born > today:
        raise ValueError("not born yet")
    return born
