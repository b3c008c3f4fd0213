"""Why a child has no card: one answer from the facts on record, the same wherever it is asked.

Facts go in, one ``Answer`` comes out; nothing is opened, and nothing of a card but its state is told. Of several things that are so, the first of these counts:

1. a recorded no, whoever said it and wherever else the child stands, or one that was taken back and that no roster has taken up since; then an id that stands
   in the newest file for somebody else;
2. a card that is in the library's system: then there is nothing to explain;
3. an agreement that is not in force or is suspended: nothing else moves while it stands still;
4. what the library's system last said of this very version of the card, else that it is on its way there;
5. for a child that waits: no address, not told yet, told by an e-mail that came back, no yes where one is needed, or the days that run;
6. for a child without a card that lives: what the newest file says of it that says anything (planned and held, on its way, not approved; its row rejected;
   outside the roll-out);
7. that it left, that a file is being read, or that no roster has it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from firstcard.agreement import Agreement
from firstcard.card.patron import Ownership, Patron, State
from firstcard.card.view import OnFile
from firstcard.card.window import never_arrived
from firstcard.ils.reasons import SYNC_REASONS, SyncReason
from firstcard.roster import REASONS, Problem, Reason
from firstcard.roster.reading import EXCLUSIONS, NO_ADDRESS, Exclusion
from firstcard.run.admission import ATTEMPTS
from firstcard.run.ledger import Run, Status


class Code(StrEnum):
    """Where a child stands; a code keeps its meaning for good."""

    HAS_CARD = "has_card"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"
    ID_REUSED = "id_reused"
    AGREEMENT_STOPPED = "agreement_stopped"
    REFUSED_BY_ILS = "refused_by_ils"
    ON_THE_WAY = "on_the_way"
    NO_ADDRESS = "no_address"
    NOT_TOLD = "not_told"
    BOUNCED = "bounced"
    NO_YES = "no_yes"
    WINDOW = "window"
    HELD = "held"
    NOT_APPROVED = "not_approved"
    RUN_FAILED = "run_failed"
    ROW_REJECTED = "row_rejected"
    NUMBER_TAKEN = "number_taken"
    NOT_IN_ROLLOUT = "not_in_rollout"
    IN_DOUBT = "in_doubt"
    SERVED = "served"
    LEFT = "left"
    BEING_READ = "being_read"
    NO_ROSTER = "no_roster"
    NOT_IN_ROSTER = "not_in_roster"
    NOT_KEPT = "not_kept"


class Whom(StrEnum):
    """Who can do something about it."""

    NOBODY = "nobody"
    DISTRICT = "district"
    LIBRARY = "library"


@dataclass(frozen=True, slots=True)
class InFile:
    """What the plan of one file says of a child. ``number_taken`` is True where the file would have given it a card, and the number had become somebody else's.

    ``kept`` is False where what it said is gone, or too far back to be looked for. ``planned`` is True where the child is among those who have or get a card by it, ``refused`` where its row says no.
    """

    run: Run
    kept: bool = True
    planned: bool = False
    refused: bool = False
    problems: tuple[Problem, ...] = ()
    excluded: Exclusion | None = None
    in_doubt: bool = False
    served: bool = False
    number_taken: bool = False

    @property
    def rejected(self) -> tuple[Problem, ...]:
        """Why the child's row was not used; empty if it was."""
        return tuple(p for p in self.problems if REASONS[p.reason].severity == "row")


ADVICE_ON_EXCLUSION: dict[Exclusion, str] = {
    Exclusion.AREA_ASKED: "The library decides for the child's school, or for all, by card.service_area of the agreement; the next roster, the same one too, brings what it says.",
    Exclusion.AFTER_PILOT: "The library tries the first cards; the next roster, the same one too, brings the others when the library has approved it.",
}
"""What to do about those whom only the library can take in."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that an answer is made of. ``files`` are those of the district that may say something, newest first, the last applied one last."""

    agreement: Agreement
    now: datetime
    suspended: bool = False
    on_file: OnFile = field(default_factory=OnFile)
    files: Sequence[InFile] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its code, a plain sentence, what to do, whom to ask, and what stands behind it (times in ISO 8601, runs, places, codes)."""

    code: Code
    sentence: str
    advice: str
    whom: Whom
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def has_card(self) -> bool:
        """Whether there is a card in the library's system."""
        return self.code is Code.HAS_CARD


