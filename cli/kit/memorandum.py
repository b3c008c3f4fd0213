"""The agreement's memorandum, which is Markdown of our own making, as lines that a document can be made of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """``heading``, ``item``, ``text`` or ``row`` of a table (its first row is its head), each as plain text in cells."""

    kind: str
    cells: tuple[str, ...]
    head: bool = False


def lines_of(markdown: str) -> Iterator[Line]:
    """The lines of a memorandum. The title is left out, for the piece has one, and so is the rule before the last words."""
    before = ""
    for line in markdown.splitlines():
        if line.startswith("## "):
            yield Line("heading", (plain(line[3:]),))
        elif line.startswith("|"):
            cells = tuple(plain(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            if not all(re.fullmatch(r"-+", cell) for cell in cells):
                yield Line("row", cells, head=not before.startswith("|"))
        elif line.startswith("- "):
            yield Line("item", (plain(line[2:]),))
        elif line.strip() and line != "---" and not line.startswith("# "):
            yield Line("text", (plain(line),))
        before = line


def plain(markdown: str) -> str:
    """The text without marks; a link keeps its words."""
    text = re.sub(r"(?<!\\)\[([^\]]+)\]\([^)]*\)", r"\1", markdown)
    text = re.sub(r"(?<!\\)(\*\*|`)", "", text)
    return re.sub(r"\\([\\`*_\[\]<>|#~])", r"\1", text)
