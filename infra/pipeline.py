"""The stack of what happens: from a dropped file to cards, the ILS, letters and receipts. Nothing in it has a memory."""

from pathlib import Path

from aws_cdk import (
    CfnParameter,
    Duration,
    Stack,
)
from aws_cdk import (
    aws_events as events,
)
from aws_cdk import (
    aws_events_targets as targets,
)
from aws_cdk import (
    aws_lambda as lambda_,
)
from aws_cdk import (
    aws_ssm as ssm,
)
from aws_cdk.aws_lambda_event_sources import SqsDlq
from constructs import Construct

from infra import names
from infra.admit import Admit
from infra.attest import Attest
from infra.begin import Begin
from infra.bounce import Bounce
from infra.destroy import Destroy
from infra.explain import Explain
from infra.feedback import TOLD, Feedback
from infra.finish import Finish
from infra.function import Function
from infra.gather import Gather
from infra.hold import Hold
from infra.honour import Honour
from infra.inbox import DeadLetters, Inbox
from infra.issue import Issue
from infra.layers import Layers
from infra.notify import Notify
from infra.people import HandOut, Keyholder, Librarian, Officer, Operator, SystemsLibrarian
from infra.permission import (
    in_drops,
    in_vault,
    list_extracts,
    list_incoming,
    list_previews,
    list_sealed,
    list_trials,
    on_cards,
    on_cards_stream,
    on_ledger,
    on_pairs,
    on_runs_by_district,
    on_windows,
    read_secrets,
    see_vault,
    send_email,
    start_roster_run,
    tell_card_bus,
    wake_roster_run,
)
from infra.plan import Plan
from infra.preview import Preview
from infra.print import Print
from infra.publish import Publish
from infra.rehearse import Rehearse
from infra.reset import Reset
from infra.roster_run import RosterRun
from infra.settle import Settle
from infra.sync import Sync
from infra.tally import Tally
from infra.window import Window

SYNC_EVENTS = ["CardIssued", "CardUpdated", "CardRenewed", "CardExpired", "CardRevoked", "CardLinked", "CardUnlinked", "RefusalRecorded"]
NOTIFY_EVENTS = ["HouseholdRecorded", "CardSynced", "CardSyncFailed", "RosterProcessed", "RosterRejected", "RosterHeld", "RosterLate"]
PUBLISHED = (
    {"Keys": {"sk": {"S": ["patron", "ils", "refusal", "profile", "pair", "bounce", "complaint"]}}},
    {"Keys": {"sk": {"S": [{"prefix": "notice#"}]}}, "NewImage": {"state": {"S": ["sent"]}}},
)
"""The changes that may mean an event; a notice that is only claimed, half of all changes of notices, means none."""


