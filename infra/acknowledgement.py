"""Findings of cdk-nag that stay, each with the fact or the clause for which it does.

cdk-nag names a wildcard permission by its resource; so each of these is about one resource pattern in one stack, and a new wildcard is a new finding.
"""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct

from infra.drop import ENDINGS

ACCOUNT, REGION = "<AWS::AccountId>", "<AWS::Region>"
VAULT = f"firstcard-vault-{ACCOUNT}-{REGION}"
LOGS = f"firstcard-logs-{ACCOUNT}-{REGION}"
ACCESS_LOGS = f"firstcard-access-{ACCOUNT}-{REGION}"
DROPS = f"firstcard-drop-*-{ACCOUNT}-{REGION}"

Findings = Mapping[str, str | Mapping[str, str]]
"""A rule and why it stays; for wildcard permissions, each resource and why."""

RUNTIME = "Python 3.13 on arm64 is what every layer's lock file has wheels for; Lambda supports it until October 2029"
RUNS = "A run's id is not known beforehand (clause purpose: a run's files are its own; no name is in a key)"

STATE: Findings = {
    "S1": "This bucket receives the access logs; logging itself would never end, and CloudTrail cannot see log delivery",
    "SMG4": "Token keys outlive agreements: a renewal issues no new card and loses no refusal (clause opt-out). Links die with their window. "
    "The ILS's sign-in is renewed in the ILS, by the library",
}

FAMILY: Findings = {
    "APIG4": "The signed link is the authorisation: a family has no account; fetching changes nothing (34 CFR 99.37, clause opt-out). "
    "The page that shows a PIN also asks for what the e-mail does not say (clause card.pin.page)",
    "L1": RUNTIME,
    "IAM5": {
        f"secretsmanager:{REGION}:{ACCOUNT}:secret:firstcard/links/*": "One link key a library; Secrets Manager adds six random characters to every name"
    },
}

PIPELINE: Findings = {
    "L1": RUNTIME,
    "SF2": "X-ray would keep traces outside the trail and the log bucket (clause audit); executions are logged",
    "SQS3": "firstcard-publish-dead is itself the dead-letter queue, of the cards table's stream",
    "IAM5": {
        "*": "Log delivery of Step Functions takes no resource (its guide, logging with CloudWatch Logs); and SendTaskSuccess is decided by "
        "the task token, which only the ledger holds",
        f"dynamodb:{REGION}:{ACCOUNT}:table/firstcard-cards/stream/*": "A stream's name is the time when the table was made",
        f"s3:::{ACCESS_LOGS}/*": "The officer reads all access logs (clause audit right)",
        f"s3:::{LOGS}/AWSLogs/*": "The officer reads the whole trail (clause audit right)",
        f"s3:::{DROPS}": "The sweep looks into every district's incoming/, rehearse into every try/ and preview into every preview/, names only",
        f"s3:::{DROPS}/incoming/*": "plan reads every district's rosters; each bucket's policy refuses everybody else",
        f"s3:::{DROPS}/outbox/*": "hold and finish leave every district's receipts",
        f"s3:::{DROPS}/outbox/try-*": "rehearse leaves every district's trial receipts, and can touch no other",
        f"s3:::{DROPS}/preview/*": "preview reads what districts leave for their libraries to look at and deletes it; each bucket's policy lets nobody else read",
        f"s3:::{DROPS}/try/*": "rehearse reads every district's trials and deletes them; each bucket's policy lets nobody else read",
        f"s3:::{VAULT}/progress/*": "One object a district and month: figures rounded to tens, no token",
        f"s3:::{VAULT}/census/*": "One census an applied roster: counts by school and grade, no token",
        f"s3:::{VAULT}/usage/*": "One object a month of use: rounded counts by school and grade",
        f"s3:::{VAULT}/manifests/*": "One manifest a sharing and version",
        f"s3:::{VAULT}/patrons/*": "One extract a library, under a name that is drawn; its own key refuses everybody but plan and preview (clause patrons)",
        f"s3:::{VAULT}/runs/*": RUNS,
        f"s3:::{VAULT}/runs/*/chunks/*": RUNS,
        f"s3:::{VAULT}/runs/*/manifest.json.gz": RUNS,
        f"s3:::{VAULT}/runs/*/people.json.gz": RUNS,
        f"s3:::{VAULT}/runs/*/plan.json": RUNS,
        f"s3:::{VAULT}/runs/*/receipt.json": RUNS,
        f"s3:::{VAULT}/students/*": "One object a sharing and plan, under a name that is drawn; plan, and preview where the agreement says so (clause matrix.deduplicate with students)",
        f"s3:::{VAULT}/snapshots/*": "One snapshot a sharing, under a name that is drawn; plan, and preview where the agreement says so (clause exchange.deltas)",
        f"secretsmanager:{REGION}:{ACCOUNT}:secret:firstcard/ils/*": "One secret a library; Secrets Manager adds six random characters to every name",
        f"secretsmanager:{REGION}:{ACCOUNT}:secret:firstcard/links/*": "One link key a library, as above",
        f"secretsmanager:{REGION}:{ACCOUNT}:secret:firstcard/openpgp/*": "One secret a district, as above",
        f"secretsmanager:{REGION}:{ACCOUNT}:secret:firstcard/tokens/*": "One token key a library, as above",
        f"ses:{REGION}:{ACCOUNT}:identity/*": "One identity a sender of an agreement or a library; the account has no others",
        f"states:{REGION}:{ACCOUNT}:execution:firstcard-roster-run/*": "The children of a run's map have names drawn by Step Functions",
        f"states:{REGION}:{ACCOUNT}:execution:firstcard-roster-run:*": "A run's name is made of bucket, key, version and attempt",
    },
}


def agreement_findings(district: str) -> Findings:
    """What stays in the stack of one district."""
    bucket = f"s3:::firstcard-drop-{district}-{ACCOUNT}-{REGION}"
    unfinished = "A rename is a copy and a removal: only names of unfinished uploads may be read back and removed (clause exchange process)"
    return {
        "SMG4": "The district encrypts to this key; a new one is handed over by people (clause exchange process)",
        "IAM5": {
            f"{bucket}/incoming/*": "The district names its own files (clause exchange process)",
            f"{bucket}/outbox/*": "Receipts carry the run's id",
            f"{bucket}/preview/*": "The district names its own files (clause exchange process)",
            f"{bucket}/try/*": "The district names its own files (clause exchange process)",
            **{f"{bucket}/{folder}/*.{ending}": unfinished for folder in ("incoming", "try", "preview") for ending in ENDINGS},
        },
    }


def acknowledge(stack: Stack, findings: Findings) -> None:
    """Tell cdk-nag which findings stay in a stack, and why."""
    for rule, reason in findings.items():
        if isinstance(reason, str):
            _acknowledge(stack, f"AwsSolutions-{rule}", reason)
            continue
        for resource, why in reason.items():
            arn = resource if resource == "*" else f"arn:<AWS::Partition>:{resource}"
            _acknowledge(stack, f"AwsSolutions-{rule}[Resource::{arn}]", why)


def _acknowledge(scope: IConstruct, rule: str, reason: str) -> None:
    Validations.of(scope).acknowledge(Acknowledgment(id=f"AwsSolutions::{rule}", reason=reason))