def why(facts: Facts) -> Answer:
    """The one answer, by the order of this module."""
    patron = facts.on_file.patron
    return (
        _no(facts)
        or _taken_back(facts)
        or _reused(facts)
        or _card(facts)
        or _agreement(facts)
        or (_on_its_way(facts, patron) if patron and patron.state is State.ACTIVE else None)
        or (_waits(facts, patron) if patron and patron.state is State.WAITING else None)
        or _files(facts)
    )


SETTLED = (Status.READY, Status.APPROVED, Status.ISSUING, Status.APPLIED)
"""A run that is applied, or will be without anybody's doing: what it does not say of a child, no older file says either."""
GOING_ON = (*SETTLED, Status.HELD)
WAYS = {"family": "by the link in the e-mail to the family", "roster": "by the district's roster"}


def _no(facts: Facts) -> Answer | None:
    patron, no = facts.on_file.patron, facts.on_file.no
    by, at = (no.by, no.at) if no else ("", "")
    if no is None:
        back = facts.on_file.taken_back
        since = datetime.fromisoformat(back.at) if back else None
        noes = (file for file in facts.files if file.refused and file.run.status in GOING_ON)
        if told := next((f for f in noes if since is None or datetime.fromisoformat(f.run.arrival.received_at) > since), None):
            by, at = "roster", told.run.arrival.received_at
        elif back or patron is None or patron.state is not State.REFUSED:
            return None
    effect, details = _effect(facts, at)
    return Answer(
        Code.REFUSED,
        f"A no is recorded for this child{f', given {WAYS[by]}' if by in WAYS else ''}{f' on {_day(at)}' if at else ''}.{effect}",
        "End the card in the library's system by hand (`firstcard noes list`), and look at the queue of sync and its dead letters: the agreement's hours are over."
        if details.get("overdue")
        else "Nothing is to be done. A later roster does not undo a no; if whoever the agreement names wants a card after all, record that (`firstcard noes undo`).",
        Whom.LIBRARY,
        {"way": by, "since": at, **details},
    )


def _taken_back(facts: Facts) -> Answer | None:
    """Of a child whose no was taken back, and whom no roster has taken up since."""
    patron, back = facts.on_file.patron, facts.on_file.taken_back
    since = datetime.fromisoformat(back.at) if back else facts.now
    later = any(f.planned and not f.refused and datetime.fromisoformat(f.run.arrival.received_at) > since for f in facts.files)
    if back is None or later or (patron is not None and patron.state is not State.REFUSED):
        return None
    return Answer(
        Code.TAKEN_BACK,
        f"The no that was recorded for this child was taken back on {_day(back.at)}, by the {back.said_by}. The next roster that comes takes the child up again, as if it were new.",
        "Wait for the district's next roster; the same file will do. If the child is still without a card after it: a roster that says no is another no, and from 18 on "
        "only the student, before that only the parent or guardian, may take a no back for the family.",
        Whom.DISTRICT,
        {"since": back.at, "said_by": back.said_by, "way": back.no.by, "said_at": back.no.at},
    )


def _effect(facts: Facts, at: str) -> tuple[str, dict[str, object]]:
    """From when a no was in effect in the library's system, of a child that had a card there; else by when it is to be, and whether that is past."""
    ils, no = facts.on_file.ils, facts.on_file.no
    if no and no.ended_at:
        by_hand: dict[str, object] = {"in_effect_at": no.ended_at, "by_hand": True}
        return f" A person ended the card in the library's system by hand on {_day(no.ended_at)}.", by_hand
    if ils is None or not at or ils.state == "failed":
        return "", {}
    due = datetime.fromisoformat(at) + timedelta(hours=facts.agreement.basis.choice.honour_within_hours)
    if ils.state == "ended":
        details: dict[str, object] = {"in_effect_at": ils.stamp.at, "due": due.isoformat()}
        return f" The card was ended in the library's system on {_day(ils.stamp.at)}.", details
    overdue = facts.now > due
    said = "should have been ended" if overdue else "is to be ended"
    return f" The card {said} in the library's system by {due.isoformat()[:16]} (UTC).", {"due": due.isoformat(), "overdue": overdue}


