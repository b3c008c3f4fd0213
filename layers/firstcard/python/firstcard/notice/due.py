"""Which e-mail is due to which household, and the order of claiming, sending and marking it.

A notice is claimed before and marked after the mail service accepted it; what could not be sent is opened again. A call that died in between is
delivered again by the queue, and may take its own claim again, for claims carry the event's id; nobody else may. So a household hears everything once,
and in the worst case (a crash between acceptance and mark) once more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Protocol

from firstcard.agreement import Agreement, Library
from firstcard.agreement.vocabulary import Group, Purpose
from firstcard.card.patron import Ownership, Patron, State
from firstcard.card.view import ASKED, Household, NoticeMark, View
from firstcard.card.window import last_day_to_answer
from firstcard.notice.family import ChildCard, again_notice, announcement, card_notice, linked_notice, pin_notice
from firstcard.notice.letter import Message
from firstcard.notice.staff import staff_notice
from firstcard.vault import Envelope, VaultClosedError
from firstcard.vault.seal import Opener


class NoticeStore(Protocol):
    """The cards table as notify needs it."""

    def view(self, tokens: Sequence[str], *, notices: Sequence[tuple[str, str, str]] = ()) -> View:
        """Patrons, refusals, ILS states, and notices asked for by (household, kind, token)."""
        ...

    def households(self, households: Sequence[str]) -> Mapping[str, Household]:
        """Households by token."""
        ...

    def envelopes(self, objects: Sequence[str]) -> Mapping[str, Envelope]:
        """Wrapped data keys by object."""
        ...

    def claim(self, groups: Sequence[Sequence[NoticeMark]]) -> Sequence[bool]:
        """Claim each group whole or not at all."""
        ...

    def mark(self, marks: Sequence[NoticeMark]) -> None:
        """Store notices as sent."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One e-mail ready to be sent. ``kind`` is one of :class:`Kind`; ``run_id`` is the run that caused it; ``household`` is whose it is, if anybody's."""

    to: Sequence[str]
    kind: str
    message: Message
    run_id: str
    household: str = ""

    def __repr__(self) -> str:
        """The kind alone."""
        return f"Outgoing({self.kind})"


SENT_AT_ONCE = 10
"""E-mails handed over and then marked together: what was sent is on record before more is sent, for a function can be killed at any time,
and a mail service that takes 14 a second, as a new one does, takes them in one call."""

Send = Callable[[Sequence[Outgoing]], Sequence[bool]]
"""Hands e-mails to the mail service; False for each that must be tried again later."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Why a household is looked at: a message of the queue (its id), and the tokens that it names. ``at`` is the message's time.

    ``claim`` is what claims are made with: the event's own id, which stays the same when a dead letter is redriven or the archive replayed.
    """

    message: str
    household: str
    tokens: tuple[str, ...]
    at: str
    claim: str = ""

    @property
    def claimant(self) -> str:
        """Who claims."""
        return self.claim or self.message


@dataclass(frozen=True, slots=True)
class Seen:
    """What the table says of the households that some wakes name, and of everybody in them."""

    families: Mapping[str, Household]
    view: View


