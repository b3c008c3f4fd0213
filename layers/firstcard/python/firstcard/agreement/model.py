"""What a signed data-sharing agreement says, in the form that everything else is compiled from.

Texts of law that are shown to people come with their section and "confirm with counsel"; nothing here is legal advice.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from firstcard.agreement.vocabulary import (
    DIGITS,
    FIELDS,
    FORBIDDEN_FIELDS,
    ID_CHARACTERS,
    LETTERS_AND_DIGITS,
    NUMBER_FIELDS,
    Group,
    Purpose,
)
from firstcard.agreement.words import (
    Cidr,
    Clause,
    Code,
    Digits,
    Email,
    FidesUse,
    MonthDay,
    Name,
    OpenpgpPublicKey,
    Phone,
    PrincipalArn,
    Sha256,
    Slug,
    SshPublicKey,
    State,
    StateTerm,
    Text,
    TimeZone,
    Url,
    Word,
)

CEDS_GRADES = ("IT", "PR", "PK", "TK", "KG", *(f"{number:02d}" for number in range(1, 14)), "PS", "UG")
"""Grade levels of the Common Education Data Standards that a school agreement can name."""

SATURDAY = 5
DAYS_FOR_A_NEW_YES = 60
"""From a term's first day, where families say yes every year: time for the first roster, the e-mail, and the school's forms."""
"""In Python's count of weekdays."""


FUNCTION_PURPOSES: dict[str, tuple[Purpose, ...]] = {
    "plan": (Purpose.ISSUE_CARD, Purpose.MERGE_DELTA, Purpose.DEDUPLICATE),
    "preview": (Purpose.ISSUE_CARD, Purpose.MERGE_DELTA, Purpose.DEDUPLICATE),
    "sync": (Purpose.SYNC_ILS,),
    "notify": (Purpose.SEND_NOTICE,),
    "settle": (Purpose.DEDUPLICATE,),
    "reveal": (Purpose.SHOW_PIN,),
    "print": (Purpose.HAND_OUT,),
}
"""The functions that work with personal data, and the purposes of each. ``plan`` works on the roster and seals; it opens nothing but the last roster, and what students of two districts are compared by. ``preview`` says what ``plan`` would do, opens no more than that one, and seals nothing."""


COMPARE = ("plan", "preview")
"""The functions that open what students are compared by; people who settle a match see names and birth date, and never these."""


class Status(StrEnum):
    """Where the document stands; only an executed agreement inside its term is in force."""

    DRAFT = "draft"
    EXECUTED = "executed"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


class Ferpa(StrEnum):
    """The route of 34 CFR Part 99 by which the district may disclose."""

    SCHOOL_OFFICIAL = "school_official"
    DIRECTORY_INFORMATION = "directory_information"
    DIRECTORY_INFORMATION_LIMITED = "directory_information_limited"
    CONSENT = "consent"
    STUDIES = "studies"
    AUDIT = "audit"

    @property
    def is_directory(self) -> bool:
        """Whether 34 CFR 99.37 applies: notice first, refusals before the first disclosure."""
        return self in (Ferpa.DIRECTORY_INFORMATION, Ferpa.DIRECTORY_INFORMATION_LIMITED)


# Who signs


class Contact(Clause):
    """A person to ring; the deputy answers when that person has left."""

    name: Text
    email: Email
    phone: Phone
    deputy: "Contact | None" = None

    def __repr__(self) -> str:
        """Nobody's name: a repr ends up in logs and tracebacks."""
        return "Contact(…)"


class Signatory(Clause):
    """Who signed for a party."""

    name: Text
    title: Text


class DistrictParty(Clause):
    """The local education agency, owner of the data."""

    name: Text
    state: State
    signatory: Signatory
    privacy_contact: Contact


class LibraryParty(Clause):
    """The library, the provider in the words of the National Data Privacy Agreement."""

    name: Text
    kind: Literal["public_library", "library_consortium", "state_library", "library_vendor"]
    signatory: Signatory
    compliance_officer: Contact


class Parties(Clause):
    """The two who agree."""

    lea: DistrictParty
    provider: LibraryParty


