"""The review as plain data: what it rests on first, then the officer's eighteen questions, each with an answer, its state, and the records behind it.

A question that nothing here can answer says so (``open``); it never looks like a pass. Where the evidence is not whole, no answer below is green.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from firstcard.agreement import Agreement, Site, Status
from firstcard.evidence import Health, Hours, State, TrailReading, Verdict
from firstcard.review.check import Acknowledged, Checked, Opened
from firstcard.review.outcome import Code, Finding, Outcome, Severity

VERSION = 1
ENDINGS = 14
SOON = timedelta(days=60)
"""What ends within these days is said to end soon."""


class Light(StrEnum):
    """How an answer stands: ``green`` is a pass, ``amber`` wants a look, ``red`` is a breach or broken evidence, ``grey`` cannot be told."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    GREY = "grey"


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the questions: its number, what is asked, the answer in a sentence or two, and rows of a table with their head."""

    number: int
    question: str
    light: Light
    text: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that a review was made of. ``destroyed`` and ``noes`` are what the ledger and the cards table say, as plain data; None where nobody asked them."""

    checked: Checked
    health: Health
    reading: TrailReading
    hours: Hours | None
    site: Site
    destroyed: Sequence[Mapping[str, Any]] | None = None
    noes: Sequence[Mapping[str, Any]] | None = None
    acknowledged: Sequence[Acknowledged] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


OF_OTHERS = (
    Code.OTHER_ROLE,
    Code.OTHER_PURPOSE,
    Code.OTHER_GROUP,
    Code.NO_AGREEMENT,
    Code.KEY_WITHOUT_PURPOSE,
    Code.REACHED_BY_OTHERS,
    Code.BEYOND_ITS_RIGHTS,
    Code.ANOTHER_DISTRICTS,
)
OF_CHANGES = (Code.KEY_CHANGED, Code.KEY_DELETION, Code.RIGHTS_CHANGED, Code.CHANGED_BY_HAND, Code.ROOT_USED)


def light_of(found: Found) -> Light:
    """The whole review's: red where the evidence is broken or something was done that nothing permits, grey where it cannot be told, amber where a person must look."""
    checked = found.checked
    if found.health.verdict is Verdict.NOT_WHOLE or checked.events[Outcome.VIOLATION]:
        return Light.RED
    if any(answer.light is Light.RED for answer in answers(found)):
        return Light.RED
    if found.health.verdict is Verdict.NOT_KNOWN or not sum(checked.events.values()):
        return Light.GREY
    # That something ends soon is told, and is nothing that was done.
    asks = any(answer.light is Light.AMBER and answer.number != ENDINGS for answer in answers(found))
    if checked.findings or checked.events[Outcome.NOT_EVALUABLE] or asks:
        return Light.AMBER
    return Light.GREEN


def report_of(found: Found, *, written: datetime) -> dict[str, Any]:
    """The whole report as JSON."""
    checked = found.checked
    total = sum(checked.events.values())
    return {
        "v": VERSION,
        "written_at": written.isoformat(timespec="seconds"),
        "from": checked.begins.isoformat(),
        "to": checked.ends.isoformat(),
        "light": str(light_of(found)),
        "agreements": sorted(one.id for one in found.site.agreements),
        "rests_on": {
            "verdict": str(found.health.verdict),
            "reasons": [{"code": one.code, "sentence": one.sentence, "weight": str(one.weight)} for one in found.health.reasons],
            "hours": _hours(found.hours),
            "files": found.reading.counts.files,
            "records": found.reading.counts.records,
            "duplicates": found.reading.counts.duplicates,
            "unreadable": found.reading.counts.unreadable,
            "files_with_faults": found.reading.counts.faults,
            "outside_the_window": checked.outside,
            "sources": dict(found.sources),
        },
        "events": {"all": total, **{str(outcome): checked.events[outcome] for outcome in Outcome}},
        "not_evaluable": dict(sorted(checked.not_evaluable.items())),
        "intents": {"all": checked.intents, "matched": checked.matched},
        "answers": [_answer(one) for one in answers(found)],
        "findings": [_finding(one) for one in checked.findings],
        "acknowledged": [_acknowledged(one, checked.acknowledged[one]) for one in found.acknowledged],
    }


def answers(found: Found) -> list[Answer]:
    """The eighteen questions in their order (compliance officers' own), each answered from what was found; none is green while the evidence is not whole."""
    made = [_evidence(found), *(_one(found) for _one in _QUESTIONS)]
    if found.health.verdict is Verdict.WHOLE:
        return made
    return [
        made[0],
        *(Answer(a.number, a.question, Light.GREY if a.light is Light.GREEN else a.light, a.text, a.head, a.rows) for a in made[1:]),
    ]


