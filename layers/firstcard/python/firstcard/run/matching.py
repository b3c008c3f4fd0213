"""Matching while a run is planned: who stands twice in the roster, who is another district's student too, and who has a card of the library already.

Only rows that are new or changed are told of; the others keep what was decided. Everybody is looked at again after the matching rules changed, or where another district's
students were planned at the same time as these: that can only add to what a person looks at. The matcher and its database are loaded when an agreement asks for them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Purpose
from firstcard.card.chunk import PairLine
from firstcard.card.issue import Standing
from firstcard.card.manifest import Manifest
from firstcard.card.pair import Answer, Kind, Pair, pair_id
from firstcard.card.patron import Ownership, State
from firstcard.card.traits import UNKNOWN, Traits, traits_of
from firstcard.card.view import TakenBack
from firstcard.identity import Tokens
from firstcard.roster import Person, Reading, Reason, Role, Roll, fingerprints
from firstcard.run.peers import Peer, Row

if TYPE_CHECKING:
    from firstcard.match import Decision, Matched, Terms

MEMORY = "1200MB"
"""What the matcher's database may take, beside the roster: half of what the function plan has."""

MANY = 5
"""Where one student in so many is new or changed, the weights are estimated anew."""
BLOCKED = "blocked"
"""Stands among the vetoes of a pair whose patron has a card that the library stopped: the agreement says that a person looks."""
TWO_CARDS = "twocards"
"""The same of two who are one child, and have a card each."""
SERVES = "serves"
"""The same of a patron whose card serves another student already."""


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

    def taken_back(self, sharing: str) -> Mapping[str, TakenBack]:
        """Those whose no was taken back, by token, and whom no roster has taken up since."""
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

    ``twice`` are the places of rows of a child that has another row, ``instead`` by token whose row that is; ``refused`` the places of rows whose child says no in another row.
    ``served`` are new students who have a card, or said no, as students of another district, by token that one's. ``linked`` are patrons of the
    library by the student's token, where the machine or a person is certain; ``doubtful`` are those who wait for a person, by token. ``mistaken`` are students, by token, whom a
    person set apart from the patron they are linked to, with that one's ILS id; empty where a plan would have linked them and it never came to be; ``set_apart`` are all whom
    a person set apart from a patron. ``lines`` go on record. ``counts`` are for the library alone: the district does not learn who was a patron, nor who is another's student.
    ``compared`` is False where the library's own list was not there. ``others`` are the other districts whose students were compared, with the version of their manifest;
    ``rules`` is the version of the rules, ``weights`` are what it weighed with. ``awaits``, ``aside`` and ``void``: see the
    manifest's ``Compared``. ``shown`` are those of ``lines`` who have no card, so that a person who settles a pair sees them. ``failed`` says that the matcher did not come to its end: nobody was compared.
    """

    twice: Mapping[int, Reason] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    refused: Sequence[int] = ()
    served: Mapping[str, str] = field(default_factory=dict)
    linked: Mapping[str, str] = field(default_factory=dict)
    doubtful: Mapping[str, Person] = field(default_factory=dict)
    mistaken: Mapping[str, str] = field(default_factory=dict)
    set_apart: Collection[str] = frozenset()
    lines: tuple[PairLine, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    compared: bool = False
    others: Mapping[str, int] = field(default_factory=dict)
    rules: str = ""
    weights: Mapping[str, Any] = field(default_factory=dict)
    awaits: Mapping[str, str] = field(default_factory=dict)
    aside: Mapping[str, Sequence[str]] = field(default_factory=dict)
    void: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, Person] = field(default_factory=dict)
    failed: bool = False

    def as_summary(self) -> dict[str, object]:
        """For the plan that a person at the library looks at."""
        return {
            "compared_with_patrons": self.compared,
            **({"compared_with_districts": len(self.others)} if self.others else {}),
            **self.counts,
        }


def waits_until(pair: Pair, agreement: Agreement) -> str:
    """Until when a child waits for a person's decision (ISO 8601); empty where nobody waits."""
    clause = agreement.in_doubt
    if clause is None or clause.meanwhile == "card":
        return ""
    return (datetime.fromisoformat(pair.since) + timedelta(days=clause.decide_within_days)).isoformat()


