"""What is known of a district's last roster: tokens, fingerprints and households, and nothing that names anybody."""

import gzip
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from firstcard.card.traits import UNKNOWN, Traits


@dataclass(frozen=True, slots=True)
class Known:
    """One patron of the last applied roster: row fingerprint, household token (empty without an address), whether the row said no, whether it is staff.

    ``terms`` is a digest of what the agreement made of the row (last day, type, branch), empty where it is not known. ``traits`` are by what it shows that the id stands for another person now.
    ``place`` has the digests of a student's school and, where cards are handed out, homeroom; none of somebody who said no.
    """

    fingerprint: str
    household: str = ""
    refused: bool = False
    staff: bool = False
    traits: Traits = UNKNOWN
    terms: str = ""
    place: str = ""

    @property
    def school(self) -> str:
        """The digest of the school alone."""
        return self.place.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Compared:
    """What the students of a roster were compared with, and what came of it.

    ``rules`` is the version of the matching rules. ``others`` are other districts' agreements with the library, each with the version of that one's manifest: everybody of the
    one was compared with everybody of the other. ``students`` is the vault's key of these students as other districts' are compared with them, empty where
    none are kept. ``served`` are students who got no card because another district's student is the same child, by token that one's; ``awaits`` those who wait because it may be.
    ``aside`` are all who ever stood in a roster and had no card of their own (served, in doubt, a child's second row): fingerprint of the row and traits, as texts. ``void``
    says of whose tokens nothing counts that a person decided until then (ISO 8601): the id stands for another child since. ``linked`` are those whose family's card serves, by token that patron's. ``weights`` are what agreement of a field is worth (students with each other, and with
    patrons), as they were estimated when many were compared: the few of a night are weighed with these.
    """

    rules: str = ""
    others: Mapping[str, int] = field(default_factory=dict)
    students: str = ""
    served: Mapping[str, str] = field(default_factory=dict)
    awaits: Mapping[str, str] = field(default_factory=dict)
    aside: Mapping[str, Sequence[str]] = field(default_factory=dict)
    void: Mapping[str, str] = field(default_factory=dict)
    linked: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, Any] = field(default_factory=dict)


