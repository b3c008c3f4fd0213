"""What families, staff and districts are told: e-mails, the page for a no, and the link to it. Pure text; sending is an adapter's work."""

from firstcard.notice.family import ChildCard, again_notice, announcement, card_notice, linked_notice, pin_notice
from firstcard.notice.language import languages
from firstcard.notice.late import late_notice
from firstcard.notice.letter import Kind, Message
from firstcard.notice.link import (
    Link,
    PinLink,
    link_of_one,
    make_link,
    make_pin_link,
    make_yes_link,
    read_link,
    read_pin_link,
    read_yes_link,
)
from firstcard.notice.page import PageState, page_headers, refusal_page, yes_page
from firstcard.notice.pin_page import PinPageState, ShownPin, pin_page
from firstcard.notice.receipt import Outcome, ReceiptFigures, RowsFor, receipt_notice
from firstcard.notice.staff import staff_notice

__all__ = [
    "ChildCard",
    "Kind",
    "Link",
    "Message",
    "Outcome",
    "PageState",
    "PinLink",
    "PinPageState",
    "ReceiptFigures",
    "RowsFor",
    "ShownPin",
    "again_notice",
    "announcement",
    "card_notice",
    "languages",
    "late_notice",
    "link_of_one",
    "linked_notice",
    "make_link",
    "make_pin_link",
    "make_yes_link",
    "page_headers",
    "pin_notice",
    "pin_page",
    "read_link",
    "read_pin_link",
    "read_yes_link",
    "receipt_notice",
    "refusal_page",
    "staff_notice",
    "yes_page",
]
