"""The one-machine trail's digests: the verifier that runs over AWS's log bucket runs over this one, and sees what is done to it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firstcard.evidence import Flaw, Hours, Keys, Stored, Watched, read_keys, read_trail, verify_digests
from local.cloud.server import ACCOUNT, REGION, Cloud
from tests.flow.cloud.building import a_key, a_role
from tests.flow.cloud.test_trail import Trail

pytestmark = pytest.mark.flow


@dataclass
class Bucket:
    """A bucket of the cloud, as the verifier reads it."""

    s3: Any
    name: str
    gone: set[str] = field(default_factory=set)

    def names(self) -> Iterator[tuple[str, str]]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return ((self.name, found["Key"]) for page in pages for found in page.get("Contents", ()) if found["Key"] not in self.gone)

    def read(self, bucket: str, key: str) -> Stored | None:
        if (bucket, key) not in set(self.names()):
            return None
        answer = self.s3.get_object(Bucket=bucket, Key=key)
        return Stored(answer["Body"].read(), answer["Metadata"])


class Signed(Trail):
    """A trail with validation on, over which something happens and is signed twice."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud, EnableLogFileValidation=True)
        s3 = cloud.session().client("s3")
        self.bucket_of_logs = Bucket(s3, self.bucket)
        self.digests: list[str] = []
        for _ in range(2):
            cloud.session(a_role(cloud)).client("sts").get_caller_identity()
            a_key(cloud)
            # A digest's name tells its second: the next one needs another.
            while not (made := [name for name in cloud.sign_trail() if self.name in name]):
                pass
            self.digests += [name.partition(f"{self.bucket}/")[2] for name in made]

    def verified(self, keys: Keys) -> Hours:
        first, last = (datetime.strptime(key[-24:-9], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for key in (self.digests[0], self.digests[-1]))
        return verify_digests(self.bucket_of_logs, keys, first - timedelta(seconds=1), last, trail=Watched(ACCOUNT, self.name, REGION))


@pytest.fixture(scope="module")
def signed(cloud: Cloud) -> Signed:
    return Signed(cloud)


@pytest.fixture(scope="module")
def keys(cloud: Cloud, signed: Signed) -> Keys:
    return read_keys({path.stem: path.read_bytes() for path in cloud.trail_keys.glob("*.json")})


def test_the_chain_is_whole_and_proves_every_log_file(signed: Signed, keys: Keys) -> None:
    hours = signed.verified(keys)
    assert (hours.whole, hours.digests) == (True, len(signed.digests)), hours.defects
    logs = {f"{signed.bucket}/{key}" for _, key in signed.bucket_of_logs.names() if "/CloudTrail/" in key}
    assert logs == hours.proven != set()


def test_every_record_that_was_delivered_is_read(signed: Signed) -> None:
    files = (
        (key, stored.data)
        for _, key in signed.bucket_of_logs.names()
        if "/CloudTrail/" in key and (stored := signed.bucket_of_logs.read(signed.bucket, key))
    )
    reading = read_trail(files)
    assert {access.name for access in reading.accesses} >= {"CreateKey", "AssumeRole"}
    assert (reading.unreadable, reading.duplicates) == ([], [])


def test_a_log_file_taken_away_is_seen(signed: Signed, keys: Keys) -> None:
    gone = next(key for _, key in signed.bucket_of_logs.names() if "/CloudTrail/" in key)
    signed.bucket_of_logs.gone = {gone}
    try:
        assert Flaw.LOG_MISSING in {defect.flaw for defect in signed.verified(keys).defects}
    finally:
        signed.bucket_of_logs.gone = set()


def test_the_keys_are_told_as_aws_tells_them(cloud: Cloud, signed: Signed, keys: Keys) -> None:
    [told] = cloud.session().client("cloudtrail").list_public_keys()["PublicKeyList"]
    [(region, fingerprint)] = keys
    assert (region, fingerprint) == (REGION, told["Fingerprint"])
    assert told["ValidityStartTime"] < datetime.now(UTC) < told["ValidityEndTime"]
    assert not keys[region, fingerprint].damaged


def test_a_trail_without_validation_has_no_digests(cloud: Cloud) -> None:
    trail = Trail(cloud)
    cloud.sign_trail()
    listed = trail.keys()
    assert not any("Digest" in key for key in listed)


def test_a_trail_that_was_stopped_and_started_leaves_a_gap(cloud: Cloud) -> None:
    trail = Signed(cloud)
    cloudtrail = cloud.session().client("cloudtrail")
    cloudtrail.stop_logging(Name=trail.name)
    cloud.sign_trail()
    started = datetime.now(UTC)
    while datetime.now(UTC) < started + timedelta(seconds=1.1):
        pass
    cloudtrail.start_logging(Name=trail.name)
    while not (made := [name for name in cloud.sign_trail() if trail.name in name]):
        pass
    trail.digests += [name.partition(f"{trail.bucket}/")[2] for name in made]
    found = trail.verified(read_keys({path.stem: path.read_bytes() for path in cloud.trail_keys.glob("*.json")}))
    assert {defect.flaw for defect in found.defects} == {Flaw.CHAIN_CUT}
