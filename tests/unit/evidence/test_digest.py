"""The chain of digests: an untouched one is whole, and whatever is done to it is seen."""

import dataclasses
import gzip
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from firstcard.evidence import Flaw, Hours, State, read_keys, verify_digests
from firstcard.evidence.digest import SENTENCES
from firstcard.evidence.opening import inflate
from tests.unit.evidence.builders import (
    BUCKET,
    HOUR,
    NOON,
    TRAIL,
    LogBucket,
    a_key,
    a_log_bucket,
    a_record,
    digests_of,
    logs_of,
    the_answer,
)


def flaws(hours: Hours) -> set[Flaw]:
    return {defect.flaw for hour in hours.hours for defect in hour.defects}


def states(hours: Hours) -> str:
    return "".join({State.COVERED: "+", State.GAP: "-", State.BROKEN: "!"}[hour.state] for hour in hours.hours)


def test_an_untouched_chain_is_whole_and_says_which_hours_were_quiet() -> None:
    hours = a_log_bucket().verified()
    assert (states(hours), hours.whole, hours.defects) == ("++++", True, ())
    assert [hour.quiet for hour in hours.hours] == [False, False, True, False]


def test_what_a_good_digest_lists_is_proven() -> None:
    bucket = a_log_bucket()
    assert bucket.verified().proven >= {f"{BUCKET}/{key}" for key in logs_of(bucket)[1:5]}


@pytest.mark.parametrize("form", [PublicFormat.PKCS1, PublicFormat.SubjectPublicKeyInfo])
def test_a_key_is_taken_in_either_form(form: PublicFormat) -> None:
    bucket = a_log_bucket()
    assert bucket.verified(keys=read_keys({bucket.region: the_answer(bucket.key, form=form)})).whole


def test_digests_need_not_fall_on_the_hour() -> None:
    bucket = LogBucket()
    for number in range(1, 8):
        bucket.digest(NOON + number * HOUR + timedelta(minutes=24, seconds=57))
    assert states(bucket.verified()) == "-+++"


# What was taken away


@pytest.mark.parametrize(("number", "seen"), [(1, "!+++"), (2, "+!++"), (4, "+++!")])
def test_a_digest_taken_out_of_the_middle_breaks_its_hour(number: int, seen: str) -> None:
    bucket = a_log_bucket()
    del bucket.objects[BUCKET, digests_of(bucket)[number]]
    hours = bucket.verified()
    assert states(hours) == seen
    assert Flaw.DIGEST_MISSING in flaws(hours)


def test_the_newest_digests_taken_away_leave_a_gap() -> None:
    bucket = a_log_bucket()
    for key in digests_of(bucket)[3:]:
        del bucket.objects[BUCKET, key]
    for key in logs_of(bucket)[3:]:
        del bucket.objects[BUCKET, key]
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("++--", {Flaw.NO_DIGEST})


def test_everything_taken_away_is_a_gap() -> None:
    assert states(LogBucket().verified()) == "----"


def test_a_region_of_which_everything_was_taken_away_is_missed() -> None:
    hours = a_log_bucket().verified(regions=("eu-west-1",))
    assert states(hours) == "----++++"


def test_a_log_file_taken_away_breaks_its_hour() -> None:
    bucket = a_log_bucket()
    del bucket.objects[BUCKET, logs_of(bucket)[1]]
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("!+++", {Flaw.LOG_MISSING})


# What was changed


def test_a_changed_log_file_breaks_its_hour() -> None:
    bucket = a_log_bucket()
    other = LogBucket()
    name = other.log(NOON, a_record(99))
    bucket.change(logs_of(bucket)[2], other.objects[BUCKET, name].data)
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("+!++", {Flaw.LOG_ALTERED})
    assert f"{BUCKET}/{logs_of(bucket)[2]}" not in hours.proven


def test_a_log_file_that_no_digest_lists_breaks_its_hour() -> None:
    bucket = a_log_bucket()
    bucket.log(NOON + timedelta(minutes=90), a_record(99), unique="FORGEDFORGEDFORG")
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("+!++", {Flaw.LOG_NOT_LISTED})


