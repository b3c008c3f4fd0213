"""A whole school year of one programme on a simulated clock: its example agreements and next year's, every function's own code, and a library system each.

Only the transport is missing: the stream, the bus and the queues are a loop that looks what changed in the cards table and tells it on, in an order that is drawn.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import yaml
from boto3.dynamodb.types import TypeDeserializer
from moto.dynamodb.models import dynamodb_backends

from firstcard.agreement import Agreement, Library, Site, agreement_from, load_site
from firstcard.agreement.renew import renewed
from firstcard.agreement.vocabulary import Purpose
from firstcard.card.view import Yes
from firstcard.card.window import end_windows, with_a_yes
from firstcard.event import Event
from firstcard.event.transition import events_of
from firstcard.identity import Tokens
from firstcard.ils.sync import sync_patrons
from firstcard.notice.due import Notices, Outgoing, Wake
from firstcard.run.ledger import Arrival, Status
from firstcard.vault.seal import Opener
from local.ils.rules import AttributeType
from local.ils.stand_in import StandIn
from tests.function.builders import ACCOUNT, CARDS, REGION, TOKEN_KEY, Yard
from tests.unit.ils.builders import ATTRIBUTE, koha, the_rules
from tests.unit.roster.builders import Row, a_firstcard_csv

ROOT = Path(__file__).resolve().parents[2]
GRADES = ("KG", *(f"{number:02}" for number in range(1, 13)))
ENDS = ("CardIssued", "CardRenewed", "CardExpired", "CardRevoked")
"""Events that tell of a card's beginning and end, and are counted."""


def plainly(agreement: Mapping[str, Any], schools: Sequence[str]) -> dict[str, Any]:
    """The agreement for files that are neither signed nor encrypted, in the FirstCard form."""
    exchange = agreement["exchange"] | {
        "protection": "plain", "signers": [], "formats": ["csv"], "mapping": {}, "organisation_ids": list(schools), "cadence": "monthly",
    }  # fmt: skip
    disposition = {"on" if key is True else key: value for key, value in agreement["disposition"].items()}
    return {**agreement, "exchange": exchange, "disposition": disposition}


def programme(name: str, schools: Sequence[str]) -> tuple[list[Agreement], list[Library]]:
    """The agreements of a programme for two school years, and its libraries."""
    agreements = []
    for file in sorted((ROOT / "agreements").glob("*.yaml")):
        if file.stem != name and not file.stem.startswith(f"{name}-"):
            continue
        text = file.read_text(encoding="utf-8")
        this = yaml.safe_load(text)
        after, _ = renewed(text, new_id=f"{this['id']}-next", effective=date(2027, 8, 1), expires=date(2028, 7, 31))
        for content in (this, yaml.safe_load(after) | {"status": "executed"}):
            agreements.append(agreement_from(plainly(content, schools)))
    site = load_site(ROOT)
    return agreements, [site.library(one) for one in dict.fromkeys(a.library for a in agreements)]


@dataclass
class Enrolment:
    """A child in a district under its own id there, at a school, in the files of some days: from ``first`` on, and before ``last``."""

    district: str
    local_id: str
    school: str
    first: date
    last: date


@dataclass
class Child:
    """One child and what befalls it. ``grade`` is that of the first year. ``no`` is the day of a no, ``by`` the way it comes: ``link`` or ``roster``."""

    number: int
    born: date
    grade: int
    email: str
    enrolments: list[Enrolment] = field(default_factory=list)
    no: date | None = None
    by: str = ""
    renamed: date | None = None

    @property
    def state_id(self) -> str:
        return f"{4_711_000_000 + self.number}"

    def enrolment(self, district: str, on: date) -> Enrolment | None:
        """Where in a district the child is on a day."""
        return next((e for e in self.enrolments if e.district == district and e.first <= on < e.last), None)

    def grade_on(self, on: date) -> str:
        """Its grade; empty once it has left the twelfth."""
        now = self.grade + (on >= date(2027, 8, 1))
        return GRADES[now] if now < len(GRADES) else ""

    def row(self, on: date, enrolment: Enrolment, *, bare: bool) -> Row:
        """What the file of a day says of it; of a no in a ``bare`` file only the id and the flag."""
        refuses = self.by == "roster" and self.no == on
        if refuses and bare:
            return {"student_id": enrolment.local_id, "opt_out": "yes", "role": "student"}
        return {
            "student_id": enrolment.local_id,
            "state_id": self.state_id,
            "last_name": f"Marigold{''.join(chr(97 + int(digit)) for digit in str(self.number))}"
            + ("-Thorn" if self.renamed and on >= self.renamed else ""),
            "first_name": ("Ada", "Bela", "Chidi", "Dao", "Emil", "Farah", "Gita")[self.number % 7],
            "birth_date": self.born.isoformat(),
            "grade": self.grade_on(on),
            "school_id": enrolment.school,
            "school_name": "A School",
            "home_language": ("en", "es")[self.number % 2],
            "guardian_email": self.email,
            "opt_out": "yes" if refuses else "no",
            "role": "student",
            "staff_email": "",
        }


