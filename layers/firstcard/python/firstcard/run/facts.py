"""What every event of a run says."""

from datetime import datetime

from firstcard.agreement import Agreement


def facts(agreement: Agreement, run_id: str, now: datetime) -> dict[str, str]:
    """Moment, agreement and run, as the fields of an event."""
    return {
        "at": now.isoformat(),
        "sharing": agreement.sharing,
        "agreement": agreement.id,
        "library": agreement.library,
        "district": agreement.district,
        "run_id": run_id,
    }
