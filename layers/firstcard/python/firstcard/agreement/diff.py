"""What a change of an agreement changes: access, fields, retention, thresholds, everything else."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from firstcard.agreement.lines import Plain
from firstcard.agreement.model import Agreement

LONGEST_SHOWN = 90
KEEPS_THE_ROSTER = "exchange.deltas"
"""The clause under which the rows of the last roster are kept."""

MAKES_PINS = "card.pin.scheme"
"""The clause by which a PIN is random, or what many know."""

SHOWS_PINS = "card.pin.page"
"""The clause under which a family is shown a PIN."""

Effect: TypeAlias = Literal["wider", "narrower", "other"]


class Section(StrEnum):
    """What kind of clause a change touches, in the order in which a reader wants them."""

    ACCESS = "access"
    FIELDS = "fields"
    RETENTION = "retention"
    THRESHOLDS = "thresholds"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``effect`` says whether more becomes possible (``wider``), less (``narrower``), or neither can be said."""

    section: Section
    path: str
    before: Plain
    after: Plain
    effect: Effect
    sentence: str


def changes_between(old: Agreement, new: Agreement) -> tuple[Change, ...]:
    """Every difference between two agreements, ordered by section; empty for two that say the same. The order of a list without meaning counts too."""
    found = [*_accesses(old, new), *_differences(_dump(old), _dump(new), "")]
    order = list(Section)
    return tuple(sorted(found, key=lambda change: (order.index(change.section), change.path)))


def _dump(agreement: Agreement) -> dict[str, Plain]:
    content: dict[str, Plain] = agreement.model_dump(mode="json", by_alias=True)
    return content


# Access: role x purpose x group


def _triples(agreement: Agreement) -> set[tuple[str, str, str, bool]]:
    return {
        (name, purpose.value, group.value, purpose in role.opened)
        for name, role in agreement.roles.items()
        for purpose in role.purposes
        for group in agreement.matrix.get(purpose, ())
    }


def _accesses(old: Agreement, new: Agreement) -> Iterator[Change]:
    before, after = _triples(old), _triples(new)
    for role, purpose, group, opens in sorted(before ^ after):
        added = (role, purpose, group, opens) in after
        deed = f"open {group}" if opens else f"work on {group} in the roster itself"
        yield Change(
            Section.ACCESS,
            f"{role} × {purpose} × {group}",
            None if added else deed,
            deed if added else None,
            "wider" if added else "narrower",
            f"{role} may {'now' if added else 'no longer'} {deed} for {purpose}.",
        )


# Everything else: block by block

_SECTIONS = {
    "fields": Section.FIELDS,
    "forbidden_fields": Section.FIELDS,
    "forbidden_columns": Section.FIELDS,
    "retention": Section.RETENTION,
}
_SECTIONS |= {
    "disposition": Section.RETENTION,
    "safety": Section.THRESHOLDS,
    "roles": Section.ACCESS,
    "matrix": Section.ACCESS,
    "subprocessors": Section.ACCESS,
}


def _told_as_access(path: str) -> bool:
    """Whether the triples already say it."""
    parts = path.split(".")
    return parts[0] == "matrix" or (parts[0] == "roles" and parts[-1] == "purposes")