class Document(Clause):
    """Fingerprints of the signed paper."""

    sha256: Sha256
    signed_pdf_sha256: Sha256 | None = None
    supersedes: Word | None = None


class Approval(Clause):
    """A signature over the canonical form of this file."""

    by: Text
    role: Text
    at: date
    signature: Text


# Why it is lawful


class SchoolOfficial(Clause):
    """The three statements of 34 CFR 99.31(a)(1)(i)(B) and 99.33(a)."""

    institutional_service: Text
    direct_control: Text
    no_redisclosure: Text


class PublicNotice(Clause):
    """The notice of 34 CFR 99.37(a), and of (d) where it names recipient and purpose."""

    published_on: date
    opt_out_by: date
    names_recipient: bool
    names_purpose: bool
    url: Url


class WrittenConsent(Clause):
    """What the consent form states, 34 CFR 99.30(b)."""

    information: Text
    purpose: Text
    recipients: Text
    form_url: Url


class Study(Clause):
    """The elements of 34 CFR 99.31(a)(6)(iii)(C)."""

    purpose: Text
    scope: Text
    information: Text
    ends_on: date
    no_identification: Text
    destroy_within_days: Annotated[int, Field(ge=1, le=365)]


class Evaluation(Clause):
    """The elements of 34 CFR 99.35(a)(3)."""

    representative: Text
    information: Text
    purpose: Text
    activity: Text
    destroy_within_days: Annotated[int, Field(ge=1, le=365)]
    no_further_disclosure: Text


class Choice(Clause):
    """How a family says no, or yes. ``yes_from`` is the day from which a yes in the roster counts where families are asked every year."""

    mode: Literal["opt_out", "opt_in"]
    window_days: Annotated[int, Field(ge=1, le=365)] | None = None
    renew: Literal["never", "yearly"]
    honour_within_hours: Annotated[int, Field(ge=1, le=720)]
    yes_again: Literal["district", "district_or_eligible_student", "family"] = "district_or_eligible_student"
    yes_from: date | None = None


class Basis(Clause):
    """The FERPA route, its own elements, and the choice of the family."""

    ferpa: Ferpa
    choice: Choice
    school_official: SchoolOfficial | None = None
    notice: PublicNotice | None = None
    consent: WrittenConsent | None = None
    studies: Study | None = None
    audit: Evaluation | None = None


class Term(Clause):
    """First and last day; renewal is never silent."""

    effective: date
    expires: date
    renewal: Literal["explicit"] = "explicit"

    @property
    def days(self) -> int:
        """Length in days, both ends included."""
        return (self.expires - self.effective).days + 1


# What may be sent, and who may open it


class PurposeClause(Clause):
    """One purpose in the words of the agreement's Exhibit A; ``evaluate`` says what may come out of it."""

    use: FidesUse
    exhibit_a: Text
    output: Literal["aggregate_only", "individual"] | None = None
    min_cell: Annotated[int, Field(ge=2, le=1000)] | None = None


_CONDITION = re.compile(r"(?:(age|grade) (<|<=|>|>=) (\w+)|(role) (==) (student|staff))")


@dataclass(frozen=True, slots=True)
class Condition:
    """When a field may be sent: ``age < 14``, ``grade >= 09``, ``role == student``."""

    subject: Literal["age", "grade", "role"]
    sign: Literal["<", "<=", ">", ">=", "=="]
    bound: str

    @classmethod
    def read(cls, text: str) -> "Condition":
        """Parse; raises ValueError with a sentence that says what to write."""
        found = _CONDITION.fullmatch(text)
        advice = "write one comparison, such as 'age < 14', 'grade >= 09' or 'role == student'"
        if found is None:
            raise ValueError(advice)
        subject, sign, bound = (part for part in found.groups() if part is not None)
        if (subject == "age" and not bound.isdecimal()) or (subject == "grade" and bound not in CEDS_GRADES):
            raise ValueError(advice)
        return cls(subject, sign, bound)  # type: ignore[arg-type]  # the expression admits these words only

    def holds(self, *, role: str, age: int | None, grade: str) -> bool:
        """Whether the field may be sent; ``age`` in whole years. False where what it asks for is unknown: what is not sure to be agreed is not read."""
        if self.subject == "role":
            return role == self.bound
        if self.subject == "age":
            return age is not None and self._compares(age, int(self.bound))
        return grade in CEDS_GRADES and self._compares(CEDS_GRADES.index(grade), CEDS_GRADES.index(self.bound))

    def _compares(self, left: int, right: int) -> bool:
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[self.sign]


