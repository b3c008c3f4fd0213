"""Issues chunks into a table of their own, undisturbed: ``python -m tests.flow.product.replay TABLE CHUNK…``."""

import sys
from pathlib import Path

from firstcard.adapters.cards_table import CardsTable
from firstcard.card.chunk import Chunk
from firstcard.card.issue import issue_chunk

if __name__ == "__main__":
    table, *chunks = sys.argv[1:]
    for chunk in chunks:
        issue_chunk(Chunk.from_bytes(Path(chunk).read_bytes()), CardsTable(table))
