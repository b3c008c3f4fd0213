"""The locked log bucket and the trail, for whoever copies the evidence of a window: reads, and changes nothing."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import boto3

from firstcard.adapters.aws import CONFIG
from firstcard.evidence import Stored

_KINDS = ("CloudTrail", "CloudTrail-Digest")
_DAYS_BEFORE, _DAYS_AFTER = timedelta(days=1), timedelta(days=2)
"""Records are delivered after they were made, and digests name those before them."""


class LogBucket:
    """The log bucket of one account and region."""

    def __init__(self, account: str, region: str) -> None:
        self.name = f"firstcard-logs-{account}-{region}"
        self._account = account
        self._s3 = boto3.client("s3", config=CONFIG)
        self._trail = boto3.client("cloudtrail", config=CONFIG)

    def objects(self, first: date, last: date) -> Iterator[tuple[str, str, Stored]]:
        """(bucket, key, object) of every log file and digest of these days, a day before and two days after them, with metadata."""
        listing = self._s3.get_paginator("list_objects_v2")
        for place in (f"{self._folder(kind)}{region}/" for kind in _KINDS for region in self._regions_of(kind)):
            for day in _days(first - _DAYS_BEFORE, last + _DAYS_AFTER):
                for page in listing.paginate(Bucket=self.name, Prefix=f"{place}{day:%Y/%m/%d}/"):
                    for found in page.get("Contents", ()):
                        answer = self._s3.get_object(Bucket=self.name, Key=found["Key"])
                        yield self.name, found["Key"], Stored(answer["Body"].read(), answer["Metadata"])

    def keys(self, first: datetime, last: datetime) -> dict[str, Any]:
        """What ListPublicKeys answers for these times, by region: a trail of all regions has its digests signed in each of them."""
        answers = {}
        for region in self._regions_of("CloudTrail-Digest"):
            trail = boto3.client("cloudtrail", region_name=region, config=CONFIG)
            answers[region] = {"PublicKeyList": trail.list_public_keys(StartTime=first, EndTime=last)["PublicKeyList"]}
        return answers

    def _folder(self, kind: str) -> str:
        return f"AWSLogs/{self._account}/{kind}/"

    def _regions_of(self, kind: str) -> list[str]:
        """The regions of which something was delivered."""
        folder = self._folder(kind)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=folder, Delimiter="/")
        return [found["Prefix"].removeprefix(folder).rstrip("/") for page in pages for found in page.get("CommonPrefixes", ())]

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