def agreed(agreement: Agreement) -> bool:
    """Whether the agreement lets its students be compared with others."""
    return Purpose.DEDUPLICATE in agreement.purposes


def comparable(roll: Roll, tokens: Tokens, district: str) -> Iterator[Row]:
    """The students of a roster as another district's are compared with them; nothing of those whose row says no."""
    students = _Students.of(roll, tokens, district)
    return students.without({students.tokens[place] for place in students.refused}).rows()


def served_still(standing: Standing, token: str) -> bool:
    """Whether a student of another district has a card, is to get one, or said no: then the same child gets no card here.

    Who waits without an address is not to get one as far as anybody knows.
    """
    patron = standing.patrons.get(token)
    if token in standing.refused or patron is None:
        return token in standing.refused
    return patron.state not in (State.EXPIRED, State.REFUSED) and (patron.state is not State.WAITING or bool(patron.household))


@dataclass(frozen=True, slots=True)
class Matcher:
    """Matches one roster under one agreement.

    ``patrons`` gives the library's own list, each row under the ILS's id as ``id``, or None where there is none that may be used; it is asked only when a student
    is new. ``peers`` are the library's other districts that agreed to be compared.
    """

    agreement: Agreement
    tokens: Tokens
    on_record: PairsOnRecord
    patrons: Callable[[], Iterable[Row] | None]
    now: datetime
    peers: Sequence[Peer] = ()

    def match(self, reading: Reading, known: Manifest) -> Found:
        """Compare the new and changed students of a roster."""
        from firstcard.match import MatchingError

        tonight = self._tonight(reading, known)
        if not tonight.told and not tonight.mistaken:
            return Found(
                instead=known.twice,
                others={peer.sharing: peer.manifest.version for peer in self.peers},
                rules=tonight.rules,
                weights=tonight.weights,
            )
        try:
            return self._match(tonight)
        except MatchingError:
            return self._without_matcher(tonight)

    def _without_matcher(self, tonight: "_Tonight") -> Found:
        """What is on record holds, if a person lets the plan go on all the same."""
        students, known = tonight.students, tonight.known
        twice = {students.places[token]: Reason.SAME_CHILD for token in known.twice.keys() & students.places.keys()}
        waiting = self._waiting(tonight)
        abroad = self.on_record.standing(sorted(_awaited(waiting, students) | set(known.compared.served.values())))
        elsewhere = {token for token in {*abroad.patrons, *abroad.refused} if served_still(abroad, token)}
        without_card = tonight.changed - tonight.settled - {students.tokens[place] for place in (*students.refused, *twice)}
        served = self._served_on(tonight, elsewhere) & without_card
        human, _ = self._said(tonight, without_card - served)
        doubtful, awaits = self._doubtful((), without_card - served, waiting, students, elsewhere)
        return Found(
            twice,
            known.twice,
            served={token: known.compared.served[token] for token in served},
            linked=human,
            doubtful=doubtful,
            awaits=awaits,
            aside=known.compared.aside,
            rules=known.compared.rules,
            weights=tonight.weights,
            failed=True,
        )

    def _tonight(self, reading: Reading, known: Manifest) -> "_Tonight":
        from firstcard.match.rules import VERSION

        students = _Students.of(reading.people, self.tokens, self.agreement.district)
        prints = fingerprints(reading.people, self.tokens.fingerprint_key)
        before = known.patrons
        changed = {
            token
            for place, token in students.tokens.items()
            if (was := before.get(token)) is None or (was.fingerprint != prints[place] and not was.refused)
        }
        passed_on = self._passed_on(students, changed, known)
        # Who had no card leaves none to whoever has the id now: only what was decided does not count any more.
        void = {token: self.now.isoformat() for token in passed_on if token not in before and token not in known.left}
        students = students.without(passed_on - void.keys())
        changed &= students.places.keys()
        all_void = {**known.compared.void, **void}
        afresh = bool(before) and known.compared.rules != VERSION
        met = all(_have_met(peer, known, self.agreement.sharing) for peer in self.peers)
        decided = [
            pair
            for pair in self.on_record.decided_pairs(self.agreement.library)
            if pair.answer is not Answer.DOUBT and all(all_void.get(token, "") < pair.decided_at for token in (pair.left, pair.right))
        ]
        set_apart = [pair for pair in decided if pair.kind is Kind.PATRON and pair.answer is Answer.APART and pair.left in students.places]
        mistaken = self._mistaken(students, known, set_apart)
        changed |= {token for token, ils_id in mistaken.items() if not ils_id}
        return _Tonight(
            students=students,
            known=known,
            changed=changed,
            told=set(students.places) if afresh or not met else changed,
            mistaken=mistaken,
            set_apart=frozenset(pair.left for pair in set_apart),
            # Of whom a run that was given up half-way touched, it is not known whether there is a card: the cards table keeps one that is.
            settled={token for token, was in before.items() if was.fingerprint or was.refused},
            decided=decided,
            afresh=afresh,
            rules=VERSION,
            weights={} if afresh or MANY * len(changed) > len(students.places) else dict(known.compared.weights),
            prints=prints,
            void=void,
            all_void=all_void,
            apart=frozenset(frozenset((pair.left, pair.right)) for pair in decided if pair.answer is Answer.APART),
            # The row of a child may be one that cannot be read tonight; its card is there all the same.
            unread=frozenset(self.tokens.patron(role, local_id) for role, local_id in reading.rejected_people),
        )

    def _passed_on(self, students: "_Students", changed: Set[str], known: Manifest) -> set[str]:
        """Those whose id stood for somebody else before: what is on record under it is another child's."""
        before = {token: was.traits for token in changed if (was := known.patrons.get(token))}
        before |= {token: traits for token in changed - before.keys() if (traits := known.left.get(token))}
        before |= {
            token: Traits.from_texts(*known.compared.aside[token][1:]) for token in (changed & known.compared.aside.keys()) - before.keys()
        }
        people = students.roll.some(sorted(students.places[token] for token, traits in before.items() if traits))
        return {
            token
            for place, person in people.items()
            if traits_of(person, self.tokens, token := students.tokens[place]).somebody_else(before.get(token, UNKNOWN))
        }

    def _match(self, tonight: "_Tonight") -> Found:
        students, known, changed, unread = tonight.students, tonight.known, tonight.changed, tonight.unread
        waiting = self._waiting(tonight)
        same = self._within(tonight, waiting)
        for token in (changed & known.twice.keys()) - tonight.void.keys():
            other = known.twice[token]
            if (
                other in unread & known.patrons.keys()
                and students.places[token] not in students.refused
                and frozenset((token, other)) not in tonight.apart
            ):
                same.twice.setdefault(students.places[token], other)
        noes = {students.tokens[place] for place in (*students.refused, *same.refused)}
        # Of a child who said no nothing is put on record, and nobody looks for a card of its.
        lines = [line for line in same.lines if noes.isdisjoint((line.left, line.right))]
        left_out = noes | {students.tokens[place] for place in same.twice}
        mistaken = {token: ils_id for token, ils_id in tonight.mistaken.items() if token not in left_out}
        without_card = ((changed - tonight.settled) | mistaken.keys()) - left_out
        new = without_card - same.served.keys()
        linked, more, compared = self._link(tonight, new)
        counts = Counter(
            f"{'elsewhere' if line.kind == Kind.STUDENT and line.right not in students.places else line.kind}_{line.answer}"
            for line in (*lines, *more)
        )
        if self.agreement.existing == "separate":
            more = []  # a card of its own is what the child gets either way: there is nothing to be decided, and nothing to be kept
        # A wrong link is undone at once: who has had a card does not wait for another doubt.
        linked_wrongly = {token for token, ils_id in mistaken.items() if ils_id}
        doubtful, awaits = self._doubtful((*lines, *more), new - linked_wrongly, waiting, students, same.elsewhere)
        kept = {token: other for token, other in known.twice.items() if unread & {token, other}}
        instead = kept | {students.tokens[place]: other for place, other in same.twice.items()}
        served = {token: other for token, other in same.served.items() if token in without_card - linked_wrongly}
        without = {students.tokens[place] for place in same.twice} | served.keys() | doubtful.keys()
        people = students.roll.some(sorted(students.places[token] for token in without))
        return Found(
            dict.fromkeys(same.twice, Reason.SAME_CHILD),
            instead,
            sorted({*same.refused} - students.refused),
            served,
            linked,
            doubtful,
            mistaken,
            tonight.set_apart,
            (*lines, *more),
            dict(sorted(counts.items())),
            compared,
            same.others,
            tonight.rules,
            tonight.weights,
            awaits,
            {
                students.tokens[place]: self._told_of(students.tokens[place], person, tonight.prints[place])
                for place, person in people.items()
            },
            tonight.void,
            {students.tokens[place]: person for place, person in people.items()},
        )

    def _told_of(self, token: str, person: Person, print_: str) -> tuple[str, ...]:
        """What the manifest keeps of a student without a card: by it an id that stands for another child later is seen."""
        return (print_, *traits_of(person, self.tokens, token).as_texts())

    def _served_on(self, tonight: "_Tonight", elsewhere: Set[str]) -> set[str]:
        """Those who were served by another district's card, and still are: however that one's row is tonight, whatever their own looks like now."""
        return {
            token
            for token, other in tonight.known.compared.served.items()
            if token in tonight.students.places
            and token not in tonight.void
            and other in elsewhere
            and frozenset((token, other)) not in tonight.apart
        }

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

    def _waiting(self, tonight: "_Tonight") -> list[Pair]:
        """The pairs on record for which children wait, whose days are not over; none where nobody waits, or nothing follows from a patron."""
        clause = self.agreement.in_doubt
        if clause is None or clause.meanwhile == "card":
            return []
        return [
            pair
            for pair in self.on_record.waiting_pairs(self.agreement.library)
            if pair.answer is Answer.DOUBT
            and waits_until(pair, self.agreement) > self.now.isoformat()
            and all(tonight.all_void.get(token, "") < pair.since for token in (pair.left, pair.right))
            and (pair.kind is Kind.STUDENT or self.agreement.existing != "separate")
        ]

    def _doubtful(
        self, lines: Sequence[PairLine], new: Set[str], waiting: Sequence[Pair], students: "_Students", elsewhere: Set[str]
    ) -> tuple[dict[str, Person], dict[str, str]]:
        """The new students who wait for a person, and for which other district's student some of them do; of two students in doubt the one that has no card, else the later row.

        Who waits by a pair on record goes on waiting, whatever tonight's list of patrons says, or if there is none. Another district's student is waited for only if that
        one is among ``elsewhere``: those who have a card.
        """
        clause = self.agreement.in_doubt
        if clause is None or clause.meanwhile == "card":
            return {}, {}
        doubts = {pair_id(line.left, line.right): (line.kind, line.left, line.right) for line in lines if line.answer == Answer.DOUBT}
        over = {
            one for one, pair in self.on_record.pairs(list(doubts)).items() if waits_until(pair, self.agreement) <= self.now.isoformat()
        }
        wait: set[str] = set()
        awaits: dict[str, str] = {}
        for kind, left, right in (
            *(doubt for one, doubt in doubts.items() if one not in over),
            *((pair.kind, pair.left, pair.right) for pair in waiting),
        ):
            there = [left] if kind == Kind.PATRON else [token for token in (left, right) if token in students.places]
            if kind == Kind.PATRON or len(there) == 2 or elsewhere & {left, right}:
                waits = [token for token in sorted(there, key=lambda token: students.places.get(token, -1)) if token in new][-1:]
                wait.update(waits)
                if kind != Kind.PATRON and len(there) == 1:
                    awaits |= dict.fromkeys(waits, left if there == [right] else right)
        people = students.roll.some(sorted(students.places[token] for token in wait))
        return {students.tokens[place]: person for place, person in people.items()}, awaits

    def _within(self, tonight: "_Tonight", waiting: Sequence[Pair]) -> "_Same":
        """The rows of a child that has another one, and of a child that is another district's student too.

        Of a group that row stays which has a card, else the first, and a no in any of them counts for all. Who has no card here, and has one elsewhere, gets none.
        """
        from firstcard.match import within

        students, changed, known_twice = tonight.students, tonight.changed, tonight.known.twice
        same = _Same()
        foreign: set[str] = set()
        matched = within(self._everybody(students, foreign, same.others), _terms(tonight, tonight.told, Kind.STUDENT))
        _note(tonight, Kind.STUDENT, matched)
        groups = [group for group in matched.groups if not tonight.told.isdisjoint(group)]
        others = {
            token: known_twice[token]
            for token in (changed & known_twice.keys()) - tonight.void.keys()
            if frozenset((token, known_twice[token])) not in tonight.apart
        }
        mentioned = {token for group in groups for token in group} | {t for one in matched.decisions for t in (one.left_id, one.right_id)}
        serving = set(tonight.known.compared.served.values())
        abroad = self.on_record.standing(sorted(foreign & mentioned | _awaited(waiting, students) | serving))
        same.elsewhere = {token for token in {*abroad.patrons, *abroad.refused} if served_still(abroad, token)}
        # A family may have said no by its link, of which no roster knows.
        at_home = {token for group in groups for token in group if token in students.places}
        home = self.on_record.standing(sorted(at_home | others.keys() | set(others.values())))
        suppressed = home.refused
        gone = {
            token for token, patron in home.patrons.items() if patron.state in (State.EXPIRED, State.REFUSED) and token not in suppressed
        }
        have_cards = (home.patrons.keys() - gone) | (tonight.settled - home.patrons.keys())
        have_cards -= {token for token, ils_id in tonight.mistaken.items() if not ils_id}
        noes = students.refused | {students.places[token] for token in suppressed if token in students.places}
        same.refused += [students.places[token] for token, other in others.items() if other in suppressed]
        both_have_cards: set[frozenset[str]] = set()
        for group in groups:
            places = sorted(students.places[token] for token in group if token in students.places)
            holders = [place for place in places if students.tokens[place] in have_cards]
            abroad_too = [token for token in group if token in same.elsewhere]
            kept = holders or [min(places, key=lambda place: (place not in students.reachable, place))]
            if not changed.isdisjoint(group):
                if noes.isdisjoint(places):
                    same.twice |= dict.fromkeys((place for place in places if place not in kept), students.tokens[kept[0]])
                    same.served |= {students.tokens[place]: abroad_too[0] for place in kept if abroad_too and not holders}
                else:
                    same.refused += [place for place in places if place not in students.refused]
            if len(holders) + len(abroad_too) > 1 and holders:
                both_have_cards.add(frozenset((*(students.tokens[place] for place in holders), *abroad_too)))
        carried = {token: tonight.known.compared.served[token] for token in self._served_on(tonight, same.elsewhere)}
        same.served = carried | same.served
        doubtful = [one for one in matched.decisions if any({one.left_id, one.right_id} <= group for group in both_have_cards)]
        refused_elsewhere = {token for token in foreign if token in abroad.refused}
        same.lines = [
            _line(
                one,
                Kind.STUDENT,
                matched,
                doubt=one in doubtful,
                turned=one.left_id not in students.places,
                more=(TWO_CARDS,) if one in doubtful and _is_same(one) else (),
            )
            for one in matched.decisions
            if not _is_human(one) and refused_elsewhere.isdisjoint((one.left_id, one.right_id))
        ]
        return same

    def _everybody(self, students: "_Students", foreign: set[str], others: dict[str, int]) -> Iterator[Row]:
        """The roster's students, then those of the library's other districts, whose tokens and manifests are noted."""
        from firstcard.extract.parquet import ParquetError

        yield from students.rows()
        for peer in self.peers:
            rows = peer.rows()
            if rows is None:
                continue
            others[peer.sharing] = peer.manifest.version
            try:
                for row in rows:
                    foreign.add(row["id"])
                    yield row
            except ParquetError:
                del others[peer.sharing]

    def _link(self, tonight: "_Tonight", new: Set[str]) -> tuple[dict[str, str], list[PairLine], bool]:
        """The patrons of the library whom new students are or may be. What a person said needs no list of patrons, and no machine adds to it.

        A patron whose card serves another student already is nobody's for certain.
        """
        from firstcard.match import link

        existing, known, students = self.agreement.existing, tonight.known, tonight.students
        human, told = self._said(tonight, new)
        looked_for = new | (tonight.told - {*known.twice} if tonight.afresh and existing != "separate" else set())
        patrons = self.patrons() if looked_for - told else None
        if patrons is None:
            return human, [], False
        ils_ids: dict[str, str] = {}
        blocked: set[str] = set()
        matched = link(tonight.students.rows(), self._tokenised(patrons, ils_ids, blocked), _terms(tonight, looked_for, Kind.PATRON))
        _note(tonight, Kind.PATRON, matched)
        there = students.places.keys() | tonight.unread
        serves = {patron: student for student, patron in known.compared.linked.items() if student in there}
        serves |= {patron: student for peer in self.peers for student, patron in peer.manifest.compared.linked.items()}
        lines: list[PairLine] = []
        certain: dict[str, str] = {}
        for one in matched.decisions:
            student, patron = one.left_id, one.right_id
            if student in told or _is_human(one) or (student not in new and serves.get(patron) == student):
                continue
            stopped = patron in blocked and self.agreement.existing_blocked in ("ask", None)
            anothers = serves.get(patron, student) != student
            doubt = existing == "ask" or student not in new or anothers or stopped
            if _is_same(one) and not doubt and not (patron in blocked and self.agreement.existing_blocked == "separate"):
                certain[student] = ils_ids[patron]
            more = (BLOCKED,) * stopped + (SERVES,) * anothers + (TWO_CARDS,) * (_is_same(one) and student not in new)
            lines.append(_line(one, Kind.PATRON, matched, doubt=doubt, ils_id=ils_ids[patron], more=more))
        return human | (certain if self.agreement.links_existing else {}), lines, True

    def _said(self, tonight: "_Tonight", new: Set[str]) -> tuple[dict[str, str], Set[str]]:
        """The patrons of the ILS whom new students are by a person's word, and all of whom somebody said so."""
        said = [pair for pair in tonight.decided if pair.kind is Kind.PATRON and pair.answer is Answer.SAME and pair.left in new]
        told = Counter(pair.left for pair in said)
        human = {pair.left: pair.ils_id for pair in said if told[pair.left] == 1} if self.agreement.existing != "separate" else {}
        return human, told.keys()

    def _tokenised(self, patrons: Iterable[Row], ils_ids: dict[str, str], blocked: set[str]) -> Iterator[Row]:
        for row in patrons:
            token = self.tokens.existing(row["id"])
            ils_ids[token] = row["id"]
            if row.get("blocked") == "yes":
                blocked.add(token)
            yield {**row, "id": token}