# ---- the questions ---------------------------------------------------------------------


def _evidence(found: Found) -> Answer:
    verdict, counts = found.health.verdict, found.reading.counts
    light = {Verdict.WHOLE: Light.GREEN, Verdict.NOT_WHOLE: Light.RED, Verdict.NOT_KNOWN: Light.GREY}[verdict]
    hours = _hours(found.hours)
    told = {
        Verdict.WHOLE: "Yes. Every hour is covered by a signed digest, nothing was changed, and the trail recorded what it must.",
        Verdict.NOT_WHOLE: "No. What follows may leave something out: nothing below counts as a pass.",
        Verdict.NOT_KNOWN: "It cannot be told. Nothing below counts as a pass.",
    }[verdict]
    text = f"{told} {counts.records:,} records in {counts.files:,} files; {counts.duplicates} came twice, {counts.unreadable} could not be read; hours covered: {hours['covered']}, missing: {hours['gap']}, broken: {hours['broken']}."
    rows = tuple((one.code, one.sentence) for one in found.health.reasons)
    return Answer(1, "Is the evidence itself whole?", light, text, ("reason", "what it means"), rows)


def _who_opened(found: Found) -> Answer:
    opened, refused = found.checked.opened, found.checked.refused
    rows = tuple(_opened_row(one, opened[one], refused[one]) for one in sorted({*opened, *refused}, key=_key_of))
    text = f"{sum(opened.values()):,} openings by {len({one.role for one in opened})} roles." if opened else "Nobody opened anything."
    return Answer(
        2,
        "Who opened what, for which purpose, how often?",
        Light.GREEN,
        text,
        ("role", "whose", "purpose", "group", "opened", "refused"),
        rows,
    )


def _others(found: Found) -> Answer:
    return _by_codes(
        found,
        3,
        "Was anything reached outside the named roles and purposes?",
        OF_OTHERS,
        "No. {blocked} attempts were refused.",
        refused=True,
    )


def _term(found: Found) -> Answer:
    return _by_codes(found, 4, "Was anything opened before or after the agreement's term?", (Code.OUTSIDE_TERM,), "No.")


def _intents(found: Found) -> Answer:
    checked = found.checked
    none = f"No: each of {checked.matched:,} openings was written down before." if checked.matched else "Nothing was opened."
    if checked.opened and not checked.intents:
        return Answer(5, _ASKED_5, Light.GREY, "The ledger's intents were not given to this review.")
    return _by_codes(found, 5, _ASKED_5, (Code.OPENED_WITHOUT_INTENT, Code.INTENT_WITHOUT_OPENING), none)


_ASKED_5 = "Was anything opened that was not written down before, or the other way round?"


def _exports(found: Found) -> Answer:
    none = "No call of that kind is in the trail. The logs of SFTP sessions are not read by this review."
    return _by_codes(found, 6, "Were data exported, copied, or taken out as a whole?", (Code.BULK_EXPORT,), none)


def _deletions(found: Found) -> Answer:
    question = "Were deletions done on time?"
    if found.destroyed is None:
        return Answer(7, question, Light.GREY, "The record of destruction was not given to this review.")
    left = [one for one in found.destroyed if not one["done"] or one["remaining"]]
    rows = tuple(
        (
            str(one["at"])[:19],
            str(one["sharing"]),
            str(one["clause"]),
            str(one["patrons"]),
            str(one["households"]),
            "not whole" if one in left else "",
        )
        for one in found.destroyed
    )
    if left and left[-1] is found.destroyed[-1]:
        text = "The last act of destruction was cut short or left something over: the next day's goes on with it."
        return Answer(7, question, Light.AMBER, text, _DESTROYED, rows)
    days = _whole_days(found.checked.begins, found.checked.ends)
    if not days:
        return Answer(
            7,
            question,
            Light.GREY,
            f"{len(rows)} acts of destruction. Whether it was looked every day, less than a whole day cannot tell.",
            _DESTROYED,
            rows,
        )
    missed = days - found.checked.worked.get(DESTROYS, set())
    if missed:
        text = f"On {len(missed)} of {len(days)} days nobody looked whether something must be destroyed: the function destroy did not run."
        return Answer(7, question, Light.AMBER, text, _DESTROYED, rows)
    return Answer(
        7,
        question,
        Light.GREEN,
        f"Yes: it was looked on each of {len(days)} days, and {len(rows)} acts of destruction are on record.",
        _DESTROYED,
        rows,
    )


DESTROYS = "firstcard-destroy"


def _whole_days(begins: datetime, ends: datetime) -> set[date]:
    """The days (UTC) that lie in a window from midnight to midnight."""
    first = begins.date() if begins.time() == time() else begins.date() + timedelta(days=1)
    return {first + timedelta(days=n) for n in range(max(0, (ends.date() - first).days))}


