"""Cards and papers as the function gives them."""

from typing import Any

from firstcard.notice.handout import HandedCard, Paper


def a_card(**changes: Any) -> HandedCard:
    card = {
        "first": "Ada", "last": "Pine", "at_home": "Ada Pine", "number": "904000100001", "pin": "482916", "language": "en", "kind": "virtual", "grade": "04",
        "school_id": "0301", "school_name": "First School", "homeroom": "Room 4",
    }  # fmt: skip
    return HandedCard(**card | changes)


def a_paper(symbology: str = "", *, start: str = "A", stop: str = "B", **changes: Any) -> Paper:
    paper = {
        "library": "Oak Public Library", "district": "Pine County Schools", "colour": "#00558c", "how_to_url": "https://www.oak.example.org/card",
        "phone": "+1 904 555 0130", "email": "help@oak.example.org", "contact": "Example Desk", "languages": ("en", "es"),
        "barcode": {"symbology": symbology, "start": start, "stop": stop} if symbology else None,
    }  # fmt: skip
    return Paper(**paper | changes)
