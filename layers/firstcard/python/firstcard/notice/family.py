"""What a household is told: first that a card is planned and how to say no, then the numbers of the cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firstcard.notice import facts
from firstcard.notice.language import Language, choose, languages
from firstcard.notice.letter import (
    Block,
    Bullets,
    Button,
    CardNumber,
    Contact,
    Heading,
    Kind,
    Line,
    Message,
    Note,
    Paragraph,
    shown_name,
    web_address,
    write_message,
)

if TYPE_CHECKING:
    from datetime import date

    from firstcard.agreement import Agreement, Library


@dataclass(frozen=True, slots=True)
class ChildCard:
    """One child's card: the name that the agreement lets a family notice show (empty if none) and the card number."""

    name: str
    number: str

    def __repr__(self) -> str:
        """Neither name nor number: a repr ends up in logs."""
        return "ChildCard()"


def announcement(
    language: str,
    *,
    agreement: Agreement,
    library: Library,
    children: Sequence[str] | int,
    window_days: int,
    refuse_url: str,
    yes_url: str = "",
    no_late_fines: bool = False,
) -> Message:
    """The e-mail that comes before the card: what it is, who sent which data, and how to say no, or yes where that is needed.

    ``children`` are names or how many; ``window_days`` is 0 where the card comes right away. ``no_late_fines``: the agreement promises it. ``yes_url`` is the page for
    a yes, needed where no card is made without one. Raises ValueError for no children, a negative window, or an address that is none of a page.
    """
    count = children if isinstance(children, int) else len(children)
    if agreement.route == "opt_in" and not web_address(yes_url):
        raise ValueError("yes_url is not the address of a page")
    if count < 1 or window_days < 0:
        raise ValueError("an announcement needs at least one child and a window of 0 or more days")
    written, wanted = choose(language, agreement.notices.languages)
    parties = _parties(agreement, library)
    names = () if isinstance(children, int) else _names(agreement, children)
    blocks: list[Block] = [*notes(written, wanted=wanted, agreement=agreement)]
    if names:
        blocks += [Paragraph(written.count("announcement.plan_named", count, **parties)), Bullets(names, personal=True)]
    else:
        blocks += [Paragraph(written.count("announcement.plan", count, **parties))]
    blocks += [
        Heading(written.say("announcement.next.heading")),
        *_what_happens_next(written, agreement, parties, window_days, yes_url),
        Heading(written.say("what.heading")),
        *_what_the_card_is(written, agreement, no_late_fines=no_late_fines),
        *_how_to_say_no(written, agreement, parties, count=count, window_days=window_days, refuse_url=refuse_url),
        *_facts(written, agreement, parties),
        *contacts(written, agreement, library),
    ]
    return write_message(
        Kind.ANNOUNCEMENT,
        language=written,
        subject=written.count("announcement.subject", count),
        title=written.count("announcement.title", count),
        sender=library.name,
        colour=library.look.colour,
        blocks=blocks,
        footer=written.say("contact.footer", **parties),
    )


def again_notice(
    language: str,
    *,
    agreement: Agreement,
    library: Library,
    children: Sequence[str] | int,
    refuse_url: str,
    yes_url: str = "",
    yes_by: date | None = None,
) -> Message:
    """The e-mail of a new year about cards that are there: they go on, and the family may say no as before. No number stands in it.

    ``children`` are names or how many. With ``yes_by`` cards go on only if the family says yes by that day, on the page ``yes_url``. Raises ValueError for no
    children, or an address that is none of a page.
    """
    count = children if isinstance(children, int) else len(children)
    if count < 1:
        raise ValueError("a notice of a new year needs at least one child")
    written, wanted = choose(language, agreement.notices.languages)
    parties = _parties(agreement, library)
    names = () if isinstance(children, int) else _names(agreement, children)
    return write_message(
        Kind.AGAIN,
        language=written,
        subject=written.count("again.subject", count),
        title=written.count("again.title", count),
        sender=library.name,
        colour=library.look.colour,
        blocks=[
            *notes(written, wanted=wanted, agreement=agreement),
            Paragraph(written.count("again.ends" if yes_by else "again.intro", count, **parties)),
            *([Bullets(names, personal=True)] if names else []),
            *(_a_new_yes(written, yes_by, yes_url, parties) if yes_by else [Paragraph(written.say("again.nothing"))]),
            *_how_to_say_no(written, agreement, parties, count=count, window_days=0, refuse_url=refuse_url),
            *_facts(written, agreement, parties),
            *contacts(written, agreement, library),
        ],
        footer=written.say("contact.footer", **parties),
    )


