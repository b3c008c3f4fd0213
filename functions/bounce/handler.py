"""Bounce: an e-mail came back for good, so the household was not told: the days of its children that wait stand still."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.card.patron import Stamp
from firstcard.event.inbox import failures
from firstcard.run.feedback import Feedback, FeedbackKind, UnreadableFeedbackError, read_feedback

logger = Logger()


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


def on_feedback(said: Feedback) -> None:
    """Write down what happened, then stop the windows that run. Later ones are stopped by ``window``, which looks for what is written here."""
    family = cards().households([said.household]).get(said.household)
    if family is None:
        return
    known = family.stamp
    stamp = Stamp(known.sharing, known.agreement, known.library, known.district, known.run_id, said.at)
    news = cards().record_feedback(said.household, kind=said.kind, stamp=stamp)
    stopped = 0
    if said.kind is FeedbackKind.BOUNCE:
        stopped = cards().stop_announcements(said.household, sharing=known.sharing, bounced_at=said.at)
    logger.info(said.kind, sharing=known.sharing, news=news, stopped=stopped, correlation_id=known.run_id)


@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Entry point for the queue; the event holds families' addresses and is never logged, whatever the environment says."""
    unreadable: list[str] = []
    for record in event["Records"]:
        try:
            said = read_feedback(record["body"])
        except UnreadableFeedbackError:
            unreadable.append(record["messageId"])
            continue
        if said:
            on_feedback(said)
    return failures(unreadable)
