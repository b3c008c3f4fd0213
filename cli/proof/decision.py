"""What policies come to, decided as AWS decides: nothing is allowed that nobody allows, and a Deny beats every Allow.

Many requests are decided in one step. A space is a list of requests that differ in what conditions may ask for; a decision is a number whose
n-th bit says whether the n-th request is allowed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from cli.proof.policy import Condition, Statement, Value

Facts = Mapping[str, Value]
"""Condition keys in small letters, and what a request says of them."""

EVERYTHING = (Statement("everything", True, None, ("*",), ("*",), ()),)
"""The policy of an administrator: every action on every resource."""


@dataclass(frozen=True)
class Caller:
    """Somebody who asks: a role, an account's root user, a service, or without an account anybody. ``facts`` are condition keys that belong to who asks, not to what is asked."""

    name: str
    account: str
    arn: str = ""
    service: str = ""
    root: bool = False
    own: tuple[Statement, ...] = ()
    facts: Facts = field(default_factory=dict)

    def named_by(self, statement: Statement) -> Literal["directly", "by account"] | None:
        """How a statement of a resource's policy means this caller: itself, or by its account, which leaves the rest to the account's own policies."""
        account = f"arn:aws:iam::{self.account}:root"
        for principal in statement.principals or ():
            if principal == "*" or principal in (self.arn, self.service):
                return "directly"
            if principal == account and not self.service:
                return "directly" if self.root else "by account"
        return None


CALLERS_KEYS = frozenset({"aws:principalarn", "aws:sourceidentity", "aws:sourcearn", "aws:sourceaccount", "kms:calleraccount"})
"""Condition keys that only a caller's facts answer."""


class Space:
    """Requests that are decided together."""

    def __init__(self, requests: Sequence[Facts]) -> None:
        self.requests = requests
        self.all = (1 << len(requests)) - 1
        self._met: dict[Condition, int] = {}

    @cached_property
    def _by_value(self) -> dict[str, dict[Value, int]]:
        places: dict[str, dict[Value, bytearray]] = {}
        size = len(self.requests) // 8 + 1
        for number, facts in enumerate(self.requests):
            for key, value in facts.items():
                places.setdefault(key, {}).setdefault(value, bytearray(size))[number // 8] |= 1 << number % 8
        return {key: {value: int.from_bytes(bits, "little") for value, bits in values.items()} for key, values in places.items()}

    def where(self, condition: Condition, caller: Caller) -> int:
        """The requests for which a condition holds when this caller makes them."""
        if condition.key in CALLERS_KEYS:
            return self.all if condition.holds(caller.facts.get(condition.key)) else 0
        found = self._met.get(condition)
        if found is None:
            found, said = 0, 0
            for value, bits in self._by_value.get(condition.key, {}).items():
                said |= bits
                found |= bits if condition.holds(value) else 0
            found |= self.all & ~said if condition.holds(None) else 0
            self._met[condition] = found
        return found

    def meets(self, statement: Statement, caller: Caller) -> int:
        """The requests that meet all conditions of a statement."""
        met = self.all
        for condition in statement.conditions:
            met &= self.where(condition, caller)
        return met


@dataclass(frozen=True)
class Guarded:
    """A resource with its own policy. ``alone`` says that the account's own policies count only where that policy says so (KMS keys, trust in roles)."""

    account: str
    statements: tuple[Statement, ...] = ()
    alone: bool = False


def allowed(caller: Caller, action: str, resource: str, guarded: Guarded, space: Space) -> int:
    """The requests of a space that are allowed when ``caller`` makes them.

    In one account the caller's policies or the resource's policy are enough; of a key and of a role its own policy decides, and may leave it to the account. From another account both
    must allow. A root user may do what no policy refuses, but use a key only where the key's policy names it (KMS developer guide, key policies; IAM user guide, cross-account evaluation).
    """
    denied = own = direct = left = 0
    for statement in caller.own:
        if statement.covers(action, resource):
            if statement.allows:
                own |= space.meets(statement, caller)
            else:
                denied |= space.meets(statement, caller)
    for statement in guarded.statements:
        if (named := caller.named_by(statement)) and statement.covers(action, resource):
            met = space.meets(statement, caller)
            if not statement.allows:
                denied |= met
            elif named == "directly":
                direct |= met
            else:
                left |= met
    if caller.service or not caller.account:
        return direct & ~denied
    if caller.root and caller.account == guarded.account:
        own = space.all
    if caller.account != guarded.account:
        return (direct | left) & own & ~denied
    return ((direct | (left & own)) if guarded.alone else (direct | own)) & ~denied