def _reused(facts: Facts) -> Answer | None:
    """Two people stand under the id: nobody may be told where the card of the other is."""
    for file in facts.files:
        if found := [problem for problem in file.problems if problem.reason is Reason.ID_REUSED]:
            return Answer(
                Code.ID_REUSED,
                "The newest roster has another person under this id than the one who got a card by it. Do not give out a number: it would be somebody else's.",
                REASONS[Reason.ID_REUSED].advice,
                Whom.DISTRICT,
                {"places": _places(found), **_of(file.run)},
            )
    return None


def _card(facts: Facts) -> Answer | None:
    patron, ils = facts.on_file.patron, facts.on_file.ils
    if patron is None or patron.state is not State.ACTIVE:
        return None
    if ils is None or ils.state != "in_ils" or ils.ils_id in patron.mistaken:
        return None
    if patron.ownership is Ownership.LINKED:
        remark = SYNC_REASONS[SyncReason(ils.reason)] if ils.reason in set(SyncReason) else None
        blocked = ils.reason == SyncReason.EXISTING_CARD_BLOCKED
        but = f"{', but it does not work now:' if blocked else '.'} {remark.sentence}" if remark else "."
        return Answer(
            Code.HAS_CARD,
            f"This child has a card: the family's own, which serves as the student card{but}",
            remark.advice
            if remark
            else "If the card does not work, or its number is lost, the library's desk helps. That the family had a card is not for the school to know.",
            Whom.LIBRARY,
            {"linked": True, "reason": ils.reason, "since": ils.stamp.at},
        )
    return Answer(
        Code.HAS_CARD,
        "This child has a card, and it is in the library's system.",
        "If the card does not work, or its number is lost, the library's desk helps.",
        Whom.LIBRARY,
        {"since": ils.stamp.at},
    )


def _agreement(facts: Facts) -> Answer | None:
    agreement, today = facts.agreement, facts.now.date()
    if facts.suspended:
        said = "is suspended"
    elif agreement.in_force(today):
        return None
    elif today < agreement.term.effective:
        said = f"is not in force before {agreement.term.effective}"
    elif today > agreement.term.expires:
        said = f"ended on {agreement.term.expires}"
    else:
        said = f"is not in force: it is {agreement.status}"
    return Answer(
        Code.AGREEMENT_STOPPED,
        f"The agreement between district and library {said}; until that changes no card is made.",
        "The library and the district must settle it; what waits goes on by itself then, or with the next roster.",
        Whom.LIBRARY,
        {"suspended": facts.suspended, "status": str(agreement.status)},
    )


def _on_its_way(facts: Facts, patron: Patron) -> Answer:
    ils = facts.on_file.ils
    linked = patron.ownership is Ownership.LINKED
    if ils and ils.state == "failed" and ils.version == patron.version:
        said = (
            "The family's own card was to serve as the student card, but it could not be linked, so this child has no student card; none is made in its place by itself:"
            if linked
            else "The card is made, but the library's system did not take it:"
        )
        known = SYNC_REASONS[SyncReason(ils.reason)] if ils.reason in set(SyncReason) else None
        return Answer(
            Code.REFUSED_BY_ILS,
            f"{said} {known.sentence if known else ils.reason}",
            known.advice if known else "See the events of this patron, and the log of sync.",
            Whom.LIBRARY,
            {"reason": ils.reason, "since": ils.stamp.at},
        )
    return Answer(
        Code.ON_THE_WAY,
        "The family's own card is being linked in the library's system."
        if linked
        else "The card is made and on its way into the library's system.",
        "Ask again in an hour. If it says the same tomorrow, look at the queue of sync and its dead letters.",
        Whom.LIBRARY,
        {"since": patron.at},
    )


