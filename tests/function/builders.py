"""A district's whole yard on moto: tables, vault, drop bucket, keys, and what happens to one roster step by step.

Everything is the product's own but the state machine: a test walks its steps, so that it can stop, repeat or break in between two of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import boto3

from firstcard.adapters.aws import DropAndVault, SecretsStore
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.agreement import Site
from firstcard.card.chunk import Chunk
from firstcard.card.issue import issue_chunk
from firstcard.event import Event
from firstcard.identity import Tokens
from firstcard.run.admission import admit, arrival_of
from firstcard.run.finishing import Finisher
from firstcard.run.ledger import Arrival, Run
from firstcard.run.planning import Planned, Planner
from firstcard.run.previewing import PREVIEW, Preview, newest, preview
from firstcard.run.steps import Begun, Holder, begin, decide_held, may_issue
from firstcard.run.weighing import Weigher
from firstcard.vault import Wrap
from tests.unit.agreement.builders import PATRONS, PIN_PAGE, agreement_content, library_content
from tests.unit.roster.builders import a_firstcard_csv, a_student_row
from tests.unit.vault.builders import KeyService

ACCOUNT, REGION = "123456789012", "us-east-1"
CARDS, LEDGER, BUS = "firstcard-cards", "firstcard-ledger", "firstcard-cards"
VAULT = f"firstcard-vault-{ACCOUNT}-{REGION}"
TOKEN_KEY = "a token key of the tests, long enough"
EVENING = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def site_content(**changes: Any) -> list[dict[str, Any]]:
    """Two districts of one library, which send the FirstCard form unprotected and need no look at their first file."""
    return [csv_content("pine", "dsa-pine-oak-2026", "904", **changes), csv_content("fir", "dsa-fir-oak-2026", "906", **changes)]


def csv_content(district: str, name: str, prefix: str, **changes: Any) -> dict[str, Any]:
    exchange = {"mapping": {}, "formats": ["csv"], "organisation_ids": ["school-1"], "protection": "plain", "signers": []}
    safety = {"first_run_needs_approval": False} | {f"max_{what}_percent": 100 for what in ("missing", "new", "changed", "rejected")}
    card = {"number": {"prefix": prefix}, "staff_number": {"prefix": f"{int(prefix) + 1}"}}
    changes = {"id": name, "district": district, "exchange": exchange, "safety": safety, "card": card} | changes
    return agreement_content(without=("exchange.mapping",), **changes)


def with_pin_page(content: dict[str, Any], *, names: bool = False) -> dict[str, Any]:
    """The same with a page that shows a PIN after the birth date is typed, and with ``names`` the child's, too."""
    content["purposes"] |= PIN_PAGE["purposes"]
    content["matrix"] |= {"show_pin": [*PIN_PAGE["matrix"]["show_pin"], *(["identity"] if names else [])]}
    content["roles"] |= PIN_PAGE["roles"]
    content["card"]["pin"] |= PIN_PAGE["card"]["pin"]
    return content


def barcode_content(district: str, name: str) -> dict[str, Any]:
    """The same with card numbers from the library's own block."""
    content = csv_content(district, name, {"pine": "904", "fir": "906"}[district])
    content["card"]["number"] = {"scheme": "library_barcode", "length": 14}
    return content


def libraries() -> list[dict[str, Any]]:
    """Oak, with which both districts share, and Elm, with which a test may let them share, too."""
    return [library_content(patrons=PATRONS), library_content(id="elm", name="Elm Public Library")]


def drop_bucket(district: str = "pine") -> str:
    return f"firstcard-drop-{district}-{ACCOUNT}-{REGION}"


def a_roster(*numbers: int, **changes: str) -> bytes:
    return a_firstcard_csv(*(a_student_row(n, **changes) for n in numbers))


def token(number: int, district: str = "pine", library: str = "oak") -> str:
    """The token of a student of ``a_student_row``."""
    return Tokens(TOKEN_KEY.encode(), library=library, district=district).patron("student", f"{100000 + number}")


def household(number: int, district: str = "pine") -> str:
    return Tokens(TOKEN_KEY.encode(), library="oak", district=district).household(f"family{number}@example.org")


def everything(table: str) -> list[str]:
    """Every item of a table, to be compared byte for byte."""
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return sorted(repr(sorted(item.items())) for page in pages for item in page["Items"])


