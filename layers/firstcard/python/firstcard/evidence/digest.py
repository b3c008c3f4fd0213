r"""CloudTrail's digests, verified without AWS: which hours are proven, which are missing, which were tampered with.

Source: CloudTrail's custom validation of log files and aws-cli's validate-logs. A digest lists the log files delivered in about an hour with the SHA-256 of each,
names the digest before it with that one's signature, and is signed (RSASSA-PKCS1-v1_5, SHA-256) over

    digestEndTime \n bucket/key \n hex(sha256(the digest, unpacked)) \n the signature of the digest before it, or the word null

Its own signature stands in the object's metadata and in the next digest. An hour without events has a digest that lists nothing. What was delivered too late for its
digest comes in a backfill digest; these have a chain of their own. Beyond AWS's rules, a digest must begin where the one before it ended, and a log file
that no digest lists is a flaw.

Hours are hours of delivery: a call may be delivered a quarter of an hour after it was made, and later. Ask for some hours more than you review.
What digests cannot tell: whether the trail recorded what it should (see health), and that the newest backfill digest was taken away together with its log files.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from firstcard.evidence.opening import FaultError, inflate, parse
from firstcard.evidence.signing_keys import Keys
from firstcard.evidence.store import Store, Stored

HOUR = timedelta(hours=1)
LISTED_AFTER = 3 * HOUR
"""Digests of so long after the window are read too, and of an hour before: they list what was delivered at its ends."""

ALGORITHM = "SHA256withRSA"


class State(StrEnum):
    """What is known of an hour."""

    COVERED = "covered"
    GAP = "gap"
    BROKEN = "broken"


class Flaw(StrEnum):
    """Why an hour is not covered."""

    NO_DIGEST = "no_digest"
    CHAIN_CUT = "chain_cut"
    TIME_GAP = "time_gap"
    LOG_NOT_YET_LISTED = "log_not_yet_listed"
    DIGEST_MISSING = "digest_missing"
    DIGEST_UNREADABLE = "digest_unreadable"
    DIGEST_MALFORMED = "digest_malformed"
    DIGEST_MOVED = "digest_moved"
    OVERLAP = "overlap"
    PREVIOUS_ALTERED = "previous_altered"
    KEY_UNKNOWN = "key_unknown"
    KEY_DAMAGED = "key_damaged"
    KEY_OUT_OF_DATE = "key_out_of_date"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_DIFFERS = "signature_differs"
    SIGNATURE_WRONG = "signature_wrong"
    LOG_MISSING = "log_missing"
    LOG_UNREADABLE = "log_unreadable"
    LOG_ALTERED = "log_altered"
    LOG_NOT_LISTED = "log_not_listed"


GAPS = frozenset({Flaw.NO_DIGEST, Flaw.CHAIN_CUT, Flaw.TIME_GAP, Flaw.LOG_NOT_YET_LISTED})
"""Something is missing, as when a trail was stopped; every other flaw means that something was changed or taken away."""

SENTENCES: Mapping[Flaw, str] = {
    Flaw.NO_DIGEST: "No digest says what was delivered in this time.",
    Flaw.CHAIN_CUT: "The chain of digests starts anew here although there are older digests: logging or validation was off.",
    Flaw.TIME_GAP: "This digest begins later than the one before it ended.",
    Flaw.LOG_NOT_YET_LISTED: "This log file was delivered after the newest digest; the next digest will list it.",
    Flaw.DIGEST_MISSING: "A later digest names this digest, and it is not there.",
    Flaw.DIGEST_UNREADABLE: "This digest cannot be unpacked or read.",
    Flaw.DIGEST_MALFORMED: "This digest lacks something that every digest has.",
    Flaw.DIGEST_MOVED: "This digest says that it belongs elsewhere: it was moved, renamed or copied.",
    Flaw.OVERLAP: "This digest begins before the one before it ended.",
    Flaw.PREVIOUS_ALTERED: "The next digest gives another checksum for this digest.",
    Flaw.KEY_UNKNOWN: "The key that signed this digest is not in the archive of CloudTrail's keys for this region.",
    Flaw.KEY_DAMAGED: "The key that signed this digest does not match its fingerprint in the archive.",
    Flaw.KEY_OUT_OF_DATE: "The key that signed this digest was not in use at that time.",
    Flaw.SIGNATURE_MISSING: "The signature of this digest is missing.",
    Flaw.SIGNATURE_DIFFERS: "The signature kept with this digest is not the one that the next digest gives for it.",
    Flaw.SIGNATURE_WRONG: "The signature of this digest is wrong: the digest was changed.",
    Flaw.LOG_MISSING: "A log file that the digest lists is not there.",
    Flaw.LOG_UNREADABLE: "A log file that the digest lists cannot be unpacked.",
    Flaw.LOG_ALTERED: "A log file was changed after it was delivered.",
    Flaw.LOG_NOT_LISTED: "A log file lies here that no digest lists: it was put here by somebody else, or its digest is missing.",
}


@dataclass(frozen=True, slots=True)
class Watched:
    """The trail whose digests count; those of another trail in the same bucket prove nothing about this one."""

    account: str
    name: str
    home_region: str


@dataclass(frozen=True, slots=True)
class Defect:
    """One flaw: the object that it was seen at, and the time of delivery that it spoils."""

    flaw: Flaw
    object: str
    since: datetime
    until: datetime

    @property
    def sentence(self) -> str:
        """What happened, in plain words."""
        return SENTENCES[self.flaw]


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of delivery in a region, or the asked part of it. quiet: the digests assert that nothing was delivered."""

    region: str
    start: datetime
    end: datetime
    state: State
    quiet: bool
    defects: tuple[Defect, ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """The asked window, hour by hour and region by region. proven holds ``bucket/key`` of each log file that a good digest lists unchanged."""

    hours: tuple[Hour, ...]
    proven: frozenset[str]
    digests: int
    defects: tuple[Defect, ...]

    @property
    def whole(self) -> bool:
        """Whether every hour of every region is covered."""
        return bool(self.hours) and all(hour.state is State.COVERED for hour in self.hours)

    def of(self, state: State) -> tuple[Hour, ...]:
        """The hours in one state."""
        return tuple(hour for hour in self.hours if hour.state is state)


def verify_digests(store: Store, keys: Keys, start: datetime, end: datetime, *, trail: Watched, regions: Collection[str] = ()) -> Hours:
    """Verify everything that was delivered from start to end; the first and the last hour may be parts of one.

    regions are those that must have digests; the trail's home region always must, and so must each that has an object in the store. Without them, a region whose every
    object was taken away would not be missed.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    places = _sorted_out(store.names(), trail)
    wanted = {trail.home_region, *regions, *places}
    checked = [_Region(store, keys, trail, region, places.get(region) or _Places(), start, end).check() for region in sorted(wanted)]
    return Hours(
        tuple(hour for one in checked for hour in one.hours),
        frozenset(name for one in checked for name in one.proven),
        sum(one.digests for one in checked),
        tuple(defect for one in checked for defect in one.defects),
    )


def string_to_sign(digest: Mapping[str, Any], unpacked: bytes) -> bytes:
    """What a digest's signature is over."""
    place = f"{digest['digestS3Bucket']}/{digest['digestS3Object']}"
    previous = digest["previousDigestSignature"]
    return "\n".join(
        (digest["digestEndTime"], place, hashlib.sha256(unpacked).hexdigest(), "null" if previous is None else previous)
    ).encode()


# ---- names -----------------------------------------------------------------------

_NAME = re.compile(
    r"(?:.+/)?AWSLogs/(?:o-[a-z0-9]+/)?(?P<account>\d{12})/(?P<kind>CloudTrail|CloudTrail-Digest)/(?P<region>[a-z0-9-]+)/(?P<day>\d{4}/\d\d/\d\d)/(?P<file>.+)"
)
_LOG = re.compile(r"\d{12}_CloudTrail_[a-z0-9-]+_(?P<at>\d{8}T\d{4})Z_[A-Za-z0-9]+\.json\.gz")
_STAMP = re.compile(r"_(?P<at>\d{8}T\d{6})Z(?P<backfill>_backfill)?\.json\.gz\Z")


@dataclass(slots=True)
class _Places:
    """The objects of one region: (when, bucket, key); strays are files among the logs whose names tell no time of their own."""

    digests: list[tuple[datetime, str, str]] = field(default_factory=list)
    backfills: list[tuple[datetime, str, str]] = field(default_factory=list)
    logs: list[tuple[datetime, str, str]] = field(default_factory=list)
    strays: list[tuple[datetime, str, str]] = field(default_factory=list)


def _sorted_out(names: Iterable[tuple[str, str]], trail: Watched) -> dict[str, _Places]:
    found: dict[str, _Places] = {}
    for bucket, key in sorted(names):
        name = _NAME.fullmatch(key)
        if not name or name["account"] != trail.account:
            continue
        region, file = name["region"], name["file"]
        if name["kind"] == "CloudTrail":
            log = _LOG.fullmatch(file)
            at = _stamp(log["at"], "%Y%m%dT%H%M") if log else None
            places = found.setdefault(region, _Places())
            if at:
                places.logs.append((at, bucket, key))
            else:
                places.strays.append((_stamp(name["day"], "%Y/%m/%d") or datetime.min.replace(tzinfo=UTC), bucket, key))
        elif file.startswith(own := f"{trail.account}_CloudTrail-Digest_{region}_{trail.name}_{trail.home_region}"):
            # Nothing but the time may follow: another trail's name may begin with this one's.
            stamp = _STAMP.fullmatch(file.removeprefix(own))
            at = _stamp(stamp["at"], "%Y%m%dT%H%M%S") if stamp else None
            if stamp and at:
                places = found.setdefault(region, _Places())
                (places.backfills if stamp["backfill"] else places.digests).append((at, bucket, key))
    for places in found.values():
        places.digests.sort()
        places.backfills.sort()
    return found


def _stamp(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None


# ---- one digest --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Log:
    bucket: str
    key: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Digest:
    """A digest's words, before anything is believed of them."""

    said: Mapping[str, Any]
    unpacked: bytes
    start: datetime
    end: datetime
    previous: tuple[str, str] | None
    previous_signature: str | None
    previous_hash: str | None
    fingerprint: str
    logs: tuple[_Log, ...]


class _FlawError(Exception):
    def __init__(self, flaw: Flaw) -> None:
        super().__init__(str(flaw))
        self.flaw = flaw


def _digest(stored: Stored, bucket: str, key: str, trail: Watched) -> _Digest:
    unpacked, fault = inflate(stored.data)
    if fault:
        raise _FlawError(Flaw.DIGEST_UNREADABLE)
    try:
        said = parse(str(unpacked, "utf-8"))
    except (UnicodeDecodeError, FaultError):
        raise _FlawError(Flaw.DIGEST_UNREADABLE) from None
    if not isinstance(said, dict):
        raise _FlawError(Flaw.DIGEST_MALFORMED)
    try:
        read = _words(said, unpacked)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _FlawError(Flaw.DIGEST_MALFORMED) from None
    if (said["digestS3Bucket"], said["digestS3Object"]) != (bucket, key):
        raise _FlawError(Flaw.DIGEST_MOVED)
    if read.start >= read.end or said.get("awsAccountId", trail.account) != trail.account:
        raise _FlawError(Flaw.DIGEST_MALFORMED)
    return read


def _words(said: Mapping[str, Any], unpacked: bytes) -> _Digest:
    for name in ("digestS3Bucket", "digestS3Object", "digestEndTime", "digestStartTime", "digestPublicKeyFingerprint"):
        if not isinstance(said[name], str):
            raise TypeError(name)
    signature, bucket, key = said["previousDigestSignature"], said.get("previousDigestS3Bucket"), said.get("previousDigestS3Object")
    checksum = said.get("previousDigestHashValue")
    if not all(isinstance(one, str | None) for one in (signature, bucket, key, checksum)) or (bucket is None) != (key is None):
        raise TypeError("previous")
    if said.get("digestSignatureAlgorithm", ALGORITHM) != ALGORITHM:
        raise ValueError("algorithm")
    logs = []
    for one in said.get("logFiles") or ():
        if one.get("hashAlgorithm", "SHA-256") != "SHA-256":
            raise ValueError("algorithm")
        log = _Log(one["s3Bucket"], one["s3Object"], one["hashValue"])
        if not all(isinstance(part, str) for part in (log.bucket, log.key, log.sha256)):
            raise TypeError("logFiles")
        logs.append(log)
    return _Digest(
        said,
        unpacked,
        _moment(said["digestStartTime"]),
        _moment(said["digestEndTime"]),
        (bucket, key) if bucket is not None and key is not None else None,
        signature,
        checksum,
        said["digestPublicKeyFingerprint"].lower(),
        tuple(logs),
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.astimezone(UTC)


# ---- one region --------------------------------------------------------------------


@dataclass(slots=True)
class _Checked:
    hours: list[Hour]
    proven: set[str]
    digests: int
    defects: list[Defect]


class _Region:
    """The digests of one region over a window, from the newest to the oldest: each newer one vouches for the signature of the one before."""

    def __init__(self, store: Store, keys: Keys, trail: Watched, region: str, places: _Places, start: datetime, end: datetime) -> None:
        self._store, self._keys, self._trail, self._region, self._places = store, keys, trail, region, places
        self._start, self._end = start, end
        self._defects: list[Defect] = []
        self._covered: list[tuple[datetime, datetime, bool]] = []
        self._listed: set[tuple[str, str]] = set()
        self._spoilt: list[tuple[datetime, datetime]] = []
        self._proven: set[str] = set()
        self._newest: datetime | None = None

    def check(self) -> _Checked:
        chain = self._in_reach(self._places.digests)
        self._walk(chain, older=[place for place in self._places.digests if place[0] <= self._start - HOUR])
        backfills = self._in_reach(self._places.backfills)
        self._walk_backfills(backfills)
        self._unlisted()
        return _Checked([self._hour(*hour) for hour in self._all_hours()], self._proven, len(chain) + len(backfills), self._defects)

    def _in_reach(self, places: Sequence[tuple[datetime, str, str]]) -> list[tuple[datetime, str, str]]:
        return [place for place in places if self._start - HOUR < place[0] <= self._end + LISTED_AFTER]

    def _flaw(self, flaw: Flaw, bucket: str, key: str, since: datetime, until: datetime) -> None:
        self._defects.append(Defect(flaw, f"{bucket}/{key}", since, until))

    def _walk(self, chain: Sequence[tuple[datetime, str, str]], older: Sequence[tuple[datetime, str, str]]) -> None:
        newer: _Digest | None = None
        for number in range(len(chain) - 1, -1, -1):
            at, bucket, key = chain[number]
            before = chain[number - 1] if number else (older[-1] if older else None)
            vouched = newer.previous_signature if newer and newer.previous == (bucket, key) else None
            since = before[0] if before else at - HOUR
            try:
                digest = self._verified(bucket, key, vouched, at)
            except _FlawError as wrong:
                self._flaw(wrong.flaw, bucket, key, since, at)
                self._spoilt.append((since, at))
                newer = None
                continue
            if digest.end != at:
                self._flaw(Flaw.DIGEST_MALFORMED, bucket, key, digest.start, max(digest.end, at))
                newer = None
                continue
            self._link(digest, bucket, key, before)
            if not self._altered(newer, digest, bucket, key):
                self._covered.append((digest.start, digest.end, not digest.logs))
            self._newest = max(self._newest or digest.end, digest.end)
            self._logs(digest)
            newer = digest

    def _altered(self, newer: _Digest | None, digest: _Digest, bucket: str, key: str) -> bool:
        """Whether the next digest gives another checksum, which AWS signs with it."""
        if newer is None or newer.previous != (bucket, key) or newer.previous_hash is None:
            return False
        if newer.previous_hash.lower() == hashlib.sha256(digest.unpacked).hexdigest():
            return False
        self._flaw(Flaw.PREVIOUS_ALTERED, bucket, key, digest.start, digest.end)
        return True

    def _link(self, digest: _Digest, bucket: str, key: str, before: tuple[datetime, str, str] | None) -> None:
        """Look at the link to the digest before; whatever is wrong with it, this digest still proves its own time."""
        if digest.previous is None:
            if before:
                self._flaw(Flaw.CHAIN_CUT, bucket, key, min(before[0], digest.start), digest.start + timedelta(seconds=1))
            return
        stamp = _STAMP.search(digest.previous[1])
        ended = (_stamp(stamp["at"], "%Y%m%dT%H%M%S") if stamp else None) or digest.start
        if ended > self._start and self._store.read(*digest.previous) is None:
            self._flaw(Flaw.DIGEST_MISSING, *digest.previous, min(ended - HOUR, before[0] if before else ended - HOUR), ended)
        if digest.start > ended:
            self._flaw(Flaw.TIME_GAP, bucket, key, ended, digest.start)
        elif digest.start < ended:
            self._flaw(Flaw.OVERLAP, bucket, key, digest.start, ended)

    def _verified(self, bucket: str, key: str, vouched: str | None, at: datetime) -> _Digest:
        """A digest whose place and signature are right."""
        stored = self._store.read(bucket, key)
        if stored is None:
            raise _FlawError(Flaw.DIGEST_MISSING)
        digest = _digest(stored, bucket, key, self._trail)
        kept = stored.metadata.get("signature")
        if stored.metadata.get("signature-algorithm", ALGORITHM) != ALGORITHM:
            raise _FlawError(Flaw.SIGNATURE_DIFFERS)
        if kept and vouched and kept.lower() != vouched.lower():
            raise _FlawError(Flaw.SIGNATURE_DIFFERS)
        signature = vouched or kept
        if not signature:
            raise _FlawError(Flaw.SIGNATURE_MISSING)
        signer = self._keys.get((self._region, digest.fingerprint))
        if signer is None:
            raise _FlawError(Flaw.KEY_UNKNOWN)
        if signer.damaged:
            raise _FlawError(Flaw.KEY_DAMAGED)
        if not signer.good_at(at):
            raise _FlawError(Flaw.KEY_OUT_OF_DATE)
        try:
            signed = signer.signed(string_to_sign(digest.said, digest.unpacked), bytes.fromhex(signature))
        except ValueError:
            signed = False
        if not signed:
            raise _FlawError(Flaw.SIGNATURE_WRONG)
        return digest

    def _logs(self, digest: _Digest) -> None:
        for log in digest.logs:
            self._listed.add((log.bucket, log.key))
            flaw = self._log_flaw(log)
            if flaw:
                self._flaw(flaw, log.bucket, log.key, digest.start, digest.end)
            else:
                self._proven.add(f"{log.bucket}/{log.key}")

    def _log_flaw(self, log: _Log) -> Flaw | None:
        stored = self._store.read(log.bucket, log.key)
        if stored is None:
            return Flaw.LOG_MISSING
        unpacked, fault = inflate(stored.data)
        if fault:
            return Flaw.LOG_UNREADABLE
        return None if hashlib.sha256(unpacked).hexdigest() == log.sha256.lower() else Flaw.LOG_ALTERED

    def _walk_backfills(self, chain: Sequence[tuple[datetime, str, str]]) -> None:
        """Backfill digests cover no hour; each must be good, and so must the one that it names."""
        for at, bucket, key in reversed(chain):
            stored = self._store.read(bucket, key)
            made = at
            try:
                if stored and (said := stored.metadata.get("backfill-generation-timestamp")):
                    made = _made(said)
                digest = self._verified(bucket, key, None, made)
            except _FlawError as wrong:
                self._flaw(wrong.flaw, bucket, key, at - HOUR, at)
                continue
            if digest.previous and self._store.read(*digest.previous) is None:
                stamp = _STAMP.search(digest.previous[1])
                ended = (_stamp(stamp["at"], "%Y%m%dT%H%M%S") if stamp else None) or digest.start
                self._flaw(Flaw.DIGEST_MISSING, *digest.previous, ended - HOUR, ended)
            self._logs(digest)

    def _unlisted(self) -> None:
        """Log files that no good digest lists; those of a bad digest are told by it already."""
        for at, bucket, key in self._places.logs:
            if not self._start <= at < self._end or (bucket, key) in self._listed:
                continue
            if any(since <= at <= until for since, until in self._spoilt):
                continue
            if self._newest is None or at + HOUR > self._newest:
                self._flaw(Flaw.LOG_NOT_YET_LISTED, bucket, key, at, at + timedelta(minutes=1))
            else:
                self._flaw(Flaw.LOG_NOT_LISTED, bucket, key, at, at + timedelta(minutes=1))
        for day, bucket, key in self._places.strays:
            self._flaw(Flaw.LOG_NOT_LISTED, bucket, key, day, day + 24 * HOUR)

    def _all_hours(self) -> Iterable[tuple[datetime, datetime]]:
        at = self._start
        while at < self._end:
            until = min(at.replace(minute=0, second=0, microsecond=0) + HOUR, self._end)
            yield at, until
            at = until

    def _hour(self, at: datetime, until: datetime) -> Hour:
        defects = [defect for defect in self._defects if defect.since < until and defect.until > at]
        reached, quiet, holes = at, True, []
        touching = [one for one in self._covered if one[0] < until and one[1] > at]
        for since, ended, empty in [*sorted(touching), (until, until, True)]:
            quiet = quiet and empty
            if since > reached:
                holes.append((reached, since))
            reached = max(reached, ended)
        for since, ended in holes:
            if not any(defect.since <= since and defect.until >= ended for defect in defects):
                defects.append(Defect(Flaw.NO_DIGEST, "", since, ended))
                self._defects.append(defects[-1])
        state = State.COVERED
        if defects:
            state = State.GAP if all(defect.flaw in GAPS for defect in defects) else State.BROKEN
        return Hour(self._region, at, until, state, quiet and state is State.COVERED, tuple(defects))


def _made(text: str) -> datetime:
    try:
        return _moment(text)
    except ValueError:
        raise _FlawError(Flaw.DIGEST_MALFORMED) from None
