"""CloudTrail files: every record becomes one access or one unreadable, and the counts sum, whatever is in the file."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.evidence import Access, Fault, TrailReading, read_trail
from firstcard.evidence.opening import MOST_BYTES, inflate
from firstcard.evidence.trail import Addendum, Resource, Seen
from tests.unit.evidence.builders import ACCOUNT, REGION, ROLE, a_file, a_record


def read(*files: bytes) -> tuple[list[Access], TrailReading]:
    reading = read_trail((f"{number}.json.gz", data) for number, data in enumerate(files, 1))
    return list(reading.accesses), reading


def the_access(**changes: Any) -> Access:
    [access], _ = read(a_file(a_record(**changes)))
    return access


def faults(reading: TrailReading) -> list[tuple[Fault, int]]:
    return [(one.reason, one.position) for one in reading.unreadable]


def a_text(*records: str) -> bytes:
    return gzip.compress(('{"Records":[' + ",".join(records) + "]}").encode("utf-8", "surrogatepass"))


GOOD = json.dumps(a_record(1))


# What an access tells


def test_a_decryption_tells_who_under_which_key_and_for_what() -> None:
    access = the_access()
    assert access.time == datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC)
    assert (access.source, access.name, access.region, access.account) == ("kms.amazonaws.com", "Decrypt", REGION, ACCOUNT)
    assert access.key == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/vault"
    assert access.context == {"agreement": "lib.duval", "purpose": "sync_ils"}
    assert (access.error, access.read_only, access.data, access.tls) == ("", True, False, "TLSv1.3")


def test_who_is_the_role_the_service_and_the_person_behind() -> None:
    who = the_access().who
    assert (who.issuer, who.session, who.invoked_by, who.source_identity) == (ROLE, "run-7", "lambda.amazonaws.com", "ada")


@pytest.mark.parametrize("identity", [None, {}, {"accountId": ACCOUNT, "invokedBy": "ec2.amazonaws.com"}])
def test_a_record_without_a_type_of_identity_is_an_access(identity: Any) -> None:
    assert the_access(userIdentity=identity).who.type == ""


def test_an_object_tells_bucket_key_and_bytes() -> None:
    access = the_access(
        eventSource="s3.amazonaws.com",
        eventName="GetObject",
        managementEvent=False,
        eventCategory="Data",
        requestParameters={"bucketName": "drop", "key": "incoming/a.csv"},
        additionalEventData={"bytesTransferredIn": 0.0, "bytesTransferredOut": 120},
        resources=[
            {"ARN": "arn:aws:s3:::drop/incoming/a.csv", "type": "AWS::S3::Object"},
            {"ARNPrefix": "arn:aws:s3:::drop/", "type": "AWS::S3::Object"},
        ],
    )
    assert (access.bucket, access.object, access.bytes_in, access.bytes_out, access.data) == ("drop", "incoming/a.csv", 0, 120, True)
    assert access.resources[1] == Resource("arn:aws:s3:::drop/", "AWS::S3::Object", prefix=True)


def test_items_tell_each_table_once() -> None:
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/cards"
    access = the_access(
        eventSource="dynamodb.amazonaws.com",
        requestParameters={"requestItems": {"cards": {}, "ledger": {}}},
        resources=[{"ARN": arn, "type": "AWS::DynamoDB::Table"}, {"ARN": f"{arn}/index/by-school", "type": "AWS::DynamoDB::Table"}],
    )
    assert access.tables == ("cards", "ledger")


def test_what_cloudtrail_left_out_for_its_size_is_told() -> None:
    assert the_access(requestParameters={"omitted": True, "originalSize": 103204}).omitted
    assert not the_access().omitted


# Twice, late, amended


def test_the_same_record_twice_counts_once() -> None:
    accesses, reading = read(a_file(a_record(1), a_record(2)), a_file(a_record(1)))
    assert (len(accesses), reading.counts.duplicates, reading.counts.records) == (2, 1, 3)
    assert [(one.file, one.position) for one in reading.duplicates] == [("2.json.gz", 1)]


def test_another_record_under_a_known_id_is_unreadable() -> None:
    accesses, reading = read(a_file(a_record(1), a_record(1, errorCode="AccessDenied")))
    assert (len(accesses), faults(reading)) == (1, [(Fault.SAME_ID_OTHER_CONTENT, 2)])


def test_an_addendum_is_attached_to_its_original() -> None:
    addendum = {"reason": "UPDATED_DATA", "updatedFields": "errorCode", "originalEventID": a_record(1)["eventID"]}
    _, reading = read(a_file(a_record(2, addendum=addendum)), a_file(a_record(1)))
    [amending] = reading.amended[a_record(1)["eventID"]]
    assert amending.addendum == Addendum("UPDATED_DATA", a_record(1)["eventID"], "errorCode")
    assert not reading.orphans


def test_an_addendum_without_its_original_is_an_orphan() -> None:
    _, reading = read(a_file(a_record(2, addendum={"reason": "UPDATED_DATA", "originalEventID": "gone"})))
    assert reading.orphans == {"gone"}


def test_an_id_that_lies_across_two_others_is_not_one_that_was_read() -> None:
    seen = Seen()
    seen.note(b"\0\1" + b"\xff" * 20 + b"\0\1")
    seen.note(b"\0\1" * 7 + b"\xff" * 10)
    wanted = b"\0\1" * 8 + b"\0" * 8
    assert not seen.knows(wanted)
    seen.note(wanted)
    assert seen.knows(wanted)


# Hostile


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"a":1,"a":2}', Fault.TWICE_THE_SAME_NAME),
        (GOOD.replace('"purpose"', '"agreement"'), Fault.TWICE_THE_SAME_NAME),
        (GOOD.replace('"errorCode"', "x").replace('"sync_ils"', "NaN"), Fault.NUMBER),
        (GOOD.replace('"sync_ils"', "-Infinity"), Fault.NUMBER),
        (GOOD.replace('"sync_ils"', "1e999"), Fault.NUMBER),
        (GOOD.replace('"sync_ils"', "9" * 9000), Fault.NOT_JSON),
        (GOOD.replace('"sync_ils"', '"\\ud800"'), Fault.HALF_A_CHARACTER),
        (GOOD.replace('"sync_ils"', '{"a":' * 5000 + "1" + "}" * 5000), Fault.TOO_DEEP),
        (GOOD.replace('"sync_ils"', "7"), Fault.WRONG_TYPE),
        (GOOD.replace('"sync_ils"', '"\x07"'), Fault.NOT_JSON),
        ("7", Fault.NOT_A_RECORD),
        ("null", Fault.NOT_A_RECORD),
        ("[]", Fault.NOT_A_RECORD),
        ("", Fault.NOT_JSON),
        ("{}", Fault.FIELD_MISSING),
    ],
)
def test_one_bad_record_is_named_and_spoils_no_other(bad: str, reason: Fault) -> None:
    accesses, reading = read(a_text(GOOD, bad, json.dumps(a_record(3))))
    assert [access.position for access in accesses] == [1, 3]
    assert faults(reading) == [(reason, 2)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"eventID": None}, Fault.FIELD_MISSING),
        ({"eventID": ""}, Fault.FIELD_MISSING),
        ({"eventID": 7}, Fault.WRONG_TYPE),
        ({"eventTime": None}, Fault.FIELD_MISSING),
        ({"eventTime": "2026-11-20 12:00:01.00"}, Fault.BAD_TIME),
        ({"eventTime": "2026-13-20T12:00:01Z"}, Fault.BAD_TIME),
        ({"eventTime": "2026-W28-1T11:42:36Z"}, Fault.BAD_TIME),
        ({"eventTime": 1}, Fault.BAD_TIME),
        ({"eventName": ["Decrypt"]}, Fault.WRONG_TYPE),
        ({"userIdentity": "root"}, Fault.WRONG_TYPE),
        ({"userIdentity": {"arn": 1}}, Fault.WRONG_TYPE),
        ({"requestParameters": []}, Fault.WRONG_TYPE),
        ({"readOnly": "false"}, Fault.WRONG_TYPE),
        ({"managementEvent": False}, Fault.WRONG_TYPE),
        ({"resources": {}}, Fault.WRONG_TYPE),
        ({"resources": ["arn"]}, Fault.WRONG_TYPE),
        ({"additionalEventData": {"bytesTransferredOut": -1}}, Fault.WRONG_TYPE),
        ({"additionalEventData": {"bytesTransferredOut": True}}, Fault.WRONG_TYPE),
        ({"additionalEventData": {"bytesTransferredOut": 0.5}}, Fault.WRONG_TYPE),
        ({"addendum": "x"}, Fault.WRONG_TYPE),
    ],
)
def test_a_field_that_decides_must_be_as_it_is_published(change: dict[str, Any], reason: Fault) -> None:
    accesses, reading = read(a_file(a_record(**change)))
    assert (accesses, faults(reading)) == ([], [(reason, 1)])


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", [Fault.CUT_OFF]),
        (b"hello", [Fault.NOT_GZIP]),
        (gzip.compress(b""), [Fault.NO_RECORDS]),
        (gzip.compress(b"[]"), [Fault.NO_RECORDS]),
        (gzip.compress(b'{"records":[]}'), [Fault.NO_RECORDS]),
        (gzip.compress(b'{"Records":{}}'), [Fault.NO_RECORDS]),
        (gzip.compress(b'{"Records":[],"More":[]}'), [Fault.MORE_THAN_RECORDS]),
        (gzip.compress(b'{"Records":[]}{"Records":[]}'), [Fault.MORE_THAN_RECORDS]),
        (a_file() + b"\0", [Fault.MORE_AFTER_THE_END]),
        (gzip.compress(b'{"Records":['), [Fault.CUT_OFF]),
    ],
)
def test_a_file_that_is_none_is_named(data: bytes, named: list[Fault]) -> None:
    accesses, reading = read(data)
    assert not accesses
    assert set(named) <= {one.reason for one in reading.unreadable if not one.position}
    assert reading.counts.faults == len([one for one in reading.unreadable if not one.position])


def test_an_empty_list_of_records_is_no_fault() -> None:
    _, reading = read(a_file())
    assert (reading.unreadable, reading.finished, reading.files) == ([], True, {"1.json.gz"})


def test_a_truncated_file_gives_what_was_whole_and_is_named() -> None:
    whole = a_file(*(a_record(number) for number in range(400)))
    accesses, reading = read(whole[: len(whole) // 2])
    assert 0 < len(accesses) < 400
    assert [access.position for access in accesses] == list(range(1, len(accesses) + 1))
    assert {one.reason for one in reading.unreadable if not one.position} == {Fault.CUT_OFF}


def test_a_wrong_checksum_is_named_and_hides_nothing() -> None:
    whole = a_file(*(a_record(number) for number in range(40)))
    accesses, reading = read(whole[:-8] + b"\0\0\0\0" + whole[-4:])
    assert (len(accesses), faults(reading)) == (40, [(Fault.CHECKSUM, 0)])


def test_several_members_are_one_file() -> None:
    text = json.dumps({"Records": [a_record(1), a_record(2)]}).encode()
    accesses, reading = read(gzip.compress(text[:100]) + gzip.compress(text[100:]))
    assert (len(accesses), reading.unreadable) == (2, [])


def test_a_bomb_is_not_inflated() -> None:
    bomb = gzip.compress(b" " * (MOST_BYTES + 10))
    content, fault = inflate(bomb)
    assert (len(content) <= MOST_BYTES + 1, fault) == (True, Fault.TOO_LARGE)


def test_bytes_that_are_no_text_spoil_only_their_record() -> None:
    text = b'{"Records":[' + GOOD.encode() + b"," + GOOD.encode().replace(b"ada", b"a\xffa") + b"]}"
    accesses, reading = read(gzip.compress(text))
    assert (len(accesses), faults(reading)) == (1, [(Fault.NOT_UTF8, 0), (Fault.NOT_UTF8, 2)])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([ROLE, "Decrypt", "2026-11-20T12:00:01Z"]),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5) | st.sampled_from(sorted(a_record())), below, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        JSON | st.tuples(st.sampled_from(sorted(a_record())), JSON).map(lambda change: a_record(1, **{change[0]: change[1]})), max_size=5
    )
)
def test_whatever_the_records_are_each_is_counted_once(records: list[Any]) -> None:
    accesses, reading = read(a_file(*records))
    counts = reading.counts
    assert counts.records == len(records) == counts.accesses + counts.duplicates + counts.unreadable
    assert counts.accesses == len(accesses)
    assert sorted(one.position for one in [*accesses, *reading.duplicates, *reading.unreadable]) == list(range(1, len(records) + 1))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_done_to_a_file_either_all_is_read_or_a_fault_is_named(data: st.DataObject) -> None:
    text = json.dumps({"Records": [a_record(number) for number in range(3)]}).encode()
    packed = data.draw(st.booleans())
    whole = gzip.compress(text, mtime=0) if packed else text
    place, piece = data.draw(st.integers(10 if packed else 0, len(whole) - 1)), data.draw(st.binary(min_size=1, max_size=4))
    changed = data.draw(
        st.sampled_from([whole[:place], whole[:place] + piece + whole[place:], whole[:place] + whole[place + len(piece) :]])
    )
    reading = read_trail([("x.json", changed)])
    accesses = list(reading.accesses)
    counts = reading.counts
    assert counts.records == counts.accesses + counts.duplicates + counts.unreadable
    assert reading.unreadable or counts.records == 3
    assert len(accesses) <= 4
