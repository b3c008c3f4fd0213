"""One data-sharing on the one machine, from outside: the district drops and fetches, the library looks and decides."""

import asyncio
import hashlib
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

import asyncssh
from boto3.dynamodb.types import TypeDeserializer

from firstcard.event.model import Event
from firstcard.identity import Tokens
from local.cloud.server import ROOT
from local.counting import Watch
from local.district.delivery import OpenPgpKey, drop, protect
from local.district.oneroster import oneroster_zip
from local.district.people import District
from local.ils.patrons import hashed
from local.machine import DESK, Machine
from local.outbox import kind_of
from local.programme import Programme
from tests.flow.product.hearing import Hearing
from tests.flow.product.waiting import until

T = TypeVar("T")
Item = Mapping[str, Any]
LINK = re.compile(r"https://[\w.:/$-]+/no/[\w.~%-]+")
PIN_LINK = re.compile(r"https://[\w.:/$-]+/pin/[\w.~%-]+")
_plain = TypeDeserializer().deserialize


def link_in(mail: Mapping[str, Any]) -> str:
    """The address of the refusal page that an e-mail gives, or nothing."""
    found = LINK.search(mail["BodyText"])
    return found.group(0) if found else ""


def pin_link_in(mail: Mapping[str, Any]) -> str:
    """The address of the page for the PIN that an e-mail gives, or nothing."""
    found = PIN_LINK.search(mail["BodyText"])
    return found.group(0) if found else ""


