"""The state machine as architecture.md draws it."""

import json

import pytest

from infra.roster_run import definition


@pytest.fixture(scope="module")
def states():
    return definition()["States"]


def _way(states, choice: str, value: str) -> str:
    return next((c["Next"] for c in states[choice]["Choices"] if c.get("StringEquals") == value), states[choice]["Default"])


@pytest.mark.parametrize(
    ("choice", "value", "next_state"),
    [
        ("Planned", "ready", "Begin"),
        ("Planned", "held", "Hold"),
        ("Planned", "busy", "WaitToPlan"),
        ("Planned", "rejected", "Finish"),
        ("Planned", "unchanged", "Finish"),
        ("Decided", "approved", "Begin"),
        ("Decided", "rejected", "Finish"),
        ("Decided", "superseded", "Finish"),
        ("Begun", "go", "Issue"),
        ("Begun", "stale", "Plan"),
        ("Begun", "busy", "WaitToBegin"),
        ("Begun", "stopped", "Finish"),
    ],
)
def test_an_outcome_leads_where_the_map_says(states, choice, value, next_state):
    assert _way(states, choice, value) == next_state


def test_a_run_rests_until_its_file_may_be_read():
    machine = definition()
    assert machine["StartAt"] == "Rest"
    assert machine["States"]["Rest"] == {"Type": "Wait", "TimestampPath": "$.ready_at", "Next": "Plan"}


def test_whatever_fails_is_finished_with_a_receipt_and_then_fails(states):
    for name in ("Plan", "Hold", "Begin", "Issue"):
        assert {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Finish"} in states[name]["Catch"], name
    assert states["Finished"] == {
        "Type": "Choice",
        "Choices": [{"Variable": "$.error", "IsPresent": True, "Next": "Failed"}],
        "Default": "Done",
    }


def test_a_plan_waits_fourteen_days_for_a_person_and_then_ends_without_failing(states):
    assert states["Hold"]["TimeoutSeconds"] == 14 * 24 * 3600
    assert states["Hold"]["Catch"][0]["Next"] == "NobodyDecided"
    assert states["NobodyDecided"]["Next"] == "Finish"


def test_every_call_of_a_function_is_repeated_with_growing_and_uneven_pauses(states):
    chunk = states["Issue"]["ItemProcessor"]["States"]["IssueChunk"]
    for step in (*(states[name] for name in ("Plan", "Hold", "Begin", "Finish")), chunk):
        trouble = next(r for r in step["Retry"] if "Lambda.ServiceException" in r["ErrorEquals"])
        assert trouble["BackoffRate"] > 1
        assert trouble["JitterStrategy"] == "FULL"


def test_a_map_reads_the_chunks_of_its_own_plan_and_hands_nothing_back(states):
    issue = states["Issue"]
    assert issue["ItemReader"]["Resource"].endswith(":states:::s3:listObjectsV2")
    assert issue["ItemReader"]["Parameters"]["Prefix.$"] == "$.begin.chunks_prefix"
    assert issue["ResultPath"] is None
    assert issue["ItemProcessor"]["States"]["IssueChunk"]["OutputPath"] is None


def test_the_template_keeps_the_nulls_that_throw_results_away(templates):
    ((_, _, machine),) = templates.every("AWS::StepFunctions::StateMachine")
    written = json.loads(machine["DefinitionString"])["States"]
    assert written["Issue"]["ResultPath"] is None
    assert written["Finish"]["ResultPath"] is None
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
