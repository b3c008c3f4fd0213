"""From a change of the cards table to the event that tells it."""

from collections.abc import Callable, Mapping
from typing import Any

from firstcard.event.model import Event, new_event

Image = Mapping[str, Any]


def event_of(old: Image | None, new: Image | None) -> Event | None:
    """The event that a stream record means, or None. ``old`` and ``new`` are an item before and after; a deletion tells nothing here."""
    if new is None:
        return None
    tell = TOLD.get(new["sk"].split("#", 1)[0])
    return tell(old or {}, new) if tell else None


def events_of(old: Image | None, new: Image | None) -> tuple[Event, ...]:
    """All events that a stream record means, in their order: where something else took the place of a wrong link, the end of that link comes first."""
    told = (_mistaken(old or {}, new) if new and new["sk"] == "patron" else None, event_of(old, new))
    return tuple(event for event in told if event)


def _common(new: Image) -> dict[str, Any]:
    return {k: new[k] for k in ("at", "sharing", "agreement", "library", "district", "run_id")}


def _card(name: str, new: Image, *, version: int, **more: Any) -> Event:  # noqa: ANN401  passed on to the model
    return new_event(
        name,
        key=f"{new['token']}\0{version}" + (f"\0{more['state']}" if "state" in more else ""),
        **_common(new),
        token=new["token"],
        role=new["role"],
        household=new.get("household", ""),
        patron_version=version,
        **more,
    )


def _patron(old: Image, new: Image) -> Event | None:
    version = int(new["version"])
    before, after = old.get("state"), new["state"]
    if old and int(old["version"]) == version:
        return None
    if _is_replaced(old, new):
        before = None  # what it has now, it never had before
    if new.get("ownership") == "linked" and (before, after) != ("active", "active"):
        return _linked(before, old, new, version)
    if after == "active" and before in (None, "waiting", "refused"):
        name = "CardIssued"
    elif after == "active" and before == "expired":
        name = "CardRenewed"
    elif after == "active":
        name = "CardUpdated"
    elif after in ("expired", "waiting") and before == "active":
        name = "CardExpired"
    elif after == "refused" and old.get("issued_at"):
        name = "CardRevoked"
    else:
        return None
    return _card(name, new, version=version)


def _is_replaced(old: Image, new: Image) -> bool:
    """Whether a linked patron has another card now: a link is only ever given up where it was wrong."""
    return old.get("ownership") == "linked" and (new.get("ownership"), new.get("existing")) != ("linked", old.get("existing"))


def _mistaken(old: Image, new: Image) -> Event | None:
    """Of a link that was wrong, where it was still there."""
    if not _is_replaced(old, new) or old["state"] != "active":
        return None
    return _card("CardUnlinked", new, version=int(new["version"]), because="mistaken")


def _linked(before: str | None, old: Image, new: Image, version: int) -> Event | None:
    """Of a family's own card: nothing that could be taken for the end of it is ever told."""
    after = new["state"]
    if after == "active":
        return _card("CardLinked", new, version=version)
    if after == "expired" and before == "active":
        return _card("CardUnlinked", new, version=version, because="left")
    if after == "waiting" and before == "active":
        return _card("CardUnlinked", new, version=version, because="no_yes")
    if after == "refused" and old.get("issued_at"):
        return _card("CardUnlinked", new, version=version, because="refused")
    return None


def _ils(old: Image, new: Image) -> Event | None:
    version = int(new["version"])
    if old and int(old["version"]) == version and old.get("state") == new["state"]:
        return None
    if new["state"] == "failed":
        return _card("CardSyncFailed", new, version=version, reason=new["reason"])
    return _card("CardSynced", new, version=version, state=new["state"], remark=new.get("reason") or "")


def _refusal(old: Image, new: Image) -> Event | None:
    if new.get("taken_back") or (old and not old.get("taken_back")):
        return None
    key = f"{new['token']}\0{new['at']}" if old else new["token"]  # after one that was taken back it is another no
    return new_event("RefusalRecorded", key=key, **_common(new), token=new["token"], by=new["by"])


def _household(old: Image, new: Image) -> Event | None:
    if old.get("envelope") == new["envelope"]:
        return None
    return new_event(
        "HouseholdRecorded",
        key=f"{new['household']}\0{new['envelope']}",
        **_common(new),
        household=new["household"],
        kind=new["kind"],
        announce=tuple(new.get("announce") or ()),
    )


def _notice(old: Image, new: Image) -> Event | None:
    if new["state"] != "sent" or old.get("state") == "sent":
        return None
    return new_event(
        "NoticeSent",
        key=f"{new['household']}\0{new['kind']}\0{new['token']}",
        **_common(new),
        household=new["household"],
        kind=_kind_told(new["kind"]),
        token=new["token"],
    )


def _feedback(old: Image, new: Image) -> Event | None:
    if old.get("at") == new["at"]:
        return None
    because = "bounced" if new["sk"] == "bounce" else "complained"
    return new_event(
        "NoticeBounced",
        key=f"{new['household']}\0{because}\0{new['at']}",
        **_common(new),
        household=new["household"],
        because=because,
    )


def _kind_told(marked: str) -> str:
    """The kind of an e-mail by its mark: some marks name what the e-mail is about as well."""
    if marked.startswith("again-"):
        return "announcement"
    return "card" if marked.startswith("instead") else "pin" if marked.startswith("pin-") else marked


def _pair(old: Image, new: Image) -> Event | None:
    if not str(new.get("pair_of", "")).endswith("#waits") or old.get("pair_of") == new["pair_of"]:
        return None
    speaking = new.get("stirred") or new["vetoes"]
    return new_event(
        "MatchInDoubt",
        key=f"{new['pk']}\0{new['answer']}",
        **_common(new),
        match=new["pk"].partition("#")[2],
        token=new["left"],
        kind=new["kind"],
        evidence_class=f"{new['kind']}:{'+'.join(speaking) or 'clear'}",
    )


TOLD: Mapping[str, Callable[[Image, Image], Event | None]] = {
    "patron": _patron,
    "ils": _ils,
    "refusal": _refusal,
    "profile": _household,
    "notice": _notice,
    "bounce": _feedback,
    "complaint": _feedback,
    "pair": _pair,
}
"""Which items of the table tell something, by the first word of their sort key."""
