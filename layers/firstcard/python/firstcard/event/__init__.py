"""Facts that happened, in the past tense, with ids and tokens and never a name."""

from firstcard.event.model import EVENTS, Event, new_event

__all__ = ["EVENTS", "Event", "new_event"]
