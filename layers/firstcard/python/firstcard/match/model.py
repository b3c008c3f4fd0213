"""What agreement and disagreement are worth, in bits: Fellegi and Sunter's weights, estimated by expectation maximisation.

Fellegi, Sunter: A Theory for Record Linkage, JASA 64 (1969); Winkler: Using the EM algorithm for weight computation (1988). All household fields are one
comparison, and ``m`` is held near sensible defaults as long as there are few pairs, so that a small school gets the defaults and nothing becomes NaN.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from firstcard.match.levels import FIELDS

SMALLEST = 1e-7
"""No level is rarer than this, for matches and for others."""
FEWEST_PAIRS = 2_000
"""Below this many compared pairs the defaults stand: an estimate would be worth less."""
ROUNDS = 30
TRUST = 400.0
"""Pairs that the defaults count for in an estimate."""
POPULATION = 20_000
"""Smaller populations are looked at as a part of one of this size: a name is not rare because a file is short."""

Levels = tuple[float, ...]

_M: Mapping[str, Levels] = {
    "first": (0.85, 0.01, 0.05, 0.025, 0.02, 0.005, 0.015, 0.005, 0.01, 0.01),
    "last": (0.88, 0.05, 0.025, 0.01, 0.005, 0.03),
    "dob": (0.90, 0.008, 0.015, 0.004, 0.006, 0.06, 0.007),
    "middle": (0.42, 0.15, 0.01, 0.40, 0.02),
    "contact": (0.70, 0.12, 0.05, 0.05, 0.08),
    "state": (0.70, 0.28, 0.01, 0.01),
    "suffix": (0.02, 0.955, 0.02, 0.005),
}
"""Among pairs that are one person. Where a field is missing says nothing by itself: such levels weigh 0 whatever stands here."""
_U: Mapping[str, Levels] = {
    "first": (0.004, 0.0005, 0.001, 0.001, 0.002, 0.005, 0.02, 0.000003, 0.01, 0.9565),
    "last": (0.003, 0.003, 0.0008, 0.015, 0.005, 0.97),
    "dob": (0.0002, 0.0001, 0.003, 0.03, 0.002, 0.06, 0.90),
    "middle": (0.006, 0.06, 0.003, 0.40, 0.53),
    "contact": (0.00002, 0.00005, 0.05, 0.05, 0.90),
    "state": (0.0000005, 0.3, 0.7, 0.00005),
    "suffix": (0.001, 0.955, 0.04, 0.004),
}
"""Among pairs picked at random."""

_NEAR: Mapping[str, Levels] = {
    "first": (0.08, 0.0005, 0.005, 0.005, 0.01, 0.01, 0.03, 0.001, 0.0085, 0.85),
    "last": (0.60, 0.03, 0.002, 0.02, 0.008, 0.34),
    "dob": (0.30, 0.005, 0.015, 0.08, 0.01, 0.09, 0.50),
    "middle": (0.01, 0.05, 0.005, 0.40, 0.535),
    "contact": (0.45, 0.15, 0.10, 0.05, 0.25),
    "state": (0.001, 0.3, 0.698, 0.001),
    "suffix": (0.002, 0.955, 0.04, 0.003),
}
"""Among pairs that share a key and are two people: households, namesakes, children of one birthday."""

SILENT: Mapping[str, int | None] = {"first": 8, "last": 4, "dob": 5, "middle": 3, "contact": 3, "state": 1, "suffix": 1}
"""The level of each field that says nothing."""
_HELD = {"first": (8, 9), "last": (4,), "dob": (6,)}
"""Levels of which ``m`` is not estimated: what is hardly ever compared, so that the estimate would drift towards brothers and sisters."""


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of every level of every field, and the chance that two records picked at random are one person.

    ``estimated`` is False where the defaults stand. Holds nothing of any person: it may be kept and handed to later runs, so that unchanged records keep
    their weights.
    """

    m: Mapping[str, Levels] = field(default_factory=lambda: dict(_M))
    u: Mapping[str, Levels] = field(default_factory=lambda: dict(_U))
    chance: float = 0.3 / POPULATION
    estimated: bool = False

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Model":
        """The model that ``dataclasses.asdict`` wrote, after a way through JSON."""
        m, u = ({name: tuple(levels) for name, levels in plain[table].items()} for table in ("m", "u"))
        return cls(m, u, plain["chance"], plain["estimated"])

    def bits(self, name: str, level: int) -> float:
        """The weight of a level; a level that says nothing weighs 0."""
        if level == SILENT[name]:
            return 0.0
        return math.log2(max(self.m[name][level], SMALLEST) / max(self.u[name][level], SMALLEST))

    @property
    def prior(self) -> float:
        """The weight that a pair begins with, below 0."""
        chance = min(max(self.chance, 1e-15), 0.5)
        return math.log2(chance / (1 - chance))


