"""Rehearse: a file in a district's trial folder gets a receipt that says what would become of it, and is deleted."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.aws import DropAndVault, SecretsStore
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.run.admission import TRY, arrival_of_event
from firstcard.run.rehearsing import Rehearsal

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)


@cache
def rehearsal() -> Rehearsal:
    """The rehearsal, wired; it is given no vault."""
    return Rehearsal(site=site(), ledger=LedgerTable(setting(Setting.LEDGER_TABLE)), folders=DropAndVault(""), secrets=SecretsStore())


def on_message(record: SQSRecord) -> None:
    """Try one file."""
    arrival = arrival_of_event(record.json_body, folder=TRY)
    if arrival is None:
        return
    outcome = rehearsal().rehearse(arrival)
    logger.info("rehearsed", trial=arrival.run_id, district=arrival.district, outcome=outcome)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for the queue."""
    return dict(process_partial_response(event, on_message, processor, context))
