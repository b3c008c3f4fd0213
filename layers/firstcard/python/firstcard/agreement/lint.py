"""What a well-formed agreement may still get wrong: rules between its clauses, with its library and with its neighbours.

Each rule is an error: an agreement that breaks one is not deployed. The law is cited for finding it again; confirm with counsel.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations

from firstcard.agreement.library import ADAPTERS, NEEDED_PATRON_FIELDS, AdapterFacts, Library, PatronsClause
from firstcard.agreement.lines import Path
from firstcard.agreement.model import (
    BIRTH_DATE_PIN,
    FUNCTION_PURPOSES,
    Agreement,
    Ferpa,
    NumberClause,
    PinPage,
    RoleClause,
    ServiceArea,
    Status,
)
from firstcard.agreement.vocabulary import FIELDS, FORBIDDEN_FIELDS, Group, Purpose

ALWAYS_PROHIBITED = ("advertising", "sale", "profiling")
"""Cal. Bus. & Prof. Code 22584 and its like in other states."""
SMALLEST_CELL = 10
"""Groups of fewer people may not appear in what `evaluate` puts out."""
NEW_YORK_BREACH_HOURS = 168
"""Seven calendar days of discovery, 8 NYCRR 121.10(a)."""
SHORTEST_ID = 4
"""Digits that a zero-padded id must at least have room for."""
BARCODE_LENGTH = 14
ZIP_LENGTH = 5
BASIS_ELEMENTS: dict[Ferpa, str] = {
    Ferpa.SCHOOL_OFFICIAL: "school_official",
    Ferpa.DIRECTORY_INFORMATION: "notice",
    Ferpa.DIRECTORY_INFORMATION_LIMITED: "notice",
    Ferpa.CONSENT: "consent",
    Ferpa.STUDIES: "studies",
    Ferpa.AUDIT: "audit",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken rule: the path of the clause, and the sentence."""

    path: Path
    sentence: str