def estimate(
    patterns: Sequence[tuple[tuple[int, ...], int]],
    random: Mapping[str, Sequence[int]],
    pairs_in_all: int,
    most: int,
    *,
    families: bool = True,
) -> Model:
    """A model from compared pairs.

    ``patterns``: levels in the order of ``FIELDS``, with how many pairs have them. ``random``: how often each level stood among random pairs.
    ``pairs_in_all``: how many pairs could have been compared; ``most``: how many can be one person. ``families``: whether brothers and sisters are among them.
    """
    total = sum(count for _, count in patterns)
    if total < FEWEST_PAIRS:
        return Model()
    names = list(FIELDS)
    m = [list(_M[name]) for name in names]
    other = [list(_NEAR[name]) for name in names]
    share = 0.5
    found = 0.0
    for _ in range(ROUNDS):
        sums = [[TRUST * part for part in _M[name]] for name in names]
        rests = [[TRUST * part for part in _NEAR[name]] for name in names]
        found = 0.0
        for levels, count in patterns:
            yes, no = math.log(share), math.log(1 - share)
            for at, level in enumerate(levels):
                if level != SILENT[names[at]]:
                    yes += math.log(max(m[at][level], SMALLEST))
                    no += math.log(max(other[at][level], SMALLEST))
            p = 1 / (1 + math.exp(min(max(no - yes, -500), 500)))
            found += p * count
            for at, level in enumerate(levels):
                sums[at][level] += p * count
                rests[at][level] += (1 - p) * count
        share = min(max(found / total, 1e-6), 1 - 1e-6)
        m = [_held(name, _normal(sums[at])) if families else _normal(sums[at]) for at, name in enumerate(names)]
        other = [_normal(one) for one in rests]
    chance = min(max(found, 1.0), float(most)) / max(pairs_in_all, 1)
    chance = min(chance, 0.5)
    u = {name: _at_random(random[name], _U[name], m[at], chance) for at, name in enumerate(names)} | {"state": _U["state"]}
    model = Model(dict(zip(names, map(tuple, m), strict=True)), u, chance, estimated=True)
    return model if _sane(model) else Model()


def _sane(model: Model) -> bool:
    values = [value for table in (model.m, model.u) for levels in table.values() for value in levels]
    return all(math.isfinite(value) for value in values) and all(model.m[name][0] >= 0.4 for name in ("first", "last", "dob"))


def _held(name: str, levels: list[float]) -> list[float]:
    """The estimate with the held levels at their defaults, the others sharing the rest."""
    held = _HELD.get(name, ())
    free = sum(part for at, part in enumerate(levels) if at not in held) or 1.0
    rest = 1 - sum(_M[name][at] for at in held)
    return [_M[name][at] if at in held else part / free * rest for at, part in enumerate(levels)]


def _at_random(counts: Sequence[int], default: Levels, m: Sequence[float], chance: float) -> Levels:
    """``u`` from random pairs, less those that are one person by ``chance``; no level falls under a third of its default."""
    total = sum(counts) + 2_000.0
    shares = [(count + 2_000.0 * part) / total for count, part in zip(counts, default, strict=True)]
    return tuple(_normal([max(share - chance * one, part / 3) for share, one, part in zip(shares, m, default, strict=True)]))


def _normal(counts: list[float]) -> list[float]:
    total = math.fsum(counts) or 1.0
    return [one / total for one in counts]
