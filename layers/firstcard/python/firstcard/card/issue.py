"""Issuing: the replay of one chunk, safe to repeat, right when a no arrives in the middle."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from firstcard.card.chunk import Chunk, Decision, PatronLine
from firstcard.card.claim import Claim, Unnumbered, claims_of
from firstcard.card.fallout import Became, FellOut, became, why_not
from firstcard.card.pair import Answer, Pair, after_said, of_line
from firstcard.card.patron import Ownership, Patron, Stamp, State, after_line, refuse
from firstcard.card.view import TakenBack, Yes


@dataclass(frozen=True, slots=True)
class Standing:
    """What the table says of some patrons at one moment, read consistently."""

    patrons: Mapping[str, Patron]
    refused: Collection[str]
    taken_back: Mapping[str, TakenBack] = field(default_factory=dict)
    """Those whose last no was taken back."""


class Cards(Protocol):
    """The cards table as issue needs it."""

    def standing(self, tokens: Sequence[str]) -> Standing:
        """Patrons and refusals of ``tokens``, consistently read."""

    def refusals(self, tokens: Sequence[str]) -> Collection[str]:
        """Those of ``tokens`` that a suppression stands for, consistently read."""

    def record_refusals(self, tokens: Sequence[str], *, by: str, stamp: Stamp) -> None:
        """Write suppressions; one that holds already stays as it is, and one that was taken back after the stamp's time stays taken back."""

    def close_letters(self, tokens: Sequence[str]) -> None:
        """Let letters that went home about these count no more."""

    def take_up(self, moments: Mapping[str, str]) -> None:
        """Write that patrons whose no was taken back (by token, when) are there again: no later roster need look for them."""

    def claim_numbers(self, claims: Sequence[Claim]) -> Collection[str]:
        """Claim each number (a card token) for its patron unless it is somebody else's; gives those that are. A claim of one's own may be made again. What opens a patron that moves with its number is there before."""

    def leave_without_number(self, people: Sequence[Unnumbered]) -> None:
        """Write down, in bulk, who got no card because of the number."""

    def note(self, chunk: Chunk, said: Became) -> None:
        """Write down what became of the chunk's lines, in the place of what was written before."""

    def add(self, chunk: Chunk, patrons: Sequence[Patron]) -> None:
        """Write the chunk's envelope, then new patrons in bulk: they have no earlier version."""

    def record_yeses(self, yeses: Sequence[Yes]) -> None:
        """Write what families said yes to, each unless one under the same agreement is there already."""

    def tell(self, chunk: Chunk) -> None:
        """Write the chunk's households in bulk; that makes them heard of."""

    def change(self, patron: Patron) -> bool:
        """Write ``patron`` if its earlier version is still ``patron.version - 1``; whether it was."""

    def pairs(self, ids: Sequence[str]) -> Mapping[str, Pair]:
        """The pairs on record by their ids, consistently read."""

    def add_pairs(self, pairs: Sequence[Pair]) -> None:
        """Write pairs that are not on record, in bulk."""

    def change_pair(self, pair: Pair) -> bool:
        """Write ``pair`` unless a person has decided on it meanwhile; whether it was written."""


class CrowdedError(Exception):
    """Another writer changed the same patron again and again; the chunk is tried again."""


PAIRS_AT_ONCE = 100
"""Pairs that are put on record under one moment: what a person was shown before it is told from what came after."""