def test_a_log_file_under_a_name_of_its_own_breaks_its_day() -> None:
    bucket = a_log_bucket()
    bucket.put(logs_of(bucket)[0].rpartition("/")[0] + "/more.json.gz", b"")
    assert states(bucket.verified()) == "!!!!"


def test_a_log_file_after_the_newest_digest_waits_for_the_next() -> None:
    bucket = a_log_bucket(5)
    bucket.log(NOON + timedelta(minutes=235), a_record(99), unique="NEWNEWNEWNEWNEWN")
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("+++-", {Flaw.LOG_NOT_YET_LISTED})


def test_a_log_file_listed_an_hour_after_its_name_is_no_flaw() -> None:
    bucket = LogBucket()
    late = ""
    for number in range(7):
        end = NOON + number * HOUR
        bucket.digest(end, [late] if late else [])
        late = bucket.log(end + timedelta(minutes=59), a_record(number))
    assert states(bucket.verified()) == "++++"


def test_digests_whose_places_were_swapped_are_seen() -> None:
    bucket = a_log_bucket()
    one, two = digests_of(bucket)[2:4]
    bucket.objects[BUCKET, one], bucket.objects[BUCKET, two] = bucket.objects[BUCKET, two], bucket.objects[BUCKET, one]
    hours = bucket.verified()
    assert (states(hours)[1:3], Flaw.DIGEST_MOVED in flaws(hours)) == ("!!", True)


def test_a_chain_signed_with_another_key_is_not_believed() -> None:
    bucket = a_log_bucket(key=a_key(1))
    hours = bucket.verified(keys=read_keys({bucket.region: the_answer(a_key(0))}))
    assert flaws(hours) >= {Flaw.KEY_UNKNOWN}
    assert State.COVERED not in {hour.state for hour in hours.hours}


def test_another_key_under_the_right_fingerprint_is_seen() -> None:
    bucket = a_log_bucket(key=a_key(1))
    answer = the_answer(a_key(1)).decode().replace(read_value(the_answer(a_key(1))), read_value(the_answer(a_key(0))))
    assert flaws(bucket.verified(keys=read_keys({bucket.region: answer.encode()}))) >= {Flaw.KEY_DAMAGED}


def read_value(answer: bytes) -> str:
    return str(json.loads(answer)["PublicKeyList"][0]["Value"])


def test_a_key_of_another_region_does_not_count() -> None:
    bucket = a_log_bucket()
    assert flaws(bucket.verified(keys=read_keys({"eu-west-1": the_answer(bucket.key)}))) >= {Flaw.KEY_UNKNOWN}


def test_a_key_that_was_out_of_use_does_not_count() -> None:
    bucket = a_log_bucket()
    keys = read_keys({bucket.region: the_answer(bucket.key, until=NOON - 10 * HOUR)})
    assert flaws(bucket.verified(keys=keys)) >= {Flaw.KEY_OUT_OF_DATE}


@pytest.mark.parametrize("decoy", ["decoy", "firstcard_us-west-2_decoy", "firstcard_us-west-2"])
def test_digests_of_another_trail_prove_nothing(decoy: str) -> None:
    bucket = LogBucket()
    for number in range(7):
        bucket.digest(NOON + number * HOUR, trail=decoy)
    assert states(bucket.verified()) == "----"


def test_the_signature_of_the_newest_digest_must_have_been_kept() -> None:
    bucket = a_log_bucket(5)
    newest = digests_of(bucket)[-1]
    bucket.put(newest, bucket.objects[BUCKET, newest].data)
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("+++!", {Flaw.SIGNATURE_MISSING})


def test_older_signatures_stand_in_the_next_digest() -> None:
    bucket = a_log_bucket()
    for key in digests_of(bucket)[:-1]:
        bucket.put(key, bucket.objects[BUCKET, key].data)
    assert bucket.verified().whole


def test_a_kept_signature_that_differs_from_the_chain_is_seen() -> None:
    bucket = a_log_bucket()
    key = digests_of(bucket)[2]
    bucket.put(key, bucket.objects[BUCKET, key].data, {"signature": "00" * 256})
    assert flaws(bucket.verified()) == {Flaw.SIGNATURE_DIFFERS}


