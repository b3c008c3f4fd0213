"""What each kind of value must be, and its normal form: NFC, trimmed, ISO dates, CEDS grades, small letters in e-mail addresses.

Every function takes the text of one cell and gives the normal form with the reasons against it; no reason carries the text.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from firstcard.agreement.model import CEDS_GRADES
from firstcard.roster.reasons import Reason

MAX_TEXT = 200
MAX_EMAIL = 254
MAX_ID = 64

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Zero-width and direction characters (Unicode's default ignorables that names do not need)."""
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.,'_/&()-]| (?=[A-Za-z0-9]))*")
"""What nearly all names are: nothing in it needs a closer look."""
_ID = re.compile(r"[A-Za-z0-9_{][A-Za-z0-9._:@/+={}\-]{0,63}")
_EMAIL = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_PLAIN_TEXTS = re.compile(r"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.,'_/&()-]++| (?=[A-Za-z0-9]))*+)?+\n)*+")
_PLAIN_IDS = re.compile(r"(?:[A-Za-z0-9_]{0,64}\n)*+")
_PLAIN_EMAILS = re.compile(r"(?:(?:[a-z0-9_+'-]++(?:\.[a-z0-9_+'-]++)*+@(?:[a-z0-9]++(?:-++[a-z0-9]++)*+\.)+[a-z]{2,24})?+\n)*+")
"""Columns of what nearly all ids and addresses are."""
_EXCEL = re.compile(r"\d(?:\.\d+)?E\+\d+|#(?:REF!|N/A|VALUE!|NAME\?|DIV/0!|NUM!|NULL!)|#{3,}", re.IGNORECASE)
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_EXCEL_DAY = re.compile(rf"\d{{1,2}}-(?:{_MONTH})|(?:{_MONTH})-\d{{1,2}}", re.IGNORECASE)
_SECOND = bytes(byte for byte in range(0x80, 0xC0) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)).decode("cp1252")
_SURE_SECOND = "".join(sign for sign in _SECOND if sign not in "ŠšŽžŒœ’”–")
_MOJIBAKE = re.compile(f"[ÃÂ][{_SECOND}]|[Ä-ß][{_SURE_SECOND}]|[à-ï][{_SECOND}]{{2}}|â€|\ufffd")
"""UTF-8 read as Windows-1252 and written again (a first byte, then 0x80 to 0xBF), and the replacement character; MATÚŠ and CAFÉ’S are none."""

_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T00:00:00(?:\.0+)?Z?)?")
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_SHORT_DATE = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2}")
_SERIAL_DATE = re.compile(r"\d{5}(?:\.\d+)?")
AGES = range(2, 23)
"""Of students."""

_GRADE_WORDS = {
    "k": "KG",
    "kindergarten": "KG",
    "prekindergarten": "PK",
    "pre-kindergarten": "PK",
    "pre-k": "PK",
    "prek": "PK",
    "infanttoddler": "IT",
    "postsecondary": "PS",
    "ungraded": "UG",
    "other": "Other",
}

_LANGUAGES = {
    "am": ("amharic", "amh"),
    "ar": ("arabic", "ara"),
    "bn": ("bengali", "ben"),
    "bs": ("bosnian", "bos"),
    "de": ("german", "deu", "ger"),
    "en": ("english", "eng"),
    "es": ("spanish", "spa", "castilian", "español"),
    "fa": ("persian", "farsi", "fas", "per"),
    "fr": ("french", "fra", "fre"),
    "gu": ("gujarati", "guj"),
    "hi": ("hindi", "hin"),
    "hmn": ("hmong",),
    "ht": ("haitian", "haitian creole", "hat", "creole"),
    "it": ("italian", "ita"),
    "ja": ("japanese", "jpn"),
    "km": ("khmer", "khm", "cambodian"),
    "ko": ("korean", "kor"),
    "ku": ("kurdish", "kur"),
    "lo": ("lao", "laotian"),
    "my": ("burmese", "mya", "bur"),
    "ne": ("nepali", "nep"),
    "pa": ("punjabi", "pan", "panjabi"),
    "pl": ("polish", "pol"),
    "ps": ("pashto", "pus"),
    "pt": ("portuguese", "por"),
    "ro": ("romanian", "ron", "rum"),
    "ru": ("russian", "rus"),
    "rw": ("kinyarwanda", "kin"),
    "so": ("somali", "som"),
    "sq": ("albanian", "sqi", "alb"),
    "sw": ("swahili", "swa"),
    "ta": ("tamil", "tam"),
    "te": ("telugu", "tel"),
    "th": ("thai", "tha"),
    "ti": ("tigrinya", "tir"),
    "tl": ("tagalog", "tgl", "filipino", "fil"),
    "tr": ("turkish", "tur"),
    "uk": ("ukrainian", "ukr"),
    "ur": ("urdu", "urd"),
    "vi": ("vietnamese", "vie"),
    "yo": ("yoruba", "yor"),
    "zh": ("chinese", "zho", "chi", "mandarin", "cantonese"),
}
_LANGUAGE_CODES = {word: code for code, words in _LANGUAGES.items() for word in (code, *words)}

