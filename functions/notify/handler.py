"""Notify: tells families, staff and districts, each once."""

import os
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from firstcard.adapters.aws import DropAndVault, Mail, SecretsStore, put_off, send_mails, unwrap
from firstcard.adapters.cards_table import CardsTable
from firstcard.adapters.environment import Setting, setting
from firstcard.adapters.ledger_table import LedgerTable
from firstcard.adapters.site import site
from firstcard.agreement import Agreement
from firstcard.agreement.vocabulary import Purpose
from firstcard.event.inbox import Inbound, failures, read_inbox
from firstcard.event.model import RosterLate, RosterRejected
from firstcard.notice import late_notice, make_link, make_pin_link, make_yes_link
from firstcard.notice.due import Notices, Outgoing, Wake
from firstcard.notice.mail_receipt import mail_receipt
from firstcard.roster import Reason
from firstcard.run.feedback import HOUSEHOLD_TAG
from firstcard.run.ledger import receipt_key
from firstcard.vault import Intent
from firstcard.vault.seal import Opener

logger = Logger()
MAILED_TO_THE_DISTRICT = ("RosterHeld", "RosterProcessed", "RosterRejected")
"""Events that a receipt goes with; it names nobody, so a suspended agreement does not stop it."""
NOT_MAILED = (Reason.ROLLOVER,)
"""Why files are refused night after night as agreed: their receipts lie in the outbox, and nobody is written to."""


@cache
def cards() -> CardsTable:
    """The cards table."""
    return CardsTable(setting(Setting.CARDS_TABLE))


@cache
def ledger() -> LedgerTable:
    """The run ledger, for intents and receipts."""
    return LedgerTable(setting(Setting.LEDGER_TABLE))


@cache
def secrets_store() -> SecretsStore:
    """Where the keys of the links lie."""
    return SecretsStore()


def declare(intent: Intent) -> None:
    """Write down what is about to be opened, and why."""
    ledger().declare(intent, role=setting(Setting.AWS_LAMBDA_FUNCTION_NAME), at=datetime.now(UTC), nonce=os.urandom(6).hex())


@cache
def opener() -> Opener:
    """Opens field groups for notices."""
    return Opener(purpose=Purpose.SEND_NOTICE, unwrap=unwrap, declare=declare, clock=time.monotonic)


def now() -> str:
    """The clock at sending."""
    return datetime.now(UTC).isoformat()


@cache
def notices(sharing: str, on: date) -> Notices:
    """The notices of the agreement in force on a day, wired."""
    agreement = site().of_sharing(sharing, on)
    if agreement is None:
        raise LookupError(f"no agreement {sharing}")
    key = secrets_store().link_key(agreement.library)

    def link(household: str, language: str) -> str:
        base = f"{setting(Setting.REFUSE_URL).rstrip('/')}/no"
        return make_link(key, sharing=sharing, household=household, language=language, base_url=base)

    def pin_link(household: str, language: str) -> str:
        base = f"{setting(Setting.REFUSE_URL).rstrip('/')}/pin"
        made = datetime.now(UTC).timestamp()
        return make_pin_link(key, sharing=sharing, household=household, language=language, base_url=base, made=made)

    def yes_link(household: str, language: str) -> str:
        base = f"{setting(Setting.REFUSE_URL).rstrip('/')}/yes"
        return make_yes_link(key, sharing=sharing, household=household, language=language, base_url=base)

    library = site().library(agreement.library)
    return Notices(cards(), opener(), agreement, library, lambda mails: send(agreement, mails), link, pin_link, yes_link, now)


def send(agreement: Agreement, mails: Sequence[Outgoing]) -> list[bool]:
    """Hand e-mails to the mail service."""
    tags = [{"kind": m.kind, "run": m.run_id} | ({HOUSEHOLD_TAG: m.household} if m.household else {}) for m in mails]
    said = [Mail(m.to, m.message.subject, m.message.html, m.message.text, by) for m, by in zip(mails, tags, strict=True)]
    return send_mails(said, sender=agreement.notices.sender, reply_to=agreement.notices.reply_to)


