"""What becomes of children whose days to say no are over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from firstcard.card.issue import Standing
from firstcard.card.patron import Patron, State, release


@dataclass(frozen=True, slots=True)
class Window:
    """An announcement whose window runs: the keys of the notice (its household's and its own) and the patron it is about."""

    household_key: str
    notice_key: str
    token: str


class WindowStore(Protocol):
    """The cards table as the end of a window needs it."""

    def standing(self, tokens: Sequence[str]) -> Standing:
        """Patrons and refusals of ``tokens``, consistently read."""
        ...

    def release(self, due: Sequence[tuple[Patron, Window]]) -> list[str]:
        """Write each patron if its earlier version still waits, and close its window with it; the tokens of those that were written."""
        ...

    def close_windows(self, windows: Sequence[Window]) -> None:
        """Take announcements out of the index of running windows."""
        ...


def end_windows(windows: Sequence[Window], *, store: WindowStore, at: str) -> list[str]:
    """Issue the cards of those who wait at home, and close what needs no further look; gives the tokens of those that were issued.

    A no that comes after the reading is not seen here: whoever writes it reads the patron afterwards, and takes the card back.
    """
    standing = store.standing([w.token for w in windows])
    ready = [w for w in windows if is_ready(standing, w)]
    released = store.release([(release(standing.patrons[w.token], at=at), w) for w in ready])
    store.close_windows([w for w in windows if is_over(standing, w)])
    return released


def is_at_home(standing: Standing, window: Window) -> bool:
    """Whether the announcement went to the household that the patron belongs to now: a family that was not told has not had its days."""
    patron = standing.patrons.get(window.token)
    return patron is not None and f"household#{patron.household}" == window.household_key


def is_ready(standing: Standing, window: Window) -> bool:
    """Whether the card can be issued."""
    patron = standing.patrons.get(window.token)
    waits = patron is not None and patron.state is State.WAITING
    return waits and is_at_home(standing, window) and window.token not in standing.refused


def is_over(standing: Standing, window: Window) -> bool:
    """Whether a window has done its work: the card was issued before, a no stands, or the patron belongs to another household.

    Who left meanwhile is looked at again: a child that comes back gets its card.
    """
    patron = standing.patrons.get(window.token)
    return patron is None or bool(patron.issued_at) or window.token in standing.refused or not is_at_home(standing, window)
