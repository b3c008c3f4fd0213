"""SFTP as AWS Transfer Family serves it: every operation is an S3 call under the SFTP user's role.

The emulator's own file system writes bare entries into the bucket, asks no policy and lets a broken upload through.
"""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import s3, transfer

from local.cloud.emulator import roles, trail
from local.cloud.emulator.calls import Call, watching

NOT_IN_S3 = "S3 has no such operation"
READ, WRITE, APPEND, CREATE, TRUNCATE, EXCLUSIVE = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20


class OutsideHome(Exception):
    """A path that leads out of what the SFTP user was given."""


@dataclass(frozen=True)
class Place:
    """Where a path leads: a bucket and a key, or, with an empty bucket, a folder that exists only as the parent of mapped entries."""

    bucket: str
    key: str
    entry: bool = False
    children: tuple[str, ...] = ()


def segments(path: str) -> list[str]:
    """The names along a path. Raises OutsideHome where `..` climbs above the root."""
    names: list[str] = []
    for name in path.split("/"):
        if name in ("", "."):
            continue
        if name == "..":
            if not names:
                raise OutsideHome(path)
            names.pop()
        else:
            names.append(name)
    return names


def locate(user: dict[str, Any], path: str) -> Place:
    """Where `path` leads for a Transfer user. Raises OutsideHome.

    By its logical mappings; else a path is `/bucket/key`, a relative one starts at the home directory, and the role says how far it may go.
    """
    if user.get("HomeDirectoryType") != "LOGICAL" and not path.startswith("/"):
        path = f"{user.get('HomeDirectory') or '/'}/{path}"
    names = segments(path)
    if user.get("HomeDirectoryType") != "LOGICAL":
        bucket, _, key = "/".join(names).partition("/")
        return Place(bucket, key, entry=not key)
    mappings = {tuple(segments(m["Entry"])): str(m["Target"]) for m in user.get("HomeDirectoryMappings") or ()}
    for length in range(len(names), -1, -1):
        target = mappings.get(tuple(names[:length]))
        if target is not None:
            rest = names[length:]
            bucket, _, key = "/".join([target.strip("/"), *rest]).partition("/")
            return Place(bucket, key, entry=not rest)
    below = {entry[len(names)] for entry in mappings if len(entry) > len(names) and entry[: len(names)] == tuple(names)}
    if not below:
        raise OutsideHome(path)
    return Place("", "", entry=True, children=tuple(sorted(below)))


@dataclass
class Upload:
    """A file being written: nothing of it is in the bucket until the client closes it."""

    bucket: str
    key: str
    content: bytearray = field(default_factory=bytearray)
    spans: list[tuple[int, int]] = field(default_factory=list)
    broken: bool = False

    def write(self, offset: int, data: bytes) -> int:
        """Take a piece at its offset; pieces may arrive in any order."""
        end = offset + len(data)
        if end > len(self.content):
            self.content.extend(bytes(end - len(self.content)))
        self.content[offset:end] = data
        self.spans.append((offset, end))
        return len(data)

    def whole(self) -> bool:
        """Whether every byte from the first to the last was sent."""
        reached = 0
        for start, end in sorted(self.spans):
            if start > reached:
                return False
            reached = max(reached, end)
        return reached == len(self.content)


@dataclass(frozen=True)
class Download:
    """A file being read."""

    content: bytes


