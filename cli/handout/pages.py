"""The papers that a school hands out, as PDF: cards, eight to a page, lists of classes, and letters home. Measures in millimetres, pages in US Letter."""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos

from cli.handout.barcode import BarcodeError, bars_of
from cli.typeface import BOLD, PLAIN, printable
from firstcard.notice.handout import CardWords, HandedCard, Paper, card_words, letter_words, list_words, page_words, place_name, sheet_words

PAGE_W, PAGE_H = 215.9, 279.4
CARD_W, CARD_H = 85.6, 53.98
"""As a bank card (ISO/IEC 7810 ID-1), so that it fits where those do."""
ACROSS, DOWN = 2, 4
ON_A_SHEET = ACROSS * DOWN
LEFT, TOP = (PAGE_W - ACROSS * CARD_W) / 2, (PAGE_H - DOWN * CARD_H) / 2
EDGE = 4.0
BARCODE_ROOM, BARCODE_H = CARD_W - 3, 10.5
MARGIN = 22.0
ROWS_FIRST, ROWS = 26, 30
"""Rows of a class list on its first page and on each later one."""
FIXED_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""In every file: when a print was made stands in the ledger, and equal papers are equal bytes."""
STROKES = str.maketrans("đłøħŧ", "dloht")


class _Sheet(FPDF):
    """A document with the two fonts, and text that is made to fit."""

    def __init__(self) -> None:
        super().__init__(unit="mm", format="letter")
        self.add_font("sheet", "", PLAIN)
        self.add_font("sheet", "B", BOLD)
        self.set_auto_page_break(False)
        self.set_margin(0)
        self.c_margin = 0
        self.set_creation_date(FIXED_TIME)
        self.set_producer("FirstCard")

    def fits(self, text: str, *, room: float, size: float) -> bool:
        """Whether a text is one line of this size."""
        self.set_font("sheet", "", size)
        return bool(self.get_string_width(printable(text)) <= room)

    def line_of(
        self, text: str, x: float, y: float, *, room: float, size: float, least: float = 6, bold: bool = False, align: str = "L"
    ) -> None:
        """One line, its middle ``y``, smaller where it would not fit, and cut with three dots where even ``least`` points are too large."""
        text = printable(text)
        style = "B" if bold else ""
        self.set_font("sheet", style, size)
        if (width := self.get_string_width(text)) > room:
            self.set_font("sheet", style, max(least, size * room / width * 0.995))
        if self.get_string_width(text) > room:
            while text and self.get_string_width(f"{text.rstrip()}…") > room:
                text = text[:-1]
            text = f"{text.rstrip()}…"
        self.set_xy(x, y - 3)
        self.cell(room, 6, text, align=Align.coerce(align))

    def paragraph(self, text: str, *, room: float, size: float = 10.5, bold: bool = False, after: float = 3.2) -> None:
        """A paragraph from here on, and white after it."""
        self.set_font("sheet", "B" if bold else "", size)
        self.multi_cell(room, size * 0.5, printable(text), align=Align.L, new_x=XPos.LEFT, new_y=YPos.NEXT)
        self.set_y(self.get_y() + after)
        self.set_x(MARGIN)

    def barcode(self, number: str, x: float, y: float, *, clause: Mapping[str, str], room: float, height: float) -> bool:
        """The number's bars in the middle of the room; whether they fit. All of them are one path: alone, each would be widened to whole dots by some printers."""
        try:
            drawn = bars_of(number, room_mm=room, **clause)
        except BarcodeError:
            return False
        begin = x + (room - drawn.width) / 2
        with self.new_path() as path:
            path.style.fill_color = "#000000"
            path.style.stroke_color = None
            for at, width in drawn.bars:
                path.rectangle(begin + at, y, width, height)
        return True