def card_notice(
    language: str,
    *,
    agreement: Agreement,
    library: Library,
    cards: Sequence[ChildCard],
    refuse_url: str,
    pin_url: str = "",
    no_late_fines: bool = False,
) -> Message:
    """The e-mail with a household's card numbers and how to use them; never with a PIN.

    ``pin_url`` is the page that shows the PINs, where the agreement has one. Raises ValueError for no cards, or a ``refuse_url`` or ``pin_url`` that is no
    address of a page.
    """
    if not cards:
        raise ValueError("a card notice needs at least one card")
    written, wanted = choose(language, agreement.notices.languages)
    parties = _parties(agreement, library)
    count = len(cards)
    names = _names(agreement, [card.name for card in cards])
    labels = [written.say("card.label.named", name=name) for name in names] or [written.say("card.label.unnamed")] * count
    blocks: list[Block] = [
        *notes(written, wanted=wanted, agreement=agreement),
        Paragraph(written.count("card.intro", count, **parties)),
        *(CardNumber(label, card.number) for label, card in zip(labels, cards, strict=True)),
    ]
    if count > 1 and not names:
        own_id = agreement.card.number.scheme in ("student_id", "prefix_student_id")
        blocks.append(Paragraph(written.say(f"card.label.{'which_by_student_id' if own_id else 'which_by_asking'}")))
    blocks += [
        Heading(written.say("card.use.heading")),
        Bullets(ways_to_use(written, agreement, library, at_library="card.use.at_library")),
        *([] if pin_url else [Paragraph(written.say("card.use.pin"))]),
        Paragraph(written.say("card.use.private")),
        *(_the_page_for_the_pin(written, agreement, pin_url) if pin_url else []),
        Heading(written.say("what.heading")),
        *_what_the_card_is(written, agreement, no_late_fines=no_late_fines),
        *_facts(written, agreement, parties),
        *_how_to_say_no(written, agreement, parties, count=count, window_days=0, refuse_url=refuse_url),
        *contacts(written, agreement, library),
    ]
    return write_message(
        Kind.CARD,
        language=written,
        subject=written.count("card.subject", count),
        title=written.count("card.title", count),
        sender=library.name,
        colour=library.look.colour,
        blocks=blocks,
        footer=written.say("contact.footer", **parties),
    )


def _a_new_yes(written: Language, yes_by: date, yes_url: str, parties: dict[str, str]) -> list[Block]:
    if not web_address(yes_url):
        raise ValueError("yes_url is not the address of a page")
    months = written.say("page.pin.months").split()
    day = written.say("again.day", day=yes_by.day, month=months[yes_by.month - 1], year=yes_by.year)
    return [
        Paragraph(written.say("again.yes", day=day)),
        Button(written.say("announcement.next.say_yes"), yes_url),
        Paragraph(written.say("announcement.next.yes_page", **parties)),
        Paragraph(written.say("again.no_answer", day=day)),
    ]


def _the_page_for_the_pin(written: Language, agreement: Agreement, pin_url: str) -> list[Block]:
    page = agreement.card.pin.page
    if page is None or not web_address(pin_url):
        raise ValueError("pin_url is not the address of a page that the agreement has")
    return [
        Heading(written.say("card.pin.heading")),
        Paragraph(written.say("card.pin.asked_birth_date" if page.asks == "birth_date" else "card.pin.asked_student_id")),
        Button(written.say("card.pin.button"), pin_url),
        Paragraph(written.count("card.pin.days", page.days)),
        Paragraph(written.say("card.pin.lost")),
    ]


