"""AWS services behind the ports of the features: objects, keys, secrets, events, mail, executions.

Clients are made when first needed and kept; nothing touches AWS when this module is imported.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast, overload

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from firstcard.event import Event
from firstcard.event.inbox import Inbound
from firstcard.run.admission import TRY
from firstcard.run.ledger import Arrival, Run, Standing
from firstcard.vault import VaultClosedError, Wrap

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectVersionTypeDef
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import EmailTemplateContentTypeDef
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

EVENTS_PER_CALL = 10
CALLS_AT_ONCE = 4
SOURCE = "firstcard"
CONFIGURATION_SET = "firstcard"
"""By which SES tells what became of an e-mail."""
ONCE = Config(connect_timeout=5, read_timeout=25, retries={"total_max_attempts": 1}, parameter_validation=False)
"""For e-mails: SES may have taken a call whose answer was lost, and does not know a repeat. The queue tries again what is not marked."""
PATIENT = Config(connect_timeout=5, read_timeout=920, retries={"total_max_attempts": 1}, tcp_keepalive=True)
"""For a function that may take its quarter of an hour, and must not be called a second time meanwhile."""
CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "max_attempts": 5}, parameter_validation=False)


@overload
def client(service: Literal["events"]) -> "EventBridgeClient": ...
@overload
def client(service: Literal["kms"]) -> "KMSClient": ...
@overload
def client(service: Literal["lambda"]) -> "LambdaClient": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["secretsmanager"]) -> "SecretsManagerClient": ...
@overload
def client(service: Literal["sesv2"]) -> "SESV2Client": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def client(service: Literal["stepfunctions"]) -> "SFNClient": ...
@cache
def client(service: Any) -> Any:  # one cached factory behind typed overloads
    """The service's client, made once a process."""
    return boto3.client(service, config=ONCE if service == "sesv2" else CONFIG)


def account_and_region() -> tuple[str, str]:
    """The account and region that the environment's credentials work in."""
    session = boto3.Session()
    return session.client("sts", config=CONFIG).get_caller_identity()["Account"], session.region_name or "us-east-1"


def caller() -> str:
    """Who the environment's credentials say one is: role and session, such as ``firstcard-systems-librarian/ann``."""
    return boto3.Session().client("sts", config=CONFIG).get_caller_identity()["Arn"].rpartition(":")[2].partition("/")[2]


