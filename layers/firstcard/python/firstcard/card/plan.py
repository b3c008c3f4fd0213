"""The plan: what a roster would do, with everything random or numbered already drawn.

Planning compares the roster with the manifest of the last applied one, so that a nightly file with few changes costs what the changes cost.
Nothing here writes anything; the chunks that come out are replayed by issue.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import chain, islice, zip_longest
from operator import itemgetter
from types import MappingProxyType

from firstcard.agreement import Agreement, Library
from firstcard.agreement.model import NumberClause, ServiceArea
from firstcard.agreement.vocabulary import FIELDS, Group, Purpose
from firstcard.card.chunk import CHANGED, IN_DOUBT, SERVED, STILL, Chunk, Decision, HouseholdLine, PairLine, PatronLine
from firstcard.card.expiry import birthday, last_day
from firstcard.card.manifest import NOT_COMPARED, Compared, Known, Manifest
from firstcard.card.number import SerialBlock, library_barcode, number_of
from firstcard.card.pair import pair_id
from firstcard.card.pin import birth_date_pin, random_pin
from firstcard.card.traits import UNKNOWN, Traits, traits_of
from firstcard.identity import Tokens
from firstcard.roster import Person, Reason, Role, Roll, fingerprints
from firstcard.vault import Wrap
from firstcard.vault.seal import Sealer

NOBODY_LINKED: Mapping[str, str] = MappingProxyType({})
CHUNK_PATRONS = 400
"""Patrons a chunk: a few hundred keep KMS calls per card near zero and a chunk's replay well under its time-out."""


CHUNK_PAIRS = 2000
"""Pairs a chunk: they are small."""


NOBODY_IN_DOUBT: Mapping[str, Person] = {}


