"""IAM, KMS and bucket policies as data, and what a condition of theirs means: exactly the words that our templates use, and no other.

What is not known here is an error and never a pass: a proof that skips a statement proves nothing (IAM user guide, policy elements and evaluation logic).
"""

import fnmatch
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

Value = str | tuple[str, ...]
"""What a request says of a condition key: one value, or several where the key has several."""


class UnknownPolicyError(ValueError):
    """A policy says something that this evaluator cannot judge; the sentence says what, and where."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of a statement: all conditions of a statement must hold, one of ``values`` is enough."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, asked: Value | None) -> bool:
        """Whether it holds for a request that says ``asked`` of the key; None where the request says nothing of it."""
        if self.operator == "Null":
            return any((asked is None) == (value == "true") for value in self.values)
        for_all = self.operator.startswith(_FOR_ALL)
        test = _TESTS[self.operator.removeprefix(_FOR_ALL)]
        if for_all:
            each = (asked,) if isinstance(asked, str) else asked or ()
            return all(any(test.compare(one, value) for value in self.values) for one in each)
        if asked is None:
            return test.negated
        if not isinstance(asked, str):
            raise UnknownPolicyError(f"{self.operator} on {self.key}, of which a request may have several values")
        return any(test.compare(asked, value) for value in self.values) != test.negated


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; ``principals`` is None in a role's own policy, whose principal is the role. Actions are in small letters. ``where`` is for people: which statement of which policy."""

    where: str
    allows: bool
    principals: tuple[str, ...] | None
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]

    def covers(self, action: str, resource: str) -> bool:
        """Whether it is about this action on this resource."""
        return _fits(action.lower(), self.actions) and _fits(resource, self.resources)


@dataclass(frozen=True, slots=True)
class _Test:
    compare: Callable[[str, str], bool]
    negated: bool = False


_FOR_ALL = "ForAllValues:"


@lru_cache(maxsize=1 << 18)
def _fits(text: str, patterns: tuple[str, ...]) -> bool:
    return any(like(text, pattern) for pattern in patterns)


@lru_cache(maxsize=1 << 16)
def like(text: str, pattern: str) -> bool:
    """Whether a text fits a pattern with ``*`` and ``?``; brackets are ordinary characters."""
    return pattern == "*" or _expression(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))


def _like_arn(arn: str, pattern: str) -> bool:
    """Part by part: a wildcard does not reach over a colon of the first five."""
    parts, wanted = arn.split(":", 5), pattern.split(":", 5)
    return pattern == "*" or (len(parts) == len(wanted) and all(like(part, want) for part, want in zip(parts, wanted, strict=True)))


