"""What the mail service says of an e-mail after it took it: that it came back, or that somebody complained of it.

The events are those that SES publishes to EventBridge (``Email Bounced``, ``Email Complaint Received``). They hold addresses; of all that is read here the
household's token alone goes on, which every e-mail carries as a tag.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

HOUSEHOLD_TAG = "household"
"""The name of the tag."""


class FeedbackKind(StrEnum):
    """What happened. A bounce is for good: the address takes no mail. A complaint came after a delivery."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of an e-mail to a household, and when (ISO 8601, UTC)."""

    household: str
    kind: FeedbackKind
    at: str


Token = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class _Tags(_Part):
    household: Annotated[tuple[Token, ...], Field(max_length=1)] = ()


class _Mail(_Part):
    tags: _Tags = _Tags()


class _Bounce(_Part):
    bounceType: str
    timestamp: AwareDatetime


class _Complaint(_Part):
    timestamp: AwareDatetime


class _Bounced(_Part):
    eventType: Literal["Bounce"]
    mail: _Mail
    bounce: _Bounce


class _Complained(_Part):
    eventType: Literal["Complaint"]
    mail: _Mail
    complaint: _Complaint


class UnreadableFeedbackError(Exception):
    """A message is no event of the mail service that is known here; it says nothing of what it holds."""


def read_feedback(body: str) -> Feedback | None:
    """What an event says, or None where it is about no household (a receipt, say) or about a bounce that may pass (a full mailbox, an absence note).

    Raises UnreadableFeedbackError for anything else.
    """
    try:
        event: Mapping[str, Any] = json.loads(body)
        detail = event["detail"]
        said = (_Bounced if event["detail-type"] == "Email Bounced" else _Complained).model_validate(detail)
    except (ValueError, KeyError, TypeError, ValidationError):
        raise UnreadableFeedbackError from None
    if not said.mail.tags.household:
        return None
    if isinstance(said, _Bounced):
        if said.bounce.bounceType != "Permanent":
            return None
        kind, when = FeedbackKind.BOUNCE, said.bounce.timestamp
    else:
        kind, when = FeedbackKind.COMPLAINT, said.complaint.timestamp
    return Feedback(said.mail.tags.household[0], kind, when.astimezone(UTC).isoformat())