def linked_notice(language: str, *, agreement: Agreement, library: Library, children: Sequence[str] | int, refuse_url: str) -> Message:
    """The e-mail about cards that a household's children had before: they serve as the student cards now, and nothing else became of them, but
    for a later end where the agreement renews them.

    No number stands in it, for none is known here. ``children`` are names or how many; raises ValueError for no children, or a ``refuse_url`` that is no
    address of a page.
    """
    count = children if isinstance(children, int) else len(children)
    if count < 1:
        raise ValueError("a notice of linked cards needs at least one child")
    written, wanted = choose(language, agreement.notices.languages)
    parties = _parties(agreement, library)
    names = () if isinstance(children, int) else _names(agreement, children)
    blocks: list[Block] = [*notes(written, wanted=wanted, agreement=agreement)]
    if names:
        blocks += [Paragraph(written.count("linked.intro_named", count, **parties)), Bullets(names, personal=True)]
    else:
        blocks += [Paragraph(written.count("linked.intro", count, **parties))]
    blocks += [
        Paragraph(written.say("linked.renewed" if agreement.renews_existing else "linked.unchanged")),
        *_facts(written, agreement, parties),
        Heading(written.say("refuse.heading")),
        Paragraph(written.count("linked.no", agreement.basis.choice.honour_within_hours)),
        *_the_page_for_a_no(written, agreement, parties, count=count, refuse_url=refuse_url),
        *contacts(written, agreement, library),
    ]
    return write_message(
        Kind.LINKED,
        language=written,
        subject=written.count("linked.subject", count),
        title=written.count("linked.title", count),
        sender=library.name,
        colour=library.look.colour,
        blocks=blocks,
        footer=written.say("contact.footer", **parties),
    )


def pin_notice(
    language: str, *, agreement: Agreement, library: Library, children: Sequence[str] | int, pin_url: str, refuse_url: str
) -> Message:
    """The e-mail that leads to a new PIN, which the library had drawn; neither the PIN nor the number stands in it.

    ``children`` are names or how many; raises ValueError for no children, or an address that is none of a page.
    """
    count = children if isinstance(children, int) else len(children)
    if count < 1:
        raise ValueError("a notice of a new PIN needs at least one child")
    written, wanted = choose(language, agreement.notices.languages)
    parties = _parties(agreement, library)
    names = () if isinstance(children, int) else _names(agreement, children)
    return write_message(
        Kind.PIN,
        language=written,
        subject=written.say("pin.subject"),
        title=written.say("pin.title"),
        sender=library.name,
        colour=library.look.colour,
        blocks=[
            *notes(written, wanted=wanted, agreement=agreement),
            Paragraph(written.count("pin.intro", count, **parties)),
            *([Bullets(names, personal=True)] if names else []),
            *_the_page_for_the_pin(written, agreement, pin_url),
            Paragraph(written.say("pin.not_you")),
            Heading(written.say("refuse.heading")),
            Paragraph(written.count("refuse.turned_off", agreement.basis.choice.honour_within_hours)),
            *_the_page_for_a_no(written, agreement, parties, count=count, refuse_url=refuse_url, own_card=True),
            *contacts(written, agreement, library),
        ],
        footer=written.say("contact.footer", **parties),
    )


def notes(written: Language, *, wanted: bool, agreement: Agreement) -> tuple[Note, ...]:
    """The line for families whose language has no file: in the language of the letter and in the agreement's others."""
    if wanted:
        return ()
    known = languages()
    codes = dict.fromkeys((written.code, *(code for code in agreement.notices.languages if code in known)))
    contact = f"{agreement.notices.contact.name}, {agreement.notices.contact.phone}, {agreement.notices.contact.email}"
    return tuple(Note(known[code].say("not_in_your_language", contact=contact), code) for code in codes)


def ways_to_use(written: Language, agreement: Agreement, library: Library, *, at_library: str) -> tuple[str | Line, ...]:
    """How the number is used: at the desk, unless the card is for e-resources only, and online."""
    website, how_to = web_address(library.look.website), web_address(library.look.how_to_url)
    ways: list[str | Line] = [] if agreement.card.kind == "e_resources" else [written.say(at_library)]
    ways.append(Line(written.say("card.use.online"), website, website) if website else written.say("card.use.online_anywhere"))
    if how_to:
        ways.append(Line(written.say("card.use.how_to"), how_to, how_to))
    return tuple(ways)


def contacts(written: Language, agreement: Agreement, library: Library) -> tuple[Block, ...]:
    """Whom to call: the person that the agreement names, then the library."""
    person, look = agreement.notices.contact, library.look
    return (
        Heading(written.say("contact.heading")),
        Paragraph(written.say("contact.intro")),
        contact_block(written, person.name, phone=person.phone, email=person.email),
        contact_block(written, library.name, phone=look.support_phone, email=look.support_email, website=look.website),
    )