NOT_COMPARED = Compared()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last applied roster of one data-sharing agreement.

    ``version`` counts applied rosters; 0 means none yet. ``content`` is the SHA-256 of the roster's plaintext. ``households`` maps a household's token
    to the fingerprint of its contact data. ``unplaced`` is how many rows of nobody knows whom the roster had: more of them another night may be people
    who are known here. ``left`` are the traits of those who were in an earlier roster: the card waits for them, and for nobody else who gets their id.
    ``dated`` is the day in the file's name (ISO 8601), empty if there was none.
    ``under`` is a digest of the agreement, ``rollout`` one of what it says about who gets a card; empty where they are not known. ``pilot`` says that a few cards alone were made, to be tried.
    ``twice`` are those of whom another row got the card, by their token that one's: a night in which the other row cannot be read gives them none.
    ``comes_of_age`` is the next day (ISO 8601) on which one of its students turns 18, or has a birthday that the agreement names: from then on the same roster means something else. Empty if there is none.
    ``agreement`` is the id of the agreement that it was applied under, empty where that is not known.
    ``vacated`` are households (tokens) that were in an earlier roster and are in this one no more: somebody has another address, or left.
    ``id_lengths`` counts the ids of the roster by role and length; a manifest from before these were kept has none, which means unknown.
    """

    version: int = 0
    content: str = ""
    patrons: Mapping[str, Known] = field(default_factory=dict)
    households: Mapping[str, str] = field(default_factory=dict)
    unplaced: int = 0
    left: Mapping[str, Traits] = field(default_factory=dict)
    id_lengths: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    dated: str = ""
    twice: Mapping[str, str] = field(default_factory=dict)
    compared: Compared = NOT_COMPARED
    under: str = ""
    rollout: str = ""
    pilot: bool = False
    comes_of_age: str = ""
    agreement: str = ""
    vacated: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Gzipped JSON with a fixed time stamp: equal manifests are equal bytes."""
        body = {
            "v": 1,
            "version": self.version,
            "content": self.content,
            "patrons": {
                t: [
                    f"{k.fingerprint}.{k.terms}" if k.terms else k.fingerprint,
                    k.household,
                    int(k.refused),
                    int(k.staff),
                    *_written(k.traits),
                ]
                for t, k in sorted(self.patrons.items())
            },
            **({"places": [k.place for _, k in sorted(self.patrons.items())]} if any(k.place for k in self.patrons.values()) else {}),
            "households": dict(sorted(self.households.items())),
            "unplaced": self.unplaced,
            "left": {t: _written(traits) for t, traits in sorted(self.left.items())},
            "id_lengths": {role: dict(sorted(counts.items())) for role, counts in sorted(self.id_lengths.items())},
            "dated": self.dated,
            "twice": dict(sorted(self.twice.items())),
            "compared": asdict(self.compared),
            "under": self.under,
            "rollout": self.rollout,
            "pilot": self.pilot,
            "comes_of_age": self.comes_of_age,
            "agreement": self.agreement,
            **({"vacated": sorted(self.vacated)} if self.vacated else {}),
        }
        return gzip.compress(json.dumps(body, separators=(",", ":"), sort_keys=True).encode(), compresslevel=3, mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """The manifest as it was written."""
        body = json.loads(gzip.decompress(data))
        patrons = {t: _known(*row) for t, row in body["patrons"].items()}
        if places := body.get("places"):
            patrons = {t: replace(known, place=place) for (t, known), place in zip(patrons.items(), places, strict=True)}
        return cls(
            version=body["version"],
            content=body["content"],
            patrons=patrons,
            households=body["households"],
            unplaced=body["unplaced"],
            left={t: _read(traits) for t, traits in body.get("left", {}).items()},
            id_lengths={role: {int(n): count for n, count in counts.items()} for role, counts in body.get("id_lengths", {}).items()},
            dated=body.get("dated", ""),
            twice=body.get("twice", {}),
            compared=_compared(body.get("compared", {})),
            under=body.get("under", ""),
            rollout=body.get("rollout", ""),
            pilot=body.get("pilot", False),
            comes_of_age=body.get("comes_of_age", ""),
            agreement=body.get("agreement", ""),
            vacated=tuple(body.get("vacated", ())),
        )


def _compared(written: Mapping[str, Any]) -> Compared:
    """What is understood of it: a later version may have written more."""
    names = {one.name for one in fields(Compared)}
    return Compared(**{name: value for name, value in written.items() if name in names})


def _known(fingerprint: str, household: str, refused: int = 0, staff: int = 0, *traits: str) -> Known:
    print_, _, terms = fingerprint.partition(".")
    return Known(print_, household, bool(refused), bool(staff), _read(traits), terms)


def _written(traits: Traits) -> list[str]:
    """Names and birth dates, each kind as one text; nothing at all where nothing is known."""
    return [" ".join(traits.names), " ".join(traits.births)] if traits else []


def _read(written: Sequence[str]) -> Traits:
    return Traits(tuple(written[0].split()), tuple(written[1].split())) if written else UNKNOWN


def without(manifest: Manifest, tokens: Collection[str]) -> Manifest:
    """The manifest as if these had been gone for a while: they are new again, and their id is still nobody else's."""
    there = {token: manifest.patrons[token].traits for token in tokens if token in manifest.patrons}
    patrons = {token: known for token, known in manifest.patrons.items() if token not in there}
    return replace(manifest, patrons=patrons, left={**manifest.left, **there})


def half_applied(known: Manifest, planned: Manifest) -> Manifest:
    """The manifest after a plan that was begun and never ended: of everybody whom it touched it is not known what was done.

    Their fingerprints are empty, so that the next roster compares them anew: whoever is in it is written again, whoever is not in it is ended. Their
    traits are those of before and after: the next row may show either.
    """
    patrons = {}
    for token in known.patrons.keys() | planned.patrons.keys():
        before, after = known.patrons.get(token), planned.patrons.get(token)
        either = after or before
        assert either is not None, "the token is in one of the two"
        traits = either.traits | (before.traits if before else known.left.get(token, UNKNOWN))
        patrons[token] = (
            either if before == after else Known("", either.household, either.refused, either.staff, traits, place=either.place)
        )
    households = {h: contact for h, contact in known.households.items() if planned.households.get(h) == contact}
    left = {t: traits for t, traits in {**known.left, **planned.left}.items() if t not in patrons}
    # Nobody knows who of the two has a card now: the next roster is compared with everybody.
    linked = {**known.compared.linked, **planned.compared.linked}
    compared = replace(planned.compared, rules=known.compared.rules, others={}, linked=linked)
    return Manifest(
        known.version + 1,
        "",
        patrons,
        households,
        known.unplaced,
        left,
        planned.id_lengths,
        known.dated,
        {**known.twice, **planned.twice},
        compared,
        rollout=known.rollout,
        pilot=planned.pilot,
        agreement=known.agreement,
        vacated=tuple(sorted({*known.households, *known.vacated, *planned.households, *planned.vacated} - households.keys())),
    )
