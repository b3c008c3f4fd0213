"""The e-mail about a receipt, made from the receipt itself."""

from dataclasses import dataclass

from firstcard.agreement import Agreement, Library
from firstcard.notice.letter import Message
from firstcard.notice.receipt import Outcome, ReceiptFigures, RowsFor, receipt_notice
from firstcard.receipt import Outcome as Ended
from firstcard.receipt import Receipt
from firstcard.roster import REASONS, Reason
from firstcard.roster.reading import words_of

_SAID = {Ended.APPLIED: Outcome.APPLIED, Ended.UNCHANGED: Outcome.UNCHANGED, Ended.HELD: Outcome.HELD, Ended.FAILED: Outcome.FAILED}


@dataclass(frozen=True, slots=True)
class ReceiptMail:
    """The e-mail, and how many columns came that may never be sent: both officers are told of those."""

    message: Message
    forbidden_columns: int


def mail_receipt(body: bytes, *, agreement: Agreement, library: Library) -> ReceiptMail:
    """The e-mail for a receipt as it is stored (JSON)."""
    receipt = Receipt.model_validate_json(body)
    figures = ReceiptFigures(
        outcome=_SAID.get(receipt.outcome, Outcome.REJECTED),
        received_at=receipt.received_at,
        rows=receipt.rows,
        accepted=receipt.accepted,
        cards_issued=receipt.decisions.get("issue", 0),
        waiting=sum(receipt.waiting.values()),
        rejected=tuple(_rows(reason, count) for reason, count in receipt.rejected.items()),
        excluded=tuple(RowsFor(word, count, words_of(word)) for word, count in receipt.excluded.items()),
        reasons=tuple(_rows(place.reason, 1) for place in receipt.reasons),
        dropped_columns=len(receipt.dropped),
        forbidden_columns=sum(column.forbidden for column in receipt.dropped),
    )
    return ReceiptMail(receipt_notice(agreement=agreement, library=library, figures=figures), figures.forbidden_columns)


def _rows(reason: Reason, count: int) -> RowsFor:
    said = REASONS[reason]
    return RowsFor(str(reason), count, said.sentence, said.advice)