@dataclass(frozen=True, slots=True)
class Step:
    """One person's decision, before anything is drawn or sealed. ``person`` is None for somebody who is no longer in the roster.

    ``new_address`` says that somebody who was known belongs to another household now, or to a first one: that household has not been told of this card.
    ``traits`` are what the next roster is compared with; of somebody who said no, none are kept. ``ils_id`` is the ILS's own id of the patron whose card
    is to be linked; whoever has one gets no card of ours. ``mistaken`` is that of one that is linked and must not be. ``told`` is what the row alone means, where
    a person's word means more: so it is counted, and who was linked shows in no count. ``refused``: this row says no, or one of the same id did, for no roster takes a no back.
    ``school`` is the digest of a student's school. ``taken_back`` is when the child's no was taken back, if this step takes it up again.
    """

    decision: Decision
    token: str
    household: str
    fingerprint: str
    person: Person | None
    new_address: bool = False
    traits: Traits = UNKNOWN
    ils_id: str = ""
    refused: bool = False
    mistaken: str = ""
    told: Decision | None = None
    terms: str = ""
    place: str = ""
    taken_back: str = ""

    @property
    def counted(self) -> Decision:
        """As what it is counted."""
        return self.told or self.decision


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the roster means against what is known.

    ``households`` are the households that are new or changed, with all their members; ``contacts`` their contact fingerprints, for the manifest.
    ``asked_again`` says that every family is to be told of its cards once more: another agreement began, and it asks every year.
    ``holds`` says why a person must look first, the cause before its consequences; empty means that the run may go on by itself. ``reused`` are the rows
    whose id belongs to somebody else: those with a no have a step all the same, the others have none. ``id_lengths`` counts ids by role and length.
    """

    steps: tuple[Step, ...]
    households: Mapping[str, tuple[Step, ...]]
    contacts: Mapping[str, str]
    counts: Mapping[str, int]
    holds: tuple[Reason, ...]
    by_school: Mapping[str, Mapping[str, int]]
    reused: Mapping[int, Person] = field(default_factory=dict, repr=False)
    id_lengths: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    in_doubt: frozenset[str] = frozenset()
    served: frozenset[str] = frozenset()
    asked_again: bool = False
    aside_without_address: int = 0
    """How many of those in doubt and served have no household."""


def decide(
    people: Sequence[Person],
    known: Manifest,
    *,
    agreement: Agreement,
    tokens: Tokens,
    rejected: int = 0,
    rejected_tokens: frozenset[str] = frozenset(),
    complete: bool = True,
    dated: str = "",
    rolled_over: bool = False,
    linked: Mapping[str, str] = NOBODY_LINKED,
    in_doubt: Collection[str] = frozenset(),
    served: Collection[str] = frozenset(),
    mistaken: Mapping[str, str] = NOBODY_LINKED,
    taken_back: Mapping[str, str] = NOBODY_LINKED,
    on: date | None = None,
) -> Decisions:
    """Compare a roster with the last applied one.

    Who is in ``rejected_tokens`` stood in the file with a row that was rejected: nothing happens to them, least of all an expiry, and they stay members
    of their household, so that its no still reaches them. Just so those whose id stands in the file for somebody else: their card is not passed on. A no
    counts whoever said it. ``complete`` is False if the file had rows of whom nobody can say whose they were: then nobody who is missing is taken for gone.
    ``dated`` is the day in the file's name, in ISO 8601; empty if there is none. ``rolled_over`` says that the
    district's systems went over to another school year since: a person looks as at a first roster. ``linked`` are students by patron token with the ILS's
    own id of the patron that they certainly are: who would get a card has that one linked instead, at once or when the family's days are over. A patron
    that two students are said to be is linked to neither of them. Who is ``in_doubt`` and would get a card has no step at all, and is new again in the next
    roster, unless the family says no. Just so whoever is ``served``: the child has a card as another district's student. Who is ``mistaken``, by token, has a
    wrong link to a patron by that ILS's id, or none where it never came to be: it gets what a new student gets.
    ``taken_back`` are those, by token, whose no was taken back, and when; they are not among those who are known, and their household is told anew.
    ``on`` is the day: who is known, and of whom the agreement makes something else now (another last day, type or branch), is renewed.
    """
    linked = _of_one_each(linked)
    digests: dict[tuple[tuple[str, str], ...], str] = {}
    asked_again = agreement.asks_again and known.agreement not in ("", agreement.id)
    steps: list[Step] = []
    reused: dict[int, Person] = {}
    taken: set[str] = set()
    aside: dict[str, set[str]] = {IN_DOUBT: set(), SERVED: set()}
    aside_counts: Counter[str] = Counter()
    aside_without_address = 0
    for place, (person, print_) in enumerate(zip(people, fingerprints(people, tokens.fingerprint_key), strict=True)):
        token = tokens.patron(person.role, person.local_id)
        before = known.patrons.get(token)
        was = before.traits if before else known.left.get(token, UNKNOWN)
        same = before is not None and before.fingerprint == print_ and bool(was)
        traits = was if same else traits_of(person, tokens, token)
        if not same and traits.somebody_else(was):
            reused[place] = person
            if not person.opt_out:
                taken.add(token)
                continue
        household = tokens.household(person.email, staff=person.role is Role.STAFF) if person.email else ""
        new_address = bool(household and before and before.household != household)
        refused = person.opt_out or (before is not None and before.refused)
        terms = ""
        if on:
            made = tuple(card_terms(agreement, person, on=on).items())
            terms = digests.get(made) or digests.setdefault(made, _digest(made, tokens))
        row = decision = _decision(person, print_, before, agreement, refused=refused, terms=terms)
        if asked_again and decision is Decision.NOTHING and not refused and consented(person, agreement):
            row = decision = Decision.RENEW  # the day of the yes stood in the row before the agreement began for which it is one
        wrong = None if refused else mistaken.get(token)
        known_so_far = row in (Decision.NOTHING, Decision.UPDATE, Decision.RENEW)
        if wrong is not None and known_so_far:
            decision = _decision(person, print_, None, agreement, refused=refused)
        if (token in in_doubt or token in served) and decision in (Decision.ISSUE, Decision.WAIT):
            word = SERVED if token in served else IN_DOUBT
            aside[word].add(token)
            stood = known.compared.aside.get(token)
            aside_counts[word if stood is None else (STILL if stood[0] == print_ else CHANGED) + word] += 1
            aside_without_address += stood is None and not household
            continue
        ils_id = linked.get(token, "") if _may_link(person, decision) else ""
        if ils_id and decision is Decision.ISSUE:
            decision = Decision.LINK
        told = None if wrong is None else row if known_so_far else decision
        if (stood := known.compared.aside.get(token)) and not known_so_far and decision in (Decision.ISSUE, Decision.WAIT, Decision.LINK):
            told = Decision.NOTHING if stood[0] == print_ else Decision.UPDATE
        if wrong:
            decision = Decision.REPLACE
        lasting = UNKNOWN if refused else traits
        where = (
            ""
            if refused or not (agreement.hands_out or agreement.route == "window")
            else _place_of(person, tokens, homerooms=agreement.hands_out)
        )
        steps.append(
            Step(
                decision,
                token,
                household,
                print_,
                person,
                new_address,
                lasting,
                ils_id,
                refused,
                wrong or "",
                told,
                terms,
                where,
                "" if refused else taken_back.get(token, ""),
            )
        )
    rejected_tokens |= taken
    seen = {s.token for s in steps} | rejected_tokens | aside[IN_DOUBT] | aside[SERVED]
    steps += [Step(Decision.EXPIRE, t, k.household, k.fingerprint, None) for t, k in known.patrons.items() if complete and t not in seen]

    members: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        if step.household and step.person and not step.refused:
            members[step.household].append(step)
    for token in sorted(rejected_tokens - {s.token for s in steps}):
        if (kept := known.patrons.get(token)) and kept.household in members and not kept.refused:
            members[kept.household].append(Step(Decision.NOTHING, token, kept.household, kept.fingerprint, None))
    contacts = {h: _contact_print(h, group, tokens) for h, group in members.items()}
    # A household that was told of a child whose link never came to be is told again of what the child gets instead.
    changed = {
        h: tuple(group)
        for h, group in members.items()
        if asked_again
        or known.households.get(h) != contacts[h]
        or any(s.taken_back or (s.told and s.decision is not Decision.REPLACE) for s in group)
    }
    counts = Counter(str(s.counted) for s in steps)
    counts |= aside_counts
    stale = (Reason.STALE_FILE,) if dated and dated < known.dated else ()
    holds = (
        stale
        + _ids_hold(steps, known, tokens, seen)
        + _holds(
            steps,
            known,
            agreement,
            rejected + len(taken),
            len(people) - len(taken),
            aside=sum(aside_counts[word] for word in aside),
            rolled_over=rolled_over,
        )
    )
    return Decisions(
        tuple(steps),
        changed,
        contacts,
        counts,
        holds,
        _by_school(steps),
        reused,
        _id_lengths(people),
        frozenset(aside[IN_DOUBT]),
        frozenset(aside[SERVED]),
        asked_again,
        aside_without_address,
    )


def _decision(person: Person, print_: str, before: Known | None, agreement: Agreement, *, refused: bool, terms: str = "") -> Decision:
    if before and before.fingerprint == print_:
        other_terms = bool(before.terms and terms and before.terms != terms)
        return Decision.RENEW if other_terms and not refused else Decision.NOTHING
    if refused:
        return Decision.REFUSE
    if before and before.fingerprint:
        return Decision.UPDATE
    if person.role is Role.STUDENT and agreement.route != "before_upload":
        return Decision.WAIT
    return Decision.ISSUE


def consented(person: Person, agreement: Agreement) -> str:
    """The day of a yes that counts under this agreement; empty where there is none, or none is needed."""
    choice = agreement.basis.choice
    needed = agreement.route == "opt_in" and person.role is Role.STUDENT
    return person.consent_date if needed and person.consent_date >= (choice.yes_from.isoformat() if choice.yes_from else "") else ""


def _place_of(person: Person, tokens: Tokens, *, homerooms: bool) -> str:
    """The digests of a student's school, and where ``homerooms`` are asked for, after a dot, of its homeroom there; nothing after the dot if none is known."""
    if person.role is not Role.STUDENT or not person.school_id:
        return ""
    school = tokens.place(person.school_id)
    if not homerooms:
        return school
    return f"{school}.{tokens.place(person.school_id, person.homeroom) if person.homeroom else ''}"


