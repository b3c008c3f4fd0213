"""Accesses as the trail tells them, intents, and a deployment of a few roles."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from firstcard.agreement import Site
from firstcard.evidence import Access
from firstcard.evidence.trail import access_of
from firstcard.review.agreed import Agreed
from firstcard.review.check import Acknowledged, Checked, CounterCheck, Intent
from tests.unit.agreement.builders import a_library, an_agreement

ACCOUNT, REGION = "111122223333", "us-east-1"
BEGINS, ENDS = datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
VAULT, DROP = f"firstcard-vault-{ACCOUNT}-{REGION}", f"firstcard-drop-pine-{ACCOUNT}-{REGION}"
CARDS = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/firstcard-cards"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/purpose"


def a_site(**changes: Any) -> Site:
    """One agreement, oak.pine, in force from 1 August 2026 to 31 July 2027."""
    return Site((an_agreement(**changes),), (a_library(),))


@dataclass
class Given:
    """Rights by role: (action, what a resource begins with)."""

    rights: Mapping[str, Iterable[tuple[str, str]]] = field(
        default_factory=lambda: {
            "firstcard-plan": [("s3:GetObjectVersion", f"arn:aws:s3:::{DROP}/incoming/"), ("s3:PutObject", f"arn:aws:s3:::{VAULT}/runs/")],
            "firstcard-sync": [("dynamodb:BatchGetItem", CARDS), ("dynamodb:PutItem", CARDS)],
            "firstcard-notify": [("dynamodb:PutItem", CARDS)],
            "firstcard-destroy": [("dynamodb:BatchGetItem", CARDS)],
            "firstcard-upload-pine": [("s3:PutObject", f"arn:aws:s3:::{DROP}/incoming/"), ("s3:GetObject", f"arn:aws:s3:::{DROP}/outbox/")],
        }
    )

    def roles(self) -> frozenset[str]:
        return frozenset(self.rights)

    def may(self, role: str, action: str, resource: str) -> bool:
        return any(action == one and resource.startswith(begin) for one, begin in self.rights[role])


_numbers = iter(range(10**9))


def a_record(source: str, name: str, *, role: str = "", at: datetime = NOON, data: bool = False, **changes: Any) -> dict[str, Any]:
    """A record; ``role`` is a role's name, without one changes must say who it was."""
    record: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": identity(role) if role else {},
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "requestParameters": {},
        "eventID": f"event-{next(_numbers)}",
        "readOnly": name.startswith(("Get", "List", "Head", "Describe", "Decrypt", "Scan", "Query", "BatchGet")),
        "eventType": "AwsApiCall",
        "managementEvent": not data,
        "eventCategory": "Data" if data else "Management",
        "recipientAccountId": ACCOUNT,
    }
    return record | changes


def identity(role: str, session: str = "work", person: str = "") -> dict[str, Any]:
    """A session of a role."""
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "userName": role}
    more = {"sourceIdentity": person} if person else {}
    return {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}",
        "accountId": ACCOUNT,
        "sessionContext": {"sessionIssuer": issuer, **more},
    }


ROOT = {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
MALLORY = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/mallory", "accountId": ACCOUNT, "userName": "mallory"}


def accessed(record: Mapping[str, Any]) -> Access:
    return access_of(record, "logs/file.json.gz", 1)


def an_opening(
    role: str = "firstcard-sync",
    *,
    at: datetime = NOON,
    name: str = "Decrypt",
    error: str = "",
    who: Mapping[str, Any] | None = None,
    **context: str,
) -> Access:
    """A use of the purpose key; without other words sync opens identity of oak.pine for its purpose."""
    said = {"agreement": "oak.pine", "object": "run-1/00000", "group": "identity", "purpose": "sync_ils"} | context
    more = {"errorCode": error} if error else {}
    request = {"encryptionContext": {key: value for key, value in said.items() if value}}
    resources = [{"ARN": KEY, "type": "AWS::KMS::Key"}]
    return accessed(
        a_record("kms", name, at=at, requestParameters=request, resources=resources, userIdentity=who or identity(role), **more)
    )


def an_intent(role: str = "firstcard-sync", *, at: datetime = NOON - timedelta(seconds=1), **changes: str) -> Intent:
    said = {"sharing": "oak.pine", "object": "run-1/00000", "group": "identity", "purpose": "sync_ils"} | changes
    return Intent(said["sharing"], at, role, said["object"], said["group"], said["purpose"])


def on_object(role: str, name: str, bucket: str, key: str, *, who: Mapping[str, Any] | None = None, error: str = "", **more: Any) -> Access:
    resources = [
        {"ARN": f"arn:aws:s3:::{bucket}/{key}", "type": "AWS::S3::Object"},
        {"ARN": f"arn:aws:s3:::{bucket}", "type": "AWS::S3::Bucket"},
    ]
    request = {"bucketName": bucket, "key": key} | more
    wrong = {"errorCode": error} if error else {}
    return accessed(
        a_record("s3", name, data=True, requestParameters=request, resources=resources, userIdentity=who or identity(role), **wrong)
    )


def on_table(
    role: str, name: str, *, who: Mapping[str, Any] | None = None, error: str = "", data: bool = True, at: datetime = NOON
) -> Access:
    wrong = {"errorCode": error} if error else {}
    resources = [{"ARN": CARDS, "type": "AWS::DynamoDB::Table"}]
    request = {"tableName": "firstcard-cards"}
    said = a_record(
        "dynamodb", name, data=data, at=at, requestParameters=request, resources=resources, userIdentity=who or identity(role), **wrong
    )
    return accessed(said)


def checked(
    *accesses: Access,
    intents: Iterable[Intent] = (),
    site: Site | None = None,
    acknowledged: Iterable[Acknowledged] = (),
    delivered_until: datetime = ENDS + timedelta(days=1),
) -> Checked:
    check = CounterCheck(Agreed(site or a_site()), Given(), BEGINS, ENDS, acknowledged=tuple(acknowledged))
    for access in accesses:
        check.take(access)
    return check.finish(intents, delivered_until=delivered_until)