_YES = frozenset({"yes", "y", "true", "t", "1"})
_NO = frozenset({"", "no", "n", "false", "f", "0"})

_ENROLLED = frozenset({"", "active", "enrolled", "a", "e"})
_NOT_ENROLLED = frozenset({"inactive", "withdrawn", "graduated", "transferred", "no_show", "no show", "i", "w", "g", "t"})

Checked = tuple[str, tuple[Reason, ...]]


def text(raw: str) -> Checked:
    """A name, a street, anything that people write: all scripts, NFC, blanks single; kept with a warning where it looks like a formula."""
    if len(raw) <= MAX_TEXT and _PLAIN.fullmatch(raw):
        return raw, ()
    if _CONTROL.search(raw):
        return "", (Reason.CONTROL_CHAR,)
    reasons = []
    bare = _INVISIBLE.sub("", raw)
    if bare != raw:
        reasons.append(Reason.INVISIBLE_REMOVED)
    value = unicodedata.normalize("NFC", " ".join(bare.split()))
    if len(value) > MAX_TEXT:
        return "", (Reason.VALUE_TOO_LONG,)
    if _EXCEL.fullmatch(value):
        return "", (Reason.EXCEL_DAMAGE,)
    if value[:1] in ("=", "+", "-", "@"):
        reasons.append(Reason.FORMULA_LIKE)
    if _MOJIBAKE.search(value):
        reasons.append(Reason.MOJIBAKE)
    return value, tuple(reasons)


def code(raw: str) -> Checked:
    """An id of a person or a school: one word of ASCII, as it came."""
    value = raw.strip(" \t")
    if not value or _ID.fullmatch(value):
        return (value, (Reason.EXCEL_DAMAGE,)) if value and _damaged_code(value) else (value, ())
    if reason := _untrusted(value, Reason.NON_ASCII_ID):
        return "", (reason,)
    if len(value) > MAX_ID:
        return "", (Reason.VALUE_TOO_LONG,)
    return "", (Reason.EXCEL_DAMAGE if _damaged_code(value) else Reason.BAD_ID,)


def email(raw: str) -> Checked:
    """An e-mail address in small letters; empty with a warning where it cannot be one."""
    value = raw.strip(" \t")
    if not value:
        return "", ()
    if len(value) <= MAX_EMAIL and _EMAIL.fullmatch(value):
        return value.lower(), ()
    return "", (_untrusted(value, Reason.NON_ASCII_EMAIL) or Reason.BAD_EMAIL,)


def plain_codes(cells: Sequence[str]) -> Sequence[str] | None:
    """The column itself if ``code`` would have nothing to say about any of its cells, None if that cannot be told at once."""
    whole = _one_text(cells)
    # An id that a spreadsheet damaged has a sign in it, which no id of this pattern has.
    return cells if _PLAIN_IDS.fullmatch(whole) else None


def plain_texts(cells: Sequence[str]) -> Sequence[str] | None:
    """The same for ``text``."""
    if max(map(len, cells), default=0) > MAX_TEXT:
        return None
    return cells if _PLAIN_TEXTS.fullmatch(_one_text(cells)) else None


def plain_emails(cells: Sequence[str]) -> Sequence[str] | None:
    """The same for ``email``, in small letters."""
    whole = _one_text(cells)
    if not whole.isascii() or max(map(len, cells), default=0) > 64:
        return None
    small = whole.lower()
    if not _PLAIN_EMAILS.fullmatch(small):
        return None
    return cells if small == whole else small[:-1].split("\n")


def _one_text(cells: Sequence[str]) -> str:
    """The cells, each on a line of its own; an empty cell is a line too. One that holds a line end makes a text that no pattern fits."""
    whole = "\n".join(cells) + "\n"
    return whole if whole.count("\n") == len(cells) else "\0"