def pilot_of(decisions: Decisions, agreement: Agreement, on: date) -> frozenset[str]:
    """The first students, by token, who get a card of a first load, to be tried before all others: of each patron type and branch one, as far as the number goes.

    Whoever has a family that can be written to goes first: with the others nothing could be tried while they wait for an address.
    """
    new = (
        (not s.household, s.token, s.person)
        for s in decisions.steps
        if s.person and s.person.role is Role.STUDENT and s.decision in (Decision.ISSUE, Decision.WAIT) and not s.ils_id
    )
    kinds: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for _, token, person in sorted(new, key=itemgetter(0, 1)):
        terms = card_terms(agreement, person, on=on)
        kinds[terms["patron_type"], terms["home_branch"]].append(token)
    turns = chain.from_iterable(zip_longest(*kinds.values()))
    return frozenset(islice(filter(None, turns), agreement.safety.pilot_cards or 0))


def card_terms(agreement: Agreement, person: Person, *, on: date) -> dict[str, str]:
    """What the agreement makes of a person's card on a day: its kind, patron type, branch and last day."""
    card = agreement.card
    branch = card.home_branch.by_school.get(person.school_id, card.home_branch.default)
    if person.role is Role.STAFF:
        kind, patron_type, ends = "educator", card.patron_type.staff, last_day(card.expiry, on)
    else:
        kind, patron_type = str(card.kind), card.patron_type.of_student(person.grade, age_on(person.birth_date, on))
        ends = last_day(card.expiry, on, grade=person.grade, born=person.birth_date)
        if (area := card.service_area) and area.patron_type and _area_word(area, person) == "e_resources":
            kind, patron_type = "e_resources", area.patron_type
    return {"kind": kind, "patron_type": patron_type, "home_branch": branch, "expires_on": ends.isoformat()}