def _differences(old: Plain, new: Plain, path: str) -> Iterator[Change]:
    """A block that is new or gone is one change; a list of plain items goes item by item, a list of blocks by their names or numbers."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            inner = f"{path}.{key}" if path else key
            if key not in old:
                yield _appeared(inner, new[key])
            elif key not in new:
                yield _vanished(inner, old[key])
            else:
                yield from _differences(old[key], new[key], inner)
    elif isinstance(old, list) and isinstance(new, list):
        if _of_blocks(old) or _of_blocks(new):
            yield from _blocks(old, new, path)
        else:
            yield from _items(old, new, path)
    elif old is None:
        yield _appeared(path, new)
    elif new is None:
        yield _vanished(path, old)
    elif not _told_as_access(path):
        yield Change(_section(path), path, old, new, _effect(path, old, new), f"`{path}` changes from {shown(old)} to {shown(new)}.")


def _of_blocks(items: list[Plain]) -> bool:
    return any(isinstance(item, dict) for item in items)


def _blocks(old: list[Plain], new: list[Plain], path: str) -> Iterator[Change]:
    before, after = _by_name(old), _by_name(new)
    for key in dict.fromkeys((*before, *after)):
        inner = f"{path}[{key}]"
        if key not in before:
            yield _appeared(inner, after[key])
        elif key not in after:
            yield _vanished(inner, before[key])
        else:
            yield from _differences(before[key], after[key], inner)
    if before == after:
        yield _order(path, old, new)


def _by_name(items: list[Plain]) -> dict[str, Plain]:
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if all(isinstance(name, str) for name in names) and len(set(map(str, names))) == len(names):
        return dict(zip(map(str, names), items, strict=True))
    return {str(number): item for number, item in enumerate(items, 1)}


def _items(old: list[Plain], new: list[Plain], path: str) -> Iterator[Change]:
    removed, added = [item for item in old if item not in new], [item for item in new if item not in old]
    if not removed and not added:
        yield _order(path, old, new)
    elif not _told_as_access(path):
        for item in removed:
            yield Change(_section(path), path, item, None, "other", f"`{path}` loses {shown(item)}.")
        for item in added:
            yield Change(_section(path), path, None, item, "other", f"`{path}` gains {shown(item)}.")


def _order(path: str, old: Plain, new: Plain) -> Change:
    return Change(_section(path), path, old, new, "other", f"`{path}` has the same items in another order or number.")


def _appeared(path: str, new: Plain) -> Change:
    return Change(_section(path), path, None, new, _gives(path, "wider"), f"`{path}` is new: {shown(new)}.")


def _vanished(path: str, old: Plain) -> Change:
    return Change(_section(path), path, old, None, _gives(path, "narrower"), f"`{path}` is gone; it was {shown(old)}.")


def _gives(path: str, effect: Effect) -> Effect:
    """``effect`` where the block is a whole field or a whole further party, which somebody then receives."""
    parts = path.split(".")
    if path == SHOWS_PINS:
        return effect
    return effect if (parts[0] == "fields" and len(parts) == 2) or path.startswith("subprocessors[") else "other"


def _section(path: str) -> Section:
    if path.endswith(".min_cell"):
        return Section.THRESHOLDS
    if path == KEEPS_THE_ROSTER:
        return Section.RETENTION
    if path.startswith(SHOWS_PINS) or path == MAKES_PINS:
        return Section.ACCESS
    return _SECTIONS.get(path.replace("[", ".").split(".")[0], Section.OTHER)


def _effect(path: str, old: Plain, new: Plain) -> Effect:
    """More kept, for more days, and higher thresholds are wider; a log kept longer shows more and gives nobody more."""
    if path == "safety.first_run_needs_approval":
        return "narrower" if new else "wider"
    if path == KEEPS_THE_ROSTER:
        return "wider" if new else "narrower"
    if path == MAKES_PINS:
        return "narrower" if new == "random" else "wider"
    if path == f"{SHOWS_PINS}.days" and isinstance(old, int) and isinstance(new, int):
        return "wider" if new > old else "narrower"
    if path.endswith(("access_log_days", "disclosure_record_days")):
        return "other"
    if _section(path) in (Section.RETENTION, Section.THRESHOLDS) and isinstance(old, int | float) and isinstance(new, int | float):
        return "wider" if (new > old) != path.endswith(".min_cell") else "narrower"
    return "other"


def shown(value: Plain) -> str:
    """A value as it may stand in a sentence: long texts by their length and fingerprint."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(shown(item) for item in value) or "an empty list"
    if isinstance(value, dict):
        return "; ".join(f"{key}: {shown(inner)}" for key, inner in value.items() if inner is not None) or "an empty block"
    text = str(value)
    if not text:
        return "an empty text"
    if "\n" in text or len(text) > LONGEST_SHOWN:
        return f"a text of {len(text)} characters (SHA-256 {hashlib.sha256(text.encode()).hexdigest()[:16]})"
    return text


def to_plain(changes: tuple[Change, ...]) -> list[Plain]:
    """The changes as JSON has them."""
    return [
        {
            "section": change.section.value,
            "path": change.path,
            "before": change.before,
            "after": change.after,
            "effect": change.effect,
            "sentence": change.sentence,
        }
        for change in changes
    ]