def _readable_condition(text: str) -> str:
    Condition.read(text)
    return text


class FieldClause(Clause):
    """One field of Exhibit B; its group follows from the vocabulary."""

    required: bool
    exhibit_b: Text
    fideslang: FidesUse
    only_if: Annotated[str, AfterValidator(_readable_condition)] | None = None

    @property
    def condition(self) -> Condition | None:
        """``only_if``, readable."""
        return None if self.only_if is None else Condition.read(self.only_if)


def _all_none_or_some_purposes(value: object) -> bool | tuple[Purpose, ...]:
    words = [str(purpose) for purpose in Purpose]
    if isinstance(value, bool):
        return value
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, str) and item in words for item in value):
        return tuple(Purpose(item) for item in value)
    raise ValueError(f"write true, false, or a list of purposes: {', '.join(words)}")


class RoleClause(Clause):
    """A function, or a person's role, and the purposes it works for.

    ``opens`` says for which of them it may open what is sealed: true for all, false for none, since it works on the roster itself and seals.
    """

    purposes: tuple[Purpose, ...]
    opens: Annotated[bool | tuple[Purpose, ...], BeforeValidator(_all_none_or_some_purposes)] = True
    human: bool = False
    source_identity_required: bool = False

    @property
    def opened(self) -> tuple[Purpose, ...]:
        """The purposes for which it opens what is sealed."""
        return tuple(purpose for purpose in self.purposes if self.opens is True or (self.opens and purpose in self.opens))


@dataclass(frozen=True, slots=True, order=True)
class Access:
    """One thing that one role may open for one purpose; what the key policy has one statement for."""

    role: str
    purpose: Purpose
    group: Group


class Subprocessor(Clause):
    """A further party that receives field groups, 34 CFR 99.33 and NDPA article II.5."""

    name: Text
    service: Text
    groups: Annotated[tuple[Group, ...], Field(min_length=1)]
    location: Text
    agreement: Literal["on_file", "pending"]
    since: date


# The programme


def _all_or_some(value: object) -> "Literal['all'] | tuple[str, ...]":
    if value == "all":
        return "all"
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, str) and item for item in value):
        return tuple(value)
    raise ValueError("write all, or a list of codes in quotes")


def _grades(value: object) -> "Literal['all'] | tuple[str, ...]":
    chosen = _all_or_some(value)
    if chosen != "all" and not set(chosen) <= set(CEDS_GRADES):
        raise ValueError(f"write all, or a list of CEDS grades in quotes: {', '.join(CEDS_GRADES)}")
    return chosen


def _staff(value: object) -> "bool | tuple[str, ...]":
    if isinstance(value, bool):
        return value
    if (
        isinstance(value, (list, tuple))
        and value
        and all(isinstance(word, str) and word and word == word.lower().strip() for word in value)
    ):
        return tuple(value)
    raise ValueError("write true, false, or a list of roles in small letters as the export has them, such as teacher, librarian")


class LeftOut(Clause):
    """A group of students without a card: those to whom everything holds that is said, by school id, grade, or the word of ``enrollment_status``."""

    schools: tuple[Text, ...] = ()
    grades: Annotated[Literal["all"] | tuple[str, ...], PlainValidator(_grades)] = "all"
    statuses: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.schools and not self.statuses and self.grades == "all":
            raise ValueError("say by schools, grades or statuses who belongs to the group: as it is, nobody would get a card")
        return self