def _area_word(area: ServiceArea, person: Person) -> str:
    return area.of_student(school=person.school_id, postal_code=person.postal_code, flag=person.in_service_area)


def age_on(born: date | None, on: date) -> int | None:
    """Whole years on a day; None where the birth date is not known. Who was born on 29 February is a year older on 1 March."""
    return None if born is None else on.year - born.year - ((on.month, on.day) < (born.month, born.day))


OF_AGE = 18
"""From this birthday on the rights are the student's own (34 CFR 99.5)."""


def comes_of_age(people: Sequence[Person], on: date, ages: Collection[int] = (OF_AGE,)) -> str:
    """The next day after ``on`` on which a student has one of these birthdays (ISO 8601); empty if none will."""
    births = {born for role, born in Roll.of(people).select("role", "birth_date") if born and role == Role.STUDENT}
    days = (birthday(date.fromisoformat(born), age) for born in births for age in ages)
    return min((day.isoformat() for day in days if day > on), default="")


def ages_that_count(agreement: Agreement) -> frozenset[int]:
    """The birthdays from which on the same row means something else: another patron type, another last day, and that of age."""
    until = agreement.card.expiry.until_age
    return frozenset({OF_AGE, *agreement.card.patron_type.by_age, *([until] if until else [])})


def _digest(terms: Sequence[tuple[str, str]], tokens: Tokens) -> str:
    return hashlib.blake2b(json.dumps(terms).encode(), digest_size=4, key=tokens.fingerprint_key).hexdigest()


def _of_one_each(linked: Mapping[str, str]) -> Mapping[str, str]:
    """Those whose patron is nobody else's too: a card that two children share would be the wrong one for one of them."""
    said = Counter(linked.values())
    return {token: ils_id for token, ils_id in linked.items() if said[ils_id] == 1}


def _may_link(person: Person, decision: Decision) -> bool:
    """Whether a student is new, as far as the last roster tells; a card of ours that the cards table knows of stays all the same."""
    return person.role is Role.STUDENT and decision in (Decision.ISSUE, Decision.WAIT)


def _contact_print(household: str, group: Sequence[Step], tokens: Tokens) -> str:
    """Changes when a member comes or goes, or when what a notice needs of one of them changes."""
    rows = sorted((s.token, s.person.language, s.person.first_name, s.person.preferred_name) for s in group if s.person)
    return hashlib.blake2b(json.dumps([household, rows]).encode(), digest_size=16, key=tokens.fingerprint_key).hexdigest()


CHANGES = (str(Decision.UPDATE), str(Decision.REFUSE))


def _id_lengths(people: Sequence[Person]) -> dict[str, Counter[int]]:
    lengths: dict[str, Counter[int]] = defaultdict(Counter)
    for (role, length), count in Counter((role, len(local_id)) for role, local_id in Roll.of(people).select("role", "local_id")).items():
        lengths[role][length] = count
    return dict(lengths)


USUAL_LENGTHS = 3
"""Ids are tried with zeros in front up to so many lengths, the most common ones before: districts have one or two."""


def _ids_hold(steps: Sequence[Step], known: Manifest, tokens: Tokens, seen: Collection[str]) -> tuple[Reason, ...]:
    """Whether the ids have another form than before, so that people who are known look new and their cards would end."""
    for role, lengths in known.id_lengths.items():
        theirs = [s.person for s in steps if s.person and s.person.role == role]
        new = [s.person for s in steps if s.person and s.person.role == role and s.token not in known.patrons and s.token not in known.left]
        usual = [length for length, _ in Counter(lengths).most_common(USUAL_LENGTHS)]
        if any(_has_lost_zeros(person, usual, known, tokens, seen) for person in new):
            return (Reason.LOST_ZEROS,)
        if 2 * sum(len(person.local_id) not in lengths for person in new) > len(theirs):
            return (Reason.ID_BASIS_CHANGED,)
    return ()


