"""An agreement as a memorandum that people read and sign, in Markdown.

Every statement comes from the same model that the key policies are compiled from. Its sentences stand in ``texts/``, one file a language; names, addresses and
whatever the parties wrote themselves stay as they are. Points of law carry their section; confirm with counsel.
"""

import re
from collections.abc import Iterable, Sequence

from firstcard.agreement.language import Language, Tongue, sentences
from firstcard.agreement.model import (
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
)
from firstcard.agreement.vocabulary import FIELDS, Group, Purpose

_ECFR = "https://www.ecfr.gov/current/title-34/part-99/section-"

BASIS_SECTIONS: dict[Ferpa, tuple[str, ...]] = {
    Ferpa.SCHOOL_OFFICIAL: ("99.31", "99.33"),
    Ferpa.DIRECTORY_INFORMATION: ("99.3", "99.37"),
    Ferpa.DIRECTORY_INFORMATION_LIMITED: ("99.3", "99.37"),
    Ferpa.CONSENT: ("99.30",),
    Ferpa.STUDIES: ("99.31",),
    Ferpa.AUDIT: ("99.35",),
}
NAMED_SECTIONS = ("99.3", "99.5", "99.10", "99.30", "99.31", "99.32", "99.33", "99.37")
PRODUCTS = {"oneroster_1_1": "OneRoster 1.1", "oneroster_1_2": "OneRoster 1.2", "sds_1": "Microsoft SDS 1", "sds_2_1": "Microsoft SDS 2.1"}
"""Formats that are called the same in every language."""


