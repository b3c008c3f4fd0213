"""District A's key and role against everything that is not its own, over SFTP and S3; a library's role against another library's queue."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import asyncssh
import pytest
from botocore.exceptions import ClientError

from local.cloud.server import ACCOUNT, REGION
from local.machine import Machine
from tests.flow.product.conftest import FirstNight
from tests.flow.product.sharing import Sharing

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600), pytest.mark.usefixtures("first_night")]

DENIED = ("AccessDenied", "AccessDeniedException", "403")


# ---- SFTP -----------------------------------------------------------------------


def test_a_districts_key_signs_in_to_no_other_account(duval: Sharing, cms: Sharing) -> None:
    async def look(client: asyncssh.SFTPClient) -> Any:
        return await client.listdir("/")

    assert duval.over_sftp(look)
    with pytest.raises(asyncssh.PermissionDenied):
        duval.over_sftp(look, account=cms.slug)


def test_a_district_sees_its_four_folders_and_no_others(duval: Sharing) -> None:
    async def look(client: asyncssh.SFTPClient) -> set[str]:
        return {str(name) for name in await client.listdir("/")} - {".", ".."}

    assert duval.over_sftp(look) == {"incoming", "outbox", "preview", "try"}


@pytest.mark.parametrize(
    "spelling",
    ["/{bucket}/{key}", "/../{bucket}/{key}", "/incoming/../../{bucket}/{key}", "/outbox/../../{bucket}/{key}", "{bucket}/{key}"],
)
def test_no_spelling_of_another_districts_path_is_listed_read_or_written(duval: Sharing, cms: Sharing, spelling: str) -> None:
    folder, file = (spelling.format(bucket=cms.bucket, key=key) for key in ("outbox", "incoming/first.zip.gpg"))

    async def read(client: asyncssh.SFTPClient) -> Any:
        async with client.open(file, "rb") as there:
            return await there.read()

    async def write(client: asyncssh.SFTPClient) -> Any:
        async with client.open(file, "wb") as there:
            await there.write(b"x")

    async def see(client: asyncssh.SFTPClient) -> Any:
        return await client.listdir(folder)

    for attempt in (see, read, write):
        with pytest.raises(asyncssh.SFTPError):
            duval.over_sftp(attempt)


def test_what_was_uploaded_cannot_be_read_back_changed_away_or_removed(duval: Sharing) -> None:
    async def read(client: asyncssh.SFTPClient) -> Any:
        async with client.open("/incoming/first.zip.gpg", "rb") as there:
            return await there.read()

    async def rename(client: asyncssh.SFTPClient) -> Any:
        await client.rename("/incoming/first.zip.gpg", "/incoming/first.zip.gpg.part")

    async def remove(client: asyncssh.SFTPClient) -> Any:
        await client.remove("/incoming/first.zip.gpg")

    for attempt in (read, rename, remove):
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            duval.over_sftp(attempt)


def test_receipts_are_listed_and_read_and_nothing_else_is_done_to_them(duval: Sharing, first_night: FirstNight) -> None:
    assert duval.receipt_of(first_night.duval_run)["run_id"] == first_night.duval_run

    async def first(client: asyncssh.SFTPClient) -> str:
        return next(str(name) for name in await client.listdir("/outbox") if str(name).endswith(".json"))

    name = duval.over_sftp(first)

    async def write(client: asyncssh.SFTPClient) -> Any:
        async with client.open(f"/outbox/{name}", "wb") as there:
            await there.write(b"{}")

    async def remove(client: asyncssh.SFTPClient) -> Any:
        await client.remove(f"/outbox/{name}")

    for attempt in (write, remove):
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            duval.over_sftp(attempt)


# ---- S3 and everything else under the upload role --------------------------------


def _attempts(uploader: Any, own: Sharing, other: Sharing, machine: Machine) -> Iterator[tuple[str, Callable[[], Any]]]:
    s3, dynamodb, sqs = uploader.client("s3"), uploader.client("dynamodb"), uploader.client("sqs")
    kms, secrets, events = uploader.client("kms"), uploader.client("secretsmanager"), uploader.client("events")
    functions, executions = uploader.client("lambda"), uploader.client("stepfunctions")
    vault = machine.vault_bucket
    for bucket in (other.bucket, vault, f"firstcard-logs-{ACCOUNT}-{REGION}", f"firstcard-access-{ACCOUNT}-{REGION}"):
        yield f"list {bucket}", partial(s3.list_objects_v2, Bucket=bucket)
        yield f"list versions of {bucket}", partial(s3.list_object_versions, Bucket=bucket)
        for prefix in ("incoming/", "outbox/", "runs/"):
            yield f"list {bucket}/{prefix}", partial(s3.list_objects_v2, Bucket=bucket, Prefix=prefix)
        yield f"write {bucket}", partial(s3.put_object, Bucket=bucket, Key="incoming/x.zip", Body=b"x")
        yield f"write outbox of {bucket}", partial(s3.put_object, Bucket=bucket, Key="outbox/x.json", Body=b"x")
    for key in ("incoming/first.zip.gpg", "outbox/x.json"):
        yield f"read {other.slug}/{key}", partial(s3.get_object, Bucket=other.bucket, Key=key)
        yield f"remove {other.slug}/{key}", partial(s3.delete_object, Bucket=other.bucket, Key=key)
        yield f"head {other.slug}/{key}", partial(s3.head_object, Bucket=other.bucket, Key=key)
    yield (
        "copy from the other",
        partial(s3.copy_object, Bucket=own.bucket, Key="incoming/x.part", CopySource=f"{other.bucket}/incoming/first.zip.gpg"),
    )
    yield "read the vault", partial(s3.get_object, Bucket=vault, Key=f"manifests/{own.programme.agreement.sharing}/00000001.json.gz")
    yield "read its own upload back", partial(s3.get_object, Bucket=own.bucket, Key="incoming/first.zip.gpg")
    yield "list its own uploads", partial(s3.list_objects_v2, Bucket=own.bucket, Prefix="incoming/")
    yield "list all of its bucket", partial(s3.list_objects_v2, Bucket=own.bucket)
    yield "remove its own upload", partial(s3.delete_object, Bucket=own.bucket, Key="incoming/first.zip.gpg")
    yield "write its own outbox", partial(s3.put_object, Bucket=own.bucket, Key="outbox/x.json", Body=b"{}")
    yield (
        "write under another key",
        partial(
            s3.put_object,
            Bucket=own.bucket,
            Key="incoming/x.part",
            Body=b"x",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=f"alias/firstcard-drop-{other.slug}",
        ),
    )
    for table in ("firstcard-cards", "firstcard-ledger"):
        yield f"scan {table}", partial(dynamodb.scan, TableName=table)
        yield f"write {table}", partial(dynamodb.put_item, TableName=table, Item={"pk": {"S": "x"}, "sk": {"S": "x"}})
    for secret in ("openpgp/duval", "openpgp/cms", "tokens/jaxpl", "links/jaxpl", "ils/jaxpl"):
        yield f"secret {secret}", partial(secrets.get_secret_value, SecretId=f"firstcard/{secret}")
    for key in ("drop-duval", "drop-cms", "vault", "logs", "purpose-jaxpl-duval", "purpose-cmlibrary-cms"):
        yield f"encrypt by {key}", partial(kms.encrypt, KeyId=f"alias/firstcard-{key}", Plaintext=b"x")
    for queue in ("firstcard-library-jaxpl", "firstcard-library-cmlibrary", "firstcard-sync"):
        yield f"read {queue}", partial(sqs.receive_message, QueueUrl=f"{machine.cloud.endpoint}/{ACCOUNT}/{queue}")
    yield (
        "tell the bus",
        partial(
            events.put_events,
            Entries=[{"EventBusName": "firstcard-cards", "Source": "firstcard", "DetailType": "CardIssued", "Detail": "{}"}],
        ),
    )
    yield "call a function", partial(functions.invoke, FunctionName="firstcard-plan", Payload=b"{}")
    yield "look at runs", partial(executions.list_state_machines)


def _outcome(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "allowed"


@pytest.mark.parametrize(("own_name", "other_name"), [("duval", "cms"), ("cms", "duval")])
def test_an_upload_role_reaches_nothing_but_its_own_two_doors(
    machine: Machine, own_name: str, other_name: str, request: pytest.FixtureRequest
) -> None:
    own, other = request.getfixturevalue(own_name), request.getfixturevalue(other_name)
    uploader = machine.cloud.session(f"firstcard-upload-{own.slug}")
    outcomes = {name: _outcome(attempt) for name, attempt in _attempts(uploader, own, other, machine)}
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in DENIED} == {}


def test_an_upload_role_uploads_and_fetches_its_receipts(machine: Machine, duval: Sharing) -> None:
    s3 = machine.cloud.session(f"firstcard-upload-{duval.slug}").client("s3")
    s3.put_object(Bucket=duval.bucket, Key="incoming/not-yet.part", Body=b"half of a file")
    listed = s3.list_objects_v2(Bucket=duval.bucket, Prefix="outbox/")["Contents"]
    assert all(s3.get_object(Bucket=duval.bucket, Key=there["Key"])["Body"].read() for there in listed[:3])


def test_a_librarys_role_takes_its_own_events_and_no_others(machine: Machine, duval: Sharing, cms: Sharing) -> None:
    for own, other in ((duval, cms), (cms, duval)):
        library = machine.cloud.session(f"firstcard-library-{own.programme.library.id}")
        sqs = library.client("sqs")
        mine, theirs = (f"{machine.cloud.endpoint}/{ACCOUNT}/firstcard-library-{side.programme.library.id}" for side in (own, other))
        sqs.receive_message(QueueUrl=mine, VisibilityTimeout=0)
        for attempt in (
            partial(sqs.receive_message, QueueUrl=theirs),
            partial(sqs.receive_message, QueueUrl=theirs + "-dead"),
            partial(sqs.purge_queue, QueueUrl=theirs),
            partial(sqs.send_message, QueueUrl=mine, MessageBody="{}"),
            partial(library.client("dynamodb").scan, TableName="firstcard-cards"),
            partial(library.client("secretsmanager").get_secret_value, SecretId=f"firstcard/ils/{own.programme.library.id}"),
            partial(library.client("s3").list_objects_v2, Bucket=own.bucket, Prefix="outbox/"),
        ):
            assert _outcome(attempt) in DENIED