class Pipeline(Stack):
    """Functions, queues, rules, schedules and the state machine; each grant is a line here."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Path, built_layers: Path) -> None:
        super().__init__(scope, construct_id, description="FirstCard: from roster to card, ILS, letters and receipt")
        refuse_url = CfnParameter(
            self,
            "RefuseUrl",
            type="String",
            allowed_pattern="https?://.+",
            description="Output RefuseUrl of the family stack, or the library's own address for it",
        )
        layers = Layers(self, "Layers", site=site, built=built_layers)

        admit = Admit(self, layers=layers)
        admit.may(on_ledger("GetItem", "PutItem", "UpdateItem", keys=["run#*"]))
        admit.may(on_ledger("GetItem", keys=["district#*", "agreement#*"]))
        admit.may(on_ledger("GetItem", "PutItem", keys=["late#*"]))
        admit.may(on_ledger("GetItem", "PutItem", keys=["patrons#*"]))
        admit.may(list_extracts())
        admit.may(in_vault("DeleteObjectVersion", "patrons/*"))
        admit.may(on_runs_by_district("Query"))
        admit.may(tell_card_bus())
        admit.may(list_incoming())
        admit.may(start_roster_run())

        plan = Plan(self, layers=layers)
        plan.may(in_drops("GetObjectVersion", "incoming/*"))
        plan.may(read_secrets("openpgp", "tokens"))
        plan.may(on_ledger("GetItem", keys=["run#*", "district#*", "agreement#*", "snapshot#*", "patrons#*"]))
        plan.may(on_ledger("UpdateItem", keys=["run#*", "numbers#*"]))
        plan.may(on_ledger("PutItem", "DeleteItem", keys=["content#*"]))
        plan.may(on_ledger("PutItem", keys=["snapshot#*", "intent#*"]))
        plan.may(on_runs_by_district("Query"))
        plan.may(on_pairs("Query"))
        plan.may(on_windows("Query"))
        plan.may(on_cards("BatchGetItem", keys=["pair#*", "patron#*", "number#*"]))
        plan.may(see_vault())
        plan.may(in_vault("GetObject", "manifests/*", "snapshots/*", "patrons/*", "students/*"))
        plan.may(in_vault("PutObject", "runs/*", "snapshots/*", "students/*"))
        plan.may(in_vault("DeleteObject", "snapshots/*", "students/*"))
        plan.may(tell_card_bus())
        plan.may(wake_roster_run())

        hold = Hold(self, layers=layers)
        hold.may(on_ledger("GetItem", "UpdateItem", keys=["run#*"]))
        hold.may(see_vault())
        hold.may(in_vault("GetObject", "runs/*"))
        hold.may(in_vault("PutObject", "runs/*/receipt.json"))
        hold.may(in_drops("PutObject", "outbox/*"))
        hold.may(tell_card_bus())
        hold.may(wake_roster_run())

        begin = Begin(self, layers=layers)
        begin.may(on_ledger("GetItem", keys=["run#*", "district#*", "agreement#*"]))
        begin.may(on_ledger("UpdateItem", keys=["run#*", "district#*"]))

        issue = Issue(self, layers=layers)
        issue.may(in_vault("GetObject", "runs/*"))
        issue.may(on_ledger("GetItem", keys=["district#*", "agreement#*"]))
        issue.may(on_cards("BatchGetItem", keys=["patron#*", "pair#*"]))
        issue.may(on_cards("PutItem", keys=["patron#*", "pair#*", "number#*"]))
        issue.may(on_cards("UpdateItem", keys=["patron#*"]))
        issue.may(on_cards("BatchWriteItem", keys=["patron#*", "household#*", "envelope#*", "pair#*", "unnumbered#*", "became#*"]))

        finish = Finish(self, layers=layers)
        finish.may(on_cards("Query", keys=["unnumbered#*", "became#*"]))
        finish.may(on_ledger("GetItem", keys=["run#*", "district#*", "agreement#*"]))
        finish.may(on_ledger("UpdateItem", keys=["run#*", "district#*"]))
        finish.may(on_ledger("DeleteItem", keys=["content#*"]))
        finish.may(see_vault())
        finish.may(in_vault("GetObject", "runs/*", "manifests/*"))
        finish.may(in_vault("PutObject", "runs/*/receipt.json", "manifests/*", "census/*"))
        finish.may(in_drops("PutObject", "outbox/*"))
        finish.may(tell_card_bus())

        publish = Publish(self, layers=layers)
        publish.may(tell_card_bus())

        sync = Sync(self, layers=layers)
        sync.may(on_cards("BatchGetItem", keys=["patron#*", "envelope#*"]))
        sync.may(on_cards("BatchWriteItem", keys=["patron#*"]))
        sync.may(on_ledger("GetItem", keys=["agreement#*"]))
        sync.may(on_ledger("PutItem", keys=["intent#*"]))
        sync.may(read_secrets("ils"))

        notify = Notify(self, layers=layers, refuse_url=refuse_url.value_as_string)
        notify.may(on_cards("BatchGetItem", keys=["patron#*", "household#*", "envelope#*"]))
        notify.may(on_cards("PutItem", "BatchWriteItem", keys=["household#*"]))
        notify.may(on_ledger("GetItem", keys=["agreement#*"]))
        notify.may(on_ledger("UpdateItem", keys=["run#*", "late#*"]))
        notify.may(on_ledger("PutItem", keys=["intent#*"]))
        notify.may(see_vault())
        notify.may(in_vault("GetObject", "runs/*/receipt.json"))
        notify.may(read_secrets("links"))
        notify.may(send_email())

        window = Window(self, layers=layers)
        window.may(on_windows("Query"))
        window.may(on_cards("BatchGetItem", "UpdateItem", keys=["patron#*", "household#*"]))
        window.may(on_cards("PutItem", keys=["patron#*"]))
        window.may(on_ledger("GetItem", keys=["agreement#*"]))

        bounce = Bounce(self, layers=layers)
        bounce.may(on_cards("BatchGetItem", "Query", "PutItem", "UpdateItem", keys=["household#*"]))

        attest = Attest(self, layers=layers)
        attest.may(read_secrets("tokens"))
        attest.may(on_windows("Query"))
        attest.may(on_cards("BatchGetItem", keys=["patron#*", "envelope#*"]))
        attest.may(on_cards("BatchWriteItem", keys=["patron#*"]))
        attest.may(on_cards("UpdateItem", keys=["household#*", "patron#*"]))
        attest.may(on_cards("PutItem", keys=["patron#*"]))
        attest.may(on_ledger("GetItem", keys=["district#*", "agreement#*"]))
        attest.may(on_ledger("PutItem", keys=["letters#*", "undone#*"]))
        attest.may(see_vault())
        attest.may(in_vault("GetObject", "manifests/*"))

        rehearse = Rehearse(self, layers=layers)
        rehearse.may(list_trials())
        rehearse.may(in_drops("GetObjectVersion", "try/*"))
        rehearse.may(in_drops("DeleteObjectVersion", "try/*"))
        rehearse.may(in_drops("PutObject", "outbox/try-*"))
        rehearse.may(read_secrets("openpgp"))
        rehearse.may(on_ledger("GetItem", keys=["agreement#*"]))

        preview = Preview(self, layers=layers)
        preview.may(list_previews())
        preview.may(in_drops("GetObjectVersion", "preview/*"))
        preview.may(in_drops("DeleteObjectVersion", "preview/*"))
        preview.may(read_secrets("openpgp", "tokens"))
        preview.may(on_ledger("GetItem", keys=["district#*", "agreement#*", "snapshot#*", "patrons#*", "content#*"]))
        preview.may(on_ledger("PutItem", keys=["intent#*"]))
        preview.may(on_runs_by_district("Query"))
        preview.may(on_pairs("Query"))
        preview.may(on_windows("Query"))
        preview.may(on_cards("BatchGetItem", keys=["pair#*", "patron#*", "number#*"]))
        preview.may(see_vault())
        preview.may(in_vault("GetObject", "manifests/*", "snapshots/*", "patrons/*", "students/*"))

        explain = Explain(self, layers=layers)
        explain.may(read_secrets("tokens"))
        explain.may(on_cards("BatchGetItem", keys=["patron#*", "household#*", "unnumbered#*"]))
        explain.may(on_ledger("GetItem", keys=["agreement#*"]))
        explain.may(on_runs_by_district("Query"))
        explain.may(see_vault())
        explain.may(in_vault("GetObject", "runs/*/people.json.gz", "runs/*/manifest.json.gz"))

        tally = Tally(self, layers=layers)
        tally.may(on_cards("BatchGetItem", keys=["patron#*"]))
        tally.may(on_ledger("GetItem", keys=["district#*"]))
        tally.may(on_runs_by_district("Query"))
        tally.may(see_vault())
        tally.may(in_vault("GetObject", "census/*", "usage/*", "progress/*", "manifests/*", "runs/*/plan.json"))
        tally.may(in_vault("PutObject", "progress/*"))

        destroy = Destroy(self, layers=layers)
        destroy.may(on_cards("BatchGetItem", keys=["patron#*", "household#*"]))
        destroy.may(on_cards("UpdateItem", keys=["patron#*", "household#*"]))
        destroy.may(on_ledger("GetItem", "UpdateItem", keys=["district#*"]))
        destroy.may(on_ledger("PutItem", keys=["destroyed#*"]))
        destroy.may(see_vault())
        destroy.may(list_sealed())
        destroy.may(in_vault("GetObject", "manifests/*"))
        destroy.may(in_vault("PutObject", "manifests/*"))
        destroy.may(in_vault("DeleteObjectVersion", "students/*", "snapshots/*"))
        destroy.may(tell_card_bus())

        reset = Reset(self, layers=layers)
        reset.may(read_secrets("tokens"))
        reset.may(on_cards("BatchGetItem", keys=["patron#*", "household#*", "envelope#*"]))
        reset.may(on_cards("PutItem", keys=["patron#*", "envelope#*"]))
        reset.may(on_ledger("GetItem", keys=["agreement#*"]))

        print_ = Print(self, layers=layers)
        print_.may(read_secrets("tokens"))
        print_.may(see_vault())
        print_.may(in_vault("GetObject", "manifests/*"))
        print_.may(on_cards("BatchGetItem", keys=["patron#*", "envelope#*", "pin#*"]))
        print_.may(on_cards("PutItem", keys=["patron#*", "envelope#*", "pin#*"]))
        print_.may(on_ledger("GetItem", keys=["agreement#*", "district#*"]))
        print_.may(on_ledger("PutItem", keys=["intent#*", "print#*"]))

        honour = Honour(self, layers=layers)
        honour.may(on_windows("Query"))
        honour.may(on_cards("BatchGetItem", "UpdateItem", keys=["patron#*"]))

        settle = Settle(self, layers=layers)
        settle.may(on_pairs("Query"))
        settle.may(on_cards("BatchGetItem", keys=["pair#*", "patron#*", "envelope#*"]))
        settle.may(on_cards("PutItem", keys=["pair#*"]))
        settle.may(on_ledger("PutItem", keys=["intent#*"]))
        settle.may(on_ledger("GetItem", keys=["run#*"]))
        settle.may(see_vault())
        settle.may(in_vault("GetObject", "runs/*/chunks/*"))

        gather = Gather(self, layers=layers)
        gather.may(read_secrets("ils"))
        gather.may(on_ledger("GetItem", "PutItem", keys=["patrons#*"]))
        gather.may(list_extracts())
        gather.may(in_vault("PutObject", "patrons/*"))
        gather.may(in_vault("DeleteObjectVersion", "patrons/*"))

        self._files_of("incoming/", "Dropped", "A file lies in a district's drop bucket", self._inbox_of(admit))
        # A roster is read alone: one call has room for one.
        self._files_of("try/", "Tried", "A file lies in a district's trial folder", self._inbox_of(rehearse, batch_size=1))
        self._every(Duration.minutes(15), admit)
        self._every(Duration.hours(1), window)
        self._every(Duration.hours(1), tally)
        self._every(Duration.days(1), destroy)
        self._changes_of_cards_to(publish)
        self._card_events_to(sync, SYNC_EVENTS)
        self._card_events_to(notify, NOTIFY_EVENTS)
        self._feedback_to(bounce)
        RosterRun(self, "RosterRun")
        Operator(self, "Operator")
        Librarian(self, "Librarian")
        HandOut(self, "HandOut")
        Keyholder(self, "Keyholder")
        SystemsLibrarian(self, "SystemsLibrarian")
        Officer(self, "Officer")

    def _files_of(self, folder: str, what: str, description: str, inbox: Inbox) -> None:
        events.Rule(
            self,
            what,
            rule_name=f"firstcard-{what.lower()}",
            description=description,
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [{"prefix": "firstcard-drop-"}]}, "object": {"key": [{"prefix": folder}]}},
            ),
            targets=[targets.SqsQueue(inbox.queue)],
        )

    def _card_events_to(self, consumer: Function, detail_types: list[str]) -> None:
        inbox = self._inbox_of(consumer)
        name = names.role(consumer.verb)
        events.Rule(
            self,
            f"{consumer.verb.capitalize()}Rule",
            rule_name=name,
            event_bus=events.EventBus.from_event_bus_arn(self, f"{consumer.verb.capitalize()}Bus", names.card_bus_arn()),
            event_pattern=events.EventPattern(source=[names.EVENT_SOURCE], detail_type=detail_types),
            targets=[targets.SqsQueue(inbox.queue)],
        )

    def _feedback_to(self, bounce: Function) -> None:
        Feedback(self, "Feedback")
        events.Rule(
            self,
            "FeedbackRule",
            rule_name="firstcard-feedback",
            description="An e-mail came back, or was complained of",
            event_pattern=events.EventPattern(
                source=["aws.ses"],
                detail_type=list(TOLD.values()),
                detail={"mail": {"tags": {"ses:configuration-set": [names.CONFIGURATION_SET]}}},
            ),
            targets=[targets.SqsQueue(self._inbox_of(bounce).queue)],
        )

    def _every(self, rate: Duration, consumer: Function) -> None:
        events.Rule(
            self,
            f"{consumer.verb.capitalize()}Schedule",
            rule_name=f"{names.role(consumer.verb)}-schedule",
            schedule=events.Schedule.rate(rate),
            targets=[targets.LambdaFunction(consumer.function, retry_attempts=2)],
        )

    def _inbox_of(self, consumer: Function, *, batch_size: int = 100) -> Inbox:
        timeout = consumer.function.timeout
        assert timeout is not None
        inbox = Inbox(self, f"{consumer.verb.capitalize()}Inbox", name=names.role(consumer.verb), handling=timeout)
        lambda_.EventSourceMapping(
            self,
            f"{consumer.verb.capitalize()}Source",
            target=consumer.function,
            event_source_arn=inbox.queue.queue_arn,
            batch_size=batch_size,
            max_batching_window=Duration.seconds(1),
            max_concurrency=3,
            report_batch_item_failures=True,
        )
        inbox.queue.grant_consume_messages(consumer.role)
        return inbox

    def _changes_of_cards_to(self, publish: Function) -> None:
        dead = DeadLetters(self, "PublishDead", name=names.role("publish"))
        dead.queue.grant_send_messages(publish.role)
        stream = ssm.StringParameter.value_for_string_parameter(self, names.CARDS_STREAM_PARAMETER)
        publish.may(on_cards_stream("GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"))
        lambda_.EventSourceMapping(
            self,
            "PublishSource",
            target=publish.function,
            event_source_arn=stream,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=500,
            max_batching_window=Duration.seconds(1),
            bisect_batch_on_error=True,
            retry_attempts=10,
            report_batch_item_failures=True,
            on_failure=SqsDlq(dead.queue),
            filters=[lambda_.FilterCriteria.filter({"dynamodb": pattern}) for pattern in PUBLISHED],
        )