class DropAndVault:
    """Objects of the drop buckets and of the vault bucket."""

    def __init__(self, vault: str) -> None:
        self._vault = vault

    def read_drop(self, arrival: Arrival) -> bytes:
        """The uploaded object, in exactly the version that arrived."""
        answer = client("s3").get_object(Bucket=arrival.bucket, Key=arrival.key, VersionId=arrival.version_id)
        return answer["Body"].read()

    def put(self, key: str, body: bytes) -> None:
        """Write an object of the vault."""
        client("s3").put_object(Bucket=self._vault, Key=key, Body=body)

    def get(self, key: str) -> bytes | None:
        """Read an object of the vault; None if there is none."""
        try:
            return client("s3").get_object(Bucket=self._vault, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise

    def delete(self, key: str) -> None:
        """Remove an object of the vault; its version goes with the bucket's lifecycle."""
        client("s3").delete_object(Bucket=self._vault, Key=key)

    def destroy(self, key: str) -> None:
        """Delete every version of an object of the vault for good; S3 says yes to one that is gone."""
        s3 = client("s3")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=self._vault, Prefix=key):
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                if version["Key"] == key:
                    s3.delete_object(Bucket=self._vault, Key=key, VersionId=version["VersionId"])

    def keys(self, prefix: str) -> Iterator[str]:
        """The vault's objects under a prefix."""
        for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=self._vault, Prefix=prefix):
            yield from (item["Key"] for item in page.get("Contents", ()))

    def lying(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """(key, time) of every version of the vault's objects under a prefix."""
        for version in _versions(self._vault, prefix):
            yield version["Key"], version["LastModified"]

    def put_outbox(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Write into a district's outbox."""
        client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def delete_trial(self, bucket: str, key: str, version_id: str) -> None:
        """Delete one version of a trial folder's object for good; S3 says yes to one that is gone."""
        client("s3").delete_object(Bucket=bucket, Key=key, VersionId=version_id)

    def versions(self, bucket: str, prefix: str) -> Iterator[tuple[str, str, int, str]]:
        """(key, version id, size, time) of every version that is an object."""
        for version in _versions(bucket, prefix):
            yield version["Key"], version["VersionId"], version["Size"], version["LastModified"].isoformat()

    def trials(self, bucket: str) -> Iterator[Standing]:
        """Every version that lies in a bucket's trial folder."""
        for version in _versions(bucket, TRY):
            yield Standing(version["Key"], version["VersionId"], version["IsLatest"])


def _versions(bucket: str, prefix: str) -> Iterator["ObjectVersionTypeDef"]:
    for page in client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Versions", [])


class SecretsStore:
    """Keys in Secrets Manager, kept for the life of a warm function."""

    @staticmethod
    @cache
    def _text(name: str) -> str:
        return client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]

    def token_key(self, library: str) -> bytes:
        """The library's token key."""
        return self._text(f"firstcard/tokens/{library}").encode()

    def link_key(self, library: str) -> bytes:
        """The key that signs a library's opt-out links."""
        return self._text(f"firstcard/links/{library}").encode()

    def opening_keys(self, district: str) -> Sequence[str]:
        """Secret keys of one district, OpenPGP and age; read every time, for a key may just have been changed."""
        answer = client("secretsmanager").get_secret_value(SecretId=f"firstcard/openpgp/{district}", VersionStage="AWSCURRENT")
        kept = json.loads(answer["SecretString"])
        return cast("list[str]", [*kept["keys"], *kept.get("age", ())])

    def ils(self, library: str) -> Mapping[str, str]:
        """What signs us in at a library's ILS."""
        return cast("dict[str, str]", json.loads(self._text(f"firstcard/ils/{library}")))


def purpose_key(sharing: str) -> str:
    """The alias of an agreement's purpose key, or of the key that seals a library's own patrons where ``sharing`` is the library alone."""
    library, _, district = sharing.partition(".")
    if not district:
        return f"alias/firstcard-patrons-{library}"
    return f"alias/firstcard-purpose-{library}-{district}"


def wrapper(sharing: str) -> Wrap:
    """Wraps data keys with an agreement's purpose key, or with a library's own."""

    def wrap(key: bytes, context: Mapping[str, str]) -> bytes:
        return client("kms").encrypt(KeyId=purpose_key(sharing), Plaintext=key, EncryptionContext=dict(context))["CiphertextBlob"]

    return wrap


def unwrap(wrapped: bytes, context: Mapping[str, str]) -> bytes:
    """Unwraps a data key, or raises VaultClosedError if KMS refuses."""
    try:
        return client("kms").decrypt(CiphertextBlob=wrapped, EncryptionContext=dict(context), KeyId=purpose_key(context["agreement"]))[
            "Plaintext"
        ]
    except ClientError as error:
        raise VaultClosedError(error.response["Error"]["Code"]) from None


class CardBus:
    """The card bus."""

    def __init__(self, bus: str) -> None:
        self._bus = bus

    def emit(self, events: Sequence[Event]) -> None:
        """Put events, ten a call and some calls at once, for the bus keeps no order.

        Raises RuntimeError if the bus did not take all of them: the caller is tried again, consumers know repeats.
        """
        entries: list[PutEventsRequestEntryTypeDef] = [
            {"EventBusName": self._bus, "Source": SOURCE, "DetailType": e.name, "Detail": e.model_dump_json()} for e in events
        ]
        bus = client("events")

        def put(start: int) -> int:
            return bus.put_events(Entries=entries[start : start + EVENTS_PER_CALL])["FailedEntryCount"]

        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            failed = sum(pool.map(put, range(0, len(entries), EVENTS_PER_CALL)))
        if failed:
            raise RuntimeError(f"the bus did not take {failed} events")


def execution_starter(state_machine: str) -> Callable[[Arrival, str], None]:
    """Starts the run of an arrival, named by run and attempt, to rest until ``ready_at``; a run that was started already stays as it is."""

    def start(arrival: Arrival, ready_at: str) -> None:
        body = {
            "run_id": arrival.run_id,
            "attempt": arrival.attempt,
            "bucket": arrival.bucket,
            "key": arrival.key,
            "version_id": arrival.version_id,
            "size": arrival.size,
            "received_at": arrival.received_at,
            "district": arrival.district,
            "ready_at": ready_at,
        }
        try:
            client("stepfunctions").start_execution(
                stateMachineArn=state_machine, name=f"{arrival.run_id}-{arrival.attempt}", input=json.dumps(body, sort_keys=True)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise

    return start


def is_running(state_machine: str, run_id: str, attempt: int) -> bool:
    """Whether the execution of this attempt is still under way."""
    arn = state_machine.replace(":stateMachine:", ":execution:") + f":{run_id}-{attempt}"
    try:
        return client("stepfunctions").describe_execution(executionArn=arn)["status"] == "RUNNING"
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return False
        raise


def wake(run: Run, decision: str) -> None:
    """Wake the execution of a waiting run; one that does not wait any more stays as it is."""
    if not run.task_token:
        return
    try:
        client("stepfunctions").send_task_success(taskToken=run.task_token, output=json.dumps({"decision": decision}))
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken"):
            raise


class FunctionFailedError(Exception):
    """A function that was asked broke off; its message is the kind of its error, for the text of one may hold what was asked."""


def ask_function(name: str, question: Mapping[str, str], *, patient: bool = False) -> Mapping[str, Any]:
    """Call a function and give its answer. The question travels in the call's body, which neither CloudTrail nor the function's log keeps.

    ``patient`` waits as long as a function can take, and asks once only. Raises FunctionFailedError, and ClientError where the caller may not ask.
    """
    asked: LambdaClient = boto3.client("lambda", config=PATIENT) if patient else client("lambda")
    answer = asked.invoke(FunctionName=name, Payload=json.dumps(question).encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise FunctionFailedError(said.get("errorType", "") if isinstance(said, dict) else "")
    return cast("Mapping[str, Any]", said)


def put_off(message: Inbound) -> None:
    """Let a message that must be tried again rest, longer each time: half a minute, two, eight, and then a quarter of an hour."""
    seconds = min(900, 30 * 4 ** (message.receives - 1))
    client("sqs").change_message_visibility(QueueUrl=_queue_url(message.queue), ReceiptHandle=message.receipt, VisibilityTimeout=seconds)


@cache
def _queue_url(arn: str) -> str:
    return client("sqs").get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail: addresses, subject, both parts, and the tags by which SES counts it."""

    to: Sequence[str]
    subject: str
    html: str
    text: str
    tags: Mapping[str, str]

    def __repr__(self) -> str:
        """Nothing of it."""
        return "Mail()"


_AS_WRITTEN: "EmailTemplateContentTypeDef" = {"Subject": "{{subject}}", "Html": "{{html}}", "Text": "{{text}}"}
"""A template that is nothing but its values, which SES puts in as they are."""


def send_mails(mails: Sequence[Mail], *, sender: str, reply_to: str) -> list[bool]:
    """Hand e-mails, at most 50, to SES in one call; False for each that SES did not take, for whatever reason.

    The queue tries those again, and then its dead letters show them.
    """
    if not mails:
        return []
    try:
        answer = client("sesv2").send_bulk_email(
            FromEmailAddress=sender,
            ReplyToAddresses=[reply_to],
            ConfigurationSetName=CONFIGURATION_SET,
            DefaultContent={"Template": {"TemplateContent": _AS_WRITTEN, "TemplateData": "{}"}},
            BulkEmailEntries=[
                {
                    "Destination": {"ToAddresses": list(mail.to)},
                    "ReplacementTags": [{"Name": name, "Value": value} for name, value in mail.tags.items()],
                    "ReplacementEmailContent": {
                        "ReplacementTemplate": {
                            "ReplacementTemplateData": json.dumps({"subject": mail.subject, "html": mail.html, "text": mail.text})
                        }
                    },
                }
                for mail in mails
            ],
        )
    except (ClientError, BotoCoreError):
        return [False] * len(mails)
    return [result.get("Status") == "SUCCESS" for result in answer["BulkEmailEntryResults"]]
