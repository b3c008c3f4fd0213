"""Admit: a finished upload becomes a run. The scheduled sweep starts what an event forgot, and tells of rosters that did not come."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.aws import CardBus, DropAndVault, execution_starter, is_running
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.agreement import Agreement, Library
from firstcard.run.admission import INCOMING, admit, arrival_of_event, sweep
from firstcard.run.extracts import Extracts
from firstcard.run.lateness import tell_late

logger = Logger()
Whose = TypeVar("Whose", str, Agreement, Library)
YOUNG = timedelta(minutes=5)
"""A drop this fresh may still be on its way from its event to its execution."""
processor = BatchProcessor(event_type=EventType.SQS)


@cache
def ledger() -> LedgerTable:
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


def on_message(record: SQSRecord) -> None:
    """Admit one dropped object."""
    arrival = arrival_of_event(record.json_body)
    if arrival is None:
        return
    fresh = admit(arrival, site=site(), ledger=ledger(), start=execution_starter(setting(Setting.STATE_MACHINE_ARN)))
    logger.info("admitted" if fresh else "known already", run_ids=[one.run_id for one in fresh], district=arrival.district)


def on_schedule(account: str, region: str, now: datetime) -> None:
    """Look for dropped objects without a run, in every district's drop bucket; for districts whose roster did not come; for patrons whose days are over."""
    machine = setting(Setting.STATE_MACHINE_ARN)
    failed: list[str] = []

    def each(work: Callable[[Whose], None], whose: Sequence[Whose], name: Callable[[Whose], str]) -> None:
        """One's trouble stops nobody else's turn."""
        for one in whose:
            try:
                work(one)
            except Exception as error:  # noqa: BLE001  whatever it is, the others have their turn, and the function fails in the end
                logger.error("not looked at", whose=name(one), error=type(error).__name__)
                failed.append(name(one))

    def look_for_forgotten(district: str) -> None:
        bucket = f"firstcard-drop-{district}-{account}-{region}"
        started = sweep(
            DropAndVault("").versions(bucket, INCOMING),
            bucket=bucket,
            site=site(),
            ledger=ledger(),
            start=execution_starter(machine),
            is_running=partial(is_running, machine),
            before=(now - YOUNG).isoformat(),
        )
        logger.info("swept", district=district, started=started)

    def look_for_late(agreement: Agreement) -> None:
        current = agreement is site().of_sharing(agreement.sharing, now.date())
        if current and tell_late(agreement, ledger=ledger(), emit=CardBus(setting(Setting.CARD_BUS)).emit, now=now):
            logger.warning("late", sharing=agreement.sharing)

    def destroy_expired(library: Library) -> None:
        if destroyed := Extracts(library, ledger(), DropAndVault(setting(Setting.VAULT_BUCKET))).sweep(now):
            logger.info("patrons destroyed", library=library.id, objects=destroyed)

    agreements, libraries = site().agreements, site().libraries
    each(look_for_forgotten, sorted({agreement.district for agreement in agreements}), str)
    each(look_for_late, agreements, lambda agreement: agreement.sharing)
    each(destroy_expired, libraries, lambda library: library.id)
    if failed:
        raise RuntimeError(f"not looked at: {', '.join(sorted(set(failed)))}")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for the queue and for the schedule."""
    if "Records" in event:
        return dict(process_partial_response(event, on_message, processor, context))
    on_schedule(event["account"], event["region"], datetime.fromisoformat(event["time"].replace("Z", "+00:00")))
    return {}