def cards_pdf(cards: Sequence[HandedCard], paper: Paper) -> bytes:
    """Cards to cut out, eight to a page; every homeroom begins a new sheet."""
    sheet = _Sheet()
    for place, group in _by_place(cards):
        sheets = -(-len(group) // ON_A_SHEET)
        for number in range(sheets):
            sheet.add_page()
            told = sheet_words(place, sheet=number + 1, sheets=sheets)
            sheet.set_text_color("#444444")
            sheet.line_of(told, LEFT, TOP / 2 - 4, room=ACROSS * CARD_W, size=9)
            _cut_marks(sheet)
            for position, card in enumerate(group[number * ON_A_SHEET : (number + 1) * ON_A_SHEET]):
                down, across = divmod(position, ACROSS)
                _card(sheet, card, paper, LEFT + across * CARD_W, TOP + down * CARD_H)
    return bytes(sheet.output())


def class_lists_pdf(cards: Sequence[HandedCard], paper: Paper, *, date: str, restricted: bool) -> bytes:
    """A list of each homeroom for who hands out; without PINs."""
    sheet = _Sheet()
    words = list_words(paper, date=date)
    columns = (("", 9.0), (words["name"], 84.0), (words["grade"], 16.0), (words["number"], 44.0), (words["given"], 18.9))
    row_height, last = 7.2, PAGE_H - 20
    for place, group in _by_place(cards):
        left = list(enumerate(group, 1))
        first_room = ROWS_FIRST - restricted
        pages = 1 + max(0, -(-(len(left) - first_room) // ROWS))
        page = 0
        while left:
            page += 1
            sheet.add_page()
            sheet.set_text_color("#000000")
            sheet.line_of(
                f"{words['title']}: {place_name(place)}" if page > 1 else words["title"],
                MARGIN,
                20,
                room=PAGE_W - 2 * MARGIN,
                size=16 if page == 1 else 11,
                bold=True,
            )
            sheet.set_xy(MARGIN, 27)
            if page == 1:
                sheet.line_of(place_name(place), MARGIN, 28, room=PAGE_W - 2 * MARGIN, size=13)
                sheet.set_xy(MARGIN, 35)
                sheet.paragraph(words["advice"], room=PAGE_W - 2 * MARGIN, size=9.5)
                if restricted:
                    sheet.paragraph(words["restricted"], room=PAGE_W - 2 * MARGIN, size=9.5, bold=True)
            y = sheet.get_y() + 4
            _row(sheet, [title for title, _ in columns], [room for _, room in columns], y, bold=True)
            sheet.set_line_width(0.4)
            sheet.line(MARGIN, y + row_height / 2, PAGE_W - MARGIN, y + row_height / 2)
            sheet.set_line_width(0.1)
            y += row_height
            room_here = first_room if page == 1 else ROWS
            for number, card in left[:room_here]:
                _row(sheet, [f"{number}", f"{card.last}, {card.first}", card.grade, card.number, ""], [room for _, room in columns], y)
                sheet.rect(PAGE_W - MARGIN - 14, y - 2, 4, 4)
                sheet.line(MARGIN, y + row_height / 2, PAGE_W - MARGIN, y + row_height / 2)
                y += row_height
            left = left[room_here:]
            sheet.set_text_color("#444444")
            sheet.line_of(words["printed"], MARGIN, last + 6, room=120, size=8)
            sheet.line_of(page_words(page, pages), PAGE_W - MARGIN - 40, last + 6, room=40, size=8, align="R")
    return bytes(sheet.output())


def letters_pdf(cards: Sequence[HandedCard], paper: Paper) -> bytes:
    """A letter to each family, one to a page, in its language."""
    sheet = _Sheet()
    room = PAGE_W - 2 * MARGIN
    for _, group in _by_place(cards):
        for card in group:
            words = letter_words(card, paper)
            sheet.add_page()
            sheet.set_fill_color(paper.colour)
            sheet.rect(0, 0, PAGE_W, 5, style="F")
            sheet.set_text_color("#000000")
            sheet.line_of(paper.library, MARGIN, 18, room=room, size=13, bold=True)
            sheet.line_of(words.to, MARGIN, 36, room=room, size=11.5)
            sheet.set_xy(MARGIN, 46)
            sheet.paragraph(words.title, room=room, size=16, bold=True, after=4)
            for text in words.before:
                sheet.paragraph(text, room=room)
            _number_and_pin(sheet, card, paper, words.number, words.pin, room)
            for text in words.after:
                sheet.paragraph(text, room=room)
            sheet.paragraph(f"{words.contact}\n{paper.contact}\n{paper.phone}\n{paper.email}", room=room)
            sheet.set_text_color("#444444")
            sheet.set_xy(MARGIN, PAGE_H - 22)
            sheet.paragraph(words.footer, room=room, size=8)
    return bytes(sheet.output())


def without_barcode(cards: Sequence[HandedCard], paper: Paper) -> int:
    """Of how many cards the number cannot be read by the library's scanners: a sign that the symbology lacks, or too many for a card."""
    return sum(not _can_be_read(card.number, paper) for card in cards) if paper.barcode else 0


def with_missing_signs(cards: Sequence[HandedCard]) -> int:
    """How many names have a sign that the fonts lack."""
    return sum(printable(card.name) != unicodedata.normalize("NFC", card.name) for card in cards)


def _can_be_read(number: str, paper: Paper) -> bool:
    try:
        bars_of(number, room_mm=BARCODE_ROOM, **(paper.barcode or {}))
    except BarcodeError:
        return False
    return True


def _by_place(cards: Sequence[HandedCard]) -> list[tuple[tuple[str, str], list[HandedCard]]]:
    """The cards of each school and homeroom, in the order of names; whatever order they came in."""
    ordered = sorted(cards, key=lambda card: (card.place, _sorted_as(card.last), _sorted_as(card.first), card.number))
    return [(place, list(group)) for place, group in groupby(ordered, key=lambda card: card.place)]


def _sorted_as(name: str) -> str:
    """A name without its accents, strokes and cases, so that Ángel stands beside Angel."""
    return "".join(sign for sign in unicodedata.normalize("NFD", name) if not unicodedata.combining(sign)).casefold().translate(STROKES)


def _cut_marks(sheet: _Sheet) -> None:
    """Short lines in the margins, and small crosses where four cards meet."""
    sheet.set_draw_color("#888888")
    sheet.set_line_width(0.15)
    for column in range(ACROSS + 1):
        x = LEFT + column * CARD_W
        for y in (TOP - 7, TOP + DOWN * CARD_H + 2):
            sheet.line(x, y, x, y + 5)
    for row in range(DOWN + 1):
        y = TOP + row * CARD_H
        for x in (LEFT - 7, LEFT + ACROSS * CARD_W + 2):
            sheet.line(x, y, x + 5, y)
    for row in range(1, DOWN):
        x, y = LEFT + CARD_W, TOP + row * CARD_H
        sheet.line(x - 1, y, x + 1, y)
        sheet.line(x, y - 1, x, y + 1)


def _card(sheet: _Sheet, card: HandedCard, paper: Paper, x: float, y: float) -> None:
    words: CardWords = card_words(card, paper)
    room = CARD_W - 2 * EDGE
    sheet.set_fill_color(paper.colour)
    sheet.rect(x + EDGE, y + 10.2, room, 0.9, style="F")
    sheet.set_text_color("#000000")
    sheet.line_of(paper.library, x + EDGE, y + 6.6, room=room, size=10.5, bold=True)
    if sheet.fits(card.name, room=room, size=9.5):
        sheet.line_of(card.name, x + EDGE, y + 15.2, room=room, size=13)
    else:
        sheet.line_of(card.first, x + EDGE, y + 13.5, room=room, size=9)
        sheet.line_of(card.last, x + EDGE, y + 16.9, room=room, size=9)
    split = room * (0.66 if card.pin else 1)
    sheet.set_text_color("#444444")
    sheet.line_of(words.number, x + EDGE, y + 20.6, room=split, size=6.5)
    if card.pin:
        sheet.line_of(words.pin, x + EDGE + split + 2, y + 20.6, room=room - split - 2, size=6.5)
    sheet.set_text_color("#000000")
    sheet.line_of(card.number, x + EDGE, y + 24.6, room=split, size=12, bold=True)
    if card.pin:
        sheet.line_of(card.pin, x + EDGE + split + 2, y + 24.6, room=room - split - 2, size=12, bold=True)
    if paper.barcode:
        sheet.barcode(card.number, x + (CARD_W - BARCODE_ROOM) / 2, y + 29.4, clause=paper.barcode, room=BARCODE_ROOM, height=BARCODE_H)
    sheet.line_of(words.how, x + EDGE, y + 44.0, room=room, size=7.5, least=5)
    sheet.line_of(words.help, x + EDGE, y + 48.4, room=room, size=7.5, least=5)


def _row(sheet: _Sheet, cells: Sequence[str], rooms: Sequence[float], y: float, *, bold: bool = False) -> None:
    x = MARGIN
    for text, room in zip(cells, rooms, strict=True):
        sheet.line_of(text, x, y, room=room - 2, size=9.5, least=6, bold=bold)
        x += room


def _number_and_pin(sheet: _Sheet, card: HandedCard, paper: Paper, number: str, pin: str, room: float) -> None:
    """Number and PIN in a frame, with the bars beneath if they are scanned."""
    y = sheet.get_y() + 1
    height = 18 + (BARCODE_H + 6 if paper.barcode and _can_be_read(card.number, paper) else 0)
    sheet.set_draw_color("#888888")
    sheet.set_line_width(0.3)
    sheet.rect(MARGIN, y, room, height, round_corners=True, corner_radius=2)
    sheet.set_text_color("#444444")
    sheet.line_of(number, MARGIN + 5, y + 5, room=100, size=8.5)
    if card.pin:
        sheet.line_of(pin, MARGIN + 115, y + 5, room=room - 120, size=8.5)
    sheet.set_text_color("#000000")
    sheet.line_of(card.number, MARGIN + 5, y + 12, room=100, size=16, bold=True)
    if card.pin:
        sheet.line_of(card.pin, MARGIN + 115, y + 12, room=room - 120, size=16, bold=True)
    if paper.barcode:
        sheet.barcode(card.number, MARGIN + (room - BARCODE_ROOM) / 2, y + 19, clause=paper.barcode, room=BARCODE_ROOM, height=BARCODE_H)
    sheet.set_xy(MARGIN, y + height + 5)