@dataclass
class Yard:
    """What stands in the cloud, and the steps of a run."""

    site: Site
    keys: KeyService = field(default_factory=KeyService)
    emitted: list[Event] = field(default_factory=list)
    woken: list[tuple[str, str]] = field(default_factory=list)
    started: list[tuple[str, int]] = field(default_factory=list)
    draws: int = 0
    wrapper: Callable[[str], Wrap] | None = None
    patrons: list[dict[str, str]] | None = None
    """The library's own list of its patrons; None where there is none."""
    rested: dict[str, str] = field(default_factory=dict)
    """Until when each run rests."""

    def __post_init__(self) -> None:
        self.ledger = LedgerTable(LEDGER)
        self.cards = CardsTable(CARDS)
        self.places = DropAndVault(VAULT)

    # -- the steps --------------------------------------------------------------------------------------------------------------------------

    def drop(self, body: bytes, *, key: str = "incoming/roster.csv", at: datetime = EVENING, district: str = "pine") -> Arrival:
        """A finished upload."""
        put = boto3.client("s3").put_object(Bucket=drop_bucket(district), Key=key, Body=body)
        arrival = arrival_of(bucket=drop_bucket(district), key=key, version_id=put["VersionId"], size=len(body), received_at=at.isoformat())
        assert arrival is not None
        return arrival

    def admit(self, arrival: Arrival) -> tuple[Arrival, ...]:
        return admit(arrival, site=self.site, ledger=self.ledger, start=self.start)

    def start(self, arrival: Arrival, ready_at: str) -> None:
        self.rested[arrival.run_id] = ready_at
        self.started.append((arrival.run_id, arrival.attempt))

    def admitted(self, body: bytes, **where: Any) -> Arrival:
        arrival = self.drop(body, **where)
        assert self.admit(arrival)
        return arrival

    def plan(self, arrival: Arrival, *, site: Site | None = None) -> Planned:
        """Each call draws other random bytes than the one before, as it would in the cloud."""
        self.draws += 1
        random = Random(self.draws)
        return Planner(
            site=site or self.site,
            ledger=self.ledger,
            objects=self.places,
            secrets=SecretsStore(),
            wrapper=self.wrapper or (lambda sharing: self.keys.wrap),
            unwrap=self.keys.unwrap,
            declare=self.keys.declare,
            emit=self.emitted.extend,
            wake=lambda run, decision: self.woken.append((run.arrival.run_id, decision)),
            random=random.randbytes,
            below=random.randrange,
            pairs=self.cards,
            numbers=self.cards,
            patrons=lambda library, now: self.patrons,
        ).plan(arrival)

    def lay(self, body: bytes, *, at: datetime = EVENING, district: str = "pine", name: str = "roster.csv") -> Arrival:
        """A file in the folder that the library looks into, as what it would be if it were dropped."""
        put = boto3.client("s3").put_object(Bucket=drop_bucket(district), Key=f"{PREVIEW}{name}", Body=body)
        said = (f"{PREVIEW}{name}", put["VersionId"], len(body), at.isoformat())
        arrival = newest([said], bucket=drop_bucket(district), file=name, now=at)
        assert arrival is not None
        return arrival

    def preview(self, arrival: Arrival, *, library: str = "oak", site: Site | None = None) -> Preview:
        """What the function preview would say of a file that was laid there."""
        whole = site or self.site
        agreement = whole.of_sharing(f"{library}.{arrival.district}", datetime.fromisoformat(arrival.received_at).date())
        assert agreement is not None
        weigher = Weigher(
            site=whole,
            ledger=self.ledger,
            objects=self.places,
            secrets=SecretsStore(),
            unwrap=self.keys.unwrap,
            declare=self.keys.declare,
            pairs=self.cards,
            numbers=self.cards,
            patrons=lambda library, now: self.patrons,
        )
        return preview(arrival, agreement, weigher=weigher, ledger=self.ledger)

    def hold(self, arrival: Arrival, *, token: str = "task", at: datetime = EVENING) -> None:
        def wake(run: Run, decision: str) -> None:
            self.woken.append((run.task_token, decision))

        Holder(site=self.site, ledger=self.ledger, places=self.places, emit=self.emitted.extend, wake=wake).hold(
            arrival.run_id, token=token, at=at
        )

    def approve(self, arrival: Arrival, plan_hash: str, *, approve: bool = True) -> Run | None:
        return decide_held(self.ledger, arrival.run_id, approve=approve, plan_hash=plan_hash, by="ann")

    def begin(self, arrival: Arrival, *, at: datetime = EVENING, site: Site | None = None) -> Begun:
        return begin(arrival.run_id, site=site or self.site, ledger=self.ledger, at=at)

    def may_issue(self, arrival: Arrival, fence: int, *, at: datetime = EVENING, district: str = "pine") -> bool:
        return may_issue(arrival.run_id, sharing=f"oak.{district}", fence=fence, site=self.site, ledger=self.ledger, at=at)

    def chunks(self, planned: Planned) -> list[Chunk]:
        return self._chunks(planned.chunks_prefix)

    def _chunks(self, prefix: str) -> list[Chunk]:
        listed = boto3.client("s3").list_objects_v2(Bucket=VAULT, Prefix=prefix).get("Contents", []) if prefix else []
        return [Chunk.from_bytes(body) for item in listed if (body := self.places.get(item["Key"]))]

    def issue(self, planned: Planned) -> None:
        self.issue_under(planned.chunks_prefix)

    def issue_under(self, prefix: str) -> None:
        for chunk in self._chunks(prefix):
            issue_chunk(chunk, self.cards)

    def finish(self, arrival: Arrival, *, at: datetime = EVENING, error: bool = False, site: Site | None = None) -> str:
        state: dict[str, Any] = {"run_id": arrival.run_id} | ({"error": {"Error": "States.TaskFailed"}} if error else {})
        return Finisher(site or self.site, self.ledger, self.places, self.emitted.extend, self.cards.unnumbered, self.cards.became).finish(
            state, at=at
        )

    # -- all of them ------------------------------------------------------------------------------------------------------------------------

    def run(self, body: bytes, **where: Any) -> tuple[Arrival, str]:
        """A roster's whole way; gives what it ended with."""
        arrival = self.admitted(body, **where)
        planned = self.plan(arrival)
        if planned.outcome == "ready":
            assert self.begin(arrival).outcome in ("go", "nothing")
            self.issue(planned)
        return arrival, self.finish(arrival)

    # -- looking ----------------------------------------------------------------------------------------------------------------------------

    def known(self, arrival: Arrival) -> Run:
        run = self.ledger.run(arrival.run_id)
        assert run is not None
        return run

    def names(self) -> list[str]:
        return [event.name for event in self.emitted]

    def states(self, *numbers: int) -> list[str | None]:
        patrons = self.cards.standing([token(n) for n in numbers]).patrons
        return [str(patrons[token(n)].state) if token(n) in patrons else None for n in numbers]

    def sealed(self, number: int) -> dict[str, bytes]:
        return dict(self.cards.standing([token(number)]).patrons[token(number)].sealed)


