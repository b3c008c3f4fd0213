"""Which change of the cards table is which event, and that the same change told twice is the same event."""

import json
from typing import Any

import jsonschema
import pytest

from firstcard.event import EVENTS, Event
from firstcard.event.transition import event_of, events_of
from firstcard.ils import SyncReason
from local.event_files import FOLDER

STAMP = {
    "at": "2026-11-22T06:00:00+00:00",
    "sharing": "oak.pine",
    "agreement": "dsa-pine-oak-2026",
    "library": "oak",
    "district": "pine",
    "run_id": "1" * 24,
}
TOKEN, FAMILY = "a" * 32, "b" * 32
STATES = ("waiting", "active", "expired", "refused")


def a_patron(state: str, version: int = 1, *, issued: bool = True, **changes: Any) -> dict[str, Any]:
    image = {
        "pk": f"patron#{TOKEN}",
        "sk": "patron",
        "token": TOKEN,
        "role": "student",
        "state": state,
        "version": version,
        "household": FAMILY,
        **STAMP,
    }
    return image | ({"issued_at": STAMP["at"]} if issued and state != "waiting" else {}) | changes


def an_ils_state(state: str, version: int = 1, **changes: Any) -> dict[str, Any]:
    return {"sk": "ils", "token": TOKEN, "role": "student", "state": state, "version": version, "household": FAMILY, **STAMP} | changes


def a_refusal() -> dict[str, Any]:
    return {"sk": "refusal", "token": TOKEN, "by": "family", **STAMP}


def a_household(*announce: str, **changes: Any) -> dict[str, Any]:
    return {"sk": "profile", "household": FAMILY, "kind": "family", "announce": list(announce), "envelope": "chunk-1", **STAMP} | changes


def a_notice(state: str, kind: str = "card") -> dict[str, Any]:
    return {"sk": f"notice#{kind}#{TOKEN}", "household": FAMILY, "kind": kind, "token": TOKEN, "state": state, **STAMP}


def told(old: dict[str, Any] | None, new: dict[str, Any] | None) -> str | None:
    """The event's name, after it was checked against its published schema; or None."""
    event = event_of(old, new)
    if event is None:
        return None
    fits(event)
    return event.name


def fits(event: Event) -> None:
    schema = json.loads((FOLDER / f"{event.name}.v1.schema.json").read_text("utf-8"))
    jsonschema.validate(json.loads(event.model_dump_json()), schema)


PATRON_EVENTS = {
    (None, "active"): "CardIssued",
    ("waiting", "active"): "CardIssued",
    ("active", "waiting"): "CardExpired",
    ("active", "active"): "CardUpdated",
    ("expired", "active"): "CardRenewed",
    ("active", "expired"): "CardExpired",
    ("active", "refused"): "CardRevoked",
    ("expired", "refused"): "CardRevoked",
}


@pytest.mark.parametrize("after", STATES)
@pytest.mark.parametrize("before", [None, "waiting", "active", "expired"])
def test_every_transition_of_a_patron_is_its_event_or_none(before: str | None, after: str) -> None:
    old = a_patron(before) if before else None
    assert told(old, a_patron(after, 2, issued=after != "refused" or before != "waiting")) == PATRON_EVENTS.get((before, after))


def test_a_child_refused_before_any_card_revokes_none() -> None:
    assert told(a_patron("expired", issued=False), a_patron("refused", 2, issued=False)) is None
    assert told(a_patron("waiting"), a_patron("refused", 2, issued=False)) is None


LINKED_EVENTS = {
    (None, "active"): "CardLinked",
    ("waiting", "active"): "CardLinked",
    ("active", "waiting"): "CardUnlinked",
    ("active", "active"): "CardUpdated",
    ("expired", "active"): "CardLinked",
    ("active", "expired"): "CardUnlinked",
    ("active", "refused"): "CardUnlinked",
    ("expired", "refused"): "CardUnlinked",
}


@pytest.mark.parametrize("after", STATES)
@pytest.mark.parametrize("before", [None, "waiting", "active", "expired"])
def test_nothing_is_told_of_a_familys_own_card_that_means_its_end_or_its_making(before: str | None, after: str) -> None:
    old = a_patron(before, ownership="linked") if before else None
    new = a_patron(after, 2, issued=after != "refused" or before != "waiting", ownership="linked")
    assert told(old, new) == LINKED_EVENTS.get((before, after))