def _has_lost_zeros(person: Person, usual: Sequence[int], known: Manifest, tokens: Tokens, seen: Collection[str]) -> bool:
    """Whether the id with zeros in front is that of somebody who is known, is not in the file, and is not evidently another person; or that of a leaver.

    A leaver's number would be made a second time, for whomever.
    """
    for length in usual:
        if len(person.local_id) < length and person.local_id.isdecimal():
            token = tokens.patron(person.role, person.local_id.rjust(length, "0"))
            if token in known.left and token not in seen:
                return True
            before = known.patrons.get(token)
            if before and token not in seen and not traits_of(person, tokens, token).somebody_else(before.traits):
                return True
    return False


def _holds(
    steps: Sequence[Step], known: Manifest, agreement: Agreement, rejected: int, accepted: int, *, aside: int, rolled_over: bool
) -> tuple[Reason, ...]:
    safety = agreement.safety
    known_of = known.patrons.keys() | known.compared.aside.keys()
    counts = Counter("new" if s.token not in known_of else "missing" if s.person is None else str(s.counted) for s in steps)
    counts["new"] += aside
    holds = []
    if safety.first_run_needs_approval and (rolled_over or known.pilot or not known.patrons):
        holds.append(Reason.FIRST_RUN)
    if known.patrons and not known.pilot:
        there = len(known.patrons)
        for decisions, limit, base, reason in (
            (("missing",), safety.max_missing_percent, there, Reason.TOO_MANY_MISSING),
            (("new",), safety.max_new_percent, min(there, accepted), Reason.TOO_MANY_NEW),
            (CHANGES, safety.max_changed_percent, there, Reason.TOO_MANY_CHANGED),
        ):
            over = 100 * sum(counts.get(d, 0) for d in decisions) > limit * base
            if over or (reason is Reason.TOO_MANY_MISSING and _role_is_gone(steps, known)):
                holds.append(reason)
    if too_many_rejected(rejected, accepted, safety.max_rejected_percent):
        holds.append(Reason.TOO_MANY_REJECTED)
    return tuple(holds)


def too_many_rejected(rejected: int, accepted: int, most_percent: float) -> bool:
    """Whether more than ``most_percent`` of the rows that are somebody's were rejected."""
    return 100 * rejected > most_percent * (accepted + rejected)


def _role_is_gone(steps: Sequence[Step], known: Manifest) -> bool:
    """Whether all staff or all students are missing: a file that was left out of the export, however few they are."""
    missing = Counter(known.patrons[s.token].staff for s in steps if s.person is None)
    return any(missing[staff] == there for staff, there in Counter(k.staff for k in known.patrons.values()).items())


def _by_school(steps: Sequence[Step]) -> dict[str, dict[str, int]]:
    schools: dict[str, Counter[str]] = defaultdict(Counter)
    for step in steps:
        if step.person:
            schools[step.person.school_id][str(step.counted)] += 1
    return {school: dict(counts) for school, counts in sorted(schools.items())}


def by_school_and_grade(steps: Sequence[Step]) -> dict[str, dict[str, dict[str, int]]]:
    """Decisions of people in the roster by school, and by grade in it; staff, who have none, stand under the empty grade."""
    schools: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for step in steps:
        if step.person:
            schools[step.person.school_id][step.person.grade][str(step.counted)] += 1
    return {
        school: {grade: dict(sorted(counts.items())) for grade, counts in sorted(grades.items())}
        for school, grades in sorted(schools.items())
    }


@dataclass(slots=True)
class Draw:
    """Everything random or numbered that a plan needs, passed in: bytes, a number below n, and the library's serials."""

    random: Callable[[int], bytes]
    below: Callable[[int], int]
    serials: SerialBlock


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """A chunk as it will be stored: its number, its bytes, their SHA-256."""

    number: int
    body: bytes
    sha256: str


def _planned(number: int, chunk: Chunk) -> PlannedChunk:
    body = chunk.to_bytes()
    return PlannedChunk(number, body, hashlib.sha256(body).hexdigest())


COLUMNS = {"student_id": "local_id", "state_id": "state_id", "card_number": "card_number"}
"""Where a person has what a number is made of."""