def moment(text: str) -> datetime:
    """A time as policies write it, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


_TESTS: dict[str, _Test] = {
    "StringEquals": _Test(lambda asked, value: asked == value),
    "StringNotEquals": _Test(lambda asked, value: asked == value, negated=True),
    "StringLike": _Test(like),
    "ArnLike": _Test(_like_arn),
    "ArnEquals": _Test(_like_arn),
    "ArnNotLike": _Test(_like_arn, negated=True),
    "Bool": _Test(lambda asked, value: asked.lower() == value.lower()),
    "NumericLessThan": _Test(lambda asked, value: float(asked) < float(value)),
    "DateGreaterThanEquals": _Test(lambda asked, value: moment(asked) >= moment(value)),
    "DateLessThan": _Test(lambda asked, value: moment(asked) < moment(value)),
    "IpAddress": _Test(lambda asked, value: ip_address(asked) in ip_network(value)),
}
_FOR_ALL_TESTS = ("StringEquals", "StringLike")
_KEYS = frozenset(
    {
        "aws:currenttime",
        "aws:principalarn",
        "aws:securetransport",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceidentity",
        "aws:sourceip",
        "dynamodb:leadingkeys",
        "kms:calleraccount",
        "kms:encryptioncontextkeys",
        "kms:viaservice",
        "s3:prefix",
        "s3:tlsversion",
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_CONTEXT = "kms:encryptioncontext:"
_ELEMENTS = frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "Condition"})
_PRINCIPAL = re.compile(r"\*|\d{12}|arn:aws:(iam|sts)::\d{12}:(root|(role|user|assumed-role)/[\w+=,.@/-]+)")
_ACTION = re.compile(r"\*|[a-z0-9-]+:[A-Za-z*]+")


def statements_of(document: Mapping[str, Any], where: str, *, of: str) -> tuple[Statement, ...]:
    """The statements of a policy document whose references are resolved; ``of`` is ``identity``, ``resource`` or ``trust``. Raises UnknownPolicyError."""
    unknown = set(document) - {"Version", "Statement", "Id"}
    if unknown or document.get("Version") != "2012-10-17":
        raise UnknownPolicyError(
            f"{where}: a policy of version {document.get('Version')} with {', '.join(sorted(unknown)) or 'nothing else'}"
        )
    listed = _listed(document["Statement"])
    return tuple(_statement(one, f"statement {_sid(one) or number + 1} of {where}", of=of) for number, one in enumerate(listed))


def _sid(one: object) -> str:
    return str(one.get("Sid", "")) if isinstance(one, Mapping) else ""


def _statement(one: Mapping[str, Any], where: str, *, of: str) -> Statement:
    if not isinstance(one, Mapping):
        raise UnknownPolicyError(f"no object: {where}")
    if unknown := set(one) - _ELEMENTS:
        raise UnknownPolicyError(f"unknown element {', '.join(sorted(unknown))} in {where}")
    if one.get("Effect") not in ("Allow", "Deny"):
        raise UnknownPolicyError(f"unknown effect {one.get('Effect')!r} in {where}")
    if ("Principal" in one) != (of != "identity"):
        raise UnknownPolicyError(f"a principal is {'missing' if of != 'identity' else 'not expected'} in {where}")
    if ("Resource" in one) != (of != "trust"):
        raise UnknownPolicyError(f"a resource is {'not expected' if of == 'trust' else 'missing'} in {where}")
    actions = tuple(_texts(one["Action"], where))
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise UnknownPolicyError(f"unknown action {action} in {where}")
    return Statement(
        where=where,
        allows=one["Effect"] == "Allow",
        principals=None if of == "identity" else tuple(_principals(one["Principal"], where)),
        actions=tuple(action.lower() for action in actions),
        resources=("*",) if of == "trust" else tuple(_texts(one["Resource"], where)),
        conditions=tuple(
            _condition(operator, key, values, where)
            for operator, tests in one.get("Condition", {}).items()
            for key, values in tests.items()
        ),
    )


def _principals(principal: object, where: str) -> list[str]:
    if principal == "*":
        return ["*"]
    if not isinstance(principal, Mapping):
        raise UnknownPolicyError(f"unknown principal {principal!r} in {where}")
    found: list[str] = []
    for kind, values in principal.items():
        for value in _texts(values, where):
            if kind == "Service" and value.endswith(".amazonaws.com"):
                found.append(value)
            elif kind == "AWS" and _PRINCIPAL.fullmatch(value):
                found.append(f"arn:aws:iam::{value}:root" if value.isdecimal() else value)
            else:
                raise UnknownPolicyError(f"unknown principal {kind} {value} in {where}")
    return found


def _condition(operator: str, key: str, values: object, where: str) -> Condition:
    bare = operator.removeprefix(_FOR_ALL)
    if operator != "Null" and (bare not in _TESTS or (bare != operator and bare not in _FOR_ALL_TESTS)):
        raise UnknownPolicyError(f"unknown operator {operator} in {where}")
    lowered = key.lower()
    if lowered not in _KEYS and not lowered.startswith(_CONTEXT):
        raise UnknownPolicyError(f"unknown condition key {key} in {where}")
    written = tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in _listed(values))
    for value in written:
        if "${" in value:
            raise UnknownPolicyError(f"unknown variable in {value} in {where}")
        try:
            _readable(bare, value)
        except ValueError:
            raise UnknownPolicyError(f"{operator} cannot be compared with {value} in {where}") from None
    return Condition(operator, lowered, written)


def _readable(operator: str, value: str) -> None:
    if operator.startswith("Date"):
        if moment(value).tzinfo is None:
            raise ValueError
    elif operator.startswith("Numeric"):
        float(value)
    elif operator == "IpAddress":
        ip_network(value)
    elif operator in ("Bool", "Null") and value not in ("true", "false"):
        raise ValueError


def _texts(values: object, where: str) -> list[str]:
    found: list[str] = []
    for value in _listed(values):
        if not isinstance(value, str) or "${" in value:
            raise UnknownPolicyError(f"unknown value {value!r} in {where}")
        found.append(value)
    return found


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
