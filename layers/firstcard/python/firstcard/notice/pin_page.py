"""The page that shows a PIN once, to whoever answers what the e-mail with the link does not say. Asking for it changes nothing and shows nothing.

As the page for a no: no script, nothing from elsewhere, the headers of :func:`~firstcard.notice.page.page_headers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from firstcard.agreement.model import TRIES_A_DAY
from firstcard.notice.answer import boxes_of
from firstcard.notice.family import contacts, notes
from firstcard.notice.language import Language, choose, languages
from firstcard.notice.letter import Block, CardNumber, Note, Paragraph, shown_name
from firstcard.notice.page import Alert, AskedBox, Question, write_page

if TYPE_CHECKING:
    from firstcard.agreement import Agreement, Library


class PinPageState(StrEnum):
    """What the page says: it asks (again where it could not read the answer, or found no PIN for it), it shows, or it tells why there is nothing to show."""

    ASK = "ask"
    UNREADABLE = "unreadable"
    NOTHING = "nothing"
    LOCKED = "locked"
    SHOWN = "shown"
    USED = "used"
    ENDED = "ended"
    STOPPED = "stopped"
    INVALID = "invalid"


ASKING = (PinPageState.ASK, PinPageState.UNREADABLE, PinPageState.NOTHING)


@dataclass(frozen=True, slots=True)
class ShownPin:
    """One child's card number and PIN, and the name that the page may show (empty if none)."""

    name: str
    number: str
    pin: str

    def __repr__(self) -> str:
        """Nothing of it: a repr ends up in logs."""
        return "ShownPin()"


def pin_page(
    language: str,
    *,
    state: PinPageState,
    agreement: Agreement | None = None,
    library: Library | None = None,
    shown: Sequence[ShownPin] = (),
    shown_on: date | None = None,
) -> str:
    """The page as HTML, in the link's language; ``shown`` are the cards of the state ``shown``, ``shown_on`` the day for ``used``.

    ``invalid`` answers a link that is not ours, and needs neither agreement nor library. Raises ValueError where a state lacks what it needs.
    """
    if agreement is None or library is None:
        if state is not PinPageState.INVALID:
            raise ValueError(f"the page {state} needs an agreement and a library")
        written, _ = choose(language, tuple(languages()))
        said: list[Block | Alert | Question] = [
            Paragraph(written.say("page.pin.invalid.intro")),
            Paragraph(written.say("page.pin.invalid.advice")),
        ]
        return write_page(written.say("page.pin.invalid.title"), language=written, library=None, blocks=said, side_notes=())
    written, wanted = choose(language, agreement.notices.languages)
    side_notes: tuple[Note, ...] = notes(written, wanted=wanted, agreement=agreement)
    blocks = _blocks(written, state, agreement, library, shown, shown_on)
    title = "ask" if state in ASKING else str(state)
    return write_page(
        written.say(f"page.pin.{title}.title"),
        language=written,
        library=library,
        blocks=[*blocks, *contacts(written, agreement, library)],
        side_notes=side_notes,
    )


def _blocks(
    written: Language, state: PinPageState, agreement: Agreement, library: Library, shown: Sequence[ShownPin], shown_on: date | None
) -> list[Block | Alert | Question]:
    parties = {"district": agreement.parties.lea.name, "library": library.name}
    page = agreement.card.pin.page
    match state:
        case PinPageState.ASK | PinPageState.UNREADABLE | PinPageState.NOTHING:
            return _question(written, state, agreement, parties)
        case PinPageState.SHOWN:
            if not shown:
                raise ValueError("the page shown needs a card")
            return [
                Paragraph(written.say("page.pin.shown.intro")),
                *(block for one in shown for block in _card(written, one)),
                Paragraph(written.say("page.pin.shown.private")),
                Paragraph(written.say("page.pin.shown.lost")),
            ]
        case PinPageState.USED:
            when = [Paragraph(_day(written, shown_on))] if shown_on else []
            when += [Paragraph(written.say("page.pin.used.printed"))] if agreement.prints_pins else []
            return [Paragraph(written.say("page.pin.used.intro")), *when, Paragraph(written.say("page.pin.used.advice"))]
        case PinPageState.ENDED:
            days = page.days if page else 0
            return [Paragraph(written.count("page.pin.ended.intro", days)), Paragraph(written.say("page.pin.ended.advice"))]
        case _:
            return [Paragraph(written.say(f"page.pin.{state}.{part}", **parties)) for part in ("intro", "advice")]


def _day(written: Language, day: date) -> str:
    month = written.say("page.pin.months").split()[day.month - 1]
    return written.say("page.pin.used.day", day=day.day, month=month, year=day.year)


def _question(written: Language, state: PinPageState, agreement: Agreement, parties: dict[str, str]) -> list[Block | Alert | Question]:
    page = agreement.card.pin.page
    if page is None:
        raise ValueError("the agreement has no page that shows a PIN")
    asked: list[Block | Alert | Question] = []
    if state is PinPageState.UNREADABLE:
        asked.append(Alert(written.say(f"page.pin.unreadable.{page.asks}")))
    elif state is PinPageState.NOTHING:
        asked += [Alert(written.say("page.pin.nothing.said")), Paragraph(written.say("page.pin.nothing.why"))]
    else:
        asked.append(Paragraph(written.say("page.pin.ask.intro", **parties)))
    boxes = tuple(
        AskedBox(
            box, written.say(f"page.pin.box.{box}"), 12 if box == "month" else 64 if box == "student_id" else 4, numeric=box != "student_id"
        )
        for box in boxes_of(page.asks, written)
    )
    return [
        *asked,
        Question(
            written.say(f"page.pin.question.{page.asks}"),
            written.say(f"page.pin.hint.{page.asks}"),
            boxes,
            written.say("page.pin.ask.button"),
        ),
        Paragraph(written.say("page.pin.ask.once")),
        Paragraph(written.count("page.pin.ask.tries", TRIES_A_DAY)),
    ]


def _card(written: Language, one: ShownPin) -> list[Block]:
    name = shown_name(one.name)
    kind = "named" if name else "unnamed"
    return [
        CardNumber(written.say(f"page.pin.number.{kind}", **({"name": name} if name else {})), one.number),
        CardNumber(written.say(f"page.pin.pin.{kind}", **({"name": name} if name else {})), one.pin, kind="pin"),
    ]
