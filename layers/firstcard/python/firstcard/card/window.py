"""What becomes of children whose days to say no are over."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from firstcard.card.issue import Standing
from firstcard.card.patron import Patron, State, release, wait_again
from firstcard.card.view import NoticeMark, Yes

YES = "yes"
"""The sort key of a family's yes."""
BOUNCE_MARGIN = timedelta(hours=1)
"""An e-mail that was sent so shortly after a bounce of its address was stopped by the same thing: mail service and function have clocks of their own."""
TO_ANSWER = timedelta(days=14)
"""What a family has at least between the e-mail that asks for a new yes and the end of the card."""


@dataclass(frozen=True, slots=True)
class Window:
    """What started a child's days: the keys of its item (an announcement, its household's and its own; or the patron's, and ``letter`` or ``yes``), the patron, and when (ISO 8601, UTC)."""

    owner_key: str
    notice_key: str
    token: str
    told_at: str = ""
    sharing: str = ""
    """The data-sharing id under which it runs; empty where it does not."""

    @property
    def household(self) -> str:
        """The household that an announcement went to; empty of a letter, which goes home with the child."""
        kind, _, token = self.owner_key.partition("#")
        return token if kind == "household" else ""


class WindowStore(Protocol):
    """The cards table as the end of a window needs it."""

    def standing(self, tokens: Sequence[str]) -> Standing:
        """Patrons and refusals of ``tokens``, consistently read."""
        ...

    def bounces(self, households: Collection[str]) -> Mapping[str, str]:
        """When an e-mail to each of these households last bounced for good (ISO 8601, UTC), of those whose did."""
        ...

    def stop_windows(self, windows: Sequence[Window], *, sharing: str) -> None:
        """Move announcements that never arrived from the running windows of a sharing to its stopped ones."""
        ...

    def yeses(self, tokens: Sequence[str]) -> Mapping[str, Yes]:
        """What families said yes to, by token, consistently read."""
        ...

    def release(self, due: Sequence[tuple[Patron, Window]]) -> list[str]:
        """Write each patron if its earlier version still waits, and close its window with it; the tokens of those that were written."""
        ...

    def close_windows(self, windows: Sequence[Window]) -> None:
        """Take announcements out of the index of running windows, unless they were made anew since these were read."""
        ...

    def forget_windows(self, windows: Sequence[Window]) -> None:
        """The same of announcements that tell of a child no longer: their household is told anew if the child comes back to it."""
        ...


def with_a_yes(windows: Sequence[Window], *, store: WindowStore, agreement: str, renewed: bool) -> list[Window]:
    """Those that a yes began, where a yes is needed; nobody's silence is one. ``renewed``: only one under this very agreement (its id)."""
    said = store.yeses([w.token for w in windows if w.notice_key == YES])
    standing = store.standing(list(said))

    def counts(yes: Yes) -> bool:
        patron = standing.patrons.get(yes.token)
        at_home = not yes.household or (patron is not None and patron.household == yes.household)
        return at_home and yes.counts(standing.taken_back.get(yes.token)) and (not renewed or yes.stamp.agreement == agreement)

    return [w for w in windows if w.notice_key == YES and w.token in said and counts(said[w.token])]


def end_windows(windows: Sequence[Window], *, store: WindowStore, at: str) -> list[str]:
    """Issue the cards of those who wait at home and were told, and close what needs no further look; gives the tokens of those that were issued.

    A no that comes after the reading is not seen here: whoever writes it reads the patron afterwards, and takes the card back.
    """
    standing = store.standing([w.token for w in windows])
    going_on = [w for w in windows if not is_over(standing, w)]
    bounced = store.bounces({w.household for w in going_on if w.household})
    stopped = [w for w in going_on if never_arrived(w.told_at, bounced.get(w.household, ""))]
    ready = [w for w in going_on if is_ready(standing, w) and w not in stopped]
    released = store.release([(release(standing.patrons[w.token], at=at), w) for w in ready])
    over = [w for w in windows if is_over(standing, w)]
    away = [w for w in over if w.household and lives_elsewhere(standing, w) and not is_void(standing, w)]
    store.close_windows([w for w in over if w not in away])
    store.forget_windows(away)
    for window in stopped:
        store.stop_windows([window], sharing=standing.patrons[window.token].sharing)
    return released