@dataclass(frozen=True, slots=True)
class _Tonight:
    """Whom a roster brings, and who of them is looked at.

    ``changed`` are new or changed, ``settled`` have a card or said no. ``told`` are those of whose pairs something is said: the changed, or everybody. ``mistaken`` and ``set_apart``: see ``Found``. ``afresh``: the rules are
    others than those by which the roster before was compared. ``weights`` are kept from when many were compared, and noted where they are estimated.
    """

    students: "_Students"
    known: Manifest
    changed: Set[str]
    told: Set[str]
    mistaken: Mapping[str, str]
    set_apart: frozenset[str]
    settled: Set[str]
    decided: Sequence[Pair]
    afresh: bool
    rules: str
    weights: dict[str, Any]
    prints: Sequence[str]
    void: Mapping[str, str]
    all_void: Mapping[str, str]
    unread: frozenset[str]
    apart: frozenset[frozenset[str]]


@dataclass(slots=True)
class _Same:
    """Who is whom, as far as students go: see ``Found``. ``elsewhere`` are other districts' students who have a card, are to get one, or said no."""

    twice: dict[int, str] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)
    served: dict[str, str] = field(default_factory=dict)
    lines: list[PairLine] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)


def _have_met(peer: Peer, known: Manifest, sharing: str) -> bool:
    """Whether everybody of the last roster was compared with everybody of another district's: by whichever came later."""
    return peer.manifest.version == known.compared.others.get(peer.sharing) or known.version == peer.manifest.compared.others.get(sharing)