class Year:
    """The programme in its cloud, with one library system for each of its libraries."""

    def __init__(self, agreements: Sequence[Agreement], libraries: Sequence[Library], folder: Path, stack: ExitStack, *, seed: int) -> None:
        self.site = Site(tuple(agreements), tuple(libraries))
        self.clock = datetime(2026, 8, 3, 6, 0, tzinfo=UTC)
        self.draw = random.Random(seed)
        self.yard = Yard(self.site)
        self.history: list[tuple[datetime, Event]] = []
        self.mails: list[tuple[str, Outgoing]] = []
        self.systems = {library.id: stack.enter_context(self._system(library, folder)) for library in libraries}
        self._seen: dict[tuple[str, str], dict[str, Any]] = {}
        secrets = boto3.client("secretsmanager")
        for library in libraries:
            for name in ("tokens", "links"):
                secrets.create_secret(Name=f"firstcard/{name}/{library.id}", SecretString=TOKEN_KEY)
        there = {secret["Name"] for secret in secrets.list_secrets(MaxResults=100)["SecretList"]}
        for district in dict.fromkeys(a.district for a in agreements):
            if f"firstcard/openpgp/{district}" not in there:
                secrets.create_secret(Name=f"firstcard/openpgp/{district}", SecretString='{"keys": []}')

    def _system(self, library: Library, folder: Path) -> StandIn:
        rules = the_rules(
            branches=frozenset(library.branches),
            patron_types=frozenset(library.patron_types),
            attribute_types={ATTRIBUTE: AttributeType(unique=True)},
        )
        return StandIn(rules, folder / library.id, now=lambda: self.clock)

    def token(self, library: str, district: str, local_id: str) -> str:
        return Tokens(TOKEN_KEY.encode(), library=library, district=district).patron("student", local_id)

    # -- what people and the clock do -------------------------------------------------------------------------------------------------------

    def roster(self, district: str, rows: Sequence[Row]) -> list[Status]:
        """A district's file, and the library's person who approves what is held; gives how each run ended."""
        yard, at = self.yard, self.clock
        ended = []
        arrivals = yard.admit(yard.drop(a_firstcard_csv(*rows), at=at, district=district))
        for arrival in self.draw.sample(arrivals, len(arrivals)):
            ended.append(self.run_of(arrival))
        self.settle()
        return ended

    def run_of(self, arrival: Arrival) -> Status:
        """A run's whole way, approved where it waits."""
        yard, at = self.yard, self.clock
        planned = yard.plan(arrival)
        assert planned.outcome != "busy"
        if planned.outcome == "held":
            yard.hold(arrival, at=at)
            assert yard.approve(arrival, planned.plan_hash)
        if planned.outcome in ("held", "ready"):
            assert yard.begin(arrival, at=at).outcome in ("go", "nothing")
            yard.issue(planned)
        return Status(yard.finish(arrival, at=at))

    def until(self, moment: datetime) -> None:
        """Let time pass, and the schedule come."""
        self.clock = moment
        for agreement in self.site.agreements:
            days = agreement.basis.choice.window_days
            if days is not None and agreement.in_force(moment.date()):
                over = (moment - timedelta(days=days)).isoformat()
                end_windows(
                    list(self.yard.cards.windows_over(agreement.sharing, told_before=over)), store=self.yard.cards, at=moment.isoformat()
                )
            if agreement.route == "opt_in" and agreement.in_force(moment.date()):
                said = list(self.yard.cards.windows_over(agreement.sharing, told_before=moment.isoformat()))
                renewed = agreement.basis.choice.renew == "yearly"
                end_windows(
                    with_a_yes(said, store=self.yard.cards, agreement=agreement.id, renewed=renewed),
                    store=self.yard.cards,
                    at=moment.isoformat(),
                )
        self.settle()

    def family_says_yes(self, token: str) -> None:
        """By the page of its e-mail, for this child alone."""
        cards = self.yard.cards
        now = cards.standing([token])
        if token in now.patrons and token not in now.refused:
            patron = now.patrons[token]
            stamp = patron.stamp.__class__(**{**_parts(patron.stamp), "at": self.clock.isoformat()})
            until = now.taken_back[token].at if token in now.taken_back else ""
            cards.record_yeses([Yes(token, "family", self.clock.isoformat(), stamp, patron.sharing, patron.household, until)])
        self.settle()

    def family_says_no(self, token: str) -> None:
        """By the link of its e-mail, for this child alone."""
        cards = self.yard.cards
        patron = cards.standing([token]).patrons[token]
        cards.refuse([token], by="family", stamp=patron.stamp.__class__(**{**_parts(patron.stamp), "at": self.clock.isoformat()}))
        self.settle()

    # -- what the stream, the bus and the queues do -----------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Tell on what changed until nothing changes any more, each time in another order."""
        while told := self._changes():
            self.draw.shuffle(told)
            self.history += [(self.clock, event) for event in told]
            for sharing in dict.fromkeys(event.sharing for event in told):
                agreement = self.site.of_sharing(sharing, self.clock.date())
                assert agreement is not None
                mine = [event for event in told if event.sharing == sharing]
                self._sync(agreement, mine)
                self._notify(agreement, mine)

    def _changes(self) -> list[Event]:
        now = {(item["pk"], item["sk"]): item for item in self._items()}
        told = [event for key, new in now.items() if self._seen.get(key) != new for event in events_of(self._seen.get(key), new)]
        self._seen = now
        return told

    def _items(self) -> Iterator[dict[str, Any]]:
        """Read where moto keeps them: it takes a hundred times as long to answer a scan."""
        read = TypeDeserializer()
        for item in dynamodb_backends[ACCOUNT][REGION].tables[CARDS].all_items():
            yield {name: read.deserialize(value) for name, value in item.to_json()["Attributes"].items()}

    def _sync(self, agreement: Agreement, told: Sequence[Event]) -> None:
        about = [
            event
            for event in told
            if (event.name.startswith("Card") and not event.name.startswith("CardSync")) or event.name == "RefusalRecorded"
        ]
        if not about:
            return
        again = sync_patrons(
            [event.model_dump()["token"] for event in about],
            store=self.yard.cards,
            opener=Opener(purpose=Purpose.SYNC_ILS, unwrap=self.yard.keys.unwrap, declare=self.yard.keys.declare, clock=lambda: 0.0),
            ils=koha(self.systems[agreement.library], confirm_separate=agreement.existing == "separate"),
            agreement=agreement,
            allowed=lambda: True,
            today=self.clock.date(),
            at=self.clock.isoformat(),
            seconds_left=lambda: 120.0,
        )
        assert again == frozenset()

    def _notify(self, agreement: Agreement, told: Sequence[Event]) -> None:
        announced: list[Wake] = []
        wakes: list[Wake] = []
        for event in told:
            match event.model_dump():
                case {"announce": tokens, "household": household}:
                    wake = Wake(event.id, household, tuple(tokens), self.clock.isoformat(), event.id)
                    announced += [wake] if tokens else []
                    wakes.append(wake)
                case {"household": household, "token": token} if household and event.name in ("CardSynced", "CardSyncFailed"):
                    wakes.append(Wake(event.id, household, (token,), self.clock.isoformat(), event.id))
        desk = Notices(
            store=self.yard.cards,
            opener=Opener(purpose=Purpose.SEND_NOTICE, unwrap=self.yard.keys.unwrap, declare=self.yard.keys.declare, clock=lambda: 0.0),
            agreement=agreement,
            library=self.site.library(agreement.library),
            send=lambda mails: self._sent(agreement, mails),
            link=lambda household, language: f"https://no.example.org/{household}",
            pin_link=lambda household, language: f"https://no.example.org/pin/{household}",
            yes_link=lambda household, language: f"https://no.example.org/yes/{household}",
            now=lambda: self.clock.isoformat(),
        )
        seen = desk.look(announced, wakes)
        assert not desk.announce(announced, seen) | desk.cards(wakes, seen)

    def _sent(self, agreement: Agreement, mails: Sequence[Outgoing]) -> list[bool]:
        self.mails += [(agreement.sharing, mail) for mail in mails]
        return [True] * len(mails)

    # -- what is to be seen at the end ------------------------------------------------------------------------------------------------------

    def states(self) -> dict[str, str]:
        """The state of each patron in the cards table, by token."""
        return {item["token"]: item["state"] for (_, kind), item in self._seen.items() if kind == "patron"}

    def told(self) -> dict[str, Counter[str]]:
        """How often each of ``ENDS`` was told of each token; the same fact told twice has one id."""
        events = {event.id: event for _, event in self.history if event.name in ENDS}
        counts: dict[str, Counter[str]] = {}
        for event in events.values():
            counts.setdefault(event.model_dump()["token"], Counter())[event.name] += 1
        return counts

    def patrons(self, library: str) -> dict[str, tuple[str, str]]:
        """Each patron of a library's system by its token: card number and last day."""
        listed = self.systems[library].patrons.listing(page=1, per_page=-1)
        return {"".join(one["attributes"].values()): (str(one["cardnumber"]), str(one["expiry_date"])) for one in listed}


def _parts(stamp: Any) -> dict[str, str]:
    return {name: getattr(stamp, name) for name in ("sharing", "agreement", "library", "district", "run_id", "at")}
