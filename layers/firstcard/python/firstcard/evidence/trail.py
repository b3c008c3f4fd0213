"""CloudTrail's records as accesses: each becomes one access or one unreadable, and the counts sum.

Fields: CloudTrail's record contents and userIdentity element, versions 1.08 to 1.11. Who acted is never one field alone: the service that called on somebody's
behalf stands in invokedBy beside that somebody's own arn, and the person behind a role in sourceIdentity.
"""

import marshal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from firstcard.evidence.opening import Fault, FaultError, Unreadable, records_of

File = tuple[str, bytes]
"""A file's name, which is told in findings, and its bytes as they were delivered."""


@dataclass(frozen=True, slots=True)
class Who:
    """Everything that a record says about who acted; empty where it says nothing.

    issuer is the role's arn behind a session, session the name that the session was given, invoked_by the AWS service that called for them.
    """

    type: str
    arn: str
    issuer: str
    session: str
    invoked_by: str
    source_identity: str
    account: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that a decision was taken on; prefix says that it stands for all that begin so."""

    arn: str
    type: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Addendum:
    """What says that a record came late or amends an earlier one: DELIVERY_DELAY, UPDATED_DATA or SERVICE_OUTAGE."""

    reason: str
    original: str
    fields: str


@dataclass(slots=True)
class Access:
    """One call to AWS, as CloudTrail recorded it: time is UTC, bytes are of the bodies, None means that the record does not say.

    omitted tells that CloudTrail left a field's content out because it was too large: what the request said is then not known. request is the
    request's parameters as they stand, for rules about one kind of call.
    """

    event_id: str
    time: datetime
    source: str
    name: str
    region: str
    account: str
    who: Who
    address: str
    error: str
    read_only: bool | None
    category: str
    type: str
    resources: tuple[Resource, ...]
    key: str
    context: Mapping[str, str]
    bucket: str
    object: str
    tables: tuple[str, ...]
    bytes_in: int | None
    bytes_out: int | None
    addendum: Addendum | None
    tls: str
    omitted: bool
    request: Mapping[str, Any]
    file: str
    position: int

    @property
    def data(self) -> bool:
        """Whether it is a data event: an object, an item, a function's run."""
        return self.category == "Data"


