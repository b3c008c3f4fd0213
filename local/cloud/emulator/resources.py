"""CloudFormation: the resource types and properties that the emulator refuses or drops, so that templates deploy unchanged.

A provisioner runs on the server's own event loop and may not wait there.
"""

# the emulator comes without types, and patches pass its values on

from __future__ import annotations

import asyncio
import functools
import json
import os
from collections.abc import Callable
from typing import Any

import botocore.serialize
import botocore.session
from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway, cloudtrail, dynamodb, eventbridge, s3, secretsmanager, transfer
from ministack.services.cloudformation import provisioners

from local.cloud.emulator import trail as trail_records

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]

_background: set[asyncio.Task[Any]] = set()


def register(
    name: str,
    create: Callable[[str, Properties, str], Made],
    update: Callable[[str, Properties, Properties, str], Made],
    delete: Callable[[str, Properties], None],
) -> None:
    """Make a resource type known to the emulator."""
    provisioners._RESOURCE_HANDLERS[name] = {"create": create, "update": update, "delete": delete}


def answer_of(response: Any) -> dict[str, Any]:
    """A service function's answer; raises ValueError with its message where it refused."""
    if asyncio.iscoroutine(response):
        try:
            response.send(None)
        except StopIteration as done:
            response = done.value
        else:
            raise RuntimeError("a provisioner may not wait")
    status, _, body = response[:3]
    text = body.decode() if isinstance(body, bytes) else str(body or "{}")
    if status >= 300:
        raise ValueError(text)
    answer: dict[str, Any] = json.loads(text or "{}")
    return answer


# ---- AWS::Transfer --------------------------------------------------------------


def _server_attributes(server: dict[str, Any]) -> Made:
    return server["Arn"], {"Arn": server["Arn"], "ServerId": server["ServerId"], "State": server["State"]}


def _server_id(physical_id: str) -> str:
    return physical_id.rpartition("/")[2]


_SERVER_REFUSED = {"IdentityProviderDetails", "EndpointDetails", "WorkflowDetails", "S3StorageOptions"}


def create_server(logical_id: str, properties: Properties, stack: str) -> Made:
    """An SFTP server; its listener is started as a task of the serving loop, because one made on another loop never answers."""
    if unknown := _SERVER_REFUSED & set(properties):
        raise ValueError(f"AWS::Transfer::Server: not emulated here: {', '.join(sorted(unknown))}")

    async def later(*args: Any) -> None:
        """In place of the listener's start, which would wait."""

    start, start_own = transfer.sftp_start, transfer.sftp_start_server_listener
    transfer.sftp_start = transfer.sftp_start_server_listener = later
    try:
        server_id = answer_of(transfer._create_server(properties))["ServerId"]
    finally:
        transfer.sftp_start, transfer.sftp_start_server_listener = start, start_own
    task = asyncio.get_running_loop().create_task(start())
    _background.add(task)
    task.add_done_callback(_background.discard)
    server = transfer._servers[server_id]
    server["ProtocolDetails"] = properties.get("ProtocolDetails") or {}
    server["LoggingRole"] = properties.get("LoggingRole") or ""
    server["SecurityPolicyName"] = properties.get("SecurityPolicyName") or ""
    return _server_attributes(server)