def later(**span: float) -> datetime:
    return EVENING + timedelta(**span)


@dataclass
class Breaking:
    """Breaks in before calls of AWS: ``before("PutItem", act)`` acts before the first such call, once, and may raise instead of letting it through."""

    plans: list[tuple[str, str, int, Callable[[], object]]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    _inside: bool = False

    def before(self, operation: str, act: Callable[[], object], *, nth: int = 1, about: str = "") -> None:
        """``about`` is a text that the call's content must hold; calls that ``act`` makes itself are not broken into."""
        self.plans.append((operation, about, nth, act))

    def called(self, operation: str, content: object) -> None:
        if self._inside:
            return
        self.seen.append(operation)
        due: list[Callable[[], object]] = []
        left: list[tuple[str, str, int, Callable[[], object]]] = []
        for wanted, about, nth, act in self.plans:
            if wanted not in (operation, "*") or about not in repr(content):
                left.append((wanted, about, nth, act))
            elif nth > 1:
                left.append((wanted, about, nth - 1, act))
            else:
                due.append(act)
        self.plans = left
        self._inside = True
        try:
            for act in due:
                act()
        finally:
            self._inside = False

    def writes(self) -> Sequence[str]:
        """The writing calls so far."""
        return [
            c
            for c in self.seen
            if c in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "PutEvents", "SendBulkEmail")
        ]


class KilledError(BaseException):
    """The function was killed here: nothing in it may catch this."""


def dies() -> None:
    raise KilledError