@dataclass(slots=True)
class Counts:
    """What became of what was read: records is always accesses and duplicates and unreadable together; faults are of whole files."""

    files: int = 0
    records: int = 0
    accesses: int = 0
    duplicates: int = 0
    unreadable: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A record that had been read before, word for word; only the first counts."""

    event_id: str
    file: str
    position: int


@dataclass(slots=True)
class TrailReading:
    """A trail as it is read: go once through accesses; when ``finished``, the rest is complete. files are the names of all files that were read.

    amended holds each access that amends another under the other's event id; orphans are those whose original was not among the files.
    """

    accesses: Iterator[Access]
    counts: Counts = field(default_factory=Counts)
    unreadable: list[Unreadable] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    amended: dict[str, list[Access]] = field(default_factory=dict)
    orphans: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    finished: bool = False


def read_trail(files: Iterable[File]) -> TrailReading:
    """Read CloudTrail files, gzip or plain, one at a time; the accesses come as the iterator is drawn."""
    reading = TrailReading(iter(()))
    reading.accesses = _read(files, reading)
    return reading


def _read(files: Iterable[File], reading: TrailReading) -> Iterator[Access]:
    seen = Seen()
    for file, data in files:
        yield from read_file(file, data, reading, seen.before)
    reading.orphans.update(original for original in reading.amended if not seen.has(original))
    reading.finished = True


def read_file(file: str, data: bytes, reading: TrailReading, before: Callable[[str, dict[str, Any]], bool]) -> Iterator[Access]:
    """The accesses of one file; what becomes of the rest is added to the reading. ``before`` tells whether a record, by id and content, was read before."""
    counts = reading.counts
    counts.files += 1
    reading.files.add(file)
    for position, record in records_of(data, file):
        if isinstance(record, Unreadable):
            reading.unreadable.append(record)
            if not position:
                counts.faults += 1
                continue
            counts.records += 1
            counts.unreadable += 1
            continue
        counts.records += 1
        try:
            access = access_of(record, file, position)
            if before(access.event_id, record):
                counts.duplicates += 1
                reading.duplicates.append(Duplicate(access.event_id, file, position))
                continue
        except FaultError as wrong:
            reading.unreadable.append(Unreadable(wrong.reason, file, position))
            counts.unreadable += 1
            continue
        counts.accesses += 1
        if access.addendum and access.addendum.original:
            reading.amended.setdefault(access.addendum.original, []).append(access)
        yield access


def in_folder(folder: Path, pattern: str = "*.json*") -> Iterator[File]:
    """The files of a folder and all below it, in the order of their names."""
    for path in sorted(folder.rglob(pattern)):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


# ---- one record ----------------------------------------------------------------

_NOTHING: Mapping[str, Any] = {}


def access_of(record: Mapping[str, Any], file: str, position: int) -> Access:
    """The access that a record tells of. Raises FaultError where a field that decides something is missing or of another type."""
    get = record.get
    source, name = _must(record, "eventSource"), _must(record, "eventName")
    request = get("requestParameters")
    if request is None:
        request = _NOTHING
    elif type(request) is not dict:
        raise FaultError(Fault.WRONG_TYPE, "requestParameters")
    more = _object(get("additionalEventData"), "additionalEventData")
    resources = _resources(get("resources"))
    category = _text(get("eventCategory"), "eventCategory")
    management = get("managementEvent")
    if management is not None and type(management) is not bool:
        raise FaultError(Fault.WRONG_TYPE, "managementEvent")
    if not category:
        # The field came with version 1.07; before, management events alone were marked.
        category = "Data" if management is False else "Management"
    elif management is not None and management is not (category == "Management"):
        raise FaultError(Fault.WRONG_TYPE, "managementEvent")
    read_only = get("readOnly")
    if read_only is not None and type(read_only) is not bool:
        raise FaultError(Fault.WRONG_TYPE, "readOnly")
    tls = get("tlsDetails")
    return Access(
        event_id=_must(record, "eventID"),
        time=_time(get("eventTime")),
        source=source,
        name=name,
        region=_must(record, "awsRegion"),
        account=_text(get("recipientAccountId"), "recipientAccountId"),
        who=_who(get("userIdentity")),
        address=_text(get("sourceIPAddress"), "sourceIPAddress"),
        error=_text(get("errorCode"), "errorCode"),
        read_only=read_only,
        category=category,
        type=_text(get("eventType"), "eventType"),
        resources=resources,
        key=_key(source, request, resources),
        context=_context(request),
        bucket=_text(request.get("bucketName"), "bucketName") if source == "s3.amazonaws.com" else "",
        object=_text(request.get("key"), "key") if source == "s3.amazonaws.com" else "",
        tables=_tables(request, resources) if source == "dynamodb.amazonaws.com" else (),
        bytes_in=_count(more.get("bytesTransferredIn")),
        bytes_out=_count(more.get("bytesTransferredOut")),
        addendum=_addendum(get("addendum")),
        tls=_text(_object(tls, "tlsDetails").get("tlsVersion"), "tlsVersion") if tls is not None else "",
        omitted=get("omitted") is True or request.get("omitted") is True or more.get("omitted") is True,
        request=request,
        file=file,
        position=position,
    )


def _must(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if value is None or value == "":
        raise FaultError(Fault.FIELD_MISSING, name)
    if type(value) is not str:
        raise FaultError(Fault.WRONG_TYPE, name)
    return value


def _text(value: object, name: str) -> str:
    if value is None:
        return ""
    if type(value) is not str:
        raise FaultError(Fault.WRONG_TYPE, name)
    return value


def _object(value: object, name: str) -> Mapping[str, Any]:
    if value is None:
        return _NOTHING
    if type(value) is not dict:
        raise FaultError(Fault.WRONG_TYPE, name)
    return value


def _time(value: object) -> datetime:
    """A time as CloudTrail writes it, to the second, in UTC."""
    if value is None:
        raise FaultError(Fault.FIELD_MISSING, "eventTime")
    if type(value) is not str or len(value) != 20 or value[19] != "Z" or value[10] != "T" or value[7] != "-" or not value.isascii():
        raise FaultError(Fault.BAD_TIME)
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise FaultError(Fault.BAD_TIME) from None


def _who(value: object) -> Who:
    """Who acted; a call that a service made for itself has no type and no arn, and some have no identity at all."""
    said = _object(value, "userIdentity")
    session = _object(said.get("sessionContext"), "sessionContext")
    issuer = _object(session.get("sessionIssuer"), "sessionIssuer")
    kind, arn, role = _text(said.get("type"), "type"), _text(said.get("arn"), "arn"), _text(issuer.get("arn"), "sessionIssuer.arn")
    return Who(
        kind,
        arn,
        role,
        arn.rpartition("/")[2] if kind == "AssumedRole" else "",
        _text(said.get("invokedBy"), "invokedBy"),
        _text(session.get("sourceIdentity"), "sourceIdentity"),
        _text(said.get("accountId"), "accountId"),
    )


def _resources(value: object) -> tuple[Resource, ...]:
    if value is None:
        return ()
    if type(value) is not list:
        raise FaultError(Fault.WRONG_TYPE, "resources")
    found = []
    for one in value:
        if type(one) is not dict:
            raise FaultError(Fault.WRONG_TYPE, "resources")
        arn, kind = _text(one.get("ARN"), "ARN"), _text(one.get("type"), "resources.type")
        found.append(Resource(arn, kind) if arn else Resource(_text(one.get("ARNPrefix"), "ARNPrefix"), kind, prefix=True))
    return tuple(found)


def _key(source: str, request: Mapping[str, Any], resources: tuple[Resource, ...]) -> str:
    if source != "kms.amazonaws.com":
        return ""
    for resource in resources:
        if ":key/" in resource.arn:
            return resource.arn
    return _text(request.get("keyId"), "keyId")


def _context(request: Mapping[str, Any]) -> Mapping[str, str]:
    """The encryption context that a key was used under; of a re-encryption, the one that it was read under."""
    value = request.get("encryptionContext")
    if value is None:
        value = request.get("sourceEncryptionContext")
        if value is None:
            return _NOTHING
    if type(value) is not dict or any(type(one) is not str for one in value.values()):
        raise FaultError(Fault.WRONG_TYPE, "encryptionContext")
    return value


def _tables(request: Mapping[str, Any], resources: tuple[Resource, ...]) -> tuple[str, ...]:
    """The names of the tables that a call touched, one each."""
    named = [_text(request.get("tableName"), "tableName")]
    named += _object(request.get("requestItems"), "requestItems")
    named += [resource.arn for resource in resources if ":table/" in resource.arn]
    return tuple(dict.fromkeys(name.partition(":table/")[2].partition("/")[0] or name for name in named if name))


def _count(value: object) -> int | None:
    """A number of bytes; CloudTrail writes some of them as 0.0."""
    if value is None:
        return None
    if type(value) not in (int, float) or value < 0 or value != int(value):  # type: ignore[operator, call-overload]  # both are numbers here
        raise FaultError(Fault.WRONG_TYPE, "bytesTransferred")
    return int(value)  # type: ignore[call-overload, no-any-return]  # a number, as tested


def _addendum(value: object) -> Addendum | None:
    if value is None:
        return None
    said = _object(value, "addendum")
    return Addendum(
        _text(said.get("reason"), "addendum.reason"),
        _text(said.get("originalEventID"), "addendum.originalEventID"),
        _text(said.get("updatedFields"), "addendum.updatedFields"),
    )


# ---- the same record twice -------------------------------------------------------

ID_BYTES, MARK_BYTES = 16, 24
_BUCKETS = 1 << 16


class Seen:
    """The event ids read so far with a fingerprint of what they said: 24 bytes a record, so that ten million fit into 0.3 GB."""

    def __init__(self) -> None:
        self._buckets: list[bytearray | None] = [None] * _BUCKETS

    def before(self, event_id: str, record: dict[str, Any]) -> bool:
        """Whether the very same record came before; noted if not. Raises FaultError where the id did, saying something else."""
        mark = mark_of(event_id, record)
        known = self._content(mark[:ID_BYTES])
        if known is None:
            self.note(mark)
            return False
        if known != mark[ID_BYTES:]:
            raise FaultError(Fault.SAME_ID_OTHER_CONTENT)
        return True

    def note(self, mark: bytes) -> None:
        """Remember a record whose id is new."""
        number = mark[0] << 8 | mark[1]
        bucket = self._buckets[number]
        if bucket is None:
            self._buckets[number] = bytearray(mark)
        else:
            bucket += mark

    def knows(self, mark: bytes) -> bool:
        """Whether a record with the mark's id was noted."""
        return self._content(mark[:ID_BYTES]) is not None

    def has(self, event_id: str) -> bool:
        """Whether a record with this id was read."""
        return self._content(_id(event_id)) is not None

    def _content(self, short: bytes) -> bytes | None:
        bucket = self._buckets[short[0] << 8 | short[1]]
        if bucket is None:
            return None
        place = bucket.find(short)
        # Found across two entries, it is none.
        while place >= 0 and place % MARK_BYTES:
            place = bucket.find(short, place + 1)
        return bytes(bucket[place + ID_BYTES : place + MARK_BYTES]) if place >= 0 else None


def mark_of(event_id: str, record: dict[str, Any]) -> bytes:
    """A record's id and content, in so many bytes. Raises FaultError where it is nested too deep to be compared."""
    try:
        return _id(event_id) + blake2b(marshal.dumps(record, 2), digest_size=MARK_BYTES - ID_BYTES).digest()
    except ValueError:
        raise FaultError(Fault.TOO_DEEP) from None


def _id(event_id: str) -> bytes:
    return blake2b(event_id.encode(), digest_size=ID_BYTES).digest()


def by_reason(unreadable: Iterable[Unreadable]) -> Counter[str]:
    """How many are unreadable for which reason."""
    return Counter(str(one.reason) for one in unreadable)
