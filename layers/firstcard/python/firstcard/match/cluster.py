"""Links closed to groups of one person each, never over a "not the same" and never over two state ids."""

from collections.abc import Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

Node = TypeVar("Node", int, str)


class Link(NamedTuple, Generic[Node]):
    """Two records that are one person by themselves, and how sure that is, in bits."""

    left: Node
    right: Node
    weight: float


class Groups(NamedTuple, Generic[Node]):
    """The groups of two or more, each sorted, and the links that would have put together what is apart."""

    groups: tuple[tuple[Node, ...], ...]
    refused: tuple[Link[Node], ...]


def close(
    links: Iterable[Link[Node]],
    *,
    apart: Iterable[tuple[Node, Node]] = (),
    together: Iterable[tuple[Node, Node]] = (),
    state_ids: Mapping[Node, str] | None = None,
) -> Groups[Node]:
    """Close the links to groups, the strongest first, so that the weakest of a chain is what is refused.

    ``together``: what people said is the same; such a link is closed before all others and over two state ids too, but over no ``apart``.
    """
    ids = state_ids or {}
    root: dict[Node, Node] = {}
    members: dict[Node, list[Node]] = {}
    states: dict[Node, set[str]] = {}
    foes: dict[Node, set[Node]] = {}
    for left, right in apart:
        foes.setdefault(left, set()).add(right)
        foes.setdefault(right, set()).add(left)

    def root_of(node: Node) -> Node:
        if node not in root:
            root[node], members[node], states[node] = node, [node], {ids[node]} if ids.get(node) else set()
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    def put_together(left: Node, right: Node, *, said: bool) -> bool:
        one, other = root_of(left), root_of(right)
        if one == other:
            return True
        if len(members[one]) < len(members[other]):
            one, other = other, one
        if not said and states[one] - states[other] and states[other] - states[one]:
            return False
        grown = set(members[one])
        if any(foe in grown for node in members[other] for foe in foes.get(node, ())):
            return False
        root[other] = one
        members[one] += members.pop(other)
        states[one] |= states.pop(other)
        return True

    for left, right in sorted(together):
        put_together(left, right, said=True)
    refused = [
        link
        for link in sorted(links, key=lambda link: (-link.weight, link.left, link.right))
        if not put_together(link.left, link.right, said=False)
    ]
    groups = tuple(sorted(tuple(sorted(group)) for group in members.values() if len(group) > 1))
    return Groups(groups, tuple(sorted(refused)))
