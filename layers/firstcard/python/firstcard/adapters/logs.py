"""The locked log bucket and the trail, for whoever copies the evidence of a window: reads, and changes nothing."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import boto3

from firstcard.adapters.aws import CONFIG
from firstcard.evidence import Stored

_DAYS_BEFORE, _DAYS_AFTER = timedelta(days=1), timedelta(days=2)
"""Records are delivered after they were made, and digests name those before them."""


class LogBucket:
    """The log bucket of one account and region."""

    def __init__(self, account: str, region: str) -> None:
        self.name = f"firstcard-logs-{account}-{region}"
        self._account, self._region = account, region
        self._s3 = boto3.client("s3", config=CONFIG)
        self._trail = boto3.client("cloudtrail", config=CONFIG)

    def objects(self, first: date, last: date) -> Iterator[tuple[str, str, Stored]]:
        """(bucket, key, object) of every log file and digest of these days, a day before and two days after them, with metadata."""
        wanted = {f"{day:%Y/%m/%d}" for day in _days(first - _DAYS_BEFORE, last + _DAYS_AFTER)}
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix="AWSLogs/")
        for page in pages:
            for found in page.get("Contents", ()):
                key = found["Key"]
                if "/".join(key.split("/")[-4:-1]) in wanted:
                    answer = self._s3.get_object(Bucket=self.name, Key=key)
                    yield self.name, key, Stored(answer["Body"].read(), answer["Metadata"])

    def keys(self, first: datetime, last: datetime) -> dict[str, Any]:
        """What ListPublicKeys answers for these times."""
        answer = self._trail.list_public_keys(StartTime=first, EndTime=last)
        return {"PublicKeyList": answer["PublicKeyList"]}

    def configuration(self, trail: str) -> Mapping[str, Any]:
        """The trail as it is now, as GetTrail, GetTrailStatus and GetEventSelectors answer."""
        return {
            "trail": self._trail.get_trail(Name=trail)["Trail"],
            "status": _plain(self._trail.get_trail_status(Name=trail)),
            "selectors": _plain(self._trail.get_event_selectors(TrailName=trail)),
        }


def _plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)
