"""Rules of the card bus against the events that are put on it."""

import json

import pytest

from firstcard.adapters import aws
from firstcard.event import model
from infra.pipeline import NOTIFY_EVENTS, SYNC_EVENTS
from tests.infra.templates import PROJECT, matches

SAMPLES = sorted((PROJECT / "events").glob("*.v1.sample.json"))


def _rules(templates) -> dict[str, dict[str, object]]:
    return {p["Name"]: p["EventPattern"] for _, _, p in templates.every("AWS::Events::Rule") if "EventPattern" in p}


def _event(name: str, detail: dict[str, object]) -> dict[str, object]:
    return {"source": "firstcard", "detail-type": name, "detail": detail}


@pytest.mark.parametrize("name", [*SYNC_EVENTS, *NOTIFY_EVENTS])
def test_every_event_that_a_rule_waits_for_exists(name):
    assert issubclass(getattr(model, name), model.Event)


def test_a_card_event_goes_to_its_own_library_and_no_other(templates):
    rules = _rules(templates)
    event = _event("CardIssued", {"library": "jaxpl"})
    assert matches(rules["firstcard-library-jaxpl"], event)
    assert not matches(rules["firstcard-library-cmlibrary"], event)


def test_a_roster_event_goes_to_no_library(templates):
    assert not matches(_rules(templates)["firstcard-library-jaxpl"], _event("RosterProcessed", {"library": "jaxpl"}))


def test_an_event_of_somebody_else_goes_nowhere(templates):
    stranger = {**_event("CardIssued", {"library": "jaxpl"}), "source": "elsewhere"}
    assert [name for name, pattern in _rules(templates).items() if matches(pattern, stranger)] == []


def test_a_refusal_on_record_wakes_sync(templates):
    assert matches(_rules(templates)["firstcard-sync"], _event("RefusalRecorded", {"library": "jaxpl"}))


def test_every_change_of_a_patron_wakes_sync():
    by_sync_itself = {"CardSynced", "CardSyncFailed"}
    assert {name for name in model.EVENTS if name.startswith("Card")} - by_sync_itself <= set(SYNC_EVENTS)


@pytest.mark.parametrize("name", SYNC_EVENTS)
def test_every_event_that_wakes_sync_says_which_patron(name):
    assert "token" in model.EVENTS[name].model_fields


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_event_reaches_exactly_its_consumers(templates, sample):
    name = sample.name.partition(".")[0]
    written = json.loads(sample.read_text())
    event = written if "detail-type" in written else _event(name, written)
    expected = {f"firstcard-library-{event['detail']['library']}"} if name.startswith("Card") or name == "MatchInDoubt" else set()
    expected |= {"firstcard-sync"} if name in SYNC_EVENTS else set()
    expected |= {"firstcard-notify"} if name in NOTIFY_EVENTS else set()
    reached = {rule for rule, pattern in _rules(templates).items() if matches(pattern, event)}
    assert reached == expected & set(_rules(templates))


def test_an_e_mail_of_ours_that_came_back_wakes_bounce_and_nobody_elses(templates):
    def taker(name: str, under: str) -> list[str]:
        event = {"source": "aws.ses", "detail-type": name, "detail": {"mail": {"tags": {"ses:configuration-set": [under]}}}}
        return [rule for rule, pattern in _rules(templates).items() if matches(pattern, event)]

    assert taker("Email Bounced", "firstcard") == taker("Email Complaint Received", "firstcard") == ["firstcard-feedback"]
    assert taker("Email Bounced", "another") == taker("Email Opened", "firstcard") == []


def test_the_mail_service_is_asked_for_what_the_rule_takes_and_watches_nobody_read(templates):
    ((_, _, told),) = templates.every("AWS::SES::ConfigurationSetEventDestination")
    assert told["ConfigurationSetName"] == aws.CONFIGURATION_SET
    assert told["EventDestination"]["MatchingEventTypes"] == ["bounce", "complaint"]
    assert json.dumps(told["EventDestination"]["EventBridgeDestination"]).endswith('event-bus/default"}')
