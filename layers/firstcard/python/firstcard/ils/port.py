"""The one door to an ILS: every adapter fits it, and nothing else of an ILS is known outside the adapter."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from firstcard.ils.answer import Accepted, PatronPage, Refused, Unreachable, Verdict
from firstcard.ils.patron import IlsPatron


class Ils(Protocol):
    """A library's ILS. No method raises for what the ILS answers; none sleeps or retries: pace and patience belong to the queue."""

    @property
    def can_set_pin(self) -> bool:
        """Whether a PIN reaches the ILS this way at all; a random PIN needs it."""
        ...

    def put(self, patron: IlsPatron, *, ils_id: str | None, new_pin: bool = False) -> Accepted | Refused | Unreachable:
        """Make the ILS hold this patron, once.

        With ``ils_id`` None the patron is created with its PIN, or, if an earlier attempt got that far already, found by its token and completed.
        With an ``ils_id`` what the school owns is brought up to date, and the PIN is left alone, for the family may have chosen its own; with ``new_pin`` it
        is set, because the library had another one drawn. A card that the ILS knows by one of ``moved_from`` becomes this patron's, with its PIN, in one step. A patron without our token is never changed. Safe to repeat after any interruption.
        """
        ...

    def end(self, ils_id: str | None, *, token: str, on: date) -> Accepted | Refused | Unreachable:
        """Let the patron's card expire on ``on``; never later than it would have, and everything else stays.

        Without ``ils_id`` the patron is found by ``token``. A patron that does not carry ``token`` is never changed; deleting is the library's affair.
        """
        ...

    def link(
        self, ils_id: str, *, token: str, held_before: bool, blocked_too: bool, on: date, renew_to: date | None = None
    ) -> Accepted | Refused | Unreachable:
        """Let a patron that was there before carry ``token``, and change nothing else of it: the card is its family's own.

        A patron that carries another token is somebody's already and stays so. With ``held_before`` the patron carried the token once: it is looked for and
        never put back, for whoever took it away meant it. A card that is blocked on ``on`` is linked only if ``blocked_too``, or if it carries the token
        already. Safe to repeat after any interruption.

        With ``renew_to`` a card that carries the token by then, and would end earlier, ends on that day, and nothing else of it changes; a later end, or
        none at all, stays. A card that has only run out is not taken for blocked then; one that is blocked otherwise is never renewed.
        """
        ...

    def unlink(self, ils_id: str, *, token: str) -> Accepted | Refused | Unreachable:
        """Take ``token`` from a patron that carries it, and change nothing else; nothing to do where it is not, or where the patron is gone."""
        ...

    def check(self, pairs: Sequence[tuple[str, str]], *, token: str, pin: str, on: date) -> tuple[Verdict, ...]:
        """Try with a trial patron each, whether the ILS takes every (patron type, branch) pair, the token and a PIN; a person asks for it.

        ``token`` is a fresh random one and ``pin`` a sample of the agreement's kind. Trial patrons are expired from the start and deleted again.
        """
        ...


class PatronList(Protocol):
    """A library's ILS that can be asked for its own patrons, under the library's own clause. As ``Ils``, it neither raises, sleeps nor repeats."""

    def patrons_after(self, number: int, fields: Sequence[str]) -> PatronPage | Refused | Unreachable:
        """The patrons with the next higher numbers of their own, with these fields (``PATRON_FIELDS``) and nothing else; an empty page is the end."""
        ...