def unfit(people: Roll, agreement: Agreement, numbered: Collection[tuple[str, str]] = ()) -> dict[int, Reason]:
    """The places of people who can get no number, and why: what it is made of is missing or unfit (a cut number would be another child's), or two rows give one number.

    ``numbered`` are those by role and id who have a number already, which stays whatever their row says now; they are passed over where the number is made
    of something else than the id.
    """
    clauses = {str(role): clause_of(role, agreement) for role in Role}
    made_of = {role: (clause, COLUMNS[clause.field]) for role, clause in clauses.items() if clause.field}
    names = tuple(dict.fromkeys(("role", "local_id", "opt_out", *(name for _, name in made_of.values()))))
    at = {role: (clause, clause.is_shared, names.index(name)) for role, (clause, name) in made_of.items()}
    numbers: dict[int, str | Reason] = {}
    for place, row in enumerate(people.select(*names) if at else ()):
        if row[0] in at and not row[2]:
            clause, shared, column = at[row[0]]
            if not (shared and (row[0], row[1]) in numbered):
                numbers[place] = number_of(clause, row[column])
    given = Counter(str(number).upper() for number in numbers.values())
    reasons = {place: number for place, number in numbers.items() if isinstance(number, Reason)}
    if len(given) == len(numbers) and not reasons:
        return {}
    twice = {place: Reason.NUMBER_TWICE for place, number in numbers.items() if place not in reasons and given[number.upper()] > 1}
    return reasons | twice


def clause_of(role: str, agreement: Agreement) -> NumberClause:
    """How the number of somebody of this role is made."""
    return agreement.card.staff_number if role == Role.STAFF else agreement.card.number


def made_number(step: Step, agreement: Agreement) -> str:
    """The number of a card that the plan makes of what the roster says; empty where it makes none, or draws it from the library's block."""
    person = step.person
    if person is None or not _is_drawn(step):
        return ""
    clause = clause_of(person.role, agreement)
    if not clause.field:
        return ""
    number = number_of(clause, getattr(person, COLUMNS[clause.field]))
    assert not isinstance(number, Reason), "unfit() has taken out those who get no number"
    return number


MEMBERS_OF_A_HOUSEHOLD = 12
"""Students behind one e-mail address; more than that is a placeholder such as none@example.org, and nobody's letterbox."""


def at_shared_addresses(people: Roll) -> list[int]:
    """The places of students whose address too many share: it is treated as none, for whoever reads there would learn every number."""
    shared = Counter(email for role, email in people.select("role", "email") if email and role == Role.STUDENT)
    if not any(count > MEMBERS_OF_A_HOUSEHOLD for count in shared.values()):
        return []
    rows = enumerate(people.select("role", "email"))
    return [place for place, (role, email) in rows if email and role == Role.STUDENT and shared[email] > MEMBERS_OF_A_HOUSEHOLD]


def _parts(active: Sequence[Step], quiet: Sequence[str]) -> Iterator[list[Step]]:
    """Runs of about CHUNK_PATRONS steps that never cut a household; one empty part if only households changed."""
    part: list[Step] = []
    for step in active:
        if len(part) >= CHUNK_PATRONS and (not step.household or step.household != part[-1].household):
            yield part
            part = []
        part.append(step)
    if part or (quiet and not active):
        yield part


def _told(step: Step) -> str:
    return str(step.told) if step.told and step.told is not step.decision else ""


def _is_drawn(step: Step) -> bool:
    """Whether the plan makes a card of ours: only then a number, a PIN and perhaps a serial are drawn."""
    return step.decision in (Decision.ISSUE, Decision.WAIT, Decision.REPLACE) and not step.ils_id


