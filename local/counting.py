"""Counting from outside: the roster, the table, the library's database, its queue and the outbox, each read on its own."""

import csv
import io
import json
import sqlite3
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from local.machine import DESK, Machine
from local.outbox import kind_of
from local.programme import Programme
from local.wanted import Wanted

_WRITES = {f"dynamodb:{name}" for name in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")}
PEOPLE = {"student", "teacher", "administrator", "aide", "proctor"}


@dataclass(frozen=True)
class Counted:
    """What was found of one library where it lies."""

    rows: int
    accepted: int
    rejected: Mapping[str, int]
    left_out: int
    cards: int
    refused: int
    waiting: int
    ils_patrons: int
    card_events: int
    emails: Mapping[str, int]


@dataclass(frozen=True)
class Patrons:
    """How many patrons of one data-sharing are in which state, and how many refused."""

    states: Mapping[str, int]
    refused: int


class Watch:
    """Looks at one agreement on one machine, under the desk's role and the library's own."""

    def __init__(self, machine: Machine, programme: Programme) -> None:
        self.machine = machine
        self.programme = programme
        self._issued: set[str] = set()

    @cached_property
    def _dynamodb(self) -> Any:  # noqa: ANN401  boto3's clients on the one machine are untyped
        return self.machine.cloud.session(DESK).client("dynamodb")

    @cached_property
    def _sqs(self) -> Any:  # noqa: ANN401
        return self.machine.cloud.session(DESK).client("sqs")

    @cached_property
    def _library_sqs(self) -> Any:  # noqa: ANN401
        return self.machine.cloud.session(f"firstcard-library-{self.programme.library.id}").client("sqs")

    # -- the ledger: for following a run, never for the final count -----------------------------------------------------------------------------

    def runs(self) -> list[tuple[str, str]]:
        """(run, status), newest first."""
        return [(item["run_id"]["S"], item["status"]["S"]) for item in self._runs()]

    def _runs(self) -> list[dict[str, Any]]:
        answer = self._dynamodb.query(
            TableName="firstcard-ledger",
            IndexName="by_district",
            KeyConditionExpression="district = :d",
            ExpressionAttributeValues={":d": {"S": self.programme.agreement.district}},
            ScanIndexForward=False,
        )
        return [item for item in answer["Items"] if item["sharing"]["S"] == self.programme.agreement.sharing]

    def status(self, run_id: str) -> str:
        """A run's status."""
        return dict(self.runs()).get(run_id, "")

    def held(self) -> int:
        """How many runs waited for a person, who was written to."""
        return sum(item.get("holds", {}).get("S", "[]") != "[]" for item in self._runs())

    def plan_hash(self, run_id: str) -> str:
        """The hash of a run's plan."""
        return next((item["plan_hash"]["S"] for item in self._runs() if item["run_id"]["S"] == run_id), "")

    def reason(self, run_id: str) -> str:
        """Why a run ended as it did."""
        return next((item.get("reason", {}).get("S", "") for item in self._runs() if item["run_id"]["S"] == run_id), "")

    # -- what is under way ----------------------------------------------------------------------------------------------------------------------

    def sent(self) -> int:
        """How many e-mails SES accepted since the counting began, without reading them."""
        sends = (o for o in self.machine.cloud.calls()["operations"] if o["operation"] == "SendBulkEmail" and not o["refused"])
        return sum(int(o["items"]) for o in sends)

    @property
    def database(self) -> Path:
        """The library's own database, of its stand-in."""
        return self.machine.libraries[self.programme.library.id].database

    def in_ils(self) -> int:
        """Patrons in the library's database."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10) as patrons:
            return int(patrons.execute("SELECT count(*) FROM patrons").fetchone()[0])

    def windows_open(self) -> int:
        """Announcements whose window runs."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName="firstcard-cards",
            IndexName="windows",
            KeyConditionExpression="window_of = :s",
            ExpressionAttributeValues={":s": {"S": self.programme.agreement.sharing}},
            Select="COUNT",
        )
        return sum(int(page["Count"]) for page in pages)

    def queues_are_empty(self) -> bool:
        """Whether no message waits or is being worked on."""
        for name in ("sync", "notify", "admit"):
            url = self._sqs.get_queue_url(QueueName=f"firstcard-{name}")["QueueUrl"]
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            if any(int(found[n]) for n in names):
                return False
        return True

    def until_quiet(self, *, stop: Callable[[], bool] = lambda: False) -> None:
        """Wait until no queue has held anything for three looks in a row, or until ``stop`` says so."""
        quiet = 0
        while quiet < 3 and not stop():
            quiet = quiet + 1 if self.queues_are_empty() else 0
            time.sleep(0.2)

    def pulse(self) -> str:
        """Something that changes while work goes on."""
        counts = self.machine.cloud.calls()
        return f"{self.runs()[:2]} functions {sum(f['count'] for f in counts['functions'].values())}"

    # -- the library's own queue ----------------------------------------------------------------------------------------------------------------

    def take_events(self) -> list[dict[str, Any]]:
        """Take every event that waits in the library's queue, as the library would; gives those of this data-sharing."""
        sqs, taken = self._library_sqs, []
        url = sqs.get_queue_url(QueueName=f"firstcard-library-{self.programme.library.id}")["QueueUrl"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages"):
            sqs.delete_message_batch(
                QueueUrl=url, Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            )
            bodies = [json.loads(m["Body"]) for m in messages]
            taken += [event for event in bodies if event["detail"].get("sharing") == self.programme.agreement.sharing]
        self._issued |= {event["detail"]["token"] for event in taken if event["detail-type"] == "CardIssued"}
        return taken

    # -- the final count ------------------------------------------------------------------------------------------------------------------------

    def patrons(self) -> Patrons:
        """Who is in which state, and who refused, counted over the whole cards table; items of other agreements are left aside."""
        states, refused, mine = Counter[str](), 0, {"S": self.programme.agreement.sharing}
        names = {"#state": "state"}
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName="firstcard-cards", ConsistentRead=True, ProjectionExpression="sk, sharing, #state", ExpressionAttributeNames=names
        )
        for item in (item for page in pages for item in page["Items"] if item["sharing"] == mine):
            refused += item["sk"]["S"] == "refusal"
            if item["sk"]["S"] == "patron":
                states[item["state"]["S"]] += 1
        return Patrons(states, refused)

    def writes(self) -> int:
        """How many calls wrote into the cards table since the counting began, whoever made them and whether or not they changed anything."""
        actions = self.machine.cloud.calls()["actions"]
        return sum(a["count"] for a in actions if a["action"] in _WRITES and a["resource"].endswith(":table/firstcard-cards"))

    def receipt(self) -> dict[str, Any]:
        """The newest receipt of a file that was applied for this library, as the district reads it from its outbox; empty if there is none."""
        s3 = self.machine.cloud.session(f"firstcard-upload-{self.programme.agreement.district}").client("s3")
        bucket = self.machine.drop_bucket(self.programme.agreement.district)
        keys = [t["Key"] for t in s3.list_objects_v2(Bucket=bucket, Prefix="outbox/").get("Contents", []) if t["Key"].endswith(".json")]
        bodies: list[dict[str, Any]] = [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
        mine = [body for body in bodies if body["library"] == self.programme.library.name and body["outcome"] == "applied"]
        return max(mine, key=lambda body: str(body["received_at"]), default={})

    def emails(self, messages: Sequence[Mapping[str, Any]]) -> Counter[str]:
        """How many of the messages are of which kind, of those that this agreement's sender sent."""
        return Counter(kind_of(message) for message in messages if message["Source"] == self.programme.agreement.notices.sender)

    def count(self, export: bytes, receipt: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> Counted:
        """Count everything where it lies; the queue's events were taken before."""
        patrons = self.patrons()
        return Counted(
            rows=rows_in(export),
            accepted=receipt["accepted"],
            rejected=receipt["rejected"],
            left_out=sum(receipt["excluded"].values()),
            cards=patrons.states["active"],
            refused=patrons.refused,
            waiting=patrons.states["waiting"],
            ils_patrons=self.in_ils(),
            card_events=len(self._issued),
            emails=self.emails(messages),
        )


def agree(counted: Counted, wanted: Wanted) -> bool:
    """Whether what was found for one library is what the people make of it, in every number."""
    return (
        counted.rows == wanted.rows == counted.accepted + sum(counted.rejected.values())
        and dict(counted.rejected) == wanted.rejected
        and counted.left_out == wanted.left_out
        and counted.refused == wanted.refused
        and counted.waiting == wanted.waiting
        and counted.cards == counted.ils_patrons == counted.card_events == wanted.cards
        and counted.emails["announcement"] == wanted.announcements
        and counted.emails["card"] == wanted.card_mails
        and counted.emails["staff"] == wanted.staff_mails
        and counted.emails["receipt"] == wanted.receipts
    )


def sum_of(counted: Iterable[Counted]) -> Counted:
    """The sum over the libraries of one file: its rows count once, whatever a library does with them."""
    first, *others = counted
    for one in others:
        first = replace(
            first,
            left_out=first.left_out + one.left_out,
            cards=first.cards + one.cards,
            refused=first.refused + one.refused,
            waiting=first.waiting + one.waiting,
            ils_patrons=first.ils_patrons + one.ils_patrons,
            card_events=first.card_events + one.card_events,
            emails=Counter(first.emails) + Counter(one.emails),
        )
    return first


def rows_in(export: bytes) -> int:
    """Students' and staff's rows of a OneRoster zip, read plainly."""
    with zipfile.ZipFile(io.BytesIO(export)) as archive, archive.open("users.csv") as users:
        return sum(row["role"] in PEOPLE for row in csv.DictReader(io.TextIOWrapper(users, "utf-8", newline="")))
