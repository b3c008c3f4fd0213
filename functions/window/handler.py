"""Window: issues the cards of children whose opt-out window is over."""

from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.agreement import Agreement
from firstcard.card.issue import Standing

logger = Logger()
PAGE = 1000
SPARE_MILLISECONDS = 60_000


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


def at_home(standing: Standing, household_key: str, token: str) -> bool:
    """Whether the announcement went to the household that the patron belongs to now: a family that was not told has not had its days."""
    patron = standing.patrons.get(token)
    return patron is not None and f"household#{patron.household}" == household_key


def is_over(standing: Standing, household_key: str, token: str) -> bool:
    """Whether a window has done its work: the card is issued, a no stands, or the patron belongs to another household.

    Who left meanwhile, or was changed at this moment, is looked at again.
    """
    patron = standing.patrons.get(token)
    return patron is None or bool(patron.issued_at) or token in standing.refused or not at_home(standing, household_key, token)


def release_due(agreement: Agreement, now: datetime, context: LambdaContext) -> int:
    """Issue what is due under one agreement, page by page while there is time; the next schedule goes on where this stopped."""
    days = agreement.basis.choice.window_days
    if days is None or not agreement.in_force(now.date()) or ledger().suspended(agreement.sharing):
        return 0
    released = 0
    due = cards().windows_over(agreement.sharing, told_before=(now - timedelta(days=days)).isoformat())
    while (page := list(islice(due, PAGE))) and context.get_remaining_time_in_millis() > SPARE_MILLISECONDS:
        tokens = [token for _, _, token in page]
        before = cards().standing(tokens)
        released += len(cards().release([token for pk, _, token in page if at_home(before, pk, token)], at=now.isoformat()))
        after = cards().standing(tokens)
        cards().close_windows([(pk, sk) for pk, sk, token in page if is_over(after, pk, token)])
    return released


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Entry point for the schedule; its time is the time that counts."""
    now = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    released = {a.district: release_due(a, now, context) for a in site().agreements}
    logger.info("windows", released=released)
    return released
