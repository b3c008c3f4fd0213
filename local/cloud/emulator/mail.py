"""SES."""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import contextvars
import copy
import json
from email.utils import parseaddr
from typing import Any

import ministack.app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import ses, ses_v2

SENDING = ("/outbound-emails", "/outbound-bulk-emails")


def _recipients(request: dict[str, Any]) -> list[str]:
    """Every address that a request to send names."""
    places = [request, *request.get("BulkEmailEntries", ())]
    lists = [addresses for place in places for addresses in (place.get("Destination") or {}).values()]
    return [parseaddr(address)[1] for addresses in lists for address in addresses or ()]


def sending_identity(sender: str) -> str:
    """The verified identity by which a sender's address may send: the address itself, else its domain."""
    address = parseaddr(sender)[1]
    if address in ses_v2._identities or address in ses._identities:
        return address
    domain = address.rpartition("@")[2]
    return domain if domain in ses_v2._identities or domain in ses._identities else address


_addresses: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("firstcard_mail_addresses", default=None)


def sending_is_decided_on_the_identity() -> None:
    """Sending is authorised on the sender's identity; the emulator asks for permission on `*`, which no narrow policy gives."""
    resource_arn = iam_actions.extract_resource_arn

    def of_the_identity(service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str, account: str) -> Any:
        if service == "ses" and path.rstrip("/").endswith(SENDING):
            sender = json.loads(body or b"{}").get("FromEmailAddress", "")
            if sender:
                return f"arn:aws:ses:{region}:{account}:identity/{sending_identity(sender)}"
        return resource_arn(service, method, path, headers, body, query, region, account)

    iam_actions.extract_resource_arn = of_the_identity


def policies_can_name_addresses() -> None:
    """Policies can test `ses:FromAddress` and `ses:Recipients`; the emulator offers neither."""
    ask, enforce = ministack.app._enforce_ses_v2, iam_evaluator.enforce

    def ask_with_addresses(method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        offered: dict[str, Any] = {}
        if path.rstrip("/").endswith(SENDING) and body[:1] == b"{":
            request = json.loads(body)
            offered["ses:FromAddress"] = parseaddr(request.get("FromEmailAddress", ""))[1]
            offered["ses:Recipients"] = _recipients(request)
        token = _addresses.set(offered)
        try:
            return ask(method, path, headers, body, *rest)
        finally:
            _addresses.reset(token)

    def enforce_with_addresses(*args: Any, service_context: dict[str, Any] | None = None, **options: Any) -> Any:
        return enforce(*args, service_context={**(_addresses.get() or {}), **(service_context or {})}, **options)

    ministack.app._enforce_ses_v2 = ask_with_addresses
    iam_evaluator.enforce = enforce_with_addresses


def the_outbox_survives_a_restart() -> None:
    """What was sent is the only thing that the emulator keeps of a mail and does not save."""
    save, load = ses.get_state, ses.load_persisted_state

    def save_with_mails() -> dict[str, Any]:
        return {**save(), "sent_emails": copy.deepcopy(ses._sent_emails)}

    def load_with_mails(data: Any) -> Any:
        ses._sent_emails.update((data or {}).get("sent_emails", {}))
        return load(data)

    ses.get_state = save_with_mails
    ses.load_persisted_state = load_with_mails


def install() -> None:
    """Put this file's patches in place."""
    the_outbox_survives_a_restart()
    sending_is_decided_on_the_identity()
    policies_can_name_addresses()