def to_markdown(agreement: Agreement, language: Tongue = Tongue.EN) -> str:
    """The memorandum of one agreement; ends with a newline. In another language than English it begins by saying that the English text is the one that is signed."""
    w = sentences(language)
    sections = (
        _head,
        _basis,
        _choice,
        _purposes,
        _fields,
        _access,
        _card,
        _names,
        _exchange,
        _safety,
        _keeping,
        _promises,
        _goals,
        _people,
        _signatures,
    )
    parts = (
        f"# {_text(agreement.title)}",
        w.say("about.translation"),
        *(section(agreement, w) for section in sections),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _text(words: str) -> str:
    """Somebody's words, so that Markdown shows them as they are."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", words)


def _texts(words: Iterable[str]) -> str:
    return ", ".join(_text(word) for word in words)


def _section(number: str) -> str:
    return f"[34 CFR {number}]({_ECFR}{number})"


def _laws(numbers: Iterable[str]) -> str:
    return ", ".join(_section(number) for number in numbers)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


def _items(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _head(a: Agreement, w: Language) -> str:
    lea, provider = a.parties.lea, a.parties.provider
    signed = w.say("head.fingerprint", sha256=a.document.sha256) if a.document else w.say("head.no_fingerprint")
    parties = w.say("head.parties", id=a.id, sharing=a.sharing, district=_text(lea.name), state=lea.state, library=_text(provider.name))
    term = w.say("head.term", status=w.say(f"status.{a.status}"), first=w.day(a.term.effective), last=w.day(a.term.expires), signed=signed)
    return f"{parties}\n\n{term}"


def _basis(a: Agreement, w: Language) -> str:
    basis = a.basis
    parts = [f"## {w.say('basis.heading')}", w.say(f"basis.{basis.ferpa}", sections=_laws(BASIS_SECTIONS[basis.ferpa]))]
    if (official := basis.school_official) is not None:
        said = {
            "institutional_service": official.institutional_service,
            "direct_control": official.direct_control,
            "no_redisclosure": official.no_redisclosure,
        }
        parts.append(_items(w.say(f"basis.{key}", said=_text(text)) for key, text in said.items()))
    if (form := basis.consent) is not None:
        parts.append(
            w.say(
                "basis.form",
                url=form.form_url,
                information=_text(form.information),
                purpose=_text(form.purpose),
                recipients=_text(form.recipients),
            )
        )
    if (study := basis.studies) is not None:
        parts.append(
            w.say(
                "basis.study",
                purpose=_text(study.purpose),
                scope=_text(study.scope),
                information=_text(study.information),
                ends_on=w.day(study.ends_on),
                no_identification=_text(study.no_identification),
                days=w.count("days", study.destroy_within_days),
            )
        )
    if (audit := basis.audit) is not None:
        parts.append(
            w.say(
                "basis.evaluation",
                representative=_text(audit.representative),
                purpose=_text(audit.purpose),
                activity=_text(audit.activity),
                information=_text(audit.information),
                no_further_disclosure=_text(audit.no_further_disclosure),
                days=w.count("days", audit.destroy_within_days),
            )
        )
    return "\n\n".join(parts)


def _choice(a: Agreement, w: Language) -> str:
    choice = a.basis.choice
    if a.route == "before_upload" and a.basis.notice is not None:
        notice = a.basis.notice
        way = w.say("choice.before_upload", published=w.day(notice.published_on), url=notice.url, until=w.day(notice.opt_out_by))
    elif a.route == "opt_in":
        way = w.say("choice.opt_in", ways=w.say("choice.by_button_or_roster" if "consent_date" in a.fields else "choice.by_button"))
        if choice.yes_from:
            way += f" {w.say('choice.opt_in_from', day=w.day(choice.yes_from))}"
    else:
        way = w.say("choice.window", days=w.count("days", choice.window_days or 0))
    if a.yes_by:
        asks = w.say("choice.asks_for_a_yes", day=w.day(a.yes_by))
    else:
        asks = w.say("choice.asks_yearly" if choice.renew == "yearly" else "choice.asks_once")
    refusal = w.say(
        "choice.refusal",
        hours=w.count("hours", choice.honour_within_hours),
        section=_section("99.5"),
        again=w.say(f"yes_again.{choice.yes_again}"),
        asks=asks,
    )
    return f"## {w.say('choice.heading')}\n\n{way}\n\n{refusal}"


def _purposes(a: Agreement, w: Language) -> str:
    rows = [
        (
            f"`{purpose}`",
            _text(clause.exhibit_a),
            w.say("purposes.counts_only", min_cell=clause.min_cell) if clause.output == "aggregate_only" else "–",
        )
        for purpose, clause in a.purposes.items()
    ]
    never = w.say("purposes.never", uses=", ".join(w.say(f"use.{use}") for use in a.prohibited_uses))
    return f"## {w.say('purposes.heading')}\n\n{_table(w.columns('purposes.columns'), rows)}\n\n{never}"


def _fields(a: Agreement, w: Language) -> str:
    kept = w.say("fields.kept", days=w.count("days", a.retention.after_withdrawal_days))
    rows = [
        (f"`{name}`", _needed(clause, w), _text(clause.exhibit_b), _why(a, name, w), _who(a, name, w), kept)
        for name, clause in a.fields.items()
    ]
    others = w.say("fields.others", names=", ".join(a.forbidden_fields), refuses=w.say(f"fields.{a.forbidden_columns}"))
    return f"## {w.say('fields.heading')}\n\n{_table(w.columns('fields.columns'), rows)}\n\n{others}"


def _needed(clause: FieldClause, w: Language) -> str:
    needed = w.say("fields.needed" if clause.required else "fields.optional")
    if (condition := clause.condition) is None:
        return needed
    key = condition.bound if condition.subject == "role" else condition.subject
    return w.say("fields.only_if", needed=needed, condition=w.say(f"condition.{key}", sign=condition.sign, bound=condition.bound))


def _why(a: Agreement, name: str, w: Language) -> str:
    return w.listed([w.say(f"purpose.{purpose}") for purpose in a.purposes_of(FIELDS[name])])


def _who(a: Agreement, name: str, w: Language) -> str:
    openers = list(dict.fromkeys(f"`{access.role}`" for access in a.accesses() if access.group is FIELDS[name]))
    return w.listed(openers) if openers else w.say("fields.nobody")


def _groups(groups: Iterable[Group], w: Language) -> str:
    return w.listed([w.say(f"group.{group}") for group in groups])


def _access(a: Agreement, w: Language) -> str:
    rows = []
    for name, role in a.roles.items():
        who = w.say("access.person" if role.human else "access.function")
        for purpose in role.purposes:
            groups = _groups(a.for_role(name, purpose), w)
            rows.append((f"`{name}`", who, f"`{purpose}`", groups if purpose in role.opened else w.say("access.sealed", groups=groups)))
        if not role.purposes:
            rows.append((f"`{name}`", who, "–", w.say("access.nothing")))
    parts = [f"## {w.say('access.heading')}", _table(w.columns("access.columns"), rows), w.say("access.others")]
    if a.subprocessors:
        further = [
            (_text(one.name), _text(one.service), _groups(one.groups, w), _text(one.location), w.say(f"access.{one.agreement}"))
            for one in a.subprocessors
        ]
        parts += [w.say("access.further", section=_section("99.33")), _table(w.columns("access.further_columns"), further)]
    else:
        parts.append(w.say("access.no_further"))
    return "\n\n".join(parts)


def _card(a: Agreement, w: Language) -> str:
    card, who = a.card, a.rollout
    schools = w.say("card.all_schools") if who.schools == "all" else w.say("card.schools", schools=_texts(who.schools))
    grades = w.say("card.all_grades") if who.grades == "all" else w.say("card.grades", grades=", ".join(who.grades))
    lines = [
        w.say("card.who", schools=schools, grades=grades, staff=_staff(who.staff, w)),
        *(w.say("card.not_group", name=_text(name), said=_left_out(group, w)) for name, group in who.leave_out.items()),
        w.say("card.elsewhere") if who.also_elsewhere else "",
        w.say("card.what", kind=w.say(f"card.{card.kind}")),
        w.say("card.number", number=_number(card.number, w)),
        _patron_types(a, w),
        w.say("card.staff_number", number=_number(card.staff_number, w)) if who.staff else "",
        w.say("pin.line_every_login" if card.pin_or_second_factor else "pin.line", pin=_pin(card.pin, w), told=_pin_page(a, w)),
        w.say("pin.warning", risk=_text(card.pin.risk or "")) if card.pin.scheme == "birth_date" else "",
        _handing_out(a, w) if a.hands_out else "",
        w.say("card.end", end=_end(card.expiry, w), leavers=_leavers(a.leavers, w)),
        _area(card.service_area, w) if card.service_area else "",
        w.say("card.use", rules=_rules(card.rules, w)) if card.rules else "",
        w.count("pilot", a.safety.pilot_cards) if a.safety.pilot_cards else "",
        _existing(a, w),
        _in_doubt(a.in_doubt, w) if a.in_doubt else "",
        w.say("card.across") if a.compared_across else "",
    ]
    return f"## {w.say('card.heading')}\n\n{_items(line for line in lines if line)}"


def _staff(clause: bool | tuple[str, ...], w: Language) -> str:
    if isinstance(clause, bool):
        return w.say("card.staff_too" if clause else "card.no_staff")
    return w.say("card.of_the_staff", roles=w.listed([_text(role) for role in clause]))


def _left_out(group: LeftOut, w: Language) -> str:
    said = [w.say("card.at_schools", schools=_texts(group.schools))] if group.schools else []
    said += [w.say("card.in_grades", grades=", ".join(group.grades))] if group.grades != "all" else []
    said += [w.say("card.with_statuses", statuses=w.either([_text(one) for one in group.statuses]))] if group.statuses else []
    return ", ".join(said)


def _number(clause: NumberClause, w: Language) -> str:
    key = "supplied_prefix" if clause.scheme == "supplied" and clause.prefix else clause.scheme
    return w.say(f"number.{key}", prefix=clause.prefix, length=clause.length)


def _patron_types(a: Agreement, w: Language) -> str:
    """What the type goes by beside student and staff; nothing where it goes by nothing else."""
    types = a.card.patron_type
    by = [w.say("card.by_grade", grade=_text(grade)) for grade in types.by_grade]
    by += [w.say("card.by_age", age=age) for age in sorted(types.by_age)]
    return w.say("card.type", by=w.listed(by)) if by else ""


def _pin(pin: PinClause, w: Language) -> str:
    return w.say(f"pin.{pin.scheme}", length=pin.length, format=pin.format)


def _pin_page(a: Agreement, w: Language) -> str:
    page = a.card.pin.page
    if page is None:
        return w.say("pin.printed" if a.prints_pins else "pin.untold")
    named = w.say("pin.named" if Group.IDENTITY in a.matrix.get(Purpose.SHOW_PIN, ()) else "pin.unnamed")
    return w.say(
        "pin.page",
        name="" if a.name_on.family_notice == "none" else named,
        days=w.count("days", page.days),
        asked=w.say(f"pin.asked_{page.asks}"),
        tries=TRIES_A_DAY,
    )


def _handing_out(a: Agreement, w: Language) -> str:
    return w.say("handout.line", name=w.say(f"name.{a.name_on.handout}"), pin=w.say("handout.pin" if a.prints_pins else "handout.no_pin"))


def _end(expiry: Expiry, w: Language) -> str:
    day = w.month_day(expiry.month_day)
    year = w.say("end.year", day=day, rolls=w.month_day(expiry.rolls_after))
    return w.say(f"end.{expiry.rule}", day=day, year=year, age=expiry.until_age)


def _leavers(leavers: Leavers, w: Language) -> str:
    return w.say("end.runs_out") if leavers.runs_out else w.say("end.grace", days=w.count("days", leavers.grace_days))


def _area(area: ServiceArea, w: Language) -> str:
    told = "by_flag" if area.flag else "by_postal_code" if area.postal_codes else "by_school"
    return w.say(
        "area.line",
        told=w.say(f"area.{told}"),
        outside=w.say(f"area.{area.outside}"),
        schools="".join(
            w.say("area.at_school", school=_text(school), gets=w.say(f"area.{word}")) for school, word in sorted(area.by_school.items())
        ),
        unknown="" if area.outside_schools else w.say(f"area.unknown_{area.unknown}"),
    )


def _rules(rules: Rules, w: Language) -> str:
    limit = "" if rules.item_limit is None else w.say("rules.no_items") if rules.item_limit == 0 else w.count("items", rules.item_limit)
    said = (
        limit,
        w.say("rules.no_fines" if rules.no_fines else "rules.fines"),
        w.say("rules.amnesty") if rules.amnesty else "",
        w.say(f"rules.{rules.hold_pickup}"),
    )
    return f"{'; '.join(one for one in said if one)}. {w.say('rules.kept_by')}"


def _existing(a: Agreement, w: Language) -> str:
    """What happens to a card that was there before, and to one that is blocked where the agreement says so."""
    existing = w.say(f"existing.{a.existing}")
    if a.existing_blocked is None:
        return existing
    key = f"renew_{a.existing_blocked}" if a.renews_existing else a.existing_blocked
    return f"{existing} {w.say(f'blocked.{key}')}"


def _in_doubt(clause: InDoubt, w: Language) -> str:
    return w.say(f"in_doubt.{clause.meanwhile}", days=w.count("days", clause.decide_within_days))


def _names(a: Agreement, w: Language) -> str:
    names = a.name_on
    where = w.say(
        "names.where",
        ils=w.say(f"name.{names.ils}"),
        family=w.say(f"name.{names.family_notice}"),
        handout=w.say(f"name.{names.handout}"),
    )
    notices = w.say(
        "names.notices",
        announce=w.say("names.announce") if a.notices.announce else "",
        languages=w.listed([w.say(f"language.{one}") for one in a.notices.languages]),
        sender=_text(a.notices.sender),
        receipts=w.listed([_text(address) for address in a.notices.receipt_to]),
    )
    return f"## {w.say('names.heading')}\n\n{where}\n\n{notices}"


def _exchange(a: Agreement, w: Language) -> str:
    exchange, calendar = a.exchange, a.exchange.calendar
    lines = [
        w.say("exchange.protection", protection=_protection(a, w)),
        w.say(
            "exchange.way",
            channels=w.listed([channel.upper() for channel in exchange.channels]),
            origin=w.say("exchange.from_addresses", addresses=", ".join(exchange.source_cidrs))
            if exchange.source_cidrs
            else w.say("exchange.from_anywhere"),
            cadence=w.say(f"cadence.{exchange.cadence}"),
            formats=w.listed([PRODUCTS.get(one) or w.say(f"format.{one}") for one in exchange.formats]),
            megabytes=exchange.max_megabytes,
        ),
        w.say("exchange.whose", ids=w.listed([_text(one) for one in exchange.organisation_ids])),
        w.say("exchange.deltas") if exchange.deltas else "",
        _missing(a, w) if exchange.cadence != "once" else "",
    ]
    if calendar.rollover is not None:
        pause = w.say("exchange.rollover", first=w.day(calendar.rollover.first), last=w.day(calendar.rollover.last))
        lines.append(f"{pause} {w.say('exchange.after_rollover')}" if a.safety.first_run_needs_approval else pause)
    return f"## {w.say('exchange.heading')}\n\n{_items(line for line in lines if line)}"


def _protection(a: Agreement, w: Language) -> str:
    signers = len(a.exchange.signers)
    key = ("one_key" if signers == 1 else "some_keys") if a.exchange.protection == "signed" else a.exchange.protection
    return w.say(f"exchange.{key}", count=signers)


def _missing(a: Agreement, w: Language) -> str:
    breaks = [w.say("date.span", first=w.day(span.first), last=w.day(span.last)) for span in a.exchange.calendar.breaks]
    return w.say("exchange.missing_but_in_breaks", breaks=w.listed(breaks)) if breaks else w.say("exchange.missing")


def _safety(a: Agreement, w: Language) -> str:
    safety = a.safety
    line = w.say(
        "safety.line",
        first=w.say("safety.first") if safety.first_run_needs_approval else "",
        missing=f"{safety.max_missing_percent:g}",
        new=f"{safety.max_new_percent:g}",
        changed=f"{safety.max_changed_percent:g}",
        rejected=f"{safety.max_rejected_percent:g}",
    )
    return f"## {w.say('safety.heading')}\n\n{line}"


def _keeping(a: Agreement, w: Language) -> str:
    kept, end = a.retention, a.disposition
    rows = [(w.say("keeping.upload"), w.count("days", kept.raw_upload_days)), (w.say("keeping.roster"), w.count("days", kept.roster_days))]
    if a.exchange.deltas:
        rows.append((w.say("keeping.last_roster"), w.say("keeping.until_next", days=w.count("days", kept.roster_days))))
    if a.compared_across:
        rows.append((w.say("keeping.compared"), w.say("keeping.compared_until")))
    rows += [
        (w.say("keeping.left"), w.count("days", kept.after_withdrawal_days)),
        (w.say("keeping.access_logs"), w.count("days", kept.access_log_days)),
        (w.say("keeping.disclosures", section=_section("99.32")), w.count("days", kept.disclosure_record_days)),
    ]
    destruction = w.say(
        "keeping.destruction",
        on=w.listed([w.say(f"disposition.{one}") for one in end.on]),
        days=w.count("days", end.within_days),
        certificate=w.say(f"disposition.{end.certificate}"),
        wait=w.count("days", end.key_wait_days),
    )
    parts = (
        f"## {w.say('keeping.heading')}",
        _table(w.columns("keeping.columns"), rows),
        w.say("keeping.hold") if kept.legal_hold else "",
        destruction,
    )
    return "\n\n".join(part for part in parts if part)


def _promises(a: Agreement, w: Language) -> str:
    breach, audit = a.breach, a.audit
    lines = [
        w.say(
            "promises.breach",
            hours=w.count("hours", breach.notify_lea_within_hours),
            starts=w.say(f"breach.{breach.clock_starts}"),
            contents=", ".join(w.say(f"breach.{one}") for one in breach.contents),
        ),
        w.say(
            "promises.audit",
            how_often=w.say(f"often.{audit.lea_may_audit}"),
            days=w.count("days", audit.notice_days),
            reviewed=w.say(f"often.{audit.access_review}"),
            signed=w.say(f"often.{audit.signed}"),
            reviewer=_text(audit.reviewer),
        ),
        w.say("promises.parents", days=w.count("days", a.requests.parent_access_days), section=_section("99.10")),
        w.say("promises.deidentified" if a.deidentified.allowed else "promises.no_deidentified"),
        w.say("promises.training", how_often=w.say(f"often.{a.training.privacy}"), framework=a.security_framework.replace("_", " ")),
        w.say("promises.state_terms", terms=_texts(a.state_terms)) if a.state_terms else "",
    ]
    return f"## {w.say('promises.heading')}\n\n{_items(line for line in lines if line)}"


def _goals(a: Agreement, w: Language) -> str:
    if not a.goals:
        return ""
    lines = (w.say(f"goals.{goal.measure}", day=w.day(goal.by), percent=goal.target_percent) for goal in a.goals)
    return f"## {w.say('goals.heading')}\n\n{_items(lines)}"


def _people(a: Agreement, w: Language) -> str:
    asked = {
        "district": a.parties.lea.privacy_contact,
        "library": a.parties.provider.compliance_officer,
        "questions": a.notices.contact,
    }
    rows = [
        (w.say(f"people.{duty}"), _reach(contact), _reach(contact.deputy) if contact.deputy else "–") for duty, contact in asked.items()
    ]
    return f"## {w.say('people.heading')}\n\n{_table(w.columns('people.columns'), rows)}"


def _reach(contact: Contact) -> str:
    return f"{_text(contact.name)}, {_text(contact.email)}, {contact.phone}"


def _signatures(a: Agreement, w: Language) -> str:
    rows: list[tuple[str, ...]] = [
        (_text(party.name), f"{_text(party.signatory.name)}, {_text(party.signatory.title)}", " ", " ")
        for party in (a.parties.lea, a.parties.provider)
    ]
    given = [f"{_text(one.by)}, {_text(one.role)}, {w.day(one.at)}" for one in a.approvals]
    parts = (
        f"## {w.say('signatures.heading')}",
        _table(w.columns("signatures.columns"), rows),
        f"{w.say('signatures.approvals')}\n{_items(given)}" if given else "",
        "---",
        w.say("signatures.counsel", sections=_laws(NAMED_SECTIONS)),
    )
    return "\n\n".join(part for part in parts if part)
