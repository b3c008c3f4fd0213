"""Matching while a run is planned: who stands twice in the roster, and who has a card of the library already.

Only rows that are new or changed are told of; the others keep what was decided. The matcher and its database are loaded when an agreement asks for them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Purpose
from firstcard.card.chunk import PairLine
from firstcard.card.issue import Standing
from firstcard.card.manifest import Manifest
from firstcard.card.pair import Answer, Kind, Pair, pair_id
from firstcard.card.patron import Ownership, State
from firstcard.identity import Tokens
from firstcard.roster import Person, Reading, Reason, Role, Roll, fingerprints

if TYPE_CHECKING:
    from firstcard.match import Decision, Matched, Terms

MEMORY = "1200MB"
"""What the matcher's database may take, beside the roster: half of what the function plan has."""

Row = Mapping[str, str]


class PairsOnRecord(Protocol):
    """What is on record at a library."""

    def pairs(self, ids: Sequence[str]) -> Mapping[str, Pair]:
        """Pairs by their ids."""
        ...

    def decided_pairs(self, library: str) -> Iterable[Pair]:
        """The pairs that a person decided on."""
        ...

    def waiting_pairs(self, library: str) -> Iterable[Pair]:
        """The pairs that wait for a person."""
        ...

    def refusals(self, tokens: Sequence[str]) -> Collection[str]:
        """Those of ``tokens`` that a no is on record for, however it came."""
        ...

    def standing(self, tokens: Sequence[str]) -> Standing:
        """Patrons and refusals of ``tokens``, consistently read."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What matching makes of a roster.

    ``twice`` are the places of rows of a child that has another row, ``instead`` by token whose row that is; ``refused`` the places of rows whose child says no in another row. ``linked`` are patrons of the
    library by the student's token, where the machine or a person is certain; ``doubtful`` are those who wait for a person, by token. ``mistaken`` are students, by token, whom a person set apart from the patron
    they are linked to, with that one's ILS id; empty where a plan would have linked them and it never came to be; ``set_apart`` are all whom
    a person set apart from a patron. ``lines`` go on record. ``counts`` are for the library alone: the district does not
    learn who was a patron. ``compared`` is False where the library's own list was not there.
    """

    twice: Mapping[int, Reason] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    refused: Sequence[int] = ()
    linked: Mapping[str, str] = field(default_factory=dict)
    doubtful: Mapping[str, Person] = field(default_factory=dict)
    mistaken: Mapping[str, str] = field(default_factory=dict)
    set_apart: Collection[str] = frozenset()
    lines: tuple[PairLine, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    compared: bool = False

    def as_summary(self) -> dict[str, object]:
        """For the plan that a person at the library looks at."""
        return {"compared_with_patrons": self.compared, **self.counts}


def waits_until(pair: Pair, agreement: Agreement) -> str:
    """Until when a child waits for a person's decision (ISO 8601); empty where nobody waits."""
    clause = agreement.in_doubt
    if clause is None or clause.meanwhile == "card":
        return ""
    return (datetime.fromisoformat(pair.since) + timedelta(days=clause.decide_within_days)).isoformat()


def agreed(agreement: Agreement) -> bool:
    """Whether the agreement lets its students be compared with others."""
    return Purpose.DEDUPLICATE in agreement.purposes


@dataclass(frozen=True, slots=True)
class Matcher:
    """Matches one roster under one agreement.

    ``patrons`` gives the library's own list, each row under the ILS's id as ``id``, or None where there is none that may be used; it is asked only when a student
    is new.
    """

    agreement: Agreement
    tokens: Tokens
    on_record: PairsOnRecord
    patrons: Callable[[], Iterable[Row] | None]
    now: datetime

    def match(self, reading: Reading, known: Manifest) -> Found:
        """Compare the new and changed students of a roster."""
        students = _Students.of(reading.people, self.tokens, self.agreement.district)
        prints = fingerprints(reading.people, self.tokens.fingerprint_key)
        before = known.patrons
        changed = {
            token
            for place, token in students.tokens.items()
            if (was := before.get(token)) is None or (was.fingerprint != prints[place] and not was.refused)
        }
        decided = [pair for pair in self.on_record.decided_pairs(self.agreement.library) if pair.answer is not Answer.DOUBT]
        apart_from_patrons = [
            pair for pair in decided if pair.kind is Kind.PATRON and pair.answer is Answer.APART and pair.left in students.places
        ]
        mistaken = self._mistaken(students, known, apart_from_patrons)
        if not changed and not mistaken:
            return Found(instead=known.twice)
        # Of whom a run that was given up half-way touched, it is not known whether there is a card: the cards table keeps one that is.
        settled = {token for token, was in before.items() if was.fingerprint or was.refused}
        twice, refused, lines = self._within(students, changed, settled, known.twice, decided)
        # The other row of a child may be one that cannot be read tonight; its card is there all the same.
        unread = {self.tokens.patron(role, local_id) for role, local_id in reading.rejected_people}
        apart = {frozenset((pair.left, pair.right)) for pair in decided if pair.answer is Answer.APART}
        for token in changed & known.twice.keys():
            other = known.twice[token]
            if (
                other in unread & before.keys()
                and students.places[token] not in students.refused
                and frozenset((token, other)) not in apart
            ):
                twice.setdefault(students.places[token], other)
        noes = {students.tokens[place] for place in (*students.refused, *refused)}
        # Of a child who said no nothing is put on record, and nobody looks for a card of its.
        lines = [line for line in lines if noes.isdisjoint((line.left, line.right))]
        left_out = noes | {students.tokens[place] for place in twice}
        mistaken = {token: ils_id for token, ils_id in mistaken.items() if token not in left_out}
        new = ((changed - settled) | mistaken.keys()) - left_out
        waiting = [pair for pair in self._waiting() if {pair.left, pair.right} & new]
        linked, more, compared = self._link(students, new, decided)
        counts = Counter(f"{line.kind}_{line.answer}" for line in (*lines, *more))
        if self.agreement.existing == "separate":
            more = []  # a card of its own is what the child gets either way: there is nothing to be decided, and nothing to be kept
        # A wrong link is undone at once: who has had a card does not wait for another doubt.
        linked_wrongly = {token for token, ils_id in mistaken.items() if ils_id}
        doubtful = self._doubtful((*lines, *more), new - linked_wrongly, waiting, students)
        kept = {token: other for token, other in known.twice.items() if unread & {token, other}}
        instead = kept | {students.tokens[place]: other for place, other in twice.items()}
        return Found(
            dict.fromkeys(twice, Reason.SAME_CHILD),
            instead,
            refused,
            linked,
            doubtful,
            mistaken,
            frozenset(pair.left for pair in apart_from_patrons),
            (*lines, *more),
            dict(sorted(counts.items())),
            compared,
        )

    def _mistaken(self, students: "_Students", known: Manifest, apart: Sequence[Pair]) -> dict[str, str]:
        """The students whose link a person found to be wrong, with the ILS's id of that patron; without one where issue heard of it before it made the link.

        All that a person ever set apart are looked at, not only what was decided of late: a row may have been unreadable since, or the child away.
        """
        standing = self.on_record.standing(sorted({pair.left for pair in apart})) if apart else Standing({}, ())
        mistaken: dict[str, str] = {}
        for pair in apart:
            patron, was = standing.patrons.get(pair.left), known.patrons.get(pair.left)
            if pair.left in standing.refused or students.places[pair.left] in students.refused:
                continue
            if patron is None and was is not None and not was.refused:
                mistaken[pair.left] = ""
            elif patron and patron.ownership is Ownership.LINKED and patron.existing == pair.ils_id and patron.state is not State.REFUSED:
                mistaken[pair.left] = pair.ils_id
        return mistaken

    def _waiting(self) -> list[Pair]:
        """The pairs on record for which children wait, whose days are not over; none where nobody waits, or nothing follows from a patron."""
        clause = self.agreement.in_doubt
        if clause is None or clause.meanwhile == "card":
            return []
        return [
            pair
            for pair in self.on_record.waiting_pairs(self.agreement.library)
            if pair.answer is Answer.DOUBT
            and waits_until(pair, self.agreement) > self.now.isoformat()
            and (pair.kind is Kind.STUDENT or self.agreement.existing != "separate")
        ]

    def _doubtful(self, lines: Sequence[PairLine], new: set[str], waiting: Sequence[Pair], students: "_Students") -> dict[str, Person]:
        """The new students who wait for a person; of two students in doubt the one that has no card, else the later row.

        Who waits by a pair on record goes on waiting, whatever tonight's list of patrons says, or if there is none.
        """
        clause = self.agreement.in_doubt
        if clause is None or clause.meanwhile == "card":
            return {}
        doubts = {pair_id(line.left, line.right): (line.kind, line.left, line.right) for line in lines if line.answer == Answer.DOUBT}
        over = {
            one for one, pair in self.on_record.pairs(list(doubts)).items() if waits_until(pair, self.agreement) <= self.now.isoformat()
        }
        wait: set[str] = set()
        for kind, left, right in (
            *(doubt for one, doubt in doubts.items() if one not in over),
            *((pair.kind, pair.left, pair.right) for pair in waiting),
        ):
            there = [token for token in (left, right) if token in students.places]
            candidates = [left] if kind == Kind.PATRON else sorted(there, key=lambda token: students.places[token])
            wait.update([token for token in candidates if token in new][-1:] if kind == Kind.PATRON or len(there) == 2 else [])
        people = students.roll.some(sorted(students.places[token] for token in wait))
        return {students.tokens[place]: person for place, person in people.items()}

    def _within(
        self, students: "_Students", changed: set[str], settled: set[str], known_twice: Mapping[str, str], decided: Sequence[Pair]
    ) -> tuple[dict[int, str], list[int], list[PairLine]]:
        """The rows of a child that has another one, with that one's token; of a group that row stays which has a card, else the first, and a no in any of them counts for all."""
        from firstcard.match import within

        matched = within(students.rows(), _terms(changed, decided, Kind.STUDENT))
        twice: dict[int, str] = {}
        refused: list[int] = []
        both_have_cards: set[frozenset[str]] = set()
        groups = [group for group in matched.groups if not changed.isdisjoint(group)]
        others = {token: known_twice[token] for token in changed & known_twice.keys()}
        # A family may have said no by its link, of which no roster knows.
        suppressed = self.on_record.refusals(sorted({token for group in groups for token in group} | others.keys() | set(others.values())))
        noes = students.refused | {students.places[token] for token in suppressed if token in students.places}
        refused += [students.places[token] for token, other in others.items() if other in suppressed]
        for group in groups:
            places = sorted(students.places[token] for token in group)
            holders = [place for place in places if students.tokens[place] in settled]
            kept = holders or [min(places, key=lambda place: (place not in students.reachable, place))]
            if noes.isdisjoint(places):
                twice |= dict.fromkeys((place for place in places if place not in kept), students.tokens[kept[0]])
            else:
                refused += [place for place in places if place not in students.refused]
            if len(holders) > 1:
                both_have_cards.add(frozenset(students.tokens[place] for place in holders))
        doubtful = [one for one in matched.decisions if any({one.left_id, one.right_id} <= group for group in both_have_cards)]
        return (
            twice,
            sorted({*refused} - students.refused),
            [_line(one, Kind.STUDENT, matched, doubt=one in doubtful) for one in matched.decisions if not _is_human(one)],
        )

    def _link(self, students: "_Students", new: set[str], decided: Sequence[Pair]) -> tuple[dict[str, str], list[PairLine], bool]:
        """The patrons of the library whom new students are or may be. What a person said needs no list of patrons, and no machine adds to it."""
        from firstcard.match import link

        existing = self.agreement.existing
        said = [pair for pair in decided if pair.kind is Kind.PATRON and pair.answer is Answer.SAME and pair.left in new]
        told = Counter(pair.left for pair in said)
        human = {pair.left: pair.ils_id for pair in said if told[pair.left] == 1} if existing != "separate" else {}
        patrons = self.patrons() if new - told.keys() else None
        if patrons is None:
            return human, [], False
        ils_ids: dict[str, str] = {}
        matched = link(students.rows(), self._tokenised(patrons, ils_ids), _terms(new, decided, Kind.PATRON))
        found = [one for one in matched.decisions if one.left_id not in told and not _is_human(one)]
        certain = {one.left_id: ils_ids[one.right_id] for one in found if _is_same(one) and one.left_id in new}
        lines = [_line(one, Kind.PATRON, matched, doubt=existing == "ask", ils_id=ils_ids[one.right_id]) for one in found]
        return human | (certain if existing == "link" else {}), lines, True

    def _tokenised(self, patrons: Iterable[Row], ils_ids: dict[str, str]) -> Iterator[Row]:
        for row in patrons:
            token = self.tokens.existing(row["id"])
            ils_ids[token] = row["id"]
            yield {**row, "id": token}


@dataclass(frozen=True, slots=True)
class _Students:
    """The students of a roll who are compared: their tokens by place, places by token, who said no, and the roll itself."""

    roll: Roll
    district: str
    tokens: Mapping[int, str]
    places: Mapping[str, int]
    refused: frozenset[int]
    reachable: frozenset[int]

    @classmethod
    def of(cls, roll: Roll, tokens: Tokens, district: str) -> "_Students":
        of_students = {
            place: (tokens.patron(role, local_id), bool(no), bool(mail))
            for place, (role, local_id, no, name, mail) in enumerate(roll.select("role", "local_id", "opt_out", "last_name", "email"))
            if role == Role.STUDENT and name
        }
        by_place = {place: token for place, (token, _, _) in of_students.items()}
        return cls(
            roll,
            district,
            by_place,
            {token: place for place, token in by_place.items()},
            frozenset(place for place, (_, no, _) in of_students.items() if no),
            frozenset(place for place, (_, _, mail) in of_students.items() if mail),
        )

    def rows(self) -> Iterator[Row]:
        """Each as the matcher takes it, under its token."""
        from firstcard.match import COLUMNS

        names = [name for name in COLUMNS if name not in ("id", "district")]
        for place, values in enumerate(self.roll.select(*names)):
            if token := self.tokens.get(place):
                yield {"id": token, "district": self.district, **dict(zip(names, values, strict=True))}


def _terms(changed: Iterable[str], decided: Sequence[Pair], kind: Kind) -> "Terms":
    """What is to be compared, and what people decided."""
    from firstcard.match import Terms

    apart, together = (
        frozenset((pair.left, pair.right) for pair in decided if pair.kind is kind and pair.answer is answer)
        for answer in (Answer.APART, Answer.SAME)
    )
    return Terms(memory=MEMORY, changed=frozenset(changed), apart=apart, together=together)


def _is_same(one: "Decision") -> bool:
    return str(one.answer) == str(Answer.SAME)


def _is_human(one: "Decision") -> bool:
    from firstcard.match.matcher import HUMAN

    return one.evidence == HUMAN


def _line(one: "Decision", kind: Kind, matched: "Matched", *, doubt: bool, ils_id: str = "") -> PairLine:
    same = _is_same(one) and not doubt
    return PairLine(
        one.left_id,
        one.right_id,
        kind,
        Answer.SAME if same else Answer.DOUBT,
        one.weight,
        one.evidence,
        one.vetoes,
        matched.version,
        ils_id,
    )