class Rollout(Clause):
    """Who gets a card now. ``staff`` may be a list of roles; ``leave_out`` has groups by name, such as charter, virtual or dual-enrolled.

    ``also_elsewhere`` says that the same people may have a card of another library of the district, too, under that library's agreement.
    """

    schools: Annotated[Literal["all"] | tuple[str, ...], PlainValidator(_all_or_some)]
    grades: Annotated[Literal["all"] | tuple[str, ...], PlainValidator(_grades)]
    staff: Annotated[bool | tuple[str, ...], PlainValidator(_staff)]
    leave_out: dict[Slug, LeftOut] = Field(default_factory=dict)
    also_elsewhere: bool = False


class NumberClause(Clause):
    """How a card's number is made; it is always ``length`` characters long.

    ``prefix_student_id`` is the prefix and the district's own id, zero-padded; ``student_id`` the id alone, zero-padded; ``state_id`` the state's id,
    zero-padded; ``supplied`` is a number that the district sends, which begins with the prefix if there is one; ``library_barcode`` comes from the
    library's own block with a check digit, and its prefix stands in the library's file.
    """

    scheme: Literal["prefix_student_id", "student_id", "state_id", "supplied", "library_barcode"]
    prefix: Digits = ""
    length: Annotated[int, Field(ge=5, le=20)]

    @property
    def field(self) -> str:
        """The field of the roster that the number is made of; empty for the library's own block."""
        return NUMBER_FIELDS[self.scheme]

    @property
    def characters(self) -> frozenset[str]:
        """Everything that a number may hold."""
        return {"library_barcode": DIGITS, "state_id": LETTERS_AND_DIGITS, "supplied": LETTERS_AND_DIGITS}.get(self.scheme, ID_CHARACTERS)

    @property
    def is_shared(self) -> bool:
        """Whether the numbers come from somewhere where nobody keeps districts apart: then two clauses may mean the same ones, and the first child has it."""
        return self.scheme in ("state_id", "supplied")


TRIES_A_DAY = 5
"""How many wrong answers the page that shows a PIN takes from one household in a day."""


class PinPage(Clause):
    """The page that shows a PIN once: what it asks for, which the e-mail with the link does not say, and for how many days the link works."""

    asks: Literal["birth_date", "student_id"]
    days: Annotated[int, Field(ge=1, le=90)]

    @property
    def opens(self) -> tuple[Group, ...]:
        """The field groups that the page cannot do without."""
        return (Group.PIN, Group.CARD, FIELDS[self.asks])


PinFormat = Literal["MMDDYYYY", "DDMMYYYY", "YYYYMMDD", "MMDDYY", "DDMMYY", "YYMMDD", "MMDD", "DDMM"]
"""How a birth date is written as a PIN: digits alone, since every PIN is."""


BIRTH_DATE_PIN = (
    "A PIN made of the birth date protects nothing from those who know the child or find the date in a list: "
    "with the card number they see and change what the card shows, and borrow on it."
)
"""Our own warning; the memorandum has it beside the risk in the words of those who sign."""


class PinClause(Clause):
    """How a PIN is made, and how a family learns it: without a ``page`` nobody is told.

    It is ``length`` random digits, or a student's birth date in ``format``, where the people who sign name the ``risk`` in their own words. Staff, a student without a
    birth date, and whoever gets another PIN have a random one all the same.
    """

    scheme: Literal["random", "birth_date"]
    length: Annotated[int, Field(ge=4, le=12)]
    format: PinFormat | None = None
    risk: Text | None = None
    page: PinPage | None = None


class Expiry(Clause):
    """When a card ends: on ``month_day``; a card touched after ``rolls_after`` runs to next year's.

    ``graduation`` takes that day of the year in which the student's grade will have left the twelfth, ``age`` the birthday ``until_age``. Whoever has no such
    grade or birth date ahead, and staff, have the rule of the school year.
    """

    rule: Literal["school_year", "graduation", "age"]
    month_day: MonthDay
    rolls_after: MonthDay
    until_age: Annotated[int, Field(ge=5, le=25)] | None = None