ADDRESS = "Enter an address in the student information system; the next roster brings it."
LETTERS = f"{ADDRESS} Or send a letter home, and have the library record the day (`firstcard notices letters-sent`)."


def _waits(facts: Facts, patron: Patron) -> Answer:
    mark, days = facts.on_file.announcement, facts.agreement.basis.choice.window_days
    if facts.agreement.route == "opt_in":
        return _yes(facts, patron)
    told_at = [facts.on_file.letter.told_at] if facts.on_file.letter else []
    bounced = mark is not None and mark.state == "sent" and never_arrived(mark.told_at, facts.on_file.bounced_at)
    if mark is not None and mark.state == "sent" and not bounced:
        told_at.append(mark.told_at)
    if days is not None and told_at:
        return _days_run(min(told_at), days, facts)
    if not patron.household:
        about = [p for file in facts.files for p in file.problems if p.reason in NO_ADDRESS]
        hint = f" {REASONS[about[0].reason].sentence}" if about else ""
        return Answer(
            Code.NO_ADDRESS,
            f"There is no e-mail address of this child's family, so it could not be told, and its days to say no have not begun.{hint}",
            REASONS[about[0].reason].advice if about else LETTERS if days is not None else ADDRESS,
            Whom.DISTRICT,
            {"since": patron.at, "places": _places(about)},
        )
    if bounced and days is not None:
        return Answer(
            Code.BOUNCED,
            f"The e-mail to this child's family came back on {_day(facts.on_file.bounced_at)}: the address takes no mail. So the family was not told, and its days to say no have not begun.",
            LETTERS,
            Whom.DISTRICT,
            {"since": facts.on_file.bounced_at},
        )
    return Answer(
        Code.NOT_TOLD,
        "The e-mail that tells the family has not gone out yet, so its days to say no have not begun.",
        "Ask again tomorrow. If it says the same, look at the queue of notify and its dead letters.",
        Whom.LIBRARY,
        {"since": patron.at},
    )


def _yes(facts: Facts, patron: Patron) -> Answer:
    said, asks_again = facts.on_file.yes, facts.agreement.basis.choice.renew == "yearly"
    if said and (said.stamp.agreement == facts.agreement.id or not asks_again):
        return Answer(
            Code.ON_THE_WAY,
            f"The family said yes {'by the link in its e-mail' if said.by == 'family' else 'to the district'} on {_day(said.given)}; the card is made within the hour.",
            "Ask again in two hours. If it says the same tomorrow, look at the log of window.",
            Whom.LIBRARY,
            {"way": said.by, "given": said.given},
        )
    reach = "" if patron.household else " There is no e-mail address of this family, so it cannot be asked by e-mail."
    return Answer(
        Code.NO_YES,
        f"No card is made without a yes under this agreement, and this child's family has said none{' for this school year' if asks_again and said else ''}.{reach}",
        "The family says yes by the link in its e-mail, or to the school, which enters the day in the column consent_date.",
        Whom.DISTRICT,
        {"since": patron.at},
    )


def _days_run(told_at: str, days: int, facts: Facts) -> Answer:
    until = datetime.fromisoformat(told_at) + timedelta(days=days)
    details = {"told_at": told_at, "until": until.isoformat()}
    if until <= facts.now:
        return Answer(
            Code.ON_THE_WAY,
            "The family's days to say no are over; the card is made within the hour.",
            "Ask again in two hours. If it says the same tomorrow, look at the log of window.",
            Whom.LIBRARY,
            details,
        )
    return Answer(
        Code.WINDOW,
        f"The family was told on {_day(told_at)} and may say no until {_day(until.isoformat())}; the card is made after that.",
        "Nothing is to be done.",
        Whom.NOBODY,
        details,
    )


