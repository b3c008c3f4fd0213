"""An agreement as a memorandum that people read and sign, in Markdown.

Every statement comes from the same model that the key policies are compiled from. Points of law carry their section; confirm with counsel.
"""

import re
from collections.abc import Sequence
from datetime import date

from firstcard.agreement.model import (
    BIRTH_DATE_PIN,
    TRIES_A_DAY,
    Agreement,
    Contact,
    Expiry,
    Ferpa,
    FieldClause,
    InDoubt,
    Leavers,
    LeftOut,
    NumberClause,
    PinClause,
    Rules,
    ServiceArea,
    Status,
)
from firstcard.agreement.vocabulary import FIELDS, Group, Purpose

_ECFR = "https://www.ecfr.gov/current/title-34/part-99/section-"

PURPOSE_WORDS: dict[Purpose, str] = {
    Purpose.ISSUE_CARD: "make the card",
    Purpose.SYNC_ILS: "make the card work in the library's system",
    Purpose.SEND_NOTICE: "write to families and staff",
    Purpose.EVALUATE: "evaluate the programme",
    Purpose.MERGE_DELTA: "add a file of changes to the roster that it changes",
    Purpose.SHOW_PIN: "show a family the PIN of its child's card",
    Purpose.HAND_OUT: "print cards that a school hands out",
    Purpose.DEDUPLICATE: "find who has a card already, or stands twice in the roster",
}
GROUP_WORDS: dict[Group, str] = {
    Group.IDENTITY: "names and ids",
    Group.AGE: "birth date",
    Group.ENROLMENT: "role, grade and school",
    Group.CARD: "the card (number, type, branch, end)",
    Group.PIN: "the PIN",
    Group.CONTACT: "e-mail and language",
    Group.ADDRESS: "street address and telephone",
    Group.ROSTER: "the agreed columns of the last roster",
    Group.STUDENTS: "what the library's other districts' students are compared by (names, ids, birth date, address, telephone, e-mail)",
    Group.PATRONS: "the library's own extract of its patrons",
}
BASIS_WORDS: dict[Ferpa, tuple[str, tuple[str, ...]]] = {
    Ferpa.SCHOOL_OFFICIAL: ("The library acts as a school official", ("99.31", "99.33")),
    Ferpa.DIRECTORY_INFORMATION: ("The district discloses directory information", ("99.3", "99.37")),
    Ferpa.DIRECTORY_INFORMATION_LIMITED: (
        "The district discloses directory information to this library for this purpose only",
        ("99.3", "99.37"),
    ),
    Ferpa.CONSENT: ("Each family has consented in writing", ("99.30",)),
    Ferpa.STUDIES: ("The library carries out a study for the district", ("99.31",)),
    Ferpa.AUDIT: ("The library is the district's representative for an evaluation", ("99.35",)),
}
STATUS_WORDS: dict[Status, str] = {
    Status.DRAFT: "a draft: nothing is accepted or opened under it",
    Status.EXECUTED: "executed: it is in force inside its term",
    Status.SUSPENDED: "suspended: nothing is accepted or opened until it is executed again",
    Status.TERMINATED: "terminated: nothing is accepted or opened under it",
}
CARD_WORDS = {
    "virtual": "a virtual card, a number without plastic and without a visit",
    "e_resources": "an e-resources card, for what can be read and heard online",
    "full": "a full library card",
}
FORMAT_WORDS = {
    "oneroster_1_1": "OneRoster 1.1",
    "oneroster_1_2": "OneRoster 1.2",
    "sds_1": "Microsoft SDS 1",
    "sds_2_1": "Microsoft SDS 2.1",
    "clever": "Clever's SFTP files",
    "powerschool": "a PowerSchool export",
    "infinite_campus": "an Infinite Campus export",
    "doe_stn": "Indiana's DOE-STN layout",
    "csv": "a CSV file with the canonical columns",
}
LANGUAGE_WORDS = {"en": "English", "es": "Spanish"}
NAME_WORDS = {"legal": "the legal name", "preferred": "the preferred name", "first": "the first name only", "none": "no name"}