@pytest.mark.parametrize(("state", "because"), [("expired", "left"), ("refused", "refused"), ("waiting", "no_yes")])
def test_an_unlinking_says_why(state: str, because: str) -> None:
    event = event_of(a_patron("active", ownership="linked"), a_patron(state, 2, ownership="linked"))
    assert event is not None
    assert event.model_dump()["because"] == because


def linked_to(ils_id: str, state: str, version: int = 1, **changes: Any) -> dict[str, Any]:
    return a_patron(state, version, ownership="linked", existing=ils_id, **changes)


SET_APART = {
    ("active", "created_by_us", "active"): ["CardUnlinked", "CardIssued"],
    ("active", "linked", "active"): ["CardUnlinked", "CardLinked"],
    ("waiting", "created_by_us", "waiting"): [],
    ("waiting", "linked", "waiting"): [],
    ("expired", "created_by_us", "active"): ["CardIssued"],
    ("expired", "linked", "active"): ["CardLinked"],
    ("expired", "created_by_us", "waiting"): [],
    ("expired", "linked", "waiting"): [],
}


@pytest.mark.parametrize(("before", "ownership", "after"), SET_APART)
def test_what_takes_the_place_of_a_wrong_link_is_told_after_the_end_of_that_link(before: str, ownership: str, after: str) -> None:
    old = linked_to("4711", before)
    existing = {"existing": "4712"} if ownership == "linked" else {}
    events = events_of(old, a_patron(after, 2, ownership=ownership, mistaken=["4711"], **existing))
    assert [event.name for event in events] == SET_APART[before, ownership, after]
    for event in events:
        fits(event)
        assert "47" not in event.model_dump_json(exclude={"id"})
    assert [event.model_dump()["because"] for event in events if event.name == "CardUnlinked"] == ["mistaken"] * (len(events) == 2)
    assert len({event.id for event in events}) == len(events)


def test_a_wrong_link_told_twice_has_the_same_ids() -> None:
    old, new = linked_to("4711", "active"), a_patron("active", 2, ownership="created_by_us")
    again = events_of(old, new | {"at": "2026-11-23T00:00:00+00:00"})
    assert [event.id for event in events_of(old, new)] == [event.id for event in again]


def test_a_link_that_stays_is_never_told_to_have_been_wrong() -> None:
    for before, after in ((b, a) for b in STATES[:3] for a in STATES):
        names = [(e.name, e.model_dump().get("because")) for e in events_of(linked_to("4711", before), linked_to("4711", after, 2))]
        assert ("CardUnlinked", "mistaken") not in names
        assert len(names) <= 1


def test_an_e_mail_about_a_card_in_place_of_a_wrong_link_is_one_about_a_card() -> None:
    event = event_of(a_notice("claimed", "instead1"), a_notice("sent", "instead1"))
    assert event is not None
    fits(event)
    plain = event_of(a_notice("claimed"), a_notice("sent"))
    assert plain is not None
    assert (event.model_dump()["kind"], event.id == plain.id) == ("card", False)


def test_no_event_of_a_linked_card_says_which_card_it_is() -> None:
    event = event_of(None, a_patron("active", ownership="linked", existing="4711"))
    assert event is not None
    assert "4711" not in event.model_dump_json()


def test_a_linked_card_that_is_blocked_is_told_with_a_remark() -> None:
    event = event_of(None, an_ils_state("in_ils", reason="existing_card_blocked", ils_id="4711"))
    assert event is not None
    fits(event)
    assert event.model_dump()["remark"] == "existing_card_blocked"


@pytest.mark.parametrize("state", STATES)
def test_the_same_version_written_again_is_no_news(state: str) -> None:
    assert told(a_patron(state, 3), a_patron(state, 3, fingerprint="other")) is None


@pytest.mark.parametrize(
    ("old", "new", "event"),
    [
        (None, an_ils_state("in_ils"), "CardSynced"),
        (an_ils_state("in_ils"), an_ils_state("in_ils", 2), "CardSynced"),
        (an_ils_state("in_ils"), an_ils_state("in_ils"), None),
        (an_ils_state("in_ils"), an_ils_state("ended", 2), "CardSynced"),
        (an_ils_state("in_ils"), an_ils_state("ended"), "CardSynced"),
        (None, an_ils_state("failed", reason="card_number_taken"), "CardSyncFailed"),
        (an_ils_state("failed", reason="no_answer"), an_ils_state("failed", reason="no_answer"), None),
        (an_ils_state("failed", reason="no_answer"), an_ils_state("in_ils"), "CardSynced"),
        (None, a_refusal(), "RefusalRecorded"),
        (a_refusal(), a_refusal(), None),
        (None, a_household(TOKEN), "HouseholdRecorded"),
        (None, a_household(), "HouseholdRecorded"),
        (a_household(TOKEN), a_household(TOKEN), None),
        (a_household(TOKEN), a_household(TOKEN, run_id="2" * 24, envelope="chunk-2"), "HouseholdRecorded"),
        (None, a_notice("claimed"), None),
        (a_notice("claimed"), a_notice("sent"), "NoticeSent"),
        (a_notice("sent"), a_notice("sent"), None),
        (None, {"sk": "envelope", **STAMP}, None),
    ],
)
def test_every_other_change_is_its_event_or_none(old: dict[str, Any] | None, new: dict[str, Any], event: str | None) -> None:
    assert told(old, new) == event