def file_system() -> Any:
    """The SFTP file system class. asyncssh is loaded here, when the first SFTP server is made, as the emulator does."""
    import asyncssh

    class BucketFiles(asyncssh.SFTPServer):
        """One SFTP session of one Transfer user."""

        def __init__(self, channel: Any, restrict_to_server_id: str | None = None) -> None:
            super().__init__(channel)
            connection = channel.get_connection()
            self._user: dict[str, Any] = connection.get_extra_info("ministack_user") or {}
            self._account = str(connection.get_extra_info("ministack_account_id") or "")
            self._region = str(connection.get_extra_info("ministack_region") or "")
            self._server_id = str(connection.get_extra_info("ministack_server_id") or "")
            self._peer = str((connection.get_extra_info("peername") or ("127.0.0.1",))[0])
            self._uploads: list[Upload] = []
            self._scope()
            session = f"{self._user.get('UserName', '')}.{id(channel) & 0xFFFFFFFFFFFFFFFF:016x}@{self._server_id}"
            self._access_key = roles.assume(
                str(self._user.get("Role", "")), session[:64], "transfer.amazonaws.com", str(self._user.get("Arn", ""))
            )

        # ---- permission ------------------------------------------------------

        def _scope(self) -> None:
            set_request_account_id(self._account)
            set_request_region(self._region)

        def _locate(self, path: bytes) -> Place:
            self._scope()
            try:
                return locate(self._user, path.decode("utf-8"))
            except (OutsideHome, UnicodeDecodeError) as wrong:
                raise asyncssh.SFTPPermissionDenied("no directory of this account covers the path") from wrong

        def _file(self, path: bytes) -> Place:
            place = self._locate(path)
            if not place.bucket or not place.key or place.entry:
                raise asyncssh.SFTPPermissionDenied("this is a directory of the account")
            return place

        def _ask(self, operation: str, *needed: tuple[str, Place, dict[str, Any]], any_of: bool = False) -> None:
            """Ask for each needed permission (or for one of them), write the trail, and refuse as S3 would."""
            call = Call(
                source="transfer.amazonaws.com",
                agent="transfer.amazonaws.com",
                invoked_by="transfer.amazonaws.com",
                service="s3",
                region=self._region,
            )
            with watching(call):
                for action, place, context in needed:
                    bucket_action = action == "s3:ListBucket"
                    arn = f"arn:aws:s3:::{place.bucket}" if bucket_action else f"arn:aws:s3:::{place.bucket}/{place.key}"
                    refused = self._access_key is None or roles.refusal(self._access_key, action, "s3", arn, context) is not None
                    if refused != any_of:
                        break
            if any_of and not refused:
                call.checks = call.checks[-1:]
            first = needed[0][1]
            trail.note(call, "s3", operation, {"bucketName": first.bucket, **({"key": first.key} if first.key else {})})
            if refused:
                raise asyncssh.SFTPPermissionDenied("the account's role does not allow it")

        # ---- objects ---------------------------------------------------------

        @staticmethod
        def _object(place: Place) -> Any:
            return ((s3._buckets.get(place.bucket) or {}).get("objects") or {}).get(place.key)

        @staticmethod
        def _keys(bucket: str, prefix: str) -> list[str]:
            return sorted(key for key in ((s3._buckets.get(bucket) or {}).get("objects") or {}) if key.startswith(prefix))

        @staticmethod
        def _done(answer: tuple[int, Any, Any]) -> None:
            if answer[0] == 404:
                raise asyncssh.SFTPNoSuchFile("no such file")
            if answer[0] >= 300:
                raise asyncssh.SFTPFailure(f"S3 answered {answer[0]}")

        @staticmethod
        def _attributes(stored: Any = None) -> Any:
            if stored is None:
                return asyncssh.SFTPAttrs(
                    type=asyncssh.FILEXFER_TYPE_DIRECTORY, size=0, uid=0, gid=0, permissions=0o040755, atime=0, mtime=0
                )
            changed = int(time.time())
            with contextlib.suppress(ValueError, KeyError):
                changed = int(time.mktime(time.strptime(str(stored["last_modified"])[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone)
            return asyncssh.SFTPAttrs(
                type=asyncssh.FILEXFER_TYPE_REGULAR,
                size=int(stored.get("size", 0)),
                uid=0,
                gid=0,
                permissions=0o100644,
                atime=changed,
                mtime=changed,
            )

        # ---- what clients ask ------------------------------------------------

        def realpath(self, path: bytes) -> bytes:
            """A path without detours; a relative one starts at the home directory."""
            try:
                text = path.decode("utf-8")
                if not text.startswith("/") and self._user.get("HomeDirectoryType") != "LOGICAL":
                    text = f"{self._user.get('HomeDirectory') or '/'}/{text}"
                return ("/" + "/".join(segments(text))).encode()
            except (OutsideHome, UnicodeDecodeError) as wrong:
                raise asyncssh.SFTPPermissionDenied("no directory of this account covers the path") from wrong

        def stat(self, path: bytes) -> Any:
            """Size and kind; a mapped directory exists even while it is empty."""
            place = self._locate(path)
            if place.entry:
                return self._attributes()
            listing = {"s3:prefix": place.key, "s3:delimiter": "/"}
            self._ask("HeadObject", ("s3:GetObject", place, {}), ("s3:ListBucket", place, listing), any_of=True)
            stored = self._object(place)
            if stored is not None:
                return self._attributes(stored)
            if self._keys(place.bucket, place.key.rstrip("/") + "/"):
                return self._attributes()
            raise asyncssh.SFTPNoSuchFile("no such file")

        def lstat(self, path: bytes) -> Any:
            """As stat: there are no links."""
            return self.stat(path)

        def fstat(self, file_obj: Any) -> Any:
            """Size of an open file."""
            return self._attributes({"size": len(file_obj.content)})

        def _set_attributes(self) -> None:
            server = transfer._servers.get_scoped(self._account, self._region, self._server_id) or {}
            if (server.get("ProtocolDetails") or {}).get("SetStatOption") != "ENABLE_NO_OP":
                raise asyncssh.SFTPOpUnsupported("the server does not set attributes")

        def setstat(self, path: bytes, attrs: Any) -> None:
            """Refused, or ignored where the server's SetStatOption says so."""
            self._locate(path)
            self._set_attributes()

        def lsetstat(self, path: bytes, attrs: Any) -> None:
            """As setstat."""
            self.setstat(path, attrs)

        def fsetstat(self, file_obj: Any, attrs: Any) -> None:
            """As setstat, on an open file."""
            self._set_attributes()

        def scandir(self, path: bytes) -> AsyncIterator[Any]:
            """The names in a directory."""
            place = self._locate(path)
            if not place.bucket:
                return self._names(dict.fromkeys(place.children))
            prefix = place.key.rstrip("/") + "/" if place.key else ""
            self._ask("ListObjects", ("s3:ListBucket", Place(place.bucket, ""), {"s3:prefix": prefix, "s3:delimiter": "/"}))
            found: dict[str, Any] = {}
            for key in self._keys(place.bucket, prefix):
                name, slash, _ = key.removeprefix(prefix).partition("/")
                if name:
                    found.setdefault(name, None if slash else self._object(Place(place.bucket, key)))
            return self._names(found)

        async def _names(self, found: dict[str, Any]) -> AsyncIterator[Any]:
            for name, stored in {".": None, "..": None, **found}.items():
                attributes = self._attributes(stored)
                kind = "drwxr-xr-x" if stored is None else "-rw-r--r--"
                shown = time.strftime("%b %d %H:%M", time.gmtime(attributes.mtime))
                longname = f"{kind} 1 - - {attributes.size:>12d} {shown} {name}"
                yield asyncssh.SFTPName(name.encode(), longname.encode(), attributes)

        def mkdir(self, path: bytes, attrs: Any) -> None:
            """A directory is an empty object whose key ends in a slash."""
            place = self._file(path)
            folder = Place(place.bucket, place.key.rstrip("/") + "/")
            self._ask("PutObject", ("s3:PutObject", folder, {}))
            self._done(s3._put_object(folder.bucket, folder.key, b"", {}))

        def rmdir(self, path: bytes) -> None:
            """Only an empty directory can be removed."""
            place = self._file(path)
            folder = Place(place.bucket, place.key.rstrip("/") + "/")
            self._ask("DeleteObject", ("s3:DeleteObject", folder, {}))
            if set(self._keys(folder.bucket, folder.key)) - {folder.key}:
                raise asyncssh.SFTPFailure("the directory is not empty")
            self._done(s3._delete_object(folder.bucket, folder.key))

        def remove(self, path: bytes) -> None:
            """Delete a file."""
            place = self._file(path)
            self._ask("DeleteObject", ("s3:DeleteObject", place, {}))
            if self._object(place) is None:
                raise asyncssh.SFTPNoSuchFile("no such file")
            self._done(s3._delete_object(place.bucket, place.key))

        def rename(self, oldpath: bytes, newpath: bytes) -> None:
            """Copy, then delete: S3 has no rename. A file that is in the way is overwritten."""
            source, target = self._file(oldpath), self._file(newpath)
            self._ask("CopyObject", ("s3:PutObject", target, {}), ("s3:GetObject", source, {}))
            self._ask("DeleteObject", ("s3:DeleteObject", source, {}))
            if self._object(source) is None:
                raise asyncssh.SFTPNoSuchFile("no such file")
            self._done(s3._copy_object(target.bucket, target.key, {"x-amz-copy-source": quote(f"/{source.bucket}/{source.key}")}))
            self._done(s3._delete_object(source.bucket, source.key))

        def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
            """As rename."""
            self.rename(oldpath, newpath)

        def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
            """Open for reading or for writing anew; appending to or changing a stored file is not possible in S3."""
            place = self._file(path)
            if not pflags & WRITE:
                self._ask("GetObject", ("s3:GetObject", place, {}))
                stored = self._object(place)
                if stored is None:
                    raise asyncssh.SFTPNoSuchFile("no such file")
                return Download(s3._read_body(place.bucket, place.key, stored))
            if pflags & (APPEND | READ):
                raise asyncssh.SFTPOpUnsupported("a stored file can only be replaced as a whole")
            self._ask("PutObject", ("s3:PutObject", place, {}))
            present = self._object(place) is not None
            if present and not pflags & TRUNCATE:
                raise asyncssh.SFTPOpUnsupported("a stored file can only be replaced as a whole")
            if not present and not pflags & CREATE:
                raise asyncssh.SFTPNoSuchFile("no such file")
            upload = Upload(place.bucket, place.key)
            self._uploads.append(upload)
            return upload

        def read(self, file_obj: Any, offset: int, size: int) -> bytes:
            """A piece of an open file; empty at its end."""
            if not isinstance(file_obj, Download):
                raise asyncssh.SFTPFailure("the file is not open for reading")
            return file_obj.content[offset : offset + size]

        def write(self, file_obj: Any, offset: int, data: bytes) -> int:
            """Take a piece of an upload."""
            if not isinstance(file_obj, Upload):
                raise asyncssh.SFTPFailure("the file is not open for writing")
            return file_obj.write(offset, data)

        def close(self, file_obj: Any) -> None:
            """Store an upload that its client closed."""
            if not isinstance(file_obj, Upload):
                return
            self._uploads.remove(file_obj)
            if file_obj.broken:
                return
            if not file_obj.whole():
                raise asyncssh.SFTPFailure("parts of the file are missing")
            self._scope()
            self._done(s3._put_object(file_obj.bucket, file_obj.key, bytes(file_obj.content), {"content-type": "application/octet-stream"}))

        def fsync(self, file_obj: Any) -> None:
            """Nothing to do before the file is closed."""

        def break_off(self) -> None:
            """The connection ended: what is still open is not stored."""
            for upload in self._uploads:
                upload.broken = True

        def exit(self) -> None:
            """End the session under the role."""
            if self._access_key:
                roles.forget(self._access_key)

        def link(self, oldpath: bytes, newpath: bytes) -> None:
            """Not possible in S3."""
            raise asyncssh.SFTPOpUnsupported(NOT_IN_S3)

        def symlink(self, oldpath: bytes, newpath: bytes) -> None:
            """Not possible in S3."""
            raise asyncssh.SFTPOpUnsupported(NOT_IN_S3)

        def readlink(self, path: bytes) -> bytes:
            """Not possible in S3."""
            raise asyncssh.SFTPOpUnsupported(NOT_IN_S3)

        def statvfs(self, path: bytes) -> Any:
            """Not possible in S3."""
            raise asyncssh.SFTPOpUnsupported(NOT_IN_S3)

        def fstatvfs(self, file_obj: object) -> Any:
            """Not possible in S3."""
            raise asyncssh.SFTPOpUnsupported(NOT_IN_S3)

        def lock(self, file_obj: Any, offset: int, length: int, flags: int) -> None:
            """Locks have no effect."""

        def unlock(self, file_obj: Any, offset: int, length: int) -> None:
            """Locks have no effect."""

    return BucketFiles


def files_are_objects() -> None:
    """Uploads are S3 writes with event, version and encryption, each operation is asked of the user's role, and no path escapes the mappings."""
    prepare = transfer._ensure_sftp_runtime

    def prepare_ours() -> None:
        if transfer._MiniStackSFTPServer is None:
            prepare()
            transfer._MiniStackSFTPServer = file_system()
            broken_uploads_are_dropped()
            padded_writes_are_read()

    transfer._ensure_sftp_runtime = prepare_ours


def broken_uploads_are_dropped() -> None:
    """A connection that ends with a file open must not store it (a cut roster looks like a short one); the emulator stored what had arrived."""
    from asyncssh.sftp import SFTPServerHandler

    clean_up = SFTPServerHandler._cleanup

    async def break_off_first(self: Any, error: Exception | None) -> None:
        session = getattr(self, "_server", None)
        if session is not None and hasattr(session, "break_off"):
            session.break_off()
        await clean_up(self, error)

    SFTPServerHandler._cleanup = break_off_first  # type: ignore[method-assign,assignment]  # the only place that tells an ended connection from a close


def padded_writes_are_read() -> None:
    """Some clients (rclone 1.60) pad their write packets; OpenSSH's server and AWS ignore the padding, asyncssh refuses the packet."""
    from asyncssh.constants import FXP_WRITE
    from asyncssh.packet import SSHPacket, String, UInt64
    from asyncssh.sftp import SFTPServerHandler

    process = SFTPServerHandler._process_write

    async def without_padding(self: Any, packet: SSHPacket) -> int:
        handle, offset, data = packet.get_string(), packet.get_uint64(), packet.get_string()
        return await process(self, SSHPacket(String(handle) + UInt64(offset) + String(data)))

    SFTPServerHandler._packet_handlers[FXP_WRITE] = without_padding


def install() -> None:
    """Put this file's patches in place."""
    files_are_objects()
