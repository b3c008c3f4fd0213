"""The key that an agreement compiles to: who may wrap and unwrap data keys, for which purpose, which field groups, between which days.

KMS sees the encryption context ``{agreement, object, group, purpose}`` of every call and refuses what no statement of this policy allows;
the account administers the key and has no way to Decrypt through it (compliance: clause "who has access", NDPA article II; clause "term").
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from firstcard.agreement import Agreement, Group, Purpose, Status
from infra import names
from infra.key import Key

CONTEXT_KEYS = ("agreement", "group", "object", "purpose")
SEALS = "plan"
RENEWS_PINS = "reset"
PRINTS_PINS = "print"
FUNCTIONS = frozenset(
    {
        "admit",
        "plan",
        "preview",
        "hold",
        "begin",
        "issue",
        "finish",
        "publish",
        "sync",
        "notify",
        "window",
        "refuse",
        "rehearse",
        "settle",
        "reveal",
        "reset",
        "print",
    }
)


class UnknownRole(ValueError):
    """An agreement gives a purpose to a role that is neither a function of ours nor a person's."""


class PurposeKey(Construct):
    """The purpose key of one library and district; ``agreements`` are theirs, this year's and the next one's."""

    def __init__(self, scope: Construct, construct_id: str, *, agreements: Sequence[Agreement]) -> None:
        super().__init__(scope, construct_id)
        agreement = agreements[0]
        self.key = Key(
            self,
            "Key",
            alias=names.purpose_key(agreement.library, agreement.district),
            description=f"Data keys of {agreement.sharing}, wrapped once per purpose",
            statements=[iam.PolicyStatement.from_json(statement) for statement in purpose_statements(*agreements)],
        )


def purpose_statements(*agreements: Agreement) -> list[dict[str, Any]]:
    """Key policy statements of the agreements of one library and district: one Allow per role and purpose of each that is executed, in its term, and what is never allowed."""
    allowed: list[dict[str, Any]] = []
    for agreement in sorted(agreements, key=lambda one: one.term.effective):
        if agreement.status is Status.EXECUTED:
            year = f"From{agreement.term.effective:%Y%m%d}" if len(agreements) > 1 else ""
            allowed += [
                {**statement, "Sid": statement["Sid"] + year}
                for statement in _sealing(agreement) + _renewing_pins(agreement) + _opening(agreement)
            ]
    return allowed + _never(agreements[0])


def _sealing(agreement: Agreement) -> list[dict[str, Any]]:
    return [
        _allow(agreement, role=SEALS, human=False, purpose=purpose, groups=agreement.matrix[purpose], action="kms:Encrypt")
        for purpose in Purpose
        if agreement.matrix.get(purpose)
    ]


def _renewing_pins(agreement: Agreement) -> list[dict[str, Any]]:
    """Where a family is shown its PIN, or it is printed, another one may be sealed: nothing but a PIN."""
    roles = ([RENEWS_PINS] if agreement.card.pin.page else []) + ([PRINTS_PINS] if agreement.prints_pins else [])
    return [
        _allow(agreement, role=role, human=False, purpose=purpose, groups=[Group.PIN], action="kms:Encrypt")
        for role in roles
        for purpose in agreement.purposes_of(Group.PIN)
    ]


def _opening(agreement: Agreement) -> list[dict[str, Any]]:
    return [
        _allow(
            agreement,
            role=role,
            human=agreement.roles[role].human,
            purpose=purpose,
            groups=[access.group for access in accesses],
            action="kms:Decrypt",
        )
        for (role, purpose), accesses in groupby(agreement.accesses(), key=lambda access: (access.role, access.purpose))
    ]


def _allow(agreement: Agreement, *, role: str, human: bool, purpose: Purpose, groups: Sequence[Group], action: str) -> dict[str, Any]:
    if not human and role not in FUNCTIONS:
        raise UnknownRole(
            f"{agreement.id}: role {role!r} is not a function; write human: true for people, or one of {', '.join(sorted(FUNCTIONS))}"
        )
    conditions: dict[str, dict[str, Any]] = {
        "StringEquals": {
            "kms:EncryptionContext:agreement": agreement.sharing,
            "kms:EncryptionContext:purpose": str(purpose),
            "kms:EncryptionContext:group": sorted(str(group) for group in groups),
        },
        "StringLike": {"kms:EncryptionContext:object": "?*"},
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": list(CONTEXT_KEYS)},
        "DateGreaterThanEquals": {"aws:CurrentTime": f"{agreement.term.effective.isoformat()}T00:00:00Z"},
        "DateLessThan": {"aws:CurrentTime": f"{(agreement.term.expires + timedelta(days=1)).isoformat()}T00:00:00Z"},
    }
    principal: str = names.role_arn(role)
    if human:
        # A person's role may be made later than the key, which cannot name what does not exist; and a person says who they are.
        principal = "*"
        conditions["ArnLike"] = {"aws:PrincipalArn": names.session_arns(role)}
        conditions["Null"] = {"aws:SourceIdentity": "false"}
    return {
        "Sid": _sid(role, purpose, action),
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": action,
        "Resource": "*",
        "Condition": conditions,
    }


def _never(agreement: Agreement) -> list[dict[str, Any]]:
    cryptography = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    return [
        {
            "Sid": "NeverForAnotherAgreement",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": cryptography,
            "Resource": "*",
            "Condition": {"StringNotEquals": {"kms:EncryptionContext:agreement": agreement.sharing}},
        },
        {"Sid": "NeverHandedOn", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "kms:CreateGrant", "Resource": "*"},
    ]


def _sid(role: str, purpose: Purpose, action: str) -> str:
    words = [role, action.partition(":")[2], "For", *str(purpose).split("_")]
    return "".join(word[:1].upper() + word[1:] for part in words for word in part.split("_"))
