"""The chunk: part of a plan as an object that issue replays, byte for byte, as often as it must."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from firstcard.vault import Envelope


class Decision(StrEnum):
    """What the plan decided for one patron; ``replace`` is a card, or a link, in place of a link that a person found to be wrong."""

    ISSUE = "issue"
    WAIT = "wait"
    LINK = "link"
    REPLACE = "replace"
    UPDATE = "update"
    RENEW = "renew"
    EXPIRE = "expire"
    REFUSE = "refuse"
    NOTHING = "nothing"


IN_DOUBT = "in_doubt"
"""The word under which a plan counts students who wait until it is certain whether they have a card already; they have no line."""

STILL, CHANGED = "still_", "changed_"
"""Before one of these words: who stood so in the last roster as well, with the same row or a changed one."""
SERVED = "served"
"""The word under which a plan counts students who get no card because they have one as students of another district; they have no line."""


@dataclass(frozen=True, slots=True)
class PatronLine:
    """One patron's decision with everything that issue stores, already sealed.

    ``ils_id`` is the ILS's own id of a patron that was there before, whose card is to serve as this one's: such a line has neither number nor PIN, and ``pair``
    is the id of what is on record of the two. ``mistaken`` is the ILS's own id of the patron whose card it has now and is not to have any longer. ``separate`` says
    that a person set the student apart from a patron of the library who is like it. ``claimed`` says that the number is made of what people send, so that it may be another
    person's already: it is given only if it can be claimed. ``moved_from`` is the patron whose card this was: the same child as a student of another district, or under another id.
    ``consented`` is the day (ISO 8601) on which the family said yes to the district, where a yes is needed. ``taken_back`` is when the child's no was taken back (ISO 8601),
    as the plan saw it: such a line takes a refused patron up again, and no other does.
    ``told`` is as what the plan counts the line, where that is not its decision.
    """

    decision: Decision
    token: str
    role: str
    household: str = ""
    card_token: str = ""
    fingerprint: str = ""
    sealed: Mapping[str, bytes] | None = None
    ils_id: str = ""
    pair: str = ""
    mistaken: str = ""
    separate: bool = False
    claimed: bool = False
    moved_from: str = ""
    consented: str = ""
    taken_back: str = ""
    told: str = ""

    @property
    def counted(self) -> str:
        """As what the plan counts it."""
        return self.told or str(self.decision)


@dataclass(frozen=True, slots=True)
class HouseholdLine:
    """One household: its children (or the member of staff), its sealed contact data, and which of them this run announces."""

    household: str
    kind: str
    children: tuple[str, ...]
    announce: tuple[str, ...]
    sealed: bytes


@dataclass(frozen=True, slots=True)
class PairLine:
    """What the matcher said of a student (``left``, a token) and somebody else (``right``); card/pair.py says what the words mean.

    ``sealed`` is what a person is shown of a student who waits and is nowhere else on record, by token and field group.
    """

    left: str
    right: str
    kind: str
    answer: str
    weight: float
    evidence: str
    vetoes: tuple[str, ...]
    rules: str
    ils_id: str = ""
    sealed: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one call of issue replays. ``at`` is the run's time (ISO 8601, UTC); ``object`` names the chunk in encryption contexts."""

    object: str
    sharing: str
    agreement: str
    library: str
    district: str
    run_id: str
    at: str
    envelope: Envelope
    patrons: tuple[PatronLine, ...]
    households: tuple[HouseholdLine, ...]
    pairs: tuple[PairLine, ...] = ()

    def to_bytes(self) -> bytes:
        """JSON lines: a header, the patrons, the households, the pairs."""
        head = {
            "v": 1,
            "object": self.object,
            "sharing": self.sharing,
            "agreement": self.agreement,
            "library": self.library,
            "district": self.district,
            "run_id": self.run_id,
            "at": self.at,
            "keys": {g: {p: _text(k) for p, k in ps.items()} for g, ps in self.envelope.keys.items()},
        }
        lines = [_line(head)]
        lines += [
            _line(
                {
                    "k": "patron",
                    "d": p.decision,
                    "t": p.token,
                    "r": p.role,
                    "h": p.household,
                    "c": p.card_token,
                    "f": p.fingerprint,
                    "s": {g: _text(b) for g, b in (p.sealed or {}).items()},
                    **{key: value for key, value in (("x", p.ils_id), ("p", p.pair), ("m", p.mistaken), ("a", p.separate)) if value},
                    **({"n": 1} if p.claimed else {}),
                    **({"o": p.moved_from} if p.moved_from else {}),
                    **({"y": p.consented} if p.consented else {}),
                    **({"b": p.taken_back} if p.taken_back else {}),
                    **({"u": p.told} if p.told else {}),
                }
            )
            for p in self.patrons
        ]
        lines += [
            _line(
                {"k": "household", "h": h.household, "kind": h.kind, "children": h.children, "announce": h.announce, "s": _text(h.sealed)}
            )
            for h in self.households
        ]
        lines += [
            _line(
                {
                    "k": "pair",
                    "l": p.left,
                    "r": p.right,
                    "kind": p.kind,
                    "a": p.answer,
                    "w": p.weight,
                    "e": p.evidence,
                    "v": p.vetoes,
                    "rules": p.rules,
                    "i": p.ils_id,
                    "s": {token: {g: _text(b) for g, b in groups.items()} for token, groups in p.sealed.items()},
                }
            )
            for p in self.pairs
        ]
        return b"".join(lines)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Chunk":
        """The chunk as plan wrote it."""
        rows = [json.loads(line) for line in data.splitlines()]
        head = rows[0]
        envelope = Envelope(head["object"], head["sharing"], {g: {p: _bytes(k) for p, k in ps.items()} for g, ps in head["keys"].items()})
        return cls(
            object=head["object"],
            sharing=head["sharing"],
            agreement=head["agreement"],
            library=head["library"],
            district=head["district"],
            run_id=head["run_id"],
            at=head["at"],
            envelope=envelope,
            patrons=tuple(
                PatronLine(
                    Decision(r["d"]),
                    r["t"],
                    r["r"],
                    r["h"],
                    r["c"],
                    r["f"],
                    {g: _bytes(b) for g, b in r["s"].items()},
                    r.get("x", ""),
                    r.get("p", ""),
                    r.get("m", ""),
                    r.get("a", False),
                    bool(r.get("n")),
                    r.get("o", ""),
                    r.get("y", ""),
                    r.get("b", ""),
                    r.get("u", ""),
                )
                for r in rows[1:]
                if r["k"] == "patron"
            ),
            households=tuple(
                HouseholdLine(r["h"], r["kind"], tuple(r["children"]), tuple(r["announce"]), _bytes(r["s"]))
                for r in rows[1:]
                if r["k"] == "household"
            ),
            pairs=tuple(
                PairLine(
                    left=r["l"],
                    right=r["r"],
                    kind=r["kind"],
                    answer=r["a"],
                    weight=r["w"],
                    evidence=r["e"],
                    vetoes=tuple(r["v"]),
                    rules=r["rules"],
                    ils_id=r["i"],
                    sealed={token: {g: _bytes(b) for g, b in groups.items()} for token, groups in r["s"].items()},
                )
                for r in rows[1:]
                if r["k"] == "pair"
            ),
        )


def _line(row: Mapping[str, object]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