_DESTROYED = ("when (UTC)", "agreement", "clause", "patrons", "households", "")


def _changes(found: Found) -> Answer:
    return _by_codes(
        found,
        8,
        "Were keys, buckets, roles or the trail changed outside a deployment?",
        OF_CHANGES,
        "No. What CloudFormation deployed is counted as infrastructure: compare it with firstcard agreement prove.",
    )


def _noes(found: Found) -> Answer:
    question = "Were refusals honoured in time?"
    if found.noes is None:
        return Answer(9, question, Light.GREY, "The list of refusals (firstcard noes list --all --json) was not given to this review.")
    inside = [one for one in found.noes if str(one.get("said_at", "")) < found.checked.ends.isoformat()]
    late = [one for one in inside if one.get("within") is False]
    rows = tuple(_of_a_no(one) for one in inside)
    text = (
        f"{len(late)} of {len(inside)} were not honoured within the agreement's hours."
        if late
        else f"Yes: {len(inside)} refusals, none beyond the agreement's hours."
    )
    return Answer(9, question, Light.RED if late else Light.GREEN, text, ("said (UTC)", "card ended (UTC)", "hours", ""), rows)


def _of_a_no(one: Mapping[str, Any]) -> tuple[str, ...]:
    within = one.get("within")
    state = "in time" if within is True else "late" if within is False else "its hours still run, or there was no card"
    return str(one.get("said_at", ""))[:19], str(one.get("ended_at") or "")[:19], str(one.get("hours") or ""), state


def _child(_: Found) -> Answer:
    return Answer(
        10,
        "What was disclosed about one child?",
        Light.GREY,
        "No name, id or token of a child stands on this page. What was printed about a child is in firstcard cards printed; a record for one child is not built yet.",
    )


def _fields(found: Found) -> Answer:
    agreed = [(one.id, ", ".join(sorted(one.fields))) for one in _in_force(found)]
    return Answer(
        11,
        "Which fields are agreed, and which were received?",
        Light.GREY,
        "These are agreed. What a file brought beyond them was dropped unread, and stands in its receipt and the e-mail to both officers.",
        ("agreement", "fields"),
        tuple(agreed),
    )


def _subprocessors(found: Found) -> Answer:
    rows = tuple(
        (one.id, party.name, party.service, ", ".join(sorted(map(str, party.groups))))
        for one in _in_force(found)
        for party in one.subprocessors
    )
    return Answer(
        12,
        "Which further parties get which data?",
        Light.GREEN if rows else Light.GREY,
        "As the agreements name them; openings for sync_ils and send_notice above are what went to them.",
        ("agreement", "party", "service", "groups"),
        rows,
    )


def _by_hand(found: Found) -> Answer:
    """Green only where nobody acted for whom nobody answers."""
    question, head = "Who acted by hand, and who answers for it?", ("who", "actions", "why", "acknowledged by", "until", "used")
    rows = tuple(
        (one.who, ", ".join(one.actions), one.reason, one.by, one.until.date().isoformat(), str(found.checked.acknowledged[one]))
        for one in found.acknowledged
    )
    unanswered = {one.who for one in found.checked.findings if one.code in (Code.REACHED_BY_OTHERS, Code.BULK_EXPORT, *OF_CHANGES)}
    if unanswered:
        text = f"Nobody answers for {len(unanswered)} who acted: {', '.join(sorted(unanswered))}. Questions 3, 6 and 8 say what they did."
        return Answer(13, question, Light.RED, text, head, rows)
    text = f"{len(rows)} exceptions are acknowledged." if rows else "Nobody whom the deployment does not name."
    return Answer(13, question, Light.GREEN, text, head, rows)


def _endings(found: Found) -> Answer:
    today = found.checked.ends.date()
    ends = [
        *((one.id, "the agreement", one.term.expires) for one in _in_force(found)),
        *((one.id, "the clause on its own patrons", one.patrons.expires) for one in found.site.libraries if one.patrons),
    ]
    ends += [(one.who, "an acknowledged exception", one.until.date()) for one in found.acknowledged]
    soon = sorted((day, who, what) for who, what, day in ends if day - today <= SOON)
    rows = tuple((day.isoformat(), who, what) for day, who, what in soon)
    return Answer(
        14,
        "What ends soon?",
        Light.AMBER if rows else Light.GREEN,
        f"{len(rows)} within {SOON.days} days." if rows else f"Nothing within {SOON.days} days.",
        ("ends on", "whose", "what"),
        rows,
    )


