"""Receipts that are right, to be changed by the one thing that a test is about."""

from datetime import UTC, datetime

from firstcard.receipt import Receipt, Ring, receipt_of
from firstcard.roster import DroppedColumn, Problem, Reading, Reason, Refusal

RECEIVED = datetime(2026, 11, 22, 6, 5, tzinfo=UTC)
DESK = Ring(name="Example Desk", email="help@oak.example.org", phone="+1 555 010 0130", deputy="Example Deputy, +1 555 010 0131")


def a_reading(**changes: object) -> Reading:
    given: dict[str, object] = {
        "format": "oneroster_1_1",
        "people": (),
        "problems": (Problem("users.csv", 7, "birthDate", Reason.BAD_DATE), Problem("users.csv", 9, "familyName", Reason.FORMULA_LIKE)),
        "rows": 2160,
        "rejected": {Reason.BAD_DATE: 1},
        "excluded": {"staff": 12},
        "dropped": (DroppedColumn("users.csv", "sms", False), DroppedColumn("demographics.csv", "sex", True)),
        "guardians": 900,
    }
    return Reading(**{**given, **changes})  # type: ignore[arg-type]


def a_receipt(result: Reading | Refusal | None = None, **changes: object) -> Receipt:
    given: dict[str, object] = {
        "run_id": "0123456789abcdef01234567",
        "district": "pine",
        "library": "oak",
        "file_name": "roster.zip.gpg",
        "file_bytes": 123_456,
        "received_at": RECEIVED,
        "finished_at": RECEIVED.replace(minute=9),
        "contact": DESK,
        "decisions": {"issue": 10, "wait": 2000, "nothing": 137},
        "waiting": {"window": 1990, "no_address": 10},
    }
    return receipt_of(result or a_reading(), **{**given, **changes})  # type: ignore[arg-type]