@dataclass(slots=True)
class Notices:
    """Sends the notices of one agreement."""

    store: NoticeStore
    opener: Opener
    agreement: Agreement
    library: Library
    send: Send
    link: Callable[[str, str], str]
    """The refusal page's address for (household token, language)."""
    pin_link: Callable[[str, str], str] | None = None
    """The address of the page that shows PINs for (household token, language), where the agreement has one."""
    yes_link: Callable[[str, str], str] | None = None
    """The address of the page for a yes for (household token, language)."""
    now: Callable[[], str] | None = None
    """The clock at sending: a notice that was late starts its window late."""

    def look(self, announced: Sequence[Wake], told: Sequence[Wake]) -> Seen:
        """Read, in as few calls as may be, what ``announce`` and ``cards`` must know of these wakes."""
        found = self.store.households(list(dict.fromkeys(w.household for w in [*announced, *told])))
        families = {
            token: family for token, family in found.items() if family.sealed
        }  # where the contact was destroyed, nobody can be written to
        kinds = ("announcement", self._again) if self.agreement.asks_again else ("announcement",)
        keys = [(w.household, kind, t) for w in announced for t in w.tokens for kind in kinds]
        tokens = [t for w in announced for t in w.tokens]
        for household in dict.fromkeys(w.household for w in told if w.household in families):
            family = families[household]
            keys += [(household, _kind_of_notice(family), t) for t in family.children]
            tokens += family.children
        return Seen(families, _still(self.store.view(list(dict.fromkeys(tokens)), notices=keys)))

    def announce(self, wakes: Sequence[Wake], seen: Seen | None = None) -> frozenset[str]:
        """Tell households what is planned; for waiting children that starts the window. Gives the ids of messages to try again.

        Where families are asked every year, they hear of the cards that are there, too, once under each agreement; silence changes nothing of them.
        """
        seen = seen or self.look(wakes, [])
        families, view = seen.families, seen.view
        due, again = [], []
        for wake in wakes:
            tokens = [
                t
                for t in wake.tokens
                if self._unheard(view, "announcement", t, wake) and (view.patrons[t].state is State.WAITING or _is_new(view.patrons[t]))
            ]
            if tokens and wake.household in families:
                due.append((wake, families[wake.household], tokens))
            if (cards := [t for t in wake.tokens if self._is_asked_again(view, t, wake)]) and wake.household in families:
                again.append((wake, families[wake.household], cards))
        failed = self._deliver("announcement", due, view, {}, marked="announcement")
        return failed | self._deliver("again", again, view, {}, marked=self._again)

    def _today(self) -> date:
        """The day of sending, by the district's clock."""
        moment = datetime.fromisoformat(self.now()) if self.now else datetime.now(UTC)
        return self.agreement.exchange.calendar.date_of(moment)

    @property
    def _again(self) -> str:
        """The mark of the e-mail of a new year."""
        return f"again-{self.agreement.id}"

    def _is_asked_again(self, view: View, token: str, wake: Wake) -> bool:
        patron, mark = view.patrons.get(token), view.notices.get(("announcement", token))
        if not self.agreement.asks_again or patron is None or patron.state is not State.ACTIVE or _is_new(patron):
            return False
        told_this_year = mark is not None and mark.stamp.agreement == self.agreement.id
        return not told_this_year and self._unheard(view, self._again, token, wake)

    def cards(self, wakes: Sequence[Wake], seen: Seen | None = None) -> frozenset[str]:
        """Tell households their card numbers, once every issued card of theirs is in the ILS or has failed there.

        Of a card of their own that was linked they hear that, and no number; the mark is a card's all the same. Of one that the ILS has blocked they hear
        nothing, for it does not work. Of what a child gets in place of a link that was wrong they hear as of a first card, whatever they heard of that link. Of a PIN that was
        renewed after they had the card's e-mail they hear when the ILS has it.
        """
        seen = seen or self.look([], wakes)
        view = self._with_second_cards(seen)
        woken: dict[str, list[Wake]] = {}
        for wake in wakes:
            woken.setdefault(wake.household, []).append(wake)
        families = {h: seen.families[h] for h in woken if h in seen.families}
        kinds = {h: _kind_of_notice(family) for h, family in families.items()}
        due: dict[str, dict[str, list[tuple[Wake, Household, list[str]]]]] = {"card": {}, "staff": {}, "linked": {}}
        for household, family in families.items():
            tokens = [
                t
                for t in family.children
                if self._unheard(view, _mark_of(kinds[household], view, t), t, *woken[household]) and view.patrons[t].state is State.ACTIVE
            ]
            settled = [t for t in tokens if (s := view.ils.get(t)) and s.version == view.patrons[t].version]
            if len(settled) < len(tokens):
                continue
            ready = [t for t in tokens if view.ils[t].state == "in_ils"]
            linked = [t for t in ready if view.patrons[t].ownership is Ownership.LINKED]
            made = [t for t in ready if t not in linked]
            for kind, about in ((kinds[household], made), ("linked", [t for t in linked if not view.ils[t].reason])):
                for marked in dict.fromkeys(_mark_of(kinds[household], view, t) for t in about):
                    those = [t for t in about if _mark_of(kinds[household], view, t) == marked]
                    claims = _by_claim(view, marked, those, woken[household])
                    due[kind].setdefault(marked, []).extend((wake, family, claimed) for wake, claimed in claims)
        view, renewed = self._renewed(view, families, woken)
        due["pin"] = {}
        for one in renewed:
            due["pin"].setdefault(view.patrons[one[2][0]].envelopes[Group.PIN], []).append(one)
        made_by_us = (tokens for kind in ("card", "staff") for group in due[kind].values() for _, _, tokens in group)
        objects = {view.patrons[t].envelopes[Group.CARD] for tokens in made_by_us for t in tokens}
        envelopes = dict(self.store.envelopes(sorted(objects)))
        failed: frozenset[str] = frozenset()
        for kind, groups in due.items():
            for marked, group in groups.items():
                failed |= self._deliver(kind, group, view, envelopes, marked=marked)
        lost = {wake.household for wake in wakes if wake.message in failed}
        return frozenset(w.message for w in wakes if w.household in lost)

    def _with_second_cards(self, seen: Seen) -> View:
        """The view with the marks of what is told of a card that took the place of a wrong link; hardly anybody has one."""
        view = seen.view
        about = [
            (household, _mark_of("card", view, t), t)
            for household, family in seen.families.items()
            for t in family.children
            if t in view.patrons and view.patrons[t].mistaken
        ]
        return _still(replace(view, notices={**view.notices, **self.store.view([], notices=about).notices})) if about else view

    def _renewed(
        self, view: View, families: Mapping[str, Household], woken: Mapping[str, Sequence[Wake]]
    ) -> tuple[View, list[tuple[Wake, Household, list[str]]]]:
        """Who has another PIN in the ILS than the card's e-mail led to, and was not told; the view then holds their notices, too.

        Such a notice is marked under the object that the PIN is sealed in, so that each PIN is told of once.
        """
        told = {
            (home, t): mark.told_at
            for home, family in families.items()
            for t in family.children
            if self._shows_another_pin(view, t)
            and (mark := view.notices.get((_mark_of("card", view, t), t)))
            and mark.state == "sent"
            and mark.household == home
        }
        if not told:
            return view, []
        marked = {t: view.patrons[t].envelopes[Group.PIN] for _, t in told}
        sealed_at = {name: envelope.at for name, envelope in self.store.envelopes(sorted(set(marked.values()))).items()}
        known = self.store.view([], notices=[(home, marked[t], t) for home, t in told]).notices
        view = replace(view, notices={**view.notices, **known})
        due: list[tuple[Wake, Household, list[str]]] = []
        for home, wakes in woken.items():
            mine = [t for where, t in told if where == home and told[where, t] < sealed_at.get(marked[t], "")]
            for token in (t for t in mine if self._unheard(view, marked[t], t, *wakes)):
                due += [(wake, families[home], claimed) for wake, claimed in _by_claim(view, marked[token], [token], wakes)]
        return view, due

    def _shows_another_pin(self, view: View, token: str) -> bool:
        patron, ils = view.patrons.get(token), view.ils.get(token)
        if not (self.pin_link and self.agreement.card.pin.page and patron and ils):
            return False
        return (
            patron.state is State.ACTIVE
            and patron.ownership is Ownership.CREATED_BY_US
            and patron.pin_renewed
            and not patron.pin_for_paper
            and ils.has_pin_of(patron)
        )

    def _unheard(self, view: View, kind: str, token: str, *wakes: Wake) -> bool:
        mark = view.notices.get((kind, token))
        mine = mark is not None and (mark.state == "open" or (mark.state == "claimed" and mark.claimed_by in {w.claimant for w in wakes}))
        patron = view.patrons.get(token)
        at_home = patron is not None and patron.household == wakes[0].household
        return at_home and token not in view.refused and (mark is None or mine)

    def _deliver(
        self, kind: str, due: Sequence[tuple[Wake, Household, list[str]]], view: View, envelopes: dict[str, Envelope], *, marked: str
    ) -> frozenset[str]:
        if not due:
            return frozenset()
        envelopes = envelopes | dict(self.store.envelopes(sorted({family.envelope for _, family, _ in due} - set(envelopes))))
        groups = [
            [
                NoticeMark(
                    family.token,
                    marked,
                    t,
                    "claimed",
                    wake.claimant,
                    replace(family.stamp, at=wake.at),
                    void_until=_void_until(view, marked, t),
                    issued_at=view.patrons[t].issued_at if _is_of_a_card(marked) else "",
                )
                for t in tokens
            ]
            for wake, family, tokens in due
        ]
        failed: set[str] = set()
        starts = kind == "announcement" and self.agreement.route == "window"
        window_of = (
            self.agreement.sharing if starts else f"{self.agreement.sharing}{ASKED}" if kind == "again" and self.agreement.yes_by else ""
        )
        won = [
            (wake, family, tokens, marks)
            for (wake, family, tokens), marks, taken in zip(due, groups, self.store.claim(groups), strict=True)
            if taken
        ]
        for start in range(0, len(won), SENT_AT_ONCE):
            portion = won[start : start + SENT_AT_ONCE]
            mails = [self._composed(kind, family, tokens, view, envelopes) for _, family, tokens, _ in portion]
            accepted = iter(self.send([m for m in mails if m is not None]))
            told_by = self.now() if self.now else ""
            written: list[NoticeMark] = []
            for (wake, _, _, marks), mail in zip(portion, mails, strict=True):
                if mail is not None and next(accepted):
                    written += [replace(m, state="sent", told_at=max(wake.at, told_by), window_of=window_of) for m in marks]
                else:
                    failed.add(wake.message)
                    written += [replace(m, state="open", claimed_by="") for m in marks]
            self.store.mark(written)
        return frozenset(failed)

    def _composed(
        self, kind: str, family: Household, tokens: Sequence[str], view: View, envelopes: Mapping[str, Envelope]
    ) -> Outgoing | None:
        try:
            return self._compose(kind, family, tokens, view, envelopes)
        except VaultClosedError:
            return None

    def _compose(self, kind: str, family: Household, tokens: Sequence[str], view: View, envelopes: Mapping[str, Envelope]) -> Outgoing:
        contact = self._opened(envelopes, family.envelope, family.token, Group.CONTACT, family.sealed)
        names: Mapping[str, str] = contact["names"]
        language = contact["language"]
        url = self.link(family.token, language)
        if kind == "announcement":
            shown = [names.get(t, "") for t in tokens]
            message = announcement(
                language,
                agreement=self.agreement,
                library=self.library,
                children=shown if all(shown) else len(tokens),
                window_days=self.agreement.basis.choice.window_days or 0,
                refuse_url=url,
                yes_url=self.yes_link(family.token, language) if self.yes_link else "",
            )
            return Outgoing((contact["email"],), kind, message, family.stamp.run_id, family.token)
        if kind == "again":
            shown = [names.get(t, "") for t in tokens]
            message = again_notice(
                language,
                agreement=self.agreement,
                library=self.library,
                children=shown if all(shown) else len(tokens),
                refuse_url=url,
                yes_url=self.yes_link(family.token, language) if self.yes_link and self.agreement.yes_by else "",
                yes_by=last_day_to_answer(self.agreement.yes_by, self._today()) if self.agreement.yes_by else None,
            )
            return Outgoing((contact["email"],), kind, message, family.stamp.run_id, family.token)
        if kind == "linked":
            shown = [names.get(t, "") for t in tokens]
            message = linked_notice(
                language, agreement=self.agreement, library=self.library, children=shown if all(shown) else len(tokens), refuse_url=url
            )
            return Outgoing((contact["email"],), kind, message, family.stamp.run_id, family.token)
        if kind == "pin" and self.pin_link:
            shown = [names.get(t, "") for t in tokens]
            message = pin_notice(
                language,
                agreement=self.agreement,
                library=self.library,
                children=shown if all(shown) else len(tokens),
                pin_url=self.pin_link(family.token, language),
                refuse_url=url,
            )
            return Outgoing((contact["email"],), kind, message, family.stamp.run_id, family.token)
        cards = []
        for token in tokens:
            patron = view.patrons[token]
            number = self._opened(envelopes, patron.envelopes[Group.CARD], token, Group.CARD, patron.sealed[Group.CARD])["number"]
            cards.append(ChildCard(names.get(token, ""), number))
        if kind == "staff":
            message = staff_notice(language, agreement=self.agreement, library=self.library, number=cards[0].number)
        else:
            shows = any(_may_show_pin(envelopes[view.patrons[t].envelopes[Group.CARD]]) for t in tokens)
            pin_url = self.pin_link(family.token, language) if self.pin_link and self.agreement.card.pin.page and shows else ""
            message = card_notice(language, agreement=self.agreement, library=self.library, cards=cards, refuse_url=url, pin_url=pin_url)
        return Outgoing((contact["email"],), kind, message, family.stamp.run_id, family.token)

    def _opened(self, envelopes: Mapping[str, Envelope], name: str, owner: str, group: Group, sealed: bytes) -> dict[str, Any]:
        if name not in envelopes:
            raise VaultClosedError(f"the data keys of object {name} are missing")
        return self.opener.open(envelopes[name], owner, group, sealed)