class PatronTypes(Clause):
    """The library's patron types for the two kinds of people, and for students of some grades and from some ages on."""

    student: Code
    staff: Code
    by_grade: dict[Literal[CEDS_GRADES], Code] = Field(default_factory=dict)  # type: ignore[valid-type]
    by_age: dict[Annotated[int, Field(ge=1, le=25)], Code] = Field(default_factory=dict)

    def of_student(self, grade: str, age: int | None) -> str:
        """The type of a student: that of the oldest age in years that it has reached, else of its grade, else ``student``."""
        reached = [years for years in self.by_age if age is not None and age >= years]
        return self.by_age[max(reached)] if reached else self.by_grade.get(grade, self.student)

    def every(self) -> dict[tuple[str, ...], str]:
        """Every type that is named, by where it stands."""
        return {
            ("student",): self.student,
            ("staff",): self.staff,
            **{("by_grade", grade): code for grade, code in self.by_grade.items()},
            **{("by_age", str(age)): code for age, code in self.by_age.items()},
        }


class HomeBranch(Clause):
    """The branch of a card, by school id."""

    default: Code
    by_school: dict[str, Code] = Field(default_factory=dict)


OutsideWord = Literal["full", "e_resources", "skip", "ask"]
"""What a student outside the service area gets: the same card, one for e-resources alone, none, or none before the library has said so."""


class ServiceArea(Clause):
    """Who lives where the library serves, and what the others get. Exactly one of ``flag`` (the field in_service_area), ``postal_codes`` (those inside) and ``outside_schools`` tells.

    ``unknown`` is what a student counts as whose row does not tell. ``by_school`` are the library's answers for single schools. Staff get their card wherever they live.
    """

    flag: bool = False
    postal_codes: tuple[Text, ...] = ()
    outside_schools: tuple[Text, ...] = ()
    unknown: Literal["inside", "outside"]
    outside: OutsideWord
    by_school: dict[Text, Literal["full", "e_resources", "skip"]] = Field(default_factory=dict)
    patron_type: Code | None = None

    @property
    def field(self) -> str:
        """The field of the roster that tells."""
        return "in_service_area" if self.flag else "postal_code" if self.postal_codes else "school_id"

    def of_student(self, *, school: str, postal_code: str, flag: str) -> Literal["inside"] | OutsideWord:
        """What a student gets: ``inside``, or the word for the others. ``flag`` is ``yes``, ``no`` or empty; of a postal code its first five signs count."""
        if self.outside_schools:
            inside = school not in self.outside_schools
        else:
            told = flag if self.flag else postal_code[:5]
            inside = (flag == "yes" if self.flag else told in self.postal_codes) if told else self.unknown == "inside"
        return "inside" if inside else self.by_school.get(school, self.outside)


class Rules(Clause):
    """What the library promises of the card's use. The library's system keeps it by the patron type; here it is agreed and told, and nothing is written.

    ``item_limit`` is how many items may be out at once. ``amnesty`` says that what a child owed before is forgiven: an act of the library's staff.
    """

    no_fines: bool
    amnesty: bool = False
    item_limit: Annotated[int, Field(ge=0, le=500)] | None = None
    hold_pickup: Literal["branch", "school"] = "branch"


class CardClause(Clause):
    """What kind of card comes out."""

    kind: Literal["virtual", "e_resources", "full"]
    service_area: ServiceArea | None = None
    rules: Rules | None = None
    number: NumberClause
    staff_number: NumberClause
    pin: PinClause
    pin_or_second_factor: bool = False
    expiry: Expiry
    patron_type: PatronTypes
    home_branch: HomeBranch


class Leavers(Clause):
    """How long a card lives after its owner left the roster: so many days, or with ``runs_out`` to its own last day."""

    grace_days: Annotated[int, Field(ge=0, le=365)]
    runs_out: bool = False


class NameOn(Clause):
    """Which name goes where. No default: the wrong one outs a child at home or puts a dead name on a card."""

    ils: Literal["legal", "preferred"]
    family_notice: Literal["none", "first", "preferred"]
    handout: Literal["legal", "preferred"]


Percent = Annotated[float, Field(ge=0, le=100)]


