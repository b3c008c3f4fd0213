"""Publish: what changed in the cards table is told on the card bus."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.aws import CardBus
from firstcard.adapters.environment import Setting, setting
from firstcard.event.transition import events_of

logger = Logger()


@cache
def bus() -> CardBus:
    """The card bus."""
    return CardBus(setting(Setting.CARD_BUS))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Entry point for the table's stream; a batch that fails is delivered again whole, and told twice it is still the same fact."""
    changes = (record.dynamodb for record in DynamoDBStreamEvent(event).records)
    events = [told for change in changes if change for told in events_of(change.old_image or None, change.new_image or None)]
    bus().emit(events)
    logger.info("published", events=len(events))
