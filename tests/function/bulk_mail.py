"""SES's SendBulkEmail for moto, which has the call for one e-mail alone: each entry of the call goes the way of that one."""

import json
from typing import Any

from moto.ses.exceptions import MessageRejectedError
from moto.sesv2.responses import SESV2Response


def send_bulk_email(self: SESV2Response) -> str:
    """Send every entry with its replacement data put into the template; gives each entry's status."""
    request = json.loads(self.body)
    template = request["DefaultContent"]["Template"]["TemplateContent"]
    return json.dumps(
        {"BulkEmailEntryResults": [_sent(self, request["FromEmailAddress"], template, e) for e in request["BulkEmailEntries"]]}
    )


def _sent(response: SESV2Response, sender: str, template: dict[str, str], entry: dict[str, Any]) -> dict[str, str]:
    values = json.loads(entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"])
    filled = {part: values[text.strip("{}")] for part, text in template.items()}
    try:
        message = response.sesv2_backend.send_email(
            source=sender, destinations=entry["Destination"], subject=filled["Subject"], body=filled["Html"]
        )
    except MessageRejectedError:
        return {"Status": "MESSAGE_REJECTED"}
    return {"Status": "SUCCESS", "MessageId": message.id}
