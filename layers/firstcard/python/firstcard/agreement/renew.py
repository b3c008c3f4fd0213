"""Next year's agreement from this year's: the same text with other dates, as a draft that people read, change and sign."""

from collections.abc import Iterator
from datetime import date

import yaml

DATED = (
    ("basis", "choice", "yes_from"),
    ("basis", "notice", "published_on"),
    ("basis", "notice", "opt_out_by"),
    ("exchange", "calendar", "breaks"),
    ("exchange", "calendar", "rollover"),
    ("goals",),
)
"""Clauses whose dates move a year on, to be looked at by a person."""


class RenewalError(ValueError):
    """An agreement's text cannot be renewed. The message says what to write."""


def renewed(text: str, *, new_id: str, effective: date, expires: date) -> tuple[str, tuple[str, ...]]:
    """The text of the next agreement, and the clauses whose dates were moved.

    Id, status (``draft``) and term are new, dates of notice and calendar are a year later, approvals are left out; everything else stays to the letter, comments too. Raises
    RenewalError where the text is no agreement, or the term ends before it begins.
    """
    if expires < effective:
        raise RenewalError("The new term ends before it begins: write --expires after --effective.")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or not all(_at(root, name) for name in ("id", "status", "term")):
        raise RenewalError("This is no agreement: it has no id, status and term. Name an agreement's file.")
    moved: list[str] = []
    spans: list[tuple[int, int, str]] = []
    for clause, value in {"id": new_id, "status": "draft", "term.effective": str(effective), "term.expires": str(expires)}.items():
        node = _at(root, *clause.split("."))
        if not isinstance(node, yaml.ScalarNode):
            raise RenewalError(f"The clause {clause} is missing: write it first.")
        spans.append((node.start_mark.index, node.end_mark.index, value))
    for path in DATED:
        dates = [(node, day) for node in _scalars(_at(root, *path)) if (day := _date(node.value))]
        spans += [(node.start_mark.index, node.end_mark.index, str(_year_later(day))) for node, day in dates]
        moved += [".".join(path)] if dates else []
    for begin, end, value in sorted(spans, reverse=True):
        text = text[:begin] + value + text[end:]
    return _without_approvals(text), tuple(moved)


def _without_approvals(text: str) -> str:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode), "it was one before"
    for key, value in root.value:
        if key.value == "approvals":
            return text[: key.start_mark.index] + text[value.end_mark.index :].lstrip("\n")
    return text


def _at(node: yaml.Node | None, *path: str) -> yaml.Node | None:
    for name in path:
        if not isinstance(node, yaml.MappingNode):
            return None
        node = next((value for key, value in node.value if key.value == name), None)
    return node


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    match node:
        case yaml.ScalarNode():
            yield node
        case yaml.SequenceNode():
            for one in node.value:
                yield from _scalars(one)
        case yaml.MappingNode():
            for _, value in node.value:
                yield from _scalars(value)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _year_later(day: date) -> date:
    return day.replace(year=day.year + 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