def _breach(found: Found) -> Answer:
    rows = tuple(
        (one.id, f"{one.breach.notify_lea_within_hours} hours from {one.breach.clock_starts}", ", ".join(one.breach.contents))
        for one in _in_force(found)
    )
    return Answer(
        15,
        "Is a breach open, and how long is there to tell the district?",
        Light.GREY,
        "No record of incidents is kept yet. If a finding is a breach, these clocks run:",
        ("agreement", "clock", "what must be told"),
        rows,
    )


def _open(found: Found) -> Answer:
    high = Counter(one.severity for one in found.checked.findings)
    rows = tuple((str(one.severity), str(one.code), one.sentence, str(one.count)) for one in found.checked.findings)
    light = Light.RED if high[Severity.HIGH] else Light.AMBER if rows else Light.GREEN
    return Answer(
        16,
        "Which findings are open?",
        light,
        f"{len(rows)} findings, {high[Severity.HIGH]} of them high." if rows else "None.",
        ("severity", "code", "what happened", "times"),
        rows,
    )


def _certificates(_: Found) -> Answer:
    return Answer(
        17,
        "Is there a certificate of destruction?",
        Light.GREY,
        "firstcard destruction certificate writes it from the ledger; whether it was signed is not known here.",
    )


def _without_us(_: Found) -> Answer:
    return Answer(
        18,
        "Can the district check this without us?",
        Light.GREY,
        "The copied logs, the digests' public keys and this report are files; everything was read offline. A signed bundle with a checker of its own is not built yet.",
    )


_QUESTIONS = (
    _who_opened,
    _others,
    _term,
    _intents,
    _exports,
    _deletions,
    _changes,
    _noes,
    _child,
    _fields,
    _subprocessors,
    _by_hand,
    _endings,
    _breach,
    _open,
    _certificates,
    _without_us,
)


# ---- parts --------------------------------------------------------------------------------


def _by_codes(found: Found, number: int, question: str, codes: Sequence[Code], none: str, *, refused: bool = False) -> Answer:
    of_these = [one for one in found.checked.findings if one.code in codes or (refused and one.code is Code.TRIED_AND_REFUSED)]
    wrong = [one for one in of_these if one.code is not Code.TRIED_AND_REFUSED]
    blocked = found.checked.events[Outcome.BLOCKED_ATTEMPT]
    rows = tuple((one.sentence, str(one.count), _moment(one.first), _moment(one.last)) for one in of_these)
    if not wrong:
        text = none.format(blocked=blocked)
        return Answer(number, question, Light.AMBER if rows else Light.GREEN, text, _OF_FINDINGS if rows else (), rows)
    worst = Light.RED if any(one.severity is Severity.HIGH for one in wrong) else Light.AMBER
    return Answer(number, question, worst, f"Yes: {sum(one.count for one in wrong):,} times.", _OF_FINDINGS, rows)


_OF_FINDINGS = ("what happened", "times", "first (UTC)", "last (UTC)")


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def _hours(hours: Hours | None) -> dict[str, int]:
    return {str(state): len(hours.of(state)) if hours else 0 for state in State} | {
        "quiet": sum(one.quiet for one in hours.hours) if hours else 0
    }


def _key_of(one: Opened) -> tuple[str, str, str, str]:
    return one.sharing, one.role, one.purpose, one.group


def _opened_row(one: Opened, opened: int, refused: int) -> tuple[str, ...]:
    return one.role, one.sharing, one.purpose, one.group, f"{opened:,}", f"{refused:,}"


def _in_force(found: Found) -> Iterable[Agreement]:
    """The agreements that were in force on some day of the window."""
    first, last = found.checked.begins.date(), found.checked.ends.date()
    return [one for one in found.site.agreements if one.status is Status.EXECUTED and _overlaps(one, first, last)]


def _overlaps(one: Agreement, first: date, last: date) -> bool:
    return one.term.effective <= last and first <= one.term.expires


def _answer(one: Answer) -> dict[str, Any]:
    return {
        "number": one.number,
        "question": one.question,
        "light": str(one.light),
        "text": one.text,
        "head": list(one.head),
        "rows": [list(row) for row in one.rows],
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "code": str(one.code),
        "severity": str(one.severity),
        "sentence": one.sentence,
        "who": one.who,
        "what": one.what,
        "count": one.count,
        "first": one.first.isoformat() if one.first else None,
        "last": one.last.isoformat() if one.last else None,
        "seen": [
            {"event_id": seen.event_id, "time": seen.time.isoformat(), "file": seen.file, "position": seen.position} for seen in one.seen
        ],
    }


def _acknowledged(one: Acknowledged, used: int) -> dict[str, Any]:
    return {"who": one.who, "actions": list(one.actions), "reason": one.reason, "by": one.by, "until": one.until.isoformat(), "used": used}
