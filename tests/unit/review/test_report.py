"""The report says first what it rests on; nothing is green where that is not whole; and no form of it loses a finding or lets one become code."""

import csv
import io
import json
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from firstcard.evidence import Access, Health, Hours, TrailReading, Verdict
from firstcard.evidence.health import Reason, Weight
from firstcard.review.check import Acknowledged, Intent
from firstcard.review.forms import to_csv, to_html, to_json
from firstcard.review.report import Found, report_of
from tests.unit.review.builders import (
    BEGINS,
    CARDS,
    ENDS,
    MALLORY,
    NOON,
    VAULT,
    a_record,
    a_site,
    accessed,
    an_intent,
    an_opening,
    checked,
    on_object,
    on_table,
)

WHOLE = Health(Verdict.WHOLE, ())
BROKEN = Health(Verdict.NOT_WHOLE, (Reason("hours_broken", "One hour is broken.", Weight.BREAKS),))
UNKNOWN = Health(Verdict.NOT_KNOWN, (Reason("configuration_not_known", "Nobody asked.", Weight.DOUBTS),))


def reported(
    *accesses: Access, intents: Iterable[Intent] = (), health: Health = WHOLE, acknowledged: tuple[Acknowledged, ...] = (), **more: Any
) -> dict[str, Any]:
    found = Found(
        checked=checked(*accesses, intents=intents, acknowledged=acknowledged),
        health=health,
        reading=TrailReading(iter(())),
        hours=Hours((), frozenset(), 0, ()),
        site=a_site(),
        acknowledged=acknowledged,
        **({"destroyed": (), "noes": ()} | more),
    )
    return report_of(found, written=ENDS)


def good(**more: Any) -> dict[str, Any]:
    return reported(an_opening(), *on_each_day(), intents=[an_intent()], **more)


def good_and(*more: Access) -> dict[str, Any]:
    return reported(an_opening(), *on_each_day(), *more, intents=[an_intent()])


def answer(report: dict[str, Any], number: int) -> dict[str, Any]:
    (found,) = [one for one in report["answers"] if one["number"] == number]
    return found  # type: ignore[no-any-return]


def test_the_eighteen_questions_stand_in_their_order() -> None:
    assert [one["number"] for one in good()["answers"]] == list(range(1, 19))


def test_a_window_in_which_all_was_agreed_is_green() -> None:
    assert good()["light"] == "green"


@pytest.mark.parametrize(("health", "light"), [(BROKEN, "red"), (UNKNOWN, "grey")])
def test_nothing_is_green_where_the_evidence_is_not_whole(health: Health, light: str) -> None:
    report = good(health=health)
    assert report["light"] == light
    assert [one["number"] for one in report["answers"] if one["light"] == "green"] == []


def test_a_window_without_any_event_is_no_pass() -> None:
    assert reported()["light"] == "grey"


@pytest.mark.parametrize(
    ("accesses", "light", "number"),
    [
        ((an_opening(purpose="send_notice"),), "red", 3),
        ((an_opening("firstcard-x", error="AccessDenied"),), "amber", 3),
        ((an_opening(),), "amber", 5),
        ((on_table("", "Scan", who=MALLORY),), "red", 6),
        ((on_object("", "GetObject", VAULT, "runs/1", who={"type": "Unknown"}),), "amber", 16),
    ],
)
def test_what_was_found_colours_its_question_and_the_whole(accesses: tuple[Access, ...], light: str, number: int) -> None:
    report = reported(*accesses, intents=[an_intent(at=NOON + timedelta(hours=3))] if number == 5 else [])
    assert report["light"] == light
    assert answer(report, number)["light"] == light


def test_openings_without_the_ledgers_intents_cannot_be_told() -> None:
    assert answer(reported(an_opening(purpose="send_notice")), 5)["light"] == "grey"