def nearest(word: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` where one is near, else nothing."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""


# One agreement by itself


def _dates(a: Agreement) -> Iterator[Fault]:
    if a.term.expires <= a.term.effective:
        yield Fault(("term", "expires"), f"The agreement ends before it begins: write a date after {a.term.effective}.")
    for number, span in enumerate((*a.exchange.calendar.breaks, *filter(None, [a.exchange.calendar.rollover]))):
        where: Path = ("breaks", number) if number < len(a.exchange.calendar.breaks) else ("rollover",)
        if span.last < span.first:
            yield Fault(("exchange", "calendar", *where, "last"), f"The span ends before it begins: write a date from {span.first} on.")
    expiry = a.card.expiry
    if expiry.month_day <= expiry.rolls_after:
        yield Fault(
            ("card", "expiry", "month_day"),
            f"A card touched between {expiry.month_day} and {expiry.rolls_after} would be over at once: write a month_day after rolls_after.",
        )


def _basis(a: Agreement) -> Iterator[Fault]:
    basis, choice = a.basis, a.basis.choice
    wanted = BASIS_ELEMENTS[basis.ferpa]
    for element in dict.fromkeys(BASIS_ELEMENTS.values()):
        if element == wanted and getattr(basis, element) is None:
            yield Fault(
                ("basis",),
                f"The basis {basis.ferpa} rests on its own statements: add the block 'basis.{element}' (34 CFR 99.30 to 99.37; confirm with counsel).",
            )
        elif element != wanted and getattr(basis, element) is not None:
            yield Fault(
                ("basis", element),
                f"The basis is {basis.ferpa}, and '{element}' belongs to another: remove the block, or change basis.ferpa.",
            )
    if basis.ferpa.is_directory:
        if choice.mode != "opt_out":
            yield Fault(
                ("basis", "choice", "mode"),
                "Directory information is refused, not granted (34 CFR 99.37): write opt_out, or change basis.ferpa to consent.",
            )
        if choice.window_days is not None:
            yield Fault(
                ("basis", "choice", "window_days"),
                "Under directory information families refuse before the upload, by notice.opt_out_by: remove window_days, or change basis.ferpa to school_official.",
            )
        if basis.notice is not None:
            yield from _notice(a)
    elif basis.ferpa in (Ferpa.SCHOOL_OFFICIAL, Ferpa.CONSENT):
        if choice.mode == "opt_out" and choice.window_days is None:
            yield Fault(
                ("basis", "choice"),
                f"Under {basis.ferpa} families are told after the upload and have days to refuse: add window_days of 1 or more, or write mode: opt_in.",
            )
        if choice.mode == "opt_in" and choice.window_days is not None:
            yield Fault(
                ("basis", "choice", "window_days"),
                "With opt_in no card is made before a yes, so no window runs: remove window_days, or write mode: opt_out.",
            )
    else:
        for purpose in a.purposes:
            if purpose is not Purpose.EVALUATE:
                yield Fault(
                    ("purposes", purpose.value),
                    f"The basis {basis.ferpa} covers evaluation only, not {purpose.value} (34 CFR 99.31(a)(6), 99.35): remove the purpose, or choose school_official, directory_information_limited or consent.",
                )
    asks_again = choice.mode == "opt_in" and choice.renew == "yearly" and "consent_date" in a.fields
    if asks_again and choice.yes_from is None:
        yield Fault(
            ("basis", "choice"),
            "Families are asked every year, and the roster brings the day of a yes: add yes_from, the first day on which a yes is one for this agreement.",
        )
    if choice.yes_from is not None and not asks_again:
        yield Fault(
            ("basis", "choice", "yes_from"),
            "yes_from says from when a yes in the roster counts: remove it, or write mode: opt_in and renew: yearly and list the field consent_date.",
        )
    if choice.yes_from is not None and choice.yes_from > a.term.expires:
        yield Fault(("basis", "choice", "yes_from"), "No yes could count before the agreement ends: write a day up to term.expires.")
    if "consent_date" in a.fields and choice.mode != "opt_in":
        yield Fault(
            ("fields", "consent_date"),
            "Nobody needs to say yes under this agreement, so the day of a yes is not needed: remove the field, or write mode: opt_in.",
        )
    if a.route == "window" and not a.notices.announce and Purpose.ISSUE_CARD in a.purposes:
        yield Fault(("notices", "announce"), "The window begins when the family was told: write announce: true.")


def _notice(a: Agreement) -> Iterator[Fault]:
    notice = a.basis.notice
    if notice is None:
        return
    if notice.opt_out_by < notice.published_on:
        yield Fault(
            ("basis", "notice", "opt_out_by"),
            f"Families could refuse only before they were told: write a date after {notice.published_on}.",
        )
    if notice.published_on >= a.term.effective:
        yield Fault(
            ("basis", "notice", "published_on"),
            f"The notice comes before the first upload (34 CFR 99.37(a)): write a date before {a.term.effective}.",
        )
    if notice.opt_out_by >= a.term.effective:
        yield Fault(
            ("basis", "notice", "opt_out_by"),
            f"Refusals come before the first upload (34 CFR 99.37(a)): write a date before {a.term.effective}, or let the term begin later.",
        )
    if a.basis.ferpa is Ferpa.DIRECTORY_INFORMATION_LIMITED:
        for name in ("names_recipient", "names_purpose"):
            if not getattr(notice, name):
                yield Fault(
                    ("basis", "notice", name),
                    f"A limited disclosure keeps to the parties and purposes that its notice states (34 CFR 99.37(d)): publish a notice that does and write {name}: true, or choose directory_information.",
                )


def _fields(a: Agreement) -> Iterator[Fault]:
    for name in a.fields:
        if name in FORBIDDEN_FIELDS or name in a.forbidden_fields:
            yield Fault(("fields", name), f"'{name}' may not be in any agreement: remove it; a column of that kind is dropped unread.")
        elif name not in FIELDS:
            yield Fault(
                ("fields", name),
                f"'{name}' is not a field that a roster may bring.{nearest(name, FIELDS)} The fields are: {', '.join(FIELDS)}.",
            )
    missing = [name for name in FORBIDDEN_FIELDS if name not in a.forbidden_fields]
    if missing:
        yield Fault(
            ("forbidden_fields",), f"These are always forbidden: add {', '.join(missing)}, or leave the key out, which forbids them all."
        )
    for name, column in a.exchange.mapping.items():
        if name not in a.fields:
            yield Fault(
                ("exchange", "mapping", name),
                f"'{name}' is mapped to a column but is not among the agreed fields.{nearest(name, a.fields)} Add it under fields, or remove the mapping.",
            )
        if column in FORBIDDEN_FIELDS:
            yield Fault(("exchange", "mapping", name), f"The column '{column}' is forbidden: map '{name}' to another one.")
    for name in ("student_id", "last_name", "first_name"):
        if name not in a.fields and Purpose.ISSUE_CARD in a.purposes:
            yield Fault(("fields",), f"No card can be made without '{name}': add it under fields.")
    if "card_number" in a.fields and "supplied" not in (a.card.number.scheme, a.card.staff_number.scheme):
        yield Fault(
            ("fields", "card_number"),
            "A card number from the district is used with the scheme supplied only, and would be collected for nothing: remove the field, or write scheme: supplied.",
        )
    if a.card.kind != "full":
        for name in a.fields:
            if FIELDS.get(name) is Group.ADDRESS and name != "postal_code":
                yield Fault(
                    ("fields", name),
                    f"A {a.card.kind} card needs no address: remove '{name}', and list in_service_area or postal_code where the library must know the area.",
                )


def _purposes(a: Agreement) -> Iterator[Fault]:
    for purpose in a.purposes:
        if purpose not in a.matrix:
            yield Fault(
                ("purposes", purpose.value),
                f"The matrix does not say what {purpose.value} may open: add it under matrix, or remove the purpose.",
            )
        if not any(purpose in role.purposes for role in a.roles.values()):
            yield Fault(
                ("purposes", purpose.value), f"No role works for {purpose.value}: name the function under roles, or remove the purpose."
            )
    for purpose in a.matrix:
        if purpose not in a.purposes:
            yield Fault(
                ("matrix", purpose.value),
                f"'{purpose.value}' is no purpose of this agreement: describe it under purposes, or remove the line.",
            )
    for name, role in a.roles.items():
        if not role.purposes and not role.human:
            yield Fault(("roles", name, "purposes"), f"The role '{name}' works for no purpose: name one, or remove the role.")
        for number, purpose in enumerate(role.purposes):
            if purpose not in a.purposes:
                yield Fault(
                    ("roles", name, "purposes", number),
                    f"'{purpose.value}' is no purpose of this agreement: describe it under purposes, or remove it here.",
                )
        if not role.human:
            yield from _function(name, role)
        if role.human and role.purposes and role.opens and not role.source_identity_required:
            yield Fault(
                ("roles", name),
                f"'{name}' is a person's role that opens personal data: write source_identity_required: true, so that the log names the person.",
            )
    evaluate = a.purposes.get(Purpose.EVALUATE)
    if evaluate is not None and a.basis.ferpa not in (Ferpa.STUDIES, Ferpa.AUDIT):
        if evaluate.output != "aggregate_only":
            yield Fault(
                ("purposes", "evaluate"),
                "A library that evaluates its own programme gets counts, not children: write output: aggregate_only.",
            )
        if evaluate.min_cell is None or evaluate.min_cell < SMALLEST_CELL:
            yield Fault(("purposes", "evaluate"), f"Small groups reveal who is in them: write min_cell: {SMALLEST_CELL} or more.")


def _function(name: str, role: RoleClause) -> Iterator[Fault]:
    if name not in FUNCTION_PURPOSES:
        yield Fault(
            ("roles", name),
            f"'{name}' is no function that works with personal data.{nearest(name, FUNCTION_PURPOSES)} Write one of {', '.join(FUNCTION_PURPOSES)}, or human: true for people.",
        )
        return
    for number, purpose in enumerate(role.purposes):
        if purpose not in FUNCTION_PURPOSES[name]:
            yield Fault(
                ("roles", name, "purposes", number),
                f"The function {name} works for {' and '.join(FUNCTION_PURPOSES[name])} only: remove {purpose}.",
            )
    if name == "plan" and set(role.opened) - {Purpose.MERGE_DELTA, Purpose.DEDUPLICATE}:
        yield Fault(
            ("roles", name),
            "The function plan seals the roster and opens nothing that is sealed but the last roster and what students of two districts are compared by: write opens: false, or opens: with merge_delta where exchange.deltas is true and deduplicate where its matrix has students.",
        )


def _preview(a: Agreement) -> Iterator[Fault]:
    if "preview" not in a.roles:
        return
    planning = set(a.roles["plan"].opened) if "plan" in a.roles else set()
    if more := sorted(purpose.value for purpose in set(a.roles["preview"].opened) - planning):
        yield Fault(
            ("roles", "preview"),
            f"The function preview says what plan would do, and opens nothing that plan does not open: take {' and '.join(more)} out of its opens, or write opens: false.",
        )


def _deltas(a: Agreement) -> Iterator[Fault]:
    merge = Purpose.MERGE_DELTA
    if a.exchange.deltas:
        if not any(form.startswith("oneroster") for form in a.exchange.formats):
            yield Fault(
                ("exchange", "deltas"),
                "Only OneRoster has files of changes: add oneroster_1_1 or oneroster_1_2 to formats, or remove deltas.",
            )
        if merge not in a.purposes:
            yield Fault(
                ("exchange", "deltas"),
                "A file of changes is added to the roster before it, which is kept for that: describe the purpose merge_delta, write merge_delta: [roster] under matrix, and give it to the role plan with opens: [merge_delta].",
            )
        elif "plan" in a.roles and merge not in a.roles["plan"].opened:
            yield Fault(
                ("roles", "plan"),
                "The function plan adds the changes to the last roster: add merge_delta to its purposes and write opens: [merge_delta].",
            )
    elif merge in a.purposes:
        yield Fault(
            ("purposes", merge.value), "Without files of changes no roster is kept: write exchange.deltas: true, or remove the purpose."
        )
    if a.matrix.get(merge, (Group.ROSTER,)) != (Group.ROSTER,):
        yield Fault(("matrix", merge.value), "The last roster is all that merge_delta opens: write [roster].")
    for purpose, groups in a.matrix.items():
        if purpose is not merge and Group.ROSTER in groups:
            yield Fault(("matrix", purpose.value), f"The last roster is kept for merge_delta alone: take roster out of {purpose.value}.")
    for name, role in a.roles.items():
        if role.human and merge in role.purposes:
            yield Fault(("roles", name, "purposes"), "Only the function plan opens the last roster: remove merge_delta.")
    for number, party in enumerate(a.subprocessors):
        for group, alone in ((Group.ROSTER, merge), (Group.STUDENTS, Purpose.DEDUPLICATE)):
            if group in party.groups:
                yield Fault(
                    ("subprocessors", number, "groups"),
                    f"The group {group.value} is kept for {alone.value} alone, and goes to nobody: remove it.",
                )


SHORTEST_RISK = 60
"""Characters of a sentence that names who could come at what; fewer are a tick in a box."""


def _pin(a: Agreement) -> Iterator[Fault]:
    """A birth date is what schoolmates, relatives and leaked lists know: as a PIN it keeps out nobody who knows the child."""
    pin, where = a.card.pin, ("card", "pin")
    if pin.scheme == "random":
        for key in ("format", "risk"):
            if getattr(pin, key) is not None:
                yield Fault((*where, key), f"Random digits have no {key}: remove it, or write scheme: birth_date.")
        return
    if pin.format is None:
        yield Fault(where, "Say how the birth date is written: format, such as MMDDYYYY.")
    elif len(pin.format) != pin.length:
        yield Fault(
            (*where, "length"),
            f"A PIN written as {pin.format} has {len(pin.format)} digits, and a random one in its place must have as many: write length: {len(pin.format)}, or another format.",
        )
    if len(" ".join((pin.risk or "").split())) < SHORTEST_RISK:
        yield Fault(
            (*where, "risk") if pin.risk is not None else where,
            f"Whoever signs a PIN made of the birth date names its risk in a sentence of at least {SHORTEST_RISK} characters: risk, such as who knows the date, what they could do with the card, and why it is taken all the same.",
        )
    if "birth_date" not in a.fields:
        yield Fault(
            (*where, "scheme"), "Nobody has a birth date under this agreement: add birth_date to the fields, or write scheme: random."
        )
    if Group.AGE not in a.matrix.get(Purpose.ISSUE_CARD, ()):
        yield Fault(
            (*where, "scheme"),
            "The PIN would be made of what issue_card may not use: add age to it in the matrix, or write scheme: random.",
        )
    if pin.page and pin.page.asks == "birth_date":
        yield Fault(
            (*where, "page", "asks"),
            "Whoever can answer this knows the PIN already: ask for student_id, leave the page out, or write scheme: random.",
        )
    if a.basis.ferpa.is_directory and a.card.number.scheme != "library_barcode":
        yield Fault(
            (*where, "scheme"),
            "A student id is directory information only if it opens nothing without something that the student alone knows (34 CFR 99.3), and others know a birth date: write scheme: random, or number the cards with scheme: library_barcode.",
        )


def warnings_of(a: Agreement) -> tuple[Fault, ...]:
    """What an agreement may say, and whoever signs it should look at twice."""
    if a.card.pin.scheme == "birth_date":
        return (Fault(("card", "pin", "scheme"), f"{BIRTH_DATE_PIN} Random digits are the safe way: scheme: random."),)
    return ()


def _pin_page(a: Agreement) -> Iterator[Fault]:
    purpose, page = Purpose.SHOW_PIN, a.card.pin.page
    for name, role in a.roles.items():
        if role.human and purpose in role.purposes:
            yield Fault(("roles", name, "purposes"), "Only the function reveal shows a PIN: remove show_pin.")
    if page is None:
        if purpose in a.purposes:
            yield Fault(
                ("purposes", purpose.value),
                "Without a page nobody is shown a PIN: write card.pin.page: {asks: birth_date, days: 30}, or remove the purpose.",
            )
        return
    where: Path = ("card", "pin", "page")
    groups = ", ".join(group.value for group in page.opens)
    if purpose not in a.purposes:
        yield Fault(
            where,
            f"Whoever shows a PIN must open it: describe the purpose show_pin, write show_pin: [{groups}] under matrix, and give it to the role reveal.",
        )
    elif "reveal" not in a.roles or purpose not in a.roles["reveal"].opened:
        yield Fault(("roles",), "The function reveal shows the PIN: write reveal: {purposes: [show_pin]}.")
    if Purpose.SEND_NOTICE not in a.purposes:
        yield Fault(where, "The link to the page stands in the card's e-mail: describe the purpose send_notice, or remove the page.")
    if page.asks not in a.fields:
        yield Fault(
            (*where, "asks"), f"No answer can be compared with what is not sent: add {page.asks} to the fields, or ask for another one."
        )
    if page.asks == "student_id" and a.card.number.scheme != "library_barcode":
        yield Fault(
            (*where, "asks"),
            "The card number in the e-mail holds the student id, so whoever reads the e-mail could answer: ask for birth_date, or use scheme: library_barcode.",
        )
    yield from _pin_page_opens(a, page)


def _pin_page_opens(a: Agreement, page: PinPage) -> Iterator[Fault]:
    opened = a.matrix.get(Purpose.SHOW_PIN)
    if opened is None:
        return
    where: Path = ("matrix", Purpose.SHOW_PIN.value)
    if missing := [group.value for group in page.opens if group not in opened]:
        yield Fault(where, f"The page asks for {page.asks} and shows number and PIN: add {' and '.join(missing)} to show_pin.")
    named = () if a.name_on.family_notice == "none" else (Group.IDENTITY,)
    if more := [group.value for group in opened if group not in (*page.opens, *named)]:
        yield Fault(
            where,
            f"The page that asks for {page.asks} needs no more than {', '.join(g.value for g in page.opens)}: remove {' and '.join(more)}.",
        )


PRINTED = (Group.IDENTITY, Group.CARD, Group.ENROLMENT)
"""What nothing can be printed without: the name, the number, and the class in which it is handed out."""


def _handing_out(a: Agreement) -> Iterator[Fault]:
    purpose = Purpose.HAND_OUT
    for name, role in a.roles.items():
        if role.human and purpose in role.opened:
            yield Fault(
                ("roles", name, "purposes"),
                "Only the function print opens what is handed out, and people ask it: remove hand_out, or write opens: false.",
            )
    if purpose not in a.purposes:
        return
    if "print" not in a.roles or purpose not in a.roles["print"].opened:
        yield Fault(("roles",), "The function print opens what is handed out: write print: {purposes: [hand_out]}.")
    where: Path = ("matrix", purpose.value)
    opened = a.matrix.get(purpose)
    if opened is not None:
        if missing := [group.value for group in PRINTED if group not in opened]:
            yield Fault(where, f"A printed card has a name and a number, and goes to a class: add {' and '.join(missing)} to hand_out.")
        if more := [group.value for group in opened if group not in (*PRINTED, Group.PIN)]:
            yield Fault(
                where,
                f"Nothing that is printed needs more than {', '.join(g.value for g in PRINTED)} and perhaps pin: remove {' and '.join(more)}.",
            )
    if "school_id" not in a.fields:
        yield Fault(
            ("purposes", purpose.value), "Nobody can be found by school without school_id: add it to the fields, or remove the purpose."
        )


SHOWN_OF_A_PAIR = frozenset({Group.IDENTITY, Group.AGE})
"""What a person who settles a doubtful match is shown of a student."""


def _matching(a: Agreement) -> Iterator[Fault]:
    purpose = Purpose.DEDUPLICATE
    if purpose not in a.purposes:
        if a.existing != "separate":
            yield Fault(
                ("existing",),
                f"Who has a card already is found for the purpose deduplicate alone: describe it under purposes, or write separate instead of {a.existing}.",
            )
        if a.in_doubt is not None:
            yield Fault(("in_doubt",), "Without the purpose deduplicate nobody is compared: take in_doubt out.")
        return
    if a.in_doubt is None:
        yield Fault(
            ("purposes", purpose.value),
            "Say what a child gets while it is not certain whether it has a card already: in_doubt: {meanwhile: card or wait, decide_within_days: 14}.",
        )
    elif a.existing == "ask" and a.in_doubt.meanwhile != "wait":
        yield Fault(("in_doubt", "meanwhile"), "With existing: ask the child waits for the answer: write wait, or existing: separate.")
    for name in ("first_name", "last_name", "birth_date"):
        if name not in a.fields:
            yield Fault(
                ("purposes", purpose.value),
                f"Nobody can be told from a namesake without {name}: add it to the fields, or remove the purpose.",
            )
    yield from _across(a)
    if more := [group.value for group in a.matrix.get(purpose, ()) if group not in SHOWN_OF_A_PAIR | {Group.STUDENTS}]:
        yield Fault(
            ("matrix", purpose.value),
            f"Who settles a doubtful match sees names and birth date, and of everything else only whether it agrees: remove {' and '.join(more)}.",
        )


def _across(a: Agreement) -> Iterator[Fault]:
    purpose = Purpose.DEDUPLICATE
    opened = "plan" in a.roles and purpose in a.roles["plan"].opened
    if a.compared_across and not opened:
        yield Fault(
            ("matrix", purpose.value),
            "The function plan compares the students with those of the library's other districts: add deduplicate to its purposes, and to its opens; or take students out.",
        )
    if opened and not a.compared_across:
        yield Fault(
            ("roles", "plan"),
            "The function plan opens nothing for deduplicate but what students of two districts are compared by: write students under matrix.deduplicate, or take deduplicate out of its opens.",
        )


def _patron_types(a: Agreement) -> Iterator[Fault]:
    for key, field in (("by_grade", "grade"), ("by_age", "birth_date")):
        if getattr(a.card.patron_type, key) and field not in a.fields:
            yield Fault(
                ("card", "patron_type", key), f"Without the field {field} nobody has one: add {field} to the fields, or take {key} out."
            )


def _groups(a: Agreement) -> Iterator[Fault]:
    opened = {group for groups in a.matrix.values() for group in groups}
    for name in a.fields:
        group = FIELDS.get(name)
        tells = a.card.service_area is not None and name == a.card.service_area.field
        if group is not None and group not in opened and not tells:
            yield Fault(
                ("fields", name),
                f"Nobody opens the group {group.value} for any purpose, so '{name}' would be collected for nothing: remove it, or give the group to a purpose in the matrix.",
            )
    ours = {Group.CARD, Group.PIN} if Purpose.ISSUE_CARD in a.purposes else set()
    held = {*a.groups(), *ours, *([Group.ROSTER] if a.exchange.deltas else []), Group.STUDENTS}
    for purpose, groups in a.matrix.items():
        if purpose is not Purpose.DEDUPLICATE and Group.STUDENTS in groups:
            yield Fault(
                ("matrix", purpose.value),
                f"What students are compared by is kept for deduplicate alone: take students out of {purpose.value}.",
            )
        for number, group in enumerate(groups):
            if group not in held:
                yield Fault(
                    ("matrix", purpose.value, number), f"No agreed field is in the group {group.value}: take it out of {purpose.value}."
                )
            if group in groups[:number]:
                yield Fault(("matrix", purpose.value, number), f"{group.value} stands twice: remove one.")
    if Purpose.ISSUE_CARD in a.purposes:
        for group in (Group.CARD, Group.PIN):
            if group not in opened:
                yield Fault(("matrix",), f"Nobody may open the group {group.value}, so no card could reach anyone: give it to sync_ils.")
    if Purpose.SYNC_ILS in a.matrix:
        for group in (Group.IDENTITY, Group.CARD):
            if group not in a.matrix[Purpose.SYNC_ILS]:
                yield Fault(("matrix", "sync_ils"), f"A patron in the ILS needs the group {group.value}: add it to sync_ils.")
    if Purpose.SEND_NOTICE in a.matrix and Group.CONTACT not in a.matrix[Purpose.SEND_NOTICE]:
        yield Fault(("matrix", "send_notice"), "A notice needs an address: add the group contact to send_notice.")
    for number, party in enumerate(a.subprocessors):
        for place, group in enumerate(party.groups):
            if group not in opened:
                yield Fault(
                    ("subprocessors", number, "groups", place),
                    f"No purpose opens {group.value}, so nothing of it may be passed on: remove it.",
                )


def _left_out(a: Agreement) -> Iterator[Fault]:
    for name, group in a.rollout.leave_out.items():
        needed = {"enrollment_status": group.statuses, "school_id": group.schools, "grade": group.grades != "all"}
        for field in (field for field, used in needed.items() if used and field not in a.fields):
            yield Fault(
                ("rollout", "leave_out", name),
                f"Nobody can be told to be in this group without {field}: list it under fields, or remove the group.",
            )


def _service_area(a: Agreement) -> Iterator[Fault]:
    area = a.card.service_area
    if area is None:
        return
    where: Path = ("card", "service_area")
    if sum(map(bool, (area.flag, area.postal_codes, area.outside_schools))) != 1:
        yield Fault(where, "Say in one way who lives in the service area: flag: true, postal_codes, or outside_schools.")
        return
    if area.field not in a.fields:
        yield Fault(where, f"Without the field {area.field} nobody is known to live outside: add {area.field} to the fields.")
    for number, code in enumerate(area.postal_codes):
        if not (code.isdecimal() and len(code) == ZIP_LENGTH):
            yield Fault((*where, "postal_codes", number), f'Write the {ZIP_LENGTH} digits of a ZIP code in quotes, such as "28202".')
    words = {area.outside, *area.by_school.values()}
    if "e_resources" in words and area.patron_type is None:
        yield Fault(where, "A card for e-resources has a patron type of its own at the library: name it as patron_type.")
    if "e_resources" not in words and area.patron_type is not None:
        yield Fault((*where, "patron_type"), "Nobody outside gets a card for e-resources: take patron_type out.")
    if area.by_school and "school_id" not in a.fields:
        yield Fault((*where, "by_school"), "Without the field school_id nobody is at one of these schools: add school_id to the fields.")


def _expiry(a: Agreement) -> Iterator[Fault]:
    expiry = a.card.expiry
    where: Path = ("card", "expiry")
    if (expiry.rule == "age") != (expiry.until_age is not None):
        yield Fault((*where, "rule"), "The rule age needs until_age, the birthday on which the card ends, and no other rule takes it.")
    for rule, field in (("graduation", "grade"), ("age", "birth_date")):
        if expiry.rule == rule and field not in a.fields:
            yield Fault(
                (*where, "rule"), f"Without the field {field} no card ends by {rule}: add {field} to the fields, or write school_year."
            )
    if expiry.rule != "school_year" and a.renews_existing:
        yield Fault(
            ("existing",),
            "A family's own card can be renewed to the end of the school year alone: write existing: link, or expiry.rule: school_year.",
        )
    if a.card.kind == "e_resources" and a.card.rules and (a.card.rules.item_limit or a.card.rules.hold_pickup == "school"):
        yield Fault(("card", "rules"), "With a card for e-resources nothing is borrowed: take item_limit and hold_pickup out.")
    if a.leavers.runs_out and a.leavers.grace_days:
        yield Fault(("leavers", "grace_days"), "With runs_out the card ends on its own last day: write grace_days: 0.")
    if a.safety.pilot_cards and not a.safety.first_run_needs_approval:
        yield Fault(
            ("safety", "pilot_cards"),
            "After the first cards were tried a person lets the others come: write first_run_needs_approval: true, or take pilot_cards out.",
        )


def _numbers(a: Agreement) -> Iterator[Fault]:
    for key, clause in (("number", a.card.number), ("staff_number", a.card.staff_number)):
        where: Path = ("card", key)
        if clause.scheme == "prefix_student_id":
            if not clause.prefix:
                yield Fault((*where,), 'The scheme prefix_student_id needs a prefix: write prefix with digits in quotes, such as "904".')
            elif clause.length - len(clause.prefix) < SHORTEST_ID:
                yield Fault(
                    (*where, "length"),
                    f"With the prefix {clause.prefix} only {max(0, clause.length - len(clause.prefix))} digits are left for the id: write a length of at least {len(clause.prefix) + SHORTEST_ID}.",
                )
        elif clause.prefix and clause.scheme != "supplied":
            yield Fault(
                (*where, "prefix"),
                f"The scheme {clause.scheme} takes no prefix here: remove it{'; the library file has it under numbers' if clause.scheme == 'library_barcode' else ', or write scheme: prefix_student_id'}.",
            )
        if key == "number" or a.rollout.staff:
            yield from _number_field(a, key, clause)
        if clause.scheme == "library_barcode" and clause.length != BARCODE_LENGTH:
            yield Fault((*where, "length"), f"A library barcode has {BARCODE_LENGTH} digits: write length: {BARCODE_LENGTH}.")
    if a.basis.ferpa.is_directory and a.card.number.scheme != "library_barcode" and not a.card.pin_or_second_factor:
        yield Fault(
            ("card",),
            "A student id is directory information only if it opens nothing by itself (34 CFR 99.3): make every login ask for the PIN and write pin_or_second_factor: true, or use scheme: library_barcode.",
        )


WITHOUT_NUMBERS = ("oneroster_1_1", "oneroster_1_2", "sds_2_1")
"""Forms that have no column of their own for a state's id or a card number."""


def _number_field(a: Agreement, key: str, clause: NumberClause) -> Iterator[Fault]:
    """What a number is made of must come with the roster."""
    where: Path = ("card", key)
    if key == "staff_number" and clause.scheme == "state_id":
        yield Fault((*where,), "Members of staff have no state id: write another scheme.")
    elif clause.is_shared:
        if clause.field not in a.fields:
            yield Fault(
                (*where,),
                f"The number is made of '{clause.field}', which is not among the agreed fields: add it under fields, or write another scheme.",
            )
        mapped = clause.field in a.exchange.mapping
        if without := [form for form in a.exchange.formats if form in WITHOUT_NUMBERS and not mapped]:
            yield Fault(
                (*where,),
                f"No '{clause.field}' is read from {' and '.join(without)}, so nobody would get a card: name its column under exchange.mapping, or write another form or scheme.",
            )
        if len(clause.prefix) > clause.length:
            yield Fault((*where, "length"), f"No number of {clause.length} characters begins with {clause.prefix}: write a greater length.")


def _exchange(a: Agreement) -> Iterator[Fault]:
    exchange = a.exchange
    if exchange.protection == "signed" and not exchange.signers:
        yield Fault(
            ("exchange", "protection"),
            "A signed file is proven by the sender's key: paste the district's OpenPGP public key under exchange.signers, or choose encrypted or plain as agreed.",
        )
    if exchange.protection != "signed" and exchange.signers:
        yield Fault(
            ("exchange", "signers"),
            f"With protection {exchange.protection} no signature is checked: remove signers, or write protection: signed.",
        )
    if "sftp" in exchange.channels and not exchange.sftp_keys:
        yield Fault(
            ("exchange", "channels"),
            "Nobody could sign in over SFTP: paste the district's public SSH key under exchange.sftp_keys, or remove sftp.",
        )
    if "sftp" not in exchange.channels and exchange.sftp_keys:
        yield Fault(("exchange", "sftp_keys"), "The channel sftp is not agreed: add it to exchange.channels, or remove the keys.")
    if "s3" in exchange.channels and exchange.s3_principal is None:
        yield Fault(
            ("exchange", "channels"), "Nobody could upload to S3: write the district's IAM role under exchange.s3_principal, or remove s3."
        )
    if "s3" not in exchange.channels and exchange.s3_principal is not None:
        yield Fault(("exchange", "s3_principal"), "The channel s3 is not agreed: add it to exchange.channels, or remove the principal.")


def _existing(a: Agreement) -> Iterator[Fault]:
    """A card that is linked may be blocked; what happens then has no default, for each answer leaves some child without a working card."""
    if a.links_existing and a.existing_blocked is None:
        yield Fault(
            ("existing",),
            "Some of the cards that families have are blocked or expired: say what happens then with existing_blocked: separate, link_and_list or ask.",
        )
    if a.existing == "separate" and a.existing_blocked is not None:
        yield Fault(("existing_blocked",), "With existing: separate no card that was there before is touched: take existing_blocked out.")


def _keeping(a: Agreement) -> Iterator[Fault]:
    days = a.term.days
    if days < 1:
        return
    for name in ("raw_upload_days", "roster_days", "after_withdrawal_days"):
        if getattr(a.retention, name) > days:
            yield Fault(
                ("retention", name), f"Personal data may not be kept longer than the agreement runs ({days} days): write a smaller number."
            )
    if a.retention.disclosure_record_days < days:
        yield Fault(
            ("retention", "disclosure_record_days"),
            f"The record of disclosures covers at least the term (34 CFR 99.32(a)(2)): write {days} or more.",
        )
    if a.retention.access_log_days < a.retention.disclosure_record_days:
        yield Fault(
            ("retention", "access_log_days"),
            f"The log proves the record of disclosures and is kept as long (34 CFR 99.32(a)(2)): write {a.retention.disclosure_record_days} or more.",
        )
    if a.disposition.key_wait_days > a.disposition.within_days:
        yield Fault(
            ("disposition", "key_wait_days"), f"The key would outlive the promised destruction: write at most {a.disposition.within_days}."
        )


def _promises(a: Agreement) -> Iterator[Fault]:
    for use in ALWAYS_PROHIBITED:
        if use not in a.prohibited_uses:
            yield Fault(("prohibited_uses",), f"Students' data are never for {use}: add {use}.")
    for number, term in enumerate(a.state_terms):
        if term[:2] != a.parties.lea.state:
            yield Fault(
                ("state_terms", number),
                f"The district is in {a.parties.lea.state}, not {term[:2]}: remove the term, or correct parties.lea.state.",
            )
    if a.parties.lea.state == "NY":
        if a.breach.notify_lea_within_hours > NEW_YORK_BREACH_HOURS:
            yield Fault(
                ("breach", "notify_lea_within_hours"),
                f"New York allows seven calendar days (8 NYCRR 121.10): write {NEW_YORK_BREACH_HOURS} or less.",
            )
        if a.breach.clock_starts == "confirmation":
            yield Fault(
                ("breach", "clock_starts"), "New York's clock starts with the discovery (8 NYCRR 121.10): write discovery or incident."
            )
    for path, contact in (
        (("parties", "lea", "privacy_contact"), a.parties.lea.privacy_contact),
        (("parties", "provider", "compliance_officer"), a.parties.provider.compliance_officer),
        (("notices", "contact"), a.notices.contact),
    ):
        if contact.deputy is None:
            yield Fault(path, "People leave: add a deputy with name, email and phone.")
    if a.status is Status.EXECUTED:
        for number, party in enumerate(a.subprocessors):
            if party.agreement != "on_file":
                yield Fault(
                    ("subprocessors", number, "agreement"),
                    f"{party.name} is bound in writing before anything is executed: put the agreement on file, or take the party out.",
                )


def _goals(a: Agreement) -> Iterator[Fault]:
    seen: set[tuple[str, object]] = set()
    for number, goal in enumerate(a.goals):
        if goal.by < a.term.effective:
            yield Fault(("goals", number, "by"), f"The day lies before the agreement: write {a.term.effective} or a later one.")
        if (goal.measure, goal.by) in seen:
            yield Fault(("goals", number), f"There is a goal for {goal.measure} by {goal.by} already: keep one of them.")
        if goal.measure == "educators" and a.rollout.staff is False:
            yield Fault(
                ("goals", number, "measure"), "Educators get no cards under this agreement: remove the goal, or write rollout.staff: true."
            )
        seen.add((goal.measure, goal.by))


RULES: tuple[Callable[[Agreement], Iterator[Fault]], ...] = (
    _dates,
    _basis,
    _fields,
    _purposes,
    _preview,
    _deltas,
    _matching,
    _pin,
    _pin_page,
    _handing_out,
    _groups,
    _left_out,
    _service_area,
    _expiry,
    _numbers,
    _exchange,
    _existing,
    _patron_types,
    _keeping,
    _promises,
    _goals,
)


def faults_of(agreement: Agreement) -> tuple[Fault, ...]:
    """Every rule that an agreement breaks by itself."""
    return tuple(fault for rule in RULES for fault in rule(agreement))


def faults_of_library(library: Library) -> tuple[Fault, ...]:
    """Every rule that a library breaks by itself."""
    return (*_block(library), *_barcode(library), *(_patrons(library.patrons) if library.patrons else ()))


def _block(library: Library) -> Iterator[Fault]:
    block = library.numbers
    lengths = library.ils.cardnumber_length
    if lengths and lengths.longest < lengths.shortest:
        yield Fault(("ils", "cardnumber_length", "longest"), f"No number is that long: write {lengths.shortest} or more.")
    width = BARCODE_LENGTH - 1 - len(block.prefix) - len(block.institution)
    if width < SHORTEST_ID:
        yield Fault(
            ("numbers", "institution"),
            f"Prefix and institution leave {max(0, width)} digits for the serial: shorten them so that at least {SHORTEST_ID} are left.",
        )
    elif len(str(block.first_serial)) > width:
        yield Fault(("numbers", "first_serial"), f"A serial has {width} digits here: write a smaller first_serial.")


def _barcode(library: Library) -> Iterator[Fault]:
    clause = library.barcode
    if clause is not None and clause.symbology != "codabar" and (given := sorted({"start", "stop"} & clause.model_fields_set)):
        yield Fault(("barcode", given[0]), f"Only Codabar has letters before and after the number: remove {' and '.join(given)}.")


def _patrons(clause: PatronsClause) -> Iterator[Fault]:
    if clause.expires <= clause.effective:
        yield Fault(("patrons", "expires"), f"The clause ends before it begins: write a date after {clause.effective}.")
    missing = [name for name in NEEDED_PATRON_FIELDS if name not in clause.fields]
    if missing:
        yield Fault(
            ("patrons", "fields"),
            f"Nobody can be told from anybody without {', '.join(missing)}: add {'it' if len(missing) == 1 else 'them'}.",
        )
    for number, name in enumerate(clause.fields):
        if name in clause.fields[:number]:
            yield Fault(("patrons", "fields", number), f"{name} stands twice: remove one.")


# An agreement with its library, and its neighbours in the same library


@dataclass(frozen=True, slots=True)
class NumberSpace:
    """All numbers of one length that begin with one prefix."""

    prefix: str
    length: int

    def meets(self, other: "NumberSpace") -> bool:
        """Whether one number could be in both."""
        return self.length == other.length and (self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix))


def number_space(clause: NumberClause, library: Library) -> NumberSpace:
    """The numbers that a clause can make."""
    if clause.scheme == "library_barcode":
        return NumberSpace(library.numbers.prefix + library.numbers.institution, BARCODE_LENGTH)
    return NumberSpace(clause.prefix, clause.length)


def faults_with_library(a: Agreement, library: Library, adapters: Mapping[str, AdapterFacts] = ADAPTERS) -> tuple[Fault, ...]:
    """Every rule that an agreement breaks together with its library."""
    return tuple(_with_library(a, library, adapters))


def _with_library(a: Agreement, library: Library, adapters: Mapping[str, AdapterFacts]) -> Iterator[Fault]:
    if not adapters[library.ils.adapter].can_set_pin:
        yield Fault(
            ("card", "pin", "scheme"),
            f"The adapter {library.ils.adapter} of {library.id} cannot set a PIN, so nobody could use a card with one of ours: use an adapter that can.",
        )
    if a.card.pin.page and not adapters[library.ils.adapter].can_set_pin:
        yield Fault(
            ("card", "pin", "page"),
            f"The page would show a PIN that the adapter {library.ils.adapter} of {library.id} cannot set: remove the page, or use an adapter that can.",
        )
    facts = adapters[library.ils.adapter]
    able = {"link": facts.can_link, "renew": facts.can_renew}
    if not able.get(a.existing, True):
        others = ", ".join(["separate", *(word for word, can in able.items() if can and word != a.existing)])
        yield Fault(
            ("existing",),
            f"The adapter {library.ils.adapter} of {library.id} cannot {a.existing} a card that was there before: write {others} or ask.",
        )
    branches, types = library.branches, library.patron_types
    homes: list[tuple[Path, str]] = [(("card", "home_branch", "default"), a.card.home_branch.default)]
    homes += [(("card", "home_branch", "by_school", school), branch) for school, branch in a.card.home_branch.by_school.items()]
    for path, branch in homes:
        if branch not in branches:
            yield Fault(
                path, f"'{branch}' is no branch of {library.id}.{nearest(branch, branches)} The branches are: {', '.join(branches)}."
            )
    codes: dict[Path, str] = {("patron_type", *where): code for where, code in a.card.patron_type.every().items()}
    if a.card.service_area and a.card.service_area.patron_type:
        codes["service_area", "patron_type"] = a.card.service_area.patron_type
    for where, code in codes.items():
        if code not in types:
            yield Fault(
                ("card", *where),
                f"'{code}' is no patron type of {library.id}.{nearest(code, types)} The patron types are: {', '.join(types)}.",
            )
    own = NumberSpace(library.numbers.prefix + library.numbers.institution, BARCODE_LENGTH)
    for key, clause in (("number", a.card.number), ("staff_number", a.card.staff_number)):
        yield from _taken_by_the_ils(key, clause, library, facts)
        if clause.scheme not in ("library_barcode", "supplied") and number_space(clause, library).meets(own):
            yield Fault(
                ("card", key), f"These numbers could be barcodes of the library's own block {own.prefix}…: choose another prefix or length."
            )
    if _collide(a.card.number, a.card.staff_number, library):
        yield Fault(
            ("card", "staff_number"),
            "A member of staff could get the number of a student: give staff_number a prefix or length of its own.",
        )


def _taken_by_the_ils(key: str, clause: NumberClause, library: Library, facts: AdapterFacts) -> Iterator[Fault]:
    """What the ILS would refuse for every single patron."""
    if clause.length > facts.longest_number:
        yield Fault(
            ("card", key, "length"),
            f"The adapter {library.ils.adapter} of {library.id} takes numbers of {facts.longest_number} characters at most: write a smaller length.",
        )
    if more := sorted(clause.characters - facts.number_characters):
        yield Fault(
            ("card", key, "scheme"),
            f"The adapter {library.ils.adapter} of {library.id} takes no {' '.join(more)} in a number, and this scheme may bring them: write another scheme.",
        )
    lengths = library.ils.cardnumber_length
    if lengths and not lengths.shortest <= clause.length <= lengths.longest:
        yield Fault(
            ("card", key, "length"),
            f"The system of {library.id} lets in numbers of {lengths.shortest} to {lengths.longest} characters (ils.cardnumber_length): write such a length.",
        )


def _collide(one: NumberClause, other: NumberClause, library: Library) -> bool:
    """Whether two clauses could make the same number, where that is not settled child by child.

    Two that draw from the library's one block cannot. Numbers from outside, which nobody keeps apart, are given to the first who brings one; one that is in the
    library's block is given to nobody.
    """
    if one.scheme == other.scheme == "library_barcode" or (one.is_shared and other.is_shared):
        return False
    if {one.scheme, other.scheme} == {"supplied", "library_barcode"}:
        return False
    return number_space(one, library).meets(number_space(other, library))


def faults_between(agreements: Iterable[tuple[int, Agreement]], libraries: Mapping[str, Library]) -> tuple[tuple[int, Fault], ...]:
    """Every rule that agreements break among themselves; each fault comes with the number of the agreement that it is told at."""
    everything = list(agreements)
    living = [(number, a) for number, a in everything if a.status is not Status.TERMINATED]
    ended = [a for _, a in everything if a.status is Status.TERMINATED]
    return (*_between(living, libraries), *_after(ended, living, libraries))


def _after(ended: list[Agreement], living: list[tuple[int, Agreement]], libraries: Mapping[str, Library]) -> Iterator[tuple[int, Fault]]:
    """A number that was given once is never given to another person, however long ago."""
    for number, a in living:
        for old in ended:
            if old.library == a.library and old.district != a.district and a.library in libraries:
                yield from ((number, fault) for fault in _neighbours(old, a, libraries[a.library]))


def _between(living: list[tuple[int, Agreement]], libraries: Mapping[str, Library]) -> Iterator[tuple[int, Fault]]:
    for (earlier, first), (number, second) in combinations(living, 2):
        if first.id == second.id:
            yield number, Fault(("id",), f"The id {second.id} is taken by another agreement: choose another one.")
        binding = {Status.EXECUTED, Status.SUSPENDED}
        overlap = first.term.effective <= second.term.expires and second.term.effective <= first.term.expires
        if first.district == second.district and {first.status, second.status} <= binding and overlap:
            if first.library != second.library:
                yield from ((number, fault) for fault in _one_bucket(first, second))
                yield from _two_cards((earlier, first), (number, second))
            else:
                yield (
                    number,
                    Fault(
                        ("term",),
                        f"The term overlaps that of {first.id} ({first.term.effective} to {first.term.expires}): let the one begin after the other ends, or terminate that one.",
                    ),
                )
        if first.library == second.library and first.district != second.district and second.library in libraries:
            library = libraries[second.library]
            yield from ((number, fault) for fault in _neighbours(first, second, library))
    for number, a in living:
        shares = any(other.library == a.library and other.district != a.district for _, other in living)
        for key, clause in (("number", a.card.number), ("staff_number", a.card.staff_number)):
            if shares and clause.scheme == "student_id":
                yield (
                    number,
                    Fault(
                        ("card", key),
                        f"The library {a.library} serves several districts, whose ids repeat: write scheme: prefix_student_id with a prefix of this district's own.",
                    ),
                )


def _one_bucket(first: Agreement, second: Agreement) -> Iterator[Fault]:
    """A district has one drop bucket, and sends one file for all of its libraries: the agreements must say the same of both."""
    one, other = first.exchange, second.exchange
    for key in type(one).model_fields:
        if key != "mapping" and _unordered(getattr(one, key)) != _unordered(getattr(other, key)):
            yield Fault(
                ("exchange", key),
                f"The district {second.district} sends one file for both libraries, and {first.id} says something else here: write the same {key} in both.",
            )
    for name, column in other.mapping.items():
        if one.mapping.get(name, column) != column:
            yield Fault(
                ("exchange", "mapping", name),
                f"The district {second.district} sends one file for both libraries, and {first.id} takes '{name}' from another column: write the same column in both.",
            )
    if first.retention.raw_upload_days != second.retention.raw_upload_days:
        yield Fault(
            ("retention", "raw_upload_days"),
            f"The file is kept once for both libraries, and by {first.id} for {first.retention.raw_upload_days} days: write the same number in both.",
        )


def _unordered(value: object) -> object:
    return frozenset(value) if isinstance(value, tuple) else value


def _two_cards(one: tuple[int, Agreement], other: tuple[int, Agreement]) -> Iterator[tuple[int, Fault]]:
    """Nobody gets cards of two libraries by oversight."""
    (_, first), (_, second) = one, other
    silent = [(number, a) for number, a in (one, other) if not a.rollout.also_elsewhere]
    if not silent or _apart(first, second):
        return
    number, told = silent[-1]
    beside = first if told is second else second
    yield (
        number,
        Fault(
            ("rollout",),
            f"The same student could get a card of {told.library} and, by {beside.id}, one of {beside.library}: give the two agreements different schools, "
            "or write also_elsewhere: true under rollout in both if that is meant.",
        ),
    )


def _apart(first: Agreement, second: Agreement) -> bool:
    """Whether nobody is rolled out to under both: schools count for everybody, grades and where they live for students."""
    one, other = first.rollout, second.rollout
    if one.schools != "all" and other.schools != "all" and not set(one.schools) & set(other.schools):
        return True
    by_grade = one.grades != "all" and other.grades != "all" and not set(one.grades) & set(other.grades)
    return (by_grade or _areas_apart(first.card.service_area, second.card.service_area)) and not (one.staff and other.staff)


def _areas_apart(one: ServiceArea | None, other: ServiceArea | None) -> bool:
    """Whether two libraries serve no student both, as far as ZIP codes tell: the district's flag and lists of schools outside do not say who serves the others."""
    if one is None or other is None or not (one.postal_codes and other.postal_codes):
        return False
    skip = all(area.outside == "skip" and not area.by_school for area in (one, other))
    return skip and not set(one.postal_codes) & set(other.postal_codes) and "outside" in (one.unknown, other.unknown)


def _neighbours(first: Agreement, second: Agreement, library: Library) -> Iterator[Fault]:
    for key, clause in (("number", second.card.number), ("staff_number", second.card.staff_number)):
        for other in (first.card.number, first.card.staff_number):
            if "student_id" not in (clause.scheme, other.scheme) and _collide(clause, other, library):
                yield Fault(
                    ("card", key),
                    f"The prefix {clause.prefix} with length {clause.length} overlaps a number of {first.id} (prefix {other.prefix}, length {other.length}): choose another prefix or length.",
                )