def _files(facts: Facts) -> Answer:
    reading: Run | None = None
    refused: Run | None = None
    for file in facts.files:
        run = file.run
        if not file.kept:
            return _not_kept(run)
        if run.status is Status.ADMITTED:
            reading = reading or run
        elif not run.plan_hash:
            refused = refused or run
        elif answer := _said_by(file):
            return answer
        elif run.status in SETTLED:
            return _gone(facts, reading, run)
    if facts.on_file.patron or reading:
        return _gone(facts, reading, None)
    return Answer(
        Code.NO_ROSTER,
        f"No roster of the district has been applied yet{_why_refused(refused)}.",
        REASONS[Reason(refused.reason)].advice if refused and refused.reason in set(Reason) else "The district sends its first roster.",
        Whom.DISTRICT,
        {"reason": refused.reason, **_of(refused)} if refused else {},
    )


def _said_by(file: InFile) -> Answer | None:
    if file.number_taken:
        return Answer(
            Code.NUMBER_TAKEN,
            f"This child got no card when the last file was applied: {_told(Reason.NUMBER_TAKEN)}",
            REASONS[Reason.NUMBER_TAKEN].advice,
            Whom.DISTRICT,
            {"reason": str(Reason.NUMBER_TAKEN), **_of(file.run)},
        )
    if file.planned:
        return _planned(file.run)
    if file.rejected:
        first = file.rejected[0]
        where = (f"line {first.line} of {first.file}" if first.line else f"an earlier file's {first.file}") + (
            f", column {first.column}" if first.column else ""
        )
        return Answer(
            Code.ROW_REJECTED,
            f"The row of this child was not used ({where}): {REASONS[first.reason].sentence}",
            REASONS[first.reason].advice,
            Whom.DISTRICT,
            {"places": _places(file.rejected), **_of(file.run)},
        )
    if file.in_doubt:
        return Answer(
            Code.IN_DOUBT,
            "It is not certain whether this child has a card of the library already, or stands twice in the roster, so it waits for a person at the library.",
            "The library's staff decide with `firstcard matches`; the next roster after that makes the card, or links the one that is there.",
            Whom.LIBRARY,
            _of(file.run),
        )
    if file.served:
        return Answer(
            Code.SERVED,
            "This child has a card of the library as a student of another of its districts, or said no there, so this district's roster makes no second one.",
            "Nothing is to be done: the one card serves. When the child leaves the other district, the next roster of this one makes a card.",
            Whom.LIBRARY,
            _of(file.run),
        )
    if file.excluded:
        return Answer(
            Code.NOT_IN_ROLLOUT,
            f"This child is in the roster, but among those who get no card now: {EXCLUSIONS[file.excluded]}.",
            ADVICE_ON_EXCLUSION.get(
                file.excluded,
                "If that is not so, correct it in the student information system; the next roster brings it. The roll-out itself is a clause of the agreement.",
            ),
            Whom.LIBRARY if file.excluded in ADVICE_ON_EXCLUSION else Whom.DISTRICT,
            {"group": str(file.excluded), **_of(file.run)},
        )
    return None


def _told(reason: Reason) -> str:
    """A reason's sentence behind a colon."""
    sentence = REASONS[reason].sentence
    return sentence[0].lower() + sentence[1:]


def _planned(run: Run) -> Answer:
    """Of a child that a plan has and the cards table has not."""
    match run.status:
        case Status.HELD:
            reasons = [str(reason) for reason in run.holds]
            because = f": {REASONS[Reason(reasons[0])].sentence}" if reasons and reasons[0] in set(Reason) else "."
            return Answer(
                Code.HELD,
                f"This child is in a file that waits until somebody at the library has looked{because}",
                f"Look at it and decide: firstcard run show {run.arrival.run_id}",
                Whom.LIBRARY,
                {"reasons": reasons, **_of(run)},
            )
        case Status.REJECTED:
            return Answer(
                Code.NOT_APPROVED,
                "This child is in a file that nobody approved, and no file that was applied has it.",
                "The district sends its roster again, corrected where the library asked for it.",
                Whom.DISTRICT,
                {"reason": run.reason, **_of(run)},
            )
        case Status.STOPPED | Status.FAILED if run.status is Status.STOPPED or run.arrival.attempt >= ATTEMPTS:
            return Answer(
                Code.RUN_FAILED,
                "This child is in a file whose work broke off, and no file that was applied has it.",
                "The district may send its roster again; it is safe.",
                Whom.LIBRARY,
                {"reason": run.reason, **_of(run)},
            )
        case Status.APPLIED:
            return Answer(
                Code.NOT_KEPT,
                "The last roster has this child, but there is no card of it on record any more.",
                "If somebody at the library decided about it just now, the next roster brings a card; else its data may have been removed: ask the library's officer.",
                Whom.LIBRARY,
                _of(run),
            )
        case _:
            return Answer(
                Code.ON_THE_WAY,
                "This child is in a file that is being worked on now.",
                "Ask again in an hour.",
                Whom.NOBODY,
                _of(run),
            )