def issue_chunk(chunk: Chunk, cards: Cards, *, now: Callable[[], str] | None = None) -> Counter[str]:
    """Replay one chunk and count what was written. ``now`` is the clock (ISO 8601, UTC) of what comes on record; without it that is the chunk's time.

    A bulk write has no conditions, so it is used for tokens without an item only. A family's no writes its suppression first and then looks for the
    patron; this writes the patron first and then looks for suppressions: whichever comes second sees the other. Data keys are there before what they
    open, and households come last: whoever hears of one finds its members as they are to be. No link is made that a person spoke against since the plan was
    made; who speaks after this reading is heard by the next plan. A number that another district may give at this very moment is claimed before its patron can be seen.
    """
    counts: Counter[str] = Counter()
    refusals = [p.token for p in chunk.patrons if p.decision is Decision.REFUSE]
    if refusals:
        stamp = Stamp(chunk.sharing, chunk.agreement, chunk.library, chunk.district, chunk.run_id, chunk.at)
        cards.record_refusals(refusals, by="roster", stamp=stamp)
    tokens = [p.token for p in chunk.patrons]
    standing = cards.standing(tokens)
    apart = _apart(chunk, cards)
    new: list[Patron] = []
    changed: list[tuple[Patron, Rule]] = []
    reason: dict[str, Reason] = {}
    fallen: dict[str, FellOut] = {}
    for line in chunk.patrons:
        rule = partial(_by_line, line=line, chunk=chunk, apart=line.token in apart)
        reason[line.token] = partial(_why_not, line=line, chunk=chunk, apart=line.token in apart)
        before = standing.patrons.get(line.token)
        after = rule(before, standing, line.token)
        if said := reason[line.token](before, standing, line.token):
            fallen[line.token] = said
        if after is None:
            counts["unchanged"] += 1
        elif before is None:
            new.append(after)
            counts["new"] += 1
        else:
            changed.append((after, rule))
            counts["changed"] += 1
    again = {line.token: line.taken_back for line in chunk.patrons if line.taken_back}
    instead = {line.token for line in chunk.patrons if line.decision is Decision.REPLACE or line.moved_from} | again.keys()
    instead |= {after.token for after, _ in changed if after.card_token != standing.patrons[after.token].card_token}
    lost = _without_number([*new, *(after for after, _ in changed if after.token in instead)], chunk, cards)
    lost |= _without_card([line for line in chunk.patrons if line.claimed and not line.moved_from], standing, chunk, cards)
    fallen = dict.fromkeys(lost, FellOut.NUMBER_TAKEN) | fallen
    if lost:
        counts["unnumbered"] += len(lost)
        counts["new"] -= sum(patron.token in lost for patron in new)
        counts["changed"] -= sum(after.token in lost for after, _ in changed)
        new = [patron for patron in new if patron.token not in lost]
        changed = [one for one in changed if one[0].token not in lost]
    back = [after.token for after, _ in changed if after.token in again]
    # Who is there already, by a run that was broken off, may have had a letter since.
    if anew := [token for token in back if standing.patrons[token].state is State.REFUSED]:
        cards.close_letters(anew)
    cards.add(chunk, new)
    for wanted, its_rule in changed:
        if now_is := _change(wanted, cards, its_rule):
            token = wanted.token
            said = reason[token](now_is.patrons.get(token), now_is, token)
            fallen = {**fallen, token: said} if said else {t: why for t, why in fallen.items() if t != token}
    _take_up(again, cards)
    late = cards.standing(list(cards.refusals([*(p.token for p in new), *back])))
    for token in late.refused:
        rule = partial(_by_refusal, chunk=chunk)
        after = rule(late.patrons.get(token), late, token)
        if after:
            _change(after, cards, rule)
            counts["refused"] += 1
        fallen[token] = FellOut.REFUSED
    _record_yeses(chunk, cards, standing)
    _record_pairs(chunk, cards, now)
    cards.tell(chunk)
    cards.note(chunk, became(chunk.patrons, fallen))
    return counts


def _apart(chunk: Chunk, cards: Cards) -> Collection[str]:
    """Those whose line has a link that a person spoke against, by token."""
    asked = {line.pair: line.token for line in chunk.patrons if line.pair}
    known = cards.pairs(list(asked)) if asked else {}
    return {asked[one] for one, pair in known.items() if pair.answer is Answer.APART}


def _without_number(given: Sequence[Patron], chunk: Chunk, cards: Cards) -> set[str]:
    """Those whose number is another person's, by token: it is written down that they got no card. The others' numbers are theirs for good."""
    made = {p.token for p in chunk.patrons if p.claimed}
    given = [p for p in given if p.token in made and p.ownership is Ownership.CREATED_BY_US]
    claims = claims_of(given)
    if not claims:
        return set()
    if any(claim.moved for claim in claims):
        cards.add(chunk, ())  # the envelope: a patron that moves is written with its number
    taken = cards.claim_numbers(claims)
    owners = {claim.number: claim.token for claim in claims if claim.number not in taken}
    lost = {p.token: p for p in given if owners.get(p.card_token) != p.token}
    if lost:
        cards.leave_without_number([Unnumbered(p.token, p.stamp) for p in lost.values()])
    return set(lost)


