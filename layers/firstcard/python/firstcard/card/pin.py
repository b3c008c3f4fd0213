"""PINs: random and not trivial; made of a birth date only where the agreement says so in words that name the risk."""

from collections.abc import Callable
from datetime import date
from itertools import pairwise


def is_trivial(pin: str) -> bool:
    """Whether an ILS or a person would guess it at once: one digit repeated, a run up or down, a pair repeated, a year of 19xx or 20xx."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        return True
    half = len(pin) // 2
    if len(pin) % 2 == 0 and len(pin) >= 4 and pin[:half] == pin[half:]:
        return True
    return len(pin) == 4 and pin[:2] in {"19", "20"}


def random_pin(length: int, below: Callable[[int], int]) -> str:
    """A PIN of ``length`` digits that is not trivial; ``below(n)`` gives a random whole number under n."""
    while True:
        pin = f"{below(10**length):0{length}d}"
        if not is_trivial(pin):
            return pin


def birth_date_pin(born: date, form: str) -> str:
    """A birth date as a PIN, in a form of ``YYYY`` or ``YY``, ``MM`` and ``DD``. Whether it would be guessed at once is not asked: whoever knows the day knows it."""
    parts = (("YYYY", f"{born.year:04d}"), ("YY", f"{born.year % 100:02d}"), ("MM", f"{born.month:02d}"), ("DD", f"{born.day:02d}"))
    for sign, digits in parts:
        form = form.replace(sign, digits)
    return form