def on_run(message: Inbound) -> bool:
    """Mail one run's receipt, or that its plan waits, to the district and the library, once; whether it is done."""
    event = message.event
    if isinstance(event, RosterRejected) and event.reason in NOT_MAILED:
        return True
    held = event.name == "RosterHeld"
    agreement = site().of_sharing(event.sharing, datetime.fromisoformat(message.time).date())
    body = DropAndVault(setting(Setting.VAULT_BUCKET)).get(receipt_key(event.run_id))
    if agreement is None or body is None:
        return False
    if not ledger().claim_mail(event.run_id, event.id, held=held):
        return True
    mail = mail_receipt(body, agreement=agreement, library=site().library(agreement.library))
    to = dict.fromkeys(agreement.notices.receipt_to)
    if held:
        to |= {agreement.notices.contact.email: None}
    if mail.forbidden_columns:
        to |= dict.fromkeys((agreement.parties.lea.privacy_contact.email, agreement.parties.provider.compliance_officer.email))
    [done] = send(agreement, [Outgoing(tuple(to), "held" if held else "receipt", mail.message, event.run_id)])
    if done:
        ledger().mail_sent(event.run_id, event.id, held=held)
    return done


def on_late(event: RosterLate) -> bool:
    """Mail the district and the library that no roster came, once; whether it is done."""
    agreement = site().of_sharing(event.sharing, date.fromisoformat(event.due))
    if agreement is None:
        return False
    if not ledger().claim_late_mail(event.sharing, event.due, event.id):
        return True
    message = late_notice(
        agreement=agreement,
        library=site().library(agreement.library),
        due=date.fromisoformat(event.due),
        last_received_at=datetime.fromisoformat(event.last_received_at),
    )
    to = dict.fromkeys((*agreement.notices.receipt_to, agreement.notices.contact.email))
    [done] = send(agreement, [Outgoing(tuple(to), "late", message, event.run_id)])
    if done:
        ledger().late_mail_sent(event.sharing, event.due, event.id)
    return done


def on_events(sharing: str, messages: list[Inbound]) -> list[str]:
    """Tell everybody whom these events concern; gives the ids of messages to deliver again."""
    today = datetime.fromisoformat(max(m.time for m in messages)).date()
    agreement = site().of_sharing(sharing, today)
    if agreement is None:
        return [m.message for m in messages]
    again = [m.message for m in messages if m.event.name in MAILED_TO_THE_DISTRICT and not on_run(m)]
    again += [m.message for m in messages if isinstance(m.event, RosterLate) and not on_late(m.event)]
    people = [m for m in messages if not m.event.name.startswith("Roster")]
    if people and (not agreement.in_force(today) or ledger().suspended(sharing)):
        return again + [m.message for m in people]
    announce: list[Wake] = []
    told: list[Wake] = []
    for m in people:
        match m.event.model_dump():
            case {"announce": tokens, "household": household}:
                # Its cards may have been in the ILS before the household was recorded: whichever comes last finds the other.
                announce += [Wake(m.message, household, tuple(tokens), m.time, m.event.id)] if tokens else ()
                told.append(Wake(m.message, household, tuple(tokens), m.time, m.event.id))
            case {"household": household, "token": token} if household:
                told.append(Wake(m.message, household, (token,), m.time, m.event.id))
    if told:
        desk = notices(sharing, today)
        seen = desk.look(announce, told)
        again += desk.announce(announce, seen) | desk.cards(told, seen)
    logger.info("notified", sharing=sharing, messages=len(messages), again=len(again), runs=sorted({m.event.run_id for m in messages}))
    return again


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Entry point for the queue."""
    inbox = read_inbox(event["Records"])
    groups: dict[str, list[Inbound]] = defaultdict(list)
    for message in inbox.messages:
        groups[message.event.sharing].append(message)
    again = {i for sharing, messages in groups.items() for i in on_events(sharing, messages)}
    for message in inbox.messages:
        if message.message in again:
            put_off(message)
    return failures([*inbox.unreadable, *again])
