"""Settling doubtful matches: what waits at a library, why two records were put together or set apart, and a person's decision.

Of a student a person sees names and birth date; of everything else only whether it agrees. The other side is named by the ILS's own id, under which the
library finds it in its own system; another student is shown as the first one is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from firstcard.agreement.vocabulary import Group
from firstcard.card.chunk import Chunk
from firstcard.card.issue import Standing
from firstcard.card.pair import MACHINE, Answer, Kind, Pair, decided
from firstcard.card.patron import Patron, State
from firstcard.vault import Envelope, VaultClosedError
from firstcard.vault.seal import Opener

SHOWN = ("first_name", "middle_name", "last_name", "suffix", "preferred_name", "birth_date")
DECISIONS = {"same": Answer.SAME, "apart": Answer.APART}
AT_ONCE = 200
"""Pairs that are listed, or decided on in one call."""
SETTLED_AFTER = timedelta(seconds=5)
"""What came on record so lately may not be in the index yet: a list is as of a moment before that."""


class PairStore(Protocol):
    """The cards table as settling needs it."""

    def pairs(self, ids: Sequence[str]) -> Mapping[str, Pair]:
        """Pairs by their ids."""
        ...

    def waiting_pairs(self, library: str) -> Iterable[Pair]:
        """Pairs that wait for a person, oldest first."""
        ...

    def together_pairs(self, library: str) -> Iterable[Pair]:
        """Pairs that the machine put together, oldest first."""
        ...

    def decide_pair(self, pair: Pair, *, was_by: str) -> bool:
        """Write a person's decision if nobody has decided since."""
        ...

    def standing(self, tokens: Sequence[str]) -> Standing:
        """Patrons by their tokens."""
        ...

    def envelopes(self, objects: Sequence[str]) -> Mapping[str, Envelope]:
        """Wrapped data keys by object."""
        ...


