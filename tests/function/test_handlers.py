"""The functions as AWS calls them, on the real tables."""

import json
from typing import Any

import boto3
import pytest

from firstcard.agreement.vocabulary import Group
from firstcard.card.patron import Stamp
from firstcard.card.view import NoticeMark
from firstcard.event.transition import event_of
from firstcard.run.ledger import Status
from functions.admit import handler as admit
from functions.begin import handler as begin
from functions.finish import handler as finish
from functions.issue import handler as issue
from functions.plan import handler as plan
from functions.publish import handler as publish
from functions.window import handler as window
from tests.function.builders import (
    ACCOUNT,
    BUS,
    CARDS,
    EVENING,
    REGION,
    VAULT,
    Breaking,
    Yard,
    a_roster,
    drop_bucket,
    everything,
    household,
    later,
    token,
)
from tests.function.calling import a_batch, a_context, a_stream

STAMP = Stamp("oak.pine", "dsa-pine-oak-2026", "oak", "pine", "1" * 24, EVENING.isoformat())


@pytest.fixture
def machine(cloud: None) -> str:
    """A state machine that may be started; it does nothing by itself."""
    role = boto3.client("iam").create_role(RoleName="machine", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    definition = json.dumps({"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 1, "End": True}}})
    return boto3.client("stepfunctions").create_state_machine(name="firstcard-roster-run", definition=definition, roleArn=role)[
        "stateMachineArn"
    ]


@pytest.fixture
def purpose_key(cloud: None) -> None:
    keys = boto3.client("kms")
    keys.create_alias(AliasName="alias/firstcard-purpose-oak-pine", TargetKeyId=keys.create_key()["KeyMetadata"]["KeyId"])


def executions(machine: str) -> list[str]:
    return sorted(e["name"] for e in boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"])


def created(arrival: Any, **thing: Any) -> dict[str, Any]:
    content = {"key": arrival.key, "version-id": arrival.version_id, "size": arrival.size} | thing
    return {"time": "2026-11-22T06:00:00Z", "detail": {"bucket": {"name": arrival.bucket}, "object": content}}


class TestAdmit:
    def test_a_drop_becomes_one_execution_however_often_it_is_told(self, yard: Yard, machine: str) -> None:
        arrival = yard.drop(a_roster(1))
        for _ in range(3):
            assert admit.handler(a_batch(created(arrival), created(arrival)), a_context()) == {"batchItemFailures": []}
        assert executions(machine) == [f"{arrival.run_id}-1"]

    def test_an_unreadable_message_does_not_keep_the_others_from_starting(self, yard: Yard, machine: str) -> None:
        arrival = yard.drop(a_roster(1))
        answer = admit.handler(a_batch({"detail": {}}, created(arrival)), a_context())
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
        assert executions(machine) == [f"{arrival.run_id}-1"]

    def test_a_temporary_name_and_another_prefix_start_nothing(self, yard: Yard, machine: str) -> None:
        arrival = yard.drop(a_roster(1))
        batch = a_batch(created(arrival, key="incoming/roster.csv.part"), created(arrival, key="outbox/receipt.json"))
        assert admit.handler(batch, a_context()) == {"batchItemFailures": []}
        assert executions(machine) == []

    def test_the_sweep_starts_the_forgotten_of_every_district_and_what_failed(self, yard: Yard, machine: str) -> None:
        forgotten = yard.drop(a_roster(1), district="fir")
        boto3.client("s3").put_object(Bucket=drop_bucket(), Key="incoming/late.csv.part", Body=b"")
        failed = yard.admitted(a_roster(1, 2))
        yard.ledger.move(failed.run_id, Status.FAILED, when=(Status.ADMITTED,))
        admit.handler({"account": ACCOUNT, "region": REGION, "time": "2027-01-01T00:00:00Z"}, a_context())
        assert executions(machine) == sorted([f"{forgotten.run_id}-1", f"{failed.run_id}-2"])

    def test_one_districts_missing_bucket_stops_nobody_elses_sweep_and_is_told(self, yard: Yard, machine: str) -> None:
        forgotten = yard.drop(a_roster(1), district="fir")
        s3 = boto3.client("s3")
        s3.delete_bucket(Bucket=drop_bucket("pine"))
        with pytest.raises(RuntimeError, match="not looked at: pine"):
            admit.handler({"account": ACCOUNT, "region": REGION, "time": "2027-01-01T00:00:00Z"}, a_context())
        assert executions(machine) == [f"{forgotten.run_id}-1"]


class TestTheWholeWay:
    def test_each_function_hands_on_what_the_next_one_needs(self, yard: Yard, machine: str, purpose_key: None) -> None:
        arrival = yard.drop(a_roster(1, 2))
        admit.handler(a_batch(created(arrival)), a_context())
        described = boto3.client("stepfunctions").describe_execution(
            executionArn=machine.replace(":stateMachine:", ":execution:") + f":{arrival.run_id}-1"
        )
        state = json.loads(described["input"])
        state["plan"] = plan.handler(state, a_context())
        assert state["plan"]["outcome"] == "ready"
        now = EVENING.isoformat()
        state["begin"] = begin.handler({"at": now, "input": state}, a_context())
        assert state["begin"]["outcome"] == "go"
        chunks = boto3.client("s3").list_objects_v2(Bucket=VAULT, Prefix=state["begin"]["chunks_prefix"])["Contents"]
        for chunk in chunks:
            issue.handler({"chunk": chunk["Key"], "run_id": arrival.run_id, "fence": state["begin"]["fence"], "at": now}, a_context())
        assert finish.handler({"at": now, "input": state}, a_context()) == {"status": "applied"}
        assert yard.states(1, 2) == ["waiting", "waiting"]
        listed = boto3.client("s3").list_objects_v2(Bucket=drop_bucket(), Prefix="outbox/")["Contents"]
        assert {item["Key"].rsplit(".", 1)[1] for item in listed} == {"json", "csv", "html"}


@pytest.mark.filterwarnings("ignore:No application metrics")
class TestIssue:
    def begun(self, yard: Yard) -> dict[str, Any]:
        arrival = yard.admitted(a_roster(1))
        planned = yard.plan(arrival)
        fence = yard.begin(arrival).fence
        return {"chunk": f"{planned.chunks_prefix}00000.jsonl", "run_id": arrival.run_id, "fence": fence, "at": "2026-11-22T06:00:00Z"}

    def test_writes_nothing_when_the_agreement_is_suspended(self, yard: Yard) -> None:
        call = self.begun(yard)
        yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
        with pytest.raises(issue.StoppedError):
            issue.handler(call, a_context())
        assert everything(CARDS) == []

    def test_writes_nothing_after_the_term(self, yard: Yard) -> None:
        call = self.begun(yard)
        with pytest.raises(issue.StoppedError):
            issue.handler(call | {"at": "2027-08-01T00:00:00Z"}, a_context())
        assert everything(CARDS) == []

    def test_writes_nothing_under_an_old_fence(self, yard: Yard) -> None:
        call = self.begun(yard)
        with pytest.raises(issue.StoppedError):
            issue.handler(call | {"fence": int(call["fence"]) - 1}, a_context())
        assert everything(CARDS) == []

    def test_opens_nothing(self, yard: Yard, breaking: Breaking) -> None:
        issue.handler(self.begun(yard), a_context())
        assert "Decrypt" not in breaking.seen
        assert yard.states(1) == ["waiting"]

    def test_a_chunk_that_is_gone_is_an_error(self, yard: Yard) -> None:
        with pytest.raises(LookupError):
            issue.handler(self.begun(yard) | {"chunk": "runs/x/chunks/00000.jsonl"}, a_context())


class TestPublish:
    def test_tells_the_bus_what_changed_and_nothing_else(self, yard: Yard, breaking: Breaking) -> None:
        told: list[Any] = []
        patron = {
            "sk": "patron",
            "token": token(1),
            "role": "student",
            "state": "waiting",
            "version": 1,
            "household": household(1),
            **{name: getattr(STAMP, name) for name in ("sharing", "agreement", "library", "district", "run_id", "at")},
        }
        active = patron | {"state": "active", "version": 2, "issued_at": STAMP.at}
        event = event_of(patron, active)
        assert event is not None
        breaking.before("PutEvents", lambda: told.append(True), about=event.id)
        publish.handler(a_stream((None, patron), (patron, active), (active, None)), a_context())
        assert told == [True]
        assert breaking.seen.count("PutEvents") == 1

    def test_without_news_does_not_touch_the_bus(self, yard: Yard, breaking: Breaking) -> None:
        publish.handler(a_stream((None, {"sk": "envelope"})), a_context())
        assert breaking.seen == []


def tell(yard: Yard, *numbers: int, at: str = EVENING.isoformat()) -> None:
    """These children's families were told now."""
    yard.cards.mark(
        [NoticeMark(household(n), "announcement", token(n), "sent", "m1", STAMP, told_at=at, window_of="oak.pine") for n in numbers]
    )


def open_windows(yard: Yard) -> list[str]:
    return [w.token for w in yard.cards.windows_over("oak.pine", told_before="9999")]


class TestWindow:
    def over(self, yard: Yard, days: float = 14, **context: Any) -> int:
        released: int = window.handler({"time": later(days=days).isoformat().replace("+00:00", "Z")}, a_context(**context))[
            "dsa-pine-oak-2026"
        ]
        return released

    def test_issues_what_was_told_long_enough_ago_with_the_number_drawn_in_the_plan(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2))
        sealed = yard.sealed(1)
        tell(yard, 1)
        tell(yard, 2, at=later(seconds=1).isoformat())
        assert self.over(yard) == 1
        assert yard.states(1, 2) == ["active", "waiting"]
        assert yard.sealed(1)[Group.CARD] == sealed[Group.CARD]
        assert yard.cards.standing([token(1)]).patrons[token(1)].issued_at == later(days=14).isoformat()
        assert open_windows(yard) == [token(2)]

    def test_does_nothing_a_second_time(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        self.over(yard)
        before = everything(CARDS)
        assert self.over(yard, 15) == 0
        assert everything(CARDS) == before

    def test_issues_nothing_a_moment_too_early(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        assert self.over(yard, 13.99) == 0

    def test_issues_nothing_to_a_child_that_was_refused(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        yard.cards.refuse([token(1)], by="family", stamp=STAMP)
        assert self.over(yard) == 0
        assert open_windows(yard) == []

    @pytest.mark.parametrize("stop", ["suspended", "over"])
    def test_issues_nothing_while_the_agreement_stands_still(self, yard: Yard, stop: str) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        if stop == "suspended":
            yard.ledger.suspend("oak.pine", by="officer", at=EVENING.isoformat())
        assert self.over(yard, 14 if stop == "suspended" else 400) == 0
        assert open_windows(yard) == [token(1)]

    def test_a_child_that_left_and_came_back_gets_its_card(self, yard: Yard) -> None:
        yard.run(a_roster(1, 2))
        tell(yard, 1)
        yard.run(a_roster(2), at=later(days=1), key="incoming/second.csv")
        assert self.over(yard) == 0
        yard.run(a_roster(1, 2), at=later(days=20), key="incoming/third.csv")
        assert yard.states(1) == ["waiting"]
        assert self.over(yard, 21) == 1
        assert yard.states(1) == ["active"]

    def test_a_child_that_is_changed_at_that_moment_is_issued_the_next_time(self, yard: Yard, breaking: Breaking) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        arrival = yard.admitted(a_roster(1, grade="05"), at=later(days=14), key="incoming/next.csv")
        planned = yard.plan(arrival)
        breaking.before("TransactWriteItems", lambda: yard.issue(planned))
        assert self.over(yard) == 0
        assert self.over(yard, 15) == 1
        assert yard.states(1) == ["active"]

    def test_stops_when_its_time_runs_out_and_goes_on_later(self, yard: Yard) -> None:
        yard.run(a_roster(1))
        tell(yard, 1)
        assert self.over(yard, remaining=1000) == 0
        assert self.over(yard) == 1

    def test_more_than_a_transaction_holds_are_all_issued(self, yard: Yard) -> None:
        numbers = range(102)
        yard.run(a_roster(*numbers))
        tell(yard, *numbers)
        assert self.over(yard) == 102


def test_the_bus_of_these_tests_has_the_name_of_the_templates() -> None:
    assert BUS == "firstcard-cards"