def to_markdown(agreement: Agreement) -> str:
    """The memorandum of one agreement; ends with a newline."""
    parts = (
        _head(agreement),
        _basis(agreement),
        _purposes(agreement),
        _fields(agreement),
        _access(agreement),
        _card(agreement),
        _names(agreement),
        _exchange(agreement),
        _safety(agreement),
        _keeping(agreement),
        _promises(agreement),
        _goals(agreement),
        _people(agreement),
        _signatures(agreement),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _text(words: str) -> str:
    """Somebody's words, so that Markdown shows them as they are."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", words)


def _day(when: date) -> str:
    return f"{when.day} {when:%B %Y}"


def _month_day(text: str) -> str:
    month, day = (int(part) for part in text.split("-"))
    return f"{day} {date(2000, month, day):%B}"


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"


def _section(number: str) -> str:
    return f"[34 CFR {number}]({_ECFR}{number})"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


def _listed(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "nothing"


def _head(a: Agreement) -> str:
    lea, provider = a.parties.lea, a.parties.provider
    signed = (
        f"The signed paper has the SHA-256 `{a.document.sha256}`." if a.document else "No fingerprint of a signed paper is written here."
    )
    return f"""# {_text(a.title)}

Data-sharing agreement `{a.id}` (data-sharing id `{a.sharing}`) between **{_text(lea.name)}** ({lea.state}), called the district, and **{_text(provider.name)}**, called the library.

It is {STATUS_WORDS[a.status]}. It runs from {_day(a.term.effective)} to {_day(a.term.expires)}, both included; access ends with it by itself, and renewal is an act of both parties. {signed}"""


def _basis(a: Agreement) -> str:
    words, sections = BASIS_WORDS[a.basis.ferpa]
    lines = [f"## Why the district may disclose\n\n{words} ({', '.join(_section(number) for number in sections)})."]
    if a.basis.school_official is not None:
        said = a.basis.school_official
        lines.append(
            f"- Institutional service: {_text(said.institutional_service)}\n- Direct control: {_text(said.direct_control)}\n- No redisclosure: {_text(said.no_redisclosure)}"
        )
    if a.basis.consent is not None:
        form = a.basis.consent
        lines.append(
            f"The form ({form.form_url}) states the information ({_text(form.information)}), the purpose ({_text(form.purpose)}) and the recipients ({_text(form.recipients)})."
        )
    if a.basis.studies is not None:
        study = a.basis.studies
        lines.append(
            f"The study: {_text(study.purpose)} Scope: {_text(study.scope)} Information: {_text(study.information)} It ends on {_day(study.ends_on)}; {_text(study.no_identification)} Its data are destroyed within {_days(study.destroy_within_days)}."
        )
    if a.basis.audit is not None:
        audit = a.basis.audit
        lines.append(
            f"The evaluation, by {_text(audit.representative)}: {_text(audit.purpose)} {_text(audit.activity)} Information: {_text(audit.information)} {_text(audit.no_further_disclosure)} Its data are destroyed within {_days(audit.destroy_within_days)}."
        )
    lines.append(f"## How a family decides\n\n{_choice(a)}")
    return "\n\n".join(lines)


def _choice(a: Agreement) -> str:
    choice = a.basis.choice
    if a.route == "before_upload" and a.basis.notice is not None:
        notice = a.basis.notice
        way = (
            f"The district told all families on {_day(notice.published_on)} ({notice.url}) and they could refuse until {_day(notice.opt_out_by)}. "
            "Nothing about a child whose family refused is sent; where the file names such a child at all, the row holds the id and the refusal only. No file is accepted before that day is over."
        )
    elif a.route == "opt_in":
        ways = "with a button behind the link in its e-mail" + (
            ", or on the day that the roster says" if "consent_date" in a.fields else ""
        )
        from_when = f" A yes in the roster counts from {_day(choice.yes_from)}." if choice.yes_from else ""
        way = f"No card is made for a child before the family has said yes: {ways}. Silence is not a yes, and a refusal counts whatever else was said.{from_when}"
    else:
        way = (
            f"The roster is sent first. Then each family is told, and has {_days(choice.window_days or 0)} to refuse, counted from the day on which its message was delivered "
            "or on which the district attests that letters went home. The child's card is made when those days are over."
        )
    again = {
        "district": "the district",
        "district_or_eligible_student": "the district, or the student from the age of 18,",
        "family": "a parent or guardian, and from the age of 18 the student alone,",
    }[choice.yes_again]
    asks = (
        f"Every school year families are asked again: a card without a new yes by {_day(a.yes_by)} ends, two weeks after the family was asked at the earliest; that is no refusal."
        if a.yes_by
        else "Every school year families are asked again; silence changes nothing."
        if choice.renew == "yearly"
        else "A refusal holds until it is taken back."
    )
    return (
        f"{way}\n\nA family can refuse at any time, and it takes effect within {choice.honour_within_hours} hours. Any one refusal is enough: either parent's, the student's from the age of 18 "
        f"({_section('99.5')}), the district's. Only {again} may say yes again. {asks}"
    )


def _purposes(a: Agreement) -> str:
    rows = [
        (
            f"`{purpose}`",
            _text(clause.exhibit_a),
            "counts only, no group under " + str(clause.min_cell) if clause.output == "aggregate_only" else "–",
        )
        for purpose, clause in a.purposes.items()
    ]
    return (
        "## What the data are for\n\n"
        + _table(("purpose", "in the words of the agreement", "what may come out"), rows)
        + f"\n\nNever for: {', '.join(use.replace('_', ' ') for use in a.prohibited_uses)}."
    )


def _fields(a: Agreement) -> str:
    rows = [
        (f"`{name}`", _needed(clause), _text(clause.exhibit_b), _why(a, name), _who(a, name), _how_long(a))
        for name, clause in a.fields.items()
    ]
    refuses = "the whole file is refused" if a.forbidden_columns == "reject" else "it is dropped unread and both officers are told"
    return (
        "## What the district sends\n\n"
        + _table(("field", "needed", "Exhibit B", "why", "opened by", "kept"), rows)
        + f"\n\nColumns that are not in this table are dropped unread and named in the receipt. If a file holds a forbidden one ({', '.join(a.forbidden_fields)}), {refuses}."
    )


def _needed(clause: FieldClause) -> str:
    word = "yes" if clause.required else "if there is one"
    return f"{word}, only if {clause.only_if.replace('==', 'is')}" if clause.only_if else word


def _why(a: Agreement, name: str) -> str:
    return _listed(tuple(PURPOSE_WORDS[purpose] for purpose in a.purposes_of(FIELDS[name])))


def _who(a: Agreement, name: str) -> str:
    openers = tuple(dict.fromkeys(f"`{access.role}`" for access in a.accesses() if access.group is FIELDS[name]))
    return _listed(openers) if openers else "nobody once sealed"


def _how_long(a: Agreement) -> str:
    return f"until {_days(a.retention.after_withdrawal_days)} after the person leaves or refuses"


def _access(a: Agreement) -> str:
    rows = []
    for name, role in a.roles.items():
        for purpose in role.purposes:
            groups = tuple(GROUP_WORDS[group] for group in a.for_role(name, purpose))
            deed = (
                _listed(groups) if purpose in role.opened else f"nothing that is sealed; it works on the roster itself ({_listed(groups)})"
            )
            rows.append((f"`{name}`", "a person, named in the log" if role.human else "a function", f"`{purpose}`", deed))
        if not role.purposes:
            rows.append((f"`{name}`", "a person, named in the log" if role.human else "a function", "–", "nothing"))
    parts = ["## Who opens what, for which purpose\n\n" + _table(("role", "what it is", "purpose", "opens"), rows)]
    parts.append("Whoever is not in this table opens nothing: the key refuses, and every attempt is in the log.")
    if a.subprocessors:
        others = [
            (
                _text(party.name),
                _text(party.service),
                _listed(tuple(GROUP_WORDS[group] for group in party.groups)),
                _text(party.location),
                party.agreement.replace("_", " "),
            )
            for party in a.subprocessors
        ]
        parts.append(
            f"Further parties ({_section('99.33')}):\n\n" + _table(("party", "service", "receives", "where", "its agreement"), others)
        )
    else:
        parts.append("No further party receives anything.")
    return "\n\n".join(parts)


def _number(clause: NumberClause) -> str:
    match clause.scheme:
        case "prefix_student_id":
            return f"the prefix {clause.prefix} and the district's own id, zero-padded to {clause.length} digits"
        case "student_id":
            return f"the district's own id, zero-padded to {clause.length} digits"
        case "state_id":
            return f"the state's id, zero-padded to {clause.length} characters"
        case "supplied":
            begins = f" that begins with {clause.prefix}" if clause.prefix else ""
            return f"a number of {clause.length} characters{begins}, which the district sends"
        case "library_barcode":
            return f"a {clause.length}-digit barcode of the library's own block"


def _staff(clause: bool | tuple[str, ...]) -> str:
    if isinstance(clause, bool):
        return "staff too" if clause else "no staff"
    return f"of the staff {_listed(tuple(_text(role) for role in clause))}"


def _left_out(group: LeftOut) -> str:
    said = [f"at the schools {', '.join(map(_text, group.schools))}"] if group.schools else []
    said += [f"in the grades {', '.join(group.grades)}"] if group.grades != "all" else []
    said += [f"with the enrolment status {' or '.join(map(_text, group.statuses))}"] if group.statuses else []
    return f"students {', '.join(said)}"


ACROSS = (
    "These students are compared with those of the library's other districts that agreed to the same: a child who is in two of them gets one card. "
    "No district is told which of its students are another one's too."
)


ELSEWHERE = "The same people may have a card of another library that serves the district, too: both parties mean that, and each library's agreement says so."


def _card(a: Agreement) -> str:
    card, who = a.card, a.rollout
    schools = "all schools" if who.schools == "all" else f"the schools {', '.join(_text(school) for school in who.schools)}"
    grades = "all grades" if who.grades == "all" else f"the grades {', '.join(who.grades)}"
    existing = {
        "separate": "A person who already has a card keeps it untouched and gets this one beside it.",
        "link": "A person who already has a card keeps using it; it stays the family's own, and nothing about it is changed.",
        "renew": "A person who already has a card keeps using it; it stays the family's own, and is marked as the student card. One thing about it is changed: where its last day is earlier than the one under End, it gets that day, and so "
        "again in each later school year in which the roster brings a change. Its end is never made earlier, not by a refusal or by leaving either, and nothing else about it is changed: no number, PIN, patron type, "
        "branch, name or block.",
        "ask": "Where a person may already have a card, a member of the library's staff decides.",
    }[a.existing]
    lines = [
        f"- Who: students of {schools}, {grades}; {_staff(who.staff)}.",
        *(f"- Not the group {_text(name)}: {_left_out(group)}." for name, group in who.leave_out.items()),
        *([f"- {ELSEWHERE}"] if who.also_elsewhere else []),
        f"- What: {CARD_WORDS[card.kind]}.",
        f"- Number: for students {_number(card.number)}.",
    ]
    if by := [f"grade {_text(grade)}" for grade in card.patron_type.by_grade] + [f"age {age}" for age in sorted(card.patron_type.by_age)]:
        lines.append(
            f"- The library's type of patron goes by {_listed(tuple(by))}: an age that was reached counts before a grade, the oldest first."
        )
    if who.staff:
        lines.append(f"- Staff: {_number(card.staff_number)}.")
    lines += [
        f"- PIN: {_pin(card.pin)}{'; every login asks for it' if card.pin_or_second_factor else ''}. {_pin_page(a)}",
        *(
            [f"- **Warning.** {BIRTH_DATE_PIN} The parties take this risk, in their own words: {_text(card.pin.risk or '')}"]
            if card.pin.scheme == "birth_date"
            else []
        ),
        *([f"- {_handing_out(a)}"] if a.hands_out else []),
        f"- End: {_end(card.expiry)} {_leavers(a.leavers)}",
        *([f"- {_area(card.service_area)}"] if card.service_area else []),
        *([f"- Use: {_rules(card.rules)}"] if card.rules else []),
        *(
            [f"- A first load makes {a.safety.pilot_cards} cards, which the library tries; all others wait for its word."]
            if a.safety.pilot_cards
            else []
        ),
        f"- {' '.join(filter(None, (existing, _blocked(a))))}",
        *([f"- {_in_doubt(a.in_doubt)}"] if a.in_doubt else []),
        *([f"- {ACROSS}"] if a.compared_across else []),
    ]
    return "## The card\n\n" + "\n".join(lines)


def _handing_out(a: Agreement) -> str:
    pin = (
        " and the PIN, if nobody was shown it yet; a card that is printed again has a new PIN, and the old one does not work any more"
        if a.prints_pins
        else " and no PIN"
    )
    name = {"legal": "legal", "preferred": "preferred"}[a.name_on.handout]
    return (
        f"Handed out at school: the library prints cards, lists of classes and letters home, by school, with the {name} name, the number{pin}. "
        "Each print is recorded with who printed, when, for which school and class, and whose cards, before anything is opened. "
        "Students whose contacts are restricted are left out unless the school says otherwise, which is recorded, too."
    )


def _end(expiry: Expiry) -> str:
    year = f"{_month_day(expiry.month_day)}, and after {_month_day(expiry.rolls_after)} that of the next year"
    match expiry.rule:
        case "graduation":
            return f"{_month_day(expiry.month_day)} of the year in which the student's grade will have left the twelfth; for staff and students without such a grade {year}."
        case "age":
            return f"the birthday {expiry.until_age}; for staff and students without a birth date {year}."
        case _:
            return f"{year}."


def _leavers(leavers: Leavers) -> str:
    if leavers.runs_out:
        return "A card runs to that day also when its owner leaves."
    return f"A card outlives its owner's leaving by {_days(leavers.grace_days)}."


def _rules(rules: Rules) -> str:
    limit = (
        ""
        if rules.item_limit is None
        else " nothing can be borrowed;"
        if rules.item_limit == 0
        else f" at most {rules.item_limit} items at once;"
    )
    fines = "no fines for late items, while lost ones are billed" if rules.no_fines else "fines as for every card"
    amnesty = "; the library forgives what a child owed before" if rules.amnesty else ""
    return f"{limit.strip()} {fines}{amnesty}; holds are picked up at the {rules.hold_pickup}. The library's system keeps this by the patron type.".strip()


AREA_WORDS = {
    "full": "gets the same card",
    "e_resources": "gets a card for e-resources alone",
    "skip": "gets no card",
    "ask": "gets no card before the library has said so",
}


def _area(area: ServiceArea) -> str:
    told = "the district's word" if area.flag else "the postal code" if area.postal_codes else "the school"
    schools = "".join(
        f"; at the school {_text(school)} such a student {AREA_WORDS[word]}" for school, word in sorted(area.by_school.items())
    )
    unknown = "" if area.outside_schools else f" Who is not told of counts as {area.unknown}."
    return f"Service area, by {told}: a student outside it {AREA_WORDS[area.outside]}{schools}.{unknown} Staff get their card wherever they live."


def _pin(pin: PinClause) -> str:
    if pin.scheme == "random":
        return f"{pin.length} random digits"
    return f"a student's birth date, written as {pin.format}; for staff, for a student without one, and for whoever gets another PIN, {pin.length} random digits"


def _pin_page(a: Agreement) -> str:
    page = a.card.pin.page
    if page is None and a.prints_pins:
        return "It is told on the printed card alone; the library's desk sets another one."
    if page is None:
        return "Nobody is told it; the library's desk sets another one."
    asked = {"birth_date": "birth date", "student_id": "student id"}[page.asks]
    named = "with the name that a family's letter has" if Group.IDENTITY in a.matrix.get(Purpose.SHOW_PIN, ()) else "without a name"
    name = "" if a.name_on.family_notice == "none" else f", {named}"
    return (
        f"A family is shown it once, beside the card number{name}: on a page behind a link in the card's e-mail, which works for {_days(page.days)}, after typing the child's {asked}, which the e-mail does not say. "
        f"{TRIES_A_DAY} wrong answers close the page for the day. The library can have a new PIN drawn, which is shown in the same way; the function that draws it can seal a PIN and open none."
    )


def _blocked(a: Agreement) -> str:
    """What happens to a card that was there before and is blocked; nothing where the agreement does not say."""
    if a.renews_existing and a.existing_blocked:
        blocked = "One that has only expired is renewed like any other. One that is blocked otherwise (restricted, reported lost, stopped for its address) is not renewed"
        return {
            "separate": f"{blocked} and not linked, so that the person gets a card of this programme instead.",
            "link_and_list": f"{blocked}; it is linked all the same, stays blocked, and is named to the library.",
            "ask": f"{blocked} and not linked before a member of the library's staff decided.",
        }[a.existing_blocked]
    match a.existing_blocked:
        case "separate":
            return "One that is blocked or expired is not linked, so that the person gets a card of this programme instead."
        case "link_and_list":
            return "One that is blocked or expired is linked all the same, stays blocked, and is named to the library."
        case "ask":
            return "One that is blocked or expired is not linked before a member of the library's staff decided."
        case None:
            return ""


def _in_doubt(clause: InDoubt) -> str:
    within = _days(clause.decide_within_days)
    if clause.meanwhile == "card":
        return "Where it is not certain whether a student has a card already, or stands twice in the roster, the student gets this one, and the library's staff look."
    return f"Where it is not certain whether a student has a card already, or stands twice in the roster, the student waits until the library's staff decide, at most {within}."


def _names(a: Agreement) -> str:
    names = a.name_on
    return (
        "## Names and letters\n\n"
        f"The library's system has {NAME_WORDS[names.ils]}, a letter or e-mail to the family {NAME_WORDS[names.family_notice]}, a handout {NAME_WORDS[names.handout]}.\n\n"
        f"{'Families are told before their child gets a card. ' if a.notices.announce else ''}Notices are written in {_listed(tuple(LANGUAGE_WORDS[one] for one in a.notices.languages))} and come from {_text(a.notices.sender)}; receipts, without personal data, "
        f"go to {_listed(tuple(_text(address) for address in a.notices.receipt_to))}."
    )


def _exchange(a: Agreement) -> str:
    exchange = a.exchange
    protection = {
        "signed": f"encrypted with OpenPGP and signed by {'the pinned key' if len(exchange.signers) == 1 else f'one of {len(exchange.signers)} pinned keys'}",
        "encrypted": "encrypted; its sender is proven by the pinned SFTP key or AWS principal",
        "plain": "sent over a protected connection and stored encrypted; its sender is proven by the pinned SFTP key or AWS principal",
    }[exchange.protection]
    origin = f"only from {', '.join(exchange.source_cidrs)}" if exchange.source_cidrs else "from any network address"
    lines = [
        f"- Each file is {protection}.",
        f"- It comes by {_listed(tuple(channel.upper() for channel in exchange.channels))}, {origin}, {'once' if exchange.cadence == 'once' else exchange.cadence}, as {_listed(tuple(FORMAT_WORDS[one] for one in exchange.formats))}, of at most {exchange.max_megabytes} MB.",
        f"- It is this district's if its organisations include {_listed(tuple(_text(word) for word in exchange.organisation_ids))}.",
    ]
    if exchange.deltas:
        lines.append(
            "- A OneRoster file may hold changes only (delta). For that the agreed columns of the last roster are kept, sealed, until the next file replaces them; "
            "of a child whom the district marks as refused, only the id, the role and the refusal."
        )
    if exchange.cadence != "once":
        free = [f"{_day(span.first)} to {_day(span.last)}" for span in exchange.calendar.breaks]
        lines.append(
            f"- Where none comes when one is due, the district and the library's desk are told by e-mail{'; not in the breaks, ' + _listed(tuple(free)) if free else ''}."
        )
    if exchange.calendar.rollover is not None:
        first = " The first file after it waits for a person's approval." if a.safety.first_run_needs_approval else ""
        lines.append(
            f"- From {_day(exchange.calendar.rollover.first)} to {_day(exchange.calendar.rollover.last)} the district's system rolls over: no file is applied.{first}"
        )
    return "## How the file travels\n\n" + "\n".join(lines)


def _safety(a: Agreement) -> str:
    safety = a.safety
    first = "The first file waits for a person's approval. " if safety.first_run_needs_approval else ""
    return (
        "## What is held for a person\n\n"
        f"{first}Any file waits if more than {safety.max_missing_percent:g} % of the known students are missing, more than {safety.max_new_percent:g} % are new, "
        f"more than {safety.max_changed_percent:g} % changed, or more than {safety.max_rejected_percent:g} % of its rows are rejected."
    )


def _keeping(a: Agreement) -> str:
    kept, end = a.retention, a.disposition
    rows = [
        ("the file as it came", _days(kept.raw_upload_days)),
        ("its sealed parts on the way to cards", _days(kept.roster_days)),
        *(
            [("the agreed columns of the last roster, sealed", f"until the next file, at most {_days(kept.roster_days)}")]
            if a.exchange.deltas
            else []
        ),
        *(
            [
                (
                    "what the library's other districts' students are compared by, sealed",
                    "until the next file; unreadable when the agreement ends, and gone at most 400 days later",
                )
            ]
            if a.compared_across
            else []
        ),
        ("sealed data of a person who left or refused", _days(kept.after_withdrawal_days)),
        ("access logs, without personal data", _days(kept.access_log_days)),
        (f"the record of disclosures ({_section('99.32')})", _days(kept.disclosure_record_days)),
    ]
    hold = "\n\n**A legal hold is in place: nothing is destroyed until it is lifted.**" if kept.legal_hold else ""
    return (
        "## How long anything is kept\n\n"
        + _table(("what", "kept"), rows)
        + f"{hold}\n\nOn {_listed(tuple(end.on))} everything is destroyed within {_days(end.within_days)}, with a certificate ({end.certificate.replace('_', ' ')}); the key is deleted after a wait of {_days(end.key_wait_days)}, "
        "and what it sealed can then be read by nobody."
    )


def _promises(a: Agreement) -> str:
    de_identified = "allowed, re-identification forbidden" if a.deidentified.allowed else "not allowed"
    lines = [
        f"- Breach: the district is told within {a.breach.notify_lea_within_hours} hours of its {a.breach.clock_starts}: {', '.join(word.replace('_', ' ') for word in a.breach.contents)}.",
        f"- Audit: the district may audit {a.audit.lea_may_audit.replace('_', ' ')}, with {_days(a.audit.notice_days)} of notice. Access is reviewed by machine {a.audit.access_review} and signed {a.audit.signed} by: {_text(a.audit.reviewer)}.",
        f"- Parents see what is held about their child within {_days(a.requests.parent_access_days)} ({_section('99.10')}); corrections are made by the district; police and other authorities are sent to the district.",
        f"- De-identified data sets: {de_identified}.",
        f"- Training in privacy: {a.training.privacy.replace('_', ' ')}, records on file. Security framework: {a.security_framework.replace('_', ' ')}.",
    ]
    if a.state_terms:
        lines.append(f"- State terms: {', '.join(_text(term) for term in a.state_terms)}.")
    return "## Promises\n\n" + "\n".join(lines)


GOAL_WORDS = {"coverage": "of the students", "educators": "of the educators"}


def _goals(a: Agreement) -> str:
    if not a.goals:
        return ""
    lines = [
        f"- By {_day(goal.by)}, {goal.target_percent} % {GOAL_WORDS[goal.measure]} have a card that is in the library's system."
        for goal in a.goals
    ]
    return "## What both want to reach\n\n" + "\n".join(lines)


def _people(a: Agreement) -> str:
    rows: list[tuple[str, ...]] = []
    for duty, contact in (
        ("the district's privacy", a.parties.lea.privacy_contact),
        ("the library's compliance", a.parties.provider.compliance_officer),
        ("questions about cards", a.notices.contact),
    ):
        rows.append((duty, _reach(contact), _reach(contact.deputy) if contact.deputy else "–"))
    return "## Whom to ask\n\n" + _table(("for", "contact", "deputy"), rows)


def _reach(contact: Contact) -> str:
    return f"{_text(contact.name)}, {_text(contact.email)}, {contact.phone}"


def _signatures(a: Agreement) -> str:
    rows: list[tuple[str, ...]] = [
        (_text(party.name), f"{_text(party.signatory.name)}, {_text(party.signatory.title)}", " ", " ")
        for party in (a.parties.lea, a.parties.provider)
    ]
    given = "".join(f"\n- {_text(one.by)}, {_text(one.role)}, {_day(one.at)}" for one in a.approvals)
    return (
        "## Signatures\n\n"
        + _table(("party", "signatory", "signature", "date"), rows)
        + (f"\n\nApprovals on file:{given}" if given else "")
        + "\n\n---\n\nThis page is made from the same file that the access rules are compiled from. It is no legal advice: confirm with counsel. "
        f"Sections: {', '.join(_section(number) for number in ('99.3', '99.5', '99.10', '99.30', '99.31', '99.32', '99.33', '99.37'))}."
    )