@dataclass(frozen=True, slots=True)
class Settler:
    """Works for one person (``by``) at one library, at one moment."""

    store: PairStore
    library: str
    by: str
    now: datetime
    chunk_of: Callable[[Pair], Chunk | None]
    """The chunk of a plan that has what is shown of a student who waits; None where it is gone."""

    def waiting(self, *, evidence_class: str = "", most: int = AT_ONCE, as_of: datetime | None = None) -> dict[str, Any]:
        """What waits, oldest first: ``pairs``, and over all of them ``classes`` with their counts; nothing is opened.

        All is as of the moment ``as_of``: what came, or changed, after it is left out, so that what is decided by that moment is what was shown.
        """
        moment = (as_of or self.now - SETTLED_AFTER).isoformat()
        shown: list[dict[str, Any]] = []
        classes: Counter[str] = Counter()
        for pair in self._waiting_at(moment):
            classes[pair.evidence_class] += 1
            if len(shown) < most and evidence_class in ("", pair.evidence_class):
                shown.append(plain(pair))
        return {"as_of": moment, "pairs": shown, "classes": dict(classes.most_common()), "waiting": classes.total()}

    def together(self, *, ils_id: str = "", most: int = AT_ONCE) -> dict[str, Any]:
        """What the machine put together, oldest first, or with one patron of the ILS alone; nothing is opened."""
        found = (pair for pair in self.store.together_pairs(self.library) if ils_id in ("", pair.ils_id))
        return {"pairs": [plain(pair) for pair in islice(found, most)]}

    def show(self, pair_id: str, opener: Opener) -> dict[str, Any]:
        """One pair with both sides; ``error`` where there is none or it may not be opened."""
        pair = self._found([pair_id]).get(pair_id)
        if pair is None:
            return {"error": "no_such_match"}
        try:
            students = [pair.left] if pair.kind is Kind.PATRON else [pair.left, pair.right]
            patrons = self.store.standing(students).patrons
            waiting = self._waiting(pair, opener)
            sides = self._students(students, patrons, opener) | waiting
        except VaultClosedError:
            return {"error": "closed"}
        districts = {
            token: patrons[token].district if token in patrons else pair.stamp.district
            for token in students
            if token in {*patrons, *waiting}
        }
        return {
            "pair": plain(pair),
            "student": sides.get(pair.left),
            "other": {"ils_id": pair.ils_id} if pair.ils_id else sides.get(pair.right),
            **({"districts": [districts[pair.left], districts[pair.right]]} if len(set(districts.values())) > 1 else {}),
        }

    def decide(self, answer: str, *, ids: Sequence[str] = (), evidence_class: str = "", as_of: datetime | None = None) -> dict[str, Any]:
        """Decide on these pairs, or on all of one class that waited at the moment ``as_of``, ``AT_ONCE`` a call; ``left`` tells how many of those are left."""
        if ids:
            wanted = list(self._found(ids).values())
        else:
            moment = (as_of or self.now - SETTLED_AFTER).isoformat()
            wanted = [pair for pair in self._waiting_at(moment) if pair.evidence_class == evidence_class]
        done: list[str] = []
        late: list[str] = []
        for pair in wanted[:AT_ONCE]:
            if pair.by != MACHINE:
                late.append(pair.id)
                continue
            after = decided(pair, DECISIONS[answer], by=self.by, at=self.now.isoformat())
            (done if self.store.decide_pair(after, was_by=pair.by) else late).append(pair.id)
        found = {pair.id for pair in wanted}
        return {"decided": done, "late": late, "unknown": [one for one in ids if one not in found], "left": max(0, len(wanted) - AT_ONCE)}

    def _waiting_at(self, moment: str) -> Iterator[Pair]:
        """What waits and stood at a moment as it stands now. Of a child that said no it is of no matter whether it is a patron."""
        stood = (pair for pair in self.store.waiting_pairs(self.library) if pair.shown_since <= moment)
        while page := list(islice(stood, AT_ONCE)):
            standing = self.store.standing(sorted({token for pair in page for token in (pair.left, pair.right)}))
            noes = {token for token, patron in standing.patrons.items() if patron.state is State.REFUSED} | {*standing.refused}
            yield from (pair for pair in page if pair.kind is not Kind.PATRON or pair.left not in noes)

    def _found(self, ids: Sequence[str]) -> dict[str, Pair]:
        """Those pairs that are of this library: another one's do not exist here."""
        return {one: pair for one, pair in self.store.pairs(ids).items() if pair.stamp.library == self.library}

    def _waiting(self, pair: Pair, opener: Opener) -> dict[str, dict[str, str] | None]:
        """What is shown of the students of a pair who wait, and stand in no other place than the plan's chunk."""
        chunk = self.chunk_of(pair) if pair.shown_in else None
        lines = [line for line in chunk.pairs if (line.left, line.right) == (pair.left, pair.right)] if chunk else []
        shown: dict[str, dict[str, str] | None] = {}
        for token, groups in ((token, groups) for line in lines for token, groups in line.sealed.items()):
            assert chunk is not None
            fields = {
                name: value
                for group, sealed in groups.items()
                for name, value in opener.open(chunk.envelope, token, Group(group), sealed).items()
            }
            shown[token] = {name: fields[name] for name in SHOWN if fields.get(name)} or None
        return shown

    def _students(self, tokens: Sequence[str], patrons: Mapping[str, Patron], opener: Opener) -> dict[str, dict[str, str] | None]:
        """What is shown of each student; None of whom nothing is kept, because the child said no or got no card."""
        envelopes = self.store.envelopes(sorted({one for patron in patrons.values() for one in patron.envelopes.values()}))
        shown: dict[str, dict[str, str] | None] = dict.fromkeys(tokens)
        for token, patron in patrons.items():
            fields: dict[str, str] = {}
            for group in (Group.IDENTITY, Group.AGE):
                if group in patron.sealed and (envelope := envelopes.get(patron.envelopes[group])):
                    fields |= opener.open(envelope, token, group, patron.sealed[group])
            shown[token] = {name: fields[name] for name in SHOWN if fields.get(name)} or None
        return shown


def plain(pair: Pair) -> dict[str, Any]:
    """A pair as plain data: ids, levels and codes."""
    return {
        "match": pair.id,
        "district": pair.stamp.district,
        "since": pair.since,
        "kind": str(pair.kind),
        "answer": str(pair.answer),
        "by": pair.by,
        "decided_at": pair.decided_at,
        "weight": pair.weight,
        "evidence": dict(part.split("=", 1) for part in pair.evidence.split(";") if "=" in part),
        "vetoes": list(pair.stirred or pair.vetoes),
        "class": pair.evidence_class,
        "ils_id": pair.ils_id,
    }
