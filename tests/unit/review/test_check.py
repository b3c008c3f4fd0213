"""Each event and each unanswered intent gets exactly one outcome, the counts sum, and what was misused is named."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstcard.evidence import Access
from firstcard.review.check import Acknowledged, Checked
from firstcard.review.outcome import Code, Outcome, Severity
from tests.unit.review.builders import (
    ACCOUNT,
    BEGINS,
    CARDS,
    DROP,
    ENDS,
    MALLORY,
    NOON,
    REGION,
    ROOT,
    VAULT,
    a_record,
    a_site,
    accessed,
    an_intent,
    an_opening,
    checked,
    identity,
    on_object,
    on_table,
)


def outcomes(found: Checked) -> dict[str, int]:
    return {str(outcome): count for outcome, count in found.events.items() if count}


def codes(found: Checked) -> list[Code]:
    return [finding.code for finding in found.findings]


def test_an_agreed_opening_that_was_written_down_is_allowed() -> None:
    found = checked(an_opening(), intents=[an_intent()])
    assert (outcomes(found), codes(found), found.matched) == ({"allowed": 1}, [], 1)


def test_an_agreed_opening_that_nobody_wrote_down_is_told() -> None:
    found = checked(an_opening())
    assert (outcomes(found), codes(found)) == ({"allowed_no_intent": 1}, [Code.OPENED_WITHOUT_INTENT])


@pytest.mark.parametrize(
    "other",
    [
        {"object": "run-2/00000"},
        {"group": "age"},
        {"purpose": "send_notice"},
        {"sharing": "oak.fir"},
        {"role": "firstcard-notify"},
        {"at": NOON + timedelta(seconds=30)},
        {"at": NOON - timedelta(minutes=3)},
    ],
)
def test_the_intent_of_something_else_or_of_another_time_answers_nothing(other: dict[str, Any]) -> None:
    found = checked(an_opening(), intents=[an_intent(**other)])
    assert outcomes(found) == {"allowed_no_intent": 1, "intent_no_event": 1}


def test_one_intent_answers_for_one_opening() -> None:
    found = checked(an_opening(), an_opening(at=NOON + timedelta(seconds=2)), intents=[an_intent()])
    assert outcomes(found) == {"allowed": 1, "allowed_no_intent": 1}


@pytest.mark.parametrize("seconds", [-8, 0, 1, 100])
def test_clocks_may_differ_by_some_seconds(seconds: int) -> None:
    found = checked(an_opening(), intents=[an_intent(at=NOON - timedelta(seconds=seconds))])
    assert outcomes(found) == {"allowed": 1}


def test_an_intent_whose_log_may_still_come_is_not_judged() -> None:
    found = checked(intents=[an_intent()], delivered_until=NOON + timedelta(hours=1))
    assert (outcomes(found), dict(found.not_evaluable)) == ({"not_evaluable": 1}, {"its_log_may_still_come": 1})


@pytest.mark.parametrize(
    ("opening", "code"),
    [
        (an_opening(purpose="send_notice"), Code.OTHER_PURPOSE),
        (an_opening(group="contact"), Code.OTHER_GROUP),
        (an_opening("firstcard-window"), Code.OTHER_ROLE),
        (an_opening(agreement="oak.elm"), Code.NO_AGREEMENT),
        (an_opening(more="context"), Code.KEY_WITHOUT_PURPOSE),
        (an_opening(who=MALLORY), Code.OTHER_ROLE),
        (an_opening(who=ROOT), Code.OTHER_ROLE),
        (an_opening(name="Encrypt", group="roster", purpose="issue_card", role="firstcard-plan"), Code.OTHER_GROUP),
        (an_opening(name="Encrypt"), Code.OTHER_ROLE),
    ],
)
def test_what_no_agreement_gives_is_a_violation_with_its_own_word(opening: Access, code: Code) -> None:
    found = checked(opening, intents=[an_intent()])
    assert found.events[Outcome.VIOLATION] == 1
    assert code in codes(found)
    assert next(one for one in found.findings if one.code is code).severity is Severity.HIGH


@pytest.mark.parametrize(
    ("at", "agreed"),
    [
        (datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 8, 1, tzinfo=UTC), True),
        (datetime(2027, 7, 31, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2027, 8, 1, tzinfo=UTC), False),
    ],
)
def test_the_term_counts_to_the_second(at: datetime, agreed: bool) -> None:
    from firstcard.review.agreed import Agreed, Judgement, Use

    judged = Agreed(a_site()).judge(Use("sync", "open", "oak.pine", "sync_ils", "identity"), at)
    assert judged is (Judgement.AGREED if agreed else Judgement.OUTSIDE_TERM)


@pytest.mark.parametrize(
    ("invoked_by", "outcome"), [("AWS Internal", "infrastructure"), ("s3.amazonaws.com", "infrastructure"), ("", "violation")]
)
def test_a_key_without_a_purpose_is_used_by_aws_services_alone(invoked_by: str, outcome: str) -> None:
    """S3 says for whom it asks; a context that looks like S3's is anybody's to write."""
    who = identity("firstcard-plan") | ({"invokedBy": invoked_by} if invoked_by else {})
    request = {"encryptionContext": {"aws:s3:arn": f"arn:aws:s3:::{VAULT}/runs/1"}}
    found = checked(accessed(a_record("kms", "Decrypt", userIdentity=who, requestParameters=request)))
    assert outcomes(found) == {outcome: 1}


def test_a_refused_opening_is_a_blocked_attempt_and_nothing_worse() -> None:
    found = checked(an_opening(purpose="send_notice", error="AccessDeniedException"))
    assert (outcomes(found), codes(found)) == ({"blocked_attempt": 1}, [Code.TRIED_AND_REFUSED])


DENIED = "AccessDenied"
PLAN = "firstcard-plan"
UPLOAD = "firstcard-upload-pine"
OTHERS = f"firstcard-drop-fir-{ACCOUNT}-{REGION}"


@pytest.mark.parametrize(
    ("access", "outcome", "code"),
    [
        (on_object(PLAN, "GetObject", DROP, "incoming/r.zip", versionId="1"), Outcome.ALLOWED, None),
        (on_object(PLAN, "GetObject", DROP, "outbox/r.html", versionId="1"), Outcome.VIOLATION, Code.BEYOND_ITS_RIGHTS),
        (on_object(PLAN, "GetObject", DROP, "outbox/r.html", versionId="1", error=DENIED), Outcome.BLOCKED_ATTEMPT, Code.TRIED_AND_REFUSED),
        (on_object(UPLOAD, "GetObject", OTHERS, "incoming/r.zip"), Outcome.VIOLATION, Code.ANOTHER_DISTRICTS),
        (on_object(UPLOAD, "GetObject", DROP, "outbox/r.html"), Outcome.ALLOWED, None),
        (on_object("", "GetObject", VAULT, "runs/1/plan.json", who=MALLORY), Outcome.VIOLATION, Code.REACHED_BY_OTHERS),
        (on_object("", "GetObject", VAULT, "runs/1/plan.json", who=MALLORY, error=DENIED), Outcome.BLOCKED_ATTEMPT, Code.TRIED_AND_REFUSED),
        (on_object("", "GetObject", "another-bucket", "x", who=MALLORY), Outcome.INFRASTRUCTURE, None),
        (on_object("", "GetObject", VAULT, "runs/1", who={"type": "Unknown"}), Outcome.NOT_EVALUABLE, Code.NOT_JUDGED),
        (on_table("firstcard-sync", "BatchGetItem"), Outcome.ALLOWED, None),
        (on_table("firstcard-sync", "TransactWriteItems"), Outcome.ALLOWED, None),
        (on_table("firstcard-sync", "Scan"), Outcome.VIOLATION, Code.BULK_EXPORT),
        (on_table("", "Scan", who=MALLORY), Outcome.VIOLATION, Code.BULK_EXPORT),
        (on_table("firstcard-sync", "PutItem", error="ConditionalCheckFailedException"), Outcome.ALLOWED, None),
        (on_table("", "ExportTableToPointInTime", who=MALLORY, data=False), Outcome.VIOLATION, Code.BULK_EXPORT),
    ],
)
def test_what_reaches_data_is_held_against_what_the_role_was_given(access: Access, outcome: Outcome, code: Code | None) -> None:
    found = checked(access)
    assert (outcomes(found), codes(found)) == ({str(outcome): 1}, [code] if code else [])


def a_change(source: str, event: str, who: dict[str, Any], **request: str) -> Access:
    return accessed(a_record(source, event, requestParameters=request, userIdentity=who))


CDK = identity(f"cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-{REGION}")


@pytest.mark.parametrize(
    ("access", "code"),
    [
        (a_change("kms", "ScheduleKeyDeletion", MALLORY, keyId="k"), Code.KEY_DELETION),
        (a_change("kms", "DisableKey", identity("Admin"), keyId="k"), Code.KEY_DELETION),
        (a_change("kms", "PutKeyPolicy", identity("Admin"), keyId="k"), Code.KEY_CHANGED),
        (a_change("kms", "CreateGrant", identity("Admin"), keyId="k"), Code.KEY_CHANGED),
        (a_change("iam", "PutRolePolicy", identity("Admin"), roleName="firstcard-sync"), Code.RIGHTS_CHANGED),
        (a_change("iam", "CreateAccessKey", MALLORY, userName="mallory"), Code.RIGHTS_CHANGED),
        (a_change("s3", "PutBucketPolicy", identity("Admin"), bucketName=VAULT), Code.RIGHTS_CHANGED),
        (a_change("s3", "PutBucketReplication", identity("Admin"), bucketName=VAULT), Code.BULK_EXPORT),
        (a_change("lambda", "UpdateFunctionCode20150331v2", identity("Admin"), functionName="firstcard-sync"), Code.CHANGED_BY_HAND),
        (a_change("lambda", "AddPermission20150331v2", identity("Admin"), functionName="firstcard-sync"), Code.RIGHTS_CHANGED),
        (a_change("cloudtrail", "StopLogging", identity("Admin"), name="firstcard"), Code.CHANGED_BY_HAND),
        (a_change("sts", "AssumeRole", ROOT), Code.ROOT_USED),
        (a_change("kms", "PutKeyPolicy", CDK, keyId="k"), None),
        (a_change("ec2", "RunInstances", MALLORY), None),
        (a_change("s3", "PutBucketPolicy", identity("Admin"), bucketName="another"), None),
        (a_change("kms", "DescribeKey", identity("Admin"), keyId="k"), None),
    ],
)
def test_what_was_changed_by_hand_is_told(access: Access, code: Code | None) -> None:
    found = checked(access)
    assert codes(found) == ([code] if code else [])
    assert sum(found.events.values()) == 1


def test_a_call_of_which_cloudtrail_left_a_part_out_is_not_judged() -> None:
    record = a_record(
        "dynamodb", "BatchWriteItem", role="firstcard-sync", data=True, requestParameters={"omitted": True}, resources=[{"ARN": CARDS}]
    )
    found = checked(accessed(record))
    assert dict(found.not_evaluable) == {"left_out_by_cloudtrail": 1}


def test_what_a_person_answers_for_is_counted_and_no_violation_until_it_ends() -> None:
    answered = Acknowledged("desk*", ("dynamodb:Scan",), "counts the table each evening", NOON + timedelta(days=1), "ann")
    scan = on_table("", "Scan", who=identity("desk-1"))
    assert outcomes(checked(scan, acknowledged=[answered])) == {"infrastructure": 1}
    ended = Acknowledged("desk*", ("dynamodb:Scan",), "counts the table each evening", NOON, "ann")
    assert outcomes(checked(scan, acknowledged=[ended])) == {"violation": 1}
    assert outcomes(checked(on_table("", "PutItem", who=identity("desk-1")), acknowledged=[answered])) == {"violation": 1}


def test_an_exception_is_for_the_one_who_is_named_and_for_what_was_done_not_for_what_was_refused() -> None:
    answered = Acknowledged("desk*", ("dynamodb:Scan",), "counts the table each evening", ENDS, "ann")
    assert outcomes(checked(on_table("", "Scan", who=MALLORY), acknowledged=[answered])) == {"violation": 1}
    refused = on_table("", "Scan", who=identity("desk-1"), error="AccessDenied")
    assert outcomes(checked(refused, acknowledged=[answered])) == {"blocked_attempt": 1}


def test_of_a_call_about_several_things_each_must_be_given() -> None:
    ledger = CARDS.replace("firstcard-cards", "firstcard-ledger")
    record = a_record("dynamodb", "BatchGetItem", role="firstcard-sync", data=True, resources=[{"ARN": CARDS}, {"ARN": ledger}])
    assert codes(checked(accessed(record))) == [Code.BEYOND_ITS_RIGHTS]


def test_what_was_judged_before_says_nothing_of_another_place() -> None:
    """Reads of one role in one bucket are judged once for each kind of place."""
    good = [on_object(PLAN, "GetObject", DROP, f"incoming/{n:08x}.zip", versionId="1") for n in range(3)]
    found = checked(*good, on_object(PLAN, "GetObject", DROP, "outbox/r.html", versionId="1"), *good)
    assert outcomes(found) == {"allowed": 6, "violation": 1}


def test_an_intent_from_before_the_window_is_the_last_windows() -> None:
    found = checked(intents=[an_intent(at=BEGINS - timedelta(seconds=5))])
    assert (outcomes(found), found.intents) == ({}, 0)


@pytest.mark.parametrize("status", ["draft", "suspended", "terminated"])
def test_an_agreement_that_is_not_executed_gives_nothing(status: str) -> None:
    found = checked(an_opening(), site=a_site(status=status))
    assert codes(found) == [Code.NO_AGREEMENT]


def test_nobody_can_answer_for_the_opening_of_students_data() -> None:
    answered = Acknowledged("*mallory", ("kms:*",), "says that it is all right", ENDS, "mallory")
    assert outcomes(checked(an_opening(who=MALLORY), acknowledged=[answered])) == {"violation": 1}


def test_records_outside_the_window_are_counted_apart() -> None:
    found = checked(
        an_opening(at=BEGINS - timedelta(seconds=1)), an_opening(at=ENDS), an_opening(at=BEGINS), intents=[an_intent(at=BEGINS)]
    )
    assert (found.outside, outcomes(found)) == (2, {"allowed": 1})


def test_the_same_finding_is_one_line_with_its_count_and_its_records() -> None:
    found = checked(*(an_opening(purpose="send_notice", at=NOON + timedelta(seconds=n)) for n in range(70)))
    (finding,) = found.findings
    assert (finding.count, len(finding.seen), finding.first, finding.last) == (70, 50, NOON, NOON + timedelta(seconds=69))


ANY_TEXT = st.text(max_size=20)
CALLS: list[Callable[..., Access]] = [
    lambda role, text, error: an_opening(role, error=error, purpose=text or "x"),
    lambda role, text, error: an_opening(role, error=error, group=text or "x", name="Encrypt"),
    lambda role, text, error: an_opening(role, error=error),
    lambda role, text, error: on_object(role, "GetObject", VAULT, text, error=error),
    lambda role, text, error: on_object(role, "PutObject", text, "incoming/x", error=error),
    lambda role, text, error: on_table(role, "PutItem", error=error),
    lambda role, text, error: accessed(a_record("kms", text or "x", role=role)),
    lambda role, text, error: accessed(a_record(text or "x", "Do", role=role)),
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(CALLS),
            st.sampled_from(["firstcard-sync", "firstcard-plan", "firstcard-upload-pine", "Admin", "firstcard-nobody"]),
            ANY_TEXT,
            st.sampled_from(["", "AccessDenied", "ThrottlingException"]),
        ),
        max_size=30,
    ),
    st.lists(
        st.builds(
            lambda n, role: an_intent(role, at=NOON + timedelta(seconds=n)),
            st.integers(-200, 200),
            st.sampled_from(["firstcard-sync", "firstcard-plan"]),
        ),
        max_size=10,
    ),
)
def test_every_event_has_one_outcome_and_every_intent_is_answered_or_told(calls: list[Any], intents: list[Any]) -> None:
    accesses = [make(role, text, error) for make, role, text, error in calls]
    found = checked(*accesses, intents=intents)
    unanswered = found.events[Outcome.INTENT_NO_EVENT]
    assert found.intents == len(intents) == found.matched + unanswered
    assert sum(found.events.values()) == len(accesses) + unanswered
    assert found.events[Outcome.VIOLATION] <= sum(one.count for one in found.findings)


@given(
    st.sampled_from(["sync", "notify", "plan", "window", "x"]),
    st.sampled_from(["sync_ils", "send_notice", "issue_card", "x"]),
    st.sampled_from(["identity", "age", "contact", "pin", "x"]),
    st.sampled_from(["oak.pine", "oak.fir"]),
)
def test_an_opening_is_allowed_exactly_where_the_agreement_says_so(role: str, purpose: str, group: str, sharing: str) -> None:
    """Against the agreement's matrix and roles, read here in another way."""
    (agreement,) = a_site().agreements
    said = agreement.roles.get(role)
    allowed = (
        sharing == agreement.sharing
        and said is not None
        and any(str(one) == purpose for one in said.opened)
        and any(str(one) == group for key, groups in agreement.matrix.items() if str(key) == purpose for one in groups)
    )
    found = checked(an_opening(f"firstcard-{role}", purpose=purpose, group=group, agreement=sharing))
    assert (found.events[Outcome.VIOLATION] == 0) == allowed
