"""The key that a library's clause on its own patrons compiles to: who may seal an extract, who may open it, and between which days.

No agreement with a district has anything to do with it, so no role of a district stands here; the account administers the key and has no way to Decrypt.
"""

from datetime import timedelta
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from firstcard.agreement import Group, PatronsClause, Purpose
from infra import names
from infra.key import Key

SEAL = ("systems-librarian", "gather")
OPEN = ("plan", "preview")
"""Who plans a roster, and who says what its plan would be."""
CONTEXT_KEYS = ("agreement", "group", "object", "purpose")


class PatronsKey(Construct):
    """The key of one library's extract."""

    def __init__(self, scope: Construct, construct_id: str, *, library: str, clause: PatronsClause) -> None:
        super().__init__(scope, construct_id)
        self.key = Key(
            self,
            "Key",
            alias=names.patrons_key(library),
            description=f"Data keys of what {library} says of its own patrons",
            statements=[iam.PolicyStatement.from_json(statement) for statement in patrons_statements(library, clause)],
        )


def patrons_statements(library: str, clause: PatronsClause) -> list[dict[str, Any]]:
    """Key policy statements of a clause: two who seal, two that open, and what is never allowed."""
    return [
        *(_allow(library, clause, role=role, action="kms:Encrypt") for role in SEAL),
        *(_allow(library, clause, role=role, action="kms:Decrypt") for role in OPEN),
        *_never(library),
    ]


def _allow(library: str, clause: PatronsClause, *, role: str, action: str) -> dict[str, Any]:
    return {
        "Sid": f"{role.title().replace('-', '')}{action.partition(':')[2]}ForDeduplicate",
        "Effect": "Allow",
        "Principal": {"AWS": names.role_arn(role)},
        "Action": action,
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "kms:EncryptionContext:agreement": library,
                "kms:EncryptionContext:purpose": str(Purpose.DEDUPLICATE),
                "kms:EncryptionContext:group": str(Group.PATRONS),
            },
            "StringLike": {"kms:EncryptionContext:object": "?*"},
            "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": list(CONTEXT_KEYS)},
            "DateGreaterThanEquals": {"aws:CurrentTime": f"{clause.effective.isoformat()}T00:00:00Z"},
            "DateLessThan": {"aws:CurrentTime": f"{(clause.expires + timedelta(days=1)).isoformat()}T00:00:00Z"},
        },
    }


def _never(library: str) -> list[dict[str, Any]]:
    opening = ["kms:Decrypt", "kms:ReEncrypt*"]
    return [
        {
            "Sid": "NeverForAnythingElse",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": [*opening, "kms:Encrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {"StringNotEquals": {"kms:EncryptionContext:agreement": library}},
        },
        {
            "Sid": "NeverOpenedByAnybodyElse",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": opening,
            "Resource": "*",
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": [arn for role in OPEN for arn in names.session_arns(role)]}},
        },
        {"Sid": "NeverHandedOn", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "kms:CreateGrant", "Resource": "*"},
    ]
