"""What the project needs from a library's ILS: put a patron, end a patron, check the library's own settings."""

from firstcard.ils.answer import Accepted, PatronPage, Refused, Unreachable, Verdict
from firstcard.ils.patron import CardKind, IlsPatron
from firstcard.ils.port import Ils, PatronList
from firstcard.ils.reasons import SYNC_REASONS, SyncReason, SyncReasonText

__all__ = [
    "SYNC_REASONS",
    "Accepted",
    "CardKind",
    "Ils",
    "IlsPatron",
    "PatronList",
    "PatronPage",
    "Refused",
    "SyncReason",
    "SyncReasonText",
    "Unreachable",
    "Verdict",
]