def test_a_digest_that_the_next_one_knows_by_another_checksum_is_seen() -> None:
    bucket = LogBucket()
    for number in range(7):
        bucket.digest(NOON + number * HOUR, **({"previousDigestHashValue": "00" * 32} if number == 3 else {}))
    assert (states(bucket.verified()), flaws(bucket.verified())) == ("+!++", {Flaw.PREVIOUS_ALTERED})


def test_a_digest_whose_name_tells_another_time_is_malformed() -> None:
    bucket = LogBucket()
    for number in range(7):
        bucket.digest(NOON + number * HOUR, **({"digestEndTime": "2026-11-20T13:59:59Z"} if number == 2 else {}))
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("+!++", {Flaw.DIGEST_MALFORMED})


def test_digests_whose_times_overlap_are_seen() -> None:
    bucket = LogBucket()
    for number in range(7):
        end = NOON + number * HOUR
        bucket.digest(end, start=end - timedelta(minutes=90) if number == 3 else None)
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("+!++", {Flaw.OVERLAP})


# Gaps


def test_a_chain_that_starts_anew_is_a_gap_even_where_the_times_fit() -> None:
    bucket = LogBucket()
    for number in range(7):
        bucket.digest(NOON + number * HOUR, chained=number != 3)
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("++-+", {Flaw.CHAIN_CUT})


def test_validation_that_was_off_for_hours_is_a_gap() -> None:
    bucket = LogBucket()
    for number in (0, 1, 4, 5, 6):
        bucket.digest(NOON + number * HOUR, chained=number != 4)
    hours = bucket.verified(hours=5)
    assert states(hours) == "+---+"
    assert flaws(hours) == {Flaw.CHAIN_CUT}


def test_a_linked_digest_that_begins_later_than_the_last_one_ended_leaves_a_gap() -> None:
    bucket = LogBucket()
    for number in range(7):
        end = NOON + number * HOUR
        bucket.digest(end, start=end - timedelta(minutes=40) if number == 2 else None)
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("+-++", {Flaw.TIME_GAP})


def test_an_hour_before_the_first_digest_is_a_gap() -> None:
    bucket = LogBucket()
    for number in range(2, 7):
        bucket.digest(NOON + number * HOUR)
    assert states(bucket.verified()) == "-+++"


# Backfill


def a_bucket_with_backfill() -> tuple[LogBucket, list[str]]:
    """Two log files that came too late for their digests, each in a backfill digest."""
    bucket = a_log_bucket()
    late = [bucket.log(NOON + n * HOUR + timedelta(minutes=30), a_record(50 + n), unique=f"LATELATELATELAT{n}") for n in (0, 1)]
    made = [bucket.digest(NOON + (n + 1) * HOUR, [late[n]], backfill=True) for n in (0, 1)]
    return bucket, [*late, *made]


def test_what_came_late_is_proven_by_a_backfill_digest() -> None:
    bucket, (late, *_) = a_bucket_with_backfill()
    hours = bucket.verified()
    assert (hours.whole, f"{BUCKET}/{late}" in hours.proven) == (True, True)


def test_a_missing_backfill_digest_is_seen_by_its_chain_and_by_its_log_files() -> None:
    bucket, (_, _, first, _) = a_bucket_with_backfill()
    del bucket.objects[BUCKET, first]
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("!+++", {Flaw.DIGEST_MISSING, Flaw.LOG_NOT_LISTED})


def test_a_missing_backfill_digest_with_its_log_files_is_seen_by_its_chain() -> None:
    bucket, (late, _, first, _) = a_bucket_with_backfill()
    del bucket.objects[BUCKET, first], bucket.objects[BUCKET, late]
    hours = bucket.verified()
    assert (states(hours), flaws(hours)) == ("!+++", {Flaw.DIGEST_MISSING})


def test_a_backfill_digest_covers_no_hour() -> None:
    bucket = LogBucket()
    for number in range(7):
        bucket.digest(NOON + number * HOUR, backfill=True)
    assert State.COVERED not in {hour.state for hour in bucket.verified().hours}


# Every mutation


