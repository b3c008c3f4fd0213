"""A piece of the kit as a page to print (PDF)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos
from fpdf.fonts import FontFace

from cli.kit.memorandum import Line
from cli.kit.pieces import Block, Piece
from cli.typeface import BOLD, PLAIN, printable

MARGIN = 20
ROOM_BELOW_A_HEADING = 35
"""Millimetres: a heading stands with what it is of."""
FONT = "page"


def to_paper(piece: Piece, memorandum: Sequence[Line], *, colour: str) -> bytes:
    """The page's bytes, on US Letter; equal pieces are equal bytes."""
    page = FPDF(format="letter")
    page.set_creation_date(datetime(2000, 1, 1, tzinfo=UTC))
    page.set_margin(MARGIN)
    page.set_auto_page_break(True, MARGIN)
    page.add_font(FONT, "", PLAIN)
    page.add_font(FONT, "B", BOLD)
    page.set_title(printable(piece.title))
    page.set_author("FirstCard")
    page.set_lang(piece.language)
    page.add_page()
    red, green, blue = (int(colour.lstrip("#")[at : at + 2], 16) for at in (0, 2, 4))
    page.set_text_color(red, green, blue)
    _text(page, piece.title, size=22, bold=True, after=4)
    page.set_text_color(29, 35, 43)
    for block in piece.blocks:
        _add(page, block, piece, memorandum)
    return bytes(page.output())


def _text(
    page: FPDF, text: str, *, size: float = 11, bold: bool = False, after: float = 2.5, align: Align = Align.L, indent: float = 0
) -> None:
    page.set_font(FONT, "B" if bold else "", size)
    page.set_x(MARGIN + indent)
    page.multi_cell(0, size * 0.5, printable(text), align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(after)


def _add(page: FPDF, block: Block, piece: Piece, memorandum: Sequence[Line]) -> None:
    match block.kind:
        case "h2":
            page.ln(2)
            _text(page, block.text, size=14, bold=True, after=1.5)
        case "item":
            _item(page, block.text)
        case "big":
            _text(page, block.text, size=34, bold=True, after=1, align=Align.C)
            _text(page, block.caption, size=12, after=5, align=Align.C)
        case "sign":
            _sign(page, block, piece)
        case "memorandum":
            _memorandum(page, memorandum)
        case _:
            _text(page, block.text)


def _item(page: FPDF, text: str, *, size: float = 11) -> None:
    page.set_font(FONT, "", size)
    page.set_x(MARGIN)
    page.cell(5, size * 0.5, "•")
    _text(page, text, size=size, after=1.5, indent=5)


def _sign(page: FPDF, block: Block, piece: Piece) -> None:
    for name, title in block.signers:
        if page.get_y() > page.h - MARGIN - 30:
            page.add_page()
        y = page.get_y() + 16
        for x, width, words in (
            (MARGIN, 65, piece.words["sign"]),
            (MARGIN + 72, 68, f"{name}\n{title}" if name else title),
            (MARGIN + 147, 28, piece.words["date"]),
        ):
            page.line(x, y, x + width, y)
            page.set_xy(x, y + 1)
            page.set_font(FONT, "", 10)
            page.multi_cell(width, 4.5, printable(words), align=Align.L)
        page.set_y(y + 10)


def _memorandum(page: FPDF, lines: Sequence[Line]) -> None:
    rows: list[Line] = []
    for line in (*lines, Line("end", ())):
        if rows and (line.kind != "row" or line.head):
            _table(page, rows)
            rows = []
        match line.kind:
            case "heading":
                if page.get_y() > page.h - MARGIN - ROOM_BELOW_A_HEADING:
                    page.add_page()
                page.ln(2)
                _text(page, line.cells[0], size=13, bold=True, after=1.5)
            case "item":
                _item(page, line.cells[0], size=10)
            case "row":
                rows.append(line)
            case "text":
                _text(page, line.cells[0], size=10)


def _table(page: FPDF, rows: Sequence[Line]) -> None:
    page.set_font(FONT, "", 8)
    with page.table(text_align=Align.L, line_height=4, headings_style=FontFace(emphasis="BOLD")) as table:
        for line in rows:
            row = table.row()
            for cell in line.cells:
                row.cell(printable(cell))
    page.ln(3)
