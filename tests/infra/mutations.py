"""Every small way in which a deployed policy can go wrong: a statement gone, a condition gone, a word wider, a day later."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from cli.proof.deployment import Deployment
from cli.proof.policy import Condition, Statement, moment
from cli.proof.prove import Difference, Proof

Statements = tuple[Statement, ...]


@dataclass(frozen=True)
class Place:
    """A policy of a deployment: how to read it, put another in its place, and prove what it decides."""

    name: str
    read: Callable[[], Statements]
    put: Callable[[Statements], None]
    differences: Callable[[], Iterator[Difference]]

    def says_otherwise_with(self, statements: Statements) -> bool:
        """Whether the proof finds a difference when the policy has these statements."""
        before = self.read()
        self.put(statements)
        try:
            return next(self.differences(), None) is not None
        finally:
            self.put(before)


def places(deployment: Deployment, proof: Proof) -> Iterator[Place]:
    """Every policy of a deployment."""

    def of(thing: object, attribute: str, name: str, differences: Callable[[], Iterator[Difference]]) -> Place:
        return Place(name, lambda: getattr(thing, attribute), lambda statements: setattr(thing, attribute, statements), differences)

    for alias, key in deployment.keys.items():
        yield of(key, "statements", alias, lambda alias=alias: proof.of_key(alias))
    for name, bucket in deployment.buckets.items():
        yield of(bucket, "statements", f"bucket {name}", lambda name=name: proof.of_bucket(name))
    for name, queue in deployment.queues.items():
        yield of(queue, "statements", f"queue {name}", lambda name=name: proof.of_queue(name))
    for name, topic in deployment.topics.items():
        yield of(topic, "statements", f"topic {name}", lambda name=name: proof.of_topic(name))
    for name, role in deployment.roles.items():
        yield of(role, "own", f"role {name}", lambda name=name: proof.of_role(name))
        yield of(role, "trust", f"trust in {name}", lambda name=name: proof.of_trust(name))


def mutants(statements: Statements) -> Iterator[tuple[int, str, Statements]]:
    """(number of the statement, what was done to it, the policy then) for every small change."""
    for number, statement in enumerate(statements):
        for what, changed in changes(statement):
            yield number, what, (*statements[:number], *changed, *statements[number + 1 :])


def changes(statement: Statement) -> Iterator[tuple[str, Statements]]:
    """What can be done to one statement."""
    yield "removed", ()
    yield "turned round", (replace(statement, allows=not statement.allows),)
    for number, condition in enumerate(statement.conditions):
        rest = (*statement.conditions[:number], *statement.conditions[number + 1 :])
        yield f"without {condition.operator} {condition.key}", (replace(statement, conditions=rest),)
        for what, other in _other_conditions(condition):
            yield what, (replace(statement, conditions=(*rest, other)),)
    for part in ("actions", "resources", "principals"):
        values = getattr(statement, part) or ()
        for value in values if len(values) > 1 else ():
            yield f"{part} without {value}", (replace(statement, **{part: tuple(one for one in values if one != value)}),)
        if values and "*" not in values:
            yield f"{part} of all", (replace(statement, **{part: ("*",)}),)
    if any(":" in action for action in statement.actions):
        yield (
            "all actions of the service",
            (replace(statement, actions=tuple({f"{one.partition(':')[0]}:*" for one in statement.actions})),),
        )


def _other_conditions(condition: Condition) -> Iterator[tuple[str, Condition]]:
    if condition.operator.startswith("Date"):
        for days in (-1, 1):
            moved = tuple((moment(value) + timedelta(days=days)).isoformat() for value in condition.values)
            yield f"{condition.operator} moved by {days} day", replace(condition, values=moved)
        return
    for value in condition.values if len(condition.values) > 1 else ():
        yield f"{condition.key} without {value}", replace(condition, values=tuple(one for one in condition.values if one != value))
    if condition.operator.removeprefix("ForAllValues:") in ("StringLike", "ArnLike", "ArnEquals", "ArnNotLike"):
        yield f"{condition.key} of all", replace(condition, values=("*",))
    if condition.operator in ("StringEquals", "StringNotEquals"):
        yield f"{condition.key} of another", replace(condition, values=("another",))
    if condition.operator in ("Bool", "Null"):
        turned = tuple("true" if value == "false" else "false" for value in condition.values)
        yield f"{condition.operator} {condition.key} turned round", replace(condition, values=turned)
