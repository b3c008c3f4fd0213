"""A piece of the kit as a Word document (DOCX), so that partners can put it under their own letterhead."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Cm, Pt, RGBColor

from cli.kit.memorandum import Line
from cli.kit.pieces import Block, Piece

MARGIN = Cm(2.2)


def to_word(piece: Piece, memorandum: Sequence[Line], *, colour: str) -> bytes:
    """The document's bytes. ``colour`` is the library's, as #rrggbb; equal pieces are equal bytes but for the time in the container."""
    document = Document()
    for section in document.sections:
        section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = MARGIN
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Calibri", Pt(11)
    properties = document.core_properties
    properties.title, properties.author, properties.language = piece.title, "FirstCard", piece.language
    properties.created = properties.modified = datetime(2000, 1, 1, tzinfo=UTC)
    title = document.add_heading(piece.title, level=0)
    title.runs[0].font.color.rgb = RGBColor.from_string(colour.lstrip("#").upper())
    for block in piece.blocks:
        _add(document, block, piece, memorandum)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def _add(document: WordDocument, block: Block, piece: Piece, memorandum: Sequence[Line]) -> None:
    match block.kind:
        case "h2":
            document.add_heading(block.text, level=2)
        case "item":
            document.add_paragraph(block.text, style="List Bullet")
        case "big":
            paragraph = document.add_paragraph()
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
            run = paragraph.add_run(block.text)
            run.bold, run.font.size = True, Pt(30)
            document.add_paragraph(block.caption).alignment = WD_ALIGN_PARAGRAPH.CENTER
        case "sign":
            _sign(document, block, piece)
        case "memorandum":
            _memorandum(document, memorandum)
        case _:
            document.add_paragraph(block.text)


def _sign(document: WordDocument, block: Block, piece: Piece) -> None:
    table = document.add_table(rows=0, cols=3)
    for name, title in block.signers:
        cells = table.add_row().cells
        cells[0].text = f"\n\n_________________________\n{piece.words['sign']}"
        cells[1].text = f"\n\n{name or '_________________________'}\n{title}"
        cells[2].text = f"\n\n______________\n{piece.words['date']}"


def _memorandum(document: WordDocument, lines: Sequence[Line]) -> None:
    table = None
    for line in lines:
        if line.kind != "row":
            table = None
        match line.kind:
            case "heading":
                document.add_heading(line.cells[0], level=2)
            case "item":
                document.add_paragraph(line.cells[0], style="List Bullet")
            case "row":
                if table is None or line.head:
                    table = document.add_table(rows=0, cols=len(line.cells), style="Table Grid")
                for cell, text in zip(table.add_row().cells, line.cells, strict=False):
                    cell.text = ""
                    run = cell.paragraphs[0].add_run(text)
                    run.bold, run.font.size = line.head, Pt(9)
            case _:
                document.add_paragraph(line.cells[0])
