"""Who sent a delivery and how it was protected: a file is opened here, or refused with a reason, before anything else looks at it."""

from firstcard.sender.opening import Delivered, OpeningError, open_delivery

__all__ = ["Delivered", "OpeningError", "open_delivery"]