def test_a_refusal_that_was_honoured_late_is_red() -> None:
    late = {"said_at": "2026-11-18T10:00:00+00:00", "ended_at": "2026-11-20T10:00:00+00:00", "within": False}
    report = good(noes=(late,))
    assert (report["light"], answer(report, 9)["light"]) == ("red", "red")
    assert good(noes=({**late, "within": True},))["light"] == "green"


def test_what_was_not_given_is_grey_and_keeps_the_whole_from_nothing() -> None:
    report = good(noes=None, destroyed=None)
    assert [answer(report, number)["light"] for number in (7, 9)] == ["grey", "grey"]


ACT = {
    "at": "2026-11-20T02:00:00+00:00",
    "sharing": "oak.pine",
    "clause": "retention.after_withdrawal_days: 60",
    "patrons": 3,
    "households": 1,
    "done": True,
    "remaining": 0,
}


def on_each_day(*without: int) -> list[Access]:
    return [on_table("firstcard-destroy", "BatchGetItem", at=BEGINS + timedelta(days=n, hours=3)) for n in range(7) if n not in without]


@pytest.mark.parametrize(("without", "light"), [((), "green"), ((3,), "amber"), (tuple(range(7)), "amber")])
def test_a_day_on_which_nobody_looked_what_must_be_destroyed_is_told(without: tuple[int, ...], light: str) -> None:
    assert answer(reported(*on_each_day(*without)), 7)["light"] == light


def test_an_act_of_destruction_that_left_something_over_is_told() -> None:
    left = {**ACT, "remaining": 2}
    assert answer(reported(*on_each_day(), destroyed=(left,)), 7)["light"] == "amber"
    assert answer(reported(*on_each_day(), destroyed=(left, ACT)), 7)["light"] == "green"


@pytest.mark.parametrize("access", [on_table("", "Scan", who=MALLORY), on_object("", "GetObject", VAULT, "runs/1", who=MALLORY)])
def test_who_acted_without_anybody_who_answers_for_it_is_named(access: Access) -> None:
    told = answer(good_and(access), 13)
    assert told["light"] == "red"
    assert "mallory" in told["text"]
    assert answer(good(), 13)["light"] == "green"


def test_events_and_outcomes_sum() -> None:
    report = reported(an_opening(), an_opening(purpose="x"), on_table("firstcard-sync", "PutItem"), intents=[an_intent()])
    events = report["events"]
    assert events["all"] == sum(count for name, count in events.items() if name != "all") == 3


EVIL = '<script>alert("x")</script>'


def evil() -> dict[str, Any]:
    return reported(on_object(EVIL, "GetObject", VAULT, EVIL), an_opening(purpose=EVIL), an_opening("=cmd|calc", agreement="=1+1"))


def test_what_a_log_says_is_text_on_the_page() -> None:
    page = to_html(evil())
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert re.findall(r"(?:src|href|url)\s*[=(]", page) == []
    assert "default-src 'none'" in page


def test_what_a_log_says_is_no_formula_in_the_table() -> None:
    record = a_record("dynamodb", "Scan", data=True, userIdentity=MALLORY, eventID="=1+1", resources=[{"ARN": CARDS}])
    rows = list(csv.DictReader(io.StringIO(to_csv(reported(accessed(record))))))
    assert [row["event_id"] for row in rows] == ["'=1+1"]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_every_finding_opens_its_records_on_the_page_and_in_the_table() -> None:
    report = reported(*(an_opening(purpose="x", at=NOON + timedelta(seconds=n)) for n in range(3)), on_table("", "Scan", who=MALLORY))
    page, rows = to_html(report), list(csv.DictReader(io.StringIO(to_csv(report))))
    ids = [seen["event_id"] for finding in report["findings"] for seen in finding["seen"]]
    assert len(ids) == 4
    assert all(one in page for one in ids)
    assert [row["event_id"] for row in rows] == ids


def test_the_json_is_the_report() -> None:
    report = evil()
    assert json.loads(to_json(report)) == report
