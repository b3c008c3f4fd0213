"""What the district and the library are told when a roster did not come: since when, and what to do.

Written in English, the language of the agreement that the people who read it signed.
"""

from datetime import date, datetime

from firstcard.agreement import Agreement, Library
from firstcard.notice.language import FALLBACK, languages
from firstcard.notice.letter import Bullets, Heading, Kind, Message, Paragraph, write_message
from firstcard.notice.receipt import whom_to_ring

_SUBJECT = "No roster came"
_MISSED_ROSTERS = "Send the newest export. The next file puts everything right; files of the days in between are not needed."
_MISSED_CHANGES = "Send every file of changes that did not arrive, in any order, or one complete export."
_RHYTHM = {"nightly": "each night between two school days", "weekly": "each school week", "monthly": "each month"}


def late_notice(*, agreement: Agreement, library: Library, due: date, last_received_at: datetime) -> Message:
    """The e-mail about a roster that was due by noon of ``due``; times are told in the district's time zone."""
    exchange = agreement.exchange
    last = exchange.calendar.local(last_received_at)
    return write_message(
        Kind.LATE,
        language=languages()[FALLBACK],
        subject=_SUBJECT,
        title=_SUBJECT,
        sender=library.name,
        colour=library.look.colour,
        blocks=[
            Paragraph(
                f"By the agreement {agreement.parties.lea.name} sends a roster {_RHYTHM.get(exchange.cadence, exchange.cadence)}. "
                f"One should have come by {due:%Y-%m-%d} at noon. The last file came on {last:%Y-%m-%d at %H:%M} {last.tzname()}."
            ),
            Paragraph("Nothing was changed, and no card ends because of it. New students and corrections wait for the next file."),
            Heading("What to do"),
            Bullets(
                (
                    "See whether the export ran, and whether the job that uploads it could sign in.",
                    _MISSED_CHANGES if exchange.deltas else _MISSED_ROSTERS,
                    "If no file was to be expected, tell the library: the days off stand in the agreement's calendar.",
                )
            ),
            *whom_to_ring(agreement, library),
        ],
        footer=f"{library.name} sends this to {agreement.parties.lea.name} and to its own desk, once for each roster that does not come, under the agreement “{agreement.title}”.",
    )