def _record_yeses(chunk: Chunk, cards: Cards, before: Standing) -> None:
    """Put on record who said yes to the district; of who said no, nothing: any one no counts. It lets those wait no longer who have had no card."""
    stamp = Stamp(chunk.sharing, chunk.agreement, chunk.library, chunk.district, chunk.run_id, chunk.at)
    said = [
        Yes(p.token, "roster", p.consented, stamp, chunk.sharing) for p in chunk.patrons if p.consented and p.token not in before.refused
    ]
    back = before.taken_back
    said = [replace(y, void_until=back[y.token].at if y.token in back else "") for y in said if y.counts(back.get(y.token))]
    if said:
        cards.record_yeses(said)


def _take_up(again: Mapping[str, str], cards: Cards) -> None:
    """Put on record who is there again after a no that was taken back, those too whom an earlier try of this chunk has brought back."""
    if not again:
        return
    now = cards.standing(list(again))
    there = {token for token, patron in now.patrons.items() if patron.state is not State.REFUSED}
    cards.take_up({token: moment for token, moment in again.items() if token in there})


def _without_card(lines: Sequence[PatronLine], standing: Standing, chunk: Chunk, cards: Cards) -> set[str]:
    """Those whose card moved to another patron since the plan, by token: it is written down that they got none."""
    gone = [line.token for line in lines if (before := standing.patrons.get(line.token)) and before.moved_to]
    if gone:
        stamp = Stamp(chunk.sharing, chunk.agreement, chunk.library, chunk.district, chunk.run_id, chunk.at)
        cards.leave_without_number([Unnumbered(token, stamp) for token in gone])
    return set(gone)


def _record_pairs(chunk: Chunk, cards: Cards, now: Callable[[], str] | None) -> None:
    """Put on record what the matcher said. Only issue makes pairs, one run of a district at a time; a person's decision beats it."""
    for begin in range(0, len(chunk.pairs), PAIRS_AT_ONCE):
        at = now() if now else chunk.at
        said = [of_line(line, chunk, recorded_at=at) for line in chunk.pairs[begin : begin + PAIRS_AT_ONCE]]
        known = cards.pairs([pair.id for pair in said])
        cards.add_pairs([pair for pair in said if pair.id not in known])
        for pair in said:
            if (before := known.get(pair.id)) and (after := after_said(before, pair)):
                cards.change_pair(after)


Rule = Callable[[Patron | None, Standing, str], Patron | None]
Reason = Callable[[Patron | None, Standing, str], FellOut | None]


def _why_not(before: Patron | None, now: Standing, token: str, *, line: PatronLine, chunk: Chunk, apart: bool) -> FellOut | None:
    back = now.taken_back.get(token)
    return why_not(before, line, chunk, refused=token in now.refused, apart=apart, taken_back=back.at if back else "")


def _by_line(before: Patron | None, now: Standing, token: str, *, line: PatronLine, chunk: Chunk, apart: bool) -> Patron | None:
    back = now.taken_back.get(token)
    return after_line(before, line, chunk, refused=token in now.refused, apart=apart, taken_back=back.at if back else "")


def _by_refusal(before: Patron | None, _: Standing, __: str, *, chunk: Chunk) -> Patron | None:
    return refuse(before, run_id=chunk.run_id, at=chunk.at) if before and before.state is not State.REFUSED else None


def _change(after: Patron, cards: Cards, rule: Rule) -> Standing | None:
    """Write the patron, or what the rule makes of what another writer made of it meanwhile; gives what was read anew then."""
    wanted: Patron | None = after
    now: Standing | None = None
    for _ in range(5):
        if wanted is None or cards.change(wanted):
            return now
        now = cards.standing([after.token])
        wanted = rule(now.patrons.get(after.token), now, after.token)
    raise CrowdedError