class Safety(Clause):
    """What is held for a person instead of being applied; shares in percent of the students known before.

    ``pilot_cards``: a first load makes so many cards and no more, to be tried at the library; all others come with the next file, which waits for a person again.
    """

    first_run_needs_approval: bool
    pilot_cards: Annotated[int, Field(ge=1, le=50)] | None = None
    max_missing_percent: Percent
    max_new_percent: Percent
    max_changed_percent: Percent
    max_rejected_percent: Percent


# How it travels and how long it stays


class Days(Clause):
    """A span of the calendar, both ends included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


class SchoolCalendar(Clause):
    """When no file is expected (``breaks``) and when none is applied (``rollover``). Days are the district's, in ``timezone``."""

    timezone: TimeZone
    breaks: tuple[Days, ...] = ()
    rollover: Days | None = None

    def local(self, moment: datetime) -> datetime:
        """A moment (with its offset) by the district's clocks."""
        return moment.astimezone(ZoneInfo(self.timezone))

    def date_of(self, moment: datetime) -> date:
        """The district's date at a moment."""
        return self.local(moment).date()

    def noon_of(self, day: date) -> datetime:
        """Noon of one of the district's days, in UTC."""
        return datetime.combine(day, time(12), ZoneInfo(self.timezone)).astimezone(UTC)

    def is_rollover(self, day: date) -> bool:
        """Whether nothing is applied on this day."""
        return self.rollover is not None and day in self.rollover

    def is_school_day(self, day: date) -> bool:
        """Whether it is a Monday to Friday outside breaks and roll-over."""
        return day.weekday() < SATURDAY and not self.is_rollover(day) and not any(day in span for span in self.breaks)

    def rolled_over_between(self, earlier: datetime, later: datetime) -> bool:
        """Whether the roll-over's last day ended after ``earlier`` and before ``later``."""
        return self.rollover is not None and self.date_of(earlier) <= self.rollover.last < self.date_of(later)


class Exchange(Clause):
    """The way of the file: format, protection, proof of sender, rhythm. ``deltas`` says whether a file may hold changes only."""

    channels: Annotated[tuple[Literal["sftp", "s3"], ...], Field(min_length=1)]
    formats: Annotated[
        tuple[
            Literal["oneroster_1_1", "oneroster_1_2", "sds_1", "sds_2_1", "clever", "powerschool", "infinite_campus", "doe_stn", "csv"],
            ...,
        ],
        Field(min_length=1),
    ]
    mapping: dict[Name, Text] = Field(default_factory=dict)
    organisation_ids: Annotated[tuple[Text, ...], Field(min_length=1)]
    protection: Literal["signed", "encrypted", "plain"]
    signers: tuple[OpenpgpPublicKey, ...] = ()
    sftp_keys: tuple[SshPublicKey, ...] = ()
    s3_principal: PrincipalArn | None = None
    source_cidrs: tuple[Cidr, ...] = ()
    cadence: Literal["nightly", "weekly", "monthly", "once"]
    calendar: SchoolCalendar
    max_megabytes: Annotated[int, Field(ge=1, le=1000)]
    deltas: bool = False


class Retention(Clause):
    """How long anything is kept, in days.

    ``disclosure_record_days`` is how long the district keeps the education record that the record of disclosures of 34 CFR 99.32 belongs to.
    """

    raw_upload_days: Annotated[int, Field(ge=1, le=366)]
    roster_days: Annotated[int, Field(ge=1, le=3660)]
    after_withdrawal_days: Annotated[int, Field(ge=0, le=3660)]
    access_log_days: Annotated[int, Field(ge=1, le=36500)]
    disclosure_record_days: Annotated[int, Field(ge=1, le=36500)]
    legal_hold: bool = False


class Disposition(Clause):
    """Destruction and its proof (NDPA article IV.6, Exhibit D)."""

    on: Annotated[tuple[Literal["request", "termination"], ...], Field(min_length=1)]
    within_days: Annotated[int, Field(ge=1, le=365)]
    method: Annotated[tuple[Literal["object_delete", "key_delete"], ...], Field(min_length=1)]
    certificate: Literal["exhibit_d", "letter"]
    key_wait_days: Annotated[int, Field(ge=7, le=30)]


