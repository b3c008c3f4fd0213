"""Physical names, the same in every stack: no stack imports another's exports, so none locks another's updates."""

from aws_cdk import Aws

CARDS_TABLE = "firstcard-cards"
LEDGER_TABLE = "firstcard-ledger"
CARD_BUS = "firstcard-cards"
CONFIGURATION_SET = "firstcard"
ROSTER_RUN = "firstcard-roster-run"
TRAIL = "firstcard"
ALARMS = "firstcard-alarms"
VAULT_KEY = "alias/firstcard-vault"
LOGS_KEY = "alias/firstcard-logs"
CARDS_STREAM_PARAMETER = "/firstcard/cards/stream"
SFTP_SERVER_PARAMETER = "/firstcard/sftp/server"
EVENT_SOURCE = "firstcard"

LONGEST_DISTRICT = 20
"""Characters of a district's slug: the drop bucket's name must fit 63 with the account and the longest region (S3 bucket naming rules)."""


def vault_bucket() -> str:
    """Bucket of plans, receipts and manifests."""
    return f"firstcard-vault-{Aws.ACCOUNT_ID}-{Aws.REGION}"


def log_bucket() -> str:
    """Locked bucket of the trail."""
    return f"firstcard-logs-{Aws.ACCOUNT_ID}-{Aws.REGION}"


def access_log_bucket() -> str:
    """Bucket of S3 server access logs; an Object Lock bucket cannot receive them."""
    return f"firstcard-access-{Aws.ACCOUNT_ID}-{Aws.REGION}"


def drop_bucket(district: str) -> str:
    """Bucket where one district leaves its rosters."""
    if len(district) > LONGEST_DISTRICT:
        raise ValueError(f"district {district!r}: at most {LONGEST_DISTRICT} characters, for the drop bucket's name must fit into 63")
    return f"firstcard-drop-{district}-{Aws.ACCOUNT_ID}-{Aws.REGION}"


def drop_key(district: str) -> str:
    """Alias of the key that encrypts a district's drop bucket."""
    return f"alias/firstcard-drop-{district}"


def purpose_key(library: str, district: str) -> str:
    """Alias of the key that wraps data keys for the purposes of one agreement."""
    return f"alias/firstcard-purpose-{library}-{district}"


def patrons_key(library: str) -> str:
    """Alias of the key that wraps the data keys of a library's own patrons."""
    return f"alias/firstcard-patrons-{library}"


def secret(kind: str, owner: str) -> str:
    """Name of a secret; kind is tokens, links or ils (of a library) or openpgp (of a district)."""
    return f"firstcard/{kind}/{owner}"


def library_queue(library: str) -> str:
    """Queue, and rule and role, of one library's card events."""
    return f"firstcard-library-{library}"


def role(function: str) -> str:
    """Name of a role, of a function and of a function's queue."""
    return f"firstcard-{function}"


def role_arn(function: str) -> str:
    """ARN of a role of this deployment."""
    return f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{role(function)}"


def session_arns(function: str) -> list[str]:
    """A role and its sessions: ``aws:PrincipalArn`` is the role for AWS's own evaluator and the session for others."""
    return [role_arn(function), f"arn:{Aws.PARTITION}:sts::{Aws.ACCOUNT_ID}:assumed-role/{role(function)}/*"]


def regional_arn(service: str, resource: str) -> str:
    """ARN of a resource of this account and region."""
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"


def bucket_arn(bucket: str) -> str:
    """ARN of a bucket."""
    return f"arn:{Aws.PARTITION}:s3:::{bucket}"


def table_arn(table: str) -> str:
    """ARN of a table."""
    return regional_arn("dynamodb", f"table/{table}")


def function_arn(verb: str) -> str:
    """ARN of a function."""
    return regional_arn("lambda", f"function:{role(verb)}")


def roster_run_arn() -> str:
    """ARN of the state machine."""
    return regional_arn("states", f"stateMachine:{ROSTER_RUN}")


def default_bus_arn() -> str:
    """ARN of the account's own bus."""
    return regional_arn("events", "event-bus/default")


def card_bus_arn() -> str:
    """ARN of the card bus."""
    return regional_arn("events", f"event-bus/{CARD_BUS}")


def alarm_topic_arn() -> str:
    """ARN of the topic that people subscribe to."""
    return regional_arn("sns", ALARMS)