@pytest.mark.parametrize("old", [a_patron("active"), an_ils_state("in_ils"), a_refusal(), a_household(TOKEN), a_notice("sent")])
def test_a_deletion_tells_nothing(old: dict[str, Any]) -> None:
    assert told(old, None) is None


def test_every_code_of_the_ils_fits_its_event() -> None:
    for reason in SyncReason:
        assert told(None, an_ils_state("failed", reason=str(reason))) == "CardSyncFailed"


@pytest.mark.parametrize(
    ("old", "new", "later"),
    [
        (None, a_patron("active"), {"at": "2026-11-23T00:00:00+00:00"}),
        (None, an_ils_state("in_ils"), {"at": "2026-11-23T00:00:00+00:00"}),
        (None, a_household(TOKEN), {"at": "2026-11-23T00:00:00+00:00"}),
        (a_notice("claimed"), a_notice("sent"), {"at": "2026-11-23T00:00:00+00:00"}),
        (None, a_refusal(), {"at": "2026-11-23T00:00:00+00:00"}),
    ],
)
def test_the_same_fact_told_twice_has_one_id(old: dict[str, Any] | None, new: dict[str, Any], later: dict[str, str]) -> None:
    one, other = event_of(old, new), event_of(old, new | later)
    assert one is not None
    assert other is not None
    assert one.id == other.id


def test_different_facts_have_different_ids() -> None:
    changes: list[tuple[dict[str, Any] | None, dict[str, Any]]] = [
        (None, a_patron("active")),
        (a_patron("active"), a_patron("active", 2)),
        (a_patron("active", 2), a_patron("expired", 3)),
        (a_patron("expired", 3), a_patron("active", 4)),
        (None, a_patron("active", token="c" * 32)),
        (None, an_ils_state("in_ils")),
        (None, an_ils_state("in_ils", 2)),
        (an_ils_state("in_ils", 2), an_ils_state("ended", 3)),
        (None, an_ils_state("failed", reason="no_answer")),
        (None, a_refusal()),
        (None, a_household(TOKEN)),
        (None, a_household(TOKEN, run_id="2" * 24, envelope="chunk-2")),
        (a_notice("claimed"), a_notice("sent")),
        (None, a_notice("sent", "announcement")),
    ]
    events = [event_of(old, new) for old, new in changes]
    assert len({e.id for e in events if e}) == len(changes)


def test_ending_what_was_just_written_is_another_fact() -> None:
    there, ended = event_of(None, an_ils_state("in_ils")), event_of(an_ils_state("in_ils"), an_ils_state("ended"))
    assert there is not None
    assert ended is not None
    assert there.id != ended.id


def test_every_event_of_the_table_is_one_of_the_published() -> None:
    assert set(PATRON_EVENTS.values()) | {"CardSynced", "CardSyncFailed", "RefusalRecorded", "HouseholdRecorded", "NoticeSent"} <= set(
        EVENTS
    )


def test_an_e_mail_about_a_renewed_pin_is_told_as_that_and_each_pin_is_a_fact_of_its_own() -> None:
    events = [event_of(None, a_notice("sent") | {"kind": f"pin-{n}", "sk": f"notice#pin-{n}#{TOKEN}"}) for n in (1, 2, 2)]
    assert [getattr(event, "kind", "") for event in events] == ["pin"] * 3
    assert len({event.id for event in events if event}) == 2


def test_that_a_pin_was_shown_or_asked_for_is_told_to_nobody() -> None:
    assert event_of(None, {"pk": f"pin#{TOKEN}", "sk": "shown#run-00000", **STAMP}) is None
    assert event_of(None, {"pk": f"pin#{FAMILY}", "sk": "tries#2026-11-22", "counted": 1}) is None