class Breach(Clause):
    """When and what the district is told; the start of the clock is part of the contract."""

    notify_lea_within_hours: Annotated[int, Field(ge=1, le=720)]
    clock_starts: Literal["incident", "discovery", "confirmation"]
    contents: Annotated[tuple[Literal["contact", "data_types", "dates", "delay_reason", "description", "remedy"], ...], Field(min_length=1)]
    state_overlay: tuple[State, ...] = ()


class Audit(Clause):
    """Who may look, and how often a person signs the review."""

    lea_may_audit: Literal["yearly", "yearly_or_after_incident", "any_time"]
    notice_days: Annotated[int, Field(ge=0, le=90)]
    access_review: Literal["weekly"] = "weekly"
    signed: Literal["monthly", "quarterly"]
    reviewer: Text


class Deidentified(Clause):
    """Off by default."""

    allowed: bool = False
    reidentification: Literal["forbidden"] = "forbidden"


class Requests(Clause):
    """What is done when somebody asks; 45 days is the limit of 34 CFR 99.10(b)."""

    parent_access_days: Annotated[int, Field(ge=1, le=45)] = 45
    correction: Literal["via_lea"] = "via_lea"
    law_enforcement: Literal["redirect_to_lea"] = "redirect_to_lea"


class Training(Clause):
    """Privacy training of the people with access."""

    privacy: Literal["yearly", "twice_yearly"]
    records: Literal["on_file"]


class Notices(Clause):
    """What is written to whom."""

    languages: Annotated[tuple[Literal["en", "es"], ...], Field(min_length=1)]
    sender: Email
    reply_to: Email
    announce: bool
    receipt_to: Annotated[tuple[Email, ...], Field(min_length=1)]
    contact: Contact


class InDoubt(Clause):
    """What a child gets while it is not certain whether it has a card already: a card of its own, or nothing until staff decide or the days are over."""

    meanwhile: Literal["card", "wait"]
    decide_within_days: Annotated[int, Field(ge=1, le=90)]


class Goal(Clause):
    """What both agreed to reach by a day: so many percent of the students (``coverage``) or of the educators with a card in the library's system."""

    measure: Literal["coverage", "educators"]
    target_percent: Annotated[int, Field(ge=1, le=100)]
    by: date