@dataclass(slots=True)
class Builder:
    """Draws and seals the chunks of one run."""

    agreement: Agreement
    library: Library
    tokens: Tokens
    wrap: Wrap
    draw: Draw
    run_id: str
    now: datetime
    set_apart: Collection[str] = frozenset()
    """Students, by token, whom a person set apart from a patron of the library."""
    moved: Mapping[str, str] = field(default_factory=dict)
    """Students, by token, with the patron whose card is theirs now."""

    def chunks(
        self, decisions: Decisions, pairs: Sequence[PairLine] = (), in_doubt: Mapping[str, Person] = NOBODY_IN_DOUBT
    ) -> Iterator[PlannedChunk]:
        """The chunks in order, the pairs in the last ones, with names and birth dates of those in doubt, who stand nowhere else. Members of one household stand in one chunk, before their household, however large it is."""
        active = sorted((s for s in decisions.steps if s.decision is not Decision.NOTHING), key=lambda s: (s.household, s.token))
        plan = self.draw.random(4).hex()
        serials = self.draw.serials.take(sum(1 for s in active if self._needs_serial(s)))
        present = {s.household for s in active}
        quiet = [h for h in decisions.households if h not in present]
        last = -1
        for number, part in enumerate(_parts(active, quiet)):
            households = {s.household: None for s in part if s.household in decisions.households} | (
                dict.fromkeys(quiet) if number == 0 else {}
            )
            told = {h: decisions.households[h] for h in households}
            yield _planned(number, self._chunk(plan, number, part, told, serials, again=decisions.asked_again))
            last = number
        for number, begin in enumerate(range(0, len(pairs), CHUNK_PAIRS), last + 1):
            yield _planned(number, self._chunk(plan, number, (), {}, serials, pairs[begin : begin + CHUNK_PAIRS], in_doubt))

    def _needs_serial(self, step: Step) -> bool:
        return _is_drawn(step) and step.person is not None and not clause_of(step.person.role, self.agreement).field

    def _chunk(
        self,
        plan: str,
        number: int,
        steps: Sequence[Step],
        households: Mapping[str, Sequence[Step]],
        serials: Iterator[int],
        pairs: Sequence[PairLine] = (),
        in_doubt: Mapping[str, Person] = NOBODY_IN_DOUBT,
        again: bool = False,
    ) -> Chunk:
        object_id = f"{self.run_id}-{plan}-{number:05d}"
        sealer = Sealer(
            sharing=self.agreement.sharing,
            object_id=object_id,
            purposes_of=self.agreement.purposes_of,
            wrap=self.wrap,
            random=self.draw.random,
        )
        patrons = tuple(self._patron(step, sealer, serials) for step in steps)
        families = tuple(self._household(h, members, sealer, again=again) for h, members in households.items())
        shown = tuple(replace(pair, sealed=self._shown(pair, in_doubt, sealer)) for pair in pairs)
        return Chunk(
            object=object_id,
            sharing=self.agreement.sharing,
            agreement=self.agreement.id,
            library=self.library.id,
            district=self.agreement.district,
            run_id=self.run_id,
            at=self.now.isoformat(),
            envelope=sealer.envelope(),
            patrons=patrons,
            households=families,
            pairs=shown,
        )

    def _patron(self, step: Step, sealer: Sealer, serials: Iterator[int]) -> PatronLine:
        person = step.person
        if person is None:
            return PatronLine(step.decision, step.token, "", step.household, told=_told(step))
        if step.decision is Decision.REFUSE:
            return PatronLine(step.decision, step.token, person.role, fingerprint=step.fingerprint, told=_told(step))
        sealed: dict[str, bytes] = {
            group: sealer.seal(step.token, group, fields) for group, fields in self._groups(person).items() if fields
        }
        card_token, claimed = "", False
        if _is_drawn(step):
            number = made_number(step, self.agreement)
            claimed = bool(number)
            number = number or self._barcode(serials)
            card_token = self.tokens.card(number)
            sealed[Group.CARD] = sealer.seal(step.token, Group.CARD, {"number": number})
            sealed[Group.PIN] = sealer.seal(step.token, Group.PIN, {"pin": self._pin(person)})
        pair = pair_id(step.token, self.tokens.existing(step.ils_id)) if step.ils_id else ""
        return PatronLine(
            step.decision,
            step.token,
            person.role,
            step.household,
            card_token,
            step.fingerprint,
            sealed,
            step.ils_id,
            pair,
            step.mistaken,
            step.token in self.set_apart,
            claimed,
            self.moved.get(step.token, "") if claimed else "",
            consented(person, self.agreement),
            step.taken_back,
            _told(step),
        )

    def _pin(self, person: Person) -> str:
        """The first PIN of a card: random, but where the agreement makes a student's of the birth date and there is one."""
        clause = self.agreement.card.pin
        if clause.scheme == "birth_date" and clause.format and person.birth_date and person.role is Role.STUDENT:
            return birth_date_pin(person.birth_date, clause.format)
        return random_pin(clause.length, self.draw.below)

    def _barcode(self, serials: Iterator[int]) -> str:
        block = self.library.numbers
        return library_barcode(prefix=block.prefix, institution=block.institution, serial=next(serials))

    def _groups(self, person: Person) -> dict[Group, dict[str, str]]:
        agreed = self.agreement.fields
        raw = {
            "student_id": person.local_id,
            "state_id": person.state_id,
            "last_name": person.last_name,
            "first_name": person.first_name,
            "middle_name": person.middle_name,
            "suffix": person.suffix,
            "preferred_name": person.preferred_name,
            "birth_date": person.birth_date.isoformat() if person.birth_date else "",
            "grade": person.grade,
            "school_id": person.school_id,
            "school_name": person.school_name,
            "homeroom": person.homeroom,
            "contact_restricted": "yes" if person.contact_restricted else "",
            "street": person.street,
            "city": person.city,
            "region": person.region,
            "postal_code": person.postal_code,
            "phone": person.phone,
        }
        groups: dict[Group, dict[str, str]] = defaultdict(dict)
        for name, value in raw.items():
            if value and name in agreed and self.agreement.purposes_of(FIELDS[name]):
                groups[FIELDS[name]][name] = value
        groups[Group.ENROLMENT] |= {
            "role": str(person.role),
            **card_terms(self.agreement, person, on=self.now.date()),
            "language": person.language,
        }
        return groups

    def _shown(self, pair: PairLine, in_doubt: Mapping[str, Person], sealer: Sealer) -> dict[str, dict[str, bytes]]:
        """What a person who settles a pair is shown of those of it who wait."""
        groups = [group for group in (Group.IDENTITY, Group.AGE) if Purpose.DEDUPLICATE in self.agreement.purposes_of(group)]
        return {
            token: {group: sealer.seal(token, group, fields) for group in groups if (fields := self._groups(in_doubt[token]).get(group))}
            for token in (pair.left, pair.right)
            if token in in_doubt
        }

    def _household(self, household: str, members: Sequence[Step], sealer: Sealer, *, again: bool) -> HouseholdLine:
        people = [s.person for s in members if s.person]
        staff = all(p.role is Role.STAFF for p in people)
        languages = Counter(p.language for p in people if p.language)
        shown = {s.token: self._shown_name(s.person) for s in members if s.person}
        contact = {"email": people[0].email, "language": languages.most_common(1)[0][0] if languages else "en", "names": shown}
        announced = (Decision.WAIT, Decision.ISSUE, Decision.LINK) if self.agreement.notices.announce else (Decision.WAIT,)
        reached = self.agreement.notices.announce or self.agreement.route != "before_upload"
        return HouseholdLine(
            household=household,
            kind="staff" if staff else "family",
            children=tuple(s.token for s in members),
            announce=()
            if staff
            else tuple(
                s.token
                for s in members
                if (again or s.decision in announced or s.counted in announced or (reached and s.new_address))
                and s.person
                and s.person.role is Role.STUDENT
            ),
            sealed=sealer.seal(household, Group.CONTACT, contact),
        )

    def _shown_name(self, person: Person) -> str:
        match self.agreement.name_on.family_notice:
            case "first":
                return person.first_name
            case "preferred":
                return person.preferred_name or person.first_name
            case _:
                return ""


