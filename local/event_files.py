"""Writes events/: a JSON Schema and a sample for each event, and an AsyncAPI document over all of them, from the event models.

``python -m local.event_files`` writes them; a test fails when they are not current.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from firstcard.event import EVENTS, new_event

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "events"

_COMMON: Mapping[str, Any] = {
    "at": "2026-08-24T06:15:02+00:00",
    "sharing": "jaxpl.duval",
    "agreement": "dsa-duval-jaxpl-2026",
    "library": "jaxpl",
    "district": "duval",
    "run_id": "3f2a9c0d1e4b5a6978c0d1e2",
}
_PATRON = "9b1f0c3e5d7a4826b0c1d2e3f4a59687"
_FAMILY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
_CARD: Mapping[str, Any] = {"token": _PATRON, "role": "student", "household": _FAMILY, "patron_version": 2}
_SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "RosterReceived": {"size": 240942, "protection": "signed"},
    "RosterRejected": {"reason": "PGP_SIGNER"},
    "RosterHeld": {"reasons": ("FIRST_RUN",), "plan_hash": "8d" * 32, "decisions": {"wait": 1968, "issue": 150, "refuse": 20}},
    "RosterProcessed": {
        "outcome": "applied",
        "rows": 2150,
        "accepted": 2138,
        "rejected": 12,
        "decisions": {"wait": 1968, "issue": 150, "refuse": 20},
    },
    "RosterLate": {"due": "2026-08-26", "cadence": "nightly", "last_received_at": "2026-08-24T06:15:02+00:00"},
    **dict.fromkeys(("CardIssued", "CardUpdated", "CardRenewed", "CardExpired", "CardRevoked", "CardLinked"), _CARD),
    "CardUnlinked": {**_CARD, "because": "left"},
    "CardSynced": {**_CARD, "state": "in_ils"},
    "CardSyncFailed": {**_CARD, "reason": "card_number_taken"},
    "RefusalRecorded": {"token": _PATRON, "by": "family"},
    "MatchInDoubt": {"match": "5d" * 12, "token": _PATRON, "kind": "patron", "evidence_class": "patron:V3"},
    "HouseholdRecorded": {"household": _FAMILY, "kind": "family", "announce": (_PATRON,)},
    "NoticeSent": {"household": _FAMILY, "kind": "card", "token": _PATRON},
    "NoticeBounced": {"household": _FAMILY, "because": "bounced"},
    "DataDestroyed": {"because": "withdrawal", "patrons": 12, "households": 9, "objects": 0},
}


def files() -> Iterator[tuple[str, str]]:
    """(name, text) of every file of events/."""
    for name, kind in EVENTS.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **kind.model_json_schema()}
        schema["title"] = f"{name}.v1"
        yield f"{name}.v1.schema.json", _json(schema)
        sample = new_event(name, key="sample", **_COMMON, **_SAMPLES[name])
        yield f"{name}.v1.sample.json", _json({"source": "firstcard", "detail-type": name, "detail": json.loads(sample.model_dump_json())})
    yield "asyncapi.yaml", yaml.safe_dump(_asyncapi(), sort_keys=False, width=140)


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _asyncapi() -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "FirstCard card events",
            "version": "1",
            "description": "Facts on the card bus: ids and tokens, never a name. Each may arrive twice or late; equal ids are the same fact.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "cards": {
                "address": "firstcard-cards",
                "title": "The card bus (Amazon EventBridge); archived, replayable",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in EVENTS},
            },
            "library": {
                "address": "firstcard-library-{library}",
                "title": "One library's own queue (Amazon SQS): its card events",
                "parameters": {"library": {"description": "the library's short name"}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in EVENTS if name.startswith("Card")},
            },
        },
        "operations": {
            "told": {"action": "send", "channel": {"$ref": "#/channels/cards"}},
            "toldToLibrary": {"action": "send", "channel": {"$ref": "#/channels/library"}},
        },
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "title": (kind.__doc__ or name).strip().splitlines()[0],
                    "payload": {"$ref": f"./{name}.v1.schema.json"},
                }
                for name, kind in EVENTS.items()
            }
        },
    }


def main() -> None:
    """Write events/ anew."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for name, text in files():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