class Agreement(Clause):
    """One signed data-sharing agreement of one district and one library."""

    api_version: Annotated[Literal["agreement/v1"], Field(alias="apiVersion")]
    id: Slug
    title: Text
    district: Slug
    library: Slug
    status: Status
    document: Document | None = None
    parties: Parties
    basis: Basis
    term: Term
    purposes: Annotated[dict[Purpose, PurposeClause], Field(min_length=1)]
    prohibited_uses: Annotated[tuple[Literal["advertising", "sale", "profiling", "model_training"], ...], Field(min_length=1)]
    fields: Annotated[dict[Name, FieldClause], Field(min_length=1)]
    forbidden_fields: tuple[Name, ...] = FORBIDDEN_FIELDS
    forbidden_columns: Literal["drop", "reject"]
    matrix: Annotated[dict[Purpose, Annotated[tuple[Group, ...], Field(min_length=1)]], Field(min_length=1)]
    roles: Annotated[dict[Name, RoleClause], Field(min_length=1)]
    subprocessors: tuple[Subprocessor, ...] = ()
    rollout: Rollout
    card: CardClause
    existing: Literal["separate", "link", "renew", "ask"]
    existing_blocked: Literal["separate", "link_and_list", "ask"] | None = None
    in_doubt: InDoubt | None = None
    leavers: Leavers
    name_on: NameOn
    safety: Safety
    exchange: Exchange
    retention: Retention
    disposition: Disposition
    notices: Notices
    breach: Breach
    audit: Audit
    deidentified: Deidentified = Deidentified()
    requests: Requests = Requests()
    training: Training
    goals: tuple[Goal, ...] = ()
    security_framework: Literal["NIST_CSF", "NIST_800_53", "ISO_27001", "CIS"]
    state_terms: tuple[StateTerm, ...] = ()
    approvals: tuple[Approval, ...] = ()

    def __repr__(self) -> str:
        """Which agreement, not what is in it: it names people and their addresses."""
        return f"Agreement({self.id})"

    @property
    def sharing(self) -> str:
        """The data-sharing id ``<library>.<district>``: it outlives the document and is in every encryption context."""
        return f"{self.library}.{self.district}"

    @property
    def links_existing(self) -> bool:
        """Whether a card that a student certainly has already serves as the student card without anybody's decision."""
        return self.existing in ("link", "renew")

    @property
    def renews_existing(self) -> bool:
        """Whether such a card gets the last day of the student cards where it would end earlier."""
        return self.existing == "renew"

    @property
    def asks_again(self) -> bool:
        """Whether families with a card are told each year that they may say no, or are to say yes again; where they refuse before the upload, the district's own notice does so."""
        return self.route != "before_upload" and self.basis.choice.renew == "yearly"

    @property
    def yes_by(self) -> date | None:
        """The last day for a new yes, where one is needed each year: sixty days from the term's first one. None where none is."""
        yearly = self.route == "opt_in" and self.basis.choice.renew == "yearly"
        return self.term.effective + timedelta(days=DAYS_FOR_A_NEW_YES) if yearly else None

    @property
    def route(self) -> Literal["before_upload", "window", "opt_in"]:
        """How consent works: refusals before the upload, a window of days after the family was told, or a yes first."""
        if self.basis.ferpa.is_directory:
            return "before_upload"
        return "opt_in" if self.basis.choice.mode == "opt_in" else "window"

    def in_force(self, on: date) -> bool:
        """Whether the agreement is executed and ``on`` lies in its term, both ends included."""
        return self.status is Status.EXECUTED and self.binds(on)

    def binds(self, on: date) -> bool:
        """Whether the parties are bound on a day of its term, be it that the agreement stands still."""
        return self.status in (Status.EXECUTED, Status.SUSPENDED) and self.term.effective <= on <= self.term.expires

    def purposes_of(self, group: Group) -> tuple[Purpose, ...]:
        """The purposes for which the matrix opens ``group``, in the vocabulary's order."""
        return tuple(purpose for purpose in Purpose if group in self.matrix.get(purpose, ()))

    @property
    def hands_out(self) -> bool:
        """Whether cards may be printed and handed out at school."""
        return bool(self.matrix.get(Purpose.HAND_OUT))

    def may_preview(self, purpose: Purpose) -> bool:
        """Whether the function that says what a roster would do may open, for it, what planning opens for a purpose."""
        return "preview" in self.roles and purpose in self.roles["preview"].opened

    @property
    def prints_pins(self) -> bool:
        """Whether what is printed has the PIN on it."""
        return Group.PIN in self.matrix.get(Purpose.HAND_OUT, ())

    def accesses(self) -> tuple[Access, ...]:
        """Everything that anyone may open; sorted, without the roles that only seal."""
        return tuple(
            sorted(
                Access(name, purpose, group)
                for name, role in self.roles.items()
                for purpose in role.opened
                for group in self.for_role(name, purpose)
            )
        )

    def for_role(self, name: str, purpose: Purpose) -> tuple[Group, ...]:
        """The groups that a purpose is about for one role: what students are compared by is the comparing function's alone, and it needs nothing else for that."""
        groups = self.matrix.get(purpose, ())
        if purpose is not Purpose.DEDUPLICATE:
            return tuple(groups)
        return tuple(group for group in groups if (group is Group.STUDENTS) == (name in COMPARE))

    @property
    def compared_across(self) -> bool:
        """Whether the library may compare these students with those of another district that agreed to the same."""
        return Group.STUDENTS in self.matrix.get(Purpose.DEDUPLICATE, ())

    def groups(self) -> tuple[Group, ...]:
        """The field groups that the agreed fields fall into, in the vocabulary's order; ``card``, ``pin``, ``roster`` and ``students`` are ours and not among them."""
        listed = {FIELDS.get(name) for name in self.fields}
        return tuple(group for group in Group if group in listed)
