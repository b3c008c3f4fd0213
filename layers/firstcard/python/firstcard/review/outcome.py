"""What a review says of an event: one outcome each, and a code with a plain sentence for what a person must look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """Every event has exactly one, and the counts sum. What cannot be judged is never a pass."""

    ALLOWED = "allowed"
    ALLOWED_NO_INTENT = "allowed_no_intent"
    INTENT_NO_EVENT = "intent_no_event"
    BLOCKED_ATTEMPT = "blocked_attempt"
    VIOLATION = "violation"
    INFRASTRUCTURE = "infrastructure"
    NOT_EVALUABLE = "not_evaluable"


class Severity(StrEnum):
    """How soon a person must look."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Code(StrEnum):
    """Why an event is a finding. The codes stay; the sentences may be said better."""

    OUTSIDE_TERM = "outside_term"
    OTHER_PURPOSE = "other_purpose"
    OTHER_GROUP = "other_group"
    OTHER_ROLE = "other_role"
    NO_AGREEMENT = "no_agreement"
    KEY_WITHOUT_PURPOSE = "key_without_purpose"
    OPENED_WITHOUT_INTENT = "opened_without_intent"
    INTENT_WITHOUT_OPENING = "intent_without_opening"
    REACHED_BY_OTHERS = "reached_by_others"
    BEYOND_ITS_RIGHTS = "beyond_its_rights"
    ANOTHER_DISTRICTS = "another_districts"
    BULK_EXPORT = "bulk_export"
    KEY_DELETION = "key_deletion"
    KEY_CHANGED = "key_changed"
    RIGHTS_CHANGED = "rights_changed"
    CHANGED_BY_HAND = "changed_by_hand"
    ROOT_USED = "root_used"
    TRIED_AND_REFUSED = "tried_and_refused"
    NOT_JUDGED = "not_judged"


HIGH, MEDIUM, LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW
SENTENCES: Mapping[Code, tuple[Severity, str]] = {
    Code.OUTSIDE_TERM: (HIGH, "{who} opened {what} on a day that no agreement covers."),
    Code.OTHER_PURPOSE: (HIGH, "{who} opened {what}: the agreement does not give this role that purpose."),
    Code.OTHER_GROUP: (HIGH, "{who} opened {what}: the agreement does not open this group for that purpose."),
    Code.OTHER_ROLE: (HIGH, "{who} opened {what}: the agreement names no such role."),
    Code.NO_AGREEMENT: (HIGH, "{who} used a key for {what}, of which no agreement is known."),
    Code.KEY_WITHOUT_PURPOSE: (HIGH, "{who} used a key without saying for which agreement and purpose."),
    Code.OPENED_WITHOUT_INTENT: (MEDIUM, "{who} opened {what} as agreed, and had not written down before that it would."),
    Code.INTENT_WITHOUT_OPENING: (
        LOW,
        "{who} wrote down that it would open {what}, and no key was used: the work was broken off, or a log is missing.",
    ),
    Code.REACHED_BY_OTHERS: (HIGH, "{who} reached {what}, and is nobody whom the agreements or the deployment name."),
    Code.BEYOND_ITS_RIGHTS: (HIGH, "{who} did {what}, which its role was not given: its rights were widened."),
    Code.ANOTHER_DISTRICTS: (HIGH, "{who} reached {what}, which belongs to another district."),
    Code.BULK_EXPORT: (HIGH, "{who} took data out as a whole: {what}."),
    Code.KEY_DELETION: (HIGH, "{who} set out to make a key unusable: {what}. What it sealed cannot be read any more afterwards."),
    Code.KEY_CHANGED: (HIGH, "{who} changed who may use a key, outside a deployment: {what}."),
    Code.RIGHTS_CHANGED: (HIGH, "{who} changed who may do what, outside a deployment: {what}."),
    Code.CHANGED_BY_HAND: (MEDIUM, "{who} changed a part of the deployment by hand: {what}."),
    Code.ROOT_USED: (HIGH, "The account's owner (root) acted: {what}."),
    Code.TRIED_AND_REFUSED: (MEDIUM, "{who} tried {what} and was refused."),
    Code.NOT_JUDGED: (MEDIUM, "Something that {who} did cannot be judged: {what}."),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """Where an event stands: its id and time, and the file and place in it that it was read from; for an intent its key."""

    event_id: str
    time: datetime
    file: str
    position: int


KEPT = 50
"""So many events of a finding are listed; all are counted."""


@dataclass(slots=True)
class Finding:
    """What a person must look at: a code, who, what of it, how often, and the first events that show it."""

    code: Code
    who: str
    what: str
    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    seen: list[Seen] = field(default_factory=list)

    @property
    def severity(self) -> Severity:
        """How soon a person must look."""
        return SENTENCES[self.code][0]

    @property
    def sentence(self) -> str:
        """What happened, in plain words."""
        return SENTENCES[self.code][1].format(who=self.who, what=self.what)

    def add(self, seen: Seen) -> None:
        """Count one more event."""
        self.count += 1
        self.first = seen.time if self.first is None else min(self.first, seen.time)
        self.last = seen.time if self.last is None else max(self.last, seen.time)
        if len(self.seen) < KEPT:
            self.seen.append(seen)
