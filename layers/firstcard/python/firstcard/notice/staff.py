"""What a member of staff is told about the card that comes with the job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firstcard.notice import facts
from firstcard.notice.family import contacts, notes, ways_to_use
from firstcard.notice.language import choose
from firstcard.notice.letter import Bullets, CardNumber, Heading, Kind, Message, Paragraph, write_message

if TYPE_CHECKING:
    from firstcard.agreement import Agreement, Library


def staff_notice(language: str, *, agreement: Agreement, library: Library, number: str) -> Message:
    """The e-mail with an educator's card number, how to use it, and how to do without it."""
    written, wanted = choose(language, agreement.notices.languages)
    parties = {"district": agreement.parties.lea.name, "library": library.name}
    return write_message(
        Kind.STAFF,
        language=written,
        subject=written.say("staff.subject"),
        title=written.say("staff.title"),
        sender=library.name,
        colour=library.look.colour,
        blocks=[
            *notes(written, wanted=wanted, agreement=agreement),
            Paragraph(written.say("staff.intro", **parties)),
            CardNumber(written.say("staff.label"), number),
            Heading(written.say("card.use.heading")),
            Bullets(ways_to_use(written, agreement, library, at_library="staff.at_library")),
            Paragraph(written.say("card.use.pin")),
            Paragraph(written.say("staff.private")),
            Heading(written.say("facts.heading")),
            Paragraph(written.say("staff.sent", agreement=agreement.title, **parties)),
            Bullets(facts.staff_facts(written, agreement)),
            Paragraph(written.say("staff.use")),
            Paragraph(written.say("staff.reading")),
            Heading(written.say("refuse.heading")),
            Paragraph(written.say("staff.no")),
            *contacts(written, agreement, library),
        ],
        footer=written.say("contact.footer", **parties),
    )
