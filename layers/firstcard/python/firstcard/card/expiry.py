"""When a card ends."""

from datetime import date


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