def birth_date(raw: str, today: date, *, ages: range = AGES) -> tuple[date | None, int | None, tuple[Reason, ...]]:
    """A birth date and the age in whole years on ``today``; None where empty or not to be trusted."""
    value = raw.strip(" \t")
    if not value:
        return None, None, ()
    reasons: tuple[Reason, ...] = ()
    if found := _ISO_DATE.fullmatch(value):
        year, month, day = (int(part) for part in found.groups())
    elif found := _US_DATE.fullmatch(value):
        month, day, year = (int(part) for part in found.groups())
        reasons = (Reason.DATE_NOT_ISO,)
    else:
        return None, None, (_date_reason(value),)
    try:
        born = date(year, month, day)
    except ValueError:
        return None, None, (*reasons, Reason.BAD_DATE)
    if born > today:
        return None, None, (*reasons, Reason.BIRTH_DATE_IN_FUTURE)
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if age not in ages:
        return None, None, (*reasons, Reason.AGE_OUT_OF_RANGE)
    return born, age, reasons


def past_day(raw: str, today: date) -> Checked:
    """A day that is not after ``today``, in ISO 8601; empty where it is empty or not to be trusted."""
    day, _, reasons = birth_date(raw, today, ages=range(today.year))
    return day.isoformat() if day else "", tuple(Reason.BAD_DATE if reason is Reason.BIRTH_DATE_IN_FUTURE else reason for reason in reasons)


def grade(raw: str) -> Checked:
    """A CEDS grade; the first of several, with a warning."""
    value = raw.strip(" \t")
    if not value:
        return "", ()
    if reason := _untrusted(value, Reason.BAD_GRADE):
        return "", (reason,)
    reasons: tuple[Reason, ...] = ()
    if "," in value:
        value, reasons = value.partition(",")[0].strip(), (Reason.SEVERAL_GRADES,)
    if value.upper() in CEDS_GRADES:
        return value.upper(), reasons
    if value.isdecimal() and len(value) == 1 and value != "0":
        return f"0{value}", reasons
    if known := _GRADE_WORDS.get(value.lower()):
        return known, reasons
    return "", (*reasons, Reason.EXCEL_DAMAGE if _damaged_code(value) or _SERIAL_DATE.fullmatch(value) else Reason.BAD_GRADE)


def language(raw: str) -> Checked:
    """A home language as a BCP 47 primary subtag; empty with a warning where it is not known."""
    value = raw.strip(" \t").casefold()
    if not value:
        return "", ()
    known = _LANGUAGE_CODES.get(value) or _LANGUAGE_CODES.get(re.split(r"[-_]", value, maxsplit=1)[0])
    return (known, ()) if known else ("", (Reason.UNKNOWN_LANGUAGE,))


def flag(raw: str) -> tuple[bool, tuple[Reason, ...]]:
    """Yes or no; empty is no; anything else is not guessed."""
    value = raw.strip(" \t").lower()
    return value in _YES, () if value in _YES or value in _NO else (Reason.BAD_FLAG,)


def enrolled(raw: str) -> tuple[bool, tuple[Reason, ...]]:
    """Whether an enrolment status says that the student is there now."""
    value = raw.strip(" \t").lower()
    return value in _ENROLLED, () if value in _ENROLLED or value in _NOT_ENROLLED else (Reason.BAD_STATUS,)


def _untrusted(value: str, non_ascii: Reason) -> Reason | None:
    """Why a coded value cannot be trusted by its characters alone."""
    if _CONTROL.search(value) or "\n" in value or "\r" in value:
        return Reason.CONTROL_CHAR
    if _INVISIBLE.search(value):
        return Reason.INVISIBLE_CHAR
    return None if value.isascii() else non_ascii


def _damaged_code(value: str) -> bool:
    return bool(_EXCEL.fullmatch(value) or _EXCEL_DAY.fullmatch(value))


def _date_reason(value: str) -> Reason:
    if reason := _untrusted(value, Reason.BAD_DATE):
        return reason
    if _SHORT_DATE.fullmatch(value):
        return Reason.TWO_DIGIT_YEAR
    if _SERIAL_DATE.fullmatch(value) or _EXCEL.fullmatch(value) or _EXCEL_DAY.fullmatch(value):
        return Reason.EXCEL_DAMAGE
    return Reason.BAD_DATE
