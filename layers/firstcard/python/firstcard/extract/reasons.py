"""What the reason codes mean in a library's file of patrons, where it is not what they mean in a roster."""

from firstcard.roster import REASONS, Reason

_TEXTS: dict[Reason, tuple[str, str]] = {
    Reason.TOO_LARGE: (
        "The file is larger than an extract of patrons can be.",
        "Export the agreed columns only. Libraries of more than two million patrons: ask for help.",
    ),
    Reason.EMPTY_BULK: (
        "Not one row can be used.",
        "Look at the reasons of the rows; if the file is empty, export it again.",
    ),
    Reason.NO_HEADER: (
        "The first line holds data where the column names should be.",
        "Let the first line be patron_id,barcode,first_name,middle_name,last_name,suffix,birth_date,street,postal_code,phone,email,blocked; columns that are not agreed can be left out.",
    ),
    Reason.MISSING_COLUMN: (
        "A column without which patrons cannot be compared is missing.",
        "Add the named column to the export: patron_id, first_name, last_name and birth_date are needed.",
    ),
    Reason.FIELD_TOO_LONG: (
        "A value or a line is far longer than any value of a patron can be.",
        "Look at this line: usually a quotation mark is missing, or something else was written into the file.",
    ),
    Reason.MISSING_REQUIRED: (
        "The id, the first name or the last name is empty.",
        "Nothing needs to be done for organisations and the like. A person whom the ILS knows by one name only is not compared.",
    ),
    Reason.BAD_ID: (
        "The id holds a blank or a sign that ids cannot have.",
        "Export the ILS's own number of the patron as patron_id: letters, digits and . _ : @ / + = - only.",
    ),
    Reason.CONTROL_CHAR: (
        "A value holds a control character.",
        "Type the value again in the ILS; it was probably pasted from another program.",
    ),
    Reason.VALUE_TOO_LONG: (
        "A value is longer than its column can be.",
        "Look at this row: values may stand in the wrong columns.",
    ),
    Reason.BIRTH_DATE_IN_FUTURE: (
        "The birth date lies in the future.",
        "Correct the birth date in the ILS.",
    ),
    Reason.AGE_OUT_OF_RANGE: (
        "By the birth date the patron is older than 120 years.",
        "Correct the birth date in the ILS. Dates such as 1900-01-01 stand for unknown: leave them empty.",
    ),
    Reason.BAD_FLAG: (
        "A value that must be yes or no is something else.",
        "Write yes where the card is blocked or money is owed, no otherwise.",
    ),
    Reason.DUPLICATE_ID: (
        "Several rows have the same patron_id and say different things, so that none of them can be trusted.",
        "Export one row per patron.",
    ),
    Reason.INVISIBLE_REMOVED: (
        "A name or an address held invisible characters, which were removed.",
        "Type the value again in the ILS instead of pasting it.",
    ),
    Reason.PASSWORDS_SENT: (
        "The export holds passwords. They were dropped unread, and lie in the file.",
        "Delete the file, and leave that column out of the export.",
    ),
}


def text_of(reason: Reason) -> tuple[str, str]:
    """What is so in a file of patrons, and what to do."""
    told = REASONS[reason]
    return _TEXTS.get(reason, (told.sentence, told.advice))
