"""Evidence: who did what with the data, and whether what says so is whole; offline, from files as AWS delivered them."""

from firstcard.evidence.access_log import LogReading, Served, read_access_logs
from firstcard.evidence.digest import Defect, Flaw, Hour, Hours, State, Watched, verify_digests
from firstcard.evidence.folding import FoldedReading, fold_trail
from firstcard.evidence.health import Change, Concern, Configuration, Health, Setting, Verdict, Weight, calls_to_record, changes_of, health
from firstcard.evidence.opening import Fault, Unreadable
from firstcard.evidence.sftp_log import Activity, Session, SessionReading, read_session_logs
from firstcard.evidence.signing_keys import Keys, read_keys
from firstcard.evidence.store import Folder, Store, Stored, copy_into
from firstcard.evidence.trail import Access, Counts, TrailReading, Who, in_folder, read_trail

__all__ = [
    "Access",
    "Activity",
    "Change",
    "Concern",
    "Configuration",
    "Counts",
    "Defect",
    "Fault",
    "Flaw",
    "FoldedReading",
    "Folder",
    "Health",
    "Hour",
    "Hours",
    "Keys",
    "LogReading",
    "Served",
    "Session",
    "SessionReading",
    "Setting",
    "State",
    "Store",
    "Stored",
    "TrailReading",
    "Unreadable",
    "Verdict",
    "Watched",
    "Weight",
    "Who",
    "calls_to_record",
    "changes_of",
    "copy_into",
    "fold_trail",
    "health",
    "in_folder",
    "read_access_logs",
    "read_keys",
    "read_session_logs",
    "read_trail",
    "verify_digests",
]