def _gone(facts: Facts, reading: Run | None, last: Run | None) -> Answer:
    """Of a child that the last roster has not."""
    if reading:
        return Answer(
            Code.BEING_READ,
            "No roster that was applied has this child, but a newer file is being read now.",
            "Ask again in an hour.",
            Whom.NOBODY,
            _of(reading),
        )
    if patron := facts.on_file.patron:
        leavers = facts.agreement.leavers
        ends = "its card runs to its own last day" if leavers.runs_out else f"its card ends after {leavers.grace_days} days of grace"
        card = ends if patron.issued_at else "it had no card yet"
        if patron.issued_at and patron.ownership is Ownership.LINKED:
            card = "the family's own card stays as it is and is not linked any more"
        return Answer(
            Code.LEFT,
            f"This child has not been in the district's roster since {_day(patron.at)}; {card}.",
            "If the child is still at a school of the district, correct it in the student information system; the next roster brings the same card back.",
            Whom.DISTRICT,
            {"since": patron.at, **(_of(last) if last else {})},
        )
    return Answer(
        Code.NOT_IN_ROSTER,
        f"No row of the last roster{f' ({_day(last.arrival.received_at)})' if last else ''} has this id as a student's.",
        "Check the id: it is the district's own student id, with its leading zeros. If it is right, have the student information system export this child; a row with an unreadable id "
        "is in the receipt by its line.",
        Whom.DISTRICT,
        _of(last) if last else {},
    )


def _not_kept(run: Run) -> Answer:
    return Answer(
        Code.NOT_KEPT,
        f"The last roster is of {_day(run.arrival.received_at)}, and what it said of each child is not kept any more.",
        "The next roster that says something new will tell.",
        Whom.DISTRICT,
        _of(run),
    )


def _why_refused(run: Run | None) -> str:
    if run is None:
        return ""
    sentence = f": {REASONS[Reason(run.reason)].sentence.rstrip('.')}" if run.reason in set(Reason) else ""
    return f"; the file of {_day(run.arrival.received_at)} was refused{sentence}"


def _of(run: Run) -> dict[str, object]:
    return {"run": run.arrival.run_id, "received_at": run.arrival.received_at}


def _places(problems: Sequence[Problem]) -> list[dict[str, object]]:
    return [
        {
            "file": p.file,
            "line": p.line,
            "column": p.column,
            "reason": str(p.reason),
            "sentence": REASONS[p.reason].sentence,
            "advice": REASONS[p.reason].advice,
        }
        for p in problems
    ]


def _day(moment: str) -> str:
    """The day of an ISO 8601 moment, in UTC."""
    return moment[:10]


def as_plain(answer: Answer, agreement: Agreement) -> dict[str, object]:
    """The answer as plain data, with the contact of those who can do something."""
    return {
        "code": str(answer.code),
        "has_card": answer.has_card,
        "sentence": answer.sentence,
        "advice": answer.advice,
        "ask": _contact(answer.whom, agreement),
        "details": dict(answer.details),
    }


def _contact(whom: Whom, agreement: Agreement) -> dict[str, str]:
    notices = agreement.notices
    match whom:
        case Whom.NOBODY:
            return {"who": str(whom)}
        case Whom.DISTRICT:
            return {"who": str(whom), "name": agreement.parties.lea.name, "email": ", ".join(notices.receipt_to)}
        case Whom.LIBRARY:
            contact = notices.contact
            return {"who": str(whom), "name": contact.name, "email": contact.email, "phone": contact.phone}