def contact_block(written: Language, name: str, *, phone: str = "", email: str = "", website: str = "") -> Contact:
    """A name and the ways to reach it that are known."""
    digits = "".join(each for each in phone if each in "+0123456789")
    lines = (
        Line(written.say("contact.phone"), phone, f"tel:{digits}"),
        Line(written.say("contact.email"), email, f"mailto:{email}"),
        Line(written.say("contact.website"), web_address(website), web_address(website)),
    )
    return Contact(name, tuple(line for line in lines if line.value))


def _parties(agreement: Agreement, library: Library) -> dict[str, str]:
    return {"district": agreement.parties.lea.name, "library": library.name}


def _names(agreement: Agreement, names: Sequence[str]) -> tuple[str, ...]:
    """The names that may be shown; none at all unless there is one for every child."""
    if agreement.name_on.family_notice == "none":
        return ()
    shown = tuple(shown_name(name) for name in names)
    return shown if all(shown) else ()


def _what_happens_next(written: Language, agreement: Agreement, parties: dict[str, str], window_days: int, yes_url: str) -> list[Block]:
    said: list[Block] = []
    if agreement.route == "opt_in":
        said += [
            Paragraph(written.say("announcement.next.opt_in")),
            Button(written.say("announcement.next.say_yes"), yes_url),
            Paragraph(written.say("announcement.next.yes_page", **parties)),
        ]
    if agreement.route == "before_upload":
        said.append(Paragraph(written.say("announcement.next.before_upload")))
    if window_days:
        said.append(Paragraph(written.count("announcement.next.wait", window_days)))
    if agreement.route != "opt_in":
        said.append(Paragraph(written.say(f"announcement.next.{'later' if window_days else 'now'}")))
    if agreement.existing != "separate":
        said.append(Paragraph(written.say(f"announcement.next.{'renewed' if agreement.renews_existing else 'existing'}")))
    return said


def _what_the_card_is(written: Language, agreement: Agreement, *, no_late_fines: bool) -> list[Block]:
    said: list[Block] = [Paragraph(f"{written.say(f'kind.{agreement.card.kind}')} {written.say('kind.free')}")]
    if no_late_fines and agreement.card.kind != "e_resources":
        said.append(Paragraph(written.say("kind.no_fines")))
    return said


def _facts(written: Language, agreement: Agreement, parties: dict[str, str]) -> list[Block]:
    return [
        Heading(written.say("facts.heading")),
        Paragraph(written.say("facts.sent", agreement=agreement.title, **parties)),
        Bullets(facts.family_facts(written, agreement)),
        Paragraph(written.say("facts.used")),
        Bullets(facts.purposes(written, agreement)),
        Paragraph(written.say("facts.forbidden")),
        Bullets(facts.prohibited_uses(written, agreement)),
        Paragraph(written.say("facts.not_kept")),
        Paragraph(written.say("facts.reading")),
        Paragraph(written.say("facts.wrong")),
    ]


def _how_to_say_no(
    written: Language, agreement: Agreement, parties: dict[str, str], *, count: int, window_days: int, refuse_url: str
) -> list[Block]:
    hours = agreement.basis.choice.honour_within_hours
    in_time = f"{written.count('refuse.in_time', window_days)} " if window_days else ""
    return [
        Heading(written.say("refuse.heading")),
        Paragraph(in_time + written.count("refuse.turned_off", hours)),
        *_the_page_for_a_no(written, agreement, parties, count=count, refuse_url=refuse_url, own_card=True),
    ]


def _the_page_for_a_no(
    written: Language, agreement: Agreement, parties: dict[str, str], *, count: int, refuse_url: str, own_card: bool = False
) -> list[Block]:
    if not web_address(refuse_url):
        raise ValueError("refuse_url is not the address of a page")
    return [
        Paragraph(written.say("refuse.school")),
        Button(written.count("refuse.button", count), refuse_url),
        Paragraph(written.say("refuse.safe")),
        Paragraph(written.say("refuse.household", **parties)),
        *([Paragraph(written.say("refuse.own_card"))] if own_card else []),
        Paragraph(written.count("refuse.deleted", max(1, agreement.retention.after_withdrawal_days))),
        Paragraph(written.say("refuse.adult")),
    ]
