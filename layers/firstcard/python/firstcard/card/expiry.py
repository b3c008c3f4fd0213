"""When a card ends."""

from datetime import date

from firstcard.agreement.model import Expiry

_LAST_GRADE = 12
_YEARS_AHEAD = {f"{grade:02}": _LAST_GRADE - grade for grade in range(1, _LAST_GRADE + 1)} | {"KG": 12, "TK": 13, "PK": 13}
"""How many school years after this one a student of a grade has to go; a grade that is none of these (ungraded, infants) tells nothing."""


def _on(year: int, month_day: str) -> date:
    month, day = (int(part) for part in month_day.split("-"))
    return date(year, month, day)


def school_year_end(touched: date, *, month_day: str, rolls_after: str) -> date:
    """The fixed date of the school year: next year's when touched after ``rolls_after``, else the first one still ahead.

    PINES's rule: touched after 30 June, the card runs to 15 September of the next year. Both dates are ``MM-DD``.
    """
    if touched > _on(touched.year, rolls_after):
        return _on(touched.year + 1, month_day)
    return _on(touched.year, month_day)


def last_day(expiry: Expiry, touched: date, *, grade: str = "", born: date | None = None) -> date:
    """The last day of a card that is made or touched on a day, for a student of a grade (CEDS code) with a birth date, either perhaps unknown; for staff neither.

    A birthday on 29 February is kept on 1 March of other years.
    """
    year_end = school_year_end(touched, month_day=expiry.month_day, rolls_after=expiry.rolls_after)
    if expiry.rule == "graduation":
        return year_end.replace(year=year_end.year + _YEARS_AHEAD.get(grade, 0))
    if expiry.rule == "age" and expiry.until_age and born:
        day = birthday(born, expiry.until_age)
        return day if day > touched else year_end
    return year_end


def birthday(born: date, years: int) -> date:
    """The day on which somebody is so many years old: who was born on 29 February on 1 March, where there is no such day."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)