def in_window(bucket: LogBucket) -> list[str]:
    """The objects that the asked hours rest on: the digests that end in them, and their log files."""
    return digests_of(bucket)[1:5] + logs_of(bucket)[1:4]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_byte_of_a_digest_or_log_file_changes_unseen(data: st.DataObject) -> None:
    bucket = a_log_bucket()
    key = data.draw(st.sampled_from(in_window(bucket)))
    whole = bucket.objects[BUCKET, key].data
    place = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "insert", "remove", "after"]))
    piece = data.draw(st.binary(min_size=1, max_size=8))
    changed = {
        "flip": whole[:place] + bytes([whole[place] ^ (1 + piece[0] % 255)]) + whole[place + 1 :],
        "cut": whole[:place],
        "insert": whole[:place] + piece + whole[place:],
        "remove": whole[:place] + whole[place + len(piece) :],
        "after": whole + piece,
    }[change]
    bucket.change(key, changed)
    # The hash is over the content: gzip's own header holds a time and a system that nobody reads.
    unseen = inflate(changed) == (gzip.decompress(whole), None)
    assert bucket.verified().whole is unseen
    if unseen:
        assert place < 10


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_byte_of_a_digests_content_changes_unseen(data: st.DataObject) -> None:
    bucket = a_log_bucket()
    key = data.draw(st.sampled_from(digests_of(bucket)[1:5]))
    whole = gzip.decompress(bucket.objects[BUCKET, key].data)
    place, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    bucket.change(key, gzip.compress(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :]))
    assert not bucket.verified().whole


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_object_is_removed_or_replaced_by_another_unseen(data: st.DataObject) -> None:
    bucket = a_log_bucket()
    gone = data.draw(st.sets(st.sampled_from(in_window(bucket)), min_size=1))
    for key in gone:
        if data.draw(st.booleans()):
            del bucket.objects[BUCKET, key]
        else:
            others = [other for other in bucket.objects if other != (BUCKET, key)]
            replaced = bucket.objects[data.draw(st.sampled_from(sorted(others)))]
            if replaced.data == bucket.objects[BUCKET, key].data:
                continue
            bucket.objects[BUCKET, key] = replaced
    changed = {name: (stored.data, stored.metadata) for name, stored in bucket.objects.items()}
    same = changed == {name: (stored.data, stored.metadata) for name, stored in a_log_bucket().objects.items()}
    assert bucket.verified().whole is same


def test_the_kept_signature_of_the_newest_digest_changes_nowhere_unseen() -> None:
    bucket = a_log_bucket(5)
    newest = digests_of(bucket)[-1]
    stored = bucket.objects[BUCKET, newest]
    for place in range(0, 512, 37):
        signature = stored.metadata["signature"]
        other = signature[:place] + ("0" if signature[place] != "0" else "1") + signature[place + 1 :]
        bucket.objects[BUCKET, newest] = dataclasses.replace(stored, metadata={**stored.metadata, "signature": other})
        assert flaws(bucket.verified()) == {Flaw.SIGNATURE_WRONG}


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"null", b'{"digestS3Bucket": 1}', b"{" * 9999, b"\xff", b'{"a": NaN}', b'{"logFiles": {"a": 1}}'],
)
def test_hostile_digests_are_named(content: bytes) -> None:
    bucket = a_log_bucket()
    bucket.change(digests_of(bucket)[2], gzip.compress(content))
    assert flaws(bucket.verified()) & {Flaw.DIGEST_UNREADABLE, Flaw.DIGEST_MALFORMED}


def test_every_flaw_has_its_sentence() -> None:
    assert SENTENCES.keys() == set(Flaw)


def test_a_window_may_begin_and_end_within_an_hour() -> None:
    bucket = LogBucket()
    bucket.digest(NOON + timedelta(minutes=50), start=NOON + timedelta(minutes=10))
    asked = (NOON + timedelta(minutes=10), NOON + timedelta(minutes=50))
    hours = verify_digests(bucket, bucket.keys(), *asked, trail=TRAIL)
    assert [(hour.start, hour.end, hour.state) for hour in hours.hours] == [(*asked, State.COVERED)]
    assert not verify_digests(bucket, bucket.keys(), asked[0] - timedelta(seconds=1), asked[1], trail=TRAIL).whole
