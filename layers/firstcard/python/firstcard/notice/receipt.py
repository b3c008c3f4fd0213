"""What the district is told about a file: figures and reasons, never a name, a value or the file's own name.

Written in English, the language of the agreement that the people who read it signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from firstcard.notice.family import contact_block
from firstcard.notice.language import FALLBACK, languages
from firstcard.notice.letter import Block, Bullets, Heading, Kind, Message, Paragraph, Table, write_message

if TYPE_CHECKING:
    from firstcard.agreement import Agreement, Library


class Outcome(StrEnum):
    """How the way of a file ended, or where it waits."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    HELD = "held"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RowsFor:
    """How many rows have one reason code, with the sentence that explains it and what to do."""

    code: str
    rows: int
    sentence: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFigures:
    """One file in figures: ``rows`` = ``accepted`` + the rows of ``rejected``; ``excluded`` are accepted rows that get no card now.

    ``reasons`` are why the whole file was rejected or is held. ``cards_issued`` and ``waiting`` count people. Nothing here tells who had a card before.
    """

    outcome: Outcome
    received_at: datetime
    rows: int = 0
    accepted: int = 0
    cards_issued: int = 0
    waiting: int = 0
    rejected: tuple[RowsFor, ...] = ()
    excluded: tuple[RowsFor, ...] = ()
    reasons: tuple[RowsFor, ...] = ()
    dropped_columns: int = 0
    forbidden_columns: int = 0


_SUBJECTS = {
    Outcome.APPLIED: "Roster receipt: the file was taken in",
    Outcome.UNCHANGED: "Roster receipt: nothing new in the file",
    Outcome.HELD: "Roster receipt: the file waits for a person",
    Outcome.REJECTED: "Roster receipt: the file was not taken in",
    Outcome.FAILED: "Roster receipt: the file could not be finished",
}

_SENTENCES = {
    Outcome.APPLIED: "The file was read and applied.",
    Outcome.UNCHANGED: "The file says the same as the last one. Nothing was changed, and nobody was written to.",
    Outcome.HELD: "The file was read, but nothing was applied yet: a person at the library looks at it first. You do not have to send it again. A newer file takes its place.",
    Outcome.REJECTED: "Nothing in the file was used, and nothing that is known from earlier files was changed.",
    Outcome.FAILED: "The work on the file stopped before its end because of a fault on our side. The library has been alarmed. You do not have to send the file again.",
}


def receipt_notice(*, agreement: Agreement, library: Library, figures: ReceiptFigures) -> Message:
    """The e-mail to the people whom the agreement names for receipts; the full receipt lies in the district's outbox folder."""
    district = agreement.parties.lea.name
    blocks: list[Block] = [
        Paragraph(
            f"{_SENTENCES[figures.outcome]} It arrived on {figures.received_at:%Y-%m-%d at %H:%M} {figures.received_at.tzname() or ''}".rstrip()
            + "."
        )
    ]
    if figures.reasons:
        blocks += [Heading("Why"), Bullets(tuple(_explained(reason) for reason in figures.reasons))]
    if figures.outcome is not Outcome.REJECTED:
        blocks += [Heading("In figures"), Table(_rows(figures))]
    if figures.rejected:
        blocks += [Heading("Rows that were not accepted"), Bullets(tuple(_counted(each) for each in figures.rejected))]
    if figures.excluded:
        blocks += [Heading("Accepted rows that get no card now"), Bullets(tuple(_counted(each) for each in figures.excluded))]
    if figures.forbidden_columns:
        blocks += [
            Heading("Columns that may not be sent"),
            Paragraph(
                f"Columns that the agreement forbids, such as Social Security numbers or passwords: {figures.forbidden_columns}. "
                "They were dropped unread. Please take them out of the export. This e-mail goes to both privacy officers too."
            ),
        ]
    blocks += [
        Heading("Where to find more"),
        Paragraph(
            "The full receipt lies in the folder outbox/ of your SFTP account, as a page to read, as CSV and as JSON. "
            "It lists each row by file, line, column and reason code, with advice. Like this e-mail, it repeats nothing that the file says about a person."
        ),
        *whom_to_ring(agreement, library),
    ]
    return write_message(
        Kind.HELD if figures.outcome is Outcome.HELD else Kind.RECEIPT,
        language=languages()[FALLBACK],
        subject=_SUBJECTS[figures.outcome],
        title=_SUBJECTS[figures.outcome],
        sender=library.name,
        colour=library.look.colour,
        blocks=blocks,
        footer=f"{library.name} sends this receipt to {district} under the agreement “{agreement.title}”.",
    )


def whom_to_ring(agreement: Agreement, library: Library) -> list[Block]:
    """The agreement's contact, the deputy, and the library's desk."""
    english, person, look = languages()[FALLBACK], agreement.notices.contact, library.look
    blocks: list[Block] = [Heading("Whom to ring"), contact_block(english, person.name, phone=person.phone, email=person.email)]
    if person.deputy:
        blocks.append(contact_block(english, f"{person.deputy.name} (deputy)", phone=person.deputy.phone, email=person.deputy.email))
    return [*blocks, contact_block(english, library.name, phone=look.support_phone, email=look.support_email)]


def _rows(figures: ReceiptFigures) -> tuple[tuple[str, str], ...]:
    said = [
        ("Rows in the file", figures.rows),
        ("Rows accepted", figures.accepted),
        ("Rows not accepted", sum(each.rows for each in figures.rejected)),
        ("Cards issued", figures.cards_issued),
        ("Waiting until families had time to say no", figures.waiting),
        ("Columns that the agreement does not list, dropped unread", figures.dropped_columns),
    ]
    return tuple((words, f"{figure:,}") for words, figure in said)


def _explained(reason: RowsFor) -> str:
    return " ".join(part for part in (f"{reason.code}:", reason.sentence, reason.advice) if part)


def _counted(reason: RowsFor) -> str:
    return f"{reason.rows:,} × {_explained(reason)}"