def _void_until(view: View, marked: str, token: str) -> str:
    """Until when what was told of anything but a card counts no more: until a no was taken back."""
    back = view.taken_back.get(token)
    return back.at if back and not _is_of_a_card(marked) else ""


def _is_of_a_card(marked: str) -> bool:
    return not marked.startswith(("announcement", "again-"))


def _still(view: View) -> View:
    """The view with the notices that still count: of a card that was issued anew not those of the one before, of everything else not what came before a no that was taken back."""
    kept = {
        (marked, token): mark
        for (marked, token), mark in view.notices.items()
        if not mark.since < _void_until(view, marked, token) and _tells_of(mark, view.patrons.get(token))
    }
    return replace(view, notices=kept)


def _tells_of(mark: NoticeMark, patron: Patron | None) -> bool:
    return not mark.issued_at or patron is None or mark.issued_at == patron.issued_at


def _may_show_pin(envelope: Envelope) -> bool:
    """Whether number and PIN, drawn together, were sealed for the page that shows them: cards from before the clause were not."""
    return all(Purpose.SHOW_PIN in envelope.keys.get(group, {}) for group in (Group.CARD, Group.PIN))


def _kind_of_notice(family: Household) -> str:
    return "staff" if family.kind == "staff" else "card"


def _mark_of(kind: str, view: View, token: str) -> str:
    """The mark of the e-mail about a patron's card: one of its own for each card that took the place of a wrong link."""
    patron = view.patrons.get(token)
    return f"instead{len(patron.mistaken)}" if patron and patron.mistaken else kind


def _is_new(patron: Patron) -> bool:
    """Whether this run issued the card: whoever has had one for longer needs no announcement."""
    return patron.state is State.ACTIVE and patron.version == 1


def _by_claim(view: View, kind: str, tokens: Sequence[str], wakes: Sequence[Wake]) -> Iterable[tuple[Wake, list[str]]]:
    """Tokens by the wake that sends them: whose message claimed one before must claim it again, in whatever order the queue delivers."""
    groups: dict[Wake, list[str]] = {}
    for token in tokens:
        mark = view.notices.get((kind, token))
        claimant = next((w for w in wakes if mark and w.claimant == mark.claimed_by), wakes[0])
        groups.setdefault(claimant, []).append(token)
    return groups.items()