def update_server(physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
    """Change a server in place; its users stay."""
    server = transfer._servers[_server_id(physical_id)]
    for name in ("ProtocolDetails", "LoggingRole", "SecurityPolicyName", "Tags"):
        if name in new or name in old:
            server[name] = new.get(name) or type(server.get(name, ""))()
    return _server_attributes(server)


def delete_server(physical_id: str, properties: Properties) -> None:
    """Remove a server and its users."""
    if _server_id(physical_id) in transfer._servers:
        answer_of(transfer._delete_server({"ServerId": _server_id(physical_id)}))


def _public_keys(bodies: list[str]) -> list[dict[str, Any]]:
    keys = []
    for body in dict.fromkeys(text.strip() for text in bodies):
        if not transfer._validate_ssh_key(body):
            raise ValueError("InvalidRequestException: Unsupported or invalid SSH public key format")
        keys.append({"SshPublicKeyId": transfer._key_id(), "SshPublicKeyBody": body, "DateImported": transfer.now_iso()})
    return keys


def _check_user(properties: Properties) -> None:
    if properties.get("Policy"):
        raise ValueError("AWS::Transfer::User: a session policy (Policy) is not emulated here")
    if properties.get("HomeDirectoryType") == "LOGICAL":
        if not properties.get("HomeDirectoryMappings"):
            raise ValueError("InvalidRequestException: HomeDirectoryMappings are required for LOGICAL")
        if properties.get("HomeDirectory"):
            raise ValueError("InvalidRequestException: HomeDirectory can not be used with LOGICAL")
    elif properties.get("HomeDirectoryMappings"):
        raise ValueError("InvalidRequestException: HomeDirectoryMappings need HomeDirectoryType LOGICAL")


def _user_attributes(user: dict[str, Any]) -> Made:
    return user["Arn"], {"Arn": user["Arn"], "ServerId": user["ServerId"], "UserName": user["UserName"]}


def create_user(logical_id: str, properties: Properties, stack: str) -> Made:
    """An SFTP user with any number of public keys."""
    _check_user(properties)
    keys = _public_keys(list(properties.get("SshPublicKeys") or ()))
    server_id = _server_id(str(properties["ServerId"]))
    answer_of(transfer._create_user({**properties, "ServerId": server_id, "SshPublicKeyBody": None}))
    user = transfer._users[transfer._user_key(server_id, properties["UserName"])]
    user["SshPublicKeys"] = keys
    return _user_attributes(user)


def update_user(physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
    """Change a user in place; another name or server makes another user."""
    if (old["ServerId"], old["UserName"]) != (new["ServerId"], new["UserName"]):
        made = create_user("", new, stack)
        delete_user(physical_id, old)
        return made
    _check_user(new)
    user = transfer._users[transfer._user_key(_server_id(str(new["ServerId"])), new["UserName"])]
    present = {key["SshPublicKeyBody"]: key for key in user["SshPublicKeys"]}
    user["SshPublicKeys"] = [present.get(key["SshPublicKeyBody"], key) for key in _public_keys(list(new.get("SshPublicKeys") or ()))]
    user["HomeDirectoryType"] = new.get("HomeDirectoryType", "PATH")
    user["HomeDirectoryMappings"] = new.get("HomeDirectoryMappings", [])
    user["HomeDirectory"] = new.get("HomeDirectory")
    user["Role"] = new.get("Role", "")
    user["Tags"] = new.get("Tags", [])
    return _user_attributes(user)


def delete_user(physical_id: str, properties: Properties) -> None:
    """Remove a user."""
    server_id, _, name = physical_id.rpartition(":")[2].removeprefix("user/").partition("/")
    if transfer._user_key(server_id, name) in transfer._users:
        answer_of(transfer._delete_user({"ServerId": server_id, "UserName": name}))


# ---- AWS::CloudTrail::Trail -----------------------------------------------------


def _trail_request(name: str, properties: Properties) -> Properties:
    request = {key: value for key, value in properties.items() if key in _TRAIL_PROPERTIES}
    request["KmsKeyId"] = properties.get("KMSKeyId", "")
    return {**request, "Name": name}


_TRAIL_PROPERTIES = {
    "S3BucketName",
    "S3KeyPrefix",
    "SnsTopicName",
    "IncludeGlobalServiceEvents",
    "IsMultiRegionTrail",
    "IsOrganizationTrail",
    "EnableLogFileValidation",
    "CloudWatchLogsLogGroupArn",
    "CloudWatchLogsRoleArn",
}


def _trail_settings(name: str, properties: Properties) -> Made:
    trail = cloudtrail._trails[name]
    if obstacle := trail_records.undeliverable(trail):
        raise ValueError(obstacle)
    basic, advanced = properties.get("EventSelectors"), properties.get("AdvancedEventSelectors")
    if basic or advanced:
        chosen = {"AdvancedEventSelectors": advanced} if advanced else {"EventSelectors": basic}
        answer_of(cloudtrail._put_event_selectors({"TrailName": name, **chosen}))
    else:
        cloudtrail._event_selectors.pop(name, None)
    logging = str(properties.get("IsLogging", True)).lower() == "true"
    answer_of((cloudtrail._start_logging if logging else cloudtrail._stop_logging)({"Name": name}))
    return name, {"Arn": cloudtrail._trail_arn(name)}


def create_trail(logical_id: str, properties: Properties, stack: str) -> Made:
    """A trail, refused as on AWS where CloudTrail could not write into its bucket."""
    name = properties.get("TrailName") or f"{stack}-{logical_id}"[:128]
    answer_of(cloudtrail._create_trail(_trail_request(name, properties)))
    try:
        return _trail_settings(name, properties)
    except ValueError:
        delete_trail(name, properties)
        raise


def update_trail(physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
    """Change a trail in place; another name makes another trail."""
    if new.get("TrailName") and new["TrailName"] != physical_id:
        made = create_trail("", new, stack)
        delete_trail(physical_id, old)
        return made
    answer_of(cloudtrail._update_trail(_trail_request(physical_id, new)))
    return _trail_settings(physical_id, new)


def delete_trail(physical_id: str, properties: Properties) -> None:
    """Remove a trail; what it delivered stays."""
    if physical_id in cloudtrail._trails:
        answer_of(cloudtrail._delete_trail({"Name": physical_id}))


# ---- AWS::Events::Archive -------------------------------------------------------


def _archive_request(name: str, properties: Properties) -> Properties:
    pattern = properties.get("EventPattern")
    request: Properties = {
        "ArchiveName": name,
        "EventSourceArn": properties["SourceArn"],
        "RetentionDays": int(properties.get("RetentionDays", 0)),
    }
    if pattern:
        request["EventPattern"] = pattern if isinstance(pattern, str) else json.dumps(pattern)
    for key in ("Description", "KmsKeyIdentifier"):
        if properties.get(key):
            request[key] = properties[key]
    return request


def _archive_attributes(name: str) -> Made:
    return name, {"Arn": f"arn:aws:events:{get_region()}:{get_account_id()}:archive/{name}", "ArchiveName": name}


def create_archive(logical_id: str, properties: Properties, stack: str) -> Made:
    """An event archive."""
    name = str(properties.get("ArchiveName") or f"{stack}-{logical_id}"[:48])
    answer_of(eventbridge._create_archive(_archive_request(name, properties)))
    return _archive_attributes(name)


def update_archive(physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
    """Change an archive in place, keeping its events; another name or source makes another archive."""
    if new["SourceArn"] != old["SourceArn"] or (new.get("ArchiveName") or physical_id) != physical_id:
        delete_archive(physical_id, old)
        return create_archive(physical_id, new, stack)
    answer_of(eventbridge._update_archive(_archive_request(physical_id, new)))
    return _archive_attributes(physical_id)


def delete_archive(physical_id: str, properties: Properties) -> None:
    """Remove an archive and its events."""
    if physical_id in eventbridge._archives:
        answer_of(eventbridge._delete_archive({"ArchiveName": physical_id}))


# ---- AWS::S3::Bucket: the properties that the emulator drops ----------------------


@functools.cache
def _s3_model() -> Any:
    return botocore.session.get_session().get_service_model("s3")


def body_of(operation: str, member: str, value: Any) -> bytes:
    """The XML body by which S3's own API is told `value`."""
    serializer = botocore.serialize.create_serializer("rest-xml", include_validation=False)
    request = serializer.serialize_to_request({"Bucket": "bucket", member: value}, _s3_model().operation_model(operation))
    body = request["body"]
    return body if isinstance(body, bytes) else str(body).encode()


def _encryption(properties: Properties) -> Any:
    rules = (properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration")
    if not rules:
        return None
    return {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
                "BucketKeyEnabled": str(rule.get("BucketKeyEnabled", False)).lower() == "true",
            }
            for rule in rules
        ]
    }


def _lifecycle_rule(rule: Properties) -> Properties:
    made: Properties = {"Status": rule["Status"]}
    if rule.get("Id"):
        made["ID"] = rule["Id"]
    tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in rule.get("TagFilters") or ()]
    prefix = rule.get("Prefix")
    if tags:
        made["Filter"] = {"And": {"Tags": tags, **({"Prefix": prefix} if prefix else {})}}
    else:
        made["Filter"] = {"Prefix": prefix or ""}
    expiration: Properties = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = int(rule["ExpirationInDays"])
    if str(rule.get("ExpiredObjectDeleteMarker", "")).lower() == "true":
        expiration["ExpiredObjectDeleteMarker"] = True
    if expiration:
        made["Expiration"] = expiration
    noncurrent = rule.get("NoncurrentVersionExpiration") or {}
    days = noncurrent.get("NoncurrentDays", rule.get("NoncurrentVersionExpirationInDays"))
    if days is not None:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(days)}
        if "NewerNoncurrentVersions" in noncurrent:
            made["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = int(noncurrent["NewerNoncurrentVersions"])
    if abort := rule.get("AbortIncompleteMultipartUpload"):
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(abort["DaysAfterInitiation"])}
    if transitions := rule.get("Transitions"):
        made["Transitions"] = [{"Days": int(t["TransitionInDays"]), "StorageClass": t["StorageClass"]} for t in transitions]
    return made


def _lifecycle(properties: Properties) -> Any:
    rules = (properties.get("LifecycleConfiguration") or {}).get("Rules")
    return {"Rules": [_lifecycle_rule(rule) for rule in rules]} if rules else None


def _object_lock(properties: Properties) -> Any:
    if str(properties.get("ObjectLockEnabled", "")).lower() != "true":
        return None
    lock = json.loads(json.dumps(properties.get("ObjectLockConfiguration") or {}))
    retention = (lock.get("Rule") or {}).get("DefaultRetention") or {}
    for unit in ("Days", "Years"):
        if unit in retention:
            retention[unit] = int(retention[unit])
    return {**lock, "ObjectLockEnabled": "Enabled"}


def _logging(properties: Properties) -> Any:
    wanted = properties.get("LoggingConfiguration")
    if not wanted:
        return None
    return {"LoggingEnabled": {"TargetBucket": wanted.get("DestinationBucketName", ""), "TargetPrefix": wanted.get("LogFilePrefix", "")}}


def _tags(properties: Properties) -> Any:
    tags = properties.get("Tags")
    return {"TagSet": [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]} if tags else None


_BUCKET_SETTINGS = (
    (_object_lock, "PutObjectLockConfiguration", "ObjectLockConfiguration", "_put_object_lock_configuration", ""),
    (_encryption, "PutBucketEncryption", "ServerSideEncryptionConfiguration", "_put_bucket_encryption", "_delete_bucket_encryption"),
    (_lifecycle, "PutBucketLifecycleConfiguration", "LifecycleConfiguration", "_put_bucket_lifecycle", "_delete_bucket_lifecycle"),
    (
        lambda properties: properties.get("OwnershipControls"),
        "PutBucketOwnershipControls",
        "OwnershipControls",
        "_put_bucket_ownership_controls",
        "_delete_bucket_ownership_controls",
    ),
    (_logging, "PutBucketLogging", "BucketLoggingStatus", "_put_bucket_logging", ""),
    (_tags, "PutBucketTagging", "Tagging", "_put_bucket_tagging", "_delete_bucket_tagging"),
)


def set_bucket_properties(bucket: str, properties: Properties, old: Properties) -> None:
    """Tell S3 the properties of a bucket that the emulator's provisioner drops, and take back those that are gone."""
    for wanted, operation, member, put, delete in _BUCKET_SETTINGS:
        value = wanted(properties)
        if value is not None:
            if put == "_put_object_lock_configuration":
                s3._bucket_versioning[bucket] = "Enabled"
            answer_of((*getattr(s3, put)(bucket, body_of(operation, member, value))[:2], b"{}"))
        elif delete and wanted(old) is not None:
            getattr(s3, delete)(bucket)


def buckets_keep_every_property() -> None:
    """Encryption, lifecycle, Object Lock, ownership, logging and tags of a bucket are dropped; a bucket with objects in it is deleted."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def create_whole(logical_id: str, properties: Properties, stack: str) -> Made:
        made: Made = create(logical_id, properties, stack)
        set_bucket_properties(made[0], properties, {})
        return made

    def update_whole(physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        made: Made = update(physical_id, old, new, stack)
        set_bucket_properties(made[0], new, old if made[0] == physical_id else {})
        return made

    def delete_empty(physical_id: str, properties: Properties) -> None:
        bucket = s3._buckets.get(physical_id) or {}
        if bucket.get("objects") or any(name == physical_id and versions for (name, _), versions in s3._object_versions.items()):
            raise ValueError(f"BucketNotEmpty: the bucket {physical_id} still holds objects or versions")
        delete(physical_id, properties)

    handlers.update(create=create_whole, update=update_whole, delete=delete_empty)


# ---- AWS::DynamoDB::Table -------------------------------------------------------


def set_table_properties(table: str, properties: Properties) -> None:
    """Encryption, point-in-time recovery and time to live of a table."""
    if sse := properties.get("SSESpecification"):
        wanted = {
            "Enabled": sse.get("SSEEnabled", False),
            "SSEType": sse.get("SSEType", "KMS"),
            "KMSMasterKeyId": sse.get("KMSMasterKeyId"),
        }
        dynamodb._tables[table]["SSEDescription"] = dynamodb._sse_description_from_spec({k: v for k, v in wanted.items() if v is not None})
    if recovery := properties.get("PointInTimeRecoverySpecification"):
        dynamodb._update_continuous_backups({"TableName": table, "PointInTimeRecoverySpecification": recovery})
    if (ttl := properties.get("TimeToLiveSpecification")) and ttl.get("AttributeName"):
        answer_of(dynamodb._update_ttl({"TableName": table, "TimeToLiveSpecification": ttl}))


def tables_keep_every_property() -> None:
    """A table's key, point-in-time recovery and time to live are dropped."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    create, update = handlers["create"], handlers["update"]

    def create_whole(logical_id: str, properties: Properties, stack: str) -> Made:
        made: Made = create(logical_id, properties, stack)
        set_table_properties(made[0], properties)
        return made

    def update_whole(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Made:
        made: Made = update(physical_id, old, new, *rest)
        set_table_properties(made[0], new)
        return made

    handlers.update(create=create_whole, update=update_whole)


# ---- AWS::SecretsManager::Secret ------------------------------------------------


def _drawn(wanted: Properties) -> str:
    flags = {name: str(wanted[name]).lower() == "true" for name in _PASSWORD_FLAGS if name in wanted}
    request = {"PasswordLength": int(wanted.get("PasswordLength", 32)), "ExcludeCharacters": wanted.get("ExcludeCharacters", ""), **flags}
    drawn = str(answer_of(secretsmanager._get_random_password(request))["RandomPassword"])
    template = wanted.get("SecretStringTemplate")
    return json.dumps({**json.loads(template), wanted["GenerateStringKey"]: drawn}) if template else drawn


_PASSWORD_FLAGS = (
    "ExcludeLowercase",
    "ExcludeNumbers",
    "ExcludePunctuation",
    "ExcludeUppercase",
    "IncludeSpace",
    "RequireEachIncludedType",
)


def secrets_are_drawn_as_asked() -> None:
    """A secret is drawn as the template says, one without a value has none, and `Ref` is its ARN.

    The emulator ignores all but length and excluded characters, stores an empty string, and refers to a secret by its name.
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def value_of(properties: Properties) -> str:
        wanted = properties.get("GenerateSecretString")
        return str(properties.get("SecretString") or "") or (_drawn(wanted) if wanted is not None else "")

    def name_of(arn: str) -> str:
        return str(secretsmanager._resolve(arn)[0] or arn)

    def create_whole(logical_id: str, properties: Properties, stack: str) -> Made:
        name, attributes = create(logical_id, properties, stack)
        if not properties.get("SecretString") and properties.get("GenerateSecretString") is None:
            secretsmanager._secrets[name]["Versions"] = {}
        return attributes["Arn"], attributes

    def update_whole(physical_id: str, *rest: Any) -> Made:
        attributes = update(name_of(physical_id), *rest)[1]
        return attributes["Arn"], attributes

    def delete_whole(physical_id: str, properties: Properties) -> None:
        delete(name_of(physical_id), properties)

    provisioners._sm_secret_string = value_of
    handlers.update(create=create_whole, update=update_whole, delete=delete_whole)


# ---- AWS::ApiGatewayV2::Api -----------------------------------------------------


def api_addresses_can_be_opened() -> None:
    """An API's address must open on this machine: `<id>.execute-api.localhost` is no name that resolvers know, so the path form is given."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]

    def on_this_machine(made: Made) -> Made:
        api_id, attributes = made
        address = f"https://127.0.0.1:{os.environ.get('GATEWAY_PORT', '4566')}/_aws/execute-api/{api_id}/$default"
        apigateway._apis[api_id]["apiEndpoint"] = address
        return api_id, {**attributes, "ApiEndpoint": address}

    for name in ("create", "update"):
        original = handlers[name]

        def with_address(*args: Any, original: Any = original) -> Made:
            return on_this_machine(original(*args))

        handlers[name] = with_address


def install() -> None:
    """Put this file's patches in place."""
    register("AWS::Transfer::Server", create_server, update_server, delete_server)
    register("AWS::Transfer::User", create_user, update_user, delete_user)
    register("AWS::CloudTrail::Trail", create_trail, update_trail, delete_trail)
    register("AWS::Events::Archive", create_archive, update_archive, delete_archive)
    buckets_keep_every_property()
    tables_keep_every_property()
    secrets_are_drawn_as_asked()
    api_addresses_can_be_opened()