def _awaited(waiting: Sequence[Pair], students: "_Students") -> set[str]:
    """Whom students of this roster wait for, and who are not in it."""
    return {token for pair in waiting if pair.kind is Kind.STUDENT for token in (pair.left, pair.right)} - students.places.keys()


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

    def without(self, tokens: Set[str]) -> "_Students":
        """The others."""
        kept = {place: token for place, token in self.tokens.items() if token not in tokens}
        return replace(self, tokens=kept, places={token: place for place, token in kept.items()}) if tokens else self

    def rows(self) -> Iterator[Row]:
        """Each as the matcher takes it, under its token."""
        from firstcard.match import COLUMNS

        names = [name for name in COLUMNS if name not in ("id", "district")]
        for place, values in enumerate(self.roll.select(*names)):
            if token := self.tokens.get(place):
                yield {"id": token, "district": self.district, **dict(zip(names, values, strict=True))}


def _note(tonight: _Tonight, kind: Kind, matched: "Matched") -> None:
    if matched.model.estimated:
        tonight.weights[kind] = asdict(matched.model)


def _terms(tonight: _Tonight, changed: Iterable[str], kind: Kind) -> "Terms":
    """What is to be compared, with which weights, and what people decided."""
    from firstcard.match import Model, Terms

    apart, together = (
        frozenset((pair.left, pair.right) for pair in tonight.decided if pair.kind is kind and pair.answer is answer)
        for answer in (Answer.APART, Answer.SAME)
    )
    kept = tonight.weights.get(kind)
    model = Model.from_plain(kept) if kept else None
    return Terms(memory=MEMORY, model=model, changed=frozenset(changed), apart=apart, together=together)


def _is_same(one: "Decision") -> bool:
    return str(one.answer) == str(Answer.SAME)


def _is_human(one: "Decision") -> bool:
    from firstcard.match.matcher import HUMAN

    return one.evidence == HUMAN


def _line(
    one: "Decision", kind: Kind, matched: "Matched", *, doubt: bool, ils_id: str = "", more: tuple[str, ...] = (), turned: bool = False
) -> PairLine:
    """What goes on record; the student of this roster stands on the left, if only one of the two is."""
    same = _is_same(one) and not doubt
    left, right = (one.right_id, one.left_id) if turned else (one.left_id, one.right_id)
    return PairLine(
        left,
        right,
        kind,
        Answer.SAME if same else Answer.DOUBT,
        one.weight,
        one.evidence,
        (*one.vetoes, *more),
        matched.version,
        ils_id,
    )