@dataclass
class Sharing:
    """One programme: its district's people, and everybody's way in."""

    machine: Machine
    programme: Programme
    district: District
    hearing: Hearing
    export: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """The district's export, made once."""
        self.export = self.exported(self.district)
        self.watch = Watch(self.machine, self.programme)

    @property
    def slug(self) -> str:
        """The district's short name."""
        return self.programme.agreement.district

    @property
    def bucket(self) -> str:
        """The drop bucket."""
        return self.machine.drop_bucket(self.slug)

    # ---- the district -----------------------------------------------------------

    def exported(self, district: District) -> bytes:
        """The export of its student system, in the way that the agreement's consent route asks for."""
        refused: Literal["marked", "bare"] = "bare" if self.programme.agreement.route == "before_upload" else "marked"
        return oneroster_zip(district, refused=refused)

    def protected(self, data: bytes, *, signer: OpenPgpKey | None = None, recipient: str = "") -> bytes:
        """``data`` signed and encrypted as agreed, or by and for somebody else."""
        keys = self.programme.keys
        return protect(data, recipients=[recipient or keys.ours.public], signer=signer or keys.sender).data

    def drop(self, data: bytes, name: str, *, folder: str = "incoming") -> str:
        """Upload over SFTP under a temporary name and rename; gives the final name."""
        drop(data, name=name, server=self.machine.sftp(self.slug), key=self.programme.keys.sftp, folder=folder)
        return name

    def over_sftp(self, work: Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, T]], *, account: str = "") -> T:
        """Do something in an SFTP session signed in by the district's key, as itself or as another account."""
        server = self.machine.sftp(self.slug)

        async def session() -> T:
            known = asyncssh.import_known_hosts(f"[{server.host}]:{server.port} {server.host_key}\n")
            key = asyncssh.import_private_key(self.programme.keys.sftp.private)
            async with (
                asyncssh.connect(
                    server.host,
                    server.port,
                    username=account or self.slug,
                    client_keys=[key],
                    known_hosts=known,
                    agent_path=None,
                    config=None,
                ) as connection,
                connection.start_sftp_client() as client,
            ):
                return await work(client)

        return asyncio.run(asyncio.wait_for(session(), 60))

    def receipt(self, run_id: str, kind: str = "json") -> str:
        """A run's receipt, fetched from the outbox folder over SFTP; empty while there is none."""

        async def fetch(client: asyncssh.SFTPClient) -> str:
            names = [str(name) for name in await client.listdir("/outbox")]
            for name in names:
                if name.endswith(f"-{run_id}.{kind}"):
                    async with client.open(f"/outbox/{name}", "rb") as file:
                        body: bytes | str = await file.read()
                        return body.decode() if isinstance(body, bytes) else body
            return ""

        return self.over_sftp(fetch)

    def receipt_of(self, run_id: str) -> dict[str, Any]:
        """A run's receipt as data."""
        body: dict[str, Any] = json.loads(self.receipt(run_id))
        return body

    def trial_receipts(self, kind: str = "json") -> dict[str, str]:
        """The receipts of files that were only tried, as they lie in the outbox folder, by name."""

        async def fetch(client: asyncssh.SFTPClient) -> dict[str, str]:
            found: dict[str, str] = {}
            for name in sorted(str(name) for name in await client.listdir("/outbox")):
                if name.startswith("try-") and name.endswith(f".{kind}"):
                    async with client.open(f"/outbox/{name}", "rb") as file:
                        found[name] = bytes(await file.read()).decode()
            return found

        return self.over_sftp(fetch)

    def until_tried(self, name: str) -> dict[str, Any]:
        """Wait for the receipt of a file of this name that was put into ``try/``."""

        def there() -> dict[str, Any] | None:
            receipts: list[dict[str, Any]] = [json.loads(body) for body in self.trial_receipts().values()]
            return next((receipt for receipt in receipts if receipt["file_name"] == name), None)

        found = until(there, f"the trial receipt of {name}", seconds=60)
        assert found is not None
        return found

    # ---- its runs ---------------------------------------------------------------

    @cached_property
    def _desk(self) -> Any:
        return self.machine.cloud.session(DESK).client("dynamodb")

    def runs(self) -> list[dict[str, Any]]:
        """The ledger's runs of this district, newest first."""
        answer = self._desk.query(
            TableName="firstcard-ledger",
            IndexName="by_district",
            KeyConditionExpression="district = :d",
            ExpressionAttributeValues={":d": {"S": self.slug}},
            ScanIndexForward=False,
        )
        return [{name: _plain(value) for name, value in item.items()} for item in answer["Items"]]

    def run_of(self, name: str) -> dict[str, Any] | None:
        """The newest run of a file of this name."""
        return next((run for run in self.runs() if run["object_key"] == f"incoming/{name}"), None)

    def until_run(self, name: str, *statuses: str) -> dict[str, Any]:
        """Wait until the run of a file stands at one of ``statuses``."""

        def there() -> dict[str, Any] | None:
            run = self.run_of(name)
            return run if run and run["status"] in statuses else None

        found = until(there, f"{name} to be {' or '.join(statuses)}")
        assert found is not None
        return found

    # ---- the library ------------------------------------------------------------

    def firstcard(self, *words: str, role: str = "firstcard-operator", exits: Sequence[int] = (0,)) -> str:
        """What the command line answers under a role."""
        environment = self.machine.as_role(role) | {"COLUMNS": "150"}
        command = [sys.executable, "-m", "cli.main", *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode in exits, done.stderr[-2000:]
        return done.stdout

    def decide(self, run_id: str, decision: Literal["approve", "reject"]) -> None:
        """Decide on a held plan as it is shown now."""
        shown = json.loads(self.firstcard("run", "show", run_id, "--json"))
        self.firstcard("run", decision, run_id, "--plan", shown["plan_hash"])

    def ils_patrons(self) -> dict[str, dict[str, Any]]:
        """Patrons of the library's own database, by the token that FirstCard left with them."""
        system = self.machine.libraries[self.programme.library.id]
        with closing(sqlite3.connect(f"file:{system.database}?mode=ro", uri=True, timeout=10)) as patrons:
            rows = patrons.execute(
                "SELECT attributes.value, patrons.patron FROM patrons JOIN attributes USING (patron_id) WHERE attributes.type = ?",
                (self.programme.library.ils.token_attribute,),
            ).fetchall()
        return {token: json.loads(patron) for token, patron in rows}

    def pin_opens(self, number: str, pin: str) -> bool:
        """Whether somebody can sign in to the library's system with this number and PIN."""
        system = self.machine.libraries[self.programme.library.id]
        with closing(sqlite3.connect(f"file:{system.database}?mode=ro", uri=True, timeout=10)) as patrons:
            (kept,) = patrons.execute("SELECT pin FROM patrons WHERE cardnumber = ?", (number,)).fetchone()
        return bool(kept) and kept == hashed(pin, kept.partition("$")[0])

    # ---- what is left behind ----------------------------------------------------

    @cached_property
    def tokens(self) -> Tokens:
        """The district's tokens, worked out here from the library's key."""
        secrets = self.machine.cloud.session("firstcard-plan").client("secretsmanager")
        library = self.programme.library.id
        key = secrets.get_secret_value(SecretId=f"firstcard/tokens/{library}")["SecretString"]
        return Tokens(key.encode(), library=library, district=self.slug)

    def token(self, local_id: str, role: str = "student") -> str:
        """A person's token."""
        return self.tokens.patron(role, local_id)

    def _scan(self) -> Iterator[dict[str, Any]]:
        pages = self._desk.get_paginator("scan").paginate(
            TableName="firstcard-cards",
            ConsistentRead=True,
            FilterExpression="district = :d",
            ExpressionAttributeValues={":d": {"S": self.slug}},
        )
        for page in pages:
            yield from page["Items"]

    def items(self) -> dict[tuple[str, str], Item]:
        """The district's items of the cards table, by key."""
        found = ({name: _plain(value) for name, value in item.items()} for item in self._scan())
        return {(item["pk"], item["sk"]): item for item in found}

    def digests(self) -> dict[tuple[str, str], str]:
        """A digest of every item of this district, to the byte."""
        return {(item["pk"]["S"], item["sk"]["S"]): digest_of(item) for item in self._scan()}

    def mails(self) -> list[dict[str, Any]]:
        """The e-mails sent in this library's name so far, oldest first, each with its ``Kind``."""
        sender = self.programme.agreement.notices.sender
        return [{**mail, "Kind": kind_of(mail)} for mail in self.machine.cloud.outbox() if sender in mail["Source"]]

    def events(self) -> list[Event]:
        """Every event of this district so far."""
        return self.hearing.events(self.slug)

    def state(self) -> "Left":
        """Everything that a run could leave behind, at this moment."""
        return Left(self.items(), self.digests(), self.ils_patrons(), self.mails(), self.events(), self.watch.take_events())


@dataclass(frozen=True)
class Left:
    """What lies where at one moment: table, library system, outbox, card bus (everything so far), library's queue (since the last look)."""

    items: Mapping[tuple[str, str], Item]
    digests: Mapping[tuple[str, str], str]
    ils: Mapping[str, Mapping[str, Any]]
    mails: Sequence[Mapping[str, Any]]
    events: Sequence[Event]
    library_queue: Sequence[Mapping[str, Any]]

    def patrons(self, *states: str) -> dict[str, Item]:
        """Patron items in one of ``states``, by token."""
        return {item["token"]: item for (_, sk), item in self.items.items() if sk == "patron" and item["state"] in states}

    def mails_of(self, kind: str) -> list[Mapping[str, Any]]:
        """E-mails of one kind."""
        return [mail for mail in self.mails if mail["Kind"] == kind]

    def told(self, name: str) -> set[str]:
        """The tokens that events of this name are about."""
        return {getattr(event, "token") for event in self.events if event.name == name}  # noqa: B009  card events have one


@dataclass(frozen=True)
class Difference:
    """What changed between two moments: keys of written items, events, e-mails, and patrons in the library system."""

    written: frozenset[tuple[str, str]]
    events: tuple[Event, ...]
    mails: tuple[Mapping[str, Any], ...]
    in_ils: frozenset[str]

    @property
    def nothing(self) -> bool:
        """Whether nothing changed at all."""
        return not (self.written or self.events or self.mails or self.in_ils)


def difference(before: Left, after: Left) -> Difference:
    """What ``after`` has that ``before`` has not, or has otherwise; an item that is gone counts as written."""
    gone = before.digests.keys() - after.digests.keys()
    written = {key for key, digest in after.digests.items() if before.digests.get(key) != digest} | gone
    known = {event.id for event in before.events}
    changed = {token for token in before.ils.keys() | after.ils.keys() if before.ils.get(token) != after.ils.get(token)}
    return Difference(
        frozenset(written),
        tuple(event for event in after.events if event.id not in known),
        tuple(after.mails[len(before.mails) :]),
        frozenset(changed),
    )


def digest_of(item: Mapping[str, Any]) -> str:
    """A digest of one item as DynamoDB's wire form."""
    return hashlib.sha256(json.dumps(item, sort_keys=True, default=lambda data: bytes(data).hex()).encode()).hexdigest()
