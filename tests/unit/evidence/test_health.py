"""The verdict on the evidence: a pass only where nothing is missing, nothing was changed and nothing is unknown."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from firstcard.evidence import (
    Access,
    Concern,
    Configuration,
    Health,
    Setting,
    Verdict,
    calls_to_record,
    changes_of,
    health,
    read_trail,
)
from firstcard.evidence.health import WEIGHTS, Weight
from firstcard.evidence.selectors import Call, UnknownSelectorError, not_recorded
from tests.unit.evidence.builders import (
    ACCOUNT,
    BUCKET,
    HOUR,
    NAME,
    NOON,
    REGION,
    LogBucket,
    a_file,
    a_log_bucket,
    a_record,
    digests_of,
    logs_of,
)

TRAIL_ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{NAME}"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/logs-key"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/cards"
SETTING = Setting(
    trail=NAME,
    log_bucket=BUCKET,
    log_keys=frozenset({KEY}),
    calls=calls_to_record(buckets=("arn:aws:s3:::drop", "arn:aws:s3:::vault"), tables=(TABLE,)),
)


def a_field(field: str, **test: Any) -> dict[str, Any]:
    return {"field": field, **test}


MANAGEMENT = {"fieldSelectors": [a_field("eventCategory", equals=["Management"])]}
OBJECTS = {
    "fieldSelectors": [
        a_field("eventCategory", equals=["Data"]),
        a_field("resources.type", equals=["AWS::S3::Object"]),
        a_field("resources.ARN", startsWith=["arn:aws:s3:::drop/", "arn:aws:s3:::vault/"]),
    ]
}
ITEMS = {
    "fieldSelectors": [
        a_field("eventCategory", equals=["Data"]),
        a_field("resources.type", equals=["AWS::DynamoDB::Table"]),
        a_field("resources.ARN", equals=[TABLE]),
    ]
}
SELECTORS = {"advancedEventSelectors": [MANAGEMENT, OBJECTS, ITEMS]}
CONFIGURATION = Configuration(
    trail={"Trail": {"LogFileValidationEnabled": True, "IsMultiRegionTrail": True, "S3BucketName": BUCKET}},
    status={"IsLogging": True},
    selectors={"TrailARN": TRAIL_ARN, **SELECTORS},
)


def a_call(name: str, service: str = "cloudtrail", **more: Any) -> dict[str, Any]:
    fields = {"eventSource": f"{service}.amazonaws.com", "eventName": name, "readOnly": False, "resources": None} | more
    return a_record(77, **fields)


def on_the_trail(name: str, **request: Any) -> dict[str, Any]:
    return a_call(name, requestParameters={"name": NAME, **request})


def on_the_bucket(name: str, **more: Any) -> dict[str, Any]:
    return a_call(name, "s3", requestParameters={"bucketName": BUCKET}, **more)


def on_the_key(name: str) -> dict[str, Any]:
    return a_call(name, "kms", requestParameters={"keyId": KEY})


def access(record: dict[str, Any]) -> Access:
    [one] = read_trail([("one", a_file(record))]).accesses
    return one


def concerns(record: dict[str, Any]) -> set[Concern]:
    return {change.concern for change in changes_of(access(record), SETTING)}


def judged(
    bucket: LogBucket, *, configuration: Configuration = CONFIGURATION, drawn: bool = True, read: Callable[[str], bool] = lambda _: True
) -> Health:
    """Four hours, with the hours after that list what they delivered."""
    hours = bucket.verified()
    reading = read_trail(
        (name, bucket.objects[BUCKET, name.removeprefix(f"{BUCKET}/")].data) for name in sorted(hours.proven) if read(name)
    )
    accesses = list(reading.accesses if drawn else itertools.islice(reading.accesses, 1))
    changes = [change for one in accesses for change in changes_of(one, SETTING)]
    return health(hours=hours, reading=reading, changes=changes, setting=SETTING, configuration=configuration)


def with_a_record(record: dict[str, Any]) -> LogBucket:
    """A whole chain, in which one record tells of a change."""
    bucket = LogBucket()
    for number in range(7):
        end = NOON + number * HOUR
        bucket.digest(end, [bucket.log(end - timedelta(minutes=20), record if number == 2 else a_record(number))])
    return bucket


def codes(found: Health) -> set[str]:
    return {reason.code for reason in found.reasons}


def test_an_untouched_window_is_whole() -> None:
    found = judged(a_log_bucket())
    assert (found.verdict, found.reasons, found.changes) == (Verdict.WHOLE, (), ())


# What changes the trail


@pytest.mark.parametrize(
    ("record", "concern"),
    [
        (on_the_trail("StopLogging"), Concern.LOGGING_STOPPED),
        (a_call("StopLogging", requestParameters={"name": TRAIL_ARN}), Concern.LOGGING_STOPPED),
        (a_call("StopLogging", requestParameters=None), Concern.LOGGING_STOPPED),
        (on_the_trail("DeleteTrail"), Concern.TRAIL_DELETED),
        (on_the_trail("UpdateTrail", enableLogFileValidation=False), Concern.VALIDATION_OFF),
        (on_the_trail("UpdateTrail", s3BucketName="elsewhere"), Concern.LOG_BUCKET_OF_THE_TRAIL),
        (on_the_trail("UpdateTrail", kmsKeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/other"), Concern.LOG_KEY_OF_THE_TRAIL),
        (on_the_trail("UpdateTrail", kmsKeyId=""), Concern.LOG_KEY_OF_THE_TRAIL),
        (on_the_trail("UpdateTrail", isMultiRegionTrail=False), Concern.REGIONS_DROPPED),
        (on_the_trail("UpdateTrail", snsTopicName="x"), Concern.TRAIL_UPDATED),
        (on_the_trail("PutEventSelectors", **SELECTORS), Concern.SELECTORS_CHANGED),
        (on_the_trail("PutEventSelectors"), Concern.SELECTORS_NOT_KNOWN),
        (on_the_trail("PutEventSelectors", advancedEventSelectors="x"), Concern.SELECTORS_NOT_KNOWN),
        (on_the_trail("PutEventSelectors", omitted=True), Concern.SELECTORS_NOT_KNOWN),
        (on_the_bucket("PutBucketPolicy"), Concern.LOG_BUCKET_POLICY),
        (on_the_bucket("DeleteBucketPolicy"), Concern.LOG_BUCKET_POLICY),
        (on_the_bucket("DeleteBucket"), Concern.LOG_BUCKET_DELETED),
        (on_the_bucket("PutBucketLifecycleConfiguration"), Concern.LOG_BUCKET_LIFECYCLE),
        (on_the_bucket("PutBucketLogging"), Concern.LOG_BUCKET_LOGGING),
        (on_the_bucket("PutBucketObjectLockConfiguration"), Concern.LOG_BUCKET_LOCK),
        (on_the_bucket("PutBucketVersioning"), Concern.LOG_BUCKET_LOCK),
        (on_the_bucket("PutBucketReplication"), Concern.LOG_BUCKET_CHANGED),
        (on_the_bucket("DeleteObject", managementEvent=False, eventCategory="Data"), Concern.LOG_OBJECT_CHANGED),
        (on_the_bucket("PutObject", managementEvent=False, eventCategory="Data"), Concern.LOG_OBJECT_CHANGED),
        (on_the_key("ScheduleKeyDeletion"), Concern.LOG_KEY_DELETION),
        (on_the_key("DisableKey"), Concern.LOG_KEY_DISABLED),
        (on_the_key("PutKeyPolicy"), Concern.LOG_KEY_POLICY),
        (a_call("DisableKey", "kms", requestParameters={"keyId": "logs-key"}), Concern.LOG_KEY_DISABLED),
    ],
)
def test_a_change_is_named_with_time_and_who_and_is_no_pass(record: dict[str, Any], concern: Concern) -> None:
    [change] = changes_of(access(record), SETTING)
    assert (change.concern, change.time, change.refused) == (concern, NOON + timedelta(seconds=1), False)
    assert "firstcard-sync/run-7 for ada through lambda.amazonaws.com" in change.who
    expected = {Weight.BREAKS: Verdict.NOT_WHOLE, Weight.DOUBTS: Verdict.NOT_KNOWN, Weight.TOLD: Verdict.WHOLE}[change.weight]
    assert judged(with_a_record(record)).verdict is expected
    assert (change.weight is Weight.TOLD) is (concern is Concern.SELECTORS_CHANGED)


@pytest.mark.parametrize(
    "record",
    [
        a_call("StopLogging", requestParameters={"name": "another"}),
        on_the_trail("GetTrailStatus"),
        on_the_trail("UpdateTrail", s3BucketName=BUCKET) | {"eventName": "DescribeTrails"},
        a_call("PutBucketPolicy", "s3", requestParameters={"bucketName": "another"}),
        on_the_bucket("GetBucketPolicy", readOnly=True),
        a_call("DisableKey", "kms", requestParameters={"keyId": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/vault"}),
        on_the_bucket(
            "PutObject",
            managementEvent=False,
            eventCategory="Data",
            userIdentity={"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"},
        ),
        a_record(1),
    ],
)
def test_what_does_not_bear_upon_the_evidence_is_no_concern(record: dict[str, Any]) -> None:
    assert concerns(record) == set()


def test_a_refused_change_is_told_and_breaks_nothing() -> None:
    record = on_the_trail("StopLogging") | {"errorCode": "AccessDenied"}
    found = judged(with_a_record(record))
    assert (found.verdict, [change.refused for change in found.changes]) == (Verdict.WHOLE, [True])


# Selectors


def test_keys_left_out_by_a_basic_selector_are_named() -> None:
    basic = [{"readWriteType": "All", "includeManagementEvents": True, "excludeManagementEventSources": ["kms.amazonaws.com"]}]
    assert concerns(on_the_trail("PutEventSelectors", eventSelectors=basic)) == {Concern.KMS_NOT_RECORDED, Concern.DATA_NOT_RECORDED}


def test_keys_left_out_by_an_advanced_selector_are_named() -> None:
    without = {"fieldSelectors": [*MANAGEMENT["fieldSelectors"], a_field("eventSource", notEquals=["kms.amazonaws.com"])]}
    assert concerns(on_the_trail("PutEventSelectors", advancedEventSelectors=[without, OBJECTS, ITEMS])) == {Concern.KMS_NOT_RECORDED}


@pytest.mark.parametrize(
    ("selectors", "left_out"),
    [
        ([MANAGEMENT, ITEMS], {"arn:aws:s3:::drop/any", "arn:aws:s3:::vault/any"}),
        ([MANAGEMENT, OBJECTS], {TABLE}),
        ([OBJECTS, ITEMS], {""}),
        (
            [MANAGEMENT, {"fieldSelectors": [*OBJECTS["fieldSelectors"], a_field("readOnly", equals=["false"])]}, ITEMS],
            {"arn:aws:s3:::drop/any", "arn:aws:s3:::vault/any"},
        ),
        (
            [MANAGEMENT, {"fieldSelectors": [*OBJECTS["fieldSelectors"], a_field("userIdentity.arn", notEquals=["me"])]}, ITEMS],
            {"arn:aws:s3:::drop/any", "arn:aws:s3:::vault/any"},
        ),
        ([MANAGEMENT, OBJECTS, ITEMS], set()),
    ],
)
def test_what_a_trail_would_not_record_follows_from_its_selectors(selectors: list[Any], left_out: set[str]) -> None:
    assert {call.arn for call in not_recorded({"AdvancedEventSelectors": selectors}, SETTING.calls)} == left_out


def test_a_basic_selector_takes_objects_by_prefix() -> None:
    calls = (Call("s3.amazonaws.com", "GetObject", True, "AWS::S3::Object", "arn:aws:s3:::drop/a"),)
    for value, missing in (("arn:aws:s3:::drop/", 0), ("arn:aws:s3", 0), ("arn:aws:s3:::other/", 1)):
        said = {"eventSelectors": [{"dataResources": [{"type": "AWS::S3::Object", "values": [value]}]}]}
        assert len(not_recorded(said, calls)) == missing


@pytest.mark.parametrize(
    "said", [None, {}, {"eventSelectors": [7]}, {"eventSelectors": [{"readWriteType": "Some"}]}, {"advancedEventSelectors": [{}]}]
)
def test_selectors_of_an_unknown_form_are_not_guessed(said: Any) -> None:
    with pytest.raises(UnknownSelectorError):
        not_recorded(said, SETTING.calls)


# The verdict


@pytest.mark.parametrize(
    ("configuration", "verdict", "code"),
    [
        (Configuration(), Verdict.NOT_KNOWN, "configuration_not_known"),
        (Configuration(CONFIGURATION.trail, CONFIGURATION.status, None), Verdict.NOT_KNOWN, "configuration_not_known"),
        (Configuration(CONFIGURATION.trail, {"IsLogging": False}, SELECTORS), Verdict.NOT_WHOLE, "logging_stopped_at_the_end"),
        (Configuration({"Trail": {}}, {"IsLogging": True}, SELECTORS), Verdict.NOT_WHOLE, "validation_off_at_the_end"),
        (
            Configuration(CONFIGURATION.trail, CONFIGURATION.status, {"advancedEventSelectors": [MANAGEMENT]}),
            Verdict.NOT_WHOLE,
            "data_not_recorded_at_the_end",
        ),
        (Configuration(CONFIGURATION.trail, CONFIGURATION.status, {}), Verdict.NOT_KNOWN, "selectors_not_known_at_the_end"),
    ],
)
def test_the_trail_must_be_right_at_the_end(configuration: Configuration, verdict: Verdict, code: str) -> None:
    found = judged(a_log_bucket(), configuration=configuration)
    assert (found.verdict, code in codes(found)) == (verdict, True)


def test_a_broken_hour_is_not_whole() -> None:
    bucket = a_log_bucket()
    del bucket.objects[BUCKET, digests_of(bucket)[2]]
    assert (judged(bucket).verdict, "hours_broken" in codes(judged(bucket))) == (Verdict.NOT_WHOLE, True)


def test_an_hour_without_a_digest_is_not_whole() -> None:
    bucket = a_log_bucket(4)
    assert (judged(bucket).verdict, codes(judged(bucket))) == (Verdict.NOT_WHOLE, {"hours_missing"})


def test_an_unreadable_record_is_not_whole() -> None:
    assert codes(judged(with_a_record({"no": "record"}))) == {"unreadable"}


def test_a_proven_file_that_was_not_read_is_not_known() -> None:
    left = logs_of(a_log_bucket())[2]
    found = judged(a_log_bucket(), read=lambda name: not name.endswith(left))
    assert (found.verdict, codes(found)) == (Verdict.NOT_KNOWN, {"files_not_read"})


def test_a_reading_that_was_not_drawn_to_its_end_is_not_known() -> None:
    found = judged(a_log_bucket(), drawn=False)
    assert (found.verdict, "not_read_to_the_end" in codes(found)) == (Verdict.NOT_KNOWN, True)


def test_a_file_that_no_digest_proves_is_not_whole() -> None:
    bucket = a_log_bucket()
    reading = read_trail([("logs/forged.json.gz", a_file(a_record(9)))])
    list(reading.accesses)
    found = health(hours=bucket.verified(), reading=reading, changes=(), setting=SETTING, configuration=CONFIGURATION)
    assert (found.verdict, "files_not_proven" in codes(found)) == (Verdict.NOT_WHOLE, True)


def test_without_digests_nothing_is_known() -> None:
    reading = read_trail([])
    list(reading.accesses)
    found = health(hours=None, reading=reading, changes=(), setting=SETTING, configuration=CONFIGURATION)
    assert (found.verdict, codes(found)) == (Verdict.NOT_KNOWN, {"digests_not_checked"})


def test_only_a_change_that_leaves_everything_recorded_passes() -> None:
    assert {concern for concern, weight in WEIGHTS.items() if weight is Weight.TOLD} == {Concern.SELECTORS_CHANGED}
