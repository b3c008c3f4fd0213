"""Window: issues the cards of children whose opt-out window is over, or whose family said yes where that is needed; ends cards without a yes for the new year."""

from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import chain, islice
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.agreement import Agreement
from firstcard.card.window import TO_ANSWER, end_unsaid, end_windows, with_a_yes

logger = Logger()
PAGE = 50
"""Windows looked at together: one read and one transaction."""
SPARE_MILLISECONDS = 60_000


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


def release_due(agreement: Agreement, now: datetime, context: LambdaContext) -> int:
    """Issue what is due under one agreement, page by page while there is time; the next schedule goes on where this stopped. A yes is due at once."""
    choice = agreement.basis.choice
    days = 0 if agreement.route == "opt_in" else choice.window_days
    if days is None or not agreement.in_force(now.date()) or ledger().suspended(agreement.sharing):
        return 0
    released = 0
    due = cards().windows_over(agreement.sharing, told_before=(now - timedelta(days=days)).isoformat())
    while (page := list(islice(due, PAGE))) and context.get_remaining_time_in_millis() > SPARE_MILLISECONDS:
        if agreement.route == "opt_in":
            page = with_a_yes(page, store=cards(), agreement=agreement.id, renewed=choice.renew == "yearly")
        released += len(end_windows(page, store=cards(), at=now.isoformat()))
    return released


def end_due(agreement: Agreement, now: datetime, context: LambdaContext) -> int:
    """End the cards under one agreement whose families were to say yes anew by a day that is over, and have not; in pages, as above."""
    local = agreement.exchange.calendar.date_of(now)
    standing_still = (
        not agreement.in_force(now.date()) or agreement.exchange.calendar.is_rollover(local) or ledger().suspended(agreement.sharing)
    )
    if agreement.yes_by is None or local <= agreement.yes_by or standing_still:
        return 0
    before = datetime.combine(agreement.term.effective, time(), UTC).isoformat()
    asked = cards().asked_for_yes(agreement.sharing, told_before=(now - TO_ANSWER).isoformat())
    due = chain(cards().heard_yeses(agreement.sharing, told_before=before), asked)
    ended = 0
    while (page := list(islice(due, PAGE))) and context.get_remaining_time_in_millis() > SPARE_MILLISECONDS:
        ended += len(end_unsaid(page, store=cards(), agreement=agreement.id, yes_by=agreement.yes_by, today=local, at=now.isoformat()))
    return ended


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Entry point for the schedule; its time is the time that counts."""
    now = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    released = {a.id: release_due(a, now, context) for a in site().agreements}
    logger.info("windows", released=released, ended={a.id: ended for a in site().agreements if (ended := end_due(a, now, context))})
    return released