def next_manifest(
    known: Manifest,
    decisions: Decisions,
    *,
    content: str,
    unplaced: int = 0,
    dated: str = "",
    twice: Mapping[str, str] = NOBODY_LINKED,
    compared: Compared = NOT_COMPARED,
    under: str = "",
    rollout: str = "",
    pilot: bool = False,
    comes_of_age: str = "",
    agreement: str = "",
) -> Manifest:
    """The manifest after the plan is applied. Who has no step (a rejected row, a file that is not complete) stays known as before."""
    stepped = {s.token for s in decisions.steps}
    patrons = {t: k for t, k in known.patrons.items() if t not in stepped}
    patrons |= {
        s.token: Known(s.fingerprint, s.household, s.refused, s.person.role is Role.STAFF, s.traits, s.terms, s.place)
        for s in decisions.steps
        if s.person is not None
    }
    gone = {t: k.traits for t, k in known.patrons.items()}
    left = {t: traits for t, traits in {**known.left, **gone}.items() if t not in patrons}
    return Manifest(
        version=known.version + 1,
        content=content,
        patrons=patrons,
        households=decisions.contacts,
        unplaced=unplaced,
        left=left,
        id_lengths=decisions.id_lengths,
        dated=dated,
        twice=twice,
        compared=compared,
        under=under,
        rollout=rollout,
        pilot=pilot,
        comes_of_age=comes_of_age,
        agreement=agreement,
        vacated=tuple(sorted({*known.households, *known.vacated} - decisions.contacts.keys())),
    )


def plan_hash(chunks: Sequence[PlannedChunk], summary: Mapping[str, object]) -> str:
    """What an approval binds to: every chunk's hash and the summary that the approver saw."""
    body = json.dumps([[c.sha256 for c in chunks], summary], sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(body).hexdigest()
