"""The library's own patrons, as it says them itself: from the bytes of a file, or from its ILS, to the agreed fields of rows that can be used.

``firstcard.extract.parquet`` writes and reads what is sealed; it is imported by those who do, and by no other, for it loads a database.
"""

from firstcard.extract.model import PatronReading
from firstcard.extract.reading import PatronChecker, read_patrons
from firstcard.extract.reasons import text_of

__all__ = ["PatronChecker", "PatronReading", "read_patrons", "text_of"]
