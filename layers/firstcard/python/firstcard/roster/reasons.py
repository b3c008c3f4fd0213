"""Why a file, a row or a value was not taken as it came: every reason code, what it means, and what to do about it.

The codes are stable, so that people can search for them; docs/reason-codes.md is written from this table.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Severity = Literal["fatal", "hold", "row", "warning"]
"""``fatal``: nothing of the file is used. ``hold``: nothing is applied until a person has looked. ``row``: this row is left out. ``warning``: the row is used."""


class Reason(StrEnum):
    """A reason code; its name is its value."""

    # The protection and the sender of a file
    PROTECTION_TOO_WEAK = "PROTECTION_TOO_WEAK"
    PGP_TAMPERED = "PGP_TAMPERED"
    PGP_TRUNCATED = "PGP_TRUNCATED"
    PGP_NO_KEY = "PGP_NO_KEY"
    PGP_UNSIGNED = "PGP_UNSIGNED"
    PGP_SIGNER = "PGP_SIGNER"
    PGP_WEAK_SIGNATURE = "PGP_WEAK_SIGNATURE"
    PGP_NOT_ENCRYPTED = "PGP_NOT_ENCRYPTED"
    PGP_LIMIT = "PGP_LIMIT"
    PGP_SEVERAL_MESSAGES = "PGP_SEVERAL_MESSAGES"
    AGE_TAMPERED = "AGE_TAMPERED"
    AGE_TRUNCATED = "AGE_TRUNCATED"
    AGE_NO_KEY = "AGE_NO_KEY"
    AGE_SCRYPT = "AGE_SCRYPT"
    # The agreement and the run
    AGREEMENT_NOT_IN_FORCE = "AGREEMENT_NOT_IN_FORCE"
    AGREEMENT_SUSPENDED = "AGREEMENT_SUSPENDED"
    UNKNOWN_SENDER = "UNKNOWN_SENDER"
    TOO_LARGE = "TOO_LARGE"
    UPLOAD_BEFORE_OPT_OUT_DATE = "UPLOAD_BEFORE_OPT_OUT_DATE"
    ROLLOVER = "ROLLOVER"
    WRONG_DISTRICT = "WRONG_DISTRICT"
    EMPTY_BULK = "EMPTY_BULK"
    DUPLICATE_FILE = "DUPLICATE_FILE"
    STALE_FILE = "STALE_FILE"
    LOST_ZEROS = "LOST_ZEROS"
    ID_BASIS_CHANGED = "ID_BASIS_CHANGED"
    NOT_COMPARED = "NOT_COMPARED"
    TOO_MANY_MISSING = "TOO_MANY_MISSING"
    TOO_MANY_NEW = "TOO_MANY_NEW"
    TOO_MANY_CHANGED = "TOO_MANY_CHANGED"
    TOO_MANY_REJECTED = "TOO_MANY_REJECTED"
    FIRST_RUN = "FIRST_RUN"
    ROLLOUT_NARROWED = "ROLLOUT_NARROWED"
    FORBIDDEN_COLUMN = "FORBIDDEN_COLUMN"
    SUPERSEDED = "SUPERSEDED"
    REJECTED_BY_LIBRARY = "REJECTED_BY_LIBRARY"
    HELD_TOO_LONG = "HELD_TOO_LONG"
    RUN_FAILED = "RUN_FAILED"
    # The file and its form
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    ZIP_DAMAGED = "ZIP_DAMAGED"
    ZIP_LIMITS = "ZIP_LIMITS"
    ZIP_PATH = "ZIP_PATH"
    ZIP_UNSUPPORTED = "ZIP_UNSUPPORTED"
    ZIP_FOLDER = "ZIP_FOLDER"
    MANIFEST_MISSING = "MANIFEST_MISSING"
    MANIFEST_DISAGREES = "MANIFEST_DISAGREES"
    MANIFEST_VERSION = "MANIFEST_VERSION"
    DELTA_NOT_AGREED = "DELTA_NOT_AGREED"
    DELTA_WITHOUT_BULK = "DELTA_WITHOUT_BULK"
    MISSING_FILE = "MISSING_FILE"
    BAD_ENCODING = "BAD_ENCODING"
    NO_HEADER = "NO_HEADER"
    HEADER_TYPO = "HEADER_TYPO"
    DUPLICATE_HEADER = "DUPLICATE_HEADER"
    MISSING_COLUMN = "MISSING_COLUMN"
    UNCLOSED_QUOTE = "UNCLOSED_QUOTE"
    STRAY_QUOTE = "STRAY_QUOTE"
    FIELD_TOO_LONG = "FIELD_TOO_LONG"
    TOO_MANY_COLUMNS = "TOO_MANY_COLUMNS"
    END_OF_FILE_MARK = "END_OF_FILE_MARK"
    # A row
    ROW_WIDTH = "ROW_WIDTH"
    MISSING_REQUIRED = "MISSING_REQUIRED"
    BAD_ID = "BAD_ID"
    NON_ASCII_ID = "NON_ASCII_ID"
    NON_ASCII_EMAIL = "NON_ASCII_EMAIL"
    INVISIBLE_CHAR = "INVISIBLE_CHAR"
    CONTROL_CHAR = "CONTROL_CHAR"
    VALUE_TOO_LONG = "VALUE_TOO_LONG"
    EXCEL_DAMAGE = "EXCEL_DAMAGE"
    BAD_DATE = "BAD_DATE"
    TWO_DIGIT_YEAR = "TWO_DIGIT_YEAR"
    BIRTH_DATE_IN_FUTURE = "BIRTH_DATE_IN_FUTURE"
    AGE_OUT_OF_RANGE = "AGE_OUT_OF_RANGE"
    BAD_GRADE = "BAD_GRADE"
    BAD_ROLE = "BAD_ROLE"
    BAD_FLAG = "BAD_FLAG"
    BAD_STATUS = "BAD_STATUS"
    DANGLING_SCHOOL = "DANGLING_SCHOOL"
    DUPLICATE_ID = "DUPLICATE_ID"
    NUMBER_TOO_LONG = "NUMBER_TOO_LONG"
    NUMBER_TWICE = "NUMBER_TWICE"
    NUMBER_MISSING = "NUMBER_MISSING"
    BAD_NUMBER = "BAD_NUMBER"
    NUMBER_TAKEN = "NUMBER_TAKEN"
    ID_REUSED = "ID_REUSED"
    SAME_CHILD = "SAME_CHILD"
    # Something to look at
    FULL_ROW_OF_REFUSED = "FULL_ROW_OF_REFUSED"
    DUPLICATE_ROW = "DUPLICATE_ROW"
    OUTDATED_ROW = "OUTDATED_ROW"
    BLANK_ROW = "BLANK_ROW"
    INVISIBLE_REMOVED = "INVISIBLE_REMOVED"
    FORMULA_LIKE = "FORMULA_LIKE"
    MOJIBAKE = "MOJIBAKE"
    BAD_EMAIL = "BAD_EMAIL"
    DATE_NOT_ISO = "DATE_NOT_ISO"
    SEVERAL_GRADES = "SEVERAL_GRADES"
    SEVERAL_SHEETS = "SEVERAL_SHEETS"
    ID_AS_NUMBER = "ID_AS_NUMBER"
    UNKNOWN_LANGUAGE = "UNKNOWN_LANGUAGE"
    DANGLING_GUARDIAN = "DANGLING_GUARDIAN"
    GUARDIAN_UNUSABLE = "GUARDIAN_UNUSABLE"
    SHARED_ADDRESS = "SHARED_ADDRESS"
    PASSWORDS_SENT = "PASSWORDS_SENT"


@dataclass(frozen=True, slots=True)
class ReasonText:
    """What a reason code means to people: how grave it is, a sentence that says what is so, and what the sender can do."""

    severity: Severity
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong at one place. ``line`` is the physical line that a text editor shows, from 1; ``column`` is a header's name, never a value.

    A negative line, which stands for a row that came with an earlier file, becomes 0: a line there would be looked for in this one.
    """

    file: str
    line: int
    column: str
    reason: Reason

    def __post_init__(self) -> None:
        """Tell no line of another file."""
        if self.line < 0:
            object.__setattr__(self, "line", 0)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The whole file was refused: nothing of it is used. ``column`` is the name of a column that we know, never text of the file."""

    reason: Reason
    file: str = ""
    line: int | None = None
    column: str = ""


def _fatal(sentence: str, advice: str) -> ReasonText:
    return ReasonText("fatal", sentence, advice)


def _hold(sentence: str, advice: str) -> ReasonText:
    return ReasonText("hold", sentence, advice)


def _row(sentence: str, advice: str) -> ReasonText:
    return ReasonText("row", sentence, advice)


def _warning(sentence: str, advice: str) -> ReasonText:
    return ReasonText("warning", sentence, advice)


REASONS: dict[Reason, ReasonText] = {
    # The protection and the sender of a file
    Reason.PROTECTION_TOO_WEAK: _fatal(
        "The file is less protected than the agreement says.",
        "Encrypt the file, and sign it where the agreement says so, before it is uploaded. Nothing of this file was read; delete other copies of it that were sent the same way.",
    ),
    Reason.PGP_TAMPERED: _fatal(
        "The encrypted file was changed after it was made, or damaged on the way.",
        "Upload it again in binary mode (not text or ASCII mode). If it happens again, make the export anew and tell the contact named in this receipt.",
    ),
    Reason.PGP_TRUNCATED: _fatal(
        "The encrypted file ends too early: the upload was cut off.",
        "Upload the file again, under a name that ends in .part, and rename it when the upload is complete.",
    ),
    Reason.PGP_NO_KEY: _fatal(
        "The file is encrypted for a key that we do not have.",
        "Encrypt with the public key that your onboarding letter names; compare its fingerprint before you use it.",
    ),
    Reason.PGP_UNSIGNED: _fatal(
        "The file is encrypted but carries no signature.",
        "Sign while you encrypt: with GnuPG, add --sign --local-user and the key that is registered for your district.",
    ),
    Reason.PGP_SIGNER: _fatal(
        "The file is signed, but not by a key that is registered for your district.",
        "Sign with the registered key. If your key is new, send its public half to the contact named in this receipt before the next upload.",
    ),
    Reason.PGP_WEAK_SIGNATURE: _fatal(
        "The signature uses a digest that can be forged (SHA-1 or older).",
        "Sign with SHA-256 or stronger: with GnuPG, add --digest-algo SHA256.",
    ),
    Reason.PGP_NOT_ENCRYPTED: _fatal(
        "The file is signed but not encrypted.",
        "Encrypt it as well as sign it: with GnuPG, --encrypt --sign with the public key that your onboarding letter names.",
    ),
    Reason.PGP_LIMIT: _fatal(
        "Decrypted, the file is larger than the agreement's limit, or it unpacks to far more than it should.",
        "Check that the export holds only the agreed files. If your district has outgrown the limit, ask for a larger one in the agreement.",
    ),
    Reason.PGP_SEVERAL_MESSAGES: _fatal(
        "The upload holds more than one encrypted message, or something after the message.",
        "Send one encrypted file per upload; do not append files to each other.",
    ),
    Reason.AGE_TAMPERED: _fatal(
        "The age file was changed, cut off or added to after it was made.",
        "Upload it again in binary mode (not text or ASCII mode), one age file per upload. If it happens again, make the export anew and tell the contact named in this receipt.",
    ),
    Reason.AGE_TRUNCATED: _fatal(
        "The age file ends too early: the upload was cut off.",
        "Upload the file again, under a name that ends in .part, and rename it when the upload is complete.",
    ),
    Reason.AGE_NO_KEY: _fatal(
        "The age file is encrypted for a key that we do not have.",
        "Encrypt with the recipient (age1…) that your onboarding letter names, by age --recipient or age --recipients-file.",
    ),
    Reason.AGE_SCRYPT: _fatal(
        "The age file is encrypted with a passphrase.",
        "Encrypt with the recipient (age1…) that your onboarding letter names, not with age --passphrase. Do not send the passphrase to anybody.",
    ),
    # The agreement and the run
    Reason.AGREEMENT_NOT_IN_FORCE: _fatal(
        "No agreement is in force today between the district and the library.",
        "Do not send rosters until the agreement is signed and its term has begun; the contact named in this receipt knows its dates.",
    ),
    Reason.AGREEMENT_SUSPENDED: _fatal(
        "The agreement is suspended; nothing is read or changed under it.",
        "Wait until the officers of both sides have lifted the suspension, then send a fresh export.",
    ),
    Reason.UNKNOWN_SENDER: _fatal(
        "The file came by an account that the agreement does not name.",
        "Upload with the SFTP key or the cloud role that is registered for your district.",
    ),
    Reason.TOO_LARGE: _fatal(
        "The file is larger than the agreement's limit.",
        "Check that the export holds only the agreed files and one school year. If your district has outgrown the limit, ask for a larger one in the agreement.",
    ),
    Reason.UPLOAD_BEFORE_OPT_OUT_DATE: _fatal(
        "The file came before the last day on which families may refuse directory information.",
        "Upload after that day, without the students whose families have refused, or with rows that hold nothing but their id and the opt_out flag.",
    ),
    Reason.ROLLOVER: _fatal(
        "By the agreement's calendar the district's system rolls over to the next school year in these days, and nothing is applied.",
        "Nothing needs to be done: go on sending. The first file after the roll-over is looked at by a person at the library, like a first one.",
    ),
    Reason.WRONG_DISTRICT: _fatal(
        "None of the schools and districts in the file belongs to the district that this upload place is for.",
        "Check that you sent your own district's export. If the ids of your schools have changed, tell the contact named in this receipt before you send again.",
    ),
    Reason.EMPTY_BULK: _fatal(
        "The file is complete in form but holds no student and no member of staff.",
        "An empty export ends no cards and changes nothing. Run the export again and check its filters and the school year it is set to.",
    ),
    Reason.DUPLICATE_FILE: _warning(
        "This is the same file as the last one, byte for byte.",
        "Nothing was changed and nothing needs to be done. If you expected news, check that the export ran before the upload.",
    ),
    Reason.STALE_FILE: _hold(
        "The file is older than one that has already been applied, by its arrival or by the date in its name.",
        "Send the newest export. If the older one is right on purpose, ask the contact named in this receipt to release it.",
    ),
    Reason.LOST_ZEROS: _hold(
        "Ids have lost the zeros in front: they are shorter than in the last file, and with zeros in front they are ids that are known and missing now. Released as it is, these people would get a second card, and the cards that they have would end.",
        "Export the ids as text, do not open the export in Excel before you upload it, and send it again: the corrected file takes the place of this one.",
    ),
    Reason.ID_BASIS_CHANGED: _hold(
        "More than half of the ids have a length that no id had in the last file: the export seems to take its ids from another place, such as the state id instead of the student number. Released as it is, everybody would be new and the cards that they have would end.",
        "Check which column the export takes the ids from, and send it again. If your district has really given out new ids, ring the contact named in this receipt before anything is released.",
    ),
    Reason.NOT_COMPARED: _hold(
        "The students could not be compared with each other and with those whom the library knows. Released as it is, a child may get a second card.",
        "You need not do anything: the library has been told, and the next file is compared anew. Ask the contact named in this receipt if it lasts.",
    ),
    Reason.TOO_MANY_MISSING: _hold(
        "More people are missing since the last file than the agreement lets pass without a look, or all staff or all students are.",
        "Check the export's filters, school year and schools, and whether the files of teachers and staff are with it. If they really left, ask the contact named in this receipt to release the run; until then no card ends.",
    ),
    Reason.TOO_MANY_NEW: _hold(
        "More students are new since the last file than the agreement lets pass without a look.",
        "Check that the student ids have not changed their form. If the students are really new, ask the contact named in this receipt to release the run.",
    ),
    Reason.TOO_MANY_CHANGED: _hold(
        "More students have changed since the last file than the agreement lets pass without a look.",
        "Check that no column was swapped or reformatted. If the changes are right, ask the contact named in this receipt to release the run.",
    ),
    Reason.TOO_MANY_REJECTED: _hold(
        "More rows were rejected than the agreement lets pass without a look.",
        "Correct the rows that are listed in this receipt and send the file again; a corrected file takes the place of this one.",
    ),
    Reason.FIRST_RUN: _hold(
        "This is the first file of the district, or the first after its year-end roll-over: a person looks at what it would do before it is done.",
        "Nothing needs to be done. The library approves the plan, and the run goes on by itself.",
    ),
    Reason.ROLLOUT_NARROWED: _hold(
        "The agreement says something else than before about who gets a card, and people who have one are left out now: their cards would end.",
        "Nothing needs to be done. A person at the library approves that these cards end, or the agreement takes the schools, grades or groups in again.",
    ),
    Reason.SUPERSEDED: _fatal(
        "A newer file arrived while this one waited.",
        "Nothing needs to be done. The newer file has a receipt of its own.",
    ),
    Reason.REJECTED_BY_LIBRARY: _fatal(
        "A person at the library looked at what the file would do and decided against it.",
        "Ring the person named in this receipt; a corrected file takes the place of this one.",
    ),
    Reason.HELD_TOO_LONG: _fatal(
        "The file waited for a person at the library, and nobody decided in time.",
        "Ring the person named in this receipt, then send a new file.",
    ),
    Reason.RUN_FAILED: _fatal(
        "The work on the file stopped before its end because of a fault on our side.",
        "Nothing needs to be done. The library has been alarmed, and the work is tried again by itself.",
    ),
    Reason.FORBIDDEN_COLUMN: _fatal(
        "The file holds a column that may never be sent, with values in it, and the agreement says to refuse such files.",
        "Take the column out of the export, or leave it empty. Nothing of this file was used.",
    ),
    # The file and its form
    Reason.UNKNOWN_FORMAT: _fatal(
        "The content is not a form of roster that can be read.",
        "Send a OneRoster 1.1 or 1.2 or a School Data Sync 2.1 CSV zip (bulk), Clever's files, or one CSV or Excel workbook (.xlsx) with a header row: the column names of the FirstCard form, of your agreement, or of a PowerSchool, Infinite Campus or DOE-STN export. Instead of Ed-Fi or SIF XML, send the OneRoster export of the same system; instead of fixed-width text, the same report as CSV or tab-separated text with a header line; instead of .xls or PDF, CSV.",
    ),
    Reason.ZIP_DAMAGED: _fatal(
        "The zip archive is damaged or was cut off.",
        "Open the archive on your side to see whether it is whole; make it again and upload it in binary mode.",
    ),
    Reason.ZIP_LIMITS: _fatal(
        "The zip archive holds too many files, unpacks to too much, or holds another archive.",
        "Zip only the OneRoster CSV files themselves: at most 64 files, no archive inside the archive.",
    ),
    Reason.ZIP_PATH: _fatal(
        "The zip archive holds a name that cannot be trusted: a path out of the archive, a link, several folders, or the same name twice.",
        "Zip the CSV files themselves, without folders, each once.",
    ),
    Reason.ZIP_UNSUPPORTED: _fatal(
        "The zip archive is protected by a password, or packed by a method that is not supported.",
        "Make an ordinary zip archive (Deflate, no password, no Zip64). The protection is the encryption of the whole file.",
    ),
    Reason.ZIP_FOLDER: _warning(
        "The CSV files lie in a folder of the archive, not at its root.",
        "OneRoster wants the files at the root of the archive: zip the files, not their folder. They were read all the same.",
    ),
    Reason.MANIFEST_MISSING: _warning(
        "The archive has no manifest.csv; the files were recognised by their headers and taken as bulk.",
        "Turn on the manifest in the OneRoster export.",
    ),
    Reason.MANIFEST_DISAGREES: _warning(
        "The manifest does not mention a file that is there, or calls it absent; it was read as bulk, or in an export of changes not at all.",
        "Make the manifest say for each file that the export holds what it is.",
    ),
    Reason.MANIFEST_VERSION: _warning(
        "The manifest names another OneRoster version than the headers of the files show; they were read by their headers.",
        "Set the export to OneRoster 1.1 or 1.2, all files alike.",
    ),
    Reason.DELTA_NOT_AGREED: _fatal(
        "The manifest says that a file holds only changes (delta), and the agreement takes complete exports (bulk) only.",
        "Set the OneRoster export to bulk: all students of today, each night. If it can only send changes, ask for exchange.deltas in the agreement.",
    ),
    Reason.DELTA_WITHOUT_BULK: _fatal(
        "The file holds only changes (delta), and the complete file that they change is not there: none came yet, it was kept no longer, or the agreed fields grew since.",
        "Send one complete export (bulk) of all files; after it, files of changes can follow.",
    ),
    Reason.MISSING_FILE: _fatal(
        "A file that the manifest promises, or that the agreement needs, is not in the archive.",
        "Turn the named file on in the export and make the archive again.",
    ),
    Reason.BAD_ENCODING: _fatal(
        "The file is not text in the agreed encoding; the line is the first where it fails.",
        "Save or export the file as UTF-8. Excel: Save as, CSV UTF-8.",
    ),
    Reason.NO_HEADER: _fatal(
        "The first line holds data where the column names should be.",
        "Turn on the header line in the export.",
    ),
    Reason.HEADER_TYPO: _fatal(
        "A column name is misspelt, in other letters' case, or holds an invisible character; the named column is the one that was probably meant.",
        "Correct the column name in the export to exactly the one named here.",
    ),
    Reason.DUPLICATE_HEADER: _fatal(
        "A column stands in the file twice, so that nobody can know which one counts.",
        "Leave each column once in the export.",
    ),
    Reason.MISSING_COLUMN: _fatal(
        "A column that the form of the file or the agreement requires is missing.",
        "Add the named column to the export.",
    ),
    Reason.UNCLOSED_QUOTE: _fatal(
        "A quotation mark is opened on this line and not closed where the value should end, so that the rows after it cannot be told apart.",
        'Look at this line: write a quotation mark inside a value as two ("") or have the export quote values by itself.',
    ),
    Reason.STRAY_QUOTE: _fatal(
        "Text follows a closing quotation mark on this line.",
        'Write a quotation mark inside a quoted value as two (""), or have the export quote values by itself.',
    ),
    Reason.FIELD_TOO_LONG: _fatal(
        "A value or a line is far longer than any value of a roster can be.",
        "Look at this line: usually a quotation mark is missing, or something else was written into the file.",
    ),
    Reason.TOO_MANY_COLUMNS: _fatal(
        "The file has more than 512 columns.",
        "Export only the agreed columns. If the file should have few, check that its lines end with line breaks.",
    ),
    Reason.END_OF_FILE_MARK: _warning(
        "The file ends with an old end-of-file mark (Ctrl-Z); it was left out.",
        "Nothing needs to be done; a newer export program would not write it.",
    ),
    # A row
    Reason.ROW_WIDTH: _row(
        "The row has more or fewer values than the header has columns, so that values may stand in the wrong place.",
        "Quote values that hold a comma, or remove the line break inside the row.",
    ),
    Reason.MISSING_REQUIRED: _row(
        "A value that the agreement requires is empty.",
        "Fill in the named column for this row in the student information system.",
    ),
    Reason.BAD_ID: _row(
        "The id holds a blank or a sign that ids cannot have.",
        "Ids are letters, digits and . _ : @ / + = - only. Correct the id in the student information system.",
    ),
    Reason.NON_ASCII_ID: _row(
        "The id holds a letter that is not plain English (A to Z), though it may look like one.",
        "Type the id again instead of copying it; ids are letters A to Z, digits and simple signs only.",
    ),
    Reason.NON_ASCII_EMAIL: _row(
        "The e-mail address holds a letter that is not plain English (A to Z), though it may look like one.",
        "Type the address again instead of copying it.",
    ),
    Reason.INVISIBLE_CHAR: _row(
        "An id, an e-mail address or another coded value holds an invisible character.",
        "Type the value again instead of copying it from a web page or a document.",
    ),
    Reason.CONTROL_CHAR: _row(
        "A value holds a control character.",
        "Type the value again in the student information system; it was probably pasted from another program.",
    ),
    Reason.VALUE_TOO_LONG: _row(
        "A value is longer than its column can be.",
        "Look at this row in the student information system: values may stand in the wrong columns.",
    ),
    Reason.EXCEL_DAMAGE: _row(
        "A value was changed by a spreadsheet: a number written with E+, a formula error, or a date turned into a number or a month.",
        "Do not open the export in Excel before you upload it; or import it there with all columns as text.",
    ),
    Reason.BAD_DATE: _row(
        "The value is not a date.",
        "Write dates as YYYY-MM-DD.",
    ),
    Reason.TWO_DIGIT_YEAR: _row(
        "The date has a year of two digits, so that the century is unknown.",
        "Write dates as YYYY-MM-DD. If a spreadsheet shortened them, do not open the export in Excel before you upload it.",
    ),
    Reason.BIRTH_DATE_IN_FUTURE: _row(
        "The birth date lies in the future.",
        "Correct the birth date in the student information system.",
    ),
    Reason.AGE_OUT_OF_RANGE: _row(
        "By the birth date the student is younger than 2 or older than 22 years.",
        "Correct the birth date in the student information system. Dates such as 1900-01-01 stand for unknown: leave them empty.",
    ),
    Reason.BAD_GRADE: _row(
        "The grade is not one that is known.",
        "Use PK, KG, 01 to 12 (or IT, PR, TK, 13, PS, UG, Other).",
    ),
    Reason.BAD_ROLE: _row(
        "The role is not one that is known.",
        "OneRoster: a role that the specification lists, such as student, teacher or guardian; in roles.csv also a roleType of primary or secondary. FirstCard form: student or staff.",
    ),
    Reason.BAD_FLAG: _row(
        "A value that must be yes or no is something else; it is not guessed, because a family's no may stand there.",
        "Write yes or no (or true, false, Y, N, 1, 0, or leave it empty).",
    ),
    Reason.BAD_STATUS: _row(
        "The status is not one that is known.",
        "OneRoster bulk files leave the status empty. FirstCard form: active or inactive in enrollment_status.",
    ),
    Reason.DANGLING_SCHOOL: _row(
        "The row belongs to a school that orgs.csv (Clever: schools.csv) does not hold.",
        "Include this school in that file, or correct the row's school. Usually all rows of one school show this together.",
    ),
    Reason.DUPLICATE_ID: _row(
        "Several rows have the same id and say different things, so that none of them can be trusted.",
        "Keep one row per person. If two people have the same id, correct it in the student information system.",
    ),
    Reason.NUMBER_TOO_LONG: _row(
        "The id is longer than the card number that the agreement describes has room for.",
        "Check the id. If ids of this length are right, the agreement's card number must be made longer.",
    ),
    Reason.NUMBER_TWICE: _row(
        "Two rows give the same card number, so that neither is used.",
        "Check whether the two rows are one person under two spellings of the id, such as with and without zeros in front, and keep one of them. If they are two people, one of them has the other's number, or both a placeholder.",
    ),
    Reason.NUMBER_MISSING: _row(
        "The row lacks what the agreement makes the card number of (the state's id, or the card number itself), or has a placeholder of one repeated sign there.",
        "Enter it in the student information system; the next export brings it, and the card is made then.",
    ),
    Reason.BAD_NUMBER: _row(
        "The card number in the row is none that the library can take: its length, its beginning or a sign in it is not as agreed.",
        "Send the number as it is on the card, letters and digits without spaces, with the length that the agreement says. Zeros in front must be there: export the column as text.",
    ),
    Reason.NUMBER_TAKEN: _row(
        "The card number that this row gives is not free in the library, and a number is never given to two people.",
        "Check the id or number in the row: it may be another person's, or a placeholder. If it is right, ring the contact named in this receipt; nothing else about this person is lost, and each later roster tries again.",
    ),
    Reason.SAME_CHILD: _row(
        "This child has another row, under another id; one child gets one card, by the row that has it already or stands first.",
        "Keep one row of this child. If these are two children, tell the library: a person there can set the two records apart for good.",
    ),
    Reason.ID_REUSED: _row(
        "The id was another person's in an earlier file: both the name and the birth date are different. The card stays with that person and is not passed on.",
        "Give the new person an id of their own. If it is the same person and both were corrected, correct one of the two first and the other when the next file has gone through. If the district means to use the id again, ring the contact named in this receipt.",
    ),
    # Something to look at
    Reason.FULL_ROW_OF_REFUSED: _warning(
        "The family has refused, and the row holds more than the id and the opt_out flag; the no was taken, the rest was left unread.",
        "Leave such students out of the export, or send only their id and the flag.",
    ),
    Reason.DUPLICATE_ROW: _warning(
        "The same row stands in the file more than once; one of them was used.",
        "Nothing needs to be done, but the export could leave out repeats.",
    ),
    Reason.OUTDATED_ROW: _warning(
        "This row of changes is older than what was sent before, and was not used.",
        "Nothing needs to be done if a newer row was sent already. If this one is right, send it again with the time of its last change in dateLastModified, or send a complete export (bulk).",
    ),
    Reason.BLANK_ROW: _warning(
        "The row is empty but for delimiters; it was passed over.",
        "Nothing needs to be done. Spreadsheets leave such rows at the end.",
    ),
    Reason.INVISIBLE_REMOVED: _warning(
        "A name or an address held invisible characters, which were removed.",
        "Type the value again in the student information system instead of pasting it.",
    ),
    Reason.FORMULA_LIKE: _warning(
        "A value begins like a spreadsheet formula. It was kept as it is, and is made harmless wherever we write it out.",
        "Check that the value is really meant so.",
    ),
    Reason.MOJIBAKE: _warning(
        "A name looks as if its accents were broken on the way (text in one encoding read as another).",
        "Check the encoding of the export: it should be UTF-8 from end to end.",
    ),
    Reason.BAD_EMAIL: _warning(
        "The e-mail address cannot be one; the row was used without it.",
        "Correct the address, or leave it empty when there is none.",
    ),
    Reason.DATE_NOT_ISO: _warning(
        "The date is written month/day/year; it was read so.",
        "Write dates as YYYY-MM-DD, so that nobody can mistake them.",
    ),
    Reason.SEVERAL_GRADES: _warning(
        "The row names several grades; the first was used.",
        "Send one grade per student.",
    ),
    Reason.SEVERAL_SHEETS: _warning(
        "The workbook has several visible sheets that hold rows; only the first was read.",
        "Put the whole roster on the first sheet, and hide or remove the others.",
    ),
    Reason.ID_AS_NUMBER: _warning(
        "The workbook keeps the ids of this column as numbers; zeros in front of an id are lost in a number. The line is the first where it is so.",
        "Format the column as text before the ids are written into it, or send the export as CSV without opening it in a spreadsheet.",
    ),
    Reason.UNKNOWN_LANGUAGE: _warning(
        "The home language is not one that is known; notices go out in the default language.",
        "Use a language code such as en, es, ht, vi, or its English name.",
    ),
    Reason.DANGLING_GUARDIAN: _warning(
        "The row names a guardian who is not in users.csv.",
        "Include guardians and parents in users.csv, or leave the reference out.",
    ),
    Reason.GUARDIAN_UNUSABLE: _warning(
        "A guardian's row holds characters that cannot be trusted in its e-mail address or name, and was not used.",
        "Type the guardian's name and address again instead of copying them.",
    ),
    Reason.SHARED_ADDRESS: _warning(
        "Too many students share this e-mail address; it looks like a placeholder and was treated as no address.",
        "Enter the family's own address in the student information system, or leave it empty when there is none.",
    ),
    Reason.PASSWORDS_SENT: _warning(
        "The export holds passwords in clear. They were dropped unread, but they have left your system.",
        "Turn the password column off in the export today, and have those passwords changed.",
    ),
}


def reason_codes_page() -> str:
    """The page docs/reason-codes.md, in Markdown: every code by gravity, with its sentence and advice."""
    headings: dict[Severity, tuple[str, str]] = {
        "fatal": ("The whole file is refused", "Nothing of the file is used and nothing changes; what was known before stays."),
        "hold": ("The run waits for a person", "The file is good, but nothing is applied until somebody has looked."),
        "row": (
            "A row is left out",
            "The other rows are used. A person who already has a card keeps it; a row that is left out never ends one. "
            "A family's no is taken from a faulty row too, as long as its id can be read.",
        ),
        "warning": ("Something to look at", "The row or file is used."),
    }
    lines = [
        "# Reason codes",
        "",
        "Every code that a receipt can name, what it means, and what the sender can do. This page is written from the code; a test keeps it so.",
    ]
    for severity, (title, text) in headings.items():
        lines += ["", f"## {title}", "", text, "", "| code | what is so | what to do |", "|---|---|---|"]
        lines += [f"| `{reason}` | {told.sentence} | {told.advice} |" for reason, told in REASONS.items() if told.severity == severity]
    return "\n".join(lines) + "\n"