class UnsaidStore(Protocol):
    """The cards table as the end of a card without a new yes needs it."""

    def standing(self, tokens: Sequence[str]) -> Standing:
        """Patrons and refusals of ``tokens``, consistently read."""
        ...

    def yeses(self, tokens: Sequence[str]) -> Mapping[str, Yes]:
        """What families said yes to, by token, consistently read."""
        ...

    def told(self, kind: str, homes: Mapping[str, str]) -> Mapping[str, NoticeMark]:
        """Notices of one kind by token, each to the household (by token) that is told."""
        ...

    def change(self, patron: Patron) -> bool:
        """Write ``patron`` if its earlier version is still ``patron.version - 1``; whether it was."""
        ...

    def close_windows(self, windows: Sequence[Window]) -> None:
        """Take items out of the index in which they stand."""
        ...


def last_day_to_answer(yes_by: date, asked_on: date) -> date:
    """The last day of a new yes, for a family that was asked on a day."""
    return max(yes_by, asked_on + TO_ANSWER)


def end_unsaid(windows: Sequence[Window], *, store: UnsaidStore, agreement: str, yes_by: date, today: date, at: str) -> list[str]:
    """End the cards of those who are to say yes anew under an agreement (its id) and have not by their last day; gives their tokens.

    ``windows`` are yeses of before, and e-mails that ask. A family with an address was really asked before, two weeks at least. It is no no: the card waits
    for a yes with its number. Who left is looked at again, for a child that comes back needs a new yes, too.
    """
    tokens = list(dict.fromkeys(w.token for w in windows))
    standing, said = store.standing(tokens), store.yeses(tokens)
    homes = {t: p.household for t, p in standing.patrons.items() if p.household}
    marks = store.told(f"again-{agreement}", homes)

    def is_due(patron: Patron) -> bool:
        mark = marks.get(patron.token)
        if not patron.household:
            return today > yes_by
        sent = mark is not None and mark.state == "sent"
        return mark is not None and sent and today > last_day_to_answer(yes_by, datetime.fromisoformat(mark.told_at).date())

    def settled(token: str) -> bool:
        patron, yes = standing.patrons.get(token), said.get(token)
        if patron is None or patron.state in (State.REFUSED, State.WAITING):
            return True
        return yes is not None and yes.stamp.agreement == agreement and yes.counts(standing.taken_back.get(token))

    open_ = [t for t in tokens if not settled(t)]
    due = [p for t in open_ if (p := standing.patrons[t]).state is State.ACTIVE and is_due(p)]
    ended = [p.token for p in due if store.change(wait_again(p, at=at))]
    store.close_windows([w for w in windows if w.token in ended or settled(w.token)])
    return ended


def never_arrived(told_at: str, bounced_at: str) -> bool:
    """Whether an e-mail of one time did not reach an address from which one bounced at another (ISO 8601; empty if none did)."""
    return bool(bounced_at) and (not told_at or datetime.fromisoformat(told_at) <= datetime.fromisoformat(bounced_at) + BOUNCE_MARGIN)


def is_at_home(standing: Standing, window: Window) -> bool:
    """Whether the family that the patron belongs to now was told: by an announcement to its household, or by a letter that the child took home."""
    patron = standing.patrons.get(window.token)
    return patron is not None and window.owner_key in (f"household#{patron.household}", f"patron#{patron.token}")


def lives_elsewhere(standing: Standing, window: Window) -> bool:
    """Whether the child has no card yet, said no to none, and belongs to another household than the one that was told."""
    patron = standing.patrons.get(window.token)
    undecided = patron is not None and not patron.issued_at and window.token not in standing.refused
    return undecided and not is_at_home(standing, window)


def is_ready(standing: Standing, window: Window) -> bool:
    """Whether the card can be issued."""
    patron = standing.patrons.get(window.token)
    waits = patron is not None and patron.state is State.WAITING
    return waits and is_at_home(standing, window) and window.token not in standing.refused


def is_over(standing: Standing, window: Window) -> bool:
    """Whether a window has done its work: the card was issued before, a no stands, or the patron belongs to another household.

    Who left meanwhile is looked at again: a child that comes back gets its card. So is who has a no that was taken back, until a roster has the child.
    """
    patron = standing.patrons.get(window.token)
    if is_void(standing, window):
        return True
    if patron is not None and patron.state is State.REFUSED and window.token in standing.taken_back:
        return False
    return patron is None or bool(patron.issued_at) or window.token in standing.refused or not is_at_home(standing, window)


def is_void(standing: Standing, window: Window) -> bool:
    """Whether what was told or said came before a no that was taken back since: it counts no more."""
    back = standing.taken_back.get(window.token)
    return back is not None and bool(window.told_at) and datetime.fromisoformat(window.told_at) <= datetime.fromisoformat(back.at)
